//! Planning what is done to the container of a volume: an image made inside, one dropped, all of it put in order.

use std::sync::Arc;

use uuid::Uuid;

use super::backup::{BackupRequest, BackupSurvey, place_words, step};
use super::change::{self, ChangeSurvey, VolumeIdentity, may_change, resume_command};
use super::{JournalPlace, Plan, Safety, Step, StepKind, Work, quoted};
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::{Change, Units};
use crate::image::container::{FileRecord, Toc};
use crate::inventory::{Address, Place};
use crate::unit::{ByteLen, ByteOffset, Grid};

/// Files that are named in a preview at most; the rest are counted.
const NAMED: usize = 5;

/// What is done to a container, beside making an image in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ContainerAct {
    /// The image of this name goes.
    Drop(String),
    /// Its files are put in order, in one run at the volume's end.
    Tidy,
}

/// What the user asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContainerRequest {
    /// The volume.
    pub volume: Address,
    /// What is done.
    pub act: ContainerAct,
}

impl ContainerRequest {
    fn command(&self) -> String {
        match &self.act {
            ContainerAct::Drop(name) => {
                format!("lifeboat drop {} --yes", quoted(&format!("{}/{name}", self.volume)))
            }
            ContainerAct::Tidy => format!("lifeboat tidy {} --yes", quoted(&self.volume.to_string())),
        }
    }
}

/// A journalled change that is part of a larger job.
#[derive(Clone, Debug)]
pub struct Phase {
    /// In words, for whoever finds its journal.
    pub name: String,
    /// What was worked out.
    pub survey: ChangeSurvey,
}

/// How much room is needed, and is there: in units of allocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Room {
    /// For the image.
    pub image: u64,
    /// For new tables of contents.
    pub tables: u64,
    /// For what describes the new files, at most.
    pub metadata: u64,
    /// For the journal, until the job is done.
    pub journal: u64,
    /// Free units of the volume.
    pub free: u64,
    /// Bytes in a unit.
    pub unit_bytes: u64,
}

impl Room {
    /// All that is needed.
    #[must_use]
    pub fn needed(&self) -> u64 {
        self.image + self.tables + self.metadata + self.journal
    }

    /// Refuses what has no room, with the numbers.
    ///
    /// # Errors
    /// `Refused`, when less is free than is needed.
    pub fn refuse(&self, volume: &Address) -> Result<()> {
        let (need, free) = (self.needed(), self.free);
        if need <= free {
            return Ok(());
        }
        let bytes = |units: u64| units.saturating_mul(self.unit_bytes);
        Err(Error::refused(format!(
            "an image inside {volume} needs {need} free clusters ({} bytes), and {free} are free ({} bytes): {} clusters are missing. Needed are {} for the image, {} for tables of contents, {} for what describes the files, {} for the journal",
            bytes(need),
            bytes(free),
            need - free,
            self.image,
            self.tables,
            self.metadata,
            self.journal
        ))
        .advise("Free space on the volume, leave files out with --exclude, use a higher --level, or write the image elsewhere with --to"))
    }
}

/// What must move, as shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Moved {
    /// Bytes.
    pub bytes: u64,
    /// Files, directories and structures.
    pub holders: u64,
    /// The largest of them, with their bytes.
    pub largest: Vec<(String, u64)>,
}

/// An image that is to be made.
#[derive(Clone, Debug)]
pub struct NewImage {
    /// What was asked for.
    pub request: BackupRequest,
    /// The name in its address, and of its files.
    pub name: String,
    /// What will be imaged: the volume as it will be then, without its container.
    pub survey: BackupSurvey,
    /// The image whose chunks are not stored again: its id and name.
    pub base: Option<(Uuid, String)>,
    /// How long it will be.
    pub bytes: u64,
    /// It was worked out to the byte.
    pub exact: bool,
    /// The longest part.
    pub part_bytes: u64,
    /// Where its bytes go, in file order.
    pub place: Vec<Extent>,
    /// Where the table right below it begins at the lowest, should the image get longer than was thought; none for one in
    /// blocks, which cannot.
    pub lowest: Option<ByteOffset>,
    /// It is stored in blocks, each of which can be found by itself.
    pub scattered: bool,
    /// The tables of contents that are new.
    pub tables: Vec<FileRecord>,
    /// A table that gets another name: that of the container's old beginning.
    pub renamed: Option<(String, String)>,
    /// What must move to make room.
    pub moved: Moved,
    /// Only some files are taken as they are today.
    pub renewal: Option<Renewal>,
    /// Files of the container that go when the new image is there: those of the image that it replaces.
    pub gone: Vec<FileRecord>,
    /// The change that makes the image's clusters files, as it was rehearsed.
    pub last: Phase,
}

/// How an image differs from an earlier one of which only some files are renewed.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// The earlier image: its id and name.
    pub previous: (Uuid, String),
    /// It goes once the new one is there, which takes its name.
    pub replaces: bool,
    /// The image whose chunks need not be stored again.
    pub base: Option<Uuid>,
    /// Files that are taken from the volume.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Directories that are made.
    pub directories: u64,
    /// Files that are as they were.
    pub same: u64,
    /// Files that are not there any more, and go.
    pub gone: u64,
    /// What must be known of it.
    pub notes: Vec<String>,
}

/// What was found and worked out.
#[derive(Clone, Debug)]
pub struct InsideSurvey {
    /// Where the volume lies.
    pub place: Place,
    /// By what it is known.
    pub identity: VolumeIdentity,
    /// How it is cut.
    pub grid: Grid,
    /// How it hands out space.
    pub units: Units,
    /// The container before; none when this is the first image.
    pub toc: Option<Toc>,
    /// Changes that come first, in order: each is worked out on what the one before leaves.
    pub phases: Vec<Phase>,
    /// The image to be made.
    pub image: Option<Box<NewImage>>,
    /// Room needed and there.
    pub room: Room,
    /// Sectors that are overwritten at the very end, so that nothing is found by what was left in free clusters.
    pub wiped: Vec<ByteOffset>,
    /// What is wrong with the container, and must be known.
    pub notes: Vec<String>,
}

/// What the worker needs.
#[derive(Clone, Debug)]
pub struct InsideWork {
    /// The volume.
    pub volume: Address,
    /// In words, what the job does.
    pub name: String,
    /// Check the volume before and after.
    pub check: bool,
    /// What was found and worked out.
    pub survey: InsideSurvey,
}

/// Plans an image inside.
///
/// # Errors
/// A refusal, with its numbers.
pub fn create_inside(volume: &Address, check: bool, survey: InsideSurvey) -> Result<Plan> {
    may_change(volume, &survey.place, survey_in_use(&survey))?;
    let Some(image) = &survey.image else { return Err(Error::damaged("there is no image to be made")) };
    let mut steps = Vec::new();
    steps.extend(check.then(check_before));
    for phase in &survey.phases {
        steps.extend(change::phase_steps(&phase.survey));
    }
    let used = image.survey.used_bytes().0;
    steps.push(step(StepKind::WriteImage, "Read used clusters, compress, write the image", used, Safety::Creates));
    steps.push(step(StepKind::SyncImage, "Wait until the image is on its medium", 0, Safety::Creates));
    if image.request.verify {
        let title = "Read the image back and check every digest";
        steps.push(step(StepKind::ReadBackImage, title, used, Safety::Reads));
    }
    let tables: u64 = image.tables.iter().map(|file| file.bytes).sum();
    steps.push(step(StepKind::WriteTables, "Write the new tables of contents", tables, Safety::Creates));
    steps.extend(change::phase_steps(&image.last.survey));
    steps.extend(wipe(&survey));
    steps.extend(check.then(check_after));
    let label = image.survey.summary.label.as_ref().map(|label| format!(", \"{label}\"")).unwrap_or_default();
    let kind = image.survey.summary.kind;
    Ok(Plan {
        headline: format!(
            "Make the {} image {} inside {volume} ({kind}{label})",
            image.request.kind.name(),
            image.name
        ),
        facts: create_facts(volume, &survey, image),
        steps,
        warnings: create_warnings(volume, &survey, image, check),
        command: image.request.command(),
        confirm: None,
        work: Work::Inside(Arc::new(InsideWork {
            volume: volume.clone(),
            name: format!("making the image {}", image.name),
            check,
            survey,
        })),
    })
}

/// Plans a change of a container that makes no image.
///
/// # Errors
/// A refusal, with what to do instead.
pub fn change_container(request: &ContainerRequest, name: String, survey: InsideSurvey) -> Result<Plan> {
    let volume = &request.volume;
    may_change(volume, &survey.place, survey_in_use(&survey))?;
    let mut steps = vec![check_before()];
    for phase in &survey.phases {
        steps.extend(change::phase_steps(&phase.survey));
    }
    steps.extend(wipe(&survey));
    steps.push(check_after());
    let changes = || survey.phases.iter().flat_map(|phase| &phase.survey.changes);
    let copied: u64 = changes().map(Change::copied_bytes).sum();
    let patched: u64 = changes().map(Change::patched_bytes).sum();
    let mut facts: Vec<(String, String)> = vec![
        ("Volume".into(), survey.identity.words()),
        ("Place".into(), place_words(volume, &survey.place)),
        ("Copied to free clusters".into(), ByteLen(copied).to_string()),
        ("Metadata changed".into(), ByteLen(patched).to_string()),
    ];
    facts.extend(survey.phases.iter().map(|phase| ("Journal".into(), phase.survey.journal.to_string())));
    let mut warnings = survey.notes.clone();
    warnings.push(journal_warning(volume));
    Ok(Plan {
        headline: format!("Change the container inside {volume}: {name}"),
        facts,
        steps,
        warnings,
        command: request.command(),
        confirm: Some(super::restore::confirm_word(volume)),
        work: Work::Inside(Arc::new(InsideWork { volume: volume.clone(), name, check: true, survey })),
    })
}

fn survey_in_use(survey: &InsideSurvey) -> Option<&str> {
    let last = survey.image.as_ref().map(|image| &image.last);
    survey.phases.iter().chain(last).find_map(|phase| phase.survey.in_use.as_deref())
}

/// Overwriting what is left of images that go.
fn wipe(survey: &InsideSurvey) -> Option<Step> {
    let bytes = survey.wiped.len() as u64 * 512;
    let title = "Overwrite what would make left-overs be found";
    (bytes > 0).then(|| step(StepKind::WriteTables, title, bytes, Safety::Overwrites))
}

fn check_before() -> Step {
    step(StepKind::CheckVolume, "Check that the volume and its container are sound", 0, Safety::Reads)
}

fn check_after() -> Step {
    step(StepKind::CheckVolume, "Check the volume and its container again, and count clusters", 0, Safety::Reads)
}

fn create_facts(volume: &Address, survey: &InsideSurvey, image: &NewImage) -> Vec<(String, String)> {
    let room = &survey.room;
    let units = |units: u64| format!("{} in {units} clusters", ByteLen(units * room.unit_bytes));
    let about = if image.exact { "" } else { "about " };
    let mut facts: Vec<(String, String)> = vec![
        ("Source".into(), place_words(volume, &survey.place)),
        ("Volume".into(), format!("{}, state {}", survey.identity.words(), image.survey.summary.state)),
        ("To be read".into(), image.survey.used_bytes().to_string()),
        ("Image".into(), format!("{volume}/{}", image.name)),
    ];
    facts.extend(image.renewal.iter().flat_map(renewal_facts));
    facts.push(match &image.base {
        Some((_, name)) => ("Based on".into(), format!("{name}: what is the same is not stored again")),
        None => ("Based on".into(), "nothing: it is complete in itself".into()),
    });
    facts.push(("Expected size".into(), format!("{about}{} ({} bytes)", ByteLen(image.bytes), image.bytes)));
    facts.push(("Needed".into(), units(room.needed())));
    facts.push(("Free".into(), units(room.free)));
    facts.push(("Where".into(), where_words(survey, image)));
    if image.scattered {
        facts.push(("Stored".into(), "scattered, in blocks of 4 KiB that say what they are".into()));
    }
    let moved = &image.moved;
    if moved.bytes > 0 {
        let mut words = format!("{} of {} files and structures", ByteLen(moved.bytes), moved.holders);
        let names: Vec<String> =
            moved.largest.iter().take(NAMED).map(|(name, bytes)| format!("{name} ({})", ByteLen(*bytes))).collect();
        words += &format!("; the largest: {}", names.join(", "));
        facts.push(("Moved out of the way".into(), words));
    }
    let table = |file: &FileRecord| format!("{} ({})", file.name, ByteLen(file.bytes));
    let mut tables: Vec<String> = image.tables.iter().map(table).collect();
    tables.extend(image.renamed.iter().map(|(old, new)| format!("{old} becomes {new}")));
    facts.push(("Tables of contents".into(), tables.join(", ")));
    let left = image.survey.excluded.iter();
    facts.extend(left.map(|file| ("Left out".into(), format!("{} ({})", file.path, ByteLen(file.bytes)))));
    facts
}

/// What is taken from where.
fn renewal_facts(renewal: &Renewal) -> Vec<(String, String)> {
    let name = &renewal.previous.1;
    let mut from_today = format!("{} in {} files", ByteLen(renewal.bytes), renewal.files);
    for (count, what) in [(renewal.directories, "new directories"), (renewal.gone, "files are gone")] {
        if count > 0 {
            from_today += &format!(", {count} {what}");
        }
    }
    let mut facts = vec![
        ("Taken as it is today".into(), format!("{from_today}; {} are as they were", renewal.same)),
        ("All else".into(), format!("as in the image {name}")),
    ];
    if renewal.replaces {
        facts.push(("Replaces".into(), format!("{name}, once the new image is proven")));
    }
    facts
}

/// The byte range in which everything new comes to lie.
fn where_words(survey: &InsideSurvey, image: &NewImage) -> String {
    let grid = survey.grid;
    let tables = image.tables.iter().flat_map(|file| &file.runs).map(|run| (run.offset.0, run.offset.0 + run.len.0));
    let place = image.place.iter().map(|run| (grid.offset_of(run.start).0, grid.bytes_of(run.end()).0));
    let all: Vec<(u64, u64)> = tables.chain(place).collect();
    let start = all.iter().map(|range| range.0).min().unwrap_or(0);
    let end = all.iter().map(|range| range.1).max().unwrap_or(0);
    let pieces =
        if image.place.len() > 1 { format!(", the image in {} pieces", image.place.len()) } else { String::new() };
    let lowest = image.lowest.filter(|lowest| lowest.0 < start);
    let lowest = lowest.map_or_else(String::new, |at| format!("; from byte {} on, should it get longer", at.0));
    format!("bytes {start} to {end} of the volume's {}{pieces}{lowest}", survey.place.len.0)
}

fn journal_warning(volume: &Address) -> String {
    format!(
        "Once a journal is written, its change is finished without a stop. After a power cut: {}",
        resume_command(volume, &JournalPlace::Volume(ByteOffset::ZERO))
    )
}

fn create_warnings(volume: &Address, survey: &InsideSurvey, image: &NewImage, check: bool) -> Vec<String> {
    let mut warnings = image.survey.summary.notes.clone();
    warnings.extend(survey.notes.iter().cloned());
    warnings.extend(image.renewal.iter().flat_map(|renewal| renewal.notes.iter().cloned()));
    warnings.push(journal_warning(volume));
    if !image.exact {
        let more = match image.lowest {
            Some(at) => format!("the free clusters right below are taken as well, down to byte {} at most. If", at.0),
            None => "there is no more place for it. If".into(),
        };
        warnings.push(format!(
            "The size is an estimate from samples: should the image need more, {more} that is too little, the job stops and makes no image"
        ));
    }
    if !image.request.verify {
        warnings.push("The image will not be read back: it is not proven".into());
    }
    if !check {
        warnings.push("The volume is not checked before and after".into());
    }
    warnings.push("An image inside is lost with its disk: keep one on another disk, too".into());
    warnings
}

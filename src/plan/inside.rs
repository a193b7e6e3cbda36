//! Planning what is done to the container of a volume: an image made inside, one dropped, all of it put in order.

use std::fmt::Display;
use std::sync::Arc;

use uuid::Uuid;

use super::backup::{BackupRequest, BackupSurvey};
use super::change::{self, ChangeSurvey, VolumeIdentity, may_change, resume_command};
use super::names::{Fact, fact, left_out, place_words, state_words, step, volume_words};
use super::{JournalPlace, Plan, Safety, Step, StepKind, Work, quoted};
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::{Change, Units};
use crate::image::Kind;
use crate::image::container::{FileRecord, Toc};
use crate::inventory::{Address, Place};
use crate::unit::{ByteLen, ByteOffset, Grid};
use crate::words::{en, fill};

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
        let said: [(&str, &dyn Display); 10] = [
            ("volume", volume),
            ("need", &need),
            ("need_bytes", &bytes(need)),
            ("free", &free),
            ("free_bytes", &bytes(free)),
            ("missing", &(need - free)),
            ("image", &self.image),
            ("tables", &self.tables),
            ("files", &self.metadata),
            ("list", &self.journal),
        ];
        Err(Error::refused(fill(en::REFUSAL_NO_ROOM, &said)).advise(en::INSTEAD_FREE_INSIDE))
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
    let Some(image) = &survey.image else { return Err(Error::damaged(en::REFUSAL_NOTHING_TO_MAKE)) };
    let mut steps = Vec::new();
    steps.extend(check.then(check_before));
    for phase in &survey.phases {
        steps.extend(change::phase_steps(&phase.survey));
    }
    let used = image.survey.used_bytes().0;
    steps.push(step(StepKind::WriteImage, en::STEP_WRITE_IMAGE, used, Safety::Creates));
    steps.push(step(StepKind::SyncImage, en::STEP_SYNC_IMAGE, 0, Safety::Creates));
    if image.request.verify {
        steps.push(step(StepKind::ReadBackImage, en::STEP_READ_BACK_IMAGE, used, Safety::Reads));
    }
    let tables: u64 = image.tables.iter().map(|file| file.bytes).sum();
    steps.push(step(StepKind::WriteTables, en::STEP_WRITE_TABLES, tables, Safety::Creates));
    steps.extend(change::phase_steps(&image.last.survey));
    steps.extend(wipe(&survey));
    steps.extend(check.then(check_after));
    let content = volume_words(image.survey.summary.kind, image.survey.summary.label.as_deref());
    let headline = match image.request.kind {
        Kind::Factory => en::PLANNED_INSIDE_FACTORY,
        Kind::User => en::PLANNED_INSIDE_USER,
    };
    Ok(Plan {
        headline: fill(headline, &[("image", &image.name), ("address", volume), ("volume", &content)]),
        facts: create_facts(volume, &survey, image),
        steps,
        warnings: create_warnings(volume, &survey, image, check),
        command: image.request.command(),
        confirm: None,
        work: Work::Inside(Arc::new(InsideWork {
            volume: volume.clone(),
            name: fill(en::VALUE_MAKING, &[("name", &image.name)]),
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
    let mut facts: Vec<Fact> = vec![
        fact(en::VOLUME, survey.identity.words()),
        fact(en::PLAN_PLACE, place_words(volume, &survey.place)),
        fact(en::PLAN_COPIED, ByteLen(copied).to_string()),
        fact(en::PLAN_CHANGED, ByteLen(patched).to_string()),
    ];
    facts.extend(survey.phases.iter().map(|phase| fact(en::FACT_JOURNAL, phase.survey.journal.to_string())));
    let mut warnings = survey.notes.clone();
    warnings.push(journal_warning(volume));
    Ok(Plan {
        headline: fill(en::PLANNED_CONTAINER, &[("volume", volume), ("name", &name)]),
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
    (bytes > 0).then(|| step(StepKind::WriteTables, en::STEP_WIPE, bytes, Safety::Overwrites))
}

fn check_before() -> Step {
    step(StepKind::CheckVolume, en::STEP_CHECK_BEFORE, 0, Safety::Reads)
}

fn check_after() -> Step {
    step(StepKind::CheckVolume, en::STEP_CHECK_AFTER, 0, Safety::Reads)
}

fn create_facts(volume: &Address, survey: &InsideSurvey, image: &NewImage) -> Vec<Fact> {
    let room = &survey.room;
    let units =
        |units: u64| fill(en::VALUE_CLUSTERS, &[("size", &ByteLen(units * room.unit_bytes)), ("clusters", &units)]);
    let state = state_words(image.survey.summary.state);
    let state = fill(en::VALUE_VOLUME_IS, &[("volume", &survey.identity.words()), ("state", &state)]);
    let mut facts: Vec<Fact> = vec![
        fact(en::PLAN_SOURCE, place_words(volume, &survey.place)),
        fact(en::VOLUME, state),
        fact(en::PLAN_TO_BE_READ, image.survey.used_bytes().to_string()),
        fact(en::FACT_IMAGE, format!("{volume}/{}", image.name)),
    ];
    facts.extend(image.renewal.iter().flat_map(renewal_facts));
    let base = image.base.as_ref().map(|(_, name)| fill(en::VALUE_BASED_ON, &[("name", name)]));
    facts.push(fact(en::FACT_BASE, base.unwrap_or_else(|| en::VALUE_BASED_ON_NOTHING.into())));
    let expected = if image.exact { en::VALUE_EXACT } else { en::VALUE_ABOUT };
    let expected = fill(expected, &[("size", &ByteLen(image.bytes)), ("bytes", &image.bytes)]);
    facts.push(fact(en::PLAN_SIZE_EXPECTED, expected));
    facts.push(fact(en::PLAN_NEEDED, units(room.needed())));
    facts.push(fact(en::PLAN_FREE, units(room.free)));
    facts.push(fact(en::PLAN_WHERE, where_words(survey, image)));
    if image.scattered {
        facts.push(fact(en::PLAN_STORED, en::VALUE_SCATTERED));
    }
    let moved = &image.moved;
    if moved.bytes > 0 {
        let largest: Vec<String> = moved.largest.iter().take(NAMED).map(|(name, bytes)| among(name, *bytes)).collect();
        let (size, largest) = (ByteLen(moved.bytes), largest.join(", "));
        let words = fill(en::VALUE_MOVED, &[("size", &size), ("count", &moved.holders), ("largest", &largest)]);
        facts.push(fact(en::PLAN_MOVED, words));
    }
    let mut tables: Vec<String> = image.tables.iter().map(|file| among(&file.name, file.bytes)).collect();
    let renamed = image.renamed.iter();
    tables.extend(renamed.map(|(old, new)| fill(en::VALUE_BECOMES, &[("old", old), ("new", new)])));
    facts.push(fact(en::PLAN_TABLES, tables.join(", ")));
    facts.extend(left_out(&image.survey.excluded));
    facts
}

/// One of a list, with its size.
fn among(name: &str, bytes: u64) -> String {
    fill(en::VALUE_AMONG, &[("what", &name), ("size", &ByteLen(bytes))])
}

/// What is taken from where.
fn renewal_facts(renewal: &Renewal) -> Vec<Fact> {
    let name = &renewal.previous.1;
    let (size, files, same) = (ByteLen(renewal.bytes), renewal.files, renewal.same);
    let (made, gone) = (renewal.directories, renewal.gone);
    let renewed = match (made, gone) {
        (0, 0) => fill(en::VALUE_RENEWED, &[("size", &size), ("files", &files), ("same", &same)]),
        (_, 0) => {
            let values: [(&str, &dyn Display); 4] =
                [("size", &size), ("files", &files), ("made", &made), ("same", &same)];
            fill(en::VALUE_RENEWED_MADE, &values)
        }
        (0, _) => {
            let values: [(&str, &dyn Display); 4] =
                [("size", &size), ("files", &files), ("gone", &gone), ("same", &same)];
            fill(en::VALUE_RENEWED_GONE, &values)
        }
        _ => {
            let values: [(&str, &dyn Display); 5] =
                [("size", &size), ("files", &files), ("made", &made), ("gone", &gone), ("same", &same)];
            fill(en::VALUE_RENEWED_BOTH, &values)
        }
    };
    let mut facts =
        vec![fact(en::PLAN_RENEWED, renewed), fact(en::PLAN_ALL_ELSE, fill(en::VALUE_AS_IN, &[("name", name)]))];
    if renewal.replaces {
        facts.push(fact(en::PLAN_REPLACES, fill(en::VALUE_REPLACES, &[("name", name)])));
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
    let bytes = survey.place.len.0;
    let lowest = image.lowest.map(|lowest| lowest.0).filter(|lowest| *lowest < start);
    match (image.place.len(), lowest) {
        (..=1, None) => fill(en::VALUE_WHERE, &[("start", &start), ("end", &end), ("bytes", &bytes)]),
        (pieces, None) => {
            let values: [(&str, &dyn Display); 4] =
                [("start", &start), ("end", &end), ("bytes", &bytes), ("pieces", &pieces)];
            fill(en::VALUE_WHERE_PIECES, &values)
        }
        (..=1, Some(lowest)) => {
            let values: [(&str, &dyn Display); 4] =
                [("start", &start), ("end", &end), ("bytes", &bytes), ("lowest", &lowest)];
            fill(en::VALUE_WHERE_LONGER, &values)
        }
        (pieces, Some(lowest)) => {
            let values: [(&str, &dyn Display); 5] =
                [("start", &start), ("end", &end), ("bytes", &bytes), ("pieces", &pieces), ("lowest", &lowest)];
            fill(en::VALUE_WHERE_BOTH, &values)
        }
    }
}

fn journal_warning(volume: &Address) -> String {
    let command = resume_command(volume, &JournalPlace::Volume(ByteOffset::ZERO));
    fill(en::WARN_JOURNAL_EACH, &[("command", &command)])
}

fn create_warnings(volume: &Address, survey: &InsideSurvey, image: &NewImage, check: bool) -> Vec<String> {
    let mut warnings = image.survey.summary.notes.clone();
    warnings.extend(survey.notes.iter().cloned());
    warnings.extend(image.renewal.iter().flat_map(|renewal| renewal.notes.iter().cloned()));
    warnings.push(journal_warning(volume));
    if !image.exact {
        let reach = image.lowest.map(|lowest| fill(en::WARN_ESTIMATE_REACH, &[("lowest", &lowest.0)]));
        warnings.push(reach.unwrap_or_else(|| en::WARN_ESTIMATE.into()));
    }
    if !image.request.verify {
        warnings.push(en::WARN_IMAGE_UNPROVEN.into());
    }
    if !check {
        warnings.push(en::WARN_UNCHECKED.into());
    }
    warnings.push(en::WARN_KEEP_ANOTHER.into());
    warnings
}

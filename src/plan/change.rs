//! Planning a change of a volume's metadata: steps worked out as data, and the journal that makes them survive a power
//! cut.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::names::{Fact, fact, place_words, step};
use super::{Plan, Safety, Step, StepKind, Work, quoted};
use crate::error::{Error, Result};
use crate::extent::{Extent, ExtentSet};
use crate::fs::{Change, Kind, Tag};
use crate::inventory::{Address, Place};
use crate::unit::{ByteLen, ByteOffset};
use crate::words::{en, fill};

/// One edit, as it is asked for.
#[derive(Clone, PartialEq, Debug)]
pub enum EditRequest {
    /// Free clusters become a file.
    Adopt {
        /// In this directory.
        directory: PathBuf,
        /// The file's name.
        name: String,
        /// Its clusters, in file order.
        extents: Vec<Extent>,
        /// Its length.
        len: ByteLen,
    },
    /// A file goes, and its clusters are free.
    Release {
        /// From this directory.
        directory: PathBuf,
        /// The file's name.
        name: String,
    },
    /// What holds these clusters moves.
    Relocate {
        /// Away from here.
        from: ExtentSet,
        /// To these free clusters.
        to: Vec<Extent>,
    },
    /// A file's content is replaced where it lies.
    Replace {
        /// Which file.
        path: PathBuf,
        /// What shall be in it.
        content: Vec<u8>,
    },
}

impl EditRequest {
    /// What it does, as a step's title.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Adopt { directory, name, len, .. } => {
                fill(en::STEP_ADOPT, &[("size", len), ("path", &directory.join(name).display())])
            }
            Self::Release { directory, name } => fill(en::STEP_RELEASE, &[("path", &directory.join(name).display())]),
            Self::Relocate { from, .. } => fill(en::STEP_RELOCATE, &[("clusters", &from.clusters())]),
            Self::Replace { path, content } => {
                fill(en::STEP_REPLACE, &[("path", &path.display()), ("size", &ByteLen::of(content))])
            }
        }
    }
}

/// Where a journal shall be.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum JournalWish {
    /// In free clusters of the volume itself.
    #[default]
    InVolume,
    /// In a new file, which must not be on the volume.
    File(PathBuf),
}

/// Where a journal is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JournalPlace {
    /// In the volume, from this byte on.
    Volume(ByteOffset),
    /// A file.
    File(PathBuf),
}

impl std::fmt::Display for JournalPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Volume(at) => f.write_str(&fill(en::VALUE_JOURNAL_INSIDE, &[("byte", &at.0)])),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// What the user asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct ChangeRequest {
    /// The volume.
    pub volume: Address,
    /// The job in words, for whoever finds its journal: "moving 212 MiB out of the way".
    pub name: String,
    /// What shall change, in order. Marking the volume as in use before and as clean after comes by itself.
    pub edits: Vec<EditRequest>,
    /// Where the journal shall be.
    pub journal: JournalWish,
}

/// By what a volume is known again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VolumeIdentity {
    /// Its kind, where it has a driver.
    pub kind: Option<Kind>,
    /// Its serial number or UUID.
    pub id: Option<String>,
    /// Its label: for people.
    pub label: Option<String>,
    /// How many bytes it has, as a place.
    pub len: ByteLen,
    /// Where on its disk it begins: for people.
    pub start: ByteOffset,
}

impl VolumeIdentity {
    /// In words: `ext4 "data", 20.0 MiB`.
    #[must_use]
    pub fn words(&self) -> String {
        let kind = self.kind.map_or(en::VALUE_SOME_VOLUME, Kind::name);
        match &self.label {
            Some(label) => fill(en::VALUE_IDENTITY_LABELLED, &[("kind", &kind), ("label", label), ("size", &self.len)]),
            None => fill(en::VALUE_IDENTITY, &[("kind", &kind), ("size", &self.len)]),
        }
    }
}

/// What was found and worked out, for planning.
#[derive(Clone, Debug)]
pub struct ChangeSurvey {
    /// Where the volume lies.
    pub place: Place,
    /// By what it is known.
    pub identity: VolumeIdentity,
    /// The steps, in order: each with its copies and patches.
    pub changes: Vec<Change>,
    /// Where the journal will be.
    pub journal: JournalPlace,
    /// How long it will be.
    pub journal_len: ByteLen,
    /// A quick search finds the journal there.
    pub found_quickly: bool,
    /// What keeps the volume or its file from being changed now, in words.
    pub in_use: Option<String>,
}

/// What the worker needs for a change.
#[derive(Clone, Debug)]
pub struct ChangeWork {
    /// The request.
    pub request: ChangeRequest,
    /// What was found and worked out.
    pub survey: ChangeSurvey,
}

/// Some bytes that will change, as shown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PatchView {
    /// Where in the volume.
    pub offset: ByteOffset,
    /// How many.
    pub bytes: u64,
    /// What they are.
    pub tags: Vec<String>,
}

/// One step's changes, as shown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ChangeView {
    /// What it does.
    pub title: String,
    /// Bytes copied to free clusters for it.
    pub copied_bytes: u64,
    /// Bytes of metadata that it writes.
    pub patched_bytes: u64,
    /// Which.
    pub patches: Vec<PatchView>,
}

impl From<&Change> for ChangeView {
    fn from(change: &Change) -> Self {
        let view = |patch: &crate::fs::Patch| PatchView {
            offset: patch.offset,
            bytes: patch.new.len() as u64,
            tags: patch.tags.iter().map(Tag::to_string).collect(),
        };
        Self {
            title: change.title.clone(),
            copied_bytes: change.copied_bytes(),
            patched_bytes: change.patched_bytes(),
            patches: change.patches.iter().map(view).collect(),
        }
    }
}

/// Plans a change.
///
/// # Errors
/// A refusal, with what to do instead.
pub fn change(request: &ChangeRequest, survey: ChangeSurvey) -> Result<Plan> {
    may_change(&request.volume, &survey.place, survey.in_use.as_deref())?;
    if survey.changes.iter().all(Change::is_empty) {
        return Err(Error::refused(fill(en::REFUSAL_NOTHING_TO_CHANGE, &[("volume", &request.volume)])));
    }
    let copied: u64 = survey.changes.iter().map(Change::copied_bytes).sum();
    let patched: u64 = survey.changes.iter().map(Change::patched_bytes).sum();
    let journal = fill(en::VALUE_AMONG, &[("what", &survey.journal), ("size", &survey.journal_len)]);
    let mut facts: Vec<Fact> = vec![
        fact(en::VOLUME, survey.identity.words()),
        fact(en::PLAN_PLACE, place_words(&request.volume, &survey.place)),
        fact(en::PLAN_COPIED, ByteLen(copied).to_string()),
        fact(en::PLAN_CHANGED, ByteLen(patched).to_string()),
        fact(en::FACT_JOURNAL, journal),
    ];
    if copied == 0 {
        facts.remove(2);
    }
    Ok(Plan {
        headline: fill(en::PLANNED_CHANGE, &[("volume", &request.volume), ("name", &request.name)]),
        facts,
        steps: phase_steps(&survey),
        warnings: warnings(&request.volume, &survey),
        command: resume_command(&request.volume, &survey.journal),
        confirm: Some(super::restore::confirm_word(&request.volume)),
        work: Work::Change(Box::new(ChangeWork { request: request.clone(), survey })),
    })
}

/// The steps of one journalled change.
pub(super) fn phase_steps(survey: &ChangeSurvey) -> Vec<Step> {
    let copied: u64 = survey.changes.iter().map(Change::copied_bytes).sum();
    let mut steps = Vec::new();
    if copied > 0 {
        steps.push(step(StepKind::CopyData, en::STEP_COPY_DATA, copied, Safety::Creates));
        steps.push(step(StepKind::ReadBackCopies, en::STEP_READ_BACK_COPIES, copied, Safety::Reads));
    }
    let journal = survey.journal_len.0;
    steps.push(step(StepKind::WriteJournal, en::STEP_WRITE_JOURNAL, journal, Safety::Creates));
    for change in &survey.changes {
        steps.push(step(StepKind::ChangeMetadata, &change.title, change.patched_bytes(), Safety::Overwrites));
    }
    steps.push(step(StepKind::CloseJournal, en::STEP_CLOSE_JOURNAL, 0, Safety::Creates));
    steps
}

fn warnings(volume: &Address, survey: &ChangeSurvey) -> Vec<String> {
    let command = resume_command(volume, &survey.journal);
    let mut warnings = vec![fill(en::WARN_JOURNAL, &[("command", &command)])];
    if !survey.found_quickly {
        warnings.push(en::WARN_JOURNAL_FAR.into());
    }
    warnings
}

/// How an interrupted job is taken up again.
pub(super) fn resume_command(volume: &Address, journal: &JournalPlace) -> String {
    let volume = quoted(&volume.to_string());
    match journal {
        JournalPlace::Volume(_) => format!("lifeboat resume {volume}"),
        JournalPlace::File(path) => {
            format!("lifeboat resume {volume} --journal {}", quoted(&path.to_string_lossy()))
        }
    }
}

/// How a plan's job is taken up again, should it be interrupted.
#[must_use]
pub fn resume_command_of(plan: &Plan) -> String {
    match &plan.work {
        Work::Inside(work) => resume_command(&work.volume, &JournalPlace::Volume(ByteOffset::ZERO)),
        _ => plan.command.clone(),
    }
}

/// Whether a volume may be written to.
///
/// # Errors
/// `Refused`, when it is mounted or otherwise in use, is a divided disk, or cannot be written.
pub fn may_change(volume: &Address, place: &Place, in_use: Option<&str>) -> Result<()> {
    refuse_use(volume, place, in_use)?;
    if place.is_divided() {
        let table = place.table.name();
        return Err(Error::refused(fill(en::REFUSAL_DIVIDED, &[("place", volume), ("table", &table)]))
            .advise(fill(en::INSTEAD_NAME_PARTITION, &[("place", volume)])));
    }
    refuse_read_only(volume, place, en::INSTEAD_UNLOCK)
}

/// Refuses a place that is mounted, or that something else uses, in words.
pub(super) fn refuse_use(address: &Address, place: &Place, in_use: Option<&str>) -> Result<()> {
    if let Some(mount) = place.mounted_at.first() {
        let mount = mount.display();
        return Err(Error::refused(fill(en::REFUSAL_MOUNTED, &[("place", address), ("mount", &mount)]))
            .advise(fill(en::INSTEAD_UNMOUNT, &[("mount", &mount)])));
    }
    if let Some(why) = in_use {
        return Err(
            Error::refused(fill(en::REFUSAL_IN_USE, &[("place", address), ("why", &why)])).advise(en::INSTEAD_LET_GO)
        );
    }
    Ok(())
}

/// Refuses a place that cannot be written, with what to do instead.
pub(super) fn refuse_read_only(address: &Address, place: &Place, instead: &str) -> Result<()> {
    if place.read_only {
        return Err(Error::refused(fill(en::REFUSAL_READ_ONLY, &[("place", address)])).advise(instead));
    }
    Ok(())
}

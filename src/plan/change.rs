//! Planning a change of a volume's metadata: steps worked out as data, and the journal that makes them survive a power
//! cut.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::backup::{place_words, step};
use super::{Plan, Safety, Step, StepKind, Work, quoted};
use crate::error::{Error, Result};
use crate::extent::{Extent, ExtentSet};
use crate::fs::{Change, Kind, Tag};
use crate::inventory::{Address, Place};
use crate::unit::{ByteLen, ByteOffset};

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
                format!("Make {len} of free clusters the file {}", directory.join(name).display())
            }
            Self::Release { directory, name } => format!("Free the clusters of {}", directory.join(name).display()),
            Self::Relocate { from, .. } => format!("Move what lies in {} clusters to other places", from.clusters()),
            Self::Replace { path, content } => {
                format!("Replace the content of {} ({})", path.display(), ByteLen::of(content))
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
            Self::Volume(at) => write!(f, "in free clusters of the volume, from byte {} on", at.0),
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
        let kind = self.kind.map_or("volume", Kind::name);
        let label = self.label.as_ref().map(|label| format!(" \"{label}\"")).unwrap_or_default();
        format!("{kind}{label}, {}", self.len)
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
        return Err(Error::refused(format!("{}: there is nothing to change", request.volume)));
    }
    let copied: u64 = survey.changes.iter().map(Change::copied_bytes).sum();
    let patched: u64 = survey.changes.iter().map(Change::patched_bytes).sum();
    let mut facts: Vec<(String, String)> = vec![
        ("Volume".into(), survey.identity.words()),
        ("Place".into(), place_words(&request.volume, &survey.place)),
        ("Copied to free clusters".into(), ByteLen(copied).to_string()),
        ("Metadata changed".into(), ByteLen(patched).to_string()),
        ("Journal".into(), format!("{} ({})", survey.journal, survey.journal_len)),
    ];
    if copied == 0 {
        facts.remove(2);
    }
    Ok(Plan {
        headline: format!("Change {}: {}", request.volume, request.name),
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
        steps.push(step(StepKind::CopyData, "Copy data to free clusters", copied, Safety::Creates));
        steps.push(step(StepKind::ReadBackCopies, "Read the copies back and compare", copied, Safety::Reads));
    }
    let journal = survey.journal_len.0;
    steps.push(step(StepKind::WriteJournal, "Write the journal, and read it back", journal, Safety::Creates));
    for change in &survey.changes {
        steps.push(step(StepKind::ChangeMetadata, &change.title, change.patched_bytes(), Safety::Overwrites));
    }
    steps.push(step(StepKind::CloseJournal, "Read everything back, and close the journal", 0, Safety::Creates));
    steps
}

fn warnings(volume: &Address, survey: &ChangeSurvey) -> Vec<String> {
    let mut warnings = vec![format!(
        "Once the journal is written, the change is finished without a stop. After a power cut: {}",
        resume_command(volume, &survey.journal)
    )];
    if !survey.found_quickly {
        warnings.push(
            "The journal lies far from both ends of the volume: after a power cut, finding it takes a search of the whole volume"
                .into(),
        );
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
    if let Some(mount) = place.mounted_at.first() {
        return Err(Error::refused(format!("{volume} is in use: mounted at {}", mount.display()))
            .advise(format!("Unmount it first: umount {}", mount.display())));
    }
    if let Some(in_use) = in_use {
        return Err(Error::refused(format!("{volume} is in use: {in_use}")).advise("See that nothing else uses it"));
    }
    if place.is_divided() {
        let table = place.table.name();
        return Err(Error::refused(format!("{volume} is a whole disk with a {table} partition table"))
            .advise(format!("Name a partition: {volume}:N")));
    }
    if place.read_only {
        return Err(
            Error::refused(format!("{volume} cannot be written: it is read-only")).advise("Lift its write protection")
        );
    }
    Ok(())
}

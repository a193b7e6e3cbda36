//! Plans: what will be done, as plain data, before anything is done. Pure: a survey and a request go in, a
//! [`Plan`] or a refusal comes out. The preview shows a plan, `--dry-run` prints it, `job` carries it out.

mod aid;
mod backup;
mod change;
mod in_place;
mod inside;
mod names;
mod preview;
mod restore;
mod resume;

pub use aid::{AidRequest, AidSurvey, AidWork, aid};
pub use backup::{BackupRequest, BackupSurvey, BackupWork, ImageTarget, Only, backup, refuse_source};
pub use change::{
    ChangeRequest, ChangeSurvey, ChangeView, ChangeWork, EditRequest, JournalPlace, JournalWish, PatchView,
    VolumeIdentity, change, may_change, resume_command_of,
};
pub use in_place::{Differing, InPlaceSurvey, InPlaceWork, MovedPart, TableRepair, in_place};
pub use inside::{
    ContainerAct, ContainerRequest, InsideSurvey, InsideWork, Moved, NewImage, Phase, Renewal, Room, change_container,
    create_inside,
};
pub use preview::{Preview, preview};
pub use restore::{
    ImageSource, ImagesInside, PipedImage, RestoreRequest, RestoreSurvey, RestoreWork, refuse_target, restore,
};
pub use resume::{Depth, Direction, Interrupted, ResumeRequest, ResumeSurvey, ResumeWork, resume};

use std::sync::Arc;

use serde::Serialize;

/// What a step does to what is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// Only reads.
    Reads,
    /// Creates a file that was not there.
    Creates,
    /// Replaces what is there.
    Overwrites,
}

/// Which act a step is; the worker's phases are these and no others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Backing up: read used clusters, compress, write the image.
    WriteImage,
    /// Flush the image to its medium.
    SyncImage,
    /// Read the written image back and check every digest.
    ReadBackImage,
    /// Look whether a volume is sound. Its "bytes" are of no unit in particular: only their ratio counts.
    CheckVolume,
    /// Restoring or verifying: check every digest of the image.
    VerifyImage,
    /// Mark the target as unfinished, so that nothing takes it for whole.
    Unseal,
    /// Write the clusters.
    WriteClusters,
    /// Zero or discard the target's unused clusters.
    ClearFree,
    /// Flush the target.
    SyncTarget,
    /// Read the written clusters back and compare.
    ReadBackTarget,
    /// Write boot record and superblocks, flush, read back.
    Seal,
    /// Put the partition's entry back into the table, or give it another type.
    WriteTable,
    /// Restoring in place: copy images out of the way, and prove the copies.
    MoveImages,
    /// Restoring in place: write the container's tables of contents.
    WriteContents,
    /// Restoring in place: make the images that are dropped unfindable.
    DropImages,
    /// Changing metadata: copy data to free clusters.
    CopyData,
    /// Read copies and compare their digests.
    ReadBackCopies,
    /// Write the journal.
    WriteJournal,
    /// One step of the change: done, or taken back. A plan has several of these.
    ChangeMetadata,
    /// Read back what was changed, and close the journal.
    CloseJournal,
    /// Write a container's new tables of contents, or overwrite what would make left-overs be found.
    WriteTables,
    /// Write a copy of a recovery partition, flush it, read it back. A plan has two of these.
    WriteAid,
    /// Taking files out: count them.
    CountFiles,
    /// Copy files to a folder.
    CopyFiles,
}

/// One act of a plan.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Step {
    /// Which act.
    pub kind: StepKind,
    /// In words.
    pub title: String,
    /// Bytes it will move: the progress bar's total.
    pub bytes: u64,
    /// What it does to what is there.
    pub safety: Safety,
}

/// The work a plan stands for.
#[derive(Clone, Debug)]
pub enum Work {
    /// A volume to an image.
    Backup(Box<BackupWork>),
    /// An image to a place.
    Restore(Box<RestoreWork>),
    /// An image onto a volume that holds images, which stay.
    RestoreInPlace(Box<InPlaceWork>),
    /// Changes of a volume's metadata.
    Change(Box<ChangeWork>),
    /// The end of an interrupted change.
    Resume(Box<ResumeWork>),
    /// An image inside a volume, or another change of its container.
    Inside(Arc<InsideWork>),
    /// What leads to images, into a recovery partition.
    Aid(Box<AidWork>),
}

/// What will be done, before it is done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One line: "Back up disk.img:1 (ntfs, "Windows") to x.lbi".
    pub headline: String,
    /// Name and value pairs, in order: source, target, volume, used, estimate, left out…
    pub facts: Vec<(String, String)>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What the user should know before saying yes.
    pub warnings: Vec<String>,
    /// The equivalent command line.
    pub command: String,
    /// What must be typed to confirm (the target disk's or partition's short name); `None` when nothing that
    /// is there is overwritten.
    pub confirm: Option<String>,
    /// What the worker needs.
    pub work: Work,
}

/// A word of a command line, as a shell needs it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

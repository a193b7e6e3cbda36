//! What can happen to the wizard, and what it can ask for.

mod files;
mod held;
mod look;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::inventory::{Address, Inventory, LookRequest, Partition, VolumeMap};
use crate::job::{ExportRequest, ExtractRequest, Progress, Report};
use crate::plan::{AidRequest, BackupRequest, ContainerRequest, RestoreRequest, ResumeRequest};

pub use files::{FileRow, FilesAnswer, FilesRequest, FolderView, FoundBatch, Hit, Measured, Piece};
pub use held::{HeldPlace, HolderView, HoldersView};
pub use look::LookNews;

use super::model::{ImageInfo, ImageRow, Proposed, Stale, Trouble, Waiting};

/// Which request an answer belongs to. Answers to abandoned requests are dropped by it.
pub type Ticket = u64;

/// The time, as a value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Clock {
    /// Since the wizard began; never goes back.
    pub elapsed: Duration,
    /// Today, as `2026-11-21`; part of the offered file name.
    pub date: String,
    /// The time of day, as `22:14`.
    pub time: String,
}

/// A key, free of any terminal library.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the keys' own")]
pub enum Key {
    Char(char),
    Enter,
    Esc,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Backspace,
    Delete,
    Tab,
    BackTab,
    Help,
    /// Ctrl-C: as the signal of that key, when the terminal is not raw.
    Interrupt,
    /// Ctrl-L: something else wrote on the terminal.
    Redraw,
    /// Ctrl-U: empty the text field.
    Clear,
}

/// What is done with a mouse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum MouseAct {
    Click,
    WheelUp,
    WheelDown,
}

/// Something done with the mouse, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mouse {
    /// What.
    pub act: MouseAct,
    /// From the left, the first is 0.
    pub column: u16,
    /// From above, the first is 0.
    pub row: u16,
}

/// A wish to end the program from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP, or the terminal went away.
    Hangup,
}

/// What Tab makes of a half-typed path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Completion {
    /// The text as far as it is unambiguous.
    pub text: String,
    /// The names that go on from there, when there are several.
    pub choices: Vec<String>,
}

/// What can happen.
#[derive(Clone, Debug)]
pub enum Msg {
    /// The wizard begins.
    Begin,
    /// Time went by.
    Tick(Clock),
    /// A key was pressed.
    Key(Key),
    /// Something was done with the mouse.
    Mouse(Mouse),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// The program shall end.
    Signal(Signal),
    /// The disks are being looked at.
    LookNews(Ticket, LookNews),
    /// The disks were looked at.
    Looked(Ticket, Inventory),
    /// The jobs that were interrupted on these volumes.
    Sought(Ticket, Vec<Waiting>),
    /// The recovery partitions that are out of date.
    Compared(Ticket, Vec<Stale>),
    /// A folder's image files.
    Listed(Ticket, Result<Vec<ImageRow>, Trouble>),
    /// One image file was opened.
    Inspected(Ticket, Result<Box<ImageInfo>, Trouble>),
    /// A path was completed.
    Completed(Ticket, Result<Completion, Trouble>),
    /// A path that the user typed is a folder.
    IsFolder(Ticket, PathBuf),
    /// A plan, or why there is none.
    Planned(Ticket, Result<Box<Proposed>, Trouble>),
    /// How far the job is.
    Progress(Progress),
    /// The job ended.
    Finished(Report),
    /// Every sector of a disk was searched for images: the volumes that hold some, or why nobody knows.
    Searched(PathBuf, Result<Vec<Partition>, Trouble>),
    /// The map of a volume, or why there is none.
    Mapped(Ticket, Address, Result<Arc<VolumeMap>, Trouble>),
    /// Disks came or went.
    DisksChanged,
    /// What a volume's or image's files are.
    Files(Ticket, Result<FilesAnswer, Trouble>),
    /// Who holds a place.
    Holders(Ticket, Result<HoldersView, Trouble>),
    /// A mount was undone, or why not.
    Unmounted(Ticket, Result<PathBuf, Trouble>),
    /// A text was written to a file, or why not.
    Saved(Ticket, Result<PathBuf, Trouble>),
}

/// What the wizard asks the worker for.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Look at the disks.
    Look(Ticket, LookRequest),
    /// Wait for these disks no more, in this look and those to come; an empty list takes all back.
    Skip(Vec<PathBuf>),
    /// Look for jobs that were interrupted.
    Seek(Ticket, Vec<Address>),
    /// Hold the recovery partitions of these disks against what is there.
    Compare(Ticket, Vec<PathBuf>),
    /// Plan to renew a recovery partition (reads only).
    PlanAid(Ticket, Box<AidRequest>),
    /// List a folder's image files.
    List(Ticket, PathBuf),
    /// Open one image, a file or inside a volume (or say that it is a folder).
    Inspect(Ticket, Address),
    /// Complete a path.
    Complete(Ticket, String),
    /// Plan a backup (reads only).
    PlanBackup(Ticket, Box<BackupRequest>),
    /// Plan a restore (reads only).
    PlanRestore(Ticket, Box<RestoreRequest>),
    /// Plan the end of an interrupted job (reads only).
    PlanResume(Ticket, Box<ResumeRequest>),
    /// Plan a change of what a volume holds of images (reads only).
    PlanContainer(Ticket, Box<ContainerRequest>),
    /// Nobody waits for the plan, or the image that is being opened, any more.
    Abandon,
    /// Carry out the plan that was proposed under this ticket. The only effect that writes to a disk.
    Run(Ticket),
    /// Read an image against its digests.
    Verify(Address),
    /// Write an image from inside a volume to a new file.
    Export(Box<ExportRequest>),
    /// Copy files out of a volume or image into a folder.
    Extract(Box<ExtractRequest>),
    /// Search every sector of a disk for images.
    Search(PathBuf),
    /// Look whether a volume is sound.
    Check(Address),
    /// Read the map of a volume.
    Map(Ticket, Address),
    /// Ask for the files of a volume or image.
    Files(Ticket, FilesRequest),
    /// Find out who holds a place.
    Hold(Ticket, HeldPlace),
    /// Unmount what is mounted from that place at this path; refused while anything uses it.
    Unmount(Ticket, HeldPlace, PathBuf),
    /// Write a text to a new file.
    Save(Ticket, PathBuf, String),
    /// Let the job wait, or go on.
    Pause(bool),
    /// Stop the job.
    Cancel,
    /// Draw everything anew.
    Redraw,
    /// Leave the wizard with this exit code.
    Quit(u8),
}

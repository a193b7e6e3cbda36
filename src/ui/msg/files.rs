//! What the browser asks the worker for, and what it answers.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use crate::fs::{Attributes, EntryKind};
use crate::inventory::Address;
use crate::job::{Amount, ExtractRequest};

use super::super::model::Trouble;

/// A question about the files of a volume or image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FilesRequest {
    /// Open it anew, and tell what this folder holds.
    Open(Address, PathBuf),
    /// What a folder holds.
    List(Address, PathBuf),
    /// Find by name, in a folder and all below it. Answered in batches.
    Find(Address, PathBuf, String),
    /// Nobody waits for more that is found.
    StopFinding,
    /// A piece of a file, from a byte on.
    Peek(Address, PathBuf, u64),
    /// How much there is to be copied, and how much room.
    Measure(Box<ExtractRequest>),
    /// Nobody looks into it any more.
    Close,
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FilesAnswer {
    /// A folder's content.
    Folder(FolderView),
    /// More that was found.
    Found(FoundBatch),
    /// A piece of a file.
    Piece(Piece),
    /// What would be copied.
    Measured(Measured),
}

/// A line of a folder's list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileRow {
    /// The name; of a stream, its file's before it: `file:stream`.
    pub name: OsString,
    /// What it is.
    pub kind: EntryKind,
    /// The content's length.
    pub bytes: u64,
    /// Last change: `2026-11-20 18:03`, or nothing.
    pub modified: String,
    /// Attribute bits.
    pub attributes: Attributes,
    /// How many alternate streams it has.
    pub streams: usize,
    /// It is an alternate stream of the file above it.
    pub is_stream: bool,
}

impl FileRow {
    /// True for a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.kind == EntryKind::Directory
    }
}

/// What a folder holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FolderView {
    /// The folder.
    pub folder: PathBuf,
    /// The volume it is on, in words.
    pub volume: String,
    /// Its content: folders first, by name.
    pub rows: Arc<Vec<FileRow>>,
    /// So many more are not listed.
    pub more: usize,
}

/// Something that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hit {
    /// The folder it is in.
    pub folder: PathBuf,
    /// What it is.
    pub row: FileRow,
}

/// More that was found, and how far the search is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FoundBatch {
    /// What was found since the last batch.
    pub hits: Vec<Hit>,
    /// Folders looked through so far.
    pub folders: u64,
    /// Folders that could not be read so far.
    pub unreadable: u64,
    /// The search is over.
    pub ended: bool,
    /// It ended since there is more than can be shown.
    pub has_more: bool,
}

/// A piece of a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Piece {
    /// The file's byte at which it begins.
    pub offset: u64,
    /// Up to which byte it was asked for.
    pub until: u64,
    /// The bytes; fewer than asked for only at the file's end.
    pub bytes: Arc<Vec<u8>>,
    /// From and to which byte nothing could be read: zeros stand there.
    pub holes: Vec<(u64, u64)>,
    /// Why not.
    pub trouble: Option<Trouble>,
}

/// What would be copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Measured {
    /// How much.
    pub amount: Amount,
    /// Room where it would go to, when that is known.
    pub free: Option<u64>,
}

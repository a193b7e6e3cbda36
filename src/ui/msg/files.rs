//! What the browser asks the worker for, and what it answers.

use std::path::PathBuf;

use crate::inventory::Address;

/// A question about the files of a volume or image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FilesRequest {
    /// What a folder holds.
    List(Address, PathBuf),
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FilesAnswer {
    /// A folder's content: names, to begin with.
    Folder(PathBuf, Vec<String>),
}

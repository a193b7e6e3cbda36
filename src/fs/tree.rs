//! The ability to look into a volume: directories, files, their bytes and where those lie.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::Result;
use crate::extent::Extent;

/// What an entry of a directory is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link or reparse point, with where it leads when that is known.
    Symlink(Option<PathBuf>),
    /// A device node, socket or pipe; or a reparse point of another meaning.
    Special,
}

/// Attribute bits, of those file systems that have them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Attributes {
    pub read_only: bool,
    pub hidden: bool,
    pub system: bool,
    pub archive: bool,
    pub compressed: bool,
    pub encrypted: bool,
    pub sparse: bool,
    /// Unix permission bits, where there are such.
    pub mode: Option<u16>,
}

/// A named stream beside a file's own content (NTFS).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Stream {
    /// Its name, without the file's.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// As people know them: `755` where there are permission bits, else letters as in `attrib`: `RHSACEP` (compressed,
/// encrypted, sparse).
impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(mode) = self.mode {
            return write!(f, "{:03o}", mode & 0o7777);
        }
        let flags = [
            (self.read_only, 'R'),
            (self.hidden, 'H'),
            (self.system, 'S'),
            (self.archive, 'A'),
            (self.compressed, 'C'),
            (self.encrypted, 'E'),
            (self.sparse, 'P'),
        ];
        flags.into_iter().try_for_each(|(set, letter)| write!(f, "{}", if set { letter } else { '-' }))
    }
}

/// One entry of a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The name, as bytes (ext) or as WTF-8 (FAT, NTFS).
    pub name: OsString,
    /// What it is.
    pub kind: EntryKind,
    /// The content's length in bytes.
    pub bytes: u64,
    /// Last change, as seconds and nanoseconds since 1970 (UTC; FAT's local time is taken as UTC).
    pub modified: Option<jiff::Timestamp>,
    /// Attribute bits.
    pub attributes: Attributes,
    /// Alternate streams, in the volume's order.
    pub streams: Vec<Stream>,
}

/// A file's bytes: read in order, or from any place on. Seeking reads nothing.
pub trait Content: Read + Seek + Send {}

impl<T: Read + Seek + Send> Content for T {}

/// Where a seek leads in a content of `len` bytes that stands at `at`. Past the end is allowed, before the start is not.
pub(super) fn sought(from: SeekFrom, at: u64, len: u64) -> io::Result<u64> {
    match from {
        SeekFrom::Start(place) => Some(place),
        SeekFrom::Current(by) => at.checked_add_signed(by),
        SeekFrom::End(by) => len.checked_add_signed(by),
    }
    .ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// A volume's files. Paths begin at the volume's root (`/`); a path's last part may name an alternate
/// stream (`name:stream`) on NTFS. FAT and NTFS ignore case as Windows does.
///
/// No call loops or recurses without bound, whatever the volume holds; a directory that contains
/// itself is the caller's to notice (by depth: [`MAX_DEPTH`]).
pub trait Tree: Send + Sync {
    /// The entry at a path.
    ///
    /// # Errors
    /// When there is none, or the way to it cannot be read.
    fn entry(&self, path: &Path) -> Result<Entry>;

    /// The entries of a directory, without `.` and `..`, in the directory's own order. NTFS's metadata
    /// files (`$MFT`…) are left out; their clusters belong to no path.
    ///
    /// # Errors
    /// When it is no directory or cannot be read.
    fn list(&self, path: &Path) -> Result<Vec<Entry>>;

    /// Opens a file's content (or an alternate stream's), from its first byte to its last; holes and
    /// what lies past the initialised length read as zeros.
    ///
    /// # Errors
    /// When it is no file, or is stored in a way that Lifeboat does not know (encrypted, say): refused by
    /// name rather than shown wrong.
    fn open<'a>(&'a self, path: &Path) -> Result<Box<dyn Content + 'a>>;

    /// The clusters that hold a file's or directory's bytes, all its streams and its own
    /// extent/index blocks included; none for what is stored inside its record. In file order.
    ///
    /// # Errors
    /// When the file's record cannot be read.
    fn extents(&self, path: &Path) -> Result<Vec<Extent>>;

    /// The clusters that hold nothing but a file's main content, in file order: those that can be left out of an
    /// image while the file system stays sound (no index blocks, no alternate streams, no records). None for a
    /// directory or a link.
    ///
    /// # Errors
    /// As [`extents`](Self::extents).
    fn content(&self, path: &Path) -> Result<Vec<Extent>>;
}

/// Deeper than any path a file system allows us to reach by name: a walk that gets here goes in circles.
pub const MAX_DEPTH: usize = 1024;

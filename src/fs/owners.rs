//! The ability to say whose bytes lie in a cluster.

use super::check::Watch;
use crate::error::Result;
use crate::extent::{Extent, ExtentSet};

/// What holds clusters.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum Holder {
    /// A file's content, or (NTFS) that of a named stream of it or another of its attributes; `path:name` then.
    File(String),
    /// A directory's entries or index.
    Directory(String),
    /// What belongs to a file or directory and holds no content of it (ext: its extent tree or block map; NTFS: its
    /// attribute list).
    Map(String),
    /// The file system's own: "FAT 1", "$MFT", "inode table of group 12", "journal".
    Metadata(String),
    /// Marked as failing: nobody's, and never to be used.
    Bad,
    /// Marked as used, and nobody's.
    Lost,
}

impl Holder {
    /// The path of the file or directory it is, or belongs to.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::File(path) | Self::Directory(path) | Self::Map(path) => Some(path),
            Self::Metadata(_) | Self::Bad | Self::Lost => None,
        }
    }
}

/// A run of clusters and who holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owner {
    /// The clusters, on the volume's [`grid`](super::FileSystem::grid).
    pub extent: Extent,
    /// Who holds them.
    pub holder: Holder,
    /// Why [`Edit::relocate`](super::Edit::relocate) cannot move them; `None` when it can.
    pub fixed: Option<&'static str>,
}

/// A volume that can tell its clusters' holders.
pub trait Owners: Send + Sync {
    /// Tells who holds the used clusters of `within`, in one pass over the metadata and with memory that does not
    /// grow with the number of files: clipped to `within`, in no particular order, free clusters not at all, and each
    /// used one at least once (more often where the volume contradicts itself).
    ///
    /// # Errors
    /// When the medium cannot be read, or the look is cancelled. A file whose own records are damaged is left out;
    /// its clusters are then told as [`Holder::Lost`].
    fn owners(&self, within: &ExtentSet, watch: &dyn Watch, see: &mut dyn FnMut(Owner)) -> Result<()>;
}

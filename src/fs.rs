//! File systems: what is on a volume, which clusters it uses, and the files in it.
//!
//! Each file system has a folder of its own with a [`Driver`]; [`probe`] asks all of them. Drivers
//! never write and never trust a number they read.

pub mod ext;
pub mod fat;
pub mod foreign;
pub mod ntfs;
mod tree;

pub use crate::volume::{Anchors, ByteRange, Kind, State, Summary};
pub use tree::{Attributes, Entry, EntryKind, MAX_DEPTH, Stream, Tree};

use std::fmt;

use crate::device::SharedDevice;
use crate::error::Result;
use crate::extent::ClusterMap;
use crate::unit::Grid;

/// An open volume.
pub trait FileSystem: Send + Sync {
    /// The volume in a few fields.
    fn summary(&self) -> &Summary;

    /// How the volume is cut into clusters for imaging.
    fn grid(&self) -> Grid;

    /// Every cluster that must be kept, exactly as the file system says; on [`grid`](Self::grid).
    ///
    /// # Errors
    /// When the file system's own bookkeeping cannot be read or contradicts itself.
    fn used(&self) -> Result<ClusterMap>;

    /// How many of its own clusters ([`Summary::clusters`]) are used, as its own tools count them.
    ///
    /// # Errors
    /// As [`used`](Self::used).
    fn count_used(&self) -> Result<u64>;

    /// What a restore must treat specially.
    fn anchors(&self) -> Anchors;

    /// The files in it.
    fn tree(&self) -> &dyn Tree;
}

impl fmt::Debug for dyn FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary().fmt(f)
    }
}

/// One file system Lifeboat can read.
pub struct Driver {
    /// Its name, for messages.
    pub name: &'static str,
    /// Looks at the volume's first bytes (and only there): its kind, if it is this driver's.
    pub recognise: fn(&SharedDevice) -> Result<Option<Kind>>,
    /// Opens a volume that was recognised.
    pub open: fn(SharedDevice) -> Result<Box<dyn FileSystem>>,
}

/// The drivers.
const DRIVERS: [&Driver; 3] = [&fat::DRIVER, &ntfs::DRIVER, &ext::DRIVER];

/// What a look at a volume's signatures tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Probe {
    /// No signature that Lifeboat knows.
    None,
    /// Exactly one.
    One(Kind),
    /// More than one: said, never picked.
    Ambiguous(Vec<Kind>),
}

/// Looks for the signatures of all kinds.
///
/// # Errors
/// When the device cannot be read.
pub fn probe(device: &SharedDevice) -> Result<Probe> {
    let mut kinds = foreign::recognise(device)?;
    if kinds == [Kind::Unfinished] {
        return Ok(Probe::One(Kind::Unfinished));
    }
    for driver in DRIVERS {
        kinds.extend((driver.recognise)(device)?);
    }
    Ok(match kinds[..] {
        [] => Probe::None,
        [kind] => Probe::One(kind),
        _ => Probe::Ambiguous(kinds),
    })
}

/// Opens a volume of the given kind.
///
/// # Errors
/// When the kind has no driver, or the volume cannot be read or contradicts itself.
pub fn open(device: SharedDevice, kind: Kind) -> Result<Box<dyn FileSystem>> {
    let driver = match kind {
        Kind::Fat12 | Kind::Fat16 | Kind::Fat32 => &fat::DRIVER,
        Kind::Ntfs => &ntfs::DRIVER,
        Kind::Ext2 | Kind::Ext3 | Kind::Ext4 => &ext::DRIVER,
        other => {
            return Err(crate::error::Error::unsupported(format!("the files of a {other} volume cannot be read"))
                .advise("It can be imaged as raw sectors"));
        }
    };
    (driver.open)(device)
}

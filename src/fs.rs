//! File systems: what is on a volume, which clusters it uses, and the files in it.
//!
//! Each file system has a folder of its own with a [`Driver`]; [`probe`] asks all of them. Drivers
//! never write and never trust a number they read.

pub mod ext;
pub mod fat;
pub mod foreign;
pub mod ntfs;
mod tree;

pub use tree::{Attributes, Entry, EntryKind, MAX_DEPTH, Stream, Tree};

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::device::SharedDevice;
use crate::error::Result;
use crate::extent::ClusterMap;
use crate::unit::{ByteLen, ByteOffset, Grid};

/// What kind of volume it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are the file systems' own")]
pub enum Kind {
    Fat12,
    Fat16,
    Fat32,
    Ntfs,
    Ext2,
    Ext3,
    Ext4,
    ExFat,
    Xfs,
    Btrfs,
    HfsPlus,
    Swap,
    Luks,
    Lvm2,
    BitLocker,
    Iso9660,
    Squashfs,
    /// A target whose restore by Lifeboat was cut short: see `image::seal`.
    Unfinished,
    /// Nothing that Lifeboat knows.
    Unknown,
    /// Signatures of more than one kind: never guessed.
    Ambiguous,
}

impl Kind {
    /// The name in every output: `fat32`, `ntfs`, `ext4`…
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fat12 => "fat12",
            Self::Fat16 => "fat16",
            Self::Fat32 => "fat32",
            Self::Ntfs => "ntfs",
            Self::Ext2 => "ext2",
            Self::Ext3 => "ext3",
            Self::Ext4 => "ext4",
            Self::ExFat => "exfat",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
            Self::HfsPlus => "hfsplus",
            Self::Swap => "swap",
            Self::Luks => "luks",
            Self::Lvm2 => "lvm2",
            Self::BitLocker => "bitlocker",
            Self::Iso9660 => "iso9660",
            Self::Squashfs => "squashfs",
            Self::Unfinished => "unfinished",
            Self::Unknown => "unknown",
            Self::Ambiguous => "ambiguous",
        }
    }

    /// True when Lifeboat knows which clusters are used; all others are imaged as raw sectors.
    #[must_use]
    pub fn has_driver(self) -> bool {
        matches!(self, Self::Fat12 | Self::Fat16 | Self::Fat32 | Self::Ntfs | Self::Ext2 | Self::Ext3 | Self::Ext4)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// In which state the volume was left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Unmounted properly.
    Clean,
    /// Not unmounted properly, or marked as having errors.
    Dirty,
    /// Windows sleeps on it (hibernation or fast start); it will write what it remembers.
    Hibernated,
    /// A journal or log waits to be replayed.
    Journal,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Clean => "clean",
            Self::Dirty => "dirty",
            Self::Hibernated => "hibernated",
            Self::Journal => "journal",
        })
    }
}

/// A volume in a few fields, in the file system's own terms.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// What it is.
    pub kind: Kind,
    /// Its name, when it has one.
    pub label: Option<String>,
    /// Serial number (`1A2B-3C4D` for FAT, 16 hex digits for NTFS) or UUID.
    pub id: Option<String>,
    /// The volume's length: from its first byte to the last that belongs to it (an NTFS backup boot
    /// sector included). The partition may be longer.
    pub len: ByteLen,
    /// The logical sector size the volume was made for.
    pub sector_bytes: u32,
    /// The file system's allocation unit (its cluster, ext's block; with `bigalloc` still the block).
    pub cluster_bytes: u32,
    /// How many of those it has, as its own tools count them (FAT: data clusters).
    pub clusters: u64,
    /// How it was left.
    pub state: State,
    /// Anything worth saying: a backup boot record used, features that matter.
    pub notes: Vec<String>,
}

/// Bytes of a volume, by place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ByteRange {
    /// The first byte.
    pub offset: ByteOffset,
    /// How many.
    pub len: ByteLen,
}

/// What a restore must treat specially, recorded in the image so that restoring parses no file system.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Anchors {
    /// What makes the volume look valid (boot record, superblock, and their backups when they alone
    /// would make it recognisable): written last. Whole 512-byte sectors.
    pub seals: Vec<ByteRange>,
    /// 32-bit little-endian fields that hold the volume's start on its disk in sectors ("hidden
    /// sectors"), in the boot record and its backup: patched to the new place.
    pub hidden_sectors: Vec<ByteOffset>,
}

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

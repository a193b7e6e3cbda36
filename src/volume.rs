//! A volume in a few fields: its kind, its state, what a restore must treat specially. Plain data that file systems
//! fill in, images carry and every face shows.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::unit::{ByteLen, ByteOffset};

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

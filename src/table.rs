//! Partition tables: GPT and MBR, read with the crates of those names and checked by ourselves, the search for
//! volumes that no table names any more, and what to write to put a table back.
//!
//! | module | what it knows |
//! |---|---|
//! | `read` | which table counts: GPT, MBR, hybrid, leftovers, 512- or 4096-byte sectors |
//! | `gpt` | one copy of a GPT, checked by ourselves; the crate `gpt` decodes its entries |
//! | `mbr` | sector 0 (decoded by the crate `mbrman`) and our own walk of the chain of logical partitions |
//! | `check` | ranges and overlaps, said in sentences |
//! | `types` | partition types in words |
//! | `signs` | boot records and superblocks, as far as a search needs them |
//! | `scan` | the search for volumes by those signs |
//! | `write` | what to write to put a table, or one entry of it, back: worked out as data, never written here |

mod check;
mod gpt;
mod mbr;
mod read;
mod scan;
mod signs;
mod types;
mod write;

pub use read::read;
pub use scan::{Depth, Found, Scan, ScanProgress, find_at, scan};
pub use types::{RECOVERY_TYPE_GPT, RECOVERY_TYPE_MBR, holds_files, is_extended};
pub use write::{
    SectorWrite, TableCopy, TablePart, Told, WantedEntry, after, bytes_from_hex, capture, put_back, put_entry,
    set_type, tells,
};

use serde::{Deserialize, Serialize};

use crate::unit::{ByteLen, ByteOffset};

/// Which kind of table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are the tables' own")]
pub enum Kind {
    Gpt,
    Mbr,
    /// No table: the whole device may be one volume.
    #[default]
    None,
}

impl Kind {
    /// `gpt`, `mbr` or `none`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gpt => "gpt",
            Self::Mbr => "mbr",
            Self::None => "none",
        }
    }
}

/// In what state the table is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Nothing to say.
    #[default]
    Ok,
    /// Usable, but something is wrong with it; the notes say what.
    Degraded,
    /// There is one, but it cannot be used.
    Damaged,
}

/// A disk's partition table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Table {
    /// Which kind.
    pub kind: Kind,
    /// The disk's GUID (GPT) or signature (MBR, 8 hex digits).
    pub id: Option<String>,
    /// In what state.
    pub health: Health,
    /// The primary table is of no use, and its backup was taken.
    pub from_backup: bool,
    /// What is worth saying, in sentences.
    pub notes: Vec<String>,
    /// The sector size the table is written for.
    pub sector_bytes: u32,
    /// Its partitions, in the order of their numbers.
    pub entries: Vec<Entry>,
}

/// One partition.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Entry {
    /// Its number, as the kernel counts (logical partitions from 5 on).
    pub number: u32,
    /// Where it begins on the disk.
    pub start: ByteOffset,
    /// How long it is.
    pub len: ByteLen,
    /// Type GUID (GPT, upper case) or `0x07` (MBR).
    pub type_id: String,
    /// The type in words, where it is known.
    pub type_name: Option<String>,
    /// The partition's name (GPT).
    pub name: Option<String>,
    /// The partition's GUID (GPT), or signature and number (MBR, as Linux's PARTUUID).
    pub id: Option<String>,
    /// MBR: the active flag; GPT: the legacy-boot attribute.
    pub active: bool,
    /// The entry's bytes in the table (128 or 16), for exact restoring.
    pub raw: Vec<u8>,
    /// True for a volume that no table names: found by its boot record or superblock.
    pub found: bool,
}

impl Entry {
    /// The byte after its last one, or `None` for an entry that ends past 2^64.
    #[must_use]
    pub fn end(&self) -> Option<ByteOffset> {
        self.start.checked_add(self.len)
    }

    /// True for an MBR's extended partition: a frame around logical ones, never a volume.
    #[must_use]
    pub fn is_extended(&self) -> bool {
        is_extended(&self.type_id)
    }
}

impl Table {
    /// Something is wrong with the table, but it is usable.
    fn degrade(&mut self, note: impl Into<String>) {
        if self.health == Health::Ok {
            self.health = Health::Degraded;
        }
        self.notes.push(note.into());
    }
}

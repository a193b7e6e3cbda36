//! A record's attributes as they lie in its bytes: nothing is copied, so that a whole MFT can be looked through.
//!
//! | Offset | Size | Meaning (attribute header) |
//! |---|---|---|
//! | 0x00 | 4 | type |
//! | 0x04 | 4 | length with everything |
//! | 0x08 | 1 | 1 when the value lies in clusters |
//! | 0x09 | 1 + 2 | units of the name, and where it lies |
//! | 0x0C | 2 | flags |
//! | 0x0E | 2 | instance: unique in the record |
//! | 0x10 | 4 + 2 | resident: length of the value, and where it lies |
//! | 0x10 | 8 + 8 | in clusters: first and last cluster that this part describes |
//! | 0x20 | 2 + 2 | where the mapping pairs lie; compression unit as a power of two |
//! | 0x28 | 8 × 3 | allocated, real and initialised length; only in the first part |
//! | 0x40 | 8 | bytes that are really there, when the attribute is compressed or sparse |
//!
//! Source: Linux-NTFS documentation, "Attribute header".

use super::record::{Reference, kind};
use crate::bytes::{u8_at, u16_at, u32_at, u64_at, units_at};

/// An attribute of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// All its bytes.
    pub(super) bytes: &'a [u8],
    /// Where it lies in the record.
    pub(super) at: usize,
    /// Its type.
    pub(super) kind: u32,
}

impl<'a> View<'a> {
    /// The attribute at `at`, when one lies there that fits the record's used bytes; `None` at the end mark, too.
    pub(super) fn read(record: &'a [u8], at: usize) -> Option<Self> {
        let kind = u32_at(record, at).filter(|kind| *kind != kind::END)?;
        let len = u32_at(record, at.checked_add(4)?)? as usize;
        let bytes = record.get(at..at.checked_add(len)?)?;
        (len >= 0x18 && len.is_multiple_of(8)).then_some(Self { bytes, at, kind })
    }

    /// True when its value lies in the record.
    pub(super) fn is_resident(&self) -> bool {
        self.bytes[8] == 0
    }

    /// Units in its name.
    pub(super) fn name_len(&self) -> usize {
        usize::from(self.bytes[9])
    }

    /// Its name, when it lies within it.
    pub(super) fn name(&self) -> Option<Vec<u16>> {
        match self.name_len() {
            0 => Some(Vec::new()),
            count => units_at(self.bytes, usize::from(u16_at(self.bytes, 10)?), count),
        }
    }

    /// Its flags.
    pub(super) fn flags(&self) -> u16 {
        u16_at(self.bytes, 12).unwrap_or(0)
    }

    /// Its number in the record.
    pub(super) fn instance(&self) -> u16 {
        u16_at(self.bytes, 14).unwrap_or(0)
    }

    /// A resident value, when it lies within it.
    pub(super) fn value(&self) -> Option<&'a [u8]> {
        let len = u32_at(self.bytes, 0x10)? as usize;
        let at = usize::from(u16_at(self.bytes, 0x14)?);
        self.bytes.get(at..at.checked_add(len)?).filter(|_| self.is_resident())
    }

    /// The first cluster that a part in clusters describes; 0 for a resident one.
    pub(super) fn lowest(&self) -> u64 {
        if self.is_resident() { 0 } else { u64_at(self.bytes, 0x10).unwrap_or(0) }
    }

    /// The mapping pairs of a part in clusters.
    pub(super) fn pairs(&self) -> Option<&'a [u8]> {
        let at = usize::from(u16_at(self.bytes, 0x20)?);
        self.bytes.get(at..).filter(|_| !self.is_resident() && at >= 0x40)
    }
}

/// The attributes of a record whose fixups were taken back, up to the first that does not fit.
pub(super) fn views(record: &[u8]) -> impl Iterator<Item = View<'_>> {
    let used = u32_at(record, 0x18).map_or(0, |used| used as usize).min(record.len());
    let mut at = u16_at(record, 0x14).map_or(usize::MAX, usize::from);
    std::iter::from_fn(move || {
        let view = View::read(&record[..used], at)?;
        at += view.bytes.len();
        Some(view)
    })
}

/// A record's header fields that tell whose it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// Its sequence number.
    pub(super) sequence: u16,
    /// Names that refer to it, as it says.
    pub(super) links: u16,
    /// True while it belongs to a file.
    pub(super) in_use: bool,
    /// True for a directory.
    pub(super) directory: bool,
    /// The base record, or 0.
    pub(super) base: Reference,
}

impl Header {
    /// Reads it; a record has at least 512 bytes.
    pub(super) fn read(record: &[u8]) -> Self {
        let field = |at| u16_at(record, at).unwrap_or(0);
        Self {
            sequence: field(0x10),
            links: field(0x12),
            in_use: field(0x16) & 1 != 0,
            directory: field(0x16) & 2 != 0,
            base: Reference(u64_at(record, 0x20).unwrap_or(0)),
        }
    }

    /// The reference that leads to this record.
    pub(super) fn reference(&self, number: u64) -> Reference {
        Reference(number | u64::from(self.sequence) << 48)
    }
}

/// The fixed part of a `$FILE_NAME`, which is also the key of a directory's entry.
pub(super) const FILE_NAME_BYTES: usize = 66;

/// A `$FILE_NAME`: parent's reference at 0, units at 0x40, name space at 0x41, the name at 0x42.
///
/// Source: Linux-NTFS documentation, "$FILE_NAME".
#[derive(Clone, Copy, Debug)]
pub(super) struct FileName<'a> {
    /// The directory.
    pub(super) parent: Reference,
    /// 0 POSIX, 1 Windows, 2 DOS, 3 Windows and DOS.
    pub(super) space: u8,
    /// The name's units, as bytes.
    pub(super) name: &'a [u8],
}

impl<'a> FileName<'a> {
    /// Reads it; `None` when it does not fit.
    pub(super) fn read(value: &'a [u8]) -> Option<Self> {
        let len = usize::from(u8_at(value, 64)?) * 2;
        let name = value.get(FILE_NAME_BYTES..FILE_NAME_BYTES + len)?;
        Some(Self { parent: Reference(u64_at(value, 0)?), space: u8_at(value, 65)?, name })
    }

    /// The name's units.
    pub(super) fn units(&self) -> Vec<u16> {
        self.name.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
    }
}

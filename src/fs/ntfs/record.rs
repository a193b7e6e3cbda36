//! MFT records and the attributes in them.
//!
//! A record (and an index block) is protected by fixups: the last two bytes of each 512 bytes are replaced on disk by
//! an update sequence number, so that a torn write shows. The true bytes stand in an array in the header.
//!
//! | Offset | Size | Meaning (record header) |
//! |---|---|---|
//! | 0x00 | 4 | `FILE` |
//! | 0x04 | 2 + 2 | where the update sequence array lies, and its entries (1 + one for each 512 bytes) |
//! | 0x10 | 2 | sequence number: how often the record was reused |
//! | 0x14 | 2 | where the first attribute lies |
//! | 0x16 | 2 | flags: 1 in use, 2 directory |
//! | 0x18 | 4 | bytes in use |
//! | 0x20 | 8 | the base record's reference, 0 in a base record |
//!
//! Source: Linux-NTFS documentation, "FILE record" and "Attributes".

use super::runs::{self, Run};
use crate::bytes::{u8_at, u16_at, u32_at, u64_at, units_at};
use crate::error::{Error, Result};
use crate::unit::ByteOffset;

/// Bytes that one fixup protects, whatever the sector size.
const FIXUP_STRIDE: usize = 512;

/// Types of attributes.
pub(super) mod kind {
    pub(in crate::fs::ntfs) const STANDARD_INFORMATION: u32 = 0x10;
    pub(in crate::fs::ntfs) const ATTRIBUTE_LIST: u32 = 0x20;
    pub(in crate::fs::ntfs) const FILE_NAME: u32 = 0x30;
    pub(in crate::fs::ntfs) const VOLUME_NAME: u32 = 0x60;
    pub(in crate::fs::ntfs) const VOLUME_INFORMATION: u32 = 0x70;
    pub(in crate::fs::ntfs) const DATA: u32 = 0x80;
    pub(in crate::fs::ntfs) const INDEX_ROOT: u32 = 0x90;
    pub(in crate::fs::ntfs) const INDEX_ALLOCATION: u32 = 0xA0;
    pub(in crate::fs::ntfs) const BITMAP: u32 = 0xB0;
    pub(in crate::fs::ntfs) const REPARSE_POINT: u32 = 0xC0;
    /// Ends the attributes of a record.
    pub(in crate::fs::ntfs) const END: u32 = 0xFFFF_FFFF;
}

/// A reference to a record: its number, and the sequence number it must have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(super) struct Reference(pub(super) u64);

impl Reference {
    /// The record's number (48 bits).
    pub(super) fn number(self) -> u64 {
        self.0 & 0xFFFF_FFFF_FFFF
    }

    /// The sequence number; 0 means that it is not checked.
    pub(super) fn sequence(self) -> u16 {
        (self.0 >> 48) as u16
    }
}

/// One record, its fixups verified and taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Record {
    /// Its sequence number.
    pub(super) sequence: u16,
    /// True while it belongs to a file.
    pub(super) in_use: bool,
    /// True for a directory.
    pub(super) directory: bool,
    /// The base record, for an extension record.
    pub(super) base: Reference,
    /// Its attributes, in order.
    pub(super) attributes: Vec<Attribute>,
}

/// An attribute, or the part of one that a record holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Attribute {
    /// Its type; see [`kind`].
    pub(super) kind: u32,
    /// Its name; empty for the main one of its kind.
    pub(super) name: Vec<u16>,
    /// 0x00FF compressed, 0x4000 encrypted, 0x8000 sparse.
    pub(super) flags: u16,
    /// Where it lies on the volume, for messages.
    pub(super) place: ByteOffset,
    /// Its content.
    pub(super) body: Body,
}

/// What an attribute holds, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Body {
    /// In the record.
    Resident(Vec<u8>),
    /// In clusters.
    Clusters(Clusters),
}

/// A non-resident attribute; the lengths hold in its first part only (`lowest` 0).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Clusters {
    /// The first cluster this part describes.
    pub(super) lowest: u64,
    /// The cluster behind the last one.
    pub(super) end: u64,
    /// Clusters in a compression unit, as a power of two; 0 for none.
    pub(super) unit: u16,
    /// Length in bytes.
    pub(super) len: u64,
    /// Bytes that were written; what follows reads as zeros.
    pub(super) initialized: u64,
    /// Where the clusters lie.
    pub(super) runs: Vec<Run>,
}

/// Verifies the fixups of a record or index block and takes them back.
///
/// # Errors
/// When the magic differs, the array does not fit, or a sector carries another sequence number (a torn write).
pub(super) fn unfix(bytes: &mut [u8], magic: &[u8; 4], place: ByteOffset) -> Result<()> {
    if bytes.get(..4) != Some(magic.as_slice()) {
        let found = String::from_utf8_lossy(bytes.get(..4).unwrap_or(bytes)).escape_default().to_string();
        return Err(Error::corrupt(place, String::from_utf8_lossy(magic), format!("\"{found}\"")));
    }
    let usa = usize::from(u16_at(bytes, 4).unwrap_or(0));
    let entries = usize::from(u16_at(bytes, 6).unwrap_or(0));
    let array = bytes.get(usa..usa.saturating_add(entries * 2)).map(<[u8]>::to_vec);
    let array = match array {
        Some(array)
            if usa % 2 == 0 && entries == bytes.len() / FIXUP_STRIDE + 1 && usa + entries * 2 <= FIXUP_STRIDE - 2 =>
        {
            array
        }
        _ => return Err(Error::corrupt(place, "an update sequence array that fits", format!("{entries} at {usa}"))),
    };
    for (at, sector) in bytes.chunks_exact_mut(FIXUP_STRIDE).enumerate() {
        let tail = &mut sector[FIXUP_STRIDE - 2..];
        if tail != &array[..2] {
            let torn = ByteOffset(place.0.saturating_add(((at + 1) * FIXUP_STRIDE - 2) as u64));
            return Err(Error::corrupt(torn, format!("{:02x?}", &array[..2]), format!("{tail:02x?}: a torn write")));
        }
        tail.copy_from_slice(&array[(at + 1) * 2..(at + 2) * 2]);
    }
    Ok(())
}

impl Record {
    /// Takes a record apart that was read from `place`, on a volume of `clusters` clusters.
    ///
    /// # Errors
    /// When its fixups fail or an attribute does not fit.
    pub(super) fn parse(mut bytes: Vec<u8>, clusters: u64, place: ByteOffset) -> Result<Self> {
        unfix(&mut bytes, b"FILE", place)?;
        let short = || Error::corrupt(place, "a record header", "too few bytes");
        let sequence = u16_at(&bytes, 0x10).ok_or_else(short)?;
        let flags = u16_at(&bytes, 0x16).ok_or_else(short)?;
        let used = u32_at(&bytes, 0x18).ok_or_else(short)? as usize;
        let base = Reference(u64_at(&bytes, 0x20).ok_or_else(short)?);
        let record = bytes
            .get(..used)
            .ok_or_else(|| Error::corrupt(place, format!("at most {} bytes in use", bytes.len()), used))?;
        let mut at = usize::from(u16_at(record, 0x14).ok_or_else(short)?);
        let mut attributes = Vec::new();
        loop {
            let here = ByteOffset(place.0.saturating_add(at as u64));
            let missing = || Error::corrupt(here, "an attribute or the end mark", "the record's end");
            let kind = u32_at(record, at).ok_or_else(missing)?;
            if kind == kind::END {
                break;
            }
            let len = u32_at(record, at + 4).ok_or_else(missing)? as usize;
            let body = at.checked_add(len).and_then(|end| record.get(at..end));
            let Some(body) = body.filter(|_| len >= 0x18 && len.is_multiple_of(8)) else {
                return Err(Error::corrupt(here, "an attribute within the record", format!("{len} bytes")));
            };
            attributes.push(Attribute::parse(body, kind, clusters, here)?);
            at += len;
        }
        Ok(Self { sequence, in_use: flags & 1 != 0, directory: flags & 2 != 0, base, attributes })
    }
}

impl Attribute {
    pub(super) fn parse(bytes: &[u8], kind: u32, clusters: u64, place: ByteOffset) -> Result<Self> {
        let wrong = || Error::corrupt(place, "an attribute header", "fields that do not fit");
        let name_len = usize::from(u8_at(bytes, 9).ok_or_else(wrong)?);
        let name_at = usize::from(u16_at(bytes, 10).ok_or_else(wrong)?);
        let name = if name_len == 0 { Vec::new() } else { units_at(bytes, name_at, name_len).ok_or_else(wrong)? };
        let flags = u16_at(bytes, 12).ok_or_else(wrong)?;
        let body = if u8_at(bytes, 8).ok_or_else(wrong)? == 0 {
            let len = u32_at(bytes, 0x10).ok_or_else(wrong)? as usize;
            let at = usize::from(u16_at(bytes, 0x14).ok_or_else(wrong)?);
            let value = at.checked_add(len).and_then(|end| bytes.get(at..end)).ok_or_else(wrong)?;
            Body::Resident(value.to_vec())
        } else {
            Body::Clusters(Clusters::parse(bytes, clusters, place)?)
        };
        Ok(Self { kind, name, flags, place, body })
    }
}

impl Clusters {
    fn parse(bytes: &[u8], clusters: u64, place: ByteOffset) -> Result<Self> {
        let wrong = || Error::corrupt(place, "an attribute header", "fields that do not fit");
        let lowest = u64_at(bytes, 0x10).ok_or_else(wrong)?;
        // The last cluster of an attribute without any is -1.
        let end = u64_at(bytes, 0x18).ok_or_else(wrong)?.wrapping_add(1);
        let pairs_at = usize::from(u16_at(bytes, 0x20).ok_or_else(wrong)?);
        let unit = u16_at(bytes, 0x22).ok_or_else(wrong)?;
        let (len, initialized) = if lowest == 0 {
            (u64_at(bytes, 0x30).ok_or_else(wrong)?, u64_at(bytes, 0x38).ok_or_else(wrong)?)
        } else {
            (0, 0)
        };
        if len > i64::MAX as u64 {
            return Err(Error::corrupt(place, "a length", format!("0x{len:x}")));
        }
        let pairs = bytes.get(pairs_at..).ok_or_else(wrong)?;
        let runs = runs::decode(pairs, lowest, clusters, place)?;
        let covered = runs.last().map_or(lowest, Run::end);
        if covered != end {
            return Err(Error::corrupt(place, format!("runs that end at cluster {end}"), covered));
        }
        Ok(Self { lowest, end, unit, len, initialized, runs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Vec<u8> {
        let mut bytes = vec![0; 1024];
        bytes[..4].copy_from_slice(b"FILE");
        bytes[4..8].copy_from_slice(&[0x30, 0, 3, 0]);
        bytes[0x14] = 0x38;
        bytes[0x16] = 1;
        bytes[0x18] = 0x58;
        bytes[0x30..0x36].copy_from_slice(&[7, 0, 0xAA, 0xBB, 0xCC, 0xDD]);
        // One resident, unnamed attribute with the value "life" and the end mark.
        bytes[0x38] = 0x80;
        bytes[0x3C] = 0x20;
        bytes[0x48] = 4;
        bytes[0x4C] = 0x18;
        bytes[0x50..0x54].copy_from_slice(b"life");
        bytes.splice(0x58..0x5C, [0xFF; 4]);
        bytes[0x18] = 0x60;
        for end in [512, 1024] {
            bytes[end - 2..end].copy_from_slice(&[7, 0]);
        }
        bytes
    }

    #[test]
    fn a_record_gives_its_attributes_and_its_true_bytes() {
        let parsed = Record::parse(record(), 100, ByteOffset(0)).unwrap();
        assert!(parsed.in_use && !parsed.directory);
        assert_eq!(parsed.attributes[0].body, Body::Resident(b"life".to_vec()));
        let mut bytes = record();
        unfix(&mut bytes, b"FILE", ByteOffset(0)).unwrap();
        assert_eq!((&bytes[510..512], &bytes[1022..]), (&[0xAA, 0xBB][..], &[0xCC, 0xDD][..]));
    }

    #[test]
    fn a_torn_record_is_told_with_the_byte_that_shows_it() {
        let mut bytes = record();
        bytes[1022] = 6;
        assert_eq!(Record::parse(bytes, 100, ByteOffset(4096)).unwrap_err().place(), Some(ByteOffset(4096 + 1022)));
    }

    #[test]
    fn any_single_wrong_byte_in_a_record_never_panics() {
        for at in 0..0x60 {
            for value in [0, 1, 0x7F, 0x80, 0xFF] {
                let mut bytes = record();
                bytes[at] = value;
                let _ = Record::parse(bytes, 100, ByteOffset(0));
            }
        }
    }
}

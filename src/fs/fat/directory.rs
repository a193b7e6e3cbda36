//! Directories: 32-byte entries, decoded into records with a name, a place and a time.
//!
//! | Offset | Size | Meaning (fatgen103, "FAT Directory Structure") |
//! |---|---|---|
//! | 0x00 | 11 | short name; first byte 00: no entry from here on, E5: deleted, 05: means E5 |
//! | 0x0B | 1 | attributes; 0F in the low six bits: part of a long name |
//! | 0x0C | 1 | 08 and 10: name and extension are shown in lower case |
//! | 0x14 | 2 | high half of the first cluster (FAT32) |
//! | 0x16 | 4 | time and date of the last change |
//! | 0x1A | 2 | low half of the first cluster |
//! | 0x1C | 4 | length in bytes; 0 for directories |

use std::collections::HashMap;
use std::ffi::OsString;

use zerocopy::byteorder::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::name::{LongName, fold, oem_text, short_name};
use crate::fs::{Attributes, Entry, EntryKind};

/// Bytes in an entry.
pub(super) const ENTRY_BYTES: usize = 32;
/// No directory may be larger (65536 entries: fatgen103, and what Windows and Linux enforce).
pub(super) const MAX_DIRECTORY_BYTES: u64 = 65536 * ENTRY_BYTES as u64;

pub(super) const READ_ONLY: u8 = 0x01;
pub(super) const HIDDEN: u8 = 0x02;
pub(super) const SYSTEM: u8 = 0x04;
pub(super) const VOLUME_LABEL: u8 = 0x08;
pub(super) const DIRECTORY: u8 = 0x10;
pub(super) const ARCHIVE: u8 = 0x20;
/// Read-only, hidden, system and label at once: never a real entry, so old systems skip long names.
pub(super) const LONG_NAME: u8 = 0x0F;
/// The attribute bits that mean something.
pub(super) const ATTRIBUTES: u8 = 0x3F;

/// An entry as it is on the disk.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct RawEntry {
    pub name: [u8; 11],
    pub attributes: u8,
    pub case: u8,
    pub created_and_read: [u8; 7],
    pub cluster_high: U16,
    pub time: U16,
    pub date: U16,
    pub cluster_low: U16,
    pub bytes: U32,
}

const _: () = assert!(size_of::<RawEntry>() == ENTRY_BYTES);

/// A file or directory: where it begins, and what there is to show of it.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub name: OsString,
    pub is_directory: bool,
    pub attributes: Attributes,
    pub modified: Option<jiff::Timestamp>,
    /// The first cluster's number; 0 when nothing is allocated.
    pub cluster: u32,
    pub bytes: u32,
}

impl RawEntry {
    /// True for the entry of a directory.
    pub(super) fn is_directory(&self) -> bool {
        self.attributes & DIRECTORY != 0
    }
}

/// True for a part of a long name.
pub(super) fn is_long_name(entry: &RawEntry) -> bool {
    entry.attributes & ATTRIBUTES == LONG_NAME
}

/// True for the entry that holds the volume's label.
pub(super) fn is_label(entry: &RawEntry) -> bool {
    !is_long_name(entry) && entry.attributes & VOLUME_LABEL != 0
}

impl Record {
    pub(super) fn decode(raw: &RawEntry, long: Option<OsString>, wide: bool) -> Self {
        let has = |bit| raw.attributes & bit != 0;
        // FAT12/16 volumes may hold OS/2's extended attributes where FAT32 has the high half.
        let high = if wide { u32::from(raw.cluster_high.get()) << 16 } else { 0 };
        Self {
            name: long.unwrap_or_else(|| short_name(raw).into()),
            is_directory: has(DIRECTORY),
            attributes: Attributes {
                read_only: has(READ_ONLY),
                hidden: has(HIDDEN),
                system: has(SYSTEM),
                archive: has(ARCHIVE),
                ..Attributes::default()
            },
            modified: timestamp(raw.date.get(), raw.time.get()),
            cluster: (high | u32::from(raw.cluster_low.get())) & 0x0FFF_FFFF,
            bytes: if has(DIRECTORY) { 0 } else { raw.bytes.get() },
        }
    }

    /// As every file system shows it.
    pub(super) fn to_entry(&self) -> Entry {
        Entry {
            name: self.name.clone(),
            kind: if self.is_directory { EntryKind::Directory } else { EntryKind::File },
            bytes: self.bytes.into(),
            modified: self.modified,
            attributes: self.attributes,
            streams: Vec::new(),
        }
    }
}

/// Local time, taken as UTC; nothing for a date that no calendar has.
pub(super) fn timestamp(date: u16, time: u16) -> Option<jiff::Timestamp> {
    // Each of these has at most seven bits, so it fits.
    let part = |value: u16, shift: u16, bits: u16| (value >> shift & ((1 << bits) - 1)) as i8;
    let year = 1980 + i16::from(part(date, 9, 7));
    let seconds = part(time, 0, 5).checked_mul(2)?;
    let date = jiff::civil::Date::new(year, part(date, 5, 4), part(date, 0, 5)).ok()?;
    let time = jiff::civil::Time::new(part(time, 11, 5), part(time, 5, 6), seconds, 0).ok()?;
    date.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// A decoded directory.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// Its files and directories, in its own order, without `.` and `..`.
    pub records: Vec<Record>,
    /// The volume's label, where this is a root directory that has one.
    pub label: Option<String>,
    /// Long and short names, case folded, with the record's place; the first of equal names wins.
    by_name: HashMap<Vec<u8>, usize>,
}

impl Directory {
    /// Decodes the entries; a cut-off one at the end is ignored.
    pub(super) fn decode(bytes: &[u8], wide: bool) -> Self {
        let mut directory = Self::default();
        let mut long = LongName::default();
        for raw in bytes.as_chunks::<ENTRY_BYTES>().0 {
            let entry: RawEntry = zerocopy::transmute!(*raw);
            match entry.name[0] {
                0 => break,
                0xE5 => long.clear(),
                _ if entry.attributes & ATTRIBUTES == LONG_NAME => long.push(raw),
                _ if entry.attributes & VOLUME_LABEL != 0 => {
                    long.clear();
                    directory.label.get_or_insert_with(|| label_text(&entry.name));
                }
                _ if is_dots(&entry.name) => long.clear(),
                _ => directory.add(&entry, long.take(&entry.name), wide),
            }
        }
        directory
    }

    fn add(&mut self, entry: &RawEntry, long: Option<OsString>, wide: bool) {
        let short = short_name(entry);
        if matches!(short.as_str(), "" | "." | "..") && long.is_none() {
            return;
        }
        let at = self.records.len();
        let record = Record::decode(entry, long, wide);
        self.by_name.entry(fold(record.name.as_encoded_bytes())).or_insert(at);
        self.by_name.entry(fold(short.as_bytes())).or_insert(at);
        self.records.push(record);
    }

    /// The record of this long or short name, whatever its case.
    pub(super) fn find(&self, name: &[u8]) -> Option<&Record> {
        self.by_name.get(&fold(name)).map(|at| &self.records[*at])
    }
}

/// `.` and `..`: the directory itself and the one above.
pub(super) fn is_dots(name: &[u8; 11]) -> bool {
    matches!(name, b".          " | b"..         ")
}

/// A label as text; FAT12/16/32 write it in the OEM code page, padded with spaces.
pub(super) fn label_text(label: &[u8; 11]) -> String {
    let mut raw = *label;
    if raw[0] == 0x05 {
        raw[0] = 0xE5;
    }
    oem_text(&raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(name: &[u8; 11], attributes: u8) -> [u8; 32] {
        let mut raw = [0; 32];
        raw[..11].copy_from_slice(name);
        raw[11] = attributes;
        raw
    }

    fn names(entries: &[[u8; 32]]) -> Vec<String> {
        let directory = Directory::decode(entries.as_flattened(), true);
        directory.records.iter().map(|record| record.name.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn what_is_no_file_is_skipped() {
        let entries = [
            raw(b"MY LABEL   ", VOLUME_LABEL),
            raw(b".          ", DIRECTORY),
            raw(b"..         ", DIRECTORY),
            raw(b"\xE5ONE    TXT", 0),
            raw(b"FIRST   TXT", ARCHIVE),
            raw(b"SUB        ", DIRECTORY),
            raw(b"\0          ", 0),
            raw(b"BEHIND  TXT", 0),
        ];
        assert_eq!(names(&entries), ["FIRST.TXT", "SUB"]);
        let directory = Directory::decode(entries.as_flattened(), true);
        assert_eq!(directory.label.as_deref(), Some("MY LABEL"));
        assert!(directory.find(b"first.TXT").is_some_and(|record| !record.is_directory));
        assert!(directory.find(b"sub").is_some_and(|record| record.is_directory));
        assert!(directory.find(b"behind.txt").is_none());
    }

    #[test]
    fn the_high_half_of_a_cluster_counts_on_fat32_only() {
        let mut entry = raw(b"A          ", 0);
        entry[0x14..0x16].copy_from_slice(&0x1234u16.to_le_bytes());
        entry[0x1A..0x1C].copy_from_slice(&0x5678u16.to_le_bytes());
        assert_eq!(Directory::decode(&entry, true).records[0].cluster, 0x0234_5678);
        assert_eq!(Directory::decode(&entry, false).records[0].cluster, 0x5678);
    }

    #[test]
    fn times_are_read_and_impossible_ones_are_not() {
        let date = (2026 - 1980) << 9 | 11 << 5 | 21;
        let time = 4 << 11 | 45 << 5 | 28;
        assert_eq!(timestamp(date, time).unwrap().to_string(), "2026-11-21T04:45:56Z");
        assert_eq!(timestamp(0, 0), None);
        assert_eq!(timestamp(0xFFFF, 0xFFFF), None);
        assert_eq!(timestamp(date, 0xFFFF), None);
    }
}

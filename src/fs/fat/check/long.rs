//! The entries before a short name that hold its long one (fatgen103, "Long Directory Entries").
//!
//! | Offset | Size | Meaning |
//! |---|---|---|
//! | 0x00 | 1 | number of the part, from 1; 40 is added to that of the last part, which stands first |
//! | 0x01 | 10 | five units of UTF-16 |
//! | 0x0B | 1 | 0F |
//! | 0x0C | 1 | 0 |
//! | 0x0D | 1 | checksum of the short name |
//! | 0x0E | 12 | six units |
//! | 0x1A | 2 | 0 |
//! | 0x1C | 4 | two units |
//!
//! Parts stand in falling order right before their short name. A reader takes the short name where anything is wrong
//! with them, so a file loses its name at worst: most of this is a warning. It is an error where `fsck.fat` deletes
//! parts or writes to them.

use super::super::directory::{ENTRY_BYTES, RawEntry};
use super::super::name::{MAX_PARTS, checksum};
use super::{Report, shown};
use crate::bytes::u16_at;
use crate::fs::Finding;
use crate::unit::ByteOffset;

/// The long name that is being read.
#[derive(Default)]
pub(super) struct Parts {
    /// The number of the part that was seen last; 0 when no name is being read.
    part: u8,
    checksum: u8,
    offset: ByteOffset,
}

impl Parts {
    /// Looks at a part.
    pub(super) fn push(&mut self, raw: &[u8; ENTRY_BYTES], offset: ByteOffset, directory: &str, report: &mut Report) {
        let (number, is_last) = (raw[0] & 0x3F, raw[0] & 0x40 != 0);
        let add = |report: &mut Report, finding: Finding| report.add(finding.at(offset).of(shown(directory, "")));
        if raw[12] != 0 || u16_at(raw, 26) != Some(0) {
            let message = "expected zeros in the type and the cluster of a long name's part, found something else";
            add(report, Finding::error("fat.long.reserved", message));
        }
        if is_last && (1..=MAX_PARTS).contains(&number) {
            if self.part != 0 {
                let message = format!("expected part {} of a long name, found the beginning of another", self.part - 1);
                add(report, Finding::warning("fat.long.order", message));
            }
            *self = Self { part: number, checksum: raw[13], offset };
        } else if self.part == 0 {
            let message = format!("expected the last part of a long name before the others, found part {number} alone");
            add(report, Finding::warning("fat.long.order", message));
        } else if number + 1 != self.part || is_last {
            let message = format!("expected part {} of a long name, found part {number}", self.part - 1);
            add(report, Finding::warning("fat.long.order", message));
            self.part = 0;
        } else if raw[13] != self.checksum {
            let message =
                format!("expected the checksum {:02X} in a long name's part, found {:02X}", self.checksum, raw[13]);
            add(report, Finding::warning("fat.long.checksum", message));
            self.part = 0;
        } else {
            self.part = number;
        }
    }

    /// Something stands here that can have no long name: parts before it belong to nobody.
    pub(super) fn orphan(&mut self, directory: &str, report: &mut Report) {
        if self.part != 0 {
            let message = "expected a short name after the parts of a long one, found none: the parts belong to nobody";
            report.add(Finding::error("fat.long.orphan", message).at(self.offset).of(shown(directory, "")));
        }
        self.part = 0;
    }

    /// The short name: are the parts complete, and are they its own?
    pub(super) fn finish(&mut self, entry: &RawEntry, path: &str, report: &mut Report) {
        if self.part > 1 {
            let message = format!("expected part {} of a long name, found the short name", self.part - 1);
            report.add(Finding::warning("fat.long.order", message).at(self.offset).of(path));
        } else if self.part == 1 && self.checksum != checksum(&entry.name) {
            let message = format!(
                "expected the short name's checksum {:02X} in its long name, found {:02X}",
                checksum(&entry.name),
                self.checksum
            );
            report.add(Finding::warning("fat.long.checksum", message).at(self.offset).of(path));
        }
        self.part = 0;
    }
}

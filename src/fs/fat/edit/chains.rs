//! The FAT as it will be: entries are changed in memory first, and written to every copy in portions.

use super::Editor;
use crate::device::read_vec;
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::Tag;
use crate::unit::{ByteOffset, Cluster};

/// Changed entries kept before they are written to the overlay: some 20 MiB.
pub(super) const MAX_PENDING: usize = 1 << 20;
/// Read at once from the FAT.
const WINDOW_BYTES: u64 = 64 << 10;
/// Entries written at once.
const MAX_GROUP: usize = 16 << 10;
/// A free cluster (fatgen103, "FAT Data Structure").
const FREE: u32 = 0;

/// The part of the FAT that was read last.
#[derive(Default)]
pub(super) struct Window {
    base: u64,
    bytes: Vec<u8>,
}

impl Editor {
    /// The mark of a chain's end that Windows and Linux write: all bits (fatgen103: FF8 and above end a chain).
    pub(super) fn end_mark(&self) -> u32 {
        self.volume.table.mask
    }

    /// The mark of a bad cluster: FF7, FFF7, 0FFFFFF7 (fatgen103, "FAT Data Structure").
    pub(super) fn bad_mark(&self) -> u32 {
        self.volume.table.mask - 8
    }

    /// An entry as it is now.
    pub(super) fn get(&mut self, number: u32) -> Result<u32> {
        if let Some(value) = self.pending.get(&number) {
            return Ok(*value);
        }
        let table = &self.volume.table;
        let (start, width) = (table.position(number), table.width());
        let window = &mut self.window;
        if start < window.base || start + width > window.base + window.bytes.len() as u64 {
            window.bytes.clear();
            let base = start - start % WINDOW_BYTES;
            // A 12-bit entry may begin in the window's last byte; the table ends where its last entry does.
            let len = (WINDOW_BYTES + width).min(self.volume.boot.fat_bytes - base).max(start + width - base);
            let mut bytes = vec![0; len as usize];
            table.read(base, &mut bytes)?;
            *window = Window { base, bytes };
        }
        Ok(table.decode(number, &window.bytes[(start - window.base) as usize..]))
    }

    /// Changes an entry.
    pub(super) fn set(&mut self, number: u32, value: u32) -> Result<()> {
        let old = self.get(number)?;
        if number >= 2 {
            match (old == FREE, value == FREE) {
                (true, false) => self.free = self.free.saturating_sub(1),
                (false, true) => self.free += 1,
                _ => {}
            }
        }
        self.pending.insert(number, value);
        if self.pending.len() >= MAX_PENDING {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes the changed entries: to the active FAT, or to all.
    pub(super) fn flush(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.window = Window::default();
        let mut group: Vec<(u32, u32)> = Vec::new();
        for (number, value) in pending {
            if group.last().is_some_and(|(last, _)| last + 1 != number) || group.len() >= MAX_GROUP {
                self.write_group(&group)?;
                group.clear();
            }
            group.push((number, value));
        }
        self.write_group(&group)
    }

    /// Writes entries that follow each other.
    fn write_group(&self, group: &[(u32, u32)]) -> Result<()> {
        let (Some((first, _)), Some((last, _))) = (group.first(), group.last()) else { return Ok(()) };
        let (boot, table) = (&self.volume.boot, &self.volume.table);
        let start = table.position(*first);
        let len = table.position(*last) + table.width() - start;
        let copies = boot.active_fat.map_or(0..boot.fats, |active| active..active + 1);
        let mut olds: Option<Vec<u32>> = None;
        for copy in copies {
            let offset = ByteOffset(boot.fat_offset.0 + boot.fat_bytes * u64::from(copy) + start);
            let mut raw = read_vec(&*self.overlay, offset, len as usize)?;
            let at = |number: u32| (table.position(number) - start) as usize;
            let found: Vec<u32> = group.iter().map(|(number, _)| table.decode(*number, &raw[at(*number)..])).collect();
            // A copy that differs where it is changed would be made to differ in another way. Entries 0 and 1 are no
            // clusters, and Windows keeps its state bits in the first FAT alone.
            if *first >= 2 && olds.as_ref().is_some_and(|olds| *olds != found) {
                return Err(Error::refused(format!(
                    "FAT 1 and FAT {} differ in entries {first} to {last}: which is right is not guessed",
                    copy + 1
                ))
                .advise("Have the volume repaired first: `fsck.fat -a`, or `chkdsk X: /f` in Windows"));
            }
            for (number, value) in group {
                encode(table.bits, *number, *value, &mut raw[at(*number)..]);
            }
            let what = format!("FAT {}", copy + 1);
            self.overlay.write(offset, &raw, Tag::new(what).span("entries", (*first).into(), (*last).into()))?;
            olds.get_or_insert(found);
        }
        Ok(())
    }

    /// Links free clusters to a chain in the given order: the number of the first; 0 when there are none.
    pub(super) fn link(&mut self, runs: &[std::ops::Range<u32>]) -> Result<u32> {
        let mut numbers = runs.iter().cloned().flatten().peekable();
        while let Some(number) = numbers.next() {
            // What was linked before is not free any more, so that a cluster that is given twice is found.
            if self.get(number)? != FREE {
                return Err(Error::refused(format!("cluster {number} (counted from 2, as FAT does) is not free")));
            }
            let next = numbers.peek().copied().unwrap_or(self.end_mark());
            self.set(number, next)?;
        }
        Ok(runs.first().map_or(0, |run| run.start))
    }

    /// Frees the clusters of a chain.
    pub(super) fn unlink(&mut self, chain: &[Extent]) -> Result<()> {
        for run in chain {
            for number in run.start.0..run.end() {
                // The numbers come from the FAT, so they fit.
                self.set(number as u32, FREE)?;
            }
        }
        Ok(())
    }

    /// Takes a free cluster for a directory, and ends a chain with it. The first is taken that was free when the edit
    /// began: what was vacated since is wanted for something else. Only when there is no other, one of these.
    pub(super) fn allocate(&mut self, owner: &str) -> Result<u32> {
        let number = match self.find_free(false)? {
            Some(number) => number,
            None => self.find_free(true)?.ok_or_else(|| {
                Error::refused(format!(
                    "there is no free cluster for {owner}: all {} are used",
                    self.volume.boot.clusters
                ))
                .advise("Make room on the volume first")
            })?,
        };
        self.set(number, self.end_mark())?;
        Ok(number)
    }

    /// The first free cluster among those that were, or were not, used when the edit began.
    fn find_free(&mut self, used_before: bool) -> Result<Option<u32>> {
        let end = u64::from(self.volume.boot.clusters) + 2;
        let mut at = 2;
        while at < end {
            let next = self.used_before.runs_in(at..end).next();
            let (gap_end, run_end) = next.map_or((end, end), |run| (run.start.0, run.end()));
            let range = if used_before { gap_end..run_end } else { at..gap_end };
            for number in range {
                if !self.reserved.contains(Cluster(number)) && self.get(number as u32)? == FREE {
                    return Ok(Some(number as u32));
                }
            }
            at = run_end;
        }
        Ok(None)
    }

    /// Refuses targets of copies that are not free, or were not when the edit began.
    pub(super) fn expect_free(&mut self, run: &std::ops::Range<u32>) -> Result<()> {
        let place = |number: u64| format!("cluster {number} (counted from 2, as FAT does)");
        if let Some(used) = self.used_before.runs_in(run.start.into()..run.end.into()).next() {
            let Cluster(number) = used.start;
            return Err(Error::refused(format!(
                "{} cannot be a target: it was in use when the edit began",
                place(number)
            )));
        }
        for number in run.clone() {
            if self.get(number)? != FREE {
                return Err(Error::refused(format!("{} cannot be a target: it is not free", place(number.into()))));
            }
        }
        Ok(())
    }
}

/// Puts an entry into bytes that begin at its position. Two entries of 12 bits share a byte, and the upper four bits
/// of an entry of FAT32 are not ours: they stay (fatgen103, "FAT Data Structure").
fn encode(bits: u32, number: u32, value: u32, raw: &mut [u8]) {
    let bytes = value.to_le_bytes();
    match (bits, number % 2) {
        (12, 0) => {
            raw[0] = bytes[0];
            raw[1] = raw[1] & 0xF0 | bytes[1] & 0x0F;
        }
        (12, _) => {
            raw[0] = raw[0] & 0x0F | (value << 4) as u8;
            raw[1] = (value >> 4) as u8;
        }
        (16, _) => raw[..2].copy_from_slice(&bytes[..2]),
        _ => {
            let upper = raw[3] & 0xF0;
            raw[..4].copy_from_slice(&bytes);
            raw[3] = raw[3] & 0x0F | upper;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn an_entry_leaves_what_is_beside_it() {
        let mut raw = [0xAB, 0xCD, 0xEF, 0x12];
        encode(12, 0, 0x456, &mut raw);
        assert_eq!(raw, [0x56, 0xC4, 0xEF, 0x12]);
        encode(12, 1, 0x789, &mut raw[1..]);
        assert_eq!(raw, [0x56, 0x94, 0x78, 0x12]);
        encode(16, 1, 0x3344, &mut raw);
        assert_eq!(raw, [0x44, 0x33, 0x78, 0x12]);
        let mut raw = [0, 0, 0, 0xF0];
        encode(32, 5, 0x0FFF_FFFF, &mut raw);
        assert_eq!(raw, [0xFF; 4]);
        encode(32, 5, 0, &mut raw);
        assert_eq!(raw, [0, 0, 0, 0xF0]);
    }
}

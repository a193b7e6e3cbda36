//! The FATs: their copies, their first two entries, and what nobody claimed.

use super::super::Volume;
use super::super::table::Slot;
use super::super::walk::Claims;
use super::Report;
use crate::device::ReadDevice;
use crate::error::{Kind as ErrorKind, Result};
use crate::extent::Extent;
use crate::fs::{Finding, Kind, Watch};
use crate::unit::ByteOffset;

/// Read at once of each copy.
const CHUNK_BYTES: u64 = 1 << 20;

/// Compares the mirrored copies with the one that is believed, byte by byte as far as they hold entries. A copy that
/// the medium does not give is told, and is no reason to end: what only one copy has is read from that.
///
/// # Errors
/// When the watcher ends it.
pub(super) fn compare(volume: &Volume, watch: &dyn Watch, report: &mut Report) -> Result<()> {
    let boot = &volume.boot;
    let believed = volume.table.offset();
    if !volume.table.plausible {
        let message =
            format!("expected the media byte {:02X} in the FAT's first entry; no FAT can be believed", boot.media);
        report.add(Finding::error("fat.table.media", message).at(believed));
        return Ok(());
    }
    if boot.active_fat.is_some() {
        return Ok(());
    }
    for copy in 0..boot.fats {
        let offset = ByteOffset(boot.fat_offset.0.saturating_add(boot.fat_bytes.saturating_mul(copy.into())));
        if offset != believed {
            let mut comparison = Comparison { name: u32::from(copy) + 1, offset, first: None, differing: 0 };
            comparison.run(volume, watch, report)?;
        }
    }
    Ok(())
}

/// One copy beside the FAT that is believed.
struct Comparison {
    /// Which copy it is, counted from 1.
    name: u32,
    offset: ByteOffset,
    /// The first byte that differs.
    first: Option<u64>,
    differing: u64,
}

impl Comparison {
    fn run(&mut self, volume: &Volume, watch: &dyn Watch, report: &mut Report) -> Result<()> {
        let (believed, bytes) = (volume.table.offset(), volume.table.used_bytes());
        let mut ours = vec![0; CHUNK_BYTES.min(bytes) as usize];
        let mut theirs = ours.clone();
        let mut at = 0;
        while at < bytes {
            watch.proceed()?;
            watch.advance("Comparing the FATs", at, bytes);
            let now = CHUNK_BYTES.min(bytes - at) as usize;
            let (mine, other) = (&mut ours[..now], &mut theirs[..now]);
            if read(volume, believed, at, mine, report)? && read(volume, self.offset, at, other, report)? {
                self.take(at, mine, other);
            }
            at += now as u64;
        }
        if let Some(first) = self.first {
            let number = volume.table.entry_at(first);
            let message = format!(
                "expected FAT {} to be a copy of the one in use, found {} bytes that differ",
                self.name, self.differing
            );
            let place = ByteOffset(self.offset.0.saturating_add(first));
            report.add(Finding::error("fat.table.copies", message).at(place).in_cluster(number.into()));
        }
        Ok(())
    }

    /// Counts what differs.
    fn take(&mut self, at: u64, ours: &[u8], theirs: &[u8]) {
        if ours == theirs {
            return;
        }
        for (index, _) in ours.iter().zip(theirs).enumerate().filter(|(_, (a, b))| a != b) {
            self.first.get_or_insert(at + index as u64);
            self.differing += 1;
        }
    }
}

/// Reads part of one copy. A part that the medium does not give is a finding: whoever needs it reads another copy
/// ([`Table::read`](super::super::table::Table::read)), and the volume has one less to lose.
fn read(volume: &Volume, copy: ByteOffset, at: u64, bytes: &mut [u8], report: &mut Report) -> Result<bool> {
    let place = ByteOffset(copy.0.saturating_add(at));
    match volume.device.read_at(place, bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::Io => {
            let name = copy.0.saturating_sub(volume.boot.fat_offset.0) / volume.boot.fat_bytes.max(1) + 1;
            let message = format!(
                "expected {} bytes of FAT {name} that can be read, found a failing medium ({})",
                bytes.len(),
                error.without_advice()
            );
            let finding = Finding::error("fat.table.unreadable", message).at(place);
            report.add(finding.in_cluster(volume.table.entry_at(at).into()));
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Entry 0 repeats the media byte, entry 1 holds an end mark with two state bits (fatgen103, "FAT Data Structure"):
/// the highest bit is set while the volume is cleanly unmounted, the next one while no disk error was met.
///
/// # Errors
/// When the FAT cannot be read.
pub(super) fn check_state(volume: &Volume, report: &mut Report) -> Result<()> {
    let (table, media) = (&volume.table, u32::from(volume.boot.media));
    let entry = table.entry(0)?;
    if entry != table.mask() & !0xFF | media {
        let message = format!("expected {:X} in the FAT's first entry, found {entry:X}", table.mask() & !0xFF | media);
        report.add(Finding::warning("fat.table.media", message).at(table.place_of(0)).in_cluster(0));
    }
    let entry = table.entry(1)?;
    let (clean, unharmed) = match volume.boot.kind {
        Kind::Fat12 => (0, 0),
        Kind::Fat16 => (0x8000, 0x4000),
        _ => (0x0800_0000, 0x0400_0000),
    };
    let place = table.place_of(1);
    if entry & clean != clean {
        let message = format!("the volume was not unmounted: expected the bit {clean:X} in the FAT's second entry set");
        report.add(Finding::warning("fat.state.dirty", message).at(place).in_cluster(1));
    }
    if entry & unharmed != unharmed {
        let message = format!("a disk error was met: expected the bit {unharmed:X} in the FAT's second entry set");
        report.add(Finding::warning("fat.state.errors", message).at(place).in_cluster(1));
    }
    if !table.is_end(entry | clean | unharmed) {
        let message = format!("expected an end mark in the FAT's second entry, found {entry:X}");
        report.add(Finding::warning("fat.table.second", message).at(place).in_cluster(1));
    }
    Ok(())
}

/// Finds clusters that are marked as used and that no chain claimed; gives how many are free.
///
/// # Errors
/// When the FAT cannot be read, or the watcher ends it.
pub(super) fn check_claims(volume: &Volume, claims: &Claims, watch: &dyn Watch, report: &mut Report) -> Result<u64> {
    let mut free = 0;
    let mut outcome = Ok(());
    volume.table.scan(|slot, first, clusters| match slot {
        _ if outcome.is_err() => {}
        Slot::Free => free += u64::from(clusters),
        Slot::Bad => {}
        Slot::Used => {
            outcome = watch.proceed();
            watch.advance("Looking for lost clusters", first.into(), volume.boot.clusters.into());
            let mut number = first;
            while number < first + clusters {
                let from = number;
                while number < first + clusters && !claims.has(number) {
                    number += 1;
                }
                if number > from {
                    tell_lost(volume, Extent::new(from.into(), (number - from).into()), report);
                }
                number += 1;
            }
        }
    })?;
    outcome?;
    Ok(free)
}

fn tell_lost(volume: &Volume, run: Extent, report: &mut Report) {
    let which = match run.clusters {
        1 => format!("cluster {} is", run.start),
        many => format!("{many} clusters from {} on are", run.start),
    };
    let message = format!("{which} marked as used, and no file or directory has them: their space is lost");
    let place = volume.table.place_of(u32::try_from(run.start.0).unwrap_or(u32::MAX));
    report.add(Finding::error("fat.chain.lost", message).at(place).in_cluster(run.start.0));
}

//! The search for volumes that no table names: by their boot records and superblocks, and by the copies
//! of those, so that a volume is found even when its own first sectors are gone.
//!
//! The device is read once, forwards, in large pieces; every 512-byte sector is looked at. What looks
//! like a sign is **confirmed** against what must stand elsewhere in such a volume (a FAT's first entry,
//! the MFT's first record, an ext root directory), which also tells a boot record from its own backup.
//! The inside of a volume that its primary sign proved is skipped: disk images in its files are not
//! volumes of this disk. Cost: a read of the device outside such volumes, and a few compares per sector.

use std::ops::ControlFlow;

use super::signs::{Ext, Fat, Ntfs, is_signed};
use crate::bytes::u16_at;
use crate::device::{ReadDevice, SharedDevice, read_array, read_vec};
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset};

const SECTOR: u64 = 512;
const PIECE_BYTES: u64 = 1 << 20;
/// How much is given up around a sector that cannot be read.
const RETRY_BYTES: u64 = 64 << 10;
/// Where partitions begin since disks are aligned (Windows Vista and later, every Linux tool).
const ALIGNMENT: u64 = 1 << 20;
/// What [`Depth::Quick`] reads in full at the disk's beginning and end.
const QUICK_HEAD: u64 = 4 << 30;
const QUICK_TAIL: u64 = 64 << 20;
/// How many aligned places it looks at in between: about a minute and a half on a slow rotating disk.
const QUICK_PROBES: u64 = 8192;
/// What it looks at there: boot record, FAT32's copy of it, superblock.
const PROBE_BYTES: u64 = 32 << 10;
/// More signs than any real disk bears outside its volumes; a hostile one could have one per sector.
const MAX_SIGNS: usize = 4096;
/// The same for signs that could not be confirmed, each of which costs a few small reads.
const MAX_DOUBTS: usize = 65_536;

/// How much of a device is searched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// Every sector.
    Full,
    /// The first 4 GiB and the last 64 MiB in full, and up to 8192 places at multiples of 1 MiB in between
    /// that no found volume covers. Bounded, so that looking at a machine does not read its disks whole.
    Quick,
}

/// A volume found without a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// `fat12`, `fat16`, `fat32`, `ntfs` or `ext`: a hint, `fs::probe` has the last word.
    pub kind: &'static str,
    /// Where it begins.
    pub start: ByteOffset,
    /// How long it says it is.
    pub len: ByteLen,
    /// Found by a backup copy: its own first sectors are damaged.
    pub via_backup: bool,
}

/// What a search found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scan {
    /// The volumes, in order of place. None lies inside another.
    pub found: Vec<Found>,
    /// Every sector was looked at (those inside found volumes excepted).
    pub complete: bool,
    /// How many bytes could not be read.
    pub unreadable: ByteLen,
}

/// How far a search is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScanProgress {
    /// Searched or skipped so far.
    pub done: ByteLen,
    /// The device.
    pub total: ByteLen,
    /// Volumes found so far.
    pub found: usize,
}

/// Searches a device for volumes. `progress` is asked after every piece (1 MiB) and may break off.
///
/// # Errors
/// Only [`cancelled`](Error::cancelled); what cannot be read is skipped and counted.
pub fn scan(
    device: &SharedDevice,
    depth: Depth,
    progress: &mut dyn FnMut(ScanProgress) -> ControlFlow<()>,
) -> Result<Scan> {
    let total = device.len().0;
    let mut search = Search { device, signs: Vec::new(), doubts: 0, unreadable: 0 };
    let mut report = |at: u64, found: usize| {
        let now = ScanProgress { done: ByteLen(at.min(total)), total: ByteLen(total), found };
        if progress(now).is_break() { Err(Error::cancelled()) } else { Ok(()) }
    };
    let (head, tail) = match depth {
        Depth::Full => (total, total),
        Depth::Quick => (QUICK_HEAD.min(total), total.saturating_sub(QUICK_TAIL)),
    };
    let mut at = search.pass(0, head, &mut report)?;
    let mut probes = 0;
    while at < tail && probes < QUICK_PROBES {
        at = at.next_multiple_of(ALIGNMENT);
        probes += 1;
        let next = search.piece(at, PROBE_BYTES.min(total.saturating_sub(at)));
        at = next.max(at + ALIGNMENT);
        report(at, search.signs.len())?;
    }
    let skipped = depth == Depth::Quick && tail > head;
    search.pass(at.max(tail) / SECTOR * SECTOR, total, &mut report)?;
    let complete = !skipped && search.signs.len() < MAX_SIGNS && search.doubts < MAX_DOUBTS;
    Ok(Scan { found: settle(search.signs), complete, unreadable: ByteLen(search.unreadable) })
}

/// The volume that begins at `start`, by its own first sectors or by a copy whose place is known from
/// the start alone (FAT32's, ext's in group 1). An NTFS backup lies at the volume's end: only [`scan`] finds it.
#[must_use]
pub fn find_at(device: &SharedDevice, start: ByteOffset) -> Option<Found> {
    let mut search = Search { device, signs: Vec::new(), doubts: 0, unreadable: 0 };
    let mut places = vec![0, 1024];
    places.extend([512, 1024, 2048, 4096].map(|sector| 6 * sector));
    // Group 1 of volumes with full groups: 8 blocks of bits, from block 1 on where blocks have 1 KiB.
    places.extend([8193 * 1024, 16_384 * 2048, 32_768 * 4096, 65_536 * 8192 * 8]);
    for place in places {
        let Some(at) = start.0.checked_add(place) else { continue };
        if let Ok(bytes) = read_vec(device, ByteOffset(at), Ext::BYTES) {
            search.sector(at, &bytes);
        }
    }
    settle(search.signs).into_iter().find(|found| found.start == start)
}

/// A sign and how much it is worth.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Sign {
    found: Found,
    /// Something else in the volume agrees with it.
    confirmed: bool,
}

struct Search<'a> {
    device: &'a SharedDevice,
    signs: Vec<Sign>,
    doubts: usize,
    unreadable: u64,
}

impl Search<'_> {
    /// Searches `at..end` and answers where it stopped: a volume may reach past `end`.
    fn pass(&mut self, mut at: u64, end: u64, report: &mut dyn FnMut(u64, usize) -> Result<()>) -> Result<u64> {
        while at < end {
            at = self.piece(at, PIECE_BYTES.min(end - at));
            report(at, self.signs.len())?;
        }
        Ok(at)
    }

    /// Searches one piece and answers where to go on: at its end, or behind a volume that was proved.
    fn piece(&mut self, at: u64, len: u64) -> u64 {
        // A superblock has two sectors: the piece is read with one more, where the device has it.
        let more = SECTOR.min(self.device.len().0.saturating_sub(at + len));
        match read_vec(self.device, ByteOffset(at), (len + more) as usize) {
            Ok(bytes) => self.sectors(at, &bytes, len),
            Err(_) if len > RETRY_BYTES => {
                let mut next = at;
                while next < at + len {
                    next = self.piece(next, RETRY_BYTES.min(at + len - next));
                }
                next
            }
            Err(_) => {
                self.unreadable += len;
                at + len
            }
        }
    }

    fn sectors(&mut self, at: u64, bytes: &[u8], len: u64) -> u64 {
        let mut offset = 0;
        while offset < len {
            let rest = &bytes[offset as usize..];
            if may_be_sign(rest)
                && let Some(end) = self.sector(at + offset, &rest[..rest.len().min(Ext::BYTES)])
            {
                let next = end.max(at + offset + SECTOR).next_multiple_of(SECTOR);
                if next >= at + len {
                    return next;
                }
                offset = next - at;
            } else {
                offset += SECTOR;
            }
        }
        at + len
    }

    /// Looks at one place; where the volume ends, when its primary sign proved one.
    fn sector(&mut self, at: u64, bytes: &[u8]) -> Option<u64> {
        let sign = self.judge(at, bytes)?;
        let end = (sign.confirmed && !sign.found.via_backup).then(|| sign.found.start.0 + sign.found.len.0);
        if self.signs.len() < MAX_SIGNS && !self.signs.contains(&sign) {
            self.signs.push(sign);
        }
        end
    }

    fn judge(&mut self, at: u64, bytes: &[u8]) -> Option<Sign> {
        if self.doubts >= MAX_DOUBTS {
            return None;
        }
        let boot = bytes.get(..512).filter(|boot| is_signed(boot));
        let sign = if let Some(ntfs) = boot.and_then(Ntfs::parse) {
            self.judge_ntfs(at, &ntfs)
        } else if let Some(fat) = boot.and_then(Fat::parse) {
            self.judge_fat(at, &fat)
        } else {
            Ext::parse(bytes).and_then(|ext| self.judge_ext(at, &ext))
        };
        if sign.as_ref().is_none_or(|sign| !sign.confirmed) {
            self.doubts += 1;
        }
        sign
    }

    fn judge_ntfs(&self, at: u64, ntfs: &Ntfs) -> Option<Sign> {
        let is_volume = |start: u64| {
            let record = |place: u64| {
                let head: Option<[u8; 4]> = self.read(start.checked_add(place)?);
                head.filter(|head| head == b"FILE")
            };
            record(ntfs.mft_bytes).or_else(|| record(ntfs.mirror_bytes)).is_some()
        };
        let sign = |start, via_backup, confirmed| self.sign("ntfs", start, ntfs.len(), via_backup, confirmed);
        let before = at.checked_sub(ntfs.backup_bytes());
        if is_volume(at) {
            // The last sector, with the backup boot record, may be missing from a table made too tight.
            let without = ByteLen(ntfs.backup_bytes());
            return sign(at, false, true).or_else(|| self.sign("ntfs", at, without, false, true));
        }
        match before {
            Some(start) if is_volume(start) => sign(start, true, true),
            _ if self.hidden_agrees(at, ntfs.hidden_sectors, ntfs.sector_bytes) => sign(at, false, false),
            Some(start) if self.hidden_agrees(start, ntfs.hidden_sectors, ntfs.sector_bytes) => {
                sign(start, true, false)
            }
            _ => None,
        }
    }

    fn judge_fat(&self, at: u64, fat: &Fat) -> Option<Sign> {
        let kind = match fat.bits {
            12 => "fat12",
            16 => "fat16",
            _ => "fat32",
        };
        let bytes = u64::from(fat.sector_bytes);
        let is_volume = |start: u64| {
            let first = u64::from(fat.reserved_sectors) * bytes;
            let second = first + u64::from(fat.fat_sectors) * bytes;
            [first, second].into_iter().any(|place| {
                let head: Option<[u8; 4]> = start.checked_add(place).and_then(|at| self.read(at));
                head.is_some_and(|head| fat.owns_fat(head))
            })
        };
        let sign = |start, via_backup, confirmed| self.sign(kind, start, fat.len, via_backup, confirmed);
        let before = fat.backup_sector.and_then(|sector| at.checked_sub(u64::from(sector) * bytes));
        if is_volume(at) {
            return sign(at, false, true);
        }
        match before {
            Some(start) if is_volume(start) => sign(start, true, true),
            _ if self.hidden_agrees(at, fat.hidden_sectors, fat.sector_bytes) => sign(at, false, false),
            Some(start) if self.hidden_agrees(start, fat.hidden_sectors, fat.sector_bytes) => sign(start, true, false),
            _ => None,
        }
    }

    fn judge_ext(&self, at: u64, ext: &Ext) -> Option<Sign> {
        let start = at.checked_sub(ext.distance()?)?;
        let via_backup = ext.group > 0;
        let confirmed = self.has_root(start, at, ext);
        // A copy in a journal, or in a file, says group 0 and lies anywhere: without its root directory
        // it proves nothing. A backup's place in its group is a proof of its own kind.
        if !confirmed && !via_backup && !ext.meta_bg {
            return None;
        }
        self.sign("ext", start, ext.len, via_backup, confirmed)
    }

    /// True when the first group's inode table, by the descriptors behind the primary superblock or
    /// behind this copy, holds a directory as inode 2.
    fn has_root(&self, start: u64, copy: u64, ext: &Ext) -> bool {
        let first = (ext.first_data_block + 1) * ext.block_bytes;
        let behind_copy = if ext.group == 0 { None } else { copy.checked_add(ext.block_bytes) };
        [start.checked_add(first), behind_copy].into_iter().flatten().any(|descriptors| {
            let Some(descriptor) = self.read::<64>(descriptors) else { return false };
            let low = u32::from_le_bytes([descriptor[8], descriptor[9], descriptor[10], descriptor[11]]);
            let high = u32::from_le_bytes([descriptor[40], descriptor[41], descriptor[42], descriptor[43]]);
            let high = if ext.descriptor_bytes >= 64 { u64::from(high) } else { 0 };
            let table = (high << 32 | u64::from(low)).checked_mul(ext.block_bytes);
            let inode = table.filter(|&at| at > 0 && at < ext.len.0).and_then(|at| start.checked_add(at));
            let inode = inode.and_then(|at| at.checked_add(ext.inode_bytes)).and_then(|at| self.read::<2>(at));
            // The root directory is inode 2, the second of the table; 0x4000 is a directory's file type.
            inode.and_then(|mode| u16_at(&mode, 0)).is_some_and(|mode| mode & 0xf000 == 0x4000)
        })
    }

    /// True when the boot record says that its volume begins here. Zero is what tools write that do not
    /// know, and proves nothing but on a whole device.
    fn hidden_agrees(&self, start: u64, hidden: u32, sector_bytes: u32) -> bool {
        u64::from(hidden) * u64::from(sector_bytes) == start
    }

    fn sign(&self, kind: &'static str, start: u64, len: ByteLen, via_backup: bool, confirmed: bool) -> Option<Sign> {
        let found = Found { kind, start: ByteOffset(start), len, via_backup };
        let fits = found.start.checked_add(len).is_some_and(|end| end.0 <= self.device.len().0);
        fits.then_some(Sign { found, confirmed })
    }

    fn read<const N: usize>(&self, at: u64) -> Option<[u8; N]> {
        read_array(self.device, ByteOffset(at)).ok()
    }
}

/// The few compares that every sector costs.
fn may_be_sign(bytes: &[u8]) -> bool {
    let boot = bytes.len() >= 512 && bytes[510] == 0x55 && bytes[511] == 0xaa && (bytes[0] == 0xeb || bytes[0] == 0xe9);
    boot || (bytes.len() >= Ext::BYTES && bytes[0x38] == 0x53 && bytes[0x39] == 0xef)
}

/// From signs to volumes: the best proved first, and none inside or around one already taken. A backup
/// whose volume would reach around others is what an earlier partitioning left behind.
fn settle(mut signs: Vec<Sign>) -> Vec<Found> {
    let rank = |sign: &Sign| match (sign.confirmed, sign.found.via_backup) {
        (true, false) => 0,
        (true, true) => 1,
        (false, false) => 2,
        (false, true) => 3,
    };
    signs.sort_by_key(|sign| (rank(sign), sign.found.start, std::cmp::Reverse(sign.found.len)));
    let mut taken: Vec<(u8, Found)> = Vec::new();
    for sign in signs {
        let (start, end) = (sign.found.start.0, sign.found.start.0 + sign.found.len.0);
        let level: u8 = rank(&sign);
        let clashes = taken.iter().any(|(other_level, other)| {
            let (other_start, other_end) = (other.start.0, other.start.0 + other.len.0);
            let overlap = start < other_end && other_start < end;
            let nested = start >= other_start && end <= other_end;
            // Two volumes that prove themselves equally well and overlap in part are both told.
            overlap && (nested || level > *other_level || start == other_start)
        });
        if !clashes {
            taken.push((level, sign.found));
        }
    }
    let mut found: Vec<Found> = taken.into_iter().map(|(_, found)| found).collect();
    found.sort_by_key(|found| found.start);
    found
}

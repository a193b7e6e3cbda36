//! The file allocation table: one entry a cluster, saying which cluster follows it.
//!
//! Entries of 12, 16 or 32 bits (of which the low 28 count), numbered like the clusters; the first two
//! are not clusters: entry 0 repeats the media byte, entry 1 holds the state bits (fatgen103).

use super::boot::Boot;
use crate::device::{ReadDevice, SharedDevice};
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::Kind;
use crate::unit::ByteOffset;

/// Read at once by a scan: large for speed, and all the memory a scan takes.
const SCAN_BYTES: u64 = 1 << 20;
/// Read at once when following a chain: a page, because chains may jump about.
const WINDOW_BYTES: u64 = 4096;
/// A table of this length is kept in memory by those who follow all chains: that of 512 GiB in clusters of 32 KiB.
const WHOLE_BYTES: u64 = 64 << 20;
/// Read at once by them of a longer table: files lie together more often than not.
const SWEEP_BYTES: u64 = 64 << 10;

/// What an entry says of its cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slot {
    /// Nothing is in it.
    Free,
    /// It belongs to a file or directory.
    Used,
    /// It was marked as failing; its content is worthless.
    Bad,
}

/// One of a volume's FATs.
pub(super) struct Table {
    device: SharedDevice,
    /// Where this copy begins.
    offset: ByteOffset,
    /// Where the mirrored copies begin: read where this one cannot be.
    mirrors: Vec<ByteOffset>,
    bytes: u64,
    /// Bits in an entry.
    pub bits: u32,
    /// Bits of an entry that count.
    pub mask: u32,
    /// Data clusters, from number 2 on.
    clusters: u32,
    /// Entry 0 is as it should be; when it is not, the table may be overwritten.
    pub plausible: bool,
}

impl Table {
    /// Chooses the FAT to believe: the active one. When its first entry is not what every FAT begins with,
    /// and another mirrored copy's is, that copy; this is said in `notes`.
    pub(super) fn choose(device: &SharedDevice, boot: &Boot, notes: &mut Vec<String>) -> Self {
        let chosen = boot.active_fat.unwrap_or(0);
        let copies = if boot.active_fat.is_some() { 0..0 } else { 1..boot.fats };
        let mut table = Self::copy(device, boot, chosen);
        table.plausible = table.begins_well(boot.media);
        for copy in copies {
            let mut mirror = Self::copy(device, boot, copy);
            mirror.plausible = mirror.begins_well(boot.media);
            if mirror.plausible && !table.plausible {
                notes.push(format!("the first FAT is damaged; FAT {} was used", u32::from(copy) + 1));
                table = mirror;
            } else if mirror.plausible {
                table.mirrors.push(mirror.offset);
            }
        }
        if !table.plausible {
            notes.push("no FAT of this volume begins as a FAT should".to_owned());
        }
        table
    }

    fn copy(device: &SharedDevice, boot: &Boot, copy: u8) -> Self {
        let (bits, mask) = match boot.kind {
            Kind::Fat12 => (12, 0xFFF),
            Kind::Fat16 => (16, 0xFFFF),
            _ => (32, 0x0FFF_FFFF),
        };
        let offset = ByteOffset(boot.fat_offset.0.saturating_add(boot.fat_bytes.saturating_mul(copy.into())));
        let device = SharedDevice::clone(device);
        let (bytes, clusters) = (boot.fat_bytes, boot.clusters);
        Self { device, offset, mirrors: Vec::new(), bytes, bits, mask, clusters, plausible: false }
    }

    /// Entry 0 is the media byte with all higher bits set; any media byte will do, since formatters differ.
    fn begins_well(&self, media: u8) -> bool {
        let ones = self.mask & !0xFF;
        self.entry(0).is_ok_and(|entry| entry == ones | u32::from(media) || entry >= ones | 0xF0)
    }

    /// Entry 1's state bits: cleanly unmounted, no I/O errors met. FAT12 has none (fatgen103).
    pub(super) fn is_clean(&self) -> Result<bool> {
        let clean = match self.bits {
            12 => return Ok(true),
            16 => 0xC000,
            _ => 0x0C00_0000,
        };
        Ok(self.entry(1)? & clean == clean)
    }

    /// Where the table begins.
    pub(super) fn offset(&self) -> ByteOffset {
        self.offset
    }

    /// How many data clusters there are.
    pub(super) fn clusters(&self) -> u32 {
        self.clusters
    }

    /// True when there is a data cluster of this number.
    pub(super) fn has(&self, number: u32) -> bool {
        number >= 2 && number - 2 < self.clusters
    }

    pub(super) fn entry(&self, number: u32) -> Result<u32> {
        Cursor::new(self).entry(number)
    }

    /// Reads part of the table; from a mirrored copy where the medium fails.
    pub(super) fn read(&self, position: u64, buf: &mut [u8]) -> Result<()> {
        let mut outcome = self.device.read_at(ByteOffset(self.offset.0.saturating_add(position)), buf);
        for mirror in &self.mirrors {
            if outcome.is_ok() {
                break;
            }
            outcome = outcome.or_else(|first| {
                self.device.read_at(ByteOffset(mirror.0.saturating_add(position)), buf).map_err(|_| first)
            });
        }
        outcome
    }

    /// Byte of the table at which an entry begins.
    pub(super) fn position(&self, number: u32) -> u64 {
        u64::from(number) * u64::from(self.bits) / 8
    }

    /// Bytes that hold an entry (12 bits lie in two).
    pub(super) fn width(&self) -> u64 {
        u64::from(self.bits.div_ceil(8))
    }

    /// Takes an entry from bytes that begin at `position(number)`.
    pub(super) fn decode(&self, number: u32, raw: &[u8]) -> u32 {
        match *raw {
            [a, b, ..] if self.bits == 12 => (u32::from(u16::from_le_bytes([a, b])) >> (number % 2 * 4)) & 0xFFF,
            [a, b, ..] if self.bits == 16 => u16::from_le_bytes([a, b]).into(),
            [a, b, c, d, ..] => u32::from_le_bytes([a, b, c, d]) & self.mask,
            _ => 0,
        }
    }

    /// Bytes of the table that hold entries of clusters; what follows to the end of its last sector has no meaning.
    pub(super) fn used_bytes(&self) -> u64 {
        (self.position(self.clusters + 1) + self.width()).min(self.bytes)
    }

    /// True for an entry that ends a chain: FF8 to FFF, FFF8 to FFFF, 0FFFFFF8 to 0FFFFFFF (fatgen103, "FAT Data
    /// Structure").
    pub(super) fn is_end(&self, entry: u32) -> bool {
        entry >= self.mask - 7
    }

    /// The byte of the volume at which a cluster's entry begins.
    pub(super) fn place_of(&self, number: u32) -> ByteOffset {
        ByteOffset(self.offset.0.saturating_add(self.position(number)))
    }

    /// The number of the entry that the table's byte `position` is part of.
    pub(super) fn entry_at(&self, position: u64) -> u32 {
        u32::try_from(position * 8 / u64::from(self.bits)).unwrap_or(u32::MAX)
    }

    /// What an entry of so many bits has at most: all ones.
    pub(super) fn mask(&self) -> u32 {
        self.mask
    }

    pub(super) fn slot(&self, entry: u32) -> Slot {
        match entry {
            0 => Slot::Free,
            // The mark is the highest value but eight: FF7, FFF7, 0FFFFFF7.
            _ if entry == self.mask - 8 => Slot::Bad,
            _ => Slot::Used,
        }
    }

    /// Reads the whole table in order and gives every run of clusters of one kind: its first number and
    /// its length.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub(super) fn scan(&self, mut see: impl FnMut(Slot, u32, u32)) -> Result<()> {
        let end = self.clusters + 2;
        let table_end = self.position(end - 1) + self.width();
        let mut buffer = vec![0; SCAN_BYTES.min(table_end) as usize];
        let (mut run, mut run_start) = (Slot::Free, 2);
        let mut number = 2;
        while number < end {
            let start = self.position(number);
            let bytes = (table_end - start).min(buffer.len() as u64);
            let chunk = &mut buffer[..bytes as usize];
            self.read(start, chunk)?;
            // A FAT12 is shorter than the buffer, so its entries are never cut.
            let count = if self.bits == 12 { end - number } else { (bytes / self.width()) as u32 };
            for at in number..number + count {
                let slot = self.slot(self.decode(at, &chunk[(self.position(at) - start) as usize..]));
                if slot != run {
                    if at > run_start {
                        see(run, run_start, at - run_start);
                    }
                    (run, run_start) = (slot, at);
                }
            }
            number += count;
        }
        see(run, run_start, end - run_start);
        Ok(())
    }

    /// The clusters of a file or directory, in its order, as runs of cluster **numbers** (as in the FAT).
    ///
    /// # Errors
    /// When the chain leaves the volume, enters a free or bad cluster, or is longer than `limit`
    /// clusters: then it goes in circles, or belongs to nothing of that size.
    pub(super) fn chain(&self, start: u32, limit: u64) -> Result<Vec<Extent>> {
        let mut cursor = Cursor::new(self);
        let mut runs: Vec<Extent> = Vec::new();
        let mut number = start;
        let mut place = self.offset;
        let mut steps = 0;
        loop {
            if !self.has(number) {
                return Err(Error::corrupt(place, format!("a cluster from 2 to {}", self.clusters + 1), number));
            }
            steps += 1;
            if steps > limit.min(self.clusters.into()) {
                return Err(Error::corrupt(place, format!("a chain of at most {limit} clusters"), "a longer one"));
            }
            match runs.last_mut() {
                Some(run) if run.end() == u64::from(number) => run.clusters += 1,
                _ => runs.push(Extent::new(number.into(), 1)),
            }
            place = ByteOffset(self.offset.0 + self.position(number));
            let next = cursor.entry(number)?;
            if self.is_end(next) {
                return Ok(runs);
            }
            number = next;
        }
    }
}

/// Reads single entries, keeping the page around the last one.
pub(super) struct Cursor<'a> {
    table: &'a Table,
    window: u64,
    base: u64,
    page: Vec<u8>,
}

impl<'a> Cursor<'a> {
    fn new(table: &'a Table) -> Self {
        Self { table, window: WINDOW_BYTES, base: 0, page: Vec::new() }
    }

    /// One that is to follow every chain: it holds the whole table where that has no more than
    /// [`WHOLE_BYTES`], and else the part around the last entry.
    pub(super) fn over_all(table: &'a Table) -> Self {
        let needed = table.used_bytes();
        let window = if needed <= WHOLE_BYTES { needed.next_multiple_of(WINDOW_BYTES) } else { SWEEP_BYTES };
        Self { table, window, base: 0, page: Vec::new() }
    }

    /// The entry of a cluster that the table [has](Table::has).
    pub(super) fn entry(&mut self, number: u32) -> Result<u32> {
        let start = self.table.position(number);
        let end = start + self.table.width();
        if start < self.base || end > self.base + self.page.len() as u64 {
            self.base = start - start % self.window;
            // A 12-bit entry may begin in the page's last byte; one entry more never harms.
            let len = (self.window + self.table.width()).min(self.table.bytes.saturating_sub(self.base));
            let len = len.max(end - self.base);
            self.page.resize(len as usize, 0);
            self.table.read(self.base, &mut self.page)?;
        }
        Ok(self.table.decode(number, &self.page[(start - self.base) as usize..]))
    }
}

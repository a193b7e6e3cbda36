//! An inode's record, to be changed and written back with its checksum.
//!
//! Offsets: the kernel's ext4 data structures documentation, "Index Nodes".

use super::super::blocks::Layout;
use super::super::checksum;
use super::super::feature::{incompat, ro_compat};
use super::super::field::{halves, le16, le32};
use super::super::inode::{BLOCK_FIELD_BYTES, Inode};
use super::super::record::{self, Form, flag};
use super::ledger::{Ledger, put16, put32};
use crate::device::ReadDevice;
use crate::error::{Error, Result};
use crate::fs::overlay::Tag;
use crate::unit::ByteOffset;

/// `i_block`.
const BLOCK_FIELD: std::ops::Range<usize> = 0x28..0x28 + BLOCK_FIELD_BYTES;
/// What the kernel gives records that are larger than the old 128 bytes: `i_extra_isize` up to `i_projid`.
const EXTRA_BYTES: u16 = 32;

/// A time in a record: where its seconds lie, and where nanoseconds and further bits of the seconds.
#[derive(Clone, Copy)]
struct Time {
    seconds: usize,
    extra: usize,
}

/// `i_atime`, `i_ctime`, `i_mtime`, `i_crtime`, each with its `_extra`.
const ACCESSED: Time = Time { seconds: 0x8, extra: 0x8c };
const CHANGED: Time = Time { seconds: 0xc, extra: 0x84 };
const MODIFIED: Time = Time { seconds: 0x10, extra: 0x88 };
const CREATED: Time = Time { seconds: 0x90, extra: 0x94 };

/// A record in memory.
pub(super) struct Record {
    pub(super) number: u32,
    pub(super) place: ByteOffset,
    pub(super) raw: Vec<u8>,
}

impl Record {
    /// Reads one that is in use.
    pub(super) fn read(ledger: &Ledger, number: u32) -> Result<Self> {
        let (place, len) = place(ledger, number)?;
        let mut raw = vec![0; len];
        ledger.overlay.read_at(place, &mut raw)?;
        let record = Self { number, place, raw };
        record.inode(ledger)?;
        Ok(record)
    }

    /// A new one: of root, with `links` names and nothing in it.
    pub(super) fn new(ledger: &Ledger, number: u32, mode: u16, links: u16) -> Result<Self> {
        let (place, len) = place(ledger, number)?;
        let mut record = Self { number, place, raw: vec![0; len] };
        let raw = &mut record.raw;
        put16(raw, 0, mode);
        put16(raw, 0x1a, links);
        put32(raw, 0x64, generation());
        if len > record::OLD_BYTES {
            put16(raw, 0x80, EXTRA_BYTES.min((len - record::OLD_BYTES) as u16));
        }
        record.set_times();
        Ok(record)
    }

    /// Created, changed and read: now.
    fn set_times(&mut self) {
        let now = crate::fs::edit::now();
        for field in [ACCESSED, CHANGED, MODIFIED, CREATED] {
            self.set_time(field, now);
        }
    }

    /// When its content was changed last.
    pub(super) fn set_modified(&mut self, time: jiff::Timestamp) {
        self.set_time(MODIFIED, time);
    }

    /// The record was changed now.
    pub(super) fn touch(&mut self) {
        self.set_time(CHANGED, crate::fs::edit::now());
    }

    /// Seconds have 32 bits and a sign, and in the record's further fields two more bits, which count on from there,
    /// with thirty of nanoseconds above them; what is beyond becomes the nearest. Fields that the record lacks stay
    /// away.
    fn set_time(&mut self, field: Time, time: jiff::Timestamp) {
        let end = record::OLD_BYTES + usize::from(le16(&self.raw, record::OLD_BYTES));
        let has = |at: usize| at + 4 <= record::OLD_BYTES || self.raw.len() > record::OLD_BYTES && at + 4 <= end;
        let (is_wide, is_there) = (has(field.extra), has(field.seconds));
        let most = i64::from(i32::MAX) + if is_wide { 3 << 32 } else { 0 };
        let seconds = time.as_second().clamp(i64::from(i32::MIN), most);
        // The part of a second before 1970 counts backwards.
        let (seconds, nanoseconds) = match time.subsec_nanosecond() {
            below if below < 0 => ((seconds - 1).max(i64::from(i32::MIN)), below + 1_000_000_000),
            above => (seconds, above),
        };
        if is_there {
            put32(&mut self.raw, field.seconds, seconds as u32);
        }
        if is_wide {
            let above = (seconds - i64::from(seconds as i32)) >> 32;
            put32(&mut self.raw, field.extra, nanoseconds.cast_unsigned() << 2 | (above & 3) as u32);
        }
    }

    /// Gives it other permission bits; the upper four bits are what it is, and must stay.
    pub(super) fn set_mode(&mut self, mode: u16) {
        put16(&mut self.raw, 0, mode);
    }

    /// Gives it the owner and the group of another: the lower halves of both, and the upper ones.
    pub(super) fn inherit_owner(&mut self, other: &Self) {
        for at in [2, 0x18, 0x78, 0x7a] {
            let half = le16(&other.raw, at);
            put16(&mut self.raw, at, half);
        }
    }

    /// As the kernel leaves a deleted inode: no names, nothing in it, and when that was. The other fields stay.
    pub(super) fn delete(&mut self) {
        put16(&mut self.raw, 0x1a, 0);
        put32(&mut self.raw, 0x14, crate::fs::edit::now().as_second() as u32);
        put32(&mut self.raw, 4, 0);
        put32(&mut self.raw, 0x6c, 0);
        put32(&mut self.raw, 0x1c, 0);
        put16(&mut self.raw, 0x74, 0);
        let keeps_tree = self.view().has(flag::EXTENTS);
        if let Some(field) = self.raw.get_mut(BLOCK_FIELD) {
            field.fill(0);
            if keeps_tree {
                super::map::empty_root(field);
            }
        }
    }

    pub(super) fn view(&self) -> record::Record<'_> {
        record::Record { number: self.number, place: self.place, raw: &self.raw }
    }

    /// The record as readers take it, its checksum verified.
    pub(super) fn inode(&self, ledger: &Ledger) -> Result<Inode> {
        Inode::from_bytes(&ledger.superblock, self.number, self.place, &self.raw)
    }

    /// Where its content lies. The record must be as it is on the overlay.
    pub(super) fn layout(&self, ledger: &Ledger) -> Result<Layout> {
        Layout::read(&ledger.source(), &ledger.superblock, &self.inode(ledger)?)
    }

    /// Writes it, with its checksum.
    pub(super) fn store(&mut self, ledger: &Ledger) -> Result<()> {
        if ledger.has_checksums() {
            let checksum = checksum::inode(self.seed(ledger), &self.raw);
            put16(&mut self.raw, 0x7c, checksum as u16);
            if checksum::is_wide_inode(&self.raw) {
                put16(&mut self.raw, 0x82, (checksum >> 16) as u16);
            }
        }
        ledger.overlay.write(self.place, &self.raw, Tag::new(format!("inode {}", self.number)))
    }

    /// The state that checksums of what belongs to it begin with.
    pub(super) fn seed(&self, ledger: &Ledger) -> u32 {
        checksum::inode_seed(&ledger.superblock, self.number, &self.raw)
    }

    pub(super) fn is_directory(&self) -> bool {
        self.view().form() == Form::Directory
    }

    pub(super) fn has(&self, flag: u32) -> bool {
        self.view().has(flag)
    }

    pub(super) fn set_flags(&mut self, set: u32, clear: u32) {
        let flags = self.view().flags() & !clear | set;
        put32(&mut self.raw, 0x20, flags);
    }

    pub(super) fn links(&self) -> u16 {
        self.view().links()
    }

    pub(super) fn set_links(&mut self, links: u16) {
        put16(&mut self.raw, 0x1a, links);
    }

    pub(super) fn bytes(&self, ledger: &Ledger) -> u64 {
        self.view().bytes(ledger.superblock.features)
    }

    /// Sets the length. Directories have an upper half only with `largedir`; a file beyond 2 GiB needs the feature
    /// `large_file`, which the kernel sets with the first such file, too.
    pub(super) fn set_bytes(&mut self, ledger: &Ledger, bytes: u64) -> Result<()> {
        let features = ledger.superblock.features;
        if self.is_directory() && !features.incompat(incompat::LARGEDIR) && bytes > 0x7fff_ffff {
            return Err(Error::refused(format!(
                "directory (inode {}) is full: it may not grow beyond 2 GiB",
                self.number
            )));
        }
        put32(&mut self.raw, 4, bytes as u32);
        if !self.is_directory() || features.incompat(incompat::LARGEDIR) {
            put32(&mut self.raw, 0x6c, (bytes >> 32) as u32);
        }
        if bytes > 0x7fff_ffff && !self.is_directory() {
            let word = le32(&ledger.read_superblock()?, 0x64);
            if word & ro_compat::LARGE_FILE == 0 {
                return ledger.edit_superblock(|raw| {
                    put32(raw, 0x64, word | ro_compat::LARGE_FILE);
                    Ok(())
                });
            }
        }
        Ok(())
    }

    pub(super) fn block_field(&self) -> &[u8] {
        self.view().block_field()
    }

    pub(super) fn block_field_mut(&mut self) -> &mut [u8] {
        self.raw.get_mut(BLOCK_FIELD).unwrap_or_default()
    }

    /// The block with further attributes, or 0.
    pub(super) fn attribute_block(&self, ledger: &Ledger) -> u64 {
        self.view().attribute_block(ledger.superblock.features)
    }

    pub(super) fn set_attribute_block(&mut self, ledger: &Ledger, block: u64) {
        put32(&mut self.raw, 0x68, block as u32);
        if ledger.superblock.features.incompat(incompat::BITS64) {
            put16(&mut self.raw, 0x76, (block >> 32) as u16);
        }
    }

    /// Adds units of allocation to `i_blocks`: it counts 512 bytes, in 48 bits with `huge_file` and else in 32; or
    /// blocks, where the inode's flag says so.
    pub(super) fn add_units(&mut self, ledger: &Ledger, units: i64) -> Result<()> {
        if units == 0 {
            return Ok(());
        }
        ledger.refuse_quota()?;
        let is_wide = ledger.superblock.features.ro_compat(ro_compat::HUGE_FILE);
        let in_blocks = is_wide && self.has(flag::HUGE_FILE);
        let each = if in_blocks { 1 } else { u64::from(ledger.superblock.block_bytes / 512) } * ledger.ratio();
        let now = halves(le32(&self.raw, 0x1c), if is_wide { u32::from(le16(&self.raw, 0x74)) } else { 0 });
        let sum = units.checked_mul(each.cast_signed()).and_then(|delta| now.checked_add_signed(delta));
        let sum = sum.ok_or_else(|| Error::damaged(format!("inode {} counts {now} blocks", self.number)))?;
        if sum >> if is_wide { 48 } else { 32 } != 0 {
            return Err(Error::refused(format!("the file would be too long: {sum} sectors do not fit its record")));
        }
        put32(&mut self.raw, 0x1c, sum as u32);
        if is_wide {
            put16(&mut self.raw, 0x74, (sum >> 32) as u16);
        }
        Ok(())
    }
}

/// Tells one use of an inode from the next, for those who know it from elsewhere (NFS): any number does.
fn generation() -> u32 {
    if let Some(time) = crate::fs::edit::told_time() {
        return time.as_second() as u32;
    }
    let random = uuid::Uuid::new_v4();
    random.as_bytes().first_chunk().copied().map_or(0, u32::from_le_bytes)
}

/// Where a record lies, and its length.
fn place(ledger: &Ledger, number: u32) -> Result<(ByteOffset, usize)> {
    let superblock = &ledger.superblock;
    let unknown = || Error::damaged(format!("inode {number} does not exist: the volume has {}", superblock.inodes));
    let index = number.checked_sub(1).filter(|index| *index < superblock.inodes).ok_or_else(unknown)?;
    let group = ledger.table.get(u64::from(index / superblock.inodes_per_group)).ok_or_else(unknown)?;
    let len = u64::from(superblock.inode_bytes);
    let within = u64::from(index % superblock.inodes_per_group) * len;
    Ok((ByteOffset(ledger.offset_of(group.inode_table).0 + within), len as usize))
}

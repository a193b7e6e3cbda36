//! The superblock's own fields, its copies, the journal's superblock and the multi-mount block.
//!
//! Offsets: the kernel's ext4 documentation, "Super Block", "Journal (jbd2)", "Multiple Mount Protection".

use super::{Look, Volume};
use crate::bytes::u32_at;
use crate::error::Result;
use crate::fs::Finding;
use crate::fs::ext::feature::{compat, incompat, ro_compat};
use crate::fs::ext::field::{crc32c, halves, le16, le32};
use crate::fs::ext::state_bit;
use crate::fs::ext::superblock::{PRIMARY, SUPERBLOCK_BYTES, Superblock};
use crate::unit::ByteOffset;

/// Fields of the superblock that only a check needs.
pub(super) struct Facts {
    /// Why the primary superblock cannot be used; the rest is then that of the copy the volume was opened by.
    pub(super) damage: Option<crate::error::Error>,
    pub(super) free_blocks: u64,
    pub(super) free_inodes: u32,
    pub(super) reserved_blocks: u64,
    /// The first inode that is not reserved.
    pub(super) first_inode: u32,
    /// Its bytes.
    pub(super) raw: [u8; SUPERBLOCK_BYTES],
    /// Inodes named by the superblock: quota files, the orphan file.
    pub(super) own_inodes: [u32; 4],
    pub(super) mmp_block: u64,
    /// Deletion times below the inode count are links of the orphan list; not on volumes whose clock was that early.
    pub(super) has_late_clock: bool,
    pub(super) wanted_extra_bytes: u16,
    pub(super) preallocated_directory_blocks: u8,
}

impl Facts {
    pub(super) fn read(volume: &Volume) -> Result<Self> {
        let superblock = &volume.superblock;
        let mut raw = [0; SUPERBLOCK_BYTES];
        volume.source.read_at(PRIMARY, &mut raw)?;
        let damage = match Superblock::verify(&raw, PRIMARY) {
            Ok(_) => None,
            Err(error) => {
                if let Some((place, _)) = crate::fs::ext::superblock::find_backup(volume.source.device()) {
                    volume.source.read_at(place, &mut raw)?;
                }
                Some(error)
            }
        };
        let wide = superblock.features.incompat(incompat::BITS64);
        let count = |low: usize, high: usize| halves(le32(&raw, low), if wide { le32(&raw, high) } else { 0 });
        let is_dynamic = le32(&raw, 0x4c) > 0;
        let times = [0x30, 0x2c, 0x108].map(|at| le32(&raw, at));
        Ok(Self {
            damage,
            free_blocks: count(0x0c, 0x158),
            free_inodes: le32(&raw, 0x10),
            reserved_blocks: count(0x08, 0x154),
            first_inode: if is_dynamic { le32(&raw, 0x54) } else { 11 },
            own_inodes: own_inodes(superblock, &raw),
            mmp_block: halves(le32(&raw, 0x168), le32(&raw, 0x16c)),
            has_late_clock: times.iter().all(|time| *time == 0 || *time >= superblock.inodes),
            wanted_extra_bytes: le16(&raw, 0x15e),
            preallocated_directory_blocks: raw[0xcd],
            raw,
        })
    }
}

/// The inodes that only the superblock leads to; 0 for none.
fn own_inodes(superblock: &Superblock, raw: &[u8]) -> [u32; 4] {
    let features = superblock.features;
    let only = |is: bool, at: usize| if is { le32(raw, at) } else { 0 };
    let quota = features.ro_compat(ro_compat::QUOTA);
    [
        only(quota, 0x240),
        only(quota, 0x244),
        only(quota && features.ro_compat(ro_compat::PROJECT), 0x26c),
        only(features.compat(compat::ORPHAN_FILE), 0x280),
    ]
}

impl Look<'_> {
    /// The primary, then its copies.
    pub(super) fn superblock(&mut self) -> Result<()> {
        if let Some(error) = self.facts.damage.take() {
            let finding = Finding::from_error("ext.superblock.damaged", error)?;
            self.report.add(finding.at(PRIMARY));
        }
        self.state();
        self.orphan_list()?;
        let first = self.facts.first_inode;
        if !(11..=self.superblock.inodes).contains(&first) {
            let message = format!("the first inode for files is {first}, and must be 11 at least");
            self.report.add(Finding::error("ext.superblock.first_inode", message).at(ByteOffset(PRIMARY.0 + 0x54)));
        }
        let reserved = self.facts.reserved_blocks;
        if reserved > self.superblock.blocks {
            let message = format!("{reserved} blocks are reserved, of {}", self.superblock.blocks);
            self.report.add(Finding::error("ext.superblock.reserved", message).at(ByteOffset(PRIMARY.0 + 8)));
        }
        let room = i64::from(self.superblock.inode_bytes) - 128;
        let wanted = self.facts.wanted_extra_bytes;
        if room > 0 && (i64::from(wanted) > room || !wanted.is_multiple_of(4)) {
            let message = format!("new inodes are to have {wanted} extra bytes, and have room for {room}");
            // e2fsck tells it, and counts it as no error: the kernel then takes what fits.
            self.report.add(Finding::warning("ext.superblock.extra_bytes", message).at(ByteOffset(PRIMARY.0 + 0x15e)));
        }
        self.allocation_fields();
        self.backups()?;
        self.multi_mount()
    }

    /// Fields that repeat others on volumes without the feature they are for, and sizes that are powers of two.
    /// That they must is libext2fs's rule: e2fsck takes another superblock for good then.
    fn allocation_fields(&mut self) {
        let field = |at: usize| le32(&self.facts.raw, at);
        let mut wrong = Vec::new();
        if !self.features().ro_compat(ro_compat::BIGALLOC) {
            if field(0x1c) != field(0x18) {
                wrong.push((0x1c, "its clusters are to be as large as its blocks, and are not".to_owned()));
            }
            if field(0x24) != field(0x20) {
                let message =
                    format!("a group has {} blocks, and is said to have {} clusters", field(0x20), field(0x24));
                wrong.push((0x24, message));
            }
        }
        let descriptor = u32::from(le16(&self.facts.raw, 0xfe));
        if descriptor > 1024 || descriptor != 0 && !descriptor.is_power_of_two() {
            wrong.push((0xfe, format!("a group descriptor is said to have {descriptor} bytes")));
        }
        let flex = self.facts.raw.get(0x174).copied().unwrap_or(0);
        if flex > 31 {
            wrong.push((0x174, format!("2^{flex} groups are said to be packed together, and 2^31 can be at most")));
        }
        let kind = self.facts.raw.get(0x175).copied().unwrap_or(0);
        if kind != 1 && self.features().ro_compat(ro_compat::METADATA_CSUM) {
            wrong.push((0x175, format!("its checksums are said to be of kind {kind}, and there is none but 1")));
        }
        for (at, message) in wrong {
            self.report.add(Finding::error("ext.superblock.allocation", message).at(ByteOffset(PRIMARY.0 + at)));
        }
    }

    /// `s_state`, and whether the journal waits.
    fn state(&mut self) {
        let (superblock, features) = (self.superblock, self.features());
        let place = ByteOffset(PRIMARY.0 + 0x3a);
        if features.incompat(incompat::RECOVER) {
            let message = "the journal holds changes that were not finished; the volume is looked at without them";
            self.report.add(Finding::warning("ext.journal.pending", message).at(ByteOffset(PRIMARY.0 + 0x60)));
        } else if superblock.state & state_bit::UNMOUNTED == 0 {
            self.report
                .add(Finding::warning("ext.superblock.dirty", "the volume was not unmounted properly").at(place));
        }
        if superblock.state & state_bit::ERRORS != 0 {
            let message = "the kernel met errors in the volume, and marked it";
            self.report.add(Finding::warning("ext.superblock.errors", message).at(place));
        }
    }

    /// Copies at the start of groups must be superblocks of this volume: same identity, same geometry. What changes
    /// while the volume is used (counts, times, features) may be older in them.
    fn backups(&mut self) -> Result<()> {
        let superblock = self.superblock;
        for group in (1..superblock.groups()).filter(|group| superblock.has_superblock(*group)) {
            self.watch.proceed()?;
            let place = self.volume.source.offset_of(superblock.group_start(group));
            let mut raw = [0; SUPERBLOCK_BYTES];
            self.volume.source.read_at(place, &mut raw)?;
            let problem = match Superblock::verify(&raw, place) {
                Err(error) => Some(error.without_advice()),
                Ok(copy) if copy.uuid != superblock.uuid => Some("it belongs to another volume".to_owned()),
                Ok(copy)
                    if (copy.blocks_per_group, copy.inodes_per_group, copy.block_bytes, copy.inode_bytes)
                        != (
                            superblock.blocks_per_group,
                            superblock.inodes_per_group,
                            superblock.block_bytes,
                            superblock.inode_bytes,
                        ) =>
                {
                    Some("it tells of a volume that is cut otherwise".to_owned())
                }
                // The field has 16 bits; mke2fs writes the largest number that fits for groups beyond.
                Ok(copy) if u64::from(copy.own_group) != group.min(0xffff) => {
                    Some(format!("it says that it is the copy of group {}", copy.own_group))
                }
                Ok(_) => None,
            };
            if let Some(problem) = problem {
                let message = format!("group {group}'s copy of the superblock cannot be used: {problem}");
                let finding = Finding::warning("ext.superblock.backup", message).at(place);
                self.report.add(finding.in_cluster(superblock.group_start(group)));
            }
        }
        Ok(())
    }

    /// The block by which hosts that share a disk tell each other that one has mounted it.
    fn multi_mount(&mut self) -> Result<()> {
        const MAGIC: u32 = 0x004d_4d50;
        const CLEAN: u32 = 0xff4d_4d50;
        if !self.features().incompat(incompat::MMP) {
            return Ok(());
        }
        let block = self.facts.mmp_block;
        if block <= u64::from(self.superblock.first_data_block) || block >= self.superblock.blocks {
            let message = format!("the multi-mount block is block {block}, out of the volume");
            self.report.add(Finding::error("ext.mmp.range", message).at(ByteOffset(PRIMARY.0 + 0x168)));
            return Ok(());
        }
        let place = self.volume.source.offset_of(block);
        let raw = self.volume.source.block(block, PRIMARY)?;
        let mut add =
            |rule, message: String| self.report.add(Finding::error(rule, message).at(place).in_cluster(block));
        if le32(&raw, 0) != MAGIC {
            add("ext.mmp.magic", format!("the multi-mount block begins with {:#010x}", le32(&raw, 0)));
        } else if self.superblock.features.ro_compat(ro_compat::METADATA_CSUM) {
            let computed = crc32c(self.superblock.checksum_seed, raw.get(..0x3fc).unwrap_or_default());
            if computed != le32(&raw, 0x3fc) {
                add("ext.mmp.checksum", format!("the multi-mount block's checksum must be {computed:#010x}"));
            }
        }
        if le32(&raw, 4) != CLEAN && le32(&raw, 0) == MAGIC {
            let message = "a host has mounted the volume, or died while it had";
            self.report.add(Finding::warning("ext.mmp.mounted", message).at(place).in_cluster(block));
        }
        Ok(())
    }

    /// The journal's first block: jbd2's superblock, with its fields in big-endian order.
    pub(super) fn journal(&mut self) -> Result<()> {
        const MAGIC: u32 = 0xc03b_3998;
        /// Checksums of version 2 and 3.
        const CHECKSUMS: u32 = 0x8 | 0x10;
        let features = self.features();
        // A journal on another device is known by its UUID (0xd0), one in the volume by its inode (0xe0). e2fsck takes
        // both at once for the former, and looks at either whether or not the volume says that it has a journal.
        let is_elsewhere = self.facts.raw.get(0xd0..0xe0).is_some_and(|uuid| uuid.iter().any(|byte| *byte != 0));
        let is_inside = self.superblock.journal_inode != 0;
        let message = match (features.compat(compat::HAS_JOURNAL), is_inside, is_elsewhere) {
            (true, true, true) => "the superblock names a journal in the volume and one on another device",
            (true, false, false) => "the volume has a journal, and the superblock does not say where",
            (false, true, _) | (false, _, true) => "the superblock names a journal, and the volume has none",
            _ => "",
        };
        if !message.is_empty() {
            self.report.add(Finding::error("ext.journal.missing", message).at(ByteOffset(PRIMARY.0 + 0xd0)));
        }
        if !features.compat(compat::HAS_JOURNAL) || !is_inside {
            return Ok(());
        }
        let Some((block, file_blocks)) = self.journal else {
            let message = format!("inode {} is to be the journal, and is none", self.superblock.journal_inode);
            self.report.add(Finding::error("ext.journal.missing", message).at(ByteOffset(PRIMARY.0 + 0xe0)));
            return Ok(());
        };
        let place = self.volume.source.offset_of(block);
        let raw = self.volume.source.block(block, PRIMARY)?;
        let be32 = |at: usize| u32_at(&raw, at).map_or(0, u32::swap_bytes);
        let mut add = |rule, at: u64, message: String| {
            self.report.add(Finding::error(rule, message).at(ByteOffset(place.0 + at)).in_cluster(block));
        };
        let (kind, block_bytes, blocks, first, start) = (be32(4), be32(0xc), be32(0x10), be32(0x14), be32(0x1c));
        if be32(0) != MAGIC || !(3..=4).contains(&kind) {
            add("ext.journal.magic", 0, format!("the journal begins with {:#010x}, type {kind}", be32(0)));
            return Ok(());
        }
        if block_bytes != self.superblock.block_bytes {
            add("ext.journal.block_size", 0xc, format!("the journal has blocks of {block_bytes} bytes"));
        }
        if blocks < 1024 || u64::from(blocks) > file_blocks || first == 0 || first >= blocks || start >= blocks {
            let message = format!(
                "the journal has {blocks} blocks of {file_blocks}, begins at {first}, and is read from {start}"
            );
            add("ext.journal.length", 0x10, message);
        }
        if kind == 4 && be32(0x28) & CHECKSUMS != 0 {
            let state = crc32c(crc32c(!0, raw.get(..0xfc).unwrap_or_default()), &[0; 4]);
            let computed = crc32c(state, raw.get(0x100..0x400).unwrap_or_default());
            if computed != be32(0xfc) {
                let message = format!("the journal's checksum is {:#010x}, and must be {computed:#010x}", be32(0xfc));
                add("ext.journal.checksum", 0xfc, message);
            }
        }
        if start != 0 && !features.incompat(incompat::RECOVER) {
            let message = "the journal is not empty, and the volume says that it is";
            let finding = Finding::warning("ext.journal.leftover", message).in_cluster(block);
            self.report.add(finding.at(ByteOffset(place.0 + 0x1c)));
        }
        if be32(0x20) != 0 {
            let message = format!("the journal was given up with error {}", be32(0x20));
            self.report.add(Finding::warning("ext.journal.error", message).at(ByteOffset(place.0 + 0x20)));
        }
        Ok(())
    }
}

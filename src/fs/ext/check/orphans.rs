//! Inodes that were deleted or cut short while they were open: a list through their times of deletion, or a file.
//!
//! | where | offset | meaning |
//! |---|---|---|
//! | superblock | 0xe8 | `s_last_orphan`: the first inode of the list; 0 for none |
//! | inode | 0x14 | `i_dtime`: the next one, while it is on the list; 0 for none |
//! | superblock | 0x280 | `s_orphan_file_inum` |
//! | block of the file | 0 | numbers of inodes, 0 for none |
//! | block of the file | its last 8 bytes | magic number 0x0b10ca04; checksum: the inode's state, the block's own number (64 bits), the numbers |
//!
//! Source: the kernel's ext4 documentation, "Orphan file" and "Super Block". Who mounts the volume works the list off,
//! so that one that waits is a warning. The file is to be empty, and the flag that it is not must not stand: e2fsck
//! mends either.

use std::collections::HashSet;

use super::Look;
use crate::error::Result;
use crate::fs::Finding;
use crate::fs::ext::blocks::Layout;
use crate::fs::ext::feature::{compat, ro_compat};
use crate::fs::ext::field::{crc32c, le32};
use crate::fs::ext::inode::Inode;
use crate::fs::ext::superblock::PRIMARY;
use crate::unit::ByteOffset;

/// The last 8 bytes of each block of the orphan file.
const TAIL_BYTES: usize = 8;
/// `ob_magic`.
const MAGIC: u32 = 0x0b10_ca04;
/// A longer list is not followed to its end.
const MAX_LISTED: usize = 100_000;
/// Blocks of the orphan file that are looked at: mke2fs makes 512 at most.
const MAX_BLOCKS: u64 = 1 << 16;

impl Look<'_> {
    /// The list, from the superblock on.
    pub(super) fn orphan_list(&mut self) -> Result<()> {
        let mut next = self.superblock.last_orphan;
        let mut place = ByteOffset(PRIMARY.0 + 0xe8);
        let mut met = HashSet::new();
        // What is wrong with the list is a warning: whoever mounts the volume passes over it, and so does e2fsck.
        let problem = loop {
            if next == 0 || met.len() == MAX_LISTED {
                break None;
            }
            if next < self.facts.first_inode || next > self.superblock.inodes {
                let message = format!("the list of files that were deleted while open leads to inode {next}");
                break Some(Finding::warning("ext.orphans.range", message));
            }
            if !met.insert(next) {
                let message = format!("the list of files that were deleted while open comes back to inode {next}");
                break Some(Finding::warning("ext.orphans.loop", message));
            }
            let Some(record) = self.record_place(next) else { break None };
            place = ByteOffset(record.0 + 0x14);
            let mut raw = [0; 4];
            self.volume.source.read_at(place, &mut raw)?;
            next = le32(&raw, 0);
            self.watch.proceed()?;
        };
        if !met.is_empty() {
            let (count, first) = (met.len(), self.superblock.last_orphan);
            let message = format!("{count} files were deleted while open, and still are to go: inode {first} first");
            let finding = Finding::warning("ext.orphans.pending", message);
            self.report.add(finding.at(ByteOffset(PRIMARY.0 + 0xe8)));
        }
        if let Some(finding) = problem {
            self.report.add(finding.at(place));
        }
        Ok(())
    }

    /// The file, and the flag that it holds something.
    pub(super) fn orphan_file(&mut self) -> Result<()> {
        let features = self.features();
        let is_present = features.ro_compat(ro_compat::ORPHAN_PRESENT);
        if is_present {
            let message = "the volume says that files were deleted while open, and still are to go";
            let finding = Finding::error("ext.orphans.present", message);
            self.report.add(finding.at(ByteOffset(PRIMARY.0 + 0x64)));
        }
        if !features.compat(compat::ORPHAN_FILE) {
            return Ok(());
        }
        let place = ByteOffset(PRIMARY.0 + 0x280);
        if !features.compat(compat::HAS_JOURNAL) {
            let message = "there is an orphan file, which is of use with a journal only, and no journal";
            self.report.add(Finding::error("ext.orphans.file", message).at(place));
            return Ok(());
        }
        let number = self.facts.own_inodes[3];
        let (source, superblock) = (&self.volume.source, self.superblock);
        let read = Inode::read(source, superblock, &self.volume.table, number)
            .and_then(|inode| Layout::read(source, superblock, &inode).map(|layout| (inode, layout)));
        let (inode, layout) = match read {
            Ok(read) => read,
            Err(error) => {
                let finding = Finding::from_error("ext.orphans.file", error.context("the orphan file"))?;
                let own = finding.place.offset.unwrap_or(place);
                self.report.add(finding.at(own));
                return Ok(());
            }
        };
        let block_bytes = u64::from(superblock.block_bytes);
        let blocks: u64 = layout.runs.iter().map(|run| run.blocks).sum();
        if inode.bytes % block_bytes != 0 || inode.bytes / block_bytes > blocks {
            let message = format!("the orphan file has {} bytes, and {blocks} blocks of {block_bytes}", inode.bytes);
            self.report.add_of(number, Finding::error("ext.orphans.size", message).at(ByteOffset(inode.place.0 + 4)));
        }
        let physical = layout.runs.iter().flat_map(|run| run.physical..run.physical + run.blocks);
        for block in physical.take(blocks.min(MAX_BLOCKS) as usize) {
            self.orphan_block(number, inode.checksum_seed, block)?;
        }
        Ok(())
    }

    fn orphan_block(&mut self, number: u32, seed: u32, block: u64) -> Result<()> {
        let raw = self.volume.source.block(block, ByteOffset(PRIMARY.0 + 0x280))?;
        let place = self.volume.source.offset_of(block);
        let (numbers, tail) = raw.split_at(raw.len().saturating_sub(TAIL_BYTES));
        let at_tail = ByteOffset(place.0 + numbers.len() as u64);
        let mut wrong = Vec::new();
        if le32(tail, 0) != MAGIC {
            let message = format!("its block {block} ends with {:#010x}, not {MAGIC:#010x}", le32(tail, 0));
            wrong.push(("ext.orphans.magic", at_tail, message));
        } else if self.features().ro_compat(ro_compat::METADATA_CSUM) {
            let computed = crc32c(crc32c(seed, &block.to_le_bytes()), numbers);
            if computed != le32(tail, 4) {
                let message = format!(
                    "the checksum of its block {block} is {:#010x}, and must be {computed:#010x}",
                    le32(tail, 4)
                );
                wrong.push(("ext.orphans.checksum", ByteOffset(at_tail.0 + 4), message));
            }
        }
        let listed = numbers.chunks_exact(4).filter(|raw| le32(raw, 0) != 0).count();
        if listed > 0 {
            let message = format!("its block {block} names {listed} inodes that were deleted while open");
            wrong.push(("ext.orphans.listed", place, message));
        }
        for (rule, place, message) in wrong {
            self.report.add_of(number, Finding::error(rule, message).at(place).in_cluster(block));
        }
        Ok(())
    }
}

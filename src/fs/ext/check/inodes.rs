//! Every inode that was ever written.
//!
//! Source of the fields: the kernel's ext4 documentation, "Index Nodes", "Special inodes". Which combinations count
//! as damage is e2fsck's first pass: an inode is in use when its link count is not zero, and what lies past a file's
//! end must be unwritten.

use super::attributes::Told;
use super::doubles::Double;
use super::{DirectoryRun, Look, cluster_of};
use crate::error::Result;
use crate::fs::Finding;
use crate::fs::ext::blocks::Run;
use crate::fs::ext::feature::{Features, compat, incompat, ro_compat};
use crate::fs::ext::field::{halves, le16, le32};
use crate::fs::ext::group::leading_blocks;
use crate::fs::ext::inode::{BLOCK_FIELD_BYTES, ROOT};
use crate::fs::ext::record::{Form, OLD_BYTES, Record, flag};
use crate::fs::ext::scan;
use crate::fs::ext::trace::{self, Event};
use crate::unit::ByteOffset;

/// Lists the blocks that failed.
pub(in crate::fs::ext) const BAD_BLOCKS: u32 = 1;
/// Holds the room that descriptors may grow into.
pub(in crate::fs::ext) const RESIZE: u32 = 7;

/// What an inode was found to hold.
#[derive(Default)]
struct Held {
    /// Allocation units, its map's included.
    clusters: u64,
    /// The last block of the file that lies anywhere.
    last: Option<u64>,
    /// The last one that was written.
    last_written: Option<u64>,
    /// Where its first block lies.
    first: Option<u64>,
    /// The allocation unit met last: with `bigalloc` runs that follow each other may share one.
    unit: Option<u64>,
    /// Something in its map could not be read, so that what was counted means nothing.
    is_broken: bool,
}

/// Fields that must be zero where the feature that gives them a meaning is missing (e2fsck).
fn unused_fields(record: Record<'_>, features: Features) -> Option<(&'static str, u64, String)> {
    let has = |is_used: bool, at: usize| !is_used && le16(record.raw, at) != 0;
    let at = if has(features.ro_compat(ro_compat::HUGE_FILE), 0x74) {
        0x74
    } else if has(features.incompat(incompat::BITS64), 0x76) {
        0x76
    } else if le32(record.raw, 0x70) != 0 {
        0x70
    } else {
        return None;
    };
    Some(("ext.inode.unused_field", at, format!("its field at {at:#x} means nothing in this volume, and is not zero")))
}

impl Look<'_> {
    /// Reads all inodes.
    pub(super) fn inodes(&mut self) -> Result<()> {
        for inode in self.facts.own_inodes {
            self.links.needs_no_name(inode);
        }
        let (volume, superblock, watch) = (self.volume, self.superblock, self.watch);
        let groups = volume.table.all();
        scan::inodes(&volume.source, superblock, groups, (1, "Reading inodes", watch), &mut |record| {
            self.inode(record)?;
            Ok(true)
        })?;
        if !self.inodes.contains(u64::from(ROOT)) || self.links.entry_type(ROOT) != 2 {
            self.report.add(Finding::error("ext.root.missing", "inode 2 is to be the root directory, and is none"));
        }
        Ok(())
    }

    fn add(&mut self, record: Record<'_>, rule: &'static str, at: u64, message: String) {
        self.report.add_of(record.number, Finding::error(rule, message).at(record.at(at)));
    }

    fn inode(&mut self, record: Record<'_>) -> Result<()> {
        if record.raw.iter().all(|byte| *byte == 0) || record.number > self.superblock.inodes {
            return Ok(());
        }
        if self.features().ro_compat(ro_compat::METADATA_CSUM)
            && let Some((stored, computed)) = record.wrong_checksum(self.superblock)
        {
            let message = format!("its checksum is {stored:#010x}, and must be {computed:#010x}");
            self.add(record, "ext.inode.checksum", 0x7c, message);
        }
        let deleted_at = record.deleted_at();
        if deleted_at != 0 && deleted_at < self.superblock.inodes && self.facts.has_late_clock {
            let message = format!("it is on the list of files that were deleted while open (next: {deleted_at})");
            self.add(record, "ext.inode.orphan", 0x14, message);
        }
        let is_reserved = record.number < self.facts.first_inode || self.facts.own_inodes.contains(&record.number);
        if record.number == BAD_BLOCKS {
            return self.bad_blocks(record);
        }
        if record.links() == 0 {
            if !is_reserved && deleted_at == 0 && record.mode() != 0 {
                let message = "it has no links, and was never deleted".to_owned();
                self.add(record, "ext.inode.deleted", 0x1a, message);
            }
            return Ok(());
        }
        if deleted_at != 0 {
            self.add(record, "ext.inode.deletion_time", 0x14, "it is in use, and has a time of deletion".to_owned());
        }
        self.inodes.insert(u64::from(record.number));
        let is_indexed = record.has(flag::INDEX);
        self.links.inode(record.number, record.form().entry_type(), record.links(), is_indexed);
        self.fields(record);
        let told = self.attributes(record)?;
        if record.has(flag::ENCRYPTED) && !told.has_policy {
            let message = "it is marked as encrypted, and no attribute says how".to_owned();
            self.add(record, "ext.inode.encryption", 0x20, message);
        }
        let held = self.blocks(record)?;
        let own = u64::from(record.attribute_block(self.features()) != 0);
        self.charge(record, held.clusters + own + told.value_clusters, told.values);
        if !held.is_broken {
            self.sectors(record, &held, &told);
            self.length(record, &held, &told)?;
        }
        if record.form() == Form::Directory {
            let group = (record.number - 1) / self.superblock.inodes_per_group;
            if let Some(count) = self.directories_in.get_mut(group as usize) {
                *count += 1;
            }
            if record.has(flag::INLINE_DATA) {
                let inline = DirectoryRun { inode: record.number, logical: 0, blocks: 0, physical: 0 };
                self.keep_run(inline)?;
            }
        }
        if record.number == self.superblock.journal_inode && record.form() == Form::File {
            self.journal = held.first.zip(held.last.map(|last| last + 1));
        }
        Ok(())
    }

    /// The list of bad blocks is a block map without a file.
    fn bad_blocks(&mut self, record: Record<'_>) -> Result<()> {
        if record.mode() != 0 || record.links() != 0 || record.has(flag::EXTENTS | flag::INLINE_DATA) {
            self.add(record, "ext.inode.bad_blocks", 0, "the list of bad blocks looks like a file".to_owned());
        }
        let held = self.blocks(record)?;
        if !held.is_broken {
            self.sectors(record, &held, &Told::default());
        }
        Ok(())
    }

    /// Fields that need no other place to be judged.
    fn fields(&mut self, record: Record<'_>) {
        let features = self.features();
        let form = record.form();
        let mut wrong = Vec::new();
        if form == Form::Unknown {
            wrong.push(("ext.inode.mode", 0, format!("its mode is {:#o}, which is no kind of file", record.mode())));
        }
        if record.has(flag::EXTENTS) && !features.incompat(incompat::EXTENTS) {
            wrong.push(("ext.inode.flags", 0x20, "it has extents, and the volume has none".to_owned()));
        }
        if record.has(flag::INLINE_DATA) && (!features.incompat(incompat::INLINE_DATA) || record.has(flag::EXTENTS)) {
            wrong.push(("ext.inode.flags", 0x20, "it has inline content, where it cannot".to_owned()));
        }
        if record.has(flag::INDEX) && (form != Form::Directory || !features.compat(compat::DIR_INDEX)) {
            wrong.push(("ext.inode.flags", 0x20, "it has the index of a directory, where it cannot".to_owned()));
        }
        if record.has(flag::CASEFOLD) && (form != Form::Directory || !features.incompat(incompat::CASEFOLD)) {
            wrong.push(("ext.inode.flags", 0x20, "its names are folded, where they cannot be".to_owned()));
        }
        if record.has(flag::IMAGIC) {
            wrong.push(("ext.inode.flags", 0x20, "it is marked as an inode of AFS".to_owned()));
        }
        let extra = record.raw.get(OLD_BYTES..).map_or(0, |rest| le16(rest, 0));
        if record.extra_bytes().is_none() || (1..4).contains(&extra) {
            wrong.push(("ext.inode.extra_bytes", 0x80, format!("it says that it has {extra} extra bytes")));
        }
        if matches!(form, Form::Fifo | Form::Character | Form::Block | Form::Socket) {
            // What lies in `i_block` behind a device's number is left there by the kernel, and means nothing.
            if record.has(flag::EXTENTS | flag::INLINE_DATA | flag::INDEX) {
                wrong.push(("ext.inode.special", 0x20, "it is a device, pipe or socket, and has blocks".to_owned()));
            }
            if record.bytes(features) != 0 {
                let message = format!("it is a device, pipe or socket, and has {} bytes", record.bytes(features));
                wrong.push(("ext.inode.size", 4, message));
            }
        }
        wrong.extend(unused_fields(record, features));
        for (rule, at, message) in wrong {
            self.add(record, rule, at, message);
        }
    }

    /// Walks its map, and marks what it holds.
    fn blocks(&mut self, record: Record<'_>) -> Result<Held> {
        let mut held = Held::default();
        if record.number != BAD_BLOCKS && !record.is_mapped(self.superblock) {
            return Ok(held);
        }
        let volume = self.volume;
        let mut runs_kept = Ok(());
        trace::inode(&volume.source, &volume.superblock, record, &mut |event| match event {
            Event::Wrong(rule, place, message) => {
                held.is_broken = true;
                self.report.add_of(record.number, Finding::error(rule, message).at(place));
                false
            }
            Event::Node(block) => {
                held.clusters += 1;
                if record.number == RESIZE && self.is_room_for_descriptors(block) {
                    return true;
                }
                // The first is the block that leads to the others, and may lie anywhere.
                if record.number == RESIZE && held.clusters > 1 {
                    self.outside_room(record, block);
                }
                let cluster = cluster_of(self.superblock, block);
                held.unit = None;
                let is_new = self.clusters.insert_run(cluster, 1).is_none();
                if !is_new {
                    held.is_broken = true;
                    let is_attributes = false;
                    self.double(Double { inode: record.number, is_attributes, block, blocks: 1 });
                }
                is_new
            }
            Event::Data(run) => {
                let kept = self.run(record, run, &mut held);
                if runs_kept.is_ok() {
                    runs_kept = kept;
                }
                true
            }
        })?;
        runs_kept.map(|()| held)
    }

    /// A run of content.
    fn run(&mut self, record: Record<'_>, run: Run, held: &mut Held) -> Result<()> {
        let end = run.logical + run.blocks;
        held.last = held.last.max(Some(end - 1));
        if run.logical == 0 {
            held.first = Some(run.physical);
        }
        if !run.unwritten {
            held.last_written = held.last_written.max(Some(end - 1));
        }
        if record.number == RESIZE && self.is_room_for_descriptors(run.physical) {
            held.clusters += run.blocks;
            return Ok(());
        }
        if record.number == RESIZE {
            self.outside_room(record, run.physical);
        }
        let ratio = u64::from(self.superblock.cluster_blocks);
        if ratio > 1 && run.physical % ratio != run.logical % ratio {
            let message = format!("block {} of it lies at {}, askew of its cluster", run.logical, run.physical);
            self.report.add_of(record.number, Finding::error("ext.blocks.askew", message).in_cluster(run.physical));
        }
        let mut first = cluster_of(self.superblock, run.physical);
        let last = cluster_of(self.superblock, run.physical + run.blocks - 1);
        if ratio > 1 && held.unit == Some(first) && !run.logical.is_multiple_of(ratio) {
            first += 1;
        }
        held.unit = Some(last);
        let units = (last + 1).saturating_sub(first);
        held.clusters += units;
        let twice = self.clusters.insert_run(first, units);
        if let Some((at, count)) = twice {
            let (block, blocks) = (at * ratio, count * ratio);
            self.double(Double { inode: record.number, is_attributes: false, block, blocks });
        }
        if record.form() != Form::Directory {
            return Ok(());
        }
        if run.unwritten {
            let message = format!("its block {} was never written", run.logical);
            self.report.add_of(record.number, Finding::error("ext.directory.unwritten", message));
        }
        let Ok(logical) = u32::try_from(end - 1) else {
            let message = format!("it reaches to block {}, which no directory does", end - 1);
            self.report.add_of(record.number, Finding::error("ext.directory.size", message));
            return Ok(());
        };
        // Blocks that are another's are not read again and again: a hostile volume would take for ever.
        if twice.is_some_and(|(_, count)| count * ratio * 2 > run.blocks) {
            return Ok(());
        }
        let (blocks, logical) = (run.blocks as u32, logical - (run.blocks as u32 - 1));
        match self.runs.last_mut() {
            Some(last)
                if last.inode == record.number
                    && last.logical.checked_add(last.blocks) == Some(logical)
                    && last.physical + u64::from(last.blocks) == run.physical =>
            {
                last.blocks += blocks;
                Ok(())
            }
            _ => self.keep_run(DirectoryRun { inode: record.number, logical, blocks, physical: run.physical }),
        }
    }

    /// The resize inode holds nothing but the room that descriptors may grow into (e2fsck marks no other as its own).
    fn outside_room(&mut self, record: Record<'_>, block: u64) {
        let message = format!("it is to hold room for descriptors, and holds block {block}, which is none");
        let finding = Finding::error("ext.resize.range", message).in_cluster(block);
        self.report.add_of(record.number, finding.at(self.volume.source.offset_of(block)));
    }

    /// The resize inode's blocks are the room kept behind the descriptors, in group 0 and in the groups with copies.
    pub(super) fn is_room_for_descriptors(&self, block: u64) -> bool {
        let superblock = self.superblock;
        let first = u64::from(superblock.first_data_block);
        let Some(within) = block.checked_sub(first) else { return false };
        let group = within / u64::from(superblock.blocks_per_group);
        let lead = leading_blocks(superblock, group);
        let start = superblock.group_start(group);
        superblock.has_superblock(group)
            && block < start + lead
            && block >= start + lead - u64::from(superblock.reserved_gdt_blocks).min(lead)
    }

    /// `i_blocks` must be what was counted.
    fn sectors(&mut self, record: Record<'_>, held: &Held, told: &Told) {
        let superblock = self.superblock;
        let own = u64::from(record.number != BAD_BLOCKS && record.attribute_block(self.features()) != 0);
        let unit = u64::from(superblock.block_bytes) / 512 * u64::from(superblock.cluster_blocks);
        let expected = (held.clusters + own + told.value_clusters).saturating_mul(unit);
        let found = record.sectors(superblock);
        if expected != found {
            let message = format!("it says that it holds {found} sectors of 512 bytes, and holds {expected}");
            self.add(record, "ext.inode.blocks", 0x1c, message);
        }
    }

    /// `i_size` against what lies where.
    fn length(&mut self, record: Record<'_>, held: &Held, told: &Told) -> Result<()> {
        let bytes = record.bytes(self.features());
        let block_bytes = u64::from(self.superblock.block_bytes);
        let blocks = held.last.map_or(0, |last| last + 1);
        let problem = if record.has(flag::INLINE_DATA) {
            let room = (BLOCK_FIELD_BYTES + told.inline_bytes.unwrap_or(0)) as u64;
            let fits = if record.form() == Form::Directory { bytes == room } else { bytes <= room };
            (!fits || told.inline_bytes.is_none())
                .then(|| format!("it has {bytes} bytes, and its inline content {room}"))
        } else if record.form() == Form::Directory {
            let preallocated = u64::from(self.facts.preallocated_directory_blocks);
            let own = halves(le32(record.raw, 4), le32(record.raw, 0x6c)) / block_bytes;
            (own > blocks || own + preallocated < blocks)
                .then(|| format!("it has {bytes} bytes, and {blocks} blocks of {block_bytes}"))
        } else if record.form() == Form::File {
            let past = held.last_written.filter(|last| bytes < last.saturating_mul(block_bytes));
            let most = self.most_bytes(record);
            match past.filter(|_| !record.has(flag::VERITY)) {
                Some(last) => Some(format!("it has {bytes} bytes, and its block {last} was written")),
                None if bytes > most => Some(format!("it has {bytes} bytes, and can have {most}")),
                None => None,
            }
        } else if record.form() == Form::Symlink {
            return self.target(record, held);
        } else {
            None
        };
        if let Some(message) = problem {
            let rule = if record.form() == Form::Directory { "ext.directory.size" } else { "ext.inode.size" };
            self.add(record, rule, 4, message);
        }
        Ok(())
    }

    /// The most bytes a file can have: 2^32 blocks by extents, or what the triple indirect map reaches.
    fn most_bytes(&self, record: Record<'_>) -> u64 {
        let block_bytes = u64::from(self.superblock.block_bytes);
        let pointers = block_bytes / 4;
        let blocks = match record.has(flag::EXTENTS) {
            true => 1 << 32,
            false => 12 + pointers + pointers * pointers + pointers * pointers * pointers,
        };
        blocks.saturating_mul(block_bytes)
    }

    /// A symbolic link's target: as long as it says, without NUL, and shorter than a block.
    fn target(&mut self, record: Record<'_>, held: &Held) -> Result<()> {
        let bytes = record.bytes(self.features());
        let is_fast = record.is_fast_symlink(self.superblock);
        let block;
        let target: &[u8] = match held.first {
            _ if is_fast => record.block_field(),
            Some(physical) => {
                block = self.volume.source.block(physical, record.place)?;
                &block
            }
            None => &[],
        };
        let ends_at = target.iter().position(|byte| *byte == 0).unwrap_or(target.len()) as u64;
        let fits = if record.has(flag::ENCRYPTED) { bytes <= target.len() as u64 } else { ends_at == bytes };
        if bytes == 0 || bytes >= target.len() as u64 || !fits {
            let message = format!("it is a symbolic link of {bytes} bytes, and its target has {ends_at}");
            self.add(record, "ext.symlink.size", 4, message);
        }
        Ok(())
    }

    /// Reads an inode's record again.
    pub(super) fn record_place(&self, number: u32) -> Option<ByteOffset> {
        let index = number.checked_sub(1)?;
        let group = self.volume.table.get(u64::from(index / self.superblock.inodes_per_group))?;
        let within = u64::from(index % self.superblock.inodes_per_group) * u64::from(self.superblock.inode_bytes);
        Some(ByteOffset(self.volume.source.offset_of(group.inode_table).0 + within))
    }
}

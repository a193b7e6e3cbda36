//! What the quota files say that users, groups and projects use, against what inodes use.
//!
//! With the feature `quota` the superblock leads to up to three files that no directory names. Each is a tree, in
//! blocks of 1 KiB whatever the volume's are: block 0 is the header, block 1 the root. Four levels of 256 numbers of
//! blocks, one for each byte of an id, lead to a leaf of up to 14 entries; one leaf serves many ids.
//!
//! | where | offset | meaning |
//! |---|---|---|
//! | header | 0 | magic number: 0xd9c01f11 users, 0xd9c01927 groups, 0xd9c03f14 projects |
//! | header | 4 | version: 1 |
//! | header | 20 | blocks of the file in use |
//! | leaf | 16 | entries of 72 bytes; one of zeros is free |
//! | entry | 0 | id (32 bits) |
//! | entry | 24 | inodes in use (64 bits) |
//! | entry | 48 | bytes in use (64 bits) |
//!
//! Source: the kernel's `fs/quota/quotaio_v2.h` and `quota_tree.h` (format "v2r1"), and the manual of quota-tools.
//! Whose blocks count, that a missing entry stands for no use, and that an entry reached by any way counts, are
//! e2fsck's rules: the root and files count, inodes that hold an attribute's value count with who has the attribute.

use std::collections::{HashMap, HashSet};

use super::{Look, Volume};
use crate::bytes::u64_at;
use crate::error::Result;
use crate::fs::Finding;
use crate::fs::ext::blocks::Layout;
use crate::fs::ext::feature::ro_compat;
use crate::fs::ext::field::{le16, le32};
use crate::fs::ext::inode::{Inode, ROOT};
use crate::fs::ext::record::{Record, flag};
use crate::unit::ByteOffset;

/// A block of a quota file.
const BLOCK_BYTES: u64 = 1024;
/// The tree's root.
const ROOT_BLOCK: u32 = 1;
/// Levels above the leaves.
const LEVELS: u32 = 4;
/// Bytes before a leaf's entries.
const LEAF_HEAD_BYTES: usize = 16;
const ENTRY_BYTES: usize = 72;
/// Where `i_projid` lies, in inodes that are long enough.
const PROJECT_AT: usize = 0x9c;
/// Ids that are kept of each kind: 50 MiB. No quota is compared on a volume with more.
const MAX_IDS: usize = 1 << 20;
/// Blocks of a quota file that are looked at: those of 14 million ids.
const MAX_BLOCKS: usize = 1 << 20;

/// Users, groups, projects: where the superblock has the file's inode, the magic number, what an id is called.
const KINDS: [(usize, u32, &str); 3] =
    [(0x240, 0xd9c0_1f11, "user"), (0x244, 0xd9c0_1927, "group"), (0x26c, 0xd9c0_3f14, "project")];

/// What an id holds.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Use {
    bytes: u64,
    inodes: u64,
}

/// What was found of each kind and id.
#[derive(Default)]
pub(super) struct Usage {
    by_kind: [HashMap<u32, Use>; 3],
    /// There were more ids than are kept.
    is_beyond: bool,
}

/// A block of a quota file that cannot be: where, and what.
struct Bad(u32, String);

/// A quota file, while it is read.
struct File<'a> {
    inode: Inode,
    layout: Layout,
    volume: &'a Volume,
    blocks: u32,
    seen: HashSet<u32>,
    bad: Option<Bad>,
    entries: HashMap<u32, Use>,
}

impl Look<'_> {
    /// Adds what an inode holds to its owners' sums.
    pub(super) fn charge(&mut self, record: Record<'_>, clusters: u64, value_inodes: u64) {
        let is_counted = record.number == ROOT || record.number >= self.facts.first_inode;
        if !self.features().ro_compat(ro_compat::QUOTA)
            || !is_counted
            || record.has(flag::EA_INODE)
            || self.facts.own_inodes[2..].contains(&record.number)
        {
            return;
        }
        let cluster = u64::from(self.superblock.block_bytes) * u64::from(self.superblock.cluster_blocks);
        let id = |low: usize, high: usize| u32::from(le16(record.raw, high)) << 16 | u32::from(le16(record.raw, low));
        let ids = [id(0x02, 0x78), id(0x18, 0x7a), le32(record.raw, PROJECT_AT)];
        for (index, id) in ids.into_iter().enumerate() {
            if self.facts.own_inodes[index] == 0 {
                continue;
            }
            let sums = &mut self.usage.by_kind[index];
            if sums.len() >= MAX_IDS && !sums.contains_key(&id) {
                self.usage.is_beyond = true;
                continue;
            }
            let sum = sums.entry(id).or_default();
            sum.bytes = sum.bytes.saturating_add(clusters.saturating_mul(cluster));
            sum.inodes = sum.inodes.saturating_add(1 + value_inodes);
        }
    }

    /// Compares the sums with the quota files.
    pub(super) fn quotas(&mut self) -> Result<()> {
        let usage = std::mem::take(&mut self.usage);
        if usage.is_beyond {
            let message = format!("more than {MAX_IDS} users, groups or projects have files: quotas are not compared");
            self.report.add(Finding::note("ext.quota.beyond", message));
            return Ok(());
        }
        for (index, found) in usage.by_kind.into_iter().enumerate() {
            let inode = self.facts.own_inodes[index];
            if inode != 0 {
                self.watch.proceed()?;
                self.quota(index, inode, found)?;
            }
        }
        Ok(())
    }

    /// One file against the sums of its kind.
    fn quota(&mut self, index: usize, inode: u32, found: HashMap<u32, Use>) -> Result<()> {
        let (at, magic, kind) = KINDS[index];
        let (says, bad) = match File::read(self.volume, inode, magic) {
            Ok(file) => (file.entries, file.bad),
            Err(error) => {
                let finding = Finding::from_error("ext.quota.file", error.context(format!("the {kind} quota file")))?;
                self.report.add(if finding.place.offset.is_none() {
                    finding.at(ByteOffset(crate::fs::ext::superblock::PRIMARY.0 + at as u64))
                } else {
                    finding
                });
                return Ok(());
            }
        };
        if let Some(Bad(block, message)) = bad {
            let message = format!("block {block} of the {kind} quota file (of {BLOCK_BYTES} bytes): {message}");
            self.report.add_of(inode, Finding::error("ext.quota.tree", message));
            if block == 0 {
                return Ok(());
            }
        }
        let mut ids: Vec<u32> = found.keys().chain(says.keys()).copied().collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let (found, says) = (found.get(&id).copied().unwrap_or_default(), says.get(&id).copied());
            if says != Some(found) && (says.is_some() || found != Use::default()) {
                let Use { bytes, inodes } = says.unwrap_or_default();
                let message = format!(
                    "{kind} {id} is said to use {bytes} bytes and {inodes} inodes, and uses {} and {}",
                    found.bytes, found.inodes
                );
                self.report.add_of(inode, Finding::error("ext.quota.usage", message));
            }
        }
        Ok(())
    }
}

impl<'a> File<'a> {
    /// Reads all entries of a quota file.
    fn read(volume: &'a Volume, number: u32, magic: u32) -> Result<Self> {
        let (source, superblock) = (&volume.source, &volume.superblock);
        let inode = Inode::read(source, superblock, &volume.table, number)?;
        let layout = Layout::read(source, superblock, &inode)?;
        let mut file =
            File { inode, layout, volume, blocks: 0, seen: HashSet::new(), bad: None, entries: HashMap::new() };
        let header = file.block(0)?;
        file.blocks = le32(&header, 20);
        if (le32(&header, 0), le32(&header, 4)) != (magic, 1) {
            file.bad = Some(Bad(0, format!("its header begins with {:#010x}, not {magic:#010x}", le32(&header, 0))));
        } else {
            file.tree(ROOT_BLOCK, 0)?;
        }
        Ok(file)
    }

    /// A block of the file; zeros where it has none.
    fn block(&self, number: u32) -> Result<Vec<u8>> {
        let mut bytes = vec![0; BLOCK_BYTES as usize];
        let at = u64::from(number) * BLOCK_BYTES;
        let block_bytes = u64::from(self.volume.superblock.block_bytes);
        let logical = at / block_bytes;
        let runs = &self.layout.runs;
        let run = runs[..runs.partition_point(|run| run.logical <= logical)].last();
        if let Some(run) = run.filter(|run| logical < run.logical + run.blocks && !run.unwritten)
            && at < self.inode.bytes
        {
            let start = self.volume.source.offset_of(run.physical + (logical - run.logical)).0;
            self.volume.source.read_at(ByteOffset(start + at % block_bytes), &mut bytes)?;
        }
        Ok(bytes)
    }

    fn bad(&mut self, block: u32, message: String) {
        self.bad.get_or_insert(Bad(block, message));
    }

    /// A block of numbers of blocks. Recurses [`LEVELS`] deep; no block is looked at twice.
    fn tree(&mut self, number: u32, level: u32) -> Result<()> {
        if !self.seen.insert(number) {
            self.bad(number, "two places in the tree lead to it".to_owned());
            return Ok(());
        }
        let block = self.block(number)?;
        for raw in block.chunks_exact(4) {
            let next = le32(raw, 0);
            if next == 0 {
                continue;
            }
            if next >= self.blocks || self.seen.len() >= MAX_BLOCKS {
                self.bad(number, format!("it leads to block {next}, and the file has {}", self.blocks));
            } else if level + 1 < LEVELS {
                self.tree(next, level + 1)?;
            } else if self.seen.insert(next) {
                self.leaf(&self.block(next)?);
            }
        }
        Ok(())
    }

    fn leaf(&mut self, block: &[u8]) {
        for entry in block[LEAF_HEAD_BYTES..].chunks_exact(ENTRY_BYTES) {
            if entry.iter().any(|byte| *byte != 0) {
                let number = |at: usize| u64_at(entry, at).unwrap_or(0);
                self.entries.insert(le32(entry, 0), Use { inodes: number(24), bytes: number(48) });
            }
        }
    }
}

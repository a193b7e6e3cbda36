//! Whose the clusters are: [`Owners`] for ext2/3/4.
//!
//! One pass over the inode tables finds who holds blocks of the wanted range; one pass over the directories finds the
//! names of those inodes, and of no others; the way from there up to the root is looked up. With `bigalloc` an
//! allocation unit belongs wholly to whoever holds a block of it.
//!
//! # Memory
//! At most [`MAX_PIECES`] runs and the names of their inodes are kept (about 100 MiB); when there are more, they are
//! told, and the tables are read on from where that was. Besides: a bit for each allocation unit of the range that is
//! held, and 20 bytes for each run of directory blocks.
//!
//! # What cannot move
//! What has its place by the volume's layout, or is found by the group descriptors or the superblock; and of what
//! inodes hold, what [`fixed_reason`] names.

mod names;

use std::collections::HashMap;

use super::Volume;
use super::check::{BAD_BLOCKS, RESIZE};
use super::feature::{compat, incompat, ro_compat};
use super::field::{halves, le32};
use super::group::{inode_table_blocks, leading_blocks};
use super::marks::Marks;
use super::record::{Form, Record, flag};
use super::scan;
use super::superblock::{PRIMARY, SUPERBLOCK_BYTES};
use super::trace::{self, Event};
use crate::error::{Kind as ErrorKind, Result};
use crate::extent::{Extent, ExtentSet};
use crate::fs::{Holder, Owner, Owners, Watch};
use names::{Directories, Named};

/// Runs that are kept at once.
const MAX_PIECES: usize = 1 << 19;

/// The fixed metadata, with the reason why it is fixed.
mod fixed {
    pub(super) const BY_LAYOUT: &str = "its place follows from the volume's layout";
    pub(super) const BY_DESCRIPTOR: &str = "its place is written in the group descriptors";
    pub(super) const BY_SUPERBLOCK: &str = "the superblock leads to it, and the kernel keeps its place in mind";
}

/// Why what an inode holds cannot be moved; `None` when it can.
///
/// All that is read through its inode can be: files and directories with their maps, but also the journal (which is
/// empty on a volume that is edited), the files of the quotas, and values of extended attributes. `orphan_file` is the
/// number of the orphan file's inode, where there is one. Sources: the kernel's ext4 data structures documentation,
/// "Special inodes" and "Orphan file" (its blocks' checksums begin with their places).
pub(super) fn fixed_reason(inode: u32, orphan_file: Option<u32>) -> Option<&'static str> {
    match inode {
        BAD_BLOCKS => Some("it is a bad block: no data, but a place that failed"),
        RESIZE => Some("it is room kept for group descriptors (resize inode), which must lie behind them"),
        _ if Some(inode) == orphan_file => Some("the orphan file's checksums say where its blocks lie"),
        _ => None,
    }
}

/// What a run of an inode is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    File,
    Directory,
    Map,
}

/// A run that an inode holds.
struct Piece {
    inode: u32,
    part: Part,
    extent: Extent,
}

impl Owners for Volume {
    fn owners(&self, within: &ExtentSet, watch: &dyn Watch, see: &mut dyn FnMut(Owner)) -> Result<()> {
        let units = self.superblock.blocks.div_ceil(u64::from(self.superblock.cluster_blocks)) + 1;
        let mut look = Look {
            volume: self,
            within,
            told: Marks::new(units),
            nodes: Marks::new(units),
            named_nodes: Marks::new(units),
            own: self.own_files()?,
            orphan_file: self.orphan_file()?,
            see,
        };
        look.metadata();
        let mut directories = Directories::default();
        let mut next = 1;
        while next > 0 {
            let (pieces, rest) = look.scan(next, &mut directories, watch)?;
            look.tell(pieces, &mut directories, watch)?;
            next = rest;
        }
        look.lost()
    }
}

impl Volume {
    /// The inode of the orphan file, where there is one.
    fn orphan_file(&self) -> Result<Option<u32>> {
        let mut raw = [0; SUPERBLOCK_BYTES];
        self.source.read_at(PRIMARY, &mut raw)?;
        Ok(self.superblock.orphan_file(&raw))
    }

    /// Files that the superblock leads to, and what to call them: "Super Block", `s_journal_inum` and others.
    fn own_files(&self) -> Result<HashMap<u32, &'static str>> {
        let mut raw = [0; SUPERBLOCK_BYTES];
        self.source.read_at(PRIMARY, &mut raw)?;
        let features = self.superblock.features;
        let quota = features.ro_compat(ro_compat::QUOTA);
        let files = [
            (features.compat(compat::HAS_JOURNAL), self.superblock.journal_inode, "journal"),
            (features.compat(compat::RESIZE_INODE), RESIZE, "resize inode"),
            (quota, le32(&raw, 0x240), "quota of users"),
            (quota, le32(&raw, 0x244), "quota of groups"),
            (quota && features.ro_compat(ro_compat::PROJECT), le32(&raw, 0x26c), "quota of projects"),
            (features.compat(compat::ORPHAN_FILE), self.superblock.orphan_file(&raw).unwrap_or(0), "orphan file"),
        ];
        let used = files.into_iter().filter(|(is, inode, _)| *is && *inode != 0);
        Ok(used.map(|(_, inode, name)| (inode, name)).collect())
    }
}

struct Look<'a> {
    volume: &'a Volume,
    within: &'a ExtentSet,
    /// Allocation units whose holder was told.
    told: Marks,
    /// Units with a block of a map that was walked: none is walked twice, whatever the volume says.
    nodes: Marks,
    /// The same for maps of directories that are walked for their names alone.
    named_nodes: Marks,
    own: HashMap<u32, &'static str>,
    orphan_file: Option<u32>,
    see: &'a mut dyn FnMut(Owner),
}

impl Look<'_> {
    fn ratio(&self) -> u64 {
        u64::from(self.volume.superblock.cluster_blocks)
    }

    /// The parts of a run that are wanted, as whole allocation units.
    fn wanted(&mut self, run: Extent) -> Vec<Extent> {
        let ratio = self.ratio();
        let first = run.start.0 / ratio * ratio;
        let end = run.end().next_multiple_of(ratio).min(self.volume.superblock.blocks);
        let whole = Extent::new(first, end.saturating_sub(first));
        let parts: Vec<Extent> = self.within.parts_of(whole).collect();
        if !parts.is_empty() {
            self.told.insert_run(first / ratio, whole.clusters.div_ceil(ratio));
        }
        parts
    }

    fn own(&mut self, run: Extent, name: &str, reason: &'static str) {
        for extent in self.wanted(run) {
            (self.see)(Owner { extent, holder: Holder::Metadata(name.to_owned()), fixed: Some(reason) });
        }
    }

    /// What has its place by the volume's layout and by the group descriptors.
    fn metadata(&mut self) {
        let superblock = &self.volume.superblock;
        let first = superblock.superblock_block();
        if first > 0 {
            self.own(Extent::new(0, first), "boot block", fixed::BY_LAYOUT);
        }
        let has_room = superblock.features.compat(compat::RESIZE_INODE);
        let room = if has_room { u64::from(superblock.reserved_gdt_blocks) } else { 0 };
        let table_blocks = inode_table_blocks(superblock);
        for (number, group) in (0u64..).zip(self.volume.table.all()) {
            let lead = leading_blocks(superblock, number);
            let start = superblock.group_start(number);
            if lead > 0 {
                let room = if superblock.has_superblock(number) { room.min(lead) } else { 0 };
                let skip = if number == 0 { first.saturating_sub(start) } else { 0 };
                let name = format!("superblock and descriptors of group {number}");
                let extent = Extent::new(start + skip, (lead - room).saturating_sub(skip));
                self.own(extent, &name, fixed::BY_LAYOUT);
                if room > 0 {
                    let name = format!("room for more descriptors in group {number}");
                    self.own(Extent::new(start + lead - room, room), &name, fixed::BY_LAYOUT);
                }
            }
            for (extent, what) in [
                (Extent::new(group.block_bitmap, 1), "block bitmap"),
                (Extent::new(group.inode_bitmap, 1), "inode bitmap"),
                (Extent::new(group.inode_table, table_blocks), "inode table"),
            ] {
                self.own(extent, &format!("{what} of group {number}"), fixed::BY_DESCRIPTOR);
            }
        }
        self.multi_mount();
    }

    fn multi_mount(&mut self) {
        if !self.volume.superblock.features.incompat(incompat::MMP) {
            return;
        }
        let mut raw = [0; SUPERBLOCK_BYTES];
        if self.volume.source.read_at(PRIMARY, &mut raw).is_ok() {
            let block = halves(le32(&raw, 0x168), le32(&raw, 0x16c));
            if block > 0 && block < self.volume.superblock.blocks {
                self.own(Extent::new(block, 1), "multi-mount block", fixed::BY_SUPERBLOCK);
            }
        }
    }

    /// Reads inodes from `first` on; what of the wanted range they hold, and from where to read on (0: all read).
    fn scan(&mut self, first: u32, directories: &mut Directories, watch: &dyn Watch) -> Result<(Vec<Piece>, u32)> {
        let volume = self.volume;
        let mut pieces = Vec::new();
        let mut rest = 0;
        let groups = volume.table.all();
        let collects = first == 1;
        let from = (first, "Reading inodes", watch);
        scan::inodes(&volume.source, &volume.superblock, groups, from, &mut |record| {
            let is_full = pieces.len() >= MAX_PIECES;
            if is_full && rest == 0 {
                rest = record.number;
            }
            let is_directory = record.form() == Form::Directory && record.links() > 0;
            if rest == 0 || collects && is_directory {
                let names = if collects && is_directory { Some(&mut *directories) } else { None };
                self.inode(record, names, if rest == 0 { Some(&mut pieces) } else { None })?;
            }
            Ok(rest == 0 || collects)
        })?;
        Ok((pieces, rest))
    }

    /// One inode: its runs, and, when it is a directory, where its names lie.
    fn inode(
        &mut self,
        record: Record<'_>,
        mut names: Option<&mut Directories>,
        mut pieces: Option<&mut Vec<Piece>>,
    ) -> Result<()> {
        let superblock = &self.volume.superblock;
        let number = record.number;
        if record.links() == 0 && number != BAD_BLOCKS || record.raw.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        if superblock.features.ro_compat(ro_compat::METADATA_CSUM) && record.wrong_checksum(superblock).is_some() {
            return Ok(());
        }
        let own = match self.own.get(&number) {
            Some(name) => Some((*name).to_owned()),
            None if record.has(flag::EA_INODE) => Some(format!("value of an extended attribute (inode {number})")),
            None => None,
        };
        let is_directory = record.form() == Form::Directory;
        let block = record.attribute_block(superblock.features);
        if block > 0 && block < superblock.blocks && number != BAD_BLOCKS && pieces.is_some() {
            let is_new = self.nodes.insert(block / self.ratio());
            if is_new {
                self.piece(record, Part::Map, Extent::new(block, 1), own.as_deref(), &mut pieces);
            }
        }
        if is_directory
            && record.has(flag::INLINE_DATA)
            && let Some(names) = &mut names
        {
            names.inline.push(number);
        }
        if number != BAD_BLOCKS && !record.is_mapped(superblock) {
            return Ok(());
        }
        let part = if is_directory { Part::Directory } else { Part::File };
        let (source, superblock) = (&self.volume.source, &self.volume.superblock);
        trace::inode(source, superblock, record, &mut |event| match event {
            Event::Wrong(..) => false,
            Event::Node(block) => {
                let nodes = if pieces.is_some() { &mut self.nodes } else { &mut self.named_nodes };
                let is_new = nodes.insert(block / u64::from(superblock.cluster_blocks));
                self.piece(record, Part::Map, Extent::new(block, 1), own.as_deref(), &mut pieces);
                is_new
            }
            Event::Data(run) => {
                if let Some(names) = names.as_mut().filter(|_| is_directory) {
                    names.add(number, run.physical, run.blocks);
                }
                self.piece(record, part, Extent::new(run.physical, run.blocks), own.as_deref(), &mut pieces);
                true
            }
        })
    }

    fn piece(
        &mut self,
        record: Record<'_>,
        part: Part,
        run: Extent,
        own: Option<&str>,
        pieces: &mut Option<&mut Vec<Piece>>,
    ) {
        let Some(pieces) = pieces else { return };
        for extent in self.wanted(run) {
            let fixed = fixed_reason(record.number, self.orphan_file);
            if record.number == BAD_BLOCKS {
                (self.see)(Owner { extent, holder: Holder::Bad, fixed });
            } else if let Some(name) = own {
                (self.see)(Owner { extent, holder: Holder::Metadata(name.to_owned()), fixed });
            } else {
                pieces.push(Piece { inode: record.number, part, extent });
            }
        }
    }

    /// Finds the names, and tells.
    fn tell(&mut self, pieces: Vec<Piece>, directories: &mut Directories, watch: &dyn Watch) -> Result<()> {
        let mut names: HashMap<u32, Option<Named>> =
            pieces.iter().filter(|piece| piece.part != Part::Directory).map(|piece| (piece.inode, None)).collect();
        if !names.is_empty() {
            directories.find(self.volume, &mut names, watch)?;
        }
        let mut paths = super::check::Paths::default();
        let mut last: Option<(u32, String)> = None;
        for piece in pieces {
            let path = match last {
                Some((inode, path)) if inode == piece.inode => path,
                _ => match names.get(&piece.inode) {
                    Some(Some(named)) => paths.of_named(self.volume, named.directory, &named.name),
                    _ => paths.of(self.volume, piece.inode),
                }
                .unwrap_or_else(|| format!("(inode {}, which has no name)", piece.inode)),
            };
            last = Some((piece.inode, path.clone()));
            let holder = match piece.part {
                Part::File => Holder::File(path),
                Part::Directory => Holder::Directory(path),
                Part::Map => Holder::Map(path),
            };
            (self.see)(Owner { extent: piece.extent, holder, fixed: None });
        }
        Ok(())
    }

    /// What is marked as used, and was told of nobody. Not known where the bitmaps are damaged.
    fn lost(&mut self) -> Result<()> {
        let used = match crate::fs::FileSystem::used(self.volume) {
            Ok(used) => used,
            Err(error) if error.kind() == ErrorKind::Corrupt => return Ok(()),
            Err(error) => return Err(error),
        };
        let ratio = self.ratio();
        for wanted in self.within.runs() {
            for run in used.runs_in(wanted.start.0..wanted.end()) {
                let mut at = run.start.0;
                while at < run.end() {
                    let is_told = self.told.contains(at / ratio);
                    let mut end = at + 1;
                    while end < run.end() && self.told.contains(end / ratio) == is_told {
                        end += 1;
                    }
                    if !is_told {
                        let extent = Extent::new(at, end - at);
                        (self.see)(Owner { extent, holder: Holder::Lost, fixed: Some("nobody is known to hold it") });
                    }
                    at = end;
                }
            }
        }
        Ok(())
    }
}

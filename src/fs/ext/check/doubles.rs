//! Who else holds what is held twice.
//!
//! Marks tell that a block is held already, and not by whom. So when there are such blocks, and only then, the inodes
//! are walked once more, and whoever meets one of these blocks is its other holder. Both are named.
//!
//! Bounded: [`Findings::MAX_KEPT`] blocks are looked for, each until its other holder is met; [`MAX_NODES`] blocks of
//! maps are gone into.

use std::collections::{BTreeMap, HashSet};

use super::inodes::{BAD_BLOCKS, RESIZE};
use super::{Look, cluster_of};
use crate::error::Result;
use crate::fs::ext::record::Record;
use crate::fs::ext::scan;
use crate::fs::ext::trace::{self, Event};
use crate::fs::{Finding, Findings};

/// Blocks of extent trees and block maps that are gone into: about 100 MiB to remember them by.
const MAX_NODES: usize = 1 << 21;

/// Blocks that an inode holds, and something else, too.
pub(super) struct Double {
    pub(super) inode: u32,
    /// They are its attribute block, which others may lead to as well.
    pub(super) is_attributes: bool,
    /// The first of them.
    pub(super) block: u64,
    pub(super) blocks: u64,
}

/// Who holds a block, too.
#[derive(Clone)]
enum Other {
    Inode(u32),
    Metadata(String),
    /// The same inode in another place.
    Itself,
}

/// Blocks whose other holders are looked for.
struct Search {
    /// By allocation cluster: which of the doubles begin there, and whether their own holder was met.
    wanted: BTreeMap<u64, Vec<(usize, bool)>>,
    found: Vec<Option<Other>>,
}

impl Search {
    /// Somebody holds `first..=last`: `own` tells whether a double is that holder's own, and nothing when it does not
    /// matter.
    fn meet(&mut self, first: u64, last: u64, other: &Other, own: impl Fn(usize) -> Option<bool>) {
        let mut done = Vec::new();
        for (cluster, list) in self.wanted.range_mut(first..=last) {
            list.retain_mut(|(index, is_met)| {
                let Some(is_own) = own(*index) else { return true };
                let is_other = !is_own;
                if is_other || *is_met {
                    self.found[*index] = Some(if is_other { other.clone() } else { Other::Itself });
                    return false;
                }
                *is_met = true;
                true
            });
            if list.is_empty() {
                done.push(*cluster);
            }
        }
        for cluster in done {
            self.wanted.remove(&cluster);
        }
    }
}

impl Look<'_> {
    /// Keeps it until the other holder is known.
    pub(super) fn double(&mut self, double: Double) {
        if self.doubles.len() < Findings::MAX_KEPT {
            self.doubles.push(double);
        } else {
            self.tell_double(&double, "something else");
        }
    }

    /// Finds the other holders, and tells both.
    pub(super) fn name_doubles(&mut self) -> Result<()> {
        let doubles = std::mem::take(&mut self.doubles);
        if doubles.is_empty() {
            return Ok(());
        }
        let mut search = Search { wanted: BTreeMap::new(), found: vec![None; doubles.len()] };
        for (index, double) in doubles.iter().enumerate() {
            let cluster = cluster_of(self.superblock, double.block);
            search.wanted.entry(cluster).or_default().push((index, false));
        }
        for (extent, what, group) in self.pieces() {
            let (first, last) =
                (cluster_of(self.superblock, extent.start.0), cluster_of(self.superblock, extent.end() - 1));
            if search.wanted.range(first..=last).next().is_some() {
                let other = Other::Metadata(format!("the {what} of group {group}"));
                search.meet(first, last, &other, |_| Some(false));
            }
        }
        self.search_inodes(&doubles, &mut search)?;
        for (double, other) in doubles.iter().zip(search.found) {
            match other {
                Some(Other::Inode(other)) => {
                    self.tell_double(double, &format!("inode {other}"));
                    let (inode, block) = (double.inode, double.block);
                    let message = format!("block {block}, which it holds, is held by inode {inode}, too");
                    let finding = Finding::error("ext.blocks.double", message).in_cluster(block);
                    self.report.add_of(other, finding.at(self.volume.source.offset_of(block)));
                }
                Some(Other::Metadata(what)) => self.tell_double(double, &what),
                Some(Other::Itself) => self.tell_double(double, "itself in another place"),
                None => self.tell_double(double, "something else"),
            }
        }
        Ok(())
    }

    fn tell_double(&mut self, double: &Double, other: &str) {
        let Double { inode, is_attributes, block, blocks } = *double;
        let message = match is_attributes {
            true => format!("its attribute block {block} is held by {other}, too"),
            false => format!("{blocks} of its blocks, from {block} on, are held by {other}, too"),
        };
        let finding = Finding::error("ext.blocks.double", message).in_cluster(block);
        self.report.add_of(inode, finding.at(self.volume.source.offset_of(block)));
    }

    /// Walks inodes until all other holders are found.
    fn search_inodes(&self, doubles: &[Double], search: &mut Search) -> Result<()> {
        let (volume, superblock, watch) = (self.volume, self.superblock, self.watch);
        let phase = "Looking for who holds blocks twice";
        let mut nodes = HashSet::new();
        let groups = volume.table.all();
        scan::inodes(&volume.source, superblock, groups, (1, phase, watch), &mut |record| {
            if search.wanted.is_empty() || record.number > superblock.inodes {
                return Ok(false);
            }
            self.search_inode(record, doubles, search, &mut nodes)?;
            Ok(true)
        })
    }

    fn search_inode(
        &self,
        record: Record<'_>,
        doubles: &[Double],
        search: &mut Search,
        nodes: &mut HashSet<u64>,
    ) -> Result<()> {
        let superblock = self.superblock;
        if record.number != BAD_BLOCKS && record.links() == 0 {
            return Ok(());
        }
        let other = Other::Inode(record.number);
        let attributes = record.attribute_block(superblock.features);
        if attributes != 0 && record.number != BAD_BLOCKS {
            let cluster = cluster_of(superblock, attributes);
            search.meet(cluster, cluster, &other, |index| {
                // Inodes with equal attributes share the block by right.
                (!doubles[index].is_attributes).then_some(false)
            });
        }
        if record.number != BAD_BLOCKS && !record.is_mapped(superblock) {
            return Ok(());
        }
        let is_own = |index: usize| Some(doubles[index].inode == record.number && !doubles[index].is_attributes);
        trace::inode(&self.volume.source, superblock, record, &mut |event| {
            let (start, blocks, is_node) = match event {
                Event::Node(block) => (block, 1, true),
                Event::Data(run) => (run.physical, run.blocks, false),
                Event::Wrong(..) => return false,
            };
            if record.number != RESIZE || !self.is_room_for_descriptors(start) {
                let (first, last) = (cluster_of(superblock, start), cluster_of(superblock, start + blocks - 1));
                search.meet(first, last, &other, is_own);
            }
            is_node && nodes.len() < MAX_NODES && nodes.insert(start)
        })
    }
}

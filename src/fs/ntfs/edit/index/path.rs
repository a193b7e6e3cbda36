//! The way from the root to a name.

use std::cmp::Ordering;

use super::node::{Entry, Head, Node, Root, name_of};
use super::{Indexed, Result, Store, UpCase};
use crate::error::Error;

/// Levels of a tree. With 4 KiB blocks, six hold more names than a volume can have; ntfs-3g stops at 32, too.
pub(super) const MAX_LEVELS: usize = 32;

/// Where a node lies.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In `$INDEX_ROOT`: what of it is not the node.
    Root(Box<Root>),
    /// In a block.
    Block(Head),
}

/// A node on the way.
#[derive(Clone, Debug)]
pub(super) struct Level {
    pub(super) place: Place,
    pub(super) node: Node,
    /// The entry before which the way goes on, or at which it ends; as many as there are: behind the last one.
    pub(super) index: usize,
    /// True when the node differs from what the store has.
    pub(super) changed: bool,
}

/// From the root down.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) levels: Vec<Level>,
    /// True when the last level's entry has the very name.
    pub(super) found: bool,
}

/// The order of names in a directory: without regard to case by the volume's table; names that differ only in case
/// stand in the order of their 16-bit units. ("$UpCase" and `COLLATION_FILE_NAME` in the Linux-NTFS documentation; the
/// second rule as ntfs-3g collates them.)
pub(super) fn collate(upcase: &UpCase, left: &[u16], right: &[u16]) -> Ordering {
    upcase.compare(left, right).then_with(|| left.cmp(right))
}

/// Reads a block.
pub(super) fn read(store: &dyn Store, vcn: u64) -> Result<(Head, Node)> {
    Node::of_block(&store.read_block(vcn)?, vcn, store.block_bytes())
}

impl Path {
    /// From the root to the name, or to the leaf in which it would stand.
    pub(super) fn to(store: &dyn Store, upcase: &UpCase, name: &[u16]) -> Result<Self> {
        let mut root = Root::parse(&store.root()?)?;
        let node = std::mem::take(&mut root.node);
        let mut path = Self { levels: Vec::new(), found: false };
        let mut next = path.push(Place::Root(Box::new(root)), node, upcase, name)?;
        while let Some(vcn) = next {
            let (head, node) = read(store, vcn)?;
            next = path.push(Place::Block(head), node, upcase, name)?;
        }
        Ok(path)
    }

    /// Adds a node; gives the block in which the search goes on.
    fn push(&mut self, place: Place, node: Node, upcase: &UpCase, name: &[u16]) -> Result<Option<u64>> {
        let index = node.entries.partition_point(|entry| collate(upcase, &entry.name(), name).is_lt());
        self.found = node.entries.get(index).is_some_and(|entry| entry.name() == name);
        let next = node.child(index).filter(|_| !self.found);
        self.levels.push(Level { place, node, index, changed: false });
        self.check_depth()?;
        Ok(next)
    }

    /// Goes on to the greatest name before the found one: to the end of the last leaf of its subtree.
    pub(super) fn descend_to_predecessor(&mut self, store: &dyn Store) -> Result<()> {
        let mut next = self.levels.last().and_then(|level| level.node.child(level.index));
        while let Some(vcn) = next {
            let (head, node) = read(store, vcn)?;
            next = node.end;
            let index = node.entries.len();
            self.levels.push(Level { place: Place::Block(head), node, index, changed: false });
            self.check_depth()?;
        }
        Ok(())
    }

    fn check_depth(&self) -> Result<()> {
        if self.levels.len() > MAX_LEVELS {
            return Err(Error::damaged(format!(
                "a directory's index has more than {MAX_LEVELS} levels, or goes in circles"
            )));
        }
        Ok(())
    }

    /// The entry at the path's end, when it has the very name.
    pub(super) fn found(&self) -> Option<&Entry> {
        self.levels.last().filter(|_| self.found).and_then(|level| level.node.entries.get(level.index))
    }

    /// The entry with the very name, else one whose name differs only in case. Such ones are the nearest before and
    /// behind the place where the name would stand, and these two lie on the way.
    pub(super) fn same(&self, upcase: &UpCase, name: &[u16]) -> Option<&Indexed> {
        let near = self.levels.iter().rev().flat_map(|level| {
            let before = level.index.checked_sub(1).and_then(|index| level.node.entries.get(index));
            before.into_iter().chain(level.node.entries.get(level.index))
        });
        let same = |entry: &&Entry| name_of(&entry.indexed.key).is_some_and(|have| upcase.compare(&have, name).is_eq());
        self.found().or_else(|| near.clone().find(same)).map(|entry| &entry.indexed)
    }
}

//! All names of an index, in order.

use std::collections::HashSet;

use super::node::{Node, Root};
use super::path::{MAX_LEVELS, read};
use super::{Indexed, Result, Store};
use crate::error::Error;

/// A walk through the tree: each block is read at most once, so that it ends whatever the blocks say.
pub(super) struct Walk<'a> {
    store: &'a dyn Store,
    /// From the root down: the node, its next entry, and whether the subtree before that was walked.
    stack: Vec<(Node, usize, bool)>,
    seen: HashSet<u64>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(store: &'a dyn Store) -> Result<Self> {
        let root = Root::parse(&store.root()?)?;
        Ok(Self { store, stack: vec![(root.node, 0, false)], seen: HashSet::new() })
    }

    fn descend(&mut self, vcn: u64) -> Result<()> {
        if !self.seen.insert(vcn) || self.stack.len() >= MAX_LEVELS {
            return Err(Error::damaged(format!("a directory's index goes in circles (block {vcn})")));
        }
        let (_, node) = read(self.store, vcn)?;
        self.stack.push((node, 0, false));
        Ok(())
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<Indexed>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((node, index, descended)) = self.stack.last_mut() {
            if let Some(vcn) = node.child(*index).filter(|_| !*descended) {
                *descended = true;
                if let Err(error) = self.descend(vcn) {
                    self.stack.clear();
                    return Some(Err(error));
                }
                continue;
            }
            if let Some(entry) = node.entries.get(*index) {
                *index += 1;
                *descended = false;
                return Some(Ok(entry.indexed.clone()));
            }
            self.stack.pop();
        }
        None
    }
}

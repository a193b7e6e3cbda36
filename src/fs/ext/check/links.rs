//! Link counts, the types of inodes, and whether every directory can be reached.
//!
//! Of a file with one name nothing is kept but bits. Directories, and files that say they have several names, have an
//! entry in a list that is sorted by inode, because inodes are read in that order.

use std::collections::{HashMap, HashSet};

use super::Look;
use crate::error::Result;
use crate::fs::Finding;
use crate::fs::ext::feature::ro_compat;
use crate::fs::ext::inode::ROOT;
use crate::fs::ext::marks::Marks;

/// More links than this a directory does not count: "Index Nodes", `i_links_count`.
const MAX_LINKS: u32 = 65_000;

/// A directory, or a file that says it has several names.
struct Head {
    inode: u32,
    /// As its record says.
    says: u16,
    is_directory: bool,
    /// Its names are indexed: only such a directory can have had more links than a count can say.
    is_indexed: bool,
    found: u32,
    /// The directory that names it; 0 for none yet.
    parent: u32,
    /// What its `..` says.
    dot_dot: u32,
}

/// What is known of the links to inodes.
pub(super) struct Links {
    heads: Vec<Head>,
    /// The type of each inode as entries have it: three bits.
    types: [Marks; 3],
    /// Inodes with at least one name.
    named: Marks,
    /// Names beyond the first of files that say they have one.
    more: HashMap<u32, u32>,
}

impl Links {
    pub(super) fn new(inodes: u64) -> Self {
        let types = [(); 3].map(|()| Marks::new(inodes));
        Self { heads: Vec::new(), types, named: Marks::new(inodes), more: HashMap::new() }
    }

    /// An inode in use. They come in rising order.
    pub(super) fn inode(&mut self, inode: u32, entry_type: u8, says: u16, is_indexed: bool) {
        for (bit, marks) in self.types.iter_mut().enumerate() {
            if entry_type >> bit & 1 == 1 {
                marks.insert(u64::from(inode));
            }
        }
        let is_directory = entry_type == 2;
        if is_directory || says != 1 {
            self.heads.push(Head { inode, says, is_directory, is_indexed, found: 0, parent: 0, dot_dot: 0 });
        }
    }

    /// What an entry must say that the inode is.
    pub(super) fn entry_type(&self, inode: u32) -> u8 {
        let bit = |index: usize| u8::from(self.types[index].contains(u64::from(inode))) << index;
        bit(0) | bit(1) | bit(2)
    }

    fn head(&mut self, inode: u32) -> Option<&mut Head> {
        let index = self.heads.binary_search_by_key(&inode, |head| head.inode).ok()?;
        self.heads.get_mut(index)
    }

    /// A name, or a directory's `.`, that leads to an inode.
    pub(super) fn count(&mut self, inode: u32) {
        let is_first = self.named.insert(u64::from(inode));
        if let Some(head) = self.head(inode) {
            head.found = head.found.saturating_add(1);
        } else if !is_first {
            *self.more.entry(inode).or_default() += 1;
        }
    }

    /// What the superblock leads to needs no name.
    pub(super) fn needs_no_name(&mut self, inode: u32) {
        self.named.insert(u64::from(inode));
    }

    /// A directory's name in another; the directory that had it before, if one had.
    pub(super) fn hang(&mut self, inode: u32, parent: u32) -> Option<u32> {
        let head = self.head(inode).filter(|head| head.is_directory)?;
        if head.parent != 0 {
            return Some(head.parent);
        }
        head.parent = parent;
        None
    }

    /// What a directory's `..` says.
    pub(super) fn dot_dot(&mut self, inode: u32, parent: u32) {
        if let Some(head) = self.head(inode) {
            head.dot_dot = parent;
        }
        self.count(parent);
    }
}

impl Look<'_> {
    /// Counts against what was found, and ways to the root.
    pub(super) fn links(&mut self) -> Result<()> {
        self.connections()?;
        let heads = std::mem::take(&mut self.links.heads);
        let counts_all = !self.features().ro_compat(ro_compat::DIR_NLINK);
        for head in &heads {
            let found = match head.found {
                found if head.is_directory && found >= MAX_LINKS && !counts_all => 1,
                found => found,
            };
            // A directory that once had too many links for a count has 1 from then on; e2fsck takes that of every
            // directory with an index.
            let is_uncounted = head.is_directory && head.says == 1 && head.is_indexed && head.found > 1;
            if found != u32::from(head.says) && found != 0 && !is_uncounted {
                let message = format!("its link count is {}, and {found} links were found", head.says);
                self.report.add_of(head.inode, Finding::error("ext.links.count", message));
            }
        }
        let mut more: Vec<(u32, u32)> = self.links.more.drain().collect();
        more.sort_unstable();
        for (inode, count) in more {
            let message = format!("its link count is 1, and {} links were found", count.saturating_add(1));
            self.report.add_of(inode, Finding::error("ext.links.count", message));
        }
        for index in 0..=u64::from(self.superblock.inodes) / 64 {
            let mut lost = self.inodes.word(index) & !self.links.named.word(index) & !self.values.word(index);
            while lost != 0 {
                let inode = (index * 64) as u32 + lost.trailing_zeros();
                lost &= lost - 1;
                let is_head = heads.binary_search_by_key(&inode, |head| head.inode).is_ok_and(|at| heads[at].found > 0);
                if inode >= self.facts.first_inode && !is_head {
                    let message = "it is in use, and no directory names it";
                    self.report.add_of(inode, Finding::error("ext.inode.unreachable", message));
                }
            }
        }
        Ok(())
    }

    /// Each directory's `..` must be the directory that names it, and the way up must end at the root.
    fn connections(&mut self) -> Result<()> {
        let mut connected = Marks::new(u64::from(self.superblock.inodes) + 1);
        connected.insert(u64::from(ROOT));
        for index in 0..self.links.heads.len() {
            if index.is_multiple_of(4096) {
                self.watch.proceed()?;
            }
            let head = &self.links.heads[index];
            let (inode, parent, dot_dot) = (head.inode, head.parent, head.dot_dot);
            if !head.is_directory || inode < self.facts.first_inode && inode != ROOT {
                continue;
            }
            let above = if inode == ROOT { ROOT } else { parent };
            if above == 0 {
                let message = "no directory names this directory";
                self.report.add_of(inode, Finding::error("ext.directory.unreachable", message));
            } else if dot_dot != above {
                let message = format!("its \"..\" is inode {dot_dot}, and inode {above} names it");
                self.report.add_of(inode, Finding::error("ext.directory.dot_dot", message));
            }
            self.follow(inode, &mut connected);
        }
        Ok(())
    }

    /// Goes up from a directory until it meets what is known to be connected, or a loop.
    fn follow(&mut self, inode: u32, connected: &mut Marks) {
        let mut way = HashSet::new();
        let mut at = inode;
        while at != 0 && connected.insert(u64::from(at)) {
            way.insert(at);
            at = self.links.head(at).map_or(0, |head| head.parent);
            if way.contains(&at) {
                let message = "the directories above it lead back to it, and not to the root";
                self.report.add_of(at, Finding::error("ext.directory.loop", message));
                return;
            }
        }
    }
}

//! Whether a volume is sound: [`Check`] for ext2/3/4.
//!
//! | module | what it looks at |
//! |---|---|
//! | `superblock` | the superblock's fields, its copies, the journal's own superblock, the multi-mount block |
//! | `groups` | where each group's metadata lies; copies of the descriptors |
//! | `inodes` | every inode that was ever written: its fields, its blocks, its length |
//! | `doubles` | who else holds what is held twice |
//! | `attributes` | extended attributes, inside inodes and in blocks of their own |
//! | `directories`, `entries`, `index` | every directory's blocks, the names in them, hash trees |
//! | `orphans` | the list and the file of inodes that were deleted while open |
//! | `quota` | what users, groups and projects are said to use |
//! | `links` | link counts, and whether every directory can be reached |
//! | `bitmaps` | bitmaps and counts against what was found |
//! | `report` | findings, and the paths of those who have them |
//!
//! # How
//! Inode tables are read once, in order and in large pieces, without their unwritten ends; extent nodes, indirect and
//! attribute blocks as they are met; then the directories, in the order in which they lie on the volume; then the
//! bitmaps, in order.
//!
//! # Agreement
//! An error is what `e2fsck -fn` would mend (it then exits with 4), a warning or a note what it leaves.
//!
//! # Memory
//! A bit for each cluster, six for each inode, where any are in use ([`Marks`]); 16 bytes for each directory and each
//! file with several names; 20 bytes for each run of directory blocks; 16 bytes for each attribute block; 64 bytes for
//! each group. 16 TiB in blocks of 4 KiB, with 2^30 inodes of which one in a hundred is a directory: 512 MiB + 768 MiB
//! + 160 MiB + 200 MiB, below 2 GiB. Nothing is kept of a plain file. More than [`MAX_RUNS`] runs are refused.

mod attributes;
mod bitmaps;
mod directories;
mod doubles;
mod entries;
mod groups;
mod index;
mod inodes;
mod links;
mod orphans;
mod quota;
mod report;
mod superblock;

use std::collections::HashMap;

pub(super) use inodes::{BAD_BLOCKS, RESIZE};
pub(super) use report::Paths;

use super::Volume;
use super::feature::Features;
use super::marks::Marks;
use super::superblock::Superblock;
use crate::error::{Error, Result};
use crate::fs::{Check, Finding, Watch};
use doubles::Double;
use links::Links;
use quota::Usage;
use report::Report;
use superblock::Facts;

/// Runs of directory blocks that are kept: 640 MiB. A volume of 16 TiB with as many would have nothing but names.
const MAX_RUNS: usize = 1 << 25;

impl Check for Volume {
    fn check(&self, watch: &dyn Watch, see: &mut dyn FnMut(Finding)) -> Result<()> {
        let mut look = Look::new(self, watch, see)?;
        look.superblock()?;
        look.groups()?;
        look.inodes()?;
        look.name_doubles()?;
        look.attribute_references();
        look.orphan_file()?;
        look.quotas()?;
        look.journal()?;
        look.directories()?;
        look.links()?;
        look.bitmaps()?;
        look.report.finish(self);
        Ok(())
    }
}

/// A run of a directory's blocks.
#[derive(Clone, Copy)]
struct DirectoryRun {
    inode: u32,
    logical: u32,
    blocks: u32,
    physical: u64,
}

/// An attribute block: how many inodes it says lead to it, and how many do.
struct Shared {
    says: u32,
    found: u32,
}

/// A look at a volume, and what it has found so far.
struct Look<'a> {
    volume: &'a Volume,
    superblock: &'a Superblock,
    facts: Facts,
    watch: &'a dyn Watch,
    report: Report<'a>,
    /// Clusters that something holds.
    clusters: Marks,
    /// Inodes in use.
    inodes: Marks,
    /// Inodes of large attribute values that an attribute leads to.
    values: Marks,
    /// How many attributes lead to each of them.
    value_references: HashMap<u32, u32>,
    links: Links,
    usage: Usage,
    doubles: Vec<Double>,
    runs: Vec<DirectoryRun>,
    attribute_blocks: HashMap<u64, Shared>,
    /// Where the journal's first block lies, and how many it has, when it is in the volume.
    journal: Option<(u64, u64)>,
    /// Directories in each group, as found.
    directories_in: Vec<u32>,
}

impl<'a> Look<'a> {
    fn new(volume: &'a Volume, watch: &'a dyn Watch, see: &'a mut dyn FnMut(Finding)) -> Result<Self> {
        let superblock = &volume.superblock;
        let inodes = u64::from(superblock.inodes) + 1;
        Ok(Self {
            volume,
            superblock,
            facts: Facts::read(volume)?,
            watch,
            report: Report::new(see),
            clusters: Marks::new(cluster_of(superblock, superblock.blocks.saturating_sub(1)) + 1),
            inodes: Marks::new(inodes),
            values: Marks::new(inodes),
            value_references: HashMap::new(),
            links: Links::new(inodes),
            usage: Usage::default(),
            doubles: Vec::new(),
            runs: Vec::new(),
            attribute_blocks: HashMap::new(),
            journal: None,
            directories_in: vec![0; volume.table.all().len()],
        })
    }

    fn features(&self) -> Features {
        self.superblock.features
    }

    /// Keeps a run of a directory's blocks for later.
    fn keep_run(&mut self, run: DirectoryRun) -> Result<()> {
        if self.runs.len() >= MAX_RUNS {
            return Err(Error::unsupported("the volume has more directory blocks than can be checked in 2 GiB"));
        }
        self.runs.push(run);
        Ok(())
    }
}

/// The allocation cluster that a block lies in. Bitmaps count clusters from the first data block on; with `bigalloc`
/// that is block 0.
fn cluster_of(superblock: &Superblock, block: u64) -> u64 {
    block / u64::from(superblock.cluster_blocks)
}

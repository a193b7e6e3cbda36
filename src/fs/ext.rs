//! ext2, ext3 and ext4: which blocks are used, and the files. Never writes.
//!
//! | module | what |
//! |---|---|
//! | `superblock`, `feature` | the numbers everything else rests on, checked; copies when the primary is damaged |
//! | `group` | group descriptors |
//! | `bitmap` | the used blocks |
//! | `source`, `names` | reading blocks; small caches |
//! | `inode`, `blocks`, `directory`, `content`, `files` | the files |
//! | `record`, `scan`, `trace`, `marks` | the same inodes and maps without judgement: what `check` and `owners` look at |
//! | `field`, `checksum`, `hash` | little-endian fields; what they are protected with; what directories are sorted by |
//!
//! # Decisions
//! - **One reader, our own.** Leaving files out of an image and naming the files that damage hit both need the
//!   way from a path to its blocks, which `ext4-view` does not tell; it also refuses `inline_data` and `meta_bg`, and
//!   takes holes in block-mapped files for damage. It serves as a second opinion in the tests.
//! - **The journal is not replayed.** A volume whose journal waits is read as it lies on the disk, and its state says
//!   so ([`State::Journal`]): the newest files and blocks may not show. Checksums that disagree then are an error.
//! - **Features that are not known are refused by name**, those of `ro_compat` too: they may change what a bitmap means.
//! - **Checksums are verified** where the volume has them: superblock, group descriptors, block bitmaps, inodes, extent
//!   nodes. What is wrong is an error with its place, not a guess.
//!
//! Source of the format: the kernel's documentation "ext4 Data Structures and Algorithms".

mod bitmap;
mod blocks;
mod check;
mod checksum;
mod content;
mod directory;
mod edit;
mod feature;
mod field;
mod files;
mod group;
mod hash;
mod inode;
mod marks;
mod names;
mod owners;
mod record;
mod scan;
mod source;
mod superblock;
mod trace;

use std::sync::OnceLock;

use feature::{compat, incompat, ro_compat};
use group::GroupTable;
use names::NameCache;
use source::Source;
use superblock::{PRIMARY, SUPERBLOCK_BYTES, Superblock};

use super::{Anchors, ByteRange, Check, Driver, FileSystem, Kind, Owners, State, Summary, Tree};
use crate::device::{SharedDevice, read_array};
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::extent::ClusterMap;
use crate::unit::{ByteLen, Grid};

/// The driver.
pub const DRIVER: Driver = Driver {
    name: "ext",
    kinds: &[Kind::Ext2, Kind::Ext3, Kind::Ext4],
    recognise,
    recognise_backup,
    open,
    edit: edit::open,
};

/// Bits of `s_state`.
mod state_bit {
    pub(super) const UNMOUNTED: u16 = 1;
    pub(super) const ERRORS: u16 = 2;
    pub(super) const ORPHANS: u16 = 4;
}

/// By the magic number at byte 0x438 and plausible numbers around it. The external journal of a volume is none.
fn recognise(device: &SharedDevice) -> Result<Option<Kind>> {
    if device.len().0 < PRIMARY.0 + SUPERBLOCK_BYTES as u64 {
        return Ok(None);
    }
    let raw = read_array::<SUPERBLOCK_BYTES>(device, PRIMARY)?;
    let features = Superblock::parse(&raw, PRIMARY).ok().map(|superblock| superblock.features);
    Ok(features.filter(|features| !features.incompat(incompat::JOURNAL_DEV)).map(feature::Features::kind))
}

fn recognise_backup(device: &SharedDevice) -> Option<Kind> {
    let features = superblock::find_backup(device)?.1.features;
    (!features.incompat(incompat::JOURNAL_DEV)).then(|| features.kind())
}

/// Opens by the primary superblock, or by a copy when that is damaged.
fn open(device: SharedDevice) -> Result<Box<dyn FileSystem>> {
    let mut notes = Vec::new();
    let (superblock, is_primary) = match Superblock::read(&device, PRIMARY) {
        Ok(superblock) => (superblock, true),
        Err(error) => {
            let Some((place, copy)) = superblock::find_backup(&device) else {
                return Err(error.context("the superblock is damaged, and no copy of it was found"));
            };
            notes.push(format!("the superblock is damaged; its copy at byte {place} is used ({error})"));
            (copy, false)
        }
    };
    superblock.refuse_unknown_features()?;
    let grid = superblock.grid();
    if grid.len().0 > device.len().0 {
        let message = format!("the volume has {} bytes, but its partition only {}", grid.len().0, device.len().0);
        return Err(Error::damaged(message).advise("The partition was cut short: look for the right partition table"));
    }
    notes.extend(remarks(&superblock));
    let state = if is_primary { state(&superblock) } else { State::Dirty };
    let summary = summary(&superblock, state, device.sector_bytes(), notes);
    let source = Source::new(device, grid);
    let table = match GroupTable::read(&source, &superblock) {
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            return Err(match GroupTable::whole_copy(&source, &superblock) {
                Some(block) => error.context(format_args!(
                    "the group descriptors are damaged, and a whole copy lies behind block {block} (`e2fsck -b {block}`)"
                )),
                None => error.context("the group descriptors are damaged, and no whole copy of them was found"),
            });
        }
        table => table?,
    };
    Ok(Box::new(Volume { summary, superblock, source, table, names: NameCache::default(), used: OnceLock::new() }))
}

/// An open volume.
struct Volume {
    summary: Summary,
    superblock: Superblock,
    source: Source,
    table: GroupTable,
    names: NameCache,
    /// The used blocks, once they were asked for: a few MiB at most, and minutes of reading on a large old disk.
    used: OnceLock<ClusterMap>,
}

impl FileSystem for Volume {
    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn grid(&self) -> Grid {
        self.superblock.grid()
    }

    fn used(&self) -> Result<ClusterMap> {
        if let Some(map) = self.used.get() {
            return Ok(map.clone());
        }
        let map = bitmap::used_blocks(&self.source, &self.superblock, &self.table)?;
        Ok(self.used.get_or_init(|| map).clone())
    }

    fn bad(&self) -> Result<ClusterMap> {
        bitmap::bad_blocks(&self.source, &self.superblock, &self.table)
    }

    fn count_used(&self) -> Result<u64> {
        match self.used.get() {
            Some(map) => Ok(map.used()),
            None => self.used().map(|map| map.used()),
        }
    }

    fn anchors(&self) -> Anchors {
        let seal = ByteRange { offset: PRIMARY, len: ByteLen(SUPERBLOCK_BYTES as u64) };
        Anchors { seals: vec![seal], hidden_sectors: Vec::new() }
    }

    fn tree(&self) -> &dyn Tree {
        self
    }

    fn check(&self) -> &dyn Check {
        self
    }

    fn owners(&self) -> &dyn Owners {
        self
    }
}

fn state(superblock: &Superblock) -> State {
    let features = superblock.features;
    let is_unclean = superblock.state & state_bit::UNMOUNTED == 0
        || superblock.state & (state_bit::ERRORS | state_bit::ORPHANS) != 0
        || superblock.last_orphan != 0
        || features.ro_compat(ro_compat::ORPHAN_PRESENT);
    if features.incompat(incompat::RECOVER) {
        State::Journal
    } else if is_unclean {
        State::Dirty
    } else {
        State::Clean
    }
}

fn summary(superblock: &Superblock, state: State, sector_bytes: u32, notes: Vec<String>) -> Summary {
    let label = String::from_utf8_lossy(&superblock.label).into_owned();
    Summary {
        kind: superblock.features.kind(),
        label: (!label.is_empty()).then_some(label),
        id: (superblock.uuid != [0; 16]).then(|| uuid::Uuid::from_bytes(superblock.uuid).hyphenated().to_string()),
        len: superblock.grid().len(),
        sector_bytes,
        cluster_bytes: superblock.block_bytes,
        clusters: superblock.blocks,
        state,
        notes,
    }
}

/// What is noted of a volume in [`State::Journal`], for those who are not told of its state otherwise.
pub const JOURNAL_NOTE: &str =
    "its journal was not replayed: mount and unmount it once, or the newest files may be missing";

/// What is unusual about the volume and matters to who images it.
fn remarks(superblock: &Superblock) -> Vec<String> {
    let features = superblock.features;
    let mut notes = Vec::new();
    if superblock.cluster_blocks > 1 {
        let cluster = ByteLen(u64::from(superblock.block_bytes) * u64::from(superblock.cluster_blocks));
        notes.push(format!("bigalloc: allocates in clusters of {cluster}"));
    }
    if features.compat(compat::HAS_JOURNAL) && superblock.journal_inode == 0 {
        notes.push("its journal is on another device, and is not part of an image".to_owned());
    }
    if features.incompat(incompat::RECOVER) {
        notes.push(JOURNAL_NOTE.to_owned());
    }
    if superblock.state & state_bit::ERRORS != 0 {
        notes.push("the kernel has seen errors in it: run e2fsck".to_owned());
    }
    notes
}

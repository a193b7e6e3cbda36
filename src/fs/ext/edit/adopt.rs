//! Free clusters become a file.
//!
//! # Rules
//! - The file's map covers the blocks that its length needs; with `bigalloc` the rest of the last cluster belongs to
//!   it unmapped, because e2fsck takes written blocks beyond the length for an error.
//! - A directory begins with `.` and `..`, and is one more name of its parent. A count that would not fit becomes 1
//!   for good, in a directory with an index and with the feature `dir_nlink`: the kernel's limit is 65000
//!   ("Directory Entries", "Index Nodes": `i_links_count`).

use super::super::blocks::Run;
use super::super::feature::{incompat, ro_compat};
use super::super::inode::ROOT;
use super::super::record::flag;
use super::directory::{DIRECTORY, Directory, FILE};
use super::entries::{self, New};
use super::inode::Record;
use super::{Editor, map, title};
use crate::error::{Error, Result};
use crate::extent::{Extent, ExtentSet};
use crate::fs::Edit;
use crate::unit::{ByteLen, Cluster};

/// The kernel's `EXT4_LINK_MAX`, and the older one of ext2 and ext3.
const MAX_LINKS: u16 = 65_000;
const MAX_OLD_LINKS: u16 = 32_000;

/// Modes of what is made: readable and writable by root.
pub(super) const DIRECTORY_MODE: u16 = 0o040_600;
const FILE_MODE: u16 = 0o100_600;

impl Editor {
    pub(super) fn adopt_file(&self, path: &[&[u8]], name: &str, extents: &[Extent], len: ByteLen) -> Result<()> {
        refuse_name(name.as_bytes())?;
        // Before anything else takes room: a new directory's block must not come to lie in the file's.
        let used = self.claim(extents, len)?;
        let parent = self.make_directories(path)?;
        let mut directory = Directory::open(&self.ledger, parent, title(path))?;
        if directory.find(name.as_bytes())?.is_some() {
            return Err(Error::refused(format!("{} has a {name} already", title(path))));
        }
        self.new_file(&mut directory, name.as_bytes(), extents, len, &used).map(drop)
    }

    /// Takes the blocks of a file of this length, which must be free and as many as it needs.
    pub(super) fn claim(&self, extents: &[Extent], len: ByteLen) -> Result<ExtentSet> {
        self.refuse_extents(extents, len)?;
        let used: ExtentSet = extents.iter().copied().collect();
        self.ledger.set_used(&used, true)?;
        Ok(used)
    }

    /// Makes a file of blocks that are taken; its record, as it was stored.
    pub(super) fn new_file(
        &self,
        directory: &mut Directory<'_>,
        name: &[u8],
        extents: &[Extent],
        len: ByteLen,
        used: &ExtentSet,
    ) -> Result<Record> {
        refuse_name(name)?;
        let number = self.ledger.allocate_inode(false)?;
        let mut record = self.new_record(number, FILE_MODE, 1)?;
        record.set_bytes(&self.ledger, len.0)?;
        record.add_units(&self.ledger, (used.clusters() / self.ledger.ratio()).cast_signed())?;
        map::write(&self.ledger, &mut record, &self.runs(extents, len), &[], &ExtentSet::new())?;
        directory.insert(name, number, FILE)?;
        Ok(record)
    }

    /// A record with an empty map of the volume's better kind.
    fn new_record(&self, number: u32, mode: u16, links: u16) -> Result<Record> {
        let mut record = Record::new(&self.ledger, number, mode, links)?;
        if self.ledger.superblock.features.incompat(incompat::EXTENTS) {
            record.set_flags(flag::EXTENTS, 0);
            map::empty_root(record.block_field_mut());
        }
        Ok(record)
    }

    /// The file's map: what of the extents its length needs.
    pub(super) fn runs(&self, extents: &[Extent], len: ByteLen) -> Vec<Run> {
        let blocks = len.0.div_ceil(self.ledger.block_bytes() as u64);
        let mut runs = Vec::new();
        let mut logical = 0;
        for extent in extents {
            let count = extent.clusters.min(blocks - logical);
            if count > 0 {
                runs.push(Run { logical, physical: extent.start.0, blocks: count, unwritten: false });
            }
            logical += count;
        }
        runs
    }

    fn refuse_extents(&self, extents: &[Extent], len: ByteLen) -> Result<()> {
        let units = self.units();
        let set: ExtentSet = extents.iter().copied().collect();
        let sum = extents.iter().try_fold(0u64, |sum, extent| sum.checked_add(extent.clusters));
        if extents.iter().any(|extent| extent.clusters == 0 || extent.start == Cluster(0) || !units.holds(*extent)) {
            return Err(Error::refused(format!(
                "the file's place is not made of whole units of {} block(s)",
                units.clusters
            )));
        }
        if sum != Some(set.clusters()) {
            return Err(Error::refused("a block would belong to the file twice"));
        }
        let bytes = |clusters: u64| clusters.saturating_mul(self.ledger.block_bytes() as u64);
        let most = bytes(set.clusters());
        let least = bytes(set.clusters().saturating_sub(units.clusters));
        if len.0 > most || (len.0 <= least && most > 0) {
            return Err(Error::refused(format!("a file of {} bytes does not fill a place of {most} bytes", len.0)));
        }
        if len.0 > self.max_file_len().0 {
            let most = self.max_file_len();
            return Err(Error::refused(format!(
                "a file of {len} would be too long: this volume holds up to {most} in one"
            )));
        }
        let used = self.ledger.filter(&set, true)?;
        match used.runs().first() {
            None => Ok(()),
            Some(first) => Err(Error::refused(format!(
                "{} block(s) of the file's place are not free, the first is {}",
                used.clusters(),
                first.start.0
            ))),
        }
    }

    /// The directory at a path; those that are missing are made.
    fn make_directories(&self, path: &[&[u8]]) -> Result<u32> {
        let mut number = ROOT;
        for (depth, name) in path.iter().enumerate() {
            refuse_name(name)?;
            let mut parent = Directory::open(&self.ledger, number, title(&path[..depth]))?;
            number = match parent.find(name)? {
                Some(found) => found,
                None => self.make_directory(&mut parent, name)?,
            };
        }
        Ok(number)
    }

    pub(super) fn make_directory(&self, parent: &mut Directory<'_>, name: &[u8]) -> Result<u32> {
        let ledger = &self.ledger;
        let number = ledger.allocate_inode(true)?;
        let mut record = self.new_record(number, DIRECTORY_MODE, 2)?;
        record.add_units(ledger, 1)?;
        record.set_bytes(ledger, ledger.block_bytes() as u64)?;
        let unit = ledger.allocate(1, &ExtentSet::new())?;
        let physical = unit.first().copied().unwrap_or_default();
        let run = Run { logical: 0, physical, blocks: 1, unwritten: false };
        map::write(ledger, &mut record, &[run], &[], &ExtentSet::new())?;
        let separator = if parent.title.ends_with('/') { "" } else { "/" };
        let title = format!("{}{separator}{}", parent.title, String::from_utf8_lossy(name));
        let made = Directory::open(ledger, number, title)?;
        let kind = if ledger.superblock.features.incompat(incompat::FILETYPE) { DIRECTORY } else { 0 };
        let mut block = vec![0; ledger.block_bytes()];
        let room = made.room();
        let names: [New<'_>; 2] = [(number, kind, b"."), (parent.record.number, kind, b"..")];
        entries::pack(&mut block[..room], &names, ledger.block_bytes());
        made.write_leaf(0, &mut block)?;
        self.add_link(parent)?;
        parent.insert(name, number, DIRECTORY)?;
        Ok(number)
    }

    /// One more directory in a directory.
    fn add_link(&self, parent: &mut Directory<'_>) -> Result<()> {
        let features = self.ledger.superblock.features;
        let may_overflow = features.ro_compat(ro_compat::DIR_NLINK);
        let most = if may_overflow { MAX_LINKS } else { MAX_OLD_LINKS };
        let links = parent.record.links();
        let now = match links {
            1 if may_overflow => 1,
            _ if links + 1 < most => links + 1,
            _ if may_overflow && parent.record.has(flag::INDEX) => 1,
            _ => {
                return Err(Error::refused(format!("{} has {links} directories, and may not have more", parent.title)));
            }
        };
        parent.record.set_links(now);
        parent.record.store(&self.ledger)
    }
}

/// Any bytes are a name but these.
pub(super) fn refuse_name(name: &[u8]) -> Result<()> {
    let is_wrong = name.is_empty()
        || name.len() > entries::MAX_NAME_BYTES
        || matches!(name, b"." | b"..")
        || name.contains(&b'/')
        || name.contains(&0);
    if is_wrong {
        let name = String::from_utf8_lossy(name);
        return Err(Error::refused(format!("a file cannot be called {name:?}: 1 to 255 bytes, no slash, no NUL")));
    }
    Ok(())
}

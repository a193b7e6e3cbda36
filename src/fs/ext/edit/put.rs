//! A file gets another place for its content, or is made there; and directories that look as they are asked to.
//!
//! # Rules
//! - A file keeps its kind of map: an extent tree, or direct and indirect blocks. Content inside the inode goes, with
//!   the attribute that held its end, and the file gets the volume's better kind ("Inline Data").
//! - The blocks of its old map are used again, in place; blocks of attributes and what lies inside the inode stay.
//! - `i_ctime` becomes now, `i_mtime` what is asked for; the record's fields behind the first 128 bytes hold their
//!   nanoseconds, and two bits above the seconds' 32, which are signed ("Inode Timestamps").
//! - What is new belongs to the owner and the group of its directory: [`Attributes`](crate::fs::Attributes) do not
//!   name any. So set-user-ID and set-group-ID, which lend an owner's rights, are only kept by files that have them.

use super::super::blocks::Run;
use super::super::feature::compat;
use super::super::field::le32;
use super::super::record::flag;
use super::directory::Directory;
use super::inode::Record;
use super::ledger::Ledger;
use super::{Editor, adopt, inline, map, replace, title};
use crate::error::{Error, Result};
use crate::extent::{Extent, ExtentSet};
use crate::fs::Guise;
use crate::unit::ByteLen;

/// Permission bits without those that lend rights, and those alone.
const PERMISSIONS: u16 = 0o1777;
const LENDING: u16 = 0o6000;
/// The upper four bits of `i_mode`.
const FORM: u16 = 0o170_000;
/// Modes for a guise without any: as private as what is adopted, but for a directory to be entered.
const FILE_MODE: u16 = 0o600;
const DIRECTORY_MODE: u16 = 0o700;

impl Editor {
    pub(super) fn put_file(&self, path: &[&[u8]], extents: &[Extent], len: ByteLen, guise: &Guise) -> Result<()> {
        let (name, above) = path.split_last().ok_or_else(root)?;
        let ledger = &self.ledger;
        let mut directory = Directory::open(ledger, self.resolve(above)?, title(above))?;
        let found = directory.find(name)?;
        // Before anything else takes room.
        let taken = self.claim(extents, len)?;
        let mut record = if let Some(number) = found {
            let mut record = Record::read(ledger, number)?;
            refuse_file(ledger, &record, &title(path))?;
            refill(ledger, &mut record, &self.runs(extents, len), &taken, len)?;
            record.touch();
            let old_mode = record.view().mode();
            dress(&mut record, guise, PERMISSIONS | old_mode & LENDING, old_mode);
            record
        } else {
            let mut record = self.new_file(&mut directory, name, extents, len, &taken)?;
            record.inherit_owner(&directory.record);
            dress(&mut record, guise, PERMISSIONS, FILE_MODE);
            record
        };
        record.store(ledger)
    }

    pub(super) fn put_directory(&self, path: &[&[u8]], guise: &Guise) -> Result<()> {
        let Some((name, above)) = path.split_last() else { return Ok(()) };
        let mut parent = Directory::open(&self.ledger, self.resolve(above)?, title(above))?;
        if let Some(number) = parent.find(name)? {
            return Directory::open(&self.ledger, number, title(path)).map(drop);
        }
        adopt::refuse_name(name)?;
        let number = self.make_directory(&mut parent, name)?;
        let mut record = Record::read(&self.ledger, number)?;
        record.inherit_owner(&parent.record);
        dress(&mut record, guise, PERMISSIONS | LENDING, DIRECTORY_MODE);
        record.store(&self.ledger)
    }
}

fn root() -> Error {
    Error::refused("/ is the root directory, and only files have content")
}

/// Only plain files of one name, and none of the file system's own.
fn refuse_file(ledger: &Ledger, record: &Record, title: &str) -> Result<()> {
    replace::refuse_file(record, title)?;
    if record.links() != 1 {
        return Err(Error::refused(format!(
            "{title} has {} names, and all of them would get the new content",
            record.links()
        )));
    }
    refuse_own(ledger, record, title)
}

/// A journal may be a file with a name (ext3 that was made of a mounted ext2), and reserved inodes have none.
pub(super) fn refuse_own(ledger: &Ledger, record: &Record, title: &str) -> Result<()> {
    let raw = ledger.read_superblock()?;
    let journal = ledger.superblock.features.compat(compat::HAS_JOURNAL).then(|| le32(&raw, 0xe0));
    let own = record.number <= 10 || journal == Some(record.number);
    if own || ledger.superblock.orphan_file(&raw) == Some(record.number) {
        return Err(Error::refused(format!("{title} is one of the file system's own files (inode {})", record.number)));
    }
    Ok(())
}

/// Frees what holds the content, and leads the inode to the runs, which are taken already.
fn refill(ledger: &Ledger, record: &mut Record, runs: &[Run], taken: &ExtentSet, len: ByteLen) -> Result<()> {
    let mut nodes = Vec::new();
    let mut old_units = 0;
    if record.has(flag::INLINE_DATA) {
        inline::empty(record, ledger)?;
    } else {
        let layout = record.layout(ledger)?;
        let old = map::content_units(ledger, &layout);
        old_units = old.iter().map(|extent| extent.clusters).sum::<u64>() / ledger.ratio();
        ledger.free_units(old.into_iter())?;
        nodes = layout.nodes;
    }
    record.set_bytes(ledger, len.0)?;
    let units = (taken.clusters() / ledger.ratio()).cast_signed();
    record.add_units(ledger, units - old_units.cast_signed())?;
    map::write(ledger, record, runs, &nodes, &ExtentSet::new())
}

/// Gives a record the permission bits of `allowed` that are asked for, or those of `or`, and the time.
fn dress(record: &mut Record, guise: &Guise, allowed: u16, or: u16) {
    let wanted = guise.attributes.mode.unwrap_or(or) & allowed & !FORM;
    let form = record.view().mode() & FORM;
    record.set_mode(form | wanted);
    if let Some(modified) = guise.modified {
        record.set_modified(modified);
    }
}

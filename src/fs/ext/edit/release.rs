//! A file goes, and its clusters are free.
//!
//! # Rules
//! - A block of attributes may be shared: its count of users (`h_refcount` at 4) falls, and the block is free with the
//!   last ("Extended Attributes"). Its checksum holds the block's own number.
//! - A record that is not used any more has no names, and says when that came to be (`i_dtime`); what e2fsck looks for.

use super::super::checksum;
use super::super::feature::incompat;
use super::super::field::{le16, le32};
use super::super::record::{Form, OLD_BYTES, flag};
use super::directory::Directory;
use super::inode::Record;
use super::ledger::{Ledger, put32};
use super::{Editor, adopt, map, put, title};
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::overlay::Tag;

/// `h_magic` of a block of attributes.
const MAGIC: u32 = 0xea02_0000;
/// Where `h_refcount` lies.
const USERS_AT: usize = 4;

impl Editor {
    pub(super) fn release_file(&self, path: &[&[u8]], name: &str) -> Result<Vec<Extent>> {
        let ledger = &self.ledger;
        let mut directory = Directory::open(ledger, self.resolve(path)?, title(path))?;
        let number = directory.find(name.as_bytes())?;
        let number = number.ok_or_else(|| Error::refused(format!("there is no {name} in {}", title(path))))?;
        let mut record = Record::read(ledger, number)?;
        refuse_file(&record, name)?;
        put::refuse_own(ledger, &record, name)?;
        let extents = free_content(ledger, &mut record)?;
        record.delete();
        record.store(ledger)?;
        ledger.free_inode(number, false)?;
        directory.remove(name.as_bytes())?;
        let mut rest = path;
        while let Some((own, above)) = rest.split_last() {
            if !self.remove_directory(above, own)? {
                break;
            }
            rest = above;
        }
        Ok(extents)
    }

    /// Removes a directory that is empty and looks as made by [`adopt`]; false when it stays.
    fn remove_directory(&self, above: &[&[u8]], name: &[u8]) -> Result<bool> {
        let ledger = &self.ledger;
        let mut parent = Directory::open(ledger, self.resolve(above)?, title(above))?;
        let Some(number) = parent.find(name)? else { return Ok(false) };
        let directory = Directory::open(ledger, number, title(above))?;
        let is_ours = directory.record.view().mode() == adopt::DIRECTORY_MODE
            && le16(&directory.record.raw, 2) == 0
            && directory.record.links() == 2;
        if !is_ours || !directory.is_empty()? {
            return Ok(false);
        }
        let mut record = directory.record;
        free_content(ledger, &mut record)?;
        record.delete();
        record.store(ledger)?;
        ledger.free_inode(number, true)?;
        parent.remove(name)?;
        // A count that once was too large stays 1.
        let links = parent.record.links();
        if links > 2 {
            parent.record.set_links(links - 1);
            parent.record.store(ledger)?;
        }
        Ok(true)
    }
}

/// Only what is stored in the plain way.
fn refuse_file(record: &Record, name: &str) -> Result<()> {
    let what = if record.view().form() != Form::File {
        "is not a plain file"
    } else if record.links() != 1 {
        "has several names"
    } else if record.has(flag::VERITY) {
        "is protected by fs-verity"
    } else {
        return Ok(());
    };
    Err(Error::refused(format!("{name} {what}, and is not removed by Lifeboat")).advise("Remove it under Linux"))
}

/// Frees the content, the map and the attributes of an inode; the content's units, in file order.
fn free_content(ledger: &Ledger, record: &mut Record) -> Result<Vec<Extent>> {
    // A block of attributes, or what lies inside the inode, may name inodes that hold a value each.
    if ledger.superblock.features.incompat(incompat::EA_INODE) && has_large_attributes(ledger, record)? {
        return Err(Error::refused("the file has attributes in inodes of their own (feature ea_inode)")
            .advise("Remove it under Linux"));
    }
    let layout = record.layout(ledger)?;
    let extents = map::content_units(ledger, &layout);
    let nodes = layout.nodes.iter().map(|node| Extent::new(node.block, 1));
    ledger.free_units(extents.iter().copied().chain(nodes))?;
    if extents.len() + layout.nodes.len() > 0 {
        ledger.refuse_quota()?;
    }
    free_attributes(ledger, record)?;
    Ok(extents)
}

/// True when an attribute's value may lie in another inode: any attribute does, where the feature is on.
fn has_large_attributes(ledger: &Ledger, record: &Record) -> Result<bool> {
    let start = OLD_BYTES + usize::from(le16(&record.raw, 0x80));
    let inside = record.raw.len() > OLD_BYTES && le32(&record.raw, start) == MAGIC;
    Ok(inside || record.attribute_block(ledger) != 0)
}

fn free_attributes(ledger: &Ledger, record: &mut Record) -> Result<()> {
    let number = record.attribute_block(ledger);
    if number == 0 {
        return Ok(());
    }
    let mut block = ledger.block(number)?;
    let users = le32(&block, USERS_AT);
    if le32(&block, 0) != MAGIC || users == 0 {
        return Err(Error::damaged(format!("block {number} should hold attributes of inode {}", record.number)));
    }
    record.set_attribute_block(ledger, 0);
    if users == 1 {
        return ledger.free_units(std::iter::once(Extent::new(number, 1)));
    }
    put32(&mut block, USERS_AT, users - 1);
    write_attributes(ledger, number, &mut block)
}

/// Writes a block of attributes with the checksum that its place gives it.
pub(super) fn write_attributes(ledger: &Ledger, number: u64, block: &mut [u8]) -> Result<()> {
    if ledger.has_checksums() {
        let checksum = checksum::attributes(&ledger.superblock, number, block);
        put32(block, checksum::ATTRIBUTES_AT, checksum);
    }
    ledger.write_block(number, block, Tag::new(format!("attribute block {number}")))
}

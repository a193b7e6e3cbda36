//! The names in one block of a directory.
//!
//! Source: the kernel's ext4 documentation, "Linear (Classic) Directories". That the first two entries are `.` and
//! `..`, and that a directory has one name only, are e2fsck's rules.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::Look;
use super::directories::Directory;
use super::index::Range;
use crate::fs::Finding;
use crate::fs::ext::checksum;
use crate::fs::ext::directory::record_len;
use crate::fs::ext::feature::incompat;
use crate::fs::ext::field::{le16, le32};
use crate::fs::ext::inode::ROOT;
use crate::unit::ByteOffset;

/// Bytes of an entry before its name.
const HEAD_BYTES: usize = 8;
/// The shortest entry.
const MIN_BYTES: usize = 12;

impl Look<'_> {
    fn bad_entry(&mut self, directory: &Directory, rule: &'static str, place: ByteOffset, message: String) {
        let message = format!("in its list of names: {message}");
        self.report.add_of(directory.inode, Finding::error(rule, message).at(place));
    }

    /// A block that holds names: its checksum, then the names.
    pub(super) fn leaf(
        &mut self,
        directory: &Directory,
        logical: u32,
        block: &[u8],
        place: ByteOffset,
        range: Option<Range>,
    ) {
        let mut end = block.len();
        if let Some(seed) = directory.seed {
            end = end.saturating_sub(checksum::LEAF_TAIL_BYTES);
            match checksum::directory_leaf(seed, block) {
                None => {
                    let message = format!("block {logical} has no room for its checksum");
                    self.bad_entry(directory, "ext.directory.checksum", place, message);
                    end = block.len();
                }
                Some((computed, at)) if computed != le32(block, at) => {
                    let message = format!("the checksum of block {logical} is not {computed:#010x}");
                    self.bad_entry(directory, "ext.directory.checksum", place, message);
                }
                Some(_) => {}
            }
        }
        let skip = if logical == 0 { self.dots(directory, &block[..end], place) } else { 0 };
        self.entries(directory, &block[..end], place, range, skip);
    }

    /// The entries `.` and `..` of a directory's first block; where the others begin.
    pub(super) fn dots(&mut self, directory: &Directory, block: &[u8], place: ByteOffset) -> usize {
        let dot_len = record_len(le16(block, 4), block.len());
        let is_dot = le32(block, 0) != 0 && block.get(6) == Some(&1) && block.get(8) == Some(&b'.');
        if !is_dot || !(MIN_BYTES..=2 * MIN_BYTES).contains(&dot_len) {
            let message = "it does not begin with \".\"".to_owned();
            self.bad_entry(directory, "ext.directory.dot", place, message);
            return 0;
        }
        if le32(block, 0) != directory.inode {
            let message = format!("\".\" is inode {}", le32(block, 0));
            self.bad_entry(directory, "ext.directory.dot", place, message);
        }
        self.links.count(directory.inode);
        self.entry_type(directory, block, directory.inode, place);
        let rest = block.get(dot_len..).unwrap_or_default();
        let own_place = ByteOffset(place.0 + dot_len as u64);
        let dot_dot_len = record_len(le16(rest, 4), block.len());
        let is_dot_dot = le32(rest, 0) != 0 && rest.get(6) == Some(&2) && rest.get(8..10) == Some(b"..");
        if !is_dot_dot || dot_dot_len < MIN_BYTES || dot_dot_len > rest.len() {
            // Behind the root of an index `..` reaches over the index, with a checksum or without.
            let reaches = is_dot_dot && dot_len + dot_dot_len <= self.superblock.block_bytes as usize;
            if !reaches {
                let message = "its second entry is not \"..\"".to_owned();
                self.bad_entry(directory, "ext.directory.dot", own_place, message);
                return dot_len;
            }
        }
        self.dot_dot(directory, le32(rest, 0), own_place);
        self.entry_type(directory, rest, le32(rest, 0), own_place);
        dot_len + dot_dot_len
    }

    /// What `..` says.
    pub(super) fn dot_dot(&mut self, directory: &Directory, parent: u32, place: ByteOffset) {
        if parent == 0 || parent > self.superblock.inodes || !self.inodes.contains(u64::from(parent)) {
            let message = format!("\"..\" is inode {parent}, which is not in use");
            self.bad_entry(directory, "ext.directory.dot_dot", place, message);
            return;
        }
        self.links.dot_dot(directory.inode, parent);
    }

    /// The entries from `skip` on.
    pub(super) fn entries(
        &mut self,
        directory: &Directory,
        block: &[u8],
        place: ByteOffset,
        range: Option<Range>,
        skip: usize,
    ) {
        let mut names: Vec<&[u8]> = Vec::new();
        let mut at = skip;
        while at < block.len() {
            let here = ByteOffset(place.0 + at as u64);
            let rest = &block[at..];
            let len = record_len(le16(rest, 4), self.superblock.block_bytes as usize);
            let name_len = usize::from(rest.get(6).copied().unwrap_or(0));
            if len < MIN_BYTES || len > rest.len() || !len.is_multiple_of(4) || HEAD_BYTES + name_len > len {
                let message = format!("an entry of {len} bytes, with a name of {name_len}, does not fit");
                return self.bad_entry(directory, "ext.directory.entry", here, message);
            }
            let inode = le32(rest, 0);
            if inode != 0 {
                let name = &rest[HEAD_BYTES..HEAD_BYTES + name_len];
                self.entry(directory, rest, inode, name, here);
                if let Some(range) = range.filter(|range| !range.holds(name)) {
                    let message = format!(
                        "the hash of {} is {:#010x}, which does not belong into this block",
                        String::from_utf8_lossy(name),
                        range.hash(name)
                    );
                    self.bad_entry(directory, "ext.index.hash", here, message);
                }
                names.push(name);
            }
            at += len;
        }
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let message = format!("the name {} is there twice", String::from_utf8_lossy(twice[0]));
            self.bad_entry(directory, "ext.entry.twice", place, message);
        }
    }

    /// One name and the inode that it leads to.
    fn entry(&mut self, directory: &Directory, raw: &[u8], inode: u32, name: &[u8], place: ByteOffset) {
        let shown = || String::from_utf8_lossy(name).into_owned();
        let is_file = inode >= self.facts.first_inode && inode <= self.superblock.inodes;
        if !is_file && inode != ROOT {
            let message = format!("{} is inode {inode}, which is no file's", shown());
            return self.bad_entry(directory, "ext.entry.inode", place, message);
        }
        if !self.inodes.contains(u64::from(inode)) {
            let message = format!("{} is inode {inode}, which is not in use", shown());
            return self.bad_entry(directory, "ext.entry.unused", place, message);
        }
        if matches!(name, b"." | b"..") {
            let message = format!("there is another \"{}\"", shown());
            return self.bad_entry(directory, "ext.entry.name", place, message);
        }
        if name.is_empty() || !directory.is_encrypted && name.iter().any(|byte| matches!(byte, 0 | b'/')) {
            let message = format!("{:?} is no name", shown());
            self.bad_entry(directory, "ext.entry.name", place, message);
        }
        if inode == ROOT {
            let message = format!("{} leads to the root", shown());
            return self.bad_entry(directory, "ext.entry.root", place, message);
        }
        self.entry_type(directory, raw, inode, place);
        if self.links.entry_type(inode) == 2
            && let Some(other) = self.links.hang(inode, directory.inode)
        {
            let message = format!("{} is directory {inode}, which directory {other} names already", shown());
            self.bad_entry(directory, "ext.entry.directory", place, message);
        }
        self.links.count(inode);
        if self.report.wants(inode) {
            self.report.named(inode, directory.inode, OsStr::from_bytes(name).to_owned());
        }
    }

    /// What an entry says that its inode is: nothing without the feature `filetype`.
    fn entry_type(&mut self, directory: &Directory, raw: &[u8], inode: u32, place: ByteOffset) {
        const DIRDATA: u32 = 0x1000;
        let features = self.features();
        // Lustre keeps bits of its own in the upper half.
        let mask = if features.incompat(DIRDATA) { 0xf } else { 0xff };
        let says = raw.get(7).copied().unwrap_or(0) & mask;
        let is = if features.incompat(incompat::FILETYPE) { self.links.entry_type(inode) } else { 0 };
        if says == 0 && is != 0 {
            // Volumes from before the feature have such entries: everyone asks the inode then.
            let message = format!("in its list of names: it does not say what inode {inode} is");
            self.report.add_of(directory.inode, Finding::warning("ext.entry.untyped", message).at(place));
        } else if says != is {
            let message = format!("inode {inode} is said to be of type {says}, and is of type {is}");
            self.bad_entry(directory, "ext.entry.type", place, message);
        }
    }
}

//! Directory entries, in blocks or inside an inode.
//!
//! A directory with an index (htree) is read like any other: its index blocks look like one entry that
//! is not in use. Source: the kernel's ext4 data structures documentation, "Directory Entries".

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::feature::incompat;
use super::field::{le16, le32};
use super::inode::Type;
use super::superblock::Superblock;
use crate::error::{Error, Result};
use crate::unit::ByteOffset;

/// Bytes of an entry before its name.
const HEAD_BYTES: usize = 8;

/// A name and what it stands for.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) name: OsString,
    pub(super) inode: u32,
    /// What the entry says the inode is, where entries say so.
    pub(super) kind: Option<Type>,
}

/// Appends the entries of one block (or of an inode's part), without `.` and `..`. `place` is where the
/// block lies.
///
/// # Errors
/// When entries do not fill the block exactly, or a name could not be one (empty, with `/` or NUL): such a
/// name must not reach those who build paths of it.
pub(super) fn parse(superblock: &Superblock, block: &[u8], place: ByteOffset, names: &mut Vec<Name>) -> Result<()> {
    let has_type = superblock.features.incompat(incompat::FILETYPE);
    let mut at = 0;
    while at < block.len() {
        let here = ByteOffset(place.0 + at as u64);
        let rest = &block[at..];
        let len = record_len(le16(rest, 4), block.len());
        // Without `filetype` the name's length has 16 bits, of which names use eight.
        let name_len = usize::from(rest.get(6).copied().unwrap_or(0));
        if len < HEAD_BYTES + 4 && len != rest.len() || !len.is_multiple_of(4) || len > rest.len() || len == 0 {
            return Err(Error::corrupt(here, "a directory entry that fits its block", format_args!("{len} bytes")));
        }
        let inode = le32(rest, 0);
        if inode != 0 {
            let name = rest.get(HEAD_BYTES..HEAD_BYTES + name_len).filter(|_| HEAD_BYTES + name_len <= len);
            match name {
                Some(b"." | b"..") => {}
                Some(name) if !name.is_empty() && !name.contains(&b'/') && !name.contains(&0) => {
                    let kind = if has_type { kind_of(rest[7]) } else { None };
                    names.push(Name { name: OsStr::from_bytes(name).into(), inode, kind });
                }
                _ => return Err(Error::corrupt(here, "a file's name", format_args!("{name_len} bytes that are none"))),
            }
        }
        at += len;
    }
    Ok(())
}

/// A record's length. In a block of 64 KiB it may not fit 16 bits: 0 and 65535 mean the whole block, and
/// the two low bits, which lengths do not use, hold bits 16 and 17.
pub(super) fn record_len(stored: u16, block_bytes: usize) -> usize {
    let len = usize::from(stored);
    if block_bytes < 65_536 {
        len
    } else if len == 65_535 || len == 0 {
        block_bytes
    } else {
        (len & 0xfffc) | (len & 3) << 16
    }
}

/// The upper four bits belong to Lustre's `dirdata`.
fn kind_of(file_type: u8) -> Option<Type> {
    match file_type & 0xf {
        1 => Some(Type::File),
        2 => Some(Type::Directory),
        3..=6 => Some(Type::Special),
        7 => Some(Type::Symlink),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_lengths_of_large_blocks_use_the_low_bits() {
        assert_eq!(record_len(65_535, 65_536), 65_536);
        assert_eq!(record_len(0, 65_536), 65_536);
        assert_eq!(record_len(0x10, 65_536), 16);
        assert_eq!(record_len(1, 65_536), 65_536);
        assert_eq!(record_len(4096, 4096), 4096);
    }
}

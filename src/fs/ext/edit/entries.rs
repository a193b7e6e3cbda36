//! Names in a region of bytes: a directory's block without its checksum, or a part of an inode.
//!
//! # Rules ("Directory Entries")
//! - An entry: inode (32 bits), length of the record (16), length of the name (8), type (8; the upper half of the
//!   name's length without the feature `filetype`), name. Records begin at multiples of 4 and fill the region exactly.
//! - A record may be longer than its name needs: a new name goes into such a rest. A removed one's record is added to
//!   the one before it; the first of a region stays, with inode 0.

use super::super::directory::record_len;
use super::super::field::{le16, le32};
use super::ledger::{put16, put32};
use crate::error::{Error, Result};

/// Bytes of an entry before its name.
pub(super) const HEAD_BYTES: usize = 8;
/// Longest name.
pub(super) const MAX_NAME_BYTES: usize = 255;

/// What an entry says: inode, type, name.
pub(super) type New<'a> = (u32, u8, &'a [u8]);

/// Bytes that a name's record needs at least.
pub(super) fn needed(name_len: usize) -> usize {
    (HEAD_BYTES + name_len).next_multiple_of(4)
}

/// One record of a region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry<'a> {
    pub(super) at: usize,
    pub(super) len: usize,
    /// 0: not in use.
    pub(super) inode: u32,
    pub(super) kind: u8,
    pub(super) name: &'a [u8],
}

/// Takes a region apart; `block_bytes` is the volume's block size, which long records are written by.
pub(super) fn parse(region: &[u8], block_bytes: usize) -> Result<Vec<Entry<'_>>> {
    let mut entries = Vec::new();
    let mut at = 0;
    while at < region.len() {
        let rest = &region[at..];
        let len = record_len(le16(rest, 4), block_bytes);
        let name_len = usize::from(rest.get(6).copied().unwrap_or(0));
        let fits = len >= HEAD_BYTES && len.is_multiple_of(4) && len <= rest.len() && HEAD_BYTES + name_len <= len;
        if !fits {
            return Err(Error::damaged(format!("a directory entry at byte {at} of its block does not fit it"))
                .advise("Run `e2fsck -f` first"));
        }
        let name = &rest[HEAD_BYTES..HEAD_BYTES + name_len];
        entries.push(Entry { at, len, inode: le32(rest, 0), kind: rest[7], name });
        at += len;
    }
    Ok(entries)
}

/// Writes a record; `len` may be the whole rest of a region.
pub(super) fn put(region: &mut [u8], at: usize, len: usize, (inode, kind, name): New<'_>, block_bytes: usize) {
    put32(region, at, inode);
    put_len(region, at, len, block_bytes);
    if let Some(target) = region.get_mut(at + 6..at + HEAD_BYTES + name.len()) {
        target[0] = name.len() as u8;
        target[1] = kind;
        target[2..].copy_from_slice(name);
    }
}

/// A length as it is stored: 65536 as 65535, other lengths beyond 16 bits with their upper two bits below.
fn put_len(region: &mut [u8], at: usize, len: usize, block_bytes: usize) {
    let stored = match len {
        ..=0xffff => len,
        _ if len == block_bytes => 0xffff,
        _ => len & 0xfffc | len >> 16 & 3,
    };
    put16(region, at + 4, stored as u16);
}

/// Makes a region empty: one record that is not in use.
pub(super) fn clear(region: &mut [u8], block_bytes: usize) {
    region.fill(0);
    put_len(region, 0, region.len(), block_bytes);
}

/// Puts a name where there is room for it; false when there is none.
pub(super) fn insert(region: &mut [u8], new: New<'_>, block_bytes: usize) -> Result<bool> {
    let wanted = needed(new.2.len());
    let found = parse(region, block_bytes)?.into_iter().find_map(|entry| {
        let own = if entry.inode == 0 { 0 } else { needed(entry.name.len()) };
        (entry.len >= own + wanted).then_some((entry.at, entry.len, own))
    });
    let Some((at, len, own)) = found else { return Ok(false) };
    if own > 0 {
        put_len(region, at, own, block_bytes);
    }
    put(region, at + own, len - own, new, block_bytes);
    Ok(true)
}

/// Removes a name; its inode, when it was there.
pub(super) fn remove(region: &mut [u8], name: &[u8], block_bytes: usize) -> Result<Option<u32>> {
    let entries = parse(region, block_bytes)?;
    let Some(index) = entries.iter().position(|entry| entry.inode != 0 && entry.name == name) else {
        return Ok(None);
    };
    let (at, len, inode) = (entries[index].at, entries[index].len, entries[index].inode);
    let before = index.checked_sub(1).map(|index| (entries[index].at, entries[index].len));
    match before {
        Some((before, own)) => {
            region[at..at + len].fill(0);
            put_len(region, before, own + len, block_bytes);
        }
        None => {
            put32(region, at, 0);
            region[at + 6..at + len].fill(0);
        }
    }
    Ok(Some(inode))
}

/// Fills an empty region with records of given names, as few bytes each as can be, the last with the rest; false when
/// they do not fit.
pub(super) fn pack(region: &mut [u8], names: &[New<'_>], block_bytes: usize) -> bool {
    clear(region, block_bytes);
    let total: usize = names.iter().map(|(_, _, name)| needed(name.len())).sum();
    if total > region.len() {
        return false;
    }
    let mut at = 0;
    for (index, new) in names.iter().enumerate() {
        let own = if index + 1 == names.len() { region.len() - at } else { needed(new.2.len()) };
        put(region, at, own, *new, block_bytes);
        at += own;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(region: &[u8]) -> Vec<(u32, String)> {
        let live = parse(region, 1024).unwrap().into_iter().filter(|entry| entry.inode != 0);
        live.map(|entry| (entry.inode, String::from_utf8_lossy(entry.name).into_owned())).collect()
    }

    #[test]
    fn what_is_put_in_and_taken_out_leaves_the_others() {
        let mut region = [0; 1012];
        clear(&mut region, 1024);
        for (inode, name) in [(11, "one"), (12, "a longer name"), (13, "three")] {
            assert!(insert(&mut region, (inode, 1, name.as_bytes()), 1024).unwrap());
        }
        assert_eq!(remove(&mut region, b"a longer name", 1024).unwrap(), Some(12));
        assert_eq!(remove(&mut region, b"one", 1024).unwrap(), Some(11));
        assert_eq!(remove(&mut region, b"none", 1024).unwrap(), None);
        assert!(insert(&mut region, (14, 1, b"new"), 1024).unwrap());
        assert_eq!(names(&region), [(14, "new".to_owned()), (13, "three".to_owned())]);
    }

    #[test]
    fn a_region_takes_as_many_names_as_fit_and_no_more() {
        let mut region = [0; 64];
        clear(&mut region, 1024);
        let fitted = (1..99).take_while(|inode| insert(&mut region, (*inode, 1, b"12345678"), 1024).unwrap()).count();
        assert_eq!(fitted, 4);
    }

    #[test]
    fn records_that_do_not_fill_their_region_are_damage() {
        for len in [0u16, 4, 9, 2000] {
            let mut region = [0; 1012];
            put16(&mut region, 4, len);
            assert!(parse(&region, 1024).is_err(), "{len}");
        }
    }
}

//! All inodes in the order of their tables, read in large pieces.
//!
//! With checksummed descriptors a group may say that the end of its table was never written (`bg_itable_unused`), or
//! that none of it was (`INODE_UNINIT`): that part is not read. Source: the kernel's ext4 documentation, "Block Group
//! Descriptors", and e2fsck, which skips it, too.

use super::group::{Group, flag};
use super::record::Record;
use super::source::Source;
use super::superblock::Superblock;
use crate::error::Result;
use crate::fs::Watch;
use crate::unit::ByteOffset;

/// How much of a table is read at once.
const READ_BYTES: usize = 1 << 20;

/// How many inodes of a group were ever written.
pub(super) fn written_inodes(superblock: &Superblock, group: &Group) -> u32 {
    let all = superblock.inodes_per_group;
    if !superblock.features.has_descriptor_checksums() {
        return all;
    }
    if group.flags & flag::INODE_UNINIT != 0 { 0 } else { all.saturating_sub(group.unused_inodes) }
}

/// Calls `see` for every record that was ever written, in order, from inode `first` on, until it says stop.
///
/// # Errors
/// When a table cannot be read, the look is cancelled, or `see` fails.
pub(super) fn inodes(
    source: &Source,
    superblock: &Superblock,
    groups: &[Group],
    (first, phase, watch): (u32, &'static str, &dyn Watch),
    see: &mut dyn FnMut(Record<'_>) -> Result<bool>,
) -> Result<()> {
    let per_group = superblock.inodes_per_group;
    let record_bytes = usize::from(superblock.inode_bytes);
    let per_read = (READ_BYTES / record_bytes) as u32;
    let mut buffer = Vec::new();
    let first_group = first.saturating_sub(1) / per_group;
    for (index, group) in (0u32..).zip(groups).skip(first_group as usize) {
        watch.advance(phase, u64::from(index), groups.len() as u64);
        let written = written_inodes(superblock, group);
        let mut done = if index == first_group { first.saturating_sub(1) % per_group } else { 0 };
        while done < written {
            watch.proceed()?;
            let count = per_read.min(written - done);
            buffer.resize(count as usize * record_bytes, 0);
            let start = source.offset_of(group.inode_table).0 + u64::from(done) * record_bytes as u64;
            source.read_at(ByteOffset(start), &mut buffer)?;
            for (within, raw) in (0u32..).zip(buffer.chunks_exact(record_bytes)) {
                let Some(number) = index.checked_mul(per_group).and_then(|base| base.checked_add(done + within + 1))
                else {
                    return Ok(());
                };
                let place = ByteOffset(start + u64::from(within) * record_bytes as u64);
                if !see(Record { number, place, raw })? {
                    return Ok(());
                }
            }
            done += count;
        }
    }
    watch.advance(phase, groups.len() as u64, groups.len() as u64);
    Ok(())
}

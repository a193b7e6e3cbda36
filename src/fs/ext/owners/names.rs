//! The names of some inodes, found by reading all directories once, in the order in which they lie on the volume.
//!
//! What is damaged is skipped: an inode whose name lies there has none. Source: the kernel's ext4 documentation,
//! "Linear (Classic) Directories". Index blocks look like a single entry that is not in use.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::Volume;
use crate::error::Result;
use crate::fs::Watch;
use crate::fs::ext::content;
use crate::fs::ext::directory::record_len;
use crate::fs::ext::field::{le16, le32};
use crate::fs::ext::inode::Inode;

/// How much of a directory is read at once.
const READ_BYTES: u64 = 1 << 20;
/// Runs of directory blocks that are kept; of a volume with more, some names are not found.
const MAX_RUNS: usize = 1 << 25;

/// Where an inode has a name.
pub(super) struct Named {
    pub(super) directory: u32,
    pub(super) name: OsString,
}

/// Where the directories' names lie.
#[derive(Default)]
pub(super) struct Directories {
    runs: Vec<(u64, u32, u32)>,
    /// Directories whose names are in their inode.
    pub(super) inline: Vec<u32>,
    is_sorted: bool,
    /// Blocks in all, so that a hostile volume's are not read for ever.
    blocks: u64,
}

impl Directories {
    pub(super) fn add(&mut self, inode: u32, physical: u64, blocks: u64) {
        let Ok(count) = u32::try_from(blocks) else { return };
        if self.runs.len() < MAX_RUNS {
            self.runs.push((physical, inode, count));
        }
    }

    /// Fills in the names of the inodes in `wanted`.
    pub(super) fn find(
        &mut self,
        volume: &Volume,
        wanted: &mut HashMap<u32, Option<Named>>,
        watch: &dyn Watch,
    ) -> Result<()> {
        if !self.is_sorted {
            self.runs.sort_unstable();
            self.is_sorted = true;
        }
        let block_bytes = u64::from(volume.superblock.block_bytes);
        let per_read = (READ_BYTES / block_bytes).max(1);
        let mut buffer = Vec::new();
        self.blocks = 0;
        for (index, (physical, inode, blocks)) in self.runs.iter().enumerate() {
            if index.is_multiple_of(64) {
                watch.proceed()?;
                watch.advance("Reading directories", index as u64, self.runs.len() as u64);
            }
            // Directories that are sound never have more blocks than the volume.
            self.blocks = self.blocks.saturating_add(u64::from(*blocks));
            if self.blocks > volume.superblock.blocks {
                break;
            }
            let mut done = 0;
            while done < u64::from(*blocks) {
                let count = per_read.min(u64::from(*blocks) - done);
                buffer.resize((count * block_bytes) as usize, 0);
                volume.source.read_at(volume.source.offset_of(physical + done), &mut buffer)?;
                for block in buffer.chunks_exact(block_bytes as usize) {
                    entries(block, block_bytes as usize, *inode, wanted);
                }
                done += count;
            }
        }
        for inode in &self.inline {
            inline(volume, *inode, wanted);
        }
        Ok(())
    }
}

/// Looks through one block.
fn entries(block: &[u8], block_bytes: usize, directory: u32, wanted: &mut HashMap<u32, Option<Named>>) {
    let mut at = 0;
    while let Some(rest) = block.get(at..).filter(|rest| rest.len() >= 12) {
        let len = record_len(le16(rest, 4), block_bytes);
        let name = rest.get(8..8 + usize::from(rest[6])).unwrap_or_default();
        if !matches!(name, b"" | b"." | b"..")
            && !name.contains(&b'/')
            && let Some(slot @ None) = wanted.get_mut(&le32(rest, 0))
        {
            *slot = Some(Named { directory, name: OsStr::from_bytes(name).to_owned() });
        }
        if len < 12 {
            return;
        }
        at += len;
    }
}

fn inline(volume: &Volume, number: u32, wanted: &mut HashMap<u32, Option<Named>>) {
    let inode = Inode::read(&volume.source, &volume.superblock, &volume.table, number);
    let Some((head, tail)) = inode.ok().and_then(|inode| content::inline(&inode).ok()) else { return };
    let block_bytes = volume.superblock.block_bytes as usize;
    entries(head.get(4..).unwrap_or_default(), block_bytes, number, wanted);
    entries(&tail, block_bytes, number, wanted);
}

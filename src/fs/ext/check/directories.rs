//! All directories, in the order in which they lie on the volume.
//!
//! Source: the kernel's ext4 documentation, "Directory Entries", "Inline Data". That a directory has no holes is
//! e2fsck's rule.

use super::index::Index;
use super::{DirectoryRun, Look};
use crate::error::Result;
use crate::fs::Finding;
use crate::fs::ext::feature::ro_compat;
use crate::fs::ext::field::le32;
use crate::fs::ext::record::{Record, flag};
use crate::unit::ByteOffset;

/// How much of a directory is read at once.
const READ_BYTES: usize = 1 << 20;
/// Where the four bytes that name the parent of an inline directory lie in its record.
const INLINE_AT: usize = 0x28;
/// The bytes of entries that follow them there.
const INLINE_ENTRIES: usize = 56;

/// The directory that is being looked at.
pub(super) struct Directory {
    pub(super) inode: u32,
    pub(super) is_encrypted: bool,
    pub(super) is_folded: bool,
    pub(super) is_indexed: bool,
    /// The state that checksums of its blocks begin with, where the volume has them.
    pub(super) seed: Option<u32>,
}

impl Look<'_> {
    /// Reads all directories.
    pub(super) fn directories(&mut self) -> Result<()> {
        let runs = std::mem::take(&mut self.runs);
        let mut order: Vec<(u64, u32, u32)> = Vec::new();
        let mut at = 0;
        for part in runs.chunk_by(|one, next| one.inode == next.inode) {
            order.push((part[0].physical, at, part.len() as u32));
            at += part.len() as u32;
        }
        order.sort_unstable();
        let mut buffer = Vec::new();
        for (index, (_, at, count)) in order.iter().enumerate() {
            if index.is_multiple_of(64) {
                self.watch.proceed()?;
                self.watch.advance("Reading directories", index as u64, order.len() as u64);
            }
            if let Some(part) = runs.get(*at as usize..(*at + *count) as usize) {
                self.directory(part, &mut buffer)?;
            }
        }
        Ok(())
    }

    fn directory(&mut self, runs: &[DirectoryRun], buffer: &mut Vec<u8>) -> Result<()> {
        let Some(inode) = runs.first().map(|run| run.inode) else { return Ok(()) };
        let Some(place) = self.record_place(inode) else { return Ok(()) };
        let mut raw = vec![0; usize::from(self.superblock.inode_bytes)];
        let table_block = place.0 / u64::from(self.superblock.block_bytes);
        let block = self.volume.source.block(table_block, place)?;
        let from = (place.0 % u64::from(self.superblock.block_bytes)) as usize;
        if let Some(bytes) = block.get(from..from + raw.len()) {
            raw.copy_from_slice(bytes);
        }
        let record = Record { number: inode, place, raw: &raw };
        let has_checksums = self.features().ro_compat(ro_compat::METADATA_CSUM);
        let mut directory = Directory {
            inode,
            is_encrypted: record.has(flag::ENCRYPTED),
            is_folded: record.has(flag::CASEFOLD),
            is_indexed: record.has(flag::INDEX),
            seed: has_checksums.then(|| record.checksum_seed(self.superblock)),
        };
        if record.has(flag::INLINE_DATA) {
            directory.seed = None;
            self.inline_directory(&directory, record)?;
            return Ok(());
        }
        let mut next = 0;
        for run in runs {
            if run.logical != next {
                let message = format!("its blocks {next} to {} lie nowhere", run.logical.saturating_sub(1));
                self.report.add_of(inode, Finding::error("ext.directory.hole", message));
            }
            next = run.logical.saturating_add(run.blocks);
        }
        let index = if directory.is_indexed { self.index(&directory, runs, next)? } else { None };
        self.directory_blocks(&directory, runs, index, buffer)
    }

    /// Reads the blocks, and looks at each that holds names.
    fn directory_blocks(
        &mut self,
        directory: &Directory,
        runs: &[DirectoryRun],
        index: Option<Index>,
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        let block_bytes = self.superblock.block_bytes as usize;
        let per_read = (READ_BYTES / block_bytes).max(1) as u32;
        for run in runs {
            let mut done = 0;
            while done < run.blocks {
                let count = per_read.min(run.blocks - done);
                buffer.resize(count as usize * block_bytes, 0);
                let place = self.volume.source.offset_of(run.physical + u64::from(done));
                self.volume.source.read_at(place, buffer)?;
                for (within, block) in buffer.chunks_exact(block_bytes).enumerate() {
                    let logical = run.logical + done + within as u32;
                    let own = ByteOffset(place.0 + (within * block_bytes) as u64);
                    if index.as_ref().is_some_and(|index| index.is_node(logical)) {
                        // The root begins with the names `.` and `..`; the other nodes have none.
                        if logical == 0 {
                            self.dots(directory, block, own);
                        }
                        continue;
                    }
                    let range = index.as_ref().and_then(|index| index.range(logical));
                    self.leaf(directory, logical, block, own, range);
                }
                self.watch.proceed()?;
                done += count;
            }
        }
        Ok(())
    }

    /// Inline: four bytes name the parent, entries fill the rest of `i_block`, and then the attribute `system.data`.
    fn inline_directory(&mut self, directory: &Directory, record: Record<'_>) -> Result<()> {
        self.links.count(directory.inode);
        self.dot_dot(directory, le32(record.raw, INLINE_AT), record.at(INLINE_AT as u64));
        let start = INLINE_AT + 4;
        let head = record.raw.get(start..start + INLINE_ENTRIES).unwrap_or_default();
        self.entries(directory, head, record.at(start as u64), None, 0);
        let inode = crate::fs::ext::inode::Inode::read(
            &self.volume.source,
            self.superblock,
            &self.volume.table,
            directory.inode,
        );
        if let Ok(inode) = inode
            && let Some(value) = inode.inner_attribute(7, b"data")
            && !value.is_empty()
        {
            self.entries(directory, value, record.place, None, 0);
        }
        Ok(())
    }
}

//! A small file gets another content, where it lies.
//!
//! # Rules
//! - The new content may be of any length that the file's blocks hold. Written blocks beyond a file's length are an
//!   error for e2fsck; so blocks that the new content does not need become unwritten where the file has an extent tree
//!   (they are kept for it), and are given back where it has a block map. Unwritten blocks that it needs become written.
//! - Behind the content the last block is zero.

use super::super::blocks::Run;
use super::super::record::{Form, flag};
use super::inode::Record;
use super::ledger::Ledger;
use super::{inline, map};
use crate::error::{Error, Result};
use crate::extent::{Extent, ExtentSet};
use crate::fs::overlay::Tag;

/// `i_flags`: compressed by a kernel that never was.
const COMPRESSED: u32 = 0x4;
/// Content longer than this is not small, and its patches would fill a journal.
const MAX_BYTES: usize = 16 << 20;

/// Replaces the content of the file with this inode.
pub(super) fn replace(ledger: &Ledger, number: u32, title: &str, content: &[u8]) -> Result<()> {
    let mut record = Record::read(ledger, number)?;
    refuse_file(&record, title)?;
    if content.len() > MAX_BYTES {
        return Err(Error::refused(format!(
            "the new content of {title} has {} bytes; {MAX_BYTES} are the most",
            content.len()
        )));
    }
    if record.has(flag::INLINE_DATA) {
        return replace_inline(ledger, &mut record, title, content);
    }
    let layout = record.layout(ledger)?;
    let block_bytes = ledger.block_bytes() as u64;
    let needed = (content.len() as u64).div_ceil(block_bytes);
    let held = mapped_from_start(&layout.runs);
    if needed > held {
        return Err(Error::refused(format!(
            "the new content of {title} has {} bytes, and its blocks hold {} in a row",
            content.len(),
            held * block_bytes
        )));
    }
    let runs = if record.has(flag::EXTENTS) {
        with_written(&layout.runs, needed)
    } else {
        cut(ledger, &mut record, &layout.runs, needed)?
    };
    write_content(ledger, &runs, title, content)?;
    record.set_bytes(ledger, content.len() as u64)?;
    if runs == layout.runs {
        record.store(ledger)
    } else {
        map::write(ledger, &mut record, &runs, &layout.nodes, &ExtentSet::new())
    }
}

pub(super) fn refuse_file(record: &Record, title: &str) -> Result<()> {
    let what = if record.view().form() != Form::File {
        "is not a plain file"
    } else if record.has(flag::ENCRYPTED) {
        "is encrypted"
    } else if record.has(flag::VERITY) {
        "is protected by fs-verity"
    } else if record.has(COMPRESSED) {
        "is compressed"
    } else {
        return Ok(());
    };
    Err(Error::refused(format!("{title} {what}, and cannot be changed by Lifeboat")))
}

/// How many blocks are there before the first hole.
fn mapped_from_start(runs: &[Run]) -> u64 {
    runs.iter().fold(0, |end, run| if run.logical == end { end + run.blocks } else { end })
}

/// Written up to `needed`, unwritten from there on.
fn with_written(runs: &[Run], needed: u64) -> Vec<Run> {
    let mut parts = Vec::new();
    for run in runs {
        let head = needed.saturating_sub(run.logical).min(run.blocks);
        if head > 0 {
            parts.push(Run { blocks: head, unwritten: false, ..*run });
        }
        if head < run.blocks {
            let (logical, physical) = (run.logical + head, run.physical + head);
            parts.push(Run { logical, physical, blocks: run.blocks - head, unwritten: true });
        }
    }
    parts
}

/// Gives back what is beyond `needed`.
fn cut(ledger: &Ledger, record: &mut Record, runs: &[Run], needed: u64) -> Result<Vec<Run>> {
    let (mut kept, mut freed) = (Vec::new(), Vec::new());
    for run in runs {
        let head = needed.saturating_sub(run.logical).min(run.blocks);
        if head > 0 {
            kept.push(Run { blocks: head, ..*run });
        }
        if head < run.blocks {
            freed.push(Extent::new(run.physical + head, run.blocks - head));
        }
    }
    let count: u64 = freed.iter().map(|run| run.clusters).sum();
    if count > 0 {
        ledger.free_units(freed.into_iter())?;
        record.add_units(ledger, -count.cast_signed())?;
    }
    Ok(kept)
}

/// Writes the content to the blocks, and zeros behind it.
fn write_content(ledger: &Ledger, runs: &[Run], title: &str, content: &[u8]) -> Result<()> {
    let block_bytes = ledger.block_bytes();
    let blocks = runs.iter().flat_map(|run| run.physical..run.physical + run.blocks);
    for (index, (part, block)) in content.chunks(block_bytes).zip(blocks).enumerate() {
        let mut bytes = vec![0; block_bytes];
        bytes[..part.len()].copy_from_slice(part);
        let tag = Tag::new(title).span("block", index as u64, index as u64);
        ledger.write_block(block, &bytes, tag)?;
    }
    Ok(())
}

/// Content inside the inode: as long as what is there, or within `i_block` as that is.
fn replace_inline(ledger: &Ledger, record: &mut Record, title: &str, content: &[u8]) -> Result<()> {
    let [head, tail] = inline::content(record)?;
    let old = record.bytes(ledger);
    let fits = content.len() as u64 == old && content.len() <= head.len() + tail.len()
        || content.len() <= head.len() && old <= head.len() as u64;
    if !fits {
        return Err(Error::refused(format!(
            "{title} lies inside its inode, and its {old} bytes cannot become {}",
            content.len()
        )));
    }
    let (first, rest) = content.split_at(content.len().min(head.len()));
    record.raw[head.clone()].fill(0);
    record.raw[head.start..head.start + first.len()].copy_from_slice(first);
    record.raw[tail.start..tail.start + rest.len()].copy_from_slice(rest);
    if !rest.is_empty() {
        inline::forget_hash(record)?;
    }
    record.set_bytes(ledger, content.len() as u64)?;
    record.store(ledger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_needed_becomes_unwritten() {
        let run = |logical, physical, blocks, unwritten| Run { logical, physical, blocks, unwritten };
        let runs = [run(0, 10, 4, false), run(4, 30, 4, true)];
        assert_eq!(mapped_from_start(&runs), 8);
        assert_eq!(with_written(&runs, 2), [run(0, 10, 2, false), run(2, 12, 2, true), run(4, 30, 4, true)]);
        assert_eq!(with_written(&runs, 5), [run(0, 10, 4, false), run(4, 30, 1, false), run(5, 31, 3, true)]);
    }
}

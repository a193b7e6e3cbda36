//! A file's content as a stream of bytes.

use std::io::{self, Read, Seek, SeekFrom};

use super::blocks::{Layout, Run};
use super::inode::{BLOCK_FIELD_BYTES, Inode};
use super::source::Source;
use crate::error::{Error, Result};
use crate::fs::tree::sought;
use crate::unit::ByteOffset;

/// The prefix number of `system.` attributes; `system.data` holds what of inline content `i_block` does not.
const SYSTEM: u8 = 7;

/// Inline content: the part in `i_block`, and the part in the attribute `system.data`.
///
/// # Errors
/// When there is less than the inode's length says.
pub(super) fn inline(inode: &Inode) -> Result<(Vec<u8>, Vec<u8>)> {
    let wanted = inode.bytes;
    let head = inode.block_field();
    let tail = inode.inner_attribute(SYSTEM, b"data").unwrap_or_default();
    let most = (BLOCK_FIELD_BYTES + tail.len()) as u64;
    if wanted > most {
        let place = ByteOffset(inode.place.0 + 4);
        return Err(Error::corrupt(place, format_args!("a length of at most {most}, for inline data"), wanted));
    }
    let head_len = head.len().min(wanted as usize);
    Ok((head[..head_len].to_vec(), tail[..wanted as usize - head_len].to_vec()))
}

/// Content that lies in blocks: holes and unwritten extents read as zeros.
pub(super) struct Content<'a> {
    source: &'a Source,
    runs: Vec<Run>,
    bytes: u64,
    at: u64,
    /// The run in which, or before which, the next byte lies.
    current: usize,
}

impl<'a> Content<'a> {
    pub(super) fn new(source: &'a Source, layout: Layout, bytes: u64) -> Self {
        Self { source, runs: layout.runs, bytes, at: 0, current: 0 }
    }

    /// What lies at the current place: up to how many bytes, and where (`None`: zeros).
    fn piece(&mut self) -> (u64, Option<ByteOffset>) {
        let block_bytes = self.source.block_bytes() as u64;
        loop {
            let Some(run) = self.runs.get(self.current) else { return (self.bytes - self.at, None) };
            let start = run.logical.saturating_mul(block_bytes);
            let end = (run.logical + run.blocks).saturating_mul(block_bytes);
            if self.at >= end {
                self.current += 1;
                continue;
            }
            if self.at < start {
                return (start - self.at, None);
            }
            let place = ByteOffset(self.source.offset_of(run.physical).0 + (self.at - start));
            return (end - self.at, (!run.unwritten).then_some(place));
        }
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < buf.len() && self.at < self.bytes {
            let (available, place) = self.piece();
            let count = available.min(self.bytes - self.at).min((buf.len() - done) as u64) as usize;
            let part = &mut buf[done..done + count];
            match place {
                None => part.fill(0),
                Some(place) => match self.source.read_at(place, part) {
                    Ok(()) => {}
                    // What was read before the bad place is given first; the next call meets it again.
                    Err(_) if done > 0 => return Ok(done),
                    Err(error) => return Err(io::Error::other(error)),
                },
            }
            done += count;
            self.at += count as u64;
        }
        Ok(done)
    }
}

impl Seek for Content<'_> {
    fn seek(&mut self, from: SeekFrom) -> io::Result<u64> {
        self.at = sought(from, self.at, self.bytes)?;
        self.current = 0;
        Ok(self.at)
    }
}

//! The search for what a container leaves in its clusters: the records of tables and images, and the blocks of images in
//! scattered storage, wherever they lie.
//!
//! Records are searched for at every byte, by their magic with `memchr`'s vectorised substring search; blocks only
//! at multiples of 512, where alone they begin. Both cost far less than reading: the substring search is made for ten
//! gigabytes a second and more, and the look at each sector touches one cache line in eight. So a search that looks at
//! sectors' beginnings only would gain nothing.

use std::ops::{ControlFlow, Range};

use uuid::Uuid;

use super::super::format::{HEAD, MAGIC, RecordHead, RecordKind};
use super::blocks::{BLOCK_HEAD, BLOCK_MAGIC, glance};
use crate::device::ReadDevice;
use crate::error::Result;
use crate::unit::ByteOffset;

/// Bytes read at once, and the pieces in which that is tried again where it cannot be read: down to the
/// physical sector of today's disks.
const PIECES: [u64; 3] = [1 << 20, 64 << 10, 4 << 10];
/// Reads that may fail until stretches are no longer narrowed to the smallest pieces: each may take a failing disk seconds.
const PATIENCE: u64 = 1 << 14;
/// Where blocks may begin: at the sectors of the disk.
const SECTOR: u64 = 512;
/// What of a sign must be read, to know it.
const AHEAD: u64 = if HEAD > BLOCK_HEAD { HEAD as u64 } else { BLOCK_HEAD as u64 };

/// Which way a search goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// From the first byte on.
    Forward,
    /// Back from the last: containers lie at the end.
    Backward,
}

/// What a sign is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sign {
    /// The head of a record, of this container or image. Its digest is not checked.
    Record(RecordKind, Uuid),
    /// The head of a block of this image, and its number there. Its digest is not checked.
    Block {
        /// Whose.
        image: Uuid,
        /// Which.
        sequence: u64,
    },
}

/// A sign and where it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sighting {
    /// Where on the device.
    pub offset: ByteOffset,
    /// What.
    pub sign: Sign,
}

/// Searches a range of a device. `progress` is told of every piece and may end the search by an error; `see` by a
/// break. Gives the number of bytes that could not be read.
///
/// # Errors
/// Only what `progress` gives.
pub fn scan(
    device: &dyn ReadDevice,
    range: Range<u64>,
    order: Order,
    progress: &mut dyn FnMut(u64) -> Result<()>,
    see: &mut dyn FnMut(Sighting) -> ControlFlow<()>,
) -> Result<u64> {
    let range = range.start..range.end.min(device.len().0);
    let mut search = Search { device, end: range.end, unreadable: 0, failures: 0, buf: Vec::new(), found: Vec::new() };
    let windows = range.end.saturating_sub(range.start).div_ceil(PIECES[0]);
    for number in 0..windows {
        let number = if order == Order::Forward { number } else { windows - 1 - number };
        let from = range.start + number * PIECES[0];
        let to = (from + PIECES[0]).min(range.end);
        progress(to - from)?;
        search.found.clear();
        search.pieces(from, to, &PIECES);
        if order == Order::Backward {
            search.found.reverse();
        }
        for sighting in &search.found {
            if see(*sighting).is_break() {
                return Ok(search.unreadable);
            }
        }
    }
    Ok(search.unreadable)
}

struct Search<'a> {
    device: &'a dyn ReadDevice,
    /// Where the search ends.
    end: u64,
    unreadable: u64,
    /// Reads that failed.
    failures: u64,
    buf: Vec<u8>,
    /// The signs of this window, in order.
    found: Vec<Sighting>,
}

impl Search<'_> {
    /// The signs that begin from `from` on and before `to`, read in pieces of the first size; one that cannot be read,
    /// in those of the next.
    fn pieces(&mut self, from: u64, to: u64, sizes: &[u64]) {
        let Some((size, narrower)) = sizes.split_first() else {
            self.unreadable += to - from;
            return;
        };
        let mut at = from;
        while at < to {
            let end = (at + size).min(to);
            // A head may reach into what follows; when only that cannot be read, the piece itself still can.
            let ahead = (end + AHEAD).min(self.end);
            if !self.look(at, end, ahead) && (!narrower.is_empty() || ahead == end || !self.look(at, end, end)) {
                let narrower = if self.failures > PATIENCE { &[] } else { narrower };
                self.pieces(at, end, narrower);
            }
            at = end;
        }
    }

    /// Reads the bytes up to `ahead` and keeps the signs that begin before `end`; false when they cannot be read.
    fn look(&mut self, at: u64, end: u64, ahead: u64) -> bool {
        self.buf.resize((ahead - at) as usize, 0);
        let readable = self.device.read_at(ByteOffset(at), &mut self.buf).is_ok();
        if readable {
            signs(at, end, &self.buf, &mut self.found);
        } else {
            self.failures += 1;
        }
        readable
    }
}

/// The signs in bytes that lie at `from`, that begin before `to`.
fn signs(from: u64, to: u64, bytes: &[u8], found: &mut Vec<Sighting>) {
    let before = found.len();
    // The magic's first letter is nowhere else in it: one place of it never overlaps another.
    for magic in memchr::memmem::find_iter(bytes, &MAGIC) {
        // A head that begins before these bytes is seen with those before them.
        let Some(start) = magic.checked_sub(8) else { continue };
        let offset = ByteOffset(from + start as u64);
        if offset.0 >= to {
            break;
        }
        let Some(head) = bytes[start..].first_chunk::<HEAD>() else { break };
        if let Ok((head, kind)) = RecordHead::parse(head, offset) {
            found.push(Sighting { offset, sign: Sign::Record(kind, head.image()) });
        }
    }
    let records = found.len();
    let first = (from.next_multiple_of(SECTOR) - from) as usize;
    let blocks = (first..(to - from) as usize).step_by(SECTOR as usize);
    for start in blocks.filter(|start| bytes[*start..].starts_with(&BLOCK_MAGIC)) {
        if let Some((image, sequence)) = glance(&bytes[start..]) {
            found.push(Sighting { offset: ByteOffset(from + start as u64), sign: Sign::Block { image, sequence } });
        }
    }
    if records > before && found.len() > records {
        found[before..].sort_by_key(|sighting| sighting.offset);
    }
}

#[cfg(test)]
mod tests;

//! The search for what a container leaves in its clusters: the records of tables and images, wherever they lie.

use std::ops::{ControlFlow, Range};

use uuid::Uuid;

use super::super::format::{HEAD, MAGIC, RecordHead, RecordKind};
use crate::device::ReadDevice;
use crate::error::Result;
use crate::unit::ByteOffset;

/// Bytes read at once.
const WINDOW: u64 = 1 << 20;
/// What cannot be read is passed over in pieces of this size.
const UNREADABLE: usize = 64 << 10;

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
    let mut search = Search { device, range: range.clone(), unreadable: 0, buf: Vec::new() };
    let windows = range.end.saturating_sub(range.start).div_ceil(WINDOW);
    for number in 0..windows {
        let number = if order == Order::Forward { number } else { windows - 1 - number };
        let from = range.start + number * WINDOW;
        let to = (from + WINDOW).min(range.end);
        progress(to - from)?;
        let mut found = search.window(from, to);
        if order == Order::Backward {
            found.reverse();
        }
        for sighting in found {
            if see(sighting).is_break() {
                return Ok(search.unreadable);
            }
        }
    }
    Ok(search.unreadable)
}

struct Search<'a> {
    device: &'a dyn ReadDevice,
    range: Range<u64>,
    unreadable: u64,
    buf: Vec<u8>,
}

impl Search<'_> {
    /// The signs that begin in a window, in order. A head may reach into the next one.
    fn window(&mut self, from: u64, to: u64) -> Vec<Sighting> {
        let mut found = Vec::new();
        let mut buf = std::mem::take(&mut self.buf);
        buf.resize((to + HEAD as u64).min(self.range.end).saturating_sub(from) as usize, 0);
        if self.device.read_at(ByteOffset(from), &mut buf).is_ok() {
            look(from, to, &buf, &mut found);
        } else {
            for at in (from..to).step_by(UNREADABLE) {
                let end = (at + UNREADABLE as u64).min(to);
                let piece = &mut buf[..(end - at) as usize];
                if self.device.read_at(ByteOffset(at), piece).is_ok() {
                    look(at, end, piece, &mut found);
                } else {
                    self.unreadable += end - at;
                }
            }
        }
        self.buf = buf;
        found
    }
}

/// Looks at bytes that lie at `from`, for heads that begin before `to`.
fn look(from: u64, to: u64, bytes: &[u8], found: &mut Vec<Sighting>) {
    let mut at = 0;
    while let Some(next) = memchr::memmem::find(&bytes[at..], &MAGIC) {
        let magic = at + next;
        at = magic + 1;
        let Some(start) = magic.checked_sub(8) else { continue };
        let place = ByteOffset(from + start as u64);
        if place.0 >= to {
            break;
        }
        let Some(head) = bytes.get(start..).and_then(|rest| rest.first_chunk::<HEAD>()) else { continue };
        if let Ok((head, kind)) = RecordHead::parse(head, place) {
            found.push(Sighting { offset: place, sign: Sign::Record(kind, head.image()) });
        }
    }
}

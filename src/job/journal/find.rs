//! Looking for journals on a volume: by their first bytes, from the volume's ends inward.
//!
//! The plan puts a journal so that it begins within 64 MiB of either end where there is room; the quick search reads
//! only these. The full search reads the volume once, the ends first.

use super::format::{self, Header, SECTOR, State};
use crate::device::{ReadDevice, read_vec};
use crate::error::{Error, Kind, Result};
use crate::job::Monitor;
use crate::plan::Depth;
use crate::unit::{ByteLen, ByteOffset};

/// How far the quick search goes from either end: read in a second by any disk of this century.
pub(crate) const QUICK: u64 = 64 << 20;
/// Bytes read at once; and what is passed over when it cannot be read.
const AT_ONCE: u64 = 4 << 20;
const UNREADABLE: usize = 64 << 10;
/// Headers kept; a volume full of them was not written by us.
const MAX_KEPT: usize = 16;

/// What lies where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    pub(crate) start: ByteOffset,
    pub(crate) header: Header,
}

/// What a search found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Search {
    /// Open journals, newest first.
    pub(crate) open: Vec<Found>,
    /// How many closed ones there are.
    pub(crate) closed: usize,
    /// Journals of a version that this Lifeboat does not know.
    pub(crate) unknown: usize,
    /// Bytes that could not be read.
    pub(crate) unreadable: u64,
}

/// Looks for the journals of this volume.
///
/// # Errors
/// When it is cancelled.
pub(crate) fn search(volume: &dyn ReadDevice, depth: Depth, monitor: &Monitor) -> Result<Search> {
    let len = volume.len().0;
    let tail = len.saturating_sub(QUICK).next_multiple_of(SECTOR as u64).min(len);
    let head = QUICK.min(tail);
    let mut ranges = vec![tail..len, 0..head];
    if depth == Depth::Full {
        ranges.push(head..tail);
    }
    let mut found = Search::default();
    let mut buf = vec![0; len.min(AT_ONCE) as usize];
    for range in ranges {
        let mut at = range.start;
        while at < range.end {
            monitor.check()?;
            let now = (range.end - at).min(AT_ONCE);
            found.read(volume, at, &mut buf[..now as usize]);
            monitor.advance(now);
            at += now;
        }
    }
    found.open.sort_by_key(|found| std::cmp::Reverse(found.header.created.get()));
    Ok(found)
}

impl Search {
    fn read(&mut self, volume: &dyn ReadDevice, at: u64, buf: &mut [u8]) {
        if volume.read_at(ByteOffset(at), buf).is_ok() {
            self.look(volume.len(), at, buf);
        } else if buf.len() > UNREADABLE {
            for (index, piece) in buf.chunks_mut(UNREADABLE).enumerate() {
                self.read(volume, at + (index * UNREADABLE) as u64, piece);
            }
        } else {
            self.unreadable += buf.len() as u64;
        }
    }

    fn look(&mut self, volume_len: ByteLen, at: u64, bytes: &[u8]) {
        for (index, sector) in bytes.chunks_exact(SECTOR).enumerate() {
            if sector[..16] != format::MAGIC {
                continue;
            }
            let Some(header) = Header::read(sector) else { continue };
            let start = ByteOffset(at + (index * SECTOR) as u64);
            // One that says that it lies elsewhere lies in a file: in the image of a disk, say.
            if header.place.get() != start.0 || header.volume_len.get() > volume_len.0 {
                continue;
            }
            if header.version.get() != format::VERSION {
                self.unknown += 1;
            } else if State::from_number(header.state.get()) != Some(State::Open) {
                self.closed += 1;
            } else if self.open.len() < MAX_KEPT {
                self.open.push(Found { start, header });
            }
        }
    }
}

/// Reads the header of a journal that is a file; none where there are only zeros yet: the file was made, and the power
/// went before anything was written into it.
///
/// # Errors
/// When it is none, or of a version that is not known.
pub(crate) fn in_file(device: &dyn ReadDevice) -> Result<Option<Header>> {
    let none = || {
        Error::refused("this file is not a journal")
            .advise("Name the file that was given with --journal when the job was begun")
    };
    let sector = read_vec(device, ByteOffset::ZERO, SECTOR)
        .map_err(|error| if error.kind() == Kind::Io && error.place().is_some() { none() } else { error })?;
    if sector.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let header = Header::read(&sector).ok_or_else(none)?;
    if header.version.get() != format::VERSION {
        return Err(Error::unsupported(format!(
            "the journal has version {}, and this Lifeboat knows version {}",
            header.version.get(),
            format::VERSION
        ))
        .advise("Use the Lifeboat that wrote it, or a newer one"));
    }
    if header.place.get() != format::IN_A_FILE {
        return Err(Error::refused("this file holds a journal that belongs inside a volume")
            .advise("Leave --journal away: it is looked for on the volume"));
    }
    Ok(Some(header))
}

//! Copies of data to free clusters: made, and known again by their digests.
//!
//! A digest leaves out the sectors that any patch of the job touches: those change while the job runs, and are known by
//! their versions.

use std::ops::Range;

use super::record::{LoggedCopy, Record};
use crate::device::{ReadDevice, WriteDevice};
use crate::error::{Error, Result};
use crate::job::Monitor;
use crate::unit::{ByteLen, ByteOffset};

/// Bytes copied at once.
const AT_ONCE: u64 = 4 << 20;

/// Hashes the bytes from `at` on, but for the patched ranges.
struct Hasher<'a> {
    hasher: blake3::Hasher,
    patched: &'a [Range<u64>],
}

impl<'a> Hasher<'a> {
    fn new(patched: &'a [Range<u64>]) -> Self {
        Self { hasher: blake3::Hasher::new(), patched }
    }

    fn feed(&mut self, at: u64, bytes: &[u8]) {
        let end = at + bytes.len() as u64;
        let first = self.patched.partition_point(|range| range.end <= at);
        let mut from = at;
        for range in self.patched[first..].iter().take_while(|range| range.start < end) {
            let to = range.start.max(from);
            self.hasher.update(&bytes[(from - at) as usize..(to - at) as usize]);
            from = range.end.min(end);
        }
        self.hasher.update(&bytes[(from - at) as usize..]);
    }

    fn finish(self) -> [u8; 32] {
        *self.hasher.finalize().as_bytes()
    }
}

/// The pieces of a length: where each begins, and how long it is.
fn pieces(len: u64) -> impl Iterator<Item = (u64, usize)> {
    (0..len).step_by(AT_ONCE as usize).map(move |at| (at, (len - at).min(AT_ONCE) as usize))
}

/// Makes all copies, and notes their digests in the record. Nothing is flushed.
///
/// # Errors
/// When a byte cannot be read or written, or the job was cancelled.
pub(crate) fn make(record: &mut Record, volume: &dyn WriteDevice, monitor: &Monitor) -> Result<()> {
    let patched = record.patched_ranges();
    let mut buf = vec![0; AT_ONCE as usize];
    for logged in &mut record.copies {
        let (from, to) = (logged.copy.from.0, logged.copy.to.0);
        let (mut source, mut target) = (Hasher::new(&patched), Hasher::new(&patched));
        for (at, len) in pieces(logged.copy.len.0) {
            monitor.check()?;
            let buf = &mut buf[..len];
            volume.read_at(ByteOffset(from + at), buf)?;
            source.feed(from + at, buf);
            target.feed(to + at, buf);
            volume.write_at(ByteOffset(to + at), buf)?;
            monitor.advance(len as u64);
        }
        (logged.source, logged.target) = (source.finish(), target.finish());
    }
    Ok(())
}

/// Which side of a copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    /// Where the bytes came from.
    Source,
    /// Where they went.
    Target,
}

/// Reads one side of all copies and compares the digests; gives the first copy that differs.
///
/// # Errors
/// When a byte cannot be read, or the job was cancelled.
pub(crate) fn differing(
    record: &Record,
    volume: &dyn ReadDevice,
    side: Side,
    monitor: &Monitor,
) -> Result<Option<LoggedCopy>> {
    let patched = record.patched_ranges();
    let mut buf = vec![0; AT_ONCE as usize];
    for logged in &record.copies {
        let (start, digest) = match side {
            Side::Source => (logged.copy.from.0, logged.source),
            Side::Target => (logged.copy.to.0, logged.target),
        };
        let mut hasher = Hasher::new(&patched);
        for (at, len) in pieces(logged.copy.len.0) {
            monitor.check()?;
            let buf = &mut buf[..len];
            volume.read_at(ByteOffset(start + at), buf)?;
            hasher.feed(start + at, buf);
            monitor.advance(len as u64);
        }
        if hasher.finish() != digest {
            return Ok(Some(*logged));
        }
    }
    Ok(None)
}

/// What a copy that came back otherwise means, right after it was made.
pub(crate) fn unproven(logged: LoggedCopy) -> Error {
    Error::damaged(format!(
        "the medium does not keep what is written to it: {} copied to byte {} came back otherwise",
        ByteLen(logged.copy.len.0),
        logged.copy.to
    ))
    .advise("Use another medium: this one cannot be trusted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_leaves_out_what_is_patched_however_the_bytes_come() {
        let bytes: Vec<u8> = (0..=255).cycle().take(4096).collect();
        let patched = [100..200, 300..301, 1000..5000];
        let whole = {
            let mut hasher = Hasher::new(&patched);
            hasher.feed(50, &bytes);
            hasher.finish()
        };
        let mut expected = bytes[..50].to_vec();
        expected.extend_from_slice(&bytes[150..250]);
        expected.extend_from_slice(&bytes[251..950]);
        assert_eq!(whole, *blake3::hash(&expected).as_bytes());
        let mut hasher = Hasher::new(&patched);
        for (index, byte) in bytes.iter().enumerate() {
            hasher.feed(50 + index as u64, &[*byte]);
        }
        assert_eq!(hasher.finish(), whole);
    }
}

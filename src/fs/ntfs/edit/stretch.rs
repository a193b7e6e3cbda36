//! Where the bytes of a non-resident attribute lie, and how that is written down.
//!
//! Mapping pairs: a header byte (low half: bytes of the length; high half: bytes of the distance), the length in
//! clusters, and the signed distance from the start of the run before; a hole has no distance. A zero byte ends the
//! list. Each part of an attribute that is divided among records counts its distances from cluster 0 again.
//! Source: Linux-NTFS documentation, "Data runs".

use super::attribute::Value;
use crate::device::ReadDevice;
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::ntfs::boot::Boot;
use crate::fs::ntfs::runs::Run;
use crate::fs::{Overlay, Tag};
use crate::unit::ByteOffset;

/// A non-resident attribute's clusters and its three sizes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Stretch {
    /// Where the clusters lie, without gaps from cluster 0 of the attribute on.
    pub(super) runs: Vec<Run>,
    /// Bytes of all clusters, holes included.
    pub(super) allocated: u64,
    /// Length in bytes.
    pub(super) len: u64,
    /// Bytes that were written; what follows reads as zeros.
    pub(super) initialized: u64,
}

impl Stretch {
    /// A whole attribute that lies in these clusters, all of its `len` bytes written.
    pub(super) fn new(extents: &[Extent], len: u64, boot: &Boot) -> Self {
        let mut stretch = Self { len, initialized: len, ..Self::default() };
        stretch.append(extents, boot);
        stretch
    }

    /// As an attribute's value: what has no clusters is empty, and lies in its record.
    pub(super) fn into_value(self) -> Value {
        if self.runs.is_empty() { Value::Resident(Vec::new()) } else { Value::Stretch(self) }
    }

    /// The cluster of the attribute behind the last one.
    pub(super) fn end(&self) -> u64 {
        self.runs.last().map_or(0, Run::end)
    }

    /// More clusters behind the last one. A run that continues the last is one with it.
    pub(super) fn append(&mut self, extents: &[Extent], boot: &Boot) {
        for extent in extents {
            self.push(Some(extent.start.0), extent.clusters);
        }
        self.allocated = self.end().saturating_mul(u64::from(boot.cluster_bytes));
    }

    /// A run behind the last one.
    pub(super) fn push(&mut self, lcn: Option<u64>, clusters: u64) {
        let end = self.end();
        push(&mut self.runs, end, lcn, clusters);
    }

    /// The clusters on the volume, in the attribute's order; holes are left out.
    pub(super) fn extents(&self) -> Vec<Extent> {
        self.runs.iter().filter_map(|run| Some(Extent::new(run.lcn?, run.clusters))).collect()
    }

    /// True when a part of it is a hole.
    pub(super) fn has_holes(&self) -> bool {
        self.runs.iter().any(|run| run.lcn.is_none())
    }

    /// Checks what growing relies on: no holes, and lengths within clusters of which there are no more than the volume
    /// has. Else a damaged length would size what is written.
    ///
    /// # Errors
    /// When one of these is not so.
    pub(super) fn check_lengths(&self, boot: &Boot, what: &str) -> Result<()> {
        let covered = self.end().saturating_mul(u64::from(boot.cluster_bytes));
        let ordered = self.initialized <= self.len && self.len <= self.allocated && self.allocated <= covered;
        if self.has_holes() || self.end() > boot.clusters || !ordered {
            return Err(Error::damaged(format!("the lengths of {what} contradict its clusters")));
        }
        Ok(())
    }

    /// The pieces of the volume that hold `len` bytes from `at` on: where, and how many bytes.
    ///
    /// # Errors
    /// When they are not all there: past the last cluster, or in a hole.
    fn pieces(&self, boot: &Boot, at: u64, len: usize) -> Result<Vec<(ByteOffset, usize)>> {
        let size = u64::from(boot.cluster_bytes);
        let mut pieces = Vec::new();
        let mut done = 0usize;
        while done < len {
            let here = at.saturating_add(done as u64);
            let index = self.runs.partition_point(|run| run.end() <= here / size);
            let run = self.runs.get(index).and_then(|run| Some((run, run.lcn?)));
            let (run, lcn) = run.ok_or_else(|| Error::damaged(format!("byte {here} of metadata lies nowhere")))?;
            let inside = here - run.vcn * size;
            let rest = run.clusters.saturating_mul(size).saturating_sub(inside);
            let count = usize::try_from(rest).unwrap_or(usize::MAX).min(len - done);
            pieces.push((ByteOffset(boot.offset_of(lcn).0.saturating_add(inside)), count));
            done += count;
        }
        Ok(pieces)
    }

    /// Where a byte of it lies, for messages.
    pub(super) fn place_of(&self, boot: &Boot, at: u64) -> ByteOffset {
        self.pieces(boot, at, 1).ok().and_then(|pieces| pieces.first().map(|piece| piece.0)).unwrap_or(ByteOffset::ZERO)
    }

    /// Reads what lies in its clusters, whatever was initialised.
    ///
    /// # Errors
    /// When the device fails, or the bytes are not all there.
    pub(super) fn read(&self, overlay: &Overlay, boot: &Boot, at: u64, buf: &mut [u8]) -> Result<()> {
        let mut done = 0;
        for (place, count) in self.pieces(boot, at, buf.len())? {
            overlay.read_at(place, &mut buf[done..done + count])?;
            done += count;
        }
        Ok(())
    }

    /// Changes bytes within its clusters.
    ///
    /// # Errors
    /// Those of the overlay; when the bytes are not all there.
    pub(super) fn write(&self, overlay: &Overlay, boot: &Boot, at: u64, data: &[u8], tag: &Tag) -> Result<()> {
        let mut done = 0;
        for (place, count) in self.pieces(boot, at, data.len())? {
            overlay.write(place, &data[done..done + count], tag.clone())?;
            done += count;
        }
        Ok(())
    }
}

/// Adds a run, joined to the last one when it continues it.
pub(super) fn push(runs: &mut Vec<Run>, vcn: u64, lcn: Option<u64>, clusters: u64) {
    if clusters == 0 {
        return;
    }
    match runs.last_mut() {
        Some(last) if last.lcn.is_none() && lcn.is_none() => last.clusters += clusters,
        Some(last) if lcn.is_some() && last.lcn.map(|start| start + last.clusters) == lcn => last.clusters += clusters,
        _ => runs.push(Run { vcn, lcn, clusters }),
    }
}

/// The part of runs that covers the attribute's clusters `from..to`.
pub(super) fn slice(runs: &[Run], from: u64, to: u64) -> Vec<Run> {
    let first = runs.partition_point(|run| run.end() <= from);
    let mut part = Vec::new();
    for run in runs[first..].iter().take_while(|run| run.vcn < to) {
        let (start, end) = (run.vcn.max(from), run.end().min(to));
        push(&mut part, start, run.lcn.map(|lcn| lcn + (start - run.vcn)), end - start);
    }
    part
}

/// The mapping pairs of as many of `runs` as fit in `room` bytes with the mark of their end, and how many those are.
pub(super) fn encode(runs: &[Run], room: usize) -> (Vec<u8>, usize) {
    let mut pairs = Vec::new();
    let mut before = 0i64;
    let mut taken = 0;
    for run in runs {
        let mut pair = vec![0];
        let length = shortest(run.clusters as i64);
        pair.extend(&length);
        let mut header = length.len();
        if let Some(lcn) = run.lcn {
            let distance = shortest((lcn as i64).wrapping_sub(before));
            header |= distance.len() << 4;
            pair.extend(&distance);
        }
        pair[0] = header as u8;
        if pairs.len() + pair.len() + 1 > room {
            break;
        }
        pairs.extend(pair);
        before = run.lcn.map_or(before, |lcn| lcn as i64);
        taken += 1;
    }
    pairs.push(0);
    (pairs, taken)
}

/// A signed number in as few little-endian bytes as hold it and its sign, at least one.
fn shortest(value: i64) -> Vec<u8> {
    let bytes = value.to_le_bytes();
    let fits = |len: &usize| {
        let shift = 64 - 8 * *len as u32;
        (value << shift) >> shift == value
    };
    let len = (1..8).find(fits).unwrap_or(8);
    bytes[..len].to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fs::ntfs::runs::decode;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(list in prop::collection::vec((prop::option::of(0u64..1 << 40), 1u64..1 << 33), 0..40)) {
            let mut stretch = Stretch::default();
            for (lcn, clusters) in list {
                stretch.push(lcn, clusters);
            }
            let (pairs, taken) = encode(&stretch.runs, usize::MAX);
            prop_assert_eq!(taken, stretch.runs.len());
            prop_assert_eq!(decode(&pairs, 0, 1 << 50, ByteOffset(0)).unwrap(), stretch.runs);
        }

        #[test]
        fn divided_runs_are_the_same_runs(list in prop::collection::vec((prop::option::of(0u64..1 << 40), 1u64..100), 1..40), cut in 0u64..3000) {
            let mut stretch = Stretch::default();
            for (lcn, clusters) in list {
                stretch.push(lcn, clusters);
            }
            let cut = cut.min(stretch.end());
            let mut joined = Stretch::default();
            for run in slice(&stretch.runs, 0, cut).iter().chain(&slice(&stretch.runs, cut, u64::MAX)) {
                joined.push(run.lcn, run.clusters);
            }
            prop_assert_eq!(joined.runs, stretch.runs);
        }
    }

    #[test]
    fn numbers_keep_their_sign_in_the_fewest_bytes() {
        for (value, len) in [(0, 1), (127, 1), (128, 2), (-128, 1), (-129, 2), (i64::MAX, 8), (i64::MIN, 8)] {
            assert_eq!(shortest(value).len(), len, "{value}");
        }
    }

    #[test]
    fn no_more_runs_are_taken_than_fit() {
        let runs = [Run { vcn: 0, lcn: Some(5), clusters: 1 }, Run { vcn: 1, lcn: Some(9), clusters: 1 }];
        assert_eq!(encode(&runs, 4), (vec![0x11, 1, 5, 0], 1));
        assert_eq!(encode(&runs, 7).1, 2);
    }
}

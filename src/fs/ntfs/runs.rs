//! Mapping pairs: where the clusters of a non-resident attribute lie.
//!
//! Each pair is a header byte (low half: bytes of the length, high half: bytes of the offset), the length in
//! clusters, and the signed distance from the run before. No offset bytes at all means a hole; an offset of
//! zero in a first run is cluster 0, where `$Boot` really lies. A zero header ends the list.
//! Source: Linux-NTFS documentation, "Data runs".

use crate::error::{Error, Result};
use crate::unit::ByteOffset;

/// A run of an attribute's clusters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Run {
    /// The first cluster, counted from the attribute's start.
    pub(super) vcn: u64,
    /// The first cluster on the volume; `None` for a hole.
    pub(super) lcn: Option<u64>,
    /// How many clusters, at least one.
    pub(super) clusters: u64,
}

impl Run {
    /// The cluster of the attribute behind the run. Cannot overflow: [`decode`] has checked it.
    pub(super) fn end(&self) -> u64 {
        self.vcn.saturating_add(self.clusters)
    }
}

/// Decodes mapping pairs that begin at cluster `lowest` of the attribute, on a volume of `clusters` clusters.
/// `place` is where the attribute lies, for messages.
///
/// # Errors
/// When the list is cut off, a run is empty, or a run lies outside the volume.
pub(super) fn decode(pairs: &[u8], lowest: u64, clusters: u64, place: ByteOffset) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    let mut at = 0usize;
    let mut vcn = lowest;
    let mut lcn = 0i64;
    loop {
        let header = *pairs.get(at).ok_or_else(|| Error::corrupt(place, "the end of the runs", "none"))?;
        if header == 0 {
            return Ok(runs);
        }
        let (len_bytes, lcn_bytes) = (usize::from(header & 0x0F), usize::from(header >> 4));
        if len_bytes == 0 || len_bytes > 8 || lcn_bytes > 8 {
            return Err(Error::corrupt(place, "a run", format!("the header 0x{header:02x}")));
        }
        let body = pairs
            .get(at + 1..at + 1 + len_bytes + lcn_bytes)
            .ok_or_else(|| Error::corrupt(place, "a whole run", "one that is cut off"))?;
        let count = signed(&body[..len_bytes]);
        let end = u64::try_from(count).ok().filter(|n| *n > 0).and_then(|n| vcn.checked_add(n));
        // Clusters of an attribute are numbered with 63 bits, so that byte positions of sparse files stay signed.
        let Some(end) = end.filter(|end| *end <= i64::MAX as u64 / 512) else {
            return Err(Error::corrupt(place, "the length of a run", count));
        };
        let length = end - vcn;
        let start = if lcn_bytes == 0 {
            None
        } else {
            lcn = lcn
                .checked_add(signed(&body[len_bytes..]))
                .ok_or_else(|| Error::corrupt(place, "a cluster", "an overflow"))?;
            let start = u64::try_from(lcn).ok();
            let inside = start.and_then(|s| s.checked_add(length)).is_some_and(|end| end <= clusters);
            if !inside {
                return Err(Error::corrupt(
                    place,
                    format!("a run within {clusters} clusters"),
                    format!("{length} from cluster {lcn} on"),
                ));
            }
            start
        };
        runs.push(Run { vcn, lcn: start, clusters: length });
        vcn = end;
        at += 1 + len_bytes + lcn_bytes;
    }
}

/// A signed little-endian number of one to eight bytes.
fn signed(bytes: &[u8]) -> i64 {
    let fill = if bytes.last().is_some_and(|top| top & 0x80 != 0) { 0xFF } else { 0 };
    let mut wide = [fill; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(wide)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn runs_go_forward_backward_and_over_holes() {
        let pairs = [0x21, 0x18, 0x34, 0x56, 0x01, 0x10, 0x11, 0x05, 0xE0, 0];
        let runs = decode(&pairs, 0, 1 << 20, ByteOffset(0)).unwrap();
        assert_eq!(
            runs,
            [
                Run { vcn: 0, lcn: Some(0x5634), clusters: 0x18 },
                Run { vcn: 0x18, lcn: None, clusters: 0x10 },
                Run { vcn: 0x28, lcn: Some(0x5614), clusters: 5 },
            ]
        );
    }

    #[test]
    fn cluster_zero_is_real_and_not_a_hole() {
        assert_eq!(decode(&[0x11, 2, 0, 0], 0, 100, ByteOffset(0)).unwrap()[0].lcn, Some(0));
    }

    #[test]
    fn a_run_outside_the_volume_or_without_clusters_is_corrupt() {
        for pairs in
            [&[0x11, 2, 99, 0][..], &[0x11, 2, 0xFF, 0], &[0x11, 0, 1, 0], &[0x11, 0x80, 1, 0], &[0x11, 2], &[0x19, 0]]
        {
            assert!(decode(pairs, 0, 100, ByteOffset(0)).is_err(), "{pairs:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_runs_within_the_volume_or_an_error(pairs in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(runs) = decode(&pairs, 0, 1000, ByteOffset(0)) {
                prop_assert!(runs.iter().all(|run| run.lcn.is_none_or(|lcn| lcn + run.clusters <= 1000)));
            }
        }
    }
}

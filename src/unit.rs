//! Quantities that must not be mixed up: byte offsets, byte lengths, sectors and clusters.
//!
//! Checked conversions between them live only here. Arithmetic that could overflow returns `None`
//! or an error, because every number on a damaged disk is hostile.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// Nothing, or the very beginning.
            pub const ZERO: Self = Self(0);

            /// The bare number, for formats and arithmetic at the edges.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }
        }
    };
}

quantity! {
    /// A place in a device, in bytes from its start.
    ByteOffset
}
quantity! {
    /// A length in bytes.
    ByteLen
}
quantity! {
    /// A logical sector's number, counted from the start of a disk.
    Lba
}
quantity! {
    /// A cluster's number, counted **from the start of the volume** (not from FAT's data region).
    Cluster
}

impl ByteOffset {
    /// `self + len`, or `None` past 2^64.
    #[must_use]
    pub fn checked_add(self, len: ByteLen) -> Option<Self> {
        self.0.checked_add(len.0).map(Self)
    }
}

impl ByteLen {
    /// The length of a buffer.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(bytes.len() as u64)
    }

    /// As a buffer size, when it fits the address space.
    #[must_use]
    pub fn to_usize(self) -> Option<usize> {
        usize::try_from(self.0).ok()
    }
}

impl Lba {
    /// The byte at which this sector begins.
    #[must_use]
    pub fn to_bytes(self, sector_bytes: u32) -> Option<ByteOffset> {
        self.0.checked_mul(u64::from(sector_bytes)).map(ByteOffset)
    }
}

impl fmt::Display for ByteLen {
    /// Binary units with one decimal: `512 B`, `1.5 KiB`, `40.0 GiB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let mut unit = 0;
        let mut whole = self.0;
        let mut rest = 0;
        while whole >= 1024 && unit + 1 < UNITS.len() {
            rest = whole % 1024;
            whole /= 1024;
            unit += 1;
        }
        if unit == 0 { write!(f, "{whole} B") } else { write!(f, "{whole}.{} {}", rest * 10 / 1024, UNITS[unit]) }
    }
}

impl fmt::Display for ByteOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.0)
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A volume cut into equal clusters from its first byte to its last.
///
/// The cluster is the file system's own allocation unit where its clusters lie on such a grid (NTFS,
/// ext), and otherwise the largest power of two on which all its parts lie (FAT's data region need
/// not begin on a multiple of its cluster size; an NTFS backup boot sector may lie in a part of a
/// cluster behind the last one). So every byte of a volume belongs to exactly one cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grid {
    /// Bytes in a cluster: a power of two, at least 512 and at most 2 MiB.
    pub cluster_bytes: u32,
    /// How many clusters the volume has.
    pub clusters: u64,
}

impl Grid {
    /// The smallest cluster an image may have: the smallest sector there is.
    pub const MIN_CLUSTER_BYTES: u32 = 512;
    /// The largest cluster an image may have: the largest NTFS allocates.
    pub const MAX_CLUSTER_BYTES: u32 = 2 << 20;

    /// The grid of a volume of `len` bytes whose parts all begin at multiples of some power of two:
    /// the largest power of two, at most `wanted`, that divides `len` and every one of `edges`.
    ///
    /// `None` when that is under 512 bytes, when `wanted` is not a power of two or when `len` is 0.
    #[must_use]
    pub fn fit(len: ByteLen, wanted: u32, edges: &[ByteOffset]) -> Option<Self> {
        if !wanted.is_power_of_two() || len.0 == 0 {
            return None;
        }
        let combined = edges.iter().fold(len.0, |bits, edge| bits | edge.0);
        let cap = wanted.min(Self::MAX_CLUSTER_BYTES);
        let cluster_bytes = u32::try_from((1u64 << combined.trailing_zeros().min(31)).min(u64::from(cap))).ok()?;
        (cluster_bytes >= Self::MIN_CLUSTER_BYTES)
            .then(|| Self { cluster_bytes, clusters: len.0 / u64::from(cluster_bytes) })
    }

    /// The whole volume's length. Saturates: a grid made from a hostile header may be absurd.
    #[must_use]
    pub fn len(self) -> ByteLen {
        ByteLen(self.clusters.saturating_mul(u64::from(self.cluster_bytes)))
    }

    /// Where a cluster begins.
    #[must_use]
    pub fn offset_of(self, cluster: Cluster) -> ByteOffset {
        ByteOffset(cluster.0.saturating_mul(u64::from(self.cluster_bytes)))
    }

    /// The cluster that holds the byte at `offset`.
    #[must_use]
    pub fn cluster_at(self, offset: ByteOffset) -> Cluster {
        Cluster(offset.0 / u64::from(self.cluster_bytes))
    }

    /// The clusters that bytes lie in, wholly or in part.
    #[must_use]
    pub fn clusters_of(self, offset: ByteOffset, len: ByteLen) -> Range<u64> {
        let first = self.cluster_at(offset).0;
        let end = offset.0.saturating_add(len.0).div_ceil(u64::from(self.cluster_bytes));
        first..end.max(first)
    }

    /// How many bytes so many clusters are.
    #[must_use]
    pub fn bytes_of(self, clusters: u64) -> ByteLen {
        ByteLen(clusters.saturating_mul(u64::from(self.cluster_bytes)))
    }

    /// True for a grid without clusters.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.clusters == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_shown_in_binary_units() {
        assert_eq!(ByteLen(0).to_string(), "0 B");
        assert_eq!(ByteLen(1023).to_string(), "1023 B");
        assert_eq!(ByteLen(1536).to_string(), "1.5 KiB");
        assert_eq!(ByteLen(u64::MAX).to_string(), "15.9 EiB");
    }

    #[test]
    fn a_grid_takes_the_largest_cluster_that_divides_every_edge() {
        let grid = Grid::fit(ByteLen(1 << 20), 4096, &[]).unwrap();
        assert_eq!(grid, Grid { cluster_bytes: 4096, clusters: 256 });
        let odd = Grid::fit(ByteLen((1 << 20) + 512), 4096, &[]).unwrap();
        assert_eq!(odd.cluster_bytes, 512);
        let edge = Grid::fit(ByteLen(1 << 20), 4096, &[ByteOffset(3 * 1024)]).unwrap();
        assert_eq!(edge.cluster_bytes, 1024);
        assert!(Grid::fit(ByteLen(1000), 4096, &[]).is_none());
        assert!(Grid::fit(ByteLen(0), 4096, &[]).is_none());
    }
}

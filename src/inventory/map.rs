//! A volume's clusters as a picture: what each place of it holds, in so few numbers that a volume of any size is drawn
//! in a moment.

use std::sync::Arc;

use crate::extent::{Extent, ExtentSet};

/// What a cluster is, as shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum ClusterState {
    /// Nobody's.
    Free,
    /// A file's, a directory's, or the file system's own.
    Used,
    /// The container's: images and their tables of contents.
    Image,
    /// Marked as failing.
    Bad,
    /// In use, and to be moved elsewhere by the plan that is shown.
    Moving,
}

impl ClusterState {
    /// All of them, in the order of [`VolumeMap::counts`].
    pub const ALL: [Self; 5] = [Self::Free, Self::Used, Self::Image, Self::Bad, Self::Moving];
}

/// How many clusters of each state; in the order of [`ClusterState::ALL`].
pub type Counts = [u64; ClusterState::ALL.len()];

/// Places that a map tells apart. A screen of 240 × 80 has fewer cells.
const BUCKETS: u64 = 1 << 15;

/// The map of a volume.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VolumeMap {
    /// Clusters of the volume, on its grid.
    pub clusters: u64,
    /// Bytes of one.
    pub cluster_bytes: u32,
    /// All clusters by state.
    pub counts: Counts,
    /// The same of each of equally long stretches.
    buckets: Arc<[Counts]>,
}

impl VolumeMap {
    /// The map of a volume of which `layers` tell what is not free. Where two layers tell of one cluster, the later
    /// one counts.
    #[must_use]
    pub fn new(clusters: u64, cluster_bytes: u32, layers: &[(ClusterState, &ExtentSet)]) -> Self {
        let len = clusters.min(BUCKETS);
        let mut buckets = vec![Counts::default(); usize::try_from(len).unwrap_or(0)];
        for (index, bucket) in buckets.iter_mut().enumerate() {
            bucket[0] = edge(clusters, len, index as u64 + 1) - edge(clusters, len, index as u64);
        }
        let mut below = ExtentSet::new();
        let mut told: Vec<(ClusterState, &ExtentSet)> = layers.to_vec();
        told.reverse();
        for (state, set) in told {
            for run in set.intersect(&below.complement(clusters)).runs() {
                add(&mut buckets, clusters, state, *run);
            }
            below = below.union(set);
        }
        let mut counts = Counts::default();
        for bucket in &buckets {
            counts.iter_mut().zip(bucket).for_each(|(sum, count)| *sum += count);
        }
        Self { clusters, cluster_bytes, counts, buckets: buckets.into() }
    }

    /// The map in `cells` equally long stretches, from the first cluster to the last. There are never more cells than
    /// clusters.
    #[must_use]
    pub fn cells(&self, cells: usize) -> Vec<Counts> {
        let have = self.buckets.len();
        let cells = cells.min(have);
        let cell = |index: usize| {
            let mut sum = Counts::default();
            for bucket in &self.buckets[have * index / cells..have * (index + 1) / cells] {
                sum.iter_mut().zip(bucket).for_each(|(sum, count)| *sum += count);
            }
            sum
        };
        (0..cells).map(cell).collect()
    }
}

/// Where stretch `index` of `len` begins.
fn edge(clusters: u64, len: u64, index: u64) -> u64 {
    let at = u128::from(clusters) * u128::from(index) / u128::from(len.max(1));
    u64::try_from(at).unwrap_or(clusters)
}

/// The stretch that a cluster lies in.
fn stretch(clusters: u64, len: u64, cluster: u64) -> u64 {
    let at = u128::from(cluster) * u128::from(len) / u128::from(clusters.max(1));
    let mut at = u64::try_from(at).unwrap_or(0).min(len.saturating_sub(1));
    while at + 1 < len && edge(clusters, len, at + 1) <= cluster {
        at += 1;
    }
    at
}

/// Turns a run from free into `state`.
fn add(buckets: &mut [Counts], clusters: u64, state: ClusterState, run: Extent) {
    let len = buckets.len() as u64;
    let (mut at, end) = (run.start.0, run.end().min(clusters));
    while at < end {
        let index = stretch(clusters, len, at);
        let next = edge(clusters, len, index + 1).min(end);
        let bucket = &mut buckets[usize::try_from(index).unwrap_or(0)];
        bucket[0] -= next - at;
        bucket[state as usize] += next - at;
        at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(runs: &[(u64, u64)]) -> ExtentSet {
        runs.iter().map(|(start, len)| Extent::new(*start, *len)).collect()
    }

    #[test]
    fn every_cluster_is_counted_once_whatever_the_size() {
        for clusters in [1, 7, 1000, BUCKETS, BUCKETS + 1, 3 * BUCKETS + 17, 1 << 40] {
            let used = set(&[(0, clusters / 2 + 1)]);
            let image = set(&[(clusters / 2, clusters - clusters / 2)]);
            let map = VolumeMap::new(clusters, 4096, &[(ClusterState::Used, &used), (ClusterState::Image, &image)]);
            assert_eq!(map.counts, [0, clusters / 2, clusters - clusters / 2, 0, 0], "{clusters}");
            for cells in [1, 2, 13, 1000, 100_000] {
                let cells = map.cells(cells);
                let sum: u64 = cells.iter().flatten().sum();
                assert_eq!(sum, clusters, "{clusters} in {} cells", cells.len());
            }
        }
    }

    #[test]
    fn a_cell_tells_what_lies_in_its_stretch() {
        let bad = set(&[(99, 1)]);
        let map = VolumeMap::new(100, 512, &[(ClusterState::Bad, &bad)]);
        let cells = map.cells(10);
        assert_eq!(cells.len(), 10);
        assert_eq!(cells[9], [9, 0, 0, 1, 0]);
        assert!(cells[..9].iter().all(|cell| *cell == [10, 0, 0, 0, 0]));
    }

    #[test]
    fn a_volume_without_clusters_has_no_cells() {
        assert!(VolumeMap::new(0, 512, &[]).cells(10).is_empty());
    }
}

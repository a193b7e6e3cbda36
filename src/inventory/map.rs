//! A volume's clusters as a picture: what each place of it holds, in so few numbers that a volume of any size is drawn
//! in a moment.

mod read;

use std::sync::Arc;

use crate::extent::{ClusterMap, ExtentSet};

pub use read::{map_of, map_of_image, places, volume_map};

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
        let layer = |(state, set): &(ClusterState, &ExtentSet)| (*state, bits_of(clusters, set));
        Self::paint(clusters, cluster_bytes, layers.iter().map(layer).collect())
    }

    /// The same from maps of one volume, however fragmented: only their bits are counted, once. Without layers there
    /// is no map.
    #[must_use]
    pub fn of(cluster_bytes: u32, layers: Vec<(ClusterState, ClusterMap)>) -> Self {
        let clusters = layers.first().map_or(0, |(_, map)| map.clusters());
        Self::paint(clusters, cluster_bytes, layers)
    }

    fn paint(clusters: u64, cluster_bytes: u32, mut layers: Vec<(ClusterState, ClusterMap)>) -> Self {
        for above in 1..layers.len() {
            let (below, rest) = layers.split_at_mut(above);
            for run in rest[0].1.runs() {
                below.iter_mut().for_each(|(_, map)| map.set(run, false));
            }
        }
        let len = clusters.min(BUCKETS);
        let edges: Vec<u64> = (0..=len).map(|index| edge(clusters, len, index)).collect();
        let mut buckets: Vec<Counts> = edges.windows(2).map(|pair| [pair[1] - pair[0], 0, 0, 0, 0]).collect();
        for (state, map) in layers {
            for (bucket, count) in buckets.iter_mut().zip(map.count_between(&edges)) {
                bucket[0] -= count;
                bucket[state as usize] += count;
            }
        }
        let mut counts = Counts::default();
        for bucket in &buckets {
            counts.iter_mut().zip(bucket).for_each(|(sum, count)| *sum += count);
        }
        Self { clusters, cluster_bytes, counts, buckets: buckets.into() }
    }

    /// What the clusters before this one are. A map tells a limited number of places apart: the stretch that the cluster
    /// lies in counts as a whole to what comes after.
    #[must_use]
    pub fn counts_before(&self, cluster: u64) -> Counts {
        let mut sum = Counts::default();
        let mut end = 0;
        for bucket in self.buckets.iter() {
            end += bucket.iter().sum::<u64>();
            if end > cluster {
                break;
            }
            sum.iter_mut().zip(bucket).for_each(|(sum, count)| *sum += count);
        }
        sum
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

/// A set as a map.
fn bits_of(clusters: u64, set: &ExtentSet) -> ClusterMap {
    let mut map = ClusterMap::new(clusters);
    set.runs().iter().for_each(|run| map.set(*run, true));
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extent::Extent;

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
    fn what_lies_before_a_cluster_is_counted() {
        let used = set(&[(10, 30)]);
        let map = VolumeMap::new(100, 512, &[(ClusterState::Used, &used)]);
        assert_eq!(map.counts_before(0), [0; 5]);
        assert_eq!(map.counts_before(20), [10, 10, 0, 0, 0]);
        assert_eq!(map.counts_before(u64::MAX), map.counts);
    }

    #[test]
    fn a_volume_without_clusters_has_no_cells() {
        assert!(VolumeMap::new(0, 512, &[]).cells(10).is_empty());
    }
}

//! Runs of clusters, sets of runs, and the map of a whole volume's used clusters. Pure.

mod map;
mod set;

pub use map::{ClusterMap, RunIter};
pub use set::ExtentSet;

use serde::{Deserialize, Serialize};

use crate::unit::Cluster;

/// A run of clusters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct Extent {
    /// The first cluster.
    pub start: Cluster,
    /// How many clusters.
    pub clusters: u64,
}

impl Extent {
    /// A run of `clusters` clusters from `start` on.
    #[must_use]
    pub const fn new(start: u64, clusters: u64) -> Self {
        Self { start: Cluster(start), clusters }
    }

    /// The cluster after the last one. Saturates, so a hostile extent ends at the end of numbers.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.start.0.saturating_add(self.clusters)
    }

    /// What both have, if anything.
    #[must_use]
    pub fn intersect(self, other: Self) -> Option<Self> {
        let start = self.start.0.max(other.start.0);
        let end = self.end().min(other.end());
        (start < end).then(|| Self::new(start, end - start))
    }
}

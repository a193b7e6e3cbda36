//! A set of clusters as sorted, disjoint, non-touching runs: for what is small or already in runs
//! (a file's extents, bad sectors, what a plan moves). A volume's used clusters are a
//! [`ClusterMap`](super::ClusterMap), which stays small however fragmented the volume is.

use serde::{Deserialize, Serialize};

use super::Extent;
use crate::unit::Cluster;

/// Sorted, disjoint runs of clusters; touching runs are merged.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Extent>", into = "Vec<Extent>")]
pub struct ExtentSet {
    runs: Vec<Extent>,
}

impl ExtentSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The runs, sorted by start.
    #[must_use]
    pub fn runs(&self) -> &[Extent] {
        &self.runs
    }

    /// True without clusters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many clusters in all.
    #[must_use]
    pub fn clusters(&self) -> u64 {
        self.runs.iter().fold(0, |sum, run| sum.saturating_add(run.clusters))
    }

    /// Adds a run; what is there already stays there once.
    pub fn insert(&mut self, run: Extent) {
        if run.clusters == 0 {
            return;
        }
        // The first run that could touch the new one, and the first that cannot any more.
        let from = self.runs.partition_point(|have| have.end() < run.start.0);
        let to = self.runs.partition_point(|have| have.start.0 <= run.end());
        let mut start = run.start.0;
        let mut end = run.end();
        if from < to {
            start = start.min(self.runs[from].start.0);
            end = end.max(self.runs[to - 1].end());
        }
        self.runs.splice(from..to, [Extent::new(start, end - start)]);
    }

    /// True when the cluster is in the set.
    #[must_use]
    pub fn contains(&self, cluster: Cluster) -> bool {
        let at = self.runs.partition_point(|have| have.end() <= cluster.0);
        self.runs.get(at).is_some_and(|have| have.start <= cluster)
    }

    /// What both sets have.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let mut both = Vec::new();
        let (mut left, mut right) = (0, 0);
        while let (Some(a), Some(b)) = (self.runs.get(left), other.runs.get(right)) {
            both.extend(a.intersect(*b));
            if a.end() <= b.end() {
                left += 1;
            } else {
                right += 1;
            }
        }
        Self { runs: both }
    }

    /// The parts of `run` that are in the set, in order.
    pub fn parts_of(&self, run: Extent) -> impl Iterator<Item = Extent> {
        let first = self.runs.partition_point(|have| have.end() <= run.start.0);
        self.runs[first..].iter().map_while(move |have| have.intersect(run))
    }

    /// The clusters of `0..clusters` that are not in the set.
    #[must_use]
    pub fn complement(&self, clusters: u64) -> Self {
        let mut gaps = Vec::new();
        let mut at = 0;
        for run in &self.runs {
            let start = run.start.0.min(clusters);
            if at < start {
                gaps.push(Extent::new(at, start - at));
            }
            at = at.max(run.end());
        }
        if at < clusters {
            gaps.push(Extent::new(at, clusters - at));
        }
        Self { runs: gaps }
    }

    /// The part of the set below cluster `clusters`.
    #[must_use]
    pub fn clip(&self, clusters: u64) -> Self {
        let bounds = Extent::new(0, clusters);
        Self { runs: self.runs.iter().filter_map(|run| run.intersect(bounds)).collect() }
    }

    /// What either set has.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.runs.iter().chain(&other.runs).copied().collect()
    }
}

impl From<Vec<Extent>> for ExtentSet {
    fn from(runs: Vec<Extent>) -> Self {
        runs.into_iter().collect()
    }
}

impl From<ExtentSet> for Vec<Extent> {
    fn from(set: ExtentSet) -> Self {
        set.runs
    }
}

impl FromIterator<Extent> for ExtentSet {
    fn from_iter<I: IntoIterator<Item = Extent>>(runs: I) -> Self {
        let mut sorted: Vec<Extent> = runs.into_iter().filter(|run| run.clusters > 0).collect();
        sorted.sort_by_key(|run| run.start);
        let mut merged: Vec<Extent> = Vec::with_capacity(sorted.len());
        for run in sorted {
            match merged.last_mut() {
                Some(last) if run.start.0 <= last.end() => {
                    *last = Extent::new(last.start.0, last.end().max(run.end()) - last.start.0);
                }
                _ => merged.push(run),
            }
        }
        Self { runs: merged }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bits(set: &ExtentSet, len: u64) -> Vec<bool> {
        (0..len).map(|at| set.contains(Cluster(at))).collect()
    }

    proptest! {
        #[test]
        fn sets_behave_like_bits(
            a in prop::collection::vec((0u64..60, 0u64..9), 0..12),
            b in prop::collection::vec((0u64..60, 0u64..9), 0..12),
        ) {
            let make = |runs: &[(u64, u64)]| runs.iter().map(|&(s, n)| Extent::new(s, n)).collect::<ExtentSet>();
            let (left, right) = (make(&a), make(&b));
            let mut grown = ExtentSet::new();
            for &(s, n) in &a {
                grown.insert(Extent::new(s, n));
            }
            prop_assert_eq!(&grown, &left);
            let (x, y) = (bits(&left, 80), bits(&right, 80));
            let either: Vec<bool> = x.iter().zip(&y).map(|(p, q)| *p || *q).collect();
            let both: Vec<bool> = x.iter().zip(&y).map(|(p, q)| *p && *q).collect();
            let none: Vec<bool> = x.iter().map(|p| !p).collect();
            prop_assert_eq!(bits(&left.union(&right), 80), either);
            prop_assert_eq!(bits(&left.intersect(&right), 80), both);
            prop_assert_eq!(bits(&left.complement(80), 80), none);
            for run in right.runs() {
                let only = ExtentSet::from(vec![*run]);
                prop_assert_eq!(left.parts_of(*run).collect::<ExtentSet>(), left.intersect(&only));
            }
            prop_assert!(left.runs().windows(2).all(|pair| pair[0].end() < pair[1].start.0));
        }
    }
}

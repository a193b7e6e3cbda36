//! Where something new goes: the highest run in which nothing lies that cannot move, and where what lies there goes.

use super::site::Site;
use crate::extent::{ClusterMap, Extent, ExtentSet};

/// The highest run of `units` units in which nothing fixed lies, below cluster `below`.
pub(super) fn window(site: &Site, fixed: &ClusterMap, units: u64, below: u64) -> Option<Extent> {
    let (whole, per_unit) = (site.whole(), site.units.clusters);
    let clusters = units.checked_mul(per_unit)?;
    let mut best = None;
    let mut at = whole.start.0;
    let end = whole.end().min(below);
    let ends = fixed.runs_in(whole.start.0..end).chain([Extent::new(end, 0)]);
    for run in ends {
        // Units count from the origin, so a gap is cut at units' borders.
        let first = (at - whole.start.0).div_ceil(per_unit);
        let last = (run.start.0 - whole.start.0) / per_unit;
        if last >= first + units && clusters > 0 {
            best = Some(Extent::new(whole.start.0 + (last - units) * per_unit, clusters));
        }
        at = run.end();
    }
    best
}

/// What of a window is used: what must move.
pub(super) fn used_in(site: &Site, window: Extent) -> ExtentSet {
    site.used.runs_in(window.start.0..window.end()).collect()
}

/// Free clusters outside `kept`, enough for `clusters`: in one run, the lowest that is long enough; else from as few
/// runs as there are, in order.
pub(super) fn targets(site: &Site, kept: &ExtentSet, clusters: u64) -> Option<Vec<Extent>> {
    let free: ExtentSet = site.free_runs().into_iter().collect();
    let free = free.intersect(&kept.complement(site.grid.clusters));
    if let Some(run) = free.runs().iter().find(|run| run.clusters >= clusters) {
        return Some(vec![Extent::new(run.start.0, clusters)]);
    }
    let mut longest: Vec<Extent> = free.runs().to_vec();
    longest.sort_by_key(|run| std::cmp::Reverse(run.clusters));
    let mut chosen = Vec::new();
    let mut missing = clusters;
    for run in longest {
        if missing == 0 {
            break;
        }
        let taken = run.clusters.min(missing);
        chosen.push(Extent::new(run.start.0, taken));
        missing -= taken;
    }
    chosen.sort_by_key(|run| run.start);
    (missing == 0).then_some(chosen)
}

/// The highest free pieces outside `kept` that hold `units` units together, each of at least `least` units and a
/// multiple of it; in ascending order.
pub(super) fn pieces(site: &Site, kept: &ExtentSet, units: u64, least: u64) -> Option<Vec<Extent>> {
    let per_unit = site.units.clusters;
    let free: ExtentSet = site.free_runs().into_iter().collect();
    let free = free.intersect(&kept.complement(site.grid.clusters));
    let mut chosen = Vec::new();
    let mut missing = units.next_multiple_of(least);
    for run in free.runs().iter().rev() {
        let taken = (run.clusters / per_unit / least * least).min(missing);
        if taken > 0 {
            chosen.push(Extent::new(run.end() - taken * per_unit, taken * per_unit));
            missing -= taken;
        }
    }
    chosen.reverse();
    (missing == 0).then_some(chosen)
}

//! What a plan makes of a disk and of a volume, as pictures: the disk's layout and the volume's map, before and after.
//!
//! They are worked out by reading alone, and for the eye alone: a plan without them is as good a plan.

mod layouts;
mod maps;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Monitor;
use crate::error::Result;
use crate::inventory::{ClusterState, Disk, Layout, Place, VolumeMap};
use crate::plan::{Plan, Work};

/// What a plan makes of a disk and a volume, as far as it can be told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pictures {
    /// The disk whose volume, images or table are written to, before and after.
    pub layout: Option<(Layout, Layout)>,
    /// Where on that disk the plan's volume begins.
    pub chosen: Option<u64>,
    /// The volume as it is. Of a backup to a file: what will be copied of it.
    pub map_before: Option<VolumeMap>,
    /// The volume as it will be.
    pub map_after: Option<VolumeMap>,
}

/// Makes the pictures of a plan. Reads only, and never fails: what cannot be told is left out. Once `monitor` is
/// cancelled it ends soon.
///
/// `known` are disks as a look has found them, and as nothing has changed them since. The plan's disk is looked at when
/// it is none of them: that searches it for images, and takes seconds on a slow disk.
#[must_use]
pub fn pictures(plan: &Plan, known: &[Disk], monitor: &Monitor) -> Pictures {
    let (map_before, map_after) = maps::maps(&plan.work, monitor);
    let layout = layout(&plan.work, map_after.as_ref(), known, monitor);
    Pictures { layout, chosen: place(&plan.work).map(|place| place.start.0), map_before, map_after }
}

/// Only the disk's layout before and after, as in [`Pictures::layout`].
#[must_use]
pub fn layouts(plan: &Plan, known: &[Disk], monitor: &Monitor) -> Option<(Layout, Layout)> {
    let is_inside = matches!(plan.work, Work::Inside(_));
    let map_after = is_inside.then(|| maps::maps(&plan.work, monitor).1).flatten();
    layout(&plan.work, map_after.as_ref(), known, monitor)
}

fn layout(work: &Work, map_after: Option<&VolumeMap>, known: &[Disk], monitor: &Monitor) -> Option<(Layout, Layout)> {
    // What becomes of the images inside, the map after shows best.
    let inside = map_after.filter(|_| matches!(work, Work::Inside(_)));
    let has_images = inside.map(|map| map.counts[ClusterState::Image as usize] > 0);
    monitor.check().ok().and_then(|()| layouts::layouts(work, has_images, known))
}

/// Where the volume lies that a plan is about.
fn place(work: &Work) -> Option<&Place> {
    Some(match work {
        Work::Backup(work) => &work.survey.place,
        Work::Restore(work) => &work.survey.place,
        Work::RestoreInPlace(work) => &work.survey.restore.place,
        Work::Change(work) => &work.survey.place,
        Work::Resume(work) => &work.survey.place,
        Work::Inside(work) => &work.survey.place,
        Work::Aid(work) => &work.survey.place,
    })
}

/// The outcome, when there is one. A parser that panics tells as little as one that fails.
fn told<T>(look: impl FnOnce() -> Result<T>) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(look)) {
        Ok(Ok(told)) => Some(told),
        Ok(Err(error)) => {
            tracing::debug!("a picture is missing: {error}");
            None
        }
        Err(_) => {
            tracing::debug!("a picture is missing: making it panicked");
            None
        }
    }
}

//! The maps of a plan's volume, before and after.

use std::sync::Arc;

use super::super::in_place::moves;
use super::super::{Devices, Machine, Monitor};
use super::told;
use crate::device::SharedDevice;
use crate::error::Result;
use crate::extent::ClusterMap;
use crate::fs::{ByteRange, Change, Overlay, Tag};
use crate::image::Image;
use crate::image::container::Toc;
use crate::inventory::{self, ClusterState, Place, VolumeMap, map_of, map_of_image};
use crate::plan::{BackupWork, ImageSource, ImagesInside, InPlaceWork, InsideWork, RestoreWork, Work};
use crate::unit::Grid;

/// Before, and after.
type Pair = (Option<VolumeMap>, Option<VolumeMap>);

pub(super) fn maps(work: &Work, monitor: &Monitor) -> Pair {
    match work {
        Work::Backup(work) => (Some(copied(work)), None),
        Work::Restore(work) => restored(work, monitor),
        Work::RestoreInPlace(work) => in_place(work, monitor),
        Work::Inside(work) => inside(work, monitor),
        Work::Change(work) => changed(&work.survey.place, work.survey.changes.iter(), &[], monitor),
        Work::Resume(work) => (told(|| map_of(&open(&work.survey.place)?, &[], monitor)), None),
        Work::Aid(_) => (None, None),
    }
}

fn open(place: &Place) -> Result<SharedDevice> {
    Machine.source(place)
}

/// What a backup copies.
fn copied(work: &BackupWork) -> VolumeMap {
    let survey = &work.survey;
    VolumeMap::of(survey.grid.cluster_bytes, vec![(ClusterState::Used, ClusterMap::clone(&survey.used))])
}

/// The place as it is, and the image's clusters in it.
fn restored(work: &RestoreWork, monitor: &Monitor) -> Pair {
    let before = told(|| map_of(&open(&work.survey.place)?, &[], monitor));
    let after = match &work.request.image {
        ImageSource::File(path) => told(|| map_of_image(&Image::open(path)?)),
        ImageSource::Inside(address) => told(|| map_of_image(&inventory::open_image(address, monitor)?.1)),
        // What comes through a pipe is not known before it has come.
        ImageSource::Pipe => None,
    };
    (before, after)
}

/// The images stay where they are, or are moved; all else is as in the image.
fn in_place(work: &InPlaceWork, monitor: &Monitor) -> Pair {
    let survey = &work.survey;
    let (header, place) = (&survey.restore.header, &survey.restore.place);
    let moving: Vec<ByteRange> = survey.moved.iter().map(|part| part.from).collect();
    let before = told(|| map_of(&open(place)?, &moving, monitor))
        .or_else(|| lost(&survey.today, header.grid, &survey.restore.place));
    let after = told(|| {
        let image = moves::open_image(&work.request.image, header.image_id, &open(place)?, &survey.today)?;
        let (mut used, _) = image.map_of_damaged()?;
        survey.more.runs().iter().for_each(|run| used.set(*run, true));
        let mut layers = vec![(ClusterState::Used, used)];
        if work.request.images == ImagesInside::Keep {
            layers.push((ClusterState::Image, inventory::places(&survey.toc, header.grid)));
        }
        Ok(VolumeMap::of(header.grid.cluster_bytes, layers))
    });
    (before, after)
}

/// A volume that cannot be read: where its images lie is all that is known.
fn lost(toc: &Toc, grid: Grid, place: &Place) -> Option<VolumeMap> {
    let layer = || vec![(ClusterState::Image, inventory::places(toc, grid))];
    (grid.len().0 <= place.len.0).then(|| VolumeMap::of(grid.cluster_bytes, layer()))
}

/// What makes room moves first; the last change makes the image's clusters files.
fn inside(work: &InsideWork, monitor: &Monitor) -> Pair {
    let survey = &work.survey;
    let first: Vec<&Change> = survey.phases.iter().flat_map(|phase| &phase.survey.changes).collect();
    let last = survey.image.as_ref().map(|image| &image.last.survey.changes[..]).unwrap_or_default();
    changed(&survey.place, first.into_iter(), last, monitor)
}

/// A volume, with what these changes move, and as it is when they and those of `last` are done.
fn changed<'a>(
    place: &Place,
    changes: impl Iterator<Item = &'a Change> + Clone,
    last: &'a [Change],
    monitor: &Monitor,
) -> Pair {
    let Some(device) = told(|| open(place)) else { return (None, None) };
    let copies = changes.clone().flat_map(|change| &change.copies);
    let moving: Vec<ByteRange> = copies.map(|copy| ByteRange { offset: copy.from, len: copy.len }).collect();
    let before = told(|| map_of(&device, &moving, monitor));
    let after = told(|| {
        let overlay = Overlay::new(device);
        for change in changes.chain(last) {
            monitor.check()?;
            replay(&overlay, change)?;
        }
        map_of(&(Arc::new(overlay) as SharedDevice), &[], monitor)
    });
    (before, after)
}

/// Makes a change on an overlay.
fn replay(overlay: &Overlay, change: &Change) -> Result<()> {
    for copy in &change.copies {
        overlay.copy(copy.from, copy.to, copy.len)?;
    }
    for patch in &change.patches {
        overlay.write(patch.offset, &patch.new, Tag::new(""))?;
    }
    Ok(())
}

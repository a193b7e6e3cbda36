//! The layout of the disk that a plan writes to, before and after.

use std::sync::Arc;

use super::{place, told};
use crate::device::{FileDevice, SharedDevice};
use crate::error::{Error, Result};
use crate::inventory::{Disk, Layout, LookRequest, Partition, Piece, Place, Volume, layout, look};
use crate::plan::{ImagesInside, Work};
use crate::table::{self, Entry, SectorWrite};
use crate::volume::Summary;

/// The layout of the disk whose volume, images or table some work changes, before and after; none for work that changes
/// none of them, or when the disk cannot be looked at. `has_images` tells whether the volume will hold some, where only
/// its map tells; `known` are disks that need not be looked at.
pub(super) fn layouts(work: &Work, has_images: Option<bool>, known: &[Disk]) -> Option<(Layout, Layout)> {
    let place = match work {
        Work::Backup(_) | Work::Change(_) | Work::Resume(_) => return None,
        work => place(work)?,
    };
    told(|| {
        let disk = disk(place, known)?;
        let mut after = disk.clone();
        let mut images_stay = has_images;
        match work {
            Work::Restore(work) => {
                restore(&mut after, place, &work.survey.header.volume);
                images_stay = Some(false);
            }
            Work::RestoreInPlace(work) => {
                let writes = work.survey.table.iter().flat_map(|repair| &repair.writes);
                rewrite_table(&mut after, writes.cloned().collect())?;
                restore(&mut after, place, &work.survey.restore.header.volume);
                images_stay = Some(work.request.images == ImagesInside::Keep);
            }
            Work::Aid(work) => {
                rewrite_table(&mut after, work.survey.type_writes.clone())?;
                become_aid(&mut after, place);
                images_stay = Some(false);
            }
            _ => {}
        }
        let (before, mut after) = (layout(&disk), layout(&after));
        let piece = after.pieces.iter_mut().find(|piece: &&mut Piece| piece.start == place.start.0);
        if let (Some(piece), Some(stay)) = (piece, images_stay) {
            piece.has_images = stay;
        }
        Ok((before, after))
    })
}

/// The disk as it is known, or as a look finds it.
fn disk(place: &Place, known: &[Disk]) -> Result<Disk> {
    if let Some(disk) = known.iter().find(|disk| is_of(disk, place)) {
        return Ok(disk.clone());
    }
    let request = LookRequest { paths: vec![place.disk.clone()], machine: false };
    let disk = look(&request).disks.pop().filter(|disk| disk.problem.is_none());
    disk.ok_or_else(|| Error::damaged(format!("{} cannot be looked at", place.disk.display())))
}

/// True for the disk of the place, when what is known of it agrees with what the plan has found there.
fn is_of(disk: &Disk, place: &Place) -> bool {
    let has = |entry: &Entry| {
        let same = |partition: &Partition| {
            (partition.start_bytes, partition.bytes, &partition.type_id) == (entry.start.0, entry.len.0, &entry.type_id)
        };
        disk.partitions.iter().any(same)
    };
    disk.path == place.disk
        && disk.problem.is_none()
        && disk.table.kind == place.table
        && place.entry.as_ref().is_none_or(has)
}

/// The volume of the place becomes the one of the image. A place that nothing was known of becomes a volume that no
/// table names.
fn restore(disk: &mut Disk, place: &Place, summary: &Summary) {
    let volume = Volume {
        kind: summary.kind,
        label: summary.label.clone(),
        id: summary.id.clone(),
        cluster_bytes: Some(summary.cluster_bytes),
        clusters: Some(summary.clusters),
        used_clusters: None,
        state: None,
        notes: Vec::new(),
        images: Vec::new(),
    };
    if let Some(partition) = at(disk, place) {
        partition.volume = Some(volume);
        return;
    }
    if place.start.0 == 0 && place.len.0 == disk.bytes {
        // A whole disk is one volume, and nothing of what was on it is left.
        disk.partitions.clear();
        disk.volume = Some(volume);
        return;
    }
    disk.partitions.push(Partition {
        start_bytes: place.start.0,
        bytes: place.len.0,
        found: true,
        volume: Some(volume),
        ..Partition::default()
    });
}

fn at<'a>(disk: &'a mut Disk, place: &Place) -> Option<&'a mut Partition> {
    disk.partitions.iter_mut().find(|partition| partition.start_bytes == place.start.0 && partition.bytes > 0)
}

/// The partition holds nothing but what leads to images: by its type's name it is known.
fn become_aid(disk: &mut Disk, place: &Place) {
    if let Some(partition) = at(disk, place) {
        partition.volume = None;
        partition.name = partition.type_name.clone().or_else(|| partition.name.take());
    }
}

/// What the table tells once these sectors are written: entries that it names again are no longer merely found.
fn rewrite_table(disk: &mut Disk, writes: Vec<SectorWrite>) -> Result<()> {
    if writes.is_empty() {
        return Ok(());
    }
    let device: SharedDevice = Arc::new(FileDevice::open(&disk.path)?.with_sectors(disk.sector_bytes));
    let table = table::read(&table::after(&device, &writes))?;
    let before = std::mem::take(&mut disk.partitions);
    let named = |entry: &Entry| {
        let was = before.iter().find(|partition| partition.start_bytes == entry.start.0);
        Partition { volume: was.and_then(|was| was.volume.clone()), ..Partition::from(entry) }
    };
    disk.partitions = table.entries.iter().map(named).collect();
    let is_named = |partition: &Partition| {
        disk.partitions.iter().any(|entry| {
            let (start, end) = (entry.start_bytes, entry.start_bytes.saturating_add(entry.bytes));
            (start..end).contains(&partition.start_bytes)
        })
    };
    let rest: Vec<Partition> = before.into_iter().filter(|old| old.found && !is_named(old)).collect();
    disk.partitions.extend(rest);
    Ok(())
}

//! The ways to a container, in order: the file system, then a search back from the end for a table of contents.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Container, FoundBy, FoundImage, folder};
use crate::device::Pieces;
use crate::error::Result;
use crate::fs::Watch;
use crate::image::Image;
use crate::image::container::{Order, Sign, Toc, read_toc, scan};
use crate::image::format::RecordKind;
use crate::inventory::{Address, Source, source::open_place};
use crate::table;
use crate::unit::{ByteLen, ByteOffset};
use crate::volume::ByteRange;

/// Looks at one source: a volume, or every partition of a disk and the disk itself.
pub(super) fn at(address: &Address, source: &Source, watch: &dyn Watch) -> Result<Vec<Container>> {
    let mut found = Vec::new();
    if let (Address::Whole(path), true) = (address, source.place.is_divided()) {
        let table = table::read(&source.device)?;
        for entry in table.entries.iter().filter(|entry| !entry.is_extended()) {
            let volume = Address::Partition(path.clone(), entry.number);
            let Ok(part) = crate::inventory::open_source(&volume) else { continue };
            found.extend(volume_at(&volume, &part, watch)?);
        }
        return Ok(found);
    }
    found.extend(volume_at(address, source, watch)?);
    Ok(found)
}

fn volume_at(address: &Address, source: &Source, watch: &dyn Watch) -> Result<Vec<Container>> {
    watch.proceed()?;
    match folder::look(source, address) {
        Ok(Some(container)) => Ok(vec![container]),
        Ok(None) | Err(_) => by_toc(address, source, watch),
    }
}

/// Searches back from the end for tables of contents; the first of each volume counts.
fn by_toc(address: &Address, source: &Source, watch: &dyn Watch) -> Result<Vec<Container>> {
    let device = &*source.device;
    let len = device.len().0;
    let mut found: Vec<Container> = Vec::new();
    let mut done = 0;
    let mut progress = |bytes: u64| {
        done += bytes;
        watch.advance("Searching for images", done, len);
        watch.proceed()
    };
    scan(device, 0..len, Order::Backward, &mut progress, &mut |sighting| {
        let Sign::Record(RecordKind::Toc, _) = sighting.sign else { return ControlFlow::Continue(()) };
        let Ok((toc, head)) = read_toc(device, sighting.offset) else { return ControlFlow::Continue(()) };
        let Some(start) = sighting.offset.0.checked_sub(head.offset.get()) else { return ControlFlow::Continue(()) };
        if found.iter().any(|have| have.toc.container_id == toc.container_id) {
            return ControlFlow::Continue(());
        }
        if let Ok(container) = by_table(address, source, toc, ByteOffset(start)) {
            found.push(container);
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// The container that a table tells of, in the volume that begins at `start` of the source.
fn by_table(address: &Address, source: &Source, toc: Toc, start: ByteOffset) -> Result<Container> {
    let place = &source.place;
    let (volume, source) = if start == ByteOffset::ZERO {
        (address.clone(), source.clone())
    } else {
        let on_disk = ByteOffset(place.start.0.saturating_add(start.0));
        let source = open_place(&place.disk, on_disk, ByteLen(toc.volume.bytes))?;
        (Address::At(place.disk.clone(), on_disk.0), source)
    };
    let mut images = Vec::new();
    for record in &toc.images {
        let parts = toc.parts_of(record.image_id);
        let mut pieces = Vec::new();
        for part in &parts {
            let mut rest = part.bytes;
            for run in &part.runs {
                let len = ByteLen(run.len.0.min(rest));
                rest -= len.0;
                pieces.push(ByteRange { offset: run.offset, len });
            }
        }
        let Ok(device) = Pieces::new(source.device.clone(), pieces) else { continue };
        let device: crate::device::SharedDevice = Arc::new(device);
        let damage = match Image::from_device(device.clone(), parts.len()) {
            Ok(image) if image.header().image_id == record.image_id => image.damage().to_vec(),
            Ok(image) => vec![format!("its place holds another image: {}", image.header().image_id)],
            Err(error) => vec![error.to_string()],
        };
        images.push(FoundImage { record: record.clone(), found_by: FoundBy::Toc, device, parts: parts.len(), damage });
    }
    Ok(Container { volume, source, toc, found_by: FoundBy::Toc, damage: Vec::new(), images })
}

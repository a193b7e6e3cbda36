//! The last way: images put together again from their own records, where neither file system nor table of contents
//! tells where they are, or where what they tell is no longer so.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::files::{self, record_of};
use super::search::Spot;
use super::tocs::Sights;
use super::{Container, FoundBy, FoundImage};
use crate::device::{Pieces, SharedDevice};
use crate::error::Result;
use crate::fs::{Finding, Watch};
use crate::image::container::blocks::bytes_in_blocks;
use crate::image::container::scavenge::{Scavenged, scavenge};
use crate::image::container::{FileRecord, ImageRecord, Role, Toc, VolumeRecord};
use crate::image::{Header, Image};
use crate::inventory::{Address, Source, open_source, source::open_place};
use crate::unit::{ByteLen, ByteOffset};
use crate::volume::ByteRange;

/// What is searched, and what is known of it.
pub(super) struct Salvage<'a> {
    /// The address that was asked for: images of which nothing tells whose they are have it.
    pub(super) address: Address,
    pub(super) disk: PathBuf,
    /// What is searched, and where that begins on the disk.
    pub(super) device: SharedDevice,
    pub(super) base: u64,
    /// Volumes that are known: address, and their range of the disk.
    pub(super) spots: Vec<(Address, Range<u64>)>,
    pub(super) watch: &'a dyn Watch,
}

impl Salvage<'_> {
    /// Searches these ranges of the device, and adds what is found to the containers.
    ///
    /// # Errors
    /// Only when it is cancelled.
    pub(super) fn run(&self, ranges: &[Range<u64>], sights: &Sights, found: &mut Vec<Container>) -> Result<()> {
        let total: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        let mut done = 0;
        for range in ranges {
            let mut progress = |bytes: u64| {
                done += bytes;
                self.watch.advance("Putting images together from their records", done, total);
                self.watch.proceed()
            };
            let scavenged = scavenge(&self.device, range.clone(), &mut progress)?;
            for image in &scavenged.images {
                self.add(image, sights, found);
            }
            for container in found.iter_mut().filter(|have| have.found_by == FoundBy::Scavenged) {
                let left_out =
                    scavenged.left_out.iter().map(|what| Finding::warning("container.left-out", what.clone()));
                container.findings.extend(left_out);
            }
        }
        for container in found.iter_mut() {
            files::judge_bases(&mut container.images);
        }
        Ok(())
    }

    /// Adds one image: to the container that lacks it, or to one made for it.
    fn add(&self, scavenged: &Scavenged, sights: &Sights, found: &mut Vec<Container>) {
        let Ok(device) = scavenged.device(self.device.clone()) else { return };
        let Ok(image) = Image::from_device(device.clone(), 1) else { return };
        let id = image.header().image_id;
        let told = sights.list.iter().find(|sight| sight.toc.image(id).is_some());
        let start = scavenged.volume_start.map(|start| start + self.base).or_else(|| told.map(|sight| sight.start));
        let record = told.and_then(|sight| sight.toc.image(id)).cloned();
        let record = record.unwrap_or_else(|| ImageRecord {
            scattered: scavenged.scattered,
            ..record_of(&image, &name_of(image.header()), 1)
        });
        let mut damage = scavenged.damage.clone();
        damage.extend(image.damage().iter().filter(|damage| !scavenged.damage.contains(damage)).cloned());
        damage.extend(files::other_content(&image, &record));
        let new = FoundImage {
            record,
            found_by: FoundBy::Scavenged,
            device,
            parts: 1,
            damage,
            needs: None,
            is_shadowed: false,
        };
        let place = self.place_of(scavenged, image.header(), start);
        let known = found.iter_mut().find(|have| match start {
            // A container without a table of contents (number 0) is that of whatever lies in its place.
            Some(start) => {
                have.source.place.start.0 == start && (have.toc.image(id).is_some() || have.toc.sequence == 0)
            }
            None => {
                have.images.iter().any(|image| image.record.image_id == id)
                    || Some(&have.volume) == place.as_ref().map(|place| &place.0)
            }
        });
        if let Some(container) = known {
            replace(container, new, scavenged, self.base);
            return;
        }
        let Some((address, source)) = place else { return };
        let toc = told.map(|sight| sight.toc.clone());
        let mut container = made_for(&image, address, source, toc);
        replace(&mut container, new, scavenged, self.base);
        found.push(container);
    }

    /// Whose image it is: the volume that a table of contents tells, or the header's partition, when the image lies
    /// in that; else what was asked for.
    fn place_of(&self, scavenged: &Scavenged, header: &Header, start: Option<u64>) -> Option<(Address, Source)> {
        let lies = scavenged.pieces.first().map(|(_, range)| range.offset.0 + self.base)?;
        let own = header.partition.as_ref().map(|partition| (partition.start_bytes, partition.bytes));
        let fits = |(start, bytes): &(u64, u64)| (*start..start.saturating_add(*bytes)).contains(&lies);
        let place = start.map(|start| (start, header.volume.len.0)).or_else(|| own.filter(fits));
        let start = place.map_or(lies, |(start, _)| start);
        let mut spots = self.spots.iter();
        let spot = match place {
            Some(_) => spots.find(|(_, range)| range.start == start),
            None => spots.find(|(_, range)| range.contains(&lies)),
        };
        match (spot, place) {
            (Some((Address::At(..), range)), _) => {
                let source = open_place(&self.disk, ByteOffset(range.start), ByteLen(range.end - range.start)).ok()?;
                Some((Address::At(self.disk.clone(), range.start), source))
            }
            (Some((address, _)), _) => Some((address.clone(), open_source(address).ok()?)),
            (None, Some((start, bytes))) => {
                let whole = open_source(&Address::Whole(self.disk.clone())).ok()?;
                let len = bytes.min(whole.place.len.0.saturating_sub(start));
                let source = open_place(&self.disk, ByteOffset(start), ByteLen(len)).ok()?;
                Some((Address::At(self.disk.clone(), start), source))
            }
            (None, None) => Some((self.address.clone(), open_source(&self.address).ok()?)),
        }
    }
}

/// The name an image goes by when no table tells it: that in its header, fit for an address.
fn name_of(header: &Header) -> String {
    let name: String = header.name.chars().map(|c| if matches!(c, '/' | '\\' | '\0') { '-' } else { c }).collect();
    if name.is_empty() { header.kind.name().to_owned() } else { name }
}

/// Puts an image into a container, unless that has it in no worse a state.
fn replace(container: &mut Container, new: FoundImage, scavenged: &Scavenged, base: u64) {
    let id = new.record.image_id;
    let is_lost = |have: &FoundImage| {
        let own = have.damage.iter().any(|damage| Some(damage) != have.needs.as_ref());
        own && (new.damage.is_empty() || Image::from_device(have.device.clone(), have.parts).is_err())
    };
    let known = container.images.iter().position(|have| have.record.image_id == id);
    match known {
        Some(at) if !is_lost(&container.images[at]) => return,
        Some(at) => container.images[at] = new,
        None => container.images.push(new),
    }
    container.images.sort_by(|a, b| (a.record.created, &a.record.name).cmp(&(b.record.created, &b.record.name)));
    container.toc.images = container.images.iter().map(|image| image.record.clone()).collect();
    let own = |file: &FileRecord| matches!(file.role, Role::Part { image, .. } if image == id);
    container.toc.files.retain(|file| !own(file));
    if let Some(record) = container.toc.image(id) {
        let file = as_file(record, scavenged, container, base);
        let file = file.unwrap_or_else(|| keep_out(record, scavenged, container, base));
        container.toc.files.push(file);
    }
}

/// The image as a file in the clusters that its pieces lie in: where these follow each other by whole clusters, as those
/// of a file do. What lies between two pieces, or behind the last, and was made again, is taken as it lies there; that
/// the image's index is the same in this file proves it.
fn as_file(record: &ImageRecord, scavenged: &Scavenged, container: &Container, base: u64) -> Option<FileRecord> {
    let start = container.source.place.start.0;
    let cluster = u64::from(container.toc.volume.grid.cluster_bytes).max(512);
    let bytes = if scavenged.scattered { bytes_in_blocks(scavenged.bytes) } else { scavenged.bytes };
    let mut runs: Vec<ByteRange> = Vec::new();
    let mut at = 0;
    for (offset, piece) in &scavenged.pieces {
        let gap = offset.0.checked_sub(at)?;
        let from = (piece.offset.0 + base).checked_sub(start)?.checked_sub(gap)?;
        at += gap + piece.len.0;
        match runs.last_mut() {
            Some(last) if last.offset.0 + last.len.0 == from => last.len.0 += gap + piece.len.0,
            Some(last) if gap > 0 || !last.len.0.is_multiple_of(cluster) => return None,
            _ => runs.push(ByteRange { offset: ByteOffset(from), len: ByteLen(gap + piece.len.0) }),
        }
    }
    let last = runs.last_mut()?;
    last.len.0 += bytes.checked_sub(at)?;
    if !runs.iter().all(|run| run.offset.0.is_multiple_of(cluster)) {
        return None;
    }
    let device: SharedDevice = Arc::new(Pieces::new(container.source.device.clone(), runs.clone()).ok()?);
    let same = Image::from_device(device, 1).ok()?.digest()? == record.digest;
    let last = runs.last_mut()?;
    last.len.0 = last.len.0.next_multiple_of(cluster);
    let role = Role::Part { image: record.image_id, number: 0 };
    same.then(|| FileRecord { name: format!("{}.lbi", record.name), role, bytes, runs })
}

/// The clusters that an image's pieces lie in, as a file: what must not be overwritten. Its bytes are not simply those
/// of the clusters.
fn keep_out(record: &ImageRecord, scavenged: &Scavenged, container: &Container, base: u64) -> FileRecord {
    let start = container.source.place.start.0;
    let cluster = u64::from(container.toc.volume.grid.cluster_bytes).max(512);
    let mut runs: Vec<ByteRange> = Vec::new();
    for (_, piece) in &scavenged.pieces {
        let Some(from) = (piece.offset.0 + base).checked_sub(start) else { continue };
        let (from, to) = (from / cluster * cluster, (from + piece.len.0).next_multiple_of(cluster));
        runs.push(ByteRange { offset: ByteOffset(from), len: ByteLen(to - from) });
    }
    runs.sort_unstable_by_key(|run| run.offset);
    let mut joined: Vec<ByteRange> = Vec::new();
    for run in runs {
        match joined.last_mut() {
            Some(last) if last.offset.0 + last.len.0 >= run.offset.0 => {
                let end = (last.offset.0 + last.len.0).max(run.offset.0 + run.len.0);
                last.len.0 = end - last.offset.0;
            }
            _ => joined.push(run),
        }
    }
    let bytes = joined.iter().map(|run| run.len.0).sum();
    let role = Role::Part { image: record.image_id, number: 0 };
    FileRecord { name: format!("{}.lbi", record.name), role, bytes, runs: joined }
}

/// A container for images of which no table of contents that counts is left.
fn made_for(image: &Image, volume: Address, source: Source, told: Option<Toc>) -> Container {
    let header = image.header();
    let toc = told.map(|toc| Toc { files: Vec::new(), images: Vec::new(), ..toc }).unwrap_or_else(|| Toc {
        container_id: header.image_id,
        sequence: 0,
        written: jiff::Timestamp::UNIX_EPOCH,
        volume: VolumeRecord {
            kind: header.volume.kind,
            id: header.volume.id.clone(),
            label: header.volume.label.clone(),
            bytes: header.partition.as_ref().map_or(source.place.len.0, |partition| partition.bytes),
            start_bytes: source.place.start.0,
            grid: header.grid,
        },
        partition: header.partition.clone(),
        table: None,
        boot: Vec::new(),
        files: Vec::new(),
        images: Vec::new(),
    });
    let message = "neither a file system nor a table of contents tells of these images: they were put together from their records";
    let finding = Finding::warning("container.toc", message);
    Container {
        volume,
        source,
        toc,
        found_by: FoundBy::Scavenged,
        damage: vec![finding.message.clone()],
        findings: vec![finding],
        images: Vec::new(),
    }
}

/// The parts of a hunt's spots that are kept for salvage.
pub(super) fn spots_of(spots: &[Spot]) -> Vec<(Address, Range<u64>)> {
    spots.iter().map(|spot| (spot.address.clone(), spot.start..spot.start + spot.device.len().0)).collect()
}

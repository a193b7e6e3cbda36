//! Taking an image out of a container.
//!
//! The image's files go, and the table right below it: the one at the container's beginning is followed in that place
//! by the next. With the last image the whole container goes. Tables that go lose their first sector in the same change;
//! what else an image would be found by is overwritten afterwards, when nothing can lead back to it.

use std::sync::Arc;

use super::adopt::{self, renew};
use super::site::Site;
use super::sound;
use super::vacate;
use crate::error::{Error, Result};
use crate::extent::ClusterMap;
use crate::fs::{self, Kind, Overlay, Tag};
use crate::image::container::{FileRecord, ImageRecord, Role, TOC_BEGIN, Toc};
use crate::inventory::Source;
use crate::job::Monitor;
use crate::job::change::{self, identify};
use crate::job::container::folder;
use crate::plan::{self, ContainerRequest, InsideSurvey, Phase, Plan, Room};
use crate::unit::ByteOffset;
use crate::words::{en, fill};

/// Bytes at both ends of an image's file that are overwritten: its header, and at the end its footer and the copy of
/// the header, by which it would be found.
const WIPED_BEGIN: u64 = 4 << 10;
const WIPED_END: u64 = 64 << 10;

/// Plans it.
///
/// # Errors
/// `Refused`, when there is no such image, or others need it.
pub(super) fn plan(
    request: &ContainerRequest,
    name: &str,
    source: &Source,
    kind: Kind,
    monitor: &Monitor,
) -> Result<Plan> {
    let address = &request.volume;
    let site = Site::open(source.clone(), kind, address)?;
    let none = || Error::refused(format!("there is no container inside {address}"));
    let toc = site.toc().cloned().ok_or_else(none)?;
    let image = find(&toc, name, &address.to_string())?.clone();
    monitor.check()?;
    let mut gone = gone(&toc, &image);
    let last = toc.images.len() == 1;
    if last {
        gone = toc.files.clone();
    }
    let phase = work_out(&site, request, &image, &gone, last)?;
    let mut wiped = wiped_of(&site, &image, &gone)?;
    wiped.sort_unstable();
    wiped.dedup();
    let (identity, _) = identify(source)?;
    let survey = InsideSurvey {
        place: source.place.clone(),
        identity,
        grid: site.grid,
        units: site.units,
        toc: Some(toc),
        phases: vec![phase],
        image: None,
        room: Room { free: site.free_units(), unit_bytes: site.unit_bytes(), ..Room::default() },
        wiped,
        notes: notes(&site, last, monitor)?,
    };
    plan::change_container(request, fill(en::CONTAINER_DROP, &[("name", &image.name)]), survey)
}

fn notes(site: &Site, last: bool, monitor: &Monitor) -> Result<Vec<String>> {
    let mut notes = sound::Findings::of(site.container.as_ref(), monitor)?.sentences();
    if last {
        notes.push(en::LOOK_IMAGE_LAST.into());
    }
    Ok(notes)
}

/// The sectors to be overwritten. Of an image that is no file any more, those alone which nobody has got meanwhile.
fn wiped_of(site: &Site, image: &ImageRecord, gone: &[FileRecord]) -> Result<Vec<ByteOffset>> {
    let found = site.container.iter().flat_map(|container| &container.images);
    let is_lost = found.filter(|found| found.record.image_id == image.image_id).any(|found| !sound::is_file(found));
    let used = if is_lost { Some(site.system()?.used()?) } else { None };
    let may = |at: &ByteOffset| used.as_ref().is_none_or(|used| !used.contains(site.grid.cluster_at(*at)));
    let is_part = |file: &FileRecord| matches!(file.role, Role::Part { .. });
    let sectors = |file| wiped(file).into_iter().filter(move |at| !is_part(file) || may(at)).collect::<Vec<_>>();
    Ok(gone.iter().flat_map(sectors).collect())
}

/// The image of a name, which nobody needs.
fn find<'a>(toc: &'a Toc, name: &str, volume: &str) -> Result<&'a ImageRecord> {
    let image = toc.named(name).or_else(|| toc.images.iter().find(|image| image.image_id.to_string() == name));
    let image = image.ok_or_else(|| {
        let names: Vec<&str> = toc.images.iter().map(|image| image.name.as_str()).collect();
        Error::refused(format!("{volume} holds no image named {name}"))
            .advise(format!("There are: {}", names.join(", ")))
    })?;
    let needed: Vec<&str> = toc.dependants(image.image_id).iter().map(|other| other.name.as_str()).collect();
    if needed.is_empty() {
        return Ok(image);
    }
    let names = needed.join(", ");
    Err(Error::refused(format!("{} cannot be dropped: {names} store only what differs from it", image.name))
        .advise(format!("Drop these first, or make a new one with --full: {names}")))
}

/// The image's files, and the table right below it.
pub(super) fn gone(toc: &Toc, image: &ImageRecord) -> Vec<FileRecord> {
    let parts: Vec<FileRecord> = toc.parts_of(image.image_id).into_iter().cloned().collect();
    let start = parts.first().and_then(|file| file.runs.first()).map(|run| run.offset);
    // Files are in the order of their places.
    let below = toc.files.iter().take_while(|file| file.runs.first().map(|run| run.offset) < start).last();
    let table = below.filter(|file| matches!(file.role, Role::TocBegin | Role::Inter));
    table.cloned().into_iter().chain(parts).collect()
}

fn work_out(
    site: &Site,
    request: &ContainerRequest,
    image: &ImageRecord,
    gone: &[FileRecord],
    last: bool,
) -> Result<Phase> {
    let overlay = Arc::new(Overlay::new(site.source.device.clone()));
    let mut edit = fs::edit::open_on(overlay.clone(), site.kind)?;
    let mut used: ClusterMap = site.used.clone();
    let mut steps = change::begin(&mut *edit)?;
    let is_gone = |file: &FileRecord| gone.iter().any(|other| other.name == file.name);
    let mut toc = adopt::renewed(site)?;
    toc.files.retain(|file| !is_gone(file));
    toc.images.retain(|other| other.image_id != image.image_id);
    let system = site.system()?;
    // Somebody may have deleted what the table of contents still names.
    for file in gone.iter().filter(|file| system.tree().entry(&adopt::path(&file.name)).is_ok()) {
        edit.release(&folder(), &file.name)?;
        if file.role.is_toc() && !file.runs.is_empty() {
            overlay.write(adopt::begin(file), &[0; adopt::HEAD], Tag::new("table of contents"))?;
        }
    }
    if !last {
        if gone.iter().any(|file| file.role == Role::TocBegin)
            && let Some(next) = toc.files.iter_mut().find(|file| file.role == Role::Inter)
        {
            adopt::rename(&mut *edit, site, &next.name, TOC_BEGIN)?;
            next.name = TOC_BEGIN.into();
            next.role = Role::TocBegin;
        }
        renew(&mut *edit, &toc, &[])?;
    }
    steps.push(edit.take(&format!("Free the clusters of the image {}", image.name))?);
    edit.used()?.runs().for_each(|run| used.set(run, true));
    change::end(&mut *edit, &mut steps)?;
    drop(edit);
    vacate::phase(site, &request.volume, format!("dropping the image {}", image.name), steps, used)
}

/// The sectors of all these files.
pub(super) fn all_wiped(gone: &[FileRecord]) -> Vec<ByteOffset> {
    let mut wiped: Vec<ByteOffset> = gone.iter().flat_map(wiped).collect();
    wiped.sort_unstable();
    wiped.dedup();
    wiped
}

/// The sectors of a file by which it would be found.
fn wiped(file: &FileRecord) -> Vec<ByteOffset> {
    let (begin, end) = match file.role {
        Role::Part { .. } => (WIPED_BEGIN, WIPED_END),
        _ => (512, 0),
    };
    let mut sectors = Vec::new();
    let mut at = 0;
    for run in &file.runs {
        for sector in (0..run.len.0).step_by(512) {
            let within = at + sector;
            let is_begin = within < begin;
            let is_end = within < file.bytes && within + end + 512 > file.bytes;
            if is_begin || is_end {
                sectors.push(ByteOffset(run.offset.0 + sector));
            }
        }
        at += run.len.0;
    }
    sectors
}

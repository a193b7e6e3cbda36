//! Bringing a container's files into order, in one run at the volume's end: two journalled changes at most.
//!
//! 1. What lies in that run and not where it shall, moves out: others' files, and the container's own that lie wrong.
//! 2. The container's files that lie elsewhere come in: their bytes are copied to free clusters, then those become the
//!    files. So each lies in one piece, in the order that is wanted.
//!
//! Each change renews all tables of contents, so that between the two the container is whole as well.

use std::sync::Arc;

use super::adopt::{in_order, path, renewed};
use super::site::Site;
use super::{room, vacate};
use crate::device::SharedDevice;
use crate::error::{Error, Result};
use crate::extent::{Extent, ExtentSet};
use crate::fs::{self, Copy, Overlay};
use crate::image::Kind;
use crate::image::container::{FileRecord, ImageRecord, Role, Toc};
use crate::inventory::Address;
use crate::job::Monitor;
use crate::job::change;
use crate::job::container::{extents, folder, toc_bytes};
use crate::plan::{Moved, Phase};
use crate::unit::ByteLen;

/// Where the container's files shall lie.
struct Target {
    /// Each file's place: its name and clusters.
    places: Vec<(String, Extent)>,
    /// All of it, the hole included.
    window: Extent,
    /// What is left free below the last table.
    hole: Extent,
}

/// What bringing a container into order takes.
pub(super) struct Arranged {
    pub(super) phases: Vec<Phase>,
    /// The volume as it is then.
    pub(super) device: SharedDevice,
    /// Free, below the last table.
    pub(super) hole: Extent,
    /// What moves, for the preview.
    pub(super) moved: Moved,
}

/// Works it out; with `hole`, so many units are left free below the last table.
///
/// # Errors
/// `Refused` when there is no such run, or no room to move things.
pub(super) fn work_out(site: &Site, address: &Address, hole: u64, monitor: &Monitor) -> Result<Arranged> {
    let target = target(site, hole, monitor)?;
    let mut phases = Vec::new();
    let mut device = site.source.device.clone();
    let mut moved = Moved::default();
    let out = in_the_way(site, &target)?;
    if !out.is_empty() {
        moved = vacate::moved(site, target.window, monitor)?;
        let (phase, then) = move_out(site, address, &target, &out)?;
        phases.push(phase);
        device = then;
    }
    let site = site.with(device.clone(), address)?;
    if let Some((phase, then)) = move_in(&site, address, &target)? {
        phases.push(phase);
        device = then;
    }
    Ok(Arranged { phases, device, hole: target.hole, moved })
}

/// The order of a container's files, from the lowest place on: the table at the beginning, what the user told, user
/// images, newest first, factory images, the table at the end; other tables between the images.
fn order(toc: &Toc) -> Vec<&FileRecord> {
    let with = |role: Role| toc.files.iter().filter(move |file| file.role == role);
    let mut images: Vec<_> = toc.images.iter().collect();
    // Times are in whole seconds: of two images of the same one, the newer was put before the other.
    let place = |image: &ImageRecord| {
        let runs = toc.parts_of(image.image_id).first().map(|part| part.runs.first().map(|run| run.offset));
        runs.flatten()
    };
    images.sort_by_key(|image| (image.kind == Kind::Factory, std::cmp::Reverse(image.created), place(image)));
    let mut inters = with(Role::Inter);
    let mut ordered: Vec<&FileRecord> = with(Role::TocBegin).chain(with(Role::Settings)).collect();
    for (number, image) in images.iter().enumerate() {
        if number > 0 {
            ordered.extend(inters.next());
        }
        ordered.extend(toc.parts_of(image.image_id));
    }
    ordered.extend(inters);
    // What belongs to no image that is known keeps its company.
    let rest: Vec<&FileRecord> = toc
        .files
        .iter()
        .filter(|file| file.role != Role::TocEnd && ordered.iter().all(|have| have.name != file.name))
        .collect();
    ordered.extend(rest);
    ordered.extend(with(Role::TocEnd));
    ordered
}

fn target(site: &Site, hole: u64, monitor: &Monitor) -> Result<Target> {
    let none = || Error::refused("there is no container to be put in order");
    let toc = site.toc().ok_or_else(none)?;
    let files = order(toc);
    let per_unit = site.units.clusters;
    let units: u64 = files.iter().map(|file| site.units_of(file.bytes)).sum::<u64>() + hole;
    let fixed = site.fixed(false, monitor)?;
    let window = room::window(site, &fixed, units, u64::MAX).ok_or_else(|| {
        Error::refused(format!("there is no run of {units} clusters in which nothing lies that cannot move"))
    })?;
    let last = files.last().filter(|file| file.role == Role::TocEnd).map(|file| file.name.clone());
    let mut at = window.start.0;
    let mut gap = Extent::new(window.end() - hole * per_unit, hole * per_unit);
    let mut places = Vec::new();
    for file in files {
        if Some(&file.name) == last.as_ref() {
            gap = Extent::new(at, hole * per_unit);
            at = gap.end();
        }
        let clusters = site.units_of(file.bytes) * per_unit;
        places.push((file.name.clone(), Extent::new(at, clusters)));
        at += clusters;
    }
    Ok(Target { places, window, hole: gap })
}

/// The clusters of a file, as whole units.
fn clusters_of(site: &Site, file: &FileRecord) -> Result<Vec<Extent>> {
    extents(file, site.grid)
}

/// True when a file lies where it shall.
fn lies_right(site: &Site, file: &FileRecord, place: Extent) -> Result<bool> {
    let runs: ExtentSet = clusters_of(site, file)?.into_iter().collect();
    let one_run = clusters_of(site, file)?.windows(2).all(|pair| pair[0].end() == pair[1].start.0);
    let clipped = [place].into_iter().collect::<ExtentSet>();
    // FAT's grid may be finer than its clusters, and a file's runs may end within the last.
    Ok(one_run && runs.intersect(&clipped) == runs && runs.runs().first().is_some_and(|run| run.start == place.start))
}

/// What is used in the window and is not where it shall be.
fn in_the_way(site: &Site, target: &Target) -> Result<ExtentSet> {
    let mut stays = ExtentSet::new();
    for file in site.toc().into_iter().flat_map(|toc| &toc.files) {
        let place = target.places.iter().find(|(name, _)| *name == file.name).map(|(_, place)| *place);
        if let Some(place) = place
            && lies_right(site, file, place)?
        {
            stays.insert(place);
        }
    }
    let used: ExtentSet = room::used_in(site, target.window);
    Ok(used.intersect(&stays.complement(site.grid.clusters)))
}

/// Moves what is in the way to free clusters outside the window, and renews the tables.
fn move_out(site: &Site, address: &Address, target: &Target, out: &ExtentSet) -> Result<(Phase, SharedDevice)> {
    let kept = [target.window].into_iter().collect();
    let to = room::targets(site, &kept, out.clusters()).ok_or_else(|| {
        Error::refused(format!(
            "{} clusters would have to move out of the container's place, and too few are free elsewhere",
            out.clusters()
        ))
        .advise("Free space on the volume")
    })?;
    let overlay = Arc::new(Overlay::new(site.source.device.clone()));
    let device: SharedDevice = overlay.clone();
    let mut edit = fs::edit::open_on(overlay, site.kind)?;
    let mut used = site.used.clone();
    let mut steps = change::begin(&mut *edit)?;
    edit.relocate(out, &to)?;
    let now = site.meanwhile(device.clone(), address)?;
    // The boot record is kept as it is when the volume is not in use.
    let mut toc = Toc { boot: renewed(site)?.boot, ..renewed(&now)? };
    in_order(&mut toc);
    super::adopt::renew(&mut *edit, &toc, &[])?;
    let bytes = ByteLen(site.grid.bytes_of(out.clusters()).0);
    steps.push(edit.take(&format!("Move {bytes} out of the container's place"))?);
    edit.used()?.runs().for_each(|run| used.set(run, true));
    change::end(&mut *edit, &mut steps)?;
    drop(edit);
    let phase = vacate::phase(site, address, format!("moving {bytes} out of the container's place"), steps, used)?;
    Ok((phase, device))
}

/// Copies the files that lie elsewhere to their places, and makes those the files. None when all tables are true and
/// all files lie right.
fn move_in(site: &Site, address: &Address, target: &Target) -> Result<Option<(Phase, SharedDevice)>> {
    let mut toc = renewed(site)?;
    let mut moving: Vec<(FileRecord, Extent)> = Vec::new();
    for file in &mut toc.files {
        let Some((_, place)) = target.places.iter().find(|(name, _)| *name == file.name) else { continue };
        if !lies_right(site, file, *place)? {
            moving.push((file.clone(), *place));
            file.runs = vec![site.range(*place)];
        }
    }
    in_order(&mut toc);
    if moving.is_empty() && tables_are_true(site)? {
        return Ok(None);
    }
    let overlay = Arc::new(Overlay::new(site.source.device.clone()));
    let device: SharedDevice = overlay.clone();
    let mut edit = fs::edit::open_on(overlay.clone(), site.kind)?;
    let mut used = site.used.clone();
    let mut steps = change::begin(&mut *edit)?;
    // The copies are the edit's own, so that its patches know what will lie there.
    let mut copies = Vec::new();
    for (file, place) in &moving {
        edit.reserve(&[*place])?;
        copies.extend(copies_of(site, file, *place)?);
    }
    for copy in &copies {
        overlay.copy(copy.from, copy.to, copy.len)?;
    }
    for (file, _) in &moving {
        edit.release(&folder(), &file.name)?;
    }
    for (file, place) in &moving {
        edit.adopt(&folder(), &file.name, &[*place], ByteLen(file.bytes))?;
    }
    for file in toc.files.iter().filter(|file| file.role.is_toc()) {
        edit.replace(&path(&file.name), &toc_bytes(&toc, file)?)?;
    }
    let count = moving.len();
    steps.push(edit.take(&format!("Bring {count} files of the container to their places, and renew its tables"))?);
    edit.used()?.runs().for_each(|run| used.set(run, true));
    change::end(&mut *edit, &mut steps)?;
    drop(edit);
    let phase = vacate::phase(site, address, "putting the container in order".into(), steps, used)?;
    Ok(Some((phase, device)))
}

/// A file's bytes, in file order, to one run.
fn copies_of(site: &Site, file: &FileRecord, place: Extent) -> Result<Vec<Copy>> {
    let mut copies = Vec::new();
    let mut to = site.grid.offset_of(place.start);
    for run in clusters_of(site, file)? {
        let (from, len) = (site.grid.offset_of(run.start), site.grid.bytes_of(run.clusters));
        copies.push(Copy { from, to, len });
        to.0 += len.0;
    }
    Ok(copies)
}

/// Every copy of the table can be read, says the same, and names the files where they lie.
fn tables_are_true(site: &Site) -> Result<bool> {
    let Some(toc) = site.toc() else { return Ok(true) };
    for file in toc.files.iter().filter(|file| file.role.is_toc()) {
        let Some(run) = file.runs.first() else { return Ok(false) };
        let Ok((said, head)) = crate::image::container::read_toc(&*site.source.device, run.offset) else {
            return Ok(false);
        };
        let places = |toc: &Toc| {
            let mut places: Vec<_> = toc.files.iter().map(|file| (file.name.clone(), content_of(file))).collect();
            places.sort();
            places
        };
        let start = site.source.place.start.0;
        let same = said.sequence == toc.sequence && head.offset.get() == run.offset.0;
        if !same || places(&said) != places(toc) || said.volume.start_bytes != start {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Where a file's bytes lie, as far as they go: start and end of each run. (A table may tell of whole units, and a file
/// system of no more than the file's length.)
fn content_of(file: &FileRecord) -> Vec<(u64, u64)> {
    let mut left = file.bytes;
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for run in &file.runs {
        let now = run.len.0.min(left);
        left -= now;
        let (start, end) = (run.offset.0, run.offset.0 + now);
        match runs.last_mut() {
            Some(last) if last.1 == start => last.1 = end,
            _ if now > 0 => runs.push((start, end)),
            _ => {}
        }
    }
    runs
}

//! Working a restore in place out: where the images will lie, what makes them files of the restored volume, and how
//! much of today's volume differs. Nothing is written.

use super::super::change::in_use;
use super::super::journal::find;
use super::super::seal::{Seals, Way};
use super::super::{Monitor, container, survey::occupant};
use super::moves::open_image;
use super::pass::Pass;
use super::patched::Patched;
use super::room::{Placed, Room, outward};
use super::{Site, act, entry};
use crate::device::SharedDevice;
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent, ExtentSet};
use crate::fs::edit::at_time;
use crate::fs::{self, Edit, EntryKind, Patch, Probe, State, Units};
use crate::image::container::{FileRecord, Toc, read_toc};
use crate::image::{Header, Image};
use crate::plan::{
    Depth, Differing, ImagesInside, InPlaceSurvey, MovedPart, RestoreRequest, RestoreSurvey, refuse_target,
};
use crate::unit::{ByteLen, ByteOffset, Cluster, Grid};
use crate::words::{en, fill};

/// Bytes that are compared before it is asked whether comparing is worth it.
const TRIAL: u64 = 256 << 20;

/// What the adoption came to.
struct Adopted {
    files: Vec<FileRecord>,
    moved: Vec<MovedPart>,
    to_free: bool,
    patches: Vec<Patch>,
    more: ExtentSet,
    warnings: Vec<String>,
}

/// Works it out.
pub(super) fn survey(request: &RestoreRequest, site: Site, image: Image, monitor: &Monitor) -> Result<InPlaceSurvey> {
    let header = image.header().clone();
    let restore = RestoreSurvey {
        header: header.clone(),
        image_bytes: Some(image.bytes()),
        damage: image.damage().to_vec(),
        place: site.place.clone(),
        occupant: occupant(&site.device),
        image_is_target: false,
    };
    // Before anything is read in vain.
    refuse_target(request, &restore)?;
    if !request.keep_going {
        image.refuse_without_base()?;
    }
    let map = if request.keep_going { image.map_of_damaged()?.0 } else { image.map()? };
    // The same adoption comes out whenever it is worked out, so that a volume that has it does not differ.
    let made = header.created;
    let adopted = match request.images {
        ImagesInside::Keep => at_time(made, || adopt(&header, image, &map, &site, request.keep_going))?,
        ImagesInside::Drop => drop_all(&header, &map, &site)?,
    };
    let fresh = Toc { files: adopted.files, ..site.toc.clone() };
    let renew = !adopted.moved.is_empty() || stale(&site, &fresh);
    let toc = if renew { renewed(fresh, &site) } else { fresh };
    let (table, cannot) = entry::repair(&site);
    let mut survey = InPlaceSurvey {
        table,
        journals: journals(&site, &toc, monitor)?,
        restore,
        today: site.toc.clone(),
        toc,
        moved: adopted.moved,
        moved_to_free: adopted.to_free,
        renew,
        patches: adopted.patches,
        more: adopted.more,
        differing: Differing::Unknown,
        in_use: in_use(&site.place),
        stranger: stranger(&site),
        warnings: adopted.warnings,
    };
    survey.warnings.extend(site.damage.iter().map(|what| fill(en::LOOK_CONTAINER_DAMAGED, &[("what", what)])));
    survey.warnings.extend(cannot);
    if request.compare {
        survey.differing = differing(request, &survey, &map, &site.device, monitor)?;
    }
    Ok(survey)
}

/// What the restored volume uses by itself: the image's clusters, those of files that were left out, and all that its
/// file system does not give away.
fn taken(header: &Header, map: &ClusterMap, used: &ClusterMap) -> ClusterMap {
    let mut taken = map.clone();
    used.runs().for_each(|run| taken.set(run, true));
    for run in header.excluded.iter().flat_map(|file| file.runs.runs()) {
        taken.set(*run, true);
    }
    taken
}

/// Today's container as files of the image's volume.
fn adopt(header: &Header, image: Image, map: &ClusterMap, site: &Site, lenient: bool) -> Result<Adopted> {
    let cannot = |error: Error| {
        error.context("the images inside cannot become files of the restored volume").advise(
            "Copy the image to another disk and restore it from there, or give --drop-images to lose the images",
        )
    };
    if header.raw {
        return Err(cannot(Error::refused(
            "the image is of all sectors, not of a file system that Lifeboat can change",
        )));
    }
    let volume = if lenient { image.lenient_volume() } else { image.volume() }?;
    let mut edit = fs::edit::open_unchecked(volume.clone(), header.volume.kind).map_err(cannot)?;
    empty_folder(&volume, header, &mut *edit).map_err(cannot)?;
    let before = edit.used()?;
    let taken = taken(header, map, &before);
    let placed = place(header.grid, edit.units(), &taken, site)?;
    let toc = Toc { files: placed.files, ..site.toc.clone() };
    for file in &toc.files {
        edit.reserve(&container::extents(file, header.grid)?).map_err(cannot)?;
    }
    container::adopt(&mut *edit, &toc, header.grid).map_err(cannot)?;
    let change = edit.take("Adopt the images")?;
    if !change.copies.is_empty() {
        return Err(Error::damaged("adopting files moved others"));
    }
    let more = more(header.grid, map, &before, &edit.used()?, &toc, &change.patches)?;
    let warnings = placed.without.iter();
    let warnings = warnings.map(|name| fill(en::LOOK_IMAGE_HOMELESS, &[("name", name)]));
    Ok(Adopted {
        files: toc.files,
        moved: placed.moved,
        to_free: placed.to_free,
        patches: change.patches,
        more,
        warnings: warnings.collect(),
    })
}

/// The container is not adopted; but until the end its parts are out of the way.
fn drop_all(header: &Header, map: &ClusterMap, site: &Site) -> Result<Adopted> {
    let taken = taken(header, map, &ClusterMap::new(header.grid.clusters));
    let units = Units { origin: Cluster(0), clusters: 1, count: header.grid.clusters };
    let placed = place(header.grid, units, &taken, site)?;
    Ok(Adopted {
        files: placed.files,
        moved: placed.moved,
        to_free: placed.to_free,
        patches: Vec::new(),
        more: ExtentSet::new(),
        warnings: Vec::new(),
    })
}

fn place(grid: Grid, units: Units, taken: &ClusterMap, site: &Site) -> Result<Placed> {
    let today = used_today(&site.device, grid);
    Room { grid, units, taken, today: today.as_ref() }.place(&site.toc)
}

/// A folder of this name that the image's volume has itself was a container once; today's takes its place.
fn empty_folder(volume: &SharedDevice, header: &Header, edit: &mut dyn Edit) -> Result<()> {
    let system = fs::open(volume.clone(), header.volume.kind)?;
    let folder = container::folder();
    if system.tree().entry(&folder).is_err() {
        return Ok(());
    }
    for entry in system.tree().list(&folder)? {
        let name = entry.name.to_string_lossy();
        if entry.kind != EntryKind::File {
            return Err(Error::refused(format!("{} of the image is no plain file", folder.join(&*name).display())));
        }
        edit.release(&folder, &name)?;
    }
    Ok(())
}

/// What is used today, on the image's grid; none when today's volume cannot be read, or is half restored.
pub(super) fn used_today(device: &SharedDevice, grid: Grid) -> Option<ClusterMap> {
    let Ok(Probe::One(kind)) = fs::probe(device) else { return None };
    let system = kind.has_driver().then(|| fs::open(device.clone(), kind).ok())??;
    if matches!(system.summary().state, State::Journal | State::Hibernated) {
        return None;
    }
    let (own, used) = (system.grid(), system.used().ok()?);
    let mut today = ClusterMap::new(grid.clusters);
    for run in used.runs() {
        let range = fs::ByteRange { offset: own.offset_of(run.start), len: own.bytes_of(run.clusters) };
        today.set(outward(range, grid), true);
    }
    Some(today)
}

/// Clusters that are not in the image and must be written: those that the adoption took or changed.
fn more(
    grid: Grid,
    map: &ClusterMap,
    before: &ClusterMap,
    after: &ClusterMap,
    toc: &Toc,
    patches: &[Patch],
) -> Result<ExtentSet> {
    let mut known = map.clone();
    let mut own = ClusterMap::new(grid.clusters);
    toc.runs().for_each(|run| own.set(outward(run, grid), true));
    let mut more = ExtentSet::new();
    for patch in patches {
        let range = fs::ByteRange { offset: patch.offset, len: ByteLen(patch.new.len() as u64) };
        let touched = outward(range, grid);
        if let Some(run) = own.runs_in(touched.start.0..touched.end()).next() {
            return Err(Error::refused(format!(
                "making the images files of the restored volume would write into the image at cluster {}",
                run.start
            )));
        }
        missing(&known, touched).into_iter().for_each(|run| more.insert(run));
    }
    before.runs().for_each(|run| known.set(run, true));
    own.runs().for_each(|run| known.set(run, true));
    for run in after.runs() {
        missing(&known, run).into_iter().for_each(|run| more.insert(run));
    }
    Ok(more)
}

/// The clusters of a run that are not in a map.
fn missing(map: &ClusterMap, run: Extent) -> Vec<Extent> {
    let mut at = run.start.0;
    let mut gaps = Vec::new();
    for have in map.runs_in(run.start.0..run.end()) {
        if have.start.0 > at {
            gaps.push(Extent::new(at, have.start.0 - at));
        }
        at = have.end();
    }
    if at < run.end() {
        gaps.push(Extent::new(at, run.end() - at));
    }
    gaps
}

/// True when a table of contents is damaged, or does not tell where the files lie or will lie.
fn stale(site: &Site, fresh: &Toc) -> bool {
    let runs = |toc: &Toc| {
        let mut runs: Vec<_> =
            toc.files.iter().map(|file| (file.name.to_ascii_lowercase(), file.bytes, file.runs.clone())).collect();
        runs.sort_by(|a, b| a.0.cmp(&b.0));
        runs
    };
    let wanted = runs(fresh);
    let told = |file: &FileRecord| {
        let start = file.runs.first()?.offset;
        let (toc, head) = read_toc(&*site.device, start).ok()?;
        let same = toc.sequence == fresh.sequence && head.offset.get() == start.0;
        Some(same && toc.volume.start_bytes == site.place.start.0 && runs(&toc) == wanted)
    };
    let mut tables = fresh.files.iter().filter(|file| file.role.is_toc());
    !tables.all(|file| told(file) == Some(true))
}

fn renewed(toc: Toc, site: &Site) -> Toc {
    let mut toc = Toc { sequence: toc.sequence.saturating_add(1), written: jiff::Timestamp::now(), ..toc };
    toc.volume.start_bytes = site.place.start.0;
    toc
}

/// Open journals in free clusters of the volume. A volume that was left properly has them near its ends if anywhere.
fn journals(site: &Site, toc: &Toc, monitor: &Monitor) -> Result<Vec<ByteOffset>> {
    let clean = match fs::probe(&site.device) {
        Ok(Probe::One(kind)) if kind.has_driver() => {
            fs::open(site.device.clone(), kind).is_ok_and(|system| system.summary().state == State::Clean)
        }
        _ => false,
    };
    let depth = if clean { Depth::Quick } else { Depth::Full };
    let open = find::search(&*site.device, depth, monitor)?.open.into_iter().map(|found| found.start);
    let inside = |at: &ByteOffset| toc.runs().any(|run| run.offset <= *at && at.0 < run.offset.0 + run.len.0);
    Ok(open.filter(|at| !inside(at)).collect())
}

/// What the partition table says of the place that the table of contents does not expect.
fn stranger(site: &Site) -> Option<String> {
    let (entry, record) = (site.place.entry.as_ref()?, site.toc.partition.as_ref()?);
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    if let (Some(now), Some(was)) = (&entry.id, &record.id)
        && !same(now, was)
    {
        return Some(fill(en::STRANGER_ID, &[("was", was), ("now", now)]));
    }
    let (now, was) = (entry.type_id.as_str(), record.type_id.as_str());
    (!same(now, was) && entry.id.is_none()).then(|| fill(en::STRANGER_TYPE, &[("was", &was), ("now", &now)]))
}

/// Reads the volume and holds it against the image.
fn differing(
    request: &RestoreRequest,
    survey: &InPlaceSurvey,
    map: &ClusterMap,
    device: &SharedDevice,
    monitor: &Monitor,
) -> Result<Differing> {
    let header = &survey.restore.header;
    let image = open_image(&request.image, header.image_id, device, &survey.today)?;
    let patched = Patched { patches: &survey.patches, grid: header.grid };
    let mut seals = Seals::new(header, map, Way::InPlace(request.images));
    let pass = Pass {
        image: &image,
        map,
        patched,
        seals: seals.ranges(),
        target: &**device,
        compare: true,
        threads: request.threads,
    };
    let total = header.grid.bytes_of(map.used()).0;
    monitor.begin(vec![plan_step(total)]);
    let (mut seen, mut differ, mut most) = (0u64, 0u64, false);
    let result = pass.run(monitor, &mut |chunk| {
        let bytes = chunk.bytes(&pass);
        seen += bytes;
        differ += chunk.differing.iter().map(|stretch| stretch.len as u64).sum::<u64>();
        if chunk.unpacked {
            seals.take(&chunk.located.runs, header.grid, &mut chunk.raw);
        }
        monitor.advance_at(&chunk.located.runs, bytes);
        most = seen >= TRIAL && differ > seen / 2;
        if most { Err(Error::cancelled()) } else { Ok(()) }
    });
    if most {
        return Ok(Differing::Most);
    }
    result?;
    seals.patch_hidden_sectors(header, &survey.restore.place);
    differ += seals.differing(&seals.read(&**device));
    differ += act::beside(patched, &survey.more, &**device, monitor, &mut |_, _| Ok(()))?;
    if differ > total / 2 { Ok(Differing::Most) } else { Ok(Differing::Bytes(differ)) }
}

fn plan_step(bytes: u64) -> crate::plan::Step {
    crate::plan::Step {
        kind: crate::plan::StepKind::ReadBackTarget,
        title: en::STEP_COMPARE_VOLUME.into(),
        bytes,
        safety: crate::plan::Safety::Reads,
    }
}

//! What must be known before a plan can be made: looking at source and target, never writing.

mod restore;

pub(super) use restore::{occupant, restore, same_file};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::container::{folder, released};
use super::{Monitor, owners};
use crate::device::{ReadDevice, SharedDevice};
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::extent::{ClusterMap, Extent, ExtentSet};
use crate::fs::{self, Anchors, ByteRange, EntryKind, FileSystem, Kind, Probe, State, Summary, Tree};
use crate::image::Excluded;
use crate::inventory::{Source, container_of};
use crate::plan::{BackupRequest, BackupSurvey, ImageTarget};
use crate::unit::{ByteLen, ByteOffset, Grid};
use crate::words::{en, fill};

/// Files that Windows and other systems rebuild at start: never worth their space in an image.
const DEFAULT_EXCLUDES: [&str; 3] = ["pagefile.sys", "hiberfil.sys", "swapfile.sys"];
/// Clusters of a raw image: small enough for fine maps, large enough for short ones.
const RAW_CLUSTER: u32 = 4096;
/// What a raw image seals: every signature that `fs::foreign` knows lies in the first 128 KiB.
const RAW_SEAL: u64 = 128 << 10;
/// Samples taken to estimate the image's size, and bytes in each.
const SAMPLES: u64 = 48;
const SAMPLE_BYTES: u64 = 256 << 10;

/// Looks at a backup's source and target.
pub(super) fn backup(request: &BackupRequest, source: &Source, monitor: &Monitor) -> Result<BackupSurvey> {
    let place = source.place.clone();
    let mut survey = match fs::probe(&source.device)? {
        Probe::One(kind) if kind.has_driver() && !request.raw => without_container(request, source, kind, monitor)?,
        Probe::One(kind) => raw(source, kind)?,
        Probe::None => raw(source, Kind::Unknown)?,
        Probe::Ambiguous(kinds) => {
            let mut survey = raw(source, Kind::Ambiguous)?;
            let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            survey.summary.notes.push(fill(en::LOOK_AMBIGUOUS, &[("kinds", &names.join(", "))]));
            survey
        }
    };
    survey.place = place;
    // Samples need no other bytes than these: what the container's release changes is little.
    survey.ratio = ratio(&source.device, &survey, request.level, monitor)?;
    if let ImageTarget::File(path) = &request.target {
        survey.free = Some(free_bytes(path)?);
        survey.existing = crate::image::existing(path, request.split.is_some());
    }
    Ok(survey)
}

/// The same, of a volume that may have a container: that is not imaged. Where the volume is clean and sound, its files
/// are taken out of it in memory; else their content is left out.
fn without_container(request: &BackupRequest, source: &Source, kind: Kind, monitor: &Monitor) -> Result<BackupSurvey> {
    let Ok(Some(container)) = container_of(source, &request.source) else {
        return volume(request, source, kind, monitor);
    };
    let taken_out = fs::edit::refuse_unsound(&source.device, monitor)
        .and_then(|kind| released(&source.device, kind, &container.toc));
    match taken_out {
        Ok(device) => {
            let without = Source { place: source.place.clone(), device };
            let survey = volume(request, &without, kind, monitor)?;
            Ok(BackupSurvey { container: Some(container.toc), ..survey })
        }
        Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
        Err(_) => {
            let mut survey = volume(request, source, kind, monitor)?;
            let fs = fs::open(source.device.clone(), kind)?;
            let mut used = ClusterMap::clone(&survey.used);
            for file in &container.toc.files {
                leave_out(&folder().join(&file.name), &*fs, &mut used, &mut survey.excluded)?;
            }
            survey.used = Arc::new(used);
            Ok(survey)
        }
    }
}

/// What an image of a volume keeps, and what it leaves out.
pub(super) fn volume(request: &BackupRequest, source: &Source, kind: Kind, monitor: &Monitor) -> Result<BackupSurvey> {
    let advice = "Check it with the file system's own tool, or take all its sectors with --raw";
    let fs = fs::open(source.device.clone(), kind).map_err(|error| error.advise(advice))?;
    let mut used = fs.used().map_err(|error| error.context("reading which clusters are used").advise(advice))?;
    let mut summary = fs.summary().clone();
    if matches!(summary.state, State::Journal | State::Hibernated) {
        // What waits in the journal, or in a sleeping Windows, may use clusters that the bitmap on the disk still
        // calls free. Nothing is guessed: all are taken.
        used.set(Extent::new(0, used.clusters()), true);
        summary.notes.push(en::LOOK_BEHIND.into());
    }
    monitor.check()?;
    let excluded = exclude(request, &*fs, &mut used, monitor)?;
    Ok(BackupSurvey {
        place: source.place.clone(),
        summary,
        grid: fs.grid(),
        used: Arc::new(used),
        anchors: fs.anchors(),
        excluded,
        container: None,
        raw: false,
        ratio: 1.0,
        free: None,
        existing: Vec::new(),
    })
}

/// All sectors of a place whose kind is only recognised, or not even that.
fn raw(source: &Source, kind: Kind) -> Result<BackupSurvey> {
    let len = ByteLen(source.device.len().0 / 512 * 512);
    let grid = Grid::fit(len, RAW_CLUSTER, &[])
        .ok_or_else(|| Error::refused(format!("{} bytes are too few to image", source.device.len().0)))?;
    let mut used = ClusterMap::new(grid.clusters);
    used.set(Extent::new(0, grid.clusters), true);
    let summary = Summary {
        kind,
        label: None,
        id: None,
        len,
        sector_bytes: source.place.sector_bytes,
        cluster_bytes: grid.cluster_bytes,
        clusters: grid.clusters,
        state: State::Clean,
        notes: Vec::new(),
    };
    let seals = vec![ByteRange { offset: ByteOffset(0), len: ByteLen(RAW_SEAL.min(len.0)) }];
    Ok(BackupSurvey {
        place: source.place.clone(),
        summary,
        grid,
        used: Arc::new(used),
        anchors: Anchors { seals, hidden_sectors: Vec::new() },
        excluded: Vec::new(),
        container: None,
        raw: true,
        ratio: 1.0,
        free: None,
        existing: Vec::new(),
    })
}

/// Clears the clusters of files that are left out; gives their list.
fn exclude(
    request: &BackupRequest,
    fs: &dyn FileSystem,
    used: &mut ClusterMap,
    monitor: &Monitor,
) -> Result<Vec<Excluded>> {
    let mut excluded = Vec::new();
    let windows = !matches!(fs.summary().kind, Kind::Ext2 | Kind::Ext3 | Kind::Ext4);
    if request.default_excludes && windows {
        for entry in fs.tree().list(Path::new("/")).unwrap_or_default() {
            let name = entry.name.to_string_lossy().to_lowercase();
            if entry.kind == EntryKind::File && DEFAULT_EXCLUDES.contains(&name.as_str()) {
                leave_out(&Path::new("/").join(&entry.name), fs, used, &mut excluded)?;
            }
        }
    }
    if request.exclude.is_empty() {
        return Ok(excluded);
    }
    let patterns = patterns(&request.exclude, windows)?;
    let mut below: Option<PathBuf> = None;
    owners::walk(fs.tree(), &mut |path, kind, result| {
        monitor.check()?;
        result.map_err(|error| error.context(format_args!("looking for files to leave out in {}", path.display())))?;
        let inside = below.as_ref().is_some_and(|folder| path.starts_with(folder));
        let matches = patterns.is_match(path.strip_prefix("/").unwrap_or(path));
        if *kind == EntryKind::Directory && matches && !inside {
            below = Some(path.into());
        }
        if *kind == EntryKind::File && (inside || matches) && excluded.iter().all(|have| Path::new(&have.path) != path)
        {
            leave_out(path, fs, used, &mut excluded)?;
        }
        Ok(())
    })?;
    Ok(excluded)
}

/// `*.iso` means a name anywhere, `cache/*` and the like a path from the root.
fn patterns(globs: &[String], ignore_case: bool) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let trimmed = glob.trim_start_matches('/');
        let anywhere =
            if trimmed.contains('/') || glob.starts_with('/') { trimmed.into() } else { format!("**/{trimmed}") };
        let built = GlobBuilder::new(&anywhere).literal_separator(true).case_insensitive(ignore_case).build();
        set.add(built.map_err(|error| Error::refused(format!("--exclude {glob}: {}", error.kind())))?);
    }
    set.build().map_err(|error| Error::refused(format!("--exclude: {error}")))
}

fn leave_out(path: &Path, fs: &dyn FileSystem, used: &mut ClusterMap, excluded: &mut Vec<Excluded>) -> Result<()> {
    let tree: &dyn Tree = fs.tree();
    let doing = |error: Error| error.context(format_args!("leaving out {}", path.display()));
    let mut runs = ExtentSet::new();
    for run in tree.content(path).map_err(doing)? {
        // Clusters that another name has left out already, or that the volume says are free, are nobody's zeros.
        used.runs_in(run.start.0..run.end()).for_each(|run| runs.insert(run));
    }
    for run in runs.runs() {
        used.set(*run, false);
    }
    let bytes = tree.entry(path).map_err(doing)?.bytes;
    excluded.push(Excluded { path: path.to_string_lossy().into_owned(), bytes, clusters: runs.clusters(), runs });
    Ok(())
}

/// Compresses samples from all over the volume.
fn ratio(device: &SharedDevice, survey: &BackupSurvey, level: i32, monitor: &Monitor) -> Result<f64> {
    let clusters = (SAMPLE_BYTES / u64::from(survey.grid.cluster_bytes)).max(1);
    let step = (survey.used.used() / SAMPLES).max(1);
    let (mut raw, mut stored, mut seen, mut next) = (0u64, 0u64, 0u64, 0u64);
    for run in survey.used.runs() {
        while next < seen + run.clusters {
            monitor.check()?;
            let at = run.start.0 + (next - seen);
            let mut bytes = vec![0; survey.grid.bytes_of(clusters.min(run.end() - at)).0 as usize];
            next += step;
            // An unreadable sample only makes the estimate coarser.
            if device.read_at(survey.grid.offset_of(crate::unit::Cluster(at)), &mut bytes).is_ok()
                && let Ok(packed) = zstd::bulk::compress(&bytes, level.min(3))
            {
                raw += bytes.len() as u64;
                stored += packed.len() as u64;
            }
        }
        seen += run.clusters;
    }
    Ok(if raw == 0 { 1.0 } else { (stored as f64 / raw as f64).min(1.0) })
}

/// Free bytes in the folder where `path` will be.
fn free_bytes(path: &Path) -> Result<u64> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let stat = rustix::fs::statvfs(folder).map_err(|error| {
        Error::io(format!("looking at {}", folder.display()), error).advise("Choose a folder that is there")
    })?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

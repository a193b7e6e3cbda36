//! The list of files that `--only` takes when none are named: `lifeboat.toml` in the container.
//!
//! It is a file of the container as others are: the table of contents names it, no image has it, and it is replaced by
//! a journalled change. It is text, and whoever likes can write it himself: where the table of contents and the folder
//! differ, the folder counts.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use crate::device::SharedDevice;
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::{self, Overlay};
use crate::image::container::{FOLDER, FileRecord, Role, SETTINGS, Settings};
use crate::inventory::Address;
use crate::job::change;
use crate::job::container::folder;
use crate::job::inside::adopt::{in_order, path, renew, renewed};
use crate::job::inside::site::Site;
use crate::job::inside::vacate;
use crate::plan::Phase;
use crate::unit::ByteLen;

/// Longest text that is read.
const MAX_BYTES: u64 = 1 << 20;

/// The paths in the list.
///
/// # Errors
/// `Refused`, when there is none, it is empty, or it cannot be understood.
pub(super) fn list(site: &Site, volume: &Address) -> Result<Vec<PathBuf>> {
    let advice = "Name files or directories: --only PATH...; with --remember they become the list";
    let system = site.system()?;
    let none = |_| {
        Error::refused(format!("no files are named, and {volume} has no list of them (/{FOLDER}/{SETTINGS})"))
            .advise(advice)
    };
    let reader = system.tree().open(&path(SETTINGS)).map_err(none)?;
    let mut text = String::new();
    reader
        .take(MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| Error::io(format!("reading /{FOLDER}/{SETTINGS}"), error).advise(advice))?;
    let settings: Settings = toml::from_str(&text).map_err(|error| {
        Error::refused(format!("/{FOLDER}/{SETTINGS} cannot be understood: {}", error.message())).advise(advice)
    })?;
    if settings.only.is_empty() {
        return Err(Error::refused(format!("the list in /{FOLDER}/{SETTINGS} is empty")).advise(advice));
    }
    Ok(settings.only.into_iter().map(PathBuf::from).collect())
}

/// Works out the change that makes these paths the list; none when they are it already.
///
/// # Errors
/// `Refused`, when there is no container, or no room.
pub(super) fn remember(site: &Site, address: &Address, paths: &[PathBuf]) -> Result<Option<(Phase, SharedDevice)>> {
    if list(site, address).is_ok_and(|have| have == paths) {
        return Ok(None);
    }
    let text = text(paths)?;
    let none = || {
        Error::refused(format!("there is no container inside {address} that could keep a list"))
            .advise("Make an image of all first: without --only")
    };
    site.toc().ok_or_else(none)?;
    let place = place(site, text.len() as u64)?;
    let overlay = Arc::new(Overlay::new(site.source.device.clone()));
    let device: SharedDevice = overlay.clone();
    let mut edit = fs::edit::open_on(overlay, site.kind)?;
    let mut used = site.used.clone();
    let mut steps = change::begin(&mut *edit)?;
    edit.reserve(&[place])?;
    let mut toc = renewed(site)?;
    if toc.files.iter().any(|file| file.role == Role::Settings) {
        let old = edit.release(&folder(), SETTINGS)?;
        edit.reserve(&old)?;
    }
    let file = FileRecord {
        name: SETTINGS.into(),
        role: Role::Settings,
        bytes: text.len() as u64,
        runs: vec![site.range(place)],
    };
    edit.adopt(&folder(), SETTINGS, &[place], ByteLen(file.bytes))?;
    edit.replace(&path(SETTINGS), text.as_bytes())?;
    toc.files.retain(|file| file.role != Role::Settings);
    toc.files.push(file);
    in_order(&mut toc);
    renew(&mut *edit, &toc, &[])?;
    steps.push(edit.take(&format!("Write the list of {} paths, and renew the tables of contents", paths.len()))?);
    edit.used()?.runs().for_each(|run| used.set(run, true));
    change::end(&mut *edit, &mut steps)?;
    drop(edit);
    let phase = vacate::phase(site, address, "keeping the list of files to be taken".into(), steps, used)?;
    Ok(Some((phase, device)))
}

fn text(paths: &[PathBuf]) -> Result<String> {
    let only: Option<Vec<String>> = paths.iter().map(|path| path.to_str().map(str::to_owned)).collect();
    let only = only.ok_or_else(|| {
        Error::refused("a path that is no text cannot be kept in the list").advise("Leave --remember away")
    })?;
    let body = toml::to_string(&Settings { only }).map_err(|error| Error::damaged(format!("the list: {error}")))?;
    Ok(format!(
        "# Files and directories that `lifeboat backup PATH --inside --only` takes when none are named.\n{body}"
    ))
}

/// Free clusters for the list: right below the container where they are free, else the highest run that holds it.
fn place(site: &Site, bytes: u64) -> Result<Extent> {
    let clusters = site.units_of(bytes) * site.units.clusters;
    let begin = site.container_clusters().runs().first().map(|run| run.start.0);
    let runs = site.free_runs();
    let fits = |run: &&Extent| run.clusters >= clusters;
    let below = runs.iter().filter(fits).find(|run| Some(run.end()) == begin);
    let run = below.or_else(|| runs.iter().rev().find(fits)).ok_or_else(|| {
        let units = site.units_of(bytes);
        Error::refused(format!("the list needs {units} free clusters in one piece, and there is no such run"))
            .advise("Free space on the volume, or leave --remember away")
    })?;
    Ok(Extent::new(run.end() - clusters, clusters))
}

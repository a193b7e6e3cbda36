//! An image in which some files are as they are today, and all else is as in the image before.
//!
//! ```text
//! the image before ─► its volume ─► an edit in memory: files go, directories are made, files get other clusters ─┐
//! the volume today ─► the named files, by their names ─────────────────────────────► their bytes in those clusters ┤
//!                                                       imaged as any volume, with the image before as its base ◄─┘
//! ```
//!
//! What is named is compared file by file (length, look, time, content), so that files that are the same take no room.
//! The clusters of the others are those of the image's volume, and not those where they lie today: that volume stays a
//! whole of its own, which every checker calls sound.
//!
//! With the name of a user image that is inside already, the new image takes its place: the one change that makes the
//! new files part of the volume takes the old ones out. It is based on what the old one was based on, since nothing may
//! need what goes.

mod collect;
mod refill;
mod settings;
mod splice;

use std::sync::Arc;

use self::collect::{Changes, Collector};
use self::splice::Spliced;
use super::imaged::{self, Imaged};
use super::names;
use super::site::Site;
use crate::device::SharedDevice;
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, ExtentSet};
use crate::fs::{self, FileSystem, Overlay, State};
use crate::image::container::ImageRecord;
use crate::image::{Excluded, Header, Kind};
use crate::inventory::{Container, FoundImage, Source};
use crate::job::{Monitor, survey};
use crate::plan::{BackupRequest, BackupSurvey, Only, Phase, Renewal};
use crate::words::{en, fill, plural};

/// The request with the paths that it means: those it names, or those of the container's list.
///
/// # Errors
/// `Refused`, when it makes no sense, or there is no list.
pub(super) fn with_paths(request: &BackupRequest, site: &Site) -> Result<BackupRequest> {
    let mut request = request.clone();
    let Some(only) = &mut request.only else { return Ok(request) };
    if request.kind == Kind::Factory {
        return Err(Error::refused("a factory image is of one time, and is not renewed in parts")
            .advise("Leave --kind factory away: a user image can begin with what a factory image has"));
    }
    if only.paths.is_empty() {
        if only.remember {
            return Err(Error::refused("--remember keeps the paths behind --only as the list, and there are none")
                .advise("Name files or directories: --only PATH..."));
        }
        only.paths = settings::list(site, &request.source)?;
    }
    Ok(request)
}

/// The image whose place the new one takes: that of its name.
///
/// # Errors
/// `Refused`, when that is a factory image, or others need it.
pub(super) fn replaced(request: &BackupRequest, site: &Site) -> Result<Option<ImageRecord>> {
    let (Some(name), Some(toc), true) = (&request.name, site.toc(), request.only.is_some()) else { return Ok(None) };
    let Some(image) = names::existing(name, toc) else { return Ok(None) };
    let advice = "Choose another --name: the new image then begins with what the newest one has";
    if image.kind == Kind::Factory {
        return Err(Error::refused(format!("{} is a factory image, and is not replaced", image.name)).advise(advice));
    }
    let needed: Vec<&str> = toc.dependants(image.image_id).iter().map(|other| other.name.as_str()).collect();
    if needed.is_empty() {
        return Ok(Some(image.clone()));
    }
    Err(Error::refused(format!(
        "{} cannot be replaced: {} store only what differs from it",
        image.name,
        needed.join(", ")
    ))
    .advise(advice))
}

/// A change that keeps the paths as the container's list, and the volume as it is then.
///
/// # Errors
/// `Refused`, when there is no room.
pub(super) fn remember(request: &BackupRequest, site: &Site) -> Result<Option<(Phase, SharedDevice)>> {
    match &request.only {
        Some(only) if only.remember => settings::remember(site, &request.source, &only.paths),
        _ => Ok(None),
    }
}

/// The volume as it will be imaged must be sound.
///
/// # Errors
/// `Refused`, with what is wrong.
pub(super) fn prove(imaged: &Imaged, monitor: &Monitor) -> Result<()> {
    fs::edit::refuse_unsound(&imaged.device, monitor).map(drop).map_err(|error| {
        Error::refused(format!(
            "the image before, with the named files as they are today, would not be sound: {}",
            error.without_advice()
        ))
        .advise("Make an image of all: without --only")
    })
}

/// The image that the new one begins with: the one it replaces, else the newest user image, else the newest.
fn previous<'a>(request: &BackupRequest, site: &'a Site) -> Result<(&'a Container, &'a FoundImage)> {
    let volume = &request.source;
    let none = || {
        Error::refused(format!("there is no whole image inside {volume} that the new one could begin with"))
            .advise("Make one of all first: without --only")
    };
    let container = site.container.as_ref().ok_or_else(none)?;
    if let Some(image) = replaced(request, site)? {
        let found = container.images.iter().find(|found| found.record.image_id == image.image_id).ok_or_else(none)?;
        if let Some(damage) = found.damage.first() {
            return Err(Error::refused(format!("the image {} is damaged: {damage}", image.name))
                .advise("Make an image of all: without --only"));
        }
        return Ok((container, found));
    }
    let whole = container.images.iter().filter(|image| image.damage.is_empty());
    let newest = whole.max_by_key(|image| (image.record.kind == Kind::User, image.record.created));
    Ok((container, newest.ok_or_else(none)?))
}

/// What can be begun with: a volume that could be changed where it lies.
fn refuse_image(header: &Header, name: &str, site: &Site) -> Result<()> {
    let advice = "Make an image of all: without --only";
    let refuse = |why: String| Err(Error::refused(format!("the image {name} {why}")).advise(advice));
    if header.raw || header.volume.kind != site.kind {
        return refuse(format!(
            "is of another volume ({}) than what is there today ({})",
            header.volume.kind, site.kind
        ));
    }
    if header.volume.state != State::Clean {
        return refuse(format!("is of a volume that was not in a clean state ({})", header.volume.state));
    }
    Ok(())
}

/// The volume of the image before, with the named files as they are today.
///
/// # Errors
/// `Refused`, by name, for what is nowhere and for what cannot be taken by itself; with the numbers, when there is too
/// little room.
pub(super) fn imaged(request: &BackupRequest, only: &Only, site: &Site, monitor: &Monitor) -> Result<Imaged> {
    let (container, found) = previous(request, site)?;
    let (id, name) = (found.record.image_id, found.record.name.clone());
    let image = imaged::open(container, id).map_err(|error| error.context(format!("the image {name}")))?;
    let header = image.header().clone();
    refuse_image(&header, &name, site)?;
    let unread = image.trailer().bad_clusters.clone();
    let volume = image.volume().map_err(|error| error.context(format!("the image {name}")))?;
    let today = site.system()?;
    let then = fs::open(volume.clone(), site.kind)?;
    let collector = Collector {
        today: today.tree(),
        image: then.tree(),
        name: &name,
        monitor,
        changes: Changes::default(),
        seen: 0,
    };
    let changes = collector.collect(&only.paths)?;
    let overlay = Arc::new(Overlay::new(volume));
    let mut edit = fs::edit::open_on(overlay.clone(), site.kind)?;
    let pieces =
        fs::edit::at_time(header.created, || refill::refill(&mut *edit, then.grid(), &changes, &name, monitor))?;
    drop(edit);
    let files = changes.puts.iter().map(|put| (put.path.clone(), put.bytes)).collect();
    let device: SharedDevice = Arc::new(Spliced::new(overlay, pieces, today, files)?);
    let source = Source { place: site.source.place.clone(), device };
    let mut survey = survey::volume(request, &source, site.kind, monitor)?;
    let system = fs::open(source.device.clone(), site.kind)?;
    leave_out(&mut survey, &*system, &header.excluded, &changes);
    let mut notes = changes.notes();
    note_unread(&mut survey, &unread, &name);
    let is_other = header.volume.id != site.system()?.summary().id;
    notes.extend(is_other.then(|| fill(en::LOOK_IMAGE_OTHER_ID, &[("name", &name)])));
    let replaces = replaced(request, site)?.is_some();
    let renewal = Renewal {
        replaces,
        base: if replaces { header.base_image_id } else { Some(id) },
        previous: (id, name),
        files: changes.puts.len() as u64,
        bytes: changes.puts.iter().map(|put| put.bytes).sum(),
        directories: changes.made.len() as u64,
        same: changes.same,
        gone: changes.gone.len() as u64,
        notes,
    };
    Ok(Imaged { device: source.device, survey, renewal: Some(renewal) })
}

/// What the image before has left out stays left out: its clusters are zeros there, and no file's content.
fn leave_out(survey: &mut BackupSurvey, system: &dyn FileSystem, before: &[Excluded], changes: &Changes) {
    let mut used = ClusterMap::clone(&survey.used);
    for file in before {
        let path = std::path::Path::new(&file.path);
        if refill::is_renewed(changes, path) || survey.excluded.iter().any(|have| have.path == file.path) {
            continue;
        }
        let content: ExtentSet = system.tree().content(path).unwrap_or_default().into_iter().collect();
        if file.runs.intersect(&content) == file.runs {
            file.runs.runs().iter().for_each(|run| used.set(*run, false));
            survey.excluded.push(file.clone());
        }
    }
    survey.used = Arc::new(used);
}

/// What the image before could not read is not there in the new one, either.
fn note_unread(survey: &mut BackupSurvey, unread: &ExtentSet, name: &str) {
    if !unread.is_empty() {
        let count = unread.clusters();
        let words = plural(count, en::LOOK_IMAGE_ZEROS_ONE, en::LOOK_IMAGE_ZEROS_MANY);
        survey.summary.notes.push(fill(words, &[("count", &count), ("name", &name)]));
    }
}

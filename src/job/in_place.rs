//! Restoring a volume in place: onto the very volume that holds the image, or onto one that holds others. The images
//! inside are never overwritten, and are files of the restored volume.
//!
//! What is written is `Overlay(the image's volume)`, on which today's container was adopted: the image's clusters,
//! and over them the patches that make the container's files known to the restored file system. No journal is needed:
//! to finish what was interrupted is to do it again, and the marker in sector 0 says what that is.
//!
//! ```text
//! image verified ─► parts in the way copied, flushed, read back ─► tables of contents with a higher sequence number
//!   ─► marker ─► clusters that differ ─► flush ─► those read back ─► seals ─► volume checked
//! ```
//!
//! Cut before the marker, the volume is what it was. Cut behind it, the tables of contents lead to the image, whose
//! clusters nothing of the restore touches, and the restore begins again.

mod act;
mod entry;
pub(super) mod moves;
mod pass;
mod patched;
mod resume;
mod room;
mod survey;

use std::path::Path;

use super::Monitor;
use super::survey::same_file;
use crate::device::{SharedDevice, Window};
use crate::error::{Error, Kind, Result};
use crate::image::Image;
use crate::image::container::{FileRecord, Role, TOC_BEGIN, TOC_END, Toc, encode};
use crate::inventory::{self, Address, Container, LocateRequest, Place, Thoroughness};
use crate::plan::{self, ImageSource, Plan, RestoreRequest};
use crate::unit::{ByteLen, ByteOffset};

pub(super) use act::run;
pub(super) use entry::{refuse_changed, write as write_table};
pub(super) use resume::{interrupted, plan as plan_resume};

/// More than any table of contents has.
const MAX_TABLE: u64 = 1 << 20;
/// A new table's length is a multiple of this.
const TABLE_STEP: u64 = 4096;

/// What a restore in place is worked out for.
struct Site {
    /// Where it goes.
    place: Place,
    /// Its bytes.
    device: SharedDevice,
    /// The images inside, and where.
    toc: Toc,
    /// What is wrong with the container, in sentences.
    damage: Vec<String>,
}

/// What a restore turned out to be.
pub(super) enum Turn {
    /// In place.
    InPlace(Box<Plan>),
    /// An ordinary one; of an image inside another volume, if that was found.
    Ordinary(Option<Box<(Container, Image)>>),
}

/// Plans a restore in place, when that is what the request asks for.
///
/// # Errors
/// A refusal with its numbers, or what could not be read.
pub(super) fn plan(request: &RestoreRequest, monitor: &Monitor) -> Result<Turn> {
    match &request.image {
        ImageSource::Inside(address) => {
            let (container, image) =
                inventory::open_image(address, monitor).map_err(|error| unusable(address, error))?;
            match site_of(request, address, &container)? {
                Some(site) => {
                    let mut request = request.clone();
                    request.target = container.volume.clone();
                    worked_out(&request, site, image, monitor)
                }
                None => Ok(Turn::Ordinary(Some(Box::new((container, image))))),
            }
        }
        ImageSource::File(_) | ImageSource::Pipe => onto_container(request, monitor),
    }
}

/// An image of which too little is left to open it is refused like any other damaged one: nothing was written.
fn unusable(address: &Address, error: Error) -> Error {
    let is_lost = error.kind() == Kind::Corrupt || (error.is_io() && error.os_error().is_none());
    if !is_lost {
        return error;
    }
    Error::refused(format!("the image cannot be used: {}", error.without_advice()))
        .advise(format!("Use another image: lifeboat images {}", address.path().display()))
}

fn worked_out(request: &RestoreRequest, site: Site, image: Image, monitor: &Monitor) -> Result<Turn> {
    let survey = survey::survey(request, site, image, monitor)?;
    Ok(Turn::InPlace(Box::new(plan::in_place(request, survey)?)))
}

/// The image's own volume, when that is the target.
fn site_of(request: &RestoreRequest, address: &Address, container: &Container) -> Result<Option<Site>> {
    let own = address.image().is_some_and(|(volume, _)| *volume == request.target);
    if !request.home && !own && request.target != container.volume {
        let target = inventory::open_source(&request.target)?.place;
        let home = &container.source.place;
        if !same_file(&target.disk, &home.disk) || target.start != home.start {
            return Ok(None);
        }
    }
    Site::new(container).map(Some)
}

/// An image from elsewhere, onto a volume that holds images.
fn onto_container(request: &RestoreRequest, monitor: &Monitor) -> Result<Turn> {
    let target = inventory::open_source(&request.target)?;
    if target.place.is_divided() {
        return Ok(Turn::Ordinary(None));
    }
    let quick = Thoroughness::Quick;
    let look = LocateRequest { sources: vec![request.target.clone()], aids: Vec::new(), thoroughness: quick };
    let found = inventory::locate(&look, monitor).unwrap_or_default().into_iter();
    let own = |container: &Container| container.volume == request.target && !container.images.is_empty();
    let Some(container) = found.into_iter().find(own) else { return Ok(Turn::Ordinary(None)) };
    let ImageSource::File(path) = &request.image else {
        return Err(Error::refused(format!(
            "{} holds {} images, which a restore from a pipe would overwrite",
            request.target,
            container.images.len()
        ))
        .advise("Write the image to a file first: restored from there, the images inside stay"));
    };
    if holds(path, &target.place) {
        return Ok(Turn::Ordinary(None));
    }
    worked_out(request, Site::new(&container)?, Image::open(path)?, monitor)
}

/// True when a file is the disk itself: refused as always.
fn holds(path: &Path, place: &Place) -> bool {
    same_file(path, &place.node) || same_file(path, &place.disk)
}

/// Tables of contents for a container that has lost all of its own, without places yet: with room for half as much
/// again, for what a later image adds.
fn tables(toc: &Toc) -> Result<[FileRecord; 2]> {
    let needed = encode(toc, ByteOffset::ZERO, ByteLen(MAX_TABLE))?.len() as u64;
    let bytes = (needed + needed / 2).next_multiple_of(TABLE_STEP).min(MAX_TABLE);
    let table = |name: &str, role| FileRecord { name: name.into(), role, bytes, runs: Vec::new() };
    Ok([table(TOC_BEGIN, Role::TocBegin), table(TOC_END, Role::TocEnd)])
}

impl Site {
    /// The volume of a container: where no table names it, no longer than its table of contents says.
    fn new(container: &Container) -> Result<Self> {
        let source = &container.source;
        let mut place = source.place.clone();
        let mut device = source.device.clone();
        if place.entry.is_none() && place.len.0 > container.toc.volume.bytes && container.toc.volume.bytes > 0 {
            place.len = ByteLen(container.toc.volume.bytes);
            device = std::sync::Arc::new(Window::new(device, ByteOffset::ZERO, place.len)?);
        }
        let mut toc = container.toc.clone();
        if !toc.files.iter().any(|file| file.role.is_toc()) {
            toc.files.extend(tables(&toc)?);
        }
        Ok(Self { place, device, toc, damage: container.damage.clone() })
    }
}

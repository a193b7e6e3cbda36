//! What an image inside is made of: the volume as it would be without its container; and the image it is based on.

use std::sync::Arc;

use uuid::Uuid;

use super::only;
use super::site::Site;
use crate::device::SharedDevice;
use crate::error::{Error, Result};
use crate::image::container::blocks::BlockWriter;
use crate::image::{Header, Image, Kind, Sink, check_base};
use crate::inventory::Source;
use crate::inventory::{Container, FoundImage};
use crate::job::Monitor;
use crate::job::backup::{self, ImageInput, Made};
use crate::job::container::released;
use crate::job::survey;
use crate::plan::{BackupRequest, BackupSurvey, Renewal};

/// Images that may lead to each other, one over the other, at most.
const MAX_BASES: usize = 64;

/// The volume as it is imaged.
pub(super) struct Imaged {
    /// Its bytes: on these, the container's files are not there.
    pub(super) device: SharedDevice,
    /// Which of them are kept.
    pub(super) survey: BackupSurvey,
    /// It is the volume of an earlier image, but for some files.
    pub(super) renewal: Option<Renewal>,
}

impl Imaged {
    /// Takes the container out of a volume, in memory, and looks what is to be kept of the rest.
    ///
    /// # Errors
    /// When the volume cannot be read, or a file of the container is not what its table says.
    pub(super) fn new(request: &BackupRequest, site: &Site, monitor: &Monitor) -> Result<Self> {
        if let Some(only) = &request.only {
            return only::imaged(request, only, site, monitor);
        }
        let device = match site.toc() {
            Some(toc) => released(&site.source.device, site.kind, toc)?,
            None => site.source.device.clone(),
        };
        let source = Source { place: site.source.place.clone(), device };
        let survey = survey::volume(request, &source, site.kind, monitor)?;
        Ok(Self { device: source.device, survey, renewal: None })
    }

    /// The header of an image of it. It has the name that the image goes by in the container: where every table of
    /// contents is lost, nothing else tells it, and the label of the volume is beside it anyway.
    pub(super) fn header(&self, request: &BackupRequest, name: &str) -> Header {
        backup::header(&self.survey, &self.device, request.kind, name.into(), false)
    }

    /// Writes the image: as it is, or in blocks.
    ///
    /// # Errors
    /// When the source or the sink fails, or the job is cancelled.
    pub(super) fn write<S: Sink>(
        &self,
        request: &BackupRequest,
        header: Header,
        base: Option<Arc<Image>>,
        scattered: bool,
        sink: S,
        monitor: &Monitor,
    ) -> Result<(S, Made)> {
        let id = header.image_id;
        let input = ImageInput {
            source: &self.device,
            used: &self.survey.used,
            header,
            level: request.level,
            threads: request.threads,
            base,
        };
        if !scattered {
            return backup::write_image(input, sink, monitor);
        }
        let (blocks, made) = backup::write_image(input, BlockWriter::new(sink, id), monitor)?;
        Ok((blocks.finish()?, made))
    }
}

/// Opens an image of a container with all it needs.
///
/// # Errors
/// When one of them is not there, or cannot be opened.
pub(super) fn open(container: &Container, id: Uuid) -> Result<Image> {
    open_chain(container, id, 0)
}

fn open_chain(container: &Container, id: Uuid, depth: usize) -> Result<Image> {
    let image = container.open(id)?;
    match image.needs_base() {
        Some(_) if depth >= MAX_BASES => Err(Error::damaged(format!("image {id} needs more than {MAX_BASES} others"))),
        Some(base) => image.with_base(Arc::new(open_chain(container, base, depth + 1)?)),
        None => Ok(image),
    }
}

/// The image that a new one is based on: the newest user image, else the newest factory image, that is whole as far
/// as opening tells and was cut like the new one. One of which some files are renewed is based on that; when it takes
/// its place, on the base of that. None for what shall be complete in itself.
pub(super) fn base(
    container: Option<&Container>,
    request: &BackupRequest,
    renewal: Option<&Renewal>,
    header: &Header,
) -> Option<(Arc<Image>, String)> {
    let container = container?;
    if request.full || request.kind == Kind::Factory {
        return None;
    }
    let mut images: Vec<&FoundImage> = container.images.iter().filter(|image| image.damage.is_empty()).collect();
    if let Some(renewal) = renewal {
        images.retain(|image| Some(image.record.image_id) == renewal.base);
    }
    images.sort_by_key(|image| (image.record.kind == Kind::Factory, std::cmp::Reverse(image.record.created)));
    images.into_iter().find_map(|found| {
        let image = open(container, found.record.image_id).ok()?;
        let whole = image.damage().is_empty() && image.digest().as_deref() == Some(found.record.digest.as_str());
        (whole && check_base(header, &image).is_ok()).then(|| (Arc::new(image), found.record.name.clone()))
    })
}

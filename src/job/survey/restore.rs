//! The same for a restore: the image and the target.

use std::path::Path;

use crate::device::SharedDevice;
use crate::error::{Error, Result};
use crate::fs::{self, Kind, Probe};
use crate::image::{Header, Image, ImageStream};
use crate::inventory::{Address, Container, Place, open_source};
use crate::plan::{ImageSource, PipedImage, RestoreRequest, RestoreSurvey};
use crate::words::{en, fill};

/// Looks at a restore's image and target. From a pipe, the header is read, and the rest left to come.
pub(in crate::job) fn restore(
    request: &RestoreRequest,
    found: Option<Box<(Container, Image)>>,
) -> Result<(RestoreSurvey, PipedImage)> {
    let target = open_source(&request.target)?;
    let mut piped = PipedImage::default();
    let (header, image_bytes, damage) = match (&request.image, found.map(|found| *found)) {
        (ImageSource::Inside(address), Some((container, image))) => {
            refuse_overlap(address, &container.source.place, &request.target, &target.place)?;
            of_image(&image, request)?
        }
        (ImageSource::Inside(address), None) => return Err(Error::refused(format!("{address} was not looked for"))),
        (ImageSource::File(path), _) => of_image(&Image::open(path)?, request)?,
        (ImageSource::Pipe, _) => {
            let stream = ImageStream::open(Box::new(std::io::stdin()) as Box<dyn std::io::Read + Send>)?;
            let header = stream.header().clone();
            piped = PipedImage::new(stream);
            (header, None, Vec::new())
        }
    };
    let image_is_target = match &request.image {
        ImageSource::File(path) => same_file(path, &target.place.node) || same_file(path, &target.place.disk),
        ImageSource::Pipe | ImageSource::Inside(_) => false,
    };
    let occupant = occupant(&target.device);
    Ok((RestoreSurvey { header, image_bytes, damage, place: target.place, occupant, image_is_target }, piped))
}

fn of_image(image: &Image, request: &RestoreRequest) -> Result<(Header, Option<u64>, Vec<String>)> {
    if !request.keep_going {
        image.refuse_without_base()?;
    }
    Ok((image.header().clone(), Some(image.bytes()), image.damage().to_vec()))
}

/// A volume is restored from inside itself only in place; nowhere else on the bytes that hold the image.
fn refuse_overlap(image: &Address, from: &Place, target: &Address, to: &Place) -> Result<()> {
    let apart =
        from.start.0.saturating_add(from.len.0) <= to.start.0 || to.start.0.saturating_add(to.len.0) <= from.start.0;
    if apart || !same_file(&from.disk, &to.disk) {
        return Ok(());
    }
    Err(Error::refused(format!(
        "{target} (bytes {} to {}) overlaps the volume that holds {image} (bytes {} to {}): the image would be overwritten while it is read",
        to.start.0,
        to.start.0.saturating_add(to.len.0),
        from.start.0,
        from.start.0.saturating_add(from.len.0)
    ))
    .advise("Leave --to out to restore the volume in place, or choose a target beside it"))
}

pub(in crate::job) fn same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// What is on the target now, in words.
pub(in crate::job) fn occupant(device: &SharedDevice) -> Option<String> {
    let kind = match fs::probe(device).ok()? {
        Probe::None => return None,
        Probe::One(kind) => kind,
        Probe::Ambiguous(_) => Kind::Ambiguous,
    };
    if kind == Kind::Unfinished {
        return Some(en::THERE_UNFINISHED.into());
    }
    let summary =
        if kind.has_driver() { fs::open(device.clone(), kind).ok().map(|fs| fs.summary().clone()) } else { None };
    let Some(summary) = summary else { return Some(kind.to_string()) };
    Some(match &summary.label {
        Some(label) => fill(en::VALUE_IDENTITY_LABELLED, &[("kind", &kind), ("label", label), ("size", &summary.len)]),
        None => fill(en::VALUE_IDENTITY, &[("kind", &kind), ("size", &summary.len)]),
    })
}

//! From the places of a container's files to the images in them.

use std::sync::Arc;

use uuid::Uuid;

use super::{FoundBy, FoundImage};
use crate::device::{MemoryDevice, Pieces, ReadDevice, SharedDevice};
use crate::error::Result;
use crate::image::Image;
use crate::image::container::{FileRecord, ImageRecord, Toc};
use crate::unit::{ByteLen, ByteOffset};
use crate::volume::ByteRange;

/// The bytes of files, one behind the other: an image's parts, or a single file.
///
/// # Errors
/// When a run lies beyond the device.
pub(super) fn device_of(device: &SharedDevice, files: &[&FileRecord]) -> Result<SharedDevice> {
    let mut pieces: Vec<ByteRange> = Vec::new();
    for file in files {
        let mut rest = file.bytes;
        for run in &file.runs {
            let len = ByteLen(run.len.0.min(rest));
            rest -= len.0;
            pieces.push(ByteRange { offset: run.offset, len });
        }
    }
    Ok(Arc::new(Pieces::new(device.clone(), pieces)?))
}

/// An image that was looked for in a place.
pub(super) struct Opened {
    pub(super) image: FoundImage,
    /// The place holds that image, be it damaged. Otherwise it holds other data: what named it is a left-over.
    pub(super) is_there: bool,
}

/// Looks for the image of a record in the places that a table of contents tells.
pub(super) fn open_recorded(device: &SharedDevice, toc: &Toc, record: &ImageRecord) -> Opened {
    let parts = toc.parts_of(record.image_id);
    let mut damage = Vec::new();
    if parts.len() < record.parts as usize {
        damage.push(format!("{} of its {} parts are missing", record.parts as usize - parts.len(), record.parts));
    }
    let nothing = || Arc::new(MemoryDevice::new(Vec::new())) as SharedDevice;
    let (bytes, opened) = match device_of(device, &parts) {
        Ok(bytes) => (bytes.clone(), Image::from_device(bytes, parts.len())),
        Err(error) => (nothing(), Err(error.context("its place ends beyond the volume"))),
    };
    let is_there = match opened {
        Ok(image) if image.header().image_id == record.image_id => {
            damage.extend(image.damage().iter().cloned());
            damage.extend(other_content(&image, record));
            true
        }
        Ok(image) => {
            damage.push(format!("its place holds another image: {}", image.header().image_id));
            false
        }
        Err(error) => {
            damage.push(format!(
                "its place does not hold it any more, or its beginning and its end are destroyed: {}",
                error.without_advice()
            ));
            false
        }
    };
    let image = FoundImage {
        record: record.clone(),
        found_by: FoundBy::Toc,
        device: bytes,
        parts: parts.len(),
        damage,
        needs: None,
        is_shadowed: false,
    };
    Opened { image, is_there }
}

/// In words, when an image is not the one that the table of contents was written for.
pub(super) fn other_content(image: &Image, record: &ImageRecord) -> Option<String> {
    let digest = image.digest()?;
    let differs = !record.digest.is_empty() && record.digest != digest;
    differs.then(|| {
        format!("its index is not the one that the table of contents names: BLAKE3 {digest}, not {}", record.digest)
    })
}

/// The record of an image of which no table of contents tells, from its own header.
pub(super) fn record_of(image: &Image, name: &str, parts: usize) -> ImageRecord {
    let header = image.header();
    ImageRecord {
        name: name.into(),
        image_id: header.image_id,
        base_id: header.base_image_id,
        kind: header.kind,
        created: header.created,
        bytes: image.bytes(),
        parts: u32::try_from(parts).unwrap_or(u32::MAX),
        scattered: false,
        digest: image.digest().unwrap_or_default(),
        header: None,
    }
}

/// Says of each image whether those it needs are there and whole.
pub(super) fn judge_bases(images: &mut [FoundImage]) {
    for image in images.iter_mut() {
        let said = image.needs.take();
        image.damage.retain(|damage| Some(damage) != said.as_ref());
    }
    let known: Vec<(Uuid, Option<Uuid>, String, bool)> = images
        .iter()
        .map(|image| {
            let record = &image.record;
            (record.image_id, record.base_id, record.name.clone(), image.damage.is_empty())
        })
        .collect();
    for image in images {
        let mut next = image.record.base_id;
        // A chain is at most as long as there are images: one that leads back into itself ends, too.
        for _ in 0..known.len() {
            let Some(wanted) = next else { break };
            match known.iter().find(|(id, ..)| *id == wanted) {
                None => {
                    image.needs = Some(format!("it needs the image {wanted}, which is not here"));
                    break;
                }
                Some((_, _, name, false)) => {
                    image.needs = Some(format!("it needs the image {name} ({wanted}), which is damaged"));
                    break;
                }
                Some((_, base, ..)) => next = *base,
            }
        }
        if next.is_some_and(|id| id == image.record.image_id) {
            image.needs = Some("it is a base of its own base".into());
        }
        image.damage.extend(image.needs.clone());
    }
}

/// Runs without what they share at their borders: two that follow each other are one.
pub(super) fn merged(runs: impl IntoIterator<Item = ByteRange>) -> Vec<ByteRange> {
    let mut list: Vec<ByteRange> = Vec::new();
    for run in runs {
        match list.last_mut() {
            Some(last) if last.offset.0 + last.len.0 == run.offset.0 => last.len.0 += run.len.0,
            _ => list.push(run),
        }
    }
    list
}

/// Where a file's bytes lie, its last run no longer than what is left: for comparing what two sources tell.
pub(super) fn places(file: &FileRecord) -> Vec<ByteRange> {
    let mut rest = file.bytes;
    let cut = file.runs.iter().map(|run| {
        let len = ByteLen(run.len.0.min(rest));
        rest -= len.0;
        ByteRange { offset: run.offset, len }
    });
    merged(cut.filter(|run| run.len.0 > 0).collect::<Vec<_>>())
}

/// What stands at a place of a device, at most `len` bytes of it.
pub(super) fn head(device: &dyn ReadDevice, offset: ByteOffset, len: usize) -> Vec<u8> {
    let there = device.len().0.saturating_sub(offset.0).min(len as u64);
    crate::device::read_vec(device, offset, there as usize).unwrap_or_default()
}

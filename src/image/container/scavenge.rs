//! Scavenging: images put together again from what lies about on a device, when neither file system nor table of
//! contents helps.
//!
//! # How
//!
//! One pass over the device finds every record and block, and proves it by its own digest. A frame, part or
//! footer record says where in its image it lies; a page, root, trailer or copy of the header is placed by the records
//! beside it, or by what the footer and its own entries say. Place on the device minus place in the image is the same for
//! all records of one fragment. So:
//!
//! - Where the next record of an image lies exactly where the one before it ends, everything between is taken as it lies;
//!   whether it is whole, its digest tells when the image is read.
//! - Where that is not so, a fragment ends inside the unit before. It ends at a multiple of 512 bytes of the device, most
//!   likely one of the volume's clusters; what is before lies behind its record, and what is after before the next record.
//!   Each such border is tried until the frame's (or record's) digest fits. To try few of them, the heads of
//!   the blocks in the zstd frame are followed: through the right border they lead exactly to the frame's end.
//! - Of several copies at one place in the image (left-overs of an image that was moved), the one that fits its
//!   neighbours is taken, and when there is more than one, the first whose digest is right.
//! - What the records say anyway is made again where it is lost: the header by its copy or by a table of contents, the
//!   footer by root and trailer, the seek table by all records.
//!
//! A unit with two borders, and what lies in a fragment without any whole record, are given up and named: nothing
//! on the disk says whose those bytes are.
//! An image in scattered storage needs none of this: its blocks say all.
//!
//! # Bounds
//!
//! Whatever the bytes: at most [`MAX_IMAGES`] images, [`MAX_PIECES`] records and block runs of all together
//! (some 200 bytes in memory each, and three buffers as long as the longest frame), no image longer than the device; bodies
//! of records are read up to twice the device's length, and proofs unpack up to four times of it (both with an allowance for
//! small devices). What was left out for that is told. Opening what was found costs what any image of that length
//! costs, and `progress` is asked before each proof, so that a user can end it.

mod border;
mod collect;
mod patchwork;
mod resolve;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use uuid::Uuid;

use super::blocks::{BLOCK, BlocksDevice, bytes_in_blocks};
use super::scan::{Order, scan};
use super::toc::Toc;
use crate::device::SharedDevice;
use crate::error::Result;
use crate::image::Header;
use crate::unit::{ByteLen, ByteOffset};
use crate::volume::ByteRange;
use border::Proofs;
use collect::{Collector, Found};
use patchwork::{Patch, Patchwork, Source};
use resolve::Resolver;

/// Images put together at most: far more than a disk has ever held.
pub const MAX_IMAGES: usize = 1 << 10;
/// Records and runs of blocks kept at most, of all images: at 4 MiB a chunk, 8 TiB of images.
pub const MAX_PIECES: usize = 1 << 21;
/// Sentences about the damage of one image at most.
const MAX_SENTENCES: usize = 200;
/// What a small device may cost beyond its length.
const ALLOWANCE: u64 = 4 << 30;

/// What was found on a device.
#[derive(Debug, Default)]
pub struct Scavenge {
    /// The images, those found first in front.
    pub images: Vec<Scavenged>,
    /// What the search left out, and why: in sentences.
    pub left_out: Vec<String>,
    /// Bytes that could not be read.
    pub unreadable: u64,
}

/// An image put together again.
#[derive(Debug)]
pub struct Scavenged {
    /// Its identity.
    pub image_id: Uuid,
    /// Its header: whose volume it is, where that lay, and all else; none when it is lost, and the image cannot be opened.
    pub header: Option<Header>,
    /// It is in scattered storage: offsets count in the file of blocks.
    pub scattered: bool,
    /// Where on the device its volume began, when a table of contents that names the image told.
    pub volume_start: Option<u64>,
    /// Where in the image, and where on the device; in the image's order, without overlaps.
    pub pieces: Vec<(ByteOffset, ByteRange)>,
    /// Length of the image, as far as it is known.
    pub bytes: u64,
    /// What is lost, in sentences; with none, every byte of the image is there again.
    pub damage: Vec<String>,
    /// All pieces, those that were made again as well; in a file of blocks, the blocks.
    patches: Vec<Patch>,
    /// Root, trailer, pages and footer are there: the image is opened by its index.
    indexed: bool,
}

impl Scavenged {
    /// The image as a device, for [`Image::from_device`](crate::image::Image::from_device). What is not known reads
    /// as zeros: all content has digests, so that they are never taken for any, and an error would hide the
    /// records in the same read. An image without its index is walked record by record: there the
    /// stretches that are not known are left out but for a sector, so that walking takes no time for nothing.
    ///
    /// # Errors
    /// When the device is not the one that was searched.
    pub fn device(&self, device: SharedDevice) -> Result<SharedDevice> {
        if self.scattered {
            let len = bytes_in_blocks(self.bytes);
            let file: SharedDevice = Arc::new(Patchwork::new(device, self.patches.clone(), len)?);
            return Ok(Arc::new(BlocksDevice::scavenged(file, self.image_id, ByteLen(self.bytes))));
        }
        if self.indexed {
            return Ok(Arc::new(Patchwork::new(device, self.patches.clone(), self.bytes)?));
        }
        Ok(Arc::new(Patchwork::closed_up(device, self.patches.clone())?))
    }
}

/// Searches a range of a device for everything that is left of images. `progress` is told of the bytes searched, is
/// asked again and again while borders are searched (with 0), and may end the search by an error.
///
/// # Errors
/// Only what `progress` gives.
pub fn scavenge(
    device: &SharedDevice,
    range: Range<u64>,
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Scavenge> {
    let mut collector = Collector::new(device);
    let unreadable = scan(device, range, Order::Forward, progress, &mut |sighting| {
        collector.see(sighting);
        ControlFlow::Continue(())
    })?;
    let (found, tocs, left_out) = collector.finish();
    let mut result = Scavenge { images: Vec::new(), left_out, unreadable };
    let mut proofs = Proofs::new(device, progress);
    for mut found in found {
        let hint = tocs.iter().find(|(_, toc)| toc.image(found.id).is_some());
        let volume_start = hint.map(|(start, _)| *start);
        let blocks = std::mem::take(&mut found.blocks);
        if !blocks.is_empty() {
            result.images.push(of_blocks(device, &found, blocks, volume_start));
        }
        if found.units.len() + found.header_places.len() > 0 {
            let text = hint.and_then(|(_, toc)| header_text(toc, found.id));
            let mut image = Resolver::new(&mut proofs, found, text).run()?;
            image.volume_start = volume_start;
            result.images.push(image);
        }
    }
    if proofs.gave_up() {
        result.left_out.push("Not every border between fragments was searched: there are far too many of them".into());
    }
    Ok(result)
}

fn header_text(toc: &Toc, id: Uuid) -> Option<&str> {
    toc.image(id)?.header.as_deref().filter(|text| !text.is_empty())
}

/// A run of an image's blocks, one behind the other on the device.
#[derive(Clone, Copy, Debug)]
struct BlockRun {
    sequence: u64,
    place: u64,
    count: u64,
}

/// An image of its blocks. All of them are proven: of two copies of one, either will do.
fn of_blocks(device: &SharedDevice, found: &Found, mut runs: Vec<BlockRun>, volume_start: Option<u64>) -> Scavenged {
    runs.sort_unstable_by_key(|run| (run.sequence, u64::MAX - run.count));
    let (mut patches, mut damage) = (Vec::new(), Vec::new());
    let mut at = 0;
    for run in runs {
        let end = run.sequence + run.count;
        if end <= at {
            continue;
        }
        if run.sequence > at {
            note(&mut damage, || format!("Blocks {at} to {} are lost", run.sequence - 1));
        }
        let from = at.max(run.sequence);
        let place = run.place + (from - run.sequence) * BLOCK as u64;
        let patch =
            Patch { offset: from * BLOCK as u64, len: (end - from) * BLOCK as u64, source: Source::Device(place) };
        patches.push(patch);
        at = end;
    }
    let bytes = found.blocks_end.filter(|end| bytes_in_blocks(*end) == at * BLOCK as u64);
    if bytes.is_none() {
        note(&mut damage, || format!("The blocks behind block {} are lost", at.saturating_sub(1)));
    }
    let mut image = Scavenged {
        image_id: found.id,
        header: None,
        scattered: true,
        volume_start,
        pieces: patchwork::on_device(&patches),
        bytes: bytes.unwrap_or(at * super::blocks::PAYLOAD as u64),
        damage,
        patches,
        indexed: true,
    };
    image.header = image
        .device(device.clone())
        .ok()
        .and_then(|image| crate::image::Image::from_device(image, 1).ok())
        .map(|image| image.header().clone());
    if image.header.is_none() {
        note(&mut image.damage, || "The image's header is lost".into());
    }
    image
}

/// Adds a sentence about damage, unless there are many already.
fn note(damage: &mut Vec<String>, sentence: impl FnOnce() -> String) {
    if damage.len() < MAX_SENTENCES {
        damage.push(sentence());
    } else if damage.len() == MAX_SENTENCES {
        damage.push("There is more damage of this kind".into());
    }
}

#[cfg(test)]
mod tests;

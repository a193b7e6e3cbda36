//! How long an image will be: worked out to the byte for a small volume, from samples for a large one.

use std::sync::Arc;

use super::imaged::Imaged;
use super::sink::{Hole, Part};
use crate::error::{Error, Result};
use crate::extent::ExtentSet;
use crate::image::container::blocks::bytes_in_blocks;
use crate::image::{Image, format};
use crate::job::Monitor;
use crate::job::gather::{Chunks, Gatherer};
use crate::plan::BackupRequest;

/// Up to here, an image is made in memory to see how long it is.
const EXACT_BYTES: u64 = 64 << 20;
/// Chunks that are compressed to know the rest.
const SAMPLES: u64 = 48;

/// What an image will take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Size {
    /// Bytes of the image.
    pub(super) bytes: u64,
    /// Units, those in part used at the ends of parts included.
    pub(super) units: u64,
    /// Its parts.
    pub(super) parts: Vec<Part>,
    /// Worked out, not estimated.
    pub(super) exact: bool,
}

/// How the image is laid out.
#[derive(Clone, Copy)]
pub(super) struct Layout<'a> {
    pub(super) request: &'a BackupRequest,
    pub(super) name: &'a str,
    pub(super) unit_bytes: u64,
    pub(super) part_bytes: u64,
    /// In blocks.
    pub(super) scattered: bool,
}

/// Works out or estimates the size of an image.
///
/// # Errors
/// When the volume cannot be read, or the look is cancelled.
pub(super) fn size(layout: Layout<'_>, imaged: &Imaged, base: Option<&Arc<Image>>, monitor: &Monitor) -> Result<Size> {
    let Layout { request, name, unit_bytes, part_bytes, scattered } = layout;
    if imaged.survey.used_bytes().0 <= EXACT_BYTES {
        let sink = Hole::counting(unit_bytes, part_bytes);
        let header = imaged.header(request, name);
        let (sink, _) = imaged.write(request, header, base.cloned(), scattered, sink, monitor)?;
        let (parts, units) = sink.finish()?;
        return Ok(Size { bytes: parts.iter().map(|part| part.bytes).sum(), units, parts, exact: true });
    }
    let survey = &imaged.survey;
    let chunk_clusters = format::chunk_clusters(survey.grid);
    let chunks = survey.used.used().div_ceil(chunk_clusters).max(1);
    let stored = sample(imaged, base, request.level, chunks / SAMPLES, monitor)?;
    // Records of chunks and their entries in the index, the bitmap, header and footer: from above.
    let overhead = 320 * survey.grid.clusters.div_ceil(chunk_clusters) + survey.grid.clusters / 512 + (128 << 10);
    let bytes = (survey.used_bytes().0 as f64 * stored * 1.02) as u64 + overhead;
    let bytes = if scattered { bytes_in_blocks(bytes) } else { bytes };
    // A part ends where the next chunk does not fit any more, so there may be one more than the length tells.
    let mut parts = Vec::new();
    let (mut start, mut left) = (0, bytes);
    while left > 0 || parts.is_empty() {
        let now = left.min(part_bytes);
        parts.push(Part { start, bytes: now });
        start += now.next_multiple_of(unit_bytes);
        left -= now;
    }
    Ok(Size { bytes, units: start / unit_bytes, parts, exact: false })
}

/// Stored bytes over raw bytes, in every so many-th chunk.
fn sample(imaged: &Imaged, base: Option<&Arc<Image>>, level: i32, skip: u64, monitor: &Monitor) -> Result<f64> {
    let survey = &imaged.survey;
    let mut chunks = Chunks::new(&survey.used, format::chunk_clusters(survey.grid));
    let mut gatherer = Gatherer::new(&imaged.device, survey.grid);
    let (mut runs, mut raw) = (Vec::new(), Vec::new());
    let (mut all, mut stored, mut number) = (0u64, 0u64, 0u64);
    while let Some(span) = chunks.next(&mut runs) {
        // One of every so many, at a place within them that follows no pattern: data often does.
        let (group, within) = (number / skip.max(1), number % skip.max(1));
        number += 1;
        if within != group.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (1 << 32) % skip.max(1) {
            continue;
        }
        monitor.check()?;
        gatherer.read(&runs, &mut raw, &mut ExtentSet::new())?;
        all += raw.len() as u64;
        let digest = *blake3::hash(&raw).as_bytes();
        let theirs = base.and_then(|base| base.entry_at(span).ok().flatten());
        if theirs.is_some_and(|entry| entry.digest == digest) {
            continue;
        }
        let packed =
            zstd::bulk::compress(&raw, level.min(3)).map_err(|error| Error::io("compressing a sample", error))?;
        stored += packed.len() as u64;
    }
    Ok(if all == 0 { 1.0 } else { stored as f64 / all as f64 })
}

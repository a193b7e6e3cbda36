//! Seals: the bytes that make a volume look valid (boot record, superblock), held back until everything else is
//! written and proven. Until then the target's first sector says that a restore was not finished.

use uuid::Uuid;

use crate::device::{ReadDevice, WriteDevice, read_vec};
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent};
use crate::fs::ByteRange;
use crate::fs::foreign::UNFINISHED_MARKER;
use crate::image::Header;
use crate::inventory::Place;
use crate::plan::ImagesInside;
use crate::unit::{ByteLen, ByteOffset, Grid};

/// The sector that bears the marker.
const SECTOR: u64 = 512;

struct Seal {
    range: ByteRange,
    /// The image's bytes, as far as they came by.
    bytes: Vec<u8>,
    /// How many of them came by: not all when a damaged image had lost them.
    taken: usize,
}

impl Seal {
    /// What stands there in the end: the image's bytes, or the mask, when those are lost.
    fn last_bytes(&self, marker: &Marker) -> Vec<u8> {
        if self.taken == self.bytes.len() { self.bytes.clone() } else { mask(self.range, marker) }
    }
}

/// How `lifeboat resume` finishes what was not finished.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// It does not: the image is somewhere else.
    FromElsewhere,
    /// By the image that the volume itself holds, and with its images kept or dropped.
    InPlace(ImagesInside),
}

/// What the first sector of a volume tells while it is being restored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Marker {
    /// Of which image.
    pub(super) image: Uuid,
    pub(super) way: Way,
}

/// The lines of the marker that are read again.
const IMAGE_LINE: &str = "The restore of image ";
const KEEP_LINE: &str = "In place, the images inside stay.";
const DROP_LINE: &str = "In place, the images inside are dropped.";

impl Marker {
    fn text(self) -> String {
        let way = match self.way {
            Way::FromElsewhere => "Run `lifeboat restore` again.".to_owned(),
            Way::InPlace(ImagesInside::Keep) => format!("{KEEP_LINE}\nRun `lifeboat resume`."),
            Way::InPlace(ImagesInside::Drop) => format!("{DROP_LINE}\nRun `lifeboat resume`."),
        };
        let magic = String::from_utf8_lossy(UNFINISHED_MARKER);
        format!("{magic}\n{IMAGE_LINE}{} onto this place was not finished.\n{way}\n", self.image)
    }

    /// Reads a volume's marker; none when it has none that tells of an image.
    pub(super) fn read(volume: &dyn ReadDevice) -> Option<Self> {
        let sector = read_vec(volume, ByteOffset::ZERO, SECTOR as usize).ok()?;
        if !sector.starts_with(UNFINISHED_MARKER) {
            return None;
        }
        let text = String::from_utf8_lossy(&sector);
        let lines = || text.lines().map(str::trim_end);
        let id = lines().find_map(|line| line.strip_prefix(IMAGE_LINE))?;
        let image = id.split(' ').next()?.parse().ok()?;
        let has = |wanted: &str| lines().any(|line| line == wanted);
        let way = match (has(KEEP_LINE), has(DROP_LINE)) {
            (true, false) => Way::InPlace(ImagesInside::Keep),
            (false, true) => Way::InPlace(ImagesInside::Drop),
            _ => Way::FromElsewhere,
        };
        Some(Self { image, way })
    }
}

/// A volume's seals, and the fields in them that depend on its place.
pub(super) struct Seals {
    seals: Vec<Seal>,
    marker: Marker,
}

impl Seals {
    /// The image's seals, and always the first sector, as far as their clusters are in the image. What lies in
    /// clusters that are not is not ours to touch.
    pub(super) fn new(header: &Header, map: &ClusterMap, way: Way) -> Self {
        let first = ByteRange { offset: ByteOffset(0), len: ByteLen(SECTOR) };
        let mut ranges: Vec<ByteRange> = header.anchors.seals.clone();
        if !ranges.iter().any(|range| range.offset.0 == 0 && range.len.0 >= SECTOR) {
            ranges.push(first);
        }
        let used = |range: &ByteRange| {
            let from = header.grid.cluster_at(range.offset).0;
            let to = (range.offset.0 + range.len.0).div_ceil(u64::from(header.grid.cluster_bytes));
            map.runs_in(from..to).map(|run| run.clusters).sum::<u64>() == to - from
        };
        let seals = ranges
            .into_iter()
            .filter(|range| range.len.0 > 0 && used(range))
            .map(|range| Seal { range, bytes: vec![0; range.len.0 as usize], taken: 0 })
            .collect();
        Self { seals, marker: Marker { image: header.image_id, way } }
    }

    /// Overwrites the seals on the target, so that whatever it was, it looks unfinished, and makes that
    /// durable before anything else is written. The marker comes first and alone: power lost between the two
    /// leaves either what was there or a marked target, never half of what was there.
    pub(super) fn break_on(&self, target: &dyn WriteDevice) -> Result<()> {
        self.write(target, true, |seal| mask(seal.range, &self.marker))?;
        self.write(target, false, |seal| mask(seal.range, &self.marker))
    }

    /// Writes the marker alone, and makes it durable: before anything of what is there is lost otherwise.
    pub(super) fn mark_on(&self, target: &dyn WriteDevice) -> Result<()> {
        let first = ByteRange { offset: ByteOffset::ZERO, len: ByteLen(SECTOR) };
        target.write_at(ByteOffset::ZERO, &mask(first, &self.marker))?;
        target.flush()
    }

    /// Where the seals are.
    pub(super) fn ranges(&self) -> Vec<ByteRange> {
        self.seals.iter().map(|seal| seal.range).collect()
    }

    /// What stands in the seals' places now; of one that cannot be read, nothing.
    pub(super) fn read(&self, target: &dyn ReadDevice) -> Vec<Vec<u8>> {
        self.seals
            .iter()
            .map(|seal| read_vec(target, seal.range.offset, seal.bytes.len()).unwrap_or_default())
            .collect()
    }

    /// How many bytes of the seals that differ from what stood there, by [`read`](Self::read).
    pub(super) fn differing(&self, before: &[Vec<u8>]) -> u64 {
        let unlike = self.seals.iter().zip(before).filter(|(seal, before)| seal.last_bytes(&self.marker) != **before);
        unlike.map(|(seal, _)| seal.range.len.0).sum()
    }

    /// Writes the first sector, or all that is not the first sector, and flushes.
    fn write(&self, target: &dyn WriteDevice, first: bool, bytes: impl Fn(&Seal) -> Vec<u8>) -> Result<()> {
        for seal in &self.seals {
            let bytes = bytes(seal);
            let cut = if seal.range.offset.0 == 0 { bytes.len().min(SECTOR as usize) } else { 0 };
            let (part, at) = if first { (&bytes[..cut], 0) } else { (&bytes[cut..], cut as u64) };
            if !part.is_empty() {
                target.write_at(ByteOffset(seal.range.offset.0 + at), part)?;
            }
        }
        target.flush()
    }

    /// Keeps the seals' bytes out of a chunk that is about to be written, and puts the mask in their place.
    pub(super) fn take(&mut self, runs: &[Extent], grid: Grid, raw: &mut [u8]) {
        for seal in &mut self.seals {
            let masked = mask(seal.range, &self.marker);
            overlaps(seal.range, runs, grid, |in_seal, in_raw, len| {
                seal.bytes[in_seal..in_seal + len].copy_from_slice(&raw[in_raw..in_raw + len]);
                raw[in_raw..in_raw + len].copy_from_slice(&masked[in_seal..in_seal + len]);
                seal.taken += len;
            });
        }
    }

    /// Puts the image's bytes of the seals over a chunk that was read back.
    pub(super) fn overlay(&self, runs: &[Extent], grid: Grid, raw: &mut [u8]) {
        for seal in &self.seals {
            overlaps(seal.range, runs, grid, |in_seal, in_raw, len| {
                raw[in_raw..in_raw + len].copy_from_slice(&seal.bytes[in_seal..in_seal + len]);
            });
        }
    }

    /// Sets the hidden-sector fields to the new place, where they held the old one. A field that held
    /// anything else was not kept up by whoever made the volume, and stays as it is.
    pub(super) fn patch_hidden_sectors(&mut self, header: &Header, place: &Place) {
        let sector = u64::from(header.volume.sector_bytes.max(512));
        let old = header.partition.as_ref().map_or(0, |partition| partition.start_bytes) / sector;
        let (Ok(old), Ok(new)) = (u32::try_from(old), u32::try_from(place.start.0 / sector)) else { return };
        for field in &header.anchors.hidden_sectors {
            for seal in &mut self.seals {
                let Some(at) = field.0.checked_sub(seal.range.offset.0) else { continue };
                let Some(bytes) = seal.bytes.get_mut(at as usize..).and_then(|bytes| bytes.first_chunk_mut::<4>())
                else {
                    continue;
                };
                if u32::from_le_bytes(*bytes) == old {
                    *bytes = new.to_le_bytes();
                }
            }
        }
    }

    /// True when a seal's bytes are lost, so that the target stays marked as unfinished.
    pub(super) fn any_lost(&self) -> bool {
        self.seals.iter().any(|seal| seal.taken < seal.bytes.len())
    }

    /// Writes the seals, flushes, then the first sector over the marker, alone: a sector is written whole or
    /// not at all, so the volume looks valid only when all of it is. Flushes and reads them back.
    pub(super) fn close_on(&self, target: &dyn WriteDevice) -> Result<()> {
        self.write(target, false, |seal| seal.last_bytes(&self.marker))?;
        self.write(target, true, |seal| seal.last_bytes(&self.marker))?;
        target.forget();
        for seal in &self.seals {
            if read_vec(target, seal.range.offset, seal.bytes.len())? != seal.last_bytes(&self.marker) {
                let at = seal.range.offset;
                return Err(Error::damaged(format!(
                    "the boot record or superblock at byte {at} did not come back as written"
                )));
            }
        }
        Ok(())
    }
}

/// What stands in a seal's place meanwhile: zeros, and in the first sector the marker.
fn mask(range: ByteRange, marker: &Marker) -> Vec<u8> {
    let mut bytes = vec![0; range.len.0 as usize];
    if range.offset.0 == 0 {
        let text = marker.text();
        let len = text.len().min(bytes.len());
        bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
    }
    bytes
}

/// Calls `each` with offsets in the range, in the chunk's content, and a length, for all they share.
pub(super) fn overlaps(range: ByteRange, runs: &[Extent], grid: Grid, mut each: impl FnMut(usize, usize, usize)) {
    let mut raw_at = 0;
    for run in runs {
        let start = grid.offset_of(run.start).0;
        let end = start + grid.bytes_of(run.clusters).0;
        let (from, to) = (start.max(range.offset.0), end.min(range.offset.0 + range.len.0));
        if from < to {
            each((from - range.offset.0) as usize, raw_at + (from - start) as usize, (to - from) as usize);
        }
        raw_at += (end - start) as usize;
    }
}

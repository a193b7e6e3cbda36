//! What one pass over a device brings together: records and blocks, each proven, by image.

use std::collections::HashMap;

use uuid::Uuid;
use zerocopy::FromBytes;

use super::super::super::format::{self, Content, Entry, FRAME, FooterBody, HEAD, PartBody, RecordHead, RecordKind};
use super::super::super::reader::{Record, check_entry, read_record};
use super::super::blocks::{BLOCK, Block};
use super::super::scan::{Sighting, Sign};
use super::super::toc::{Toc, read_toc};
use super::{ALLOWANCE, BlockRun, MAX_IMAGES, MAX_PIECES};
use crate::device::{ReadDevice, SharedDevice, read_array};
use crate::unit::ByteOffset;

/// Headers, footers and tables of contents kept of one image, or of all containers: each is read again.
const MAX_COPIES: usize = 16;
/// Headers kept that are not whole where they begin.
const MAX_CUT: usize = 1 << 10;

/// A record with the frame that follows it, whose place in the image is known. The record is whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    /// Where in the image.
    pub(super) offset: u64,
    /// Where on the device.
    pub(super) place: u64,
    /// Length of the record.
    pub(super) record: u32,
    /// Length of the zstd frame behind it; 0 when none follows.
    pub(super) stored: u32,
    /// Length of its content.
    pub(super) raw: u32,
    pub(super) kind: RecordKind,
    /// How many records lie as this one does: the more, the better.
    pub(super) weight: u32,
}

impl Unit {
    pub(super) fn end(&self) -> u64 {
        self.offset + u64::from(self.record) + u64::from(self.stored)
    }

    /// Device minus image: the same for all records of a fragment.
    pub(super) fn delta(&self) -> u64 {
        self.place.wrapping_sub(self.offset)
    }

    /// The unit of a frame record.
    pub(super) fn of_frame(entry: &Entry, place: u64) -> Option<Self> {
        let content = entry.content;
        let reference = content == Content::Reference as u8;
        let known = reference || content <= Content::Chunk as u8;
        let good = known && check_entry(entry, ByteOffset(place)).is_ok();
        good.then(|| Self {
            offset: entry.offset.get(),
            place,
            record: FRAME as u32,
            stored: if reference { 0 } else { entry.stored_len.get() },
            raw: entry.raw_len.get(),
            kind: RecordKind::Frame,
            weight: 0,
        })
    }
}

/// A record that does not say where in its image it lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Float {
    pub(super) place: u64,
    pub(super) len: u32,
    pub(super) kind: RecordKind,
    /// Of an index page: the end of its last chunk, behind which it stands.
    pub(super) behind: Option<u64>,
}

/// Where a record ended, on the device and in the image.
#[derive(Clone, Copy)]
struct Ended {
    place: u64,
    offset: u64,
    kind: RecordKind,
}

/// What was found of one image.
pub(super) struct Found {
    pub(super) id: Uuid,
    pub(super) units: Vec<Unit>,
    pub(super) floats: Vec<Float>,
    /// Where whole headers lie, how long they are, and whether as the first record: all have the same bytes.
    pub(super) header_places: Vec<(u64, u32, bool)>,
    /// Where headers begin that are not whole there.
    pub(super) cut_headers: Vec<u64>,
    pub(super) footers: Vec<FooterBody>,
    pub(super) blocks: Vec<BlockRun>,
    /// Length of the image in the blocks, by the last of them.
    pub(super) blocks_end: Option<u64>,
    last: Option<Ended>,
    /// Where in `floats` those begin that lie one behind the other up to the last record.
    waiting: usize,
}

impl Found {
    fn new(id: Uuid) -> Self {
        Self {
            id,
            units: Vec::new(),
            floats: Vec::new(),
            header_places: Vec::new(),
            cut_headers: Vec::new(),
            footers: Vec::new(),
            blocks: Vec::new(),
            blocks_end: None,
            last: None,
            waiting: 0,
        }
    }

    fn add(&mut self, unit: Unit) {
        // Those that lie right before it get their places from it.
        let mut next = unit;
        while self.floats.len() > self.waiting
            && let Some(float) = self.floats.last().copied()
            && float.place + u64::from(float.len) == next.place
            && let Some(offset) = next.offset.checked_sub(float.len.into())
        {
            self.floats.pop();
            next = float.at(offset);
            self.units.push(next);
        }
        self.waiting = self.floats.len();
        let end = unit.place + u64::from(unit.record) + u64::from(unit.stored);
        self.last = Some(Ended { place: end, offset: unit.end(), kind: unit.kind });
        self.units.push(unit);
    }

    fn float(&mut self, float: Float) {
        match self.last {
            Some(last) if last.place == float.place => self.add(float.at(last.offset)),
            _ => {
                let follows = self.floats.last().is_some_and(|last| last.place + u64::from(last.len) == float.place);
                if !follows {
                    self.waiting = self.floats.len();
                }
                self.floats.push(float);
            }
        }
    }

    /// Places what no neighbour placed, by what the footers and its own entries say.
    fn place_floats(&mut self) {
        let parts = self.units.iter().filter(|unit| unit.kind == RecordKind::Part);
        let parts: HashMap<u64, u64> = parts.map(|part| (part.offset, part.end())).collect();
        for float in std::mem::take(&mut self.floats) {
            let len = u64::from(float.len);
            let by_footer = self.footers.iter().find_map(|footer| match float.kind {
                RecordKind::Root if footer.root_len.get() == len => Some(footer.root_offset.get()),
                RecordKind::Trailer if footer.trailer_len.get() == len => Some(footer.trailer_offset.get()),
                _ => None,
            });
            let behind = float.behind.map(|behind| parts.get(&behind).copied().unwrap_or(behind));
            if let Some(offset) = by_footer.or(behind) {
                self.units.push(float.at(offset));
            }
        }
    }
}

impl Float {
    fn at(&self, offset: u64) -> Unit {
        Unit { offset, place: self.place, record: self.len, stored: 0, raw: 0, kind: self.kind, weight: 0 }
    }
}

/// Takes sightings in the order of their places.
pub(super) struct Collector<'a> {
    device: &'a SharedDevice,
    images: HashMap<Uuid, usize>,
    found: Vec<Found>,
    cut_headers: Vec<(Uuid, u64)>,
    tocs: Vec<(u64, Toc)>,
    pieces: usize,
    /// Bytes of bodies that may still be read.
    budget: u64,
    /// What lies before this is inside a block, and the block's.
    inside: u64,
    left_out: [u64; 3],
}

/// What [`Collector::left_out`] counts.
const IMAGES: usize = 0;
const PIECES: usize = 1;
const BODIES: usize = 2;

impl<'a> Collector<'a> {
    pub(super) fn new(device: &'a SharedDevice) -> Self {
        let budget = device.len().0.saturating_mul(2).saturating_add(ALLOWANCE);
        Self {
            device,
            images: HashMap::new(),
            found: Vec::new(),
            cut_headers: Vec::new(),
            tocs: Vec::new(),
            pieces: 0,
            budget,
            inside: 0,
            left_out: [0; 3],
        }
    }

    pub(super) fn see(&mut self, sighting: Sighting) {
        if sighting.offset.0 < self.inside {
            return;
        }
        match sighting.sign {
            Sign::Block { .. } => self.see_block(sighting.offset.0),
            Sign::Record(kind, id) => self.see_record(sighting.offset.0, kind, id),
        }
    }

    /// The images, the tables of contents with where their volumes begin, and what was left out.
    pub(super) fn finish(mut self) -> (Vec<Found>, Vec<(u64, Toc)>, Vec<String>) {
        let len = self.device.len().0;
        for found in &mut self.found {
            found.place_floats();
            found.units.retain(|unit| unit.end() <= len);
            let own = self.cut_headers.iter().filter(|(id, _)| *id == found.id);
            found.cut_headers = own.map(|(_, place)| *place).take(MAX_COPIES).collect();
        }
        let mut sentences = Vec::new();
        let mut say = |count: u64, what: &str| {
            if count > 0 {
                sentences.push(format!("{count} {what}"));
            }
        };
        say(self.left_out[IMAGES], "records or blocks were left out: they are of more images than are looked for");
        say(self.left_out[PIECES], "records or blocks were left out: there are more than are kept");
        say(self.left_out[BODIES], "records were left out: reading all of them would take too long");
        (self.found, self.tocs, sentences)
    }

    /// What is kept of this image; none when no more fits.
    fn image(&mut self, id: Uuid) -> Option<&mut Found> {
        if self.pieces >= MAX_PIECES {
            self.left_out[PIECES] += 1;
            return None;
        }
        let next = self.found.len();
        if !self.images.contains_key(&id) {
            if next >= MAX_IMAGES {
                self.left_out[IMAGES] += 1;
                return None;
            }
            self.images.insert(id, next);
            self.found.push(Found::new(id));
        }
        let index = *self.images.get(&id)?;
        self.found.get_mut(index)
    }

    fn see_block(&mut self, place: u64) {
        let Ok(bytes) = read_array::<BLOCK>(self.device, ByteOffset(place)) else { return };
        let Some(block) = Block::parse(&bytes) else { return };
        if block.sequence >= self.device.len().0 / BLOCK as u64 {
            return;
        }
        self.inside = place + BLOCK as u64;
        let Some(found) = self.image(block.image) else { return };
        if let Some(end) = block.image_end() {
            found.blocks_end = Some(end);
        }
        match found.blocks.last_mut() {
            Some(run)
                if run.sequence + run.count == block.sequence && run.place + run.count * BLOCK as u64 == place =>
            {
                run.count += 1;
            }
            _ => {
                found.blocks.push(BlockRun { sequence: block.sequence, place, count: 1 });
                self.pieces += 1;
            }
        }
    }

    fn see_record(&mut self, place: u64, kind: RecordKind, id: Uuid) {
        if !self.afford(place, kind) {
            return;
        }
        if matches!(kind, RecordKind::Toc | RecordKind::Aid) {
            // A table begins a file, and so a sector. One elsewhere is a copy in a journal, whose own place tells
            // nothing of where its volume begins.
            if place.is_multiple_of(512)
                && self.tocs.len() < MAX_COPIES
                && let Ok((toc, head)) = read_toc(self.device, ByteOffset(place))
                && let Some(start) = place.checked_sub(head.offset.get())
            {
                self.tocs.push((start, toc));
            }
            return;
        }
        match read_record(self.device, ByteOffset(place), Some(id)) {
            Ok(record) => self.keep(place, &record),
            Err(_) if kind == RecordKind::Header && self.cut_headers.len() < MAX_CUT => {
                self.cut_headers.push((id, place));
            }
            Err(_) => {}
        }
    }

    /// Takes what reading a record costs; false when it is too much. Those of fixed length cost less than the search.
    fn afford(&mut self, place: u64, kind: RecordKind) -> bool {
        if matches!(kind, RecordKind::Frame | RecordKind::Part | RecordKind::Footer) {
            return true;
        }
        let head = read_array::<HEAD>(self.device, ByteOffset(place)).ok();
        let head = head.and_then(|bytes| RecordHead::parse(&bytes, ByteOffset(place)).ok());
        let cost = head.map_or(0, |(head, _)| u64::from(head.body_len.get()));
        let affordable = cost <= self.budget;
        if affordable {
            self.budget -= cost;
        } else {
            self.left_out[BODIES] += 1;
        }
        affordable
    }

    fn keep(&mut self, place: u64, record: &Record) {
        let Some(found) = self.image(record.head.image()) else { return };
        let len = (record.end - place) as u32;
        let plain = |offset| Unit { offset, place, record: len, stored: 0, raw: 0, kind: record.kind, weight: 0 };
        let float = |behind| Float { place, len, kind: record.kind, behind };
        match record.kind {
            RecordKind::Frame => {
                let entry = format::body::<Entry>(&record.body, ByteOffset(place)).ok();
                let unit = entry.and_then(|entry| Unit::of_frame(&entry, place));
                // Ends past 2^64 are none.
                let Some(unit) = unit.filter(|unit| unit.offset < u64::MAX / 2) else { return };
                found.add(unit);
            }
            RecordKind::Part => {
                let Ok(body) = format::body::<PartBody>(&record.body, ByteOffset(place)) else { return };
                if body.offset.get() < u64::MAX / 2 {
                    found.add(plain(body.offset.get()));
                }
            }
            RecordKind::Footer => {
                let Ok(body) = format::body::<FooterBody>(&record.body, ByteOffset(place)) else { return };
                if body.offset.get() < u64::MAX / 2 {
                    found.add(plain(body.offset.get()));
                }
                if found.footers.len() < MAX_COPIES {
                    found.footers.push(body);
                }
            }
            RecordKind::Header => {
                // The copy stands behind the trailer; all others count as the first record.
                let copy = found.last.filter(|last| last.place == place && last.kind == RecordKind::Trailer);
                found.add(plain(copy.map_or(0, |last| last.offset)));
                if found.header_places.len() < MAX_COPIES {
                    found.header_places.push((place, len, copy.is_none()));
                }
            }
            RecordKind::Page => {
                let entries = record.body.chunks_exact(size_of::<Entry>());
                let last = entries.last().and_then(|raw| Entry::read_from_bytes(raw).ok());
                found.float(float(last.map(|entry| entry.end()).filter(|end| *end < u64::MAX / 2)));
            }
            RecordKind::Root | RecordKind::Trailer => found.float(float(None)),
            RecordKind::Toc | RecordKind::Aid => return,
        }
        self.pieces += 1;
    }
}

//! Proofs: whether a unit is whole where it lies, and where in it one fragment ends and the next begins.

use uuid::Uuid;
use zerocopy::FromBytes;

use super::super::super::format::{self, Entry, FRAME, HEAD, MAX_TEXT, RecordHead, RecordKind};
use super::super::super::reader::{read_record, unpack_with};
use super::ALLOWANCE;
use super::collect::Unit;
use crate::device::{ReadDevice, SharedDevice};
use crate::error::{Error, Result};
use crate::unit::ByteOffset;

/// Where fragments may end: at the sectors of the disk.
const SECTOR: u64 = 512;
/// Blocks of a zstd frame that are followed at most. One holds up to 128 KiB, so honest frames have some hundreds.
const MAX_STEPS: usize = 1 << 12;
/// Content of a zstd block at most (RFC 8878, 3.1.1.2.4).
const MAX_ZSTD_BLOCK: usize = 128 << 10;
/// Reads of one stretch that may fail until the rest of it is taken for zeros.
const PATIENCE: usize = 64;

/// What is known of where clusters begin on the device: it makes some borders likelier than others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clusters {
    pub(super) bytes: u64,
    /// Where any one of them begins.
    pub(super) one: u64,
}

/// Reads, unpacks and compares, within a budget.
pub(super) struct Proofs<'a> {
    device: &'a SharedDevice,
    progress: &'a mut dyn FnMut(u64) -> Result<()>,
    /// Bytes that may still be read or unpacked.
    budget: u64,
    decompressor: Option<zstd::bulk::Decompressor<'static>>,
    raw: Vec<u8>,
    gave_up: bool,
}

impl<'a> Proofs<'a> {
    pub(super) fn new(device: &'a SharedDevice, progress: &'a mut dyn FnMut(u64) -> Result<()>) -> Self {
        let budget = device.len().0.saturating_mul(4).saturating_add(4 * ALLOWANCE);
        Self { device, progress, budget, decompressor: None, raw: Vec::new(), gave_up: false }
    }

    pub(super) fn device(&self) -> &SharedDevice {
        self.device
    }

    /// True when the budget did not suffice.
    pub(super) fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// Takes the cost of a try; false when there is no more to spend.
    fn spend(&mut self, bytes: u64) -> Result<bool> {
        (self.progress)(0)?;
        self.gave_up |= self.budget < bytes;
        self.budget = self.budget.saturating_sub(bytes);
        Ok(!self.gave_up)
    }

    /// The entry of a frame's unit.
    pub(super) fn entry(&self, unit: &Unit) -> Option<Entry> {
        let record = read_record(self.device, ByteOffset(unit.place), None).ok()?;
        format::body(&record.body, ByteOffset(unit.place)).ok()
    }

    /// Bytes of the device; zeros where there are none. The place may lie before the device (it then wrapped around).
    fn bytes(&self, place: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let before = if place > u64::MAX / 2 { place.wrapping_neg() } else { 0 };
        let skip = usize::try_from(before).unwrap_or(len).min(len);
        let place = if before > 0 { 0 } else { place };
        let there = usize::try_from(self.device.len().0.saturating_sub(place)).unwrap_or(len);
        let end = len.min(skip.saturating_add(there));
        let inside = &mut bytes[skip..end];
        if !inside.is_empty() && self.device.read_at(ByteOffset(place), inside).is_err() {
            let mut failures = 0;
            for (number, piece) in inside.chunks_mut(4096).enumerate() {
                let at = ByteOffset(place + number as u64 * 4096);
                if failures > PATIENCE || self.device.read_at(at, piece).is_err() {
                    piece.fill(0);
                    failures += 1;
                }
            }
        }
        bytes
    }

    fn is_right(&mut self, entry: &Entry, frame: &[u8]) -> Result<bool> {
        if !self.spend(u64::from(entry.raw_len.get()) + frame.len() as u64)? {
            return Ok(false);
        }
        if self.decompressor.is_none() {
            let new = zstd::bulk::Decompressor::new().map_err(|error| Error::io("decompressing", error))?;
            self.decompressor = Some(new);
        }
        let Some(decompressor) = &mut self.decompressor else { return Ok(false) };
        Ok(unpack_with(decompressor, entry, frame, &mut self.raw).is_ok())
    }

    /// True when the frame behind a unit's record is whole.
    pub(super) fn whole(&mut self, unit: &Unit) -> Result<bool> {
        let Some(entry) = self.entry(unit) else { return Ok(false) };
        let frame = self.bytes(unit.place + u64::from(unit.record), unit.stored as usize);
        self.is_right(&entry, &frame)
    }

    /// The place in the image up to which a unit's frame lies behind its record; what is behind that lies
    /// where `delta` says. None when no single border makes the frame whole.
    pub(super) fn border(&mut self, unit: &Unit, delta: u64, clusters: Option<Clusters>) -> Result<Option<u64>> {
        let Some(entry) = self.entry(unit) else { return Ok(None) };
        let (start, len) = (unit.offset + u64::from(unit.record), unit.stored as usize);
        if !self.spend(2 * len as u64)? {
            return Ok(None);
        }
        let ahead = self.bytes(start.wrapping_add(unit.delta()), len);
        let behind = self.bytes(start.wrapping_add(delta), len);
        let likely = likely_borders(&ahead, &behind, sectors(start, delta, len as u64));
        let aligned = |border: &u64| {
            clusters.is_none_or(|clusters| {
                (start + border).wrapping_add(delta).wrapping_sub(clusters.one).is_multiple_of(clusters.bytes)
            })
        };
        let (first, then): (Vec<u64>, Vec<u64>) = likely.into_iter().partition(aligned);
        let mut frame = behind.clone();
        for border in first.into_iter().chain(then) {
            let cut = border as usize;
            frame[..cut].copy_from_slice(&ahead[..cut]);
            frame[cut..].copy_from_slice(&behind[cut..]);
            if self.is_right(&entry, &frame)? {
                return Ok(Some(start + border));
            }
        }
        Ok(None)
    }

    /// The record at `from` of the image, whose beginning lies where `delta_ahead` says and the rest where
    /// `delta_behind` does: what it is and the border. It ends at or before `to`.
    pub(super) fn cut_record(
        &mut self,
        id: Uuid,
        from: u64,
        to: u64,
        deltas: [u64; 2],
    ) -> Result<Option<(Unit, Vec<u8>, u64)>> {
        let [delta_ahead, delta_behind] = deltas;
        let room = (to - from).min(u64::from(MAX_TEXT) + HEAD as u64) as usize;
        let mut borders = sectors(from, delta_behind, room as u64).filter(|border| *border > 0);
        let Some(first) = borders.next() else { return Ok(None) };
        // Once the head itself is cut, only the first border is left to try; else the head tells the length.
        let head_cut = first < HEAD as u64;
        let mut head = self.bytes(from.wrapping_add(delta_ahead), HEAD.min(room));
        if head_cut {
            let rest =
                self.bytes((from + first).wrapping_add(delta_behind), head.len() - (first as usize).min(head.len()));
            let keep = head.len() - rest.len();
            head[keep..].copy_from_slice(&rest);
        }
        let Some(Ok((parsed, kind))) = head.first_chunk().map(|head| RecordHead::parse(head, ByteOffset(from))) else {
            return Ok(None);
        };
        let len = HEAD + parsed.body_len.get() as usize;
        if parsed.image() != id
            || len > room
            || matches!(kind, RecordKind::Toc | RecordKind::Aid)
            || !self.spend(2 * len as u64)?
        {
            return Ok(None);
        }
        let ahead = self.bytes(from.wrapping_add(delta_ahead), len);
        let behind = self.bytes(from.wrapping_add(delta_behind), len);
        let count = if head_cut { 1 } else { usize::MAX };
        for border in sectors(from, delta_behind, len as u64).filter(|border| *border > 0).take(count) {
            if !self.spend(len as u64)? {
                return Ok(None);
            }
            let record = [&ahead[..border as usize], &behind[border as usize..]].concat();
            if parsed.check(&record[HEAD..], ByteOffset(from)).is_ok() {
                let unit = unit_of(&record, kind, from, from.wrapping_add(delta_ahead));
                return Ok(unit.filter(|unit| unit.end() <= to).map(|unit| (unit, record, from + border)));
            }
        }
        Ok(None)
    }
}

fn unit_of(record: &[u8], kind: RecordKind, offset: u64, place: u64) -> Option<Unit> {
    if kind == RecordKind::Frame {
        let entry = Entry::read_from_bytes(record.get(HEAD..FRAME)?).ok()?;
        return Unit::of_frame(&entry, place).filter(|unit| unit.offset == offset);
    }
    Some(Unit { offset, place, record: record.len() as u32, stored: 0, raw: 0, kind, weight: 0 })
}

/// The borders in `len` bytes from `start` of the image on at which a fragment may begin that lies where `delta` says,
/// counted from `start`.
fn sectors(start: u64, delta: u64, len: u64) -> impl Iterator<Item = u64> {
    let place = start.wrapping_add(delta);
    let first = (SECTOR - place % SECTOR) % SECTOR;
    (first..len).step_by(SECTOR as usize)
}

/// A step from the head of one block of a zstd frame to the next (RFC 8878, 3.1.1.2): where that is, and
/// whether this was the last.
fn step(head: &[u8], at: usize) -> Option<(usize, bool)> {
    let &[a, b, c] = head.first_chunk()?;
    let head = u32::from_le_bytes([a, b, c, 0]);
    let (last, kind, size) = (head & 1 == 1, head >> 1 & 3, (head >> 3) as usize);
    // Kind 1 is one byte, again and again; 3 is reserved.
    let stored = if kind == 1 { 1 } else { size };
    (kind != 3 && size <= MAX_ZSTD_BLOCK).then_some((at + 3 + stored, last))
}

/// Where the first block begins, and how long what follows the last is (RFC 8878, 3.1.1.1).
fn frame_head(frame: &[u8]) -> Option<(usize, usize)> {
    let descriptor = *frame.get(4)?;
    let single = descriptor >> 5 & 1;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content_size = match descriptor >> 6 {
        0 => usize::from(single),
        flag => 1 << flag,
    };
    let head = 5 + usize::from(1 - single) + dictionary + content_size;
    Some((head, if descriptor >> 2 & 1 == 1 { 4 } else { 0 }))
}

/// Those of the borders through which the blocks of a frame lead exactly to its end: `ahead` before the border,
/// `behind` from it on.
fn likely_borders(ahead: &[u8], behind: &[u8], borders: impl Iterator<Item = u64>) -> Vec<u64> {
    let len = ahead.len();
    let Some((mut at, tail)) = frame_head(ahead) else { return borders.collect() };
    // A frame's head is at most 18 bytes long. A border in it leaves nothing to follow: it is tried.
    let unknown = at + 3;
    let mut known: Option<(usize, bool)> = None;
    let leads = |mut at: usize| {
        for _ in 0..MAX_STEPS {
            match behind.get(at..).and_then(|head| step(head, at)) {
                Some((next, true)) => return next + tail == len,
                Some((next, false)) => at = next,
                None => return false,
            }
        }
        false
    };
    let mut likely = Vec::new();
    let mut steps = 0;
    // The block whose head is read ahead of the border and which reaches to it or beyond: where it ends.
    let mut current: Option<(usize, bool)> = None;
    for border in borders {
        let cut = border as usize;
        if cut < unknown {
            likely.push(border);
            continue;
        }
        while at + 3 <= cut && steps < MAX_STEPS {
            current = ahead.get(at..).and_then(|head| step(head, at));
            steps += 1;
            let Some((next, false)) = current else { break };
            at = next;
        }
        let Some((next, last)) = current else { break };
        let fits = if last {
            next + tail == len
        } else if next < cut {
            // The next head lies across the border, or following was given up.
            let head: Vec<u8> =
                (next..next + 3).map(|i| if i < cut { ahead[i] } else { *behind.get(i).unwrap_or(&0) }).collect();
            next + 3 > cut
                && step(&head, next).is_some_and(|(then, last)| if last { then + tail == len } else { leads(then) })
        } else {
            let (of, fits) = known.filter(|(of, _)| *of == next).unwrap_or_else(|| (next, leads(next)));
            known = Some((of, fits));
            fits
        };
        if fits {
            likely.push(border);
        }
    }
    likely
}

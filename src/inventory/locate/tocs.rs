//! The search for tables of contents, within bounds: a disk may hold thousands of them, of old containers or made by
//! an enemy.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

use uuid::Uuid;
use zerocopy::FromBytes;

use super::aid::MAX_PLACES;
use crate::device::{ReadDevice, read_vec};
use crate::error::Result;
use crate::fs::Watch;
use crate::image::container::{Order, Sign, Toc, TocHead, read_toc, scan};
use crate::image::format::{HEAD, RecordKind};
use crate::unit::ByteOffset;

/// Tables that one look reads: each costs a read and a decompression.
const MAX_READ: usize = 4096;
/// Bytes of text that one look unpacks: a real table has a few KiB.
const MAX_TEXT_BYTES: u64 = 256 << 20;
/// Tables that are kept, of different volumes, containers or sequence numbers.
const MAX_KEPT: usize = 256;
/// Bytes of text of the kept ones.
const MAX_KEPT_BYTES: u64 = 64 << 20;
/// Sequence numbers kept of one container in one place: the newest, and those it may be a left-over of.
const MAX_SEQUENCES: usize = 4;

/// Records of images are noted by MiB, up to so many of those: of more, all places are taken to hold some.
const RECORD_STEP: u32 = 20;
const MAX_RECORDS: usize = 1 << 16;

/// A table of contents that a search came upon.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    /// Where on the disk its volume begins.
    pub(super) start: u64,
    /// What it says; of several copies, that which says most.
    pub(super) toc: Toc,
    text_bytes: u64,
}

/// The tables that were found.
#[derive(Default, Debug)]
pub(super) struct Sights {
    pub(super) list: Vec<Sight>,
    read: usize,
    text_bytes: u64,
    /// There were more than may be looked at.
    pub(super) is_cut: bool,
    /// Where on the disk records of images were seen, in steps of a MiB.
    records: BTreeSet<u64>,
    /// Where on the disk records of recovery aids were seen.
    pub(super) aids: Vec<u64>,
}

/// How much of what a lean copy may lack is in a table.
pub(super) fn fullness(toc: &Toc) -> usize {
    usize::from(toc.table.is_some())
        + usize::from(!toc.boot.is_empty())
        + usize::from(toc.images.iter().all(|image| image.header.is_some()))
}

impl Sights {
    /// True when a record of an image was seen in this range of the disk.
    pub(super) fn has_records(&self, range: &Range<u64>) -> bool {
        let steps = range.start >> RECORD_STEP..(range.end >> RECORD_STEP) + 1;
        self.records.len() >= MAX_RECORDS || self.records.range(steps).next().is_some()
    }

    /// Looks at the table that stands at `offset` of a device which begins at byte `base` of its disk. Gives the sight
    /// when it says something new.
    fn see(&mut self, device: &dyn ReadDevice, base: u64, offset: ByteOffset) -> Option<&Sight> {
        let head = peek(device, offset)?;
        let start = base.checked_add(offset.0)?.checked_sub(head.offset.get())?;
        let (id, sequence) = (head.id, head.sequence);
        let same = |sight: &Sight| (sight.start, sight.toc.container_id, sight.toc.sequence) == (start, id, sequence);
        let known = self.list.iter().position(same);
        if known.is_some_and(|at| fullness(&self.list[at].toc) == 3) {
            return None;
        }
        if self.read >= MAX_READ || self.text_bytes.saturating_add(head.text_bytes) > MAX_TEXT_BYTES {
            self.is_cut = true;
            return None;
        }
        self.read += 1;
        self.text_bytes += head.text_bytes;
        let (toc, _) = read_toc(device, offset).ok()?;
        let sight = Sight { start, toc, text_bytes: head.text_bytes };
        match known {
            Some(at) if fullness(&self.list[at].toc) < fullness(&sight.toc) => {
                self.list[at] = sight;
                None
            }
            Some(_) => None,
            None => self.keep(sight),
        }
    }

    fn keep(&mut self, sight: Sight) -> Option<&Sight> {
        let same = |have: &Sight| (have.start, have.toc.container_id) == (sight.start, sight.toc.container_id);
        if self.list.iter().filter(|have| same(have)).count() >= MAX_SEQUENCES {
            let oldest = self.list.iter().enumerate().filter(|(_, have)| same(have));
            let (at, sequence) = oldest.map(|(at, have)| (at, have.toc.sequence)).min_by_key(|(_, number)| *number)?;
            if sequence > sight.toc.sequence {
                return None;
            }
            self.list.remove(at);
        }
        let bytes: u64 = self.list.iter().map(|have| have.text_bytes).sum();
        if self.list.len() >= MAX_KEPT || bytes.saturating_add(sight.text_bytes) > MAX_KEPT_BYTES {
            self.is_cut = true;
            return None;
        }
        self.list.push(sight);
        self.list.last()
    }
}

/// The head of a table, before it is known to be whole.
struct Peeked {
    id: Uuid,
    sequence: u64,
    offset: zerocopy::little_endian::U64,
    text_bytes: u64,
}

/// What a table says of itself; nothing is proven by it.
fn peek(device: &dyn ReadDevice, offset: ByteOffset) -> Option<Peeked> {
    let bytes = read_vec(device, offset, HEAD + size_of::<TocHead>()).ok()?;
    let (head, _) = crate::image::format::RecordHead::parse(bytes.first_chunk::<HEAD>()?, offset).ok()?;
    let (toc, _) = TocHead::read_from_prefix(&bytes[HEAD..]).ok()?;
    Some(Peeked {
        id: head.image(),
        sequence: toc.sequence.get(),
        offset: toc.offset,
        text_bytes: toc.text_len.get().into(),
    })
}

/// Searches ranges of a device, which begins at byte `base` of its disk, each back from its end. Ends early when
/// `enough` says so of a new table.
///
/// # Errors
/// Only when it is cancelled.
pub(super) fn search(
    device: &dyn ReadDevice,
    base: u64,
    ranges: &[Range<u64>],
    watch: &dyn Watch,
    sights: &mut Sights,
    enough: &mut dyn FnMut(&Sight) -> bool,
) -> Result<()> {
    let total: u64 = ranges.iter().map(|range| range.end.saturating_sub(range.start)).sum();
    let mut done = 0;
    let mut is_enough = false;
    for range in ranges.iter().rev() {
        let mut progress = |bytes: u64| {
            done += bytes;
            watch.advance("Searching for images", done, total);
            watch.proceed()
        };
        scan(device, range.clone(), Order::Backward, &mut progress, &mut |sighting| {
            let is_toc = matches!(sighting.sign, Sign::Record(RecordKind::Toc, _));
            if matches!(sighting.sign, Sign::Record(RecordKind::Aid, _)) {
                if sights.aids.len() < MAX_PLACES {
                    sights.aids.push(base + sighting.offset.0);
                }
                return ControlFlow::Continue(());
            }
            if !is_toc && sights.records.len() < MAX_RECORDS {
                sights.records.insert((base + sighting.offset.0) >> RECORD_STEP);
            }
            if is_toc
                && (base + sighting.offset.0).is_multiple_of(512)
                && let Some(sight) = sights.see(device, base, sighting.offset)
                && enough(sight)
            {
                is_enough = true;
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        if is_enough {
            return Ok(());
        }
    }
    Ok(())
}

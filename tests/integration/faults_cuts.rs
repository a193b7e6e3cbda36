//! What a power cut at any flush of a job can leave on its media: what was flushed before, and any subset of what was
//! written since, by whole writes and by sectors.

use std::sync::{Arc, Mutex};

use lifeboat::device::{ReadDevice, WriteDevice};
use lifeboat::error::Result;
use lifeboat::unit::{ByteLen, ByteOffset};

use crate::faults_device::{Event, Handle, SECTOR};
use crate::faults_power::Dice;
use crate::oracle::long;

/// Devices as they are at some moment.
pub(crate) trait Medium: Clone {
    /// All bytes of the device of this number.
    fn bytes(&mut self, device: usize) -> &mut [u8];
}

/// What devices were told, in order, each with the device's number.
pub(crate) type Log = Vec<(usize, Event)>;

/// How thoroughly: all subsets of so many writes or sectors, else so many random ones; and how many cuts of how many
/// are followed by cuts while their job is resumed.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) all_subsets: usize,
    pub(crate) random: u64,
    pub(crate) stacked_every: usize,
    pub(crate) depth: usize,
}

impl Effort {
    pub(crate) fn by_default() -> Self {
        if long() {
            Self { all_subsets: 12, random: 100, stacked_every: 50, depth: 2 }
        } else {
            Self { all_subsets: 4, random: 2, stacked_every: 80, depth: 2 }
        }
    }

    /// For volumes of some MiB.
    pub(crate) fn for_volumes() -> Self {
        if long() {
            Self { all_subsets: 10, random: 40, stacked_every: 100, depth: 2 }
        } else {
            Self { all_subsets: 2, random: 1, stacked_every: 80, depth: 1 }
        }
    }

    /// For one edit of a volume; a large volume gets as few as show every flush.
    pub(crate) fn for_one_edit(is_large: bool) -> Self {
        match (long(), is_large) {
            (true, true) => Self { all_subsets: 4, random: 4, stacked_every: 200, depth: 1 },
            (true, false) => Self { all_subsets: 12, random: 12, stacked_every: 400, depth: 2 },
            (false, true) => Self { all_subsets: 1, random: 0, stacked_every: 1000, depth: 0 },
            (false, false) => Self { all_subsets: 2, random: 1, stacked_every: 1000, depth: 1 },
        }
    }

    pub(crate) fn below(self) -> Self {
        Self { all_subsets: self.all_subsets.min(2), random: self.random.min(2), depth: self.depth - 1, ..self }
    }
}

/// Sectors whose subsets are all tried; writes are fewer, and more of them are.
const MOST_SECTORS: usize = 8;

/// A write that may not have landed: which device, where, what.
type Loose = (usize, u64, Vec<u8>);

fn land(medium: &mut impl Medium, (device, at, data): &Loose) {
    medium.bytes(*device)[*at as usize..][..data.len()].copy_from_slice(data);
}

fn sectors_of(loose: &[Loose]) -> Vec<Loose> {
    let split = |(device, at, data): &Loose| {
        let (device, at) = (*device, *at);
        let parts: Vec<Loose> = data
            .chunks(SECTOR)
            .enumerate()
            .map(|(index, part)| (device, at + (index * SECTOR) as u64, part.to_vec()))
            .collect();
        parts
    };
    loose.iter().flat_map(split).collect()
}

/// Which of some pieces land: every subset of few, seeded random ones of many.
fn subsets(count: usize, effort: Effort) -> Vec<Vec<bool>> {
    if count <= effort.all_subsets {
        return (0..1u32 << count).map(|bits| (0..count).map(|index| bits >> index & 1 == 1).collect()).collect();
    }
    let mut all = vec![vec![false; count], vec![true; count]];
    for seed in 1..=effort.random {
        let mut dice = Dice(seed);
        // Rarely, evenly and mostly: each subset size has its turn.
        let odds = 1 + dice.roll(9);
        all.push((0..count).map(|_| dice.roll(10) < odds).collect());
    }
    all
}

/// Every state of the media that a power cut can leave.
pub(crate) fn states<M: Medium>(start: &M, log: Log, effort: Effort, see: &mut dyn FnMut(&M)) {
    let mut durable = start.clone();
    let mut loose: Vec<Loose> = Vec::new();
    for (device, event) in log {
        match event {
            Event::Write(at, data) => loose.push((device, at, data)),
            Event::Flush => {
                let sectors = sectors_of(&loose);
                let is_whole = sectors.len() == loose.len();
                let fewer = Effort { all_subsets: effort.all_subsets.min(MOST_SECTORS), ..effort };
                for (pieces, effort, is_again) in [(loose.clone(), effort, false), (sectors, fewer, true)] {
                    for which in subsets(pieces.len(), effort) {
                        // None and all of the sectors are none and all of the writes.
                        let is_known = is_whole || which.iter().all(|landed| *landed == which[0]);
                        if is_again && is_known {
                            continue;
                        }
                        let mut media = durable.clone();
                        pieces
                            .iter()
                            .zip(which)
                            .filter(|(_, landed)| *landed)
                            .for_each(|(piece, _)| land(&mut media, piece));
                        see(&media);
                    }
                }
                let (flushed, rest): (Vec<Loose>, Vec<Loose>) = loose.into_iter().partition(|piece| piece.0 == device);
                flushed.iter().for_each(|piece| land(&mut durable, piece));
                loose = rest;
            }
        }
    }
    assert!(loose.is_empty(), "the last act of a job is a flush");
    see(&durable);
}

/// A device that tells a log what it was told.
pub(crate) struct Tap {
    inner: Handle,
    device: usize,
    log: Arc<Mutex<Log>>,
}

impl Tap {
    pub(crate) fn new(inner: &Handle, device: usize, log: &Arc<Mutex<Log>>) -> Self {
        Self { inner: inner.clone(), device, log: log.clone() }
    }
}

impl ReadDevice for Tap {
    fn len(&self) -> ByteLen {
        self.inner.len()
    }

    fn sector_bytes(&self) -> u32 {
        self.inner.sector_bytes()
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        self.inner.read_at(offset, buf)
    }
}

impl WriteDevice for Tap {
    fn write_at(&self, offset: ByteOffset, data: &[u8]) -> Result<()> {
        self.log.lock().unwrap().push((self.device, Event::Write(offset.0, data.to_vec())));
        self.inner.write_at(offset, data)
    }

    fn flush(&self) -> Result<()> {
        self.log.lock().unwrap().push((self.device, Event::Flush));
        self.inner.flush()
    }
}

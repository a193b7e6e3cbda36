//! Power lost at any flush of a change, with any subset of the unflushed writes on the medium: what is found afterwards
//! can be finished, and can be rolled back; and so again when the power is lost while that is done.

use lifeboat::job::{Outcome, Resumption};
use lifeboat::plan::Direction;

use super::stage::{Bench, Disks, Log, Stage};
use crate::faults_device::{Event, SECTOR};
use crate::faults_power::Dice;
use crate::oracle::long;

/// How thoroughly: all subsets of so many writes or sectors, else so many random ones; and how many cuts of how many
/// are followed by cuts while their job is resumed.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    all_subsets: usize,
    random: u64,
    stacked_every: usize,
    depth: usize,
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

    fn below(self) -> Self {
        Self { all_subsets: self.all_subsets.min(2), random: self.random.min(2), depth: self.depth - 1, ..self }
    }
}

/// Sectors whose subsets are all tried; writes are fewer, and more of them are.
const MOST_SECTORS: usize = 8;

/// What was seen.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    pub(crate) cuts: usize,
    pub(crate) before: usize,
    pub(crate) jobs: usize,
    pub(crate) after: usize,
    pub(crate) stacked: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.cuts += other.cuts;
        self.before += other.before;
        self.jobs += other.jobs;
        self.after += other.after;
        self.stacked += other.stacked;
    }
}

/// Who looks at the volumes that were brought to an end.
pub(crate) type SeeEnd<'a> = &'a mut dyn FnMut(&[u8], Direction);

/// A write that may not have landed: which device, where, what.
type Loose = (usize, u64, Vec<u8>);

fn land(disks: &mut Disks, (device, at, data): &Loose) {
    let bytes = if *device == 0 { &mut disks.volume } else { &mut disks.journal };
    bytes[*at as usize..][..data.len()].copy_from_slice(data);
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

/// Every state of the disks that a power cut can leave.
fn states(start: &Disks, log: Log, effort: Effort, see: &mut dyn FnMut(&Disks)) {
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
                        let mut disks = durable.clone();
                        pieces
                            .iter()
                            .zip(which)
                            .filter(|(_, landed)| *landed)
                            .for_each(|(piece, _)| land(&mut disks, piece));
                        see(&disks);
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

/// Carries a stage's job out, cuts the power everywhere, and brings each interrupted job to an end both ways.
pub(crate) fn cut_everywhere(stage: &Stage, effort: Effort) -> Tally {
    let tally = cut_and_see(stage, effort, &mut |_, _| {});
    println!("{}: {tally:?}", stage.name);
    tally
}

/// The same, and somebody looks at all ends.
pub(crate) fn cut_and_see(stage: &Stage, effort: Effort, see: SeeEnd) -> Tally {
    let start = stage.disks();
    let bench = Bench::sound(&start);
    let report = bench.run(&stage.plan);
    assert_eq!(report.outcome, Outcome::Done, "{}: {report:?}", stage.name);
    assert!(stage.is_after(&bench.disks().volume), "{}: an uninterrupted job does what was planned", stage.name);
    let mut tally = Tally::default();
    states(&start, bench.log(), effort, &mut |disks| recover(stage, disks, effort, &mut tally, see));
    tally
}

/// Brings what a cut left to an end, both ways; and cuts again meanwhile.
fn recover(stage: &Stage, disks: &Disks, effort: Effort, tally: &mut Tally, see: SeeEnd) {
    tally.cuts += 1;
    let name = &stage.name;
    for direction in [Direction::Finish, Direction::RollBack] {
        match stage.find(disks, direction).unwrap_or_else(|error| panic!("{name}, cut {}: {error}", tally.cuts)) {
            Resumption::Job(plan) => {
                let bench = Bench::sound(disks);
                let report = bench.run(&plan);
                assert_eq!(report.outcome, Outcome::Done, "{name}, cut {}: {report:?}", tally.cuts);
                let left = bench.disks();
                ended(stage, &left, direction);
                see(&left.volume, direction);
                tally.jobs += 1;
                if effort.depth > 0 && tally.jobs % effort.stacked_every < 2 {
                    let mut below = Tally::default();
                    let (log, less) = (bench.log(), effort.below());
                    states(disks, log, less, &mut |disks| recover(stage, disks, less, &mut below, see));
                    tally.stacked += below.cuts + below.stacked;
                }
            }
            Resumption::Nothing(_) | Resumption::NotBegun(_) => {
                let (before, after) = (stage.is_before(&disks.volume), stage.is_after(&disks.volume));
                assert!(before || after, "{name}, cut {}: no journal, and neither before nor after", tally.cuts);
                tally.before += usize::from(before && !after);
                tally.after += usize::from(after);
                see(&disks.volume, if after { Direction::Finish } else { Direction::RollBack });
            }
        }
    }
}

fn ended(stage: &Stage, disks: &Disks, direction: Direction) {
    match direction {
        Direction::Finish => assert!(stage.is_after(&disks.volume), "{}: finished", stage.name),
        Direction::RollBack => assert!(stage.is_before(&disks.volume), "{}: rolled back", stage.name),
    }
    let again = stage.find(disks, direction).unwrap();
    assert!(matches!(again, Resumption::Nothing(_)), "{}: a closed journal is left alone", stage.name);
}

#[test]
fn a_change_made_by_hand_survives_every_cut() {
    for in_file in [false, true] {
        let tally = cut_everywhere(&Stage::by_hand(in_file), Effort::by_default());
        assert!(tally.before > 0 && tally.jobs > 0 && tally.after > 0 && tally.stacked > 0, "{tally:?}");
    }
}

//! Power lost at any flush of a change, with any subset of the unflushed writes on the medium: what is found afterwards
//! can be finished, and can be rolled back; and so again when the power is lost while that is done.

use lifeboat::job::{Outcome, Resumption};
use lifeboat::plan::Direction;

use super::stage::{Bench, Disks, Stage};
use crate::faults_cuts::{Effort, states};

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

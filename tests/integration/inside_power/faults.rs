//! Media that fail at I/O *n*, once and from then on, and jobs that are cancelled at any moment: nothing is written after
//! a failed write, the report says what the volume is, and it is so.

use std::sync::Arc;

use lifeboat::job::{self, Monitor, Outcome, Report, Resumption};
use lifeboat::plan::Direction;

use super::acts::Act;
use super::cuts::{Tally, pairs, recover};
use super::scene::{Bench, Scene};
use super::yard::{EXT2, EXT4, FAT12, FAT16, Family, NTFS};
use crate::faults_cuts::Effort;
use crate::faults_device::{EIO, Event, Fault, Op};
use crate::oracle::long;

/// No cuts while what failed is brought to its end.
const ONCE: Effort = Effort { all_subsets: 1, random: 0, stacked_every: 1000, depth: 0 };

/// What a report may say of the volume.
const SAID: [&str; 10] = [
    "Nothing of the volume was changed",
    "Nothing was written",
    "The volume is what it was",
    "The volume is sound",
    "are as they were",
    "lifeboat resume",
    "do not use it",
    "All of the job is done",
    "The volume is restored",
    "only the partition table may have changed",
];

/// Some of so many operations, always the first and the last ones.
fn some(count: usize, wanted: usize) -> impl Iterator<Item = usize> {
    let step = if long() { (count / 150).max(1) } else { (count / wanted).max(1) };
    (0..count).filter(move |at| at % step == step / 2 || *at == 0 || at + 2 >= count)
}

/// A failed job has said what the volume is.
fn is_true(scene: &Scene, what: &str, report: &Report) {
    let next = report.next.join(" ");
    assert!(SAID.iter().any(|said| next.contains(said)), "{what}: {report:#?}");
    let waiting = job::plan_resume(&scene.resume(Direction::Finish), &Monitor::new());
    let waits = matches!(waiting, Ok(Resumption::Job(_)));
    assert!(!waits || next.contains("lifeboat resume"), "{what}: a job waits: {report:#?}");
    if next.contains("Nothing of the volume was changed") {
        assert!(scene.is_before(), "{what}: {report:#?}");
        assert!(!waits || next.contains("tells"), "{what}: {report:#?}");
    }
}

fn fail_everywhere(act: Act, family: Family) -> usize {
    let mut scene = act.on(family);
    scene.rehearse();
    let counter = Bench::sound(&scene.before);
    assert_eq!(counter.run(&scene.plan).outcome, Outcome::Done);
    let (mut tried, mut tally) = (0, Tally::default());
    for (op, wanted) in [(Op::Read, 2), (Op::Write, 5), (Op::Flush, 4)] {
        for at in some(counter.handle().count(op), wanted) {
            for sticky in [false, true] {
                let bench = Bench::new(&scene.before, Fault::Fail { op, at, sticky, errno: EIO });
                let report = bench.run(&scene.plan);
                let what = format!("{}, {op:?} {at} fails, sticky {sticky}", scene.name);
                assert_eq!(bench.handle().writes_after_failure(), 0, "{what}: {report:#?}");
                scene.put(&bench.disk());
                if op != Op::Read {
                    assert_eq!(report.outcome, Outcome::Failed, "{what}: {report:#?}");
                    let log = bench.log();
                    let is_flush = log.last().is_some_and(|(_, event)| *event == Event::Flush);
                    assert_eq!(is_flush, op == Op::Flush, "{what}: nothing is said to the medium after it");
                }
                if report.outcome == Outcome::Failed {
                    is_true(&scene, &what, &report);
                }
                recover(&scene, &bench.disk(), ONCE, &what, &mut tally);
                tried += 1;
            }
        }
    }
    println!("{}: {tried} failures: {tally:?}", scene.name);
    tried
}

fn cancel_everywhere(act: Act, family: Family) -> [usize; 2] {
    let mut scene = act.on(family);
    scene.rehearse();
    let counter = Bench::sound(&scene.before);
    assert_eq!(counter.run(&scene.plan).outcome, Outcome::Done);
    let (mut stopped, mut tally) = ([0, 0], Tally::default());
    for at in some(counter.handle().operations(), 12) {
        let monitor = Arc::new(Monitor::new());
        let bench = Bench::new(&scene.before, Fault::Cancel { at, monitor: monitor.clone() });
        let report = bench.run_watched(&scene.plan, &monitor);
        let what = format!("{}, cancelled at operation {at}", scene.name);
        scene.put(&bench.disk());
        match report.outcome {
            Outcome::Cancelled => is_true(&scene, &what, &report),
            Outcome::Done => assert!(scene.ended(&what), "{what}: {report:#?}"),
            _ => panic!("{what}: {report:#?}"),
        }
        stopped[usize::from(report.outcome == Outcome::Done)] += 1;
        recover(&scene, &bench.disk(), ONCE, &what, &mut tally);
    }
    println!("{}: {} cancels stopped it, {} came too late: {tally:?}", scene.name, stopped[0], stopped[1]);
    stopped
}

#[test]
fn media_may_fail_at_any_operation() {
    let soon = [(Act::First, EXT4), (Act::FactoryLast, FAT12), (Act::Drop, NTFS), (Act::Table, FAT16)];
    let pairs = pairs(&soon, |_| true);
    let tried: usize = pairs.iter().copied().map(|(act, family)| fail_everywhere(act, family)).sum();
    println!("{tried} failures in all");
    assert!(tried > 20 * pairs.len(), "{tried}");
}

#[test]
fn jobs_may_be_cancelled_at_any_moment() {
    let soon = [(Act::First, FAT16), (Act::Tidy, NTFS), (Act::Collision, EXT2)];
    let (mut stopped, mut late) = (0, 0);
    for (act, family) in pairs(&soon, |_| true) {
        let [cancelled, done] = cancel_everywhere(act, family);
        stopped += cancelled;
        late += done;
    }
    println!("{stopped} cancels stopped a job, {late} came too late");
    assert!(stopped > 5 && late > 0, "{stopped} stopped, {late} came too late");
}

//! A medium that fails at I/O *n*, for every *n*, once and from then on: nothing is written after a failed write, the
//! report says what the volume is, and the job can be finished and rolled back.

use std::sync::Arc;

use lifeboat::job::{Monitor, Outcome, Report, Resumption};
use lifeboat::plan::{Direction, Plan};

use super::alone;
use super::stage::{Bench, Disks, Stage};
use crate::faults_device::{EIO, Event, Fault, Op};
use crate::oracle::long;

/// Runs a plan with one operation failing, for every operation of every kind on both devices; of the reads, for one
/// in `one_read_in`.
fn each_fault(disks: &Disks, plan: &Plan, one_read_in: usize, see: &mut dyn FnMut(&str, &Report, &Bench)) -> usize {
    let counter = Bench::sound(disks);
    assert_eq!(counter.run(plan).outcome, Outcome::Done);
    let mut tried = 0;
    for device in [0, 1] {
        for op in [Op::Read, Op::Write, Op::Flush] {
            for at in 0..counter.handle(device).count(op) {
                if op == Op::Read && at % one_read_in != 0 {
                    continue;
                }
                for sticky in [false, true] {
                    let mut faults = [Fault::Nothing, Fault::Nothing];
                    faults[device] = Fault::Fail { op, at, sticky, errno: EIO };
                    let bench = Bench::new(disks, faults);
                    let report = bench.run(plan);
                    let what = format!("{op:?} {at} of device {device}, sticky {sticky}");
                    assert_eq!(bench.handle(device).writes_after_failure(), 0, "{what}: {report:?}");
                    assert!(matches!(report.outcome, Outcome::Failed | Outcome::Done), "{what}: {report:?}");
                    if op != Op::Read {
                        assert_eq!(report.outcome, Outcome::Failed, "{what}: {report:?}");
                    }
                    let log = bench.log();
                    if op != Op::Read {
                        let (on, event) = log.last().unwrap();
                        let is_flush = *event == Event::Flush;
                        assert_eq!((*on, is_flush), (device, op == Op::Flush), "{what}: nothing is said after it");
                    }
                    see(&what, &report, &bench);
                    tried += 1;
                }
            }
        }
    }
    tried
}

/// What a failed job left is as it says, and can be brought to an end both ways.
fn recovers(stage: &Stage, what: &str, report: &Report, disks: &Disks) {
    if report.outcome == Outcome::Done {
        return assert!(stage.is_after(&disks.volume), "{what}");
    }
    let next = report.next.join(" ");
    let untouched = next.contains("Nothing of the volume was changed");
    assert!(untouched || next.contains("lifeboat resume"), "{what}: {report:?}");
    if untouched {
        assert!(stage.is_before(&disks.volume), "{what}: {report:?}");
    }
    for direction in [Direction::Finish, Direction::RollBack] {
        match stage.find(disks, direction).unwrap_or_else(|error| panic!("{what}: {error}")) {
            Resumption::Job(plan) => {
                let bench = Bench::sound(disks);
                let report = bench.run(&plan);
                assert_eq!(report.outcome, Outcome::Done, "{what}: {report:?}");
                let volume = bench.disks().volume;
                let right =
                    if direction == Direction::Finish { stage.is_after(&volume) } else { stage.is_before(&volume) };
                assert!(right, "{what}: {direction:?}");
            }
            Resumption::Nothing(_) | Resumption::NotBegun(_) => {
                assert!(stage.is_before(&disks.volume) || stage.is_after(&disks.volume), "{what}");
            }
        }
    }
}

#[test]
fn any_operation_may_fail_and_nothing_is_lost() {
    for in_file in [false, true] {
        let stage = Stage::by_hand(in_file);
        let mut begun = None;
        let tried = each_fault(&stage.disks(), &stage.plan, 1, &mut |what, report, bench| {
            recovers(&stage, what, report, &bench.disks());
            if begun.is_none() && report.next.join(" ").contains("in step 3 of 5") {
                begun = Some(bench.disks());
            }
        });
        let begun = begun.expect("some failure stops the job in step 3");
        let mut again = 0;
        for direction in [Direction::Finish, Direction::RollBack] {
            let Resumption::Job(plan) = stage.find(&begun, direction).unwrap() else { panic!("a job waits") };
            again += each_fault(&begun, &plan, 1, &mut |what, report, bench| {
                let disks = bench.disks();
                if report.outcome == Outcome::Done {
                    return;
                }
                let what = format!("{direction:?}: {what}");
                let next = report.next.join(" ");
                assert!(next.contains("Nothing was written") || next.contains("lifeboat resume"), "{what}: {report:?}");
                if next.contains("Nothing was written") {
                    assert!(disks == begun, "{what}");
                }
                both_ways(&stage, &what, &disks);
            });
        }
        println!("{}: {tried} failures of the job, {again} of its end", stage.name);
    }
}

#[test]
fn any_operation_may_fail_during_real_edits() {
    let mut all = 0;
    for (number, family) in alone::FAMILIES.iter().enumerate() {
        if family.is_large && !long() {
            continue;
        }
        // One edit of each family, each kind of edit on some family.
        let of_default = [family.edits[number % family.edits.len()]];
        let edits = if long() { family.edits } else { &of_default[..] };
        for edit in edits {
            let stage = alone::stage(family, *edit);
            let one_read_in = if long() && !family.is_large { 1 } else { 13 };
            let tried = each_fault(&stage.disks(), &stage.plan, one_read_in, &mut |what, report, bench| {
                recovers(&stage, &format!("{}: {what}", stage.name), report, &bench.disks());
            });
            println!("{}: {tried} failures", stage.name);
            all += tried;
        }
    }
    println!("{all} failures during real edits");
}

fn both_ways(stage: &Stage, what: &str, disks: &Disks) {
    for direction in [Direction::Finish, Direction::RollBack] {
        match stage.find(disks, direction).unwrap_or_else(|error| panic!("{what}: {error}")) {
            Resumption::Job(plan) => {
                let bench = Bench::sound(disks);
                assert_eq!(bench.run(&plan).outcome, Outcome::Done, "{what}");
            }
            _ => assert!(stage.is_before(&disks.volume) || stage.is_after(&disks.volume), "{what}"),
        }
    }
}

#[test]
fn a_medium_that_does_not_keep_what_is_written_is_found_out() {
    let stage = Stage::by_hand(false);
    let counter = Bench::sound(&stage.disks());
    assert_eq!(counter.run(&stage.plan).outcome, Outcome::Done);
    let writes = counter.handle(0).count(Op::Write);
    let mut found = 0;
    for at in 0..writes {
        for flip in [false, true] {
            let bench = Bench::new(&stage.disks(), [Fault::Lie { at, flip }, Fault::Nothing]);
            let report = bench.run(&stage.plan);
            let right = stage.is_after(&bench.disks().volume);
            assert!(right || report.outcome == Outcome::Failed, "write {at}: {report:?}");
            found += usize::from(report.outcome == Outcome::Failed);
        }
    }
    assert!(found * 2 > writes, "{found} of {writes}");
}

#[test]
fn a_cancel_stops_the_job_before_the_journal_and_not_after() {
    let stage = Stage::by_hand(false);
    let counter = Bench::sound(&stage.disks());
    assert_eq!(counter.run(&stage.plan).outcome, Outcome::Done);
    let (mut stopped, mut through) = (0, 0);
    for at in 0..counter.handle(0).operations() {
        let monitor = Arc::new(Monitor::new());
        let fault = Fault::Cancel { at, monitor: monitor.clone() };
        let bench = Bench::new(&stage.disks(), [fault, Fault::Nothing]);
        let report = bench.run_watched(&stage.plan, &monitor);
        let volume = bench.disks().volume;
        if report.outcome == Outcome::Cancelled {
            assert!(stage.is_before(&volume), "operation {at}");
            assert!(report.next.join(" ").contains("Nothing of the volume was changed"), "{report:?}");
            stopped += 1;
        } else {
            assert_eq!(report.outcome, Outcome::Done, "operation {at}: {report:?}");
            assert!(stage.is_after(&volume), "operation {at}");
            through += 1;
        }
    }
    assert!(stopped > 5 && through > 5, "{stopped} stopped, {through} went through");
}

//! A journal that does not fit its volume any more is explained, and never followed.

use lifeboat::error::{Error, Kind};
use lifeboat::fs::Change;
use lifeboat::job::{Outcome, Resumption};
use lifeboat::plan::{Direction, JournalPlace};

use super::stage::{Bench, Disks, Stage};
use crate::faults_device::{EIO, Event, Fault, Op};

/// The disks after the job was stopped by a failing write.
pub(crate) fn stopped_at_write(stage: &Stage, at: usize) -> Disks {
    let fault = Fault::Fail { op: Op::Write, at, sticky: true, errno: EIO };
    let bench = Bench::new(&stage.disks(), [fault, Fault::Nothing]);
    assert_eq!(bench.run(&stage.plan).outcome, Outcome::Failed);
    bench.disks()
}

/// The number of the write that begins a step, counted from 0.
pub(crate) fn write_of_step(stage: &Stage, step: usize) -> usize {
    let bench = Bench::sound(&stage.disks());
    assert_eq!(bench.run(&stage.plan).outcome, Outcome::Done);
    let first = stage.work().survey.changes[step].patches.first().unwrap();
    let writes = bench.log().into_iter().filter_map(|(device, event)| match event {
        Event::Write(at, data) if device == 0 => Some((at, data)),
        _ => None,
    });
    let found = writes.enumerate().find(|(_, (at, data))| *at == first.offset.0 && *data == first.new);
    found.expect("each step writes its patches").0
}

fn refused(stage: &Stage, disks: &Disks, direction: Direction) -> Error {
    match stage.find(disks, direction) {
        Err(error) => {
            assert_eq!(error.kind(), Kind::Refused, "{error}");
            error
        }
        Ok(found) => panic!("{direction:?}: not refused: {found:?}"),
    }
}

fn changes(stage: &Stage) -> &[Change] {
    &stage.work().survey.changes
}

#[test]
fn somebody_wrote_over_a_patched_sector() {
    let stage = Stage::by_hand(false);
    let stopped = stopped_at_write(&stage, write_of_step(&stage, 2));
    let mut tried = 0;
    for patch in changes(&stage).iter().flat_map(|change| &change.patches) {
        for sector in (0..patch.new.len()).step_by(512) {
            let mut disks = stopped.clone();
            disks.volume[patch.offset.0 as usize + sector + 17] ^= 0x20;
            for direction in [Direction::Finish, Direction::RollBack] {
                let error = refused(&stage, &disks, direction).to_string();
                assert!(error.contains("1 sectors hold neither"), "{error}");
            }
            tried += 1;
        }
    }
    assert!(tried > 10);
}

#[test]
fn sectors_that_are_each_right_in_no_order_that_the_job_has() {
    let stage = Stage::by_hand(false);
    let mut disks = stopped_at_write(&stage, write_of_step(&stage, 0));
    // Step 4 writes its file while step 1 has not written its directory.
    let patch = changes(&stage)[3].patches.last().unwrap();
    disks.volume[patch.offset.0 as usize..][..patch.new.len()].copy_from_slice(&patch.new);
    for direction in [Direction::Finish, Direction::RollBack] {
        let error = refused(&stage, &disks, direction).to_string();
        assert!(error.contains("in no order"), "{error}");
    }
}

#[test]
fn data_that_was_copied_is_not_what_it_was() {
    let stage = Stage::by_hand(false);
    let stopped = stopped_at_write(&stage, write_of_step(&stage, 2));
    let copy = changes(&stage)[1].copies[1];
    let spoil = |at: u64| {
        let mut disks = stopped.clone();
        // A byte of the copied cluster that no patch touches.
        disks.volume[(at + 4000) as usize] ^= 1;
        disks
    };
    let cases = [
        (copy.to.0, Direction::Finish, Outcome::Refused),
        (copy.to.0, Direction::RollBack, Outcome::Done),
        (copy.from.0, Direction::Finish, Outcome::Refused),
        (copy.from.0, Direction::RollBack, Outcome::Refused),
    ];
    for (at, direction, outcome) in cases {
        let disks = spoil(at);
        let Resumption::Job(plan) = stage.find(&disks, direction).unwrap() else { panic!("a job waits") };
        let bench = Bench::sound(&disks);
        let report = bench.run(&plan);
        assert_eq!(report.outcome, outcome, "{direction:?} with byte {at} changed: {report:?}");
        if outcome == Outcome::Refused {
            assert!(bench.disks() == disks, "nothing is written");
            assert!(bench.log().is_empty(), "nothing is written");
        }
    }
}

#[test]
fn a_volume_that_changed_since_the_plan_is_not_touched() {
    let stage = Stage::by_hand(false);
    for change in changes(&stage) {
        for patch in &change.patches {
            let mut disks = stage.disks();
            disks.volume[patch.offset.0 as usize + 1] ^= 1;
            let bench = Bench::sound(&disks);
            let report = bench.run(&stage.plan);
            let is_copy_target = (300 * 4096..303 * 4096).contains(&patch.offset.0);
            assert_eq!(report.outcome == Outcome::Done, is_copy_target, "{report:?}");
            assert!(is_copy_target || (report.outcome == Outcome::Refused && bench.log().is_empty()), "{report:?}");
        }
    }
    let mut longer = stage.disks();
    longer.volume.extend([0; 512]);
    assert_eq!(Bench::sound(&longer).run(&stage.plan).outcome, Outcome::Refused);
}

#[test]
fn a_journal_that_is_damaged_after_it_was_begun_is_explained() {
    let stage = Stage::by_hand(false);
    let JournalPlace::Volume(start) = stage.work().survey.journal else { panic!("in the volume") };
    let mut disks = stopped_at_write(&stage, write_of_step(&stage, 2));
    disks.volume[start.0 as usize + 12288 + 99] ^= 1;
    let error = refused(&stage, &disks, Direction::Finish).to_string();
    assert!(error.contains("its journal") && error.contains("is damaged"), "{error}");
    // Where the job was not begun, nothing is lost with it.
    let torn = stopped_at_write(&stage, write_of_step(&stage, 0) - 1);
    let mut torn = Disks { volume: torn.volume, ..torn };
    torn.volume[start.0 as usize + 8192..][..512].fill(0);
    torn.volume[start.0 as usize + 4096..][..512].fill(0);
    torn.volume[start.0 as usize + 12288 + 99] ^= 1;
    let found = stage.find(&torn, Direction::Finish).unwrap();
    assert!(
        matches!(&found, Resumption::NotBegun(job) if job.words().contains("before anything was changed")),
        "{found:?}"
    );
}

#[test]
fn a_journal_of_another_volume_or_in_another_place_is_not_followed() {
    let stage = Stage::by_hand(false);
    let JournalPlace::Volume(start) = stage.work().survey.journal else { panic!("in the volume") };
    let len = stage.work().survey.journal_len.0 as usize;
    let disks = stopped_at_write(&stage, write_of_step(&stage, 2));
    let journal = disks.volume[start.0 as usize..][..len].to_vec();
    // A copy of it elsewhere, as in a file that holds the image of this disk.
    let mut elsewhere = disks.clone();
    elsewhere.volume[start.0 as usize..][..512].fill(0);
    elsewhere.volume[start.0 as usize - 40960..][..len].copy_from_slice(&journal);
    assert!(matches!(stage.find(&elsewhere, Direction::Finish).unwrap(), Resumption::Nothing(_)));
    // A volume that was cut short.
    let mut short = disks.clone();
    short.volume.truncate(start.0 as usize + len);
    assert!(matches!(stage.find(&short, Direction::Finish).unwrap(), Resumption::Nothing(_)));
    // The wrong file.
    let in_file = Stage::by_hand(true);
    let wrong = Disks { journal, ..in_file.disks() };
    let error = refused(&in_file, &wrong, Direction::Finish).to_string();
    assert!(error.contains("belongs inside a volume"), "{error}");
    let noise = Disks { journal: vec![7; 4096], ..in_file.disks() };
    assert!(refused(&in_file, &noise, Direction::Finish).to_string().contains("not a journal"));
}

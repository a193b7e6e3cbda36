//! Power lost at any flush while a recovery partition is renewed: one copy is whole, the old or the new one, and the
//! partition table is the old or the new one.

use std::sync::Arc;

use lifeboat::device::{MemoryDevice, SharedDevice, Window, WriteDevice};
use lifeboat::error::{Error, Result};
use lifeboat::image::Kind;
use lifeboat::image::container::read_aid_copies;
use lifeboat::inventory::Place;
use lifeboat::job::{self, Devices, Monitor, Outcome, Report};
use lifeboat::plan::{AidRequest, Plan, RestoreWork};
use lifeboat::table;
use lifeboat::unit::{ByteLen, ByteOffset};

use super::stage::{SMALL_LEN, Stage};
use crate::faults_device::{EIO, Event, Fault, Handle, Op, SECTOR};
use crate::faults_power::Dice;
use crate::oracle::long;

/// The disk in memory; a partition is a window on it.
struct InMemory<'a>(&'a Handle);

impl Devices for InMemory<'_> {
    fn source(&self, _: &Place) -> Result<SharedDevice> {
        Err(Error::refused("nothing is read here"))
    }

    fn target(&self, _: &RestoreWork) -> Result<Box<dyn WriteDevice>> {
        Err(Error::refused("nothing is restored here"))
    }

    fn volume(&self, place: &Place) -> Result<Box<dyn WriteDevice>> {
        Ok(Box::new(Window::new(self.0.clone(), place.start, place.len)?))
    }
}

fn plan(stage: &Stage) -> Plan {
    let request = AidRequest { source: stage.volume(), target: stage.small() };
    job::plan_aid(&request, &Monitor::new()).unwrap()
}

fn run(plan: &Plan, handle: &Handle) -> Report {
    job::run_on(plan, &InMemory(handle), &Arc::new(Monitor::new()))
}

/// Sequence number of the table of contents in each copy that is whole, and the type of the partition.
fn seen(stage: &Stage, bytes: &[u8]) -> ([Option<u64>; 2], String) {
    let disk: SharedDevice = Arc::new(MemoryDevice::new(bytes.to_vec()));
    let partition = Window::new(disk.clone(), ByteOffset(stage.small_start()), ByteLen(SMALL_LEN)).unwrap();
    let copies = read_aid_copies(&partition).map(|copy| copy.ok().map(|aids| aids[0].toc.sequence));
    let table = table::read(&disk).unwrap();
    let small = table.entries.iter().find(|entry| entry.start.0 == stage.small_start()).unwrap();
    (copies, small.type_id.clone())
}

/// Every state that a power cut at any flush can leave.
fn cut_everywhere(before: &[u8], log: Vec<Event>, mut each: impl FnMut(&[u8], bool)) {
    let sweeps = if long() { 200 } else { 8 };
    let (mut durable, mut unflushed) = (before.to_vec(), Vec::new());
    for event in log {
        let Event::Flush = event else {
            if let Event::Write(at, data) = event {
                unflushed.push((at as usize, data));
            }
            continue;
        };
        for seed in 0..=sweeps {
            let mut bytes = durable.clone();
            let mut dice = Dice(seed + 1);
            for (at, data) in &unflushed {
                for (index, sector) in data.chunks(SECTOR).enumerate() {
                    if seed > 0 && (seed == 1 || dice.roll(10) < seed % 10) {
                        bytes[at + index * SECTOR..][..sector.len()].copy_from_slice(sector);
                    }
                }
            }
            each(&bytes, false);
        }
        for (at, data) in unflushed.drain(..) {
            durable[at..at + data.len()].copy_from_slice(&data);
        }
    }
    assert!(unflushed.is_empty(), "the last act is a flush");
    each(&durable, true);
}

#[test]
fn power_lost_while_it_is_made_or_renewed_leaves_one_copy_whole() {
    for kind in ["gpt", "dos"] {
        let stage = Stage::make("ext4", kind);
        let before = std::fs::read(&stage.disk).unwrap();
        let recorder = Handle::recorder(before.clone());
        assert_eq!(run(&plan(&stage), &recorder).outcome, Outcome::Done);
        let (old_type, mut typed) = (seen(&stage, &before).1, 0);
        cut_everywhere(&before, recorder.log(), |bytes, _| {
            let (copies, type_id) = seen(&stage, bytes);
            // It has Lifeboat's type only when both copies are there.
            if type_id != old_type {
                typed += 1;
                assert_eq!(copies, [Some(1); 2]);
            }
        });
        assert!(typed > 0);
        std::fs::write(&stage.disk, recorder.bytes()).unwrap();

        stage.back_up(Kind::User);
        let before = std::fs::read(&stage.disk).unwrap();
        let own_type = seen(&stage, &before).1;
        let recorder = Handle::recorder(before.clone());
        assert_eq!(run(&plan(&stage), &recorder).outcome, Outcome::Done);
        let mut states = std::collections::BTreeMap::new();
        let mut cuts = 0;
        cut_everywhere(&before, recorder.log(), |bytes, last| {
            let (copies, type_id) = seen(&stage, bytes);
            assert!(copies.iter().any(Option::is_some), "no copy is whole");
            assert!(!last || copies == [Some(2); 2], "{copies:?}");
            assert_eq!(type_id, own_type);
            states.entry(copies).or_insert_with(|| bytes.to_vec());
            cuts += 1;
        });
        assert!(states.len() >= 4, "{kind}: {:?}", states.keys());
        eprintln!("{kind}: {cuts} cuts, {:?}", states.keys());
        // What a cut has left is renewed, and cut again.
        for (copies, bytes) in states.into_iter().filter(|_| kind == "gpt") {
            std::fs::write(&stage.disk, &bytes).unwrap();
            let recorder = Handle::recorder(bytes.clone());
            assert_eq!(run(&plan(&stage), &recorder).outcome, Outcome::Done, "{copies:?}");
            cut_everywhere(&bytes, recorder.log(), |bytes, last| {
                let again = seen(&stage, bytes).0;
                assert!(again.iter().any(Option::is_some), "no copy is whole after {copies:?}");
                assert!(!last || again == [Some(2); 2], "{copies:?}, {again:?}");
            });
        }
    }
}

#[test]
fn a_write_or_flush_that_fails_leaves_one_copy_whole_and_says_so() {
    let stage = Stage::make("fat16", "gpt");
    std::fs::write(&stage.disk, {
        let handle = Handle::new(std::fs::read(&stage.disk).unwrap(), Fault::Nothing);
        assert_eq!(run(&plan(&stage), &handle).outcome, Outcome::Done);
        handle.bytes()
    })
    .unwrap();
    let before = std::fs::read(&stage.disk).unwrap();
    let plan = plan(&stage);
    let mut failures = 0;
    for op in [Op::Write, Op::Flush] {
        for at in 0..2 {
            let handle = Handle::new(before.clone(), Fault::Fail { op, at, sticky: true, errno: EIO });
            let report = run(&plan, &handle);
            assert_eq!(report.outcome, Outcome::Failed, "{report:?}");
            assert!(seen(&stage, &handle.bytes()).0.iter().any(Option::is_some));
            assert_eq!(handle.writes_after_failure(), 0);
            failures += 1;
        }
    }
    for flip in [false, true] {
        let handle = Handle::new(before.clone(), Fault::Lie { at: 0, flip });
        let report = run(&plan, &handle);
        assert_eq!(report.outcome, Outcome::Failed, "{report:?}");
        assert_eq!(seen(&stage, &handle.bytes()).0.iter().flatten().count(), if flip { 1 } else { 2 });
    }
    assert_eq!(failures, 4);
    // Something else renewed it meanwhile.
    let other = Handle::new(before, Fault::Nothing);
    assert_eq!(run(&plan, &other).outcome, Outcome::Done);
    let report = run(&plan, &other);
    assert_eq!(report.outcome, Outcome::Refused, "{report:?}");
}

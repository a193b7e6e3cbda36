//! A restore in place that fails at some write: the images inside stay whole, and `resume` finishes it.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lifeboat::device::{FileDevice, ReadDevice, SharedDevice, Window, WriteDevice};
use lifeboat::error::{Error, Result};
use lifeboat::inventory::Place;
use lifeboat::job::{self, Devices, Monitor, Outcome, Resumption};
use lifeboat::plan::{Direction, RestoreRequest, RestoreWork, ResumeRequest};
use lifeboat::unit::{ByteLen, ByteOffset};

use super::stage::{Stage, each};
use crate::oracle::long;

/// A disk that takes so many writes, and then no more; or, when it lies, one with a wrong bit, and all others.
pub(crate) struct Dying {
    disk: PathBuf,
    left: Arc<AtomicUsize>,
    lies: bool,
}

impl Dying {
    pub(crate) fn new(disk: PathBuf, writes: usize) -> Self {
        Self { disk, left: Arc::new(AtomicUsize::new(writes)), lies: false }
    }

    fn lying(disk: PathBuf, writes: usize) -> Self {
        Self { lies: true, ..Self::new(disk, writes) }
    }
}

struct Volume {
    inner: Window<FileDevice>,
    disk: PathBuf,
    start: u64,
    left: Arc<AtomicUsize>,
    lies: bool,
}

impl ReadDevice for Volume {
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

impl WriteDevice for Volume {
    fn write_at(&self, offset: ByteOffset, data: &[u8]) -> Result<()> {
        let took = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        let mut data = data.to_vec();
        match took {
            Err(_) if self.lies => {
                data[0] ^= 1;
                self.left.store(usize::MAX, Ordering::SeqCst);
            }
            Err(_) => return Err(Error::damaged("the power is gone")),
            Ok(_) => {}
        }
        let file = OpenOptions::new().write(true).open(&self.disk).unwrap();
        file.write_all_at(&data, self.start + offset.0).unwrap();
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

impl Devices for Dying {
    fn source(&self, _: &Place) -> Result<SharedDevice> {
        Err(Error::damaged("nobody asks"))
    }

    fn target(&self, work: &RestoreWork) -> Result<Box<dyn WriteDevice>> {
        self.volume(&work.survey.place)
    }

    fn volume(&self, place: &Place) -> Result<Box<dyn WriteDevice>> {
        let inner = Window::new(FileDevice::open(&self.disk)?, place.start, place.len)?;
        let (disk, left) = (self.disk.clone(), self.left.clone());
        Ok(Box::new(Volume { inner, disk, start: place.start.0, left, lies: self.lies }))
    }
}

/// Fails at write `count`; gives whether it came to its end.
fn cut(stage: &Stage, count: usize) -> bool {
    let plan = stage.plan(&RestoreRequest::home(stage.address("factory")));
    let devices = Dying::new(stage.disk.clone(), count);
    let report = job::run_on(&plan, &devices, &Arc::new(Monitor::new()));
    report.outcome == Outcome::Done
}

fn sweep(stage: &mut Stage, counts: impl Iterator<Item = usize>) -> (usize, usize) {
    let before = stage.walk();
    stage.collide();
    stage.scribble(1);
    let today = stage.walk();
    let bytes = std::fs::read(&stage.disk).unwrap();
    let (mut cuts, mut resumed) = (0, 0);
    for count in counts {
        std::fs::write(&stage.disk, &bytes).unwrap();
        let ended = cut(stage, count);
        let request = ResumeRequest { volume: stage.volume(), journal: None, direction: Direction::Finish };
        match job::plan_resume(&request, &Monitor::new()).unwrap() {
            Resumption::Job(plan) => {
                assert!(!ended, "{}: {count}", stage.name);
                let roll_back = ResumeRequest { direction: Direction::RollBack, ..request };
                let refused = job::plan_resume(&roll_back, &Monitor::new()).unwrap_err();
                assert!(refused.to_string().contains("cannot be rolled back"), "{refused}");
                let report = job::run(&plan, &Arc::new(Monitor::new()));
                assert_eq!(report.outcome, Outcome::Done, "{}: {count}: {report:?}", stage.name);
                resumed += 1;
                stage.expect(&before);
            }
            Resumption::Nothing(_) if ended => stage.expect(&before),
            Resumption::Nothing(_) => {
                assert_eq!(stage.walk(), today, "{}: {count}: before the mark nothing is changed", stage.name);
                let (_, report) = stage.restore(&RestoreRequest::home(stage.address("factory")));
                assert_eq!(report.outcome, Outcome::Done, "{}: {count}: {report:?}", stage.name);
                stage.expect(&before);
            }
            other => panic!("{}: {count}: {other:?}", stage.name),
        }
        cuts += 1;
        if ended {
            break;
        }
    }
    (cuts, resumed)
}

#[test]
fn a_restore_that_fails_at_any_write_is_finished_by_resume() {
    let names: &[&str] = if long() { &super::SOON } else { &["fat16-512-mixed-1-fat"] };
    each(names, |stage| {
        let counts: Vec<usize> = if long() { (0..).take(400).collect() } else { vec![0, 1, 2, 3, 4, 5, 7, 9, 13, 400] };
        let (cuts, resumed) = sweep(stage, counts.into_iter());
        println!("{}: {cuts} cuts, {resumed} resumed", stage.name);
        assert!(resumed > 2, "{}", stage.name);
    });
}

#[test]
fn a_write_that_the_medium_got_wrong_is_never_called_done() {
    let names: &[&str] = if long() { &super::SOON } else { &["fat16-512-mixed-1-fat"] };
    each(names, |stage| {
        let before = stage.walk();
        stage.scribble(1);
        let bytes = std::fs::read(&stage.disk).unwrap();
        let mut caught = 0;
        for count in if long() { 0..200 } else { 0..24 } {
            std::fs::write(&stage.disk, &bytes).unwrap();
            let plan = stage.plan(&RestoreRequest::home(stage.address("factory")));
            let devices = Dying::lying(stage.disk.clone(), count);
            let report = job::run_on(&plan, &devices, &Arc::new(Monitor::new()));
            if report.outcome == Outcome::Done {
                // What was written wrongly was written over later: the marker of an unfinished restore.
                stage.expect(&before);
            } else {
                caught += usize::from(report.headline.contains("came back"));
            }
        }
        assert!(caught > 2, "{}: {caught} caught by reading back", stage.name);
    });
}

//! A volume with a job planned on it, the devices that it is carried out on, and who judges what is left.

use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use lifeboat::device::{SharedDevice, Window, WriteDevice};
use lifeboat::error::{Error, Result};
use lifeboat::fs::State;
use lifeboat::inventory::{Container, FoundBy, LocateRequest, Place, Thoroughness, locate};
use lifeboat::job::{self, Devices, Monitor, Outcome, Report};
use lifeboat::plan::{Direction, Plan, RestoreWork, ResumeRequest};

use super::acts::Act;
use super::yard::Yard;
use crate::faults_cuts::{Log, Medium, Tap};
use crate::faults_device::{Fault, Handle};
use crate::inside::stage::{Walk, judge};
use crate::oracle::long;

/// A disk's bytes at some moment.
#[derive(Clone)]
pub(super) struct Disk(pub(super) Vec<u8>);

impl Medium for Disk {
    fn bytes(&mut self, _: usize) -> &mut [u8] {
        &mut self.0
    }
}

pub(super) struct Scene {
    pub(super) name: String,
    pub(super) act: Act,
    pub(super) yard: Yard,
    pub(super) before: Disk,
    pub(super) plan: Plan,
    /// Images that must be whole in every state.
    keeps: &'static [&'static str],
    /// The files before (when they can be read) and after.
    walk_before: Option<Walk>,
    layout_before: Option<Vec<String>>,
    walk_after: Walk,
    names_before: BTreeSet<String>,
    names_after: BTreeSet<String>,
    ends: Cell<usize>,
    pub(super) judged: Cell<usize>,
}

impl Scene {
    /// With the files of afterwards, when they are not those of before.
    pub(super) fn new(
        name: String,
        act: Act,
        yard: Yard,
        plan: Plan,
        keeps: &'static [&'static str],
        walk_after: Option<Walk>,
    ) -> Self {
        let before = Disk(std::fs::read(&yard.disk).unwrap());
        let walk_before = yard.walk();
        let walk_after = walk_after.or_else(|| walk_before.clone()).unwrap();
        let mut scene = Self {
            name,
            act,
            layout_before: yard.layout(),
            yard,
            before,
            plan,
            keeps,
            walk_before,
            walk_after,
            names_before: BTreeSet::new(),
            names_after: BTreeSet::new(),
            ends: Cell::new(0),
            judged: Cell::new(0),
        };
        scene.names_before = scene.names(Thoroughness::Full);
        scene
    }

    /// Carries the whole job out, which shows what comes of it.
    pub(super) fn rehearse(&mut self) -> Log {
        let bench = Bench::sound(&self.before);
        let report = bench.run(&self.plan);
        assert_eq!(report.outcome, Outcome::Done, "{}: {report:#?}", self.name);
        self.put(&bench.disk());
        self.names_after = self.names(Thoroughness::Quick);
        let what = format!("{}: uninterrupted", self.name);
        assert_eq!(self.yard.walk().as_ref(), Some(&self.walk_after), "{what}");
        self.sound(&what);
        self.stranger(&what);
        bench.log()
    }

    pub(super) fn put(&self, disk: &Disk) {
        std::fs::write(&self.yard.disk, &disk.0).unwrap();
    }

    pub(super) fn resume(&self, direction: Direction) -> ResumeRequest {
        ResumeRequest { volume: self.yard.volume.clone(), journal: None, direction }
    }

    fn locate(&self, thoroughness: Thoroughness) -> Vec<Container> {
        let request = LocateRequest { sources: vec![self.yard.volume.clone()], aids: Vec::new(), thoroughness };
        locate(&request, &Monitor::new()).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    fn names(&self, thoroughness: Thoroughness) -> BTreeSet<String> {
        let containers = self.locate(thoroughness);
        let images = containers.iter().flat_map(|container| &container.images);
        images.map(|image| image.record.name.clone()).collect()
    }

    /// Every image that was good is, by whichever way it is found.
    pub(super) fn keeps(&self, what: &str) {
        if self.keeps.is_empty() {
            return;
        }
        let containers = self.locate(Thoroughness::Full);
        for name in self.keeps {
            let found = containers.iter().find_map(|container| Some((container, container.find(name)?)));
            let (container, image) = found.unwrap_or_else(|| panic!("{what}: {name} is not found: {containers:?}"));
            assert!(image.damage.is_empty(), "{what}: {name}, {:?}: {:?}", image.found_by, image.damage);
            let report = job::verify_address(&container.address_of(image), &Arc::new(Monitor::new()));
            assert_eq!(report.outcome, Outcome::Done, "{what}: {name}, {:?}: {report:#?}", image.found_by);
        }
    }

    /// What was begun has come to an end: the files are those of before or of after, the volume is sound, its images
    /// are those of before or of after and whole, and nothing waits. Gives whether it is after.
    pub(super) fn ended(&self, what: &str) -> bool {
        let walk = self.yard.walk();
        let restored = walk.as_ref() == Some(&self.walk_after);
        if !restored && walk != self.walk_before {
            let (now, before) = (walk.unwrap_or_default(), self.walk_before.clone().unwrap_or_default());
            let now: HashSet<String> = now.into_iter().collect();
            let other: Vec<&String> = before.iter().filter(|line| !now.contains(*line)).collect();
            panic!("{what}: the files are neither those of before nor those of after: {other:#?}");
        }
        self.names_are_known(what);
        if walk_is_readable(&self.walk_before, restored) {
            self.sound(what);
            self.keeps(what);
            self.ends.set(self.ends.get() + 1);
            if self.ends.get() % if long() { 5 } else { 25 } == 1 {
                self.stranger(what);
            }
        }
        restored
    }

    /// The disk without what the volume begins with.
    pub(super) fn destroyed(&self, disk: &Disk) -> Disk {
        let mut bytes = disk.0.clone();
        let start = self.yard.start as usize;
        bytes[start..start + (96 << 10)].fill(0);
        Disk(bytes)
    }

    /// Plans the job anew on what is left, where it is not done, and does it; gives whether that was so.
    pub(super) fn again(&self, disk: &Disk, what: &str) -> bool {
        self.put(disk);
        let what = format!("{what}, anew");
        if self.names(Thoroughness::Quick) == self.names_after && self.yard.walk().as_ref() == Some(&self.walk_after) {
            return false;
        }
        let plan = self.act.plan(&self.yard).unwrap_or_else(|error| panic!("{what}: {error}"));
        let bench = Bench::sound(disk);
        let report = bench.run(&plan);
        assert_eq!(report.outcome, Outcome::Done, "{what}: {report:#?}");
        self.put(&bench.disk());
        assert!(self.ended(&what), "{what}: the files are right");
        assert_eq!(self.names(Thoroughness::Quick), self.names_after, "{what}");
        true
    }

    /// The files are those of before, and lie where they lay: told of the disk as it was put.
    pub(super) fn is_before(&self) -> bool {
        self.yard.walk() == self.walk_before && self.yard.layout() == self.layout_before
    }

    fn names_are_known(&self, what: &str) {
        for thoroughness in [Thoroughness::Quick, Thoroughness::Full] {
            let containers = self.locate(thoroughness);
            let images = || containers.iter().flat_map(|container| &container.images);
            let names: BTreeSet<String> = images().map(|image| image.record.name.clone()).collect();
            let damage: Vec<_> = images().map(|image| &image.damage).filter(|damage| !damage.is_empty()).collect();
            assert!(damage.is_empty(), "{what}, {thoroughness:?}: {damage:?}");
            let known = names == self.names_before || names == self.names_after;
            let found_by: Vec<_> = images().map(|image| (&image.record.name, image.found_by)).collect();
            let is_whole = self.yard.walk().is_some();
            // The images that a restore drops go when the volume is whole already: cut in between, a search of all
            // clusters finds them still.
            let ghosts =
                is_whole && self.act != Act::DropImages && images().any(|image| image.found_by != FoundBy::FileSystem);
            let twice = images().count() != names.len();
            assert!(known && !twice && !ghosts, "{what}, {thoroughness:?}: {found_by:?}");
        }
    }

    fn sound(&self, what: &str) {
        let summary = self.yard.open();
        assert_eq!(summary.summary().state, State::Clean, "{what}");
    }

    /// Asks the file system's own checker, and ours.
    fn stranger(&self, what: &str) {
        let Yard { dir, disk, start, len, .. } = &self.yard;
        if *start == 0 {
            judge(dir.path(), disk, what);
        } else {
            let volume = dir.path().join("judged.img");
            let bytes = std::fs::read(disk).unwrap();
            std::fs::write(&volume, &bytes[*start as usize..(start + len) as usize]).unwrap();
            judge(dir.path(), &volume, what);
        }
        self.judged.set(self.judged.get() + 1);
    }
}

fn walk_is_readable(before: &Option<Walk>, restored: bool) -> bool {
    restored || before.is_some()
}

/// A disk in memory with a fault, which keeps what it is told.
pub(super) struct Bench {
    handle: Handle,
    log: Arc<Mutex<Log>>,
}

impl Bench {
    pub(super) fn new(disk: &Disk, fault: Fault) -> Self {
        Self { handle: Handle::new(disk.0.clone(), fault), log: Arc::default() }
    }

    pub(super) fn sound(disk: &Disk) -> Self {
        Self::new(disk, Fault::Nothing)
    }

    pub(super) fn run(&self, plan: &Plan) -> Report {
        self.run_watched(plan, &Arc::new(Monitor::new()))
    }

    pub(super) fn run_watched(&self, plan: &Plan, monitor: &Arc<Monitor>) -> Report {
        job::run_on(plan, self, monitor)
    }

    pub(super) fn disk(&self) -> Disk {
        Disk(self.handle.bytes())
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn log(&self) -> Log {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    fn tap(&self) -> Tap {
        Tap::new(&self.handle, 0, &self.log)
    }
}

impl Devices for Bench {
    fn source(&self, _: &Place) -> Result<SharedDevice> {
        Err(Error::refused("no backup to elsewhere is made"))
    }

    fn target(&self, _: &RestoreWork) -> Result<Box<dyn WriteDevice>> {
        Err(Error::refused("nothing is restored to elsewhere"))
    }

    fn volume(&self, place: &Place) -> Result<Box<dyn WriteDevice>> {
        Ok(Box::new(Window::new(self.tap(), place.start, place.len)?))
    }

    fn disk(&self, _: &Place) -> Result<Box<dyn WriteDevice>> {
        Ok(Box::new(self.tap()))
    }

    fn journal(&self, path: &Path, _: Option<lifeboat::unit::ByteLen>) -> Result<Box<dyn WriteDevice>> {
        Err(Error::refused(format!("{} is no journal of this job", path.display())))
    }
}

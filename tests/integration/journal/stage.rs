//! What the tests of the journal share: volumes with changes worked out, and devices that keep what they are told.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use lifeboat::device::{MemoryDevice, SharedDevice, WriteDevice};
use lifeboat::error::Result;
use lifeboat::extent::{ClusterMap, Extent};
use lifeboat::fs::{Change, Overlay, Tag};
use lifeboat::inventory::{Address, Place, Source, open_source};
use lifeboat::job::{self, Changes, Devices, Monitor, Report, Resumption};
use lifeboat::plan::{
    ChangeRequest, ChangeWork, Direction, JournalPlace, JournalWish, Plan, RestoreWork, ResumeRequest, VolumeIdentity,
    Work,
};
use lifeboat::unit::{ByteLen, ByteOffset, Grid};

use crate::faults_cuts::{Log, Medium, Tap};
use crate::faults_device::{Fault, Handle};
use crate::faults_power::Dice;

/// A volume and a change of it.
pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) image: PathBuf,
    pub(crate) before: Vec<u8>,
    /// The volume after the change, as an uninterrupted job leaves it.
    pub(crate) after: Vec<u8>,
    pub(crate) plan: Plan,
    /// What was free before and whose bytes are nobody's: the journal, the targets of copies.
    scratch: Vec<Range<usize>>,
    scratch_after: Vec<Range<usize>>,
}

/// A volume, and the journal's file, as they are at some moment.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Disks {
    pub(crate) volume: Vec<u8>,
    pub(crate) journal: Vec<u8>,
}

impl Stage {
    /// Two MiB of noise, and five steps made by hand that use all that a journal must know: copies, sectors that
    /// several steps patch, a source that is patched before it moves, a target that is patched after.
    pub(crate) fn by_hand(journal_in_file: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut dice = Dice(11);
        let before: Vec<u8> = (0..2 << 20).map(|_| dice.roll(256) as u8).collect();
        let image = dir.path().join("v.img");
        std::fs::write(&image, &before).unwrap();
        let steps = steps_by_hand(&before);
        let grid = Grid { cluster_bytes: 4096, clusters: 512 };
        let mut used = ClusterMap::new(grid.clusters);
        used.set(Extent::new(0, 200), true);
        used.set(Extent::new(500, 12), true);
        let identity = VolumeIdentity {
            kind: None,
            id: None,
            label: None,
            len: ByteLen(before.len() as u64),
            start: ByteOffset(0),
        };
        let journal =
            if journal_in_file { JournalWish::File(dir.path().join("j.journal")) } else { JournalWish::InVolume };
        let request = ChangeRequest {
            volume: Address::Whole(image.clone()),
            name: "moving three clusters out of the way".into(),
            edits: Vec::new(),
            journal,
        };
        let source = open_source(&request.volume).unwrap();
        let plan = job::plan_changes(&request, &source, Changes { identity, steps, used, grid }).unwrap();
        Self::new(if journal_in_file { "by hand, journal in a file" } else { "by hand" }, dir, image, plan)
    }

    /// A change that was planned on an image in `dir`.
    pub(crate) fn new(name: &str, dir: tempfile::TempDir, image: PathBuf, plan: Plan) -> Self {
        let work = work_of(&plan);
        let (at, len) = (work.survey.place.start.0 as usize, work.survey.place.len.0 as usize);
        let before = std::fs::read(&image).unwrap()[at..at + len].to_vec();
        let changes = &work.survey.changes;
        let range = |start: ByteOffset, len: u64| start.0 as usize..(start.0 + len) as usize;
        let mut scratch_after = Vec::new();
        if let JournalPlace::Volume(at) = work.survey.journal {
            scratch_after.push(range(at, work.survey.journal_len.0));
        }
        let mut scratch = scratch_after.clone();
        scratch.extend(changes.iter().flat_map(|change| &change.copies).map(|copy| range(copy.to, copy.len.0)));
        let after = applied(&before, changes);
        Self { name: name.into(), dir, image, before, after, plan, scratch, scratch_after }
    }

    pub(crate) fn work(&self) -> &ChangeWork {
        work_of(&self.plan)
    }

    /// The disks before the job.
    pub(crate) fn disks(&self) -> Disks {
        let in_file = matches!(self.work().survey.journal, JournalPlace::File(_));
        let len = if in_file { self.work().survey.journal_len.0 } else { 0 };
        Disks { volume: self.before.clone(), journal: vec![0; len as usize] }
    }

    pub(crate) fn request(&self, direction: Direction) -> ResumeRequest {
        let journal = match &self.work().survey.journal {
            JournalPlace::File(path) => Some(path.clone()),
            JournalPlace::Volume(_) => None,
        };
        ResumeRequest { volume: self.work().request.volume.clone(), journal, direction }
    }

    /// Looks for the interrupted job on these disks.
    pub(crate) fn find(&self, disks: &Disks, direction: Direction) -> Result<Resumption> {
        let volume: SharedDevice = Arc::new(MemoryDevice::new(disks.volume.clone()));
        let source = Source { place: self.work().survey.place.clone(), device: volume };
        let journal: SharedDevice = Arc::new(MemoryDevice::new(disks.journal.clone()));
        job::plan_resume_on(&self.request(direction), &source, Some(&journal), &Monitor::new())
    }

    /// True when the volume is as before the job, but for what was free.
    pub(crate) fn is_before(&self, volume: &[u8]) -> bool {
        same(volume, &self.before, &self.scratch)
    }

    /// True when the volume is as after the job, but for what the journal left.
    pub(crate) fn is_after(&self, volume: &[u8]) -> bool {
        same(volume, &self.after, &self.scratch_after)
    }
}

fn work_of(plan: &Plan) -> &ChangeWork {
    let Work::Change(work) = &plan.work else { panic!("a change's plan") };
    work
}

fn same(one: &[u8], other: &[u8], but: &[Range<usize>]) -> bool {
    let mut sorted: Vec<&Range<usize>> = but.iter().collect();
    sorted.sort_by_key(|range| range.start);
    let mut at = 0;
    for range in sorted {
        if one[at..range.start.max(at)] != other[at..range.start.max(at)] {
            return false;
        }
        at = at.max(range.end);
    }
    one[at..] == other[at..]
}

/// What the steps make of a volume, without journal and job.
fn applied(before: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = before.to_vec();
    for copy in changes.iter().flat_map(|change| &change.copies) {
        bytes.copy_within(copy.from.0 as usize..(copy.from.0 + copy.len.0) as usize, copy.to.0 as usize);
    }
    for patch in changes.iter().flat_map(|change| &change.patches) {
        bytes[patch.offset.0 as usize..][..patch.new.len()].copy_from_slice(&patch.new);
    }
    bytes
}

fn steps_by_hand(before: &[u8]) -> Vec<Change> {
    let overlay = Overlay::new(Arc::new(MemoryDevice::new(before.to_vec())));
    let write = |at: u64, bytes: &[u8], what: &str| overlay.write(ByteOffset(at), bytes, Tag::new(what)).unwrap();
    let cluster = |number: u64| ByteOffset(number * 4096);
    let mut steps = Vec::new();
    write(100, &[1], "mark");
    write(8192, &[7; 700], "directory");
    steps.push(overlay.take("Mark the volume as in use").unwrap());
    // Clusters 2 (whose content was just patched), 50 and 51 move to free ones.
    for (from, to) in [(2, 300), (50, 301), (51, 302)] {
        overlay.copy(cluster(from), cluster(to), ByteLen(4096)).unwrap();
        write(4096 + from * 8, &to.to_le_bytes(), "table");
    }
    write(301 * 4096 + 1000, b"moved and patched", "directory");
    steps.push(overlay.take("Move three clusters").unwrap());
    write(4096 + 600, &[9; 2000], "table");
    write(8192 + 300, &[8; 900], "what was a directory");
    steps.push(overlay.take("Make a file").unwrap());
    write(4096 + 16, &[5; 8], "table");
    write(40 * 4096, &[3; 3000], "file");
    steps.push(overlay.take("Replace a file").unwrap());
    write(100, &before[100..101], "mark");
    steps.push(overlay.take("Mark the volume as clean").unwrap());
    steps
}

impl Medium for Disks {
    fn bytes(&mut self, device: usize) -> &mut [u8] {
        if device == 0 { &mut self.volume } else { &mut self.journal }
    }
}

/// The disks as devices, with a fault on each; keeps what it is told.
pub(crate) struct Bench {
    handles: [Handle; 2],
    log: Arc<Mutex<Log>>,
}

impl Bench {
    pub(crate) fn new(disks: &Disks, faults: [Fault; 2]) -> Self {
        let [one, two] = faults;
        let handles = [Handle::new(disks.volume.clone(), one), Handle::new(disks.journal.clone(), two)];
        Self { handles, log: Arc::default() }
    }

    pub(crate) fn sound(disks: &Disks) -> Self {
        Self::new(disks, [Fault::Nothing, Fault::Nothing])
    }

    pub(crate) fn run(&self, plan: &Plan) -> Report {
        self.run_watched(plan, &Arc::new(Monitor::new()))
    }

    pub(crate) fn run_watched(&self, plan: &Plan, monitor: &Arc<Monitor>) -> Report {
        job::run_on(plan, self, monitor)
    }

    pub(crate) fn disks(&self) -> Disks {
        Disks { volume: self.handles[0].bytes(), journal: self.handles[1].bytes() }
    }

    pub(crate) fn log(&self) -> Log {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    pub(crate) fn handle(&self, device: usize) -> &Handle {
        &self.handles[device]
    }

    fn tap(&self, device: usize) -> Result<Box<dyn WriteDevice>> {
        Ok(Box::new(Tap::new(&self.handles[device], device, &self.log)))
    }
}

impl Devices for Bench {
    fn source(&self, _: &Place) -> Result<SharedDevice> {
        panic!("no backup is made")
    }

    fn target(&self, _: &RestoreWork) -> Result<Box<dyn WriteDevice>> {
        panic!("nothing is restored")
    }

    fn volume(&self, _: &Place) -> Result<Box<dyn WriteDevice>> {
        self.tap(0)
    }

    fn journal(&self, _: &Path, _: Option<ByteLen>) -> Result<Box<dyn WriteDevice>> {
        self.tap(1)
    }
}

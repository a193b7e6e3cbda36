//! The one faked device: bytes in memory that fail, end early, lie, forget or cancel at a chosen operation; a
//! scratch on any other device; and the volumes and plans that the tests of faults share.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use lifeboat::device::{MemoryDevice, ReadDevice, SharedDevice, WriteDevice, check_range};
use lifeboat::error::{Error, Result};
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::{self, Kind, Probe};
use lifeboat::inventory::{Address, Place};
use lifeboat::job::{self, Devices, Monitor, Report};
use lifeboat::plan::{BackupRequest, ImageSource, ImageTarget, Plan, RestoreRequest, RestoreWork, Work};
use lifeboat::unit::{ByteLen, ByteOffset, Grid};

use crate::oracle::sh;

/// How an unfinished target begins.
const MARKER: &[u8] = b"LIFEBOAT-UNFINISHED";
/// What is written whole or not at all.
pub(crate) const SECTOR: usize = 512;
/// The kernel's numbers for a bad sector and for a device that is gone.
pub(crate) const EIO: i32 = 5;
pub(crate) const ENODEV: i32 = 19;

/// An operation of a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    Read,
    Write,
    Flush,
}

/// What goes wrong. Operations count from 0, each kind on its own.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Nothing,
    /// The operation fails, and with `sticky` all behind it.
    Fail {
        op: Op,
        at: usize,
        sticky: bool,
        errno: i32,
    },
    /// Reads that touch this byte's sector fail.
    BadSector(u64),
    /// The write is taken and not done; with `flip`, done with one wrong bit.
    Lie {
        at: usize,
        flip: bool,
    },
    /// At this operation, of any kind, the job is cancelled.
    Cancel {
        at: usize,
        monitor: Arc<Monitor>,
    },
}

/// What a device was told, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    Write(u64, Vec<u8>),
    Flush,
}

struct State {
    bytes: Vec<u8>,
    counts: [usize; 3],
    /// Writes and flushes; kept only by a recorder.
    log: Option<Vec<Event>>,
    failed: bool,
    writes_after_failure: usize,
}

/// Bytes in memory on which something goes wrong.
pub(crate) struct Faulty {
    state: Mutex<State>,
    fault: Fault,
}

/// A handle on it, as jobs want it.
#[derive(Clone)]
pub(crate) struct Handle(pub(crate) Arc<Faulty>);

impl Handle {
    pub(crate) fn new(bytes: Vec<u8>, fault: Fault) -> Self {
        let state = State { bytes, counts: [0; 3], log: None, failed: false, writes_after_failure: 0 };
        Self(Arc::new(Faulty { state: Mutex::new(state), fault }))
    }

    /// A device that keeps what it is told.
    pub(crate) fn recorder(bytes: Vec<u8>) -> Self {
        let handle = Self::new(bytes, Fault::Nothing);
        handle.state().log = Some(Vec::new());
        handle
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    pub(crate) fn count(&self, op: Op) -> usize {
        self.state().counts[op as usize]
    }

    pub(crate) fn operations(&self) -> usize {
        self.state().counts.iter().sum()
    }

    pub(crate) fn writes_after_failure(&self) -> usize {
        self.state().writes_after_failure
    }

    pub(crate) fn log(&self) -> Vec<Event> {
        self.state().log.take().unwrap()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.state().bytes.clone()
    }

    /// Counts the operation; gives its number when it is to fail.
    fn begin(&self, state: &mut State, op: Op, range: std::ops::Range<u64>) -> Result<usize> {
        let number = state.counts[op as usize];
        let all: usize = state.counts.iter().sum();
        state.counts[op as usize] += 1;
        if op == Op::Write && state.failed {
            state.writes_after_failure += 1;
        }
        let errno = match &self.0.fault {
            Fault::Fail { op: which, at, sticky, errno }
                if *which == op && (number == *at || (*sticky && number > *at)) =>
            {
                *errno
            }
            Fault::BadSector(at)
                if op == Op::Read && range.start < at / 512 * 512 + 512 && at / 512 * 512 < range.end =>
            {
                EIO
            }
            Fault::Cancel { at, monitor } => {
                if all == *at {
                    monitor.cancel();
                }
                return Ok(number);
            }
            _ => return Ok(number),
        };
        state.failed |= op != Op::Read;
        Err(Error::io(format!("{op:?} number {number}"), std::io::Error::from_raw_os_error(errno)))
    }
}

impl ReadDevice for Handle {
    fn len(&self) -> ByteLen {
        ByteLen(self.state().bytes.len() as u64)
    }

    fn sector_bytes(&self) -> u32 {
        SECTOR as u32
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        check_range(offset, buf.len(), self.len())?;
        let mut state = self.state();
        self.begin(&mut state, Op::Read, offset.0..offset.0 + buf.len() as u64)?;
        buf.copy_from_slice(&state.bytes[offset.0 as usize..][..buf.len()]);
        Ok(())
    }
}

impl WriteDevice for Handle {
    fn write_at(&self, offset: ByteOffset, data: &[u8]) -> Result<()> {
        check_range(offset, data.len(), self.len())?;
        let mut state = self.state();
        let at = offset.0 as usize;
        let number = match self.begin(&mut state, Op::Write, offset.0..offset.0) {
            Ok(number) => number,
            Err(error) => {
                // A failing write may have got half way, in whole sectors.
                let half = data.len() / 2 / SECTOR * SECTOR;
                state.bytes[at..at + half].copy_from_slice(&data[..half]);
                return Err(error);
            }
        };
        if let Some(log) = &mut state.log {
            log.push(Event::Write(offset.0, data.to_vec()));
        }
        match self.0.fault {
            Fault::Lie { at, flip: false } if at == number => return Ok(()),
            _ => state.bytes[at..at + data.len()].copy_from_slice(data),
        }
        if matches!(self.0.fault, Fault::Lie { at, .. } if at == number) {
            state.bytes[at + data.len() / 3] ^= 4;
        }
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        let mut state = self.state();
        self.begin(&mut state, Op::Flush, 0..0)?;
        if let Some(log) = &mut state.log {
            log.push(Event::Flush);
        }
        Ok(())
    }
}

impl Devices for Handle {
    fn source(&self, _: &Place) -> Result<SharedDevice> {
        Ok(Arc::new(self.clone()))
    }

    fn target(&self, _: &RestoreWork) -> Result<Box<dyn WriteDevice>> {
        Ok(Box::new(self.clone()))
    }
}

/// What a target looks like to whoever finds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Looks {
    /// As before the restore.
    Untouched,
    /// Marked.
    Unfinished,
    /// All used clusters are those of the image.
    Whole,
    /// None of these: what must never be.
    Wrong,
}

/// A volume, what was on the target before, and an image of the volume.
pub(crate) struct Stage {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) volume: Vec<u8>,
    pub(crate) before: Vec<u8>,
    pub(crate) used: ExtentSet,
    pub(crate) grid: Grid,
    pub(crate) image: PathBuf,
}

impl Stage {
    /// An ext2 volume of 20 MiB with files in several chunks; on the target is another one, and behind its
    /// free clusters 0xAA.
    pub(crate) fn ext2() -> Self {
        Self::make(
            "mkdir files; seq 100000 > files/numbers; head -c 2500000 /dev/urandom > files/random
             truncate -s 20M v.img; mke2fs -q -t ext2 -b 1024 -N 64 -d files -L source v.img
             head -c 20M /dev/zero | tr '\\0' '\\252' > t.img; mke2fs -q -F -t ext2 -b 1024 -N 64 -E nodiscard -L before t.img",
            false,
        )
    }

    /// Nine MiB that are no volume, taken whole.
    pub(crate) fn raw() -> Self {
        Self::make(
            "(seq 300000; head -c 3M /dev/zero; seq 300000 700000) | head -c 9M > v.img
             truncate -s 9M v.img; head -c 9M /dev/zero | tr '\\0' '\\252' > t.img",
            true,
        )
    }

    fn make(script: &str, raw: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        sh(dir.path(), script);
        let (source, image) = (dir.path().join("v.img"), dir.path().join("v.lbi"));
        let volume = std::fs::read(&source).unwrap();
        let mut request = BackupRequest::new(Address::Whole(source), ImageTarget::File(image.clone()));
        request.raw = raw;
        let plan = job::plan_backup(&request, &Monitor::new()).unwrap();
        let report = job::run(&plan, &Arc::new(Monitor::new()));
        assert_eq!(report.outcome, job::Outcome::Done, "{report:?}");
        let Work::Backup(work) = &plan.work else { panic!("a backup's plan") };
        let used = work.survey.used.runs().collect();
        let before = std::fs::read(dir.path().join("t.img")).unwrap();
        Self { volume, before, used, grid: work.survey.grid, image, dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn backup_request(&self, to: &Path) -> BackupRequest {
        BackupRequest::new(Address::Whole(self.path("v.img")), ImageTarget::File(to.into()))
    }

    pub(crate) fn backup_plan(&self, to: &Path) -> Plan {
        job::plan_backup(&self.backup_request(to), &Monitor::new()).unwrap()
    }

    pub(crate) fn restore_request(&self) -> RestoreRequest {
        RestoreRequest::new(ImageSource::File(self.image.clone()), Address::Whole(self.path("t.img")))
    }

    pub(crate) fn restore_plan(&self) -> Plan {
        job::plan_restore(&self.restore_request(), &Monitor::new()).unwrap()
    }

    /// What the bytes of a target look like; clusters that the volume does not use must be as before.
    pub(crate) fn looks(&self, target: &[u8]) -> Looks {
        for run in self.used.complement(self.grid.clusters).runs() {
            let range = self.range(*run);
            assert!(target[range.clone()] == self.before[range], "free clusters {run:?} were written");
        }
        if target.starts_with(MARKER) {
            let device: SharedDevice = Arc::new(MemoryDevice::new(target.to_vec()));
            assert_eq!(fs::probe(&device).unwrap(), Probe::One(Kind::Unfinished));
            return Looks::Unfinished;
        }
        if self.differs(target, &self.volume).is_empty() {
            return Looks::Whole;
        }
        if target == self.before { Looks::Untouched } else { Looks::Wrong }
    }

    /// The used clusters in which two volumes differ.
    pub(crate) fn differs(&self, one: &[u8], other: &[u8]) -> ExtentSet {
        let mut found = Vec::new();
        for run in self.used.runs() {
            if one[self.range(*run)] != other[self.range(*run)] {
                let clusters = (run.start.0..run.end()).map(|cluster| Extent::new(cluster, 1));
                found.extend(clusters.filter(|cluster| one[self.range(*cluster)] != other[self.range(*cluster)]));
            }
        }
        found.into()
    }

    fn range(&self, run: Extent) -> std::ops::Range<usize> {
        let start = self.grid.offset_of(run.start).0 as usize;
        start..start + self.grid.bytes_of(run.clusters).0 as usize
    }
}

/// Carries a plan out on a faked device.
pub(crate) fn run(plan: &Plan, device: &Handle) -> Report {
    job::run_on(plan, device, &Arc::new(Monitor::new()))
}

/// A device whose sectors from one place to another cannot be read.
pub(crate) struct Scratched {
    pub(crate) inner: SharedDevice,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl ReadDevice for Scratched {
    fn len(&self) -> ByteLen {
        self.inner.len()
    }

    fn sector_bytes(&self) -> u32 {
        self.inner.sector_bytes()
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        check_range(offset, buf.len(), self.len())?;
        if offset.0 < self.to && offset.0 + buf.len() as u64 > self.from {
            return Err(Error::io("reading", std::io::Error::from_raw_os_error(EIO)));
        }
        self.inner.read_at(offset, buf)
    }
}

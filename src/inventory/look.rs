//! The look itself: every disk, its table, its volumes. Disks are looked at side by side, and listed in a
//! stable order: those of the machine by name, then the named paths as they were given.
//!
//! A failing disk may hold a read for minutes. So each disk has a thread of its own that nobody has to wait for: an
//! [`Observer`] sees what is being read, gets each disk as soon as it is known, and may leave one out. The thread of a
//! disk that was left out ends when the read that it is in returns.

mod disk;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::{Disk, Inventory, LookRequest};
use crate::device::ReadDevice;
use crate::device::discover::{self, BlockDisk, Roots};
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset};
pub(super) use disk::{depth_for, kernel_partition};

/// Disks looked at side by side. Each is mostly waited for; more would only seek against each other.
const MAX_THREADS: usize = 4;
/// A disk that takes longer than this holds up no other: the next one is begun beside it.
const SLOW: Duration = Duration::from_secs(3);
/// How often the observer is asked whether a disk shall be left out.
const PATIENCE: Duration = Duration::from_millis(100);

/// What of a disk is being read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    /// It is being opened.
    Opening,
    /// Its partition table.
    Table,
    /// The partition of this number.
    Partition(u32),
    /// The volume at this byte, which no table names.
    Found(u64),
    /// The volume on the whole of it.
    Whole,
    /// Places where lost volumes may begin.
    LostVolumes,
    /// Places where images may lie.
    Images,
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opening => f.write_str("its beginning"),
            Self::Table => f.write_str("its partition table"),
            Self::Partition(number) => write!(f, "partition {number}"),
            Self::Found(start) => write!(f, "the volume at byte {start}"),
            Self::Whole => f.write_str("the volume on it"),
            Self::LostVolumes => f.write_str("the search for lost volumes"),
            Self::Images => f.write_str("the search for images"),
        }
    }
}

/// Who watches a look at the disks, and need not wait for all of them.
pub trait Observer: Send + Sync {
    /// These disks will be looked at; what is known of them without reading them.
    fn began(&self, disks: &[Disk]);

    /// This of a disk is being read from now on.
    fn reading(&self, disk: &Path, what: Reading);

    /// All that could be found out of a disk.
    fn looked(&self, disk: &Disk);

    /// True when a disk is not to be waited for any more.
    fn is_skipped(&self, disk: &Path) -> bool;
}

/// Nobody watches, and every disk is waited for.
struct Unobserved;

impl Observer for Unobserved {
    fn began(&self, _: &[Disk]) {}

    fn reading(&self, _: &Path, _: Reading) {}

    fn looked(&self, _: &Disk) {}

    fn is_skipped(&self, _: &Path) -> bool {
        false
    }
}

/// Looks. What cannot be read is listed with its problem; this never fails and never writes.
#[must_use]
pub fn look(request: &LookRequest) -> Inventory {
    look_observed(request, &(Arc::new(Unobserved) as Arc<dyn Observer>))
}

/// Looks, under the eyes of an observer.
#[must_use]
pub fn look_observed(request: &LookRequest, observer: &Arc<dyn Observer>) -> Inventory {
    let roots = Roots::default();
    let machine = Arc::new(Machine { disks: discover::disks(&roots), roots });
    let subjects = subjects(request, &machine);
    observer.began(&subjects.iter().map(|subject| disk::describe(subject, &machine)).collect::<Vec<_>>());
    let read = move |subject: &Subject, leash: &Leash| disk::look_at(subject, leash, &machine);
    Inventory { disks: look_at_all(subjects, observer, &(Arc::new(read) as Read)) }
}

/// What the kernel knows.
struct Machine {
    disks: Vec<BlockDisk>,
    roots: Roots,
}

/// A disk or file to look at.
#[derive(Clone)]
struct Subject {
    path: PathBuf,
    /// What sysfs says about it, for a disk.
    block: Option<BlockDisk>,
}

fn subjects(request: &LookRequest, machine: &Machine) -> Vec<Subject> {
    let mut subjects: Vec<Subject> = Vec::new();
    if request.machine {
        subjects
            .extend(machine.disks.iter().map(|disk| Subject { path: disk.node.clone(), block: Some(disk.clone()) }));
    }
    for path in &request.paths {
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        let is_listed = |subject: &Subject| subject.path == *path || subject.path == real;
        if !subjects.iter().any(is_listed) {
            let block = machine.disks.iter().find(|disk| disk.node == real).cloned();
            subjects.push(Subject { path: path.clone(), block });
        }
    }
    subjects
}

/// Holds the thread that reads a disk: cut, it gets nothing more to read.
#[derive(Clone)]
struct Leash {
    path: PathBuf,
    observer: Arc<dyn Observer>,
    cut: Arc<AtomicBool>,
    what: Arc<Mutex<Option<Reading>>>,
}

impl Leash {
    fn new(disk: &Path, observer: &Arc<dyn Observer>) -> Self {
        let observer = Arc::clone(observer);
        Self { path: disk.to_owned(), observer, cut: Arc::default(), what: Arc::default() }
    }

    /// Ends what it holds; tells what was being read.
    fn cut(&self) -> Option<Reading> {
        self.cut.store(true, Ordering::Relaxed);
        *self.what.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    /// Tells what comes next.
    fn reading(&self, what: Reading) {
        *self.what.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
        if !self.is_cut() {
            self.observer.reading(&self.path, what);
        }
    }
}

/// A device on a leash.
struct Leashed<D> {
    device: D,
    leash: Leash,
}

impl<D: ReadDevice> ReadDevice for Leashed<D> {
    fn len(&self) -> ByteLen {
        self.device.len()
    }

    fn sector_bytes(&self) -> u32 {
        self.device.sector_bytes()
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        if self.leash.is_cut() { Err(Error::cancelled()) } else { self.device.read_at(offset, buf) }
    }
}

/// How a disk is read; tests bring their own.
type Read = Arc<dyn Fn(&Subject, &Leash) -> Disk + Send + Sync>;

/// How far the look at one disk is.
enum Stage {
    Waiting,
    Read(Instant, Leash),
    Done(Box<Disk>),
}

fn look_at_all(subjects: Vec<Subject>, observer: &Arc<dyn Observer>, read: &Read) -> Vec<Disk> {
    let (sender, answers) = crossbeam_channel::unbounded();
    let mut stages: Vec<Stage> = subjects.iter().map(|_| Stage::Waiting).collect();
    loop {
        leave_out(&subjects, &mut stages, observer);
        begin_more(&subjects, &mut stages, observer, read, &sender);
        if stages.iter().all(|stage| matches!(stage, Stage::Done(_))) {
            break;
        }
        let Ok((at, disk)) = answers.recv_timeout(PATIENCE) else { continue };
        // The answer of a disk that was left out comes too late.
        if let Some(stage @ Stage::Read(..)) = stages.get_mut(at) {
            observer.looked(&disk);
            *stage = Stage::Done(Box::new(disk));
        }
    }
    let done = |stage| if let Stage::Done(disk) = stage { Some(*disk) } else { None };
    stages.into_iter().filter_map(done).collect()
}

/// Waits no more for the disks that the observer does not want to wait for.
fn leave_out(subjects: &[Subject], stages: &mut [Stage], observer: &Arc<dyn Observer>) {
    for (subject, stage) in subjects.iter().zip(stages) {
        if matches!(stage, Stage::Done(_)) || !observer.is_skipped(&subject.path) {
            continue;
        }
        let what = if let Stage::Read(_, leash) = stage { leash.cut() } else { None };
        let disk = Disk { problem: Some(skipped(what)), ..disk::bare(subject) };
        observer.looked(&disk);
        *stage = Stage::Done(Box::new(disk));
    }
}

fn skipped(what: Option<Reading>) -> String {
    match what {
        Some(what) => format!("skipped while being read: {what}"),
        None => "skipped: it was not read".to_owned(),
    }
}

/// Begins as many disks as may be read side by side.
fn begin_more(
    subjects: &[Subject],
    stages: &mut [Stage],
    observer: &Arc<dyn Observer>,
    read: &Read,
    answers: &Sender<(usize, Disk)>,
) {
    let swift = |stage: &&Stage| matches!(stage, Stage::Read(began, _) if began.elapsed() < SLOW);
    let mut free = MAX_THREADS.saturating_sub(stages.iter().filter(swift).count());
    for (at, (subject, stage)) in subjects.iter().zip(stages).enumerate() {
        if free == 0 {
            return;
        }
        if matches!(stage, Stage::Waiting) {
            let leash = Leash::new(&subject.path, observer);
            *stage = match begin(at, subject.clone(), leash.clone(), read, answers) {
                Ok(()) => Stage::Read(Instant::now(), leash),
                Err(error) => Stage::Done(Box::new(Disk { problem: Some(error.to_string()), ..disk::bare(subject) })),
            };
            free -= 1;
        }
    }
}

/// Reads a disk on a thread that may be left behind.
fn begin(
    at: usize,
    subject: Subject,
    leash: Leash,
    read: &Read,
    answers: &Sender<(usize, Disk)>,
) -> std::io::Result<()> {
    let (read, answers) = (Arc::clone(read), answers.clone());
    let look = move || {
        let looked = catch_unwind(AssertUnwindSafe(|| read(&subject, &leash)));
        let disk = looked.unwrap_or_else(|_| Disk {
            problem: Some("looking at it failed inside Lifeboat: this is a bug, please report it".into()),
            ..disk::bare(&subject)
        });
        // Nobody waits for a disk that was left out.
        let _ = answers.send((at, disk));
    };
    thread::Builder::new().name("lifeboat-look".to_owned()).spawn(look).map(drop)
}

#[cfg(test)]
mod tests;

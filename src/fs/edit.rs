//! The ability to work out changes of a volume's metadata, as data.
//!
//! An edit never writes to a device. It works on an [`Overlay`]: reads fall through to the volume, writes stay in
//! memory, and what differs afterwards are the **patches**. A plan shows them, and the job logs them to its journal
//! before it applies them. So every change to a user's metadata can be previewed, done again and undone, and tested
//! without a disk.
//!
//! ```text
//! edit::open ──► Box<dyn Edit> ──► mark(true), take("…") ─┐
//!  refuses what is not          ─► relocate, adopt, take ─┼─► [Change { title, copies, patches }] ─► job::journal
//!  clean and sound              ─► mark(false), take ─────┘
//! ```

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use super::check::{Findings, Severity, Watch};
use super::overlay::{Change, Overlay};
use super::tree::Attributes;
use super::{DRIVERS, Probe, State};
use crate::device::SharedDevice;
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent, ExtentSet};
use crate::unit::{ByteLen, Cluster};

/// How a volume hands out space, on its grid: from `origin` on, in units of `clusters`. (FAT's grid may be finer than
/// its clusters, ext's is finer with `bigalloc`; else a unit is a cluster.)
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Units {
    /// The first cluster of the first unit.
    pub origin: Cluster,
    /// Clusters of the grid in a unit.
    pub clusters: u64,
    /// How many units there are.
    pub count: u64,
}

impl Units {
    /// True when the extent consists of whole units.
    #[must_use]
    pub fn holds(self, extent: Extent) -> bool {
        let Some(first) = extent.start.0.checked_sub(self.origin.0) else { return false };
        let whole = first.is_multiple_of(self.clusters) && extent.clusters.is_multiple_of(self.clusters);
        whole && (first / self.clusters).saturating_add(extent.clusters / self.clusters) <= self.count
    }
}

/// How a file or directory shall look that an edit makes, or fills anew.
///
/// Read-only, hidden, system and archive are set or cleared on FAT and NTFS, the permission bits on ext: each file
/// system takes those that it has. Compressed, encrypted and sparse are ways to store content, and are not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Guise {
    /// Its attribute bits.
    pub attributes: Attributes,
    /// When its content was changed last, to what the file system can write down; without it what is new was changed
    /// now, and what is there keeps its time.
    pub modified: Option<jiff::Timestamp>,
}

/// A volume whose metadata can be changed, in memory. Extents are on the volume's grid and consist of whole
/// [`units`](Self::units). Each call either works out the whole change or leaves everything as it was.
///
/// Times are not changed but for those of files that come to be or get another content: neither that of a directory in
/// which a file is adopted nor that of a file that is moved.
pub trait Edit: Send {
    /// How space is handed out.
    fn units(&self) -> Units;

    /// What is used now, this edit's changes included, on the volume's grid: all that may not be given to
    /// [`adopt`](Self::adopt) or as the target of [`relocate`](Self::relocate). Reserved and bad clusters are used.
    ///
    /// # Errors
    /// When the volume's own bookkeeping cannot be read.
    fn used(&self) -> Result<ClusterMap>;

    /// The longest file that the volume can hold.
    fn max_file_len(&self) -> ByteLen;

    /// Makes free clusters a file, whose content is what lies in them: `extents` in file order, `len` bytes long (at
    /// most all bytes of the extents, and more than all but the last unit). A missing directory is made: hidden,
    /// system and read-only on FAT and NTFS, mode 0600 of root on ext, and so is the file.
    ///
    /// # Errors
    /// `Refused` when a cluster is not free, the name is taken or not allowed, the file would be too long, or there is
    /// no room for what describes it.
    fn adopt(&mut self, directory: &Path, name: &str, extents: &[Extent], len: ByteLen) -> Result<()>;

    /// Gives a file these free clusters as its content, as [`adopt`](Self::adopt) does: in file order, `len` bytes
    /// long, and none for an empty file. A file that is there keeps its name, what it is known by (directory entry, MFT
    /// record, inode), its owner and its further streams and attributes; the clusters it had are free afterwards. One
    /// that is not there is made in its directory, which must exist, and on ext belongs to whom that belongs. Then it
    /// looks as `guise` says.
    ///
    /// # Errors
    /// `Refused` as for [`adopt`](Self::adopt), but for the name that is taken; and when what has the name is no plain
    /// file with one name: compressed, encrypted or protected by digests, a link, a directory, a file that
    /// something finds by its place, a file of the file system's own.
    fn put(&mut self, path: &Path, extents: &[Extent], len: ByteLen, guise: &Guise) -> Result<()>;

    /// Makes an empty directory that looks as `guise` says, in a directory that must exist. One that is there already
    /// stays as it is.
    ///
    /// # Errors
    /// `Refused` when something else has the name, it is not allowed, or there is no room for it.
    fn make_directory(&mut self, path: &Path, guise: &Guise) -> Result<()>;

    /// Keeps free clusters for calls to come: no later call takes them for metadata (a directory that grows, records,
    /// maps). Only [`adopt`](Self::adopt) and [`relocate`](Self::relocate), which are given them by name, do. So the
    /// first of several files takes nothing of the second.
    ///
    /// # Errors
    /// `Refused` when the extents are no whole units.
    fn reserve(&mut self, extents: &[Extent]) -> Result<()>;

    /// Takes a file out of its directory, and frees its clusters: these are given back, in file order. A directory
    /// that [`adopt`](Self::adopt) would make just so (by its attributes), and that is empty then, goes, too; whoever
    /// wants to keep it makes it again by [`make_directory`](Self::make_directory).
    ///
    /// # Errors
    /// `Refused` when there is no such file, or it is not a plain file with one name.
    fn release(&mut self, directory: &Path, name: &str) -> Result<Vec<Extent>>;

    /// Moves whatever holds clusters of `from` to the free clusters `to`, which are as many: the bytes' copies are
    /// part of the [`Change`], and everything that leads to them leads to the new place. Free clusters of `from` are
    /// skipped, so that fewer of `to` may be needed than were given; they are used in order, but what cannot lie in
    /// just any pieces (NTFS: `$MFT`, `$MFTMirr`) takes the first that it fits in. The old clusters are free
    /// afterwards.
    ///
    /// # Errors
    /// `Refused`, naming what holds a cluster that cannot move, or when there are too few of `to`, when one of them is
    /// not free or was not when the edit was opened (copies must not overwrite what a roll-back needs).
    fn relocate(&mut self, from: &ExtentSet, to: &[Extent]) -> Result<()>;

    /// Replaces a file's whole content where it lies: of the same length, or within its allocation.
    ///
    /// # Errors
    /// `Refused` when it does not fit, or the file is not stored plainly (compressed, encrypted, with holes).
    fn replace(&mut self, path: &Path, content: &[u8]) -> Result<()>;

    /// Marks the volume as in use, or as properly unmounted.
    ///
    /// # Errors
    /// When the mark cannot be read.
    fn mark(&mut self, dirty: bool) -> Result<()>;

    /// What has changed since the last call, as one step of a job: its title is shown to the user. Everything in it
    /// lies within the volume.
    ///
    /// # Errors
    /// When the volume's old bytes cannot be read.
    fn take(&mut self, title: &str) -> Result<Change>;
}

/// Opens a volume for changes.
///
/// # Errors
/// `Refused` when it is not clean or not sound, saying what to do; whatever else keeps it from being read.
pub fn open(device: SharedDevice, watch: &dyn Watch) -> Result<Box<dyn Edit>> {
    let kind = refuse_unsound(&device, watch)?;
    open_unchecked(device, kind)
}

/// Checks that a volume may be changed; gives its kind.
///
/// # Errors
/// As [`open`].
pub fn refuse_unsound(device: &SharedDevice, watch: &dyn Watch) -> Result<super::Kind> {
    let kind = match super::probe(device)? {
        Probe::One(kind) => kind,
        Probe::None => return Err(Error::refused("there is no file system here that Lifeboat can change")),
        Probe::Ambiguous(_) => {
            return Err(Error::refused("more than one file system claims this place: which one is not guessed"));
        }
    };
    let volume = super::open(SharedDevice::clone(device), kind)?;
    let summary = volume.summary();
    refuse_state(summary.state)?;
    let mut findings = Findings::default();
    volume.check().check(watch, &mut |finding| findings.add(finding))?;
    findings.finish();
    if let Some(first) = findings.list.first().filter(|first| first.severity == Severity::Error) {
        let path = first.path.as_ref().map(|path| format!(" ({path})")).unwrap_or_default();
        return Err(Error::refused(format!(
            "the volume is not sound: {} errors; the first: {}{path}",
            findings.errors, first.message
        ))
        .advise(format!("Have it repaired first: {}", super::repair_tool(kind))));
    }
    Ok(kind)
}

/// Opens a volume for changes that the caller has checked.
///
/// # Errors
/// When the kind cannot be changed, or the volume cannot be read.
pub fn open_unchecked(device: SharedDevice, kind: super::Kind) -> Result<Box<dyn Edit>> {
    open_on(Arc::new(Overlay::new(device)), kind)
}

/// The same, on an overlay that the caller keeps: it shows the volume as it would be.
///
/// # Errors
/// As [`open_unchecked`].
pub fn open_on(overlay: Arc<Overlay>, kind: super::Kind) -> Result<Box<dyn Edit>> {
    let driver = DRIVERS.iter().find(|driver| driver.kinds.contains(&kind));
    let driver = driver.ok_or_else(|| Error::refused(format!("a {kind} volume cannot be changed by Lifeboat")))?;
    (driver.edit)(overlay)
}

thread_local! {
    static TIME: Cell<Option<jiff::Timestamp>> = const { Cell::new(None) };
}

/// Works changes out as if it were `time` now, on this thread: files that come to be get that time, so that the same
/// changes of the same volume are the same to the byte whenever they are worked out.
pub fn at_time<T>(time: jiff::Timestamp, act: impl FnOnce() -> T) -> T {
    let before = TIME.replace(Some(time));
    let done = act();
    TIME.set(before);
    done
}

/// The time that files get which come to be.
pub(super) fn now() -> jiff::Timestamp {
    told_time().unwrap_or_else(jiff::Timestamp::now)
}

/// The time that was told by [`at_time`].
pub(super) fn told_time() -> Option<jiff::Timestamp> {
    TIME.get()
}

/// Only what was left properly may be changed: whoever left it otherwise will want to finish his own changes.
fn refuse_state(state: State) -> Result<()> {
    let (what, advice) = match state {
        State::Clean => return Ok(()),
        State::Dirty => (
            "the volume was not unmounted properly, or is marked as having errors",
            "Mount it and unmount it again, or have it checked by its own tools (`lifeboat check` names them)",
        ),
        State::Hibernated => (
            "Windows sleeps on this volume (hibernation or fast start), and will write what it remembers",
            "Start Windows and shut it down with `shutdown /s /f /t 0`",
        ),
        State::Journal => (
            "the volume's journal holds changes that were not finished",
            "Let its own system finish them: start Windows once, or mount and unmount it, or run `e2fsck`",
        ),
    };
    Err(Error::refused(what).advise(advice))
}

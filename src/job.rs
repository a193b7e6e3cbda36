//! Carrying out a plan: the only code that writes to a user's disks.
//!
//! [`plan_backup`], [`plan_restore`], [`plan_change`] and [`plan_resume`] look (and never write) and plan; [`run`] carries a plan out on the calling
//! thread, watched through a [`Monitor`]. A reader, as many workers as there are processors and one ordered
//! writer share a fixed set of buffers; see `pipeline`. Memory stays under 256 MiB at any volume size:
//! 200 MiB at most for buffers and the codec's tables (fewer threads are used at the highest levels), and the cluster
//! map, which is kept compressed (see [`ClusterMap`](crate::extent::ClusterMap)).

mod aid;
mod backup;
mod change;
mod check;
mod container;
mod export;
mod extract;
mod gather;
mod in_place;
mod inside;
mod journal;
mod monitor;
mod owners;
mod pictures;
mod pipeline;
mod report;
mod restore;
mod resume;
mod seal;
mod source;
mod survey;
mod verify;

pub use aid::{AidState, aid_state};
pub use change::Changes;
pub use check::{CheckSource, Checked, sentence};
pub use export::ExportRequest;
pub use extract::{Amount, ExtractRequest, Extracted, measure};
pub use monitor::{Monitor, PROBLEM_SIGN, Progress, StepProgress};
pub use pictures::{Pictures, layouts, pictures};
use report::exact;
pub use report::{Outcome, Report};
pub use resume::Resumption;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::device::{FileDevice, FileWriter, SharedDevice, Window, WriteDevice};
use crate::error::{Error, Result};
use crate::fs::Finding;
use crate::inventory::{Address, Container, LocateRequest, Place, Source, open_source};
use crate::plan::{
    self, AidRequest, BackupRequest, ChangeRequest, ContainerRequest, Depth, Interrupted, Plan, RestoreRequest,
    RestoreWork, ResumeRequest, StepKind, Work,
};
use crate::unit::ByteLen;

/// Looks at source and target of a backup (reads only) and plans it.
///
/// # Errors
/// A refusal with its numbers, or what could not be read.
pub fn plan_backup(request: &BackupRequest, monitor: &Monitor) -> Result<Plan> {
    let source = open_source(&request.source)?;
    if request.target == plan::ImageTarget::Inside {
        return inside::plan_create(request, &source, monitor);
    }
    plan::backup(request, survey::backup(request, &source, monitor)?)
}

/// Works out a change of the container inside a volume (reads only) and plans it; none when there is nothing to do.
///
/// # Errors
/// A refusal with its numbers, or what could not be read.
pub fn plan_container(request: &ContainerRequest, monitor: &Monitor) -> Result<Option<Plan>> {
    inside::plan_change(request, &open_source(&request.volume)?, monitor)
}

/// Looks at image and target of a restore (reads only) and plans it.
///
/// # Errors
/// A refusal with its numbers, or what could not be read.
pub fn plan_restore(request: &RestoreRequest, monitor: &Monitor) -> Result<Plan> {
    monitor.check()?;
    match in_place::plan(request, monitor)? {
        in_place::Turn::InPlace(plan) => Ok(*plan),
        in_place::Turn::Ordinary(found) => {
            let (survey, stream) = survey::restore(request, found)?;
            plan::restore(request, survey, stream)
        }
    }
}

/// Works out what a change of a volume's metadata would write (reads only) and plans it.
///
/// # Errors
/// A refusal with its numbers, or what could not be read.
pub fn plan_change(request: &ChangeRequest, monitor: &Monitor) -> Result<Plan> {
    let source = open_source(&request.volume)?;
    plan::change(request, change::survey(request, &source, monitor)?)
}

/// The same, for steps that are worked out already.
///
/// # Errors
/// A refusal with its numbers: no room for the journal, a volume in use.
pub fn plan_changes(request: &ChangeRequest, source: &Source, changes: Changes) -> Result<Plan> {
    plan::change(request, change::placed(request, source, changes)?)
}

/// Looks at a disk and at the partition that shall lead to its images (reads only) and plans to write that.
///
/// # Errors
/// A refusal with its numbers, or what could not be read.
pub fn plan_aid(request: &AidRequest, monitor: &Monitor) -> Result<Plan> {
    aid::plan(request, monitor)
}

/// Looks for the journal of an interrupted job (reads only) and plans the job's end.
///
/// # Errors
/// A refusal when the journal does not fit the volume any more, or what could not be read.
pub fn plan_resume(request: &ResumeRequest, monitor: &Monitor) -> Result<Resumption> {
    let source = open_source(&request.volume)?;
    match in_place::plan_resume(request, &source, monitor)? {
        Some(found) => Ok(found),
        None => resume::plan(request, &source, monitor),
    }
}

/// The same, on a volume (and a journal's file) that is open already, and that nobody else uses.
///
/// # Errors
/// As [`plan_resume`].
pub fn plan_resume_on(
    request: &ResumeRequest,
    source: &Source,
    journal: Option<&SharedDevice>,
    monitor: &Monitor,
) -> Result<Resumption> {
    resume::plan_with(request, source, journal, None, monitor)
}

/// The job that was interrupted on a volume, when its journal lies in the volume and fits: for whoever looks at disks.
///
/// # Errors
/// When the volume cannot be opened, or the look is cancelled.
pub fn interrupted(volume: &Address, depth: Depth, monitor: &Monitor) -> Result<Option<Interrupted>> {
    let source = open_source(volume)?;
    match in_place::interrupted(&source) {
        Some(job) => Ok(Some(job)),
        None => resume::waiting(&source, depth, monitor),
    }
}

/// The devices a plan is carried out on: those its places name, or, in tests, devices that fail on purpose.
pub trait Devices {
    /// A backup's source.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn source(&self, place: &Place) -> Result<SharedDevice>;

    /// A restore's target.
    ///
    /// # Errors
    /// When it cannot be opened, or is in use.
    fn target(&self, work: &RestoreWork) -> Result<Box<dyn WriteDevice>>;

    /// A volume whose metadata is changed.
    ///
    /// # Errors
    /// When it cannot be opened, or is in use.
    fn volume(&self, place: &Place) -> Result<Box<dyn WriteDevice>> {
        Err(Error::refused(format!("{} is not there to be changed", place.node.display())))
    }

    /// The whole disk that a volume lies on, whose partition table is changed.
    ///
    /// # Errors
    /// When it cannot be opened, or is in use.
    fn disk(&self, place: &Place) -> Result<Box<dyn WriteDevice>> {
        Err(Error::refused(format!("{} is not there to be changed", place.disk.display())))
    }

    /// A journal that is a file: a new one of this length, or one that is there.
    ///
    /// # Errors
    /// When it cannot be made or opened, or is in use.
    fn journal(&self, path: &Path, create: Option<ByteLen>) -> Result<Box<dyn WriteDevice>> {
        let _ = create;
        Err(Error::refused(format!("{} is not there for a journal", path.display())))
    }
}

/// The machine's own devices.
struct Machine;

impl Devices for Machine {
    fn source(&self, place: &Place) -> Result<SharedDevice> {
        let device = FileDevice::open(&place.node)?.with_sectors(place.sector_bytes);
        Ok(Arc::new(Window::new(device, place.node_start, place.len)?))
    }

    fn target(&self, work: &RestoreWork) -> Result<Box<dyn WriteDevice>> {
        self.volume(&work.survey.place)
    }

    fn volume(&self, place: &Place) -> Result<Box<dyn WriteDevice>> {
        Ok(Box::new(Window::new(FileWriter::open(&place.node)?, place.node_start, place.len)?))
    }

    fn disk(&self, place: &Place) -> Result<Box<dyn WriteDevice>> {
        Ok(Box::new(FileWriter::open(&place.disk)?))
    }

    fn journal(&self, path: &Path, create: Option<ByteLen>) -> Result<Box<dyn WriteDevice>> {
        Ok(Box::new(match create {
            Some(len) => FileWriter::create(path, len)?,
            None => FileWriter::open(path)?,
        }))
    }
}

/// Carries out a plan on this thread. Never panics on bad media; the report says how it ended.
#[must_use]
pub fn run(plan: &Plan, monitor: &Arc<Monitor>) -> Report {
    run_on(plan, &Machine, monitor)
}

/// The same, on given devices.
#[must_use]
pub fn run_on(plan: &Plan, devices: &dyn Devices, monitor: &Arc<Monitor>) -> Report {
    monitor.begin(plan.steps.clone());
    tracing::info!("{}", plan.headline);
    tracing::info!("{}", plan.command);
    let result = match &plan.work {
        Work::Backup(work) => {
            devices.source(&work.survey.place).and_then(|source| backup::run(plan, work, &source, monitor))
        }
        Work::Restore(work) => restore::run(plan, work, &mut || devices.target(work), monitor),
        Work::RestoreInPlace(work) => in_place::run(plan, work, devices, monitor),
        Work::Change(work) => change::run(plan, work, devices, monitor),
        Work::Resume(work) => resume::run(plan, work, devices, monitor),
        Work::Inside(work) => inside::run(plan, work, devices, monitor),
        Work::Aid(work) => aid::run(plan, work, devices, monitor),
    };
    ended(result)
}

/// Reads a whole image against its digests. The report's outcome is `Failed` when anything is damaged; its
/// warnings name chunk, clusters and files.
#[must_use]
pub fn verify(image: &Path, monitor: &Arc<Monitor>) -> Report {
    verify_address(&Address::Whole(image.into()), monitor)
}

/// The same of the image at an address: a file, or an image inside a volume.
#[must_use]
pub fn verify_address(image: &Address, monitor: &Arc<Monitor>) -> Report {
    ended(verify::run(image, monitor))
}

/// Looks for the images inside volumes, with its progress on the monitor. Never writes.
///
/// # Errors
/// As [`inventory::locate`](crate::inventory::locate).
pub fn locate(request: &LocateRequest, monitor: &Monitor) -> Result<Vec<Container>> {
    crate::inventory::locate(request, &check::Watcher::new(monitor))
}

/// What is to be said of a container: that it is sound, or what is wrong with it. With `deep`, every image is read
/// against its digests; else as far as opening it tells. Never writes.
///
/// # Errors
/// When the look is cancelled.
pub fn check_container(container: &Container, deep: bool, monitor: &Monitor) -> Result<Vec<Finding>> {
    check::container(container, deep, monitor)
}

/// Writes the image at an address to a file, full and independent of all others. The report tells how it ended.
#[must_use]
pub fn export(request: &ExportRequest, monitor: &Arc<Monitor>) -> Report {
    ended(export::run(request, monitor))
}

/// Copies files out of a volume or an image into a folder. Writes nothing outside that folder, and follows no links.
///
/// # Errors
/// When nothing could be copied, or the job was cancelled: what was copied whole by then stays.
pub fn extract(request: &ExtractRequest, monitor: &Monitor) -> Result<Extracted> {
    extract::run(request, monitor)
}

/// The same, for faces that show a report.
#[must_use]
pub fn extract_files(request: &ExtractRequest, monitor: &Arc<Monitor>) -> Report {
    ended(extract::run(request, monitor).map(|extracted| extracted.report(&request.to)))
}

/// Writes what leads to the images of a disk or a volume to a new file. The report tells how it ended.
#[must_use]
pub fn write_aid(source: &Address, path: &Path, monitor: &Monitor) -> Report {
    ended(aid::write_file(source, path, monitor))
}

/// Checks a volume. Never writes.
///
/// # Errors
/// When there is no volume that Lifeboat can check, the medium cannot be read, or the look is cancelled; never because
/// the volume is damaged.
pub fn check(source: &CheckSource, monitor: &Monitor) -> Result<Checked> {
    check::run(source, monitor)
}

/// Checks the volume at an address, for faces that show a report.
#[must_use]
pub fn check_address(address: &Address, monitor: &Arc<Monitor>) -> Report {
    let checked = open_source(address).and_then(|source| check::run(&source.into(), monitor));
    ended(checked.map(|checked| checked.report(&address.to_string())))
}

fn ended(result: Result<Report>) -> Report {
    let report = result.unwrap_or_else(|error| Report::failed(&error));
    tracing::info!("{:?}: {}", report.outcome, report.headline);
    for warning in &report.warnings {
        tracing::warn!("{warning}");
    }
    report
}

fn decompressor() -> Result<zstd::bulk::Decompressor<'static>> {
    zstd::bulk::Decompressor::new().map_err(|error| Error::io("starting a decompressor", error))
}

impl Plan {
    /// Tells the watchers that the step of this kind begins; false when the plan has no such step.
    fn enter(&self, kind: StepKind, monitor: &Monitor) -> bool {
        self.enter_in(&(0..self.steps.len()), kind, monitor)
    }

    /// The same, of the first such step among some.
    fn enter_in(&self, among: &Range<usize>, kind: StepKind, monitor: &Monitor) -> bool {
        let own = self.steps.get(among.clone()).unwrap_or_default();
        let Some(index) = own.iter().position(|step| step.kind == kind) else { return false };
        monitor.enter(among.start + index);
        monitor.event(format!("{}…", own[index].title));
        true
    }

    /// Tells the watchers that the change of this number begins, counted from 0 among some steps.
    fn enter_change(&self, among: &Range<usize>, number: usize, monitor: &Monitor) {
        let own = self.steps.get(among.clone()).unwrap_or_default();
        let mut changes = own.iter().enumerate().filter(|(_, step)| step.kind == StepKind::ChangeMetadata);
        if let Some((index, step)) = changes.nth(number) {
            monitor.enter(among.start + index);
            monitor.event(format!("{}…", step.title));
        }
    }
}

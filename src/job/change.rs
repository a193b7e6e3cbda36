//! Changing a volume's metadata: what is asked for becomes steps, a place for the journal is chosen, and the steps are
//! carried out so that a power cut at any moment leaves a volume that can be finished or rolled back.
//!
//! Until the journal is begun, only free clusters are written, and a cancel ends the job. From then on the job goes
//! through: what is left are a few MiB of metadata, and a volume that is half changed is no place to stop.

mod survey;

pub use survey::Changes;
pub(super) use survey::{begin, end, identify, in_use, placed, placed_if, refuse_waiting, survey};

use std::ops::Range;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::journal::apply::Work;
use super::journal::copies::{self, Side};
use super::journal::format::State;
use super::journal::judge::{self, Reached};
use super::journal::record::{LoggedCopy, Record, Step};
use super::journal::store::Store;
use super::{Devices, Monitor, Outcome, Report, exact};
use crate::device::discover::{self, Roots};
use crate::device::{SharedDevice, WriteDevice};
use crate::error::{Error, Kind, Result};
use crate::extent::Extent;
use crate::fs;
use crate::inventory::Place;
use crate::plan::{self, ChangeSurvey, ChangeWork, Direction, JournalPlace, Plan, StepKind};
use crate::unit::ByteOffset;
use crate::words::{en, fill};

/// The journal of a job, before its copies are made.
pub(super) fn record(name: &str, survey: &ChangeSurvey) -> Record {
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    let copies = survey.changes.iter().flat_map(|change| &change.copies);
    let steps = survey.changes.iter();
    Record {
        job: uuid::Uuid::new_v4(),
        created: now,
        place: match survey.journal {
            JournalPlace::Volume(at) => Some(at),
            JournalPlace::File(_) => None,
        },
        name: name.into(),
        volume: survey.identity.clone(),
        copies: copies.map(|copy| LoggedCopy { copy: *copy, source: [0; 32], target: [0; 32] }).collect(),
        steps: steps.map(|change| Step { title: change.title.clone(), patches: change.patches.clone() }).collect(),
    }
}

/// A journalled change that is being carried out: which steps of the plan are its own.
pub(super) struct Phase<'a> {
    pub(super) plan: &'a Plan,
    pub(super) steps: Range<usize>,
    /// In words, for whoever finds the journal.
    pub(super) name: &'a str,
    pub(super) survey: &'a ChangeSurvey,
    /// What the volume is until the change is begun, in words.
    pub(super) before: &'a str,
}

/// What the volume is before a job's first change.
pub(super) const UNTOUCHED: &str = "Nothing of the volume was changed";

impl Phase<'_> {
    /// How many steps of a plan a change has.
    pub(super) fn step_count(survey: &ChangeSurvey) -> usize {
        let copies = survey.changes.iter().any(|change| !change.copies.is_empty());
        survey.changes.len() + 2 + if copies { 2 } else { 0 }
    }
}

/// Carries a change out.
pub(super) fn run(plan: &Plan, work: &ChangeWork, devices: &dyn Devices, monitor: &Arc<Monitor>) -> Result<Report> {
    let survey = &work.survey;
    let untouched = |error: Error| left(error, UNTOUCHED);
    let volume: Arc<dyn WriteDevice> = Arc::from(devices.volume(&survey.place).map_err(untouched)?);
    let phase = Phase { plan, steps: 0..plan.steps.len(), name: &work.request.name, survey, before: UNTOUCHED };
    let done = carry_out(&phase, &volume, devices, monitor);
    drop(volume);
    reread(&survey.place);
    let record = done?;
    monitor.enter(plan.steps.len());
    Ok(report(work, &record))
}

/// Carries out a change that may be a part of a larger job.
///
/// # Errors
/// What failed, with what the volume is now.
pub(super) fn carry_out(
    phase: &Phase<'_>,
    volume: &Arc<dyn WriteDevice>,
    devices: &dyn Devices,
    monitor: &Monitor,
) -> Result<Record> {
    let (plan, survey) = (phase.plan, phase.survey);
    let untouched = |error: Error| left(error, phase.before);
    let mut record = record(phase.name, survey);
    check_plan(survey, &record, volume).map_err(untouched)?;
    let own = match &survey.journal {
        JournalPlace::File(path) => Some(devices.journal(path, Some(survey.journal_len)).map_err(untouched)?),
        JournalPlace::Volume(_) => None,
    };
    // A journal's file that was made for a job that is never begun goes again.
    let untouched = |error: Error| {
        if let JournalPlace::File(path) = &survey.journal {
            let _ = std::fs::remove_file(path);
        }
        untouched(error)
    };
    copy(phase, &mut record, &**volume, monitor).map_err(untouched)?;
    let (journal, start) = match (&own, survey.journal.clone()) {
        (Some(own), _) => (&**own, ByteOffset::ZERO),
        (None, JournalPlace::Volume(at)) => (&**volume, at),
        (None, JournalPlace::File(_)) => return Err(Error::damaged("the journal's file was not made")),
    };
    let store = Store { device: journal, start };
    plan.enter_in(&phase.steps, StepKind::WriteJournal, monitor);
    let resume = plan::resume_command_of(plan);
    // What could not be written to the volume may have landed all the same.
    let perhaps = |error: Error| left(error, &format!("{}. `{resume}` tells", phase.before));
    let (header, body) = record.encode().map_err(untouched)?;
    let created = store.create(&header, &body);
    created.map_err(|error| if own.is_some() { untouched(error) } else { perhaps(error) })?;
    drop(body);
    if let Err(stopped) = monitor.check() {
        // Whoever comes next finds no job that waits.
        store.close(&header, State::RolledBack).map_err(perhaps)?;
        return Err(untouched(stopped));
    }
    // From the note on the job is begun. If writing it fails, nothing is changed yet, but it may have landed.
    let begun = store.note(&header, 1, Direction::Finish, 0).and_then(|()| journal.flush());
    begun.map_err(perhaps)?;
    let go = Work { record: &record, header: &header, store, volume: &**volume, notes: 1 };
    let mut at = None;
    let done = go.go(Reached { done: 0, partly: false }, Direction::Finish, &mut |step| {
        at = Some(step);
        plan.enter_change(&phase.steps, step, monitor);
    });
    done.map_err(|error| in_between(error, &record, at, &resume))?;
    Ok(record)
}

/// Checks that the volume is still what the plan was made for.
fn check_plan(survey: &ChangeSurvey, record: &Record, volume: &Arc<dyn WriteDevice>) -> Result<()> {
    // Whatever wrote to the volume since it was last read, under whichever name: the medium tells.
    volume.forget();
    record.check(survey.journal_len.0).map_err(|error| Error::refused(error.to_string()))?;
    still_free(survey, volume)?;
    let mut targets: Vec<_> = record.copies.iter().map(|logged| logged.copy).collect();
    targets.sort_by_key(|copy| copy.to);
    let is_copied_to = |sector: u64| {
        let index = targets.partition_point(|copy| copy.to.0 <= sector);
        index > 0 && sector < targets[index - 1].to.0 + targets[index - 1].len.0
    };
    judge::expect(record, &**volume, 0, &is_copied_to, &changed)
}

/// Makes the copies, and proves them.
fn copy(phase: &Phase<'_>, record: &mut Record, volume: &dyn WriteDevice, monitor: &Monitor) -> Result<()> {
    let plan = phase.plan;
    if plan.enter_in(&phase.steps, StepKind::CopyData, monitor) {
        copies::make(record, volume, monitor)?;
        volume.flush()?;
        volume.forget();
        plan.enter_in(&phase.steps, StepKind::ReadBackCopies, monitor);
        if let Some(logged) = copies::differing(record, volume, Side::Target, monitor)? {
            return Err(copies::unproven(logged));
        }
    }
    judge::expect(record, volume, 0, &|_| false, &changed)
}

fn changed(what: String) -> Error {
    Error::refused(format!("the volume is not what the plan was made for: {what}"))
        .advise("See that nothing else uses it, and plan anew")
}

/// Checks that the volume is the one that was planned for, clean, and that all that will be written before the first
/// patch is free still.
fn still_free(survey: &ChangeSurvey, volume: &Arc<dyn WriteDevice>) -> Result<()> {
    if volume.len() != survey.identity.len {
        return Err(changed(format!("it had {} bytes, and has {}", survey.identity.len.0, volume.len().0)));
    }
    let Some(kind) = survey.identity.kind else { return Ok(()) };
    let shared: SharedDevice = volume.clone();
    let system = fs::open(shared, kind)?;
    let summary = system.summary();
    if summary.id != survey.identity.id || summary.state != fs::State::Clean {
        return Err(changed(format!(
            "it is now {} and {}",
            summary.id.as_deref().unwrap_or("without id"),
            summary.state
        )));
    }
    let (used, grid) = (system.used()?, system.grid());
    let copies = survey.changes.iter().flat_map(|change| &change.copies).map(|copy| (copy.to.0, copy.len.0));
    let journal = match survey.journal {
        JournalPlace::Volume(at) => Some((at.0, survey.journal_len.0)),
        JournalPlace::File(_) => None,
    };
    for (start, len) in copies.chain(journal) {
        let first = grid.cluster_at(ByteOffset(start)).0;
        let end = (start + len).div_ceil(u64::from(grid.cluster_bytes));
        if let Some(run) = used.runs_in(first..end).next() {
            let Extent { start, .. } = run;
            return Err(changed(format!("cluster {start} was free, and is used")));
        }
    }
    Ok(())
}

/// Says what the volume is now, behind what is to be done about the error itself.
pub(super) fn left(error: Error, what: &str) -> Error {
    let advice = error.advice().map(|advice| format!("{advice}. {what}"));
    let advice = advice.unwrap_or_else(|| what.to_owned());
    if error.kind() == Kind::Cancelled { Error::cancelled().advise(advice) } else { error.advise(advice) }
}

/// What the volume is after a step failed.
pub(super) fn in_between(error: Error, record: &Record, at: Option<usize>, resume: &str) -> Error {
    let step = at.and_then(|at| Some((at + 1, record.steps.get(at)?)));
    let resume = resume.trim_end_matches(" --roll-back");
    left(
        error,
        &format!(
            "The job stopped {}, and nothing was written after that. Do not use the volume as it is: `{resume}` finishes the job, `{resume} --roll-back` takes it back",
            step.map_or_else(
                || "at its end".into(),
                |(number, step)| format!("in step {number} of {} ({})", record.steps.len(), step.title),
            )
        ),
    )
}

/// Lets the kernel read again what was changed, under every name that it has for these bytes.
pub(super) fn reread(place: &Place) {
    if !place.disk.metadata().is_ok_and(|metadata| metadata.file_type().is_block_device()) {
        return;
    }
    let machine = discover::disks(&Roots::default());
    let mut nodes: Vec<PathBuf> = vec![place.node.clone(), place.disk.clone()];
    if let Some((disk, _)) = discover::named(&machine, &place.disk) {
        nodes.extend(disk.partitions.iter().map(|part| part.node.clone()));
    }
    crate::device::reread(nodes.iter().map(PathBuf::as_path));
}

fn report(work: &ChangeWork, record: &Record) -> Report {
    let survey = &work.survey;
    let mut next = Vec::new();
    if let JournalPlace::File(path) = &survey.journal {
        next.push(fill(en::NEXT_JOURNAL, &[("path", &path.display())]));
    }
    Report {
        outcome: Outcome::Done,
        headline: fill(en::HEAD_CHANGED, &[("volume", &work.request.volume), ("name", &work.request.name)]),
        facts: vec![
            (en::VOLUME.into(), survey.identity.words()),
            (en::TOLD_STEPS_DONE.into(), record.steps.len().to_string()),
            (en::TOLD_COPIED.into(), exact(record.copied_bytes())),
            (en::PLAN_CHANGED.into(), exact(record.patched_bytes())),
            (en::TOLD_READ_BACK.into(), en::PROOF_BYTES.into()),
            (en::FACT_JOURNAL.into(), fill(en::RESULT_JOURNAL, &[("journal", &survey.journal), ("job", &record.job)])),
        ],
        warnings: Vec::new(),
        next,
    }
}

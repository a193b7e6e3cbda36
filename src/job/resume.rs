//! Bringing an interrupted job to an end: its journal is found, held against the volume, and finished or rolled back.

use std::path::Path;
use std::sync::Arc;

use super::change::{in_between, in_use, left, reread};
use super::journal::apply::Work;
use super::journal::copies::{self, Side};
use super::journal::find::{self, Search};
use super::journal::format::{Header, State};
use super::journal::judge::{self, Reached};
use super::journal::record::Record;
use super::journal::store::{self, Store};
use super::{Devices, Monitor, Outcome, Report};
use crate::device::{FileDevice, ReadDevice, SharedDevice, WriteDevice};
use crate::error::{Error, Result};
use crate::fs::{self, Patch, Probe, Tag};
use crate::inventory::Source;
use crate::plan::{
    self, ChangeView, Depth, Direction, Interrupted, JournalPlace, PatchView, Plan, ResumeRequest, ResumeSurvey,
    ResumeWork, StepKind,
};
use crate::unit::ByteOffset;
use crate::words::{en, fill, plural};

/// What was found where a job may have been interrupted.
#[derive(Clone, Debug)]
pub enum Resumption {
    /// No open journal; in words, what was looked at.
    Nothing(String),
    /// A job was interrupted before anything was changed: there is nothing to do.
    NotBegun(Interrupted),
    /// A job that can be brought to an end, and how.
    Job(Box<Plan>),
}

/// A journal, found and read.
struct Waiting {
    place: JournalPlace,
    header: Header,
    content: Content,
}

enum Content {
    Whole(Record),
    /// The body is not whole, and the job was not begun.
    Torn,
    /// The body is not whole, though the job was begun; how far, if a note tells.
    Damaged(Error),
}

/// Looks for the journal and plans the end of its job.
pub(super) fn plan(request: &ResumeRequest, source: &Source, monitor: &Monitor) -> Result<Resumption> {
    let journal = match &request.journal {
        Some(path) => Some(Arc::new(FileDevice::open(path)?) as SharedDevice),
        None => None,
    };
    plan_with(request, source, journal.as_ref(), in_use(&source.place), monitor)
}

/// The same, with the journal's file already open, and it known what else uses the volume.
pub(super) fn plan_with(
    request: &ResumeRequest,
    source: &Source,
    journal: Option<&SharedDevice>,
    in_use: Option<String>,
    monitor: &Monitor,
) -> Result<Resumption> {
    let mut search = Search::default();
    let waiting = match (&request.journal, journal) {
        (Some(path), Some(file)) => in_file(path, &**file)?,
        _ => match look(source, Depth::Quick, &mut search, monitor)? {
            Some(waiting) => Some(waiting),
            // The quick search has read all of a small volume.
            None if source.device.len().0 <= 2 * find::QUICK => None,
            None => look(source, Depth::Full, &mut search, monitor)?,
        },
    };
    let Some(waiting) = waiting else { return Ok(Resumption::Nothing(nothing(request, &search))) };
    let mut warnings = Vec::new();
    let record = match waiting.content {
        Content::Torn => return Ok(Resumption::NotBegun(torn(&waiting.header, &waiting.place))),
        Content::Damaged(error) => return Err(error),
        Content::Whole(record) => record,
    };
    same_volume(&record, &source.device)?;
    let reached = judge::judge(&record, &*source.device)?;
    if record.volume.start != source.place.start {
        let (was, now) = (record.volume.start.0, source.place.start.0);
        warnings.push(fill(en::WAITING_MOVED, &[("was", &was), ("now", &now)]));
    }
    if search.open.len() > 1 {
        warnings.push(fill(en::WAITING_MANY, &[("count", &search.open.len())]));
    }
    let survey = ResumeSurvey {
        place: source.place.clone(),
        interrupted: interrupted(&record, reached, &waiting.place),
        journal: waiting.place,
        in_use,
        warnings,
    };
    plan::resume(request, survey).map(|plan| Resumption::Job(Box::new(plan)))
}

/// The job that waits on a volume, when its journal is whole and fits.
pub(super) fn waiting(source: &Source, depth: Depth, monitor: &Monitor) -> Result<Option<Interrupted>> {
    let found = look(source, depth, &mut Search::default(), monitor)?;
    let Some(Waiting { place, content: Content::Whole(record), .. }) = found else { return Ok(None) };
    if same_volume(&record, &source.device).is_err() {
        return Ok(None);
    }
    let reached = judge::judge(&record, &*source.device).ok();
    Ok(reached.map(|reached| interrupted(&record, reached, &place)))
}

/// The newest open journal on a volume: a whole one, else one that is damaged, else one that was never begun.
fn look(source: &Source, depth: Depth, search: &mut Search, monitor: &Monitor) -> Result<Option<Waiting>> {
    let volume = &*source.device;
    *search = find::search(volume, depth, monitor)?;
    let rank = |content: &Content| match content {
        Content::Whole(_) => 0,
        Content::Damaged(_) => 1,
        Content::Torn => 2,
    };
    let mut best: Option<Waiting> = None;
    for found in &search.open {
        let content = read(volume, found.start, &found.header)?;
        if best.as_ref().is_none_or(|best| rank(&content) < rank(&best.content)) {
            let place = JournalPlace::Volume(found.start);
            best = Some(Waiting { place, header: found.header, content });
        }
        if matches!(best, Some(Waiting { content: Content::Whole(_), .. })) {
            break;
        }
    }
    Ok(best)
}

fn in_file(path: &Path, file: &dyn ReadDevice) -> Result<Option<Waiting>> {
    let Some(header) = find::in_file(file)? else { return Ok(None) };
    if State::from_number(header.state.get()) != Some(State::Open) {
        return Ok(None);
    }
    let content = read(file, ByteOffset::ZERO, &header)?;
    Ok(Some(Waiting { place: JournalPlace::File(path.into()), header, content }))
}

fn read(device: &dyn ReadDevice, start: ByteOffset, header: &Header) -> Result<Content> {
    let begun = store::latest_note(device, start, header);
    match store::load(device, start, header) {
        Ok(Some(record)) => Ok(Content::Whole(record)),
        Ok(None) => Ok(begun.map_or(Content::Torn, |note| {
            let done = note.done.get();
            Content::Damaged(
                Error::refused(format!(
                    "a job was interrupted after {done} of {} steps, and its journal at byte {} is damaged: it can be neither finished nor rolled back. Nothing was written",
                    header.steps.get(),
                    start.0
                ))
                .advise("Have the volume repaired by its own tools (`lifeboat check` names them)"),
            )
        })),
        Err(error) if error.kind() == crate::error::Kind::Corrupt => Ok(Content::Damaged(
            Error::refused(format!("{}; it is not followed, and nothing was written", error.without_advice()))
                .advise("It was not written by Lifeboat, or is damaged: have the volume checked by its own tools"),
        )),
        Err(error) => Err(error),
    }
}

/// Checks that a journal is of this volume, as far as the volume can still tell: in the middle of a step its own
/// superblock may be half old and half new, and then the patched sectors tell alone.
fn same_volume(record: &Record, device: &SharedDevice) -> Result<()> {
    let other = |what: String| {
        Err(Error::refused(format!("the journal belongs to another volume: {what}. Nothing was written"))
            .advise("Name the volume that the job was begun on"))
    };
    let own = &record.volume;
    if device.len() < own.len {
        return other(format!("its own had {} bytes, this one has {}", own.len.0, device.len().0));
    }
    let (Some(kind), Ok(Probe::One(found))) = (own.kind, fs::probe(device)) else { return Ok(()) };
    if found != kind {
        return other(format!("its own is {kind}, this one is {found}"));
    }
    match fs::open(device.clone(), found) {
        Ok(system) if system.summary().id != own.id => {
            let told = |id: &Option<String>| id.clone().unwrap_or_else(|| "none".into());
            other(format!("its own has the id {}, this one {}", told(&own.id), told(&system.summary().id)))
        }
        _ => Ok(()),
    }
}

fn nothing(request: &ResumeRequest, search: &Search) -> String {
    let mut said = vec![match &request.journal {
        Some(path) => fill(en::WAITING_NOTHING_IN, &[("path", &path.display())]),
        None => fill(en::WAITING_NOTHING, &[("volume", &request.volume)]),
    }];
    let (closed, newer) = (search.closed as u64, search.unknown as u64);
    if closed > 0 {
        said.push(fill(plural(closed, en::WAITING_CLOSED_ONE, en::WAITING_CLOSED_MANY), &[("count", &closed)]));
    }
    if newer > 0 {
        said.push(fill(plural(newer, en::WAITING_NEWER_ONE, en::WAITING_NEWER_MANY), &[("count", &newer)]));
    }
    if search.unreadable > 0 {
        said.push(fill(en::WAITING_UNREAD, &[("count", &search.unreadable)]));
    }
    said.join(" ")
}

fn torn(header: &Header, place: &JournalPlace) -> Interrupted {
    Interrupted {
        job: uuid::Uuid::from_bytes(header.job),
        name: String::new(),
        created: created(header.created.get()),
        volume: String::new(),
        journal: place.to_string(),
        begun: false,
        done: 0,
        partly: false,
        steps: Vec::new(),
        copied_bytes: 0,
        can_roll_back: true,
    }
}

fn created(seconds: u64) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}

fn interrupted(record: &Record, reached: Reached, place: &JournalPlace) -> Interrupted {
    let view = |patch: &Patch| PatchView {
        offset: patch.offset,
        bytes: patch.new.len() as u64,
        tags: patch.tags.iter().map(Tag::to_string).collect(),
    };
    let steps = record.steps.iter().map(|step| ChangeView {
        title: step.title.clone(),
        copied_bytes: 0,
        patched_bytes: step.patches.iter().map(|patch| patch.new.len() as u64).sum(),
        patches: step.patches.iter().map(view).collect(),
    });
    Interrupted {
        job: record.job,
        name: record.name.clone(),
        created: created(record.created),
        volume: record.volume.words(),
        journal: place.to_string(),
        begun: true,
        done: reached.done as usize,
        partly: reached.partly,
        steps: steps.collect(),
        copied_bytes: record.copied_bytes(),
        can_roll_back: true,
    }
}

/// Brings an interrupted job to an end.
pub(super) fn run(plan: &Plan, work: &ResumeWork, devices: &dyn Devices, monitor: &Arc<Monitor>) -> Result<Report> {
    let (survey, direction) = (&work.survey, work.request.direction);
    let asis = |error: Error| left(error, "Nothing was written, and the journal is as it was");
    let volume: Arc<dyn WriteDevice> = Arc::from(devices.volume(&survey.place).map_err(asis)?);
    volume.forget();
    let own = match &survey.journal {
        JournalPlace::File(path) => Some(devices.journal(path, None).map_err(asis)?),
        JournalPlace::Volume(_) => None,
    };
    let (journal, start): (&dyn WriteDevice, _) = match (&own, &survey.journal) {
        (Some(own), _) => (&**own, ByteOffset::ZERO),
        (None, JournalPlace::Volume(at)) => (&*volume, *at),
        (None, JournalPlace::File(_)) => return Err(asis(Error::damaged("the journal's file is not open"))),
    };
    let (header, record) = again(journal, start, work).map_err(asis)?;
    let shared: SharedDevice = volume.clone();
    same_volume(&record, &shared)?;
    let reached = judge::judge(&record, &*volume).map_err(asis)?;
    check_copies(plan, &record, &*volume, reached, direction, monitor).map_err(asis)?;
    let notes = store::latest_note(journal, start, &header).map_or(0, |note| note.sequence.get());
    let go =
        Work { record: &record, header: &header, store: Store { device: journal, start }, volume: &*volume, notes };
    let order = survey.interrupted.remaining(direction);
    let mut at = None;
    let done = go.go(reached, direction, &mut |step| {
        at = Some(step);
        if let Some(index) = order.iter().position(|one| *one == step) {
            plan.enter_change(&(0..plan.steps.len()), index, monitor);
        }
    });
    drop((shared, volume));
    reread(&survey.place);
    done.map_err(|error| in_between(error, &record, at, &plan.command))?;
    monitor.enter(plan.steps.len());
    Ok(report(work, &record, reached))
}

/// Reads the journal again, now that nobody else can write to it.
fn again(journal: &dyn WriteDevice, start: ByteOffset, work: &ResumeWork) -> Result<(Header, Record)> {
    let gone = || {
        Error::refused("the journal is not what it was when the plan was made").advise("Run `lifeboat resume` again")
    };
    let sector = crate::device::read_vec(journal, start, super::journal::format::SECTOR)?;
    let header = Header::read(&sector).ok_or_else(gone)?;
    let own = header.job == *work.survey.interrupted.job.as_bytes();
    if !own || State::from_number(header.state.get()) != Some(State::Open) {
        return Err(gone());
    }
    match store::load(journal, start, &header)? {
        Some(record) => Ok((header, record)),
        None => Err(gone()),
    }
}

/// What was copied must still be there: finishing leads to the targets, rolling back leads to the sources.
fn check_copies(
    plan: &Plan,
    record: &Record,
    volume: &dyn WriteDevice,
    reached: Reached,
    direction: Direction,
    monitor: &Monitor,
) -> Result<()> {
    let at_start = reached == Reached { done: 0, partly: false };
    let at_end = reached.done as usize == record.steps.len();
    let sides: &[Side] = match direction {
        // Where no step is left, nothing leads anywhere any more, and who came since may have written.
        Direction::Finish if at_end => &[],
        Direction::RollBack if at_start => &[],
        Direction::Finish => &[Side::Target, Side::Source],
        Direction::RollBack => &[Side::Source],
    };
    plan.enter(StepKind::ReadBackCopies, monitor);
    for side in sides {
        let Some(logged) = copies::differing(record, volume, *side, monitor)? else { continue };
        return Err(Error::refused(match side {
            Side::Source => format!(
                "the volume was changed after the job was interrupted: the data copied from byte {} is not what it was",
                logged.copy.from.0
            ),
            Side::Target => format!(
                "the volume was changed after the job was interrupted: the data copied to byte {} is not what it was",
                logged.copy.to.0
            ),
        })
        .advise("Have the volume checked by its own tools (`lifeboat check` names them)"));
    }
    Ok(())
}

fn report(work: &ResumeWork, record: &Record, reached: Reached) -> Report {
    let survey = &work.survey;
    let left = survey.interrupted.remaining(work.request.direction).len();
    let (head, steps) = match work.request.direction {
        Direction::Finish => {
            (en::HEAD_FINISHED, fill(en::RESULT_FINISHED, &[("now", &left), ("before", &reached.done)]))
        }
        Direction::RollBack => (en::HEAD_ROLLED_BACK, fill(en::RESULT_ROLLED_BACK, &[("count", &left)])),
    };
    let mut next = Vec::new();
    if let JournalPlace::File(path) = &survey.journal {
        next.push(fill(en::NEXT_JOURNAL, &[("path", &path.display())]));
    }
    Report {
        outcome: Outcome::Done,
        headline: fill(head, &[("volume", &work.request.volume), ("name", &record.name)]),
        facts: vec![
            (en::VOLUME.into(), record.volume.words()),
            (en::STEPS.into(), steps),
            (en::TOLD_READ_BACK.into(), en::PROOF_BYTES.into()),
            (en::FACT_JOURNAL.into(), fill(en::RESULT_JOURNAL, &[("journal", &survey.journal), ("job", &record.job)])),
        ],
        warnings: Vec::new(),
        next,
    }
}

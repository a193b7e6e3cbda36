//! Working out a change: the volume is opened and checked, every edit becomes a step on an overlay, and the journal
//! gets its place. Nothing is written.

use std::path::Path;

use super::super::journal::place;
use super::super::{Monitor, resume};
use super::record;
use crate::device::ReadDevice;
use crate::device::discover::{self, Roots};
use crate::error::{Error, Result};
use crate::extent::ClusterMap;
use crate::fs::{self, Change, Edit, Probe};
use crate::inventory::{Address, Place, Source};
use crate::plan::{self, ChangeRequest, ChangeSurvey, Depth, EditRequest, JournalPlace, JournalWish, VolumeIdentity};
use crate::unit::{ByteLen, ByteOffset, Grid};
use crate::words::{en, fill};

/// Steps that are worked out already, and what a journal must keep away from.
#[derive(Clone, Debug)]
pub struct Changes {
    /// By what the volume is known again.
    pub identity: VolumeIdentity,
    /// The steps, in order.
    pub steps: Vec<Change>,
    /// What is used before, between or after any of them.
    pub used: ClusterMap,
    /// How the volume is cut.
    pub grid: Grid,
}

/// Works a change out.
pub(crate) fn survey(request: &ChangeRequest, source: &Source, monitor: &Monitor) -> Result<ChangeSurvey> {
    plan::may_change(&request.volume, &source.place, in_use(&source.place).as_deref())?;
    refuse_waiting(&request.volume, source, monitor)?;
    let mut edit = fs::edit::open(source.device.clone(), monitor)?;
    let (identity, grid) = identify(source)?;
    let (steps, used) = work_out(&request.edits, &mut *edit, monitor)?;
    placed(request, source, Changes { identity, steps, used, grid })
}

/// Finds a place for the journal of steps that are worked out.
pub(crate) fn placed(request: &ChangeRequest, source: &Source, changes: Changes) -> Result<ChangeSurvey> {
    placed_if(request, source, changes, &|_| Ok(()))
}

/// The same, unless the journal's length is refused.
pub(crate) fn placed_if(
    request: &ChangeRequest,
    source: &Source,
    changes: Changes,
    may: &dyn Fn(ByteLen) -> Result<()>,
) -> Result<ChangeSurvey> {
    let Changes { identity, steps, used, grid } = changes;
    let mut survey = ChangeSurvey {
        place: source.place.clone(),
        identity,
        changes: steps,
        journal: JournalPlace::Volume(ByteOffset::ZERO),
        journal_len: ByteLen::ZERO,
        found_quickly: true,
        in_use: in_use(&source.place),
    };
    let (header, _) = record(&request.name, &survey).encode()?;
    survey.journal_len = ByteLen(header.len.get());
    may(survey.journal_len)?;
    survey.journal = match &request.journal {
        JournalWish::File(path) => JournalPlace::File(new_file(path)?),
        JournalWish::InVolume => {
            let chosen = place::choose(&used, grid, &survey.changes, survey.identity.len, survey.journal_len.0)?;
            survey.found_quickly = chosen.quick;
            JournalPlace::Volume(chosen.start)
        }
    };
    Ok(survey)
}

/// A second job must not begin on a volume that waits for the end of the first.
pub(crate) fn refuse_waiting(volume: &Address, source: &Source, monitor: &Monitor) -> Result<()> {
    let Some(job) = resume::waiting(source, Depth::Quick, monitor)? else { return Ok(()) };
    Err(Error::refused(format!("an interrupted job waits on {volume}: {}", job.words())).advise(format!(
        "Bring it to an end first: `lifeboat resume {volume}` finishes it, with --roll-back it is taken back"
    )))
}

/// By what a volume is known again, and how it is cut.
pub(crate) fn identify(source: &Source) -> Result<(VolumeIdentity, Grid)> {
    let Probe::One(kind) = fs::probe(&source.device)? else {
        return Err(Error::refused("there is no file system here that Lifeboat can change"));
    };
    let system = fs::open(source.device.clone(), kind)?;
    let summary = system.summary();
    let identity = VolumeIdentity {
        kind: Some(summary.kind),
        id: summary.id.clone(),
        label: summary.label.clone(),
        len: source.device.len(),
        start: source.place.start,
    };
    Ok((identity, system.grid()))
}

/// What every change begins with: the volume is marked as in use.
pub(crate) fn begin(edit: &mut dyn Edit) -> Result<Vec<Change>> {
    edit.mark(true)?;
    Ok(vec![edit.take("Mark the volume as in use")?])
}

/// What every change ends with: the volume is marked as clean.
pub(crate) fn end(edit: &mut dyn Edit, steps: &mut Vec<Change>) -> Result<()> {
    edit.mark(false)?;
    steps.push(edit.take("Mark the volume as clean")?);
    Ok(())
}

/// Every edit as a step, between marking the volume as in use and as clean; and what is used before, between or after
/// any of them.
fn work_out(edits: &[EditRequest], edit: &mut dyn Edit, monitor: &Monitor) -> Result<(Vec<Change>, ClusterMap)> {
    let mut used = edit.used()?;
    let mut changes = begin(&mut *edit)?;
    for request in edits {
        monitor.check()?;
        match request {
            EditRequest::Adopt { directory, name, extents, len } => edit.adopt(directory, name, extents, *len)?,
            EditRequest::Release { directory, name } => edit.release(directory, name).map(drop)?,
            EditRequest::Relocate { from, to } => edit.relocate(from, to)?,
            EditRequest::Replace { path, content } => edit.replace(path, content)?,
        }
        changes.push(edit.take(&request.title())?);
        for run in edit.used()?.runs() {
            used.set(run, true);
        }
    }
    if changes[1..].iter().all(Change::is_empty) {
        return Err(Error::refused("there is nothing to change: the volume is already as it was asked to be"));
    }
    end(&mut *edit, &mut changes)?;
    Ok((changes, used))
}

fn new_file(path: &Path) -> Result<std::path::PathBuf> {
    if path.symlink_metadata().is_ok() {
        return Err(Error::refused(format!("the journal's file {} is there already", path.display())).advise(
            "If it is the journal of an interrupted job, bring that to an end first; else choose another name",
        ));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(Error::refused(format!("the journal's folder {} is not there", folder.display()))
            .advise("Choose a folder that is there, on another medium than the volume"));
    }
    Ok(path.into())
}

/// What else uses an image file: a loop device that stands on these bytes has memory of its own of them, and could be
/// mounted at any moment.
pub(crate) fn in_use(place: &Place) -> Option<String> {
    let machine = discover::disks(&Roots::default());
    let end = place.start.0.saturating_add(place.len.0);
    let mut loops = discover::loops_on(&machine, &place.disk).into_iter();
    let on = loops.find(|(disk, at)| at.0 < end && place.start.0 < at.0.saturating_add(disk.len.0))?.0;
    Some(fill(en::USED_BY_LOOP, &[("node", &on.node.display())]))
}

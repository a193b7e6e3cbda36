//! Jobs that were interrupted: looking for them on every volume, planning their end.

use crate::error::{Error, Result};
use crate::inventory::{self, LookRequest};
use crate::job::{self, Monitor, Resumption};
use crate::plan::{Depth, Interrupted, Plan, ResumeRequest};

use super::super::model::Waiting;
use super::super::{rows, text};

/// Those on the disks that were asked for. Of each volume only the ends are read; what cannot be read has none.
pub(super) fn seek(request: &LookRequest, monitor: &Monitor) -> Vec<Waiting> {
    let inventory = inventory::look(request);
    let rows = rows::rows(&inventory).into_iter();
    let volumes = rows.filter(|row| row.volume.as_ref().is_some_and(|volume| may_wait(volume.kind)));
    let found = volumes.filter_map(|row| {
        let job = job::interrupted(&row.address, Depth::Quick, monitor).ok().flatten()?;
        // Before it was begun nothing was changed, so that nothing is left to do.
        job.begun.then(|| Waiting { address: row.address, words: job.words(), facts: facts(&job) })
    });
    found.collect()
}

/// Volumes that Lifeboat changes, and those that it did not finish restoring.
fn may_wait(kind: crate::fs::Kind) -> bool {
    kind.has_driver() || kind == crate::fs::Kind::Unfinished
}

fn facts(job: &Interrupted) -> Vec<(String, String)> {
    let mut facts = vec![(text::DETAIL_VOLUME.to_owned(), job.volume.clone())];
    facts.extend(job.created.map(|created| (text::FACT_BEGUN.to_owned(), created.to_string())));
    facts.push((text::FACT_JOURNAL.to_owned(), job.journal.clone()));
    facts
}

/// Plans the end of one.
pub(super) fn plan(request: &ResumeRequest, monitor: &Monitor) -> Result<Plan> {
    match job::plan_resume(request, monitor)? {
        Resumption::Job(plan) => Ok(*plan),
        Resumption::Nothing(words) => Err(Error::refused(words)),
        Resumption::NotBegun(job) => Err(Error::refused(job.words()).advise(text::NOTHING_TO_RESUME)),
    }
}

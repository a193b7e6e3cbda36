//! Jobs that were interrupted: looking for them, planning their end.

use crate::error::{Error, Result};
use crate::inventory::Address;
use crate::job::{self, Monitor, Resumption};
use crate::plan::{Depth, Interrupted, Plan, ResumeRequest};

use super::super::model::Waiting;
use super::super::text;

/// Those on the volumes that were asked for. Of each only the ends are read; what cannot be read has none.
pub(super) fn seek(volumes: &[Address], monitor: &Monitor) -> Vec<Waiting> {
    let found = volumes.iter().filter_map(|address| {
        let job = job::interrupted(address, Depth::Quick, monitor).ok().flatten()?;
        // Before it was begun nothing was changed, so that nothing is left to do.
        job.begun.then(|| Waiting {
            address: address.clone(),
            words: job.words(),
            facts: facts(&job),
            can_roll_back: job.can_roll_back,
        })
    });
    found.collect()
}

fn facts(job: &Interrupted) -> Vec<(String, String)> {
    let mut facts = vec![(text::VOLUME.to_owned(), job.volume.clone())];
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

//! Carrying out a plan: the only code that writes to a user's disks.

mod monitor;
mod report;

pub use monitor::{Monitor, Progress, StepProgress};
pub use report::{Outcome, Report};

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::plan::{BackupRequest, Plan, RestoreRequest};

/// Looks at source and target of a backup (reads only) and plans it.
///
/// # Errors
/// A refusal with its numbers, or what could not be read.
pub fn plan_backup(request: &BackupRequest, _monitor: &Monitor) -> Result<Plan> {
    Err(Error::unsupported(format!("{}: not built yet", request.source)))
}

/// Looks at image and target of a restore (reads only) and plans it.
///
/// # Errors
/// A refusal with its numbers, or what could not be read.
pub fn plan_restore(request: &RestoreRequest, _monitor: &Monitor) -> Result<Plan> {
    Err(Error::unsupported(format!("{}: not built yet", request.target)))
}

/// Carries out a plan on this thread. Never panics on bad media; the report says how it ended.
#[must_use]
pub fn run(plan: &Plan, monitor: &Arc<Monitor>) -> Report {
    monitor.begin(plan.steps.clone());
    Report::failed(&Error::unsupported("not built yet"))
}

/// Reads a whole image against its digests. The report's outcome is `Failed` when anything is damaged; its
/// warnings name chunk, clusters and files.
#[must_use]
pub fn verify(image: &Path, _monitor: &Arc<Monitor>) -> Report {
    Report::failed(&Error::unsupported(format!("{}: not built yet", image.display())))
}

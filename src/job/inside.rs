//! Images inside the volume that they are made of.
//!
//! ```text
//! create:  check ─► [vacate: a journalled change] ─► write the image into free clusters ─► flush, read back
//!                ─► write tables into free clusters ─► a journalled change makes all of it files ─► check
//! drop:    check ─► a journalled change frees the files ─► overwrite what would be found ─► check
//! tidy:    check ─► journalled changes move the files and renew their tables ─► check
//! ```
//!
//! Until the last change of a creation is begun, nothing leads to what was written: the volume is what it was, or has
//! its files at other places.

mod adopt;
mod arrange;
mod create;
mod discard;
mod estimate;
mod imaged;
mod names;
mod only;
mod place;
mod reach;
mod room;
mod run;
mod sink;
mod site;
mod sound;
mod tidy;
mod vacate;

pub(super) use create::plan_create;
pub(super) use run::run;

use super::Monitor;
use super::change::{in_use, refuse_waiting};
use crate::error::{Error, Result};
use crate::fs::{self, Kind, Probe};
use crate::inventory::{Address, Source};
use crate::plan::{self, ContainerAct, ContainerRequest, Plan};

/// Plans a change of a container that makes no image; none when there is nothing to do.
///
/// # Errors
/// A refusal, or what could not be read.
pub(super) fn plan_change(request: &ContainerRequest, source: &Source, monitor: &Monitor) -> Result<Option<Plan>> {
    let kind = may_begin(&request.volume, source, true, monitor)?;
    match &request.act {
        ContainerAct::Drop(name) => discard::plan(request, name, source, kind, monitor).map(Some),
        ContainerAct::Tidy => tidy::plan(request, source, kind, monitor),
    }
}

/// Checks that a job on the container of a volume may begin; gives the volume's kind.
fn may_begin(volume: &Address, source: &Source, check: bool, monitor: &Monitor) -> Result<Kind> {
    plan::may_change(volume, &source.place, in_use(&source.place).as_deref())?;
    refuse_waiting(volume, source, monitor)?;
    if check {
        return fs::edit::refuse_unsound(&source.device, monitor);
    }
    match fs::probe(&source.device)? {
        Probe::One(kind) if kind.has_driver() => Ok(kind),
        Probe::One(kind) => Err(Error::refused(format!("a {kind} volume cannot be changed by Lifeboat"))
            .advise("Write the image to a file: --to FILE")),
        _ => Err(Error::refused("there is no file system here that Lifeboat can change")
            .advise("Write the image to a file: --to FILE")),
    }
}

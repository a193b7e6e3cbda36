//! Putting a container in order: one run at the volume's end, with true tables.

use super::arrange;
use super::site::Site;
use super::sound;
use crate::error::{Error, Result};
use crate::fs::Kind;
use crate::inventory::Source;
use crate::job::Monitor;
use crate::job::change::identify;
use crate::plan::{self, ContainerRequest, InsideSurvey, Plan, Room};
use crate::words::en;

/// Plans it; none when there is nothing to do.
///
/// # Errors
/// `Refused`, when there is no container, or no room to move it.
pub(super) fn plan(request: &ContainerRequest, source: &Source, kind: Kind, monitor: &Monitor) -> Result<Option<Plan>> {
    let address = &request.volume;
    let site = Site::open(source.clone(), kind, address)?;
    let Some(toc) = site.toc().cloned() else {
        return Err(Error::refused(format!("there is no container inside {address}"))
            .advise("`lifeboat backup PATH:N --inside` makes one"));
    };
    sound::refuse_lost(site.container.as_ref(), address)?;
    let arranged = arrange::work_out(&site, address, 0, monitor)?;
    if arranged.phases.is_empty() {
        return Ok(None);
    }
    let (identity, _) = identify(source)?;
    let survey = InsideSurvey {
        place: source.place.clone(),
        identity,
        grid: site.grid,
        units: site.units,
        toc: Some(toc),
        phases: arranged.phases,
        image: None,
        room: Room { free: site.free_units(), unit_bytes: site.unit_bytes(), ..Room::default() },
        wiped: Vec::new(),
        notes: sound::Findings::of(site.container.as_ref(), monitor)?.sentences(),
    };
    plan::change_container(request, en::CONTAINER_TIDY.into(), survey).map(Some)
}

//! Putting a container in order: one run at the volume's end.
use crate::error::{Error, Result};
use crate::fs::Kind;
use crate::inventory::Source;
use crate::job::Monitor;
use crate::plan::{ContainerRequest, Plan};

pub(super) fn plan(request: &ContainerRequest, _: &Source, _: Kind, _: &Monitor) -> Result<Option<Plan>> {
    Err(Error::refused(format!("{} cannot be tidied yet", request.volume)))
}

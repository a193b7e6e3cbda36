//! The cluster maps of volumes.

use std::sync::Arc;

use crate::inventory::{Address, VolumeMap};

use super::super::model::{Model, Trouble};
use super::super::msg::{Effect, Ticket};

/// A map was read, or could not be.
pub(super) fn mapped(
    model: &mut Model,
    ticket: Ticket,
    address: Address,
    map: Result<Arc<VolumeMap>, Trouble>,
) -> Vec<Effect> {
    if model.maps.wanted.as_ref().is_some_and(|(wanted, _)| *wanted == ticket) {
        model.maps.wanted = None;
    }
    model.maps.keep(address, map);
    Vec::new()
}

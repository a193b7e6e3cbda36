//! Reading the maps of volumes: one at a time, the one that is looked at.

use std::sync::Arc;

use crate::error::Result;
use crate::inventory::{self, Address, VolumeMap};
use crate::job::Monitor;

use super::super::model::Trouble;
use super::super::msg::{Msg, Ticket};
use super::Worker;

/// Lifeboat's own reader.
pub(super) fn read(address: &Address, monitor: &Monitor) -> Result<VolumeMap> {
    inventory::volume_map(address, monitor)
}

impl Worker {
    /// Reads a map; one that is still being read is given up, since the cursor has moved on.
    pub(super) fn map(&mut self, ticket: Ticket, address: Address) {
        let read = self.library.map;
        let monitor = Arc::new(Monitor::new());
        if let Some(before) = self.mapping.replace(Arc::clone(&monitor)) {
            before.cancel();
        }
        let lost = address.clone();
        self.ask(
            move || {
                let map = read(&address, &monitor).map(Arc::new).map_err(|error| Trouble::from(&error));
                Msg::Mapped(ticket, address, map)
            },
            move |trouble| Msg::Mapped(ticket, lost, Err(trouble)),
        );
    }
}

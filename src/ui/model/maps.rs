//! The cluster maps of volumes, as far as they were asked for.

use std::sync::Arc;

use crate::inventory::{Address, VolumeMap};

use super::super::msg::Ticket;
use super::Trouble;

/// Maps that are kept: the disks of one machine rarely have more volumes.
const MAX_KEPT: usize = 64;

/// Maps by the address of their volume.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Maps {
    known: Vec<(Address, Result<Arc<VolumeMap>, Trouble>)>,
    /// The map that is being read.
    pub wanted: Option<(Ticket, Address)>,
}

impl Maps {
    /// A volume's map, or why there is none; `None` when nobody has looked.
    #[must_use]
    pub fn get(&self, address: &Address) -> Option<Result<&Arc<VolumeMap>, &Trouble>> {
        self.known.iter().find(|(known, _)| known == address).map(|(_, map)| map.as_ref())
    }

    /// Keeps a map, in place of an older one of that volume.
    pub fn keep(&mut self, address: Address, map: Result<Arc<VolumeMap>, Trouble>) {
        self.known.retain(|(known, _)| *known != address);
        if self.known.len() >= MAX_KEPT {
            drop(self.known.remove(0));
        }
        self.known.push((address, map));
    }

    /// Forgets all maps, and the one that is being read: the volumes may have changed.
    pub fn forget(&mut self) {
        self.known.clear();
        self.wanted = None;
    }
}

//! Who uses a disk or partition.

use std::path::PathBuf;

use super::super::msg::{HeldPlace, HolderView, HoldersView, Ticket};

/// What uses a place, and the cursor in the list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Held {
    /// The place.
    pub place: Option<HeldPlace>,
    /// Its users; `None` before they are known.
    pub found: Option<HoldersView>,
    /// The answer that is waited for.
    pub waiting: Option<Ticket>,
    /// The chosen one.
    pub cursor: usize,
    /// "Unmount this?" is being asked.
    pub asking: Option<PathBuf>,
    /// What is being unmounted, until the answer comes.
    pub unmounting: Option<(Ticket, PathBuf)>,
    /// What was unmounted last.
    pub freed: Option<PathBuf>,
}

impl Held {
    /// The list, empty before it is known.
    #[must_use]
    pub fn list(&self) -> &[HolderView] {
        self.found.as_ref().map_or(&[], |found| &found.list)
    }
}

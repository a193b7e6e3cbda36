//! The disks, and where the user is among them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Task;
use crate::inventory::{Address, Disk, Inventory, Partition, Reading};
use crate::ui::filter::Filter;
use crate::ui::msg::Ticket;
use crate::ui::rows::{self, Row};

/// The disks, and where the cursor is among them.
#[derive(Clone, Debug, Default)]
pub struct Disks {
    /// What was found; `None` before the first look has come to its end.
    pub inventory: Option<Inventory>,
    /// What the first look has found so far.
    pub partial: Vec<Disk>,
    /// Disks of which nothing is known yet but that they are there.
    pub unread: Vec<PathBuf>,
    /// The same as lines.
    pub rows: Vec<Row>,
    /// The look that is under way.
    pub looking: Option<Ticket>,
    /// What it reads now, in the order in which the disks were begun.
    pub reading: Vec<BeingRead>,
    /// The disks that are not waited for.
    pub skipped: Vec<PathBuf>,
    /// Disks came or went while there was no time to look again.
    pub again: bool,
    /// What happened to the list, to be read once.
    pub notice: Option<String>,
    /// The chosen line.
    pub cursor: usize,
    /// The user has chosen it.
    pub moved: bool,
    /// What the list was opened for.
    pub purpose: Task,
    /// The place that an image is to be chosen for.
    pub onto: Option<Row>,
    /// What is shown of the chosen line where not everything fits.
    pub pane: DiskPane,
    /// The volume that the cursor rests on and whose map is missing, and since when.
    pub rested: Option<(Address, Duration)>,
    /// What searches of whole disks have found.
    pub searched: Vec<(PathBuf, Vec<Partition>)>,
}

/// What a look reads of a disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BeingRead {
    /// The disk.
    pub path: PathBuf,
    /// What of it.
    pub what: Reading,
    /// Since when the disk is being read.
    pub since: Duration,
}

/// What is shown of the chosen line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiskPane {
    /// What is known of it, from this page on.
    Details(usize),
    /// The clusters of its volume.
    Map,
}

impl Default for DiskPane {
    fn default() -> Self {
        Self::Details(0)
    }
}

impl Disks {
    /// All disks that are known.
    #[must_use]
    pub fn all(&self) -> &[Disk] {
        self.inventory.as_ref().map_or(&self.partial, |inventory| &inventory.disks)
    }

    /// The disk of this path.
    #[must_use]
    pub fn disk(&self, path: &Path) -> Option<&Disk> {
        self.all().iter().find(|disk| disk.path == path)
    }

    /// The lines that the filter leaves, as places in [`rows`](Self::rows).
    #[must_use]
    pub fn visible(&self, filter: Option<&Filter>) -> Vec<usize> {
        rows::narrowed(&self.rows, filter)
    }

    /// The place of the chosen line; one that the filter has hidden gives way to the first that it was about.
    #[must_use]
    pub fn chosen_at(&self, filter: Option<&Filter>) -> Option<usize> {
        let visible = self.visible(filter);
        if visible.contains(&self.cursor) {
            return Some(self.cursor);
        }
        let about = visible.iter().find(|at| filter.is_some_and(|filter| filter.admits(&self.rows[**at].words())));
        about.or_else(|| visible.first()).copied()
    }

    /// The chosen line.
    #[must_use]
    pub fn chosen(&self, filter: Option<&Filter>) -> Option<&Row> {
        self.rows.get(self.chosen_at(filter)?)
    }

    /// What is being read of a disk.
    #[must_use]
    pub fn being_read(&self, path: &Path) -> Option<&BeingRead> {
        self.reading.iter().find(|read| read.path == path)
    }
}

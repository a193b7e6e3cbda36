//! A look at the disks, as it goes on.

use std::path::PathBuf;

use crate::inventory::{Disk, Reading};

/// What a look tells before it has come to its end.
#[derive(Clone, Debug)]
pub enum LookNews {
    /// These disks will be looked at; what is known of them without reading them.
    Began(Vec<Disk>),
    /// This of a disk is being read now.
    Reading(PathBuf, Reading),
    /// All that could be found out of one disk.
    Disk(Box<Disk>),
}

//! From an address to the bytes it names, for reading.

use std::path::PathBuf;

use super::Address;
use crate::device::SharedDevice;
use crate::error::{Error, Result};
use crate::table;
use crate::unit::{ByteLen, ByteOffset};

/// Where a volume lies on its disk.
#[derive(Clone, PartialEq, Debug)]
pub struct Place {
    /// The disk or file.
    pub disk: PathBuf,
    /// What to open for these bytes: the disk or file at `start`, or (for a partition whose kernel node
    /// exists) that node at 0. Writing goes through here too.
    pub node: PathBuf,
    /// Where the bytes begin in `node`.
    pub node_start: ByteOffset,
    /// Where they begin on the disk; what hidden-sector fields are patched to.
    pub start: ByteOffset,
    /// How many there are.
    pub len: ByteLen,
    /// The disk's logical sector size.
    pub sector_bytes: u32,
    /// The table entry, for a partition.
    pub entry: Option<table::Entry>,
    /// The kind of table it stands in.
    pub table: table::Kind,
    /// The table's id.
    pub table_id: Option<String>,
    /// Where it, or for a whole disk anything on it, is mounted: refused as a target.
    pub mounted_at: Vec<PathBuf>,
    /// The disk's model and serial, for words.
    pub disk_name: Option<String>,
    /// The kernel or the medium forbids writing.
    pub read_only: bool,
}

/// A place, open for reading.
#[derive(Clone)]
pub struct Source {
    /// Where it is.
    pub place: Place,
    /// Its bytes.
    pub device: SharedDevice,
}

/// Opens what an address names, for reading.
///
/// # Errors
/// When the disk cannot be read or has no such partition (said with the partitions it has).
pub fn open_source(address: &Address) -> Result<Source> {
    Err(Error::unsupported(format!("{address}: not built yet")))
}

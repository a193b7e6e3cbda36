//! One read-only look at the machine as plain data: disks, partition tables, volumes.
//!
//! The field names are those of `lifeboat disks --json`.

mod address;
mod layout;
mod locate;
mod look;
mod map;
mod source;
mod subject;
mod volume;

pub use address::Address;
pub use layout::{Layout, Piece, PieceKind, layout};
pub use locate::{
    Container, FoundBy, FoundImage, ImageView, ImageVolumeView, LocateRequest, RecoveryPartition, Thoroughness,
    container_of, image_at, locate, open_image, recovery_partitions, use_aids,
};
pub use look::{Observer, Reading, look, look_observed};
pub use map::{ClusterState, Counts, VolumeMap, map_of, map_of_image, places, volume_map};
pub use source::{Place, Source, open_source};
pub use subject::{named_image, open_volume};
pub use volume::examine;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::fs;
use crate::table;

/// What there is.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Inventory {
    /// The disks, in a stable order.
    pub disks: Vec<Disk>,
}

/// A disk of this machine, or a file looked at as one.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Disk {
    /// Device node or file.
    pub path: PathBuf,
    /// Maker's model name.
    pub model: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// `sata`, `usb`, `nvme`, `virtio`, `mmc`, `loop`, `file`…
    pub transport: Option<String>,
    /// Size.
    pub bytes: u64,
    /// Logical sector size.
    pub sector_bytes: u32,
    /// Physical sector size.
    pub physical_sector_bytes: u32,
    /// Can be taken out.
    pub removable: bool,
    /// Cannot be written.
    pub read_only: bool,
    /// Where it (as a whole) is mounted.
    pub mounted_at: Vec<PathBuf>,
    /// Why it could not be read, in words: no rights, I/O error. Such a disk is listed all the same.
    pub problem: Option<String>,
    /// Its partition table.
    pub table: TableView,
    /// Its partitions, and volumes found without a table.
    pub partitions: Vec<Partition>,
    /// The volume on the whole device, when there is no table.
    pub volume: Option<Volume>,
}

/// A partition table, as shown.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct TableView {
    /// Which kind.
    pub kind: table::Kind,
    /// Disk GUID or MBR signature.
    pub id: Option<String>,
    /// In what state.
    pub health: table::Health,
    /// The primary table is of no use, and its backup was taken. The notes say it, too.
    #[serde(skip)]
    pub from_backup: bool,
    /// What is worth saying.
    pub notes: Vec<String>,
}

/// A partition, as shown.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Partition {
    /// Its number; 0 for a volume that was found without a table (address it by `PATH@BYTES`).
    pub number: u32,
    /// Where it begins on the disk.
    pub start_bytes: u64,
    /// How long it is.
    pub bytes: u64,
    /// Type GUID or `0x07`.
    #[serde(rename = "type")]
    pub type_id: String,
    /// The type in words.
    pub type_name: Option<String>,
    /// The partition's name.
    pub name: Option<String>,
    /// The partition's own id.
    pub id: Option<String>,
    /// Active flag.
    pub active: bool,
    /// True when no table names it.
    pub found: bool,
    /// The kernel's node for it, when there is one.
    pub node: Option<PathBuf>,
    /// Where it is mounted.
    pub mounted_at: Vec<PathBuf>,
    /// What is in it.
    pub volume: Option<Volume>,
}

impl Partition {
    /// True for an extended partition: it only holds others.
    #[must_use]
    pub fn is_extended(&self) -> bool {
        table::is_extended(&self.type_id)
    }

    /// By what it is named on its disk: its number, or where it begins when no table names it.
    #[must_use]
    pub fn address(&self, disk: &Path) -> Address {
        if self.found {
            Address::At(disk.to_owned(), self.start_bytes)
        } else {
            Address::Partition(disk.to_owned(), self.number)
        }
    }
}

impl From<&table::Entry> for Partition {
    /// What a table tells of it: neither what is in it, nor what the kernel makes of it.
    fn from(entry: &table::Entry) -> Self {
        Self {
            number: entry.number,
            start_bytes: entry.start.0,
            bytes: entry.len.0,
            type_id: entry.type_id.clone(),
            type_name: entry.type_name.clone(),
            name: entry.name.clone(),
            id: entry.id.clone(),
            active: entry.active,
            found: entry.found,
            ..Self::default()
        }
    }
}

/// A volume, as shown.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Volume {
    /// What it is.
    pub kind: fs::Kind,
    /// Its name.
    pub label: Option<String>,
    /// Serial number or UUID.
    pub id: Option<String>,
    /// Allocation unit; `null` where Lifeboat has no driver.
    pub cluster_bytes: Option<u32>,
    /// How many of those.
    pub clusters: Option<u64>,
    /// How many are used.
    pub used_clusters: Option<u64>,
    /// In which state it was left.
    pub state: Option<fs::State>,
    /// What is worth saying: candidates of an ambiguous volume, why it could not be opened.
    pub notes: Vec<String>,
    /// Images inside it.
    pub images: Vec<ImageView>,
}

/// Where to look.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LookRequest {
    /// Files and devices named by the user (`--disk`).
    pub paths: Vec<PathBuf>,
    /// Also all block devices of this machine.
    pub machine: bool,
}

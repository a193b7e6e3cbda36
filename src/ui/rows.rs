//! The inventory as lines to choose from, and why some of them cannot be chosen.

use std::path::{Path, PathBuf};

use crate::fs::{Kind, State};
use crate::inventory::{Address, Disk, Inventory, Partition, Volume};
use crate::table;

use super::model::{ImageInfo, Task};
use super::text;

/// What a line stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowKind {
    /// A disk, as the heading of its partitions.
    Disk,
    /// The whole of a disk without a partition table.
    Whole,
    /// A partition of a table.
    Partition,
    /// A volume that no table names.
    Found,
}

/// A line of the disks screen.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// What it is.
    pub kind: RowKind,
    /// How it is named.
    pub address: Address,
    /// Its number in the table.
    pub number: u32,
    /// The disk's or partition's own name, model or type: what tells it apart.
    pub title: String,
    /// Where it begins on the disk.
    pub start_bytes: u64,
    /// Its length.
    pub bytes: u64,
    /// What is in it.
    pub volume: Option<Volume>,
    /// Where it (or for a whole disk anything on it) is mounted.
    pub mounted_at: Vec<PathBuf>,
    /// Cannot be written.
    pub read_only: bool,
    /// Only holds other partitions.
    pub extended: bool,
    /// Why it cannot be read.
    pub problem: Option<String>,
    /// What is wrong with a disk's table, in two words.
    pub table_trouble: Option<&'static str>,
    /// Name and value pairs for the details.
    pub details: Vec<(&'static str, String)>,
    /// What is worth saying.
    pub notes: Vec<String>,
}

/// The lines for an inventory: each disk, and under it what is on it.
#[must_use]
pub fn rows(inventory: &Inventory) -> Vec<Row> {
    let mut rows = Vec::new();
    for disk in &inventory.disks {
        rows.push(disk_row(disk));
        if disk.problem.is_some() {
            continue;
        }
        if disk.table.kind == table::Kind::None {
            rows.push(whole_row(disk));
        }
        rows.extend(disk.partitions.iter().map(|partition| partition_row(disk, partition)));
    }
    rows
}

fn mounted_anywhere(disk: &Disk) -> Vec<PathBuf> {
    disk.mounted_at.iter().chain(disk.partitions.iter().flat_map(|partition| &partition.mounted_at)).cloned().collect()
}

fn disk_row(disk: &Disk) -> Row {
    let mut details = vec![(text::DETAIL_PATH, disk.path.display().to_string())];
    let mut add = |name, value: Option<String>| details.extend(value.map(|value| (name, value)));
    // Of a disk that cannot be read nothing more is known.
    let readable = disk.problem.is_none();
    add(text::DETAIL_TABLE, readable.then(|| text::table(&disk.table)));
    add(text::DETAIL_MODEL, disk.model.clone());
    add(text::DETAIL_SERIAL, disk.serial.clone());
    add(text::DETAIL_TRANSPORT, disk.transport.clone());
    add(text::DETAIL_SECTOR, readable.then(|| text::sector(disk.sector_bytes, disk.physical_sector_bytes)));
    let title = disk.model.clone().or_else(|| disk.transport.clone()).unwrap_or_default();
    Row {
        kind: RowKind::Disk,
        address: Address::Whole(disk.path.clone()),
        number: 0,
        title,
        start_bytes: 0,
        bytes: disk.bytes,
        volume: None,
        mounted_at: mounted_anywhere(disk),
        read_only: disk.read_only,
        extended: false,
        problem: disk.problem.clone(),
        table_trouble: if readable { text::table_trouble(disk.table.health) } else { None },
        details,
        notes: disk.table.notes.clone(),
    }
}

fn whole_row(disk: &Disk) -> Row {
    let mut row = Row {
        kind: RowKind::Whole,
        title: text::WHOLE_DISK.to_owned(),
        volume: disk.volume.clone(),
        details: vec![(text::DETAIL_ADDRESS, disk.path.display().to_string())],
        notes: Vec::new(),
        table_trouble: None,
        ..disk_row(disk)
    };
    add_volume(&mut row);
    row
}

fn partition_row(disk: &Disk, partition: &Partition) -> Row {
    let address = if partition.found {
        Address::At(disk.path.clone(), partition.start_bytes)
    } else {
        Address::Partition(disk.path.clone(), partition.number)
    };
    let mut details = vec![(text::DETAIL_ADDRESS, address.to_string())];
    let kind_name = partition.type_name.clone().unwrap_or_else(|| partition.type_id.clone());
    if !kind_name.is_empty() {
        details.push((text::DETAIL_TYPE, kind_name.clone()));
    }
    details.extend(partition.name.clone().filter(|name| !name.is_empty()).map(|name| (text::DETAIL_NAME, name)));
    details.push((text::DETAIL_START, text::bytes_exact(partition.start_bytes)));
    let mut mounted_at = partition.mounted_at.clone();
    mounted_at.extend(disk.mounted_at.iter().cloned());
    let mut row = Row {
        kind: if partition.found { RowKind::Found } else { RowKind::Partition },
        address,
        number: partition.number,
        title: partition.name.clone().filter(|name| !name.is_empty()).unwrap_or(kind_name),
        start_bytes: partition.start_bytes,
        bytes: partition.bytes,
        volume: partition.volume.clone(),
        mounted_at,
        read_only: disk.read_only,
        extended: matches!(partition.type_id.to_ascii_lowercase().as_str(), "0x05" | "0x0f" | "0x85"),
        problem: None,
        table_trouble: None,
        details,
        notes: Vec::new(),
    };
    add_volume(&mut row);
    row
}

fn add_volume(row: &mut Row) {
    let Some(volume) = &row.volume else { return };
    row.details.push((text::DETAIL_VOLUME, text::volume(volume)));
    row.details.extend(volume.id.clone().map(|id| (text::DETAIL_ID, id)));
    row.notes.extend(volume.notes.iter().cloned());
    if let Some(note) = volume.state.and_then(text::state_note) {
        row.notes.insert(0, note.to_owned());
    }
}

impl Row {
    /// Used bytes of the volume, where that is known.
    #[must_use]
    pub fn used_bytes(&self) -> Option<u64> {
        let volume = self.volume.as_ref()?;
        volume.used_clusters?.checked_mul(u64::from(volume.cluster_bytes?))
    }

    /// True when the volume was not left clean, so that a backup needs the user's word.
    #[must_use]
    pub fn unclean(&self) -> bool {
        let state = self.volume.as_ref().and_then(|volume| volume.state);
        matches!(state, Some(State::Dirty | State::Hibernated | State::Journal))
    }

    /// True when the volume's kind is known and could be read, but this one cannot: all its sectors still can be
    /// taken.
    #[must_use]
    pub fn unreadable(&self) -> bool {
        self.volume.as_ref().is_some_and(|volume| volume.kind.has_driver() && volume.state.is_none())
    }

    /// Why this line cannot be the source or target of the task; `None` when it can.
    #[must_use]
    pub fn refusal(&self, task: Task, image: Option<&ImageInfo>) -> Option<String> {
        if let Some(problem) = &self.problem {
            return Some(text::refused_unreadable(problem));
        }
        if self.kind == RowKind::Disk {
            return Some(text::REFUSED_DISK.to_owned());
        }
        if self.extended {
            return Some(text::REFUSED_EXTENDED.to_owned());
        }
        if task == Task::Restore { self.refused_target(image) } else { None }
    }

    /// Why this line's volume cannot be checked; `None` when it can.
    #[must_use]
    pub fn uncheckable(&self) -> Option<String> {
        let refused = self.refusal(Task::Browse, None);
        let kind = self.volume.as_ref().map_or(Kind::Unknown, |volume| volume.kind);
        refused.or_else(|| match kind {
            Kind::Unknown | Kind::Ambiguous | Kind::Unfinished => Some(text::REFUSED_NO_VOLUME.to_owned()),
            kind if kind.has_driver() => None,
            kind => Some(text::refused_kind(kind)),
        })
    }

    fn refused_target(&self, image: Option<&ImageInfo>) -> Option<String> {
        if let Some(place) = self.mounted_at.first() {
            return Some(text::refused_mounted(place));
        }
        if self.read_only {
            return Some(text::REFUSED_READ_ONLY.to_owned());
        }
        let image = image?;
        if lies_in(&image.path, self.address.path()) {
            return Some(text::REFUSED_SAME.to_owned());
        }
        (image.volume_bytes > self.bytes).then(|| text::refused_small(image.volume_bytes, self.bytes))
    }
}

/// True when the image file is itself the target. Paths only; the planner compares the files.
fn lies_in(image: &Path, target: &Path) -> bool {
    image == target
}

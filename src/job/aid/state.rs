//! Whether a recovery partition still says what is on its disk.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::collect::{containers, needed as needed_images};
use crate::device::{FileDevice, ReadDevice, SharedDevice, read_vec};
use crate::error::Result;
use crate::fs::Kind;
use crate::image::container::Aid;
use crate::inventory::{Address, Container, RecoveryPartition, recovery_partitions};
use crate::job::Monitor;
use crate::plan::AidRequest;
use crate::table::{self, TableCopy, bytes_from_hex};
use crate::words::{en, fill, plural};

/// A recovery partition, held against its disk.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct AidState {
    /// The partition: `PATH:N`.
    pub partition: String,
    /// What differs, in sentences; empty when it says what is there.
    pub differs: Vec<String>,
    /// Images that nothing but this partition leads to: it must not be renewed before they are brought back.
    pub needed: Vec<String>,
    /// What would be asked for to renew it.
    #[serde(skip)]
    pub renewal: AidRequest,
}

impl AidState {
    /// True when it shall be offered to be renewed.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        !self.differs.is_empty() && self.needed.is_empty()
    }

    /// All of it in sentences, with what to do; none when there is nothing to say.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let note = |what: &String| fill(en::AID_NOTE, &[("partition", &self.partition), ("what", what)]);
        let mut notes: Vec<String> = self.differs.iter().map(note).collect();
        if let Some(image) = self.needed.first() {
            let count = self.needed.len() as u64;
            let words = plural(count, en::AID_NEEDED_ONE, en::AID_NEEDED_MANY);
            notes.push(fill(words, &[("partition", &self.partition), ("count", &count), ("image", image)]));
        } else if self.is_stale() {
            notes.push(fill(en::AID_RENEWAL, &[("command", &self.renewal.command())]));
        }
        notes
    }
}

/// Holds the recovery partitions of a disk against what is on it. Quick: it reads those partitions, the partition table,
/// and what a quick look for images reads.
///
/// # Errors
/// When the disk cannot be read, or the look is cancelled.
pub fn aid_state(disk: &Path, monitor: &Monitor) -> Result<Vec<AidState>> {
    let device: SharedDevice = Arc::new(FileDevice::open(disk)?);
    let partitions = recovery_partitions(&device);
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let source = Address::Whole(disk.into());
    let found = containers(&source, monitor)?;
    let today = table::capture(&device)?;
    let state = |partition: &RecoveryPartition| {
        let target = Address::Partition(disk.into(), partition.entry.number);
        let mut differs = of_copies(partition);
        let mut needed: Vec<String> = Vec::new();
        if let Some((_, aids)) = partition.current().filter(|(_, aids)| is_of(aids, &device, today.as_ref())) {
            differs.extend(of_table(aids, today.as_ref()));
            differs.extend(of_containers(aids, &found));
            needed = needed_images(&found).iter().map(ToString::to_string).collect();
        }
        let renewal = AidRequest { source: source.clone(), target: target.clone() };
        AidState { partition: target.to_string(), differs, needed, renewal }
    };
    Ok(partitions.iter().map(state).collect())
}

fn of_copies(partition: &RecoveryPartition) -> Vec<String> {
    let sequence = |aids: &Vec<Aid>| aids.first().map_or(0, |aid| aid.sequence);
    match &partition.copies {
        [Err(first), Err(_)] => vec![fill(en::AID_COPIES_LOST, &[("why", &first.without_advice())])],
        [Err(why), Ok(_)] => vec![fill(en::AID_COPY_FIRST, &[("why", &why.without_advice())])],
        [Ok(_), Err(why)] => vec![fill(en::AID_COPY_SECOND, &[("why", &why.without_advice())])],
        [Ok(first), Ok(second)] if sequence(first) != sequence(second) => {
            vec![fill(en::AID_COPIES_DIFFER, &[("first", &sequence(first)), ("second", &sequence(second))])]
        }
        [Ok(_), Ok(_)] => Vec::new(),
    }
}

fn table_of(aids: &[Aid]) -> Option<TableCopy> {
    aids.iter().find_map(|aid| serde_json::from_value(aid.table.clone()?).ok())
}

/// Whether a set is about this disk: a recovery partition may lead to the images of another one.
fn is_of(aids: &[Aid], disk: &SharedDevice, today: Option<&TableCopy>) -> bool {
    match (table_of(aids), today) {
        (Some(kept), Some(today)) => kept.id == today.id,
        _ => aids.iter().all(|aid| aid.disk_bytes == disk.len().0),
    }
}

fn of_table(aids: &[Aid], today: Option<&TableCopy>) -> Option<String> {
    let differs = |kept: &TableCopy| {
        let entries = |copy: &TableCopy| copy.table().ok().map(|table| (table.kind, table.id, table.entries));
        today.is_none_or(|today| entries(kept) != entries(today))
    };
    table_of(aids).filter(differs).map(|_| en::AID_TABLE.into())
}

fn of_containers(aids: &[Aid], found: &[Container]) -> Vec<String> {
    let mut differs = Vec::new();
    for container in found {
        let kept = aids.iter().find(|aid| {
            aid.toc.container_id == container.toc.container_id
                && aid.toc.volume.start_bytes == container.source.place.start.0
        });
        let Some(kept) = kept else {
            differs.push(fill(en::AID_IMAGES_NEW, &[("volume", &container.volume)]));
            continue;
        };
        let (was, is) = (kept.toc.sequence, container.toc.sequence);
        let runs = |toc: &crate::image::container::Toc| {
            let mut runs: Vec<_> = toc.files.iter().map(|file| (file.name.clone(), file.runs.clone())).collect();
            runs.sort_by(|a, b| a.0.cmp(&b.0));
            runs
        };
        if was != is {
            let volume = &container.volume;
            differs.push(fill(en::AID_IMAGES_CHANGED, &[("volume", volume), ("now", &is), ("was", &was)]));
        } else if runs(&kept.toc) != runs(&container.toc) {
            differs.push(fill(en::AID_IMAGES_ELSEWHERE, &[("volume", &container.volume)]));
        } else if boot_differs(kept, &container.source.device) {
            differs.push(fill(en::AID_SEALS, &[("volume", &container.volume)]));
        }
    }
    for aid in aids {
        let start = aid.toc.volume.start_bytes;
        if !found.iter().any(|container| container.source.place.start.0 == start) {
            differs.push(fill(en::AID_IMAGES_GONE, &[("start", &start)]));
        }
    }
    differs
}

/// Bytes of a boot record or superblock that stay the same while a volume is used.
///
/// FAT: all of the boot sector but the byte with the dirty flag (0x25, on FAT32 0x41; Microsoft, fatgen103). NTFS: all
/// of it. ext: in the superblock at 1024 the sizes, the features, UUID and name; what lies between them counts what is
/// free, mounts and times (kernel documentation, ext4, "Super Block").
fn lasting(kind: Kind) -> &'static [(usize, usize)] {
    match kind {
        Kind::Fat32 => &[(0, 0x41), (0x42, 512)],
        Kind::Fat12 | Kind::Fat16 => &[(0, 0x25), (0x26, 512)],
        Kind::Ext2 | Kind::Ext3 | Kind::Ext4 => {
            &[(1024, 1024 + 0xc), (1024 + 0x14, 1024 + 0x2c), (1024 + 0x4c, 1024 + 0x88)]
        }
        _ => &[(0, 512)],
    }
}

fn boot_differs(kept: &Aid, device: &SharedDevice) -> bool {
    let Some(saved) = kept.boot.iter().find(|saved| saved.offset.0 == 0) else { return false };
    let Some(was) = bytes_from_hex(&saved.hex) else { return true };
    let Ok(is) = read_vec(&**device, saved.offset, was.len()) else { return true };
    lasting(kept.toc.volume.kind).iter().any(|(from, to)| was.get(*from..*to) != is.get(*from..*to))
}

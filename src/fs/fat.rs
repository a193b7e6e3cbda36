//! FAT12, FAT16 and FAT32.
//!
//! ```text
//! | boot sector, reserved sectors | FAT 1 | FAT 2 | root directory (FAT12/16) | cluster 2, 3, 4 … |
//! ```
//!
//! [`boot`] reads the geometry, [`table`] the FAT, [`directory`] and [`name`] the directories, and
//! [`tree`] makes files of them. [`walk`] goes over everything once, for [`check`] and [`owners`].
//! Used is all before the data region, and every cluster whose FAT entry is neither free nor bad; so
//! what is used depends on the FAT alone, and a volume with a broken directory can still be imaged.
//!
//! We read FAT ourselves instead of through the crate `fatfs`, because that shows no cluster numbers,
//! cannot read without the right to write, and goes on for ever in a directory that contains itself. It
//! formats volumes for us, and is the second opinion of our tests.

mod boot;
mod check;
mod directory;
mod edit;
mod name;
mod owners;
mod table;
mod tree;
mod walk;

use std::io::Read;

use self::boot::Boot;
use self::table::{Slot, Table};
use super::{Anchors, ByteRange, Check, Driver, FileSystem, Kind, Owners, State, Summary, Tree};
use crate::device::SharedDevice;
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent};
use crate::unit::{ByteLen, ByteOffset, Grid};

/// The driver.
pub const DRIVER: Driver = Driver {
    name: "fat",
    kinds: &[Kind::Fat12, Kind::Fat16, Kind::Fat32],
    recognise,
    recognise_backup,
    open,
    edit: edit::open,
};

/// Byte of a boot sector at which the count of hidden sectors stands (fatgen103, BPB_HiddSec).
const HIDDEN_SECTORS_OFFSET: u64 = 0x1C;
/// What a volume without a name has in its boot sector.
const NO_NAME: &str = "NO NAME";

fn recognise(device: &SharedDevice) -> Result<Option<Kind>> {
    boot::recognise(device)
}

fn recognise_backup(device: &SharedDevice) -> Option<Kind> {
    boot::locate(device).ok().map(|boot| boot.kind)
}

fn open(device: SharedDevice) -> Result<Box<dyn FileSystem>> {
    Ok(Box::new(Volume::open(device)?))
}

/// An open volume.
struct Volume {
    device: SharedDevice,
    boot: Boot,
    table: Table,
    grid: Grid,
    summary: Summary,
    cache: tree::Cache,
}

impl Volume {
    fn open(device: SharedDevice) -> Result<Self> {
        let mut boot = boot::locate(&device)?;
        if boot.len.0 > device.len().0 {
            return Err(Error::corrupt(
                ByteOffset(0x20),
                format!("a volume of at most {} bytes", device.len().0),
                format!("one of {} bytes", boot.len.0),
            )
            .advise("The partition or the file is shorter than the volume in it: look for its missing end"));
        }
        let grid = Grid::fit(boot.len, boot.cluster_bytes, &[boot.data_offset])
            .ok_or_else(|| Error::damaged("the volume's parts lie on no common grid"))?;
        let mut notes = std::mem::take(&mut boot.notes);
        let table = Table::choose(&device, &boot, &mut notes);
        let summary = Summary {
            kind: boot.kind,
            label: None,
            id: boot.serial.map(|serial| format!("{:04X}-{:04X}", serial >> 16, serial & 0xFFFF)),
            len: boot.len,
            sector_bytes: boot.sector_bytes,
            cluster_bytes: boot.cluster_bytes,
            clusters: boot.clusters.into(),
            state: State::Clean,
            notes,
        };
        let mut volume = Self { device, boot, table, grid, summary, cache: tree::Cache::default() };
        volume.describe();
        Ok(volume)
    }

    /// Label and state, from what the root directory holds. A root directory that cannot be read is said,
    /// and is no reason not to image the volume.
    fn describe(&mut self) {
        let mut label = None;
        match self.root() {
            Ok(root) => label.clone_from(&root.label),
            Err(error) => self.summary.notes.push(error.context("the root directory is damaged").to_string()),
        }
        let field = self.boot.label.as_ref().map(directory::label_text);
        self.summary.label = label.or(field).filter(|label| !label.is_empty() && label != NO_NAME);
        if self.is_hibernated() {
            self.summary.state = State::Hibernated;
        } else if self.boot.in_use || !self.table.is_clean().unwrap_or(false) {
            self.summary.state = State::Dirty;
        }
    }

    /// Windows writes `hibr` (XP and later: in either case) at the beginning of its hibernation file when
    /// it goes to sleep, and `wake` or zeros when it wakes up (as ntfs-3g's check has it).
    fn is_hibernated(&self) -> bool {
        let begin = || -> Option<[u8; 4]> {
            let root = self.root().ok()?;
            let record = root.find(b"hiberfil.sys").filter(|record| !record.is_directory)?;
            let mut begin = [0; 4];
            self.content(record).ok()?.read_exact(&mut begin).ok()?;
            Some(begin)
        };
        begin().is_some_and(|begin| begin.eq_ignore_ascii_case(b"hibr"))
    }

    /// The table, if it can be believed. An overwritten one would name clusters as free that are not.
    fn believed(&self) -> Result<&Table> {
        if self.table.plausible {
            return Ok(&self.table);
        }
        let media = format!("the media byte {:02X} in the FAT's first entry", self.boot.media);
        Err(Error::corrupt(self.table.offset(), media, "something else")
            .advise("No FAT of this volume can be believed; image it as raw sectors"))
    }
}

impl FileSystem for Volume {
    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn grid(&self) -> Grid {
        self.grid
    }

    fn used(&self) -> Result<ClusterMap> {
        let mut used = ClusterMap::new(self.grid.clusters);
        used.set(self.span(ByteOffset::ZERO, self.boot.data_offset.0), true);
        self.believed()?.scan(|slot, first, clusters| {
            if slot == Slot::Used {
                used.set(self.on_grid(Extent::new(first.into(), clusters.into())), true);
            }
        })?;
        Ok(used)
    }

    fn bad(&self) -> Result<ClusterMap> {
        let mut bad = ClusterMap::new(self.grid.clusters);
        self.believed()?.scan(|slot, first, clusters| {
            if slot == Slot::Bad {
                bad.set(self.on_grid(Extent::new(first.into(), clusters.into())), true);
            }
        })?;
        Ok(bad)
    }

    /// Clusters that are not free, bad ones included, as fsck.fat counts those of a consistent volume; it
    /// leaves out clusters that no file owns.
    fn count_used(&self) -> Result<u64> {
        let mut used = 0;
        self.believed()?.scan(|slot, _, clusters| {
            if slot != Slot::Free {
                used += u64::from(clusters);
            }
        })?;
        Ok(used)
    }

    fn anchors(&self) -> Anchors {
        let mut sectors = vec![ByteOffset::ZERO];
        sectors.extend(self.boot.backup);
        let len = ByteLen(self.boot.sector_bytes.into());
        Anchors {
            seals: sectors.iter().map(|offset| ByteRange { offset: *offset, len }).collect(),
            hidden_sectors: sectors.iter().map(|offset| ByteOffset(offset.0 + HIDDEN_SECTORS_OFFSET)).collect(),
        }
    }

    fn tree(&self) -> &dyn Tree {
        self
    }

    fn check(&self) -> &dyn Check {
        self
    }

    fn owners(&self) -> &dyn Owners {
        self
    }
}

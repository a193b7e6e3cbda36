//! From an address to the bytes it names, for reading.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Address, look};
use crate::device::discover::{self, BlockDisk, BlockPartition, Roots};
use crate::device::{FileDevice, ReadDevice, SharedDevice, Window};
use crate::error::{Error, Result};
use crate::fs::{self, Probe};
use crate::table::{self, Entry, Health, Kind, Table};
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

impl Place {
    /// By what it is named.
    #[must_use]
    pub fn address(&self) -> Address {
        match &self.entry {
            Some(entry) if !entry.found => Address::Partition(self.disk.clone(), entry.number),
            _ if self.start == ByteOffset::ZERO => Address::Whole(self.disk.clone()),
            _ => Address::At(self.disk.clone(), self.start.0),
        }
    }

    /// True for a whole disk that a partition table divides.
    #[must_use]
    pub fn is_divided(&self) -> bool {
        self.table != table::Kind::None && self.entry.is_none() && self.start.0 == 0
    }
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
/// A partition's own node (`/dev/sda1`) is known for the partition that it is, so that what depends on its
/// place on the disk comes out right. For a whole disk, [`Place::table`] tells the table on it.
///
/// # Errors
/// When the disk cannot be read or has no such partition (said with the partitions it has).
pub fn open_source(address: &Address) -> Result<Source> {
    let roots = Roots::default();
    let machine = discover::disks(&roots);
    let finder = Finder { roots: &roots, machine: &machine };
    match (address, discover::named(&machine, address.path())) {
        (Address::Whole(_), Some((disk, Some(part)))) => finder.kernel_partition(disk, part),
        (Address::Whole(path), named) => finder.whole(path, named.map(|(disk, _)| disk)),
        (Address::Partition(path, number), named) => finder.partition(path, named.map(|(disk, _)| disk), *number),
        (Address::At(path, at), named) => finder.at(path, named.map(|(disk, _)| disk), ByteOffset(*at)),
        (Address::Inside(volume, name), _) => {
            Err(Error::refused(format!("{address} names an image, not a disk or a volume"))
                .advise(format!("The volume is {volume}; `lifeboat extract` and `restore` take {name} out of it")))
        }
    }
}

/// Opens a place of a disk whatever the disk says: where a partition is known to have been.
///
/// # Errors
/// When the disk cannot be read, or ends before the place does.
pub(super) fn open_place(disk: &Path, start: ByteOffset, len: ByteLen) -> Result<Source> {
    let roots = Roots::default();
    let machine = discover::disks(&roots);
    let finder = Finder { roots: &roots, machine: &machine };
    let block = discover::named(&machine, disk).map(|(disk, _)| disk);
    let opened = Opened::new(disk, block)?;
    let place = finder.place(disk, block, &opened, start, len, None);
    let device = Window::new(opened.device, start, len)?;
    Ok(Source { place, device: Arc::new(device) })
}

/// What the machine knows, while an address is looked up.
struct Finder<'a> {
    roots: &'a Roots,
    machine: &'a [BlockDisk],
}

/// A disk or file, open, with its table.
struct Opened {
    device: SharedDevice,
    table: Table,
    /// Why there is no table to go by: the disk's first sector cannot be read. Only a partition's number
    /// needs it; the rest of such a disk is worth imaging all the more.
    fault: Option<Error>,
}

impl Opened {
    /// Opens a disk or file. The sectors are the device's own; a file's are those its table is written for.
    fn new(path: &Path, block: Option<&BlockDisk>) -> Result<Self> {
        let file = FileDevice::open(path)?;
        let shared: SharedDevice = Arc::new(file);
        let (table, fault) = match table::read(&shared) {
            Ok(table) => (table, None),
            Err(error) => (Table::default(), Some(error)),
        };
        if block.is_none() && table.kind != Kind::None && table.sector_bytes != shared.sector_bytes() {
            let file = FileDevice::open(path)?.with_sectors(table.sector_bytes);
            return Ok(Self { device: Arc::new(file), table, fault });
        }
        Ok(Self { device: shared, table, fault })
    }
}

impl Finder<'_> {
    fn whole(&self, path: &Path, block: Option<&BlockDisk>) -> Result<Source> {
        let opened = Opened::new(path, block)?;
        let len = opened.device.len();
        let place = self.place(path, block, &opened, ByteOffset::ZERO, len, None);
        Ok(Source { place, device: opened.device })
    }

    fn partition(&self, path: &Path, block: Option<&BlockDisk>, number: u32) -> Result<Source> {
        let mut opened = Opened::new(path, block)?;
        if let Some(error) = opened.fault.take() {
            return Err(error.context(format!("partition {number}: the partition table")));
        }
        let Some(entry) = opened.table.entries.iter().find(|entry| entry.number == number) else {
            return Err(no_such(path, number, &opened.table));
        };
        if entry.is_extended() {
            return Err(Error::refused(format!("partition {number} of {} is only a frame", path.display()))
                .advise("Name one of the logical partitions in it (5 and up)"));
        }
        let within = entry.end().is_some_and(|end| end.0 <= opened.device.len().0);
        if !within || entry.len == ByteLen::ZERO {
            let (start, len, disk) = (entry.start.0, entry.len.0, opened.device.len().0);
            return Err(Error::refused(format!(
                "partition {number} of {} does not fit the disk: it is {len} bytes long and begins at byte {start}, the disk has {disk}",
                path.display()
            ))
            .advise(format!("The table is wrong or the disk is cut off. {}@{start} names the volume that begins there", path.display())));
        }
        let kernel = block.and_then(|block| look::kernel_partition(block, entry));
        let mut place = self.place(path, block, &opened, entry.start, entry.len, Some(entry));
        if let Some(kernel) = kernel
            && let Ok(node) = FileDevice::open(&kernel.node)
            && node.len() == entry.len
        {
            place.node = kernel.node.clone();
            place.node_start = ByteOffset::ZERO;
            place.read_only |= kernel.read_only;
            return Ok(Source { place, device: Arc::new(node) });
        }
        let device = Window::new(opened.device, entry.start, entry.len)?;
        Ok(Source { place, device: Arc::new(device) })
    }

    /// A partition named by its own node. The table may be unreadable or disagree: the kernel's word counts.
    fn kernel_partition(&self, block: &BlockDisk, part: &BlockPartition) -> Result<Source> {
        let device = FileDevice::open(&part.node)?;
        let opened = Opened::new(&block.node, Some(block));
        let table = opened.map(|opened| opened.table).unwrap_or_default();
        let entry = table.entries.iter().find(|entry| entry.number == part.index && entry.start == part.start);
        let place = Place {
            disk: block.node.clone(),
            node: part.node.clone(),
            node_start: ByteOffset::ZERO,
            start: part.start,
            len: device.len(),
            sector_bytes: device.sector_bytes(),
            entry: entry.cloned(),
            table: table.kind,
            table_id: table.id.clone(),
            mounted_at: block.mounted_within(part.start, part.len),
            disk_name: disk_name(block),
            read_only: part.read_only || block.read_only,
        };
        Ok(Source { place, device: Arc::new(device) })
    }

    /// The volume that begins at a byte: as long as it says it is, or up to the end of the disk.
    fn at(&self, path: &Path, block: Option<&BlockDisk>, start: ByteOffset) -> Result<Source> {
        let opened = Opened::new(path, block)?;
        let disk = opened.device.len();
        let rest = disk.0.checked_sub(start.0).filter(|rest| *rest > 0).ok_or_else(|| {
            Error::refused(format!("{} has only {} bytes: nothing begins at {}", path.display(), disk.0, start.0))
        })?;
        let whole: SharedDevice = Arc::new(Window::new(opened.device.clone(), start, ByteLen(rest))?);
        let len = volume_len(&whole).or_else(|| found_len(&opened.device, block, start)).unwrap_or(ByteLen(rest));
        let len = ByteLen(len.0.min(rest));
        let place = self.place(path, block, &opened, start, len, None);
        let device = Window::new(opened.device, start, len)?;
        Ok(Source { place, device: Arc::new(device) })
    }

    fn place(
        &self,
        path: &Path,
        block: Option<&BlockDisk>,
        opened: &Opened,
        start: ByteOffset,
        len: ByteLen,
        entry: Option<&Entry>,
    ) -> Place {
        let mounted_at = match block {
            Some(block) => block.mounted_within(start, len),
            None => discover::mounted_in_file(self.machine, self.roots, path, start, len),
        };
        let file_read_only = || path.metadata().is_ok_and(|metadata| metadata.permissions().readonly());
        Place {
            disk: path.into(),
            node: path.into(),
            node_start: start,
            start,
            len,
            sector_bytes: opened.device.sector_bytes(),
            entry: entry.cloned(),
            table: opened.table.kind,
            table_id: opened.table.id.clone(),
            mounted_at,
            disk_name: block.and_then(disk_name),
            read_only: block.map_or_else(file_read_only, |block| block.read_only),
        }
    }
}

/// The length that the volume at the device's beginning tells of itself. Foreign code on a hostile disk:
/// a panic in it counts as no answer.
fn volume_len(device: &SharedDevice) -> Option<ByteLen> {
    let probe = AssertUnwindSafe(|| match fs::probe(device) {
        Ok(Probe::One(kind)) if kind.has_driver() => fs::open(device.clone(), kind).ok().map(|fs| fs.summary().len),
        _ => None,
    });
    catch_unwind(probe).ok().flatten().filter(|len| *len > ByteLen::ZERO)
}

/// The length of a volume whose own first sectors are gone, found as `look` found it. An NTFS volume's
/// backup boot record lies at its end, so this can take a search of the device. Where nothing of the volume is left, its
/// container's table of contents tells.
fn found_len(device: &SharedDevice, block: Option<&BlockDisk>, start: ByteOffset) -> Option<ByteLen> {
    let near = table::find_at(device, start).map(|found| found.len);
    near.or_else(|| super::locate::len_by_toc(device, start)).or_else(|| {
        let depth = look::depth_for(device, block);
        let scan = table::scan(device, depth, &mut |_| ControlFlow::Continue(())).ok()?;
        scan.found.into_iter().find(|found| found.start == start).map(|found| found.len)
    })
}

fn disk_name(block: &BlockDisk) -> Option<String> {
    match (&block.model, &block.serial) {
        (Some(model), Some(serial)) => Some(format!("{model} ({serial})")),
        (one, other) => one.clone().or_else(|| other.clone()),
    }
}

fn no_such(path: &Path, number: u32, table: &Table) -> Error {
    let error = Error::refused(format!("{} has no partition {number}", path.display()));
    if table.entries.is_empty() {
        let why =
            if table.health == Health::Damaged { "Its partition table is damaged" } else { "It has no partitions" };
        return error.advise(format!("{why}; `lifeboat disks` lists what can be found on it"));
    }
    let list = table.entries.iter().take(32).map(|entry| match &entry.type_name {
        Some(name) => format!("{} ({name}, {})", entry.number, entry.len),
        None => format!("{} ({})", entry.number, entry.len),
    });
    error.advise(format!("It has: {}", list.collect::<Vec<_>>().join(", ")))
}

//! One disk: its table, its volumes, what no table names, the images inside.

use std::fs::Metadata;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::super::{Disk, Partition, TableView, Thoroughness, locate, volume};
use super::{Leash, Leashed, Machine, Reading, Subject};
use crate::device::discover::{self, BlockDisk};
use crate::device::{FileDevice, ReadDevice, SharedDevice, Window};
use crate::fs::Kind as FsKind;
use crate::table::{self, Depth, Entry, Health, Table};
use crate::unit::{ByteLen, ByteOffset};

/// A named file up to this size is searched for lost volumes wholly; all else as far as [`Depth::Quick`] goes.
const FULL_SCAN_BYTES: u64 = 64 << 30;
/// A named file up to this size, whose table is of no use, is searched for images wholly: that takes a few seconds.
const SEARCHED_BYTES: u64 = 1 << 30;

pub(super) fn look_at(subject: &Subject, leash: &Leash, machine: &Machine) -> Disk {
    let mut disk = describe(subject, machine);
    leash.reading(Reading::Opening);
    match FileDevice::open(&subject.path) {
        Ok(device) => {
            if subject.block.is_none() {
                disk.bytes = device.len().0;
                disk.sector_bytes = device.sector_bytes();
                disk.physical_sector_bytes = device.sector_bytes();
            }
            let device: SharedDevice = Arc::new(Leashed { device, leash: leash.clone() });
            read(&mut disk, &device, subject, leash, machine);
        }
        Err(error) => disk.problem = Some(error.to_string()),
    }
    disk
}

/// What sysfs tells of it.
pub(super) fn bare(subject: &Subject) -> Disk {
    let path = subject.path.clone();
    let Some(block) = &subject.block else { return Disk { path, transport: Some("file".into()), ..Disk::default() } };
    Disk {
        path,
        model: block.model.clone(),
        serial: block.serial.clone(),
        transport: block.transport.clone(),
        bytes: block.len.0,
        sector_bytes: block.sector_bytes,
        physical_sector_bytes: block.physical_sector_bytes,
        removable: block.removable,
        read_only: block.read_only,
        mounted_at: block.mounted_at.clone(),
        ..Disk::default()
    }
}

/// What is known without opening it.
pub(super) fn describe(subject: &Subject, machine: &Machine) -> Disk {
    let disk = bare(subject);
    if subject.block.is_some() {
        return disk;
    }
    let path = &subject.path;
    let metadata = path.metadata();
    let bytes = metadata.as_ref().map_or(0, Metadata::len);
    let read_only = metadata.is_ok_and(|metadata| metadata.permissions().readonly());
    let mut mounted_at = discover::mounts_of_file(&machine.roots, path);
    let whole = discover::loops_on(&machine.disks, path).into_iter().filter(|(_, at)| *at == ByteOffset::ZERO);
    whole.for_each(|(disk, _)| mounted_at.extend(disk.mounted_at.iter().cloned()));
    Disk { bytes, read_only, mounted_at, ..disk }
}

fn read(disk: &mut Disk, device: &SharedDevice, subject: &Subject, leash: &Leash, machine: &Machine) {
    let block = subject.block.as_ref();
    leash.reading(Reading::Table);
    let table = match table::read(device) {
        Ok(table) => table,
        Err(error) => {
            disk.problem = Some(error.to_string());
            return;
        }
    };
    if block.is_none() && table.kind != table::Kind::None {
        disk.sector_bytes = table.sector_bytes;
        disk.physical_sector_bytes = disk.physical_sector_bytes.max(table.sector_bytes);
    }
    let usable = table.health != Health::Damaged && !table.entries.is_empty();
    disk.partitions = table.entries.iter().map(|entry| partition(entry, device, block, leash)).collect();
    disk.table = view(table);
    if !usable {
        leash.reading(Reading::Whole);
        let whole = volume::examine(device);
        if whole.kind == FsKind::Unknown && whole.notes.is_empty() {
            search(disk, device, block, leash);
        } else {
            disk.volume = Some(whole);
        }
    }
    leash.reading(Reading::Images);
    locate::fill(disk, device, thoroughness(device, block, usable));
    // An extended partition holds others, and is itself never mounted.
    for partition in disk.partitions.iter_mut().filter(|partition| !partition.is_extended()) {
        let (start, len) = (ByteOffset(partition.start_bytes), ByteLen(partition.bytes));
        partition.mounted_at = match block {
            Some(block) => block.mounted_within(start, len),
            None => discover::mounted_in_file(&machine.disks, &machine.roots, &subject.path, start, len),
        };
    }
}

/// How thoroughly images are looked for: a small file whose table is of no use is searched wholly, as for volumes.
fn thoroughness(device: &SharedDevice, block: Option<&BlockDisk>, usable: bool) -> Thoroughness {
    if block.is_none() && !usable && device.len().0 <= SEARCHED_BYTES {
        Thoroughness::Full
    } else {
        Thoroughness::Quick
    }
}

fn view(table: Table) -> TableView {
    let Table { kind, id, health, from_backup, notes, .. } = table;
    TableView { kind, id, health, from_backup, notes }
}

fn partition(entry: &Entry, device: &SharedDevice, block: Option<&BlockDisk>, leash: &Leash) -> Partition {
    leash.reading(if entry.found { Reading::Found(entry.start.0) } else { Reading::Partition(entry.number) });
    let kernel = block.and_then(|block| kernel_partition(block, entry));
    let window = Window::new(device.clone(), entry.start, entry.len).ok();
    let window = window.filter(|_| !entry.is_extended() && entry.len > ByteLen::ZERO);
    Partition {
        node: kernel.map(|kernel| kernel.node.clone()),
        volume: window.map(|window| volume::examine(&(Arc::new(window) as SharedDevice))),
        ..Partition::from(entry)
    }
}

/// The kernel's partition of that number, when the kernel believes it to lie where the table says. For an
/// extended partition only the beginning: the kernel gives it a length of its own.
pub(in crate::inventory) fn kernel_partition<'a>(
    block: &'a BlockDisk,
    entry: &Entry,
) -> Option<&'a discover::BlockPartition> {
    let kernel = block.partitions.iter().find(|kernel| kernel.index == entry.number && entry.number > 0)?;
    let same = kernel.start == entry.start && (kernel.len == entry.len || entry.is_extended());
    same.then_some(kernel)
}

/// How thoroughly a device is searched when its table is of no use.
pub(in crate::inventory) fn depth_for(device: &SharedDevice, block: Option<&BlockDisk>) -> Depth {
    if block.is_none() && device.len().0 <= FULL_SCAN_BYTES { Depth::Full } else { Depth::Quick }
}

/// Lists the volumes that no table names.
fn search(disk: &mut Disk, device: &SharedDevice, block: Option<&BlockDisk>, leash: &Leash) {
    leash.reading(Reading::LostVolumes);
    let mut go_on = |_| if leash.is_cut() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let Ok(scan) = table::scan(device, depth_for(device, block), &mut go_on) else { return };
    if scan.unreadable > ByteLen::ZERO {
        disk.table.notes.push(format!("{} bytes could not be read while searching for volumes", scan.unreadable.0));
    }
    if !scan.complete {
        disk.table.notes.push("only parts of this disk were searched for lost volumes".into());
    }
    for found in scan.found {
        let entry = Entry {
            start: found.start,
            len: found.len,
            type_name: Some(format!("{} volume", found.kind)),
            found: true,
            ..Entry::default()
        };
        let mut partition = partition(&entry, device, block, leash);
        if let (Some(volume), true) = (partition.volume.as_mut(), found.via_backup) {
            volume.notes.push("found by a backup of its boot record or superblock".into());
        }
        disk.partitions.push(partition);
    }
}

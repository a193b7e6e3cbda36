//! The look itself: every disk, its table, its volumes. Disks are looked at side by side, and listed in a
//! stable order: those of the machine by name, then the named paths as they were given.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Disk, Inventory, LookRequest, Partition, TableView, Thoroughness, locate, volume};
use crate::device::discover::{self, BlockDisk, Roots};
use crate::device::{FileDevice, ReadDevice, SharedDevice, Window};
use crate::fs::Kind as FsKind;
use crate::table::{self, Depth, Entry, Health, Table};
use crate::unit::{ByteLen, ByteOffset};

/// Disks looked at side by side. Each is mostly waited for; more would only seek against each other.
const MAX_THREADS: usize = 4;
/// A named file up to this size is searched for lost volumes wholly; all else as far as [`Depth::Quick`] goes.
const FULL_SCAN_BYTES: u64 = 64 << 30;
/// A named file up to this size, whose table is of no use, is searched for images wholly: that takes a few seconds.
const SEARCHED_BYTES: u64 = 1 << 30;

/// Looks. What cannot be read is listed with its problem; this never fails and never writes.
#[must_use]
pub fn look(request: &LookRequest) -> Inventory {
    let roots = Roots::default();
    let machine = discover::disks(&roots);
    let mut subjects: Vec<Subject> = Vec::new();
    if request.machine {
        subjects.extend(machine.iter().map(|disk| Subject { path: disk.node.clone(), block: Some(disk) }));
    }
    for path in &request.paths {
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        let is_listed = |subject: &Subject| subject.path == *path || subject.path == real;
        if !subjects.iter().any(is_listed) {
            let block = machine.iter().find(|disk| disk.node == real);
            subjects.push(Subject { path: path.clone(), block });
        }
    }
    Inventory { disks: look_at_all(&subjects, &machine, &roots) }
}

/// A disk or file to look at.
struct Subject<'a> {
    path: PathBuf,
    /// What sysfs says about it, for a disk.
    block: Option<&'a BlockDisk>,
}

fn look_at_all(subjects: &[Subject<'_>], machine: &[BlockDisk], roots: &Roots) -> Vec<Disk> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Disk)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..subjects.len().min(MAX_THREADS) {
            scope.spawn(|| {
                while let Some((at, subject)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    subjects.get(at).map(|subject| (at, subject))
                } {
                    let looked = catch_unwind(AssertUnwindSafe(|| look_at(subject, machine, roots)));
                    let disk = looked.unwrap_or_else(|_| Disk {
                        path: subject.path.clone(),
                        problem: Some("looking at it failed inside Lifeboat: this is a bug, please report it".into()),
                        ..Disk::default()
                    });
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, disk));
                }
            });
        }
    });
    let mut disks = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    disks.sort_by_key(|(at, _)| *at);
    disks.into_iter().map(|(_, disk)| disk).collect()
}

fn look_at(subject: &Subject<'_>, machine: &[BlockDisk], roots: &Roots) -> Disk {
    let mut disk = describe(subject, machine, roots);
    match FileDevice::open(&subject.path) {
        Ok(device) => {
            if subject.block.is_none() {
                disk.bytes = device.len().0;
                disk.sector_bytes = device.sector_bytes();
                disk.physical_sector_bytes = device.sector_bytes();
            }
            read(&mut disk, &(Arc::new(device) as SharedDevice), subject, machine, roots);
        }
        Err(error) => disk.problem = Some(error.to_string()),
    }
    disk
}

/// What is known without opening it.
fn describe(subject: &Subject<'_>, machine: &[BlockDisk], roots: &Roots) -> Disk {
    let path = subject.path.clone();
    if let Some(block) = subject.block {
        return Disk {
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
        };
    }
    let read_only = path.metadata().is_ok_and(|metadata| metadata.permissions().readonly());
    let mut mounted_at = discover::mounts_of_file(roots, &path);
    let whole = discover::loops_on(machine, &path).into_iter().filter(|(_, at)| *at == ByteOffset::ZERO);
    whole.for_each(|(disk, _)| mounted_at.extend(disk.mounted_at.iter().cloned()));
    Disk { path, transport: Some("file".into()), read_only, mounted_at, ..Disk::default() }
}

fn read(disk: &mut Disk, device: &SharedDevice, subject: &Subject<'_>, machine: &[BlockDisk], roots: &Roots) {
    let block = subject.block;
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
    disk.partitions = table.entries.iter().map(|entry| partition(entry, device, block)).collect();
    disk.table = view(table);
    if !usable {
        let whole = volume::examine(device);
        if whole.kind == FsKind::Unknown && whole.notes.is_empty() {
            search(disk, device, block);
        } else {
            disk.volume = Some(whole);
        }
    }
    locate::fill(disk, device, thoroughness(device, block, usable));
    for partition in disk.partitions.iter_mut().filter(|partition| !is_frame(partition)) {
        let (start, len) = (ByteOffset(partition.start_bytes), ByteLen(partition.bytes));
        partition.mounted_at = match block {
            Some(block) => block.mounted_within(start, len),
            None => discover::mounted_in_file(machine, roots, &subject.path, start, len),
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
    TableView { kind: table.kind, id: table.id, health: table.health, notes: table.notes }
}

fn partition(entry: &Entry, device: &SharedDevice, block: Option<&BlockDisk>) -> Partition {
    let kernel = block.and_then(|block| kernel_partition(block, entry));
    let window = Window::new(device.clone(), entry.start, entry.len).ok();
    let window = window.filter(|_| !entry.is_extended() && entry.len > ByteLen::ZERO);
    Partition {
        number: entry.number,
        start_bytes: entry.start.0,
        bytes: entry.len.0,
        type_id: entry.type_id.clone(),
        type_name: entry.type_name.clone(),
        name: entry.name.clone(),
        id: entry.id.clone(),
        active: entry.active,
        found: entry.found,
        node: kernel.map(|kernel| kernel.node.clone()),
        mounted_at: Vec::new(),
        volume: window.map(|window| volume::examine(&(Arc::new(window) as SharedDevice))),
    }
}

/// An extended partition holds others, and is itself never mounted.
fn is_frame(partition: &Partition) -> bool {
    Entry { type_id: partition.type_id.clone(), ..Entry::default() }.is_extended()
}

/// The kernel's partition of that number, when the kernel believes it to lie where the table says. For an
/// extended partition only the beginning: the kernel gives it a length of its own.
pub(super) fn kernel_partition<'a>(block: &'a BlockDisk, entry: &Entry) -> Option<&'a discover::BlockPartition> {
    let kernel = block.partitions.iter().find(|kernel| kernel.index == entry.number && entry.number > 0)?;
    let same = kernel.start == entry.start && (kernel.len == entry.len || entry.is_extended());
    same.then_some(kernel)
}

/// How thoroughly a device is searched when its table is of no use.
pub(super) fn depth_for(device: &SharedDevice, block: Option<&BlockDisk>) -> Depth {
    if block.is_none() && device.len().0 <= FULL_SCAN_BYTES { Depth::Full } else { Depth::Quick }
}

/// Lists the volumes that no table names.
fn search(disk: &mut Disk, device: &SharedDevice, block: Option<&BlockDisk>) {
    let Ok(scan) = table::scan(device, depth_for(device, block), &mut |_| ControlFlow::Continue(())) else { return };
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
        let mut partition = partition(&entry, device, block);
        if let (Some(volume), true) = (partition.volume.as_mut(), found.via_backup) {
            volume.notes.push("found by a backup of its boot record or superblock".into());
        }
        disk.partitions.push(partition);
    }
}

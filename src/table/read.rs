//! Which table counts, when a disk can bear several.

use super::gpt::{Copy, Fault};
use super::mbr::Mbr;
use super::signs::{self, Ext};
use super::{Health, Kind, Table, check};
use crate::device::{ReadDevice, SharedDevice, read_array};
use crate::error::Result;
use crate::unit::{ByteOffset, Lba};

/// The logical sector sizes there are.
pub(super) const SECTOR_SIZES: [u32; 2] = [512, 4096];

/// Reads a disk's partition table. A damaged one is a [`Table`] that says so, not an error.
///
/// A file does not know its sector size, and a disk in a USB frame may tell another one than the table
/// was written for: the device's own is tried first, then the other one, and [`Table::sector_bytes`] has
/// the one that fits.
///
/// # Errors
/// When the disk's first sector cannot be read.
pub fn read(device: &SharedDevice) -> Result<Table> {
    if device.len().0 < 512 {
        return Ok(Table { sector_bytes: device.sector_bytes(), ..Table::default() });
    }
    let sector: [u8; 512] = read_array(device, ByteOffset::ZERO)?;
    let mbr = Mbr::parse(&sector);
    let copies = Copies::find(device, mbr.as_ref());
    let sector_bytes = copies.sector_bytes;
    // An MBR without entries says nothing that a volume on the whole disk would not outweigh.
    let whole = own_volume(device, &sector).filter(|_| mbr.as_ref().is_none_or(|mbr| mbr.starts().is_empty()));
    let mut table = match (mbr, whole) {
        (Some(mbr), _) if !mbr.is_protective() && !mbr.starts().is_empty() => read_mbr(device, &mbr, &copies),
        (Some(mbr), _) if mbr.is_protective() => read_gpt(device, Some(&mbr), &copies),
        (mbr, None) if !copies.is_absent() => read_gpt(device, mbr.as_ref(), &copies),
        (mbr, Some(_)) if copies.primary.is_ok() => read_gpt(device, mbr.as_ref(), &copies),
        (_, Some(volume)) if !copies.is_absent() => leftover(volume, sector_bytes),
        (Some(mbr), None) => read_mbr(device, &mbr, &copies),
        _ => Table { sector_bytes, ..Table::default() },
    };
    if table.kind != Kind::None && table.sector_bytes != device.sector_bytes() {
        table.notes.push(format!("the partition table is written for sectors of {} bytes", table.sector_bytes));
    }
    table.entries.sort_by_key(|entry| entry.number);
    check::check_ranges(&mut table, device.len());
    Ok(table)
}

/// Both copies of a GPT, for the sector size at which there is more of them.
pub(super) struct Copies {
    pub(super) sector_bytes: u32,
    pub(super) primary: Result<Copy, Fault>,
    pub(super) backup: Result<Copy, Fault>,
    /// Where the backup was found, or looked for last.
    pub(super) backup_lba: Lba,
    /// The disk's last sector, where the backup belongs.
    pub(super) last_lba: Lba,
}

impl Copies {
    pub(super) fn find(device: &SharedDevice, mbr: Option<&Mbr>) -> Self {
        let own = device.sector_bytes();
        let first = Self::read(device, mbr, own);
        if first.primary.is_ok() || first.backup.is_ok() {
            return first;
        }
        let others = SECTOR_SIZES.into_iter().filter(|&size| size != own);
        let usable = others.map(|size| Self::read(device, mbr, size)).find(|copies| !copies.is_absent());
        match usable {
            Some(other) if other.primary.is_ok() || other.backup.is_ok() || first.is_absent() => other,
            _ => first,
        }
    }

    fn read(device: &SharedDevice, mbr: Option<&Mbr>, sector_bytes: u32) -> Self {
        let last_lba = Lba((device.len().0 / u64::from(sector_bytes)).saturating_sub(1));
        let primary = Copy::read(device, Lba(1), sector_bytes);
        // The primary knows where its backup is. Without it: the disk's end, and, in case the disk has
        // grown since (a clone on a larger one), the end that the protective entry remembers.
        let places = match &primary {
            Ok(copy) => vec![copy.other_lba(), last_lba],
            Err(_) => [Some(last_lba), mbr.and_then(Mbr::protected_end)].into_iter().flatten().collect(),
        };
        let mut backup = Err(Fault::Absent);
        let mut backup_lba = last_lba;
        for lba in places.into_iter().filter(|lba| lba.0 > 1) {
            let copy = Copy::read(device, lba, sector_bytes);
            if copy.is_ok() || backup == Err(Fault::Absent) {
                backup_lba = lba;
                backup = copy;
            }
            if backup.is_ok() {
                break;
            }
        }
        Self { sector_bytes, primary, backup, backup_lba, last_lba }
    }

    fn is_absent(&self) -> bool {
        self.primary == Err(Fault::Absent) && self.backup == Err(Fault::Absent)
    }
}

fn read_gpt(device: &SharedDevice, mbr: Option<&Mbr>, copies: &Copies) -> Table {
    let mut table = Table { kind: Kind::Gpt, sector_bytes: copies.sector_bytes, ..Table::default() };
    match mbr {
        Some(mbr) if mbr.is_protective() => {
            let real = mbr.real_numbers();
            if !real.is_empty() {
                let numbers: Vec<String> = real.iter().map(u32::to_string).collect();
                table.notes.push(format!(
                    "hybrid: the MBR names partitions, too (entries {}); the GPT was taken",
                    numbers.join(", ")
                ));
            }
        }
        _ => table.degrade("the protective MBR is missing: other systems may take this disk for an empty one"),
    }
    match (&copies.primary, &copies.backup) {
        (Ok(primary), backup) => {
            match backup {
                Ok(backup) if !backup.agrees_with(primary) => {
                    table.degrade("the partition table and its backup differ; the primary one was used");
                }
                Ok(_) if copies.backup_lba != copies.last_lba => {
                    table.notes.push("the backup partition table is not at the end of the disk".into());
                }
                Ok(_) => {}
                Err(fault) => table.degrade(format!("the backup partition table is {}", describe(fault))),
            }
            take(&mut table, primary);
        }
        (Err(fault), Ok(backup)) => {
            table.from_backup = true;
            table.degrade("the primary partition table is damaged; its backup was used");
            table.notes.push(format!("the primary partition table is {}", describe(fault)));
            take(&mut table, backup);
        }
        (Err(primary), Err(backup)) => {
            table.health = Health::Damaged;
            table.notes.push(format!("the primary partition table is {}", describe(primary)));
            table.notes.push(format!("the backup partition table is {}", describe(backup)));
        }
    }
    let starts_with = read_array(device, ByteOffset::ZERO).ok().and_then(|sector| own_volume(device, &sector));
    if let Some(volume) = starts_with {
        table
            .notes
            .push(format!("the disk as a whole bears the signs of {volume}, too; the partition table was taken"));
    }
    table
}

/// Takes id and entries from a whole copy.
fn take(table: &mut Table, copy: &Copy) {
    table.id = Some(copy.disk_guid());
    match copy.entries() {
        Ok(entries) => table.entries = entries,
        Err(fault) => {
            table.health = Health::Damaged;
            table.notes.push(format!("the partition table is {}", describe(&fault)));
        }
    }
    let Some((first, end)) = copy.usable() else { return };
    let outside = |entry: &&super::Entry| entry.start < first || entry.end().is_none_or(|last| last > end);
    let outside: Vec<String> = table.entries.iter().filter(outside).map(|entry| entry.number.to_string()).collect();
    if !outside.is_empty() && outside.len() <= 16 {
        table.degrade(format!("partitions outside the range that the table says is usable: {}", outside.join(", ")));
    } else if !outside.is_empty() {
        table.degrade(format!("{} partitions lie outside the range that the table says is usable", outside.len()));
    }
}

fn read_mbr(device: &SharedDevice, mbr: &Mbr, copies: &Copies) -> Table {
    let sector_bytes = mbr_sectors(device, mbr);
    let mut table = Table { kind: Kind::Mbr, id: Some(mbr.id()), sector_bytes, ..Table::default() };
    if !copies.is_absent() {
        table.degrade("there is a GPT on the disk, but the MBR does not announce it: it was left over, and not used");
    }
    mbr.fill(&mut table, device);
    table
}

/// The sector size an MBR counts in. The MBR does not say it: the device's own, unless what begins at its
/// partitions' starts speaks for the other one only.
fn mbr_sectors(device: &SharedDevice, mbr: &Mbr) -> u32 {
    let own = device.sector_bytes();
    let signs_at = |size: u32| mbr.starts().into_iter().filter(|lba| begins_here(device, *lba, size)).count();
    if mbr.starts().is_empty() || signs_at(own) > 0 {
        return own;
    }
    let fits = |size: u32| mbr.reach().to_bytes(size).is_some_and(|end| end.0 <= device.len().0);
    SECTOR_SIZES.into_iter().find(|&size| size != own && fits(size) && signs_at(size) > 0).unwrap_or(own)
}

/// True when a volume or a chain of logical partitions begins at this sector.
fn begins_here(device: &SharedDevice, lba: Lba, sector_bytes: u32) -> bool {
    let Some(at) = lba.to_bytes(sector_bytes) else { return false };
    let boot: Result<[u8; 512]> = read_array(device, at);
    boot.is_ok_and(|boot| signs::is_signed(&boot)) || ext_at(device, at)
}

fn ext_at(device: &SharedDevice, start: ByteOffset) -> bool {
    let superblock: Option<[u8; Ext::BYTES]> =
        start.0.checked_add(1024).and_then(|at| read_array(device, ByteOffset(at)).ok());
    superblock.is_some_and(|bytes| Ext::parse(&bytes).is_some_and(|ext| ext.group == 0))
}

/// The volume that begins at the disk's first byte, in words.
pub(super) fn own_volume(device: &SharedDevice, sector: &[u8; 512]) -> Option<&'static str> {
    let boot = signs::boot_record(sector).filter(|_| signs::is_signed(sector));
    boot.or_else(|| ext_at(device, ByteOffset::ZERO).then_some("an ext volume"))
}

/// The disk was made into one volume, and a piece of an earlier GPT survived (usually the backup).
fn leftover(volume: &str, sector_bytes: u32) -> Table {
    let note = format!("an earlier GPT was left over and not used: the disk as a whole is {volume}");
    Table { sector_bytes, notes: vec![note], ..Table::default() }
}

fn describe(fault: &Fault) -> String {
    match fault {
        Fault::Absent => "missing".into(),
        Fault::Damaged(reason) => format!("damaged: {reason}"),
    }
}

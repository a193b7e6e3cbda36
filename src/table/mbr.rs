//! The master boot record, and the chain of logical partitions behind an extended one.
//!
//! The crate `mbrman` decodes sector 0. It takes any boot record for an MBR, so whether the sector is one
//! is decided here first; and it refuses chains that other tools write, so the chain is walked here.
//!
//! Offset | Size | Meaning
//! ---|---|---
//! 440 | 4 | disk signature, little-endian
//! 446 | 4 × 16 | entries: flag (0x00 or 0x80), CHS, type, CHS, start and length in sectors
//! 510 | 2 | 55 AA
//!
//! In a link of the chain (EBR) the first entry is the partition, counted from this link; the second one
//! points at the next link, counted from the extended partition's start (Brouwer, "Partition types").

use std::collections::BTreeSet;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mbrman::{MBRHeader, MBRPartitionEntry};

use super::signs::{self, is_signed};
use super::{Entry, Table, types};
use crate::bytes::u32_at;
use crate::device::{SharedDevice, read_array};
use crate::unit::{ByteLen, ByteOffset, Lba};

pub(super) const SECTOR: usize = 512;
pub(super) const FIRST_ENTRY: usize = 446;
pub(super) const ENTRY_BYTES: usize = 16;
pub(super) const PROTECTIVE: u8 = 0xee;
/// More links than any tool writes (Linux gives up after 100 empty ones); a hostile chain can be as long
/// as the disk has sectors.
pub(super) const MAX_LINKS: usize = 1024;

/// Sector 0, when it is a master boot record.
#[derive(Clone, Debug)]
pub(super) struct Mbr {
    header: MBRHeader,
    raw: [u8; SECTOR],
    odd_flags: bool,
    /// The sector is the boot record of this volume, too.
    pub(super) also: Option<&'static str>,
}

impl Mbr {
    /// Recognises a master boot record. `None` for everything else that ends in 55 AA: boot records of
    /// volumes, whose message texts lie where the entries would.
    pub(super) fn parse(sector: &[u8; SECTOR]) -> Option<Self> {
        if !is_signed(sector) {
            return None;
        }
        let also = signs::boot_record(sector);
        let entries: Vec<&[u8]> = sector[FIRST_ENTRY..510].chunks_exact(ENTRY_BYTES).collect();
        let odd_flags = entries.iter().any(|entry| entry[0] & 0x7f != 0);
        let good = entries.iter().filter(|entry| entry[0] & 0x7f == 0 && is_used(entry)).count();
        let bad = entries.iter().filter(|entry| !is_used(entry) && !is_blank(entry)).count();
        let is_one = match also {
            Some(_) => good > 0 && bad == 0 && !odd_flags,
            None => good > 0 || (bad == 0 && !odd_flags),
        };
        if !is_one {
            return None;
        }
        // One odd flag makes the crate refuse the whole sector; the flag alone is no reason to lose the rest.
        let mut tamed = *sector;
        for at in (FIRST_ENTRY..510).step_by(ENTRY_BYTES) {
            tamed[at] &= 0x80;
        }
        let header = catch_unwind(AssertUnwindSafe(|| MBRHeader::read_from(&mut Cursor::new(&tamed[..])).ok()));
        Some(Self { header: header.ok()??, raw: *sector, odd_flags, also })
    }

    /// True when an entry says that the disk belongs to a GPT.
    pub(super) fn is_protective(&self) -> bool {
        self.slots().any(|(_, entry, _)| entry.sys == PROTECTIVE)
    }

    /// The numbers of the entries that name partitions themselves.
    pub(super) fn real_numbers(&self) -> Vec<u32> {
        self.slots().filter(|(_, entry, _)| entry.sys != PROTECTIVE).map(|(number, ..)| number).collect()
    }

    /// The last sector that the protective entry covers: where the backup GPT was when it was written.
    pub(super) fn protected_end(&self) -> Option<Lba> {
        let (_, entry, _) = self.slots().find(|(_, entry, _)| entry.sys == PROTECTIVE && entry.sectors != u32::MAX)?;
        (u64::from(entry.starting_lba) + u64::from(entry.sectors)).checked_sub(1).map(Lba)
    }

    /// The first sectors of the partitions named here.
    pub(super) fn starts(&self) -> Vec<Lba> {
        self.slots().map(|(_, entry, _)| Lba(u64::from(entry.starting_lba))).collect()
    }

    /// The last sector named here.
    pub(super) fn reach(&self) -> Lba {
        let ends = self.slots().map(|(_, entry, _)| u64::from(entry.starting_lba) + u64::from(entry.sectors));
        Lba(ends.max().unwrap_or(0))
    }

    /// Disk signature, 8 hex digits.
    pub(super) fn id(&self) -> String {
        format!("{:08x}", u32::from_le_bytes(self.header.disk_signature))
    }

    /// Fills `table` with the partitions, the logical ones included.
    pub(super) fn fill(&self, table: &mut Table, device: &SharedDevice) {
        if self.odd_flags {
            table.degrade("an entry of the partition table has an active flag that is neither 0x00 nor 0x80");
        }
        if let Some(volume) = self.also {
            table.notes.push(format!("sector 0 is the boot record of {volume}, too; the partition table was taken"));
        }
        for (number, entry, raw) in self.slots() {
            let start = Lba(u64::from(entry.starting_lba));
            table.entries.push(self.entry(number, start, entry, raw, table.sector_bytes));
        }
        if table.entries.iter().filter(|entry| entry.active).count() > 1 {
            table.notes.push("more than one partition is marked active".into());
        }
        for fault in self.walk(device, table).1 {
            table.degrade(format!("the chain of logical partitions ends early: {fault}"));
        }
    }

    /// The links of all chains of logical partitions, in the order in which they are counted.
    pub(super) fn links(&self, device: &SharedDevice, sector_bytes: u32) -> Vec<Link> {
        self.walk(device, &mut Table { sector_bytes, ..Table::default() }).0
    }

    /// Walks all chains: takes the logical partitions into `table`, gives the links, and what ended a chain early.
    fn walk(&self, device: &SharedDevice, table: &mut Table) -> (Vec<Link>, Vec<String>) {
        let (mut visited, mut links, mut faults) = (BTreeSet::new(), Vec::new(), Vec::new());
        for (_, entry, _) in self.slots().filter(|(_, entry, _)| entry.is_extended()) {
            let (start, sectors) = (Lba(u64::from(entry.starting_lba)), u64::from(entry.sectors));
            let mut walk = Chain { mbr: self, device, start, sectors, visited: &mut visited, links: &mut links };
            faults.extend(walk.run(table).err());
        }
        (links, faults)
    }

    fn slots(&self) -> impl Iterator<Item = (u32, &MBRPartitionEntry, &[u8])> {
        let raw = self.raw[FIRST_ENTRY..510].chunks_exact(ENTRY_BYTES);
        let all = self.header.iter().zip(raw).map(|((number, entry), raw)| (number as u32, entry, raw));
        all.filter(|(_, _, raw)| is_used(raw))
    }

    fn entry(&self, number: u32, start: Lba, entry: &MBRPartitionEntry, raw: &[u8], sector_bytes: u32) -> Entry {
        let bytes = u64::from(sector_bytes);
        Entry {
            number,
            start: ByteOffset(start.0.saturating_mul(bytes)),
            len: ByteLen(u64::from(entry.sectors) * bytes),
            type_id: format!("0x{:02x}", entry.sys),
            type_name: types::mbr_name(entry.sys).map(Into::into),
            name: None,
            id: Some(format!("{}-{number:02x}", self.id())),
            active: entry.is_active(),
            raw: raw.to_vec(),
            found: false,
        }
    }
}

/// A link of a chain (EBR), as it stands on the disk.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// Where the extended partition begins that the chain belongs to.
    pub(super) frame: Lba,
    /// The link's own sector.
    pub(super) at: Lba,
    /// Its first 512 bytes.
    pub(super) sector: [u8; SECTOR],
}

/// A walk along one chain.
struct Chain<'a> {
    mbr: &'a Mbr,
    device: &'a SharedDevice,
    /// The extended partition.
    start: Lba,
    sectors: u64,
    /// Links seen, over all chains: a loop visits one twice.
    visited: &'a mut BTreeSet<u64>,
    /// The links that were read, over all chains.
    links: &'a mut Vec<Link>,
}

impl Chain<'_> {
    fn run(&mut self, table: &mut Table) -> Result<(), String> {
        let mut link = self.start;
        loop {
            if !self.visited.insert(link.0) {
                return Err(format!("it returns to the link at sector {}", link.0));
            }
            if self.visited.len() > MAX_LINKS {
                return Err(format!("more than {MAX_LINKS} links"));
            }
            let sector = self.read(link, table.sector_bytes)?;
            self.links.push(Link { frame: self.start, at: link, sector });
            let Some(next) = self.take(link, &sector, table) else { return Ok(()) };
            if next.0 >= self.start.0 + self.sectors {
                return Err(format!("the next link (sector {}) lies outside the extended partition", next.0));
            }
            link = next;
        }
    }

    fn read(&self, link: Lba, sector_bytes: u32) -> Result<[u8; SECTOR], String> {
        let at = link.to_bytes(sector_bytes).ok_or("a link lies past 2^64")?;
        let sector: [u8; SECTOR] =
            read_array(self.device, at).map_err(|_| format!("the link at sector {} cannot be read", link.0))?;
        if is_signed(&sector) { Ok(sector) } else { Err(format!("there is no link at sector {}", link.0)) }
    }

    /// Takes the partitions of one link; the next link, if there is one. As the kernel does it, all four
    /// entries are looked at: some tools do not keep to the first two.
    fn take(&self, link: Lba, sector: &[u8; SECTOR], table: &mut Table) -> Option<Lba> {
        let mut next = None;
        for raw in sector[FIRST_ENTRY..510].chunks_exact(ENTRY_BYTES) {
            if !is_used(raw) {
                continue;
            }
            let entry = MBRPartitionEntry {
                boot: raw[0] & 0x80,
                sys: raw[4],
                starting_lba: u32_at(raw, 8)?,
                sectors: u32_at(raw, 12)?,
                ..MBRPartitionEntry::empty()
            };
            if entry.is_extended() {
                next = next.or(Some(Lba(self.start.0 + u64::from(entry.starting_lba))));
                continue;
            }
            let number = table.entries.iter().map(|entry| entry.number).max().unwrap_or(0).max(4) + 1;
            let start = Lba(link.0 + u64::from(entry.starting_lba));
            table.entries.push(self.mbr.entry(number, start, &entry, raw, table.sector_bytes));
        }
        next
    }
}

/// A type, a start and a length: an entry names a partition.
pub(super) fn is_used(entry: &[u8]) -> bool {
    entry[4] != 0 && entry[8..12] != [0; 4] && entry[12..16] != [0; 4]
}

/// No type and no length: whatever else is left in it, the entry is not in use.
fn is_blank(entry: &[u8]) -> bool {
    entry[4] == 0 && entry[12..16] == [0; 4]
}

//! Links of the chain of logical partitions (EBRs).
//!
//! The first link stands in the extended partition's first sector. A link's first entry is its partition, counted from
//! the link; its second entry points at the next link, counted from the extended partition's start, with the sectors
//! from that link to the end of its partition as length; the third and fourth are empty (Brouwer, "Partition types").
//! What points at a link is one sector, so a chain changes with one write, once the new link stands in free space.

use super::super::mbr::{ENTRY_BYTES, FIRST_ENTRY, Link, Mbr, is_used};
use super::super::signs;
use super::super::types::is_frame;
use super::super::{Entry, Table};
use super::draft::Draft;
use super::mbr::{ENTRY_PLACES, SECTOR, entry, wanted_entry};
use super::wanted::WantedEntry;
use crate::bytes::u32_at;
use crate::device::{ReadDevice, SharedDevice, read_vec};
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset, Lba};

/// Tools align partitions to 1 MiB at most, so the next link begins close behind a partition.
const SEARCH_BYTES: u64 = 4 << 20;
/// A link stands before its partition, with 63 or 2048 sectors between them.
const MAX_GAP_SECTORS: u64 = 4096;

/// The refusal for a logical partition without an extended one around it.
pub(super) fn no_frame(wanted: &WantedEntry) -> Error {
    Error::refused(format!(
        "partition {} is a logical one (bytes {} to {}), and the disk's table names no extended partition around it",
        wanted.number,
        wanted.start.0,
        wanted.start.0.saturating_add(wanted.len.0)
    ))
    .advise("Put back the whole partition table from its copy, or create the extended partition first")
}

/// One extended partition and the links of its chain that can be read.
struct Chain<'a> {
    device: &'a SharedDevice,
    table: &'a Table,
    frame: Lba,
    /// The sector after its last one.
    frame_end: u64,
    links: Vec<Link>,
    sector_bytes: u32,
}

/// Puts a logical partition into its chain; `own` is the entry that it repairs.
pub(super) fn put_entry(
    draft: &mut Draft,
    table: &Table,
    mbr: &Mbr,
    wanted: (&WantedEntry, bool),
    own: Option<u32>,
) -> Result<()> {
    let device = draft.device();
    let links = mbr.links(device, table.sector_bytes);
    if let Some(number) = own {
        let (link, slot) = find(&links, table, number)?;
        let entry = wanted_entry(wanted.0, wanted.1, link.at, table.sector_bytes)?;
        return put_slot(draft, table, link, (slot, &entry), &format!("entry of logical partition {number}"));
    }
    let chain = Chain::around(device, table, links, wanted.0)?;
    let made = |base| wanted_entry(wanted.0, wanted.1, base, table.sector_bytes);
    let what = format!("link of logical partition {}", wanted.0.number);
    match chain.links.first() {
        None => {
            let next = chain.next_behind(wanted.0)?;
            let sector = new_link(&made(chain.frame)?, next.as_ref());
            draft.put(chain.place(chain.frame)?, &sector, what)
        }
        // An empty first link waits for a partition.
        Some(first) if data_slots(&first.sector).next().is_none() && chain.home(wanted.0) == Some(chain.frame) => {
            put_slot(draft, table, first, (FIRST_ENTRY, &made(chain.frame)?), &what)
        }
        Some(_) => chain.insert(draft, wanted.0, made, what),
    }
}

/// Gives a logical partition another type.
pub(super) fn set_type(draft: &mut Draft, table: &Table, mbr: &Mbr, entry: &Entry, kind: u8) -> Result<()> {
    let links = mbr.links(draft.device(), table.sector_bytes);
    let (link, slot) = find(&links, table, entry.number)?;
    let mut changed = [0; ENTRY_BYTES];
    changed.copy_from_slice(&link.sector[slot..slot + ENTRY_BYTES]);
    changed[4] = kind;
    put_slot(draft, table, link, (slot, &changed), &format!("type of logical partition {}", entry.number))
}

fn put_slot(draft: &mut Draft, table: &Table, link: &Link, slot: (usize, &[u8]), what: &str) -> Result<()> {
    let mut sector = link.sector;
    sector[slot.0..slot.0 + ENTRY_BYTES].copy_from_slice(slot.1);
    draft.put(bytes_at(link.at, table.sector_bytes)?, &sector, what)
}

/// The link and the place in it of a logical partition: they are counted in the order of the chain.
fn find<'a>(links: &'a [Link], table: &Table, number: u32) -> Result<(&'a Link, usize)> {
    let mut all = links.iter().flat_map(|link| data_slots(&link.sector).map(move |slot| (link, slot)));
    let before = table.entries.iter().filter(|entry| entry.number > 4 && entry.number < number).count();
    all.nth(before).ok_or_else(|| Error::refused(format!("the link of logical partition {number} cannot be found")))
}

/// Where a link's entries of partitions stand in it.
fn data_slots(sector: &[u8; SECTOR]) -> impl Iterator<Item = usize> {
    ENTRY_PLACES.into_iter().filter(|at| is_used(&sector[*at..]) && !is_frame(sector[at + 4]))
}

/// Where a link's entry that points at the next link stands in it.
fn pointer_slot(sector: &[u8; SECTOR]) -> Option<usize> {
    ENTRY_PLACES.into_iter().find(|at| is_used(&sector[*at..]) && is_frame(sector[at + 4]))
}

fn new_link(partition: &[u8; ENTRY_BYTES], next: Option<&[u8; ENTRY_BYTES]>) -> [u8; SECTOR] {
    let mut sector = [0; SECTOR];
    sector[FIRST_ENTRY..FIRST_ENTRY + ENTRY_BYTES].copy_from_slice(partition);
    if let Some(next) = next {
        sector[ENTRY_PLACES[1]..ENTRY_PLACES[2]].copy_from_slice(next);
    }
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

fn bytes_at(lba: Lba, sector_bytes: u32) -> Result<ByteOffset> {
    lba.to_bytes(sector_bytes).ok_or_else(|| Error::damaged(format!("a link at sector {}, past any disk", lba.0)))
}

impl<'a> Chain<'a> {
    /// The chain of the extended partition that the wanted one lies in.
    fn around(device: &'a SharedDevice, table: &'a Table, links: Vec<Link>, wanted: &WantedEntry) -> Result<Self> {
        let end = wanted.end().ok_or_else(|| no_frame(wanted))?;
        let holds = |frame: &&Entry| frame.start < wanted.start && frame.end().is_some_and(|frame| end <= frame);
        let mut frames = table.entries.iter().filter(|entry| entry.number <= 4 && entry.is_extended());
        let frame = frames.find(holds).ok_or_else(|| no_frame(wanted))?;
        let unit = u64::from(table.sector_bytes);
        let lba = Lba(frame.start.0 / unit);
        let links = links.into_iter().filter(|link| link.frame == lba).collect();
        let frame_end = lba.0 + frame.len.0 / unit;
        Ok(Self { device, table, frame: lba, frame_end, links, sector_bytes: table.sector_bytes })
    }

    fn place(&self, lba: Lba) -> Result<ByteOffset> {
        bytes_at(lba, self.sector_bytes)
    }

    /// Where the wanted partition's link was, from the distance that its own entry tells.
    fn home(&self, wanted: &WantedEntry) -> Option<Lba> {
        let (first, _) = wanted.sectors(self.sector_bytes)?;
        let distance = u64::from(u32_at(&wanted.raw, 8)?);
        let home = first.checked_sub(distance)?;
        (home >= self.frame.0 && distance > 0).then_some(Lba(home))
    }

    /// Puts a new link behind the one that gives the partition its own number, or behind the last one.
    fn insert(
        &self,
        draft: &mut Draft,
        wanted: &WantedEntry,
        made: impl Fn(Lba) -> Result<[u8; ENTRY_BYTES]>,
        what: String,
    ) -> Result<()> {
        let count = wanted.number.saturating_sub(5) as usize;
        let before = &self.links[count.clamp(1, self.links.len()) - 1];
        let at = self.free_sector(wanted)?;
        let follows = self.links.iter().skip_while(|link| link.at != before.at).nth(1);
        let pointer = pointer_slot(&before.sector);
        let next = match (follows, pointer) {
            // The chain goes on: what pointed at the next link moves into the new one.
            (Some(_), Some(slot)) => before.sector[slot..slot + ENTRY_BYTES].try_into().ok(),
            // It ended early at this very link: what stood behind it is looked for.
            (None, Some(slot)) if self.target(&before.sector, slot) == Some(at) => self.next_behind(wanted)?,
            _ => None,
        };
        draft.put(self.place(at)?, &new_link(&made(at)?, next.as_ref()), what)?;
        let slot = pointer.or_else(|| ENTRY_PLACES.into_iter().skip(1).find(|slot| !is_used(&before.sector[*slot..])));
        let Some(slot) = slot else {
            return Err(Error::refused(format!(
                "the link at sector {} has no entry free for another link",
                before.at.0
            )));
        };
        let (first, sectors) = wanted.sectors(self.sector_bytes).unwrap_or_default();
        let pointer = self.pointer(at, first + sectors)?;
        put_slot(draft, self.table, before, (slot, &pointer), &format!("pointer to the link at sector {}", at.0))
    }

    /// An entry that points at a link whose partition ends before the sector `end`.
    fn pointer(&self, at: Lba, end: u64) -> Result<[u8; ENTRY_BYTES]> {
        let numbers = at.0.checked_sub(self.frame.0).zip(end.checked_sub(at.0));
        let numbers = numbers.and_then(|(from, sectors)| u32::try_from(from).ok().zip(u32::try_from(sectors).ok()));
        let (from, sectors) =
            numbers.ok_or_else(|| Error::refused(format!("no entry can point at sector {}", at.0)))?;
        Ok(entry(0x05, false, at.0, from, sectors))
    }

    fn target(&self, sector: &[u8; SECTOR], slot: usize) -> Option<Lba> {
        Some(Lba(self.frame.0 + u64::from(u32_at(sector, slot + 8)?)))
    }

    /// A sector for a new link: where it was, else the nearest free one before its partition.
    fn free_sector(&self, wanted: &WantedEntry) -> Result<Lba> {
        let (first, _) = wanted.sectors(self.sector_bytes).ok_or_else(|| no_frame(wanted))?;
        let nearest = (1..=MAX_GAP_SECTORS).map_while(|gap| first.checked_sub(gap).map(Lba));
        let mut places = self.home(wanted).into_iter().chain(nearest);
        places.find(|at| self.is_free(*at)).ok_or_else(|| {
            Error::refused(format!(
                "there is no free sector before partition {} (sector {first}) for its link in the chain of logical partitions",
                wanted.number
            ))
            .advise("Put back the whole partition table from its copy")
        })
    }

    /// True for a sector in the extended partition that is neither a link nor in a partition.
    fn is_free(&self, at: Lba) -> bool {
        let Some(place) = at.to_bytes(self.sector_bytes) else { return false };
        let end = place.0.saturating_add(u64::from(self.sector_bytes));
        let mut partitions = self.table.entries.iter().filter(|entry| !entry.is_extended());
        let taken = partitions.any(|entry| entry.start.0 < end && entry.end().is_none_or(|other| place < other));
        let is_link = self.links.iter().any(|link| link.at == at);
        at.0 > self.frame.0 && at.0 < self.frame_end && !taken && !is_link
    }

    /// The link behind a partition whose own link is lost, found by what it looks like, as an entry that points at
    /// it. What is found must be a link in every field; a wrong guess would name partitions that never were.
    fn next_behind(&self, wanted: &WantedEntry) -> Result<Option<[u8; ENTRY_BYTES]>> {
        let (first, sectors) = wanted.sectors(self.sector_bytes).unwrap_or_default();
        let from = self.place(Lba(first.saturating_add(sectors)))?;
        let end = self.place(Lba(self.frame_end))?.0.min(self.device.len().0);
        let len = end.saturating_sub(from.0).min(SEARCH_BYTES) as usize;
        // What cannot be read is not searched: the partition itself is put back all the same.
        let Ok(bytes) = read_vec(self.device, from, len) else { return Ok(None) };
        for (index, sector) in bytes.chunks_exact(self.sector_bytes as usize).enumerate() {
            let at = Lba(first + sectors + index as u64);
            let Some(sector) = sector.first_chunk::<SECTOR>().filter(|_| self.is_free(at)) else { continue };
            if let Some(end) = self.looks_like_link(at, sector) {
                return self.pointer(at, end).map(Some);
            }
        }
        Ok(None)
    }

    /// The sector after the partition of a link that is one in every field.
    fn looks_like_link(&self, at: Lba, sector: &[u8; SECTOR]) -> Option<u64> {
        let blank = |slot: usize| sector[slot..slot + ENTRY_BYTES] == [0; ENTRY_BYTES];
        let flag = |slot: usize| sector[slot] & 0x7f == 0;
        let (own, next) = (ENTRY_PLACES[0], ENTRY_PLACES[1]);
        let formed = signs::is_signed(sector)
            && signs::boot_record(sector).is_none()
            && is_used(&sector[own..])
            && !is_frame(sector[own + 4])
            && flag(own)
            && (blank(next) || (is_frame(sector[next + 4]) && is_used(&sector[next..]) && sector[next] == 0))
            && blank(ENTRY_PLACES[2])
            && blank(ENTRY_PLACES[3]);
        let first = at.0.checked_add(u64::from(u32_at(sector, own + 8)?))?;
        let end = first.checked_add(u64::from(u32_at(sector, own + 12)?))?;
        let target = self.target(sector, next)?;
        let inside = end <= self.frame_end && (blank(next) || target.0 < self.frame_end);
        let unit = u64::from(self.sector_bytes);
        let bytes = first.checked_mul(unit).zip(end.checked_mul(unit))?;
        let apart = self.table.entries.iter().filter(|entry| !entry.is_extended()).all(|entry| {
            entry.end().is_some_and(|other| other.0 <= bytes.0)
                || entry.start.0 >= bytes.1
                || entry.len == ByteLen::ZERO
        });
        (formed && inside && apart).then_some(end)
    }
}

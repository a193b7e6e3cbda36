//! The partition's entry in the disk's table, when that does not name the volume any more: from what the table of
//! contents keeps, worked out as sectors to be written.

use std::sync::Arc;

use super::Site;
use crate::device::{FileDevice, ReadDevice, SharedDevice, WriteDevice, read_vec};
use crate::error::{Error, Result};
use crate::image::PartitionRecord;
use crate::plan::TableRepair;
use crate::table::{self, Entry, Health, Kind, SectorWrite, TableCopy, Told, WantedEntry};
use crate::unit::{ByteLen, ByteOffset};
use crate::words::{en, fill};

/// What must be written so that the disk's table names the volume again; none when it does, or when there is nothing to
/// know that from. In the sentences, what cannot be done.
pub(super) fn repair(site: &Site) -> (Option<TableRepair>, Vec<String>) {
    let (place, Some(record)) = (&site.place, &site.toc.partition) else { return (None, Vec::new()) };
    if place.node != place.disk || place.start == ByteOffset::ZERO {
        return (None, Vec::new());
    }
    let cannot = |why: String| (None, vec![fill(en::ENTRY_NOT_PUT_BACK, &[("why", &why)])]);
    let Some(wanted) = wanted(record) else { return cannot(en::ENTRY_NO_SENSE.into()) };
    if place.start != wanted.start {
        let (now, was) = (place.start.0, wanted.start.0);
        return match place.entry {
            Some(_) => (None, Vec::new()),
            None => cannot(fill(en::ENTRY_MOVED, &[("was", &was), ("now", &now)])),
        };
    }
    match worked_out(site, &wanted) {
        Ok(repair) => (repair, Vec::new()),
        Err(error) => cannot(error.to_string()),
    }
}

fn worked_out(site: &Site, wanted: &WantedEntry) -> Result<Option<TableRepair>> {
    let disk = FileDevice::open(&site.place.disk)?.with_sectors(site.place.sector_bytes);
    let disk: SharedDevice = Arc::new(disk);
    let today = table::read(&disk)?;
    let told = table::tells(&today, wanted);
    let (what, writes) = match told {
        // One copy of a GPT is enough to find the volume by, but other systems look at the other one only (UEFI 2.10,
        // 5.3.2: software that finds the primary invalid may use the backup), and it has no copy left. What else can be
        // wrong with a table that names the volume is no matter of this volume.
        Told::Same if (today.kind, today.health) == (Kind::Gpt, Health::Degraded) => {
            (en::ENTRY_OF_COPY.into(), table::put_entry(&disk, wanted).unwrap_or_default())
        }
        Told::Same => return Ok(None),
        // Another type or id at this place was asked about; it is the owner's wish, and stays.
        Told::Differs(_) if site.place.entry.is_some() => return Ok(None),
        Told::NoTable => match copy(site) {
            Some(copy) => {
                let what = fill(en::ENTRY_OF_TABLE, &[("kind", &copy.kind.name())]);
                (what, table::put_back(&disk, &copy)?)
            }
            None => (entry_words(wanted), table::put_entry(&disk, wanted)?),
        },
        Told::Missing | Told::Differs(_) => (entry_words(wanted), table::put_entry(&disk, wanted)?),
    };
    Ok((!writes.is_empty()).then_some(TableRepair { what, writes }))
}

fn entry_words(wanted: &WantedEntry) -> String {
    let (number, table) = (wanted.number, wanted.table.name());
    let (start, size) = (wanted.start.0, wanted.len);
    fill(en::ENTRY_OF_PARTITION, &[("number", &number), ("table", &table), ("start", &start), ("size", &size)])
}

/// The table that is kept, when it names this partition.
fn copy(site: &Site) -> Option<TableCopy> {
    let copy: TableCopy = serde_json::from_value(site.toc.table.clone()?).ok()?;
    let names = copy.table().ok()?.entries.iter().any(|entry| entry.start == site.place.start);
    names.then_some(copy)
}

/// The partition, from what the table of contents keeps.
fn wanted(record: &PartitionRecord) -> Option<WantedEntry> {
    let kind = [Kind::Gpt, Kind::Mbr].into_iter().find(|kind| kind.name() == record.table)?;
    let entry = Entry {
        number: record.number,
        start: ByteOffset(record.start_bytes),
        len: ByteLen(record.bytes),
        type_id: record.type_id.clone(),
        name: record.name.clone(),
        id: record.id.clone(),
        active: record.active,
        raw: table::bytes_from_hex(&record.raw)?,
        ..Entry::default()
    };
    Some(WantedEntry::new(kind, record.table_id.clone(), entry))
}

/// Writes the sectors in their order, each flushed before the next, and reads them back.
///
/// # Errors
/// When the disk is not what the plan was made for, fails, or gives back other bytes than were written.
pub(in crate::job) fn write(writes: &[SectorWrite], disk: &dyn WriteDevice) -> Result<()> {
    refuse_changed(writes, disk)?;
    for write in writes {
        disk.write_at(write.offset, &write.new)?;
        disk.flush()?;
    }
    disk.forget();
    for (at, write) in writes.iter().enumerate() {
        let is_last = !writes[at + 1..].iter().any(|later| overlap(later, write));
        if is_last && read_vec(disk, write.offset, write.new.len())? != write.new {
            return Err(Error::damaged(format!("{} did not come back as written", write.what)));
        }
    }
    Ok(())
}

/// Refuses when the disk has other bytes than the plan was made for. Several parts of a table may lie in one large
/// sector: what is there before is the first one's concern, and what is there afterwards the last one's.
///
/// # Errors
/// The refusal, or what could not be read.
pub(in crate::job) fn refuse_changed(writes: &[SectorWrite], disk: &dyn ReadDevice) -> Result<()> {
    for (at, write) in writes.iter().enumerate() {
        if writes[..at].iter().any(|earlier| overlap(earlier, write)) {
            continue;
        }
        let there = read_vec(disk, write.offset, write.old.len())?;
        if there != write.old && there != write.new {
            return Err(Error::refused(format!(
                "the disk's partition table is not what the plan was made for: {} at byte {} has changed",
                write.what, write.offset.0
            ))
            .advise("See that nothing else uses the disk, and plan anew"));
        }
    }
    Ok(())
}

fn overlap(a: &SectorWrite, b: &SectorWrite) -> bool {
    a.offset.0 < b.offset.0 + b.new.len() as u64 && b.offset.0 < a.offset.0 + a.new.len() as u64
}

//! A partition that a table should name, and whether it does.

use uuid::Uuid;

use super::super::{Entry, Health, Kind, Table};
use crate::bytes::{u32_at, u64_at};
use crate::unit::{ByteLen, ByteOffset};

/// A partition that a table should name: what is kept of it in an image or a container.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WantedEntry {
    /// Its number.
    pub number: u32,
    /// Where it began on its disk.
    pub start: ByteOffset,
    /// How long it was.
    pub len: ByteLen,
    /// Type GUID or `0x07`.
    pub type_id: String,
    /// Its name (GPT).
    pub name: Option<String>,
    /// Its GUID (GPT), or signature and number (MBR).
    pub id: Option<String>,
    /// Its active flag.
    pub active: bool,
    /// The entry's bytes in the table; empty when they are not known.
    pub raw: Vec<u8>,
    /// The kind of table it stood in.
    pub table: Kind,
    /// Disk GUID or MBR signature.
    pub table_id: Option<String>,
    /// The sector size that the table was written for. 0 when it is not known: see [`new`](Self::new).
    pub sector_bytes: u32,
}

impl WantedEntry {
    /// A partition from what is kept of it. The sector size of its table is worked out: the entry's bytes count its
    /// length in sectors.
    #[must_use]
    pub fn new(table: Kind, table_id: Option<String>, entry: Entry) -> Self {
        let sectors = match table {
            Kind::Gpt => gpt_sectors(&entry.raw),
            _ => u32_at(&entry.raw, 12).map(u64::from),
        };
        let fits = |size: &u32| sectors.and_then(|count| count.checked_mul(u64::from(*size))) == Some(entry.len.0);
        let sector_bytes = super::read::SECTOR_SIZES.into_iter().find(fits).unwrap_or(0);
        let Entry { number, start, len, type_id, name, id, active, raw, .. } = entry;
        Self { number, start, len, type_id, name, id, active, raw, table, table_id, sector_bytes }
    }

    /// An entry of a table that was read.
    #[must_use]
    pub fn of(table: &Table, entry: &Entry) -> Self {
        let own = Self::new(table.kind, table.id.clone(), entry.clone());
        Self { sector_bytes: table.sector_bytes, ..own }
    }

    /// The byte after its last one, or `None` past 2^64.
    pub(super) fn end(&self) -> Option<ByteOffset> {
        self.start.checked_add(self.len)
    }

    /// True when the entry has this partition's id.
    pub(super) fn has_id(&self, entry: &Entry) -> bool {
        same_text(self.id.as_deref(), entry.id.as_deref())
    }

    /// First sector and number of sectors, in sectors of this size; `None` when they are not whole.
    pub(super) fn sectors(&self, sector_bytes: u32) -> Option<(u64, u64)> {
        let unit = u64::from(sector_bytes);
        let whole = self.start.0.is_multiple_of(unit) && self.len.0.is_multiple_of(unit);
        (unit > 0 && whole).then(|| (self.start.0 / unit, self.len.0 / unit))
    }

    /// Its GUID, when it has one.
    pub(super) fn guid(&self) -> Option<Uuid> {
        self.id.as_deref().and_then(|id| Uuid::parse_str(id).ok()).filter(|id| !id.is_nil())
    }
}

fn gpt_sectors(raw: &[u8]) -> Option<u64> {
    u64_at(raw, 40)?.checked_sub(u64_at(raw, 32)?)?.checked_add(1)
}

fn same_text(one: Option<&str>, other: Option<&str>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one.eq_ignore_ascii_case(other))
}

/// What a table says of a partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Told {
    /// It names it: same place, same type, same id.
    Same,
    /// It names something like it; the difference as a sentence.
    Differs(String),
    /// It does not name it.
    Missing,
    /// There is no table, or it is damaged beyond use.
    NoTable,
}

/// Whether the table (still) names this partition: at the same place, with the same type and id.
///
/// Its number and name may have changed. The id of an MBR entry is the disk's signature and the number, and no property
/// of the partition: it is not compared. A lost active flag counts only while no other partition has it.
#[must_use]
pub fn tells(table: &Table, wanted: &WantedEntry) -> Told {
    if table.kind == Kind::None || table.health == Health::Damaged {
        return Told::NoTable;
    }
    let usable = || table.entries.iter().filter(|entry| !entry.is_extended());
    if let Some(entry) = usable().find(|entry| entry.start == wanted.start && entry.len == wanted.len) {
        return difference(table, entry, wanted).map_or(Told::Same, Told::Differs);
    }
    let gpt = table.kind == Kind::Gpt && wanted.table == Kind::Gpt;
    let moved = usable().find(|entry| (gpt && wanted.has_id(entry)) || entry.start == wanted.start);
    moved.map_or(Told::Missing, |entry| {
        Told::Differs(format!(
            "partition {} begins at byte {} and has {} bytes; it began at byte {} and had {}",
            entry.number, entry.start.0, entry.len.0, wanted.start.0, wanted.len.0
        ))
    })
}

fn difference(table: &Table, entry: &Entry, wanted: &WantedEntry) -> Option<String> {
    let number = entry.number;
    if table.kind != wanted.table {
        let (now, then) = (table.kind.name(), wanted.table.name());
        return Some(format!("partition {number} stands in a table of kind {now}; it stood in one of kind {then}"));
    }
    if !same_text(Some(&entry.type_id), Some(&wanted.type_id)) {
        return Some(format!("partition {number} has the type {}; it had {}", entry.type_id, wanted.type_id));
    }
    if table.kind == Kind::Gpt && wanted.guid().is_some() && !wanted.has_id(entry) {
        let none = "none".to_owned();
        let (now, then) = (entry.id.as_ref().unwrap_or(&none), wanted.id.as_ref().unwrap_or(&none));
        return Some(format!("partition {number} has the id {now}; it had {then}"));
    }
    let flagless = wanted.active && !table.entries.iter().any(|entry| entry.active);
    flagless.then(|| format!("partition {number} is no longer marked active, and no other one is"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u32, start: u64, len: u64) -> Entry {
        Entry {
            number,
            start: ByteOffset(start),
            len: ByteLen(len),
            type_id: "0x07".into(),
            id: Some(format!("1234abcd-{number:02x}")),
            ..Entry::default()
        }
    }

    fn table(entries: Vec<Entry>) -> Table {
        Table { kind: Kind::Mbr, id: Some("1234abcd".into()), sector_bytes: 512, entries, ..Table::default() }
    }

    #[test]
    fn a_table_tells_same_differs_missing_or_nothing() {
        let good = table(vec![entry(1, 512, 1024), entry(2, 4096, 512)]);
        let wanted = WantedEntry::of(&good, &good.entries[1]);
        assert_eq!(tells(&good, &wanted), Told::Same);
        assert_eq!(tells(&table(vec![entry(5, 4096, 512)]), &wanted), Told::Same, "the number may change");
        assert_eq!(tells(&table(vec![entry(2, 8192, 512)]), &wanted), Told::Missing);
        assert!(matches!(tells(&table(vec![entry(2, 4096, 1024)]), &wanted), Told::Differs(_)));
        let typed = Entry { type_id: "0x83".into(), ..entry(2, 4096, 512) };
        let said = Told::Differs("partition 2 has the type 0x83; it had 0x07".into());
        assert_eq!(tells(&table(vec![typed]), &wanted), said);
        let damaged = Table { health: Health::Damaged, ..good.clone() };
        assert_eq!(tells(&damaged, &wanted), Told::NoTable);
        assert_eq!(tells(&Table::default(), &wanted), Told::NoTable);
        let gpt = Table { kind: Kind::Gpt, ..good };
        assert!(matches!(tells(&gpt, &wanted), Told::Differs(_)));
    }

    #[test]
    fn an_active_flag_is_missed_only_while_nobody_has_it() {
        let active = |number, start| Entry { active: true, ..entry(number, start, 512) };
        let good = table(vec![active(1, 512), entry(2, 4096, 512)]);
        let wanted = WantedEntry::of(&good, &good.entries[0]);
        assert!(matches!(tells(&table(vec![entry(1, 512, 512), entry(2, 4096, 512)]), &wanted), Told::Differs(_)));
        assert_eq!(tells(&table(vec![entry(1, 512, 512), active(2, 4096)]), &wanted), Told::Same);
    }

    #[test]
    fn the_sector_size_of_a_record_is_worked_out() {
        let mut raw = vec![0; 16];
        raw[12] = 3;
        let of = |len, raw: &[u8]| {
            let entry = Entry { raw: raw.to_vec(), ..entry(1, 4096, len) };
            WantedEntry::new(Kind::Mbr, None, entry).sector_bytes
        };
        assert_eq!((of(3 * 512, &raw), of(3 * 4096, &raw), of(7, &raw), of(512, &[])), (512, 4096, 0, 0));
        let mut raw = vec![0; 128];
        raw[32] = 8;
        raw[40] = 9;
        let gpt = |len| WantedEntry::new(Kind::Gpt, None, Entry { raw: raw.clone(), ..entry(1, 0, len) }).sector_bytes;
        assert_eq!((gpt(1024), gpt(8192)), (512, 4096));
        raw[40] = 7;
        assert_eq!(WantedEntry::new(Kind::Gpt, None, Entry { raw, ..entry(1, 0, 0) }).sector_bytes, 0);
    }
}

//! Entries that reach past the disk, or into each other: said, and still listed.

use super::{Entry, Table};
use crate::unit::{ByteLen, ByteOffset};

/// A hostile table can hold thousands of wrong entries; nobody reads more sentences than this.
const MAX_NOTES: usize = 12;

/// Adds a sentence for every entry that does not fit the device, is empty, or overlaps another.
pub(super) fn check_ranges(table: &mut Table, device: ByteLen) {
    let mut faults: Vec<String> = table.entries.iter().filter_map(|entry| range_fault(entry, device)).collect();
    faults.extend(overlaps(&table.entries));
    let more = faults.len().saturating_sub(MAX_NOTES);
    for fault in faults.into_iter().take(MAX_NOTES) {
        table.degrade(fault);
    }
    if more > 0 {
        table.degrade(format!("{more} more entries are out of range or overlap"));
    }
}

fn range_fault(entry: &Entry, device: ByteLen) -> Option<String> {
    let number = entry.number;
    if entry.len == ByteLen::ZERO {
        return Some(format!("partition {number} ends before it begins"));
    }
    match entry.end() {
        Some(end) if end.0 <= device.0 => None,
        _ if entry.start.0 >= device.0 => Some(format!(
            "partition {number} lies wholly past the end of the disk (it begins at byte {}, the disk has {})",
            entry.start.0, device.0
        )),
        end => {
            let past = end.map_or_else(|| "2^64 or more".into(), |end| (end.0 - device.0).to_string());
            Some(format!("partition {number} reaches {past} bytes past the end of the disk"))
        }
    }
}

/// Pairs of entries that share bytes. One sweep in order of place, so that a table with thousands of
/// entries costs no square. Extended partitions are frames: theirs may hold others.
fn overlaps(entries: &[Entry]) -> Vec<String> {
    let mut order: Vec<&Entry> =
        entries.iter().filter(|entry| !entry.is_extended() && entry.len > ByteLen::ZERO).collect();
    order.sort_by_key(|entry| (entry.start, entry.number));
    let mut faults = Vec::new();
    let mut reach: Option<(&Entry, ByteOffset)> = None;
    for entry in order {
        let end = entry.end().unwrap_or(ByteOffset(u64::MAX));
        if let Some((before, reached)) = reach
            && entry.start < reached
        {
            let (low, high) = (before.number.min(entry.number), before.number.max(entry.number));
            faults.push(format!("partitions {low} and {high} overlap from byte {} on", entry.start.0));
        }
        if reach.is_none_or(|(_, reached)| end > reached) {
            reach = Some((entry, end));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Health;

    fn entry(number: u32, start: u64, len: u64) -> Entry {
        Entry { number, start: ByteOffset(start), len: ByteLen(len), ..Entry::default() }
    }

    #[test]
    fn overlapping_and_out_of_range_entries_are_said_and_kept() {
        let entries = vec![entry(1, 100, 50), entry(2, 149, 10), entry(3, 990, 20), entry(4, 2000, 1)];
        let mut table = Table { entries, ..Table::default() };
        check_ranges(&mut table, ByteLen(1000));
        assert_eq!(table.health, Health::Degraded);
        assert_eq!(table.entries.len(), 4);
        assert_eq!(
            table.notes,
            [
                "partition 3 reaches 10 bytes past the end of the disk",
                "partition 4 lies wholly past the end of the disk (it begins at byte 2000, the disk has 1000)",
                "partitions 1 and 2 overlap from byte 149 on",
            ]
        );
    }

    #[test]
    fn neighbours_that_only_touch_are_fine() {
        let mut table = Table { entries: vec![entry(2, 50, 50), entry(1, 0, 50)], ..Table::default() };
        check_ranges(&mut table, ByteLen(100));
        assert_eq!((table.health, table.notes.len()), (Health::Ok, 0));
    }

    #[test]
    fn thousands_of_wrong_entries_give_a_dozen_sentences() {
        let entries = (0..30_000).map(|n| entry(n, u64::MAX - 1, 9)).collect();
        let mut table = Table { entries, ..Table::default() };
        check_ranges(&mut table, ByteLen(100));
        assert_eq!(table.notes.len(), MAX_NOTES + 1);
    }
}

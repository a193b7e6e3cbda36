//! Attribute lists: what lies in which record of a file, both ways.
//!
//! | Offset | Size | Meaning (entry) |
//! |---|---|---|
//! | 0x00 | 4 | type |
//! | 0x04 | 2 | length of the entry, a multiple of 8 |
//! | 0x06 | 1 + 1 | units of the name, and where it lies |
//! | 0x08 | 8 | the first cluster that the part describes |
//! | 0x10 | 8 | reference of the record that holds it |
//! | 0x18 | 2 | its instance there |
//!
//! Every attribute of every record of the file has one entry (the list itself has none), in the order of attributes.
//! Source: Linux-NTFS documentation, "$ATTRIBUTE_LIST".

use std::collections::BTreeSet;

use super::super::content::Content;
use super::super::owners::type_name;
use super::super::record::{Attribute, Reference, kind};
use super::super::view::{Header, View, views};
use super::super::volume::MAX_LIST_BYTES;
use super::Checker;
use super::attribute::{self, Part};
use crate::bytes::{u8_at, u16_at, u32_at, u64_at, units_at};
use crate::error::Result;
use crate::fs::Finding;

/// Bytes of an entry before its name.
const ENTRY_BYTES: usize = 0x1A;

/// What an entry says: type, name, first cluster, record, instance.
type Entry = (u32, Vec<u16>, u64, u64, u16);

impl Checker<'_> {
    /// Compares a file's list with what its records hold, and gives all its attributes; `None` when some are out of
    /// reach.
    pub(super) fn list(
        &mut self,
        file: u64,
        header: &Header,
        list: &View<'_>,
        parts: Vec<Part>,
    ) -> Result<Option<Vec<Part>>> {
        let volume = self.volume;
        let value = Attribute::parse(list.bytes, list.kind, volume.boot.clusters, volume.record_place(file))
            .and_then(|list| Content::join(vec![list]))
            .and_then(|lists| match lists.first() {
                Some(list) => list.value(&*volume.device, &volume.boot, MAX_LIST_BYTES),
                None => Ok(Vec::new()),
            });
        let value = match value {
            Ok(value) => value,
            Err(error) => {
                self.report.error_of(file, "ntfs.list.unreadable", error)?;
                return Ok(None);
            }
        };
        if !self.spend(file, value.len() as u64) {
            return Ok(None);
        }
        let Some(entries) = self.entries(file, &value) else { return Ok(None) };
        let Some(parts) = self.extensions(file, header, &entries, parts)? else { return Ok(None) };
        self.compare(file, &entries, &parts);
        Ok(Some(parts))
    }

    /// Takes the list apart.
    fn entries(&mut self, file: u64, value: &[u8]) -> Option<Vec<(Entry, u16)>> {
        let mut entries: Vec<(Entry, u16)> = Vec::new();
        let mut at = 0;
        while at < value.len() {
            let Some((len, entry)) = entry(value, at) else {
                let message = format!("the attribute list of record {file} has an entry at {at} that does not fit");
                self.report.of(file, Finding::error("ntfs.list.entry", message));
                return None;
            };
            if let Some((before, _)) = entries.last() {
                let order = before.0.cmp(&entry.0.0);
                let order = order.then_with(|| self.volume.upcase().compare(&before.1, &entry.0.1));
                let order = order.then_with(|| before.2.cmp(&entry.0.2));
                if order.is_gt() {
                    let title = type_name(entry.0.0);
                    let message = format!("the attribute list of record {file} is out of order at {at} ({title})");
                    self.report.of(file, Finding::error("ntfs.list.order", message));
                }
            }
            entries.push(entry);
            at += len;
        }
        Some(entries)
    }

    /// Reads the extension records that a list names, and adds their attributes.
    fn extensions(
        &mut self,
        file: u64,
        header: &Header,
        entries: &[(Entry, u16)],
        mut parts: Vec<Part>,
    ) -> Result<Option<Vec<Part>>> {
        let own = header.reference(file);
        let others: BTreeSet<(u64, u16)> = entries.iter().map(|(entry, sequence)| (entry.3, *sequence)).collect();
        let mut whole = true;
        for (number, sequence) in others {
            if number == file {
                if sequence != header.sequence {
                    self.wrong_record(file, number, &format!("it has sequence {}, not {sequence}", header.sequence));
                }
                continue;
            }
            if number >= self.records.count {
                self.wrong_record(file, number, "there is no such record");
                return Ok(None);
            }
            self.watch.proceed()?;
            let record = match self.volume.raw_record(number) {
                Ok(record) => record,
                Err(error) => {
                    self.report.error_of(file, "ntfs.list.reference", error)?;
                    self.records.listed.set(number..number + 1);
                    whole = false;
                    continue;
                }
            };
            let found = Header::read(&record);
            let problem = match () {
                () if !found.in_use => Some("it is free".to_owned()),
                () if found.base != own => Some(format!("it extends record {}", found.base.number())),
                () if found.sequence != sequence => Some(format!("it has sequence {}, not {sequence}", found.sequence)),
                () => None,
            };
            if let Some(problem) = problem {
                self.wrong_record(file, number, &problem);
                // One wrong reference is told; a list full of them must not cost a read each.
                return Ok(None);
            }
            self.records.listed.set(number..number + 1);
            let place = self.volume.record_place(number);
            // What is wrong in them is told when the records themselves are met.
            for view in views(&record) {
                match attribute::examine(&view, number, place, &self.volume.boot) {
                    Ok(part) => parts.push(part),
                    Err(_) => whole = false,
                }
            }
        }
        Ok(whole.then_some(parts))
    }

    fn wrong_record(&mut self, file: u64, number: u64, problem: &str) {
        let message = format!("the attribute list of record {file} names record {number}, but {problem}");
        let place = self.volume.record_place(number);
        self.report.of(file, Finding::error("ntfs.list.reference", message).at(place));
    }

    /// Each attribute has an entry, and each entry an attribute.
    fn compare(&mut self, file: u64, entries: &[(Entry, u16)], parts: &[Part]) {
        let named: BTreeSet<&Entry> = entries.iter().map(|(entry, _)| entry).collect();
        let held = parts.iter().filter(|part| part.kind != kind::ATTRIBUTE_LIST);
        let held: BTreeSet<Entry> =
            held.map(|part| (part.kind, part.name.clone(), part.lowest(), part.record, part.instance)).collect();
        for part in parts.iter().filter(|part| part.kind != kind::ATTRIBUTE_LIST) {
            let entry = (part.kind, part.name.clone(), part.lowest(), part.record, part.instance);
            if !named.contains(&entry) {
                let message = format!(
                    "the attribute list of record {file} does not name {} (instance {}) in record {}",
                    part.title(),
                    part.instance,
                    part.record
                );
                self.report.of(file, Finding::error("ntfs.list.missing", message).at(part.place));
            }
        }
        for entry in named.into_iter().filter(|entry| !held.contains(entry)) {
            let message = format!(
                "the attribute list of record {file} names {} (instance {}, from cluster {}) in record {}, which has it not",
                type_name(entry.0),
                entry.4,
                entry.2,
                entry.3
            );
            let place = self.volume.record_place(entry.3);
            self.report.of(file, Finding::error("ntfs.list.entry", message).at(place));
        }
    }
}

/// The entry at `at` with its length, and the sequence number of its reference.
fn entry(value: &[u8], at: usize) -> Option<(usize, (Entry, u16))> {
    let len = usize::from(u16_at(value, at + 4)?);
    let bytes = value.get(at..at + len).filter(|_| len >= ENTRY_BYTES && len.is_multiple_of(8))?;
    let count = usize::from(u8_at(bytes, 6)?);
    let name = if count == 0 { Vec::new() } else { units_at(bytes, usize::from(u8_at(bytes, 7)?), count)? };
    let reference = Reference(u64_at(bytes, 16)?);
    let entry = (u32_at(bytes, 0)?, name, u64_at(bytes, 8)?, reference.number(), u16_at(bytes, 24)?);
    Some((len, (entry, reference.sequence())))
}

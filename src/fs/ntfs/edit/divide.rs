//! Dividing a file's attributes among records: the base record, and extension records with an attribute list.
//!
//! | Offset | Size | Meaning (entry of an attribute list) |
//! |---|---|---|
//! | 0x00 | 4 | type of the attribute |
//! | 0x04 | 2 | length of the entry, a multiple of 8 |
//! | 0x06 | 1, 1 | units in its name; where the name lies: 0x1A |
//! | 0x08 | 8 | the first cluster that the part describes |
//! | 0x10 | 8 | reference of the record that holds the part |
//! | 0x18 | 2 | its instance there |
//!
//! The list names every part but itself, by type, name and first cluster. It lies in the base record or in clusters.
//! `$STANDARD_INFORMATION` lies in the base record, and so does the first part of the MFT's own `$DATA`, because it
//! leads to the other records; each further part of that must lie in a record that the parts before it lead to.
//! Source: Linux-NTFS documentation, "$ATTRIBUTE_LIST"; what stays in the base record is what ntfs-3g keeps there.

use super::attribute::{Attribute, Value, align, put};
use super::file::{File, Held};
use super::stretch::{self, Stretch};
use super::{BITMAP, END_BYTES, Editor, FILE_NAME};
use crate::bytes::{u32_at, u64_at};
use crate::error::{Error, Result};
use crate::fs::Tag;
use crate::fs::ntfs::record::{Reference, kind};
use crate::fs::ntfs::runs::Run;
use crate::fs::ntfs::volume::number;

/// Longest attribute list. Windows stops at 256 KiB.
const MAX_LIST_BYTES: usize = 256 << 10;
/// A longer list does not stay in the base record.
const MAX_RESIDENT_LIST_BYTES: usize = 256;
/// Room kept in the base record for a list in clusters: its header, and the pairs of a few runs.
const OUTSIDE_LIST_BYTES: usize = 0x40 + 40;
/// A part with less room than this for its pairs goes to the next record.
const MIN_PAIRS_BYTES: usize = 32;

/// What a record shall hold.
#[derive(Clone)]
struct Piece {
    /// Position in the file's attributes.
    attribute: usize,
    lowest: u64,
    bytes: Vec<u8>,
}

/// How a file's attributes are divided: the pieces of each record, the base first.
type Division = Vec<Vec<Piece>>;

impl Editor {
    /// Writes a file whose parts do not fit where they were.
    ///
    /// # Errors
    /// `Refused` when there is no room for more records, or the list would become too long.
    pub(super) fn divide(&mut self, file: File, part: &str) -> Result<()> {
        if file.number() != number::MFT {
            return self.divide_attributes(file, part);
        }
        // Records are taken and freed meanwhile, by the bitmap as it lies from now on.
        let bitmap = file.attribute(BITMAP, &[]).and_then(Attribute::stretch).cloned();
        self.record_bits = Some(bitmap.ok_or_else(|| no_room(number::MFT))?);
        let outcome = self.divide_attributes(file, part);
        self.record_bits = None;
        outcome
    }

    fn divide_attributes(&mut self, mut file: File, part: &str) -> Result<()> {
        let at = file.attributes.iter().position(|have| have.kind == kind::ATTRIBUTE_LIST);
        let old = at.map(|at| file.attributes.remove(at));
        let capacity = (self.boot.record_bytes as usize).saturating_sub(file.records[0].header.len() + END_BYTES);
        let whole: Option<Vec<_>> = file.attributes.iter().map(|have| have.whole_bytes(capacity)).collect();
        if let Some(whole) = whole.filter(|whole| whole.iter().map(Vec::len).sum::<usize>() <= capacity) {
            let pieces = whole.into_iter().enumerate();
            let base = pieces.map(|(attribute, bytes)| Piece { attribute, lowest: 0, bytes }).collect();
            self.free_list(old.as_ref())?;
            return self.write_division(file, vec![base], None, part);
        }
        let mut reserve = 0x18 + 32 * (file.attributes.len() + 2);
        loop {
            let outside = reserve > MAX_RESIDENT_LIST_BYTES;
            let kept = if outside { OUTSIDE_LIST_BYTES } else { reserve };
            let division = self.plan(&file, capacity.saturating_sub(kept))?;
            let len = list_len(&file, &division);
            if len > MAX_LIST_BYTES {
                return Err(Error::refused(format!(
                    "a file would have its {} runs in more parts than an attribute list holds",
                    file.attributes.iter().filter_map(Attribute::stretch).map(|s| s.runs.len()).sum::<usize>()
                ))
                .advise("Defragment the volume first"));
            }
            if outside {
                let list = self.list_in_clusters(old.as_ref(), len)?;
                return self.write_division(file, division, Some(list), part);
            }
            if 0x18 + len <= kept {
                self.free_list(old.as_ref())?;
                let list = Attribute::new(kind::ATTRIBUTE_LIST, &[], Value::Resident(vec![0; len]));
                return self.write_division(file, division, Some(list), part);
            }
            reserve = 0x18 + len;
        }
    }

    /// Which record holds what, when the base record has so much room beside the list.
    fn plan(&self, file: &File, room: usize) -> Result<Division> {
        let ours = file.number() == number::MFT;
        let order = |at: &usize| match file.attributes[*at].kind {
            kind::STANDARD_INFORMATION => 0,
            kind::INDEX_ROOT => 1,
            FILE_NAME => 2,
            BITMAP if ours => 3,
            _ if file.attributes[*at].resident().is_some() => 4,
            _ => 5,
        };
        let mut positions: Vec<usize> = (0..file.attributes.len()).collect();
        positions.sort_by_key(order);
        let (mut base, mut room, mut outside) = (Vec::new(), room, Vec::new());
        for at in positions {
            let attribute = &file.attributes[at];
            if let Some(bytes) = attribute.whole_bytes(room) {
                room -= bytes.len();
                base.push(Piece { attribute: at, lowest: 0, bytes });
            } else if ours && attribute.kind == kind::DATA {
                let runs = attribute.stretch().map_or(&[][..], |stretch| &stretch.runs);
                let (bytes, taken) = attribute.stretch_bytes(runs, 0, room, &attribute.parts[0].raw);
                if taken == 0 || bytes.len() > room {
                    return Err(no_room(file.number()));
                }
                room -= bytes.len();
                base.push(Piece { attribute: at, lowest: 0, bytes });
                outside.push((at, runs[..taken].last().map_or(0, Run::end)));
            } else if order(&at) <= 1 {
                return Err(no_room(file.number()));
            } else {
                outside.push((at, 0));
            }
        }
        let mut division = vec![base];
        self.fill(file, &outside, &mut division)?;
        for pieces in &mut division {
            pieces.sort_by_key(|piece| (piece.attribute, piece.lowest));
        }
        Ok(division)
    }

    /// Puts what is left, from the given clusters on, into extension records.
    fn fill(&self, file: &File, outside: &[(usize, u64)], division: &mut Division) -> Result<()> {
        let header = self.new_header(Reference(0), 0, Reference(0)).len();
        let capacity = (self.boot.record_bytes as usize).saturating_sub(header + END_BYTES);
        let mut room = 0;
        for (at, from) in outside {
            let attribute = &file.attributes[*at];
            let Some(stretch) = attribute.stretch() else {
                let bytes = attribute.whole_bytes(capacity).ok_or_else(|| no_room(file.number()))?;
                if bytes.len() > room {
                    division.push(Vec::new());
                    room = capacity;
                }
                room -= bytes.len();
                add(division, Piece { attribute: *at, lowest: 0, bytes });
                continue;
            };
            let mut rest = stretch::slice(&stretch.runs, *from, u64::MAX);
            let mut lowest = *from;
            while !rest.is_empty() || lowest == 0 {
                let least = 0x48 + attribute.name.len() * 2 + MIN_PAIRS_BYTES;
                if room < least {
                    division.push(Vec::new());
                    room = capacity;
                }
                let (bytes, taken) = attribute.stretch_bytes(&rest, lowest, room, &attribute.parts[0].raw);
                if (taken == 0 && !rest.is_empty()) || bytes.len() > room {
                    return Err(no_room(file.number()));
                }
                room -= bytes.len();
                add(division, Piece { attribute: *at, lowest, bytes });
                lowest = rest[..taken].last().map_or(1, Run::end);
                rest.drain(..taken);
            }
        }
        Ok(())
    }

    /// Writes all records of a division and the list of them; records that it does not need are freed.
    fn write_division(&mut self, file: File, division: Division, list: Option<Attribute>, part: &str) -> Result<()> {
        let mut records = file.records.clone();
        let freed = records.split_off(division.len().min(records.len()));
        for held in freed {
            self.free_record(held.number)?;
        }
        while records.len() < division.len() {
            let limit = (file.number() == number::MFT).then(|| division[0].iter().map(reach).max().unwrap_or(0));
            let (reference, base) = (self.take_record(limit)?, file.reference());
            records.push(Held::new(reference.number(), self.new_header(reference, 1, base)));
        }
        // Each record counts its instances anew: nothing but the list, which is new too, refers to them.
        for held in &mut records {
            put(&mut held.header, 0x28, &0u16.to_le_bytes());
        }
        let mut entries = Vec::new();
        let mut bytes: Vec<Vec<Vec<u8>>> = Vec::new();
        for (held, pieces) in records.iter_mut().zip(division) {
            let mut parts = Vec::new();
            for mut piece in pieces {
                let instance = held.next_instance();
                put(&mut piece.bytes, 14, &instance.to_le_bytes());
                entries.push((piece.attribute, piece.lowest, held.reference(), instance));
                parts.push(piece.bytes);
            }
            bytes.push(parts);
        }
        if let Some(mut list) = list {
            entries.sort_unstable_by_key(|entry| (entry.0, entry.1));
            let value: Vec<u8> =
                entries.iter().flat_map(|entry| list_entry(&file.attributes[entry.0], entry)).collect();
            let instance = records[0].next_instance();
            put(&mut list.parts[0].raw, 14, &instance.to_le_bytes());
            self.fill_list(&mut list, value, file.number())?;
            let at = usize::from(file.attributes.first().is_some_and(|first| first.kind < kind::ATTRIBUTE_LIST));
            let capacity = self.boot.record_bytes as usize;
            bytes[0].insert(at, list.whole_bytes(capacity).ok_or_else(|| no_room(file.number()))?);
        }
        let size = self.boot.record_bytes as usize;
        // Extension records first: the base record leads to them.
        for (held, parts) in records.iter().zip(&bytes).rev() {
            let assembled = held.assemble(parts, size).ok_or_else(|| no_room(file.number()))?;
            self.write_record(held.number, assembled, part)?;
        }
        Ok(())
    }

    /// Gives a list its entries, in its record or in its clusters.
    fn fill_list(&self, list: &mut Attribute, value: Vec<u8>, number: u64) -> Result<()> {
        match list.value.clone() {
            Value::Resident(_) => list.set(Value::Resident(value)),
            Value::Stretch(stretch) => {
                let tag = Tag::new(format!("attribute list of MFT record {number}"));
                let mut padded = value;
                padded.resize(stretch.len as usize, 0);
                stretch.write(&self.overlay, &self.boot, 0, &padded, &tag)?;
            }
        }
        Ok(())
    }

    /// A list of `len` bytes in clusters: those that the file's list has, or others.
    fn list_in_clusters(&mut self, old: Option<&Attribute>, len: usize) -> Result<Attribute> {
        let size = u64::from(self.boot.cluster_bytes);
        let fits = |list: &&Attribute| {
            list.is_plain()
                && list
                    .stretch()
                    .is_some_and(|s| s.allocated >= len as u64 && s.check_lengths(&self.boot, "list").is_ok())
                && list.whole_bytes(OUTSIDE_LIST_BYTES).is_some()
        };
        if let Some(list) = old.filter(fits) {
            let mut list = list.clone();
            let kept = list.stretch().cloned().unwrap_or_default();
            list.set(Value::Stretch(Stretch { len: len as u64, initialized: len as u64, ..kept }));
            list.changed = true;
            return Ok(list);
        }
        self.free_list(old)?;
        let extents = self.allocate((len as u64).div_ceil(size), None, 1)?;
        let stretch = Stretch::new(&extents, len as u64, &self.boot);
        let list = Attribute::new(kind::ATTRIBUTE_LIST, &[], Value::Stretch(stretch));
        if list.whole_bytes(OUTSIDE_LIST_BYTES).is_none() {
            return Err(Error::refused("the free space is in too many pieces for an attribute list"));
        }
        Ok(list)
    }

    fn free_list(&mut self, list: Option<&Attribute>) -> Result<()> {
        for extent in list.and_then(Attribute::stretch).map(Stretch::extents).unwrap_or_default() {
            self.set_used(extent, false)?;
        }
        Ok(())
    }
}

fn add(division: &mut Division, piece: Piece) {
    if let Some(last) = division.last_mut() {
        last.push(piece);
    }
}

/// The cluster behind the last one of the MFT that its record's piece of `$DATA` leads to.
fn reach(piece: &Piece) -> u64 {
    let is_data = u32_at(&piece.bytes, 0) == Some(kind::DATA) && piece.bytes.get(8..10) == Some(&[1, 0]);
    u64_at(&piece.bytes, 0x18).filter(|_| is_data).map_or(0, |last| last.wrapping_add(1))
}

fn entry_len(attribute: &Attribute) -> usize {
    align(0x1A + attribute.name.len() * 2)
}

fn list_len(file: &File, division: &Division) -> usize {
    division.iter().flatten().map(|piece| entry_len(&file.attributes[piece.attribute])).sum()
}

fn list_entry(attribute: &Attribute, (_, lowest, reference, instance): &(usize, u64, Reference, u16)) -> Vec<u8> {
    let mut entry = vec![0; entry_len(attribute)];
    let len = entry.len() as u16;
    put(&mut entry, 0, &attribute.kind.to_le_bytes());
    put(&mut entry, 4, &len.to_le_bytes());
    entry[6] = attribute.name.len() as u8;
    entry[7] = 0x1A;
    put(&mut entry, 8, &lowest.to_le_bytes());
    put(&mut entry, 0x10, &reference.0.to_le_bytes());
    put(&mut entry, 0x18, &instance.to_le_bytes());
    for (at, unit) in attribute.name.iter().enumerate() {
        put(&mut entry, 0x1A + at * 2, &unit.to_le_bytes());
    }
    entry
}

fn no_room(number: u64) -> Error {
    Error::refused(format!("MFT record {number} has no room for what it must hold itself"))
        .advise("Defragment the volume, or remove some of the file's names or streams")
}

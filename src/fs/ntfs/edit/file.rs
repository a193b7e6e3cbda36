//! The records of one file: read, changed as a whole, and written back to where each part was.
//!
//! | Offset | Size | Meaning (header of a record) |
//! |---|---|---|
//! | 0x00 | 4 | `FILE` |
//! | 0x04 | 2, 2 | where the update sequence array lies; its entries |
//! | 0x08 | 8 | the log's sequence number of the last change: left as it was, as ntfs-3g leaves it |
//! | 0x10 | 2, 2 | sequence number; names that lead here |
//! | 0x14 | 2, 2 | where the attributes begin; flags: 1 in use, 2 directory |
//! | 0x18 | 4, 4 | bytes in use; bytes of the record |
//! | 0x20 | 8 | reference of the base record, 0 in a base record |
//! | 0x28 | 2 | the next attribute's instance |
//! | 0x2C | 4 | version 3.1: the record's own number |
//!
//! Source: Linux-NTFS documentation, "FILE record".

use super::attribute::{Attribute, Value, align, put};
use super::{END_BYTES, Editor};
use crate::bytes::{u16_at, u32_at, u64_at};
use crate::error::{Error, Result};
use crate::fs::Tag;
use crate::fs::ntfs::record::{self, Reference, kind};
use crate::fs::ntfs::volume::{MAX_LIST_BYTES, listed, number};
use crate::unit::ByteOffset;

/// One record of a file, without its attributes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Held {
    pub(super) number: u64,
    /// The bytes before the first attribute.
    pub(super) header: Vec<u8>,
    /// The whole record as it was read, fixups taken back.
    was: Vec<u8>,
}

/// A file: its records, and its attributes in their order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct File {
    /// The base record first.
    pub(super) records: Vec<Held>,
    pub(super) attributes: Vec<Attribute>,
    /// True when an attribute came or went.
    recounted: bool,
}

impl Held {
    pub(super) fn sequence(&self) -> u16 {
        u16_at(&self.header, 0x10).unwrap_or(0)
    }

    /// What refers to it.
    pub(super) fn reference(&self) -> Reference {
        Reference(self.number | u64::from(self.sequence()) << 48)
    }

    /// The record with these attributes, fixups not applied; `None` when they do not fit.
    pub(super) fn assemble(&self, attributes: &[Vec<u8>], record_bytes: usize) -> Option<Vec<u8>> {
        let used = self.header.len() + attributes.iter().map(Vec::len).sum::<usize>() + END_BYTES;
        if used > record_bytes {
            return None;
        }
        let mut bytes = self.header.clone();
        for attribute in attributes {
            bytes.extend(attribute);
        }
        bytes.extend(kind::END.to_le_bytes());
        bytes.resize(record_bytes, 0);
        put(&mut bytes, 0x18, &(used as u32).to_le_bytes());
        Some(bytes)
    }

    /// A number that no attribute of the record has.
    pub(super) fn next_instance(&mut self) -> u16 {
        let next = u16_at(&self.header, 0x28).unwrap_or(0);
        put(&mut self.header, 0x28, &next.wrapping_add(1).to_le_bytes());
        next
    }
}

impl File {
    pub(super) fn number(&self) -> u64 {
        self.records[0].number
    }

    pub(super) fn reference(&self) -> Reference {
        self.records[0].reference()
    }

    /// The header's flag for directories.
    pub(super) fn is_directory(&self) -> bool {
        u16_at(&self.records[0].header, 0x16).is_some_and(|flags| flags & 2 != 0)
    }

    /// The attribute of a kind and name.
    pub(super) fn attribute(&self, kind: u32, name: &[u16]) -> Option<&Attribute> {
        self.attributes.iter().find(|have| have.kind == kind && have.name == name)
    }

    pub(super) fn attribute_mut(&mut self, kind: u32, name: &[u16]) -> Option<&mut Attribute> {
        self.attributes.iter_mut().find(|have| have.kind == kind && have.name == name)
    }

    /// The value of an unnamed attribute that always lies in a record.
    pub(super) fn resident(&self, kind: u32) -> Option<&[u8]> {
        self.attribute(kind, &[])?.resident()
    }

    /// Puts an attribute into its place: behind those of lower types and those of its own. It goes to the base record.
    pub(super) fn add(&mut self, mut attribute: Attribute) {
        let instance = self.records[0].next_instance();
        put(&mut attribute.parts[0].raw, 14, &instance.to_le_bytes());
        let at = self.attributes.partition_point(|have| have.kind <= attribute.kind);
        self.attributes.insert(at, attribute);
        self.recounted = true;
    }

    /// Gives an attribute a plain value: as if it were new, in the place it had. One that was divided is one part
    /// again, of which a list would not know: it is divided anew when it is written.
    pub(super) fn renew(&mut self, kind: u32, name: &[u16], value: Value) {
        let Some(have) = self.attribute_mut(kind, name) else { return self.add(Attribute::new(kind, name, value)) };
        let mut new = Attribute::new(kind, name, value);
        let is_divided = have.parts.len() > 1;
        if let (Some(old), Some(part)) = (have.parts.first(), new.parts.first_mut()) {
            part.home = old.home;
            put(&mut part.raw, 14, &u16_at(&old.raw, 14).unwrap_or(0).to_le_bytes());
        }
        *have = new;
        self.recounted |= is_divided;
    }

    /// Takes attributes out.
    pub(super) fn remove(&mut self, kind: u32, name: &[u16]) {
        self.attributes.retain(|have| have.kind != kind || have.name != name);
        self.recounted = true;
    }

    /// Each record with its parts where they were; `None` when one has not enough room.
    pub(super) fn in_place(&self, record_bytes: usize) -> Option<Vec<Vec<u8>>> {
        let mut parts = vec![Vec::new(); self.records.len()];
        for attribute in &self.attributes {
            for (at, part) in attribute.parts.iter().enumerate() {
                parts[part.home].push(attribute.part_bytes(at));
            }
        }
        // What came or went must do so in an attribute list, too: that takes a new division.
        if self.recounted && self.attribute(kind::ATTRIBUTE_LIST, &[]).is_some() {
            return None;
        }
        self.records.iter().zip(parts).map(|(held, parts)| held.assemble(&parts, record_bytes)).collect()
    }

    /// Bytes that are not used in a record where its parts are as they would be written.
    pub(super) fn room(&self, home: usize, record_bytes: usize) -> usize {
        let parts = self.attributes.iter().flat_map(|attribute| {
            let homes = attribute.parts.iter().enumerate().filter(move |(_, part)| part.home == home);
            homes.map(|(at, _)| attribute.part_bytes(at).len())
        });
        let used = self.records[home].header.len() + parts.sum::<usize>() + END_BYTES;
        record_bytes.saturating_sub(used)
    }
}

impl Editor {
    /// Reads a record, its fixups taken back.
    ///
    /// # Errors
    /// When it cannot be read, or its fixups fail.
    pub(super) fn read_record(&self, number: u64) -> Result<Vec<u8>> {
        let size = u64::from(self.boot.record_bytes);
        let at = number.saturating_mul(size);
        if at.saturating_add(size) > self.mft.initialized.min(self.mft.len) {
            return Err(Error::damaged(format!("there is no MFT record {number}")));
        }
        let mut bytes = vec![0; size as usize];
        self.mft.read(&self.overlay, &self.boot, at, &mut bytes)?;
        record::unfix(&mut bytes, b"FILE", self.mft.place_of(&self.boot, at))?;
        Ok(bytes)
    }

    /// Writes a record, with the next update sequence number, and its mirror if it has one.
    ///
    /// `$MFTMirr` repeats the first records, as many as its length holds: four, or a cluster full of them. It is kept
    /// equal byte for byte. Source: Linux-NTFS documentation, "$MFTMirr".
    ///
    /// # Errors
    /// Those of the overlay.
    pub(super) fn write_record(&self, number: u64, mut bytes: Vec<u8>, part: &str) -> Result<()> {
        let at = number.saturating_mul(u64::from(self.boot.record_bytes));
        self.continue_sequence(at, &mut bytes);
        fix(&mut bytes)?;
        let tag = Tag::new(format!("MFT record {number}")).part(part);
        self.mft.write(&self.overlay, &self.boot, at, &bytes, &tag)?;
        if at.saturating_add(bytes.len() as u64) <= self.mirror.len {
            let tag = Tag::new("$MFTMirr").part(format!("record {number}"));
            self.mirror.write(&self.overlay, &self.boot, at, &bytes, &tag)?;
        }
        Ok(())
    }

    /// A new record goes on counting where the one that was there stopped, so that a torn write shows.
    fn continue_sequence(&self, at: u64, bytes: &mut [u8]) {
        let array = usize::from(u16_at(bytes, 4).unwrap_or(0));
        let mut was = vec![0; bytes.len()];
        if u16_at(bytes, array) == Some(0)
            && self.mft.read(&self.overlay, &self.boot, at, &mut was).is_ok()
            && was.starts_with(b"FILE")
            && let Some(count) = u16_at(&was, usize::from(u16_at(&was, 4).unwrap_or(0)))
        {
            put(bytes, array, &count.to_le_bytes());
        }
    }

    /// Reads a record that is in use, and takes it apart.
    fn held(&self, number: u64, home: usize) -> Result<(Held, Vec<Attribute>)> {
        let was = self.read_record(number)?;
        let place = self.mft.place_of(&self.boot, number.saturating_mul(was.len() as u64));
        let wrong = |what: &str| Error::corrupt(place, format!("MFT record {number}"), what);
        if u16_at(&was, 0x16).is_none_or(|flags| flags & 1 == 0) {
            return Err(wrong("a record that is not in use"));
        }
        let used = u32_at(&was, 0x18).unwrap_or(0) as usize;
        let record = was.get(..used).ok_or_else(|| wrong("more bytes in use than it has"))?;
        let mut at = usize::from(u16_at(record, 0x14).unwrap_or(0));
        let fixups = usize::from(u16_at(record, 4).unwrap_or(0)) + usize::from(u16_at(record, 6).unwrap_or(0)) * 2;
        if at < fixups.max(0x2A) || !at.is_multiple_of(8) {
            return Err(wrong("attributes that begin in its header"));
        }
        let header = record.get(..at).ok_or_else(|| wrong("attributes behind its end"))?.to_vec();
        let mut attributes = Vec::new();
        loop {
            let kind = u32_at(record, at).ok_or_else(|| wrong("no end of its attributes"))?;
            if kind == kind::END {
                break;
            }
            let len = u32_at(record, at + 4).unwrap_or(0) as usize;
            let raw = at.checked_add(len).and_then(|end| record.get(at..end));
            let raw = raw.filter(|_| len >= 0x18 && len.is_multiple_of(8));
            let raw = raw.ok_or_else(|| wrong("an attribute that does not fit"))?.to_vec();
            let here = ByteOffset(place.0.saturating_add(at as u64));
            attributes.push(Attribute::parse(raw, kind, home, self.boot.clusters, here)?);
            at += len;
        }
        Ok((Held { number, header, was }, attributes))
    }

    /// Reads a file by its base record, with all its other records.
    ///
    /// # Errors
    /// When one of them contradicts the others.
    pub(super) fn load(&self, reference: Reference) -> Result<File> {
        let number = reference.number();
        let (base, mut attributes) = self.held(number, 0)?;
        if u64_at(&base.header, 0x20) != Some(0) {
            return Err(Error::damaged(format!("MFT record {number} is no base record")));
        }
        if reference.sequence() != 0 && reference.sequence() != base.sequence() {
            return Err(Error::damaged(format!("MFT record {number} was reused")));
        }
        let mut records = vec![base];
        if let Some(list) = attributes.iter().find(|have| have.kind == kind::ATTRIBUTE_LIST) {
            for other in listed(&self.value(list, MAX_LIST_BYTES)?, number) {
                let (held, more) = self.held(other.number(), records.len())?;
                let base = Reference(u64_at(&held.header, 0x20).unwrap_or(0));
                if base.number() != number || held.sequence() != other.sequence() {
                    let message = format!("MFT record {} is no extension of record {number}", other.number());
                    return Err(Error::damaged(message));
                }
                records.push(held);
                attributes.extend(more);
            }
        }
        // Stable: several attributes of one kind and name ($FILE_NAME) keep their order.
        let first = |have: &Attribute| have.parts[0].lowest;
        attributes.sort_by(|a, b| {
            let names = || self.upcase.compare(&a.name, &b.name).then_with(|| a.name.cmp(&b.name));
            a.kind.cmp(&b.kind).then_with(names).then_with(|| first(a).cmp(&first(b)))
        });
        let mut whole: Vec<Attribute> = Vec::new();
        for attribute in attributes {
            let lone = match whole.last_mut() {
                Some(last) => last.join(attribute).err(),
                None => Some(attribute),
            };
            if let Some(lone) = lone {
                if first(&lone) != 0 {
                    return Err(Error::damaged(format!("part of an attribute of MFT record {number} is missing")));
                }
                whole.push(lone);
            }
        }
        Ok(File { records, attributes: whole, recounted: false })
    }

    /// The bytes of an attribute that is stored plainly.
    ///
    /// # Errors
    /// When it is longer than `limit`, or its bytes are not all there.
    pub(super) fn value(&self, attribute: &Attribute, limit: usize) -> Result<Vec<u8>> {
        match &attribute.value {
            Value::Resident(value) => Ok(value.clone()),
            Value::Stretch(stretch) => {
                let len = usize::try_from(stretch.len).ok().filter(|len| *len <= limit);
                let mut bytes = vec![0; len.ok_or_else(|| Error::damaged("an attribute is longer than it may be"))?];
                stretch.read(&self.overlay, &self.boot, 0, &mut bytes)?;
                bytes[usize::try_from(stretch.initialized).unwrap_or(usize::MAX).min(stretch.len as usize)..].fill(0);
                Ok(bytes)
            }
        }
    }

    /// Writes a changed file: every part where it was, or when that does not fit, divided anew.
    ///
    /// # Errors
    /// `Refused` when there is no room for what describes it.
    pub(super) fn store(&mut self, file: File, part: &str) -> Result<()> {
        self.remember(&file);
        match file.in_place(self.boot.record_bytes as usize) {
            Some(records) => self.write_changed(&file, records, part),
            None => self.divide(file, part),
        }
    }

    /// Writes those records that are not as they were.
    pub(super) fn write_changed(&self, file: &File, records: Vec<Vec<u8>>, part: &str) -> Result<()> {
        for (held, bytes) in file.records.iter().zip(records) {
            // The bytes behind the end mark mean nothing.
            let used = u32_at(&bytes, 0x18).unwrap_or(0) as usize;
            if held.was.get(..used) != bytes.get(..used) {
                self.write_record(held.number, bytes, part)?;
            }
        }
        Ok(())
    }

    /// Keeps what leads to all else up to date: where the MFT, its mirror and the bitmap lie.
    pub(super) fn remember(&mut self, file: &File) {
        let stretch = file.attribute(kind::DATA, &[]).and_then(Attribute::stretch).cloned();
        let Some(stretch) = stretch else { return };
        match file.number() {
            number::MFT => self.mft = stretch,
            super::MIRROR => self.mirror = stretch,
            number::BITMAP => self.bitmap = stretch,
            _ => {}
        }
    }

    /// A new file without attributes in this record, which is marked used in the MFT's bitmap.
    pub(super) fn new_file(&self, reference: Reference, flags: u16, base: Reference) -> File {
        let header = self.new_header(reference, flags, base);
        let records = vec![Held { number: reference.number(), header, was: Vec::new() }];
        File { records, attributes: Vec::new(), recounted: false }
    }

    /// The header of a new record. Records of version 3.1 know their number, older ones have the fixups there.
    pub(super) fn new_header(&self, reference: Reference, flags: u16, base: Reference) -> Vec<u8> {
        let fixups_at = if self.numbered { 0x30 } else { 0x2A };
        let fixups = self.boot.record_bytes as usize / 512 + 1;
        let mut header = vec![0; align(fixups_at + fixups * 2)];
        put(&mut header, 0, b"FILE");
        put(&mut header, 4, &(fixups_at as u16).to_le_bytes());
        put(&mut header, 6, &(fixups as u16).to_le_bytes());
        put(&mut header, 0x10, &reference.sequence().to_le_bytes());
        let attributes_at = header.len() as u16;
        put(&mut header, 0x14, &attributes_at.to_le_bytes());
        put(&mut header, 0x16, &flags.to_le_bytes());
        put(&mut header, 0x1C, &self.boot.record_bytes.to_le_bytes());
        put(&mut header, 0x20, &base.0.to_le_bytes());
        if self.numbered {
            put(&mut header, 0x2C, &(reference.number() as u32).to_le_bytes());
        }
        header
    }
}

impl Held {
    /// A record that is to be an extension of a file.
    pub(super) fn new(number: u64, header: Vec<u8>) -> Self {
        Self { number, header, was: Vec::new() }
    }
}

/// Applies fixups with the next update sequence number; neither 0 nor 0xFFFF is one, as ntfs-3g has it.
///
/// # Errors
/// When the header has no room for them.
pub(super) fn fix(bytes: &mut [u8]) -> Result<()> {
    let array = usize::from(u16_at(bytes, 4).unwrap_or(0));
    let entries = usize::from(u16_at(bytes, 6).unwrap_or(0));
    if entries != bytes.len() / 512 + 1 || array + entries * 2 > 510 {
        return Err(Error::damaged("a record has no room for its fixups"));
    }
    let next = match u16_at(bytes, array).unwrap_or(0).wrapping_add(1) {
        0 | 0xFFFF => 1u16,
        next => next,
    };
    put(bytes, array, &next.to_le_bytes());
    for sector in 1..entries {
        let tail = sector * 512 - 2;
        let kept = [bytes[tail], bytes[tail + 1]];
        put(bytes, array + sector * 2, &kept);
        put(bytes, tail, &next.to_le_bytes());
    }
    Ok(())
}

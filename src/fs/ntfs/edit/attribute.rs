//! Attributes as they are changed: taken apart, and put together again byte for byte.
//!
//! | Offset | Size | Meaning (header of an attribute) |
//! |---|---|---|
//! | 0x00 | 4 | type |
//! | 0x04 | 4 | length with header, a multiple of 8 |
//! | 0x08 | 1 | 1 when non-resident |
//! | 0x09 | 1 | units in the name |
//! | 0x0A | 2 | where the name lies |
//! | 0x0C | 2 | flags |
//! | 0x0E | 2 | instance: tells apart the attributes of one record |
//! | 0x10 | 4, 2, 1 | resident: length of the value, where it lies, 1 when an index has it as its key |
//! | 0x10 | 8, 8 | non-resident: the first and the last cluster of the attribute that this part describes |
//! | 0x20 | 2, 2 | where the mapping pairs lie; clusters in a compression unit, as a power of two |
//! | 0x28 | 8, 8, 8 | allocated, real and initialised length; they hold in the part that begins at cluster 0 |
//! | 0x40 | 8 | there, too, when compressed or sparse: bytes really allocated |
//!
//! Source: Linux-NTFS documentation, "Attributes"; the places of name and mapping pairs are those of ntfs-3g.

use super::stretch::{self, Stretch};
use crate::bytes::{u16_at, u64_at};
use crate::error::Result;
use crate::fs::ntfs::record::{self, Body};
use crate::fs::ntfs::runs::Run;
use crate::unit::ByteOffset;

/// Where a resident attribute's name lies, when it has one, and the header ends.
const RESIDENT_HEADER: usize = 0x18;
/// The same of a non-resident one.
const STRETCH_HEADER: usize = 0x40;

/// What an attribute holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Value {
    /// In the record.
    Resident(Vec<u8>),
    /// In clusters.
    Stretch(Stretch),
}

/// The part of an attribute that one record holds, as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Part {
    /// Which of the file's records, 0 for the base.
    pub(super) home: usize,
    /// The first cluster it describes.
    pub(super) lowest: u64,
    /// Its bytes.
    pub(super) raw: Vec<u8>,
}

/// A whole attribute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Attribute {
    pub(super) kind: u32,
    pub(super) name: Vec<u16>,
    /// At least one, by their first clusters.
    pub(super) parts: Vec<Part>,
    pub(super) value: Value,
    /// True once the value is not that of the parts any more.
    pub(super) changed: bool,
}

/// The next multiple of 8.
pub(super) fn align(len: usize) -> usize {
    len.div_ceil(8) * 8
}

/// Writes a field. Every caller has made the bytes long enough.
pub(super) fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    bytes[at..at + field.len()].copy_from_slice(field);
}

impl Attribute {
    /// A new attribute for the base record.
    pub(super) fn new(kind: u32, name: &[u16], value: Value) -> Self {
        let mut raw = vec![0; RESIDENT_HEADER];
        put(&mut raw, 0, &kind.to_le_bytes());
        let part = Part { home: 0, lowest: 0, raw };
        Self { kind, name: name.to_vec(), parts: vec![part], value, changed: true }
    }

    /// Takes apart what a record holds of an attribute.
    ///
    /// # Errors
    /// When it does not fit its bytes.
    pub(super) fn parse(raw: Vec<u8>, kind: u32, home: usize, clusters: u64, place: ByteOffset) -> Result<Self> {
        let parsed = record::Attribute::parse(&raw, kind, clusters, place)?;
        let (lowest, value) = match parsed.body {
            Body::Resident(value) => (0, Value::Resident(value)),
            Body::Clusters(held) => {
                let allocated = if held.lowest == 0 { u64_at(&raw, 0x28).unwrap_or(0) } else { 0 };
                let runs = held.runs;
                let stretch = Stretch { runs, allocated, len: held.len, initialized: held.initialized };
                (held.lowest, Value::Stretch(stretch))
            }
        };
        Ok(Self { kind, name: parsed.name, parts: vec![Part { home, lowest, raw }], value, changed: false })
    }

    /// Takes in the next part of the same attribute; false when it is none.
    pub(super) fn join(&mut self, mut next: Self) -> std::result::Result<(), Self> {
        let lowest = next.parts.first().map_or(0, |part| part.lowest);
        match (&mut self.value, &mut next.value) {
            (Value::Stretch(have), Value::Stretch(more))
                if self.kind == next.kind && self.name == next.name && lowest > 0 && have.end() == lowest =>
            {
                for run in &more.runs {
                    have.push(run.lcn, run.clusters);
                }
                self.parts.append(&mut next.parts);
                Ok(())
            }
            _ => Err(next),
        }
    }

    /// Its flags: 0x00FF compressed, 0x4000 encrypted, 0x8000 sparse.
    pub(super) fn flags(&self) -> u16 {
        self.parts.first().and_then(|part| u16_at(&part.raw, 12)).unwrap_or(0)
    }

    /// True for a value that lies plainly in its record or in clusters that are all there.
    pub(super) fn is_plain(&self) -> bool {
        let whole = match &self.value {
            Value::Resident(_) => true,
            Value::Stretch(stretch) => !stretch.has_holes(),
        };
        self.flags() == 0 && whole
    }

    /// The value, when it lies in the record.
    pub(super) fn resident(&self) -> Option<&[u8]> {
        match &self.value {
            Value::Resident(value) => Some(value),
            Value::Stretch(_) => None,
        }
    }

    /// Its clusters, when it lies there.
    pub(super) fn stretch(&self) -> Option<&Stretch> {
        match &self.value {
            Value::Resident(_) => None,
            Value::Stretch(stretch) => Some(stretch),
        }
    }

    /// Gives it another value.
    pub(super) fn set(&mut self, value: Value) {
        self.changed |= self.value != value;
        self.value = value;
    }

    /// The part at this position, as it is to be written.
    pub(super) fn part_bytes(&self, at: usize) -> Vec<u8> {
        let part = &self.parts[at];
        if !self.changed {
            return part.raw.clone();
        }
        match &self.value {
            Value::Resident(_) => self.resident_bytes(),
            Value::Stretch(stretch) => {
                let end = self.parts.get(at + 1).map_or(u64::MAX, |next| next.lowest);
                let runs = stretch::slice(&stretch.runs, part.lowest, end);
                self.stretch_bytes(&runs, part.lowest, usize::MAX, &part.raw).0
            }
        }
    }

    /// All of it in one part, whatever its parts were; `None` when it must be divided to fit `room`.
    pub(super) fn whole_bytes(&self, room: usize) -> Option<Vec<u8>> {
        let bytes = match &self.value {
            _ if !self.changed && self.parts.len() == 1 => self.parts[0].raw.clone(),
            Value::Resident(_) => self.resident_bytes(),
            Value::Stretch(stretch) => {
                let (bytes, taken) = self.stretch_bytes(&stretch.runs, 0, room, &self.parts[0].raw);
                if taken < stretch.runs.len() {
                    return None;
                }
                bytes
            }
        };
        (bytes.len() <= room).then_some(bytes)
    }

    fn resident_bytes(&self) -> Vec<u8> {
        let value = self.resident().unwrap_or(&[]);
        let value_at = align(RESIDENT_HEADER + self.name.len() * 2);
        let mut bytes = vec![0; align(value_at + value.len())];
        self.common_header(&mut bytes, RESIDENT_HEADER, &self.parts[0].raw);
        put(&mut bytes, 0x10, &(value.len() as u32).to_le_bytes());
        put(&mut bytes, 0x14, &(value_at as u16).to_le_bytes());
        // Only the value of a $FILE_NAME is a key of an index.
        bytes[0x16] = u8::from(self.kind == super::FILE_NAME);
        put(&mut bytes, value_at, value);
        bytes
    }

    /// A part that begins at cluster `lowest`, with as many of `runs` as fit in `room` bytes, and how many those are.
    /// Its instance and compression unit are those of the part `raw`.
    pub(super) fn stretch_bytes(&self, runs: &[Run], lowest: u64, room: usize, raw: &[u8]) -> (Vec<u8>, usize) {
        let Some(stretch) = self.stretch() else { return (Vec::new(), 0) };
        // Only a compressed or sparse attribute has the longer header, and only in its first part.
        let packed = lowest == 0 && self.flags() & 0x80FF != 0;
        let name_at = if packed { STRETCH_HEADER + 8 } else { STRETCH_HEADER };
        let pairs_at = align(name_at + self.name.len() * 2);
        let (pairs, taken) = stretch::encode(runs, (room / 8 * 8).saturating_sub(pairs_at));
        let mut bytes = vec![0; align(pairs_at + pairs.len())];
        self.common_header(&mut bytes, name_at, raw);
        bytes[8] = 1;
        let end = runs[..taken].last().map_or(lowest, Run::end);
        put(&mut bytes, 0x10, &lowest.to_le_bytes());
        put(&mut bytes, 0x18, &end.wrapping_sub(1).to_le_bytes());
        put(&mut bytes, 0x20, &(pairs_at as u16).to_le_bytes());
        let unit = if raw.get(8) == Some(&1) { u16_at(raw, 0x22).unwrap_or(0) } else { 0 };
        put(&mut bytes, 0x22, &unit.to_le_bytes());
        if lowest == 0 {
            put(&mut bytes, 0x28, &stretch.allocated.to_le_bytes());
            put(&mut bytes, 0x30, &stretch.len.to_le_bytes());
            put(&mut bytes, 0x38, &stretch.initialized.to_le_bytes());
        }
        if packed {
            // Moving changes neither of these lengths, and nothing else is done to such an attribute.
            put(&mut bytes, 0x40, &u64_at(raw, 0x40).unwrap_or(0).to_le_bytes());
        }
        put(&mut bytes, pairs_at, &pairs);
        (bytes, taken)
    }

    /// Type, length, name, flags, and the instance that the part `raw` has.
    fn common_header(&self, bytes: &mut [u8], name_at: usize, raw: &[u8]) {
        let len = bytes.len() as u32;
        put(bytes, 0, &self.kind.to_le_bytes());
        put(bytes, 4, &len.to_le_bytes());
        bytes[9] = self.name.len() as u8;
        put(bytes, 10, &(name_at as u16).to_le_bytes());
        put(bytes, 12, &self.flags().to_le_bytes());
        put(bytes, 14, &u16_at(raw, 14).unwrap_or(0).to_le_bytes());
        for (at, unit) in self.name.iter().enumerate() {
            put(bytes, name_at + at * 2, &unit.to_le_bytes());
        }
    }
}

//! Which MFT records are free, and how the MFT grows.
//!
//! `$MFT`'s own `$BITMAP` has a bit for each record. Records 0 to 15 are the volume's own files, 16 to 23 are kept for
//! more of these and never handed out. Each reuse of a record has another sequence number, never 0: it is counted up
//! when the record is freed. Every record within the initialised length of `$MFT` carries `FILE` and its fixups,
//! whether it is in use or not. Source: Linux-NTFS documentation, "$MFT" and "FILE record"; ntfs-3g begins its search
//! for a file's record at 64 and keeps those below for the extensions of `$MFT` itself, which must lie early.

use super::attribute::{Attribute, Value, put};
use super::file::File;
use super::stretch::Stretch;
use super::{BITMAP, Editor};
use crate::bytes::u16_at;
use crate::error::{Error, Result};
use crate::fs::Tag;
use crate::fs::ntfs::record::{self, Reference, kind};
use crate::fs::ntfs::volume::number;
use crate::unit::ByteOffset;

/// The first record that may be handed out.
const FIRST: u64 = 24;
/// The first that is handed out while there are others.
const FIRST_PREFERRED: u64 = 64;
/// Records by which the allocation of the MFT grows at least; what ntfs-3g takes, too.
const GROWTH_RECORDS: u64 = 16;
/// Records that are initialised at a time.
const INITIALISED_RECORDS: u64 = 8;
/// A resident bitmap that must become longer goes to clusters.
const MAX_RESIDENT_BITMAP_BYTES: usize = 32;

impl Editor {
    /// Records of the MFT.
    pub(super) fn records(&self) -> u64 {
        self.mft.initialized.min(self.mft.len) / u64::from(self.boot.record_bytes)
    }

    /// Takes a free record and marks it used: its number and the sequence number it is to have. For `$MFT` itself,
    /// one that lies within its first `reach` clusters, and the MFT does not grow then.
    ///
    /// # Errors
    /// `Refused` when there is none and no room for more.
    pub(super) fn take_record(&mut self, reach: Option<u64>) -> Result<Reference> {
        let size = u64::from(self.boot.record_bytes);
        let number = match reach {
            Some(clusters) => {
                let within = clusters.saturating_mul(u64::from(self.boot.cluster_bytes)) / size;
                let early = self.find_record(FIRST, within.min(self.records()))?;
                early.ok_or_else(|| {
                    Error::refused("$MFT lies in too many pieces, and none of its first records is free for their list")
                        .advise("Defragment the volume first")
                })?
            }
            None => {
                let found = match self.find_record(FIRST_PREFERRED, self.records())? {
                    Some(number) => Some(number),
                    None => self.find_record(FIRST, self.records().min(FIRST_PREFERRED))?,
                };
                match found {
                    Some(number) => number,
                    None => {
                        let first = self.records();
                        self.grow_mft()?;
                        first.max(FIRST)
                    }
                }
            }
        };
        let mut was = vec![0; size as usize];
        self.mft.read(&self.overlay, &self.boot, number.saturating_mul(size), &mut was)?;
        let mut sequence = 1;
        if record::unfix(&mut was, b"FILE", ByteOffset::ZERO).is_ok() {
            if u16_at(&was, 0x16).is_some_and(|flags| flags & 1 != 0) {
                return Err(Error::damaged(format!("MFT record {number} is in use, but is marked free")));
            }
            sequence = u16_at(&was, 0x10).unwrap_or(1).max(1);
        }
        self.mark_record(number, true)?;
        Ok(Reference(number | u64::from(sequence) << 48))
    }

    /// The first free record of `from..to`.
    fn find_record(&self, from: u64, to: u64) -> Result<Option<u64>> {
        if from >= to {
            return Ok(None);
        }
        let mut bytes = vec![0; (to.div_ceil(8) - from / 8) as usize];
        match &self.record_bits()? {
            Value::Resident(value) => {
                let have = value.get((from / 8) as usize..).unwrap_or(&[]);
                let count = have.len().min(bytes.len());
                bytes[..count].copy_from_slice(&have[..count]);
            }
            Value::Stretch(stretch) => {
                let have = usize::try_from(stretch.len.saturating_sub(from / 8)).unwrap_or(usize::MAX);
                let count = have.min(bytes.len());
                stretch.read(&self.overlay, &self.boot, from / 8, &mut bytes[..count])?;
                bytes.truncate(count);
            }
        }
        let end = to.min(from / 8 * 8 + bytes.len() as u64 * 8);
        let is_free = |number: &u64| bytes[(number / 8 - from / 8) as usize] & (1 << (number % 8)) == 0;
        Ok((from..end).find(is_free))
    }

    /// The MFT's bitmap: a bit for each record.
    fn record_bits(&self) -> Result<Value> {
        if let Some(stretch) = &self.record_bits {
            return Ok(Value::Stretch(stretch.clone()));
        }
        let mft = self.load(Reference(number::MFT))?;
        let bitmap = mft.attribute(BITMAP, &[]).ok_or_else(|| Error::damaged("$MFT has no bitmap"))?;
        Ok(bitmap.value.clone())
    }

    /// True when a record's bit is clear.
    ///
    /// # Errors
    /// When the bitmap cannot be read.
    pub(super) fn is_record_free(&self, number: u64) -> Result<bool> {
        Ok(self.find_record(number, number + 1)?.is_some())
    }

    /// Sets or clears a record's bit.
    fn mark_record(&mut self, number: u64, used: bool) -> Result<()> {
        let (at, bit) = ((number / 8) as usize, 1u8 << (number % 8));
        let flip = |byte: &mut u8| {
            if (*byte & bit != 0) == used {
                return Err(Error::damaged(format!("the bit of MFT record {number} is not what the record says")));
            }
            *byte ^= bit;
            Ok(())
        };
        match self.record_bits()? {
            Value::Resident(mut value) => {
                flip(value.get_mut(at).ok_or_else(|| Error::damaged("the MFT's bitmap is too short"))?)?;
                let mut mft = self.load(Reference(number::MFT))?;
                if let Some(bitmap) = mft.attribute_mut(BITMAP, &[]) {
                    bitmap.set(Value::Resident(value));
                }
                self.store(mft, "$BITMAP")
            }
            Value::Stretch(stretch) => {
                let mut byte = [0];
                stretch.read(&self.overlay, &self.boot, at as u64, &mut byte)?;
                flip(&mut byte[0])?;
                let tag = Tag::new("$BITMAP of $MFT").span("records", number, number);
                stretch.write(&self.overlay, &self.boot, at as u64, &byte, &tag)
            }
        }
    }

    /// Frees a record: not in use, counted up, its bit cleared.
    ///
    /// # Errors
    /// When it cannot be read, or was free.
    pub(super) fn free_record(&mut self, number: u64) -> Result<()> {
        let mut bytes = self.read_record(number)?;
        let flags = u16_at(&bytes, 0x16).unwrap_or(0) & !1;
        let sequence = u16_at(&bytes, 0x10).unwrap_or(0).wrapping_add(1).max(1);
        put(&mut bytes, 0x16, &flags.to_le_bytes());
        put(&mut bytes, 0x10, &sequence.to_le_bytes());
        self.write_record(number, bytes, "freed")?;
        self.mark_record(number, false)
    }

    /// More free records at the end of the MFT, at least one.
    fn grow_mft(&mut self) -> Result<()> {
        let (size, cluster) = (u64::from(self.boot.record_bytes), u64::from(self.boot.cluster_bytes));
        let mut mft = self.load(Reference(number::MFT))?;
        let data = mft.attribute(kind::DATA, &[]).and_then(Attribute::stretch).cloned();
        let mut data = data.ok_or_else(|| Error::damaged("$MFT has no clusters"))?;
        let first = data.initialized.min(data.len) / size;
        if data.allocated / size <= first {
            // A record never lies in two runs.
            let unit = (size / cluster).max(1);
            let wanted = (GROWTH_RECORDS * size).div_ceil(cluster).next_multiple_of(unit);
            let near = data.extents().last().map(|extent| extent.end());
            let more = self.allocate(wanted, near, unit).or_else(|_| self.allocate(unit, near, unit))?;
            data.append(&more, &self.boot);
        }
        let count = (data.allocated / size).saturating_sub(first).min(INITIALISED_RECORDS);
        data.len = (first + count) * size;
        data.initialized = data.len;
        self.mft = data.clone();
        for number in first..first + count {
            let header = self.new_header(Reference(number | 1 << 48), 0, Reference(0));
            let empty = super::file::Held::new(number, header).assemble(&[], size as usize);
            let empty = empty.ok_or_else(|| Error::damaged("an MFT record has no room for its header"))?;
            self.write_record(number, empty, "made free")?;
        }
        if let Some(attribute) = mft.attribute_mut(kind::DATA, &[]) {
            attribute.set(Value::Stretch(data));
        }
        self.lengthen(&mut mft, BITMAP, &[], (first + count).div_ceil(64) * 8, "$BITMAP of $MFT")?;
        self.store(mft, "$DATA and $BITMAP")
    }

    /// Makes a value of zeros at its end longer, if it is shorter than `len`.
    ///
    /// # Errors
    /// When there is no room.
    pub(super) fn lengthen(&mut self, file: &mut File, kind: u32, name: &[u16], len: u64, what: &str) -> Result<()> {
        let missing = || Error::damaged(format!("{what} is missing"));
        let attribute = file.attribute(kind, name).ok_or_else(missing)?;
        let value = match attribute.value.clone() {
            Value::Resident(value) if value.len() as u64 >= len => return Ok(()),
            Value::Resident(mut value) if len as usize <= MAX_RESIDENT_BITMAP_BYTES => {
                value.resize(len as usize, 0);
                Value::Resident(value)
            }
            Value::Resident(mut value) => {
                let extents = self.allocate(len.div_ceil(u64::from(self.boot.cluster_bytes)), None, 1)?;
                let stretch = Stretch::new(&extents, len, &self.boot);
                value.resize(len as usize, 0);
                stretch.write(&self.overlay, &self.boot, 0, &value, &Tag::new(what))?;
                Value::Stretch(stretch)
            }
            Value::Stretch(stretch) if stretch.len >= len => return Ok(()),
            Value::Stretch(mut stretch) => {
                stretch.check_lengths(&self.boot, what)?;
                let missing = len.saturating_sub(stretch.allocated).div_ceil(u64::from(self.boot.cluster_bytes));
                if missing > 0 {
                    let near = stretch.extents().last().map(|extent| extent.end());
                    let more = self.allocate(missing, near, 1)?;
                    stretch.append(&more, &self.boot);
                }
                let zeros = vec![0; (len - stretch.initialized.min(len)) as usize];
                stretch.write(&self.overlay, &self.boot, stretch.initialized, &zeros, &Tag::new(what))?;
                (stretch.len, stretch.initialized) = (len, len);
                Value::Stretch(stretch)
            }
        };
        if let Some(attribute) = file.attribute_mut(kind, name) {
            attribute.set(value);
        }
        Ok(())
    }
}

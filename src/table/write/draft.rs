//! Whole sectors to be written, and the device as it would be with them.

use std::sync::Arc;

use crate::device::{ReadDevice, SharedDevice, check_range, read_vec};
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset};

/// Whole sectors to be written on a disk, with what is there before: for previews, for undoing, for checks.
///
/// `old` is what is there when the writes before it in the list have been made: a table for sectors of 512 bytes on a
/// disk with larger ones has several of its parts in one sector.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SectorWrite {
    /// Where on the disk.
    pub offset: ByteOffset,
    /// What is there.
    pub old: Vec<u8>,
    /// What shall be there; as long as `old`.
    pub new: Vec<u8>,
    /// What it is, in words: `backup GPT header`.
    pub what: String,
}

/// The device as it would be after these writes.
#[must_use]
pub fn after(device: &SharedDevice, writes: &[SectorWrite]) -> SharedDevice {
    let sector_bytes = device.sector_bytes();
    Arc::new(Patched { device: device.clone(), patches: patches(writes), sector_bytes })
}

/// The same device, said to have sectors of this size: for tables that were written for it.
pub(super) fn posing(device: &SharedDevice, sector_bytes: u32) -> SharedDevice {
    Arc::new(Patched { device: device.clone(), patches: Vec::new(), sector_bytes })
}

/// A device with nothing on it but these bytes.
pub(super) fn made_of(parts: &[(ByteOffset, &[u8])], len: ByteLen, sector_bytes: u32) -> SharedDevice {
    let patches = parts.iter().map(|(offset, bytes)| (*offset, bytes.to_vec())).collect();
    Arc::new(Patched { device: Arc::new(Blank { len, sector_bytes }), patches, sector_bytes })
}

fn patches(writes: &[SectorWrite]) -> Vec<(ByteOffset, Vec<u8>)> {
    writes.iter().map(|write| (write.offset, write.new.clone())).collect()
}

/// The writes that are being worked out. What is read through it has them already.
pub(super) struct Draft<'a> {
    device: &'a SharedDevice,
    writes: Vec<SectorWrite>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(device: &'a SharedDevice) -> Self {
        Self { device, writes: Vec::new() }
    }

    /// The device as it is.
    pub(super) fn device(&self) -> &'a SharedDevice {
        self.device
    }

    /// The device as it would be, said to have sectors of this size.
    pub(super) fn after(&self, sector_bytes: u32) -> SharedDevice {
        Arc::new(Patched { device: self.device.clone(), patches: patches(&self.writes), sector_bytes })
    }

    /// These bytes shall stand at `offset`. Rounded to whole sectors; nothing is added when they stand there already.
    pub(super) fn put(&mut self, offset: ByteOffset, bytes: &[u8], what: impl Into<String>) -> Result<()> {
        let what = what.into();
        let end = offset.checked_add(ByteLen::of(bytes)).filter(|end| end.0 <= self.device.len().0);
        let Some(end) = end else { return Err(Error::past_end(offset, ByteLen::of(bytes), self.device.len())) };
        // The table's sectors and the disk's are multiples of 512, but may differ; a file may end amid a sector.
        let unit = u64::from(self.device.sector_bytes().max(1));
        let first = offset.0 / unit * unit;
        let last = end.0.div_ceil(unit).saturating_mul(unit).min(self.device.len().0);
        let old = read_vec(&*self.after(self.device.sector_bytes()), ByteOffset(first), (last - first) as usize)
            .map_err(|error| error.context(format!("reading the {what}")))?;
        let mut new = old.clone();
        let at = (offset.0 - first) as usize;
        new[at..at + bytes.len()].copy_from_slice(bytes);
        if new != old {
            self.writes.push(SectorWrite { offset: ByteOffset(first), old, new, what });
        }
        Ok(())
    }

    pub(super) fn writes(&self) -> &[SectorWrite] {
        &self.writes
    }

    pub(super) fn into_writes(self) -> Vec<SectorWrite> {
        self.writes
    }
}

/// A device with other bytes in some places; later patches lie over earlier ones.
struct Patched {
    device: SharedDevice,
    patches: Vec<(ByteOffset, Vec<u8>)>,
    sector_bytes: u32,
}

impl ReadDevice for Patched {
    fn len(&self) -> ByteLen {
        self.device.len()
    }

    fn sector_bytes(&self) -> u32 {
        self.sector_bytes
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        self.device.read_at(offset, buf)?;
        let end = offset.0.saturating_add(buf.len() as u64);
        for (at, bytes) in &self.patches {
            let from = at.0.max(offset.0);
            let to = at.0.saturating_add(bytes.len() as u64).min(end);
            if from < to {
                let target = &mut buf[(from - offset.0) as usize..(to - offset.0) as usize];
                target.copy_from_slice(&bytes[(from - at.0) as usize..(to - at.0) as usize]);
            }
        }
        Ok(())
    }
}

/// Zeros.
struct Blank {
    len: ByteLen,
    sector_bytes: u32,
}

impl ReadDevice for Blank {
    fn len(&self) -> ByteLen {
        self.len
    }

    fn sector_bytes(&self) -> u32 {
        self.sector_bytes
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        check_range(offset, buf.len(), self.len)?;
        buf.fill(0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::MemoryDevice;

    #[test]
    fn writes_are_whole_sectors_and_build_on_each_other() {
        let device: SharedDevice = Arc::new(MemoryDevice::with_sectors(vec![7; 10_000], 4096));
        let mut draft = Draft::new(&device);
        draft.put(ByteOffset(10), &[1, 2], "a").unwrap();
        draft.put(ByteOffset(10), &[1, 2], "nothing new").unwrap();
        draft.put(ByteOffset(4095), &[3, 3], "b").unwrap();
        draft.put(ByteOffset(9999), &[4], "the end, amid a sector").unwrap();
        assert!(draft.put(ByteOffset(9999), &[4, 4], "past it").is_err());
        assert!(draft.put(ByteOffset(u64::MAX), &[4, 4], "far past it").is_err());
        let writes = draft.into_writes();
        let places: Vec<_> = writes.iter().map(|write| (write.offset.0, write.old.len(), write.new.len())).collect();
        assert_eq!(places, [(0, 4096, 4096), (0, 8192, 8192), (8192, 1808, 1808)]);
        assert_eq!(writes[1].old[10..12], [1, 2], "the second one knows of the first");
        let mut now = vec![0; 10_000];
        after(&device, &writes).read_at(ByteOffset(0), &mut now).unwrap();
        assert_eq!((now[9], now[10], now[11], now[4095], now[4096], now[9999]), (7, 1, 2, 3, 3, 4));
    }
}

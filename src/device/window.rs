//! A window on a device: a partition of a disk, a volume inside a partition.

use super::{ReadDevice, WriteDevice, check_range};
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset};

/// Part of a device, as a device of its own.
#[derive(Clone, Debug)]
pub struct Window<D> {
    device: D,
    start: ByteOffset,
    len: ByteLen,
}

impl<D: ReadDevice> Window<D> {
    /// The `len` bytes of `device` from `start` on.
    ///
    /// # Errors
    /// When they do not all lie within the device.
    pub fn new(device: D, start: ByteOffset, len: ByteLen) -> Result<Self> {
        match start.checked_add(len) {
            Some(end) if end.0 <= device.len().0 => Ok(Self { device, start, len }),
            _ => Err(Error::past_end(start, len, device.len())),
        }
    }

    /// Where the window begins in the device behind it.
    pub fn start(&self) -> ByteOffset {
        self.start
    }
}

impl<D: ReadDevice> ReadDevice for Window<D> {
    fn len(&self) -> ByteLen {
        self.len
    }

    fn sector_bytes(&self) -> u32 {
        self.device.sector_bytes()
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        check_range(offset, buf.len(), self.len)?;
        self.device.read_at(ByteOffset(self.start.0 + offset.0), buf)
    }
}

impl<D: WriteDevice> WriteDevice for Window<D> {
    fn write_at(&self, offset: ByteOffset, data: &[u8]) -> Result<()> {
        check_range(offset, data.len(), self.len)?;
        self.device.write_at(ByteOffset(self.start.0 + offset.0), data)
    }

    fn flush(&self) -> Result<()> {
        self.device.flush()
    }

    fn clear(&self, offset: ByteOffset, len: ByteLen, discard: bool) -> Result<()> {
        check_range(offset, len.to_usize().unwrap_or(usize::MAX), self.len)?;
        self.device.clear(ByteOffset(self.start.0 + offset.0), len, discard)
    }

    fn forget(&self) {
        self.device.forget();
    }
}

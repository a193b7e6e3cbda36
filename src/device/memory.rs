//! A device in memory: for tests, and for small things that are read as a device.

use std::sync::{PoisonError, RwLock};

use super::{ReadDevice, WriteDevice, check_range};
use crate::error::Result;
use crate::unit::{ByteLen, ByteOffset};

/// Bytes in memory, of a fixed length.
#[derive(Debug)]
pub struct MemoryDevice {
    bytes: RwLock<Vec<u8>>,
    sector_bytes: u32,
}

impl MemoryDevice {
    /// A device of these bytes with 512-byte sectors.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self::with_sectors(bytes, 512)
    }

    /// A device of these bytes with sectors of `sector_bytes`.
    #[must_use]
    pub fn with_sectors(bytes: Vec<u8>, sector_bytes: u32) -> Self {
        Self { bytes: RwLock::new(bytes), sector_bytes }
    }

    /// A copy of all bytes.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.bytes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ReadDevice for MemoryDevice {
    fn len(&self) -> ByteLen {
        ByteLen::of(&self.bytes.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn sector_bytes(&self) -> u32 {
        self.sector_bytes
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        check_range(offset, buf.len(), self.len())?;
        let at = offset.0 as usize;
        buf.copy_from_slice(&self.bytes.read().unwrap_or_else(PoisonError::into_inner)[at..at + buf.len()]);
        Ok(())
    }
}

impl WriteDevice for MemoryDevice {
    fn write_at(&self, offset: ByteOffset, data: &[u8]) -> Result<()> {
        check_range(offset, data.len(), self.len())?;
        let at = offset.0 as usize;
        self.bytes.write().unwrap_or_else(PoisonError::into_inner)[at..at + data.len()].copy_from_slice(data);
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

//! Devices: anything with bytes at offsets. Disk nodes, image files, a window on either, memory.
//!
//! Two traits. Reading goes by `&self` from any thread, and gives exactly what was asked or an error.
//! A [`WriteDevice`] is opened only by the `job` floor, after a plan has been confirmed.

pub mod discover;
mod file;
mod holders;
mod memory;
mod pieces;
mod window;

pub use file::{FileDevice, FileWriter, reread};
pub use holders::{Above, Holder, HolderKind, Holders, MAX_HOLDERS, Part, holders, unmount, user_names};
pub use memory::MemoryDevice;
pub use pieces::Pieces;
pub use window::Window;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset};

/// Bytes that can be read.
#[allow(clippy::len_without_is_empty, reason = "a device without bytes is of no interest")]
pub trait ReadDevice: Send + Sync {
    /// The device's length.
    fn len(&self) -> ByteLen;

    /// Bytes in a logical sector: 512 or 4096.
    fn sector_bytes(&self) -> u32;

    /// Fills `buf` from `offset` on, wholly or not at all.
    ///
    /// # Errors
    /// When the bytes lie past the end or the device cannot give them; `buf` is then unspecified.
    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()>;
}

/// Bytes that can be written, too.
pub trait WriteDevice: ReadDevice {
    /// Writes all of `data` at `offset`.
    ///
    /// # Errors
    /// When the bytes lie past the end or the device refuses them; part of them may be written.
    fn write_at(&self, offset: ByteOffset, data: &[u8]) -> Result<()>;

    /// Returns once all that was written is on the medium.
    ///
    /// # Errors
    /// When the medium says that it could not keep what was written.
    fn flush(&self) -> Result<()>;

    /// Makes these bytes read as zeros; with `discard`, tells the medium that they are not needed.
    ///
    /// # Errors
    /// As [`write_at`](Self::write_at).
    fn clear(&self, offset: ByteOffset, len: ByteLen, discard: bool) -> Result<()> {
        let _ = discard;
        write_zeros(self, offset, len)
    }

    /// Drops what memory holds of the device, so that the next read reads the medium. A hint.
    fn forget(&self) {}
}

/// Writes zeros, a MiB at a time.
fn write_zeros(device: &(impl WriteDevice + ?Sized), offset: ByteOffset, len: ByteLen) -> Result<()> {
    let zeros = vec![0; len.0.min(1 << 20) as usize];
    let mut at = 0;
    while at < len.0 {
        let now = (len.0 - at).min(zeros.len() as u64);
        device.write_at(ByteOffset(offset.0 + at), &zeros[..now as usize])?;
        at += now;
    }
    Ok(())
}

/// A device shared between those who read it.
pub type SharedDevice = Arc<dyn ReadDevice>;

impl<D: ReadDevice + ?Sized> ReadDevice for Arc<D> {
    fn len(&self) -> ByteLen {
        (**self).len()
    }

    fn sector_bytes(&self) -> u32 {
        (**self).sector_bytes()
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        (**self).read_at(offset, buf)
    }
}

/// Checks that `len` bytes at `offset` lie within a device of `device` bytes.
///
/// # Errors
/// With all three numbers, when they do not.
pub fn check_range(offset: ByteOffset, len: usize, device: ByteLen) -> Result<()> {
    match offset.checked_add(ByteLen(len as u64)) {
        Some(end) if end.0 <= device.0 => Ok(()),
        _ => Err(Error::past_end(offset, ByteLen(len as u64), device)),
    }
}

/// Reads `N` bytes, for on-disk structures of a fixed size.
///
/// # Errors
/// As [`ReadDevice::read_at`].
pub fn read_array<const N: usize>(device: &(impl ReadDevice + ?Sized), offset: ByteOffset) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    device.read_at(offset, &mut bytes)?;
    Ok(bytes)
}

/// Reads `len` bytes into a new buffer. The caller has checked `len` against a limit of the format:
/// it may come from a damaged disk.
///
/// # Errors
/// As [`ReadDevice::read_at`]; the range is checked before the buffer is allocated.
pub fn read_vec(device: &(impl ReadDevice + ?Sized), offset: ByteOffset, len: usize) -> Result<Vec<u8>> {
    check_range(offset, len, device.len())?;
    let mut bytes = vec![0; len];
    device.read_at(offset, &mut bytes)?;
    Ok(bytes)
}

//! Pieces of a device as one device: a file by its extents, an image by its parts.

use super::{ReadDevice, SharedDevice, check_range};
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset};
use crate::volume::ByteRange;

/// Pieces of another device, one behind the other.
pub struct Pieces {
    device: SharedDevice,
    /// Where each begins here, and where it lies there.
    pieces: Vec<(u64, ByteRange)>,
    len: ByteLen,
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pieces({} of them, {})", self.pieces.len(), self.len)
    }
}

impl Pieces {
    /// The pieces in this order.
    ///
    /// # Errors
    /// When one lies beyond the device, or all together are too long to be counted.
    pub fn new(device: SharedDevice, pieces: impl IntoIterator<Item = ByteRange>) -> Result<Self> {
        let mut list = Vec::new();
        let mut at = ByteOffset::ZERO;
        for piece in pieces {
            let end = piece.offset.checked_add(piece.len);
            if end.is_none_or(|end| end.0 > device.len().0) {
                return Err(Error::past_end(piece.offset, piece.len, device.len()));
            }
            list.push((at.0, piece));
            at = at.checked_add(piece.len).ok_or_else(|| Error::damaged("the pieces of a file are too long"))?;
        }
        Ok(Self { device, pieces: list, len: ByteLen(at.0) })
    }

    /// The same, but no more than its first `len` bytes.
    #[must_use]
    pub fn cut(mut self, len: ByteLen) -> Self {
        self.len = self.len.min(len);
        self
    }

    /// Calls `each` with every stretch of the other device that `len` bytes from `offset` on lie in: where it is
    /// there, where it is in the range, and its length.
    ///
    /// # Errors
    /// The first that `each` gives.
    fn stretches(&self, offset: u64, len: usize, each: &mut dyn FnMut(u64, usize, usize) -> Result<()>) -> Result<()> {
        let mut index = self.pieces.partition_point(|(start, _)| *start <= offset).saturating_sub(1);
        let mut done = 0;
        while done < len {
            let Some((start, piece)) = self.pieces.get(index) else {
                return Err(Error::past_end(ByteOffset(offset), ByteLen(len as u64), self.len));
            };
            let within = offset + done as u64 - start;
            let now = (len - done).min(usize::try_from(piece.len.0.saturating_sub(within)).unwrap_or(usize::MAX));
            if now > 0 {
                each(piece.offset.0 + within, done, now)?;
            }
            done += now;
            index += 1;
        }
        Ok(())
    }
}

impl ReadDevice for Pieces {
    fn len(&self) -> ByteLen {
        self.len
    }

    fn sector_bytes(&self) -> u32 {
        self.device.sector_bytes()
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        check_range(offset, buf.len(), self.len)?;
        self.stretches(offset.0, buf.len(), &mut |there, here, len| {
            self.device.read_at(ByteOffset(there), &mut buf[here..here + len])
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::device::{MemoryDevice, read_vec};

    #[test]
    fn pieces_read_as_if_they_lay_side_by_side() {
        let bytes: Vec<u8> = (0..=255).collect();
        let device: SharedDevice = Arc::new(MemoryDevice::new(bytes.clone()));
        let range = |offset, len| ByteRange { offset: ByteOffset(offset), len: ByteLen(len) };
        let order = [(200, 30), (10, 0), (0, 7), (100, 50)];
        let expected: Vec<u8> =
            order.iter().flat_map(|(at, len)| bytes[*at as usize..(*at + *len) as usize].to_vec()).collect();
        let pieces = Pieces::new(device.clone(), order.map(|(at, len)| range(at, len))).unwrap();
        for from in 0..expected.len() {
            for to in from..=expected.len() {
                assert_eq!(read_vec(&pieces, ByteOffset(from as u64), to - from).unwrap(), expected[from..to]);
            }
        }
        assert!(read_vec(&pieces, ByteOffset(80), 8).is_err());
        assert!(Pieces::new(device.clone(), [range(250, 7)]).is_err());
        assert_eq!(Pieces::new(device, [range(0, 100)]).unwrap().cut(ByteLen(5)).len().0, 5);
    }
}

//! A device made of pieces of another one, with zeros where nothing is known.

use std::sync::Arc;

use crate::device::{ReadDevice, SharedDevice, check_range};
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset};
use crate::volume::ByteRange;

/// What stands for a stretch that is not known, where pieces are closed up: more than a record's head, so that none
/// is put together out of two.
const GAP: u64 = 512;

/// Bytes that are known.
#[derive(Clone, Debug)]
pub(super) struct Patch {
    /// Where in the image.
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) source: Source,
}

/// Where they are.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// On the device, from here on.
    Device(u64),
    /// They were made again.
    Made(Arc<[u8]>),
}

impl Patch {
    fn end(&self) -> u64 {
        self.offset + self.len
    }
}

/// The pieces that lie on the device.
pub(super) fn on_device(patches: &[Patch]) -> Vec<(ByteOffset, ByteRange)> {
    let piece = |patch: &Patch| match patch.source {
        Source::Device(place) => {
            Some((ByteOffset(patch.offset), ByteRange { offset: ByteOffset(place), len: ByteLen(patch.len) }))
        }
        Source::Made(_) => None,
    };
    patches.iter().filter_map(piece).collect()
}

/// Pieces of another device and bytes in memory, at their offsets; zeros between them.
pub(super) struct Patchwork {
    device: SharedDevice,
    /// In order, without overlaps.
    patches: Vec<Patch>,
    len: u64,
}

impl Patchwork {
    /// The patches where they are.
    pub(super) fn new(device: SharedDevice, patches: Vec<Patch>, len: u64) -> Result<Self> {
        for patch in &patches {
            if let Source::Device(place) = patch.source
                && place.checked_add(patch.len).is_none_or(|end| end > device.len().0)
            {
                return Err(Error::past_end(ByteOffset(place), ByteLen(patch.len), device.len()));
            }
        }
        Ok(Self { device, patches, len })
    }

    /// The patches one behind the other, a few zeros where there was a gap.
    pub(super) fn closed_up(device: SharedDevice, mut patches: Vec<Patch>) -> Result<Self> {
        let (mut was, mut at) = (0, 0);
        for patch in &mut patches {
            at += if patch.offset > was { GAP } else { 0 };
            was = patch.end();
            patch.offset = at;
            at += patch.len;
        }
        Self::new(device, patches, at)
    }
}

impl ReadDevice for Patchwork {
    fn len(&self) -> ByteLen {
        ByteLen(self.len)
    }

    fn sector_bytes(&self) -> u32 {
        self.device.sector_bytes()
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        check_range(offset, buf.len(), self.len())?;
        buf.fill(0);
        let end = offset.0 + buf.len() as u64;
        let first = self.patches.partition_point(|patch| patch.end() <= offset.0);
        for patch in self.patches[first..].iter().take_while(|patch| patch.offset < end) {
            let from = patch.offset.max(offset.0);
            let to = patch.end().min(end);
            let skip = from - patch.offset;
            let here = &mut buf[(from - offset.0) as usize..(to - offset.0) as usize];
            match &patch.source {
                Source::Device(place) => self.device.read_at(ByteOffset(place + skip), here)?,
                Source::Made(bytes) => here.copy_from_slice(&bytes[skip as usize..][..here.len()]),
            }
        }
        Ok(())
    }
}

//! Where an image's bytes go inside a volume: into free clusters, in parts that each begin a unit of allocation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::device::WriteDevice;
use crate::error::{Error, Result};
use crate::image::{MAX_PARTS, Sink};
use crate::job::Monitor;
use crate::unit::{ByteLen, ByteOffset};
use crate::volume::ByteRange;

/// Bytes kept back until they are worth a write.
const AT_ONCE: usize = 1 << 20;

/// A part of an image, as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Part {
    /// Where in the hole it begins.
    pub(super) start: u64,
    /// How many bytes of the image it has.
    pub(super) bytes: u64,
}

/// Free clusters that an image is written into, in order; without a device, only what it would take is counted.
pub(super) struct Hole<'a> {
    volume: Option<&'a dyn WriteDevice>,
    place: Vec<ByteRange>,
    room: u64,
    unit_bytes: u64,
    part_bytes: u64,
    parts: Vec<Part>,
    /// Bytes taken, those that fill up a part's last unit included.
    at: u64,
    buffer: Vec<u8>,
    is_full: Arc<AtomicBool>,
}

impl<'a> Hole<'a> {
    /// Counts what an image takes.
    pub(super) fn counting(unit_bytes: u64, part_bytes: u64) -> Self {
        Self::new(None, Vec::new(), u64::MAX, unit_bytes, part_bytes)
    }

    /// Writes into this place.
    pub(super) fn writing(
        volume: &'a dyn WriteDevice,
        place: Vec<ByteRange>,
        unit_bytes: u64,
        part_bytes: u64,
    ) -> Self {
        let room = place.iter().map(|range| range.len.0).sum();
        Self::new(Some(volume), place, room, unit_bytes, part_bytes)
    }

    fn new(
        volume: Option<&'a dyn WriteDevice>,
        place: Vec<ByteRange>,
        room: u64,
        unit_bytes: u64,
        part_bytes: u64,
    ) -> Self {
        let parts = vec![Part { start: 0, bytes: 0 }];
        let (buffer, is_full) = (Vec::new(), Arc::default());
        Self { volume, place, room, unit_bytes, part_bytes, parts, at: 0, buffer, is_full }
    }

    /// Set once there was too little room: an error that comes out of the writing means just that.
    pub(super) fn is_full(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_full)
    }

    /// Ends the last part: its parts, and how many units they take together.
    ///
    /// # Errors
    /// When the rest cannot be written.
    pub(super) fn finish(mut self) -> Result<(Vec<Part>, u64)> {
        self.pad()?;
        self.drain()?;
        Ok((self.parts, self.at / self.unit_bytes))
    }

    /// Fills up the last unit with zeros, so that nothing of what lay there before is part of a file.
    fn pad(&mut self) -> Result<()> {
        let zeros = vec![0; (self.at.next_multiple_of(self.unit_bytes) - self.at) as usize];
        self.put(&zeros)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        if self.at + bytes.len() as u64 > self.room {
            self.is_full.store(true, Ordering::Relaxed);
            return Err(Error::refused(format!("the image needs more than the {} bytes kept for it", self.room)));
        }
        self.at += bytes.len() as u64;
        if self.volume.is_some() {
            self.buffer.extend_from_slice(bytes);
            if self.buffer.len() >= AT_ONCE {
                self.drain()?;
            }
        }
        Ok(())
    }

    /// Writes what was kept back.
    fn drain(&mut self) -> Result<()> {
        let Some(volume) = self.volume else { return Ok(()) };
        let mut rest = &self.buffer[..];
        let mut at = self.at - rest.len() as u64;
        let mut begin = 0;
        for range in &self.place {
            if rest.is_empty() {
                break;
            }
            let end = begin + range.len.0;
            if at < end {
                let now = rest.len().min((end - at) as usize);
                volume.write_at(ByteOffset(range.offset.0 + (at - begin)), &rest[..now])?;
                rest = &rest[now..];
                at += now as u64;
            }
            begin = end;
        }
        self.buffer.clear();
        Ok(())
    }
}

impl Sink for Hole<'_> {
    fn room(&mut self, len: u64) -> Result<Option<u32>> {
        let Some(part) = self.parts.last() else { return Ok(None) };
        if part.bytes == 0 || part.bytes + len <= self.part_bytes {
            return Ok(None);
        }
        self.pad()?;
        let number = self.parts.len() as u32;
        if number >= MAX_PARTS {
            let most = self.part_bytes;
            return Err(Error::refused(format!("the image would have more than {MAX_PARTS} parts of {most} bytes"))
                .advise("Choose a larger --split"));
        }
        self.parts.push(Part { start: self.at, bytes: 0 });
        Ok(Some(number))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.put(bytes)?;
        if let Some(part) = self.parts.last_mut() {
            part.bytes += bytes.len() as u64;
        }
        Ok(())
    }
}

/// Moves bytes up within free clusters, the last first, so that what is not yet moved is not overwritten.
///
/// # Errors
/// When the medium fails, or the job is cancelled.
pub(super) fn shift_up(
    volume: &dyn WriteDevice,
    from: ByteOffset,
    len: ByteLen,
    by: u64,
    monitor: &Monitor,
) -> Result<()> {
    let mut buf = vec![0; 4 << 20];
    let mut left = if by == 0 { 0 } else { len.0 };
    while left > 0 {
        monitor.check()?;
        let now = left.min(buf.len() as u64);
        left -= now;
        let buf = &mut buf[..now as usize];
        volume.read_at(ByteOffset(from.0 + left), buf)?;
        volume.write_at(ByteOffset(from.0 + left + by), buf)?;
    }
    Ok(())
}

/// The bytes of a stretch of the hole, as it lies in the volume.
pub(super) fn runs_of(place: &[ByteRange], start: u64, len: u64) -> Vec<ByteRange> {
    let mut runs = Vec::new();
    let mut begin = 0;
    for range in place {
        let end = begin + range.len.0;
        let (from, to) = (start.max(begin), (start + len).min(end));
        if from < to {
            runs.push(ByteRange { offset: ByteOffset(range.offset.0 + (from - begin)), len: ByteLen(to - from) });
        }
        begin = end;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::MemoryDevice;

    #[test]
    fn parts_begin_units_and_come_to_lie_in_the_pieces_in_order() {
        let volume = MemoryDevice::new(vec![0xff; 16384]);
        let range = |offset, len| ByteRange { offset: ByteOffset(offset), len: ByteLen(len) };
        let place = vec![range(1024, 1024), range(4096, 2048)];
        let mut hole = Hole::writing(&volume, place.clone(), 512, 1024);
        assert_eq!(hole.room(700).unwrap(), None);
        hole.write(&[1; 700]).unwrap();
        assert_eq!(hole.room(700).unwrap(), Some(1));
        hole.write(&[2; 700]).unwrap();
        let (parts, units) = hole.finish().unwrap();
        assert_eq!(parts, [Part { start: 0, bytes: 700 }, Part { start: 1024, bytes: 700 }]);
        assert_eq!(units, 4);
        let bytes = volume.to_vec();
        assert!(bytes[1024..1724].iter().all(|byte| *byte == 1) && bytes[1724..2048].iter().all(|byte| *byte == 0));
        assert!(bytes[4096..4796].iter().all(|byte| *byte == 2) && bytes[4796..5120].iter().all(|byte| *byte == 0));
        assert_eq!(runs_of(&place, 512, 1024), [range(1536, 512), range(4096, 512)]);
    }

    #[test]
    fn what_does_not_fit_is_said_and_not_written() {
        let volume = MemoryDevice::new(vec![0; 4096]);
        let place = vec![ByteRange { offset: ByteOffset(512), len: ByteLen(512) }];
        let mut hole = Hole::writing(&volume, place, 512, u64::MAX);
        let full = hole.is_full();
        assert!(hole.write(&[1; 513]).is_err() && full.load(Ordering::Relaxed));
        hole.write(&[1; 512]).unwrap();
    }

    #[test]
    fn bytes_move_up_over_themselves() {
        let volume = MemoryDevice::new((0..4096).map(|at| (at / 16) as u8).collect());
        let before = volume.to_vec();
        shift_up(&volume, ByteOffset(100), ByteLen(2000), 512, &Monitor::new()).unwrap();
        assert_eq!(volume.to_vec()[612..2612], before[100..2100]);
    }
}

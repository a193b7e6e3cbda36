//! Scattered storage: an image as self-describing blocks, for clusters that lie anywhere. The layout of a block is on
//! the [container's page](super).

use std::sync::{Mutex, PoisonError};

use uuid::Uuid;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::super::format::SKIPPABLE;
use super::super::writer::Sink;
use crate::device::{ReadDevice, SharedDevice, check_range};
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset};

/// Bytes of a block.
pub const BLOCK: usize = 4096;
/// What every block begins with.
pub const BLOCK_MAGIC: [u8; 8] = *b"LBIBLOCK";
/// Bytes of the image in every block but the last.
pub const PAYLOAD: usize = BLOCK - BLOCK_HEAD;
/// Bytes of a [`BlockHead`].
pub const BLOCK_HEAD: usize = size_of::<BlockHead>();
/// Version of the layout.
const VERSION: u16 = 1;
/// Set in the flags of an image's last block.
const LAST: u16 = 1;
/// Blocks of an image at most: 4 PiB. Guards the arithmetic against a sequence number that is none.
const MAX_BLOCKS: u64 = 1 << 40;
/// Blocks read at once by a long read.
const RUN: u64 = 64;
/// Blocks read, and kept, for a short one: records are read head first, then body.
const SHORT_RUN: u64 = 8;
/// How many blocks from the beginning on are tried until one tells whose file it is, and from the end until one
/// tells where the image ends: as many as the largest clusters of any file system hold.
const TRIES: u64 = 64;

/// The fixed beginning of a block.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct BlockHead {
    /// [`BLOCK_MAGIC`].
    pub magic: [u8; 8],
    /// Whose block it is.
    pub image_id: [u8; 16],
    /// Its number in the image, from 0.
    pub sequence: U64,
    /// Bytes of the image in it.
    pub payload_len: U32,
    /// Version of the layout.
    pub version: U16,
    /// Bit 0: the image's last.
    pub flags: U16,
    /// The first 24 bytes of the BLAKE3 of bytes 0 to 39 and 64 to 4095.
    pub digest: [u8; 24],
}

const _: () = assert!(BLOCK_HEAD == 64);

/// What a whole block says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// Whose.
    pub image: Uuid,
    /// Its number in the image.
    pub sequence: u64,
    /// Bytes of the image in it.
    pub payload_len: usize,
    /// It is the image's last.
    pub last: bool,
}

impl Block {
    /// Takes a block apart; none when it is damaged, or none at all.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; BLOCK] = bytes.try_into().ok()?;
        let (head, _) = BlockHead::read_from_prefix(bytes).ok()?;
        let payload_len = head.payload_len.get() as usize;
        let last = head.flags.get() == LAST;
        // Only the last may be short: where a byte of the image lies follows from the sequence number alone.
        let fits = if last { (1..=PAYLOAD).contains(&payload_len) } else { payload_len == PAYLOAD };
        let good = head.magic == BLOCK_MAGIC
            && head.version.get() == VERSION
            && head.flags.get() & !LAST == 0
            && fits
            && head.sequence.get() < MAX_BLOCKS
            && head.digest == digest(bytes);
        good.then(|| Self { image: Uuid::from_bytes(head.image_id), sequence: head.sequence.get(), payload_len, last })
    }

    /// Length of the image, as its last block tells it.
    #[must_use]
    pub fn image_end(&self) -> Option<u64> {
        self.last.then(|| self.sequence * PAYLOAD as u64 + self.payload_len as u64)
    }
}

fn digest(block: &[u8; BLOCK]) -> [u8; 24] {
    let whole = blake3::Hasher::new().update(&block[..40]).update(&block[BLOCK_HEAD..]).finalize();
    let mut short = [0; 24];
    short.copy_from_slice(&whole.as_bytes()[..24]);
    short
}

/// The block that begins with these bytes by its magic, as far as the head alone tells: whose, and which.
pub(super) fn glance(bytes: &[u8]) -> Option<(Uuid, u64)> {
    let (head, _) = BlockHead::read_from_prefix(bytes).ok()?;
    let good = head.magic == BLOCK_MAGIC && head.version.get() == VERSION && head.sequence.get() < MAX_BLOCKS;
    good.then(|| (Uuid::from_bytes(head.image_id), head.sequence.get()))
}

/// Bytes that an image of `image_bytes` takes in blocks.
#[must_use]
pub fn bytes_in_blocks(image_bytes: u64) -> u64 {
    image_bytes.div_ceil(PAYLOAD as u64).saturating_mul(BLOCK as u64)
}

/// Turns an image's bytes into blocks on their way to a sink. That is asked for room block by block: a further part
/// begins with any block, and the image in the blocks is not split.
#[derive(Debug)]
pub struct BlockWriter<S> {
    sink: S,
    image_id: Uuid,
    sequence: u64,
    payload: Vec<u8>,
}

impl<S: Sink> BlockWriter<S> {
    /// Blocks of this image into `sink`.
    pub fn new(sink: S, image_id: Uuid) -> Self {
        Self { sink, image_id, sequence: 0, payload: Vec::with_capacity(PAYLOAD) }
    }

    /// Writes the last block and gives the sink back, for it to be flushed.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn finish(mut self) -> Result<S> {
        if !self.payload.is_empty() {
            self.put(true)?;
        }
        Ok(self.sink)
    }

    fn put(&mut self, last: bool) -> Result<()> {
        let mut head = BlockHead {
            magic: BLOCK_MAGIC,
            image_id: self.image_id.into_bytes(),
            sequence: self.sequence.into(),
            payload_len: (self.payload.len() as u32).into(),
            version: VERSION.into(),
            flags: (if last { LAST } else { 0 }).into(),
            digest: [0; 24],
        };
        let mut block = [0; BLOCK];
        block[BLOCK_HEAD..][..self.payload.len()].copy_from_slice(&self.payload);
        block[..BLOCK_HEAD].copy_from_slice(head.as_bytes());
        head.digest = digest(&block);
        block[..BLOCK_HEAD].copy_from_slice(head.as_bytes());
        self.sink.room(BLOCK as u64)?;
        self.sink.write(&block)?;
        self.sequence += 1;
        self.payload.clear();
        Ok(())
    }
}

impl<S: Sink> Sink for BlockWriter<S> {
    /// Never begins a part: see [`BlockWriter`].
    fn room(&mut self, _: u64) -> Result<Option<u32>> {
        Ok(None)
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            // A full block waits for the next byte: it may be the last.
            if self.payload.len() == PAYLOAD {
                self.put(false)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(PAYLOAD - self.payload.len()));
            self.payload.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }
}

/// The image in a file of blocks, as a device. Each block is proven when it is read.
pub struct BlocksDevice {
    device: SharedDevice,
    image: Uuid,
    blocks: u64,
    len: ByteLen,
    lost_as_zeros: bool,
    /// The blocks read last for a short read, and the number of the first.
    kept: Mutex<(u64, Vec<u8>)>,
}

impl std::fmt::Debug for BlocksDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlocksDevice({} blocks of image {})", self.blocks, self.image)
    }
}

impl BlocksDevice {
    /// The image in the blocks of `device`: those of all its parts, one behind the other, from byte 0 on. What lies
    /// behind the last block does no harm. Where that is damaged, the image ends with the device.
    ///
    /// # Errors
    /// When there are none near the beginning.
    pub fn open(device: SharedDevice) -> Result<Self> {
        let Some(image) = owner(&device) else {
            return Err(Error::corrupt(ByteOffset::ZERO, "a block of an image in scattered storage", "other bytes"));
        };
        let blocks = device.len().0 / BLOCK as u64;
        let end = (blocks.saturating_sub(TRIES)..blocks).rev().find_map(|number| {
            let block = whole_block(&device, number)?;
            block.image_end().filter(|_| block.image == image)
        });
        let len = ByteLen(end.unwrap_or(blocks * PAYLOAD as u64));
        Ok(Self { device, image, blocks, len, lost_as_zeros: false, kept: Mutex::default() })
    }

    /// The same for blocks that were searched for: their image and its length are known, and a lost one reads as zeros.
    pub(super) fn scavenged(device: SharedDevice, image: Uuid, len: ByteLen) -> Self {
        let blocks = device.len().0 / BLOCK as u64;
        let len = len.min(ByteLen(blocks * PAYLOAD as u64));
        Self { device, image, blocks, len, lost_as_zeros: true, kept: Mutex::default() }
    }

    /// Whose blocks they are.
    #[must_use]
    pub fn image(&self) -> Uuid {
        self.image
    }

    /// Reads whole blocks; where they do not all read, one by one: an unreadable one becomes zeros, which are no block.
    fn load(&self, first: u64, count: u64) -> Vec<u8> {
        let mut bytes = vec![0; count as usize * BLOCK];
        let place = |number| ByteOffset(number * BLOCK as u64);
        if self.device.read_at(place(first), &mut bytes).is_err() {
            for (number, block) in (first..).zip(bytes.chunks_exact_mut(BLOCK)) {
                if self.device.read_at(place(number), block).is_err() {
                    block.fill(0);
                }
            }
        }
        bytes
    }

    /// Proves block `number` and copies of its payload from `within` on.
    fn copy(&self, number: u64, block: &[u8], within: usize, to: &mut [u8]) -> Result<()> {
        match Block::parse(block) {
            Some(found) if found.image == self.image && found.sequence == number => {
                to.copy_from_slice(&block[BLOCK_HEAD + within..][..to.len()]);
                Ok(())
            }
            _ if self.lost_as_zeros => {
                to.fill(0);
                Ok(())
            }
            found => {
                let place = ByteOffset(number * BLOCK as u64);
                let found = found.map_or("a damaged one".to_owned(), |found| {
                    format!("block {} of image {}", found.sequence, found.image)
                });
                Err(Error::corrupt(place, format_args!("block {number} of image {}", self.image), found))
            }
        }
    }

    /// Fills `buf`, from byte `within` of block `first` on, from blocks that lie in `bytes`.
    fn spread(&self, first: u64, bytes: &[u8], mut within: usize, mut buf: &mut [u8]) -> Result<()> {
        for (number, block) in (first..).zip(bytes.chunks_exact(BLOCK)) {
            let (now, later) = buf.split_at_mut(buf.len().min(PAYLOAD - within));
            if now.is_empty() {
                break;
            }
            self.copy(number, block, within, now)?;
            (within, buf) = (0, later);
        }
        Ok(())
    }
}

impl ReadDevice for BlocksDevice {
    fn len(&self) -> ByteLen {
        self.len
    }

    fn sector_bytes(&self) -> u32 {
        self.device.sector_bytes()
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        check_range(offset, buf.len(), self.len)?;
        let (mut at, mut rest) = (offset.0, buf);
        while !rest.is_empty() {
            let (first, within) = (at / PAYLOAD as u64, (at % PAYLOAD as u64) as usize);
            let needed = ((within + rest.len()).div_ceil(PAYLOAD) as u64).min(RUN);
            let take = rest.len().min(needed as usize * PAYLOAD - within);
            let (now, later) = rest.split_at_mut(take);
            if needed < SHORT_RUN {
                let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                let end = kept.0 + (kept.1.len() / BLOCK) as u64;
                if first < kept.0 || first + needed > end {
                    *kept = (first, self.load(first, SHORT_RUN.min(self.blocks - first)));
                }
                let skip = (first - kept.0) as usize * BLOCK;
                self.spread(first, &kept.1[skip..], within, now)?;
            } else {
                self.spread(first, &self.load(first, needed), within, now)?;
            }
            at += take as u64;
            rest = later;
        }
        Ok(())
    }
}

fn whole_block(device: &dyn ReadDevice, number: u64) -> Option<Block> {
    let mut bytes = [0; BLOCK];
    device.read_at(ByteOffset(number * BLOCK as u64), &mut bytes).ok()?;
    Block::parse(&bytes).filter(|block| block.sequence == number)
}

/// Whose blocks a device consists of, by the first that is whole; none when it is no file of blocks.
pub(crate) fn owner(device: &dyn ReadDevice) -> Option<Uuid> {
    let mut start = [0; 4];
    if device.read_at(ByteOffset::ZERO, &mut start).is_ok() && start == SKIPPABLE.to_le_bytes() {
        return None;
    }
    let blocks = device.len().0 / BLOCK as u64;
    (0..blocks.min(TRIES)).find_map(|number| whole_block(device, number)).map(|block| block.image)
}

/// True for the file of an image in scattered storage.
#[must_use]
pub fn is_blocks(device: &dyn ReadDevice) -> bool {
    owner(device).is_some()
}

/// True when `part` goes on with the blocks of `image` where `bytes` of its file have come before.
#[must_use]
pub fn continues(part: &dyn ReadDevice, image: Uuid, bytes: u64) -> bool {
    let mut block = [0; BLOCK];
    part.read_at(ByteOffset::ZERO, &mut block).is_ok()
        && Block::parse(&block)
            .is_some_and(|block| block.image == image && Some(bytes) == block.sequence.checked_mul(BLOCK as u64))
}

/// The image as such: what is in the blocks when it consists of blocks, and `source` as it is when not.
///
/// # Errors
/// As [`BlocksDevice::open`].
pub fn unwrap(source: SharedDevice) -> Result<SharedDevice> {
    if is_blocks(&source) { Ok(std::sync::Arc::new(BlocksDevice::open(source)?)) } else { Ok(source) }
}

#[cfg(test)]
mod tests;

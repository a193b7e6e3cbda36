//! The volume's blocks: bounds-checked reads, and a small cache for metadata that is read again and again
//! (inode tables, directories, extent and indirect blocks). Safe to share between threads.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::device::SharedDevice;
use crate::error::{Error, Result};
use crate::unit::{ByteOffset, Grid};

/// Memory the cache may take. A walk over a directory reads the inodes of its files in about the order of
/// the inode table, so a few MiB hit nearly always.
const CACHE_BYTES: usize = 8 << 20;

/// A block's bytes, shared with the cache.
pub(super) type Block = Arc<[u8]>;

#[derive(Default)]
struct Cache {
    blocks: HashMap<u64, Block>,
    /// In the order they came; the oldest leaves first.
    order: VecDeque<u64>,
}

/// The device, cut into blocks.
pub(super) struct Source {
    device: SharedDevice,
    grid: Grid,
    cache: Mutex<Cache>,
}

impl Source {
    pub(super) fn new(device: SharedDevice, grid: Grid) -> Self {
        Self { device, grid, cache: Mutex::default() }
    }

    pub(super) fn device(&self) -> &SharedDevice {
        &self.device
    }

    pub(super) fn block_bytes(&self) -> usize {
        self.grid.cluster_bytes as usize
    }

    pub(super) fn blocks(&self) -> u64 {
        self.grid.clusters
    }

    /// The byte at which a block begins.
    pub(super) fn offset_of(&self, block: u64) -> ByteOffset {
        ByteOffset(block.saturating_mul(u64::from(self.grid.cluster_bytes)))
    }

    /// Fills `buf` from a byte of the volume on.
    pub(super) fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        self.device.read_at(offset, buf)
    }

    /// Checks that `count` blocks from `start` on lie in the volume; `place` is the byte that named them.
    pub(super) fn check(&self, start: u64, count: u64, place: ByteOffset) -> Result<()> {
        match start.checked_add(count) {
            Some(end) if start > 0 && end <= self.grid.clusters => Ok(()),
            _ => Err(Error::corrupt(
                place,
                format!("{count} block(s) within 1..{}", self.grid.clusters),
                format!("block {start}"),
            )),
        }
    }

    /// A metadata block, from the cache when it is there; `place` is the byte that named it.
    pub(super) fn block(&self, block: u64, place: ByteOffset) -> Result<Block> {
        self.check(block, 1, place)?;
        if let Some(bytes) = self.lock().blocks.get(&block) {
            return Ok(bytes.clone());
        }
        // Read without the lock: two threads may read the same block once, and neither waits for the disk.
        let mut bytes = vec![0; self.block_bytes()];
        self.device.read_at(self.offset_of(block), &mut bytes)?;
        let bytes: Block = bytes.into();
        let mut cache = self.lock();
        if cache.blocks.insert(block, bytes.clone()).is_none() {
            cache.order.push_back(block);
        }
        while cache.order.len() * self.block_bytes() > CACHE_BYTES {
            let Some(oldest) = cache.order.pop_front() else { break };
            cache.blocks.remove(&oldest);
        }
        Ok(bytes)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! A store in vectors, as mean as a record can be.

use std::collections::{BTreeMap, BTreeSet};

use super::Store;
use crate::error::{Error, Result};
use crate::fs::ntfs::edit::index::empty_root;

/// Bytes that the attributes of blocks take in the record, and what each sixteen of the first blocks take (their runs).
const ATTRIBUTES: usize = 136;
const RUN: usize = 8;

#[derive(Clone)]
pub(super) struct Memory {
    pub(super) root: Vec<u8>,
    /// Bytes in the record for the root, `$INDEX_ALLOCATION` and `$BITMAP`.
    room: usize,
    block_bytes: usize,
    /// What block numbers are multiples of: 8 for blocks of 4 KiB in clusters that are larger.
    step: u64,
    pub(super) blocks: BTreeMap<u64, Vec<u8>>,
    pub(super) used: BTreeSet<u64>,
    /// False when the tree may say anything: then wrong calls are errors.
    pub(super) trusted: bool,
}

impl Memory {
    pub(super) fn new(room: usize, block_bytes: usize, step: u64) -> Self {
        let root = empty_root(512, block_bytes as u32).unwrap();
        Self { root, room, block_bytes, step, blocks: BTreeMap::new(), used: BTreeSet::new(), trusted: true }
    }

    pub(super) fn used(&self) -> Vec<u64> {
        self.used.iter().copied().collect()
    }

    /// What the attributes of so many blocks take.
    fn taken(blocks: usize) -> usize {
        if blocks == 0 { 0 } else { ATTRIBUTES + (blocks / 16).min(4) * RUN }
    }
}

impl Store for Memory {
    fn root(&self) -> Result<Vec<u8>> {
        Ok(self.root.clone())
    }

    fn set_root(&mut self, value: Vec<u8>) -> Result<bool> {
        let fits = value.len() <= self.root_room();
        if fits {
            self.root = value;
        }
        Ok(fits)
    }

    fn root_room(&self) -> usize {
        self.room - Self::taken(self.blocks.len())
    }

    fn small_root_room(&self) -> usize {
        self.room
    }

    fn block_bytes(&self) -> usize {
        self.block_bytes
    }

    fn read_block(&self, vcn: u64) -> Result<Vec<u8>> {
        let block = self.blocks.get(&vcn).filter(|_| self.used.contains(&vcn));
        block.cloned().ok_or_else(|| Error::damaged(format!("no block {vcn}")))
    }

    fn write_block(&mut self, vcn: u64, block: &[u8]) -> Result<()> {
        assert_eq!(block.len(), self.block_bytes);
        assert_eq!(block[4..6], [0x28, 0]);
        assert_eq!(usize::from(u16::from_le_bytes([block[6], block[7]])), self.block_bytes / 512 + 1);
        if !self.used.contains(&vcn) {
            assert!(!self.trusted, "block {vcn} is not used");
            return Err(Error::damaged(format!("no block {vcn}")));
        }
        self.blocks.insert(vcn, block.to_vec());
        Ok(())
    }

    fn allocate_block(&mut self) -> Result<u64> {
        let free = self.blocks.keys().copied().find(|vcn| !self.used.contains(vcn));
        let vcn = free.unwrap_or(self.blocks.len() as u64 * self.step);
        if free.is_none() && self.root.len() + Self::taken(self.blocks.len() + 1) > self.room {
            return Err(Error::refused("the record is full"));
        }
        self.used.insert(vcn);
        self.blocks.entry(vcn).or_default();
        Ok(vcn)
    }

    fn free_block(&mut self, vcn: u64) -> Result<()> {
        if !self.used.remove(&vcn) {
            assert!(!self.trusted, "block {vcn} is freed once");
            return Err(Error::damaged(format!("no block {vcn}")));
        }
        Ok(())
    }

    fn drop_blocks(&mut self) -> Result<()> {
        assert!(!self.trusted || self.used.is_empty(), "{:?} are used", self.used);
        self.used.clear();
        self.blocks.clear();
        Ok(())
    }
}

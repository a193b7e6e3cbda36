//! A directory's index, as the tree finds it: the root in the record, blocks in clusters, and which of them are used.
//!
//! `$INDEX_ALLOCATION` holds whole blocks, `$BITMAP` of the same name a bit for each, in multiples of 8 bytes. Both
//! are there only while the index is a large one (or was one, as ntfs-3g leaves them).
//! Source: Linux-NTFS documentation, "$INDEX_ALLOCATION" and "$BITMAP".

use super::attribute::{Attribute, Value, align};
use super::file::{File, fix};
use super::index::{self, Store};
use super::stretch::Stretch;
use super::{BITMAP, Editor};
use crate::bytes::u32_at;
use crate::error::{Error, Result};
use crate::fs::Tag;
use crate::fs::ntfs::record::{self, Reference, kind};

/// Longest bitmap of an index that is looked at: 2^27 blocks.
const MAX_BITMAP_BYTES: usize = 16 << 20;
/// A root of a large index that has no entry: its two headers and an end entry that leads to a block.
const LEAST_ROOT_BYTES: usize = 0x20 + 24;

/// The name of a directory's index.
pub(super) fn i30() -> Vec<u16> {
    "$I30".encode_utf16().collect()
}

/// A directory that is open for changes.
pub(super) struct Directory<'a> {
    pub(super) editor: &'a mut Editor,
    pub(super) file: File,
    /// Its path, for those who look at the patches.
    path: String,
    block_bytes: usize,
}

impl<'a> Directory<'a> {
    /// Opens a directory.
    ///
    /// # Errors
    /// When it is none, or its index is not one of names.
    pub(super) fn open(editor: &'a mut Editor, reference: Reference, path: &str) -> Result<Self> {
        let file = editor.load(reference)?;
        let damaged = || Error::damaged(format!("{path} has no index of names"));
        let root = file.attribute(kind::INDEX_ROOT, &i30()).and_then(Attribute::resident).ok_or_else(damaged)?;
        let block_bytes = u32_at(root, 8).unwrap_or(0) as usize;
        let is_index = u32_at(root, 0) == Some(super::FILE_NAME) && u32_at(root, 4) == Some(1) && file.is_directory();
        if !is_index || !block_bytes.is_power_of_two() || !(512..=65536).contains(&block_bytes) {
            return Err(damaged());
        }
        Ok(Self { editor, file, path: path.to_owned(), block_bytes })
    }

    fn record_bytes(&self) -> usize {
        self.editor.boot.record_bytes as usize
    }

    /// Bytes in what block numbers count.
    fn unit(&self) -> u64 {
        u64::from(index::vcn_unit_bytes(self.editor.boot.cluster_bytes, self.block_bytes as u32))
    }

    fn blocks(&self) -> Option<&Stretch> {
        self.file.attribute(kind::INDEX_ALLOCATION, &i30()).and_then(Attribute::stretch)
    }

    /// Where a block lies in `$INDEX_ALLOCATION`.
    fn block_at(&self, vcn: u64) -> Result<(&Stretch, u64)> {
        let blocks =
            self.blocks().ok_or_else(|| Error::damaged(format!("the index of {} has no blocks", self.path)))?;
        let at = vcn.checked_mul(self.unit());
        let inside = at.and_then(|at| at.checked_add(self.block_bytes as u64)).is_some_and(|end| end <= blocks.len);
        let whole = at.is_some_and(|at| at.is_multiple_of(self.block_bytes as u64));
        match at.filter(|_| inside && whole) {
            Some(at) => Ok((blocks, at)),
            None => Err(Error::damaged(format!("the index of {} has no block {vcn}", self.path))),
        }
    }

    /// Writes the directory's record in place; false when it has no room.
    fn write_in_place(&mut self, file: &File) -> Result<bool> {
        let Some(records) = file.in_place(self.record_bytes()) else { return Ok(false) };
        self.editor.write_changed(file, records, "index")?;
        self.reload()?;
        Ok(true)
    }

    fn reload(&mut self) -> Result<()> {
        self.file = self.editor.load(self.file.reference())?;
        Ok(())
    }

    /// Sets or clears a block's bit in the value, or in its clusters.
    fn mark(&mut self, file: &mut File, block: u64, used: bool) -> Result<()> {
        let wrong = || Error::damaged(format!("the bitmap of the index of {} contradicts it", self.path));
        let attribute = file.attribute_mut(BITMAP, &i30()).ok_or_else(wrong)?;
        let (at, bit) = (block / 8, 1u8 << (block % 8));
        let flip = |byte: &mut u8| {
            let free = *byte & bit == 0;
            *byte ^= bit;
            if free == used { Ok(()) } else { Err(wrong()) }
        };
        match attribute.value.clone() {
            Value::Resident(mut value) => {
                flip(value.get_mut(at as usize).ok_or_else(wrong)?)?;
                attribute.set(Value::Resident(value));
                Ok(())
            }
            Value::Stretch(stretch) => {
                let mut byte = [0];
                stretch.read(&self.editor.overlay, &self.editor.boot, at, &mut byte)?;
                flip(&mut byte[0])?;
                let tag = Tag::new(format!("bitmap of the index of {}", self.path)).span("blocks", block, block);
                stretch.write(&self.editor.overlay, &self.editor.boot, at, &byte, &tag)
            }
        }
    }

    /// The first block that is not used; the one behind the last when all are.
    fn free_block_number(&self) -> Result<u64> {
        let blocks = self.blocks().map_or(0, |blocks| blocks.len / self.block_bytes as u64);
        let Some(bitmap) = self.file.attribute(BITMAP, &i30()) else { return Ok(0) };
        let bits = self.editor.value(bitmap, MAX_BITMAP_BYTES)?;
        let is_free = |block: &u64| bits.get((block / 8) as usize).is_none_or(|byte| byte & (1 << (block % 8)) == 0);
        Ok((0..blocks).find(is_free).unwrap_or(blocks))
    }

    /// A block behind the last, and a bit for it.
    fn grow(&mut self, file: &mut File, block: u64) -> Result<()> {
        if file.attribute(kind::INDEX_ALLOCATION, &i30()).is_none() {
            file.add(Attribute::new(kind::INDEX_ALLOCATION, &i30(), Value::Stretch(Stretch::default())));
        }
        if file.attribute(BITMAP, &i30()).is_none() {
            file.add(Attribute::new(BITMAP, &i30(), Value::Resident(vec![0; 8])));
        }
        let blocks = file.attribute(kind::INDEX_ALLOCATION, &i30()).and_then(Attribute::stretch);
        let mut blocks = blocks.cloned().unwrap_or_default();
        blocks.check_lengths(&self.editor.boot, &format!("the index of {}", self.path))?;
        let (size, cluster) = (self.block_bytes as u64, u64::from(self.editor.boot.cluster_bytes));
        let len = (block + 1).saturating_mul(size);
        if len > blocks.allocated {
            let clusters = (size / cluster).max(1);
            let near = blocks.extents().last().map(|extent| extent.end());
            // In one piece where there is one; a block in several is read all the same.
            let whole = self.editor.allocate(clusters, near, clusters);
            let more = whole.or_else(|_| self.editor.allocate(clusters, near, 1))?;
            blocks.append(&more, &self.editor.boot);
        }
        (blocks.len, blocks.initialized) = (len, len);
        if let Some(attribute) = file.attribute_mut(kind::INDEX_ALLOCATION, &i30()) {
            attribute.set(Value::Stretch(blocks));
        }
        let what = format!("bitmap of the index of {}", self.path);
        self.editor.lengthen(file, BITMAP, &i30(), (block / 64 + 1) * 8, &what)
    }
}

impl Store for Directory<'_> {
    fn root(&self) -> Result<Vec<u8>> {
        let root = self.file.attribute(kind::INDEX_ROOT, &i30()).and_then(Attribute::resident);
        Ok(root.ok_or_else(|| Error::damaged("an index has no root"))?.to_vec())
    }

    fn set_root(&mut self, value: Vec<u8>) -> Result<bool> {
        let mut file = self.file.clone();
        if let Some(root) = file.attribute_mut(kind::INDEX_ROOT, &i30()) {
            root.set(Value::Resident(value));
        }
        self.write_in_place(&file)
    }

    fn root_room(&self) -> usize {
        let Some(root) = self.file.attribute(kind::INDEX_ROOT, &i30()) else { return 0 };
        let header = align(0x18 + root.name.len() * 2);
        let room = self.file.room(root.parts[0].home, self.record_bytes()) + root.part_bytes(0).len();
        (room / 8 * 8).saturating_sub(header)
    }

    fn small_root_room(&self) -> usize {
        let Some(root) = self.file.attribute(kind::INDEX_ROOT, &i30()) else { return 0 };
        let home = root.parts[0].home;
        let gone = [kind::INDEX_ALLOCATION, BITMAP].iter().filter_map(|kind| self.file.attribute(*kind, &i30()));
        let bytes = gone.flat_map(|attribute| {
            let here = attribute.parts.iter().enumerate().filter(move |(_, part)| part.home == home);
            here.map(|(at, _)| attribute.part_bytes(at).len())
        });
        self.root_room() + bytes.sum::<usize>()
    }

    fn block_bytes(&self) -> usize {
        self.block_bytes
    }

    fn read_block(&self, vcn: u64) -> Result<Vec<u8>> {
        let (blocks, at) = self.block_at(vcn)?;
        let mut bytes = vec![0; self.block_bytes];
        blocks.read(&self.editor.overlay, &self.editor.boot, at, &mut bytes)?;
        record::unfix(&mut bytes, b"INDX", blocks.place_of(&self.editor.boot, at))?;
        Ok(bytes)
    }

    fn write_block(&mut self, vcn: u64, block: &[u8]) -> Result<()> {
        let (blocks, at) = self.block_at(vcn)?;
        let mut bytes = block.to_vec();
        if bytes.len() != self.block_bytes {
            return Err(Error::damaged("an index block of another size"));
        }
        fix(&mut bytes)?;
        let tag = Tag::new(format!("index of {}", self.path)).part(format!("block {vcn}"));
        blocks.write(&self.editor.overlay, &self.editor.boot, at, &bytes, &tag)
    }

    fn allocate_block(&mut self) -> Result<u64> {
        let block = self.free_block_number()?;
        let vcn = block.saturating_mul(self.block_bytes as u64) / self.unit();
        let have = self.blocks().map_or(0, |blocks| blocks.len / self.block_bytes as u64);
        let overlay = std::sync::Arc::clone(&self.editor.overlay);
        let before = self.editor.keep();
        let done = overlay.attempt(|| {
            let mut file = self.file.clone();
            if block >= have || file.attribute(BITMAP, &i30()).is_none() {
                self.grow(&mut file, block)?;
            }
            self.mark(&mut file, block, true)?;
            if self.write_in_place(&file)? {
                return Ok(());
            }
            // As long as the root can give its entries to blocks, the file needs no further record.
            if self.root()?.len() > LEAST_ROOT_BYTES {
                return Err(Error::refused(format!("the record of {} has no room for a larger index", self.path)));
            }
            self.editor.store(file, "index")?;
            self.reload()
        });
        if done.is_err() {
            self.editor.restore(before);
        }
        done.map(|()| vcn)
    }

    fn free_block(&mut self, vcn: u64) -> Result<()> {
        let (_, at) = self.block_at(vcn)?;
        let mut file = self.file.clone();
        self.mark(&mut file, at / self.block_bytes as u64, false)?;
        self.editor.store(file, "index")?;
        self.reload()
    }

    fn drop_blocks(&mut self) -> Result<()> {
        let mut file = self.file.clone();
        for kind in [kind::INDEX_ALLOCATION, BITMAP] {
            let extents = file.attribute(kind, &i30()).and_then(Attribute::stretch).map(Stretch::extents);
            for extent in extents.unwrap_or_default() {
                self.editor.set_used(extent, false)?;
            }
            file.remove(kind, &i30());
        }
        self.editor.store(file, "index")?;
        self.reload()
    }
}

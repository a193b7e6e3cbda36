//! A directory that is being changed: its entries, with their places.
//!
//! Rules of fatgen103, "FAT Directory Structure", that are relied on: an entry whose first byte is E5 is free, and so
//! are one that begins with 00 and all behind it, whatever they hold; a directory has at most 65,536 entries; one that
//! is not the root begins with `.` (its own first cluster) and `..` (the first cluster of the one above, and 0 when
//! this is the root), and no directory has a length.

use std::collections::HashSet;
use std::ffi::OsString;
use std::ops::Range;

use super::Editor;
use super::names;
use crate::device::read_vec;
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::Tag;
use crate::fs::fat::boot::Root;
use crate::fs::fat::directory::{
    ATTRIBUTES, DIRECTORY, ENTRY_BYTES, HIDDEN, LONG_NAME, MAX_DIRECTORY_BYTES, READ_ONLY, RawEntry, SYSTEM,
    VOLUME_LABEL, is_dots,
};
use crate::fs::fat::name::{LongName, fold, short_name};
use crate::unit::{ByteLen, ByteOffset};

/// The first byte of an entry that was deleted.
const DELETED: u8 = 0xE5;
/// What a file has that Lifeboat makes, so that nobody deletes it by mistake.
pub(super) const FILE_ATTRIBUTES: u8 = READ_ONLY | HIDDEN | SYSTEM;
/// The same of a directory.
pub(super) const DIRECTORY_ATTRIBUTES: u8 = FILE_ATTRIBUTES | DIRECTORY;

/// A moment as FAT writes it: days since 1980, two seconds, and hundredths for those of creation.
#[derive(Clone, Copy)]
pub(super) struct Stamp {
    date: u16,
    time: u16,
    hundredths: u8,
}

impl Stamp {
    /// fatgen103, "Date and Time Formats": 1980 to 2107; what lies outside becomes the nearest.
    pub(super) fn of(now: jiff::civil::DateTime) -> Self {
        // After the clamps each part has the bits that it may take.
        let year = (now.year().clamp(1980, 2107) - 1980) as u16;
        let part = |value: i8| u16::from(value.unsigned_abs());
        Self {
            date: year << 9 | part(now.month()) << 5 | part(now.day()),
            time: part(now.hour()) << 11 | part(now.minute()) << 5 | (part(now.second()) / 2),
            hundredths: now.second().unsigned_abs() % 2 * 100,
        }
    }

    /// Makes it the time of an entry's last change.
    pub(super) fn put(self, raw: &mut RawEntry) {
        raw.time.set(self.time);
        raw.date.set(self.date);
    }
}

/// A file or directory in a directory.
#[derive(Clone)]
pub(super) struct Item {
    /// Its entries: those of its long name, and the short one, which is the last.
    pub slots: Range<usize>,
    /// Its long name, or its short one.
    pub name: OsString,
    raw: RawEntry,
}

impl Item {
    pub(super) fn is_directory(&self) -> bool {
        self.raw.attributes & DIRECTORY != 0
    }

    /// True when a directory has the attributes of those that Lifeboat makes.
    pub(super) fn is_ours(&self) -> bool {
        self.raw.attributes & ATTRIBUTES == DIRECTORY_ATTRIBUTES
    }

    pub(super) fn bytes(&self) -> u64 {
        self.raw.bytes.get().into()
    }

    /// The first cluster; 0 when there is none.
    pub(super) fn cluster(&self, wide: bool) -> u32 {
        first_cluster(&self.raw, wide)
    }
}

/// The first cluster that an entry names. FAT12/16 volumes may hold something else where FAT32 has the high half.
pub(super) fn first_cluster(raw: &RawEntry, wide: bool) -> u32 {
    let high = if wide { u32::from(raw.cluster_high.get()) << 16 } else { 0 };
    (high | u32::from(raw.cluster_low.get())) & 0x0FFF_FFFF
}

/// Makes an entry name another first cluster.
pub(super) fn set_first_cluster(raw: &mut RawEntry, number: u32, wide: bool) {
    raw.cluster_low.set(number as u16);
    if wide {
        raw.cluster_high.set((number >> 16) as u16);
    }
}

/// A directory, read whole.
pub(super) struct Folder {
    /// Its path, for messages.
    pub path: String,
    /// Its clusters; or where it lies when it is the root of FAT12/16.
    place: Place,
    /// Its entries.
    pub bytes: Vec<u8>,
}

enum Place {
    Region(ByteOffset),
    /// The clusters' numbers, and whether this is the root.
    Chain(Vec<u32>, bool),
}

impl Folder {
    /// How many entries there is room for.
    pub(super) fn slots(&self) -> usize {
        self.bytes.len() / ENTRY_BYTES
    }

    pub(super) fn entry(&self, slot: usize) -> RawEntry {
        let mut raw = [0; ENTRY_BYTES];
        raw.copy_from_slice(&self.bytes[slot * ENTRY_BYTES..][..ENTRY_BYTES]);
        zerocopy::transmute!(raw)
    }

    /// The first entry that begins with 00: it and all behind it are free.
    pub(super) fn end(&self) -> usize {
        (0..self.slots()).find(|slot| self.bytes[slot * ENTRY_BYTES] == 0).unwrap_or(self.slots())
    }

    /// Its first cluster as `..` of the directories in it names it: 0 for the root.
    fn parent_number(&self) -> u32 {
        match &self.place {
            Place::Chain(clusters, false) => clusters.first().copied().unwrap_or(0),
            _ => 0,
        }
    }

    /// The files and directories in it.
    pub(super) fn items(&self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut long = LongName::default();
        let mut start = 0;
        for slot in 0..self.end() {
            let raw = self.entry(slot);
            match raw.name[0] {
                DELETED => long.clear(),
                _ if raw.attributes & ATTRIBUTES == LONG_NAME => {
                    let bytes: [u8; ENTRY_BYTES] = zerocopy::transmute!(raw);
                    if bytes[0] & 0x40 != 0 {
                        start = slot;
                    }
                    long.push(&bytes);
                }
                _ if raw.attributes & VOLUME_LABEL != 0 || is_dots(&raw.name) => long.clear(),
                _ => {
                    let (first, name) = match long.take(&raw.name) {
                        Some(name) => (start, name),
                        None => (slot, short_name(&raw).into()),
                    };
                    items.push(Item { slots: first..slot + 1, name, raw });
                }
            }
        }
        items
    }

    /// What has this long or short name, whatever its case.
    pub(super) fn find(&self, name: &[u8]) -> Option<Item> {
        let wanted = fold(name);
        let is = |item: &Item| {
            fold(item.name.as_encoded_bytes()) == wanted || fold(short_name(&item.raw).as_bytes()) == wanted
        };
        self.items().into_iter().find(is)
    }

    /// What has this name for its own. A short name beside a long one is not meant: on another volume, or another day,
    /// it stands for another file.
    ///
    /// # Errors
    /// `Refused` when it is the short name of something.
    pub(super) fn find_own(&self, name: &[u8]) -> Result<Option<Item>> {
        let wanted = fold(name);
        if let Some(own) = self.items().into_iter().find(|item| fold(item.name.as_encoded_bytes()) == wanted) {
            return Ok(Some(own));
        }
        match self.find(name) {
            None => Ok(None),
            Some(other) => Err(Error::refused(format!(
                "{} is the short name of {}",
                below(&self.path, &String::from_utf8_lossy(name)),
                other.name.display()
            ))
            .advise("Name the file by its long name")),
        }
    }

    /// Where so many free entries follow each other: the first place, or, when there is none, the first of those at
    /// the end that are free.
    fn room(&self, wanted: usize) -> Result<usize, usize> {
        let end = self.end();
        let mut free = 0;
        for slot in 0..end {
            free = if self.bytes[slot * ENTRY_BYTES] == DELETED { free + 1 } else { 0 };
            if free == wanted {
                return Ok(slot + 1 - wanted);
            }
        }
        let first = end - free;
        if self.slots() - first >= wanted { Ok(first) } else { Err(first) }
    }
}

impl Editor {
    /// The root directory.
    pub(super) fn root_folder(&self) -> Result<Folder> {
        match self.volume.boot.root {
            Root::Region { offset, bytes } => Ok(Folder {
                path: "/".into(),
                place: Place::Region(offset),
                bytes: read_vec(&*self.overlay, offset, ByteLen(bytes).to_usize().unwrap_or(0))?,
            }),
            Root::Chain(cluster) => self.chain_folder(cluster, "/".into(), true),
        }
    }

    /// A directory that is not the root.
    pub(super) fn subfolder(&self, cluster: u32, path: String) -> Result<Folder> {
        self.chain_folder(cluster, path, false)
    }

    fn chain_folder(&self, cluster: u32, path: String, is_root: bool) -> Result<Folder> {
        let limit = MAX_DIRECTORY_BYTES.div_ceil(self.cluster_bytes());
        let runs = self.volume.table.chain(cluster, limit);
        let runs = runs.map_err(|error| error.context(format!("following the clusters of directory {path}")))?;
        let (mut bytes, mut clusters) = (Vec::new(), Vec::new());
        for run in runs {
            let (offset, len) = self.volume.bytes_of(run);
            // At most `limit` clusters in all, and their numbers come from the FAT.
            bytes.extend(read_vec(&*self.overlay, offset, len as usize)?);
            clusters.extend((run.start.0..run.end()).map(|number| number as u32));
        }
        Ok(Folder { path, place: Place::Chain(clusters, is_root), bytes })
    }

    /// The directory that a path leads to.
    pub(super) fn folder(&self, path: &std::path::Path) -> Result<Folder> {
        let mut folder = self.root_folder()?;
        for name in names::components(path)? {
            let item = folder.find(name.as_encoded_bytes()).ok_or_else(|| names::missing(path))?;
            folder = self.enter(&folder, &item)?;
        }
        Ok(folder)
    }

    /// A directory in a directory.
    pub(super) fn enter(&self, folder: &Folder, item: &Item) -> Result<Folder> {
        let path = below(&folder.path, &item.name.to_string_lossy());
        if !item.is_directory() {
            return Err(Error::refused(format!("{path} is a file, not a directory")));
        }
        self.subfolder(item.cluster(self.is_wide()), path)
    }

    /// The clusters of a file or directory.
    pub(super) fn item_chain(&self, item: &Item) -> Result<Vec<Extent>> {
        let cluster = item.cluster(self.is_wide());
        if cluster == 0 && item.bytes() == 0 && !item.is_directory() {
            return Ok(Vec::new());
        }
        let most = if item.is_directory() { MAX_DIRECTORY_BYTES } else { super::MAX_FILE_BYTES };
        self.volume.table.chain(cluster, most.div_ceil(self.cluster_bytes()))
    }

    /// Where an entry lies in the volume. Clusters are multiples of entries, so none is cut.
    fn place_of(&self, folder: &Folder, slot: usize) -> ByteOffset {
        let at = (slot * ENTRY_BYTES) as u64;
        match &folder.place {
            Place::Region(offset) => ByteOffset(offset.0 + at),
            Place::Chain(clusters, _) => {
                let number = clusters[(at / self.cluster_bytes()) as usize];
                ByteOffset(self.volume.boot.offset_of(number).0 + at % self.cluster_bytes())
            }
        }
    }

    /// Writes the first bytes of an entry, or all.
    fn write_slot(&self, folder: &mut Folder, slot: usize, raw: &[u8]) -> Result<()> {
        let tag = Tag::new(format!("directory {}", folder.path)).span("entries", slot as u64, slot as u64);
        self.overlay.write(self.place_of(folder, slot), raw, tag)?;
        folder.bytes[slot * ENTRY_BYTES..][..raw.len()].copy_from_slice(raw);
        Ok(())
    }

    /// Writes an entry.
    pub(super) fn write_entry(&self, folder: &mut Folder, slot: usize, raw: RawEntry) -> Result<()> {
        let bytes: [u8; ENTRY_BYTES] = zerocopy::transmute!(raw);
        self.write_slot(folder, slot, &bytes)
    }

    /// Changes the short entry of an item.
    pub(super) fn set_item(&self, folder: &mut Folder, item: &Item, act: impl FnOnce(&mut RawEntry)) -> Result<()> {
        let slot = item.slots.end - 1;
        let mut raw = folder.entry(slot);
        act(&mut raw);
        self.write_entry(folder, slot, raw)
    }

    /// Makes a name in a directory, which leads to a cluster.
    pub(super) fn insert(
        &mut self,
        folder: &mut Folder,
        name: &str,
        attributes: u8,
        cluster: u32,
        bytes: u32,
    ) -> Result<()> {
        let units = names::check(name)?;
        let mut taken = HashSet::new();
        for item in folder.items() {
            taken.insert(fold(item.name.as_encoded_bytes()));
            taken.insert(fold(short_name(&item.raw).as_bytes()));
        }
        if taken.contains(&fold(name.as_bytes())) {
            return Err(Error::refused(format!("there is something named {name} in {} already", folder.path))
                .advise("Capitals and small letters are the same on FAT; give it another name"));
        }
        let (short, exact) = names::short_for(name, |short| {
            let raw = RawEntry { name: *short, ..RawEntry::default() };
            taken.contains(&fold(short_name(&raw).as_bytes()))
        })?;
        let mut entries = if exact { Vec::new() } else { names::long_entries(&units, &short) };
        let entry: [u8; ENTRY_BYTES] = zerocopy::transmute!(self.new_entry(short, attributes, cluster, bytes));
        entries.push(entry);
        let end = folder.end();
        let first = self.make_room(folder, entries.len())?;
        for (index, raw) in entries.iter().enumerate() {
            self.write_slot(folder, first + index, raw)?;
        }
        // Behind the end anything may lie; it must not come to light.
        let next = first + entries.len();
        if next > end && next < folder.slots() && folder.bytes[next * ENTRY_BYTES] != 0 {
            self.write_slot(folder, next, &[0])?;
        }
        Ok(())
    }

    fn new_entry(&self, name: [u8; 11], attributes: u8, cluster: u32, bytes: u32) -> RawEntry {
        let Stamp { date, time, hundredths } = self.stamp;
        let (low, high) = (time.to_le_bytes(), date.to_le_bytes());
        let mut raw = RawEntry { name, attributes, ..RawEntry::default() };
        raw.created_and_read = [hundredths, low[0], low[1], high[0], high[1], high[0], high[1]];
        self.stamp.put(&mut raw);
        raw.bytes.set(bytes);
        set_first_cluster(&mut raw, cluster, self.is_wide());
        raw
    }

    /// Finds room for entries in a directory, which grows if need be.
    fn make_room(&mut self, folder: &mut Folder, wanted: usize) -> Result<usize> {
        let first = match folder.room(wanted) {
            Ok(first) => return Ok(first),
            Err(first) => first,
        };
        let have = folder.slots() - first;
        let full = |why: String| {
            Error::refused(format!(
                "directory {} has room for {} entries, of which {have} in a row are free, and {wanted} are needed; {why}",
                folder.path,
                folder.slots()
            ))
        };
        let Place::Chain(clusters, _) = &folder.place else {
            return Err(full("the root directory of FAT12 and FAT16 cannot grow".into())
                .advise("Move a file out of the root directory, or use a directory that is not the root"));
        };
        let more = ((wanted - have) * ENTRY_BYTES).div_ceil(self.volume.boot.cluster_bytes as usize);
        let len = folder.bytes.len() as u64 + more as u64 * self.cluster_bytes();
        let Some(mut last) = clusters.last().copied().filter(|_| len <= MAX_DIRECTORY_BYTES) else {
            let most = MAX_DIRECTORY_BYTES / ENTRY_BYTES as u64;
            return Err(full(format!("no directory has more than {most}")).advise("Use another directory"));
        };
        for _ in 0..more {
            let number = self.new_cluster(&folder.path)?;
            self.set(last, number)?;
            last = number;
            if let Place::Chain(clusters, _) = &mut folder.place {
                clusters.push(number);
            }
            folder.bytes.resize(folder.bytes.len() + self.volume.boot.cluster_bytes as usize, 0);
        }
        Ok(first)
    }

    /// A cluster of zeros for a directory.
    fn new_cluster(&mut self, path: &str) -> Result<u32> {
        let number = self.allocate(&format!("directory {path}"))?;
        let zeros = vec![0; self.volume.boot.cluster_bytes as usize];
        let tag = Tag::new(format!("directory {path}")).part("new cluster");
        self.overlay.write(self.volume.boot.offset_of(number), &zeros, tag)?;
        Ok(number)
    }

    /// Makes a directory in a directory.
    pub(super) fn make_folder(&mut self, parent: &mut Folder, name: &str) -> Result<Folder> {
        names::check(name)?;
        let path = below(&parent.path, name);
        let number = self.new_cluster(&path)?;
        self.insert(parent, name, DIRECTORY_ATTRIBUTES, number, 0)?;
        let bytes = vec![0; self.volume.boot.cluster_bytes as usize];
        let mut folder = Folder { path, place: Place::Chain(vec![number], false), bytes };
        let own = self.new_entry(*b".          ", DIRECTORY, number, 0);
        let above = self.new_entry(*b"..         ", DIRECTORY, parent.parent_number(), 0);
        self.write_entry(&mut folder, 0, own)?;
        self.write_entry(&mut folder, 1, above)?;
        Ok(folder)
    }

    /// Takes a name out of a directory: its entries are free afterwards.
    pub(super) fn remove(&self, folder: &mut Folder, item: &Item) -> Result<()> {
        item.slots.clone().try_for_each(|slot| self.write_slot(folder, slot, &[DELETED]))
    }
}

/// The path of what lies in a directory.
pub(super) fn below(directory: &str, name: &str) -> String {
    format!("{}/{name}", directory.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_becomes_what_fat_writes() {
        let stamp = Stamp::of(jiff::civil::datetime(2026, 11, 21, 4, 45, 57, 0));
        assert_eq!((stamp.date, stamp.time), (46 << 9 | 11 << 5 | 21, 4 << 11 | 45 << 5 | 28));
        assert_eq!(stamp.hundredths, 100);
        assert_eq!(Stamp::of(jiff::civil::datetime(1970, 1, 2, 0, 0, 0, 0)).date, 1 << 5 | 2);
    }

    #[test]
    fn room_is_found_among_the_deleted_and_at_the_end() {
        let folder = |marks: &[u8]| Folder {
            path: "/".into(),
            place: Place::Region(ByteOffset::ZERO),
            bytes: marks.iter().flat_map(|mark| [*mark; ENTRY_BYTES]).collect(),
        };
        assert_eq!(folder(&[1, 0xE5, 1, 0xE5, 0xE5, 1, 0, 9]).room(2), Ok(3));
        assert_eq!(folder(&[1, 0xE5, 1, 0xE5, 0, 9, 9]).room(3), Ok(3));
        assert_eq!(folder(&[1, 0xE5, 1, 0xE5, 0]).room(3), Err(3));
        assert_eq!(folder(&[1, 1]).room(1), Err(2));
    }
}

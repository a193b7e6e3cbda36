//! Extended attributes: inside inodes, and in blocks that inodes with equal attributes share.
//!
//! Source: the kernel's ext4 documentation, "Extended Attributes". That hashes must be right, and that values must
//! not lie on each other, are e2fsck's rules.

use super::doubles::Double;
use super::{Look, Shared, cluster_of};
use crate::error::Result;
use crate::fs::Finding;
use crate::fs::ext::checksum;
use crate::fs::ext::feature::{incompat, ro_compat};
use crate::fs::ext::field::{halves, le16, le32};
use crate::fs::ext::marks::Marks;
use crate::fs::ext::record::{Record, flag};
use crate::unit::ByteOffset;

/// `h_magic`, in both places.
const MAGIC: u32 = 0xea02_0000;
/// Bytes of an entry before its name.
const ENTRY_BYTES: usize = 16;
/// Bytes before the entries of an attribute block.
const HEADER_BYTES: usize = 32;
/// A value that has its own inode is at most so long; a longer length is damage.
const MAX_VALUE_BYTES: u32 = 1 << 24;

/// The attribute that says how a file is encrypted: its prefix, its name.
const POLICY: (u8, &[u8]) = (9, b"c");
/// Large values whose references are counted: 32 MiB. On a volume with more they are not.
const MAX_VALUES: usize = 1 << 21;

/// What the attributes of an inode tell of its other parts.
#[derive(Default)]
pub(super) struct Told {
    /// Allocation units that its large values take.
    pub(super) value_clusters: u64,
    /// How many of these there are.
    pub(super) values: u64,
    /// There is an encryption policy.
    pub(super) has_policy: bool,
    /// Bytes of `system.data`: inline content beyond the first 60.
    pub(super) inline_bytes: Option<usize>,
    /// The place of that value in the record.
    pub(super) inline_at: usize,
}

/// A list of entries, with the bytes that their values lie in.
struct List<'r> {
    entries: &'r [u8],
    /// Values are counted from here.
    values: &'r [u8],
    /// How far into `values` the entries begin: values must lie behind them.
    entries_at: usize,
    /// In a block an entry must have its hash, in an inode it may be 0.
    in_block: bool,
    /// The inode that leads here.
    owner: u32,
    /// It was looked at before, for another inode: what it leads to is counted already.
    is_counted: bool,
    place: ByteOffset,
}

impl Look<'_> {
    /// The attributes of one inode.
    pub(super) fn attributes(&mut self, record: Record<'_>) -> Result<Told> {
        let mut told = Told::default();
        if let Some(room) = record.room_for_attributes()
            && le32(room, 0) == MAGIC
        {
            let at = record.raw.len() - room.len() + 4;
            let list = List {
                entries: &room[4..],
                values: &room[4..],
                entries_at: 0,
                in_block: false,
                owner: record.number,
                is_counted: false,
                place: record.at(at as u64),
            };
            let problem = self.list(&list, &mut told);
            told.inline_at += at;
            if let Err((rule, message)) = problem {
                self.report.add_of(record.number, Finding::error(rule, message).at(list.place));
            }
        }
        let block = record.attribute_block(self.features());
        if block != 0 {
            self.attribute_block(record, block, &mut told)?;
        }
        Ok(told)
    }

    /// A block of attributes: looked at when it is met first, and counted each time.
    fn attribute_block(&mut self, record: Record<'_>, block: u64, told: &mut Told) -> Result<()> {
        let place = record.at(0x68);
        if block < u64::from(self.superblock.first_data_block).max(1) || block >= self.superblock.blocks {
            let message = format!("its attribute block is block {block}, out of the volume");
            self.report.add_of(record.number, Finding::error("ext.attributes.range", message).at(place));
            return Ok(());
        }
        if let Some(shared) = self.attribute_blocks.get_mut(&block) {
            shared.found = shared.found.saturating_add(1);
            if self.features().incompat(incompat::EA_INODE) || record.has(flag::ENCRYPTED) {
                let raw = self.volume.source.block(block, place)?;
                let again = List { is_counted: true, ..whole_block(&raw, record.number, place) };
                let _ = self.list(&again, told);
            }
            return Ok(());
        }
        if self.clusters.insert_run(cluster_of(self.superblock, block), 1).is_some() {
            self.double(Double { inode: record.number, is_attributes: true, block, blocks: 1 });
        }
        let raw = self.volume.source.block(block, place)?;
        let own_place = self.volume.source.offset_of(block);
        self.attribute_blocks.insert(block, Shared { says: le32(&raw, 4), found: 1 });
        let mut add = |rule, message| {
            self.report.add_of(record.number, Finding::error(rule, message).at(own_place).in_cluster(block));
        };
        if le32(&raw, 0) != MAGIC || le32(&raw, 8) != 1 {
            add("ext.attributes.magic", format!("its attribute block begins with {:#010x}", le32(&raw, 0)));
            return Ok(());
        }
        if self.superblock.features.ro_compat(ro_compat::METADATA_CSUM) {
            let (stored, computed) = (le32(&raw, 0x10), checksum::attributes(self.superblock, block, &raw));
            if stored != computed {
                let message = format!("its attribute block's checksum is {stored:#010x}, and must be {computed:#010x}");
                add("ext.attributes.checksum", message);
            }
        }
        if let Err((rule, message)) = self.list(&whole_block(&raw, record.number, own_place), told) {
            self.report.add_of(record.number, Finding::error(rule, message).at(own_place).in_cluster(block));
        }
        Ok(())
    }

    /// The entries of a list, and their values.
    fn list(&mut self, list: &List<'_>, told: &mut Told) -> std::result::Result<(), (&'static str, String)> {
        let mut taken = Marks::new(list.values.len() as u64);
        let mut at = 0;
        while le32(list.entries, at) != 0 {
            let bad = |what: &str| Err(("ext.attributes.entry", format!("an extended attribute {what}")));
            let Some(head) = list.entries.get(at..at + ENTRY_BYTES) else { return bad("reaches out of its room") };
            let (name_len, index) = (usize::from(head[0]), head[1]);
            let Some(name) = list.entries.get(at + ENTRY_BYTES..at + ENTRY_BYTES + name_len) else {
                return bad("has a name that reaches out of its room");
            };
            let next = at + (ENTRY_BYTES + name_len).next_multiple_of(4);
            taken.insert_run((list.entries_at + at) as u64, (next - at) as u64);
            told.has_policy |= (index, name) == POLICY;
            let (from, inode, len) = (usize::from(le16(head, 2)), le32(head, 4), le32(head, 8));
            if inode != 0 {
                let stored = le32(head, 12);
                let hash = self.large_value(inode, len, list, told)?;
                if let Some(hash) = hash.filter(|hash| !hashes_of(name, &hash.to_le_bytes()).contains(&stored)) {
                    let message = format!("an extended attribute's hash is {stored:#010x}, its value's {hash:#010x}");
                    return Err(("ext.attributes.hash", message));
                }
            } else {
                let from = if len == 0 { 0 } else { from };
                let Some(value) = list.values.get(from..from.saturating_add(len as usize)) else {
                    return bad("has a value that reaches out of its room");
                };
                if len > 0 && taken.insert_run(from as u64, u64::from(len).next_multiple_of(4)).is_some() {
                    return bad("has a value that lies in another");
                }
                let stored = le32(head, 12);
                if (list.in_block || stored != 0) && !hashes(name, value, list, from).contains(&stored) {
                    let message = format!("an extended attribute's hash is {stored:#010x}, which it is not");
                    return Err(("ext.attributes.hash", message));
                }
                if (index, name) == (7, b"data".as_slice()) && !list.in_block {
                    (told.inline_bytes, told.inline_at) = (Some(len as usize), from);
                }
            }
            at = next;
        }
        let end = list.entries_at + at;
        // The list ends with a zero; a value must not lie on it.
        if at + 4 <= list.entries.len() && taken.insert_run(end as u64, 4).is_some() {
            return Err(("ext.attributes.entry", "an extended attribute's value lies in the list".to_owned()));
        }
        Ok(())
    }

    /// A value in an inode of its own: the feature `ea_inode`. Its hash stands where other inodes have the time of the
    /// last access. Inodes that Lustre made name their owner where others have the time of the last change, and have
    /// none (e2fsck).
    fn large_value(
        &mut self,
        inode: u32,
        len: u32,
        list: &List<'_>,
        told: &mut Told,
    ) -> std::result::Result<Option<u32>, (&'static str, String)> {
        let message =
            |what: &str| Err(("ext.attributes.value", format!("an attribute's value, inode {inode}, {what}")));
        if !self.features().incompat(incompat::EA_INODE) {
            return message("is not possible in this volume");
        }
        if inode < self.facts.first_inode || inode > self.superblock.inodes || len > MAX_VALUE_BYTES {
            return message("does not exist");
        }
        let (source, superblock, table) = (&self.volume.source, self.superblock, &self.volume.table);
        let found = crate::fs::ext::inode::Inode::read(source, superblock, table, inode);
        let Some(found) = found.ok().filter(|found| le32(found.raw(), 0x20) & flag::EA_INODE != 0) else {
            return message("is not one that holds a value");
        };
        let is_of_lustre = le32(found.raw(), 0x10) == list.owner;
        let hash = (!is_of_lustre).then(|| le32(found.raw(), 0x08));
        self.values.insert(u64::from(inode));
        if hash.is_some() && !list.is_counted && self.value_references.len() < MAX_VALUES {
            *self.value_references.entry(inode).or_default() += 1;
        }
        let cluster = u64::from(superblock.block_bytes) * u64::from(superblock.cluster_blocks);
        told.values += 1;
        told.value_clusters += u64::from(len).div_ceil(cluster);
        if found.bytes != u64::from(len) {
            return message(&format!("has {} bytes, and the attribute {len}", found.bytes));
        }
        Ok(hash)
    }

    /// How many inodes lead to each attribute block, against what it says.
    pub(super) fn attribute_references(&mut self) {
        let mut blocks: Vec<_> =
            self.attribute_blocks.drain().filter(|(_, shared)| shared.says != shared.found).collect();
        blocks.sort_unstable_by_key(|(block, _)| *block);
        for (block, shared) in blocks {
            let message =
                format!("an attribute block says that {} inodes lead to it, and {} do", shared.says, shared.found);
            let place = ByteOffset(self.volume.source.offset_of(block).0 + 4);
            self.report.add(Finding::error("ext.attributes.references", message).at(place).in_cluster(block));
        }
        self.value_references();
    }

    /// How many attributes lead to each large value, against what its inode says: 64 bits, the upper half of which
    /// stands where other inodes have the time of their change, the lower in `i_version`.
    fn value_references(&mut self) {
        let mut found: Vec<(u32, u32)> = self.value_references.drain().collect();
        if found.len() >= MAX_VALUES {
            return;
        }
        found.sort_unstable();
        let (source, superblock, table) = (&self.volume.source, self.superblock, &self.volume.table);
        for (number, found) in found {
            let Ok(inode) = crate::fs::ext::inode::Inode::read(source, superblock, table, number) else { continue };
            let says = halves(le32(inode.raw(), 0x24), le32(inode.raw(), 0x0c));
            if says != u64::from(found) {
                let message = format!("it says that {says} attributes have their value in it, and {found} do");
                let finding = Finding::error("ext.attributes.value_references", message);
                self.report.add_of(number, finding.at(ByteOffset(inode.place.0 + 0x24)));
            }
        }
    }
}

fn whole_block(raw: &[u8], owner: u32, place: ByteOffset) -> List<'_> {
    let entries = raw.get(HEADER_BYTES..).unwrap_or_default();
    List { entries, values: raw, entries_at: HEADER_BYTES, in_block: true, owner, is_counted: false, place }
}

/// `e_hash` of an entry: its name's bytes, then its value's words, padded with zeros. Some kernels took the name's
/// bytes as signed numbers; both are right (e2fsck).
fn hashes(name: &[u8], value: &[u8], list: &List<'_>, from: usize) -> [u32; 2] {
    // A value is padded in its place, so the bytes behind it are hashed as they lie there.
    let padded = list.values.get(from..(from + value.len().next_multiple_of(4)).min(list.values.len()));
    hashes_of(name, padded.unwrap_or(value))
}

/// The hash of a name and of words, with the name's bytes as unsigned and as signed numbers.
fn hashes_of(name: &[u8], words: &[u8]) -> [u32; 2] {
    [false, true].map(|signed| {
        let byte = |byte: u8| if signed { i32::from(byte.cast_signed()).cast_unsigned() } else { u32::from(byte) };
        let of_name = name.iter().fold(0u32, |hash, next| hash.rotate_left(5) ^ byte(*next));
        words.chunks(4).fold(of_name, |hash, word| {
            let mut four = [0; 4];
            four[..word.len()].copy_from_slice(word);
            hash.rotate_left(16) ^ u32::from_le_bytes(four)
        })
    })
}

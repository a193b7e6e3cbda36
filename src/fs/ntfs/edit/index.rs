//! Changes of a directory's index, the B-tree `$I30`.
//!
//! The tree is worked on through a [`Store`], which knows where the root, the blocks and their bitmap lie. A change
//! that fails may have changed some blocks of the store already: the caller undoes them (`Overlay::attempt`).
//!
//! | Offset | Size | Meaning (value of `$INDEX_ROOT`) |
//! |---|---|---|
//! | 0x00 | 4 | type of the attribute whose values are the keys: 0x30, `$FILE_NAME` |
//! | 0x04 | 4 | collation: 1, `COLLATION_FILE_NAME` |
//! | 0x08 | 4 | bytes in an index block |
//! | 0x0C | 1 | block numbers in an index block: clusters, or 512-byte units when a cluster is larger than a block |
//! | 0x10 | 16 | index header |
//! | 0x20 | | entries |
//!
//! | Offset | Size | Meaning (index block) |
//! |---|---|---|
//! | 0x00 | 4 | `INDX` |
//! | 0x04 | 2 + 2 | where the update sequence array lies (0x28), and its entries |
//! | 0x08 | 8 | the log's sequence number of the last change |
//! | 0x10 | 8 | the block's own number |
//! | 0x18 | 16 | index header |
//! | 0x28 | | update sequence array; the entries follow, at a multiple of 8 |
//!
//! | Offset | Size | Meaning (index header; offsets count from its first byte) |
//! |---|---|---|
//! | 0x00 | 4 | where the first entry lies |
//! | 0x04 | 4 | where the last entry ends |
//! | 0x08 | 4 | where the node's room ends; in a root this is where the last entry ends |
//! | 0x0C | 1 | in a block 1: its entries have subtrees; in a root 1: there are blocks |
//!
//! | Offset | Size | Meaning (entry) |
//! |---|---|---|
//! | 0x00 | 8 | reference of the record; 0 in an end entry |
//! | 0x08 | 2 | length of the entry, a multiple of 8 |
//! | 0x0A | 2 | length of the key, a `$FILE_NAME`; 0 in an end entry |
//! | 0x0C | 2 | flags: 1 has a subtree (of names before it), whose block's number is its last 8 bytes; 2 ends its node |
//! | 0x10 | | key, then zeros up to a multiple of 8 |
//!
//! Source: Linux-NTFS documentation, "$INDEX_ROOT", "$INDEX_ALLOCATION", "Index Header" and "Index Entry".

mod node;
mod path;
mod settle;
#[cfg(test)]
mod tests;
mod walk;

use self::node::Entry;
use self::path::{Level, Path};
use crate::error::{Error, Result};
use crate::fs::ntfs::name::{self, UpCase};
use crate::fs::ntfs::record::Reference;

/// Where an index lives: its root in the record, its blocks in `$INDEX_ALLOCATION`, which of them are used in its
/// `$BITMAP`. Block numbers ("VCN") are whatever the volume counts them in: the tree stores and passes them on.
pub(in crate::fs::ntfs) trait Store {
    /// The value of `$INDEX_ROOT`.
    fn root(&self) -> Result<Vec<u8>>;

    /// Changes the value of `$INDEX_ROOT`; false when it does not fit the record, and then nothing was changed.
    fn set_root(&mut self, value: Vec<u8>) -> Result<bool>;

    /// The length of the longest `$INDEX_ROOT` value that would fit now.
    fn root_room(&self) -> usize;

    /// The same, if [`drop_blocks`](Self::drop_blocks) were called before.
    fn small_root_room(&self) -> usize {
        self.root_room()
    }

    /// Bytes in an index block.
    fn block_bytes(&self) -> usize;

    /// The bytes of a block, its fixups verified and taken back.
    fn read_block(&self, vcn: u64) -> Result<Vec<u8>>;

    /// Changes a block; its header says where the update sequence array lies, whose first entry is the number it had
    /// (0 in a new block). The store counts it up and applies the fixups.
    fn write_block(&mut self, vcn: u64, block: &[u8]) -> Result<()>;

    /// The number of a block that was free or is new, now marked as used: `$INDEX_ALLOCATION` and `$BITMAP` are made
    /// and grow as needed. When the record has no room for that it is `Refused`, and nothing was changed: the tree then
    /// moves the root's entries into a block, and asks again while the root is as small as it can be.
    fn allocate_block(&mut self) -> Result<u64>;

    /// Marks a block as free.
    fn free_block(&mut self, vcn: u64) -> Result<()>;

    /// The index has become a small one, all blocks are free: `$INDEX_ALLOCATION` and `$BITMAP` may go. (They may
    /// also stay, as ntfs-3g leaves them; they serve when blocks are asked for again.)
    fn drop_blocks(&mut self) -> Result<()>;
}

/// A name to be put into a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::fs::ntfs) struct NewEntry {
    /// The file's record, with its sequence number.
    pub(in crate::fs::ntfs) reference: Reference,
    /// The value of its `$FILE_NAME`.
    pub(in crate::fs::ntfs) key: Vec<u8>,
}

/// An entry of an index: a name's file and `$FILE_NAME`.
pub(in crate::fs::ntfs) type Indexed = NewEntry;

/// Puts a name into its place.
///
/// # Errors
/// `Refused` when the name is there already (in any case of its letters) or cannot fit; `Corrupt` when the tree
/// contradicts itself; those of the store.
pub(in crate::fs::ntfs) fn insert(store: &mut dyn Store, upcase: &UpCase, entry: NewEntry) -> Result<()> {
    let name = name_of_new(&entry.key)?;
    let path = Path::to(store, upcase, &name)?;
    if let Some(same) = path.same(upcase, &name) {
        let have = node::name_of(&same.key).unwrap_or_default();
        return Err(Error::refused(format!(
            "the name {} is taken in the directory (by {})",
            shown(&name),
            shown(&have)
        )));
    }
    add(store, path, entry)
}

/// Adds an entry at the end of the path to its name.
fn add(store: &mut dyn Store, mut path: Path, entry: Indexed) -> Result<()> {
    if let Some(Level { node, index, changed, .. }) = path.levels.last_mut() {
        node.entries.insert(*index, Entry { indexed: entry, child: None });
        *changed = true;
    }
    settle::settle(store, path.levels, false).map(drop)
}

/// Takes a name out. When no name needs a block any more, the index becomes a small one (see
/// [`Store::drop_blocks`]).
///
/// # Errors
/// `Refused` when this very name with this reference is not there; `Corrupt` when the tree contradicts itself; those
/// of the store.
pub(in crate::fs::ntfs) fn remove(
    store: &mut dyn Store,
    upcase: &UpCase,
    name: &[u16],
    reference: Reference,
) -> Result<()> {
    let mut path = path_to(store, upcase, name, reference)?;
    let at = path.levels.len() - 1;
    if path.levels[at].node.is_leaf() {
        let level = &mut path.levels[at];
        level.node.entries.remove(level.index);
        level.changed = true;
    } else {
        // The greatest name before it takes its place.
        path.descend_to_predecessor(store)?;
        let lowest = path.levels.last_mut().ok_or_else(|| missing(name))?;
        let before =
            lowest.node.entries.pop().ok_or_else(|| Error::damaged("a directory's index has an empty block"))?;
        lowest.index = lowest.node.entries.len();
        lowest.changed = true;
        let level = &mut path.levels[at];
        level.node.entries[level.index].indexed = before.indexed;
        level.changed = true;
    }
    if let Some(entry) = settle::settle(store, path.levels, true)? {
        let path = Path::to(store, upcase, &entry.name())?;
        add(store, path, entry.indexed)?;
    }
    Ok(())
}

/// The path to a name that must be there, and belong to this very file.
fn path_to(store: &dyn Store, upcase: &UpCase, name: &[u16], reference: Reference) -> Result<Path> {
    let path = Path::to(store, upcase, name)?;
    match path.found() {
        Some(entry) if entry.indexed.reference == reference => Ok(path),
        Some(entry) => Err(Error::refused(format!(
            "the name {} in the directory belongs to record {}, not {}",
            shown(name),
            entry.indexed.reference.number(),
            reference.number()
        ))),
        None => Err(missing(name)),
    }
}

fn missing(name: &[u16]) -> Error {
    Error::refused(format!("the name {} is not in the directory's index", shown(name)))
}

fn shown(name: &[u16]) -> String {
    format!("\"{}\"", name::to_os(name).to_string_lossy())
}

/// The name in a `$FILE_NAME` that is to be stored: 1 to 255 units, and nothing behind them.
fn name_of_new(key: &[u8]) -> Result<Vec<u16>> {
    let name = node::name_of(key).filter(|name| !name.is_empty() && key.len() == node::NAME_AT + 2 * name.len());
    name.ok_or_else(|| Error::refused(format!("{} bytes are no $FILE_NAME with one name", key.len())))
}

/// Changes what the index remembers of a file: its sizes, times and attributes. The new `$FILE_NAME` has the same
/// name.
///
/// # Errors
/// `Refused` when this very name with this reference is not there, or the new value has another name; `Corrupt` when
/// the tree contradicts itself; those of the store.
pub(in crate::fs::ntfs) fn update(
    store: &mut dyn Store,
    upcase: &UpCase,
    name: &[u16],
    reference: Reference,
    key: &[u8],
) -> Result<()> {
    if name_of_new(key)? != name {
        return Err(Error::refused(format!("{} cannot get another name in its place", shown(name))));
    }
    let mut path = path_to(store, upcase, name, reference)?;
    let mut level = path.levels.pop().ok_or_else(|| missing(name))?;
    level.node.entries[level.index].indexed.key = key.to_vec();
    settle::rewrite(store, level)
}

/// Finds a name: the very same one first, else one that differs only in case.
///
/// # Errors
/// `Corrupt` when the tree contradicts itself; those of the store.
pub(in crate::fs::ntfs) fn find(store: &dyn Store, upcase: &UpCase, name: &[u16]) -> Result<Option<Indexed>> {
    Ok(Path::to(store, upcase, name)?.same(upcase, name).cloned())
}

/// All entries in collation order. After an error the iterator ends.
///
/// # Errors
/// `Corrupt` when the root contradicts itself; those of the store.
pub(in crate::fs::ntfs) fn entries(store: &dyn Store) -> Result<Box<dyn Iterator<Item = Result<Indexed>> + '_>> {
    Ok(Box::new(walk::Walk::new(store)?))
}

/// True when the index has no entry.
///
/// # Errors
/// Those of [`entries`].
pub(in crate::fs::ntfs) fn is_empty(store: &dyn Store) -> Result<bool> {
    Ok(entries(store)?.next().transpose()?.is_none())
}

/// The value of `$INDEX_ROOT` of an empty directory.
///
/// # Errors
/// When a block would have more units than the field can say.
pub(in crate::fs::ntfs) fn empty_root(cluster_bytes: u32, block_bytes: u32) -> Result<Vec<u8>> {
    let units = block_bytes / vcn_unit_bytes(cluster_bytes, block_bytes).max(1);
    let units = u8::try_from(units).map_err(|_| {
        Error::unsupported(format!("index blocks of {block_bytes} bytes in clusters of {cluster_bytes}"))
    })?;
    let mut head = [0; node::ROOT_HEADER_AT];
    head[0] = 0x30;
    head[4] = 1;
    head[8..12].copy_from_slice(&block_bytes.to_le_bytes());
    head[12] = units;
    node::Root { head, large: false, node: node::Node::default() }.value()
}

/// True when a value of `$INDEX_ROOT` says that there are no blocks.
pub(in crate::fs::ntfs) fn is_small(root: &[u8]) -> bool {
    root.get(0x1C).is_some_and(|flags| flags & 1 == 0)
}

/// What block numbers count, in bytes: clusters, or 512 bytes when a cluster is larger than a block.
pub(in crate::fs::ntfs) fn vcn_unit_bytes(cluster_bytes: u32, block_bytes: u32) -> u32 {
    if cluster_bytes <= block_bytes { cluster_bytes } else { 512 }
}

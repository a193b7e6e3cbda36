//! Writing a path back from its end to the root, so that each node has its due size again.
//!
//! A node that is too full is split, and its middle entry moves up. After a removal a node is joined with a neighbour
//! when both fit one block (so that taking out what was put in mostly undoes a split), and an empty one is filled from its
//! neighbour or taken out of the tree. All leaves keep the same distance from the root; a root that is too full for
//! its record moves down into a block as a whole, and what little is left under an empty root moves up again.
//!
//! ntfs-3g splits alike, but joins nothing: it frees leaves when they are empty, and leaves nodes that have one
//! subtree and no entry. Such nodes are met here, too, and dealt with.

use super::node::{self, Entry, Head, Node, Root};
use super::path::{Level, MAX_LEVELS, Place, read};
use super::{Result, Store};
use crate::error::{Error, Kind};

/// Writes what changed. After a removal (`shrinks`) nodes are joined, and an entry may be left over: it stood above a
/// leaf that was taken out of the tree, and is to be inserted anew.
pub(super) fn settle(store: &mut dyn Store, mut levels: Vec<Level>, shrinks: bool) -> Result<Option<Entry>> {
    let capacity = node::capacity(store.block_bytes());
    let mut left_over = None;
    while let Some(mut level) = levels.pop() {
        if !level.changed {
            continue;
        }
        let head = match level.place {
            Place::Root(mut root) => {
                root.node = level.node;
                settle_root(store, *root, shrinks)?;
                break;
            }
            Place::Block(head) => head,
        };
        let parent = levels.last_mut().ok_or_else(rootless)?;
        // A node that has one subtree only is looked at, too: it may be joined, or the subtree may move up into it.
        parent.changed |= shrinks && parent.node.entries.is_empty();
        if level.node.bytes() > capacity {
            split(store, head, level.node, &mut levels)?;
        } else if shrinks && join(store, head, &level.node, parent)? {
            // Both nodes are written.
        } else if level.node.is_leaf() && level.node.entries.is_empty() {
            level.place = Place::Block(head);
            levels.push(level);
            left_over = unlink(store, &mut levels)?;
        } else {
            write(store, &head, &level.node)?;
        }
    }
    Ok(left_over)
}

/// Writes one node as it is, which must fit where it lies.
pub(super) fn rewrite(store: &mut dyn Store, level: Level) -> Result<()> {
    match level.place {
        Place::Block(head) => write(store, &head, &level.node),
        Place::Root(mut root) => {
            root.node = level.node;
            let fits = store.set_root(root.value()?)?;
            if fits { Ok(()) } else { Err(no_room()) }
        }
    }
}

fn write(store: &mut dyn Store, head: &Head, node: &Node) -> Result<()> {
    let block = node.block(head, store.block_bytes())?;
    store.write_block(head.vcn, &block)
}

/// The entry that moves up when these are split: both sides keep at least one, fit a block, and are about equal.
fn median(node: &Node, capacity: usize) -> Option<usize> {
    let end = Node::end_bytes(node.end);
    let total: usize = node.entries.iter().map(Entry::bytes).sum();
    let mut before = 0;
    let mut best: Option<(usize, usize)> = None;
    for (index, entry) in node.entries.iter().enumerate() {
        let after = total - before - entry.bytes();
        let fits = before.max(after) + end <= capacity;
        if fits && before > 0 && after > 0 && best.is_none_or(|(have, _)| before.abs_diff(after) < have) {
            best = Some((before.abs_diff(after), index));
        }
        before += entry.bytes();
    }
    best.map(|(_, index)| index)
}

/// Takes a node apart at an entry: what is before it, the entry, what is behind it.
fn halves(mut node: Node, at: usize) -> Result<(Node, Entry, Node)> {
    let right = Node { entries: node.entries.split_off((at + 1).min(node.entries.len())), end: node.end };
    let middle = node.entries.pop().ok_or_else(rootless)?;
    node.end = middle.child;
    Ok((node, middle, right))
}

/// Splits a node that is too full into its own block and a new one; `levels` end with its parent.
fn split(store: &mut dyn Store, head: Head, node: Node, levels: &mut [Level]) -> Result<()> {
    // Blocks of 2 KiB and more hold three of the longest names, and so can always be split.
    let at = median(&node, node::capacity(store.block_bytes())).ok_or_else(|| {
        Error::refused(format!(
            "the directory's index has blocks of {} bytes, too few for names as long as these",
            store.block_bytes()
        ))
        .advise("Use a shorter name")
    })?;
    let new = Head::new(allocate(store, levels)?);
    let (left, mut middle, right) = halves(node, at)?;
    write(store, &head, &left)?;
    write(store, &new, &right)?;
    let parent = levels.last_mut().ok_or_else(rootless)?;
    middle.child = Some(head.vcn);
    parent.node.set_child(parent.index, new.vcn);
    parent.node.entries.insert(parent.index.min(parent.node.entries.len()), middle);
    parent.changed = true;
    Ok(())
}

/// A new block. When the record has no room for what describes it, the root gives up its own and is written later.
fn allocate(store: &mut dyn Store, levels: &mut [Level]) -> Result<u64> {
    match (store.allocate_block(), levels.first_mut()) {
        (Err(error), Some(Level { place: Place::Root(root), changed, .. })) if error.kind() == Kind::Refused => {
            *changed = true;
            empty(store, root)?;
            store.allocate_block()
        }
        (result, _) => result,
    }
}

/// Makes the root in the record as small as one that has blocks can be; what it held is in memory.
fn empty(store: &mut dyn Store, root: &Root) -> Result<()> {
    let small = Root { head: root.head, large: true, node: Node { entries: Vec::new(), end: Some(0) } };
    if store.set_root(small.value()?)? { Ok(()) } else { Err(no_room()) }
}

/// Writes the root; moves what it holds into a block as long as it does not fit the record.
fn settle_root(store: &mut dyn Store, mut root: Root, shrinks: bool) -> Result<()> {
    if shrinks {
        pull_up(store, &mut root)?;
    }
    for _ in 0..MAX_LEVELS {
        if Root::value_bytes(&root.node) <= store.root_room() && store.set_root(root.value()?)? {
            return Ok(());
        }
        if root.node.entries.is_empty() {
            return Err(no_room());
        }
        empty(store, &root)?;
        let head = Head::new(store.allocate_block()?);
        let node = std::mem::take(&mut root.node);
        root.large = true;
        root.node.end = Some(head.vcn);
        if node.bytes() <= node::capacity(store.block_bytes()) {
            write(store, &head, &node)?;
            continue;
        }
        let top = std::mem::take(&mut root.node);
        let mut level = [Level { place: Place::Root(Box::new(root)), node: top, index: 0, changed: true }];
        split(store, head, node, &mut level)?;
        let [Level { place, node, .. }] = level;
        let Place::Root(same) = place else { return Err(rootless()) };
        root = Root { node, ..*same };
    }
    Err(no_room())
}

/// Moves the only node under an empty root up into it, when it fits; without blocks the index is small.
fn pull_up(store: &mut dyn Store, root: &mut Root) -> Result<()> {
    for _ in 0..MAX_LEVELS {
        let Some(vcn) = root.node.end.filter(|_| root.node.entries.is_empty()) else { break };
        let (_, child) = read(store, vcn)?;
        let room = if child.is_leaf() { store.small_root_room() } else { store.root_room() };
        if Root::value_bytes(&child) > room {
            break;
        }
        store.free_block(vcn)?;
        root.node = child;
    }
    if root.large && root.node.is_leaf() {
        root.large = false;
        store.drop_blocks()?;
    }
    Ok(())
}

/// Joins a node with a neighbour when both and what separates them fit one block; an empty one shares its neighbour's
/// entries when they don't. Then both are written, and true is given.
fn join(store: &mut dyn Store, head: Head, node: &Node, parent: &mut Level) -> Result<bool> {
    let capacity = node::capacity(store.block_bytes());
    let own = parent.index;
    let mut shared = None;
    // The place of what separates the node from its left neighbour, and from its right one.
    let places = [own.checked_sub(1), (own < parent.node.entries.len()).then_some(own)];
    for at in places.into_iter().flatten() {
        let neighbour = if at < own { at } else { at + 1 };
        let Some(vcn) = parent.node.child(neighbour) else { continue };
        if vcn == head.vcn {
            return Err(Error::damaged(format!("block {vcn} of a directory's index has two places")));
        }
        let (other_head, other) = read(store, vcn)?;
        if other.is_leaf() != node.is_leaf() {
            continue;
        }
        let (heads, left, right) = if at < own {
            ([other_head, head], other, node.clone())
        } else {
            ([head, other_head], node.clone(), other)
        };
        let joined = concatenate(left, &parent.node.entries[at], right);
        if joined.bytes() > capacity {
            shared = shared.or(Some((at, heads, joined)));
            continue;
        }
        // The lower block stays, so that the last blocks become free.
        let [kept, freed] = if heads[0].vcn < heads[1].vcn { heads } else { [heads[1], heads[0]] };
        write(store, &kept, &joined)?;
        store.free_block(freed.vcn)?;
        parent.node.entries.remove(at);
        parent.node.set_child(at, kept.vcn);
        parent.changed = true;
        return Ok(true);
    }
    match shared {
        Some((at, heads, joined)) if node.entries.is_empty() => share(store, parent, at, heads, joined),
        _ => Ok(false),
    }
}

fn concatenate(mut left: Node, separator: &Entry, right: Node) -> Node {
    left.entries.push(Entry { indexed: separator.indexed.clone(), child: left.end });
    left.entries.extend(right.entries);
    Node { entries: left.entries, end: right.end }
}

/// Shares the entries of two neighbours anew; false when one of them would be empty.
fn share(store: &mut dyn Store, parent: &mut Level, at: usize, heads: [Head; 2], joined: Node) -> Result<bool> {
    let Some(middle) = median(&joined, node::capacity(store.block_bytes())) else { return Ok(false) };
    let (left, mut separator, right) = halves(joined, middle)?;
    write(store, &heads[0], &left)?;
    write(store, &heads[1], &right)?;
    separator.child = Some(heads[0].vcn);
    parent.node.entries[at] = separator;
    parent.changed = true;
    Ok(true)
}

/// Takes an empty leaf out of the tree, with the nodes above it that have nothing else; `levels` end with the leaf.
/// Gives the entry that stood beside it, which needs a new place.
fn unlink(store: &mut dyn Store, levels: &mut Vec<Level>) -> Result<Option<Entry>> {
    while let Some(Level { place: Place::Block(head), .. }) = levels.pop() {
        store.free_block(head.vcn)?;
        let parent = levels.last_mut().ok_or_else(rootless)?;
        parent.changed = true;
        if parent.index < parent.node.entries.len() {
            let entry = parent.node.entries.remove(parent.index);
            return Ok(Some(Entry { child: None, ..entry }));
        }
        if let Some(entry) = parent.node.entries.pop() {
            parent.node.end = entry.child;
            parent.index -= 1;
            return Ok(Some(Entry { child: None, ..entry }));
        }
        if matches!(parent.place, Place::Root(_)) {
            parent.node = Node::default();
            return Ok(None);
        }
    }
    Err(rootless())
}

fn no_room() -> Error {
    Error::refused("the directory's record has no room for the root of its index")
        .advise("Choose another directory, or make a new one")
}

/// What cannot be: each path begins at a root.
fn rootless() -> Error {
    Error::damaged("a directory's index has no root")
}

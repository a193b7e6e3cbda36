//! The device nodes that a place consists of, and those that stand on it.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::discover::{self, BlockDisk, MAX_HOLDER_DEPTH, Number, Roots, node_of, number_of, word};
use super::{Above, HolderKind, Part};

/// More nodes than this are not followed: a disk has 128 partitions at most, and little stands on each.
const MAX_NODES: usize = 512;

/// A device node.
pub(super) struct Node {
    pub(super) node: PathBuf,
    pub(super) number: Option<Number>,
    /// What it is to the place, when it only stands on it.
    pub(super) stands_on: Option<HolderKind>,
}

/// The nodes of a disk, a partition or an image file, from the ground up.
pub(super) fn nodes(roots: &Roots, path: &Path, part: Option<Part>) -> Vec<Node> {
    let machine = discover::disks(roots);
    let mut nodes = Vec::new();
    match discover::named(&machine, path) {
        Some((disk, Some(partition))) => {
            push(&mut nodes, partition.node.clone(), Some(partition.number), None);
            let name = partition.node.file_name().unwrap_or_default();
            climb(roots, &roots.sys.join("block").join(&disk.name).join(name), &mut nodes, 0);
        }
        Some((disk, None)) => add(roots, disk, part, None, &mut nodes),
        None => {}
    }
    for (disk, at) in discover::loops_on(&machine, path) {
        let end = at.0.saturating_add(disk.len.0);
        let part = part.map(|(start, len)| (start.0.max(at.0), start.0.saturating_add(len.0).min(end)));
        let inner = match part {
            Some((from, to)) if from >= to => continue,
            Some((from, to)) => Some((crate::unit::ByteOffset(from - at.0), crate::unit::ByteLen(to - from))),
            None => None,
        };
        let file = disk.backing.as_ref().map(|(file, _)| file.clone()).unwrap_or_default();
        add(roots, disk, inner, Some(HolderKind::Loop { file }), &mut nodes);
    }
    if nodes.is_empty() {
        // A file that no device stands on can still be mounted, by a FUSE file system.
        push(&mut nodes, path.canonicalize().unwrap_or_else(|_| path.into()), None, None);
    }
    nodes
}

/// A disk, those of its partitions that lie in the part, and what stands on them.
fn add(roots: &Roots, disk: &BlockDisk, part: Option<Part>, stands_on: Option<HolderKind>, nodes: &mut Vec<Node>) {
    let dir = roots.sys.join("block").join(&disk.name);
    push(nodes, disk.node.clone(), Some(disk.number), stands_on);
    climb(roots, &dir, nodes, 0);
    for partition in &disk.partitions {
        let overlaps = part.is_none_or(|(start, len)| {
            start.0 < partition.start.0.saturating_add(partition.len.0)
                && partition.start.0 < start.0.saturating_add(len.0)
        });
        if overlaps {
            push(nodes, partition.node.clone(), Some(partition.number), None);
            climb(roots, &dir.join(partition.node.file_name().unwrap_or_default()), nodes, 0);
        }
    }
}

fn push(nodes: &mut Vec<Node>, node: PathBuf, number: Option<Number>, stands_on: Option<HolderKind>) {
    if nodes.len() < MAX_NODES && nodes.iter().all(|known| known.node != node) {
        nodes.push(Node { node, number, stands_on });
    }
}

/// What stands on the device of this folder of sysfs, and on that.
fn climb(roots: &Roots, dir: &Path, nodes: &mut Vec<Node>, depth: usize) {
    let Ok(listing) = fs::read_dir(dir.join("holders")) else { return };
    let names = listing.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.take(MAX_NODES).collect();
    names.sort();
    for name in names {
        let dir = roots.sys.join("block").join(&name);
        push(nodes, node_of(roots, &name), number_of(&dir), Some(above(&dir, &name)));
        if depth < MAX_HOLDER_DEPTH {
            climb(roots, &dir, nodes, depth + 1);
        }
    }
}

/// What a device that stands on another is. Device mapper's ids begin with the name of what made them.
fn above(dir: &Path, name: &str) -> HolderKind {
    let id = word(dir, "dm/uuid").unwrap_or_default();
    let kind = match id.split('-').next() {
        Some("LVM") => Above::Volume,
        Some("CRYPT") => Above::Encrypted,
        Some("DMRAID") => Above::Raid,
        _ if name.starts_with("md") => Above::Raid,
        _ => Above::Mapped,
    };
    let name = word(dir, "dm/name").unwrap_or_else(|| node_name(name));
    HolderKind::Above { kind, name }
}

fn node_name(name: &str) -> String {
    name.replace('!', "/")
}

//! Findings, and the paths of those who have them.
//!
//! While inodes are read nobody knows their names. So a finding about an inode waits until the directories have been
//! read, and these are asked for the names of such inodes only; the way from a directory up to the root is looked up
//! when a path is needed.

use std::collections::HashMap;
use std::ffi::OsString;

use super::Volume;
use crate::fs::ext::inode::ROOT;
use crate::fs::{Finding, Findings};

/// A path of more steps is not looked up: a damaged volume may have loops.
const MAX_STEPS: usize = 256;

/// Where an inode has a name.
struct Named {
    directory: u32,
    name: OsString,
}

/// Takes findings.
pub(super) struct Report<'a> {
    see: &'a mut dyn FnMut(Finding),
    /// Findings about inodes.
    waiting: Vec<(u32, Finding)>,
    /// The inodes whose names are looked for.
    wanted: HashMap<u32, Option<Named>>,
}

impl<'a> Report<'a> {
    pub(super) fn new(see: &'a mut dyn FnMut(Finding)) -> Self {
        Self { see, waiting: Vec::new(), wanted: HashMap::new() }
    }

    /// A finding about the volume.
    pub(super) fn add(&mut self, finding: Finding) {
        (self.see)(finding);
    }

    /// A finding about an inode, named by its number at once and by its path once that is known. No more wait than
    /// are kept in the end.
    pub(super) fn add_of(&mut self, inode: u32, mut finding: Finding) {
        finding.message = format!("inode {inode}: {}", finding.message);
        if self.waiting.len() >= Findings::MAX_KEPT {
            return (self.see)(finding);
        }
        self.wanted.entry(inode).or_insert(None);
        self.waiting.push((inode, finding));
    }

    /// True when the inode's name is looked for.
    pub(super) fn wants(&self, inode: u32) -> bool {
        !self.wanted.is_empty() && matches!(self.wanted.get(&inode), Some(None))
    }

    /// An inode's name was met.
    pub(super) fn named(&mut self, inode: u32, directory: u32, name: OsString) {
        self.wanted.insert(inode, Some(Named { directory, name }));
    }

    /// Tells the findings that waited, with their paths.
    pub(super) fn finish(&mut self, volume: &Volume) {
        let mut known = Paths::default();
        for (inode, finding) in std::mem::take(&mut self.waiting) {
            let path = match self.wanted.get(&inode) {
                Some(Some(named)) => known.of_named(volume, named.directory, &named.name),
                _ if inode == ROOT => Some("/".to_owned()),
                _ => None,
            };
            (self.see)(match path {
                Some(path) => finding.of(path),
                None => finding,
            });
        }
    }
}

fn join(path: &str, name: &OsString) -> String {
    format!("{}/{}", path.trim_end_matches('/'), name.to_string_lossy())
}

/// Paths of directories, looked up by going up to the root.
#[derive(Default)]
pub(in crate::fs::ext) struct Paths {
    known: HashMap<u32, Option<String>>,
}

impl Paths {
    /// Directories whose path is remembered: 10,000 of at most some KiB.
    const MAX_KNOWN: usize = 10_000;

    /// The path of a name in a directory.
    pub(in crate::fs::ext) fn of_named(&mut self, volume: &Volume, directory: u32, name: &OsString) -> Option<String> {
        self.of(volume, directory).map(|path| join(&path, name))
    }

    /// The path of a directory; `None` when it cannot be reached from the root, or the way is damaged.
    pub(in crate::fs::ext) fn of(&mut self, volume: &Volume, directory: u32) -> Option<String> {
        let mut names = Vec::new();
        let mut at = directory;
        let mut path = loop {
            if at == ROOT {
                break String::new();
            }
            if let Some(known) = self.known.get(&at) {
                break known.clone()?;
            }
            if names.len() == MAX_STEPS {
                return None;
            }
            let Some((parent, name)) = volume.parent_and_name(at) else {
                self.keep(directory, None);
                return None;
            };
            names.push((at, name));
            at = parent;
        };
        for (at, name) in names.into_iter().rev() {
            path = join(&path, &name);
            self.keep(at, Some(path.clone()));
        }
        Some(if path.is_empty() { "/".to_owned() } else { path })
    }

    fn keep(&mut self, directory: u32, path: Option<String>) {
        if self.known.len() >= Self::MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(directory, path);
    }
}

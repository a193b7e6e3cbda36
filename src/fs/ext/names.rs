//! Directories read lately, by inode: so that a walk by paths does not read each directory once a file.

use std::collections::{HashMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::sync::{Arc, Mutex, PoisonError};

use super::directory::Name;

/// Names kept in all, a bound for memory (about 100 bytes each). A larger directory is searched on the disk.
const MAX_NAMES: usize = 400_000;

/// A directory's names and their inodes.
pub(super) type Names = Arc<HashMap<OsString, u32>>;

#[derive(Default)]
struct Inner {
    directories: HashMap<u32, Names>,
    order: VecDeque<u32>,
    names: usize,
}

/// The cache.
#[derive(Default)]
pub(super) struct NameCache {
    inner: Mutex<Inner>,
}

impl NameCache {
    /// The directory's names, when they are here.
    pub(super) fn get(&self, directory: u32) -> Option<Names> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).directories.get(&directory).cloned()
    }

    /// Keeps a directory's names. Of equal names the first counts, as in a search through the entries.
    pub(super) fn keep(&self, directory: u32, names: &[Name]) {
        if names.len() >= MAX_NAMES {
            return;
        }
        let mut map = HashMap::with_capacity(names.len());
        for name in names {
            map.entry(name.name.clone()).or_insert(name.inode);
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        // An empty directory counts, too, or any number of them would be kept.
        inner.names += map.len() + 1;
        if let Some(old) = inner.directories.insert(directory, Arc::new(map)) {
            inner.names -= old.len() + 1;
        } else {
            inner.order.push_back(directory);
        }
        while inner.names > MAX_NAMES {
            let Some(oldest) = inner.order.pop_front() else { break };
            if let Some(old) = inner.directories.remove(&oldest) {
                inner.names -= old.len() + 1;
            }
        }
    }
}

/// The inode of a name in a list.
pub(super) fn find(names: &[Name], wanted: &OsStr) -> Option<u32> {
    names.iter().find(|name| name.name == wanted).map(|name| name.inode)
}

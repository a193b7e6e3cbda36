//! How much there is to be copied, before anything is.

use std::path::{Path, PathBuf};

use crate::error::{Kind, Result};
use crate::fs::{Entry, EntryKind, MAX_DEPTH, Tree, Watch};

/// Counting stops at so many entries: a hostile volume may have folders that hold themselves many times over, and then
/// never comes to an end. The copying counts for itself.
const MAX_COUNTED: u64 = 2_000_000;

/// What there is to be copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Amount {
    /// Files, links not counted.
    pub files: u64,
    /// Folders.
    pub folders: u64,
    /// Bytes of files and their streams.
    pub bytes: u64,
    /// Folders and names asked for that could not be read.
    pub unreadable: u64,
    /// There is more than was counted.
    pub has_more: bool,
}

impl Amount {
    fn add(&mut self, entry: &Entry) {
        match entry.kind {
            EntryKind::File => {
                self.files += 1;
                self.bytes = self.bytes.saturating_add(entry.bytes);
            }
            EntryKind::Directory => self.folders += 1,
            EntryKind::Symlink(_) | EntryKind::Special => {}
        }
        self.bytes = entry.streams.iter().fold(self.bytes, |sum, stream| sum.saturating_add(stream.bytes));
    }
}

/// Counts files and folders at these paths, folders with all that is in them. Never writes.
///
/// # Errors
/// When the look is cancelled; what cannot be read is counted as that.
pub fn measure(tree: &dyn Tree, paths: &[PathBuf], watch: &dyn Watch) -> Result<Amount> {
    let mut amount = Amount::default();
    let mut folders: Vec<(PathBuf, usize)> = Vec::new();
    for path in paths {
        match tree.entry(path) {
            Ok(entry) => {
                if path.file_name().is_some() {
                    amount.add(&entry);
                }
                folders.extend((entry.kind == EntryKind::Directory).then(|| (path.clone(), 0)));
            }
            Err(error) => unreadable(&mut amount, path, error)?,
        }
    }
    let mut counted = 0;
    while let Some((path, depth)) = folders.pop() {
        watch.proceed()?;
        let entries = match tree.list(&path) {
            Ok(entries) => entries,
            Err(error) => {
                unreadable(&mut amount, &path, error)?;
                continue;
            }
        };
        counted += entries.len() as u64;
        for entry in entries {
            amount.add(&entry);
            if entry.kind == EntryKind::Directory && depth < MAX_DEPTH {
                folders.push((path.join(&entry.name), depth + 1));
            }
        }
        if counted > MAX_COUNTED {
            amount.has_more = true;
            break;
        }
    }
    Ok(amount)
}

fn unreadable(amount: &mut Amount, path: &Path, error: crate::error::Error) -> Result<()> {
    if error.kind() == Kind::Cancelled {
        return Err(error);
    }
    tracing::debug!("{}: {error}", path.display());
    amount.unreadable += 1;
    Ok(())
}

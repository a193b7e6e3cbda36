//! Whose bytes lie in given clusters.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Monitor;
use crate::device::SharedDevice;
use crate::error::{Error, Result};
use crate::extent::ExtentSet;
use crate::fs::{self, EntryKind, FileSystem, Holder, Kind, MAX_DEPTH, Tree};
use crate::words::{en, fill, plural};

/// Files named in a report at most; the rest are counted.
const NAMED: usize = 200;

/// In a sentence, that the files cannot be named.
pub(super) fn untold(error: &Error) -> Vec<String> {
    vec![fill(en::CAUTION_FILES_UNKNOWN, &[("error", error)])]
}

/// What a walk over a volume's files found in the clusters asked for.
#[derive(Default, Debug)]
pub(super) struct Owned {
    /// Files and directories with bytes there.
    pub(super) paths: Vec<PathBuf>,
    /// Directories and files that could not be looked at: what is in them is not known.
    pub(super) unknown: Vec<PathBuf>,
    /// Clusters asked for that no path has: metadata, or files that could not be looked at.
    pub(super) unnamed: u64,
}

impl Owned {
    /// As sentences, naming at most [`NAMED`] paths of each kind.
    pub(super) fn sentences(&self) -> Vec<String> {
        let list = |words: &str, more: &str, paths: &[PathBuf], out: &mut Vec<String>| {
            out.extend(paths.iter().take(NAMED).map(|path| fill(words, &[("path", &path.display())])));
            if paths.len() > NAMED {
                out.push(fill(more, &[("count", &(paths.len() - NAMED))]));
            }
        };
        let mut out = Vec::new();
        list(en::CAUTION_FILE, en::CAUTION_FILES_MORE, &self.paths, &mut out);
        list(en::CAUTION_UNSEEN, en::CAUTION_UNSEEN_MORE, &self.unknown, &mut out);
        if self.unnamed > 0 {
            let words = plural(self.unnamed, en::CAUTION_OF_NOBODY_ONE, en::CAUTION_OF_NOBODY_MANY);
            out.push(fill(words, &[("count", &self.unnamed)]));
        }
        out
    }
}

/// The files of a volume of the given kind that have bytes in `wanted`.
///
/// The file system tells in one pass over its metadata. Where directories or metadata themselves are among what is
/// wanted, that is not enough: what lies behind them cannot be looked at, which only a walk from the root can say.
pub(super) fn files_in(volume: SharedDevice, kind: Kind, wanted: &ExtentSet, monitor: &Monitor) -> Result<Owned> {
    let fs = fs::open(volume, kind)?;
    monitor.check()?;
    if let Some(paths) = only_files(&*fs, wanted, monitor)? {
        return Ok(Owned { paths, ..Owned::default() });
    }
    let mut owned = Owned::default();
    let mut named = ExtentSet::new();
    walk(fs.tree(), &mut |path, entry, result| {
        monitor.check()?;
        match result {
            Err(_) => owned.unknown.push(path.into()),
            Ok(()) if matches!(entry, EntryKind::Special) => {}
            Ok(()) => match fs.tree().extents(path) {
                Err(_) => owned.unknown.push(path.into()),
                Ok(extents) => {
                    let here = extents.into_iter().collect::<ExtentSet>().intersect(wanted);
                    if !here.is_empty() {
                        owned.paths.push(path.into());
                        for run in here.runs() {
                            named.insert(*run);
                        }
                    }
                }
            },
        }
        Ok(())
    })?;
    owned.unnamed = wanted.clusters() - named.intersect(wanted).clusters();
    Ok(owned)
}

/// The files that hold the clusters, when nothing else does.
fn only_files(fs: &dyn FileSystem, wanted: &ExtentSet, monitor: &Monitor) -> Result<Option<Vec<PathBuf>>> {
    let (mut paths, mut named, mut others) = (BTreeSet::new(), ExtentSet::new(), false);
    let told = fs.owners().owners(wanted, monitor, &mut |owner| match owner.holder {
        Holder::File(path) => {
            named.insert(owner.extent);
            paths.insert(PathBuf::from(path));
        }
        _ => others = true,
    });
    monitor.check()?;
    // Free clusters have no owner, so that some may be left over; those that cannot be read do no harm.
    let whole = told.is_ok() && !others && !named.is_empty();
    Ok(whole.then(|| paths.into_iter().collect()))
}

/// What a walk does with each path.
pub(super) type Visit<'a> = dyn FnMut(&Path, &EntryKind, Result<()>) -> Result<()> + 'a;

/// Calls `visit` for the root and everything below it, depth first: with an error where a directory could
/// not be listed.
///
/// # Errors
/// The first that `visit` gives.
pub(super) fn walk(tree: &dyn Tree, visit: &mut Visit<'_>) -> Result<()> {
    let mut waiting = vec![(PathBuf::from("/"), EntryKind::Directory, 0)];
    while let Some((path, kind, depth)) = waiting.pop() {
        if kind != EntryKind::Directory || depth >= MAX_DEPTH {
            visit(&path, &kind, Ok(()))?;
            continue;
        }
        match tree.list(&path) {
            Ok(entries) => {
                visit(&path, &kind, Ok(()))?;
                waiting.extend(entries.into_iter().rev().map(|entry| (path.join(&entry.name), entry.kind, depth + 1)));
            }
            Err(error) => visit(&path, &kind, Err(error))?,
        }
    }
    Ok(())
}

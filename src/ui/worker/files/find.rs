//! Finding by name: a walk through all folders below one, in the background.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use globset::{GlobBuilder, GlobMatcher};

use crate::error::{Error, Kind, Result};
use crate::fs::{Entry, EntryKind, MAX_DEPTH, Tree};
use crate::job::Monitor;

use super::super::super::msg::{FilesAnswer, FoundBatch, Hit};
use super::super::super::text;
use super::list;

/// So much is found at most.
const MAX_HITS: usize = 10_000;

/// So many folders are looked through at most: in a damaged volume folders may hold themselves, many times over.
const MAX_FOLDERS: u64 = 1_000_000;

/// How often what was found is told.
const PERIOD: Duration = Duration::from_millis(150);

/// What is looked for: a part of the name, or a pattern with `*`, `?` and `[…]`. Case does not count.
enum Wanted {
    Part(String),
    Pattern(GlobMatcher),
}

impl Wanted {
    fn new(typed: &str) -> Result<Self> {
        if !typed.contains(['*', '?', '[']) {
            return Ok(Self::Part(typed.to_lowercase()));
        }
        let glob = GlobBuilder::new(typed).case_insensitive(true).backslash_escape(false).build();
        let glob = glob.map_err(|_| Error::refused(text::FIND_PATTERN).advise(text::FIND_PATTERN_NEXT))?;
        Ok(Self::Pattern(glob.compile_matcher()))
    }

    fn admits(&self, entry: &Entry) -> bool {
        match self {
            Self::Part(part) => entry.name.to_string_lossy().to_lowercase().contains(part),
            Self::Pattern(pattern) => pattern.is_match(Path::new(&entry.name)),
        }
    }
}

/// Looks through a folder and all below it; the last batch is the answer.
pub(super) fn search(
    tree: &dyn Tree,
    below: &Path,
    typed: &str,
    monitor: &Monitor,
    send: &dyn Fn(FilesAnswer),
) -> Result<FoundBatch> {
    let wanted = Wanted::new(typed)?;
    let mut batch = FoundBatch::default();
    let mut found = 0;
    let mut told = Instant::now();
    let mut folders: Vec<(PathBuf, usize)> = vec![(below.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        monitor.check()?;
        batch.folders += 1;
        let mut entries = match tree.list(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == Kind::Cancelled => return Err(error),
            Err(error) => {
                tracing::debug!("{}: {error}", folder.display());
                batch.unreadable += 1;
                continue;
            }
        };
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        for entry in entries.iter().filter(|entry| wanted.admits(entry)).take(MAX_HITS - found) {
            batch.hits.push(Hit { folder: folder.clone(), row: list::row(entry) });
            found += 1;
        }
        if found >= MAX_HITS || batch.folders >= MAX_FOLDERS {
            batch.has_more = true;
            break;
        }
        let inner = entries.iter().rev().filter(|entry| entry.kind == EntryKind::Directory && depth < MAX_DEPTH);
        folders.extend(inner.map(|entry| (folder.join(&entry.name), depth + 1)));
        if told.elapsed() >= PERIOD {
            told = Instant::now();
            let hits = std::mem::take(&mut batch.hits);
            send(FilesAnswer::Found(FoundBatch { hits, ..batch.clone() }));
        }
    }
    batch.ended = true;
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extent::Extent;
    use crate::fs::Content;
    use crate::ui::worker::files::tests::entry;

    /// Folders `a` and `b` in every folder, without end, and a file; `b` cannot be read.
    struct Endless;

    impl Tree for Endless {
        fn entry(&self, _: &Path) -> Result<Entry> {
            Err(Error::damaged("not asked for"))
        }

        fn list(&self, path: &Path) -> Result<Vec<Entry>> {
            if path.ends_with("b") {
                return Err(Error::damaged("a bad place"));
            }
            let (folder, file) = (EntryKind::Directory, EntryKind::File);
            Ok(vec![entry("a", folder.clone()), entry("b", folder), entry("Letter.TXT", file)])
        }

        fn open<'a>(&'a self, _: &Path) -> Result<Box<dyn Content + 'a>> {
            Err(Error::damaged("not asked for"))
        }

        fn extents(&self, _: &Path) -> Result<Vec<Extent>> {
            Ok(Vec::new())
        }

        fn content(&self, _: &Path) -> Result<Vec<Extent>> {
            Ok(Vec::new())
        }
    }

    fn find(typed: &str) -> Result<FoundBatch> {
        search(&Endless, Path::new("/"), typed, &Monitor::new(), &|_| {})
    }

    #[test]
    fn a_search_of_folders_that_hold_themselves_ends() {
        let batch = find("letter").unwrap();
        assert!(batch.ended && !batch.has_more);
        assert_eq!(batch.unreadable as usize, MAX_DEPTH);
        assert!(batch.folders as usize <= 2 * MAX_DEPTH + 1);
    }

    #[test]
    fn names_are_found_by_a_part_or_a_pattern_whatever_their_case() {
        let hit = |typed: &str| {
            let entry = Endless.list(Path::new("/")).unwrap().pop().unwrap();
            Wanted::new(typed).unwrap().admits(&entry)
        };
        assert!(hit("ETTER") && hit("letter.txt") && hit("*.txt") && hit("l?tter*") && hit("[kl]etter.*"));
        assert!(!hit("*.tx") && !hit("l?ter.txt") && !hit("number"));
        assert_eq!(Wanted::new("[a").err().unwrap().kind(), Kind::Refused);
    }

    #[test]
    fn a_search_that_nobody_waits_for_ends() {
        let monitor = Monitor::new();
        monitor.cancel();
        let ended = search(&Endless, Path::new("/"), "x", &monitor, &|_| {});
        assert_eq!(ended.unwrap_err().kind(), Kind::Cancelled);
    }
}

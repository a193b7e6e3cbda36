//! What of the named files and directories is otherwise today than in an image: two trees, side by side.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::{Entry, EntryKind, Guise, MAX_DEPTH, Tree};
use crate::image::container::FOLDER;
use crate::job::Monitor;
use crate::words::{en, fill};

/// Files and directories that are looked at, at most: memory is bounded, and so is a volume's circle of directories.
const MAX_ENTRIES: u64 = 1 << 20;
/// Notes of one kind that name what they are about; the rest are counted.
const NAMED: usize = 5;
/// Bytes that are compared at once.
const AT_ONCE: usize = 64 << 10;

/// A file whose content is today's.
#[derive(Clone, Debug)]
pub(super) struct Put {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) guise: Guise,
    /// The image has it, in these clusters.
    pub(super) old: Option<Vec<Extent>>,
}

/// What is to be done to the image's volume.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// Files that go.
    pub(super) gone: Vec<PathBuf>,
    /// Directories that are new, those above before those in them.
    pub(super) made: Vec<(PathBuf, Guise)>,
    /// Directories that would go with their last file, because they look like the container's own.
    pub(super) kept: Vec<(PathBuf, Guise)>,
    pub(super) puts: Vec<Put>,
    /// Files that are the same.
    pub(super) same: u64,
    /// Directories that are gone today, and stay without files.
    pub(super) emptied: Vec<PathBuf>,
    /// Files with further streams, which are not looked at.
    pub(super) with_streams: Vec<PathBuf>,
}

impl Changes {
    /// What must be known, in sentences.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut say = |paths: &[PathBuf], words: &str| {
            if paths.is_empty() {
                return;
            }
            let named: Vec<String> = paths.iter().take(NAMED).map(|path| path.display().to_string()).collect();
            let named = match paths.len().saturating_sub(NAMED) {
                0 => named.join(", "),
                more => fill(en::LIST_AND_MORE, &[("names", &named.join(", ")), ("count", &more)]),
            };
            notes.push(fill(words, &[("paths", &named)]));
        };
        say(&self.emptied, en::LOOK_PATHS_GONE);
        say(&self.with_streams, en::LOOK_PATHS_STREAMS);
        let new: Vec<PathBuf> = self.puts.iter().filter(|put| put.old.is_none()).map(|put| put.path.clone()).collect();
        say(&new, en::LOOK_PATHS_NEW);
        notes
    }
}

/// Two volumes, looked at side by side.
pub(super) struct Collector<'a> {
    pub(super) today: &'a dyn Tree,
    pub(super) image: &'a dyn Tree,
    /// The image's name, for messages.
    pub(super) name: &'a str,
    pub(super) monitor: &'a Monitor,
    pub(super) changes: Changes,
    pub(super) seen: u64,
}

/// Something that is on one side or on both.
struct Pair {
    path: PathBuf,
    today: Option<Entry>,
    image: Option<Entry>,
}

impl Collector<'_> {
    /// Looks at all that was named.
    ///
    /// # Errors
    /// `Refused`, by name, when something is nowhere, or cannot be made in the image's volume what it is today.
    pub(super) fn collect(mut self, paths: &[PathBuf]) -> Result<Changes> {
        let mut roots: Vec<Pair> = Vec::new();
        for path in paths {
            let pair = self.resolve(path)?;
            roots.retain(|have| !have.path.starts_with(&pair.path));
            if !roots.iter().any(|have| pair.path.starts_with(&have.path)) {
                roots.push(pair);
            }
        }
        let mut waiting = roots;
        waiting.reverse();
        while let Some(pair) = waiting.pop() {
            self.monitor.check()?;
            self.seen += 1;
            if self.seen > MAX_ENTRIES || pair.path.components().count() > MAX_DEPTH {
                return Err(Error::refused(format!(
                    "{} is the end of too much: more than {MAX_ENTRIES} files, or {MAX_DEPTH} directories in each other",
                    pair.path.display()
                ))
                .advise("Name less, or make an image of all: without --only"));
            }
            let mut below = self.compare(pair)?;
            below.reverse();
            waiting.append(&mut below);
        }
        Ok(self.changes)
    }

    /// Finds what a path names, and notes the directories that lead to it and that the image has not.
    fn resolve(&mut self, path: &Path) -> Result<Pair> {
        let names = names(path)?;
        let mut pair = Pair { path: "/".into(), today: None, image: None };
        let (mut in_today, mut in_image) = (true, true);
        for (at, name) in names.iter().enumerate() {
            let today = if in_today { find(self.today, &pair.path, name)? } else { None };
            let image = if in_image { find(self.image, &pair.path, name)? } else { None };
            let Some(known) = today.as_ref().or(image.as_ref()) else {
                return Err(Error::refused(format!(
                    "there is no {}: neither on the volume today nor in the image {}",
                    path.display(),
                    self.name
                ))
                .advise("Name files and directories by their paths from the volume's root"));
            };
            pair.path.push(&known.name);
            let directory = |entry: &Option<Entry>| entry.as_ref().is_some_and(|e| e.kind == EntryKind::Directory);
            (in_today, in_image) = (directory(&today), directory(&image));
            if at + 1 < names.len() {
                self.pass(&pair.path, today.as_ref(), image.as_ref())?;
            }
            (pair.today, pair.image) = (today, image);
        }
        Ok(pair)
    }

    /// A directory on the way to what was named.
    fn pass(&mut self, path: &Path, today: Option<&Entry>, image: Option<&Entry>) -> Result<()> {
        self.keep(path, image);
        match (today, image) {
            (Some(today), None) if today.kind == EntryKind::Directory => {
                if self.changes.made.iter().all(|(have, _)| have != path) {
                    self.changes.made.push((path.into(), guise(today)));
                }
                Ok(())
            }
            (Some(today), Some(image)) if today.kind == EntryKind::Directory && image.kind != EntryKind::Directory => {
                Err(Error::refused(format!(
                    "{} is a directory today, and something else in the image {}",
                    path.display(),
                    self.name
                ))
                .advise("Name the directory itself"))
            }
            _ => Ok(()),
        }
    }

    /// Compares the two; gives what is in them, when they are directories.
    fn compare(&mut self, pair: Pair) -> Result<Vec<Pair>> {
        use EntryKind::{Directory, File};
        let Pair { path, today, image } = pair;
        match (today.as_ref().map(|e| &e.kind), image.as_ref().map(|e| &e.kind)) {
            (None, None) => {}
            (Some(File), None | Some(File)) => self.file(path, today.as_ref(), image.as_ref())?,
            (Some(Directory), Some(Directory)) => {
                self.keep(&path, image.as_ref());
                return self.both(&path, true, true);
            }
            (Some(Directory), None | Some(File)) => {
                if image.is_some() {
                    self.changes.gone.push(path.clone());
                }
                if let Some(today) = &today
                    && self.changes.made.iter().all(|(have, _)| *have != path)
                {
                    self.changes.made.push((path.clone(), guise(today)));
                }
                return self.both(&path, true, false);
            }
            (None, Some(Directory)) => {
                self.changes.emptied.push(path.clone());
                return self.both(&path, false, true);
            }
            (None, Some(_)) => self.changes.gone.push(path),
            (Some(now), Some(then)) if now == then => self.changes.same += 1,
            (Some(File), Some(Directory)) => {
                return Err(Error::refused(format!(
                    "{} is a file today and a directory in the image {}, which cannot take its place",
                    path.display(),
                    self.name
                ))
                .advise("Make an image of all: without --only"));
            }
            (Some(_), _) => {
                return Err(Error::refused(format!(
                    "{} is a link or a special file, and not as it is in the image {}: only files and directories can be taken by themselves",
                    path.display(),
                    self.name
                ))
                .advise("Name the files beside it, or make an image of all: without --only"));
            }
        }
        Ok(Vec::new())
    }

    /// Notes a directory that [`Edit::release`](crate::fs::Edit::release) takes along when it becomes empty.
    fn keep(&mut self, path: &Path, image: Option<&Entry>) {
        let Some(image) = image.filter(|image| image.kind == EntryKind::Directory) else { return };
        let look = image.attributes;
        if (look.hidden && look.system && look.read_only) || look.mode == Some(0o600) {
            self.changes.kept.push((path.into(), guise(image)));
        }
    }

    /// What is in a directory, on one side or both.
    fn both(&self, path: &Path, in_today: bool, in_image: bool) -> Result<Vec<Pair>> {
        let list = |tree: &dyn Tree, is: bool| if is { tree.list(path) } else { Ok(Vec::new()) };
        let today = list(self.today, in_today)?;
        let mut image: HashMap<OsString, Entry> =
            list(self.image, in_image)?.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
        let mut pairs = Vec::new();
        let mut unmatched = Vec::new();
        for entry in today {
            match image.remove(&entry.name) {
                Some(other) => {
                    pairs.push(Pair { path: path.join(&entry.name), today: Some(entry), image: Some(other) })
                }
                None => unmatched.push(entry),
            }
        }
        // A name in other case is the same name where case does not count: that is asked of the file system.
        let folded: HashMap<String, OsString> = image.keys().map(|name| (fold(name), name.clone())).collect();
        for entry in unmatched {
            let here = path.join(&entry.name);
            let other = match folded.get(&fold(&entry.name)) {
                Some(other) if self.image.entry(&here).is_ok_and(|found| found.name == *other) => image.remove(other),
                _ => None,
            };
            pairs.push(Pair { path: here, today: Some(entry), image: other });
        }
        let mut left: Vec<Entry> = image.into_values().collect();
        left.sort_by(|a, b| a.name.cmp(&b.name));
        pairs.extend(left.into_iter().map(|entry| Pair {
            path: path.join(&entry.name),
            today: None,
            image: Some(entry),
        }));
        Ok(pairs)
    }

    fn file(&mut self, path: PathBuf, today: Option<&Entry>, image: Option<&Entry>) -> Result<()> {
        let Some(today) = today else { return Ok(()) };
        if !today.streams.is_empty() || image.is_some_and(|image| !image.streams.is_empty()) {
            self.changes.with_streams.push(path.clone());
        }
        if let Some(image) = image {
            let alike = today.bytes == image.bytes && guise(today) == guise(image);
            if alike && self.is_same(&path)? {
                self.changes.same += 1;
                return Ok(());
            }
        }
        let old = match image {
            Some(_) => Some(self.image.content(&path)?),
            None => None,
        };
        self.changes.puts.push(Put { path, bytes: today.bytes, guise: guise(today), old });
        Ok(())
    }

    /// True when a file has the same bytes on both sides.
    fn is_same(&self, path: &Path) -> Result<bool> {
        let mut today = self.today.open(path)?;
        let mut image = self.image.open(path)?;
        let (mut a, mut b) = (vec![0; AT_ONCE], vec![0; AT_ONCE]);
        loop {
            self.monitor.check()?;
            let now = read_full(&mut *today, &mut a).map_err(|error| reading(path, error))?;
            let then = read_full(&mut *image, &mut b)
                .map_err(|error| Error::io(format!("reading {} in the image {}", path.display(), self.name), error))?;
            if a[..now] != b[..then] {
                return Ok(false);
            }
            if now == 0 {
                return Ok(true);
            }
        }
    }
}

/// That a file of the volume cannot be read.
pub(super) fn reading(path: &Path, error: std::io::Error) -> Error {
    Error::io(format!("reading {}", path.display()), error)
}

/// Reads until the buffer is full or the file ends; gives how much that was.
fn read_full(reader: &mut dyn Read, buf: &mut [u8]) -> std::io::Result<usize> {
    let mut done = 0;
    while done < buf.len() {
        match reader.read(&mut buf[done..]) {
            Ok(0) => break,
            Ok(now) => done += now,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

fn guise(entry: &Entry) -> Guise {
    Guise { attributes: entry.attributes, modified: entry.modified }
}

fn fold(name: &OsStr) -> String {
    name.to_string_lossy().to_lowercase()
}

/// A path's names, from the root on.
fn names(path: &Path) -> Result<Vec<&OsStr>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => names.push(name),
            Component::ParentDir | Component::Prefix(_) => {
                return Err(Error::refused(format!("{} leads out of the directories it names", path.display()))
                    .advise("Name files and directories by their paths from the volume's root, without .."));
            }
        }
    }
    match names.first() {
        None => Err(Error::refused("all of the volume was named, which is no part of it")
            .advise("Make an image of all: without --only")),
        Some(first) if first.eq_ignore_ascii_case(FOLDER) => {
            Err(Error::refused(format!("{} is of the container, and no image has the container in it", path.display()))
                .advise("Name files of your own"))
        }
        _ => Ok(names),
    }
}

/// What has a name in a directory, by the file system's own rules.
fn find(tree: &dyn Tree, directory: &Path, name: &OsStr) -> Result<Option<Entry>> {
    let list = tree.list(directory)?;
    if let Some(entry) = list.iter().find(|entry| entry.name == name) {
        return Ok(Some(entry.clone()));
    }
    // A short name beside a long one is not meant: on another day it stands for another file.
    let alike = |entry: &Entry| fold(&entry.name) == fold(name);
    let is_there = list.iter().any(alike);
    Ok(if is_there { tree.entry(&directory.join(name)).ok().filter(alike) } else { None })
}

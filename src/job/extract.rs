//! Taking files out of an image or a volume. Names come from the volume and are hostile; see [`folder`] for why nothing
//! can land outside the folder that the user named.

mod folder;
mod measure;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::{Monitor, Outcome, Report};
use crate::error::{Kind, Result};
use crate::fs::{Entry, EntryKind, MAX_DEPTH, Tree};
use crate::inventory::{self, Address};
use crate::plan::{Safety, Step, StepKind, quoted};
use crate::unit::ByteLen;
use crate::words::{en, fill};
use folder::Folder;
pub use measure::{Amount, measure};

/// So many warnings are listed; those beyond are counted, and stand in the log file. A badly damaged volume has one for
/// each of its files.
const MAX_WARNINGS: usize = 1000;

/// Which files shall be taken out of what, and where to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExtractRequest {
    /// An image (a file, or inside a volume), or a volume.
    pub subject: Address,
    /// Files and folders in it, from its root; folders with all that is in them.
    pub paths: Vec<PathBuf>,
    /// The folder to put them in; it is made when it is not there.
    pub to: PathBuf,
    /// Replace files that are there.
    pub overwrite: bool,
}

impl ExtractRequest {
    /// What will be done, with so many bytes of files.
    #[must_use]
    pub fn steps(bytes: u64) -> Vec<Step> {
        let step = |kind, title: &str, bytes, safety| Step { kind, title: title.into(), bytes, safety };
        vec![
            step(StepKind::CountFiles, en::STEP_COUNT_FILES, 0, Safety::Reads),
            step(StepKind::CopyFiles, en::STEP_COPY_FILES, bytes, Safety::Creates),
            step(StepKind::SyncTarget, en::STEP_SYNC_FILES, 0, Safety::Creates),
        ]
    }

    /// The command line that does the same.
    #[must_use]
    pub fn command(&self) -> String {
        let word = |path: &Path| quoted(&path.display().to_string());
        let paths: Vec<String> = self.paths.iter().map(|path| word(path)).collect();
        let overwrite = if self.overwrite { " --overwrite" } else { "" };
        let subject = quoted(&self.subject.to_string());
        format!("lifeboat extract {subject} {} --to {}{overwrite}", paths.join(" "), word(&self.to))
    }
}

/// What was copied, and what was not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Extracted {
    /// How it ended.
    pub outcome: Outcome,
    /// Files.
    pub files: u64,
    /// Folders.
    pub folders: u64,
    /// Symbolic links.
    pub links: u64,
    /// Alternate streams, which became files of their own.
    pub streams: u64,
    /// Bytes of files and streams.
    pub bytes: u64,
    /// What was left out, and why.
    pub warnings: Vec<String>,
}

impl Extracted {
    fn count(&self) -> u64 {
        self.files + self.folders + self.links + self.streams
    }

    /// Name and value pairs: what was copied, and where to.
    #[must_use]
    pub fn facts(&self, to: &Path) -> Vec<(String, String)> {
        let files = fill(en::RESULT_FILES, &[("count", &self.files), ("size", &ByteLen(self.bytes))]);
        let mut facts = vec![(en::TOLD_FILES.to_owned(), files)];
        for (name, count) in [(en::TOLD_FOLDERS, self.folders), (en::TOLD_LINKS, self.links)] {
            if count > 0 {
                facts.push((name.to_owned(), count.to_string()));
            }
        }
        if self.streams > 0 {
            facts.push((en::TOLD_STREAMS.to_owned(), fill(en::RESULT_STREAMS, &[("count", &self.streams)])));
        }
        facts.push((en::TOLD_IN.to_owned(), to.display().to_string()));
        facts
    }

    /// The same as a report.
    #[must_use]
    pub fn report(&self, to: &Path) -> Report {
        let headline = match self.outcome {
            Outcome::Done => fill(en::HEAD_EXTRACTED, &[("folder", &to.display())]),
            Outcome::DoneWithWarnings => fill(en::HEAD_EXTRACTED_SOME, &[("folder", &to.display())]),
            _ => en::HEAD_EXTRACTED_NONE.to_owned(),
        };
        Report {
            outcome: self.outcome,
            headline,
            facts: self.facts(to),
            warnings: self.warnings.clone(),
            next: Vec::new(),
        }
    }
}

/// Extracts. Each warning is a problem in the monitor's log, too.
pub(super) fn run(request: &ExtractRequest, monitor: &Monitor) -> Result<Extracted> {
    let volume = inventory::open_volume(&request.subject, monitor)?;
    let target = Arc::new(Folder::open(&request.to)?);
    let paths: Vec<PathBuf> = request.paths.iter().map(|path| Path::new("/").join(path)).collect();
    monitor.begin(ExtractRequest::steps(0));
    let amount = measure(volume.tree(), &paths, monitor)?;
    monitor.begin(ExtractRequest::steps(amount.bytes));
    monitor.enter(1);
    let mut walk = Walk {
        tree: volume.tree(),
        monitor,
        overwrite: request.overwrite,
        passed: 0,
        warnings: 0,
        extracted: Extracted {
            outcome: Outcome::Done,
            files: 0,
            folders: 0,
            links: 0,
            streams: 0,
            bytes: 0,
            warnings: Vec::new(),
        },
    };
    for path in &paths {
        match walk.argument(&target, path) {
            // Once something is written, the rest follows, and what is missing is said.
            Err(error) if error.kind() != Kind::Cancelled && walk.extracted.count() > 0 => {
                walk.warn(path, &error.to_string())
            }
            other => other?,
        }
    }
    let (mut extracted, warnings) = (walk.extracted, walk.warnings);
    if warnings > MAX_WARNINGS {
        extracted.warnings.push(fill(en::AND_MORE, &[("count", &(warnings - MAX_WARNINGS))]));
    }
    if warnings > 0 {
        extracted.outcome = if extracted.count() == 0 { Outcome::Failed } else { Outcome::DoneWithWarnings };
    }
    if extracted.count() > 0 {
        monitor.enter(2);
        target.sync()?;
    }
    monitor.enter(3);
    Ok(extracted)
}

/// A folder under way: what is still to be copied into it.
struct Level {
    folder: Arc<Folder>,
    path: PathBuf,
    entries: std::vec::IntoIter<Entry>,
    /// What it is in the folder above; none for the volume's root.
    own: Option<Own>,
}

struct Own {
    above: Arc<Folder>,
    name: OsString,
    entry: Entry,
}

struct Walk<'a> {
    tree: &'a dyn Tree,
    monitor: &'a Monitor,
    overwrite: bool,
    /// Bytes of the files that are done with, copied or not.
    passed: u64,
    /// How many warnings there were.
    warnings: usize,
    extracted: Extracted,
}

impl Walk<'_> {
    /// One of the paths asked for: what is at it lands under its last name in the target, and the root's content
    /// directly in it. Folders stand on a stack of our own, since a volume may nest them deeper than a thread's.
    fn argument(&mut self, target: &Arc<Folder>, path: &Path) -> Result<()> {
        let mut levels = Vec::new();
        match path.file_name() {
            None => {
                let entries = self.tree.list(path)?.into_iter();
                levels.push(Level { folder: Arc::clone(target), path: path.to_owned(), entries, own: None });
            }
            Some(name) => {
                let entry = self.tree.entry(path)?;
                levels.extend(self.entry(target, path, name, entry, 0)?);
            }
        }
        while let Some(mut level) = levels.pop() {
            let Some(entry) = level.entries.next() else {
                let path = level.path.clone();
                let left = self.leave(level);
                if levels.is_empty() {
                    left?
                } else {
                    self.settle(&path, left)?
                }
                continue;
            };
            let (path, folder) = (level.path.join(&entry.name), Arc::clone(&level.folder));
            levels.push(level);
            let name = entry.name.clone();
            let entered = self.entry(&folder, &path, &name, entry, levels.len());
            let mut below = None;
            self.settle(&path, entered.map(|level| below = level))?;
            levels.extend(below);
        }
        Ok(())
    }

    /// Below what was asked for, a failure is a warning.
    fn settle(&mut self, path: &Path, result: Result<()>) -> Result<()> {
        match result {
            Err(error) if error.kind() == Kind::Cancelled => Err(error),
            Err(error) => {
                self.warn(path, &error.to_string());
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Copies an entry; a folder is only begun.
    fn entry(
        &mut self,
        target: &Arc<Folder>,
        path: &Path,
        name: &OsStr,
        entry: Entry,
        depth: usize,
    ) -> Result<Option<Level>> {
        self.monitor.check()?;
        if !folder::is_plain(name) {
            self.warn(path, en::SKIPPED_NAME);
            return Ok(None);
        }
        match &entry.kind {
            EntryKind::Directory => return self.enter(target, path, name, entry, depth),
            EntryKind::Symlink(Some(to)) => {
                target.link(name, to, self.overwrite)?;
                self.extracted.links += 1;
            }
            EntryKind::Symlink(None) => self.warn(path, en::SKIPPED_LINK),
            EntryKind::Special => self.warn(path, en::SKIPPED_SPECIAL),
            EntryKind::File => {
                self.file(target, path, name, &entry, entry.bytes)?;
                self.extracted.files += 1;
            }
        }
        self.streams(target, path, name, &entry).map(|()| None)
    }

    fn enter(
        &mut self,
        target: &Arc<Folder>,
        path: &Path,
        name: &OsStr,
        entry: Entry,
        depth: usize,
    ) -> Result<Option<Level>> {
        if depth >= MAX_DEPTH {
            self.warn(path, en::SKIPPED_DEEP);
            return Ok(None);
        }
        let folder = Arc::new(target.enter(name)?);
        self.extracted.folders += 1;
        let entries = self.tree.list(path)?.into_iter();
        let own = Some(Own { above: Arc::clone(target), name: name.to_owned(), entry });
        Ok(Some(Level { folder, path: path.to_owned(), entries, own }))
    }

    /// All that was in a folder is copied.
    fn leave(&mut self, level: Level) -> Result<()> {
        let Some(own) = level.own else { return Ok(()) };
        level.folder.finish(&own.entry)?;
        self.streams(&own.above, &level.path, &own.name, &own.entry)
    }

    fn file(&mut self, target: &Folder, path: &Path, name: &OsStr, entry: &Entry, bytes: u64) -> Result<()> {
        let copied = self
            .tree
            .open(path)
            .and_then(|mut reader| target.file(name, &mut reader, entry, self.overwrite, self.monitor));
        // What could not be copied is done with, too: the bar goes on.
        self.passed = self.passed.saturating_add(bytes);
        self.monitor.reach(self.passed);
        self.extracted.bytes = self.extracted.bytes.saturating_add(copied?);
        Ok(())
    }

    /// Alternate streams become files beside the file: no other file system has them.
    fn streams(&mut self, target: &Folder, path: &Path, name: &OsStr, entry: &Entry) -> Result<()> {
        for stream in &entry.streams {
            let with = |base: &OsStr| {
                let mut whole = base.to_owned();
                whole.push(":");
                whole.push(&stream.name);
                whole
            };
            let place: PathBuf = path.with_file_name(with(path.file_name().unwrap_or(name)));
            let name = with(name);
            if !folder::is_plain(&name) {
                self.warn(&place, en::SKIPPED_NAME);
                continue;
            }
            match self.file(target, &place, &name, entry, stream.bytes) {
                Ok(()) => self.extracted.streams += 1,
                failed => self.settle(&place, failed)?,
            }
        }
        Ok(())
    }

    fn warn(&mut self, path: &Path, why: &str) {
        let warning = fill(en::CAUTION_SKIPPED, &[("path", &path.display()), ("why", &why)]);
        self.warnings += 1;
        if self.warnings > MAX_WARNINGS {
            tracing::warn!("{warning}");
            return;
        }
        self.monitor.problem(warning.clone());
        self.extracted.warnings.push(warning);
    }
}

//! `lifeboat extract`: files out of an image or a volume. Names come from the volume and are hostile; see
//! [`folder`] for why nothing can land outside the folder named by the user.

mod folder;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::arguments::Extract;
use super::console::{Console, facts};
use super::interrupt::Interrupts;
use super::subject;
use super::words::clean_path;
use crate::error::{Error, Kind, Result};
use crate::fs::{Entry, EntryKind, MAX_DEPTH, Tree};
use crate::job::Outcome;
use crate::unit::ByteLen;
use folder::Folder;

/// What was done, and what was not.
#[derive(Serialize)]
struct Tally {
    outcome: Outcome,
    files: u64,
    folders: u64,
    links: u64,
    streams: u64,
    bytes: u64,
    warnings: Vec<String>,
}

impl Tally {
    fn count(&self) -> u64 {
        self.files + self.folders + self.links + self.streams
    }
}

/// Extracts, and says how that ended.
pub(super) fn run(command: &Extract) -> u8 {
    let console = Console::new(command.json);
    match extract(command, &console) {
        Ok(tally) => finish(&console, command, &tally),
        Err(error) => console.error(&error),
    }
}

fn extract(command: &Extract, console: &Console) -> Result<Tally> {
    let volume = subject::open(&command.subject)?;
    let target = Folder::open(&command.to)?;
    let mut walk = Walk {
        tree: volume.tree(),
        console,
        overwrite: command.overwrite,
        interrupts: Interrupts::catch(),
        tally: Tally {
            outcome: Outcome::Done,
            files: 0,
            folders: 0,
            links: 0,
            streams: 0,
            bytes: 0,
            warnings: Vec::new(),
        },
    };
    for path in &command.paths {
        let path = Path::new("/").join(path);
        match walk.argument(&target, &path) {
            // Once something is written, the rest follows, and what is missing is said.
            Err(error) if error.kind() != Kind::Cancelled && walk.tally.count() > 0 => {
                walk.warn(&path, &error.to_string())
            }
            other => other?,
        }
    }
    let mut tally = walk.tally;
    if !tally.warnings.is_empty() {
        tally.outcome = if tally.count() == 0 { Outcome::Failed } else { Outcome::DoneWithWarnings };
    }
    Ok(tally)
}

fn finish(console: &Console, command: &Extract, tally: &Tally) -> u8 {
    if console.json() {
        console.document(tally);
        return tally.outcome.exit_code();
    }
    console.line(match tally.outcome {
        Outcome::Done => "Done.",
        Outcome::DoneWithWarnings => "Done with warnings: what is named above is missing.",
        _ => "Nothing was extracted.",
    });
    let mut list = vec![("Files".to_owned(), format!("{}, {}", tally.files, ByteLen(tally.bytes)))];
    for (name, count) in [("Folders", tally.folders), ("Links", tally.links)] {
        if count > 0 {
            list.push((name.to_owned(), count.to_string()));
        }
    }
    if tally.streams > 0 {
        list.push(("Streams".to_owned(), format!("{}, beside their files as name:stream", tally.streams)));
    }
    list.push(("In".to_owned(), command.to.display().to_string()));
    for line in facts(&list) {
        console.line(&line);
    }
    tally.outcome.exit_code()
}

struct Walk<'a> {
    tree: &'a dyn Tree,
    console: &'a Console,
    overwrite: bool,
    interrupts: Interrupts,
    tally: Tally,
}

impl Walk<'_> {
    /// One PATH of the command line: what is at it lands under its last name in the target, and the root's
    /// content directly in it.
    fn argument(&mut self, target: &Folder, path: &Path) -> Result<()> {
        let Some(name) = path.file_name() else { return self.content(target, path, 0) };
        let entry = self.tree.entry(path)?;
        self.entry(target, path, name, &entry, 0)
    }

    fn content(&mut self, target: &Folder, path: &Path, depth: usize) -> Result<()> {
        for entry in self.tree.list(path)? {
            let path = path.join(&entry.name);
            match self.entry(target, &path, &entry.name, &entry, depth) {
                Err(error) if error.kind() == Kind::Cancelled => return Err(error),
                Err(error) => self.warn(&path, &error.to_string()),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    fn entry(&mut self, target: &Folder, path: &Path, name: &OsStr, entry: &Entry, depth: usize) -> Result<()> {
        if self.interrupts.came() {
            return Err(Error::cancelled());
        }
        if !folder::is_plain(name) {
            self.warn(path, "its name would lead out of the folder; skipped");
            return Ok(());
        }
        match &entry.kind {
            EntryKind::Directory => self.directory(target, path, name, entry, depth)?,
            EntryKind::Symlink(Some(to)) => {
                target.link(name, to, self.overwrite)?;
                self.tally.links += 1;
            }
            EntryKind::Symlink(None) => self.warn(path, "a link whose target is not known; skipped"),
            EntryKind::Special => self.warn(path, "neither file nor folder nor link; skipped"),
            EntryKind::File => {
                self.file(target, path, name, entry)?;
                self.tally.files += 1;
            }
        }
        self.streams(target, path, name, entry)
    }

    fn directory(&mut self, target: &Folder, path: &Path, name: &OsStr, entry: &Entry, depth: usize) -> Result<()> {
        if depth >= MAX_DEPTH {
            self.warn(path, "deeper than any volume goes: a folder that holds itself; skipped");
            return Ok(());
        }
        let folder = target.enter(name)?;
        self.tally.folders += 1;
        self.content(&folder, path, depth + 1)?;
        folder.finish(entry)
    }

    fn file(&mut self, target: &Folder, path: &Path, name: &OsStr, entry: &Entry) -> Result<()> {
        let mut reader = self.tree.open(path)?;
        let interrupts = &self.interrupts;
        let bytes = target.file(name, &mut reader, entry, self.overwrite, &|| interrupts.came())?;
        self.tally.bytes = self.tally.bytes.saturating_add(bytes);
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
                self.warn(&place, "its name would lead out of the folder; skipped");
                continue;
            }
            match self.file(target, &place, &name, entry) {
                Err(error) if error.kind() == Kind::Cancelled => return Err(error),
                Err(error) => self.warn(&place, &error.to_string()),
                Ok(()) => self.tally.streams += 1,
            }
        }
        Ok(())
    }

    fn warn(&mut self, path: &Path, why: &str) {
        let warning = format!("{}: {why}", clean_path(path));
        self.console.say(&format!("lifeboat: warning: {warning}"));
        self.tally.warnings.push(super::words::clean(&warning));
    }
}

//! What the browser of a volume's or image's files knows.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::inventory::Address;
use crate::job::ExtractRequest;

use super::super::input::Input;
use super::super::msg::{FileRow, Hit, Piece, Ticket};
use super::super::reading::{Encoding, Text};
use super::{Task, Trouble};

/// A volume or image whose files are looked at, and where the cursor is in it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Files {
    /// What is looked into.
    pub subject: Option<Address>,
    /// What the user had come for before.
    pub task: Task,
    /// The volume, in words.
    pub volume: String,
    /// The folder that is shown.
    pub folder: PathBuf,
    /// What is in it.
    pub rows: Arc<Vec<FileRow>>,
    /// So many more are not listed.
    pub more: usize,
    /// Why there is no list.
    pub problem: Option<Trouble>,
    /// The chosen line.
    pub cursor: usize,
    /// The way from the root to the folder, with the folders beside it.
    pub tree: Tree,
    /// Which of the two panes the keys are for.
    pub pane: Pane,
    /// What shall be copied out.
    pub marks: BTreeMap<PathBuf, Mark>,
    /// The folder that was asked for, under its ticket, and the name the cursor goes to there.
    pub going: Option<Going>,
    /// A text that is being typed.
    pub typing: Option<Typing>,
    /// What was found by name.
    pub find: Option<Find>,
    /// The file that is looked into.
    pub peek: Option<Peek>,
    /// What shall be copied, as far as it is known.
    pub extract: Option<ExtractRequest>,
    /// Where files were copied to last.
    pub target: Option<String>,
}

/// The two panes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pane {
    /// The folders.
    Folders,
    /// What is in the chosen one.
    #[default]
    Content,
}

/// A folder that was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Going {
    /// Whose answer is waited for.
    pub ticket: Ticket,
    /// Which folder.
    pub folder: PathBuf,
    /// Where the cursor shall stand.
    pub name: Option<OsString>,
}

/// Something that is marked: the bytes of a file; what a folder holds is not known before it is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// A file of so many bytes, or a link.
    File(u64),
    /// A folder.
    Folder,
}

/// What is being typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Typing {
    /// A name to look for.
    Name(Input),
    /// The folder to copy to.
    Target(Input),
}

/// What was found by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Find {
    /// What was typed.
    pub pattern: String,
    /// In which folder and below.
    pub below: PathBuf,
    /// What was found.
    pub hits: Vec<Hit>,
    /// The chosen one.
    pub cursor: usize,
    /// Folders looked through.
    pub folders: u64,
    /// Folders that could not be read.
    pub unreadable: u64,
    /// The search that is under way.
    pub waiting: Option<Ticket>,
    /// There is more than is listed.
    pub has_more: bool,
}

/// A file that is looked into.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peek {
    /// Which file, or stream.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// The file's byte at which the screen begins.
    pub top: u64,
    /// How its text is written; `None` for a file that is no text, and before its beginning was read.
    pub encoding: Option<Encoding>,
    /// Bytes in hex, not text.
    pub is_hex: bool,
    /// What was read.
    pub piece: Option<Piece>,
    /// The piece that is waited for.
    pub waiting: Option<Ticket>,
    /// What is to be done as soon as that is there.
    pub pending: Option<Motion>,
    /// Why nothing can be shown.
    pub problem: Option<Trouble>,
}

/// Ways through a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Motion {
    /// So many lines towards the beginning.
    Up(usize),
    /// So many lines towards the end.
    Down(usize),
    /// To the first line.
    Home,
    /// To the last page.
    End,
    /// To the beginning of the line that holds the first byte on the screen.
    Settle,
}

/// A line of the folders' pane.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Branch {
    /// How deep it is.
    pub depth: usize,
    /// The folder.
    pub path: PathBuf,
    /// So many more beside it are not listed.
    pub more: usize,
}

/// The way from the root to a folder, and the folders beside it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tree {
    /// The folders in each folder on the way, by their names.
    known: BTreeMap<PathBuf, Vec<OsString>>,
    /// All as lines.
    pub lines: Vec<Branch>,
    /// The chosen line.
    pub cursor: usize,
}

/// So many folders of one folder stand in the folders' pane; the other pane has them all.
const MAX_BRANCHES: usize = 500;

impl Tree {
    /// Goes to a folder whose own folders are these.
    pub fn show(&mut self, folder: &Path, folders: impl Iterator<Item = OsString>) {
        self.known.insert(folder.to_owned(), folders.collect());
        self.known.retain(|path, _| folder.starts_with(path));
        let way: Vec<PathBuf> = folder.ancestors().map(Path::to_owned).collect();
        self.lines.clear();
        let mut below = Vec::new();
        for (depth, path) in way.iter().rev().enumerate() {
            self.lines.push(Branch { depth, path: path.clone(), more: 0 });
            let names = self.known.get(path).map(Vec::as_slice).unwrap_or_default();
            let next = way.iter().rev().nth(depth + 1).and_then(|next| next.file_name());
            let at = next.and_then(|next| names.iter().position(|name| name == next));
            let branch = |name: &OsString| Branch { depth: depth + 1, path: path.join(name), more: 0 };
            // Where the list is too long, those around the way are shown.
            let first = at.unwrap_or(0).saturating_sub(MAX_BRANCHES / 2).min(names.len().saturating_sub(MAX_BRANCHES));
            let shown = names.iter().enumerate().skip(first).take(MAX_BRANCHES);
            let (before, after): (Vec<_>, Vec<_>) = shown.partition(|(index, _)| at.is_some_and(|at| *index <= at));
            let before = before.into_iter().filter(|(index, _)| Some(*index) != at);
            self.lines.extend(before.map(|(_, name)| branch(name)));
            let mut after: Vec<Branch> = after.into_iter().map(|(_, name)| branch(name)).collect();
            if let Some(last) = after.last_mut() {
                last.more = names.len().saturating_sub(MAX_BRANCHES);
            }
            below.push(after);
        }
        self.lines.extend(below.into_iter().rev().flatten());
        self.cursor = self.lines.iter().position(|line| line.path == folder).unwrap_or(0);
    }
}

impl Files {
    /// The chosen line of the folder.
    #[must_use]
    pub fn row(&self) -> Option<&FileRow> {
        self.rows.get(self.cursor)
    }

    /// What the cursor stands on, wherever that is: its path, and what it is as a mark. A stream goes with its file.
    #[must_use]
    pub fn chosen(&self) -> Option<(PathBuf, Mark)> {
        if let Some(find) = &self.find {
            return find.hits.get(find.cursor).map(|hit| (hit.folder.join(&hit.row.name), mark_of(&hit.row)));
        }
        if self.pane == Pane::Folders {
            return self.tree.lines.get(self.tree.cursor).map(|line| (line.path.clone(), Mark::Folder));
        }
        let row = self.row()?;
        let owner = self.rows.get(..=self.cursor)?.iter().rev().find(|row| !row.is_stream)?;
        let row = if row.is_stream { owner } else { row };
        Some((self.folder.join(&row.name), mark_of(row)))
    }

    /// What would be copied now: what is marked, or else what the cursor stands on. What lies in a marked folder goes
    /// with it.
    #[must_use]
    pub fn wanted(&self) -> Vec<PathBuf> {
        if self.marks.is_empty() {
            return self.chosen().into_iter().map(|(path, _)| path).collect();
        }
        let above = |path: &Path| path.ancestors().skip(1).any(|folder| self.marks.contains_key(folder));
        self.marks.keys().filter(|path| !above(path)).cloned().collect()
    }

    /// What is marked, in numbers: files, their bytes, and folders.
    #[must_use]
    pub fn marked(&self) -> (u64, u64, u64) {
        self.marks.values().fold((0, 0, 0), |(count, bytes, folders), mark| match mark {
            Mark::File(len) => (count + 1, len.saturating_add(bytes), folders),
            Mark::Folder => (count, bytes, folders + 1),
        })
    }

    /// True while an answer about files is waited for.
    #[must_use]
    pub fn waiting(&self) -> bool {
        self.going.is_some()
            || self.find.as_ref().is_some_and(|find| find.waiting.is_some())
            || self.peek.as_ref().is_some_and(|peek| peek.waiting.is_some())
    }
}

impl Peek {
    /// What was read, as text of this width.
    #[must_use]
    pub fn text(&self, columns: usize) -> Option<Text<'_>> {
        let piece = self.piece.as_ref()?;
        let encoding = self.encoding.unwrap_or(Encoding::Latin1);
        Some(Text { bytes: &piece.bytes, offset: piece.offset, encoding, columns: columns.max(2) })
    }
}

fn mark_of(row: &FileRow) -> Mark {
    if row.is_folder() { Mark::Folder } else { Mark::File(row.bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(tree: &Tree) -> Vec<String> {
        tree.lines.iter().map(|line| format!("{}{}", " ".repeat(line.depth), line.path.display())).collect()
    }

    #[test]
    fn the_way_to_a_folder_has_its_neighbours_around_it() {
        let mut tree = Tree::default();
        let names = |names: &[&str]| names.iter().map(OsString::from).collect::<Vec<_>>().into_iter();
        tree.show(Path::new("/"), names(&["a", "b", "c"]));
        assert_eq!(lines(&tree), ["/", " /a", " /b", " /c"]);
        tree.show(Path::new("/b"), names(&["x", "y"]));
        assert_eq!(lines(&tree), ["/", " /a", " /b", "  /b/x", "  /b/y", " /c"]);
        assert_eq!(tree.lines[tree.cursor].path, Path::new("/b"));
        tree.show(Path::new("/b/x"), names(&[]));
        assert_eq!(lines(&tree), ["/", " /a", " /b", "  /b/x", "  /b/y", " /c"]);
        tree.show(Path::new("/c"), names(&[]));
        assert_eq!(lines(&tree), ["/", " /a", " /b", " /c"], "what is off the way is forgotten");
        // Straight to a deep folder: what is beside the way is not known.
        tree.show(Path::new("/a/p/q"), names(&["r"]));
        assert_eq!(lines(&tree), ["/", " /a", "  /a/p", "   /a/p/q", "    /a/p/q/r", " /b", " /c"]);
    }

    #[test]
    fn a_folder_of_very_many_folders_keeps_the_way_in_sight() {
        let mut tree = Tree::default();
        let names: Vec<OsString> = (0..5000).map(|number| format!("{number:04}").into()).collect();
        tree.show(Path::new("/"), names.clone().into_iter());
        assert_eq!((tree.lines.len(), tree.lines[MAX_BRANCHES].more), (MAX_BRANCHES + 1, 4500));
        tree.show(Path::new("/3000"), std::iter::empty());
        assert!(tree.lines.len() <= MAX_BRANCHES + 1);
        assert_eq!(tree.lines[tree.cursor].path, Path::new("/3000"));
    }

    #[test]
    fn what_lies_in_a_marked_folder_goes_with_it() {
        let mut files = Files::default();
        for (path, mark) in [("/a", Mark::Folder), ("/a/b/c", Mark::File(1)), ("/ab", Mark::File(2))] {
            files.marks.insert(path.into(), mark);
        }
        assert_eq!(files.wanted(), [Path::new("/a"), Path::new("/ab")]);
        files.marks.insert("/".into(), Mark::Folder);
        assert_eq!(files.wanted(), [Path::new("/")]);
    }
}

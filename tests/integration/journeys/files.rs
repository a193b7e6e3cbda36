//! Through the files of an image: folders, marks, finding, looking into one, copying out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::fs::{Attributes, EntryKind};
use lifeboat::job::{Amount, Outcome};
use lifeboat::ui::model::{Job, Screen, Task, Trouble};
use lifeboat::ui::msg::{
    Effect, FileRow, FilesAnswer, FilesRequest, FolderView, FoundBatch, Hit, Key, Measured, Msg, Piece, Ticket,
};
use proptest::prelude::*;

use super::stage::{Stage, file_row, report};

/// The length of the long file.
const LONG: u64 = 1 << 20;

fn row(name: &str, kind: EntryKind, bytes: u64) -> FileRow {
    let attributes = Attributes { hidden: name.starts_with('.'), ..Attributes::default() };
    FileRow { attributes, ..file_row(name, kind, bytes) }
}

/// The image's folders: `/a` with `/a/deep`, `/bad` which cannot be read, and files.
fn content(folder: &Path) -> Result<Vec<FileRow>, Trouble> {
    let (dir, file) = (EntryKind::Directory, EntryKind::File);
    Ok(match folder.to_str().unwrap() {
        "/" => vec![
            row("a", dir.clone(), 0),
            row("bad", dir, 0),
            FileRow { streams: 1, ..row("letter.txt", file.clone(), 40) },
            FileRow { is_stream: true, ..row("letter.txt:origin", file.clone(), 7) },
            row("link", EntryKind::Symlink(Some("/etc/passwd".into())), 0),
            row("long.log", file, LONG),
        ],
        "/a" => vec![row("deep", dir, 0), row("one.bin", file.clone(), 100), row("two.txt", file, 1000)],
        "/bad" => {
            return Err(Trouble { refused: false, what: "at byte 4096: a bad sector".into(), next: None });
        }
        _ => Vec::new(),
    })
}

/// The wizard with a worker that knows the image's files.
struct Browser {
    stage: Stage,
    /// Requests that were answered.
    answered: usize,
    /// Answer nothing.
    silent: bool,
}

impl Browser {
    /// On the image's root, by the way a user takes.
    fn new() -> Self {
        let mut browser = Self { stage: Stage::new(), answered: 0, silent: false };
        browser.press(&["l", "<enter>", "l"]);
        assert_eq!(browser.stage.screen(), Screen::Files);
        browser
    }

    fn press(&mut self, keys: &[&str]) -> &mut Self {
        for key in keys {
            self.stage.keys(key);
            self.settle();
        }
        self
    }

    fn settle(&mut self) {
        while self.answered < self.stage.asked.len() && !self.silent {
            let effect = self.stage.asked[self.answered].clone();
            self.answered += 1;
            if let Effect::Files(ticket, request) = effect
                && let Some(answer) = answer(request)
            {
                self.stage.send(Msg::Files(ticket, answer));
            }
        }
    }

    fn requests(&self) -> Vec<&FilesRequest> {
        let mut requests = Vec::new();
        for effect in &self.stage.asked {
            if let Effect::Files(_, request) = effect {
                requests.push(request);
            }
        }
        requests
    }

    fn ticket(&self) -> Ticket {
        let ticket = |effect: &Effect| if let Effect::Files(ticket, _) = effect { Some(*ticket) } else { None };
        self.stage.asked.iter().rev().find_map(ticket).expect("something was asked for")
    }

    fn chosen(&self) -> PathBuf {
        self.stage.model.files.chosen().expect("something is chosen").0
    }

    fn text(&mut self) -> String {
        self.stage.text(80, 24)
    }
}

fn answer(request: FilesRequest) -> Option<Result<FilesAnswer, Trouble>> {
    Some(match request {
        FilesRequest::Open(_, folder) | FilesRequest::List(_, folder) => content(&folder).map(|rows| {
            let volume = "ntfs “Windows”".to_owned();
            FilesAnswer::Folder(FolderView { folder, volume, rows: Arc::new(rows), more: 0 })
        }),
        FilesRequest::Find(_, _, pattern) => {
            let hits = (pattern == "two")
                .then(|| Hit { folder: "/a".into(), row: row("two.txt", EntryKind::File, 1000) })
                .into_iter()
                .collect();
            Ok(FilesAnswer::Found(FoundBatch { hits, folders: 3, unreadable: 1, ended: true, has_more: false }))
        }
        FilesRequest::Peek(_, path, offset) => {
            let whole: Vec<u8> = match path.to_str().unwrap() {
                "/a/one.bin" => vec![0; 100],
                "/long.log" => (0..LONG / 16).flat_map(|line| format!("line {line:010}\n").into_bytes()).collect(),
                _ => b"Dear Ann,\nthe boat floats.\n\nYours, Bob\n".to_vec(),
            };
            let end = (offset as usize + (64 << 10)).min(whole.len());
            let bytes = Arc::new(whole[(offset as usize).min(end)..end].to_vec());
            Ok(FilesAnswer::Piece(Piece { offset, until: offset + (64 << 10), bytes, ..Piece::default() }))
        }
        FilesRequest::Measure(request) => {
            let amount = Amount { files: 3, folders: 2, bytes: 5000, ..Amount::default() };
            // The folder /m/full is on a medium that has less room.
            let free = if request.to.ends_with("full") { 4000 } else { 1 << 20 };
            Ok(FilesAnswer::Measured(Measured { amount, free: Some(free) }))
        }
        FilesRequest::StopFinding | FilesRequest::Close => return None,
    })
}

#[test]
fn folders_are_gone_into_and_out_of_and_the_place_is_kept() {
    let mut browser = Browser::new();
    let text = browser.text();
    for words in ["/mnt/backup/windows.lbi  ntfs “Windows”", "a/", "letter.txt", ":origin", "link → /etc/passwd"]
    {
        assert!(text.contains(words), "{words} is missing:\n{text}");
    }
    assert!(text.contains("Esc back"), "{text}");
    browser.press(&["<enter>"]);
    assert_eq!(browser.stage.model.files.folder, Path::new("/a"));
    assert!(browser.text().contains("Esc up"), "Esc does not leave from here:\n{}", browser.text());
    browser.press(&["<down>", "<left>"]);
    assert_eq!((browser.chosen(), browser.stage.screen()), (PathBuf::from("/a"), Screen::Files));
    browser.press(&["<enter>", "<esc>"]);
    assert_eq!((browser.chosen(), browser.stage.screen()), (PathBuf::from("/a"), Screen::Files));
    browser.press(&["<left>"]);
    assert_eq!(browser.stage.screen(), Screen::Files, "an arrow does not leave");
    browser.press(&["<esc>"]);
    assert_eq!(browser.stage.screen(), Screen::Facts);
    assert!(matches!(browser.requests().last(), Some(FilesRequest::Close)), "the volume is closed");
}

#[test]
fn the_folders_beside_the_way_are_a_pane_of_their_own() {
    let mut browser = Browser::new();
    browser.press(&["<enter>", "<tab>", "<down>", "<down>"]);
    assert_eq!(browser.chosen(), Path::new("/bad"));
    browser.press(&["<home>", "<down>", "<down>", "<enter>"]);
    assert_eq!(browser.stage.model.files.folder, Path::new("/a/deep"));
    assert!(browser.text().contains("This folder is empty."), "{}", browser.text());
}

#[test]
fn a_folder_that_cannot_be_read_says_so_in_its_place() {
    let mut browser = Browser::new();
    browser.press(&["<down>", "<enter>"]);
    let text = browser.text();
    assert!(text.contains("at byte 4096: a bad sector") && text.contains("/bad"), "{text}");
    assert!(browser.stage.model.trouble.is_none(), "nothing has to be closed first");
    browser.press(&["<left>", "<down>"]);
    assert_eq!(browser.chosen(), Path::new("/letter.txt"));
}

#[test]
fn a_volume_that_cannot_be_opened_says_so_and_is_left_with_one_key() {
    let mut browser = Browser { stage: Stage::new(), answered: 0, silent: true };
    browser.press(&["l", "<enter>", "l"]);
    assert!(browser.text().contains("Opening the volume…"), "{}", browser.text());
    let trouble = Trouble { refused: false, what: "no file system that Lifeboat knows".into(), next: None };
    let ticket = browser.ticket();
    browser.stage.send(Msg::Files(ticket, Err(trouble)));
    assert!(browser.text().contains("no file system that Lifeboat knows"), "{}", browser.text());
    browser.press(&["<enter>", " ", "x", "<esc>"]);
    assert_eq!(browser.stage.screen(), Screen::Facts);
}

#[test]
fn what_is_not_waited_for_any_more_is_dropped() {
    let mut browser = Browser::new();
    browser.silent = true;
    browser.press(&["<enter>"]);
    let late = browser.ticket();
    browser.press(&["<esc>"]);
    assert_eq!(browser.stage.screen(), Screen::Files, "the first Esc only stops waiting");
    let view = FolderView { folder: "/a".into(), ..FolderView::default() };
    browser.stage.send(Msg::Files(late, Ok(FilesAnswer::Folder(view))));
    assert_eq!(browser.stage.model.files.folder, Path::new("/"));
}

#[test]
fn marks_stay_from_folder_to_folder_and_are_copied_out_after_a_preview() {
    let mut browser = Browser::new();
    browser.press(&["<down>", "<down>", " ", "<home>", "<enter>", "<down>", " ", " ", "<esc>"]);
    let marks: Vec<PathBuf> = browser.stage.model.files.marks.keys().cloned().collect();
    assert_eq!(marks, [Path::new("/a/one.bin"), Path::new("/a/two.txt"), Path::new("/letter.txt")]);
    assert!(browser.text().contains("√ 3 files marked, 1.1 KiB"), "{}", browser.text());
    browser.press(&["x"]);
    assert!(browser.text().contains("Copy to  /mnt/backup/files-2026-11-21"), "{}", browser.text());
    browser.press(&["<clear>", "/m/full", "<enter>"]);
    let trouble = browser.stage.model.trouble.clone().expect("a refusal");
    let refusal = "There is not enough room: 4.8 KiB are needed, 3.9 KiB are free; 1000 bytes are missing.";
    assert_eq!((trouble.refused, trouble.what.as_str()), (true, refusal));
    browser.press(&["<esc>", "x", "<clear>", "/", "m", "/", "s", "<enter>"]);
    assert_eq!((browser.stage.screen(), browser.stage.model.task), (Screen::Preview, Task::Extract));
    let text = browser.text();
    for words in ["Copy files from /mnt/backup/windows.lbi to /m/s", "files: 3, folders: 2", "Nothing is overwritten"] {
        let flowing = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flowing.contains(words), "{words} is missing:\n{text}");
    }
    browser.press(&["<enter>", "<enter>", "y"]);
    assert_eq!(browser.stage.screen(), Screen::Preview, "Enter alone starts nothing");
    browser.press(&["s"]);
    assert_eq!(browser.stage.screen(), Screen::Running);
    assert_eq!(browser.stage.model.running.as_ref().map(|running| running.job), Some(Job::Extract));
    let Effect::Extract(request) = browser.stage.last() else { panic!("{:?}", browser.stage.last()) };
    assert_eq!((request.paths.clone(), request.to.as_path(), request.overwrite), (marks, Path::new("/m/s"), false));
    assert_eq!(
        request.command(),
        "lifeboat extract /mnt/backup/windows.lbi /a/one.bin /a/two.txt /letter.txt --to /m/s"
    );
    browser.stage.send(Msg::Finished(report(Outcome::Done)));
    assert_eq!(browser.stage.screen(), Screen::Report);
}

#[test]
fn from_the_preview_the_folder_can_be_named_anew_and_all_of_it_left() {
    let mut browser = Browser::new();
    browser.press(&["x", "<enter>", "o"]);
    assert_eq!(browser.stage.screen(), Screen::Files);
    assert!(browser.text().contains("Copy to  /mnt/backup/files-2026-11-21"), "{}", browser.text());
    browser.press(&["<enter>"]);
    assert_eq!(browser.stage.screen(), Screen::Preview);
    browser.press(&["<esc>"]);
    assert_eq!((browser.stage.screen(), browser.stage.model.task), (Screen::Files, Task::Check));
    browser.press(&["<esc>"]);
    assert_eq!((browser.stage.screen(), browser.stage.model.task), (Screen::Facts, Task::Check));
    assert!(!browser.stage.asked.iter().any(|effect| matches!(effect, Effect::Extract(_))));
}

#[test]
fn counting_can_be_stopped() {
    let mut browser = Browser::new();
    browser.silent = true;
    browser.press(&["x", "<enter>"]);
    assert!(browser.text().contains("Counting what is to be copied"), "{}", browser.text());
    let late = browser.ticket();
    browser.press(&["<esc>"]);
    assert!(matches!(browser.stage.last(), Effect::Abandon));
    browser.stage.send(Msg::Files(late, Ok(FilesAnswer::Measured(Measured::default()))));
    assert_eq!(browser.stage.screen(), Screen::Files);
}

#[test]
fn files_are_found_by_name_and_gone_to() {
    let mut browser = Browser::new();
    browser.press(&["/", "t", "?", "<esc>", "/", "t", "w", "o", "<enter>"]);
    assert!(browser.stage.model.help.is_none(), "a question mark is part of a pattern");
    let Some(FilesRequest::Find(_, below, pattern)) = browser.requests().last() else {
        panic!("nothing is looked for")
    };
    assert_eq!((below.as_path(), pattern.as_str()), (Path::new("/"), "two"));
    let text = browser.text();
    assert!(text.contains("“two”: 1 found; folders looked through: 3"), "{text}");
    assert!(text.contains("! 1 folder could not be read."), "{text}");
    browser.press(&[" "]);
    assert!(browser.stage.model.files.marks.contains_key(Path::new("/a/two.txt")));
    browser.press(&["<enter>"]);
    assert_eq!(browser.chosen(), Path::new("/a/two.txt"));
    assert!(browser.stage.model.files.find.is_none());
}

#[test]
fn a_search_under_way_shows_what_it_has_and_ends_with_esc() {
    let mut browser = Browser::new();
    browser.silent = true;
    browser.press(&["/", "x", "<enter>"]);
    let ticket = browser.ticket();
    let batch = |name: &str, folders| {
        let hits = vec![Hit { folder: "/a".into(), row: row(name, EntryKind::File, 1) }];
        Msg::Files(ticket, Ok(FilesAnswer::Found(FoundBatch { hits, folders, ..FoundBatch::default() })))
    };
    browser.stage.send(batch("x1", 5));
    browser.stage.send(batch("x2", 9));
    let text = browser.text();
    assert!(
        text.contains("x1") && text.contains("x2") && text.contains("2 found; folders looked through: 9"),
        "{text}"
    );
    browser.press(&["<esc>"]);
    assert!(matches!(browser.stage.last(), Effect::Files(_, FilesRequest::StopFinding)));
    browser.stage.send(batch("x3", 10));
    assert!(browser.stage.model.files.find.is_none());
    assert_eq!(browser.stage.screen(), Screen::Files);
}

#[test]
fn a_text_is_read_and_bytes_are_shown_in_hex() {
    let mut browser = Browser::new();
    browser.press(&["<down>", "<down>", "<enter>"]);
    assert_eq!(browser.stage.screen(), Screen::Peek);
    assert!(browser.text().contains("the boat floats."), "{}", browser.text());
    browser.press(&["h"]);
    assert!(browser.text().contains("00000000  44 65 61 72 20 41 6e 6e 2c 0a"), "{}", browser.text());
    browser.press(&["h", "<end>", "<pagedown>", "<pageup>"]);
    assert!(browser.text().contains("Dear Ann,"), "what fits the screen stays on it:\n{}", browser.text());
    browser.press(&["<esc>"]);
    assert_eq!(browser.chosen(), Path::new("/letter.txt"));
    browser.press(&["<home>", "<enter>", "<down>", "<enter>"]);
    assert!(browser.text().contains("00000000  00 00 00"), "no text opens as hex:\n{}", browser.text());
    browser.press(&["x"]);
    assert!(browser.text().contains("Copy to"), "{}", browser.text());
    browser.press(&["<enter>", "s"]);
    let Effect::Extract(request) = browser.stage.last() else { panic!("{:?}", browser.stage.last()) };
    assert_eq!(request.paths, [Path::new("/a/one.bin")]);
}

#[test]
fn a_long_file_is_read_a_piece_at_a_time() {
    let mut browser = Browser::new();
    browser.press(&["<end>", "<enter>"]);
    let rows = 18;
    let top = |browser: &Browser| browser.stage.model.files.peek.as_ref().unwrap().top;
    let asked = browser.requests().len();
    browser.press(&["<pagedown>", "<down>", "<up>", "<up>"]);
    assert_eq!((top(&browser), browser.requests().len()), (16 * (rows - 1), asked), "all of that is at hand");
    browser.press(&["<end>"]);
    assert_eq!(top(&browser), LONG - 16 * rows);
    let Some(FilesRequest::Peek(_, _, offset)) = browser.requests().last() else { panic!("nothing was read") };
    assert!(*offset > LONG - (64 << 10));
    assert!(browser.text().contains(&format!("line {:010}", LONG / 16 - 1)), "{}", browser.text());
    for _ in 0..100 {
        browser.press(&["<pageup>"]);
    }
    assert_eq!(top(&browser), LONG - 16 * rows * 101);
    browser.press(&["h", "<pagedown>", "<home>", "h", "<home>"]);
    assert_eq!(top(&browser), 0);
    // A key before the piece has come is not lost.
    browser.silent = true;
    browser.press(&["<end>"]);
    browser.silent = false;
    browser.settle();
    assert_eq!(top(&browser), LONG - 16 * rows);
}

#[test]
fn streams_are_looked_into_and_go_with_their_file() {
    let mut browser = Browser::new();
    browser.press(&["<down>", "<down>", "<down>", "<enter>"]);
    let Some(FilesRequest::Peek(_, path, 0)) = browser.requests().last() else { panic!("nothing was read") };
    assert_eq!(path, Path::new("/letter.txt:origin"));
    browser.press(&["<esc>"]);
    assert_eq!(browser.chosen(), Path::new("/letter.txt"));
    browser.press(&["<down>", "<enter>"]);
    assert!(browser.text().contains("This is a link to /etc/passwd."), "{}", browser.text());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever is pressed at whatever size: no panic, nothing is copied without a preview, and Esc leads home.
    #[test]
    fn no_key_does_harm_among_files(
        presses in proptest::collection::vec(0..22usize, 0..60),
        size in (40..130u16, 12..45u16),
    ) {
        let keys = [
            "<enter>", "<esc>", "<up>", "<down>", "<left>", "<right>", "<pageup>", "<pagedown>", "<home>", "<end>",
            "<tab>", " ", "x", "/", "h", "r", "t", "w", "o", "?", "<backspace>", "<clear>",
        ];
        let mut browser = Browser::new();
        browser.stage.send(Msg::Resize(size.0, size.1));
        for press in presses {
            browser.press(&[keys[press]]);
            browser.stage.text(size.0, size.1);
            prop_assert!(!browser.stage.asked.iter().any(|effect| matches!(effect, Effect::Extract(_))));
        }
        for _ in 0..40 {
            browser.stage.send(Msg::Key(Key::Esc));
            browser.settle();
        }
        prop_assert_eq!(browser.stage.screen(), Screen::Start);
    }
}

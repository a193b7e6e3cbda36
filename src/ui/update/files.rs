//! Looking through the files of a volume or image: folders and what is in them.
//!
//! Esc and ← lead to the folder above; from the root Esc leaves. Nothing here changes what is looked at.

mod extract;
mod find;
mod peek;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::fs::EntryKind;
use crate::inventory::Address;

use super::super::model::{Files, Going, Model, Pane, Screen, Trouble, Typing, Wait};
use super::super::msg::{Effect, FilesAnswer, FilesRequest, FolderView, Key, Ticket};
use super::super::{screen, text};
pub(super) use extract::{ask_again, completed};
pub(super) use peek::key as peek_key;

/// Shows the files of a volume or image, from its root on.
pub(super) fn open(model: &mut Model, subject: Address) -> Vec<Effect> {
    let target = model.files.target.take();
    model.files = Files { subject: Some(subject.clone()), task: model.task, target, ..Files::default() };
    model.files.folder = PathBuf::from("/");
    super::go(model, Screen::Files);
    reopen(model)
}

/// Reads the folder anew, from the disk.
fn reopen(model: &mut Model) -> Vec<Effect> {
    let Some(subject) = model.files.subject.clone() else { return Vec::new() };
    let folder = model.files.folder.clone();
    let name = model.files.row().map(|row| row.name.clone());
    let ticket = await_folder(model, folder.clone(), name);
    vec![Effect::Files(ticket, FilesRequest::Open(subject, folder))]
}

fn await_folder(model: &mut Model, folder: PathBuf, name: Option<OsString>) -> Ticket {
    let ticket = model.next_ticket();
    model.files.going = Some(Going { ticket, folder, name });
    ticket
}

/// Goes to a folder, with the cursor on a name in it.
fn visit(model: &mut Model, folder: PathBuf, name: Option<OsString>) -> Vec<Effect> {
    let Some(subject) = model.files.subject.clone() else { return Vec::new() };
    let ticket = await_folder(model, folder.clone(), name);
    vec![Effect::Files(ticket, FilesRequest::List(subject, folder))]
}

/// A text is being typed, in which every character counts.
pub(super) fn wants_question_mark(model: &Model) -> bool {
    model.screen() == Screen::Files && model.files.typing.is_some()
}

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    match &model.files.typing {
        Some(Typing::Name(_)) => return find::typing_key(model, pressed),
        Some(Typing::Target(_)) => return extract::typing_key(model, pressed),
        None => {}
    }
    if model.files.find.is_some() {
        return find::key(model, pressed);
    }
    match pressed {
        Key::Esc => back_or_up(model),
        Key::Left => up(model),
        Key::Tab | Key::BackTab => {
            model.files.pane = match model.files.pane {
                Pane::Folders => Pane::Content,
                Pane::Content => Pane::Folders,
            };
            Vec::new()
        }
        Key::Char(' ') => {
            mark(model);
            step(model, Key::Down);
            Vec::new()
        }
        Key::Char('/') => find::begin(model),
        Key::Char('x') => extract::ask_target(model),
        Key::Char('r') if model.files.going.is_none() => reopen(model),
        Key::Enter => enter(model, true),
        Key::Right => enter(model, false),
        _ => {
            step(model, pressed);
            Vec::new()
        }
    }
}

/// Moves the cursor of the pane that the keys are for.
fn step(model: &mut Model, pressed: Key) {
    let page = screen::files_page(model);
    let files = &mut model.files;
    match files.pane {
        Pane::Folders => {
            files.tree.cursor = super::moved(files.tree.cursor, files.tree.lines.len(), page, pressed);
        }
        Pane::Content => files.cursor = super::moved(files.cursor, files.rows.len(), page, pressed),
    }
}

/// Marks what the cursor stands on, or takes its mark away.
fn mark(model: &mut Model) {
    let Some((path, mark)) = model.files.chosen() else { return };
    if model.files.marks.remove(&path).is_none() {
        model.files.marks.insert(path, mark);
    }
}

/// Opens what the cursor stands on: a folder, or (`with_files`) a file.
fn enter(model: &mut Model, with_files: bool) -> Vec<Effect> {
    let files = &model.files;
    if files.pane == Pane::Folders {
        let chosen = files.tree.lines.get(files.tree.cursor).map(|line| line.path.clone());
        return chosen.map_or_else(Vec::new, |folder| visit(model, folder, None));
    }
    let Some(row) = files.row().cloned() else { return Vec::new() };
    let path = files.folder.join(&row.name);
    match &row.kind {
        EntryKind::Directory => visit(model, path, None),
        _ if !with_files => Vec::new(),
        EntryKind::File => peek::open(model, path, row.bytes),
        EntryKind::Symlink(Some(target)) => {
            let what = text::files_link(&target.to_string_lossy());
            super::refuse(model, what)
        }
        EntryKind::Symlink(None) => super::refuse(model, text::FILES_LINK_UNKNOWN.to_owned()),
        EntryKind::Special => super::refuse(model, text::FILES_SPECIAL.to_owned()),
    }
}

/// To the folder above; nowhere from the root.
fn up(model: &mut Model) -> Vec<Effect> {
    let folder = model.files.folder.clone();
    let Some(above) = folder.parent() else { return Vec::new() };
    visit(model, above.to_owned(), folder.file_name().map(OsString::from))
}

/// Stops waiting for a folder; else to the folder above; else away.
fn back_or_up(model: &mut Model) -> Vec<Effect> {
    let files = &mut model.files;
    let was_shown = !files.tree.lines.is_empty();
    if let Some(going) = files.going.take()
        && was_shown
    {
        // The folder above may never be read; the second Esc does not wait for it.
        let is_above = going.folder != files.folder && files.folder.starts_with(&going.folder);
        return if is_above { leave(model) } else { Vec::new() };
    }
    if was_shown && files.folder != Path::new("/") {
        return up(model);
    }
    leave(model)
}

/// Leaves the browser; the volume is closed.
fn leave(model: &mut Model) -> Vec<Effect> {
    let ticket = model.next_ticket();
    let mut effects = vec![Effect::Files(ticket, FilesRequest::Close)];
    let (task, target) = (model.files.task, model.files.target.take());
    model.files = Files { task, target, ..Files::default() };
    model.task = task;
    effects.extend(super::back(model));
    effects
}

/// An answer about files; nobody waits for those of other tickets any more.
pub(super) fn answered(model: &mut Model, ticket: Ticket, answer: Result<FilesAnswer, Trouble>) -> Vec<Effect> {
    if model.wait == Some(Wait::Measure(ticket)) {
        return extract::measured(model, answer);
    }
    if model.files.going.as_ref().is_some_and(|going| going.ticket == ticket) {
        shown(model, answer);
    } else if model.files.find.as_ref().is_some_and(|find| find.waiting == Some(ticket)) {
        find::found(model, answer);
    } else if model.files.peek.as_ref().is_some_and(|peek| peek.waiting == Some(ticket)) {
        return peek::answered(model, answer);
    }
    Vec::new()
}

/// What can be done about what cannot be read, with the keys of the screen that Esc leads to.
fn unreadable_next(model: &Model) -> &'static str {
    let is_inside = model.files.subject.as_ref().is_some_and(|subject| subject.image().is_some());
    if is_inside || model.trail.contains(&Screen::Facts) {
        text::FILES_IMAGE_UNREADABLE_NEXT
    } else {
        text::FILES_UNREADABLE_NEXT
    }
}

/// A folder's content is known, or why it is not.
fn shown(model: &mut Model, answer: Result<FilesAnswer, Trouble>) {
    let advice = unreadable_next(model);
    let files = &mut model.files;
    let Some(going) = files.going.take() else { return };
    let (view, problem) = match answer {
        Ok(FilesAnswer::Folder(view)) => (view, None),
        Ok(_) => return,
        Err(trouble) => {
            let volume = std::mem::take(&mut files.volume);
            // From a folder further down Esc leads up first, where what can be read is.
            let trouble = if going.folder == Path::new("/") { trouble.advised(advice) } else { trouble };
            (FolderView { folder: going.folder, volume, ..FolderView::default() }, Some(trouble))
        }
    };
    let name = going.name;
    files.cursor = name.and_then(|name| view.rows.iter().position(|row| row.name == name)).unwrap_or(0);
    let folders = view.rows.iter().filter(|row| row.is_folder()).map(|row| row.name.clone());
    files.tree.show(&view.folder, folders);
    files.rows = Arc::clone(&view.rows);
    files.folder = view.folder;
    files.volume = view.volume;
    files.more = view.more;
    files.problem = problem;
}

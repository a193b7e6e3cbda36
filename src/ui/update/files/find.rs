//! Finding files by name.

use super::super::super::input::Input;
use super::super::super::model::{Find, Model, Trouble, Typing};
use super::super::super::msg::{Effect, FilesAnswer, FilesRequest, Key};
use super::super::super::screen;
use super::super::moved;
use super::{extract, mark, visit};

/// Asks for the name; what was looked for last stands there.
pub(super) fn begin(model: &mut Model) -> Vec<Effect> {
    let last = model.files.find.as_ref().map(|find| find.pattern.clone()).unwrap_or_default();
    model.files.typing = Some(Typing::Name(Input::with(last)));
    Vec::new()
}

pub(super) fn typing_key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    let Some(Typing::Name(input)) = &mut model.files.typing else { return Vec::new() };
    match pressed {
        Key::Esc => model.files.typing = None,
        Key::Enter if !input.text().trim().is_empty() => {
            let pattern = input.text().trim().to_owned();
            return start(model, pattern);
        }
        other => {
            input.key(other);
        }
    }
    Vec::new()
}

fn start(model: &mut Model, pattern: String) -> Vec<Effect> {
    let Some(subject) = model.files.subject.clone() else { return Vec::new() };
    let ticket = model.next_ticket();
    let files = &mut model.files;
    files.typing = None;
    let below = files.folder.clone();
    files.find =
        Some(Find { pattern: pattern.clone(), below: below.clone(), waiting: Some(ticket), ..Find::default() });
    vec![Effect::Files(ticket, FilesRequest::Find(subject, below, pattern))]
}

/// More was found.
pub(super) fn found(model: &mut Model, answer: Result<FilesAnswer, Trouble>) {
    let Some(find) = &mut model.files.find else { return };
    match answer {
        Ok(FilesAnswer::Found(batch)) => {
            find.hits.extend(batch.hits);
            find.folders = batch.folders;
            find.unreadable = batch.unreadable;
            find.has_more |= batch.has_more;
            if batch.ended {
                find.waiting = None;
            }
        }
        Ok(_) => {}
        Err(trouble) => {
            find.waiting = None;
            model.trouble = Some(trouble);
        }
    }
}

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    let page = screen::files_page(model);
    let Some(find) = &mut model.files.find else { return Vec::new() };
    match pressed {
        Key::Esc => return stop(model),
        Key::Enter | Key::Right => {
            let Some(hit) = find.hits.get(find.cursor).cloned() else { return Vec::new() };
            let mut effects = stop(model);
            effects.extend(visit(model, hit.folder, Some(hit.row.name)));
            return effects;
        }
        Key::Char('/') => {
            let effects = stop_search(model);
            begin(model);
            return effects;
        }
        Key::Char('x') => return extract::ask_target(model),
        Key::Char(' ') => {
            mark(model);
            if let Some(find) = &mut model.files.find {
                find.cursor = moved(find.cursor, find.hits.len(), page, Key::Down);
            }
        }
        _ => find.cursor = moved(find.cursor, find.hits.len(), page, pressed),
    }
    Vec::new()
}

/// Nobody waits for more.
fn stop_search(model: &mut Model) -> Vec<Effect> {
    let Some(find) = &mut model.files.find else { return Vec::new() };
    match find.waiting.take() {
        Some(ticket) => vec![Effect::Files(ticket, FilesRequest::StopFinding)],
        None => Vec::new(),
    }
}

/// Back to the folder.
fn stop(model: &mut Model) -> Vec<Effect> {
    let effects = stop_search(model);
    model.files.find = None;
    effects
}

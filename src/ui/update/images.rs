//! The images of a folder, and one image's facts.

use std::path::PathBuf;

use crate::inventory::Address;

use super::super::input::Input;
use super::super::model::{ImageInfo, ImageRow, Model, Screen, Task, Trouble, Wait};
use super::super::msg::{Effect, Key};
use super::super::{screen, text};
use super::{files, inside, job};

pub(super) fn enter(model: &mut Model) -> Vec<Effect> {
    super::go(model, Screen::Images);
    model.images.path = None;
    list(model)
}

/// Goes to another folder.
pub(super) fn visit(model: &mut Model, folder: PathBuf) -> Vec<Effect> {
    model.images.path = None;
    model.completion = None;
    model.images.folder = folder;
    model.images.rows = None;
    model.images.cursor = 0;
    list(model)
}

fn list(model: &mut Model) -> Vec<Effect> {
    let ticket = model.next_ticket();
    model.images.listing = Some(ticket);
    vec![Effect::List(ticket, model.images.folder.clone())]
}

/// The folder's images are known.
pub(super) fn listed(model: &mut Model, list: Result<Vec<ImageRow>, Trouble>) {
    let images = &mut model.images;
    images.listing = None;
    match list {
        Ok(rows) => {
            let chosen = images.rows.as_ref().and_then(|old| old.get(images.cursor)).map(|row| row.path.clone());
            images.cursor = chosen.and_then(|path| rows.iter().position(|row| row.path == path)).unwrap_or(0);
            images.rows = Some(rows);
            images.problem = None;
        }
        Err(trouble) => {
            images.rows = None;
            images.problem = Some(trouble);
        }
    }
}

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    if model.images.path.is_some() {
        return path_key(model, pressed);
    }
    match pressed {
        Key::Esc => {
            model.images.listing = None;
            super::back(model)
        }
        Key::Char('r') if model.images.listing.is_none() => list(model),
        Key::Char('g') => {
            let mut folder = model.images.folder.display().to_string();
            if !folder.ends_with('/') {
                folder.push('/');
            }
            model.images.path = Some(Input::with(folder));
            Vec::new()
        }
        Key::Enter => {
            let chosen = model.images.rows.as_ref().and_then(|rows| rows.get(model.images.cursor)).cloned();
            match chosen.map(|row| row.info) {
                Some(Ok(info)) => choose(model, info),
                Some(Err(trouble)) => {
                    model.trouble = Some(trouble);
                    Vec::new()
                }
                None => Vec::new(),
            }
        }
        _ => {
            let len = model.images.rows.as_ref().map_or(0, Vec::len);
            model.images.cursor = super::moved(model.images.cursor, len, screen::images_page(model), pressed);
            Vec::new()
        }
    }
}

fn path_key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    let ticket = model.next_ticket();
    let Some(input) = &mut model.images.path else { return Vec::new() };
    match pressed {
        Key::Esc => {
            model.images.path = None;
            model.completion = None;
            Vec::new()
        }
        Key::Enter if !input.text().is_empty() => {
            let path = PathBuf::from(input.text());
            model.wait = Some(Wait::Inspect(ticket));
            vec![Effect::Inspect(ticket, Address::Whole(path))]
        }
        Key::Tab => {
            let typed = input.text().to_owned();
            model.completing = Some(ticket);
            vec![Effect::Complete(ticket, typed)]
        }
        other => {
            if input.key(other) {
                model.completion = None;
            }
            Vec::new()
        }
    }
}

/// An image was chosen: for restoring it, a target comes next; else its facts are shown.
pub(super) fn choose(model: &mut Model, info: Box<ImageInfo>) -> Vec<Effect> {
    model.images.path = None;
    model.image = Some(info);
    if model.task == Task::Restore {
        return super::disks::enter(model);
    }
    super::go(model, Screen::Facts);
    Vec::new()
}

pub(super) fn facts_key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    match pressed {
        Key::Esc => super::back(model),
        Key::Char('v') => {
            let Some(image) = &model.image else { return Vec::new() };
            let place = image.place.clone();
            let headline = format!("{} {place}", text::VERIFY_HEADLINE);
            job::start_verify(model, headline, place)
        }
        Key::Char('e') => inside::restore(model),
        Key::Char('g') => inside::restore_elsewhere(model),
        Key::Char('x') => inside::export(model),
        Key::Char('l') => {
            let place = model.image.as_ref().map(|image| image.place.clone());
            place.map_or_else(Vec::new, |place| files::open(model, place))
        }
        Key::Delete | Key::Backspace => inside::drop_image(model),
        _ => {
            super::scroll(model, pressed);
            Vec::new()
        }
    }
}

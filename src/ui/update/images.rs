//! The images of a folder, and one image's facts.

use std::path::PathBuf;

use crate::inventory::Address;

use super::super::filter::Filter;
use super::super::images::{Entry, chosen, entries};
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

/// An image was written to a file of this folder: who looks for it later, begins there.
pub(super) fn made_in(model: &mut Model, folder: PathBuf) {
    if !folder.as_os_str().is_empty() && folder != model.images.folder {
        model.images.folder = folder;
        model.images.rows = None;
        model.images.cursor = 0;
    }
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
    // Before the first list the cursor has not been put anywhere.
    let before = model.images.rows.as_ref().and_then(|_| chosen(model)).map(|entry| entry.address());
    let images = &mut model.images;
    images.listing = None;
    match list {
        Ok(rows) => {
            images.rows = Some(rows);
            images.problem = None;
            let same = entries(model).iter().position(|entry| Some(entry.address()) == before);
            model.images.cursor = same.unwrap_or(0);
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
        Key::Char('/') => {
            model.filter = Some(Filter::begin());
            model.images.cursor = 0;
            Vec::new()
        }
        Key::Enter => open(model),
        _ => {
            let len = entries(model).len();
            model.images.cursor = super::moved(model.images.cursor, len, screen::images_page(model), pressed);
            Vec::new()
        }
    }
}

/// The chosen line. An image inside is verified as it stands; for all else it is opened first.
fn open(model: &mut Model) -> Vec<Effect> {
    let (place, info) = match chosen(model) {
        Some(Entry::File(row)) => (None, row.info.clone()),
        Some(Entry::Inside(row)) => match row.image_info() {
            Some(info) => (Some(row.address.clone()), Ok(Box::new(info))),
            None => return Vec::new(),
        },
        None => return Vec::new(),
    };
    match (place, info) {
        (Some(place), _) if model.task != Task::Verify => {
            let ticket = model.next_ticket();
            model.wait = Some(Wait::Inspect(ticket));
            vec![Effect::Inspect(ticket, place)]
        }
        (_, Ok(info)) => choose(model, info),
        (_, Err(trouble)) => {
            model.trouble = Some(trouble);
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

/// An image was chosen. To verify it, that begins; to restore one that is inside a partition, its plan is made; to
/// restore a file, a target comes next; else its facts are shown.
pub(super) fn choose(model: &mut Model, info: Box<ImageInfo>) -> Vec<Effect> {
    model.images.path = None;
    model.image = Some(info);
    match model.task {
        Task::Verify => return verify(model),
        Task::Restore => return super::disks::restore_onto(model).unwrap_or_else(|| inside::restore(model)),
        _ => {}
    }
    super::go(model, Screen::Facts);
    Vec::new()
}

pub(super) fn facts_key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    match pressed {
        Key::Esc => super::back(model),
        Key::Char('v') => verify(model),
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

/// Reads the image against its digests.
fn verify(model: &mut Model) -> Vec<Effect> {
    let Some(image) = &model.image else { return Vec::new() };
    let place = image.place.clone();
    let headline = text::verify_headline(&place.to_string());
    job::start_verify(model, headline, place)
}

//! A partition back to its factory image: three screens from start to running.

use super::super::form::Form;
use super::super::model::{Model, Task, Trouble};
use super::super::msg::{Effect, Key};
use super::super::rows::{self, Row};
use super::super::text;

/// The user wants it. One image: its plan is made; several: they are listed; none: what can be done is said.
pub(super) fn begin(model: &mut Model) -> Vec<Effect> {
    let found = rows::factory_images(&model.disks.rows);
    match found.len() {
        0 => {
            model.trouble = Some(nothing(model));
            Vec::new()
        }
        1 => {
            let row = found[0].clone();
            reset(model, &row)
        }
        _ => {
            // The list is shown on the start screen.
            super::home(model);
            model.factory_cursor = Some(0);
            Vec::new()
        }
    }
}

/// Why there is nothing to go back to.
fn nothing(model: &Model) -> Trouble {
    let damaged = model.disks.rows.iter().find(|row| row.is_factory_image());
    let (what, next) = match damaged {
        _ if model.disks.inventory.is_none() => (text::FACTORY_LOOKING.to_owned(), text::FACTORY_LOOKING_NEXT),
        Some(row) => {
            let why = row.notes.first().cloned().unwrap_or_default();
            (text::factory_damaged(&row.address.to_string(), &why), text::FACTORY_DAMAGED_NEXT)
        }
        None => (text::FACTORY_NONE_WHY.to_owned(), text::FACTORY_NONE_NEXT),
    };
    Trouble { refused: true, what, next: Some(next.to_owned()) }
}

/// A key in the list of factory images.
pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    let found = rows::factory_images(&model.disks.rows);
    let cursor = model.factory_cursor.unwrap_or(0).min(found.len().saturating_sub(1));
    match (pressed, found.get(cursor)) {
        (Key::Enter, Some(row)) => {
            let row = (*row).clone();
            reset(model, &row)
        }
        (Key::Esc, _) | (_, None) => {
            model.factory_cursor = None;
            Vec::new()
        }
        _ => {
            let len = found.len();
            model.factory_cursor = Some(super::moved(cursor, len, len, pressed));
            Vec::new()
        }
    }
}

/// Plans to put a partition back from an image inside it.
pub(super) fn reset(model: &mut Model, row: &Row) -> Vec<Effect> {
    model.task = Task::Reset;
    model.image = row.image_info().map(Box::new);
    model.place = None;
    model.form = Form::home();
    super::plan(model)
}

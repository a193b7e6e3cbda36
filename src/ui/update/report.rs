//! How a job ended.

use std::path::PathBuf;

use super::super::model::{Model, Trouble};
use super::super::msg::{Effect, Key, Ticket};

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    match pressed {
        Key::Esc | Key::Enter => super::home(model),
        _ => super::scroll(model, pressed),
    }
    Vec::new()
}

/// The report was written to a file, or not.
pub(super) fn saved(model: &mut Model, _ticket: Ticket, result: Result<PathBuf, Trouble>) -> Vec<Effect> {
    model.trouble = result.err();
    Vec::new()
}

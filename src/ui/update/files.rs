//! Looking through the files of a volume or image.

use crate::inventory::Address;

use super::super::model::{Model, Trouble};
use super::super::msg::{Effect, FilesAnswer, Key};

/// Looks into a volume or image.
pub(super) fn open(model: &mut Model, subject: Address) -> Vec<Effect> {
    model.files.subject = Some(subject);
    super::go(model, super::super::model::Screen::Files);
    Vec::new()
}

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    if pressed == Key::Esc { super::back(model) } else { Vec::new() }
}

pub(super) fn peek_key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    if pressed == Key::Esc { super::back(model) } else { Vec::new() }
}

/// An answer about files.
pub(super) fn answered(model: &mut Model, answer: Result<FilesAnswer, Trouble>) -> Vec<Effect> {
    model.files.waiting = None;
    model.trouble = answer.err();
    Vec::new()
}

//! Looking through the files of a volume or image.

use super::super::model::{Model, Trouble};
use super::super::msg::{Effect, FilesAnswer, Key};

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

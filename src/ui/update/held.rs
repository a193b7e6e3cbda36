//! Who holds a disk.

use super::super::model::{Model, Trouble};
use super::super::msg::{Effect, HolderView, Key};

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    if pressed == Key::Esc { super::back(model) } else { Vec::new() }
}

/// The holders are known.
pub(super) fn answered(model: &mut Model, answer: Result<Vec<HolderView>, Trouble>) -> Vec<Effect> {
    model.held.waiting = None;
    model.trouble = answer.err();
    Vec::new()
}

//! What is wrong, and what can be done about it.

use super::super::model::Model;
use super::super::msg::{Effect, Key};

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    if pressed == Key::Esc { super::back(model) } else { Vec::new() }
}

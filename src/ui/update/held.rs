//! Who holds a disk.

use crate::inventory::Address;

use super::super::model::{Model, Trouble};
use super::super::msg::{Effect, HolderView, Key};

/// Finds out who holds a place.
pub(super) fn begin(model: &mut Model, place: Address) -> Vec<Effect> {
    let ticket = model.next_ticket();
    model.held.place = Some(place.clone());
    model.held.waiting = Some(ticket);
    super::go(model, super::super::model::Screen::Held);
    vec![Effect::Hold(ticket, place)]
}

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    if pressed == Key::Esc { super::back(model) } else { Vec::new() }
}

/// The holders are known.
pub(super) fn answered(model: &mut Model, answer: Result<Vec<HolderView>, Trouble>) -> Vec<Effect> {
    model.held.waiting = None;
    model.trouble = answer.err();
    Vec::new()
}

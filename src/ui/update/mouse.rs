//! The mouse says what keys say, and nothing else: so it can do no more than they can.

use super::super::hit::{self, Hit};
use super::super::model::Model;
use super::super::msg::{Effect, Key, Mouse, MouseAct};
use super::super::screen;

/// Lines of a text by which a notch of the wheel scrolls it. In a list it goes to the next item.
const NOTCH: usize = 3;

/// Something was done with the mouse.
pub(super) fn act(model: &mut Model, mouse: Mouse) -> Vec<Effect> {
    match mouse.act {
        MouseAct::WheelUp => wheel(model, Key::Up),
        MouseAct::WheelDown => wheel(model, Key::Down),
        MouseAct::Click => match hit::at(model, mouse.column, mouse.row) {
            Some(Hit::Key(key)) => super::key(model, key),
            Some(Hit::Item { item, chosen }) if item == chosen => super::key(model, Key::Enter),
            Some(Hit::Item { item, chosen }) => {
                let step = if item < chosen { Key::Up } else { Key::Down };
                press(model, step, item.abs_diff(chosen))
            }
            None => Vec::new(),
        },
    }
}

fn wheel(model: &mut Model, key: Key) -> Vec<Effect> {
    let notch = if screen::list(model).is_some() { 1 } else { NOTCH };
    press(model, key, notch)
}

fn press(model: &mut Model, key: Key, times: usize) -> Vec<Effect> {
    (0..times).flat_map(|_| super::key(model, key)).collect()
}

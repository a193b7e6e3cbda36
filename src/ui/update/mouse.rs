//! The mouse says what keys say, and nothing else: so it can do no more than they can.

use super::super::form::Value;
use super::super::hit::{self, Hit};
use super::super::model::{Model, Screen};
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
            Some(Hit::Item { item, chosen, .. }) if item == chosen => {
                again(model).map_or_else(Vec::new, |key| super::key(model, key))
            }
            Some(Hit::Item { item, chosen, top }) => choose(model, item, chosen, top),
            Some(Hit::Pane) => {
                let mut effects = super::key(model, Key::Tab);
                if let Some(Hit::Item { item, chosen, top }) = hit::at(model, mouse.column, mouse.row) {
                    effects.extend(choose(model, item, chosen, top));
                }
                effects
            }
            None => Vec::new(),
        },
    }
}

/// Goes to the item under the mouse. The list stays as it is: a second click is meant for the same line.
fn choose(model: &mut Model, item: usize, chosen: usize, top: usize) -> Vec<Effect> {
    let step = if item < chosen { Key::Up } else { Key::Down };
    let effects = press(model, step, item.abs_diff(chosen));
    model.clicked_top = Some(top);
    effects
}

/// What a click on the chosen item does. Among options Enter would leave them: there a switch is changed, and a text
/// or a number is for the keys.
fn again(model: &Model) -> Option<Key> {
    if model.screen() != Screen::Options {
        return Some(Key::Enter);
    }
    let field = model.form.fields.get(model.form.cursor)?;
    matches!(field.value, Value::Switch(_)).then_some(Key::Char(' '))
}

fn wheel(model: &mut Model, key: Key) -> Vec<Effect> {
    let notch = if screen::list(model).is_some() { 1 } else { NOTCH };
    press(model, key, notch)
}

fn press(model: &mut Model, key: Key, times: usize) -> Vec<Effect> {
    (0..times).flat_map(|_| super::key(model, key)).collect()
}

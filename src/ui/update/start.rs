//! The start screen: a guide from what happened to the screens that help.

use super::super::model::{Model, Proposal, Screen, Task};
use super::super::msg::{Effect, Key};
use super::super::screen;
use super::{diagnosis, disks, factory, go, images, inside, moved};

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    if model.factory_cursor.is_some() {
        return factory::key(model, pressed);
    }
    let choices = model.start_choices();
    model.start_cursor = model.start_cursor.min(choices.len().saturating_sub(1));
    let chosen = match pressed {
        Key::Enter => Some(model.start_cursor),
        Key::Char(letter) => choices.iter().position(|choice| choice.letter == letter.to_ascii_lowercase()),
        _ => {
            model.start_cursor = moved(model.start_cursor, choices.len(), screen::start_page(model), pressed);
            None
        }
    };
    let Some((at, choice)) = chosen.and_then(|at| Some((at, *choices.get(at)?))) else { return Vec::new() };
    model.start_cursor = at;
    if choice.letter == 'k' { inside::renew(model, choice.stale) } else { open(model, choice.letter) }
}

/// Goes where a letter leads, from the start screen and from what is wrong.
pub(super) fn open(model: &mut Model, letter: char) -> Vec<Effect> {
    match letter {
        'w' => diagnosis::enter(model),
        'f' => factory::begin(model),
        'b' => enter_task(model, Task::Backup),
        'l' => enter_task(model, Task::Check),
        'd' => enter_task(model, Task::Browse),
        'e' => enter_task(model, Task::Restore),
        'c' => enter_task(model, Task::Examine),
        'v' => enter_task(model, Task::Verify),
        'm' => enter_task(model, Task::Free),
        'a' => enter_task(model, Task::Search),
        'i' => enter_task(model, Task::Resume),
        'q' => vec![Effect::Quit(model.exit_code)],
        _ => Vec::new(),
    }
}

/// Begins a task on the screen where its subject is chosen.
pub(super) fn enter_task(model: &mut Model, task: Task) -> Vec<Effect> {
    model.task = task;
    model.image = None;
    model.place = None;
    model.proposal = Proposal::None;
    match task {
        Task::Restore | Task::Check | Task::Verify => images::enter(model),
        Task::Resume => {
            go(model, Screen::Interrupted);
            Vec::new()
        }
        _ => {
            disks::begin_at_likely(model);
            disks::enter(model)
        }
    }
}

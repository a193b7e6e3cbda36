//! The start screen: a guide from what happened to the screens that help.

use super::super::model::{Model, Proposal, Screen, Task};
use super::super::msg::{Effect, Key};
use super::super::rows::{Row, RowKind};
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
            model.disks.cursor = likely(&model.disks.rows, task).unwrap_or(model.disks.cursor);
            disks::enter(model)
        }
    }
}

/// The line that a task is most likely about: the largest volume for a copy, one that was not left in order for a
/// check, one that is in use for freeing.
fn likely(rows: &[Row], task: Task) -> Option<usize> {
    let first = |is_it: &dyn Fn(&Row) -> bool| rows.iter().position(is_it);
    let largest = |is_it: &dyn Fn(&Row) -> bool| {
        let of = rows.iter().enumerate().filter(|(_, row)| is_it(row));
        // Of equals the first.
        of.max_by_key(|(index, row)| (row.used_bytes(), std::cmp::Reverse(*index))).map(|(index, _)| index)
    };
    let is_sound = |row: &Row| row.uncheckable().is_none();
    match task {
        Task::Backup => largest(&|row| is_sound(row) && row.used_bytes().is_some()),
        Task::Examine => first(&|row| is_sound(row) && row.unclean() && row.mounted_at.is_empty())
            .or_else(|| largest(&|row| is_sound(row) && row.mounted_at.is_empty())),
        Task::Free => first(&|row| !matches!(row.kind, RowKind::Disk | RowKind::Image) && !row.mounted_at.is_empty())
            .or_else(|| first(&|row| !row.mounted_at.is_empty())),
        Task::Search => first(&|row| row.kind == RowKind::Disk && row.problem.is_none()),
        _ => None,
    }
}

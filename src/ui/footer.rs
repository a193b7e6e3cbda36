//! Which keys do something now.

use ratatui::layout::Rect;

use super::form::Value;
use super::model::{Model, Proposal, Screen, Task, Typing};
use super::msg::Key;
use super::rows::{Row, RowKind};
use super::screen;
use super::text::{KeyWord, key};
use super::widget::width;
use crate::device::HolderKind;

/// A key of the footer, and where it stands: a blank, the key, a blank, what it does, a blank.
pub(super) struct Placed {
    pub(super) word: KeyWord,
    pub(super) area: Rect,
}

/// Columns at the end of the upper line that are left to the place in a long text, in a wide window and in a narrow one.
const PLACE_COLUMNS: (u16, u16) = (26, 16);

/// Where the keys stand. Those that do not fit the last line begin on the rule above it; should both be too short,
/// the last two (back and help) are kept.
pub(super) fn place(model: &Model, screen: Rect) -> Vec<Placed> {
    let words = keys(model);
    let (columns, below) = (screen.width, screen.height.saturating_sub(1));
    let wide = |word: &KeyWord| u16::try_from(width(word.0) + width(word.1) + 3).unwrap_or(u16::MAX);
    let all: u16 = words.iter().map(wide).fold(0, u16::saturating_add);
    let last: u16 = words.iter().rev().take(2).map(wide).fold(0, u16::saturating_add);
    let mut room = columns.saturating_sub(if columns >= 60 { PLACE_COLUMNS.0 } else { PLACE_COLUMNS.1 });
    let (mut x, mut y) = (0, below);
    if all > columns {
        y = below.saturating_sub(1);
    } else {
        room = columns;
    }
    let mut placed = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let here = wide(word);
        if y < below && x + here > room {
            (x, y, room) = (0, below, columns);
        }
        let reserved = if all > columns && y == below && index + 2 < words.len() { last } else { 0 };
        if x.saturating_add(here).saturating_add(reserved) > room {
            continue;
        }
        placed.push(Placed { word: *word, area: Rect::new(x, y, here, 1) });
        x += here;
    }
    placed
}

/// The key that a footer's name of one means; `None` for those that are several, such as the arrows.
pub(super) fn key_of(name: &str) -> Option<Key> {
    let named = [
        (key::OPEN, Key::Enter),
        (key::BACK, Key::Esc),
        (key::COMPLETE, Key::Tab),
        (key::DROP, Key::Delete),
        (key::CHANGE, Key::Char(' ')),
    ];
    if let Some((_, key)) = named.iter().find(|(word, _)| word.0 == name) {
        return Some(*key);
    }
    let mut letters = name.chars();
    let letter = letters.next().filter(char::is_ascii)?;
    letters.next().is_none().then_some(Key::Char(letter))
}

/// The keys of what is on top: help, trouble, waiting, a question, or else the screen.
pub(super) fn keys(model: &Model) -> Vec<KeyWord> {
    if model.help.is_some() {
        let mut keys = vec![key::SCROLL, key::CLOSE];
        keys.retain(|word| *word != key::SCROLL || screen::help_limit(model) > 0);
        return keys;
    }
    if model.trouble.is_some() {
        let mut keys = vec![key::SCROLL, key::CLOSE, key::HELP];
        keys.retain(|word| *word != key::SCROLL || screen::trouble_limit(model) > 0);
        return keys;
    }
    if model.wait.is_some() {
        return vec![key::STOP_WAITING, key::HELP];
    }
    if model.running.as_ref().is_some_and(|running| running.asking) {
        return vec![key::YES, key::NO];
    }
    if model.screen() == Screen::Held && model.held.asking.is_some() {
        return vec![key::YES_UNMOUNT, key::NO_UNMOUNT];
    }
    screen_keys(model)
}

/// The keys of the screen. Scrolling is only spoken of where there is more than fits.
pub(super) fn screen_keys(model: &Model) -> Vec<KeyWord> {
    let mut keys = all_keys(model);
    keys.retain(|word| *word != key::SCROLL || screen::scroll_limit(model) > 0);
    keys
}

fn all_keys(model: &Model) -> Vec<KeyWord> {
    let mut keys = match model.screen() {
        Screen::Start if model.factory_cursor.is_some() => vec![key::CHOOSE, key::MOVE],
        Screen::Start => return vec![key::CHOOSE, key::MOVE, key::QUIT, key::HELP],
        Screen::Disks => disk_keys(model),
        Screen::Images if model.images.path.is_some() => vec![key::OPEN, key::COMPLETE],
        Screen::Images if model.filter.as_ref().is_some_and(|filter| filter.is_typing) => {
            vec![key::KEEP_SO, key::MOVE]
        }
        Screen::Images if model.task == Task::Verify => {
            vec![key::VERIFY_IT, key::MOVE, key::GO, key::FILTER, key::REFRESH]
        }
        Screen::Images => vec![key::CHOOSE, key::MOVE, key::GO, key::FILTER, key::REFRESH],
        Screen::Interrupted => interrupted_keys(model),
        Screen::Facts => facts_keys(model),
        Screen::Options => option_keys(model),
        Screen::Preview => preview_keys(model),
        Screen::Confirm => vec![key::CONFIRM],
        Screen::Diagnosis => vec![key::HELP_IT, key::MOVE, key::REFRESH],
        Screen::Held => held_keys(model),
        Screen::Files => return files_keys(model),
        Screen::Peek => peek_keys(model),
        Screen::Running => return running_keys(model),
        Screen::Report if model.ended.as_ref().is_some_and(|ended| ended.saving.is_some()) => {
            vec![key::SAVE, key::COMPLETE]
        }
        Screen::Report if model.onward().is_some() => {
            return vec![key::TO_DIAGNOSIS, key::SAVE_REPORT, key::SCROLL, key::BACK_TO_START, key::HELP];
        }
        Screen::Report => return vec![key::SCROLL, key::SAVE_REPORT, key::TO_START, key::HELP],
    };
    keys.extend([key::BACK, key::HELP]);
    keys
}

/// What Enter does with the chosen line of the disks.
fn disks_enter(model: &Model) -> KeyWord {
    match model.task {
        Task::Examine => key::CHECK_IT,
        Task::Search => key::SEARCH_IT,
        Task::Free => key::WHO,
        _ => key::CHOOSE,
    }
}

fn held_keys(model: &Model) -> Vec<KeyWord> {
    let chosen = model.held.list().get(model.held.cursor);
    let is_mount = chosen.is_some_and(|view| matches!(view.holder.kind, HolderKind::Mount { .. }));
    let mut keys = vec![key::UNMOUNT, key::MOVE, key::REFRESH];
    keys.retain(|word| *word != key::UNMOUNT || is_mount);
    keys
}

/// What can be done with the chosen line.
fn disk_keys(model: &Model) -> Vec<KeyWord> {
    if model.filter.as_ref().is_some_and(|filter| filter.is_typing) {
        return vec![key::KEEP_SO, key::MOVE];
    }
    let row = model.disks.chosen(model.filter.as_ref());
    let mut keys = Vec::new();
    if !model.disks.reading.is_empty() {
        keys.push(key::LEAVE_OUT);
    }
    if model.task == Task::Browse {
        keys.extend(row.map(line_keys).unwrap_or_default());
    } else {
        keys.push(disks_enter(model));
    }
    if screen::disks_have_panes(model) {
        keys.push(key::MORE);
    }
    keys.extend([key::FILTER, key::MOVE, key::REFRESH]);
    keys
}

/// What can be done with a line, the most likely first.
fn line_keys(row: &Row) -> Vec<KeyWord> {
    let mut keys = match row.kind {
        _ if row.problem.is_some() => Vec::new(),
        RowKind::Image => vec![key::OPEN, key::FILES, key::RESTORE, key::VERIFY, key::TIDY],
        RowKind::Disk => vec![key::SEARCH],
        _ => vec![key::FILES, key::BACK_UP, key::RESTORE, key::CHECK],
    };
    if !row.mounted_at.is_empty() {
        keys.insert(keys.len().min(1), key::HOLDERS);
    }
    if !row.images().is_empty() {
        keys.push(key::TIDY);
    }
    if row.problem.is_none() && row.kind != RowKind::Disk {
        keys.push(key::SEARCH);
    }
    keys
}

fn facts_keys(model: &Model) -> Vec<KeyWord> {
    if model.image.as_ref().is_some_and(|image| image.is_inside()) {
        return vec![key::RESTORE, key::ELSEWHERE, key::VERIFY, key::FILES, key::EXPORT, key::DROP, key::SCROLL];
    }
    vec![key::RESTORE, key::VERIFY, key::FILES, key::SCROLL]
}

/// In a folder Esc goes up, and only from the root away.
fn files_keys(model: &Model) -> Vec<KeyWord> {
    let files = &model.files;
    let mut keys = match (&files.typing, &files.find) {
        (Some(Typing::Name(_)), _) => vec![key::BEGIN],
        (Some(Typing::Target(_)), _) => vec![key::NEXT, key::COMPLETE],
        (None, Some(_)) => vec![key::GO_THERE, key::MARK, key::EXTRACT, key::FIND, key::MOVE],
        (None, None) => {
            vec![key::OPEN, key::MARK, key::EXTRACT, key::FIND, key::OTHER_PANE, key::MOVE, key::REFRESH]
        }
    };
    let in_folder = files.typing.is_none() && files.find.is_none() && files.folder.parent().is_some();
    keys.extend([if in_folder { key::UP_FOLDER } else { key::BACK }, key::HELP]);
    keys
}

fn peek_keys(model: &Model) -> Vec<KeyWord> {
    let is_hex = model.files.peek.as_ref().is_some_and(|peek| peek.is_hex);
    vec![if is_hex { key::AS_TEXT } else { key::HEX }, key::EXTRACT, key::PAGE, key::MOVE]
}

fn interrupted_keys(model: &Model) -> Vec<KeyWord> {
    let jobs = &model.interrupted;
    let mut keys = vec![key::FINISH, key::UNDO, key::MOVE];
    keys.retain(|word| *word != key::UNDO || jobs.jobs.get(jobs.cursor).is_none_or(|job| job.can_roll_back));
    keys
}

fn option_keys(model: &Model) -> Vec<KeyWord> {
    let mut keys = vec![key::NEXT, key::MOVE];
    match model.form.fields.get(model.form.cursor).map(|field| &field.value) {
        Some(Value::Text(_)) if model.form.is_path() => keys.push(key::COMPLETE),
        Some(Value::Text(_)) => {}
        Some(Value::Level(_)) => keys.push(key::LESS_MORE),
        Some(Value::Switch(_)) => keys.push(key::CHANGE),
        None => {}
    }
    keys
}

fn preview_keys(model: &Model) -> Vec<KeyWord> {
    let mut keys = plan_keys(model);
    keys.retain(|word| *word != key::OPTIONS || !matches!(model.task, Task::Resume | Task::Keep | Task::Renew));
    keys
}

fn plan_keys(model: &Model) -> Vec<KeyWord> {
    match &model.proposal {
        Proposal::Ready(plan) if plan.confirm.is_some() => vec![key::NEXT, key::OPTIONS, key::SCROLL],
        Proposal::Ready(_) => vec![key::START, key::OPTIONS, key::SCROLL],
        Proposal::Refused(trouble) if trouble.is_in_use() => vec![key::HOLDERS, key::OPTIONS, key::SCROLL],
        Proposal::Refused(_) => vec![key::OPTIONS, key::SCROLL],
        Proposal::None => Vec::new(),
    }
}

fn running_keys(model: &Model) -> Vec<KeyWord> {
    let mut keys = match &model.running {
        Some(running) if running.progress.cancelling => vec![key::LOG, key::HELP],
        Some(running) if running.progress.paused => vec![key::RESUME, key::LOG, key::CANCEL, key::HELP],
        _ => vec![key::PAUSE, key::LOG, key::CANCEL, key::HELP],
    };
    keys.retain(|word| *word != key::LOG || screen::log_page(model).0 > 0);
    keys
}

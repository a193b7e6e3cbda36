//! The disks: choosing a source or target, and what can be done with the chosen line.

mod gone;
mod likely;
mod look;
mod search;

use crate::inventory::Address;

use super::super::form::{self, Form};
use super::super::model::{DiskPane, Model, Screen, Task, Wait};
use super::super::msg::{Effect, Key};
use super::super::rows::{Row, RowKind};
use super::super::{screen, text};
use super::{held, inside};

pub(super) use likely::begin_at_likely;
pub(super) use look::{changed, forgive, look, looked, news, rest, tick};
pub(super) use search::{search_chosen as search, searched};

/// Opens the list. The first one on the way remembers what it was opened for.
pub(super) fn enter(model: &mut Model) -> Vec<Effect> {
    if !model.trail.contains(&Screen::Disks) {
        model.disks.purpose = model.task;
    }
    model.disks.onto = None;
    super::go(model, Screen::Disks);
    look(model)
}

/// The volume, where a disk is nothing but one: its heading means the line below it.
fn volume_of(model: &Model, heading: Row) -> Row {
    if heading.kind != RowKind::Disk || matches!(model.task, Task::Search | Task::Free) {
        return heading;
    }
    let is_on_it = |row: &&Row| {
        !matches!(row.kind, RowKind::Disk | RowKind::Image) && row.address.path() == heading.address.path()
    };
    let mut there = model.disks.rows.iter().filter(is_on_it);
    match (there.next(), there.next()) {
        (Some(whole), None) if whole.kind == RowKind::Whole && whole.volume.is_some() => whole.clone(),
        _ => heading,
    }
}

/// The chosen line.
fn chosen(model: &Model) -> Option<Row> {
    model.disks.chosen(model.filter.as_ref()).cloned()
}

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    model.disks.notice = None;
    match pressed {
        Key::Esc => return super::back(model),
        Key::Char('/') => {
            model.filter.get_or_insert_default().is_typing = true;
            return Vec::new();
        }
        Key::Char('r') if model.disks.looking.is_none() => return refresh(model),
        Key::Char(' ') => return look::skip(model),
        Key::Tab => {
            model.disks.pane = screen::disks_next_pane(model);
            return Vec::new();
        }
        _ => {}
    }
    // What is done with the chosen line is done with the one that is shown as chosen.
    if let Some(at) = model.disks.chosen_at(model.filter.as_ref()) {
        model.disks.cursor = at;
    }
    match pressed {
        Key::Enter => choose(model),
        Key::Char(letter) if model.task == Task::Browse => act(model, letter),
        _ => {
            walk(model, pressed);
            Vec::new()
        }
    }
}

/// Looks again because the user wants it: also at what was left out, and without what searches have found.
fn refresh(model: &mut Model) -> Vec<Effect> {
    model.disks.searched.clear();
    let mut effects = look::forgive(model);
    effects.extend(look(model));
    effects
}

/// Moves the cursor among the lines that the filter leaves.
fn walk(model: &mut Model, pressed: Key) {
    let visible = model.disks.visible(model.filter.as_ref());
    let at = visible.iter().position(|row| *row == model.disks.cursor).unwrap_or(0);
    let page = screen::disks_page(model);
    if let Some(row) = visible.get(super::moved(at, visible.len(), page, pressed))
        && *row != model.disks.cursor
    {
        model.disks.cursor = *row;
        model.disks.moved = true;
        if model.disks.pane != DiskPane::Map {
            model.disks.pane = DiskPane::default();
        }
    }
}

/// What a letter does with the chosen line.
fn act(model: &mut Model, letter: char) -> Vec<Effect> {
    let Some(row) = chosen(model) else { return Vec::new() };
    let volume = volume_of(model, row.clone());
    match letter {
        'a' => search::search(model, &row),
        'b' => {
            model.task = Task::Backup;
            let effects = choose(model);
            stay_unless_gone_on(model);
            effects
        }
        'c' => check(model, &volume),
        'e' => restore(model, volume),
        'l' => look_inside(model, &volume),
        'm' => held::begin(model, row.volume_address().clone()),
        't' => inside::tidy(model),
        'v' => verify(model, &row),
        _ => Vec::new(),
    }
}

/// A task that was refused leaves the list what it was.
fn stay_unless_gone_on(model: &mut Model) {
    if model.screen() == Screen::Disks && model.wait.is_none() {
        model.task = model.disks.purpose;
    }
}

/// Checks the chosen line's volume; says why, where that is not possible.
fn check(model: &mut Model, row: &Row) -> Vec<Effect> {
    match row.uncheckable() {
        Some(reason) => super::refuse(model, reason),
        None => super::job::start_check(model, text::check_headline(&row.address.to_string()), row.address.clone()),
    }
}

/// Reads the chosen image against its digests.
fn verify(model: &mut Model, row: &Row) -> Vec<Effect> {
    if row.image.is_none() {
        return super::refuse(model, text::REFUSED_VERIFY.to_owned());
    }
    let headline = text::verify_headline(&row.address.to_string());
    super::job::start_verify(model, headline, row.address.clone())
}

/// Opens the files of the chosen volume or image.
fn look_inside(model: &mut Model, row: &Row) -> Vec<Effect> {
    if let Some(problem) = &row.problem {
        return super::refuse(model, text::refused_unreadable(problem));
    }
    if row.kind == RowKind::Disk {
        return super::refuse(model, text::REFUSED_LOOK_INSIDE.to_owned());
    }
    super::files::open(model, row.address.clone())
}

/// An image inside goes back to its partition; onto a partition goes an image that is chosen next.
fn restore(model: &mut Model, row: Row) -> Vec<Effect> {
    model.task = Task::Restore;
    if let Some(info) = row.image_info() {
        model.image = Some(Box::new(info));
        return inside::restore(model);
    }
    model.image = None;
    if let Some(reason) = row.refusal(Task::Restore, None) {
        model.task = model.disks.purpose;
        return super::refuse(model, reason);
    }
    model.disks.onto = Some(row);
    super::images::enter(model)
}

/// An image was chosen for a place that was chosen before: its plan, or why it does not fit there.
pub(super) fn restore_onto(model: &mut Model) -> Option<Vec<Effect>> {
    let [.., Screen::Disks, Screen::Images] = model.trail.as_slice() else { return None };
    let row = model.disks.onto.clone()?;
    if let Some(reason) = row.refusal(Task::Restore, model.image.as_deref()) {
        return Some(super::refuse(model, reason));
    }
    model.form = Form::restore();
    model.place = Some(row);
    Some(super::plan(model))
}

fn inspect(model: &mut Model, image: Address) -> Vec<Effect> {
    let ticket = model.next_ticket();
    model.wait = Some(Wait::Inspect(ticket));
    vec![Effect::Inspect(ticket, image)]
}

fn choose(model: &mut Model) -> Vec<Effect> {
    let Some(row) = chosen(model) else { return Vec::new() };
    let row = volume_of(model, row);
    match model.task {
        Task::Examine if row.kind != RowKind::Image => return check(model, &row),
        Task::Search => return search::search(model, &row),
        Task::Free => return held::begin(model, row.address),
        _ => {}
    }
    if !matches!(model.task, Task::Backup | Task::Restore) {
        return match row.kind {
            RowKind::Image => inspect(model, row.address),
            RowKind::Disk => Vec::new(),
            _ => look_inside(model, &row),
        };
    }
    if let Some(reason) = row.refusal(model.task, model.image.as_deref()) {
        return super::refuse(model, reason);
    }
    if model.task == Task::Backup {
        let path = model.images.folder.join(form::file_name(&row, &model.clock.date));
        model.form = Form::backup(&path, &row);
        model.form.set_level(model.options.settings.level);
        model.place = Some(row);
        super::go(model, Screen::Options);
        return Vec::new();
    }
    model.form = Form::restore();
    model.place = Some(row);
    super::plan(model)
}

//! The disks: looking, choosing a source or target.

use super::super::form::{self, Form};
use super::super::model::{Model, Screen, Task};
use super::super::msg::{Effect, Key};
use super::super::{screen, text};

pub(super) fn enter(model: &mut Model) -> Vec<Effect> {
    super::go(model, Screen::Disks);
    look(model)
}

fn look(model: &mut Model) -> Vec<Effect> {
    let ticket = model.next_ticket();
    model.disks.looking = Some(ticket);
    vec![Effect::Look(ticket, model.look_request())]
}

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    match pressed {
        Key::Esc => {
            model.disks.looking = None;
            super::back(model)
        }
        Key::Char('r') if model.disks.looking.is_none() => look(model),
        Key::Char('c') if model.task == Task::Browse => check(model),
        Key::Enter => choose(model),
        _ => {
            let page = screen::disks_page(model);
            model.disks.cursor = super::moved(model.disks.cursor, model.disks.rows.len(), page, pressed);
            Vec::new()
        }
    }
}

/// Checks the chosen line's volume; says why, where that is not possible.
fn check(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.disks.rows.get(model.disks.cursor).cloned() else { return Vec::new() };
    match row.uncheckable() {
        Some(reason) => super::refuse(model, reason),
        None => super::job::start_check(model, text::check_headline(&row.address.to_string()), row.address),
    }
}

fn choose(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.disks.rows.get(model.disks.cursor).cloned() else { return Vec::new() };
    if !matches!(model.task, Task::Backup | Task::Restore) {
        return Vec::new();
    }
    if let Some(reason) = row.refusal(model.task, model.image.as_deref()) {
        return super::refuse(model, reason);
    }
    if model.task == Task::Backup {
        let path = model.images.folder.join(form::file_name(&row, &model.clock.date));
        model.form = Form::backup(&path, &row);
        model.place = Some(row);
        super::go(model, Screen::Options);
        return Vec::new();
    }
    model.form = Form::restore();
    model.place = Some(row);
    super::plan(model)
}

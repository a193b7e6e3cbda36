//! The disks: looking, searching, choosing a source or target.

use std::path::{Path, PathBuf};

use crate::inventory::{Inventory, Partition};

use super::super::form::{self, Form};
use super::super::model::{Ended, Job, Model, Screen, Task, Trouble, Wait};
use super::super::msg::{Effect, Key};
use super::super::rows::{self, RowKind};
use super::super::{screen, text};
use super::{held, inside};

pub(super) fn enter(model: &mut Model) -> Vec<Effect> {
    super::go(model, Screen::Disks);
    look(model)
}

/// Looks at the disks anew.
pub(super) fn look(model: &mut Model) -> Vec<Effect> {
    let ticket = model.next_ticket();
    model.disks.looking = Some(ticket);
    vec![Effect::Look(ticket, model.look_request())]
}

/// Disks came or went: they are looked at again.
pub(super) fn changed(model: &mut Model) -> Vec<Effect> {
    if model.disks.looking.is_some() || model.running.is_some() { Vec::new() } else { look(model) }
}

/// The disks are known: with what was found by searching, the cursor on what it was on.
pub(super) fn show(model: &mut Model, mut inventory: Inventory) {
    // Once one partition of a lost table is back, the others are no longer looked for: they are remembered.
    for disk in &inventory.disks {
        let lost: Vec<Partition> = disk.partitions.iter().filter(|place| is_lost_with_images(place)).cloned().collect();
        remember(model, &disk.path, lost);
    }
    for (disk, found) in &model.disks.searched {
        rows::merge(&mut inventory, disk, found);
    }
    let chosen = model.disks.rows.get(model.disks.cursor).map(|row| (row.kind, row.address.clone()));
    let rows = rows::rows(&inventory);
    let same = chosen.and_then(|chosen| rows.iter().position(|row| (row.kind, row.address.clone()) == chosen));
    model.disks.cursor = same.unwrap_or_else(|| usize::from(rows.len() > 1));
    model.disks.rows = rows;
    model.disks.inventory = Some(inventory);
}

fn is_lost_with_images(place: &Partition) -> bool {
    place.found && place.volume.as_ref().is_some_and(|volume| !volume.images.is_empty())
}

/// Keeps what was found on a disk, with what was found there before.
fn remember(model: &mut Model, disk: &Path, found: Vec<Partition>) {
    let searched = &mut model.disks.searched;
    let at = searched.iter().position(|(path, _)| path == disk).unwrap_or_else(|| {
        searched.push((disk.to_owned(), Vec::new()));
        searched.len() - 1
    });
    let known = &mut searched[at].1;
    known.retain(|old| !found.iter().any(|new| new.start_bytes == old.start_bytes));
    known.extend(found);
}

/// Searches every sector of the disk that the chosen line is on.
pub(super) fn search(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.disks.rows.get(model.disks.cursor) else { return Vec::new() };
    if let Some(problem) = &row.problem {
        let reason = text::refused_unreadable(problem);
        return super::refuse(model, reason);
    }
    let disk = row.address.path().to_owned();
    super::job::begin(model, Job::Search, text::search_headline(&disk));
    vec![Effect::Search(disk)]
}

/// A disk was searched: back to the list, with what was found.
pub(super) fn searched(model: &mut Model, disk: PathBuf, found: Result<Vec<Partition>, Trouble>) -> Vec<Effect> {
    let Some(running) = model.running.take() else { return Vec::new() };
    if model.leaving {
        return vec![Effect::Quit(super::SIGNALLED)];
    }
    model.help = None;
    model.task = Task::Browse;
    model.trail = vec![Screen::Start, Screen::Disks];
    match found {
        Ok(found) if found.is_empty() => {
            model.ended = Some(Ended::new(text::nothing_found(&disk)));
            model.trail = vec![Screen::Start, Screen::Report];
        }
        Ok(found) => {
            remember(model, &disk, found);
            if let Some(inventory) = model.disks.inventory.clone() {
                show(model, inventory);
            }
            model.disks.cursor = first_image(model);
        }
        Err(_) if running.progress.cancelling => {}
        Err(trouble) => model.trouble = Some(trouble),
    }
    Vec::new()
}

/// The first image's line, or the one that was chosen.
fn first_image(model: &Model) -> usize {
    model.disks.rows.iter().position(|row| row.kind == RowKind::Image).unwrap_or(model.disks.cursor)
}

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    match pressed {
        Key::Esc => {
            model.disks.looking = None;
            super::back(model)
        }
        Key::Char('r') if model.disks.looking.is_none() => {
            model.disks.searched.clear();
            look(model)
        }
        Key::Char('c') if model.task == Task::Browse => check(model),
        Key::Char('a') if model.task == Task::Browse => search(model),
        Key::Char('t') if model.task == Task::Browse => inside::tidy(model),
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
    match model.task {
        Task::Examine if row.kind != RowKind::Image => return check(model),
        Task::Search => return search(model),
        Task::Free => return held::begin(model, row.address),
        _ => {}
    }
    if !matches!(model.task, Task::Backup | Task::Restore) {
        if row.kind != RowKind::Image {
            return Vec::new();
        }
        let ticket = model.next_ticket();
        model.wait = Some(Wait::Inspect(ticket));
        return vec![Effect::Inspect(ticket, row.address)];
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

//! Disks that were plugged in or taken away: said in one line; and what depends on a disk that is gone is left at once,
//! so that nothing is planned or confirmed for it.

use std::path::PathBuf;

use crate::inventory::{Address, Disk};
use crate::ui::model::{Model, Proposal, Screen, Task, Trouble};
use crate::ui::msg::Effect;
use crate::ui::text;
use crate::ui::update::settle_task;

/// Screens that show what will be done with a place.
const PLANNED: [Screen; 3] = [Screen::Options, Screen::Preview, Screen::Confirm];

/// Compares what there is with what was known.
pub(super) fn compare(model: &mut Model, now: &[Disk]) -> Vec<Effect> {
    let known = model.disks.all();
    // At first everything is new, and nothing of that is news.
    if model.disks.inventory.is_none() {
        return Vec::new();
    }
    let gone: Vec<PathBuf> = missing(known, now);
    let came: Vec<PathBuf> = missing(now, known);
    let names = |paths: &[PathBuf]| paths.iter().map(|path| text::disk_name(path)).collect::<Vec<_>>();
    if !came.is_empty() {
        model.disks.notice = Some(text::came(&names(&came)));
    }
    if gone.is_empty() {
        return Vec::new();
    }
    model.disks.notice = Some(text::gone(&names(&gone)));
    let left = subjects(model).into_iter().find(|subject| gone.contains(subject));
    model.interrupted.jobs.retain(|job| !gone.iter().any(|path| path == job.address.path()));
    model.interrupted.cursor = model.interrupted.cursor.min(model.interrupted.jobs.len().saturating_sub(1));
    left.map_or_else(Vec::new, |disk| leave(model, text::place_gone(&disk)))
}

/// A disk was read until now, and cannot be read any more: what depends on it is left.
pub(super) fn lost(model: &mut Model, disk: &Disk) -> Vec<Effect> {
    let was_read = model.disks.disk(&disk.path).is_some_and(|known| known.problem.is_none());
    let is_lost = was_read && disk.problem.is_some() && subjects(model).contains(&disk.path);
    if is_lost { leave(model, text::place_unreadable(&disk.path)) } else { Vec::new() }
}

fn missing(of: &[Disk], from: &[Disk]) -> Vec<PathBuf> {
    of.iter().filter(|disk| !from.iter().any(|other| other.path == disk.path)).map(|disk| disk.path.clone()).collect()
}

/// The disks that the screens on the way here are about.
fn subjects(model: &Model) -> Vec<PathBuf> {
    let mut subjects = Vec::new();
    let mut add = |address: &Address| subjects.push(address.path().to_owned());
    let is_planned = model.wait.is_some() || PLANNED.iter().any(|screen| model.trail.contains(screen));
    if let Some(image) = model.image.as_ref().filter(|image| image.is_inside()) {
        add(&image.place);
    }
    if let Some(place) = model.place.as_ref().filter(|_| is_planned) {
        add(&place.address);
    }
    if let Some(place) = model.disks.onto.as_ref().filter(|_| model.trail.contains(&Screen::Images)) {
        add(&place.address);
    }
    if let Some(place) = model.files.subject.as_ref().filter(|_| model.trail.contains(&Screen::Files)) {
        add(place);
    }
    if let Some(place) = model.held.place.as_ref().filter(|_| model.trail.contains(&Screen::Held)) {
        add(&place.address);
    }
    // The plan of a change names no place of its own: it was asked for on the chosen line, or in the list of jobs.
    if is_planned && matches!(model.task, Task::Keep | Task::Resume) {
        let job = model.interrupted.jobs.get(model.interrupted.cursor).filter(|_| model.task == Task::Resume);
        let row = model.disks.rows.get(model.disks.cursor).filter(|_| model.task == Task::Keep);
        job.map(|job| &job.address).into_iter().chain(row.map(|row| &row.address)).for_each(add);
    }
    subjects
}

/// Back to the list of disks, or to the start; what was planned is dropped.
fn leave(model: &mut Model, what: String) -> Vec<Effect> {
    let next = Some(text::PLACE_GONE_NEXT.to_owned());
    model.trouble = Some(Trouble { refused: true, what, next });
    let keep = model.trail.iter().position(|screen| *screen == Screen::Disks).map_or(1, |at| at + 1);
    model.trail.truncate(keep);
    model.wait = None;
    model.help = None;
    model.filter = None;
    model.scroll = 0;
    model.factory_cursor = None;
    model.completion = None;
    model.kept_form = None;
    model.export = None;
    model.proposal = Proposal::None;
    model.place = None;
    model.disks.onto = None;
    if model.image.as_ref().is_some_and(|image| image.is_inside()) {
        model.image = None;
    }
    settle_task(model);
    vec![Effect::Abandon]
}

//! Jobs that were interrupted: found at the start, finished or taken back.

use std::path::PathBuf;

use super::super::model::{Model, Screen, Task, Waiting};
use super::super::msg::{Effect, Key};
use super::super::{model, screen, text};
use crate::plan::{Direction, ResumeRequest};

/// Looks at the disks, and then for interrupted jobs on them, beside everything else.
pub(super) fn seek(model: &mut Model) -> Vec<Effect> {
    model.interrupted.wanted = true;
    super::disks::look(model)
}

/// The disks are known: now for the jobs, when they are wanted.
pub(super) fn look(model: &mut Model) -> Vec<Effect> {
    if !std::mem::take(&mut model.interrupted.wanted) {
        return Vec::new();
    }
    let ticket = model.next_ticket();
    model.interrupted.seeking = Some(ticket);
    let volumes = model.disks.rows.iter().filter(|row| row.may_wait()).map(|row| row.address.clone()).collect();
    let comparing = model.next_ticket();
    model.comparing = Some(comparing);
    let mut disks: Vec<PathBuf> = model.disks.rows.iter().map(|row| row.address.path().to_owned()).collect();
    disks.dedup();
    vec![Effect::Compare(comparing, disks), Effect::Seek(ticket, volumes)]
}

/// They are known. As long as the user has not begun anything, they come first.
pub(super) fn sought(model: &mut Model, jobs: Vec<Waiting>) {
    model.interrupted.seeking = None;
    model.interrupted.cursor = model.interrupted.cursor.min(jobs.len().saturating_sub(1));
    let untouched = model.trail == [Screen::Start]
        && model.help.is_none()
        && model.trouble.is_none()
        && model.wait.is_none()
        && model.factory_cursor.is_none();
    let any = !jobs.is_empty();
    model.interrupted.jobs = jobs;
    if any && untouched {
        model.task = Task::Resume;
        super::go(model, Screen::Interrupted);
    }
}

/// The chosen one is at its end.
pub(super) fn ended(model: &mut Model) {
    let chosen = model.interrupted.cursor;
    if chosen < model.interrupted.jobs.len() {
        model.interrupted.jobs.remove(chosen);
    }
    model.interrupted.cursor = chosen.min(model.interrupted.jobs.len().saturating_sub(1));
}

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    match pressed {
        Key::Esc => super::back(model),
        Key::Enter => plan(model, Direction::Finish),
        Key::Char('u') => plan(model, Direction::RollBack),
        _ => {
            let (len, page) = (model.interrupted.jobs.len(), screen::interrupted_page(model));
            model.interrupted.cursor = super::moved(model.interrupted.cursor, len, page, pressed);
            Vec::new()
        }
    }
}

fn plan(model: &mut Model, direction: Direction) -> Vec<Effect> {
    let Some(job) = model.interrupted.jobs.get(model.interrupted.cursor) else { return Vec::new() };
    if direction == Direction::RollBack && !job.can_roll_back {
        return super::refuse(model, text::REFUSED_ROLL_BACK.to_owned());
    }
    let request = ResumeRequest { volume: job.address.clone(), journal: None, direction };
    model.proposal = model::Proposal::None;
    vec![Effect::PlanResume(super::wait_for_plan(model), Box::new(request))]
}

//! What is wrong, and what can be done about it. Enter leads to the screens that do it; what writes is shown there
//! first, and confirmed there.

use crate::inventory::Address;

use super::super::diagnosis::{Finding, Remedy, findings};
use super::super::model::{Model, Screen, Task, Wait};
use super::super::msg::{Effect, Key};
use super::super::rows::{Row, RowKind};
use super::super::{screen, text};
use super::{disks, factory, inside, interrupted, job, start};

/// Shows it. While nothing is known yet, the look that is under way fills it.
pub(super) fn enter(model: &mut Model) -> Vec<Effect> {
    model.task = Task::Diagnose;
    model.diagnosis.cursor = 0;
    super::go(model, Screen::Diagnosis);
    if model.disks.inventory.is_none() && model.disks.looking.is_none() {
        return interrupted::seek(model);
    }
    Vec::new()
}

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    match pressed {
        Key::Esc => super::back(model),
        Key::Enter => choose(model),
        Key::Char('r') if model.disks.looking.is_none() => {
            let mut effects = disks::forgive(model);
            effects.extend(interrupted::seek(model));
            effects
        }
        Key::Char('a') => search(model),
        Key::Char(letter @ ('b' | 'c' | 'd' | 'e' | 'f' | 'l' | 'v')) => start::open(model, letter),
        _ => {
            let len = findings(model).len() + text::DIAGNOSIS_OFFERS.len();
            let page = screen::diagnosis_page(model);
            model.diagnosis.cursor = super::moved(model.diagnosis.cursor, len, page, pressed);
            Vec::new()
        }
    }
}

fn choose(model: &mut Model) -> Vec<Effect> {
    let found = findings(model);
    let last = (found.len() + text::DIAGNOSIS_OFFERS.len()).saturating_sub(1);
    let cursor = model.diagnosis.cursor.min(last);
    match (found.get(cursor), text::DIAGNOSIS_OFFERS.get(cursor.saturating_sub(found.len()))) {
        (Some(finding), _) => help(model, finding),
        (None, Some(('a', ..))) => search(model),
        (None, Some((letter, ..))) => start::open(model, *letter),
        (None, None) => Vec::new(),
    }
}

/// Searches the disk of the chosen finding, or the only one there is; of several, one is chosen first.
fn search(model: &mut Model) -> Vec<Effect> {
    let found = findings(model);
    let chosen = found.get(model.diagnosis.cursor).map(|finding| finding.address.path());
    let disks = model.disks.rows.iter().enumerate().filter(|(_, row)| row.kind == RowKind::Disk);
    let mine = disks.filter(|(_, row)| chosen.is_none_or(|path| path == row.address.path()));
    let mine: Vec<usize> = mine.map(|(index, _)| index).collect();
    match mine.as_slice() {
        [index] => {
            model.disks.cursor = *index;
            disks::search(model)
        }
        _ => start::open(model, 'a'),
    }
}

/// Does what helps, or shows first what it would do.
fn help(model: &mut Model, finding: &Finding) -> Vec<Effect> {
    match &finding.remedy {
        Remedy::Resume(address) => {
            let at = model.interrupted.jobs.iter().position(|job| job.address == *address);
            model.interrupted.cursor = at.unwrap_or(0);
            start::enter_task(model, Task::Resume)
        }
        Remedy::Restore(address) => match row(model, address).cloned() {
            Some(row) => factory::reset(model, &row),
            None => show(model, &finding.address),
        },
        Remedy::Check(address) => match row(model, address).cloned() {
            Some(row) => match row.uncheckable() {
                Some(reason) => super::refuse(model, reason),
                None => job::start_check(model, text::check_headline(&row.address.to_string()), row.address),
            },
            None => show(model, address),
        },
        Remedy::Search(address) => {
            let disk = model.disks.rows.iter().position(|row| row.address == *address);
            model.disks.cursor = disk.unwrap_or(model.disks.cursor);
            disks::search(model)
        }
        Remedy::Renew(index) => inside::renew(model, *index),
        Remedy::Show(address) => show(model, address),
        Remedy::Open(address) => {
            let ticket = model.next_ticket();
            model.wait = Some(Wait::Inspect(ticket));
            vec![Effect::Inspect(ticket, address.clone())]
        }
        Remedy::ChooseImage => start::enter_task(model, Task::Restore),
    }
}

/// Among the disks, the cursor on it.
fn show(model: &mut Model, address: &Address) -> Vec<Effect> {
    let at = model.disks.rows.iter().position(|row| row.address == *address);
    model.disks.cursor = at.unwrap_or(model.disks.cursor);
    start::enter_task(model, Task::Browse)
}

fn row<'a>(model: &'a Model, address: &Address) -> Option<&'a Row> {
    model.disks.rows.iter().rfind(|row| row.address == *address)
}

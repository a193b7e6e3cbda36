//! Every sector of a disk searched for images, and what came of it kept.

use std::path::{Path, PathBuf};

use crate::inventory::Partition;
use crate::ui::model::{Ended, Job, Model, Screen, Task, Trouble};
use crate::ui::msg::Effect;
use crate::ui::rows::{Row, RowKind};
use crate::ui::text;
use crate::ui::update::{SIGNALLED, job, refuse};

/// Searches every sector of the disk that a line is on.
pub(super) fn search(model: &mut Model, row: &Row) -> Vec<Effect> {
    if let Some(problem) = &row.problem {
        return refuse(model, text::refused_unreadable(problem));
    }
    let disk = row.address.path().to_owned();
    job::begin(model, Job::Search, text::search_headline(&disk));
    vec![Effect::Search(disk)]
}

/// Searches every sector of the disk that the cursor is on.
pub(in crate::ui::update) fn search_chosen(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.disks.rows.get(model.disks.cursor).cloned() else { return Vec::new() };
    search(model, &row)
}

/// A disk was searched: back to the list, with what was found.
pub(in crate::ui::update) fn searched(
    model: &mut Model,
    disk: PathBuf,
    found: Result<Vec<Partition>, Trouble>,
) -> Vec<Effect> {
    let Some(running) = model.running.take() else { return Vec::new() };
    if model.leaving {
        return vec![Effect::Quit(SIGNALLED)];
    }
    model.help = None;
    model.task = Task::Browse;
    model.disks.purpose = Task::Browse;
    model.trail = vec![Screen::Start, Screen::Disks];
    match found {
        Ok(found) if found.is_empty() => {
            let from_diagnosis = running.from_diagnosis;
            model.ended = Some(Ended { from_diagnosis, ..Ended::new(text::nothing_found(&disk)) });
            model.trail = vec![Screen::Start, Screen::Report];
        }
        Ok(found) => {
            remember(model, &disk, found);
            if let Some(inventory) = model.disks.inventory.clone() {
                super::look::show(model, inventory);
            }
            model.disks.cursor = first_image(model);
            model.disks.moved = true;
        }
        Err(_) if running.progress.cancelling => {}
        Err(trouble) => model.trouble = Some(trouble),
    }
    Vec::new()
}

/// Keeps what was found on a disk, with what was found there before.
pub(super) fn remember(model: &mut Model, disk: &Path, found: Vec<Partition>) {
    let searched = &mut model.disks.searched;
    let at = searched.iter().position(|(path, _)| path == disk).unwrap_or_else(|| {
        searched.push((disk.to_owned(), Vec::new()));
        searched.len() - 1
    });
    let known = &mut searched[at].1;
    known.retain(|old| !found.iter().any(|new| new.start_bytes == old.start_bytes));
    known.extend(found);
}

/// The first image's line, or the one that was chosen.
fn first_image(model: &Model) -> usize {
    model.disks.rows.iter().position(|row| row.kind == RowKind::Image).unwrap_or(model.disks.cursor)
}

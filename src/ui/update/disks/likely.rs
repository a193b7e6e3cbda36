//! Where the cursor begins: on the line that a task is most likely about.

use crate::fs::Kind;
use crate::ui::model::{ImageInfo, Model, Task};
use crate::ui::rows::{Row, RowKind};

/// Puts the cursor there; it stays where it is when no line is likely.
pub(in crate::ui::update) fn begin_at_likely(model: &mut Model) {
    let likely = likely(&model.disks.rows, model.task, model.image.as_deref());
    model.disks.cursor = likely.unwrap_or(model.disks.cursor);
}

/// The line that a task is most likely about: the largest volume for a copy, one that was not left in order for a
/// check, one that is in use for freeing.
fn likely(rows: &[Row], task: Task, image: Option<&ImageInfo>) -> Option<usize> {
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
        Task::Restore => target(rows, image),
        _ => None,
    }
}

/// What a restore that was cut short has left; else where the image seems to come from; else the first that it fits
/// on. A whole disk on which volumes were found is never proposed: they would be lost.
fn target(rows: &[Row], image: Option<&ImageInfo>) -> Option<usize> {
    let has_found = |row: &Row| rows.iter().any(|other| other.is_found() && other.address.path() == row.address.path());
    let fits = |row: &&Row| {
        let is_place = !matches!(row.kind, RowKind::Disk | RowKind::Image);
        is_place && row.refusal(Task::Restore, image).is_none() && !(row.kind == RowKind::Whole && has_found(row))
    };
    let is_unfinished = |row: &&Row| row.volume.as_ref().is_some_and(|volume| volume.kind == Kind::Unfinished);
    let is_origin = |row: &&Row| {
        row.volume.as_ref().zip(image).is_some_and(|(volume, image)| {
            volume.kind.name() == image.volume
                && volume.label == image.label
                && row.volume_bytes() == Some(image.volume_bytes)
        })
    };
    let first = |is_it: &dyn Fn(&&Row) -> bool| rows.iter().position(|row| fits(&row) && is_it(&row));
    first(&is_unfinished).or_else(|| first(&is_origin)).or_else(|| first(&|_| true))
}

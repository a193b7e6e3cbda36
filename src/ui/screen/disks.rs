//! Disks, partitions and volumes, with details of the chosen line.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::Scrolled;
use crate::inventory::ImageView;
use crate::ui::hit::List;
use crate::ui::model::{Model, Task};
use crate::ui::rows::{self, Row, RowKind};
use crate::ui::text;
use crate::ui::widget::{clip, first_visible, pad, paint, pairs};

/// From this width on the details stand beside the list, whose columns then still have their full width.
const WIDE: u16 = 136;

/// How wide the details then are.
const DETAILS: u16 = 42;

/// A list shorter than this (or none yet, with its three lines of words) keeps the room of so many lines.
const FEWEST: usize = 4;

/// Where list and details go.
struct Parts {
    head: Rect,
    list: Rect,
    details: Rect,
}

/// The details get what a short list leaves them.
fn parts(area: Rect, rows: usize) -> Parts {
    let head = Rect { height: 2.min(area.height), ..area };
    let below = Rect { y: area.y + head.height, height: area.height - head.height, ..area };
    if area.width >= WIDE {
        let list = Rect { width: area.width - DETAILS - 2, ..below };
        let details = Rect { x: list.right() + 2, width: below.width - list.width - 2, ..below };
        return Parts { head, list, details };
    }
    let left = below.height.saturating_sub(u16::try_from(rows).unwrap_or(u16::MAX));
    let details_height = (below.height * 2 / 5).min(12).max(left);
    let list = Rect { height: below.height - details_height, ..below };
    let details =
        Rect { y: list.bottom() + u16::from(details_height > 0), height: details_height.saturating_sub(1), ..below };
    Parts { head, list, details }
}

/// How many lines of the list fit the screen.
pub(in crate::ui) fn page(model: &Model) -> usize {
    usize::from(parts(super::body(model.size), model.disks.rows.len().max(FEWEST)).list.height)
}

/// Where the list is.
pub(super) fn list(model: &Model) -> List {
    let parts = parts(super::body(model.size), model.disks.rows.len().max(FEWEST));
    List::new(parts.list, model.disks.cursor, model.disks.rows.len())
}

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Scrolled {
    let parts = parts(area, model.disks.rows.len().max(FEWEST));
    paint(head(model, parts.head), 0, parts.head, buffer);
    if model.disks.rows.is_empty() {
        if model.disks.inventory.is_some() {
            paint(nothing(model), 0, parts.list, buffer);
        }
        return None;
    }
    let page = usize::from(parts.list.height);
    let first = first_visible(model.disks.cursor, model.disks.rows.len(), page);
    let columns = usize::from(parts.list.width);
    let lines = model.disks.rows.iter().enumerate().skip(first).take(page);
    let lines = lines.map(|(index, row)| row_line(model, row, index == model.disks.cursor, columns)).collect();
    paint(lines, 0, parts.list, buffer);
    if let Some(row) = model.disks.rows.get(model.disks.cursor) {
        paint(details(model, row, usize::from(parts.details.width)), 0, parts.details, buffer);
    }
    let all = model.disks.rows.len();
    (all > page).then_some((first, page, all))
}

/// What is being chosen, or that the look is under way; and the columns' names.
fn head(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let first = if model.disks.looking.is_some() {
        Line::styled(format!("{} {}", super::spinner(model), text::LOOKING), theme.accent())
    } else {
        match (&model.image, model.task) {
            (Some(image), Task::Restore) => super::line(&text::restore_what(&image.name, image.volume_bytes), area),
            _ => Line::default(),
        }
    };
    let list = if area.width >= WIDE { columns - usize::from(DETAILS) - 2 } else { columns };
    let names = if model.disks.rows.is_empty() { Line::default() } else { columns_line(model, list) };
    vec![first, names]
}

fn nothing(model: &Model) -> Vec<Line<'static>> {
    let theme = model.theme;
    vec![Line::styled(text::NO_DISKS, theme.strong()), Line::from(text::NO_DISKS_WHY), Line::from(text::NO_DISKS_NEXT)]
}

/// Columns of kind, size, used and state; the label takes what is left.
fn widths(columns: usize) -> (usize, bool) {
    let wide = columns >= 68;
    let fixed = if wide { 2 + 4 + 10 + 11 + 11 + 2 + 11 + 9 } else { 2 + 4 + 10 + 11 };
    (columns.saturating_sub(fixed).max(6), wide)
}

fn columns_line(model: &Model, columns: usize) -> Line<'static> {
    let [number, kind, label, size, used, state] = text::DISK_COLUMNS;
    let (label_width, wide) = widths(columns);
    let mut words = format!("  {number:>3} {kind:<10}{}{size:>11}", pad(label, label_width));
    if wide {
        words.push_str(&format!("{used:>11}  {state}"));
    }
    Line::styled(clip(&words, columns), model.theme.quiet())
}

fn row_line(model: &Model, row: &Row, chosen: bool, columns: usize) -> Line<'static> {
    let theme = model.theme;
    let refused = row.refusal(model.task, model.image.as_deref()).is_some();
    let style = match (row.kind, &row.problem) {
        _ if chosen => theme.selected(),
        (RowKind::Disk, Some(_)) => theme.bad(),
        (RowKind::Disk, None) => theme.strong(),
        (RowKind::Image, _) if !row.is_whole_image() => theme.warning(),
        (RowKind::Image, _) if model.task == Task::Browse => theme.good(),
        _ if refused => theme.quiet(),
        _ => theme.text(),
    };
    let sign = if chosen { text::ACTIVE_SIGN } else { " " };
    let words = match (&row.image, row.kind) {
        (Some(view), _) => image_words(row, view, columns),
        (None, RowKind::Disk) => disk_words(row),
        (None, _) => volume_words(row, columns),
    };
    let body = if chosen { pad(&words, columns.saturating_sub(2)) } else { clip(&words, columns.saturating_sub(2)) };
    Line::from(vec![Span::styled(format!("{sign} "), Style::new()), Span::styled(body, style)])
}

fn disk_words(row: &Row) -> String {
    let mut words = vec![row.address.to_string()];
    if row.problem.is_none() {
        words.push(text::bytes(row.bytes));
    }
    if !row.title.is_empty() {
        words.push(row.title.clone());
    }
    if row.read_only {
        words.push(text::READ_ONLY.to_owned());
    }
    words.extend(row.table_trouble.map(str::to_owned));
    words.extend(row.problem.clone());
    words.join("   ")
}

/// An image under its volume: kind, name, size, when it was made, whether it is whole.
fn image_words(row: &Row, view: &ImageView, columns: usize) -> String {
    let (label_width, wide) = widths(columns);
    let state = if view.whole { text::STATE_WHOLE } else { text::DAMAGED };
    // Where there is no room for the state, the kind gives way to damage: colour alone says nothing.
    let kind = if wide || view.whole { view.kind.name() } else { text::DAMAGED };
    let name = pad(&view.name, label_width.saturating_sub(1)) + " ";
    let mut words = format!("  └ {}{name}{:>11}", pad(kind, 10), text::bytes(row.bytes));
    if wide {
        words.push_str(&format!(" {}  {state:<11}{}", rows::made(view), flag(row)));
    }
    words
}

fn volume_words(row: &Row, columns: usize) -> String {
    let (label_width, wide) = widths(columns);
    let volume = row.volume.as_ref();
    let number = match row.kind {
        RowKind::Partition => row.number.to_string(),
        RowKind::Found => "+".to_owned(),
        RowKind::Disk | RowKind::Whole | RowKind::Image => "-".to_owned(),
    };
    let kind = volume.map_or("-", |volume| volume.kind.name());
    let label = volume.and_then(|volume| volume.label.clone()).filter(|label| !label.is_empty());
    let label = label.unwrap_or_else(|| row.title.clone());
    let mut words = format!(
        "{number:>3} {}{}{:>11}",
        pad(kind, 10),
        pad(&label, label_width.saturating_sub(1)) + " ",
        text::bytes(row.bytes)
    );
    if wide {
        let used = row.used_bytes().map(text::bytes).unwrap_or_default();
        let unreadable = if row.unreadable() { text::STATE_UNREADABLE } else { "" };
        let state = volume.and_then(|volume| volume.state).map_or(unreadable.to_owned(), |state| state.to_string());
        words.push_str(&format!("{used:>11}  {state:<11}{}", flag(row)));
    }
    words
}

/// The one thing that matters most about a line.
fn flag(row: &Row) -> &'static str {
    if !row.mounted_at.is_empty() {
        text::MOUNTED
    } else if row.read_only {
        text::READ_ONLY
    } else if row.is_found() {
        text::FOUND
    } else {
        ""
    }
}

fn details(model: &Model, row: &Row, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let mut facts: Vec<(&str, String)> = row.details.clone();
    let places: Vec<String> = row.mounted_at.iter().map(|place| place.display().to_string()).collect();
    if !places.is_empty() {
        facts.insert(0, (text::DETAIL_MOUNTED, places.join(", ")));
    }
    // Notes come before the plain facts: where room is short they matter more.
    let found = (row.kind == RowKind::Found).then(|| text::FOUND_NOTE.to_owned());
    let notes: Vec<(&str, String)> =
        row.notes.iter().cloned().chain(found).map(|note| (text::DETAIL_NOTE, note)).collect();
    facts.splice(0..0, notes);
    let choosing = matches!(model.task, Task::Backup | Task::Restore) && row.kind != RowKind::Disk;
    let reason = if choosing || row.problem.is_some() { row.refusal(model.task, model.image.as_deref()) } else { None };
    let refused = reason.is_some();
    facts.splice(0..0, reason.map(|reason| (text::DETAIL_NO_TARGET, reason)));
    let mut lines = pairs(&facts, columns, theme.quiet());
    if refused && let Some(label) = lines.first_mut().and_then(|line| line.spans.first_mut()) {
        label.style = theme.bad();
    }
    lines
}

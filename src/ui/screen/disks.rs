//! Disks, partitions, volumes and images as a tree; with the layout of the chosen disk, the details of the chosen line,
//! and the clusters of its volume.

mod pane;
mod parts;
mod tree;

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::Scrolled;
use crate::ui::hit::List;
use crate::ui::model::{DiskPane, Model, Task};
use crate::ui::text;
use crate::ui::widget::{clip, first_visible, paint, typed, width, wrap};
use parts::{Parts, parts};
use tree::Columns;

/// A disk that takes longer than this is spoken of as slow.
const SLOW: Duration = Duration::from_secs(3);

fn parts_of(model: &Model, area: Rect) -> Parts {
    parts(area, model.disks.rows.len(), model.disks.pane)
}

/// How many lines of the list fit the screen.
pub(in crate::ui) fn page(model: &Model) -> usize {
    usize::from(parts_of(model, super::body(model.size)).list.height)
}

/// True when the map of the chosen line is in sight.
pub(in crate::ui) fn show_map(model: &Model) -> bool {
    parts_of(model, super::body(model.size)).map.height > 0
}

/// What Tab leads to: the next page of the details, then the clusters, then the first page again.
pub(in crate::ui) fn next_pane(model: &Model) -> DiskPane {
    let parts = parts_of(model, super::body(model.size));
    let page = match model.disks.pane {
        DiskPane::Details(page) if parts.details.height > 0 => page,
        _ => return DiskPane::default(),
    };
    if page + 1 < detail_pages(model, parts.details) {
        DiskPane::Details(page + 1)
    } else if parts.in_turn {
        DiskPane::Map
    } else {
        DiskPane::default()
    }
}

/// True when Tab shows something else.
pub(in crate::ui) fn has_panes(model: &Model) -> bool {
    next_pane(model) != model.disks.pane && !model.disks.rows.is_empty()
}

/// How many pages the details of the chosen line take.
fn detail_pages(model: &Model, area: Rect) -> usize {
    let Some(row) = model.disks.chosen(model.filter.as_ref()) else { return 1 };
    let lines = pane::details(model, row, usize::from(area.width)).len();
    lines.div_ceil(usize::from(area.height).max(1)).max(1)
}

/// Where the list is.
pub(super) fn list(model: &Model) -> List {
    let visible = model.disks.visible(model.filter.as_ref());
    let chosen = model.disks.chosen_at(model.filter.as_ref());
    let chosen = visible.iter().position(|at| Some(*at) == chosen).unwrap_or(0);
    List::new(model.clicked_top, parts_of(model, super::body(model.size)).list, chosen, visible.len())
}

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Scrolled {
    let parts = parts_of(model, area);
    let columns = Columns::new(usize::from(parts.list.width));
    let visible = model.disks.visible(model.filter.as_ref());
    paint(vec![head(model, visible.len(), parts.head)], 0, parts.head, buffer);
    if model.disks.rows.is_empty() {
        if model.disks.inventory.is_some() {
            // There is nothing below a list that is not there.
            let below = Rect { y: parts.list.y, height: area.bottom().saturating_sub(parts.list.y), ..area };
            paint(nothing(model, usize::from(below.width)), 0, below, buffer);
        }
        return None;
    }
    if visible.is_empty() {
        paint(vec![super::line(text::FILTER_NOTHING, parts.list)], 0, parts.list, buffer);
        return None;
    }
    paint(vec![tree::names(model, columns)], 0, Rect { y: parts.head.y + 1, height: 1, ..parts.head }, buffer);
    let page = usize::from(parts.list.height);
    let chosen = model.disks.chosen_at(model.filter.as_ref());
    let cursor = visible.iter().position(|at| Some(*at) == chosen).unwrap_or(0);
    let first = first_visible(model.clicked_top, cursor, visible.len(), page);
    let shown = first..(first + page).min(visible.len());
    paint(shown.map(|at| tree::line(model, &visible, at, columns)).collect(), 0, parts.list, buffer);
    draw_chosen(model, &parts, buffer);
    let all = visible.len();
    (all > page).then_some((first, page, all))
}

/// The layout, the details and the map.
fn draw_chosen(model: &Model, parts: &Parts, buffer: &mut Buffer) {
    let Some(row) = model.disks.chosen(model.filter.as_ref()) else { return };
    paint(pane::bar(model, row, parts.bar), 0, parts.bar, buffer);
    let pages = detail_pages(model, parts.details);
    let page = if let DiskPane::Details(page) = model.disks.pane { page.min(pages - 1) } else { 0 };
    let tab = match next_pane(model) {
        next if next == model.disks.pane => None,
        DiskPane::Map => Some(text::PANE_MAP),
        DiskPane::Details(0) if parts.in_turn => Some(text::PANE_DETAILS),
        DiskPane::Details(_) => Some(text::PANE_MORE),
    };
    let details_title = text::details_title(page + 1, pages);
    let words = if parts.details.height > 0 { &details_title } else { text::PANE_MAP };
    paint(vec![pane::title(model, words, tab, parts.title)], 0, parts.title, buffer);
    let rows = usize::from(parts.details.height);
    paint(pane::details(model, row, usize::from(parts.details.width)), page * rows, parts.details, buffer);
    paint(vec![pane::title(model, text::PANE_MAP, None, parts.map_title)], 0, parts.map_title, buffer);
    paint(pane::map(model, row, parts.map), 0, parts.map, buffer);
}

/// What is typed to find, what is under way, what has happened, or what is being chosen.
fn head(model: &Model, visible: usize, area: Rect) -> Line<'static> {
    let theme = model.theme;
    let columns = usize::from(area.width);
    if let Some(filter) = &model.filter {
        let label = format!("{}: ", text::FILTER_LABEL);
        let count = format!("  {}", text::filter_count(visible, model.disks.rows.len()));
        let room = columns.saturating_sub(width(&label) + width(&count)).max(4);
        let mut spans = vec![Span::styled(label, theme.accent())];
        spans.extend(typed(theme, &filter.input, room, filter.is_typing).spans);
        spans.push(Span::styled(count, theme.quiet()));
        return Line::from(spans);
    }
    if model.disks.looking.is_some() {
        let words = format!("{} {}", super::spinner(model), looking(model));
        return Line::styled(clip(&words, columns), theme.accent());
    }
    if let Some(notice) = &model.disks.notice {
        return Line::styled(clip(notice, columns), theme.warning());
    }
    match (&model.image, model.task) {
        (Some(image), Task::Restore) => super::line(&text::restore_what(&image.name, image.volume_bytes), area),
        _ => Line::default(),
    }
}

/// What is being read; of several disks the one that has taken longest.
fn looking(model: &Model) -> String {
    let Some(read) = model.disks.reading.first() else { return text::LOOKING.to_owned() };
    let time = model.clock.elapsed.saturating_sub(read.since);
    if time >= SLOW {
        return text::looking_slow(&read.path, read.what, time);
    }
    text::looking_at(&read.path, read.what, model.disks.reading.len() - 1)
}

fn nothing(model: &Model, columns: usize) -> Vec<Line<'static>> {
    let mut lines = vec![Line::styled(text::NO_DISKS, model.theme.strong())];
    let why = [text::NO_DISKS_WHY, text::NO_DISKS_NEXT].into_iter().flat_map(|words| wrap(words, columns));
    lines.extend(why.map(Line::from));
    lines
}

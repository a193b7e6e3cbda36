//! What was found by name.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::row;
use crate::ui::model::{Find, Model};
use crate::ui::msg::Hit;
use crate::ui::screen::{Scrolled, spinner};
use crate::ui::text;
use crate::ui::widget::{clip, first_visible, pad, paint, wrap};

/// The lines above the list; the first is the browser's own.
pub(super) fn head(model: &Model, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let Some(find) = &model.files.find else { return Vec::new() };
    let mut words = text::find_found(&find.pattern, find.hits.len(), find.folders);
    if find.waiting.is_some() {
        words = format!("{} {words}", spinner(model));
    }
    let [name, size, folder] = text::FOUND_COLUMNS;
    let names = name_columns(columns);
    let titles = format!("   {}{size:>11}  {folder}", pad(name, names));
    vec![Line::styled(clip(&words, columns), theme.strong()), Line::styled(clip(&titles, columns), theme.quiet())]
}

fn name_columns(columns: usize) -> usize {
    (columns.saturating_sub(16) / 2).max(8)
}

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Scrolled {
    let theme = model.theme;
    let Some(find) = &model.files.find else { return None };
    let columns = usize::from(area.width);
    let mut lines: Vec<Line<'static>> = Vec::new();
    if find.hits.is_empty() && find.waiting.is_none() {
        lines.push(Line::from(clip(text::FIND_NOTHING, columns)));
    }
    let notes: Vec<Line<'static>> = notes(find)
        .iter()
        .flat_map(|note| wrap(note, columns))
        .map(|part| Line::styled(part, theme.warning()))
        .collect();
    let page = usize::from(list_area(find, area).height);
    let first = first_visible(model.clicked_top, find.cursor, find.hits.len(), page);
    for (index, hit) in find.hits.iter().enumerate().skip(first).take(page) {
        let is_chosen = index == find.cursor;
        let is_marked = model.files.marks.contains_key(&hit.folder.join(&hit.row.name));
        let style = match (is_chosen, is_marked) {
            (true, _) => theme.selected(),
            (_, true) => theme.accent(),
            _ => theme.text(),
        };
        lines.push(Line::styled(words(hit, is_chosen, is_marked, columns), style));
    }
    lines.extend(notes);
    paint(lines, 0, area, buffer);
    (find.hits.len() > page).then_some((first, page, find.hits.len()))
}

/// The lines of the list that are left by the notes below it.
pub(super) fn list_area(find: &Find, area: Rect) -> Rect {
    let notes = notes(find).iter().flat_map(|note| wrap(note, usize::from(area.width))).count();
    Rect { height: area.height.saturating_sub(u16::try_from(notes).unwrap_or(u16::MAX)).max(1), ..area }
}

/// What is not in the list.
fn notes(find: &Find) -> Vec<String> {
    let mut notes = Vec::new();
    if find.has_more {
        notes.push(format!("! {}", text::find_bounded(find.hits.len())));
    }
    if find.unreadable > 0 {
        notes.push(format!("! {}", text::find_unreadable(find.unreadable)));
    }
    notes
}

fn words(hit: &Hit, is_chosen: bool, is_marked: bool, columns: usize) -> String {
    let name = pad(&row::name(&hit.row), name_columns(columns));
    let size = row::size(&hit.row);
    pad(&format!("{}{name}{size:>11}  {}", row::signs(is_chosen, is_marked), hit.folder.display()), columns)
}

//! The images of a folder, and what one of them says.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::Scrolled;
use crate::ui::hit::List;
use crate::ui::images::{Entry, entries};
use crate::ui::model::Model;
use crate::ui::widget::{clip, first_visible, pad, paint, pairs, typed, width, wrap};
use crate::ui::{overlay, text};

/// Lines above the list: the folder, what is being done, the columns' names.
const HEAD: u16 = 3;

/// How many lines of the list fit the screen.
pub(in crate::ui) fn page(model: &Model) -> usize {
    usize::from(super::body(model.size).height.saturating_sub(HEAD))
}

/// Where the list is, when there is one.
pub(super) fn list(model: &Model) -> Option<List> {
    let area = super::body(model.size);
    let area = Rect { y: area.y + HEAD.min(area.height), height: area.height.saturating_sub(HEAD), ..area };
    let len = entries(model).len();
    let is_shown = model.images.path.is_none() && len > 0;
    is_shown.then(|| List::new(model.clicked_top, area, model.images.cursor.min(len - 1), len))
}

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Scrolled {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let images = &model.images;
    let found = entries(model);
    let mut head = vec![folder_line(model, columns), state_line(model, found.len(), columns)];
    let list = Rect { y: area.y + HEAD.min(area.height), height: area.height.saturating_sub(HEAD), ..area };
    if images.path.is_some() {
        paint(head, 0, area, buffer);
        paint(super::options::completion_lines(model, columns), 0, list, buffer);
        return None;
    }
    if found.is_empty() {
        paint(head, 0, area, buffer);
        paint(nothing(model, columns), 0, list, buffer);
        return None;
    }
    head.push(Line::styled(columns_words(columns), theme.quiet()));
    paint(head, 0, area, buffer);
    let page = usize::from(list.height);
    let cursor = images.cursor.min(found.len() - 1);
    let first = first_visible(model.clicked_top, cursor, found.len(), page);
    let shown = found.iter().enumerate().skip(first).take(page);
    let lines = shown.map(|(index, entry)| entry_line(model, *entry, index == cursor, columns)).collect();
    paint(lines, 0, list, buffer);
    (found.len() > page).then_some((first, page, found.len()))
}

/// The filter, or that the folder is being read, or why it cannot be.
fn state_line(model: &Model, shown: usize, columns: usize) -> Line<'static> {
    let theme = model.theme;
    if let Some(filter) = &model.filter {
        let prompt = format!("{}  ", text::images_filter(shown));
        let mut line = typed(theme, &filter.input, columns.saturating_sub(width(&prompt)), filter.is_typing);
        line.spans.insert(0, Span::styled(prompt, theme.accent()));
        return line;
    }
    match &model.images.problem {
        _ if model.images.listing.is_some() => {
            Line::styled(format!("{} {}", super::spinner(model), text::LISTING), theme.accent())
        }
        // Where there is no list, it is told there in full.
        Some(trouble) if shown > 0 => Line::styled(clip(&trouble.what, columns), theme.bad()),
        _ => Line::default(),
    }
}

/// Why there is no list.
fn nothing(model: &Model, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let plain = |words: &str| wrap(words, columns).into_iter().map(Line::from).collect::<Vec<_>>();
    match &model.images.problem {
        _ if model.filter.is_some() => plain(text::NO_IMAGES_MATCH),
        Some(trouble) => overlay::trouble_lines(theme, trouble, columns),
        None if model.images.rows.is_none() => Vec::new(),
        None => {
            let mut lines = plain(text::NO_IMAGES_ANYWHERE);
            lines.push(Line::styled(clip(text::NO_IMAGES_NEXT, columns), theme.quiet()));
            lines
        }
    }
}

fn folder_line(model: &Model, columns: usize) -> Line<'static> {
    let theme = model.theme;
    match &model.images.path {
        Some(input) => {
            let prompt = format!("{}  ", text::PATH_PROMPT);
            let mut line = typed(theme, input, columns.saturating_sub(prompt.len()), true);
            line.spans.insert(0, Span::styled(prompt, theme.accent()));
            line
        }
        None => {
            let label = format!("{}  ", text::FOLDER);
            let room = columns.saturating_sub(label.len());
            let folder = clip(&model.images.folder.display().to_string(), room);
            Line::from(vec![Span::styled(label, theme.quiet()), Span::raw(folder)])
        }
    }
}

/// Columns of the file's name, of the label, and of the date: what tells files apart, the name, gets the room first.
fn widths(columns: usize) -> (usize, usize, usize) {
    let label = if columns >= 92 { 15 } else { 0 };
    let made = if columns >= 70 { 17 } else { 0 };
    (columns.saturating_sub(2 + 10 + label + made + 11).max(8), label, made)
}

fn columns_words(columns: usize) -> String {
    let [file, kind, label, made, size] = text::IMAGE_COLUMNS;
    let (names, labels, dates) = widths(columns);
    let words = [pad(file, names), pad(kind, 10), pad(label, labels), pad(made, dates)].concat();
    clip(&format!("  {words}{size:>11}"), columns)
}

/// A file that cannot be read says so; a damaged image does, too.
fn entry_line(model: &Model, entry: Entry<'_>, chosen: bool, columns: usize) -> Line<'static> {
    let theme = model.theme;
    let (names, labels, dates) = widths(columns);
    let name = pad(&entry.name(), names.saturating_sub(1)) + " ";
    let (bytes, info) = match entry {
        Entry::File(row) => (row.bytes, row.info.as_ref().ok().map(|info| (**info).clone())),
        Entry::Inside(row) => (row.bytes, row.image_info()),
    };
    let size = text::bytes(bytes);
    let (words, plain) = match &info {
        None => (format!("{name}{}{size:>11}", pad(text::UNREADABLE, columns.saturating_sub(13 + names))), theme.bad()),
        Some(info) => {
            let whole = match entry {
                Entry::File(_) => info.damage.is_empty(),
                Entry::Inside(row) => row.is_whole_image(),
            };
            // Where there is no room for the date, the kind gives way to the damage: colour alone says nothing.
            let kind = pad(if whole || dates > 0 { &info.volume } else { text::DAMAGED }, 10);
            let label = pad(&pad(info.label.as_deref().unwrap_or(&info.name), labels.saturating_sub(1)), labels);
            let made = pad(if whole { info.created.as_str() } else { text::DAMAGED }, dates);
            (format!("{name}{kind}{label}{made}{size:>11}"), if whole { theme.text() } else { theme.warning() })
        }
    };
    let sign = if chosen { text::ACTIVE_SIGN } else { " " };
    let style = if chosen { theme.selected() } else { plain };
    Line::from(vec![Span::raw(format!("{sign} ")), Span::styled(clip(&words, columns.saturating_sub(2)), style)])
}

/// All that the chosen image says of itself.
pub(super) fn facts(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let Some(image) = &model.image else { return Vec::new() };
    let mut lines = vec![Line::styled(clip(&format!("“{}”", image.name), columns), theme.strong()), Line::default()];
    lines.extend(pairs(&image.facts, columns, theme.quiet()));
    if !image.damage.is_empty() {
        lines.extend(super::heading(model, text::DAMAGE));
        lines.extend(super::items(&image.damage, "!", theme.warning(), columns));
    }
    lines
}

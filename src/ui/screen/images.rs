//! The images of a folder, and what one of them says.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::Scrolled;
use crate::ui::hit::List;
use crate::ui::model::{ImageRow, Model};
use crate::ui::widget::{clip, first_visible, pad, paint, pairs, typed};
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
    let area = Rect { y: area.y + HEAD, height: area.height.saturating_sub(HEAD), ..area };
    let rows = model.images.rows.as_ref().filter(|_| model.images.path.is_none())?;
    Some(List::new(area, model.images.cursor, rows.len()))
}

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Scrolled {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let images = &model.images;
    let mut head = vec![folder_line(model, columns)];
    if images.listing.is_some() {
        head.push(Line::styled(format!("{} {}", super::spinner(model), text::LISTING), theme.accent()));
    } else {
        head.push(Line::default());
    }
    let list = Rect { y: area.y + HEAD, height: area.height.saturating_sub(HEAD), ..area };
    if images.path.is_some() {
        paint(head, 0, area, buffer);
        paint(super::options::completion_lines(model, columns), 0, list, buffer);
        return None;
    }
    if let Some(trouble) = &images.problem {
        paint(head, 0, area, buffer);
        paint(overlay::trouble_lines(theme, trouble, columns), 0, list, buffer);
        return None;
    }
    let Some(rows) = &images.rows else {
        paint(head, 0, area, buffer);
        return None;
    };
    if rows.is_empty() {
        head.extend([Line::default(), Line::from(text::NO_IMAGES), Line::styled(text::NO_IMAGES_NEXT, theme.quiet())]);
        paint(head, 0, area, buffer);
        return None;
    }
    head.push(Line::styled(columns_words(columns), theme.quiet()));
    paint(head, 0, area, buffer);
    let page = usize::from(list.height);
    let first = first_visible(images.cursor, rows.len(), page);
    let shown = rows.iter().enumerate().skip(first).take(page);
    let lines = shown.map(|(index, row)| row_line(model, row, index == images.cursor, columns)).collect();
    paint(lines, 0, list, buffer);
    (rows.len() > page).then_some((first, page, rows.len()))
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

fn row_line(model: &Model, row: &ImageRow, chosen: bool, columns: usize) -> Line<'static> {
    let theme = model.theme;
    let (names, labels, dates) = widths(columns);
    let file = row.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = pad(&file, names.saturating_sub(1)) + " ";
    let size = text::bytes(row.bytes);
    let (words, plain) = match &row.info {
        Err(_) => (format!("{name}{}{size:>11}", pad(text::UNREADABLE, columns - 13 - names)), theme.bad()),
        Ok(info) => {
            let whole = info.damage.is_empty();
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

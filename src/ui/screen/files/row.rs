//! One file in a line, and what is said of the chosen one.

use ratatui::text::Line;

use crate::fs::EntryKind;
use crate::ui::model::{Model, Pane};
use crate::ui::msg::FileRow;
use crate::ui::text;
use crate::ui::widget::{clip, pad, width};

/// Columns of the name, of the time (none, the day, or all of it), and of the attributes.
fn widths(columns: usize) -> (usize, usize, usize) {
    let time = match columns {
        66.. => 17,
        46.. => 11,
        _ => 0,
    };
    let attributes = if columns >= 50 { 8 } else { 0 };
    (columns.saturating_sub(3 + 11 + time + attributes).max(8), time, attributes)
}

/// The names of the columns.
pub(super) fn columns_words(columns: usize) -> String {
    let [name, size, changed, attributes] = text::FILE_COLUMNS;
    let (names, time, letters) = widths(columns);
    let mut words = format!("   {}{size:>11}", pad(name, names));
    if time > 0 {
        words += &format!(" {}", pad(changed, time - 1));
    }
    if letters > 0 {
        words += &format!(" {attributes}");
    }
    clip(&words, columns)
}

/// The name as it is listed: a folder's with `/`, a link's with its target.
pub(super) fn name(row: &FileRow) -> String {
    let name = row.name.to_string_lossy();
    match &row.kind {
        EntryKind::Directory => format!("{name}/"),
        EntryKind::Symlink(Some(target)) => format!("{name} → {}", target.display()),
        EntryKind::Symlink(None) => format!("{name} → ?"),
        EntryKind::File if row.is_stream => match name.split_once(':') {
            Some((_, stream)) => format!("  :{stream}"),
            None => name.into_owned(),
        },
        EntryKind::File | EntryKind::Special => name.into_owned(),
    }
}

/// A file's size; nothing else has one worth telling.
pub(super) fn size(row: &FileRow) -> String {
    if row.kind == EntryKind::File { text::bytes(row.bytes) } else { String::new() }
}

/// Signs for the chosen and for the marked ones.
pub(super) fn signs(is_chosen: bool, is_marked: bool) -> String {
    format!("{}{} ", if is_chosen { '►' } else { ' ' }, if is_marked { '√' } else { ' ' })
}

/// A line of the list.
pub(super) fn words(row: &FileRow, is_chosen: bool, is_marked: bool, columns: usize) -> String {
    let (names, time, letters) = widths(columns);
    let mut words = format!("{}{}{:>11}", signs(is_chosen, is_marked), pad(&name(row), names), size(row));
    if time > 0 {
        words += &format!(" {}", pad(row.modified.get(..time - 1).unwrap_or(&row.modified), time - 1));
    }
    if letters > 0 && !row.is_stream {
        words += &format!(" {}", row.attributes);
    }
    pad(&words, columns)
}

/// Below the list: the chosen line in full, and what is marked.
pub(super) fn foot(model: &Model, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let files = &model.files;
    let found = files.find.as_ref().and_then(|find| find.hits.get(find.cursor));
    let row = match found {
        Some(hit) => Some(&hit.row),
        None if files.find.is_none() && files.pane == Pane::Content => files.row(),
        None => None,
    };
    let mut lines = Vec::new();
    let is_low = model.size.1 < 18;
    let marks = (!files.marks.is_empty()).then(|| {
        let (count, bytes, folders) = files.marked();
        Line::styled(clip(&format!("√ {}", text::files_marked(count, bytes, folders)), columns), theme.accent())
    });
    if is_low {
        lines.extend(marks.or_else(|| row.map(|row| Line::styled(clip(&facts(row), columns), theme.quiet()))));
        return lines;
    }
    lines.push(row.map_or_else(Line::default, |row| Line::from(clip(&row.name.to_string_lossy(), columns))));
    lines.push(row.map_or_else(Line::default, |row| Line::styled(clip(&facts(row), columns), theme.quiet())));
    let more = (files.find.is_none() && files.more > 0)
        .then(|| Line::styled(clip(&text::files_more(files.more), columns), theme.warning()));
    lines.extend(marks.or(more));
    lines
}

/// What there is to say of a file beside its name.
fn facts(row: &FileRow) -> String {
    let mut words = vec![text::files_kind(&row.kind, row.is_stream).to_owned()];
    if row.kind == EntryKind::File {
        words.push(text::bytes_exact(row.bytes));
    }
    if !row.is_stream {
        words.push(row.modified.clone());
        words.push(text::files_attributes(&row.attributes));
    }
    if row.streams > 0 {
        words.push(text::files_streams(row.streams));
    }
    words.retain(|word| width(word) > 0);
    words.join(" · ")
}

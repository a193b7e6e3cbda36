//! What is known of the chosen line: its disk's layout, its details, and the clusters of its volume.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::inventory::{Address, layout};
use crate::ui::model::{Model, Task};
use crate::ui::rows::{Row, RowKind};
use crate::ui::screen::spinner;
use crate::ui::text;
use crate::ui::widget::{clip, cluster_map, layout_bar, pairs, width, wrap};

/// The layout of the disk that a line is on, the line's own place marked.
pub(super) fn bar(model: &Model, row: &Row, area: Rect) -> Vec<Line<'static>> {
    let path = row.address.path();
    let Some(disk) = model.disks.disk(path).filter(|disk| disk.problem.is_none()) else { return Vec::new() };
    if model.disks.unread.iter().any(|unread| unread == path) {
        return Vec::new();
    }
    let chosen = (row.kind != RowKind::Disk).then_some(row.start_bytes);
    layout_bar(model.theme, &layout(disk), chosen, usize::from(area.width))
}

/// A heading, and at the right what Tab leads to.
pub(super) fn title(model: &Model, words: &str, tab: Option<&str>, area: Rect) -> Line<'static> {
    let columns = usize::from(area.width);
    let tab = tab.map(text::pane_tab).unwrap_or_default();
    let left = format!("─ {} ", clip(words, columns.saturating_sub(width(&tab) + 6)));
    let right = if tab.is_empty() { String::new() } else { format!(" {tab} ─") };
    let rule = "─".repeat(columns.saturating_sub(width(&left) + width(&right)));
    Line::from(vec![
        Span::styled("─ ", model.theme.quiet()),
        Span::styled(left.chars().skip(2).collect::<String>(), model.theme.strong()),
        Span::styled(rule + &right, model.theme.quiet()),
    ])
}

/// All that is known of a line, what matters most first.
pub(super) fn details(model: &Model, row: &Row, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let mut facts: Vec<(&str, String)> = row.details.clone();
    let places: Vec<String> = row.mounted_at.iter().map(|place| place.display().to_string()).collect();
    if !places.is_empty() {
        facts.insert(0, (text::DETAIL_MOUNTED, places.join(", ")));
    }
    // Notes come before the plain facts: where room is short they matter more.
    let found = (row.kind == RowKind::Found).then(|| text::FOUND_NOTE.to_owned());
    let skipped = model.disks.skipped.iter().any(|path| path == row.address.path());
    let skipped = skipped.then(|| text::SKIPPED_NEXT.to_owned());
    let notes: Vec<(&str, String)> =
        row.notes.iter().cloned().chain(found).chain(skipped).map(|note| (text::NOTE, note)).collect();
    facts.splice(0..0, notes);
    let reading = model.disks.being_read(row.address.path()).map(|read| text::reading(read.what));
    facts.splice(0..0, reading.map(|what| (text::DETAIL_READING, what)));
    let choosing = matches!(model.task, Task::Backup | Task::Restore) && row.kind != RowKind::Disk;
    let reason = if choosing || row.problem.is_some() { row.refusal(model.task, model.image.as_deref()) } else { None };
    let is_refused = reason.is_some();
    facts.splice(0..0, reason.map(|reason| (text::REFUSED_TITLE, reason)));
    let mut lines = pairs(&facts, columns, theme.quiet());
    if is_refused && let Some(label) = lines.first_mut().and_then(|line| line.spans.first_mut()) {
        label.style = theme.bad();
    }
    lines
}

/// The clusters of a line's volume, or why they are not shown.
pub(super) fn map(model: &Model, row: &Row, area: Rect) -> Vec<Line<'static>> {
    let (columns, rows) = (usize::from(area.width), usize::from(area.height));
    let plain = |words: &str| wrap(words, columns).into_iter().map(Line::from).collect();
    if row.kind == RowKind::Disk {
        return plain(text::MAP_OF_DISK);
    }
    if !row.has_map() {
        return plain(text::MAP_OF_NOTHING);
    }
    match model.maps.get(&row.address) {
        Some(Ok(map)) => cluster_map(model.theme, map, None, columns, rows),
        Some(Err(trouble)) => plain(&text::map_none(&trouble.what)),
        None => {
            let words = format!("{} {}", spinner(model), text::map_reading(&short(&row.address)));
            vec![Line::styled(clip(&words, columns), model.theme.accent())]
        }
    }
}

/// An address without the folders before the disk's own name.
fn short(address: &Address) -> String {
    let whole = address.to_string();
    let folder = address.path().parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    whole.strip_prefix(&folder).map_or(whole.as_str(), |rest| rest.trim_start_matches('/')).to_owned()
}

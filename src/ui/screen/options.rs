//! Path and options.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::ui::form::{Field, Value};
use crate::ui::hit::List;
use crate::ui::model::{Model, Task};
use crate::ui::text;
use crate::ui::widget::{clip, pad, typed, width, wrap};

/// Columns of a setting's name.
const NAMES: usize = 40;

pub(super) fn lines(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let (mut lines, items) = all_lines(model, area);
    lines.split_off(first(model, &items, area))
}

/// Where the settings are, for the mouse.
pub(super) fn hits(model: &Model) -> List {
    let area = super::body(model.size);
    let (_, items) = all_lines(model, area);
    List::from_line(first(model, &items, area), area, model.form.cursor, &items)
}

/// The first line in sight: in a low window the chosen setting stays there.
fn first(model: &Model, items: &[Option<usize>], area: Rect) -> usize {
    let page = usize::from(area.height);
    let ends = items.iter().rposition(|item| *item == Some(model.form.cursor)).map_or(0, |last| last + 1);
    let least = ends.saturating_sub(page);
    model.clicked_top.filter(|top| (least..ends).contains(top)).unwrap_or(least)
}

/// All there is to say, and which setting stands on each line.
fn all_lines(model: &Model, area: Rect) -> (Vec<Line<'static>>, Vec<Option<usize>>) {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let mut lines: Vec<Line<'static>> =
        wrap(&about(model), columns).into_iter().take(2).map(|part| Line::styled(part, theme.strong())).collect();
    lines.push(Line::default());
    let mut items = vec![None; lines.len()];
    for (index, field) in model.form.fields.iter().enumerate() {
        lines.extend(field_lines(model, field, index == model.form.cursor, columns));
        items.resize(lines.len(), Some(index));
    }
    lines.push(Line::default());
    if let Some(problem) = model.form.problem {
        lines.push(Line::styled(format!("! {problem}"), theme.bad()));
    }
    if let Some(field) = model.form.fields.get(model.form.cursor) {
        lines.extend(wrap(text::hint(field.id), columns).into_iter().map(|part| Line::styled(part, theme.quiet())));
    }
    lines.extend(completion_lines(model, columns));
    (lines, items)
}

/// The names that go on from a half-typed path.
pub(super) fn completion_lines(model: &Model, columns: usize) -> Vec<Line<'static>> {
    let Some(completion) = model.completion.as_ref().filter(|completion| !completion.choices.is_empty()) else {
        return Vec::new();
    };
    let mut lines = vec![Line::default()];
    lines.extend(wrap(&text::choices(&completion.choices), columns).into_iter().map(Line::from));
    lines
}

fn about(model: &Model) -> String {
    match (&model.place, &model.image) {
        (Some(place), _) if model.task == Task::Backup => {
            let volume = place.volume.as_ref().map_or(text::NOTHING_KNOWN.to_owned(), text::volume);
            text::backup_what(&place.address.to_string(), &volume)
        }
        (_, Some(image)) if model.task == Task::Export => text::made_of(&image.name, &image.kind, &image.created),
        (_, Some(image)) => text::restore_what(&image.name, image.volume_bytes),
        _ => String::new(),
    }
}

fn field_lines(model: &Model, field: &Field, chosen: bool, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let style = if chosen { theme.selected() } else { theme.text() };
    let sign = Span::raw(if chosen { "► " } else { "  " });
    let name = text::field(field.id, model.task);
    let names = NAMES.min(columns.saturating_sub(11));
    match &field.value {
        Value::Text(input) => {
            let mut entry = typed(theme, input, columns.saturating_sub(4), chosen);
            entry.spans.insert(0, Span::raw("    "));
            vec![Line::from(vec![sign, Span::raw(clip(name, columns.saturating_sub(2)))]), entry, Line::default()]
        }
        Value::Level(level) => {
            let value = Span::styled(format!("{level:>2}"), style);
            vec![Line::from(vec![sign, Span::raw(pad(name, names)), Span::raw(" "), value])]
        }
        Value::Switch(on) => {
            let words = if *on { text::ON } else { text::OFF };
            let mark = if *on { "[x] " } else { "[ ] " };
            let room = width(mark) + width(words);
            let value = Span::styled(pad(&format!("{mark}{words}"), room), style);
            vec![Line::from(vec![sign, Span::raw(pad(name, names)), Span::raw(" "), value])]
        }
    }
}

//! What do you want to do?

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::ui::hit::List;
use crate::ui::model::Model;
use crate::ui::rows::{self, Row};
use crate::ui::text;
use crate::ui::widget::{clip, first_visible, pad, width, wrap};

/// From this height on there is a blank line between the choices.
const AIRY: u16 = 18;

pub(super) fn lines(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let factory = rows::factory_images(&model.disks.rows);
    let mut lines = vec![Line::default(), Line::styled(text::START_QUESTION, theme.strong()), Line::default()];
    if let Some(cursor) = model.factory_cursor {
        if area.height >= AIRY {
            lines.extend(choices(model, &factory, columns, false));
        }
        lines.extend(super::heading(model, text::FACTORY_WHICH));
        // In a low window there is room for the list alone.
        lines.drain(..if area.height < AIRY { 4 } else { 0 });
        let page = usize::from(area.height).saturating_sub(lines.len()).max(1);
        let first = first_visible(cursor, factory.len(), page);
        let shown = factory.iter().enumerate().skip(first).take(page);
        lines.extend(shown.map(|(index, row)| factory_line(model, row, index == cursor, columns)));
        return lines;
    }
    lines.extend(choices(model, &factory, columns, area.height >= AIRY));
    if !model.interrupted.jobs.is_empty() {
        lines.extend(
            wrap(text::INTERRUPTED_NOTICE, columns).into_iter().map(|part| Line::styled(part, theme.warning())),
        );
    }
    if let Some(stale) = model.stale.first() {
        let words = text::stale_notice(&stale.partition);
        lines.extend(wrap(&words, columns).into_iter().map(|part| Line::styled(part, theme.warning())));
    }
    lines.push(Line::default());
    lines.extend(wrap(text::START_PROMISE, columns).into_iter().map(|part| Line::styled(part, theme.quiet())));
    lines
}

/// Where the choices are.
pub(super) fn list(model: &Model) -> Option<List> {
    let area = super::body(model.size);
    let mut items = vec![None; 3];
    for choice in 0..text::START_CHOICES.len() {
        items.push(Some(choice));
        items.extend((area.height >= AIRY).then_some(None));
    }
    model.factory_cursor.is_none().then(|| List::with_gaps(area, model.start_cursor, items))
}

fn choices(model: &Model, factory: &[&Row], columns: usize, airy: bool) -> Vec<Line<'static>> {
    let theme = model.theme;
    let mut lines = Vec::new();
    for (index, (letter, words, explanation)) in text::START_CHOICES.into_iter().enumerate() {
        let chosen = index == model.start_cursor;
        let is_off = letter == 'f' && factory.is_empty();
        let style = match (chosen, is_off) {
            (true, _) => theme.selected(),
            (false, true) => theme.quiet(),
            (false, false) => theme.text(),
        };
        let explanation = if letter == 'f' { factory_words(model, factory) } else { explanation };
        let sign = if chosen { "► " } else { "  " };
        let mut spans = vec![
            Span::raw(sign),
            Span::styled(format!(" {letter} "), theme.accent().patch(style)),
            Span::styled(pad(&format!("  {words}"), 26.min(columns.saturating_sub(6))), style),
        ];
        if 31 + 2 + width(explanation) <= columns {
            spans.push(Span::styled(format!("  {explanation}"), theme.quiet()));
        }
        lines.push(Line::from(spans));
        if airy {
            lines.push(Line::default());
        }
    }
    lines
}

/// Whether there is a factory image to go back to.
fn factory_words(model: &Model, factory: &[&Row]) -> &'static str {
    match factory {
        [] if model.disks.looking.is_some() || model.disks.inventory.is_none() => text::FACTORY_WAIT,
        [] => text::FACTORY_NONE,
        _ => text::FACTORY_SOME,
    }
}

fn factory_line(model: &Model, row: &Row, chosen: bool, columns: usize) -> Line<'static> {
    let theme = model.theme;
    let sign = if chosen { text::ACTIVE_SIGN } else { " " };
    let words = row.image_info().map(|image| text::factory_image(row.volume_address(), &image)).unwrap_or_default();
    let words = format!("{sign} {words}");
    if chosen { Line::styled(pad(&words, columns), theme.selected()) } else { Line::from(clip(&words, columns)) }
}

//! What do you want to do?

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::ui::model::Model;
use crate::ui::text;
use crate::ui::widget::{pad, wrap};

pub(super) fn lines(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let mut lines = vec![Line::default(), Line::styled(text::START_QUESTION, theme.strong()), Line::default()];
    let airy = area.height >= 18;
    for (index, (letter, words, explanation)) in text::START_CHOICES.into_iter().enumerate() {
        let chosen = index == model.start_cursor;
        let style = if chosen { theme.selected() } else { theme.text() };
        let sign = if chosen { "► " } else { "  " };
        let mut spans = vec![
            Span::raw(sign),
            Span::styled(format!(" {letter} "), theme.accent().patch(style)),
            Span::styled(pad(&format!("  {words}"), 26.min(columns.saturating_sub(6))), style),
        ];
        if 31 + 2 + explanation.len() <= columns {
            spans.push(Span::styled(format!("  {explanation}"), theme.quiet()));
        }
        lines.push(Line::from(spans));
        if airy {
            lines.push(Line::default());
        }
    }
    if !model.interrupted.jobs.is_empty() {
        lines.extend(
            wrap(text::INTERRUPTED_NOTICE, columns).into_iter().map(|part| Line::styled(part, theme.warning())),
        );
    }
    lines.push(Line::default());
    lines.extend(wrap(text::START_PROMISE, columns).into_iter().map(|part| Line::styled(part, theme.quiet())));
    lines
}

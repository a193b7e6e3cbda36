//! How it ended.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::job::Outcome;
use crate::ui::model::Model;
use crate::ui::text;
use crate::ui::widget::{pairs, wrap};

pub(super) fn lines(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let Some(report) = &model.report else { return Vec::new() };
    let (sign, style) = match report.outcome {
        Outcome::Done => ("√", theme.good()),
        Outcome::DoneWithWarnings | Outcome::Cancelled => ("!", theme.warning()),
        Outcome::Failed | Outcome::Refused => ("x", theme.bad()),
    };
    let style = style.patch(theme.strong());
    let words = text::outcome(report.outcome);
    let mut lines = vec![Line::from(Span::styled(format!("{sign} {words}"), style))];
    // A plain cancellation has no more to say than its outcome.
    if !report.headline.eq_ignore_ascii_case(words) {
        lines.push(Line::default());
        lines.extend(wrap(&report.headline, columns).into_iter().map(Line::from));
    }
    let mut facts = report.facts.clone();
    facts.extend(model.options.log.iter().map(|path| (text::LOG.to_owned(), path.display().to_string())));
    if !facts.is_empty() {
        lines.push(Line::default());
        lines.extend(pairs(&facts, columns, theme.quiet()));
    }
    if !report.warnings.is_empty() {
        lines.extend(super::heading(model, text::WARNINGS));
        lines.extend(super::items(&report.warnings, "!", theme.warning(), columns));
    }
    if !report.next.is_empty() {
        lines.extend(super::heading(model, text::NEXT_STEPS));
        lines.extend(super::items(&report.next, "→", theme.accent(), columns));
    }
    lines
}

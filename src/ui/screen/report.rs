//! How it ended.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{Scrolled, options, spinner};
use crate::job::Outcome;
use crate::ui::model::{Ended, Model, Saving};
use crate::ui::text;
use crate::ui::widget::{paint, pairs, typed, wrap};

/// Draws the report, and below it what there is about saving it.
pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Scrolled {
    let below = saving_lines(model, area);
    let top = upper(area, below.len());
    paint(below, 0, Rect { y: top.bottom(), height: area.height - top.height, ..area }, buffer);
    let lines = lines(model, top);
    let (all, page) = (lines.len(), usize::from(top.height));
    let first = model.scroll.min(all.saturating_sub(page));
    paint(lines, first, top, buffer);
    (all > page).then_some((first, page, all))
}

/// By how many lines the report can be scrolled.
pub(super) fn limit(model: &Model, area: Rect) -> usize {
    let top = upper(area, saving_lines(model, area).len());
    lines(model, top).len().saturating_sub(usize::from(top.height))
}

/// What is left for the report itself. The outcome always stays in sight.
fn upper(area: Rect, below: usize) -> Rect {
    let below = u16::try_from(below).unwrap_or(u16::MAX).min(area.height.saturating_sub(2));
    Rect { height: area.height - below, ..area }
}

fn lines(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let Some(ended) = &model.ended else { return Vec::new() };
    let report = &ended.report;
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
    // What to do is read before what happened: it is short, and the warnings may be many.
    // Whether more is wrong comes before the advice to restart.
    let onward = model.onward().map(text::onward).map(str::to_owned);
    let next: Vec<String> = onward.into_iter().chain(report.next.iter().cloned()).collect();
    if !next.is_empty() {
        lines.extend(super::heading(model, text::NEXT_STEPS));
        lines.extend(super::items(&next, "→", theme.accent(), columns));
    }
    if !report.warnings.is_empty() {
        lines.extend(super::heading(model, text::WARNINGS));
        lines.extend(super::items(&report.warnings, "!", theme.warning(), columns));
    }
    lines.extend(super::heading(model, text::FACTS));
    lines.extend(pairs(&facts(model, ended), columns, theme.quiet()));
    if let Some(command) = &ended.command {
        lines.extend(super::heading(model, text::COMMAND));
        lines.extend(wrap(command, columns).into_iter().map(Line::from));
    }
    lines
}

/// What was written where, its digests, the time, and the log.
fn facts(model: &Model, ended: &Ended) -> Vec<(String, String)> {
    let mut facts = ended.report.facts.clone();
    // A job that was prevented says no more than what it was to be.
    if facts.is_empty() && !ended.headline.is_empty() {
        facts.push((text::REPORT_TASK.to_owned(), ended.headline.clone()));
    }
    facts.push((text::REPORT_TOOK.to_owned(), text::took(ended.took)));
    facts.extend(model.options.log.iter().map(|path| (text::LOG.to_owned(), path.display().to_string())));
    facts
}

/// Where the report is saved to, or was, or why not.
fn saving_lines(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let Some(ended) = &model.ended else { return Vec::new() };
    let mut lines = vec![Line::default()];
    match (&ended.saving, &ended.saved) {
        (Some(saving), _) => lines.extend(prompt_lines(model, saving, columns)),
        (None, Some(path)) => {
            let words = wrap(&format!("√ {}", text::saved(path)), columns);
            lines.extend(words.into_iter().map(|part| Line::styled(part, theme.good())));
        }
        (None, None) => return Vec::new(),
    }
    lines
}

fn prompt_lines(model: &Model, saving: &Saving, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let mut entry = typed(theme, &saving.path, columns.saturating_sub(2), saving.waiting.is_none());
    entry.spans.insert(0, Span::styled("► ", theme.accent()));
    let mut lines = vec![Line::styled(text::SAVE_PROMPT, theme.strong()), entry];
    if saving.waiting.is_some() {
        lines.push(Line::styled(format!("{} {}", spinner(model), text::SAVING), theme.accent()));
    } else if let Some(problem) = &saving.problem {
        let words = wrap(&format!("! {}", problem.what), columns);
        lines.extend(words.into_iter().map(|part| Line::styled(part, theme.bad())));
        lines.extend(problem.next.iter().flat_map(|next| wrap(next, columns)).map(Line::from));
    } else {
        lines.extend(wrap(text::SAVE_NEXT, columns).into_iter().map(|part| Line::styled(part, theme.quiet())));
    }
    lines.extend(options::completion_lines(model, columns));
    lines
}

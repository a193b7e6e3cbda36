//! What lies over a screen: waiting, the cancel question, trouble, help.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::model::{Model, Trouble, Wait};
use super::theme::Theme;
use super::widget::{asked, popup, popup_rows, wrap};
use super::{footer, screen, text};

/// Draws what lies over the screen, the most urgent last.
pub(super) fn draw(model: &Model, buffer: &mut Buffer) {
    let theme = model.theme;
    if let Some(wait) = model.wait {
        let words = match wait {
            Wait::Inspect(_) => text::INSPECTING,
            Wait::Plan(_) => text::PLANNING,
            Wait::Measure(_) => text::EXTRACT_COUNTING,
        };
        let (columns, _) = popup_rows(buffer.area);
        let lines = plain(&format!("{} {words}", screen::spinner(model)), columns);
        popup(theme, text::WAIT_TITLE, theme.accent(), lines, 0, buffer);
    }
    if let Some(running) = model.running.as_ref().filter(|running| running.asking) {
        let steps: Vec<_> = running.progress.steps.iter().map(|step| step.step.kind).collect();
        let (columns, _) = popup_rows(buffer.area);
        let lines = plain(text::after_cancel(running.job, &steps, running.progress.current), columns);
        let lines = asked(lines, Line::styled(text::CANCEL_KEYS, theme.accent()), buffer.area);
        popup(theme, text::CANCEL_QUESTION, theme.warning(), lines, 0, buffer);
    }
    if let Some(trouble) = &model.trouble {
        let (columns, _) = popup_rows(buffer.area);
        let title = if trouble.refused { text::REFUSED_TITLE } else { text::TROUBLE_TITLE };
        popup(
            theme,
            title,
            theme.bad(),
            trouble_lines(theme, trouble, columns),
            model.trouble_scroll.min(trouble_limit(model)),
            buffer,
        );
    }
    if let Some(scroll) = model.help {
        let (columns, _) = popup_rows(buffer.area);
        popup(theme, text::HELP_TITLE, theme.accent(), help_lines(model, columns), scroll, buffer);
    }
}

/// What happened, and what to do.
pub(super) fn trouble_lines(theme: Theme, trouble: &Trouble, columns: usize) -> Vec<Line<'static>> {
    let mut lines = plain(&trouble.what, columns);
    if let Some(next) = &trouble.next {
        lines.push(Line::default());
        lines.push(Line::styled(text::WHAT_TO_DO, theme.strong()));
        lines.extend(plain(next, columns));
    }
    lines
}

/// By how many lines the trouble can be scrolled.
pub(super) fn trouble_limit(model: &Model) -> usize {
    let (columns, rows) = popup_rows(Rect::new(0, 0, model.size.0, model.size.1));
    let Some(trouble) = &model.trouble else { return 0 };
    trouble_lines(model.theme, trouble, columns).len().saturating_sub(rows)
}

fn help_lines(model: &Model, columns: usize) -> Vec<Line<'static>> {
    let mut lines = plain(text::help(model.screen(), model.task), columns);
    lines.push(Line::default());
    for (key, does) in footer::screen_keys(model) {
        let name = Span::styled(super::widget::pad(key, 8), model.theme.accent());
        lines.push(Line::from(vec![name, Span::raw(does)]));
    }
    lines
}

/// By how many lines help can be scrolled.
pub(super) fn help_limit(model: &Model) -> usize {
    let (columns, rows) = popup_rows(Rect::new(0, 0, model.size.0, model.size.1));
    help_lines(model, columns).len().saturating_sub(rows)
}

fn plain(text: &str, columns: usize) -> Vec<Line<'static>> {
    wrap(text, columns).into_iter().map(Line::from).collect()
}

//! A job under way.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::job::StepProgress;
use crate::ui::model::{Job, Model, Running};
use crate::ui::widget::{bar, clip, first_visible, pad, width, wrap};
use crate::ui::{rate, text};

pub(super) fn lines(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let Some(running) = &model.running else { return Vec::new() };
    let theme = model.theme;
    let columns = usize::from(area.width);
    let mut lines: Vec<Line<'static>> =
        wrap(&running.headline, columns).into_iter().take(2).map(|part| Line::styled(part, theme.strong())).collect();
    lines.push(Line::default());
    lines.extend(overall(model, running, columns));
    lines.push(Line::default());
    // In a low window the step under way stays in sight.
    let page = usize::from(area.height).saturating_sub(lines.len()).max(1);
    let first = first_visible(running.progress.current, running.progress.steps.len(), page);
    for (index, step) in running.progress.steps.iter().enumerate().skip(first).take(page) {
        lines.push(step_line(model, running, index, step, columns));
    }
    let room = usize::from(area.height).saturating_sub(lines.len() + 2);
    if room > 0 && !running.progress.log.is_empty() {
        lines.extend(super::heading(model, text::LOG));
        let log = &running.progress.log;
        let last = &log[log.len().saturating_sub(room)..];
        lines.extend(last.iter().map(|entry| Line::styled(clip(entry, columns), theme.quiet())));
    }
    lines
}

/// The bar over all steps, and the numbers under it.
fn overall(model: &Model, running: &Running, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let (done, all) = running.progress.overall();
    let percent = rate::percent(done, all, false);
    let label = format!("{}  ", text::OVERALL);
    let room = columns.saturating_sub(label.len() + 6);
    let mut spans = vec![Span::raw(label)];
    spans.extend(bar(theme, percent, room));
    spans.push(Span::styled(format!("  {percent:>2} %"), theme.strong()));
    let mut words = Vec::new();
    if running.progress.cancelling {
        words.push(text::CANCELLING.to_owned());
    } else if running.progress.steps.is_empty() {
        words.push(text::STARTING.to_owned());
    } else if running.job == Job::Check {
        // What a check counts is no bytes: only the bar means something.
        words.extend(running.progress.paused.then(|| text::PAUSED.to_owned()));
    } else {
        words.push(text::done_of(done, all));
        if running.progress.paused {
            words.push(text::PAUSED.to_owned());
        } else {
            words.extend(running.samples.rate().map(text::rate));
            words.extend(match all.saturating_sub(done) {
                0 => Some(text::FINISHING.to_owned()),
                left => running.samples.remaining(left).map(text::left),
            });
        }
    }
    words.push(text::so_far(model.clock.elapsed.saturating_sub(running.began)));
    let style = if running.progress.paused || running.progress.cancelling { theme.warning() } else { theme.text() };
    let mut lines = vec![Line::from(spans)];
    lines.extend(flow(&words, columns).into_iter().map(|line| Line::styled(line, style)));
    lines
}

/// Words side by side, on a new line where one does not fit any more.
fn flow(words: &[String], columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if width(line) + 3 + width(word) <= columns => {
                line.push_str("   ");
                line.push_str(word);
            }
            _ => lines.push(clip(word, columns)),
        }
    }
    lines
}

fn step_line(model: &Model, running: &Running, index: usize, step: &StepProgress, columns: usize) -> Line<'static> {
    let theme = model.theme;
    let current = running.progress.current;
    let finished = index < current;
    let (sign, style) = match index.cmp(&current) {
        std::cmp::Ordering::Less => ("√", theme.good()),
        std::cmp::Ordering::Equal => ("►", theme.accent()),
        std::cmp::Ordering::Greater => (" ", theme.quiet()),
    };
    let percent = rate::percent(step.done, step.step.bytes, finished);
    let bar_room = (columns / 6).min(30);
    let title = pad(&step.step.title, columns.saturating_sub(2 + 2 + bar_room + 7));
    let mut spans = vec![Span::styled(format!("{sign} "), style), Span::raw(title), Span::raw("  ")];
    spans.extend(bar(theme, percent, bar_room));
    // A step that has not begun, or that moves no bytes, has no percentage.
    let number = if index > current || (step.step.bytes == 0 && !finished) {
        "      ".to_owned()
    } else {
        format!("{percent:>4} %")
    };
    spans.push(Span::raw(number));
    Line::from(spans)
}

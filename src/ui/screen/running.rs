//! A job under way: how far it is, each step, the map of the volume as it fills, and the log.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::pictures;
use crate::job::{PROBLEM_SIGN, StepProgress};
use crate::ui::model::{Job, Model, Running};
use crate::ui::widget::{bar, clip, first_visible, pad, sparkline, width, wrap};
use crate::ui::{rate, text};

/// In a lower window only what matters most is shown.
const LOW: usize = 14;

/// From this height on there is room for the picture of the rate.
const ROOMY: usize = 18;

/// From this width on every step says how much of it is done; below it, how much it is.
const WIDE: usize = 100;

/// Lines of the log with its heading that are kept in sight, where there is room for all.
const LOG: usize = 4;

/// Lines of the map with its legend, and the blank one above it: at least, and at most.
const MAP: (usize, usize) = (5, 16);

/// How many lines each part has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Rows {
    steps: usize,
    map: usize,
    log: usize,
}

/// Shares out the lines that the head leaves: the step under way first, then the log's last lines, the map, and the rest
/// of the log.
fn share(left: usize, steps: usize, has_map: bool) -> Rows {
    let log = match left {
        0..=1 => 0,
        2..=7 => left / 2,
        _ => LOG,
    };
    let map = if has_map && left >= LOG + MAP.0 + 3 { MAP.0 } else { 0 };
    let steps = steps.min(left - log - map).max(usize::from(left > 0));
    let rest = left - steps.min(left);
    let map = if map > 0 { (rest / 2).clamp(map, MAP.1).min(rest - log) } else { 0 };
    Rows { steps, map, log: rest - map }
}

pub(super) fn lines(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let Some(running) = &model.running else { return Vec::new() };
    let columns = usize::from(area.width);
    let height = usize::from(area.height);
    let mut lines = head(model, running, columns, height);
    let rows = rows(running, height.saturating_sub(lines.len()));
    let first = first_visible(None, running.progress.current, running.progress.steps.len(), rows.steps);
    let steps = running.progress.steps.iter().enumerate().skip(first).take(rows.steps);
    lines.extend(steps.map(|(index, step)| step_line(model, running, index, step, columns)));
    if let Some(map) = pictures::worked_on(&running.pictures).filter(|_| rows.map > 0) {
        lines.push(Line::default());
        lines.extend(pictures::filling(model, map, &running.progress, columns, rows.map - 1));
    }
    lines.extend(log_lines(model, running, columns, rows.log));
    lines
}

fn rows(running: &Running, left: usize) -> Rows {
    share(left, running.progress.steps.len(), pictures::worked_on(&running.pictures).is_some())
}

/// By how many lines the log can be scrolled, and how many are in sight.
pub(in crate::ui) fn log_page(model: &Model) -> (usize, usize) {
    let Some(running) = &model.running else { return (0, 0) };
    let area = super::body(model.size);
    let (columns, height) = (usize::from(area.width), usize::from(area.height));
    let left = height.saturating_sub(head(model, running, columns, height).len());
    let page = log_room(rows(running, left).log);
    let all: usize = running.progress.log.iter().map(|entry| wrap(entry, entry_columns(columns)).len()).sum();
    (all.saturating_sub(page), page)
}

/// Lines for entries among those of the log: a heading takes one where there are several.
fn log_room(rows: usize) -> usize {
    if rows >= LOG { rows - 2 } else { rows }
}

/// What is done, and how far all of it is.
fn head(model: &Model, running: &Running, columns: usize, height: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let is_low = height < LOW;
    let headline = if is_low { vec![clip(&running.headline, columns)] } else { wrap(&running.headline, columns) };
    let mut lines: Vec<Line<'static>> =
        headline.into_iter().take(2).map(|part| Line::styled(part, theme.strong())).collect();
    let banner = banner(running);
    if is_low && banner.is_some() {
        lines.clear();
    }
    match banner {
        Some(words) => {
            let style = theme.selected().patch(theme.strong());
            lines.push(Line::styled(pad(&format!(" ! {words}"), columns), style));
        }
        None if is_low => {}
        None => lines.push(Line::default()),
    }
    lines.extend(overall(model, running, columns));
    if height >= ROOMY {
        lines.extend(last_minute(model, running, columns));
    }
    if !is_low {
        lines.push(Line::default());
    }
    lines
}

/// What must not be missed: that nothing goes on, or that the job is being stopped.
fn banner(running: &Running) -> Option<&'static str> {
    if running.progress.cancelling {
        Some(text::CANCELLING_BANNER)
    } else if running.progress.paused {
        Some(text::PAUSED_BANNER)
    } else {
        None
    }
}

/// The bar over all steps, and the numbers under it.
fn overall(model: &Model, running: &Running, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let (done, all) = running.progress.overall();
    let percent = rate::percent(done, all, false);
    let label = format!("{}  ", text::OVERALL);
    let room = columns.saturating_sub(width(&label) + 6);
    let mut spans = vec![Span::raw(label)];
    spans.extend(bar(theme, percent, room));
    spans.push(Span::styled(format!("  {percent:>2} %"), theme.strong()));
    let mut lines = vec![Line::from(spans)];
    lines.extend(flow(&numbers(model, running, done, all), columns).into_iter().map(Line::from));
    lines
}

/// The rate of the last minute as a picture.
fn last_minute(model: &Model, running: &Running, columns: usize) -> Option<Line<'static>> {
    let history = running.samples.history();
    if running.job == Job::Check || history.is_empty() {
        return None;
    }
    let room = columns.saturating_sub(width(text::LAST_MINUTE) + 2);
    let label = Span::styled(format!("{}  ", text::LAST_MINUTE), model.theme.quiet());
    Some(Line::from(vec![label, sparkline(model.theme, &history, room)]))
}

/// Bytes, rate, time left, time so far.
fn numbers(model: &Model, running: &Running, done: u64, all: u64) -> Vec<String> {
    let progress = &running.progress;
    let mut words = Vec::new();
    if progress.steps.is_empty() {
        words.push(text::STARTING.to_owned());
    } else {
        // What a check counts is no bytes: only the bar means something.
        let counts_bytes = running.job != Job::Check;
        words.extend(counts_bytes.then(|| text::done_of(done, all)));
        if !progress.paused && !progress.cancelling {
            words.extend(running.samples.rate().filter(|_| counts_bytes && done < all).map(text::rate));
            // What else a search will look at is known only once it gets there.
            let is_open = running.job == Job::Search && done < all;
            words.push(match running.samples.remaining(progress).filter(|_| !is_open) {
                Some(left) => text::left(rate::rounded(left)),
                None if done < all => text::LEFT_UNKNOWN.to_owned(),
                None => text::FINISHING.to_owned(),
            });
        }
    }
    words.push(text::so_far(model.clock.elapsed.saturating_sub(running.began)));
    words
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
    let bar_room = (columns / 10).clamp(6, 30);
    let amount = amount(running, step, finished, columns);
    let title = pad(&step.step.title, columns.saturating_sub(2 + 2 + bar_room + 7 + width(&amount)));
    let mut spans = vec![Span::styled(format!("{sign} "), style), Span::raw(title)];
    spans.push(Span::styled(format!("{amount}  "), theme.quiet()));
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

/// How much a step moves: what is done of it where there is room for both.
fn amount(running: &Running, step: &StepProgress, finished: bool, columns: usize) -> String {
    let none = step.step.bytes == 0 || running.job == Job::Check;
    if columns >= WIDE {
        let words = if none { String::new() } else { text::done_of(step.done, step.step.bytes) };
        let words = if finished && !none { text::bytes(step.step.bytes) } else { words };
        format!("{words:>26}")
    } else if columns >= 60 {
        let words = if none { String::new() } else { text::bytes(step.step.bytes) };
        format!("{words:>12}")
    } else {
        String::new()
    }
}

/// Columns for the words of an entry, whose further lines are set in.
fn entry_columns(columns: usize) -> usize {
    columns.saturating_sub(2)
}

/// The newest entries, or those that were scrolled to.
fn log_lines(model: &Model, running: &Running, columns: usize, rows: usize) -> Vec<Line<'static>> {
    let log = &running.progress.log;
    let page = log_room(rows);
    if page == 0 || log.is_empty() {
        return Vec::new();
    }
    let mut lines: Vec<Line<'static>> = Vec::new();
    match running.log_top {
        None => {
            // From the newest backwards: however long the log is, only what is seen is looked at.
            for entry in log.iter().rev() {
                let mut entry = entry_lines(model, entry, columns);
                entry.append(&mut lines);
                lines = entry;
                if lines.len() >= page {
                    break;
                }
            }
            lines.drain(..lines.len().saturating_sub(page));
        }
        Some(_) => {
            lines.extend(log.iter().flat_map(|entry| entry_lines(model, entry, columns)));
        }
    }
    let below = running.log_top.map_or(0, |top| lines.len().saturating_sub(top + page));
    if let Some(top) = running.log_top {
        lines.drain(..top.min(lines.len()));
        lines.truncate(page);
    }
    if rows > page {
        let heading = if below > 0 { text::log_newer(below) } else { text::LOG.to_owned() };
        lines.splice(0..0, super::heading(model, &heading));
    }
    lines
}

/// An entry, with a sign before it when it tells of a problem.
fn entry_lines(model: &Model, entry: &str, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let (sign, words, style) = match entry.strip_prefix(PROBLEM_SIGN) {
        Some(problem) => ("!", problem.trim_start(), theme.warning()),
        None => ("·", entry, Style::new()),
    };
    let mut sign = Some(sign);
    let words = wrap(words, entry_columns(columns));
    words
        .into_iter()
        .map(|part| Line::styled(format!("{} {part}", sign.take().unwrap_or(" ")), style.patch(theme.text())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_shared_out_and_the_step_under_way_stays() {
        for left in 0..60 {
            for steps in 0..30 {
                for has_map in [false, true] {
                    let rows = share(left, steps, has_map);
                    assert!(rows.steps + rows.map + rows.log <= left.max(1), "{left} {steps}: {rows:?}");
                    assert!(left == 0 || rows.steps >= 1, "{left} {steps}: {rows:?}");
                    assert!(left < 8 || rows.log >= LOG, "{left} {steps}: {rows:?}");
                    assert!(rows.map == 0 || rows.map >= MAP.0, "{left} {steps}: {rows:?}");
                }
            }
        }
        assert!(share(13, 7, true).map >= MAP.0, "a restore shows its map at 80×24");
    }
}

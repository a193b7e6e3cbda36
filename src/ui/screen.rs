//! The screens: a title line, the body, and a line of keys.

mod confirm;
mod diagnosis;
mod disks;
mod files;
mod held;
mod images;
mod interrupted;
mod options;
mod pictures;
mod preview;
mod report;
mod running;
mod start;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::hit::List;
use super::model::{Job, Model, Screen, Task};
use super::widget::{clip, paint, width};
use super::{footer, text};

pub(super) use super::overlay::{help_limit, trouble_limit};
pub(super) use diagnosis::page as diagnosis_page;
pub(super) use disks::{
    has_panes as disks_have_panes, next_pane as disks_next_pane, page as disks_page, show_map as disks_show_map,
};
pub(super) use files::{page as files_page, peek_shape};
pub(super) use held::page as held_page;
pub(super) use images::page as images_page;
pub(super) use interrupted::page as interrupted_page;
pub(super) use running::log_page;
pub(super) use start::page as start_page;

/// Where a screen's content goes on a terminal of this size.
pub(super) fn body(size: (u16, u16)) -> Rect {
    let margin = if size.0 >= 60 { 2 } else { 1 };
    Rect::new(margin, 2, size.0.saturating_sub(2 * margin), size.1.saturating_sub(4))
}

/// The list of the screen that is shown, when it has one.
pub(super) fn list(model: &Model) -> Option<List> {
    match model.screen() {
        Screen::Start => Some(start::hits(model)),
        Screen::Disks => Some(disks::list(model)),
        Screen::Images => images::list(model),
        Screen::Interrupted => Some(interrupted::hits(model)),
        Screen::Files => files::hits(model),
        Screen::Diagnosis => Some(diagnosis::hits(model)),
        Screen::Held => Some(held::hits(model)),
        Screen::Peek => None,
        Screen::Options => Some(options::hits(model)),
        Screen::Confirm | Screen::Running => None,
        Screen::Facts | Screen::Preview | Screen::Report => None,
    }
}

/// The pane of the screen that Tab leads to.
pub(super) fn other_pane(model: &Model) -> Option<Rect> {
    if model.screen() == Screen::Files { files::other_pane(model) } else { None }
}

/// Draws the screen on top of the trail.
pub(super) fn draw(model: &Model, buffer: &mut Buffer) {
    let screen = buffer.area;
    let size = (screen.width, screen.height);
    let area = body(size);
    draw_title(model, buffer);
    let scrolled = match model.screen() {
        Screen::Start => start::draw(model, area, buffer),
        Screen::Disks => disks::draw(model, area, buffer),
        Screen::Images => images::draw(model, area, buffer),
        Screen::Interrupted => interrupted::draw(model, area, buffer),
        Screen::Diagnosis => diagnosis::draw(model, area, buffer),
        Screen::Files => files::draw(model, area, buffer),
        Screen::Peek => files::draw_peek(model, area, buffer),
        Screen::Held => held::draw(model, area, buffer),
        Screen::Options => draw_lines(options::lines(model, area), area, buffer),
        Screen::Confirm => draw_lines(confirm::lines(model, area), area, buffer),
        Screen::Running => draw_lines(running::lines(model, area), area, buffer),
        Screen::Report => report::draw(model, area, buffer),
        Screen::Facts | Screen::Preview => {
            let lines = scrolled_lines(model, area);
            let all = lines.len();
            let page = usize::from(area.height);
            let first = model.scroll.min(all.saturating_sub(page));
            paint(lines, first, area, buffer);
            (all > page).then_some((first, page, all))
        }
    };
    draw_footer(model, scrolled, buffer);
}

/// The whole text of a screen that scrolls.
fn scrolled_lines(model: &Model, area: Rect) -> Vec<Line<'static>> {
    match model.screen() {
        Screen::Facts => images::facts(model, area),
        Screen::Preview => preview::lines(model, area),
        _ => Vec::new(),
    }
}

/// By how many lines the screen's text can be scrolled.
pub(super) fn scroll_limit(model: &Model) -> usize {
    let area = body(model.size);
    if model.screen() == Screen::Report {
        return report::limit(model, area);
    }
    scrolled_lines(model, area).len().saturating_sub(usize::from(area.height))
}

/// First line, lines on the screen, and lines in all, of what does not fit.
type Scrolled = Option<(usize, usize, usize)>;

fn draw_lines(lines: Vec<Line<'static>>, area: Rect, buffer: &mut Buffer) -> Scrolled {
    paint(lines, 0, area, buffer);
    None
}

fn draw_title(model: &Model, buffer: &mut Buffer) {
    let area = buffer.area;
    let theme = model.theme;
    // A job's title is that of its task, wherever it was started from.
    let task = match model.running.as_ref().map(|running| running.job) {
        Some(Job::Backup | Job::Inside) => Task::Backup,
        Some(Job::Keep) => Task::Keep,
        Some(Job::Export) => Task::Export,
        Some(Job::Search) => Task::Search,
        Some(Job::Renew) => Task::Renew,
        Some(Job::Restore) if model.task == Task::Reset => Task::Reset,
        Some(Job::Restore) => Task::Restore,
        Some(Job::Verify) => Task::Verify,
        Some(Job::Check) => Task::Browse,
        Some(Job::Resume) => Task::Resume,
        Some(Job::Extract) => Task::Extract,
        None => model.task,
    };
    let mut spans = vec![
        Span::raw(" "),
        Span::styled(text::PROGRAM, theme.accent().patch(theme.strong())),
        Span::styled("  │  ", theme.quiet()),
    ];
    let room = usize::from(area.width).saturating_sub(spans.iter().map(Span::width).sum());
    spans.push(Span::styled(clip(text::title(model.screen(), task), room), theme.strong()));
    Line::from(spans).render(Rect::new(0, 0, area.width, 1), buffer);
    draw_rule(model, 1, buffer);
}

fn draw_rule(model: &Model, y: u16, buffer: &mut Buffer) {
    let width = buffer.area.width;
    buffer.set_string(0, y, "─".repeat(usize::from(width)), model.theme.quiet());
}

fn draw_footer(model: &Model, scrolled: Scrolled, buffer: &mut Buffer) {
    let (columns, rows) = (buffer.area.width, buffer.area.height);
    draw_rule(model, rows - 2, buffer);
    let mut free_from = 0;
    for placed in footer::place(model, buffer.area) {
        let (key, does) = placed.word;
        let words = vec![Span::raw(" "), Span::styled(key, model.theme.accent()), Span::raw(format!(" {does} "))];
        Line::from(words).render(placed.area, buffer);
        if placed.area.y == rows - 2 {
            free_from = placed.area.right();
        }
    }
    if let Some((first, page, all)) = scrolled {
        let words = format!(" {} ", text::scrolled(first + 1, (first + page).min(all), all));
        let x = columns.saturating_sub(u16::try_from(width(&words)).unwrap_or(columns) + 2);
        if x >= free_from {
            buffer.set_string(x, rows - 2, words, model.theme.quiet());
        }
    }
}

/// A sign that something is being done; it turns with the clock.
pub(super) fn spinner(model: &Model) -> char {
    const SIGNS: [char; 4] = ['|', '/', '-', '\\'];
    let turn = model.clock.elapsed.as_millis() / 200 % 4;
    SIGNS[usize::try_from(turn).unwrap_or(0)]
}

/// A heading with a blank line above it.
fn heading(model: &Model, words: &str) -> [Line<'static>; 2] {
    [Line::default(), Line::styled(words.to_owned(), model.theme.strong())]
}

/// Sentences as items of a list, each wrapped and led by a sign.
fn items(sentences: &[String], sign: &'static str, style: ratatui::style::Style, columns: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for sentence in sentences {
        let mut sign = sign;
        for part in super::widget::wrap(sentence, columns.saturating_sub(2)) {
            lines.push(Line::from(vec![Span::styled(format!("{sign} "), style), Span::raw(part)]));
            sign = " ";
        }
    }
    lines
}

/// A line of words cut to the width.
fn line(words: &str, area: Rect) -> Line<'static> {
    Line::from(clip(words, usize::from(area.width)))
}

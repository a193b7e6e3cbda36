//! Jobs that were interrupted.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::Scrolled;
use crate::ui::hit::List;
use crate::ui::model::{Model, Waiting};
use crate::ui::text;
use crate::ui::widget::{clip, first_visible, pad, paint, pairs, wrap};

/// Below this height the list counts more than what the help says as well.
const LOW: u16 = 12;

/// The words above the list.
fn head(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let theme = model.theme;
    let (title, why) = words(model);
    let mut lines = vec![Line::styled(title, theme.strong()), Line::default()];
    if area.height >= LOW {
        let columns = usize::from(area.width);
        lines.extend(wrap(why, columns).into_iter().map(Line::from));
        // The list below stays where it is, whichever of them is chosen.
        let longest = [text::INTERRUPTED_WHY, text::INTERRUPTED_RESTORE_WHY].map(|why| wrap(why, columns).len());
        lines.resize(3 + longest.into_iter().max().unwrap_or(0), Line::default());
    }
    lines
}

/// What the chosen job is: one that has a journal, or a restore.
fn words(model: &Model) -> (&'static str, &'static str) {
    let jobs = &model.interrupted;
    match jobs.jobs.get(jobs.cursor) {
        Some(job) if !job.can_roll_back => (text::INTERRUPTED_RESTORE_TITLE, text::INTERRUPTED_RESTORE_WHY),
        _ => (text::INTERRUPTED_TITLE, text::INTERRUPTED_WHY),
    }
}

/// Where the list begins, and how many of its lines fit; the details stand below it.
fn list(model: &Model, area: Rect) -> Rect {
    let above = u16::try_from(head(model, area).len()).unwrap_or(u16::MAX).min(area.height);
    let left = area.height - above;
    let wanted = u16::try_from(model.interrupted.jobs.len()).unwrap_or(u16::MAX);
    Rect { y: area.y + above, height: wanted.min((left / 2).max(1)).min(left), ..area }
}

/// How many lines of the list fit the screen.
pub(in crate::ui) fn page(model: &Model) -> usize {
    usize::from(list(model, super::body(model.size)).height)
}

/// Where the list is, for the mouse.
pub(super) fn hits(model: &Model) -> List {
    let jobs = &model.interrupted;
    List::new(model.clicked_top, list(model, super::body(model.size)), jobs.cursor, jobs.jobs.len())
}

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Scrolled {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let list = list(model, area);
    paint(head(model, area), 0, Rect { height: list.y - area.y, ..area }, buffer);
    let jobs = &model.interrupted.jobs;
    let page = usize::from(list.height);
    let first = first_visible(model.clicked_top, model.interrupted.cursor, jobs.len(), page);
    let lines = jobs.iter().enumerate().skip(first).take(page).map(|(index, job)| {
        let chosen = index == model.interrupted.cursor;
        let sign = if chosen { text::ACTIVE_SIGN } else { " " };
        let words = format!("{sign} {}", job_words(job));
        if chosen { Line::styled(pad(&words, columns), theme.selected()) } else { Line::from(clip(&words, columns)) }
    });
    paint(lines.collect(), 0, list, buffer);
    let below = Rect { y: list.bottom(), height: area.bottom().saturating_sub(list.bottom()), ..area };
    if let Some(job) = jobs.get(model.interrupted.cursor) {
        let mut lines = vec![Line::default()];
        lines.extend(wrap(&job.words, columns).into_iter().map(Line::from));
        lines.extend(pairs(&job.facts, columns, theme.quiet()));
        paint(lines, 0, below, buffer);
    }
    (jobs.len() > page).then_some((first, page, jobs.len()))
}

fn job_words(job: &Waiting) -> String {
    format!("{}   {}", job.address, job.words)
}

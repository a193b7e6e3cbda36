//! What will be done: the sentence, what must be known first, the disk before and after, the steps; then the numbers, and
//! at its end always the command line.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::pictures;
use crate::plan::{ChangeView, Safety, Step};
use crate::ui::form::FieldId;
use crate::ui::model::{Model, Proposal, Proposed, Task, Trouble};
use crate::ui::widget::{clip, pad, pairs, wrap};
use crate::ui::{overlay, text};

pub(super) fn lines(model: &Model, area: Rect) -> Vec<Line<'static>> {
    match &model.proposal {
        Proposal::None => Vec::new(),
        Proposal::Ready(plan) => plan_lines(model, plan, area),
        Proposal::Refused(trouble) => refusal_lines(model, trouble, usize::from(area.width)),
    }
}

/// From this height on there is room for headings and blank lines.
const TALL: usize = 30;

fn plan_lines(model: &Model, plan: &Proposed, area: Rect) -> Vec<Line<'static>> {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let shown = &plan.preview;
    let mut lines: Vec<Line<'static>> =
        wrap(&shown.headline, columns).into_iter().map(|part| Line::styled(part, theme.strong())).collect();
    let reset = reset_lines(model, columns);
    if !reset.is_empty() {
        lines.push(Line::default());
        lines.extend(reset);
    }
    if !shown.warnings.is_empty() {
        // In a low window the sign alone tells that these are warnings: what follows must be in sight, too.
        if usize::from(area.height) >= TALL {
            lines.extend(super::heading(model, text::WARNINGS));
        }
        lines.extend(super::items(&shown.warnings, "!", theme.warning(), columns));
    }
    lines.extend(pictures::layouts(model, &plan.pictures, columns));
    lines.extend(super::heading(model, text::STEPS));
    for (index, step) in shown.steps.iter().enumerate() {
        lines.extend(step_lines(model, index + 1, step, columns));
    }
    lines.extend(pictures::map(model, &plan.pictures, columns));
    lines.extend(super::heading(model, text::FACTS));
    lines.extend(pairs(&shown.facts, columns, theme.quiet()));
    if !shown.changes.is_empty() {
        lines.extend(super::heading(model, text::CHANGES));
        lines.extend(shown.changes.iter().flat_map(|change| change_lines(model, change, columns)));
    }
    lines.extend(super::heading(model, text::COMMAND));
    lines.extend(wrap(&shown.command, columns).into_iter().map(Line::from));
    lines.push(Line::default());
    let press = if plan.confirm.is_some() { text::PRESS_CONFIRM } else { text::PRESS_START };
    lines.push(Line::styled(press, theme.accent()));
    lines
}

/// What a factory reset means for who has never seen one.
fn reset_lines(model: &Model, columns: usize) -> Vec<Line<'static>> {
    let Some(image) = model.image.as_ref().filter(|_| model.task == Task::Reset) else { return Vec::new() };
    let mut words = text::reset_means(&image.created);
    if !model.form.switch(FieldId::DropImages) {
        words = format!("{words} {}", text::RESET_STAY);
    }
    wrap(&words, columns).into_iter().map(Line::from).collect()
}

/// Below this width what a step does stands under its title.
const NARROW: usize = 60;

fn step_lines(model: &Model, number: usize, step: &Step, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let style = match step.safety {
        Safety::Reads => theme.quiet(),
        Safety::Creates => theme.good(),
        Safety::Overwrites => theme.bad(),
    };
    let bytes = if step.bytes == 0 { String::new() } else { text::bytes(step.bytes) };
    let safety = Span::styled(text::safety(step.safety), style);
    let is_narrow = columns < NARROW;
    let room = if is_narrow { columns } else { columns.saturating_sub(10 + 2 + 15) };
    // What is done to the disk is never cut: a long title goes on below.
    let titles = wrap(&step.title, room.saturating_sub(4)).into_iter().enumerate();
    let mut lines: Vec<Line<'static>> = titles
        .map(|(line, part)| if line == 0 { format!("{number}. {part}") } else { format!("   {part}") })
        .map(Line::from)
        .collect();
    if is_narrow {
        lines.push(Line::from(vec![Span::raw(format!("   {bytes:<10}  ")), safety]));
    } else if let Some(first) = lines.first_mut() {
        let title: String = first.spans.iter().map(|span| span.content.as_ref()).collect();
        *first = Line::from(vec![Span::raw(pad(&title, room)), Span::raw(format!("{bytes:>10}  ")), safety]);
    }
    lines
}

/// Changed places that are listed for a step; the log has all.
const LISTED: usize = 24;

/// What a step changes, place by place.
fn change_lines(model: &Model, change: &ChangeView, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let mut lines = vec![Line::from(clip(&change.title, columns))];
    for patch in change.patches.iter().take(LISTED) {
        let words = format!("  {:>9}  {}", text::bytes(patch.bytes), patch.tags.join("; "));
        lines.push(Line::styled(clip(&words, columns), theme.quiet()));
    }
    let more = change.patches.len().saturating_sub(LISTED);
    lines.extend((more > 0).then(|| Line::styled(text::more_places(more), theme.quiet())));
    lines
}

fn refusal_lines(model: &Model, trouble: &Trouble, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let title = if trouble.refused { text::REFUSED_TITLE } else { text::TROUBLE_TITLE };
    let mut lines = vec![Line::styled(format!("x {title}"), theme.bad().patch(theme.strong())), Line::default()];
    lines.extend(overlay::trouble_lines(theme, trouble, columns));
    lines.push(Line::default());
    lines.push(Line::styled(text::NOTHING_WRITTEN, theme.quiet()));
    lines
}

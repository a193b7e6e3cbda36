//! What will be done, and the word that confirms it.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::plan::{ChangeView, Safety, Step};
use crate::ui::form::FieldId;
use crate::ui::model::{Job, Model, Proposal, Proposed, Task, Trouble};
use crate::ui::widget::{clip, pad, pairs, typed, width, wrap};
use crate::ui::{overlay, text};

pub(super) fn lines(model: &Model, area: Rect) -> Vec<Line<'static>> {
    match &model.proposal {
        Proposal::None => Vec::new(),
        Proposal::Ready(plan) => plan_lines(model, plan, usize::from(area.width)),
        Proposal::Refused(trouble) => refusal_lines(model, trouble, usize::from(area.width)),
    }
}

fn plan_lines(model: &Model, plan: &Proposed, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let shown = &plan.preview;
    let mut lines: Vec<Line<'static>> =
        wrap(&shown.headline, columns).into_iter().map(|part| Line::styled(part, theme.strong())).collect();
    lines.push(Line::default());
    lines.extend(reset_lines(model, columns));
    lines.extend(pairs(&shown.facts, columns, theme.quiet()));
    if !shown.warnings.is_empty() {
        lines.extend(super::heading(model, text::WARNINGS));
        lines.extend(super::items(&shown.warnings, "!", theme.warning(), columns));
    }
    lines.extend(super::heading(model, text::STEPS));
    for (index, step) in shown.steps.iter().enumerate() {
        lines.extend(step_lines(model, index + 1, step, columns));
    }
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
    let mut lines: Vec<Line<'static>> = wrap(&words, columns).into_iter().map(Line::from).collect();
    lines.push(Line::default());
    lines
}

fn step_lines(model: &Model, number: usize, step: &Step, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let style = match step.safety {
        Safety::Reads => theme.quiet(),
        Safety::Creates => theme.good(),
        Safety::Overwrites => theme.bad(),
    };
    let bytes = if step.bytes == 0 { String::new() } else { text::bytes(step.bytes) };
    let room = columns.saturating_sub(10 + 2 + 15);
    // What is done to the disk is never cut: a long title goes on below.
    let mut titles = wrap(&step.title, room.saturating_sub(4)).into_iter();
    let first = format!("{number}. {}", titles.next().unwrap_or_default());
    let mut lines = vec![Line::from(vec![
        Span::raw(pad(&first, room)),
        Span::raw(format!("{bytes:>10}  ")),
        Span::styled(text::safety(step.safety), style),
    ])];
    lines.extend(titles.map(|part| Line::from(format!("   {part}"))));
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

/// The confirm screen.
pub(super) fn confirm_lines(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let Proposal::Ready(plan) = &model.proposal else { return Vec::new() };
    let word = plan.confirm.clone().unwrap_or_default();
    let (title, question) = match plan.job {
        Job::Resume => (text::CONFIRM_RESUME_TITLE, text::confirm_resume(&word)),
        Job::Keep => (text::CONFIRM_KEEP_TITLE, text::confirm_resume(&word)),
        _ => (text::CONFIRM_TITLE, text::confirm_type(&word)),
    };
    let mut asking = vec![Line::styled(title, theme.bad().patch(theme.strong())), Line::default()];
    asking.extend(wrap(&question, columns).into_iter().map(Line::from));
    asking.push(Line::default());
    let room = columns.saturating_sub(4).min(width(&word).max(20) + 8);
    let mut entry = typed(theme, &model.typed, room, true);
    entry.spans.insert(0, Span::styled("  > ", theme.accent()));
    asking.push(entry);
    asking.push(Line::default());
    if model.wrong {
        asking.push(Line::styled(clip(&format!("x {}", text::CONFIRM_WRONG), columns), theme.bad()));
    }
    asking.push(Line::styled(clip(text::CONFIRM_NEXT, columns), theme.quiet()));

    let mut about: Vec<Line<'static>> = wrap(&plan.preview.headline, columns).into_iter().map(Line::from).collect();
    about.push(Line::default());
    about.extend(super::items(&plan.preview.warnings, "!", theme.warning(), columns));
    about.push(Line::default());
    // What is asked must be in sight; what it is about was seen in full on the preview.
    if about.len() + asking.len() > usize::from(area.height) {
        asking.push(Line::default());
        asking.extend(about);
        return asking;
    }
    about.extend(asking);
    about
}

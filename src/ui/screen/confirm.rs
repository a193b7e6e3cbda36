//! The word that confirms what will be done.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::ui::model::{Job, Model, Proposal};
use crate::ui::text;
use crate::ui::widget::{clip, cut, typed, width, wrap};

/// Below this height there are no blank lines.
const LOW: usize = 14;

/// What is asked, and what it is about.
pub(super) fn lines(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let Proposal::Ready(plan) = &model.proposal else { return Vec::new() };
    let word = plan.confirm.clone().unwrap_or_default();
    let (title, question) = match plan.job {
        Job::Resume => (text::CONFIRM_RESUME_TITLE, text::confirm_resume(&word)),
        Job::Keep => (text::CONFIRM_KEEP_TITLE, text::confirm_resume(&word)),
        _ => (text::CONFIRM_TITLE, text::confirm_type(&word)),
    };
    let style = theme.bad().patch(theme.strong());
    let title: Vec<Line<'static>> = wrap(title, columns).into_iter().map(|part| Line::styled(part, style)).collect();
    let question: Vec<Line<'static>> = wrap(&question, columns).into_iter().map(Line::from).collect();
    let room = columns.saturating_sub(4).min(width(&word).max(20) + 8);
    let mut entry = typed(theme, &model.typed, room, true);
    entry.spans.insert(0, Span::styled("  > ", theme.accent()));
    let wrong = if model.wrong { wrap(&format!("x {}", text::CONFIRM_WRONG), columns) } else { Vec::new() };
    let wrong: Vec<Line<'static>> = wrong.into_iter().map(|part| Line::styled(part, theme.bad())).collect();
    let next = Line::styled(clip(text::CONFIRM_NEXT, columns), theme.quiet());

    let about: Vec<Line<'static>> = wrap(&plan.preview.headline, columns).into_iter().map(Line::from).collect();
    let lost = super::items(&plan.preview.warnings, "!", theme.warning(), columns);
    let blank = || vec![Line::default()];
    let asked = [question, blank(), vec![entry], blank(), wrong, vec![next]];
    let all = [about.clone(), blank(), lost.clone(), blank(), title.clone(), blank(), asked.concat()].concat();
    let height = usize::from(area.height);
    if all.len() <= height {
        return all;
    }
    // What a restore takes away is in its warnings, what else is changed in the headline.
    let about = if plan.job == Job::Restore && !lost.is_empty() { lost } else { [about, lost].concat() };
    if height >= LOW {
        let asked = [blank(), asked.concat()].concat();
        let room = height.saturating_sub(asked.len());
        return [cut([about, blank(), title].concat(), room, columns), asked].concat();
    }
    let [question, _, entry, _, wrong, next] = asked;
    low(&title, about, [question, entry, wrong].concat(), next, area)
}

/// In a low window: what is lost, as much of it as there is room for, and what is asked, all of it. The preview has
/// shown the rest.
fn low(
    title: &[Line<'static>],
    about: Vec<Line<'static>>,
    asked: Vec<Line<'static>>,
    next: Vec<Line<'static>>,
    area: Rect,
) -> Vec<Line<'static>> {
    let (columns, height) = (usize::from(area.width), usize::from(area.height));
    let room = height.saturating_sub(asked.len());
    // The title gives way: what it is about says the same of this one disk.
    let about = if title.len() + about.len() <= room { [title, &about].concat() } else { about };
    let mut lines = cut(about, room, columns);
    let spare = room - lines.len().min(room);
    lines.extend((spare > 0).then(Line::default));
    lines.extend(asked);
    lines.extend(next.into_iter().take(spare.saturating_sub(1)));
    lines
}

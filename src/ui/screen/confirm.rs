//! The word that confirms what will be done.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::ui::model::{Job, Model, Proposal};
use crate::ui::text;
use crate::ui::widget::{clip, typed, width, wrap};

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
    let mut asking = vec![Line::styled(title, theme.bad().patch(theme.strong())), Line::default()];
    asking.extend(wrap(&question, columns).into_iter().map(Line::from));
    asking.push(Line::default());
    let room = columns.saturating_sub(4).min(width(&word).max(20) + 8);
    let mut entry = typed(theme, &model.typed, room, true);
    entry.spans.insert(0, Span::styled("  > ", theme.accent()));
    asking.push(entry);
    asking.push(Line::default());
    if model.wrong {
        let wrong = wrap(&format!("x {}", text::CONFIRM_WRONG), columns);
        asking.extend(wrong.into_iter().map(|part| Line::styled(part, theme.bad())));
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

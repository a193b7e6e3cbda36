//! A text field.

use ratatui::text::{Line, Span};

use super::words::{clip, width};
use crate::ui::input::Input;
use crate::ui::text;
use crate::ui::theme::Theme;

/// The field's text around the cursor in `columns`; the cursor is drawn when the field is `active`.
pub(in crate::ui) fn typed(theme: Theme, input: &Input, columns: usize, active: bool) -> Line<'static> {
    if !active {
        return Line::from(clip(input.text(), columns));
    }
    let (before, after) = input.halves();
    let (before, after) = (text::clean(before), text::clean(after));
    // The end before the cursor matters more than the beginning.
    let mut shown = before.as_str();
    while width(shown) + 2 > columns {
        let mut chars = shown.chars();
        if chars.next().is_none() {
            break;
        }
        shown = chars.as_str();
    }
    let mut rest = after.chars();
    let under = rest.next().unwrap_or(' ');
    let room = columns.saturating_sub(width(shown) + 2);
    let tail = if rest.as_str().is_empty() { String::new() } else { clip(rest.as_str(), room) };
    Line::from(vec![Span::raw(shown.to_owned()), Span::styled(under.to_string(), theme.selected()), Span::raw(tail)])
}

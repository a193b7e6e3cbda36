//! A framed panel over the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Widget};

use super::list::paint;
use super::words::cut;
use crate::ui::theme::Theme;

/// How wide the text of a panel is on a screen of this width.
fn columns(screen: Rect) -> u16 {
    screen.width.saturating_sub(8).min(72)
}

/// How many columns and lines of text a panel can show.
pub(in crate::ui) fn popup_rows(screen: Rect) -> (usize, usize) {
    (usize::from(columns(screen)), usize::from(screen.height.saturating_sub(6)))
}

/// The text of a panel that asks something, with the keys that answer always in sight.
pub(in crate::ui) fn asked(question: Vec<Line<'static>>, keys: Line<'static>, screen: Rect) -> Vec<Line<'static>> {
    let (columns, rows) = popup_rows(screen);
    let has_room = question.len() + 2 <= rows;
    let mut lines = cut(question, rows.saturating_sub(1), columns);
    lines.extend(has_room.then(Line::default));
    lines.push(keys);
    lines
}

/// Draws a panel with a title, its lines from `first` on.
pub(in crate::ui) fn popup(
    theme: Theme,
    title: &str,
    tone: Style,
    lines: Vec<Line<'static>>,
    first: usize,
    buffer: &mut Buffer,
) {
    let screen = buffer.area;
    let (_, rows) = popup_rows(screen);
    let height = u16::try_from(lines.len().clamp(1, rows.max(1))).unwrap_or(1).saturating_add(2);
    let width = columns(screen).saturating_add(4).min(screen.width);
    let height = height.min(screen.height);
    let area = Rect::new((screen.width - width) / 2, (screen.height - height) / 2, width, height);
    Clear.render(area, buffer);
    let title = Line::from(Span::styled(format!(" {title} "), tone.patch(theme.strong())));
    Block::bordered().border_type(BorderType::Plain).border_style(tone).title(title).render(area, buffer);
    let inner = Rect::new(area.x + 2, area.y + 1, area.width.saturating_sub(4), area.height.saturating_sub(2));
    paint(lines, first, inner, buffer);
}

//! The model as a picture. Pure: reads nothing but the model, changes nothing.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::model::Model;
use super::widget::{paint, wrap};
use super::{overlay, screen, text};

/// The smallest window that shows a screen at all; 80 × 24 shows it well.
const SMALLEST: (u16, u16) = (40, 12);

/// True for a window in which only a plain sentence is shown.
pub(super) fn is_too_small(area: Rect) -> bool {
    area.width < SMALLEST.0 || area.height < SMALLEST.1
}

/// Draws the model.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    if is_too_small(area) {
        let lines = wrap(text::TOO_SMALL, usize::from(area.width)).into_iter().map(Into::into).collect();
        paint(lines, 0, Rect::new(0, 0, area.width, area.height), buffer);
    } else {
        screen::draw(model, buffer);
        overlay::draw(model, buffer);
    }
    model.theme.settle(frame.buffer_mut());
}

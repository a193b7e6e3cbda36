//! What is wrong, and what can be done about it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Scrolled;
use crate::ui::model::Model;

pub(super) fn draw(_model: &Model, _area: Rect, _buffer: &mut Buffer) -> Scrolled {
    None
}

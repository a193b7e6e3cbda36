//! The folders and files of a volume or image.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Scrolled;
use crate::ui::model::Model;

pub(super) fn draw(_model: &Model, _area: Rect, _buffer: &mut Buffer) -> Scrolled {
    None
}

/// What is in one file.
pub(super) fn draw_peek(_model: &Model, _area: Rect, _buffer: &mut Buffer) -> Scrolled {
    None
}

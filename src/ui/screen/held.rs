//! Who holds a disk that is in use.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Scrolled;
use crate::ui::model::Model;

pub(super) fn draw(_model: &Model, _area: Rect, _buffer: &mut Buffer) -> Scrolled {
    None
}

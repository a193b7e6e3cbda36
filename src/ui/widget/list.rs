//! Lines from some place on, with the chosen one in sight.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget;

/// The first line shown of a list, so that the chosen one stands in the middle where it can.
pub(in crate::ui) fn first_visible(cursor: usize, len: usize, page: usize) -> usize {
    cursor.saturating_sub(page / 2).min(len.saturating_sub(page))
}

/// Paints the lines from `first` on into an area, as many as fit.
pub(in crate::ui) fn paint(lines: Vec<Line<'static>>, first: usize, area: Rect, buffer: &mut Buffer) {
    for (line, row) in lines.into_iter().skip(first).zip(area.rows()) {
        line.render(row, buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_line_is_always_in_sight() {
        for len in 0..30 {
            for page in 1..12 {
                for cursor in 0..len {
                    let first = first_visible(cursor, len, page);
                    assert!(first <= cursor && cursor < first + page, "{cursor} of {len} by {page}");
                }
            }
        }
    }
}

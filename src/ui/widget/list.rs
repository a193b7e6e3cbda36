//! Lines from some place on, with the chosen one in sight.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget;

/// The first line shown of a list: the one that a click holds, as long as the chosen one is in sight from there; else
/// so that the chosen one stands in the middle where it can.
pub(in crate::ui) fn first_visible(held: Option<usize>, cursor: usize, len: usize, page: usize) -> usize {
    let last = len.saturating_sub(page);
    let shows_it = |first: &usize| *first <= last && (*first..*first + page).contains(&cursor);
    held.filter(shows_it).unwrap_or_else(|| cursor.saturating_sub(page / 2).min(last))
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
                    for held in [None, Some(0), Some(len / 2), Some(usize::MAX / 2)] {
                        let first = first_visible(held, cursor, len, page);
                        assert!(first <= cursor && cursor < first + page, "{cursor} of {len} by {page}");
                        assert!(first == 0 || first + page <= len, "no line is left empty");
                    }
                }
            }
        }
    }

    #[test]
    fn a_held_list_does_not_move_while_the_chosen_line_is_in_sight() {
        for cursor in 7..17 {
            assert_eq!(first_visible(Some(7), cursor, 30, 10), 7);
        }
        assert_eq!(first_visible(Some(7), 17, 30, 10), 12);
        assert_eq!(first_visible(None, 9, 30, 10), 4);
    }
}

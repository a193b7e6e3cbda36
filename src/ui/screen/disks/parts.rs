//! Where the parts of the disks screen go: the list first, then the disk's layout, then what is known of the chosen
//! line, then its clusters; and what gives way where there is little room.

use ratatui::layout::Rect;

use crate::ui::model::DiskPane;

/// From this width on the details stand beside the list.
const WIDE: u16 = 112;
/// How wide the details then are, at least and at most.
const DETAILS: (u16, u16) = (44, 72);
/// The lines of a layout bar.
const BAR: u16 = 3;
/// A list shorter than this (or none yet, with its three lines of words) keeps the room of so many lines.
const FEWEST: u16 = 4;
/// What the details or the map get below the list, heading included.
const PANE: u16 = 8;
/// From this height on details and map have room one below the other.
const BOTH: u16 = 18;
/// Below the list, from this height on, there is room for the map as well.
const TALL: u16 = 20;

/// The places of the parts; one without height is not shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Parts {
    /// What is under way, and the columns' names.
    pub(super) head: Rect,
    pub(super) list: Rect,
    pub(super) bar: Rect,
    /// Above the details or the map.
    pub(super) title: Rect,
    pub(super) details: Rect,
    /// Above the map, where it does not share its place with the details.
    pub(super) map_title: Rect,
    pub(super) map: Rect,
    /// The details and the map take turns.
    pub(super) in_turn: bool,
}

/// The parts in an area, for a list of so many lines.
pub(super) fn parts(area: Rect, rows: usize, pane: DiskPane) -> Parts {
    let (head, below) = cut(area, 2);
    let rows = u16::try_from(rows).unwrap_or(u16::MAX).max(FEWEST);
    let placed = if area.width >= WIDE { beside(below, rows) } else { below_each_other(below, rows, pane) };
    let mut parts = Parts { head, ..placed };
    if parts.in_turn && pane == DiskPane::Map {
        (parts.map, parts.details) = (parts.details, Rect { height: 0, ..parts.details });
    }
    parts
}

/// The list at the left, the details at the right; layout and map below both, over the whole width.
fn beside(area: Rect, rows: u16) -> Parts {
    let details_width = (area.width * 3 / 8).clamp(DETAILS.0, DETAILS.1);
    let is_tall = area.height >= TALL;
    let has_bar = area.height >= BAR + FEWEST + 2;
    // The list gets what it needs, up to half of the height; the map likes all that is left.
    let upper = match (is_tall, has_bar) {
        (true, _) => rows.clamp(area.height / 3, area.height / 2),
        (false, true) => area.height - BAR,
        (false, false) => area.height,
    };
    let (upper, lower) = cut(area, upper);
    let list = Rect { width: upper.width - details_width - 2, ..upper };
    let side = Rect { x: list.right() + 2, width: details_width, ..upper };
    let (title, details) = cut(side, 1);
    let (bar, rest) = cut(lower, if has_bar { BAR } else { 0 });
    let (map_title, map) = cut(rest, 1);
    Parts { list, bar, title, details, map_title, map, in_turn: !is_tall, ..Parts::default() }
}

/// One column.
fn below_each_other(area: Rect, rows: u16, pane: DiskPane) -> Parts {
    let height = area.height;
    if height < BAR + FEWEST + PANE - 1 {
        // Too little for the bar. The list keeps what matters most in sight; the map only makes sense with some room.
        let share = if pane == DiskPane::Map { height.saturating_sub(3) } else { height / 3 };
        let (list, rest) = cut(area, height - share);
        let (title, details) = cut(rest, u16::from(share >= 4));
        return Parts { list, title, details, in_turn: true, ..Parts::default() };
    }
    let most = height - BAR - PANE.max(height * 2 / 5);
    let (list, rest) = cut(area, rows.min(most));
    let (bar, rest) = cut(rest, BAR);
    let (title, rest) = cut(rest, 1);
    if rest.height < BOTH {
        return Parts { list, bar, title, details: rest, in_turn: true, ..Parts::default() };
    }
    let (details, rest) = cut(rest, rest.height * 2 / 5);
    let (map_title, map) = cut(rest, 1);
    Parts { list, bar, title, details, map_title, map, ..Parts::default() }
}

/// The first lines of an area, and the others.
fn cut(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    (Rect { height, ..area }, Rect { y: area.y + height, height: area.height - height, ..area })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::screen::body;

    fn at(columns: u16, rows: u16, lines: usize, pane: DiskPane) -> Parts {
        parts(body((columns, rows)), lines, pane)
    }

    #[test]
    fn the_list_and_something_of_the_chosen_line_are_always_in_sight() {
        for columns in [40, 60, 79, 80, 115, 116, 120, 160, 240] {
            for rows in 12..=80 {
                for lines in [0, 1, 7, 40, 500] {
                    for pane in [DiskPane::Details(0), DiskPane::Map] {
                        let body = body((columns, rows));
                        let parts = at(columns, rows, lines, pane);
                        let all = [parts.head, parts.list, parts.bar, parts.title, parts.details, parts.map];
                        assert!(
                            all.iter().all(|part| part.height == 0 || body.intersection(*part) == *part),
                            "{columns} × {rows}: {parts:?}"
                        );
                        assert!(parts.list.height >= 3, "{columns} × {rows}: {parts:?}");
                        assert!(parts.details.height.max(parts.map.height) >= 2, "{columns} × {rows}: {parts:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_usual_screen_has_list_layout_and_details() {
        let parts = at(80, 24, 40, DiskPane::Details(0));
        assert_eq!((parts.list.height, parts.bar.height, parts.title.height, parts.details.height), (7, 3, 1, 7));
        let map = at(80, 24, 40, DiskPane::Map);
        assert_eq!((map.map, map.details.height), (parts.details, 0));
        let large = at(120, 40, 9, DiskPane::Details(0));
        assert!(large.map.height >= 8 && large.details.height >= 9 && !large.in_turn, "{large:?}");
        let tall = at(80, 50, 9, DiskPane::Details(0));
        assert!(tall.map.height >= 8 && tall.details.height >= 7 && !tall.in_turn, "{tall:?}");
    }
}

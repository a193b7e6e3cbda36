//! A disk as a bar: its partitions in proportion, what was found without one, and the gaps.
//!
//! ```text
//! ┌1──────┬2────────────────────────┬lost────┬────────────┐
//! │ fat32 │ ntfs Windows 80.0 GiB ■ │▒ ext4 ▒│··· free ···│
//! └───────┴────────────▲────────────┴────────┴────────────┘
//! ```

use ratatui::text::{Line, Span};

use super::words::{clip, pad, width};
use crate::inventory::{Layout, Piece, PieceKind};
use crate::ui::text;
use crate::ui::theme::Theme;

/// A bar narrower than this says nothing.
const NARROWEST: usize = 5;

/// The bar in three lines of `columns`. The piece that begins at the byte `chosen` is marked; a gap never is.
///
/// Where there are so many pieces that not every one gets a cell of its own between two borders, the borders are left
/// out, and each cell shows what most of its stretch is.
pub(in crate::ui) fn layout_bar(
    theme: Theme,
    layout: &Layout,
    chosen: Option<u64>,
    columns: usize,
) -> Vec<Line<'static>> {
    if columns < NARROWEST {
        return Vec::new();
    }
    let inner = columns - 2;
    if layout.pieces.is_empty() {
        let frame = [("┌", "┐"), ("│", "│"), ("└", "┘")];
        let row =
            |(left, right): (&str, &str)| format!("{left}{}{right}", if left == "│" { " " } else { "─" }.repeat(inner));
        return frame.into_iter().map(|ends| Line::styled(row(ends), theme.quiet())).collect();
    }
    let is_chosen = |piece: &Piece| piece.kind != PieceKind::Gap && chosen == Some(piece.start);
    match inner.checked_sub(layout.pieces.len() - 1).filter(|cells| *cells >= layout.pieces.len()) {
        Some(cells) => framed(theme, &layout.pieces, &shares(&layout.pieces, cells), &is_chosen),
        None => dense(theme, layout, inner, &is_chosen),
    }
}

/// How many of `cells` each piece gets: in proportion, and at least one.
fn shares(pieces: &[Piece], cells: usize) -> Vec<usize> {
    let all: u128 = pieces.iter().map(|piece| u128::from(piece.bytes)).sum::<u128>().max(1);
    let exact = |piece: &Piece| u128::from(piece.bytes) * cells as u128 * 1000 / all;
    let exact: Vec<u128> = pieces.iter().map(exact).collect();
    let mut widths: Vec<usize> =
        exact.iter().map(|exact| usize::try_from(exact / 1000).unwrap_or(cells).max(1)).collect();
    let mut sum: usize = widths.iter().sum();
    // Small pieces were rounded up: the widest give that back. Others were rounded down: who lost most gets a cell.
    while sum > cells {
        let Some(widest) = (0..widths.len()).max_by_key(|index| widths[*index]) else { break };
        widths[widest] -= 1;
        sum -= 1;
    }
    while sum < cells {
        let missing = |index: &usize| exact[*index].saturating_sub(widths[*index] as u128 * 1000);
        let Some(poorest) = (0..widths.len()).max_by_key(missing) else { break };
        widths[poorest] += 1;
        sum += 1;
    }
    widths
}

fn framed(theme: Theme, pieces: &[Piece], widths: &[usize], is_chosen: &dyn Fn(&Piece) -> bool) -> Vec<Line<'static>> {
    let (mut top, mut middle, mut bottom) = (Vec::new(), Vec::new(), Vec::new());
    let border = |text: String| Span::styled(text, theme.quiet());
    for (index, (piece, width)) in pieces.iter().zip(widths).enumerate() {
        let ends = if index == 0 { ["┌", "│", "└"] } else { ["┬", "│", "┴"] };
        let style = if is_chosen(piece) { theme.accent().patch(theme.strong()) } else { theme.text() };
        let name = name(piece, *width);
        top.push(border(ends[0].to_owned()));
        top.push(Span::styled(name.clone(), style));
        top.push(border("─".repeat(width.saturating_sub(name.chars().count()))));
        middle.push(border(ends[1].to_owned()));
        middle.push(inside(theme, piece, *width, is_chosen(piece)));
        bottom.push(border(ends[2].to_owned()));
        if is_chosen(piece) {
            let before = (width - 1) / 2;
            bottom.push(border("─".repeat(before)));
            bottom.push(Span::styled("▲", style));
            bottom.push(border("─".repeat(width - 1 - before)));
        } else {
            bottom.push(border("─".repeat(*width)));
        }
    }
    for (line, end) in [(&mut top, "┐"), (&mut middle, "│"), (&mut bottom, "┘")] {
        line.push(border(end.to_owned()));
    }
    vec![Line::from(top), Line::from(middle), Line::from(bottom)]
}

/// What stands in the frame above a piece, as far as there is room: its number, or that no table names it.
fn name(piece: &Piece, width: usize) -> String {
    let names = match piece.kind {
        PieceKind::Found => [text::BAR_FOUND.to_owned(), text::BAR_FOUND_SHORT.to_owned()],
        _ if piece.number > 0 => [piece.number.to_string(), String::new()],
        _ => [String::new(), String::new()],
    };
    names.into_iter().find(|name| name.chars().count() <= width).unwrap_or_default()
}

/// A piece's stretch of the bar: what it is, in as many words as fit.
fn inside(theme: Theme, piece: &Piece, columns: usize, chosen: bool) -> Span<'static> {
    let (fill, bare, style) = match piece.kind {
        PieceKind::Partition | PieceKind::Whole => (" ", "█", theme.text()),
        PieceKind::Found => ("▒", "▒", theme.warning()),
        PieceKind::Gap => ("·", "·", theme.quiet()),
    };
    // Between the words and the borders stays a blank, and where the fill tells something, one sign of it.
    let margin = if fill == " " { 2 } else { 4 };
    let words = captions(piece).into_iter().find(|words| !words.is_empty() && width(words) + margin <= columns);
    let shown = match words {
        Some(words) if fill == " " => pad(&format!(" {words}"), columns),
        Some(words) => middle(&format!(" {words} "), fill, columns),
        None if piece.has_images && columns > 0 => middle(text::SIGN_IMAGE, fill, columns),
        None => bare.repeat(columns),
    };
    Span::styled(shown, if chosen { theme.selected() } else { style })
}

/// `words` in the middle of `columns`, the rest filled.
fn middle(words: &str, fill: &str, columns: usize) -> String {
    let rest = columns.saturating_sub(width(words));
    format!("{}{words}{}", fill.repeat(rest / 2), fill.repeat(rest - rest / 2))
}

/// What can be said of a piece, most words first.
fn captions(piece: &Piece) -> Vec<String> {
    let size = text::bytes(piece.bytes);
    if piece.kind == PieceKind::Gap {
        return vec![text::bar_gap(&size), text::BAR_GAP.to_owned()];
    }
    let kind = piece.volume.map_or(text::BAR_UNKNOWN, crate::fs::Kind::name);
    let label = piece.label.as_deref().map(|label| clip(label, MAX_LABEL)).unwrap_or_default();
    let join = |words: &[&str]| {
        let words: Vec<&str> = words.iter().filter(|word| !word.is_empty()).copied().collect();
        words.join(" ")
    };
    let (sign, images) = if piece.has_images { (text::SIGN_IMAGE, text::BAR_IMAGES) } else { ("", "") };
    vec![
        join(&[kind, &label, &size, images]),
        join(&[kind, &label, &size, sign]),
        join(&[kind, &label, sign]),
        join(&[kind, &size, sign]),
        join(&[kind, sign]),
        sign.to_owned(),
    ]
}

/// Longer labels are cut, so that the other words still fit.
const MAX_LABEL: usize = 24;

/// One cell after the other, without borders: each shows what begins in it or most of it is.
fn dense(theme: Theme, layout: &Layout, inner: usize, is_chosen: &dyn Fn(&Piece) -> bool) -> Vec<Line<'static>> {
    let all = layout.pieces.iter().map(|piece| piece.start.saturating_add(piece.bytes)).max().unwrap_or(0);
    let all = u128::from(all.max(layout.bytes).max(1));
    let edge = |cell: usize| u64::try_from(all * cell as u128 / inner as u128).unwrap_or(u64::MAX);
    let border = |text: String| Span::styled(text, theme.quiet());
    let (mut middle, mut bottom) = (vec![border("│".to_owned())], vec![border("└".to_owned())]);
    for cell in 0..inner {
        let (from, to) = (edge(cell), edge(cell + 1).max(edge(cell) + 1));
        let overlap =
            |piece: &Piece| piece.start.saturating_add(piece.bytes).min(to).saturating_sub(piece.start.max(from));
        let here = layout.pieces.iter().enumerate().filter(|(_, piece)| overlap(piece) > 0);
        let most = here.max_by_key(|(_, piece)| (is_chosen(piece), overlap(piece)));
        let (sign, style, chosen) = match most {
            Some((_, piece)) if piece.kind == PieceKind::Gap => ("·", theme.quiet(), false),
            Some((_, piece)) if piece.kind == PieceKind::Found => ("▒", theme.warning(), is_chosen(piece)),
            // Neighbours differ, since no border stands between them.
            Some((index, piece)) => (if index % 2 == 0 { "█" } else { "▓" }, theme.text(), is_chosen(piece)),
            None => ("·", theme.quiet(), false),
        };
        middle.push(Span::styled(sign, if chosen { theme.selected() } else { style }));
        bottom.push(if chosen { Span::styled("▲", theme.accent()) } else { border("─".to_owned()) });
    }
    middle.push(border("│".to_owned()));
    bottom.push(border("┘".to_owned()));
    vec![Line::from(border(format!("┌{}┐", "─".repeat(inner)))), Line::from(middle), Line::from(bottom)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::Kind;

    fn piece(kind: PieceKind, number: u32, start_gib: u64, gib: u64) -> Piece {
        let volume = (kind != PieceKind::Gap).then_some(Kind::Ntfs);
        Piece { kind, number, start: start_gib << 30, bytes: gib << 30, volume, label: None, has_images: false }
    }

    fn disk() -> Layout {
        let mut windows = piece(PieceKind::Partition, 2, 1, 70);
        windows.label = Some("Windows".to_owned());
        windows.has_images = true;
        let lost = piece(PieceKind::Found, 0, 71, 9);
        Layout::new(100 << 30, vec![piece(PieceKind::Partition, 1, 0, 1), windows, lost])
    }

    fn drawn(layout: &Layout, chosen: Option<u64>, columns: usize) -> Vec<String> {
        let lines = layout_bar(Theme::default(), layout, chosen, columns);
        assert!(lines.iter().all(|line| line.width() == columns), "{columns}: {lines:#?}");
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_bar_shows_the_pieces_in_proportion_with_what_they_are() {
        assert_eq!(
            drawn(&disk(), Some(1 << 30), 76),
            [
                "┌1┬2─────────────────────────────────────────────────┬lost──┬──────────────┐",
                "│█│ ntfs Windows 70.0 GiB ■ images                   │▒▒▒▒▒▒│···· free ····│",
                "└─┴────────────────────────▲─────────────────────────┴──────┴──────────────┘",
            ]
        );
    }

    #[test]
    fn a_narrow_bar_says_less_and_keeps_every_piece() {
        assert_eq!(
            drawn(&disk(), Some(71 << 30), 36),
            [
                "┌1┬2────────────────────┬?──┬──────┐",
                "│█│ ntfs Windows ■      │▒▒▒│······│",
                "└─┴─────────────────────┴─▲─┴──────┘",
            ]
        );
    }

    #[test]
    fn no_size_and_no_number_of_pieces_breaks_the_frame() {
        let pieces = |count: u64| (0..count).map(|n| piece(PieceKind::Partition, n as u32 + 1, n, 1)).collect();
        for count in [0, 1, 2, 17, 40, 400] {
            let layout = Layout::new(500 << 30, pieces(count));
            for columns in [5, 6, 36, 80, 240] {
                drawn(&layout, Some(3 << 30), columns);
            }
            for columns in 0..NARROWEST {
                assert!(layout_bar(Theme::default(), &layout, None, columns).is_empty());
            }
        }
    }

    #[test]
    fn pieces_that_contradict_each_other_are_drawn_all_the_same() {
        let mut huge = piece(PieceKind::Partition, 1, 0, 1);
        huge.bytes = u64::MAX;
        let mut last = piece(PieceKind::Found, 0, 0, 0);
        last.start = u64::MAX;
        let layout = Layout { bytes: 0, pieces: vec![huge.clone(), huge, last] };
        for columns in [5, 7, 36, 240] {
            drawn(&layout, Some(u64::MAX), columns);
        }
    }

    #[test]
    fn of_more_pieces_than_cells_the_chosen_one_is_still_seen() {
        let pieces = (0..400).map(|n| piece(PieceKind::Partition, 1, n, 1)).collect();
        let lines = drawn(&Layout::new(400 << 30, pieces), Some(399 << 30), 40);
        assert!(lines[2].ends_with("▲┘"), "{lines:#?}");
    }
}

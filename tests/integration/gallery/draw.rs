//! A stage as a picture: its text at three sizes, and which style each piece of it has.

use lifeboat::ui::theme::Theme;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::super::journeys::stage::{Stage, lines};

/// The usual terminal, a large one, and the smallest that is drawn on at all.
pub(super) const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (40, 12)];

/// The stage's screen at a size, with a theme.
pub(super) fn drawn(stage: &Stage, size: (u16, u16), theme: Theme) -> Buffer {
    let mut stage = stage.clone();
    stage.model.theme = theme;
    stage.buffer(size.0, size.1)
}

/// All that a snapshot holds: the text at each size, and the styles of the usual one. Without colour the text is
/// the same, which the rules see to.
pub(super) fn album(stage: &Stage) -> String {
    let mut album = String::new();
    for size in SIZES {
        let buffer = drawn(stage, size, stage.model.theme);
        album.push_str(&format!("{} × {}\n\n{}\n", size.0, size.1, lines(&buffer)));
        if size == SIZES[0] {
            album.push_str(&format!("Styles: row, columns\n\n{}\n", styles(&buffer)));
        }
    }
    album
}

/// The pieces of a screen that are not ordinary text: `2  1-80 quiet`.
fn styles(buffer: &Buffer) -> String {
    let columns = usize::from(buffer.area.width).max(1);
    let rows = buffer.content.chunks(columns).enumerate().filter_map(|(index, cells)| {
        let pieces = pieces(cells);
        (!pieces.is_empty()).then(|| format!("{:>3}  {}\n", index + 1, pieces.join("  ")))
    });
    rows.collect()
}

fn pieces(cells: &[Cell]) -> Vec<String> {
    let styles = styles_of(cells);
    let mut pieces = Vec::new();
    let mut first = 0;
    while first < cells.len() {
        let style = &styles[first];
        let end = first + styles[first..].iter().take_while(|other| *other == style).count();
        // Blanks have no colour that one could see.
        let seen = |cell: &Cell| cell.symbol() != " " || cell.modifier.contains(Modifier::REVERSED);
        let from = cells[first..end].iter().position(seen);
        let to = cells[first..end].iter().rposition(seen);
        if let (Some(from), Some(to), false) = (from, to, style.is_empty()) {
            let (from, to) = (first + from + 1, first + to + 1);
            let place = if from == to { from.to_string() } else { format!("{from}-{to}") };
            pieces.push(format!("{place} {style}"));
        }
        first = end;
    }
    pieces
}

/// Each cell's style; the cell behind a wide character has that one's.
fn styles_of(cells: &[Cell]) -> Vec<String> {
    let mut styles: Vec<String> = Vec::new();
    let mut covered = 0;
    for cell in cells {
        let behind = styles.last().filter(|_| covered > 0).cloned();
        covered = if covered > 0 { covered - 1 } else { covers(cell) };
        styles.push(behind.unwrap_or_else(|| style(cell)));
    }
    styles
}

/// How many cells behind it a character covers.
fn covers(cell: &Cell) -> usize {
    ratatui::text::Span::raw(cell.symbol()).width().saturating_sub(1)
}

/// A cell's style, in the theme's words.
fn style(cell: &Cell) -> String {
    let mut words = Vec::new();
    match cell.fg {
        Color::Reset => {}
        Color::Cyan => words.push("accent".to_owned()),
        Color::Green => words.push("good".to_owned()),
        Color::Magenta => words.push("warning".to_owned()),
        Color::Red => words.push("bad".to_owned()),
        other => words.push(format!("{other:?}")),
    }
    if cell.bg != Color::Reset {
        words.push(format!("on {:?}", cell.bg));
    }
    for (modifier, word) in [(Modifier::BOLD, "strong"), (Modifier::DIM, "quiet"), (Modifier::REVERSED, "reversed")] {
        if cell.modifier.contains(modifier) {
            words.push(word.to_owned());
        }
    }
    words.join("+")
}

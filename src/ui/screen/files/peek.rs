//! What is in one file.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::tail;
use crate::ui::model::{Model, Peek};
use crate::ui::reading::{hex_line, hex_shape};
use crate::ui::screen::{Scrolled, body, spinner};
use crate::ui::widget::{clip, paint};
use crate::ui::{overlay, text};

/// Lines above the content: the file, and the place in it.
const HEAD: u16 = 2;

/// Columns and lines of the content.
pub(in crate::ui) fn shape(model: &Model) -> (usize, usize) {
    let area = body(model.size);
    (usize::from(area.width), usize::from(area.height.saturating_sub(HEAD)))
}

pub(in crate::ui::screen) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Scrolled {
    let theme = model.theme;
    let Some(peek) = &model.files.peek else { return None };
    let (columns, rows) = shape(model);
    let name = Line::styled(tail(&peek.path.display().to_string(), columns), theme.strong());
    paint(vec![name, place_line(model, peek, columns)], 0, area, buffer);
    let below = Rect { y: area.y + HEAD, height: area.height.saturating_sub(HEAD), ..area };
    let lines = match &peek.problem {
        Some(trouble) => overlay::trouble_lines(theme, trouble, columns),
        None if peek.bytes == 0 => vec![Line::styled(text::PEEK_EMPTY, theme.quiet())],
        None if peek.is_hex => hex_lines(peek, columns, rows),
        None => {
            let shown = peek.text(columns).map(|text| text.lines(peek.top, rows)).unwrap_or_default();
            shown.into_iter().map(|line| Line::from(line.words)).collect()
        }
    };
    paint(lines, 0, below, buffer);
    None
}

/// Where the screen is in the file; or that it is being read, or that a part of it cannot be.
fn place_line(model: &Model, peek: &Peek, columns: usize) -> Line<'static> {
    let theme = model.theme;
    if peek.waiting.is_some() {
        return Line::styled(format!("{} {}", spinner(model), text::PEEK_READING), theme.accent());
    }
    let piece = peek.piece.as_ref();
    let hole = piece.and_then(|piece| piece.holes.iter().find(|(_, to)| *to > peek.top));
    if let Some((from, to)) = hole {
        let why = piece.and_then(|piece| piece.trouble.as_ref()).map(|trouble| trouble.what.as_str());
        let words = format!("! {}", text::peek_hole(*from, *to, why.unwrap_or_default()));
        return Line::styled(clip(&words, columns), theme.bad());
    }
    let how = match peek.encoding {
        Some(encoding) if !peek.is_hex => text::encoding(encoding),
        _ => text::PEEK_HEX,
    };
    Line::styled(clip(&text::peek_place(peek.top, peek.bytes, how), columns), theme.quiet())
}

fn hex_lines(peek: &Peek, columns: usize, rows: usize) -> Vec<Line<'static>> {
    let Some(piece) = &peek.piece else { return Vec::new() };
    let (count, digits) = hex_shape(columns, peek.bytes);
    let first = peek.top / count as u64 * count as u64;
    let byte = |place: u64| {
        let index = usize::try_from(place.checked_sub(piece.offset)?).ok()?;
        let byte = *piece.bytes.get(index)?;
        let is_lost = piece.holes.iter().any(|(from, to)| (*from..*to).contains(&place));
        Some((!is_lost).then_some(byte))
    };
    let line = |row: usize| {
        let place = first + (row * count) as u64;
        let bytes: Vec<Option<u8>> = (place..place + count as u64).map_while(byte).collect();
        (!bytes.is_empty()).then(|| Line::from(hex_line(place, &bytes, count, digits)))
    };
    (0..rows).map_while(line).collect()
}

//! What is sent to the terminal: as few bytes as a slow line needs, nothing that must be answered, and only what every
//! terminal since the VT100 understands.
//!
//! Source: ECMA-48 (CUP 8.3.21, CUF 8.3.20, ECH 8.3.38, ED 8.3.39, SGR 8.3.117). The sixteen colours are the short
//! codes of SGR (30 to 37, 90 to 97): the long form `38;5;n` is taken for blinking by terminals that do not know it.
//! The cursor is never asked for (DSR, 8.3.35), since a plain serial line never answers.

use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};
use ratatui::text::Span;

/// So many blanks in a row are erased (`ESC [ n X`) instead of sent.
const WORTH_ERASING: u16 = 8;

/// A terminal behind a writer. A frame is collected and sent at once; of one that the line does not take at once, the
/// rest is kept for later.
pub(super) struct Paint<W: Write> {
    writer: W,
    frame: Vec<u8>,
    /// What the line has not taken yet.
    rest: Vec<u8>,
    /// Bytes sent so far.
    sent: u64,
    /// Where the cursor is, when that is known.
    at: Option<(u16, u16)>,
    pen: Pen,
    /// The terminal knows how to erase some characters: newer than a VT100.
    erases: bool,
    size: fn() -> (u16, u16),
}

/// How characters look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Pen {
    front: Color,
    back: Color,
    modifier: Modifier,
}

impl Pen {
    /// A blank looks the same with it as without.
    fn leaves_blanks_blank(self) -> bool {
        self.back == Color::Reset && !self.modifier.intersects(Modifier::REVERSED | Modifier::UNDERLINED)
    }

    /// The escape sequence that brings it about, whatever was before.
    fn sequence(self) -> String {
        let modifiers = [
            (Modifier::BOLD, 1),
            (Modifier::DIM, 2),
            (Modifier::ITALIC, 3),
            (Modifier::UNDERLINED, 4),
            (Modifier::REVERSED, 7),
        ];
        // Zero first: all as usual.
        let mut sequence = String::from("\x1b[0");
        for (_, code) in modifiers.into_iter().filter(|(modifier, _)| self.modifier.contains(*modifier)) {
            sequence.push_str(&format!(";{code}"));
        }
        for code in [colour_code(self.front), colour_code(self.back).map(|code| code + 10)].into_iter().flatten() {
            sequence.push_str(&format!(";{code}"));
        }
        sequence.push('m');
        sequence
    }
}

/// The code of a text colour; `None` for the terminal's own. The theme has no more than these.
fn colour_code(colour: Color) -> Option<u8> {
    Some(match colour {
        Color::Black => 30,
        Color::Red => 31,
        Color::Green => 32,
        Color::Yellow => 33,
        Color::Blue => 34,
        Color::Magenta => 35,
        Color::Cyan => 36,
        Color::Gray => 37,
        Color::DarkGray => 90,
        Color::LightRed => 91,
        Color::LightGreen => 92,
        Color::LightYellow => 93,
        Color::LightBlue => 94,
        Color::LightMagenta => 95,
        Color::LightCyan => 96,
        Color::White => 97,
        Color::Reset | Color::Rgb(..) | Color::Indexed(_) => return None,
    })
}

impl<W: Write> Paint<W> {
    /// A terminal of this name behind a writer.
    pub(super) fn new(writer: W, term: &str, size: fn() -> (u16, u16)) -> Self {
        let erases = !matches!(term, "" | "dumb" | "ansi" | "vt52" | "vt100" | "vt102");
        Self { writer, frame: Vec::new(), rest: Vec::new(), sent: 0, at: None, pen: Pen::default(), erases, size }
    }

    /// Bytes sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// True when the line has taken all of the frames before.
    ///
    /// # Errors
    /// When the terminal went away.
    pub(super) fn is_free(&mut self) -> io::Result<bool> {
        while !self.rest.is_empty() {
            match self.writer.write(&self.rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => drop(self.rest.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Nothing is known any more of cursor and colours: somebody else wrote on the terminal.
    pub(super) fn forget(&mut self) {
        self.frame.clear();
        self.at = None;
        self.set_pen(Pen::default(), true);
    }

    fn move_to(&mut self, x: u16, y: u16) {
        let sequence = match self.at {
            Some(here) if here == (x, y) => return,
            Some((column, row)) if row == y && column < x => format!("\x1b[{}C", x - column),
            _ => format!("\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1),
        };
        self.frame.extend(sequence.as_bytes());
        self.at = Some((x, y));
    }

    fn set_pen(&mut self, pen: Pen, anyway: bool) {
        if self.pen != pen || anyway {
            self.pen = pen;
            self.frame.extend(pen.sequence().as_bytes());
        }
    }

    fn blanks(&mut self, (x, y): (u16, u16), count: u16) {
        if count == 0 {
            return;
        }
        self.move_to(x, y);
        if !self.pen.leaves_blanks_blank() {
            self.set_pen(Pen::default(), false);
        }
        if self.erases && count >= WORTH_ERASING {
            self.frame.extend(format!("\x1b[{count}X").as_bytes());
        } else {
            self.frame.extend(std::iter::repeat_n(b' ', usize::from(count)));
            self.at = Some((x + count, y));
        }
    }

    fn character(&mut self, (x, y): (u16, u16), cell: &Cell) {
        self.move_to(x, y);
        self.set_pen(Pen { front: cell.fg, back: cell.bg, modifier: cell.modifier }, false);
        self.frame.extend(cell.symbol().as_bytes());
        // Terminals differ in how wide they make what is not one column wide: the next one is then addressed.
        self.at = (cell.symbol().is_ascii() || Span::raw(cell.symbol()).width() == 1).then_some((x + 1, y));
    }
}

impl<W: Write> Backend for Paint<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let (mut from, mut count) = ((0, 0), 0);
        for (x, y, cell) in content {
            let look = Pen { front: Color::Reset, back: cell.bg, modifier: cell.modifier };
            let is_blank = cell.symbol() == " " && look.leaves_blanks_blank();
            if is_blank && count > 0 && (x, y) == (from.0 + count, from.1) {
                count += 1;
                continue;
            }
            self.blanks(from, count);
            (from, count) = ((x, y), u16::from(is_blank));
            if !is_blank {
                self.character((x, y), cell);
            }
        }
        self.blanks(from, count);
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        // It is hidden as long as the terminal is ours; ratatui wants it hidden with every frame.
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, _: P) -> io::Result<()> {
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.forget();
        self.frame.extend(b"\x1b[2J");
        Ok(())
    }

    fn clear_region(&mut self, _: ClearType) -> io::Result<()> {
        // The wizard has the whole screen: there are no regions.
        self.clear()
    }

    fn size(&self) -> io::Result<Size> {
        Ok((self.size)().into())
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: (self.size)().into(), pixels: Size::ZERO })
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.frame.is_empty() {
            self.sent += self.frame.len() as u64;
            self.rest.append(&mut self.frame);
            if self.is_free()? {
                self.writer.flush()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::Theme;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::{Terminal, TerminalOptions, Viewport};

    fn terminal(written: &mut Vec<u8>) -> Terminal<Paint<&mut Vec<u8>>> {
        let viewport = Viewport::Fixed(Rect::new(0, 0, 80, 24));
        let paint = Paint::new(written, "xterm", || (80, 24));
        Terminal::with_options(paint, TerminalOptions { viewport }).unwrap()
    }

    /// A line that takes so many bytes, and then no more.
    struct Narrow {
        room: usize,
        taken: Vec<u8>,
    }

    impl Write for &mut Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room);
            self.room -= count;
            self.taken.extend(&bytes[..count]);
            if count == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(count) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_the_line_does_not_take_is_kept_and_nothing_gets_lost() {
        let mut narrow = Narrow { room: 10, taken: Vec::new() };
        let mut paint = Paint::new(&mut narrow, "xterm", || (80, 24));
        paint.clear().unwrap();
        paint.draw([(0, 0, &Cell::new("a")), (1, 0, &Cell::new("b"))].into_iter()).unwrap();
        paint.flush().unwrap();
        let all = usize::try_from(paint.sent()).unwrap();
        assert!(all > 10 && !paint.is_free().unwrap());
        paint.writer.room = 100;
        assert!(paint.is_free().unwrap());
        assert_eq!(narrow.taken.len(), all);
        assert!(narrow.taken.ends_with(b"ab"));
    }

    #[test]
    fn clearing_the_screen_asks_the_terminal_nothing() {
        let mut written = Vec::new();
        let mut terminal = terminal(&mut written);
        terminal.clear().unwrap();
        terminal.resize(Rect::new(0, 0, 100, 30)).unwrap();
        terminal.draw(|_| ()).unwrap();
        drop(terminal);
        assert!(!written.is_empty());
        assert!(!written.windows(4).any(|window| window == b"\x1b[6n"));
    }

    #[test]
    fn what_is_sent_gives_the_picture_that_was_drawn() {
        let mut written = Vec::new();
        let mut terminal = terminal(&mut written);
        let style = Theme::default().accent();
        for round in 0..3 {
            terminal
                .draw(|frame| {
                    let buffer = frame.buffer_mut();
                    buffer.set_string(0, 0, "a 漢字 b", style);
                    buffer.set_string(70, 23, "the corner", Theme::default().selected());
                    buffer.set_string(5, 3, if round == 1 { "a long line that goes" } else { "short" }, style);
                })
                .unwrap();
        }
        drop(terminal);
        let mut parser = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
        parser.process(&written);
        let screen = parser.screen();
        let rows: Vec<String> = screen.rows(0, 80).collect();
        assert_eq!((rows[0].as_str(), rows[3].as_str()), ("a 漢字 b", "     short"));
        assert!(rows[23].ends_with("the corner"));
        assert!(screen.cell(23, 79).unwrap().inverse() && !screen.cell(3, 12).unwrap().inverse());
        assert_eq!(screen.cell(3, 5).unwrap().fgcolor(), vt100::Color::Idx(6));
    }

    #[test]
    fn only_what_changed_is_sent_and_colours_have_short_codes() {
        let mut written = Vec::new();
        let mut terminal = terminal(&mut written);
        let mut frame = |words: &str| {
            let before = terminal.backend().sent();
            terminal.draw(|frame| frame.buffer_mut().set_string(9, 9, words, Theme::default().good())).unwrap();
            terminal.backend().sent() - before
        };
        frame("12 %");
        assert_eq!(frame("12 %"), 0, "the same picture costs nothing");
        assert!(frame("13 %") <= 9);
        drop(terminal);
        let text = String::from_utf8(written).unwrap();
        assert!(text.contains("\x1b[0;32m12 %") && !text.contains("38;5"), "{text:?}");
    }

    #[test]
    fn an_old_terminal_gets_blanks_and_a_newer_one_is_told_how_many() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 1));
        buffer.set_string(0, 0, "x", Theme::default().text());
        for (term, bytes) in [("vt100", 46), ("xterm", 12)] {
            let mut written = Vec::new();
            let mut paint = Paint::new(&mut written, term, || (40, 1));
            let cells = buffer.content.iter().zip(0..).map(|(cell, x)| (x, 0, cell));
            paint.draw(cells).unwrap();
            Backend::flush(&mut paint).unwrap();
            assert_eq!(written.len(), bytes, "{term}");
        }
    }
}

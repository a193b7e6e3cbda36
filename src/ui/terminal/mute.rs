//! A terminal that is never asked anything.
//!
//! ratatui asks where the cursor is before it clears the screen (`ESC [ 6 n`: ECMA-48, 8.3.35, device status
//! report) and fails when no answer comes within two seconds. A plain serial line never answers. The wizard hides the cursor and draws
//! every cell by its address, so the answer would be of no use anyway.

use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

/// A terminal that is written to, and only that: all questions are answered here.
pub(super) struct Mute<W: Write>(CrosstermBackend<W>);

impl<W: Write> Mute<W> {
    /// A terminal behind this writer.
    pub(super) fn new(writer: W) -> Self {
        Self(CrosstermBackend::new(writer))
    }
}

impl<W: Write> Backend for Mute<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        self.0.draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.0.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.0.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.0.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.0.clear()
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.0.clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        Ok(super::size().into())
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: super::size().into(), pixels: Size::ZERO })
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::{Terminal, TerminalOptions, Viewport};

    #[test]
    fn clearing_the_screen_asks_the_terminal_nothing() {
        let mut written = Vec::new();
        let viewport = Viewport::Fixed(Rect::new(0, 0, 80, 24));
        let mut terminal = Terminal::with_options(Mute::new(&mut written), TerminalOptions { viewport }).unwrap();
        terminal.clear().unwrap();
        terminal.resize(Rect::new(0, 0, 100, 30)).unwrap();
        drop(terminal);
        assert!(!written.is_empty());
        assert!(!written.windows(4).any(|window| window == b"\x1b[6n"));
    }
}

//! Colours and characters: the terminal's own sixteen colours, none at all (`NO_COLOR`), and line drawing
//! that falls back to ASCII.
//!
//! Ordinary text has the terminal's own colour, and no text is painted black, white or yellow, since each of
//! them vanishes on some background. Colour never stands alone: a word or a sign says the same.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

/// What the terminal can show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Theme {
    /// Sixteen colours.
    pub colour: bool,
    /// Line drawing and other characters beyond ASCII.
    pub unicode: bool,
}

impl Default for Theme {
    fn default() -> Self {
        Self { colour: true, unicode: true }
    }
}

impl Theme {
    /// What the environment tells: `NO_COLOR`, `TERM`, the locale, and `LIFEBOAT_ASCII` (the same as `--ascii`).
    #[must_use]
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let dumb = matches!(term.as_str(), "dumb" | "vt100" | "vt102" | "vt220");
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| set(name)).unwrap_or_default();
        let plain_locale = matches!(locale.as_str(), "C" | "POSIX");
        Self {
            colour: set("NO_COLOR").is_none() && !dumb,
            unicode: set("LIFEBOAT_ASCII").is_none() && !dumb && !plain_locale,
        }
    }

    /// Ordinary text.
    #[must_use]
    pub fn text(self) -> Style {
        Style::new()
    }

    /// What matters less.
    #[must_use]
    pub fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Headings.
    #[must_use]
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Keys, the program's name, bars.
    #[must_use]
    pub fn accent(self) -> Style {
        Style::new().fg(Color::Cyan)
    }

    /// What went well.
    #[must_use]
    pub fn good(self) -> Style {
        Style::new().fg(Color::Green)
    }

    /// What the user should know.
    #[must_use]
    pub fn warning(self) -> Style {
        Style::new().fg(Color::Magenta)
    }

    /// What failed, was refused, or overwrites.
    #[must_use]
    pub fn bad(self) -> Style {
        Style::new().fg(Color::Red)
    }

    /// The row under the cursor.
    #[must_use]
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Takes away from a drawn screen what the terminal cannot show.
    pub fn settle(self, buffer: &mut Buffer) {
        for cell in &mut buffer.content {
            if !self.colour {
                cell.fg = Color::Reset;
                cell.bg = Color::Reset;
            }
            if !self.unicode && !cell.symbol().is_ascii() {
                let plain = cell.symbol().chars().next().map_or(' ', ascii);
                cell.set_char(plain);
            }
        }
    }
}

/// The nearest ASCII character.
fn ascii(character: char) -> char {
    match character {
        '─' | '–' => '-',
        '│' => '|',
        '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' => '+',
        '█' => '#',
        '·' => '.',
        '░' => ':',
        '▒' => '+',
        '▓' => '%',
        '■' => 'I',
        '►' => '>',
        '◄' => '<',
        '▲' => '^',
        '√' => '*',
        '↑' => '^',
        '↓' => 'v',
        '←' => '<',
        '→' => '>',
        '…' => '~',
        '“' | '”' => '"',
        '’' => '\'',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;

    fn detect(pairs: &[(&str, &str)]) -> Theme {
        Theme::detect(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_environment_takes_away_colour_and_line_drawing() {
        assert_eq!(detect(&[("TERM", "linux")]), Theme { colour: true, unicode: true });
        assert_eq!(detect(&[("NO_COLOR", "1")]), Theme { colour: false, unicode: true });
        assert_eq!(detect(&[("NO_COLOR", "")]), Theme { colour: true, unicode: true });
        assert_eq!(detect(&[("TERM", "dumb")]), Theme { colour: false, unicode: false });
        assert_eq!(detect(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]), Theme { colour: true, unicode: false });
        assert_eq!(detect(&[("LIFEBOAT_ASCII", "1")]), Theme { colour: true, unicode: false });
    }

    #[test]
    fn no_text_is_black_white_or_yellow() {
        let theme = Theme::default();
        for style in [theme.text(), theme.quiet(), theme.strong(), theme.accent(), theme.good(), theme.warning()] {
            assert!(matches!(style.fg, None | Some(Color::Cyan | Color::Green | Color::Magenta)));
        }
        assert_eq!(theme.bad().fg, Some(Color::Red));
    }

    #[test]
    fn a_settled_screen_is_plain_ascii_without_colour() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        buffer.set_string(0, 0, "► 漢字 ─ ü", Theme::default().accent());
        Theme { colour: false, unicode: false }.settle(&mut buffer);
        let text: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
        assert_eq!(text.trim_end(), "> ? ?  - ?");
        assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset));
    }
}

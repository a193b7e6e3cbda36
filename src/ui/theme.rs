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
    /// Of those only the ones in [`CONSOLE`], and no dim text, which a text console shows dark grey on black.
    pub console: bool,
}

impl Default for Theme {
    fn default() -> Self {
        Self { colour: true, unicode: true, console: false }
    }
}

/// What the font of a text console has beyond ASCII: code page 437, which every PC's firmware brings.
pub const CONSOLE: &str = "☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»\
     ░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■";

/// What a user wants that the environment does not tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wish {
    /// Colours, or none: stronger than `NO_COLOR`, which is a habit and not a choice for this program.
    pub colour: Option<bool>,
    /// ASCII alone.
    pub ascii: bool,
}

impl Theme {
    /// What the environment tells, and what the user wants: `NO_COLOR`, `TERM`, the locale, and `LIFEBOAT_ASCII` (the
    /// same as `--ascii`).
    ///
    /// A terminal whose locale does not speak of UTF-8 gets only the characters that a console's font has; so does
    /// the console itself, whatever its locale says.
    #[must_use]
    pub fn detect(variable: impl Fn(&str) -> Option<String>, wish: Wish) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let dumb = matches!(term.as_str(), "dumb" | "vt100" | "vt102" | "vt220");
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| set(name)).unwrap_or_default();
        let speaks_utf8 = ["UTF-8", "UTF8"].iter().any(|name| locale.to_uppercase().contains(name));
        // A locale that names another character set says that bytes of UTF-8 would not be understood.
        let plain_locale = !locale.is_empty() && !speaks_utf8;
        Self {
            colour: !dumb && wish.colour.unwrap_or_else(|| set("NO_COLOR").is_none()),
            unicode: !wish.ascii && set("LIFEBOAT_ASCII").is_none() && !dumb && !plain_locale,
            console: term == "linux" || !speaks_utf8,
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
            if self.console {
                cell.modifier.remove(Modifier::DIM);
            }
            if !self.shows(cell.symbol()) {
                let plain = cell.symbol().chars().next().map_or(' ', ascii);
                cell.set_char(plain);
            }
        }
    }

    /// True when the terminal has what is needed to show this.
    #[must_use]
    pub fn shows(self, symbol: &str) -> bool {
        let plain = symbol.is_ascii();
        plain || (self.unicode && (!self.console || symbol.chars().all(|one| one.is_ascii() || CONSOLE.contains(one))))
    }
}

/// The nearest ASCII character.
fn ascii(character: char) -> char {
    match character {
        '─' | '–' | '═' | '‐' | '—' => '-',
        '│' | '║' => '|',
        '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' => '+',
        '█' | '▐' | '▌' => '#',
        '▄' => '=',
        '▀' => '"',
        '·' | '∙' => '.',
        '░' => ':',
        '▒' => '+',
        '▓' => '%',
        '■' => 'I',
        '►' | '→' | '»' => '>',
        '◄' | '←' | '«' => '<',
        '√' | '•' | '°' => '*',
        '↑' | '▲' => '^',
        '↓' | '▼' => 'v',
        '…' => '~',
        '“' | '”' | '„' => '"',
        '’' | '‘' => '\'',
        '×' => 'x',
        '\u{a0}' => ' ',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;

    fn detect(pairs: &[(&str, &str)]) -> Theme {
        wish(Wish::default(), pairs)
    }

    fn wish(wish: Wish, pairs: &[(&str, &str)]) -> Theme {
        Theme::detect(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()), wish)
    }

    fn theme(colour: bool, unicode: bool, console: bool) -> Theme {
        Theme { colour, unicode, console }
    }

    const UTF8: (&str, &str) = ("LANG", "de_DE.UTF-8");

    #[test]
    fn the_environment_takes_away_colour_and_characters() {
        assert_eq!(detect(&[("TERM", "xterm"), UTF8]), theme(true, true, false));
        assert_eq!(detect(&[("TERM", "xterm"), ("LC_ALL", "C.utf8")]), theme(true, true, false));
        assert_eq!(detect(&[("TERM", "linux"), UTF8]), theme(true, true, true));
        assert_eq!(detect(&[("TERM", "xterm")]), theme(true, true, true), "nothing said: what every console has");
        assert_eq!(detect(&[("NO_COLOR", "1"), UTF8]), theme(false, true, false));
        assert_eq!(detect(&[("NO_COLOR", ""), UTF8]), theme(true, true, false));
        assert_eq!(detect(&[("TERM", "dumb"), UTF8]), theme(false, false, false));
        assert_eq!(detect(&[("LC_ALL", "C"), UTF8]), theme(true, false, true));
        assert_eq!(detect(&[("LANG", "de_DE.ISO-8859-1")]), theme(true, false, true));
        assert_eq!(detect(&[("LIFEBOAT_ASCII", "1"), UTF8]), theme(true, false, false));
    }

    #[test]
    fn the_users_wish_is_stronger_than_a_habit_but_not_than_the_terminal() {
        let colour = Wish { colour: Some(true), ascii: false };
        assert!(wish(colour, &[("NO_COLOR", "1"), UTF8]).colour);
        assert!(!wish(colour, &[("TERM", "vt100")]).colour);
        assert!(!wish(Wish { colour: Some(false), ascii: false }, &[UTF8]).colour);
        assert!(!wish(Wish { colour: None, ascii: true }, &[UTF8]).unicode);
    }

    #[test]
    fn a_consoles_font_has_256_characters() {
        let beyond = CONSOLE.chars().count();
        let ascii = (' '..='~').count();
        assert_eq!(beyond + ascii, 256 - 2, "all but the empty character and the hard blank");
        assert!("─│┌┐└┘├┤┬┴┼█▓▒░▄▀▌▐■►◄▲▼↑↓←→•√°".chars().all(|one| CONSOLE.contains(one)));
        assert!(!"…“”’×–└".chars().filter(|one| *one != '└').any(|one| CONSOLE.contains(one)));
    }

    #[test]
    fn a_console_gets_no_dim_text_and_only_what_its_font_has() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 1));
        buffer.set_string(0, 0, "é─“a…”漢", Theme::default().quiet());
        theme(true, true, true).settle(&mut buffer);
        let text: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
        assert_eq!(text.trim_end(), "é─\"a~\"?");
        assert!(buffer.content.iter().all(|cell| cell.modifier.is_empty()));
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
        theme(false, false, false).settle(&mut buffer);
        let text: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
        assert_eq!(text.trim_end(), "> ? ?  - ?");
        assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset));
    }
}

//! A line of text being typed.

use super::msg::Key;

/// The longest text a field takes; longer paths do not exist on Linux.
const MAX_CHARS: usize = 4096;

/// Text and the place of the cursor in it, counted in characters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Input {
    text: String,
    cursor: usize,
}

impl Input {
    /// A field with a text in it, the cursor behind it.
    #[must_use]
    pub fn with(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { cursor: text.chars().count(), text }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text before the cursor, and the rest.
    #[must_use]
    pub fn halves(&self) -> (&str, &str) {
        self.text.split_at(self.byte(self.cursor))
    }

    /// Takes a key; false when the key is none of a text field's.
    pub fn key(&mut self, key: Key) -> bool {
        let chars = self.text.chars().count();
        match key {
            Key::Char(character) if !character.is_control() && chars < MAX_CHARS => {
                self.text.insert(self.byte(self.cursor), character);
                self.cursor += 1;
            }
            Key::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.text.remove(self.byte(self.cursor));
            }
            Key::Delete if self.cursor < chars => {
                self.text.remove(self.byte(self.cursor));
            }
            Key::Backspace | Key::Delete | Key::Char(_) => {}
            Key::Left => self.cursor = self.cursor.saturating_sub(1),
            Key::Right => self.cursor = (self.cursor + 1).min(chars),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = chars,
            Key::Clear => *self = Self::default(),
            _ => return false,
        }
        true
    }

    fn byte(&self, index: usize) -> usize {
        self.text.char_indices().nth(index).map_or(self.text.len(), |(byte, _)| byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_edited_in_its_middle_whatever_its_characters() {
        let mut input = Input::with("häus");
        for key in [Key::Left, Key::Left, Key::Backspace, Key::Char('a'), Key::Home, Key::Delete, Key::Char('M')] {
            assert!(input.key(key));
        }
        assert_eq!(input.text(), "Maus");
        assert_eq!(input.halves(), ("M", "aus"));
        assert!(!input.key(Key::Enter));
        assert!(input.key(Key::Clear));
        assert_eq!(input.text(), "");
        assert!(input.key(Key::Backspace) && input.key(Key::Delete));
    }
}

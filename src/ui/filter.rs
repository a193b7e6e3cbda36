//! Narrowing a list by typing part of what is looked for.

use super::input::Input;
use super::msg::Key;

/// What a list is narrowed to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// What was typed.
    pub input: Input,
    /// Keys go into the text; otherwise they move in the list.
    pub is_typing: bool,
}

impl Filter {
    /// One that is being typed.
    #[must_use]
    pub fn begin() -> Self {
        Self { input: Input::default(), is_typing: true }
    }

    /// True when a line with this text stays in the list. Case does not count.
    #[must_use]
    pub fn admits(&self, text: &str) -> bool {
        text.to_lowercase().contains(&self.input.text().to_lowercase())
    }

    /// Takes a key while typing; false when the key is none of the text's.
    pub fn key(&mut self, pressed: Key) -> bool {
        if pressed == Key::Enter {
            self.is_typing = false;
            return true;
        }
        self.input.key(pressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_count_and_an_empty_filter_admits_all() {
        let mut filter = Filter::begin();
        assert!(filter.admits("anything"));
        assert!("WIN".chars().all(|letter| filter.key(Key::Char(letter))));
        assert!(filter.admits("my windows disk") && !filter.admits("data"));
        assert!(filter.key(Key::Enter) && !filter.is_typing);
        assert!(!Filter::begin().key(Key::Down));
    }
}

//! Names from disks, made fit to be shown: they may hold escape sequences that would take over a terminal.

use std::path::Path;

/// Replaces control characters (C0, DEL, C1) and the characters that turn text around with `?`.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if is_harmful(c) { '?' } else { c }).collect()
}

/// The same for a path.
pub(super) fn clean_path(path: &Path) -> String {
    clean(&path.to_string_lossy())
}

fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_in_names_are_disarmed() {
        assert_eq!(clean("a\u{1b}[2Jb\nc\u{9b}d\u{202e}e"), "a?[2Jb?c?d?e");
        assert_eq!(clean("Grüße 船"), "Grüße 船");
    }
}

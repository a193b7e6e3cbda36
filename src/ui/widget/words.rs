//! Text measured and cut in terminal columns: wide characters count two, combining ones none.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::ui::text;

/// How many columns a text takes.
pub(in crate::ui) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// A text of at most `columns`, its end replaced by `…` where it is longer.
pub(in crate::ui) fn clip(dirty: &str, columns: usize) -> String {
    let whole = text::clean(dirty);
    if width(&whole) <= columns {
        return whole;
    }
    let mut kept = String::new();
    let mut used = 0;
    for grapheme in Span::raw(whole.as_str()).styled_graphemes(Style::new()) {
        let columns_here = width(grapheme.symbol);
        if used + columns_here + 1 > columns {
            break;
        }
        used += columns_here;
        kept.push_str(grapheme.symbol);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// A text of exactly `columns`, filled up with blanks.
pub(in crate::ui) fn pad(dirty: &str, columns: usize) -> String {
    let mut text = clip(dirty, columns);
    let missing = columns.saturating_sub(width(&text));
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// As many lines as fit; the last says when there were more.
pub(in crate::ui) fn cut(mut lines: Vec<Line<'static>>, rows: usize, columns: usize) -> Vec<Line<'static>> {
    if lines.len() <= rows {
        return lines;
    }
    lines.truncate(rows);
    if let Some(last) = lines.last_mut() {
        let words: String = last.spans.iter().map(|span| span.content.as_ref()).collect();
        let style = last.spans.last().map_or(last.style, |span| last.style.patch(span.style));
        *last = Line::styled(clip(&format!("{}…", words.trim_end()), columns), style);
    }
    lines
}

/// A text in lines of at most `columns`, broken between words where that is possible.
pub(in crate::ui) fn wrap(dirty: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text::clean(dirty).split(' ') {
        let here = width(word);
        if used > 0 && used + 1 + here > columns {
            lines.push(String::new());
            used = 0;
        } else if used > 0 {
            push(&mut lines, " ");
            used += 1;
        }
        if here <= columns {
            push(&mut lines, word);
            used += here;
            continue;
        }
        for grapheme in Span::raw(word).styled_graphemes(Style::new()) {
            let one = width(grapheme.symbol);
            if used + one > columns {
                lines.push(String::new());
                used = 0;
            }
            push(&mut lines, grapheme.symbol);
            used += one;
        }
    }
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(last) = lines.last_mut() {
        last.push_str(text);
    }
}

/// Name and value pairs as lines, the values under each other.
pub(in crate::ui) fn pairs<N: AsRef<str>, V: AsRef<str>>(
    pairs: &[(N, V)],
    columns: usize,
    names: Style,
) -> Vec<Line<'static>> {
    let widest = pairs.iter().map(|(name, _)| width(name.as_ref())).max().unwrap_or(0).min(columns / 3).max(1);
    let mut lines = Vec::new();
    for (name, value) in pairs {
        let mut name = pad(name.as_ref(), widest);
        for part in wrap(value.as_ref(), columns.saturating_sub(widest + 2)) {
            let label = std::mem::replace(&mut name, " ".repeat(widest));
            lines.push(Line::from(vec![Span::styled(label, names), Span::raw("  "), Span::raw(part)]));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_are_cut_at_columns_not_at_bytes() {
        assert_eq!(clip("漢字漢字", 8), "漢字漢字");
        assert_eq!(clip("漢字漢字", 7), "漢字漢…");
        assert_eq!(clip("漢字漢字", 6), "漢字…");
        assert_eq!(pad("漢字漢字", 6), "漢字… ");
        assert_eq!(clip("abc", 0), "");
    }

    #[test]
    fn what_is_cut_says_so() {
        let lines = |words: &[&str]| words.iter().map(|word| Line::from((*word).to_owned())).collect::<Vec<_>>();
        assert_eq!(cut(lines(&["one", "two"]), 2, 5), lines(&["one", "two"]));
        assert_eq!(cut(lines(&["one", "two"]), 1, 5), lines(&["one…"]));
        assert_eq!(cut(lines(&["12345", "two"]), 1, 5), lines(&["1234…"]));
        assert_eq!(cut(lines(&["one"]), 0, 5), lines(&[]));
    }

    #[test]
    fn long_words_are_broken_and_others_are_not() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrap("漢字漢", 4), ["漢字", "漢"]);
        assert_eq!(wrap("", 4), [""]);
    }
}

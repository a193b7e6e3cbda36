//! A piece of a file as lines of text, or of hex. Pure: bytes in, lines out.
//!
//! Places are bytes of the file. Only what is at hand is looked at, so that a file of any length can be paged through;
//! a line longer than [`LOOKBACK`] is cut where it is convenient.

use super::text;
use super::widget::width;

/// How far back the beginning of a line is looked for, in bytes.
pub const LOOKBACK: u64 = 16 << 10;

/// A tab goes on to the next multiple of so many columns.
const TAB: usize = 8;

/// What is no character is shown as this.
const UNKNOWN: char = '·';

/// How text is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// UTF-8, and with it ASCII.
    Utf8,
    /// UTF-16, low byte first.
    Utf16Low,
    /// UTF-16, high byte first.
    Utf16High,
    /// One byte a character.
    Latin1,
}

impl Encoding {
    /// Bytes of the smallest character.
    fn unit(self) -> u64 {
        if matches!(self, Self::Utf16Low | Self::Utf16High) { 2 } else { 1 }
    }
}

/// How the text is written that begins with these bytes; `None` when they are no text.
#[must_use]
pub fn guess(head: &[u8]) -> Option<Encoding> {
    let head = &head[..head.len().min(16 << 10)];
    match head {
        [0xFF, 0xFE, ..] => return Some(Encoding::Utf16Low),
        [0xFE, 0xFF, ..] => return Some(Encoding::Utf16High),
        _ => {}
    }
    let strange = |byte: &u8| matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127);
    if head.contains(&0) || head.iter().filter(|byte| strange(byte)).count() * 50 > head.len() {
        return None;
    }
    match std::str::from_utf8(head) {
        Ok(_) => Some(Encoding::Utf8),
        // A character that the piece cuts in two is no error.
        Err(error) if error.error_len().is_none() => Some(Encoding::Utf8),
        // Bytes that no letter of Latin-1 has, more than a few: a picture or a program.
        Err(_) => {
            let control = head.iter().filter(|byte| matches!(byte, 0x80..=0x9F)).count();
            (control * 50 <= head.len()).then_some(Encoding::Latin1)
        }
    }
}

/// A line on the screen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextLine {
    /// The file's byte at which it begins.
    pub start: u64,
    /// The byte behind it, its line end included.
    pub end: u64,
    /// What it says, made harmless.
    pub words: String,
}

/// Bytes at hand.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// The file's byte at which they begin.
    pub offset: u64,
    /// How they are to be read.
    pub encoding: Encoding,
    /// The width of the screen.
    pub columns: usize,
}

impl Text<'_> {
    fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    fn behind(&self, at: u64) -> &[u8] {
        let index = usize::try_from(at.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        self.bytes.get(index..).unwrap_or_default()
    }

    /// At most `count` lines from the byte `from` on, which begins one.
    #[must_use]
    pub fn lines(&self, from: u64, count: usize) -> Vec<TextLine> {
        let mut lines = Vec::new();
        let mut at = from.max(self.offset);
        while lines.len() < count && at < self.end() {
            let line = self.line(at);
            at = line.end;
            lines.push(line);
        }
        lines
    }

    fn line(&self, start: u64) -> TextLine {
        let mut words = String::new();
        let (mut at, mut used) = (start, 0);
        while let Some((character, len)) = decode(self.behind(at), self.encoding) {
            let next = at + len as u64;
            match character {
                '\n' => return TextLine { start, end: next, words },
                // The mark of the encoding, and the first half of a line end.
                '\u{feff}' => {}
                '\r' if matches!(decode(self.behind(next), self.encoding), Some(('\n', _))) => {}
                '\t' => {
                    let blanks = TAB - used % TAB;
                    if used + blanks > self.columns && used > 0 {
                        return TextLine { start, end: at, words };
                    }
                    words.extend(std::iter::repeat_n(' ', blanks));
                    used += blanks;
                }
                _ => {
                    let shown = if character.is_ascii_graphic() || character == ' ' {
                        character
                    } else {
                        text::clean(character.encode_utf8(&mut [0; 4])).chars().next().unwrap_or(UNKNOWN)
                    };
                    let columns = if shown.is_ascii() { 1 } else { width(shown.encode_utf8(&mut [0; 4])) };
                    if used + columns > self.columns && used > 0 {
                        return TextLine { start, end: at, words };
                    }
                    words.push(shown);
                    used += columns;
                }
            }
            at = next;
        }
        // Half a character at the end of what is at hand belongs to this line.
        TextLine { start, end: self.end(), words }
    }

    /// Where the line begins that holds the byte before `at`, as far as can be seen.
    #[must_use]
    pub fn line_start(&self, at: u64) -> u64 {
        let unit = self.encoding.unit();
        let least = at.saturating_sub(LOOKBACK).max(self.offset).next_multiple_of(unit);
        let mut place = at - at % unit;
        while place >= least + unit {
            // The line end before `at` itself is passed over: it ends the line that is looked for.
            let before = place - unit;
            if before + unit < at && matches!(decode(self.behind(before), self.encoding), Some(('\n', _))) {
                return place;
            }
            place = before;
        }
        // Not in the middle of a character.
        let mut start = least.min(at);
        while self.encoding == Encoding::Utf8
            && start < at
            && start > 0
            && self.behind(start).first().is_some_and(|byte| byte & 0xC0 == 0x80)
        {
            start += 1;
        }
        start
    }

    /// The beginning of the line on the screen that lies `count` lines before `top`.
    #[must_use]
    pub fn back(&self, top: u64, count: usize) -> u64 {
        let mut top = top;
        let mut left = count;
        while left > 0 && top > self.offset {
            let start = self.line_start(top);
            let mut starts: Vec<u64> = Vec::new();
            let mut at = start;
            while at < top {
                starts.push(at);
                at = self.line(at).end;
            }
            let taken = left.min(starts.len());
            let Some(first) = starts.get(starts.len() - taken) else { break };
            top = *first;
            left -= taken;
        }
        top
    }
}

/// The first character, and its bytes. `None` at the end, and before half a character.
fn decode(bytes: &[u8], encoding: Encoding) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    match encoding {
        Encoding::Latin1 => Some((char::from(first), 1)),
        Encoding::Utf8 if first.is_ascii() => Some((char::from(first), 1)),
        Encoding::Utf8 => {
            let some = &bytes[..bytes.len().min(4)];
            let (valid, bad) = match std::str::from_utf8(some) {
                Ok(valid) => (valid, None),
                Err(error) => {
                    let valid = std::str::from_utf8(&some[..error.valid_up_to()]).unwrap_or_default();
                    (valid, Some(error.error_len()))
                }
            };
            match (valid.chars().next(), bad) {
                (Some(character), _) => Some((character, character.len_utf8())),
                (None, Some(None)) if bytes.len() < 4 => None,
                (None, _) => Some((UNKNOWN, 1)),
            }
        }
        Encoding::Utf16Low | Encoding::Utf16High => {
            let unit = |at: usize| {
                let pair = [*bytes.get(at)?, *bytes.get(at + 1)?];
                Some(if encoding == Encoding::Utf16Low { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
            };
            let high = unit(0)?;
            let units = [high, unit(2).unwrap_or(0)];
            match char::decode_utf16(units).next() {
                Some(Ok(character)) => Some((character, character.len_utf16() * 2)),
                _ => Some((UNKNOWN, 2)),
            }
        }
    }
}

/// How many bytes stand in a line of hex of this width, for a file of so many bytes; and the digits of an offset.
#[must_use]
pub fn hex_shape(columns: usize, len: u64) -> (usize, usize) {
    let digits = (1..=16).find(|digits| *digits == 16 || len >> (4 * digits) == 0).unwrap_or(16);
    let digits = if columns >= 60 { digits.max(8) } else { digits.max(4) };
    let fits = |count: &usize| digits + 2 + count * 3 + 1 + count <= columns;
    ([16, 8].into_iter().find(fits).unwrap_or(4), digits)
}

/// A line of hex: place, bytes, characters. `None` stands for a byte that could not be read.
#[must_use]
pub fn hex_line(place: u64, bytes: &[Option<u8>], count: usize, digits: usize) -> String {
    let mut line = format!("{place:0digits$x}  ");
    for at in 0..count {
        match bytes.get(at) {
            Some(Some(byte)) => line += &format!("{byte:02x} "),
            Some(None) => line += "-- ",
            None => line += "   ",
        }
    }
    line.push(' ');
    line.extend(bytes.iter().map(|byte| match byte {
        Some(byte) if byte.is_ascii_graphic() || *byte == b' ' => char::from(*byte),
        Some(_) => '.',
        None => '-',
    }));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], encoding: Encoding, columns: usize) -> Text<'_> {
        Text { bytes, offset: 0, encoding, columns }
    }

    fn words(text: &Text<'_>) -> Vec<String> {
        text.lines(0, 100).into_iter().map(|line| line.words).collect()
    }

    fn utf16(text: &str, high: bool) -> Vec<u8> {
        let units = text.encode_utf16();
        units.flat_map(|unit| if high { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    #[test]
    fn the_encoding_is_guessed_from_the_beginning() {
        assert_eq!(guess(b"plain"), Some(Encoding::Utf8));
        assert_eq!(guess(b""), Some(Encoding::Utf8));
        assert_eq!(guess("Gr\u{fc}\u{df}e".as_bytes()), Some(Encoding::Utf8));
        assert_eq!(guess(&"Gr\u{fc}".as_bytes()[..3]), Some(Encoding::Utf8), "cut in a character");
        assert_eq!(guess(b"Gr\xfc\xdfe aus Z\xfcrich"), Some(Encoding::Latin1));
        assert_eq!(guess(&utf16("\u{feff}boat", false)), Some(Encoding::Utf16Low));
        assert_eq!(guess(&utf16("\u{feff}boat", true)), Some(Encoding::Utf16High));
        assert_eq!(guess(b"MZ\x90\0\x03\0\0\0"), None);
        assert_eq!(guess(b"\x89PNG\r\n\x1a\n\x01\x02\x03"), None);
        assert_eq!(guess(&[0x81, 0x8d, 0x9e, 0xc3, 0x28]), None);
    }

    #[test]
    fn lines_end_where_the_text_or_the_screen_does() {
        let lf = b"one\r\ntwo\n\nabcdefghijk";
        assert_eq!(words(&text(lf, Encoding::Utf8, 5)), ["one", "two", "", "abcde", "fghij", "k"]);
        assert_eq!(words(&text(b"a\tb", Encoding::Utf8, 20)), ["a       b"]);
        let wide = "\u{6f22}\u{5b57}\u{6f22}".as_bytes();
        assert_eq!(words(&text(wide, Encoding::Utf8, 4)), ["\u{6f22}\u{5b57}", "\u{6f22}"]);
        let both = utf16("\u{feff}Gr\u{fc}\u{df}e\r\nboat \u{1f6a2}", false);
        assert_eq!(words(&text(&both, Encoding::Utf16Low, 20)), ["Gr\u{fc}\u{df}e", "boat \u{1f6a2}"]);
        assert_eq!(words(&text(b"\xfc\x1b[2J", Encoding::Latin1, 20)), ["\u{fc}\u{b7}[2J"]);
        assert_eq!(words(&text(b"a\xffb", Encoding::Utf8, 20)), ["a\u{b7}b"]);
    }

    /// Every byte belongs to exactly one line, whatever they are.
    #[test]
    fn lines_leave_nothing_out() {
        let bytes: Vec<u8> = (0..4000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for encoding in [Encoding::Utf8, Encoding::Utf16Low, Encoding::Utf16High, Encoding::Latin1] {
            for len in [0, 1, 2, 3, 999, 4000] {
                let text = text(&bytes[..len], encoding, 7);
                let mut at = 0;
                for line in text.lines(0, usize::MAX) {
                    assert!(line.start == at && line.end > at, "{encoding:?} {len}: {line:?}");
                    at = line.end;
                }
                assert_eq!(at, len as u64, "{encoding:?} {len}");
            }
        }
    }

    #[test]
    fn going_back_meets_the_lines_that_were_passed() {
        let bytes = "one\ntwo three four\n\n\nfive\r\nGr\u{fc}\u{df}e aus Z\u{fc}rich und anderswo\nend".repeat(9);
        for (encoding, bytes) in
            [(Encoding::Utf8, bytes.clone().into_bytes()), (Encoding::Utf16High, utf16(&bytes, true))]
        {
            let text = text(&bytes, encoding, 8);
            let starts: Vec<u64> = text.lines(0, usize::MAX).iter().map(|line| line.start).collect();
            for (index, start) in starts.iter().enumerate() {
                for count in [1, 3, 10] {
                    assert_eq!(text.back(*start, count), starts[index.saturating_sub(count)], "{encoding:?} {index}");
                }
            }
            assert_eq!(text.back(bytes.len() as u64, 1), starts[starts.len() - 1]);
        }
    }

    #[test]
    fn a_line_without_end_can_be_paged_back_through() {
        let bytes = vec![b'x'; 100_000];
        let text = text(&bytes, Encoding::Utf8, 70);
        let mut top = 100_000;
        while top > 0 {
            let before = text.back(top, 20);
            assert!(before < top && top - before <= 1400);
            top = before;
        }
    }

    #[test]
    fn hex_fits_the_screen() {
        for (columns, len, shape) in
            [(76, 1 << 20, (16, 8)), (76, 1 << 33, (16, 9)), (56, 100, (8, 4)), (38, 1 << 40, (4, 11))]
        {
            let (count, digits) = hex_shape(columns, len);
            assert_eq!((count, digits), shape, "{columns} {len}");
            let line = hex_line(0x1f, &vec![Some(0x41); count], count, digits);
            assert!(line.len() <= columns, "{line}");
        }
        let bytes = [Some(0x41), None, Some(0x1b)];
        assert_eq!(hex_line(16, &bytes, 4, 4), "0010  41 -- 1b     A-.");
    }
}

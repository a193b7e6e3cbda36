//! Names: short (8.3, in an OEM code page) and long (UTF-16, spread over entries before the short one).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::directory::RawEntry;

/// What the bytes 80 to FF mean in code page 437, the IBM PC's own. A volume does not say which code page
/// wrote its short names; names that matter have a long name beside them.
const CP437: [char; 128] = [
    'Ç', 'ü', 'é', 'â', 'ä', 'à', 'å', 'ç', 'ê', 'ë', 'è', 'ï', 'î', 'ì', 'Ä', 'Å', 'É', 'æ', 'Æ', 'ô', 'ö', 'ò', 'û',
    'ù', 'ÿ', 'Ö', 'Ü', '¢', '£', '¥', '₧', 'ƒ', 'á', 'í', 'ó', 'ú', 'ñ', 'Ñ', 'ª', 'º', '¿', '⌐', '¬', '½', '¼', '¡',
    '«', '»', '░', '▒', '▓', '│', '┤', '╡', '╢', '╖', '╕', '╣', '║', '╗', '╝', '╜', '╛', '┐', '└', '┴', '┬', '├', '─',
    '┼', '╞', '╟', '╚', '╔', '╩', '╦', '╠', '═', '╬', '╧', '╨', '╤', '╥', '╙', '╘', '╒', '╓', '╫', '╪', '┘', '┌', '█',
    '▄', '▌', '▐', '▀', 'α', 'ß', 'Γ', 'π', 'Σ', 'σ', 'µ', 'τ', 'Φ', 'Θ', 'Ω', 'δ', '∞', 'φ', 'ε', '∩', '≡', '±', '≥',
    '≤', '⌠', '⌡', '÷', '≈', '°', '∙', '·', '√', 'ⁿ', '²', '■', '\u{a0}',
];

/// Long-name entries an entry may have: 20 × 13 units hold the 255 that Windows allows.
pub(super) const MAX_PARTS: u8 = 20;
/// UTF-16 units in a long-name entry.
pub(super) const PART_UNITS: usize = 13;

/// Bytes of an OEM code page as text, trailing spaces removed.
pub(super) fn oem_text(bytes: &[u8]) -> String {
    let end = bytes.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    bytes[..end]
        .iter()
        .map(|byte| match byte {
            0..0x80 => char::from(*byte),
            high => CP437[usize::from(high - 0x80)],
        })
        .collect()
}

/// A short name as Windows shows it: `NAME.EXT`, in lower case where byte 12 of the entry says so (08: the
/// name, 10: the extension; Windows NT sets them instead of writing a long name).
pub(super) fn short_name(entry: &RawEntry) -> String {
    let mut raw = entry.name;
    // A first byte of E5 would mean "deleted", so a name that begins with it (in Kanji) is written with 05.
    if raw[0] == 0x05 {
        raw[0] = 0xE5;
    }
    let (base, extension) = raw.split_at(8);
    let lower = |text: String, flag: u8| if entry.case & flag != 0 { text.to_ascii_lowercase() } else { text };
    let base = lower(oem_text(base), 0x08);
    let extension = lower(oem_text(extension), 0x10);
    harmless(if extension.is_empty() { base } else { format!("{base}.{extension}") })
}

/// The checksum of a short name, by which its long-name entries know it (fatgen103, "ChkSum").
pub(super) fn checksum(name: &[u8; 11]) -> u8 {
    name.iter().fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
}

/// A path separator or NUL inside a name could lead an extraction astray; no such name can be typed either.
fn harmless(name: String) -> String {
    name.replace(['/', '\0'], "\u{fffd}")
}

/// Collects the long-name entries that stand before a short one, last part first. Parts without their
/// beginning, out of order or of another short name are orphans, and ignored.
#[derive(Default)]
pub(super) struct LongName {
    /// The number of the part that was seen last; 0 = none.
    part: u8,
    checksum: u8,
    units: Vec<u16>,
}

impl LongName {
    /// Takes the next long-name entry.
    pub(super) fn push(&mut self, raw: &[u8; 32]) {
        let order = raw[0];
        let number = order & 0x3F;
        if order & 0x40 != 0 && (1..=MAX_PARTS).contains(&number) {
            self.checksum = raw[13];
            self.units.clear();
            self.units.resize(usize::from(number) * PART_UNITS, 0xFFFF);
        } else if self.part < 2 || number != self.part - 1 || raw[13] != self.checksum {
            self.clear();
            return;
        }
        self.part = number;
        let pieces = raw[1..11].as_chunks::<2>().0.iter().chain(raw[14..26].as_chunks::<2>().0);
        let pieces = pieces.chain(raw[28..32].as_chunks::<2>().0);
        let from = usize::from(number - 1) * PART_UNITS;
        for (unit, piece) in self.units[from..].iter_mut().zip(pieces) {
            *unit = u16::from_le_bytes(*piece);
        }
    }

    /// Forgets what was collected.
    pub(super) fn clear(&mut self) {
        self.part = 0;
        self.units.clear();
    }

    /// The long name that belongs to this short one, if all its parts were there. Afterwards empty.
    pub(super) fn take(&mut self, short: &[u8; 11]) -> Option<OsString> {
        let whole = self.part == 1 && self.checksum == checksum(short);
        let end = self.units.iter().position(|unit| *unit == 0).unwrap_or(self.units.len());
        let name = whole.then(|| wtf8(&self.units[..end]));
        self.clear();
        name.filter(|name| !matches!(name.as_encoded_bytes(), b"" | b"." | b".."))
    }
}

/// UTF-16 that may hold lone surrogates, as WTF-8: what is valid becomes UTF-8, a lone one the three bytes
/// that its number would take. Padding (FFFF) at the end is no part of the name.
fn wtf8(units: &[u16]) -> OsString {
    let end = units.iter().rposition(|unit| *unit != 0xFFFF).map_or(0, |last| last + 1);
    let mut bytes = Vec::with_capacity(end * 3);
    for decoded in char::decode_utf16(units[..end].iter().copied()) {
        match decoded {
            Ok('/') => bytes.extend("\u{fffd}".bytes()),
            Ok(letter) => bytes.extend(letter.encode_utf8(&mut [0; 4]).bytes()),
            Err(lone) => {
                let unit = lone.unpaired_surrogate();
                let low = |shift: u16| 0x80 | (unit >> shift & 0x3F) as u8;
                bytes.extend([0xE0 | (unit >> 12) as u8, low(6), low(0)]);
            }
        }
    }
    OsString::from_vec(bytes)
}

/// A name as a key that ignores case as Windows does: letter by letter, where the capital is one letter.
pub(super) fn fold(name: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for letter in chunk.valid().chars() {
            let mut capitals = letter.to_uppercase();
            let capital = match (capitals.next(), capitals.next()) {
                (Some(one), None) => one,
                _ => letter,
            };
            key.extend(capital.encode_utf8(&mut [0; 4]).bytes());
        }
        key.extend(chunk.invalid());
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The long-name entries of `name`, in the order of the disk.
    fn long_entries(name: &[u16], short: &[u8; 11]) -> Vec<[u8; 32]> {
        let mut units = name.to_vec();
        if !units.len().is_multiple_of(PART_UNITS) {
            units.push(0);
        }
        while !units.len().is_multiple_of(PART_UNITS) {
            units.push(0xFFFF);
        }
        let parts = units.len() / PART_UNITS;
        let mut entries = Vec::new();
        for (index, part) in units.chunks(PART_UNITS).enumerate().rev() {
            let mut raw = [0; 32];
            raw[0] = (index as u8 + 1) | if index + 1 == parts { 0x40 } else { 0 };
            raw[11] = 0x0F;
            raw[13] = checksum(short);
            let places = (1..11).step_by(2).chain((14..26).step_by(2)).chain((28..32).step_by(2));
            for (unit, at) in part.iter().zip(places) {
                raw[at..at + 2].copy_from_slice(&unit.to_le_bytes());
            }
            entries.push(raw);
        }
        entries
    }

    fn collect(entries: &[[u8; 32]], short: &[u8; 11]) -> Option<OsString> {
        let mut long = LongName::default();
        entries.iter().for_each(|raw| long.push(raw));
        long.take(short)
    }

    const SHORT: [u8; 11] = *b"LONGNA~1TXT";

    #[test]
    fn a_long_name_of_any_length_is_put_together() {
        for len in [1, 12, 13, 14, 26, 255] {
            let name: Vec<u16> = (0..len).map(|at| u16::from(b'a') + at % 26).collect();
            let text = String::from_utf16(&name).unwrap();
            assert_eq!(collect(&long_entries(&name, &SHORT), &SHORT), Some(text.into()));
        }
    }

    #[test]
    fn parts_that_do_not_belong_together_are_ignored() {
        let name: Vec<u16> = "a name of three parts, no less".encode_utf16().collect();
        let whole = long_entries(&name, &SHORT);
        assert_eq!(whole.len(), 3);
        assert_eq!(collect(&whole[1..], &SHORT), None, "the beginning is missing");
        assert_eq!(collect(&whole[..2], &SHORT), None, "the end is missing");
        assert_eq!(collect(&[whole[0], whole[2]], &SHORT), None, "the middle is missing");
        assert_eq!(collect(&whole, b"OTHER   TXT"), None, "the checksum is another's");
        let mut mixed = whole.clone();
        mixed[1][13] ^= 1;
        assert_eq!(collect(&mixed, &SHORT), None, "a part has another checksum");
        let mut again = vec![whole[0]];
        again.extend(&whole);
        assert!(collect(&again, &SHORT).is_some(), "an orphan before it does no harm");
    }

    #[test]
    fn a_lone_surrogate_survives_and_a_slash_does_not() {
        let name = [u16::from(b'a'), 0xD800, u16::from(b'/'), u16::from(b'b')];
        let found = collect(&long_entries(&name, &SHORT), &SHORT).unwrap();
        assert_eq!(found.as_encoded_bytes(), b"a\xED\xA0\x80\xEF\xBF\xBDb");
        let dots: Vec<u16> = "..".encode_utf16().collect();
        assert_eq!(collect(&long_entries(&dots, &SHORT), &SHORT), None);
    }

    #[test]
    fn short_names_are_shown_as_windows_shows_them() {
        let show = |name: &[u8; 11], case| short_name(&RawEntry { name: *name, case, ..RawEntry::default() });
        assert_eq!(show(b"README  TXT", 0), "README.TXT");
        assert_eq!(show(b"README  TXT", 0x08), "readme.TXT");
        assert_eq!(show(b"README  TXT", 0x18), "readme.txt");
        assert_eq!(show(b"NOEXT      ", 0x10), "NOEXT");
        assert_eq!(show(b"\x05BC     \x9A  ", 0), "σBC.Ü");
        assert_eq!(show(b"A/B     C  ", 0), "A\u{fffd}B.C");
    }

    #[test]
    fn case_is_ignored_letter_by_letter() {
        assert_eq!(fold("straße.ÄÖü".as_bytes()), "STRAßE.ÄÖÜ".as_bytes());
        assert_eq!(fold(b"a\xED\xA0\x80b"), b"A\xED\xA0\x80B");
    }
}

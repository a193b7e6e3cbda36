//! Names of what comes to be: what may be one, and the short name beside it.
//!
//! A name gets a long entry unless it is a short name in capitals as it stands. Short names follow fatgen103, "Short
//! Name Limits and Character Sets" and "Generating 8.3 Names from Long Names" (the *basis name* and its *numeric
//! tail*): capitals; spaces and all dots but the last are dropped; what no short name can have becomes `_`; eight and
//! three bytes. Where something was dropped or replaced, or the short name is taken, `~1`, `~2` … takes the place of
//! its end: the first number that is free, up to 999,999. (Windows itself goes over to a digest of the name after
//! `~4`; this is its way to be fast, and no rule of the format.)
//!
//! Letters beyond ASCII become `_` in the short name: a volume does not say in which code page they would be read.

use std::ffi::OsStr;
use std::path::{Component, Path};

use crate::error::{Error, Result};
use crate::fs::fat::directory::{ENTRY_BYTES, LONG_NAME};
use crate::fs::fat::name::{PART_UNITS, checksum};

/// Longest long name, in UTF-16 units (fatgen103, "Long File Names": 255 without the NUL).
const MAX_UNITS: usize = 255;
/// What no long name has (fatgen103, "Long Name Limits"; Windows and Linux refuse them, too).
const ILLEGAL: &str = "\"*/:<>?\\|";
/// What a short name may have beside letters and digits (fatgen103, "Short Name Limits").
const SHORT_EXTRA: &[u8] = b"$%'-_@~`!(){}^#&";
/// Names that Windows takes for devices, with any extension: nobody could open such a file there.
const DEVICES: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];
/// The largest numeric tail (fatgen103, "The Numeric-Tail Generation Algorithm").
const MAX_TAIL: u32 = 999_999;

/// Says that there is no such file.
pub(super) fn missing(path: &Path) -> Error {
    Error::refused(format!("there is no {} on this volume", path.display()))
}

/// Says that a name is no text.
pub(super) fn no_unicode(name: &str) -> Error {
    Error::refused(format!("{name} cannot be a name on FAT: it is no Unicode"))
}

/// A path's directory and its last name.
pub(super) fn split(path: &Path) -> Result<(&Path, &[u8])> {
    match (path.parent(), path.file_name()) {
        (Some(directory), Some(name)) => Ok((directory, name.as_encoded_bytes())),
        _ => Err(missing(path)),
    }
}

/// The names that lead from the root to a directory.
pub(super) fn components(path: &Path) -> Result<Vec<&OsStr>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => names.push(name),
            Component::ParentDir | Component::Prefix(_) => return Err(missing(path)),
        }
    }
    Ok(names)
}

/// A name that may be given, as UTF-16.
///
/// # Errors
/// `Refused`, saying what is wrong with it.
pub(super) fn check(name: &str) -> Result<Vec<u16>> {
    let refuse = |why: String| Err(Error::refused(format!("{name:?} cannot be a name on FAT: {why}")));
    if name.is_empty() || name == "." || name == ".." {
        return refuse("it is empty, or means the directory itself or the one above".into());
    }
    if let Some(bad) = name.chars().find(|letter| ILLEGAL.contains(*letter) || u32::from(*letter) < 0x20) {
        return refuse(format!("it has {bad:?}"));
    }
    if name.ends_with(['.', ' ']) {
        return refuse("it ends with a dot or a space, which Windows drops".into());
    }
    let stem = name.split('.').next().unwrap_or_default().trim_end_matches(' ').to_ascii_uppercase();
    let numbered =
        |prefix: &str| stem.strip_prefix(prefix).is_some_and(|rest| matches!(rest.as_bytes(), [b'1'..=b'9']));
    if DEVICES.contains(&stem.as_str()) || numbered("COM") || numbered("LPT") {
        return refuse("Windows takes it for a device".into());
    }
    let units: Vec<u16> = name.encode_utf16().collect();
    if units.len() > MAX_UNITS {
        return refuse(format!("it has {} UTF-16 units, and {MAX_UNITS} is the most", units.len()));
    }
    Ok(units)
}

/// The short name that goes with a name, `taken` saying of a short name whether it is; and whether it says all.
///
/// # Errors
/// When a million of them are taken.
pub(super) fn short_for(name: &str, mut taken: impl FnMut(&[u8; 11]) -> bool) -> Result<([u8; 11], bool)> {
    let basis = Basis::of(name);
    let plain = basis.with_tail("");
    let exact = !basis.lossy && name.bytes().all(|byte| !byte.is_ascii_lowercase());
    if !basis.lossy && !taken(&plain) {
        return Ok((plain, exact));
    }
    (1..=MAX_TAIL)
        .map(|number| basis.with_tail(&format!("~{number}")))
        .find(|short| !taken(short))
        .map(|short| (short, false))
        .ok_or_else(|| Error::refused(format!("no short name is left for {name:?} in its directory")))
}

/// A short name before its tail.
struct Basis {
    base: Vec<u8>,
    extension: Vec<u8>,
    /// Something was dropped or replaced.
    lossy: bool,
}

impl Basis {
    fn of(name: &str) -> Self {
        let mut lossy = false;
        let without_spaces = name.replace(' ', "");
        let trimmed = without_spaces.trim_start_matches('.');
        lossy |= trimmed.len() != name.len();
        let (base, extension) = trimmed.rsplit_once('.').unwrap_or((trimmed, ""));
        let mut part = |text: &str, most: usize| {
            let mut bytes = Vec::new();
            for letter in text.chars() {
                match u8::try_from(letter) {
                    Ok(byte) if byte.is_ascii_alphanumeric() || SHORT_EXTRA.contains(&byte) => {
                        bytes.push(byte.to_ascii_uppercase());
                    }
                    Ok(b'.') => lossy = true,
                    _ => {
                        bytes.push(b'_');
                        lossy = true;
                    }
                }
            }
            lossy |= bytes.len() > most;
            bytes.truncate(most);
            bytes
        };
        let (mut base, extension) = (part(base, 8), part(extension, 3));
        if base.is_empty() {
            base.push(b'_');
            lossy = true;
        }
        Self { base, extension, lossy }
    }

    fn with_tail(&self, tail: &str) -> [u8; 11] {
        let mut short = [b' '; 11];
        let keep = self.base.len().min(8 - tail.len());
        short[..keep].copy_from_slice(&self.base[..keep]);
        short[keep..keep + tail.len()].copy_from_slice(tail.as_bytes());
        short[8..8 + self.extension.len()].copy_from_slice(&self.extension);
        short
    }
}

/// The long-name entries of a name, as they stand before its short one: last part first. Each has 13 units at 1, 14
/// and 28, a number from 1 (the last part's with 40), attributes 0F and the short name's checksum; a NUL ends a name
/// that does not fill its last part, and FFFF follows (fatgen103, "FAT Long Directory Entries").
pub(super) fn long_entries(units: &[u16], short: &[u8; 11]) -> Vec<[u8; ENTRY_BYTES]> {
    let parts = units.len().div_ceil(PART_UNITS);
    let mut padded = units.to_vec();
    if padded.len() < parts * PART_UNITS {
        padded.push(0);
        padded.resize(parts * PART_UNITS, 0xFFFF);
    }
    let mut entries = Vec::new();
    for (index, part) in padded.chunks(PART_UNITS).enumerate().rev() {
        let mut raw = [0; ENTRY_BYTES];
        // At most 20 parts.
        raw[0] = (index as u8 + 1) | if index + 1 == parts { 0x40 } else { 0 };
        raw[11] = LONG_NAME;
        raw[13] = checksum(short);
        let places = (1..11).step_by(2).chain((14..26).step_by(2)).chain((28..32).step_by(2));
        for (unit, at) in part.iter().zip(places) {
            raw[at..at + 2].copy_from_slice(&unit.to_le_bytes());
        }
        entries.push(raw);
    }
    entries
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn short(name: &str, taken: &[&str]) -> (String, bool) {
        let taken: HashSet<&[u8]> = taken.iter().map(|name| name.as_bytes()).collect();
        let (short, exact) = short_for(name, |short| taken.contains(&short[..])).unwrap();
        (String::from_utf8(short.to_vec()).unwrap(), exact)
    }

    #[test]
    fn short_names_are_those_of_the_specification() {
        let cases = [
            ("LIFEBOAT", "LIFEBOAT   ", true),
            ("A.B", "A       B  ", true),
            ("toc.lbc", "TOC     LBC", false),
            ("toc-begin.lbc", "TOC-BE~1LBC", false),
            ("NAME.lbi", "NAME    LBI", false),
            ("The quick brown.fox", "THEQUI~1FOX", false),
            (".hidden", "HIDDEN~1   ", false),
            ("a.b.c.d", "ABC~1   D  ", false),
            ("a+b.txt", "A_B~1   TXT", false),
            ("Grüße.txt", "GR__E~1 TXT", false),
            ("世界", "__~1       ", false),
            ("file.html", "FILE~1  HTM", false),
            ("x.y ", "X~1     Y  ", false),
        ];
        for (name, wanted, exact) in cases {
            assert_eq!(short(name, &[]), (wanted.to_owned(), exact), "{name}");
        }
    }

    #[test]
    fn tails_count_on_and_shorten_the_base() {
        assert_eq!(short("TOC.LBC", &["TOC     LBC"]).0, "TOC~1   LBC");
        let taken: Vec<String> = (1..=10)
            .map(|n| {
                let tail = format!("~{n}");
                format!("{}{tail}LBC", &"TOC-BEGI"[..8 - tail.len()])
            })
            .collect();
        let taken: Vec<&str> = taken.iter().map(String::as_str).collect();
        assert_eq!(short("toc-begin.lbc", &taken[..9]).0, "TOC-B~10LBC");
        assert_eq!(short("toc-begin.lbc", &taken).0, "TOC-B~11LBC");
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        let long = "n".repeat(256);
        let bad = ["", ".", "..", "a/b", "a\\b", "a:b", "a*", "a?", "\"", "<", ">", "|", "a\u{1}", "a.", "a ", "con"];
        for name in bad.into_iter().chain(["Nul.txt", "COM1", "lpt9.x", &long]) {
            assert!(check(name).is_err(), "{name:?}");
        }
        for name in ["a", ".a", "COM10", "CONSOLE", "com0", "😀", &long[1..]] {
            assert!(check(name).is_ok(), "{name:?}");
        }
    }
}

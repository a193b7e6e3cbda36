//! Names, their order and their time stamps.
//!
//! NTFS names are any 16-bit units; as WTF-8 (UTF-8 that also encodes lone surrogates) each has exactly one
//! `OsString`. Case is ignored by the volume's own table `$UpCase`, one unit for each of the 65536.

use std::cmp::Ordering;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// 100 ns intervals in a second.
const TICKS: i64 = 10_000_000;

/// Seconds from 1601, where Windows begins to count, to 1970.
const EPOCH_SECONDS: i64 = 11_644_473_600;

/// A name as an `OsString`: WTF-8.
pub(super) fn to_os(units: &[u16]) -> OsString {
    let mut bytes = Vec::with_capacity(units.len());
    for unit in char::decode_utf16(units.iter().copied()) {
        match unit {
            Ok(character) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(lone) => {
                let unit = lone.unpaired_surrogate();
                let low = |bits: u16| 0x80 | (bits & 0x3F) as u8;
                bytes.extend_from_slice(&[0xE0 | (unit >> 12) as u8, low(unit >> 6), low(unit)]);
            }
        }
    }
    OsString::from_vec(bytes)
}

/// The units of a WTF-8 name, or `None` when no name of NTFS is written so.
pub(super) fn from_os(name: &OsStr) -> Option<Vec<u16>> {
    match name.to_str() {
        Some(text) => Some(text.encode_utf16().collect()),
        None => surrogates(name.as_bytes()),
    }
}

/// Decodes WTF-8 that has lone surrogates in it.
fn surrogates(mut bytes: &[u8]) -> Option<Vec<u16>> {
    let mut units = Vec::new();
    while !bytes.is_empty() {
        let good = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?,
        };
        units.extend(good.encode_utf16());
        bytes = &bytes[good.len()..];
        match *bytes {
            [] => {}
            [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, ref rest @ ..] => {
                units.push(0xD000 | (u16::from(second & 0x3F) << 6) | u16::from(third & 0x3F));
                bytes = rest;
            }
            _ => return None,
        }
    }
    Some(units)
}

/// A FILETIME (100 ns since 1601) as a time stamp, when it is one that can be.
pub(super) fn timestamp(filetime: u64) -> Option<jiff::Timestamp> {
    let ticks = i64::try_from(filetime).ok()?;
    let nanoseconds = i32::try_from(ticks % TICKS).ok()? * 100;
    jiff::Timestamp::new(ticks / TICKS - EPOCH_SECONDS, nanoseconds).ok()
}

/// A time stamp as a FILETIME; one before 1601 is that year's beginning.
pub(super) fn filetime(time: jiff::Timestamp) -> u64 {
    let ticks = time.as_nanosecond() / 100 + i128::from(EPOCH_SECONDS) * i128::from(TICKS);
    u64::try_from(ticks.max(0)).unwrap_or(0)
}

/// The volume's table of upper-case letters.
pub(super) struct UpCase(Vec<u16>);

impl UpCase {
    /// The table read from `$UpCase`; units that a short one lacks stand for themselves.
    pub(super) fn new(table: Vec<u16>) -> Self {
        Self(table)
    }

    /// A table for a volume whose own cannot be read: the simple mappings of Unicode.
    pub(super) fn unicode() -> Self {
        let upper = |unit: u16| {
            let mut mapped = char::from_u32(u32::from(unit))?.to_uppercase();
            let first = mapped.next().filter(|_| mapped.next().is_none())?;
            u16::try_from(u32::from(first)).ok()
        };
        Self((0..=u16::MAX).map(|unit| upper(unit).unwrap_or(unit)).collect())
    }

    /// The upper case of a unit.
    pub(super) fn upper(&self, unit: u16) -> u16 {
        self.0.get(usize::from(unit)).copied().unwrap_or(unit)
    }

    /// The order of two names without regard to case.
    pub(super) fn compare(&self, left: &[u16], right: &[u16]) -> Ordering {
        left.iter().map(|unit| self.upper(*unit)).cmp(right.iter().map(|unit| self.upper(*unit)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_before_1970_and_absurd_ones_are_handled() {
        assert_eq!(timestamp(116_444_736_000_000_000).unwrap().as_second(), 0);
        assert_eq!(timestamp(0).unwrap().to_string(), "1601-01-01T00:00:00Z");
        assert_eq!(timestamp(116_444_736_000_000_001).unwrap().as_nanosecond(), 100);
        assert_eq!(timestamp(u64::MAX), None);
        assert_eq!(timestamp(i64::MAX as u64), None);
    }

    #[test]
    fn case_is_ignored_by_the_table() {
        let table = UpCase::unicode();
        let units = |text: &str| text.encode_utf16().collect::<Vec<_>>();
        assert_eq!(table.compare(&units("Straße.TXT"), &units("sTRAßE.txt")), Ordering::Equal);
        assert_eq!(table.compare(&units("a"), &units("B")), Ordering::Less);
    }

    proptest! {
        #[test]
        fn every_name_survives_the_way_there_and_back(units in prop::collection::vec(any::<u16>(), 0..20)) {
            prop_assert_eq!(from_os(&to_os(&units)), Some(units));
        }

        #[test]
        fn lone_surrogates_survive(units in prop::collection::vec(0xD7F0u16..0xE010, 0..12)) {
            prop_assert_eq!(from_os(&to_os(&units)), Some(units));
        }
    }
}

//! The orders of keys in indexes.
//!
//! | Rule | Keys | Order |
//! |---|---|---|
//! | 0x00 | bytes | byte by byte |
//! | 0x01 | file names | by `$UpCase`, then by the units themselves (names that differ in case only) |
//! | 0x10 | one 32-bit number (`$SII`, `$Q`) | by value |
//! | 0x11 | security identifiers (`$Quota`'s `$O`) | not judged: no two sources tell the same |
//! | 0x12 | hash and id (`$SDH`) | by hash, then by id |
//! | 0x13 | 32-bit numbers (`$ObjId`'s `$O`, `$R`) | number by number, then by length |
//!
//! Source: ntfs-3g's `layout.h` (names of the rules) and its behaviour (`collate.c`, `unistr.c`); the order of names
//! that differ in case only is that in which Windows and ntfs-3g write them.

use std::cmp::Ordering;

use super::super::name::UpCase;
use super::super::record::kind;
use super::super::view::FileName;

/// A rule that this module knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Rule(pub(super) u32);

impl Rule {
    /// The rule for names of files.
    pub(super) const FILE_NAME: Self = Self(0x01);

    /// The rule that an index must have, by its name and what it indexes; `None` when that is not known.
    pub(super) fn expected(name: &str, indexed: u32) -> Option<Self> {
        match (name, indexed) {
            ("$I30", kind::FILE_NAME) => Some(Self::FILE_NAME),
            ("$SII" | "$Q", 0) => Some(Self(0x10)),
            ("$SDH", 0) => Some(Self(0x12)),
            ("$R", 0) => Some(Self(0x13)),
            _ => None,
        }
    }

    /// True for a rule that Windows has.
    pub(super) fn is_known(self) -> bool {
        matches!(self.0, 0..=2 | 0x10..=0x13)
    }

    /// True when a key has the length that the rule asks for.
    pub(super) fn fits(self, key: &[u8]) -> bool {
        match self.0 {
            0x01 => FileName::read(key).is_some_and(|name| name.space <= 3 && !name.name.is_empty()),
            0x10 => key.len() == 4,
            0x12 => key.len() == 8,
            0x13 => !key.is_empty() && key.len().is_multiple_of(4),
            _ => true,
        }
    }

    /// The order of two keys that fit; `None` when the rule is not judged.
    pub(super) fn compare(self, left: &[u8], right: &[u8], upcase: &UpCase) -> Option<Ordering> {
        match self.0 {
            0x00 => Some(left.cmp(right)),
            0x01 => {
                let (left, right) = (FileName::read(left)?.name, FileName::read(right)?.name);
                let order = units(left).map(|unit| upcase.upper(unit)).cmp(units(right).map(|unit| upcase.upper(unit)));
                Some(order.then_with(|| units(left).cmp(units(right))))
            }
            0x10 | 0x12 | 0x13 => Some(numbers(left).cmp(numbers(right))),
            _ => None,
        }
    }
}

fn units(name: &[u8]) -> impl Iterator<Item = u16> {
    name.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes))
}

fn numbers(key: &[u8]) -> impl Iterator<Item = u32> {
    key.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Vec<u8> {
        let units: Vec<u16> = name.encode_utf16().collect();
        let mut key = vec![0; 66];
        key[64] = units.len() as u8;
        key.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        key
    }

    #[test]
    fn names_are_ordered_without_case_and_then_with_it() {
        let upcase = UpCase::unicode();
        let order = |left: &str, right: &str| Rule::FILE_NAME.compare(&key(left), &key(right), &upcase);
        assert_eq!(order("UPPER", "Upper"), Some(Ordering::Less));
        assert_eq!(order("Upper", "upper"), Some(Ordering::Less));
        assert_eq!(order("upper", "UPPER1"), Some(Ordering::Less));
        assert_eq!(order("b", "A"), Some(Ordering::Greater));
        assert_eq!(order("a", "a"), Some(Ordering::Equal));
    }

    #[test]
    fn numbers_are_ordered_by_value_and_not_by_byte() {
        let upcase = UpCase::unicode();
        assert_eq!(Rule(0x10).compare(&[0, 1, 0, 0], &[1, 0, 0, 0], &upcase), Some(Ordering::Greater));
        assert_eq!(
            Rule(0x12).compare(&[1, 0, 0, 0, 9, 0, 0, 0], &[1, 0, 0, 0, 10, 0, 0, 0], &upcase),
            Some(Ordering::Less)
        );
        assert!(!Rule(0x10).fits(&[1, 2, 3]) && Rule(0x13).fits(&[0; 16]));
    }
}

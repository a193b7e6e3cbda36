//! Bytes as text, in hex: how records and copies of tables are kept in text formats.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// The bytes that an even number of hex digits stands for; `None` for anything else.
#[must_use]
pub fn bytes_from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    bytes_from_hex(&text).ok_or_else(|| D::Error::custom("expected an even number of hex digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pairs_of_hex_digits_are_bytes() {
        assert_eq!(bytes_from_hex("00ffA5"), Some(vec![0, 0xff, 0xa5]));
        assert_eq!(bytes_from_hex(""), Some(vec![]));
        for wrong in ["0", "0g", "é", "+1", " 1"] {
            assert_eq!(bytes_from_hex(wrong), None, "{wrong}");
        }
    }
}

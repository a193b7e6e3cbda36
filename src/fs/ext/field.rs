//! Little-endian fields of on-disk structures, and the two checksums that ext uses.
//!
//! A field past the end of its buffer reads as 0: buffers have the structure's length by construction,
//! and a mistake here must not become a panic on a stranger's disk.

use crate::bytes::{u16_at, u32_at};

/// The 16-bit field at `at`.
pub(super) fn le16(bytes: &[u8], at: usize) -> u16 {
    u16_at(bytes, at).unwrap_or(0)
}

/// The 32-bit field at `at`.
pub(super) fn le32(bytes: &[u8], at: usize) -> u32 {
    u32_at(bytes, at).unwrap_or(0)
}

/// The two 32-bit halves of a number, which ext keeps apart because the upper one came later.
pub(super) fn halves(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// CRC-32C as ext4 chains it: `seed` is the state itself, and the result is not inverted.
pub(super) fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    !::crc32c::crc32c_append(!seed, bytes)
}

/// CRC-16 (polynomial 0x8005, reflected), which `uninit_bg` protects group descriptors with.
pub(super) fn crc16(seed: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(seed, |state, byte| {
        (0..8).fold(state ^ u16::from(*byte), |bits, _| if bits & 1 == 1 { bits >> 1 ^ 0xa001 } else { bits >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_give_the_published_check_values() {
        assert_eq!(!crc32c(!0, b"123456789"), 0xe306_9283);
        assert_eq!(crc16(0xffff, b"123456789"), 0x4b37, "CRC-16/MODBUS");
        assert_eq!(crc32c(crc32c(!0, b"1234"), b"56789"), crc32c(!0, b"123456789"));
    }

    #[test]
    fn a_field_past_the_end_reads_as_zero() {
        assert_eq!(le16(&[1], 0), 0);
        assert_eq!(le32(&[1, 2, 3, 4], 9), 0);
        assert_eq!(halves(5, 1), (1 << 32) + 5);
    }
}

//! The stream that a decompressed image is: partclone's image format, version 2.
//!
//! | Offset | Size | Meaning |
//! |---:|---:|---|
//! | 0 | 16 | `partclone-image` and a zero byte |
//! | 16 | 14 | program version, padded with zeros |
//! | 30 | 4 | `0002` |
//! | 34 | 2 | `0xC0DE` in the writer's byte order |
//! | 36 | 16 | name of the file system, padded with zeros |
//! | 52 | 8 | the volume's length in bytes |
//! | 60 | 8 | blocks in all |
//! | 68 | 8 | used blocks by the superblock |
//! | 76 | 8 | used blocks by the bitmap |
//! | 84 | 4 | bytes in a block |
//! | 88 | 4 | length of the options that follow: 18 |
//! | 92 | 2 | image version: 2 |
//! | 94 | 2 | 64 (bits of the processor) |
//! | 96 | 2 | checksum mode: 0, none (the digests are in our records) |
//! | 98 | 2 | bytes in a checksum: 0 |
//! | 100 | 4 | blocks in a checksum: 0 |
//! | 104 | 1 | reseed the checksum: 1 |
//! | 105 | 1 | bitmap mode: 1, one bit a block |
//! | 106 | 4 | CRC of the bytes before |
//!
//! Then the bitmap (one bit a block, least significant first, up to a whole byte), its CRC, and the used
//! blocks in order. The CRC is CRC-32 (IEEE) without the final inversion. Source: partclone's
//! `IMAGE_FORMATS.md` and images made by partclone 0.3.23.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{Immutable, IntoBytes, Unaligned};

use super::Header;
use crate::volume::Kind;

#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct Head {
    magic: [u8; 16],
    program_version: [u8; 14],
    image_version_text: [u8; 4],
    endianness: U16,
    fs: [u8; 16],
    device_size: U64,
    total_blocks: U64,
    superblock_used_blocks: U64,
    used_blocks: U64,
    block_size: U32,
    feature_size: U32,
    image_version: U16,
    cpu_bits: U16,
    checksum_mode: U16,
    checksum_size: U16,
    blocks_per_checksum: U32,
    reseed_checksum: u8,
    bitmap_mode: u8,
}

const _: () = assert!(size_of::<Head>() == 106);

/// The stream's header for an image.
#[must_use]
pub fn header(image: &Header) -> Vec<u8> {
    let head = Head {
        magic: *b"partclone-image\0",
        program_version: padded("lifeboat"),
        image_version_text: *b"0002",
        endianness: 0xC0DE.into(),
        fs: padded(name(image.volume.kind)),
        device_size: image.grid.len().0.into(),
        total_blocks: image.grid.clusters.into(),
        superblock_used_blocks: image.image_clusters.into(),
        used_blocks: image.image_clusters.into(),
        block_size: image.grid.cluster_bytes.into(),
        feature_size: 18.into(),
        image_version: 2.into(),
        cpu_bits: 64.into(),
        checksum_mode: 0.into(),
        checksum_size: 0.into(),
        blocks_per_checksum: 0.into(),
        reseed_checksum: 1,
        bitmap_mode: 1,
    };
    let mut bytes = head.as_bytes().to_vec();
    let crc = Crc::default().update(&bytes).bytes();
    bytes.extend_from_slice(&crc);
    bytes
}

/// The file system's name in partclone's words, which its restore shows.
fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Fat12 => "FAT12",
        Kind::Fat16 => "FAT16",
        Kind::Fat32 => "FAT32",
        Kind::Ntfs => "NTFS",
        Kind::Ext2 | Kind::Ext3 | Kind::Ext4 => "EXTFS",
        _ => "raw",
    }
}

fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    for (to, from) in bytes.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    bytes
}

/// Partclone's CRC: CRC-32 (IEEE) without the final inversion.
#[derive(Clone, Default)]
pub struct Crc(crc32fast::Hasher);

impl Crc {
    /// Takes in more bytes.
    #[must_use]
    pub fn update(mut self, bytes: &[u8]) -> Self {
        self.0.update(bytes);
        self
    }

    /// The CRC as it stands in the stream.
    #[must_use]
    pub fn bytes(self) -> [u8; 4] {
        (!self.0.finalize()).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_the_one_partclone_writes() {
        // Offsets 0 to 109 of an image written by `partclone.ext4 -c -a0` 0.3.23.
        let mut bytes = b"partclone-image\x00".to_vec();
        bytes.extend(padded::<14>("0.3.23"));
        bytes.extend(b"0002");
        bytes.extend([0xde, 0xc0]);
        bytes.extend(padded::<16>("EXTFS"));
        for number in [0x4b00_0000u64, 0x4b000, 0x2ef5a, 0x2ef5a] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend([0, 0x10, 0, 0, 0x12, 0, 0, 0, 2, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(bytes.len(), 106);
        assert_eq!(Crc::default().update(&bytes).bytes(), [0x9c, 0x5d, 0x65, 0xd9]);
    }
}

//! LZNT1, the compression of NTFS files.
//!
//! A stream of chunks, each for 4096 bytes: a 16-bit header (low 12 bits: length of the body minus one; top
//! bit: compressed; zero: the end), then the body, plain or in groups of a flag byte and eight tokens: a literal
//! byte, or 16 bits that hold a distance and a length whose widths depend on how much of the chunk is there
//! already. Source: \[MS-XCA\] section 2.5.

use crate::bytes::u16_at;

/// Bytes that a chunk holds.
const CHUNK_BYTES: usize = 4096;

/// Unpacks `packed` into `out`, whose rest becomes zeros. `None` when the stream contradicts itself.
pub(super) fn decompress(packed: &[u8], out: &mut [u8]) -> Option<()> {
    out.fill(0);
    let mut at = 0;
    for chunk in out.chunks_mut(CHUNK_BYTES) {
        let header = match u16_at(packed, at) {
            None | Some(0) => return Some(()),
            Some(header) => header,
        };
        let body_len = usize::from(header & 0x0FFF) + 1;
        let body = packed.get(at + 2..at + 2 + body_len)?;
        if header & 0x8000 == 0 {
            chunk.get_mut(..body_len)?.copy_from_slice(body);
        } else {
            decompress_chunk(body, chunk)?;
        }
        at += 2 + body_len;
    }
    Some(())
}

fn decompress_chunk(body: &[u8], chunk: &mut [u8]) -> Option<()> {
    let (mut at, mut done) = (0, 0);
    while at < body.len() {
        let flags = body[at];
        at += 1;
        for bit in 0..8 {
            if at >= body.len() || done >= chunk.len() {
                break;
            }
            if flags & (1 << bit) == 0 {
                chunk[done] = body[at];
                at += 1;
                done += 1;
                continue;
            }
            let token = usize::from(u16_at(body, at)?);
            at += 2;
            // The first byte of a chunk has nothing to copy from.
            let mut reach = done.checked_sub(1)?;
            let mut shift = 12;
            while reach >= 0x10 {
                shift -= 1;
                reach >>= 1;
            }
            let distance = (token >> shift) + 1;
            let length = (token & ((1 << shift) - 1)) + 3;
            let from = done.checked_sub(distance)?;
            // Byte by byte, because a copy may run into what it has just written; a token may point past the
            // end of a cut chunk.
            for step in 0..length.min(chunk.len() - done) {
                chunk[done + step] = chunk[from + step];
            }
            done = (done + length).min(chunk.len());
        }
        if done >= chunk.len() {
            break;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_repeated_byte_unpacks() {
        // One literal, then a copy of the 4095 bytes that repeat it.
        let packed = [0x03, 0xB0, 0x02, b'a', 0xFC, 0x0F, 0, 0];
        let mut out = vec![0xEE; 4096 + 7];
        decompress(&packed, &mut out).unwrap();
        assert!(out[..4096].iter().all(|b| *b == b'a'));
        assert!(out[4096..].iter().all(|b| *b == 0));
    }

    #[test]
    fn the_example_of_the_specification_unpacks() {
        // \[MS-XCA\] 3.3.
        let packed = [
            0x38, 0xb0, 0x88, 0x46, 0x23, 0x20, 0x00, 0x20, 0x47, 0x20, 0x41, 0x00, 0x10, 0xa2, 0x47, 0x01, 0xa0, 0x45,
            0x20, 0x44, 0x00, 0x08, 0x45, 0x01, 0x50, 0x79, 0x00, 0xc0, 0x45, 0x20, 0x05, 0x24, 0x13, 0x88, 0x05, 0xb4,
            0x02, 0x4a, 0x44, 0xef, 0x03, 0x58, 0x02, 0x8c, 0x09, 0x16, 0x01, 0x48, 0x45, 0x00, 0xbe, 0x00, 0x9e, 0x00,
            0x04, 0x01, 0x18, 0x90, 0x00,
        ];
        let mut out = vec![0; 142];
        decompress(&packed, &mut out).unwrap();
        let text = "F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# D E F# G F# E D E A F# F# G A A G F# E D D E F# E D D\0";
        assert_eq!(&out[..text.len()], text.as_bytes());
    }

    proptest! {
        #[test]
        fn any_bytes_unpack_or_are_refused(packed in prop::collection::vec(any::<u8>(), 0..300), len in 0usize..9000) {
            let mut out = vec![0; len];
            let _ = decompress(&packed, &mut out);
        }
    }
}

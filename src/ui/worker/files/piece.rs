//! A piece of a file, with what cannot be read left out.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fs::Tree;

use super::super::super::model::Trouble;
use super::super::super::msg::Piece;

/// How long a piece is.
const PIECE_BYTES: usize = 64 << 10;

/// Where a piece cannot be read as one, it is read in parts of this size: all but the bad ones are shown.
const PART_BYTES: usize = 4 << 10;

/// Reads a piece of a file from a byte on.
pub(super) fn read(tree: &dyn Tree, path: &Path, offset: u64) -> Result<Piece> {
    Ok(gather(&mut *tree.open(path)?, path, offset))
}

fn gather<C: Read + Seek + ?Sized>(content: &mut C, path: &Path, offset: u64) -> Piece {
    let until = offset.saturating_add(PIECE_BYTES as u64);
    let mut piece = Piece { offset, until, ..Piece::default() };
    if let Ok(bytes) = part(content, offset, PIECE_BYTES) {
        piece.bytes = Arc::new(bytes);
        return piece;
    }
    let mut bytes = Vec::with_capacity(PIECE_BYTES);
    while bytes.len() < PIECE_BYTES {
        let at = offset + bytes.len() as u64;
        match part(content, at, PART_BYTES) {
            Ok(read) => {
                let is_last = read.len() < PART_BYTES;
                bytes.extend(read);
                if is_last {
                    break;
                }
            }
            Err(error) => {
                let end = content.seek(SeekFrom::End(0)).unwrap_or(until).min(at + PART_BYTES as u64).max(at);
                piece.trouble.get_or_insert_with(|| Trouble::from(&Error::io(path.display().to_string(), error)));
                match piece.holes.last_mut() {
                    Some((_, to)) if *to == at => *to = end,
                    _ => piece.holes.push((at, end)),
                }
                bytes.resize(bytes.len() + (end - at) as usize, 0);
                if end < at + PART_BYTES as u64 {
                    break;
                }
            }
        }
    }
    piece.bytes = Arc::new(bytes);
    piece
}

/// Reads so many bytes, or up to the end.
fn part<C: Read + Seek + ?Sized>(mut content: &mut C, at: u64, len: usize) -> std::io::Result<Vec<u8>> {
    content.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::with_capacity(len);
    Read::take(&mut content, len as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A file with a place that cannot be read.
    struct Scratched {
        content: Cursor<Vec<u8>>,
        bad: std::ops::Range<u64>,
    }

    impl Read for Scratched {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            let at = self.content.position();
            if self.bad.contains(&at) {
                return Err(std::io::Error::other("a bad sector"));
            }
            let until = if at < self.bad.start { self.bad.start - at } else { u64::MAX };
            let len = buf.len().min(usize::try_from(until).unwrap_or(usize::MAX));
            self.content.read(&mut buf[..len])
        }
    }

    impl Seek for Scratched {
        fn seek(&mut self, from: SeekFrom) -> std::io::Result<u64> {
            self.content.seek(from)
        }
    }

    fn scratched(len: usize, bad: std::ops::Range<u64>) -> (Vec<u8>, Scratched) {
        let bytes: Vec<u8> = (0..len).map(|at| (at / 7) as u8).collect();
        (bytes.clone(), Scratched { content: Cursor::new(bytes), bad })
    }

    #[test]
    fn a_piece_is_as_long_as_asked_for_or_ends_with_the_file() {
        let (bytes, mut file) = scratched(100_000, 0..0);
        let piece = gather(&mut file, Path::new("/f"), 8192);
        assert_eq!(piece.bytes[..], bytes[8192..8192 + PIECE_BYTES]);
        let piece = gather(&mut file, Path::new("/f"), 98_304);
        assert_eq!((piece.bytes[..].to_vec(), piece.holes), (bytes[98_304..].to_vec(), vec![]));
        assert!(gather(&mut file, Path::new("/f"), 1 << 40).bytes.is_empty());
    }

    #[test]
    fn what_lies_around_a_bad_place_is_shown() {
        let (bytes, mut file) = scratched(100_000, 20_000..21_000);
        let piece = gather(&mut file, Path::new("/f"), 0);
        assert_eq!(piece.holes, [(16_384, 24_576)], "two parts of 4 KiB hold the bad place");
        assert_eq!(piece.bytes[..16_384], bytes[..16_384]);
        assert!(piece.bytes[16_384..24_576].iter().all(|byte| *byte == 0));
        assert_eq!(piece.bytes[24_576..], bytes[24_576..PIECE_BYTES]);
        assert!(piece.trouble.unwrap().what.contains("a bad sector"));
        // The file's last bytes.
        let (_, mut file) = scratched(10_000, 9_000..10_000);
        let piece = gather(&mut file, Path::new("/f"), 0);
        assert_eq!((piece.bytes.len(), piece.holes), (10_000, vec![(8192, 10_000)]));
    }
}

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
    let mut content = tree.open(path)?;
    let until = offset.saturating_add(PIECE_BYTES as u64);
    let mut piece = Piece { offset, until, ..Piece::default() };
    if let Ok(bytes) = part(&mut content, offset, PIECE_BYTES) {
        piece.bytes = Arc::new(bytes);
        return Ok(piece);
    }
    let mut bytes = Vec::with_capacity(PIECE_BYTES);
    while bytes.len() < PIECE_BYTES {
        let at = offset + bytes.len() as u64;
        match part(&mut content, at, PART_BYTES) {
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
    Ok(piece)
}

/// Reads so many bytes, or up to the end.
fn part<C: Read + Seek + ?Sized>(content: &mut Box<C>, at: u64, len: usize) -> std::io::Result<Vec<u8>> {
    content.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::with_capacity(len);
    content.by_ref().take(len as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

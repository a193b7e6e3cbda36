//! A disk from its first byte to its last: partitions, what was found without one, and the gaps between them.

use serde::Serialize;

use super::{Disk, Partition};
use crate::fs;

/// What a stretch of a disk is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PieceKind {
    /// A partition of the table.
    Partition,
    /// A volume that no table names.
    Found,
    /// The volume of a disk without a table.
    Whole,
    /// Nothing.
    Gap,
}

/// A stretch of a disk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Piece {
    /// What it is.
    pub kind: PieceKind,
    /// The partition's number; 0 where there is none.
    pub number: u32,
    /// Where it begins on the disk.
    pub start: u64,
    /// Its length.
    pub bytes: u64,
    /// What is in it.
    pub volume: Option<fs::Kind>,
    /// The volume's label, or the partition's name.
    pub label: Option<String>,
    /// It holds images.
    pub has_images: bool,
}

/// A disk's pieces, sorted and without gaps between them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Layout {
    /// The disk's length.
    pub bytes: u64,
    /// From the first byte on.
    pub pieces: Vec<Piece>,
}

/// A gap shorter than this is what alignment leaves: not shown.
const SMALLEST_GAP: u64 = 2 << 20;

/// The layout of a disk as a look has found it.
#[must_use]
pub fn layout(disk: &Disk) -> Layout {
    let is_shown = |partition: &&Partition| !partition.is_extended() && partition.bytes > 0;
    let mut pieces: Vec<Piece> = disk.partitions.iter().filter(is_shown).map(piece).collect();
    if let (Some(volume), true) = (&disk.volume, pieces.is_empty()) {
        pieces.push(Piece {
            kind: PieceKind::Whole,
            number: 0,
            start: 0,
            bytes: disk.bytes,
            volume: Some(volume.kind),
            label: volume.label.clone(),
            has_images: !volume.images.is_empty(),
        });
    }
    Layout::new(disk.bytes, pieces)
}

fn piece(partition: &Partition) -> Piece {
    let volume = partition.volume.as_ref();
    let label = volume.and_then(|volume| volume.label.clone()).or_else(|| partition.name.clone());
    Piece {
        kind: if partition.found { PieceKind::Found } else { PieceKind::Partition },
        number: partition.number,
        start: partition.start_bytes,
        bytes: partition.bytes,
        volume: volume.map(|volume| volume.kind),
        label: label.filter(|label| !label.is_empty()),
        has_images: volume.is_some_and(|volume| !volume.images.is_empty()),
    }
}

impl Layout {
    /// Sorts the pieces and fills what lies between them with gaps.
    #[must_use]
    pub fn new(bytes: u64, mut pieces: Vec<Piece>) -> Self {
        pieces.sort_by_key(|piece| piece.start);
        let mut all = Vec::new();
        let mut end = 0;
        for piece in pieces {
            all.extend(gap(end, piece.start));
            end = end.max(piece.start.saturating_add(piece.bytes));
            all.push(piece);
        }
        all.extend(gap(end, bytes));
        Self { bytes, pieces: all }
    }
}

fn gap(start: u64, end: u64) -> Option<Piece> {
    let bytes = end.checked_sub(start).filter(|bytes| *bytes >= SMALLEST_GAP)?;
    Some(Piece { kind: PieceKind::Gap, number: 0, start, bytes, volume: None, label: None, has_images: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_partition_takes_is_a_gap() {
        let partition = |number, start, bytes| Partition { number, start_bytes: start, bytes, ..Partition::default() };
        let disk = Disk {
            bytes: 100 << 20,
            partitions: vec![partition(2, 50 << 20, 10 << 20), partition(1, 1 << 20, 20 << 20)],
            ..Disk::default()
        };
        // The frame around logical partitions is none of the pieces, however its type is written.
        let frame = |type_id: &str| Partition { type_id: type_id.into(), ..partition(3, 60 << 20, 40 << 20) };
        let framed =
            |type_id| Disk { partitions: [disk.partitions.clone(), vec![frame(type_id)]].concat(), ..disk.clone() };
        assert_eq!((layout(&framed("0x0f")), layout(&framed("0x0F"))), (layout(&disk), layout(&disk)));
        assert_ne!(layout(&framed("0x83")), layout(&disk));
        let pieces = layout(&disk).pieces;
        let kinds: Vec<_> = pieces.iter().map(|piece| (piece.kind, piece.number, piece.bytes >> 20)).collect();
        assert_eq!(
            kinds,
            [
                (PieceKind::Partition, 1, 20),
                (PieceKind::Gap, 0, 29),
                (PieceKind::Partition, 2, 10),
                (PieceKind::Gap, 0, 40)
            ]
        );
    }
}

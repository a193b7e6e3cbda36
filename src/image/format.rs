//! The image format (`.lbi`), version 1: the normative page. A stranger can write a reader from it.
//!
//! # Shape
//!
//! An image is a sequence of [zstd frames and zstd skippable frames][zstd]. Everything that is Lifeboat's own
//! stands in skippable frames ("records"), which every zstd decoder passes over; so `zstd -d` of a full image
//! yields a **partclone v2 image stream** (see [`partclone`](super::partclone)) that `partclone.restore`
//! restores without Lifeboat. All numbers are little-endian.
//!
//! ```text
//! header record                      who, when, what, where it lay: text
//! frame record + zstd frame          partclone header (110 bytes)
//! frame record + zstd frame  ...     bitmap pieces of at most 2^20 bytes
//! frame record + zstd frame          the bitmap's CRC (4 bytes)
//! frame record + zstd frame  ...     chunks; after every 4096 of them an index page record
//! frame record                       among them: a chunk that the base has as well, without a zstd frame
//! index page record                  the last, when any chunk is not yet in a page
//! root record                        where frames and index pages are
//! trailer record                     what is known only at the end: text
//! header record                      the first record once more, byte by byte
//! footer record                      where root and trailer are; digest of the root
//! seek table                         zstd's seekable format
//! ```
//!
//! The file is written forward only, so it can go through a pipe. A file cut short has no footer; its
//! records can still be walked (or searched for) one by one, since each carries the image's id and its own
//! digest. A split image (`x.lbi`, `x.001`, …) is the same sequence cut between units (a unit is a record with
//! the zstd frame that follows it, if any); each further part begins with a part record. Concatenating the parts
//! gives a valid image, and all offsets count in that concatenation.
//!
//! # Record
//!
//! | Offset | Size | Meaning |
//! |---:|---:|---|
//! | 0 | 4 | zstd skippable frame magic, `0x184D2A5B` |
//! | 4 | 4 | length of what follows: 64 + body length |
//! | 8 | 8 | `LIFEBOAT` |
//! | 16 | 2 | kind of record: 1 header, 2 part, 3 frame, 4 index page, 5 root, 6 trailer, 7 footer, 8 table of contents (of a [`container`](super::container)), 9 recovery aid (of the same) |
//! | 18 | 2 | format version: 1 |
//! | 20 | 4 | body length |
//! | 24 | 16 | image id (UUID, bytes in text order) |
//! | 40 | 32 | BLAKE3 of bytes 8 to 39 and the body |
//! | 72 | … | body |
//!
//! The digest guards against a record that is damaged, cut, or another image's left-over; the kind and version
//! against one that is read as something else.
//!
//! ## Header body (1) and trailer body (6)
//! UTF-8 TOML: the fields of [`Header`](super::Header) and [`Trailer`](super::Trailer), by the names there.
//! Unknown fields are ignored.
//!
//! The header stands twice: as the first record, and behind the trailer (only a part record may stand between). The
//! beginning of an image is what is lost first: it lies where a volume, a partition table or another file
//! may come to lie. An image whose first record is damaged is opened from its end: seek table → footer → trailer →
//! the copy of the header, and then everything by the index.
//!
//! ## Part body (2)
//! | Offset | Size | Meaning |
//! |---:|---:|---|
//! | 0 | 8 | offset of this record in the whole image |
//! | 8 | 4 | number of the part; `x.001` is 1 |
//! | 12 | 4 | zero |
//!
//! ## Frame body (3): one [entry](Entry)
//! | Offset | Size | Meaning |
//! |---:|---:|---|
//! | 0 | 8 | offset of the frame record in the whole image |
//! | 8 | 8 | first cluster: of the chunk's span (a multiple of the header's `chunk_clusters`), or of the bitmap piece |
//! | 16 | 4 | how many clusters' bytes (chunk) or bits (bitmap piece) the frame holds |
//! | 20 | 4 | length of the content |
//! | 24 | 4 | length of the zstd frame, which follows this record; 0 for a reference |
//! | 28 | 1 | what it holds: 0 partclone header, 1 bitmap piece, 2 bitmap CRC, 3 chunk, 4 reference |
//! | 29 | 3 | zero |
//! | 32 | 32 | BLAKE3 of the content |
//!
//! Chunk *i* covers clusters `i * chunk_clusters` up to `(i + 1) * chunk_clusters` in every image of the
//! volume, so that two images of it can share chunks by digest. It holds, in order, the bytes of those
//! clusters whose bit is set; a chunk with none is left out. Each zstd frame is independent of all others and
//! carries its content size.
//!
//! A **reference** is a chunk whose content the base has: "this chunk's content is that of the base's chunk of the
//! same span". Its record says of the content what a chunk's record says (span, clusters, length, digest), its
//! stored length is 0, and no zstd frame follows it. It stands among the chunks, in their order, in the index pages
//! as in the image, and counts as one of them. The base is the image whose id is the header's `base_image_id`;
//! it has the same cluster size and count and the same `chunk_clusters`. Its entry for the span may be a reference in
//! turn, and must have the same length and digest. Behind an image stand at most 64 bases. An image whose header
//! names no base has no references: one that has is damaged, and so is one that names itself.
//!
//! `zstd -d` of an image with references gives a stream in which their content is missing: only an image
//! without references is a partclone stream.
//!
//! ## Index page body (4)
//! Entries of at most 4096 consecutive chunks, as in their frame records.
//!
//! ## Root body (5)
//! | Offset | Size | Meaning |
//! |---:|---:|---|
//! | 0 | 4 | number of entries that follow: partclone header, bitmap pieces, CRC |
//! | 4 | 4 | number of page references that follow them |
//! | 8 | 8 | number of chunks |
//! | 16 | 64 each | entries |
//! | … | 56 each | page references |
//!
//! A page reference: offset of the page's record (8), its whole length (4), chunks in it (4), the first one's
//! first cluster (8), BLAKE3 of the whole record (32).
//!
//! ## Footer body (7)
//! | Offset | Size | Meaning |
//! |---:|---:|---|
//! | 0 | 8 | offset of the root record |
//! | 8 | 8 | its whole length |
//! | 16 | 8 | offset of the trailer record |
//! | 24 | 8 | its whole length |
//! | 32 | 8 | offset of the footer record itself: guards against lost or doubled bytes before it |
//! | 40 | 8 | number of chunks |
//! | 48 | 4 | number of parts |
//! | 52 | 4 | zero |
//! | 56 | 32 | BLAKE3 of the whole root record: the digest of the image |
//!
//! Footer → root → pages → chunks: one digest stands for all content.
//!
//! # Seek table
//!
//! As in zstd's `contrib/seekable_format`: a skippable frame with magic `0x184D2A5E`, an entry of two 32-bit
//! sizes (stored, content) for every frame before it, skippable ones with content size 0 (a reference has the entry of
//! its record only); then the number of frames (4), a descriptor byte (0: no checksums) and the magic `0x8F92EAB1`. It is left out when
//! there are more than 2^22 frames; the footer then ends the file.
//!
//! # What readers must not trust
//!
//! Lengths and counts are checked against the limits below and against the file's length before anything
//! is allocated; digests before anything is used.
//!
//! # History
//!
//! Version 1 (2026): the first. References and the copy of the header came before its first release; images
//! without the copy stay readable, and are complete.
//!
//! [zstd]: https://www.rfc-editor.org/rfc/rfc8878

use uuid::Uuid;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::{Error, Result};
use crate::unit::{ByteOffset, Grid};

/// Version of the format that this page describes.
pub const VERSION: u16 = 1;
/// Magic of the skippable frames that hold our records; any of `0x184D2A50` to `5F` would do, and `5E` is
/// the seek table's.
pub const SKIPPABLE: u32 = 0x184D_2A5B;
/// Magic of the seek table's skippable frame.
pub const SEEK_SKIPPABLE: u32 = 0x184D_2A5E;
/// The last four bytes of a seek table.
pub const SEEK_MAGIC: u32 = 0x8F92_EAB1;
/// Frames in a seek table at most: its entries are kept in memory until the end (32 MiB at this limit).
pub const MAX_SEEK_FRAMES: usize = 1 << 22;
/// What every record begins with.
pub const MAGIC: [u8; 8] = *b"LIFEBOAT";
/// Chunks in an index page.
pub const PAGE_CHUNKS: usize = 4096;
/// Bytes of bitmap in a piece: 2^23 clusters.
pub const MAP_PIECE: usize = 1 << 20;
/// Content of a chunk at most; a reader's buffers are never larger.
pub const MAX_CHUNK: u32 = 16 << 20;
/// Length of a header or trailer text at most: far more than any list of files left out needs, far less
/// than would hurt.
pub const MAX_TEXT: u32 = 16 << 20;
/// Clusters of a volume at most: 1 PiB of 4 KiB clusters. A reader keeps 16 bytes in memory for every 2^18 clusters,
/// whatever is in them, so a header alone must not name more.
pub const MAX_CLUSTERS: u64 = 1 << 38;
/// Bytes in all seals of a header together at most: a restore holds them back in memory.
pub const MAX_SEALS: u64 = 1 << 20;
/// Length of a root body at most: enough for 2^20 pages (2^32 chunks).
pub const MAX_ROOT: u32 = 128 << 20;
/// Bases behind an image at most, each the base of the one before: every one of them must be found, opened and read to
/// restore the first, so a chain far longer than anyone makes is refused.
pub const MAX_BASES: usize = 64;

/// Kinds of record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
#[allow(missing_docs, reason = "described at the top of this page")]
pub enum RecordKind {
    Header = 1,
    Part = 2,
    Frame = 3,
    Page = 4,
    Root = 5,
    Trailer = 6,
    Footer = 7,
    Toc = 8,
    Aid = 9,
}

impl RecordKind {
    /// The body's length at most, before it is read.
    fn max_body(self) -> u32 {
        match self {
            Self::Header | Self::Trailer | Self::Toc | Self::Aid => MAX_TEXT,
            Self::Part => size_of::<PartBody>() as u32,
            Self::Frame => size_of::<Entry>() as u32,
            Self::Page => (PAGE_CHUNKS * size_of::<Entry>()) as u32,
            Self::Root => MAX_ROOT,
            Self::Footer => size_of::<FooterBody>() as u32,
        }
    }

    fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            1 => Self::Header,
            2 => Self::Part,
            3 => Self::Frame,
            4 => Self::Page,
            5 => Self::Root,
            6 => Self::Trailer,
            7 => Self::Footer,
            8 => Self::Toc,
            9 => Self::Aid,
            _ => return None,
        })
    }
}

/// The fixed beginning of every record.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct RecordHead {
    /// [`SKIPPABLE`].
    pub skippable: U32,
    /// 64 + body length.
    pub frame_len: U32,
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`RecordKind`].
    pub kind: U16,
    /// [`VERSION`].
    pub version: U16,
    /// The body's length.
    pub body_len: U32,
    /// Whose record it is.
    pub image_id: [u8; 16],
    /// BLAKE3 of bytes 8 to 39 and the body.
    pub digest: [u8; 32],
}

/// Bytes of a [`RecordHead`].
pub const HEAD: usize = size_of::<RecordHead>();

/// What a zstd frame holds and where it is: the body of a frame record, and an index entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Entry {
    /// Offset of the frame record.
    pub offset: U64,
    /// First cluster of the span, or of the bitmap piece.
    pub first_cluster: U64,
    /// Clusters in the content, or bits.
    pub clusters: U32,
    /// Length of the content.
    pub raw_len: U32,
    /// Length of the zstd frame.
    pub stored_len: U32,
    /// [`Content`].
    pub content: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// BLAKE3 of the content.
    pub digest: [u8; 32],
}

impl Entry {
    /// Where its zstd frame begins: behind the record.
    #[must_use]
    pub fn frame_offset(&self) -> ByteOffset {
        ByteOffset(self.offset.get().saturating_add((HEAD + size_of::<Self>()) as u64))
    }

    /// Where the unit ends.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.frame_offset().0.saturating_add(u64::from(self.stored_len.get()))
    }

    /// True when it is a chunk of the volume, stored here or in the base.
    #[must_use]
    pub fn is_chunk(&self) -> bool {
        self.content == Content::Chunk as u8 || self.is_reference()
    }

    /// True when its content is the base's.
    #[must_use]
    pub fn is_reference(&self) -> bool {
        self.content == Content::Reference as u8
    }
}

/// What a zstd frame holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs, reason = "described at the top of this page")]
pub enum Content {
    PartcloneHeader = 0,
    MapPiece = 1,
    MapCrc = 2,
    Chunk = 3,
    Reference = 4,
}

/// Body of a part record.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct PartBody {
    /// Offset of this record in the whole image.
    pub offset: U64,
    /// Number of the part, from 1.
    pub number: U32,
    /// Zero.
    pub reserved: U32,
}

/// Where an index page is.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct PageRef {
    /// Offset of the page's record.
    pub offset: U64,
    /// Its whole length.
    pub len: U32,
    /// Chunks in it.
    pub chunks: U32,
    /// First cluster of the first one.
    pub first_cluster: U64,
    /// BLAKE3 of the whole record.
    pub digest: [u8; 32],
}

/// The fixed beginning of a root body.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct RootHead {
    /// Entries of the partclone header, the bitmap pieces and the CRC.
    pub entries: U32,
    /// Page references behind them.
    pub pages: U32,
    /// Chunks in the image.
    pub chunks: U64,
}

/// Body of a footer record.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct FooterBody {
    /// Offset of the root record.
    pub root_offset: U64,
    /// Its whole length.
    pub root_len: U64,
    /// Offset of the trailer record.
    pub trailer_offset: U64,
    /// Its whole length.
    pub trailer_len: U64,
    /// Offset of the footer record itself.
    pub offset: U64,
    /// Chunks in the image.
    pub chunks: U64,
    /// Parts of the image.
    pub parts: U32,
    /// Zero.
    pub reserved: U32,
    /// BLAKE3 of the whole root record.
    pub root_digest: [u8; 32],
}

/// Bytes of a whole footer record.
pub const FOOTER: usize = HEAD + size_of::<FooterBody>();
/// Bytes of a whole frame record.
pub const FRAME: usize = HEAD + size_of::<Entry>();

// The sizes that the tables above promise.
const _: () = assert!(size_of::<RecordHead>() == 72);
const _: () = assert!(size_of::<Entry>() == 64);
const _: () = assert!(size_of::<PartBody>() == 16);
const _: () = assert!(size_of::<PageRef>() == 56);
const _: () = assert!(size_of::<RootHead>() == 16);
const _: () = assert!(size_of::<FooterBody>() == 88);

/// Clusters that a chunk of a volume of this shape covers: 4 MiB, and above 4 TiB more (8 MiB, 16 MiB), so
/// that the number of chunks stays near a million.
///
/// 4 MiB costs under 1 % of ratio against one long zstd stream and lets a single file out of an image in
/// milliseconds.
#[must_use]
pub fn chunk_clusters(grid: Grid) -> u64 {
    let bytes = match grid.len().0 {
        0..=0x400_0000_0000 => 4 << 20,
        0x400_0000_0001..=0x800_0000_0000 => 8 << 20,
        _ => u64::from(MAX_CHUNK),
    };
    bytes / u64::from(grid.cluster_bytes)
}

/// A whole record, ready to be written.
#[must_use]
pub fn record(kind: RecordKind, image_id: Uuid, body: &[u8]) -> Vec<u8> {
    let mut head = RecordHead {
        skippable: SKIPPABLE.into(),
        frame_len: ((HEAD - 8 + body.len()) as u32).into(),
        magic: MAGIC,
        kind: (kind as u16).into(),
        version: VERSION.into(),
        body_len: (body.len() as u32).into(),
        image_id: image_id.into_bytes(),
        digest: [0; 32],
    };
    head.digest = record_digest(&head, body);
    let mut bytes = Vec::with_capacity(HEAD + body.len());
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

fn record_digest(head: &RecordHead, body: &[u8]) -> [u8; 32] {
    *blake3::Hasher::new().update(&head.as_bytes()[8..40]).update(body).finalize().as_bytes()
}

impl RecordHead {
    /// Takes the first [`HEAD`] bytes of a record apart, and checks all of it but the digest.
    ///
    /// # Errors
    /// When these bytes, found at `place`, do not begin a record of this version.
    pub fn parse(bytes: &[u8; HEAD], place: ByteOffset) -> Result<(Self, RecordKind)> {
        let Ok(head) = Self::read_from_bytes(bytes) else {
            return Err(Error::corrupt(place, "a record", "too few bytes"));
        };
        if head.skippable.get() != SKIPPABLE || head.magic != MAGIC {
            return Err(Error::corrupt(place, "a LIFEBOAT record", format_args!("{:02x?}", &bytes[..16])));
        }
        if head.version.get() != VERSION {
            return Err(Error::unsupported(format!("the image is of format version {}", head.version))
                .advise("Use a newer lifeboat"));
        }
        let (kind, body) = (head.kind.get(), head.body_len.get());
        let Some(kind) = RecordKind::from_number(kind) else {
            return Err(Error::corrupt(place, "a known kind of record", kind));
        };
        if body > kind.max_body() || head.frame_len.get() != body + (HEAD - 8) as u32 {
            return Err(Error::corrupt(place, "a record's length", format_args!("{body} bytes of body")));
        }
        Ok((head, kind))
    }

    /// Checks the digest over the head and `body`.
    ///
    /// # Errors
    /// When the record, found at `place`, is damaged.
    pub fn check(&self, body: &[u8], place: ByteOffset) -> Result<()> {
        if record_digest(self, body) == self.digest {
            Ok(())
        } else {
            Err(Error::corrupt(place, "a record that matches its digest", "a damaged one"))
        }
    }

    /// Whose record it is.
    #[must_use]
    pub fn image(&self) -> Uuid {
        Uuid::from_bytes(self.image_id)
    }
}

/// Takes a body of fixed layout apart.
///
/// # Errors
/// When its length is another.
pub fn body<T: FromBytes + KnownLayout + Immutable + Unaligned>(bytes: &[u8], place: ByteOffset) -> Result<T> {
    T::read_from_bytes(bytes)
        .map_err(|_| Error::corrupt(place, format_args!("a body of {} bytes", size_of::<T>()), bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_every_flipped_bit_is_noticed() {
        let id = Uuid::from_u128(7);
        let bytes = record(RecordKind::Trailer, id, b"raw_bytes = 1");
        let read = |bytes: &[u8]| -> Result<RecordKind> {
            let (head, kind) = RecordHead::parse(bytes[..HEAD].try_into().unwrap(), ByteOffset(0))?;
            assert_eq!(head.image(), id);
            head.check(&bytes[HEAD..], ByteOffset(0))?;
            Ok(kind)
        };
        assert_eq!(read(&bytes).unwrap(), RecordKind::Trailer);
        for bit in 0..bytes.len() * 8 {
            let mut broken = bytes.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            let caught = std::panic::catch_unwind(|| read(&broken).is_err()).unwrap_or(true);
            assert!(caught, "bit {bit}");
        }
    }
}

//! The container: the files inside a volume that hold its images, version 1. The normative page.
//!
//! A container is an ordinary folder of ordinary files, so that the volume's own system leaves it alone and every
//! checker calls it sound; and it is found without that system, by what stands in its clusters.
//!
//! # Files
//!
//! All in the folder [`FOLDER`] of the volume's root (hidden, system and read-only, where there are such bits):
//!
//! | name | what is in it |
//! |---|---|
//! | `toc-begin.lbc` | a table of contents, where the container begins |
//! | `NAME.lbi`, `NAME.001`… | an image and its further parts, as [`format`](super::format) has it |
//! | `inter-N.lbc` | the same table again, between two images |
//! | `toc-end.lbc` | and once more, where the container ends |
//! | `lifeboat.toml` | what the user told: see [`Settings`] |
//!
//! Preferred is one contiguous run of clusters at the volume's end, in ascending order: `toc-begin`, the newest user
//! image, `inter`, … , the factory image, `toc-end`. A file's bytes are its clusters' bytes, nothing is compressed or
//! encrypted by the file system. An image in scattered storage consists of [blocks](#block)
//! instead.
//!
//! # Table of contents
//!
//! A record as [`format`](super::format) has it, of kind 8; its image id is the container's. Its body:
//!
//! | Offset | Size | Meaning |
//! |---:|---:|---|
//! | 0 | 8 | sequence number: every change of the container writes a higher one |
//! | 8 | 8 | where in the volume this record lies, in bytes |
//! | 16 | 8 | length of the volume's place (its partition), in bytes |
//! | 24 | 4 | length of the text |
//! | 28 | 4 | zero |
//! | 32 | … | a zstd frame: the text, UTF-8 JSON: the fields of [`Toc`] by the names there |
//!
//! All copies of one sequence number say the same, but for their own places; one that has little room may lack the
//! images' headers, the boot records' bytes and the partition table (`null`, or empty lists). Since a copy says where in
//! its volume it lies, it tells where the volume begins when nothing else does. The rest of its file is zeros.
//!
//! # Block
//!
//! Where there is no run for an image, its file consists of blocks of 4096 bytes that say themselves what they are: the
//! image as such is what is in them, one behind the other. So any block, wherever it lies, is known
//! without the file system, without a table of contents and without its neighbours. ([`blocks`])
//!
//! | Offset | Size | Meaning |
//! |---:|---:|---|
//! | 0 | 8 | `LBIBLOCK` |
//! | 8 | 16 | image id (UUID, bytes in text order) |
//! | 24 | 8 | number of the block in the image, from 0, all parts together |
//! | 32 | 4 | bytes of the image in it: 4032 in all but the last, there 1 to 4032 |
//! | 36 | 2 | version: 1 |
//! | 38 | 2 | bit 0: the image's last block; all others zero |
//! | 40 | 24 | the first 24 bytes of the BLAKE3 of bytes 0 to 39 and 64 to 4095 |
//! | 64 | 4032 | bytes of the image; zeros behind the last |
//!
//! Byte *n* of the image is byte *n* mod 4032 of block *n* / 4032. Parts are cut between blocks, and have no part records:
//! the image in the blocks is not split. The clusters of such a file lie in runs that hold whole blocks: whoever makes
//! one takes free clusters in contiguous multiples of 4096 bytes, each beginning at a sector; a unit of the file system
//! larger than that holds several blocks. The digest guards against a block that is damaged; image id and number
//! against one that is another image's left-over, or was put elsewhere.
//!
//! # Which table counts
//!
//! Of the tables of one container id, that with the highest sequence number whose files are there. A table that lies
//! in clusters which no longer belong to the container (it was moved, or dropped) is a left-over: its sequence number is
//! lower, or, for a dropped container, its first sector was overwritten.
//!
//! Where no table is left, images are put together from their records and blocks: see [`scavenge`].
//!
//! # Recovery aid
//!
//! What leads to a container is kept a second time, elsewhere: in a file on other media, or in a partition of its
//! own. A record as [`format`](super::format) has it, of kind 9; its image id is the container's. Its body:
//!
//! | Offset | Size | Meaning |
//! |---:|---:|---|
//! | 0 | 8 | sequence number: every renewal writes a higher one |
//! | 8 | 4 | which record of its set this is, from 0 |
//! | 12 | 4 | how many the set has: at most 256 |
//! | 16 | 4 | length of the text |
//! | 20 | 4 | zero |
//! | 24 | … | a zstd frame: the text, UTF-8 JSON: the fields of [`Aid`] by the names there |
//!
//! A set has a record for each container of a disk, one behind the other, each beginning at a multiple of 512 bytes;
//! what is between them is zeros. Their texts have at most 16 MiB together. It is whole when all its records are, with
//! one sequence number. An aid file is a set.
//!
//! A recovery partition (types [`RECOVERY_TYPE_GPT`](crate::table::RECOVERY_TYPE_GPT) and
//! [`RECOVERY_TYPE_MBR`](crate::table::RECOVERY_TYPE_MBR)) holds two sets: one from its first byte on, one from its middle
//! on, rounded down to 4096 bytes. The whole one with the higher sequence number counts. A renewal writes the other one
//! first, flushes, reads it back, and only then writes the one that counted: so one of them is whole at any moment.
//!
//! An aid tells where things were when it was written. So what it says of an image is believed only when that image's
//! records lie there, and never before what the file system or a table of contents on the disk says.
//!
//! # Rationale
//!
//! - Places are in bytes of the volume, not in clusters: reading needs neither the file system's nor the image's idea of
//!   a cluster, nor where FAT's data region begins.
//! - The text is compressed, because a table of contents must fit on a floppy, twice.
//! - A block is as long as the smallest unit of today's disks and of most file systems, so that scattered storage finds
//!   room nearly everywhere; its head costs 1.6 %.
//!
//! # History
//!
//! Version 1 (2026): the first.

mod aid;
pub mod blocks;
mod scan;
pub mod scavenge;
mod toc;

pub use aid::{Aid, AidHead, MAX_AID_BYTES, MAX_AIDS, aid_copies, encode_aids, read_aid, read_aid_copies, read_aids};
pub use scan::{Order, Sighting, Sign, scan};
pub use toc::{
    FileRecord, ImageRecord, MAX_FILES, MAX_RUNS, Role, SavedBytes, Toc, TocHead, VolumeRecord, encode, read_toc,
};

/// The folder, in the volume's root.
pub const FOLDER: &str = "LIFEBOAT";
/// The table where the container begins.
pub const TOC_BEGIN: &str = "toc-begin.lbc";
/// The table where it ends.
pub const TOC_END: &str = "toc-end.lbc";
/// What the user told.
pub const SETTINGS: &str = "lifeboat.toml";

/// The table behind image number `number`.
#[must_use]
pub fn inter_name(number: u32) -> String {
    format!("inter-{number}.lbc")
}

/// What `lifeboat.toml` says.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Files and directories that `backup --inside --only` takes when none are named.
    pub only: Vec<String>,
}

#[cfg(test)]
mod tests {
    use crate::error::Result;
    use crate::image::Sink;

    /// Keeps what it gets, in parts of so many bytes.
    pub(super) struct Parts {
        limit: usize,
        pub(super) parts: Vec<Vec<u8>>,
    }

    impl Parts {
        pub(super) fn new(limit: usize) -> Self {
            Self { limit, parts: vec![Vec::new()] }
        }
    }

    impl Sink for Parts {
        fn room(&mut self, len: u64) -> Result<Option<u32>> {
            let last = self.parts.last_mut().unwrap();
            if last.is_empty() || last.len() + len as usize <= self.limit {
                return Ok(None);
            }
            self.parts.push(Vec::new());
            Ok(Some(self.parts.len() as u32 - 1))
        }

        fn write(&mut self, bytes: &[u8]) -> Result<()> {
            self.parts.last_mut().unwrap().extend_from_slice(bytes);
            Ok(())
        }
    }
}

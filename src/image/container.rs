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
//! encrypted by the file system.
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
//! # Which table counts
//!
//! Of the tables of one container id, that with the highest sequence number whose files are there. A table that lies
//! in clusters which no longer belong to the container (it was moved, or dropped) is a left-over: its sequence number is
//! lower, or, for a dropped container, its first sector was overwritten.
//!
//! # Rationale
//!
//! - Places are in bytes of the volume, not in clusters: reading needs neither the file system's nor the image's idea of
//!   a cluster, nor where FAT's data region begins.
//! - The text is compressed, because a table of contents must fit on a floppy, twice.
//!
//! # History
//!
//! Version 1 (2026): the first.

mod scan;
mod toc;

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

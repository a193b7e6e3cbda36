//! The header and trailer as text: the fields a stranger can read with `strings`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::extent::{Extent, ExtentSet};
use crate::unit::Grid;
use crate::volume::{Anchors, Summary};

/// What an image is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The state a machine was delivered in.
    Factory,
    /// Any later state.
    #[default]
    User,
}

impl Kind {
    /// `factory` or `user`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Factory => "factory",
            Self::User => "user",
        }
    }
}

/// A file whose clusters were left out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Excluded {
    /// Its path in the volume.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// How many clusters were left out for it.
    pub clusters: u64,
    /// Which: a restore makes them zeros, so that the file does not come back with what the target held before.
    #[serde(default)]
    pub runs: ExtentSet,
}

/// The partition an image was taken from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartitionRecord {
    /// `gpt` or `mbr`.
    pub table: String,
    /// Disk GUID or MBR signature.
    pub table_id: Option<String>,
    /// Its number.
    pub number: u32,
    /// Where it began on its disk, in bytes.
    pub start_bytes: u64,
    /// How long it was, in bytes.
    pub bytes: u64,
    /// Type GUID or `0x07`.
    pub type_id: String,
    /// Its name (GPT).
    pub name: Option<String>,
    /// Its GUID.
    pub id: Option<String>,
    /// Its active flag.
    pub active: bool,
    /// The table entry's bytes, in hex.
    pub raw: String,
}

/// An image's header.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    pub format_version: u32,
    /// This image's identity.
    pub image_id: Uuid,
    /// What it is for.
    pub kind: Kind,
    /// The name it was given when it was made.
    pub name: String,
    /// When.
    pub created: jiff::Timestamp,
    /// How the volume is cut: cluster size and count (the bitmap's bit count).
    pub grid: Grid,
    /// Clusters of the whole partition (the volume's, and what lies behind it).
    pub partition_clusters: u64,
    /// Clusters in the image.
    pub image_clusters: u64,
    /// Clusters a chunk covers.
    pub chunk_clusters: u64,
    /// True when all sectors were taken, since the kind of volume is only recognised.
    pub raw: bool,
    /// The volume was dirty, hibernated or had a journal to replay, and `--even-if-dirty` was given.
    pub even_if_dirty: bool,
    /// The volume.
    pub volume: Summary,
    /// What a restore must treat specially.
    pub anchors: Anchors,
    /// The partition; none for a whole device.
    pub partition: Option<PartitionRecord>,
    /// The volume's first sector, in hex.
    pub boot_record: String,
    /// Files left out.
    pub excluded: Vec<Excluded>,
    /// The image this one's unchanged chunks are in.
    pub base_image_id: Option<Uuid>,
    /// Program and version.
    pub writer: String,
    /// The machine it was made on.
    pub machine: String,
}

/// What is known only at the end.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Trailer {
    /// Clusters that could not be read from the source; they are zeros in the image.
    pub bad_clusters: ExtentSet,
    /// Raw bytes in all chunks, those that are references as well.
    pub raw_bytes: u64,
    /// What the chunks take as stored; references take nothing.
    pub stored_bytes: u64,
    /// Raw bytes in the chunks that are references to the base.
    #[serde(default)]
    pub referenced_bytes: u64,
}

impl Trailer {
    /// The bad runs.
    #[must_use]
    pub fn bad_runs(&self) -> &[Extent] {
        self.bad_clusters.runs()
    }
}

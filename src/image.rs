//! Images: one volume's used clusters in a file, with what is needed to put them back.
//!
//! [`mod@format`] is the normative page. Writing goes forward only ([`ImageWriter`] into a [`Sink`]); reading goes by
//! index ([`Image`]), front to back from a pipe ([`ImageStream`]), or, when the end of an image is missing, by
//! walking its records. [`container`] is how images lie inside a volume.

mod base;
pub mod container;
pub mod format;
mod header;
mod layout;
pub mod partclone;
mod parts;
mod reader;
mod stream;
mod volume;
mod walk;
mod writer;

pub use base::check_base;
pub use header::{Excluded, Header, Kind, PartitionRecord, Trailer};
pub use parts::{MAX_PARTS, PartsDevice, PartsWriter, existing, part_path};
pub use reader::{Image, content_bytes, unpack, unpack_with};
pub use stream::ImageStream;
pub use volume::ImageVolume;
pub use writer::{ImageWriter, PackedChunk, Sink, Written};

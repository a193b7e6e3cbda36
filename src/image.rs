//! Images: one volume's used clusters in a file, with what is needed to put them back.

pub mod format;
mod header;
mod reader;

pub use header::{Excluded, Header, Kind, PartitionRecord, Trailer};
pub use reader::Image;

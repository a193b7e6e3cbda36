//! Where a restore's chunks come from: an image file by its index, or a pipe, front to back.

use std::io::Read;

use super::Monitor;
use super::gather::Chunks;
use super::verify::{Located, Locator};
use crate::error::{Error, Result};
use crate::extent::ClusterMap;
use crate::image::{Image, ImageStream};
use crate::inventory;
use crate::plan::{ImageSource, RestoreWork};

/// An image, open for restoring.
pub(super) enum ChunkSource {
    /// A file and its parts.
    File {
        /// The image.
        image: Box<Image>,
    },
    /// A pipe.
    Pipe {
        /// What is left to come.
        stream: Box<ImageStream<Box<dyn Read + Send>>>,
    },
}

impl ChunkSource {
    pub(super) fn open(work: &RestoreWork, monitor: &Monitor) -> Result<Self> {
        let image = match &work.request.image {
            ImageSource::File(path) => Image::open(path)?,
            ImageSource::Inside(address) => inventory::open_image(address, monitor)?.1,
            ImageSource::Pipe => {
                let stream = work.stream.take().ok_or_else(|| Error::refused("the pipe was read already"))?;
                return Ok(Self::Pipe { stream: Box::new(stream) });
            }
        };
        if image.header().image_id != work.survey.header.image_id {
            return Err(Error::refused(format!(
                "{} is another image than the one the plan was made for",
                work.request.image
            )));
        }
        if !work.request.keep_going {
            image.refuse_without_base()?;
        }
        Ok(Self::File { image: Box::new(image) })
    }

    /// Which clusters are in the image; of a damaged one, when `lenient`, those that are known.
    pub(super) fn map(&mut self, lenient: bool) -> Result<ClusterMap> {
        match self {
            Self::File { image } if lenient => Ok(image.map_of_damaged()?.0),
            Self::File { image } => image.map(),
            Self::Pipe { stream } => stream.map(),
        }
    }

    pub(super) fn reader<'a>(&'a mut self, map: &'a ClusterMap) -> ChunkReader<'a> {
        match self {
            Self::File { image } => ChunkReader::File { locator: Locator::new(image, map), image },
            Self::Pipe { stream } => {
                let chunks = Chunks::new(map, stream.header().chunk_clusters);
                ChunkReader::Pipe { stream, chunks }
            }
        }
    }
}

/// Gives the chunks in order.
pub(super) enum ChunkReader<'a> {
    File { image: &'a Image, locator: Locator<'a> },
    Pipe { stream: &'a mut ImageStream<Box<dyn Read + Send>>, chunks: Chunks<'a> },
}

impl ChunkReader<'_> {
    /// The next chunk's place and zstd frame; in `bad` why there is none. False after the last.
    pub(super) fn next(
        &mut self,
        located: &mut Located,
        frame: &mut Vec<u8>,
        bad: &mut Option<String>,
    ) -> Result<bool> {
        match self {
            Self::File { image, locator } => {
                if !locator.next(located) {
                    return Ok(false);
                }
                *bad = match &located.entry {
                    Ok(entry) => image.read_frame(entry, frame).err().map(|error| error.to_string()),
                    Err(why) => Some(why.clone()),
                };
                Ok(true)
            }
            Self::Pipe { stream, chunks } => {
                let entry = stream.next_chunk(frame)?;
                let (span, entry) = match (chunks.next(&mut located.runs), entry) {
                    (None, None) => return Ok(false),
                    (Some(span), Some(entry)) if entry.first_cluster.get() == span.0 => (span, entry),
                    _ => return Err(Error::damaged("the chunks that come are not those that the bitmap names")),
                };
                let clusters: u64 = located.runs.iter().map(|run| run.clusters).sum();
                if u64::from(entry.clusters.get()) != clusters {
                    return Err(Error::damaged(format!(
                        "the chunk at cluster {span} does not hold what the bitmap names"
                    )));
                }
                located.span = span;
                located.entry = Ok(entry);
                located.base = None;
                Ok(true)
            }
        }
    }
}

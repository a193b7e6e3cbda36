//! The volume in an image as a device: what browsing, `extract` and `verify`'s list of files read.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::Image;
use super::format::Entry;
use crate::device::{ReadDevice, check_range};
use crate::error::Result;
use crate::extent::{ClusterMap, Extent};
use crate::unit::{ByteLen, ByteOffset, Cluster, Grid};

/// Decoded chunks kept: 32 MiB of 4 MiB chunks.
const CACHED: usize = 8;

/// A volume read out of its image: used clusters from the chunks, all others zeros.
pub struct ImageVolume {
    image: Image,
    map: ClusterMap,
    cache: Mutex<VecDeque<Arc<Decoded>>>,
}

/// A chunk's content and where its clusters lie.
struct Decoded {
    span: u64,
    runs: Vec<Extent>,
    raw: Vec<u8>,
}

impl ImageVolume {
    pub(super) fn new(image: Image, map: ClusterMap) -> Self {
        Self { image, map, cache: Mutex::new(VecDeque::new()) }
    }

    fn grid(&self) -> Grid {
        self.image.header().grid
    }

    /// The chunk whose span begins at cluster `span`; none when no cluster of the span is in the image.
    fn chunk(&self, span: u64) -> Result<Arc<Decoded>> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = cache.iter().position(|chunk| chunk.span == span)
            && let Some(chunk) = cache.remove(at)
        {
            cache.push_front(chunk.clone());
            return Ok(chunk);
        }
        drop(cache);
        let decoded = Arc::new(self.decode(span)?);
        cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.truncate(CACHED - 1);
        cache.push_front(decoded.clone());
        Ok(decoded)
    }

    fn decode(&self, span: u64) -> Result<Decoded> {
        let runs: Vec<Extent> = self.map.runs_in(span..span + self.image.header().chunk_clusters).collect();
        let clusters: u64 = runs.iter().map(|run| run.clusters).sum();
        let mut decoded = Decoded { span, runs, raw: Vec::new() };
        if clusters == 0 {
            return Ok(decoded);
        }
        let chunk = span / self.image.header().chunk_clusters;
        let missing = || {
            crate::error::Error::damaged(format!("chunk {chunk} (clusters from {span} on) is missing from the image"))
        };
        let page = self.image.page_of(Cluster(span)).ok_or_else(missing)?;
        let page = self.image.page(page)?;
        let found =
            page.binary_search_by_key(&span, |entry: &Entry| entry.first_cluster.get()).map_err(|_| missing())?;
        let entry = &page[found];
        if u64::from(entry.clusters.get()) != clusters {
            return Err(crate::error::Error::damaged(format!(
                "chunk {chunk} does not hold the clusters that the bitmap names"
            )));
        }
        self.image.read_chunk(entry, &mut decoded.raw).map_err(|error| error.context(format_args!("chunk {chunk}")))?;
        Ok(decoded)
    }
}

impl ReadDevice for ImageVolume {
    fn len(&self) -> ByteLen {
        self.grid().len()
    }

    fn sector_bytes(&self) -> u32 {
        self.image.header().volume.sector_bytes
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        check_range(offset, buf.len(), self.len())?;
        buf.fill(0);
        let grid = self.grid();
        let (start, end) = (offset.0, offset.0 + buf.len() as u64);
        let span_bytes = grid.bytes_of(self.image.header().chunk_clusters).0;
        let mut span_at = start / span_bytes * span_bytes;
        while span_at < end {
            let chunk = self.chunk(grid.cluster_at(ByteOffset(span_at)).0)?;
            let mut raw_at = 0;
            for run in &chunk.runs {
                let run_start = grid.offset_of(run.start).0;
                let run_end = run_start + grid.bytes_of(run.clusters).0;
                let (from, to) = (run_start.max(start), run_end.min(end));
                if from < to {
                    let raw = raw_at + (from - run_start) as usize;
                    let len = (to - from) as usize;
                    buf[(from - start) as usize..][..len].copy_from_slice(&chunk.raw[raw..raw + len]);
                }
                raw_at += (run_end - run_start) as usize;
            }
            span_at += span_bytes;
        }
        Ok(())
    }
}

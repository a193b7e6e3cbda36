//! Reading a source's clusters, chunk by chunk, in order; what cannot be read is narrowed down to sectors, tried
//! again, and then recorded and taken as zeros.

use std::iter::Peekable;

use crate::device::ReadDevice;
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent, ExtentSet, RunIter};
use crate::unit::{ByteOffset, Cluster, Grid};

/// Gaps up to this long are read along with the runs around them: cheaper than another system call, and a
/// disk's head passes over them anyway.
const GAP_BYTES: u64 = 32 << 10;
/// A failing stretch is first retried in pieces of this size.
const PIECE: usize = 64 << 10;
/// How often a failing sector is tried.
const TRIES: usize = 3;

/// The used runs of a volume, cut into chunks.
pub(crate) struct Chunks<'a> {
    runs: Peekable<RunIter<'a>>,
    /// The rest of a run that goes on behind the last chunk.
    rest: Option<Extent>,
    chunk_clusters: u64,
}

impl<'a> Chunks<'a> {
    pub(crate) fn new(map: &'a ClusterMap, chunk_clusters: u64) -> Self {
        Self { runs: map.runs().peekable(), rest: None, chunk_clusters }
    }

    /// The next chunk that has used clusters: the first cluster of its span, and its runs into `runs`.
    pub(crate) fn next(&mut self, runs: &mut Vec<Extent>) -> Option<Cluster> {
        runs.clear();
        let first = self.rest.take().or_else(|| self.runs.next())?;
        let span = first.start.0 / self.chunk_clusters * self.chunk_clusters;
        let end = span.saturating_add(self.chunk_clusters);
        let mut run = first;
        loop {
            if run.end() > end {
                runs.push(Extent::new(run.start.0, end - run.start.0));
                self.rest = Some(Extent::new(end, run.end() - end));
                break;
            }
            runs.push(run);
            match self.runs.next_if(|next| next.start.0 < end) {
                Some(next) => run = next,
                None => break,
            }
        }
        Some(Cluster(span))
    }
}

/// Reads runs of clusters from a device.
pub(crate) struct Gatherer<'a, D: ?Sized> {
    device: &'a D,
    grid: Grid,
    scratch: Vec<u8>,
}

impl<'a, D: ReadDevice + ?Sized> Gatherer<'a, D> {
    pub(crate) fn new(device: &'a D, grid: Grid) -> Self {
        Self { device, grid, scratch: Vec::new() }
    }

    /// The bytes of all runs, one behind the other, into `raw`; clusters that could not be read are zeros
    /// and are added to `bad`.
    ///
    /// # Errors
    /// When the device is gone, or ends before the volume does.
    pub(crate) fn read(&mut self, runs: &[Extent], raw: &mut Vec<u8>, bad: &mut ExtentSet) -> Result<()> {
        let clusters: u64 = runs.iter().map(|run| run.clusters).sum();
        raw.resize(self.grid.bytes_of(clusters).0 as usize, 0);
        let gap = GAP_BYTES / u64::from(self.grid.cluster_bytes);
        let mut rest = &mut raw[..];
        let mut from = 0;
        while from < runs.len() {
            let mut to = from + 1;
            while to < runs.len() && runs[to].start.0 - runs[to - 1].end() <= gap {
                to += 1;
            }
            let group = &runs[from..to];
            let len = group.iter().map(|run| self.grid.bytes_of(run.clusters).0 as usize).sum();
            let (now, later) = rest.split_at_mut(len);
            self.read_group(group, now, bad)?;
            rest = later;
            from = to;
        }
        Ok(())
    }

    fn read_group(&mut self, group: &[Extent], out: &mut [u8], bad: &mut ExtentSet) -> Result<()> {
        let start = group[0].start;
        let at = self.grid.offset_of(start);
        let span = self.grid.bytes_of(group[group.len() - 1].end() - start.0).0 as usize;
        let result = if group.len() == 1 {
            self.device.read_at(at, out)
        } else {
            self.scratch.resize(span, 0);
            self.device.read_at(at, &mut self.scratch)
        };
        match result {
            Ok(()) if group.len() == 1 => Ok(()),
            Ok(()) => {
                let mut rest = out;
                for run in group {
                    let from = self.grid.bytes_of(run.start.0 - start.0).0 as usize;
                    let (now, later) = rest.split_at_mut(self.grid.bytes_of(run.clusters).0 as usize);
                    now.copy_from_slice(&self.scratch[from..from + now.len()]);
                    rest = later;
                }
                Ok(())
            }
            Err(error) if is_medium_error(&error) => {
                let mut rest = out;
                for run in group {
                    let (now, later) = rest.split_at_mut(self.grid.bytes_of(run.clusters).0 as usize);
                    self.salvage(*run, now, bad)?;
                    rest = later;
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Reads a run piece by piece, and a failing piece sector by sector.
    fn salvage(&self, run: Extent, out: &mut [u8], bad: &mut ExtentSet) -> Result<()> {
        let at = self.grid.offset_of(run.start).0;
        let sector = (self.device.sector_bytes().clamp(512, 4096) as usize).min(self.grid.cluster_bytes as usize);
        for (piece, bytes) in out.chunks_mut(PIECE).enumerate() {
            let piece_at = at + (piece * PIECE) as u64;
            match self.device.read_at(ByteOffset(piece_at), bytes) {
                Ok(()) => continue,
                Err(error) if is_medium_error(&error) => {}
                Err(error) => return Err(error),
            }
            for (index, bytes) in bytes.chunks_mut(sector).enumerate() {
                let sector_at = ByteOffset(piece_at + (index * sector) as u64);
                if !self.read_sector(sector_at, bytes)? {
                    bytes.fill(0);
                    bad.insert(Extent::new(self.grid.cluster_at(sector_at).0, 1));
                }
            }
        }
        Ok(())
    }

    fn read_sector(&self, at: ByteOffset, bytes: &mut [u8]) -> Result<bool> {
        for _ in 0..TRIES {
            match self.device.read_at(at, bytes) {
                Ok(()) => return Ok(true),
                Err(error) if is_medium_error(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// True when these sectors cannot be read but others may be: not when the whole device is gone, and not when
/// the device ends too early.
fn is_medium_error(error: &Error) -> bool {
    use rustix::io::Errno;
    let Some(code) = error.os_error().and_then(std::io::Error::raw_os_error) else { return false };
    ![Errno::NODEV, Errno::NXIO, Errno::NOMEDIUM, Errno::BADF, Errno::INVAL, Errno::NOMEM, Errno::INTR]
        .contains(&Errno::from_raw_os_error(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cut_runs_at_their_borders_and_skip_what_is_free() {
        let mut map = ClusterMap::new(100);
        for (start, len) in [(2, 3), (8, 20), (70, 1), (79, 2)] {
            map.set(Extent::new(start, len), true);
        }
        let mut chunks = Chunks::new(&map, 10);
        let mut runs = Vec::new();
        let mut seen = Vec::new();
        while let Some(span) = chunks.next(&mut runs) {
            seen.push((span.0, runs.iter().map(|run| (run.start.0, run.clusters)).collect::<Vec<_>>()));
        }
        assert_eq!(
            seen,
            [
                (0, vec![(2, 3), (8, 2)]),
                (10, vec![(10, 10)]),
                (20, vec![(20, 8)]),
                (70, vec![(70, 1), (79, 1)]),
                (80, vec![(80, 1)]),
            ]
        );
    }
}

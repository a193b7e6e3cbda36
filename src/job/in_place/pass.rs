//! One pass over an image and the volume it goes to: chunk by chunk, what of the volume is not as it must be.
//!
//! A chunk whose clusters on the volume have the digest that the index names is right, and is not even decompressed.
//! Of any other chunk, each cluster is compared.

use super::super::Monitor;
use super::super::gather::Gatherer;
use super::super::pipeline::{Width, ordered};
use super::super::seal::overlaps;
use super::super::verify::{Located, Locator};
use super::patched::Patched;
use crate::device::ReadDevice;
use crate::error::Result;
use crate::extent::{ClusterMap, Extent, ExtentSet};
use crate::fs::ByteRange;
use crate::image::Image;
use crate::image::format::Entry;
use crate::unit::ByteOffset;

/// What is held against what.
pub(super) struct Pass<'a> {
    pub(super) image: &'a Image,
    pub(super) map: &'a ClusterMap,
    pub(super) patched: Patched<'a>,
    /// Bytes that are written last, and are nobody's business before.
    pub(super) seals: Vec<ByteRange>,
    pub(super) target: &'a dyn ReadDevice,
    /// Look what is there; else everything differs.
    pub(super) compare: bool,
    pub(super) threads: usize,
}

/// Bytes of a chunk that differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) at: ByteOffset,
    pub(super) from: usize,
    pub(super) len: usize,
}

/// A chunk on its way.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) located: Located,
    frame: Vec<u8>,
    /// What must be there, the changes included; only when `unpacked`.
    pub(super) raw: Vec<u8>,
    pub(super) unpacked: bool,
    have: Vec<u8>,
    unreadable: ExtentSet,
    pub(super) differing: Vec<Stretch>,
    /// Why its content is not to be had.
    pub(super) bad: Option<String>,
}

impl Chunk {
    /// Bytes of the volume that it covers.
    pub(super) fn bytes(&self, pass: &Pass) -> u64 {
        self.located.runs.iter().map(|run| pass.patched.grid.bytes_of(run.clusters).0).sum()
    }
}

impl Pass<'_> {
    /// Gives the chunks to `consume`, in order.
    pub(super) fn run(&self, monitor: &Monitor, consume: &mut dyn FnMut(&mut Chunk) -> Result<()>) -> Result<()> {
        let grid = self.patched.grid;
        let chunk_bytes = grid.bytes_of(self.image.header().chunk_clusters).0;
        let width = Width::new(self.threads, 3 * chunk_bytes, (1 << 20) + chunk_bytes);
        let mut locator = Locator::new(self.image, self.map);
        let mut gatherer = Gatherer::new(self.target, grid);
        ordered(
            (0..width.items).map(|_| Chunk::default()).collect(),
            width.threads,
            |chunk| {
                monitor.check()?;
                if !locator.next(&mut chunk.located) {
                    return Ok(false);
                }
                chunk.unreadable = ExtentSet::new();
                if self.compare {
                    gatherer.read(&chunk.located.runs, &mut chunk.have, &mut chunk.unreadable)?;
                }
                Ok(true)
            },
            || {
                let mut decompressor = super::super::decompressor()?;
                let mut scratch = Vec::new();
                Ok(move |chunk: &mut Chunk| {
                    self.look(chunk, &mut decompressor, &mut scratch);
                    Ok(())
                })
            },
            |chunk| {
                monitor.check()?;
                consume(chunk)
            },
        )
    }

    fn look(&self, chunk: &mut Chunk, decompressor: &mut zstd::bulk::Decompressor<'_>, scratch: &mut Vec<u8>) {
        chunk.differing.clear();
        (chunk.unpacked, chunk.bad) = (false, None);
        let entry = match &chunk.located.entry {
            Ok(entry) => *entry,
            Err(why) => {
                chunk.bad = Some(why.clone());
                return;
            }
        };
        if self.is_right(chunk, &entry, scratch) {
            return;
        }
        let read = self.image.read_frame(&entry, &mut chunk.frame);
        chunk.bad = match read {
            Ok(()) => chunk.located.unpack(decompressor, &chunk.frame, &mut chunk.raw),
            Err(error) => Some(error.to_string()),
        };
        if chunk.bad.is_some() {
            return;
        }
        chunk.unpacked = true;
        self.patched.apply(&chunk.located.runs, &mut chunk.raw);
        self.compare(chunk);
    }

    /// True when what is there matches the index. Seals are not there while the volume is being restored: a chunk
    /// with one is always unpacked.
    fn is_right(&self, chunk: &Chunk, entry: &Entry, scratch: &mut Vec<u8>) -> bool {
        if !self.compare || !chunk.unreadable.is_empty() {
            return false;
        }
        let runs = &chunk.located.runs;
        let mut sealed = false;
        for seal in &self.seals {
            overlaps(*seal, runs, self.patched.grid, |_, _, _| sealed = true);
        }
        if sealed {
            return false;
        }
        if self.patched.is_clear_of(runs) {
            return *blake3::hash(&chunk.have).as_bytes() == entry.digest;
        }
        scratch.clone_from(&chunk.have);
        self.patched.undo(runs, scratch) && *blake3::hash(scratch).as_bytes() == entry.digest
    }

    fn compare(&self, chunk: &mut Chunk) {
        let grid = self.patched.grid;
        let Chunk { located, raw, have, unreadable, differing, .. } = chunk;
        if self.compare {
            for seal in &self.seals {
                overlaps(*seal, &located.runs, grid, |_, at, len| {
                    have[at..at + len].copy_from_slice(&raw[at..at + len]);
                });
            }
        }
        let cluster = grid.cluster_bytes as usize;
        let mut from = 0;
        for run in &located.runs {
            for index in 0..run.clusters {
                let unlike = || raw[from..from + cluster] != have[from..from + cluster];
                let lost = || !unreadable.is_empty() && unreadable.contains(crate::unit::Cluster(run.start.0 + index));
                if !self.compare || unlike() || lost() {
                    add(differing, Extent::new(run.start.0 + index, 1), from, grid);
                }
                from += cluster;
            }
        }
    }
}

/// Adds a cluster to the stretches; neighbours are one.
fn add(stretches: &mut Vec<Stretch>, cluster: Extent, from: usize, grid: crate::unit::Grid) {
    let at = grid.offset_of(cluster.start);
    let len = grid.cluster_bytes as usize;
    match stretches.last_mut() {
        Some(last) if last.at.0 + last.len as u64 == at.0 && last.from + last.len == from => last.len += len,
        _ => stretches.push(Stretch { at, from, len }),
    }
}

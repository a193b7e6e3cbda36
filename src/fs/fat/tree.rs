//! The files of a FAT volume: [`Tree`] over chains and directories.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, PoisonError};

use super::Volume;
use super::boot::Root;
use super::directory::{Directory, MAX_DIRECTORY_BYTES, Record};
use crate::device::{ReadDevice, read_vec};
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::tree::sought;
use crate::fs::{self, Attributes, Entry, EntryKind, Tree};
use crate::unit::{ByteLen, ByteOffset};

/// The longest file: its length has 32 bits.
const MAX_FILE_BYTES: u64 = u32::MAX as u64;
/// Read at once from a file, so that small reads by the caller do not become small reads of the disk.
const READ_BYTES: usize = 128 << 10;
/// Directories kept decoded: a walk goes back to those above the one it is in.
const CACHED_DIRECTORIES: usize = 16;
/// Records kept in all, so that hostile directories cannot take more than some 20 MiB.
const CACHED_RECORDS: usize = 100_000;

/// Directories decoded last, newest first, by the number of their first cluster (0: the root).
pub(super) type Cache = Mutex<VecDeque<(u32, Arc<Directory>)>>;

/// What a path leads to.
enum Found {
    Root,
    Record(Record),
}

impl Volume {
    fn find(&self, path: &Path) -> Result<Found> {
        let mut found = Found::Root;
        for component in path.components() {
            let name = match component {
                Component::RootDir | Component::CurDir => continue,
                Component::Normal(name) => name.as_encoded_bytes(),
                Component::ParentDir | Component::Prefix(_) => return Err(missing(path)),
            };
            let record = self.directory(&found, path)?.find(name).cloned();
            found = Found::Record(record.ok_or_else(|| missing(path))?);
        }
        Ok(found)
    }

    fn directory(&self, found: &Found, path: &Path) -> Result<Arc<Directory>> {
        let directory = match found {
            Found::Root => self.root(),
            Found::Record(record) if record.is_directory => self.subdirectory(record.cluster),
            Found::Record(_) => return Err(Error::unsupported(format!("{} is not a directory", path.display()))),
        };
        directory.map_err(|error| error.context(format!("reading directory {}", path.display())))
    }

    /// The root directory, decoded.
    pub(super) fn root(&self) -> Result<Arc<Directory>> {
        self.cached(0, || match self.boot.root {
            Root::Region { offset, bytes } => read_vec(&self.device, offset, bytes as usize),
            Root::Chain(cluster) => self.directory_bytes(cluster),
        })
    }

    fn subdirectory(&self, cluster: u32) -> Result<Arc<Directory>> {
        // Cluster 0 stands for the root, but only `..` may lead there: the chain refuses it.
        if cluster == 0 {
            return Err(Error::damaged("a directory without a first cluster"));
        }
        self.cached(cluster, || self.directory_bytes(cluster))
    }

    fn cached(&self, cluster: u32, read: impl FnOnce() -> Result<Vec<u8>>) -> Result<Arc<Directory>> {
        let hit = |cache: &VecDeque<(u32, Arc<Directory>)>| {
            cache.iter().find(|(key, _)| *key == cluster).map(|(_, directory)| Arc::clone(directory))
        };
        if let Some(directory) = hit(&self.cache.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(directory);
        }
        let directory = Arc::new(Directory::decode(&read()?, matches!(self.boot.root, Root::Chain(_))));
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if hit(&cache).is_none() {
            cache.push_front((cluster, Arc::clone(&directory)));
        }
        while cache.len() > CACHED_DIRECTORIES
            || cache.len() > 1 && cache.iter().map(|(_, kept)| kept.records.len()).sum::<usize>() > CACHED_RECORDS
        {
            cache.pop_back();
        }
        Ok(directory)
    }

    fn directory_bytes(&self, cluster: u32) -> Result<Vec<u8>> {
        let limit = MAX_DIRECTORY_BYTES.div_ceil(self.boot.cluster_bytes.into());
        let mut bytes = Vec::new();
        for run in self.table.chain(cluster, limit)? {
            let (offset, len) = self.bytes_of(run);
            // At most `limit` clusters in all, and these lie within the volume: `chain` has seen to it.
            bytes.extend(read_vec(&self.device, offset, len as usize)?);
        }
        Ok(bytes)
    }

    /// Where a run of cluster numbers lies in the volume, and how many bytes it has.
    pub(super) fn bytes_of(&self, run: Extent) -> (ByteOffset, u64) {
        let number = u32::try_from(run.start.0).unwrap_or(u32::MAX);
        (self.boot.offset_of(number), run.clusters.saturating_mul(self.boot.cluster_bytes.into()))
    }

    /// A run of cluster numbers on the volume's grid. The grid's clusters divide FAT's.
    pub(super) fn on_grid(&self, run: Extent) -> Extent {
        let (offset, len) = self.bytes_of(run);
        self.span(offset, len)
    }

    /// The grid's clusters that hold these bytes.
    pub(super) fn span(&self, offset: ByteOffset, bytes: u64) -> Extent {
        let cluster_bytes = u64::from(self.grid.cluster_bytes);
        let first = offset.0 / cluster_bytes;
        Extent::new(first, offset.0.saturating_add(bytes).div_ceil(cluster_bytes) - first)
    }

    /// The chain of a file or directory; empty when nothing is allocated to it.
    fn record_chain(&self, record: &Record) -> Result<Vec<Extent>> {
        if record.cluster == 0 && record.bytes == 0 && !record.is_directory {
            return Ok(Vec::new());
        }
        let most = if record.is_directory { MAX_DIRECTORY_BYTES } else { MAX_FILE_BYTES };
        self.table.chain(record.cluster, most.div_ceil(self.boot.cluster_bytes.into()))
    }

    /// A file's content.
    pub(super) fn content(&self, record: &Record) -> Result<Content<'_>> {
        let mut runs = Vec::new();
        let mut rest = u64::from(record.bytes);
        // An empty file has no bytes, whatever is allocated to it.
        let chain = if rest == 0 { Vec::new() } else { self.record_chain(record)? };
        for run in chain {
            let (offset, len) = self.bytes_of(run);
            let len = len.min(rest);
            rest -= len;
            if len > 0 {
                runs.push((offset, len));
            }
        }
        if rest > 0 {
            return Err(Error::damaged(format!(
                "the file has {} bytes, but its chain of clusters ends {rest} bytes before",
                record.bytes
            ))
            .advise("The volume needs a file system check"));
        }
        Ok(Content { device: &self.device, runs, bytes: record.bytes.into(), at: 0, current: (0, 0) })
    }
}

impl Tree for Volume {
    fn entry(&self, path: &Path) -> Result<Entry> {
        Ok(match self.find(path)? {
            Found::Record(record) => record.to_entry(),
            Found::Root => Entry {
                name: OsString::from("/"),
                kind: EntryKind::Directory,
                bytes: 0,
                modified: None,
                attributes: Attributes::default(),
                streams: Vec::new(),
            },
        })
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        let directory = self.directory(&self.find(path)?, path)?;
        Ok(directory.records.iter().map(Record::to_entry).collect())
    }

    fn open<'a>(&'a self, path: &Path) -> Result<Box<dyn fs::Content + 'a>> {
        match self.find(path)? {
            Found::Record(record) if !record.is_directory => {
                let content = self.content(&record);
                let content = content.map_err(|error| error.context(format!("opening {}", path.display())))?;
                Ok(Box::new(BufReader::with_capacity(READ_BYTES, content)))
            }
            _ => Err(Error::unsupported(format!("{} is a directory", path.display()))),
        }
    }

    fn extents(&self, path: &Path) -> Result<Vec<Extent>> {
        let chain = match (self.find(path)?, self.boot.root) {
            (Found::Record(record), _) => self.record_chain(&record),
            (Found::Root, Root::Region { offset, bytes }) => return Ok(vec![self.span(offset, bytes)]),
            (Found::Root, Root::Chain(cluster)) => {
                self.table.chain(cluster, MAX_DIRECTORY_BYTES.div_ceil(self.boot.cluster_bytes.into()))
            }
        };
        let chain = chain.map_err(|error| error.context(format!("following the clusters of {}", path.display())))?;
        Ok(chain.into_iter().map(|run| self.on_grid(run)).collect())
    }

    fn content(&self, path: &Path) -> Result<Vec<Extent>> {
        // A FAT file has nothing else on the disk: its entry is in the directory, its chain in the FAT.
        match self.find(path)? {
            Found::Record(record) if !record.is_directory => self.extents(path),
            _ => Ok(Vec::new()),
        }
    }
}

fn missing(path: &Path) -> Error {
    Error::unsupported(format!("there is no {} on this volume", path.display()))
}

/// A file's bytes, run by run.
pub(super) struct Content<'a> {
    device: &'a dyn ReadDevice,
    /// Where each run begins, and its bytes.
    runs: Vec<(ByteOffset, u64)>,
    bytes: u64,
    at: u64,
    /// The run in which the next byte lies, and the file's byte at which it begins.
    current: (usize, u64),
}

impl Read for Content<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let (mut run, mut begins) = self.current;
        let (offset, len) = loop {
            let Some(&(offset, len)) = self.runs.get(run) else { return Ok(0) };
            if self.at < begins + len {
                break (offset, len);
            }
            begins += len;
            run += 1;
        };
        self.current = (run, begins);
        let inside = self.at - begins;
        let count = buf.len().min(usize::try_from(len - inside).unwrap_or(usize::MAX));
        let place = offset.checked_add(ByteLen(inside)).ok_or(io::ErrorKind::InvalidData)?;
        self.device.read_at(place, &mut buf[..count]).map_err(io::Error::other)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Content<'_> {
    fn seek(&mut self, from: SeekFrom) -> io::Result<u64> {
        self.at = sought(from, self.at, self.bytes)?;
        self.current = (0, 0);
        Ok(self.at)
    }
}

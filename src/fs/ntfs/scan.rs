//! `$MFT` from its first record to its last, and the paths of files by their records.

use std::collections::HashMap;
use std::sync::Arc;

use super::record::{self, Reference, kind};
use super::runs::Run;
use super::view::{FileName, Header, views};
use super::volume::{Volume, number};
use crate::device;
use crate::error::{Error, Result};
use crate::fs::Watch;
use crate::unit::ByteOffset;

/// How much of `$MFT` is read at a time.
const PIECE_BYTES: u64 = 1 << 20;

/// Directories whose paths are kept; when there are more, all are forgotten.
const MAX_CACHED_PATHS: usize = 8192;

/// Levels of directories that are followed, and bytes of a path that are kept: a loop or a hostile volume ends here.
/// Windows itself stops at 32,767 units.
const MAX_LEVELS: usize = 1024;
const MAX_PATH_BYTES: usize = 98_304;

/// The name space of names that exist only for DOS.
const DOS_NAME: u8 = 2;

/// Takes a record: its number, its place and its bytes.
pub(super) type Take<'t> = &'t mut dyn FnMut(u64, ByteOffset, &mut [u8]) -> Result<()>;

impl Volume {
    /// How many records can be there: `$MFT` up to its initialised length and its first hole, and no more than the
    /// device has room for, so that memory may be sized by it.
    pub(super) fn record_count(&self) -> u64 {
        let size = u64::from(self.boot.record_bytes);
        let covered = self.mft.runs().iter().take_while(|run| run.lcn.is_some()).last().map_or(0, Run::end);
        let covered = covered.saturating_mul(u64::from(self.boot.cluster_bytes));
        let initialized = match &self.mft.body {
            record::Body::Clusters(clusters) => clusters.initialized,
            record::Body::Resident(_) => 0,
        };
        self.mft.len().min(initialized).min(covered).min(self.device.len().0) / size
    }

    /// Where a record lies on the volume.
    pub(super) fn record_place(&self, number: u64) -> ByteOffset {
        self.mft.place_of(&self.boot, number.saturating_mul(u64::from(self.boot.record_bytes)))
    }

    /// Hands every record to `take`, in order and as it lies on the medium: its number, its place and its bytes.
    ///
    /// # Errors
    /// When the medium cannot be read, the watch ends it, or `take` fails.
    pub(super) fn scan(&self, phase: &'static str, watch: &dyn Watch, take: Take<'_>) -> Result<()> {
        let size = u64::from(self.boot.record_bytes);
        let total = self.record_count();
        let step = (PIECE_BYTES / size).max(1);
        let mut piece = vec![0; (step.min(total) * size) as usize];
        let mut first = 0;
        while first < total {
            watch.proceed()?;
            watch.advance(phase, first, total);
            let count = step.min(total - first);
            piece.truncate((count * size) as usize);
            self.mft.read_at(&*self.device, &self.boot, first * size, &mut piece)?;
            for (at, bytes) in piece.chunks_exact_mut(size as usize).enumerate() {
                let number = first + at as u64;
                take(number, self.record_place(number), bytes)?;
            }
            first += count;
        }
        watch.advance(phase, total, total);
        Ok(())
    }

    /// One record, its fixups taken back.
    ///
    /// # Errors
    /// When there is none of this number, or it is damaged.
    pub(super) fn raw_record(&self, number: u64) -> Result<Vec<u8>> {
        if number >= self.record_count() {
            return Err(Error::corrupt(self.mft.place, "a record of $MFT", number));
        }
        let size = u64::from(self.boot.record_bytes);
        let mut bytes = vec![0; size as usize];
        self.mft.read_at(&*self.device, &self.boot, number * size, &mut bytes)?;
        record::unfix(&mut bytes, b"FILE", self.record_place(number))?;
        Ok(bytes)
    }

    /// A record's copy in `$MFTMirr`, its fixups taken back.
    ///
    /// # Errors
    /// When the copy is damaged, too.
    pub(super) fn mirror_record(&self, number: u64) -> Result<Vec<u8>> {
        let size = u64::from(self.boot.record_bytes);
        let at = self.boot.offset_of(self.boot.mirror_cluster).0.saturating_add(number.saturating_mul(size));
        let mut bytes = device::read_vec(&*self.device, ByteOffset(at), size as usize)?;
        record::unfix(&mut bytes, b"FILE", ByteOffset(at))?;
        Ok(bytes)
    }

    /// The name to show of a file whose base record is at hand, and its directory: the first that is not only DOS's.
    /// With an attribute list, names may lie in other records.
    fn shown_name(&self, number: u64, record: &[u8]) -> Option<(Reference, Vec<u16>)> {
        let here = shown(record);
        if here.is_some() || !views(record).any(|view| view.kind == kind::ATTRIBUTE_LIST) {
            return here;
        }
        let file = self.read_file(number).ok()?;
        let names = file.contents.iter().filter(|content| content.kind == kind::FILE_NAME);
        names.into_iter().find_map(|content| match &content.body {
            record::Body::Resident(value) => pick(FileName::read(value)?),
            record::Body::Clusters(_) => None,
        })
    }
}

/// The first name in a record that is not only DOS's.
fn shown(record: &[u8]) -> Option<(Reference, Vec<u16>)> {
    let mut names = views(record).filter(|view| view.kind == kind::FILE_NAME);
    names.find_map(|view| pick(FileName::read(view.value()?)?))
}

fn pick(name: FileName<'_>) -> Option<(Reference, Vec<u16>)> {
    (name.space != DOS_NAME).then(|| (name.parent, name.units()))
}

/// Paths of files, with the directories met lately in memory.
pub(super) struct Paths<'a> {
    volume: &'a Volume,
    directories: HashMap<u64, Arc<str>>,
}

impl<'a> Paths<'a> {
    pub(super) fn new(volume: &'a Volume) -> Self {
        Self { volume, directories: HashMap::new() }
    }

    /// The path of the file with this base record, from the root on (`/a/b`); what leads nowhere begins with the
    /// number of the record where it ends: `record 77/b`.
    pub(super) fn of(&mut self, number: u64) -> String {
        match self.volume.raw_record(number) {
            Ok(record) => self.of_record(number, &record),
            Err(_) => lone(number),
        }
    }

    /// The same, for a base record that is at hand.
    pub(super) fn of_record(&mut self, number: u64, record: &[u8]) -> String {
        if number == number::ROOT {
            return "/".to_owned();
        }
        match self.volume.shown_name(number, record) {
            Some((parent, name)) => {
                let parent = self.directory(parent.number());
                join(&parent, &name)
            }
            None => lone(number),
        }
    }

    fn directory(&mut self, number: u64) -> Arc<str> {
        let mut names = Vec::new();
        let mut at = number;
        let mut path: Arc<str> = loop {
            if at == number::ROOT {
                break Arc::from("");
            }
            if let Some(known) = self.directories.get(&at) {
                break Arc::clone(known);
            }
            let next = self.volume.raw_record(at).ok().and_then(|record| self.volume.shown_name(at, &record));
            match next.filter(|_| names.len() < MAX_LEVELS) {
                Some((parent, name)) => {
                    names.push((at, name));
                    at = parent.number();
                }
                None => break Arc::from(lone(at)),
            }
        };
        for (number, name) in names.into_iter().rev() {
            path = Arc::from(join(&path, &name));
            if self.directories.len() >= MAX_CACHED_PATHS {
                self.directories.clear();
            }
            self.directories.insert(number, Arc::clone(&path));
        }
        path
    }
}

/// What stands for the path of a record to which no path leads.
pub(super) fn lone(number: u64) -> String {
    format!("record {number}")
}

fn join(parent: &str, name: &[u16]) -> String {
    let name = String::from_utf16_lossy(name);
    if parent.len() > MAX_PATH_BYTES { format!("…/{name}") } else { format!("{parent}/{name}") }
}

/// The number of the base record of the file that a record belongs to: its own, or that of its base.
pub(super) fn base_of(number: u64, header: &Header) -> u64 {
    if header.base.0 == 0 { number } else { header.base.number() }
}

//! Every name of every file against the entries of its directory.
//!
//! A file's `$FILE_NAME`s and the entries that lead to it must be the same set: same directory (with its sequence
//! number), same file (with its sequence number), same name space, same name. Both sides are summed up as hashes, one
//! with plus and one with minus; a sum of 32 bits hides a difference once in four thousand million cases.

use std::collections::{BTreeMap, BTreeSet};

use super::super::record::{Body, Reference, kind};
use super::super::view::{FileName, Header};
use super::super::volume::number;
use super::Checker;
use super::collation::Rule;
use super::index;
use super::record::is_nameless;
use super::tree::{Event, Tree};
use crate::bytes::{u32_at, u64_at};
use crate::error::Result;
use crate::fs::Finding;
use crate::unit::ByteOffset;

/// Files that are looked at closely, and entries that are kept for it.
const MOST_FILES: usize = 1000;
const MOST_ENTRIES: usize = 20_000;

/// A directory without a parent that can be told.
const NO_PARENT: u32 = u32::MAX;

/// What is kept of names.
pub(super) struct Names {
    /// For each record: the hashes of its names less those of the entries that lead to it.
    sums: Vec<u32>,
    /// Directories in order, each with its parent.
    directories: Vec<(u32, u32)>,
    /// Directories whose index could not be walked as a whole: names are missing there, which is no second damage.
    broken: BTreeSet<u64>,
    /// There were too many of those to keep.
    too_broken: bool,
}

/// An entry that leads to a file that is looked at.
struct Found {
    directory: u64,
    target: Reference,
    space: u8,
    name: Vec<u16>,
    place: ByteOffset,
}

impl Names {
    pub(super) fn new(records: u64) -> Self {
        let sums = vec![0; usize::try_from(records).unwrap_or(0)];
        Self { sums, directories: Vec::new(), broken: BTreeSet::new(), too_broken: false }
    }

    /// A name that the file `file` has.
    pub(super) fn add(&mut self, file: u64, reference: Reference, name: &FileName<'_>) {
        if let Some(sum) = usize::try_from(file).ok().and_then(|at| self.sums.get_mut(at)) {
            *sum = sum.wrapping_add(hash(reference, name));
        }
    }

    /// An entry that leads to a file.
    pub(super) fn remove(&mut self, target: Reference, name: &FileName<'_>) {
        if let Some(sum) = usize::try_from(target.number()).ok().and_then(|at| self.sums.get_mut(at)) {
            *sum = sum.wrapping_sub(hash(target, name));
        }
    }

    /// A directory, and its parent's number.
    pub(super) fn directory(&mut self, number: u64, parent: Option<u64>) {
        let narrow = |number: u64| u32::try_from(number).unwrap_or(NO_PARENT);
        self.directories.push((narrow(number), parent.map_or(NO_PARENT, narrow)));
    }

    /// A directory whose index could not be walked as a whole.
    pub(super) fn break_directory(&mut self, number: u64) {
        if self.broken.len() < MOST_ENTRIES {
            self.broken.insert(number);
        } else {
            self.too_broken = true;
        }
    }
}

/// Mixes a name into 32 bits (multiply and rotate; no stranger gains anything from a collision).
fn hash(file: Reference, name: &FileName<'_>) -> u32 {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let mix = |state: u64, word: u64| (state.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let mut state = mix(mix(mix(FACTOR, file.0), name.parent.0), u64::from(name.space));
    for chunk in name.name.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        state = mix(state, u64::from_le_bytes(word));
    }
    state = mix(state, name.name.len() as u64);
    (state ^ (state >> 32)) as u32
}

impl Checker<'_> {
    /// Looks closely at the files whose names and entries do not agree.
    pub(super) fn check_names(&mut self) -> Result<()> {
        let differing = self.names.sums.iter().enumerate().filter(|(_, sum)| **sum != 0).map(|(at, _)| at as u64);
        let all: Vec<u64> =
            differing.filter(|number| !self.records.broken.contains(*number)).take(MOST_FILES + 1).collect();
        let Some(files) = all.get(..all.len().min(MOST_FILES)).filter(|files| !files.is_empty()) else { return Ok(()) };
        if all.len() > MOST_FILES {
            let message =
                format!("more than {MOST_FILES} files and their directories do not agree; the first are told");
            self.report.tell(Finding::error("ntfs.names", message));
        }
        let wanted: BTreeSet<u64> = files.iter().copied().collect();
        let mut found = self.entries_of(&wanted)?;
        for file in wanted {
            self.watch.proceed()?;
            self.compare_names(file, found.remove(&file).unwrap_or_default());
        }
        Ok(())
    }

    /// All entries that lead to the wanted files: every directory is read a second time.
    fn entries_of(&mut self, wanted: &BTreeSet<u64>) -> Result<BTreeMap<u64, Vec<Found>>> {
        let mut found: BTreeMap<u64, Vec<Found>> = BTreeMap::new();
        let mut kept = 0;
        let volume = self.volume;
        let total = self.names.directories.len() as u64;
        // The first reading has spent its budget; the second one may spend as much.
        self.budget = volume.device.len().0.saturating_mul(2).saturating_add(64 << 20);
        for at in 0..self.names.directories.len() {
            let directory = u64::from(self.names.directories[at].0);
            self.watch.proceed()?;
            self.watch.advance("Comparing names", at as u64, total);
            if self.records.broken.contains(directory) {
                continue;
            }
            let Ok(file) = volume.read_file(directory) else { continue };
            let name = index::names();
            let Some(root) = file.content(kind::INDEX_ROOT, &name) else { continue };
            let Body::Resident(value) = &root.body else { continue };
            let blocks =
                file.content(kind::INDEX_ALLOCATION, &name).filter(|blocks| blocks.check(&volume.boot).is_ok());
            let block_bytes = u32_at(value, 8).filter(|bytes| *bytes == volume.boot.index_bytes);
            let Some(block_bytes) = block_bytes.filter(|bytes| index::BLOCK_BYTES.contains(bytes)) else { continue };
            if !self.spend(directory, blocks.map_or(1, |blocks| blocks.len().max(1))) {
                break;
            }
            let tree = Tree {
                device: &*volume.device,
                boot: &volume.boot,
                upcase: volume.upcase(),
                rule: Rule::FILE_NAME,
                block_bytes: block_bytes as usize,
                blocks,
                is_view: false,
            };
            tree.walk(value, root.place, &mut |event| {
                let Event::Entry(entry, key, place) = event else { return Ok(()) };
                let target = Reference(u64_at(entry, 0).unwrap_or(0));
                let Some(name) = FileName::read(key) else { return Ok(()) };
                if wanted.contains(&target.number()) && kept < MOST_ENTRIES {
                    kept += 1;
                    let (space, name) = (name.space, name.units());
                    found.entry(target.number()).or_default().push(Found { directory, target, space, name, place });
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// One file's names against the entries that lead to it.
    fn compare_names(&mut self, file: u64, entries: Vec<Found>) {
        let record = self.volume.raw_record(file).unwrap_or_default();
        let header = Header::read(&record);
        let usable = header.in_use && header.base.0 == 0;
        let names = if usable { self.names_of(file) } else { Vec::new() };
        let mut matched = vec![false; names.len()];
        for entry in entries {
            let shown = String::from_utf16_lossy(&entry.name);
            let same = |(parent, space, name): &(Reference, u8, Vec<u16>)| {
                parent.number() == entry.directory && *space == entry.space && *name == entry.name
            };
            let known = names.iter().position(same);
            if let Some(at) = known {
                matched[at] = true;
            }
            let (rule, problem) = if !header.in_use {
                ("ntfs.index.dangling", "which is free".to_owned())
            } else if header.base.0 != 0 {
                ("ntfs.index.reference", format!("which is only an extension of record {}", header.base.number()))
            } else if entry.target.sequence() != header.sequence {
                let (is, says) = (header.sequence, entry.target.sequence());
                ("ntfs.index.sequence", format!("whose sequence number is {is}, not {says}"))
            } else if known.is_none() {
                ("ntfs.index.name", "which has no such name in this directory".to_owned())
            } else {
                // It agrees; an entry that tells another directory than its own was told when it was met.
                continue;
            };
            let message = format!("\"{shown}\" leads to record {file}, {problem}");
            self.report.of(entry.directory, Finding::error(rule, message).at(entry.place));
        }
        for ((parent, _, name), _) in names.iter().zip(&matched).filter(|(_, matched)| !**matched) {
            self.unindexed(file, *parent, name);
        }
        let stale = names.iter().zip(&matched).filter(|(_, matched)| **matched);
        for ((parent, _, name), _) in stale {
            self.wrong_parent(file, *parent, name);
        }
    }

    /// A name that no directory has.
    fn unindexed(&mut self, file: u64, parent: Reference, name: &[u16]) {
        if self.wrong_parent(file, parent, name) {
            return;
        }
        let number = parent.number();
        if self.names.too_broken || self.names.broken.contains(&number) || self.records.broken.contains(number) {
            return;
        }
        let shown = String::from_utf16_lossy(name);
        let message = format!("\"{shown}\" is a name of record {file}, but the directory (record {number}) has it not");
        let place = self.volume.record_place(file);
        self.report.of(file, Finding::error("ntfs.name.unindexed", message).at(place));
    }

    /// A name whose directory is none, or another one than when the name was given; told.
    fn wrong_parent(&mut self, file: u64, parent: Reference, name: &[u16]) -> bool {
        let number = parent.number();
        if self.records.broken.contains(number) {
            return false;
        }
        let header = self.volume.raw_record(number).ok().map(|record| Header::read(&record));
        let problem = match header {
            None => "which is not there".to_owned(),
            Some(header) if !header.in_use => "which is free".to_owned(),
            Some(header) if !header.directory => "which is no directory".to_owned(),
            Some(header) if header.sequence != parent.sequence() => {
                format!("whose sequence number is {}, not {}", header.sequence, parent.sequence())
            }
            Some(_) => return false,
        };
        let shown = String::from_utf16_lossy(name);
        let message = format!("\"{shown}\" of record {file} lies in the directory of record {number}, {problem}");
        let place = self.volume.record_place(file);
        self.report.of(file, Finding::error("ntfs.name.parent", message).at(place));
        true
    }

    /// A file's names: directory, name space, name.
    fn names_of(&self, file: u64) -> Vec<(Reference, u8, Vec<u16>)> {
        let Ok(file) = self.volume.read_file(file) else { return Vec::new() };
        let names = file.contents.iter().filter(|content| content.kind == kind::FILE_NAME);
        names
            .filter_map(|content| match &content.body {
                Body::Resident(value) => FileName::read(value).map(|name| (name.parent, name.space, name.units())),
                Body::Clusters(_) => None,
            })
            .collect()
    }

    /// Directories that lead in circles and never to the root, though each lies in its parent's index.
    pub(super) fn check_loops(&mut self) {
        let directories = std::mem::take(&mut self.names.directories);
        // By which walk a directory was met first, counted from 1; a walk ends where an earlier one has been.
        let mut met = vec![0u32; directories.len()];
        let mut circles = Vec::new();
        for start in 0..directories.len() {
            let walk = u32::try_from(start + 1).unwrap_or(u32::MAX);
            let mut at = start;
            loop {
                if met[at] == walk {
                    circles.push(u64::from(directories[at].0));
                }
                let (number, parent) = directories[at];
                if met[at] != 0 || u64::from(number) == number::ROOT {
                    break;
                }
                met[at] = walk;
                match directories.binary_search_by_key(&parent, |(number, _)| *number) {
                    Ok(next) => at = next,
                    Err(_) => break,
                }
            }
        }
        for number in circles.into_iter().filter(|number| !is_nameless(*number)) {
            let message = format!("the directory of record {number} lies within itself: no path leads to it");
            let place = self.volume.record_place(number);
            self.report.tell(Finding::error("ntfs.tree.circle", message).at(place));
        }
    }
}

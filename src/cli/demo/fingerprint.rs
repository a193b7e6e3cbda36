//! What must be the same before and after: every used byte of a volume, and every file.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::device::{ReadDevice, SharedDevice};
use crate::error::{Error, Result};
use crate::extent::ClusterMap;
use crate::fs::{self, EntryKind, FileSystem, MAX_DEPTH, Probe, Tree};
use crate::inventory::{Address, open_source};
use crate::unit::Grid;

/// Read at once.
const BLOCK_BYTES: u64 = 1 << 20;

/// A volume's digests.
#[derive(PartialEq, Eq)]
pub(super) struct Fingerprint {
    /// BLAKE3 of all used clusters in order, those of the files left out of the image not among them.
    used: blake3::Hash,
    /// BLAKE3 of every file but those.
    files: BTreeMap<PathBuf, blake3::Hash>,
}

impl Fingerprint {
    /// Reads a volume.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn of(address: &Address, left_out: &BTreeSet<PathBuf>) -> Result<Self> {
        let device = open_source(address)?.device;
        let Probe::One(kind) = fs::probe(&device)? else {
            return Err(Error::unsupported(format!("{address}: no volume is recognised there")));
        };
        let volume = fs::open(device.clone(), kind)?;
        let mut used = volume.used()?;
        for path in left_out {
            for run in volume.tree().extents(path)? {
                used.set(run, false);
            }
        }
        Ok(Self { used: digest(&device, volume.grid(), &used)?, files: files(&*volume, left_out)? })
    }

    /// How many files there are.
    pub(super) fn count(&self) -> usize {
        self.files.len()
    }
}

fn digest(device: &SharedDevice, grid: Grid, used: &ClusterMap) -> Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    let mut block = Vec::new();
    for run in used.runs() {
        let (mut at, mut left) = (grid.offset_of(run.start), grid.bytes_of(run.clusters).0);
        while left > 0 {
            let count = left.min(BLOCK_BYTES);
            block.resize(usize::try_from(count).unwrap_or_default(), 0);
            device.read_at(at, &mut block)?;
            hasher.update(&block);
            at.0 += count;
            left -= count;
        }
    }
    Ok(hasher.finalize())
}

fn files(volume: &dyn FileSystem, left_out: &BTreeSet<PathBuf>) -> Result<BTreeMap<PathBuf, blake3::Hash>> {
    let mut digests = BTreeMap::new();
    let mut folders = vec![(PathBuf::from("/"), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in volume.tree().list(&folder)? {
            let path = folder.join(&entry.name);
            match entry.kind {
                EntryKind::Directory if depth < MAX_DEPTH => folders.push((path, depth + 1)),
                EntryKind::File if !left_out.contains(&path) => {
                    let digest = file(volume.tree(), &path)?;
                    digests.insert(path, digest);
                }
                _ => {}
            }
        }
    }
    Ok(digests)
}

fn file(tree: &dyn Tree, path: &Path) -> Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut tree.open(path)?, &mut hasher)
        .map_err(|error| Error::io(format!("reading {}", path.display()), error))?;
    Ok(hasher.finalize())
}

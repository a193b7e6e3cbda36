//! What must be the same before and after: every file of a volume. A walk of its own, by names and digests.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fs::{self, EntryKind, FileSystem, MAX_DEPTH, Probe, Tree};
use crate::image::Image;
use crate::inventory::{Address, open_source};

/// The folder of the images inside: it is no user's.
const IMAGES: &str = "LIFEBOAT";

/// A volume's files.
pub(super) struct Fingerprint {
    /// BLAKE3 of every file but those that are left out.
    files: BTreeMap<PathBuf, blake3::Hash>,
    /// Files that the image has not, since Windows makes them anew.
    left_out: BTreeSet<PathBuf>,
}

impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.files == other.files
    }
}

impl Fingerprint {
    /// Reads a volume that an image was made of.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn of(address: &Address, image: &Image) -> Result<Self> {
        let excluded = image.header().excluded.iter();
        Self::of_files(address, &excluded.map(|file| Path::new("/").join(&file.path)).collect())
    }

    /// Reads a volume.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn of_files(address: &Address, left_out: &BTreeSet<PathBuf>) -> Result<Self> {
        let device = open_source(address)?.device;
        let Probe::One(kind) = fs::probe(&device)? else {
            return Err(Error::unsupported(format!("{address}: no volume is recognised there")));
        };
        let volume = fs::open(device, kind)?;
        Ok(Self { files: files(&*volume, left_out)?, left_out: left_out.clone() })
    }

    /// How many files there are.
    pub(super) fn count(&self) -> usize {
        self.files.len()
    }

    /// Files that were not compared.
    pub(super) fn left_out(&self) -> &BTreeSet<PathBuf> {
        &self.left_out
    }
}

fn files(volume: &dyn FileSystem, left_out: &BTreeSet<PathBuf>) -> Result<BTreeMap<PathBuf, blake3::Hash>> {
    let mut digests = BTreeMap::new();
    let mut folders = vec![(PathBuf::from("/"), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in volume.tree().list(&folder)? {
            let path = folder.join(&entry.name);
            match entry.kind {
                EntryKind::Directory if depth == 0 && entry.name == IMAGES => {}
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

//! Fuzz targets for what comes from strangers' disks: FAT, NTFS and ext volumes (read, checked and changed), partition
//! tables, images, and images scavenged from a device.
//!
//! To run one, from the top of the repository (`cargo install cargo-fuzz`; a nightly compiler, or
//! `RUSTC_BOOTSTRAP=1` with a stable one):
//!
//! ```text
//! tests/fuzz/seeds                                             makes first inputs with the file systems' own tools
//! cargo +nightly fuzz run --fuzz-dir tests/fuzz ext -- -max_total_time=120
//! ```
//!
//! A find is kept as a plain test, so that nobody needs the fuzzer to see it fail.
//!
//! Volumes are large and mostly zeros, so inputs are a sparse form of them: see [`unpack`].

mod change;

pub use change::change_volume;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::{MemoryDevice, SharedDevice};
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::{self, EntryKind, FileSystem, Findings, Kind};

/// One of each family's and of each kind of FAT: what opens as one of these is read by its own code.
pub const KINDS: [Kind; 5] = [Kind::Fat12, Kind::Fat16, Kind::Fat32, Kind::Ntfs, Kind::Ext2];

/// The longest volume an input may unpack to.
const MAX_BYTES: usize = 40 << 20;
/// What an input's sectors have.
const SECTOR: usize = 512;
/// Directories and files looked at in one volume.
const PATHS: usize = 64;

/// A volume out of its sparse form: its length in sectors (4 bytes, little-endian), then 4 bytes of a sector's
/// number and its 512 bytes, again and again; all other sectors are zeros.
#[must_use]
pub fn unpack(input: &[u8]) -> Option<SharedDevice> {
    let number = |bytes: &[u8]| Some(u32::from_le_bytes(*bytes.first_chunk()?) as usize);
    let len = (number(input)? * SECTOR).min(MAX_BYTES);
    let mut bytes = vec![0; len];
    for piece in input[4..].chunks(4 + SECTOR) {
        let at = number(piece)?.saturating_mul(SECTOR);
        let data = &piece[4..];
        if let Some(place) = bytes.get_mut(at..at.saturating_add(data.len())) {
            place.copy_from_slice(data);
        }
    }
    Some(Arc::new(MemoryDevice::new(bytes)))
}

/// Opens the volume as any of these kinds and asks everything of it that can be asked.
pub fn use_volume(input: &[u8], kinds: &[Kind]) {
    let Some(device) = unpack(input) else { return };
    let _ = fs::probe(&device);
    for kind in kinds {
        let Ok(volume) = fs::open(device.clone(), *kind) else { continue };
        let _ = (volume.summary(), volume.grid(), volume.anchors(), volume.count_used());
        if let Ok(map) = volume.used() {
            let _ = map.runs().count();
        }
        walk(&*volume);
    }
}

/// Opens the volume as any kind, checks it, and asks who holds each of its clusters.
pub fn check_volume(input: &[u8]) {
    let Some(device) = unpack(input) else { return };
    for kind in KINDS {
        let Ok(volume) = fs::open(device.clone(), kind) else { continue };
        let mut findings = Findings::default();
        let _ = volume.check().check(&Unwatched, &mut |finding| findings.add(finding));
        findings.finish();
        let clusters = volume.grid().clusters;
        let all: ExtentSet = std::iter::once(Extent::new(0, clusters)).collect();
        let mut see = |owner: fs::Owner| assert!(owner.extent.end() <= clusters, "a holder outside the volume");
        let _ = volume.owners().owners(&all, &Unwatched, &mut see);
    }
}

fn walk(volume: &dyn FileSystem) {
    let tree = volume.tree();
    let mut waiting = vec![PathBuf::from("/")];
    let mut left = PATHS;
    while let Some(path) = waiting.pop() {
        let Ok(entries) = tree.list(&path) else { continue };
        for entry in entries {
            if left == 0 {
                return;
            }
            left -= 1;
            let own = path.join(&entry.name);
            let _ = (tree.entry(&own), tree.extents(&own), tree.content(&own));
            if entry.kind == EntryKind::Directory {
                waiting.push(own);
            } else {
                read(volume, &own);
            }
        }
    }
}

fn read(volume: &dyn FileSystem, path: &Path) {
    if let Ok(file) = volume.tree().open(path) {
        let _ = std::io::copy(&mut file.take(256 << 10), &mut std::io::sink());
    }
}

//! A volume as Lifeboat's own reader sees it, in the words of the guest's listing, and how the two differ.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use lifeboat::device::{FileDevice, SharedDevice};
use lifeboat::fs::{self, Attributes, Entry, EntryKind, FileSystem, Probe};
use lifeboat::volume::Kind;

use super::sha256::Sha256;
use super::{Item, Listing};

/// All that both sides can tell of an entry. Sizes of directories and the kinds of nodes are each driver's own affair.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Seen {
    path: PathBuf,
    kind: char,
    bytes: Option<u64>,
    modified: Option<i64>,
    sha256: Option<String>,
    attributes: Option<u32>,
}

/// Attributes of FAT and NTFS that both sides know: read-only, hidden, system, archive.
const DOS_BITS: u32 = 0x27;

/// What the kernel and Lifeboat do not agree on, one line each; empty when they see the same.
pub(super) fn differences(listing: &Listing, image: &Path) -> Vec<String> {
    let theirs: Vec<Seen> = listing.entries.iter().map(|item| theirs(item, &listing.driver)).collect();
    let mut ours = walk(image);
    if listing.driver == "ntfs3" {
        take_links_for_files(&mut ours, &theirs);
    }
    if listing.driver == "vfat" {
        take_large_letters_for_small(&mut ours, &theirs);
    }
    let only = |one: &[Seen], other: &[Seen], who: &str| -> Vec<String> {
        let found = one.iter().filter(|seen| other.binary_search(seen).is_err());
        found.map(|seen| format!("{}: only {who}: {seen:?}", listing.address)).collect()
    };
    let sorted = |mut all: Vec<Seen>| {
        all.sort();
        all
    };
    let (theirs, ours) = (sorted(theirs), sorted(ours));
    let mut lines = only(&theirs, &ours, "the kernel");
    lines.extend(only(&ours, &theirs, "Lifeboat"));
    lines
}

/// Links of Interix (what ntfs-3g makes by default) and of the Linux subsystem are links to Lifeboat and to ntfs-3g;
/// ntfs3 shows the file that they are stored as.
fn take_links_for_files(ours: &mut [Seen], theirs: &[Seen]) {
    for seen in ours.iter_mut().filter(|seen| matches!(seen.kind, 'l' | 'n')) {
        if let Some(file) = theirs.iter().find(|file| file.path == seen.path && file.kind == 'f') {
            seen.kind = 'f';
            seen.bytes = file.bytes;
            seen.sha256.clone_from(&file.sha256);
        }
    }
}

/// Where byte 12 of an entry has its short name in lower case, Windows lowers A to Z, and Lifeboat with it; the kernel
/// and mtools lower every letter of the code page.
fn take_large_letters_for_small(ours: &mut [Seen], theirs: &[Seen]) {
    let lowered = |path: &Path| -> String {
        let letters = path.to_str().unwrap_or_default().chars();
        letters.flat_map(|one| if one.is_ascii() { vec![one] } else { one.to_lowercase().collect() }).collect()
    };
    let paths: BTreeSet<&Path> = theirs.iter().map(|file| file.path.as_path()).collect();
    for seen in ours.iter_mut().filter(|seen| !paths.contains(seen.path.as_path())) {
        if let Some(path) = paths.iter().find(|path| lowered(path) == lowered(&seen.path)) {
            seen.path = path.to_path_buf();
        }
    }
}

fn theirs(item: &Item, driver: &str) -> Seen {
    Seen {
        path: item.path.clone(),
        kind: if matches!(item.kind, 'p' | 's' | 'b' | 'c') { 'n' } else { item.kind },
        bytes: (item.kind == 'f').then_some(item.bytes),
        modified: Some(item.modified),
        sha256: item.sha256.clone(),
        attributes: if driver == "ext4" { Some(item.mode) } else { item.attributes.map(|bits| bits & DOS_BITS) },
    }
}

fn walk(image: &Path) -> Vec<Seen> {
    let device: SharedDevice = Arc::new(FileDevice::open(image).unwrap());
    let Probe::One(kind) = fs::probe(&device).unwrap() else { panic!("{}", image.display()) };
    let volume = fs::open(device, kind).unwrap();
    let mut seen = Vec::new();
    let mut folders = vec![PathBuf::from("/")];
    while let Some(folder) = folders.pop() {
        for entry in volume.tree().list(&folder).unwrap() {
            let path = folder.join(&entry.name);
            if entry.kind == EntryKind::Directory {
                folders.push(path.clone());
            }
            seen.push(ours(volume.as_ref(), path, &entry));
        }
    }
    seen
}

fn ours(volume: &dyn FileSystem, path: PathBuf, entry: &Entry) -> Seen {
    let (kind, sha256) = match &entry.kind {
        EntryKind::File => ('f', Some(digest(volume, &path, entry.bytes))),
        EntryKind::Directory => ('d', None),
        EntryKind::Symlink(target) => {
            let mut digest = Sha256::new();
            digest.update(target.as_deref().unwrap_or(Path::new("")).as_os_str().as_bytes());
            ('l', Some(digest.hex()))
        }
        EntryKind::Special => ('n', None),
    };
    let is_ext = matches!(volume.summary().kind, Kind::Ext2 | Kind::Ext3 | Kind::Ext4);
    Seen {
        kind,
        bytes: (kind == 'f').then_some(entry.bytes),
        // Downwards, as the kernel has it, also before 1970.
        modified: entry.modified.map(|time| time.as_nanosecond().div_euclid(1_000_000_000) as i64),
        sha256,
        attributes: if is_ext { entry.attributes.mode.map(u32::from) } else { Some(dos_bits(entry.attributes)) },
        path,
    }
}

fn dos_bits(attributes: Attributes) -> u32 {
    let Attributes { read_only, hidden, system, archive, .. } = attributes;
    u32::from(read_only) | u32::from(hidden) << 1 | u32::from(system) << 2 | u32::from(archive) << 5
}

/// From this length on `sha256sum` is asked: ours is slow without optimisation.
const LONG_BYTES: u64 = 1 << 18;

fn digest(volume: &dyn FileSystem, path: &Path, bytes: u64) -> String {
    let mut content = volume.tree().open(path).unwrap();
    if bytes < LONG_BYTES {
        let mut all = Vec::new();
        content.read_to_end(&mut all).unwrap();
        let mut digest = Sha256::new();
        digest.update(&all);
        return digest.hex();
    }
    let mut other = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::copy(&mut content, other.stdin.as_mut().unwrap()).unwrap();
    // Waiting closes its input.
    let output = other.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

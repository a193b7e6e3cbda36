//! Which programs have files of a mount, or a device itself, open.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{Holder, HolderKind, MAX_HOLDERS};

/// The kernel's own limit of process numbers on large machines is 4 million; nobody has so many to look through.
const MAX_PROCESSES: usize = 65_536;
/// Open files of one process that are looked at.
const MAX_OPEN: usize = 4096;
/// How much of a process's map of memory is read.
const MAX_MAPS_BYTES: u64 = 1 << 20;
/// Files that are told of one process.
const MAX_FILES: usize = 4;

/// What is looked for.
pub(super) struct Wanted {
    /// All mounts: a file belongs to the innermost that it lies below.
    pub(super) mounts: Vec<PathBuf>,
    /// The mounts that matter.
    pub(super) places: Vec<PathBuf>,
    /// The nodes that matter.
    pub(super) nodes: Vec<PathBuf>,
}

/// A process that has something of it open.
pub(super) struct Held {
    pid: u32,
    name: String,
    uid: Option<u32>,
    files: Vec<PathBuf>,
    pub(super) place: Option<PathBuf>,
    pub(super) node: Option<PathBuf>,
    is_self: bool,
}

impl Held {
    pub(super) fn holder(&self, node: &Path) -> Holder {
        Holder {
            node: node.to_owned(),
            kind: HolderKind::Process {
                pid: self.pid,
                name: self.name.clone(),
                uid: self.uid,
                files: self.files.clone(),
                place: self.place.clone(),
                is_self: self.is_self,
            },
        }
    }
}

/// Those that were found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) list: Vec<Held>,
    pub(super) hidden: usize,
    pub(super) is_cut: bool,
}

/// Looks through all processes.
pub(super) fn find(proc: &Path, wanted: &Wanted) -> Found {
    let mut found = Found::default();
    if wanted.places.is_empty() && wanted.nodes.is_empty() {
        return found;
    }
    let own = fs::read_link(proc.join("self")).ok().and_then(|link| link.to_str()?.parse::<u32>().ok());
    let Ok(listing) = fs::read_dir(proc) else { return found };
    let pids = listing.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut pids: Vec<u32> = pids.take(MAX_PROCESSES).collect();
    pids.sort_unstable();
    for pid in pids {
        let dir = proc.join(pid.to_string());
        let mut is_hidden = false;
        let open = open_files(&dir, &mut is_hidden);
        found.hidden += usize::from(is_hidden);
        for held in held(wanted, &open) {
            // That this program looks at the device just now keeps nothing.
            if own == Some(pid) && held.node.is_some() {
                continue;
            }
            if found.list.len() >= MAX_HOLDERS {
                found.is_cut = true;
                return found;
            }
            let (name, uid) = who(&dir);
            found.list.push(Held { pid, name, uid, is_self: own == Some(pid), ..held });
        }
    }
    found
}

/// The mounts and nodes that these files keep.
fn held(wanted: &Wanted, open: &[PathBuf]) -> Vec<Held> {
    let mut list: Vec<Held> = Vec::new();
    for file in open {
        let node = wanted.nodes.iter().find(|node| *node == file).cloned();
        let place = match &node {
            Some(_) => None,
            None => mount_of(wanted.mounts.iter().map(PathBuf::as_path), file)
                .filter(|place| wanted.places.iter().any(|wanted| wanted == place))
                .map(Path::to_owned),
        };
        if node.is_none() && place.is_none() {
            continue;
        }
        let known = list.iter().position(|held| held.place == place && held.node == node);
        let at = known.unwrap_or_else(|| {
            list.push(Held { pid: 0, name: String::new(), uid: None, files: Vec::new(), place, node, is_self: false });
            list.len() - 1
        });
        let files = &mut list[at].files;
        if files.len() < MAX_FILES && !files.contains(file) {
            files.push(file.clone());
        }
    }
    list
}

/// The innermost mount that a file lies below.
pub(super) fn mount_of<'a>(mounts: impl Iterator<Item = &'a Path>, file: &Path) -> Option<&'a Path> {
    mounts.filter(|place| file.starts_with(place)).max_by_key(|place| place.as_os_str().len())
}

/// What a process has open: where it is, what it runs, its files, what it has mapped.
fn open_files(dir: &Path, is_hidden: &mut bool) -> Vec<PathBuf> {
    let mut open = Vec::new();
    for link in ["cwd", "root", "exe"] {
        match fs::read_link(dir.join(link)) {
            Ok(path) => open.push(path),
            Err(error) => *is_hidden |= error.kind() == ErrorKind::PermissionDenied,
        }
    }
    if let Ok(listing) = fs::read_dir(dir.join("fd")) {
        open.extend(listing.flatten().take(MAX_OPEN).filter_map(|entry| fs::read_link(entry.path()).ok()));
    }
    let mut maps = Vec::new();
    let read = File::open(dir.join("maps")).and_then(|file| file.take(MAX_MAPS_BYTES).read_to_end(&mut maps));
    if read.is_ok() {
        open.extend(maps.split(|&byte| byte == b'\n').filter_map(mapped));
    }
    // Sockets and pipes are named `socket:[1]`.
    open.retain(|path| path.is_absolute());
    open.dedup();
    open
}

/// `7f00-7f01 r-xp 00000000 08:01 1234    /usr/lib/x`; newlines in names are written as `\012`.
fn mapped(line: &[u8]) -> Option<PathBuf> {
    let at = line.iter().position(|&byte| byte == b'/')?;
    Some(Path::new(std::ffi::OsStr::from_bytes(&line[at..])).to_owned())
}

/// Name and owner.
fn who(dir: &Path) -> (String, Option<u32>) {
    let text = |file: &str| String::from_utf8_lossy(&fs::read(dir.join(file)).unwrap_or_default()).into_owned();
    let status = text("status");
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().next()?.parse().ok());
    (text("comm").trim().to_owned(), uid)
}

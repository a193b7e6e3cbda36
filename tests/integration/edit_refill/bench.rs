//! A volume on which files are put, and what must be found on it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::{FileDevice, SharedDevice};
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::{self, Edit, Findings, Guise, Kind, Probe};
use lifeboat::unit::ByteLen;

use super::strangers::{Seen, Walk, walk};
use crate::edit_ntfs::volume::Volume;
use crate::oracle::{sh, sh_output};
use crate::zoo::Shape;

/// How long a file shall become.
#[derive(Clone, Copy)]
pub(super) enum Target {
    Bytes(u64),
    /// So many units, less a few bytes.
    Units(u64),
    /// So many units, no two of which touch.
    Pieces(u64),
}

pub(super) struct Bench {
    pub(super) name: &'static str,
    pub(super) dir: PathBuf,
    pub(super) image: PathBuf,
    pub(super) kind: Kind,
    pub(super) edit: Box<dyn Edit>,
    /// What strangers must find.
    pub(super) model: Walk,
    /// Whether a stranger can read it file by file at all.
    is_seen: bool,
    /// Whose content lies in `wanted.*` beside the volume, in this order.
    digests: Vec<String>,
    /// Where each file that was put must lie.
    pub(super) places: BTreeMap<String, Vec<Extent>>,
    pub(super) puts: usize,
    /// Why something was not put, and how often.
    pub(super) refused: BTreeMap<String, usize>,
    pub(super) grain: u64,
    /// Times have parts of seconds.
    has_parts: bool,
    salt: u64,
}

fn open(image: &Path) -> (Kind, Box<dyn fs::FileSystem>) {
    let device: SharedDevice = Arc::new(FileDevice::open(image).unwrap());
    let Probe::One(kind) = fs::probe(&device).unwrap() else { panic!("{}: not one volume", image.display()) };
    (kind, fs::open(device, kind).unwrap())
}

impl Bench {
    /// Makes a volume; `None` when it is not one to be changed, or nobody else here can read it.
    pub(super) fn make(shape: &Shape, dir: &Path) -> Option<Self> {
        let image = shape.make(dir);
        Self::of(shape.name, dir, image)
    }

    pub(super) fn of(name: &'static str, dir: &Path, image: PathBuf) -> Option<Self> {
        let (kind, volume) = open(&image);
        let device: SharedDevice = Arc::new(FileDevice::open(&image).unwrap());
        let edit = fs::edit::open(device, &Unwatched).ok()?;
        let model = walk(kind, dir, &image);
        let grain = u64::from(volume.grid().cluster_bytes);
        let has_parts =
            !["old-inodes", "inode-128", "revision-0", "ext2-attributes"].iter().any(|part| name.contains(part));
        Some(Self {
            name,
            dir: dir.to_owned(),
            image,
            kind,
            edit,
            is_seen: model.is_some(),
            model: model.unwrap_or_default(),
            digests: Vec::new(),
            places: BTreeMap::new(),
            puts: 0,
            refused: BTreeMap::new(),
            grain,
            has_parts,
            salt: 0,
        })
    }

    pub(super) fn is_fat(&self) -> bool {
        matches!(self.kind, Kind::Fat12 | Kind::Fat16 | Kind::Fat32)
    }

    /// Bytes of a unit.
    pub(super) fn unit(&self) -> u64 {
        self.edit.units().clusters * self.grain
    }

    pub(super) fn len_of(&self, extents: &[Extent]) -> u64 {
        extents.iter().map(|extent| extent.clusters).sum::<u64>() * self.grain
    }

    pub(super) fn free_units(&self) -> u64 {
        let units = self.edit.units();
        let end = units.origin.0 + units.count * units.clusters;
        let used: u64 = self.edit.used().unwrap().runs_in(units.origin.0..end).map(|run| run.clusters).sum();
        units.count - used / units.clusters
    }

    pub(super) fn kind_is_full(&self) -> bool {
        self.name.contains("full")
    }

    /// So many free units, in pieces of at most `most`, the last first; none when there is less than that and a few.
    pub(super) fn pick(&self, count: u64, most: u64) -> Vec<Extent> {
        let units = self.edit.units();
        let end = units.origin.0 + units.count * units.clusters;
        if self.free_units() < count + 24 {
            return Vec::new();
        }
        let used: ExtentSet = self.edit.used().unwrap().runs().collect();
        let mut skip = 0;
        loop {
            let (mut found, mut left) = (Vec::new(), count);
            for hole in used.complement(end).runs().iter().rev() {
                let mut at = hole.end();
                while left > 0 && at > hole.start.0.max(units.origin.0) {
                    let room = (at - hole.start.0) / units.clusters;
                    let take = most.min(left).min(room);
                    found.push(Extent::new(at - take * units.clusters, take * units.clusters));
                    left -= take;
                    at = at.saturating_sub((take + 1 - skip) * units.clusters);
                }
            }
            if left == 0 {
                return found;
            }
            assert!(skip == 0, "{}: {count} units", self.name);
            skip = 1;
        }
    }

    /// Content for these clusters, written there; different each time.
    fn fill(&mut self, extents: &[Extent]) -> Vec<u8> {
        self.salt += 1;
        let file = std::fs::OpenOptions::new().write(true).open(&self.image).unwrap();
        let mut content = Vec::new();
        for extent in extents {
            let from = content.len() as u64;
            let bytes: Vec<u8> = (from..from + extent.clusters * self.grain)
                .map(|at| (at / 5 * (self.salt * 2 + 1) + self.salt) as u8 ^ (at >> 9) as u8)
                .collect();
            file.write_all_at(&bytes, extent.start.0 * self.grain).unwrap();
            content.extend(bytes);
        }
        content
    }

    /// False when the directory of a path was not made for want of room.
    fn has_parent(&self, path: &str) -> bool {
        path.rsplit_once('/').is_none_or(|(parent, _)| parent.is_empty() || self.model.contains_key(parent))
    }

    /// Puts a file, or finds a good reason why not.
    pub(super) fn put(&mut self, path: &str, target: Target, guise: &Guise) {
        if self.is_seen && !self.has_parent(path) {
            return;
        }
        let unit = self.unit();
        let bytes = match target {
            Target::Bytes(bytes) => bytes,
            Target::Units(units) | Target::Pieces(units) => (units * unit).saturating_sub(self.salt % 7),
        };
        let mut guise = *guise;
        // ntfs-3g takes a system file of no byte for a pipe, and one of one byte for a socket, as Interix does.
        guise.attributes.system &= bytes > 1 || self.kind != Kind::Ntfs;
        let guise = &guise;
        let most = if matches!(target, Target::Pieces(_)) { 1 } else { 1 + self.salt % 3 };
        let extents = self.pick(bytes.div_ceil(unit), most);
        if extents.is_empty() && bytes > 0 {
            *self.refused.entry("no room".into()).or_default() += 1;
            return;
        }
        match self.edit.put(Path::new(path), &extents, ByteLen(bytes), guise) {
            Ok(()) => {
                let content = self.fill(&extents);
                self.expect(path, &content[..bytes as usize], guise);
                self.places.insert(path.to_owned(), extents);
                self.puts += 1;
            }
            Err(error) => self.refuse(path, &error.to_string()),
        }
    }

    /// Takes a refusal, if it is one that there may be.
    fn refuse(&mut self, path: &str, error: &str) {
        let reasons = [
            "compressed, and what",
            "reparse point",
            "fs-verity",
            "is encrypted",
            "cannot grow",
            "quota",
            "inodes are in use",
            "no free cluster",
            "no room for what it must hold",
            "has no index of names",
            "block(s) are needed",
            "free clusters for what describes",
        ];
        let reason = reasons.iter().find(|reason| error.contains(**reason));
        let reason = reason.unwrap_or_else(|| panic!("{}: {path}: {error}", self.name));
        *self.refused.entry((*reason).to_owned()).or_default() += 1;
    }

    pub(super) fn make_directory(&mut self, path: &str, guise: &Guise) {
        if self.is_seen && !self.has_parent(path) {
            return;
        }
        match self.edit.make_directory(Path::new(path), guise) {
            Ok(()) => {
                let old = self.model.entry(path.to_owned()).or_insert(Seen { is_directory: true, ..Seen::default() });
                let mut seen = std::mem::take(old);
                seen.look = self.look(&seen, guise);
                if !self.is_fat() {
                    seen.modified = self.time(guise);
                }
                self.model.insert(path.to_owned(), seen);
                self.puts += 1;
            }
            Err(error) => self.refuse(path, &error.to_string()),
        }
    }

    /// Takes a file away that was put; its clusters are those that were given.
    pub(super) fn release(&mut self, path: &str) {
        let (directory, name) = path.rsplit_once('/').unwrap();
        let directory = if directory.is_empty() { "/" } else { directory };
        let freed = match self.edit.release(Path::new(directory), name) {
            Ok(freed) => freed,
            Err(error) if error.to_string().contains("it has an attribute") => return,
            Err(error) => panic!("{}: {path}: {error}", self.name),
        };
        let wanted = self.places.remove(path).unwrap();
        let clusters = |runs: &[Extent]| runs.iter().flat_map(|run| run.start.0..run.end()).collect::<Vec<_>>();
        assert_eq!(clusters(&freed), clusters(&wanted), "{}: {path}", self.name);
        self.model.remove(path);
    }

    fn expect(&mut self, path: &str, content: &[u8], guise: &Guise) {
        let mut seen = self.model.get(path).cloned().unwrap_or(Seen { names: 1, ..Seen::default() });
        seen.bytes = content.len() as u64;
        std::fs::write(self.dir.join(format!("wanted.{:06}", self.puts)), content).unwrap();
        self.digests.push(path.to_owned());
        seen.look = self.look(&seen, guise);
        seen.modified = self.time(guise);
        self.model.insert(path.to_owned(), seen);
    }

    /// How it must look that looked otherwise.
    fn look(&self, old: &Seen, guise: &Guise) -> String {
        let wanted = guise.attributes;
        let bits = [("R", wanted.read_only), ("H", wanted.hidden), ("S", wanted.system), ("A", wanted.archive)];
        let letters: String = bits.iter().filter(|(_, is_set)| *is_set).map(|(letter, _)| *letter).collect();
        match self.kind {
            Kind::Ntfs => format!(
                "{letters} {}",
                old.look.split_once(' ').map_or(if old.is_directory { "10" } else { "0" }, |(_, rest)| rest)
            ),
            Kind::Ext2 | Kind::Ext3 | Kind::Ext4 => {
                let owner = old.look.split_once(' ').map_or("0:0", |(_, owner)| owner);
                format!("{:o} {owner}", wanted.mode.unwrap())
            }
            _ => letters,
        }
    }

    fn time(&self, guise: &Guise) -> String {
        let modified = guise.modified.unwrap();
        if self.is_fat() {
            return format!("{}.0000000000", modified.as_second() / 2 * 2);
        }
        let nanoseconds = if self.has_parts { modified.subsec_nanosecond() } else { 0 };
        format!("{}.{nanoseconds:09}0", modified.as_second())
    }

    /// Applies what was worked out, and opens the edit anew, which checks the volume by our own check; then strangers
    /// look at it.
    pub(super) fn judge(&mut self, what: &str) {
        self.apply(what);
        let device: SharedDevice = Arc::new(FileDevice::open(&self.image).unwrap());
        self.edit = fs::edit::open(device, &Unwatched).unwrap_or_else(|error| panic!("{}: {what}: {error}", self.name));
        self.sound(what);
        self.lies_where_it_was_put();
        let digests = sh(&self.dir, "find . -name 'wanted.*' -print0 | sort -z | xargs -0r sha256sum; rm -f wanted.*");
        for (line, path) in digests.lines().zip(std::mem::take(&mut self.digests)) {
            // It may be gone again.
            if let Some(seen) = self.model.get_mut(&path) {
                seen.digest = line[..64].to_owned();
            }
        }
        if let Some(found) = walk(self.kind, &self.dir, &self.image).filter(|_| self.is_seen) {
            let names: BTreeSet<&String> = found.keys().chain(self.model.keys()).collect();
            for name in names {
                let (found, wanted) = (found.get(name), self.model.get(name));
                assert!(found == wanted, "{}: {what}: {name}\nfound  {found:#?}\nwanted {wanted:#?}", self.name);
            }
        }
    }

    /// What our own reader shows of a file or directory.
    pub(super) fn entry(&self, path: &str) -> fs::Entry {
        open(&self.image).1.tree().entry(Path::new(path)).unwrap()
    }

    /// The refusal of a put, which must leave nothing behind.
    pub(super) fn refusal(&mut self, path: &str, guise: &Guise) -> String {
        let extents = self.pick(2, 1);
        let len = ByteLen(self.len_of(&extents));
        let refused = self.edit.put(Path::new(path), &extents, len, guise);
        let refused = refused.expect_err(path).to_string();
        assert!(self.edit.take("nothing").unwrap().is_empty(), "{}: {path}", self.name);
        refused
    }

    /// Writes the patches, each over what it takes for old.
    pub(super) fn apply(&mut self, what: &str) {
        let change = self.edit.take(what).unwrap();
        assert!(change.copies.is_empty());
        let file = std::fs::OpenOptions::new().read(true).write(true).open(&self.image).unwrap();
        for patch in &change.patches {
            let mut old = vec![0; patch.old.len()];
            file.read_exact_at(&mut old, patch.offset.0).unwrap();
            assert!(old == patch.old, "{}: {what}: what is there at {}: {:?}", self.name, patch.offset, patch.tags);
            assert!(!patch.tags.is_empty(), "{}: {what}: a patch says what it is", self.name);
            file.write_all_at(&patch.new, patch.offset.0).unwrap();
        }
    }

    fn sound(&self, what: &str) {
        let image = self.image.display();
        let script = match self.kind {
            Kind::Ntfs => return Volume::new(&self.dir, self.image.clone()).judge(&format!("{} {what}", self.name)),
            Kind::Ext2 | Kind::Ext3 | Kind::Ext4 => format!("e2fsck -fn {image}"),
            _ => format!("fsck.fat -n {image}"),
        };
        let output = sh_output(&self.dir, &script);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.code() == Some(0), "{}: {what}: {said}", self.name);
        let (_, volume) = open(&self.image);
        let mut findings = Findings::default();
        volume.check().check(&Unwatched, &mut |finding| findings.add(finding)).unwrap();
        assert!(findings.errors == 0, "{}: {what}: {:?}", self.name, findings.list);
    }

    /// Our own reader finds each file's content in the clusters that were given.
    fn lies_where_it_was_put(&self) {
        let (_, volume) = open(&self.image);
        for (path, wanted) in &self.places {
            let found = volume.tree().content(Path::new(path)).unwrap();
            let clusters = |runs: &[Extent]| runs.iter().flat_map(|run| run.start.0..run.end()).collect::<Vec<_>>();
            let (found, wanted) = (clusters(&found), clusters(wanted));
            // With bigalloc the content may end within its last unit.
            let is_start =
                wanted.starts_with(&found) && wanted.len() - found.len() < self.edit.units().clusters as usize;
            assert!(is_start, "{}: {path}: {found:?} {wanted:?}", self.name);
        }
    }

    /// Files of each kind: empty, small, inside their records, large, in many pieces, and some between.
    pub(super) fn victims(&self) -> Vec<String> {
        let (_, volume) = open(&self.image);
        let plain = |name: &&String| name.is_ascii() && !name.contains(['\n', '\\']) && name.len() < 250;
        let files: Vec<(&String, &Seen)> =
            self.model.iter().filter(|(name, seen)| !seen.is_directory && seen.names == 1 && plain(name)).collect();
        let mut picked = BTreeSet::new();
        let by = |key: &dyn Fn(&(&String, &Seen)) -> u64, from: &[(&String, &Seen)], picked: &mut BTreeSet<String>| {
            let mut sorted: Vec<_> = from.iter().map(|file| (key(file), file.0.clone())).collect();
            sorted.sort();
            picked.extend(sorted.first().into_iter().chain(sorted.last()).map(|(_, name)| name.clone()));
        };
        let small: Vec<_> = files.iter().copied().filter(|(_, seen)| seen.bytes < 2 << 20).collect();
        by(&|(_, seen)| seen.bytes, &small, &mut picked);
        let filled: Vec<_> = small.iter().copied().filter(|(_, seen)| seen.bytes > 0).collect();
        by(&|(_, seen)| seen.bytes, &filled, &mut picked);
        let pieces = |path: &str| volume.tree().content(Path::new(path)).map_or(0, |runs| runs.len() as u64);
        by(&|(name, _)| pieces(name), &filled, &mut picked);
        by(&|(_, seen)| seen.others.len() as u64, &filled, &mut picked);
        by(&|(name, _)| pieces(name), &files, &mut picked);
        picked.extend(files.iter().step_by(files.len() / 5 + 1).map(|(name, _)| (*name).clone()));
        picked.retain(|name| self.model[name].bytes < 4 << 20 || pieces(name) < 20_000);
        picked.into_iter().collect()
    }

    /// The directory that most others contain.
    pub(super) fn deepest_directory(&self) -> String {
        let directories =
            self.model.iter().filter(|(name, seen)| seen.is_directory && name.is_ascii() && name.len() < 700);
        directories.max_by_key(|(name, _)| name.matches('/').count()).map(|(name, _)| name.clone()).unwrap_or_default()
    }
}

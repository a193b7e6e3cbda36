//! A volume under edit: the edit sees it as it was, a copy takes the changes, and the judges look at the copy.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::{FileDevice, SharedDevice};
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::{Change, Edit, EntryKind, FileSystem, Kind, Probe, probe};
use lifeboat::unit::ByteLen;

use crate::oracle::{sh, sh_output};
use crate::zoo::Shape;

/// Numbers that look random and are the same in every run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) % sides.max(1)
    }
}

pub(super) struct Bench {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) edit: Box<dyn Edit>,
    /// The volume with all changes applied.
    pub(super) image: PathBuf,
    /// The volume as it was when the edit was opened.
    origin: PathBuf,
    /// As it was made.
    first: PathBuf,
    /// Our files: what they must hold.
    pub(super) ours: BTreeMap<String, Vec<u8>>,
    pub(super) edits: usize,
    /// What was free when the edit was opened.
    pub(super) began: Vec<Extent>,
    /// Something was applied since then.
    pub(super) applied: bool,
    /// What will lie in the clusters that were adopted: written after the copies, as a job does.
    pub(super) data: Vec<(u64, Vec<u8>)>,
    pub(super) dice: Dice,
}

fn device(path: &Path) -> SharedDevice {
    Arc::new(FileDevice::open(path).unwrap())
}

fn open(path: &Path) -> Box<dyn FileSystem> {
    let device = device(path);
    match probe(&device).unwrap() {
        Probe::One(kind) => lifeboat::fs::open(device, kind).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The places at which two images differ, by sectors.
pub(super) fn changed(old: &[u8], new: &[u8]) -> Vec<usize> {
    assert_eq!(old.len(), new.len());
    let pairs = old.chunks(512).zip(new.chunks(512)).enumerate();
    pairs.filter(|(_, (old, new))| old != new).map(|(sector, _)| sector * 512).collect()
}

impl Bench {
    pub(super) fn make(shape: &Shape, dir: &Path) -> Self {
        let image = shape.make(dir);
        Self::of(shape.name, &image)
    }

    pub(super) fn of(name: &str, image: &Path) -> Self {
        let (origin, first) = (image.with_extension("origin"), image.with_extension("first"));
        for copy in [&origin, &first] {
            sh(Path::new("/"), &format!("cp --sparse=always {} {}", image.display(), copy.display()));
        }
        let kind = open(image).summary().kind;
        let edit = lifeboat::fs::edit::open_unchecked(device(&origin), kind).unwrap();
        let (name, image, ours) = (name.to_owned(), image.to_owned(), BTreeMap::new());
        let (began, applied, data, edits, dice) = (Vec::new(), false, Vec::new(), 0, Dice(1));
        let mut bench = Self { name, kind, edit, image, origin, first, ours, edits, began, applied, data, dice };
        bench.began = bench.free();
        bench
    }

    pub(super) fn dir(&self) -> &Path {
        self.image.parent().unwrap()
    }

    /// Ends the edit, and begins another on what came out.
    pub(super) fn reopen(&mut self) {
        sh(self.dir(), &format!("cp --sparse=always {} {}.new", self.image.display(), self.origin.display()));
        std::fs::rename(format!("{}.new", self.origin.display()), &self.origin).unwrap();
        self.edit = lifeboat::fs::edit::open_unchecked(device(&self.origin), self.kind).unwrap();
        self.began = self.free();
        self.applied = false;
    }

    pub(super) fn open(&self) -> Box<dyn FileSystem> {
        open(&self.image)
    }

    /// Takes what was changed, and does it to the copy: copies first, then patches on what they expect.
    pub(super) fn apply(&mut self, title: &str) -> Change {
        let change = self.edit.take(title).unwrap();
        // A job does all its copies before its first patch, so that none of them sees what a patch did.
        assert!(change.copies.is_empty() || !self.applied, "{}: {title}", self.name);
        self.applied |= !change.is_empty();
        let file = OpenOptions::new().read(true).write(true).open(&self.image).unwrap();
        let end = self.open().summary().len.0;
        for copy in &change.copies {
            assert!(copy.from.0 + copy.len.0 <= end && copy.to.0 + copy.len.0 <= end);
            let mut bytes = vec![0; copy.len.0 as usize];
            file.read_exact_at(&mut bytes, copy.from.0).unwrap();
            file.write_all_at(&bytes, copy.to.0).unwrap();
        }
        for path in [&self.image, &self.origin] {
            let file = OpenOptions::new().write(true).open(path).unwrap();
            self.data.iter().for_each(|(at, bytes)| file.write_all_at(bytes, *at).unwrap());
        }
        self.data.clear();
        let mut last = 0;
        for patch in &change.patches {
            assert!(patch.offset.0 >= last && patch.old.len() == patch.new.len(), "sorted and disjoint");
            last = patch.offset.0 + patch.new.len() as u64;
            assert!(last <= end, "{}: within the volume", self.name);
            let mut bytes = vec![0; patch.old.len()];
            file.read_exact_at(&mut bytes, patch.offset.0).unwrap();
            assert!(
                bytes == patch.old,
                "{}: {title}: what a patch takes for old is there ({:?})",
                self.name,
                patch.tags
            );
            file.write_all_at(&patch.new, patch.offset.0).unwrap();
        }
        if !change.copies.is_empty() {
            // What was vacated may hold something else now, and the edit would read what it moved from there.
            self.reopen();
        }
        change
    }

    pub(super) fn tags(&self, change: &Change) -> Vec<String> {
        let tags: BTreeSet<String> =
            change.patches.iter().flat_map(|patch| patch.tags.iter().map(ToString::to_string)).collect();
        tags.into_iter().collect()
    }

    /// fsck.fat finds nothing, and counts what we count.
    pub(super) fn sound(&mut self) {
        let mut judged = self.image.clone();
        if self.name == "fat32-not-mirrored" {
            judged = self.mirrored();
        }
        let output = sh_output(self.dir(), &format!("fsck.fat -v -n {}", judged.display()));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}: {said}", self.name);
        let used = self.open().count_used().unwrap();
        let units = self.edit.units();
        let data = Extent::new(units.origin.0, units.count * units.clusters);
        let by_edit: u64 = self.edit.used().unwrap().runs_in(data.start.0..data.end()).map(|run| run.clusters).sum();
        assert_eq!(by_edit / units.clusters, used, "{}", self.name);
        assert!(said.contains(&format!(" {used}/")), "{}: {used} used, {said}", self.name);
        self.dots();
    }

    /// Each directory names itself and the one above; fsck.fat does not look.
    fn dots(&self) {
        let (volume, units) = (self.open(), self.edit.units());
        let file = std::fs::File::open(&self.image).unwrap();
        let wide = self.kind == Kind::Fat32;
        let mut open = vec![(PathBuf::from("/"), 0)];
        while let Some((directory, number)) = open.pop() {
            for entry in volume.tree().list(&directory).unwrap() {
                if entry.kind != EntryKind::Directory {
                    continue;
                }
                let path = directory.join(&entry.name);
                let first = volume.tree().extents(&path).unwrap()[0].start;
                let mut raw = [0; 64];
                file.read_exact_at(&mut raw, volume.grid().offset_of(first).0).unwrap();
                let named = |at: usize| {
                    let word = |at: usize| u64::from(u16::from_le_bytes([raw[at], raw[at + 1]]));
                    word(at + 26) | if wide { word(at + 20) << 16 } else { 0 }
                };
                let own = (first.0 - units.origin.0) / units.clusters + 2;
                assert_eq!((named(0), named(32)), (own, number), "{}: {}", self.name, path.display());
                open.push((path, own));
            }
        }
    }

    /// The beginning of the volume, and room behind it: directories lie there.
    pub(super) fn beginning_to_end(&self) -> Option<(ExtentSet, Vec<Extent>)> {
        let units = self.edit.units();
        let cut = units.origin.0 + units.count / 8 * units.clusters;
        let mut from = ExtentSet::new();
        from.insert(Extent::new(units.origin.0, cut - units.origin.0));
        let room: Vec<Extent> =
            self.free().iter().filter_map(|run| run.intersect(Extent::new(cut, u64::MAX / 2))).collect();
        let room_clusters: u64 = room.iter().map(|run| run.clusters).sum();
        let used = self.used_in(&from);
        (used > 0 && used <= room_clusters).then_some((from, room))
    }

    /// fsck.fat knows nothing of FATs that are not mirrored, and wants them equal: a copy with FAT 1 in both places.
    /// FAT 2 must not have been touched.
    fn mirrored(&self) -> PathBuf {
        let mut bytes = std::fs::read(&self.image).unwrap();
        let first = std::fs::read(&self.first).unwrap();
        let (at, len) = fat_place(&bytes);
        assert!(bytes[at + len..at + 2 * len] == first[at + len..at + 2 * len], "FAT 2 is not the active one");
        bytes.copy_within(at..at + len, at + len);
        let copy = self.image.with_extension("mirrored");
        std::fs::write(&copy, bytes).unwrap();
        copy
    }

    /// All files but ours: path, length, time, attributes, digest, as our own reader sees them.
    pub(super) fn walk(&self) -> Vec<String> {
        let volume = self.open();
        let mut found = Vec::new();
        let mut open = vec![PathBuf::from("/")];
        while let Some(directory) = open.pop() {
            for entry in volume.tree().list(&directory).unwrap() {
                let path = directory.join(&entry.name);
                let text = path.display().to_string();
                if text.to_uppercase() == "/LIFEBOAT" || self.ours.contains_key(&text) {
                    continue;
                }
                let mut digest = None;
                if entry.kind == EntryKind::Directory {
                    open.push(path.clone());
                } else {
                    let mut hasher = blake3::Hasher::new();
                    std::io::copy(&mut volume.tree().open(&path).unwrap(), &mut hasher).unwrap();
                    digest = Some(hasher.finalize());
                }
                found.push(format!("{text} {} {:?} {:?} {digest:?}", entry.bytes, entry.modified, entry.attributes));
            }
        }
        found.sort();
        found
    }

    /// The same as mtools sees them, and fsck.fat's list of them where mtools cannot read the volume.
    pub(super) fn mtools(&self) -> String {
        if self.name.starts_with("fat32-few") || self.name.contains("4k-sectors") {
            return sh(
                self.dir(),
                &format!("fsck.fat -n -l {} | grep -v LIFEBOAT | grep / | grep -v ' files, '", self.image.display()),
            );
        }
        let script = r"rm -rf seen; mkdir seen; mcopy -s -m -Q -n -i IMAGE ::/ seen/ 2>/dev/null || true; rm -rf seen/LIFEBOAT
            find seen -type f -printf '%p %s %TY%Tm%Td%TH%TM%TS\n' | sort; find seen -type d | sort; find seen -type f -print0 | sort -z | xargs -0r md5sum
            mattrib -/ -i IMAGE ::/ 2>/dev/null | grep -v LIFEBOAT | sort || true; rm -rf seen";
        sh(self.dir(), &script.replace("IMAGE", &self.image.display().to_string()))
    }

    /// The FATs and FSInfo, byte for byte.
    pub(super) fn fats(&self) -> Vec<u8> {
        let bytes = std::fs::read(&self.image).unwrap();
        let (at, len) = fat_place(&bytes);
        bytes[..at + len * usize::from(bytes[16])].to_vec()
    }

    /// Beside free clusters only directory entries differ from the volume's first state, and each of these is marked
    /// as deleted now, and was free before.
    pub(super) fn only_deleted_entries_differ(&self) {
        let (old, new) = (std::fs::read(&self.first).unwrap(), std::fs::read(&self.image).unwrap());
        let volume = self.open();
        let used = volume.used().unwrap();
        for sector in changed(&old, &new) {
            if !used.contains(volume.grid().cluster_at(lifeboat::unit::ByteOffset(sector as u64))) {
                continue;
            }
            for at in (sector..sector + 512).step_by(32).filter(|at| old[*at..at + 32] != new[*at..at + 32]) {
                assert!(new[at] == 0xE5 && (old[at] == 0 || old[at] == 0xE5), "{}: byte {at:#x}", self.name);
            }
        }
    }

    /// Free runs, whole units, in the edit's eyes.
    pub(super) fn free(&self) -> Vec<Extent> {
        let units = self.edit.units();
        let used = self.edit.used().unwrap();
        let (mut at, end) = (units.origin.0, units.origin.0 + units.count * units.clusters);
        let mut free = Vec::new();
        for run in used.runs_in(at..end).chain([Extent::new(end, 0)]) {
            if run.start.0 > at {
                free.push(Extent::new(at, run.start.0 - at));
            }
            at = run.end();
        }
        free
    }

    pub(super) fn used_in(&self, set: &ExtentSet) -> u64 {
        let used = self.edit.used().unwrap();
        set.runs().iter().flat_map(|run| used.runs_in(run.start.0..run.end())).map(|run| run.clusters).sum()
    }

    /// So many free units (or less, when there are not so many), from the end; scattered and backwards if wanted. One
    /// unit is always left for a directory.
    pub(super) fn pick(&mut self, count: u64, scattered: bool) -> Vec<Extent> {
        let size = self.edit.units().clusters;
        let runs =
            self.free().into_iter().flat_map(|run| (0..run.clusters / size).map(move |at| run.start.0 + at * size));
        let mut units: Vec<u64> = runs.skip(4).collect();
        units.reverse();
        if scattered {
            units = units.into_iter().step_by(3).collect();
        } else {
            units.truncate(count as usize);
            units.reverse();
        }
        units.truncate(count as usize);
        units.into_iter().map(|at| Extent::new(at, size)).collect()
    }

    /// Puts bytes into free clusters, as a writer of images would, and makes them a file.
    pub(super) fn adopt(&mut self, directory: &str, name: &str, extents: &[Extent], short: u64) {
        let grid = self.open().grid();
        let clusters: u64 = extents.iter().map(|extent| extent.clusters).sum();
        let all = grid.bytes_of(clusters).0;
        let len = if all == 0 { 0 } else { all - short };
        let mut content: Vec<u8> = (0..all).map(|_| self.dice.roll(256) as u8).collect();
        let mut rest = &content[..];
        for extent in extents {
            let (now, later) = rest.split_at(grid.bytes_of(extent.clusters).0 as usize);
            self.data.push((grid.offset_of(extent.start).0, now.to_vec()));
            rest = later;
        }
        self.edit.adopt(Path::new(directory), name, extents, ByteLen(len)).unwrap();
        self.edits += 1;
        content.truncate(len as usize);
        self.ours.insert(format!("{}/{name}", directory.trim_end_matches('/')), content);
    }

    pub(super) fn release(&mut self, directory: &str, name: &str) -> Vec<Extent> {
        self.edits += 1;
        self.ours.remove(&format!("{}/{name}", directory.trim_end_matches('/')));
        self.edit.release(Path::new(directory), name).unwrap()
    }

    /// Gives a file other bytes, as many clusters of them.
    pub(super) fn replace(&mut self, path: &str) {
        let grid = self.open().grid();
        let unit = grid.bytes_of(self.edit.units().clusters).0 as usize;
        let len = self.ours[path].len();
        let least = len.saturating_sub(1) / unit * unit + usize::from(len > 0);
        let wanted = least + self.dice.roll((len.div_ceil(unit) * unit - least) as u64 + 1) as usize;
        let content: Vec<u8> = (0..wanted).map(|_| self.dice.roll(256) as u8).collect();
        self.edit.replace(Path::new(path), &content).unwrap();
        let too_long = vec![0; len.div_ceil(unit) * unit + 1];
        assert!(self.edit.replace(Path::new(path), &too_long).is_err());
        self.edits += 1;
        self.ours.insert(path.to_owned(), content);
    }

    /// Our files hold what they should: by our reader, and by mtools where it can.
    pub(super) fn expect_ours(&self) {
        let volume = self.open();
        for (path, content) in &self.ours {
            let mut bytes = Vec::new();
            volume.tree().open(Path::new(path)).unwrap().read_to_end(&mut bytes).unwrap();
            assert!(bytes == *content, "{}: {path} by our reader", self.name);
        }
        if self.name.starts_with("fat32-few") || self.name.contains("4k-sectors") {
            return;
        }
        for (path, content) in &self.ours {
            let got = self.dir().join("got");
            sh(self.dir(), &format!("rm -f got; mcopy -n -i {} '::{path}' got", self.image.display()));
            assert!(std::fs::read(&got).unwrap() == *content, "{}: {path} by mtools", self.name);
            let size = sh(
                self.dir(),
                &format!("mdir -i {} '::{path}' | grep -c ' {} '  || true", self.image.display(), "bytes"),
            );
            assert!(!size.is_empty());
        }
    }

    /// mattrib says read-only, hidden and system of the directory and of all in it.
    pub(super) fn expect_attributes(&self, directory: &str, files: usize) {
        if self.name.starts_with("fat32-few") || self.name.contains("4k-sectors") {
            return;
        }
        let said = sh(
            self.dir(),
            &format!("mattrib -i {0} ::{directory}; mattrib -i {0} '::{directory}/*'", self.image.display()),
        );
        let good = said.lines().filter(|line| {
            let flags = &line[..line.find(":/").unwrap_or(line.len())];
            flags.contains('S') && flags.contains('H') && flags.contains('R') && !flags.contains('A')
        });
        assert_eq!(good.count(), files + 1, "{said}");
    }

    /// The largest end of the volume whose used clusters find room before it: it, and the room.
    pub(super) fn end_to_beginning(&self) -> Option<(ExtentSet, Vec<Extent>)> {
        let units = self.edit.units();
        let free = self.free();
        for part in 1..8 {
            let cut = units.origin.0 + units.count * part / 8 * units.clusters;
            let end = units.origin.0 + units.count * units.clusters;
            let mut from = ExtentSet::new();
            from.insert(Extent::new(cut, end - cut));
            let room: Vec<Extent> = free.iter().filter_map(|run| run.intersect(Extent::new(0, cut))).collect();
            let room_clusters: u64 = room.iter().map(|run| run.clusters).sum();
            let used = self.used_in(&from);
            if used > 0 && used <= room_clusters {
                return Some((from, room));
            }
        }
        None
    }

    pub(super) fn release_a_large_file(&mut self) -> (String, Vec<Extent>) {
        let volume = self.open();
        let files = volume.tree().list(Path::new("/")).unwrap();
        let large = files.iter().filter(|file| file.kind == EntryKind::File).max_by_key(|file| file.bytes).unwrap();
        let name = large.name.to_str().unwrap().to_owned();
        (format!("/{name}"), self.release("/", &name))
    }
}

/// Where the first FAT begins, and how long it is.
fn fat_place(bytes: &[u8]) -> (usize, usize) {
    let word = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let sectors = if word(22) != 0 { word(22) } else { word(36) | word(38) << 16 };
    (word(14) * word(11), sectors * word(11))
}

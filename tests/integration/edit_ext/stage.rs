//! A volume, an edit on it, and a copy that every change is applied to and judged on.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::{MemoryDevice, SharedDevice};
use lifeboat::extent::{ClusterMap, Extent, ExtentSet};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::edit::{self, Edit};
use lifeboat::fs::{self, Change, Probe, State};
use lifeboat::unit::ByteLen;

use crate::oracle::{sh, sh_output};

/// A volume under change.
pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    /// The volume as it was: what copies are made of, because a job makes all its copies before its first patch.
    original: PathBuf,
    /// The copy that changes are applied to.
    pub(crate) image: PathBuf,
    pub(crate) edit: Box<dyn Edit>,
    pub(crate) block_bytes: u64,
    /// Edits that were worked out, applied and judged.
    pub(crate) edits: usize,
}

impl Stage {
    /// Opens an image for changes; `None` when that is refused, and why.
    pub(crate) fn open(name: &str, dir: &Path, original: &Path) -> Result<Self, String> {
        let device: SharedDevice = Arc::new(MemoryDevice::new(std::fs::read(original).unwrap()));
        let Probe::One(kind) = fs::probe(&device).unwrap() else { panic!("{name}: not one volume") };
        let summary = fs::open(Arc::clone(&device), kind).unwrap().summary().clone();
        let edit = edit::open(device, &Unwatched).map_err(|error| error.to_string())?;
        let image = dir.join("changed.img");
        sh(dir, &format!("cp --sparse=always {} {}", original.display(), image.display()));
        let block_bytes = u64::from(summary.cluster_bytes);
        Ok(Self {
            name: name.to_owned(),
            dir: dir.to_owned(),
            original: original.to_owned(),
            image,
            edit,
            block_bytes,
            edits: 0,
        })
    }

    /// Begins another edit on the volume as it is now.
    pub(crate) fn reopen(&mut self) {
        self.original = self.dir.join("before.img");
        sh(&self.dir, &format!("cp --sparse=always {} {}", self.image.display(), self.original.display()));
        let edit = self.trial()();
        self.edit = edit;
    }

    /// The volume as it is now, for trials that are not kept.
    pub(crate) fn trial(&self) -> impl Fn() -> Box<dyn Edit> + use<> {
        let device: SharedDevice = Arc::new(MemoryDevice::new(std::fs::read(&self.image).unwrap()));
        let Probe::One(kind) = fs::probe(&device).unwrap() else { panic!("{}: not one volume", self.name) };
        let is_dirty = fs::open(Arc::clone(&device), kind).unwrap().summary().state != State::Clean;
        assert!(!is_dirty, "{}: trials are made on clean volumes", self.name);
        move || edit::open_unchecked(Arc::clone(&device), kind).unwrap()
    }

    /// Does something, applies what it changes, and asks e2fsck.
    pub(crate) fn step<T>(&mut self, what: &str, act: impl FnOnce(&mut dyn Edit) -> lifeboat::error::Result<T>) -> T {
        let done = act(self.edit.as_mut()).unwrap_or_else(|error| panic!("{}: {what}: {error}", self.name));
        let change = self.edit.take(what).unwrap();
        self.apply(&change);
        self.judge(what);
        self.edits += 1;
        done
    }

    /// Copies first, then patches, each onto the bytes it expects.
    pub(crate) fn apply(&self, change: &Change) {
        let file = std::fs::File::options().read(true).write(true).open(&self.image).unwrap();
        let len = file.metadata().unwrap().len();
        let original = std::fs::File::open(&self.original).unwrap();
        for copy in &change.copies {
            let mut bytes = vec![0; copy.len.0 as usize];
            original.read_exact_at(&mut bytes, copy.from.0).unwrap();
            assert!(copy.to.0 + copy.len.0 <= len, "{}: a copy past the volume's end", self.name);
            file.write_all_at(&bytes, copy.to.0).unwrap();
        }
        for patch in &change.patches {
            let mut bytes = vec![0; patch.old.len()];
            file.read_exact_at(&mut bytes, patch.offset.0).unwrap();
            assert!(bytes == patch.old, "{}: {} expects other bytes at {}", self.name, change.title, patch.offset);
            assert!(!patch.tags.is_empty(), "{}: a patch without a tag at {}", self.name, patch.offset);
            file.write_all_at(&patch.new, patch.offset.0).unwrap();
        }
    }

    /// `e2fsck -fn` finds nothing.
    pub(crate) fn judge(&self, what: &str) {
        let script = format!("e2fsck -fn {}", self.image.display());
        let output = sh_output(&self.dir, &script);
        assert!(
            output.status.code() == Some(0),
            "{}: after {what}: e2fsck says {:?}\n{}",
            self.name,
            output.status.code(),
            String::from_utf8_lossy(&output.stdout)
        );
    }

    pub(crate) fn used(&self) -> ClusterMap {
        self.edit.used().unwrap()
    }

    /// Free runs of whole units, from the volume's end, of at most `most` units each and not touching each other, of
    /// `units` units in all or as many as there are.
    pub(crate) fn free(&self, units: u64, most: u64) -> Vec<Extent> {
        let (each, used) = (self.edit.units().clusters, self.used());
        let set: ExtentSet = used.runs().collect();
        let mut found = Vec::new();
        let mut left = units;
        for run in set.complement(used.clusters() / each * each).runs().iter().rev() {
            let mut end = run.end() / each;
            let start = run.start.0.div_ceil(each);
            while end > start && left > 0 {
                let count = most.min(left).min(end - start);
                found.push(Extent::new((end - count) * each, count * each));
                left -= count;
                end = (end - count).saturating_sub(1);
            }
        }
        found
    }

    /// Blocks that hold content of files, as the volume's owners were told at the beginning.
    pub(crate) fn contents(&self) -> Vec<Extent> {
        let device: SharedDevice = Arc::new(MemoryDevice::new(std::fs::read(&self.original).unwrap()));
        let Probe::One(kind) = fs::probe(&device).unwrap() else { panic!("{}: not one volume", self.name) };
        let volume = fs::open(device, kind).unwrap();
        let all = ExtentSet::from(vec![Extent::new(0, volume.grid().clusters)]);
        let mut found = Vec::new();
        let see = &mut |owner: fs::Owner| {
            if matches!(owner.holder, fs::Holder::File(_)) {
                found.push(owner.extent);
            }
        };
        volume.owners().owners(&all, &Unwatched, see).unwrap();
        found
    }

    pub(crate) fn len_of(&self, extents: &[Extent]) -> ByteLen {
        ByteLen(extents.iter().map(|extent| extent.clusters).sum::<u64>() * self.block_bytes)
    }

    /// All files as the kernel shows them: kind, mode, owner, times, links, length, digest, names of links. `None`
    /// when the kernel does not take the volume.
    pub(crate) fn walk(&self, image: &Path, but: &str) -> Option<String> {
        let script = format!(
            "mkdir -p m; mount -o ro,noload,loop {0} m 2>/dev/null || mount -o ro,loop {0} m 2>/dev/null || exit 7
             trap 'cd /; umount {1}/m' EXIT; cd m
             find . -path './{but}' -prune -o -printf '%P|%y|%m|%U:%G|%T@|%n|%s|%l\\n' | sed 's/^|d|.*/root/' | sort
             find . -path './{but}' -prune -o -type f -print0 | perl -0ne 'print if length($_) < 3000' | sort -z | xargs -0r sha256sum",
            image.display(),
            self.dir.display()
        );
        let output = sh_output(&self.dir, &script);
        match output.status.code() {
            Some(0) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
            Some(7) => None,
            _ => panic!("{}: {}", self.name, String::from_utf8_lossy(&output.stderr)),
        }
    }
}

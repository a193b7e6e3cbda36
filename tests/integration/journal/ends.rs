//! Who looks at a volume when its job has come to an end: the file system's own checker, our walk over every file, and
//! whoever mounts it.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use lifeboat::fs::State;
use lifeboat::plan::{Direction, EditRequest};

use super::edits::{open, walk};
use super::stage::Stage;
use crate::oracle::{long, sh};

/// Mounts `end.img` and reads every file; empty where the kernel or the machine has no driver for it.
pub(super) const NTFS_READ: &str = "mkdir -p m; ntfs-3g -o no_detach,ro end.img m & P=$!
    trap 'umount m 2>/dev/null; wait $P || true' EXIT
    until mountpoint -q m; do kill -0 $P; sleep 0.01; done
    (cd m; find . -type f -exec sha256sum {} + | sort -k 2)";
pub(super) const EXT_READ: &str = "mkdir -p m; mount -o ro,loop end.img m; trap 'umount m 2>/dev/null || true' EXIT
    (cd m; find . -type f -exec sha256sum {} + | sort -k 2)";

type Files = BTreeMap<PathBuf, blake3::Hash>;

/// What every file is before and after one edit.
pub(super) struct Judges<'a> {
    stage: &'a Stage,
    check: &'a str,
    read: Option<&'a str>,
    before: Files,
    after: Files,
    /// The same as a stranger's driver reads it.
    listed: [Option<String>; 2],
    seen: HashSet<blake3::Hash>,
    sides: [usize; 2],
    ends: usize,
    pub(super) judged: usize,
    pub(super) mounted: usize,
    every: usize,
}

impl<'a> Judges<'a> {
    /// With the checker's script for `end.img`, and the one that mounts and reads it. Of the ends that
    /// differ from all before, the first of each direction and every 61st are judged; with long sweeps every fifth.
    pub(super) fn new(stage: &'a Stage, check: &'a str, read: Option<&'a str>) -> Self {
        let before: Files = walk(&stage.image).into_iter().collect();
        let after = stage.work().request.edits.iter().fold(before.clone(), |files, edit| expected(stage, files, edit));
        // Odd, so that both directions have their turn.
        let every = if long() { 5 } else { 61 };
        let (seen, listed) = (HashSet::new(), [None, None]);
        Self { stage, check, read, before, after, listed, seen, sides: [0; 2], ends: 0, judged: 0, mounted: 0, every }
    }

    pub(super) fn see(&mut self, volume: &[u8], direction: Direction) {
        self.ends += 1;
        let side = usize::from(direction == Direction::Finish);
        let is_first = self.sides[side] == 0;
        self.sides[side] += 1;
        if !(is_first || self.ends.is_multiple_of(self.every)) || !self.seen.insert(blake3::hash(volume)) {
            return;
        }
        let name = &self.stage.name;
        let end = self.stage.dir.path().join("end.img");
        std::fs::write(&end, volume).unwrap();
        sh(self.stage.dir.path(), self.check);
        assert_eq!(open(&end).1.summary().state, State::Clean, "{name}");
        let files: Files = walk(&end).into_iter().collect();
        let wanted = if side == 1 { &self.after } else { &self.before };
        let differing: Vec<&Path> = files
            .iter()
            .filter(|(path, digest)| wanted.get(*path) != Some(*digest))
            .map(|(path, _)| path.as_path())
            .chain(wanted.keys().filter(|path| !files.contains_key(*path)).map(PathBuf::as_path))
            .collect();
        assert!(differing.is_empty(), "{name}, end {}, {direction:?}: {differing:?}", self.ends);
        self.judged += 1;
        if let Some(read) = self.read
            && (is_first || self.judged.is_multiple_of(40))
        {
            let listed = sh(self.stage.dir.path(), read);
            assert_eq!(listed.lines().count(), wanted.len(), "{name}: {listed}");
            let first = self.listed[side].get_or_insert_with(|| listed.clone());
            assert_eq!(*first, listed, "{name}, end {}, {direction:?}", self.ends);
            self.mounted += 1;
        }
    }
}

/// What an edit makes of the files, by what was asked for.
fn expected(stage: &Stage, mut files: Files, edit: &EditRequest) -> Files {
    match edit {
        EditRequest::Adopt { directory, name, extents, len } => {
            let grid = open(&stage.image).1.grid();
            let mut bytes = Vec::new();
            for run in extents {
                let at = grid.offset_of(run.start).0 as usize;
                bytes.extend_from_slice(&stage.before[at..at + grid.bytes_of(run.clusters).0 as usize]);
            }
            bytes.truncate(len.0 as usize);
            files.insert(directory.join(name), blake3::hash(&bytes));
        }
        EditRequest::Release { directory, name } => {
            files.remove(&directory.join(name)).expect("it was there");
        }
        EditRequest::Replace { path, content } => {
            files.insert(path.clone(), blake3::hash(content)).expect("it was there");
        }
        EditRequest::Relocate { .. } => {}
    }
    files
}

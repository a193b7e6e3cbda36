//! Directories' indexes: Lifeboat and ntfs-3g by turns put names into the same tree and take them out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::FileDevice;
use lifeboat::fs::{Change, Edit, Kind, edit};
use lifeboat::unit::ByteLen;

use crate::oracle::{long, sh};

/// A volume with one directory, `d`, and the names that must be in it.
struct Directory {
    image: PathBuf,
    names: BTreeSet<String>,
    /// Names that Lifeboat put in or took out, and those of ntfs-3g.
    ours: usize,
    theirs: usize,
}

/// Numbers in an order that looks random and is the same each time.
fn shuffled(count: usize, seed: usize) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..count).collect();
    numbers.sort_by_key(|number| (number + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29));
    numbers
}

/// Names of many lengths, in other cases and alphabets.
fn name(prefix: &str, number: usize) -> String {
    match number % 5 {
        0 => format!("{prefix}{number}"),
        1 => format!("{}-{number}-Straße-Ärger", prefix.to_uppercase()),
        2 => format!("ж{prefix}{number}.dat"),
        3 => format!("{number}-{prefix}-{}", "long ".repeat(number % 40)).trim_end().to_owned(),
        _ => format!("z{number}{prefix}.TXT"),
    }
}

impl Directory {
    fn new(dir: &Path, mib: u64, format: &str) -> Self {
        let image = dir.join("volume.img");
        sh(dir, &format!("truncate -s {mib}M volume.img; mkntfs -F -Q -q {format} volume.img >/dev/null 2>&1"));
        let volume = Self { image, names: BTreeSet::new(), ours: 0, theirs: 0 };
        volume.mounted("mkdir d");
        volume
    }

    /// Runs a script in the root of the volume, mounted by ntfs-3g. It runs in the foreground and is waited for, so
    /// that the image has its last write.
    fn mounted(&self, script: &str) -> String {
        let dir = self.image.parent().unwrap();
        std::fs::write(dir.join("inside"), script).unwrap();
        sh(
            dir,
            "mkdir -p mnt; ntfs-3g -o no_detach,noatime volume.img mnt & P=$!\n\
             trap 'umount mnt 2>/dev/null; wait $P' EXIT\n\
             until mountpoint -q mnt; do kill -0 $P; sleep 0.02; done\n\
             (cd mnt; bash -euo pipefail ../inside)\n\
             umount mnt; wait $P; trap - EXIT",
        )
    }

    /// Names for a script, one a line, in a file beside the mount.
    fn list(&self, names: &[String]) {
        std::fs::write(
            self.image.with_file_name("names"),
            names.iter().map(|name| format!("{name}\0")).collect::<String>(),
        )
        .unwrap();
    }

    fn theirs_in(&mut self, names: Vec<String>) {
        self.list(&names);
        self.mounted("cd d; xargs -0 touch -- < ../../names");
        self.theirs += names.len();
        self.names.extend(names);
    }

    fn theirs_out(&mut self, names: Vec<String>) {
        self.list(&names);
        self.mounted("cd d; xargs -0 rm -- < ../../names");
        self.theirs += names.len();
        self.names.retain(|name| !names.contains(name));
    }

    fn edit(&mut self, act: impl FnOnce(&mut dyn Edit)) {
        let device = Arc::new(FileDevice::open(&self.image).unwrap());
        let mut edit = edit::open_unchecked(device, Kind::Ntfs).unwrap();
        act(&mut *edit);
        let change = edit.take("index").unwrap();
        drop(edit);
        self.apply(&change);
    }

    fn apply(&self, change: &Change) {
        let mut bytes = std::fs::read(&self.image).unwrap();
        assert!(change.copies.is_empty());
        for patch in &change.patches {
            let at = patch.offset.0 as usize;
            assert!(bytes[at..at + patch.old.len()] == patch.old, "what a patch takes for old is there");
            bytes[at..at + patch.new.len()].copy_from_slice(&patch.new);
        }
        std::fs::write(&self.image, bytes).unwrap();
    }

    fn ours_in(&mut self, names: Vec<String>) {
        self.edit(|edit| {
            for name in &names {
                edit.adopt(Path::new("/d"), name, &[], ByteLen(0)).unwrap_or_else(|error| panic!("{name}: {error}"));
            }
        });
        self.ours += names.len();
        self.names.extend(names);
    }

    fn ours_out(&mut self, names: Vec<String>) {
        self.edit(|edit| {
            for name in &names {
                edit.release(Path::new("/d"), name).unwrap_or_else(|error| panic!("{name}: {error}"));
            }
        });
        self.ours += names.len();
        self.names.retain(|name| !names.contains(name));
    }

    /// ntfs-3g lists the same names, and finds each of them by the tree; the tools have nothing to say.
    fn judge(&self, when: &str) {
        let listed = self.mounted(
            "cd d; find . -mindepth 1 -printf '%P\\0'; find . -mindepth 1 -print0 | xargs -0r stat -- >/dev/null",
        );
        let listed: BTreeSet<String> = listed.split_terminator('\0').map(str::to_owned).collect();
        assert!(listed == self.names, "{when}: {} names, not {}", listed.len(), self.names.len());
        self.list(&self.names.iter().cloned().collect::<Vec<_>>());
        self.mounted("cd d; xargs -0r stat -- < ../../names >/dev/null");
        sh(self.image.parent().unwrap(), "ntfsfix -n volume.img >/dev/null; ntfsinfo -F d volume.img >/dev/null");
    }
}

fn turns(mib: u64, format: &str, count: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut volume = Directory::new(dir.path(), mib, format);
    let names =
        |prefix: &str, seed: usize| shuffled(count, seed).into_iter().map(|n| name(prefix, n)).collect::<Vec<_>>();
    volume.theirs_in(names("t", 1));
    volume.ours_in(names("o", 2));
    volume.judge("we added");
    // They take out half of what we put in, and add; we take out half of theirs.
    volume.theirs_out(names("o", 3).into_iter().step_by(2).collect());
    volume.theirs_in(names("n", 4).into_iter().take(count / 3).collect());
    volume.ours_out(names("t", 5).into_iter().step_by(2).collect());
    volume.judge("we removed");
    volume.theirs_in(names("l", 6).into_iter().take(count / 4).collect());
    volume.ours_in(names("p", 7).into_iter().take(count / 4).collect());
    volume.judge("both added again");
    // All but one of the names go, by us: the tree shrinks to its root.
    let mut rest: Vec<String> = volume.names.iter().cloned().collect();
    let kept = rest.swap_remove(count / 3);
    volume.ours_out(rest);
    volume.judge("one is left");
    volume.theirs_in(names("again", 8));
    volume.theirs_out(names("again", 9));
    volume.theirs_out(vec![kept]);
    volume.judge("none is left");
    eprintln!("{format}: {} names by Lifeboat, {} by ntfs-3g", volume.ours, volume.theirs);
}

#[test]
fn names_come_and_go_by_turns() {
    let scale = if long() { 10 } else { 1 };
    turns(64, "-c 4096", 300 * scale);
    turns(32, "-c 512", 120 * scale);
    turns(96, "-c 65536", 120 * scale);
}

//! Real changes of real volumes, cut everywhere: adopt, relocate, replace and release, for each family; what comes out
//! satisfies the file systems' own checkers, and every file is what it was or was asked to be.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::{FileDevice, SharedDevice};
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::edit;
use lifeboat::fs::{self, FileSystem, Probe};
use lifeboat::inventory::Address;
use lifeboat::job::{self, Monitor};
use lifeboat::plan::{ChangeRequest, EditRequest, JournalWish};

use super::cuts::cut_everywhere;
use super::stage::Stage;
use crate::faults_cuts::Effort;
use crate::oracle::{long, sh};

/// A kind of volume: how it is made as `v.img` with `moved`, `replaced`, `released` and more in its root, and who
/// checks it.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    script: &'static str,
    pub(crate) check: &'static str,
}

const FILES: &str =
    "mkdir f; head -c 70000 /dev/urandom > f/moved; seq 3000 > f/replaced; head -c 30000 /dev/urandom > f/released
    seq 500 > f/other; mkdir f/folder; seq 900 > f/folder/inside";
const FAT: &str = "fsck.fat -n v.img";
const EXT: &str = "e2fsck -fn v.img 2>/dev/null";
const NTFS: &str = "ntfsfix -n v.img; ntfsinfo -fm v.img >/dev/null";

pub(crate) const FAMILIES: &[Family] = &[
    Family { name: "fat12", script: "truncate -s 1440K v.img; mkfs.fat -F 12 v.img; mcopy -s -i v.img f/* ::/", check: FAT },
    Family { name: "fat16", script: "truncate -s 5M v.img; mkfs.fat -F 16 -s 1 v.img; mcopy -s -i v.img f/* ::/", check: FAT },
    Family { name: "ext2", script: "truncate -s 4M v.img; mke2fs -q -t ext2 -b 1024 -N 64 -d f v.img", check: EXT },
    Family { name: "ext4", script: "truncate -s 6M v.img; mke2fs -q -t ext4 -b 1024 -N 64 -d f v.img", check: EXT },
    Family {
        name: "ntfs",
        script: "truncate -s 6M v.img; mkntfs -F -Q -q -s 512 -c 4096 v.img; mkdir m; trap 'umount m 2>/dev/null || true' EXIT
            ntfs-3g v.img m; cp -r f/* m/; umount m; trap - EXIT",
        check: NTFS,
    },
];

/// Made only when long sweeps are asked for.
pub(crate) const MORE: &[Family] = &[
    Family {
        name: "fat32",
        script: "truncate -s 34M v.img; mkfs.fat -F 32 -s 1 v.img; mcopy -s -i v.img f/* ::/",
        check: FAT,
    },
    Family { name: "ext3", script: "truncate -s 6M v.img; mke2fs -q -t ext3 -b 1024 -N 64 -d f v.img", check: EXT },
    Family { name: "ext4-4k", script: "truncate -s 16M v.img; mke2fs -q -t ext4 -b 4096 -N 64 -d f v.img", check: EXT },
];

pub(super) fn open(image: &Path) -> (SharedDevice, Box<dyn FileSystem>) {
    let device: SharedDevice = Arc::new(FileDevice::open(image).unwrap());
    let Probe::One(kind) = fs::probe(&device).unwrap() else { panic!("{}", image.display()) };
    (device.clone(), fs::open(device, kind).unwrap())
}

/// Free units, from the volume's middle on.
pub(super) fn free(image: &Path, units: usize) -> Vec<Extent> {
    let (device, volume) = open(image);
    let edit = edit::open_unchecked(device, volume.summary().kind).unwrap();
    let (all, used) = (edit.units(), edit.used().unwrap());
    let extents = (all.count / 2..all.count).map(|unit| Extent::new(all.origin.0 + unit * all.clusters, all.clusters));
    let free = extents.filter(|one| used.runs_in(one.start.0..one.end()).next().is_none());
    free.step_by(2).take(units).collect()
}

pub(super) fn content(image: &Path, path: &str) -> ExtentSet {
    let (device, volume) = open(image);
    let edit = edit::open_unchecked(device, volume.summary().kind).unwrap();
    let size = edit.units().clusters;
    let mut whole = ExtentSet::new();
    for run in volume.tree().content(Path::new(path)).unwrap() {
        let origin = edit.units().origin.0;
        let first = (run.start.0 - origin) / size * size + origin;
        whole.insert(Extent::new(first, (run.end() - first).next_multiple_of(size)));
    }
    whole
}

/// The volume and a job of four edits on it.
pub(crate) fn stage(family: &Family, edits: &dyn Fn(&Path) -> Vec<EditRequest>) -> Stage {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), &format!("{FILES}\n{}", family.script));
    let image = dir.path().join("v.img");
    let request = ChangeRequest {
        volume: Address::Whole(image.clone()),
        name: "making room".into(),
        edits: edits(&image),
        journal: JournalWish::InVolume,
    };
    let plan = job::plan_change(&request, &Monitor::new()).unwrap_or_else(|error| panic!("{}: {error}", family.name));
    Stage::new(family.name, dir, image, plan)
}

pub(crate) fn all_edits(image: &Path) -> Vec<EditRequest> {
    let moved = content(image, "/moved");
    let room = free(image, 400);
    let (grid, volume) = {
        let (_, volume) = open(image);
        (volume.grid(), volume)
    };
    let needed: u64 = moved.clusters();
    let mut to = Vec::new();
    let mut rest = room.into_iter();
    while to.iter().map(|run: &Extent| run.clusters).sum::<u64>() < needed {
        to.push(rest.next().expect("there is room"));
    }
    let adopted: Vec<Extent> = rest.take(7).collect();
    let clusters: u64 = adopted.iter().map(|run| run.clusters).sum();
    let len = lifeboat::unit::ByteLen(grid.bytes_of(clusters).0 - 3);
    let old = volume.tree().entry(Path::new("/replaced")).unwrap().bytes;
    vec![
        EditRequest::Relocate { from: moved, to },
        EditRequest::Adopt { directory: "/LIFEBOAT".into(), name: "toc-begin.lbc".into(), extents: adopted, len },
        EditRequest::Replace { path: "/replaced".into(), content: vec![b'R'; old as usize] },
        EditRequest::Release { directory: "/".into(), name: "released".into() },
    ]
}

/// Every file's path and digest, by our own reader.
pub(super) fn walk(image: &Path) -> Vec<(PathBuf, blake3::Hash)> {
    let (_, volume) = open(image);
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("/")];
    while let Some(folder) = folders.pop() {
        for entry in volume.tree().list(&folder).unwrap() {
            let path = folder.join(&entry.name);
            match entry.kind {
                fs::EntryKind::Directory => folders.push(path),
                fs::EntryKind::File => {
                    let mut bytes = Vec::new();
                    std::io::copy(&mut volume.tree().open(&path).unwrap(), &mut bytes).unwrap();
                    found.push((path, blake3::hash(&bytes)));
                }
                _ => {}
            }
        }
    }
    found.retain(|(path, _)| !path.starts_with("/$Extend") && !path.to_string_lossy().starts_with("/$"));
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// The stranger's checker, and the files.
fn judge(family: &Family, stage: &Stage) {
    sh(stage.dir.path(), family.check);
    let before = walk(&stage.image);
    let report = job::run(&stage.plan, &Arc::new(Monitor::new()));
    assert_eq!(report.outcome, job::Outcome::Done, "{}: {report:?}", family.name);
    sh(stage.dir.path(), family.check);
    let after = walk(&stage.image);
    let paths: Vec<String> = after.iter().map(|(path, _)| path.display().to_string()).collect();
    assert!(paths.iter().any(|path| path == "/LIFEBOAT/toc-begin.lbc"), "{}: {paths:?}", family.name);
    assert!(paths.iter().all(|path| path != "/released"), "{}: {paths:?}", family.name);
    for (path, digest) in &before {
        let now = after.iter().find(|(other, _)| other == path).map(|(_, digest)| *digest);
        match path.to_str().unwrap() {
            "/released" => assert_eq!(now, None),
            "/replaced" => assert_ne!(now, Some(*digest)),
            _ => assert_eq!(now, Some(*digest), "{}: {}", family.name, path.display()),
        }
    }
}

#[test]
fn real_edits_survive_every_cut() {
    let more: &[Family] = if long() { MORE } else { &[] };
    for family in FAMILIES.iter().chain(more) {
        let stage = stage(family, &all_edits);
        let tally = cut_everywhere(&stage, Effort::for_volumes());
        assert!(tally.before > 0 && tally.jobs > 0 && tally.after > 0 && tally.stacked > 0, "{tally:?}");
        judge(family, &stage);
    }
}

#[test]
fn a_second_job_waits_for_the_first() {
    let stage = stage(&FAMILIES[0], &all_edits);
    let at = super::refusals::write_of_step(&stage, 0);
    // Stopped at its first patch, the volume is still clean: only the journal tells.
    let disks = super::refusals::stopped_at_write(&stage, at);
    std::fs::write(&stage.image, &disks.volume).unwrap();
    let request = stage.work().request.clone();
    let error = job::plan_change(&request, &Monitor::new()).unwrap_err().to_string();
    assert!(error.contains("an interrupted job waits") && error.contains("0 of 6 steps done"), "{error}");
    let found = job::interrupted(&request.volume, lifeboat::plan::Depth::Quick, &Monitor::new()).unwrap().unwrap();
    assert_eq!(found.steps.len(), 6);
}

#[test]
fn clusters_that_were_taken_since_the_plan_are_not_overwritten() {
    let family = &FAMILIES[0];
    let stage = stage(family, &all_edits);
    // A file takes all that is free, the journal's place with it.
    sh(
        stage.dir.path(),
        "free=$(mdir -i v.img ::/ | tail -n 2 | tr -dc 0-9); head -c $free /dev/zero > full; mcopy -i v.img full ::/",
    );
    let left = std::fs::read(&stage.image).unwrap();
    let report = job::run(&stage.plan, &Arc::new(Monitor::new()));
    assert_eq!(report.outcome, job::Outcome::Refused, "{report:?}");
    assert!(report.headline.contains("was free, and is used"), "{report:?}");
    assert!(std::fs::read(&stage.image).unwrap() == left);
}

/// A loop device, unmounted and taken away when the test ends, however it ends.
struct Loop(String);

impl Drop for Loop {
    fn drop(&mut self) {
        sh(Path::new("/"), &format!("umount {0} 2>/dev/null || true; losetup -d {0}", self.0));
    }
}

#[test]
fn a_device_is_held_alone_and_the_kernel_sees_what_changed() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), &format!("{FILES}\n{}; mkdir mnt", FAMILIES[2].script));
    let node = Loop(sh(dir.path(), "losetup -f --show v.img").trim().into());
    // The kernel reads the volume first, so that it has something to forget.
    sh(
        dir.path(),
        &format!("mount -o ro {} mnt; ls -lR mnt >/dev/null; cat mnt/replaced >/dev/null; umount mnt", node.0),
    );
    let request = ChangeRequest {
        volume: Address::Whole(node.0.clone().into()),
        name: "making room".into(),
        edits: all_edits(Path::new(&node.0)),
        journal: JournalWish::InVolume,
    };
    let plan = job::plan_change(&request, &Monitor::new()).unwrap();
    sh(dir.path(), &format!("mount -o ro {} mnt", node.0));
    let report = job::run(&plan, &Arc::new(Monitor::new()));
    assert_eq!(report.outcome, job::Outcome::Failed, "{report:?}");
    assert!(report.next.join(" ").contains("Nothing of the volume was changed"), "{report:?}");
    let error = job::plan_change(&request, &Monitor::new()).unwrap_err().to_string();
    assert!(error.contains("mounted at"), "{error}");
    sh(dir.path(), "umount mnt");
    let held = lifeboat::device::FileWriter::open(Path::new(&node.0)).unwrap();
    let mount = crate::oracle::sh_output(dir.path(), &format!("mount -o ro {} mnt", node.0));
    assert!(!mount.status.success(), "nothing can be mounted meanwhile");
    drop(held);
    let report = job::run(&plan, &Arc::new(Monitor::new()));
    assert_eq!(report.outcome, job::Outcome::Done, "{report:?}");
    let seen = sh(
        dir.path(),
        &format!(
            "mount -o ro {} mnt; cmp mnt/moved f/moved; ls mnt mnt/LIFEBOAT; head -c 3 mnt/replaced; umount mnt",
            node.0
        ),
    );
    assert!(seen.contains("toc-begin.lbc") && seen.contains("RRR") && !seen.contains("released"), "{seen}");
}

//! Images in which some files are as they are today, and all else is as in an image before.

use std::path::{Path, PathBuf};

use lifeboat::error::Kind as ErrorKind;
use lifeboat::image::Kind;
use lifeboat::plan::{BackupRequest, Only};

use super::stage::{Stage, Walk};
use crate::oracle::{lifeboat, sh, sh_output};
use crate::zoo::Shape;

/// What is on the volume, in `s`, when the first image is made: files to be named and files beside them, deep
/// directories, names with spaces and of other alphabets. `s1` is a copy.
const FIRST: &str = "mkdir -p 's/docs/alte Akten/tief' s/keep s/gone.d/in
    seq 3000 > s/docs/grows; seq 40000 > s/docs/shrinks; seq 500 > s/docs/same; seq 100 > s/docs/goes
    seq 900 > 's/docs/alte Akten/Grüße ☃.txt'; seq 70 > s/docs/empties; : > s/docs/was-empty; seq 800 > s/gone.d/in/a
    openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 < /dev/zero 2>/dev/null | head -c 14000000 > s/keep/big || true
    seq 2000 > s/keep/other; seq 10 > s/single; find s -exec touch -d '2020-02-02 02:02:02Z' {} +; cp -a s s1";

/// What becomes of them. `s2` is a copy.
const LATER: &str = "seq 90000 > s/docs/grows; seq 5 > s/docs/shrinks; rm s/docs/goes; : > s/docs/empties
    seq 30 > s/docs/was-empty; seq 901 > 's/docs/alte Akten/Grüße ☃.txt'; mkdir -p 's/docs/neu/noch neuer/世界'
    seq 7000 > 's/docs/neu/noch neuer/世界/a new file.txt'; seq 20 > s/docs/neu/small; rm -r s/gone.d
    seq 2001 > s/keep/other; seq 11 > s/single; seq 12 > s/unnamed; rm -rf s2; cp -a s s2";

/// A family of file systems, and how strangers get at its files.
struct Family {
    name: &'static str,
    /// Makes `$IMG`.
    make: &'static str,
    /// Runs `$WORK` on the files in `s`, which are those of the volume afterwards.
    at_work: &'static str,
    /// Brings the files of `$IMG` to the directory `out`.
    read: &'static str,
}

const FAT: Family = Family {
    name: "fat32-only",
    make: "truncate -s 64M $IMG; mkfs.fat -F 32 -s 1 $IMG >/dev/null",
    at_work: "mkdir -p s; (cd s; for f in *; do test ! -e \"$f\" || mdeltree -i $IMG \"::/$f\"; done); eval \"$WORK\"
              cd s; for f in *; do mcopy -Q -s -m -i $IMG \"$f\" ::/; done",
    read: "mkdir out; mcopy -Q -s -m -i $IMG ::/ out/",
};

const EXT: Family = Family {
    name: "ext4-only",
    make: "truncate -s 48M $IMG; mke2fs -q -t ext4 -b 1024 $IMG",
    at_work: "mkdir -p s; mount -o loop $IMG s; trap 'umount s' EXIT; eval \"$WORK\"",
    read: "mkdir m out; mount -o loop,ro $IMG m; trap 'umount m' EXIT; cp -r m/. out/",
};

const NTFS: Family = Family {
    name: "ntfs-only",
    make: "truncate -s 48M $IMG; mkntfs -F -Q -q -s 512 -c 1024 $IMG 2>/dev/null",
    at_work: "mkdir -p s; ntfs-3g -o no_detach,big_writes $IMG s & P=$!; trap 'umount s 2>/dev/null || true; wait $P' EXIT
              until mountpoint -q s; do sleep 0.02; done; eval \"$WORK\"",
    read: "mkdir m out; ntfs-3g -o no_detach,ro $IMG m & P=$!; trap 'umount m 2>/dev/null || true; wait $P' EXIT
           until mountpoint -q m; do sleep 0.02; done; cp -r m/. out/",
};

impl Family {
    fn stage(&self) -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join(format!("{}.img", self.name));
        sh(dir.path(), &format!("IMG={}; {}", image.display(), self.make));
        let stage = Stage { name: self.name.into(), dir, image };
        self.work(&stage, FIRST);
        stage
    }

    fn work(&self, stage: &Stage, work: &str) {
        let (dir, image) = (stage.dir.path().join("work"), stage.image.display());
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("work.sh"), work).unwrap();
        sh(&dir, &format!("IMG={image}; WORK=$(cat work.sh); {}", self.at_work));
    }

    /// A stranger reads an image inside: its files are those of `s1`, with `changes` made to a copy of it in `e`.
    fn read_by_strangers(&self, stage: &Stage, name: &str, changes: &str) -> Walk {
        let (walk, out) = stage.restored(name);
        let dir = stage.dir.path().join("work");
        let image = out.display();
        sh(&dir, &format!("rm -rf e m out; cp -a s1 e; {changes}"));
        sh(&dir, &format!("IMG={image}; {}", self.read));
        sh(&dir, "diff -r -x lost+found e out; rm -rf m out");
        std::fs::remove_file(out).unwrap();
        walk
    }
}

fn only(paths: &[&str]) -> Option<Only> {
    Some(Only { paths: paths.iter().map(PathBuf::from).collect(), remember: false })
}

/// The path of a line of a walk.
fn path(line: &str) -> &Path {
    Path::new(line.split(" Entry {").next().unwrap())
}

/// The files of a walk that are below one of these paths, or that are not; without directories.
fn part<'a>(walk: &'a Walk, paths: &'a [&str], below: bool) -> Vec<&'a String> {
    let is_below = |line: &&String| paths.iter().any(|named| path(line).starts_with(named)) == below;
    walk.iter().filter(|line| !line.contains("kind: Directory")).filter(is_below).collect()
}

const NAMED: [&str; 3] = ["/docs", "/single", "/gone.d"];
/// What these names make of `s1`.
const EXPECTED: &str = "rm -r e/docs e/gone.d/in/a; cp -a s2/docs e/; cp -a s2/single e/single";

/// The named files are today's, all others those of the image before.
fn journey(family: &Family) {
    let stage = family.stage();
    let first = stage.walk();
    stage.create(&stage.request(Kind::User));
    family.work(&stage, LATER);
    let today = stage.walk();
    let request = BackupRequest { only: only(&["docs", "single", "/gone.d", "/docs/neu"]), ..stage.request(Kind::User) };
    let plan = stage.plan(&request).unwrap();
    let fact = |name: &str| plan.facts.iter().find(|fact| fact.0 == name).map(|fact| fact.1.clone()).unwrap_or_default();
    assert!(fact("Taken as it is today").contains("in 8 files, 3 new directories, 2 files are gone; 1 are"), "{plan:#?}");
    assert!(fact("All else").contains("user"), "{:#?}", plan.facts);
    stage.create(&request);
    let walk = family.read_by_strangers(&stage, "user-2", EXPECTED);
    assert_eq!(part(&walk, &NAMED, true), part(&today, &NAMED, true), "{}: what is named is today's", family.name);
    assert_eq!(part(&walk, &NAMED, false), part(&first, &NAMED, false), "{}: all else is as it was", family.name);
    stage.prove("user", &first);
    let container = stage.container().unwrap();
    let (old, new) = (&container.find("user").unwrap().record, &container.find("user-2").unwrap().record);
    assert_eq!(new.base_id, Some(old.image_id));
    println!("{}: {} bytes after {}", family.name, new.bytes, old.bytes);
    assert!(new.bytes < old.bytes / 2, "{}: {} of {} bytes", family.name, new.bytes, old.bytes);
}

#[test]
fn named_files_are_todays_on_fat() {
    journey(&FAT);
}

#[test]
fn named_files_are_todays_on_ext() {
    journey(&EXT);
}

#[test]
fn named_files_are_todays_on_ntfs() {
    journey(&NTFS);
}

//! Images in which some files are as they are today, and all else is as in an image before.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::FileDevice;
use lifeboat::error::Kind as ErrorKind;
use lifeboat::image::Kind;
use lifeboat::image::container::{Toc, read_toc};
use lifeboat::job::{self, Monitor, Outcome, Resumption};
use lifeboat::plan::{BackupRequest, ContainerAct, Direction, Only, ResumeRequest};

use super::stage::{Stage, Walk};
use crate::in_place::cuts::Dying;
use crate::oracle::{lifeboat, long, sh};

/// What is on the volume, in `s`, when the first image is made: files to be named and files beside them, deep
/// directories, names with spaces and of other alphabets. `s1` is a copy.
const FIRST: &str = "mkdir -p 's/docs/alte Akten/tief' s/keep s/gone.d/in
    seq 3000 > s/docs/grows; seq 40000 > s/docs/shrinks; seq 500 > s/docs/same; seq 100 > s/docs/goes
    seq 900 > 's/docs/alte Akten/Grüße ☃.txt'; seq 70 > s/docs/empties; : > s/docs/was-empty; seq 800 > s/gone.d/in/a
    openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 < /dev/zero 2>/dev/null | head -c 12000000 > s/keep/big || true
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
    at_work:
        "mkdir -p s; ntfs-3g -o no_detach,big_writes $IMG s & P=$!; trap 'umount s 2>/dev/null || true; wait $P' EXIT
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
    let request =
        BackupRequest { only: only(&["docs", "single", "/gone.d", "/docs/neu"]), ..stage.request(Kind::User) };
    let plan = stage.plan(&request).unwrap();
    let fact =
        |name: &str| plan.facts.iter().find(|fact| fact.0 == name).map(|fact| fact.1.clone()).unwrap_or_default();
    assert!(
        fact("Taken as it is today").contains("in 8 files, 3 new directories, 2 files are gone; 1 are"),
        "{plan:#?}"
    );
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
    assert!(new.bytes * 3 < old.bytes * 2, "{}: {} of {} bytes", family.name, new.bytes, old.bytes);
    replacement(family, &stage, &first);
}

/// Every table of contents names the files and images that are there, and no others.
fn tables_are_true(stage: &Stage, what: &str) {
    let container = stage.container().unwrap();
    assert_eq!(container.damage, Vec::<String>::new(), "{what}");
    let names = |toc: &Toc| {
        let mut names: Vec<String> = toc.files.iter().map(|file| file.name.clone()).collect();
        names.extend(toc.images.iter().map(|image| image.image_id.to_string()));
        names.sort();
        names
    };
    let device = FileDevice::open(&stage.image).unwrap();
    for table in container.toc.files.iter().filter(|file| file.role.is_toc()) {
        let (said, _) = read_toc(&device, table.runs[0].offset).unwrap();
        assert_eq!(names(&said), names(&container.toc), "{what}: {}", table.name);
    }
}

/// The newest image gets another file of today, in its own place; then the list that was kept is taken.
fn replacement(family: &Family, stage: &Stage, first: &Walk) {
    let address = stage.image.display().to_string();
    let run = |words: &[&str]| {
        let output = lifeboat().args(["backup", &address, "--inside"]).args(words).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), text)
    };
    let refused = |words: &[&str], why: &str| {
        let before = std::fs::read(&stage.image).unwrap();
        let (code, text) = run(words);
        assert!(code == Some(3) && text.contains(why), "{}: {words:?}: {code:?} {text}", family.name);
        assert!(std::fs::read(&stage.image).unwrap() == before, "{}: {words:?}: nothing is written", family.name);
    };
    refused(&["--only"], "no list of them");
    refused(&["--name", "user", "--only", "/docs"], "user cannot be replaced: user-2 store only what differs from it");
    refused(
        &["--only", "docs", "none/at all"],
        "there is no none/at all: neither on the volume today nor in the image",
    );
    refused(&["--only", "/lifeboat/user.lbi"], "is of the container");
    refused(&["--only", "/"], "all of the volume was named");
    refused(&["--only", "docs/../keep"], "leads out");
    refused(&["--kind", "factory", "--only", "docs"], "a factory image");
    let numberless = |names: Vec<String>| -> Vec<String> {
        names.into_iter().map(|name| if name.starts_with("inter") { "inter".into() } else { name }).collect()
    };
    let order = numberless(stage.order());
    let (code, text) = run(&["--name", "user-2", "--remember", "--only", "/keep/other", "docs"]);
    assert_eq!(code, Some(0), "{}: {text}", family.name);
    stage.judge(&format!("{}: replaced", family.name));
    let mut now = numberless(stage.order());
    assert!(now.contains(&"lifeboat.toml".to_owned()), "{now:?}");
    now.retain(|name| name != "lifeboat.toml");
    assert_eq!(now, order, "{}: one image for the other", family.name);
    let also = format!("{EXPECTED}; cp -a s2/keep/other e/keep/");
    family.read_by_strangers(stage, "user-2", &also);
    tables_are_true(stage, family.name);
    let container = stage.container().unwrap();
    let (old, new) = (&container.find("user").unwrap().record, &container.find("user-2").unwrap().record);
    // What it replaces was based on the first image, and so is it.
    assert_eq!((container.images.len(), new.base_id), (2, Some(old.image_id)), "{}", family.name);
    stage.prove("user", first);
    family.work(
        stage,
        "echo newest > s/docs/same; echo newest > s/keep/other; echo newest > s/single; rm -rf s2; cp -a s s2",
    );
    let (code, text) = run(&["--only"]);
    assert_eq!(code, Some(0), "{}: {text}", family.name);
    stage.judge(&format!("{}: by the list", family.name));
    let also = "rm -r e/docs e/gone.d/in/a; cp -a s2/docs e/; seq 11 > e/single; cp -a s2/keep/other e/keep/";
    family.read_by_strangers(stage, "user-3", also);
    stage.prove("user", first);
    // Of the others, what cannot move leaves no run that is long enough.
    if family.name == FAT.name {
        stage.done(&stage.change(ContainerAct::Tidy).unwrap(), "tidy");
        stage.judge(&format!("{}: tidied", family.name));
        assert_eq!(stage.order()[..2], ["toc-begin.lbc", "lifeboat.toml"], "{}", family.name);
        family.read_by_strangers(stage, "user-3", also);
    }
    assert_eq!(run(&["--only", "--dry-run"]).0, Some(0), "{}: the list is still there", family.name);
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

/// A volume that was full of a file that is not there any more: its image has too little room for what came instead.
#[test]
fn too_little_room_in_the_image_is_refused_with_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("v.img");
    let stage = Stage { name: "fat16-no-room".into(), dir, image };
    sh(
        stage.dir.path(),
        "truncate -s 12M v.img; mkfs.fat -F 16 -s 1 v.img >/dev/null; head -c 9000000 /dev/zero > old
         seq 100 > small; mcopy -i v.img old small ::/",
    );
    stage.create(&stage.request(Kind::Factory));
    sh(
        stage.dir.path(),
        "mdel -i v.img ::/old; head -c 5000000 /dev/zero > huge; seq 200 > small; mcopy -o -i v.img huge small ::/",
    );
    let before = std::fs::read(&stage.image).unwrap();
    let request = |paths: &[&str]| BackupRequest { only: only(paths), ..stage.request(Kind::User) };
    let refused = stage.plan(&request(&["huge"])).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    let text = refused.to_string();
    assert!(text.contains("need 9766 clusters (5000192 bytes) in the volume of the image factory, and"), "{text}");
    assert!(std::fs::read(&stage.image).unwrap() == before);
    // With the old file, there is room.
    stage.create(&request(&["huge", "old", "small"]));
    let walk = stage.walk();
    stage.prove("user", &walk);
    let container = stage.container().unwrap();
    let factory = container.find("factory").unwrap().record.image_id;
    assert_eq!(container.find("user").unwrap().record.base_id, Some(factory));
}

/// The power goes at some write of a replacement: then the image is the old one or the new one, and the volume is sound.
#[test]
fn a_replacement_that_is_cut_leaves_the_old_image_or_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("v.img");
    let stage = Stage { name: "fat16-cut".into(), dir, image };
    sh(
        stage.dir.path(),
        "truncate -s 8M v.img; mkfs.fat -F 16 -s 1 v.img >/dev/null; seq 9000 > a; seq 100 > b; mcopy -i v.img a b ::/",
    );
    stage.create(&stage.request(Kind::User));
    let first = stage.walk();
    stage.create(&BackupRequest { full: true, ..stage.request(Kind::User) });
    sh(stage.dir.path(), "seq 300 > b; mcopy -o -i v.img b ::/");
    let today = stage.walk();
    let remembered = Some(Only { paths: vec!["b".into()], remember: true });
    let request = BackupRequest { only: remembered, name: Some("user-2".into()), ..stage.request(Kind::User) };
    let plan = stage.plan(&request).unwrap();
    let before = std::fs::read(&stage.image).unwrap();
    let (mut old, mut new, mut resumed, mut count) = (0, 0, 0, 0);
    loop {
        std::fs::write(&stage.image, &before).unwrap();
        let report = job::run_on(&plan, &Dying::new(stage.image.clone(), count), &Arc::new(Monitor::new()));
        let resume = ResumeRequest { volume: stage.address(), journal: None, direction: Direction::Finish };
        if let Resumption::Job(plan) = job::plan_resume(&resume, &Monitor::new()).unwrap() {
            stage.done(&stage.run(&plan), "resume");
            resumed += 1;
        }
        let what = format!("cut at write {count}");
        stage.judge(&what);
        tables_are_true(&stage, &what);
        assert!(stage.walk() == today, "{what}: the files are what they were");
        for name in ["user", "user-2"] {
            let (walk, out) = stage.restored(name);
            std::fs::remove_file(out).unwrap();
            match walk {
                walk if walk == first && name == "user" => {}
                walk if walk == first => old += 1,
                walk => {
                    assert!(name == "user-2" && walk == today, "{what}: {name}");
                    new += 1;
                }
            }
        }
        if report.outcome == Outcome::Done {
            break;
        }
        count += if long() { 1 } else { 1 + count / 4 };
    }
    println!("{old} old, {new} new, {resumed} resumed, the last at write {count}");
    assert!(old > 3 && new > 3 && resumed > 0, "{old} old, {new} new, {resumed} resumed");
}

/// What cannot be made in an image's volume by itself is refused by name; what is unnamed beside it does no harm.
#[test]
fn links_and_files_with_several_names_are_refused_by_name() {
    let stage = EXT.stage();
    EXT.work(&stage, "mkdir s/l; seq 5 > s/l/a; ln s/l/a s/l/b; ln -s a s/l/link; mkdir s/turns; seq 6 > s/turned");
    stage.create(&stage.request(Kind::User));
    let later = "seq 7 > s/l/a; ln -s b s/l/new; rmdir s/turns; seq 8 > s/turns; rm s/turned; mkdir s/turned
                 seq 9 > s/turned/in; seq 11 > s/single";
    EXT.work(&stage, later);
    let request = |path: &str| BackupRequest { only: only(&[path]), ..stage.request(Kind::User) };
    for (path, why) in [
        ("l", "/l/new is a link or a special file"),
        ("l/a", "/l/a has 2 names"),
        ("turns", "/turns is a file today and a directory in the image user"),
    ] {
        let refused = stage.plan(&request(path)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused);
        assert!(refused.to_string().contains(why), "{refused}");
    }
    stage.create(&request("turned"));
    let dir = stage.dir.path().join("work");
    sh(&dir, "rm -rf s1 s2");
    EXT.work(&stage, "cp -a s s2");
    stage.create(&request("single"));
    let (walk, _) = stage.restored("user-3");
    let has = |path: &str| walk.iter().any(|line| line.starts_with(path));
    assert!(has("/turned/in ") && has("/l/link ") && !has("/l/new "), "{walk:#?}");
}

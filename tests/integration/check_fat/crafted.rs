//! Volumes that no formatter makes: too deep, too long, too many findings, FATs that are not mirrored.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use lifeboat::error::{Error, Kind, Result};
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::check::Findings;
use lifeboat::fs::{Severity, Watch};

use super::damages::{Geometry, Stage};
use super::owners::compare_with_mshowfat;
use super::{check, fsck, open};
use crate::oracle::{long, sh};

fn count(findings: &Findings, rule: &str) -> usize {
    findings.list.iter().filter(|found| found.rule == rule).count()
}

/// The first clusters of a free run of so many.
fn free_run(stage: &Stage, clusters: u32) -> u32 {
    let first = stage.last() - clusters - 10;
    assert!((first..first + clusters).all(|number| stage.next(number) == 0));
    first
}

/// A directory's entry.
fn directory(name: &[u8; 11], start: u32) -> [u8; 32] {
    let mut entry = [0; 32];
    entry[..11].copy_from_slice(name);
    entry[11] = 0x10;
    entry[26..28].copy_from_slice(&(start as u16).to_le_bytes());
    entry
}

#[test]
fn directories_a_thousand_deep_are_refused_and_do_not_exhaust_us() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::make(dir.path(), 16, Geometry::Usual);
    let first = free_run(&stage, 1100);
    let top = stage.free_entry(stage.behind_fats());
    stage.put(top, &directory(b"DEEP       ", first));
    for level in 0..1100 {
        let (number, above) = (first + level, if level == 0 { 0 } else { first + level - 1 });
        stage.set(number, 0xFFFF);
        let at = stage.at_cluster(number);
        stage.put(at, &directory(b".          ", number));
        stage.put(at + 32, &directory(b"..         ", above));
        if level < 1099 {
            stage.put(at + 64, &directory(b"DEEP       ", number + 1));
        }
    }
    let findings = check(open(stage.write_now()).as_ref());
    assert_eq!(count(&findings, "fat.directory.deep"), 1);
    assert_eq!(count(&findings, "fat.chain.lost"), 1);
    assert_eq!(findings.errors, 2);
    let path = findings.list.iter().find_map(|found| found.path.as_ref()).unwrap();
    assert!(path.len() < 3000 && path.starts_with('…'), "{}", path.len());
}

#[test]
fn a_directory_of_too_many_clusters_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::make(dir.path(), 32, Geometry::Usual);
    let first = free_run(&stage, 5000);
    let sub = stage.chain(b"SUB        ")[0];
    stage.set(sub, first);
    for number in first..first + 5000 {
        stage.set(number, if number == first + 4999 { 0x0FFF_FFFF } else { number + 1 });
    }
    let findings = check(open(stage.write_now()).as_ref());
    assert_eq!((count(&findings, "fat.directory.long"), findings.errors), (1, 1));
}

#[test]
fn a_rule_that_is_broken_thousands_of_times_is_told_a_thousand_times_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::make(dir.path(), 16, Geometry::Usual);
    let first = free_run(&stage, 6000);
    for number in (first..first + 6000).step_by(2) {
        stage.set(number, 0xFFFF);
    }
    let findings = check(open(stage.write_now()).as_ref());
    assert_eq!((findings.list.len(), findings.errors), (1001, 1001));
    assert!(findings.list.iter().any(|found| found.message.starts_with("2000 more findings")));
}

#[test]
fn crossed_chains_are_told_with_both_names() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::make(dir.path(), 32, Geometry::Other);
    let (from, to) = (stage.chain(b"INNER   TXT")[0], stage.chain(b"BIG     BIN")[2]);
    stage.set(from, to);
    let findings = check(open(stage.write_now()).as_ref());
    let crossed = findings.list.iter().find(|found| found.rule == "fat.chain.crossed").unwrap();
    assert_eq!(crossed.path.as_deref(), Some("/SUB/INNER.TXT"));
    assert!(crossed.message.ends_with(": /BIG.BIN"), "{}", crossed.message);
    assert_eq!(crossed.place.cluster, Some(to.into()));
}

#[test]
fn a_fat_that_is_not_in_use_may_be_old_when_mirroring_is_off() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::make(dir.path(), 32, Geometry::Usual);
    let lost = stage.free();
    stage.set_in(1, lost, 0x0FFF_FFFF);
    for boot in [0, 6 * 512] {
        stage.put(boot + 0x28, &[0x80, 0]);
    }
    let path = stage.write_now();
    let findings = check(open(path).as_ref());
    assert!(findings.is_sound() && findings.list.iter().all(|found| found.severity == Severity::Note), "{findings:?}");
    // fsck.fat does not know of this, and would write over the second FAT.
    assert_eq!(fsck(path).0, 1);
    // The other one in use: its lost cluster is ours to tell.
    for boot in [0, 6 * 512] {
        stage.put(boot + 0x28, &[0x81, 0]);
    }
    assert_eq!(count(&check(open(stage.write_now()).as_ref()), "fat.chain.lost"), 1);
}

#[test]
fn more_than_two_fats_are_compared_all_and_are_an_error_as_to_fsck() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "truncate -s 5M v.img; mkfs.fat -F 16 -s 1 -f 4 v.img >/dev/null");
    let path = dir.path().join("v.img");
    let findings = check(open(&path).as_ref());
    assert_eq!((count(&findings, "fat.boot.fats"), findings.errors), (1, 1), "{findings:?}");
    assert_ne!(fsck(&path).0, 0);
    sh(
        dir.path(),
        "fat=$(od -An -tu2 -j22 -N2 v.img); reserved=$(od -An -tu2 -j14 -N2 v.img)
         printf x | dd of=v.img bs=1 seek=$((512 * (reserved + 3 * fat) + 9)) conv=notrunc status=none",
    );
    assert_eq!(count(&check(open(&path).as_ref()), "fat.table.copies"), 1);
}

/// Ends the look at the n-th time it is asked.
struct Patience(AtomicU64);

impl Watch for Patience {
    fn advance(&self, _: &'static str, done: u64, total: u64) {
        assert!(done <= total);
    }

    fn proceed(&self) -> Result<()> {
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(|_| ()).map_err(|_| Error::cancelled())
    }
}

#[test]
fn a_check_and_a_look_for_owners_end_when_they_are_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let volume = open(Stage::make(dir.path(), 32, Geometry::Usual).write_now());
    let mut within = ExtentSet::new();
    within.insert(Extent::new(0, volume.grid().clusters));
    let (mut cancelled, mut done) = (0, false);
    for asked in 0..1000 {
        let outcome = volume.check().check(&Patience(AtomicU64::new(asked)), &mut |_| {});
        match outcome {
            Ok(()) => {
                done = true;
                break;
            }
            Err(error) => assert_eq!(error.kind(), Kind::Cancelled),
        }
        cancelled += 1;
    }
    assert!(done && cancelled > 3, "{cancelled}");
    let outcome = volume.owners().owners(&within, &Patience(AtomicU64::new(1)), &mut |_| {});
    assert_eq!(outcome.unwrap_err().kind(), Kind::Cancelled);
}

#[test]
fn a_fat_too_long_for_memory_is_followed_in_parts() {
    // Eighteen million clusters: a FAT of 72 MB, of which 64 KiB are held. Some seconds, so only when asked for.
    if !long() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    sh(
        dir.path(),
        "truncate -s 72G v.img; mkfs.fat -F 32 -s 8 v.img >/dev/null; head -c 9M /dev/urandom > f; mmd -i v.img ::/D
         for n in $(seq 20); do mcopy -i v.img f ::/F$n; mcopy -i v.img f \"::/D/a long name $n\"; done; mdel -i v.img '::/F*[24]'
         mcopy -i v.img f ::/LAST",
    );
    let path = dir.path().join("v.img");
    let start = Instant::now();
    assert_eq!(fsck(&path).0, 0);
    let theirs = start.elapsed();
    let volume = open(&path);
    let start = Instant::now();
    let findings = check(volume.as_ref());
    let ours = start.elapsed();
    assert_eq!(findings.list, []);
    let held = compare_with_mshowfat(dir.path(), &path, "72 GiB");
    println!("{held} files in eighteen million clusters: fsck.fat took {theirs:?}, we {ours:?}");
}

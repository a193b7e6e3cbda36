//! Where FAT ends: full directories, the longest file, names.

use std::path::Path;

use lifeboat::error::Kind as ErrorKind;
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::Findings;
use lifeboat::fs::check::Unwatched;
use lifeboat::unit::ByteLen;

use super::bench::Bench;
use crate::oracle::{long, sh, sh_output};
use crate::zoo::fat::SHAPES;

fn bench(name: &str, dir: &Path) -> Bench {
    Bench::make(SHAPES.iter().find(|shape| shape.name == name).unwrap(), dir)
}

/// FAT12 and FAT16 have a root directory that cannot grow.
pub(super) fn root_is_full(bench: &mut Bench) {
    let extents = bench.pick(3, false);
    let len = bench.open().grid().bytes_of(3 * bench.edit.units().clusters);
    for directory in ["/", "/LIFEBOAT"] {
        let refused = bench.edit.adopt(Path::new(directory), "image.lbi", &extents, len).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused);
        assert!(refused.to_string().contains("room for 32 entries"), "{refused}");
    }
    assert!(bench.edit.take("nothing").unwrap().is_empty());
    bench.edits += 2;
    // A file gives its entry.
    bench.release("/", "F10");
    bench.adopt("/", "IMAGE.LBI", &extents, 5);
    bench.apply("instead");
    bench.sound();
    bench.expect_ours();
}

#[test]
fn the_longest_file_has_four_gibibytes_less_one() {
    // A million clusters, again and again: a quarter of a minute.
    if !long() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "truncate -s 5G big.img; mkfs.fat -F 32 -s 8 big.img >/dev/null");
    let mut bench = Bench::of("big", &dir.path().join("big.img"));
    let size = bench.edit.units().clusters;
    let free = bench.free()[0];
    let extent = Extent::new(free.start.0 + 100 * size, (1 << 20) * size);
    bench.edit.adopt(Path::new("/LIFEBOAT"), "IMAGE.LBI", &[extent], ByteLen((4 << 30) - 1)).unwrap();
    bench.apply("adopt");
    assert!(sh(dir.path(), "mdir -a -i big.img ::/LIFEBOAT").contains("4294967295"));
    assert_eq!(bench.open().tree().extents(Path::new("/LIFEBOAT/IMAGE.LBI")).unwrap(), [extent]);
    // fsck.fat 4.2 counts the bytes of its chain in 32 bits, and finds nothing else.
    let said = sh_output(dir.path(), "fsck.fat -n big.img");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(said.lines().filter(|line| line.starts_with("  ") || line.starts_with('/')).count(), 3, "{said}");
    assert!(said.contains("cluster chain length is 0 bytes"), "{said}");
    bench.release("/LIFEBOAT", "IMAGE.LBI");
    bench.apply("release");
    bench.sound();
    // So files are split where it cannot go wrong.
    let most = bench.edit.max_file_len();
    assert_eq!(most.0, (4 << 30) - 4096);
    let extent = Extent::new(extent.start.0, extent.clusters - size);
    bench.edit.adopt(Path::new("/LIFEBOAT"), "IMAGE.LBI", &[extent], most).unwrap();
    bench.apply("adopt");
    bench.sound();
    scatter(&mut bench, extent);
    bench.release("/LIFEBOAT", "IMAGE.LBI");
    bench.apply("release");
    bench.sound();
    // The FATs and FSInfo are what they were; the root directory lies behind them.
    let head = |name: &str| sh(dir.path(), &format!("dd if={name} bs=1M count=10 status=none | md5sum"));
    assert_eq!(head("big.img"), head("big.first"));
}

/// Moves twenty thousand clusters of a file, each to a place of its own, and back; then a hundred thousand at once.
fn scatter(bench: &mut Bench, extent: Extent) {
    let size = bench.edit.units().clusters;
    let count = 20_000;
    let mut from = ExtentSet::new();
    from.insert(Extent::new(extent.start.0 + 5000 * size, count * size));
    bench.reopen();
    let to: Vec<Extent> = (0..count).rev().map(|at| Extent::new(extent.end() + at * 2 * size, size)).collect();
    let started = std::time::Instant::now();
    bench.edit.relocate(&from, &to).unwrap();
    println!("{count} clusters to as many places: {:?}", started.elapsed());
    assert_eq!(bench.used_in(&from), 0);
    bench.apply("move");
    bench.sound();
    let mut back = ExtentSet::new();
    to.iter().rev().for_each(|run| back.insert(*run));
    let run = from.runs()[0];
    let started = std::time::Instant::now();
    bench.edit.relocate(&back, &[run]).unwrap();
    println!("and back: {:?}", started.elapsed());
    bench.apply("back");
    bench.sound();
    let mut from = ExtentSet::new();
    from.insert(Extent::new(extent.start.0 + 300_000 * size, 100_000 * size));
    let started = std::time::Instant::now();
    bench.edit.relocate(&from, &[Extent::new(extent.end() + 7 * size, 100_000 * size)]).unwrap();
    println!("100,000 clusters to one place: {:?}", started.elapsed());
    bench.apply("at once");
    bench.sound();
}

#[test]
fn a_file_of_more_than_four_gibibytes_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "truncate -s 5G big.img; mkfs.fat -F 32 -s 8 big.img >/dev/null");
    let mut bench = Bench::of("big", &dir.path().join("big.img"));
    let size = bench.edit.units().clusters;
    let extent = Extent::new(bench.free()[0].start.0 + 100 * size, (1 << 20) * size);
    let refused = bench.edit.adopt(Path::new("/"), "X", &[extent], ByteLen(4 << 30)).unwrap_err();
    assert!(refused.to_string().contains("too long"), "{refused}");
    assert!(bench.edit.take("nothing").unwrap().is_empty());
    assert_eq!(bench.edit.max_file_len().0, (4 << 30) - 4096);
}

#[test]
fn a_hundred_thousand_files_are_no_obstacle() {
    if !long() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    sh(
        dir.path(),
        "truncate -s 300M m.img; mkfs.fat -F 32 -s 2 m.img >/dev/null; mkdir in
         for d in $(seq 100); do mkdir in/d$d; for n in $(seq 1000); do echo $d.$n > in/d$d/f$n.txt; done; done
         mcopy -s -Q -i m.img in/* ::/; rm -rf in",
    );
    let mut bench = Bench::of("many", &dir.path().join("m.img"));
    let mut started = std::time::Instant::now();
    let mut lap = |what: &str| {
        println!("100,000 files, {what}: {:?}", started.elapsed());
        started = std::time::Instant::now();
    };
    let mut findings = Findings::default();
    let volume = bench.open();
    volume.check().check(&Unwatched, &mut |finding| findings.add(finding)).unwrap();
    assert_eq!((findings.errors, findings.warnings), (0, 0), "{:?}", findings.list.first());
    lap("check");
    let before = bench.walk();
    assert!(before.len() >= 100_100);
    lap("walk");
    let extents = bench.pick(200, true);
    bench.adopt("/LIFEBOAT", "image.lbi", &extents, 5);
    bench.apply("adopt");
    bench.sound();
    bench.expect_ours();
    lap("adopt, and its proof");
    bench.release("/LIFEBOAT", "image.lbi");
    bench.apply("release");
    bench.sound();
    lap("release, and its proof");
    bench.reopen();
    let (from, to) = bench.beginning_to_end().unwrap();
    bench.edit.relocate(&from, &to).unwrap();
    println!("{} clusters moved", from.clusters());
    lap("relocate");
    bench.apply("move");
    bench.sound();
    assert_eq!(bench.used_in(&from), 0);
    assert_eq!(bench.walk(), before);
    lap("its proof");
}

#[test]
fn a_directory_has_65536_entries_at_most() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "truncate -s 40M d.img; mkfs.fat -F 32 -s 1 d.img >/dev/null");
    let mut bench = Bench::of("d", &dir.path().join("d.img"));
    let (units, grid) = (bench.edit.units(), bench.open().grid());
    let extent = Extent::new(units.origin.0 + 300 * units.clusters, 4096 * units.clusters);
    bench.edit.adopt(Path::new("/"), "D", &[extent], ByteLen(2 << 20)).unwrap();
    bench.apply("adopt");
    // The file becomes a directory of 65,533 entries: `.`, `..`, and empty files.
    let mut bytes = std::fs::read(&bench.image).unwrap();
    let at = grid.offset_of(extent.start).0 as usize;
    let root = grid.offset_of(units.origin).0 as usize;
    let entry = (root..root + 512).step_by(32).find(|at| bytes[*at] == b'D').unwrap();
    bytes[entry + 11] = 0x10;
    bytes[entry + 28..entry + 32].fill(0);
    let first = [bytes[entry + 26], bytes[entry + 27]];
    for slot in 0..65_533 {
        let mut raw = [0u8; 32];
        let name = match slot {
            0 => ".          ".to_owned(),
            1 => "..         ".to_owned(),
            _ => format!("F{slot:07}   "),
        };
        raw[..11].copy_from_slice(name.as_bytes());
        raw[11] = if slot < 2 { 0x10 } else { 0x20 };
        if slot == 0 {
            raw[26..28].copy_from_slice(&first);
        }
        bytes[at + slot * 32..at + slot * 32 + 32].copy_from_slice(&raw);
    }
    std::fs::write(&bench.image, &bytes).unwrap();
    bench.reopen();
    // Two entries in a row are as many as there are, and three more than the limit.
    let refused = bench.edit.adopt(Path::new("/D"), "name of three entries", &[], ByteLen(0));
    refused.expect("two of the long name and the short one are three");
    let refused = bench.edit.adopt(Path::new("/D"), "X", &[], ByteLen(0)).unwrap_err();
    assert!(refused.to_string().contains("no directory has more than 65536"), "{refused}");
    bench.apply("fill");
    bench.sound();
}

#[test]
fn names_get_tails_and_clashes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = bench("fat12-512-fresh", dir.path());
    for number in 0..12 {
        bench.adopt("/LIFEBOAT", &format!("a long name {number}.lbi"), &[], 0);
    }
    for (name, why) in
        [("A LONG NAME 3.LBI", "already"), ("alongn~2.lbi", "already"), ("a:b", "has ':'"), ("nul.x", "device")]
    {
        let refused = bench.edit.adopt(Path::new("/lifeboat"), name, &[], ByteLen(0)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused);
        assert!(refused.to_string().contains(why), "{refused}");
    }
    assert!(bench.edit.adopt(Path::new("/LIFEBOAT/a long name 1.lbi"), "x", &[], ByteLen(0)).is_err());
    let letters = "n".repeat(255);
    bench.adopt("/LIFEBOAT", &letters, &[], 0);
    bench.apply("names");
    bench.sound();
    bench.expect_ours();
    let listed = sh(dir.path(), &format!("mdir -a -i {} ::/LIFEBOAT", bench.image.display()));
    for short in ["ALONGN~1", "ALONGN~9", "ALONG~10", "ALONG~12", "NNNNNN~1", "a long name 11.lbi"] {
        assert!(listed.contains(short), "{short}: {listed}");
    }
}

#[test]
fn what_cannot_move_or_be_taken_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = bench("fat16-8k-deep", dir.path());
    let units = bench.edit.units();
    let free = bench.pick(8, false);
    let mut refuse = |start: u64, clusters: u64, to: &[Extent], why: &str| {
        let mut from = ExtentSet::new();
        from.insert(Extent::new(start, clusters));
        let refused = bench.edit.relocate(&from, to).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused);
        assert!(refused.to_string().contains(why), "{refused}");
        assert!(bench.edit.take("nothing").unwrap().is_empty());
    };
    let first = units.origin.0;
    refuse(0, 1, &free, "boot sector");
    refuse(first - 1, 1, &free, "root directory");
    refuse(first, units.clusters * 8, &free[..2], "2 are given");
    refuse(first, units.clusters, &[Extent::new(first + units.clusters, units.clusters)], "in use when the edit began");
    refuse(first, units.clusters, &[free[0], free[0]], "twice");
    refuse(first, units.clusters * units.count, &free, "both to be vacated and a target");
    if units.clusters > 1 {
        refuse(first, 1, &free, "whole units");
    }
    let used = Extent::new(first, units.clusters);
    let len = bench.open().grid().bytes_of(units.clusters);
    for (extents, len) in [
        (&[used][..], len),
        (&[free[0], free[0]], ByteLen(2 * len.0)),
        (&free[..2], len),
        (&free[..1], ByteLen(len.0 + 1)),
    ] {
        let refused = bench.edit.adopt(Path::new("/LIFEBOAT"), "x", extents, len).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused, "{refused}");
        assert!(bench.edit.take("nothing").unwrap().is_empty());
    }
    for (directory, name) in [("/", "nothing"), ("/d", "d"), ("/none", "x")] {
        assert_eq!(bench.edit.release(Path::new(directory), name).unwrap_err().kind(), ErrorKind::Refused);
    }
}

#[test]
fn a_boot_loader_that_is_found_by_its_place_stays() {
    let dir = tempfile::tempdir().unwrap();
    sh(
        dir.path(),
        "truncate -s 8M b.img; mkfs.fat -F 16 -s 1 b.img >/dev/null; head -c 9000 /dev/urandom > x; mmd -i b.img ::/SYSLINUX; mcopy -i b.img x ::/SYSLINUX/ldlinux.sys; mcopy -i b.img x ::/other",
    );
    let mut bench = Bench::of("b", &dir.path().join("b.img"));
    let volume = bench.open();
    let units = bench.edit.units();
    let room = bench.pick(100, false);
    for (path, moves) in [("/SYSLINUX/ldlinux.sys", false), ("/other", true)] {
        let mut from = ExtentSet::new();
        for extent in volume.tree().extents(Path::new(path)).unwrap() {
            from.insert(Extent::new(extent.start.0 + units.clusters, units.clusters));
        }
        let outcome = bench.edit.relocate(&from, &room);
        assert_eq!(outcome.is_ok(), moves, "{path}: {outcome:?}");
    }
    bench.apply("move");
    bench.sound();
}

//! Changing FAT volumes, judged by strangers' tools.

mod bench;
mod hostile;
mod limits;
mod model;

use std::path::Path;

use lifeboat::fs::Kind;
use lifeboat::unit::ByteLen;

use self::bench::{Bench, changed};
use crate::oracle::{long, sh};
use crate::zoo::fat::{FEW_CLUSTERS, SHAPES};

/// What is adopted in each volume: names that make each kind of entry.
const NAMES: [&str; 7] = [
    "toc-begin.lbc",
    "TOC.LBC",
    "toc-begin of another.lbc",
    "IMAGE.lbi",
    "IMAGE.001",
    "Ünïcode, 世界.lbi",
    "a.name.with.dots",
];

/// The shapes of every run: each type with and without room, with each oddity; the others take minutes.
const SOON: [&str; 11] = [
    "fat12-floppy-names",
    "fat12-512-full",
    "fat12-1k-fragmented",
    "fat12-root-full",
    "fat16-512-mixed-1-fat",
    "fat16-4k-names",
    "fat16-4k-sectors",
    "fat32-512-full",
    "fat32-512-names",
    "fat32-not-mirrored",
    "fat32-few-4k",
];

/// Adopts, replaces, marks, releases; then vacates as much of the volume's end as finds room before it. After each
/// step fsck.fat is content and the files are what they were.
fn journey(bench: &mut Bench) {
    let fats = bench.fats();
    let before = bench.walk();
    let mtools = bench.mtools();
    if bench.free().is_empty() {
        full(bench);
        return;
    }
    for (index, name) in NAMES.iter().enumerate() {
        let extents = bench.pick(1 + index as u64 * 3, index % 2 == 1);
        bench.adopt("/LIFEBOAT", name, &extents, index as u64 * 37 % 511);
    }
    let all = bench.apply("adopt");
    assert!(bench.tags(&all).iter().any(|tag| tag.starts_with("FAT ")), "{:?}", bench.tags(&all));
    bench.sound();
    bench.expect_ours();
    bench.expect_attributes("/LIFEBOAT", NAMES.len());
    assert_eq!(bench.walk(), before);
    bench.replace("/LIFEBOAT/toc-begin.lbc");
    bench.apply("replace");
    bench.sound();
    bench.expect_ours();
    mark(bench);
    for name in NAMES {
        bench.release("/LIFEBOAT", name);
    }
    bench.apply("release");
    bench.sound();
    assert_eq!(bench.walk(), before);
    assert!(bench.fats() == fats, "{}: adopting and releasing leaves FAT and FSInfo as they were", bench.name);
    bench.only_deleted_entries_differ();
    bench.reopen();
    let moves = [Bench::end_to_beginning, Bench::beginning_to_end];
    for choose in moves {
        let Some((from, to)) = choose(bench) else { continue };
        bench.edit.relocate(&from, &to).unwrap();
        bench.edits += 1;
        bench.apply("move");
        bench.sound();
        assert!(bench.used_in(&from) == 0, "{}: what was to be vacated is vacant", bench.name);
        assert_eq!(bench.walk(), before);
    }
    assert_eq!(bench.mtools(), mtools, "{}", bench.name);
}

/// Marked dirty both readers say so; marked clean all is as before.
fn mark(bench: &mut Bench) {
    let before = std::fs::read(&bench.image).unwrap();
    bench.edit.mark(true).unwrap();
    bench.apply("mark");
    let volume = bench.open();
    assert_eq!(volume.summary().state, lifeboat::fs::State::Dirty, "{}", bench.name);
    let said = String::from_utf8_lossy(
        &crate::oracle::sh_output(bench.dir(), &format!("fsck.fat -n {}", bench.image.display())).stdout,
    )
    .into_owned();
    assert!(said.contains("Dirty bit is set"), "{}: {said}", bench.name);
    bench.edit.mark(false).unwrap();
    bench.apply("unmark");
    assert!(changed(&before, &std::fs::read(&bench.image).unwrap()).is_empty(), "{}", bench.name);
}

/// A volume without a free cluster takes nothing, and loses a file to make room.
fn full(bench: &mut Bench) {
    let refused = bench.edit.adopt(Path::new("/LIFEBOAT"), "x", &[], ByteLen(0)).unwrap_err();
    assert!(refused.to_string().contains("no free cluster"), "{refused}");
    assert!(bench.edit.take("nothing").unwrap().is_empty());
    let (path, freed) = bench.release_a_large_file();
    assert!(!freed.is_empty());
    let before: Vec<_> = bench.walk();
    bench.apply("release");
    bench.sound();
    let mut wanted = before;
    wanted.retain(|line| !line.starts_with(&format!("{path} ")));
    assert_eq!(bench.walk(), wanted);
    bench.edit.adopt(Path::new("/LIFEBOAT"), "x", &[], ByteLen(0)).unwrap();
    bench.apply("adopt");
    bench.sound();
}

#[test]
fn every_shape_takes_every_edit() {
    let dir = tempfile::tempdir().unwrap();
    for shape in SHAPES.iter().chain(FEW_CLUSTERS) {
        if !long() && !SOON.contains(&shape.name) {
            continue;
        }
        let started = std::time::Instant::now();
        let mut bench = Bench::make(shape, dir.path());
        if shape.name.contains("root-full") {
            limits::root_is_full(&mut bench);
        } else {
            journey(&mut bench);
        }
        println!("{}: {} edits, {:?}", shape.name, bench.edits, started.elapsed());
        sh(dir.path(), "rm -rf -- *");
    }
}

#[test]
fn an_edit_names_what_it_writes() {
    let dir = tempfile::tempdir().unwrap();
    let shape = SHAPES.iter().find(|shape| shape.name == "fat32-512-fresh").unwrap();
    let mut bench = Bench::make(shape, dir.path());
    assert_eq!(bench.kind, Kind::Fat32);
    let extents = bench.pick(8, false);
    bench.adopt("/LIFEBOAT", "toc-begin.lbc", &extents, 0);
    let tags = bench.apply("adopt");
    let tags = bench.tags(&tags);
    for wanted in ["FAT 1, entries ", "FAT 2, entries ", "FSInfo, free clusters", "FSInfo's copy, free clusters"] {
        assert!(tags.iter().any(|tag| tag.starts_with(wanted)), "{wanted}: {tags:?}");
    }
    for wanted in ["directory /, entries 1", "directory /LIFEBOAT, entries 0–3", "directory /LIFEBOAT, new cluster"] {
        assert!(tags.iter().any(|tag| tag == wanted), "{wanted}: {tags:?}");
    }
}

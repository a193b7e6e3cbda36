//! Files that get other clusters, new files and new directories, on volumes of all three families: what is asked for
//! is what other people's tools find afterwards, and nothing else has changed.

mod bench;
mod exact;
mod random;
mod refused;
mod strangers;

use std::path::Path;

use lifeboat::fs::{Attributes, Guise};

use self::bench::{Bench, Target};
use crate::oracle::{long, sh};
use crate::zoo::{Shape, ext, fat, ntfs};

/// The shapes of every run: each way to store a file, each kind of map and of name, hardly any room; the others take
/// minutes.
const SOON: [&str; 12] = [
    "fat12-floppy-names",
    "fat12-1k-fragmented",
    "fat12-512-full",
    "fat32-512-names",
    "ext2-triple",
    "ext4-inline",
    "ext4-bigalloc-1k",
    "ntfs-files-512",
    "ntfs-names",
    "ntfs-streams",
    "ntfs-sparse",
    "ntfs-compressed",
];

/// Names for what is new: plain, in lower case, long, of other alphabets, odd.
const NAMES: [&str; 8] = [
    "NEW.TXT",
    "lower.txt",
    "a new file of some length.text",
    "Grüße, 世界 ☃.neu",
    "with  spaces and, [odd] signs+=;.x",
    ".hidden.dots",
    "no-extension-at-all",
    "UPPER.lower.MiXeD",
];

/// How the files of a round look, a different way each time.
fn guise(round: u64, salt: u64) -> Guise {
    let bits = round * 5 + salt * 3;
    let mode = [0o644, 0o600, 0o751, 0o444, 0o1777][(bits % 5) as usize];
    let attributes = Attributes {
        read_only: bits & 1 != 0,
        hidden: bits & 2 != 0,
        system: bits & 4 != 0,
        archive: bits & 8 != 0,
        mode: Some(mode),
        ..Attributes::default()
    };
    let second = 1_234_567_890 + (round * 86_413 + salt * 3_601) as i64 * 2;
    Guise { attributes, modified: Some(jiff::Timestamp::new(second, 123_456_700).unwrap()) }
}

/// Each file of a kind grows, shrinks, is emptied, and is filled again; meanwhile new ones come to be, at the root and
/// far below, and directories with others in them.
fn journey(bench: &mut Bench) {
    let victims = bench.victims();
    let deepest = bench.deepest_directory();
    for round in 0..4u64 {
        for (salt, path) in (0u64..).zip(&victims) {
            let had = bench.model[path].bytes;
            let target = match round {
                0 => Target::Bytes(had + 3 * bench.unit() + 17),
                1 => Target::Bytes(1 + salt % 2 * bench.unit()),
                2 => Target::Bytes(0),
                _ => Target::Units(1 + salt * 2),
            };
            bench.put(path, target, &guise(round, salt));
        }
        let directory = format!("/made in round {round}");
        bench.make_directory(&directory, &guise(round, 11));
        bench.make_directory(&format!("{directory}/deeper"), &guise(round, 12));
        for (salt, parent) in (20u64..).zip(["", &deepest, &directory, &format!("{directory}/deeper")]) {
            let name = NAMES[((round * 2 + salt) % 8) as usize];
            bench.put(&format!("{parent}/{round} {name}"), Target::Units(salt % 3), &guise(round, salt));
        }
        bench.put(&format!("{directory}/{}", "ü".repeat(100)), Target::Units(2), &guise(round, 30));
        bench.judge(&format!("round {round}"));
    }
    assert!(bench.puts > 0 || bench.kind_is_full(), "{}: something was put", bench.name);
}

fn all() -> impl Iterator<Item = &'static Shape> {
    fat::SHAPES.iter().chain(ext::SHAPES).chain(ntfs::SHAPES)
}

/// What no stranger here can read file by file, and what an edit refuses from the first.
fn is_left_out(name: &str) -> bool {
    ["not-mirrored", "4k-sectors", "fat32-32k-mixed", "quota", "casefold", "encrypt-flag"]
        .iter()
        .any(|part| name.contains(part))
        || name.contains("root-full")
}

#[test]
fn every_shape_takes_what_is_put() {
    let dir = tempfile::tempdir().unwrap();
    let (mut puts, mut failed) = (0, Vec::new());
    for shape in all().filter(|shape| !is_left_out(shape.name)) {
        if !long() && !SOON.contains(&shape.name) {
            continue;
        }
        let started = std::time::Instant::now();
        let journey = || {
            let mut bench = Bench::make(shape, dir.path())?;
            journey(&mut bench);
            println!("{}: {} put, {:?} refused, {:?}", shape.name, bench.puts, bench.refused, started.elapsed());
            Some(bench.puts)
        };
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(journey)) {
            Ok(count) => puts += count.unwrap_or(0),
            Err(_) => failed.push(shape.name),
        }
        sh(dir.path(), "rm -rf -- *");
    }
    println!("{puts} files and directories put");
    assert!(failed.is_empty(), "failed: {failed:?}");
}

#[test]
fn an_edit_that_is_refused_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["fat12-1k-fragmented", "ext4-inline", "ntfs-streams"] {
        let shape = all().find(|shape| shape.name == name).unwrap();
        let mut bench = Bench::make(shape, dir.path()).unwrap();
        let used = bench.edit.used().unwrap();
        let free = bench.pick(3, 1);
        let len = bench.len_of(&free);
        let look = guise(1, 1);
        let path = bench.victims()[0].clone();
        let taken = vec![used.runs().last().unwrap()];
        for (what, extents, len) in
            [("taken", &taken, bench.len_of(&taken)), ("too short", &free, 1), ("none", &vec![], len)]
        {
            for path in [path.as_str(), "/new"] {
                let refused = bench.edit.put(Path::new(path), extents, lifeboat::unit::ByteLen(len), &look);
                assert!(refused.is_err(), "{name}: {what}");
            }
        }
        for path in ["/", "/none/new", "/a/../new"] {
            let len = lifeboat::unit::ByteLen(len);
            assert!(bench.edit.put(Path::new(path), &free, len, &look).is_err(), "{name}: {path}");
        }
        assert!(bench.edit.make_directory(Path::new("/none/new"), &look).is_err());
        assert!(bench.edit.make_directory(Path::new(&path), &look).is_err(), "{name}: {path} is a file");
        assert!(bench.edit.take("nothing").unwrap().is_empty(), "{name}");
        let runs = |map: &lifeboat::extent::ClusterMap| map.runs().collect::<Vec<_>>();
        assert_eq!(runs(&bench.edit.used().unwrap()), runs(&used), "{name}");
        sh(dir.path(), "rm -rf -- *");
    }
}

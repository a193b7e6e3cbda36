//! Files of many pieces, maps of every depth, directories that must split.

use std::path::Path;

use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::unit::ByteLen;

use super::stage::Stage;
use crate::oracle::{long, sh, sh_output};

fn made(name: &str, dir: &Path, script: &str) -> Stage {
    let image = dir.join("v.img");
    sh(dir, &format!("IMG={}\nDIR={}\n{}\n{script}", image.display(), dir.display(), include_str!("../zoo/ext.sh")));
    Stage::open(name, dir, &image).unwrap()
}

/// What debugfs says lies in a file, in order, from block `lowest` of the volume on: below lie only the blocks of the
/// file's map, which it tells among the others.
fn blocks(stage: &Stage, path: &str, lowest: u64) -> Vec<u64> {
    let out = sh(&stage.dir, &format!("debugfs -R 'blocks {path}' {} 2>/dev/null", stage.image.display()));
    let all = out.split_whitespace().map(|block| block.parse().unwrap());
    all.filter(|block| *block >= lowest).collect()
}

fn lowest(extents: &[Extent]) -> u64 {
    extents.iter().map(|run| run.start.0).min().unwrap_or(0)
}

fn in_order(extents: &[Extent]) -> Vec<u64> {
    extents.iter().flat_map(|run| run.start.0..run.end()).collect()
}

/// Adopts a file of so many pieces, moves half of it, replaces nothing, and releases it.
fn pieces(name: &str, script: &str, count: u64) {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = made(name, dir.path(), script);
    let before: Vec<Extent> = stage.used().runs().collect();
    let extents = stage.free(count, 1);
    assert_eq!(extents.len() as u64, count, "{name}");
    let len = stage.len_of(&extents);
    let ours = Path::new("/LIFEBOAT");
    stage.step("adopt", |edit| edit.adopt(ours, "pieces", &extents, len));
    assert_eq!(blocks(&stage, "/LIFEBOAT/pieces", lowest(&extents)), in_order(&extents), "{name}");
    let every_seventh: ExtentSet = extents.iter().step_by(7).copied().collect();
    stage.reopen();
    // Into the gaps between the pieces.
    let to = stage.free(every_seventh.clusters(), 1);
    stage.step("move every seventh", |edit| edit.relocate(&every_seventh, &to));
    let now = blocks(&stage, "/LIFEBOAT/pieces", lowest(&extents));
    let wanted = in_order(&extents);
    for (index, (now, before)) in now.iter().zip(&wanted).enumerate() {
        assert_eq!(now == before, index % 7 != 0, "{name}: block {index}");
    }
    stage.step("release", |edit| edit.release(ours, "pieces"));
    let after: Vec<Extent> = stage.used().runs().collect();
    assert_eq!(before, after, "{name}");
}

#[test]
fn files_of_many_pieces_get_maps_as_deep_as_they_need() {
    pieces("600 extents", "make 8M -t ext4 -b 1024", 600);
    pieces("600 extents in blocks of 4 KiB", "make 24M -t ext4 -b 4096", 600);
    pieces("20,000 extents", "make 48M -t ext4 -b 1024 -O ^has_journal", 20_000);
    pieces("double indirect", "make 8M -t ext2 -b 1024", 2500);
    if long() {
        pieces("triple indirect", "make 160M -t ext2 -b 1024", 70_000);
        pieces("65,000 extents", "make 160M -t ext4 -b 1024 -O ^metadata_csum,64bit", 65_000);
    }
}

#[test]
fn a_triple_indirect_map_of_one_run_is_read_by_the_kernel() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = made("triple", dir.path(), "make 96M -t ext2 -b 1024");
    let extents = stage.free(70_000, 70_000);
    let len = stage.len_of(&extents);
    stage.step("adopt", |edit| edit.adopt(Path::new("/"), "long", &extents, len));
    assert_eq!(blocks(&stage, "/long", lowest(&extents)), in_order(&extents));
    stage.step("release", |edit| edit.release(Path::new("/"), "long"));
}

#[test]
fn a_hundred_thousand_files_are_no_obstacle() {
    if !long() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let fill =
        "into; for d in $(seq 100); do mkdir d$d; for n in $(seq 1000); do echo $d.$n > d$d/f$n; done; done; away";
    let started = std::time::Instant::now();
    let mut stage = made("many", dir.path(), &format!("make 400M -t ext4 -b 1024 -N 120000; {fill}"));
    println!("100,000 files, made, checked and opened: {:?}", started.elapsed());
    let before = stage.walk(&stage.image, "LIFEBOAT").unwrap();
    assert!(before.lines().count() > 200_000);
    let extents = stage.free(200, 1);
    let len = stage.len_of(&extents);
    let used: Vec<Extent> = stage.used().runs().collect();
    stage.step("adopt", |edit| edit.adopt(Path::new("/LIFEBOAT"), "image", &extents, len));
    stage.step("release", |edit| edit.release(Path::new("/LIFEBOAT"), "image"));
    assert_eq!(used, stage.used().runs().collect::<Vec<_>>());
    stage.reopen();
    let started = std::time::Instant::now();
    let from: ExtentSet = stage.contents().into_iter().step_by(2).take(20_000).collect();
    let to = stage.free(from.clusters(), 7);
    stage.step("relocate", |edit| edit.relocate(&from, &to));
    println!("{} blocks moved, and judged: {:?}", from.clusters(), started.elapsed());
    assert!(before == stage.walk(&stage.image, "LIFEBOAT").unwrap(), "files changed");
}

/// Adopts empty files until there are `count`, judged now and then; all are found by the kernel through the index.
fn names(name: &str, script: &str, directory: &str, count: usize) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = made(name, dir.path(), script);
    for number in 0..count {
        let file = format!("{}-{number}", "n".repeat(number * 7 % 200));
        let act = |edit: &mut dyn lifeboat::fs::Edit| edit.adopt(Path::new(directory), &file, &[], ByteLen(0));
        if number % 64 == 63 || number + 1 == count {
            stage.step("adopt", act);
        } else {
            act(stage.edit.as_mut()).unwrap_or_else(|error| panic!("{name}: {file}: {error}"));
        }
    }
    let script = format!(
        "mkdir -p m; mount -o loop {0} m; trap 'cd /; umount {1}/m' EXIT; cd m{directory}
         for n in $(ls -U | grep -e '-'); do [ -e \"$n\" ]; done; ls -U | wc -l
         for i in $(seq 40); do echo > kernel-$i; done; rm -f n*[13579]; cd /; umount {1}/m; trap - EXIT; e2fsck -fn {0}",
        stage.image.display(),
        stage.dir.display()
    );
    let output = sh_output(&stage.dir, &script);
    assert!(
        output.status.success(),
        "{name}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    count
}

#[test]
fn directories_take_names_until_blocks_and_nodes_split() {
    let mut edits = 0;
    let some = if long() { 3000 } else { 150 };
    // The index's root is full at 123 leaves of 1 KiB: these directories gain a level on the way.
    let nearly_full = "into; mkdir d; cd d; for i in $(seq 1700); do : > a-file-with-a-rather-long-name-so-that-few-fit-a-block-$i; done; away";
    edits += names("htree", &format!("make 48M -t ext4 -b 1024 -N 8192; {nearly_full}"), "/d", some);
    edits += names("htree ext3", &format!("make 48M -t ext3 -b 1024 -N 8192; {nearly_full}"), "/d", some);
    edits += names("linear", "make 24M -t ext4 -b 1024 -N 4096 -O ^dir_index,^metadata_csum", "/new", 100);
    edits += names("linear with checksums", "make 24M -t ext4 -b 4096 -N 4096", "/new", 100);
    edits += names("inline", "make 24M -t ext4 -b 1024 -N 4096 -O inline_data -I 256; into; mkdir d; away", "/d", 60);
    edits += names("bigalloc", "make 48M -t ext4 -b 1024 -O bigalloc -C 8192 -N 4096", "/new", 100);
    println!("{edits} names adopted");
}

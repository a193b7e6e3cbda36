//! Where images and volumes may be: parts, pipes, larger targets, partitions, loop devices; and where they may not.

use std::process::Stdio;

use super::stage::{Family, MOUNT_NTFS, Stage};
use crate::oracle::lifeboat;

/// An ext4 volume with incompressible content, 24 MiB.
fn ext4(stage: &Stage) {
    stage.sh("mkdir tree; head -c 14M /dev/urandom > tree/random; seq 1 5000 | split -l 10 - tree/small-
              truncate -s 24M v.img; mke2fs -q -F -t ext4 -d tree v.img");
}

fn fat32(stage: &Stage) {
    stage
        .sh("truncate -s 40M v.img; mkfs.fat -F 32 -s 1 -h 63 v.img >/dev/null; seq 1 90000 > a; mcopy -i v.img a ::/");
}

fn ntfs(stage: &Stage) {
    stage.sh(&format!(
        "{MOUNT_NTFS} truncate -s 24M v.img; mkntfs -q -Q -F -p 63 -H 255 -S 63 v.img >/dev/null 2>&1
         mount_ntfs v.img; trap umount_ntfs EXIT; seq 1 90000 > m/a"
    ));
}

fn hidden_sectors(stage: &Stage, name: &str, at: u64) -> u64 {
    stage.sh(&format!("od -An -tu4 -j{} -N4 {name}", at + 28)).trim().parse().unwrap()
}

#[test]
fn a_split_image_comes_back_and_its_parts_concatenated_are_the_image() {
    let stage = Stage::new();
    ext4(&stage);
    stage.back_up("v.img", "--split 8M");
    assert!(stage.path("x.001").exists() && stage.len("x.lbi") <= 8 << 20 && stage.len("x.001") <= 8 << 20);
    stage.ends("verify x.lbi", 0);
    stage.restore("v.img", "w.img");
    stage.same(Family::Ext, "v.img", "w.img");
    // Stock tools and a single file alike.
    stage.sh("cat x.lbi x.00* > y.img; mkdir one; mv y.img one/x.lbi; truncate -s 24M s.img
              zstd -qdc one/x.lbi | partclone.restore -L log -q -C -s - -O s.img >/dev/null 2>&1; e2fsck -fn s.img");
    stage.ends("verify one/x.lbi", 0);
    std::fs::remove_file(stage.path("x.001")).unwrap();
    let before = stage.digest("w.img");
    stage.ends("restore x.lbi --to w.img --yes", 3);
    assert_eq!(stage.digest("w.img"), before, "an image without one of its parts was restored");
}

#[test]
fn an_image_goes_through_pipes_both_ways() {
    let stage = Stage::new();
    ext4(&stage);
    stage.old_target("w.img", stage.len("v.img"));
    let pipe = |words: &str, input: Stdio, output: Stdio| {
        let mut command = lifeboat();
        command.args(words.split_whitespace()).current_dir(stage.dir()).env("XDG_STATE_HOME", stage.path("state"));
        command.stdin(input).stdout(output).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut backup = pipe("backup v.img --to -", Stdio::null(), Stdio::piped());
    let image = Stdio::from(backup.stdout.take().unwrap());
    let mut restore = pipe("restore - --to w.img --yes", image, Stdio::null());
    assert!(backup.wait().unwrap().success() && restore.wait().unwrap().success());
    stage.same(Family::Ext, "v.img", "w.img");
}

#[test]
fn a_pipe_that_ends_early_leaves_a_target_that_says_it_is_unfinished() {
    let stage = Stage::new();
    ext4(&stage);
    stage.back_up("v.img", "");
    stage.old_target("w.img", stage.len("v.img"));
    let half = stage.len("x.lbi") / 2;
    let bin = env!("CARGO_BIN_EXE_lifeboat");
    let code = stage.sh(&format!(
        "export XDG_STATE_HOME=$PWD/state; head -c {half} x.lbi | {bin} restore - --to w.img --yes >/dev/null 2>&1 && echo 0 || echo $?"
    ));
    assert_eq!(code.trim(), "1");
    assert_eq!(stage.volume("w.img")["kind"], "unfinished");
    stage.ends("restore x.lbi --to w.img --yes", 0);
    stage.same(Family::Ext, "v.img", "w.img");
}

#[test]
fn on_a_larger_target_the_volume_keeps_its_size_and_what_is_behind_it_stays() {
    let stage = Stage::new();
    ext4(&stage);
    stage.back_up("v.img", "");
    stage.old_target("w.img", stage.len("v.img") + (3 << 20) + 512);
    let said = stage.ends("restore x.lbi --to w.img --yes", 0);
    assert!(said.contains("larger"), "{said}");
    stage.sh("tail -c +$((24 * 1048576 + 1)) w.img | tr -d '\\245' | wc -c | grep -qx 0");
    stage.same(Family::Ext, "v.img", "w.img");
}

#[test]
fn free_clusters_of_the_target_stay_as_they_were_unless_zeros_are_asked_for() {
    let stage = Stage::new();
    ext4(&stage);
    stage.back_up("v.img", "");
    stage.restore("v.img", "w.img");
    // The last block is free in both; dumpe2fs agrees.
    let tail = "tail -c 4096 w.img | tr -d '\\245' | wc -c";
    assert_eq!(stage.sh(tail).trim(), "0");
    stage.ends("restore x.lbi --to w.img --yes --zero-free", 0);
    assert_eq!(stage.sh(tail).trim(), "4096");
    stage.same(Family::Ext, "v.img", "w.img");
    stage.old_target("w.img", stage.len("v.img"));
    stage.ends("restore x.lbi --to w.img --yes --discard", 0);
    stage.same(Family::Ext, "v.img", "w.img");
}

#[test]
fn a_target_that_is_too_small_is_refused_with_the_missing_bytes_and_not_touched() {
    let stage = Stage::new();
    ext4(&stage);
    stage.back_up("v.img", "");
    stage.old_target("w.img", stage.len("v.img") - 512);
    let before = stage.digest("w.img");
    let said = stage.ends("restore x.lbi --to w.img --yes", 3);
    assert!(said.contains("512 bytes are missing"), "{said}");
    assert_eq!(stage.digest("w.img"), before);
}

#[test]
fn without_yes_nothing_is_restored_and_dry_run_writes_nothing() {
    let stage = Stage::new();
    ext4(&stage);
    stage.ends("backup v.img --to x.lbi --dry-run", 0);
    assert!(!stage.path("x.lbi").exists());
    stage.back_up("v.img", "");
    stage.old_target("w.img", stage.len("v.img"));
    let before = stage.digest("w.img");
    stage.ends("restore x.lbi --to w.img", 3);
    stage.ends("restore x.lbi --to w.img --dry-run", 0);
    assert_eq!(stage.digest("w.img"), before);
}

/// Partition 2 of a fresh disk, at sector 10240, large enough for the volume.
const TABLES: [(&str, &str); 2] = [("gpt", "label: gpt"), ("mbr", "label: dos")];

#[test]
fn fat_and_ntfs_restored_into_a_partition_know_where_they_lie() {
    for (family, make, own) in [(Family::Fat, fat32 as fn(&Stage), 63), (Family::Ntfs, ntfs as fn(&Stage), 63)] {
        for (name, label) in TABLES {
            let stage = Stage::new();
            make(&stage);
            assert_eq!(hidden_sectors(&stage, "v.img", 0), own);
            // As made on a disk where the volume lay at sector 63, so that the field is kept up.
            stage.sh(&format!(
                "truncate -s 64M from.img; printf '{label}\\nstart=63,size={}\\n' | sfdisk -q from.img
                 dd if=v.img of=from.img bs=512 seek=63 conv=notrunc status=none
                 truncate -s 128M disk.img; printf '{label}\\nstart=2048,size=2048\\nstart=10240,size=131072\\n' | sfdisk -q disk.img",
                stage.len("v.img") / 512,
                label = label.replace("gpt", "gpt\\nfirst-lba: 34").as_str(),
            ));
            let before = stage.sh("sfdisk -d disk.img; dd if=disk.img bs=512 count=10240 status=none | sha256sum");
            stage.ends("backup from.img:1 --to x.lbi", 0);
            stage.ends("restore x.lbi --to disk.img:2 --yes", 0);
            let after = stage.sh("sfdisk -d disk.img; dd if=disk.img bs=512 count=10240 status=none | sha256sum");
            assert_eq!(before, after, "{name}: something outside the partition was written");
            assert_eq!(hidden_sectors(&stage, "disk.img", 10240 * 512), 10240, "{family:?} {name}");
            let sectors = stage.len("v.img") / 512;
            stage.sh(&format!("dd if=disk.img of=w.img bs=512 skip=10240 count={sectors} status=none"));
            let copy = if family == Family::Fat { 6 * 512 } else { stage.len("v.img") - 512 };
            assert_eq!(hidden_sectors(&stage, "w.img", copy), 10240, "{family:?} {name}: the backup boot sector");
            stage.clean(family, "w.img");
            assert_eq!(
                stage.mounted_digest(family, "v.img", "a"),
                stage.mounted_digest(family, "w.img", "a"),
                "{family:?} {name}"
            );
            // Back at its old place it is the same volume, byte for byte where it is used.
            stage.ends("backup disk.img:2 --to back.lbi", 0);
            stage.sh("mv x.lbi first.lbi; mv back.lbi x.lbi");
            stage.ends("restore x.lbi --to from.img:1 --yes", 0);
            stage.sh(&format!(
                "cmp <(dd if=from.img bs=512 skip=63 count={} status=none) v.img",
                stage.len("v.img") / 512
            ));
        }
    }
}

#[test]
fn a_volume_comes_back_onto_a_loop_device_and_a_mounted_one_is_refused() {
    let stage = Stage::new();
    ext4(&stage);
    stage.back_up("v.img", "");
    stage.old_target("w.img", stage.len("v.img"));
    let node = stage.sh("losetup --find --show w.img").trim().to_owned();
    let detach = Detach(&stage, node.clone());
    stage.ends(&format!("restore x.lbi --to {node} --yes"), 0);
    stage.sh(&format!("mkdir -p mnt; mount -o ro {node} mnt"));
    let (refused, code) = {
        let output = stage.run(&format!("restore x.lbi --to {node} --yes"));
        (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
    };
    stage.sh("umount mnt");
    assert_eq!(code, Some(3), "{refused}");
    assert!(refused.contains("mounted"), "{refused}");
    // The node itself as a source gives the same image content.
    stage.ends(&format!("backup {node} --to y.lbi"), 0);
    drop(detach);
    stage.same(Family::Ext, "v.img", "w.img");
    stage.sh("cmp <(zstd -qdc x.lbi) <(zstd -qdc y.lbi)");
}

/// Detaches a loop device, whatever the test comes to.
struct Detach<'a>(&'a Stage, String);

impl Drop for Detach<'_> {
    fn drop(&mut self) {
        let _ = crate::oracle::sh_output(self.0.dir(), &format!("umount mnt 2>/dev/null; losetup -d {}", self.1));
    }
}

#[test]
fn the_image_is_never_written_over_something_that_is_there() {
    let stage = Stage::new();
    ext4(&stage);
    stage.back_up("v.img", "");
    let before = stage.digest("x.lbi");
    stage.ends("backup v.img --to x.lbi", 3);
    stage.ends("restore x.lbi --to x.lbi --yes", 3);
    assert_eq!(stage.digest("x.lbi"), before);
}

#[test]
fn a_volume_is_not_restored_over_the_table_of_a_whole_disk() {
    let stage = Stage::new();
    ext4(&stage);
    stage.back_up("v.img", "");
    stage.sh("truncate -s 40M d.img; echo 'start=2048,type=L' | sfdisk -q -X gpt d.img");
    let before = stage.digest("d.img");
    stage.ends("restore x.lbi --to d.img --yes", 3);
    assert_eq!(stage.digest("d.img"), before);
    // An image of the whole disk may go over the table of another.
    stage.ends("backup d.img --to d.lbi", 0);
    stage.sh("truncate -s 40M e.img; echo 'start=4096,type=L' | sfdisk -q -X dos e.img");
    stage.ends("restore d.lbi --to e.img --yes", 0);
    assert_eq!(stage.digest("e.img"), before);
}

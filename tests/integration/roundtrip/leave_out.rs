//! Files that are left out of an image: their clusters come back as zeros, and the volume is clean all the same.

use super::stage::{Family, MOUNT_NTFS, Stage, digest_of_zeros};

const LEN: u64 = 3_000_000;

/// `file` is left out and reads as zeros in the copy; `kept` is there.
fn left_out(stage: &Stage, family: Family, words: &str, file: &str) {
    stage.back_up("v.img", words);
    let info = stage.json("info x.lbi --json").to_string();
    assert!(info.contains(file), "{file} is not listed in {info}");
    // What the target held before must not show in the file.
    stage.restore("v.img", "w.img");
    stage.same_verdict(family, "v.img", "w.img");
    stage.clean(family, "w.img");
    assert_eq!(stage.mounted_digest(family, "w.img", file), digest_of_zeros(stage, LEN));
    assert_eq!(stage.mounted_digest(family, "w.img", "kept"), stage.mounted_digest(family, "v.img", "kept"));
    std::fs::remove_file(stage.path("x.lbi")).unwrap();
}

#[test]
fn the_paging_file_of_a_fat_volume_is_left_out() {
    for (len, shape) in [("16M", "-F 16 -s 4"), ("40M", "-F 32 -s 1")] {
        let stage = Stage::new();
        stage.sh(&format!(
            "truncate -s {len} v.img; mkfs.fat {shape} v.img >/dev/null; head -c {LEN} /dev/urandom > pagefile.sys
             seq 1 9000 > kept; mcopy -i v.img pagefile.sys kept ::/"
        ));
        left_out(&stage, Family::Fat, "", "pagefile.sys");
        // Kept when asked for.
        stage.round_trip(Family::Fat, "--no-default-excludes");
    }
}

#[test]
fn the_paging_and_swap_files_of_an_ntfs_volume_are_left_out() {
    let stage = Stage::new();
    stage.sh(&format!(
        "{MOUNT_NTFS} truncate -s 24M v.img; mkntfs -q -Q -F v.img >/dev/null 2>&1; mount_ntfs v.img; trap umount_ntfs EXIT
         head -c {LEN} /dev/urandom > m/pagefile.sys; head -c {LEN} /dev/urandom > m/SwapFile.sys; seq 1 9000 > m/kept"
    ));
    left_out(&stage, Family::Ntfs, "", "pagefile.sys");
    left_out(&stage, Family::Ntfs, "", "SwapFile.sys");
    stage.round_trip(Family::Ntfs, "--no-default-excludes");
}

#[test]
fn files_that_match_a_pattern_are_left_out_of_an_ext_image() {
    for shape in ["-t ext4", "-t ext2 -b 1024"] {
        let stage = Stage::new();
        stage.sh(&format!(
            "mkdir -p tree; head -c {LEN} /dev/urandom > tree/medium.iso; seq 1 9000 > tree/kept
             truncate -s 24M v.img; mke2fs -q -F {shape} -d tree v.img"
        ));
        left_out(&stage, Family::Ext, "--exclude *.iso", "medium.iso");
        // A pagefile.sys on ext is a file like any other.
        stage.round_trip(Family::Ext, "");
    }
}

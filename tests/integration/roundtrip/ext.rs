//! ext2, ext3 and ext4: made by mke2fs, filled by the kernel, judged by e2fsck, dumpe2fs and the kernel.

use super::stage::{Family, Stage, number};
use crate::oracle::long;

/// Shapes of volume, as mke2fs is told.
const SHAPES: [&str; 14] = [
    "-t ext4 -b 4096",
    "-t ext2 -b 1024",
    "-t ext3 -b 2048",
    "-t ext4 -b 1024 -g 1024",
    "-t ext2 -b 4096 -O ^sparse_super,^resize_inode -I 128",
    "-t ext3 -b 1024",
    "-t ext4 -O bigalloc -C 16384",
    "-t ext4 -O meta_bg,^resize_inode -b 1024 -g 1024",
    "-t ext4 -O ^has_journal,^flex_bg,uninit_bg,^metadata_csum",
    "-t ext4 -O inline_data -I 512",
    "-t ext4 -O sparse_super2 -b 1024 -g 2048",
    "-t ext4 -b 2048",
    "-t ext2 -b 2048",
    "-t ext3 -b 4096",
];

const FULL: &str =
    "dd if=/dev/urandom of=fill bs=64k 2>/dev/null || true; df --output=avail . | tail -1 | grep -qx ' *0'";
const FRAGMENTED: &str =
    "head -c 30M /dev/urandom | split -b 12k -a 4 - part- 2>/dev/null || true; rm part-*[acegikmoqsuwy]
    dd if=/dev/urandom of=scattered bs=64k 2>/dev/null || true; rm part-*[bdfhj]";
const MANY: &str = "mkdir many; seq 1 20000 | split -l 10 -a 4 - many/a-file-with-a-longish-name- 2>/dev/null || true";
const SPARSE: &str = "truncate -s 300M sparse; printf tail | dd of=sparse bs=1 seek=250000000 conv=notrunc status=none
    for i in $(seq 0 40); do printf $i | dd of=sparse bs=1 seek=$((i * 70000)) conv=notrunc status=none; done";
const DEEP: &str =
    "mkdir -p $(printf 'd/%.0s' {1..80}); echo bottom > $(printf 'd/%.0s' {1..80})file; echo middle > d/d/d/file";
const NAMES: &str = r#": > " leading and trailing "; echo 1 > $'new\nline'; echo 2 > $'\xff\xfe not utf-8'; echo 3 > "$(printf 'n%.0s' {1..255})"
    echo 4 > 'ä€😀'; echo 5 > 'back\slash:star*?'; ln -s ' leading and trailing ' link; ln -s $(printf 'q%.0s' {1..200}) long-link; ln 'ä€😀' hard
    mkfifo fifo; mknod null c 1 3; mkdir CON; : > CON/aux.txt; setfattr -n user.note -v yes 'ä€😀'; chmod 4711 'back\slash:star*?'; touch -d 1969-12-31 link"#;

/// Makes the shape, fills it, and takes it there and back.
fn trip(shape: &str, fill: &str) {
    let stage = Stage::new();
    make(&stage, shape, fill);
    stage.clean(Family::Ext, "v.img");
    stage.round_trip(Family::Ext, "");
}

fn make(stage: &Stage, shape: &str, fill: &str) {
    stage.sh(&format!(
        "truncate -s 24M v.img; mke2fs -q -F -L trip {shape} v.img 2>/dev/null; mkdir m; mount -o loop v.img m
         trap 'cd {}; umount m' EXIT; cd m; {fill}",
        stage.dir().display()
    ));
}

/// The fill in the given shapes; in all of them when the full matrix is wanted.
fn trips(default: &[usize], fill: &str) {
    for (index, shape) in SHAPES.iter().enumerate() {
        if long() || default.contains(&index) {
            trip(shape, fill);
        }
    }
}

#[test]
fn fresh_ext_volumes_of_every_shape_come_back() {
    trips(&(0..SHAPES.len()).collect::<Vec<_>>(), ":");
}

#[test]
fn full_ext_volumes_come_back() {
    trips(&[0, 1], FULL);
}

#[test]
fn fragmented_ext_volumes_come_back() {
    trips(&[0, 1, 6], FRAGMENTED);
}

#[test]
fn ext_volumes_of_many_small_files_come_back() {
    trips(&[2, 9], MANY);
}

#[test]
fn ext_volumes_with_a_huge_sparse_file_come_back() {
    trips(&[3, 5], SPARSE);
}

#[test]
fn ext_volumes_with_a_deep_tree_come_back() {
    trips(&[4, 7], DEEP);
}

#[test]
fn ext_volumes_with_unusual_names_come_back() {
    trips(&[8, 10, 13], NAMES);
}

#[test]
fn ext_blocks_of_64_kib_come_back_though_this_kernel_cannot_mount_them() {
    let stage = Stage::new();
    stage.sh("mkdir tree; seq 1 20000 | split -l 100 -a 4 - tree/; truncate -s 64M v.img
              mke2fs -q -F -t ext4 -b 65536 -d tree v.img 2>/dev/null");
    stage.back_up("v.img", "");
    stage.restore("v.img", "w.img");
    stage.clean(Family::Ext, "w.img");
    stage.same_verdict(Family::Ext, "v.img", "w.img");
    stage.sh("mkdir out; debugfs -R 'rdump / out' w.img 2>/dev/null; rm -rf out/lost+found; diff -r tree out");
}

#[test]
fn used_ext_blocks_are_those_of_dumpe2fs_and_of_partclones_bitmap() {
    for shape in [SHAPES[0], SHAPES[1], SHAPES[2], SHAPES[3], SHAPES[8]] {
        let stage = Stage::new();
        make(&stage, shape, FRAGMENTED);
        let head = stage.sh("dumpe2fs -h v.img 2>/dev/null");
        let (blocks, free) = (number(&head, "Block count:"), number(&head, "Free blocks:"));
        // The superblock does not count the block before the first group as free, nor can it be used by a file.
        assert_eq!(stage.volume("v.img")["used_clusters"], blocks - free, "{shape}");
        stage.back_up("v.img", "");
        let bytes = blocks.div_ceil(8);
        stage.sh(&format!(
            "zstd -qdc x.lbi >ours; partclone.extfs -L log -q -c -s v.img -o theirs >/dev/null 2>&1
             cmp -i 110 -n {bytes} ours theirs"
        ));
    }
}

#[test]
fn a_faulty_ext_volume_comes_back_with_the_very_same_faults() {
    for fault in ["freeb 4200 300", "clri <13>", "setb 2000 100", "sif <12> links_count 7", "sif <2> size 17"] {
        let stage = Stage::new();
        make(&stage, SHAPES[0], "echo a > a; echo b > b; mkdir c; head -c 8M /dev/urandom > big");
        stage.sh(&format!("debugfs -w -R '{fault}' v.img 2>/dev/null"));
        let found = stage.verdict(Family::Ext, "v.img");
        assert!(!found.contains("code 0\n"), "{fault} did not make it faulty:\n{found}");
        stage.back_up("v.img", "--even-if-dirty");
        stage.restore("v.img", "w.img");
        // The checker may read blocks that are marked free: those are not in an image.
        if fault.starts_with("freeb") {
            assert_eq!(checker_lines(&stage, "v.img"), checker_lines(&stage, "w.img"));
        } else {
            stage.same_verdict(Family::Ext, "v.img", "w.img");
        }
    }
}

fn checker_lines(stage: &Stage, name: &str) -> String {
    stage.sh(&format!("(e2fsck -fn {name} 2>&1 || true) | sed s/{name}/VOLUME/"))
}

#[test]
fn an_ext_volume_with_a_journal_to_replay_is_refused_and_comes_back_with_it_when_told_to() {
    let stage = Stage::new();
    stage.sh("truncate -s 24M live.img; mke2fs -q -F -t ext4 live.img; mkdir m; mount -o loop live.img m
              trap 'umount m' EXIT; seq 1 50000 > m/file; sync; echo later > m/later; sync -f m/later; cp live.img v.img");
    assert_eq!(stage.volume("v.img")["state"], "journal");
    let before = stage.digest("v.img");
    let said = stage.ends("backup v.img --to x.lbi", 3);
    assert!(said.contains("journal") && said.contains("--even-if-dirty"), "{said}");
    assert!(!stage.path("x.lbi").exists() && stage.digest("v.img") == before);
    stage.round_trip(Family::Ext, "--even-if-dirty");
    // Replayed by its own file system, the copy is whole.
    stage.back_up("v.img", "--even-if-dirty");
    stage.restore("v.img", "w.img");
    stage.sh("e2fsck -fp w.img >/dev/null || test $? = 1; e2fsck -fn w.img");
    assert!(stage.mounted_digest(Family::Ext, "w.img", "later").starts_with(&stage.sh("echo later | sha256sum")));
}

#[test]
fn stock_tools_restore_an_ext_image_to_a_clean_volume() {
    for shape in [SHAPES[0], SHAPES[1]] {
        let stage = Stage::new();
        make(&stage, shape, NAMES);
        stage.back_up("v.img", "");
        stage.old_target("w.img", stage.len("v.img"));
        stage.sh("zstd -qdc x.lbi | partclone.restore -L log -q -C -s - -O w.img >/dev/null 2>&1");
        stage.clean(Family::Ext, "w.img");
        stage.same(Family::Ext, "v.img", "w.img");
    }
}

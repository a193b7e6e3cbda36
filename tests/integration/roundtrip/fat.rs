//! FAT12, FAT16 and FAT32: made by mkfs.fat, filled by mtools, judged by fsck.fat and mtools.

use super::stage::{Family, Stage, number};
use crate::oracle::long;

/// Shapes of volume: length, and what mkfs.fat is told.
const SHAPES: [(&str, &str); 10] = [
    ("40M", "-F 32 -s 1"),
    ("16M", "-F 16 -s 4"),
    ("4M", "-F 12 -s 4"),
    ("1440K", "-F 12 -s 1"),
    ("64M", "-F 16 -s 16"),
    ("300M", "-F 32 -s 8 -R 64"),
    ("48M", "-F 16 -s 8 -f 1 -r 1024"),
    ("40M", "-F 32 -s 1 -S 512 -b 8"),
    ("24M", "-F 16 -S 4096 -s 1"),
    ("12M", "-F 12 -s 8 -f 2"),
];

/// Fills make their files in `in`; these are then copied in.
const FULL: &str = "head -c 64M /dev/urandom | split -b 700000 -a 3 - in/fill-";
const FRAGMENTED: &str =
    "head -c 1M /dev/urandom | split -b 3000 -a 3 - in/part-; mcopy -Q -i v.img in/* ::/ 2>/dev/null || true
    mdel -i v.img '::/part-*[acegikmoqsuwy]'; rm in/*; head -c 400000 /dev/urandom > in/scattered";
const MANY: &str = "mkdir in/many; seq 1 1500 | split -l 5 -a 3 - in/many/a-file-with-a-longish-name-";
const LARGE: &str = "head -c 900000 /dev/urandom > in/large; : > in/empty";
const DEEP: &str = "mkdir -p in/$(printf 'd/%.0s' {1..60}); echo bottom > in/$(printf 'd/%.0s' {1..60})file";
const NAMES: &str = r#"echo 1 > 'in/Grüße, 世界 😀.txt'; echo 2 > "in/$(printf 'n%.0s' {1..251}).txt"; echo 3 > in/.hidden.dots; echo 4 > in/lower.txt
    echo 5 > in/UPPER.TXT; echo 6 > in/MiXeD.TxT; echo 7 > 'in/with space'; echo 8 > in/a+b,c=d; : > in/å; touch -d '1999-12-31 23:59:58' in/lower.txt"#;

fn trip((len, shape): (&str, &str), fill: &str) {
    let stage = Stage::new();
    make(&stage, len, shape, fill);
    stage.clean(Family::Fat, "v.img");
    stage.round_trip(Family::Fat, "");
}

fn make(stage: &Stage, len: &str, shape: &str, fill: &str) {
    stage.sh(&format!(
        "truncate -s {len} v.img; mkfs.fat -n TRIP {shape} v.img >/dev/null; mkdir in; {fill}
         shopt -s nullglob dotglob; for file in in/*; do mcopy -s -m -Q -i v.img \"$file\" ::/ 2>/dev/null || true; done"
    ));
}

fn trips(default: &[usize], fill: &str) {
    for (index, shape) in SHAPES.iter().enumerate() {
        if long() || default.contains(&index) {
            trip(*shape, fill);
        }
    }
}

#[test]
fn fresh_fat_volumes_of_every_shape_come_back() {
    trips(&(0..SHAPES.len()).collect::<Vec<_>>(), ":");
}

#[test]
fn full_fat_volumes_come_back() {
    trips(&[1, 2, 3], FULL);
}

#[test]
fn fragmented_fat_volumes_come_back() {
    trips(&[0, 2, 8], FRAGMENTED);
}

#[test]
fn fat_volumes_of_many_small_files_come_back() {
    trips(&[4, 7], MANY);
}

#[test]
fn fat_volumes_with_a_large_file_come_back() {
    trips(&[3, 6], LARGE);
}

#[test]
fn fat_volumes_with_a_deep_tree_come_back() {
    trips(&[0, 9], DEEP);
}

#[test]
fn fat_volumes_with_unusual_names_come_back() {
    trips(&[0, 1, 2], NAMES);
}

#[test]
fn used_fat_clusters_are_those_of_fsck_and_of_partclone() {
    for (len, shape) in [SHAPES[0], SHAPES[1], SHAPES[2], SHAPES[6]] {
        let stage = Stage::new();
        make(&stage, len, shape, FRAGMENTED);
        let said = stage.sh("fsck.fat -v -n v.img");
        let counts = said.lines().last().unwrap().rsplit(", ").next().unwrap().trim_end_matches(" clusters").to_owned();
        let (used, total) = counts.split_once('/').unwrap();
        let volume = stage.volume("v.img");
        assert_eq!(volume["used_clusters"].to_string(), used, "{shape}");
        assert_eq!(volume["clusters"].to_string(), total, "{shape}");
        // partclone counts what lies before the first cluster, too.
        let said = stage.sh("partclone.vfat -L log -c -s v.img -o theirs 2>&1");
        let block = number(&said, "Block size:");
        let used_bytes = used.parse::<u64>().unwrap() * volume["cluster_bytes"].as_u64().unwrap();
        let theirs = said.split("Space in use:").nth(1).unwrap();
        let blocks: u64 = theirs.split("= ").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
        stage.back_up("v.img", "");
        let ours = stage.json("info x.lbi --json");
        assert!(blocks * block >= used_bytes, "{shape}: {blocks} blocks, {used_bytes} bytes\n{ours}");
    }
}

#[test]
fn a_faulty_fat_volume_comes_back_with_the_very_same_faults() {
    // The second FAT differs; a chain leads nowhere; a size is wrong; both dirty bits.
    let faults = [
        "printf '\\x77\\x07' | dd of=v.img bs=1 seek=$((512 * (1 + fat) + 20)) conv=notrunc status=none",
        "for at in 1 $((1 + fat)); do printf '\\x34\\x12' | dd of=v.img bs=1 seek=$((512 * at + 40)) conv=notrunc status=none; done",
        "for at in 1 $((1 + fat)); do printf '\\xf8\\xff\\xff\\x3f' | dd of=v.img bs=1 seek=$((512 * at)) conv=notrunc status=none; done",
        "printf '\\x01' | dd of=v.img bs=1 seek=37 conv=notrunc status=none",
    ];
    for fault in faults {
        let stage = Stage::new();
        make(&stage, "16M", "-F 16 -s 4 -R 1", LARGE);
        stage.sh(&format!("fat=$(od -An -tu2 -j22 -N2 v.img); {fault}"));
        stage.back_up("v.img", "--even-if-dirty");
        stage.restore("v.img", "w.img");
        stage.same_verdict(Family::Fat, "v.img", "w.img");
    }
}

#[test]
fn a_dirty_fat_volume_is_refused_and_comes_back_dirty_when_told_to() {
    for (len, shape, at) in [("16M", "-F 16", 37), ("40M", "-F 32 -s 1", 65)] {
        let stage = Stage::new();
        make(&stage, len, shape, NAMES);
        stage.sh(&format!("printf '\\x01' | dd of=v.img bs=1 seek={at} conv=notrunc status=none"));
        assert_eq!(stage.volume("v.img")["state"], "dirty");
        let said = stage.ends("backup v.img --to x.lbi", 3);
        assert!(said.contains("dirty") && said.contains("--even-if-dirty"), "{said}");
        assert!(!stage.path("x.lbi").exists());
        stage.round_trip(Family::Fat, "--even-if-dirty");
    }
}

#[test]
fn stock_tools_restore_a_fat_image_to_a_clean_volume() {
    for (len, shape) in [SHAPES[0], SHAPES[1], SHAPES[2]] {
        let stage = Stage::new();
        make(&stage, len, shape, NAMES);
        stage.back_up("v.img", "");
        stage.old_target("w.img", stage.len("v.img"));
        stage.sh("zstd -qdc x.lbi | partclone.restore -L log -q -C -s - -O w.img >/dev/null 2>&1");
        stage.clean(Family::Fat, "w.img");
        stage.same(Family::Fat, "v.img", "w.img");
    }
}

//! NTFS: made by mkntfs, filled through ntfs-3g, judged by ntfsfix, ntfsinfo, ntfscluster and ntfs-3g.

use super::stage::{Family, MOUNT_NTFS, Stage, number};
use crate::oracle::long;

/// Shapes of volume: length, and what mkntfs is told.
const SHAPES: [(&str, &str); 9] = [
    ("24M", "-c 4096"),
    ("8M", "-c 512"),
    ("16M", "-c 1024"),
    ("16M", "-c 2048"),
    ("32M", "-c 8192"),
    ("48M", "-c 65536"),
    ("64M", "-c 262144"),
    ("150M", "-c 2097152"),
    // 4 KiB sectors bring 4 KiB MFT records.
    ("48M", "-s 4096 -c 4096"),
];

const FULL: &str = "dd if=/dev/urandom of=m/fill bs=64k 2>/dev/null || true";
const FRAGMENTED: &str =
    "head -c 3M /dev/urandom | split -b 10000 -a 3 - m/part- 2>/dev/null || true; rm m/part-*[acegikmoqsuwy]
    head -c 2M /dev/urandom > m/scattered 2>/dev/null || true; rm m/part-*[bdfhj]";
const MANY: &str = "mkdir m/many; seq 1 6000 | split -l 10 -a 3 - m/many/a-file-with-a-longish-name-";
const SPARSE: &str =
    "truncate -s 200M m/sparse; printf tail | dd of=m/sparse bs=1 seek=150000000 conv=notrunc status=none
    for i in $(seq 0 20); do printf $i | dd of=m/sparse bs=1 seek=$((i * 300000)) conv=notrunc status=none; done";
const DEEP: &str = "mkdir -p m/$(printf 'd/%.0s' {1..60}); echo bottom > m/$(printf 'd/%.0s' {1..60})file";
const NAMES: &str = r#"echo 1 > "m/ leading and trailing "; echo 2 > 'm/Grüße, 世界 😀.txt'; echo 3 > "m/$(printf 'n%.0s' {1..255})"; echo 4 > m/.dots..
    echo 5 > m/lower; echo stream > 'm/lower:stream'; ln m/lower m/hard; ln -s lower m/link; touch -d 1969-12-31 m/lower; : > m/CON
    mkdir m/packed; setfattr -h -v 0x00080000 -n system.ntfs_attrib m/packed; seq 1 20000 > m/packed/numbers"#;

fn trip((len, shape): (&str, &str), fill: &str) {
    let stage = Stage::new();
    make(&stage, len, shape, fill);
    stage.clean(Family::Ntfs, "v.img");
    stage.round_trip(Family::Ntfs, "");
}

fn make(stage: &Stage, len: &str, shape: &str, fill: &str) {
    stage.sh(&format!(
        "{MOUNT_NTFS} truncate -s {len} v.img; mkntfs -q -Q -F -L trip {shape} v.img >/dev/null 2>&1
         mount_ntfs v.img -o compression,streams_interface=windows; trap umount_ntfs EXIT; {fill}"
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
fn fresh_ntfs_volumes_of_every_shape_come_back() {
    trips(&(0..SHAPES.len()).collect::<Vec<_>>(), ":");
}

#[test]
fn full_ntfs_volumes_come_back() {
    trips(&[0, 1], FULL);
}

#[test]
fn fragmented_ntfs_volumes_come_back() {
    trips(&[0, 1, 5], FRAGMENTED);
}

#[test]
fn ntfs_volumes_of_many_small_files_come_back() {
    trips(&[2, 8], MANY);
}

#[test]
fn ntfs_volumes_with_a_huge_sparse_file_come_back() {
    trips(&[0, 3], SPARSE);
}

#[test]
fn ntfs_volumes_with_a_deep_tree_come_back() {
    trips(&[4, 6], DEEP);
}

#[test]
fn ntfs_volumes_with_unusual_names_streams_and_packed_files_come_back() {
    trips(&[0, 2], NAMES);
}

#[test]
fn used_ntfs_clusters_are_those_of_ntfsinfo_and_of_partclones_bitmap() {
    for (len, shape) in [SHAPES[0], SHAPES[1], SHAPES[5]] {
        let stage = Stage::new();
        make(&stage, len, shape, FRAGMENTED);
        let said = stage.sh("ntfsinfo -m v.img");
        let (all, free) = (number(&said, "Volume Size in Clusters:"), number(&said, "Free Clusters:"));
        assert_eq!(stage.volume("v.img")["used_clusters"], all - free, "{shape}");
        stage.back_up("v.img", "");
        let bytes = all / 8;
        stage.sh(&format!(
            "zstd -qdc x.lbi >ours; partclone.ntfs -L log -q -c -s v.img -o theirs >/dev/null 2>&1
             cmp -i 110 -n {bytes} ours theirs"
        ));
    }
}

/// Sets the flags in the volume information of the fourth MFT record, in the table and in its mirror.
fn set_volume_flags(stage: &Stage, name: &str, tables: &[usize], flags: u8) {
    let mut bytes = std::fs::read(stage.path(name)).unwrap();
    let cluster = 512 * usize::from(bytes[13]);
    for table in tables {
        let lcn = u64::from_le_bytes(bytes[*table..*table + 8].try_into().unwrap());
        let record = lcn as usize * cluster + 3 * 1024;
        let mut at = record + usize::from(u16::from_le_bytes([bytes[record + 20], bytes[record + 21]]));
        while bytes[at] != 0x70 {
            at += u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        }
        let value = at + usize::from(u16::from_le_bytes([bytes[at + 20], bytes[at + 21]]));
        bytes[value + 10] = flags;
    }
    std::fs::write(stage.path(name), bytes).unwrap();
}

/// Where the boot record names the table's first cluster.
const TABLE: usize = 0x30;
/// The same of its mirror.
const MIRROR: usize = 0x38;

#[test]
fn a_faulty_ntfs_volume_comes_back_with_the_very_same_fault() {
    let stage = Stage::new();
    make(&stage, "24M", "-c 4096", MANY);
    set_volume_flags(&stage, "v.img", &[MIRROR], 0x80);
    assert!(stage.verdict(Family::Ntfs, "v.img").contains("MFTMirr does not match"));
    stage.back_up("v.img", "--even-if-dirty");
    stage.restore("v.img", "w.img");
    stage.same_verdict(Family::Ntfs, "v.img", "w.img");
}

#[test]
fn a_dirty_ntfs_volume_is_refused_and_comes_back_dirty_when_told_to() {
    let stage = Stage::new();
    make(&stage, "24M", "-c 4096", MANY);
    set_volume_flags(&stage, "v.img", &[TABLE, MIRROR], 1);
    assert_eq!(stage.volume("v.img")["state"], "dirty");
    let said = stage.ends("backup v.img --to x.lbi", 3);
    assert!(said.contains("dirty") && said.contains("--even-if-dirty"), "{said}");
    assert!(!stage.path("x.lbi").exists());
    stage.round_trip(Family::Ntfs, "--even-if-dirty");
}

#[test]
fn a_hibernated_ntfs_volume_is_refused_and_comes_back_hibernated_when_told_to() {
    let stage = Stage::new();
    make(&stage, "24M", "-c 4096", "(printf hibr; head -c 100000 /dev/zero) > m/hiberfil.sys; echo a > m/a");
    assert_eq!(stage.volume("v.img")["state"], "hibernated");
    let said = stage.ends("backup v.img --to x.lbi", 3);
    assert!(said.contains("hibernated") && said.contains("--even-if-dirty"), "{said}");
    stage.back_up("v.img", "--even-if-dirty --no-default-excludes");
    stage.restore("v.img", "w.img");
    stage.same(Family::Ntfs, "v.img", "w.img");
    assert_eq!(stage.volume("w.img")["state"], "hibernated");
}

#[test]
fn stock_tools_restore_an_ntfs_image_to_a_clean_volume_with_its_backup_boot_sector() {
    for (len, shape) in [SHAPES[0], SHAPES[1], SHAPES[5]] {
        let stage = Stage::new();
        make(&stage, len, shape, NAMES);
        stage.back_up("v.img", "");
        stage.old_target("w.img", stage.len("v.img"));
        stage.sh("zstd -qdc x.lbi | partclone.restore -L log -q -C -s - -O w.img >/dev/null 2>&1");
        stage.clean(Family::Ntfs, "w.img");
        stage.same(Family::Ntfs, "v.img", "w.img");
        stage.sh("sectors=$(od -An -tu8 -j40 -N8 w.img); cmp -n 512 w.img <(tail -c +$((sectors * 512 + 1)) w.img)");
    }
}

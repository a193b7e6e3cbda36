//! FAT volumes made by mkfs.fat and filled by mtools, judged by fsck.fat, mtools, partclone and the crate
//! `fatfs`.

mod crafted;
mod signatures;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::{FileDevice, MemoryDevice, SharedDevice};
use lifeboat::fs::{EntryKind, FileSystem, Kind, Probe, State, probe};
use lifeboat::unit::ByteOffset;

use crate::oracle::sh;
use crate::random::Random;

fn device(path: &Path) -> SharedDevice {
    Arc::new(FileDevice::open(path).unwrap())
}

fn open(path: &Path) -> Box<dyn FileSystem> {
    open_device(device(path))
}

fn open_device(device: SharedDevice) -> Box<dyn FileSystem> {
    match probe(&device).unwrap() {
        Probe::One(kind) => lifeboat::fs::open(device, kind).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// All files with their bytes, all directories with nothing.
fn walk(volume: &dyn FileSystem) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![PathBuf::from("/")];
    while let Some(directory) = open.pop() {
        for entry in volume.tree().list(&directory).unwrap() {
            let path = directory.join(&entry.name);
            if entry.kind == EntryKind::Directory {
                open.push(path.clone());
                found.insert(path, None);
            } else {
                let mut bytes = Vec::new();
                volume.tree().open(&path).unwrap().read_to_end(&mut bytes).unwrap();
                assert_eq!(bytes.len() as u64, entry.bytes, "{}", path.display());
                found.insert(path, Some(bytes));
            }
        }
    }
    found
}

/// The same of a directory of this machine.
fn walk_host(base: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![base.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let shown = Path::new("/").join(path.strip_prefix(base).unwrap());
            if path.is_dir() {
                open.push(path);
                found.insert(shown, None);
            } else {
                found.insert(shown, Some(fs::read(&path).unwrap()));
            }
        }
    }
    found
}

/// `used/total` of the last line of `fsck.fat -v -n`, which must find nothing wrong.
fn fsck_counts(dir: &Path, image: &str) -> (u64, u64) {
    let output = sh(dir, &format!("fsck.fat -v -n {image}"));
    let last = output.lines().last().unwrap();
    let counts = last.split(", ").last().unwrap().trim_end_matches(" clusters");
    let (used, total) = counts.split_once('/').unwrap();
    (used.parse().unwrap(), total.parse().unwrap())
}

/// Our counts are fsck.fat's, and a copy of the used clusters alone is the same volume to it.
fn check_against_fsck(dir: &Path, image: &str) -> Box<dyn FileSystem> {
    let volume = open(&dir.join(image));
    let (used, total) = fsck_counts(dir, image);
    assert_eq!(volume.summary().clusters, total, "{image}");
    assert_eq!(volume.count_used().unwrap(), used, "{image}");
    check_copy(dir, image, volume.as_ref());
    volume
}

/// Copies the used clusters to a new file; fsck.fat finds nothing, and the files are the same.
fn check_copy(dir: &Path, image: &str, volume: &dyn FileSystem) {
    let original = fs::read(dir.join(image)).unwrap();
    let grid = volume.grid();
    assert_eq!(grid.len(), volume.summary().len);
    let mut copy = vec![0x5A; grid.len().0 as usize];
    for run in volume.used().unwrap().runs() {
        let from = grid.offset_of(run.start).0 as usize;
        let to = from + grid.bytes_of(run.clusters).0 as usize;
        copy[from..to].copy_from_slice(&original[from..to]);
    }
    fs::write(dir.join("copy.img"), &copy).unwrap();
    assert_eq!(fsck_counts(dir, "copy.img"), fsck_counts(dir, image));
    assert_eq!(walk(open(&dir.join("copy.img")).as_ref()), walk(volume));
}

const FILL: &str = r#"
mkdir -p in/deep/er/and/deeper in/many
seq 1 20000 > in/numbers.txt
head -c 70001 /dev/urandom > in/deep/er/random.bin
: > in/empty
echo x > in/deep/er/and/deeper/leaf.txt
for n in $(seq 1 150); do echo "$n" > "in/many/file number $n.txt"; done
echo unicode > "in/Grüße, 世界.txt"
echo long > "in/$(printf 'n%.0s' $(seq 1 251)).txt"
echo dots > "in/.hidden.name.with.dots"
echo lower > in/lower.txt
echo MIXED > in/UPPER.TXT
mcopy -s -m -i v.img in/* in/.hidden* ::/
"#;

#[test]
fn every_type_and_cluster_size_counts_as_fsck_does_and_holds_the_same_files() {
    let cases = [
        ("-F 12 -s 1", "1900K", Kind::Fat12, 512),
        ("-F 12 -s 8", "12M", Kind::Fat12, 4096),
        ("-F 12 -s 64", "32M", Kind::Fat12, 32768),
        ("-F 16 -s 1", "5M", Kind::Fat16, 512),
        ("-F 16 -s 4", "17M", Kind::Fat16, 2048),
        ("-F 16 -s 8 -a -R 3 -r 208", "20M", Kind::Fat16, 4096),
        ("-F 32 -s 1", "36M", Kind::Fat32, 512),
        ("-F 32 -s 2 -a -R 33", "72M", Kind::Fat32, 1024),
        ("-F 32 -s 8 -f 1", "24M", Kind::Fat32, 4096),
        ("-F 32 -s 128", "40M", Kind::Fat32, 65536),
        ("-F 32 -S 4096 -s 1", "40M", Kind::Fat32, 4096),
        ("-F 16 -S 4096 -s 1", "20M", Kind::Fat16, 4096),
        ("-F 32 -S 2048 -s 2 -a", "20M", Kind::Fat32, 4096),
    ];
    for (options, size, kind, cluster_bytes) in cases {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        sh(dir, &format!("truncate -s {size} v.img; mkfs.fat {options} -n 'MY LABEL' -i 1a2b3c4d v.img"));
        // mtools does not see FAT32 in few clusters, so those volumes stay empty here.
        let filled = kind != Kind::Fat32 || cluster_bytes <= 1024;
        sh(dir, if filled { FILL } else { "mkdir in" });
        let volume = check_against_fsck(dir, "v.img");
        let summary = volume.summary();
        assert_eq!((summary.kind, summary.cluster_bytes), (kind, cluster_bytes), "{options}");
        assert_eq!(summary.label.as_deref(), Some("MY LABEL"));
        assert_eq!(summary.id.as_deref(), Some("1A2B-3C4D"));
        assert_eq!((summary.state, &summary.notes[..]), (State::Clean, &[][..]), "{options}");
        assert!(walk(volume.as_ref()) == walk_host(&dir.join("in")), "{options}: other files");
    }
}

#[test]
fn the_makers_signatures_are_recognised_and_described() {
    let cases = [
        ("mkfs.exfat v.img", "64M", Kind::ExFat),
        ("mkfs.xfs -q -L name v.img", "320M", Kind::Xfs),
        ("mkfs.btrfs -q -L name v.img", "128M", Kind::Btrfs),
        ("mkswap -L name v.img", "1M", Kind::Swap),
        ("mkswap -p 65536 -L name v.img", "2M", Kind::Swap),
        (
            "echo secret | cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 v.img -",
            "32M",
            Kind::Luks,
        ),
        (
            "echo secret | cryptsetup luksFormat -q --label name --pbkdf pbkdf2 --pbkdf-force-iterations 1000 v.img -",
            "32M",
            Kind::Luks,
        ),
        ("mkdir d; rm v.img; genisoimage -quiet -V name -o v.img d", "1M", Kind::Iso9660),
        ("mkdir d; rm v.img; mksquashfs d v.img -quiet -no-progress", "1M", Kind::Squashfs),
    ];
    for (maker, size, kind) in cases {
        let dir = tempfile::tempdir().unwrap();
        sh(dir.path(), &format!("truncate -s {size} v.img; {maker} 2>&1"));
        let device = device(&dir.path().join("v.img"));
        assert_eq!(probe(&device).unwrap(), Probe::One(kind), "{maker}");
        let facts = lifeboat::fs::foreign::describe(&device, kind);
        if maker.contains("name") {
            assert_eq!(facts.label.as_deref(), Some("name"), "{maker}");
        }
        let ours = facts.id.unwrap_or_default();
        if !matches!(kind, Kind::Iso9660 | Kind::Squashfs) {
            let theirs = sh(dir.path(), "blkid -p -s UUID -o value v.img");
            assert_eq!(ours, theirs.trim(), "{maker}");
        }
    }
}

#[test]
fn two_signatures_are_ambiguous_and_an_unfinished_target_is_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.img");
    sh(
        dir.path(),
        "truncate -s 64M v.img; mkfs.fat -F 32 v.img; printf _BHRfS_M | dd of=v.img bs=1 seek=65600 conv=notrunc",
    );
    assert_eq!(probe(&device(&path)).unwrap(), Probe::Ambiguous(vec![Kind::Btrfs, Kind::Fat32]));
    sh(dir.path(), "printf LIFEBOAT-UNFINISHED | dd of=v.img conv=notrunc");
    assert_eq!(probe(&device(&path)).unwrap(), Probe::One(Kind::Unfinished));
}

#[test]
fn a_destroyed_boot_sector_is_read_from_its_backup_and_a_destroyed_fat_from_its_mirror() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.img");
    sh(dir.path(), "truncate -s 40M v.img; mkfs.fat -F 32 -s 1 v.img; seq 1 9999 > f; mcopy -i v.img f ::/");
    let files = walk(open(&path).as_ref());
    let used: Vec<_> = open(&path).used().unwrap().runs().collect();
    sh(
        dir.path(),
        "dd if=/dev/zero of=v.img bs=512 count=1 conv=notrunc; dd if=/dev/zero of=v.img bs=512 seek=32 count=9 conv=notrunc",
    );
    let volume = open(&path);
    assert_eq!(volume.summary().notes.len(), 2, "{:?}", volume.summary().notes);
    assert_eq!(walk(volume.as_ref()), files);
    assert!(volume.used().unwrap().runs().eq(used));
}

#[test]
fn bad_clusters_are_left_out_of_the_image_and_counted_as_fsck_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.img");
    // mkfs.fat's list has blocks of 1 KiB.
    sh(dir.path(), "truncate -s 17M v.img; printf '9000\\n9001\\n12000\\n' > bad; mkfs.fat -F 16 -s 4 -l bad v.img");
    let volume = open(&path);
    let (used, total) = fsck_counts(dir.path(), "v.img");
    assert!(used >= 2);
    assert_eq!((volume.count_used().unwrap(), volume.summary().clusters), (used, total));
    let map = volume.used().unwrap();
    assert!(!map.contains(volume.grid().cluster_at(ByteOffset(12000 << 10))));
    assert_eq!(map.runs().count(), 1, "the metadata and nothing else");
}

#[test]
fn dirty_and_hibernated_volumes_are_told_from_clean_ones() {
    for (options, boot_flag, fat_flag) in [("16 -s 4", 0x25, 2048 + 3), ("32 -s 1", 0x41, 32 * 512 + 7)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("v.img");
        sh(dir.path(), &format!("truncate -s 40M v.img; mkfs.fat -F {options} v.img; printf wake > hiberfil.sys"));
        sh(dir.path(), "mcopy -i v.img hiberfil.sys ::/");
        let bytes = fs::read(&path).unwrap();
        let state = |at: usize, value: u8| {
            let mut changed = bytes.clone();
            changed[at] = value;
            open_device(Arc::new(MemoryDevice::new(changed))).summary().state
        };
        assert_eq!(state(0x1FF, 0xAA), State::Clean);
        assert_eq!(state(boot_flag, 1), State::Dirty);
        assert_eq!(state(fat_flag, 0x03), State::Dirty, "FAT{options}");
        sh(dir.path(), "printf HIBR > hiberfil.sys; mcopy -o -i v.img hiberfil.sys ::/");
        assert_eq!(open(&path).summary().state, State::Hibernated);
    }
}

/// Does all that can be done with a volume; what comes out does not matter, that it comes out does.
fn exercise(device: SharedDevice) {
    let Ok(Probe::One(kind)) = probe(&device) else { return };
    let Ok(volume) = lifeboat::fs::open(device, kind) else { return };
    let _ = (volume.used().is_ok(), volume.count_used().is_ok(), volume.anchors());
    let mut open = vec![(PathBuf::from("/"), 0)];
    let mut budget = 400;
    while let Some((directory, depth)) = open.pop() {
        for entry in volume.tree().list(&directory).unwrap_or_default() {
            let path = directory.join(&entry.name);
            budget -= 1;
            if budget == 0 {
                return;
            }
            let _ = volume.tree().extents(&path).is_ok();
            if entry.kind == EntryKind::Directory && depth < 8 {
                open.push((path, depth + 1));
            } else if let Ok(content) = volume.tree().open(&path) {
                let _ = std::io::copy(&mut content.take(1 << 16), &mut std::io::sink());
            }
        }
    }
}

#[test]
fn no_mutation_of_the_metadata_panics_or_hangs() {
    for options in ["-F 12 -s 1", "-F 16 -s 1", "-F 32 -s 1"] {
        let dir = tempfile::tempdir().unwrap();
        let size = if options.contains("12") {
            "1M"
        } else if options.contains("16") {
            "3M"
        } else {
            "36M"
        };
        sh(
            dir.path(),
            &format!(
                "truncate -s {size} v.img; mkfs.fat {options} v.img; mkdir -p d/e; seq 9999 > d/e/f; mcopy -s -i v.img d ::/"
            ),
        );
        let original = fs::read(dir.path().join("v.img")).unwrap();
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let mut next = || random.next();
        // Copying the FAT32 volume takes most of the time.
        for round in 0..if original.len() > 4 << 20 { 60 } else { 300 } {
            let mut bytes = original.clone();
            for _ in 0..=next() % 12 {
                let reach = if round % 2 == 0 { 0x5A } else { 80 << 10 };
                let at = (next() % reach) as usize;
                bytes[at] = [0, 0xFF, next() as u8, bytes[at] ^ 1 << (next() % 8)][(next() % 4) as usize];
            }
            exercise(Arc::new(MemoryDevice::new(bytes)));
        }
    }
}

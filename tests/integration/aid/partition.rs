//! Recovery partitions: made, found with a table and without one, kept true, and refused where they would do harm.

use lifeboat::job::{self, Monitor};

use lifeboat::image::Kind;

use super::stage::{FAMILIES, SMALL_LEN, START, Stage};
use crate::oracle::{long, sh};

const MAKE: [&str; 5] = ["aid", "disk.img", "--to-partition", "disk.img:2", "--yes"];

fn found_without_all_else(family: &str, table: &str) {
    let what = format!("{family} on {table}");
    let stage = Stage::make(family, table);
    let (walk, toc, before) = (stage.walk(), stage.toc(), stage.dump());
    stage.says(&["aid", "disk.img", "--to-partition", "disk.img:2", "--dry-run"], 0);
    assert_eq!(stage.dump(), before, "{what}: a dry run writes nothing");
    stage.says(&MAKE, 0);
    let after = stage.dump();
    let own = if table == "gpt" { "5549BFDB-6388-49D8-9696-C263A01E2289" } else { "ba" };
    let other: Vec<usize> = (0..after.len()).filter(|line| before[*line] != after[*line]).collect();
    assert_eq!((before.len(), other.len()), (after.len(), 1), "{what}: {before:#?} {after:#?}");
    let line = &after[other[0]];
    let was = before[other[0]].split_once("type=").unwrap();
    let is = line.split_once("type=").unwrap();
    assert!(line.contains("disk.img2") && is.0 == was.0, "{what}: {line}");
    assert_eq!(is.1.split_once(',').map_or(is.1, |(id, _)| id), own, "{what}");
    assert_eq!(is.1.split_once(',').map(|(_, rest)| rest), was.1.split_once(',').map(|(_, rest)| rest), "{what}");
    if table == "gpt" {
        sh(stage.dir.path(), "sgdisk -v disk.img | grep -q 'No problems found'");
    }
    assert_eq!(stage.images(&[])[0].1, "file-system", "{what}");
    let (_, err) = stage.says(&["disks", "--disk", "disk.img"], 0);
    assert!(!err.contains("note:"), "{what}: {err}");
    // The volume is gone, the table is there.
    let len = stage.disk.metadata().unwrap().len();
    stage.zero_all_but(&toc, &[(0, START), (stage.small_start(), len - stage.small_start())]);
    let image = ("disk.img:1/factory".to_owned(), "recovery-partition".to_owned(), true);
    assert_eq!(stage.images(&[]), [image], "{what}");
    let (_, err) = stage.says(&MAKE, 3);
    assert!(err.contains("is found by nothing but this recovery partition"), "{what}: {err}");
    let (_, err) = stage.says(&["disks", "--disk", "disk.img"], 0);
    assert!(err.contains("nothing else leads to 1 image any more"), "{what}: {err}");
    // The table goes, too.
    stage.zero_all_but(&toc, &[(stage.small_start(), SMALL_LEN)]);
    let address = format!("disk.img@{START}/factory");
    assert_eq!(stage.images(&[]), [(address.clone(), "recovery-partition".into(), true)], "{what}");
    stage.says(&["verify", &address], 0);
    stage.says(&["restore", &address, "--yes"], 0);
    assert_eq!(stage.walk(), walk, "{what}");
    stage.judge();
    assert_eq!(stage.dump(), after, "{what}: the table is back, the recovery partition's type with it");
}

#[test]
fn a_recovery_partition_leads_to_the_images_with_and_without_its_table() {
    let failed: Vec<String> = FAMILIES
        .iter()
        .zip(["gpt", "dos", "gpt", "dos"])
        .filter(|((family, ..), _)| long() || *family != "fat32")
        .filter(|((family, ..), table)| std::panic::catch_unwind(|| found_without_all_else(family, table)).is_err())
        .map(|((family, ..), table)| format!("{family} on {table}"))
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn it_says_when_it_is_no_longer_true_and_is_renewed() {
    let stage = Stage::make("fat32", "gpt");
    stage.says(&MAKE, 0);
    let state = || job::aid_state(&stage.disk, &Monitor::new()).unwrap().remove(0);
    let is_true = || {
        let state = state();
        assert!(state.differs.is_empty() && state.notes().is_empty(), "{:?}", state.differs);
    };
    let differs = |wanted: &str| {
        let state = state();
        assert!(state.is_stale() && state.differs.iter().any(|what| what.contains(wanted)), "{wanted}: {state:#?}");
        let (_, err) = stage.says(&["images", "disk.img"], 0);
        assert!(err.contains(wanted) && err.contains("--to-partition"), "{err}");
        stage.says(&MAKE, 0);
        is_true();
    };
    is_true();
    stage.back_up(Kind::User);
    differs("its table of contents is number 2, and was 1");
    sh(stage.dir.path(), "sfdisk -q --part-label disk.img 1 'Other name'");
    differs("the partition table is another one");
    // The volume id in the boot sector of FAT32, at 0x43 (fatgen103, BS_VolID), and its copy.
    let id = |at: u64| {
        sh(stage.dir.path(), &format!("printf '\\1\\2\\3\\4' | dd of=disk.img bs=1 seek={at} conv=notrunc status=none"))
    };
    id(START + 0x43);
    id(START + 6 * 512 + 0x43);
    differs("(boot record or superblock) are others");
    stage.zero(stage.small_start(), 512);
    differs("its first copy cannot be read");
    stage.zero(stage.small_start() + SMALL_LEN / 2, 512);
    differs("its second copy cannot be read");
    stage.zero(stage.small_start(), 512);
    stage.zero(stage.small_start() + SMALL_LEN / 2, 512);
    differs("neither of its copies can be read");
}

#[test]
fn what_would_do_harm_is_refused_with_the_numbers() {
    let stage = Stage::make("ext4", "dos");
    let refused = |target: &str, wanted: &str| {
        let (_, err) = stage.says(&["aid", "disk.img", "--to-partition", target, "--yes"], 3);
        assert!(err.contains(wanted), "{target}: {err}");
    };
    let before = stage.dump();
    refused("disk.img:1", "overlaps");
    refused("disk.img", "is no partition that a table names");
    refused("disk.img:3", "has no partition 3");
    let (_, err) = stage.says(&["aid", "disk.img", "--to-partition", "disk.img:2"], 3);
    assert!(err.contains("without a terminal nobody can be asked"), "{err}");
    sh(stage.dir.path(), "echo 'size=15' | sfdisk -q -N 2 disk.img");
    let (_, err) = stage.says(&["aid", "disk.img", "--to-partition", "disk.img:2", "--yes"], 3);
    assert!(err.contains("has room for two copies of 0 bytes") && err.contains("bytes are missing"), "{err}");
    sh(stage.dir.path(), &format!("echo 'size={}' | sfdisk -q -N 2 disk.img", SMALL_LEN / 512));
    assert_eq!(stage.dump(), before);
    // What is in it is named, and must be confirmed.
    sh(
        stage.dir.path(),
        &format!(
            "truncate -s {SMALL_LEN} x.img; mkfs.fat -n KEEP x.img >/dev/null; dd if=x.img of=disk.img bs=1M seek={} conv=notrunc status=none",
            stage.small_start() >> 20
        ),
    );
    let (out, _) = stage.says(&["aid", "disk.img", "--to-partition", "disk.img:2", "--dry-run"], 0);
    assert!(out.contains("is lost: fat12 \"KEEP\""), "{out}");
    stage.says(&MAKE, 0);
}

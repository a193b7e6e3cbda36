//! An aid leads to the images, and the restore by it works, when nothing of the disk is left but their own bytes.

use super::stage::{FAMILIES, START, Stage};
use crate::oracle::long;

fn bytes_of(path: &std::path::Path) -> u64 {
    path.metadata().unwrap().len()
}

/// Wrecks all but the image, finds and restores it by the aid alone.
fn wrecked(family: &str, table: &str) {
    let what = format!("{family} on {table}");
    let stage = Stage::make(family, table);
    let (walk, toc, dump) = (stage.walk(), stage.toc(), stage.dump());
    let (out, _) = stage.says(&["aid", "disk.img", "--to", "aid.lba"], 0);
    assert!(out.contains("every byte matched"), "{what}: {out}");
    assert!(bytes_of(&stage.path("aid.lba")) < 100 << 10, "{what}: {} bytes", bytes_of(&stage.path("aid.lba")));
    eprintln!("{what}: the aid has {} bytes", bytes_of(&stage.path("aid.lba")));
    assert_eq!(stage.images(&["--aid", "aid.lba"])[0].1, "file-system", "{what}: better ways come first");
    stage.zero_all_but(&toc, &[]);
    let address = format!("disk.img@{START}/factory");
    assert_eq!(stage.images(&["--aid", "aid.lba"]), [(address.clone(), "aid".into(), true)], "{what}");
    stage.says(&["verify", &address, "--aid", "aid.lba"], 0);
    let (out, _) = stage.says(&["ls", &address, "--aid", "aid.lba"], 0);
    assert!(out.contains("file-1") || out.contains("docs"), "{what}: {out}");
    stage.says(&["export", &address, "--aid", "aid.lba", "--to", "out.lbi"], 0);
    stage.says(&["restore", &address, "--aid", "aid.lba", "--yes"], 0);
    assert_eq!(stage.walk(), walk, "{what}");
    stage.judge();
    assert_eq!(stage.dump(), dump, "{what}: the table is back from the aid");
    let again = stage.images(&[]);
    assert_eq!(again, [("disk.img:1/factory".into(), "file-system".into(), true)], "{what}");
}

#[test]
fn an_aid_brings_back_what_has_lost_all_but_its_image() {
    let failed: Vec<String> = FAMILIES
        .iter()
        .flat_map(|(family, ..)| ["gpt", "dos"].map(|table| (*family, table)))
        .filter(|(family, table)| long() || matches!((*family, *table), ("fat16" | "ntfs", "dos") | ("ext4", "gpt")))
        .filter(|(family, table)| std::panic::catch_unwind(|| wrecked(family, table)).is_err())
        .map(|(family, table)| format!("{family} on {table}"))
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn what_no_aid_can_be_made_of_is_refused() {
    let stage = Stage::make("ext4", "gpt");
    std::fs::write(stage.path("there"), "x").unwrap();
    let (_, err) = stage.says(&["aid", "disk.img", "--to", "there"], 3);
    assert!(err.contains("is there already"), "{err}");
    assert_eq!(std::fs::read(stage.path("there")).unwrap(), b"x");
    let (_, err) = stage.says(&["aid", "disk.img:2", "--to", "new"], 3);
    assert!(err.contains("holds no images") && !stage.path("new").exists(), "{err}");
    stage.says(&["images", "disk.img", "--aid", "there"], 1);
    let (_, err) = stage.says(&["disks", "--aid", "there", "--disk", "disk.img"], 2);
    assert!(err.contains("--aid goes with"), "{err}");
}

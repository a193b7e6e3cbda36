//! The damage matrix, as far as looking goes: what is destroyed, and how the images are found all the same.

use std::ops::Range;

use super::stage::{EXT4, FAMILIES, FAT16, FAT32, How, NTFS, START, Stage};
use crate::oracle::{long, sh};

const ALL_TABLES: [&str; 3] = ["toc-begin.lbc", "inter-1.lbc", "toc-end.lbc"];

fn tables(stage: &Stage, names: &[&str]) -> Vec<Range<u64>> {
    names.iter().map(|name| stage.place_of(name)).collect()
}

/// The disk's table, and its copy at the disk's end.
fn partition_table(stage: &Stage) -> Vec<Range<u64>> {
    let end = stage.first.len() as u64;
    vec![0..34 * 512, end - 33 * 512..end]
}

#[test]
fn an_undamaged_container_is_found_as_files_and_is_sound() {
    for family in FAMILIES {
        let stage = Stage::new(family);
        stage.finds_both(family.name, "disk.img:1", "file-system");
        let checked = stage.json("check disk.img:1 --deep --json");
        assert_eq!(checked["findings"], serde_json::json!([]), "{}", family.name);
        let check = match family.name {
            "ntfs" => "ntfsfix -n w.img; ntfsinfo -fm w.img >/dev/null",
            "ext4" => "e2fsck -fn w.img 2>/dev/null",
            _ => "fsck.fat -n w.img",
        };
        let blocks = (stage.first.len() as u64 - 4096 * 512) >> 20;
        sh(stage.dir.path(), &format!("dd if=disk.img of=w.img bs=1M skip=1 count={blocks} status=none; {check}"));
    }
}

#[test]
fn images_are_found_whatever_is_left_of_the_volume() {
    // A short run does each cell with one family, by turns.
    let families = if long() { &FAMILIES[..] } else { &[FAT32, NTFS, EXT4][..] };
    for (turn, family) in families.iter().copied().enumerate() {
        let stage = Stage::new(family);
        let (begin, lost) = (stage.begin(), format!("disk.img@{START}"));
        let mut number = 0;
        let mut cell = |what: &str, ranges: &[Range<u64>], volume: &str, by: &str| {
            number += 1;
            if !long() && number % families.len() != turn {
                return;
            }
            let hows = [How::Zeros, How::Random];
            for how in if long() { &hows[..] } else { &hows[number / 3 % 2..=number / 3 % 2] } {
                stage.reset();
                stage.destroy(ranges, *how);
                stage.finds_both(&format!("{}: {what}, {how:?}", family.name), volume, by);
            }
        };
        let volume_head = |len: u64| START..START + len;
        let table = partition_table(&stage);
        cell("table", &table, &lost, "file-system");
        // All that a file system has, but for what lies behind the container.
        cell("everything before the container", &[volume_head(begin - START)], "disk.img:1", "toc");
        cell("that and the table", &[table.clone(), vec![START..begin]].concat(), &lost, "toc");
        let copies = tables(&stage, &["toc-begin.lbc", "inter-1.lbc"]);
        cell("that and two tables of contents", &[table.clone(), vec![START..begin], copies].concat(), &lost, "toc");
        let copies = tables(&stage, &["toc-end.lbc", "inter-1.lbc"]);
        cell("that and the other two", &[table.clone(), vec![START..begin], copies].concat(), &lost, "toc");
        cell("all tables of contents", &tables(&stage, &ALL_TABLES), "disk.img:1", "file-system");
        cell(
            "those and the partition table",
            &[table.clone(), tables(&stage, &ALL_TABLES)].concat(),
            &lost,
            "file-system",
        );
        let all = [vec![START..begin], tables(&stage, &ALL_TABLES)].concat();
        cell("those and the file system", &all, "disk.img:1", "scavenged");
        cell("all but the images", &[table, all].concat(), &lost, "scavenged");
    }
}

#[test]
fn a_missing_table_of_contents_is_said() {
    let stage = Stage::new(FAT32);
    stage.destroy(&tables(&stage, &["toc-end.lbc"]), How::Zeros);
    let said = stage.run("check disk.img:1 --json", 4);
    assert!(said.contains("container.toc") && said.contains("/LIFEBOAT/toc-end.lbc"), "{said}");
    stage.destroy(&[START..stage.begin()], How::Zeros);
    let said = stage.run("images disk.img", 0);
    assert!(said.contains("/LIFEBOAT/toc-end.lbc: this copy of the table of contents is of no use"), "{said}");
    assert!(said.contains("found by a table of contents"), "{said}");
}

#[test]
fn an_image_is_taken_from_where_it_is_whole() {
    let stage = Stage::new(FAT32);
    // The chain of one file is cut off in both FATs: the file system shows the other, the table this one.
    let boot = &stage.first[START as usize..];
    let fats = fats(&stage);
    let one = (fats.end - fats.start) / 2;
    let cluster = (stage.place_of("user.lbi").start - fats.end) / (512 * u64::from(boot[13])) + 2;
    let entries = [fats.start, fats.start + one].map(|fat| fat + 4 * cluster..fat + 4 * cluster + 4);
    stage.destroy(&entries, How::Zeros);
    let found = |by: &str| {
        let expected = [("factory", "file-system"), ("user", by)];
        let expected: Vec<_> =
            expected.iter().map(|(name, by)| (format!("disk.img:1/{name}"), (*by).to_owned(), true)).collect();
        assert_eq!(stage.images("disk.img"), expected);
        stage.run("verify disk.img:1/user", 0);
    };
    found("toc");
    let said = stage.run("check disk.img:1 --json", 1);
    assert!(said.contains("container.file") && said.contains("/LIFEBOAT/user.lbi"), "{said}");
    // A change that was cut short may have torn all tables as well; the image refers to the other one all the same.
    stage.destroy(&tables(&stage, &ALL_TABLES), How::Random);
    found("scavenged");
}

/// Fields of a FAT boot record: where the FATs begin and end, on the disk.
fn fats(stage: &Stage) -> Range<u64> {
    let boot = &stage.first[START as usize..];
    let u16_at = |at: usize| u64::from(u16::from_le_bytes([boot[at], boot[at + 1]]));
    let u32_at = |at: usize| u64::from(u32::from_le_bytes(boot[at..at + 4].try_into().unwrap()));
    let (reserved, count) = (u16_at(14), u64::from(boot[16]));
    let len = if u16_at(22) == 0 { u32_at(36) } else { u16_at(22) };
    START + reserved * 512..START + (reserved + count * len) * 512
}

#[test]
fn single_structures_of_fat_may_be_gone() {
    let stage = Stage::new(FAT32);
    let fats = fats(&stage);
    let root = fats.end..fats.end + 512;
    let cells: [(&str, Vec<Range<u64>>, &str); 5] = [
        ("boot record", vec![START..START + 512], "file-system"),
        ("boot record and its backup", vec![START..START + 512, START + 6 * 512..START + 7 * 512], "toc"),
        ("first FAT", vec![fats.start..fats.start + (fats.end - fats.start) / 2], "file-system"),
        ("both FATs", vec![fats.clone()], "toc"),
        ("root directory", vec![root], "toc"),
    ];
    for (what, ranges, by) in cells {
        stage.reset();
        stage.destroy(&ranges, How::Zeros);
        stage.finds_both(what, "disk.img:1", by);
        // The quick look of `disks` finds them as well.
        let disks = stage.json("disks --disk disk.img --json");
        let images = &disks["disks"][0]["partitions"][0]["volume"]["images"];
        assert_eq!(images.as_array().map(Vec::len), Some(2), "{what}: {disks:#}");
    }
}

#[test]
fn single_structures_of_ntfs_may_be_gone() {
    let stage = Stage::new(NTFS);
    let boot = &stage.first[START as usize..];
    let cluster = 512 * u64::from(boot[13]);
    let at = |field: usize| START + cluster * u64::from_le_bytes(boot[field..field + 8].try_into().unwrap());
    let (mft, mirror) = (at(0x30), at(0x38));
    let end = stage.first.len() as u64 - 4096 * 512 + START;
    let cells: [(&str, Vec<Range<u64>>, &str); 4] = [
        ("boot record", vec![START..START + 512], "file-system"),
        ("both boot records", vec![START..START + 512, end - 512..end], "toc"),
        ("MFT", vec![mft..mft + 64 * 1024], "toc"),
        ("MFT and mirror", vec![mft..mft + 64 * 1024, mirror..mirror + cluster], "toc"),
    ];
    for (what, ranges, by) in cells {
        stage.reset();
        stage.destroy(&ranges, How::Zeros);
        stage.finds_both(what, "disk.img:1", by);
    }
}

#[test]
fn single_structures_of_ext_may_be_gone() {
    let stage = Stage::new(EXT4);
    let group = START + 8192 * 1024;
    let cells: [(&str, Vec<Range<u64>>, &str); 3] = [
        ("superblock", vec![START + 1024..START + 2048], "file-system"),
        ("superblock and backup", vec![START + 1024..START + 2048, group + 1024..group + 2048], "toc"),
        // Descriptors, bitmaps and inode tables of the first flexible group.
        ("inode tables", vec![START + 2048..START + (1 << 20)], "toc"),
    ];
    for (what, ranges, by) in cells {
        stage.reset();
        stage.destroy(&ranges, How::Zeros);
        stage.finds_both(what, "disk.img:1", by);
    }
}

#[test]
fn another_image_may_be_destroyed() {
    let stage = Stage::new(FAT16);
    stage.destroy(&[stage.place_of("user.lbi")], How::Random);
    let found = stage.images("disk.img");
    assert_eq!(found[0], ("disk.img:1/factory".into(), "file-system".into(), true));
    assert_eq!((found[1].0.as_str(), found[1].2), ("disk.img:1/user", false));
    stage.run("verify disk.img:1/factory", 0);
    stage.run("verify disk.img:1/user", 1);
    let said = stage.run("check disk.img:1 --json", 1);
    assert!(said.contains("container.digest"), "{said}");

    // The base is gone: what needs it is not whole, and says so.
    stage.reset();
    stage.destroy(&[stage.place_of("factory.lbi")], How::Random);
    let document = stage.json("images disk.img --json");
    let user = document["images"].as_array().unwrap().iter().find(|image| image["name"] == "user").unwrap();
    assert_eq!(user["whole"], false);
    assert!(user["damage"][0].as_str().unwrap().contains("it needs the image factory"), "{user:#}");
    assert!(stage.run("check disk.img:1 --json", 1).contains("container.base"));

    // One chunk is damaged: only reading it all tells.
    stage.reset();
    let place = stage.place_of("factory.lbi");
    let middle = (place.start + place.end) / 2;
    stage.destroy(&[middle..middle + 512], How::Random);
    stage.run("verify disk.img:1/factory", 1);
    assert!(!stage.run("check disk.img:1 --json", 0).contains("container.digest"));
    assert!(stage.run("check disk.img:1 --deep --json", 1).contains("container.digest"));
}

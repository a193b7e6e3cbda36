//! Disks that are not as they were: moved files, larger disks, copies of partitions, left-overs, interrupted restores.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::image::container::encode;
use lifeboat::inventory::{Address, LocateRequest, Thoroughness, locate};
use lifeboat::job::{self, Monitor};
use lifeboat::plan::{ChangeRequest, EditRequest, JournalWish};
use lifeboat::unit::ByteLen;

use super::stage::{EXT4, FAT16, FAT32, How, NTFS, START, Stage, soon};
use crate::oracle::sh;

/// Moves a file of the container, as a defragmenter would, to the lowest free clusters: `step` of them free between
/// two of its pieces of `len`.
fn defragment(stage: &Stage, name: &str, len: usize, step: usize) {
    let source = lifeboat::inventory::open_source(&stage.address("disk.img:1")).unwrap();
    let edit = lifeboat::fs::edit::open_unchecked(source.device, stage.toc.volume.kind).unwrap();
    let (units, used) = (edit.units(), edit.used().unwrap());
    let cluster = u64::from(stage.toc.volume.grid.cluster_bytes);
    let file = stage.toc.files.iter().find(|file| file.name == name).unwrap();
    let extent = |run: &lifeboat::volume::ByteRange| Extent::new(run.offset.0 / cluster, run.len.0 / cluster);
    let from: ExtentSet = file.runs.iter().map(extent).collect();
    let one = |unit| Extent::new(units.origin.0 + unit * units.clusters, units.clusters);
    let free = (0..units.count).map(one).filter(|unit| used.runs_in(unit.start.0..unit.end()).next().is_none());
    let spread = free.enumerate().filter(|(number, _)| number % (len + step) < len).map(|(_, unit)| unit);
    let request = ChangeRequest {
        volume: stage.address("disk.img:1"),
        name: "defragmenting".into(),
        edits: vec![EditRequest::Relocate {
            to: spread.take((from.clusters() / units.clusters) as usize).collect(),
            from,
        }],
        journal: JournalWish::File(stage.dir.path().join("j")),
    };
    let plan = job::plan_change(&request, &Monitor::new()).unwrap();
    assert_eq!(job::run(&plan, &std::sync::Arc::new(Monitor::new())).outcome, job::Outcome::Done);
    std::fs::remove_file(stage.dir.path().join("j")).unwrap();
}

#[test]
fn the_file_system_tells_where_a_defragmenter_moved_files() {
    let stage = Stage::new(FAT32);
    defragment(&stage, "user.lbi", 1, 1);
    stage.finds_both("moved", "disk.img:1", "file-system");
    let said = stage.run("check disk.img:1 --json", 4);
    assert!(said.contains("container.stale-toc") && said.contains("container.contiguous"), "{said}");

    // Without the file system: the factory image is where the table says, the moved one is not.
    stage.destroy(&[START..START + 16 * 512], How::Zeros);
    stage.destroy(&[stage.place_of("user.lbi")], How::Random);
    let found = stage.images("disk.img:1");
    assert_eq!(found[0], ("disk.img:1/factory".into(), "toc".into(), true));
    assert!(found.iter().all(|image| image.0 != "disk.img:1/user" || !image.2), "{found:?}");
}

#[test]
fn the_pieces_that_a_defragmenter_left_are_put_together_without_the_file_system() {
    for (family, pieces) in soon(&[EXT4, FAT32]).iter().map(|family| (*family, 2)) {
        let stage = Stage::new(family);
        let bytes = stage.place_of("factory.lbi").end - stage.place_of("factory.lbi").start;
        let len = bytes.div_ceil(u64::from(stage.toc.volume.grid.cluster_bytes)) as usize / pieces + 1;
        defragment(&stage, "factory.lbi", len, 5);
        stage.finds_both("moved", "disk.img:1", "file-system");
        stage.destroy(&[stage.place_of("factory.lbi"), START..START + (200 << 10)], How::Zeros);
        let found = stage.images("disk.img:1");
        let expected = [("factory", "scavenged"), ("user", "toc")];
        assert_eq!(
            found,
            expected.map(|(name, by)| (format!("disk.img:1/{name}"), by.to_owned(), true)),
            "{}",
            family.name
        );
        for name in ["factory", "user"] {
            stage.run(&format!("verify disk.img:1/{name}"), 0);
        }
    }
}

#[test]
fn a_volume_that_was_copied_to_a_larger_place_is_found_and_told_of() {
    let stage = Stage::new(EXT4);
    // The partition alone, on a larger device.
    sh(stage.dir.path(), "dd if=disk.img of=big.img bs=1M skip=1 count=16 status=none; truncate -s 40M big.img");
    let found = stage.images("big.img");
    assert_eq!(found[0], ("big.img/factory".into(), "file-system".into(), true));
    assert!(stage.run("check big.img --json", 0).contains("container.position"));
    // Nothing but the container is left: it is far from the device's end.
    sh(stage.dir.path(), "truncate -s 200M big.img; dd if=/dev/zero of=big.img bs=1M count=2 conv=notrunc status=none");
    let found = stage.images("big.img");
    assert_eq!(found[0], ("big.img/factory".into(), "toc".into(), true));
    stage.run("verify big.img/user", 0);
    // The whole disk on a larger one.
    sh(stage.dir.path(), "truncate -s 60M disk.img");
    stage.finds_both("a larger disk", "disk.img:1", "file-system");
}

#[test]
fn partitions_without_a_table_each_keep_their_own() {
    let (stage, other) = (Stage::new(FAT16), Stage::new(EXT4));
    let second = 20 << 20;
    let script = format!(
        "truncate -s 60M disk.img; dd if={} of=disk.img bs=1M skip=1 seek=20 count=16 conv=notrunc status=none
         dd if=disk.img of=disk.img bs=1M skip=1 seek=40 count=8 conv=notrunc status=none",
        other.disk().display()
    );
    sh(stage.dir.path(), &script);
    // A copy of the first partition, byte for byte, has the same ids: it is listed at its own address.
    let third = 40 << 20;
    stage.destroy(&[0..34 * 512, START..stage.begin(), second..second + (1 << 20), third..third + 4096], How::Zeros);
    let found = stage.images("disk.img");
    let expected = |start: u64| [format!("disk.img@{start}/factory"), format!("disk.img@{start}/user")];
    let addresses: Vec<String> = found.iter().map(|image| image.0.clone()).collect();
    assert_eq!(addresses, [expected(START), expected(second), expected(third)].concat());
    assert!(found.iter().all(|image| image.1 == "toc" && image.2), "{found:?}");
    for address in addresses {
        stage.run(&format!("verify {address}"), 0);
    }
    // Files come out of a place that has no table and no boot record.
    stage.run(&format!("extract disk.img@{second}/user /one --to out"), 0);
    sh(stage.dir.path(), &format!("cmp out/one {}/f/one", other.dir.path().display()));
    assert!(stage.run(&format!("ls disk.img@{START}/factory"), 0).contains("two"));
    assert!(stage.run(&format!("info disk.img@{START}/user"), 0).contains("Needs"));
}

#[test]
fn a_table_that_is_wrong_does_not_hide_images() {
    let stage = Stage::new(FAT32);
    let expected = |by: &str| -> Vec<_> {
        let image = |name: &str| (format!("disk.img@{START}/{name}"), by.to_owned(), true);
        ["factory", "user"].map(image).into()
    };
    // The entry begins a MiB too late, and the volume is whole.
    sh(stage.dir.path(), "echo 'start=4096,size=73000' | sfdisk -q --wipe never --label gpt disk.img 2>/dev/null");
    assert_eq!(stage.images("disk.img"), expected("file-system"));
    assert_eq!(stage.images("disk.img:1"), expected("file-system"));
    // The entry is gone, and so is the file system.
    sh(stage.dir.path(), "sfdisk -q --delete disk.img 1");
    assert_eq!(stage.images("disk.img"), expected("file-system"));
    stage.destroy(&[START..stage.begin()], How::Zeros);
    assert_eq!(stage.images("disk.img"), expected("toc"));
    stage.run(&format!("verify disk.img@{START}/user"), 0);
    stage.run("verify disk.img:1/user", 3);
    // Not even a table: the look at the disks lists the volume as one that was found.
    let end = stage.first.len() as u64;
    stage.destroy(&[0..34 * 512, end - 33 * 512..end], How::Zeros);
    let disks = stage.json("disks --disk disk.img --json");
    let partition = &disks["disks"][0]["partitions"][0];
    assert_eq!((&partition["number"], &partition["found"]), (&0.into(), &true.into()), "{disks:#}");
    assert_eq!(partition["volume"]["images"][1]["address"], format!("disk.img@{START}/user"));
    let listed = stage.run("disks --disk disk.img", 0);
    assert!(listed.contains(&format!("image: disk.img@{START}/factory  factory, ")), "{listed}");
}

#[test]
fn the_document_has_the_fields_that_were_promised() {
    let stage = Stage::new(FAT16);
    let document = stage.json("images disk.img:1 --json");
    let image = &document["images"][1];
    let keys: Vec<&String> = image.as_object().unwrap().keys().collect();
    let promised =
        ["address", "base_id", "bytes", "created", "damage", "found_by", "image_id", "kind", "name", "volume", "whole"];
    let mut sorted: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
    sorted.sort_unstable();
    assert_eq!(sorted, promised);
    assert_eq!(image["base_id"], document["images"][0]["image_id"]);
    assert_eq!((&image["kind"], &image["name"]), (&"user".into(), &"user".into()));
    assert_eq!(image["volume"]["kind"], "fat16");
    assert_eq!(image["volume"]["label"], "RESCUE");
    assert_eq!(image["bytes"], stage.toc.images[1].bytes);
    let error = stage.run("images disk.img --aid none.aid", 1);
    assert!(error.contains("the recovery aid none.aid"), "{error}");
}

/// With the containers that Lifeboat makes itself.
#[test]
fn an_image_made_inside_is_found_when_its_volume_and_the_table_are_gone() {
    for family in soon(&[NTFS, FAT32, EXT4]).iter().copied() {
        let stage = Stage::bare(family);
        stage.run("backup disk.img:1 --inside --kind factory", 0);
        stage.run("backup disk.img:1 --inside", 0);
        assert_eq!(stage.json("check disk.img:1 --deep --json")["findings"], serde_json::json!([]), "{}", family.name);
        let names = |found: Vec<(String, String, bool)>, by: &str, volume: &str| {
            let image = |name: &str| (format!("{volume}/{name}"), by.to_owned(), true);
            assert_eq!(found, ["factory", "user"].map(image), "{}", family.name);
        };
        names(stage.images("disk.img"), "file-system", "disk.img:1");
        let end = stage.disk().metadata().unwrap().len();
        let source = lifeboat::inventory::open_source(&stage.address("disk.img:1")).unwrap();
        let container = lifeboat::inventory::container_of(&source, &stage.address("disk.img:1")).unwrap().unwrap();
        let begin = START + container.toc.runs().map(|run| run.offset.0).min().unwrap();
        stage.destroy(&[0..34 * 512, end - 33 * 512..end, START..begin], How::Zeros);
        names(stage.images("disk.img"), "toc", &format!("disk.img@{START}"));
        stage.run(&format!("verify disk.img@{START}/user"), 0);
        stage.run(&format!("extract disk.img@{START}/user /one --to {}", family.name), 0);
        sh(stage.dir.path(), &format!("cmp {}/one f/one", family.name));
    }
}

#[test]
fn left_overs_are_told_apart_by_id_and_sequence() {
    let stage = Stage::new(FAT16);
    let disk = OpenOptions::new().write(true).open(stage.disk()).unwrap();
    // Only the tables are left of the volume.
    stage.destroy(&[START..stage.begin()], How::Zeros);
    // A table of the same container with a lower number, an older place of the user image, in free clusters.
    let free = stage.begin() - (4 << 20);
    let mut older = stage.toc.clone();
    older.sequence = 3;
    older.files[1].runs[0].offset.0 -= 2 << 20;
    let put = |toc: &lifeboat::image::container::Toc, at: u64| {
        let at = lifeboat::unit::ByteOffset(at - START);
        disk.write_all_at(&encode(toc, at, ByteLen(1 << 20)).unwrap(), START + at.0).unwrap();
    };
    put(&older, free);
    // And one of another container, whose files are overwritten.
    let mut stranger = stage.toc.clone();
    stranger.container_id = uuid::Uuid::from_u128(77);
    stranger.sequence = 99;
    stranger.images.iter_mut().for_each(|image| image.image_id = uuid::Uuid::from_u128(78));
    stranger.files.truncate(1);
    put(&stranger, free + (1 << 20));
    stage.finds_both("left-overs", "disk.img:1", "toc");

    // The newest names files that are not there: the older one is used, and that is said.
    let mut newest = stage.toc.clone();
    newest.sequence = 8;
    newest.files.iter_mut().for_each(|file| file.runs[0].offset.0 -= 1 << 20);
    put(&newest, free + (2 << 20));
    stage.finds_both("a newer table without files", "disk.img:1", "toc");
    assert!(stage.run("images disk.img", 0).contains("number 8 names are not there; number 7 is used"));
}

#[test]
fn an_interrupted_restore_is_named() {
    let stage = Stage::new(FAT16);
    let id = stage.toc.images[0].image_id;
    let mut marker =
        format!("LIFEBOAT-UNFINISHED\nThe restore of image {id} onto this place was not finished.\n").into_bytes();
    marker.resize(512, 0);
    let disk = OpenOptions::new().write(true).open(stage.disk()).unwrap();
    disk.write_all_at(&marker, START).unwrap();
    stage.finds_both("unfinished", "disk.img:1", "toc");
    let request = LocateRequest {
        sources: vec![stage.address("disk.img:1")],
        aids: Vec::new(),
        thoroughness: Thoroughness::Quick,
    };
    let found = locate(&request, &Monitor::new()).unwrap();
    let finding = found[0].findings.iter().find(|finding| finding.rule == "container.unfinished").unwrap();
    assert!(finding.message.contains(&id.to_string()), "{finding:?}");
    assert!(matches!(found[0].volume, Address::Partition(_, 1)));
}

#[test]
fn nothing_found_is_said_and_is_no_failure() {
    let stage = Stage::new(FAT16);
    stage.destroy(&[START..stage.first.len() as u64], How::Zeros);
    assert_eq!(stage.json("images disk.img --json"), serde_json::json!({ "images": [] }));
    assert!(stage.run("images disk.img", 0).contains("No images were found inside disk.img"));
    let said = stage.run("verify disk.img:1/factory", 3);
    assert!(said.contains("holds no image named factory") && said.contains("There are no images"), "{said}");
}

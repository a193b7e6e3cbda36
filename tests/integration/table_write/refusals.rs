//! What is refused, and with which numbers. Nothing is written by a refusal: there is nothing but an error.

use lifeboat::error::{Error, Kind as Class};
use lifeboat::table::{self, Entry, Kind, WantedEntry};
use lifeboat::unit::{ByteLen, ByteOffset};

use super::stage::{Disk, GPT, LOGICALS, MIB, PRIMARIES};

fn wanted(disk: &Disk, number: u32) -> WantedEntry {
    let table = disk.read();
    WantedEntry::of(&table, table.entries.iter().find(|entry| entry.number == number).unwrap())
}

fn refused(disk: &Disk, wanted: &WantedEntry) -> String {
    says(table::put_entry(&disk.shared(), wanted).unwrap_err())
}

fn says(error: Error) -> String {
    assert_eq!(error.kind(), Class::Refused, "{error}");
    error.to_string()
}

fn holds(said: &str, words: &[&str]) {
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
}

#[test]
fn an_overlap_is_refused_with_both_places() {
    for script in [GPT, PRIMARIES] {
        let disk = Disk::make(512, 12 * MIB, script);
        let first = wanted(&disk, 1);
        disk.run("sfdisk -q --delete $D 1");
        disk.run("sfdisk -q --append --wipe never $D <<< '1: start=4096, size=2048' >/dev/null");
        holds(&refused(&disk, &first), &["1048576 to 3145728", "partition 1", "2097152 to 3145728"]);
    }
}

#[test]
fn a_disk_that_is_too_small_is_refused_with_its_length() {
    for script in [GPT, PRIMARIES] {
        let disk = Disk::make(512, 12 * MIB, script);
        let last = wanted(&disk, if script == GPT { 3 } else { 4 });
        let copy = table::capture(&disk.shared()).unwrap().unwrap();
        let small = disk.resized(last.start.0 + MIB / 2);
        let len = small.len().to_string();
        holds(&refused(&small, &last), &[&last.start.0.to_string(), "1048576 bytes", &len]);
        holds(&says(table::put_back(&small.shared(), &copy).unwrap_err()), &["1048576 bytes", &len]);
    }
    // The partition fits the disk, but the backup behind it does not.
    let disk = Disk::make(512, 12 * MIB, GPT);
    let copy = table::capture(&disk.shared()).unwrap().unwrap();
    let last = wanted(&disk, 3);
    let small = disk.resized(last.start.0 + last.len.0 + 16 * 512);
    holds(&says(table::put_back(&small.shared(), &copy).unwrap_err()), &["partition 3 ends with sector 16383"]);
    small.write(0, &[0; 4096]);
    holds(&refused(&small, &last), &["sectors 14336 to 16383", "34 to 16366"]);
}

#[test]
fn a_full_table_is_refused_with_its_count() {
    let mbr = Disk::make(512, 12 * MIB, PRIMARIES);
    let first = wanted(&mbr, 1);
    let four = "sfdisk -q $D <<< $'label: dos\\nstart=6144,size=64\\nstart=6208,size=64\\nstart=6272,size=64\\nstart=6336,size=64'";
    mbr.run(four);
    holds(&refused(&mbr, &first), &["all 4 entries"]);
    let gpt = Disk::make(512, 12 * MIB, GPT);
    let first = wanted(&gpt, 1);
    gpt.run("sfdisk -q $D <<< $(echo label: gpt; echo grain: 4K; for n in {0..127}; do echo start=$((8192+n*8)),size=4KiB; done)");
    holds(&refused(&gpt, &first), &["all 128 entries"]);
}

#[test]
fn a_logical_partition_without_its_frame_is_refused_by_name() {
    let disk = Disk::make(512, 22 * MIB, LOGICALS);
    let logical = wanted(&disk, 6);
    let bare = disk.twin();
    bare.run("sfdisk -q --delete $D 3");
    holds(&refused(&bare, &logical), &["partition 6 is a logical one", "no extended partition", "Put back the whole"]);
    bare.write(0, &[0; 512]);
    holds(&refused(&bare, &logical), &["partition 6 is a logical one", "no extended partition"]);
    // A primary one is not put into an extended one either.
    let inside = WantedEntry { number: 2, ..logical };
    disk.run("sfdisk -q --delete $D 6; sfdisk -q --delete $D 2");
    holds(&refused(&disk, &inside), &["overlaps the extended partition 3"]);
}

#[test]
fn a_table_of_another_kind_is_refused() {
    let (gpt, mbr) = (Disk::make(512, 12 * MIB, GPT), Disk::make(512, 12 * MIB, PRIMARIES));
    holds(&refused(&gpt, &wanted(&mbr, 2)), &["kind mbr", "kind gpt today"]);
    holds(&refused(&mbr, &wanted(&gpt, 3)), &["kind gpt", "kind mbr today"]);
    // An MBR that names nothing stands in nobody's way.
    let first = wanted(&gpt, 1);
    mbr.write(446, &[0; 64]);
    mbr.apply(&table::put_entry(&mbr.shared(), &first).unwrap());
    assert_eq!(mbr.read().kind, Kind::Gpt);
    mbr.verify_gpt();
}

#[test]
fn a_volume_on_the_whole_disk_is_not_overwritten() {
    let disk = Disk::make(512, 12 * MIB, GPT);
    let copy = table::capture(&disk.shared()).unwrap().unwrap();
    for make in ["mkfs.fat -I $D >/dev/null", "mkfs.ext4 -qF $D", "mkntfs -qF $D >/dev/null 2>&1"] {
        let volume = Disk::make(512, 12 * MIB, make);
        holds(&refused(&volume, &wanted(&disk, 1)), &["the disk as a whole is", "clear the disk's first sectors"]);
        holds(&says(table::put_back(&volume.shared(), &copy).unwrap_err()), &["the disk as a whole is"]);
    }
}

#[test]
fn an_id_that_lies_elsewhere_is_refused() {
    let disk = Disk::make(512, 12 * MIB, GPT);
    let first = wanted(&disk, 1);
    let id = first.id.clone().unwrap();
    disk.run(&format!(
        "sfdisk -q --delete $D 1; sfdisk -q --append --wipe never $D <<< '7: start=18432, size=2048, uuid={id}'"
    ));
    holds(&refused(&disk, &first), &["partition 7 has the id", "byte 9437184 with 1048576 bytes"]);
}

#[test]
fn what_is_no_partition_is_refused() {
    let disk = Disk::make(512, 22 * MIB, LOGICALS);
    holds(&refused(&disk, &wanted(&disk, 3)), &["an extended partition is a frame"]);
    let first = wanted(&disk, 1);
    let blank = Disk::make(512, 12 * MIB, "true");
    holds(&refused(&blank, &WantedEntry { table: Kind::None, ..first.clone() }), &["no partition table"]);
    holds(&refused(&blank, &WantedEntry { start: ByteOffset(1000), ..first.clone() }), &["whole sectors"]);
    holds(&refused(&blank, &WantedEntry { len: ByteLen(0), ..first.clone() }), &["0 bytes"]);
    holds(&refused(&blank, &WantedEntry { len: ByteLen(u64::MAX), ..first.clone() }), &["18446744073709551615 bytes"]);
    for kind in ["0x00", "0xee", "0x05", "0x5", "", "7", "0FC63DAF-8483-4772-8E79-3D69D8477DE4"] {
        let raw = Vec::new();
        assert!(
            table::put_entry(&blank.shared(), &WantedEntry { type_id: kind.into(), raw, ..first.clone() }).is_err()
        );
        assert!(table::set_type(&disk.shared(), 1, kind).is_err(), "{kind}");
        assert!(table::set_type(&disk.shared(), 6, kind).is_err(), "{kind}");
    }
    holds(&says(table::set_type(&disk.shared(), 99, "0x07").unwrap_err()), &["no partition 99"]);
    holds(&says(table::set_type(&disk.shared(), 3, "0x07").unwrap_err()), &["extended partition is not changed"]);
    assert!(table::set_type(&blank.shared(), 1, "0x07").is_err());
    let gpt = Disk::make(512, 12 * MIB, GPT);
    for kind in ["00000000-0000-0000-0000-000000000000", "0x07", "x"] {
        holds(&says(table::set_type(&gpt.shared(), 1, kind).unwrap_err()), &["no partition type of a GPT"]);
    }
}

#[test]
fn a_table_whose_links_lie_in_its_partitions_is_not_changed() {
    let disk = Disk::make(512, 22 * MIB, LOGICALS);
    // A first partition that reaches over the extended one's links.
    disk.write(446 + 12, &30_000u32.to_le_bytes());
    holds(
        &says(table::set_type(&disk.shared(), 6, "0x07").unwrap_err()),
        &["contradicts itself", "lies in partition 1"],
    );
}

#[test]
fn the_disk_that_grew_takes_a_partition_behind_its_old_end() {
    let disk = Disk::make(512, 12 * MIB, GPT);
    let grown = disk.resized(24 * MIB);
    let entry = Entry {
        number: 9,
        start: ByteOffset(16 * MIB),
        len: ByteLen(4 * MIB),
        type_id: "0FC63DAF-8483-4772-8E79-3D69D8477DE4".into(),
        ..Entry::default()
    };
    grown.apply(&table::put_entry(&grown.shared(), &WantedEntry::new(Kind::Gpt, None, entry)).unwrap());
    grown.verify_gpt();
    assert_eq!(grown.partitions().len(), 4);
}

//! Single entries, put back into the table that is there or into a new one.

use lifeboat::table::{self, Entry, Kind, Told, WantedEntry};

use super::stage::{Disk, GPT, LOGICALS, MIB, PRIMARIES, SHAPES, Shape, links, noise};

/// The partitions of a table as what is kept of them in an image.
fn wanted(disk: &Disk) -> Vec<WantedEntry> {
    let table = disk.read();
    let entries = table.entries.iter().filter(|entry| !entry.is_extended());
    entries.map(|entry| WantedEntry::of(&table, entry)).collect()
}

fn put(disk: &Disk, wanted: &WantedEntry) -> usize {
    let writes = table::put_entry(&disk.shared(), wanted).unwrap();
    disk.apply(&writes);
    assert_eq!(table::tells(&disk.read(), wanted), Told::Same);
    assert_eq!(table::put_entry(&disk.shared(), wanted).unwrap(), [], "nothing more to do");
    writes.len()
}

/// A few partitions of a disk: all of them, or of many the first, the last and one between.
fn some(wanted: Vec<WantedEntry>) -> Vec<WantedEntry> {
    let count = wanted.len();
    let chosen = |at: &usize| count < 10 || [0, count / 2, count - 1].contains(at);
    wanted.into_iter().enumerate().filter(|(at, _)| chosen(at)).map(|(_, one)| one).collect()
}

#[test]
fn a_removed_partition_comes_back_into_its_slot() {
    for shape in &SHAPES {
        let disk = shape.make();
        let before = disk.partitions();
        for wanted in some(wanted(&disk)) {
            let other = disk.twin();
            other.run(&format!("sfdisk -q --delete $D {}", wanted.number));
            assert!(!matches!(table::tells(&other.read(), &wanted), Told::Same));
            assert!(put(&other, &wanted) > 0, "{} {}", shape.name, wanted.number);
            let mut after = other.partitions();
            if wanted.number > 4 && wanted.table == Kind::Mbr {
                // The first link stays what it is, so the first logical partition comes back as the second one.
                let place = |lines: &[String]| {
                    let mut all: Vec<_> = lines.iter().map(|line| line.split_once(':').unwrap().1.to_owned()).collect();
                    all.sort();
                    all
                };
                assert_eq!(place(&after), place(&before), "{} {}", shape.name, wanted.number);
                if wanted.number == 5 {
                    continue;
                }
            }
            after.sort();
            let mut before = before.clone();
            before.sort();
            assert_eq!(after, before, "{} {}", shape.name, wanted.number);
            if wanted.table == Kind::Gpt && shape.name != "hybrid" {
                other.verify_gpt();
            }
        }
    }
}

#[test]
fn all_partitions_of_a_disk_come_back_one_by_one_without_any_table() {
    let gpt_or_primaries = |shape: &&Shape| !shape.name.starts_with("logicals") && !shape.name.contains("full");
    for shape in SHAPES.iter().filter(gpt_or_primaries) {
        for zeros in [true, false] {
            let disk = shape.make();
            let (before, id, wanted) = (disk.partitions(), disk.read().id, wanted(&disk));
            let area = 64 << 10;
            for at in [0, disk.len() - area as u64] {
                disk.write(at, &if zeros { vec![0; area] } else { noise(area) });
            }
            // Entries over the 128th need a table that is larger than a new one is.
            let (usual, many): (Vec<_>, Vec<_>) = wanted.iter().partition(|one| one.number <= 128);
            for wanted in usual.into_iter().chain(many) {
                put(&disk, wanted);
            }
            if shape.name != "gpt of 256" {
                assert_eq!(disk.partitions(), before, "{}", shape.name);
            }
            assert_eq!((disk.read().entries.len(), disk.read().id), (wanted.len(), id), "{}", shape.name);
            if wanted[0].table == Kind::Gpt {
                disk.verify_gpt();
            }
        }
    }
}

#[test]
fn a_lost_link_comes_back_with_those_behind_it() {
    let disk = Disk::make(512, 22 * MIB, LOGICALS);
    let (before, all) = (disk.partitions(), wanted(&disk));
    for (index, (at, len)) in links(&disk).into_iter().enumerate() {
        for lost in [vec![0; len], noise(len)] {
            let other = disk.twin();
            other.write(at, &lost);
            let logical = all.iter().find(|one| one.number == 5 + index as u32).unwrap();
            assert!(put(&other, logical) <= 2);
            assert_eq!(other.partitions(), before, "link {index}");
        }
    }
}

#[test]
fn logical_partitions_come_back_in_any_order_when_all_links_are_gone() {
    let disk = Disk::make(512, 22 * MIB, LOGICALS);
    let all: Vec<WantedEntry> = wanted(&disk).into_iter().filter(|one| one.number > 4).collect();
    let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [2, 3, 0, 1], [1, 0, 3, 2]];
    let before = disk.partitions();
    let places = |lines: &[String]| {
        let mut all: Vec<_> = lines.iter().map(|line| line.split_once(':').unwrap().1.to_owned()).collect();
        all.sort();
        all
    };
    for order in orders {
        let other = disk.twin();
        for (at, len) in links(&disk) {
            other.write(at, &vec![0; len]);
        }
        for index in order {
            put(&other, &all[index]);
        }
        assert_eq!(places(&other.partitions()), places(&before), "{order:?}");
        if order == [0, 1, 2, 3] {
            assert_eq!(other.partitions(), before);
        }
        assert_eq!(other.read().notes, Vec::<String>::new());
    }
}

#[test]
fn an_entry_that_differs_is_repaired() {
    for script in [GPT, PRIMARIES, LOGICALS] {
        let disk = Disk::make(512, 22 * MIB, script);
        let before = disk.dump();
        for wanted in wanted(&disk) {
            let other = disk.twin();
            let kind = if wanted.table == Kind::Gpt { "8DA63339-0007-60C0-C436-083AC8230908" } else { "27" };
            other.run(&format!("sfdisk -q --part-type $D {} {kind}", wanted.number));
            let Told::Differs(said) = table::tells(&other.read(), &wanted) else { panic!("{}", wanted.number) };
            assert!(said.contains("has the type"), "{said}");
            put(&other, &wanted);
            assert_eq!(other.dump(), before);
        }
    }
}

#[test]
fn an_entry_is_made_from_words_when_its_bytes_are_not_known() {
    for script in [GPT, PRIMARIES] {
        let disk = Disk::make(512, 12 * MIB, script);
        let before = disk.dump();
        for wanted in wanted(&disk) {
            let other = disk.twin();
            other.run(&format!("sfdisk -q --delete $D {}", wanted.number));
            put(&other, &WantedEntry { raw: Vec::new(), ..wanted });
            assert_eq!(other.dump(), before);
        }
    }
}

#[test]
fn a_record_as_images_keep_it_is_enough() {
    let disk = Disk::make(4096, 12 * MIB, PRIMARIES);
    let before = disk.partitions();
    let table = disk.read();
    let records: Vec<(Entry, String)> = table
        .entries
        .iter()
        .map(|entry| (entry.clone(), entry.raw.iter().map(|byte| format!("{byte:02x}")).collect()))
        .collect();
    let unknown = std::sync::Arc::new(lifeboat::device::MemoryDevice::new(vec![0; 12 << 20]));
    let shared: lifeboat::device::SharedDevice = unknown.clone();
    for (entry, hex) in records {
        let raw = table::bytes_from_hex(&hex).unwrap();
        let entry = Entry { type_name: None, raw, ..entry };
        let wanted = WantedEntry::new(Kind::Mbr, table.id.clone(), entry);
        assert_eq!(wanted.sector_bytes, 4096, "a file does not know it, the record does");
        for write in table::put_entry(&shared, &wanted).unwrap() {
            lifeboat::device::WriteDevice::write_at(&*unknown, write.offset, &write.new).unwrap();
        }
    }
    disk.write(0, &unknown.to_vec());
    assert_eq!(disk.partitions(), before);
}

#[test]
fn another_active_partition_stays_the_only_one() {
    let disk = Disk::make(512, 12 * MIB, PRIMARIES);
    let first = wanted(&disk).remove(0);
    assert!(first.active);
    disk.run("sfdisk -q --delete $D 1; sfdisk -q -A $D 2");
    put(&disk, &first);
    let active: Vec<u32> = disk.read().entries.iter().filter(|entry| entry.active).map(|entry| entry.number).collect();
    assert_eq!(active, [2]);
}

#[test]
fn a_partition_goes_into_a_free_slot_when_its_own_is_taken() {
    for script in [GPT, PRIMARIES] {
        let disk = Disk::make(512, 22 * MIB, script);
        let first = wanted(&disk).remove(0);
        disk.run("sfdisk -q --delete $D 1; sfdisk -q --append --wipe never $D <<< '1: start=20000, size=2048' || true");
        let taken = disk.read();
        if taken.entries[0].start.0 == 20000 * 512 {
            put(&disk, &first);
            let now = disk.read();
            assert_eq!(now.entries.len(), taken.entries.len() + 1);
            let placed = now.entries.iter().find(|entry| entry.start == first.start).unwrap();
            assert_ne!(placed.number, 1);
        } else {
            panic!("sfdisk made another table: {taken:?}");
        }
    }
}

#[test]
fn a_damaged_half_of_a_gpt_is_put_right_with_the_entry() {
    let disk = Disk::make(512, 12 * MIB, GPT);
    let before = disk.dump();
    let first = wanted(&disk).remove(0);
    let len = disk.len();
    for (at, len) in [(0, 512), (512, 512), (1024, 4096), (len - 512, 512), (len - 33 * 512, 4096)] {
        for gone in [false, true] {
            let other = disk.twin();
            if gone {
                other.run("sfdisk -q --delete $D 1");
            }
            other.write(at, &noise(len));
            // Of the whole half and the new one, one must be there whenever the power goes.
            assert!(put(&other, &first) > 0);
            other.verify_gpt();
            assert_eq!(other.dump(), before);
        }
    }
}

#[test]
fn a_type_is_changed_and_changed_back() {
    for shape in &SHAPES {
        let disk = shape.make();
        for wanted in some(wanted(&disk)) {
            let other = disk.twin();
            let kind = if wanted.table == Kind::Gpt {
                table::RECOVERY_TYPE_GPT.to_owned()
            } else {
                format!("0x{:02x}", table::RECOVERY_TYPE_MBR)
            };
            other.apply(&table::set_type(&other.shared(), wanted.number, &kind).unwrap());
            let entry = other.read().entries.into_iter().find(|entry| entry.number == wanted.number).unwrap();
            assert_eq!(entry.type_name.as_deref(), Some("Lifeboat recovery aid"), "{}", shape.name);
            let said = other.run(&format!("sfdisk --part-type $D {}", wanted.number));
            assert_eq!(said.trim(), kind.trim_start_matches("0x"));
            assert_eq!(table::set_type(&other.shared(), wanted.number, &kind).unwrap(), []);
            other.apply(&table::set_type(&other.shared(), wanted.number, &wanted.type_id).unwrap());
            assert!(other.device.to_vec() == disk.device.to_vec(), "{}", shape.name);
        }
    }
}

//! Whole tables, kept and put back.

use lifeboat::table::{self, Health, Kind, TableCopy};

use super::stage::{Disk, GPT, LOGICALS, MIB, PRIMARIES, SHAPES, noise, parts};

#[test]
fn every_table_comes_back_from_every_damage() {
    let mut cases = 0;
    for shape in &SHAPES {
        let disk = shape.make();
        let (good, dump) = (disk.read(), disk.dump());
        let copy = table::capture(&disk.shared()).unwrap().unwrap();
        assert_eq!(table::put_back(&disk.shared(), &copy).unwrap(), [], "{}: nothing to do", shape.name);
        assert_eq!(copy.table().unwrap().entries, good.entries, "{}", shape.name);
        for (part, places) in parts(&disk) {
            for zeros in [true, false] {
                let damaged = disk.twin();
                for (at, len) in &places {
                    damaged.write(*at, &if zeros { vec![0; *len] } else { noise(*len) });
                }
                let writes =
                    table::put_back(&damaged.shared(), &copy).unwrap_or_else(|e| panic!("{} {part}: {e}", shape.name));
                damaged.apply(&writes);
                assert_eq!(table::put_back(&damaged.shared(), &copy).unwrap(), []);
                // What lies behind the first 512 bytes of sector 0 is not the table's.
                let behind = disk.bytes(512, shape.sector as usize - 512);
                damaged.write(512, &behind);
                assert!(damaged.device.to_vec() == disk.device.to_vec(), "{}, {part}", shape.name);
                cases += 1;
            }
        }
        // The bytes are the same in every case, so one look of the tools' own speaks for all.
        assert_eq!(disk.dump(), dump);
        if good.kind == Kind::Gpt && shape.name != "hybrid" {
            disk.verify_gpt();
        }
    }
    println!("{cases} damages");
    assert!(cases > 100, "{cases}");
}

#[test]
fn a_copy_survives_being_written_as_text() {
    for shape in &SHAPES {
        let disk = shape.make();
        let copy = table::capture(&disk.shared()).unwrap().unwrap();
        let toml: TableCopy = toml::from_str(&toml::to_string(&copy).unwrap()).unwrap();
        let json: TableCopy = serde_json::from_str(&serde_json::to_string(&copy).unwrap()).unwrap();
        assert_eq!((&toml, &json), (&copy, &copy), "{}", shape.name);
    }
}

#[test]
fn a_disk_without_a_usable_table_gives_no_copy() {
    let disk = Disk::make(512, 4 * MIB, "true");
    assert_eq!(table::capture(&disk.shared()).unwrap(), None);
    let disk = Disk::make(512, 12 * MIB, GPT);
    disk.write(512, &[0; 512]);
    let from_backup = table::capture(&disk.shared()).unwrap().unwrap();
    assert_eq!(from_backup.table().unwrap().entries, disk.read().entries);
    disk.write(disk.len() - 512, &[0; 512]);
    assert_eq!(disk.read().health, Health::Damaged);
    assert_eq!(table::capture(&disk.shared()).unwrap(), None);
    disk.apply(&table::put_back(&disk.shared(), &from_backup).unwrap());
    disk.verify_gpt();
}

#[test]
fn a_gpt_goes_onto_a_larger_and_a_smaller_disk() {
    for sector in [512, 4096] {
        let disk = Disk::make(sector, 12 * MIB, GPT);
        let partitions = disk.partitions();
        let copy = table::capture(&disk.shared()).unwrap().unwrap();
        for (len, blank) in [(24, true), (24, false), (11, true), (11, false), (9, false)] {
            let other = disk.resized(len * MIB);
            if blank {
                other.write(0, &vec![0; 64 << 10]);
            }
            other.apply(&table::put_back(&other.shared(), &copy).unwrap());
            other.verify_gpt();
            assert_eq!(other.partitions(), partitions, "{sector} {len}");
            let said = other.run("sfdisk --dump $D | grep last-lba");
            let last: u64 = said.split_whitespace().last().unwrap().parse().unwrap();
            let array = (16 << 10) / u64::from(sector);
            assert_eq!(last, len * MIB / u64::from(sector) - array - 2, "the last usable sector is renewed");
            assert_eq!(other.read().health, Health::Ok, "{:?}", other.read().notes);
        }
    }
}

#[test]
fn a_table_takes_the_place_of_one_of_another_kind() {
    let gpt = Disk::make(512, 22 * MIB, GPT);
    let mbr = Disk::make(512, 22 * MIB, LOGICALS);
    let (gpt_copy, mbr_copy) =
        (table::capture(&gpt.shared()).unwrap().unwrap(), table::capture(&mbr.shared()).unwrap().unwrap());
    let (gpt_dump, mbr_dump) = (gpt.dump(), mbr.dump());
    gpt.apply(&table::put_back(&gpt.shared(), &mbr_copy).unwrap());
    assert_eq!((gpt.dump(), gpt.read().health), (mbr_dump, Health::Ok), "{:?}", gpt.read().notes);
    mbr.apply(&table::put_back(&mbr.shared(), &gpt_copy).unwrap());
    assert_eq!((mbr.dump(), mbr.read().health), (gpt_dump, Health::Ok), "{:?}", mbr.read().notes);
    mbr.verify_gpt();
}

#[test]
fn boot_code_of_the_disk_is_kept_and_lost_boot_code_comes_back() {
    for script in [GPT, PRIMARIES] {
        let disk = Disk::make(512, 12 * MIB, script);
        disk.write(0, &[0xeb, 0x63, 0x90]);
        let copy = table::capture(&disk.shared()).unwrap().unwrap();
        let newer = disk.twin();
        newer.write(0, &[0xeb, 0x63, 0x91]);
        newer.write(446, &[0; 64]);
        newer.apply(&table::put_back(&newer.shared(), &copy).unwrap());
        assert_eq!(newer.bytes(0, 3), [0xeb, 0x63, 0x91], "today's boot code belongs to today's boot loader");
        assert_eq!(newer.bytes(440, 72), disk.bytes(440, 72));
        for lost in [vec![0; 512], noise(512)] {
            let damaged = disk.twin();
            damaged.write(0, &lost);
            damaged.apply(&table::put_back(&damaged.shared(), &copy).unwrap());
            assert!(damaged.bytes(0, 512) == disk.bytes(0, 512));
        }
    }
}

#[test]
fn a_table_for_small_sectors_on_a_disk_with_large_ones_is_written_in_whole_sectors() {
    let small = Disk::make(512, 12 * MIB, GPT);
    let copy = table::capture(&small.shared()).unwrap().unwrap();
    let bytes = small.device.to_vec();
    let large = std::sync::Arc::new(lifeboat::device::MemoryDevice::with_sectors(bytes.clone(), 4096));
    let shared: lifeboat::device::SharedDevice = large.clone();
    lifeboat::device::WriteDevice::write_at(&*large, lifeboat::unit::ByteOffset(0), &[0; 8192]).unwrap();
    for write in table::put_back(&shared, &copy).unwrap() {
        assert!(write.offset.0.is_multiple_of(4096) && write.new.len().is_multiple_of(4096), "{}", write.what);
        lifeboat::device::WriteDevice::write_at(&*large, write.offset, &write.new).unwrap();
    }
    assert!(large.to_vec() == bytes);
}

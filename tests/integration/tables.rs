//! Partition tables made by `sfdisk` and `sgdisk`, read by us and compared with what those tools say; lost
//! volumes made by `mkfs`, found again.

use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::{FileDevice, MemoryDevice, SharedDevice};
use lifeboat::inventory::{self, LookRequest};
use lifeboat::table::{self, Depth, Found, Health, Kind, Scan, Table};
use serde_json::{Value, json};

use crate::oracle::sh;
use crate::random::Random;

const MIB: u64 = 1 << 20;

fn open(path: &Path) -> SharedDevice {
    Arc::new(FileDevice::open(path).unwrap())
}

fn read(path: &Path) -> Table {
    table::read(&open(path)).unwrap()
}

fn write(path: &Path, at: u64, bytes: &[u8]) {
    std::fs::OpenOptions::new().write(true).open(path).unwrap().write_all_at(bytes, at).unwrap();
}

fn bytes(path: &Path, at: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    std::fs::File::open(path).unwrap().read_exact_at(&mut bytes, at).unwrap();
    bytes
}

/// Our table in the words of `sfdisk --json`.
fn as_sfdisk(table: &Table, path: &str) -> Value {
    let unit = u64::from(table.sector_bytes);
    let partitions: Vec<Value> = table
        .entries
        .iter()
        .map(|entry| {
            let mut one = json!({
                "node": format!("{path}{}", entry.number),
                "start": entry.start.0 / unit,
                "size": entry.len.0 / unit,
                "type": entry.type_id.strip_prefix("0x").map_or(entry.type_id.as_str(), |id| id.trim_start_matches('0')),
            });
            if table.kind == Kind::Gpt {
                one["uuid"] = entry.id.clone().into();
                if let Some(name) = &entry.name {
                    one["name"] = name.clone().into();
                }
                if entry.active {
                    one["attrs"] = "LegacyBIOSBootable".into();
                }
            } else if entry.active {
                one["bootable"] = true.into();
            }
            one
        })
        .collect();
    let (label, id) = match table.kind {
        Kind::Gpt => ("gpt", table.id.clone().unwrap()),
        _ => ("dos", format!("0x{}", table.id.clone().unwrap())),
    };
    json!({ "label": label, "id": id, "sectorsize": unit, "partitions": partitions })
}

/// Runs `sfdisk` on the file, or for large sectors on a loop device that has them.
fn run_sfdisk(dir: &Path, file: &str, sector: u32, args: &str) -> String {
    if sector == 512 {
        return sh(dir, &format!("sfdisk {file} {args}"));
    }
    let script = "n=$(losetup -f --show --sector-size SECTOR FILE); trap 'losetup -d $n' EXIT; sfdisk $n ARGS";
    sh(dir, &script.replace("SECTOR", &sector.to_string()).replace("FILE", file).replace("ARGS", args))
}

/// What `sfdisk` says of the same file; nodes as the file's name and the number.
fn sfdisk(dir: &Path, file: &str, sector: u32) -> Value {
    let all: Value = serde_json::from_str(&run_sfdisk(dir, file, sector, "--json")).unwrap();
    let table = &all["partitiontable"];
    let device = table["device"].as_str().unwrap();
    let mut partitions = table["partitions"].clone();
    for partition in partitions.as_array_mut().unwrap() {
        let number = partition["node"].as_str().unwrap()[device.len()..].trim_start_matches('p');
        partition["node"] = format!("{file}{number}").into();
    }
    json!({ "label": table["label"], "id": table["id"], "sectorsize": table["sectorsize"], "partitions": partitions })
}

fn make(size: &str, sector: u32, script: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d.img");
    std::fs::write(dir.path().join("script"), format!("{script}\n")).unwrap();
    sh(dir.path(), &format!("truncate -s {size} d.img"));
    run_sfdisk(dir.path(), "d.img", sector, "-q < script");
    (dir, path)
}

const GPT: &str = "label: gpt\nsize=4MiB, type=U, name=\"EFI ä\"\n5: size=8MiB, type=L, name=\"data\", attrs=\"LegacyBIOSBootable\"\n3: size=2MiB, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7";
const MBR: &str = "label: dos\nlabel-id: 0x1234abcd\nsize=4MiB, type=7, bootable\nsize=4MiB, type=c\nsize=40MiB, type=f\nsize=4MiB, type=83\nsize=5MiB, type=83\nsize=6MiB, type=82\nsize=7MiB, type=7";

#[test]
fn a_gpt_reads_as_sfdisk_reads_it_with_either_sector_size() {
    for sector in [512, 4096] {
        let (dir, path) = make("64M", sector, GPT);
        let table = read(&path);
        assert_eq!(
            (table.kind, table.health, table.sector_bytes),
            (Kind::Gpt, Health::Ok, sector),
            "{:?}",
            table.notes
        );
        assert_eq!(as_sfdisk(&table, "d.img"), sfdisk(dir.path(), "d.img", sector));
        assert_eq!(table.entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), [1, 3, 5]);
        assert_eq!(table.entries[0].type_name.as_deref(), Some("EFI system"));
        let at = 2 * u64::from(sector) + 4 * 128;
        assert_eq!(table.entries[2].raw, bytes(&path, at, 128));
    }
}

#[test]
fn an_mbr_with_logical_partitions_reads_as_sfdisk_reads_it() {
    for sector in [512, 4096] {
        let (dir, path) = make("128M", sector, MBR);
        // A file does not say its sector size; what lies in the partitions tells it.
        if sector == 4096 {
            sh(dir.path(), "mkfs.ext4 -q -E offset=1048576 d.img 4M");
        }
        let table = read(&path);
        assert_eq!((table.kind, table.health), (Kind::Mbr, Health::Ok), "{:?}", table.notes);
        assert_eq!(as_sfdisk(&table, "d.img"), sfdisk(dir.path(), "d.img", sector));
        assert_eq!(table.entries.last().unwrap().id.as_deref(), Some("1234abcd-07"));
    }
}

#[test]
fn logical_partitions_out_of_order_keep_the_chains_order() {
    let script = "label: dos\n1: start=2048, size=200000, type=5\n5: start=100000, size=2000, type=83\n6: start=4096, size=2000, type=7\n7: start=50000, size=3000, type=c";
    let (dir, path) = make("128M", 512, script);
    let table = read(&path);
    assert_eq!(table.health, Health::Ok, "{:?}", table.notes);
    assert_eq!(as_sfdisk(&table, "d.img"), sfdisk(dir.path(), "d.img", 512));
}

#[test]
fn logical_partitions_beyond_4_gib_and_2_tib_are_found() {
    let script = "label: dos\nstart=2048, size=4294900000, type=f\nstart=4096, size=2000\nstart=9997952, size=2000\nstart=4294000000, size=2000";
    let (dir, path) = make("2100G", 512, script);
    let table = read(&path);
    assert_eq!(table.health, Health::Ok, "{:?}", table.notes);
    assert_eq!(as_sfdisk(&table, "d.img"), sfdisk(dir.path(), "d.img", 512));
}

#[test]
fn the_kernel_counts_partitions_as_we_do() {
    for (sector, script) in [(512, MBR), (4096, GPT)] {
        let (dir, path) = make("128M", sector, script);
        let list = sh(dir.path(), &format!("partx --sector-size {sector} -g -r -o NR,START,SECTORS d.img"));
        let table = read(&path);
        for line in list.lines() {
            let numbers: Vec<u64> = line.split_whitespace().map(|word| word.parse().unwrap()).collect();
            let entry = table.entries.iter().find(|entry| u64::from(entry.number) == numbers[0]).unwrap();
            assert_eq!(entry.start.0, numbers[1] * 512, "partition {}", numbers[0]);
        }
        assert_eq!(list.lines().count(), table.entries.len());
    }
}

#[test]
fn a_chain_that_loops_ends_and_is_said() {
    let (_dir, path) = make("128M", 512, MBR);
    let good = read(&path);
    let extended = good.entries[2].start.0;
    // The first link's pointer now names the first link.
    let mut link = bytes(&path, extended + 462, 16);
    link[8..12].fill(0);
    link[8] = 0;
    write(&path, extended + 462, &link);
    let cut = read(&path);
    assert_eq!(cut.entries.len(), 5, "a pointer of zero is no link");
    let second = good.entries[5].start.0 / 512 - 2048;
    let mut link = bytes(&path, second * 512 + 462, 16);
    link[8..12].copy_from_slice(&1u32.to_le_bytes());
    write(&path, second * 512 + 462, &link);
    let mut first = link.clone();
    first[4] = 5;
    first[8..12].copy_from_slice(&((second - extended / 512) as u32).to_le_bytes());
    first[12..16].copy_from_slice(&1000u32.to_le_bytes());
    write(&path, extended + 462, &first);
    let mut back = first;
    back[8..12].copy_from_slice(&((second - extended / 512) as u32).to_le_bytes());
    write(&path, second * 512 + 462, &back);
    let table = read(&path);
    assert_eq!(table.health, Health::Degraded);
    assert!(table.notes.iter().any(|note| note.contains("returns to the link")), "{:?}", table.notes);
    assert_eq!(table.entries.len(), 6);
}

#[test]
fn a_chain_that_leaves_the_extended_partition_is_said() {
    let (_dir, path) = make("128M", 512, MBR);
    let extended = read(&path).entries[2].start.0;
    write(&path, extended + 462 + 8, &u32::MAX.to_le_bytes());
    let table = read(&path);
    assert_eq!((table.health, table.entries.len()), (Health::Degraded, 5));
    assert!(table.notes[0].contains("outside the extended partition"), "{:?}", table.notes);
}

#[test]
fn every_half_of_a_damaged_gpt_gives_the_same_partitions() {
    let (_dir, path) = make("64M", 512, GPT);
    let (good, len) = (read(&path), 64 * MIB);
    let header = |at: u64| (at, bytes(&path, at, 92));
    let array = |at: u64| (at, bytes(&path, at, 1024));
    let cases = [
        (header(512), "its backup was used"),
        (array(1024), "its backup was used"),
        (header(len - 512), "the backup partition table is missing"),
        (array(len - 33 * 512), "the backup partition table is damaged"),
    ];
    for ((at, saved), note) in cases {
        write(&path, at, &vec![0x5a; saved.len()]);
        let table = read(&path);
        assert_eq!(table.health, Health::Degraded, "{at}");
        assert_eq!((&table.entries, &table.id), (&good.entries, &good.id), "{at}");
        assert!(table.notes.iter().any(|said| said.contains(note)), "{at}: {:?}", table.notes);
        write(&path, at, &saved);
    }
    assert_eq!(read(&path), good);
    write(&path, 1024 + 56, b"x");
    write(&path, len - 512, &[0; 512]);
    let table = read(&path);
    assert_eq!((table.kind, table.health, table.entries.len()), (Kind::Gpt, Health::Damaged, 0));
    assert_eq!(table.notes.len(), 2);
}

#[test]
fn a_gpt_without_its_protective_mbr_or_its_whole_beginning_is_still_one() {
    let (_dir, path) = make("64M", 512, GPT);
    let good = read(&path);
    write(&path, 0, &[0; 512]);
    let table = read(&path);
    assert_eq!((table.kind, table.health, &table.entries), (Kind::Gpt, Health::Degraded, &good.entries));
    assert!(table.notes[0].contains("protective MBR is missing"), "{:?}", table.notes);
    write(&path, 0, &vec![0; 34 * 512]);
    assert_eq!(read(&path).entries, good.entries);
}

#[test]
fn a_disk_that_grew_still_finds_its_backup() {
    let (dir, path) = make("64M", 512, GPT);
    let good = read(&path);
    sh(dir.path(), "truncate -s 100M d.img");
    let grown = read(&path);
    assert_eq!((grown.health, &grown.entries), (Health::Ok, &good.entries));
    assert!(grown.notes[0].contains("not at the end"), "{:?}", grown.notes);
    write(&path, 512, &[0; 512]);
    let table = read(&path);
    assert_eq!((table.health, &table.entries), (Health::Degraded, &good.entries));
    sh(dir.path(), "truncate -s 13M d.img");
    assert_eq!(read(&path).health, Health::Damaged);
}

#[test]
fn a_hybrid_is_said_and_read_as_gpt() {
    let (dir, path) = make("64M", 512, GPT);
    sh(dir.path(), "sgdisk --hybrid=1:3 d.img");
    let table = read(&path);
    assert_eq!((table.kind, table.health, table.entries.len()), (Kind::Gpt, Health::Ok, 3), "{:?}", table.notes);
    assert!(table.notes[0].starts_with("hybrid"), "{:?}", table.notes);
}

#[test]
fn sgdisk_agrees_about_larger_and_other_entries() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "truncate -s 64M d.img; sgdisk -o -S 256 -n 7:0:+4M -t 7:8200 -c 7:swap -n 200:0:+3M d.img");
    let table = read(&dir.path().join("d.img"));
    assert_eq!(table.health, Health::Ok, "{:?}", table.notes);
    assert_eq!(as_sfdisk(&table, "d.img"), sfdisk(dir.path(), "d.img", 512));
    assert_eq!(table.entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), [7, 200]);
}

/// Seals a header after a change: its own checksum, and that of its entries.
fn reseal(path: &Path, at: u64, array_at: u64, array_len: usize) {
    let mut header = bytes(path, at, 92);
    header[88..92].copy_from_slice(&crc32fast::hash(&bytes(path, array_at, array_len)).to_le_bytes());
    header[16..20].fill(0);
    let crc = crc32fast::hash(&header);
    header[16..20].copy_from_slice(&crc.to_le_bytes());
    write(path, at, &header);
}

#[test]
fn entries_of_256_bytes_are_read_without_the_crates_assertion() {
    let (_dir, path) = make("64M", 512, GPT);
    let good = read(&path);
    let old = bytes(&path, 1024, 8 * 128);
    for (slot, entry) in old.chunks(128).enumerate() {
        let mut wide = entry.to_vec();
        wide.resize(256, 0);
        write(&path, 1024 + slot as u64 * 256, &wide);
    }
    write(&path, 512 + 80, &64u32.to_le_bytes());
    write(&path, 512 + 84, &256u32.to_le_bytes());
    reseal(&path, 512, 1024, 64 * 256);
    let table = read(&path);
    let places =
        |table: &Table| table.entries.iter().map(|e| (e.number, e.start, e.len, e.id.clone())).collect::<Vec<_>>();
    assert_eq!(places(&table), places(&good));
    assert_eq!(table.entries[0].raw.len(), 256);
    assert!(table.notes[0].contains("differ"), "{:?}", table.notes);
}

#[test]
fn overlapping_and_out_of_range_entries_are_listed_and_said() {
    let (_dir, path) = make("64M", 512, GPT);
    let second = bytes(&path, 1024 + 2 * 128 + 32, 8);
    write(&path, 1024 + 4 * 128 + 32, &second);
    write(&path, 1024 + 40, &u64::MAX.to_le_bytes());
    reseal(&path, 512, 1024, 128 * 128);
    let table = read(&path);
    assert_eq!((table.health, table.entries.len()), (Health::Degraded, 3));
    for words in ["partition 1 reaches", "overlap"] {
        assert!(table.notes.iter().any(|note| note.contains(words)), "{words}: {:?}", table.notes);
    }
    let address = format!("{}:1", path.display()).parse().unwrap();
    let refusal = inventory::open_source(&address).err().unwrap().to_string();
    assert!(refusal.contains("does not fit the disk"), "{refusal}");
}

#[test]
fn boot_records_of_volumes_are_no_partition_tables() {
    let dir = tempfile::tempdir().unwrap();
    for make in ["mkfs.fat -F 12", "mkfs.fat -F 16", "mkfs.fat -F 32", "mkntfs -qF", "mkfs.ext4 -q"] {
        sh(dir.path(), &format!("rm -f v.img; truncate -s 40M v.img; {make} v.img >/dev/null 2>&1"));
        let table = read(&dir.path().join("v.img"));
        assert_eq!((table.kind, table.entries.len(), table.notes.len()), (Kind::None, 0, 0), "{make}");
        let found = scan(&dir.path().join("v.img")).found;
        assert_eq!(found.iter().map(|found| found.start.0).collect::<Vec<_>>(), [0], "{make}");
    }
}

#[test]
fn a_gpt_left_behind_by_mkfs_does_not_hide_the_volume() {
    let (dir, path) = make("64M", 512, GPT);
    sh(dir.path(), "mkntfs -qF d.img >/dev/null 2>&1");
    let table = read(&path);
    assert_eq!((table.kind, table.entries.len()), (Kind::None, 0));
    let (dir, path) = make("64M", 512, GPT);
    sh(dir.path(), "mkfs.fat -F 32 -I d.img >/dev/null");
    assert_eq!(read(&path).kind, Kind::None);
}

#[test]
fn an_mbr_over_a_gpt_that_was_left_behind_wins() {
    let (dir, path) = make("64M", 512, GPT);
    let gpt = (bytes(&path, 512, 33 * 512), bytes(&path, 64 * MIB - 33 * 512, 33 * 512));
    sh(dir.path(), "sfdisk -q --wipe never d.img <<< $'label: dos\\nsize=4MiB, type=7'");
    write(&path, 512, &gpt.0);
    write(&path, 64 * MIB - 33 * 512, &gpt.1);
    let table = read(&path);
    assert_eq!((table.kind, table.health, table.entries.len()), (Kind::Mbr, Health::Degraded, 1));
    assert!(table.notes[0].contains("left over"), "{:?}", table.notes);
}

#[test]
fn one_odd_flag_does_not_lose_the_table() {
    let (_dir, path) = make("128M", 512, MBR);
    let good = read(&path);
    write(&path, 446 + 16, &[0x01]);
    let table = read(&path);
    assert_eq!((table.kind, table.health, table.entries.len()), (Kind::Mbr, Health::Degraded, good.entries.len()));
}

#[test]
fn mutated_tables_never_panic_or_hang() {
    let mut numbers = Random(0x9e37_79b9_7f4a_7c15);
    let mut random = || numbers.next();
    for (sector, script) in [(512, GPT), (4096, GPT), (512, MBR)] {
        let (_dir, path) = make("64M", sector, &script.replace("40MiB", "30MiB"));
        let good = std::fs::read(&path).unwrap();
        let places: Vec<u64> = read(&path).entries.iter().map(|entry| entry.start.0).collect();
        let device = Arc::new(MemoryDevice::new(good.clone()));
        let shared: SharedDevice = device.clone();
        for _ in 0..300 {
            let mut undo = Vec::new();
            for _ in 0..1 + random() % 6 {
                let at = match random() % 4 {
                    0 => 440 + random() % 72,
                    1 => u64::from(sector) + random() % 92,
                    2 => good.len() as u64 - u64::from(sector) + random() % 92,
                    _ => places[(random() % places.len() as u64) as usize] / 512 * 512 + 446 + random() % 66,
                };
                undo.push(at);
                let value = [0, 0xff, 0x80, 0x05, random() as u8][(random() % 5) as usize];
                lifeboat::device::WriteDevice::write_at(&*device, lifeboat::unit::ByteOffset(at), &[value]).unwrap();
            }
            // Half of the time the checksum of the header is made right again, so that its fields are believed.
            if random() % 2 == 0 {
                let at = sector as usize;
                let mut header = [0; 92];
                shared.read_at(lifeboat::unit::ByteOffset(at as u64), &mut header).unwrap();
                header[16..20].fill(0);
                let crc = crc32fast::hash(&header).to_le_bytes();
                lifeboat::device::WriteDevice::write_at(&*device, lifeboat::unit::ByteOffset(at as u64 + 16), &crc)
                    .unwrap();
                undo.extend(at as u64 + 16..at as u64 + 20);
            }
            let _ = table::read(&shared).unwrap();
            for at in undo {
                let byte = &good[at as usize..=at as usize];
                lifeboat::device::WriteDevice::write_at(&*device, lifeboat::unit::ByteOffset(at), byte).unwrap();
            }
        }
    }
}

fn scan(path: &Path) -> Scan {
    table::scan(&open(path), Depth::Full, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Three volumes at 1, 41 and 81 MiB, of 40, 40 and 300 MiB, on a disk without a table.
fn lost() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let script = "
        truncate -s 400M d.img
        truncate -s 40M fat; mkfs.fat -F 32 -h 2048 fat >/dev/null
        truncate -s 40M ntfs; mkntfs -qFf -p 83968 ntfs >/dev/null 2>&1
        truncate -s 300M ext; mkfs.ext4 -q ext
        dd if=fat of=d.img bs=1M seek=1 conv=notrunc,sparse status=none
        dd if=ntfs of=d.img bs=1M seek=41 conv=notrunc,sparse status=none
        dd if=ext of=d.img bs=1M seek=81 conv=notrunc,sparse status=none
        rm fat ntfs ext";
    sh(dir.path(), script);
    let path = dir.path().join("d.img");
    (dir, path)
}

fn places(found: &[Found]) -> Vec<(&'static str, u64, u64, bool)> {
    found.iter().map(|found| (found.kind, found.start.0 / MIB, found.len.0, found.via_backup)).collect()
}

#[test]
fn lost_volumes_are_found_by_their_own_records() {
    let (_dir, path) = lost();
    let scan = scan(&path);
    assert!(scan.complete);
    let expected = [("fat32", 1, 40 * MIB, false), ("ntfs", 41, 40 * MIB, false), ("ext", 81, 300 * MIB, false)];
    assert_eq!(places(&scan.found), expected);
    let quick = table::scan(&open(&path), Depth::Quick, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(quick, scan);
}

#[test]
fn lost_volumes_are_found_by_their_backups_when_their_first_sectors_are_gone() {
    let (_dir, path) = lost();
    for start in [1, 41, 81] {
        write(&path, start * MIB, &[0; 2048]);
    }
    let found = scan(&path).found;
    let expected = [("fat32", 1, 40 * MIB, true), ("ntfs", 41, 40 * MIB, true), ("ext", 81, 300 * MIB, true)];
    assert_eq!(places(&found), expected);
    for (start, len) in [(1, 40), (41, 40), (81, 300)] {
        let address = format!("{}@{}", path.display(), start * MIB).parse().unwrap();
        let source = inventory::open_source(&address).unwrap();
        assert_eq!(
            (source.place.start.0, source.place.len.0, source.device.len().0),
            (start * MIB, len * MIB, len * MIB)
        );
    }
    let disk = &inventory::look(&LookRequest { paths: vec![path], machine: false }).disks[0];
    assert_eq!(
        disk.partitions.iter().map(|p| (p.number, p.found, p.bytes / MIB)).collect::<Vec<_>>(),
        [(0, true, 40), (0, true, 40), (0, true, 300)]
    );
}

#[test]
fn volumes_inside_the_files_of_a_volume_are_not_listed() {
    let dir = tempfile::tempdir().unwrap();
    sh(
        dir.path(),
        "
        mkdir tree; for n in 1 2; do truncate -s 4M tree/$n; mkfs.fat -F 12 tree/$n >/dev/null; done
        truncate -s 9M tree/n; mkntfs -qFf tree/n >/dev/null 2>&1
        truncate -s 64M d.img; mkfs.ext4 -q -d tree -E offset=1048576 d.img 40M",
    );
    assert_eq!(places(&scan(&dir.path().join("d.img")).found), [("ext", 1, 40 * MIB, false)]);
}

#[test]
fn a_search_can_be_cancelled() {
    let (_dir, path) = lost();
    let error = table::scan(&open(&path), Depth::Full, &mut |_| ControlFlow::Break(())).unwrap_err();
    assert_eq!(error.kind(), lifeboat::error::Kind::Cancelled);
}

#[test]
fn every_address_form_opens_its_bytes() {
    let (_dir, path) = make("128M", 512, MBR);
    write(&path, MIB, b"first");
    let name = path.display();
    let source = |text: String| inventory::open_source(&text.parse().unwrap());
    let first = source(format!("{name}:1")).unwrap();
    assert_eq!((first.place.start.0, first.place.len.0, first.place.node_start.0), (MIB, 4 * MIB, MIB));
    assert_eq!(first.place.entry.as_ref().unwrap().type_id, "0x07");
    let mut head = [0; 5];
    first.device.read_at(lifeboat::unit::ByteOffset(0), &mut head).unwrap();
    assert_eq!(&head, b"first");
    assert_eq!(source(format!("{name}")).unwrap().device.len().0, 128 * MIB);
    assert_eq!(source(format!("{name}@{MIB}")).unwrap().device.len().0, 127 * MIB);
    let missing = source(format!("{name}:9")).err().unwrap().to_string();
    assert!(missing.contains("has no partition 9") && missing.contains("7 (NTFS or exFAT, 7.0 MiB)"), "{missing}");
    assert!(source(format!("{name}:3")).is_err(), "an extended partition is no volume");
    assert!(source(format!("{name}@{}", 200 * MIB)).is_err());
}

#[test]
fn partition_nodes_of_a_loop_device_know_their_place_and_their_mounts() {
    let (dir, path) = make("64M", 512, "label: dos\nstart=2048, size=40960\nstart=51200, size=40960");
    sh(dir.path(), "mkfs.ext4 -q -E offset=26214400 d.img 20M; mkdir m");
    let node = sh(dir.path(), "losetup -fP --show d.img").trim().to_string();
    let check = std::panic::catch_unwind(|| {
        // Not every kernel reads tables itself: `partx` tells it the partitions.
        sh(dir.path(), &format!("test -e /sys/class/block/$(basename {node})p2 || partx -a {node}"));
        sh(dir.path(), &format!("mount -o ro {node}p2 m"));
        let mounted = dir.path().join("m").canonicalize().unwrap();
        for address in [format!("{node}p2"), format!("{node}:2"), node.clone(), format!("{}:2", path.display())] {
            let place = inventory::open_source(&address.parse().unwrap()).unwrap().place;
            assert!(place.mounted_at.contains(&mounted), "{address}: {:?}", place.mounted_at);
            if address != node {
                assert_eq!((place.start.0, place.len.0), (25 * MIB, 20 * MIB), "{address}");
                assert_eq!(place.entry.map(|entry| entry.number), Some(2));
            }
            if address.starts_with(&node) && address != node {
                assert_eq!((place.node, place.node_start.0), (PathBuf::from(format!("{node}p2")), 0));
            }
        }
        let free = inventory::open_source(&format!("{}:1", path.display()).parse().unwrap()).unwrap().place;
        assert!(free.mounted_at.is_empty(), "{:?}", free.mounted_at);
        let disks = inventory::look(&LookRequest { paths: vec![node.clone().into()], machine: true }).disks;
        let disk: Vec<_> = disks.iter().filter(|disk| disk.path == Path::new(&node)).collect();
        assert_eq!(disk.len(), 1, "a disk that is named and listed is told once");
        assert_eq!(disk[0].partitions[1].mounted_at, [mounted]);
    });
    sh(dir.path(), &format!("umount m 2>/dev/null || true; partx -d {node} 2>/dev/null || true; losetup -d {node}"));
    check.unwrap();
}

#[test]
fn what_cannot_be_read_is_listed_with_its_problem() {
    let request = LookRequest { paths: vec!["/nowhere/disk.img".into(), "/dev/null".into()], machine: false };
    let disks = inventory::look(&request).disks;
    assert_eq!(disks.len(), 2);
    assert!(disks.iter().all(|disk| disk.problem.is_some()));
    let json = serde_json::to_value(&disks[0]).unwrap();
    assert_eq!(json["table"]["kind"], "none");
    assert_eq!(json["volume"], Value::Null);
}

#[test]
fn mutated_boot_records_and_superblocks_never_break_the_search() {
    let dir = tempfile::tempdir().unwrap();
    sh(
        dir.path(),
        "
        truncate -s 6M d.img
        truncate -s 1M f; mkfs.fat -F 32 f >/dev/null 2>&1; dd if=f of=d.img conv=notrunc status=none
        truncate -s 2M n; mkntfs -qFf n >/dev/null 2>&1; dd if=n of=d.img bs=1M seek=1 conv=notrunc status=none
        mkfs.ext4 -q -E offset=3145728 d.img 3M",
    );
    let good = std::fs::read(dir.path().join("d.img")).unwrap();
    let device = Arc::new(MemoryDevice::new(good.clone()));
    let shared: SharedDevice = device.clone();
    let scan = || table::scan(&shared, Depth::Full, &mut |_| ControlFlow::Continue(())).unwrap().found;
    assert_eq!(scan().len(), 3);
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    for _ in 0..200 {
        let mut changed = Vec::new();
        for base in [0, 6 * 512, MIB, 3 * MIB - 512, 3 * MIB + 1024, 3 * MIB + 2048] {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = base + (seed >> 33) % 90;
            let value = [0, 0xff, 1, 0x80, (seed >> 20) as u8][((seed >> 50) % 5) as usize];
            lifeboat::device::WriteDevice::write_at(&*device, lifeboat::unit::ByteOffset(at), &[value]).unwrap();
            changed.push(at as usize);
        }
        for found in scan() {
            assert!(found.start.0 + found.len.0 <= good.len() as u64);
        }
        for at in changed {
            let byte = &good[at..=at];
            lifeboat::device::WriteDevice::write_at(&*device, lifeboat::unit::ByteOffset(at as u64), byte).unwrap();
        }
    }
}

#[test]
fn a_quick_search_finds_aligned_volumes_behind_its_head_and_any_in_its_tail() {
    if !crate::oracle::long() {
        // Reads 4 GiB of holes.
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (far, tail) = (5000 * MIB, 8190 * MIB + 512);
    sh(
        dir.path(),
        &format!(
            "
        truncate -s 8G d.img
        mkfs.ext4 -q -E offset={far} d.img 20M
        truncate -s 1M f; mkfs.fat -F 12 f >/dev/null; dd if=f of=d.img bs=512 seek={} conv=notrunc status=none",
            tail / 512
        ),
    );
    let quick =
        table::scan(&open(&dir.path().join("d.img")), Depth::Quick, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(!quick.complete);
    assert_eq!(quick.found.iter().map(|f| (f.kind, f.start.0)).collect::<Vec<_>>(), [("ext", far), ("fat12", tail)]);
}

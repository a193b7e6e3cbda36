//! Copies, records and disks from strangers: whatever the bytes, no panic; and what is to be written lies on the disk, in
//! whole sectors, and in no partition that the disk's table names.

use lifeboat::table::{self, Kind, SectorWrite, Table, TableCopy, WantedEntry};
use lifeboat::unit::{ByteLen, ByteOffset};

use super::stage::{Disk, FULL, GPT, LOGICALS, PRIMARIES, Shape};
use crate::oracle::long;
use crate::random::Random;

/// A number that is a border of something, or any.
fn any_value(random: &mut Random) -> u64 {
    let any = random.next();
    [0, 1, 33, 34, 2048, 4096, 1 << 20, u64::from(u32::MAX), u64::MAX, u64::MAX / 512, any, any >> 40][random.index(12)]
}

/// The same of a byte.
fn any_byte(random: &mut Random) -> u8 {
    let any = random.next() as u8;
    [0, 0xff, 0x80, 0x05, 0xee, any][random.index(6)]
}

fn disks() -> Vec<Disk> {
    let shape = |sector, mib, script| Shape { name: "", sector, mib, script }.make();
    vec![
        shape(512, 10, GPT),
        shape(4096, 10, GPT),
        shape(512, 5, FULL),
        shape(512, 10, PRIMARIES),
        shape(512, 18, LOGICALS),
        shape(512, 4, "true"),
    ]
}

fn rounds() -> usize {
    if long() { 5_000 } else { 250 }
}

/// Makes the checksums of the primary GPT right again, so that its fields are believed.
fn reseal(header: &mut [u8], array: &[u8]) {
    if header.len() < 92 {
        return;
    }
    let len = u64::from(u32::from_le_bytes(header[80..84].try_into().unwrap()))
        * u64::from(u32::from_le_bytes(header[84..88].try_into().unwrap()));
    let mut whole = array.to_vec();
    whole.resize(len.min(5 << 20) as usize, 0);
    header[88..92].copy_from_slice(&crc32fast::hash(&whole).to_le_bytes());
    let size = (u32::from_le_bytes(header[12..16].try_into().unwrap()) as usize).min(header.len());
    header[16..20].fill(0);
    let crc = crc32fast::hash(&header[..size]).to_le_bytes();
    header[16..20].copy_from_slice(&crc);
}

fn mutate(copy: &mut TableCopy, random: &mut Random) {
    let parts = copy.parts.len() as u64;
    match random.below(9) {
        0 => copy.sector_bytes = [0, 1, 512, 4096, u32::MAX][random.below(5) as usize],
        1 => copy.disk_bytes = ByteLen(any_value(random)),
        2 => copy.kind = [Kind::Gpt, Kind::Mbr, Kind::None][random.below(3) as usize],
        3 => copy.parts[random.below(parts) as usize].offset = ByteOffset(any_value(random)),
        4 => {
            copy.parts.remove(random.below(parts) as usize);
        }
        5 => {
            let again = copy.parts[random.below(parts) as usize].clone();
            copy.parts.push(again);
        }
        6 => copy.backup_entries_lba = Some(lifeboat::unit::Lba(any_value(random))),
        _ => {
            for _ in 0..1 + random.below(4) {
                let part = &mut copy.parts[random.below(parts) as usize];
                let at = random.below(part.bytes.len() as u64) as usize;
                if let Some(byte) = part.bytes.get_mut(at) {
                    *byte = any_byte(random);
                }
            }
        }
    }
    if copy.parts.len() > 2 && random.below(2) == 0 {
        let array = copy.parts[2].bytes.clone();
        reseal(&mut copy.parts[1].bytes, &array);
    }
}

/// The writes lie on the disk, in whole sectors, and in none of these partitions.
fn check(disk: &Disk, writes: &[SectorWrite], before: Option<&Table>) {
    let unit = u64::from(disk.shared().sector_bytes());
    for write in writes {
        let (from, to) = (write.offset.0, write.offset.0 + write.new.len() as u64);
        assert!(from % unit == 0 && to % unit == 0 && to <= disk.len() && write.new.len() == write.old.len());
        assert!(write.new != write.old);
        let entries = before.iter().flat_map(|table| &table.entries).filter(|entry| !entry.is_extended());
        for entry in entries {
            let apart = to <= entry.start.0 || entry.end().is_some_and(|end| end.0 <= from);
            // On a disk of the table's own sector size, a sector is wholly a partition's or not at all.
            assert!(apart, "{} at {from} is in partition {}", write.what, entry.number);
        }
    }
}

#[test]
fn mutated_copies_never_panic_and_what_is_taken_reads_as_they_say() {
    let disks = disks();
    let mut random = Random(0x1357_9bdf_0246_8ace);
    let (mut taken, mut not) = (0, 0);
    for _ in 0..rounds() {
        let from = &disks[random.below(5) as usize];
        let mut copy = table::capture(&from.shared()).unwrap().unwrap();
        for _ in 0..1 + random.below(2) {
            if !copy.parts.is_empty() {
                mutate(&mut copy, &mut random);
            }
        }
        let onto = &disks[random.below(6) as usize];
        let Ok(writes) = table::put_back(&onto.shared(), &copy) else {
            not += 1;
            continue;
        };
        taken += 1;
        let said = copy.table().unwrap();
        check(onto, &writes, None);
        let after = onto.twin();
        for write in &writes {
            after.write(write.offset.0, &write.new);
        }
        if said.kind == Kind::Gpt && said.sector_bytes == onto.shared().sector_bytes() {
            assert_eq!((&after.read().entries, after.read().id), (&said.entries, said.id));
        }
    }
    println!("{taken} taken, {not} refused");
    assert!(taken > 20 && not > 20, "{taken} {not}");
}

#[test]
fn mutated_disks_and_records_never_panic_and_no_partition_is_touched() {
    let disks = disks();
    let mut random = Random(0xfeed_5eed_1234_5678);
    let (mut taken, mut not) = (0, 0);
    for round in 0..rounds() {
        let from = &disks[random.below(5) as usize];
        let table = from.read();
        let entry = &table.entries[random.below(table.entries.len() as u64) as usize];
        let mut wanted = WantedEntry::of(&table, entry);
        match random.below(8) {
            0 => wanted.start = ByteOffset(any_value(&mut random)),
            1 => wanted.len = ByteLen(any_value(&mut random)),
            2 => wanted.number = any_value(&mut random) as u32,
            3 => wanted.sector_bytes = any_value(&mut random) as u32,
            4 => wanted.raw = (0..random.below(300)).map(|_| any_byte(&mut random)).collect(),
            5 => wanted.id = Some("\u{fffd}".into()),
            6 => wanted.table_id = Some("ä".into()),
            _ => {}
        }
        let onto = if random.below(3) == 0 { &disks[random.below(6) as usize] } else { from };
        let onto = onto.twin();
        damage(&onto, &mut random);
        let before = onto.read();
        let kind = ["0x07", "0xba", table::RECOVERY_TYPE_GPT][random.below(3) as usize];
        let number = before.entries.get(round % before.entries.len().max(1)).map_or(1, |entry| entry.number);
        if let Ok(writes) = table::set_type(&onto.shared(), number, kind) {
            check(&onto, &writes, Some(&before));
        }
        let _ = table::capture(&onto.shared()).unwrap();
        let Ok(writes) = table::put_entry(&onto.shared(), &wanted) else {
            not += 1;
            continue;
        };
        taken += 1;
        check(&onto, &writes, Some(&before));
        for write in &writes {
            onto.write(write.offset.0, &write.new);
        }
        assert_eq!(table::put_entry(&onto.shared(), &wanted).unwrap(), []);
    }
    println!("{taken} taken, {not} refused");
    assert!(taken > 20 && not > 20, "{taken} {not}");
}

/// Changes a few bytes where tables are; half of the time the primary GPT's checksums are made right again.
fn damage(disk: &Disk, random: &mut Random) {
    let unit = u64::from(disk.shared().sector_bytes());
    let starts: Vec<u64> = disk.read().entries.iter().map(|entry| entry.start.0).collect();
    for _ in 0..random.below(5) {
        let at = match random.below(5) {
            0 => 440 + random.below(72),
            1 => unit + random.below(92),
            2 => 2 * unit + random.below(512),
            3 => disk.len() - unit + random.below(92),
            _ => starts.get(random.below(9) as usize).copied().unwrap_or(0) / 512 * 512 + 446 + random.below(66),
        };
        if at < disk.len() {
            disk.write(at, &[any_byte(random)]);
        }
    }
    if random.below(2) == 0 {
        let (mut header, array) = (disk.bytes(unit, 92), disk.bytes(2 * unit, 16 << 10));
        reseal(&mut header, &array);
        disk.write(unit, &header);
    }
}

//! Mutated volumes: the check and the owners come to an end, within bounds, whatever the bytes are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lifeboat::device::{MemoryDevice, SharedDevice};
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::{FileSystem, Probe, probe};

use crate::oracle::{long, sh};
use crate::random::Random;

/// Every rule tells a thousand findings at most, and how many more there are.
const MOST_FINDINGS: usize = 50 * 1001;

fn exercise(volume: &dyn FileSystem) -> usize {
    let mut findings = 0;
    let checked = volume.check().check(&Unwatched, &mut |_| findings += 1);
    assert!(checked.is_ok(), "a damaged volume is no reason to fail: {checked:?}");
    assert!(findings < MOST_FINDINGS);
    let clusters = volume.grid().clusters;
    let mut within = ExtentSet::new();
    within.insert(Extent::new(0, clusters));
    let mut told = ExtentSet::new();
    let asked = volume.owners().owners(&within, &Unwatched, &mut |owner| {
        assert!(owner.extent.clusters > 0 && owner.extent.end() <= clusters);
        told.insert(owner.extent);
    });
    if let (Ok(()), Ok(used)) = (asked, volume.used()) {
        for run in used.runs() {
            assert!(told.runs().iter().any(|have| have.intersect(run) == Some(run)), "{run:?} has no owner");
        }
    }
    findings
}

#[test]
fn no_mutation_makes_the_check_or_the_owners_panic_hang_or_run_over() {
    let (mut tried, mut opened, mut findings) = (0, 0, 0);
    let mut slowest = Duration::ZERO;
    for (options, size, rounds) in
        [("-F 12 -s 1", "1M", 300), ("-F 16 -s 1", "3M", 200), ("-F 32 -s 1 -R 8", "34M", 40)]
    {
        let dir = tempfile::tempdir().unwrap();
        sh(
            dir.path(),
            &format!(
                "truncate -s {size} v.img; mkfs.fat {options} -n LABEL v.img >/dev/null; mkdir -p d/e/f/g; seq 9999 > d/e/f/h
                 for n in $(seq 30); do echo $n > \"d/e/a long name $n\"; done; mcopy -s -Q -i v.img d ::/; mdel -i v.img '::/d/e/*7'"
            ),
        );
        let original = std::fs::read(dir.path().join("v.img")).unwrap();
        let u16_at = |at: usize| usize::from(u16::from_le_bytes([original[at], original[at + 1]]));
        let fat = u16_at(0x0E) * 512;
        let fat_bytes = 512 * if u16_at(0x16) == 0 { u16_at(0x24) } else { u16_at(0x16) };
        let directories = fat + 2 * fat_bytes;
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let mut next = || random.next();
        for round in 0..rounds * if long() { 20 } else { 1 } {
            let mut bytes = original.clone();
            for _ in 0..=next() % 16 {
                // The boot sector seldom, so that most volumes open; the FAT's and the directories' beginnings else.
                let (from, reach) = match round % 8 {
                    0 => (0x0B, 0x50),
                    1..4 => (fat, 400),
                    4..7 => (directories, 30 << 10),
                    _ => (fat, directories - fat + (8 << 10)),
                };
                let at = from + next() as usize % reach;
                bytes[at] = [0, 0xFF, next() as u8, bytes[at] ^ 1 << (next() % 8)][(next() % 4) as usize];
            }
            tried += 1;
            let device: SharedDevice = Arc::new(MemoryDevice::new(bytes));
            let Ok(Probe::One(kind)) = probe(&device) else { continue };
            let Ok(volume) = lifeboat::fs::open(device, kind) else { continue };
            opened += 1;
            let start = Instant::now();
            findings += exercise(volume.as_ref());
            slowest = slowest.max(start.elapsed());
        }
    }
    println!("{tried} mutated volumes, {opened} opened, {findings} findings, the slowest took {slowest:?}");
    assert!(opened * 2 > tried && findings > opened && slowest < Duration::from_secs(20));
}

//! Any bytes: the check and the owners end, do not panic, and tell a bounded number of findings.

use std::sync::Arc;

use lifeboat::device::{MemoryDevice, SharedDevice};
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::{self, Findings, Probe};

use super::damage::{VOLUMES, volume};
use crate::oracle::long;
use crate::random::Random;

#[test]
fn mutated_volumes_are_looked_at_to_the_end() {
    let mut numbers = Random(0x5eed_cafe);
    let mut random = |below: usize| (numbers.next() >> 16) as usize % below;
    let (mut rounds, mut opened) = (0, 0);
    let more = [
        ("inline", "-t ext4 -b 1024 -N 256 -O inline_data,^metadata_csum,^64bit -J size=1"),
        ("bigalloc", "-t ext4 -b 1024 -N 1400 -O bigalloc,^metadata_csum,^resize_inode -C 4096 -J size=1"),
        ("meta", "-t ext4 -b 1024 -N 256 -O meta_bg,^resize_inode,^metadata_csum,ea_inode -g 1024 -J size=1"),
    ];
    for (_, options) in VOLUMES.iter().filter(|(name, _)| *name != "sums").chain(&more) {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = std::fs::read(volume(dir.path(), options)).unwrap();
        let places: Vec<usize> = (1024..bytes.len()).filter(|at| bytes[*at] != 0 || bytes[at - 1] != 0).collect();
        for round in 0..if long() { 1500 } else { 20 } {
            let undo: Vec<(usize, u8)> = (0..1 + random(40))
                .map(|_| {
                    let at = if round % 8 == 0 { 1024 + random(0x300) } else { places[random(places.len())] };
                    let old = bytes[at];
                    bytes[at] = [0, 0xff, old ^ 1 << random(8), random(256) as u8][random(4)];
                    (at, old)
                })
                .collect();
            let device: SharedDevice = Arc::new(MemoryDevice::new(bytes.clone()));
            rounds += 1;
            if let Ok(Probe::One(kind)) = fs::probe(&device)
                && let Ok(volume) = fs::open(device, kind)
            {
                opened += 1;
                let mut found = Findings::default();
                let _ = volume.check().check(&fs::check::Unwatched, &mut |finding| found.add(finding));
                assert!(found.errors < 2_000_000);
                let all = ExtentSet::from(vec![Extent::new(0, volume.grid().clusters)]);
                let mut told = 0;
                let _ = volume.owners().owners(&all, &fs::check::Unwatched, &mut |owner| {
                    assert!(owner.extent.end() <= volume.grid().clusters && owner.extent.clusters > 0);
                    told += 1;
                });
                assert!(told < 2_000_000);
            }
            undo.into_iter().rev().for_each(|(at, old)| bytes[at] = old);
        }
    }
    println!("{rounds} mutated volumes, {opened} opened");
    assert!(opened * 2 > rounds);
}

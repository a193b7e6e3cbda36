//! Volumes with random bytes in their metadata: a check and a look for owners end, whatever they find.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use lifeboat::device::{MemoryDevice, SharedDevice};
use lifeboat::error::{Error, Kind as ErrorKind, Result};
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::{self, Kind, Watch};

use super::specimen;
use super::wreck::{BLOCKS, DATA, Wreck};
use crate::random::Random;
use crate::zoo::ntfs::SHAPES;

/// Interesting values of a byte.
const BYTES: [u8; 8] = [0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF, 0x10];

/// Breaks some bytes, mostly within protected structures whose fixups stay right.
fn mutate(volume: &mut Wreck, dice: &mut Random) {
    let block = volume.run(volume.find("many"), BLOCKS, "$I30");
    let bitmap = volume.run(6, DATA, "");
    for _ in 0..=dice.index(6) {
        let value = if dice.index(2) == 0 { BYTES[dice.index(8)] } else { dice.index(256) as u8 };
        match dice.index(10) {
            0 => {
                let at = dice.index(0x60);
                volume.bytes[at] = value;
            }
            1 => {
                let at = bitmap + dice.index(2000);
                volume.bytes[at] = value;
            }
            2 | 3 => {
                let at = dice.index(4096);
                volume.edit(block, 4096, |bytes| {
                    if !(4..48).contains(&at) {
                        bytes[at] = value
                    }
                });
            }
            4 => {
                let at = volume.mft + dice.index(64 * 1024);
                volume.bytes[at] = value;
            }
            _ => {
                let (number, at) = (dice.index(320), dice.index(0x180));
                let place = volume.place(number);
                if volume.bytes.get(place..place + 4) == Some(b"FILE") {
                    volume.edit(place, 1024, |bytes| {
                        if !(4..8).contains(&at) && !(0x30..0x38).contains(&at) {
                            bytes[at] = value
                        }
                    });
                }
            }
        }
    }
}

fn look(device: &SharedDevice) -> Option<usize> {
    let volume = fs::open(Arc::clone(device), Kind::Ntfs).ok()?;
    let mut count = 0;
    volume.check().check(&Unwatched, &mut |_| count += 1).unwrap();
    let within: ExtentSet = [Extent::new(0, volume.grid().clusters)].into_iter().collect();
    volume.owners().owners(&within, &Unwatched, &mut |_| ()).unwrap();
    Some(count)
}

#[test]
fn mutated_volumes_are_checked_to_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let whole = specimen(dir.path(), 2048);
    let rounds: u64 = if crate::oracle::long() { 5_000 } else { 250 };
    let (mut opened, mut sound, mut most, mut slowest) = (0, 0, 0, Duration::ZERO);
    for seed in 1..=rounds {
        let mut broken = whole.clone();
        let mut dice = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        mutate(&mut broken, &mut dice);
        let device: SharedDevice = Arc::new(MemoryDevice::new(broken.bytes));
        let started = Instant::now();
        if let Some(count) = look(&device) {
            opened += 1;
            sound += usize::from(count == 0);
            most = most.max(count);
        }
        let took = started.elapsed();
        slowest = slowest.max(took);
        assert!(took < Duration::from_secs(20), "seed {seed} took {took:?}");
    }
    println!(
        "{rounds} mutants: {opened} open, {sound} of them without a finding, at most {most} findings, slowest {slowest:?}"
    );
    assert!(most < 20_000, "findings stay bounded");
    assert!(opened > rounds as usize / 2 && sound < opened / 2, "mutants are volumes, and most are damaged");
}

#[test]
fn findings_of_a_volume_whose_mft_is_zeroed_stay_few() {
    let dir = tempfile::tempdir().unwrap();
    let shape = SHAPES.iter().find(|shape| shape.name == "ntfs-huge-directory").unwrap();
    let mut broken = Wreck::new(std::fs::read(shape.make(dir.path())).unwrap());
    let first = broken.place(80);
    broken.bytes[first..first + 2000 * 1024].fill(0);
    let findings = super::check(Arc::new(MemoryDevice::new(broken.bytes)));
    let of = |rule: &str| findings.list.iter().filter(|finding| finding.rule == rule).count();
    // 500 one by one, and how many more there are.
    assert_eq!(of("ntfs.record.magic"), 501);
    assert!(findings.list.len() < 3000 && !findings.is_sound(), "{}", findings.list.len());
    let more = findings.list.iter().find(|finding| finding.message.contains("1500 more")).map(|finding| finding.rule);
    assert_eq!(more, Some("ntfs.record.magic"));
}

/// Cancels at the n-th question.
struct Impatient(AtomicU32);

impl Watch for Impatient {
    fn advance(&self, _: &'static str, done: u64, total: u64) {
        assert!(done <= total, "{done} of {total}");
    }

    fn proceed(&self) -> Result<()> {
        match self.0.fetch_sub(1, Ordering::Relaxed) {
            0 => Err(Error::cancelled()),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_look_that_is_cancelled_ends() {
    let dir = tempfile::tempdir().unwrap();
    let whole = specimen(dir.path(), 4096);
    let volume = fs::open(Arc::new(MemoryDevice::new(whole.bytes)), Kind::Ntfs).unwrap();
    let within: ExtentSet = [Extent::new(0, volume.grid().clusters)].into_iter().collect();
    for questions in 0..2 {
        let error = volume.check().check(&Impatient(AtomicU32::new(questions)), &mut |_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        let watch = Impatient(AtomicU32::new(questions));
        let error = volume.owners().owners(&within, &watch, &mut |_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
}

//! Journals that no Lifeboat wrote: whatever the bytes, nothing panics, hangs, takes memory by a number that was not
//! checked, or writes outside the volume.

use std::time::{Duration, Instant};

use lifeboat::job::{Outcome, Resumption};
use lifeboat::plan::{Direction, JournalPlace};

use super::refusals::{stopped_at_write, write_of_step};
use super::stage::{Bench, Disks, Stage};
use crate::faults_power::Dice;
use crate::oracle::long;

const BODY_AT: usize = 12288;
/// Numbers that break careless arithmetic.
const NASTY: [u64; 10] = [0, 1, 511, 512, 4097, 1 << 31, u32::MAX as u64, 1 << 40, (1 << 63) - 1, u64::MAX];

struct Patient {
    stage: Stage,
    disks: Disks,
    start: usize,
}

impl Patient {
    fn new() -> Self {
        let stage = Stage::by_hand(false);
        let disks = stopped_at_write(&stage, write_of_step(&stage, 2));
        let JournalPlace::Volume(start) = stage.work().survey.journal else { panic!("in the volume") };
        Self { stage, disks, start: start.0 as usize }
    }

    /// Makes both digests right again.
    fn seal(&self, disks: &mut Disks) {
        let journal = &mut disks.volume[self.start..];
        let len = u64::from_le_bytes(journal[56..64].try_into().unwrap());
        if let Some(body) = usize::try_from(len).ok().and_then(|len| journal.get(BODY_AT..len)) {
            let digest = *blake3::hash(body).as_bytes();
            journal[104..136].copy_from_slice(&digest);
        }
        let digest = *blake3::hash(&journal[..480]).as_bytes();
        journal[480..512].copy_from_slice(&digest);
    }

    /// Lets it be followed, if it is: only within the volume. Gives whether it was.
    fn follow(&self, disks: &Disks, what: &str) -> bool {
        let mut followed = false;
        for direction in [Direction::Finish, Direction::RollBack] {
            let begun = Instant::now();
            if let Ok(Resumption::Job(plan)) = self.stage.find(disks, direction) {
                let report = Bench::sound(disks).run(&plan);
                assert!(!report.headline.contains("past the device"), "{what}: {report:?}");
                followed |= report.outcome == Outcome::Done;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        }
        followed
    }
}

#[test]
fn numbers_of_the_header_are_not_believed() {
    let patient = Patient::new();
    let fields: Vec<(usize, usize)> = [(16, 4), (20, 4), (80, 4), (84, 4), (88, 4), (92, 4)]
        .into_iter()
        .chain([40, 48, 56, 64, 72, 96].map(|at| (at, 8)))
        .collect();
    for (at, len) in fields {
        for nasty in NASTY {
            for sign in [nasty, nasty.wrapping_neg()] {
                let mut disks = patient.disks.clone();
                disks.volume[patient.start + at..][..len].copy_from_slice(&sign.to_le_bytes()[..len]);
                patient.seal(&mut disks);
                patient.follow(&disks, &format!("header byte {at} = {sign}"));
            }
        }
    }
}

#[test]
fn numbers_of_the_tables_are_not_believed() {
    let patient = Patient::new();
    let header = &patient.disks.volume[patient.start..][..512];
    let words = u64::from_le_bytes(header[72..80].try_into().unwrap()) as usize;
    let copies = u32::from_le_bytes(header[84..88].try_into().unwrap()) as usize;
    let patches = u32::from_le_bytes(header[88..92].try_into().unwrap()) as usize;
    let mut fields = Vec::new();
    for copy in 0..copies {
        fields.extend([0, 8, 16].map(|at| (words + copy * 96 + at, 8)));
    }
    for patch in 0..patches {
        let at = words + copies * 96 + patch * 24;
        fields.extend([(at, 8), (at + 8, 4), (at + 12, 4)]);
    }
    let mut followed = 0;
    for (at, len) in fields {
        for nasty in NASTY.into_iter().chain([4096, patient.start as u64, (2 << 20) - 512]) {
            let mut disks = patient.disks.clone();
            disks.volume[patient.start + BODY_AT + at..][..len].copy_from_slice(&nasty.to_le_bytes()[..len]);
            patient.seal(&mut disks);
            followed += usize::from(patient.follow(&disks, &format!("body byte {at} = {nasty}")));
        }
    }
    println!("{followed} forged journals were followed, within the volume");
}

#[test]
fn noise_in_a_journal_is_survived() {
    let patient = Patient::new();
    let len = patient.stage.work().survey.journal_len.0;
    let mut dice = Dice(5);
    for round in 0..if long() { 5000 } else { 150 } {
        let mut disks = patient.disks.clone();
        for _ in 0..=dice.roll(4) {
            let at = patient.start + if dice.roll(2) == 0 { dice.roll(512) } else { dice.roll(len) } as usize;
            disks.volume[at] = dice.roll(256) as u8;
        }
        if dice.roll(3) > 0 {
            patient.seal(&mut disks);
        }
        patient.follow(&disks, &format!("round {round}"));
    }
}

#[test]
fn a_volume_full_of_headers_is_searched_in_bounded_time_and_memory() {
    let patient = Patient::new();
    let header = patient.disks.volume[patient.start..][..512].to_vec();
    let mut disks = patient.disks.clone();
    for sector in (0..patient.start).step_by(512) {
        let mut own = header.clone();
        own[48..56].copy_from_slice(&(sector as u64).to_le_bytes());
        let digest = *blake3::hash(&own[..480]).as_bytes();
        own[480..512].copy_from_slice(&digest);
        disks.volume[sector..][..512].copy_from_slice(&own);
    }
    let begun = Instant::now();
    let _ = patient.stage.find(&disks, Direction::Finish);
    assert!(begun.elapsed() < Duration::from_secs(20));
}

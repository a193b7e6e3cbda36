//! Power lost at any flush of a restore, with any subset of the writes since the last flush on the medium: the
//! target is untouched, marked as unfinished, or whole; and a second restore makes it whole.

use std::path::Path;

use lifeboat::job::Outcome;

use crate::faults_device::{Event, Fault, Handle, Looks, SECTOR, Stage, run};
use crate::oracle::{long, sh};

/// Numbers by a seed (xorshift64*).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % below.max(1)
    }
}

fn sweeps() -> u64 {
    if long() { 300 } else { 12 }
}

/// Which of the unflushed writes got to the medium.
#[derive(Clone, Copy, Debug)]
enum Landed {
    None,
    All,
    /// Each write whole or not at all.
    Writes(u64),
    /// Each sector whole or not at all, in any order: as the medium promises.
    Sectors(u64),
}

fn land(bytes: &mut [u8], unflushed: &[(u64, Vec<u8>)], which: Landed) {
    let mut dice = match which {
        Landed::None => return,
        Landed::All => Dice(1),
        Landed::Writes(seed) | Landed::Sectors(seed) => Dice(seed),
    };
    // Rarely, evenly and mostly: each subset size has its turn.
    let odds = 1 + dice.roll(9);
    for (at, data) in unflushed {
        let piece = if matches!(which, Landed::Sectors(_)) { SECTOR } else { data.len() };
        for (index, part) in data.chunks(piece).enumerate() {
            if matches!(which, Landed::All) || dice.roll(10) < odds {
                bytes[*at as usize + index * piece..][..part.len()].copy_from_slice(part);
            }
        }
    }
}

/// Every state that a power cut at any flush can leave; gives what they looked like, counted.
fn cut_everywhere(stage: &Stage, mut each: impl FnMut(&[u8], Looks)) -> [usize; 3] {
    let recorder = Handle::recorder(stage.before.clone());
    assert_eq!(run(&stage.restore_plan(), &recorder).outcome, Outcome::Done);
    let (mut durable, mut unflushed) = (stage.before.clone(), Vec::new());
    let mut counts = [0; 3];
    for event in recorder.log() {
        match event {
            Event::Write(at, data) => unflushed.push((at, data)),
            Event::Flush => {
                let mut cuts = vec![Landed::None, Landed::All];
                cuts.extend((1..=sweeps()).flat_map(|seed| [Landed::Writes(seed), Landed::Sectors(seed)]));
                for cut in cuts {
                    let mut bytes = durable.clone();
                    land(&mut bytes, &unflushed, cut);
                    let looks = stage.looks(&bytes);
                    let what = format!("{cut:?} of {} writes", unflushed.len());
                    assert_ne!(looks, Looks::Wrong, "{what}");
                    counts[looks as usize] += 1;
                    each(&bytes, looks);
                }
                land(&mut durable, &unflushed, Landed::All);
                unflushed.clear();
            }
        }
    }
    assert!(unflushed.is_empty(), "the last act of a restore is a flush");
    assert_eq!(stage.looks(&durable), Looks::Whole);
    counts
}

#[test]
fn power_lost_at_any_flush_leaves_a_target_untouched_unfinished_or_whole() {
    let stage = Stage::ext2();
    let mut checked = 0;
    let mut seen = 0;
    let counts = cut_everywhere(&stage, |bytes, looks| {
        seen += 1;
        if looks == Looks::Whole && checked < 3 {
            checked += 1;
            std::fs::write(stage.path("cut.img"), bytes).unwrap();
            sh(Path::new("/"), &format!("e2fsck -fn {}", stage.path("cut.img").display()));
        }
        if seen % 25 == 0 {
            let again = Handle::new(bytes.to_vec(), Fault::Nothing);
            assert_eq!(run(&stage.restore_plan(), &again).outcome, Outcome::Done);
            assert_eq!(stage.looks(&again.bytes()), Looks::Whole);
        }
    });
    assert!(counts.iter().all(|count| *count > 0), "each of the three was seen: {counts:?}");
}

#[test]
fn power_lost_while_a_seal_of_many_sectors_is_written_never_leaves_a_raw_target_that_looks_whole() {
    let counts = cut_everywhere(&Stage::raw(), |_, _| {});
    assert!(counts.iter().all(|count| *count > 0), "each of the three was seen: {counts:?}");
}

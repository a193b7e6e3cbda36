//! Random sequences of edits, against what they must come to.

use std::path::Path;

use lifeboat::extent::{Extent, ExtentSet};

use super::bench::{Bench, Dice};
use crate::oracle::long;
use crate::zoo::fat::SHAPES;

/// The shapes on which sequences run: each type, with and without room in the root directory.
const ON: [&str; 6] = [
    "fat12-1k-fragmented",
    "fat12-8k-mixed",
    "fat16-512-mixed-1-fat",
    "fat16-2k-fragmented",
    "fat32-512-mixed-1-fat",
    "fat32-1k-fragmented",
];

/// Free units that were free when the edit began.
fn targets(bench: &Bench) -> Vec<Extent> {
    let both = |run: &Extent| bench.began.iter().filter_map(|free| free.intersect(*run)).collect::<Vec<_>>();
    bench.free().iter().flat_map(both).collect()
}

/// Some of these, cut to pieces.
fn some(dice: &mut Dice, from: &[Extent], size: u64, most: u64) -> Vec<Extent> {
    let mut wanted = dice.roll(most) + 1;
    let mut picked: Vec<Extent> = Vec::new();
    for _ in 0..20 {
        if from.is_empty() || wanted == 0 {
            break;
        }
        let run = from[dice.roll(from.len() as u64) as usize];
        let skip = dice.roll(run.clusters / size);
        let units = (run.clusters / size - skip).min(wanted).min(dice.roll(9) + 1);
        let piece = Extent::new(run.start.0 + skip * size, units * size);
        if picked.iter().all(|other| other.intersect(piece).is_none()) {
            picked.push(piece);
            wanted -= units;
        }
    }
    picked
}

fn step(bench: &mut Bench, number: u64) {
    let size = bench.edit.units().clusters;
    let unit = bench.open().grid().bytes_of(size).0;
    match bench.dice.roll(10) {
        0..4 => {
            let free = bench.free();
            // One unit is left for directories.
            let most = 20.min(free.iter().map(|run| run.clusters / size).sum::<u64>() / 4);
            if most == 0 {
                return;
            }
            let extents = some(&mut bench.dice, &free, size, most);
            let directory =
                ["/LIFEBOAT", "/LIFEBOAT/below/it", "/LIFEBOAT", "/LIFEBOAT/a directory"][bench.dice.roll(4) as usize];
            let name = match bench.dice.roll(3) {
                0 => format!("S{number}.LBI"),
                1 => format!("a long name, number {number}.lbi"),
                _ => format!("{}{number}", "ü".repeat(bench.dice.roll(200) as usize + 1)),
            };
            let short = bench.dice.roll(unit);
            bench.adopt(directory, &name, &extents, short);
        }
        4..6 if !bench.ours.is_empty() => {
            let at = bench.dice.roll(bench.ours.len() as u64) as usize;
            let path = bench.ours.keys().nth(at).unwrap().clone();
            let (directory, name) = path.rsplit_once('/').unwrap();
            bench.release(directory, name);
        }
        6 if !bench.ours.is_empty() => {
            let at = bench.dice.roll(bench.ours.len() as u64) as usize;
            let path = bench.ours.keys().nth(at).unwrap().clone();
            if !bench.data.is_empty() {
                bench.apply("before");
            }
            bench.replace(&path);
        }
        _ => relocate(bench),
    }
}

/// Moves some range, of whatever, to some free places.
fn relocate(bench: &mut Bench) {
    // All copies come first, before what was adopted is written.
    if bench.applied || !bench.data.is_empty() {
        bench.apply("before");
        bench.reopen();
    }
    let units = bench.edit.units();
    let mut from = ExtentSet::new();
    for _ in 0..=bench.dice.roll(3) {
        let start = bench.dice.roll(units.count);
        let count = (bench.dice.roll(40) + 1).min(units.count - start);
        from.insert(Extent::new(units.origin.0 + start * units.clusters, count * units.clusters));
    }
    let outside = from.complement(units.origin.0 + units.count * units.clusters);
    let room: Vec<Extent> = targets(bench)
        .iter()
        .flat_map(|run| outside.runs().iter().filter_map(|free| free.intersect(*run)).collect::<Vec<_>>())
        .collect();
    let most = room.iter().map(|run| run.clusters / units.clusters).sum();
    let to = some(&mut bench.dice, &room, units.clusters, most);
    let given: u64 = to.iter().map(|run| run.clusters).sum();
    let used = bench.used_in(&from);
    let outcome = bench.edit.relocate(&from, &to);
    bench.edits += 1;
    if used > given {
        assert!(outcome.is_err(), "{used} do not fit {given}");
        return;
    }
    // An overlay copies nothing to where something was written before, such as a directory that is gone.
    match outcome {
        Ok(()) => assert_eq!(bench.used_in(&from), 0),
        Err(error) => assert!(error.to_string().contains("the target is in use"), "{error}"),
    }
}

#[test]
fn random_edits_come_to_what_the_model_says() {
    let (rounds, steps) = if long() { (40, 60) } else { (3, 16) };
    let mut edits = 0;
    for name in ON {
        let dir = tempfile::tempdir().unwrap();
        let mut bench = Bench::make(SHAPES.iter().find(|shape| shape.name == name).unwrap(), dir.path());
        let before = bench.walk();
        let mtools = bench.mtools();
        bench.dice = Dice(name.len() as u64);
        for round in 0..rounds {
            bench.reopen();
            for number in 0..steps {
                step(&mut bench, round * steps + number);
                if bench.dice.roll(2) == 0 {
                    bench.apply("some");
                    bench.sound();
                    assert_eq!(bench.walk(), before, "{name}: {round}, {number}");
                }
            }
            bench.apply("rest");
            bench.sound();
            bench.expect_ours();
            assert_eq!(bench.walk(), before, "{name}: {round}");
        }
        for path in bench.ours.keys().cloned().collect::<Vec<_>>() {
            let (directory, name) = path.rsplit_once('/').unwrap();
            bench.release(directory, name);
        }
        bench.apply("end");
        bench.sound();
        assert_eq!(bench.mtools(), mtools, "{name}");
        assert!(
            !bench.open().tree().list(Path::new("/")).unwrap().iter().any(|entry| entry.name == "LIFEBOAT")
                || round_left(&bench)
        );
        edits += bench.edits;
    }
    println!("{edits} edits");
}

/// Directories above the one that was emptied stay: a release removes one.
fn round_left(bench: &Bench) -> bool {
    let left = bench.open().tree().list(Path::new("/LIFEBOAT")).unwrap();
    left.iter().all(|entry| entry.bytes == 0)
}

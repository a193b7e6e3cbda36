//! Random sequences, against what they must come to.

use lifeboat::fs::{Attributes, Guise};

use super::bench::{Bench, Target};
use super::{all, guise};
use crate::oracle::{long, sh};

/// The shapes on which sequences run.
const ON: [&str; 6] = [
    "fat12-8k-mixed",
    "fat32-1k-fragmented",
    "ext3-1k-fragmented",
    "ext4-inline",
    "ntfs-streams",
    "ntfs-fragmented-512",
];

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides.max(1)
    }
}

fn step(bench: &mut Bench, dice: &mut Dice, number: u64) {
    let paths: Vec<String> =
        bench.model.iter().filter(|(_, seen)| seen.is_directory).map(|(path, _)| path.clone()).collect();
    let plain: Vec<&String> = paths.iter().filter(|path| path.is_ascii() && path.len() < 600).collect();
    let parent = plain.get(dice.below(plain.len() as u64 + 1) as usize).map_or("", |path| path.as_str()).to_owned();
    let look = guise(dice.below(100), number);
    let target = match dice.below(4) {
        0 => Target::Bytes(dice.below(3) * dice.below(900)),
        1 => Target::Bytes(dice.below(40_000)),
        _ => Target::Units(dice.below(20)),
    };
    match dice.below(10) {
        0 => {
            // One that looks as if it were made for what is adopted would go with the last file that is released.
            let attributes = Attributes { system: false, mode: Some(0o750), ..look.attributes };
            bench.make_directory(&format!("{parent}/directory {number}"), &Guise { attributes, ..look });
        }
        1 | 2 => bench.put(&format!("{parent}/{number} {}", "x".repeat(1 + dice.below(120) as usize)), target, &look),
        3 => {
            let ours: Vec<String> = bench.places.keys().cloned().collect();
            if let Some(path) = ours.get(dice.below(ours.len() as u64) as usize) {
                bench.release(path);
            }
        }
        _ => {
            let victims = bench.victims();
            if let Some(path) = victims.get(dice.below(victims.len() as u64) as usize) {
                bench.put(path, target, &look);
            }
        }
    }
}

#[test]
fn random_puts_come_to_what_the_model_says() {
    let (rounds, steps) = if long() { (25, 12) } else { (2, 12) };
    let mut puts = 0;
    let seeds = if long() { 1..4 } else { 1..2 };
    for (name, seed) in ON.iter().flat_map(|name| seeds.clone().map(move |seed| (name, seed))) {
        let dir = tempfile::tempdir().unwrap();
        let shape = all().find(|shape| shape.name == *name).unwrap();
        let mut bench = Bench::make(shape, dir.path()).unwrap();
        let mut dice = Dice(seed);
        for round in 0..rounds {
            for number in 0..steps {
                step(&mut bench, &mut dice, round * steps + number);
                if dice.below(4) == 0 {
                    bench.apply("some");
                }
            }
            bench.judge(&format!("seed {seed}, round {round}"));
        }
        println!("{name}: {} put, {:?} refused", bench.puts, bench.refused);
        puts += bench.puts;
        sh(dir.path(), "rm -rf -- *");
    }
    println!("{puts} files and directories put");
}

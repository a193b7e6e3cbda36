//! Power lost at any flush.

use std::collections::HashSet;

use lifeboat::job::{self, Monitor, Outcome, Resumption};
use lifeboat::plan::Direction;

use super::acts::{ACTS, Act};
use super::scene::{Bench, Disk, Scene};
use super::yard::{EXT2, EXT4, FAMILIES, FAT12, FAT16, FAT32, Family, NTFS};
use crate::faults_cuts::{Effort, states};
use crate::oracle::long;

/// What was seen.
#[derive(Default, Debug)]
pub(super) struct Tally {
    /// Different states that a cut left.
    pub(super) cuts: usize,
    /// Where nothing waited, and all was as before or as after.
    pub(super) quiet: usize,
    pub(super) finished: usize,
    pub(super) rolled_back: usize,
    /// Where only finishing helps, and this was said.
    pub(super) one_way: usize,
    /// The job was planned and done anew after it was taken back, or where nothing waited.
    pub(super) again: usize,
    /// The file system was destroyed after the cut, and the images were found.
    pub(super) destroyed: usize,
    /// Cuts while an interrupted job was brought to its end.
    pub(super) stacked: usize,
    pub(super) judged: usize,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.cuts += other.cuts;
        self.quiet += other.quiet;
        self.finished += other.finished;
        self.rolled_back += other.rolled_back;
        self.one_way += other.one_way;
        self.again += other.again;
        self.destroyed += other.destroyed;
        self.stacked += other.stacked;
        self.judged += other.judged;
    }
}

fn effort(act: Act, family: Family) -> Effort {
    match (long(), family.is_large) {
        (true, true) => Effort { all_subsets: 2, random: 2, stacked_every: 40, depth: 1 },
        (true, false) => Effort { all_subsets: 5, random: 6, stacked_every: 40, depth: 2 },
        (false, true) => Effort { all_subsets: 1, random: 0, stacked_every: 1000, depth: 0 },
        (false, false) => {
            Effort { all_subsets: 1, random: if act.is_restore() { 3 } else { 1 }, stacked_every: 30, depth: 1 }
        }
    }
}

/// Cuts the power everywhere during an act.
pub(super) fn cut_everywhere(act: Act, family: Family) -> Tally {
    let mut scene = act.on(family);
    let log = scene.rehearse();
    let effort = effort(act, family);
    let (mut tally, mut seen) = (Tally::default(), HashSet::new());
    states(&scene.before, log, effort, &mut |disk| {
        if seen.insert(blake3::hash(&disk.0)) {
            recover(&scene, disk, effort, &format!("cut {}", tally.cuts + 1), &mut tally);
        }
    });
    tally.judged = scene.judged.get();
    println!("{}: {tally:?}", scene.name);
    tally
}

/// Brings what is left to an end, both ways; and cuts again meanwhile.
pub(super) fn recover(scene: &Scene, disk: &Disk, effort: Effort, what: &str, tally: &mut Tally) {
    tally.cuts += 1;
    let what = format!("{}, {what}", scene.name);
    scene.put(disk);
    scene.keeps(&what);
    if tally.cuts % if long() { 3 } else { 6 } == 1 {
        scene.put(&scene.destroyed(disk));
        scene.keeps(&format!("{what}, and the file system destroyed"));
        tally.destroyed += 1;
    }
    for direction in [Direction::Finish, Direction::RollBack] {
        let what = format!("{what}, {direction:?}");
        scene.put(disk);
        match job::plan_resume(&scene.resume(direction), &Monitor::new()) {
            Ok(Resumption::Job(plan)) => {
                let bench = Bench::sound(disk);
                let report = bench.run(&plan);
                assert_eq!(report.outcome, Outcome::Done, "{what}: {report:#?}");
                scene.put(&bench.disk());
                let is_restored = scene.ended(&what);
                assert!(!scene.act.is_restore() || is_restored, "{what}: a restore is finished");
                let next = job::plan_resume(&scene.resume(direction), &Monitor::new()).unwrap();
                assert!(matches!(next, Resumption::Nothing(_)), "{what}: nothing waits any more: {next:?}");
                match direction {
                    Direction::Finish => tally.finished += 1,
                    Direction::RollBack => tally.rolled_back += 1,
                }
                if direction == Direction::RollBack && tally.rolled_back % if long() { 4 } else { 8 } == 2 {
                    tally.again += usize::from(scene.again(&bench.disk(), &what));
                }
                if effort.depth > 0 && (tally.finished + tally.rolled_back) % effort.stacked_every < 2 {
                    let (mut below, mut seen) = (Tally::default(), HashSet::new());
                    let less = effort.below();
                    states(disk, bench.log(), less, &mut |disk| {
                        if seen.insert(blake3::hash(&disk.0)) {
                            recover(scene, disk, less, &format!("{what}, cut again"), &mut below);
                        }
                    });
                    tally.stacked += below.cuts + below.stacked;
                }
            }
            Ok(Resumption::Nothing(_) | Resumption::NotBegun(_)) => {
                if direction == Direction::Finish {
                    tally.quiet += 1;
                    scene.ended(&what);
                    if tally.quiet % if long() { 4 } else { 8 } == 2 {
                        tally.again += usize::from(scene.again(disk, &what));
                    }
                }
            }
            Err(error) => {
                let is_said = error.to_string().contains("cannot be rolled back");
                let may_be = scene.act.is_restore() && direction == Direction::RollBack;
                assert!(is_said && may_be, "{what}: {error}");
                tally.one_way += 1;
            }
        }
    }
}

fn sweep(name: &str, pairs: &[(Act, Family)]) {
    let mut all = Tally::default();
    for (act, family) in pairs {
        all.add(&cut_everywhere(*act, *family));
    }
    println!("{name}: {all:?}");
    assert!(pairs.is_empty() || all.cuts > 0 && all.quiet > 0 && all.finished > 0 && all.judged > 0, "{all:?}");
}

/// Those of default; with long sweeps each act on each family; and of these only what `LIFEBOAT_ACT` and `LIFEBOAT_FAMILY`
/// name, for whoever looks for a fault.
pub(super) fn pairs(soon: &[(Act, Family)], acts: impl Fn(Act) -> bool) -> Vec<(Act, Family)> {
    let named = |name: &str| std::env::var(name).ok();
    let (act, family) = (named("LIFEBOAT_ACT"), named("LIFEBOAT_FAMILY"));
    if !long() && act.is_none() && family.is_none() {
        return soon.to_vec();
    }
    let is_in =
        |list: &Option<String>, one: &str| list.as_ref().is_none_or(|all| all.split(',').any(|name| name == one));
    let acts: Vec<Act> = ACTS.into_iter().filter(|one| acts(*one) && is_in(&act, &format!("{one:?}"))).collect();
    let families = FAMILIES.into_iter().filter(|one| is_in(&family, one.name));
    families.flat_map(|family| acts.iter().map(move |act| (*act, family)).collect::<Vec<_>>()).collect()
}

#[test]
fn power_may_fail_while_images_are_made() {
    let soon = [(Act::First, NTFS), (Act::Second, EXT4), (Act::Update, FAT16), (Act::FactoryLast, FAT12)];
    sweep(
        "making images",
        &pairs(&soon, |act| matches!(act, Act::First | Act::Second | Act::Update | Act::FactoryLast)),
    );
}

#[test]
fn power_may_fail_while_containers_change() {
    let soon = [(Act::Drop, NTFS), (Act::DropLast, FAT12), (Act::Tidy, EXT2)];
    sweep("changing containers", &pairs(&soon, |act| matches!(act, Act::Drop | Act::DropLast | Act::Tidy)));
}

#[test]
fn power_may_fail_while_a_volume_is_restored_in_place() {
    let soon = [
        (Act::Home, FAT32),
        (Act::Destroyed, NTFS),
        (Act::Collision, FAT16),
        (Act::Table, EXT4),
        (Act::DropImages, EXT2),
    ];
    sweep("restoring in place", &pairs(&soon, Act::is_restore));
}

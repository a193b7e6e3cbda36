//! Machines and moments that the gallery's states are made of.

use std::time::Duration;

use lifeboat::fs::{Kind, State};
use lifeboat::inventory::{Disk, Inventory, Partition, TableView};
use lifeboat::job::{Outcome, Progress, Report, StepProgress};
use lifeboat::plan::{Safety, Step, StepKind};
use lifeboat::table;
use lifeboat::ui::model::{Job, Proposed, Trouble, Waiting};
use lifeboat::ui::msg::Msg;

use super::super::journeys::stage::{
    GIB, Stage, backup_plan, interrupted, partition, progress, report, reset_plan, restore_plan, resume_plan, volume,
    wrecked,
};
use super::shelf;

/// Text that wants to command the terminal, with a line break.
pub(super) const HOSTILE: &str = "evil\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}cba\nsecond line";
pub(super) const WIDE: &str = "漢字漢字漢字漢字漢字漢字漢字";
pub(super) const LONG: &str = "a name that is much longer than any column of this list could ever be";

/// A machine with one of everything, and these keys pressed.
pub(super) fn after(keys: &str) -> Stage {
    pressed(pictured(Stage::new()), keys)
}

/// A planner that brings pictures along.
fn pictured(mut stage: Stage) -> Stage {
    if let Ok(plan) = &mut stage.script.plan {
        plan.pictures = shelf::pictures(plan.job);
    }
    stage
}

/// The same, with a planner that answers with a restore.
pub(super) fn restoring(keys: &str) -> Stage {
    pressed(pictured(Stage::restoring()), keys)
}

/// The same, with images inside a partition, which the wizard has found.
pub(super) fn with_images(keys: &str) -> Stage {
    pressed(pictured(Stage::with_images()), keys)
}

/// The wizard found an interrupted job when it began.
pub(super) fn interrupted_with(jobs: Vec<Waiting>, keys: &str) -> Stage {
    let mut stage = Stage::new();
    stage.script.plan = Ok(resume_plan());
    stage.script.interrupted = jobs;
    stage.send(Msg::Begin);
    pressed(stage, keys)
}

pub(super) fn pressed(mut stage: Stage, keys: &str) -> Stage {
    stage.keys(keys);
    stage
}

/// A worker that does not answer what these keys ask for.
pub(super) fn unanswered(mut stage: Stage, keys: &str) -> Stage {
    stage.script.silent = true;
    pressed(stage, keys)
}

/// A machine with these disks, which the wizard has looked at.
pub(super) fn machine(inventory: Inventory, keys: &str) -> Stage {
    let mut stage = Stage::new();
    stage.script.interrupted.clear();
    stage.script.inventory = inventory;
    stage.send(Msg::Begin);
    pressed(stage, keys)
}

/// Many partitions, long and wide names, and text that wants to command the terminal.
pub(super) fn strange() -> Inventory {
    let mut partitions: Vec<_> = (1..=40)
        .map(|number| partition(number, 10, Some(volume(Kind::Ext4, &format!("data-{number}"), State::Clean, 10, 4))))
        .collect();
    partitions[1].volume = Some(volume(Kind::Ntfs, WIDE, State::Hibernated, 10, 9));
    partitions[2].volume = Some(volume(Kind::Fat32, HOSTILE, State::Dirty, 10, 1));
    partitions[3].name = Some(LONG.into());
    partitions[3].volume = None;
    partitions[4].volume = Some(volume(Kind::Ambiguous, "", State::Clean, 10, 0));
    if let Some(volume) = &mut partitions[4].volume {
        volume.notes = vec!["Signatures of ntfs and ext4 are both there; Lifeboat does not guess.".into()];
        volume.state = None;
    }
    let disk = Disk {
        path: "/dev/disk/by-id/a-very-long-name-of-a-disk-that-some-maker-thought-to-be-a-good-idea-0123456789".into(),
        model: Some("Größe\u{9b}31m 漢字".into()),
        bytes: 500 * GIB,
        sector_bytes: 512,
        table: TableView {
            kind: table::Kind::Gpt,
            health: table::Health::Degraded,
            notes: vec!["The first table is damaged; the one at the end of the disk was used.".into()],
            ..TableView::default()
        },
        partitions,
        ..Disk::default()
    };
    Inventory { disks: vec![disk] }
}

/// A machine whose table is damaged and whose second partition cannot be read.
pub(super) fn unreadable(keys: &str) -> Stage {
    let mut stage = Stage::new();
    let disk = &mut stage.script.inventory.disks[0];
    disk.table.health = table::Health::Damaged;
    disk.table.notes = vec!["Neither copy of the table is whole; what is shown was found by looking.".into()];
    let volume = disk.partitions[1].volume.as_mut().expect("a volume");
    (volume.state, volume.used_clusters) = (None, None);
    volume.notes = vec!["at byte 0x4000: expected a record of the MFT, found zeros".into()];
    pressed(stage, keys)
}

/// A machine whose table and volumes are lost; three images were found.
pub(super) fn lost(keys: &str) -> Stage {
    lost_at(&[1 << 20, 41 * GIB, 82 * GIB], keys)
}

/// The same, with an image at each of these places.
pub(super) fn lost_at(starts: &[u64], keys: &str) -> Stage {
    let mut stage = Stage::with_images();
    stage.script.inventory = wrecked(starts);
    if let Ok(plan) = &mut stage.script.plan {
        plan.pictures = shelf::pictures_of_lost();
    }
    stage.send(Msg::Begin);
    pressed(stage, keys)
}

/// A machine with an image inside that is damaged.
pub(super) fn damaged_inside(keys: &str) -> Stage {
    let mut stage = Stage::with_images();
    let volume = stage.script.inventory.disks[0].partitions[1].volume.as_mut().expect("a volume");
    volume.images[0].whole = false;
    volume.images[0].damage = vec!["its index is gone; it was put together from its chunks".into()];
    stage.send(Msg::Begin);
    pressed(stage, keys)
}

/// Images inside that have strange names.
pub(super) fn strange_inside(keys: &str) -> Stage {
    let mut stage = Stage::with_images();
    let mut inventory = wrecked(&[1 << 20, 41 * GIB, 82 * GIB]);
    for (partition, label) in inventory.disks[0].partitions.iter_mut().zip([WIDE, HOSTILE, LONG]) {
        rename(partition, label);
    }
    stage.script.inventory = inventory;
    stage.send(Msg::Begin);
    pressed(stage, keys)
}

fn rename(partition: &mut Partition, label: &str) {
    let Some(volume) = &mut partition.volume else { return };
    volume.label = Some(label.to_owned());
    for image in &mut volume.images {
        image.volume.label = Some(label.to_owned());
    }
}

/// A planner that refuses.
pub(super) fn refusing(mut stage: Stage, what: &str, next: &str, keys: &str) -> Stage {
    stage.script.plan = Err(Trouble { refused: true, what: what.into(), next: Some(next.into()) });
    pressed(stage, keys)
}

/// A planner that answers with this plan.
pub(super) fn planning(mut stage: Stage, plan: Proposed, keys: &str) -> Stage {
    stage.script.plan = Ok(plan);
    pressed(stage, keys)
}

/// An image inside is to be dropped.
pub(super) fn dropping(keys: &str) -> Stage {
    planning(with_images("d<down><down><enter>"), Proposed { job: Job::Keep, ..resume_plan() }, keys)
}

/// A restore in place that was cut short.
pub(super) fn half_restored(keys: &str) -> Stage {
    let mut stage = Stage::new();
    stage.script.plan = Ok(reset_plan());
    stage.script.interrupted = vec![Waiting {
        can_roll_back: false,
        words: "a restore in place did not come to its end".into(),
        facts: vec![("Volume".into(), "a volume of 40.0 GiB, half restored".into())],
        ..interrupted()
    }];
    stage.send(Msg::Begin);
    pressed(stage, keys)
}

/// A job ten seconds on, in one of its steps.
pub(super) fn running(mut stage: Stage, plan: &Proposed, step: usize) -> Stage {
    stage.send(Msg::Progress(progress(plan, 0, 0)));
    for second in 1..=10 {
        stage.at(Duration::from_secs(second));
        stage.send(Msg::Progress(progress(plan, step, second * GIB / 2)));
    }
    stage
}

/// A backup under way.
pub(super) fn backing_up(keys: &str) -> Stage {
    pressed(running(after("b<down><enter><enter>s"), &backup_plan(), 0), keys)
}

/// A restore that writes.
pub(super) fn writing(keys: &str) -> Stage {
    pressed(running(restoring("e<enter><down><enter><enter>sda2<enter>"), &restore_plan(), 2), keys)
}

/// A factory reset that writes.
pub(super) fn resetting(keys: &str) -> Stage {
    let mut stage = with_images("f<enter>sda:2<enter>");
    stage.send(Msg::Progress(progress(&reset_plan(), 2, 3 * GIB)));
    pressed(stage, keys)
}

/// A volume being checked.
pub(super) fn checking(keys: &str) -> Stage {
    let mut stage = after("d<down>c");
    stage.at(Duration::from_secs(3));
    let step = Step { kind: StepKind::CheckVolume, title: "Reading inodes".into(), bytes: 4096, safety: Safety::Reads };
    let steps = vec![StepProgress { step, done: 1024 }];
    stage.send(Msg::Progress(Progress { steps, ..Progress::default() }));
    pressed(stage, keys)
}

/// A backup that ended.
pub(super) fn ended(outcome: Outcome, change: fn(&mut Report)) -> Stage {
    let mut stage = backing_up("");
    let mut report = report(outcome);
    change(&mut report);
    stage.send(Msg::Finished(report));
    stage
}

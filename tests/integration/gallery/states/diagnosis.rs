//! What is wrong, and what helps.

use lifeboat::fs::{Kind, State};
use lifeboat::inventory::Inventory;
use lifeboat::ui::msg::Msg;

use super::super::super::journeys::stage::{GIB, Stage, interrupted, inventory, partition, stale, volume};
use super::super::General::*;
use super::super::scenes::{damaged_inside, lost, lost_at, machine, pressed, strange, strange_inside, unanswered};
use super::super::{Declared, state};

/// A disk with these volumes, that is in order.
fn of(volumes: &[(Kind, State)], keys: &str) -> Stage {
    let mut inventory = inventory();
    inventory.disks.truncate(1);
    let numbered = volumes.iter().zip(1..);
    inventory.disks[0].partitions =
        numbered.map(|((kind, state), n)| partition(n, 10, Some(volume(*kind, "Data", *state, 10, 4)))).collect();
    machine(inventory, keys)
}

/// Everything at once.
fn many(keys: &str) -> Stage {
    let mut stage = Stage::with_images();
    let sda = &mut stage.script.inventory.disks[0];
    sda.table.health = lifeboat::table::Health::Degraded;
    sda.table.notes = vec!["the primary partition table is damaged; its backup was used".into()];
    let volume = sda.partitions[1].volume.as_mut().expect("a volume");
    (volume.kind, volume.state) = (Kind::Unknown, None);
    volume.images[1].whole = false;
    sda.partitions[0].volume.as_mut().expect("a volume").state = Some(State::Hibernated);
    stage.script.interrupted = vec![interrupted()];
    stage.send(Msg::Begin);
    stage.model.stale = vec![stale()];
    pressed(stage, keys)
}

pub(super) const DECLARED: Declared = Declared {
    states: &[
        state("what is wrong when nothing is", &[Empty], || of(&[(Kind::Ntfs, State::Clean)], "w")),
        state("what is wrong on a machine without disks", &[], || machine(Inventory::default(), "w")),
        state("what is wrong with one volume that is dirty", &[One], || of(&[(Kind::Ntfs, State::Dirty)], "w")),
        state("what is wrong with one volume that Windows sleeps on", &[], || {
            of(&[(Kind::Ntfs, State::Hibernated)], "w")
        }),
        state("what is wrong on a machine of many troubles", &[Many, Damaged], || many("<esc>w")),
        state("what is wrong, the last of many troubles chosen", &[], || many("<esc>w<end>")),
        state("what is wrong with a disk that cannot be read", &[Failed], || machine(inventory(), "w")),
        state("what is wrong with a disk that was left out", &[], || {
            let mut stage = machine(inventory(), "w");
            stage.model.disks.skipped = vec!["/dev/sdc".into()];
            pressed(stage, "<end><up><up><up><up><up>")
        }),
        state("what is wrong when the table is lost and images are there", &[], || lost("w")),
        state("what is wrong with an image inside", &[], || damaged_inside("w")),
        state("what is wrong, more than fits", &[TooMany], || {
            let starts: Vec<u64> = (0..40).map(|n| (1 << 20) + n * 41 * GIB).collect();
            lost_at(&starts, "w<pagedown>")
        }),
        state("what is wrong with lost partitions of strange names", &[Hostile], || strange_inside("w<down>")),
        state("what is wrong with partitions of strange names", &[LongNames, WideNames], || machine(strange(), "w")),
        state("what is wrong while the disks are looked at", &[Running], || unanswered(Stage::new(), "w")),
        state("what is wrong with help", &[Help], || lost("w?")),
    ],
    never: &[
        (Refused, "what is offered here can be done, or is shown where it is refused"),
        (Paused, "looking at disks cannot be paused"),
    ],
};

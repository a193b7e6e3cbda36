//! The disks, looked at and to choose a source or target from.

use lifeboat::inventory::Inventory;

use super::super::super::journeys::stage::{Stage, inventory};
use super::super::General::*;
use super::super::scenes::{
    after, damaged_inside, lost, machine, pressed, restoring, strange, unanswered, unreadable, with_images,
};
use super::super::{Declared, state};

fn one() -> Inventory {
    let mut inventory = inventory();
    inventory.disks.remove(0);
    inventory.disks.truncate(1);
    inventory
}

fn strange_disks(keys: &str) -> Stage {
    let mut stage = Stage::new();
    stage.script.inventory = strange();
    pressed(stage, keys)
}

pub(super) const DECLARED: Declared = Declared {
    states: &[
        state("disks when there are none", &[Empty], || machine(Inventory::default(), "d")),
        state("disks with one that has no table", &[One], || machine(one(), "d")),
        state("disks of a machine", &[Many], || after("b<down>")),
        state("disks with a volume that was found", &[], || after("b<down><down><down>")),
        state("disks with one that cannot be read", &[Failed], || after("d<end>")),
        state("disks while looking for the first time", &[Running], || unanswered(Stage::new(), "b")),
        state("disks in the middle of a long list", &[TooMany], || strange_disks("b<pagedown><pagedown>")),
        state("disks with wide and hostile names", &[LongNames, WideNames], || strange_disks("b<down>")),
        state("disks with a hostile label chosen", &[Hostile], || strange_disks("b<down><down>")),
        state("disks with a volume of two minds", &[], || strange_disks("b<down><down><down><down>")),
        state("disks with a degraded table", &[], || strange_disks("b<home>")),
        state("disks with an unreadable volume", &[Damaged], || unreadable("b<down>")),
        state("disks with a damaged table", &[], || unreadable("b<home>")),
        state("disks with images inside", &[], || with_images("d<down>")),
        state("disks with an image inside chosen", &[], || with_images("d<down><down>")),
        state("disks with a damaged image inside", &[], || damaged_inside("d<down><down>")),
        state("disks with lost partitions that only images tell of", &[], || lost("d<end>")),
        state("targets with a mounted one chosen", &[], || restoring("e<enter><down><down>")),
        state("targets with a read-only one chosen", &[], || restoring("e<enter><end><up>")),
        state("targets with one that is too small refused", &[Refused], || restoring("e<enter><enter>")),
        state("disks with help", &[Help], || after("d?")),
        state("disks with help on images inside", &[], || with_images("d<down><down>?")),
    ],
    never: &[(Paused, "looking at disks cannot be paused")],
};

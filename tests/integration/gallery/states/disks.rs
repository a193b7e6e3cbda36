//! The disks, looked at and to choose a source or target from.

use std::time::Duration;

use lifeboat::inventory::{Inventory, Reading};
use lifeboat::ui::msg::{LookNews, Msg};

use super::super::super::journeys::stage::{Stage, inventory};
use super::super::General::*;
use super::super::scenes::{
    after, damaged_inside, lost, machine, pressed, restoring, strange, unanswered, unreadable, with_images,
};
use super::super::{Declared, shelf, state};

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

/// The map of the chosen volume is read, when the cursor has rested on it.
fn mapped(keys: &str) -> Stage {
    let mut stage = with_images(keys);
    stage.script.others = shelf::answer;
    for second in 1..=2 {
        stage.at(Duration::from_secs(second));
    }
    stage
}

/// A look that is under way: two disks are known, one is read for a while.
fn reading(keys: &str) -> Stage {
    let mut stage = unanswered(Stage::new(), "d");
    let tell = |stage: &mut Stage, news| {
        let ticket = stage.model.disks.looking.expect("a look is under way");
        stage.send(Msg::LookNews(ticket, news));
    };
    let disks = inventory().disks;
    tell(&mut stage, LookNews::Began(disks.clone()));
    tell(&mut stage, LookNews::Reading("/dev/sdb".into(), Reading::Table));
    tell(&mut stage, LookNews::Disk(Box::new(disks[0].clone())));
    stage.at(Duration::from_secs(14));
    pressed(stage, keys)
}

/// The stick was pulled out while its line was the chosen one.
fn unplugged() -> Stage {
    let mut stage = after("d<end><up>");
    stage.script.inventory.disks.remove(1);
    stage.send(Msg::DisksChanged);
    stage
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
        state("disks with the map of the chosen volume", &[], || mapped("d<down><tab>")),
        state("disks with the details of an image, and no map", &[], || mapped("d<down><down>")),
        state("disks of which a slow one is being read", &[], || reading("")),
        state("disks of which a slow one is left out", &[], || reading(" ")),
        state("disks after one was pulled out", &[], unplugged),
        state("disks narrowed by what is typed", &[], || with_images("d/win")),
        state("disks with nothing that was typed", &[], || with_images("d/nothing<enter>")),
        state("volumes to check", &[], || with_images("c")),
        state("disks to search for images", &[], || with_images("w<end>a")),
        state("places in use to be freed", &[], || with_images("m")),
        state("disks with a mounted partition chosen", &[], || with_images("d/root<enter>")),
        state("a disk that cannot be checked", &[], || with_images("d<home>c")),
        state("disks with help", &[Help], || after("d?")),
        state("disks with help on images inside", &[], || with_images("d<down><down>?")),
    ],
    never: &[(Paused, "looking at disks cannot be paused")],
};

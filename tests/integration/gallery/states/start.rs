//! The start screen.

use lifeboat::inventory::Inventory;
use lifeboat::ui::msg::Msg;

use super::super::super::journeys::stage::{GIB, Stage, inventory, stale};
use super::super::General::*;
use super::super::scenes::{damaged_inside, lost, lost_at, machine, strange_inside, with_images};
use super::super::{Declared, state};

pub(super) const DECLARED: Declared = Declared {
    states: &[
        state("start on a machine without disks", &[Empty], || machine(Inventory::default(), "")),
        state("start while the disks are looked at", &[Running], || {
            let mut stage = Stage::new();
            stage.script.silent = true;
            stage.send(Msg::Begin);
            stage
        }),
        state("start without a factory image", &[], || machine(inventory(), "")),
        state("start with the third choice chosen", &[], || with_images("<down><down>")),
        state("start with a factory image", &[One], || with_images("")),
        state("start with several factory images", &[Many], || lost("f<down>")),
        state("start with more factory images than fit", &[TooMany], || {
            let starts: Vec<u64> = (0..40).map(|n| (1 << 20) + n * 41 * GIB).collect();
            lost_at(&starts, "f<end>")
        }),
        state("start with strange names of factory images", &[LongNames, WideNames, Hostile], || strange_inside("f")),
        state("start without a factory image, asked for one", &[Refused], || machine(inventory(), "f")),
        state("start with a damaged factory image, asked for it", &[Damaged], || damaged_inside("f")),
        state("start with a recovery partition out of date", &[], || {
            let mut stage = with_images("");
            stage.model.stale = vec![stale()];
            stage
        }),
        state("start with an interrupted job left for later", &[], || {
            let mut stage = Stage::interrupted();
            stage.keys("<esc>");
            stage
        }),
        state("start with help", &[Help], || with_images("?")),
    ],
    never: &[
        (Paused, "nothing runs here that could wait"),
        (Failed, "what fails is told on the screen that it was asked for on"),
    ],
};

//! Type the word.

use lifeboat::ui::model::Proposed;

use super::super::super::journeys::stage::{Stage, interrupted, restore_plan};
use super::super::General::*;
use super::super::scenes::{HOSTILE, LONG, WIDE, dropping, interrupted_with, planning, restoring, with_images};
use super::super::{Declared, state};

const TYPED: &str = "e<enter><down><enter><enter>";

fn of_a_restore(keys: &str) -> Stage {
    restoring(&format!("{TYPED}{keys}"))
}

fn of_a_word(word: &str) -> Stage {
    planning(Stage::new(), Proposed { confirm: Some(word.into()), ..restore_plan() }, TYPED)
}

pub(super) const DECLARED: Declared = Declared {
    states: &[
        state("confirm", &[Empty], || of_a_restore("")),
        state("confirm with half a word", &[One], || of_a_restore("sd")),
        state("confirm with a wrong word", &[Refused], || of_a_restore("sdb2<enter>")),
        state("confirm with more typed than fits", &[TooMany], || of_a_restore(&"sda2 ".repeat(60))),
        state("confirm a long word", &[LongNames], || of_a_word(LONG)),
        state("confirm a wide word", &[WideNames], || of_a_word(WIDE)),
        state("confirm a hostile word", &[Hostile], || of_a_word(HOSTILE)),
        state("confirm a factory reset", &[], || with_images("f<enter>")),
        state("confirm dropping an image", &[], || dropping("<del><enter>")),
        state("confirm finishing an interrupted job", &[Damaged], || {
            interrupted_with(vec![interrupted()], "<enter><enter>")
        }),
        state("confirm with help", &[Help], || of_a_restore("?")),
    ],
    never: &[
        (Many, "there is one word to type"),
        (Running, "nothing runs before the word is typed"),
        (Paused, "nothing runs before the word is typed"),
        (Failed, "nothing can fail before the word is typed"),
    ],
};

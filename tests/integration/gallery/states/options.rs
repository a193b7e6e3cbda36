//! Path and options.

use lifeboat::ui::msg::Completion;

use super::super::super::journeys::stage::Stage;
use super::super::General::*;
use super::super::scenes::{HOSTILE, WIDE, after, pressed, restoring, unanswered, unreadable, with_images};
use super::super::{Declared, state};

fn completing(text: &str, choices: Vec<String>) -> Stage {
    let mut stage = after("b<down><enter>");
    stage.script.completion = Completion { text: text.into(), choices };
    pressed(stage, "<tab>")
}

pub(super) const DECLARED: Declared = Declared {
    states: &[
        state("options of a backup", &[Many], || after("b<down><enter>")),
        state("options of a backup with the compression chosen", &[], || after("b<down><enter><down><down>")),
        state("options of a backup of a dirty volume", &[Damaged], || {
            after("b<down><down><down><enter><down><down><down><down><down><down>")
        }),
        state("options of a backup of an unreadable volume", &[], || {
            unreadable("b<down><enter><down><down><down><down><down><down>")
        }),
        state("options of a backup without a path", &[Empty, Refused], || after("b<down><enter><clear><enter>")),
        state("options with a path longer than the line", &[LongNames], || {
            after("b<down><enter>/a/very/long/path/that/does/not/fit/into/the/line/at/all/漢字")
        }),
        state("options with names to complete the path", &[WideNames, Hostile, TooMany], || {
            let names = (1..=40).map(|number| format!("folder-{number}/"));
            completing("/mnt/backup/", [WIDE.to_owned(), HOSTILE.to_owned()].into_iter().chain(names).collect())
        }),
        state("options of a backup inside", &[], || with_images("b<enter><down> ")),
        state("options of a restore", &[], || restoring("e<enter><down><enter>o<down><down> ")),
        state("options of a factory reset", &[], || with_images("fo")),
        state("options of an export", &[One], || with_images("d<down><down><enter>x")),
        state("options while the plan is made", &[Running], || unanswered(after("b<down><enter>"), "<enter>")),
        state("options with help", &[Help], || after("b<down><enter><tab><down>?")),
    ],
    never: &[
        (Paused, "nothing runs here that could wait"),
        (Failed, "what fails when planning is shown by the preview"),
    ],
};

//! The folders and files of a volume or image.

use lifeboat::ui::model::Trouble;
use lifeboat::ui::msg::{Completion, Effect, Msg};

use super::super::super::journeys::stage::Stage;
use super::super::General::*;
use super::super::scenes::{pressed, unanswered};
use super::super::{Declared, shelf, state};

/// Inside an image, whose worker knows its files.
pub(super) fn inside(keys: &str) -> Stage {
    let mut stage = Stage::new();
    stage.script.others = shelf::answer;
    pressed(stage, &format!("l<enter>l{keys}"))
}

pub(super) const DECLARED: Declared = Declared {
    states: &[
        state("files at the root of an image", &[Many], || inside("<down>")),
        state("files of an empty folder", &[Empty], || inside("<down><down><enter>")),
        state("files of a folder with one", &[One], || inside("<down><enter><down><enter>")),
        state("files in the middle of a very long folder", &[TooMany], || {
            inside("<down><down><down><down><enter><pagedown><pagedown>")
        }),
        state("files with strange names", &[LongNames, WideNames, Hostile], || {
            inside("<down><down><down><down><down><enter>")
        }),
        state("files of a folder that cannot be read", &[Damaged], || inside("<enter>")),
        state("files with the folders' pane chosen", &[], || inside("<tab><down>")),
        state("files with some of them marked", &[], || inside(" <down><down><down><down><down>  ")),
        state("files with a link that is opened", &[Refused], || inside("<end><up><enter>")),
        state("files while the folder is read", &[Running], || unanswered(inside(""), "<enter>")),
        state("files while the volume is opened", &[], || {
            let mut stage = Stage::new();
            stage.keys("l<enter>");
            unanswered(stage, "l")
        }),
        state("files of an image that cannot be opened", &[Failed], || {
            let mut stage = Stage::new();
            stage.script.others = |effect| {
                let Effect::Files(ticket, _) = effect else { return None };
                Some(Msg::Files(
                    *ticket,
                    Err(Trouble {
                        refused: false,
                        what: "Only the base has this chunk, and it is not there: factory".into(),
                        next: Some("Put the image that it is based on beside it.".into()),
                    }),
                ))
            };
            pressed(stage, "l<enter>l")
        }),
        state("files with a name being typed to find", &[], || inside("/rec")),
        state("files that were found", &[], || inside("/rec<enter><down>")),
        state("files of which none was found", &[], || inside("/nothing<enter>")),
        state("files while they are looked for", &[], || unanswered(inside(""), "/rec<enter>")),
        state("files with the folder to copy to being typed", &[], || {
            let mut stage = inside(" x");
            stage.script.completion =
                Completion { text: "/mnt/".into(), choices: vec!["stick/".into(), "disk/".into()] };
            pressed(stage, "<tab>")
        }),
        state("files while they are counted", &[], || unanswered(inside(" x"), "<enter>")),
        state("files with help", &[Help], || inside("?")),
    ],
    never: &[(Paused, "reading a folder cannot be paused")],
};

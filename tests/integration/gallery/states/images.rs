//! The image files of a folder.

use lifeboat::ui::model::Trouble;
use lifeboat::ui::msg::Completion;

use super::super::super::journeys::stage::{Stage, image, image_row};
use super::super::General::*;
use super::super::scenes::{HOSTILE, LONG, WIDE, after, pressed, restoring, unanswered, with_images};
use super::super::{Declared, state};

/// Thirty images, of which the first is damaged and the second cannot be read.
fn many(keys: &str) -> Stage {
    let mut stage = Stage::new();
    let mut rows: Vec<_> = (1..=30).map(|number| image_row(image(&format!("image-{number:02}.lbi")))).collect();
    let mut damaged = image("a-damaged-one-with-a-long-long-name-漢字.lbi");
    damaged.damage = vec!["The index is missing; it was made anew from the chunks.".into()];
    rows.insert(0, image_row(damaged));
    let mut broken = image_row(image("broken.lbi"));
    broken.info =
        Err(Trouble { refused: false, what: "at byte 0x0: expected a header, found zeros".into(), next: None });
    rows.insert(1, broken);
    stage.script.images = Ok(rows);
    pressed(stage, keys)
}

fn strange(keys: &str) -> Stage {
    let mut stage = Stage::new();
    let rows = [WIDE, HOSTILE, LONG].map(|name| {
        let mut image = image(&format!("{name}.lbi"));
        image.label = Some(name.to_owned());
        image_row(image)
    });
    stage.script.images = Ok(rows.into());
    pressed(stage, keys)
}

fn none(keys: &str) -> Stage {
    let mut stage = Stage::new();
    stage.script.images = Ok(Vec::new());
    pressed(stage, keys)
}

fn gone(keys: &str) -> Stage {
    let mut stage = Stage::new();
    stage.script.images = Err(Trouble {
        refused: false,
        what: "/mnt/backup: No such file or directory (os error 2)".into(),
        next: Some("Press g to go to another folder.".into()),
    });
    pressed(stage, keys)
}

pub(super) const DECLARED: Declared = Declared {
    states: &[
        state("images when there are none", &[Empty], || none("l")),
        state("images with one", &[One], || restoring("e")),
        state("images with a damaged and a broken one", &[Many, Damaged], || many("l")),
        state("images with the broken one opened", &[Refused], || many("l<down><enter>")),
        state("images in the middle of a long list", &[TooMany], || many("l<pagedown>")),
        state("images with strange names", &[LongNames, WideNames, Hostile], || strange("l")),
        state("images of a folder that is not there", &[Failed], || gone("l")),
        state("images while the folder is read", &[Running], || unanswered(Stage::new(), "l")),
        state("images with a path being typed", &[], || {
            let mut stage = Stage::new();
            stage.script.completion =
                Completion { text: "/mnt/backup/ma".into(), choices: vec!["machines/".into(), "master.lbi".into()] };
            pressed(stage, "lg<tab>")
        }),
        state("images while one is opened by its path", &[], || unanswered(after("lg"), "x.lbi<enter>")),
        state("images in files and inside partitions", &[], || with_images("l<down>")),
        state("images to verify", &[], || with_images("v")),
        state("images narrowed by what is typed", &[], || with_images("l/fac")),
        state("images of which none matches what was typed", &[], || with_images("l/nothing<enter>")),
        state("images with help", &[Help], || after("l?")),
    ],
    never: &[(Paused, "reading a folder cannot be paused")],
};

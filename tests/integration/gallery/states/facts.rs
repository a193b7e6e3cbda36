//! What one image says of itself.

use super::super::super::journeys::stage::{Stage, image, image_row};
use super::super::General::*;
use super::super::scenes::{HOSTILE, LONG, WIDE, after, pressed, with_images};
use super::super::{Declared, state};

fn of(change: fn(&mut lifeboat::ui::model::ImageInfo), keys: &str) -> Stage {
    let mut stage = Stage::new();
    let mut image = image("windows.lbi");
    change(&mut image);
    stage.script.images = Ok(vec![image_row(image)]);
    pressed(stage, keys)
}

pub(super) const DECLARED: Declared = Declared {
    states: &[
        state("an image's facts", &[One], || after("l<enter>")),
        state("an image inside", &[Many], || with_images("d<down><down><enter>")),
        state("an image's facts with damage", &[Damaged], || {
            of(
                |image| image.damage = vec!["The index is missing; it was made anew from the chunks.".into()],
                "l<enter>",
            )
        }),
        state("an image's facts, more than fit, scrolled to the end", &[TooMany], || {
            of(
                |image| image.damage = (1..=60).map(|n| format!("Chunk {n} does not match its digest.")).collect(),
                "l<enter><end>",
            )
        }),
        state("an image's facts with strange names", &[LongNames, WideNames, Hostile], || {
            of(
                |image| {
                    image.facts = [WIDE, HOSTILE, LONG]
                        .map(|name| ("Volume".to_owned(), format!("ntfs, “{name}”, clean")))
                        .into();
                },
                "l<enter>",
            )
        }),
        state("an image inside with help", &[Help], || with_images("d<down><down><enter>?")),
    ],
    never: &[
        (Empty, "an image that says nothing does not open"),
        (Refused, "what must not be done with an image is refused by its plan"),
        (Running, "the image is open before its facts are shown"),
        (Paused, "nothing runs here that could wait"),
        (Failed, "an image that does not open is told of in the list"),
    ],
};

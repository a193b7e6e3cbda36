//! What is in one file.

use super::super::super::journeys::stage::Stage;
use super::super::General::*;
use super::super::scenes::unanswered;
use super::super::{Declared, state};
use super::files::inside;

const LETTER: &str = "<down><down><down><down><down><down><down><enter>";
const RECORDING: &str = "<down><down><down><down><enter><enter>";

fn broken(keys: &str) -> Stage {
    inside(&format!("<end><up><up><enter>{keys}"))
}

pub(super) const DECLARED: Declared = Declared {
    states: &[
        state("a file of one line", &[One], || inside("<down><enter><down><down><enter>")),
        state("an empty file", &[Empty], || inside("<down><enter><end><enter>")),
        state("a file of text", &[Many, LongNames, WideNames, Hostile], || inside(LETTER)),
        state("a file of text as hex", &[], || inside(&format!("{LETTER}h"))),
        state("a long file at its end", &[TooMany], || inside(&format!("{RECORDING}<end>"))),
        state("a file of bytes with a place that cannot be read", &[Damaged, Failed], || broken("")),
        state("a file of bytes as text", &[], || broken("h")),
        state("a file while it is read", &[Running], || unanswered(inside(&LETTER[..LETTER.len() - 7]), "<enter>")),
        state("a file with help", &[Help], || inside(&format!("{LETTER}?"))),
    ],
    never: &[
        (Refused, "what cannot be looked into is refused in the list"),
        (Paused, "reading a file cannot be paused"),
    ],
};

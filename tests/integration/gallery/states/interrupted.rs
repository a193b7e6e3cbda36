//! Jobs that were interrupted.

use lifeboat::ui::model::Waiting;

use super::super::super::journeys::stage::{Stage, interrupted};
use super::super::General::*;
use super::super::scenes::{HOSTILE, LONG, WIDE, half_restored, interrupted_with, unanswered};
use super::super::{Declared, state};

fn jobs(count: u8) -> Vec<Waiting> {
    let job = |n| Waiting {
        address: format!("/dev/sd{}:1", char::from(b'a' + n)).parse().expect("an address"),
        ..interrupted()
    };
    (1..=count).map(job).collect()
}

pub(super) const DECLARED: Declared = Declared {
    states: &[
        state("interrupted with one job", &[One, Damaged], Stage::interrupted),
        state("interrupted with three jobs", &[Many], || interrupted_with(jobs(3), "<down>")),
        state("interrupted with many jobs", &[TooMany], || interrupted_with(jobs(20), "<end>")),
        state("interrupted with a restore", &[], || half_restored("")),
        state("interrupted with a restore that cannot be taken back", &[Refused], || half_restored("u")),
        state("interrupted with strange names", &[LongNames, WideNames, Hostile], || {
            let strange = [WIDE, HOSTILE, LONG].map(|name| Waiting {
                words: format!("moving {name} out of the way: 3 of 5 steps done"),
                facts: vec![("Volume".into(), format!("ntfs, “{name}”, 40.0 GiB"))],
                ..interrupted()
            });
            interrupted_with(strange.into(), "<down>")
        }),
        state("interrupted while its end is planned", &[Running], || unanswered(Stage::interrupted(), "<enter>")),
        state("interrupted with help", &[Help], || interrupted_with(jobs(1), "?")),
    ],
    never: &[
        (Empty, "without interrupted jobs nothing leads here"),
        (Paused, "nothing runs here that could wait"),
        (Failed, "what fails when planning is shown by the preview"),
    ],
};

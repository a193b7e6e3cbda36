//! held

use super::super::Declared;
use super::super::General::*;

const SOON: &str = "the screen is being built";

pub(super) const DECLARED: Declared = Declared {
    states: &[],
    never: &[
        (Empty, SOON),
        (One, SOON),
        (Many, SOON),
        (TooMany, SOON),
        (LongNames, SOON),
        (WideNames, SOON),
        (Hostile, SOON),
        (Damaged, SOON),
        (Refused, SOON),
        (Running, SOON),
        (Paused, SOON),
        (Failed, SOON),
        (Help, SOON),
    ],
};

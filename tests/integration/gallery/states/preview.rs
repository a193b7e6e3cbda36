//! What will be done.

use lifeboat::ui::model::Trouble;
use lifeboat::words::{en, fill};

use super::super::super::journeys::stage::{Stage, backup_plan, interrupted, restore_plan};
use super::super::General::*;
use super::super::scenes::{
    HOSTILE, LONG, WIDE, after, dropping, half_restored, interrupted_with, lost, planning, pressed, refusing,
    restoring, unanswered, with_images,
};
use super::super::{Declared, state};
use super::files::inside;

fn many_warnings() -> lifeboat::ui::model::Proposed {
    let mut plan = restore_plan();
    plan.preview.warnings.extend((1..30).map(|number| format!("Something that matters, number {number}.")));
    plan
}

fn strange_names() -> lifeboat::ui::model::Proposed {
    let mut plan = backup_plan();
    plan.preview.headline = format!("Back up /dev/sda:2 (ntfs, “{WIDE}”) to {LONG}.lbi");
    plan.preview.facts.push(("Label".into(), HOSTILE.into()));
    plan.preview.warnings.push(format!("{LONG} {LONG} {WIDE}"));
    plan
}

pub(super) const DECLARED: Declared = Declared {
    states: &[
        state("preview of a backup", &[Many], || after("b<down><enter><enter>")),
        state("preview of a restore", &[], || restoring("e<enter><down><enter>")),
        state("preview of a factory reset", &[], || with_images("f")),
        state("preview of a factory reset of a lost partition", &[], || lost("f<down><enter>")),
        state("preview of a restore, scrolled to its pictures", &[], || restoring("e<enter><down><enter><pagedown>")),
        state("preview of an export", &[One], || with_images("d<down><down><enter>x<enter>")),
        state("preview of dropping an image", &[], || dropping("<del>")),
        state("preview of finishing an interrupted job", &[], || interrupted_with(vec![interrupted()], "<enter>")),
        state("preview of finishing an interrupted restore", &[], || half_restored("<enter>")),
        state("preview with many warnings, scrolled", &[TooMany], || {
            planning(Stage::new(), many_warnings(), "e<enter><down><enter><pagedown><up>")
        }),
        state("preview with strange names", &[LongNames, WideNames, Hostile], || {
            planning(Stage::new(), strange_names(), "b<down><enter><enter>")
        }),
        state("preview of a refused backup", &[Refused], || {
            refusing(
                Stage::new(),
                "/mnt/backup/windows.lbi needs about 11.0 GiB (11811160064 bytes), 2.0 GiB (2147483648 bytes) are free: \
                 9663676416 bytes are missing",
                en::INSTEAD_FREE_SPACE,
                "b<down><enter><enter>",
            )
        }),
        state("preview of a refusal that an option lifts", &[], || {
            refusing(
                Stage::new(),
                &fill(en::REFUSAL_UNCLEAN_HIBERNATED, &[("source", &"/dev/sda:2")]),
                en::INSTEAD_UNCLEAN_HIBERNATED,
                "b<down><enter><enter>",
            )
        }),
        state("preview of an interrupted job that cannot be taken back", &[], || {
            let stage = interrupted_with(vec![interrupted()], "");
            refusing(
                stage,
                "the journal does not fit the volume any more: byte 0x4000 holds neither its old nor its new bytes",
                "Somebody wrote to it meanwhile. Have the volume checked by its own tools",
                "u",
            )
        }),
        state("preview of a volume that cannot be read", &[Failed, Damaged], || {
            let mut stage = Stage::new();
            stage.script.plan = Err(Trouble {
                refused: false,
                what: "at byte 0x400: expected a superblock, found zeros".into(),
                next: Some("Check it with the file system's own tool, or take all its sectors with --raw".into()),
            });
            pressed(stage, "b<down><enter><enter>")
        }),
        state("preview while the plan is made anew", &[Running], || {
            unanswered(restoring("e<enter><down><enter>"), "o <enter>")
        }),
        state("preview of copying files out", &[], || inside(" <down> x<enter>")),
        state("preview with help", &[Help], || restoring("e<enter><down><enter>?")),
    ],
    never: &[(Empty, "a plan without steps is refused by the planner"), (Paused, "making a plan cannot be paused")],
};

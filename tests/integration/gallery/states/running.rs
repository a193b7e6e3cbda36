//! A job under way.

use lifeboat::ui::model::{Job, Proposed};
use lifeboat::ui::msg::Msg;

use super::super::super::journeys::stage::{GIB, Stage, backup_plan, progress, restore_plan};
use super::super::General::*;
use super::super::scenes::{
    HOSTILE, LONG, WIDE, after, backing_up, checking, lost, planning, pressed, resetting, running, with_images, writing,
};
use super::super::{Declared, state};

/// A restore whose log has these lines.
fn with_log(lines: Vec<String>) -> Stage {
    let mut stage = writing("");
    let mut progress = progress(&restore_plan(), 2, 5 * GIB);
    progress.log = lines;
    stage.send(Msg::Progress(progress));
    stage
}

fn strange_names() -> Stage {
    let mut plan = backup_plan();
    plan.preview.headline = format!("Back up /dev/sda:2 (ntfs, “{WIDE}”) to {LONG}.lbi");
    for (step, title) in plan.preview.steps.iter_mut().zip([LONG, HOSTILE, WIDE]) {
        step.title = title.into();
    }
    running(planning(Stage::new(), plan.clone(), "b<down><enter><enter>s"), &plan, 0)
}

pub(super) const DECLARED: Declared = Declared {
    states: &[
        state("running before the first sample", &[Empty], || after("b<down><enter><enter>s")),
        state("running a check", &[One], || checking("")),
        state("running a check that is paused", &[], || checking("p")),
        state("running a backup", &[Many, Running], || backing_up("")),
        state("running a restore", &[], || writing("")),
        state("running a factory reset", &[], || resetting("")),
        state("running a search of a whole disk", &[], || lost("da")),
        state("running while paused", &[Paused], || backing_up("p")),
        state("running with the question whether to cancel a backup", &[], || backing_up("<esc>")),
        state("running with the question whether to cancel a restore", &[], || writing("<esc>")),
        state("running with the question whether to cancel a factory reset", &[], || resetting("<esc>")),
        state("running with the question whether to cancel a check", &[], || checking("<esc>")),
        state("running with the question whether to cancel a search", &[], || lost("da<esc>")),
        state("running with the question whether to cancel a backup inside", &[], || {
            let stage = with_images("b<enter><down> ");
            planning(stage, Proposed { job: Job::Inside, ..backup_plan() }, "<enter>s<esc>")
        }),
        state("running while cancelling", &[], || backing_up("<esc>y")),
        state("running with all bytes done is not yet a hundred percent", &[], || {
            let plan = backup_plan();
            let mut last = running(after("b<down><enter><enter>s"), &plan, 0);
            last.send(Msg::Progress(progress(&plan, 2, 22 * GIB)));
            last
        }),
        state("running with more in the log than fits", &[TooMany], || {
            with_log((1..=200).map(|n| format!("step 3: chunk {n} written")).collect())
        }),
        state("running with errors in the log", &[Damaged, Failed], || {
            with_log(vec![
                "writing the clusters".into(),
                "! cluster 4711 could not be written: input/output error".into(),
            ])
        }),
        state("running with strange names", &[LongNames, WideNames, Hostile], strange_names),
        state("running with help", &[Help], || pressed(writing(""), "?")),
    ],
    never: &[(Refused, "what must not run is refused before it begins")],
};

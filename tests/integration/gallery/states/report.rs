//! How a job ended.

use lifeboat::job::{Outcome, Report};
use lifeboat::ui::model::Trouble;
use lifeboat::ui::msg::Msg;

use super::super::super::journeys::stage::Stage;
use super::super::General::*;
use super::super::scenes::{HOSTILE, LONG, WIDE, checking, ended, lost, pressed, writing};
use super::super::{Declared, state};

fn warned(report: &mut Report) {
    report.warnings = (1..=40).map(|n| format!("Cluster {n}: could not be read; \\Users\\file-{n}.txt")).collect();
}

fn not_sound() -> Stage {
    let mut stage = checking("");
    stage.send(Msg::Finished(Report {
        outcome: Outcome::Failed,
        headline: "/dev/sda:2 (ntfs \"Windows\") is NOT sound: 2 errors".into(),
        facts: [("Errors", "2"), ("Warnings", "0"), ("Notes", "1")].map(|(a, b)| (a.into(), b.into())).into(),
        warnings: vec![
            "error: /Users/letter.doc: cluster 4711 also belongs to /Users/photo.jpg (cluster 4711)".into(),
            "error: the boot sector's backup differs from it (byte 0x9ffffffe00)".into(),
            "note: 12 files are compressed".into(),
        ],
        next: vec!["Keep what can be read first: `lifeboat backup` images it as it is.".into()],
    }));
    stage
}

fn restored() -> Stage {
    let mut stage = writing("");
    stage.send(Msg::Finished(Report {
        outcome: Outcome::Done,
        headline: "/dev/sda:2 is restored from windows.lbi".into(),
        facts: vec![
            ("Written".into(), "22.0 GiB".into()),
            ("Read back".into(), "22.0 GiB, all of it as written".into()),
        ],
        warnings: Vec::new(),
        next: Vec::new(),
    }));
    stage
}

pub(super) const DECLARED: Declared = Declared {
    states: &[
        state("report of a search that found nothing", &[Empty], || {
            let mut stage = lost("da");
            stage.send(Msg::Searched("/dev/sda".into(), Ok(Vec::new())));
            stage
        }),
        state("report of a job that is done", &[One], || ended(Outcome::Done, |_| {})),
        state("report of a restore that is done", &[], restored),
        state("report with warnings", &[Many], || ended(Outcome::DoneWithWarnings, warned)),
        state("report with warnings, scrolled to its end", &[TooMany], || {
            pressed(ended(Outcome::DoneWithWarnings, warned), "<end>")
        }),
        state("report of a job that failed", &[Failed], || {
            ended(Outcome::Failed, |report| {
                report.headline = "/mnt/backup/x.lbi: No space left on device (os error 28)".into();
                report.next =
                    vec!["Free some space, or choose another folder. Nothing was left under the name.".into()];
            })
        }),
        state("report of a job that was cancelled", &[], || {
            ended(Outcome::Cancelled, |report| report.headline = "Cancelled at 12 of 44 GiB; no image was left.".into())
        }),
        state("report of a job that was refused", &[Refused], || {
            ended(Outcome::Refused, |report| report.headline = "The target was mounted meanwhile.".into())
        }),
        state("report of a volume that is not sound", &[Damaged], not_sound),
        state("report with strange names", &[LongNames, WideNames, Hostile], || {
            ended(Outcome::DoneWithWarnings, |report| {
                report.headline = format!("{LONG}.lbi holds “{WIDE}”.");
                report.warnings = vec![format!("{HOSTILE}: could not be read"), format!("/{LONG}/{LONG}/{WIDE}: gone")];
            })
        }),
        state("report with the file to save it to being typed", &[], || pressed(ended(Outcome::Done, |_| {}), "x")),
        state("report that was not saved", &[], || {
            let mut stage = pressed(ended(Outcome::Done, |_| {}), "x<enter>");
            let ticket = stage.model.ticket;
            let what =
                "/mnt/backup/lifeboat-report-2026-11-21-2214.txt is there already. It was left as it is.".to_owned();
            let next = Some("Type another name.".to_owned());
            stage.send(Msg::Saved(ticket, Err(Trouble { refused: true, what, next })));
            stage
        }),
        state("report that was saved", &[], || {
            let mut stage = pressed(ended(Outcome::Done, |_| {}), "x<enter>");
            stage.send(Msg::Saved(stage.model.ticket, Ok("/mnt/backup/lifeboat-report-2026-11-21-2214.txt".into())));
            stage
        }),
        state("report with help", &[Help], || pressed(ended(Outcome::Done, |_| {}), "?")),
    ],
    never: &[(Running, "the job is over when this is shown"), (Paused, "the job is over when this is shown")],
};

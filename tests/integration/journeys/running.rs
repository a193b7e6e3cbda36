//! Journeys from the preview to the report: what is in sight, what each key does, and what it never does.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lifeboat::error::Error;
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::inventory::{ClusterState, VolumeMap, layout};
use lifeboat::job::{Outcome, Pictures, Progress, Report};
use lifeboat::plan::{Safety, Step, StepKind};
use lifeboat::ui::model::{Proposed, Screen, Trouble};
use lifeboat::ui::msg::{Completion, Effect, Msg};

use super::stage::{GIB, Stage, backup_plan, inventory, progress, report, reset_plan, restore_plan, resume_plan};

/// A restore whose job has begun.
fn restoring() -> Stage {
    let mut stage = Stage::restoring();
    stage.keys("e<enter><down><enter><enter>sda2<enter>");
    assert_eq!(stage.screen(), Screen::Running);
    stage
}

/// A backup whose job has begun.
fn backing_up() -> Stage {
    let mut stage = Stage::new();
    stage.keys("b<down><enter><enter>s");
    assert_eq!(stage.screen(), Screen::Running);
    stage
}

fn at_step(plan: &Proposed, kind: StepKind) -> Progress {
    let step = plan.preview.steps.iter().position(|step| step.kind == kind).expect("the plan has such a step");
    progress(plan, step, 0)
}

/// A plan with the pictures that a planner makes: the disk before and after, and the volume.
fn pictured(plan: Proposed) -> Proposed {
    let disk = |label: &str| {
        let mut disk = inventory().disks.remove(0);
        disk.partitions[1].volume.as_mut().expect("a volume").label = Some(label.into());
        layout(&disk)
    };
    let clusters = 40 * GIB / 4096;
    let used: ExtentSet = [Extent::new(0, clusters / 2)].into_iter().collect();
    let map = VolumeMap::new(clusters, 4096, &[(ClusterState::Used, &used)]);
    let pictures = Pictures {
        layout: Some((disk("Broken"), disk("Windows"))),
        chosen: Some(2 << 20),
        map_before: None,
        map_after: Some(map),
    };
    Proposed { pictures: Arc::new(pictures), ..plan }
}

/// A report with so many warnings, after a restore.
fn ended(warnings: usize) -> Stage {
    let mut stage = restoring();
    stage.at(Duration::from_secs(221));
    let warnings = (1..=warnings).map(|number| format!("file {number} is damaged")).collect();
    stage.send(Msg::Finished(Report { warnings, ..report(Outcome::DoneWithWarnings) }));
    stage
}

/// All that can be read on a screen by scrolling it from its beginning to its end.
fn read(stage: &mut Stage, columns: u16, rows: u16) -> String {
    stage.text(columns, rows);
    stage.keys("<home>");
    let mut all = stage.text(columns, rows);
    for _ in 0..200 {
        stage.keys("<down>");
        all.push_str(&stage.text(columns, rows));
    }
    all
}

#[test]
fn a_pause_cannot_be_overlooked_without_colour_at_any_size() {
    for (columns, rows) in [(80, 24), (120, 40), (40, 12)] {
        let mut stage = restoring();
        stage.send(Msg::Progress(progress(&restore_plan(), 2, GIB)));
        assert!(!stage.text(columns, rows).contains("PAUSED"));
        stage.keys("p");
        let text = stage.text(columns, rows);
        assert!(text.contains("PAUSED") && text.contains("Write the volume's"), "{text}");
        assert!(!text.contains("left"), "a job that waits tells no time: {text}");
        stage.keys("p");
        assert!(!stage.text(columns, rows).contains("PAUSED"));
        stage.keys("<esc>y");
        let text = stage.text(columns, rows);
        assert!(text.contains("STOPPING") && !text.contains("PAUSED"), "{text}");
    }
}

#[test]
fn a_paused_job_can_be_cancelled_and_a_cancelled_one_not_be_paused() {
    let mut stage = backing_up();
    stage.keys("p<esc>");
    stage.send(Msg::Progress(Progress { paused: true, ..progress(&backup_plan(), 0, GIB) }));
    assert!(stage.text(80, 24).contains("Cancel the job?"), "a sample takes no question away");
    stage.keys("y");
    assert!(matches!(stage.last(), Effect::Cancel));
    let asked = stage.asked.len();
    stage.keys("ppp<esc><esc>yn");
    assert_eq!(stage.asked.len(), asked);
}

#[test]
fn cancelling_says_what_the_disk_will_be_whatever_the_step() {
    let cases: [(&Proposed, &[(StepKind, &str)]); 4] = [
        (
            &restore_plan(),
            &[
                (StepKind::VerifyImage, "Nothing was written to the target yet"),
                (StepKind::Unseal, "unfinished"),
                (StepKind::WriteClusters, "unfinished"),
                (StepKind::SyncTarget, "unfinished"),
                (StepKind::ReadBackTarget, "unfinished"),
                (StepKind::Seal, "unfinished"),
            ],
        ),
        (
            &reset_plan(),
            &[
                (StepKind::VerifyImage, "Nothing was written to the target yet"),
                (StepKind::WriteContents, "Images may have been moved"),
                (StepKind::WriteClusters, "unfinished"),
                (StepKind::Seal, "unfinished"),
                (StepKind::CheckVolume, "Everything is restored"),
            ],
        ),
        (
            &backup_plan(),
            &[
                (StepKind::WriteImage, "No image is left under the chosen name"),
                (StepKind::SyncImage, "No image is left under the chosen name"),
                (StepKind::ReadBackImage, "No image is left under the chosen name"),
            ],
        ),
        (
            &resume_plan(),
            &[
                (StepKind::ReadBackCopies, "stays: the job can be finished"),
                (StepKind::ChangeMetadata, "finished or taken back later"),
            ],
        ),
    ];
    for (plan, steps) in cases {
        for (kind, words) in steps {
            let mut stage = Stage::restoring();
            stage.script.plan = Ok(plan.clone());
            stage.keys("e<enter><down><enter><enter>");
            let word = plan.confirm.clone().unwrap_or_default();
            stage.keys(if word.is_empty() { "s" } else { &word }).keys("<enter>");
            stage.send(Msg::Progress(at_step(plan, *kind)));
            stage.keys("<esc>");
            for (columns, rows) in [(80, 24), (120, 40)] {
                let text = stage.text(columns, rows);
                let flat = text.replace(['│', '\n'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(flat.contains(words), "{kind:?}: “{words}” is not in {flat}");
            }
            assert!(!stage.asked.iter().any(|effect| matches!(effect, Effect::Cancel)));
        }
    }
}

#[test]
fn problems_stand_in_the_log_as_they_happen_and_stay_in_reach() {
    let mut stage = backing_up();
    let mut sample = progress(&backup_plan(), 0, GIB);
    sample.log = (1..=300).map(|number| format!("entry {number} of the log")).collect();
    sample.log.push("! Clusters 5 to 9 cannot be read; zeros are stored".into());
    stage.send(Msg::Progress(sample.clone()));
    for (columns, rows) in [(80, 24), (120, 40), (40, 12)] {
        let text = stage.text(columns, rows);
        assert!(text.contains("! Clusters 5 to 9 cannot be read"), "{text}");
        let all = read(&mut stage, columns, rows);
        for number in [1, 2, 3] {
            assert!(all.contains(&format!("· entry {number} of")), "{columns}×{rows}: entry {number}");
        }
        stage.keys("<end>");
    }
    stage.text(80, 24);
    stage.keys("<up>");
    assert!(stage.text(80, 24).contains("1 newer line below"));
    sample.log.push("the next".into());
    stage.send(Msg::Progress(sample));
    let text = stage.text(80, 24);
    assert!(text.contains("2 newer lines below") && !text.contains("the next"), "what is read stays: {text}");
    stage.keys("<end>");
    assert!(stage.text(80, 24).contains("the next"));
}

#[test]
fn a_log_from_a_stranger_cannot_draw_on_the_screen() {
    let mut stage = backing_up();
    let mut sample = progress(&backup_plan(), 0, GIB);
    sample.log = vec!["\u{1b}[2J\u{202e}evil".into(), "x".repeat(100_000), String::new()];
    stage.send(Msg::Progress(sample));
    let text = stage.text(80, 24);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
    stage.keys("<home>");
    assert!(stage.text(80, 24).contains("[2J"));
}

#[test]
fn the_time_left_is_told_until_the_end_and_never_as_nothing() {
    let plan = restore_plan();
    let mut stage = restoring();
    let mut seconds = 0;
    for (step, bytes) in plan.preview.steps.iter().map(|step| step.bytes).enumerate() {
        for part in 0..=10 {
            seconds += 1;
            stage.at(Duration::from_secs(seconds));
            stage.send(Msg::Progress(progress(&plan, step, bytes / 10 * part)));
            let text = stage.text(80, 24);
            assert!(!text.contains("about 0 s") && !text.contains("100 %\n\n"), "{text}");
            if seconds > 2 {
                assert!(text.contains(" left"), "{text}");
            }
        }
    }
}

#[test]
fn a_search_does_not_say_how_long_it_takes_while_it_does_not_know_what_comes() {
    let plan = backup_plan();
    let mut stage = Stage::new();
    stage.script.interrupted.clear();
    stage.send(Msg::Begin);
    stage.keys("da");
    assert_eq!(stage.screen(), Screen::Running);
    for second in 1..10 {
        stage.at(Duration::from_secs(second));
        stage.send(Msg::Progress(progress(&plan, 0, second * GIB)));
    }
    let text = stage.text(80, 24);
    assert!(text.contains("time left not known yet") && !text.contains("about"), "{text}");
}

#[test]
fn the_preview_is_read_to_its_last_line_at_any_size() {
    for (columns, rows) in [(80, 24), (120, 40), (40, 12)] {
        let mut stage = Stage::restoring();
        let mut plan = restore_plan();
        plan.preview.warnings.extend((1..30).map(|number| format!("Something that matters, number {number}.")));
        stage.script.plan = Ok(plan);
        stage.keys("e<enter><down><enter>");
        let first = stage.text(columns, rows);
        assert!(first.contains("Restore windows.lbi") && first.contains(" of "), "the place is shown: {first}");
        let all = read(&mut stage, columns, rows);
        for words in ["number 29", "1. Check every digest", "overwrites", "There now"] {
            assert!(all.contains(words), "{columns}×{rows}: {words}");
        }
        stage.keys("<home><end>");
        assert!(stage.text(columns, rows).contains("lifeboat restore"), "the command line is at the end");
        assert_eq!(stage.runs(), 0);
    }
}

#[test]
fn the_sentence_the_warnings_and_the_steps_are_in_sight_at_first() {
    let mut stage = Stage::restoring();
    stage.keys("e<enter><down><enter>");
    let text = stage.text(80, 24);
    for words in
        ["Restore windows.lbi", "! What is on /dev/sda:2 now", "1. Check every digest", "6. Write what makes it valid"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn the_disk_stands_before_and_after_one_above_the_other() {
    let mut stage = Stage::restoring();
    stage.script.plan = Ok(pictured(restore_plan()));
    stage.keys("e<enter><down><enter>");
    let text = stage.text(80, 24);
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words}: {text}"));
    assert!(place("! What is on") < place("The disk now") && place("The disk now") < place("Broken"), "{text}");
    assert!(place("Broken") < place("The disk afterwards") && place("afterwards") < place("Steps"), "{text}");
    assert!(place("Steps") < place("6. Write what makes it valid"), "{text}");
    for (columns, rows) in [(80, 24), (120, 40), (40, 12)] {
        let all = read(&mut stage, columns, rows);
        assert!(all.contains("The partition afterwards") && all.contains("used"), "{columns}×{rows}: {all}");
    }
}

#[test]
fn the_map_fills_while_clusters_are_written() {
    let mut stage = Stage::restoring();
    stage.script.plan = Ok(pictured(restore_plan()));
    stage.keys("e<enter><down><enter><enter>sda2<enter>");
    let clusters = 40 * GIB / 4096;
    let mut done = Vec::new();
    for tenth in 0..5 {
        let sample = progress(&restore_plan(), 2, 4 * GIB * tenth);
        stage.send(Msg::Progress(Progress { cluster: Some(clusters / 10 * tenth), ..sample }));
        let text = stage.text(80, 24);
        assert!(text.contains('►') && text.contains("Write the volume's") && text.contains("Log"), "{text}");
        done.push(text.matches('√').count());
    }
    assert!(done.windows(2).all(|pair| pair[0] < pair[1]), "{done:?}");
    let low = stage.text(40, 12);
    assert!(low.contains("Write the") && low.contains("writing the image"), "the step and the log come first: {low}");
}

#[test]
fn a_refused_plan_says_the_numbers_and_what_to_do() {
    for (columns, rows) in [(80, 24), (120, 40), (40, 12)] {
        let mut stage = Stage::restoring();
        stage.script.plan = Err(Trouble {
            refused: true,
            what: "the target has 1024 bytes, and 4096 are needed".into(),
            next: Some("Choose a larger one".into()),
        });
        stage.keys("e<enter><down><enter>");
        let all = read(&mut stage, columns, rows);
        for words in ["Not possible", "4096", "What to do", "Choose a larger one", "Nothing was written"] {
            assert!(all.contains(words), "{columns}×{rows}: {words}");
        }
        stage.keys("s<enter><enter>y");
        assert_eq!((stage.screen(), stage.runs()), (Screen::Preview, 0));
    }
}

#[test]
fn no_single_key_starts_what_overwrites() {
    for key in ('a'..='z').chain(['/', ' ', '?', 'S', 'Y']) {
        let mut stage = Stage::restoring();
        stage.keys("e<enter><down><enter>").keys(&format!("{key}{key}<enter><enter>"));
        assert_eq!(stage.runs(), 0, "{key}");
    }
}

#[test]
fn the_report_is_saved_where_the_user_says() {
    let mut stage = ended(0);
    stage.keys("x");
    assert!(stage.text(80, 24).contains("/mnt/backup/lifeboat-report-2026-11-21-2214.txt"));
    stage.script.completion = Completion { text: "/media/stick/".into(), choices: Vec::new() };
    stage.keys("<clear>/media/s<tab>r.txt<enter>");
    let Effect::Save(ticket, path, text) = stage.last().clone() else { panic!("nothing is saved") };
    assert_eq!(path, PathBuf::from("/media/stick/r.txt"));
    for words in [
        "Done with warnings",
        "2026-11-21 22:14",
        "3 min 41 s",
        "lifeboat restore /mnt/backup/windows.lbi",
        "lifeboat.log",
        "10.9",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(stage.text(80, 24).contains("Saving"));
    stage.keys("<enter>");
    assert_eq!(stage.asked.iter().filter(|effect| matches!(effect, Effect::Save(..))).count(), 1, "once is enough");
    stage.send(Msg::Saved(ticket, Ok(path)));
    assert!(stage.text(80, 24).contains("Saved as /media/stick/r.txt"));
    assert_eq!(stage.screen(), Screen::Report);
    stage.keys("<esc>");
    assert_eq!(stage.screen(), Screen::Start);
}

#[test]
fn a_report_that_cannot_be_saved_says_why_and_asks_again() {
    for (columns, rows) in [(80, 24), (40, 12)] {
        let mut stage = ended(40);
        for what in ["r.txt is there already", "it is read-only: /mnt/backup"] {
            stage.keys("x<enter>");
            let Effect::Save(ticket, ..) = stage.last().clone() else { panic!("nothing is saved") };
            let trouble = Trouble { refused: true, what: what.into(), next: Some("Type another name.".into()) };
            stage.send(Msg::Saved(ticket, Err(trouble)));
            let text = stage.text(columns, rows);
            assert!(text.contains(what) && text.contains("! Done with warnings"), "{text}");
            stage.keys("2");
            assert!(!stage.text(columns, rows).contains(what), "typing on takes it away");
            stage.keys("<esc>");
            assert_eq!(stage.screen(), Screen::Report, "Esc leaves the report where it is");
        }
        stage.keys("x<clear> <enter>");
        assert!(stage.text(columns, rows).contains("Type where the report shall go"));
        let saves = stage.asked.iter().filter(|effect| matches!(effect, Effect::Save(..))).count();
        assert_eq!(saves, 2, "nothing is saved without a name");
    }
}

#[test]
fn a_late_answer_about_a_report_that_was_left_changes_nothing() {
    let mut stage = ended(0);
    stage.keys("x<enter>");
    let Effect::Save(ticket, path, _) = stage.last().clone() else { panic!("nothing is saved") };
    stage.keys("<esc>");
    stage.send(Msg::Saved(ticket, Ok(path)));
    assert!(!stage.text(80, 24).contains("Saved as"));
}

#[test]
fn every_warning_of_a_report_can_be_read_and_is_saved() {
    for (columns, rows) in [(80, 24), (120, 40), (40, 12)] {
        let mut stage = ended(120);
        let first = stage.text(columns, rows);
        assert!(first.contains("Done with warnings") && first.contains(" of "), "{first}");
        let all = read(&mut stage, columns, rows);
        for number in 1..=120 {
            assert!(all.contains(&format!("file {number} is damaged")), "{number}");
        }
        stage.keys("<end>");
        assert!(stage.text(columns, rows).contains("lifeboat restore"), "the command line is at the end");
        stage.keys("x<enter>");
        let Effect::Save(_, _, text) = stage.last() else { panic!("nothing is saved") };
        assert_eq!(text.matches("is damaged").count(), 120);
    }
}

#[test]
fn the_report_of_a_failure_says_what_it_was_to_be_and_what_is_next() {
    let mut stage = restoring();
    stage.send(Msg::Finished(Report::failed(&Error::damaged("the disk is gone").advise("Attach it again"))));
    let text = stage.text(80, 24);
    for words in
        ["x Failed", "the disk is gone", "Attach it again", "Restore windows.lbi", "lifeboat.log", "Time in all"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(stage.model.exit_code, 1);
}

#[test]
fn a_long_trouble_is_read_to_its_end() {
    let mut stage = Stage::new();
    let what = (1..=60).map(|number| format!("reason {number}.")).collect::<Vec<_>>().join(" ");
    stage.model.trouble = Some(Trouble { refused: false, what, next: Some("Ask for help".into()) });
    assert!(!stage.text(40, 12).contains("Ask for help"));
    stage.keys("<end>");
    assert!(stage.text(40, 12).contains("Ask for help"));
    stage.keys("<home>");
    assert!(stage.text(40, 12).contains("reason 1."));
    stage.keys("<end><enter>");
    assert_eq!((stage.model.trouble.is_some(), stage.model.trouble_scroll), (false, 0));
}

#[test]
fn in_the_smallest_window_the_confirmation_shows_what_is_lost_and_what_is_asked() {
    let mut stage = Stage::restoring();
    stage.keys("e<enter><down><enter><enter>sd");
    let text = stage.text(40, 12);
    for words in ["! What is on /dev/sda:2 now is lost:", "\"Windows\", 40.0 GiB", "type its name:  sda2", "> sd"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    stage.keys("<enter>");
    let text = stage.text(40, 12);
    for words in ["What is on /dev/sda:2", "type its name:  sda2", "> sd", "That is not the word"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    // However much there is to say, what is asked stays in sight, and what is left out is told.
    for size in [(40, 12), (80, 24), (120, 40)] {
        let mut many = Stage::restoring();
        let mut plan = restore_plan();
        plan.preview.warnings.extend((1..=60).map(|number| format!("file {number} is damaged and cannot be restored")));
        many.script.plan = Ok(plan);
        many.keys("e<enter><down><enter><enter>sd");
        let text = many.text(size.0, size.1);
        for words in ["What is on /dev/sda:2", "type its name:  sda2", "> sd", "…"] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
}

#[test]
fn in_the_smallest_window_a_question_shows_its_keys() {
    let mut stage = restoring();
    let mut plan = restore_plan();
    let check = Step { kind: StepKind::CheckVolume, title: "Check the volume".into(), bytes: 0, safety: Safety::Reads };
    plan.preview.steps.push(check);
    stage.send(Msg::Progress(progress(&plan, plan.preview.steps.len() - 1, 0)));
    stage.keys("<esc>");
    let text = stage.text(40, 12);
    assert!(text.contains("Everything is restored") && text.contains("…") && text.contains("y  yes, cancel"), "{text}");
}

#[test]
fn an_image_is_looked_for_where_it_was_made() {
    let mut stage = Stage::new();
    stage.script.interrupted.clear();
    stage.script.plan = Ok(backup_plan());
    stage.send(Msg::Begin);
    stage.keys("b<enter>").keys(&"<backspace>".repeat(80)).keys("/media/stick/a.lbi<enter>s");
    assert_eq!(stage.screen(), Screen::Running);
    stage.send(Msg::Finished(report(Outcome::Cancelled)));
    stage.keys("<enter>l");
    assert!(!matches!(stage.last(), Effect::List(_, folder) if folder == Path::new("/media/stick")));
    stage.keys("<esc>b<enter>").keys(&"<backspace>".repeat(80)).keys("/media/stick/a.lbi<enter>s");
    assert_eq!(stage.screen(), Screen::Running);
    stage.send(Msg::Finished(report(Outcome::Done)));
    stage.keys("<enter>l");
    assert_eq!(stage.model.images.folder, Path::new("/media/stick"));
    assert!(matches!(stage.last(), Effect::List(_, folder) if folder == Path::new("/media/stick")));
}

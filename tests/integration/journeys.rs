//! Journeys through the wizard, as sequences of keys.

mod clicks;
mod disks;
mod feel;
mod files;
mod inside;
mod onward;
mod random;
mod running;
pub(crate) mod stage;
mod start;

use lifeboat::error::Error;
use lifeboat::job::{Outcome, Report};
use lifeboat::plan::Direction;
use lifeboat::ui::model::{Proposal, Proposed, Screen, Task, Trouble};
use lifeboat::ui::msg::{Completion, Effect, Msg, Signal};
use stage::{GIB, Stage, backup_plan, image, image_row, interrupted, progress, report, restore_plan};

#[test]
fn a_partition_is_backed_up_with_one_explicit_start() {
    let mut stage = Stage::new();
    stage.keys("b");
    assert_eq!(stage.screen(), Screen::Disks);
    stage.keys("<down><enter>");
    assert_eq!(stage.screen(), Screen::Options);
    assert_eq!(stage.model.form.path(), "/mnt/backup/Windows-2026-11-21.lbi");
    stage.keys("<enter>");
    let Some(Effect::PlanBackup(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert_eq!(request.source.to_string(), "/dev/sda:2");
    assert!(request.verify && !request.even_if_dirty);
    assert_eq!(stage.screen(), Screen::Preview);
    stage.keys("<enter><enter> y");
    assert_eq!((stage.screen(), stage.runs()), (Screen::Preview, 0), "Enter alone starts nothing");
    stage.keys("s");
    assert_eq!((stage.screen(), stage.runs()), (Screen::Running, 1));
    stage.send(Msg::Progress(progress(&backup_plan(), 1, 0)));
    stage.send(Msg::Finished(report(Outcome::Done)));
    assert_eq!((stage.screen(), stage.model.exit_code), (Screen::Report, 0));
    stage.keys("<enter>q");
    assert!(matches!(stage.last(), Effect::Quit(0)));
}

#[test]
fn a_restore_starts_only_with_the_typed_word() {
    let mut stage = Stage::restoring();
    stage.keys("e<enter><down><enter>");
    let Some(Effect::PlanRestore(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert_eq!(request.target.to_string(), "/dev/sda:2");
    assert!(request.verify && !request.trust && !request.keep_going);
    stage.keys("<enter>");
    assert_eq!(stage.screen(), Screen::Confirm);
    stage.keys("<enter>");
    assert_eq!((stage.screen(), stage.runs(), stage.model.wrong), (Screen::Confirm, 0, true), "Enter alone");
    stage.keys("sda3<enter>");
    assert_eq!((stage.runs(), stage.model.wrong), (0, true), "the wrong word");
    stage.keys("<backspace>2");
    assert!(!stage.model.wrong, "typing on takes the rebuke away");
    stage.keys("<enter>");
    assert_eq!((stage.screen(), stage.runs()), (Screen::Running, 1));
}

#[test]
fn a_word_typed_earlier_does_not_count_later() {
    let mut stage = Stage::restoring();
    stage.keys("e<enter><down><enter><enter>sda2<esc>s<enter>");
    assert_eq!((stage.screen(), stage.runs()), (Screen::Confirm, 0));
}

#[test]
fn an_empty_word_confirms_nothing() {
    let mut stage = Stage::restoring();
    stage.script.plan = Ok(Proposed { confirm: Some(String::new()), ..restore_plan() });
    stage.keys("e<enter><down><enter><enter><enter>");
    assert_eq!(stage.runs(), 0);
}

#[test]
fn a_question_mark_in_the_word_can_be_typed() {
    let mut stage = Stage::restoring();
    stage.script.plan = Ok(Proposed { confirm: Some("a?".into()), ..restore_plan() });
    stage.keys("e<enter><down><enter><enter>a?<enter>");
    assert_eq!(stage.runs(), 1);
}

#[test]
fn cancelling_asks_first_and_can_be_taken_back() {
    let mut stage = Stage::new();
    stage.keys("b<down><enter><enter>s");
    stage.send(Msg::Progress(progress(&backup_plan(), 0, GIB)));
    let cancels = |stage: &Stage| stage.asked.iter().filter(|effect| matches!(effect, Effect::Cancel)).count();
    stage.keys("<esc><enter>n<esc><esc>y");
    assert_eq!(cancels(&stage), 0, "Enter, n and Esc cancel nothing, and y without the question neither");
    stage.keys("<esc>y");
    assert_eq!(cancels(&stage), 1);
    stage.keys("<esc>ypy");
    assert_eq!(cancels(&stage), 1, "once is enough");
    stage.send(Msg::Finished(Report { outcome: Outcome::Cancelled, ..report(Outcome::Cancelled) }));
    assert_eq!((stage.screen(), stage.model.exit_code), (Screen::Report, 130));
}

#[test]
fn a_job_is_paused_and_resumed_with_the_same_key() {
    let mut stage = Stage::new();
    stage.keys("b<down><enter><enter>spp");
    let pauses: Vec<bool> =
        stage.asked.iter().filter_map(|effect| if let Effect::Pause(on) = effect { Some(*on) } else { None }).collect();
    assert_eq!(pauses, [true, false]);
}

#[test]
fn a_refused_plan_says_why_and_offers_the_option_that_lifts_it() {
    let mut stage = Stage::new();
    let refusal = Trouble {
        refused: true,
        what: "The volume is hibernated".into(),
        next: Some("Shut Windows down, or use --even-if-dirty".into()),
    };
    stage.script.plan = Err(refusal.clone());
    stage.keys("b<down><enter><enter>");
    assert!(matches!(&stage.model.proposal, Proposal::Refused(trouble) if trouble.what == refusal.what));
    stage.keys("ss<enter>");
    assert_eq!(stage.runs(), 0);
    stage.script.plan = Ok(backup_plan());
    stage.keys("o<down><down><down><down><down><down> <enter>");
    let Some(Effect::PlanBackup(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert!(request.even_if_dirty);
}

#[test]
fn mounted_read_only_and_small_targets_are_refused_with_the_reason() {
    let mut stage = Stage::restoring();
    stage.keys("e<enter>");
    let mut refused = Vec::new();
    for _ in 0..stage.model.disks.rows.len() {
        stage.keys("<enter>");
        refused.push(stage.model.trouble.take().map(|trouble| trouble.what));
        if stage.screen() == Screen::Preview {
            stage.keys("<esc>");
        }
        stage.keys("<down>");
    }
    let said = refused.iter().flatten().cloned().collect::<Vec<_>>().join("\n");
    assert!(said.contains("mounted (in use) at /"), "{said}");
    assert!(said.contains("cannot be written"), "{said}");
    assert!(said.contains(&format!("{} bytes are missing", 39 * GIB)), "{said}");
    assert!(said.contains("no rights to read it"), "{said}");
    assert_eq!(stage.runs(), 0);
    let plans = stage.asked.iter().filter(|effect| matches!(effect, Effect::PlanRestore(..))).count();
    assert_eq!(plans, 1, "only the one partition that is large enough is planned for: {refused:?}");
}

#[test]
fn an_image_is_not_restored_onto_itself() {
    let mut stage = Stage::restoring();
    let mut same = image("windows.lbi");
    same.place = lifeboat::inventory::Address::Whole("/dev/sda".into());
    stage.script.images = Ok(vec![image_row(same)]);
    stage.keys("e<enter><down><enter>");
    assert!(stage.model.trouble.as_ref().is_some_and(|trouble| trouble.what.contains("itself")));
}

#[test]
fn options_of_a_restore_make_a_new_plan_or_leave_the_old_one() {
    let mut stage = Stage::restoring();
    stage.keys("e<enter><down><enter>o <esc>");
    assert_eq!(stage.screen(), Screen::Preview);
    assert!(stage.model.form.switch(lifeboat::ui::form::FieldId::CheckFirst), "Esc leaves it as it was");
    stage.keys("o <enter>");
    let Some(Effect::PlanRestore(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert!(request.trust);
    assert_eq!(stage.screen(), Screen::Preview);
    stage.keys("<esc>");
    assert_eq!(stage.screen(), Screen::Disks);
}

#[test]
fn an_abandoned_plan_is_dropped_when_it_comes() {
    let mut stage = Stage::restoring();
    stage.keys("e<enter><down>");
    stage.script.silent = true;
    stage.keys("<enter>s<enter>");
    let Some(Effect::PlanRestore(ticket, _)) = stage.asked.last().cloned() else { panic!("no plan was asked for") };
    stage.keys("<esc>");
    assert!(matches!(stage.last(), Effect::Abandon));
    stage.send(Msg::Planned(ticket, Ok(Box::new(restore_plan()))));
    assert_eq!(stage.screen(), Screen::Disks);
    assert!(matches!(stage.model.proposal, Proposal::None));
}

#[test]
fn an_image_is_looked_at_and_verified() {
    let mut stage = Stage::new();
    stage.keys("l<enter>");
    assert_eq!(stage.screen(), Screen::Facts);
    stage.keys("v");
    assert!(matches!(stage.last(), Effect::Verify(image) if image.path().ends_with("windows.lbi")));
    stage.send(Msg::Finished(report(Outcome::Failed)));
    assert_eq!((stage.screen(), stage.model.exit_code, stage.runs()), (Screen::Report, 1, 0));
}

#[test]
fn the_wizard_opens_on_an_interrupted_job_and_only_its_typed_name_lets_it_write() {
    for (key, direction) in [("<enter>", Direction::Finish), ("u", Direction::RollBack)] {
        let mut stage = Stage::interrupted();
        assert_eq!(stage.screen(), Screen::Interrupted);
        stage.keys(key);
        assert!(matches!(stage.last(), Effect::PlanResume(_, request) if request.direction == direction));
        stage.keys("o<enter>s<enter>sda2<enter>");
        assert_eq!((stage.screen(), stage.runs()), (Screen::Confirm, 0));
        stage.keys("<clear>sda:2<enter>");
        assert_eq!((stage.screen(), stage.runs()), (Screen::Running, 1));
        stage.script.interrupted.clear();
        stage.send(Msg::Finished(report(Outcome::Done)));
        stage.keys("<esc>i");
        assert_eq!(stage.screen(), Screen::Start, "what is finished is offered no more");
    }
}

#[test]
fn an_interrupted_job_can_wait_and_does_not_push_in() {
    let mut stage = Stage::interrupted();
    stage.keys("<esc>");
    assert_eq!(stage.screen(), Screen::Start);
    stage.keys("i");
    assert_eq!(stage.screen(), Screen::Interrupted);

    let mut busy = Stage::new();
    busy.script.silent = true;
    busy.send(Msg::Begin);
    let Some(Effect::Look(looking, _)) = busy.asked.last().cloned() else { panic!("no look was asked for") };
    busy.keys("l");
    busy.send(Msg::Looked(looking, busy.script.inventory.clone()));
    let Some(Effect::Seek(ticket, _)) = busy.asked.last().cloned() else { panic!("no search was asked for") };
    busy.send(Msg::Sought(ticket, vec![interrupted()]));
    assert_eq!(busy.screen(), Screen::Images);
}

#[test]
fn a_volume_is_checked_and_nothing_but_reads_is_asked_for() {
    let mut stage = Stage::new();
    stage.keys("d<down>c");
    assert!(matches!(stage.last(), Effect::Check(address) if address.to_string() == "/dev/sda:2"));
    assert_eq!(stage.screen(), Screen::Running);
    stage.send(Msg::Finished(report(Outcome::DoneWithWarnings)));
    assert_eq!((stage.screen(), stage.model.exit_code, stage.runs()), (Screen::Report, 4, 0));
}

#[test]
fn what_has_no_volume_or_no_driver_is_not_checked() {
    for (keys, why) in [("d<home>c", "whole disk"), ("d<end>c", "cannot be read"), ("d<end><up>c", "exfat")] {
        let mut stage = Stage::new();
        stage.keys(keys);
        let trouble = stage.model.trouble.clone().expect(keys);
        assert!(trouble.refused && trouble.what.contains(why), "{keys}: {trouble:?}");
        assert!(!stage.asked.iter().any(|effect| matches!(effect, Effect::Check(_))));
    }
}

#[test]
fn a_typed_path_leads_to_a_folder_or_to_an_image() {
    let mut stage = Stage::new();
    stage.keys("lg<clear>/media/<enter>");
    assert_eq!(stage.model.images.folder, std::path::Path::new("/media/"));
    stage.script.completion = Completion { text: "/media/x".into(), choices: vec!["x1/".into(), "x2/".into()] };
    stage.keys("g<tab>");
    assert_eq!(stage.model.images.path.as_ref().map(|input| input.text()), Some("/media/x"));
    stage.keys("q?");
    assert!(stage.model.help.is_some(), "q is a letter here, ? still helps");
    stage.keys("<esc><enter>");
    assert_eq!(stage.screen(), Screen::Facts);
}

#[test]
fn escape_leads_back_to_the_start_from_everywhere() {
    for keys in ["b", "b<down><enter>", "b<down><enter><enter>", "l", "lg", "l<enter>", "d", "d?", "b<enter>"] {
        let mut stage = Stage::new();
        stage.keys(keys);
        assert_ne!(stage.screen(), Screen::Start, "{keys}");
        stage.keys("<esc><esc><esc><esc><esc><esc>");
        assert_eq!(stage.screen(), Screen::Start, "{keys}");
    }
    for keys in ["e", "e<enter>", "e<enter><down><enter>", "e<enter><down><enter>o", "e<enter><down><enter><enter>x"] {
        let mut stage = Stage::restoring();
        stage.keys(keys).keys("<esc><esc><esc><esc><esc><esc>");
        assert_eq!(stage.screen(), Screen::Start, "{keys}");
    }
}

#[test]
fn a_signal_cancels_the_job_before_it_ends_the_wizard() {
    let mut stage = Stage::new();
    stage.keys("b<down><enter><enter>s");
    stage.send(Msg::Signal(Signal::Terminate));
    assert!(matches!(stage.last(), Effect::Cancel));
    stage.send(Msg::Finished(report(Outcome::Cancelled)));
    assert!(matches!(stage.last(), Effect::Quit(130)));

    let mut idle = Stage::new();
    idle.send(Msg::Signal(Signal::Hangup));
    assert!(matches!(idle.last(), Effect::Quit(130)));

    let mut stuck = Stage::new();
    stuck.keys("b<down><enter><enter>s");
    stuck.send(Msg::Signal(Signal::Terminate));
    stuck.send(Msg::Signal(Signal::Terminate));
    assert!(matches!(stuck.last(), Effect::Quit(130)), "a second signal does not wait");
}

#[test]
fn a_terminal_that_went_away_still_lets_the_job_end_well() {
    let mut stage = Stage::new();
    stage.keys("b<down><enter><enter>s");
    stage.send(Msg::Signal(Signal::Hangup));
    stage.send(Msg::Signal(Signal::Hangup));
    assert!(!stage.asked.iter().any(|effect| matches!(effect, Effect::Quit(_))));
    stage.send(Msg::Finished(report(Outcome::Cancelled)));
    assert!(matches!(stage.last(), Effect::Quit(130)));
}

#[test]
fn control_c_during_a_job_only_asks() {
    let mut stage = Stage::new();
    stage.keys("b<down><enter><enter>s?<interrupt>");
    assert!(stage.model.running.as_ref().is_some_and(|running| running.asking));
    assert!(stage.model.help.is_none());
}

#[test]
fn a_refresh_keeps_the_cursor_on_its_partition() {
    let mut stage = Stage::new();
    stage.keys("d<down><down>");
    let chosen = stage.model.disks.rows[stage.model.disks.cursor].address.clone();
    stage.script.inventory.disks.rotate_right(1);
    stage.keys("r");
    assert_eq!(stage.model.disks.rows[stage.model.disks.cursor].address, chosen);
    stage.script.inventory.disks.clear();
    stage.keys("r<down><enter><end><pagedown>");
    assert!(stage.model.disks.rows.is_empty());
}

#[test]
fn a_dirty_volume_brings_the_option_that_it_needs() {
    let mut stage = Stage::new();
    stage.keys("b<down><down><down><enter>");
    assert_eq!(stage.screen(), Screen::Options, "a found volume can be backed up");
    assert_eq!(stage.model.form.fields.len(), 7);
    assert_eq!(stage.model.form.path(), "/mnt/backup/CAMERA-2026-11-21.lbi");
}

#[test]
fn a_volume_that_cannot_be_read_can_be_taken_sector_by_sector() {
    let mut stage = Stage::new();
    let volume = stage.script.inventory.disks[0].partitions[1].volume.as_mut().expect("a volume");
    (volume.state, volume.used_clusters) = (None, None);
    volume.notes = vec!["at byte 0x400: expected a superblock, found zeros".into()];
    stage.keys("b<down><enter><down><down><down><down><down><down> <enter>");
    let Some(Effect::PlanBackup(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert!(request.raw);
}

#[test]
fn a_failure_that_all_sectors_would_lift_offers_them() {
    let mut stage = Stage::new();
    stage.script.plan = Err(Trouble {
        refused: false,
        what: "at byte 0x400: expected a superblock, found zeros".into(),
        next: Some("Check it with the file system's own tool, or take all its sectors with --raw".into()),
    });
    stage.keys("b<down><enter><enter>o <enter>");
    let Some(Effect::PlanBackup(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert!(request.raw);
}

#[test]
fn a_cancelled_job_says_what_was_left_behind() {
    let mut stage = Stage::new();
    stage.keys("b<down><enter><enter>s<esc>y");
    stage.send(Msg::Finished(Report::failed(&Error::cancelled())));
    assert!(stage.text(80, 24).contains("No image was left"));
    let mut stage = Stage::restoring();
    stage.keys("e<enter><down><enter><enter>sda2<enter><esc>y");
    stage.send(Msg::Finished(Report::failed(&Error::cancelled().advise("The target is unfinished"))));
    let text = stage.text(80, 24);
    assert!(text.contains("The target is unfinished") && !text.contains("Nothing was written"), "{text}");
}

#[test]
fn enter_on_the_disks_list_only_looks() {
    let mut stage = Stage::new();
    stage.keys("d<down><enter>");
    assert_eq!((stage.screen(), stage.model.task, stage.runs()), (Screen::Files, Task::Browse, 0));
}

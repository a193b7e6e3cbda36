//! Journeys that go on after a job: to what is still wrong, or to the start.

use lifeboat::fs::{Kind, State};
use lifeboat::inventory::Partition;
use lifeboat::job::Outcome;
use lifeboat::ui::model::{Proposal, Screen, Task};
use lifeboat::ui::msg::{Effect, Msg};

use super::stage::{Stage, report};

/// A machine with one disk whose first two partitions hold NTFS and, in the second, images.
fn machine() -> Stage {
    let mut stage = Stage::with_images();
    stage.script.inventory.disks.truncate(1);
    stage.script.inventory.disks[0].partitions.truncate(2);
    stage.send(Msg::Begin);
    stage
}

/// The file system of a partition of the first disk, wrecked or mended.
fn set_state(stage: &mut Stage, index: usize, state: Option<State>) {
    let volume = stage.script.inventory.disks[0].partitions[index].volume.as_mut().expect("a volume");
    (volume.kind, volume.state) = (Kind::Ntfs, state);
}

/// From a preview through the typed word to the end of the job.
fn carried_out(stage: &mut Stage) {
    let Proposal::Ready(plan) = &stage.model.proposal else { panic!("no plan is shown") };
    let word = plan.confirm.clone().expect("a word");
    stage.keys("<enter>").keys(&word).keys("<enter>");
    assert_eq!(stage.screen(), Screen::Running);
    stage.send(Msg::Finished(report(Outcome::Done)));
    assert_eq!(stage.screen(), Screen::Report);
}

fn looks(stage: &Stage) -> usize {
    stage.asked.iter().filter(|effect| matches!(effect, Effect::Look(..))).count()
}

#[test]
fn after_one_partition_is_mended_enter_leads_to_the_other_that_is_not() {
    let mut stage = machine();
    set_state(&mut stage, 0, None);
    set_state(&mut stage, 1, None);
    stage.send(Msg::Begin);
    stage.keys("w<enter>");
    assert_eq!(stage.model.task, Task::Reset);
    set_state(&mut stage, 1, Some(State::Clean));
    carried_out(&mut stage);
    for size in [(80, 24), (40, 12)] {
        let text = stage.text(size.0, size.1);
        assert!(text.contains("Enter what is wrong") && text.contains("Esc to start"), "{text}");
    }
    let text = stage.text(80, 24);
    assert!(text.contains("More is wrong with the disks of this computer. Press Enter"), "{text}");
    let before = looks(&stage);
    stage.keys("<enter>");
    assert_eq!((stage.screen(), stage.model.task, looks(&stage)), (Screen::Diagnosis, Task::Diagnose, before + 1));
    assert!(stage.text(80, 24).contains("/dev/sda, partition 1"), "{}", stage.text(80, 24));
    stage.keys("<esc>");
    assert_eq!(stage.screen(), Screen::Start);
}

#[test]
fn a_restore_from_elsewhere_leads_to_what_is_wrong_only_when_something_urgent_is() {
    let mut whole = machine();
    whole.keys("f");
    carried_out(&mut whole);
    assert!(whole.text(80, 24).contains("Enter to the start") && !whole.text(80, 24).contains("wrong"));
    whole.keys("<enter>");
    assert_eq!(whole.screen(), Screen::Start);

    for (state, urgent) in [(Some(State::Dirty), false), (None, true)] {
        let mut stage = machine();
        set_state(&mut stage, 0, state);
        stage.keys("f");
        carried_out(&mut stage);
        assert_eq!(stage.text(80, 24).contains("Enter what is wrong"), urgent);
        stage.keys("<enter>");
        assert_eq!(stage.screen(), if urgent { Screen::Diagnosis } else { Screen::Start });
        let mut left = machine();
        set_state(&mut left, 0, state);
        left.keys("f");
        carried_out(&mut left);
        left.keys("<esc>");
        assert_eq!(left.screen(), Screen::Start, "Esc always leads to the start");
    }
}

#[test]
fn before_the_look_is_done_nothing_is_claimed() {
    let mut stage = machine();
    set_state(&mut stage, 0, None);
    stage.send(Msg::Begin);
    stage.keys("f");
    stage.script.silent = true;
    carried_out(&mut stage);
    assert!(stage.text(80, 24).contains("Enter to the start"), "what was wrong before may be mended");
    let ticket = stage.model.disks.looking.expect("a look is under way");
    stage.script.silent = false;
    stage.send(Msg::Looked(ticket, stage.script.inventory.clone()));
    assert!(stage.text(80, 24).contains("Enter what is wrong"));
}

#[test]
fn what_was_begun_from_what_is_wrong_leads_back_there() {
    let mut stage = machine();
    set_state(&mut stage, 0, Some(State::Dirty));
    stage.send(Msg::Begin);
    stage.keys("w<enter>");
    assert!(matches!(stage.last(), Effect::Check(_)));
    stage.send(Msg::Finished(report(Outcome::Done)));
    assert!(stage.text(80, 24).contains("Press Enter to see what is wrong now."));
    let before = looks(&stage);
    stage.keys("<enter>");
    assert_eq!((stage.screen(), looks(&stage)), (Screen::Diagnosis, before + 1));

    stage.keys("a");
    assert!(matches!(stage.last(), Effect::Search(_)));
    stage.send(Msg::Searched("/dev/sda".into(), Ok(Vec::<Partition>::new())));
    assert_eq!(stage.screen(), Screen::Report);
    stage.keys("<enter>");
    assert_eq!(stage.screen(), Screen::Diagnosis);

    let mut alone = machine();
    alone.keys("d<down>c");
    alone.send(Msg::Finished(report(Outcome::Done)));
    alone.keys("<enter>");
    assert_eq!(alone.screen(), Screen::Start);
}

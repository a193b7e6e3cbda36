//! Journeys with images inside partitions: factory reset, looking, restoring, dropping, exporting, searching.

use lifeboat::inventory::{Address, TableView};
use lifeboat::job::{Outcome, Report};
use lifeboat::plan::{ContainerAct, Direction, ImageSource, ImageTarget, ImagesInside};
use lifeboat::table;
use lifeboat::ui::model::{Job, Proposed, Screen, Task, Waiting};
use lifeboat::ui::msg::{Effect, Msg};
use lifeboat::ui::rows::RowKind;

use super::stage::{GIB, Stage, image_inside, interrupted, lost, progress, report, reset_plan, resume_plan, wrecked};

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

#[test]
fn a_factory_reset_takes_three_screens_from_start_to_running() {
    let mut stage = Stage::with_images();
    assert_eq!(stage.screen(), Screen::Start);
    stage.keys("f");
    let Some(Effect::PlanRestore(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert_eq!(request.image, ImageSource::Inside(address("/dev/sda:2/factory")));
    assert!(request.home && request.compare && request.check && request.verify && !request.trust);
    assert_eq!((request.images, request.target.to_string()), (ImagesInside::Keep, "/dev/sda:2".into()));
    assert_eq!(stage.screen(), Screen::Preview, "the second screen");
    stage.keys("<enter>");
    assert_eq!(stage.screen(), Screen::Confirm, "the third");
    stage.keys("<enter>sda:3<enter>");
    assert_eq!((stage.screen(), stage.runs()), (Screen::Confirm, 0), "neither Enter nor a wrong word starts it");
    stage.keys("<backspace>2<enter>");
    assert_eq!((stage.screen(), stage.runs()), (Screen::Running, 1));
    stage.send(Msg::Progress(progress(&reset_plan(), 2, GIB)));
    stage.send(Msg::Finished(report(Outcome::Done)));
    assert_eq!(stage.screen(), Screen::Report);
    assert!(stage.asked.iter().filter(|effect| matches!(effect, Effect::Look(..))).count() >= 2, "looked again");
    stage.keys("<esc>");
    assert_eq!(stage.screen(), Screen::Start);
}

#[test]
fn several_factory_images_are_a_list_on_the_start_screen() {
    let mut stage = Stage::with_images();
    stage.script.inventory = wrecked(&[1 << 20, 50 << 20, 90 << 20]);
    stage.send(Msg::Begin);
    stage.keys("f");
    assert_eq!((stage.screen(), stage.model.factory_cursor), (Screen::Start, Some(0)));
    stage.keys("bq<up><down><down><down><down>");
    assert_eq!((stage.screen(), stage.model.factory_cursor), (Screen::Start, Some(2)), "other letters do nothing");
    stage.keys("<up><enter>");
    let Some(Effect::PlanRestore(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert_eq!(request.image.to_string(), "/dev/sda@52428800/factory");
    stage.keys("<esc>");
    assert_eq!(stage.screen(), Screen::Start);
    stage.keys("<esc>b");
    assert_eq!(stage.screen(), Screen::Disks, "Esc closes the list, and letters mean what they say");
}

#[test]
fn without_a_whole_factory_image_the_reason_is_said() {
    let mut early = Stage::new();
    early.script.silent = true;
    early.send(Msg::Begin);
    early.keys("f");
    assert!(early.model.trouble.as_ref().is_some_and(|trouble| trouble.what.contains("still being looked at")));

    let mut none = Stage::new();
    none.script.interrupted.clear();
    none.send(Msg::Begin);
    none.keys("f");
    let trouble = none.model.trouble.clone().expect("a reason");
    assert!(trouble.next.is_some_and(|next| next.contains("press a")), "{}", trouble.what);

    let mut damaged = Stage::with_images();
    let volume = damaged.script.inventory.disks[0].partitions[1].volume.as_mut().expect("a volume");
    volume.images[0].whole = false;
    volume.images[0].damage = vec!["its index is gone".into()];
    damaged.send(Msg::Begin);
    damaged.keys("f");
    let trouble = damaged.model.trouble.clone().expect("a reason");
    assert!(trouble.what.contains("/dev/sda:2/factory is damaged: its index is gone"), "{}", trouble.what);
    assert_eq!(damaged.runs(), 0);
}

#[test]
fn a_reset_in_the_middle_of_which_everything_is_left_starts_nothing() {
    let mut stage = Stage::with_images();
    stage.keys("f<enter>sda:2<esc><esc>");
    assert_eq!(stage.screen(), Screen::Start);
    stage.script.silent = true;
    stage.keys("f<esc>");
    assert!(matches!(stage.last(), Effect::Abandon));
    assert_eq!((stage.screen(), stage.runs()), (Screen::Start, 0));
}

#[test]
fn options_of_a_reset_make_a_new_plan() {
    let mut stage = Stage::with_images();
    stage.keys("fo <down><down><down> <enter>");
    let Some(Effect::PlanRestore(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert!(!request.compare && request.home);
    assert_eq!((request.images, stage.screen()), (ImagesInside::Drop, Screen::Preview));
}

/// On the facts of the factory image inside.
fn facts() -> Stage {
    let mut stage = Stage::with_images();
    stage.keys("d<down><down><enter>");
    assert_eq!(stage.screen(), Screen::Facts, "the image's own screen");
    stage
}

#[test]
fn an_image_inside_is_opened_from_the_disks_and_verified() {
    let mut stage = facts();
    stage.keys("v");
    assert!(matches!(stage.last(), Effect::Verify(image) if *image == address("/dev/sda:2/factory")));
    assert_eq!(stage.runs(), 0);
}

#[test]
fn an_image_inside_is_no_place_to_back_up_check_or_restore_to() {
    for keys in ["b<down><down><enter>", "d<down><down>c", "e<enter><down><down><enter>"] {
        let mut stage = Stage::with_images();
        stage.keys(keys);
        let trouble = stage.model.trouble.clone().expect(keys);
        assert!(trouble.refused && trouble.what.contains("inside the partition above it"), "{keys}: {trouble:?}");
    }
}

#[test]
fn an_image_inside_is_restored_to_its_partition_or_elsewhere() {
    let mut stage = facts();
    stage.keys("e");
    let Some(Effect::PlanRestore(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert!(request.home);
    stage.keys("<esc>g");
    assert_eq!((stage.screen(), stage.model.task), (Screen::Disks, Task::Restore));
    stage.keys("<enter>");
    let Some(Effect::PlanRestore(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert!(!request.home);
    assert_eq!(request.image, ImageSource::Inside(address("/dev/sda:2/factory")));
    stage.keys("<esc><esc>");
    assert_eq!((stage.screen(), stage.model.task), (Screen::Facts, Task::Browse));
    stage.keys("<esc>");
    assert_eq!((stage.screen(), stage.model.task), (Screen::Disks, Task::Browse));
}

#[test]
fn an_image_inside_is_dropped_only_with_the_typed_word() {
    let mut stage = facts();
    stage.script.plan = Ok(Proposed { job: Job::Keep, ..resume_plan() });
    stage.keys("<del>");
    let Some(Effect::PlanContainer(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert_eq!(
        (request.volume.to_string(), &request.act),
        ("/dev/sda:2".into(), &ContainerAct::Drop("factory".into()))
    );
    stage.keys("o<enter><enter>factory<enter>");
    assert_eq!((stage.screen(), stage.runs()), (Screen::Confirm, 0));
    stage.keys("<clear>sda:2<enter>");
    assert_eq!(stage.runs(), 1);
}

#[test]
fn the_images_of_a_partition_are_put_in_order() {
    for keys in ["d<down>t", "d<down><down>t"] {
        let mut stage = Stage::with_images();
        stage.script.plan = Ok(Proposed { job: Job::Keep, ..resume_plan() });
        stage.keys(keys);
        let Some(Effect::PlanContainer(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
        assert_eq!((request.volume.to_string(), &request.act), ("/dev/sda:2".into(), &ContainerAct::Tidy));
        stage.keys("<esc>");
        assert_eq!((stage.screen(), stage.model.task), (Screen::Disks, Task::Browse));
    }
    let mut none = Stage::with_images();
    none.keys("dt");
    assert!(none.model.trouble.is_some_and(|trouble| trouble.what.contains("no images inside")));
}

#[test]
fn an_image_inside_is_exported_to_a_file_that_was_shown() {
    let mut stage = facts();
    stage.keys("x");
    assert_eq!(stage.screen(), Screen::Options);
    assert_eq!(stage.model.form.path(), "/mnt/backup/Windows-factory-2026-11-21.lbi");
    stage.keys("<clear><enter>");
    assert_eq!(stage.screen(), Screen::Options, "an empty path is none");
    stage.keys("/mnt/x.lbi<down> <enter>");
    assert_eq!(stage.screen(), Screen::Preview);
    stage.keys("<enter>");
    assert_eq!(stage.screen(), Screen::Preview, "Enter alone starts nothing");
    stage.keys("s");
    let Some(Effect::Export(request)) = stage.asked.last() else { panic!("no export was asked for") };
    assert_eq!((request.image.clone(), request.target.as_path()), (image_inside().place, "/mnt/x.lbi".as_ref()));
    assert!(request.split.is_some());
    assert_eq!((stage.screen(), stage.runs()), (Screen::Running, 0));
}

#[test]
fn an_image_is_made_inside_with_its_name_and_kind() {
    let mut stage = Stage::with_images();
    stage.keys("b<enter><down> ");
    assert_eq!(stage.model.form.path(), "", "a path has no meaning inside");
    stage.keys("<down>before-update<tab><enter>");
    let Some(Effect::PlanBackup(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert_eq!((&request.target, request.name.as_deref()), (&ImageTarget::Inside, Some("before-update")));
    assert!(!request.full && request.verify);
    stage.keys("o<up><up><up><up><up><up> <enter>");
    let Some(Effect::PlanBackup(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    let file = ImageTarget::File("/mnt/backup/Windows-2026-11-21.lbi".into());
    assert_eq!((&request.target, &request.name), (&file, &None), "the path is as it was");
}

#[test]
fn a_search_of_a_whole_disk_adds_what_it_finds() {
    let mut stage = Stage::new();
    stage.script.inventory = wrecked(&[]);
    stage.keys("da");
    assert_eq!((stage.screen(), stage.runs()), (Screen::Running, 0));
    assert!(matches!(stage.last(), Effect::Search(disk) if disk.as_os_str() == "/dev/sda"));
    stage.send(Msg::Searched("/dev/sda".into(), Ok(vec![lost(1 << 20)])));
    assert_eq!((stage.screen(), stage.model.task), (Screen::Disks, Task::Browse));
    let row = &stage.model.disks.rows[stage.model.disks.cursor];
    assert_eq!((row.kind, row.address.to_string()), (RowKind::Image, "/dev/sda@1048576/factory".into()));
    stage.keys("<esc>f");
    assert!(matches!(stage.last(), Effect::PlanRestore(..)), "and it is offered for a reset");
}

#[test]
fn a_search_that_finds_nothing_says_so_and_a_cancelled_one_is_quiet() {
    let mut stage = Stage::with_images();
    stage.keys("da");
    stage.send(Msg::Searched("/dev/sda".into(), Ok(Vec::new())));
    assert_eq!(stage.screen(), Screen::Report);
    stage.keys("<enter>da<esc>y");
    assert!(matches!(stage.last(), Effect::Cancel));
    let cancelled = lifeboat::ui::model::Trouble { refused: false, what: "cancelled".into(), next: None };
    stage.send(Msg::Searched("/dev/sda".into(), Err(cancelled)));
    assert_eq!(stage.screen(), Screen::Disks);
    assert!(stage.model.trouble.is_none());
}

#[test]
fn lost_partitions_are_remembered_when_the_first_of_them_is_back() {
    let mut stage = Stage::new();
    stage.script.interrupted.clear();
    stage.script.inventory = wrecked(&[1 << 20, 50 << 20]);
    stage.send(Msg::Begin);
    let mut after = wrecked(&[1 << 20]);
    let disk = &mut after.disks[0];
    disk.table = TableView { kind: table::Kind::Gpt, ..TableView::default() };
    (disk.partitions[0].found, disk.partitions[0].number) = (false, 1);
    stage.script.inventory = after;
    stage.keys("d");
    let shown: Vec<String> = stage.model.disks.rows.iter().map(|row| row.address.to_string()).collect();
    assert_eq!(
        shown,
        ["/dev/sda", "/dev/sda:1", "/dev/sda:1/factory", "/dev/sda@52428800", "/dev/sda@52428800/factory"]
    );
    stage.keys("r");
    assert_eq!(stage.model.disks.rows.len(), 3, "a refresh shows what is there");
}

#[test]
fn an_interrupted_restore_is_finished_and_not_taken_back() {
    let mut stage = Stage::new();
    stage.script.interrupted = vec![Waiting { can_roll_back: false, ..interrupted() }];
    stage.script.plan = Ok(reset_plan());
    stage.send(Msg::Begin);
    assert_eq!(stage.screen(), Screen::Interrupted);
    assert!(stage.text(80, 24).contains("A restore was interrupted: finish it?"));
    stage.keys("u");
    assert!(stage.model.trouble.take().is_some_and(|trouble| trouble.what.contains("cannot be taken back")));
    stage.keys("<enter>");
    assert!(matches!(stage.last(), Effect::PlanResume(_, request) if request.direction == Direction::Finish));
    stage.keys("<enter>sda:2<enter>");
    assert_eq!(stage.runs(), 1);
    stage.script.interrupted.clear();
    stage.send(Msg::Finished(Report { outcome: Outcome::Done, ..report(Outcome::Done) }));
    stage.keys("<esc>i");
    assert_eq!(stage.screen(), Screen::Start, "what is finished is offered no more");
}

#[test]
fn a_recovery_partition_that_is_out_of_date_is_offered_to_be_renewed() {
    let mut stage = Stage::with_images();
    let Some(Effect::Compare(ticket, disks)) =
        stage.asked.iter().find(|effect| matches!(effect, Effect::Compare(..))).cloned()
    else {
        panic!("nothing was compared")
    };
    assert_eq!(disks, ["/dev/sda", "/dev/sdb", "/dev/sdc"].map(std::path::PathBuf::from));
    stage.keys("k");
    assert_eq!(stage.screen(), Screen::Start, "nothing is offered that is not needed");
    stage.send(Msg::Compared(ticket, vec![super::stage::stale()]));
    assert!(stage.text(80, 24).contains("/dev/sda:4 is out of date. Press k"));
    stage.script.plan = Ok(Proposed { job: Job::Renew, confirm: Some("sda:4".into()), ..reset_plan() });
    stage.keys("k");
    assert!(matches!(stage.last(), Effect::PlanAid(_, request) if request.target.to_string() == "/dev/sda:4"));
    stage.keys("<enter><enter>");
    assert_eq!((stage.screen(), stage.runs()), (Screen::Confirm, 0));
    stage.keys("sda:4<enter>");
    assert_eq!(stage.runs(), 1);
}

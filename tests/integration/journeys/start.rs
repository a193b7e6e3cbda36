//! Journeys from the guide: what happened, what is wrong, who uses a disk.

use std::path::PathBuf;

use lifeboat::device::{Holder, HolderKind};
use lifeboat::fs::{Kind, State};
use lifeboat::inventory::Address;
use lifeboat::job::Outcome;
use lifeboat::table::{self, Health};
use lifeboat::ui::diagnosis::{Remedy, Wrong, findings};
use lifeboat::ui::model::{Job, Proposed, Screen, Stale, Task, Trouble, Waiting};
use lifeboat::ui::msg::{Effect, HolderView, HoldersView, Msg};

use super::stage::{Stage, interrupted, lost, report, reset_plan, stale, wrecked};

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// A machine with one of everything and no interrupted job, looked at.
fn looked() -> Stage {
    let mut stage = Stage::new();
    stage.script.interrupted.clear();
    stage.send(Msg::Begin);
    stage
}

#[test]
fn every_answer_and_every_letter_leads_to_its_screen() {
    let ways = [
        ('w', Screen::Diagnosis, Task::Diagnose),
        ('f', Screen::Preview, Task::Reset),
        ('b', Screen::Disks, Task::Backup),
        ('l', Screen::Images, Task::Check),
        ('d', Screen::Disks, Task::Browse),
        ('e', Screen::Images, Task::Restore),
        ('c', Screen::Disks, Task::Examine),
        ('v', Screen::Images, Task::Verify),
        ('m', Screen::Disks, Task::Free),
    ];
    for (index, (letter, screen, task)) in ways.into_iter().enumerate() {
        let mut by_letter = Stage::with_images();
        by_letter.keys(&letter.to_string());
        assert_eq!((by_letter.screen(), by_letter.model.task), (screen, task), "{letter}");
        by_letter.keys("<esc>");
        assert_eq!(by_letter.screen(), Screen::Start, "{letter}");
        let mut by_arrows = Stage::with_images();
        by_arrows.keys(&"<down>".repeat(index)).keys("<enter>");
        assert_eq!((by_arrows.screen(), by_arrows.model.task), (screen, task), "{letter}");
    }
    let mut last = Stage::with_images();
    last.keys("<end><enter>");
    assert!(matches!(last.last(), Effect::Quit(0)));
}

#[test]
fn interrupted_jobs_and_stale_partitions_are_choices_only_when_there_are_some() {
    let mut stage = looked();
    stage.keys("ik");
    assert_eq!(stage.screen(), Screen::Start);
    let letters: String = stage.model.start_choices().iter().map(|choice| choice.letter).collect();
    assert_eq!(letters, "wfbldecvmq");
    let mut interrupted = Stage::interrupted();
    interrupted.keys("<esc>");
    interrupted.model.stale = vec![stale(), stale()];
    let letters: String = interrupted.model.start_choices().iter().map(|choice| choice.letter).collect();
    assert_eq!(letters, "wfblikkdecvmq");
    interrupted.keys("<down><down><down><down><enter>");
    assert_eq!((interrupted.screen(), interrupted.model.task), (Screen::Interrupted, Task::Resume));
}

#[test]
fn each_of_several_recovery_partitions_can_be_renewed() {
    let mut stage = looked();
    let mut second = stale();
    second.partition = "/dev/sdb:3".into();
    second.renewal.target = address("/dev/sdb:3");
    stage.model.stale = vec![stale(), second];
    stage.script.plan = Ok(Proposed { job: Job::Renew, ..reset_plan() });
    assert!(stage.text(80, 24).contains("Renew the recovery partition /dev/sdb:3"));
    stage.keys("k");
    assert!(matches!(stage.last(), Effect::PlanAid(_, request) if request.target == address("/dev/sda:4")));
    stage.keys("<esc><down><enter>");
    assert!(matches!(stage.last(), Effect::PlanAid(_, request) if request.target == address("/dev/sdb:3")));
    assert_eq!(stage.runs(), 0);
}

#[test]
fn the_cursor_begins_on_the_most_likely_line() {
    let chosen = |keys: &str| {
        let mut stage = looked();
        stage.keys(keys);
        stage.model.disks.rows[stage.model.disks.cursor].address.to_string()
    };
    assert_eq!(chosen("b"), "/dev/sda:2", "the volume with most in it");
    assert_eq!(chosen("c"), "/dev/sda@42949672960", "the one that was not left in order");
    assert_eq!(chosen("m"), "/dev/sda:3", "the one that is mounted");
}

#[test]
fn choosing_a_volume_to_check_checks_it_and_nothing_else() {
    let mut stage = looked();
    stage.keys("c<enter>");
    assert!(matches!(stage.last(), Effect::Check(place) if *place == address("/dev/sda@42949672960")));
    let mut refused = looked();
    refused.keys("c<home><enter>");
    assert!(refused.model.trouble.as_ref().is_some_and(|trouble| trouble.refused), "a disk is no volume");
    assert_eq!((stage.runs(), refused.screen()), (0, Screen::Disks));
}

#[test]
fn images_inside_stand_with_the_files_and_are_narrowed_by_a_filter() {
    let mut stage = Stage::with_images();
    stage.keys("l");
    let shown = stage.text(80, 24);
    assert!(shown.contains("windows.lbi") && shown.contains("image factory in /dev/sda:2"), "{shown}");
    stage.keys("/FACTORY<enter>");
    let narrowed = stage.text(80, 24);
    assert!(narrowed.contains("image factory in") && !narrowed.contains("windows.lbi"), "{narrowed}");
    assert!(narrowed.contains("Filter (1 image)"), "{narrowed}");
    stage.keys("<enter>");
    assert!(matches!(&stage.asked.last(), Some(Effect::Inspect(_, place)) if *place == address("/dev/sda:2/factory")));
    assert_eq!(stage.screen(), Screen::Facts);
    stage.keys("<esc>/nothing such");
    assert!(stage.text(80, 24).contains("No image matches"));
    stage.keys("<esc>");
    assert!(stage.text(80, 24).contains("windows.lbi"), "Esc takes the filter away, and nothing else");
    assert_eq!(stage.screen(), Screen::Images);
}

#[test]
fn choosing_an_image_to_verify_verifies_it() {
    let mut stage = Stage::with_images();
    stage.keys("v<enter>");
    assert!(matches!(stage.last(), Effect::Verify(image) if *image == address("/mnt/backup/windows.lbi")));
    let mut inside = Stage::with_images();
    inside.keys("v<down><enter>");
    assert!(matches!(inside.last(), Effect::Verify(image) if *image == address("/dev/sda:2/factory")));
    assert_eq!((inside.screen(), inside.runs()), (Screen::Running, 0));
}

#[test]
fn an_image_inside_that_is_chosen_to_restore_goes_back_where_it_is() {
    let mut stage = Stage::with_images();
    stage.keys("e<down><enter>");
    let Some(Effect::PlanRestore(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert!(request.home);
    assert_eq!(request.target, address("/dev/sda:2"));
    stage.keys("<esc>");
    assert_eq!((stage.screen(), stage.runs()), (Screen::Images, 0));
}

/// What is wrong, as kinds with addresses.
fn wrong(stage: &Stage) -> Vec<(Wrong, String)> {
    findings(&stage.model).iter().map(|finding| (finding.wrong, finding.address.to_string())).collect()
}

#[test]
fn a_machine_of_many_troubles_is_told_most_urgent_first() {
    let mut stage = Stage::with_images();
    let sda = &mut stage.script.inventory.disks[0];
    sda.table.health = Health::Degraded;
    sda.table.notes = vec!["the primary partition table is damaged; its backup was used".into()];
    let volume = sda.partitions[1].volume.as_mut().expect("a volume");
    (volume.kind, volume.state) = (Kind::Unknown, None);
    volume.images[1].whole = false;
    sda.partitions[0].volume.as_mut().expect("a volume").state = Some(State::Hibernated);
    stage.script.interrupted = vec![Waiting { address: address("/dev/sda:1"), ..interrupted() }];
    stage.send(Msg::Begin);
    stage.model.stale = vec![stale()];
    let told = wrong(&stage);
    let expected = [
        (Wrong::Interrupted, "/dev/sda:1"),
        (Wrong::DiskUnreadable, "/dev/sdc"),
        (Wrong::UnreadableWithImages, "/dev/sda:2"),
        (Wrong::Lost, "/dev/sda@42949672960"),
        (Wrong::TableFaulty, "/dev/sda"),
        (Wrong::ImageDamaged, "/dev/sda:2/user"),
        (Wrong::Stale, "/dev/sda:4"),
    ];
    assert_eq!(told, expected.map(|(wrong, place)| (wrong, place.to_owned())), "a mounted volume is never clean");
    let words = findings(&stage.model).iter().map(lifeboat::ui::text::finding).collect::<Vec<_>>().join("\n");
    assert!(words.contains("/dev/sda, partition 2 “Windows”"), "disk, partition and label: {words}");
}

/// At what is wrong, after `spoil` changed the first disk.
fn diagnosed(spoil: impl Fn(&mut lifeboat::inventory::Disk)) -> Stage {
    let mut stage = Stage::with_images();
    stage.script.inventory.disks.truncate(1);
    let disk = &mut stage.script.inventory.disks[0];
    disk.partitions.truncate(2);
    spoil(disk);
    stage.send(Msg::Begin);
    stage.keys("w");
    assert_eq!(stage.screen(), Screen::Diagnosis);
    stage
}

#[test]
fn what_cannot_be_read_is_put_back_from_its_newest_image() {
    let mut stage = diagnosed(|disk| {
        let volume = disk.partitions[1].volume.as_mut().expect("a volume");
        (volume.kind, volume.state) = (Kind::Ntfs, None);
        volume.images[1].created = "2026-11-21T10:00:00Z".parse().expect("a time");
    });
    assert!(stage.text(80, 24).contains("image of 2026-11-21"), "{}", stage.text(80, 24));
    stage.keys("<enter>");
    let Some(Effect::PlanRestore(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert!(request.home && request.image.to_string() == "/dev/sda:2/user", "{}", request.image);
    assert_eq!((stage.screen(), stage.model.task), (Screen::Preview, Task::Reset));
    stage.keys("<enter><enter>");
    assert_eq!((stage.screen(), stage.runs()), (Screen::Confirm, 0), "Enter alone starts nothing");
    stage.keys("<esc><esc>");
    assert_eq!((stage.screen(), stage.model.task), (Screen::Diagnosis, Task::Diagnose));
}

#[test]
fn a_damaged_image_is_no_help_and_is_opened_itself() {
    let mut stage = diagnosed(|disk| {
        let volume = disk.partitions[1].volume.as_mut().expect("a volume");
        (volume.kind, volume.state) = (Kind::Ntfs, None);
        volume.images.iter_mut().for_each(|view| view.whole = false);
    });
    let found = findings(&stage.model);
    assert_eq!(found[0].wrong, Wrong::Unreadable, "its kind is known");
    assert_eq!(found[0].remedy, Remedy::Search(address("/dev/sda")));
    stage.keys("<down><enter>");
    assert!(matches!(&stage.asked.last(), Some(Effect::Inspect(_, place)) if *place == address("/dev/sda:2/factory")));
    assert_eq!(stage.screen(), Screen::Facts);
}

#[test]
fn a_lost_partition_comes_back_from_its_image_and_the_rest_is_searched_for() {
    let mut stage = Stage::with_images();
    stage.script.inventory = wrecked(&[1 << 20]);
    stage.send(Msg::Begin);
    stage.keys("w");
    assert_eq!(
        wrong(&stage).iter().map(|(wrong, _)| *wrong).collect::<Vec<_>>(),
        [Wrong::LostWithImages, Wrong::TableGone]
    );
    stage.keys("<enter>");
    let Some(Effect::PlanRestore(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert_eq!(request.image.to_string(), "/dev/sda@1048576/factory");
    stage.keys("<esc><down><enter>");
    assert!(matches!(stage.last(), Effect::Search(disk) if disk.as_os_str() == "/dev/sda"));
    assert_eq!(stage.runs(), 0);
}

#[test]
fn each_kind_of_damage_leads_to_what_helps() {
    let of =
        |stage: &Stage| findings(&stage.model).into_iter().map(|found| (found.wrong, found.remedy)).collect::<Vec<_>>();
    let second = address("/dev/sda:2");
    let states =
        [(State::Dirty, Wrong::Dirty), (State::Journal, Wrong::Journal), (State::Hibernated, Wrong::Hibernated)];
    for (state, wrong) in states {
        let mut stage = diagnosed(|disk| disk.partitions[1].volume.as_mut().expect("a volume").state = Some(state));
        assert_eq!(of(&stage), [(wrong, Remedy::Check(second.clone()))]);
        stage.keys("<enter>");
        assert!(matches!(stage.last(), Effect::Check(place) if *place == second), "{state:?}");
    }
    let faulty = diagnosed(|disk| disk.table.health = Health::Degraded);
    assert_eq!(of(&faulty), [(Wrong::TableFaulty, Remedy::Show(address("/dev/sda")))]);
    let mut gone = diagnosed(|disk| {
        disk.table.health = Health::Damaged;
        disk.partitions.clear();
    });
    assert_eq!(of(&gone), [(Wrong::TableGone, Remedy::Search(address("/dev/sda")))]);
    gone.keys("<enter>");
    assert!(matches!(gone.last(), Effect::Search(_)));
    let empty = diagnosed(|disk| {
        disk.table.kind = table::Kind::None;
        disk.partitions.clear();
    });
    assert_eq!(of(&empty)[0].0, Wrong::Empty);
    let mut unreadable = diagnosed(|disk| disk.problem = Some("input/output error".into()));
    assert_eq!(of(&unreadable)[0].0, Wrong::DiskUnreadable);
    assert!(unreadable.text(80, 24).contains("copy it first"), "{}", unreadable.text(80, 24));
    unreadable.model.disks.skipped = vec!["/dev/sda".into()];
    assert_eq!(of(&unreadable)[0].0, Wrong::LeftOut, "what was not waited for is not called unreadable");
    unreadable.keys("r");
    assert!(unreadable.asked.iter().any(|effect| matches!(effect, Effect::Skip(left) if left.is_empty())));
    assert_eq!(of(&unreadable)[0].0, Wrong::DiskUnreadable, "r looks at it again");
    let unfinished = diagnosed(|disk| {
        let volume = disk.partitions[1].volume.as_mut().expect("a volume");
        (volume.kind, volume.state) = (Kind::Unfinished, None);
        volume.images.clear();
    });
    assert_eq!(of(&unfinished), [(Wrong::RestoreInterrupted, Remedy::ChooseImage)]);
    let reserved = diagnosed(|disk| {
        disk.partitions[1].type_id = "E3C9E316-0B5C-4DB8-817D-F92DF00215AE".into();
        let volume = disk.partitions[1].volume.as_mut().expect("a volume");
        (volume.kind, volume.state) = (Kind::Unknown, None);
        volume.images.clear();
    });
    assert_eq!(of(&reserved), [], "a partition that holds no files misses no file system");
    let found = diagnosed(|disk| {
        disk.partitions.push(lost(50 << 30));
        disk.partitions[2].volume.as_mut().expect("a volume").images.clear();
    });
    assert_eq!(of(&found)[0].0, Wrong::Lost);
    let blank = diagnosed(|disk| {
        let volume = disk.partitions[1].volume.as_mut().expect("a volume");
        (volume.kind, volume.state) = (Kind::Unknown, None);
        volume.images.clear();
    });
    assert_eq!(of(&blank), [(Wrong::Unrecognised, Remedy::Search(address("/dev/sda")))]);
    assert!(!blank.model.start_choices().is_empty() && !Wrong::Unrecognised.is_grave());
}

#[test]
fn an_interrupted_job_is_reached_from_what_is_wrong() {
    let mut stage = Stage::interrupted();
    stage.keys("<esc>w<enter>");
    assert_eq!((stage.screen(), stage.model.task), (Screen::Interrupted, Task::Resume));
    stage.keys("<esc>");
    assert_eq!((stage.screen(), stage.model.task), (Screen::Diagnosis, Task::Diagnose));
}

#[test]
fn where_nothing_is_wrong_it_is_said_what_that_means_and_what_else_can_be_tried() {
    let mut stage = diagnosed(|_| {});
    let shown = stage.text(80, 24);
    assert!(shown.contains("Nothing wrong was found") && shown.contains("quick look"), "{shown}");
    stage.keys("<enter>");
    assert_eq!((stage.screen(), stage.model.task), (Screen::Disks, Task::Examine));
    for (keys, screen) in [("c", Screen::Disks), ("l", Screen::Images), ("f", Screen::Preview), ("b", Screen::Disks)] {
        let mut stage = diagnosed(|_| {});
        stage.keys(keys);
        assert_eq!(stage.screen(), screen, "{keys}");
        stage.keys("<esc><esc>");
        assert_eq!(stage.screen(), Screen::Start, "{keys}");
    }
    let mut searched = diagnosed(|_| {});
    searched.keys("a");
    assert!(matches!(searched.last(), Effect::Search(_)), "the only disk is searched at once");
    let mut several = looked();
    several.keys("w<end><up><up><up><enter>");
    assert_eq!((several.screen(), several.model.task), (Screen::Disks, Task::Search), "of several one is chosen");
    several.keys("<enter>");
    assert!(matches!(several.last(), Effect::Search(disk) if disk.as_os_str() == "/dev/sda"));
}

#[test]
fn while_the_disks_are_being_looked_at_it_says_so_and_then_fills() {
    let mut stage = Stage::new();
    stage.script.silent = true;
    stage.send(Msg::Begin);
    stage.keys("w");
    assert!(stage.text(80, 24).contains("Looking at the disks"));
    let ticket = stage.model.disks.looking.expect("a look is under way");
    stage.send(Msg::Looked(ticket, wrecked(&[1 << 20])));
    assert!(stage.text(80, 24).contains("A lost partition that can come back"));
    assert_eq!(stage.screen(), Screen::Diagnosis);
}

fn holders() -> HoldersView {
    let mount =
        HolderKind::Mount { place: "/mnt/data".into(), file_system: "ext4".into(), inside: Vec::new(), covered: false };
    let program = HolderKind::Process {
        pid: 4711,
        name: "editor".into(),
        uid: Some(1000),
        files: vec!["/mnt/data/letter.txt".into()],
        place: Some("/mnt/data".into()),
        is_self: false,
    };
    let view = |kind, user: Option<&str>| HolderView {
        holder: Holder { node: "/dev/sda3".into(), kind },
        user: user.map(str::to_owned),
    };
    HoldersView {
        list: vec![view(mount, None), view(program, Some("anna")), view(HolderKind::Swap, None)],
        hidden: 2,
        is_cut: false,
    }
}

/// At the list of what uses partition 3.
fn held() -> Stage {
    let mut stage = looked();
    stage.keys("m<enter>");
    assert_eq!(stage.screen(), Screen::Held);
    let Some(Effect::Hold(ticket, place)) = stage.asked.last().cloned() else { panic!("nobody was asked") };
    assert_eq!((place.address, place.part), (address("/dev/sda:3"), Some((3 << 20, 20 << 30))));
    stage.send(Msg::Holders(ticket, Ok(holders())));
    stage
}

/// Whether anything was asked to be unmounted.
fn unmounts(stage: &Stage) -> usize {
    stage.asked.iter().filter(|effect| matches!(effect, Effect::Unmount(..))).count()
}

#[test]
fn who_uses_a_disk_is_told_with_what_to_do_about_each() {
    let mut stage = held();
    let shown = stage.text(80, 24);
    for words in ["/dev/sda3 is mounted at /mnt/data (ext4)", "Program editor, number 4711, of user anna", "2 programs"]
    {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    stage.keys("<down>");
    let shown = stage.text(80, 24);
    assert!(shown.contains("/mnt/data/letter.txt") && shown.contains("kill 4711"), "{shown}");
    stage.keys("<down>");
    assert!(stage.text(80, 24).contains("swapoff /dev/sda3"));
    stage.keys("<enter>");
    assert!(stage.model.trouble.as_ref().is_some_and(|trouble| trouble.refused), "only mounts are undone from here");
    assert_eq!(unmounts(&stage), 0);
}

#[test]
fn only_a_yes_unmounts() {
    let mut stage = held();
    stage.keys("<enter>");
    let asked = stage.text(80, 24);
    assert!(asked.contains("/mnt/data will be unmounted") && asked.contains("editor (4711)"), "{asked}");
    stage.keys("<enter><enter> su<down><esc>");
    assert_eq!((stage.screen(), unmounts(&stage)), (Screen::Held, 0), "nothing but y does it");
    stage.keys("y<enter>n<enter><esc><esc>");
    assert_eq!((stage.screen(), unmounts(&stage)), (Screen::Disks, 0), "nor a y to no question");
    let mut yes = held();
    yes.keys("<enter>y");
    let Some(Effect::Unmount(_, place, mount)) = yes.asked.last().cloned() else { panic!("nothing was unmounted") };
    assert_eq!((place.address, mount), (address("/dev/sda:3"), PathBuf::from("/mnt/data")));
    yes.keys("<enter>y");
    assert_eq!(unmounts(&yes), 1, "once is enough");
}

#[test]
fn after_unmounting_all_is_looked_at_again() {
    let mut stage = held();
    stage.keys("<enter>y");
    let Some(Effect::Unmount(ticket, ..)) = stage.asked.last().cloned() else { panic!("nothing was unmounted") };
    stage.asked.clear();
    stage.send(Msg::Unmounted(ticket + 100, Ok("/mnt/data".into())));
    assert!(stage.asked.is_empty(), "an answer nobody waits for is dropped");
    stage.send(Msg::Unmounted(ticket, Ok("/mnt/data".into())));
    assert!(stage.asked.iter().any(|effect| matches!(effect, Effect::Look(..))));
    let Some(Effect::Hold(again, _)) = stage.asked.last().cloned() else { panic!("it was not looked at again") };
    stage.send(Msg::Holders(again, Ok(HoldersView::default())));
    let shown = stage.text(80, 24);
    assert!(shown.contains("/mnt/data was unmounted") && shown.contains("It is free"), "{shown}");
}

#[test]
fn a_mount_that_is_used_is_refused_with_the_reason() {
    let mut stage = held();
    stage.keys("<enter>y");
    let Some(Effect::Unmount(ticket, ..)) = stage.asked.last().cloned() else { panic!("nothing was unmounted") };
    let trouble = Trouble { refused: true, what: "/mnt/data is used by editor (4711)".into(), next: None };
    stage.send(Msg::Unmounted(ticket, Err(trouble)));
    assert!(stage.text(80, 24).contains("is used by editor"));
    assert!(matches!(stage.last(), Effect::Hold(..)), "who uses it is looked at again");
    let mut root = held();
    let mut view = holders();
    if let HolderKind::Mount { place, .. } = &mut view.list[0].holder.kind {
        *place = "/".into();
    }
    root.model.held.found = Some(view);
    root.keys("<enter>y");
    assert!(root.model.trouble.is_some_and(|trouble| trouble.what.contains("running system")));
    assert!(root.asked.iter().all(|effect| !matches!(effect, Effect::Unmount(..))));
}

#[test]
fn the_guide_says_at_once_what_is_urgent() {
    let mut stage = Stage::with_images();
    stage.script.inventory = wrecked(&[1 << 20]);
    stage.send(Msg::Begin);
    for (columns, rows) in [(80, 24), (120, 40), (40, 12)] {
        let shown = stage.text(columns, rows);
        assert!(shown.contains("A lost partition"), "{shown}");
    }
    stage.model.stale = vec![Stale { ..stale() }];
    assert!(stage.text(80, 24).contains("out of date"));
    stage.send(Msg::Finished(report(Outcome::Done)));
    assert_eq!(stage.screen(), Screen::Start, "a report that nobody waits for changes nothing");
}

#[test]
fn every_choice_comes_into_sight_in_the_smallest_window() {
    let mut stage = looked();
    for choice in stage.model.start_choices() {
        let shown = stage.text(40, 12);
        assert!(shown.contains(choice.words.0), "{}:\n{shown}", choice.words.0);
        stage.keys("<down>");
    }
}

#[test]
fn a_plan_refused_since_the_target_is_in_use_leads_to_who_uses_it_and_back() {
    let mut stage = looked();
    let in_use = Trouble { refused: true, what: "/dev/sda:2 is in use: mounted at /mnt".into(), next: None };
    stage.script.plan = Err(in_use);
    stage.keys("e<enter><enter>");
    assert!(stage.text(80, 24).contains("Press m to see who uses it"), "{}", stage.text(80, 24));
    stage.keys("m");
    assert_eq!(stage.screen(), Screen::Held);
    let Some(Effect::Hold(ticket, place)) = stage.asked.last().cloned() else { panic!("nobody was asked") };
    assert_eq!(place.address, address("/dev/sda:2"));
    stage.send(Msg::Holders(ticket, Ok(holders())));
    stage.keys("<esc>m<enter>");
    let plans = |stage: &Stage| stage.asked.iter().filter(|asked| matches!(asked, Effect::PlanRestore(..))).count();
    assert_eq!(plans(&stage), 1, "nothing was freed, nothing is planned anew");
    let Some(Effect::Hold(ticket, _)) = stage.asked.last().cloned() else { panic!("nobody was asked") };
    stage.send(Msg::Holders(ticket, Ok(holders())));
    stage.keys("<enter>y");
    let Some(Effect::Unmount(ticket, ..)) = stage.asked.last().cloned() else { panic!("nothing was unmounted") };
    stage.send(Msg::Unmounted(ticket, Ok("/mnt".into())));
    stage.script.plan = Ok(reset_plan());
    stage.keys("<esc>");
    assert_eq!((stage.screen(), plans(&stage)), (Screen::Preview, 2));
    assert_eq!(stage.runs(), 0);
}

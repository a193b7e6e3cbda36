//! Journeys on the disks screen: looking that never waits, disks that come and go, finding, and what a letter does.

use std::path::PathBuf;
use std::time::Duration;

use lifeboat::fs::{Kind, State};
use lifeboat::inventory::{Disk, Reading};
use lifeboat::job::Outcome;
use lifeboat::table;
use lifeboat::ui::model::{DiskPane, Screen, Task};
use lifeboat::ui::msg::{Effect, LookNews, Msg};
use lifeboat::ui::rows::{Row, RowKind};

use super::stage::{GIB, Stage, backup_plan, inventory, partition, progress, report, volume, with_images};

/// The ticket of the look that is under way.
fn looking(stage: &Stage) -> u64 {
    stage.model.disks.looking.expect("a look is under way")
}

fn tell(stage: &mut Stage, news: LookNews) {
    let ticket = looking(stage);
    stage.send(Msg::LookNews(ticket, news));
}

fn ended(stage: &mut Stage) {
    let (ticket, inventory) = (looking(stage), stage.script.inventory.clone());
    stage.send(Msg::Looked(ticket, inventory));
}

/// What is known of the disks before they are read.
fn described(disks: &[Disk]) -> Vec<Disk> {
    let bare = |disk: &Disk| Disk { path: disk.path.clone(), bytes: disk.bytes, ..Disk::default() };
    disks.iter().map(bare).collect()
}

fn listed(stage: &Stage) -> Vec<String> {
    stage.model.disks.rows.iter().map(|row| row.address.to_string()).collect()
}

fn chosen(stage: &Stage) -> String {
    let row = stage.model.disks.chosen(stage.model.filter.as_ref()).expect("a line is chosen");
    row.address.to_string()
}

/// On the list of disks, with images inside partition 2, which is the chosen one.
fn browsing() -> Stage {
    let mut stage = Stage::with_images();
    stage.keys("d<down>");
    assert_eq!(chosen(&stage), "/dev/sda:2");
    stage
}

fn looks(stage: &Stage) -> usize {
    stage.asked.iter().filter(|effect| matches!(effect, Effect::Look(..))).count()
}

#[test]
fn disks_are_listed_before_they_are_read_and_a_slow_one_is_left_out() {
    let mut stage = Stage::new();
    stage.script.silent = true;
    stage.keys("d");
    let disks = inventory().disks;
    tell(&mut stage, LookNews::Began(described(&disks)));
    assert_eq!(listed(&stage), ["/dev/sda", "/dev/sdb", "/dev/sdc"]);
    assert!(stage.text(80, 24).contains("being read"));
    stage.at(Duration::from_secs(1));
    tell(&mut stage, LookNews::Reading("/dev/sda".into(), Reading::Partition(2)));
    tell(&mut stage, LookNews::Reading("/dev/sdb".into(), Reading::Table));
    assert!(stage.text(80, 24).contains("Reading sda: partition 2 (and another disk)"));
    tell(&mut stage, LookNews::Disk(Box::new(disks[0].clone())));
    assert_eq!(listed(&stage).len(), 7, "what is known of one disk is shown at once");
    stage.at(Duration::from_secs(14));
    assert!(stage.text(80, 24).contains("Reading sdb for 13 s: its partition table. Space leaves it out."));
    assert!(stage.model.disks.inventory.is_none(), "not all is known yet");
    stage.keys(" ");
    let Effect::Skip(skipped) = stage.last() else { panic!("it was to be left out") };
    assert_eq!(*skipped, [PathBuf::from("/dev/sdb")]);
    tell(&mut stage, LookNews::Reading("/dev/sdb".into(), Reading::Images));
    assert!(stage.model.disks.reading.is_empty(), "what was left out is not spoken of any more");
    let asked = stage.asked.len();
    stage.keys(" ");
    assert_eq!(stage.asked.len(), asked, "nothing is left that could be left out");
    stage.script.inventory.disks[1].problem = Some("skipped while being read: its partition table".into());
    ended(&mut stage);
    stage.keys("<end><up>");
    assert_eq!(chosen(&stage), "/dev/sdb");
    assert!(stage.text(120, 40).contains("It took too long"));
    stage.keys("r");
    assert!(stage.asked.iter().any(|effect| matches!(effect, Effect::Skip(disks) if disks.is_empty())));
    assert!(matches!(stage.last(), Effect::Look(..)));
}

#[test]
fn the_look_goes_on_while_the_user_is_elsewhere() {
    let mut stage = Stage::new();
    stage.script.silent = true;
    stage.keys("d<esc>");
    assert_eq!(stage.screen(), Screen::Start);
    ended(&mut stage);
    assert!(stage.model.disks.inventory.is_some());
}

#[test]
fn disks_come_and_go_and_the_place_is_kept() {
    let mut stage = browsing();
    let mut new = stage.script.inventory.disks[1].clone();
    new.path = "/dev/sdaa".into();
    stage.script.inventory.disks.insert(0, new);
    stage.send(Msg::DisksChanged);
    assert_eq!(chosen(&stage), "/dev/sda:2");
    assert!(stage.text(80, 24).contains("sdaa is there now."));
    stage.keys("<down>");
    assert!(!stage.text(80, 24).contains("sdaa is there now."), "it is said once");
    let filtered = chosen(stage.keys("/sda:2"));
    stage.script.inventory.disks.remove(0);
    stage.send(Msg::DisksChanged);
    assert_eq!((chosen(&stage), stage.model.filter.is_some()), (filtered, true), "the filter stays");
    stage.keys("<esc>");
    stage.script.inventory.disks.remove(0);
    stage.send(Msg::DisksChanged);
    assert_eq!(chosen(&stage), "/dev/sdb", "the cursor goes to the next disk");
    assert!(stage.text(80, 24).contains("sda is not there any more."));
    let mut last = browsing();
    last.keys("<end><up>");
    last.script.inventory.disks.remove(1);
    last.send(Msg::DisksChanged);
    assert_eq!(chosen(&last), "/dev/sdc", "and never back to the first");
    stage.script.inventory.disks.clear();
    stage.send(Msg::DisksChanged);
    assert!(stage.model.disks.rows.is_empty());
    assert!(stage.text(80, 24).contains("No disks were found."));
}

#[test]
fn a_disk_that_vanishes_takes_its_plan_along() {
    for keys in ["e", "e<enter>", "e<enter>sda:"] {
        let mut stage = browsing();
        stage.keys("<down>").keys(keys);
        assert!(matches!(stage.screen(), Screen::Preview | Screen::Confirm));
        stage.script.inventory.disks.remove(0);
        stage.send(Msg::DisksChanged);
        let trouble = stage.model.trouble.clone().expect("it is said");
        assert!(trouble.what.contains("sda is not there any more"), "{}", trouble.what);
        stage.keys("2<enter>s");
        assert_eq!((stage.screen(), stage.runs()), (Screen::Disks, 0), "{keys}");
        assert_eq!(stage.model.task, Task::Browse);
    }
    let mut torn = browsing();
    torn.keys("<down>e");
    torn.script.silent = true;
    torn.send(Msg::DisksChanged);
    let broken = Disk { problem: Some("no medium".into()), ..torn.script.inventory.disks[0].clone() };
    tell(&mut torn, LookNews::Disk(Box::new(broken)));
    assert!(torn.model.trouble.is_some_and(|trouble| trouble.what.contains("sda cannot be read any more")));
    assert_eq!(torn.model.trail, [Screen::Start, Screen::Disks]);
    let mut stage = Stage::new();
    stage.keys("b<down><enter>");
    assert_eq!(stage.screen(), Screen::Options);
    stage.script.inventory.disks.remove(0);
    stage.send(Msg::DisksChanged);
    assert_eq!((stage.screen(), stage.model.task), (Screen::Disks, Task::Backup));
    assert!(stage.model.trouble.is_some());
    let mut other = Stage::new();
    other.keys("b<down><enter>");
    other.script.inventory.disks.remove(1);
    other.send(Msg::DisksChanged);
    assert_eq!(other.screen(), Screen::Options, "another disk's going changes nothing");
}

#[test]
fn what_changes_during_a_job_or_a_look_is_looked_at_afterwards() {
    let mut stage = Stage::new();
    stage.keys("b<down><enter><enter>s");
    let before = looks(&stage);
    stage.send(Msg::DisksChanged);
    stage.send(Msg::Progress(progress(&backup_plan(), 1, 0)));
    stage.at(Duration::from_secs(1));
    assert_eq!(looks(&stage), before, "nothing is looked at while a job runs");
    stage.send(Msg::Finished(report(Outcome::Done)));
    stage.at(Duration::from_secs(2));
    assert_eq!(looks(&stage), before + 1);
    stage.script.silent = true;
    stage.send(Msg::DisksChanged);
    stage.send(Msg::DisksChanged);
    assert_eq!(looks(&stage), before + 2, "one look at a time");
    ended(&mut stage);
    assert_eq!(looks(&stage), before + 3);
}

#[test]
fn finding_keeps_what_the_lines_belong_to() {
    let mut stage = browsing();
    stage.keys("/camera");
    let visible = stage.model.disks.visible(stage.model.filter.as_ref());
    let shown: Vec<String> = visible.iter().map(|at| listed(&stage)[*at].clone()).collect();
    assert_eq!(shown, ["/dev/sda".to_owned(), format!("/dev/sda@{}", 40 * GIB)]);
    assert_eq!(chosen(&stage), shown[1], "the cursor is on what was meant");
    assert!(stage.text(80, 24).contains("2 of 10 lines"));
    stage.keys("xyz");
    assert!(stage.text(80, 24).contains("No line has this text"));
    stage.keys("<enter>b<enter>");
    assert_eq!(stage.screen(), Screen::Disks, "there is no line to do anything with");
    stage.keys("<esc>/factory<enter>");
    assert_eq!(chosen(&stage), "/dev/sda:2", "a line that stays in sight stays the chosen one");
    stage.keys("<down>");
    assert_eq!(chosen(&stage), "/dev/sda:2/factory");
    stage.keys("<up><up><up>");
    assert_eq!(chosen(&stage), "/dev/sda", "only what is shown is walked through");
    stage.keys("<esc>");
    assert_eq!((stage.screen(), listed(&stage).len()), (Screen::Disks, 10), "Esc shows all again, and stays");
    stage.keys("<esc>");
    assert_eq!(stage.screen(), Screen::Start);
}

#[test]
fn letters_act_on_the_chosen_line() {
    let mut stage = browsing();
    stage.keys("b");
    assert_eq!((stage.screen(), stage.model.task), (Screen::Options, Task::Backup));
    stage.keys("<esc>");
    assert_eq!((stage.screen(), stage.model.task), (Screen::Disks, Task::Browse));
    stage.keys("<home>b");
    assert!(stage.model.trouble.is_some(), "a whole disk is no source");
    stage.keys("<enter>");
    assert_eq!(stage.model.task, Task::Browse, "what was refused leaves the list what it was");
    stage.keys("<down><down>m");
    assert!(matches!(stage.last(), Effect::Hold(_, place) if place.address.to_string() == "/dev/sda:2"));
    stage.keys("<esc>l");
    assert_eq!(stage.screen(), Screen::Files);
    assert_eq!(stage.model.files.subject.as_ref().map(ToString::to_string).as_deref(), Some("/dev/sda:2"));
    stage.keys("<esc>v");
    assert!(stage.model.trouble.is_some(), "a partition is no image");
    stage.keys("<enter><down>v");
    assert!(matches!(stage.last(), Effect::Verify(image) if image.to_string() == "/dev/sda:2/factory"));
}

#[test]
fn an_image_inside_is_restored_from_its_line() {
    let mut stage = browsing();
    stage.keys("<down>e");
    let Some(Effect::PlanRestore(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert_eq!(request.target.to_string(), "/dev/sda:2");
    assert_eq!(stage.screen(), Screen::Preview);
    stage.keys("<esc>");
    assert_eq!((stage.screen(), stage.model.task), (Screen::Disks, Task::Browse));
}

#[test]
fn an_image_is_chosen_for_a_partition() {
    let mut stage = browsing();
    stage.keys("e");
    assert_eq!(stage.screen(), Screen::Images);
    stage.keys("<enter>");
    let Some(Effect::PlanRestore(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert_eq!(request.target.to_string(), "/dev/sda:2");
    stage.keys("<esc><esc>");
    assert_eq!((stage.screen(), stage.model.task), (Screen::Disks, Task::Browse));
    // What was chosen so does not count when an image is looked at from the start.
    stage.keys("<esc>e<enter>");
    assert_eq!(stage.screen(), Screen::Disks, "the place is to be chosen");
    let mut mounted = browsing();
    mounted.keys("/root<enter>e");
    assert!(mounted.model.trouble.is_some_and(|trouble| trouble.what.contains("mounted")));
    assert_eq!(mounted.model.task, Task::Browse);
}

#[test]
fn a_map_is_read_when_the_cursor_rests() {
    let mut stage = browsing();
    let maps = |stage: &Stage| stage.asked.iter().filter(|effect| matches!(effect, Effect::Map(..))).count();
    stage.at(Duration::from_secs(1));
    stage.at(Duration::from_secs(2));
    assert_eq!(maps(&stage), 0, "the map is not in sight");
    stage.keys("<tab>");
    while stage.model.disks.pane != DiskPane::Map {
        stage.keys("<tab>");
    }
    stage.at(Duration::from_millis(2100));
    stage.keys("<down><up>");
    stage.at(Duration::from_millis(2250));
    assert_eq!(maps(&stage), 0, "who scrolls by asks for none");
    assert!(stage.model.animated(), "the clock is needed");
    stage.at(Duration::from_millis(2700));
    let Effect::Map(ticket, place) = stage.last().clone() else { panic!("a map was to be asked for") };
    assert_eq!(place.to_string(), "/dev/sda:2");
    stage.keys("<down>");
    stage.at(Duration::from_secs(9));
    assert_eq!(maps(&stage), 1, "one at a time");
    let map = lifeboat::inventory::VolumeMap::new(1000, 4096, &[]);
    stage.send(Msg::Mapped(ticket, place, Ok(std::sync::Arc::new(map))));
    stage.keys("<up>");
    stage.at(Duration::from_secs(10));
    stage.at(Duration::from_secs(11));
    assert_eq!(maps(&stage), 1, "it is known");
    stage.keys("<down>");
    stage.at(Duration::from_secs(12));
    stage.at(Duration::from_secs(13));
    assert_eq!(maps(&stage), 2, "an image has a map of its own");
}

#[test]
fn a_large_screen_shows_map_and_details_at_once() {
    let mut stage = browsing();
    let text = stage.text(120, 40);
    assert!(text.contains("Details") && text.contains("Clusters"), "{text}");
    stage.keys("<tab>");
    assert!(stage.text(120, 40).contains("Details"));
}

#[test]
fn the_list_says_what_matters() {
    let mut stage = browsing();
    let text = stage.text(160, 40);
    for words in ["500.0 GiB (537 GB)", "ExampleDisk 500", "S/N S1234", "GPT table", "lost: in no table"] {
        assert!(text.contains(words), "no “{words}” in\n{text}");
    }
    stage.script.inventory.disks[0].table.health = table::Health::Degraded;
    stage.script.inventory.disks[0].table.from_backup = true;
    stage.keys("r");
    let text = stage.text(80, 24);
    for words in ["[F] [U]", "55%", "mounted at /", "! primary partition table damaged, backup used", "├─", "lost"]
    {
        assert!(text.contains(words), "no “{words}” in\n{text}");
    }
    for (columns, rows) in [(40, 12), (60, 16), (80, 24), (100, 30), (120, 24), (120, 40), (240, 80)] {
        let text = stage.keys("<tab>").text(columns, rows);
        assert!(text.contains("Windows"), "{columns} × {rows}:\n{text}");
    }
}

#[test]
fn hundreds_of_partitions_and_long_names_are_walked_through_at_every_size() {
    let mut stage = Stage::new();
    let mut disk = with_images().disks.swap_remove(0);
    let place = disk.partitions[1].clone();
    disk.path = "/dev/disk/by-id/漢字-a-very-long-name-that-has-no-end-and-goes-on-and-on".into();
    disk.model = Some("Größe \u{1b}[31m".repeat(9));
    for number in 3..400 {
        let mut partition = place.clone();
        partition.number = number;
        partition.name = Some("漢字".repeat(40));
        disk.partitions.push(partition);
    }
    stage.script.inventory.disks = vec![disk];
    stage.keys("d");
    for (columns, rows) in [(40, 12), (41, 13), (67, 20), (80, 24), (111, 24), (116, 24), (120, 40), (240, 80)] {
        for keys in ["<home>", "<pagedown>", "<down><tab>", "<end>", "<up><tab>", "/漢<enter><esc>"] {
            let text = stage.keys(keys).text(columns, rows);
            assert!(text.contains('►'), "{columns} × {rows}: the chosen line is in sight\n{text}");
        }
    }
}

#[test]
fn a_text_console_is_drawn_anew_when_the_kernel_may_have_written_on_it() {
    for console in [true, false] {
        let mut stage = Stage::new();
        stage.model.theme.console = console;
        stage.send(Msg::DisksChanged);
        let is_redrawn = stage.asked.iter().any(|effect| matches!(effect, Effect::Redraw));
        assert_eq!(is_redrawn, console);
    }
}

#[test]
fn a_disk_that_is_one_volume_means_that_volume() {
    let mut stage = Stage::new();
    stage.script.interrupted.clear();
    let stick = &mut stage.script.inventory.disks[1];
    stick.read_only = false;
    stick.volume = Some(volume(Kind::Fat32, "STICK", State::Clean, 64, 1));
    stage.send(Msg::Begin);
    stage.keys("b");
    stage.model.disks.cursor = row_of(&stage, RowKind::Disk, "/dev/sdb");
    stage.keys("<enter>");
    assert_eq!(stage.screen(), Screen::Options);
    assert_eq!(stage.model.place.as_ref().map(|row| row.kind), Some(RowKind::Whole));
    stage.keys("<esc>");
    stage.model.disks.cursor = row_of(&stage, RowKind::Disk, "/dev/sda");
    stage.keys("<enter>");
    assert_eq!(stage.screen(), Screen::Disks, "of a disk with partitions one is to be chosen");
    assert!(stage.text(80, 24).contains("Choose one of the lines below it"));
}

#[test]
fn a_restore_begins_at_the_place_that_it_is_most_likely_meant_for() {
    let target = |spoil: &dyn Fn(&mut Vec<Disk>)| {
        let mut stage = Stage::new();
        stage.script.interrupted.clear();
        spoil(&mut stage.script.inventory.disks);
        stage.send(Msg::Begin);
        stage.keys("e<enter>");
        if stage.screen() == Screen::Facts {
            stage.keys("e");
        }
        assert_eq!((stage.screen(), stage.model.task), (Screen::Disks, Task::Restore));
        chosen(&stage)
    };
    assert_eq!(target(&|_| {}), "/dev/sda:2", "where a volume of that kind, name and size is");
    let unfinished = |disks: &mut Vec<Disk>| {
        let mut half = partition(5, 60, Some(volume(Kind::Unfinished, "", State::Clean, 60, 0)));
        half.start_bytes = 100 * GIB;
        disks[0].partitions.push(half);
    };
    assert_eq!(target(&unfinished), "/dev/sda:5", "what a restore has left half done");
    let lost = |disks: &mut Vec<Disk>| {
        disks[0].table.kind = table::Kind::None;
        disks[0].partitions.retain(|partition| partition.found);
        disks[1].read_only = false;
    };
    assert_eq!(target(&lost), "/dev/sdb", "never the whole of a disk on which volumes were found");
}

fn row_of(stage: &Stage, kind: RowKind, address: &str) -> usize {
    let is_it = |row: &Row| row.kind == kind && row.address.to_string() == address;
    stage.model.disks.rows.iter().position(is_it).expect("the line is there")
}

//! Every screen in its main states, as text. The snapshots lie beside this file.

mod inside;

use std::time::Duration;

use lifeboat::fs::{Kind, State};
use lifeboat::inventory::{Disk, Inventory, TableView};
use lifeboat::job::{Outcome, Progress, Report, StepProgress};
use lifeboat::plan::{Safety, Step, StepKind};
use lifeboat::table;
use lifeboat::ui::Options;
use lifeboat::ui::model::{Job, Model, Proposed, Trouble, Waiting};
use lifeboat::ui::msg::{Completion, Msg};
use lifeboat::ui::theme::Theme;
use lifeboat::ui::view::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::journeys::stage::{
    GIB, Stage, backup_plan, image, image_row, interrupted, partition, progress, report, restore_plan, volume,
};

/// Compares a stage's screen with its snapshot.
fn shows(name: &str, stage: &mut Stage) {
    shows_at(name, stage, 80, 24);
}

fn shows_at(name: &str, stage: &mut Stage, columns: u16, rows: u16) {
    let text = stage.text(columns, rows);
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name.replace(' ', "-").replace(['\'', ','], ""), text);
    });
}

fn after(keys: &str) -> Stage {
    let mut stage = Stage::new();
    stage.keys(keys);
    stage
}

fn restoring(keys: &str) -> Stage {
    let mut stage = Stage::restoring();
    stage.keys(keys);
    stage
}

#[test]
fn the_start_screen() {
    shows("start", &mut after(""));
    shows("start with the third choice chosen", &mut after("<down><down>"));
    shows_at("start at 120x40", &mut after(""), 120, 40);
    shows_at("start at 40x12", &mut after(""), 40, 12);
    shows_at("start in a window that is too small", &mut after(""), 39, 11);
    shows("start with help", &mut after("?"));
}

#[test]
fn the_disks_screen() {
    shows("disks of a machine", &mut after("b<down>"));
    shows("disks with a volume that was found", &mut after("b<down><down><down>"));
    shows("disks with one that cannot be read", &mut after("d<end>"));
    shows("disks with help", &mut after("d?"));
    shows_at("disks at 120x40", &mut after("b<down>"), 120, 40);
    shows_at("disks at 40x12", &mut after("b<down>"), 40, 12);

    let mut looking = Stage::new();
    looking.script.silent = true;
    shows("disks while looking for the first time", looking.keys("b"));

    let mut none = Stage::new();
    none.script.inventory = Inventory::default();
    shows("disks when there are none", none.keys("d"));
}

#[test]
fn the_disks_screen_for_a_target() {
    shows("targets with a mounted one chosen", &mut restoring("e<enter><down><down>"));
    shows("targets with a read-only one chosen", &mut restoring("e<enter><end><up>"));
    shows("targets with one that is too small refused", &mut restoring("e<enter><enter>"));
}

#[test]
fn an_unreadable_volume_and_a_damaged_table() {
    let mut stage = Stage::new();
    let disk = &mut stage.script.inventory.disks[0];
    disk.table.health = table::Health::Damaged;
    disk.table.notes = vec!["Neither copy of the table is whole; what is shown was found by looking.".into()];
    let volume = disk.partitions[1].volume.as_mut().expect("a volume");
    (volume.state, volume.used_clusters) = (None, None);
    volume.notes = vec!["at byte 0x4000: expected a record of the MFT, found zeros".into()];
    shows("disks with an unreadable volume", stage.keys("b<down>"));
    shows("options of a backup of an unreadable volume", stage.keys("<enter><down><down><down><down><down><down>"));
    shows("disks with a damaged table", stage.keys("<esc><home>"));
}

/// Many partitions, long and wide names, and text that wants to command the terminal.
fn strange() -> Inventory {
    let mut partitions: Vec<_> = (1..=40)
        .map(|number| partition(number, 10, Some(volume(Kind::Ext4, &format!("data-{number}"), State::Clean, 10, 4))))
        .collect();
    partitions[1].volume = Some(volume(Kind::Ntfs, "漢字漢字漢字漢字漢字漢字漢字", State::Hibernated, 10, 9));
    partitions[2].volume =
        Some(volume(Kind::Fat32, "evil\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}cba\nsecond line", State::Dirty, 10, 1));
    partitions[3].name = Some("a name that is much longer than any column of this list could ever be".into());
    partitions[3].volume = None;
    partitions[4].volume = Some(volume(Kind::Ambiguous, "", State::Clean, 10, 0));
    if let Some(volume) = &mut partitions[4].volume {
        volume.notes = vec!["Signatures of ntfs and ext4 are both there; Lifeboat does not guess.".into()];
        volume.state = None;
    }
    let disk = Disk {
        path: "/dev/disk/by-id/a-very-long-name-of-a-disk-that-some-maker-thought-to-be-a-good-idea-0123456789".into(),
        model: Some("Größe\u{9b}31m 漢字".into()),
        bytes: 500 * GIB,
        sector_bytes: 512,
        table: TableView {
            kind: table::Kind::Gpt,
            health: table::Health::Degraded,
            notes: vec!["The first table is damaged; the one at the end of the disk was used.".into()],
            ..TableView::default()
        },
        partitions,
        ..Disk::default()
    };
    Inventory { disks: vec![disk] }
}

#[test]
fn the_disks_screen_with_strange_names() {
    let mut stage = Stage::new();
    stage.script.inventory = strange();
    stage.keys("b");
    shows("disks with wide and hostile names", stage.keys("<down>"));
    shows("disks with a hostile label chosen", stage.keys("<down>"));
    shows("disks with a volume of two minds", stage.keys("<down><down>"));
    shows("disks in the middle of a long list", stage.keys("<pagedown><pagedown>"));
    shows("disks with a degraded table", stage.keys("<home>"));
    shows_at("disks with wide and hostile names at 120x40", stage.keys("<down>"), 120, 40);
    shows_at("disks with wide and hostile names at 40x12", &mut stage, 40, 12);
}

#[test]
fn the_images_screen() {
    shows("images with one", &mut restoring("e"));

    let mut none = Stage::new();
    none.script.images = Ok(Vec::new());
    shows("images when there are none", none.keys("l"));

    let mut gone = Stage::new();
    gone.script.images = Err(Trouble {
        refused: false,
        what: "/mnt/backup: No such file or directory (os error 2)".into(),
        next: Some("Press g to go to another folder.".into()),
    });
    shows("images of a folder that is not there", gone.keys("l"));

    let mut many = Stage::new();
    let mut rows: Vec<_> = (1..=30).map(|number| image_row(image(&format!("image-{number:02}.lbi")))).collect();
    let mut damaged = image("a-damaged-one-with-a-long-long-name-漢字.lbi");
    damaged.damage = vec!["The index is missing; it was made anew from the chunks.".into()];
    rows.insert(0, image_row(damaged));
    let mut broken = image_row(image("broken.lbi"));
    broken.info =
        Err(Trouble { refused: false, what: "at byte 0x0: expected a header, found zeros".into(), next: None });
    rows.insert(1, broken);
    many.script.images = Ok(rows);
    shows("images with a damaged and a broken one", many.keys("l"));
    shows("images with the broken one opened", many.keys("<down><enter>"));
    shows("images in the middle of a long list", many.keys("<esc><pagedown>"));
    shows_at("images at 40x12", &mut many, 40, 12);
    shows("an image's facts with damage", many.keys("<home><enter>"));

    let mut typing = Stage::new();
    typing.script.completion =
        Completion { text: "/mnt/backup/ma".into(), choices: vec!["machines/".into(), "master.lbi".into()] };
    shows("images with a path being typed", typing.keys("lg<tab>"));
}

#[test]
fn the_options_screen() {
    shows("options of a backup", &mut after("b<down><enter>"));
    shows(
        "options of a backup of a dirty volume",
        &mut after("b<down><down><down><enter><down><down><down><down><down><down>"),
    );
    shows("options of a backup without a path", &mut after("b<down><enter><clear><enter>"));
    shows("options of a restore", &mut restoring("e<enter><down><enter>o<down><down> "));
    let mut long = after("b<down><enter>");
    long.keys("/a/very/long/path/that/does/not/fit/into/the/line/at/all/漢字");
    shows("options with a path longer than the line", &mut long);
    shows_at("options at 40x12", &mut after("b<down><enter><down><down><down><down>"), 40, 12);
}

#[test]
fn the_preview_screen() {
    shows("preview of a backup", &mut after("b<down><enter><enter>"));
    shows("preview of a restore", &mut restoring("e<enter><down><enter>"));
    shows_at("preview of a restore at 120x40", &mut restoring("e<enter><down><enter>"), 120, 40);
    shows_at("preview of a restore at 40x12", &mut restoring("e<enter><down><enter><down><down>"), 40, 12);

    let mut waiting = Stage::restoring();
    waiting.keys("e<enter><down>");
    waiting.script.silent = true;
    shows("planning", waiting.keys("<enter>"));

    let mut refused = Stage::new();
    refused.script.plan = Err(Trouble {
        refused: true,
        what:
            "The image needs about 11.0 GiB (11811160064 bytes), 2.0 GiB (2147483648 bytes) are free: 9663676416 bytes \
               are missing"
                .into(),
        next: Some("Free some space, choose another folder, or a higher level".into()),
    });
    shows("preview of a refused backup", refused.keys("b<down><enter><enter>"));

    let mut hibernated = Stage::new();
    hibernated.script.plan = Err(Trouble {
        refused: true,
        what: "/dev/sda:2 is hibernated: Windows sleeps on it, so its files may be half written".into(),
        next: Some("Start Windows and shut it down fully; or image it as it is with --even-if-dirty".into()),
    });
    shows("preview of a refusal that an option lifts", hibernated.keys("b<down><enter><enter>"));

    let mut many = Stage::restoring();
    let mut plan = restore_plan();
    plan.preview.warnings.extend((1..30).map(|number| format!("Something that matters, number {number}.")));
    many.script.plan = Ok(plan);
    shows("preview with many warnings, scrolled", many.keys("e<enter><down><enter><pagedown><up>"));
}

#[test]
fn the_confirm_screen() {
    shows("confirm", &mut restoring("e<enter><down><enter><enter>"));
    shows("confirm with half a word", &mut restoring("e<enter><down><enter><enter>sd"));
    shows("confirm with a wrong word", &mut restoring("e<enter><down><enter><enter>sdb2<enter>"));
    shows_at("confirm at 40x12", &mut restoring("e<enter><down><enter><enter>"), 40, 12);
}

/// A job at half of its first step, ten seconds in.
fn running(mut stage: Stage, plan: &Proposed, step: usize) -> Stage {
    stage.send(Msg::Progress(progress(plan, 0, 0)));
    for second in 1..=10 {
        stage.at(Duration::from_secs(second));
        stage.send(Msg::Progress(progress(plan, step, second * GIB / 2)));
    }
    stage
}

fn backing_up() -> Stage {
    running(after("b<down><enter><enter>s"), &backup_plan(), 0)
}

fn writing() -> Stage {
    running(restoring("e<enter><down><enter><enter>sda2<enter>"), &restore_plan(), 2)
}

#[test]
fn the_running_screen() {
    shows("running before the first sample", &mut after("b<down><enter><enter>s"));
    shows("running a backup", &mut backing_up());
    shows("running a restore", &mut writing());
    shows("running while paused", backing_up().keys("p"));
    shows("running with the question whether to cancel a backup", backing_up().keys("<esc>"));
    shows("running with the question whether to cancel a restore", writing().keys("<esc>"));
    shows("running while cancelling", backing_up().keys("cy"));
    shows_at("running a restore at 120x40", &mut writing(), 120, 40);
    shows_at("running a restore at 40x12", &mut writing(), 40, 12);

    let plan = backup_plan();
    let mut last = running(after("b<down><enter><enter>s"), &plan, 0);
    last.send(Msg::Progress(progress(&plan, 2, 22 * GIB)));
    shows("running with all bytes done is not yet a hundred percent", &mut last);
}

#[test]
fn the_screens_of_an_interrupted_job() {
    shows("interrupted with one job", &mut Stage::interrupted());
    shows_at("interrupted at 120x40", &mut Stage::interrupted(), 120, 40);
    shows_at("interrupted at 40x12", &mut Stage::interrupted(), 40, 12);
    shows("interrupted with help", Stage::interrupted().keys("?"));
    shows("interrupted, left for later", Stage::interrupted().keys("<esc>"));
    shows("interrupted, what will be done", Stage::interrupted().keys("f"));
    shows("interrupted, asked to confirm", Stage::interrupted().keys("f<enter>"));
    let mut refused = Stage::interrupted();
    refused.script.plan = Err(Trouble {
        refused: true,
        what: "the journal does not fit the volume any more: byte 0x4000 holds neither its old nor its new bytes"
            .into(),
        next: Some("Somebody wrote to it meanwhile. Have the volume checked by its own tools".into()),
    });
    shows("interrupted, refused", refused.keys("u"));
    let mut many = Stage::new();
    many.script.interrupted = (1..=20)
        .map(|n| Waiting {
            address: format!("/dev/sd{}:1", char::from(b'a' + n)).parse().expect("an address"),
            ..interrupted()
        })
        .collect();
    many.send(Msg::Begin);
    shows("interrupted with many jobs", many.keys("<end>"));
}

#[test]
fn the_screens_of_a_check() {
    let phase = |done: u64| {
        let step =
            Step { kind: StepKind::CheckVolume, title: "Reading inodes".into(), bytes: 4096, safety: Safety::Reads };
        Msg::Progress(Progress { steps: vec![StepProgress { step, done }], ..Progress::default() })
    };
    let checking = || {
        let mut stage = after("d<down>c");
        stage.at(Duration::from_secs(3));
        stage.send(phase(1024));
        stage
    };
    shows("running a check", &mut checking());
    shows("running a check that is paused", checking().keys("p"));
    shows("running with the question whether to cancel a check", checking().keys("c"));
    let mut ended = checking();
    ended.send(Msg::Finished(Report {
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
    shows("report of a volume that is not sound", &mut ended);
}

#[test]
fn the_report_screen() {
    let ended = |outcome: Outcome, change: fn(&mut Report)| {
        let mut stage = backing_up();
        let mut report = report(outcome);
        change(&mut report);
        stage.send(Msg::Finished(report));
        stage
    };
    shows("report of a job that is done", &mut ended(Outcome::Done, |_| {}));
    let warned = |report: &mut Report| {
        report.warnings = (1..=40).map(|n| format!("Cluster {n}: could not be read; \\Users\\file-{n}.txt")).collect();
    };
    shows("report with warnings", &mut ended(Outcome::DoneWithWarnings, warned));
    shows("report with warnings, scrolled to its end", ended(Outcome::DoneWithWarnings, warned).keys("<end>"));
    shows_at("report with warnings at 40x12", &mut ended(Outcome::DoneWithWarnings, warned), 40, 12);
    let failed = |report: &mut Report| {
        report.headline = "/mnt/backup/x.lbi: No space left on device (os error 28)".into();
        report.next = vec!["Free some space, or choose another folder. Nothing was left under the name.".into()];
    };
    shows("report of a job that failed", &mut ended(Outcome::Failed, failed));
    let cancelled = |report: &mut Report| report.headline = "Cancelled at 12 of 44 GiB; no image was left.".into();
    shows("report of a job that was cancelled", &mut ended(Outcome::Cancelled, cancelled));
    let refused = |report: &mut Report| report.headline = "The target was mounted meanwhile.".into();
    shows("report of a job that was refused", &mut ended(Outcome::Refused, refused));
}

#[test]
fn screens_in_plain_ascii() {
    let plain = Theme { colour: false, unicode: false, ..Theme::default() };
    let mut disks = after("b<down>");
    disks.script.inventory = strange();
    disks.model.theme = plain;
    shows("disks in plain ascii", disks.keys("r"));
    let mut running = writing();
    running.model.theme = plain;
    shows("running in plain ascii", running.keys("c"));
    for stage in [&mut disks, &mut running] {
        assert!(stage.text(80, 24).is_ascii());
    }
}

/// All stages of this file that differ in what they draw, for what must hold on every screen.
fn everywhere() -> Vec<Stage> {
    let mut strange_disks = Stage::new();
    strange_disks.script.inventory = strange();
    strange_disks.keys("b<down><down>");
    let mut ended = backing_up();
    ended.send(Msg::Finished(report(Outcome::Failed)));
    vec![
        after(""),
        after("b<down>"),
        strange_disks,
        after("l"),
        after("lg"),
        after("l<enter>"),
        after("b<down><enter>"),
        after("b<down><enter><enter>"),
        restoring("e<enter><down><enter>"),
        restoring("e<enter><down><enter><enter>xyz<enter>"),
        backing_up(),
        writing(),
        writing().keys("c").clone(),
        writing().keys("?").clone(),
        ended,
    ]
    .into_iter()
    .chain(inside::stages())
    .collect()
}

fn drawn(model: &Model, columns: u16, rows: u16) -> ratatui::buffer::Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a test terminal opens");
    terminal.draw(|frame| view(model, frame)).expect("a test terminal draws");
    terminal.backend().buffer().clone()
}

#[test]
fn no_screen_paints_text_black_white_or_yellow_or_uses_more_than_sixteen_colours() {
    let allowed = [Color::Reset, Color::Cyan, Color::Green, Color::Magenta, Color::Red];
    for stage in everywhere() {
        for cell in drawn(&stage.model, 80, 24).content() {
            assert!(allowed.contains(&cell.fg) && cell.bg == Color::Reset, "{cell:?}");
        }
    }
}

#[test]
fn without_colour_the_words_stay_the_same() {
    for mut stage in everywhere() {
        let coloured = stage.text(80, 24);
        stage.model.theme.colour = false;
        assert_eq!(coloured, stage.text(80, 24));
        assert!(drawn(&stage.model, 80, 24).content().iter().all(|cell| cell.fg == Color::Reset));
    }
}

#[test]
fn every_screen_can_be_drawn_at_every_size() {
    for stage in everywhere() {
        for columns in (1..=130).step_by(3) {
            for rows in [1, 2, 3, 5, 8, 11, 12, 13, 17, 24, 50] {
                drawn(&stage.model, columns, rows);
            }
        }
    }
}

#[test]
fn no_control_character_reaches_the_terminal() {
    for stage in everywhere() {
        for cell in drawn(&stage.model, 80, 24).content() {
            assert!(
                !cell.symbol().chars().any(|character| character.is_control() || character == '\u{202e}'),
                "{cell:?}"
            );
        }
    }
}

#[test]
fn every_screen_says_how_to_leave_it() {
    for mut stage in everywhere() {
        let text = stage.text(80, 24);
        let footer = text.lines().last().expect("there are lines");
        assert!(["quit", "back", "close", "cancel", "start"].iter().any(|word| footer.contains(word)), "{footer}");
    }
}

#[test]
fn a_wizard_without_a_folder_offers_the_present_one() {
    let model = Model::new(Options::default(), Theme::default());
    assert_eq!(model.images.folder, std::path::Path::new("."));
    assert_eq!(restore_plan().job, Job::Restore);
}

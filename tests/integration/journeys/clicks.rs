//! Clicks in lists and forms: what is clicked is what is chosen, and a list stays under the mouse.

use lifeboat::fs::{Kind, State};
use lifeboat::ui::form::FieldId;
use lifeboat::ui::model::{Screen, Waiting};
use lifeboat::ui::msg::{Effect, Mouse, MouseAct, Msg};

use super::stage::{Stage, image, image_row, interrupted, partition, volume};

/// Where each list of 60 lines is, and by which keys one comes there.
const LISTS: [(&str, Screen); 5] = [
    ("b", Screen::Disks),
    ("e", Screen::Images),
    ("w", Screen::Diagnosis),
    ("w<end>", Screen::Diagnosis),
    ("i", Screen::Interrupted),
];

/// A machine on which there is much of everything.
fn crowded(keys: &str) -> Stage {
    let mut stage = Stage::new();
    let disk = &mut stage.script.inventory.disks[0];
    disk.partitions = (1..=60)
        .map(|number| {
            let mut broken = volume(Kind::Ntfs, &format!("Volume {number:02}"), State::Clean, 1, 1);
            broken.state = (number % 2 == 0).then_some(State::Dirty);
            partition(number, 1, Some(broken))
        })
        .collect();
    stage.script.images = Ok((1..=60).map(|number| image_row(image(&format!("image-{number:02}.lbi")))).collect());
    let waiting = |number: u32| Waiting {
        address: format!("/dev/sda:{number}").parse().expect("an address"),
        can_roll_back: !number.is_multiple_of(3),
        ..interrupted()
    };
    stage.script.interrupted = (1..=60).map(waiting).collect();
    stage.send(Msg::Begin);
    stage.keys("<esc>").keys(keys);
    stage
}

fn click(stage: &mut Stage, column: u16, row: usize) {
    let row = u16::try_from(row).expect("a screen is small");
    stage.send(Msg::Mouse(Mouse { act: MouseAct::Click, column, row }));
}

/// The line of a screen without the sign of the chosen one.
fn line(stage: &mut Stage, size: (u16, u16), row: usize) -> String {
    let text = stage.text(size.0, size.1);
    text.lines().nth(row).expect("a line").replace(['►', ' '], "")
}

#[test]
fn a_click_leaves_every_line_where_it_is() {
    for size in [(80, 24), (40, 12)] {
        for (keys, screen) in LISTS {
            let mut stage = crowded(keys);
            assert_eq!(stage.screen(), screen);
            let (mut chosen, before) = (0, stage.text(size.0, size.1));
            let is_other = |row: &usize| !before.lines().nth(*row).is_some_and(|line| line.contains('►'));
            for row in (2..usize::from(size.1) - 2).filter(is_other) {
                let words = line(&mut stage, size, row);
                let mut clicked = stage.clone();
                click(&mut clicked, 12, row);
                assert_eq!(clicked.screen(), screen, "{keys} {row}: a click only chooses");
                let after = clicked.text(size.0, size.1);
                let marked = after.lines().nth(row).is_some_and(|line| line.contains('►'));
                if marked && after != before {
                    chosen += 1;
                    assert_eq!(line(&mut clicked, size, row), words, "{keys} {row}:\n{before}\n{after}");
                }
            }
            assert!(chosen > if size.1 > 12 { 3 } else { 0 }, "{keys} at {size:?}: {chosen} clicked:\n{before}");
        }
    }
}

#[test]
fn a_double_click_opens_the_line_that_was_clicked() {
    for row in [5, 9, 13] {
        let mut stage = crowded("e");
        stage.keys("<down><down><down><down><down><down><down><down><down><down><down><down><down><down><down>");
        let words = line(&mut stage, (80, 24), row);
        click(&mut stage, 12, row);
        click(&mut stage, 12, row);
        assert_eq!(stage.screen(), Screen::Disks, "the image is chosen, now for the target");
        let name = stage.model.image.as_ref().map(|image| image.place.to_string()).expect("an image");
        let name = name.rsplit('/').next().expect("a name");
        assert!(words.starts_with(name), "{name} was opened, and this was clicked: {words}");
    }
}

#[test]
fn a_key_after_a_click_brings_the_chosen_line_to_the_middle_again() {
    let mut stage = crowded("e");
    stage.keys("<end>");
    let last = stage.text(80, 24);
    click(&mut stage, 12, 5);
    assert!(stage.text(80, 24).contains("image-60"), "the list was held:\n{last}");
    stage.keys("<up>");
    assert!(!stage.text(80, 24).contains("image-60"));
}

#[test]
fn a_click_chooses_an_option_and_a_second_one_turns_its_switch() {
    let row_of = |stage: &mut Stage, words: &str| {
        let text = stage.text(80, 24);
        text.lines().position(|line| line.contains(words)).unwrap_or_else(|| panic!("no {words}:\n{text}"))
    };
    let mut stage = Stage::new();
    stage.keys("b<down><enter>");
    assert_eq!(stage.screen(), Screen::Options);
    let row = row_of(&mut stage, "Read the image back");
    for (times, on) in [(1, true), (2, false), (3, true)] {
        click(&mut stage, 10, row);
        assert_eq!(stage.model.form.switch(FieldId::ReadBack), on, "after {times} clicks");
    }
    let before = stage.model.form.clone();
    let row = row_of(&mut stage, "Compression level");
    click(&mut stage, 10, row);
    assert_eq!(stage.model.form.fields[stage.model.form.cursor].id, FieldId::Level);
    let row = row_of(&mut stage, "Image file");
    click(&mut stage, 10, row + 1);
    click(&mut stage, 10, row + 1);
    assert!(stage.model.form.is_path(), "the line with the path belongs to it");
    assert_eq!(stage.model.form.fields, before.fields, "numbers and texts are for the keys");
    assert!(!stage.asked.iter().any(|effect| matches!(effect, Effect::PlanBackup(..))), "no click leaves the options");
}

#[test]
fn in_a_low_window_options_stay_under_the_mouse() {
    for row in 2..10 {
        let mut stage = Stage::new();
        stage.keys("b<down><enter><up><down><down><down><down><down><down>");
        let words = line(&mut stage, (40, 12), row);
        if stage.text(40, 12).lines().nth(row).is_some_and(|line| line.contains('►')) {
            continue;
        }
        click(&mut stage, 10, row);
        // A path is shown to its end while it is the chosen one.
        let after = line(&mut stage, (40, 12), row);
        assert!(after == words || (words.ends_with(".lbi") && after.ends_with(".lbi")), "{words}: {after}");
    }
}

//! How the wizard feels: the mouse, sizes, characters, settings. Over all kinds of screens.

use std::time::Duration;

use lifeboat::job::Outcome;
use lifeboat::settings::Settings;
use lifeboat::ui::Options;
use lifeboat::ui::form::{FieldId, Value};
use lifeboat::ui::model::{Model, Screen, Trouble};
use lifeboat::ui::msg::{Effect, Mouse, MouseAct, Msg};
use lifeboat::ui::theme::{CONSOLE, Theme};
use lifeboat::ui::view::view;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::stage::{GIB, Stage, backup_plan, inventory, progress, report};

fn at(act: MouseAct, column: u16, row: u16) -> Msg {
    Msg::Mouse(Mouse { act, column, row })
}

/// Clicks on the first place where `words` stand, on a screen of 80 × 24.
fn click(stage: &mut Stage, words: &str) {
    let text = stage.text(80, 24);
    let Some((row, line)) = text.lines().enumerate().find(|(_, line)| line.contains(words)) else {
        panic!("no {words:?} on this screen:\n{text}")
    };
    let column = line[..line.find(words).expect("it is there")].chars().count();
    let place = |number: usize| u16::try_from(number).expect("a screen is small");
    stage.send(at(MouseAct::Click, place(column), place(row)));
}

#[test]
fn a_click_chooses_and_a_click_on_the_chosen_opens() {
    let mut stage = Stage::new();
    stage.keys("b");
    let cursor = stage.model.disks.cursor;
    click(&mut stage, "Windows");
    assert_ne!(stage.model.disks.cursor, cursor);
    let row = &stage.model.disks.rows[stage.model.disks.cursor];
    assert_eq!(row.address.to_string(), "/dev/sda:2");
    assert_eq!(stage.screen(), Screen::Disks, "one click only chooses");
    click(&mut stage, "Windows");
    assert_eq!(stage.screen(), Screen::Options);
    click(&mut stage, "Esc back");
    assert_eq!(stage.screen(), Screen::Disks);
}

#[test]
fn the_wheel_moves_in_lists_and_scrolls_texts() {
    let mut stage = Stage::new();
    stage.keys("b");
    stage.text(80, 24);
    let cursor = stage.model.disks.cursor;
    stage.send(at(MouseAct::WheelDown, 5, 5));
    assert_eq!(stage.model.disks.cursor, cursor + 1);
    stage.send(at(MouseAct::WheelUp, 5, 5));
    assert_eq!(stage.model.disks.cursor, cursor);
    stage.keys("?");
    let before = stage.text(80, 14);
    stage.send(at(MouseAct::WheelDown, 5, 5));
    assert_ne!(stage.text(80, 14), before, "help is scrolled");
}

#[test]
fn a_click_beside_a_panel_does_nothing() {
    let mut stage = Stage::new();
    stage.keys("b?");
    stage.text(80, 24);
    let before = stage.model.disks.cursor;
    for row in 0..23 {
        stage.send(at(MouseAct::Click, 3, row));
    }
    assert!(stage.model.help.is_some());
    assert_eq!(stage.model.disks.cursor, before);
    click(&mut stage, "close");
    assert!(stage.model.help.is_none());
}

#[test]
fn no_click_confirms_what_overwrites_or_says_yes() {
    let mut stage = Stage::restoring();
    stage.keys("e<enter><down><enter><enter>sda2");
    assert_eq!(stage.screen(), Screen::Confirm);
    for row in 0..24 {
        for column in 0..80 {
            let mut clicked = stage.clone();
            clicked.text(80, 24);
            clicked.send(at(MouseAct::Click, column, row));
            assert_eq!(clicked.runs(), 0, "a click at {column}, {row} starts a restore");
        }
    }
    assert_eq!(stage.keys("<enter>").runs(), 1, "the typed word and Enter do");

    let mut running = Stage::new();
    running.keys("b<down><enter><enter>s<esc>");
    assert!(running.model.running.as_ref().is_some_and(|running| running.asking));
    for row in 0..24 {
        for column in 0..80 {
            let mut clicked = running.clone();
            clicked.text(80, 24);
            clicked.send(at(MouseAct::Click, column, row));
            assert!(!clicked.asked.iter().any(|effect| matches!(effect, Effect::Cancel)), "{column}, {row}");
        }
    }
}

#[test]
fn a_click_on_start_starts_what_overwrites_nothing() {
    let mut stage = Stage::new();
    stage.keys("b<down><enter><enter>");
    click(&mut stage, "s start");
    assert_eq!(stage.runs(), 1);
}

/// Screens of all kinds, by the keys that lead there.
fn places() -> Vec<Stage> {
    let ways = [
        "",
        "?",
        "f",
        "b",
        "b<down>",
        "b?",
        "l",
        "lg",
        "l<enter>",
        "d",
        "d<down>",
        "d<end>",
        "d/win",
        "w",
        "i",
        "m",
        "v",
        "c",
        "b<down><enter>",
        "b<down><enter><enter>",
        "b<down><enter><enter>s",
        "b<down><enter><enter>s<esc>",
        "d<down><down>l",
        "d<down><down>m",
        "d<down><down>c",
    ];
    let mut stages: Vec<Stage> = Vec::new();
    for make in [Stage::new as fn() -> Stage, Stage::with_images, Stage::interrupted] {
        for keys in ways {
            stages.push(make().keys(keys).clone());
        }
    }
    let restores = ["e<enter><down><enter>", "e<enter><down><enter><enter>x<enter>", "e<enter><down><enter>o"];
    stages.extend(restores.map(|keys| Stage::restoring().keys(keys).clone()));
    let mut running = Stage::new();
    running.keys("b<down><enter><enter>s");
    for second in 1..9 {
        running.at(Duration::from_secs(second));
        running.send(Msg::Progress(progress(&backup_plan(), 0, second * GIB)));
    }
    stages.push(running.clone());
    running.send(Msg::Finished(report(Outcome::Failed)));
    stages.push(running);
    let mut foreign = Stage::new();
    foreign.script.inventory = foreign_names();
    stages.push(foreign.keys("d").clone());
    stages
}

/// A machine whose labels have what no console's font has.
fn foreign_names() -> lifeboat::inventory::Inventory {
    let mut inventory = inventory();
    for (partition, name) in inventory.disks[0].partitions.iter_mut().zip(["漢字", "Ωμέγα “x”…", "données", "🚢 boat"])
    {
        if let Some(volume) = &mut partition.volume {
            volume.label = Some(name.to_owned());
        }
    }
    inventory
}

fn draw(model: &Model, columns: u16, rows: u16) -> ratatui::buffer::Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a test terminal opens");
    terminal.draw(|frame| view(model, frame)).expect("a test terminal draws");
    terminal.backend().buffer().clone()
}

#[test]
fn every_level_of_characters_gets_what_it_has_and_no_more() {
    let levels = [
        Theme::default(),
        Theme { console: true, ..Theme::default() },
        Theme { colour: false, unicode: false, console: false },
        Theme { colour: true, unicode: false, console: true },
    ];
    for stage in places() {
        for theme in levels {
            let mut model = stage.model.clone();
            model.theme = theme;
            for cell in draw(&model, 80, 24).content() {
                let fits = cell.symbol().chars().all(|one| match (theme.unicode, theme.console) {
                    (false, _) => one.is_ascii(),
                    (true, true) => one.is_ascii() || CONSOLE.contains(one),
                    (true, false) => !one.is_control(),
                });
                assert!(fits, "{:?} on {:?} with {theme:?}", cell.symbol(), model.screen());
                let dim = cell.modifier.contains(ratatui::style::Modifier::DIM);
                assert!(!(dim && theme.console), "dim text cannot be read on a console");
            }
        }
    }
}

#[test]
fn our_own_glyphs_are_all_of_the_consoles_font_or_have_a_form_in_it() {
    // What falls back to `?` at the console's level, although no name from outside has it, is a glyph that was
    // chosen badly.
    for stage in places().into_iter().filter(|stage| !format!("{:?}", stage.script.inventory).contains("漢")) {
        for (columns, rows) in [(80, 24), (120, 40), (40, 12)] {
            let mut model = stage.model.clone();
            model.size = (columns, rows);
            let whole = draw(&model, columns, rows);
            for theme in [Theme { console: true, ..Theme::default() }, Theme { unicode: false, ..Theme::default() }] {
                model.theme = theme;
                for (one, settled) in whole.content().iter().zip(draw(&model, columns, rows).content()) {
                    let lost = settled.symbol() == "?" && one.symbol() != "?";
                    assert!(!lost, "{:?} has no form with {theme:?}", one.symbol());
                }
            }
        }
    }
}

#[test]
fn no_size_breaks_any_screen() {
    for (index, mut stage) in places().into_iter().enumerate() {
        // Another sample of sizes for each screen; the small ones, where lines and panels do not fit, for all.
        let shift = index as u16 % 7;
        for columns in [1, 2, 39 - shift, 40 + shift, 61 - shift, 80 + shift, 137 - shift, 244 + shift] {
            for rows in [1, 2, 11, 12 + shift, 24 - shift, 31, 84 + shift] {
                stage.send(Msg::Resize(columns, rows));
                draw(&stage.model, columns, rows);
                // A window may be smaller than the last message said.
                draw(&stage.model, columns / 2 + 1, rows / 2 + 1);
            }
        }
    }
}

#[test]
fn the_smallest_form_says_how_to_leave_and_what_is_chosen() {
    for mut stage in places() {
        let text = stage.text(40, 12);
        let footer: Vec<&str> = text.lines().rev().take(2).collect();
        let known = ["quit", "back", "close", "cancel", "start", "waiting", "no, go on", "help"];
        assert!(known.iter().any(|word| footer.iter().any(|line| line.contains(word))), "{text}");
    }
    for mut stage in places() {
        assert!(stage.text(39, 12).contains("larger"));
        stage.text(39, 11);
    }
}

#[test]
fn the_settings_level_is_what_a_backup_begins_with() {
    let settings = Settings { level: 11, ..Settings::default() };
    let mut stage = Stage::new();
    stage.model.options.settings = settings;
    stage.keys("b<down><enter>");
    let level = stage.model.form.fields.iter().find(|field| field.id == FieldId::Level).expect("there is a level");
    assert_eq!(level.value, Value::Level(11));
    stage.keys("<enter>");
    let Some(Effect::PlanBackup(_, request)) = stage.asked.last() else { panic!("no plan was asked for") };
    assert_eq!((request.level, request.usual_level), (11, 11), "the plan knows what the command line would take");
}

#[test]
fn a_path_whose_completion_is_lost_says_so() {
    let mut stage = Stage::new();
    stage.script.silent = true;
    stage.keys("lg<tab>");
    let Effect::Complete(ticket, _) = stage.last().clone() else { panic!("no completion was asked for") };
    let trouble = Trouble { refused: false, what: "A part stopped".into(), next: None };
    stage.send(Msg::Completed(ticket, Err(trouble.clone())));
    assert_eq!(stage.model.trouble, Some(trouble));
    stage.keys("<esc>x");
    assert_eq!(stage.model.images.path.as_ref().map(|input| input.text()), Some("/mnt/backup/x"));
}

#[test]
fn settings_that_were_not_understood_are_said_first() {
    let settings = Settings { problems: vec!["x.toml, line 2: level is a number".into()], ..Settings::default() };
    let mut stage = Stage::new();
    stage.model = Model::new(Options { settings, ..Options::default() }, Theme::default());
    stage.send(Msg::Begin);
    assert!(stage.text(80, 24).contains("x.toml, line 2"));
    stage.keys("<esc>");
    assert!(!stage.text(80, 24).contains("x.toml"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is clicked, in whatever order: nothing that overwrites is begun, since no word is typed.
    #[test]
    fn clicking_around_does_no_harm(clicks in prop::collection::vec((0_u8..8, 0_u16..80, 0_u16..24), 1..60)) {
        let mut stage = Stage::restoring();
        stage.text(80, 24);
        for (act, column, row) in clicks {
            let act = match act {
                0 => MouseAct::WheelUp,
                1 => MouseAct::WheelDown,
                _ => MouseAct::Click,
            };
            // Most of what can be done stands in the footer.
            let row = if act == MouseAct::Click && row % 2 == 0 { 23 } else { row };
            stage.send(at(act, column, row));
            prop_assert_eq!(stage.runs(), 0);
        }
    }
}

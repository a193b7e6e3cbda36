//! One letter means one thing, everywhere, and every key that a footer names does something.

use std::collections::{BTreeMap, BTreeSet};

use lifeboat::ui::msg::Key;

use super::super::journeys::stage::Stage;
use super::everything;

/// What each letter means, and the words that may say so. Several words are either one act in its two directions
/// (a toggle) or one act on different things.
const MEANINGS: [(&str, &[&str]); 21] = [
    ("/", &["filter", "find"]),
    ("a", &["search all"]),
    ("b", &["back up"]),
    ("c", &["check"]),
    ("d", &["disks"]),
    ("e", &["restore"]),
    ("f", &["factory reset"]),
    ("g", &["go to folder", "elsewhere"]),
    ("h", &["hex", "text", "look into it"]),
    ("i", &["interrupted"]),
    ("k", &["renew"]),
    ("l", &["look inside"]),
    ("m", &["who uses it"]),
    ("n", &["no, go on", "no"]),
    ("o", &["options"]),
    ("p", &["pause", "go on"]),
    ("q", &["quit"]),
    ("r", &["refresh", "look again"]),
    ("s", &["start"]),
    ("t", &["tidy"]),
    ("u", &["take it back"]),
];

const MORE_MEANINGS: [(&str, &[&str]); 9] = [
    ("v", &["verify"]),
    ("w", &["what is wrong"]),
    ("x", &["export", "copy out", "save report"]),
    ("y", &["yes, cancel", "yes, unmount"]),
    ("?", &["help"]),
    ("Space", &["mark", "change", "leave out"]),
    ("Tab", &["complete", "pane", "more"]),
    ("Del", &["drop"]),
    ("Esc", &["back", "close", "stop waiting", "cancel", "up", "to start"]),
];

/// The footer's words, as they stand in the source: there is no list of them to ask for.
fn words() -> Vec<(String, String)> {
    let pairs = include_str!("../../../src/words/en/key.rs").lines().filter_map(|line| {
        let (_, pair) = line.split_once(": KeyWord = (\"")?;
        let (key, rest) = pair.split_once("\", \"")?;
        Some((key.to_owned(), rest.split_once('"')?.0.to_owned()))
    });
    pairs.collect()
}

/// Letters that mean two things, and words that no letter means.
fn strays(words: &[(String, String)]) -> Vec<String> {
    let meanings: BTreeMap<&str, &[&str]> = MEANINGS.iter().chain(&MORE_MEANINGS).copied().collect();
    let several = |key: &str| matches!(key, "Enter" | "↑↓" | "←→" | "PgDn");
    let stray = |(key, does): &&(String, String)| {
        !several(key) && !meanings.get(key.as_str()).is_some_and(|all| all.contains(&does.as_str()))
    };
    words.iter().filter(stray).map(|(key, does)| format!("{key} does not mean “{does}”")).collect()
}

#[test]
fn one_letter_means_one_thing_everywhere() {
    let words = words();
    assert!(words.len() > 30, "the table was not found: {words:?}");
    assert_eq!(strays(&words), Vec::<String>::new());
    assert_eq!(strays(&[("x".into(), "explode".into())]), ["x does not mean “explode”"]);
    assert_eq!(strays(&[("ü".into(), "help".into())]), ["ü does not mean “help”"]);
}

/// The keys that a stage's footer names: what is drawn, not what the program means to draw.
fn footer(stage: &Stage) -> Vec<(String, String)> {
    let text = stage.clone().text(240, 40);
    let line = text.lines().last().unwrap_or_default().trim();
    line.split("  ")
        .map(str::trim)
        .filter_map(|pair| pair.split_once(' '))
        .map(|(key, does)| (key.to_owned(), does.to_owned()))
        .collect()
}

/// The keys behind a footer's name of them.
fn pressed(name: &str) -> Vec<Key> {
    match name {
        "Enter" => vec![Key::Enter],
        "Esc" => vec![Key::Esc],
        "Tab" => vec![Key::Tab],
        "Space" => vec![Key::Char(' ')],
        "Del" => vec![Key::Delete],
        "PgDn" => vec![Key::PageDown],
        "↑↓" => vec![Key::Up, Key::Down],
        "←→" => vec![Key::Left, Key::Right],
        letter => letter.chars().map(Key::Char).collect(),
    }
}

/// True when a key changes something that can be seen, or asks the worker for something.
fn does_something(stage: &Stage, key: Key) -> bool {
    let mut after = stage.clone();
    after.script.silent = true;
    after.asked.clear();
    after.send(lifeboat::ui::msg::Msg::Key(key));
    !after.asked.is_empty() || after.text(80, 24) != stage.clone().text(80, 24)
}

#[test]
fn every_key_that_a_footer_names_does_something() {
    let mut idle: BTreeMap<(String, String, String), &str> = BTreeMap::new();
    let mut works = BTreeSet::new();
    for (screen, state) in everything() {
        let stage = (state.stage)();
        for (name, does) in footer(&stage) {
            let place = (format!("{screen:?}"), name.clone(), does);
            if pressed(&name).into_iter().any(|key| does_something(&stage, key)) {
                works.insert(place);
            } else {
                idle.entry(place).or_insert(state.name);
            }
        }
    }
    idle.retain(|place, _| !works.contains(place));
    assert!(works.len() > 60, "the footers were not read: {works:?}");
    assert!(idle.is_empty(), "these keys do nothing in any state of their screen: {idle:#?}");
}

#[test]
fn every_key_word_is_shown_by_some_screen() {
    let mut shown = BTreeSet::new();
    for (_, state) in everything() {
        shown.extend(footer(&(state.stage)()));
    }
    let never: Vec<_> = words().into_iter().filter(|pair| !shown.contains(pair)).collect();
    assert!(never.is_empty(), "no state's footer shows {never:?}");
    assert!(!does_something(&(everything().next().expect("a state").1.stage)(), Key::Char('ü')));
}

//! Every screen in every state it can be in, drawn at three sizes, with colour and without.
//!
//! A screen declares which of the general states it can be in, and why the others make no sense for it; a state is
//! a sentence and a function that brings a stage there. One snapshot per state, with the sentence as its name, holds
//! all its drawings. What has no snapshot, no builder, or no declaration makes a test fail; so does a snapshot
//! that no state owns.

mod draw;
mod frames;
mod keys;
mod rules;
mod scenes;
pub(crate) mod shelf;
mod states;
mod whole;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use lifeboat::ui::model::Screen;

use super::journeys::stage::Stage;
use draw::SIZES;

/// The states that every kind of content has, whatever it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum General {
    /// There is nothing to show.
    Empty,
    /// The least there can be.
    One,
    /// As much as there usually is.
    Many,
    /// More than fits the screen.
    TooMany,
    /// A text longer than its place.
    LongNames,
    /// Characters of two columns.
    WideNames,
    /// Text that wants to command the terminal.
    Hostile,
    /// What is shown is damaged.
    Damaged,
    /// The user asked for what must not be.
    Refused,
    /// Something is under way.
    Running,
    /// It waits.
    Paused,
    /// It went wrong.
    Failed,
    /// Help lies over it.
    Help,
}

impl General {
    const ALL: [Self; 13] = [
        Self::Empty,
        Self::One,
        Self::Many,
        Self::TooMany,
        Self::LongNames,
        Self::WideNames,
        Self::Hostile,
        Self::Damaged,
        Self::Refused,
        Self::Running,
        Self::Paused,
        Self::Failed,
        Self::Help,
    ];
}

/// A state that a screen can be in.
pub(crate) struct State {
    /// What it is, as a sentence: the snapshot's name.
    pub(crate) name: &'static str,
    /// Which of the general states it shows.
    pub(crate) shows: &'static [General],
    /// Brings a stage there.
    pub(crate) stage: fn() -> Stage,
}

/// What a screen declares.
pub(crate) struct Declared {
    pub(crate) states: &'static [State],
    /// General states that it cannot be in, and why.
    pub(crate) never: &'static [(General, &'static str)],
}

const fn state(name: &'static str, shows: &'static [General], stage: fn() -> Stage) -> State {
    State { name, shows, stage }
}

/// The screen that follows in the gallery. A new screen does not compile until it has its place here.
fn following(screen: Screen) -> Option<Screen> {
    match screen {
        Screen::Start => Some(Screen::Diagnosis),
        Screen::Diagnosis => Some(Screen::Disks),
        Screen::Disks => Some(Screen::Images),
        Screen::Images => Some(Screen::Facts),
        Screen::Facts => Some(Screen::Files),
        Screen::Files => Some(Screen::Peek),
        Screen::Peek => Some(Screen::Options),
        Screen::Options => Some(Screen::Preview),
        Screen::Preview => Some(Screen::Confirm),
        Screen::Confirm => Some(Screen::Running),
        Screen::Running => Some(Screen::Report),
        Screen::Report => Some(Screen::Interrupted),
        Screen::Interrupted => Some(Screen::Held),
        Screen::Held => None,
    }
}

/// All screens.
pub(crate) fn screens() -> impl Iterator<Item = Screen> {
    std::iter::successors(Some(Screen::Start), |screen| following(*screen))
}

/// All states of all screens.
pub(crate) fn everything() -> impl Iterator<Item = (Screen, &'static State)> {
    screens().flat_map(|screen| states::of(screen).states.iter().map(move |state| (screen, state)))
}

/// The snapshot's name.
fn file_name(sentence: &str) -> String {
    sentence.replace(' ', "-").replace(['\'', ',', ':'], "")
}

/// Draws the states of a screen, holds them against their snapshots and against the rules.
fn shows(screen: Screen) {
    let mut broken = Vec::new();
    for state in states::of(screen).states {
        let stage = (state.stage)();
        assert_eq!(stage.screen(), screen, "“{}” is not on its screen", state.name);
        let text = draw::album(&stage);
        insta::with_settings!({
            snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true
        }, {
            insta::assert_snapshot!(file_name(state.name), text);
        });
        broken.extend(SIZES.iter().filter_map(|size| rules::broken(state.name, &stage, *size)));
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

macro_rules! each_screen {
    ($($name:ident => $screen:ident,)*) => {
        $(#[test] fn $name() { shows(Screen::$screen); })*

        #[test]
        fn every_screen_is_drawn() {
            let drawn = [$(Screen::$screen),*];
            for screen in screens() {
                assert!(drawn.contains(&screen), "{screen:?} is drawn by no test");
            }
        }
    };
}

each_screen! {
    start_is_drawn_in_all_its_states => Start,
    diagnosis_is_drawn_in_all_its_states => Diagnosis,
    disks_are_drawn_in_all_their_states => Disks,
    images_are_drawn_in_all_their_states => Images,
    facts_are_drawn_in_all_their_states => Facts,
    files_are_drawn_in_all_their_states => Files,
    a_file_is_drawn_in_all_its_states => Peek,
    options_are_drawn_in_all_their_states => Options,
    the_preview_is_drawn_in_all_its_states => Preview,
    the_confirmation_is_drawn_in_all_its_states => Confirm,
    a_job_is_drawn_in_all_its_states => Running,
    a_report_is_drawn_in_all_its_states => Report,
    interrupted_jobs_are_drawn_in_all_their_states => Interrupted,
    holders_are_drawn_in_all_their_states => Held,
}

/// What a screen leaves out of the general states, or speaks of twice.
fn gaps(declared: &Declared) -> Vec<String> {
    let mut gaps = Vec::new();
    for general in General::ALL {
        let shown = declared.states.iter().any(|state| state.shows.contains(&general));
        let reason = declared.never.iter().find(|(never, _)| *never == general);
        match (shown, reason) {
            (true, None) => {}
            (false, Some((_, why))) if why.split(' ').count() > 2 => {}
            (false, Some(_)) => gaps.push(format!("{general:?} has no reason why it cannot be")),
            (true, Some(_)) => gaps.push(format!("{general:?} is shown although it cannot be")),
            (false, None) => gaps.push(format!("{general:?} is not shown")),
        }
    }
    gaps
}

#[test]
fn every_screen_shows_every_general_state_or_says_why_not() {
    let gaps: Vec<_> = screens()
        .flat_map(|screen| gaps(&states::of(screen)).into_iter().map(move |gap| format!("{screen:?}: {gap}")))
        .collect();
    assert!(gaps.is_empty(), "\n{}\n", gaps.join("\n"));
}

#[test]
fn a_missing_state_is_noticed() {
    let mut declared = states::of(Screen::Start);
    assert!(gaps(&declared).is_empty());
    declared.states = &[];
    assert!(gaps(&declared).iter().any(|gap| gap == "Many is not shown"));
    declared = states::of(Screen::Start);
    declared.never = &[(General::Many, "it is so"), (General::Paused, "no")];
    assert!(gaps(&declared).contains(&"Many is shown although it cannot be".to_owned()));
    assert!(gaps(&declared).contains(&"Paused has no reason why it cannot be".to_owned()));
}

#[test]
fn every_state_has_its_snapshot_and_every_snapshot_its_state() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/snapshots");
    let there: BTreeSet<String> = fs::read_dir(folder)
        .expect("the snapshots are there")
        .map(|entry| entry.expect("a folder can be read").file_name().to_string_lossy().into_owned())
        .collect();
    let names: Vec<String> = everything().map(|(_, state)| format!("{}.snap", file_name(state.name))).collect();
    let wanted: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(names.len(), wanted.len(), "two states have the same name");
    let missing: Vec<_> = wanted.difference(&there).collect();
    let stray: Vec<_> = there.difference(&wanted).collect();
    assert!(missing.is_empty(), "these states have no snapshot (INSTA_UPDATE=always makes them): {missing:#?}");
    assert!(stray.is_empty(), "these snapshots belong to no state: {stray:#?}");
}

#[test]
fn a_window_that_is_too_small_says_so() {
    let said = states::of(Screen::Start).states.iter().map(|state| (state.stage)().text(39, 11)).next();
    assert_eq!(said.expect("a state").trim_end(), "Please make the window larger (at least\n40 × 12).");
}

/// The smallest that can be, odd ones, the usual ones, the widest.
const STRANGE_SIZES: [(u16, u16); 22] = [
    (0, 0),
    (1, 1),
    (2, 200),
    (200, 2),
    (39, 12),
    (40, 11),
    (41, 13),
    (43, 17),
    (59, 20),
    (60, 21),
    (61, 12),
    (79, 23),
    (80, 12),
    (81, 25),
    (100, 30),
    (119, 39),
    (121, 13),
    (132, 43),
    (160, 50),
    (199, 60),
    (240, 80),
    (250, 12),
];

#[test]
fn every_state_can_be_drawn_at_every_size() {
    for (_, state) in everything() {
        let stage = (state.stage)();
        for (columns, rows) in STRANGE_SIZES {
            let text = stage.clone().text(columns, rows);
            assert_eq!(text.lines().count(), usize::from(if columns == 0 { 0 } else { rows }), "{}", state.name);
        }
    }
}

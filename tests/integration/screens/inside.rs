//! The screens of images inside partitions: at 80×24, 120×40, without colour and line drawing.

use lifeboat::ui::model::{Job, Proposed, Waiting};
use lifeboat::ui::msg::Msg;
use lifeboat::ui::theme::Theme;

use super::super::journeys::stage::{GIB, Stage, backup_plan, interrupted, progress, reset_plan, resume_plan, wrecked};
use super::{shows, shows_at};

fn after(keys: &str) -> Stage {
    let mut stage = Stage::with_images();
    stage.keys(keys);
    stage
}

/// A machine whose table and volumes are lost; three images were found.
fn lost(keys: &str) -> Stage {
    let mut stage = Stage::with_images();
    stage.script.inventory = wrecked(&[1 << 20, 41 * GIB, 82 * GIB]);
    stage.send(Msg::Begin);
    stage.keys(keys);
    stage
}

fn damaged(keys: &str) -> Stage {
    let mut stage = Stage::with_images();
    let volume = stage.script.inventory.disks[0].partitions[1].volume.as_mut().expect("a volume");
    volume.images[0].whole = false;
    volume.images[0].damage = vec!["its index is gone; it was put together from its chunks".into()];
    stage.send(Msg::Begin);
    stage.keys(keys);
    stage
}

fn dropping(keys: &str) -> Stage {
    let mut stage = after("d<down><down><enter>");
    stage.script.plan = Ok(Proposed { job: Job::Keep, ..resume_plan() });
    stage.keys(keys);
    stage
}

fn resetting() -> Stage {
    let mut stage = after("f<enter>sda:2<enter>");
    stage.send(Msg::Progress(progress(&reset_plan(), 2, 3 * GIB)));
    stage
}

fn half_restored(keys: &str) -> Stage {
    let mut stage = Stage::new();
    stage.script.interrupted = vec![Waiting {
        can_roll_back: false,
        words: "a restore in place did not come to its end".into(),
        facts: vec![("Volume".into(), "a volume of 40.0 GiB, half restored".into())],
        ..interrupted()
    }];
    stage.script.plan = Ok(reset_plan());
    stage.send(Msg::Begin);
    stage.keys(keys);
    stage
}

/// What must hold on every screen must hold on these.
pub(super) fn stages() -> Vec<Stage> {
    vec![
        after(""),
        lost("f<down>"),
        lost("d<end>"),
        after("d<down>"),
        damaged("d<down><down>"),
        after("d<down><down><enter>"),
        after("f"),
        after("fo"),
        after("f<enter>"),
        resetting(),
        resetting().keys("c").clone(),
        after("b<enter><down> "),
        after("d<down><down><enter>x"),
        after("d<down><down><enter>x<enter>"),
        dropping("d"),
        half_restored(""),
        after("ds"),
    ]
}

#[test]
fn the_start_screen_with_factory_images() {
    shows("start with a factory image", &mut after(""));
    shows_at("start with a factory image at 120x40", &mut after(""), 120, 40);
    shows("start with several factory images", &mut lost("f<down>"));
    shows_at("start with several factory images at 120x40", &mut lost("f"), 120, 40);
    shows_at("start with several factory images at 40x12", &mut lost("f<end>"), 40, 12);
    let mut none = Stage::new();
    none.script.interrupted.clear();
    none.send(Msg::Begin);
    shows("start without a factory image, asked for one", none.keys("f"));
    let mut stale = after("");
    stale.model.stale = vec![super::super::journeys::stage::stale()];
    shows("start with a recovery partition out of date", &mut stale);
}

#[test]
fn the_disks_screen_with_images_inside() {
    shows("disks with images inside", &mut after("d<down>"));
    shows("disks with an image inside chosen", &mut after("d<down><down>"));
    shows("disks with a damaged image inside", &mut damaged("d<down><down>"));
    shows("disks with lost partitions that only images tell of", &mut lost("d<end>"));
    shows_at("disks with images inside at 120x40", &mut after("d<down><down>"), 120, 40);
    shows_at("disks with a damaged image inside at 40x12", &mut damaged("d<down><down>"), 40, 12);
    shows("disks with help on images inside", &mut after("d<down><down>?"));
    let mut searching = lost("ds");
    shows("searching a disk", &mut searching);
    shows("searching a disk, asked whether to cancel", searching.keys("<esc>"));
}

#[test]
fn the_screens_of_an_image_inside() {
    shows("an image inside", &mut after("d<down><down><enter>"));
    shows("an image inside with help", &mut after("d<down><down><enter>?"));
    shows("export, where to", &mut after("d<down><down><enter>x"));
    shows("export, what will be done", &mut after("d<down><down><enter>x<enter>"));
    shows("dropping an image, what will be done", &mut dropping("d"));
    shows("dropping an image, asked to confirm", &mut dropping("d<enter>"));
}

#[test]
fn the_screens_of_a_factory_reset() {
    shows("factory reset, what will be done", &mut after("f"));
    shows_at("factory reset, what will be done at 120x40", &mut after("f"), 120, 40);
    shows_at("factory reset, what will be done at 40x12", &mut after("f"), 40, 12);
    shows("factory reset, options", &mut after("fo"));
    shows("factory reset, asked to confirm", &mut after("f<enter>"));
    shows("factory reset, running", &mut resetting());
    shows("factory reset, asked whether to cancel", resetting().keys("<esc>"));
    shows("an interrupted restore", &mut half_restored(""));
    shows_at("an interrupted restore at 120x40", &mut half_restored(""), 120, 40);
}

#[test]
fn the_options_of_a_backup_inside() {
    shows("options of a backup inside", &mut after("b<down><enter><down> "));
    shows_at("options of a backup inside at 120x40", &mut after("b<down><enter><down> <down>"), 120, 40);
    let mut running = after("b<down><enter><down> ");
    running.script.plan = Ok(Proposed { job: Job::Inside, ..backup_plan() });
    running.keys("<enter>s");
    shows("a backup inside, asked whether to cancel", running.keys("<esc>"));
}

#[test]
fn images_inside_in_plain_ascii() {
    for (name, mut stage) in [
        ("disks with images inside in plain ascii", after("d<down><down>")),
        ("start with several factory images in plain ascii", lost("f")),
        ("factory reset in plain ascii", after("f")),
    ] {
        stage.model.theme = Theme { colour: false, unicode: false, ..Theme::default() };
        shows(name, &mut stage);
        assert!(stage.text(80, 24).is_ascii());
    }
}

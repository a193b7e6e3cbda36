//! `lifeboat resume`, the real binary on image files that an interrupted job left.

use std::path::Path;
use std::process::Output;

use lifeboat::job::{self, Monitor, Outcome};
use lifeboat::plan::{Direction, JournalPlace};
use serde_json::Value;

use super::refusals::{stopped_at_write, write_of_step};
use super::stage::Stage;
use crate::oracle::{lifeboat, sh};

fn resume(stage: &Stage, args: &[&str]) -> Output {
    let mut command = lifeboat();
    command.env("XDG_STATE_HOME", stage.dir.path()).arg("resume").arg(&stage.image).args(args);
    command.output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A stage whose job stopped in step 3, on its image file.
fn interrupted(in_file: bool) -> Stage {
    let stage = Stage::by_hand(in_file);
    let disks = stopped_at_write(&stage, write_of_step(&stage, 2));
    std::fs::write(&stage.image, &disks.volume).unwrap();
    if let JournalPlace::File(path) = &stage.work().survey.journal {
        std::fs::write(path, &disks.journal).unwrap();
    }
    stage
}

fn image(stage: &Stage) -> Vec<u8> {
    std::fs::read(&stage.image).unwrap()
}

#[test]
fn an_interrupted_job_is_explained_previewed_and_finished() {
    let stage = interrupted(false);
    let left = image(&stage);
    let dry = resume(&stage, &["--dry-run"]);
    assert_eq!(dry.status.code(), Some(0), "{dry:?}");
    let shown = text(&dry);
    for words in [
        "moving three clusters out of the way: 2 of 5 steps done",
        "Replace a file",
        "OVERWRITES",
        "what was a directory",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let dry = json(&resume(&stage, &["--dry-run", "--json"]));
    assert_eq!(dry["journal"]["done"], 2);
    assert_eq!(dry["journal"]["steps"].as_array().unwrap().len(), 5);
    assert_eq!(dry["plan"]["changes"].as_array().unwrap().len(), 3);
    assert_eq!(dry["plan"]["changes"][0]["patches"][0]["tags"][0], "table");
    let unasked = resume(&stage, &[]);
    assert_eq!(unasked.status.code(), Some(3), "{unasked:?}");
    assert!(image(&stage) == left, "nothing was written yet");

    let done = resume(&stage, &["--yes", "--json"]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let done = json(&done);
    assert_eq!(done["outcome"], "done");
    assert_eq!(done["journal"]["name"], "moving three clusters out of the way");
    assert!(stage.is_after(&image(&stage)));

    let again = resume(&stage, &["--yes"]);
    assert_eq!(again.status.code(), Some(0));
    assert!(text(&again).contains("nothing to resume"), "{again:?}");
    assert_eq!(json(&resume(&stage, &["--json"]))["outcome"], "nothing");
}

#[test]
fn an_interrupted_job_is_rolled_back() {
    let stage = interrupted(false);
    let done = resume(&stage, &["--roll-back", "--yes"]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert!(text(&done).contains("Rolled back"), "{done:?}");
    assert!(stage.is_before(&image(&stage)));
}

#[test]
fn a_journal_in_a_file_has_to_be_named_and_be_the_right_one() {
    let stage = interrupted(true);
    let JournalPlace::File(journal) = stage.work().survey.journal.clone() else { panic!("in a file") };
    let journal = journal.to_str().unwrap();
    assert!(text(&resume(&stage, &["--yes"])).contains("nothing to resume"), "it is not on the volume");
    let wrong = resume(&stage, &["--yes", "--json", "--journal", stage.image.to_str().unwrap()]);
    assert_eq!(wrong.status.code(), Some(3), "{wrong:?}");
    assert_eq!(json(&wrong)["error"]["kind"], "refused");
    let missing = resume(&stage, &["--yes", "--journal", "/nonexistent/j"]);
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
    let done = resume(&stage, &["--yes", "--journal", journal]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert!(stage.is_after(&image(&stage)));
    assert_eq!(json(&resume(&stage, &["--json", "--journal", journal]))["outcome"], "nothing");
}

#[test]
fn a_volume_that_somebody_wrote_to_is_refused() {
    let stage = interrupted(false);
    let mut bytes = image(&stage);
    bytes[4096 + 700] ^= 1;
    std::fs::write(&stage.image, &bytes).unwrap();
    for args in [&["--yes"][..], &["--yes", "--roll-back"]] {
        let output = resume(&stage, args);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(text(&output).contains("was changed after the job was interrupted"), "{output:?}");
    }
    assert!(image(&stage) == bytes);
}

/// Takes the loop device away when the test ends, however it ends.
struct Loop(String);

impl Drop for Loop {
    fn drop(&mut self) {
        sh(Path::new("/"), &format!("losetup -d {}", self.0));
    }
}

#[test]
fn a_file_under_a_loop_device_or_in_another_hand_is_refused() {
    let stage = interrupted(false);
    let left = image(&stage);
    {
        let node = Loop(sh(stage.dir.path(), &format!("losetup -f --show {}", stage.image.display())).trim().into());
        let output = resume(&stage, &["--yes"]);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(text(&output).contains(&node.0), "{output:?}");
    }
    let locked = format!("flock -x {0} {1} resume {0} --yes", stage.image.display(), env!("CARGO_BIN_EXE_lifeboat"));
    let output = crate::oracle::sh_output(stage.dir.path(), &locked);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(text(&output).contains("in use by another program"), "{output:?}");
    assert!(image(&stage) == left);
}

#[test]
fn the_machines_own_devices_carry_a_change_through() {
    for in_file in [false, true] {
        let stage = Stage::by_hand(in_file);
        let report = job::run(&stage.plan, &Default::default());
        assert_eq!(report.outcome, Outcome::Done, "{report:?}");
        assert!(stage.is_after(&image(&stage)));
        let found = job::plan_resume(&stage.request(Direction::Finish), &Monitor::new()).unwrap();
        assert!(matches!(found, job::Resumption::Nothing(_)), "{found:?}");
        // The same file again is refused, and so is nothing else.
        let report = job::run(&stage.plan, &Default::default());
        assert_eq!(report.outcome, Outcome::Refused, "{report:?}");
        assert!(stage.is_after(&image(&stage)));
    }
}

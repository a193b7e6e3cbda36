//! The command line, as a script sees it: exit codes, what goes to which output, JSON documents.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::oracle::lifeboat;

/// Runs `lifeboat ARGS` without a terminal, with its log in the same folder.
fn run(dir: &Path, args: &[&str]) -> Output {
    lifeboat().args(args).current_dir(dir).env("XDG_STATE_HOME", dir.join("state")).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("ended by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The one document on standard output.
fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}\n{}\n{}", stdout(output), stderr(output)))
}

#[test]
fn a_command_line_that_makes_no_sense_is_a_usage_error() {
    let dir = tempfile::tempdir().unwrap();
    let bad: [&[&str]; 9] = [
        &["sink"],
        &["backup", "a.img"],
        &["backup", "a.img", "--to", "x.lbi", "--level", "20"],
        &["backup", "a.img", "--to", "x.lbi", "--split", "0"],
        &["backup", "a.img", "--to", "x.lbi", "--kind", "best"],
        &["restore", "x.lbi"],
        &["restore", "x.lbi", "--to", "a.img", "--zero-free", "--discard"],
        &["extract", "x.lbi", "--to", "here"],
        &["--disk", "a.img", "verify", "x.lbi"],
    ];
    for args in bad {
        let output = run(dir.path(), args);
        assert_eq!(code(&output), 2, "{args:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
    let output = run(dir.path(), &["info", "--json"]);
    assert_eq!(code(&output), 2);
    assert_eq!(document(&output)["error"]["kind"], "usage");
}

#[test]
fn without_a_terminal_the_wizard_says_how_to_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &[]);
    assert_eq!(code(&output), 2);
    assert!(output.stdout.is_empty());
    assert!(stderr(&output).starts_with("lifeboat: ") && stderr(&output).contains("lifeboat backup"));
}

#[test]
fn help_version_completions_and_manual_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let help = run(dir.path(), &["--help"]);
    assert_eq!(code(&help), 0);
    for word in ["disks", "backup", "info", "verify", "restore", "ls", "extract", "demo", "completions", "man"] {
        assert!(stdout(&help).contains(&format!("\n  {word} ")), "{word}");
        assert_eq!(code(&run(dir.path(), &[word, "--help"])), 0, "{word}");
    }
    assert!(stdout(&run(dir.path(), &["--version"])).starts_with("lifeboat "));
    for shell in ["bash", "zsh", "fish"] {
        let completions = run(dir.path(), &["completions", shell]);
        assert_eq!(code(&completions), 0);
        assert!(stdout(&completions).contains("even-if-dirty"), "{shell}");
    }
    let manual = run(dir.path(), &["man"]);
    assert_eq!(code(&manual), 0);
    assert!(stdout(&manual).contains(".TH lifeboat 1") && stdout(&manual).contains("LIFEBOAT RESTORE"));
}

#[test]
fn a_restore_without_a_terminal_and_without_yes_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("target.img"), "mine").unwrap();
    let args = ["restore", "x.lbi", "--to", "target.img"];
    let output = run(dir.path(), &args);
    assert_eq!(code(&output), 3);
    assert!(output.stdout.is_empty());
    assert!(stderr(&output).contains("--yes") && stderr(&output).contains("--dry-run"));

    let output = run(dir.path(), &[&args[..], &["--json"]].concat());
    assert_eq!(code(&output), 3);
    let error = &document(&output)["error"];
    assert_eq!(error["kind"], "refused");
    assert!(error["advice"].as_str().unwrap().contains("--yes"));
    assert!(!error["message"].as_str().unwrap().contains("--yes"), "the advice stands by itself");

    assert_eq!(code(&run(dir.path(), &["restore", "-", "--to", "target.img"])), 3);
    assert_eq!(std::fs::read(dir.path().join("target.img")).unwrap(), b"mine");
}

#[test]
fn what_is_not_there_is_a_failure_and_an_error_document() {
    let dir = tempfile::tempdir().unwrap();
    for args in [
        &["info", "no.lbi", "--json"][..],
        &["ls", "no.lbi", "--json"],
        &["extract", "no.lbi", "/", "--to", "out", "--json"],
        &["backup", "no.img", "--to", "x.lbi", "--json"],
        &["restore", "no.lbi", "--to", "no.img", "--yes", "--json"],
    ] {
        let output = run(dir.path(), args);
        assert_eq!(code(&output), 1, "{args:?}: {}", stderr(&output));
        assert!(document(&output)["error"]["message"].is_string(), "{args:?}");
        assert!(stderr(&output).starts_with("lifeboat: "), "{args:?}");
    }
    let output = run(dir.path(), &["verify", "no.lbi", "--json"]);
    assert_eq!((code(&output), &document(&output)["outcome"]), (1, &Value::from("failed")));
    assert!(!dir.path().join("x.lbi").exists());
}

#[test]
fn no_progress_is_drawn_where_nobody_looks() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["verify", "no.lbi"]);
    assert!(!output.stderr.contains(&b'\r') && !output.stderr.contains(&0x1b), "{:?}", stderr(&output));
    assert_eq!(stderr(&output).lines().filter(|line| line.starts_with("lifeboat: ")).count(), 1);
}

#[test]
fn the_log_goes_where_it_is_sent_and_its_lack_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), &["verify", "no.lbi", "--log", "my.log"]);
    assert!(std::fs::read_to_string(dir.path().join("my.log")).unwrap().contains("no.lbi"));
    run(dir.path(), &["verify", "no.lbi"]);
    assert!(dir.path().join("state/lifeboat/lifeboat.log").exists());
    let output = run(dir.path(), &["verify", "no.lbi", "--log", "/proc/no/such.log"]);
    assert!(stderr(&output).contains("no log") && stderr(&output).contains("no.lbi"));
    run(dir.path(), &["man", "--log", "unused.log"]);
    assert!(!dir.path().join("unused.log").exists(), "a command that does no job keeps no log");
}

#[test]
fn a_practice_disk_never_replaces_a_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("practice.img"), "mine").unwrap();
    let output = run(dir.path(), &["demo", "--no-wizard", "--dir", "."]);
    assert_eq!(code(&output), 3);
    assert_eq!(std::fs::read(dir.path().join("practice.img")).unwrap(), b"mine");
}

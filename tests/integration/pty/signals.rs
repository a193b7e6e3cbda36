//! Signals and terminals that go away: the terminal is as before, and a job is stopped cleanly.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::oracle::sh;
use crate::pty::{PATIENCE, Terminal};

/// A disk so large that a backup of its partition takes a while; most of it is a hole.
pub(super) fn big_disk(dir: &Path) {
    sh(dir, "truncate -s 16G big.img; echo 'label: dos\nstart=2048, type=83' | sfdisk -q big.img");
}

/// From the start screen to a backup of the big disk's partition that is under way.
pub(super) fn begin_big_backup(terminal: &mut Terminal) {
    terminal.wait_for_start();
    terminal.send_keys("b");
    terminal.wait_for_text("Address");
    terminal.send_keys("\r");
    terminal.wait_for_text("Where to?");
    terminal.send_keys("\r");
    terminal.wait_for_text("s start");
    terminal.send_keys("s");
    terminal.wait_for_text("Running");
}

#[test]
fn every_signal_that_ends_the_wizard_leaves_the_terminal_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    for signal in ["TERM", "INT", "HUP", "QUIT"] {
        let mut terminal = Terminal::wizard(&["--disk", "no.img"], dir.path());
        assert!(!terminal.is_restored(), "the wizard has the terminal now");
        terminal.signal(signal);
        assert_eq!(terminal.wait(), 130, "{signal}");
        terminal.wait_restored();
    }
}

#[test]
fn a_job_lives_through_a_storm_of_sizes_and_a_signal_stops_it_cleanly() {
    let dir = tempfile::tempdir().unwrap();
    big_disk(dir.path());
    for signal in ["TERM", "HUP", "INT"] {
        let mut terminal = Terminal::spawn(&["--disk", "big.img"], dir.path(), 24, 80);
        begin_big_backup(&mut terminal);
        for step in 0..100_u16 {
            terminal.resize(step * 7 % 95, step * 13 % 251);
            thread::sleep(Duration::from_millis(3));
        }
        terminal.resize(40, 120);
        terminal.wait_for_text(&"─".repeat(120));
        terminal.send_keys("p");
        terminal.wait_for_text("PAUSED");
        terminal.wait_for_text("Overall");
        terminal.resize(12, 40);
        terminal.wait_for_text("Overall");
        terminal.signal(signal);
        // Ctrl-C from outside asks no question: whoever sends it may not see the screen.
        assert_eq!(terminal.wait(), 130, "{signal}");
        terminal.wait_restored();
        sh(dir.path(), "! ls | grep -v big.img");
    }
}

/// Waits until the process is in this state, as proc(5) names it.
fn wait_for_state(terminal: &Terminal, state: &str) {
    let began = Instant::now();
    while terminal.stat(3) != state {
        assert!(began.elapsed() < PATIENCE, "in state {}, never in {state}", terminal.stat(3));
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_stopped_wizard_gives_the_terminal_back_and_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::wizard(&["--disk", "no.img"], dir.path());
    terminal.send_keys("d");
    terminal.wait_for_text("Disks");
    terminal.signal("TSTP");
    wait_for_state(&terminal, "T");
    terminal.wait_restored();
    terminal.signal("CONT");
    terminal.wait_for_text("no.img");
    assert!(!terminal.is_restored(), "the wizard has the terminal again");

    // Nobody can catch this one; the shell then sets the modes that it likes itself.
    terminal.signal("STOP");
    wait_for_state(&terminal, "T");
    terminal.stty("sane");
    terminal.signal("CONT");
    terminal.send_keys("\x1b");
    assert_eq!(terminal.quit(), 0);
}

#[test]
fn a_terminal_that_goes_away_ends_the_wizard() {
    let dir = tempfile::tempdir().unwrap();
    // The shell outlives its terminal, to tell how the wizard ended.
    let inner = format!("trap \"\" HUP; {} --disk no.img; echo $? > code", env!("CARGO_BIN_EXE_lifeboat"));
    sh(
        dir.path(),
        &format!(
            "export TERM=xterm XDG_STATE_HOME=$PWD XDG_CONFIG_HOME=$PWD
             mkfifo typed; sleep 60 > typed & sleeper=$!
             script -qfc '{inner}' seen < typed > /dev/null & terminal=$!
             for try in $(seq 600); do grep -aq quit seen 2> /dev/null && break; sleep 0.1; done
             grep -aq quit seen
             kill -KILL $terminal
             for try in $(seq 600); do test -s code && break; sleep 0.1; done
             kill $sleeper
             test $(cat code) = 130"
        ),
    );
}

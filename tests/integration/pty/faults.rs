//! The disk that a job works on is lost in the middle of it.

use crate::oracle::sh;
use crate::pty::Terminal;

/// A practice disk, and the wizard on it.
fn practice(dir: &std::path::Path) -> Terminal {
    sh(dir, &format!("XDG_STATE_HOME=$PWD {} demo --whole --no-wizard --dir d", env!("CARGO_BIN_EXE_lifeboat")));
    Terminal::wizard(&["--disk", "d/practice.img"], dir)
}

/// The job has failed, in words, and the wizard goes on; its exit code tells.
fn ends_in_words(mut terminal: Terminal) {
    terminal.wait_for_text("Failed");
    terminal.send_keys("\r");
    assert_eq!(terminal.quit(), 1);
}

#[test]
fn a_disk_that_is_lost_while_it_is_read_fails_the_backup_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = practice(dir.path());
    terminal.send_keys("b");
    terminal.wait_for_text("practice-linux");
    terminal.send_keys("\r");
    terminal.wait_for_text("Where to?");
    terminal.send_keys("\x15lost.lbi\r");
    terminal.wait_for_text("s start");
    sh(dir.path(), "truncate -s 0 d/practice.img");
    terminal.send_keys("s");
    ends_in_words(terminal);
    sh(dir.path(), "! ls lost.lbi");
}

#[test]
fn a_disk_that_is_lost_while_a_job_waits_fails_it_as_soon_as_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    super::signals::big_disk(dir.path());
    let mut terminal = Terminal::spawn(&["--disk", "big.img"], dir.path(), 24, 80);
    super::signals::begin_big_backup(&mut terminal);
    terminal.send_keys("p");
    terminal.wait_for_text("PAUSED");
    sh(dir.path(), "truncate -s 0 big.img");
    terminal.send_keys("p");
    ends_in_words(terminal);
    sh(dir.path(), "! ls | grep lbi");
}

#[test]
fn an_image_that_is_lost_while_it_is_restored_fails_in_words_and_the_wizard_lives() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = practice(dir.path());
    sh(
        dir.path(),
        &format!("XDG_STATE_HOME=$PWD {} backup d/practice.img:3 --to a.lbi", env!("CARGO_BIN_EXE_lifeboat")),
    );
    terminal.send_keys("e");
    terminal.wait_for_text("a.lbi");
    terminal.send_keys("\r");
    terminal.wait_for_text("practice-linux");
    terminal.send_keys("\x1b[F\r");
    terminal.wait_for_text("What will be done");
    terminal.send_keys("\r");
    terminal.wait_for_text("type its name:");
    sh(dir.path(), "truncate -s 0 a.lbi; dd if=d/practice.img of=before bs=1M skip=129 status=none");
    terminal.send_keys("practice.img:4\r");
    ends_in_words(terminal);
    sh(dir.path(), "dd if=d/practice.img of=after bs=1M skip=129 status=none; cmp before after");
}

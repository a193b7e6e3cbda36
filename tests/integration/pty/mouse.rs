//! The mouse, where a terminal has one, and the settings.

use crate::oracle::sh;
use crate::pty::Terminal;

const NONE: vt100::MouseProtocolMode = vt100::MouseProtocolMode::None;

#[test]
fn clicks_choose_and_open_and_the_footer_is_a_row_of_buttons() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::wizard(&["--disk", "no.img"], dir.path());
    assert_eq!(terminal.mouse(), vt100::MouseProtocolMode::PressRelease);
    terminal.click("? help");
    terminal.wait_for_text("close");
    terminal.click("Esc close");
    terminal.wait_for_text("q quit");
    terminal.send_keys("d");
    terminal.wait_for_text("Not possible");
    terminal.click("Esc back");
    terminal.wait_for_start();
    terminal.click("q quit");
    assert_eq!(terminal.wait(), 0);
    terminal.wait_restored();
}

#[test]
fn a_terminal_without_a_mouse_or_a_user_who_wants_none_gets_none() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "echo 'mouse = false' > quiet.toml");
    for (term, args) in [("linux", vec![]), ("vt220", vec![]), ("xterm-256color", vec!["--config", "quiet.toml"])] {
        let args = [args, vec!["--disk", "no.img"]].concat();
        let mut terminal = Terminal::spawn_as((term, false), &args, dir.path(), 24, 80);
        terminal.wait_for_start();
        assert_eq!(terminal.mouse(), NONE, "{term}");
        assert_eq!(terminal.quit(), 0);
    }
}

#[test]
fn settings_that_are_wrong_are_said_once_and_keep_nobody_out() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "printf 'ascii = true\nlevel = 77\n' > mine.toml");
    let mut terminal = Terminal::spawn(&["--config", "mine.toml", "--disk", "no.img"], dir.path(), 24, 80);
    terminal.wait_for_text("mine.toml, line 2");
    assert!(terminal.text().is_ascii(), "the right ones count: {}", terminal.text());
    terminal.send_keys("\x1b");
    assert_eq!(terminal.quit(), 0);

    let mut terminal = Terminal::spawn(&["--config", "none.toml", "--disk", "no.img"], dir.path(), 24, 80);
    terminal.wait_for_text("none.toml");
    assert_eq!(terminal.wait(), 1);
    terminal.wait_restored();
}

#[test]
fn the_level_of_the_settings_is_offered_and_the_folder_too() {
    let dir = tempfile::tempdir().unwrap();
    sh(
        dir.path(),
        "mkdir target; printf 'level = 11\ntarget = \"%s/target\"\n' $PWD > mine.toml; truncate -s 8M a.img",
    );
    let mut terminal = Terminal::spawn(&["--config", "mine.toml", "--disk", "a.img"], dir.path(), 30, 100);
    terminal.wait_for_start();
    terminal.send_keys("b");
    terminal.wait_for_text("Address");
    terminal.send_keys("\r");
    terminal.wait_for_text("Where to?");
    terminal.wait_for_text(" 11");
    terminal.wait_for_text("target/");
    terminal.send_keys("\x1b\x1b");
    assert_eq!(terminal.quit(), 0);
}

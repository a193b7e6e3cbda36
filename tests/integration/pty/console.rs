//! Consoles that can do little: what is sent to them is what they know.

use lifeboat::ui::theme::CONSOLE;

use crate::oracle::sh;
use crate::pty::Terminal;

#[test]
fn a_text_console_gets_only_the_characters_of_its_font() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), &format!("XDG_STATE_HOME=$PWD {} demo --no-wizard --dir d", env!("CARGO_BIN_EXE_lifeboat")));
    let mut terminal = Terminal::spawn_as(("linux", false), &["--disk", "d/practice.img"], dir.path(), 30, 100);
    terminal.wait_for_start();
    for (keys, words) in
        [("d", "factory"), ("?", "Help"), ("\x1b", "Esc back"), ("\x1b", "q quit"), ("l", "Which image")]
    {
        terminal.send_keys(keys);
        terminal.wait_for_text(words);
        let text = terminal.text();
        let foreign = text.chars().find(|one| !one.is_ascii() && !CONSOLE.contains(*one));
        assert_eq!(foreign, None, "{text}");
        assert!(text.contains('─'), "and those it gets: {text}");
    }
    terminal.send_keys("\x1b");
    assert_eq!(terminal.quit(), 0);
}

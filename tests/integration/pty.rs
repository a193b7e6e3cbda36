//! The real binary in a real pseudo-terminal: what a person at an 80×24 console sees, and what is left of their
//! terminal afterwards.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};

/// How long a text may be waited for. Not a measure of anything: only the end of a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the last bytes of a program that has ended may take to arrive.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The binary, running in a terminal of its own.
pub(crate) struct Terminal {
    master: Box<dyn MasterPty + Send>,
    #[allow(dead_code, reason = "the wizard's tests type")]
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
    /// Line editing, echo and the like, as they were before the start.
    modes_before: u64,
    /// Held open, so that the terminal outlives the program.
    _slave: Box<dyn SlavePty + Send>,
    _state: tempfile::TempDir,
}

impl Terminal {
    /// Starts `lifeboat ARGS` in a terminal of so many rows and columns; its log goes to a folder of its own.
    pub(crate) fn spawn(args: &[&str], dir: &Path, rows: u16, cols: u16) -> Self {
        let state = tempfile::tempdir().unwrap();
        let pty = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_lifeboat"));
        command.args(args);
        command.cwd(dir);
        command.env("TERM", "xterm-256color");
        command.env("XDG_STATE_HOME", state.path());
        let modes_before = local_modes(&*pty.master);
        let child = pty.slave.spawn_command(command).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(size(rows), size(cols), 0)));
        let (mut reader, shared) = (pty.master.try_clone_reader().unwrap(), Arc::clone(&screen));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end of a pseudo-terminal is an error on Linux.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                shared.lock().unwrap().process(&bytes[..count]);
            }
        });
        let keys = pty.master.take_writer().unwrap();
        Self { master: pty.master, keys, child, screen, modes_before, _slave: pty.slave, _state: state }
    }

    /// The screen's text, a line a row.
    pub(crate) fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen shows `text`; panics with the screen when it never does.
    pub(crate) fn wait_for_text(&mut self, text: &str) {
        let began = Instant::now();
        while !self.text().contains(text) {
            assert!(began.elapsed() < PATIENCE, "never saw {text:?} on this screen:\n{}", self.text());
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() || self.text().contains(text),
                "ended ({ended:?}) on this screen:\n{}",
                self.text()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Types.
    #[allow(dead_code, reason = "the wizard's tests type")]
    pub(crate) fn send_keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits for the end; gives the exit code.
    pub(crate) fn wait(&mut self) -> u32 {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            if began.elapsed() >= PATIENCE {
                self.child.kill().unwrap();
                panic!("does not end; its screen:\n{}", self.text());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// True when the terminal is out of raw mode, on its main screen, with its cursor shown.
    pub(crate) fn is_restored(&self) -> bool {
        let screen = self.screen.lock().unwrap();
        local_modes(&*self.master) == self.modes_before
            && !screen.screen().alternate_screen()
            && !screen.screen().hide_cursor()
    }

    /// Waits until the last bytes have arrived and the terminal is as before; panics when it never is.
    pub(crate) fn wait_restored(&self) {
        let began = Instant::now();
        while !self.is_restored() {
            assert!(began.elapsed() < PATIENCE, "the terminal is not as it was:\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn local_modes(terminal: &dyn MasterPty) -> u64 {
    terminal.get_termios().expect("a pseudo-terminal has modes").local_flags.bits().into()
}

fn size(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).expect("a screen has rows and columns")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A failed test leaves nothing running.
        let _ = self.child.kill();
    }
}

#[test]
fn a_harness_that_sees_nothing_would_be_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::spawn(&["--version"], dir.path(), 24, 80);
    terminal.wait_for_text("lifeboat 0.");
    assert_eq!(terminal.wait(), 0);
    terminal.wait_restored();
}

#[test]
fn a_restore_asks_on_a_terminal_and_an_error_is_said_without_a_wizard() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::spawn(&["restore", "no.lbi", "--to", "no.img"], dir.path(), 24, 80);
    terminal.wait_for_text("lifeboat: ");
    assert_ne!(terminal.wait(), 0);
    terminal.wait_restored();
}

//! The real binary in a real pseudo-terminal: what a person at an 80×24 console sees, and what is left of their
//! terminal afterwards.

mod console;
mod faults;
mod idle;
mod mouse;
mod signals;
mod wizard;

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::oracle::sh;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};

/// How long a text may be waited for. Not a measure of anything: only the end of a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long the last bytes of a program that has ended may take to arrive.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The question "device status report: cursor position" (ECMA-48, 8.3.35), which every terminal answers.
const WHERE_IS_THE_CURSOR: &[u8] = b"\x1b[6n";

/// What a terminal calls itself, and whether it answers what it is asked: a plain serial line does not.
type Manners = (&'static str, bool);

/// What is typed, by the test and by the terminal itself.
type Keys = Arc<Mutex<Box<dyn Write + Send>>>;

/// The binary, running in a terminal of its own.
pub(crate) struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Keys,
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
    /// Bytes that the program has sent.
    received: Arc<AtomicU64>,
    /// Nothing is taken of what the program sends.
    stopped: Arc<AtomicBool>,
    /// All modes of the terminal, as they were before the start.
    modes_before: String,
    /// Held open, so that the terminal outlives the program.
    _slave: Box<dyn SlavePty + Send>,
    _state: tempfile::TempDir,
}

impl Terminal {
    /// Starts the wizard in a terminal of 24 rows and 80 columns, and waits for its start screen.
    pub(crate) fn wizard(args: &[&str], dir: &Path) -> Self {
        let mut terminal = Self::spawn(args, dir, 24, 80);
        terminal.wait_for_start();
        terminal
    }

    /// Starts `lifeboat ARGS` in a terminal of so many rows and columns; its log goes to a folder of its own.
    pub(crate) fn spawn(args: &[&str], dir: &Path, rows: u16, cols: u16) -> Self {
        Self::spawn_as(("xterm-256color", true), args, dir, rows, cols)
    }

    /// The same in a terminal of that name, which answers questions or does not. One that has no size shows 24 × 80.
    pub(crate) fn spawn_as(manners: Manners, args: &[&str], dir: &Path, rows: u16, cols: u16) -> Self {
        Self::spawn_on(manners, None, args, dir, rows, cols)
    }

    /// The same on a line of so many bits a second.
    pub(crate) fn spawn_on(
        (term, answering): Manners,
        baud: Option<u32>,
        args: &[&str],
        dir: &Path,
        rows: u16,
        cols: u16,
    ) -> Self {
        let state = tempfile::tempdir().unwrap();
        let pty = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        if let Some(baud) = baud {
            stty(&*pty.master, &baud.to_string());
        }
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_lifeboat"));
        command.args(args);
        command.cwd(dir);
        command.env("TERM", term);
        command.env_remove("NO_COLOR");
        command.env("LC_ALL", "C.UTF-8");
        command.env("XDG_STATE_HOME", state.path());
        // Whoever runs the tests may have settings of their own.
        command.env("XDG_CONFIG_HOME", state.path());
        let modes_before = stty(&*pty.master, "-g");
        let child = pty.slave.spawn_command(command).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(size(rows, 24), size(cols, 80), 0)));
        let keys: Keys = Arc::new(Mutex::new(pty.master.take_writer().unwrap()));
        let (mut reader, shared) = (pty.master.try_clone_reader().unwrap(), Arc::clone(&screen));
        let answers = Arc::clone(&keys);
        let received = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&received);
        let stopped = Arc::new(AtomicBool::new(false));
        let waits = Arc::clone(&stopped);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end of a pseudo-terminal is an error on Linux.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                while waits.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(10));
                }
                counted.fetch_add(count as u64, Ordering::Relaxed);
                let mut screen = shared.lock().unwrap();
                screen.process(&bytes[..count]);
                let asked =
                    bytes[..count].windows(WHERE_IS_THE_CURSOR.len()).any(|window| window == WHERE_IS_THE_CURSOR);
                if asked && answering {
                    let (row, col) = screen.screen().cursor_position();
                    let _ = write!(answers.lock().unwrap(), "\x1b[{};{}R", row + 1, col + 1);
                }
            }
        });
        Self {
            master: pty.master,
            keys,
            child,
            screen,
            received,
            stopped,
            modes_before,
            _slave: pty.slave,
            _state: state,
        }
    }

    /// The screen's text, a line a row.
    pub(crate) fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen shows `text`; panics with the screen when it never does.
    pub(crate) fn wait_for_text(&mut self, text: &str) {
        let began = Instant::now();
        let mut ended: Option<Instant> = None;
        while !self.text().contains(text) {
            assert!(began.elapsed() < PATIENCE, "never saw {text:?} on this screen:\n{}", self.text());
            // What a program wrote last may arrive after its end, but not long after.
            if let Some(status) = self.child.try_wait().unwrap() {
                let at = *ended.get_or_insert_with(Instant::now);
                assert!(at.elapsed() < LAST_WORDS, "ended ({status:?}) on this screen:\n{}", self.text());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the start screen, the only one that can be left with q.
    pub(crate) fn wait_for_start(&mut self) {
        self.wait_for_text("q quit");
    }

    /// Types.
    pub(crate) fn send_keys(&mut self, keys: &str) {
        let mut writer = self.keys.lock().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Takes nothing more of what the program sends, as a line that is stopped, or all of it again.
    pub(crate) fn set_stopped(&self, stopped: bool) {
        self.stopped.store(stopped, Ordering::Relaxed);
    }

    /// True when all modes are as before the start, whatever the screen shows.
    pub(crate) fn has_its_modes(&self) -> bool {
        stty(&*self.master, "-g") == self.modes_before
    }

    /// Another size, as when a window is dragged.
    pub(crate) fn resize(&mut self, rows: u16, cols: u16) {
        self.screen.lock().unwrap().set_size(size(rows, 24), size(cols, 80));
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, name: &str) {
        sh(Path::new("/"), &format!("kill -{name} {}", self.process()));
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// A field of `/proc/PID/stat`, counted from 1 as in proc(5).
    pub(crate) fn stat(&self, field: usize) -> String {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.process())).unwrap();
        // The name, field 2, stands in brackets and may have blanks.
        let rest = text.rsplit_once(')').unwrap().1;
        rest.split_whitespace().nth(field - 3).unwrap().to_owned()
    }

    /// Bytes that the program has sent so far.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// What the program has asked the terminal to report of the mouse.
    pub(crate) fn mouse(&self) -> vt100::MouseProtocolMode {
        self.screen.lock().unwrap().screen().mouse_protocol_mode()
    }

    /// Waits until nothing was drawn for a moment: a frame may arrive in pieces, and another may follow it. What never
    /// stands still is not waited for longer than that matters.
    fn wait_for_quiet(&self) {
        let began = Instant::now();
        let mut last = (self.received(), Instant::now());
        while last.1.elapsed() < Duration::from_millis(250) && began.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(10));
            if self.received() != last.0 {
                last = (self.received(), Instant::now());
            }
        }
    }

    /// Presses and releases the first button where that text stands.
    pub(crate) fn click(&mut self, text: &str) {
        self.wait_for_text(text);
        self.wait_for_quiet();
        let screen = self.text();
        let (row, line) = screen.lines().enumerate().find(|(_, line)| line.contains(text)).unwrap();
        let column = line[..line.find(text).unwrap()].chars().count();
        self.send_keys(&format!("\x1b[<0;{0};{1}M\x1b[<0;{0};{1}m", column + 1, row + 1));
    }

    /// Sets the terminal's modes from outside, as a shell does.
    pub(crate) fn stty(&self, how: &str) {
        stty(&*self.master, how);
    }

    /// Waits for the end; gives the exit code.
    pub(crate) fn wait(&mut self) -> u32 {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            if began.elapsed() >= PATIENCE {
                // It is told to end first, and then gives its screen back.
                let text = self.text();
                self.child.kill().unwrap();
                panic!("does not end; its screen:\n{text}");
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Leaves the wizard by its start screen, and finds the terminal as it was; gives the exit code.
    pub(crate) fn quit(&mut self) -> u32 {
        self.wait_for_start();
        self.send_keys("q");
        let code = self.wait();
        self.wait_restored();
        code
    }

    /// True when the terminal is as before in all that `stty -g` tells, on its main screen, its cursor shown, its mouse
    /// not reported.
    pub(crate) fn is_restored(&self) -> bool {
        let screen = self.screen.lock().unwrap();
        stty(&*self.master, "-g") == self.modes_before
            && !screen.screen().alternate_screen()
            && !screen.screen().hide_cursor()
            && screen.screen().mouse_protocol_mode() == vt100::MouseProtocolMode::None
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

fn stty(terminal: &dyn MasterPty, how: &str) -> String {
    let name = terminal.tty_name().expect("a pseudo-terminal has a name");
    let output = std::process::Command::new("stty").arg("-F").arg(name).arg(how).output().expect("stty runs");
    assert!(output.status.success(), "stty {how}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn size(cells: u16, fallback: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).or(NonZeroU16::new(fallback)).expect("a screen has rows and columns")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A failed test leaves nothing running.
        let _ = self.child.kill();
    }
}

//! The real binary in a real pseudo-terminal: what a person at an 80×24 console sees, and what is left of their
//! terminal afterwards.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::oracle::sh;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};

/// How long a text may be waited for. Not a measure of anything: only the end of a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

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
    /// Line editing, echo and the like, as they were before the start.
    modes_before: u64,
    /// Held open, so that the terminal outlives the program.
    _slave: Box<dyn SlavePty + Send>,
    _state: tempfile::TempDir,
}

impl Terminal {
    /// Starts `lifeboat ARGS` in a terminal of so many rows and columns; its log goes to a folder of its own.
    pub(crate) fn spawn(args: &[&str], dir: &Path, rows: u16, cols: u16) -> Self {
        Self::spawn_as(("xterm-256color", true), args, dir, rows, cols)
    }

    /// The same in a terminal of that name, which answers questions or does not. One that has no size shows 24 × 80.
    pub(crate) fn spawn_as((term, answering): Manners, args: &[&str], dir: &Path, rows: u16, cols: u16) -> Self {
        let state = tempfile::tempdir().unwrap();
        let pty = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_lifeboat"));
        command.args(args);
        command.cwd(dir);
        command.env("TERM", term);
        command.env_remove("NO_COLOR");
        command.env("LC_ALL", "C.UTF-8");
        command.env("XDG_STATE_HOME", state.path());
        let modes_before = local_modes(&*pty.master);
        let child = pty.slave.spawn_command(command).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(size(rows, 24), size(cols, 80), 0)));
        let keys: Keys = Arc::new(Mutex::new(pty.master.take_writer().unwrap()));
        let (mut reader, shared) = (pty.master.try_clone_reader().unwrap(), Arc::clone(&screen));
        let answers = Arc::clone(&keys);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end of a pseudo-terminal is an error on Linux.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
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
        Self { master: pty.master, keys, child, screen, modes_before, _slave: pty.slave, _state: state }
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

    /// Types.
    pub(crate) fn send_keys(&mut self, keys: &str) {
        let mut writer = self.keys.lock().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Another size, as when a window is dragged.
    pub(crate) fn resize(&mut self, rows: u16, cols: u16) {
        self.screen.lock().unwrap().set_size(size(rows, 24), size(cols, 80));
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, name: &str) {
        sh(Path::new("/"), &format!("kill -{name} {}", self.child.process_id().unwrap()));
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

fn size(cells: u16, fallback: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).or(NonZeroU16::new(fallback)).expect("a screen has rows and columns")
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

#[test]
fn the_wizard_draws_quits_and_leaves_the_terminal_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::spawn(&["--disk", "no.img"], dir.path(), 24, 80);
    terminal.wait_for_text("What do you want to do?");
    assert!(!terminal.is_restored(), "the wizard has the terminal now");
    terminal.send_keys("q");
    assert_eq!(terminal.wait(), 0);
    terminal.wait_restored();
}

#[test]
fn a_signal_ends_the_wizard_and_leaves_the_terminal_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::spawn(&["--disk", "no.img"], dir.path(), 24, 80);
    terminal.wait_for_text("What do you want to do?");
    terminal.signal("TERM");
    assert_ne!(terminal.wait(), 0);
    terminal.wait_restored();
}

#[test]
fn the_wizard_backs_a_volume_up_and_restores_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::spawn(&["demo", "--whole", "--dir", "practice"], dir.path(), 24, 80);
    terminal.wait_for_text("What do you want to do?");
    terminal.send_keys("b");
    terminal.wait_for_text("practice-linux");
    terminal.send_keys("\r");
    terminal.wait_for_text("Where to?");
    terminal.send_keys("\r");
    terminal.wait_for_text("What will be done");
    terminal.wait_for_text("Steps");
    terminal.send_keys("s");
    terminal.wait_for_text("Report");
    terminal.wait_for_text("Done");
    terminal.send_keys("\r");
    terminal.wait_for_text("What do you want to do?");

    sh(
        dir.path(),
        "ls practice/*.lbi
         dd if=practice/practice.img of=before.img bs=1M skip=1 count=48 status=none
         dd if=/dev/zero of=practice/practice.img bs=1M seek=1 count=1 conv=notrunc status=none",
    );
    terminal.send_keys("e");
    terminal.wait_for_text("PRACTICE");
    terminal.send_keys("\r");
    terminal.wait_for_text("practice-linux");
    terminal.send_keys("\r");
    terminal.wait_for_text("Steps");
    terminal.send_keys("\r");
    let asks = "type its name:";
    terminal.wait_for_text(asks);
    let text = terminal.text();
    let word = text.split(asks).nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
    terminal.send_keys(&format!("{word}\r"));
    terminal.wait_for_text("Report");
    terminal.wait_for_text("Done");
    terminal.send_keys("\r");
    terminal.wait_for_text("What do you want to do?");
    terminal.send_keys("q");
    assert_eq!(terminal.wait(), 0);
    terminal.wait_restored();
    sh(
        dir.path(),
        "dd if=practice/practice.img of=after.img bs=1M skip=1 count=48 status=none; cmp before.img after.img; fsck.fat -n after.img",
    );
}

#[test]
fn the_command_line_restores_only_with_the_typed_word() {
    let dir = tempfile::tempdir().unwrap();
    let lifeboat = |args: &[&str], answer: Option<&str>| {
        let mut terminal = Terminal::spawn(args, dir.path(), 24, 80);
        if let Some(answer) = answer {
            terminal.wait_for_text("to go on, anything else to leave:");
            terminal.send_keys(answer);
        }
        (terminal.wait(), terminal.text())
    };
    assert_eq!(lifeboat(&["demo", "--whole", "--no-wizard", "--dir", "d"], None).0, 0);
    assert_eq!(lifeboat(&["backup", "d/practice.img:1", "--to", "d/practice-1.lbi"], None).0, 0);
    sh(
        dir.path(),
        "dd if=/dev/zero of=d/practice.img bs=1M seek=1 count=1 conv=notrunc status=none; cp d/practice.img wrecked",
    );
    let restore = ["restore", "d/practice-1.lbi", "--to", "d/practice.img:1"];
    assert_eq!(lifeboat(&restore, Some("\r")).0, 3, "Enter alone");
    assert_eq!(lifeboat(&restore, Some("yes\r")).0, 3, "the wrong word");
    assert_eq!(lifeboat(&restore, Some("\x03")).0, 1, "ctrl-C, which ends the program as a signal does");
    sh(dir.path(), "cmp d/practice.img wrecked");
    let (code, screen) = lifeboat(&restore, Some("practice.img:1\r"));
    assert_eq!(code, 0, "{screen}");
}

#[test]
fn a_terminal_that_answers_nothing_is_asked_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for (term, rows, cols) in [("dumb", 24, 80), ("vt100", 24, 80), ("linux", 12, 40), ("xterm-256color", 0, 0)] {
        let mut terminal = Terminal::spawn_as((term, false), &["--disk", "no.img"], dir.path(), rows, cols);
        terminal.wait_for_text("What do you want to do?");
        terminal.send_keys("\x0c");
        terminal.send_keys("d");
        terminal.wait_for_text("no.img");
        terminal.resize(30, 100);
        let rule = if matches!(term, "dumb" | "vt100") { "-" } else { "─" };
        terminal.wait_for_text(&rule.repeat(100));
        terminal.send_keys("\x0c\x1b");
        terminal.wait_for_text("What do you want to do?");
        terminal.send_keys("q");
        assert_eq!(terminal.wait(), 0, "{term} {rows}×{cols}");
        terminal.wait_restored();
    }
}

#[test]
fn the_ascii_flag_draws_with_ascii_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::spawn(&["--ascii", "--disk", "no.img"], dir.path(), 24, 80);
    terminal.wait_for_text("q quit");
    assert!(terminal.text().is_ascii(), "{}", terminal.text());
    terminal.send_keys("q");
    assert_eq!(terminal.wait(), 0);
}

/// Home, then down to the line of that number.
fn line(number: usize) -> String {
    format!("\x1b[H{}", "\x1b[B".repeat(number))
}

/// From the start screen: the practice disk's partition to an image file, and back to the start.
fn back_up(terminal: &mut Terminal, partition: usize, image: &str) {
    terminal.send_keys("b");
    terminal.wait_for_text("practice-linux");
    terminal.send_keys(&format!("{}\r", line(partition)));
    terminal.wait_for_text("Where to?");
    terminal.send_keys(&format!("\x15{image}\r"));
    terminal.wait_for_text("s start");
    terminal.send_keys("s");
    terminal.wait_for_text("√ Done");
    terminal.send_keys("\r");
    terminal.wait_for_text("What do you want to do?");
}

/// From the start screen: an image file to the practice disk's partition, and back to the start.
fn restore(terminal: &mut Terminal, image: &str, partition: usize) {
    terminal.send_keys("e");
    terminal.wait_for_text("Which image?");
    terminal.send_keys(&format!("g\x15{image}\r"));
    terminal.wait_for_text("Onto which partition?");
    terminal.wait_for_text("practice.img");
    terminal.send_keys(&format!("{}\r", line(partition)));
    terminal.wait_for_text("What will be done");
    terminal.send_keys("\r");
    terminal.wait_for_text("type its name:");
    terminal.send_keys(&format!("practice.img:{partition}\r"));
    terminal.wait_for_text("√ Done");
    terminal.send_keys("\r");
    terminal.wait_for_text("What do you want to do?");
}

#[test]
fn each_kind_of_volume_goes_out_and_back_by_the_wizards_keys() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::spawn(&["demo", "--whole", "--dir", "practice"], dir.path(), 40, 120);
    terminal.wait_for_text("What do you want to do?");
    let volumes = [(1, "fat.lbi"), (2, "ntfs.lbi"), (3, "ext4.lbi")];
    for (partition, image) in volumes {
        back_up(&mut terminal, partition, image);
    }
    // Boot record and superblock stay, so that the list keeps its lines; what follows them is lost.
    sh(
        dir.path(),
        "cp --sparse=always practice/practice.img before.img
         for start in 1 49 81; do
             dd if=/dev/zero of=practice/practice.img bs=4k seek=$((start * 256 + 1)) count=16 conv=notrunc status=none
         done
         ! cmp -s practice/practice.img before.img",
    );
    for (partition, image) in volumes {
        restore(&mut terminal, image, partition);
    }
    terminal.send_keys("q");
    assert_eq!(terminal.wait(), 0);
    terminal.wait_restored();
    sh(
        dir.path(),
        "dd if=/dev/zero of=before.img bs=1M seek=67 count=1 conv=notrunc status=none # pagefile.sys: left out, as said
         cmp practice/practice.img before.img
         part() { dd if=practice/practice.img of=$1 bs=1M skip=$2 count=$3 conv=sparse status=none; }
         part fat 1 48; part ntfs 49 32; part ext4 81 48
         fsck.fat -n fat; ntfsfix -n ntfs; e2fsck -fn ext4",
    );
}

/// Chooses a factory image of the short list on the start screen, and leads it to its end in three screens. The first
/// restore brings the table back: from then on, as soon as the disks were looked at again, places have numbers.
fn reset(terminal: &mut Terminal, places: [&str; 2], downs: usize) {
    terminal.wait_for_text("Put a partition back");
    terminal.send_keys("f");
    terminal.wait_for_text("Which one?");
    terminal.send_keys(&format!("{}\r", "\x1b[B".repeat(downs)));
    terminal.wait_for_text("Factory reset > What will be done");
    terminal.send_keys("\r");
    let asks = "To overwrite it, type its name:";
    terminal.wait_for_text(asks);
    terminal.send_keys("practice.img\r");
    terminal.wait_for_text("That is not the word.");
    let text = terminal.text();
    let word = text.lines().find_map(|line| line.split_once(asks)).unwrap().1.trim();
    assert!(places.contains(&word), "{text}");
    terminal.send_keys(&format!("\x15{word}\r"));
    terminal.wait_for_text("√ Done");
    terminal.send_keys("\r");
    terminal.wait_for_text("What do you want to do?");
}

#[test]
fn the_broken_practice_disk_is_brought_back_by_keys() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::spawn(&["demo", "--dir", "practice"], dir.path(), 24, 80);
    terminal.wait_for_text("What do you want to do?");
    sh(dir.path(), "! sfdisk -d practice/practice.img 2>/dev/null | grep start=");
    for (number, start) in [1u64, 49, 81].into_iter().enumerate() {
        let places = [format!("practice.img@{}", start << 20), format!("practice.img:{}", number + 1)];
        reset(&mut terminal, [&places[0], &places[1]], number);
    }
    terminal.send_keys("d");
    terminal.wait_for_text("practice-linux");
    for word in ["PRACTICE", "Practice Windo", "└ factory"] {
        terminal.wait_for_text(word);
    }
    terminal.send_keys("\x1b");
    terminal.wait_for_text("What do you want to do?");
    terminal.send_keys("q");
    assert_eq!(terminal.wait(), 0);
    terminal.wait_restored();
    sh(
        dir.path(),
        "sgdisk -v practice/practice.img | grep 'No problems found'
         test $(sfdisk -d practice/practice.img | grep -c start=) = 4
         part() { dd if=practice/practice.img of=$1 bs=1M skip=$2 count=$3 conv=sparse status=none; }
         part fat 1 48; part ntfs 49 32; part ext4 81 48
         fsck.fat -n fat; ntfsfix -n ntfs; e2fsck -fn ext4
         mdir -i fat ::/Papers; mdir -a -i fat ::/LIFEBOAT | grep -i factory",
    );
}

#[test]
fn a_job_lives_through_a_resize_and_a_signal_stops_it_cleanly() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "truncate -s 16G big.img; echo 'label: dos\nstart=2048, type=83' | sfdisk -q big.img");
    for signal in ["TERM", "HUP"] {
        let mut terminal = Terminal::spawn(&["--disk", "big.img"], dir.path(), 24, 80);
        terminal.wait_for_text("What do you want to do?");
        terminal.send_keys("b");
        terminal.wait_for_text("Address");
        terminal.send_keys("\r");
        terminal.wait_for_text("Where to?");
        terminal.send_keys("\r");
        terminal.wait_for_text("s start");
        terminal.send_keys("s");
        terminal.wait_for_text("Running");
        terminal.send_keys("p");
        terminal.wait_for_text("paused");
        terminal.resize(40, 120);
        terminal.wait_for_text(&"─".repeat(120));
        terminal.wait_for_text("Overall");
        terminal.resize(12, 40);
        terminal.wait_for_text("Overall");
        terminal.signal(signal);
        assert_eq!(terminal.wait(), 130);
        terminal.wait_restored();
        sh(dir.path(), "! ls | grep -v big.img");
    }
}

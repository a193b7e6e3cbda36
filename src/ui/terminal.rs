//! The terminal, and that it is given back: when the wizard ends, when it panics, when a signal ends or stops it.

mod input;
mod keys;
mod line;
pub(super) mod modes;
mod paint;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;

use crossbeam_channel::Sender;
use ratatui::layout::Rect;
use ratatui::{TerminalOptions, Viewport};
use signal_hook::consts::SIGTSTP;
use signal_hook::iterator::Handle;
use signal_hook::low_level::emulate_default_handler;

use line::Line;
use paint::Paint;

use super::model::Model;
use super::msg::Msg;
use super::view::view;

/// The terminal's alternate screen, its cursor hidden. What a terminal does not know of this, it leaves out
/// (xterm control sequences, private modes 1049 and 25).
const TAKE: &[u8] = b"\x1b[?1049h\x1b[?25l";

/// All back: a terminal without an alternate screen at least does not keep the picture.
const GIVE_BACK: &[u8] = b"\x1b[m\x1b[2J\x1b[H\x1b[?1049l\x1b[?25h";

/// Clicks and the wheel, not every movement, in the form that has no limit of 223 columns (modes 1000 and 1006).
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// Beginnings of the names of terminals that have a mouse.
const WITH_MOUSE: [&str; 14] = [
    "xterm",
    "tmux",
    "screen",
    "rxvt",
    "alacritty",
    "foot",
    "kitty",
    "konsole",
    "gnome",
    "wezterm",
    "vte",
    "st-",
    "contour",
    "ghostty",
];

/// True while the terminal is ours: it is given back exactly once.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// True when clicks are wanted, while the terminal is ours.
static MOUSE: AtomicBool = AtomicBool::new(false);

/// Who draws, takes or gives back: one at a time.
static DRAWING: Mutex<()> = Mutex::new(());

static HOOK: Once = Once::new();

/// The terminal in raw mode on its alternate screen; as before when this is dropped.
pub(super) struct Terminal {
    screen: ratatui::Terminal<Paint<Line>>,
    size: (u16, u16),
    signals: Option<Handle>,
}

impl Terminal {
    /// Takes the terminal. Keys, clicks, sizes and signals come through `messages` from then on.
    ///
    /// # Errors
    /// When standard output is no terminal.
    pub(super) fn open(messages: Sender<Msg>, mouse: bool) -> io::Result<Self> {
        let term = std::env::var("TERM").unwrap_or_default();
        MOUSE.store(mouse && has_mouse(&term), Ordering::SeqCst);
        let guard = GiveBackOnError;
        take()?;
        hook_panics();
        let size = modes::size();
        let viewport = Viewport::Fixed(Rect::new(0, 0, size.0, size.1));
        let paint = Paint::new(Line, &term, modes::size);
        let mut screen = ratatui::Terminal::with_options(paint, TerminalOptions { viewport })?;
        screen.clear()?;
        let signals = input::watch_signals(messages.clone())?;
        input::read_keys(messages);
        std::mem::forget(guard);
        Ok(Self { screen, size, signals: Some(signals) })
    }

    /// Draws the model, on the terminal's present size; gives how many bytes that took. `None`: the line is full,
    /// and what it did not take is still to be sent.
    ///
    /// # Errors
    /// When the terminal went away.
    pub(super) fn draw(&mut self, model: &Model) -> io::Result<Option<u64>> {
        let _turn = turn();
        if !TAKEN.load(Ordering::SeqCst) {
            // Given back for a stop; what is drawn afterwards is complete.
            return Ok(Some(0));
        }
        if !self.screen.backend_mut().is_free()? {
            return Ok(None);
        }
        let before = self.screen.backend().sent();
        let size = modes::size();
        if size != self.size {
            self.size = size;
            self.screen.resize(Rect::new(0, 0, size.0, size.1))?;
        }
        self.screen.draw(|frame| view(model, frame))?;
        let bytes = self.screen.backend().sent() - before;
        Ok(self.screen.backend_mut().is_free()?.then_some(bytes))
    }

    /// Forgets what is on the screen, so that the next drawing is complete.
    ///
    /// # Errors
    /// When the terminal went away.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.screen.clear()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(signals) = self.signals.take() {
            signals.close();
        }
        give_back();
    }
}

/// Gives the terminal back when it could not be taken completely.
struct GiveBackOnError;

impl Drop for GiveBackOnError {
    fn drop(&mut self) {
        give_back();
    }
}

fn turn() -> MutexGuard<'static, ()> {
    DRAWING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn has_mouse(term: &str) -> bool {
    WITH_MOUSE.iter().any(|name| term.starts_with(name)) || term == "st"
}

fn take() -> io::Result<()> {
    modes::take()?;
    TAKEN.store(true, Ordering::SeqCst);
    line::send(TAKE)?;
    if MOUSE.load(Ordering::SeqCst) { line::send(MOUSE_ON) } else { Ok(()) }
}

/// The terminal as it was. Errors are of no use here: it may have gone away.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // All at once: a terminal that takes nothing is waited for only once.
        let mouse = if MOUSE.load(Ordering::SeqCst) { MOUSE_OFF } else { &[] };
        let _ = line::send(&[mouse, GIVE_BACK].concat());
        modes::give_back();
    }
}

/// Stops the program as SIGTSTP would, with the terminal given back; comes back when it goes on.
fn stop() {
    let _turn = turn();
    give_back();
    let _ = emulate_default_handler(SIGTSTP);
}

/// After a stop: also one that nobody could catch, after which the shell has set the modes as it likes them.
fn take_again() {
    let _turn = turn();
    // A terminal that went away meanwhile is noticed by who draws or reads next.
    let _ = take();
}

/// A panic of the screen's own thread gives the terminal back before its message is printed; one of another
/// thread becomes a message of the worker, and must not be printed over the screen. Neither ends the process
/// here.
fn hook_panics() {
    HOOK.call_once(|| {
        let screen_thread = thread::current().id();
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if thread::current().id() == screen_thread {
                give_back();
                previous(info);
            } else if TAKEN.load(Ordering::SeqCst) {
                tracing::error!("{info}");
            } else {
                previous(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_without_a_mouse_are_not_asked_for_one() {
        for term in ["xterm-256color", "tmux-256color", "screen", "rxvt-unicode", "st-256color", "foot"] {
            assert!(has_mouse(term), "{term}");
        }
        for term in ["linux", "dumb", "vt100", "vt220", "ansi", "", "sun"] {
            assert!(!has_mouse(term), "{term}");
        }
    }

    #[test]
    fn all_that_was_switched_on_is_switched_off() {
        let modes = |bytes: &[u8], end: char| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let mut modes: Vec<String> = text
                .split("\x1b[?")
                .skip(1)
                .map(|mode| mode.split_once(end).map_or(String::new(), |(number, _)| number.to_owned()))
                .collect();
            modes.sort();
            modes
        };
        assert_eq!(modes(MOUSE_ON, 'h'), modes(MOUSE_OFF, 'l'));
        assert_eq!(modes(b"\x1b[?1049h", 'h'), ["1049"]);
        assert!(TAKE.windows(8).any(|part| part == b"\x1b[?1049h") && TAKE.ends_with(b"\x1b[?25l"));
        assert!(GIVE_BACK.windows(8).any(|part| part == b"\x1b[?1049l") && GIVE_BACK.ends_with(b"\x1b[?25h"));
    }
}

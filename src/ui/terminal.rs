//! The terminal, and that it is given back: when the wizard ends, when it panics, when a signal ends it.

mod mute;

use std::io::{self, Stdout, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::Sender;
use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{cursor, execute};
use ratatui::layout::Rect;
use ratatui::{TerminalOptions, Viewport};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use mute::Mute;

use super::model::Model;
use super::msg::{Key, Msg, Signal};
use super::view::view;

/// True while the terminal is ours: it is given back exactly once.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// True while the key reader shall go on.
static READING: AtomicBool = AtomicBool::new(false);

static HOOK: Once = Once::new();

/// What a serial console that does not know its size is taken for.
const FALLBACK: (u16, u16) = (80, 24);

/// The terminal in raw mode on its alternate screen; as before when this is dropped.
pub(super) struct Terminal {
    screen: ratatui::Terminal<Mute<Stdout>>,
    size: (u16, u16),
    signals: Option<Handle>,
}

impl Terminal {
    /// Takes the terminal. Keys, sizes and signals come through `messages` from then on.
    ///
    /// # Errors
    /// When standard output is no terminal.
    pub(super) fn open(messages: Sender<Msg>) -> io::Result<Self> {
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        let guard = GiveBackOnError;
        hook_panics();
        execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)?;
        let size = size();
        let viewport = Viewport::Fixed(Rect::new(0, 0, size.0, size.1));
        let mut screen = ratatui::Terminal::with_options(Mute::new(io::stdout()), TerminalOptions { viewport })?;
        screen.clear()?;
        let signals = watch_signals(messages.clone())?;
        read_keys(messages);
        std::mem::forget(guard);
        Ok(Self { screen, size, signals: Some(signals) })
    }

    /// Draws the model, on the terminal's present size.
    ///
    /// # Errors
    /// When the terminal went away.
    pub(super) fn draw(&mut self, model: &Model) -> io::Result<()> {
        let size = size();
        if size != self.size {
            self.size = size;
            self.screen.resize(Rect::new(0, 0, size.0, size.1))?;
        }
        self.screen.draw(|frame| view(model, frame))?;
        Ok(())
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
        READING.store(false, Ordering::SeqCst);
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

/// Columns and rows; a terminal that says 0 × 0 is taken for 80 × 24.
pub(super) fn size() -> (u16, u16) {
    match crossterm::terminal::size() {
        Ok((columns, rows)) if columns > 0 && rows > 0 => (columns, rows),
        _ => FALLBACK,
    }
}

/// The terminal as it was. Errors are of no use here: it may have gone away.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
        let _ = io::stdout().flush();
    }
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

fn watch_signals(messages: Sender<Msg>) -> io::Result<Handle> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let handle = signals.handle();
    thread::Builder::new().name("lifeboat-signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            let signal = match signal {
                SIGINT => Signal::Interrupt,
                SIGHUP => Signal::Hangup,
                _ => Signal::Terminate,
            };
            if messages.send(Msg::Signal(signal)).is_err() {
                break;
            }
        }
    })?;
    Ok(handle)
}

/// Reads keys until the terminal is given back. A terminal that went away is as good as SIGHUP.
fn read_keys(messages: Sender<Msg>) {
    READING.store(true, Ordering::SeqCst);
    let lost = messages.clone();
    let spawned = thread::Builder::new().name("lifeboat-keys".to_owned()).spawn(move || {
        while READING.load(Ordering::SeqCst) {
            let msg =
                match event::poll(Duration::from_millis(100)).and_then(|ready| ready.then(event::read).transpose()) {
                    Ok(None) => continue,
                    Ok(Some(Event::Key(key))) => translate(key).map(Msg::Key),
                    Ok(Some(Event::Resize(..))) => {
                        let (columns, rows) = size();
                        Some(Msg::Resize(columns, rows))
                    }
                    Ok(Some(_)) => None,
                    Err(_) => {
                        let _ = messages.send(Msg::Signal(Signal::Hangup));
                        break;
                    }
                };
            if msg.is_some_and(|msg| messages.send(msg).is_err()) {
                break;
            }
        }
    });
    if spawned.is_err() {
        let _ = lost.send(Msg::Signal(Signal::Hangup));
    }
}

/// A key of the terminal library as one of ours.
fn translate(key: KeyEvent) -> Option<Key> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => Some(Key::Interrupt),
            KeyCode::Char('l') => Some(Key::Redraw),
            KeyCode::Char('u') => Some(Key::Clear),
            // Serial consoles send these for Backspace, Tab and Enter.
            KeyCode::Char('h') => Some(Key::Backspace),
            KeyCode::Char('i') => Some(Key::Tab),
            KeyCode::Char('j' | 'm') => Some(Key::Enter),
            _ => None,
        };
    }
    if key.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    Some(match key.code {
        KeyCode::Char(character) => Key::Char(character),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::F(1) => Key::Help,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_keys_never_become_letters() {
        let key = |code, modifiers| translate(KeyEvent::new(code, modifiers));
        assert_eq!(key(KeyCode::Char('y'), KeyModifiers::NONE), Some(Key::Char('y')));
        assert_eq!(key(KeyCode::Char('Y'), KeyModifiers::SHIFT), Some(Key::Char('Y')));
        assert_eq!(key(KeyCode::Char('y'), KeyModifiers::CONTROL), None);
        assert_eq!(key(KeyCode::Char('s'), KeyModifiers::ALT), None);
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Key::Interrupt));
        assert_eq!(key(KeyCode::F(1), KeyModifiers::NONE), Some(Key::Help));
        assert_eq!(key(KeyCode::F(9), KeyModifiers::NONE), None);
    }
}

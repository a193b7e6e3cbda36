//! What comes from outside, as messages: keys, clicks, signals. Both threads sleep until something comes.

use std::io;
use std::thread;
use std::time::Duration;

use crossbeam_channel::Sender;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::{Handle, Signals};

use super::keys::{Input, Parser};
use super::modes;
use crate::ui::msg::{Key, Msg, Signal};

/// How long the rest of a key's bytes may take. A fast line brings them at once; over a network they may come apart.
const REST: Duration = Duration::from_millis(50);

/// The longest sequence of a key or click has about so many bytes, which a slow line needs its time for.
const SEQUENCE_BYTES: u32 = 12;

/// Reads keys for as long as the program runs. A terminal that went away is as good as SIGHUP.
pub(super) fn read_keys(messages: Sender<Msg>) {
    let lost = messages.clone();
    let patience = modes::bytes_per_second()
        .map_or(REST, |bytes| REST.max(Duration::from_secs(1) * SEQUENCE_BYTES / bytes.max(1)));
    let spawned = thread::Builder::new().name("lifeboat-keys".to_owned()).spawn(move || {
        if read(patience, &messages).is_err() {
            let _ = messages.send(Msg::Signal(Signal::Hangup));
        }
    });
    if spawned.is_err() {
        let _ = lost.send(Msg::Signal(Signal::Hangup));
    }
}

/// Ends with an error when the terminal went away, and without one when nobody listens any more.
fn read(patience: Duration, messages: &Sender<Msg>) -> io::Result<()> {
    let mut parser = Parser::default();
    let mut bytes = [0; 1024];
    loop {
        let inputs = if readable(parser.waits().then_some(patience))? {
            match rustix::io::read(io::stdin(), &mut bytes) {
                // The end of what is typed: there is nobody any more.
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => parser.feed(&bytes[..count]),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
                Err(error) => return Err(error.into()),
            }
        } else {
            parser.give_up()
        };
        for input in inputs {
            let msg = match input {
                Input::Key(key) => Msg::Key(key),
                Input::Mouse(mouse) => Msg::Mouse(mouse),
            };
            if messages.send(msg).is_err() {
                return Ok(());
            }
        }
    }
}

/// Waits until something can be read, as long as `patience` lasts.
fn readable(patience: Option<Duration>) -> io::Result<bool> {
    let stdin = io::stdin();
    let mut waited = [PollFd::new(&stdin, PollFlags::IN)];
    let limit = patience.and_then(|patience| Timespec::try_from(patience).ok());
    match poll(&mut waited, limit.as_ref()) {
        Ok(0) => Ok(false),
        // Whatever else it is, reading tells.
        Ok(_) => Ok(true),
        Err(rustix::io::Errno::INTR) => readable(patience),
        Err(error) => Err(error.into()),
    }
}

/// Signals as messages. A stop from outside gives the terminal back first, and it is taken again afterwards.
///
/// # Errors
/// When signals cannot be watched.
pub(super) fn watch_signals(messages: Sender<Msg>) -> io::Result<Handle> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT])?;
    let handle = signals.handle();
    thread::Builder::new().name("lifeboat-signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            let msg = match signal {
                SIGINT => Msg::Signal(Signal::Interrupt),
                SIGHUP => Msg::Signal(Signal::Hangup),
                SIGTSTP => {
                    super::stop();
                    continue;
                }
                SIGCONT => {
                    super::take_again();
                    Msg::Key(Key::Redraw)
                }
                SIGWINCH => {
                    let (columns, rows) = modes::size();
                    Msg::Resize(columns, rows)
                }
                _ => Msg::Signal(Signal::Terminate),
            };
            if messages.send(msg).is_err() {
                break;
            }
        }
    })?;
    Ok(handle)
}

//! How the terminal treats what is typed, how large it is, and how fast.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::termios::{self, OptionalActions, QueueSelector, Termios};

/// What a serial console that does not know its size is taken for.
const FALLBACK: (u16, u16) = (80, 24);

/// Lines faster than this carry whatever a screen needs. Pseudo-terminals and text consoles say 38400 and are no lines
/// at all.
const SLOW_BAUD: u32 = 19200;

/// Bits on the line for a byte: start, eight, stop.
const BITS: u32 = 10;

/// The modes to go back to, while the terminal is ours.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

fn before() -> MutexGuard<'static, Option<Termios>> {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every key as it is typed, without echo, line editing and signals.
///
/// # Errors
/// When standard input is no terminal.
pub(super) fn take() -> io::Result<()> {
    let now = termios::tcgetattr(io::stdin())?;
    let mut raw = now.clone();
    raw.make_raw();
    termios::tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
    // Taken anew after a stop that nobody could catch, the first modes are still those to go back to.
    before().get_or_insert(now);
    Ok(())
}

/// The modes as they were. What was typed and not read is dropped: mouse reports on their way would be typed into the
/// shell. Errors are of no use here: the terminal may have gone away.
pub(super) fn give_back() {
    if let Some(before) = before().take() {
        let _ = termios::tcflush(io::stdin(), QueueSelector::IFlush);
        let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, &before);
    }
}

/// Columns and rows; a terminal that says 0 × 0 is taken for 80 × 24.
pub(in crate::ui) fn size() -> (u16, u16) {
    match termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => FALLBACK,
    }
}

/// How many bytes a slow serial line carries in a second; `None` for all else.
pub(in crate::ui) fn bytes_per_second() -> Option<u32> {
    let baud = termios::tcgetattr(io::stdout()).map_or(0, |modes| modes.output_speed());
    (1..=SLOW_BAUD).contains(&baud).then(|| (baud / BITS).max(1))
}

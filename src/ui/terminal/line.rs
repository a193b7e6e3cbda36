//! The line to the terminal, which never keeps the program waiting: a terminal that takes nothing more (stopped with
//! Ctrl-S, a network that hangs) must not keep keys, signals and the end of a job from being heard.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};

use super::modes;

/// Standard output as the kernel names it. Opened anew, so that only we do not wait on it: whoever has the terminal
/// after us shares standard output itself.
const OUTPUT: &str = "/proc/self/fd/1";

/// For so long a terminal is waited for that does not take what belongs to its beginning and its end.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the kernel keeps for a serial line (`UART_XMIT_SIZE`), which a slow one needs its time for.
const KEPT_BYTES: u32 = 4096;

static LINE: OnceLock<Option<File>> = OnceLock::new();

/// Opened once. A terminal of another user cannot be opened anew; it is then written to as it is, and waited for.
fn line() -> Option<&'static File> {
    let opened = LINE.get_or_init(|| {
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let is_terminal = io::stdout().is_terminal();
        is_terminal.then(|| open(OUTPUT, flags, Mode::empty()).ok().map(File::from)).flatten()
    });
    opened.as_ref()
}

/// A writer that says `WouldBlock` when the terminal takes no more.
#[derive(Debug)]
pub(super) struct Line;

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match line() {
            Some(mut line) => line.write(bytes),
            None => io::stdout().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match line() {
            Some(_) => Ok(()),
            None => io::stdout().flush(),
        }
    }
}

/// Sends all of it, waiting a moment for a terminal that is busy.
///
/// # Errors
/// When the terminal went away, or takes nothing.
pub(super) fn send(mut bytes: &[u8]) -> io::Result<()> {
    let began = Instant::now();
    let kept = modes::bytes_per_second().map_or(0, |bytes| KEPT_BYTES / bytes.max(1));
    let patience = PATIENCE + Duration::from_secs(u64::from(kept));
    while !bytes.is_empty() {
        match Line.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let left = patience.checked_sub(began.elapsed()).ok_or(error)?;
                wait(left)?;
            }
            Err(error) => return Err(error),
        }
    }
    Line.flush()
}

/// Until the terminal takes something, or the time is over.
fn wait(left: Duration) -> io::Result<()> {
    let Some(line) = line() else { return Ok(()) };
    let limit = Timespec::try_from(left).ok();
    match poll(&mut [PollFd::from_borrowed_fd(line.as_fd(), PollFlags::OUT)], limit.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

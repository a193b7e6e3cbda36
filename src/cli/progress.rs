//! Watching a job from the command line: one line on standard error, redrawn a few times a second when that is
//! a terminal; not a byte otherwise.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::console::is_terminal;
use super::interrupt::Interrupts;
use super::words::clean;
use crate::error::{Error, Result};
use crate::job::{Monitor, Progress};
use crate::plan::StepKind;
use crate::unit::ByteLen;

/// Between two looks at the worker: five lines a second.
const PERIOD: Duration = Duration::from_millis(200);

/// Does `work` on a thread of its own; shows how far it is, and hands ctrl-C on as a cancel. However often that
/// is pressed, the worker is waited for: it alone knows how to leave the disk.
///
/// # Errors
/// When the worker panics, which is a bug of ours.
pub(super) fn watch<T: Send>(monitor: &Arc<Monitor>, work: impl FnOnce(&Arc<Monitor>) -> T + Send) -> Result<T> {
    let interrupts = Interrupts::catch();
    let mut line = Line::new();
    let result = thread::scope(|scope| {
        // The sender is dropped when the work ends, be it by a panic.
        let (sender, receiver) = channel::<()>();
        let worker = scope.spawn(move || {
            let _sender = sender;
            work(monitor)
        });
        let mut told = false;
        while receiver.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
            if interrupts.came() && !told {
                told = true;
                monitor.cancel();
            }
            line.draw(&monitor.sample());
        }
        line.clear();
        worker.join()
    });
    result.map_err(|_| {
        Error::damaged("the worker ended in a panic; what it wrote last is unfinished")
            .advise("This is a bug: please report it with the log file")
    })
}

/// The line on the terminal.
struct Line {
    shown: bool,
    width: usize,
    began: Instant,
    drawn: usize,
}

impl Line {
    fn new() -> Self {
        let stderr = std::io::stderr();
        let width = rustix::termios::tcgetwinsize(&stderr).map_or(0, |size| usize::from(size.ws_col));
        // A serial console says 0 columns.
        let width = if width == 0 { 80 } else { width };
        Self { shown: is_terminal(&stderr), width, began: Instant::now(), drawn: 0 }
    }

    fn draw(&mut self, progress: &Progress) {
        if !self.shown || progress.steps.is_empty() {
            return;
        }
        let text: String =
            describe(progress, self.began.elapsed()).chars().take(self.width.saturating_sub(1)).collect();
        self.put(&text);
    }

    fn clear(&mut self) {
        if self.drawn > 0 {
            self.put("");
            let _ = write!(std::io::stderr(), "\r");
        }
    }

    /// Blanks instead of an escape sequence wipe what was there, so that any terminal will do.
    fn put(&mut self, text: &str) {
        let length = text.chars().count();
        let blanks = " ".repeat(self.drawn.saturating_sub(length));
        let mut stderr = std::io::stderr();
        // A terminal that is gone is no reason to stop the job.
        let _ = write!(stderr, "\r{text}{blanks}").and_then(|()| stderr.flush());
        self.drawn = length;
    }
}

/// `2/3 Write the image  41 %  1.2 GiB of 3.0 GiB  120.0 MiB/s  0:15 left`.
fn describe(progress: &Progress, elapsed: Duration) -> String {
    let (done, all) = progress.overall();
    let title = progress.steps.get(progress.current).map_or("", |step| step.step.title.as_str());
    // 100 % is the report's to say, after the last flush.
    let percent = done.saturating_mul(100).checked_div(all).unwrap_or(0).min(99);
    if progress.steps.get(progress.current).is_some_and(|step| step.step.kind == StepKind::CheckVolume) {
        return format!("{}  {percent} %{}", clean(title), if progress.cancelling { "  stopping" } else { "" });
    }
    let mut text = format!(
        "{}/{} {}  {percent} %  {} of {}",
        (progress.current + 1).min(progress.steps.len()),
        progress.steps.len(),
        clean(title),
        ByteLen(done),
        ByteLen(all)
    );
    if progress.cancelling {
        text += "  stopping";
    } else if let Some((rate, left)) = rate(done, all, elapsed) {
        text += &format!("  {}/s  {}:{:02} left", ByteLen(rate), left / 60, left % 60);
    }
    text
}

/// Bytes a second so far and seconds left, once there is something to go by.
fn rate(done: u64, all: u64, elapsed: Duration) -> Option<(u64, u64)> {
    let millis = u64::try_from(elapsed.as_millis()).ok()?;
    let rate = u128::from(done) * 1000 / u128::from(millis.max(1));
    let rate = u64::try_from(rate).ok().filter(|rate| *rate > 0 && millis >= 1000)?;
    Some((rate, all.saturating_sub(done) / rate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::StepProgress;
    use crate::plan::{Safety, Step, StepKind};

    fn progress(done: u64, bytes: u64) -> Progress {
        let step = Step { kind: StepKind::WriteImage, title: "Write\u{1b} it".into(), bytes, safety: Safety::Creates };
        Progress { steps: vec![StepProgress { step, done }], ..Progress::default() }
    }

    #[test]
    fn the_line_never_says_100_percent() {
        let text = describe(&progress(1 << 20, 1 << 20), Duration::from_secs(2));
        assert_eq!(text, "1/1 Write? it  99 %  1.0 MiB of 1.0 MiB  512.0 KiB/s  0:00 left");
    }

    #[test]
    fn rate_and_time_left_wait_until_there_is_something_to_go_by() {
        assert_eq!(describe(&progress(0, 0), Duration::ZERO), "1/1 Write? it  0 %  0 B of 0 B");
        assert_eq!(rate(50, 100, Duration::from_millis(10)), None);
        assert_eq!(rate(100, 300, Duration::from_secs(1)), Some((100, 2)));
    }

    #[test]
    fn a_worker_that_panics_is_an_error_and_no_crash() {
        let monitor = Arc::new(Monitor::new());
        assert_eq!(watch(&monitor, |_| 7).unwrap(), 7);
        assert!(
            watch(&monitor, |_| if monitor.sample().steps.is_empty() {
                panic!("on purpose")
            })
            .is_err()
        );
    }
}

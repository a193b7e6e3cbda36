//! When the screen is drawn, and how long to sleep in between. Pure: knows no clock but the one it is told.
//!
//! What the user does is shown at once, what moves by itself ten times a second, and nothing is done while nothing
//! happens. A slow serial line carries a few hundred bytes a second: there, what moves by itself is drawn once a second,
//! and no frame before the line is through with the last one, so that a key is never answered by minutes of old frames.

use std::time::Duration;

/// How often a job is sampled and, on a fast line, what moves is drawn.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// How often what moves is drawn on a slow line.
const SLOW_BEAT: Duration = Duration::from_secs(1);

/// For so long after the last message the clock goes on: some things happen once the user has rested for a moment.
const LINGER: Duration = Duration::from_secs(2);

/// What was drawn when, and what is to be drawn.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    bytes_per_second: Option<u32>,
    /// Something happened that the screen does not show yet.
    is_due: bool,
    heard: Duration,
    drawn: Duration,
    /// From then on the line is free.
    free: Duration,
}

impl Pace {
    /// For a line that carries so many bytes a second; `None` for one that carries any screen in no time.
    #[must_use]
    pub(super) fn new(bytes_per_second: Option<u32>) -> Self {
        let zero = Duration::ZERO;
        Self { bytes_per_second, is_due: true, heard: zero, drawn: zero, free: zero }
    }

    /// A message came.
    pub(super) fn heard(&mut self, now: Duration) {
        self.is_due = true;
        self.heard = now;
    }

    /// A frame of so many bytes was sent.
    pub(super) fn drawn(&mut self, now: Duration, bytes: u64) {
        self.is_due = false;
        self.drawn = now;
        let rate = u64::from(self.bytes_per_second.unwrap_or(u32::MAX).max(1));
        self.free = now.max(self.free) + Duration::from_millis(bytes.saturating_mul(1000) / rate);
    }

    /// The line took nothing: tried again after a while.
    pub(super) fn stopped(&mut self, now: Duration) {
        self.is_due = true;
        self.free = now + TICK;
    }

    /// The frame that is to be drawn now, if any.
    #[must_use]
    pub(super) fn draws(&self, now: Duration, animated: bool) -> bool {
        let beat = if self.bytes_per_second.is_some() { SLOW_BEAT } else { TICK };
        now >= self.free && (self.is_due || (animated && now >= self.drawn + beat))
    }

    /// How long to wait for the next message; `None`: until there is one.
    #[must_use]
    pub(super) fn patience(&self, now: Duration, animated: bool) -> Option<Duration> {
        if self.is_due {
            return Some(self.free.saturating_sub(now).min(TICK));
        }
        (animated || now < self.heard + LINGER).then_some(TICK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn what_the_user_does_is_shown_at_once_and_then_there_is_rest() {
        let mut pace = Pace::new(None);
        assert!(pace.draws(ms(0), false));
        pace.drawn(ms(0), 4000);
        assert!(!pace.draws(ms(50), false) && !pace.draws(ms(5000), false));
        assert_eq!(pace.patience(ms(5000), false), None, "nothing to do until something comes");
        pace.heard(ms(6000));
        assert_eq!(pace.patience(ms(6000), false), Some(ms(0)));
        assert!(pace.draws(ms(6000), false));
        pace.drawn(ms(6000), 100);
        assert_eq!(pace.patience(ms(6100), false), Some(TICK), "who rests a moment may be waited for");
        assert_eq!(pace.patience(ms(8000), false), None);
    }

    #[test]
    fn a_line_that_is_stopped_is_tried_again_without_haste() {
        let mut pace = Pace::new(None);
        pace.stopped(ms(50));
        assert!(!pace.draws(ms(60), true));
        assert_eq!(pace.patience(ms(50), false), Some(TICK), "neither in vain nor never");
        assert!(pace.draws(ms(150), false));
    }

    #[test]
    fn what_moves_is_drawn_ten_times_a_second_or_once_on_a_slow_line() {
        let frames = |line| {
            let mut pace = Pace::new(line);
            let mut frames = 0;
            for now in (0..10_000).step_by(10).map(ms) {
                if pace.draws(now, true) {
                    frames += 1;
                    pace.drawn(now, 200);
                }
            }
            frames
        };
        assert_eq!((frames(None), frames(Some(960))), (100, 10));
    }

    #[test]
    fn a_slow_line_is_never_given_more_than_it_carries() {
        let mut pace = Pace::new(Some(960));
        let mut sent = 0;
        for now in (0..60_000).step_by(5).map(ms) {
            pace.heard(now);
            if pace.draws(now, true) {
                sent += 2000;
                pace.drawn(now, 2000);
            }
        }
        assert!(sent <= 60 * 960 + 2000, "{sent}");
        assert!(sent >= 59 * 960, "and all of what it carries: {sent}");
    }
}

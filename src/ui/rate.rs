//! Rate and remaining time, as pure functions of samples.

use std::collections::VecDeque;
use std::time::Duration;

/// Over how much time the rate is taken. Shorter jumps about, longer lags behind a change of phase.
const WINDOW: Duration = Duration::from_secs(8);

/// A rate from less time than this is noise.
const SHORTEST: Duration = Duration::from_millis(500);

/// How far a job was at some moments. Pauses are left out of the time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Samples {
    recent: VecDeque<(Duration, u64)>,
    worked: Duration,
    last: Option<Duration>,
}

impl Samples {
    /// Takes a sample: `bytes` were done at `at`. While `paused`, time passes without work.
    pub fn push(&mut self, at: Duration, bytes: u64, paused: bool) {
        let passed = self.last.map_or(Duration::ZERO, |last| at.saturating_sub(last));
        self.last = Some(at);
        if paused {
            return;
        }
        self.worked += passed;
        self.recent.push_back((self.worked, bytes));
        while self.recent.len() > 2 && self.recent[1].0 + WINDOW <= self.worked {
            self.recent.pop_front();
        }
    }

    /// Bytes in a second over the last few seconds; `None` while nothing can be said.
    #[must_use]
    pub fn rate(&self) -> Option<u64> {
        let (first, last) = (self.recent.front()?, self.recent.back()?);
        rate(last.0.saturating_sub(first.0), last.1.saturating_sub(first.1))
    }

    /// How long `left` bytes take at that rate.
    #[must_use]
    pub fn remaining(&self, left: u64) -> Option<Duration> {
        match self.rate()? {
            0 => None,
            rate => Some(Duration::from_secs(left.div_ceil(rate))),
        }
    }
}

/// Bytes in a second, when so many were done in so much time.
fn rate(time: Duration, bytes: u64) -> Option<u64> {
    if time < SHORTEST {
        return None;
    }
    let rate = u128::from(bytes) * 1000 / time.as_millis().max(1);
    Some(u64::try_from(rate).unwrap_or(u64::MAX))
}

/// Whole percent. 100 is only said once the job has `ended`, so the last flush is never ahead of itself.
#[must_use]
pub fn percent(done: u64, all: u64, ended: bool) -> u8 {
    if ended {
        return 100;
    }
    if all == 0 {
        return 0;
    }
    let percent = u128::from(done.min(all)) * 100 / u128::from(all);
    u8::try_from(percent).unwrap_or(99).min(99)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_rate_is_taken_over_the_last_seconds_only() {
        let mut samples = Samples::default();
        samples.push(secs(0), 0, false);
        assert_eq!(samples.rate(), None);
        for second in 1..=60 {
            samples.push(secs(second), second * 10, false);
        }
        for second in 1..=20 {
            samples.push(secs(60 + second), 600 + second * 100, false);
        }
        assert_eq!(samples.rate(), Some(100));
        assert_eq!(samples.remaining(950), Some(secs(10)));
    }

    #[test]
    fn a_pause_takes_no_part_in_the_rate() {
        let mut samples = Samples::default();
        samples.push(secs(0), 0, false);
        samples.push(secs(4), 400, false);
        samples.push(secs(3600), 400, true);
        samples.push(secs(3604), 800, false);
        assert_eq!(samples.rate(), Some(100));
    }

    #[test]
    fn a_job_that_stands_still_has_no_remaining_time() {
        let mut samples = Samples::default();
        samples.push(secs(0), 7, false);
        samples.push(secs(9), 7, false);
        assert_eq!(samples.remaining(1), None);
    }

    #[test]
    fn a_hundred_percent_are_said_only_at_the_end() {
        assert_eq!(percent(0, 0, false), 0);
        assert_eq!(percent(10, 10, false), 99);
        assert_eq!(percent(u64::MAX, u64::MAX, false), 99);
        assert_eq!(percent(10, 10, true), 100);
        assert_eq!(percent(1, 3, false), 33);
    }
}

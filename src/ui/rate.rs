//! Rate and remaining time, as pure functions of samples.
//!
//! The time left counts every step that is still to come: reading back at the rate at which this job has read, writing at
//! that of its writing, and what moves no bytes of its own (waiting for the medium) by a share of what was written.

use std::collections::VecDeque;
use std::time::Duration;

use crate::job::{Progress, StepProgress};
use crate::plan::StepKind;

/// Over how much time the rate is taken. Shorter jumps about, longer lags behind a change of pace.
const WINDOW: Duration = Duration::from_secs(8);

/// Over how much time the rate is taken by which the time left is told: that one must not jump at all.
const STEADY: Duration = Duration::from_secs(30);

/// What is remembered for the picture of the rate.
const MINUTE: usize = 60;

/// A rate from less time than this is noise.
const SHORTEST: Duration = Duration::from_millis(500);

/// Samples closer to each other than this are one, which bounds how many are kept.
const CLOSEST: Duration = Duration::from_millis(50);

/// A step without bytes of its own takes at least this, and at most that.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The last flush takes about this part of the time that was written: most of it has reached the medium by then.
const WAIT_PART: u32 = 20;

/// Work that has one pace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pace {
    Reads,
    Writes,
    Looks,
    Waits,
}

fn pace(kind: StepKind) -> Pace {
    match kind {
        StepKind::VerifyImage | StepKind::ReadBackImage | StepKind::ReadBackTarget | StepKind::ReadBackCopies => {
            Pace::Reads
        }
        StepKind::CheckVolume | StepKind::CountFiles => Pace::Looks,
        StepKind::SyncImage | StepKind::SyncTarget => Pace::Waits,
        StepKind::WriteImage
        | StepKind::Unseal
        | StepKind::WriteClusters
        | StepKind::ClearFree
        | StepKind::Seal
        | StepKind::WriteTable
        | StepKind::MoveImages
        | StepKind::WriteContents
        | StepKind::DropImages
        | StepKind::CopyData
        | StepKind::WriteJournal
        | StepKind::ChangeMetadata
        | StepKind::CloseJournal
        | StepKind::WriteTables
        | StepKind::WriteAid
        | StepKind::CopyFiles => Pace::Writes,
    }
}

/// Bytes moved in some time of work.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Moved {
    time: Duration,
    bytes: u64,
}

/// How far a job was at some moments. Pauses are left out of the time, and what a step has left over when it ends early is
/// left out of the bytes.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Samples {
    /// The last minute.
    recent: VecDeque<Moved>,
    now: Moved,
    last: Option<Duration>,
    /// The step under way, what of it is done, and how far all was when it began.
    step: usize,
    done: u64,
    began: Moved,
    /// What was measured of the steps before.
    measured: Vec<(Pace, Moved)>,
}

impl Samples {
    /// Takes a sample at a moment. While the job pauses, time passes without work.
    pub fn push(&mut self, at: Duration, progress: &Progress) {
        let passed = self.last.map_or(Duration::ZERO, |last| at.saturating_sub(last));
        self.last = Some(at);
        if progress.paused {
            return;
        }
        self.now.time += passed;
        let done = progress.steps.get(progress.current).map_or(0, |step| step.done);
        if progress.current != self.step {
            self.leave(progress);
            (self.step, self.done) = (progress.current, 0);
            self.began = self.now;
        }
        self.now.bytes = self.now.bytes.saturating_add(done.saturating_sub(self.done));
        self.done = done;
        if self.recent.len() > 1
            && let Some(newest) = self.recent.back_mut()
            && newest.time + CLOSEST > self.now.time
        {
            newest.bytes = self.now.bytes;
            return;
        }
        self.recent.push_back(self.now);
        let minute = Duration::from_secs(MINUTE as u64);
        while self.recent.get(1).is_some_and(|second| second.time + minute <= self.now.time) {
            self.recent.pop_front();
        }
    }

    /// The step under way has ended.
    fn leave(&mut self, progress: &Progress) {
        let moved = Moved { time: self.now.time - self.began.time, bytes: self.now.bytes - self.began.bytes };
        if let Some(left) = progress.steps.get(self.step).map(|step| pace(step.step.kind)) {
            match self.measured.iter_mut().find(|(pace, _)| *pace == left) {
                Some((_, sum)) => {
                    sum.time += moved.time;
                    sum.bytes = sum.bytes.saturating_add(moved.bytes);
                }
                None => self.measured.push((left, moved)),
            }
        }
    }

    /// Bytes in a second over the last few seconds of this step; `None` while nothing can be said.
    #[must_use]
    pub fn rate(&self) -> Option<u64> {
        self.rate_over(WINDOW)
    }

    fn rate_over(&self, window: Duration) -> Option<u64> {
        let since = self.now.time.saturating_sub(window);
        let mut own = self.recent.iter().rev().take_while(|moved| moved.time >= self.began.time);
        let first = own.by_ref().find(|moved| moved.time <= since);
        let first = first.or_else(|| self.recent.iter().find(|moved| moved.time >= self.began.time))?;
        rate(self.now.time.saturating_sub(first.time), self.now.bytes.saturating_sub(first.bytes))
    }

    /// Bytes in each second of the last minute, oldest first.
    #[must_use]
    pub fn history(&self) -> Vec<u64> {
        let seconds = usize::try_from(self.now.time.as_secs()).unwrap_or(MINUTE).min(MINUTE);
        let mut history = vec![0; seconds];
        let mut samples = self.recent.iter();
        let Some(mut before) = samples.next() else { return history };
        for sample in samples {
            let age = self.now.time.saturating_sub(sample.time).as_secs();
            let at = usize::try_from(age).ok().and_then(|age| seconds.checked_sub(age + 1));
            if let Some(second) = at.and_then(|at| history.get_mut(at)) {
                *second += sample.bytes.saturating_sub(before.bytes);
            }
            before = sample;
        }
        history
    }

    /// How long the rest of this step and all later ones take. Never nothing before the last of them has ended; `None`
    /// while nothing can be said, and once it has.
    #[must_use]
    pub fn remaining(&self, progress: &Progress) -> Option<Duration> {
        let here = self.rate_over(STEADY);
        let spent = self.now.time.saturating_sub(self.began.time);
        let mut written = self.measured_of(Pace::Writes).map_or(Duration::ZERO, |moved| moved.time);
        let mut all = Duration::ZERO;
        for (index, step) in progress.steps.iter().enumerate().skip(progress.current) {
            let is_current = index == progress.current;
            let (took, left) = if is_current {
                (spent, step.step.bytes - step.done.min(step.step.bytes))
            } else {
                (Duration::ZERO, step.step.bytes)
            };
            let pace = pace(step.step.kind);
            let time = if left == 0 {
                wait(pace, written).saturating_sub(took)
            } else {
                self.time_of(pace, step, left, here.filter(|_| is_current))?
            };
            if pace == Pace::Writes {
                written += took + time;
            }
            all += time.max(if left == 0 && is_current { SHORTEST_WAIT } else { Duration::ZERO });
        }
        (progress.current < progress.steps.len()).then(|| all.max(SHORTEST_WAIT))
    }

    /// How long so many bytes take: at the rate of the step itself, else of its kind, else at that of any.
    fn time_of(&self, pace: Pace, step: &StepProgress, bytes: u64, own: Option<u64>) -> Option<Duration> {
        // What a check counts is no bytes, so no other step's rate tells anything of it.
        if step.step.kind == StepKind::CheckVolume && own.is_none() {
            return Some(SHORTEST_WAIT);
        }
        let known = |pace| self.measured_of(pace).and_then(|moved| rate(moved.time, moved.bytes));
        let rate = own
            .or_else(|| known(pace))
            .or_else(|| self.rate_over(STEADY))
            .or_else(|| known(Pace::Writes))
            .or_else(|| known(Pace::Reads))
            .filter(|rate| *rate > 0)?;
        Some(Duration::from_secs(bytes.div_ceil(rate)))
    }

    fn measured_of(&self, pace: Pace) -> Option<Moved> {
        self.measured.iter().find(|(known, _)| *known == pace).map(|(_, moved)| *moved)
    }
}

/// How long a step takes that moves no bytes, after so much time of writing.
fn wait(pace: Pace, written: Duration) -> Duration {
    match pace {
        Pace::Waits => (written / WAIT_PART).clamp(SHORTEST_WAIT, LONGEST_WAIT),
        Pace::Reads | Pace::Writes | Pace::Looks => Duration::ZERO,
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

/// A time as it is told: rounded up, the more coarsely the longer it is, so that it does not flicker.
#[must_use]
pub fn rounded(time: Duration) -> Duration {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let unit = match seconds {
        0..=20 => 1,
        21..=60 => 5,
        61..=600 => 10,
        601..=7200 => 60,
        _ => 300,
    };
    Duration::from_secs(seconds.div_ceil(unit) * unit)
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
    use crate::plan::{Safety, Step};

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A job whose steps have so many bytes, in step `current` with so many of it done.
    fn job(steps: &[(StepKind, u64)], current: usize, done: u64) -> Progress {
        let step = |(index, (kind, bytes)): (usize, &(StepKind, u64))| StepProgress {
            step: Step { kind: *kind, title: String::new(), bytes: *bytes, safety: Safety::Reads },
            done: match index.cmp(&current) {
                std::cmp::Ordering::Less => *bytes,
                std::cmp::Ordering::Equal => done,
                std::cmp::Ordering::Greater => 0,
            },
        };
        Progress { steps: steps.iter().enumerate().map(step).collect(), current, ..Progress::default() }
    }

    fn write(done: u64) -> Progress {
        job(&[(StepKind::WriteImage, 1_000_000)], 0, done)
    }

    const RESTORE: [(StepKind, u64); 5] = [
        (StepKind::VerifyImage, 1000),
        (StepKind::WriteClusters, 1000),
        (StepKind::SyncTarget, 0),
        (StepKind::ReadBackTarget, 1000),
        (StepKind::Seal, 0),
    ];

    /// A restore that is sampled every second: verified at 100 a second, written at 10, flushed in 5 seconds, read back at
    /// 100. After each second: the time gone by, and what was told of the time left.
    fn restore() -> Vec<(u64, Option<Duration>)> {
        let mut samples = Samples::default();
        let mut told = Vec::new();
        for second in 0..=125 {
            let progress = match second {
                0..10 => job(&RESTORE, 0, second * 100),
                10..110 => job(&RESTORE, 1, (second - 10) * 10),
                110..115 => job(&RESTORE, 2, 0),
                115..125 => job(&RESTORE, 3, (second - 115) * 100),
                _ => job(&RESTORE, 4, 0),
            };
            samples.push(secs(second), &progress);
            told.push((second, samples.remaining(&progress)));
        }
        told
    }

    #[test]
    fn the_rate_is_taken_over_the_last_seconds_only() {
        let mut samples = Samples::default();
        samples.push(secs(0), &write(0));
        assert_eq!(samples.rate(), None);
        for second in 1..=60 {
            samples.push(secs(second), &write(second * 10));
        }
        for second in 1..=20 {
            samples.push(secs(60 + second), &write(600 + second * 100));
        }
        assert_eq!(samples.rate(), Some(100));
    }

    #[test]
    fn a_pause_takes_no_part_in_the_rate() {
        let mut samples = Samples::default();
        samples.push(secs(0), &write(0));
        samples.push(secs(4), &write(400));
        samples.push(secs(3600), &Progress { paused: true, ..write(400) });
        samples.push(secs(3604), &write(800));
        assert_eq!(samples.rate(), Some(100));
    }

    #[test]
    fn a_job_that_stands_still_has_no_remaining_time() {
        let mut samples = Samples::default();
        samples.push(secs(0), &write(7));
        samples.push(secs(40), &write(7));
        assert_eq!((samples.rate(), samples.remaining(&write(7))), (Some(0), None));
    }

    #[test]
    fn a_step_that_ends_early_does_not_count_as_fast() {
        let mut samples = Samples::default();
        for second in 0..5 {
            samples.push(secs(second), &job(&RESTORE, 1, second * 10));
        }
        samples.push(secs(5), &job(&RESTORE, 3, 10));
        assert_eq!(samples.now.bytes, 50);
        assert_eq!(samples.rate(), None, "the rate is that of the step under way");
    }

    #[test]
    fn the_time_left_counts_what_is_written_flushed_and_read_back() {
        let told = restore();
        // In the midst of the writing: 500 at 10 a second, the flush, and 1000 to be read as fast as was verified.
        let (second, left) = told[60];
        let left = left.expect("a time").as_secs();
        assert_eq!(second, 60);
        assert!((60..=70).contains(&left), "{left} s are told, 65 s it took");
        for (second, left) in &told[15..125] {
            let left = left.expect("a time").as_secs();
            let took = 125 - second;
            assert!(left.abs_diff(took) <= 2 + took / 5, "after {second} s {left} s are told, {took} s it took");
        }
    }

    #[test]
    fn the_time_left_never_is_nothing_before_the_end() {
        for (second, left) in &restore()[1..] {
            assert!(left.is_some_and(|left| left >= secs(1)), "after {second} s: {left:?}");
        }
        let ended = job(&RESTORE, RESTORE.len(), 0);
        assert_eq!(Samples::default().remaining(&ended), None);
    }

    #[test]
    fn a_pace_not_met_yet_is_taken_to_be_that_of_now() {
        let steps = [(StepKind::WriteImage, 1000), (StepKind::SyncImage, 0), (StepKind::ReadBackImage, 500)];
        let mut samples = Samples::default();
        for second in 0..=10 {
            samples.push(secs(second), &job(&steps, 0, second * 50));
        }
        // 500 to write and 500 to read at 50 a second, and a second for the flush.
        assert_eq!(samples.remaining(&job(&steps, 0, 500)), Some(secs(21)));
    }

    #[test]
    fn what_a_check_counts_says_nothing_of_other_steps() {
        let steps = [(StepKind::WriteClusters, 1000), (StepKind::CheckVolume, 1 << 40)];
        let mut samples = Samples::default();
        for second in 0..=10 {
            samples.push(secs(second), &job(&steps, 0, second * 50));
        }
        assert_eq!(samples.remaining(&job(&steps, 0, 500)), Some(secs(11)));
    }

    #[test]
    fn the_last_minute_is_kept_second_by_second_however_often_it_is_sampled() {
        let mut samples = Samples::default();
        for tick in 0..=100_000_u64 {
            samples.push(Duration::from_millis(tick * 2), &write(tick / 500 * 10));
        }
        let history = samples.history();
        assert_eq!(history.len(), 60);
        assert!(history.iter().all(|bytes| (0..=20).contains(bytes)));
        assert!(history.iter().sum::<u64>().abs_diff(600) <= 20);
        assert!(samples.recent.len() < 2000, "{}", samples.recent.len());
        assert!(Samples::default().history().is_empty());
    }

    #[test]
    fn long_times_are_told_coarsely_and_never_too_short() {
        for seconds in [0, 1, 19, 21, 59, 61, 599, 601, 7199, 7201, 100_000] {
            let told = rounded(secs(seconds));
            assert!(told >= secs(seconds) && told <= secs(seconds + 299), "{seconds}: {told:?}");
        }
        assert_eq!(rounded(Duration::from_millis(201)), secs(1));
        assert_eq!(rounded(secs(127)), secs(130));
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

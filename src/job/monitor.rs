//! The window between the worker and whoever watches it: the worker bumps counters and never waits, the
//! watcher samples them; the watcher's wishes (pause, cancel) are flags that the worker looks at between
//! chunks.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::Watch;
use crate::plan::Step;

/// What an entry of the log begins with that tells of a problem.
pub const PROBLEM_SIGN: char = '!';

/// So many entries of the log are kept; a dying disk has something to tell of every cluster.
const MAX_ENTRIES: usize = 1000;

/// So much of an entry is kept.
const MAX_ENTRY_CHARS: usize = 1000;

/// The place of a worker that is at no cluster: no volume has so many.
const NOWHERE: u64 = u64::MAX;

/// Shared between the worker and its watchers.
#[derive(Debug)]
pub struct Monitor {
    steps: Mutex<Vec<Step>>,
    current: AtomicUsize,
    done: AtomicU64,
    cluster: AtomicU64,
    cancel: AtomicBool,
    paused: Mutex<bool>,
    resumed: Condvar,
    log: Mutex<Vec<String>>,
}

/// One step, as sampled.
#[derive(Clone, PartialEq, Debug)]
pub struct StepProgress {
    /// The step.
    pub step: Step,
    /// Bytes of it that are done.
    pub done: u64,
}

/// The job, as sampled.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Progress {
    /// All steps, in order.
    pub steps: Vec<StepProgress>,
    /// Which of them is under way.
    pub current: usize,
    /// The first cluster of what was read or written last, of the volume that the job is about; `None` while the
    /// step does not go through that volume. Within a step it only rises.
    pub cluster: Option<u64>,
    /// The worker waits to be resumed.
    pub paused: bool,
    /// Cancel was asked for.
    pub cancelling: bool,
    /// Rare events, in words, oldest first.
    pub log: Vec<String>,
}

impl Progress {
    /// Bytes done and bytes in all, over all steps.
    #[must_use]
    pub fn overall(&self) -> (u64, u64) {
        self.steps
            .iter()
            .fold((0, 0), |(done, all), step| (done + step.done.min(step.step.bytes), all + step.step.bytes))
    }
}

impl Default for Monitor {
    fn default() -> Self {
        Self {
            steps: Mutex::default(),
            current: AtomicUsize::default(),
            done: AtomicU64::default(),
            cluster: AtomicU64::new(NOWHERE),
            cancel: AtomicBool::default(),
            paused: Mutex::default(),
            resumed: Condvar::default(),
            log: Mutex::default(),
        }
    }
}

impl Monitor {
    /// A monitor for one job.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the watcher sees now.
    #[must_use]
    pub fn sample(&self) -> Progress {
        let mut current = self.current.load(Ordering::Acquire);
        let (done, cluster) = loop {
            let counters = (self.done.load(Ordering::Relaxed), self.cluster.load(Ordering::Acquire));
            // Those of a step that began meanwhile do not belong to the one before it.
            let now = self.current.load(Ordering::Acquire);
            if now == current {
                break counters;
            }
            current = now;
        };
        let steps = lock(&self.steps)
            .iter()
            .enumerate()
            .map(|(index, step)| StepProgress {
                step: step.clone(),
                done: match index.cmp(&current) {
                    std::cmp::Ordering::Less => step.bytes,
                    std::cmp::Ordering::Equal => done.min(step.bytes),
                    std::cmp::Ordering::Greater => 0,
                },
            })
            .collect();
        Progress {
            steps,
            current,
            cluster: (cluster != NOWHERE).then_some(cluster),
            paused: *lock(&self.paused),
            cancelling: self.cancel.load(Ordering::Relaxed),
            log: lock(&self.log).clone(),
        }
    }

    /// Asks the worker to stop; answered within a chunk.
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
        self.pause(false);
    }

    /// Lets the worker wait, or go on.
    pub fn pause(&self, paused: bool) {
        *lock(&self.paused) = paused;
        self.resumed.notify_all();
    }

    /// The worker's side: the plan's steps, before the first.
    pub fn begin(&self, steps: Vec<Step>) {
        *lock(&self.steps) = steps;
        self.enter(0);
    }

    /// The worker's side: step `index` begins.
    pub fn enter(&self, index: usize) {
        self.done.store(0, Ordering::Relaxed);
        self.cluster.store(NOWHERE, Ordering::Relaxed);
        self.current.store(index, Ordering::Release);
    }

    /// The worker's side: so many more bytes are done.
    pub fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The worker's side: so many more bytes are done, those of the clusters of these runs.
    pub fn advance_at(&self, runs: &[Extent], bytes: u64) {
        if let Some(run) = runs.first() {
            self.cluster.store(run.start.0, Ordering::Release);
        }
        self.advance(bytes);
    }

    /// The worker's side: so many bytes of the step are done, all told.
    pub fn reach(&self, bytes: u64) {
        self.done.store(bytes, Ordering::Relaxed);
    }

    /// The worker's side: a rare event, for the log pane and the log file.
    pub fn event(&self, text: impl Into<String>) {
        let text = text.into();
        tracing::info!("{text}");
        self.remember(text);
    }

    /// The worker's side: something went wrong, and the job goes on. It stands in the log behind [`PROBLEM_SIGN`].
    pub fn problem(&self, text: impl Into<String>) {
        let text = text.into();
        tracing::warn!("{text}");
        self.remember(format!("{PROBLEM_SIGN} {text}"));
    }

    /// Watchers copy the log with every sample: it is short, and so are its entries. The log file has all.
    fn remember(&self, mut text: String) {
        if let Some((end, _)) = text.char_indices().nth(MAX_ENTRY_CHARS) {
            text.truncate(end);
            text.push('…');
        }
        let mut log = lock(&self.log);
        if log.len() >= MAX_ENTRIES {
            log.remove(0);
        }
        log.push(text);
    }

    /// The worker's side, between chunks: waits while paused, and ends the work when cancelled.
    ///
    /// # Errors
    /// [`Kind::Cancelled`](crate::error::Kind::Cancelled) once [`cancel`](Self::cancel) was called.
    pub fn check(&self) -> Result<()> {
        let mut paused = lock(&self.paused);
        while *paused {
            paused = self.resumed.wait(paused).unwrap_or_else(PoisonError::into_inner);
        }
        drop(paused);
        if self.cancel.load(Ordering::Relaxed) { Err(Error::cancelled()) } else { Ok(()) }
    }
}

/// A look that is part of a job adds no steps of its own: its watcher only lets it wait, and ends it.
impl Watch for Monitor {
    fn advance(&self, _: &'static str, _: u64, _: u64) {}

    fn proceed(&self) -> Result<()> {
        self.check()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

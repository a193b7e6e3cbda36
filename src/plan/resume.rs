//! Planning to finish, or to roll back, a job that was interrupted.

use std::path::PathBuf;

use serde::Serialize;
use uuid::Uuid;

use super::change::{ChangeView, JournalPlace, may_change};
use super::names::{fact, place_words, step};
use super::{Plan, Safety, StepKind, Work, quoted};
use crate::error::Result;
use crate::inventory::{Address, Place};
use crate::words::{en, fill};

/// Which way an interrupted job is brought to an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// What is not done is done.
    Finish,
    /// What is done is taken back.
    RollBack,
}

/// How thoroughly a journal is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// The first and the last 64 MiB of the volume.
    Quick,
    /// All of it.
    Full,
}

/// What the user asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct ResumeRequest {
    /// The volume.
    pub volume: Address,
    /// The journal, when it is a file; else it is looked for on the volume.
    pub journal: Option<PathBuf>,
    /// Which way.
    pub direction: Direction,
}

impl ResumeRequest {
    fn command(&self) -> String {
        let mut command = format!("lifeboat resume {}", quoted(&self.volume.to_string()));
        if let Some(journal) = &self.journal {
            command += &format!(" --journal {}", quoted(&journal.to_string_lossy()));
        }
        if self.direction == Direction::RollBack {
            command += " --roll-back";
        }
        command
    }
}

/// An interrupted job, as its journal tells.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Interrupted {
    /// Its id.
    pub job: Uuid,
    /// What it was about.
    pub name: String,
    /// When it was begun.
    pub created: Option<jiff::Timestamp>,
    /// Which volume, in words.
    pub volume: String,
    /// Where its journal is, in words.
    pub journal: String,
    /// Steps may be done; else the power went while the journal itself was being written, and the volume was not
    /// touched.
    pub begun: bool,
    /// How many steps are done.
    pub done: usize,
    /// The step after these is done in part.
    pub partly: bool,
    /// The steps.
    pub steps: Vec<ChangeView>,
    /// Bytes that were copied before the first step.
    pub copied_bytes: u64,
    /// What it overwrites was kept; a restore can only be finished.
    pub can_roll_back: bool,
}

impl Interrupted {
    /// In one line: `moving 212 MiB out of the way: 3 of 5 steps done`.
    #[must_use]
    pub fn words(&self) -> String {
        if !self.begun {
            return en::VALUE_UNTOUCHED.into();
        }
        if !self.can_roll_back {
            return fill(en::VALUE_UNFINISHED, &[("name", &self.name)]);
        }
        let words = if self.partly { en::VALUE_STEPS_DONE_PARTLY } else { en::VALUE_STEPS_DONE };
        fill(words, &[("name", &self.name), ("done", &self.done), ("steps", &self.steps.len())])
    }

    /// The steps that a direction carries out or takes back, in order.
    #[must_use]
    pub fn remaining(&self, direction: Direction) -> Vec<usize> {
        let done = self.done.min(self.steps.len());
        let touched = (done + usize::from(self.partly)).min(self.steps.len());
        match direction {
            Direction::Finish => (done..self.steps.len()).collect(),
            Direction::RollBack => (0..touched).rev().collect(),
        }
    }
}

/// What was found, for planning.
#[derive(Clone, Debug)]
pub struct ResumeSurvey {
    /// Where the volume lies.
    pub place: Place,
    /// Where the journal is.
    pub journal: JournalPlace,
    /// The job.
    pub interrupted: Interrupted,
    /// What keeps the volume or its file from being changed now, in words.
    pub in_use: Option<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What the worker needs to bring an interrupted job to an end.
#[derive(Clone, Debug)]
pub struct ResumeWork {
    /// The request.
    pub request: ResumeRequest,
    /// What was found.
    pub survey: ResumeSurvey,
}

/// Plans to bring an interrupted job to an end.
///
/// # Errors
/// A refusal, with what to do instead.
pub fn resume(request: &ResumeRequest, survey: ResumeSurvey) -> Result<Plan> {
    may_change(&request.volume, &survey.place, survey.in_use.as_deref())?;
    let job = &survey.interrupted;
    let made = job.created.map(|created| created.to_string()).unwrap_or_default();
    let facts = vec![
        fact(en::PLAN_INTERRUPTED, job.words()),
        fact(en::FACT_BEGUN, made),
        fact(en::VOLUME, job.volume.clone()),
        fact(en::PLAN_PLACE, place_words(&request.volume, &survey.place)),
        fact(en::FACT_JOURNAL, survey.journal.to_string()),
        fact(en::PLAN_JOB, job.job.to_string()),
    ];
    let mut steps = Vec::new();
    if job.copied_bytes > 0 {
        let bytes = match request.direction {
            Direction::Finish => job.copied_bytes.saturating_mul(2),
            Direction::RollBack => job.copied_bytes,
        };
        steps.push(step(StepKind::ReadBackCopies, en::STEP_CHECK_COPIES, bytes, Safety::Reads));
    }
    for index in job.remaining(request.direction) {
        let view = &job.steps[index];
        let title = match request.direction {
            Direction::Finish => view.title.clone(),
            Direction::RollBack => fill(en::STEP_TAKE_BACK, &[("step", &view.title)]),
        };
        steps.push(step(StepKind::ChangeMetadata, &title, view.patched_bytes, Safety::Overwrites));
    }
    steps.push(step(StepKind::CloseJournal, en::STEP_CLOSE_JOURNAL, 0, Safety::Overwrites));
    let headline = match request.direction {
        Direction::Finish => en::PLANNED_FINISH,
        Direction::RollBack => en::PLANNED_ROLL_BACK,
    };
    Ok(Plan {
        headline: fill(headline, &[("volume", &request.volume), ("what", &job.words())]),
        facts,
        steps,
        warnings: survey.warnings.clone(),
        command: request.command(),
        confirm: Some(super::restore::confirm_word(&request.volume)),
        work: Work::Resume(Box::new(ResumeWork { request: request.clone(), survey })),
    })
}

//! `lifeboat resume`: the end of a job that a power cut interrupted. It asks before it writes.

use std::sync::Arc;

use serde::Serialize;

use super::arguments::Resume;
use super::console::{Console, is_terminal};
use super::{consent, preview, progress};
use crate::error::{Error, Result};
use crate::job::{self, Monitor, Report, Resumption};
use crate::plan::{self, Direction, Interrupted, Plan, ResumeRequest, Work};

/// What `--json` prints when there was something to do.
#[derive(Serialize)]
struct Document<'a> {
    journal: Option<&'a Interrupted>,
    #[serde(flatten)]
    report: &'a Report,
}

/// Looks for the journal, shows what would be done, asks, and does it.
pub(super) fn run(command: &Resume) -> u8 {
    let console = Console::new(command.json);
    work(command, &console).unwrap_or_else(|error| console.error(&error))
}

fn work(command: &Resume, console: &Console) -> Result<u8> {
    let request = ResumeRequest {
        volume: command.source.clone(),
        journal: command.journal.clone(),
        direction: if command.roll_back { Direction::RollBack } else { Direction::Finish },
    };
    let monitor = Arc::new(Monitor::new());
    let found = progress::watch(&monitor, |monitor| job::plan_resume(&request, monitor))??;
    let plan = match found {
        Resumption::Nothing(words) => return Ok(nothing(console, None, "nothing", &words)),
        Resumption::NotBegun(journal) => {
            let words = format!("There is nothing to do: {}.", journal.words());
            return Ok(nothing(console, Some(&journal), "not-begun", &words));
        }
        Resumption::Job(plan) => plan,
    };
    preview::log(&plan);
    if command.dry_run {
        dry_run(console, &plan);
        return Ok(0);
    }
    if command.yes {
        console.say(&format!("lifeboat: {}", plan.headline));
        for warning in &plan.warnings {
            console.say(&format!("lifeboat: warning: {warning}"));
        }
    } else {
        can_ask()?;
        consent::ask(console, &plan)?;
    }
    let report = progress::watch(&monitor, |monitor| job::run(&plan, monitor))?;
    Ok(console.report_as(&report, &Document { journal: journal(&plan), report: &report }))
}

fn journal(plan: &Plan) -> Option<&Interrupted> {
    match &plan.work {
        Work::Resume(work) => Some(&work.survey.interrupted),
        _ => None,
    }
}

fn nothing(console: &Console, journal: Option<&Interrupted>, outcome: &str, words: &str) -> u8 {
    if console.json() {
        console.document(&serde_json::json!({ "journal": journal, "outcome": outcome }));
    } else {
        console.line(words);
    }
    0
}

fn dry_run(console: &Console, plan: &Plan) {
    if console.json() {
        console.document(&serde_json::json!({ "journal": journal(plan), "plan": plan::preview(plan) }));
    } else {
        preview::print(console, plan);
    }
}

fn can_ask() -> Result<()> {
    if is_terminal(&std::io::stdin()) && is_terminal(&std::io::stderr()) {
        return Ok(());
    }
    Err(Error::refused("an interrupted job was found, and without a terminal nobody can be asked what to do about it")
        .advise("--dry-run shows what would be done, --yes finishes it, --roll-back --yes takes it back"))
}

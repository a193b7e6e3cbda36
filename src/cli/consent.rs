//! What every command that overwrites something does with its plan: shows it, asks, and carries it out.

use std::io::{BufRead, Write};
use std::sync::Arc;

use super::console::{Console, is_terminal};
use super::{preview, progress};
use crate::error::{Error, Result};
use crate::job::{self, Monitor};
use crate::plan::{self, Plan};

/// What is typed where the plan overwrites nothing and so has no word of its own.
const YES: &str = "yes";

/// What the user said beforehand.
#[derive(Clone, Copy)]
pub(super) struct Consent {
    /// Do not ask.
    pub(super) yes: bool,
    /// Show the plan, and do nothing.
    pub(super) dry_run: bool,
}

/// Shows a plan, asks, and carries it out. `what` would happen, in words, for where nobody can be asked.
pub(super) fn carry_out(
    plan: &Plan,
    consent: Consent,
    what: &str,
    console: &Console,
    monitor: &Arc<Monitor>,
) -> Result<u8> {
    preview::log(plan);
    if consent.dry_run {
        preview::print(console, plan);
        return Ok(0);
    }
    if consent.yes {
        for warning in &plan.warnings {
            console.say(&format!("lifeboat: warning: {warning}"));
        }
    } else {
        can_ask(what)?;
        ask(console, plan)?;
    }
    let report = progress::watch(monitor, |monitor| job::run(plan, monitor))?;
    Ok(console.report(&report))
}

/// What may be done where nobody can be asked.
pub(super) const UNASKED: &str = "--dry-run shows what would be done, --yes does it without asking";

/// Refuses to go on where nobody can be asked.
pub(super) fn can_ask(what: &str) -> Result<()> {
    if is_terminal(&std::io::stdin()) && is_terminal(&std::io::stderr()) {
        return Ok(());
    }
    Err(Error::refused(format!("{what}, and without a terminal nobody can be asked")).advise(UNASKED))
}

/// Shows the plan and waits for its word. Everything but exactly that word is a no.
pub(super) fn ask(console: &Console, plan: &Plan) -> Result<()> {
    for line in preview::lines(&plan::preview(plan)) {
        console.say(&line);
    }
    let word = plan.confirm.as_deref().unwrap_or(YES);
    let shown = super::words::clean(word);
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "Type {shown} to go on, anything else to leave: ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|error| Error::io("reading the answer", error))?;
    // A word with characters that no keyboard types is typed as it is shown.
    if answer.trim() == word || answer.trim() == shown {
        tracing::info!("confirmed with {word:?}");
        return Ok(());
    }
    Err(Error::refused("not confirmed; nothing was written"))
}

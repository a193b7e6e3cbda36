//! A plan, printed: what `--dry-run` shows, what stands above the question, and what the log keeps.

use super::console::{Console, facts};
use super::table::Columns;
use crate::plan::{self, ChangeView, Plan, Preview, Safety};
use crate::unit::ByteLen;

/// Prints a plan for `--dry-run`: in words, or as the document `{"plan": ...}`.
pub(super) fn print(console: &Console, plan: &Plan) {
    let preview = plan::preview(plan);
    if console.json() {
        console.document(&serde_json::json!({ "plan": preview }));
    } else {
        for line in lines(&preview) {
            console.line(&line);
        }
    }
}

/// Writes the plan to the log, before anything is done.
pub(super) fn log(plan: &Plan) {
    for line in lines(&plan::preview(plan)) {
        tracing::info!("plan: {}", super::words::clean(&line));
    }
}

/// Patches of a step that are listed for people; `--json` has all.
const LISTED: usize = 24;

/// What a step changes, line by line.
fn change(change: &ChangeView) -> Vec<String> {
    let mut lines = vec![format!("{}:", change.title)];
    let mut columns = Columns::default();
    for patch in change.patches.iter().take(LISTED) {
        let place = format!("  byte {}", patch.offset.0);
        columns.row([place, format!("{} bytes", patch.bytes), super::words::clean(&patch.tags.join("; "))]);
    }
    lines.extend(columns.lines(&[1]));
    if change.patches.len() > LISTED {
        lines.push(format!("  and {} more places; --json lists them", change.patches.len() - LISTED));
    }
    lines
}

/// The preview, line by line.
pub(super) fn lines(preview: &Preview) -> Vec<String> {
    let mut lines = vec![preview.headline.clone()];
    lines.extend(facts(&preview.facts));
    let mut steps = Columns::default();
    for (index, step) in preview.steps.iter().enumerate() {
        let safety = match step.safety {
            Safety::Reads => "reads only",
            Safety::Creates => "creates",
            Safety::Overwrites => "OVERWRITES",
        };
        steps.row([
            format!("  {}.", index + 1),
            super::words::clean(&step.title),
            ByteLen(step.bytes).to_string(),
            safety.to_owned(),
        ]);
    }
    if !preview.steps.is_empty() {
        lines.push("Steps:".to_owned());
        lines.extend(steps.lines(&[2]));
    }
    lines.extend(preview.changes.iter().flat_map(change));
    lines.extend(preview.warnings.iter().map(|warning| format!("Warning: {warning}")));
    lines.push(format!("Command: {}", preview.command));
    lines
}

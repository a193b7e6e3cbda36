//! A plan, printed: what `--dry-run` shows, what stands above the question, and what the log keeps.

use super::console::{Console, facts};
use super::table::Columns;
use crate::inventory::{Layout, PieceKind};
use crate::job::{self, Monitor};
use crate::plan::{self, ChangeView, Plan, Preview, Safety};
use crate::unit::ByteLen;

/// Prints a plan for `--dry-run`: in words, or as the document `{"plan": ...}`; with the disk's layout before and after
/// where they differ.
pub(super) fn print(console: &Console, plan: &Plan) {
    let preview = plan::preview(plan);
    let layout = job::layouts(plan, &[], &Monitor::new()).filter(|(before, after)| before != after);
    if console.json() {
        let mut document = serde_json::json!({ "plan": preview });
        if let Some((before, after)) = layout {
            document["layout"] = serde_json::json!({ "before": before, "after": after });
        }
        console.document(&document);
        return;
    }
    for line in lines(&preview) {
        console.line(&line);
    }
    if let Some((before, after)) = &layout {
        for line in layout_lines("Layout before:", before).into_iter().chain(layout_lines("Layout after:", after)) {
            console.line(&line);
        }
    }
}

/// A disk's pieces, line by line: number, kind, label, where it begins, size, images.
fn layout_lines(title: &str, layout: &Layout) -> Vec<String> {
    let mut columns = Columns::default();
    for piece in &layout.pieces {
        let number = match piece.kind {
            PieceKind::Partition => piece.number.to_string(),
            PieceKind::Found => "found".to_owned(),
            PieceKind::Whole => "whole".to_owned(),
            PieceKind::Gap => "-".to_owned(),
        };
        let what = match (piece.kind, piece.volume) {
            (PieceKind::Gap, _) => "free".to_owned(),
            (_, Some(kind)) => kind.to_string(),
            (_, None) => "unknown".to_owned(),
        };
        columns.row([
            format!("  {number}"),
            what,
            piece.label.as_deref().map(super::words::clean).unwrap_or_default(),
            format!("at byte {}", piece.start),
            ByteLen(piece.bytes).to_string(),
            if piece.has_images { "holds images".to_owned() } else { String::new() },
        ]);
    }
    std::iter::once(title.to_owned()).chain(columns.lines(&[4])).collect()
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

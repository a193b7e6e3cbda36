//! The disk and the volume of a plan as pictures: before and after on the preview, and as it fills while the job runs.

use ratatui::text::{Line, Span};

use crate::inventory::{Layout, PieceKind, VolumeMap};
use crate::job::{Pictures, Progress};
use crate::plan::StepKind;
use crate::ui::model::Model;
use crate::ui::text;
use crate::ui::widget::{Overlay, clip, cluster_map, layout_bar};

/// Lines of the map on the preview, with its legend.
const MAP_ROWS: usize = 8;

/// The disk before and after, one above the other; once, where they are the same.
pub(super) fn layouts(model: &Model, pictures: &Pictures, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let Some((before, after)) = &pictures.layout else { return Vec::new() };
    let is_same = before == after;
    let mut lines = vec![Line::default()];
    let words = if is_same { text::LAYOUT_SAME } else { text::LAYOUT_BEFORE };
    lines.push(heading(model, words, before, pictures.chosen, columns));
    lines.extend(layout_bar(theme, before, pictures.chosen, columns));
    if !is_same {
        lines.push(heading(model, text::LAYOUT_AFTER, after, pictures.chosen, columns));
        lines.extend(layout_bar(theme, after, pictures.chosen, columns));
    }
    lines
}

/// What the bar below shows, and what is in the place that it marks: in the bar there may be no room to say that.
fn heading(model: &Model, words: &str, layout: &Layout, chosen: Option<u64>, columns: usize) -> Line<'static> {
    let theme = model.theme;
    let mut spans = vec![Span::styled(words.to_owned(), theme.strong())];
    let piece = layout.pieces.iter().find(|piece| piece.kind != PieceKind::Gap && chosen == Some(piece.start));
    if let Some(piece) = piece {
        let what = match piece.volume {
            Some(kind) => text::imaged(kind, piece.label.as_deref(), piece.bytes),
            None => text::bytes(piece.bytes),
        };
        spans.push(Span::styled("   ▲ ", theme.accent()));
        let room = columns.saturating_sub(spans.iter().map(Span::width).sum());
        spans.push(Span::raw(clip(&what, room.min(MAX_WORDS))));
    }
    Line::from(spans)
}

/// Labels are as long as their writers like.
const MAX_WORDS: usize = 48;

/// The volume as it will be, or as it is where nothing will be changed.
pub(super) fn map(model: &Model, pictures: &Pictures, columns: usize) -> Vec<Line<'static>> {
    let (words, map) = match (&pictures.map_before, &pictures.map_after) {
        (_, Some(after)) => (text::MAP_AFTER, after),
        (Some(before), None) => (text::MAP_NOW, before),
        (None, None) => return Vec::new(),
    };
    let mut lines = super::heading(model, words).to_vec();
    // Where clusters are moved, from where says as much as to where.
    if let (Some(before), Some(after)) = (&pictures.map_before, &pictures.map_after)
        && before != after
    {
        lines = super::heading(model, text::MAP_NOW).to_vec();
        lines.extend(cluster_map(model.theme, before, None, columns, MAP_ROWS));
        lines.push(Line::styled(text::MAP_AFTER, model.theme.strong()));
    }
    lines.extend(cluster_map(model.theme, map, None, columns, MAP_ROWS));
    lines
}

/// The volume that a job works on.
pub(super) fn worked_on(pictures: &Pictures) -> Option<&VolumeMap> {
    pictures.map_after.as_ref().or(pictures.map_before.as_ref())
}

/// The map with what is done of it, in so many lines.
pub(super) fn filling(
    model: &Model,
    map: &VolumeMap,
    progress: &Progress,
    columns: usize,
    rows: usize,
) -> Vec<Line<'static>> {
    cluster_map(model.theme, map, Some(overlay(map, progress)), columns, rows)
}

/// What is done: up to the worker's place where it goes through the volume, all of it once that is behind.
fn overlay(map: &VolumeMap, progress: &Progress) -> Overlay {
    if let Some(cluster) = progress.cluster {
        // While the image is checked, nothing is done on the volume yet: only the place is shown.
        let kind = progress.steps.get(progress.current).map(|step| step.step.kind);
        let done = if kind == Some(StepKind::VerifyImage) { 0 } else { cluster };
        return Overlay { done, writing: Some(cluster) };
    }
    let is_over = |index: usize| progress.current > index;
    let writes = |kind| matches!(kind, StepKind::WriteImage | StepKind::WriteClusters);
    let written = progress.steps.iter().position(|step| writes(step.step.kind)).is_some_and(is_over);
    Overlay { done: if written { map.clusters } else { 0 }, writing: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::StepProgress;
    use crate::plan::{Safety, Step};

    #[test]
    fn the_map_fills_with_the_worker_and_stays_full() {
        let map = VolumeMap::new(1000, 4096, &[]);
        let kinds = [StepKind::VerifyImage, StepKind::WriteClusters, StepKind::SyncTarget];
        let steps = kinds.map(|kind| StepProgress {
            step: Step { kind, title: String::new(), bytes: 1, safety: Safety::Reads },
            done: 0,
        });
        let at = |current, cluster| {
            let progress = Progress { steps: steps.to_vec(), current, cluster, ..Progress::default() };
            let overlay = overlay(&map, &progress);
            (overlay.done, overlay.writing)
        };
        assert_eq!(at(0, None), (0, None));
        assert_eq!(at(0, Some(500)), (0, Some(500)), "nothing is written while the image is checked");
        assert_eq!(at(1, None), (0, None));
        assert_eq!(at(1, Some(300)), (300, Some(300)));
        assert_eq!(at(2, None), (1000, None));
        assert_eq!(at(3, None), (1000, None));
    }
}

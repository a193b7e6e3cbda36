//! A progress bar.

use ratatui::text::Span;

use crate::ui::theme::Theme;

/// A bar of `columns`, `percent` of it full.
pub(in crate::ui) fn bar(theme: Theme, percent: u8, columns: usize) -> Vec<Span<'static>> {
    let full = columns * usize::from(percent.min(100)) / 100;
    vec![
        Span::styled("█".repeat(full), theme.accent()),
        Span::styled("░".repeat(columns.saturating_sub(full)), theme.quiet()),
    ]
}

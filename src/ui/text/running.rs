//! Sentences of the preview, of a job under way, and of its report.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::en;
use super::fill::{fill, plural};

/// Entries of the log below those that are shown.
#[must_use]
pub fn log_newer(count: usize) -> String {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    fill(plural(count, en::LOG_NEWER_ONE, en::LOG_NEWER_MANY), &[("count", &count)])
}

/// The offered name of a saved report.
#[must_use]
pub fn report_file(date: &str) -> String {
    fill(en::REPORT_FILE, &[("date", &date)])
}

/// Where the report was saved.
#[must_use]
pub fn saved(path: &Path) -> String {
    fill(en::SAVED, &[("path", &path.display())])
}

/// Why a report was not saved.
#[must_use]
pub fn save_trouble(template: &str, path: &Path, error: &io::Error) -> String {
    let shown = path.display();
    match template {
        en::SAVE_FAILED => fill(template, &[("path", &shown), ("error", error)]),
        _ => fill(template, &[("path", &shown)]),
    }
}

/// The first line of a saved report.
#[must_use]
pub fn report_title(version: &str, date: &str) -> String {
    fill(en::REPORT_TITLE, &[("version", &version), ("date", &date)])
}

/// How long a job took, for its report.
#[must_use]
pub fn took(time: Duration) -> String {
    super::duration(time)
}

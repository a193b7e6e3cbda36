//! Sentences of the preview, of a job under way, and of its report.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use crate::ui::model::Onward;
use crate::ui::msg::Clock;
use crate::words::{en, fill, plural};

/// Entries of the log below those that are shown.
#[must_use]
pub fn log_newer(count: usize) -> String {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    fill(plural(count, en::LOG_NEWER_ONE, en::LOG_NEWER_MANY), &[("count", &count)])
}

/// The offered name of a saved report: with the time, since there may be several a day.
#[must_use]
pub fn report_file(clock: &Clock) -> String {
    // A colon is no part of a name on FAT and NTFS.
    let time = clock.time.replace(':', "");
    fill(en::REPORT_FILE, &[("date", &clock.date), ("time", &time)])
}

/// Where the report leads, as its next step.
#[must_use]
pub fn onward(why: Onward) -> &'static str {
    match why {
        Onward::CameFrom => en::NEXT_LOOK_AGAIN,
        Onward::StillWrong => en::NEXT_STILL_WRONG,
    }
}

/// Where the report was saved.
#[must_use]
pub fn saved(path: &Path) -> String {
    fill(en::SAVED, &[("path", &path.display())])
}

/// Why a report was not saved, and what to do.
#[must_use]
pub fn save_trouble(kind: ErrorKind, path: &Path, folder: &Path, error: &io::Error) -> (String, &'static str) {
    let (path, folder) = (path.display(), folder.display());
    match kind {
        ErrorKind::IsADirectory => (fill(en::SAVE_IS_FOLDER, &[("path", &path)]), en::SAVE_IS_FOLDER_NEXT),
        ErrorKind::AlreadyExists => (fill(en::SAVE_EXISTS, &[("path", &path)]), en::SAVE_EXISTS_NEXT),
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            (fill(en::SAVE_NO_FOLDER, &[("path", &folder)]), en::SAVE_OTHER_NEXT)
        }
        ErrorKind::ReadOnlyFilesystem => (fill(en::SAVE_READ_ONLY, &[("path", &folder)]), en::SAVE_OTHER_NEXT),
        ErrorKind::PermissionDenied => (fill(en::SAVE_NOT_ALLOWED, &[("path", &folder)]), en::SAVE_OTHER_NEXT),
        ErrorKind::StorageFull => (fill(en::SAVE_FULL, &[("path", &path)]), en::SAVE_OTHER_NEXT),
        _ => (fill(en::SAVE_FAILED, &[("path", &path), ("error", error)]), en::SAVE_OTHER_NEXT),
    }
}

/// The first line of a saved report.
#[must_use]
pub fn report_title(clock: &Clock) -> String {
    let version = env!("CARGO_PKG_VERSION");
    fill(en::REPORT_TITLE, &[("version", &version), ("date", &clock.date), ("time", &clock.time)])
}

/// How long a job took, for its report.
#[must_use]
pub fn took(time: Duration) -> String {
    super::duration(time)
}

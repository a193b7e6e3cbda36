//! The help of each screen.

use super::super::model::{Screen, Task};
use crate::words::en;

/// Help for a screen: one paragraph.
#[must_use]
pub fn help(screen: Screen, task: Task) -> &'static str {
    match (screen, task) {
        (Screen::Start, _) => en::HELP_START,
        (Screen::Disks, Task::Restore) => en::HELP_TARGETS,
        (Screen::Disks, Task::Browse) => en::HELP_DISKS,
        (Screen::Disks, Task::Examine) => en::HELP_EXAMINE,
        (Screen::Disks, Task::Search) => en::HELP_SEARCH,
        (Screen::Disks, Task::Free) => en::HELP_FREE,
        (Screen::Disks, _) => en::HELP_SOURCES,
        (Screen::Images, Task::Verify) => en::HELP_VERIFY,
        (Screen::Images, _) => en::HELP_IMAGES,
        (Screen::Facts, _) => en::HELP_FACTS,
        (Screen::Options, Task::Backup) => en::HELP_BACKUP_OPTIONS,
        (Screen::Options, _) => en::HELP_OPTIONS,
        (Screen::Preview, _) => en::HELP_PREVIEW,
        (Screen::Interrupted, _) => en::HELP_INTERRUPTED,
        (Screen::Confirm, Task::Resume | Task::Keep) => en::HELP_CONFIRM_CHANGE,
        (Screen::Confirm, _) => en::HELP_CONFIRM,
        (Screen::Running, _) => en::HELP_RUNNING,
        (Screen::Diagnosis, _) => en::HELP_DIAGNOSIS,
        (Screen::Files, _) => en::HELP_FILES,
        (Screen::Peek, _) => en::HELP_PEEK,
        (Screen::Held, _) => en::HELP_HELD,
        (Screen::Report, _) => en::HELP_REPORT,
    }
}

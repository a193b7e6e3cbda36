//! Which of the [`words`](crate::words) the wizard says of what, with their values filled in.

mod disks;
mod files;
mod guide;
mod help;
mod running;

pub use crate::words::KeyWord;
pub use crate::words::en::*;
pub use disks::*;
pub use files::*;
pub use guide::*;
pub use help::help;
pub use running::*;

use std::path::Path;
use std::time::Duration;

use crate::fs;
use crate::image::PartitionRecord;
use crate::inventory::{Address, FoundBy, TableView, Volume};
use crate::job::{Outcome, Report};
use crate::plan::{Safety, StepKind};
use crate::table::{Health, Kind as TableKind};
use crate::unit::ByteLen;
use crate::words::{fill, plural};

use super::form::{FieldId, plain};
use super::model::{ImageInfo, Job, Screen, Task};

/// The title line's words for a screen.
#[must_use]
pub fn title(screen: Screen, task: Task) -> &'static str {
    match (screen, task) {
        (Screen::Start, _) => TITLE_START,
        (Screen::Disks, Task::Backup) => TITLE_BACKUP_DISKS,
        (Screen::Disks, Task::Restore) => TITLE_RESTORE_DISKS,
        (Screen::Disks, Task::Examine) => TITLE_EXAMINE_DISKS,
        (Screen::Disks, Task::Search) => TITLE_SEARCH_DISKS,
        (Screen::Disks, Task::Free) => TITLE_FREE_DISKS,
        (Screen::Disks, _) => TITLE_DISKS,
        (Screen::Images, Task::Restore) => TITLE_RESTORE_IMAGES,
        (Screen::Images, Task::Verify) => TITLE_VERIFY_IMAGES,
        (Screen::Images, _) => TITLE_IMAGES,
        (Screen::Facts, _) => TITLE_FACTS,
        (Screen::Options, Task::Backup) => TITLE_BACKUP_OPTIONS,
        (Screen::Options, Task::Export) => TITLE_EXPORT_OPTIONS,
        (Screen::Options, Task::Reset) => TITLE_RESET_OPTIONS,
        (Screen::Options, _) => TITLE_RESTORE_OPTIONS,
        (Screen::Interrupted, _) => TITLE_INTERRUPTED,
        (Screen::Preview, Task::Resume) => TITLE_RESUME_PREVIEW,
        (Screen::Confirm, Task::Resume) => TITLE_RESUME_CONFIRM,
        (Screen::Running, Task::Resume) => TITLE_RESUME_RUNNING,
        (Screen::Preview, Task::Reset) => TITLE_RESET_PREVIEW,
        (Screen::Confirm, Task::Reset) => TITLE_RESET_CONFIRM,
        (Screen::Preview, Task::Keep) => TITLE_KEEP_PREVIEW,
        (Screen::Confirm, Task::Keep) => TITLE_KEEP_CONFIRM,
        (Screen::Running, Task::Keep) => TITLE_KEEP_RUNNING,
        (Screen::Preview, Task::Renew) => TITLE_RENEW_PREVIEW,
        (Screen::Confirm, Task::Renew) => TITLE_RENEW_CONFIRM,
        (Screen::Running, Task::Renew) => TITLE_RENEW_RUNNING,
        (Screen::Preview, Task::Extract) => TITLE_EXTRACT_PREVIEW,
        (Screen::Running, Task::Extract) => TITLE_EXTRACT_RUNNING,
        (Screen::Preview, Task::Export) => TITLE_EXPORT_PREVIEW,
        (Screen::Running, Task::Export) => TITLE_EXPORT_RUNNING,
        (Screen::Running, Task::Search) => TITLE_SEARCH_RUNNING,
        (Screen::Preview, Task::Backup) => TITLE_BACKUP_PREVIEW,
        (Screen::Preview, _) => TITLE_RESTORE_PREVIEW,
        (Screen::Confirm, _) => TITLE_RESTORE_CONFIRM,
        (Screen::Running, Task::Backup) => TITLE_BACKUP_RUNNING,
        (Screen::Running, Task::Reset) => TITLE_RESET_RUNNING,
        (Screen::Running, Task::Restore) => TITLE_RESTORE_RUNNING,
        (Screen::Running, Task::Browse) => TITLE_CHECK_RUNNING,
        (Screen::Running, _) => TITLE_VERIFY_RUNNING,
        (Screen::Report, _) => TITLE_REPORT,
        (Screen::Diagnosis, _) => TITLE_DIAGNOSIS,
        (Screen::Files, _) => TITLE_FILES,
        (Screen::Peek, _) => TITLE_PEEK,
        (Screen::Held, _) => TITLE_HELD,
    }
}

/// A setting's name.
#[must_use]
pub fn field(id: FieldId, task: Task) -> &'static str {
    match id {
        FieldId::Path => FIELD_PATH,
        FieldId::Inside => FIELD_INSIDE,
        FieldId::Name => FIELD_NAME,
        FieldId::Full => FIELD_FULL,
        FieldId::Compare => FIELD_COMPARE,
        FieldId::DropImages => FIELD_DROP_IMAGES,
        FieldId::Level => FIELD_LEVEL,
        FieldId::Factory => FIELD_FACTORY,
        FieldId::ReadBack if task == Task::Backup => FIELD_READ_BACK_IMAGE,
        FieldId::ReadBack => FIELD_READ_BACK_TARGET,
        FieldId::Split => FIELD_SPLIT,
        FieldId::EvenIfDirty => FIELD_EVEN_IF_DIRTY,
        FieldId::Raw => FIELD_RAW,
        FieldId::CheckFirst => FIELD_CHECK_FIRST,
        FieldId::KeepGoing => FIELD_KEEP_GOING,
        FieldId::ZeroFree => FIELD_ZERO_FREE,
        FieldId::Discard => FIELD_DISCARD,
    }
}

/// What a setting means.
#[must_use]
pub fn hint(id: FieldId) -> &'static str {
    match id {
        FieldId::Path => HINT_PATH,
        FieldId::Inside => HINT_INSIDE,
        FieldId::Name => HINT_NAME,
        FieldId::Full => HINT_FULL,
        FieldId::Compare => HINT_COMPARE,
        FieldId::DropImages => HINT_DROP_IMAGES,
        FieldId::Level => HINT_LEVEL,
        FieldId::Factory => HINT_FACTORY,
        FieldId::ReadBack => HINT_READ_BACK,
        FieldId::Split => HINT_SPLIT,
        FieldId::EvenIfDirty => HINT_EVEN_IF_DIRTY,
        FieldId::Raw => HINT_RAW,
        FieldId::CheckFirst => HINT_CHECK_FIRST,
        FieldId::KeepGoing => HINT_KEEP_GOING,
        FieldId::ZeroFree => HINT_ZERO_FREE,
        FieldId::Discard => HINT_DISCARD,
    }
}

/// The outcome, in words.
#[must_use]
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => OUTCOME_DONE,
        Outcome::DoneWithWarnings => OUTCOME_WARNINGS,
        Outcome::Failed => OUTCOME_FAILED,
        Outcome::Refused => OUTCOME_REFUSED,
        Outcome::Cancelled => OUTCOME_CANCELLED,
    }
}

/// What a step does to what is there.
#[must_use]
pub fn safety(safety: Safety) -> &'static str {
    match safety {
        Safety::Reads => SAFETY_READS,
        Safety::Creates => SAFETY_CREATES,
        Safety::Overwrites => SAFETY_OVERWRITES,
    }
}

/// What the disk will be when a job is cancelled now.
#[must_use]
pub fn after_cancel(job: Job, steps: &[StepKind], current: usize) -> &'static str {
    let begun = |kind| steps.iter().position(|step| *step == kind).is_some_and(|at| at <= current);
    let behind = |kind| steps.iter().rposition(|step| *step == kind).is_some_and(|at| at < current);
    let is_checking = current > 0 && steps.get(current) == Some(&StepKind::CheckVolume);
    match job {
        Job::Restore if behind(StepKind::Seal) => CANCEL_RESTORE_SEALED,
        Job::Inside if behind(StepKind::WriteTables) && is_checking => CANCEL_INSIDE_CHECKING,
        Job::Inside if behind(StepKind::WriteTables) => CANCEL_INSIDE_ADOPTING,
        Job::Keep if behind(StepKind::CloseJournal) && is_checking => CANCEL_KEEP_CHECKING,
        Job::Verify => CANCEL_VERIFY,
        Job::Check => CANCEL_CHECK,
        Job::Resume => CANCEL_RESUME,
        Job::Backup => CANCEL_BACKUP,
        Job::Extract => CANCEL_EXTRACT,
        Job::Export => CANCEL_EXPORT,
        Job::Search => CANCEL_SEARCH,
        Job::Renew => CANCEL_RENEW,
        Job::Inside => CANCEL_INSIDE,
        Job::Keep => CANCEL_KEEP,
        Job::Restore if begun(StepKind::Unseal) || begun(StepKind::WriteClusters) => CANCEL_RESTORE_WRITING,
        Job::Restore
            if begun(StepKind::MoveImages) || begun(StepKind::WriteContents) || begun(StepKind::WriteTable) =>
        {
            CANCEL_RESTORE_MOVING
        }
        Job::Restore => CANCEL_RESTORE,
    }
}

/// What a cancelled job left as it was.
#[must_use]
pub fn cancelled(job: Job) -> &'static str {
    match job {
        Job::Verify => CANCELLED_VERIFY,
        Job::Check => CANCELLED_CHECK,
        Job::Resume => CANCELLED_RESUME,
        Job::Backup => CANCELLED_BACKUP,
        Job::Extract => CANCELLED_EXTRACT,
        Job::Export => CANCELLED_EXPORT,
        Job::Search => CANCELLED_SEARCH,
        Job::Inside => CANCELLED_INSIDE,
        Job::Keep => CANCELLED_KEEP,
        Job::Renew => CANCELLED_RENEW,
        Job::Restore => CANCELLED_RESTORE,
    }
}

/// What was not understood of the settings.
#[must_use]
pub fn settings_problems(problems: &[String]) -> String {
    fill(SETTINGS_PROBLEMS, &[("problems", &problems.join("; "))])
}

/// A volume in one line.
#[must_use]
pub fn volume(volume: &Volume) -> String {
    let mut words = vec![volume.kind.name().to_owned()];
    words.extend(volume.label.as_ref().filter(|label| !label.is_empty()).map(|label| quoted(label)));
    if let (Some(size), Some(count)) = (volume.cluster_bytes, volume.clusters) {
        words.push(fill(CLUSTERS_OF, &[("count", &count), ("size", &bytes(u64::from(size)))]));
    }
    words.extend(volume.state.map(|state| state.to_string()));
    words.join(", ")
}

/// An imaged volume in one line.
#[must_use]
pub fn volume_summary(summary: &fs::Summary) -> String {
    let mut words = vec![summary.kind.name().to_owned()];
    words.extend(summary.label.as_ref().filter(|label| !label.is_empty()).map(|label| quoted(label)));
    words.push(summary.state.to_string());
    words.extend(summary.id.clone());
    words.join(", ")
}

/// By what an image was found.
#[must_use]
pub fn found_by(how: FoundBy) -> &'static str {
    match how {
        FoundBy::FileSystem => FOUND_BY_FILE,
        FoundBy::Toc => FOUND_BY_CONTENTS,
        FoundBy::Aid => FOUND_BY_AID,
        FoundBy::RecoveryPartition => FOUND_BY_PARTITION,
        FoundBy::Scavenged => FOUND_BY_RECORDS,
    }
}

/// The volume in an image, in one line.
#[must_use]
pub fn imaged(kind: fs::Kind, label: Option<&str>, size: u64) -> String {
    match label.filter(|label| !label.is_empty()) {
        None => fill(IMAGED, &[("kind", &kind.name()), ("size", &bytes(size))]),
        Some(label) => labelled(kind.name(), label, size),
    }
}

fn labelled(kind: &str, label: &str, size: u64) -> String {
    fill(IMAGED_LABEL, &[("kind", &kind), ("label", &label), ("size", &bytes(size))])
}

fn quoted(label: &str) -> String {
    fill(QUOTED, &[("text", &label)])
}

/// An image by its name.
#[must_use]
pub fn made_of(name: &str, kind: &str, created: &str) -> String {
    fill(IMAGE_BY_NAME, &[("name", &name), ("kind", &kind), ("created", &created)])
}

/// A line of the list of factory images.
#[must_use]
pub fn factory_image(volume: &Address, image: &ImageInfo) -> String {
    let imaged = match &image.label {
        None => fill(IMAGED, &[("kind", &image.volume), ("size", &bytes(image.volume_bytes))]),
        Some(label) => labelled(&image.volume, label, image.volume_bytes),
    };
    fill(FACTORY_LINE, &[("place", volume), ("created", &image.created), ("imaged", &imaged)])
}

/// A recovery partition that is out of date.
#[must_use]
pub fn stale_notice(partition: &str) -> String {
    fill(STALE_NOTICE, &[("partition", &partition)])
}

/// A volume that only its images tell of.
#[must_use]
pub fn was_volume(kind: fs::Kind) -> String {
    fill(WAS_VOLUME, &[("kind", &kind.name())])
}

/// The kind of a volume whose partition has no name.
#[must_use]
pub fn volume_of(kind: fs::Kind) -> String {
    fill(VOLUME_OF, &[("kind", &kind)])
}

/// A factory image that is of no use as it is.
#[must_use]
pub fn factory_damaged(address: &str, why: &str) -> String {
    fill(FACTORY_DAMAGED, &[("address", &address), ("why", &why)])
}

/// What a factory reset means, above its preview.
#[must_use]
pub fn reset_means(created: &str) -> String {
    fill(RESET_MEANS, &[("created", &created)])
}

/// Above the progress of a search.
#[must_use]
pub fn search_headline(disk: &Path) -> String {
    fill(SEARCH_HEADLINE, &[("disk", &disk.display())])
}

/// A search that found nothing.
#[must_use]
pub fn nothing_found(disk: &Path) -> Report {
    Report {
        outcome: Outcome::Done,
        headline: fill(SEARCH_NOTHING, &[("disk", &disk.display())]),
        facts: Vec::new(),
        warnings: Vec::new(),
        next: vec![SEARCH_NOTHING_NEXT.to_owned()],
    }
}

/// Above the preview of an export.
#[must_use]
pub fn export_headline(image: &str, target: &str) -> String {
    fill(EXPORT_HEADLINE, &[("image", &image), ("target", &target)])
}

/// The offered file name of an exported image.
#[must_use]
pub fn export_name(label: Option<&str>, name: &str, date: &str) -> String {
    let parts = [plain(label.unwrap_or_default()), plain(name), date.to_owned()];
    let words: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{}.lbi", words.join("-"))
}

/// Where an image came from.
#[must_use]
pub fn partition(partition: &PartitionRecord) -> String {
    let table = &partition.table;
    fill(
        PARTITION_WAS,
        &[
            ("number", &partition.number),
            ("table", table),
            ("start", &bytes_exact(partition.start_bytes)),
            ("size", &bytes(partition.bytes)),
        ],
    )
}

/// A file left out of an image.
#[must_use]
pub fn left_out(path: &str, size: u64) -> String {
    fill(LEFT_OUT_FILE, &[("path", &path), ("size", &bytes(size))])
}

/// Clusters that could not be read when the image was made.
#[must_use]
pub fn bad_clusters(count: u64) -> String {
    fill(plural(count, BAD_CLUSTER, BAD_CLUSTERS), &[("count", &count)])
}

/// What a volume's state means for who wants to back it up.
#[must_use]
pub fn state_note(state: fs::State) -> Option<&'static str> {
    match state {
        fs::State::Clean => None,
        fs::State::Dirty => Some(STATE_DIRTY_NOTE),
        fs::State::Hibernated => Some(STATE_HIBERNATED_NOTE),
        fs::State::Journal => Some(STATE_JOURNAL_NOTE),
    }
}

/// A table in one line.
#[must_use]
pub fn table(table: &TableView) -> String {
    let kind = match table.kind {
        TableKind::Gpt => TABLE_GPT,
        TableKind::Mbr => TABLE_MBR,
        TableKind::None => TABLE_NONE,
    };
    match table.health {
        Health::Ok => kind.to_owned(),
        Health::Degraded => fill(TABLE_IS_DEGRADED, &[("table", &kind)]),
        Health::Damaged => fill(TABLE_IS_DAMAGED, &[("table", &kind)]),
    }
}

/// Sector sizes.
#[must_use]
pub fn sector(logical: u32, physical: u32) -> String {
    if physical == 0 || physical == logical {
        fill(SECTOR_BYTES, &[("bytes", &logical)])
    } else {
        fill(SECTOR_BYTES_BOTH, &[("logical", &logical), ("physical", &physical)])
    }
}

/// `40.0 GiB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    ByteLen(bytes).to_string()
}

/// `1.0 MiB (1048576 B)`.
#[must_use]
pub fn bytes_exact(count: u64) -> String {
    if count < 1024 { bytes(count) } else { fill(BYTES_EXACT, &[("size", &bytes(count)), ("count", &count)]) }
}

/// `free 20.0 GiB`, of a disk.
#[must_use]
pub fn bar_gap(size: &str) -> String {
    fill(BAR_GAP_OF, &[("size", &size)])
}

/// `used 1024 (4.0 MiB)`: clusters and bytes.
#[must_use]
pub fn map_entry(name: &str, clusters: u64, size: u64) -> String {
    fill(MAP_ENTRY, &[("name", &name), ("count", &clusters), ("size", &bytes(size))])
}

/// The same with bytes alone.
#[must_use]
pub fn map_entry_short(name: &str, size: u64) -> String {
    fill(MAP_ENTRY_SHORT, &[("name", &name), ("size", &bytes(size))])
}

/// How much one sign of a map stands for.
#[must_use]
pub fn map_scale(clusters: u64) -> String {
    fill(plural(clusters, MAP_SCALE_ONE, MAP_SCALE), &[("count", &clusters)])
}

/// `112.0 MiB/s`.
#[must_use]
pub fn rate(rate: u64) -> String {
    fill(RATE, &[("size", &bytes(rate))])
}

/// `12 s`, `3 min 20 s`, `2 h 05 min`, `3 days 4 h`.
#[must_use]
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    if days > 0 {
        fill(plural(days, TIME_DAY, TIME_DAYS), &[("days", &days), ("hours", &(hours % 24))])
    } else if hours > 0 {
        fill(TIME_HOURS, &[("hours", &hours), ("minutes", &format!("{:02}", minutes % 60))])
    } else if minutes > 0 {
        fill(TIME_MINUTES, &[("minutes", &minutes), ("seconds", &format!("{:02}", seconds % 60))])
    } else {
        fill(TIME_SECONDS, &[("seconds", &seconds)])
    }
}

/// `about 3 min 20 s left`.
#[must_use]
pub fn left(time: Duration) -> String {
    fill(TIME_LEFT, &[("time", &duration(time))])
}

/// `1 min 12 s so far`.
#[must_use]
pub fn so_far(time: Duration) -> String {
    fill(TIME_SO_FAR, &[("time", &duration(time))])
}

/// `12.0 GiB of 40.0 GiB`.
#[must_use]
pub fn done_of(done: u64, all: u64) -> String {
    fill(DONE_OF, &[("done", &bytes(done)), ("all", &bytes(all))])
}

/// A disk or partition that cannot be read.
#[must_use]
pub fn refused_unreadable(problem: &str) -> String {
    fill(REFUSED_UNREADABLE, &[("problem", &problem)])
}

/// Above a check's progress.
#[must_use]
pub fn check_headline(address: &str) -> String {
    fill(CHECK_HEADLINE, &[("address", &address)])
}

/// A volume whose kind has tools of its own only.
#[must_use]
pub fn refused_kind(kind: fs::Kind) -> String {
    fill(REFUSED_KIND, &[("kind", &kind), ("tool", &fs::repair_tool(kind))])
}

/// A mounted target.
#[must_use]
pub fn refused_mounted(place: &Path) -> String {
    fill(REFUSED_MOUNTED, &[("place", &place.display())])
}

/// A target that is too small.
#[must_use]
pub fn refused_small(needed: u64, there: u64) -> String {
    let missing = needed.saturating_sub(there);
    fill(REFUSED_SMALL, &[("needed", &bytes(needed)), ("there", &bytes(there)), ("missing", &missing)])
}

/// Above the list of targets.
#[must_use]
pub fn restore_what(name: &str, needed: u64) -> String {
    fill(RESTORE_WHAT, &[("name", &name), ("needed", &bytes(needed))])
}

/// Above the options of a backup.
#[must_use]
pub fn backup_what(address: &str, volume: &str) -> String {
    fill(BACKUP_WHAT, &[("address", &address), ("volume", &volume)])
}

/// What has to be typed.
#[must_use]
pub fn confirm_type(word: &str) -> String {
    fill(CONFIRM_TYPE, &[("word", &word)])
}

/// What has to be typed before a volume's records are changed.
#[must_use]
pub fn confirm_resume(word: &str) -> String {
    fill(CONFIRM_TYPE_GO_ON, &[("word", &word)])
}

/// Changed places that are not listed.
#[must_use]
pub fn more_places(count: usize) -> String {
    fill(plural(count as u64, MORE_PLACE, MORE_PLACES), &[("count", &count)])
}

/// The place in a scrolled text: `lines 1–12 of 40`.
#[must_use]
pub fn scrolled(first: usize, last: usize, all: usize) -> String {
    fill(SCROLLED, &[("first", &first), ("last", &last), ("all", &all)])
}

/// Where the wizard has what the planner's advice calls by its flag.
#[must_use]
pub fn option_hint(name: &str) -> String {
    fill(OPTION_HINT, &[("name", &name)])
}

/// Several names go on from here.
#[must_use]
pub fn choices(names: &[String]) -> String {
    names.join("  ")
}

/// A text from a stranger, fit for the screen: control characters (escape sequences begin with one) and
/// characters that turn or hide the text around them are replaced.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().map(|character| if is_hostile(character) { '·' } else { character }).collect()
}

fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_turned_text_lose_their_power() {
        assert_eq!(clean("a\u{1b}[2Jb\u{9b}1m\u{202e}c\nd\u{200b}"), "a·[2Jb·1m·c·d·");
        assert_eq!(clean("Größe 漢字"), "Größe 漢字");
    }

    #[test]
    fn times_are_short() {
        assert_eq!(duration(Duration::from_secs(12)), "12 s");
        assert_eq!(duration(Duration::from_secs(200)), "3 min 20 s");
        assert_eq!(duration(Duration::from_secs(7500)), "2 h 05 min");
        assert_eq!(duration(Duration::from_secs(273_600)), "3 days 4 h");
    }

    #[test]
    fn cancelling_a_restore_says_whether_the_target_was_touched() {
        let steps = [StepKind::VerifyImage, StepKind::Unseal, StepKind::WriteClusters];
        assert!(after_cancel(Job::Restore, &steps, 0).starts_with("Nothing was written"));
        assert!(after_cancel(Job::Restore, &steps, 1).contains("unfinished"));
    }

    #[test]
    fn cancelling_at_the_end_says_that_all_is_done_but_the_check() {
        let restore = [StepKind::WriteClusters, StepKind::Seal, StepKind::CheckVolume, StepKind::DropImages];
        assert_eq!(after_cancel(Job::Restore, &restore, 1), CANCEL_RESTORE_WRITING);
        assert_eq!(after_cancel(Job::Restore, &restore, 2), CANCEL_RESTORE_SEALED);
        assert_eq!(after_cancel(Job::Restore, &restore, 3), CANCEL_RESTORE_SEALED);
        let inside = [
            StepKind::CheckVolume,
            StepKind::WriteImage,
            StepKind::WriteTables,
            StepKind::ChangeMetadata,
            StepKind::CheckVolume,
        ];
        let said: Vec<_> = (0..inside.len()).map(|current| after_cancel(Job::Inside, &inside, current)).collect();
        assert_eq!(said, [CANCEL_INSIDE, CANCEL_INSIDE, CANCEL_INSIDE, CANCEL_INSIDE_ADOPTING, CANCEL_INSIDE_CHECKING]);
        let keep = [StepKind::CheckVolume, StepKind::ChangeMetadata, StepKind::CloseJournal, StepKind::CheckVolume];
        let said: Vec<_> = (0..keep.len()).map(|current| after_cancel(Job::Keep, &keep, current)).collect();
        assert_eq!(said, [CANCEL_KEEP, CANCEL_KEEP, CANCEL_KEEP, CANCEL_KEEP_CHECKING]);
    }
}

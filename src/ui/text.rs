//! Every word the wizard says, in one place. Short and plain: what happened, why it matters, what to do next.

mod en;
mod help;

pub use en::*;
pub use help::help;

use std::path::Path;
use std::time::Duration;

use crate::fs;
use crate::image::PartitionRecord;
use crate::inventory::{Address, FoundBy, TableView, Volume};
use crate::job::{Outcome, Report};
use crate::plan::{Safety, StepKind};
use crate::table::{Health, Kind as TableKind};
use crate::unit::ByteLen;

use super::form::{FieldId, plain};
use super::model::{ImageInfo, Job, Screen, Task};

/// A key and what it does, for the footer.
pub type KeyWord = (&'static str, &'static str);

/// The title line's words for a screen.
#[must_use]
pub fn title(screen: Screen, task: Task) -> &'static str {
    match (screen, task) {
        (Screen::Start, _) => "Start",
        (Screen::Disks, Task::Backup) => "Back up > Which partition?",
        (Screen::Disks, Task::Restore) => "Restore > Onto which partition?",
        (Screen::Disks, _) => "Disks",
        (Screen::Images, Task::Restore) => "Restore > Which image?",
        (Screen::Images, _) => "Look > Which image?",
        (Screen::Facts, _) => "Look > Image",
        (Screen::Options, Task::Backup) => "Back up > Where to?",
        (Screen::Options, Task::Export) => "Export > Where to?",
        (Screen::Options, Task::Reset) => "Factory reset > Options",
        (Screen::Options, _) => "Restore > Options",
        (Screen::Interrupted, _) => "Interrupted",
        (Screen::Preview, Task::Resume) => "Interrupted > What will be done",
        (Screen::Confirm, Task::Resume) => "Interrupted > Confirm",
        (Screen::Running, Task::Resume) => "Interrupted > Running",
        (Screen::Preview, Task::Reset) => "Factory reset > What will be done",
        (Screen::Confirm, Task::Reset) => "Factory reset > Confirm",
        (Screen::Preview, Task::Keep) => "Images inside > What will be done",
        (Screen::Confirm, Task::Keep) => "Images inside > Confirm",
        (Screen::Running, Task::Keep) => "Images inside > Running",
        (Screen::Preview, Task::Renew) => "Recovery partition > What will be done",
        (Screen::Confirm, Task::Renew) => "Recovery partition > Confirm",
        (Screen::Running, Task::Renew) => "Recovery partition > Running",
        (Screen::Preview, Task::Export) => "Export > What will be done",
        (Screen::Running, Task::Export) => "Export > Running",
        (Screen::Running, Task::Search) => "Search > Running",
        (Screen::Preview, Task::Backup) => "Back up > What will be done",
        (Screen::Preview, _) => "Restore > What will be done",
        (Screen::Confirm, _) => "Restore > Confirm",
        (Screen::Running, Task::Backup) => "Back up > Running",
        (Screen::Running, Task::Restore) => "Restore > Running",
        (Screen::Running, Task::Browse) => "Check > Running",
        (Screen::Running, _) => "Verify > Running",
        (Screen::Report, _) => "Report",
        (Screen::Diagnosis, _) => "What is wrong",
        (Screen::Files, _) => "Files",
        (Screen::Peek, _) => "Files > One file",
        (Screen::Held, _) => "Disks > In use",
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
        Outcome::Done => "Done",
        Outcome::DoneWithWarnings => "Done with warnings",
        Outcome::Failed => "Failed",
        Outcome::Refused => "Refused",
        Outcome::Cancelled => "Cancelled",
    }
}

/// What a step does to what is there.
#[must_use]
pub fn safety(safety: Safety) -> &'static str {
    match safety {
        Safety::Reads => "only reads",
        Safety::Creates => "creates a file",
        Safety::Overwrites => "overwrites",
    }
}

/// What the disk will be when a job is cancelled now.
#[must_use]
pub fn after_cancel(job: Job, steps: &[StepKind], current: usize) -> &'static str {
    let begun = |kind| steps.iter().position(|step| *step == kind).is_some_and(|at| at <= current);
    match job {
        Job::Verify => "Nothing is changed. The image stays as it is, but you do not know whether it is whole.",
        Job::Check => "Nothing is changed. You do not know whether the volume is sound.",
        Job::Resume => "What is done stays done, and the journal stays: the job can be finished or taken back later.",
        Job::Backup => "The disk that is read stays as it is. No image is left under the chosen name.",
        Job::Extract => "Files that are copied whole stay; the one under way is taken away again.",
        Job::Export => "The image inside stays. No file is left under the chosen name.",
        Job::Search => "Nothing is changed. What the quick look has found stays in the list.",
        Job::Renew => "One of its two copies stays whole. It can be renewed again at any time.",
        Job::Inside => {
            "No image is left inside, and all files stay. A change of the partition's records that has begun is finished \
             first."
        }
        Job::Keep => "A change of the partition's records that has begun is finished first. All files stay.",
        Job::Restore if begun(StepKind::Unseal) || begun(StepKind::WriteClusters) => {
            "The target is then unfinished: it cannot be used, and is marked so. Restoring the image again completes it."
        }
        Job::Restore
            if begun(StepKind::MoveImages) || begun(StepKind::WriteContents) || begun(StepKind::WriteTable) =>
        {
            "Images may have been moved already, and stay whole. What the partition holds now may be damaged by that."
        }
        Job::Restore => "Nothing was written to the target yet. It stays as it is.",
    }
}

/// What a cancelled job left as it was.
#[must_use]
pub fn cancelled(job: Job) -> &'static str {
    match job {
        Job::Verify => "Nothing was changed. It is not known whether the image is whole.",
        Job::Check => "Nothing was changed. It is not known whether the volume is sound.",
        Job::Resume => "The journal is still there: the job can be finished or taken back later.",
        Job::Backup => "The disk that was read is as it was. No image was left under the chosen name.",
        Job::Extract => "What was copied whole is still there. Nothing else was changed.",
        Job::Export => "The image inside is as it was. No file was left under the chosen name.",
        Job::Search => "Nothing was changed.",
        Job::Inside => "No image was left inside. All files are as they were.",
        Job::Keep => "All files are as they were.",
        Job::Renew => "One of its two copies is whole. It can be renewed again at any time.",
        Job::Restore => "Nothing was written to the target. It is as it was.",
    }
}

/// What was not understood of the settings.
#[must_use]
pub fn settings_problems(problems: &[String]) -> String {
    SETTINGS_PROBLEMS.replace("{problems}", &problems.join("; "))
}

/// A volume in one line.
#[must_use]
pub fn volume(volume: &Volume) -> String {
    let mut words = vec![volume.kind.name().to_owned()];
    words.extend(volume.label.as_ref().filter(|label| !label.is_empty()).map(|label| format!("“{label}”")));
    if let (Some(size), Some(count)) = (volume.cluster_bytes, volume.clusters) {
        words.push(format!("{count} clusters of {}", bytes(u64::from(size))));
    }
    words.extend(volume.state.map(|state| state.to_string()));
    words.join(", ")
}

/// An imaged volume in one line.
#[must_use]
pub fn volume_summary(summary: &fs::Summary) -> String {
    let mut words = vec![summary.kind.name().to_owned()];
    words.extend(summary.label.as_ref().filter(|label| !label.is_empty()).map(|label| format!("“{label}”")));
    words.push(summary.state.to_string());
    words.extend(summary.id.clone());
    words.join(", ")
}

/// By what an image was found.
#[must_use]
pub fn found_by(how: FoundBy) -> &'static str {
    match how {
        FoundBy::FileSystem => "as a file of the partition",
        FoundBy::Toc => "by its table of contents",
        FoundBy::Aid => "by a recovery aid",
        FoundBy::RecoveryPartition => "by a recovery partition",
        FoundBy::Scavenged => "put together from its records",
    }
}

/// The volume in an image, in one line.
#[must_use]
pub fn imaged(kind: fs::Kind, label: Option<&str>, size: u64) -> String {
    let label = label.filter(|label| !label.is_empty()).map(|label| format!(" “{label}”")).unwrap_or_default();
    format!("{}{label}, {}", kind.name(), bytes(size))
}

/// An image by its name.
#[must_use]
pub fn made_of(name: &str, kind: &str, created: &str) -> String {
    format!("“{name}”, a {kind} image of {created}")
}

/// A line of the list of factory images.
#[must_use]
pub fn factory_image(volume: &Address, image: &ImageInfo) -> String {
    let label = image.label.as_ref().map(|label| format!(" “{label}”")).unwrap_or_default();
    format!("{volume}  {}  {}{label}, {}", image.created, image.volume, bytes(image.volume_bytes))
}

/// A recovery partition that is out of date.
#[must_use]
pub fn stale_notice(partition: &str) -> String {
    format!("! The recovery partition {partition} is out of date. Press k to renew it.")
}

/// A volume that only its images tell of.
#[must_use]
pub fn was_volume(kind: fs::Kind) -> String {
    format!("Nothing of it can be read but the images inside; it was a {} volume.", kind.name())
}

/// A factory image that is of no use as it is.
#[must_use]
pub fn factory_damaged(address: &str, why: &str) -> String {
    format!("The factory image {address} is damaged: {why}")
}

/// What a factory reset means, above its preview.
#[must_use]
pub fn reset_means(created: &str) -> String {
    format!(
        "The partition becomes what it was on {created}. Files made or changed since then are lost: if you need some, go \
         back (Esc) and save them first."
    )
}

/// Above the progress of a search.
#[must_use]
pub fn search_headline(disk: &Path) -> String {
    format!("Search every sector of {} for images", disk.display())
}

/// A search that found nothing.
#[must_use]
pub fn nothing_found(disk: &Path) -> Report {
    Report {
        outcome: Outcome::Done,
        headline: format!("There are no images inside the partitions of {}.", disk.display()),
        facts: Vec::new(),
        warnings: Vec::new(),
        next: vec!["Every sector was looked at. If the image is a file, choose “Restore an image”.".to_owned()],
    }
}

/// Above the preview of an export.
#[must_use]
pub fn export_headline(image: &str, target: &str) -> String {
    format!("Export {image} to {target}")
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
    format!(
        "partition {} ({table}) at {}, {}",
        partition.number,
        bytes_exact(partition.start_bytes),
        bytes(partition.bytes)
    )
}

/// A file left out of an image.
#[must_use]
pub fn left_out(path: &str, size: u64) -> String {
    format!("{path} ({})", bytes(size))
}

/// Clusters that could not be read when the image was made.
#[must_use]
pub fn bad_clusters(count: u64) -> String {
    format!("{count} clusters could not be read when the image was made; they are zeros in it.")
}

/// What a volume's state means for who wants to back it up.
#[must_use]
pub fn state_note(state: fs::State) -> Option<&'static str> {
    match state {
        fs::State::Clean => None,
        fs::State::Dirty => Some("It was not unmounted properly, or has errors."),
        fs::State::Hibernated => {
            Some("Windows sleeps on it and remembers unwritten data. Shut Windows down fully first.")
        }
        fs::State::Journal => Some("Its journal waits to be replayed; mounting and unmounting it once does that."),
    }
}

/// A table in one line.
#[must_use]
pub fn table(table: &TableView) -> String {
    let kind = match table.kind {
        TableKind::Gpt => "GPT",
        TableKind::Mbr => "MBR",
        TableKind::None => "none",
    };
    match table.health {
        Health::Ok => kind.to_owned(),
        Health::Degraded => format!("{kind}, usable, but something is wrong with it"),
        Health::Damaged => format!("{kind}, damaged"),
    }
}

/// What the line of a disk says of its table when that is not as it should be.
#[must_use]
pub fn table_trouble(health: Health) -> Option<&'static str> {
    match health {
        Health::Ok => None,
        Health::Degraded => Some("table has faults"),
        Health::Damaged => Some("table damaged"),
    }
}

/// Sector sizes.
#[must_use]
pub fn sector(logical: u32, physical: u32) -> String {
    if physical == 0 || physical == logical {
        format!("{logical} B")
    } else {
        format!("{logical} B ({physical} B physically)")
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
    if count < 1024 { bytes(count) } else { format!("{} ({count} B)", bytes(count)) }
}

/// `112.0 MiB/s`.
#[must_use]
pub fn rate(rate: u64) -> String {
    format!("{}/s", bytes(rate))
}

/// `12 s`, `3 min 20 s`, `2 h 05 min`, `3 days 4 h`.
#[must_use]
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    if days > 0 {
        format!("{days} days {} h", hours % 24)
    } else if hours > 0 {
        format!("{hours} h {:02} min", minutes % 60)
    } else if minutes > 0 {
        format!("{minutes} min {:02} s", seconds % 60)
    } else {
        format!("{seconds} s")
    }
}

/// `about 3 min 20 s left`.
#[must_use]
pub fn left(time: Duration) -> String {
    format!("about {} left", duration(time))
}

/// `1 min 12 s so far`.
#[must_use]
pub fn so_far(time: Duration) -> String {
    format!("{} so far", duration(time))
}

/// `12.0 GiB of 40.0 GiB`.
#[must_use]
pub fn done_of(done: u64, all: u64) -> String {
    format!("{} of {}", bytes(done), bytes(all))
}

/// A disk or partition that cannot be read.
#[must_use]
pub fn refused_unreadable(problem: &str) -> String {
    format!("It cannot be read: {problem}")
}

/// Above a check's progress.
#[must_use]
pub fn check_headline(address: &str) -> String {
    format!("Check whether {address} is sound")
}

/// A volume whose kind has tools of its own only.
#[must_use]
pub fn refused_kind(kind: fs::Kind) -> String {
    format!("A {kind} volume cannot be checked here. Its own tool does that: {}.", fs::repair_tool(kind))
}

/// A mounted target.
#[must_use]
pub fn refused_mounted(place: &Path) -> String {
    format!("It is mounted at {}. Unmount it first, or choose another.", place.display())
}

/// A target that is too small.
#[must_use]
pub fn refused_small(needed: u64, there: u64) -> String {
    let missing = needed.saturating_sub(there);
    format!("Too small: the image needs {}, here are {}; {missing} bytes are missing.", bytes(needed), bytes(there))
}

/// Above the list of targets.
#[must_use]
pub fn restore_what(name: &str, needed: u64) -> String {
    format!("Image “{name}” needs {}.", bytes(needed))
}

/// Above the options of a backup.
#[must_use]
pub fn backup_what(address: &str, volume: &str) -> String {
    format!("Back up {address} ({volume})")
}

/// What has to be typed.
#[must_use]
pub fn confirm_type(word: &str) -> String {
    format!("To overwrite it, type its name:  {word}")
}

/// What has to be typed before a volume's records are changed.
#[must_use]
pub fn confirm_resume(word: &str) -> String {
    format!("To go on, type its name:  {word}")
}

/// Changed places that are not listed.
#[must_use]
pub fn more_places(count: usize) -> String {
    format!("             and {count} more places")
}

/// The place in a scrolled text: `lines 1–12 of 40`.
#[must_use]
pub fn scrolled(first: usize, last: usize, all: usize) -> String {
    format!("{first}–{last} of {all}")
}

/// Where the wizard has what the planner's advice calls by its flag.
#[must_use]
pub fn option_hint(name: &str) -> String {
    format!("Here: press o, and turn on “{name}”.")
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
}

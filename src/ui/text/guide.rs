//! The words of the guide: what happened, what is wrong, who uses a disk.

use std::path::Path;

use super::super::diagnosis::{Finding, Remedy, Wrong};
use super::{en, fill, plural};
use crate::device::{Above, Holder, HolderKind};
use crate::inventory::Address;

/// A node by its path; of a file that is looked at as a disk the name is enough where there is little room.
fn disk_name(path: &Path) -> String {
    let name = path.file_name().filter(|_| !path.starts_with("/dev"));
    name.map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// A disk as people say it.
#[must_use]
pub fn place_disk(disk: &Path, model: Option<&str>) -> String {
    let disk = disk_name(disk);
    match model.filter(|model| !model.is_empty()) {
        Some(model) => fill(en::PLACE_DISK_MODEL, &[("disk", &disk), ("model", &model)]),
        None => fill(en::PLACE_DISK, &[("disk", &disk)]),
    }
}

/// A partition as people say it; one without a number lies where no table names it.
#[must_use]
pub fn place_partition(disk: &Path, number: Option<u32>, start: u64, label: Option<&str>) -> String {
    let disk = disk_name(disk);
    let (number, start) = (number.map(|number| number.to_string()), super::bytes(start));
    match (&number, label) {
        (Some(number), Some(label)) => {
            fill(en::PLACE_PARTITION_LABEL, &[("disk", &disk), ("number", &number), ("label", &label)])
        }
        (Some(number), None) => fill(en::PLACE_PARTITION, &[("disk", &disk), ("number", &number)]),
        (None, Some(label)) => fill(en::PLACE_FOUND_LABEL, &[("disk", &disk), ("start", &start), ("label", &label)]),
        (None, None) => fill(en::PLACE_FOUND, &[("disk", &disk), ("start", &start)]),
    }
}

/// An image inside a partition, as people say it.
#[must_use]
pub fn place_image(name: &str, place: &str) -> String {
    fill(en::PLACE_IMAGE, &[("name", &name), ("place", &place)])
}

/// An image by its kind and day.
#[must_use]
pub fn image_of(kind: &str, made: &str) -> String {
    fill(en::IMAGE_OF, &[("kind", &kind), ("made", &made)])
}

/// What is wrong, in one line.
#[must_use]
pub fn finding(finding: &Finding) -> String {
    let (title, _, _) = wrong(finding.wrong);
    fill(title, &[("place", &finding.place)])
}

/// What it means.
#[must_use]
pub fn finding_means(finding: &Finding) -> &'static str {
    wrong(finding.wrong).1
}

/// What helps.
#[must_use]
pub fn finding_helps(finding: &Finding) -> String {
    let (_, _, helps) = wrong(finding.wrong);
    let path = finding.address.path();
    if helps.contains("{disk}") {
        return fill(helps, &[("disk", &path.display())]);
    }
    if helps.contains("{name}") { fill(helps, &[("name", &disk_name(path))]) } else { helps.to_owned() }
}

/// What Enter does about it.
#[must_use]
pub fn remedy(finding: &Finding) -> String {
    let name = disk_name(finding.address.path());
    match (&finding.remedy, &finding.image) {
        (Remedy::Resume(_), _) => en::REMEDY_RESUME.to_owned(),
        (Remedy::Restore(_), Some(image)) => fill(en::REMEDY_RESTORE_FROM, &[("image", &image)]),
        (Remedy::Restore(_), None) => en::REMEDY_RESTORE.to_owned(),
        (Remedy::Check(_), _) => en::REMEDY_CHECK.to_owned(),
        (Remedy::Search(_), _) => fill(en::REMEDY_SEARCH, &[("name", &name)]),
        (Remedy::Renew(_), _) => en::REMEDY_RENEW.to_owned(),
        (Remedy::Show(_), _) => en::REMEDY_SHOW.to_owned(),
        (Remedy::Open(_), _) => en::REMEDY_OPEN.to_owned(),
        (Remedy::ChooseImage, _) => en::REMEDY_CHOOSE_IMAGE.to_owned(),
    }
}

/// Title, meaning, help.
fn wrong(wrong: Wrong) -> (&'static str, &'static str, &'static str) {
    match wrong {
        Wrong::Interrupted => (en::WRONG_INTERRUPTED, en::MEANS_INTERRUPTED, en::HELPS_INTERRUPTED),
        Wrong::RestoreInterrupted => {
            (en::WRONG_RESTORE_INTERRUPTED, en::MEANS_RESTORE_INTERRUPTED, en::HELPS_RESTORE_INTERRUPTED)
        }
        Wrong::DiskUnreadable => (en::WRONG_DISK_UNREADABLE, en::MEANS_DISK_UNREADABLE, en::HELPS_DISK_UNREADABLE),
        Wrong::LostWithImages => (en::WRONG_LOST_WITH_IMAGES, en::MEANS_LOST_WITH_IMAGES, en::HELPS_LOST_WITH_IMAGES),
        Wrong::UnreadableWithImages => {
            (en::WRONG_UNREADABLE_WITH_IMAGES, en::MEANS_UNREADABLE_WITH_IMAGES, en::HELPS_UNREADABLE_WITH_IMAGES)
        }
        Wrong::TableGone => (en::WRONG_TABLE_GONE, en::MEANS_TABLE_GONE, en::HELPS_TABLE_GONE),
        Wrong::Unreadable => (en::WRONG_UNREADABLE, en::MEANS_UNREADABLE, en::HELPS_UNREADABLE),
        Wrong::Lost => (en::WRONG_LOST, en::MEANS_LOST, en::HELPS_LOST),
        Wrong::TableFaulty => (en::WRONG_TABLE_FAULTY, en::MEANS_TABLE_FAULTY, en::HELPS_TABLE_FAULTY),
        Wrong::Hibernated => (en::WRONG_HIBERNATED, en::MEANS_HIBERNATED, en::HELPS_HIBERNATED),
        Wrong::Dirty => (en::WRONG_DIRTY, en::MEANS_DIRTY, en::HELPS_DIRTY),
        Wrong::Journal => (en::WRONG_JOURNAL, en::MEANS_JOURNAL, en::HELPS_JOURNAL),
        Wrong::Unrecognised => (en::WRONG_UNRECOGNISED, en::MEANS_UNRECOGNISED, en::HELPS_UNRECOGNISED),
        Wrong::ImageDamaged => (en::WRONG_IMAGE_DAMAGED, en::MEANS_IMAGE_DAMAGED, en::HELPS_IMAGE_DAMAGED),
        Wrong::Stale => (en::WRONG_STALE, en::MEANS_STALE, en::HELPS_STALE),
        Wrong::Empty => (en::WRONG_EMPTY, en::MEANS_EMPTY, en::HELPS_EMPTY),
    }
}

/// The most urgent thing on the start screen.
#[must_use]
pub fn start_wrong(finding: &Finding) -> String {
    fill(en::START_WRONG, &[("what", &self::finding(finding))])
}

/// Several factory images are there.
#[must_use]
pub fn factory_found(count: usize) -> String {
    fill_count(count, en::FACTORY_FOUND_ONE, en::FACTORY_FOUND_MANY)
}

/// A recovery partition to renew.
#[must_use]
pub fn renew(partition: &str) -> String {
    fill(en::CHOICE_RENEW, &[("partition", &partition)])
}

/// What keeps a place in use, in one line.
#[must_use]
pub fn holder(holder: &Holder, user: Option<&str>) -> String {
    let node = holder.node.display().to_string();
    match &holder.kind {
        HolderKind::Mount { place, file_system, .. } => {
            fill(en::HOLDER_MOUNT, &[("node", &node), ("place", &place.display().to_string()), ("kind", &file_system)])
        }
        HolderKind::Swap => fill(en::HOLDER_SWAP, &[("node", &node)]),
        HolderKind::Above { kind, name } => {
            let template = match kind {
                Above::Volume => en::HOLDER_LVM,
                Above::Encrypted => en::HOLDER_CRYPT,
                Above::Raid => en::HOLDER_RAID,
                Above::Mapped => en::HOLDER_MAPPED,
            };
            fill(template, &[("node", &node), ("name", &name)])
        }
        HolderKind::Loop { file } => fill(en::HOLDER_LOOP, &[("node", &node), ("file", &file.display().to_string())]),
        HolderKind::Process { pid, name, is_self: true, .. } => {
            fill(en::HOLDER_SELF, &[("pid", &pid.to_string()), ("name", &name)])
        }
        HolderKind::Process { pid, name, .. } => match user {
            Some(user) => fill(en::HOLDER_PROCESS_OF, &[("pid", &pid.to_string()), ("name", &name), ("user", &user)]),
            None => fill(en::HOLDER_PROCESS, &[("pid", &pid.to_string()), ("name", &name)]),
        },
    }
}

/// What to do about it.
#[must_use]
pub fn holder_advice(holder: &Holder) -> String {
    let node = holder.node.display().to_string();
    match &holder.kind {
        HolderKind::Mount { place, .. } if place == Path::new("/") => en::ADVICE_ROOT.to_owned(),
        HolderKind::Mount { .. } => en::ADVICE_MOUNT.to_owned(),
        HolderKind::Swap => fill(en::ADVICE_SWAP, &[("node", &node)]),
        HolderKind::Above { kind, name } => {
            let template = match kind {
                Above::Volume => en::ADVICE_LVM,
                Above::Encrypted => en::ADVICE_CRYPT,
                Above::Raid => en::ADVICE_RAID,
                Above::Mapped => en::ADVICE_MAPPED,
            };
            fill(template, &[("name", &name)])
        }
        HolderKind::Loop { .. } => fill(en::ADVICE_LOOP, &[("node", &node)]),
        HolderKind::Process { is_self: true, .. } => en::ADVICE_SELF.to_owned(),
        HolderKind::Process { pid, .. } => fill(en::ADVICE_PROCESS, &[("pid", &pid.to_string())]),
    }
}

/// Above the list of what keeps a place in use.
#[must_use]
pub fn held_title(place: &Address) -> String {
    fill(en::HELD_TITLE, &[("place", &place.to_string())])
}

/// Programs that could not be looked into.
#[must_use]
pub fn held_hidden(count: usize) -> String {
    fill_count(count, en::HELD_HIDDEN_ONE, en::HELD_HIDDEN_MANY)
}

/// The question before something is unmounted.
#[must_use]
pub fn unmount_question(place: &Path) -> String {
    fill(en::UNMOUNT_QUESTION, &[("place", &place.display().to_string())])
}

/// Programs that have to end first.
#[must_use]
pub fn unmount_users(names: &[String]) -> String {
    fill(en::UNMOUNT_USERS, &[("names", &names.join(", "))])
}

/// It is unmounted.
#[must_use]
pub fn unmounted(place: &Path) -> String {
    fill(en::UNMOUNTED, &[("place", &place.display().to_string())])
}

/// How many images the filter leaves.
#[must_use]
pub fn images_filter(count: usize) -> String {
    fill_count(count, en::IMAGES_FILTER_ONE, en::IMAGES_FILTER_MANY)
}

/// The template for one, which names no number, or that for many.
fn fill_count(count: usize, one: &'static str, many: &'static str) -> String {
    let template = plural(u64::try_from(count).unwrap_or(u64::MAX), one, many);
    if template.contains("{count}") { fill(template, &[("count", &count)]) } else { template.to_owned() }
}

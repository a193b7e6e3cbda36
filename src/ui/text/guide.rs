//! The words of the guide: what happened, what is wrong, who uses a disk.

use std::path::Path;

use super::super::diagnosis::{Finding, Remedy, Wrong};
use crate::device::{Above, Holder, HolderKind};
use crate::inventory::Address;
use crate::words::{en, fill, plural};

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

/// An image inside a place that is named by its address, short where the disk is a file.
#[must_use]
pub fn image_inside(name: &str, address: &Address) -> String {
    let path = address.path();
    let place = address.to_string().replacen(&path.display().to_string(), &disk_name(path), 1);
    place_image(name, &place)
}

/// An image by its kind and day.
#[must_use]
pub fn image_of(kind: &str, made: &str) -> String {
    fill(en::IMAGE_OF, &[("kind", &kind), ("made", &made)])
}

/// What is wrong, in one line.
#[must_use]
pub fn finding(finding: &Finding) -> String {
    let place = &finding.place;
    match finding.wrong {
        Wrong::Interrupted => fill(en::WRONG_INTERRUPTED, &[("place", place)]),
        Wrong::RestoreInterrupted => fill(en::WRONG_RESTORE_INTERRUPTED, &[("place", place)]),
        Wrong::DiskUnreadable => fill(en::WRONG_DISK_UNREADABLE, &[("place", place)]),
        Wrong::LeftOut => fill(en::WRONG_LEFT_OUT, &[("place", place)]),
        Wrong::LostWithImages => fill(en::WRONG_LOST_WITH_IMAGES, &[("place", place)]),
        Wrong::UnreadableWithImages => fill(en::WRONG_UNREADABLE_WITH_IMAGES, &[("place", place)]),
        Wrong::TableGone => fill(en::WRONG_TABLE_GONE, &[("place", place)]),
        Wrong::Unreadable => fill(en::WRONG_UNREADABLE, &[("place", place)]),
        Wrong::Lost => fill(en::WRONG_LOST, &[("place", place)]),
        Wrong::TableFaulty => fill(en::WRONG_TABLE_FAULTY, &[("place", place)]),
        Wrong::Hibernated => fill(en::WRONG_HIBERNATED, &[("place", place)]),
        Wrong::Dirty => fill(en::WRONG_DIRTY, &[("place", place)]),
        Wrong::Journal => fill(en::WRONG_JOURNAL, &[("place", place)]),
        Wrong::Unrecognised => fill(en::WRONG_UNRECOGNISED, &[("place", place)]),
        Wrong::ImageDamaged => fill(en::WRONG_IMAGE_DAMAGED, &[("place", place)]),
        Wrong::Stale => fill(en::WRONG_STALE, &[("place", place)]),
        Wrong::Empty => fill(en::WRONG_EMPTY, &[("place", place)]),
    }
}

/// What it means.
#[must_use]
pub fn finding_means(finding: &Finding) -> &'static str {
    match finding.wrong {
        Wrong::Interrupted => en::MEANS_INTERRUPTED,
        Wrong::RestoreInterrupted => en::MEANS_RESTORE_INTERRUPTED,
        Wrong::DiskUnreadable => en::MEANS_DISK_UNREADABLE,
        Wrong::LeftOut => en::MEANS_LEFT_OUT,
        Wrong::LostWithImages => en::MEANS_LOST_WITH_IMAGES,
        Wrong::UnreadableWithImages => en::MEANS_UNREADABLE_WITH_IMAGES,
        Wrong::TableGone => en::MEANS_TABLE_GONE,
        Wrong::Unreadable => en::MEANS_UNREADABLE,
        Wrong::Lost => en::MEANS_LOST,
        Wrong::TableFaulty => en::MEANS_TABLE_FAULTY,
        Wrong::Hibernated => en::MEANS_HIBERNATED,
        Wrong::Dirty => en::MEANS_DIRTY,
        Wrong::Journal => en::MEANS_JOURNAL,
        Wrong::Unrecognised => en::MEANS_UNRECOGNISED,
        Wrong::ImageDamaged => en::MEANS_IMAGE_DAMAGED,
        Wrong::Stale => en::MEANS_STALE,
        Wrong::Empty => en::MEANS_EMPTY,
    }
}

/// What helps.
#[must_use]
pub fn finding_helps(finding: &Finding) -> String {
    let path = finding.address.path();
    let name = disk_name(path);
    match finding.wrong {
        Wrong::Interrupted => en::HELPS_INTERRUPTED.to_owned(),
        Wrong::RestoreInterrupted => en::HELPS_RESTORE_INTERRUPTED.to_owned(),
        Wrong::DiskUnreadable => en::HELPS_DISK_UNREADABLE.to_owned(),
        Wrong::LeftOut => en::HELPS_LEFT_OUT.to_owned(),
        Wrong::LostWithImages => en::HELPS_LOST_WITH_IMAGES.to_owned(),
        Wrong::UnreadableWithImages => en::HELPS_UNREADABLE_WITH_IMAGES.to_owned(),
        Wrong::TableGone => fill(en::HELPS_TABLE_GONE, &[("name", &name)]),
        Wrong::Unreadable => fill(en::HELPS_UNREADABLE, &[("name", &name)]),
        Wrong::Lost => en::HELPS_LOST.to_owned(),
        Wrong::TableFaulty => fill(en::HELPS_TABLE_FAULTY, &[("disk", &path.display())]),
        Wrong::Hibernated => en::HELPS_HIBERNATED.to_owned(),
        Wrong::Dirty => en::HELPS_DIRTY.to_owned(),
        Wrong::Journal => en::HELPS_JOURNAL.to_owned(),
        Wrong::Unrecognised => fill(en::HELPS_UNRECOGNISED, &[("name", &name)]),
        Wrong::ImageDamaged => en::HELPS_IMAGE_DAMAGED.to_owned(),
        Wrong::Stale => en::HELPS_STALE.to_owned(),
        Wrong::Empty => fill(en::HELPS_EMPTY, &[("name", &name)]),
    }
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

/// The most urgent thing on the start screen.
#[must_use]
pub fn start_wrong(finding: &Finding) -> String {
    fill(en::START_WRONG, &[("what", &self::finding(finding))])
}

/// Several factory images are there.
#[must_use]
pub fn factory_found(count: usize) -> String {
    fill(plural(large(count), en::FACTORY_FOUND_ONE, en::FACTORY_FOUND_MANY), &[("count", &count)])
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
        HolderKind::Above { kind: Above::Volume, name } => fill(en::HOLDER_LVM, &[("node", &node), ("name", &name)]),
        HolderKind::Above { kind: Above::Encrypted, name } => {
            fill(en::HOLDER_CRYPT, &[("node", &node), ("name", &name)])
        }
        HolderKind::Above { kind: Above::Raid, name } => fill(en::HOLDER_RAID, &[("node", &node), ("name", &name)]),
        HolderKind::Above { kind: Above::Mapped, name } => fill(en::HOLDER_MAPPED, &[("node", &node), ("name", &name)]),
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
        HolderKind::Above { kind: Above::Volume, name } => fill(en::ADVICE_LVM, &[("name", &name)]),
        HolderKind::Above { kind: Above::Encrypted, name } => fill(en::ADVICE_CRYPT, &[("name", &name)]),
        HolderKind::Above { kind: Above::Raid, name } => fill(en::ADVICE_RAID, &[("name", &name)]),
        HolderKind::Above { kind: Above::Mapped, name } => fill(en::ADVICE_MAPPED, &[("name", &name)]),
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
    fill(plural(large(count), en::HELD_HIDDEN_ONE, en::HELD_HIDDEN_MANY), &[("count", &count)])
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
    fill(plural(large(count), en::IMAGES_FILTER_ONE, en::IMAGES_FILTER_MANY), &[("count", &count)])
}

fn large(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

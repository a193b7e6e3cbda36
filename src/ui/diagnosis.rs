//! What is wrong with this machine's disks, as far as a look tells: plain data, the most urgent first, each with what
//! can be done about it.

use crate::fs::{Kind, State};
use crate::image;
use crate::inventory::{Address, Disk, ImageView, Partition, Volume};
use crate::table::{self, Health};

use super::model::Model;
use super::text;

/// More findings than a person reads are not listed, which is said.
pub const MAX_FINDINGS: usize = 200;

/// What is wrong. In the order of urgency: what is half done, what is lost, what is damaged, what is untidy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Wrong {
    /// A change of a volume was interrupted: it can be finished or taken back.
    Interrupted,
    /// A restore was interrupted: the volume cannot be used until it is finished.
    RestoreInterrupted,
    /// The disk cannot be read.
    DiskUnreadable,
    /// A partition that no table names any more, whose images are there.
    LostWithImages,
    /// A partition whose file system cannot be read, whose images are there.
    UnreadableWithImages,
    /// There is no usable partition table.
    TableGone,
    /// A partition whose file system cannot be read, and no image of it was found.
    Unreadable,
    /// A volume that no table names, without images.
    Lost,
    /// One of the two copies of the table is damaged, or the table contradicts itself.
    TableFaulty,
    /// Windows sleeps on it.
    Hibernated,
    /// It has errors, or was not unmounted.
    Dirty,
    /// Its journal is not replayed.
    Journal,
    /// Nobody has waited for the disk, so that nothing is known of it.
    LeftOut,
    /// A partition in which nothing is recognised.
    Unrecognised,
    /// An image inside is damaged.
    ImageDamaged,
    /// A recovery partition is out of date.
    Stale,
    /// A disk without anything on it.
    Empty,
}

impl Wrong {
    /// True for what keeps a computer from starting, as opposed to what should merely be put in order.
    #[must_use]
    pub fn is_grave(self) -> bool {
        self < Self::TableFaulty
    }
}

/// What Enter does about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Remedy {
    /// Show the interrupted job of this volume.
    Resume(Address),
    /// Plan to put the partition back from this image inside it.
    Restore(Address),
    /// Look whether it is sound.
    Check(Address),
    /// Search every sector of the disk for images.
    Search(Address),
    /// Plan to renew the recovery partition of this number in the list of those out of date.
    Renew(usize),
    /// Show it among the disks.
    Show(Address),
    /// Show the image.
    Open(Address),
    /// Choose an image, and put it back onto a partition.
    ChooseImage,
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What.
    pub wrong: Wrong,
    /// The disk, volume or image.
    pub address: Address,
    /// The same as people say it: disk, partition, label.
    pub place: String,
    /// What the look has noted, in sentences.
    pub notes: Vec<String>,
    /// The image that helps, as people say it.
    pub image: Option<String>,
    /// What can be done.
    pub remedy: Remedy,
}

/// All that is known to be wrong; empty before the first look.
#[must_use]
pub fn findings(model: &Model) -> Vec<Finding> {
    let mut found = interrupted(model);
    for disk in model.disks.inventory.iter().flat_map(|inventory| &inventory.disks) {
        of_disk(disk, model.disks.skipped.contains(&disk.path), &mut found);
    }
    found.extend(model.stale.iter().enumerate().map(|(index, stale)| Finding {
        wrong: Wrong::Stale,
        address: stale.renewal.target.clone(),
        place: stale.partition.clone(),
        notes: stale.differs.clone(),
        image: None,
        remedy: Remedy::Renew(index),
    }));
    found.sort_by_key(|finding| finding.wrong);
    found.truncate(MAX_FINDINGS);
    found
}

fn interrupted(model: &Model) -> Vec<Finding> {
    let found = model.interrupted.jobs.iter().map(|job| Finding {
        wrong: if job.can_roll_back { Wrong::Interrupted } else { Wrong::RestoreInterrupted },
        address: job.address.clone(),
        place: place_of(model, &job.address),
        notes: vec![job.words.clone()],
        image: None,
        remedy: Remedy::Resume(job.address.clone()),
    });
    found.collect()
}

/// The words for a volume that an interrupted job names by its address.
fn place_of(model: &Model, address: &Address) -> String {
    let disks = model.disks.inventory.iter().flat_map(|inventory| &inventory.disks);
    let mut partitions = disks.flat_map(|disk| disk.partitions.iter().map(move |partition| (disk, partition)));
    let mine = partitions.find(|(disk, partition)| partition.address(&disk.path) == *address);
    mine.map_or_else(|| address.to_string(), |(disk, partition)| partition_place(disk, partition))
}

fn of_disk(disk: &Disk, is_left_out: bool, found: &mut Vec<Finding>) {
    let whole = Address::Whole(disk.path.clone());
    let place = text::place_disk(&disk.path, disk.model.as_deref());
    let mut add = |wrong, notes: Vec<String>, remedy| {
        found.push(Finding { wrong, address: whole.clone(), place: place.clone(), notes, image: None, remedy });
    };
    if let Some(problem) = &disk.problem {
        let (wrong, notes) = match is_left_out {
            true => (Wrong::LeftOut, Vec::new()),
            false => (Wrong::DiskUnreadable, vec![problem.clone()]),
        };
        add(wrong, notes, Remedy::Show(whole.clone()));
        return;
    }
    let notes = disk.table.notes.clone();
    let is_bare = disk.table.kind == table::Kind::None && disk.volume.is_none();
    match disk.table.health {
        Health::Damaged => add(Wrong::TableGone, notes, Remedy::Search(whole.clone())),
        Health::Degraded => add(Wrong::TableFaulty, notes, Remedy::Show(whole.clone())),
        Health::Ok if is_bare && !disk.partitions.is_empty() => {
            add(Wrong::TableGone, notes, Remedy::Search(whole.clone()));
        }
        Health::Ok if is_bare => add(Wrong::Empty, notes, Remedy::Search(whole.clone())),
        Health::Ok => {}
    }
    if let Some(volume) = &disk.volume {
        let in_use = !disk.mounted_at.is_empty();
        of_volume(&Place { address: whole, words: place, lost: false, in_use, expected: true }, volume, found);
    }
    for partition in &disk.partitions {
        let Some(volume) = &partition.volume else { continue };
        let place = Place {
            address: partition.address(&disk.path),
            words: partition_place(disk, partition),
            lost: partition.found,
            in_use: !partition.mounted_at.is_empty() || !disk.mounted_at.is_empty(),
            expected: partition.found || table::holds_files(&partition.type_id),
        };
        of_volume(&place, volume, found);
    }
}

/// Where a volume lies, as far as it matters to what is wrong with it.
struct Place {
    address: Address,
    words: String,
    lost: bool,
    in_use: bool,
    /// Its partition is of a type that holds files.
    expected: bool,
}

fn of_volume(place: &Place, volume: &Volume, found: &mut Vec<Finding>) {
    let known = found.iter().any(|finding| finding.address == place.address && is_interruption(finding.wrong));
    let newest = newest(volume);
    let (address, search) = (&place.address, Address::Whole(place.address.path().to_owned()));
    let restore = newest.map(|view| Remedy::Restore(image_address(address, view)));
    let unreadable = match volume.kind {
        Kind::Unknown | Kind::Ambiguous => place.expected || !volume.images.is_empty(),
        kind => kind.has_driver() && volume.state.is_none(),
    };
    let damaged = (place.lost, unreadable, restore);
    let what = match (volume.kind, damaged) {
        _ if known => None,
        (Kind::Unfinished, (_, _, restore)) => {
            Some((Wrong::RestoreInterrupted, restore.unwrap_or(Remedy::ChooseImage)))
        }
        (_, (true, _, Some(restore))) => Some((Wrong::LostWithImages, restore)),
        (_, (false, true, Some(restore))) => Some((Wrong::UnreadableWithImages, restore)),
        // A partition that was never formatted looks just like this.
        (Kind::Unknown | Kind::Ambiguous, (false, true, None)) => Some((Wrong::Unrecognised, Remedy::Search(search))),
        (_, (false, true, None)) => Some((Wrong::Unreadable, Remedy::Search(search))),
        (_, (true, _, None)) => Some((Wrong::Lost, Remedy::Show(address.clone()))),
        // What is mounted is never clean, and that is as it should be.
        _ if place.in_use => None,
        _ => state(volume.state).map(|wrong| (wrong, Remedy::Check(address.clone()))),
    };
    if let Some((wrong, remedy)) = what {
        let image = newest.filter(|_| matches!(remedy, Remedy::Restore(_)));
        found.push(Finding {
            wrong,
            address: address.clone(),
            place: place.words.clone(),
            notes: volume.notes.clone(),
            image: image.map(|view| text::image_of(view.kind.name(), &super::rows::made(view))),
            remedy,
        });
    }
    found.extend(volume.images.iter().filter(|view| !view.whole).map(|view| Finding {
        wrong: Wrong::ImageDamaged,
        address: image_address(address, view),
        place: text::place_image(&view.name, &place.words),
        notes: view.damage.clone(),
        image: None,
        remedy: Remedy::Open(image_address(address, view)),
    }));
}

fn is_interruption(wrong: Wrong) -> bool {
    matches!(wrong, Wrong::Interrupted | Wrong::RestoreInterrupted)
}

fn state(state: Option<State>) -> Option<Wrong> {
    match state? {
        State::Clean => None,
        State::Dirty => Some(Wrong::Dirty),
        State::Hibernated => Some(Wrong::Hibernated),
        State::Journal => Some(Wrong::Journal),
    }
}

/// The newest image that nothing is known to be wrong with: going back to it loses least.
fn newest(volume: &Volume) -> Option<&ImageView> {
    let whole = volume.images.iter().filter(|view| view.whole);
    whole.max_by_key(|view| (view.created, view.kind == image::Kind::User))
}

/// As the rows of the disks screen name it: by its name, or its id where two have the same.
fn image_address(volume: &Address, view: &ImageView) -> Address {
    let name = view.address.rsplit('/').next().unwrap_or(&view.name);
    Address::Inside(Box::new(volume.clone()), name.to_owned())
}

fn partition_place(disk: &Disk, partition: &Partition) -> String {
    let label = partition.volume.as_ref().and_then(|volume| volume.label.clone()).or_else(|| partition.name.clone());
    let label = label.filter(|label| !label.is_empty());
    let number = (!partition.found).then_some(partition.number);
    text::place_partition(&disk.path, number, partition.start_bytes, label.as_deref())
}

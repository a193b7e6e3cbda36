//! The inventory as lines to choose from, and why some of them cannot be chosen.

mod narrow;

pub use narrow::narrowed;

use std::path::{Path, PathBuf};

use crate::fs::ext::JOURNAL_NOTE;
use crate::fs::{Kind, State};
use crate::image;
use crate::inventory::{Address, Disk, ImageView, Inventory, Partition, TableView, Volume};
use crate::table;

use super::model::{ImageInfo, Task};
use super::text;

/// What a line stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowKind {
    /// A disk, as the heading of its partitions.
    Disk,
    /// The whole of a disk without a partition table.
    Whole,
    /// A partition of a table.
    Partition,
    /// A volume that no table names.
    Found,
    /// An image inside the volume above it.
    Image,
}

/// A line of the disks screen.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// What it is.
    pub kind: RowKind,
    /// How it is named.
    pub address: Address,
    /// Its number in the table.
    pub number: u32,
    /// The disk's or partition's own name, model or type: what tells it apart.
    pub title: String,
    /// A disk's serial number.
    pub serial: Option<String>,
    /// Where it begins on the disk.
    pub start_bytes: u64,
    /// Its length.
    pub bytes: u64,
    /// What is in it.
    pub volume: Option<Volume>,
    /// The image that it is.
    pub image: Option<ImageView>,
    /// Where it (or for a whole disk anything on it) is mounted.
    pub mounted_at: Vec<PathBuf>,
    /// Cannot be written.
    pub read_only: bool,
    /// Only holds other partitions.
    pub extended: bool,
    /// Why it cannot be read.
    pub problem: Option<String>,
    /// Which table a disk has, and what is wrong with it.
    pub table: Option<TableView>,
    /// Name and value pairs for the details.
    pub details: Vec<(&'static str, String)>,
    /// What is worth saying.
    pub notes: Vec<String>,
}

/// The lines for an inventory: each disk, and under it what is on it.
#[must_use]
pub fn rows(inventory: &Inventory) -> Vec<Row> {
    let mut rows = Vec::new();
    for disk in &inventory.disks {
        rows.push(disk_row(disk));
        if disk.problem.is_some() {
            continue;
        }
        if disk.table.kind == table::Kind::None {
            push(&mut rows, whole_row(disk));
        }
        for partition in &disk.partitions {
            push(&mut rows, partition_row(disk, partition));
        }
    }
    rows
}

/// A place, and below it the images inside.
fn push(rows: &mut Vec<Row>, place: Row) {
    let images: Vec<Row> = place.images().iter().map(|view| image_row(&place, view)).collect();
    rows.push(place);
    rows.extend(images);
}

fn mounted_anywhere(disk: &Disk) -> Vec<PathBuf> {
    disk.mounted_at.iter().chain(disk.partitions.iter().flat_map(|partition| &partition.mounted_at)).cloned().collect()
}

fn disk_row(disk: &Disk) -> Row {
    let mut details = vec![(text::DETAIL_PATH, disk.path.display().to_string())];
    let mut add = |name, value: Option<String>| details.extend(value.map(|value| (name, value)));
    // Of a disk that cannot be read nothing more is known.
    let readable = disk.problem.is_none();
    add(text::DETAIL_MODEL, disk.model.clone());
    add(text::DETAIL_SERIAL, disk.serial.clone());
    add(text::DETAIL_SIZE, (disk.bytes > 0).then(|| text::disk_size(disk.bytes)));
    add(text::DETAIL_TABLE, readable.then(|| text::table(&disk.table)));
    add(text::DETAIL_TRANSPORT, disk.transport.clone());
    add(text::DETAIL_SECTOR, readable.then(|| text::sector(disk.sector_bytes, disk.physical_sector_bytes)));
    let title = disk.model.clone().or_else(|| disk.transport.clone()).unwrap_or_default();
    Row {
        kind: RowKind::Disk,
        address: Address::Whole(disk.path.clone()),
        number: 0,
        title,
        serial: disk.serial.clone(),
        start_bytes: 0,
        bytes: disk.bytes,
        volume: None,
        image: None,
        mounted_at: mounted_anywhere(disk),
        read_only: disk.read_only,
        extended: false,
        problem: disk.problem.clone(),
        table: readable.then(|| disk.table.clone()),
        details,
        notes: disk.table.notes.clone(),
    }
}

fn whole_row(disk: &Disk) -> Row {
    let mut row = Row {
        kind: RowKind::Whole,
        title: text::WHOLE_DISK.to_owned(),
        volume: disk.volume.clone(),
        details: vec![(text::ADDRESS, disk.path.display().to_string())],
        notes: Vec::new(),
        table: None,
        ..disk_row(disk)
    };
    add_volume(&mut row);
    row
}

fn partition_row(disk: &Disk, partition: &Partition) -> Row {
    let address = partition.address(&disk.path);
    let mut details = vec![(text::ADDRESS, address.to_string())];
    let kind_name = partition.type_name.clone().unwrap_or_else(|| partition.type_id.clone());
    if !kind_name.is_empty() {
        details.push((text::DETAIL_TYPE, kind_name.clone()));
    }
    details.extend(partition.name.clone().filter(|name| !name.is_empty()).map(|name| (text::DETAIL_NAME, name)));
    details.push((text::DETAIL_START, text::bytes_exact(partition.start_bytes)));
    let mut mounted_at = partition.mounted_at.clone();
    mounted_at.extend(disk.mounted_at.iter().cloned());
    let mut row = Row {
        kind: if partition.found { RowKind::Found } else { RowKind::Partition },
        address,
        number: partition.number,
        title: partition.name.clone().filter(|name| !name.is_empty()).unwrap_or(kind_name),
        serial: None,
        start_bytes: partition.start_bytes,
        bytes: partition.bytes,
        volume: partition.volume.clone(),
        image: None,
        mounted_at,
        read_only: disk.read_only,
        extended: partition.is_extended(),
        problem: None,
        table: None,
        details,
        notes: Vec::new(),
    };
    add_volume(&mut row);
    row
}

fn image_row(place: &Row, view: &ImageView) -> Row {
    // Where two images have one name, the address has the id in its place.
    let name = view.address.rsplit('/').next().unwrap_or(&view.name);
    let address = Address::Inside(Box::new(place.address.clone()), name.to_owned());
    let details = vec![
        (text::ADDRESS, address.to_string()),
        (text::FACT_KIND, view.kind.name().to_owned()),
        (text::FACT_MADE, made(view)),
        (text::VOLUME, text::imaged(view.volume.kind, view.volume.label.as_deref(), view.volume.bytes)),
        (text::FOUND, text::found_by(view.found_by).to_owned()),
    ];
    Row {
        kind: RowKind::Image,
        address,
        number: 0,
        title: view.name.clone(),
        serial: None,
        start_bytes: place.start_bytes,
        bytes: view.bytes,
        volume: None,
        image: Some(view.clone()),
        mounted_at: place.mounted_at.clone(),
        read_only: place.read_only,
        extended: false,
        problem: None,
        table: None,
        details,
        notes: view.damage.clone(),
    }
}

/// The day an image was made on, in this machine's time.
#[must_use]
pub fn made(view: &ImageView) -> String {
    view.created.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d").to_string()
}

/// The factory images among the lines that nothing is known to be wrong with.
#[must_use]
pub fn factory_images(rows: &[Row]) -> Vec<&Row> {
    rows.iter().filter(|row| row.is_factory_image() && row.is_whole_image()).collect()
}

/// Adds to an inventory what a search of a whole disk has found.
pub fn merge(inventory: &mut Inventory, path: &Path, found: &[Partition]) {
    let Some(disk) = inventory.disks.iter_mut().find(|disk| disk.path == path) else { return };
    for place in found {
        let there = disk.partitions.iter_mut().find(|partition| partition.start_bytes == place.start_bytes);
        let volume = match there {
            Some(partition) => &mut partition.volume,
            None if place.start_bytes == 0 && disk.volume.is_some() => &mut disk.volume,
            None => {
                disk.partitions.push(place.clone());
                continue;
            }
        };
        let new = place.volume.iter().flat_map(|volume| &volume.images);
        match volume {
            Some(volume) => {
                let new: Vec<ImageView> = new
                    .filter(|view| !volume.images.iter().any(|have| have.image_id == view.image_id))
                    .cloned()
                    .collect();
                volume.images.extend(new);
            }
            None => *volume = place.volume.clone(),
        }
    }
}

fn add_volume(row: &mut Row) {
    let Some(volume) = &row.volume else { return };
    let (factory, user, damaged) = row.image_counts();
    let images = (factory + user > 0).then(|| text::images_inside(factory, user, damaged));
    let used = row.used_bytes().zip(row.volume_bytes()).map(|(used, all)| text::used_of(used, all));
    row.details.push((text::VOLUME, text::volume(volume)));
    // Where there is room for two lines, these say most.
    row.details.splice(0..0, images.map(|images| (text::DETAIL_IMAGES, images)));
    row.details.splice(0..0, used.map(|used| (text::DETAIL_USED, used)));
    row.details.extend(volume.id.clone().map(|id| (text::DETAIL_ID, id)));
    // The state's own note says this in plain words.
    row.notes.extend(volume.notes.iter().filter(|note| *note != JOURNAL_NOTE).cloned());
    // What is mounted is never clean, and that is as it should be.
    let note = match volume.state {
        Some(_) if row.unclean() && !row.mounted_at.is_empty() => Some(text::STATE_MOUNTED_NOTE),
        state => state.and_then(text::state_note),
    };
    row.notes.splice(0..0, note.map(str::to_owned));
}

impl Row {
    /// The images inside its volume.
    #[must_use]
    pub fn images(&self) -> &[ImageView] {
        self.volume.as_ref().map_or(&[], |volume| &volume.images)
    }

    /// How many factory and user images are inside its volume, and how many of them are damaged.
    #[must_use]
    pub fn image_counts(&self) -> (usize, usize, usize) {
        let count = |is_meant: &dyn Fn(&ImageView) -> bool| self.images().iter().filter(|view| is_meant(view)).count();
        let factory = count(&|view| view.kind == image::Kind::Factory);
        (factory, self.images().len() - factory, count(&|view| !view.whole))
    }

    /// All that can be searched for in it.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = vec![self.address.to_string(), self.title.clone()];
        if let Some(volume) = &self.volume {
            words.push(volume.kind.name().to_owned());
            words.extend(volume.label.clone());
            words.extend(volume.state.map(|state| text::state(state).to_owned()));
        }
        words.extend(self.image.as_ref().map(|view| view.kind.name().to_owned()));
        words.extend(self.is_found().then(|| text::LOST.to_owned()));
        words.extend((!self.mounted_at.is_empty()).then(|| text::mounted_at(&self.mounted_at)));
        words.extend(self.details.iter().map(|(_, value)| value.clone()));
        words.join("\n")
    }

    /// True for the image of the state that a machine was delivered in.
    #[must_use]
    pub fn is_factory_image(&self) -> bool {
        self.image.as_ref().is_some_and(|view| view.kind == image::Kind::Factory)
    }

    /// True for an image that nothing is known to be wrong with.
    #[must_use]
    pub fn is_whole_image(&self) -> bool {
        self.image.as_ref().is_some_and(|view| view.whole)
    }

    /// True for a volume that no partition table names any more.
    #[must_use]
    pub fn is_found(&self) -> bool {
        self.kind == RowKind::Found
    }

    /// The image as far as a look at the disks tells: enough to ask for it to be restored.
    #[must_use]
    pub fn image_info(&self) -> Option<ImageInfo> {
        let view = self.image.as_ref()?;
        Some(ImageInfo {
            place: self.address.clone(),
            bytes: view.bytes,
            name: view.name.clone(),
            kind: view.kind.name().to_owned(),
            volume: view.volume.kind.name().to_owned(),
            label: view.volume.label.clone(),
            created: made(view),
            volume_bytes: view.volume.bytes,
            damage: view.damage.clone(),
            facts: Vec::new(),
        })
    }

    /// The volume that it is, or that holds it.
    #[must_use]
    pub fn volume_address(&self) -> &Address {
        self.address.image().map_or(&self.address, |(volume, _)| volume)
    }

    /// True for a place whose interrupted jobs are worth looking for: a volume that Lifeboat changes, one that it did
    /// not finish restoring, one that only its images tell of.
    #[must_use]
    pub fn may_wait(&self) -> bool {
        let kind = self.volume.as_ref().map(|volume| volume.kind);
        kind.is_some_and(|kind| kind.has_driver() || kind == Kind::Unfinished) || !self.images().is_empty()
    }

    /// Used bytes of the volume, where that is known.
    #[must_use]
    pub fn used_bytes(&self) -> Option<u64> {
        let volume = self.volume.as_ref()?;
        volume.used_clusters?.checked_mul(u64::from(volume.cluster_bytes?))
    }

    /// Bytes of the volume's clusters, where that is known.
    #[must_use]
    pub fn volume_bytes(&self) -> Option<u64> {
        let volume = self.volume.as_ref()?;
        volume.clusters?.checked_mul(u64::from(volume.cluster_bytes?))
    }

    /// True for a place whose clusters are worth a map: a volume that Lifeboat reads, one that holds images, an image.
    #[must_use]
    pub fn has_map(&self) -> bool {
        let is_read = self.volume.as_ref().is_some_and(|volume| volume.kind.has_driver());
        self.problem.is_none() && (is_read || !self.images().is_empty() || self.image.is_some())
    }

    /// True when the volume was not left clean, so that a backup needs the user's word.
    #[must_use]
    pub fn unclean(&self) -> bool {
        let state = self.volume.as_ref().and_then(|volume| volume.state);
        matches!(state, Some(State::Dirty | State::Hibernated | State::Journal))
    }

    /// True when the volume's kind is known and could be read, but this one cannot: all its sectors still can be
    /// taken.
    #[must_use]
    pub fn unreadable(&self) -> bool {
        self.volume.as_ref().is_some_and(|volume| volume.kind.has_driver() && volume.state.is_none())
    }

    /// Why this line cannot be the source or target of the task; `None` when it can.
    #[must_use]
    pub fn refusal(&self, task: Task, image: Option<&ImageInfo>) -> Option<String> {
        if let Some(problem) = &self.problem {
            return Some(text::refused_unreadable(problem));
        }
        if self.kind == RowKind::Disk {
            return Some(text::REFUSED_DISK.to_owned());
        }
        if self.extended {
            return Some(text::REFUSED_EXTENDED.to_owned());
        }
        if self.kind == RowKind::Image {
            return Some(text::REFUSED_IMAGE.to_owned());
        }
        if task == Task::Restore { self.refused_target(image) } else { None }
    }

    /// Why this line's volume cannot be checked; `None` when it can.
    #[must_use]
    pub fn uncheckable(&self) -> Option<String> {
        let refused = self.refusal(Task::Browse, None);
        let kind = self.volume.as_ref().map_or(Kind::Unknown, |volume| volume.kind);
        refused.or_else(|| match kind {
            Kind::Unknown | Kind::Ambiguous | Kind::Unfinished => Some(text::REFUSED_NO_VOLUME.to_owned()),
            kind if kind.has_driver() => None,
            kind => Some(text::refused_kind(kind)),
        })
    }

    fn refused_target(&self, image: Option<&ImageInfo>) -> Option<String> {
        if let Some(place) = self.mounted_at.first() {
            return Some(text::refused_mounted(place));
        }
        if self.read_only {
            return Some(text::REFUSED_READ_ONLY.to_owned());
        }
        let image = image?;
        if lies_in(&image.place, self.address.path()) {
            return Some(text::REFUSED_SAME.to_owned());
        }
        (image.volume_bytes > self.bytes).then(|| text::refused_small(image.volume_bytes, self.bytes))
    }
}

/// True when the image file is itself the target. Paths only; the planner compares the files.
fn lies_in(image: &Address, target: &Path) -> bool {
    matches!(image, Address::Whole(path) if path == target)
}

//! Finding the images inside volumes, whatever is left of the volume, and saying how each was found.

mod aid;
mod combine;
mod files;
mod folder;
mod salvage;
mod search;
mod tocs;

use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use super::{Address, Disk, Partition, Source, Volume, open_source};
use crate::device::{SharedDevice, Window};
use crate::error::{Error, Result};
use crate::fs::check::Unwatched;
use crate::fs::{Finding, Watch};
use crate::image::container::{ImageRecord, Toc};
use crate::image::format::MAX_BASES;
use crate::image::{self, Image};
use crate::unit::{ByteLen, ByteOffset};
use crate::volume;
pub use aid::{RecoveryPartition, recovery_partitions, use_aids};
pub(super) use folder::files_of_container;
pub(super) use search::len_by_toc;
use search::{Goal, Hunt, Spot};

/// By what an image was found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FoundBy {
    /// As a file of the volume's folder.
    FileSystem,
    /// By a table of contents that a search came upon.
    Toc,
    /// By a recovery aid on other media.
    Aid,
    /// By a recovery partition.
    RecoveryPartition,
    /// Put together from its own records.
    Scavenged,
}

/// Images inside a volume, as found.
#[derive(Clone)]
pub struct Container {
    /// The volume: a partition that a table names, or a place that none does.
    pub volume: Address,
    /// Its bytes, and where it lies: for a volume whose partition is lost, where it lay.
    pub source: Source,
    /// What it holds and where; put together from the files or records where no table of contents is left.
    pub toc: Toc,
    /// By what it was found.
    pub found_by: FoundBy,
    /// What is wrong with the container itself, in sentences: a table is gone, or stale.
    pub damage: Vec<String>,
    /// The same and what is only worth knowing (it could be moved to the volume's end), each by its rule.
    pub findings: Vec<Finding>,
    /// The images.
    pub images: Vec<FoundImage>,
}

/// An image of a container, as found.
#[derive(Clone)]
pub struct FoundImage {
    /// What the table of contents, or its header, tells of it.
    pub record: ImageRecord,
    /// By what it was found.
    pub found_by: FoundBy,
    /// Its bytes, all parts together.
    pub device: SharedDevice,
    /// How many parts were found.
    pub parts: usize,
    /// What is wrong with it, in sentences, as far as opening it tells.
    pub damage: Vec<String>,
    /// Why an image that it needs cannot be used; also said in `damage`.
    pub needs: Option<String>,
    /// Another image in the same place has its name: its address needs its id.
    pub is_shadowed: bool,
}

/// An image as `lifeboat images --json` shows it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ImageView {
    /// By what every command takes it.
    pub address: String,
    /// Its name.
    pub name: String,
    /// Factory or user.
    pub kind: image::Kind,
    /// Its identity.
    pub image_id: Uuid,
    /// The image it needs.
    pub base_id: Option<Uuid>,
    /// When it was made.
    pub created: jiff::Timestamp,
    /// Nothing is known to be wrong with it. That every digest matches, only `verify` tells.
    pub whole: bool,
    /// What is.
    pub damage: Vec<String>,
    /// By what it was found.
    pub found_by: FoundBy,
    /// Its length.
    pub bytes: u64,
    /// The volume it was made of.
    pub volume: ImageVolumeView,
}

/// The volume an image was made of.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ImageVolumeView {
    /// What it is.
    pub kind: volume::Kind,
    /// Its name.
    pub label: Option<String>,
    /// Its length.
    pub bytes: u64,
}

/// How thoroughly containers are looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Thoroughness {
    /// In file systems, and at the ends of volumes and disks: what a look at the disks does by itself.
    Quick,
    /// Every sector of what has no container otherwise.
    Full,
}

/// Where and how to look.
#[derive(Clone, PartialEq, Debug)]
pub struct LocateRequest {
    /// Disks, partitions, places.
    pub sources: Vec<Address>,
    /// Recovery aids.
    pub aids: Vec<std::path::PathBuf>,
    /// How thoroughly.
    pub thoroughness: Thoroughness,
}

impl std::fmt::Debug for Container {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Container({}, {:?}, {} images)", self.volume, self.found_by, self.images.len())
    }
}

impl Container {
    /// The address of an image in it.
    #[must_use]
    pub fn address_of(&self, image: &FoundImage) -> Address {
        let record = &image.record;
        let name = if image.is_shadowed { record.image_id.to_string() } else { record.name.clone() };
        Address::Inside(Box::new(self.volume.clone()), name)
    }

    /// The image of this name (case does not count), or of this id.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&FoundImage> {
        let named = |image: &&FoundImage| !image.is_shadowed && image.record.name.eq_ignore_ascii_case(name);
        let id = |image: &&FoundImage| image.record.image_id.to_string() == name;
        self.images.iter().find(named).or_else(|| self.images.iter().find(id))
    }

    /// Opens an image, with those it needs as far as they are there ([`Image::needs_base`] tells what is missing).
    ///
    /// # Errors
    /// When it cannot be opened, or one of those it needs does not fit it.
    pub fn open(&self, id: Uuid) -> Result<Image> {
        let find = |id: Uuid| self.images.iter().find(|image| image.record.image_id == id);
        let found = find(id).ok_or_else(|| {
            Error::refused(format!("{} holds no image {id}", self.volume))
                .advise("`lifeboat images` lists those that are there")
        })?;
        let mut chain = vec![Image::from_device(found.device.clone(), found.parts)?];
        while let Some(base) = chain.last().and_then(|image| image.header().base_image_id).and_then(find)
            && chain.len() <= MAX_BASES
            && let Ok(base) = Image::from_device(base.device.clone(), base.parts)
        {
            chain.push(base);
        }
        let mut image = chain.pop().ok_or_else(|| Error::damaged("an image without itself"))?;
        while let Some(next) = chain.pop() {
            image = next.with_base(Arc::new(image))?;
        }
        Ok(image)
    }

    /// The images as shown.
    #[must_use]
    pub fn views(&self) -> Vec<ImageView> {
        let view = |image: &FoundImage| ImageView {
            address: self.address_of(image).to_string(),
            name: image.record.name.clone(),
            kind: image.record.kind,
            image_id: image.record.image_id,
            base_id: image.record.base_id,
            created: image.record.created,
            whole: image.damage.is_empty(),
            damage: image.damage.clone(),
            found_by: image.found_by,
            bytes: image.record.bytes,
            volume: ImageVolumeView {
                kind: self.toc.volume.kind,
                label: self.toc.volume.label.clone(),
                bytes: self.toc.volume.grid.len().0,
            },
        };
        self.images.iter().map(view).collect()
    }
}

/// Looks for containers. Never writes.
///
/// # Errors
/// When a source cannot be opened at all, a recovery aid that is named cannot be read, or the look is cancelled; never
/// because something is damaged.
pub fn locate(request: &LocateRequest, watch: &dyn Watch) -> Result<Vec<Container>> {
    let aids = aid::of_files(&request.aids)?;
    let mut found: Vec<Container> = Vec::new();
    for address in &request.sources {
        let source = open_source(address)?;
        for container in search::at(address, &source, request.thoroughness, None, &aids, watch)? {
            let key = |container: &Container| {
                let place = &container.source.place;
                let disk = place.disk.canonicalize().unwrap_or_else(|_| place.disk.clone());
                (disk, place.start, container.toc.container_id)
            };
            if !found.iter().any(|have| key(have) == key(&container)) {
                found.push(container);
            }
        }
    }
    shadow(&mut found);
    Ok(found)
}

/// Marks the images whose name another one has in the same place: the first found keeps it.
fn shadow(found: &mut [Container]) {
    let mut names = std::collections::HashSet::new();
    for container in found {
        let volume = container.volume.to_string();
        for image in &mut container.images {
            image.is_shadowed = !names.insert((volume.clone(), image.record.name.to_ascii_lowercase()));
        }
    }
}

/// Said of every container, when a disk holds more tables of contents than may be looked at.
fn say_cut(container: &mut Container) {
    let message = "there are more tables of contents on this disk than Lifeboat looks at; others may hold images, too";
    container.findings.push(Finding::note("container.crowd", message));
}

/// Opens the image that an address names, with those it needs. A damaged image opens, as far as that is possible: what
/// is wrong with it is in the container's [`FoundImage`] and in the image.
///
/// # Errors
/// When there is no such image (said with those that are there), or it cannot be opened.
pub fn open_image(address: &Address, watch: &dyn Watch) -> Result<(Container, Image)> {
    let Some((volume, name)) = address.image() else {
        return Err(Error::refused(format!("{address} names no image inside a volume"))
            .advise("Write PATH:N/NAME; `lifeboat images PATH` lists them"));
    };
    let source = open_source(volume)?;
    let mut damaged = None;
    let mut others: Vec<String> = Vec::new();
    for thoroughness in [Thoroughness::Quick, Thoroughness::Full] {
        let goal = Goal { start: source.place.start.0, name };
        let mut containers = search::at(volume, &source, thoroughness, Some(goal), &[], watch)?;
        shadow(&mut containers);
        others = containers.iter().flat_map(Container::views).map(|view| view.address).collect();
        for container in containers.into_iter().filter(|container| container.volume == *volume) {
            let Some(found) = container.find(name) else { continue };
            let (id, is_whole) = (found.record.image_id, found.damage.is_empty());
            if is_whole {
                let image = container.open(id)?;
                return Ok((container, image));
            }
            damaged = Some((container, id));
        }
    }
    if let Some((container, id)) = damaged {
        let image = container.open(id).map_err(|error| error.context(address))?;
        return Ok((container, image));
    }
    let there =
        if others.is_empty() { "There are no images".to_owned() } else { format!("There are: {}", others.join(", ")) };
    Err(Error::refused(format!("{volume} holds no image named {name}")).advise(there))
}

/// Opens the image at an address, be it a file or inside a volume.
///
/// # Errors
/// When the address names a disk or a volume; as [`Image::open`] and [`open_image`].
pub fn image_at(address: &Address, watch: &dyn Watch) -> Result<Image> {
    match address {
        Address::Whole(path) => Image::open(path),
        Address::Inside(..) => Ok(open_image(address, watch)?.1),
        Address::Partition(..) | Address::At(..) => {
            Err(Error::refused(format!("{address} names a volume, and no image"))
                .advise(format!("`lifeboat images {address}` lists the images inside; name one as {address}/NAME")))
        }
    }
}

/// The container of a volume that can be read, by its folder; none when it has none.
///
/// # Errors
/// When the folder cannot be read.
pub fn container_of(source: &Source, volume: &Address) -> Result<Option<Container>> {
    match folder::look(&source.device) {
        folder::Look::Folder(folder) => {
            let mut found: Vec<Container> =
                combine::combine(volume, source, Some(*folder), Vec::new()).into_iter().collect();
            shadow(&mut found);
            Ok(found.pop())
        }
        folder::Look::NoSystem | folder::Look::NoFolder { .. } => Ok(None),
        folder::Look::Untold(why) => Err(Error::damaged(format!("{volume}: the file system cannot be read: {why}"))),
    }
}

/// Fills in the images of a disk that was looked at. Volumes that only a table of
/// contents tells of become partitions.
pub(super) fn fill(disk: &mut Disk, device: &SharedDevice, thoroughness: Thoroughness) {
    let may_hold = |volume: &Option<Volume>| {
        volume.as_ref().is_none_or(|volume| {
            let broken = [volume::Kind::Unknown, volume::Kind::Unfinished, volume::Kind::Ambiguous];
            volume.kind.has_driver() || broken.contains(&volume.kind)
        })
    };
    let mut spots = Vec::new();
    for partition in disk.partitions.iter().filter(|partition| partition.bytes > 0 && may_hold(&partition.volume)) {
        let start = partition.start_bytes;
        let Ok(window) = Window::new(device.clone(), ByteOffset(start), ByteLen(partition.bytes)) else { continue };
        spots.push(Spot { address: partition.address(&disk.path), start, device: Arc::new(window) });
    }
    if disk.volume.is_some() && may_hold(&disk.volume) {
        spots.push(Spot { address: Address::Whole(disk.path.clone()), start: 0, device: device.clone() });
    }
    let is_divided = disk.partitions.iter().any(|partition| partition.number > 0);
    let hunt = Hunt {
        address: Address::Whole(disk.path.clone()),
        disk: disk.path.clone(),
        device: device.clone(),
        base: 0,
        spots,
        is_whole: !is_divided && may_hold(&disk.volume),
        thoroughness,
        goal: None,
        aids: [aid::named(), aid::of_disk(device)].concat(),
        watch: &Unwatched,
    };
    let Ok(mut found) = hunt.run() else { return };
    shadow(&mut found);
    for container in found {
        let start = container.source.place.start.0;
        let views = container.views();
        let known = disk.partitions.iter_mut().find(|partition| partition.start_bytes == start);
        match (known, &mut disk.volume) {
            (Some(partition), _) => partition.volume.get_or_insert_with(Volume::unknown).images.extend(views),
            (None, Some(volume)) if start == 0 => volume.images.extend(views),
            _ => disk.partitions.push(lost(&container, views)),
        }
    }
    if !is_divided {
        disk.partitions.sort_by_key(|partition| partition.start_bytes);
    }
}

/// A volume that only a table of contents tells of.
fn lost(container: &Container, images: Vec<ImageView>) -> Partition {
    let (was, place) = (&container.toc.volume, &container.source.place);
    let note = format!("nothing of it can be read but the images inside; it was a {} volume", was.kind);
    Partition {
        start_bytes: place.start.0,
        bytes: place.len.0,
        type_name: Some(format!("{} volume", was.kind)),
        found: true,
        volume: Some(Volume {
            label: was.label.clone(),
            id: was.id.clone(),
            notes: vec![note],
            images,
            ..Volume::unknown()
        }),
        ..Partition::default()
    }
}

//! Finding the images inside volumes, whatever is left of the volume, and saying how each was found.

mod folder;
mod search;

use serde::Serialize;
use uuid::Uuid;

use super::{Address, Source, open_source};
use crate::device::SharedDevice;
use crate::error::{Error, Result};
use crate::fs::Watch;
use crate::image::container::{ImageRecord, Toc};
use crate::image::{self, Image};
use crate::volume;

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
    /// What is wrong with the container itself, in sentences: a table is gone, its files are not in one piece.
    pub damage: Vec<String>,
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
        Address::Inside(Box::new(self.volume.clone()), image.record.name.clone())
    }

    /// The image of this name (case does not count), or of this id.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&FoundImage> {
        let named = |image: &&FoundImage| image.record.name.eq_ignore_ascii_case(name);
        let id = |image: &&FoundImage| image.record.image_id.to_string() == name;
        self.images.iter().find(named).or_else(|| self.images.iter().find(id))
    }

    /// Opens an image, with those it needs.
    ///
    /// # Errors
    /// When it or one of those it needs is not there, or cannot be opened.
    pub fn open(&self, id: Uuid) -> Result<Image> {
        let found = self.images.iter().find(|image| image.record.image_id == id);
        let found = found.ok_or_else(|| {
            Error::refused(format!("{} holds no image {id}", self.volume))
                .advise("`lifeboat images` lists those that are there")
        })?;
        Image::from_device(found.device.clone(), found.parts)
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
/// When a source cannot be opened at all, or the look is cancelled; never because something is damaged.
pub fn locate(request: &LocateRequest, watch: &dyn Watch) -> Result<Vec<Container>> {
    let mut found: Vec<Container> = Vec::new();
    for address in &request.sources {
        let source = open_source(address)?;
        for container in search::at(address, &source, watch)? {
            let known = |have: &Container| {
                have.toc.container_id == container.toc.container_id
                    && (have.source.place.disk == container.source.place.disk
                        && have.source.place.start == container.source.place.start)
            };
            if !found.iter().any(known) {
                found.push(container);
            }
        }
    }
    Ok(found)
}

/// Opens the image that an address names.
///
/// # Errors
/// When there is no such image (said with those that are there), or it cannot be opened.
pub fn open_image(address: &Address, watch: &dyn Watch) -> Result<(Container, Image)> {
    let Some((volume, name)) = address.image() else {
        return Err(Error::refused(format!("{address} names no image inside a volume"))
            .advise("Write PATH:N/NAME; `lifeboat images PATH` lists them"));
    };
    let request = LocateRequest { sources: vec![volume.clone()], aids: Vec::new(), thoroughness: Thoroughness::Full };
    let containers = locate(&request, watch)?;
    for container in &containers {
        if let Some(found) = container.find(name) {
            let image = container.open(found.record.image_id)?;
            return Ok((container.clone(), image));
        }
    }
    let names: Vec<String> =
        containers.iter().flat_map(|container| &container.images).map(|image| image.record.name.clone()).collect();
    let there =
        if names.is_empty() { "There are no images".to_owned() } else { format!("There are: {}", names.join(", ")) };
    Err(Error::refused(format!("{volume} holds no image named {name}")).advise(there))
}

/// The container of a volume that can be read, by its folder; none when it has none.
///
/// # Errors
/// When the folder is there and cannot be read.
pub fn container_of(source: &Source, volume: &Address) -> Result<Option<Container>> {
    folder::look(source, volume)
}

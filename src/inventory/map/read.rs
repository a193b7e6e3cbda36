//! Where the map of a volume comes from: its own file system, the image that is looked at, or, of a volume that is
//! lost, what its images say of their places.

use std::path::Path;

use super::{ClusterState, VolumeMap};
use crate::device::SharedDevice;
use crate::error::{Error, Kind, Result};
use crate::extent::{ClusterMap, Extent};
use crate::fs::{self, FileSystem, Probe, Watch};
use crate::image::Image;
use crate::image::container::Toc;
use crate::inventory::locate::files_of_container;
use crate::inventory::{Address, LocateRequest, Thoroughness, locate, named_image, open_source};
use crate::unit::Grid;
use crate::volume::{self, ByteRange};

/// Reads the map of the volume at an address, or of the volume that the image at that address was made of. Reads only.
///
/// # Errors
/// When the address cannot be opened, names a disk that is divided into partitions, or holds neither a file system
/// that Lifeboat reads nor images; when the look is cancelled.
pub fn volume_map(address: &Address, watch: &dyn Watch) -> Result<VolumeMap> {
    if let Some(image) = named_image(address, watch)? {
        return map_of_image(&image);
    }
    let source = open_source(address)?;
    if source.place.is_divided() {
        return Err(Error::refused(format!("{address} is divided into partitions: it has no map of its own"))
            .advise("Choose one of its partitions"));
    }
    let refusal = match map_of(&source.device, &[], watch) {
        Err(error) if error.kind() != Kind::Cancelled => error.context(address),
        outcome => return outcome,
    };
    // A volume that cannot be read any more may still hold images, which say where they lie.
    of_images(address, watch)?.ok_or(refusal)
}

/// The map of the volume that an image was made of; of a damaged image, what is known of it.
///
/// # Errors
/// When nothing of its map can be read.
pub fn map_of_image(image: &Image) -> Result<VolumeMap> {
    let (used, _) = image.map_of_damaged()?;
    Ok(VolumeMap::of(image.header().grid.cluster_bytes, vec![(ClusterState::Used, used)]))
}

/// The map of an open volume: what its file system says, with its container and its failing clusters. What lies in the
/// bytes `moving` is shown as to be moved.
///
/// # Errors
/// When it is of no kind that Lifeboat reads, its bookkeeping cannot be read, or the look is cancelled.
pub fn map_of(device: &SharedDevice, moving: &[ByteRange], watch: &dyn Watch) -> Result<VolumeMap> {
    let kind = match fs::probe(device)? {
        Probe::One(kind) => kind,
        Probe::None => volume::Kind::Unknown,
        Probe::Ambiguous(_) => volume::Kind::Ambiguous,
    };
    if !kind.has_driver() {
        let message = format!("which clusters of a volume of the kind “{kind}” are used cannot be told");
        return Err(Error::unsupported(message).advise("It can be imaged as raw sectors"));
    }
    let fs = fs::open(device.clone(), kind)?;
    watch.proceed()?;
    let grid = fs.grid();
    let used = fs.used()?;
    watch.proceed()?;
    // A container that cannot be read is shown as the used clusters it has, and so are failing clusters when the list
    // of them is damaged.
    let image = container(&*fs).unwrap_or_else(|_| ClusterMap::new(grid.clusters));
    let bad = fs.bad().unwrap_or_else(|_| ClusterMap::new(grid.clusters));
    watch.proceed()?;
    let moving = ranges(moving.iter().copied(), grid);
    let layers = [ClusterState::Used, ClusterState::Image, ClusterState::Moving, ClusterState::Bad];
    Ok(VolumeMap::of(grid.cluster_bytes, layers.into_iter().zip([used, image, moving, bad]).collect()))
}

/// The clusters of the files in the container's folder.
fn container(fs: &dyn FileSystem) -> Result<ClusterMap> {
    let mut map = ClusterMap::new(fs.grid().clusters);
    let root = fs.tree().list(Path::new("/"))?;
    let Some((path, files)) = files_of_container(fs, &root)? else { return Ok(map) };
    for file in files {
        for run in fs.tree().content(&path.join(&file.name)).unwrap_or_default() {
            map.set(run, true);
        }
    }
    Ok(map)
}

/// What the images of a lost volume say: nothing but where they lie themselves.
fn of_images(address: &Address, watch: &dyn Watch) -> Result<Option<VolumeMap>> {
    let sources = vec![address.clone()];
    let request = LocateRequest { sources, aids: Vec::new(), thoroughness: Thoroughness::Quick };
    let found = locate(&request, watch)?;
    Ok(found.iter().find(|container| container.volume == *address).and_then(|container| {
        let grid = container.toc.volume.grid;
        // The numbers are the table's own: one that speaks of a larger volume than there is room for is not believed.
        let fits = grid.cluster_bytes.is_power_of_two() && grid.len().0 <= container.source.device.len().0;
        let image = fits.then(|| places(&container.toc, grid))?;
        Some(VolumeMap::of(grid.cluster_bytes, vec![(ClusterState::Image, image)]))
    }))
}

/// The clusters of a container's files, as its table of contents has them.
#[must_use]
pub fn places(toc: &Toc, grid: Grid) -> ClusterMap {
    ranges(toc.files.iter().flat_map(|file| &file.runs).copied(), grid)
}

/// The clusters that bytes lie in.
fn ranges(bytes: impl Iterator<Item = ByteRange>, grid: Grid) -> ClusterMap {
    let mut map = ClusterMap::new(grid.clusters);
    for range in bytes {
        let clusters = grid.clusters_of(range.offset, range.len);
        map.set(Extent::new(clusters.start, clusters.end - clusters.start), true);
    }
    map
}

//! Where the map of a volume comes from: its own file system, the image that is looked at, or, of a volume that is
//! lost, what its images say of their places.

use std::path::Path;

use super::{ClusterState, VolumeMap};
use crate::error::{Error, Kind, Result};
use crate::extent::{ClusterMap, Extent};
use crate::fs::{self, Probe, Watch};
use crate::image::container::Toc;
use crate::inventory::{Address, LocateRequest, Source, Thoroughness, container_of, image_at, locate, open_source};
use crate::unit::{ByteOffset, Grid};
use crate::volume;

/// Reads the map of the volume at an address, or of the volume that the image at that address was made of. Reads only.
///
/// # Errors
/// When the address cannot be opened, names a disk that is divided into partitions, or holds neither a file system
/// that Lifeboat reads nor images; when the look is cancelled.
pub fn volume_map(address: &Address, watch: &dyn Watch) -> Result<VolumeMap> {
    if matches!(address, Address::Inside(..)) || is_image_file(address) {
        let image = image_at(address, watch)?;
        let cluster_bytes = image.header().grid.cluster_bytes;
        // Of a damaged image, what is known of it.
        let (used, _) = image.map_of_damaged()?;
        return Ok(VolumeMap::of(cluster_bytes, vec![(ClusterState::Used, used)]));
    }
    let source = open_source(address)?;
    if source.place.is_divided() {
        return Err(Error::refused(format!("{address} is divided into partitions: it has no map of its own"))
            .advise("Choose one of its partitions"));
    }
    let refusal = match of_system(&source, address, watch) {
        Err(error) if error.kind() != Kind::Cancelled => error,
        outcome => return outcome,
    };
    // A volume that cannot be read any more may still hold images, which say where they lie.
    of_images(address, watch)?.ok_or(refusal)
}

/// An image file is named like a disk: by a path.
fn is_image_file(address: &Address) -> bool {
    let is_named = |path: &Path| path.extension().is_some_and(|end| end.eq_ignore_ascii_case("lbi"));
    matches!(address, Address::Whole(path) if is_named(path))
}

/// What the file system says, with its container and its failing clusters.
fn of_system(source: &Source, address: &Address, watch: &dyn Watch) -> Result<VolumeMap> {
    let kind = match fs::probe(&source.device)? {
        Probe::One(kind) => kind,
        Probe::None => volume::Kind::Unknown,
        Probe::Ambiguous(_) => volume::Kind::Ambiguous,
    };
    if !kind.has_driver() {
        let message = format!("{address}: which clusters of a volume of the kind “{kind}” are used cannot be told");
        return Err(Error::unsupported(message).advise("It can be imaged as raw sectors"));
    }
    let fs = fs::open(source.device.clone(), kind)?;
    watch.proceed()?;
    let grid = fs.grid();
    let used = fs.used()?;
    watch.proceed()?;
    // A container that cannot be read is shown as the used clusters it has.
    let container = container_of(source, address).ok().flatten();
    let image = container.map_or_else(|| ClusterMap::new(grid.clusters), |found| places(&found.toc, grid));
    watch.proceed()?;
    // So are failing clusters, when the list of them is damaged.
    let bad = fs.bad().unwrap_or_else(|_| ClusterMap::new(grid.clusters));
    let layers = vec![(ClusterState::Used, used), (ClusterState::Image, image), (ClusterState::Bad, bad)];
    Ok(VolumeMap::of(grid.cluster_bytes, layers))
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
fn places(toc: &Toc, grid: Grid) -> ClusterMap {
    let mut map = ClusterMap::new(grid.clusters);
    for run in toc.files.iter().flat_map(|file| &file.runs).filter(|run| run.len.0 > 0) {
        let first = grid.cluster_at(run.offset).0;
        let last = grid.cluster_at(ByteOffset(run.offset.0.saturating_add(run.len.0 - 1))).0;
        map.set(Extent::new(first, last.saturating_sub(first).saturating_add(1)), true);
    }
    map
}

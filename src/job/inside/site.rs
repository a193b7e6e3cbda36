//! A volume as a job on its container finds it: how it hands out space, what is used, what cannot move, and what its
//! container holds.

use super::sound;
use crate::device::SharedDevice;
use crate::error::Result;
use crate::extent::{ClusterMap, Extent, ExtentSet};
use crate::fs::{self, FileSystem, Kind, Owner, Units, Watch};
use crate::image::container::Toc;
use crate::inventory::{Address, Container, Source, container_of};
use crate::job::container::is_ours;
use crate::unit::{ByteLen, Grid};
use crate::volume::ByteRange;

/// A volume, looked at.
pub(super) struct Site {
    /// Its bytes: those on the disk, or as they will be.
    pub(super) source: Source,
    /// What it is.
    pub(super) kind: Kind,
    /// How it is cut.
    pub(super) grid: Grid,
    /// How it hands out space.
    pub(super) units: Units,
    /// What is used: reserved and bad clusters are.
    pub(super) used: ClusterMap,
    /// The longest file it can hold.
    pub(super) max_file: ByteLen,
    /// Its container.
    pub(super) container: Option<Container>,
}

impl Site {
    /// Looks at a volume of this kind.
    pub(super) fn open(source: Source, kind: Kind, address: &Address) -> Result<Self> {
        let edit = fs::edit::open_unchecked(source.device.clone(), kind)?;
        let (units, used, max_file) = (edit.units(), edit.used()?, edit.max_file_len());
        drop(edit);
        let grid = fs::open(source.device.clone(), kind)?.grid();
        let container = container(&source, address)?;
        let mut site = Self { source, kind, grid, units, used, max_file, container };
        site.spare_lost();
        Ok(site)
    }

    /// What is left of images that are no files any more counts as used, so that nothing new comes to lie there.
    fn spare_lost(&mut self) {
        let Some(container) = &self.container else { return };
        let lost = container.images.iter().filter(|image| !sound::is_file(image));
        let files = lost.flat_map(|image| container.toc.parts_of(image.record.image_id));
        let cluster = u64::from(self.grid.cluster_bytes);
        for run in files.flat_map(|file| &file.runs) {
            let (start, end) = (run.offset.0 / cluster, (run.offset.0 + run.len.0).div_ceil(cluster));
            self.used.set(Extent::new(start, end.min(self.grid.clusters).saturating_sub(start)), true);
        }
    }

    /// The same volume with other bytes: as it will be after a change.
    pub(super) fn with(&self, device: SharedDevice, address: &Address) -> Result<Self> {
        Self::open(Source { place: self.source.place.clone(), device }, self.kind, address)
    }

    /// The same volume in the midst of a change: only its container is looked at anew. (A volume that is marked as in
    /// use cannot be opened for changes.)
    pub(super) fn meanwhile(&self, device: SharedDevice, address: &Address) -> Result<Self> {
        let source = Source { place: self.source.place.clone(), device };
        let container = container(&source, address)?;
        let (kind, grid, units, max_file) = (self.kind, self.grid, self.units, self.max_file);
        Ok(Self { source, kind, grid, units, used: self.used.clone(), max_file, container })
    }

    pub(super) fn toc(&self) -> Option<&Toc> {
        self.container.as_ref().map(|container| &container.toc)
    }

    /// The volume, for reading its files and its clusters' owners.
    pub(super) fn system(&self) -> Result<Box<dyn FileSystem>> {
        fs::open(self.source.device.clone(), self.kind)
    }

    /// Bytes in a unit.
    pub(super) fn unit_bytes(&self) -> u64 {
        self.grid.bytes_of(self.units.clusters).0
    }

    /// Units that so many bytes take.
    pub(super) fn units_of(&self, bytes: u64) -> u64 {
        bytes.div_ceil(self.unit_bytes())
    }

    /// All clusters that are handed out.
    pub(super) fn whole(&self) -> Extent {
        Extent::new(self.units.origin.0, self.units.count.saturating_mul(self.units.clusters))
    }

    /// Clusters as bytes of the volume.
    pub(super) fn range(&self, extent: Extent) -> ByteRange {
        ByteRange { offset: self.grid.offset_of(extent.start), len: self.grid.bytes_of(extent.clusters) }
    }

    /// Used clusters within an extent.
    pub(super) fn used_in(&self, extent: Extent) -> u64 {
        self.used.runs_in(extent.start.0..extent.end()).map(|run| run.clusters).sum()
    }

    /// Free units in all.
    pub(super) fn free_units(&self) -> u64 {
        (self.whole().clusters - self.used_in(self.whole())) / self.units.clusters
    }

    /// The free runs of whole units, in order.
    pub(super) fn free_runs(&self) -> Vec<Extent> {
        let whole = self.whole();
        let mut free = Vec::new();
        let mut at = whole.start.0;
        let ends = self.used.runs_in(at..whole.end()).chain([Extent::new(whole.end(), 0)]);
        for run in ends {
            if at < run.start.0 {
                free.push(Extent::new(at, run.start.0 - at));
            }
            at = run.end();
        }
        free
    }

    /// The clusters of the container's files.
    pub(super) fn container_clusters(&self) -> ExtentSet {
        let cluster = u64::from(self.grid.cluster_bytes);
        let runs = self.toc().into_iter().flat_map(Toc::runs);
        runs.map(|run| {
            let start = run.offset.0 / cluster;
            Extent::new(start, (run.offset.0 + run.len.0).div_ceil(cluster) - start)
        })
        .collect()
    }

    /// Calls `see` for whoever holds clusters of `within`.
    pub(super) fn owners(&self, within: Extent, watch: &dyn Watch, see: &mut dyn FnMut(Owner)) -> Result<()> {
        let within: ExtentSet = [within].into_iter().collect();
        self.system()?.owners().owners(&within, watch, see)
    }

    /// All that cannot move, on the volume's grid; with `files_stay`, the container's files as well.
    pub(super) fn fixed(&self, files_stay: bool, watch: &dyn Watch) -> Result<ClusterMap> {
        let mut fixed = ClusterMap::new(self.grid.clusters);
        let mut told = ClusterMap::new(self.grid.clusters);
        self.owners(self.whole(), watch, &mut |owner| {
            told.set(owner.extent, true);
            if owner.fixed.is_some() {
                fixed.set(owner.extent, true);
            }
        })?;
        // What is used and of which nobody tells (a reserved cluster) is left alone.
        let whole = self.whole();
        for run in self.used.runs_in(whole.start.0..whole.end()) {
            let mut at = run.start.0;
            for known in told.runs_in(run.start.0..run.end()).chain([Extent::new(run.end(), 0)]) {
                fixed.set(Extent::new(at, known.start.0 - at), true);
                at = known.end();
            }
        }
        if files_stay {
            self.container_clusters().runs().iter().for_each(|run| fixed.set(*run, true));
        }
        Ok(fixed)
    }
}

/// The container of a volume, without what somebody else put into its folder.
fn container(source: &Source, address: &Address) -> Result<Option<Container>> {
    let mut found = container_of(source, address)?;
    if let Some(container) = &mut found {
        container.toc.files.retain(is_ours);
    }
    Ok(found)
}

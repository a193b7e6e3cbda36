//! Images inside volumes: searching for them thoroughly, changing what a volume holds of them.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fs::Kind;
use crate::inventory::{Address, Container, LocateRequest, Partition, Thoroughness, Volume};
use crate::job::{self, Monitor};
use crate::plan::{ContainerRequest, Plan};

use super::super::model::Stale;
use super::super::text;

/// Looks at every sector of a disk; gives the volumes that hold images, as the list of partitions shows them.
pub(super) fn search(disk: &Path, monitor: &Monitor) -> Result<Vec<Partition>> {
    let request = LocateRequest {
        sources: vec![Address::Whole(disk.to_owned())],
        aids: Vec::new(),
        thoroughness: Thoroughness::Full,
    };
    let found = job::locate(&request, monitor)?;
    Ok(found.iter().filter(|container| !container.images.is_empty()).map(partition).collect())
}

fn partition(container: &Container) -> Partition {
    let (was, place) = (&container.toc.volume, &container.source.place);
    let volume = Volume {
        kind: Kind::Unknown,
        label: was.label.clone(),
        id: was.id.clone(),
        cluster_bytes: None,
        clusters: None,
        used_clusters: None,
        state: None,
        notes: vec![text::was_volume(was.kind)],
        images: container.views(),
    };
    Partition {
        start_bytes: place.start.0,
        bytes: place.len.0,
        type_name: Some(text::volume_of(was.kind)),
        found: true,
        volume: Some(volume),
        ..Partition::default()
    }
}

/// The recovery partitions of some disks that do not say any more what is there; none of what cannot be read.
pub(super) fn compare(disks: &[PathBuf], monitor: &Monitor) -> Vec<Stale> {
    let states = disks.iter().flat_map(|disk| job::aid_state(disk, monitor).unwrap_or_default());
    let stale = states.filter(job::AidState::is_stale);
    stale.map(|state| Stale { partition: state.partition, differs: state.differs, renewal: state.renewal }).collect()
}

/// Plans a change; nothing to do is a refusal here.
pub(super) fn plan(request: &ContainerRequest, monitor: &Monitor) -> Result<Plan> {
    job::plan_container(request, monitor)?.ok_or_else(|| Error::refused(text::NOTHING_TO_TIDY))
}

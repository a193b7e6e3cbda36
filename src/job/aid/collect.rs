//! What an aid holds, from the disk.

use std::path::Path;
use std::sync::Arc;

use super::disk_of;
use crate::device::{ReadDevice, SharedDevice, read_vec};
use crate::error::{Error, Result};
use crate::fs::{self, Kind, Overlay};
use crate::image::container::{Aid, MAX_AIDS, SavedBytes, Toc};
use crate::image::format::MAX_SEALS;
use crate::inventory::{self, Address, Container, FoundBy, LocateRequest, Thoroughness};
use crate::job::backup::hex;
use crate::job::{Monitor, container};
use crate::table;
use crate::unit::{ByteLen, ByteOffset};
use crate::volume::ByteRange;
use crate::words::{en, fill};

/// The volume's first bytes that are kept whatever they are.
const FIRST_BYTES: u64 = 4096;
/// Bytes of a volume's metadata that are kept at most: in hex they must fit into a record's text beside the places of
/// the files.
const MAX_METADATA: u64 = 4 << 20;

/// What was collected.
pub(super) struct Collected {
    pub(super) aids: Vec<Aid>,
    pub(super) containers: Vec<Container>,
    /// What could not be kept, in sentences.
    pub(super) lacks: Vec<String>,
    /// Images that only a recovery partition leads to.
    pub(super) needed: Vec<Address>,
}

/// The containers of a disk or a volume, as a quick look finds them.
///
/// # Errors
/// When the source cannot be opened, or the look is cancelled.
pub(super) fn containers(source: &Address, monitor: &Monitor) -> Result<Vec<Container>> {
    let request = LocateRequest { sources: vec![source.clone()], aids: Vec::new(), thoroughness: Thoroughness::Quick };
    inventory::locate(&request, monitor)
}

/// Images that nothing else leads to.
pub(super) fn needed(containers: &[Container]) -> Vec<Address> {
    let images = containers.iter().flat_map(|container| container.images.iter().map(move |image| (container, image)));
    let only = images.filter(|(_, image)| image.found_by == FoundBy::RecoveryPartition);
    only.map(|(container, image)| container.address_of(image)).collect()
}

/// Collects what leads to the images of a disk or a volume.
///
/// # Errors
/// `Refused` when there are none.
pub(super) fn collect(source: &Address, sequence: u64, monitor: &Monitor) -> Result<Collected> {
    let containers = containers(source, monitor)?;
    if containers.is_empty() {
        return Err(Error::refused(format!("{source} holds no images: there is nothing that an aid could lead to"))
            .advise(format!(
                "`lifeboat backup {source} --inside` makes one in a volume; `lifeboat images {source}` looks everywhere"
            )));
    }
    let mut aids: Vec<Aid> = Vec::new();
    let mut lacks = Vec::new();
    for container in containers.iter().take(MAX_AIDS as usize) {
        monitor.check()?;
        let aid = aid_of(container, sequence)?;
        let volume = &container.volume;
        lacks.extend(aid.lacks.iter().map(|why| fill(en::AID_LACKS, &[("volume", volume), ("why", why)])));
        aids.push(aid);
    }
    let needed = needed(&containers);
    Ok(Collected { aids, containers, lacks, needed })
}

fn aid_of(found: &Container, sequence: u64) -> Result<Aid> {
    let source = &found.source;
    let disk = disk_of(&source.place)?;
    let disk_bytes = disk.len().0;
    let table = table::capture(&(disk as SharedDevice))?;
    let table = table.or_else(|| serde_json::from_value(found.toc.table.clone()?).ok());
    let table = table.and_then(|table| serde_json::to_value(table).ok());
    let mut toc = found.toc.clone();
    toc.volume.start_bytes = source.place.start.0;
    toc.table = None;
    let kind = toc.volume.kind;
    let (metadata, lacks) = match found.found_by {
        FoundBy::FileSystem => metadata(&source.device, kind, &toc),
        _ => (Vec::new(), Some("it cannot be read any more".to_owned())),
    };
    Ok(Aid {
        sequence,
        number: 0,
        count: 1,
        written: jiff::Timestamp::now(),
        disk_bytes,
        table,
        boot: boot(&source.device, kind),
        root: root(&source.device, kind),
        metadata,
        lacks,
        toc,
    })
}

/// The volume's first sectors, and all that makes it look valid.
fn boot(device: &SharedDevice, kind: Kind) -> Vec<SavedBytes> {
    let first = ByteRange { offset: ByteOffset::ZERO, len: ByteLen(FIRST_BYTES.min(device.len().0)) };
    let mut saved: Vec<SavedBytes> = keep(device, first, "first sectors").into_iter().collect();
    let Ok(system) = fs::open(device.clone(), kind) else { return saved };
    let mut room = MAX_SEALS;
    for seal in system.anchors().seals {
        let is_kept = seal.offset.0.saturating_add(seal.len.0) <= FIRST_BYTES;
        let Some(rest) = room.checked_sub(seal.len.0) else { continue };
        if !is_kept && let Some(bytes) = keep(device, seal, "boot record or superblock") {
            room = rest;
            saved.push(bytes);
        }
    }
    saved
}

fn keep(device: &SharedDevice, range: ByteRange, what: &str) -> Option<SavedBytes> {
    let bytes = read_vec(&**device, range.offset, range.len.to_usize()?).ok()?;
    Some(SavedBytes { what: what.into(), offset: range.offset, hex: hex(&bytes) })
}

fn root(device: &SharedDevice, kind: Kind) -> Vec<ByteRange> {
    let Ok(system) = fs::open(device.clone(), kind) else { return Vec::new() };
    let grid = system.grid();
    let runs = system.tree().extents(Path::new("/")).unwrap_or_default();
    runs.iter().map(|run| ByteRange { offset: grid.offset_of(run.start), len: grid.bytes_of(run.clusters) }).collect()
}

/// The sectors that make the container's files files: those that taking the files out of the volume would change. Also
/// says why there are none.
fn metadata(device: &SharedDevice, kind: Kind, toc: &Toc) -> (Vec<SavedBytes>, Option<String>) {
    let overlay = Arc::new(Overlay::new(device.clone()));
    let change = fs::edit::open_on(overlay, kind).and_then(|mut edit| {
        container::release(&mut *edit, toc)?;
        edit.take("Take the images out")
    });
    let patches = match change {
        Ok(change) => change.patches,
        Err(error) => return (Vec::new(), Some(error.without_advice())),
    };
    let bytes: u64 = patches.iter().map(|patch| patch.old.len() as u64).sum();
    if bytes > MAX_METADATA {
        return (Vec::new(), Some(format!("it has {bytes} bytes, and at most {MAX_METADATA} are kept")));
    }
    let saved = patches.iter().map(|patch| {
        let tags: Vec<String> = patch.tags.iter().map(ToString::to_string).collect();
        SavedBytes { what: tags.join("; "), offset: patch.offset, hex: hex(&patch.old) }
    });
    (saved.collect(), None)
}

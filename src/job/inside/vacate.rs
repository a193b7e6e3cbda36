//! Moving what is in the way, as a journalled change of its own.

use std::sync::Arc;

use super::site::Site;
use crate::device::SharedDevice;
use crate::error::Result;
use crate::extent::{Extent, ExtentSet};
use crate::fs::{self, Holder, Overlay, Watch};
use crate::inventory::Address;
use crate::job::Monitor;
use crate::job::change::{self, Changes, identify, placed_if};
use crate::plan::{ChangeRequest, JournalWish, Moved, Phase};
use crate::unit::ByteLen;
use crate::words::en;

/// The largest holders that are named.
const NAMED: usize = 5;

/// Works out the move; gives it, and the volume as it is then.
///
/// # Errors
/// `Refused`, when something cannot move, or the journal has no room.
pub(super) fn work_out(
    site: &Site,
    address: &Address,
    from: &ExtentSet,
    to: &[Extent],
) -> Result<(Phase, SharedDevice)> {
    let overlay = Arc::new(Overlay::new(site.source.device.clone()));
    let mut edit = fs::edit::open_on(Arc::clone(&overlay), site.kind)?;
    let mut used = site.used.clone();
    let mut steps = change::begin(&mut *edit)?;
    edit.relocate(from, to)?;
    let bytes = ByteLen(site.grid.bytes_of(from.clusters()).0);
    steps.push(edit.take(&format!("Move {bytes} out of the way"))?);
    edit.used()?.runs().for_each(|run| used.set(run, true));
    change::end(&mut *edit, &mut steps)?;
    drop(edit);
    let phase = phase(
        site,
        address,
        format!("moving {bytes} out of the way of an image, which is to be made anew"),
        steps,
        used,
    )?;
    Ok((phase, overlay))
}

/// Steps that are worked out, with a place for their journal.
///
/// # Errors
/// `Refused`, when the journal has no room.
pub(super) fn phase(
    site: &Site,
    address: &Address,
    name: String,
    steps: Vec<fs::Change>,
    used: crate::extent::ClusterMap,
) -> Result<Phase> {
    phase_if(site, address, name, steps, used, &|_| Ok(()))
}

/// The same, unless the length of its journal is refused.
///
/// # Errors
/// As [`phase`], and what `may` says.
pub(super) fn phase_if(
    site: &Site,
    address: &Address,
    name: String,
    steps: Vec<fs::Change>,
    used: crate::extent::ClusterMap,
    may: &dyn Fn(ByteLen) -> Result<()>,
) -> Result<Phase> {
    let (identity, grid) = identify(&site.source)?;
    let request = ChangeRequest {
        volume: address.clone(),
        name: name.clone(),
        edits: Vec::new(),
        journal: JournalWish::InVolume,
    };
    let survey = placed_if(&request, &site.source, Changes { identity, steps, used, grid }, may)?;
    Ok(Phase { name, survey })
}

/// Who must move, for the preview.
pub(super) fn moved(site: &Site, window: Extent, monitor: &Monitor) -> Result<Moved> {
    let mut moved = Moved::default();
    let mut holders: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    let watch: &dyn Watch = monitor;
    site.owners(window, watch, &mut |owner| {
        let name = match owner.holder {
            Holder::File(path) | Holder::Directory(path) | Holder::Map(path) | Holder::Metadata(path) => path,
            Holder::Bad => en::HELD_BY_BAD.into(),
            Holder::Lost => en::HELD_BY_NOBODY.into(),
        };
        let bytes = site.grid.bytes_of(owner.extent.clusters).0;
        moved.bytes += bytes;
        // Memory must not grow with the number of files: of more than these, only the count is kept.
        if holders.len() < 100_000 || holders.contains_key(&name) {
            *holders.entry(name).or_default() += bytes;
        }
    })?;
    moved.holders = holders.len() as u64;
    let mut largest: Vec<(String, u64)> = holders.into_iter().collect();
    largest.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    largest.truncate(NAMED);
    moved.largest = largest;
    Ok(moved)
}

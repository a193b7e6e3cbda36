//! The ways to a container, in order: the file system, then a search back from the end for tables of contents, quickly
//! where they mostly lie and then everywhere.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::aid::{self, Ground, Known};
use super::combine::combine;
use super::files::open_recorded;
use super::folder::{self, Folder, Look};
use super::salvage::{self, Salvage};
use super::tocs::{self, Sight, Sights};
use super::{Container, FoundBy, Thoroughness};
use crate::device::{FileDevice, SharedDevice, Window};
use crate::error::{Error, Result};
use crate::fs::Watch;
use crate::image::container::Toc;
use crate::inventory::{Address, Source, source::open_place};
use crate::table::{self, Table};
use crate::unit::{ByteLen, ByteOffset};

/// How much of a volume's or a disk's end is searched first: containers lie there.
const TAIL_BYTES: u64 = 64 << 20;

/// A place that may hold a volume.
pub(super) struct Spot {
    pub(super) address: Address,
    /// Where it begins on its disk.
    pub(super) start: u64,
    pub(super) device: SharedDevice,
}

impl Spot {
    fn len(&self) -> u64 {
        self.device.len().0
    }
}

/// The image that is looked for: the search ends when it is found whole.
pub(super) struct Goal<'a> {
    /// Where its volume begins on the disk.
    pub(super) start: u64,
    pub(super) name: &'a str,
}

/// A disk, or a part of one, and the volumes that are known on it.
pub(super) struct Hunt<'a> {
    /// What was asked for.
    pub(super) address: Address,
    pub(super) disk: PathBuf,
    /// What is searched, and where that begins on the disk.
    pub(super) device: SharedDevice,
    pub(super) base: u64,
    pub(super) spots: Vec<Spot>,
    /// Places outside the spots are searched, too.
    pub(super) is_whole: bool,
    pub(super) thoroughness: Thoroughness,
    pub(super) goal: Option<Goal<'a>>,
    /// What is kept elsewhere of its containers.
    pub(super) aids: Vec<Known>,
    pub(super) watch: &'a dyn Watch,
}

/// What the file system of a spot told.
struct State {
    look: Look,
    /// There is nothing to be searched for.
    is_settled: bool,
}

/// Looks at one source: a volume, or every partition of a disk and the disk itself.
pub(super) fn at(
    address: &Address,
    source: &Source,
    thoroughness: Thoroughness,
    goal: Option<Goal<'_>>,
    aids: &[Known],
    watch: &dyn Watch,
) -> Result<Vec<Container>> {
    let place = &source.place;
    let mut aids = [aids.to_vec(), aid::named()].concat();
    if let Ok(disk) = FileDevice::open(&place.disk) {
        aids.extend(aid::of_disk(&(Arc::new(disk) as SharedDevice)));
    }
    let spots = match address {
        Address::Whole(path) if place.is_divided() => entries(path, &source.device, &table::read(&source.device)?),
        _ => vec![Spot { address: address.clone(), start: place.start.0, device: source.device.clone() }],
    };
    let hunt = Hunt {
        address: address.clone(),
        disk: place.disk.clone(),
        device: source.device.clone(),
        base: place.start.0,
        spots,
        is_whole: matches!(address, Address::Whole(_)) && place.entry.is_none(),
        thoroughness,
        goal,
        aids,
        watch,
    };
    hunt.run()
}

/// The partitions that lie on the disk.
fn entries(path: &Path, device: &SharedDevice, table: &Table) -> Vec<Spot> {
    let spot = |entry: &table::Entry| {
        let window = Window::new(device.clone(), entry.start, entry.len).ok()?;
        let address = Address::Partition(path.into(), entry.number);
        Some(Spot { address, start: entry.start.0, device: Arc::new(window) })
    };
    let volumes = table.entries.iter().filter(|entry| !entry.is_extended() && entry.len > ByteLen::ZERO);
    volumes.filter_map(spot).collect()
}

impl Hunt<'_> {
    /// Looks.
    pub(super) fn run(mut self) -> Result<Vec<Container>> {
        let mut states = Vec::new();
        for spot in &self.spots {
            self.watch.proceed()?;
            states.push(self.state(spot));
        }
        let mut sights = Sights::default();
        let tails = self.tails(&states);
        let mut is_found = self.search(&tails, &mut sights)?;
        let is_full = self.thoroughness == Thoroughness::Full;
        if is_full && !is_found {
            self.settle_by(&sights, &mut states);
            let rest = self.rest(&states, &tails);
            is_found = self.search(&rest, &mut sights)?;
            if sights.list.is_empty() && self.is_whole && states.iter().all(|state| !state.is_settled) {
                self.add_lost_volumes(&mut states)?;
            }
        }
        let ground = Ground::new(&self.disk, &self.spots, self.is_whole);
        let mut aids = std::mem::take(&mut self.aids);
        let seen: Vec<u64> = sights.aids.iter().map(|place| place - self.base).collect();
        aids.extend(aid::of_places(&*self.device, &seen, self.watch)?);
        if !is_full || is_found {
            let mut found = self.gather(states, &sights);
            ground.add(&aids, &mut found);
            return Ok(found);
        }
        let open = self.open_ranges(&states);
        let salvage = Salvage {
            address: self.address.clone(),
            disk: self.disk.clone(),
            device: self.device.clone(),
            base: self.base,
            spots: salvage::spots_of(&self.spots),
            watch: self.watch,
        };
        let mut found = self.gather(states, &sights);
        ground.add(&aids, &mut found);
        if found.is_empty() && aids.is_empty() && !ground.is_whole && !open.is_empty() {
            let disk = FileDevice::open(&salvage.disk)?;
            ground.add(&aid::by_search(&disk, salvage.watch)?, &mut found);
        }
        // An aid knows nothing of images that were made after it.
        let is_settled =
            |container: &&Container| is_whole(container) && is_told(container) && container.found_by < FoundBy::Aid;
        let whole = found.iter().filter(is_settled).map(|container| {
            let start = container.source.place.start.0.saturating_sub(salvage.base);
            start..start + container.source.place.len.0
        });
        let open = without(&open, &whole.collect::<Vec<_>>());
        let has_records =
            |range: &Range<u64>| sights.has_records(&(range.start + salvage.base..range.end + salvage.base));
        let open: Vec<Range<u64>> = open.into_iter().filter(has_records).collect();
        salvage.run(&open, &sights, &mut found)?;
        Ok(found)
    }

    /// Where images may be put together from their records: not in a volume whose file system says that it has no
    /// container. Image files there are somebody's files.
    fn open_ranges(&self, states: &[State]) -> Vec<Range<u64>> {
        let closed = self
            .spots
            .iter()
            .zip(states)
            .filter(|(_, state)| state.is_settled || matches!(state.look, Look::NoFolder { is_empty: false }));
        let closed: Vec<Range<u64>> = closed.map(|(spot, _)| self.range(spot)).collect();
        let spots = self.spots.iter().map(|spot| self.range(spot)).collect::<Vec<_>>();
        let all = if self.is_whole { std::iter::once(0..self.device.len().0).collect() } else { spots };
        without(&all, &closed)
    }

    /// A spot's place on what is searched.
    fn range(&self, spot: &Spot) -> Range<u64> {
        spot.start - self.base..spot.start - self.base + spot.len()
    }

    fn state(&self, spot: &Spot) -> State {
        let look = folder::look(&spot.device);
        let quick = self.thoroughness == Thoroughness::Quick;
        let is_settled = match &look {
            Look::Folder(folder) => folder.is_complete(),
            Look::NoFolder { is_empty } => quick && !is_empty,
            Look::NoSystem | Look::Untold(_) => false,
        };
        State { look, is_settled }
    }

    /// The ends of the volumes that left a question, and of the disk.
    fn tails(&self, states: &[State]) -> Vec<Range<u64>> {
        let open = self.spots.iter().zip(states).filter(|(_, state)| !state.is_settled);
        let mut tails: Vec<Range<u64>> = open
            .map(|(spot, _)| {
                let start = spot.start - self.base;
                let end = start + spot.len();
                // Records begin with sectors: a border between two of them cuts no head in two.
                start + spot.len().saturating_sub(TAIL_BYTES) / 512 * 512..end
            })
            .collect();
        let settled = !states.is_empty() && states.iter().all(|state| state.is_settled);
        if self.is_whole && !settled {
            let end = self.device.len().0;
            tails.push(end.saturating_sub(TAIL_BYTES) / 512 * 512..end);
        }
        without(&tails, &[])
    }

    /// Volumes whose container was found whole at their end need no more searching.
    fn settle_by(&self, sights: &Sights, states: &mut [State]) {
        for (spot, state) in self.spots.iter().zip(states) {
            let is_whole = |sight: &Sight| {
                let whole = |record| {
                    let opened = open_recorded(&spot.device, &sight.toc, record);
                    opened.is_there && opened.image.damage.is_empty()
                };
                sight.start == spot.start && sight.toc.images.iter().all(whole)
            };
            state.is_settled |= sights.list.iter().any(is_whole);
        }
    }

    /// All that was not searched, of what left a question.
    fn rest(&self, states: &[State], done: &[Range<u64>]) -> Vec<Range<u64>> {
        let pairs = || self.spots.iter().zip(states);
        let all = if self.is_whole {
            std::iter::once(0..self.device.len().0).collect()
        } else {
            pairs().map(|(spot, _)| self.range(spot)).collect::<Vec<_>>()
        };
        let settled = pairs().filter(|(_, state)| state.is_settled).map(|(spot, _)| self.range(spot));
        without(&all, &settled.chain(done.iter().cloned()).collect::<Vec<_>>())
    }

    /// True when the goal was found.
    fn search(&self, ranges: &[Range<u64>], sights: &mut Sights) -> Result<bool> {
        let mut is_found = false;
        let mut enough = |sight: &Sight| {
            let Some(goal) = self.goal.as_ref().filter(|goal| goal.start == sight.start) else { return false };
            let Some(record) = sight.toc.named(goal.name) else { return false };
            let Ok(window) = self.window(sight.start, sight.toc.volume.bytes) else { return false };
            let opened = open_recorded(&window, &sight.toc, record);
            is_found = opened.is_there && opened.image.damage.is_empty() && record.base_id.is_none();
            is_found
        };
        tocs::search(&*self.device, self.base, ranges, self.watch, sights, &mut enough)?;
        Ok(is_found)
    }

    fn window(&self, start: u64, len: u64) -> Result<SharedDevice> {
        let Some(at) = start.checked_sub(self.base) else {
            return Err(Error::refused(format!("byte {start} lies before the place that is searched")));
        };
        let len = len.min(self.device.len().0.saturating_sub(at));
        Ok(Arc::new(Window::new(self.device.clone(), ByteOffset(at), ByteLen(len))?))
    }

    /// Neither a partition nor a table of contents tells where volumes are: their own signs may.
    fn add_lost_volumes(&mut self, states: &mut Vec<State>) -> Result<()> {
        let mut stopped = None;
        let scan = table::scan(&self.device, table_depth(self.thoroughness), &mut |progress| {
            self.watch.advance("Searching for volumes", progress.done.0, progress.total.0);
            match self.watch.proceed() {
                Ok(()) => std::ops::ControlFlow::Continue(()),
                Err(error) => {
                    stopped = Some(error);
                    std::ops::ControlFlow::Break(())
                }
            }
        });
        if let Some(error) = stopped {
            return Err(error);
        }
        for found in scan?.found {
            let start = found.start.0 + self.base;
            if self.spots.iter().any(|spot| spot.start == start && spot.len() >= found.len.0) {
                continue;
            }
            let Ok(device) = self.window(start, found.len.0) else { continue };
            let spot = Spot { address: Address::At(self.disk.clone(), start), start, device };
            states.push(self.state(&spot));
            self.spots.push(spot);
        }
        Ok(())
    }

    /// The containers, from all that was seen.
    fn gather(self, states: Vec<State>, sights: &Sights) -> Vec<Container> {
        let mut groups: Vec<(u64, Uuid, Vec<Toc>)> = Vec::new();
        for sight in &sights.list {
            let key = (sight.start, sight.toc.container_id);
            match groups.iter_mut().find(|(start, id, _)| (*start, *id) == key) {
                Some((.., tocs)) => tocs.push(sight.toc.clone()),
                None => groups.push((key.0, key.1, vec![sight.toc.clone()])),
            }
        }
        let mut found = Vec::new();
        let mut spots: Vec<(Spot, Option<Folder>)> = Vec::new();
        for (spot, state) in self.spots.into_iter().zip(states) {
            let folder = if let Look::Folder(folder) = state.look { Some(*folder) } else { None };
            spots.push((spot, folder));
        }
        for (start, id, tocs) in groups {
            let known = spots.iter_mut().find(|(spot, _)| spot.start == start);
            let (address, source, folder) = match known {
                Some((spot, folder)) => {
                    let takes = folder.as_ref().is_some_and(|folder| belongs(folder, id, &tocs));
                    let Ok(source) = source_of(&self.disk, spot, Some(&tocs)) else { continue };
                    (spot.address.clone(), source, if takes { folder.take() } else { None })
                }
                None => {
                    let Ok(source) = lost_place(&self.disk, start, &tocs) else { continue };
                    let folder = match folder::look(&source.device) {
                        Look::Folder(folder) if belongs(&folder, id, &tocs) => Some(*folder),
                        _ => None,
                    };
                    (Address::At(self.disk.clone(), start), source, folder)
                }
            };
            found.extend(combine(&address, &source, folder, tocs));
        }
        for (spot, folder) in spots {
            let Some(folder) = folder else { continue };
            let Ok(source) = source_of(&self.disk, &spot, None) else { continue };
            found.extend(combine(&spot.address, &source, Some(folder), Vec::new()));
        }
        // Of several containers in one place, the one that the file system shows comes first.
        found.sort_by_key(|container| (container.source.place.start, container.found_by));
        if sights.is_cut {
            found.iter_mut().for_each(super::say_cut);
        }
        found
    }
}

/// Nothing is wrong with its images, or only that others are missing.
fn is_whole(container: &Container) -> bool {
    let whole = |image: &super::FoundImage| image.damage.iter().all(|damage| Some(damage) == image.needs.as_ref());
    !container.images.is_empty() && container.images.iter().all(whole)
}

/// A table of contents says which images there are, and every file can be followed. A cut in the middle of a change leaves
/// folders that are neither those of before nor those of after it: what they do not show may still be there.
fn is_told(container: &Container) -> bool {
    container.toc.sequence > 0 && container.findings.iter().all(|finding| finding.rule != "container.file")
}

fn table_depth(thoroughness: Thoroughness) -> table::Depth {
    if thoroughness == Thoroughness::Full { table::Depth::Full } else { table::Depth::Quick }
}

/// Whether a folder is that of the container of these tables.
fn belongs(folder: &Folder, id: Uuid, tocs: &[Toc]) -> bool {
    match &folder.toc {
        Some(toc) => toc.container_id == id,
        None => {
            let known = |image: &super::FoundImage| tocs.iter().any(|toc| toc.image(image.record.image_id).is_some());
            folder.images.is_empty() || folder.images.iter().any(known)
        }
    }
}

/// The place of a volume that is known. A place that no table names is as long as its table of contents says.
fn source_of(disk: &Path, spot: &Spot, tocs: Option<&[Toc]>) -> Result<Source> {
    match (&spot.address, tocs) {
        (Address::At(..), Some(tocs)) if matches!(folder::look(&spot.device), Look::NoSystem | Look::Untold(_)) => {
            lost_place(disk, spot.start, tocs)
        }
        (Address::At(..), _) => open_place(disk, ByteOffset(spot.start), ByteLen(spot.len())),
        (address, _) => crate::inventory::open_source(address),
    }
}

/// The place of a volume of which only tables of contents tell, as far as the disk goes.
fn lost_place(disk: &Path, start: u64, tocs: &[Toc]) -> Result<Source> {
    let len = tocs.iter().max_by_key(|toc| toc.sequence).map_or(0, |toc| toc.volume.bytes);
    let disk_len = crate::device::ReadDevice::len(&FileDevice::open(disk)?).0;
    open_place(disk, ByteOffset(start), ByteLen(len.min(disk_len.saturating_sub(start))))
}

/// What of `all` is not in `done`, sorted and disjoint.
fn without(all: &[Range<u64>], done: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut all: Vec<Range<u64>> = all.to_vec();
    all.sort_by_key(|range| range.start);
    let mut left: Vec<Range<u64>> = Vec::new();
    for range in all {
        let start = left.last().map_or(range.start, |last| last.end.max(range.start));
        let mut pieces: Vec<Range<u64>> = std::iter::once(start..range.end).collect();
        for gone in done {
            pieces = pieces
                .into_iter()
                .flat_map(|piece| [piece.start..piece.end.min(gone.start), piece.start.max(gone.end)..piece.end])
                .filter(|piece| piece.start < piece.end)
                .collect();
        }
        left.extend(pieces.into_iter().filter(|piece| piece.start < piece.end));
    }
    left
}

/// How long the volume that begins at `start` was, as a table of contents at the disk's end says.
pub(in crate::inventory) fn len_by_toc(device: &SharedDevice, start: ByteOffset) -> Option<ByteLen> {
    let mut sights = Sights::default();
    let end = device.len().0;
    let tail = end.saturating_sub(TAIL_BYTES)..end;
    let mut enough = |sight: &Sight| sight.start == start.0;
    tocs::search(&**device, 0, &[tail], &crate::fs::check::Unwatched, &mut sights, &mut enough).ok()?;
    let mut own = sights.list.into_iter().filter(|sight| sight.start == start.0);
    own.next().map(|sight| ByteLen(sight.toc.volume.bytes))
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a list of ranges may have one")]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_to_be_searched_overlaps_nothing() {
        assert_eq!(without(&[0..100], &[10..20, 50..60]), [0..10, 20..50, 60..100]);
        assert_eq!(without(&[50..100, 0..60], &[]), [0..60, 60..100]);
        assert_eq!(without(&[0..100], &[0..100]), []);
        assert_eq!(without(&[0..10, 0..10], &[5..6]), [0..5, 6..10]);
    }
}

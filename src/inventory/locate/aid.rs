//! Containers by what is kept of them elsewhere: recovery aids and recovery partitions.
//!
//! These ways come after the file system and the tables of contents: an aid tells where things were when it was written.
//! What it says of an image counts only when that image's records lie there, and it brings back no image that a newer
//! table of contents no longer has.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::combine::combine;
use super::search::Spot;
use super::{Container, FoundBy, FoundImage, files};
use crate::device::{FileDevice, ReadDevice, SharedDevice, Window};
use crate::error::{Error, Result};
use crate::fs::Watch;
use crate::image::container::{
    Aid, FileRecord, MAX_AID_BYTES, Order, Role, Sign, Toc, read_aid, read_aid_copies, read_aids, scan,
};
use crate::image::format::RecordKind;
use crate::inventory::{Address, Source, open_source, source::open_place};
use crate::table::{self, Entry, RECOVERY_TYPE_GPT, RECOVERY_TYPE_MBR};
use crate::unit::{ByteLen, ByteOffset};

/// Records of aids that a search of a disk reads: a recovery partition has two for each container.
pub(super) const MAX_PLACES: usize = 256;
/// Bytes of text that it unpacks for that, and that it keeps.
const MAX_READ_BYTES: u64 = 256 << 20;
const MAX_KEPT_BYTES: u64 = 2 * MAX_AID_BYTES;
/// Recovery partitions of a disk that are read: one is meant.
const MAX_PARTITIONS: usize = 2;

/// An aid, and by which way it came.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) aid: Arc<Aid>,
    pub(super) found_by: FoundBy,
}

/// The aids that the user named, for every look of this process.
static NAMED: RwLock<Vec<Known>> = RwLock::new(Vec::new());

/// Reads these aid files, and uses them wherever images are looked for from now on.
///
/// # Errors
/// When one of them cannot be read.
pub fn use_aids(paths: &[PathBuf]) -> Result<()> {
    let aids = of_files(paths)?;
    NAMED.write().unwrap_or_else(PoisonError::into_inner).extend(aids);
    Ok(())
}

/// Those that the user named.
pub(super) fn named() -> Vec<Known> {
    NAMED.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The aids in files.
pub(super) fn of_files(paths: &[PathBuf]) -> Result<Vec<Known>> {
    let mut known = Vec::new();
    for path in paths {
        let advice = "Name a file that `lifeboat aid SOURCE --to FILE` made, or look without it";
        let context = |error: Error| error.context(format!("the recovery aid {}", path.display())).advise(advice);
        let aids = FileDevice::open(path).and_then(|file| read_aids(&file, ByteOffset::ZERO)).map_err(context)?;
        known.extend(aids.into_iter().map(|aid| Known { aid: Arc::new(aid), found_by: FoundBy::Aid }));
    }
    Ok(known)
}

/// A recovery partition of a disk, as found.
pub struct RecoveryPartition {
    /// Its entry in the disk's table.
    pub entry: Entry,
    /// Its two copies: each whole, or the reason why not.
    pub copies: [Result<Vec<Aid>>; 2],
}

impl RecoveryPartition {
    /// Reads what a partition, or a place that shall become one, holds.
    #[must_use]
    pub fn read(entry: &Entry, partition: &dyn ReadDevice) -> Self {
        Self { entry: entry.clone(), copies: read_aid_copies(partition) }
    }

    /// The copy that counts: which, and what it says.
    #[must_use]
    pub fn current(&self) -> Option<(usize, &[Aid])> {
        let whole = |(at, copy): (usize, &'_ Result<Vec<Aid>>)| copy.as_ref().ok().map(|_| at);
        let sequence =
            |at: &usize| self.copies[*at].as_ref().ok().and_then(|aids| aids.first()).map(|aid| aid.sequence);
        let best = self.copies.iter().enumerate().filter_map(whole).max_by_key(|at| (sequence(at), 1 - at))?;
        self.copies[best].as_ref().ok().map(|aids| (best, aids.as_slice()))
    }
}

/// The recovery partitions that a disk's table names.
#[must_use]
pub fn recovery_partitions(disk: &SharedDevice) -> Vec<RecoveryPartition> {
    let Ok(table) = table::read(disk) else { return Vec::new() };
    let own = format!("{RECOVERY_TYPE_MBR:#04x}");
    let is_own = |entry: &&Entry| match table.kind {
        table::Kind::Gpt => entry.type_id.eq_ignore_ascii_case(RECOVERY_TYPE_GPT),
        _ => entry.type_id.eq_ignore_ascii_case(&own),
    };
    let open = |entry: &Entry| {
        let window = Window::new(disk.clone(), entry.start, entry.len).ok()?;
        Some(RecoveryPartition::read(entry, &window))
    };
    table.entries.iter().filter(is_own).take(MAX_PARTITIONS).filter_map(open).collect()
}

/// What the recovery partitions of a disk say.
pub(super) fn of_disk(disk: &SharedDevice) -> Vec<Known> {
    let mut known = Vec::new();
    for partition in recovery_partitions(disk) {
        let aids = partition.current().map(|(_, aids)| aids.to_vec()).unwrap_or_default();
        known.extend(aids.into_iter().map(|aid| Known { aid: Arc::new(aid), found_by: FoundBy::RecoveryPartition }));
    }
    known
}

/// The same for a disk whose table does not name them any more: their records are searched for everywhere.
///
/// # Errors
/// Only when it is cancelled.
pub(super) fn by_search(disk: &dyn ReadDevice, watch: &dyn Watch) -> Result<Vec<Known>> {
    let mut places = Vec::new();
    let total = disk.len().0;
    let mut done = 0;
    let mut progress = |bytes: u64| {
        done += bytes;
        watch.advance("Searching for a recovery partition", done, total);
        watch.proceed()
    };
    scan(disk, 0..total, Order::Forward, &mut progress, &mut |sighting| {
        if matches!(sighting.sign, Sign::Record(RecordKind::Aid, _)) {
            places.push(sighting.offset.0);
        }
        if places.len() < MAX_PLACES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    of_places(disk, &places, watch)
}

/// The aids whose records begin at these bytes of a device; of each container the newest.
///
/// # Errors
/// Only when it is cancelled.
pub(super) fn of_places(device: &dyn ReadDevice, places: &[u64], watch: &dyn Watch) -> Result<Vec<Known>> {
    let mut newest: Vec<(Aid, u64)> = Vec::new();
    let (mut read, mut kept) = (0, 0);
    for place in places {
        watch.proceed()?;
        let Ok((aid, text_bytes, _)) = read_aid(device, ByteOffset(*place)) else { continue };
        read += text_bytes;
        let same = newest.iter().position(|(have, _)| have.toc.container_id == aid.toc.container_id);
        if same.is_some_and(|at| rank(&newest[at].0) >= rank(&aid)) {
            continue;
        }
        if let Some(at) = same {
            kept -= newest.swap_remove(at).1;
        }
        if read > MAX_READ_BYTES || kept + text_bytes > MAX_KEPT_BYTES {
            break;
        }
        kept += text_bytes;
        newest.push((aid, text_bytes));
    }
    let known = |(aid, _)| Known { aid: Arc::new(aid), found_by: FoundBy::RecoveryPartition };
    Ok(newest.into_iter().map(known).collect())
}

/// Which of two aids of one container is the newer.
fn rank(aid: &Aid) -> (u64, u64) {
    (aid.toc.sequence, aid.sequence)
}

/// A disk, or a part of one, whose containers were looked for.
pub(super) struct Ground {
    pub(super) disk: PathBuf,
    /// Volumes that are known on it: addresses, and where they begin on the disk.
    pub(super) volumes: Vec<(Address, u64)>,
    /// Places outside of those count, too.
    pub(super) is_whole: bool,
}

impl Ground {
    pub(super) fn new(disk: &Path, spots: &[Spot], is_whole: bool) -> Self {
        let volumes = spots.iter().map(|spot| (spot.address.clone(), spot.start)).collect();
        Self { disk: disk.into(), volumes, is_whole }
    }

    /// Adds what the aids lead to and the better ways did not find.
    pub(super) fn add(&self, known: &[Known], found: &mut Vec<Container>) {
        let mut known: Vec<&Known> = known.iter().collect();
        known.sort_by_key(|one| std::cmp::Reverse(rank(&one.aid)));
        for one in known {
            let start = one.aid.toc.volume.start_bytes;
            if !self.is_whole && !self.volumes.iter().any(|(_, at)| *at == start) {
                continue;
            }
            let in_place = |have: &&Container| have.source.place.start.0 == start;
            if found.iter().filter(in_place).any(|have| is_at_hand(have, &one.aid.toc)) {
                continue;
            }
            let Some(new) = self.container(one) else { continue };
            let same = |have: &Container| have.toc.container_id == new.toc.container_id || shares_images(have, &new);
            // Beside a container of another identity that the file system shows, an aid is of one that was dropped.
            let is_dropped = found.iter().filter(in_place).any(|have| have.found_by == FoundBy::FileSystem);
            match found.iter().position(|have| in_place(&have) && same(have)) {
                Some(at) => merge(&mut found[at], new),
                None if is_dropped => {}
                None => found.push(new),
            }
        }
        found.sort_by_key(|container| (container.source.place.start, container.found_by));
    }

    /// The container where an aid says it is; none when no image of it lies there.
    fn container(&self, known: &Known) -> Option<Container> {
        let aid = &known.aid;
        let mut toc = aid.toc.clone();
        toc.table = toc.table.or_else(|| aid.table.clone());
        if toc.boot.is_empty() {
            toc.boot.clone_from(&aid.boot);
        }
        let start = toc.volume.start_bytes;
        let named = self.volumes.iter().find(|(_, at)| *at == start).map(|(address, _)| address.clone());
        let address = named.unwrap_or_else(|| Address::At(self.disk.clone(), start));
        let source = self.source(&address, &toc)?;
        let mut container = combine(&address, &source, None, vec![toc])?;
        container.found_by = known.found_by;
        container.images.iter_mut().for_each(|image| image.found_by = known.found_by);
        Some(container)
    }

    /// The volume's place; where no table names it, as long as the aid says.
    fn source(&self, address: &Address, toc: &Toc) -> Option<Source> {
        if !matches!(address, Address::At(..)) {
            return open_source(address).ok();
        }
        let disk = FileDevice::open(&self.disk).ok()?;
        let start = toc.volume.start_bytes;
        let len = toc.volume.bytes.min(disk.len().0.checked_sub(start)?);
        open_place(&self.disk, ByteOffset(start), ByteLen(len)).ok()
    }
}

/// True when all images of a table are there, whole, or were dropped since: then an aid adds nothing.
fn is_at_hand(have: &Container, told: &Toc) -> bool {
    let newer = have.toc.container_id == told.container_id && have.toc.sequence > told.sequence;
    told.images.iter().all(|record| {
        let own = have.images.iter().find(|image| image.record.image_id == record.image_id);
        own.map_or(newer, |image| image.damage.is_empty())
    })
}

fn shares_images(have: &Container, new: &Container) -> bool {
    new.images.iter().any(|image| have.toc.image(image.record.image_id).is_some())
}

/// Adds the whole images of an aid that a container lacks or has damaged. A newer table of contents that does not name
/// an image is right: it was dropped.
fn merge(have: &mut Container, new: Container) {
    let newer = have.toc.container_id == new.toc.container_id && have.toc.sequence > new.toc.sequence;
    for image in new.images.into_iter().filter(|image| own_damage(image) == 0) {
        let id = image.record.image_id;
        match have.images.iter().position(|own| own.record.image_id == id) {
            Some(at) if own_damage(&have.images[at]) == 0 => continue,
            Some(at) => have.images[at] = image,
            None if newer => continue,
            None => have.images.push(image),
        }
        let own = |file: &FileRecord| matches!(file.role, Role::Part { image, .. } if image == id);
        have.toc.files.retain(|file| !own(file));
        have.toc.files.extend(new.toc.files.iter().filter(|file| own(file)).cloned());
    }
    files::judge_bases(&mut have.images);
    have.images.sort_by(|a, b| (a.record.created, &a.record.name).cmp(&(b.record.created, &b.record.name)));
    have.toc.images = have.images.iter().map(|image| image.record.clone()).collect();
    have.toc.files.sort_by_key(|file| file.runs.first().map(|run| run.offset));
}

/// What is wrong with the image itself, and not with one that it needs.
fn own_damage(image: &FoundImage) -> usize {
    image.damage.iter().filter(|damage| Some(*damage) != image.needs.as_ref()).count()
}

//! A look at the disks, from its beginning to its end: what is known is shown at once, a disk that takes too long is
//! left out, and the cursor stays where it is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::gone;
use super::search::remember;
use crate::inventory::{Address, Disk, Inventory, Partition, Reading};
use crate::ui::model::{BeingRead, Model, Screen};
use crate::ui::msg::{Effect, LookNews};
use crate::ui::rows::{self, Row, RowKind};
use crate::ui::screen;
use crate::ui::update::maps;

/// How long the cursor rests on a volume before its map is read: who scrolls by asks for none.
const REST: Duration = Duration::from_millis(300);

/// Looks at the disks anew.
pub(in crate::ui::update) fn look(model: &mut Model) -> Vec<Effect> {
    let ticket = model.next_ticket();
    model.disks.looking = Some(ticket);
    model.disks.reading.clear();
    model.disks.again = false;
    vec![Effect::Look(ticket, model.look_request())]
}

/// Disks came or went: they are looked at again, as soon as that disturbs nothing.
pub(in crate::ui::update) fn changed(model: &mut Model) -> Vec<Effect> {
    model.disks.again = true;
    let mut effects = look_again(model);
    // When disks come and go, the kernel writes over a text console.
    effects.extend(model.theme.console.then_some(Effect::Redraw));
    effects
}

/// Looks again when there is a reason to, and nothing under way.
fn look_again(model: &mut Model) -> Vec<Effect> {
    let is_free = model.disks.looking.is_none() && model.running.is_none();
    if model.disks.again && is_free { look(model) } else { Vec::new() }
}

/// Time went by.
pub(in crate::ui::update) fn tick(model: &mut Model) -> Vec<Effect> {
    let effects = look_again(model);
    if !effects.is_empty() {
        return effects;
    }
    match model.disks.rested.clone() {
        Some((place, since)) if model.clock.elapsed.saturating_sub(since) >= REST => {
            model.disks.rested = None;
            maps::want(model, place)
        }
        _ => Vec::new(),
    }
}

/// Notes since when the cursor rests on a volume whose map is in sight and missing.
pub(in crate::ui::update) fn rest(model: &mut Model) {
    let missing = missing_map(model);
    let same = |(place, _): &(Address, Duration)| missing.as_ref() == Some(place);
    if !model.disks.rested.as_ref().is_some_and(same) {
        model.disks.rested = missing.map(|place| (place, model.clock.elapsed));
    }
}

fn missing_map(model: &Model) -> Option<Address> {
    if model.screen() != Screen::Disks || model.maps.wanted.is_some() || !screen::disks_show_map(model) {
        return None;
    }
    let row = model.disks.chosen(model.filter.as_ref()).filter(|row| row.has_map())?;
    let is_busy = model.disks.being_read(row.address.path()).is_some();
    (!is_busy && model.maps.get(&row.address).is_none()).then(|| row.address.clone())
}

/// Leaves out the disk that the cursor is on, or else the one that has taken longest.
pub(super) fn skip(model: &mut Model) -> Vec<Effect> {
    let chosen = model.disks.chosen(model.filter.as_ref()).map(|row| row.address.path());
    let read = chosen.and_then(|path| model.disks.being_read(path)).or_else(|| model.disks.reading.first());
    let Some(path) = read.map(|read| read.path.clone()) else { return Vec::new() };
    model.disks.reading.retain(|read| read.path != path);
    model.disks.skipped.push(path);
    vec![Effect::Skip(model.disks.skipped.clone())]
}

/// No disk is left out any more.
pub(in crate::ui::update) fn forgive(model: &mut Model) -> Vec<Effect> {
    if model.disks.skipped.is_empty() {
        return Vec::new();
    }
    model.disks.skipped.clear();
    vec![Effect::Skip(Vec::new())]
}

/// What a look tells while it goes on.
pub(in crate::ui::update) fn news(model: &mut Model, news: LookNews) -> Vec<Effect> {
    match news {
        LookNews::Began(described) => began(model, described),
        LookNews::Reading(path, what) => {
            reading(model, path, what);
            Vec::new()
        }
        LookNews::Disk(disk) => {
            model.disks.reading.retain(|read| read.path != disk.path);
            model.disks.unread.retain(|path| *path != disk.path);
            let effects = gone::lost(model, &disk);
            let mut disks = model.disks.all().to_vec();
            if let Some(known) = disks.iter_mut().find(|known| known.path == disk.path) {
                *known = *disk;
            }
            lay_out(model, disks);
            effects
        }
    }
}

/// The disks that there are. Of those that are new, no more than that is known.
fn began(model: &mut Model, described: Vec<Disk>) -> Vec<Effect> {
    let known = model.disks.all();
    let unread = &model.disks.unread;
    let is_new = |disk: &&Disk| unread.contains(&disk.path) || !known.iter().any(|known| known.path == disk.path);
    let new: Vec<PathBuf> = described.iter().filter(is_new).map(|disk| disk.path.clone()).collect();
    let disks = described.into_iter().map(|disk| {
        let read = known.iter().find(|known| known.path == disk.path && !new.contains(&known.path));
        read.cloned().unwrap_or(disk)
    });
    let disks: Vec<Disk> = disks.collect();
    model.disks.unread = new;
    let effects = gone::compare(model, &disks);
    lay_out(model, disks);
    effects
}

fn reading(model: &mut Model, path: PathBuf, what: Reading) {
    let since = model.clock.elapsed;
    // What was left out is not spoken of any more, even when it still moves.
    if model.disks.skipped.contains(&path) {
        return;
    }
    match model.disks.reading.iter_mut().find(|read| read.path == path) {
        Some(read) => read.what = what,
        None => model.disks.reading.push(BeingRead { path, what, since }),
    }
}

/// The look has come to its end.
pub(in crate::ui::update) fn looked(model: &mut Model, inventory: Inventory) -> Vec<Effect> {
    model.disks.looking = None;
    model.maps.forget();
    model.disks.reading.clear();
    model.disks.unread.clear();
    let mut effects = gone::compare(model, &inventory.disks);
    show(model, inventory);
    effects.extend(look_again(model));
    effects
}

/// The disks are known.
pub(super) fn show(model: &mut Model, inventory: Inventory) {
    let is_first = model.disks.inventory.replace(Inventory::default()).is_none();
    model.disks.partial.clear();
    lay_out(model, inventory.disks);
    if is_first && !model.disks.moved {
        model.disks.cursor = usize::from(model.disks.rows.len() > 1);
    }
}

/// The disks as lines, with what was found by searching, the cursor on what it was on.
fn lay_out(model: &mut Model, disks: Vec<Disk>) {
    let mut inventory = Inventory { disks };
    // Once one partition of a lost table is back, the others are no longer looked for: they are remembered.
    for disk in &inventory.disks {
        let lost: Vec<Partition> = disk.partitions.iter().filter(|place| is_lost_with_images(place)).cloned().collect();
        if !lost.is_empty() {
            remember(model, &disk.path, lost);
        }
    }
    for (disk, found) in &model.disks.searched {
        rows::merge(&mut inventory, disk, found);
    }
    let mut rows = rows::rows(&inventory);
    let unread = &model.disks.unread;
    rows.retain(|row| row.kind == RowKind::Disk || !unread.iter().any(|path| path == row.address.path()));
    let old = std::mem::replace(&mut model.disks.rows, rows);
    model.disks.cursor = same_place(model, &old);
    if model.disks.inventory.is_some() {
        model.disks.inventory = Some(inventory);
    } else {
        model.disks.partial = inventory.disks;
    }
}

fn is_lost_with_images(place: &Partition) -> bool {
    place.found && place.volume.as_ref().is_some_and(|volume| !volume.images.is_empty())
}

/// Where the chosen line is now; when it is not there any more, the next one that is.
fn same_place(model: &Model, old: &[Row]) -> usize {
    let rows = &model.disks.rows;
    let at = model.disks.cursor;
    let find = |row: &Row| rows.iter().position(|new| new.kind == row.kind && new.address == row.address);
    // A partition that is gone from a disk that is still there gives way to its disk.
    let of_disk = |path: &Path| rows.iter().position(|new| new.address.path() == path);
    let after = old.iter().skip(at).find_map(find);
    let exact = old.get(at).and_then(find);
    let beside = || old.get(at).and_then(|row| of_disk(row.address.path()));
    let before = || old.iter().take(at).rev().find_map(find);
    exact.or_else(beside).or(after).or_else(before).unwrap_or_else(|| usize::from(rows.len() > 1))
}

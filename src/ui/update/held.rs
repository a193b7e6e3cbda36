//! Who uses a disk, and freeing it. A mount is undone only after a `y` to the question that names it.

use std::path::PathBuf;

use crate::device::HolderKind;
use crate::inventory::Address;

use super::super::model::{Held, Model, Proposal, Screen, Trouble};
use super::super::msg::{Effect, HeldPlace, HoldersView, Key, Ticket};
use super::super::{screen, text};

/// Shows what uses a place.
pub(super) fn begin(model: &mut Model, place: Address) -> Vec<Effect> {
    // Whoever uses a volume uses the images in it.
    let address = place.image().map_or(place.clone(), |(volume, _)| volume.clone());
    let row = model.disks.rows.iter().find(|row| row.address == address && row.image.is_none());
    let is_part = matches!(address, Address::Partition(..) | Address::At(..));
    let part = row.filter(|_| is_part).map(|row| (row.start_bytes, row.bytes));
    model.held = Held { place: Some(HeldPlace { address, part }), ..Held::default() };
    super::go(model, Screen::Held);
    look(model)
}

/// Asks who uses it.
fn look(model: &mut Model) -> Vec<Effect> {
    let ticket = model.next_ticket();
    let Some(place) = model.held.place.clone() else { return Vec::new() };
    model.held.waiting = Some(ticket);
    vec![Effect::Hold(ticket, place)]
}

pub(super) fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    if model.held.asking.is_some() {
        return asking_key(model, pressed);
    }
    match pressed {
        Key::Esc => leave(model),
        _ if model.held.unmounting.is_some() => Vec::new(),
        Key::Char('r') if model.held.waiting.is_none() => look(model),
        Key::Enter => choose(model),
        _ => {
            let (len, page) = (model.held.list().len(), screen::held_page(model));
            model.held.cursor = super::moved(model.held.cursor, len, page, pressed);
            Vec::new()
        }
    }
}

/// Back. A preview that was refused since the place was in use is planned anew once something was freed.
fn leave(model: &mut Model) -> Vec<Effect> {
    model.held.waiting = None;
    super::back(model);
    if model.screen() != Screen::Preview || model.held.freed.is_none() {
        return Vec::new();
    }
    let effects = super::plan(model);
    if effects.is_empty() {
        return super::back(model);
    }
    effects
}

/// From a plan that was refused since the place is in use: who uses it.
pub(super) fn of_refusal(model: &mut Model) -> Vec<Effect> {
    let place = model.place.as_ref().map(|row| row.address.clone());
    let place = place.or_else(|| model.image.as_ref().map(|image| image.place.clone()));
    match (&model.proposal, place) {
        (Proposal::Refused(trouble), Some(place)) if trouble.is_in_use() => begin(model, place),
        _ => Vec::new(),
    }
}

/// Of a mount it is asked whether to undo it; all else is undone elsewhere.
fn choose(model: &mut Model) -> Vec<Effect> {
    let Some(chosen) = model.held.list().get(model.held.cursor) else { return Vec::new() };
    match &chosen.holder.kind {
        HolderKind::Mount { place, .. } if place.as_os_str() == "/" => {
            super::refuse(model, text::ADVICE_ROOT.to_owned())
        }
        HolderKind::Mount { place, .. } => {
            model.held.asking = Some(place.clone());
            Vec::new()
        }
        _ => {
            let advice = text::holder_advice(&chosen.holder);
            model.trouble =
                Some(Trouble { refused: true, what: text::REFUSED_NOT_MOUNT.to_owned(), next: Some(advice) });
            Vec::new()
        }
    }
}

/// Only `y` unmounts: neither Enter nor Esc does, however often.
fn asking_key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    match pressed {
        Key::Char('y') => {
            let (Some(mount), Some(place)) = (model.held.asking.take(), model.held.place.clone()) else {
                return Vec::new();
            };
            let ticket = model.next_ticket();
            model.held.freed = None;
            model.held.unmounting = Some((ticket, mount.clone()));
            vec![Effect::Unmount(ticket, place, mount)]
        }
        Key::Char('n') | Key::Esc => {
            model.held.asking = None;
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// The users are known.
pub(super) fn answered(model: &mut Model, answer: Result<HoldersView, Trouble>) -> Vec<Effect> {
    model.held.waiting = None;
    match answer {
        Ok(found) => {
            model.held.cursor = model.held.cursor.min(found.list.len().saturating_sub(1));
            model.held.found = Some(found);
        }
        Err(trouble) => model.trouble = Some(trouble),
    }
    Vec::new()
}

/// It was unmounted, or why not. What is true now is looked at again, on the disks, too.
pub(super) fn unmounted(model: &mut Model, ticket: Ticket, result: Result<PathBuf, Trouble>) -> Vec<Effect> {
    if model.held.unmounting.take_if(|(waited, _)| *waited == ticket).is_none() {
        return Vec::new();
    }
    let mut effects = Vec::new();
    match result {
        Ok(mount) => {
            model.held.freed = Some(mount);
            if model.disks.looking.is_none() {
                effects = super::disks::look(model);
            }
        }
        // The answer may come when the user has gone on already.
        Err(trouble) => model.trouble = Some(trouble),
    }
    if model.screen() == Screen::Held {
        effects.extend(look(model));
    }
    effects
}

//! The cluster maps of volumes.

use std::sync::Arc;

use crate::inventory::{Address, VolumeMap};

use super::super::model::{Model, Trouble};
use super::super::msg::{Effect, Ticket};

/// Asks for a volume's map, when it is neither known nor being read.
pub(super) fn want(model: &mut Model, address: Address) -> Vec<Effect> {
    let is_wanted = model.maps.wanted.as_ref().is_some_and(|(_, wanted)| *wanted == address);
    if is_wanted || model.maps.get(&address).is_some() {
        return Vec::new();
    }
    let ticket = model.next_ticket();
    model.maps.wanted = Some((ticket, address.clone()));
    vec![Effect::Map(ticket, address)]
}

/// A map was read, or could not be. One that was given up, or read before the volumes changed, is dropped.
pub(super) fn mapped(
    model: &mut Model,
    ticket: Ticket,
    address: Address,
    map: Result<Arc<VolumeMap>, Trouble>,
) -> Vec<Effect> {
    if model.maps.wanted.as_ref().is_some_and(|(wanted, _)| *wanted == ticket) {
        model.maps.wanted = None;
        model.maps.keep(address, map);
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::{Options, theme::Theme};

    fn place(path: &str) -> Address {
        Address::Whole(path.into())
    }

    fn map() -> Result<Arc<VolumeMap>, Trouble> {
        Ok(Arc::new(VolumeMap::new(8, 512, &[])))
    }

    #[test]
    fn a_map_is_asked_for_once_and_forgotten_with_the_disks() {
        let mut model = Model::new(Options::default(), Theme::default());
        let [Effect::Map(ticket, _)] = want(&mut model, place("a"))[..] else { panic!("a map was to be asked for") };
        assert!(want(&mut model, place("a")).is_empty(), "it is being read");
        mapped(&mut model, ticket, place("a"), map());
        assert!(model.maps.get(&place("a")).is_some_and(|map| map.is_ok()));
        assert!(want(&mut model, place("a")).is_empty(), "it is known");
        model.maps.forget();
        assert_eq!(want(&mut model, place("a")).len(), 1);
    }

    #[test]
    fn the_answer_to_a_question_that_was_given_up_is_dropped() {
        let mut model = Model::new(Options::default(), Theme::default());
        want(&mut model, place("a"));
        let old = model.ticket;
        want(&mut model, place("b"));
        mapped(&mut model, old, place("a"), map());
        assert!(model.maps.get(&place("a")).is_none());
        let old = model.ticket;
        model.maps.forget();
        mapped(&mut model, old, place("b"), map());
        assert!(model.maps.get(&place("b")).is_none(), "the volumes have changed since");
    }
}

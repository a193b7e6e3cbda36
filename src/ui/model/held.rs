//! Who holds a disk or partition that is in use.

use crate::inventory::Address;

use super::super::msg::Ticket;

/// The holders of a place, and the cursor among them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Held {
    /// The place.
    pub place: Option<Address>,
    /// The answer that is waited for.
    pub waiting: Option<Ticket>,
    /// The chosen holder.
    pub cursor: usize,
}

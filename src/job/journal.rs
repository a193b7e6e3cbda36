//! The journal: what makes a change of a user's metadata survive a power cut.
//!
//! ```text
//! change ──► copies ──► journal (old and new bytes) ──► note: begun ──► step 1 … step n ──► closed
//!                                                          │
//!                   power cut anywhere behind here ────────┴──► find ──► judge ──► finish, or roll back
//! ```
//!
//! [`format`] is the normative page, [`record`] its content in memory and the rules it keeps, [`store`] writes and
//! reads it, [`find`] looks for it, [`judge`] tells whether it fits its volume and how far its job got, [`copies`] makes
//! copies and knows them again, [`place`] chooses where it goes, [`apply`] carries out steps and takes them back.

pub(super) mod apply;
pub(super) mod copies;
pub(super) mod find;
pub(super) mod format;
pub(super) mod judge;
pub(super) mod place;
pub(super) mod record;
pub(super) mod store;

//! Every word that people read in plans, reports and the wizard, in one place, so that they can be said in another
//! language. Short and plain: what happened, why it matters, what to do next.
//!
//! A sentence is whole: what it tells of stands in braces, `{like_this}`, and is filled in by [`fill`]. No sentence is
//! glued from parts, since other languages put them in another order. Another language is a folder beside [`en`].
//!
//! Three kinds of text are not here, by decision. What exactly is wrong at which byte (errors of the formats, findings of
//! a check, trace lines) stands beside the check that knows it, in English: it is what a technician looks up or sends to
//! somebody. Command lines are the same in every language, as is what the command line itself prints around them. And
//! what is written to a disk (the steps in a journal, the mark on an unfinished volume) is part of its format.

pub mod en;
mod fill;

pub use fill::{fill, plural};

/// A key and what it does, for the footer.
pub type KeyWord = (&'static str, &'static str);

//! The screen of what is wrong; the list itself is worked out anew from what is known.

/// The cursor in the list of what was found, and of what else can be tried.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Diagnosis {
    /// The chosen one.
    pub cursor: usize,
}

//! What is wrong, as far as a look tells, and what can be done about each of it.

/// The list of what was found, and the cursor in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Diagnosis {
    /// The chosen one.
    pub cursor: usize,
}

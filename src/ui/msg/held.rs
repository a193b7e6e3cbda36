//! Who holds a disk, as the worker tells it.

/// One holder of a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HolderView {
    /// What holds it, in words.
    pub words: String,
}

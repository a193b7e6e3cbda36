//! Shapes of FAT volumes.

use super::Shape;

/// Small enough for every run.
pub(crate) const SHAPES: &[Shape] = &[];

//! Changes of a volume, as patches: [`Edit`] for NTFS.

mod index;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fs::{Edit, Overlay};

/// Opens a volume for changes.
pub(super) fn open(_: Arc<Overlay>) -> Result<Box<dyn Edit>> {
    Err(Error::unsupported("changing NTFS"))
}

//! Kinds of volume that Lifeboat recognises, but images as raw sectors only.

use super::Kind;
use crate::device::SharedDevice;
use crate::error::Result;

/// The kinds whose signatures the device bears.
///
/// # Errors
/// When the device cannot be read.
pub fn recognise(_device: &SharedDevice) -> Result<Vec<Kind>> {
    Ok(Vec::new())
}

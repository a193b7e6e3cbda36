//! Reading an image by its index: header, chunks, and the volume as a device.

use std::path::Path;

use super::{Header, Trailer};
use crate::device::SharedDevice;
use crate::error::{Error, Result};

/// An open image file.
pub struct Image {
    header: Header,
    trailer: Trailer,
}

impl Image {
    /// Opens an image and its parts.
    ///
    /// # Errors
    /// When it is no image, or too damaged to find its header.
    pub fn open(path: &Path) -> Result<Self> {
        Err(Error::unsupported(format!("{}: not built yet", path.display())))
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The trailer.
    #[must_use]
    pub fn trailer(&self) -> &Trailer {
        &self.trailer
    }

    /// The image file's length with all its parts.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        0
    }

    /// What is damaged as far as opening it told, in sentences: a missing index, footer or part.
    #[must_use]
    pub fn damage(&self) -> &[String] {
        &[]
    }

    /// The volume in it as a device: used clusters from the chunks, all others zeros.
    ///
    /// # Errors
    /// When the index or the bitmap cannot be read.
    pub fn volume(&self) -> Result<SharedDevice> {
        Err(Error::unsupported("not built yet"))
    }
}

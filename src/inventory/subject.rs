//! What is looked into, file by file: an image file, an image inside a volume, or a volume on a disk. The bytes decide,
//! not the name.

use super::{Address, image_at, open_source};
use crate::error::{Error, Result};
use crate::fs::{self, FileSystem, Probe, Watch};
use crate::image::Image;

/// Opens the volume in an image or at an address.
///
/// # Errors
/// When it is neither, cannot be read, or holds no file system whose files Lifeboat can read; or the look is cancelled.
pub fn open_volume(address: &Address, watch: &dyn Watch) -> Result<Box<dyn FileSystem>> {
    if let Some(image) = named_image(address, watch)? {
        image.refuse_without_base()?;
        let kind = image.header().volume.kind;
        return fs::open(image.volume()?, kind);
    }
    let device = open_source(address)?.device;
    match fs::probe(&device)? {
        Probe::One(kind) => fs::open(device, kind),
        Probe::None => Err(Error::unsupported(format!("{address}: no file system that Lifeboat knows"))
            .advise("`lifeboat disks` shows the partitions there are; name one as PATH:N")),
        Probe::Ambiguous(kinds) => {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            Err(Error::refused(format!("{address}: signatures of {} at once; none is picked", kinds.join(" and "))))
        }
    }
}

/// The image that the address names; `None` when it names a disk.
///
/// # Errors
/// When it is an image that cannot be opened, or the look is cancelled.
pub fn named_image(address: &Address, watch: &dyn Watch) -> Result<Option<Image>> {
    if address.image().is_some() {
        return image_at(address, watch).map(Some);
    }
    let Address::Whole(path) = address else { return Ok(None) };
    if !path.is_file() {
        return Ok(None);
    }
    match Image::open(path) {
        Ok(image) => Ok(Some(image)),
        // A file that calls itself an image and cannot be opened as one is a damaged image, not a disk.
        Err(error) if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("lbi")) => Err(error),
        Err(_) => Ok(None),
    }
}

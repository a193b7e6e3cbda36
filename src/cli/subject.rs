//! What `ls`, `extract` and `check` look into: an image file, an image inside a volume, or a volume on a disk. The bytes
//! decide, not the name.

use crate::error::{Error, Result};
use crate::fs::check::Unwatched;
use crate::fs::{self, FileSystem, Probe};
use crate::image::Image;
use crate::inventory::{self, Address, open_source};
use crate::job::CheckSource;

/// Opens the volume in an image or at an address.
///
/// # Errors
/// When it is neither, cannot be read, or holds no file system whose files Lifeboat can read.
pub(super) fn open(address: &Address) -> Result<Box<dyn FileSystem>> {
    if let Some(image) = image(address)? {
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

/// The bytes of the volume in an image or at an address, whatever they are.
///
/// # Errors
/// When it is neither, or cannot be read.
pub(super) fn to_check(address: &Address, deep: bool) -> Result<CheckSource> {
    match image(address)? {
        Some(image) => {
            image.refuse_without_base()?;
            Ok(CheckSource { device: image.volume()?, mounted_at: Vec::new(), place: None, deep })
        }
        None => Ok(CheckSource { deep, ..open_source(address)?.into() }),
    }
}

/// The image that the address names; `None` when it names a disk.
fn image(address: &Address) -> Result<Option<Image>> {
    if address.image().is_some() {
        return inventory::image_at(address, &Unwatched).map(Some);
    }
    let Address::Whole(path) = address else { return Ok(None) };
    if !path.is_file() {
        return Ok(None);
    }
    match Image::open(path) {
        Ok(image) => Ok(Some(image)),
        // A file that calls itself an image and cannot be opened as one is a damaged image, not a disk.
        Err(error) if path.extension().is_some_and(|extension| extension == "lbi") => Err(error),
        Err(_) => Ok(None),
    }
}

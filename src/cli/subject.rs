//! What `ls` and `extract` look into: an image file, or a volume on a disk. The bytes decide, not the name.

use crate::error::{Error, Result};
use crate::fs::{self, FileSystem, Probe};
use crate::image::Image;
use crate::inventory::{Address, open_source};

/// Opens the volume in an image or at an address.
///
/// # Errors
/// When it is neither, cannot be read, or holds no file system whose files Lifeboat can read.
pub(super) fn open(address: &Address) -> Result<Box<dyn FileSystem>> {
    let Address::Whole(path) = address else { return volume(address) };
    if !path.is_file() {
        return volume(address);
    }
    match Image::open(path) {
        Ok(image) => {
            let kind = image.header().volume.kind;
            fs::open(image.volume()?, kind)
        }
        // A file that calls itself an image and cannot be opened as one is a damaged image, not a disk.
        Err(error) if path.extension().is_some_and(|extension| extension == "lbi") => Err(error),
        Err(_) => volume(address),
    }
}

fn volume(address: &Address) -> Result<Box<dyn FileSystem>> {
    let source = open_source(address)?;
    match fs::probe(&source.device)? {
        Probe::One(kind) => fs::open(source.device, kind),
        Probe::None => Err(Error::unsupported(format!("{address}: no file system that Lifeboat knows"))
            .advise("`lifeboat disks` shows the partitions there are; name one as PATH:N")),
        Probe::Ambiguous(kinds) => {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            Err(Error::refused(format!("{address}: signatures of {} at once; none is picked", kinds.join(" and "))))
        }
    }
}

//! Addresses: how a disk, a partition or a place is named, the same on every face.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Error, Result};

/// `PATH`, `PATH:N` or `PATH@BYTES`; each with `/NAME` for an image inside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// A whole device or file.
    Whole(PathBuf),
    /// Partition `N` of a disk.
    Partition(PathBuf, u32),
    /// The volume that begins at a byte that no table names.
    At(PathBuf, u64),
    /// The image of this name in the volume at an address.
    Inside(Box<Address>, String),
}

impl Address {
    /// The disk or file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Whole(path) | Self::Partition(path, _) | Self::At(path, _) => path,
            Self::Inside(volume, _) => volume.path(),
        }
    }

    /// The volume and the image in it, when this names one.
    #[must_use]
    pub fn image(&self) -> Option<(&Self, &str)> {
        match self {
            Self::Inside(volume, name) => Some((volume, name)),
            _ => None,
        }
    }
}

impl Address {
    /// A `/` behind this names an image: a part of a disk always, a path only when it leads to something that is no
    /// folder, since a missing file in a folder looks just like it.
    fn holds_images(&self) -> bool {
        match self {
            Self::Whole(path) => path.exists() && !path.is_dir(),
            Self::Partition(..) | Self::At(..) => true,
            Self::Inside(..) => false,
        }
    }
}

impl FromStr for Address {
    type Err = Error;

    /// A path that exists as it stands is taken whole, even when it ends in `:3`.
    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::refused("an empty address").advise("Write PATH, PATH:N or PATH@BYTES"));
        }
        if Path::new(text).exists() {
            return Ok(Self::Whole(text.into()));
        }
        if let Some((path, number)) = text.rsplit_once(':')
            && let Ok(number @ 1..) = number.parse()
            && !path.is_empty()
        {
            return Ok(Self::Partition(path.into(), number));
        }
        if let Some((path, at)) = text.rsplit_once('@')
            && let Ok(at) = at.parse()
            && !path.is_empty()
        {
            return Ok(Self::At(path.into(), at));
        }
        if let Some((volume, name)) = text.rsplit_once('/')
            && !name.is_empty()
            && let Ok(volume) = volume.parse::<Self>()
            && volume.holds_images()
        {
            return Ok(Self::Inside(Box::new(volume), name.into()));
        }
        Ok(Self::Whole(text.into()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(path) => write!(f, "{}", path.display()),
            Self::Partition(path, number) => write!(f, "{}:{number}", path.display()),
            Self::At(path, at) => write!(f, "{}@{at}", path.display()),
            Self::Inside(volume, name) => write!(f, "{volume}/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_it_is_shown() {
        for text in ["/dev/sdx9", "disk.img:1", "a:b.img:12", "disk.img@1048576", "disk.img:1/factory", "x:0", "x:y"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!("disk.img:3".parse::<Address>().unwrap(), Address::Partition("disk.img".into(), 3));
        assert_eq!("x:0".parse::<Address>().unwrap(), Address::Whole("x:0".into()));
        assert!("".parse::<Address>().is_err());
        let inside = |text: &str| text.parse::<Address>().unwrap().image().map(|(_, name)| name.to_owned());
        assert_eq!(inside("a/disk.img:1/factory").as_deref(), Some("factory"));
        assert_eq!(inside("disk.img@512/user-2").as_deref(), Some("user-2"));
        assert_eq!(inside("/nowhere/disk.img"), None);
        assert_eq!(inside("disk.img:1/"), None);
        assert_eq!(inside("/dev/null/factory").as_deref(), Some("factory"));
    }
}

//! Addresses: how a disk, a partition or a place is named, the same on every face.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Error, Result};

/// `PATH`, `PATH:N` or `PATH@BYTES`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// A whole device or file.
    Whole(PathBuf),
    /// Partition `N` of a disk.
    Partition(PathBuf, u32),
    /// The volume that begins at a byte that no table names.
    At(PathBuf, u64),
}

impl Address {
    /// The disk or file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Whole(path) | Self::Partition(path, _) | Self::At(path, _) => path,
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
        Ok(Self::Whole(text.into()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(path) => write!(f, "{}", path.display()),
            Self::Partition(path, number) => write!(f, "{}:{number}", path.display()),
            Self::At(path, at) => write!(f, "{}@{at}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_it_is_shown() {
        for text in ["/dev/sdx9", "disk.img:1", "a:b.img:12", "disk.img@1048576", "x:0", "x:y"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!("disk.img:3".parse::<Address>().unwrap(), Address::Partition("disk.img".into(), 3));
        assert_eq!("x:0".parse::<Address>().unwrap(), Address::Whole("x:0".into()));
        assert!("".parse::<Address>().is_err());
    }
}

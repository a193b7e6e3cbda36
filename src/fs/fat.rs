//! The fat driver.

use super::{Driver, FileSystem, Kind};
use crate::device::SharedDevice;
use crate::error::{Error, Result};

/// The driver.
pub const DRIVER: Driver = Driver { name: "fat", recognise, open };

fn recognise(_device: &SharedDevice) -> Result<Option<Kind>> {
    Ok(None)
}

fn open(_device: SharedDevice) -> Result<Box<dyn FileSystem>> {
    Err(Error::unsupported("not built yet"))
}

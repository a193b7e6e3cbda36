//! Whose the clusters are: [`Owners`] for NTFS.

use super::Volume;
use crate::error::{Error, Result};
use crate::extent::ExtentSet;
use crate::fs::{Owner, Owners, Watch};

impl Owners for Volume {
    fn owners(&self, _: &ExtentSet, _: &dyn Watch, _: &mut dyn FnMut(Owner)) -> Result<()> {
        Err(Error::unsupported("owners on NTFS"))
    }
}

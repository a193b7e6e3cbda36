//! Whether a volume is sound: [`Check`] for FAT.

use super::Volume;
use crate::error::{Error, Result};
use crate::fs::{Check, Finding, Watch};

impl Check for Volume {
    fn check(&self, _: &dyn Watch, _: &mut dyn FnMut(Finding)) -> Result<()> {
        Err(Error::unsupported("checking FAT"))
    }
}

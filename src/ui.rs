//! The wizard: a full-screen face on the same plans and jobs as the command line.

use std::path::PathBuf;

use crate::error::{Error, Result};

/// Where the wizard looks.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Disks named by the user; when there are none, all disks of this machine.
    pub disks: Vec<PathBuf>,
    /// Where image files are looked for and offered to be saved.
    pub images: Option<PathBuf>,
}

/// Runs the wizard until the user leaves it; the terminal is as before afterwards.
///
/// # Errors
/// When the terminal cannot be used.
pub fn run(_options: &Options) -> Result<u8> {
    Err(Error::unsupported("not built yet"))
}

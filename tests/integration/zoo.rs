//! Volumes of many shapes, made by other people's tools: what checks and edits are judged on.

use std::path::{Path, PathBuf};

use crate::oracle::sh;

pub(crate) mod ext;
pub(crate) mod fat;
pub(crate) mod ntfs;

/// A kind of volume: a name for messages, and the script that makes it.
pub(crate) struct Shape {
    /// What is special about it: "fat16-fragmented".
    pub(crate) name: &'static str,
    /// Makes it, by bash, as `$IMG` (which is not there yet), with `$DIR` to work in.
    pub(crate) script: &'static str,
}

impl Shape {
    /// Makes the volume in `dir`.
    pub(crate) fn make(&self, dir: &Path) -> PathBuf {
        let image = dir.join(format!("{}.img", self.name));
        sh(dir, &format!("IMG={}\nDIR={}\n{}", image.display(), dir.display(), self.script));
        image
    }
}

//! Planning a backup.

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::extent::ClusterMap;
use crate::fs::Anchors;
use crate::image::{Excluded, Kind};
use crate::inventory::{Address, Place};
use crate::unit::Grid;

use super::Plan;

/// Where an image goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ImageTarget {
    /// A file, and `.001`… beside it when split.
    File(PathBuf),
    /// Standard output.
    Pipe,
}

/// What the user asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct BackupRequest {
    /// The volume.
    pub source: Address,
    /// Where its image goes.
    pub target: ImageTarget,
    /// The image's name; else the volume's label or the file's stem.
    pub name: Option<String>,
    /// Factory or user image.
    pub kind: Kind,
    /// zstd level, 1 to 19.
    pub level: i32,
    /// Compressing threads; 0 = as many as there are processors.
    pub threads: usize,
    /// Patterns of files to leave out.
    pub exclude: Vec<String>,
    /// Leave out `pagefile.sys` and its like.
    pub default_excludes: bool,
    /// Go on although the volume is dirty, hibernated or has a journal to replay.
    pub even_if_dirty: bool,
    /// Bytes in a part.
    pub split: Option<u64>,
    /// Read the image back.
    pub verify: bool,
}

impl BackupRequest {
    /// A plain request: user image, level 3, all processors, default excludes, read-back.
    #[must_use]
    pub fn new(source: Address, target: ImageTarget) -> Self {
        Self {
            source,
            target,
            name: None,
            kind: Kind::User,
            level: 3,
            threads: 0,
            exclude: Vec::new(),
            default_excludes: true,
            even_if_dirty: false,
            split: None,
            verify: true,
        }
    }
}

/// What was found at the source and the target, for planning.
#[derive(Clone, Debug)]
pub struct BackupSurvey {
    /// Where the volume lies.
    pub place: Place,
    /// The volume; `kind` is `Unknown` and alike for raw imaging.
    pub summary: crate::fs::Summary,
    /// How it is cut.
    pub grid: Grid,
    /// The clusters to keep, excluded files' already cleared. All of them for raw imaging.
    pub used: Arc<ClusterMap>,
    /// What a restore must treat specially.
    pub anchors: Anchors,
    /// The files left out.
    pub excluded: Vec<Excluded>,
    /// Stored over raw bytes, from samples; between 0 and 1.
    pub ratio: f64,
    /// Free bytes where the image goes; `None` for a pipe.
    pub free: Option<u64>,
}

/// What the worker needs for a backup.
#[derive(Clone, Debug)]
pub struct BackupWork {
    /// The request.
    pub request: BackupRequest,
    /// What was found.
    pub survey: BackupSurvey,
}

/// Plans a backup.
///
/// # Errors
/// A refusal, with its numbers and what to do instead.
pub fn backup(request: &BackupRequest, _survey: BackupSurvey) -> Result<Plan> {
    Err(Error::unsupported(format!("{}: not built yet", request.source)))
}

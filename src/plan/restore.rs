//! Planning a restore.

use std::path::PathBuf;

use super::Plan;
use crate::error::{Error, Result};
use crate::image::Header;
use crate::inventory::{Address, Place};

/// Where an image comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ImageSource {
    /// A file, and `.001`… beside it.
    File(PathBuf),
    /// Standard input, read once from start to end.
    Pipe,
}

/// What the user asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct RestoreRequest {
    /// The image.
    pub image: ImageSource,
    /// Where it goes.
    pub target: Address,
    /// Do not verify the image before touching the target.
    pub trust: bool,
    /// Read the target back.
    pub verify: bool,
    /// Restore what is whole of a damaged image.
    pub keep_going: bool,
    /// Zero the target's unused clusters.
    pub zero_free: bool,
    /// Discard (TRIM) the target's unused clusters.
    pub discard: bool,
    /// Decompressing threads; 0 = as many as there are processors.
    pub threads: usize,
}

impl RestoreRequest {
    /// A plain request: verify first, read back, leave unused clusters alone.
    #[must_use]
    pub fn new(image: ImageSource, target: Address) -> Self {
        Self {
            image,
            target,
            trust: false,
            verify: true,
            keep_going: false,
            zero_free: false,
            discard: false,
            threads: 0,
        }
    }
}

/// What was found in the image and at the target, for planning.
#[derive(Clone, Debug)]
pub struct RestoreSurvey {
    /// The image's header.
    pub header: Header,
    /// The image's length in bytes; `None` for a pipe.
    pub image_bytes: Option<u64>,
    /// What damage is known already (no footer, no index), in sentences.
    pub damage: Vec<String>,
    /// Where it goes.
    pub place: Place,
    /// What is there now, in words ("ntfs "Windows", 12.0 GiB used").
    pub occupant: Option<String>,
}

/// What the worker needs for a restore.
#[derive(Clone, Debug)]
pub struct RestoreWork {
    /// The request.
    pub request: RestoreRequest,
    /// What was found.
    pub survey: RestoreSurvey,
}

/// Plans a restore.
///
/// # Errors
/// A refusal, with its numbers and what to do instead.
pub fn restore(request: &RestoreRequest, _survey: RestoreSurvey) -> Result<Plan> {
    Err(Error::unsupported(format!("{}: not built yet", request.target)))
}

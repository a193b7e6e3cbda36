//! Whether a container is sound, before it is changed and afterwards: by its tables, its files and what opening its
//! images tells. The digests of what an image holds are not read again: the new image's were when it was read back,
//! and those of the others are none of the change's business; `lifeboat verify` reads them.
//!
//! Of what is wrong, a change mends what it writes anew: every table of contents. It leaves a damaged image as it is,
//! which must not keep anybody from making one that is whole. What it may not do is destroy what is left of one: an
//! image that is no file any more lies in clusters that are free, and the change would write into them.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::fs::{Finding, Severity};
use crate::inventory::{Address, Container, FoundBy, FoundImage};
use crate::job::{Monitor, check};
use crate::words::{en, fill};

/// By what a finding is known again when the container has changed meanwhile: its rule, and whose it is.
type Known = (&'static str, String);

/// What is wrong with a container: what is only worth knowing left out.
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    /// Looks at a container; there is nothing wrong with none.
    ///
    /// # Errors
    /// When the look is cancelled.
    pub(super) fn of(container: Option<&Container>, monitor: &Monitor) -> Result<Self> {
        let mut list = match container {
            Some(container) => check::container(container, false, monitor)?,
            None => Vec::new(),
        };
        list.retain(|finding| finding.severity > Severity::Note);
        Ok(Self(list))
    }

    fn known(finding: &Finding) -> Known {
        (finding.rule, finding.path.clone().unwrap_or_else(|| finding.message.clone()))
    }

    /// All of them, as sentences.
    pub(super) fn sentences(&self) -> Vec<String> {
        let what = |finding: &Finding| match &finding.path {
            Some(path) => format!("{path}: {}", finding.message),
            None => finding.message.clone(),
        };
        self.0.iter().map(|finding| fill(en::CAUTION_CONTAINER, &[("what", &what(finding))])).collect()
    }

    /// What a change must not have left behind: all that was not so before. Gives what is as it was, as sentences.
    ///
    /// # Errors
    /// When something is.
    pub(super) fn since(self, before: &Self) -> Result<Vec<String>> {
        let old: BTreeSet<Known> = before.0.iter().map(Self::known).collect();
        match self.0.iter().find(|finding| !old.contains(&Self::known(finding))) {
            None => Ok(self.sentences()),
            Some(new) => {
                let path = new.path.as_ref().map(|path| format!(" ({path})")).unwrap_or_default();
                Err(Error::damaged(format!(
                    "the container is not what the job was to make of it: {}{path}",
                    new.message
                )))
            }
        }
    }
}

/// True when an image is a file of the volume; else it lies in clusters that the file system gives away.
pub(super) fn is_file(image: &FoundImage) -> bool {
    image.found_by == FoundBy::FileSystem
}

/// Refuses to write beside images that are no files any more.
///
/// # Errors
/// `Refused`, with what to do about them.
pub(super) fn refuse_lost(container: Option<&Container>, volume: &Address) -> Result<()> {
    let lost = container.into_iter().flat_map(|container| &container.images).filter(|image| !is_file(image));
    let names: Vec<&str> = lost.map(|image| image.record.name.as_str()).collect();
    let Some(first) = names.first() else { return Ok(()) };
    Err(Error::refused(format!(
        "the container inside {volume} lists images that are no files any more: {}. Their clusters are free, and would be written to",
        names.join(", ")
    ))
    .advise(format!(
        "Get what is left of each out with `lifeboat export {volume}/{first} --to FILE`, then let go of it with `lifeboat drop {volume}/{first}`"
    )))
}

/// Refuses a base that is not whole any more.
///
/// # Errors
/// `Refused`, with what is wrong with it.
pub(super) fn refuse_base(container: &Container, id: uuid::Uuid) -> Result<()> {
    let found = container.images.iter().find(|image| image.record.image_id == id);
    let Some(damage) = found.and_then(|image| image.damage.first()) else { return Ok(()) };
    Err(Error::refused(format!("an image that is to store only what differs from it would be worth nothing: {damage}"))
        .advise("Plan anew: it will be based on another one, or on none"))
}

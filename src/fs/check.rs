//! The ability to say whether a volume is sound.
//!
//! A check reads, and never writes; repairing is left to the file system's own tools. It reads the metadata once, in
//! order where that can be had, and holds in memory what is stated at each driver's `check` module: at most 2 GiB on
//! a volume of 16 TiB.

use std::fmt;

use serde::Serialize;

use crate::error::{Error, Kind as ErrorKind, Result};
use crate::unit::ByteOffset;

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; the volume is as it should be.
    Note,
    /// Not as it should be, and harmless: nothing is lost, and the file system works on it (a free count that is
    /// off, a dirty bit). What the file system's own checker would merely tidy.
    Warning,
    /// The volume contradicts itself: data is lost or in danger until it is repaired.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Where a finding is: as much of it as is known.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Spot {
    /// The byte of the volume.
    pub offset: Option<ByteOffset>,
    /// The cluster **as the file system's own tools number it** (FAT from 2 on; ext: the block).
    pub cluster: Option<u64>,
}

/// One thing that is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Which rule of the format it breaks, for tests and for searching: `fat.chain.crossed`.
    pub rule: &'static str,
    /// Where.
    pub place: Spot,
    /// Whose it is, when that is known: the path of a file or directory from the volume's root.
    pub path: Option<String>,
    /// What was expected and what was found, as a sentence without full stop.
    pub message: String,
}

impl Finding {
    fn new(severity: Severity, rule: &'static str, message: impl Into<String>) -> Self {
        Self { severity, rule, place: Spot::default(), path: None, message: message.into() }
    }

    /// A contradiction.
    pub fn error(rule: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, rule, message)
    }

    /// Something untidy.
    pub fn warning(rule: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, rule, message)
    }

    /// Something worth knowing.
    pub fn note(rule: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, rule, message)
    }

    /// At this byte of the volume.
    #[must_use]
    pub fn at(mut self, offset: ByteOffset) -> Self {
        self.place.offset = Some(offset);
        self
    }

    /// In this cluster, as the file system's own tools number it.
    #[must_use]
    pub fn in_cluster(mut self, cluster: u64) -> Self {
        self.place.cluster = Some(cluster);
        self
    }

    /// Of this file or directory.
    #[must_use]
    pub fn of(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// What was read contradicts itself, as a reader said.
    ///
    /// # Errors
    /// The reader's error itself, when the medium failed, it was cancelled, or the volume is beyond what Lifeboat
    /// handles: none of these tells whether the volume is sound.
    pub fn from_error(rule: &'static str, error: Error) -> Result<Self> {
        match error.kind() {
            ErrorKind::Corrupt => {
                let finding = Self::error(rule, error.without_advice());
                Ok(match error.place() {
                    Some(place) => finding.at(place),
                    None => finding,
                })
            }
            _ => Err(error),
        }
    }
}

/// Who watches a long look, and may end it.
pub trait Watch: Sync {
    /// So much of so much is done, in a unit of the phase's own, which is named for the user ("Reading inodes").
    /// Called often: must be cheap.
    fn advance(&self, phase: &'static str, done: u64, total: u64);

    /// Waits while paused, and ends the look once it was cancelled.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`].
    fn proceed(&self) -> Result<()>;
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn advance(&self, _: &'static str, _: u64, _: u64) {}

    fn proceed(&self) -> Result<()> {
        Ok(())
    }
}

/// A volume that can be checked.
pub trait Check: Send + Sync {
    /// Looks at all metadata once and tells every finding as it is found. However damaged the volume is, the number
    /// of findings and the memory stay bounded ([`Findings`] keeps the first of very many).
    ///
    /// # Errors
    /// When the medium cannot be read, the look is cancelled, or the volume has features that Lifeboat does not
    /// know; never because the volume is damaged.
    fn check(&self, watch: &dyn Watch, see: &mut dyn FnMut(Finding)) -> Result<()>;
}

/// What a check found, kept within bounds.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Findings {
    /// The findings, worst first once [`finish`](Self::finish) was called; no more than [`Self::MAX_KEPT`].
    #[serde(rename = "findings")]
    pub list: Vec<Finding>,
    /// How many errors there were, kept or not.
    pub errors: u64,
    /// How many warnings.
    pub warnings: u64,
    /// How many notes.
    pub notes: u64,
}

impl Findings {
    /// More are counted, and not kept: a volume whose inode table was zeroed has one for every file.
    pub const MAX_KEPT: usize = 10_000;

    /// Takes one.
    pub fn add(&mut self, finding: Finding) {
        match finding.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
            Severity::Note => self.notes += 1,
        }
        if self.list.len() < Self::MAX_KEPT {
            self.list.push(finding);
        }
    }

    /// Sorts them, worst first, in the order found.
    pub fn finish(&mut self) {
        self.list.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    }

    /// True without errors.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.errors == 0
    }
}

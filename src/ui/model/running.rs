//! A job under way, and how the last one ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::job::{Pictures, Progress, Report};

use super::super::diagnosis::{Wrong, findings};
use super::super::input::Input;
use super::super::msg::Ticket;
use super::super::rate::Samples;
use super::{Model, Trouble};

/// Which job is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Job {
    Backup,
    Restore,
    Verify,
    Check,
    Resume,
    /// An image is made inside a volume.
    Inside,
    /// Images inside a volume are dropped or put in order.
    Keep,
    Export,
    Search,
    /// A recovery partition is renewed.
    Renew,
    /// Files are copied out of a volume or image.
    Extract,
}

/// A job under way.
#[derive(Clone, PartialEq, Debug)]
pub struct Running {
    /// Which.
    pub job: Job,
    /// What it does, in one line.
    pub headline: String,
    /// The command line that does the same, where a plan was shown.
    pub command: Option<String>,
    /// The volume that it works on, and what becomes of it.
    pub pictures: Arc<Pictures>,
    /// The folder that it writes an image file to.
    pub folder: Option<PathBuf>,
    /// "What is wrong" led to it.
    pub from_diagnosis: bool,
    /// How far it is.
    pub progress: Progress,
    /// How fast.
    pub samples: Samples,
    /// When it began.
    pub began: Duration,
    /// "Really cancel?" is being asked.
    pub asking: bool,
    /// The line of the log at the top of its pane; `None` when the newest is followed.
    pub log_top: Option<usize>,
}

/// How a job ended.
#[derive(Clone, PartialEq, Debug)]
pub struct Ended {
    /// The worker's words.
    pub report: Report,
    /// What it was to do, in one line.
    pub headline: String,
    /// The command line that does the same, where a plan was shown.
    pub command: Option<String>,
    /// "What is wrong" led to it.
    pub from_diagnosis: bool,
    /// It was to bring something in order: what is still wrong matters now.
    pub mended: bool,
    /// What happened meanwhile, oldest first.
    pub log: Vec<String>,
    /// How long it took.
    pub took: Duration,
    /// The path being typed to save this to.
    pub saving: Option<Saving>,
    /// Where this was saved.
    pub saved: Option<PathBuf>,
}

impl Ended {
    /// The end of what left nothing but a report.
    #[must_use]
    pub fn new(report: Report) -> Self {
        Self {
            report,
            headline: String::new(),
            command: None,
            from_diagnosis: false,
            mended: false,
            log: Vec::new(),
            took: Duration::ZERO,
            saving: None,
            saved: None,
        }
    }
}

/// Where a report shall be saved.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Saving {
    /// The path, as far as it is typed.
    pub path: Input,
    /// It is being written.
    pub waiting: Option<Ticket>,
    /// Why it could not be.
    pub problem: Option<Trouble>,
}

/// Why a report leads to what is wrong, and not to the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Onward {
    /// The user came from there.
    CameFrom,
    /// The look after the job has found something that keeps a computer from starting.
    StillWrong,
}

impl Model {
    /// Where the report of the last job leads: to what is wrong, and why; `None`: to the start.
    #[must_use]
    pub fn onward(&self) -> Option<Onward> {
        let ended = self.ended.as_ref()?;
        let is_known = self.disks.looking.is_none() && self.interrupted.seeking.is_none() && !self.interrupted.wanted;
        // What helps a disk that cannot be read is not here, but at its cable.
        let calls = |wrong: Wrong| wrong.is_grave() && wrong != Wrong::DiskUnreadable;
        if ended.mended && is_known && findings(self).iter().any(|finding| calls(finding.wrong)) {
            return Some(Onward::StillWrong);
        }
        ended.from_diagnosis.then_some(Onward::CameFrom)
    }
}

//! How a job ended.

use serde::Serialize;

use crate::error::{Error, Kind};
use crate::unit::ByteLen;
use crate::words::{en, fill};

/// The outcomes there are. Nothing but `Done` is called a success.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All of it, proven.
    Done,
    /// Done, but the user must know something.
    DoneWithWarnings,
    /// Not done.
    Failed,
    /// Not begun; nothing was written.
    Refused,
    /// Stopped at the user's wish.
    Cancelled,
}

impl Outcome {
    /// The process's exit code: 0 done, 1 failed, 3 refused, 4 done with warnings, 130 cancelled.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Refused => 3,
            Self::DoneWithWarnings => 4,
            Self::Cancelled => 130,
        }
    }
}

/// How a job ended, in words.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Which way.
    pub outcome: Outcome,
    /// In one sentence.
    pub headline: String,
    /// Name and value pairs, in order: bytes, digests, files, time.
    pub facts: Vec<(String, String)>,
    /// What the user must know: bad clusters, damaged files.
    pub warnings: Vec<String>,
    /// What to do next.
    pub next: Vec<String>,
}

impl Report {
    /// The report of a job that ended with an error.
    #[must_use]
    pub fn failed(error: &Error) -> Self {
        let outcome = match error.kind() {
            Kind::Cancelled => Outcome::Cancelled,
            Kind::Refused => Outcome::Refused,
            Kind::Io | Kind::Corrupt | Kind::Unsupported => Outcome::Failed,
        };
        Self {
            outcome,
            headline: error.without_advice(),
            facts: Vec::new(),
            warnings: Vec::new(),
            next: error.advice().map(str::to_owned).into_iter().collect(),
        }
    }
}

/// So many bytes, as a size and to the byte.
pub(super) fn exact(bytes: u64) -> String {
    fill(en::VALUE_EXACT, &[("size", &ByteLen(bytes)), ("bytes", &bytes)])
}

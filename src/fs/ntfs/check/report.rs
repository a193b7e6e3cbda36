//! Findings, with the paths of the files they are about, within bounds.

use std::collections::BTreeMap;

use super::super::Volume;
use super::super::scan::{Paths, lone};
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::fs::{Finding, Severity};

/// Findings of one rule that are told one by one: each may cost a walk to the root for its path. The rest is counted.
const MOST_OF_A_RULE: u64 = 500;

/// Where findings go.
pub(super) struct Report<'a> {
    see: &'a mut dyn FnMut(Finding),
    told: BTreeMap<(&'static str, Severity), u64>,
    paths: Paths<'a>,
}

impl<'a> Report<'a> {
    pub(super) fn new(volume: &'a Volume, see: &'a mut dyn FnMut(Finding)) -> Self {
        Self { see, told: BTreeMap::new(), paths: Paths::new(volume) }
    }

    /// True while findings of this rule are still told, which is so for the first of them.
    fn count(&mut self, finding: &Finding) -> bool {
        let told = self.told.entry((finding.rule, finding.severity)).or_insert(0);
        *told += 1;
        *told <= MOST_OF_A_RULE
    }

    /// Tells a finding.
    pub(super) fn tell(&mut self, finding: Finding) {
        if self.count(&finding) {
            (self.see)(finding);
        }
    }

    /// Tells a finding about the file with this base record.
    pub(super) fn of(&mut self, file: u64, finding: Finding) {
        if self.count(&finding) {
            let path = self.paths.of(file);
            // A record without a path is named by the message.
            (self.see)(if path == lone(file) { finding } else { finding.of(path) });
        }
    }

    /// Tells that something could not be read, because the volume contradicts itself.
    ///
    /// # Errors
    /// The error itself, when the medium failed or the check was cancelled.
    pub(super) fn error(&mut self, rule: &'static str, error: Error) -> Result<()> {
        let finding = Self::finding(rule, error)?;
        self.tell(finding);
        Ok(())
    }

    /// The same, about a file.
    ///
    /// # Errors
    /// As [`error`](Self::error).
    pub(super) fn error_of(&mut self, file: u64, rule: &'static str, error: Error) -> Result<()> {
        let finding = Self::finding(rule, error)?;
        self.of(file, finding);
        Ok(())
    }

    /// What a damaged field makes of metadata (encrypted, say) counts as damage, not as a limit of ours.
    fn finding(rule: &'static str, error: Error) -> Result<Finding> {
        match error.kind() {
            ErrorKind::Unsupported => Ok(Finding::error(rule, error.without_advice())),
            _ => Finding::from_error(rule, error),
        }
    }

    /// Tells how many findings of each rule were only counted.
    pub(super) fn finish(&mut self) {
        let more = self.told.iter().filter(|(_, told)| **told > MOST_OF_A_RULE);
        for ((rule, severity), told) in more {
            let message = format!("{} more of this kind ({rule})", told - MOST_OF_A_RULE);
            (self.see)(match severity {
                Severity::Error => Finding::error(rule, message),
                Severity::Warning => Finding::warning(rule, message),
                Severity::Note => Finding::note(rule, message),
            });
        }
    }
}

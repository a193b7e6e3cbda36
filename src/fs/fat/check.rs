//! Whether a volume is sound: [`Check`] for FAT.
//!
//! In this order: [`boot`] looks at the boot sector, its backup and its label, [`fats`] compares the copies of the
//! FAT, [`directories`] walks over all directories and claims every chain, with [`entry`] for what stands in an entry
//! and [`long`] for what stands before it; at last [`fats`] looks for clusters that nobody claimed, and [`boot`] at FSInfo.
//! [`crossed`] walks once more where two chains meet, to tell whose the other one is.
//!
//! **Memory** is that of the [walk](super::walk) (32 MiB of marks for 2^28 clusters, at most 64 MiB of the FAT, some
//! 32 MiB of directories) and, for the directory that is looked at, its short names and a digest of its long ones
//! (65,536 at most: some 3 MiB). So 160 MiB are enough for any volume, whatever it holds. Each FAT is read twice at
//! most, and each directory once (twice when chains are crossed).
//!
//! **Severity.** An error is what `fsck.fat -n` (dosfstools 4.2) ends with 1 for, but for what it merely tidies and
//! what takes nothing from anyone: dirty bits, the counts in FSInfo, a label that is not the same in both places. These
//! are warnings, and so is what Windows would not write and everybody reads. Some damage `fsck.fat` does not see, and
//! is an error here; the table of the test `check_fat` has each such difference with its reason.
//!
//! The rules are those of Microsoft's *FAT: General Overview of On-Disk Format* (fatgen103), unless another source is
//! named where a rule is used.

mod boot;
mod crossed;
mod directories;
mod entry;
mod fats;
mod long;

use std::collections::HashMap;

use self::directories::Directories;
use super::Volume;
use super::boot::Root;
use super::walk::Claims;
use crate::error::Result;
use crate::fs::{Check, Finding, Severity, Watch};

/// Findings of one rule that are told; the rest is counted. A volume whose FAT was zeroed breaks one rule for each file.
const MAX_OF_A_RULE: u64 = 1000;
/// Longer paths are cut in findings: a damaged volume may have directories in directories a thousand times.
const MAX_PATH_BYTES: usize = 2048;

/// Passes findings on, and not too many of them.
struct Report<'a> {
    see: &'a mut dyn FnMut(Finding),
    counts: HashMap<&'static str, (u64, Severity)>,
}

impl<'a> Report<'a> {
    fn new(see: &'a mut dyn FnMut(Finding)) -> Self {
        Self { see, counts: HashMap::new() }
    }

    fn add(&mut self, finding: Finding) {
        let (count, severity) = self.counts.entry(finding.rule).or_insert((0, finding.severity));
        *count += 1;
        *severity = finding.severity.max(*severity);
        if *count <= MAX_OF_A_RULE {
            (self.see)(finding);
        }
    }

    /// Says how many findings were not told.
    fn finish(self) {
        let mut cut: Vec<_> = self.counts.into_iter().filter(|(_, (count, _))| *count > MAX_OF_A_RULE).collect();
        cut.sort_unstable_by_key(|(rule, _)| *rule);
        for (rule, (count, severity)) in cut {
            let message = format!("{} more findings of this rule are not listed", count - MAX_OF_A_RULE);
            (self.see)(match severity {
                Severity::Error => Finding::error(rule, message),
                Severity::Warning => Finding::warning(rule, message),
                Severity::Note => Finding::note(rule, message),
            });
        }
    }
}

/// A path as findings show it.
fn shown(directory: &str, name: &str) -> String {
    let mut from = (directory.len() + name.len()).saturating_sub(MAX_PATH_BYTES).min(directory.len());
    while !directory.is_char_boundary(from) {
        from += 1;
    }
    let cut = if from > 0 { "…" } else { "" };
    format!("{cut}{}{name}", &directory[from..])
}

impl Check for Volume {
    fn check(&self, watch: &dyn Watch, see: &mut dyn FnMut(Finding)) -> Result<()> {
        let mut report = Report::new(see);
        let boot = boot::check(self, &mut report)?;
        fats::compare(self, watch, &mut report)?;
        if self.table.plausible {
            fats::check_state(self, &mut report)?;
            let mut claims = Claims::new(&self.table);
            let mut directories = Directories::new(self, watch, &mut report);
            let root = match self.boot.root {
                Root::Region { .. } => Some(Vec::new()),
                Root::Chain(start) => directories.claim_root(start, &mut claims)?,
            };
            if let Some(root) = root {
                self.walk(root, &mut claims, watch, &mut directories)?;
                let (label, crossings) = directories.finish();
                boot::check_label(self, label, &mut report);
                crossings.tell(self, watch, &mut report)?;
            }
            let free = fats::check_claims(self, &claims, watch, &mut report)?;
            boot::check_info(self, &boot, free, &mut report)?;
        }
        report.finish();
        Ok(())
    }
}

//! `lifeboat extract`: files out of an image or a volume.

use std::sync::Arc;

use super::arguments::Extract;
use super::console::{Console, facts};
use super::progress;
use crate::job::{self, ExtractRequest, Extracted, Monitor, Outcome, PROBLEM_SIGN};

/// Extracts, and says how that ended.
pub(super) fn run(command: &Extract) -> u8 {
    let console = Console::new(command.json);
    let request = ExtractRequest {
        subject: command.subject.clone(),
        paths: command.paths.clone(),
        to: command.to.clone(),
        overwrite: command.overwrite,
    };
    let monitor = Arc::new(Monitor::new());
    let result = progress::watch(&monitor, |monitor| job::extract(&request, monitor));
    match result {
        Ok(Ok(extracted)) => {
            warn(&console, extracted.warnings.iter().map(String::as_str));
            finish(&console, command, &extracted)
        }
        Ok(Err(error)) | Err(error) => {
            // What is missing is said also when it did not come to its end.
            warn(&console, monitor.sample().log.iter().filter_map(|entry| entry.strip_prefix(PROBLEM_SIGN)));
            console.error(&error)
        }
    }
}

fn warn<'a>(console: &Console, warnings: impl Iterator<Item = &'a str>) {
    for warning in warnings {
        console.say(&format!("lifeboat: warning: {}", warning.trim_start()));
    }
}

fn finish(console: &Console, command: &Extract, extracted: &Extracted) -> u8 {
    if console.json() {
        let warnings = extracted.warnings.iter().map(|warning| super::words::clean(warning)).collect();
        console.document(&Extracted { warnings, ..extracted.clone() });
        return extracted.outcome.exit_code();
    }
    console.line(match extracted.outcome {
        Outcome::Done => "Done.",
        Outcome::DoneWithWarnings => "Done with warnings: what is named above is missing.",
        _ => "Nothing was extracted.",
    });
    for line in facts(&extracted.facts(&command.to)) {
        console.line(&line);
    }
    extracted.outcome.exit_code()
}

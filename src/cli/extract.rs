//! `lifeboat extract`: files out of an image or a volume.

use std::sync::Arc;

use super::arguments::Extract;
use super::console::{Console, facts};
use super::progress;
use crate::job::{self, ExtractRequest, Extracted, Monitor, Outcome};

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
    // Its only events are its warnings; they are said also when it did not come to its end.
    for warning in monitor.sample().log {
        console.say(&format!("lifeboat: warning: {warning}"));
    }
    match result {
        Ok(Ok(extracted)) => finish(&console, command, &extracted),
        Ok(Err(error)) | Err(error) => console.error(&error),
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

//! Where the command line speaks: results to standard output, the rest to standard error, and one JSON
//! document instead of words when asked.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use super::table::Columns;
use super::words::clean;
use crate::error::{Error, Kind};
use crate::job::{Outcome, Report};

/// The two outputs.
pub(super) struct Console {
    json: bool,
    /// Standard output carries an image: everything else goes to standard error.
    output_taken: bool,
}

impl Console {
    /// A console that prints words, or one JSON document.
    pub(super) fn new(json: bool) -> Self {
        Self { json, output_taken: false }
    }

    /// The same, with standard output left to an image.
    pub(super) fn beside_an_image(json: bool) -> Self {
        Self { json, output_taken: true }
    }

    /// True when a JSON document was asked for instead of words.
    pub(super) fn json(&self) -> bool {
        self.json
    }

    /// A line of the result. Words from disks are made harmless.
    pub(super) fn line(&self, text: &str) {
        let text = clean(text);
        // Whoever closed the other end of the pipe does not want to read on.
        let _ = if self.output_taken {
            writeln!(std::io::stderr(), "{text}")
        } else {
            writeln!(std::io::stdout(), "{text}")
        };
    }

    /// A line beside the result.
    pub(super) fn say(&self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{}", clean(text));
    }

    /// The one JSON document.
    pub(super) fn document(&self, document: &impl Serialize) {
        // Plain data with string keys always has a JSON form.
        let text = serde_json::to_string_pretty(document).unwrap_or_default();
        let _ = if self.output_taken {
            writeln!(std::io::stderr(), "{text}")
        } else {
            writeln!(std::io::stdout(), "{text}")
        };
    }

    /// Says what went wrong, in words and, when asked for, as a document; gives the exit code that fits.
    pub(super) fn error(&self, error: &Error) -> u8 {
        tracing::error!("{error}");
        self.say(&format!("lifeboat: {error}"));
        if self.json {
            let (kind, code) = class(error.kind());
            let whole = error.to_string();
            let advice = error.advice();
            let message = advice.and_then(|advice| whole.strip_suffix(&format!(". {advice}"))).unwrap_or(&whole);
            self.document(&serde_json::json!({
                "error": { "kind": kind, "message": message, "advice": advice }
            }));
            return code;
        }
        class(error.kind()).1
    }

    /// Says how a job ended; gives its exit code.
    pub(super) fn report(&self, report: &Report) -> u8 {
        self.report_as(report, report)
    }

    /// The same, with a document that says more than the report.
    pub(super) fn report_as(&self, report: &Report, document: &impl Serialize) -> u8 {
        tracing::info!(?report, "the job has ended");
        if self.json {
            self.document(document);
        }
        if matches!(report.outcome, Outcome::Failed | Outcome::Refused | Outcome::Cancelled) {
            self.say(&format!("lifeboat: {}", report.headline));
            for line in body(report) {
                self.say(&line);
            }
        } else if !self.json {
            let outcome = match report.outcome {
                Outcome::DoneWithWarnings => "Done with warnings",
                _ => "Done",
            };
            self.line(&format!("{outcome}. {}", report.headline));
            for line in body(report) {
                self.line(&line);
            }
        }
        report.outcome.exit_code()
    }
}

/// True for a terminal that somebody looks at.
pub(super) fn is_terminal(stream: &impl IsTerminal) -> bool {
    stream.is_terminal()
}

/// Name and value pairs, lined up.
pub(super) fn facts(facts: &[(String, String)]) -> Vec<String> {
    let mut columns = Columns::default();
    for (name, value) in facts {
        columns.row([format!("  {}", clean(name)), clean(value)]);
    }
    columns.lines(&[])
}

fn body(report: &Report) -> Vec<String> {
    let mut lines = facts(&report.facts);
    lines.extend(report.warnings.iter().map(|warning| format!("  warning: {warning}")));
    // An error's headline already ends with what to do next.
    lines.extend(report.next.iter().filter(|next| !report.headline.ends_with(*next)).map(|next| format!("  {next}")));
    lines
}

fn class(kind: Kind) -> (&'static str, u8) {
    match kind {
        Kind::Io => ("io", 1),
        Kind::Corrupt => ("corrupt", 1),
        Kind::Unsupported => ("unsupported", 1),
        Kind::Refused => ("refused", 3),
        Kind::Cancelled => ("cancelled", 130),
    }
}

//! `lifeboat check`: whether a volume is sound.

use std::sync::Arc;

use super::arguments::Check;
use super::console::Console;
use super::progress;
use crate::error::Result;
use crate::job::{self, CheckSource, Checked, Monitor};

/// Checks, and says what was found.
pub(super) fn run(command: &Check) -> u8 {
    let console = Console::new(command.json);
    let monitor = Arc::new(Monitor::new());
    match progress::watch(&monitor, |monitor| check(command, monitor)) {
        Ok(Ok(checked)) => tell(&console, command, &checked),
        Ok(Err(error)) | Err(error) => console.error(&error),
    }
}

fn check(command: &Check, monitor: &Monitor) -> Result<Checked> {
    job::check(&CheckSource::open(&command.source, command.deep, monitor)?, monitor)
}

fn tell(console: &Console, command: &Check, checked: &Checked) -> u8 {
    let report = checked.report(&command.source.to_string());
    tracing::info!(?report, "checked");
    if console.json() {
        console.document(checked);
        return report.outcome.exit_code();
    }
    console.line(&report.headline);
    for line in report.warnings.iter().chain(&report.next) {
        console.line(&format!("  {line}"));
    }
    report.outcome.exit_code()
}

//! `lifeboat export`: an image from inside a volume becomes a file.

use std::sync::Arc;

use super::arguments::Export;
use super::console::Console;
use super::progress;
use crate::job::{self, ExportRequest, Monitor};

/// Exports, and says how that ended.
pub(super) fn run(command: &Export) -> u8 {
    let console = Console::new(command.json);
    let monitor = Arc::new(Monitor::new());
    let request = ExportRequest { image: command.image.clone(), target: command.to.clone(), split: command.split };
    match progress::watch(&monitor, |monitor| job::export(&request, monitor)) {
        Ok(report) => console.report(&report),
        Err(error) => console.error(&error),
    }
}

//! `lifeboat verify`: reads a whole image against its digests.

use std::sync::Arc;

use super::arguments::Verify;
use super::console::Console;
use super::progress;
use crate::job::{self, Monitor};

/// Verifies, and says how that ended.
pub(super) fn run(command: &Verify) -> u8 {
    let console = Console::new(command.json);
    let monitor = Arc::new(Monitor::new());
    match progress::watch(&monitor, |monitor| job::verify_address(&command.image, monitor)) {
        Ok(report) => console.report(&report),
        Err(error) => console.error(&error),
    }
}

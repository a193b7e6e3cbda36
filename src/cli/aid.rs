//! `lifeboat aid`: what leads to the images inside is kept elsewhere, and used with `--aid`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arguments::{Aid, Command};
use super::consent::{self, Consent};
use super::console::Console;
use super::{USAGE, complain_usage, progress};
use crate::error::Result;
use crate::inventory;
use crate::job::{self, Monitor};
use crate::plan::AidRequest;

/// Makes the file or the partition.
pub(super) fn run(command: &Aid) -> u8 {
    let console = Console::new(command.json);
    work(command, &console).unwrap_or_else(|error| console.error(&error))
}

fn work(command: &Aid, console: &Console) -> Result<u8> {
    let monitor = Arc::new(Monitor::new());
    let Some(target) = &command.to_partition else {
        let Some(path) = &command.to else { return Ok(USAGE) };
        let report = progress::watch(&monitor, |monitor| job::write_aid(&command.source, path, monitor))?;
        return Ok(console.report(&report));
    };
    let request = AidRequest { source: command.source.clone(), target: target.clone() };
    let plan = progress::watch(&monitor, |monitor| job::plan_aid(&request, monitor))??;
    let consent = Consent { yes: command.yes, dry_run: command.dry_run };
    consent::carry_out(&plan, consent, "a partition would be overwritten", console, &monitor)
}

/// Takes the aids that were named with `--aid`, for the commands that look for images. Gives the exit code to leave
/// with, when there is one.
pub(super) fn used(aids: &[PathBuf], command: Option<&Command>) -> std::result::Result<(), u8> {
    if aids.is_empty() {
        return Ok(());
    }
    let json = match command {
        None => false,
        Some(Command::Images(command)) => command.json,
        Some(Command::Info(command)) => command.json,
        Some(Command::Verify(command)) => command.json,
        Some(Command::Check(command)) => command.json,
        Some(Command::Export(command)) => command.json,
        Some(Command::Restore(command)) => command.json,
        Some(Command::Resume(command)) => command.json,
        Some(Command::Ls(command)) => command.json,
        Some(Command::Extract(command)) => command.json,
        Some(_) => {
            return Err(complain_usage(
                "--aid goes with the wizard and with commands that look for images, not with this command",
            ));
        }
    };
    inventory::use_aids(aids).map_err(|error| Console::new(json).error(&error))
}

/// Says which recovery partitions of these disks do not say any more what is there. What cannot be read is said
/// elsewhere.
pub(super) fn say_stale<'a>(disks: impl Iterator<Item = &'a Path>, console: &Console) {
    let mut seen: Vec<&Path> = Vec::new();
    for disk in disks {
        if seen.contains(&disk) {
            continue;
        }
        seen.push(disk);
        for state in job::aid_state(disk, &Monitor::new()).unwrap_or_default() {
            for note in state.notes() {
                console.say(&format!("note: {note}"));
            }
        }
    }
}

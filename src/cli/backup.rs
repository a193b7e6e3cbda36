//! `lifeboat backup`: a volume to an image.

use std::sync::Arc;

use super::arguments::Backup;
use super::console::{Console, is_terminal};
use super::{preview, progress};
use crate::error::{Error, Result};
use crate::job::{self, Monitor};
use crate::plan::{BackupRequest, ImageTarget, Only};
use crate::settings::Settings;

/// Plans the backup, and carries it out unless only the plan was asked for.
pub(super) fn run(command: &Backup, settings: &Settings) -> u8 {
    let console = if command.to.as_deref().is_some_and(|to| to == "-") {
        Console::beside_an_image(command.json)
    } else {
        Console::new(command.json)
    };
    work(command, settings, &console).unwrap_or_else(|error| console.error(&error))
}

fn work(command: &Backup, settings: &Settings, console: &Console) -> Result<u8> {
    let request = request(command, settings);
    if request.target == ImageTarget::Pipe && !command.dry_run && is_terminal(&std::io::stdout()) {
        return Err(Error::refused("an image is no text for a terminal")
            .advise("Send standard output somewhere: `lifeboat backup SOURCE --to - | ...`, or name a file"));
    }
    let monitor = Arc::new(Monitor::new());
    let plan = progress::watch(&monitor, |monitor| job::plan_backup(&request, monitor))??;
    preview::log(&plan);
    if command.dry_run {
        preview::print(console, &plan);
        return Ok(0);
    }
    for warning in &plan.warnings {
        console.say(&format!("lifeboat: warning: {warning}"));
    }
    let report = progress::watch(&monitor, |monitor| job::run(&plan, monitor))?;
    Ok(console.report(&report))
}

fn request(command: &Backup, settings: &Settings) -> BackupRequest {
    let target = match &command.to {
        _ if command.inside => ImageTarget::Inside,
        Some(to) if to != "-" => ImageTarget::File(to.clone().into()),
        // Without --inside there is a --to: the arguments require it.
        _ => ImageTarget::Pipe,
    };
    BackupRequest {
        name: command.name.clone(),
        kind: command.kind,
        level: command.level.unwrap_or(settings.level),
        usual_level: settings.level,
        threads: command.threads,
        exclude: command.exclude.clone(),
        default_excludes: !command.no_default_excludes,
        even_if_dirty: command.even_if_dirty,
        raw: command.raw,
        split: command.split,
        verify: !command.no_verify,
        full: command.full,
        scattered: command.scattered,
        check: !command.no_check,
        only: command.only.clone().map(|paths| Only { paths, remember: command.remember }),
        ..BackupRequest::new(command.source.clone(), target)
    }
}

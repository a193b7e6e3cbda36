//! `lifeboat restore`: an image back onto a partition, a device or a file. It asks before it writes.

use std::io::{BufRead, Write};
use std::sync::Arc;

use super::arguments::Restore;
use super::console::{Console, is_terminal};
use super::{complain_usage, preview, progress};
use crate::error::{Error, Result};
use crate::inventory::Address;
use crate::job::{self, Monitor};
use crate::plan::{self, ImageSource, ImagesInside, Plan, RestoreRequest};

/// What is typed where the plan overwrites nothing and so has no word of its own.
const YES: &str = "yes";

/// Plans the restore, shows it, asks, and carries it out.
pub(super) fn run(command: &Restore) -> u8 {
    let console = Console::new(command.json);
    match request(command) {
        Ok(request) => work(command, &request, &console).unwrap_or_else(|error| console.error(&error)),
        Err(message) => complain_usage(&message),
    }
}

fn work(command: &Restore, request: &RestoreRequest, console: &Console) -> Result<u8> {
    if !command.yes && !command.dry_run {
        can_ask(request)?;
    }
    let monitor = Arc::new(Monitor::new());
    let plan = progress::watch(&monitor, |monitor| job::plan_restore(request, monitor))??;
    preview::log(&plan);
    if command.dry_run {
        preview::print(console, &plan);
        return Ok(0);
    }
    if command.yes {
        for warning in &plan.warnings {
            console.say(&format!("lifeboat: warning: {warning}"));
        }
    } else {
        ask(console, &plan)?;
    }
    let report = progress::watch(&monitor, |monitor| job::run(&plan, monitor))?;
    Ok(console.report(&report))
}

fn can_ask(request: &RestoreRequest) -> Result<()> {
    let advice = "--dry-run shows what would be done, --yes does it without asking";
    if request.image == ImageSource::Pipe {
        return Err(Error::refused("nobody can be asked while the image comes from standard input").advise(advice));
    }
    if is_terminal(&std::io::stdin()) && is_terminal(&std::io::stderr()) {
        return Ok(());
    }
    Err(Error::refused("a restore overwrites its target, and without a terminal nobody can be asked").advise(advice))
}

/// Shows the plan and waits for its word. Everything but exactly that word is a no.
pub(super) fn ask(console: &Console, plan: &Plan) -> Result<()> {
    for line in preview::lines(&plan::preview(plan)) {
        console.say(&line);
    }
    let word = plan.confirm.as_deref().unwrap_or(YES);
    let shown = super::words::clean(word);
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "Type {shown} to go on, anything else to leave: ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|error| Error::io("reading the answer", error))?;
    // A word with characters that no keyboard types is typed as it is shown.
    if answer.trim() == word || answer.trim() == shown {
        tracing::info!("confirmed with {word:?}");
        return Ok(());
    }
    Err(Error::refused("not confirmed; nothing was written"))
}

/// What the command asks for, or in words why it makes no sense.
fn request(command: &Restore) -> std::result::Result<RestoreRequest, String> {
    let inside = || command.image.to_str()?.parse::<Address>().ok().filter(|address| address.image().is_some());
    let image = match inside() {
        _ if command.image == "-" => ImageSource::Pipe,
        Some(address) => ImageSource::Inside(address),
        None => ImageSource::File(command.image.clone().into()),
    };
    let plain = match (image, &command.to) {
        (image, Some(target)) => RestoreRequest::new(image, target.clone()),
        (ImageSource::Inside(address), None) => RestoreRequest::home(address),
        (image, None) => {
            return Err(format!(
                "where {image} shall be restored to was not said. Add --to TARGET; only an image inside a volume (PATH:N/NAME) knows where it came from"
            ));
        }
    };
    Ok(RestoreRequest {
        trust: command.trust,
        verify: !command.no_verify,
        keep_going: command.keep_going,
        zero_free: command.zero_free,
        discard: command.discard,
        threads: command.threads,
        images: if command.drop_images { ImagesInside::Drop } else { ImagesInside::Keep },
        compare: !command.no_compare,
        check: !command.no_check,
        ..plain
    })
}

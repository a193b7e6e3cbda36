//! `lifeboat restore`: an image back onto a partition, a device or a file. It asks before it writes.

use std::sync::Arc;

use super::arguments::Restore;
use super::consent::{self, Consent, UNASKED};
use super::console::Console;
use super::{complain_usage, progress};
use crate::error::{Error, Result};
use crate::inventory::Address;
use crate::job::{self, Monitor};
use crate::plan::{ImageSource, ImagesInside, RestoreRequest};

/// What a restore does, for where nobody can be asked.
const OVERWRITES: &str = "a restore overwrites its target";

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
    let consent = Consent { yes: command.yes, dry_run: command.dry_run };
    consent::carry_out(&plan, consent, OVERWRITES, console, &monitor)
}

fn can_ask(request: &RestoreRequest) -> Result<()> {
    if request.image == ImageSource::Pipe {
        return Err(Error::refused("nobody can be asked while the image comes from standard input").advise(UNASKED));
    }
    consent::can_ask(OVERWRITES)
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

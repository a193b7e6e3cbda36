//! `lifeboat drop`: an image inside a volume goes. It asks before it writes.

use super::arguments::Drop;
use super::console::Console;
use super::tidy;
use crate::error::{Error, Result};
use crate::plan::{ContainerAct, ContainerRequest};

/// Plans it, shows it, asks, and does it.
pub(super) fn run(command: &Drop) -> u8 {
    let console = Console::new(command.json);
    work(command, &console).unwrap_or_else(|error| console.error(&error))
}

fn work(command: &Drop, console: &Console) -> Result<u8> {
    let Some((volume, name)) = command.image.image() else {
        return Err(Error::refused(format!("{} names no image inside a volume", command.image))
            .advise("Write PATH:N/NAME; `lifeboat images PATH` lists them"));
    };
    let request = ContainerRequest { volume: volume.clone(), act: ContainerAct::Drop(name.into()) };
    tidy::carry_out(&request, command.yes, command.dry_run, console)
}

//! `lifeboat tidy`: the container inside a volume is put in order. It asks before it writes.

use std::sync::Arc;

use super::arguments::Tidy;
use super::consent::{self, Consent};
use super::console::Console;
use super::progress;
use crate::error::Result;
use crate::job::{self, Monitor};
use crate::plan::{ContainerAct, ContainerRequest};

/// Plans it, shows it, asks, and does it.
pub(super) fn run(command: &Tidy) -> u8 {
    let console = Console::new(command.json);
    let request = ContainerRequest { volume: command.source.clone(), act: ContainerAct::Tidy };
    carry_out(&request, command.yes, command.dry_run, &console).unwrap_or_else(|error| console.error(&error))
}

/// Plans a change of a container, shows it, asks, and does it.
pub(super) fn carry_out(request: &ContainerRequest, yes: bool, dry_run: bool, console: &Console) -> Result<u8> {
    let monitor = Arc::new(Monitor::new());
    let Some(plan) = progress::watch(&monitor, |monitor| job::plan_container(request, monitor))?? else {
        let volume = &request.volume;
        if console.json() {
            console.document(&serde_json::json!({ "outcome": "nothing" }));
        } else {
            console.say(&format!("{volume}: there is nothing to do: its container lies in order."));
        }
        return Ok(0);
    };
    let consent = Consent { yes, dry_run };
    consent::carry_out(&plan, consent, "the volume would be changed", console, &monitor)
}

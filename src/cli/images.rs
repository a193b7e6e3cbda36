//! `lifeboat images`: the images inside volumes, however damaged those are.

use std::sync::Arc;

use super::arguments::Images;
use super::console::Console;
use super::progress;
use crate::error::Result;
use crate::inventory::{self, LocateRequest, Thoroughness};
use crate::job::Monitor;

/// Looks, and lists what was found.
pub(super) fn run(command: &Images) -> u8 {
    let console = Console::new(command.json);
    work(command, &console).unwrap_or_else(|error| console.error(&error))
}

fn work(command: &Images, console: &Console) -> Result<u8> {
    let request =
        LocateRequest { sources: command.sources.clone(), aids: command.aid.clone(), thoroughness: Thoroughness::Full };
    let monitor = Arc::new(Monitor::new());
    let found = progress::watch(&monitor, |monitor| inventory::locate(&request, &**monitor))??;
    let views: Vec<_> = found.iter().flat_map(inventory::Container::views).collect();
    if command.json {
        console.document(&serde_json::json!({ "images": views }));
        return Ok(0);
    }
    for view in &views {
        println!("{}  {}  {:?}", view.address, view.kind.name(), view.found_by);
    }
    Ok(0)
}

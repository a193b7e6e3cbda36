//! `lifeboat images`: the images inside volumes, however damaged those are.

use std::sync::Arc;

use super::arguments::Images;
use super::console::Console;
use super::progress;
use super::table::Columns;
use super::words::clean;
use crate::error::Result;
use crate::inventory::{Address, Container, FoundBy, ImageView, LocateRequest, Thoroughness};
use crate::job::{self, Monitor};
use crate::unit::ByteLen;

/// Looks, and lists what was found.
pub(super) fn run(command: &Images) -> u8 {
    let console = Console::new(command.json);
    work(command, &console).unwrap_or_else(|error| console.error(&error))
}

fn work(command: &Images, console: &Console) -> Result<u8> {
    let request =
        LocateRequest { sources: command.sources.clone(), aids: Vec::new(), thoroughness: Thoroughness::Full };
    let monitor = Arc::new(Monitor::new());
    let found = progress::watch(&monitor, |monitor| job::locate(&request, monitor))??;
    super::aid::say_stale(command.sources.iter().map(Address::path), console);
    if command.json {
        let views: Vec<ImageView> = found.iter().flat_map(Container::views).collect();
        console.document(&serde_json::json!({ "images": views }));
        return Ok(0);
    }
    if found.is_empty() {
        let names: Vec<String> = command.sources.iter().map(ToString::to_string).collect();
        console.line(&format!("No images were found inside {}.", names.join(", ")));
        console.line("Neither a file system nor a table of contents tells of any; every sector was looked at.");
    }
    for line in lines(&found) {
        console.line(&line);
    }
    Ok(0)
}

/// A row for each image; below it what is damaged, and below a container's images what is to be said of that.
fn lines(found: &[Container]) -> Vec<String> {
    let mut columns = Columns::default();
    let mut below = Vec::new();
    for container in found {
        let views = container.views();
        let count = views.len();
        for (number, view) in views.into_iter().enumerate() {
            columns.row(row(&view));
            let mut notes: Vec<String> =
                view.damage.iter().map(|damage| format!("    damage: {}", clean(damage))).collect();
            if number + 1 == count {
                notes.extend(container.findings.iter().map(|finding| format!("  {}", clean(&job::sentence(finding)))));
            }
            below.push(notes);
        }
    }
    columns.lines(&[3]).into_iter().zip(below).flat_map(|(row, notes)| [vec![row], notes].concat()).collect()
}

fn row(view: &ImageView) -> Vec<String> {
    let volume = &view.volume;
    let label = volume.label.as_deref().map(|label| format!(" \"{}\"", clean(label))).unwrap_or_default();
    vec![
        clean(&view.address),
        view.kind.name().to_owned(),
        view.created.strftime("%Y-%m-%d %H:%M").to_string(),
        ByteLen(view.bytes).to_string(),
        format!("of {}{label}, {}", volume.kind, ByteLen(volume.bytes)),
        if view.whole { "whole" } else { "damaged" }.to_owned(),
        found_by(view.found_by).to_owned(),
    ]
}

/// How an image was found, in words.
fn found_by(how: FoundBy) -> &'static str {
    match how {
        FoundBy::FileSystem => "found as a file",
        FoundBy::Toc => "found by a table of contents",
        FoundBy::Aid => "found by a recovery aid",
        FoundBy::RecoveryPartition => "found by a recovery partition",
        FoundBy::Scavenged => "put together from its records",
    }
}

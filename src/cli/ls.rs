//! `lifeboat ls`: what a folder in an image or a volume holds.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::arguments::Ls;
use super::console::Console;
use super::table::Columns;
use super::words::clean;
use crate::error::Result;
use crate::fs::check::Unwatched;
use crate::fs::{Attributes, Entry, EntryKind, Stream, Tree};
use crate::inventory;
use crate::unit::ByteLen;

/// One entry of `ls --json`.
#[derive(Serialize)]
struct Row<'a> {
    name: String,
    path: String,
    /// The name's bytes in hex, where it is no Unicode and `name` is only like it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
    kind: &'static str,
    /// Where a symbolic link leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    bytes: u64,
    modified: Option<jiff::Timestamp>,
    attributes: &'a Attributes,
    streams: &'a [Stream],
}

/// Lists.
pub(super) fn run(command: &Ls) -> u8 {
    let console = Console::new(command.json);
    match list(command, &console) {
        Ok(()) => 0,
        Err(error) => console.error(&error),
    }
}

fn list(command: &Ls, console: &Console) -> Result<()> {
    let volume = inventory::open_volume(&command.subject, &Unwatched)?;
    let path = Path::new("/").join(&command.path);
    let (folder, entries) = entries(volume.tree(), &path)?;
    if console.json() {
        let rows: Vec<Row> = entries.iter().map(|entry| row(&folder, entry)).collect();
        console.document(&serde_json::json!({ "entries": rows }));
        return Ok(());
    }
    let mut columns = Columns::default();
    for entry in &entries {
        columns.row(cells(entry));
        for stream in &entry.streams {
            let name = format!("{}:{}", clean(&entry.name.to_string_lossy()), clean(&stream.name));
            columns.row([String::new(), ByteLen(stream.bytes).to_string(), String::new(), name]);
        }
    }
    for line in columns.lines(&[1]) {
        console.line(&line);
    }
    Ok(())
}

/// The folder and what is in it; for a file, the folder it is in and the file alone.
fn entries(tree: &dyn Tree, path: &Path) -> Result<(PathBuf, Vec<Entry>)> {
    if path != Path::new("/") {
        let entry = tree.entry(path)?;
        if entry.kind != EntryKind::Directory {
            return Ok((path.parent().unwrap_or(path).to_owned(), vec![entry]));
        }
    }
    Ok((path.to_owned(), tree.list(path)?))
}

fn row<'a>(folder: &Path, entry: &'a Entry) -> Row<'a> {
    let hex = entry.name.to_str().is_none().then(|| entry.name.as_bytes().iter().map(|b| format!("{b:02x}")).collect());
    Row {
        name: entry.name.to_string_lossy().into_owned(),
        path: folder.join(&entry.name).to_string_lossy().into_owned(),
        name_hex: hex,
        kind: kind(&entry.kind),
        target: match &entry.kind {
            EntryKind::Symlink(target) => target.as_ref().map(|target| target.to_string_lossy().into_owned()),
            _ => None,
        },
        bytes: entry.bytes,
        modified: entry.modified,
        attributes: &entry.attributes,
        streams: &entry.streams,
    }
}

/// The words of [`EntryKind`] in every output.
pub(super) fn kind(kind: &EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Directory => "directory",
        EntryKind::Symlink(_) => "symlink",
        EntryKind::Special => "special",
    }
}

/// Attributes, size, time, name.
fn cells(entry: &Entry) -> Vec<String> {
    let mut name = clean(&entry.name.to_string_lossy());
    match &entry.kind {
        EntryKind::Directory => name.push('/'),
        EntryKind::Symlink(Some(target)) => name += &format!(" -> {}", clean(&target.to_string_lossy())),
        EntryKind::Symlink(None) => name += " -> (unknown)",
        EntryKind::Special => name += " (special)",
        EntryKind::File => {}
    }
    let size = if entry.kind == EntryKind::File { ByteLen(entry.bytes).to_string() } else { String::new() };
    let time = entry.modified.map(|time| time.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default();
    vec![entry.attributes.to_string(), size, time, name]
}

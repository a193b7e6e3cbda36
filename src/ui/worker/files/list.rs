//! What a folder holds, in the order in which it is shown.

use std::path::Path;
use std::sync::Arc;

use crate::error::Result;
use crate::fs::{Entry, EntryKind, FileSystem};

use super::super::super::msg::{FileRow, FolderView};
use super::super::super::text;

/// So many lines of one folder are shown. Sound folders have fewer.
const MAX_ROWS: usize = 200_000;

/// Reads a folder.
pub(super) fn folder(volume: &dyn FileSystem, folder: &Path) -> Result<FolderView> {
    let mut entries = volume.tree().list(folder)?;
    sort(&mut entries);
    let all = entries.iter().map(|entry| 1 + entry.streams.len()).sum::<usize>();
    let rows: Vec<FileRow> = entries.iter().flat_map(rows).take(MAX_ROWS).collect();
    let more = all - rows.len();
    Ok(FolderView { folder: folder.to_owned(), volume: text::files_volume(volume), rows: Arc::new(rows), more })
}

/// Folders first, then by name; capital and small letters are the same.
fn sort(entries: &mut [Entry]) {
    entries.sort_by_cached_key(|entry| {
        let name = entry.name.to_string_lossy().to_lowercase();
        (entry.kind != EntryKind::Directory, name, entry.name.clone())
    });
}

/// An entry, and its streams below it.
fn rows(entry: &Entry) -> impl Iterator<Item = FileRow> {
    let own = row(entry);
    let streams = entry.streams.iter().map(|stream| {
        let mut name = entry.name.clone();
        name.push(":");
        name.push(&stream.name);
        FileRow { name, kind: EntryKind::File, bytes: stream.bytes, streams: 0, is_stream: true, ..row(entry) }
    });
    std::iter::once(own).chain(streams)
}

/// An entry as a line.
pub(super) fn row(entry: &Entry) -> FileRow {
    FileRow {
        name: entry.name.clone(),
        kind: entry.kind.clone(),
        bytes: entry.bytes,
        modified: text::files_modified(entry),
        attributes: entry.attributes,
        streams: entry.streams.len(),
        is_stream: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::Stream;
    use crate::ui::worker::files::tests::entry;

    #[test]
    fn folders_come_first_and_case_does_not_count() {
        let mut entries: Vec<Entry> = ["b", "A", "c", "B"].iter().map(|name| entry(name, EntryKind::File)).collect();
        entries.push(entry("Z", EntryKind::Directory));
        entries.push(entry("y", EntryKind::Directory));
        sort(&mut entries);
        let names: Vec<_> = entries.iter().map(|entry| entry.name.to_string_lossy()).collect();
        assert_eq!(names, ["y", "Z", "A", "B", "b", "c"]);
    }

    #[test]
    fn streams_stand_below_their_file() {
        let mut file = entry("f", EntryKind::File);
        file.streams = vec![Stream { name: "origin".into(), bytes: 7 }];
        let rows: Vec<FileRow> = rows(&file).collect();
        assert_eq!((rows[0].streams, rows[0].is_stream), (1, false));
        assert_eq!((rows[1].name.to_str(), rows[1].bytes, rows[1].is_stream), (Some("f:origin"), 7, true));
    }

    #[test]
    fn a_hundred_thousand_names_are_sorted_in_a_moment() {
        let mut entries: Vec<Entry> = (0..100_000u32)
            .map(|number| entry(&format!("File {}", number.wrapping_mul(2_654_435_761)), EntryKind::File))
            .collect();
        let began = std::time::Instant::now();
        sort(&mut entries);
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

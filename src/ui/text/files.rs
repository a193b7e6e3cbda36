//! The words about files: what is listed, found, shown and copied.

use super::{bytes, bytes_exact};
use crate::fs::{Attributes, Entry, EntryKind, FileSystem};
use crate::job::Amount;
use crate::words::{en, fill, plural};

use super::super::reading::Encoding;

/// The volume that is looked into, in a few words.
#[must_use]
pub fn files_volume(volume: &dyn FileSystem) -> String {
    let summary = volume.summary();
    match summary.label.as_deref().filter(|label| !label.is_empty()) {
        Some(label) => fill(en::FILES_VOLUME_LABEL, &[("kind", &summary.kind.name()), ("label", &label)]),
        None => summary.kind.name().to_owned(),
    }
}

/// When an entry was changed, as its volume says it.
#[must_use]
pub fn files_modified(entry: &Entry) -> String {
    entry.modified.map(|time| time.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}

/// What an entry is, where its name and size do not tell.
#[must_use]
pub fn files_kind(kind: &EntryKind, is_stream: bool) -> &'static str {
    match kind {
        EntryKind::File if is_stream => en::FILES_IS_STREAM,
        EntryKind::File => en::FILES_IS_FILE,
        EntryKind::Directory => en::FILES_IS_FOLDER,
        EntryKind::Symlink(_) => en::FILES_IS_LINK,
        EntryKind::Special => en::FILES_IS_SPECIAL,
    }
}

/// The attributes that are set, in words; of a Unix file its permissions.
#[must_use]
pub fn files_attributes(attributes: &Attributes) -> String {
    if let Some(mode) = attributes.mode {
        return fill(en::FILES_MODE, &[("mode", &format!("{:03o}", mode & 0o7777))]);
    }
    let words = [
        (attributes.read_only, en::READ_ONLY),
        (attributes.hidden, en::FILES_HIDDEN),
        (attributes.system, en::FILES_SYSTEM),
        (attributes.compressed, en::FILES_COMPRESSED),
        (attributes.encrypted, en::FILES_ENCRYPTED),
        (attributes.sparse, en::FILES_SPARSE),
    ];
    words.into_iter().filter_map(|(set, word)| set.then_some(word)).collect::<Vec<_>>().join(", ")
}

/// How many alternate streams a file has.
#[must_use]
pub fn files_streams(count: usize) -> String {
    fill(plural(count as u64, en::FILES_ONE_STREAM, en::FILES_STREAMS), &[("count", &count)])
}

/// A link that is not followed.
#[must_use]
pub fn files_link(target: &str) -> String {
    fill(en::FILES_LINK, &[("target", &target)])
}

/// Lines that are not shown.
#[must_use]
pub fn files_more(count: usize) -> String {
    fill(en::FILES_MORE, &[("count", &count)])
}

/// What is marked.
#[must_use]
pub fn files_marked(files: u64, size: u64, folders: u64) -> String {
    if folders == 0 {
        return fill(
            plural(files, en::FILES_MARKED_FILE, en::FILES_MARKED_FILES),
            &[("count", &files), ("size", &bytes(size))],
        );
    }
    if files == 0 {
        return fill(plural(folders, en::FILES_MARKED_FOLDER, en::FILES_MARKED_FOLDERS), &[("count", &folders)]);
    }
    fill(en::FILES_MARKED_BOTH, &[("files", &files), ("size", &bytes(size)), ("folders", &folders)])
}

/// Where a name is looked for.
#[must_use]
pub fn find_where(folder: &str) -> String {
    fill(en::FIND_WHERE, &[("folder", &folder)])
}

/// What was looked for, and how much was found.
#[must_use]
pub fn find_found(pattern: &str, count: usize, folders: u64) -> String {
    fill(en::FIND_FOUND, &[("pattern", &pattern), ("count", &count), ("folders", &folders)])
}

/// Folders that could not be looked through.
#[must_use]
pub fn find_unreadable(count: u64) -> String {
    fill(plural(count, en::FIND_UNREADABLE_ONE, en::FIND_UNREADABLE), &[("count", &count)])
}

/// A search that was ended since there is too much.
#[must_use]
pub fn find_bounded(count: usize) -> String {
    fill(en::FIND_BOUNDED, &[("count", &count)])
}

/// How a text is written.
#[must_use]
pub fn encoding(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Utf8 => en::ENCODING_UTF_8,
        Encoding::Utf16Low | Encoding::Utf16High => en::ENCODING_UTF_16,
        Encoding::Latin1 => en::ENCODING_LATIN_1,
    }
}

/// Where the screen is in a file.
#[must_use]
pub fn peek_place(top: u64, len: u64, how: &str) -> String {
    let percent = u128::from(top) * 100 / u128::from(len.max(1));
    fill(en::PEEK_PLACE, &[("place", &top), ("percent", &percent), ("size", &bytes_exact(len)), ("how", &how)])
}

/// A part of a file that cannot be read.
#[must_use]
pub fn peek_hole(from: u64, to: u64, why: &str) -> String {
    fill(en::PEEK_HOLE, &[("from", &from), ("to", &to), ("why", &why)])
}

/// The offered folder for files that are copied out.
#[must_use]
pub fn files_folder(date: &str) -> String {
    fill(en::FILES_TARGET, &[("date", &date)])
}

/// Above the preview and the progress of copying files out.
#[must_use]
pub fn extract_headline(subject: &str, to: &str) -> String {
    fill(en::EXTRACT_HEADLINE, &[("subject", &subject), ("to", &to)])
}

/// How much is copied.
#[must_use]
pub fn extract_amount(amount: &Amount) -> String {
    let (files, folders, size) = (amount.files, amount.folders, bytes(amount.bytes));
    if amount.has_more {
        return fill(en::EXTRACT_AMOUNT_MORE, &[("files", &files), ("folders", &folders), ("size", &size)]);
    }
    fill(en::EXTRACT_AMOUNT, &[("files", &files), ("folders", &folders), ("size", &size)])
}

/// What is copied: the first by name, and how many more.
#[must_use]
pub fn extract_paths(names: &[String], more: usize) -> String {
    let names = names.join(", ");
    if more == 0 { names } else { fill(en::EXTRACT_PATHS_MORE, &[("names", &names), ("count", &more)]) }
}

/// Too little room for what is copied.
#[must_use]
pub fn extract_no_room(needed: u64, free: u64, missing: u64) -> String {
    fill(en::EXTRACT_NO_ROOM, &[("needed", &bytes(needed)), ("free", &bytes(free)), ("missing", &missing)])
}

/// Several things of one name.
#[must_use]
pub fn extract_same_names(count: u64) -> String {
    fill(plural(count, en::EXTRACT_SAME_NAME, en::EXTRACT_SAME_NAMES), &[("count", &count)])
}

/// What could not be counted, and will not be copied.
#[must_use]
pub fn extract_unreadable(count: u64) -> String {
    fill(plural(count, en::EXTRACT_UNREADABLE_ONE, en::EXTRACT_UNREADABLE), &[("count", &count)])
}

//! Filling a file anew from free clusters, and making directories that look as they are asked to.
//!
//! What is there keeps its directory entries: its names, when it was made and last read, and the case bits. Its first
//! cluster, its length, its attributes and the time of its last change are written anew; that time stands in the local
//! time of nobody knows which place (fatgen103, "Date and Time Formats"), and is taken for UTC, as it is when read.

use std::path::Path;

use super::folder::{Folder, Item, Stamp, set_first_cluster};
use super::{Editor, names};
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::Guise;
use crate::fs::fat::directory::{ARCHIVE, HIDDEN, READ_ONLY, RawEntry, SYSTEM};
use crate::fs::fat::owners::fixed_reason;
use crate::unit::ByteLen;

impl Editor {
    pub(super) fn put_file(&mut self, path: &Path, extents: &[Extent], len: ByteLen, guise: &Guise) -> Result<()> {
        let (directory, name) = names::split(path)?;
        let mut folder = self.folder(directory)?;
        let found = folder.find_own(name)?;
        // The file's clusters first, so that a directory that grows takes none of them.
        let first = self.claim(extents, len)?;
        let item = match found {
            Some(item) => {
                let is_in_root = names::components(directory)?.is_empty();
                refuse_item(&folder, &item, is_in_root)?;
                let chain = self.item_chain(&item)?;
                self.unlink(&chain)?;
                item
            }
            None => self.make_item(&mut folder, name, |editor, folder, name| editor.insert(folder, name, 0, 0, 0))?,
        };
        let wide = self.is_wide();
        self.set_item(&mut folder, &item, |raw| {
            set_first_cluster(raw, first, wide);
            // A claim is of at most u32::MAX bytes.
            raw.bytes.set(len.0 as u32);
            dress(raw, guise);
        })
    }

    pub(super) fn put_directory(&mut self, path: &Path, guise: &Guise) -> Result<()> {
        if names::components(path)?.is_empty() {
            return Ok(());
        }
        let (directory, name) = names::split(path)?;
        let mut folder = self.folder(directory)?;
        if let Some(item) = folder.find_own(name)? {
            return self.enter(&folder, &item).map(drop);
        }
        let item =
            self.make_item(&mut folder, name, |editor, folder, name| editor.make_folder(folder, name).map(drop))?;
        self.set_item(&mut folder, &item, |raw| dress(raw, guise))
    }

    /// Makes something of a name that its directory has not, and finds it there.
    fn make_item(
        &mut self,
        folder: &mut Folder,
        name: &[u8],
        make: impl FnOnce(&mut Self, &mut Folder, &str) -> Result<()>,
    ) -> Result<Item> {
        let text = str::from_utf8(name).map_err(|_| names::no_unicode(&String::from_utf8_lossy(name)))?;
        make(self, folder, text)?;
        folder
            .find_own(name)?
            .ok_or_else(|| Error::damaged(format!("{text} was made in {}, and is not there", folder.path)))
    }
}

/// Only files, and none that something finds by its clusters.
fn refuse_item(folder: &Folder, item: &Item, is_in_root: bool) -> Result<()> {
    let name = item.name.to_string_lossy();
    if item.is_directory() {
        return Err(Error::refused(format!("{name} is a directory, and only files have content")));
    }
    match fixed_reason(&folder.entry(item.slots.end - 1), is_in_root) {
        None => Ok(()),
        Some(why) => Err(Error::refused(format!("{name} cannot get other clusters: {why}"))
            .advise("Leave it as it is, or replace its content where it lies")),
    }
}

/// Gives an entry the attributes and the time that are asked for.
fn dress(raw: &mut RawEntry, guise: &Guise) {
    let wanted = guise.attributes;
    let bits =
        [(wanted.read_only, READ_ONLY), (wanted.hidden, HIDDEN), (wanted.system, SYSTEM), (wanted.archive, ARCHIVE)];
    for (is_set, bit) in bits {
        raw.attributes = if is_set { raw.attributes | bit } else { raw.attributes & !bit };
    }
    if let Some(modified) = guise.modified {
        Stamp::of(modified.to_zoned(jiff::tz::TimeZone::UTC).datetime()).put(raw);
    }
}

//! Filling a file anew from free clusters, and making directories that look as they are asked to.
//!
//! What is there keeps its record, its names, its named streams and whatever else its record holds; only the unnamed
//! `$DATA` is another, and lies plainly in its clusters, or in the record when it is empty. The attributes and the
//! time of the last change go to `$STANDARD_INFORMATION`, and with the lengths to the directory's copy of the name,
//! as Windows and ntfs-3g keep them; `$FILE_NAME` in the record stays as it is, for they change it with the name only.
//!
//! A sparse file has no holes any more. Compressed and encrypted files are refused, because they would not be such
//! any more; reparse points, because some filter makes their content (links, deduplication, packed system files).

use std::path::Path;
use std::sync::Arc;

use super::adopt::title;
use super::attribute::{Attribute, Value, put};
use super::directory::Directory;
use super::file::File;
use super::names::{self, Described};
use super::release::{DOS, refuse_names};
use super::stretch::Stretch;
use super::{Editor, index};
use crate::bytes::{u8_at, u32_at};
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::Guise;
use crate::fs::ntfs::name;
use crate::fs::ntfs::record::{Reference, kind};
use crate::fs::ntfs::volume::number;
use crate::unit::ByteLen;

/// Attributes of files that say how content is stored.
const SPARSE: u32 = 0x200;
const COMPRESSED: u32 = 0x800;
const ENCRYPTED: u32 = 0x4000;
/// The same among the flags of an attribute: the low byte is the method of compression.
const PACKED: u16 = 0x00FF;
const SECRET: u16 = 0x4000;

impl Editor {
    /// See [`Edit::put`](crate::fs::Edit::put).
    pub(super) fn put_file(&mut self, path: &Path, extents: &[Extent], len: ByteLen, guise: &Guise) -> Result<()> {
        let parts = names::parts(path)?;
        let (name, before) =
            parts.split_last().ok_or_else(|| Error::refused("/ is the root directory, and no file"))?;
        let parent = self.parent_of(before)?;
        // First of all, so that nothing that must grow is put there.
        let stretch = self.claim(extents, len)?;
        if self.find_own(parent, &title(before), name)? {
            let file = self.named_file(parent, &title(before), name)?;
            return self.refill(file, path, stretch, guise);
        }
        names::check_units(name)?;
        self.make_file(parent, &title(before), name, Described::new(false, guise), stretch)
    }

    /// See [`Edit::make_directory`](crate::fs::Edit::make_directory).
    pub(super) fn put_directory(&mut self, path: &Path, guise: &Guise) -> Result<()> {
        let parts = names::parts(path)?;
        let Some((name, before)) = parts.split_last() else { return Ok(()) };
        let parent = self.parent_of(before)?;
        if self.find_own(parent, &title(before), name)? {
            return self.find_directory(&parts).map(drop);
        }
        self.make_directory(&parts, Described::new(true, guise)).map(drop)
    }

    fn parent_of(&mut self, parts: &[Vec<u16>]) -> Result<Reference> {
        let parent = self.find_directory(parts)?;
        parent.ok_or_else(|| Error::refused(format!("there is no directory {}", title(parts))))
    }

    /// True when something has this name for its own. A DOS name beside another is not meant: on another volume, or
    /// another day, it stands for another file.
    ///
    /// # Errors
    /// `Refused` when it is the DOS name of something.
    fn find_own(&mut self, directory: Reference, path: &str, name: &[u16]) -> Result<bool> {
        let upcase = Arc::clone(&self.upcase);
        let directory = Directory::open(self, directory, if path.is_empty() { "/" } else { path })?;
        match index::find(&directory, &upcase, name)? {
            Some(found) if u8_at(&found.key, 0x41) == Some(DOS) => {
                let name = String::from_utf16_lossy(name);
                Err(Error::refused(format!("{path}/{name} is the short name of something that has a long one"))
                    .advise("Name the file by its long name"))
            }
            found => Ok(found.is_some()),
        }
    }

    /// Gives a file other clusters, which are taken, and frees those it had.
    fn refill(&mut self, mut file: File, path: &Path, stretch: Stretch, guise: &Guise) -> Result<()> {
        let title = path.display().to_string();
        refuse_file(&file, &title)?;
        let freed = file.attribute(kind::DATA, &[]).and_then(Attribute::stretch).map(Stretch::extents);
        for extent in freed.unwrap_or_default() {
            self.set_used(extent, false)?;
        }
        let (allocated, len) = (stretch.allocated, stretch.len);
        file.renew(kind::DATA, &[], stretch.into_value());
        let information = dress(&mut file, guise)?;
        let reference = file.reference();
        self.store(file, "$DATA runs")?;
        let file = self.load(reference)?;
        self.update_names(&file, path, |key| {
            names::set_sizes(key, allocated, len);
            names::set_look(key, &information);
        })
    }
}

/// Only plain files of one name.
fn refuse_file(file: &File, path: &str) -> Result<()> {
    let refuse = |why: &str| Err(Error::refused(format!("{path} {why}")));
    if file.number() < number::FIRST_USER {
        return refuse("is one of the file system's own files");
    }
    if file.is_directory() {
        return refuse("is a directory, and only files have content");
    }
    let Some(data) = file.attribute(kind::DATA, &[]) else { return refuse("has no content that could be another") };
    let information = file.resident(kind::STANDARD_INFORMATION).unwrap_or(&[]);
    let attributes = u32_at(information, 0x20).unwrap_or(0);
    if data.flags() & SECRET != 0 || attributes & ENCRYPTED != 0 {
        return refuse("is encrypted, and what is put there would not be");
    }
    if data.flags() & PACKED != 0 || attributes & COMPRESSED != 0 {
        return refuse("is compressed, and what is put there would not be");
    }
    if file.attribute(kind::REPARSE_POINT, &[]).is_some() {
        return refuse("is a reparse point: a link, or a file that is not stored plainly");
    }
    refuse_names(file, path)
}

/// Gives a file the attributes and the time that are asked for; its `$STANDARD_INFORMATION` as it is then.
fn dress(file: &mut File, guise: &Guise) -> Result<Vec<u8>> {
    let short = || Error::damaged(format!("MFT record {} has no $STANDARD_INFORMATION", file.number()));
    let have = file.resident(kind::STANDARD_INFORMATION).filter(|value| value.len() >= 0x30);
    let mut value = have.ok_or_else(short)?.to_vec();
    let old = u32_at(&value, 0x20).unwrap_or(0) & !SPARSE;
    put(&mut value, 0x20, &names::flags_of(old, guise.attributes).to_le_bytes());
    if let Some(modified) = guise.modified {
        put(&mut value, 8, &name::filetime(modified).to_le_bytes());
    }
    put(&mut value, 0x10, &names::now().to_le_bytes());
    if let Some(attribute) = file.attribute_mut(kind::STANDARD_INFORMATION, &[]) {
        attribute.set(Value::Resident(value.clone()));
    }
    Ok(value)
}

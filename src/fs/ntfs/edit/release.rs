//! Taking a file out of its directory, and freeing what it had.
//!
//! Only what is described by nothing but its own records is taken out: a file with an object id, a reparse point or
//! extended rights stands in other indexes of the volume, too. Freed records keep their content, as ntfs-3g and
//! Windows leave them; only their flag and sequence number change.

use std::path::Path;
use std::sync::Arc;

use super::adopt::title;
use super::attribute::{Attribute, Value};
use super::directory::{Directory, i30};
use super::file::File;
use super::stretch::Stretch;
use super::{BITMAP, Editor, FILE_NAME, SECURITY_DESCRIPTOR, index, names};
use crate::bytes::{u8_at, u32_at};
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::ntfs::record::{Reference, kind};
use crate::fs::ntfs::volume::number;

pub(super) const WIN32: u8 = 1;
pub(super) const DOS: u8 = 2;

impl Editor {
    /// See [`Edit::release`](crate::fs::Edit::release).
    pub(super) fn release_file(&mut self, directory: &Path, name: &str) -> Result<Vec<Extent>> {
        let parts = names::parts(directory)?;
        let path = format!("{}/{name}", title(&parts));
        let missing = || Error::refused(format!("there is no file {path}"));
        let parent = self.find_directory(&parts)?.ok_or_else(missing)?;
        let units: Vec<u16> = name.encode_utf16().collect();
        let file = self.named_file(parent, &title(&parts), &units)?;
        refuse_special(&file, &path, &[kind::DATA])?;
        let freed = match file.attribute(kind::DATA, &[]) {
            Some(data) if data.is_plain() => data.stretch().map(Stretch::extents).unwrap_or_default(),
            _ => return Err(Error::refused(format!("{path} is not stored plainly"))),
        };
        self.take_out(parent, &title(&parts), &file)?;
        self.release_directory(&parts, parent)?;
        Ok(freed.into_iter().map(|extent| self.on_grid(extent)).collect())
    }

    /// Takes the directory out, too, when it is empty and looks as if it were made for what was in it.
    fn release_directory(&mut self, parts: &[Vec<u16>], reference: Reference) -> Result<()> {
        let Some((_, before)) = parts.split_last() else { return Ok(()) };
        let file = self.load(reference)?;
        let information = file.resident(kind::STANDARD_INFORMATION).unwrap_or(&[]);
        let made = u32_at(information, 0x20).is_some_and(|flags| flags & 0x27 == names::ADOPTED_FLAGS);
        let kinds = [kind::INDEX_ROOT, kind::INDEX_ALLOCATION, BITMAP];
        if !made || refuse_special(&file, "", &kinds).is_err() {
            return Ok(());
        }
        if !index::is_empty(&Directory::open(self, reference, &title(parts))?)? {
            return Ok(());
        }
        let parent = self.find_directory(before)?.ok_or_else(|| Error::damaged("a directory has no parent"))?;
        self.take_out(parent, &title(before), &file)
    }

    /// Takes a file's names out of the directory, and frees its clusters and records.
    fn take_out(&mut self, parent: Reference, title: &str, file: &File) -> Result<()> {
        let upcase = Arc::clone(&self.upcase);
        let keys = file.attributes.iter().filter(|have| have.kind == FILE_NAME).filter_map(Attribute::resident);
        let mut directory = Directory::open(self, parent, if title.is_empty() { "/" } else { title })?;
        for key in keys {
            let (stands_in, units) = names::parse_key(key).ok_or_else(|| Error::damaged("a name that does not fit"))?;
            if stands_in.number() != parent.number() {
                return Err(Error::damaged(format!("MFT record {} says that it stands elsewhere", file.number())));
            }
            index::remove(&mut directory, &upcase, &units, file.reference())?;
        }
        for attribute in &file.attributes {
            if let Value::Stretch(stretch) = &attribute.value {
                for extent in stretch.extents() {
                    self.set_used(extent, false)?;
                }
            }
        }
        for held in file.records.iter().rev() {
            self.free_record(held.number)?;
        }
        Ok(())
    }
}

/// Only files of one name, and the DOS name that may stand beside it.
pub(super) fn refuse_names(file: &File, path: &str) -> Result<()> {
    let names = file.attributes.iter().filter(|have| have.kind == FILE_NAME);
    let spaces: Vec<u8> = names.filter_map(|have| u8_at(have.resident()?, 0x41)).collect();
    let one = spaces.len() == 1 || (spaces.len() == 2 && spaces.contains(&WIN32) && spaces.contains(&DOS));
    if one { Ok(()) } else { Err(Error::refused(format!("{path} has {} names", spaces.len()))) }
}

/// Only files of one name, and of nothing but what all have and unnamed attributes of these kinds.
fn refuse_special(file: &File, path: &str, kinds: &[u32]) -> Result<()> {
    if file.number() < number::FIRST_FILE + 8 {
        return Err(Error::refused(format!("{path} is one of the file system's own files")));
    }
    if file.is_directory() != kinds.contains(&kind::INDEX_ROOT) {
        return Err(Error::refused(format!("{path} is a directory")));
    }
    refuse_names(file, path)?;
    let usual = [kind::STANDARD_INFORMATION, kind::ATTRIBUTE_LIST, FILE_NAME, SECURITY_DESCRIPTOR];
    for attribute in &file.attributes {
        let index = attribute.name == i30() && attribute.kind != kind::DATA;
        let known = usual.contains(&attribute.kind) || kinds.contains(&attribute.kind);
        if !known || !(attribute.name.is_empty() || index) {
            let kind = attribute.kind;
            let name = String::from_utf16_lossy(&attribute.name);
            return Err(Error::refused(format!("{path} is no plain file: it has an attribute 0x{kind:x} \"{name}\"")));
        }
    }
    Ok(())
}

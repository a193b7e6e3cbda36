//! Making free clusters a file.
//!
//! The file and its directory get the security id of the directory they are made in (version 3.x keeps descriptors
//! in `$Secure`, by id). Where that has none, its own descriptor is taken over, or one that lets everybody in.
//! `$FILE_NAME` and `$STANDARD_INFORMATION` carry the same times, that of the making where no other is asked for; the
//! directory's times stay.

use std::path::Path;

use super::attribute::{Attribute, Value, put};
use super::directory::{Directory, i30};
use super::file::File;
use super::index::{self, NewEntry, Store};
use super::names::{self, Described};
use super::stretch::Stretch;
use super::{Editor, FILE_NAME, SECURITY_DESCRIPTOR};
use crate::bytes::u32_at;
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::ntfs::record::{Reference, kind};
use crate::fs::ntfs::volume::number;
use crate::unit::ByteLen;

/// Header flags of records in use.
const IN_USE: u16 = 1;
const DIRECTORY: u16 = 2;

/// A longer security descriptor is not taken over.
const MAX_DESCRIPTOR_BYTES: usize = 256;

/// Names from the root to a directory, for messages.
pub(super) fn title(parts: &[Vec<u16>]) -> String {
    parts.iter().map(|part| format!("/{}", String::from_utf16_lossy(part))).collect::<String>()
}

impl Editor {
    /// See [`Edit::adopt`](crate::fs::Edit::adopt). Of the directory's path only the last part is made.
    pub(super) fn adopt_file(&mut self, directory: &Path, name: &str, extents: &[Extent], len: ByteLen) -> Result<()> {
        let units = names::check(name)?;
        // First of all, so that nothing that must grow is put there.
        let stretch = self.claim(extents, len)?;
        let parts = names::parts(directory)?;
        let parent = match self.find_directory(&parts)? {
            Some(parent) => parent,
            None => self.make_directory(&parts, Described::adopted(true))?,
        };
        self.make_file(parent, &title(&parts), &units, Described::adopted(false), stretch)
    }

    /// Takes the clusters of a file of this length, which must be free and as many as it needs.
    pub(super) fn claim(&mut self, extents: &[Extent], len: ByteLen) -> Result<Stretch> {
        let extents = self.free_extents(extents, false)?;
        let size = u64::from(self.boot.cluster_bytes);
        let all = extents.iter().map(|extent| extent.clusters).sum::<u64>().saturating_mul(size);
        if len.0 > all || len.0.saturating_add(size) <= all {
            return Err(Error::refused(format!("a file of {} bytes does not fill {all} bytes of clusters", len.0)));
        }
        for extent in &extents {
            self.set_used(*extent, true)?;
        }
        Ok(Stretch::new(&extents, len.0, &self.boot))
    }

    /// Makes a file of clusters that are taken.
    pub(super) fn make_file(
        &mut self,
        parent: Reference,
        title: &str,
        units: &[u16],
        described: Described,
        stretch: Stretch,
    ) -> Result<()> {
        let described = described.with_sizes(stretch.allocated, stretch.len);
        self.make(parent, title, units, described, Attribute::new(kind::DATA, &[], stretch.into_value()))
    }

    /// The directory at the end of a path; `None` when only its last part is missing.
    ///
    /// # Errors
    /// `Refused` when something on the way is missing or no directory.
    pub(super) fn find_directory(&mut self, parts: &[Vec<u16>]) -> Result<Option<Reference>> {
        let mut reference = self.load(Reference(number::ROOT))?.reference();
        for (at, part) in parts.iter().enumerate() {
            let path = title(&parts[..=at]);
            match self.find(reference, &title(&parts[..at]), part)? {
                Some(next) => reference = next,
                None if at + 1 == parts.len() => return Ok(None),
                None => return Err(Error::refused(format!("there is no directory {path}"))),
            }
            if !self.load(reference)?.is_directory() || self.is_reparse_point(reference)? {
                return Err(Error::refused(format!("{path} is no directory of this volume")));
            }
        }
        Ok(Some(reference))
    }

    fn is_reparse_point(&self, reference: Reference) -> Result<bool> {
        Ok(self.load(reference)?.attribute(kind::REPARSE_POINT, &[]).is_some())
    }

    /// What a name in a directory refers to.
    pub(super) fn find(&mut self, directory: Reference, title: &str, name: &[u16]) -> Result<Option<Reference>> {
        let upcase = std::sync::Arc::clone(&self.upcase);
        let directory = Directory::open(self, directory, title)?;
        Ok(index::find(&directory, &upcase, name)?.map(|found| found.reference))
    }

    /// The file of a name in a directory, which must know of that name itself: an entry that a damage lets lead to
    /// another file must not cost that file its content.
    ///
    /// # Errors
    /// `Refused` when there is none.
    pub(super) fn named_file(&mut self, directory: Reference, title: &str, name: &[u16]) -> Result<File> {
        let path = format!("{title}/{}", String::from_utf16_lossy(name));
        let reference = self.find(directory, title, name)?;
        let file = self.load(reference.ok_or_else(|| Error::refused(format!("there is no file {path}")))?)?;
        let keys = file.attributes.iter().filter(|have| have.kind == FILE_NAME).filter_map(Attribute::resident);
        let is_it = |(parent, units): (Reference, Vec<u16>)| {
            parent.number() == directory.number() && self.upcase.compare(&units, name).is_eq()
        };
        if !keys.filter_map(names::parse_key).any(is_it) {
            let number = file.number();
            return Err(Error::damaged(format!("{path} leads to MFT record {number}, which has another name")));
        }
        Ok(file)
    }

    pub(super) fn make_directory(&mut self, parts: &[Vec<u16>], described: Described) -> Result<Reference> {
        let (last, before) = parts.split_last().ok_or_else(|| Error::damaged("the volume has no root directory"))?;
        names::check_units(last)?;
        let parent = self.find_directory(before)?;
        let parent = parent.ok_or_else(|| Error::refused(format!("there is no directory {}", title(before))))?;
        let block_bytes = Directory::open(self, parent, &title(before))?.block_bytes();
        let root = index::empty_root(self.boot.cluster_bytes, block_bytes as u32)?;
        let root = Attribute::new(kind::INDEX_ROOT, &i30(), Value::Resident(root));
        self.make(parent, &title(before), last, described, root)?;
        self.find_directory(parts)?.ok_or_else(|| Error::damaged("a directory that was made is not there"))
    }

    /// Makes a file or directory with one attribute beside those that all have, and its name in the directory.
    fn make(
        &mut self,
        parent: Reference,
        title: &str,
        units: &[u16],
        described: Described,
        attribute: Attribute,
    ) -> Result<()> {
        if self.find(parent, title, units)?.is_some() {
            return Err(Error::refused(format!("there is {title}/{} already", String::from_utf16_lossy(units))));
        }
        let reference = self.take_record(None)?;
        let flags = if described.directory { IN_USE | DIRECTORY } else { IN_USE };
        let mut file = self.new_file(reference, flags, Reference(0));
        // One name leads to it.
        put(&mut file.records[0].header, 0x12, &1u16.to_le_bytes());
        let (security, descriptor) = self.security_of(&self.load(parent)?);
        let information = names::standard_information(described, security);
        file.add(Attribute::new(kind::STANDARD_INFORMATION, &[], Value::Resident(information)));
        let key = names::key(parent, units, described);
        file.add(Attribute::new(FILE_NAME, &[], Value::Resident(key.clone())));
        if let Some(descriptor) = descriptor {
            file.add(Attribute::new(SECURITY_DESCRIPTOR, &[], Value::Resident(descriptor)));
        }
        let part = if described.directory { "new directory" } else { "new file, $DATA runs" };
        file.add(attribute);
        self.store(file, part)?;
        let upcase = std::sync::Arc::clone(&self.upcase);
        let mut directory = Directory::open(self, parent, if title.is_empty() { "/" } else { title })?;
        index::insert(&mut directory, &upcase, NewEntry { reference, key })
    }

    /// The security id that a new file in this directory gets, or else its descriptor.
    fn security_of(&self, parent: &File) -> (Option<u32>, Option<Vec<u8>>) {
        let information = parent.resident(kind::STANDARD_INFORMATION).unwrap_or(&[]);
        if let Some(id) = u32_at(information, 0x34).filter(|id| *id != 0) {
            return (Some(id), None);
        }
        let own = parent.resident(SECURITY_DESCRIPTOR).filter(|own| own.len() <= MAX_DESCRIPTOR_BYTES);
        (None, Some(own.map_or_else(names::open_descriptor, <[u8]>::to_vec)))
    }
}

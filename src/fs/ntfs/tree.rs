//! The files of a volume, by path.

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path};
use std::sync::Arc;

use super::content::{Content, Reader};
use super::name;
use super::record::{Body, Reference, kind};
use super::reparse;
use super::volume::{File, Volume, number};
use crate::bytes::{u32_at, u64_at};
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::{self, Attributes, Entry, EntryKind, Stream, Tree};

/// File attribute bits in `$STANDARD_INFORMATION` and in index entries.
mod bit {
    pub(super) const READ_ONLY: u32 = 0x1;
    pub(super) const HIDDEN: u32 = 0x2;
    pub(super) const SYSTEM: u32 = 0x4;
    pub(super) const ARCHIVE: u32 = 0x20;
    pub(super) const SPARSE: u32 = 0x200;
    pub(super) const COMPRESSED: u32 = 0x800;
    pub(super) const ENCRYPTED: u32 = 0x4000;
    /// A directory; only index entries have it.
    pub(super) const DIRECTORY: u32 = 0x1000_0000;
}

/// A file that a path led to, and the stream that its last part named.
struct Found {
    file: Arc<File>,
    name: OsString,
    stream: Option<Vec<u16>>,
}

impl Volume {
    /// Follows a path from the root.
    fn find(&self, path: &Path) -> Result<Found> {
        let mut file = self.file(Reference(number::ROOT))?;
        let mut name = OsString::from("/");
        let mut stream = None;
        for part in path.components() {
            let part = match part {
                Component::RootDir | Component::CurDir => continue,
                Component::Normal(part) => part,
                Component::ParentDir | Component::Prefix(_) => return Err(missing(path)),
            };
            if stream.is_some() || !file.directory {
                return Err(missing(path));
            }
            let directory = self.directory(file.number)?;
            let find = |units: &[u16]| directory.find(units, self.upcase());
            let units = name::from_os(part).ok_or_else(|| missing(path))?;
            // A name with a colon may be one that ntfs-3g wrote; otherwise a stream follows it.
            let named = match (find(&units), units.iter().position(|unit| *unit == u16::from(b':'))) {
                (Some(named), _) => named,
                (None, Some(colon)) => {
                    stream = Some(units[colon + 1..].to_vec());
                    find(&units[..colon]).ok_or_else(|| missing(path))?
                }
                (None, None) => return Err(missing(path)),
            };
            name = name::to_os(&named.name);
            file = self.file(named.reference)?;
        }
        Ok(Found { file, name, stream })
    }

    /// The content of an open file's stream.
    fn stream<'a>(&self, found: &'a Found, path: &Path) -> Result<&'a Content> {
        let Found { file, stream, .. } = found;
        let name = stream.as_deref().unwrap_or(&[]);
        let same =
            |content: &&Content| content.kind == kind::DATA && self.upcase().compare(&content.name, name).is_eq();
        let content = file.content(kind::DATA, name).or_else(|| file.contents.iter().find(same));
        content.ok_or_else(|| if stream.is_some() { missing(path) } else { no_file(path) })
    }

    fn reparse_point(&self, file: &File) -> Option<Vec<u8>> {
        file.content(kind::REPARSE_POINT, &[])?.value(&*self.device, &self.boot, reparse::MAX_BYTES).ok()
    }

    fn kind(&self, file: &File, flags: u32) -> EntryKind {
        if let Some(kind) = self.reparse_point(file).and_then(|value| reparse::kind(&value)) {
            return kind;
        }
        if file.directory {
            return EntryKind::Directory;
        }
        let small = file
            .content(kind::DATA, &[])
            .filter(|content| flags & bit::SYSTEM != 0 && (8..=reparse::MAX_INTERIX_BYTES).contains(&content.len()));
        small
            .and_then(|content| {
                // The magic decides before a whole path is read.
                content.check(&self.boot).ok()?;
                let mut magic = [0; 8];
                content.read_at(&*self.device, &self.boot, 0, &mut magic).ok()?;
                magic.starts_with(b"Intx").then_some(())?;
                let limit = reparse::MAX_INTERIX_BYTES as usize;
                reparse::interix(&content.value(&*self.device, &self.boot, limit).ok()?)
            })
            .unwrap_or(EntryKind::File)
    }

    fn describe_file(&self, file: &File, name: OsString) -> Entry {
        let standard = file.resident(kind::STANDARD_INFORMATION).unwrap_or(&[]);
        let flags = u32_at(standard, 32).unwrap_or(0);
        let data = || file.contents.iter().filter(|content| content.kind == kind::DATA);
        let streams = data()
            .filter(|content| !content.name.is_empty())
            .map(|content| Stream { name: String::from_utf16_lossy(&content.name), bytes: content.len() });
        Entry {
            name,
            kind: self.kind(file, flags),
            bytes: data().find(|content| content.name.is_empty()).map_or(0, Content::len),
            modified: u64_at(standard, 8).and_then(name::timestamp),
            attributes: attributes(flags),
            streams: streams.collect(),
        }
    }
}

impl Tree for Volume {
    fn entry(&self, path: &Path) -> Result<Entry> {
        let found = self.find(path)?;
        let mut entry = self.describe_file(&found.file, found.name.clone());
        if found.stream.is_some() {
            let content = self.stream(&found, path)?;
            entry.name.push(":");
            entry.name.push(name::to_os(&content.name));
            entry.kind = EntryKind::File;
            entry.bytes = content.len();
            entry.streams.clear();
        }
        Ok(entry)
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        let found = self.find(path)?;
        if !found.file.directory || found.stream.is_some() {
            return Err(Error::io(format!("{} on the volume", path.display()), io::ErrorKind::NotADirectory));
        }
        let directory = self.directory(found.file.number)?;
        let own = |reference: Reference| found.file.number == number::ROOT && reference.number() < number::FIRST_FILE;
        let shown = directory.names.iter().filter(|named| !own(named.reference));
        Ok(shown
            .map(|named| {
                let name = name::to_os(&named.name);
                match self.file(named.reference) {
                    Ok(file) => self.describe_file(&file, name),
                    // One damaged record must not hide its neighbours: the index remembers enough to show the name.
                    Err(_) => Entry {
                        name,
                        kind: if named.flags & bit::DIRECTORY != 0 { EntryKind::Directory } else { EntryKind::File },
                        bytes: named.bytes,
                        modified: name::timestamp(named.modified),
                        attributes: attributes(named.flags),
                        streams: Vec::new(),
                    },
                }
            })
            .collect())
    }

    fn open<'a>(&'a self, path: &Path) -> Result<Box<dyn fs::Content + 'a>> {
        let found = self.find(path)?;
        if found.stream.is_none() {
            if found.file.directory {
                return Err(no_file(path));
            }
            // A reparse point that cannot be read is an error here: without it, zeros would be shown as the content.
            let point = found.file.content(kind::REPARSE_POINT, &[]);
            let value = point.map(|point| point.value(&*self.device, &self.boot, reparse::MAX_BYTES)).transpose()?;
            if let Some(reason) = value.and_then(|value| reparse::hidden_content(&value)) {
                return Err(Error::unsupported(reason)
                    .advise("Its clusters are kept by an image; restored, Windows can read it")
                    .context(path.display()));
            }
        }
        let content = self.stream(&found, path)?.clone();
        let reader = Reader::new(Arc::clone(&self.device), self.boot, content);
        Ok(Box::new(reader.map_err(|error| error.context(path.display()))?))
    }

    fn extents(&self, path: &Path) -> Result<Vec<Extent>> {
        Ok(self.find(path)?.file.contents.iter().flat_map(|content| self.clusters(content)).collect())
    }

    fn content(&self, path: &Path) -> Result<Vec<Extent>> {
        let found = self.find(path)?;
        Ok(found.file.content(kind::DATA, &[]).map(|content| self.clusters(content)).unwrap_or_default())
    }
}

impl Volume {
    /// The clusters of an attribute's value, on the grid; none for a resident one.
    pub(super) fn clusters(&self, content: &Content) -> Vec<Extent> {
        let factor = u64::from(self.boot.cluster_bytes / self.grid.cluster_bytes);
        let on_grid = |lcn: u64, count: u64| Extent::new(lcn.saturating_mul(factor), count.saturating_mul(factor));
        match content.body {
            Body::Clusters(_) => {
                content.runs().iter().filter_map(|run| Some(on_grid(run.lcn?, run.clusters))).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn attributes(flags: u32) -> Attributes {
    Attributes {
        read_only: flags & bit::READ_ONLY != 0,
        hidden: flags & bit::HIDDEN != 0,
        system: flags & bit::SYSTEM != 0,
        archive: flags & bit::ARCHIVE != 0,
        compressed: flags & bit::COMPRESSED != 0,
        encrypted: flags & bit::ENCRYPTED != 0,
        sparse: flags & bit::SPARSE != 0,
        mode: None,
    }
}

fn missing(path: &Path) -> Error {
    Error::io(format!("{} on the volume", path.display()), io::ErrorKind::NotFound)
}

fn no_file(path: &Path) -> Error {
    Error::io(format!("{} on the volume", path.display()), io::ErrorKind::IsADirectory)
}

//! The volume's files, by path.

use std::ffi::{OsStr, OsString};
use std::io::{Cursor, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use super::Volume;
use super::blocks::Layout;
use super::content::{Content, inline};
use super::directory::{self, Name};
use super::inode::{Inode, ROOT, Type};
use super::names;
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::{self, Attributes, Entry, EntryKind, Tree};
use crate::unit::ByteOffset;

/// A symbolic link's target may be this long (the kernel's `PATH_MAX`).
const MAX_TARGET_BYTES: u64 = 4096;

impl Volume {
    fn inode(&self, number: u32) -> Result<Inode> {
        Inode::read(&self.source, &self.superblock, &self.table, number)
    }

    fn layout(&self, inode: &Inode) -> Result<Layout> {
        Layout::read(&self.source, &self.superblock, inode)
    }

    /// The inode at a path. Symbolic links on the way are not followed.
    fn resolve(&self, path: &Path) -> Result<Inode> {
        let mut number = ROOT;
        for component in path.components() {
            match component {
                Component::RootDir | Component::CurDir => {}
                Component::Normal(name) => {
                    number = self.find(number, name)?.ok_or_else(|| not_found(path))?;
                }
                Component::ParentDir | Component::Prefix(_) => return Err(not_found(path)),
            }
        }
        self.inode(number)
    }

    /// The inode of a name in a directory.
    fn find(&self, directory: u32, name: &OsStr) -> Result<Option<u32>> {
        if let Some(names) = self.names.get(directory) {
            return Ok(names.get(name).copied());
        }
        let inode = self.inode(directory)?;
        if inode.kind != Type::Directory {
            return Ok(None);
        }
        Ok(names::find(&self.directory(&inode)?, name))
    }

    /// All names of a directory, which are kept for the searches that follow.
    fn directory(&self, inode: &Inode) -> Result<Vec<Name>> {
        if inode.is_encrypted() {
            return Err(Error::unsupported(format!("directory (inode {}) is encrypted", inode.number))
                .advise("Its names and files can be read only by Linux with the key"));
        }
        let mut found = Vec::new();
        let result = match inode.has_inline_data() {
            true => self.inline_directory(inode, &mut found),
            false => self.mapped_directory(inode, &mut found),
        };
        result.map_err(|error| error.context(format_args!("directory (inode {})", inode.number)))?;
        self.names.keep(inode.number, &found);
        Ok(found)
    }

    /// Where a directory hangs: its parent, as its `..` says, and its name there. `None` when either cannot be read.
    pub(super) fn parent_and_name(&self, directory: u32) -> Option<(u32, OsString)> {
        let inode = self.inode(directory).ok().filter(|inode| inode.kind == Type::Directory)?;
        let parent = if inode.has_inline_data() {
            u32::from_le_bytes(*inode.block_field().first_chunk()?)
        } else {
            let run = *self.layout(&inode).ok()?.runs.first().filter(|run| run.logical == 0)?;
            let block = self.source.block(run.physical, inode.place).ok()?;
            // Behind the 12 bytes of `.`: "Linear (Classic) Directories".
            u32::from_le_bytes(*block.get(12..)?.first_chunk()?)
        };
        let above = self.inode(parent).ok().filter(|inode| inode.kind == Type::Directory)?;
        let names = self.directory(&above).ok()?;
        names.into_iter().find(|name| name.inode == directory).map(|name| (parent, name.name))
    }

    /// Inline: four bytes name the parent, entries fill the rest of `i_block`, and then the attribute.
    fn inline_directory(&self, inode: &Inode, found: &mut Vec<Name>) -> Result<()> {
        let (head, tail) = inline(inode)?;
        let head_place = ByteOffset(inode.place.0 + 0x28 + 4);
        directory::parse(&self.superblock, head.get(4..).unwrap_or_default(), head_place, found)?;
        directory::parse(&self.superblock, &tail, inode.place, found)
    }

    fn mapped_directory(&self, inode: &Inode, found: &mut Vec<Name>) -> Result<()> {
        let end = inode.bytes.div_ceil(u64::from(self.superblock.block_bytes));
        let layout = self.layout(inode)?;
        // A sound directory has no more blocks than the volume; two names for one block are a trap.
        let mut left = self.source.blocks();
        for run in &layout.runs {
            for index in 0..run.blocks {
                if run.logical + index >= end || run.unwritten {
                    break;
                }
                left = left.checked_sub(1).ok_or_else(|| {
                    Error::corrupt(inode.place, "a directory smaller than the volume", format_args!("{end} blocks"))
                })?;
                let block = run.physical + index;
                let bytes = self.source.block(block, inode.place)?;
                directory::parse(&self.superblock, &bytes, self.source.offset_of(block), found)?;
            }
        }
        Ok(())
    }

    /// Where a symbolic link leads; `None` when that is encrypted or cannot be read.
    fn target(&self, inode: &Inode) -> Option<PathBuf> {
        if inode.is_encrypted() || inode.bytes > MAX_TARGET_BYTES {
            return None;
        }
        let mut bytes = Vec::new();
        self.reader(inode).ok()?.read_to_end(&mut bytes).ok()?;
        Some(OsString::from_vec(bytes).into())
    }

    fn reader<'a>(&'a self, inode: &Inode) -> Result<Box<dyn fs::Content + 'a>> {
        if inode.has_inline_data() {
            let (head, tail) = inline(inode)?;
            return Ok(Box::new(Cursor::new([head, tail].concat())));
        }
        if inode.is_fast_symlink() {
            let bytes = inode.block_field().get(..inode.bytes as usize).unwrap_or_default();
            return Ok(Box::new(Cursor::new(bytes.to_vec())));
        }
        Ok(Box::new(Content::new(&self.source, self.layout(inode)?, inode.bytes)))
    }

    fn describe(&self, name: OsString, inode: &Inode) -> Entry {
        let kind = match inode.entry_kind() {
            EntryKind::Symlink(_) => EntryKind::Symlink(self.target(inode)),
            kind => kind,
        };
        Entry {
            name,
            kind,
            bytes: if inode.kind == Type::Special { 0 } else { inode.bytes },
            modified: inode.modified(),
            attributes: inode.attributes(),
            streams: Vec::new(),
        }
    }

    /// An entry of a list. When its inode is damaged the entry is shown all the same, as far as the directory
    /// knows it: one bad file must not hide its siblings. Asking for that file itself gives the error.
    fn describe_name(&self, name: Name) -> Entry {
        match self.inode(name.inode) {
            Ok(inode) => self.describe(name.name, &inode),
            Err(_) => Entry {
                name: name.name,
                kind: match name.kind {
                    Some(Type::File) => EntryKind::File,
                    Some(Type::Directory) => EntryKind::Directory,
                    Some(Type::Symlink) => EntryKind::Symlink(None),
                    Some(Type::Special) | None => EntryKind::Special,
                },
                bytes: 0,
                modified: None,
                attributes: Attributes::default(),
                streams: Vec::new(),
            },
        }
    }
}

impl Tree for Volume {
    fn entry(&self, path: &Path) -> Result<Entry> {
        let inode = self.resolve(path)?;
        Ok(self.describe(path.file_name().unwrap_or_default().into(), &inode))
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        let inode = self.resolve(path)?;
        if inode.kind != Type::Directory {
            return Err(Error::unsupported(format!("{} is not a directory", path.display())));
        }
        Ok(self.directory(&inode)?.into_iter().map(|name| self.describe_name(name)).collect())
    }

    fn open<'a>(&'a self, path: &Path) -> Result<Box<dyn fs::Content + 'a>> {
        let inode = self.resolve(path)?;
        if inode.kind != Type::File {
            return Err(Error::unsupported(format!("{} is not a file", path.display())));
        }
        if inode.is_encrypted() {
            return Err(Error::unsupported(format!("{} is encrypted", path.display()))
                .advise("It can be read only by Linux with the key"));
        }
        self.reader(&inode)
    }

    fn extents(&self, path: &Path) -> Result<Vec<Extent>> {
        let inode = self.resolve(path)?;
        let mut extents = self.layout(&inode)?.extents;
        if inode.attribute_block != 0 {
            self.source.check(inode.attribute_block, 1, ByteOffset(inode.place.0 + 0x68))?;
            extents.push(Extent::new(inode.attribute_block, 1));
        }
        Ok(extents)
    }

    fn content(&self, path: &Path) -> Result<Vec<Extent>> {
        let inode = self.resolve(path)?;
        // The blocks of a directory are names, and that of a long link its target: both hold the volume together.
        if inode.kind != Type::File {
            return Ok(Vec::new());
        }
        let layout = self.layout(&inode)?;
        Ok(layout.runs.iter().map(|run| Extent::new(run.physical, run.blocks)).collect())
    }
}

fn not_found(path: &Path) -> Error {
    Error::io(format!("looking for {} in the volume", path.display()), std::io::ErrorKind::NotFound)
}

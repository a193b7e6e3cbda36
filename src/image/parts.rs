//! An image on disk: a file, or a file and further parts (`x.lbi`, `x.001`, …).
//!
//! While it is being written, every part has `.partial` behind its name. Only an image that is complete
//! (and, unless the user said otherwise, read back) gets its own names: further parts first, `x.lbi`
//! last. So nothing that looks whole is not.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::writer::Sink;
use crate::device::{FileDevice, ReadDevice, check_range};
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset};

/// Parts an image may have: three digits, and `.000` is `.lbi`.
pub const MAX_PARTS: u32 = 1000;
/// What is behind a part's name until the image is complete.
const PARTIAL: &str = ".partial";

/// The name of part `number` of the image `path`: part 0 is the path itself.
#[must_use]
pub fn part_path(path: &Path, number: u32) -> PathBuf {
    if number == 0 { path.into() } else { path.with_extension(format!("{number:03}")) }
}

fn partial_path(path: &Path, number: u32) -> PathBuf {
    let mut name = part_path(path, number).into_os_string();
    name.push(PARTIAL);
    name.into()
}

/// The files that an image at `path` would replace: the path itself, and for a split image any further part.
#[must_use]
pub fn existing(path: &Path, split: bool) -> Vec<PathBuf> {
    let parts = if split { MAX_PARTS } else { 1 };
    (0..parts).map(|number| part_path(path, number)).filter(|part| part.exists()).collect()
}

/// In words, which part must have gone missing: part `next` could not be taken, and a later one is there.
#[must_use]
pub(super) fn missing(path: &Path, next: u32) -> Option<String> {
    let named = |number| part_path(path, number);
    if named(next).exists() {
        return Some(format!("{} belongs to another image, or its beginning is damaged", named(next).display()));
    }
    (next..MAX_PARTS).any(|number| named(number).exists()).then(|| format!("{} is missing", named(next).display()))
}

/// Writes an image's parts. Dropped before [`publish`](Self::publish), it removes what it wrote.
#[derive(Debug)]
pub struct PartsWriter {
    path: PathBuf,
    split: Option<u64>,
    file: File,
    number: u32,
    in_part: u64,
    published: bool,
}

impl PartsWriter {
    /// Begins an image at `path`; a part has at most `split` bytes.
    ///
    /// # Errors
    /// When the file cannot be created, or the image is there already.
    pub fn create(path: &Path, split: Option<u64>) -> Result<Self> {
        if path.exists() {
            return Err(Error::refused(format!("{} is there already", path.display()))
                .advise("Choose another name, or delete it first"));
        }
        let file = create(&partial_path(path, 0))?;
        Ok(Self { path: path.into(), split, file, number: 0, in_part: 0, published: false })
    }

    /// Returns once everything is on the medium.
    ///
    /// # Errors
    /// When the medium could not keep it.
    pub fn sync(&mut self) -> Result<()> {
        self.file.sync_all().map_err(|error| self.failed("flushing", error))
    }

    /// The unpublished image, for reading it back; the parts leave the page cache first, so that the
    /// medium is read.
    ///
    /// # Errors
    /// When a part cannot be opened.
    pub fn read_back(&self) -> Result<PartsDevice> {
        let paths: Vec<PathBuf> = (0..=self.number).map(|number| partial_path(&self.path, number)).collect();
        let device = PartsDevice::open_all(&paths)?;
        device.forget();
        Ok(device)
    }

    /// Gives the parts their names and makes that durable.
    ///
    /// # Errors
    /// When a rename or the flush of the folder fails.
    pub fn publish(mut self) -> Result<()> {
        for number in (0..=self.number).rev() {
            let to = part_path(&self.path, number);
            std::fs::rename(partial_path(&self.path, number), &to)
                .map_err(|error| Error::io(format!("naming {}", to.display()), error))?;
        }
        self.published = true;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| Error::io(format!("flushing {}", folder.display()), error))
    }

    fn failed(&self, doing: &str, error: std::io::Error) -> Error {
        let full = error.kind() == std::io::ErrorKind::StorageFull;
        let message = format!("{doing} {}", part_path(&self.path, self.number).display());
        Error::io(message, error).advise(if full {
            "The medium is full: nothing that looks like an image was left. Free space, choose another place, or a higher --level"
        } else {
            "Nothing that looks like an image was left. Check the medium, or choose another place"
        })
    }
}

impl Sink for PartsWriter {
    fn room(&mut self, len: u64) -> Result<Option<u32>> {
        let Some(split) = self.split else { return Ok(None) };
        if self.in_part == 0 || self.in_part + len <= split {
            return Ok(None);
        }
        self.sync()?;
        self.number += 1;
        if self.number >= MAX_PARTS {
            self.number -= 1;
            return Err(Error::refused(format!("the image would have more than {MAX_PARTS} parts of {split} bytes"))
                .advise("Choose a larger --split"));
        }
        self.file = create(&partial_path(&self.path, self.number))?;
        self.in_part = 0;
        Ok(Some(self.number))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| self.failed("writing", error))?;
        self.in_part += bytes.len() as u64;
        Ok(())
    }
}

impl Drop for PartsWriter {
    fn drop(&mut self) {
        if !self.published {
            for number in 0..=self.number {
                // Nothing can be done about a file that will not go; its name says that it is partial.
                let _ = std::fs::remove_file(partial_path(&self.path, number));
            }
        }
    }
}

fn create(path: &Path) -> Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(path);
    file.map_err(|error| {
        Error::io(format!("creating {}", path.display()), error).advise("Check the folder and its rights")
    })
}

/// All parts of an image, read as one device.
#[derive(Debug)]
pub struct PartsDevice {
    parts: Vec<(u64, FileDevice)>,
    len: ByteLen,
}

impl PartsDevice {
    /// Opens `path` and the parts beside it. A left-over `.001` that belongs to no split image does no
    /// harm: its part record says whose it is, and it is taken only when that is this image.
    ///
    /// # Errors
    /// When a part cannot be opened.
    pub fn open(path: &Path, belongs: impl Fn(&FileDevice, u64, u32) -> bool) -> Result<Self> {
        let mut device = Self::open_all(&[path.into()])?;
        for number in 1..MAX_PARTS {
            let part = part_path(path, number);
            if part == path || !part.exists() {
                break;
            }
            let part = FileDevice::open(&part)?;
            if !belongs(&part, device.len.0, number) {
                break;
            }
            device.push(part);
        }
        Ok(device)
    }

    fn open_all(paths: &[PathBuf]) -> Result<Self> {
        let mut device = Self { parts: Vec::new(), len: ByteLen(0) };
        for path in paths {
            device.push(FileDevice::open(path)?);
        }
        Ok(device)
    }

    fn push(&mut self, part: FileDevice) {
        let start = self.len.0;
        self.len = ByteLen(start + part.len().0);
        self.parts.push((start, part));
    }

    /// How many parts there are.
    #[must_use]
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    fn forget(&self) {
        for (_, part) in &self.parts {
            part.forget(ByteOffset(0), part.len());
        }
    }
}

impl ReadDevice for PartsDevice {
    fn len(&self) -> ByteLen {
        self.len
    }

    fn sector_bytes(&self) -> u32 {
        512
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        check_range(offset, buf.len(), self.len)?;
        let mut at = offset.0;
        let mut rest = buf;
        let mut index = self.parts.partition_point(|(start, _)| *start <= at).saturating_sub(1);
        while !rest.is_empty() {
            let Some((start, part)) = self.parts.get(index) else {
                return Err(Error::past_end(offset, ByteLen(rest.len() as u64), self.len));
            };
            let within = at - start;
            let take = rest.len().min((part.len().0 - within) as usize);
            let (now, later) = rest.split_at_mut(take);
            part.read_at(ByteOffset(within), now)?;
            rest = later;
            at += take as u64;
            index += 1;
        }
        Ok(())
    }
}

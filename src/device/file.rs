//! Disk nodes and image files, opened for reading or, by the `job` floor, for writing.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, FlockOperation};

use super::{ReadDevice, WriteDevice, check_range, write_zeros};
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset};

/// A disk node or an image file, open read-only.
#[derive(Debug)]
pub struct FileDevice {
    file: File,
    path: PathBuf,
    len: ByteLen,
    sector_bytes: u32,
}

impl FileDevice {
    /// Opens `path` read-only. A disk node says its own sector size; a file is taken to have 512-byte
    /// sectors until its partition table says otherwise ([`with_sectors`](Self::with_sectors)).
    ///
    /// # Errors
    /// When it cannot be opened, or has no length (a pipe, a terminal).
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| opening(path, error))?;
        Self::from_file(file, path)
    }

    fn from_file(mut file: File, path: &Path) -> Result<Self> {
        let kind = file.metadata().map_err(|error| opening(path, error))?.file_type();
        if !kind.is_file() && !kind.is_block_device() {
            return Err(Error::unsupported(format!("{} is neither a disk nor a file", path.display()))
                .advise("Name a block device such as /dev/sda, or an image file"));
        }
        let len = file.seek(SeekFrom::End(0)).map_err(|error| opening(path, error))?;
        let sector_bytes = if kind.is_block_device() { rustix::fs::ioctl_blksszget(&file).unwrap_or(512) } else { 512 };
        // A hint: a kernel that refuses it only reads ahead less.
        let _ = rustix::fs::fadvise(&file, 0, None, Advice::Sequential);
        Ok(Self { file, path: path.into(), len: ByteLen(len), sector_bytes })
    }

    /// The same device, read with sectors of another size.
    #[must_use]
    pub fn with_sectors(mut self, sector_bytes: u32) -> Self {
        self.sector_bytes = sector_bytes;
        self
    }

    /// The path it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells the kernel that these bytes will not be read again soon, so that reading a large disk does
    /// not push everything else out of memory, and that a read-back reads the medium.
    pub fn forget(&self, offset: ByteOffset, len: ByteLen) {
        let _ = rustix::fs::fadvise(&self.file, offset.0, std::num::NonZeroU64::new(len.0), Advice::DontNeed);
    }
}

impl ReadDevice for FileDevice {
    fn len(&self) -> ByteLen {
        self.len
    }

    fn sector_bytes(&self) -> u32 {
        self.sector_bytes
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        check_range(offset, buf.len(), self.len)?;
        self.file.read_exact_at(buf, offset.0).map_err(|error| {
            let what = format!("reading {} bytes at {offset} of {}", buf.len(), self.path.display());
            match error.kind() {
                std::io::ErrorKind::UnexpectedEof => Error::damaged(format!(
                    "{what}: it ends before that, though it was {} bytes long when it was opened",
                    self.len.0
                ))
                .advise("It was cut short or taken away meanwhile: see that nothing else uses it, and begin again"),
                _ => Error::io(what, error),
            }
        })
    }
}

/// A disk node or an existing file, open for writing. A disk is opened exclusively: the kernel refuses
/// while anything on it is mounted, and mounts nothing on it while we hold it. For a partition that has a node of its
/// own that node is opened, so that its neighbours stay usable. A file is locked (`flock`), so that two Lifeboats never
/// write to the same one; what else uses a file, a plan has to find out.
#[derive(Debug)]
pub struct FileWriter {
    inner: FileDevice,
}

impl FileWriter {
    /// Opens `path` for reading and writing.
    ///
    /// # Errors
    /// When it cannot be opened, or is in use.
    pub fn open(path: &Path) -> Result<Self> {
        let block = path.metadata().is_ok_and(|metadata| metadata.file_type().is_block_device());
        let exclusive = if block { rustix::fs::OFlags::EXCL.bits() as i32 } else { 0 };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(exclusive)
            .open(path)
            .map_err(|error| opening(path, error))?;
        if !block {
            lock(&file, path)?;
        }
        Ok(Self { inner: FileDevice::from_file(file, path)? })
    }

    /// Makes a new file of `len` bytes, whose space is its own and whose name stays after a power cut.
    ///
    /// # Errors
    /// `Refused` when there is a file of this name; when it cannot be made, or there is no room: nothing is left then.
    pub fn create(path: &Path, len: ByteLen) -> Result<Self> {
        let making = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => Error::refused(format!("{} is there already", path.display()))
                .advise("Delete it if it is not needed, or choose another name"),
            _ => Error::io(format!("making {} ({len})", path.display()), error)
                .advise("Choose another place, with enough room"),
        };
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path).map_err(making)?;
        let filled = lock(&file, path).and_then(|()| fill(&file, path, len).map_err(making));
        match filled.and_then(|()| FileDevice::from_file(file, path)) {
            Ok(inner) => Ok(Self { inner }),
            Err(error) => {
                // What was made a moment ago and cannot be used is not left lying about.
                let _ = std::fs::remove_file(path);
                Err(error)
            }
        }
    }
}

/// Takes the file for this process alone.
fn lock(file: &File, path: &Path) -> Result<()> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            Err(Error::refused(format!("{} is in use by another program", path.display()))
                .advise("Wait until it has ended: it may be another Lifeboat"))
        }
        // File systems that know no locks (some network ones) are no reason to refuse.
        Err(_) => Ok(()),
    }
}

/// Gives the file its length, with all its space, and makes that and its name durable.
fn fill(file: &File, path: &Path, len: ByteLen) -> std::io::Result<()> {
    if rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, len.0).is_err() {
        let zeros = vec![0; 1 << 20];
        for at in (0..len.0).step_by(zeros.len()) {
            file.write_all_at(&zeros[..(len.0 - at).min(zeros.len() as u64) as usize], at)?;
        }
    }
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Lets the kernel drop what it holds in memory of these disks and partitions, so that it reads again what was changed
/// under another name of the same bytes (a partition through its disk, a disk through its partition). A hint.
pub fn reread<'a>(nodes: impl IntoIterator<Item = &'a Path>) {
    for node in nodes {
        if let Ok(file) = File::open(node) {
            let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
        }
    }
}

impl ReadDevice for FileWriter {
    fn len(&self) -> ByteLen {
        self.inner.len
    }

    fn sector_bytes(&self) -> u32 {
        self.inner.sector_bytes
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        self.inner.read_at(offset, buf)
    }
}

impl WriteDevice for FileWriter {
    fn write_at(&self, offset: ByteOffset, data: &[u8]) -> Result<()> {
        check_range(offset, data.len(), self.inner.len)?;
        self.inner.file.write_all_at(data, offset.0).map_err(|error| {
            Error::io(format!("writing {} bytes at {offset} of {}", data.len(), self.inner.path.display()), error)
        })
    }

    fn flush(&self) -> Result<()> {
        self.inner.file.sync_all().map_err(|error| Error::io(format!("flushing {}", self.inner.path.display()), error))
    }

    fn clear(&self, offset: ByteOffset, len: ByteLen, discard: bool) -> Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        check_range(offset, len.to_usize().unwrap_or(usize::MAX), self.inner.len)?;
        // Both work on files and, since Linux 4.9, on disks; both make the bytes read as zeros.
        let how = if discard { FallocateFlags::PUNCH_HOLE } else { FallocateFlags::ZERO_RANGE };
        match fallocate(&self.inner.file, how | FallocateFlags::KEEP_SIZE, offset.0, len.0) {
            Ok(()) => Ok(()),
            Err(_) => write_zeros(self, offset, len),
        }
    }

    fn forget(&self) {
        self.inner.forget(ByteOffset(0), self.inner.len);
    }
}

fn opening(path: &Path, error: std::io::Error) -> Error {
    let advice = match error.kind() {
        std::io::ErrorKind::NotFound => "Check the path; `lifeboat disks` lists what there is",
        std::io::ErrorKind::PermissionDenied => "Run lifeboat as root, or ask for the right to read this disk",
        std::io::ErrorKind::ResourceBusy => "Something on it is mounted or in use: unmount it first",
        _ => "Check that the device is connected and switched on",
    };
    Error::io(format!("opening {}", path.display()), error).advise(advice)
}

//! A folder that files are extracted into.
//!
//! Every step goes from an open folder to one plain name in it, and never through a symbolic link: a volume
//! that first holds a link `a` to `/etc` and then a folder `a` cannot make us write there. Content is written
//! under a name of our own and renamed when it is complete, so that what has a file's name is whole.

use std::ffi::OsStr;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::Errno;

use super::Monitor;
use crate::error::{Error, Result};
use crate::fs::Entry;

/// The name of a file that is not complete yet.
const PARTIAL: &str = ".lifeboat-partial";

/// Bytes copied at once.
const BLOCK_BYTES: usize = 256 << 10;

/// Permission bits that are taken over. Set-uid, set-gid and sticky bits are not: what comes from a stranger's
/// disk must not gain rights on this machine.
const MODE_BITS: u16 = 0o777;

/// An open folder.
pub(super) struct Folder {
    fd: OwnedFd,
    /// For messages.
    path: PathBuf,
}

/// True for a name that stays in its folder: not empty, `.` or `..`, without `/` and NUL.
pub(super) fn is_plain(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    !matches!(bytes, b"" | b"." | b"..") && !bytes.contains(&b'/') && !bytes.contains(&0)
}

impl Folder {
    /// Opens the folder named by the user, and makes it (and those above it) first when it is not there.
    ///
    /// # Errors
    /// When it cannot be made or opened.
    pub(super) fn open(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path)
            .map_err(|error| Error::io(format!("making the folder {}", path.display()), error))?;
        let fd = rustix::fs::open(path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|error| Error::io(format!("opening the folder {}", path.display()), error))?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// The folder `name` in this one; made when it is not there. A link of that name is not followed.
    ///
    /// # Errors
    /// When something else has that name, or the folder cannot be made or opened.
    pub(super) fn enter(&self, name: &OsStr) -> Result<Self> {
        match rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(0o700)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(self.failed("making the folder", name, error)),
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty())
            .map_err(|error| self.failed("opening the folder", name, error))?;
        Ok(Self { fd, path: self.path.join(name) })
    }

    /// Writes a file; gives its length in bytes.
    ///
    /// # Errors
    /// When the name is taken and may not be overwritten, when reading or writing fails, or when the job is cancelled.
    pub(super) fn file(
        &self,
        name: &OsStr,
        content: &mut dyn Read,
        entry: &Entry,
        overwrite: bool,
        monitor: &Monitor,
    ) -> Result<u64> {
        self.check_free(name, overwrite)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o600);
        let fd = match rustix::fs::openat(&self.fd, PARTIAL, flags, mode) {
            // Left by an extraction that was cut short.
            Err(Errno::EXIST) => rustix::fs::unlinkat(&self.fd, PARTIAL, AtFlags::empty())
                .and_then(|()| rustix::fs::openat(&self.fd, PARTIAL, flags, mode)),
            other => other,
        };
        let mut file = std::fs::File::from(fd.map_err(|error| self.failed("writing", name, error))?);
        let written = self
            .copy(name, content, &mut file, monitor)
            .and_then(|bytes| {
                set_times_and_mode(&file, entry, false)
                    .map(|()| bytes)
                    .map_err(|error| self.failed("writing", name, error))
            })
            .and_then(|bytes| self.put(PARTIAL, name, overwrite).map(|()| bytes));
        if written.is_err() {
            // The error that led here is the one to tell.
            let _ = rustix::fs::unlinkat(&self.fd, PARTIAL, AtFlags::empty());
        }
        written
    }

    fn copy(&self, name: &OsStr, content: &mut dyn Read, file: &mut std::fs::File, monitor: &Monitor) -> Result<u64> {
        let mut block = vec![0; BLOCK_BYTES];
        let mut bytes = 0u64;
        loop {
            monitor.check()?;
            let count = match content.read(&mut block) {
                Ok(0) => return Ok(bytes),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io(format!("reading {}", Path::new(name).display()), error)),
            };
            file.write_all(&block[..count])
                .map_err(|error| Error::io(format!("writing {}", self.path.join(name).display()), error))?;
            bytes = bytes.saturating_add(count as u64);
            monitor.advance(count as u64);
        }
    }

    /// Makes a symbolic link. Where it leads is the reader's business: nothing is written through it.
    ///
    /// # Errors
    /// When the name is taken and may not be overwritten, or the link cannot be made.
    pub(super) fn link(&self, name: &OsStr, target: &Path, overwrite: bool) -> Result<()> {
        self.check_free(name, overwrite)?;
        match rustix::fs::symlinkat(target, &self.fd, PARTIAL) {
            Err(Errno::EXIST) => rustix::fs::unlinkat(&self.fd, PARTIAL, AtFlags::empty())
                .and_then(|()| rustix::fs::symlinkat(target, &self.fd, PARTIAL)),
            other => other,
        }
        .map_err(|error| self.failed("making the link", name, error))?;
        self.put(PARTIAL, name, overwrite)
    }

    /// Gives the folder the time and the permissions it had, once all is in it.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn finish(&self, entry: &Entry) -> Result<()> {
        set_times_and_mode(&self.fd, entry, true)
            .map_err(|error| Error::io(format!("finishing the folder {}", self.path.display()), error))
    }

    /// Waits until all that was written to the folder's file system is on its medium.
    ///
    /// # Errors
    /// When the medium does not take it.
    pub(super) fn sync(&self) -> Result<()> {
        rustix::fs::syncfs(&self.fd)
            .map_err(|error| Error::io(format!("flushing what was written to {}", self.path.display()), error))
    }

    fn check_free(&self, name: &OsStr, overwrite: bool) -> Result<()> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) if !overwrite => Err(self.taken(name)),
            _ => Ok(()),
        }
    }

    fn put(&self, from: &str, name: &OsStr, overwrite: bool) -> Result<()> {
        if overwrite {
            return rustix::fs::renameat(&self.fd, from, &self.fd, name)
                .map_err(|error| self.failed("naming", name, error));
        }
        match rustix::fs::renameat_with(&self.fd, from, &self.fd, name, RenameFlags::NOREPLACE) {
            // A file system that cannot promise it; the name was free a moment ago.
            Err(Errno::INVAL | Errno::NOSYS) => rustix::fs::renameat(&self.fd, from, &self.fd, name),
            Err(Errno::EXIST) => return Err(self.taken(name)),
            other => other,
        }
        .map_err(|error| self.failed("naming", name, error))
    }

    fn taken(&self, name: &OsStr) -> Error {
        Error::refused(format!("{} is there already", self.path.join(name).display()))
            .advise("--overwrite replaces it; or name another folder with --to")
    }

    fn failed(&self, doing: &str, name: &OsStr, error: Errno) -> Error {
        Error::io(format!("{doing} {}", self.path.join(name).display()), error)
    }
}

fn set_times_and_mode(fd: &impl AsFd, entry: &Entry, folder: bool) -> rustix::io::Result<()> {
    if let Some(mode) = entry.attributes.mode {
        // Whoever extracts keeps the right to go on: a folder stays open to its owner.
        let kept = if folder { 0o700 } else { 0o600 };
        rustix::fs::fchmod(fd, Mode::from_raw_mode(u32::from(mode & MODE_BITS | kept)))?;
    } else {
        rustix::fs::fchmod(fd, Mode::from_raw_mode(if folder { 0o755 } else { 0o644 }))?;
    }
    let Some(time) = entry.modified else { return Ok(()) };
    let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    let mut modified = Timespec { tv_sec: time.as_second(), tv_nsec: time.subsec_nanosecond().into() };
    if modified.tv_nsec < 0 {
        // Before 1970 the fraction counts backwards here, and never in the kernel.
        modified = Timespec { tv_sec: modified.tv_sec - 1, tv_nsec: modified.tv_nsec + 1_000_000_000 };
    }
    rustix::fs::futimens(fd, &Timestamps { last_access: omit, last_modification: modified })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;
    use crate::fs::{Attributes, EntryKind};

    fn entry(mode: Option<u16>) -> Entry {
        Entry {
            name: "x".into(),
            kind: EntryKind::File,
            bytes: 3,
            modified: Some(jiff::Timestamp::new(-1, -500_000_000).unwrap()),
            attributes: Attributes { mode, ..Attributes::default() },
            streams: Vec::new(),
        }
    }

    fn write(folder: &Folder, name: &str, overwrite: bool) -> Result<u64> {
        folder.file(OsStr::new(name), &mut &b"abc"[..], &entry(Some(0o6755)), overwrite, &Monitor::new())
    }

    #[test]
    fn names_that_lead_out_of_a_folder_are_not_plain() {
        for name in ["", ".", "..", "a/b", "/", "a\0b"] {
            assert!(!is_plain(OsStr::new(name)), "{name:?}");
        }
        assert!(is_plain(OsStr::new("..a")) && is_plain(OsStr::new("a:b")));
    }

    #[test]
    fn a_link_in_the_way_is_never_followed() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("kept"), "old").unwrap();
        let folder = Folder::open(&dir.path().join("target")).unwrap();
        symlink(&outside, dir.path().join("target/a")).unwrap();
        symlink(outside.join("kept"), dir.path().join("target/f")).unwrap();
        assert!(folder.enter(OsStr::new("a")).is_err());
        write(&folder, "f", true).unwrap();
        assert_eq!(std::fs::read(outside.join("kept")).unwrap(), b"old");
        assert_eq!(std::fs::read(dir.path().join("target/f")).unwrap(), b"abc");
    }

    #[test]
    fn a_file_keeps_its_time_and_its_plain_permissions() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        assert_eq!(write(&folder, "f", false).unwrap(), 3);
        let metadata = std::fs::metadata(dir.path().join("f")).unwrap();
        assert_eq!(metadata.mode() & 0o7777, 0o755);
        assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (-2, 500_000_000));
    }

    #[test]
    fn a_file_that_is_there_is_replaced_only_on_demand() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f"), "old").unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        assert_eq!(write(&folder, "f", false).unwrap_err().kind(), crate::error::Kind::Refused);
        assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), b"old");
        write(&folder, "f", true).unwrap();
        assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), b"abc");
    }

    #[test]
    fn a_cancelled_copy_leaves_no_half_file() {
        /// Cancels the job while it reads.
        struct Impatient<'a>(&'a Monitor);
        impl Read for Impatient<'_> {
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                self.0.cancel();
                Ok(buf.len())
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let monitor = Monitor::new();
        let ended = folder.file(OsStr::new("f"), &mut Impatient(&monitor), &entry(None), false, &monitor);
        assert_eq!(ended.unwrap_err().kind(), crate::error::Kind::Cancelled);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_cannot_be_read_leaves_nothing_behind() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("a bad sector"))
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        assert!(folder.file(OsStr::new("f"), &mut Broken, &entry(None), false, &Monitor::new()).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

//! The few system calls that the standard library has no name for. The library is the C one, linked in.

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_ulong, c_void};
use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

unsafe extern "C" {
    fn mount(
        source: *const c_char,
        target: *const c_char,
        kind: *const c_char,
        flags: c_ulong,
        data: *const c_void,
    ) -> c_int;
    fn umount2(target: *const c_char, flags: c_int) -> c_int;
    fn reboot(how: c_int) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
    fn ioctl(fd: c_int, request: c_ulong, ...) -> c_int;
    fn lgetxattr(path: *const c_char, name: *const c_char, value: *mut c_void, size: usize) -> isize;
    fn llistxattr(path: *const c_char, list: *mut c_char, size: usize) -> isize;
}

const MS_RDONLY: c_ulong = 1;
const RB_AUTOBOOT: c_int = 0x0123_4567;
/// `finit_module` on x86-64.
const SYS_FINIT_MODULE: c_long = 313;
/// `_IOR('r', 0x10, __u32)` of `linux/msdos_fs.h`: the attribute byte of a FAT entry.
const FAT_IOCTL_GET_ATTRIBUTES: c_ulong = 0x8004_7210;
/// `_IOR('f', 1, long)` of `linux/fs.h`: the flags that `lsattr` shows. The kernel writes four bytes, whatever it says.
const FS_IOC_GETFLAGS: c_ulong = 0x8008_6601;
/// No extended attribute is longer (`linux/limits.h`), nor is a list of their names.
const XATTR_MAX_BYTES: usize = 65536;

fn c_path(path: &Path) -> Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

fn outcome(code: c_int) -> Result<()> {
    if code == 0 { Ok(()) } else { Err(Error::last_os_error()) }
}

/// Mounts read-only.
pub(crate) fn mount_read_only(source: &Path, target: &Path, kind: &str, options: &str) -> Result<()> {
    let (source, target) = (c_path(source)?, c_path(target)?);
    let (kind, options) = (CString::new(kind)?, CString::new(options)?);
    // SAFETY: all four point to strings that end with a zero and live until the call is over.
    outcome(unsafe { mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), MS_RDONLY, options.as_ptr().cast()) })
}

/// Mounts one of the kernel's own file systems.
pub(crate) fn mount_kernel(kind: &str, target: &Path) -> Result<()> {
    let (kind, target) = (CString::new(kind)?, c_path(target)?);
    // SAFETY: as above; these file systems take no data.
    outcome(unsafe { mount(kind.as_ptr(), target.as_ptr(), kind.as_ptr(), 0, ptr::null()) })
}

pub(crate) fn unmount(target: &Path) -> Result<()> {
    let target = c_path(target)?;
    // SAFETY: a string that ends with a zero and lives until the call is over.
    outcome(unsafe { umount2(target.as_ptr(), 0) })
}

pub(crate) fn load_module(path: &Path) -> Result<()> {
    let file = File::open(path)?;
    // SAFETY: an open descriptor and an empty string of parameters.
    let code = unsafe { syscall(SYS_FINIT_MODULE, file.as_raw_fd(), c"".as_ptr(), 0) };
    if code == 0 { Ok(()) } else { Err(Error::last_os_error()) }
}

/// Ends the machine: the emulator is told not to start it again.
pub(crate) fn restart() {
    // SAFETY: a plain number.
    unsafe { reboot(RB_AUTOBOOT) };
}

fn flags(path: &Path, request: c_ulong) -> Option<u32> {
    let file = File::open(path).ok()?;
    // As large as the largest that either request may write.
    let mut value: c_long = 0;
    // SAFETY: an open descriptor, and room for what the kernel writes.
    let code = unsafe { ioctl(file.as_raw_fd(), request, &raw mut value) };
    (code == 0).then_some(value as u32)
}

/// The attribute byte of a file or directory on FAT.
pub(crate) fn fat_attributes(path: &Path) -> Option<u32> {
    flags(path, FAT_IOCTL_GET_ATTRIBUTES)
}

/// The flags of a file or directory on ext.
pub(crate) fn ext_flags(path: &Path) -> Option<u32> {
    flags(path, FS_IOC_GETFLAGS)
}

/// The attributes of a file, directory or link on NTFS: four bytes, the lowest first.
pub(crate) fn ntfs_attributes(path: &Path) -> Option<u32> {
    let value = extended_attribute(path, c"system.ntfs_attrib").ok()?;
    Some(u32::from_le_bytes(value.try_into().ok()?))
}

/// The names of a file's extended attributes.
pub(crate) fn extended_attributes(path: &Path) -> Result<Vec<CString>> {
    let path = c_path(path)?;
    let mut list = vec![0_u8; XATTR_MAX_BYTES];
    // SAFETY: the list has room for as many bytes as it is said to have.
    let len = unsafe { llistxattr(path.as_ptr(), list.as_mut_ptr().cast(), list.len()) };
    list.truncate(usize::try_from(len).map_err(|_| Error::last_os_error())?);
    Ok(list.split(|byte| *byte == 0).filter(|name| !name.is_empty()).flat_map(CString::new).collect())
}

pub(crate) fn extended_attribute(path: &Path, name: &CStr) -> Result<Vec<u8>> {
    let path = c_path(path)?;
    let mut value = vec![0_u8; XATTR_MAX_BYTES];
    // SAFETY: the value has room for as many bytes as it is said to have.
    let len = unsafe { lgetxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    value.truncate(usize::try_from(len).map_err(|_| Error::last_os_error())?);
    Ok(value)
}

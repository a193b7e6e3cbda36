//! Everything of a mounted volume: one line for each entry, in the order of their paths' bytes.

use std::fs::{self, File, Metadata};
use std::io::{Read, Result, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::kernel;
use crate::sha256::Sha256;

/// A path that a line can carry: control characters and the backslash as `\xNN`, all else as it is.
pub(crate) fn escaped(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        if byte < 0x20 || byte == 0x7f || byte == b'\\' {
            text.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        } else {
            text.push(byte);
        }
    }
    text
}

/// Writes the lines of all that is below `root`; returns how much of it could not be read.
pub(crate) fn walk(out: &mut impl Write, root: &Path, driver: &str) -> Result<u64> {
    let mut errors = 0;
    let mut paths = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        match list(&folder) {
            Ok(entries) => {
                for (path, is_folder) in entries {
                    if is_folder {
                        folders.push(path.clone());
                    }
                    paths.push(path);
                }
            }
            Err(error) => {
                errors += 1;
                failure(out, root, &folder, &error)?;
            }
        }
    }
    paths.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    for path in &paths {
        match entry(path, driver) {
            Ok(mut line) => {
                line.push(b'\t');
                line.extend_from_slice(&escaped(inside(root, path)));
                line.push(b'\n');
                out.write_all(&line)?;
            }
            Err(error) => {
                errors += 1;
                failure(out, root, path, &error)?;
            }
        }
    }
    Ok(errors)
}

/// The path as the volume has it.
fn inside<'a>(root: &Path, path: &'a Path) -> &'a [u8] {
    let path = &path.as_os_str().as_bytes()[root.as_os_str().len()..];
    if path.is_empty() { b"/" } else { path }
}

fn failure(out: &mut impl Write, root: &Path, path: &Path, error: &std::io::Error) -> Result<()> {
    let mut line = format!("error\t{error}\t").into_bytes();
    line.extend_from_slice(&escaped(inside(root, path)));
    line.push(b'\n');
    out.write_all(&line)
}

fn list(folder: &Path) -> Result<Vec<(PathBuf, bool)>> {
    fs::read_dir(folder)?
        .map(|entry| {
            let entry = entry?;
            Ok((entry.path(), entry.file_type()?.is_dir()))
        })
        .collect()
}

/// The line of an entry, without its path.
fn entry(path: &Path, driver: &str) -> Result<Vec<u8>> {
    let metadata = fs::symlink_metadata(path)?;
    let kind = letter(&metadata);
    let digest = match kind {
        'f' => file_digest(path, metadata.len())?,
        'l' => {
            let mut digest = Sha256::new();
            digest.update(fs::read_link(path)?.as_os_str().as_bytes());
            digest.hex()
        }
        _ => "-".to_owned(),
    };
    // Opening anything else may wait for another end, or touch a device.
    let opens = matches!(kind, 'f' | 'd');
    let attributes = match driver {
        "vfat" if opens => kernel::fat_attributes(path),
        "ext4" if opens => kernel::ext_flags(path),
        "ntfs3" => kernel::ntfs_attributes(path),
        _ => None,
    };
    let attributes = attributes.map_or("-".to_owned(), |bits| format!("{bits:#x}"));
    let (size, modified, mode) = (metadata.len(), metadata.mtime(), metadata.mode() & 0o7777);
    let (user, group, extended) = (metadata.uid(), metadata.gid(), extended(path)?);
    let line = format!("{kind}\t{size}\t{modified}\t{mode:04o}\t{attributes}\t{user}:{group}\t{extended}\t{digest}");
    Ok(line.into_bytes())
}

fn letter(metadata: &Metadata) -> char {
    let kind = metadata.file_type();
    match () {
        () if kind.is_file() => 'f',
        () if kind.is_dir() => 'd',
        () if kind.is_symlink() => 'l',
        () if kind.is_fifo() => 'p',
        () if kind.is_socket() => 's',
        () if kind.is_block_device() => 'b',
        () => 'c',
    }
}

fn file_digest(path: &Path, len: u64) -> Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 17];
    let mut read = 0_u64;
    loop {
        let taken = file.read(&mut buffer)?;
        if taken == 0 {
            break;
        }
        digest.update(&buffer[..taken]);
        read += taken as u64;
    }
    if read != len {
        return Err(std::io::Error::other(format!("{read} bytes came of {len}")));
    }
    Ok(digest.hex())
}

/// A digest of all extended attributes and access control lists, names and values, in the order of their names.
fn extended(path: &Path) -> Result<String> {
    let mut names = match kernel::extended_attributes(path) {
        Ok(names) => names,
        // EOPNOTSUPP: this file system has none.
        Err(error) if error.raw_os_error() == Some(95) => return Ok("-".to_owned()),
        Err(error) => return Err(error),
    };
    names.sort();
    if names.is_empty() {
        return Ok("-".to_owned());
    }
    let mut digest = Sha256::new();
    for name in names {
        let value = kernel::extended_attribute(path, &name)?;
        digest.update(name.as_bytes_with_nul());
        digest.update(&(value.len() as u64).to_le_bytes());
        digest.update(&value);
    }
    Ok(digest.hex())
}

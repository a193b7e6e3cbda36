//! Names for files that come to be, and what describes such files.
//!
//! | Offset | Size | Meaning (`$FILE_NAME`) |
//! |---|---|---|
//! | 0x00 | 8 | reference of the directory |
//! | 0x08 | 4 × 8 | times: made, changed, record changed, read |
//! | 0x28 | 8, 8 | allocated and real length |
//! | 0x38 | 4, 4 | attributes; 0x10000000 for a directory |
//! | 0x40 | 1, 1 | units in the name; name space |
//! | 0x42 | | the name |
//!
//! Name spaces: 0 POSIX, 1 Win32, 2 DOS, 3 Win32 and DOS. A Win32 name has a DOS name beside it; a name that is a DOS
//! name itself (8.3, upper-case letters and digits) is in both spaces at once. Any other gets space 0 here, as every
//! name that ntfs-3g makes: it has no short twin, and Windows and chkdsk ask for none.
//! Source: Linux-NTFS documentation, "$FILE_NAME" and "$STANDARD_INFORMATION"; ntfs-3g for the default.

use std::path::{Component, Path};

use super::attribute::put;
use crate::bytes::{u8_at, u32_at, u64_at, units_at};
use crate::error::{Error, Result};
use crate::fs::ntfs::name;
use crate::fs::ntfs::record::Reference;
use crate::fs::{Attributes, Guise};

const POSIX: u8 = 0;
const WIN32_AND_DOS: u8 = 3;

/// Attributes of files ("File attributes").
const READ_ONLY: u32 = 0x1;
const HIDDEN: u32 = 0x2;
const SYSTEM: u32 = 0x4;
const ARCHIVE: u32 = 0x20;
/// None of these others; it stands alone.
const NORMAL: u32 = 0x80;
/// What adopted files and their directory are.
pub(super) const ADOPTED_FLAGS: u32 = READ_ONLY | HIDDEN | SYSTEM;
/// A directory; only names say so.
const DIRECTORY_FLAG: u32 = 0x1000_0000;

/// The fixed part of a `$FILE_NAME`.
const NAME_AT: usize = 0x42;

/// Units in a name.
const MAX_NAME_UNITS: usize = 255;

/// Names that Windows takes for devices, whatever follows a dot.
const DEVICES: [&str; 5] = ["CON", "PRN", "AUX", "NUL", "CLOCK$"];

/// What a name says of its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Described {
    pub(super) directory: bool,
    pub(super) flags: u32,
    /// When it was made, and last read. FILETIME: 100 ns since 1601.
    pub(super) time: u64,
    /// When its content was changed last.
    pub(super) modified: u64,
    pub(super) allocated: u64,
    pub(super) len: u64,
}

impl Described {
    /// What is adopted: changed last when it was made, and hidden.
    pub(super) fn adopted(directory: bool) -> Self {
        let time = now();
        Self { directory, flags: ADOPTED_FLAGS, time, modified: time, allocated: 0, len: 0 }
    }

    /// What comes to be as it is asked to look.
    pub(super) fn new(directory: bool, guise: &Guise) -> Self {
        let time = now();
        let modified = guise.modified.map_or(time, name::filetime);
        Self { directory, flags: flags_of(0, guise.attributes), time, modified, allocated: 0, len: 0 }
    }

    /// The same with other lengths.
    pub(super) fn with_sizes(self, allocated: u64, len: u64) -> Self {
        Self { allocated, len, ..self }
    }
}

/// Attributes with those bits that are asked for; what else they say stays.
pub(super) fn flags_of(old: u32, wanted: Attributes) -> u32 {
    let bits =
        [(wanted.read_only, READ_ONLY), (wanted.hidden, HIDDEN), (wanted.system, SYSTEM), (wanted.archive, ARCHIVE)];
    bits.iter().fold(old & !NORMAL, |flags, (is_set, bit)| if *is_set { flags | bit } else { flags & !bit })
}

/// The value of a `$FILE_NAME`.
pub(super) fn key(parent: Reference, units: &[u16], described: Described) -> Vec<u8> {
    let mut key = vec![0; NAME_AT + units.len() * 2];
    put(&mut key, 0, &parent.0.to_le_bytes());
    put(&mut key, 8, &times(described));
    set_sizes(&mut key, described.allocated, described.len);
    let flags = described.flags | if described.directory { DIRECTORY_FLAG } else { 0 };
    put(&mut key, 0x38, &flags.to_le_bytes());
    key[0x40] = units.len() as u8;
    key[0x41] = if is_dos(units) { WIN32_AND_DOS } else { POSIX };
    for (at, unit) in units.iter().enumerate() {
        put(&mut key, NAME_AT + at * 2, &unit.to_le_bytes());
    }
    key
}

/// Made, changed, record changed, read.
fn times(described: Described) -> Vec<u8> {
    let Described { time, modified, .. } = described;
    [time, modified, time, time].iter().flat_map(|time| time.to_le_bytes()).collect()
}

/// Changes the times and attributes that a `$FILE_NAME` tells to those of a `$STANDARD_INFORMATION`. The upper bits
/// of the attributes are the name's own: a directory, an index of views.
pub(super) fn set_look(key: &mut [u8], information: &[u8]) {
    if let (Some(times), Some(flags), Some(old)) = (information.get(..32), u32_at(information, 0x20), u32_at(key, 0x38))
        && key.len() >= NAME_AT
    {
        put(key, 8, times);
        let flags = old & 0xF000_0000 | flags & 0x0FFF_FFFF;
        put(key, 0x38, &flags.to_le_bytes());
    }
}

/// Changes the lengths that a `$FILE_NAME` tells; it has at least its fixed part.
pub(super) fn set_sizes(key: &mut [u8], allocated: u64, len: u64) {
    if key.len() >= NAME_AT {
        put(key, 0x28, &allocated.to_le_bytes());
        put(key, 0x30, &len.to_le_bytes());
    }
}

/// The directory and the name that a `$FILE_NAME` tells.
pub(super) fn parse_key(key: &[u8]) -> Option<(Reference, Vec<u16>)> {
    let units = units_at(key, NAME_AT, usize::from(u8_at(key, 0x40)?))?;
    Some((Reference(u64_at(key, 0)?), units))
}

/// The value of `$STANDARD_INFORMATION`: 72 bytes with the id of a security descriptor, or 48 bytes without.
pub(super) fn standard_information(described: Described, security: Option<u32>) -> Vec<u8> {
    let mut value = vec![0; if security.is_some() { 72 } else { 48 }];
    put(&mut value, 0, &times(described));
    put(&mut value, 0x20, &described.flags.to_le_bytes());
    if let Some(security) = security {
        put(&mut value, 0x34, &security.to_le_bytes());
    }
    value
}

/// A security descriptor that lets everybody do everything, owned by the administrators; for a file whose directory
/// has none of its own that could be taken over. The same as ntfs-3g gives without a user mapping.
/// Source: Linux-NTFS documentation, "$SECURITY_DESCRIPTOR"; well-known security identifiers of Windows.
pub(super) fn open_descriptor() -> Vec<u8> {
    const ADMINISTRATORS: [u8; 16] = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
    const EVERYBODY: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    let mut bytes = vec![0; 0x14];
    bytes[0] = 1;
    // The descriptor is self-relative (0x8000) and has a list of rights (0x0004).
    put(&mut bytes, 2, &0x8004u16.to_le_bytes());
    put(&mut bytes, 4, &0x30u32.to_le_bytes());
    put(&mut bytes, 8, &0x40u32.to_le_bytes());
    put(&mut bytes, 16, &0x14u32.to_le_bytes());
    // The list: revision 2, 28 bytes, one entry, which allows (0), and is inherited by nobody (0).
    bytes.extend([2, 0, 28, 0, 1, 0, 0, 0]);
    bytes.extend([0, 0, 20, 0]);
    bytes.extend(0x001F_01FFu32.to_le_bytes());
    bytes.extend(EVERYBODY);
    bytes.extend(ADMINISTRATORS);
    bytes.extend(ADMINISTRATORS);
    bytes
}

/// Now, in 100 ns since 1601.
pub(super) fn now() -> u64 {
    name::filetime(crate::fs::edit::now())
}

/// True for a name that DOS could have given: eight and three upper-case letters, digits and some signs.
fn is_dos(units: &[u16]) -> bool {
    let allowed = |unit: &u16| {
        u8::try_from(*unit)
            .is_ok_and(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"$%'-_@~`!(){}^#&".contains(&byte))
    };
    let mut parts = units.split(|unit| *unit == u16::from(b'.'));
    let (base, extension, more) = (parts.next().unwrap_or(&[]), parts.next(), parts.next());
    let fits = |part: &[u16], most: usize| (1..=most).contains(&part.len()) && part.iter().all(allowed);
    fits(base, 8) && extension.is_none_or(|extension| fits(extension, 3)) && more.is_none()
}

/// The units of a name for a new file.
///
/// # Errors
/// `Refused` when Windows could not open a file of that name.
pub(super) fn check(name: &str) -> Result<Vec<u16>> {
    let units: Vec<u16> = name.encode_utf16().collect();
    check_units(&units)?;
    Ok(units)
}

/// The same for a name in units, which need not be text.
///
/// # Errors
/// As [`check`].
pub(super) fn check_units(units: &[u16]) -> Result<()> {
    let name = String::from_utf16_lossy(units);
    let refused = |why: &str| Error::refused(format!("\"{}\" is no name for a file: {why}", name.escape_debug()));
    if units.is_empty() || units.len() > MAX_NAME_UNITS {
        return Err(refused(&format!("it has {} characters, and may have 1 to {MAX_NAME_UNITS}", units.len())));
    }
    if name.chars().any(|character| character < ' ' || "\"*/:<>?\\|".contains(character)) {
        return Err(refused("one of its characters is not allowed"));
    }
    if name.ends_with([' ', '.']) {
        return Err(refused("it ends in a space or a dot"));
    }
    let base = name.split('.').next().unwrap_or_default().trim_end();
    let port = |prefix: &str| {
        let rest = base.get(..3).filter(|start| start.eq_ignore_ascii_case(prefix)).and_then(|_| base.get(3..));
        rest.is_some_and(|rest| rest.len() == 1 && matches!(rest.as_bytes(), [b'1'..=b'9']))
    };
    if DEVICES.iter().any(|device| base.eq_ignore_ascii_case(device)) || port("COM") || port("LPT") {
        return Err(refused("Windows takes it for a device"));
    }
    Ok(())
}

/// The names on the way from the root.
///
/// # Errors
/// `Refused` for a path that goes up, or that no name of NTFS can be.
pub(super) fn parts(path: &Path) -> Result<Vec<Vec<u16>>> {
    let wrong = || Error::refused(format!("{} is no path on the volume", path.display()));
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(part) => parts.push(name::from_os(part).ok_or_else(wrong)?),
            Component::ParentDir | Component::Prefix(_) => return Err(wrong()),
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_dos_could_give_are_in_both_spaces() {
        let dos = |name: &str| is_dos(&name.encode_utf16().collect::<Vec<_>>());
        for name in ["LIFEBOAT", "NAME.001", "A", "IMAGE-01.LBI"] {
            assert!(dos(name), "{name}");
        }
        for name in ["toc-begin.lbc", "NAME.lbi", "LONGERNAME", "A.B.C", ".A", "A.", "A B", "Ä", ""] {
            assert!(!dos(name), "{name}");
        }
    }

    #[test]
    fn names_that_windows_could_not_open_are_refused() {
        for name in ["", "a/b", "a:b", "a.", "a ", "con", "Com1.txt", "lpt9", "a\u{1}", "*", "nul.x"] {
            assert!(check(name).is_err(), "{name}");
        }
        assert!(check(&"x".repeat(256)).is_err());
        for name in ["LIFEBOAT", "toc-begin.lbc", "com0", "com10", "confer", "日本", ".x", "a b"] {
            assert!(check(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_open_descriptor_points_to_its_parts() {
        let bytes = open_descriptor();
        assert_eq!(bytes.len(), 0x50);
        assert_eq!(bytes[0x30..0x32], [1, 2]);
        assert_eq!(bytes[0x40..0x42], [1, 2]);
    }
}

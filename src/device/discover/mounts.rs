//! What is mounted and what is swapped to, from `/proc/self/mountinfo` and `/proc/swaps`.

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::Number;

/// One line of each file, as far as it matters here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::device) struct Use {
    pub(in crate::device) number: Option<Number>,
    pub(in crate::device) source: PathBuf,
    pub(in crate::device) place: PathBuf,
    /// `ext4`, `fuseblk`…
    pub(in crate::device) file_system: String,
    /// Swapped to, not mounted.
    pub(in crate::device) is_swap: bool,
}

/// All mounts and swaps.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::device) struct Mounts(Vec<Use>);

impl Mounts {
    /// Reads both files. One that cannot be read counts as empty: in a rescue system there may be none.
    pub(in crate::device) fn read(proc: &Path) -> Self {
        let text = |file: &str| fs::read(proc.join(file)).unwrap_or_default();
        let mounts = text("self/mountinfo");
        let swaps = text("swaps");
        let mounts = mounts.split(|&byte| byte == b'\n').filter_map(mount);
        Self(mounts.chain(swaps.split(|&byte| byte == b'\n').skip(1).filter_map(swap)).collect())
    }

    /// All of them, in the order in which they were mounted.
    pub(in crate::device) fn all(&self) -> &[Use] {
        &self.0
    }

    /// Where a device is in use. A file system with device numbers of its own (Btrfs) is known by its source.
    pub(super) fn of(&self, number: Number, node: &Path) -> Vec<PathBuf> {
        let mine = self.0.iter().filter(|used| used.number == Some(number) || used.source == node);
        once(mine.map(|used| used.place.clone()))
    }

    /// Where something is in use that is named so.
    pub(super) fn of_source(&self, source: &Path) -> Vec<PathBuf> {
        once(self.0.iter().filter(|used| used.source == source).map(|used| used.place.clone()))
    }
}

/// A place that is mounted over is told once.
fn once(places: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut seen = Vec::new();
    places.for_each(|place| {
        if !seen.contains(&place) {
            seen.push(place);
        }
    });
    seen
}

/// `36 35 98:0 /root /mount options tags… - type source options`
fn mount(line: &[u8]) -> Option<Use> {
    let mut fields = line.split(|&byte| byte == b' ');
    let number = std::str::from_utf8(fields.nth(2)?).ok()?;
    let (major, minor) = number.split_once(':')?;
    let place = unescape(fields.nth(1)?);
    let mut fields = fields.skip_while(|field| *field != b"-");
    let file_system = String::from_utf8_lossy(fields.nth(1)?).into_owned();
    let source = unescape(fields.next()?);
    // Names such as /dev/mapper/x and /dev/root are links to the kernel's nodes.
    let source = if source.starts_with("/dev") { source.canonicalize().unwrap_or(source) } else { source };
    let number = Some((major.parse().ok()?, minor.parse().ok()?));
    Some(Use { number, source, place, file_system, is_swap: false })
}

/// `/dev/sda2 partition 1048572 0 -2`
fn swap(line: &[u8]) -> Option<Use> {
    let mut fields = line.split(u8::is_ascii_whitespace);
    let source = fields.next().filter(|source| !source.is_empty())?;
    let (source, place) = (unescape(source), "[swap]".into());
    Some(Use { number: None, source, place, file_system: String::new(), is_swap: true })
}

/// Blanks, tabs, newlines and backslashes are written as a backslash and three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, tail)) = rest.split_first() {
        let code = || u8::from_str_radix(std::str::from_utf8(tail.get(..3)?).ok()?, 8).ok();
        match (byte, code()) {
            (b'\\', Some(code)) => {
                bytes.push(code);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    std::ffi::OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_broken_ones_kept() {
        assert_eq!(unescape(b"/a\\040b\\134c\\9"), PathBuf::from("/a b\\c\\9"));
        assert_eq!(unescape(b"\\"), PathBuf::from("\\"));
        assert_eq!(unescape(b"\\777"), PathBuf::from("\\777"));
    }

    #[test]
    fn a_broken_line_is_passed_over() {
        for line in ["", "1 2", "1 2 x:y / /m rw - a b c", "1 2 3:4 / /m rw a b c"] {
            assert_eq!(mount(line.as_bytes()), None, "{line}");
        }
    }
}

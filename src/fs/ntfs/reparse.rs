//! Reparse points: links, and content that a filter driver keeps elsewhere.
//!
//! A reparse point is a 32-bit tag, a 16-bit length, two unused bytes and the data. Tags and layouts: \[MS-FSCC\]
//! section 2.1.2. ntfs-3g's own links (`IntxLNK`, from Interix) are system files with a magic instead.

use std::path::PathBuf;

use super::name;
use crate::bytes::{u16_at, u32_at, units_at};
use crate::fs::EntryKind;

/// Longest reparse point Windows accepts, with its header.
pub(super) const MAX_BYTES: usize = 16 << 10;

/// Longest Interix file that is looked at: the magic and a path.
pub(super) const MAX_INTERIX_BYTES: u64 = 8 + 2 * 32768;

const MOUNT_POINT: u32 = 0xA000_0003;
const SYMLINK: u32 = 0xA000_000C;
const LX_SYMLINK: u32 = 0xA000_001D;
const WOF: u32 = 0x8000_0017;
const DEDUP: u32 = 0x8000_0013;
/// Set in tags of points that stand for something of another name.
const NAME_SURROGATE: u32 = 0x2000_0000;
/// Sockets, pipes and devices of WSL, and links to store applications.
const SPECIAL: [u32; 5] = [0x8000_001B, 0x8000_0023, 0x8000_0024, 0x8000_0025, 0x8000_0026];

/// What a reparse point makes of its file; `None` when it stays what its record says.
pub(super) fn kind(value: &[u8]) -> Option<EntryKind> {
    let tag = u32_at(value, 0)?;
    match tag {
        MOUNT_POINT => Some(EntryKind::Symlink(windows_target(value, 16))),
        SYMLINK => Some(EntryKind::Symlink(windows_target(value, 20))),
        LX_SYMLINK => {
            let target = value.get(12..).and_then(|rest| std::str::from_utf8(rest).ok());
            Some(EntryKind::Symlink(target.map(PathBuf::from)))
        }
        _ if tag & NAME_SURROGATE != 0 || SPECIAL.contains(&tag) => Some(EntryKind::Special),
        _ => None,
    }
}

/// Why a file with this reparse point cannot be read here, when its content lies elsewhere.
pub(super) fn hidden_content(value: &[u8]) -> Option<&'static str> {
    match u32_at(value, 0)? {
        WOF => Some("the file is compressed by Windows (WOF, \"compact\")"),
        DEDUP => Some("the file is deduplicated by Windows Server"),
        0xC000_0004 | 0x8000_0006 => Some("the file was moved to other storage (HSM)"),
        0x8000_0008 => Some("the file lies in a WIM image (wimboot)"),
        _ => None,
    }
}

/// The name to show, else the one to follow without its `\??\`.
fn windows_target(value: &[u8], paths: usize) -> Option<PathBuf> {
    let name = |at: usize| {
        let offset = usize::from(u16_at(value, at)?);
        let units = units_at(value, paths + offset, usize::from(u16_at(value, at + 2)?) / 2)?;
        (!units.is_empty()).then_some(units)
    };
    let shown = name(12).or_else(|| {
        let units = name(8)?;
        let prefix: Vec<u16> = "\\??\\".encode_utf16().collect();
        Some(units.strip_prefix(prefix.as_slice()).map_or(units.clone(), <[u16]>::to_vec))
    });
    shown.map(|units| PathBuf::from(name::to_os(&units)))
}

/// What a system file's content makes of it, in the way of Interix and ntfs-3g.
pub(super) fn interix(content: &[u8]) -> Option<EntryKind> {
    match content.get(..8)? {
        b"IntxLNK\x01" => {
            let units = units_at(content, 8, (content.len() - 8) / 2)?;
            Some(EntryKind::Symlink(Some(PathBuf::from(name::to_os(&units)))))
        }
        b"IntxCHR\0" | b"IntxBLK\0" => Some(EntryKind::Special),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(tag: u32, header: usize, substitute: &str, print: &str) -> Vec<u8> {
        let units = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let (first, second) = (units(substitute), units(print));
        let mut value = vec![0; header];
        value[..4].copy_from_slice(&tag.to_le_bytes());
        value[10..12].copy_from_slice(&(first.len() as u16).to_le_bytes());
        value[12..14].copy_from_slice(&(first.len() as u16).to_le_bytes());
        value[14..16].copy_from_slice(&(second.len() as u16).to_le_bytes());
        [value, first, second].concat()
    }

    #[test]
    fn links_give_their_targets() {
        let link = |target: &str| Some(EntryKind::Symlink(Some(PathBuf::from(target))));
        assert_eq!(kind(&point(SYMLINK, 20, "\\??\\C:\\a", "C:\\a")), link("C:\\a"));
        assert_eq!(kind(&point(MOUNT_POINT, 16, "\\??\\C:\\b", "")), link("C:\\b"));
        assert_eq!(kind(&[0x1D, 0, 0, 0xA0, 7, 0, 0, 0, 2, 0, 0, 0, b'a', b'/', b'b']), link("a/b"));
        assert_eq!(kind(&point(SYMLINK, 20, "x", "y")[..21]), Some(EntryKind::Symlink(None)));
    }

    #[test]
    fn content_kept_elsewhere_is_named() {
        assert!(hidden_content(&WOF.to_le_bytes()).unwrap().contains("WOF"));
        assert_eq!(kind(&WOF.to_le_bytes()), None);
        assert_eq!(hidden_content(&SYMLINK.to_le_bytes()), None);
    }
}

//! What `$LogFile` says about how the volume was left.
//!
//! The log begins with two restart pages. A page of version 2.0 is written by Windows 8 and later while it keeps
//! metadata in memory: over fast start, or when the disk was unplugged. Version 1.1 with a client in use and
//! without the flag "volume is clean" means that transactions wait. A log of 0xFF bytes was reset and is clean.
//! Source: Linux-NTFS documentation, "$LogFile"; the reading of version 2.0 is what ntfs-3g does.

use super::record;
use crate::bytes::{u16_at, u32_at, u64_at};
use crate::unit::ByteOffset;

/// Bytes from the log's start in which both restart pages lie, for pages of up to 64 KiB.
pub(super) const HEAD_BYTES: usize = 128 << 10;

/// What the restart pages say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Log {
    /// Nothing waits.
    Clean,
    /// Transactions wait to be redone or undone.
    Pending,
    /// Windows keeps metadata in memory.
    Cached,
    /// No restart page can be read.
    Unreadable,
}

struct Restart {
    lsn: u64,
    version: (u16, u16),
    clean: bool,
}

/// Judges a log by its first [`HEAD_BYTES`].
pub(super) fn judge(head: &[u8]) -> Log {
    if head.iter().all(|byte| *byte == 0xFF) {
        return Log::Clean;
    }
    let first = restart(head, 0);
    // The second page follows the first; when that is damaged, it may begin at any multiple of a page size.
    let seconds = (9..=16).filter_map(|power| restart(head, 1usize << power));
    let Some(newest) = first.into_iter().chain(seconds).max_by_key(|page| page.lsn) else { return Log::Unreadable };
    match newest.version {
        (2, 0) => Log::Cached,
        _ if newest.clean => Log::Clean,
        _ => Log::Pending,
    }
}

fn restart(head: &[u8], at: usize) -> Option<Restart> {
    const NO_CLIENT: u16 = 0xFFFF;
    const VOLUME_IS_CLEAN: u16 = 2;
    let header = head.get(at..)?;
    let magic: &[u8; 4] = match header.get(..4)? {
        b"RSTR" => b"RSTR",
        // A page that chkdsk has changed.
        b"CHKD" => b"CHKD",
        _ => return None,
    };
    let page_bytes = u32_at(header, 16)? as usize;
    if !page_bytes.is_power_of_two() || !(512..=65536).contains(&page_bytes) {
        return None;
    }
    let mut page = header.get(..page_bytes)?.to_vec();
    record::unfix(&mut page, magic, ByteOffset(at as u64)).ok()?;
    let area = usize::from(u16_at(&page, 24)?);
    let version = (u16_at(&page, 28)?, u16_at(&page, 26)?);
    let lsn = u64_at(&page, area)?;
    let in_use = u16_at(&page, area.checked_add(12)?)?;
    let flags = u16_at(&page, area.checked_add(14)?)?;
    Some(Restart { lsn, version, clean: in_use == NO_CLIENT || flags & VOLUME_IS_CLEAN != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(lsn: u64, version: u16, in_use: u16, flags: u16) -> Vec<u8> {
        let mut page = vec![0; 4096];
        page[..4].copy_from_slice(b"RSTR");
        page[4..8].copy_from_slice(&[30, 0, 9, 0]);
        page[16..20].copy_from_slice(&4096u32.to_le_bytes());
        page[24] = 48;
        page[26] = if version == 2 { 0 } else { 1 };
        page[28] = version as u8;
        page[48..56].copy_from_slice(&lsn.to_le_bytes());
        page[60..62].copy_from_slice(&in_use.to_le_bytes());
        page[62..64].copy_from_slice(&flags.to_le_bytes());
        page
    }

    #[test]
    fn the_newest_restart_page_decides() {
        let log = |first: Vec<u8>, second: Vec<u8>| judge(&[first, second].concat());
        assert_eq!(judge(&[0xFF; 8192]), Log::Clean);
        assert_eq!(judge(&[0; 8192]), Log::Unreadable);
        assert_eq!(log(page(5, 1, 0xFFFF, 0), page(4, 1, 0, 0)), Log::Clean);
        assert_eq!(log(page(3, 1, 0xFFFF, 0), page(4, 1, 0, 0)), Log::Pending);
        assert_eq!(log(page(3, 1, 0, 0), page(4, 1, 0, 2)), Log::Clean);
        assert_eq!(log(page(5, 2, 0xFFFF, 2), page(4, 1, 0, 0)), Log::Cached);
        assert_eq!(log(vec![0; 4096], page(4, 1, 0, 0)), Log::Pending);
    }
}

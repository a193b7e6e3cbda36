//! Kinds of volume that Lifeboat recognises, but images as raw sectors only.
//!
//! All by signatures in the first 68 KiB, from a table; the source of each fact stands beside it.
//!
//! No signature outranks another. The makers of volumes wipe what they find (mkfs.xfs, mkfs.btrfs, mkfs.ext4,
//! cryptsetup) or overwrite sector 0 (mkfs.fat, mkntfs, mkfs.exfat), so that one is left; where two are left (`mkntfs`
//! over Btrfs, whose superblock is out of its reach) blkid calls the result ambivalent, and so do we. FAT, whose signature
//! is the weakest, is recognised by sector 0 alone and by all of its fields together; its backup is asked only when
//! nobody knows the volume.

use super::{Kind, is_partition_table};
use crate::bytes::u32_at;
use crate::device::SharedDevice;
use crate::error::Result;
use crate::unit::ByteOffset;

/// What sector 0 of a target begins with until its restore is complete.
pub const UNFINISHED_MARKER: &[u8] = b"LIFEBOAT-UNFINISHED";

/// Up to the last signature: Btrfs' superblock at 64 KiB, with its label.
const HEAD_BYTES: usize = 68 << 10;

/// Bytes at offsets that must all be there.
type Signature = (Kind, &'static [(usize, &'static [u8])]);

const SIGNATURES: &[Signature] = &[
    // Microsoft, exFAT specification, 3.1: FileSystemName, BootSignature.
    (Kind::ExFat, &[(3, b"EXFAT   "), (0x1FE, b"\x55\xAA")]),
    // XFS Algorithms & Data Structures, superblock: sb_magicnum.
    (Kind::Xfs, &[(0, b"XFSB")]),
    // Btrfs wiki, on-disk format: superblock at 64 KiB, magic at 0x40.
    (Kind::Btrfs, &[(0x10040, b"_BHRfS_M")]),
    // Apple TN1150: volume header at 1024; version 4 is HFS+, 5 is HFSX.
    (Kind::HfsPlus, &[(0x400, b"H+\x00\x04")]),
    (Kind::HfsPlus, &[(0x400, b"HX\x00\x05")]),
    // LUKS1 On-Disk Format and LUKS2 On-Disk Format: magic, big-endian version.
    (Kind::Luks, &[(0, b"LUKS\xBA\xBE\x00\x01")]),
    (Kind::Luks, &[(0, b"LUKS\xBA\xBE\x00\x02")]),
    // LVM2 label: in any of the first four sectors; its type at 24.
    (Kind::Lvm2, &[(0x000, b"LABELONE"), (0x018, b"LVM2 001")]),
    (Kind::Lvm2, &[(0x200, b"LABELONE"), (0x218, b"LVM2 001")]),
    (Kind::Lvm2, &[(0x400, b"LABELONE"), (0x418, b"LVM2 001")]),
    (Kind::Lvm2, &[(0x600, b"LABELONE"), (0x618, b"LVM2 001")]),
    // libbde, BitLocker Drive Encryption format: OEM name; To Go: the identifier GUIDs at 0x1A8.
    (Kind::BitLocker, &[(3, b"-FVE-FS-")]),
    (
        Kind::BitLocker,
        &[(3, b"MSWIN4.1"), (0x1A8, b"\x3B\xD6\x67\x49\x29\x2E\xD8\x4A\x83\x99\xF6\xA3\x39\xE3\xD0\x01")],
    ),
    (
        Kind::BitLocker,
        &[(3, b"MSWIN4.1"), (0x1A8, b"\x3B\x4D\xA8\x92\x80\xDD\x0E\x4D\x9E\x4E\xB1\xE3\x28\x4E\xAE\xD8")],
    ),
    // ECMA-119, 8.1.2: first volume descriptor in sector 16 of 2048 bytes.
    (Kind::Iso9660, &[(0x8001, b"CD001")]),
    // Linux, squashfs_fs.h: s_magic, little-endian, major version 4.
    (Kind::Squashfs, &[(0, b"hsqs"), (28, b"\x04\x00")]),
];

/// Signs of what Lifeboat has no name for. They make no kind; but a device that bears one is not a volume of FAT,
/// NTFS or ext with a destroyed first sector, even though the backup of an older one may still lie on it.
const OTHERS: &[(usize, &[u8])] = &[
    // UEFI, GPT header in block 1, of 512 or 4096 bytes: a whole disk.
    (0x200, b"EFI PART"),
    (0x1000, b"EFI PART"),
    // Linux, f2fs_fs.h; nilfs2_ondisk.h; jfs_superblock.h; reiserfs.h; bcachefs_format.h: magic of the superblock.
    (0x400, b"\x10\x20\xF5\xF2"),
    (0x406, b"\x34\x34"),
    (0x8000, b"JFS1"),
    (0x10034, b"ReIsEr"),
    (0x1018, b"\xC6\x85\x73\xF6\x4E\x1A\x45\xCA\x82\x65\xF5\x7F\x48\xBA\x6D\x81"),
    // Linux, md_p.h: member of a RAID, metadata 1.1 and 1.2.
    (0, b"\xFC\x4E\x2B\xA9"),
    (0x1000, b"\xFC\x4E\x2B\xA9"),
    // Microsoft, ReFS volume boot record.
    (3, b"ReFS\0\0\0\0"),
];

/// Linux, swap.h: the last ten bytes of the first page; a page is 4 to 64 KiB.
const SWAP_MAGICS: [&[u8]; 2] = [b"SWAPSPACE2", b"SWAP-SPACE"];
const PAGE_BYTES: [usize; 5] = [4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10];

/// The kinds whose signatures the device bears, each once. A target whose restore was cut short is
/// [`Kind::Unfinished`] and nothing else, whatever the old or new content still shows.
///
/// # Errors
/// When none of the device's first bytes can be read.
pub fn recognise(device: &SharedDevice) -> Result<Vec<Kind>> {
    let head = read_head(device)?;
    if head.starts_with(UNFINISHED_MARKER) {
        return Ok(vec![Kind::Unfinished]);
    }
    let mut kinds = Vec::new();
    for (kind, parts) in SIGNATURES {
        if parts.iter().all(|(offset, bytes)| has(&head, *offset, bytes)) && !kinds.contains(kind) {
            kinds.push(*kind);
        }
    }
    if PAGE_BYTES.iter().any(|page| SWAP_MAGICS.iter().any(|magic| has(&head, page - 10, magic))) {
        kinds.push(Kind::Swap);
    }
    Ok(kinds)
}

/// True when the device's first bytes show a partition table, or something that Lifeboat does not read, so
/// that no backup found elsewhere on it may be believed.
#[must_use]
pub fn is_something_else(device: &SharedDevice) -> bool {
    let Ok(head) = read_head(device) else { return false };
    is_partition_table(&head) || OTHERS.iter().any(|(offset, magic)| has(&head, *offset, magic))
}

fn has(head: &[u8], offset: usize, bytes: &[u8]) -> bool {
    head.get(offset..).is_some_and(|rest| rest.starts_with(bytes))
}

/// The first bytes, as many as there are. Unreadable sectors read as zeros: one bad sector must not hide
/// what the others tell.
fn read_head(device: &SharedDevice) -> Result<Vec<u8>> {
    let len = device.len().to_usize().map_or(HEAD_BYTES, |len| len.min(HEAD_BYTES));
    let mut head = vec![0; len];
    let Err(problem) = device.read_at(ByteOffset::ZERO, &mut head) else {
        return Ok(head);
    };
    let mut readable = false;
    let sector_bytes = device.sector_bytes().max(512) as usize;
    for (index, sector) in head.chunks_mut(sector_bytes).enumerate() {
        match device.read_at(ByteOffset((index * sector_bytes) as u64), sector) {
            Ok(()) => readable = true,
            Err(_) => sector.fill(0),
        }
    }
    if readable { Ok(head) } else { Err(problem) }
}

/// What can be told of such a volume at little cost.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// Its name.
    pub label: Option<String>,
    /// Serial number or UUID.
    pub id: Option<String>,
}

/// Label and id of a volume of this kind; what cannot be read is left out.
#[must_use]
pub fn describe(device: &SharedDevice, kind: Kind) -> Facts {
    let Ok(head) = read_head(device) else {
        return Facts::default();
    };
    let (id, label) = match kind {
        Kind::ExFat => (serial(&head, 0x64), None),
        Kind::Xfs => (uuid(&head, 32), text(&head, 108, 12)),
        Kind::Btrfs => (uuid(&head, 0x10020), text(&head, 0x1012B, 256)),
        Kind::Swap => (uuid(&head, 0x40C), text(&head, 0x41C, 16)),
        // The label field is LUKS2's; LUKS1 has its cipher's mode there.
        Kind::Luks => (text(&head, 168, 40), if has(&head, 6, &[0, 2]) { text(&head, 24, 48) } else { None }),
        Kind::Lvm2 => (lvm_id(&head), None),
        Kind::Iso9660 => (None, text(&head, 0x8028, 32)),
        _ => (None, None),
    };
    Facts { label, id }
}

fn uuid(head: &[u8], offset: usize) -> Option<String> {
    let raw: [u8; 16] = head.get(offset..)?.first_chunk().copied()?;
    (raw != [0; 16]).then(|| uuid::Uuid::from_bytes(raw).to_string())
}

/// The first field behind the label (LVM2, label.h, pv_header): 32 letters, which LVM's own tools write in groups.
fn lvm_id(head: &[u8]) -> Option<String> {
    let label = (0..4).map(|sector| sector * 512).find(|at| has(head, *at, b"LABELONE"))?;
    let skip = u32::from_le_bytes(head.get(label + 20..)?.first_chunk().copied()?);
    let start = label.checked_add(usize::try_from(skip).ok()?)?;
    let letters = head.get(start..start.checked_add(32)?)?;
    let mut rest = std::str::from_utf8(letters).ok().filter(|text| text.bytes().all(|b| b.is_ascii_alphanumeric()))?;
    let mut groups = Vec::new();
    for len in [6, 4, 4, 4, 4, 4, 6] {
        let (group, behind) = rest.split_at(len);
        groups.push(group);
        rest = behind;
    }
    Some(groups.join("-"))
}

/// Microsoft's serial numbers: `1A2B-3C4D`.
fn serial(head: &[u8], offset: usize) -> Option<String> {
    let raw = u32_at(head, offset)?;
    Some(format!("{:04X}-{:04X}", raw >> 16, raw & 0xFFFF))
}

/// A field padded with zeros or spaces.
fn text(head: &[u8], offset: usize, len: usize) -> Option<String> {
    let field = head.get(offset..offset + len)?;
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(len);
    let text = String::from_utf8_lossy(&field[..end]).trim_end().to_owned();
    (!text.is_empty()).then_some(text)
}

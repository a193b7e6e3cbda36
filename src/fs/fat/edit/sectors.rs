//! What stands in sectors of its own: the count of free clusters in FSInfo, the state in the boot sector.
//!
//! | FSInfo offset | Size | Meaning (fatgen103, "FAT32 FSInfo Sector Structure") |
//! |---|---|---|
//! | 0x000 | 4 | `RRaA` |
//! | 0x1E4 | 4 | `rrAa` |
//! | 0x1E8 | 4 | free clusters; FFFFFFFF: not known; more than there are: not known either |
//! | 0x1EC | 4 | where to begin looking for a free cluster |
//! | 0x1FC | 4 | `00 00 55 AA` |
//!
//! The count is kept where it was known, and where a copy of the sector beside the boot sector's copy was equal to
//! it, there too. The second number is a hint that any cluster fulfils, free or not: it stays.

use super::Editor;
use crate::device::read_array;
use crate::error::Result;
use crate::fs::fat::Volume;
use crate::fs::fat::boot::{BOOT_BYTES, Boot, Root};
use crate::fs::{Kind, Tag};
use crate::unit::ByteOffset;

/// Bytes of FSInfo that carry meaning, whatever the sector size.
const INFO_BYTES: usize = 512;
/// Where FAT32's boot sector names FSInfo's sector (BPB_FSInfo).
const INFO_SECTOR_OFFSET: usize = 0x30;
/// Where the count of free clusters stands (FSI_Free_Count).
const FREE_COUNT_OFFSET: usize = 0x1E8;
/// Where FAT32's boot sector names the root directory's first cluster (BPB_RootClus).
const ROOT_CLUSTER_OFFSET: u64 = 0x2C;
/// The signature that says that a boot sector has the fields behind the drive number: 28 or 29 (BS_BootSig).
const EXTENDED: [u8; 2] = [0x28, 0x29];

/// FSInfo sectors that hold a count to be kept: the first, and its copy where that is one.
pub(super) fn find_info(volume: &Volume, boot_sector: &[u8; BOOT_BYTES]) -> Result<Vec<ByteOffset>> {
    let boot = &volume.boot;
    let number = u64::from(u16::from_le_bytes([boot_sector[INFO_SECTOR_OFFSET], boot_sector[INFO_SECTOR_OFFSET + 1]]));
    let place = number * u64::from(boot.sector_bytes);
    // 0 and FFFF: there is none; it lies in the reserved sectors.
    if boot.kind != Kind::Fat32 || number == 0 || place >= boot.fat_offset.0 {
        return Ok(Vec::new());
    }
    let sector: [u8; INFO_BYTES] = read_array(&volume.device, ByteOffset(place))?;
    let signed =
        sector.starts_with(b"RRaA") && sector[0x1E4..].starts_with(b"rrAa") && sector[0x1FC..] == *b"\0\0\x55\xAA";
    if !signed || free_count(&sector) > boot.clusters {
        return Ok(Vec::new());
    }
    let mut places = vec![ByteOffset(place)];
    // The boot sector's copy is one of the sectors behind it, too: it lies at the same distance (fatgen103,
    // "BPB_BkBootSec").
    if let Some(backup) = boot.backup {
        let copy = ByteOffset(backup.0 + place);
        if copy.0 < boot.fat_offset.0 && read_array(&volume.device, copy)? == sector {
            places.push(copy);
        }
    }
    Ok(places)
}

fn free_count(sector: &[u8; INFO_BYTES]) -> u32 {
    let mut raw = [0; 4];
    raw.copy_from_slice(&sector[FREE_COUNT_OFFSET..FREE_COUNT_OFFSET + 4]);
    u32::from_le_bytes(raw)
}

impl Editor {
    /// Writes the count of free clusters where one is kept.
    pub(super) fn write_free_count(&self) -> Result<()> {
        // There are fewer than 2²⁸.
        let count = self.free as u32;
        for (place, what) in self.info.iter().zip(["FSInfo", "FSInfo's copy"]) {
            let offset = ByteOffset(place.0 + FREE_COUNT_OFFSET as u64);
            self.overlay.write(offset, &count.to_le_bytes(), Tag::new(what).part("free clusters"))?;
        }
        Ok(())
    }

    /// Marks the volume in use or properly unmounted: bit 0 of the boot sector's state byte (Windows NT's and Linux'
    /// mark, at 0x25, FAT32 at 0x41), and FAT entry 1's bit "cleanly unmounted" (fatgen103, "ClnShutBitMask"), which
    /// FAT12 has not. The copy of the boot sector stays as it is: nobody marks it, and `fsck.fat` knows.
    pub(super) fn write_mark(&mut self, dirty: bool) -> Result<()> {
        let (place, clean) = match self.volume.boot.kind {
            Kind::Fat12 => (0x25, None),
            Kind::Fat16 => (0x25, Some(0x8000)),
            _ => (0x41, Some(0x0800_0000)),
        };
        let sector: [u8; BOOT_BYTES] = read_array(&*self.overlay, ByteOffset::ZERO)?;
        // Without the signature behind it, the byte may be code of a boot sector from before DOS 4.
        if EXTENDED.contains(&sector[place + 1]) {
            let state = if dirty { sector[place] | 1 } else { sector[place] & !1 };
            let offset = ByteOffset(place as u64);
            self.overlay.write(offset, &[state], Tag::new("boot sector").part("state"))?;
        }
        if let Some(clean) = clean {
            let entry = self.get(1)?;
            self.set(1, if dirty { entry & !clean } else { entry | clean })?;
        }
        Ok(())
    }

    /// Says where FAT32's root directory begins, in the boot sector and in its copy.
    pub(super) fn write_root(&mut self, number: u32) -> Result<()> {
        let old = self.volume.boot.root;
        let tag = |what: &str| Tag::new(what).part("root directory's cluster");
        self.overlay.write(ByteOffset(ROOT_CLUSTER_OFFSET), &number.to_le_bytes(), tag("boot sector"))?;
        if let Some(backup) = self.volume.boot.backup {
            let sector: [u8; BOOT_BYTES] = read_array(&*self.overlay, backup)?;
            // A copy that says something else is a leftover, and stays one.
            if Boot::parse(&sector, backup).is_ok_and(|boot| boot.root == old) {
                let place = ByteOffset(backup.0 + ROOT_CLUSTER_OFFSET);
                self.overlay.write(place, &number.to_le_bytes(), tag("boot sector's copy"))?;
            }
        }
        self.volume.boot.root = Root::Chain(number);
        Ok(())
    }
}

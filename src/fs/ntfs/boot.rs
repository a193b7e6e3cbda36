//! The boot sector and its backup.
//!
//! | Offset | Size | Meaning |
//! |---|---|---|
//! | 0x03 | 8 | OEM id, `NTFS` and four spaces |
//! | 0x0B | 2 | bytes in a sector |
//! | 0x0D | 1 | sectors in a cluster; above 0x80 it means 2^(256 - n) |
//! | 0x0E | 7 | reserved sectors, FATs, root entries, sectors: zero (FAT's fields) |
//! | 0x16 | 2 | sectors in a FAT: zero |
//! | 0x1C | 4 | hidden sectors: where the volume begins on its disk |
//! | 0x20 | 4 | large sectors: zero |
//! | 0x28 | 8 | sectors of the volume, **without** the backup boot sector that follows them |
//! | 0x30 | 8 | first cluster of `$MFT` |
//! | 0x38 | 8 | first cluster of `$MFTMirr` |
//! | 0x40 | 1 | MFT record: clusters when positive, 2^-n bytes when negative |
//! | 0x44 | 1 | index record, in the same way |
//! | 0x48 | 8 | serial number |
//!
//! Facts from the Linux-NTFS documentation and from volumes made by Windows and `mkntfs`. The signature
//! 0x55AA at 0x1FE is not asked for: Windows mounts a volume without it.

use crate::bytes::{u8_at, u16_at, u64_at};
use crate::device::ReadDevice;
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset};

/// The part of the boot sector that says what the volume is: as large as the smallest sector.
const BOOT_BYTES: usize = 512;

/// The OEM id.
const OEM_ID: &[u8; 8] = b"NTFS    ";

/// Smallest and largest sector.
const SECTOR_BYTES: std::ops::RangeInclusive<u32> = 512..=4096;

/// Largest cluster (Windows 10 1709 and later).
const MAX_CLUSTER_BYTES: u64 = 2 << 20;

/// Smallest and largest record. Windows makes 1 and 4 KiB; one fixup array covers at most 64 KiB.
const RECORD_BYTES: std::ops::RangeInclusive<u64> = 512..=65536;

/// Where the field "hidden sectors" lies in a boot sector.
pub(super) const HIDDEN_SECTORS_AT: u64 = 0x1C;

/// What the boot sector says, checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Boot {
    /// Bytes in a sector, 512 to 4096.
    pub(super) sector_bytes: u32,
    /// Bytes in a cluster, 512 B to 2 MiB.
    pub(super) cluster_bytes: u32,
    /// Sectors of the volume, without the backup boot sector.
    pub(super) total_sectors: u64,
    /// Whole clusters of the volume.
    pub(super) clusters: u64,
    /// The first cluster of `$MFT`.
    pub(super) mft_cluster: u64,
    /// The first cluster of `$MFTMirr`.
    pub(super) mirror_cluster: u64,
    /// Bytes in an MFT record.
    pub(super) record_bytes: u32,
    /// Bytes in a block of an index, as the boot sector says; any power of two.
    pub(super) index_bytes: u32,
    /// The serial number.
    pub(super) serial: u64,
}

/// A boot sector and where it was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Candidate {
    /// What it says.
    pub(super) boot: Boot,
    /// Where it lies; 0 for the main one.
    pub(super) place: ByteOffset,
}

impl Boot {
    /// Reads the boot sector at `place`.
    ///
    /// # Errors
    /// When it cannot be read, or is no plausible NTFS boot sector.
    pub(super) fn read(device: &dyn ReadDevice, place: ByteOffset) -> Result<Self> {
        let mut sector = [0; BOOT_BYTES];
        device.read_at(place, &mut sector)?;
        Self::parse(&sector, place)
    }

    /// Takes a boot sector apart; `place` is where it lies, for messages.
    ///
    /// # Errors
    /// When a field is not plausible.
    pub(super) fn parse(sector: &[u8], place: ByteOffset) -> Result<Self> {
        let wrong = |at: u64, expected: &str, found: u64| {
            Err(Error::corrupt(ByteOffset(place.0.saturating_add(at)), expected, format!("0x{found:x}")))
        };
        let short = || Error::corrupt(place, "a boot sector", "too few bytes");
        if sector.get(3..11) != Some(OEM_ID.as_slice()) {
            return Err(Error::corrupt(ByteOffset(place.0.saturating_add(3)), "\"NTFS    \"", "another OEM id"));
        }
        let sector_bytes = u32::from(u16_at(sector, 0x0B).ok_or_else(short)?);
        if !sector_bytes.is_power_of_two() || !SECTOR_BYTES.contains(&sector_bytes) {
            return wrong(0x0B, "512 to 4096 bytes in a sector", u64::from(sector_bytes));
        }
        let spc = u8_at(sector, 0x0D).ok_or_else(short)?;
        let Some(cluster_bytes) = cluster_bytes(spc, sector_bytes) else {
            return wrong(0x0D, "clusters of at most 2 MiB", u64::from(spc));
        };
        // FAT's fields: one that is not zero means that this is no NTFS boot sector, whatever its OEM id says.
        let fat_fields = sector.get(0x0E..0x15).ok_or_else(short)?.iter().chain(&sector[0x16..0x18]);
        if fat_fields.chain(&sector[0x20..0x24]).any(|byte| *byte != 0) {
            return wrong(0x0E, "zeros in the fields of FAT", 1);
        }
        let total_sectors = u64_at(sector, 0x28).ok_or_else(short)?;
        let clusters = total_sectors / u64::from(cluster_bytes / sector_bytes);
        // The volume's length with its backup boot sector must be a byte count that signed 64 bits hold.
        let fits = total_sectors.checked_add(1).and_then(|n| n.checked_mul(u64::from(sector_bytes)));
        if clusters == 0 || fits.is_none_or(|bytes| bytes > i64::MAX as u64) {
            return wrong(0x28, "a count of sectors", total_sectors);
        }
        let mft_cluster = u64_at(sector, 0x30).ok_or_else(short)?;
        let mirror_cluster = u64_at(sector, 0x38).ok_or_else(short)?;
        for (at, cluster) in [(0x30, mft_cluster), (0x38, mirror_cluster)] {
            if cluster == 0 || cluster >= clusters {
                return wrong(at, "a cluster of the volume", cluster);
            }
        }
        let (record, index) = (u8_at(sector, 0x40).ok_or_else(short)?, u8_at(sector, 0x44).ok_or_else(short)?);
        let Some(record_bytes) = record_bytes(record, cluster_bytes) else {
            return wrong(0x40, "the size of an MFT record", u64::from(record));
        };
        let Some(index_bytes) = record_bytes_any(index, cluster_bytes).and_then(|bytes| u32::try_from(bytes).ok())
        else {
            return wrong(0x44, "the size of an index record", u64::from(index));
        };
        let serial = u64_at(sector, 0x48).ok_or_else(short)?;
        Ok(Self {
            sector_bytes,
            cluster_bytes,
            total_sectors,
            clusters,
            mft_cluster,
            mirror_cluster,
            record_bytes,
            index_bytes,
            serial,
        })
    }

    /// Where the backup boot sector lies, which is also the length of what the volume counts as its own.
    pub(super) fn backup_at(&self) -> ByteOffset {
        ByteOffset(self.total_sectors.saturating_mul(u64::from(self.sector_bytes)))
    }

    /// The byte at which a cluster begins; saturates.
    pub(super) fn offset_of(&self, cluster: u64) -> ByteOffset {
        ByteOffset(cluster.saturating_mul(u64::from(self.cluster_bytes)))
    }
}

/// Bytes in a cluster, from the encoded sectors per cluster.
fn cluster_bytes(spc: u8, sector_bytes: u32) -> Option<u32> {
    let sectors = match spc {
        0 => return None,
        1..=0x80 => u64::from(spc),
        _ => 1u64.checked_shl(256 - u32::from(spc))?,
    };
    let bytes = sectors.checked_mul(u64::from(sector_bytes))?;
    (bytes.is_power_of_two() && bytes <= MAX_CLUSTER_BYTES).then(|| u32::try_from(bytes).ok())?
}

/// Bytes in a record, from its encoding, when it is a power of two.
fn record_bytes_any(encoded: u8, cluster_bytes: u32) -> Option<u64> {
    let bytes = match encoded {
        0 => return None,
        1..=0x7F => u64::from(encoded).checked_mul(u64::from(cluster_bytes))?,
        _ => 1u64.checked_shl(256 - u32::from(encoded))?,
    };
    bytes.is_power_of_two().then_some(bytes)
}

fn record_bytes(encoded: u8, cluster_bytes: u32) -> Option<u32> {
    record_bytes_any(encoded, cluster_bytes)
        .filter(|bytes| RECORD_BYTES.contains(bytes))
        .and_then(|bytes| u32::try_from(bytes).ok())
}

/// Every plausible boot sector of a device, the main one first, then the backups at the places where one may lie:
/// behind the last sector that a damaged main one still counts, and in the device's last sector.
///
/// # Errors
/// When there is none: what is wrong with the main one.
pub(super) fn candidates(device: &dyn ReadDevice) -> Result<Vec<Candidate>> {
    let main = Boot::read(device, ByteOffset::ZERO);
    let mut places = Vec::new();
    let mut sector = [0; BOOT_BYTES];
    if device.read_at(ByteOffset::ZERO, &mut sector).is_ok() {
        let total_sectors = u64_at(&sector, 0x28).unwrap_or(0);
        places.extend([512u64, 1024, 2048, 4096].iter().filter_map(|bytes| total_sectors.checked_mul(*bytes)));
    }
    places.extend([u64::from(device.sector_bytes()), 512, 4096].iter().filter_map(|n| device.len().0.checked_sub(*n)));
    let mut found: Vec<Candidate> = Vec::new();
    let mut first_error = None;
    match main {
        Ok(boot) => found.push(Candidate { boot, place: ByteOffset::ZERO }),
        Err(error) => first_error = Some(error),
    }
    for place in places {
        let inside = place.checked_add(BOOT_BYTES as u64).is_some_and(|end| end <= device.len().0);
        if place == 0 || !inside || found.iter().any(|have| have.place.0 == place) {
            continue;
        }
        // A backup lies exactly behind the sectors it counts, or it is the backup of another volume.
        match Boot::read(device, ByteOffset(place)) {
            Ok(boot) if boot.backup_at().0 == place => found.push(Candidate { boot, place: ByteOffset(place) }),
            _ => {}
        }
    }
    match first_error {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
}

/// The volume's length: with its backup boot sector when the device reaches that far.
pub(super) fn volume_len(boot: &Boot, device: ByteLen) -> ByteLen {
    let counted = boot.backup_at().0;
    let whole = counted.saturating_add(u64::from(boot.sector_bytes));
    ByteLen(if whole <= device.0 { whole } else { counted })
}

/// True when the first sector carries the OEM id of NTFS and plausible parameters.
///
/// # Errors
/// When the device cannot be read.
pub(super) fn recognise(device: &dyn ReadDevice) -> Result<bool> {
    if device.len().0 < BOOT_BYTES as u64 {
        return Ok(false);
    }
    let mut sector = [0; BOOT_BYTES];
    device.read_at(ByteOffset::ZERO, &mut sector)?;
    Ok(Boot::parse(&sector, ByteOffset::ZERO).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::MemoryDevice;

    fn sector(spc: u8, record: u8) -> Vec<u8> {
        let mut bytes = vec![0; 512];
        bytes[3..11].copy_from_slice(OEM_ID);
        bytes[0x0B..0x0D].copy_from_slice(&512u16.to_le_bytes());
        bytes[0x0D] = spc;
        bytes[0x28..0x30].copy_from_slice(&99_999u64.to_le_bytes());
        bytes[0x30..0x38].copy_from_slice(&4u64.to_le_bytes());
        bytes[0x38..0x40].copy_from_slice(&2u64.to_le_bytes());
        bytes[0x40] = record;
        bytes[0x44] = 0xF4;
        bytes
    }

    fn parse(bytes: &[u8]) -> Result<Boot> {
        Boot::parse(bytes, ByteOffset::ZERO)
    }

    #[test]
    fn cluster_sizes_are_counts_or_negative_powers() {
        for (spc, bytes) in [(1, 512), (8, 4096), (0x80, 65536), (0xF8, 131_072), (0xF4, 2 << 20)] {
            assert_eq!(parse(&sector(spc, 0xF6)).unwrap().cluster_bytes, bytes, "0x{spc:x}");
        }
        for spc in [0, 3, 0x81, 0xF3] {
            assert!(parse(&sector(spc, 0xF6)).is_err(), "0x{spc:x}");
        }
    }

    #[test]
    fn record_sizes_are_clusters_or_negative_powers() {
        assert_eq!(parse(&sector(8, 0xF6)).unwrap().record_bytes, 1024);
        assert_eq!(parse(&sector(8, 0xF4)).unwrap().record_bytes, 4096);
        assert_eq!(parse(&sector(2, 1)).unwrap().record_bytes, 1024);
        assert!(parse(&sector(8, 0)).is_err());
        assert!(parse(&sector(8, 0x80)).is_err());
    }

    #[test]
    fn a_field_of_fat_or_a_wild_cluster_is_refused_with_its_place() {
        let mut fat = sector(8, 0xF6);
        fat[0x10] = 2;
        assert!(parse(&fat).is_err());
        let mut wild = sector(8, 0xF6);
        wild[0x37] = 0x7F;
        assert_eq!(parse(&wild).unwrap_err().place(), Some(ByteOffset(0x30)));
        let mut endless = sector(8, 0xF6);
        endless[0x28..0x30].fill(0xFF);
        assert!(parse(&endless).is_err());
    }

    #[test]
    fn the_backup_counts_only_where_it_says_it_lies() {
        let mut bytes = vec![0; 100_000 * 512];
        let end = bytes.len() - 512;
        bytes[end..].copy_from_slice(&sector(8, 0xF6));
        let found = candidates(&MemoryDevice::new(bytes.clone())).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place.0, 99_999 * 512);
        bytes.extend([0; 512]);
        assert!(candidates(&MemoryDevice::new(bytes)).is_err());
    }
}

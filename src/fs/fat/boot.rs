//! The boot sector: the volume's geometry, and whether a sector is one of FAT at all.
//!
//! Offsets, types and the rules of plausibility are those of Microsoft's *FAT: General Overview of
//! On-Disk Format* (fatgen103) and of ECMA-107.
//!
//! | Offset | Size | Meaning |
//! |---|---|---|
//! | 0x000 | 3 | jump: `EB xx 90` or `E9 xx xx` |
//! | 0x003 | 8 | OEM name |
//! | 0x00B | 2 | bytes in a sector |
//! | 0x00D | 1 | sectors in a cluster, a power of two |
//! | 0x00E | 2 | reserved sectors before the first FAT, this one included |
//! | 0x010 | 1 | number of FATs |
//! | 0x011 | 2 | entries of the fixed root directory; 0 for FAT32 |
//! | 0x013 | 2 | sectors in all; 0 when it takes 32 bits |
//! | 0x015 | 1 | media byte: F0, F8…FF; repeated in the low byte of FAT entry 0 |
//! | 0x016 | 2 | sectors in a FAT; 0 for FAT32 |
//! | 0x01C | 4 | hidden sectors: those before the volume on its disk |
//! | 0x020 | 4 | sectors in all, when offset 0x013 is 0 |
//! | 0x024 | 26 / 54 | FAT12/16: [`Identity`] / FAT32: [`Wide`], then [`Identity`] |
//! | 0x1FE | 2 | `55 AA`, whatever the sector size |
//!
//! **Which FAT it is.** The specification decides by the count of clusters alone; the Linux kernel,
//! fsck.fat and Windows' own driver all take a volume without a 16-bit FAT length (0x016) as FAT32
//! first, and only then count: under 4085 clusters is FAT12, under 65525 FAT16. `mkfs.fat -F 32` makes
//! FAT32 volumes far below 65525 clusters, so we decide as they do. A volume with a 16-bit FAT length
//! and 65525 clusters or more is none that any of them mounts, and is refused here too.

use zerocopy::byteorder::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use crate::device::{ReadDevice, SharedDevice, read_array};
use crate::error::{Error, Result};
use crate::fs::{Kind, is_partition_table};
use crate::unit::{ByteLen, ByteOffset};

/// Bytes of the boot sector that carry meaning, whatever the sector size.
pub(super) const BOOT_BYTES: usize = 512;
/// Fewer data clusters than this is FAT12 (fatgen103, "FAT Type Determination").
const FAT16_MIN_CLUSTERS: u64 = 4085;
/// Fewer data clusters than this (and not less than the above) is FAT16.
const FAT32_MIN_CLUSTERS: u64 = 65525;
/// 28-bit entries name clusters 2 to 0x0FFFFFF6; 0x0FFFFFF7 is the mark of a bad one.
const MAX_CLUSTERS: u64 = 0x0FFF_FFF5;
/// Where Windows and mkfs.fat put FAT32's copy of the boot sector; a damaged one cannot tell.
const BACKUP_SECTOR: u64 = 6;
/// mkfs.fat makes up to four FATs; more is no sign of a FAT volume.
const MAX_FATS: u8 = 4;
/// Where BitLocker To Go marks its FAT-like boot sector with one of [`BITLOCKER_GUIDS`].
const BITLOCKER_GUID_OFFSET: usize = 0x1A8;
/// As in `fs::foreign`: such a sector only looks like FAT32, so that old systems show a reader program.
const BITLOCKER_GUIDS: [[u8; 16]; 2] = [
    [0x3B, 0xD6, 0x67, 0x49, 0x29, 0x2E, 0xD8, 0x4A, 0x83, 0x99, 0xF6, 0xA3, 0x39, 0xE3, 0xD0, 0x01],
    [0x3B, 0x4D, 0xA8, 0x92, 0x80, 0xDD, 0x0E, 0x4D, 0x9E, 0x4E, 0xB1, 0xE3, 0x28, 0x4E, 0xAE, 0xD8],
];
/// What stands at the beginning or as OEM name of a sector 0 that belongs to something else.
const OTHERS: [(usize, &[u8]); 6] = [
    (0, b"LIFEBOAT-UNFINISHED"),
    (0, b"XFSB"),
    (0, b"LUKS\xBA\xBE"),
    (3, b"NTFS    "),
    (3, b"EXFAT   "),
    (3, b"-FVE-FS-"),
];

/// The part all FATs share.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct Common {
    jump: [u8; 3],
    oem_name: [u8; 8],
    bytes_per_sector: U16,
    sectors_per_cluster: u8,
    reserved_sectors: U16,
    fats: u8,
    root_entries: U16,
    total_sectors_16: U16,
    media: u8,
    fat_sectors_16: U16,
    geometry: [u8; 4],
    hidden_sectors: U32,
    total_sectors_32: U32,
}

/// Serial number and label; at 0x24 for FAT12/16, at 0x40 for FAT32.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
pub(super) struct Identity {
    drive: u8,
    /// Windows NT's and Linux' state: bit 0 is set while the volume is in use.
    flags: u8,
    /// 0x29 when the three fields after it are there; 0x28 when only the serial number is.
    extended: u8,
    serial: U32,
    label: [u8; 11],
    type_name: [u8; 8],
}

/// What FAT32 has at 0x24.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
pub(super) struct Wide {
    fat_sectors_32: U32,
    /// Bit 7: FATs are not mirrored, and bits 0–3 name the active one.
    ext_flags: U16,
    version: U16,
    root_cluster: U32,
    info_sector: U16,
    backup_sector: U16,
    reserved: [u8; 12],
}

/// A sector read as FAT12/16's.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct NarrowSector {
    common: Common,
    identity: Identity,
    code: [u8; 448],
    signature: [u8; 2],
}

/// A sector read as FAT32's.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WideSector {
    common: Common,
    wide: Wide,
    identity: Identity,
    code: [u8; 420],
    signature: [u8; 2],
}

const _: () = assert!(size_of::<NarrowSector>() == BOOT_BYTES && size_of::<WideSector>() == BOOT_BYTES);

/// Where the root directory is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Root {
    /// FAT12/16: so many bytes between the FATs and the data region.
    Region { offset: ByteOffset, bytes: u64 },
    /// FAT32: a chain that begins at this cluster.
    Chain(u32),
}

/// A volume's geometry, checked for contradictions; only whether the device is long enough is not.
#[derive(Clone, Debug)]
pub(super) struct Boot {
    /// `Fat12`, `Fat16` or `Fat32`.
    pub kind: Kind,
    pub sector_bytes: u32,
    pub cluster_bytes: u32,
    /// Where the first FAT begins.
    pub fat_offset: ByteOffset,
    /// Length of one FAT.
    pub fat_bytes: u64,
    pub fats: u8,
    /// The one FAT that counts, when they are not mirrored.
    pub active_fat: Option<u8>,
    pub media: u8,
    pub root: Root,
    /// Where cluster 2 begins.
    pub data_offset: ByteOffset,
    /// Data clusters, numbered from 2.
    pub clusters: u32,
    /// From the first byte to the last sector's end.
    pub len: ByteLen,
    /// Where the copy of the boot sector is (FAT32).
    pub backup: Option<ByteOffset>,
    pub serial: Option<u32>,
    /// The label field, when there is one.
    pub label: Option<[u8; 11]>,
    /// The state byte says that the volume was not unmounted.
    pub in_use: bool,
    /// Anything odd, for the user.
    pub notes: Vec<String>,
}

/// The type of FAT that the first sector tells, if it is a boot sector of FAT's.
///
/// # Errors
/// When it cannot be read.
pub(super) fn recognise(device: &SharedDevice) -> Result<Option<Kind>> {
    if device.len().0 < BOOT_BYTES as u64 {
        return Ok(None);
    }
    let sector = read_array(device, ByteOffset::ZERO)?;
    Ok(Boot::parse(&sector, ByteOffset::ZERO).ok().map(|boot| boot.kind))
}

/// Finds the boot sector: the first sector, or FAT32's copy when the first is damaged.
///
/// # Errors
/// [`Corrupt`](crate::error::Kind::Corrupt) when neither is a FAT boot sector, with what is wrong with the first;
/// [`Io`](crate::error::Kind::Io) when the first cannot be read and there is no good copy.
pub(super) fn locate(device: &SharedDevice) -> Result<Boot> {
    if device.len().0 < BOOT_BYTES as u64 {
        return Err(Error::damaged(format!("a device of {} bytes is too short for a FAT volume", device.len().0)));
    }
    let problem = match read_array(device, ByteOffset::ZERO) {
        Ok(sector) => match Boot::parse(&sector, ByteOffset::ZERO) {
            Ok(boot) => return Ok(boot),
            Err(problem) if belongs_to_another(&sector) => return Err(problem),
            Err(problem) => problem,
        },
        Err(problem) => problem,
    };
    match locate_backup(device) {
        Some(mut boot) => {
            boot.notes.push(format!("the boot sector is damaged ({problem}); its backup copy was used"));
            Ok(boot)
        }
        None => Err(problem),
    }
}

/// The copy of a FAT32 boot sector, where Windows and mkfs.fat put it, for every sector size.
fn locate_backup(device: &SharedDevice) -> Option<Boot> {
    [512u32, 1024, 2048, 4096].into_iter().find_map(|sector_bytes| {
        let place = ByteOffset(BACKUP_SECTOR * u64::from(sector_bytes));
        let sector = read_array(device, place).ok()?;
        let boot = Boot::parse(&sector, place).ok()?;
        let is_copy = boot.kind == Kind::Fat32 && boot.sector_bytes == sector_bytes && boot.backup == Some(place);
        // A leftover of a larger volume is not this volume's copy.
        (is_copy && boot.len.0 <= device.len().0).then_some(boot)
    })
}

/// True when sector 0 is not a damaged boot sector of FAT but a good one of something else. A FAT32 copy
/// behind it is then the remnant of an older volume, and must not make this one ambiguous.
fn belongs_to_another(sector: &[u8; BOOT_BYTES]) -> bool {
    OTHERS.iter().any(|(offset, magic)| sector[*offset..].starts_with(magic))
        || is_bitlocker(sector)
        || is_partition_table(sector)
}

fn is_bitlocker(sector: &[u8; BOOT_BYTES]) -> bool {
    BITLOCKER_GUIDS.iter().any(|guid| sector[BITLOCKER_GUID_OFFSET..].starts_with(guid))
}

/// Passes when a field is plausible, and names its byte when it is not.
fn expect(plausible: bool, place: ByteOffset, field: u64, expected: &str, found: u64) -> Result<()> {
    if plausible {
        return Ok(());
    }
    Err(Error::corrupt(ByteOffset(place.0.saturating_add(field)), expected, found))
}

impl Boot {
    /// Reads a boot sector that was found at `place`.
    ///
    /// # Errors
    /// [`Corrupt`](crate::error::Kind::Corrupt), naming the first field that no FAT volume would have.
    pub(super) fn parse(sector: &[u8; BOOT_BYTES], place: ByteOffset) -> Result<Self> {
        let narrow: NarrowSector = zerocopy::transmute!(*sector);
        let wide: WideSector = zerocopy::transmute!(*sector);
        check_common(sector, &narrow, &wide, place)?;
        let common = &narrow.common;
        let is_wide = common.fat_sectors_16.get() == 0;
        let sector_bytes = u64::from(common.bytes_per_sector.get());
        let cluster_sectors = u64::from(common.sectors_per_cluster);
        let fat_sectors = if is_wide { wide.wide.fat_sectors_32.get() } else { common.fat_sectors_16.get().into() };
        expect(fat_sectors > 0, place, 0x24, "the length of a FAT", 0)?;
        let total = match common.total_sectors_16.get() {
            0 => u64::from(common.total_sectors_32.get()),
            sectors => u64::from(sectors),
        };
        // None of this can overflow: every factor comes from at most 32 bits, and at most two are multiplied.
        let fats_end = u64::from(common.reserved_sectors.get()) + u64::from(common.fats) * u64::from(fat_sectors);
        let root_bytes = u64::from(common.root_entries.get()) * 32;
        let data_start = fats_end + root_bytes.div_ceil(sector_bytes);
        expect(total > data_start, place, 0x20, "more sectors than FATs and root directory take", total)?;
        let clusters = (total - data_start) / cluster_sectors;
        let kind = kind_of(is_wide, clusters, place)?;
        let fat_bytes = u64::from(fat_sectors) * sector_bytes;
        let mut boot = Self {
            kind,
            sector_bytes: common.bytes_per_sector.get().into(),
            cluster_bytes: u32::from(common.bytes_per_sector.get()) * u32::from(common.sectors_per_cluster),
            fat_offset: ByteOffset(u64::from(common.reserved_sectors.get()) * sector_bytes),
            fat_bytes,
            fats: common.fats,
            active_fat: None,
            media: common.media,
            root: Root::Region { offset: ByteOffset(fats_end * sector_bytes), bytes: root_bytes },
            data_offset: ByteOffset(data_start * sector_bytes),
            clusters: 0,
            len: ByteLen(total * sector_bytes),
            backup: None,
            serial: None,
            label: None,
            in_use: false,
            notes: Vec::new(),
        };
        boot.count_clusters(clusters);
        if is_wide {
            boot.widen(&wide.wide, common.reserved_sectors.get(), place)?;
            boot.identify(&wide.identity);
        } else {
            boot.identify(&narrow.identity);
        }
        Ok(boot)
    }

    /// The Linux kernel counts only those clusters for which the FAT has room; so do we, and say it.
    fn count_clusters(&mut self, clusters: u64) {
        let room = match self.kind {
            Kind::Fat12 => self.fat_bytes * 2 / 3,
            Kind::Fat16 => self.fat_bytes / 2,
            _ => self.fat_bytes / 4,
        };
        let counted = clusters.min(room.saturating_sub(2));
        if counted < clusters {
            self.notes.push(format!(
                "the volume has room for {clusters} clusters, but its FAT has entries for {counted} only"
            ));
        }
        // `kind_of` has seen to it that this fits 28 bits.
        self.clusters = u32::try_from(counted).unwrap_or(u32::MAX);
    }

    fn widen(&mut self, wide: &Wide, reserved_sectors: u16, place: ByteOffset) -> Result<()> {
        let backup = wide.backup_sector.get();
        if backup != 0 && backup < reserved_sectors {
            self.backup = Some(ByteOffset(u64::from(backup) * u64::from(self.sector_bytes)));
        }
        let flags = wide.ext_flags.get();
        if flags & 0x80 != 0 {
            let active = (flags & 0x0F) as u8;
            expect(active < self.fats, place, 0x28, "the number of an existing FAT", active.into())?;
            self.active_fat = Some(active);
        }
        self.root = Root::Chain(wide.root_cluster.get());
        Ok(())
    }

    fn identify(&mut self, identity: &Identity) {
        self.in_use = identity.flags & 1 != 0;
        if matches!(identity.extended, 0x28 | 0x29) {
            self.serial = Some(identity.serial.get());
        }
        if identity.extended == 0x29 {
            self.label = Some(identity.label);
        }
    }

    /// Where a data cluster begins; the caller has checked that there is one of this number.
    pub(super) fn offset_of(&self, number: u32) -> ByteOffset {
        let index = u64::from(number.saturating_sub(2));
        ByteOffset(self.data_offset.0.saturating_add(index.saturating_mul(self.cluster_bytes.into())))
    }
}

/// What every FAT boot sector has, and the sectors of NTFS, exFAT, BitLocker and an MBR have not.
fn check_common(sector: &[u8; BOOT_BYTES], narrow: &NarrowSector, wide: &WideSector, place: ByteOffset) -> Result<()> {
    let common = &narrow.common;
    expect(narrow.signature == [0x55, 0xAA], place, 0x1FE, "55 AA", narrow.signature[0].into())?;
    let named = narrow.identity.type_name.starts_with(b"FAT") || wide.identity.type_name.starts_with(b"FAT");
    let jump = matches!(common.jump, [0xEB, _, 0x90] | [0xE9, ..]);
    expect(jump || named, place, 0, "a jump or the name of a FAT", common.jump[0].into())?;
    let oem_free = !matches!(&common.oem_name, b"NTFS    " | b"EXFAT   " | b"-FVE-FS-");
    expect(oem_free, place, 3, "the OEM name of a FAT formatter", common.oem_name[0].into())?;
    expect(!is_bitlocker(sector), place, 0x1A8, "no mark of BitLocker To Go", sector[BITLOCKER_GUID_OFFSET].into())?;
    let bps = common.bytes_per_sector.get();
    expect(matches!(bps, 512 | 1024 | 2048 | 4096), place, 0x0B, "512 to 4096 bytes in a sector", bps.into())?;
    let spc = common.sectors_per_cluster;
    expect(spc.is_power_of_two(), place, 0x0D, "a power of two of sectors in a cluster", spc.into())?;
    expect(common.reserved_sectors.get() > 0, place, 0x0E, "at least 1 reserved sector", 0)?;
    expect((1..=MAX_FATS).contains(&common.fats), place, 0x10, "1 to 4 FATs", common.fats.into())?;
    expect(common.media == 0xF0 || common.media >= 0xF8, place, 0x15, "a media byte", common.media.into())?;
    let is_wide = common.fat_sectors_16.get() == 0;
    let roots = common.root_entries.get();
    expect((roots == 0) == is_wide, place, 0x11, "a fixed root directory for FAT12/16 only", roots.into())
}

/// See the module's page.
fn kind_of(is_wide: bool, clusters: u64, place: ByteOffset) -> Result<Kind> {
    let most = if is_wide { MAX_CLUSTERS } else { FAT32_MIN_CLUSTERS - 1 };
    expect((1..=most).contains(&clusters), place, 0x20, &format!("1 to {most} clusters"), clusters)?;
    Ok(match clusters {
        _ if is_wide => Kind::Fat32,
        0..FAT16_MIN_CLUSTERS => Kind::Fat12,
        _ => Kind::Fat16,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A FAT16 boot sector as mkfs.fat writes it for 16 MiB with 2 KiB clusters.
    fn sample() -> [u8; BOOT_BYTES] {
        let mut sector = [0; BOOT_BYTES];
        sector[..3].copy_from_slice(&[0xEB, 0x3C, 0x90]);
        sector[3..11].copy_from_slice(b"mkfs.fat");
        sector[0x0B..0x0D].copy_from_slice(&512u16.to_le_bytes());
        sector[0x0D] = 4;
        sector[0x0E] = 4;
        sector[0x10] = 2;
        sector[0x11..0x13].copy_from_slice(&512u16.to_le_bytes());
        sector[0x13..0x15].copy_from_slice(&32768u16.to_le_bytes());
        sector[0x15] = 0xF8;
        sector[0x16] = 32;
        sector[0x26] = 0x29;
        sector[0x27..0x2B].copy_from_slice(&0x1A2B_3C4Du32.to_le_bytes());
        sector[0x36..0x3E].copy_from_slice(b"FAT16   ");
        sector[0x1FE..].copy_from_slice(&[0x55, 0xAA]);
        sector
    }

    #[test]
    fn the_geometry_follows_from_the_fields() {
        let boot = Boot::parse(&sample(), ByteOffset::ZERO).unwrap();
        assert_eq!(boot.kind, Kind::Fat16);
        assert_eq!(boot.fat_offset, ByteOffset(4 * 512));
        assert_eq!(boot.data_offset, ByteOffset((4 + 64 + 32) * 512));
        assert_eq!(boot.clusters, (32768 - 100) / 4);
        assert_eq!(boot.offset_of(3), ByteOffset(100 * 512 + 2048));
        assert_eq!(boot.serial, Some(0x1A2B_3C4D));
    }

    #[test]
    fn the_count_of_clusters_tells_fat12_from_fat16() {
        for (clusters, kind) in [(4084u32, Kind::Fat12), (4085, Kind::Fat16)] {
            let mut sector = sample();
            sector[0x13..0x15].copy_from_slice(&[0, 0]);
            sector[0x20..0x24].copy_from_slice(&(100 + clusters * 4).to_le_bytes());
            assert_eq!(Boot::parse(&sector, ByteOffset::ZERO).unwrap().kind, kind);
        }
        let mut sector = sample();
        sector[0x13..0x15].copy_from_slice(&[0, 0]);
        sector[0x20..0x24].copy_from_slice(&(100 + 65525u32 * 4).to_le_bytes());
        let error = Boot::parse(&sector, ByteOffset::ZERO).unwrap_err();
        assert_eq!(error.place(), Some(ByteOffset(0x20)));
    }

    #[test]
    fn every_implausible_field_is_named_by_its_byte() {
        let cases: [(usize, u8); 8] =
            [(0x1FE, 0), (0x0B, 1), (0x0D, 3), (0x0E, 0), (0x10, 0), (0x15, 0x12), (0x11, 0), (3, b'-')];
        for (offset, value) in cases {
            let mut sector = sample();
            sector[offset] = value;
            if offset == 0x11 {
                sector[0x12] = 0;
            }
            if offset == 3 {
                sector[3..11].copy_from_slice(b"-FVE-FS-");
            }
            let error = Boot::parse(&sector, ByteOffset(0x1000)).unwrap_err();
            assert_eq!(error.place(), Some(ByteOffset(0x1000 + offset as u64)), "{error}");
        }
    }

    #[test]
    fn a_bitlocker_to_go_sector_is_no_fat() {
        let mut sector = sample();
        sector[BITLOCKER_GUID_OFFSET..BITLOCKER_GUID_OFFSET + 16].copy_from_slice(&BITLOCKER_GUIDS[0]);
        assert!(Boot::parse(&sector, ByteOffset::ZERO).is_err());
    }

    #[test]
    fn a_fat_too_short_for_its_clusters_is_said() {
        let mut sector = sample();
        sector[0x16] = 20;
        let boot = Boot::parse(&sector, ByteOffset::ZERO).unwrap();
        assert_eq!(boot.clusters, 20 * 256 - 2);
        assert_eq!(boot.notes.len(), 1);
    }
}

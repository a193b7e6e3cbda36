//! Signs of volumes: boot records and superblocks, as far as a search and a table reader need them.
//!
//! A sign tells a kind, a length and where the volume begins; nothing here opens a volume (that is for
//! the floor `fs`, which this one cannot see). Sources: Microsoft's FAT specification (fatgen103), the
//! NTFS boot sector as documented by the Linux-NTFS project, and the kernel's ext4 disk layout page.

use crate::bytes::{u16_at, u32_at, u64_at};
use crate::unit::ByteLen;

/// A FAT boot record's geometry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fat {
    /// 12, 16 or 32: the bits of an entry, from the number of clusters.
    pub(super) bits: u8,
    pub(super) sector_bytes: u32,
    /// Sectors before the first FAT.
    pub(super) reserved_sectors: u32,
    pub(super) fat_sectors: u32,
    pub(super) media: u8,
    pub(super) hidden_sectors: u32,
    /// FAT32: the sector of the boot record's copy.
    pub(super) backup_sector: Option<u32>,
    pub(super) len: ByteLen,
}

impl Fat {
    /// Reads the BIOS parameter block of a FAT boot record, and believes it only when its numbers agree
    /// with each other: the FAT must be long enough for the clusters, and the parts must fit the whole.
    pub(super) fn parse(sector: &[u8]) -> Option<Self> {
        let jump = (sector.first() == Some(&0xeb) && sector.get(2) == Some(&0x90)) || sector.first() == Some(&0xe9);
        let sector_bytes = u32::from(u16_at(sector, 11)?);
        let cluster_sectors = u32::from(*sector.get(13)?);
        let reserved_sectors = u32::from(u16_at(sector, 14)?);
        let fats = u32::from(*sector.get(16)?);
        let root_entries = u32::from(u16_at(sector, 17)?);
        let media = *sector.get(21)?;
        let small_fat = u32::from(u16_at(sector, 22)?);
        let fat_sectors = if small_fat == 0 { u32_at(sector, 36)? } else { small_fat };
        let total = match u16_at(sector, 19)? {
            0 => u32_at(sector, 32)?,
            small => u32::from(small),
        };
        let sane = jump
            && matches!(sector_bytes, 512 | 1024 | 2048 | 4096)
            && cluster_sectors.is_power_of_two()
            && reserved_sectors > 0
            && matches!(fats, 1 | 2)
            && (media == 0xf0 || media >= 0xf8)
            && fat_sectors > 0;
        if !sane {
            return None;
        }
        let root_sectors = (root_entries * 32).div_ceil(sector_bytes);
        let before = u64::from(reserved_sectors) + u64::from(fats) * u64::from(fat_sectors) + u64::from(root_sectors);
        let clusters = u64::from(total).checked_sub(before)? / u64::from(cluster_sectors);
        let bits = match clusters {
            0 => return None,
            _ if small_fat == 0 => 32,
            1..4085 => 12,
            _ => 16,
        };
        let fat_bits = u64::from(fat_sectors) * u64::from(sector_bytes) * 8;
        if (bits == 32) != (root_entries == 0) || fat_bits < (clusters + 2) * u64::from(bits) {
            return None;
        }
        let backup = if bits == 32 { u16_at(sector, 50).map(u32::from) } else { None };
        Some(Self {
            bits,
            sector_bytes,
            reserved_sectors,
            fat_sectors,
            media,
            hidden_sectors: u32_at(sector, 28)?,
            backup_sector: backup.filter(|&at| at > 0 && at < reserved_sectors),
            len: ByteLen(u64::from(total) * u64::from(sector_bytes)),
        })
    }

    /// True when these are the first bytes of a FAT of this volume: its first entry repeats the media byte.
    pub(super) fn owns_fat(&self, head: [u8; 4]) -> bool {
        let rest: &[u8] = match self.bits {
            32 => &[0xff, 0xff, 0x0f],
            16 => &[0xff],
            _ => &[],
        };
        let tail_fits = match self.bits {
            32 => head[1..3] == rest[..2] && head[3] & 0x0f == 0x0f,
            16 => head[1] == 0xff,
            _ => head[1] & 0x0f == 0x0f,
        };
        head[0] == self.media && tail_fits
    }
}

/// An NTFS boot record's geometry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ntfs {
    pub(super) sector_bytes: u32,
    pub(super) total_sectors: u64,
    pub(super) hidden_sectors: u32,
    /// Where the MFT begins in the volume.
    pub(super) mft_bytes: u64,
    /// Where the MFT's mirror begins in the volume.
    pub(super) mirror_bytes: u64,
}

impl Ntfs {
    /// Reads an NTFS boot record whose numbers agree with each other.
    pub(super) fn parse(sector: &[u8]) -> Option<Self> {
        if sector.get(3..11)? != b"NTFS    " {
            return None;
        }
        let sector_bytes = u32::from(u16_at(sector, 11)?);
        let cluster_sectors = match *sector.get(13)? {
            count @ 1..=128 if count.is_power_of_two() => u64::from(count),
            // From 0xf4 on the byte is a negative power of two (clusters over 64 KiB).
            negative @ 0xf4..=0xff => 1u64 << (256 - u32::from(negative)),
            _ => return None,
        };
        // Reserved sectors, FATs, root entries and small sizes have no meaning for NTFS, and are zero.
        let zero = sector.get(14..21)?.iter().all(|&byte| byte == 0) && u16_at(sector, 22)? == 0;
        let total_sectors = u64_at(sector, 40)?;
        let cluster_bytes = cluster_sectors * u64::from(sector_bytes);
        let len = total_sectors.checked_add(1)?.checked_mul(u64::from(sector_bytes))?;
        let mft_bytes = u64_at(sector, 48)?.checked_mul(cluster_bytes)?;
        let mirror_bytes = u64_at(sector, 56)?.checked_mul(cluster_bytes)?;
        let sane = zero
            && matches!(sector_bytes, 512 | 1024 | 2048 | 4096)
            && total_sectors > 0
            && mft_bytes > 0
            && mft_bytes < len
            && mirror_bytes < len;
        let hidden_sectors = u32_at(sector, 28)?;
        sane.then_some(Self { sector_bytes, total_sectors, hidden_sectors, mft_bytes, mirror_bytes })
    }

    /// The volume's length with the backup boot record behind its last sector; `parse` checked the product.
    pub(super) fn len(&self) -> ByteLen {
        ByteLen((self.total_sectors + 1) * u64::from(self.sector_bytes))
    }

    /// Where the backup boot record lies in the volume.
    pub(super) fn backup_bytes(&self) -> u64 {
        self.total_sectors * u64::from(self.sector_bytes)
    }
}

/// An ext2, ext3 or ext4 superblock's geometry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ext {
    pub(super) block_bytes: u64,
    pub(super) first_data_block: u64,
    pub(super) blocks_per_group: u64,
    pub(super) inode_bytes: u64,
    pub(super) descriptor_bytes: u64,
    /// The group this copy stands in; 0 for the primary.
    pub(super) group: u64,
    /// Descriptors are spread over the groups, and do not follow the superblock.
    pub(super) meta_bg: bool,
    pub(super) uuid: [u8; 16],
    pub(super) len: ByteLen,
}

impl Ext {
    /// Bytes that [`parse`](Self::parse) wants.
    pub(super) const BYTES: usize = 1024;
    const INCOMPAT_META_BG: u32 = 0x10;
    const INCOMPAT_64BIT: u32 = 0x80;
    const RO_COMPAT_BIGALLOC: u32 = 0x200;
    const RO_COMPAT_METADATA_CSUM: u32 = 0x400;

    /// Reads a superblock whose numbers agree with each other, and with its checksum where it has one.
    pub(super) fn parse(sb: &[u8]) -> Option<Self> {
        if u16_at(sb, 0x38)? != 0xef53 || u32_at(sb, 0x4c)? > 1 {
            return None;
        }
        let log_block = u32_at(sb, 0x18)?;
        let log_cluster = u32_at(sb, 0x1c)?;
        if log_block > 6 || log_cluster > 20 {
            return None;
        }
        let block_bytes = 1024u64 << log_block;
        let dynamic = u32_at(sb, 0x4c)? == 1;
        let incompat = if dynamic { u32_at(sb, 0x60)? } else { 0 };
        let ro_compat = if dynamic { u32_at(sb, 0x64)? } else { 0 };
        let wide = incompat & Self::INCOMPAT_64BIT != 0;
        let high = if wide { u64::from(u32_at(sb, 0x150)?) } else { 0 };
        let blocks = high << 32 | u64::from(u32_at(sb, 0x04)?);
        let first_data_block = u64::from(u32_at(sb, 0x14)?);
        let blocks_per_group = u64::from(u32_at(sb, 0x20)?);
        let clusters_per_group =
            if ro_compat & Self::RO_COMPAT_BIGALLOC != 0 { u64::from(u32_at(sb, 0x24)?) } else { blocks_per_group };
        let inodes_per_group = u64::from(u32_at(sb, 0x28)?);
        let inode_bytes = if dynamic { u64::from(u16_at(sb, 0x58)?) } else { 128 };
        let groups = blocks.checked_sub(first_data_block)?.checked_add(blocks_per_group.checked_sub(1)?)?
            / blocks_per_group.max(1);
        let group = if dynamic { u64::from(u16_at(sb, 0x5a)?) } else { 0 };
        let sane = first_data_block <= u64::from(block_bytes == 1024)
            && (1..=8 * block_bytes).contains(&clusters_per_group)
            && (1..=8 * block_bytes).contains(&inodes_per_group)
            && inode_bytes.is_power_of_two()
            && (128..=block_bytes).contains(&inode_bytes)
            && groups > 0
            && groups.checked_mul(inodes_per_group)? == u64::from(u32_at(sb, 0x00)?)
            && group < groups;
        if !sane || !Self::checksum_fits(sb, ro_compat)? {
            return None;
        }
        let descriptor_bytes = if wide { u64::from(u16_at(sb, 0xfe)?).max(32) } else { 32 };
        Some(Self {
            block_bytes,
            first_data_block,
            blocks_per_group,
            inode_bytes,
            descriptor_bytes,
            group,
            meta_bg: incompat & Self::INCOMPAT_META_BG != 0,
            uuid: sb.get(0x68..0x78)?.try_into().ok()?,
            len: ByteLen(blocks.checked_mul(block_bytes)?),
        })
    }

    /// `metadata_csum` volumes carry a CRC-32C of the superblock's first 1020 bytes (seed and result
    /// inverted by the crate, by ext not: so inverted back).
    fn checksum_fits(sb: &[u8], ro_compat: u32) -> Option<bool> {
        if ro_compat & Self::RO_COMPAT_METADATA_CSUM == 0 {
            return Some(true);
        }
        Some(!crc32c::crc32c(sb.get(..0x3fc)?) == u32_at(sb, 0x3fc)?)
    }

    /// How far this copy of the superblock lies behind the volume's first byte.
    pub(super) fn distance(&self) -> Option<u64> {
        if self.group == 0 {
            return Some(1024);
        }
        self.group.checked_mul(self.blocks_per_group)?.checked_add(self.first_data_block)?.checked_mul(self.block_bytes)
    }
}

/// The kind of volume whose boot record this sector is, in words, when it is one.
pub(super) fn boot_record(sector: &[u8]) -> Option<&'static str> {
    match sector.get(3..11)? {
        b"-FVE-FS-" => Some("a BitLocker volume"),
        b"EXFAT   " => Some("an exFAT volume"),
        _ if Ntfs::parse(sector).is_some() => Some("an NTFS volume"),
        _ => Fat::parse(sector).map(|_| "a FAT volume"),
    }
}

/// The signature at the end of a boot record, an MBR and a link of the logical partitions' chain.
pub(super) fn is_signed(sector: &[u8]) -> bool {
    sector.get(510..512) == Some(&[0x55, 0xaa])
}

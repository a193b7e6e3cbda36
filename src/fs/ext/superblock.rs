//! The superblock: 1024 bytes at byte 1024, with copies at the start of some groups.
//!
//! Source of all offsets: the kernel's ext4 data structures documentation, "Super Block". Nothing else
//! is read before [`Superblock::parse`] has found every number plausible, so that later arithmetic on
//! block numbers cannot overflow: a volume has at most 2^48 blocks of at most 2^16 bytes, and fewer than
//! fit the device.

use super::feature::{Features, compat, incompat, ro_compat};
use super::field::{crc32c, halves, le16, le32};
use crate::device::{ReadDevice, read_array};
use crate::error::{Error, Result};
use crate::unit::{ByteOffset, Grid};

/// Where the primary superblock lies.
pub(super) const PRIMARY: ByteOffset = ByteOffset(1024);
/// Its length, also that of the copies.
pub(super) const SUPERBLOCK_BYTES: usize = 1024;
/// `s_magic`.
const MAGIC: u16 = 0xef53;
/// The largest block: 64 KiB is 2^(10 + 6).
const MAX_LOG_BLOCK: u32 = 6;
/// mke2fs makes no smaller groups; a smaller number would only make the descriptor table absurd.
const MIN_BLOCKS_PER_GROUP: u32 = 256;
/// More groups than a volume of 512 TiB (4 KiB blocks) has: a bound for the memory their table takes.
const MAX_GROUPS: u64 = 1 << 22;
/// The kernel's limit on a group's blocks, whatever the block size (free counts have 16 bits).
const MAX_BLOCKS_PER_GROUP: u64 = 65_528;

/// What the driver needs of a superblock, checked.
#[derive(Clone, Debug)]
pub(super) struct Superblock {
    pub(super) features: Features,
    pub(super) blocks: u64,
    pub(super) block_bytes: u32,
    /// Blocks in an allocation cluster: 1 but with `bigalloc`. A power of two.
    pub(super) cluster_blocks: u32,
    /// 1 when blocks are of 1 KiB and the first is left to a boot loader, else 0.
    pub(super) first_data_block: u32,
    pub(super) blocks_per_group: u32,
    pub(super) inodes_per_group: u32,
    pub(super) inodes: u32,
    pub(super) inode_bytes: u16,
    pub(super) descriptor_bytes: u16,
    pub(super) reserved_gdt_blocks: u16,
    pub(super) first_meta_bg: u32,
    /// The two groups with copies under `sparse_super2`.
    pub(super) backup_groups: [u32; 2],
    /// Which group's copy this is: 0 in the primary.
    pub(super) own_group: u16,
    pub(super) uuid: [u8; 16],
    pub(super) label: Vec<u8>,
    /// Bits: 1 unmounted properly, 2 errors seen, 4 orphans being recovered.
    pub(super) state: u16,
    pub(super) last_orphan: u32,
    pub(super) journal_inode: u32,
    /// The state that checksums of metadata begin with.
    pub(super) checksum_seed: u32,
}

impl Superblock {
    /// Reads the one at `place`.
    ///
    /// # Errors
    /// When the device cannot be read, the numbers are not plausible, or the checksum is wrong.
    pub(super) fn read(device: &(impl ReadDevice + ?Sized), place: ByteOffset) -> Result<Self> {
        Self::verify(&read_array::<SUPERBLOCK_BYTES>(device, place)?, place)
    }

    /// Takes the fields apart and checks them, and the checksum.
    ///
    /// # Errors
    /// When the numbers are not plausible, or the checksum is wrong.
    pub(super) fn verify(raw: &[u8; SUPERBLOCK_BYTES], place: ByteOffset) -> Result<Self> {
        let superblock = Self::parse(raw, place)?;
        if superblock.features.ro_compat(ro_compat::METADATA_CSUM) {
            let (stored, computed) = (le32(raw, 0x3fc), crc32c(!0, &raw[..0x3fc]));
            if stored != computed {
                let expected = format!("the superblock's checksum {computed:#010x}");
                return Err(Error::corrupt(at(place, 0x3fc), expected, format!("{stored:#010x}")));
            }
        }
        Ok(superblock)
    }

    /// Takes the fields apart and checks each against the others, but not the checksum.
    pub(super) fn parse(raw: &[u8; SUPERBLOCK_BYTES], place: ByteOffset) -> Result<Self> {
        let wrong = |offset: u64, expected: &str, found: u64| Err(Error::corrupt(at(place, offset), expected, found));
        if le16(raw, 0x38) != MAGIC {
            return wrong(0x38, "ext's magic number 0xef53", u64::from(le16(raw, 0x38)));
        }
        // Revision 0 has fixed inodes and no features; the fields behind hold whatever was there.
        let revision = le32(raw, 0x4c);
        if revision > 1 {
            return wrong(0x4c, "revision 0 or 1", u64::from(revision));
        }
        let dynamic = |offset: usize| if revision == 0 { 0 } else { le32(raw, offset) };
        let features = Features { compat: dynamic(0x5c), incompat: dynamic(0x60), ro_compat: dynamic(0x64) };
        let log_block = le32(raw, 0x18);
        if log_block > MAX_LOG_BLOCK {
            return wrong(0x18, "a block size of at most 64 KiB (6)", u64::from(log_block));
        }
        let is_64bit = features.incompat(incompat::BITS64);
        let uuid = raw[0x68..0x78].first_chunk().copied().unwrap_or_default();
        let superblock = Self {
            features,
            blocks: halves(le32(raw, 4), if is_64bit { le32(raw, 0x150) } else { 0 }),
            block_bytes: 1024 << log_block,
            cluster_blocks: cluster_blocks(raw, features, log_block, place)?,
            first_data_block: le32(raw, 0x14),
            blocks_per_group: le32(raw, 0x20),
            inodes_per_group: le32(raw, 0x28),
            inodes: le32(raw, 0),
            inode_bytes: if revision == 0 { 128 } else { le16(raw, 0x58) },
            descriptor_bytes: if is_64bit { le16(raw, 0xfe) } else { 32 },
            reserved_gdt_blocks: le16(raw, 0xce),
            first_meta_bg: le32(raw, 0x104),
            backup_groups: [le32(raw, 0x24c), le32(raw, 0x250)],
            own_group: if revision == 0 { 0 } else { le16(raw, 0x5a) },
            uuid,
            label: raw[0x78..0x88].split(|byte| *byte == 0).next().unwrap_or_default().to_vec(),
            state: le16(raw, 0x3a),
            last_orphan: le32(raw, 0xe8),
            journal_inode: le32(raw, 0xe0),
            checksum_seed: match features.incompat(incompat::CSUM_SEED) {
                true => le32(raw, 0x270),
                false => crc32c(!0, &uuid),
            },
        };
        superblock.check(place)?;
        Ok(superblock)
    }

    /// Every number against the others; what passes is safe to calculate with.
    fn check(&self, place: ByteOffset) -> Result<()> {
        let wrong = |offset: u64, expected: &str, found: u64| Err(Error::corrupt(at(place, offset), expected, found));
        let (block_bits, ratio) = (self.block_bytes * 8, self.cluster_blocks);
        let first = u64::from(self.first_data_block);
        let first_expected = u64::from(self.block_bytes == 1024 && ratio == 1);
        if first != first_expected {
            return wrong(0x14, "the first data block that suits the block size", first);
        }
        if self.blocks <= first + 8 || self.blocks > 1 << 48 {
            return wrong(4, "a plausible number of blocks", self.blocks);
        }
        let bpg = self.blocks_per_group;
        if bpg < MIN_BLOCKS_PER_GROUP || !bpg.is_multiple_of(8 * ratio) || bpg / ratio > block_bits {
            return wrong(0x20, "blocks per group that suit one bitmap block", u64::from(bpg));
        }
        let inode_bytes = u32::from(self.inode_bytes);
        if !inode_bytes.is_power_of_two() || inode_bytes < 128 || inode_bytes > self.block_bytes {
            return wrong(0x58, "an inode size from 128 to the block size", u64::from(inode_bytes));
        }
        let ipg = self.inodes_per_group;
        if ipg == 0 || ipg > block_bits {
            return wrong(0x28, "inodes per group that suit one bitmap block", u64::from(ipg));
        }
        if u64::from(ipg) * u64::from(inode_bytes) > u64::from(bpg) * u64::from(self.block_bytes) {
            return wrong(0x28, "an inode table that fits its group", u64::from(ipg));
        }
        let descriptor = u32::from(self.descriptor_bytes);
        let smallest = if self.features.incompat(incompat::BITS64) { 64 } else { 32 };
        if !descriptor.is_power_of_two() || descriptor < smallest || descriptor > 1024 {
            return wrong(0xfe, "a group descriptor size of 64 to 1024", u64::from(descriptor));
        }
        let groups = self.groups();
        if groups > MAX_GROUPS || groups * u64::from(ipg) < u64::from(self.inodes) {
            return wrong(0, "an inode count that the groups can hold", u64::from(self.inodes));
        }
        Ok(())
    }

    /// How many block groups there are.
    pub(super) fn groups(&self) -> u64 {
        (self.blocks - u64::from(self.first_data_block)).div_ceil(u64::from(self.blocks_per_group))
    }

    /// The first block of a group.
    pub(super) fn group_start(&self, group: u64) -> u64 {
        u64::from(self.first_data_block) + group * u64::from(self.blocks_per_group)
    }

    /// How many blocks a group has: fewer than the others in the last one.
    pub(super) fn group_blocks(&self, group: u64) -> u64 {
        self.blocks.saturating_sub(self.group_start(group)).min(u64::from(self.blocks_per_group))
    }

    /// The block that the primary superblock lies in.
    pub(super) fn superblock_block(&self) -> u64 {
        PRIMARY.0 / u64::from(self.block_bytes)
    }

    /// Group descriptors in a block.
    pub(super) fn descriptors_per_block(&self) -> u64 {
        u64::from(self.block_bytes) / u64::from(self.descriptor_bytes)
    }

    /// The inode of the orphan file, where there is one (`s_orphan_file_inum`), from this superblock's bytes.
    pub(super) fn orphan_file(&self, raw: &[u8]) -> Option<u32> {
        self.features.compat(compat::ORPHAN_FILE).then(|| le32(raw, 0x280)).filter(|inode| *inode != 0)
    }

    /// True when the group begins with a superblock (the primary or a copy).
    pub(super) fn has_superblock(&self, group: u64) -> bool {
        if group == 0 {
            return true;
        }
        if self.features.compat(compat::SPARSE_SUPER2) {
            return self.backup_groups.iter().any(|backup| u64::from(*backup) == group);
        }
        !self.features.ro_compat(ro_compat::SPARSE_SUPER) || group == 1 || [3, 5, 7].iter().any(|n| is_power(group, *n))
    }

    /// The volume cut into blocks.
    pub(super) fn grid(&self) -> Grid {
        Grid { cluster_bytes: self.block_bytes, clusters: self.blocks }
    }

    /// Refuses what cannot be read safely.
    ///
    /// # Errors
    /// `Unsupported`, naming the features.
    pub(super) fn refuse_unknown_features(&self) -> Result<()> {
        if self.features.incompat(incompat::JOURNAL_DEV) {
            return Err(Error::unsupported("this is the external journal of an ext volume, not a volume"));
        }
        let unknown = self.features.unknown();
        if unknown.is_empty() {
            return Ok(());
        }
        let message = format!("this ext volume has features that Lifeboat does not know: {}", unknown.join(", "));
        Err(Error::unsupported(message).advise("Image it as raw sectors, or with a newer Lifeboat"))
    }
}

/// The byte of a field, for messages; saturates, because a message is no place for arithmetic errors.
fn at(place: ByteOffset, offset: u64) -> ByteOffset {
    ByteOffset(place.0.saturating_add(offset))
}

fn is_power(number: u64, base: u64) -> bool {
    let mut power = base;
    while power < number {
        power *= base;
    }
    power == number
}

/// Blocks in an allocation cluster. Without `bigalloc` the field is an old one about fragments.
fn cluster_blocks(raw: &[u8], features: Features, log_block: u32, place: ByteOffset) -> Result<u32> {
    if !features.ro_compat(ro_compat::BIGALLOC) {
        return Ok(1);
    }
    let log_cluster = le32(raw, 0x1c);
    // 512 MiB is the largest cluster mke2fs makes: 2^(10 + 19).
    if log_cluster < log_block || log_cluster > 19 {
        return Err(Error::corrupt(at(place, 0x1c), "a cluster size from the block size to 512 MiB", log_cluster));
    }
    let (ratio, bpg, cpg) = (1 << (log_cluster - log_block), le32(raw, 0x20), le32(raw, 0x24));
    if cpg.checked_mul(ratio) != Some(bpg) {
        return Err(Error::corrupt(at(place, 0x24), "clusters per group that agree with the blocks", cpg));
    }
    Ok(ratio)
}

/// Looks for a copy of the superblock where mke2fs puts them: at the start of groups 1, 3, 5, 7 and so
/// on, for every block size. A copy counts only when it says itself that it belongs there.
///
/// The geometry is guessed at, so the places are tried for each block size with its usual group size.
pub(super) fn find_backup(device: &(impl ReadDevice + ?Sized)) -> Option<(ByteOffset, Superblock)> {
    const GROUPS: [u64; 10] = [1, 3, 5, 7, 9, 25, 27, 49, 81, 125];
    // With bigalloc a group is as many times larger as a cluster has blocks: 16 is mke2fs's default.
    const RATIOS: [u64; 4] = [1, 16, 4, 8];
    for ratio in RATIOS {
        for log_block in [2, 0, 1, 6, 3, 4, 5] {
            let block_bytes = 1024u64 << log_block;
            let blocks_per_group = (block_bytes * 8).min(MAX_BLOCKS_PER_GROUP) * ratio;
            let first = u64::from(log_block == 0 && ratio == 1);
            for group in GROUPS {
                let place = ByteOffset((first + group * blocks_per_group) * block_bytes);
                let Ok(superblock) = Superblock::read(device, place) else { continue };
                let says = superblock.group_start(u64::from(superblock.own_group));
                if superblock.own_group != 0 && says.checked_mul(u64::from(superblock.block_bytes)) == Some(place.0) {
                    return Some((place, superblock));
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_lie_in_groups_that_are_powers_of_three_five_and_seven() {
        let powers: Vec<u64> = (2..130).filter(|group| [3, 5, 7].iter().any(|base| is_power(*group, *base))).collect();
        assert_eq!(powers, [3, 5, 7, 9, 25, 27, 49, 81, 125]);
    }

    #[test]
    fn any_bytes_with_the_magic_number_are_refused_or_safe_to_calculate_with() {
        let mut seed = 7u64;
        for _ in 0..20_000 {
            let mut raw = [0; SUPERBLOCK_BYTES];
            for byte in &mut raw {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = (seed >> 56) as u8 & (seed >> 48) as u8 & (seed >> 40) as u8;
            }
            raw[0x38..0x3a].copy_from_slice(&MAGIC.to_le_bytes());
            for zero in [0x15..0x1c, 0x4c..0x50] {
                raw[zero].fill(0);
            }
            (raw[0x14], raw[0x22], raw[0x23]) = (1, 0, 0);
            if let Ok(superblock) = Superblock::parse(&raw, PRIMARY) {
                assert!(superblock.groups() > 0 && superblock.grid().len().0 > 0);
                assert!(superblock.group_blocks(superblock.groups() - 1) > 0);
            }
        }
    }
}

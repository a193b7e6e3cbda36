//! Makes all checksums of a damaged volume right again, so that a check must see the damage itself.
//!
//! Written from the kernel's ext4 documentation, "Checksums", apart from the code under test. Where checksums lie is
//! taken from the volume while it is whole; what they must be, from its bytes after the damage.

use crc32c::crc32c_append;

/// What lies somewhere and has a checksum.
enum What {
    Inode(u32),
    Extents(u32),
    Leaf(u32),
    Index(u32, usize),
    Attributes,
    Orphans(u32),
    MultiMount,
    Journal,
}

/// All places of a volume that have checksums.
pub(super) struct Seals {
    places: Vec<(usize, What)>,
    groups: usize,
    block_bytes: usize,
    descriptor_bytes: usize,
    inode_bytes: usize,
    inodes_per_group: usize,
    blocks_per_group: usize,
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()))
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn put(bytes: &mut [u8], at: usize, value: u32, len: usize) {
    bytes[at..at + len].copy_from_slice(&value.to_le_bytes()[..len]);
}

/// CRC-32C whose state is handed on as it is.
fn crc(state: u32, bytes: &[u8]) -> u32 {
    !crc32c_append(!state, bytes)
}

impl Seals {
    /// Of a whole volume with `metadata_csum`.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let sb = &bytes[1024..2048];
        let block_bytes = 1024 << u32_at(sb, 0x18);
        let (blocks, blocks_per_group) = (u32_at(sb, 4), u32_at(sb, 0x20));
        let is_wide = u32_at(sb, 0x60) & 0x80 != 0;
        let mut seals = Self {
            places: Vec::new(),
            groups: (blocks - u32_at(sb, 0x14)).div_ceil(blocks_per_group),
            block_bytes,
            descriptor_bytes: if is_wide { u16_at(sb, 0xfe) } else { 32 },
            inode_bytes: u16_at(sb, 0x58),
            inodes_per_group: u32_at(sb, 0x28),
            blocks_per_group,
        };
        for number in 1..=u32_at(sb, 0) as u32 {
            let at = seals.inode_at(bytes, number);
            let raw = &bytes[at..at + seals.inode_bytes];
            if raw.iter().any(|byte| *byte != 0) {
                seals.places.push((at, What::Inode(number)));
                if u16_at(raw, 0x1a) > 0 {
                    seals.content(bytes, number, at);
                }
            }
        }
        if u32_at(sb, 0x60) & 0x100 != 0 {
            seals.places.push((u32_at(sb, 0x168) * block_bytes, What::MultiMount));
        }
        seals
    }

    fn descriptor_at(&self, group: usize) -> usize {
        (1024 / self.block_bytes + 1) * self.block_bytes + group * self.descriptor_bytes
    }

    fn inode_at(&self, bytes: &[u8], number: u32) -> usize {
        let index = number as usize - 1;
        let table = u32_at(bytes, self.descriptor_at(index / self.inodes_per_group) + 8);
        table * self.block_bytes + index % self.inodes_per_group * self.inode_bytes
    }

    /// What belongs to an inode and has checksums.
    fn content(&mut self, bytes: &[u8], number: u32, at: usize) {
        let sb = &bytes[1024..2048];
        let (mode, flags) = (u16_at(bytes, at), u32_at(bytes, at + 0x20));
        let attributes = u32_at(bytes, at + 0x68);
        if attributes != 0 {
            self.places.push((attributes * self.block_bytes, What::Attributes));
        }
        if flags & 0x8_0000 == 0 {
            return;
        }
        let mut blocks = Vec::new();
        self.extents(bytes, number, at + 0x28, &mut blocks);
        for (logical, block) in blocks {
            let place = block * self.block_bytes;
            let is_index = flags & 0x1000 != 0;
            let what = if mode >> 12 == 4 && is_index && logical == 0 {
                What::Index(number, 0x20)
            } else if mode >> 12 == 4 && is_index && u16_at(bytes, place + 4) == self.block_bytes {
                What::Index(number, 8)
            } else if mode >> 12 == 4 {
                What::Leaf(number)
            } else if number == 8 && logical == 0 {
                What::Journal
            } else if u32_at(sb, 0x5c) & 0x1000 != 0 && u32_at(sb, 0x280) == number as usize {
                What::Orphans(number)
            } else {
                continue;
            };
            self.places.push((place, what));
        }
    }

    fn extents(&mut self, bytes: &[u8], number: u32, node: usize, blocks: &mut Vec<(usize, usize)>) {
        for entry in (1..=u16_at(bytes, node + 2)).map(|index| node + index * 12) {
            if u16_at(bytes, node + 6) > 0 {
                let child = u32_at(bytes, entry + 4) * self.block_bytes;
                self.places.push((child, What::Extents(number)));
                self.extents(bytes, number, child, blocks);
            } else {
                let (logical, start) = (u32_at(bytes, entry), u32_at(bytes, entry + 8));
                blocks.extend((0..u16_at(bytes, entry + 4).min(0x8000)).map(|more| (logical + more, start + more)));
            }
        }
    }

    /// Writes every checksum anew.
    pub(super) fn renew(&self, bytes: &mut [u8]) {
        let has_seed = u32_at(bytes, 1024 + 0x60) & 0x2000 != 0;
        let seed = match has_seed {
            true => u32_at(bytes, 1024 + 0x270) as u32,
            false => crc(!0, &bytes[1024 + 0x68..1024 + 0x78]),
        };
        for (at, what) in &self.places {
            self.one(bytes, *at, what, seed);
        }
        for group in 0..self.groups {
            self.group(bytes, group, seed);
        }
        Self::renew_superblock(bytes);
    }

    /// Writes the superblock's checksum anew.
    pub(super) fn renew_superblock(bytes: &mut [u8]) {
        let sum = crc(!0, &bytes[1024..1024 + 0x3fc]);
        put(bytes, 1024 + 0x3fc, sum, 4);
    }

    fn inode_seed(&self, bytes: &[u8], number: u32, seed: u32) -> u32 {
        let at = self.inode_at(bytes, number);
        crc(crc(seed, &number.to_le_bytes()), &bytes[at + 0x64..at + 0x68])
    }

    fn one(&self, bytes: &mut [u8], at: usize, what: &What, seed: u32) {
        let end = at + self.block_bytes;
        match *what {
            What::Inode(number) => {
                let state = crc(crc(seed, &number.to_le_bytes()), &bytes[at + 0x64..at + 0x68]);
                let is_wide = self.inode_bytes > 128 && u16_at(bytes, at + 0x80) >= 4;
                put(bytes, at + 0x7c, 0, 2);
                if is_wide {
                    put(bytes, at + 0x82, 0, 2);
                }
                let sum = crc(state, &bytes[at..at + self.inode_bytes]);
                put(bytes, at + 0x7c, sum, 2);
                if is_wide {
                    put(bytes, at + 0x82, sum >> 16, 2);
                }
            }
            What::Extents(number) => {
                let tail = at + 12 * (u16_at(bytes, at + 4) + 1);
                if tail + 4 <= end {
                    let sum = crc(self.inode_seed(bytes, number, seed), &bytes[at..tail]);
                    put(bytes, tail, sum, 4);
                }
            }
            What::Leaf(number) => {
                let sum = crc(self.inode_seed(bytes, number, seed), &bytes[at..end - 12]);
                put(bytes, end - 4, sum, 4);
            }
            What::Index(number, from) => {
                let (limit, count) = (u16_at(bytes, at + from), u16_at(bytes, at + from + 2));
                let tail = at + from + limit * 8;
                if tail + 8 <= end && count <= limit {
                    let state = crc(self.inode_seed(bytes, number, seed), &bytes[at..at + from + count * 8]);
                    let sum = crc(crc(state, &bytes[tail..tail + 4]), &[0; 4]);
                    put(bytes, tail + 4, sum, 4);
                }
            }
            What::Attributes => {
                put(bytes, at + 0x10, 0, 4);
                let state = crc(seed, &((at / self.block_bytes) as u64).to_le_bytes());
                let sum = crc(state, &bytes[at..end]);
                put(bytes, at + 0x10, sum, 4);
            }
            What::Orphans(number) => {
                let state = self.inode_seed(bytes, number, seed);
                let sum = crc(crc(state, &((at / self.block_bytes) as u64).to_le_bytes()), &bytes[at..end - 8]);
                put(bytes, end - 4, sum, 4);
            }
            What::MultiMount => {
                let sum = crc(seed, &bytes[at..at + 0x3fc]);
                put(bytes, at + 0x3fc, sum, 4);
            }
            What::Journal => {
                put(bytes, at + 0xfc, 0, 4);
                let sum = crc(!0, &bytes[at..at + 1024]);
                bytes[at + 0xfc..at + 0x100].copy_from_slice(&sum.to_be_bytes());
            }
        }
    }

    /// A group's bitmaps and its descriptor.
    fn group(&self, bytes: &mut [u8], group: usize, seed: u32) {
        let at = self.descriptor_at(group);
        let is_wide = self.descriptor_bytes >= 64;
        for (place, low, high, bits, unwritten) in
            [(0, 0x18, 0x38, self.blocks_per_group, 2), (4, 0x1a, 0x3a, self.inodes_per_group, 1)]
        {
            let bitmap = u32_at(bytes, at + place) * self.block_bytes;
            if u16_at(bytes, at + 0x12) & unwritten != 0 || bitmap + bits.div_ceil(8) > bytes.len() {
                continue;
            }
            let sum = crc(seed, &bytes[bitmap..bitmap + bits.div_ceil(8)]);
            put(bytes, at + low, sum, 2);
            if is_wide {
                put(bytes, at + high, sum >> 16, 2);
            }
        }
        put(bytes, at + 0x1e, 0, 2);
        let state = crc(seed, &(group as u32).to_le_bytes());
        let sum = crc(state, &bytes[at..at + self.descriptor_bytes]);
        put(bytes, at + 0x1e, sum, 2);
    }
}

/// A whole volume stays byte for byte what it is: the rules here are those it was made by.
#[test]
fn a_whole_volume_is_sealed_already() {
    let mut count = 0;
    for options in [
        super::damage::VOLUMES[1].1,
        "-t ext4 -b 1024 -N 256 -J size=1 -O orphan_file,mmp,ea_inode",
        "-t ext4 -b 1024 -N 256 -J size=1 -O metadata_csum_seed,^64bit",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let good = std::fs::read(super::damage::volume(dir.path(), options)).unwrap();
        let seals = Seals::of(&good);
        let mut bytes = good.clone();
        seals.renew(&mut bytes);
        let changed: Vec<_> = (0..good.len()).filter(|at| good[*at] != bytes[*at]).collect();
        assert_eq!(changed, [0usize; 0], "{options}");
        count += seals.places.len();
    }
    println!("{count} checksums as the kernel and mke2fs made them");
}

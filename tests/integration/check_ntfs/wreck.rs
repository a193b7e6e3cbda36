//! A volume in memory whose structures can be found and broken, field by field.

/// A volume's bytes.
#[derive(Clone)]
pub(super) struct Wreck {
    pub(super) bytes: Vec<u8>,
    pub(super) cluster: usize,
    pub(super) sector: usize,
    pub(super) mft: usize,
    pub(super) mirror: usize,
}

pub(super) const RECORD: usize = 1024;
pub(super) const STANDARD: u32 = 0x10;
pub(super) const LIST: u32 = 0x20;
pub(super) const NAME: u32 = 0x30;
pub(super) const VOLUME_INFORMATION: u32 = 0x70;
pub(super) const DATA: u32 = 0x80;
pub(super) const ROOT: u32 = 0x90;
pub(super) const BLOCKS: u32 = 0xA0;
pub(super) const BITMAP: u32 = 0xB0;

pub(super) fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// Adds to a byte.
pub(super) fn bump(bytes: &mut [u8], at: usize, by: u8) {
    bytes[at] = bytes[at].wrapping_add(by);
}

impl Wreck {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let sector = u16_at(&bytes, 0x0B);
        let sectors = match bytes[0x0D] {
            n @ 0..=0x80 => usize::from(n),
            n => 1 << (256 - usize::from(n)),
        };
        let cluster = sector * sectors;
        let (mft, mirror) = (u64_at(&bytes, 0x30) as usize * cluster, u64_at(&bytes, 0x38) as usize * cluster);
        Self { bytes, cluster, sector, mft, mirror }
    }

    /// Where the backup boot sector lies.
    pub(super) fn backup(&self) -> usize {
        u64_at(&self.bytes, 0x28) as usize * self.sector
    }

    /// Edits a protected structure (record or index block) of `len` bytes with its fixups taken back.
    pub(super) fn edit(&mut self, at: usize, len: usize, change: impl FnOnce(&mut [u8])) {
        let part = &mut self.bytes[at..at + len];
        let array = u16_at(part, 4);
        for sector in 0..len / 512 {
            let true_bytes = [part[array + 2 + sector * 2], part[array + 3 + sector * 2]];
            part[sector * 512 + 510..sector * 512 + 512].copy_from_slice(&true_bytes);
        }
        change(part);
        for sector in 0..len / 512 {
            let end = sector * 512 + 510;
            let true_bytes = [part[end], part[end + 1]];
            part[array + 2 + sector * 2..array + 4 + sector * 2].copy_from_slice(&true_bytes);
            let usn = [part[array], part[array + 1]];
            part[end..end + 2].copy_from_slice(&usn);
        }
    }

    /// Where a record lies; `$MFT` begins with one run that holds all that are asked for.
    pub(super) fn place(&self, number: usize) -> usize {
        self.mft + number * RECORD
    }

    /// Edits a record.
    pub(super) fn record(&mut self, number: usize, change: impl FnOnce(&mut [u8])) {
        let at = self.place(number);
        self.edit(at, RECORD, change);
        if number < 4 {
            let copy = self.bytes[at..at + RECORD].to_vec();
            self.bytes[self.mirror + number * RECORD..][..RECORD].copy_from_slice(&copy);
        }
    }

    /// A record's bytes, its fixups taken back.
    pub(super) fn read(&self, number: usize) -> Vec<u8> {
        let mut copy = Self { bytes: self.bytes[self.place(number)..][..RECORD].to_vec(), ..*self };
        let mut found = Vec::new();
        copy.edit(0, RECORD, |bytes| found = bytes.to_vec());
        found
    }

    /// The number of the first record in use with this name.
    pub(super) fn find(&self, name: &str) -> usize {
        let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let named = |number: &usize| {
            let at = self.place(*number);
            if self.bytes.get(at..at + 4).is_none_or(|magic| magic != b"FILE") || self.bytes[at + 0x16] & 1 == 0 {
                return false;
            }
            let record = self.read(*number);
            attributes(&record).into_iter().any(|(kind, attribute)| {
                kind == NAME && {
                    let value = attribute + u16_at(&record, attribute + 0x14);
                    record[value + 66..].starts_with(&units) && usize::from(record[value + 64]) == units.len() / 2
                }
            })
        };
        (0..4096).find(named).unwrap_or_else(|| panic!("{name} has no record"))
    }

    /// Edits an attribute of a record: all bytes of the record, and where the attribute lies in it.
    pub(super) fn attribute(&mut self, number: usize, kind: u32, change: impl FnOnce(&mut [u8], usize)) {
        let at = attribute(&self.read(number), kind);
        self.record(number, |record| change(record, at));
    }

    /// Edits a resident value.
    pub(super) fn value(&mut self, number: usize, kind: u32, change: impl FnOnce(&mut [u8])) {
        self.attribute(number, kind, |record, at| {
            let from = at + u16_at(record, at + 0x14);
            let len = u32_at(record, at + 0x10);
            change(&mut record[from..from + len]);
        });
    }

    /// Where the first run of an attribute lies on the volume, in bytes.
    pub(super) fn run(&self, number: usize, kind: u32, name: &str) -> usize {
        let record = self.read(number);
        let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let named = |at: &usize| {
            let name = at + u16_at(&record, at + 10);
            usize::from(record[at + 9]) * 2 == units.len() && record[name..].starts_with(&units)
        };
        let found = attributes(&record).into_iter().filter(|(have, _)| *have == kind).map(|(_, at)| at).find(named);
        let at = found.unwrap_or_else(|| panic!("record {number} has no 0x{kind:x} {name}"));
        assert_eq!(record[at + 8], 1, "record {number}: 0x{kind:x} {name} lies in clusters");
        let pairs = at + u16_at(&record, at + 0x20);
        let (len, offset) = (usize::from(record[pairs] & 15), usize::from(record[pairs] >> 4));
        let lcn =
            record[pairs + 1 + len..][..offset].iter().rev().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
        lcn * self.cluster
    }

    /// Edits the first block of a directory's index.
    pub(super) fn block(&mut self, number: usize, change: impl FnOnce(&mut [u8])) {
        let at = self.run(number, BLOCKS, "$I30");
        self.edit(at, 4096, change);
    }

    /// Edits the n-th entry of the first block of a directory's index.
    pub(super) fn entry(&mut self, number: usize, nth: usize, change: impl FnOnce(&mut [u8])) {
        self.block(number, |block| {
            let mut at = 0x18 + u32_at(block, 0x18);
            for _ in 0..nth {
                at += u16_at(block, at + 8);
            }
            let len = u16_at(block, at + 8);
            change(&mut block[at..at + len]);
        });
    }
}

/// Types and places of a record's attributes.
pub(super) fn attributes(record: &[u8]) -> Vec<(u32, usize)> {
    let mut found = Vec::new();
    let mut at = u16_at(record, 0x14);
    while at + 8 <= record.len() && u32_at(record, at) as u32 != u32::MAX {
        found.push((u32_at(record, at) as u32, at));
        at += u32_at(record, at + 4).max(8);
    }
    found
}

/// Where the first attribute of a type lies in a record.
pub(super) fn attribute(record: &[u8], kind: u32) -> usize {
    let found = attributes(record).into_iter().find(|(have, _)| *have == kind);
    found.unwrap_or_else(|| panic!("no attribute 0x{kind:x}")).1
}

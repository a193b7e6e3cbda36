//! One copy of a GPT, primary or backup, checked by ourselves.
//!
//! Header and entry array are read and their CRCs checked here, because the crate `gpt` knows no entries
//! of other than 128 bytes, headers of other than 92, nor a damaged array; it then decodes the entries
//! from bytes that are known to be whole. Source: UEFI specification 2.10, chapter 5.3.
//!
//! Header: Offset | Size | Meaning
//! ---|---|---
//! 0 | 8 | `EFI PART`
//! 12 | 4 | header's size, 92 up to a sector
//! 16 | 4 | CRC-32 of the header, with this field as zero
//! 24 / 32 | 8 | where this copy lies / where the other does (sectors)
//! 40 / 48 | 8 | first / last sector that partitions may use
//! 56 | 16 | disk GUID
//! 72 | 8 | where the entry array lies
//! 80 / 84 | 4 | number of entries / bytes in an entry
//! 88 | 4 | CRC-32 of the entry array

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use uuid::Uuid;

use super::{Entry, types};
use crate::bytes::{u32_at, u64_at};
use crate::device::{SharedDevice, read_vec};
use crate::unit::{ByteLen, ByteOffset, Lba};

pub(super) const SIGNATURE: &[u8; 8] = b"EFI PART";
pub(super) const HEADER_BYTES: usize = 92;
/// The smallest entry, and the part of larger ones that has a meaning.
pub(super) const ENTRY_BYTES: usize = 128;
/// Real arrays have 16 KiB; a hostile header must not make us read or hold more than this.
pub(super) const MAX_ARRAY_BYTES: u64 = 4 << 20;
/// Legacy-BIOS bootable: bit 2 of the attributes.
pub(super) const LEGACY_BOOT: u64 = 1 << 2;

/// Why a copy cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// There is none: no signature.
    Absent,
    /// There is one, but it is not whole; the reason in words.
    Damaged(String),
}

/// A whole copy of the table.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Copy {
    header: Header,
    array: Vec<u8>,
    sector_bytes: u32,
}

#[derive(Clone, PartialEq, Debug)]
struct Header {
    /// The header's bytes, as many as it says it has, with its own CRC as zero.
    bytes: Vec<u8>,
    own_lba: Lba,
    other_lba: Lba,
    first_usable: u64,
    last_usable: u64,
    disk_guid: [u8; 16],
    array_lba: Lba,
    entries: u32,
    entry_bytes: usize,
    array_crc: u32,
}

impl Copy {
    /// Reads the copy whose header stands at `lba`.
    ///
    /// # Errors
    /// Why it is not usable; sectors that cannot be read count as damage.
    pub(super) fn read(device: &SharedDevice, lba: Lba, sector_bytes: u32) -> Result<Self, Fault> {
        let header = Header::read(device, lba, sector_bytes)?;
        let bytes = u64::from(header.entries) * header.entry_bytes as u64;
        if bytes > MAX_ARRAY_BYTES {
            return Err(damaged(format!("it claims {} entries of {} bytes", header.entries, header.entry_bytes)));
        }
        let array = header
            .array_lba
            .to_bytes(sector_bytes)
            .and_then(|at| read_vec(device, at, bytes as usize).ok())
            .ok_or_else(|| damaged(format!("its entries (sector {}) cannot be read", header.array_lba.0)))?;
        if crc32fast::hash(&array) != header.array_crc {
            return Err(damaged("the checksum of its entries is wrong"));
        }
        Ok(Self { header, array, sector_bytes })
    }

    /// Where this copy says that the other one lies.
    pub(super) fn other_lba(&self) -> Lba {
        self.header.other_lba
    }

    /// Where this copy stands.
    pub(super) fn own_lba(&self) -> Lba {
        self.header.own_lba
    }

    /// Where its entries stand.
    pub(super) fn array_lba(&self) -> Lba {
        self.header.array_lba
    }

    /// The header as it was read, with zero for its own checksum.
    pub(super) fn header_bytes(&self) -> &[u8] {
        &self.header.bytes
    }

    /// All entries, used or not.
    pub(super) fn array(&self) -> &[u8] {
        &self.array
    }

    /// Bytes in an entry.
    pub(super) fn entry_bytes(&self) -> usize {
        self.header.entry_bytes
    }

    /// The first and the last sector that partitions may use.
    pub(super) fn usable_sectors(&self) -> (u64, u64) {
        (self.header.first_usable, self.header.last_usable)
    }

    /// The sector size it was read for.
    pub(super) fn sector_bytes(&self) -> u32 {
        self.sector_bytes
    }

    /// The disk's GUID.
    pub(super) fn disk_guid(&self) -> String {
        upper(Uuid::from_bytes_le(self.header.disk_guid))
    }

    /// True when both copies say the same about the disk and its partitions.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        self.header.disk_guid == other.header.disk_guid
            && self.header.entry_bytes == other.header.entry_bytes
            && self.array == other.array
    }

    /// The bytes that partitions may use: first and last usable sector.
    pub(super) fn usable(&self) -> Option<(ByteOffset, ByteOffset)> {
        let end = Lba(self.header.last_usable.checked_add(1)?);
        Some((Lba(self.header.first_usable).to_bytes(self.sector_bytes)?, end.to_bytes(self.sector_bytes)?))
    }

    /// The partitions. The number is the slot's, counted from one, as the kernel does.
    ///
    /// # Errors
    /// When the crate that decodes them refuses (or panics, which is caught).
    pub(super) fn entries(&self) -> Result<Vec<Entry>, Fault> {
        let size = self.header.entry_bytes;
        let slots: Vec<&[u8]> = self.array.chunks_exact(size).collect();
        let used = slots.iter().rposition(|raw| raw[..16] != [0; 16]).map_or(0, |last| last + 1);
        let heads: Vec<u8> = slots[..used].iter().flat_map(|raw| &raw[..ENTRY_BYTES]).copied().collect();
        let partitions = decode(heads)?;
        let mut entries = Vec::new();
        for (number, partition) in partitions {
            let Some(raw) = slots.get(number as usize - 1) else { continue };
            if partition.part_type_guid.guid.is_nil() {
                continue;
            }
            let type_id = upper(partition.part_type_guid.guid);
            let sectors = partition.last_lba.checked_sub(partition.first_lba).map_or(0, |n| n.saturating_add(1));
            // A place past 2^64 saturates: the entry is then out of range on every device, and said to be.
            let bytes = u64::from(self.sector_bytes);
            entries.push(Entry {
                number,
                start: ByteOffset(partition.first_lba.saturating_mul(bytes)),
                len: ByteLen(sectors.saturating_mul(bytes)),
                type_name: types::gpt_name(&type_id).map(Into::into),
                type_id,
                name: (!partition.name.is_empty()).then_some(partition.name),
                id: Some(upper(partition.part_guid)),
                active: partition.flags & LEGACY_BOOT != 0,
                raw: raw.to_vec(),
                found: false,
            });
        }
        Ok(entries)
    }
}

impl Header {
    fn read(device: &SharedDevice, lba: Lba, sector_bytes: u32) -> Result<Self, Fault> {
        let at = lba.to_bytes(sector_bytes).ok_or(Fault::Absent)?;
        if at.checked_add(ByteLen(u64::from(sector_bytes))).is_none_or(|end| end.0 > device.len().0) {
            return Err(Fault::Absent);
        }
        let mut sector =
            read_vec(device, at, sector_bytes as usize).map_err(|_| damaged("its sector cannot be read"))?;
        if !sector.starts_with(SIGNATURE) {
            return Err(Fault::Absent);
        }
        let header = Self::parse(&mut sector, lba);
        header.unwrap_or_else(|| Err(damaged("its header is cut off")))
    }

    /// `None` is only for a sector shorter than a header, which no device has.
    fn parse(sector: &mut [u8], lba: Lba) -> Option<Result<Self, Fault>> {
        let size = u32_at(sector, 12)? as usize;
        let crc = u32_at(sector, 16)?;
        if !(HEADER_BYTES..=sector.len()).contains(&size) {
            return Some(Err(damaged(format!("its header claims a size of {size} bytes"))));
        }
        sector.get_mut(16..20)?.fill(0);
        if crc32fast::hash(sector.get(..size)?) != crc {
            return Some(Err(damaged("the checksum of its header is wrong")));
        }
        let own = u64_at(sector, 24)?;
        if own != lba.0 {
            return Some(Err(damaged(format!("its header says that it belongs to sector {own}, not {}", lba.0))));
        }
        let entry_bytes = u32_at(sector, 84)? as usize;
        if !(ENTRY_BYTES..=4096).contains(&entry_bytes) || !entry_bytes.is_multiple_of(8) {
            return Some(Err(damaged(format!("it claims entries of {entry_bytes} bytes"))));
        }
        Some(Ok(Self {
            bytes: sector.get(..size)?.to_vec(),
            own_lba: lba,
            other_lba: Lba(u64_at(sector, 32)?),
            first_usable: u64_at(sector, 40)?,
            last_usable: u64_at(sector, 48)?,
            disk_guid: sector.get(56..72)?.try_into().ok()?,
            array_lba: Lba(u64_at(sector, 72)?),
            entries: u32_at(sector, 80)?,
            entry_bytes,
            array_crc: u32_at(sector, 88)?,
        }))
    }
}

/// Lets the crate decode entries of exactly 128 bytes each. It sees a header that fits them, so that
/// what it asserts about entry sizes and checksums holds.
fn decode(heads: Vec<u8>) -> Result<std::collections::BTreeMap<u32, gpt::partition::Partition>, Fault> {
    let header = gpt::header::Header {
        signature: "EFI PART".into(),
        revision: (1, 0),
        header_size_le: HEADER_BYTES as u32,
        crc32: 0,
        reserved: 0,
        current_lba: 1,
        backup_lba: 0,
        first_usable: 0,
        last_usable: 0,
        disk_guid: Uuid::nil(),
        part_start: 0,
        num_parts: (heads.len() / ENTRY_BYTES) as u32,
        part_size: ENTRY_BYTES as u32,
        crc32_parts: crc32fast::hash(&heads),
    };
    let size = gpt::disk::LogicalBlockSize::Lb512;
    let decoded =
        catch_unwind(AssertUnwindSafe(|| gpt::partition::file_read_partitions(&mut Cursor::new(heads), &header, size)));
    match decoded {
        Ok(Ok(partitions)) => Ok(partitions),
        Ok(Err(error)) => Err(damaged(format!("its entries cannot be decoded: {error}"))),
        Err(_) => Err(damaged("its entries cannot be decoded")),
    }
}

fn damaged(reason: impl Into<String>) -> Fault {
    Fault::Damaged(reason.into())
}

/// GUIDs are shown in upper case, as the UEFI specification and `sfdisk` write them.
pub(super) fn upper(guid: Uuid) -> String {
    guid.to_string().to_uppercase()
}

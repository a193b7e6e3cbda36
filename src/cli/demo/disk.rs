//! The practice disk: a sparse file with a GPT, three volumes and an empty partition.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use gpt::mbr::ProtectiveMBR;
use gpt::partition::Partition;
use gpt::partition_types::{BASIC, LINUX_FS, Type};
use uuid::Uuid;

use crate::error::{Error, Result};

const SECTOR_BYTES: u64 = 512;
const MIB: u64 = 1 << 20;

/// The disk's apparent size; what it takes on its medium is a few MiB.
const DISK_BYTES: u64 = 256 * MIB;

/// Written at once; a block of zeros is left as a hole.
const BLOCK_BYTES: usize = 64 << 10;

/// The disk's GUID: fixed, so that every demo is the same. Those of the partitions follow it.
const DISK_GUID: u128 = 0x4c69_6665_626f_4174_8000_0000_0000_0100;

/// Made by `scripts/make-practice-volumes`: the formats have no maker among the crates we build on.
const NTFS: &[u8] = include_bytes!("../../../assets/practice-ntfs.zst");
const EXT4: &[u8] = include_bytes!("../../../assets/practice-ext4.zst");

/// One partition of the practice disk.
pub(super) struct Part {
    /// Its number.
    pub(super) number: u32,
    /// Its name in the table.
    pub(super) name: &'static str,
    /// Where it begins, in bytes.
    pub(super) start: u64,
    /// Its length in bytes.
    pub(super) len: u64,
}

/// The partitions. The NTFS one's start stands in its boot record, too: see `scripts/make-practice-volumes`.
pub(super) const PARTS: [Part; 4] = [
    Part { number: 1, name: "Practice FAT32", start: MIB, len: 48 * MIB },
    Part { number: 2, name: "Practice Windows", start: 49 * MIB, len: 32 * MIB },
    Part { number: 3, name: "Practice Linux", start: 81 * MIB, len: 48 * MIB },
    Part { number: 4, name: "Empty", start: 129 * MIB, len: 96 * MIB },
];

/// So many of them hold a volume; the rest are empty.
pub(super) const VOLUMES: usize = 3;

/// Makes the disk in a new file.
///
/// # Errors
/// When there is such a file already, or it cannot be written.
pub(super) fn make(path: &Path) -> Result<()> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(path).map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            Error::refused(format!("{} is there already, and is left as it is", path.display())).advise(format!(
                "`lifeboat --disk {}` opens the wizard on it; or name another folder with --dir",
                path.display()
            ))
        } else {
            Error::io(format!("making {}", path.display()), error)
        }
    })?;
    fill(&file).map_err(|error| Error::io(format!("writing the practice disk {}", path.display()), error))
}

fn fill(file: &File) -> io::Result<()> {
    file.set_len(DISK_BYTES)?;
    write_table(file)?;
    let [fat, ntfs, ext4, _] = &PARTS;
    copy(&mut super::fat::volume(fat)?.as_slice(), file, fat)?;
    copy(&mut zstd::Decoder::new(NTFS)?, file, ntfs)?;
    copy(&mut zstd::Decoder::new(EXT4)?, file, ext4)
}

/// The `gpt` crate may write here, since the file is new and holds nothing that could be lost.
fn write_table(file: &File) -> io::Result<()> {
    let mut handle = file.try_clone()?;
    let sectors = u32::try_from(DISK_BYTES / SECTOR_BYTES - 1).unwrap_or(u32::MAX);
    ProtectiveMBR::with_lb_size(sectors).overwrite_lba0(&mut handle).map_err(io::Error::other)?;
    let guid = Uuid::from_u128(DISK_GUID);
    let mut disk =
        gpt::GptConfig::new().writable(true).create_from_device(handle, Some(guid)).map_err(io::Error::other)?;
    let entries: BTreeMap<u32, Partition> = PARTS.iter().map(|part| (part.number, entry(part))).collect();
    disk.update_partitions(entries).map_err(io::Error::other)?;
    disk.write().map_err(io::Error::other)?;
    Ok(())
}

fn entry(part: &Part) -> Partition {
    let kind: Type = if part.number == 3 { LINUX_FS } else { BASIC };
    let first_lba = part.start / SECTOR_BYTES;
    Partition {
        part_type_guid: kind,
        part_guid: Uuid::from_u128(DISK_GUID + u128::from(part.number)),
        first_lba,
        last_lba: first_lba + part.len / SECTOR_BYTES - 1,
        flags: 0,
        name: part.name.to_owned(),
    }
}

/// Writes what is not zero of a volume into its partition, and nothing behind the partition's end.
fn copy(volume: &mut dyn Read, file: &File, part: &Part) -> io::Result<()> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut at = 0;
    loop {
        let count = read_full(volume, &mut block)?;
        if count == 0 {
            return Ok(());
        }
        if at + count as u64 > part.len {
            return Err(io::Error::other(format!("the volume of {} is longer than its partition", part.name)));
        }
        if block[..count].iter().any(|byte| *byte != 0) {
            file.write_all_at(&block[..count], part.start + at)?;
        }
        at += count as u64;
    }
}

fn read_full(from: &mut dyn Read, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match from.read(&mut block[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// Breaks the whole disk as badly as can be: both partition tables and the first MiB of each volume are zeros
/// afterwards. The practice disk is our own: no plan is asked.
///
/// In that MiB lie the boot record, both FATs and the root directory of the FAT32 volume; the boot record, the first 1000
/// records of the MFT and what else lies there of the NTFS one; the superblock and all group descriptors of the ext4 one.
///
/// # Errors
/// When it cannot be written.
pub(super) fn break_all(path: &Path) -> Result<()> {
    let zeros = vec![0; usize::try_from(MIB).unwrap_or(BLOCK_BYTES)];
    // The table at the end: 32 sectors of entries and the header (UEFI 2.10, 5.3.1).
    let table = &zeros[..33 * 512];
    let wreck = || -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.write_all_at(&zeros, 0)?;
        file.write_all_at(table, DISK_BYTES - table.len() as u64)?;
        for part in &PARTS[..VOLUMES] {
            file.write_all_at(&zeros, part.start)?;
        }
        file.sync_all()
    };
    wreck().map_err(|error| Error::io(format!("breaking {}", path.display()), error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn the_practice_disk_is_the_same_every_time_and_takes_little_room() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        make(&a).unwrap();
        make(&b).unwrap();
        let metadata = std::fs::metadata(&a).unwrap();
        assert_eq!(metadata.len(), DISK_BYTES);
        assert!(metadata.blocks() * 512 < 16 * MIB, "{} blocks", metadata.blocks());
        assert!(std::fs::read(&a).unwrap() == std::fs::read(&b).unwrap());
    }

    #[test]
    fn a_file_that_is_there_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "mine").unwrap();
        assert_eq!(make(&path).unwrap_err().kind(), crate::error::Kind::Refused);
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    }
}

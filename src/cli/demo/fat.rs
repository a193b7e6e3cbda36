//! The practice disk's FAT32 volume, formatted and filled by the `fatfs` crate.

use std::io::{self, Cursor, Seek, SeekFrom, Write};

use fatfs::{Date, DateTime, Dir, FatType, FileSystem, FormatVolumeOptions, FsOptions, Time, TimeProvider};

use super::disk::Part;

/// Bytes in a sector, and in a cluster: with larger ones so small a volume would be FAT16.
const SECTOR_BYTES: u64 = 512;

/// Where a FAT32 boot record and its backup (in sector 6) hold the volume's start: `BPB_HiddSec`, Microsoft's
/// "FAT32 File System Specification", 1.03, page 10. `fatfs` leaves it 0, and a restore would set it.
const HIDDEN_SECTORS_AT: [u64; 2] = [28, 6 * SECTOR_BYTES + 28];

/// A clock that stands still, so that every demo makes the same bytes.
#[derive(Debug)]
struct StoppedClock;

impl TimeProvider for StoppedClock {
    fn get_current_date(&self) -> Date {
        Date { year: 2026, month: 1, day: 2 }
    }

    fn get_current_date_time(&self) -> DateTime {
        DateTime { date: self.get_current_date(), time: Time { hour: 3, min: 4, sec: 6, millis: 0 } }
    }
}

static CLOCK: StoppedClock = StoppedClock;

/// The volume's bytes.
///
/// # Errors
/// When the crate cannot format or fill it.
pub(super) fn volume(part: &Part) -> io::Result<Vec<u8>> {
    let bytes = usize::try_from(part.len).map_err(io::Error::other)?;
    let mut volume = Cursor::new(vec![0; bytes]);
    let options = FormatVolumeOptions::new()
        .fat_type(FatType::Fat32)
        .bytes_per_cluster(SECTOR_BYTES as u32)
        .volume_id(0x4c42_0001)
        .volume_label(*b"PRACTICE   ");
    fatfs::format_volume(&mut volume, options)?;
    let files = FileSystem::new(&mut volume, FsOptions::new().time_provider(&CLOCK))?;
    fill(&files.root_dir())?;
    files.unmount()?;
    let start = u32::try_from(part.start / SECTOR_BYTES).map_err(io::Error::other)?;
    for at in HIDDEN_SECTORS_AT {
        volume.seek(SeekFrom::Start(at))?;
        volume.write_all(&start.to_le_bytes())?;
    }
    let mut bytes = volume.into_inner();
    bytes.as_chunks_mut().0.iter_mut().for_each(tidy_directory);
    Ok(bytes)
}

/// Bytes in a directory entry.
const ENTRY_BYTES: usize = 32;

/// `fatfs` 0.3.6 gives `.` and `..` long names, which no other system does and `fsck.fat` calls damaged: a new
/// directory begins with a long name's entry, `.`, another, `..`. The two names go first, where they belong, and
/// the entries before them become deleted ones. And `..` of a folder in the root has 0 for its first cluster, not
/// the root's own number; all our folders lie in the root.
fn tidy_directory(cluster: &mut [u8; SECTOR_BYTES as usize]) {
    const LONG_NAME: u8 = 0x0f;
    const DELETED: u8 = 0xe5;
    let is_new = cluster[11] == LONG_NAME
        && cluster[ENTRY_BYTES..].starts_with(b".          ")
        && cluster[2 * ENTRY_BYTES + 11] == LONG_NAME
        && cluster[3 * ENTRY_BYTES..].starts_with(b"..         ");
    if is_new {
        cluster.copy_within(ENTRY_BYTES..2 * ENTRY_BYTES, 0);
        cluster.copy_within(3 * ENTRY_BYTES..4 * ENTRY_BYTES, ENTRY_BYTES);
        for at in [20, 21, 26, 27] {
            cluster[ENTRY_BYTES + at] = 0;
        }
        cluster[2 * ENTRY_BYTES] = DELETED;
        cluster[3 * ENTRY_BYTES] = DELETED;
    }
}

fn fill(root: &Dir<'_, &mut Cursor<Vec<u8>>>) -> io::Result<()> {
    let write = |folder: &Dir<'_, &mut Cursor<Vec<u8>>>, name: &str, content: &[u8]| {
        folder.create_file(name)?.write_all(content)
    };
    write(root, "Readme.txt", b"This volume is a practice one, made by \"lifeboat demo\".\r\n")?;
    let photos = root.create_dir("Photos of the boat")?;
    write(&photos, "far away.ppm", b"P3\n3 1\n255\n0 0 255  200 80 0  0 0 255\n")?;
    let papers = root.create_dir("Papers")?;
    write(&papers, "Gr\u{fc}\u{df}e.txt", "Gr\u{fc}\u{df}e aus Z\u{fc}rich\r\n".as_bytes())?;
    write(&papers, "empty.txt", b"")?;
    // Two files that grow in turns, so that both are fragmented.
    for line in 0..200 {
        for name in ["log of the captain.txt", "log of the cook.txt"] {
            let mut file = papers.create_file(name)?;
            file.seek(SeekFrom::End(0))?;
            file.write_all(format!("{line:04} {}\r\n", "all is well, ".repeat(20)).as_bytes())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn fsck_finds_nothing_wrong_with_the_volume() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fat.img");
        std::fs::write(&path, volume(&super::super::disk::PARTS[0]).unwrap()).unwrap();
        let fsck = Command::new("fsck.fat").arg("-n").arg(&path).output().unwrap();
        assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stdout));
    }
}

//! The block devices of this machine, from sysfs, and what is in use, from procfs. Nothing is opened.
//!
//! Sources: the kernel's `Documentation/ABI/*/sysfs-block`, `proc(5)` for `mountinfo` and `swaps`. Sizes and
//! starts in sysfs count 512-byte units, whatever the device's sectors are.

pub(super) mod mounts;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::unit::{ByteLen, ByteOffset};
use mounts::Mounts;

/// sysfs counts in these, always.
const UNIT: u64 = 512;
/// A partition under LUKS under LVM under a RAID is four deep; a loop in sysfs there is not.
pub(super) const MAX_HOLDER_DEPTH: usize = 8;

/// Where the kernel's file systems are; a test gives it a tree of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Roots {
    /// `/sys`
    pub sys: PathBuf,
    /// `/proc`
    pub proc: PathBuf,
    /// `/dev`
    pub dev: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { sys: "/sys".into(), proc: "/proc".into(), dev: "/dev".into() }
    }
}

/// A device number: major and minor.
pub type Number = (u32, u32);

/// A disk as the kernel sees it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BlockDisk {
    /// The kernel's name, such as `sda`.
    pub name: String,
    /// Its node.
    pub node: PathBuf,
    /// Its number.
    pub number: Number,
    /// Maker's model name; for a loop device, the file behind it.
    pub model: Option<String>,
    /// Serial number, or the worldwide name where there is no serial.
    pub serial: Option<String>,
    /// `sata`, `usb`, `nvme`, `virtio`, `mmc`, `scsi`, `loop`, `dm`, `md`…
    pub transport: Option<String>,
    /// Size.
    pub len: ByteLen,
    /// Logical sector size.
    pub sector_bytes: u32,
    /// Physical sector size.
    pub physical_sector_bytes: u32,
    /// Can be taken out.
    pub removable: bool,
    /// Cannot be written.
    pub read_only: bool,
    /// Where it, as a whole, is mounted or otherwise in use: mount points, `[swap]`, `[dm-0]`.
    pub mounted_at: Vec<PathBuf>,
    /// For a loop device: the file behind it, and where in it the device begins.
    pub backing: Option<(PathBuf, ByteOffset)>,
    /// Its partitions as the kernel knows them, in the order of their numbers.
    pub partitions: Vec<BlockPartition>,
}

/// A partition as the kernel sees it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BlockPartition {
    /// Its number in the table.
    pub index: u32,
    /// Its node.
    pub node: PathBuf,
    /// Its device number.
    pub number: Number,
    /// Where it begins on the disk.
    pub start: ByteOffset,
    /// How long it is.
    pub len: ByteLen,
    /// Cannot be written.
    pub read_only: bool,
    /// Where it is mounted or otherwise in use.
    pub mounted_at: Vec<PathBuf>,
}

impl BlockDisk {
    /// Where anything on the disk that shares bytes with `start..start + len` is mounted, the whole disk included.
    #[must_use]
    pub fn mounted_within(&self, start: ByteOffset, len: ByteLen) -> Vec<PathBuf> {
        let mut places = self.mounted_at.clone();
        for part in &self.partitions {
            let overlap =
                start.0 < part.start.0.saturating_add(part.len.0) && part.start.0 < start.0.saturating_add(len.0);
            if overlap {
                places.extend(part.mounted_at.iter().cloned());
            }
        }
        places.dedup();
        places
    }
}

/// The disks of this machine, in the order of their names (`sda` before `sdaa`, `nvme2n1` before `nvme10n1`).
/// RAM disks, compressed swap, loop devices without a file and drives without a medium are left out.
#[must_use]
pub fn disks(roots: &Roots) -> Vec<BlockDisk> {
    let mounts = Mounts::read(&roots.proc);
    let Ok(listing) = fs::read_dir(roots.sys.join("block")) else { return Vec::new() };
    let names = listing.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with("ram") && !name.starts_with("zram")).collect();
    names.sort_by_key(|name| natural(name));
    names.into_iter().filter_map(|name| disk(roots, &mounts, name)).collect()
}

/// The disk of a listing that this path names, as a whole or by one of its partitions.
#[must_use]
pub fn named<'a>(disks: &'a [BlockDisk], path: &Path) -> Option<(&'a BlockDisk, Option<&'a BlockPartition>)> {
    let real = path.canonicalize().unwrap_or_else(|_| path.into());
    disks.iter().find_map(|disk| {
        let part = disk.partitions.iter().find(|part| part.node == real);
        if part.is_some() || disk.node == real { Some((disk, part)) } else { None }
    })
}

/// The disks of a listing whose loop devices stand on this file, with the place in the file where each begins.
pub fn loops_on<'a>(disks: &'a [BlockDisk], file: &Path) -> Vec<(&'a BlockDisk, ByteOffset)> {
    let file = file.canonicalize().unwrap_or_else(|_| file.into());
    let backed = disks.iter().filter_map(|disk| disk.backing.as_ref().map(|(path, at)| (disk, path, *at)));
    backed.filter(|(_, path, _)| **path == file).map(|(disk, _, at)| (disk, at)).collect()
}

/// Where this file is mounted without a loop device (by a FUSE file system such as `ntfs-3g`).
#[must_use]
pub fn mounts_of_file(roots: &Roots, file: &Path) -> Vec<PathBuf> {
    let file = file.canonicalize().unwrap_or_else(|_| file.into());
    Mounts::read(&roots.proc).of_source(&file)
}

/// Where anything that shares bytes with `start..start + len` of an image file is mounted, by loop devices
/// of a listing or as the file itself.
#[must_use]
pub fn mounted_in_file(
    disks: &[BlockDisk],
    roots: &Roots,
    file: &Path,
    start: ByteOffset,
    len: ByteLen,
) -> Vec<PathBuf> {
    let mut places = mounts_of_file(roots, file);
    for (disk, at) in loops_on(disks, file) {
        let end = start.0.saturating_add(len.0);
        let (from, to) = (start.0.max(at.0), end.min(at.0.saturating_add(disk.len.0)));
        if from < to {
            places.extend(disk.mounted_within(ByteOffset(from - at.0), ByteLen(to - from)));
        }
    }
    places
}

fn disk(roots: &Roots, mounts: &Mounts, name: String) -> Option<BlockDisk> {
    let dir = roots.sys.join("block").join(&name);
    let len = units(&dir, "size")?;
    if len == 0 {
        return None;
    }
    let node = node_of(roots, &name);
    let number = number_of(&dir)?;
    let backing = word(&dir, "loop/backing_file").map(|file| {
        let at = word(&dir, "loop/offset").and_then(|at| at.parse().ok()).unwrap_or(0);
        (PathBuf::from(file), ByteOffset(at))
    });
    let model = backing.as_ref().map(|(file, _)| file.display().to_string()).or_else(|| model(&dir));
    let mut partitions = partitions(roots, mounts, &dir, &name);
    partitions.sort_by_key(|partition| partition.index);
    Some(BlockDisk {
        model,
        serial: serial(&dir),
        transport: transport(&dir, &name),
        len: ByteLen(len),
        sector_bytes: parsed(&dir, "queue/logical_block_size").unwrap_or(512),
        physical_sector_bytes: parsed(&dir, "queue/physical_block_size").unwrap_or(512),
        removable: word(&dir, "removable").as_deref() == Some("1"),
        read_only: word(&dir, "ro").as_deref() == Some("1"),
        mounted_at: in_use(roots, mounts, &dir, &node, number, 0),
        node,
        number,
        backing,
        partitions,
        name,
    })
}

fn partitions(roots: &Roots, mounts: &Mounts, dir: &Path, disk: &str) -> Vec<BlockPartition> {
    let Ok(listing) = fs::read_dir(dir) else { return Vec::new() };
    let names = listing.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let one = |name: String| {
        let dir = dir.join(&name);
        let index = parsed(&dir, "partition")?;
        let (node, number) = (node_of(roots, &name), number_of(&dir)?);
        Some(BlockPartition {
            index,
            start: ByteOffset(units(&dir, "start")?),
            len: ByteLen(units(&dir, "size")?),
            read_only: word(&dir, "ro").as_deref() == Some("1"),
            mounted_at: in_use(roots, mounts, &dir, &node, number, 0),
            node,
            number,
        })
    };
    names.filter(|name| name.starts_with(disk)).filter_map(one).collect()
}

/// Where a device is mounted, swapped to, or held by another device (device mapper, RAID) and where that
/// is mounted.
fn in_use(roots: &Roots, mounts: &Mounts, dir: &Path, node: &Path, number: Number, depth: usize) -> Vec<PathBuf> {
    let mut places = mounts.of(number, node);
    let Ok(holders) = fs::read_dir(dir.join("holders")) else { return places };
    let mut holders: Vec<String> = holders.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    holders.sort();
    for holder in holders {
        places.push(format!("[{holder}]").into());
        let dir = roots.sys.join("block").join(&holder);
        if depth < MAX_HOLDER_DEPTH
            && let Some(number) = number_of(&dir)
        {
            places.extend(in_use(roots, mounts, &dir, &node_of(roots, &holder), number, depth + 1));
        }
    }
    places
}

fn model(dir: &Path) -> Option<String> {
    let model = word(dir, "device/model").or_else(|| word(dir, "device/name")).or_else(|| word(dir, "dm/name"))?;
    // SCSI keeps maker and model apart; for SATA disks the kernel puts "ATA" where the maker would be,
    // and for virtio a number.
    let vendor = word(dir, "device/vendor").filter(|vendor| vendor != "ATA" && !vendor.starts_with("0x"));
    Some(vendor.map_or_else(|| model.clone(), |vendor| format!("{vendor} {model}")))
}

fn serial(dir: &Path) -> Option<String> {
    // The SCSI page 0x80 is binary: four bytes of header, then the serial number.
    let page = || {
        let bytes = fs::read(dir.join("device/vpd_pg80")).ok()?;
        clean(&String::from_utf8_lossy(bytes.get(4..)?))
    };
    word(dir, "serial")
        .or_else(|| word(dir, "device/serial"))
        .or_else(page)
        .or_else(|| word(dir, "device/wwid"))
        .or_else(|| word(dir, "wwid"))
        .or_else(|| word(dir, "dm/uuid"))
}

/// How the disk is connected, from the path of devices it hangs on. USB comes first: what is behind a USB
/// bridge is a USB disk, whatever it is itself.
fn transport(dir: &Path, name: &str) -> Option<String> {
    let path = fs::canonicalize(dir).ok()?;
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    let numbered = |prefix: &str| {
        let is =
            |part: &&str| part.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        parts.iter().any(is)
    };
    let through = [("usb", "usb"), ("nvme", "nvme"), ("mmc", "mmc"), ("virtio", "virtio"), ("ata", "sata")];
    let through = through.into_iter().find(|(prefix, _)| numbered(prefix)).map(|(_, word)| word);
    let by_name = [("loop", "loop"), ("dm-", "dm"), ("md", "md"), ("nbd", "nbd"), ("sr", "scsi"), ("sd", "scsi")];
    let by_name = || by_name.into_iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, word)| word);
    through.or_else(by_name).map(Into::into)
}

/// A name as its parts: letters as they are, digits as a number, so that `nvme2` comes before `nvme10`.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut parts: BTreeMap<usize, (String, u64)> = BTreeMap::new();
    let mut at = 0;
    let mut in_digits = false;
    for c in name.chars() {
        if in_digits && !c.is_ascii_digit() {
            at += 1;
        }
        in_digits = c.is_ascii_digit();
        let part = parts.entry(at).or_default();
        match c.to_digit(10) {
            Some(digit) => part.1 = part.1.saturating_mul(10).saturating_add(digit.into()),
            None => part.0.push(c),
        }
    }
    // `sdb` before `sdaa`: shorter names come first.
    parts.into_values().map(|(letters, number)| (format!("{:04}{letters}", letters.len()), number)).collect()
}

/// sysfs writes `!` where a node lies in a folder (`cciss!c0d0`).
pub(super) fn node_of(roots: &Roots, name: &str) -> PathBuf {
    roots.dev.join(name.replace('!', "/"))
}

pub(super) fn number_of(dir: &Path) -> Option<Number> {
    let text = word(dir, "dev")?;
    let (major, minor) = text.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn units(dir: &Path, file: &str) -> Option<u64> {
    word(dir, file)?.parse::<u64>().ok()?.checked_mul(UNIT)
}

fn parsed(dir: &Path, file: &str) -> Option<u32> {
    word(dir, file)?.parse().ok()
}

/// A file's text without blanks around it; `None` when there is none.
pub(super) fn word(dir: &Path, file: &str) -> Option<String> {
    clean(&String::from_utf8_lossy(&fs::read(dir.join(file)).ok()?))
}

fn clean(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A machine made of files: a SATA disk with a mounted partition, swap and an LVM member, an empty loop.
    fn machine() -> (tempfile::TempDir, Roots) {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let sda = "sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/block/sda";
        for (file, text) in [
            ("dev", "8:0\n"),
            ("size", "2048000\n"),
            ("ro", "0\n"),
            ("removable", "0\n"),
            ("queue/logical_block_size", "512\n"),
            ("queue/physical_block_size", "4096\n"),
            ("device/vendor", "ATA     \n"),
            ("device/model", "DISK 9000       \n"),
            ("device/vpd_pg80", "\0\u{1}\0\u{8}  SER123"),
            ("sda1/partition", "1\n"),
            ("sda1/dev", "8:1\n"),
            ("sda1/start", "2048\n"),
            ("sda1/size", "4096\n"),
            ("sda2/partition", "2\n"),
            ("sda2/dev", "8:2\n"),
            ("sda2/start", "8192\n"),
            ("sda2/size", "4096\n"),
            ("sda10/partition", "10\n"),
            ("sda10/dev", "8:10\n"),
            ("sda10/start", "16384\n"),
            ("sda10/size", "8\n"),
            ("sda10/holders/dm-0/x", ""),
        ] {
            write(&format!("{sda}/{file}"), text);
        }
        write("sys/devices/virtual/block/dm-0/dev", "253:0\n");
        write("sys/devices/virtual/block/dm-0/size", "8\n");
        write("sys/devices/virtual/block/loop0/dev", "7:0\n");
        write("sys/devices/virtual/block/loop0/size", "0\n");
        write("sys/devices/virtual/block/loop1/dev", "7:1\n");
        write("sys/devices/virtual/block/loop1/size", "64\n");
        write("sys/devices/virtual/block/loop1/loop/backing_file", "/images/a b.img\n");
        write("sys/devices/virtual/block/loop1/loop/offset", "4096\n");
        let mounts = "21 1 8:1 / /mnt/with\\040blank rw - ext4 /dev/sda1 rw\n\
            22 1 0:40 / /data rw shared:1 - btrfs DEV/dm-0 rw\n23 1 0:50 / /fuse rw - fuseblk /images/c.img rw\n";
        write("proc/self/mountinfo", &mounts.replace("DEV", dir.path().join("dev").to_str().unwrap()));
        let swaps = format!("Filename\tType\n{}/dev/sda2 partition 1 0 -2\n", dir.path().display());
        write("proc/swaps", &swaps);
        fs::create_dir_all(dir.path().join("sys/block")).unwrap();
        let link =
            |name: &str, to: &str| symlink(dir.path().join(to), dir.path().join("sys/block").join(name)).unwrap();
        link("sda", sda);
        for name in ["dm-0", "loop0", "loop1"] {
            link(name, &format!("sys/devices/virtual/block/{name}"));
        }
        let root = |name: &str| dir.path().join(name);
        let roots = Roots { sys: root("sys"), proc: root("proc"), dev: root("dev") };
        (dir, roots)
    }

    #[test]
    fn a_disk_is_told_with_all_that_sysfs_knows() {
        let (_dir, roots) = machine();
        let found = disks(&roots);
        assert_eq!(found.iter().map(|disk| disk.name.as_str()).collect::<Vec<_>>(), ["dm-0", "sda", "loop1"]);
        let sda = &found[1];
        assert_eq!(sda.model.as_deref(), Some("DISK 9000"));
        assert_eq!(sda.serial.as_deref(), Some("SER123"));
        assert_eq!(sda.transport.as_deref(), Some("sata"));
        assert_eq!((sda.len.0, sda.sector_bytes, sda.physical_sector_bytes), (2_048_000 * 512, 512, 4096));
        let parts: Vec<_> = sda.partitions.iter().map(|part| (part.index, part.start.0, part.len.0)).collect();
        assert_eq!(parts, [(1, 2048 * 512, 4096 * 512), (2, 8192 * 512, 4096 * 512), (10, 16384 * 512, 4096)]);
    }

    #[test]
    fn what_is_mounted_swapped_to_or_held_is_said() {
        let (_dir, roots) = machine();
        let found = disks(&roots);
        let sda = &found[1];
        assert_eq!(sda.partitions[0].mounted_at, [PathBuf::from("/mnt/with blank")]);
        assert_eq!(sda.partitions[1].mounted_at, [PathBuf::from("[swap]")]);
        assert_eq!(sda.partitions[2].mounted_at, [PathBuf::from("[dm-0]"), PathBuf::from("/data")]);
        assert!(sda.mounted_at.is_empty());
        assert_eq!(sda.mounted_within(ByteOffset(0), ByteLen(u64::MAX)).len(), 4);
        assert!(sda.mounted_within(ByteOffset(0), ByteLen(4096)).is_empty());
    }

    #[test]
    fn a_file_knows_its_loop_devices_and_fuse_mounts() {
        let (_dir, roots) = machine();
        let found = disks(&roots);
        let loops = loops_on(&found, Path::new("/images/a b.img"));
        assert_eq!(loops.iter().map(|(disk, at)| (disk.name.as_str(), at.0)).collect::<Vec<_>>(), [("loop1", 4096)]);
        assert_eq!(found[2].transport.as_deref(), Some("loop"));
        assert_eq!(mounts_of_file(&roots, Path::new("/images/c.img")), [PathBuf::from("/fuse")]);
    }

    #[test]
    fn names_sort_as_people_count() {
        let mut names = vec!["sdaa", "nvme10n1", "sdb", "nvme2n1", "sda"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["sda", "sdb", "nvme2n1", "nvme10n1", "sdaa"]);
    }

    #[test]
    fn a_machine_without_sysfs_has_no_disks() {
        let roots = Roots { sys: "/nowhere".into(), proc: "/nowhere".into(), dev: "/nowhere".into() };
        assert!(disks(&roots).is_empty());
    }
}

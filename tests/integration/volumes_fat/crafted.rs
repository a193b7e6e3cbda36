//! FAT volumes that are full, in fragments, made by the crate `fatfs`, or patched into contradictions.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::MemoryDevice;
use lifeboat::error::Kind as ErrorKind;
use lifeboat::fs::{EntryKind, FileSystem, Kind};
use lifeboat::unit::Cluster;

use super::{check_against_fsck, fsck_counts, open, open_device, walk, walk_host};
use crate::oracle::{sh, sh_output};

/// Fills the volume with small files, deletes every second, and writes files of `rest` bytes into the gaps until it is
/// full to the last cluster.
fn fill(dir: &Path, options: &str, size: &str, files: u32, rest: u32) {
    let script = format!(
        "truncate -s {size} v.img; mkfs.fat {options} v.img; mkdir -p in/small; mmd -i v.img ::/small
        head -c $((1500 * {files})) /dev/urandom | split -a 4 -b 1500 --numeric-suffixes=1 - in/small/
        mcopy -i v.img in/small/* ::/small; rm in/small/*[13579]
        mdel -i v.img '::/small/*1' '::/small/*3' '::/small/*5' '::/small/*7' '::/small/*9'
        head -c 300000 /dev/urandom > in/large; mcopy -i v.img in/large ::/
        n=0; while head -c {rest} /dev/urandom > rest && mcopy -i v.img rest ::/rest$n 2> /dev/null
        do mv rest in/rest$n; n=$((n+1)); done; mdel -i v.img ::/rest$n 2> /dev/null || true
        head -c $(mdir -i v.img ::/ | tail -n 2 | tr -dc 0-9) /dev/urandom > in/last; mcopy -i v.img in/last ::/"
    );
    sh(dir, &script);
}

/// Used blocks as partclone's header and bitmap tell (version 2: 110 bytes, then bits from the lowest). Its block is a
/// sector.
fn partclone(dir: &Path) -> Vec<bool> {
    sh(dir, "partclone.fat -c -s v.img -O p.pcl -L p.log -q");
    let image = fs::read(dir.join("p.pcl")).unwrap();
    assert_eq!(&image[..15], b"partclone-image");
    let total = u64::from_le_bytes(image[0x3C..0x44].try_into().unwrap());
    (0..total).map(|at| image[110 + (at / 8) as usize] & (1 << (at % 8)) != 0).collect()
}

#[test]
fn a_volume_in_fragments_and_full_is_read_and_counted_as_fsck_and_partclone_do() {
    for (options, size, files, rest) in
        [("-F 12 -s 1", "1500K", 300, 40_000), ("-F 16 -s 2", "5M", 500, 200_000), ("-F 32 -s 1", "34M", 900, 600_000)]
    {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path(), options, size, files, rest);
        let (used, total) = fsck_counts(dir.path(), "v.img");
        assert_eq!(used, total, "{options}: full");
        let volume = check_against_fsck(dir.path(), "v.img");
        let host = walk_host(&dir.path().join("in"));
        assert!(walk(volume.as_ref()) == host, "{options}: other files");
        let runs = |path: &PathBuf| volume.tree().extents(path).unwrap().len();
        assert!(host.keys().map(runs).max() > Some(50), "{options}: in fragments");
        let used = volume.used().unwrap();
        // partclone 0.3.23 calls clusters of this full FAT12 volume free, which fsck.fat does not: no opinion on that.
        let theirs = if options.contains("12") { Vec::new() } else { partclone(dir.path()) };
        let sectors = u64::from(volume.grid().cluster_bytes / volume.summary().sector_bytes);
        for cluster in 0..volume.grid().clusters {
            let at = (cluster * sectors) as usize;
            let theirs = theirs.get(at).copied().unwrap_or(true);
            assert_eq!(used.contains(Cluster(cluster)), theirs, "{options}: cluster {cluster}");
        }
        // The clusters named are those that hold the bytes.
        let bytes = fs::read(dir.path().join("v.img")).unwrap();
        for (path, content) in host {
            let Some(content) = content else { continue };
            let mut raw: Vec<u8> = Vec::new();
            for run in volume.tree().extents(&path).unwrap() {
                let from = volume.grid().offset_of(run.start).0 as usize;
                raw.extend(&bytes[from..from + volume.grid().bytes_of(run.clusters).0 as usize]);
            }
            assert!(raw.len() - content.len() < volume.summary().cluster_bytes as usize, "{}", path.display());
            raw.truncate(content.len());
            assert!(raw == content, "{options}: {}", path.display());
        }
    }
}

/// The tree as the crate `fatfs` reads it.
fn by_fatfs<T: fatfs::ReadWriteSeek>(root: &fatfs::Dir<'_, T>) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![(PathBuf::from("/"), root.clone())];
    while let Some((base, directory)) = open.pop() {
        for entry in directory.iter() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            if name == "." || name == ".." {
                continue;
            }
            let path = base.join(&name);
            if entry.is_dir() {
                open.push((path.clone(), entry.to_dir()));
                found.insert(path, None);
            } else {
                let mut content = Vec::new();
                entry.to_file().read_to_end(&mut content).unwrap();
                found.insert(path, Some(content));
            }
        }
    }
    found
}

#[test]
fn the_crate_fatfs_and_we_see_the_same_tree() {
    // Volumes that it makes and fills …
    for (fat_type, mib, kind) in [
        (fatfs::FatType::Fat12, 1, Kind::Fat12),
        (fatfs::FatType::Fat16, 8, Kind::Fat16),
        (fatfs::FatType::Fat32, 40, Kind::Fat32),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("v.img");
        let mut file = fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        file.set_len(mib << 20).unwrap();
        let options = fatfs::FormatVolumeOptions::new().fat_type(fat_type).bytes_per_cluster(512);
        fatfs::format_volume(&mut file, options.volume_label(*b"BY FATFS   ")).unwrap();
        let theirs = {
            let volume = fatfs::FileSystem::new(&mut file, fatfs::FsOptions::new()).unwrap();
            let root = volume.root_dir();
            root.create_dir("Ordner mit Ähren").unwrap();
            for n in 0..40u32 {
                let mut file = root.create_file(&format!("Ordner mit Ähren/Datei Nummer {n}.text")).unwrap();
                file.write_all(&vec![n as u8; 700 * n as usize]).unwrap();
            }
            root.remove("Ordner mit Ähren/Datei Nummer 7.text").unwrap();
            root.create_file("SHORT.TXT").unwrap().write_all(b"short").unwrap();
            by_fatfs(&root)
        };
        let volume = open(&path);
        assert_eq!((volume.summary().kind, volume.summary().label.as_deref()), (kind, Some("BY FATFS")));
        assert!(walk(volume.as_ref()) == theirs, "{kind}");
    }
    // … and one that mtools filled.
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), &format!("truncate -s 5M v.img; mkfs.fat -F 16 -s 1 v.img; {}", super::FILL));
    let mut file = fs::File::options().read(true).write(true).open(dir.path().join("v.img")).unwrap();
    let theirs = by_fatfs(&fatfs::FileSystem::new(&mut file, fatfs::FsOptions::new()).unwrap().root_dir());
    assert!(walk(open(&dir.path().join("v.img")).as_ref()) == theirs);
}

#[test]
fn anchors_are_the_boot_sectors_and_times_are_those_that_were_written() {
    for (options, places) in
        [("-F 16 -s 4", vec![0]), ("-F 32 -s 1", vec![0, 6 * 512]), ("-F 32 -S 4096 -s 1 -b 3", vec![0, 3 * 4096])]
    {
        let dir = tempfile::tempdir().unwrap();
        sh(dir.path(), &format!("truncate -s 40M v.img; mkfs.fat {options} -h 123456 v.img"));
        let bytes = fs::read(dir.path().join("v.img")).unwrap();
        let volume = open(&dir.path().join("v.img"));
        let anchors = volume.anchors();
        assert_eq!(anchors.seals.iter().map(|seal| seal.offset.0).collect::<Vec<_>>(), places, "{options}");
        assert!(anchors.seals.iter().all(|seal| seal.len.0 == u64::from(volume.summary().sector_bytes)));
        assert_eq!(anchors.hidden_sectors.len(), places.len());
        for place in anchors.hidden_sectors {
            let at = place.0 as usize;
            assert_eq!(u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()), 123_456, "{options}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let times = [("a", "1980-01-01T00:00:02Z"), ("b", "2024-02-29T23:59:58Z"), ("c", "2107-12-31T12:34:56Z")];
    sh(dir.path(), "truncate -s 5M v.img; mkfs.fat -F 16 -s 1 v.img");
    for (name, time) in times {
        sh(dir.path(), &format!("touch -d {time} {name}; TZ=UTC mcopy -m -i v.img {name} ::/"));
    }
    let volume = open(&dir.path().join("v.img"));
    for (name, time) in times {
        let modified = volume.tree().entry(Path::new(name)).unwrap().modified.unwrap();
        assert_eq!(modified.to_string(), time);
    }
    let listing = sh(dir.path(), "TZ=UTC mdir -i v.img ::/");
    assert!(listing.contains("2024-02-29  23:59"), "{listing}");
}

/// A FAT16 volume of 512-byte clusters with `d/` (one cluster) and the files `one` and `two` (four clusters each).
struct Patched {
    bytes: Vec<u8>,
    fat: usize,
    root: usize,
}

impl Patched {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let script = "truncate -s 5M v.img; mkfs.fat -F 16 -s 1 -R 1 -f 1 v.img; head -c 2000 /dev/urandom > one
            head -c 2000 /dev/urandom > two; mmd -i v.img ::/d; mcopy -i v.img one two ::/";
        sh(dir.path(), script);
        let bytes = fs::read(dir.path().join("v.img")).unwrap();
        let fat_sectors = usize::from(u16::from_le_bytes([bytes[0x16], bytes[0x17]]));
        Self { bytes, fat: 512, root: 512 * (1 + fat_sectors) }
    }

    /// Where the entry of a short name begins in the root directory.
    fn entry(&self, name: &[u8; 11]) -> usize {
        (self.root..).step_by(32).find(|at| self.bytes[*at..].starts_with(name)).unwrap()
    }

    fn cluster(&self, name: &[u8; 11]) -> u16 {
        let at = self.entry(name) + 26;
        u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    fn link(&mut self, from: u16, to: u16) {
        let at = self.fat + usize::from(from) * 2;
        self.bytes[at..at + 2].copy_from_slice(&to.to_le_bytes());
    }

    fn open(&self) -> Box<dyn FileSystem> {
        open_device(Arc::new(MemoryDevice::new(self.bytes.clone())))
    }
}

fn read(volume: &dyn FileSystem, path: &str) -> lifeboat::error::Result<Vec<u8>> {
    let mut content = Vec::new();
    let outcome = volume.tree().open(Path::new(path))?.read_to_end(&mut content);
    outcome.map_err(|error| lifeboat::error::Error::damaged(error.to_string()))?;
    Ok(content)
}

#[test]
fn chains_that_loop_cross_or_stop_short_are_named_and_never_followed_for_ever() {
    let one = b"ONE        ";
    let two = b"TWO        ";
    // A chain that leads back into itself.
    let mut patched = Patched::new();
    let first = patched.cluster(one);
    patched.link(first + 2, first);
    let error = patched.open().tree().extents(Path::new("/one")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.place().is_some_and(|place| (512..patched.root as u64).contains(&place.0)), "{error}");
    assert_eq!(read(patched.open().as_ref(), "/one").unwrap_err().kind(), ErrorKind::Corrupt);
    // The rest of the volume is as readable, and its clusters as countable, as before.
    assert_eq!(read(patched.open().as_ref(), "/two").unwrap().len(), 2000);
    assert!(patched.open().used().is_ok());
    // Two files that share the end of a chain: each is read as it says, as every other reader does.
    let mut patched = Patched::new();
    let (first, second) = (patched.cluster(one), patched.cluster(two));
    patched.link(first, second + 1);
    let volume = patched.open();
    let (crossed, other) = (read(volume.as_ref(), "/one").unwrap(), read(volume.as_ref(), "/two").unwrap());
    assert_eq!(crossed[512..], other[512..]);
    // A chain that stops short, one that leads into a free cluster, and one that leaves the volume.
    for target in [0xFFFF, 0, 1, 0xFFEE, 0xFFF7] {
        let mut patched = Patched::new();
        patched.link(first + 1, target);
        let error = read(patched.open().as_ref(), "/one").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{target:x}: {error}");
    }
}

#[test]
fn a_directory_that_contains_itself_can_be_listed_again_and_again() {
    let mut patched = Patched::new();
    let own = patched.cluster(b"D          ");
    // In `d`, an entry `SELF` that leads to `d`.
    let at = patched.root + 512 * 32 + (usize::from(own) - 2) * 512;
    assert_eq!(&patched.bytes[at..at + 2], b". ");
    let mut entry = patched.bytes[at..at + 32].to_vec();
    entry[..11].copy_from_slice(b"SELF       ");
    patched.bytes[at + 64..at + 96].copy_from_slice(&entry);
    let volume = patched.open();
    let mut path = PathBuf::from("/d");
    for _ in 0..50 {
        let names = volume.tree().list(&path).unwrap();
        assert_eq!((names.len(), &names[0].kind), (1, &EntryKind::Directory), "{}", path.display());
        path.push("self");
    }
    // And one whose chain leads back to its own first cluster ends in an error.
    patched.link(own, own);
    assert_eq!(patched.open().tree().list(Path::new("/d")).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_volume_shorter_than_its_partition_keeps_its_length_and_one_that_is_cut_off_is_refused() {
    for options in ["-F 16 -s 4", "-F 32 -s 1"] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("v.img");
        sh(
            dir.path(),
            &format!("truncate -s 36M v.img; mkfs.fat {options} v.img; echo kept > f; mcopy -i v.img f ::/"),
        );
        let (len, counts) = (open(&path).summary().len, fsck_counts(dir.path(), "v.img"));
        sh(dir.path(), "head -c 3000000 /dev/urandom >> v.img; truncate -s %512 v.img");
        let volume = open(&path);
        assert_eq!((volume.summary().len, volume.grid().len()), (len, len));
        assert_eq!((volume.count_used().unwrap(), volume.summary().clusters), counts);
        assert_eq!(read(volume.as_ref(), "/f").unwrap(), b"kept\n");
        sh(dir.path(), &format!("truncate -s $(({} - 512)) v.img", len.0));
        let bytes = fs::read(&path).unwrap();
        let kind = volume.summary().kind;
        let error = lifeboat::fs::open(Arc::new(MemoryDevice::new(bytes)), kind).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(&len.0.to_string()), "{error}");
        assert!(!sh_output(dir.path(), "fsck.fat -n v.img").status.success());
    }
}

//! NTFS volumes made by `mkntfs`, filled through ntfs-3g, and read by us.

mod crafted;
mod opinions;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::{FileDevice, MemoryDevice, SharedDevice};
use lifeboat::error::Kind as ErrorKind;
use lifeboat::fs::{self, EntryKind, FileSystem, Kind, Probe, State, Tree};
use lifeboat::unit::Cluster;

use super::oracle::sh;

fn open(image: &Path) -> Box<dyn FileSystem> {
    let device: SharedDevice = Arc::new(FileDevice::open(image).unwrap());
    assert_eq!(fs::probe(&device).unwrap(), Probe::One(Kind::Ntfs));
    fs::open(device, Kind::Ntfs).unwrap()
}

/// Mounts `v.img` with ntfs-3g at `m`, runs a script there, and unmounts.
fn mounted(dir: &Path, options: &str, script: &str) -> String {
    sh(
        dir,
        &format!(
            "mkdir -p m; ntfs-3g -o {options} v.img m; trap 'cd {dir}; umount m' EXIT; cd m; {script}",
            dir = dir.display()
        ),
    )
}

/// `path kind length digest` of every file, as we see them.
fn walk(tree: &dyn Tree, path: &Path, lines: &mut BTreeMap<String, String>) {
    for entry in tree.list(path).unwrap() {
        let here = path.join(&entry.name);
        let line = match &entry.kind {
            EntryKind::Directory => {
                walk(tree, &here, lines);
                "d".to_owned()
            }
            EntryKind::Symlink(target) => format!("l {}", target.as_deref().unwrap_or(Path::new("?")).display()),
            _ => {
                let content = read(tree, &here);
                assert_eq!(content.len() as u64, entry.bytes, "{}", here.display());
                format!("f {} {}", entry.bytes, blake3::hash(&content))
            }
        };
        lines.insert(here.strip_prefix("/").unwrap().display().to_string(), line);
    }
}

fn read(tree: &dyn Tree, path: &Path) -> Vec<u8> {
    let mut content = Vec::new();
    tree.open(path).unwrap().read_to_end(&mut content).unwrap();
    content
}

/// The same, as the mount at `root` shows them.
fn walk_mount(root: &Path, path: &Path, lines: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(path).unwrap() {
        let here = entry.unwrap().path();
        let kind = here.symlink_metadata().unwrap().file_type();
        let line = if kind.is_dir() {
            walk_mount(root, &here, lines);
            "d".to_owned()
        } else if kind.is_symlink() {
            format!("l {}", std::fs::read_link(&here).unwrap().display())
        } else {
            let content = std::fs::read(&here).unwrap();
            format!("f {} {}", content.len(), blake3::hash(&content))
        };
        lines.insert(here.strip_prefix(root).unwrap().display().to_string(), line);
    }
}

/// Used clusters as `$Bitmap`, given out by ntfscat, says.
fn bitmap(dir: &Path, clusters: u64) -> Vec<bool> {
    sh(dir, "ntfscat -f v.img '$Bitmap' > bitmap 2>/dev/null || ntfscat -f -i 6 v.img > bitmap");
    let bytes = std::fs::read(dir.join("bitmap")).unwrap();
    (0..clusters).map(|at| bytes[(at / 8) as usize] & (1 << (at % 8)) != 0).collect()
}

/// Everything about used clusters that someone else's tool can confirm.
fn check_used(dir: &Path, volume: &dyn FileSystem) {
    let summary = volume.summary();
    let bits = bitmap(dir, summary.clusters);
    assert_eq!(volume.count_used().unwrap(), bits.iter().filter(|bit| **bit).count() as u64);
    let info = sh(dir, "ntfsinfo -fm v.img");
    let field = |name: &str| {
        let line = info.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name} in {info}"));
        line.rsplit(':').next().unwrap().split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(field("Volume Size in Clusters"), summary.clusters);
    assert_eq!(field("Cluster Size"), u64::from(summary.cluster_bytes));
    let used = volume.used().unwrap();
    let factor = u64::from(summary.cluster_bytes / volume.grid().cluster_bytes);
    for (at, bit) in bits.iter().enumerate() {
        for part in 0..factor.min(3) {
            assert_eq!(used.contains(Cluster(at as u64 * factor + part)), *bit, "cluster {at}");
        }
    }
    assert!(used.contains(Cluster(volume.grid().clusters - 1)), "the backup boot sector is kept");
    assert_eq!(volume.grid().len(), summary.len);
}

#[test]
fn fresh_volumes_of_every_cluster_size_are_clean_and_counted() {
    for (cluster, sector, mib) in [
        (512, 512, 8),
        (1024, 512, 8),
        (4096, 512, 9),
        (65536, 512, 32),
        (4096, 4096, 16),
        (65536, 4096, 64),
        (2_097_152, 512, 512),
    ] {
        let dir = tempfile::tempdir().unwrap();
        sh(
            dir.path(),
            &format!(
                "truncate -s {mib}M v.img; mkntfs -QF -q -c {cluster} -s {sector} -L 'Rescue ä' -p 0 -H 0 -S 0 v.img"
            ),
        );
        let volume = open(&dir.path().join("v.img"));
        let summary = volume.summary();
        assert_eq!((summary.cluster_bytes, summary.sector_bytes), (cluster, sector));
        assert_eq!(summary.state, State::Clean, "{:?}", summary.notes);
        assert_eq!(summary.label.as_deref(), Some("Rescue ä"));
        assert_eq!(summary.notes, Vec::<String>::new());
        assert!(volume.tree().list(Path::new("/")).unwrap().is_empty());
        check_used(dir.path(), &*volume);
        // The grid reaches to the backup, and the backup is the boot sector.
        let anchors = volume.anchors();
        let bytes = std::fs::read(dir.path().join("v.img")).unwrap();
        let at = anchors.seals[1].offset.get() as usize;
        assert_eq!(bytes[..512], bytes[at..at + 512]);
    }
}

/// A volume with everything on it that ntfs-3g can make.
fn populate(dir: &Path) {
    sh(dir, "truncate -s 48M v.img; mkntfs -QF -q -L full v.img");
    let mut script = String::from("set -e\n");
    script.push_str(
        "mkdir many; (cd many; for i in $(seq 3000); do : > file-$i; done)
         p=.; for i in $(seq 40); do p=$p/level$i; mkdir $p; done; echo deep > $p/bottom
         echo hello > 'Grüße 𝄞 日本.txt'; echo x > con; head -c 700000 /dev/urandom > random
         # Fragments: two files that grow in turns.
         for i in $(seq 300); do head -c 5000 /dev/urandom >> odd; head -c 5000 /dev/urandom >> even; done
         truncate -s 3000000 sparse; printf end >> sparse; printf mid | dd of=sparse bs=1 seek=1000000 conv=notrunc status=none
         mkdir packed; setfattr -n system.ntfs_attrib_be -v 0x00000800 packed
         (for i in $(seq 40000); do echo line $i of a text; done) > packed/text
         head -c 300000 /dev/urandom > packed/noise; head -c 300000 /dev/zero > packed/zeros
         (head -c 100000 /dev/urandom; head -c 100000 /dev/zero; seq 30000) > packed/mixed
         setfattr -n user.notes -v 'in a stream' random
         ln random hard; ln -s random soft; ln -s ../elsewhere/ß packed/soft
         truncate -s 100000 extended; : > empty\n",
    );
    let _ = writeln!(script, "sync");
    mounted(dir, "compression,streams_interface=xattr", &script);
}

#[test]
fn files_read_as_ntfs_3g_reads_them() {
    let dir = tempfile::tempdir().unwrap();
    populate(dir.path());
    let image = dir.path().join("v.img");
    let volume = open(&image);
    assert_eq!(volume.summary().state, State::Clean, "{:?}", volume.summary().notes);
    check_used(dir.path(), &*volume);
    let mut ours = BTreeMap::new();
    walk(volume.tree(), Path::new("/"), &mut ours);
    let mut theirs = BTreeMap::new();
    sh(dir.path(), "ntfs-3g -o ro,streams_interface=none v.img m");
    walk_mount(&dir.path().join("m"), &dir.path().join("m"), &mut theirs);
    sh(dir.path(), "umount m");
    assert_eq!(ours.len(), theirs.len());
    for (path, line) in &theirs {
        assert_eq!(ours.get(path), Some(line), "{path}");
    }
    let tree = volume.tree();
    let packed = tree.entry(Path::new("/PACKED/Text")).unwrap();
    assert!(packed.attributes.compressed);
    // Compressed for real: fewer clusters than its length needs.
    let clusters: u64 = tree.extents(Path::new("/packed/text")).unwrap().iter().map(|run| run.clusters).sum();
    assert!(clusters * 4096 < packed.bytes);
    let random = tree.entry(Path::new("/random")).unwrap();
    assert_eq!((random.streams[0].name.as_str(), random.streams[0].bytes), ("notes", 11));
    assert_eq!(read(tree, Path::new("/random:notes")), b"in a stream");
    assert_eq!(tree.extents(Path::new("/hard")).unwrap(), tree.extents(Path::new("/random")).unwrap());
    let used = volume.used().unwrap();
    for path in ours.keys() {
        for run in tree.extents(&Path::new("/").join(path)).unwrap() {
            assert!((run.start.0..run.end()).all(|at| used.contains(Cluster(at))), "{path}");
        }
    }
    assert!(tree.open(Path::new("/nothing")).is_err());
    assert!(tree.open(Path::new("/many")).is_err());
}

#[test]
fn a_file_of_hundreds_of_runs_is_read_through_its_attribute_list() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "truncate -s 8M v.img; mkntfs -QF -q -c 512 v.img");
    // Every second cluster is a hole.
    let script = "for i in $(seq 0 2 1400); do head -c 512 /dev/urandom | dd of=scattered bs=512 seek=$i conv=notrunc \
        status=none; done; sha256sum < scattered > ../digest";
    mounted(dir.path(), "rw", script);
    let volume = open(&dir.path().join("v.img"));
    let runs = volume.tree().extents(Path::new("/scattered")).unwrap();
    assert!(runs.len() > 500, "{} runs", runs.len());
    check_used(dir.path(), &*volume);
    std::fs::write(dir.path().join("ours"), read(volume.tree(), Path::new("/scattered"))).unwrap();
    let digest = std::fs::read_to_string(dir.path().join("digest")).unwrap();
    assert_eq!(sh(dir.path(), "sha256sum < ours").trim(), digest.trim());
    // Only then was the way through extension records taken.
    let list = sh(dir.path(), "ntfsinfo -f -F scattered -v v.img");
    assert!(list.contains("$ATTRIBUTE_LIST"));
}

#[test]
fn a_volume_without_its_boot_sector_or_mft_head_is_read_by_the_backups() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "truncate -s 16M v.img; mkntfs -QF -q v.img");
    mounted(dir.path(), "rw", "echo kept > file");
    let bytes = std::fs::read(dir.path().join("v.img")).unwrap();
    let mut beheaded = bytes.clone();
    beheaded[..512].fill(0);
    let device: SharedDevice = Arc::new(MemoryDevice::new(beheaded));
    let volume = fs::open(device, Kind::Ntfs).unwrap();
    assert!(volume.summary().notes[0].contains("backup"), "{:?}", volume.summary().notes);
    assert_eq!(read(volume.tree(), Path::new("/file")), b"kept\n");
    let mft = u64::from_le_bytes(bytes[0x30..0x38].try_into().unwrap()) as usize * 4096;
    let mut headless = bytes.clone();
    headless[mft..mft + 4096].fill(0x55);
    let volume = fs::open(Arc::new(MemoryDevice::new(headless)), Kind::Ntfs).unwrap();
    assert!(volume.summary().notes[0].contains("mirror"), "{:?}", volume.summary().notes);
    assert_eq!(read(volume.tree(), Path::new("/file")), b"kept\n");
    // Cut off: browsable, but no used map.
    let volume = fs::open(Arc::new(MemoryDevice::new(bytes[..12 << 20].to_vec())), Kind::Ntfs).unwrap();
    assert_eq!(volume.used().unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_sleeping_a_dirty_and_a_woken_volume_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "truncate -s 16M v.img; mkntfs -QF -q v.img");
    mounted(dir.path(), "rw", "(printf hibr; head -c 8000 /dev/zero) > HiberFil.sys");
    assert_eq!(open(&dir.path().join("v.img")).summary().state, State::Hibernated);
    mounted(dir.path(), "ro", "true");
    sh(
        dir.path(),
        "ntfs-3g -o remove_hiberfile v.img m; (printf wake; head -c 8000 /dev/zero) > m/hiberfil.sys; umount m",
    );
    assert_eq!(open(&dir.path().join("v.img")).summary().state, State::Clean);
    sh(dir.path(), "ntfsfix v.img >/dev/null");
    assert_eq!(open(&dir.path().join("v.img")).summary().state, State::Dirty);
}

/// A small generator: the same numbers every time.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// Looks at everything, whatever it says.
fn look(device: SharedDevice) {
    let Ok(volume) = fs::open(device, Kind::Ntfs) else { return };
    let _ = (volume.used().map(|map| map.used()), volume.count_used(), volume.anchors());
    let mut paths = vec![PathBuf::from("/")];
    let mut budget = 200;
    while let Some(path) = paths.pop() {
        let _ = volume.tree().extents(&path);
        for entry in volume.tree().list(&path).unwrap_or_default() {
            budget -= 1;
            if budget == 0 {
                return;
            }
            let here = path.join(&entry.name);
            let _ = volume.tree().extents(&here);
            if entry.kind == EntryKind::Directory {
                paths.push(here);
            } else if let Ok(content) = volume.tree().open(&here) {
                let _ = std::io::copy(&mut content.take(200_000), &mut std::io::sink());
            }
        }
    }
}

#[test]
fn mutated_metadata_never_panics_or_hangs() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "truncate -s 3M v.img; mkntfs -QF -q -c 1024 v.img");
    let script = "mkdir a packed; setfattr -n system.ntfs_attrib_be -v 0x00000800 packed
        for i in $(seq 60); do echo $i > a/a-rather-long-name-$i; done
        (seq 9000) > packed/text; ln -s a soft; setfattr -n user.s -v x packed/text; truncate -s 90000 hole";
    mounted(dir.path(), "compression,streams_interface=xattr", script);
    let bytes = std::fs::read(dir.path().join("v.img")).unwrap();
    // Where metadata lies: the boot sector, and whatever carries a magic.
    let magics: [&[u8]; 2] = [b"FILE", b"INDX"];
    let places: Vec<usize> =
        (0..bytes.len()).step_by(1024).filter(|at| *at == 0 || magics.contains(&&bytes[*at..at + 4])).collect();
    assert!(places.len() > 60);
    let mut seeded = Seeded(7);
    for _ in 0..400 {
        let mut mutated = bytes.clone();
        for _ in 0..=seeded.below(6) {
            let at = places[seeded.below(places.len())] + seeded.below(500);
            mutated[at] = match seeded.below(4) {
                0 => 0,
                1 => 0xFF,
                2 => mutated[at] ^ (1 << seeded.below(8)),
                _ => seeded.below(256) as u8,
            };
        }
        look(Arc::new(MemoryDevice::new(mutated)));
    }
    for at in 0..512 {
        let mut mutated = bytes.clone();
        mutated[at] = seeded.below(256) as u8;
        let _ = fs::open(Arc::new(MemoryDevice::new(mutated)), Kind::Ntfs).map(|volume| volume.used());
    }
}

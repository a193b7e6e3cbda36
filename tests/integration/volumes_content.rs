//! `Tree::content`: a file's content can be cleared, cluster by cluster, and the volume's own checker finds nothing. And
//! volumes of ext in partitions of another length.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use lifeboat::device::{FileDevice, SharedDevice};
use lifeboat::error::Kind as ErrorKind;
use lifeboat::extent::Extent;
use lifeboat::fs::{FileSystem, Probe, probe};

use crate::oracle::sh;

fn open(dir: &Path, image: &str) -> Box<dyn FileSystem> {
    let device: SharedDevice = Arc::new(FileDevice::open(&dir.join(image)).unwrap());
    match probe(&device).unwrap() {
        Probe::One(kind) => lifeboat::fs::open(device, kind).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn read(volume: &dyn FileSystem, path: &str) -> Vec<u8> {
    let mut content = Vec::new();
    volume.tree().open(Path::new(path)).unwrap().read_to_end(&mut content).unwrap();
    content
}

fn clusters(runs: &[Extent]) -> u64 {
    runs.iter().map(|run| run.clusters).sum()
}

/// Writes `cleared.img`: the volume, with ones where the content of the files was. Ones, because an index block of
/// zeros may pass for an empty one. Each file has to be in at least so many runs.
fn clear(dir: &Path, files: &[(&str, usize)]) -> Box<dyn FileSystem> {
    let volume = open(dir, "v.img");
    let used = volume.used().unwrap();
    let mut bytes = fs::read(dir.join("v.img")).unwrap();
    for (path, least) in files {
        let content = volume.tree().content(Path::new(path)).unwrap();
        assert!(content.len() >= *least, "{path}: {} runs", content.len());
        for run in content {
            assert!((run.start.0..run.end()).all(|at| used.contains(lifeboat::unit::Cluster(at))), "{path}");
            let from = volume.grid().offset_of(run.start).0 as usize;
            bytes[from..from + volume.grid().bytes_of(run.clusters).0 as usize].fill(0xFF);
        }
    }
    fs::write(dir.join("cleared.img"), bytes).unwrap();
    let cleared = open(dir, "cleared.img");
    for (path, _) in files {
        let (before, after) = (read(volume.as_ref(), path), read(cleared.as_ref(), path));
        assert_eq!(before.len(), after.len());
        // All that was content is gone; what is left reads as the zeros of holes.
        assert!(after.iter().all(|byte| matches!(byte, 0 | 0xFF)), "{path}");
    }
    assert_eq!(cleared.count_used().unwrap(), volume.count_used().unwrap());
    volume
}

#[test]
fn a_fat_volume_stays_sound_without_a_files_content() {
    for options in ["-F 12 -s 1", "-F 16 -s 1", "-F 32 -s 1"] {
        let dir = tempfile::tempdir().unwrap();
        let size = if options.contains("32") { "34M" } else { "2M" };
        let size = if options.contains("16") { "5M" } else { size };
        let script = format!(
            "truncate -s {size} v.img; mkfs.fat {options} v.img; mkdir s; for n in $(seq 200); do echo $n > s/$n; done
            mcopy -s -i v.img s ::/; mdel -i v.img '::/s/*1' '::/s/*3' '::/s/*5' '::/s/*7' '::/s/*9'
            head -c 3000 /dev/urandom > other; (set +o pipefail; yes abc | head -c 300000) > large
            mcopy -i v.img large other ::/; minfo -i v.img ::/ > /dev/null"
        );
        sh(dir.path(), &script);
        // FAT32 allocates behind the last cluster that was, and so leaves gaps alone.
        let least = if options.contains("32") { 1 } else { 50 };
        let volume = clear(dir.path(), &[("/large", least)]);
        let extents = volume.tree().extents(Path::new("/large")).unwrap();
        assert_eq!(extents, volume.tree().content(Path::new("/large")).unwrap());
        assert!(volume.tree().content(Path::new("/s")).unwrap().is_empty(), "a directory is no content");
        sh(dir.path(), "fsck.fat -n cleared.img");
        assert_eq!(
            read(open(dir.path(), "cleared.img").as_ref(), "/other"),
            fs::read(dir.path().join("other")).unwrap()
        );
    }
}

#[test]
fn an_ntfs_volume_stays_sound_without_a_files_content() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "truncate -s 12M v.img; mkntfs -QF -q -c 512 v.img; mkdir m");
    // Every second cluster a hole, which takes an attribute list; and a second stream, in clusters of its own.
    let script = "ntfs-3g -o streams_interface=windows v.img m; trap 'umount m' EXIT
        for i in $(seq 0 2 1200); do head -c 512 /dev/urandom | dd of=m/scattered bs=512 seek=$i conv=notrunc status=none; done
        head -c 20000 /dev/urandom > stream; cat stream > m/scattered:kept; head -c 90000 /dev/urandom > other; cp other m";
    sh(dir.path(), script);
    let volume = clear(dir.path(), &[("/scattered", 500)]);
    let tree = volume.tree();
    let (all, content) =
        (tree.extents(Path::new("/scattered")).unwrap(), tree.content(Path::new("/scattered")).unwrap());
    // Beside the content: 40 clusters of the stream, and the attribute list.
    assert!(clusters(&all) > clusters(&content) + 40, "{} of {}", clusters(&content), clusters(&all));
    assert!(tree.content(Path::new("/")).unwrap().is_empty(), "a directory is no content");
    sh(
        dir.path(),
        "ntfsfix -n cleared.img; ntfs-3g -o ro,streams_interface=windows cleared.img m; trap 'umount m' EXIT
        cmp other m/other; cmp stream m/scattered:kept; wc -c < m/scattered; ls -R m; ntfsinfo -m -f cleared.img > /dev/null",
    );
}

#[test]
fn an_ext_volume_stays_sound_without_a_files_content() {
    for (maker, least) in [
        // An extent tree of more than one level: four runs fit the inode, 84 a block of 1 KiB.
        ("mkfs.ext4 -q -b 1024", 1500),
        ("mkfs.ext4 -q -b 4096 -O ^64bit,^metadata_csum", 1500),
        // Block maps with indirect and doubly indirect blocks.
        ("mkfs.ext2 -q -b 1024", 1500),
        ("mkfs.ext3 -q -b 2048", 1500),
    ] {
        let dir = tempfile::tempdir().unwrap();
        // Every second block of 4 KiB is a hole.
        let script = format!(
            "mkdir d; perl -e 'open F, \">d/scattered\"; for (0..1600) {{ seek F, $_ * 8192, 0; print F \"x\" x 4096 }}'
            head -c 90000 /dev/urandom > d/other; mkdir d/many; touch d/many/{{1..300}}
            truncate -s 48M v.img; {maker} -d d v.img"
        );
        sh(dir.path(), &script);
        let volume = clear(dir.path(), &[("/scattered", least)]);
        let tree = volume.tree();
        let (all, content) =
            (tree.extents(Path::new("/scattered")).unwrap(), tree.content(Path::new("/scattered")).unwrap());
        assert!(clusters(&all) > clusters(&content), "{maker}: there are index blocks, and they are no content");
        assert!(tree.content(Path::new("/many")).unwrap().is_empty(), "{maker}: a directory is no content");
        sh(dir.path(), "e2fsck -fn cleared.img");
        let cleared = open(dir.path(), "cleared.img");
        assert_eq!(read(cleared.as_ref(), "/other"), fs::read(dir.path().join("d/other")).unwrap());
    }
}

#[test]
fn an_ext_volume_keeps_its_length_in_a_longer_partition_and_is_refused_in_a_shorter_one() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "truncate -s 12M v.img; mkfs.ext4 -q -b 1024 v.img; cp v.img longer.img; cp v.img shorter.img");
    sh(dir.path(), "head -c 1000448 /dev/urandom >> longer.img; truncate -s -1024 shorter.img");
    let (exact, longer) = (open(dir.path(), "v.img"), open(dir.path(), "longer.img"));
    assert_eq!((longer.summary(), longer.grid()), (exact.summary(), exact.grid()));
    assert!(longer.used().unwrap().runs().eq(exact.used().unwrap().runs()));
    let device: SharedDevice = Arc::new(FileDevice::open(&dir.path().join("shorter.img")).unwrap());
    // It is still known for what it is; the checker's verdict on the same file is no better.
    let error = lifeboat::fs::open(Arc::clone(&device), exact.summary().kind).unwrap_err();
    assert_eq!((error.kind(), probe(&device).unwrap()), (ErrorKind::Corrupt, Probe::One(exact.summary().kind)));
    let verdict = sh(dir.path(), "e2fsck -fn shorter.img 2>&1 || true");
    assert!(verdict.contains("physical size of the device"), "{verdict}");
}

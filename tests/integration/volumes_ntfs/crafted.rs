//! NTFS volumes in states that are hard to come by: in fragments, patched by hand, cut short.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use lifeboat::device::MemoryDevice;
use lifeboat::error::Kind as ErrorKind;
use lifeboat::fs::{EntryKind, FileSystem, Kind, State};
use lifeboat::unit::Cluster;

use super::{bitmap, check_used, mounted, open, read};
use crate::oracle::sh;

/// Fills the volume with files of one cluster, frees every second, and fills the gaps: first with a large file,
/// then with records of the MFT itself. Leaves the large file's digest in `digest`.
fn fragment(dir: &Path) {
    sh(dir, "truncate -s 12M v.img; mkntfs -QF -q -c 1024 v.img");
    let script = "(mkdir a; i=0; while head -c 900 /dev/zero > a/$i; do i=$((i+1)); done) 2>/dev/null || true
        rm -f a/*[02468]; head -c 600000 /dev/urandom | tee large | sha256sum > ../digest
        (i=0; while [ $i -lt 2500 ] && : > e$i; do i=$((i+1)); done) 2>/dev/null || true; test -e e2000";
    mounted(dir, "rw", script);
}

/// Used blocks as the header and bitmap of a partclone image tell (version 2: 110 bytes, then bits from the
/// lowest).
fn partclone(dir: &Path, kind: &str) -> Vec<bool> {
    sh(dir, &format!("partclone.{kind} -c -s v.img -O p.pcl -L p.log -q"));
    let image = fs::read(dir.join("p.pcl")).unwrap();
    assert_eq!(&image[..15], b"partclone-image");
    let total = u64::from_le_bytes(image[0x3C..0x44].try_into().unwrap());
    (0..total).map(|at| image[110 + (at / 8) as usize] & (1 << (at % 8)) != 0).collect()
}

#[test]
fn a_volume_in_fragments_is_read_and_counted_and_so_is_its_mft_with_an_attribute_list() {
    let dir = tempfile::tempdir().unwrap();
    fragment(dir.path());
    let volume = open(&dir.path().join("v.img"));
    assert_eq!(volume.summary().state, State::Clean, "{:?}", volume.summary().notes);
    // The point of it all: the runs of $MFT's own content lie in two records.
    let list = sh(dir.path(), "ntfsinfo -f -i 0 -v v.img");
    assert!(list.contains("$ATTRIBUTE_LIST"), "{list}");
    check_used(dir.path(), &*volume);
    let runs = volume.tree().extents(Path::new("/large")).unwrap();
    assert!(runs.len() > 30, "{} runs", runs.len());
    fs::write(dir.path().join("ours"), read(volume.tree(), Path::new("/large"))).unwrap();
    assert_eq!(sh(dir.path(), "sha256sum < ours"), fs::read_to_string(dir.path().join("digest")).unwrap());
    let names: Vec<_> = volume.tree().list(Path::new("/")).unwrap().into_iter().map(|entry| entry.name).collect();
    sh(dir.path(), "ntfs-3g -o ro v.img m; ls -U m > names; ls m/a | wc -l >> names; umount m");
    let theirs = fs::read_to_string(dir.path().join("names")).unwrap();
    assert_eq!(names.len(), theirs.lines().count() - 1);
    let small = volume.tree().list(Path::new("/a")).unwrap().len();
    assert_eq!(theirs.lines().last().unwrap().trim(), small.to_string());
    // partclone's blocks are clusters, and it knows only whole ones.
    let theirs = partclone(dir.path(), "ntfs");
    assert_eq!(theirs, bitmap(dir.path(), theirs.len() as u64));
    let used = volume.used().unwrap();
    let factor = u64::from(volume.summary().cluster_bytes / volume.grid().cluster_bytes);
    for (at, bit) in theirs.iter().enumerate() {
        assert_eq!(used.contains(Cluster(at as u64 * factor)), *bit, "cluster {at}");
    }
}

/// The byte at which the unnamed `$DATA` attribute of the file begins, found by the name in its record.
fn data_attribute(bytes: &[u8], name: &str) -> usize {
    let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let has_name = |record: &[u8]| record.windows(units.len()).any(|window| window == units);
    let is_file = |at: &usize| bytes[*at..].starts_with(b"FILE") && has_name(&bytes[*at..at + 1024]);
    let record = (0..bytes.len()).step_by(1024).find(is_file).unwrap();
    let field = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut at = record + usize::from(bytes[record + 0x14]);
    while field(at) != 0x80 {
        at += field(at + 4) as usize;
    }
    // Fixups replace the last two bytes of a sector: what is patched must keep clear of them.
    assert!(at % 512 + 0x40 < 510);
    at
}

fn reopened(bytes: Vec<u8>) -> Box<dyn FileSystem> {
    lifeboat::fs::open(Arc::new(MemoryDevice::new(bytes)), Kind::Ntfs).unwrap()
}

#[test]
fn what_was_never_written_reads_as_zeros_and_what_is_encrypted_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "truncate -s 8M v.img; mkntfs -QF -q v.img");
    mounted(dir.path(), "rw", "head -c 50000 /dev/urandom > partly");
    let bytes = fs::read(dir.path().join("v.img")).unwrap();
    let whole = read(open(&dir.path().join("v.img")).tree(), Path::new("/partly"));
    let at = data_attribute(&bytes, "partly");
    assert_eq!(bytes[at + 8], 1, "the content is not in the record");
    for initialized in [0u64, 4096, 10_001, 49_999] {
        let mut patched = bytes.clone();
        patched[at + 0x38..at + 0x40].copy_from_slice(&initialized.to_le_bytes());
        let mut expected = whole.clone();
        expected[initialized as usize..].fill(0);
        fs::write(dir.path().join("v.img"), &patched).unwrap();
        assert!(read(reopened(patched).tree(), Path::new("/partly")) == expected, "{initialized}");
        // ntfs-3g has the same opinion.
        sh(dir.path(), "ntfscat -f v.img partly > theirs");
        assert!(fs::read(dir.path().join("theirs")).unwrap() == expected, "{initialized}");
    }
    let mut encrypted = bytes;
    encrypted[at + 0xD] |= 0x40;
    let volume = reopened(encrypted);
    let error = volume.tree().open(Path::new("/partly")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("EFS"), "{error}");
    assert!(!volume.tree().extents(Path::new("/partly")).unwrap().is_empty(), "its clusters are known all the same");
}

/// A reparse point in hexadecimal: tag, length, the places of two names, the names.
fn link(tag: u32, flags: &[u8], substitute: &str, print: &str) -> String {
    let units = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let (first, second) = (units(substitute), units(print));
    let places = [0, first.len(), first.len(), second.len()].map(|n| (n as u16).to_le_bytes());
    let data = [places.as_flattened(), flags, &first, &second].concat();
    hex(&[&tag.to_le_bytes()[..], &(data.len() as u32).to_le_bytes(), &data].concat())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn junctions_and_links_lead_somewhere_and_a_file_compressed_by_windows_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "truncate -s 8M v.img; mkntfs -QF -q v.img");
    let wof = hex(&[0x8000_0017u32, 16, 1, 2, 1, 0].map(u32::to_le_bytes).concat());
    let script = format!(
        "mkdir junction; : > link; echo content > packed; setfattr -n user.WofCompressedData -v stored packed
        setfattr -h -n system.ntfs_reparse_data -v 0x{} junction
        setfattr -h -n system.ntfs_reparse_data -v 0x{} link
        setfattr -h -n system.ntfs_reparse_data -v 0x{wof} packed",
        link(0xA000_0003, &[], r"\??\C:\Users", r"C:\Users"),
        link(0xA000_000C, &[1, 0, 0, 0], r"..\elsewhere\ß", r"..\elsewhere\ß"),
    );
    mounted(dir.path(), "streams_interface=xattr", &script);
    let volume = open(&dir.path().join("v.img"));
    let tree = volume.tree();
    let kind = |name: &str| tree.entry(Path::new(name)).unwrap().kind;
    assert_eq!(kind("/junction"), EntryKind::Symlink(Some(r"C:\Users".into())));
    assert_eq!(kind("/link"), EntryKind::Symlink(Some(r"..\elsewhere\ß".into())));
    let error = tree.open(Path::new("/packed")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("WOF"), "{error}");
    assert_eq!(read(tree, Path::new("/packed:WofCompressedData")), b"stored");
}

#[test]
fn a_volume_shorter_or_longer_than_its_partition_keeps_its_own_length() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("v.img");
    sh(dir.path(), "truncate -s 12M v.img; mkntfs -QF -q v.img");
    mounted(dir.path(), "rw", "echo kept > file");
    let exact = open(&image);
    let (len, used) = (exact.summary().len, exact.used().unwrap());
    let bytes = fs::read(&image).unwrap();
    // A partition 3 MiB and a sector larger.
    let mut larger = bytes.clone();
    larger.resize(bytes.len() + (3 << 20) + 512, 0xA5);
    let volume = reopened(larger.clone());
    assert_eq!((volume.summary().len, volume.summary().notes.len()), (len, 0));
    assert_eq!(volume.grid().len(), len);
    assert!(volume.used().unwrap().runs().eq(used.runs()));
    // The same with its boot sector damaged, but for the length in it.
    for damaged in [3..11, 0x0B..0x10, 0x30..0x40] {
        let mut beheaded = larger.clone();
        beheaded[damaged].fill(0xEE);
        let volume = reopened(beheaded);
        assert_eq!(volume.summary().len, len);
        assert!(volume.summary().notes[0].contains("backup"), "{:?}", volume.summary().notes);
        assert_eq!(read(volume.tree(), Path::new("/file")), b"kept\n");
    }
    // One sector short: all but the backup boot sector is there.
    let volume = reopened(bytes[..len.0 as usize - 512].to_vec());
    assert_eq!(volume.summary().len.0, len.0 - 512);
    assert!(volume.summary().notes[0].contains("no room for the backup"), "{:?}", volume.summary().notes);
    assert_eq!((volume.anchors().seals.len(), volume.used().is_ok()), (1, true));
    // A MiB short: said, and not imaged as if it were whole.
    let volume = reopened(bytes[..bytes.len() - (1 << 20)].to_vec());
    assert!(volume.summary().notes[0].contains("cut off"), "{:?}", volume.summary().notes);
    assert_eq!(volume.used().unwrap_err().kind(), ErrorKind::Corrupt);
}

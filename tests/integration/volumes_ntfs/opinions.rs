//! What other readers make of an NTFS volume: the crates `ntfs`, `ntfs-core` and `rust-fs-ntfs`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{mounted, open, read, walk};
use crate::oracle::sh;

/// `path → d`, or `path → f length digest`, as [`walk`] writes them.
type Listing = BTreeMap<String, String>;

/// No test volume has a file as long.
const MOST_BYTES: usize = 8 << 20;

fn line(content: &[u8]) -> String {
    format!("f {} {}", content.len(), blake3::hash(content))
}

fn populate(dir: &Path) {
    sh(dir, "truncate -s 24M v.img; mkntfs -QF -q v.img");
    let script = "mkdir -p many deep/er/and/er packed; for i in $(seq 400); do echo $i > many/file-$i; done
        echo leaf > deep/er/and/er/leaf; echo hello > 'Grüße 日本.txt'; : > empty; head -c 700000 /dev/urandom > random
        for i in $(seq 60); do head -c 5000 /dev/urandom >> odd; head -c 5000 /dev/urandom >> even; done
        truncate -s 900000 sparse; printf end >> sparse
        setfattr -n system.ntfs_attrib_be -v 0x00000800 packed
        seq 40000 > packed/text; (seq 9000; head -c 90000 /dev/zero; head -c 90000 /dev/urandom) > packed/mixed
        setfattr -n user.notes -v 'in a stream' random";
    mounted(dir, "compression,streams_interface=xattr", script);
}

/// The crate `ntfs` sees directories, names and plain files.
fn by_ntfs(image: &Path) -> (Listing, Vec<u8>) {
    fn list(ntfs: &ntfs::Ntfs, fs: &mut File, directory: &ntfs::NtfsFile<'_>, base: &str, found: &mut Listing) {
        let index = directory.directory_index(fs).unwrap();
        let mut entries = index.entries();
        while let Some(entry) = entries.next(fs) {
            let entry = entry.unwrap();
            let name = entry.key().unwrap().unwrap();
            let own = base.is_empty() && entry.file_reference().file_record_number() < 16;
            if own || name.namespace() == ntfs::structured_values::NtfsFileNamespace::Dos {
                continue;
            }
            let path = format!("{base}{}", name.name().to_string_lossy());
            let file = entry.to_file(ntfs, fs).unwrap();
            if file.is_directory() {
                list(ntfs, fs, &file, &format!("{path}/"), found);
                found.insert(path, "d".to_owned());
            } else {
                found.insert(path, line(&data(fs, &file)));
            }
        }
    }
    fn data(fs: &mut File, file: &ntfs::NtfsFile<'_>) -> Vec<u8> {
        let item = file.data(fs, "").unwrap().unwrap();
        let value = item.to_attribute().unwrap().value(fs).unwrap();
        let mut content = Vec::new();
        value.attach(fs).read_to_end(&mut content).unwrap();
        content
    }
    let mut fs = File::open(image).unwrap();
    let mut ntfs = ntfs::Ntfs::new(&mut fs).unwrap();
    ntfs.read_upcase_table(&mut fs).unwrap();
    let mut found = Listing::new();
    let root = ntfs.root_directory(&mut fs).unwrap();
    list(&ntfs, &mut fs, &root, "", &mut found);
    let bitmap = ntfs.file(&mut fs, 6).unwrap();
    let bitmap = data(&mut fs, &bitmap);
    (found, bitmap)
}

fn by_ntfs_core(image: &Path) -> (Listing, Vec<u8>) {
    fn list(fs: &ntfs_core::NtfsFs<File>, record: u64, base: &str, found: &mut Listing) {
        for entry in fs.directory_entries(&fs.read_record(record).unwrap()).unwrap() {
            let Some(name) = entry.file_name else { continue };
            let number = entry.file_reference.record_number;
            if name.is_dos_namespace() || base.is_empty() && number < 16 {
                continue;
            }
            let path = format!("{base}{}", name.name);
            let header = ntfs_core::MftRecordHeader::parse(&fs.read_record(number).unwrap()).unwrap();
            if header.is_directory() {
                list(fs, number, &format!("{path}/"), found);
                found.insert(path, "d".to_owned());
            } else {
                let content = fs.read_data_by_record(number, None, MOST_BYTES as u64).unwrap();
                found.insert(path, line(&content));
            }
        }
    }
    let fs = ntfs_core::NtfsFs::open(File::open(image).unwrap()).unwrap();
    let mut found = Listing::new();
    list(&fs, 5, "", &mut found);
    assert_eq!(fs.read_named_stream("\\random", "notes").unwrap(), b"in a stream");
    (found, fs.read_data_by_record(6, None, MOST_BYTES as u64).unwrap())
}

/// `rust-fs-ntfs` gives a count of free clusters instead of the bitmap.
fn by_rust_fs_ntfs(image: &Path) -> (Listing, u64) {
    use fs_ntfs::facade::{FileType, Filesystem};
    fn list(fs: &Filesystem, base: &str, found: &mut Listing) {
        for entry in fs.read_dir(base).unwrap() {
            if matches!(entry.name.as_str(), "." | "..") {
                continue;
            }
            let path = format!("{base}{}", entry.name);
            let shown = path.trim_start_matches('/').to_owned();
            if entry.file_type == FileType::Directory {
                list(fs, &format!("{path}/"), found);
                found.insert(shown, "d".to_owned());
            } else {
                let mut content = vec![0; fs.stat(&path).unwrap().size as usize];
                assert_eq!(fs.read_file(&path, 0, &mut content).unwrap(), content.len(), "{path}");
                found.insert(shown, line(&content));
            }
        }
    }
    let fs = Filesystem::mount(image).unwrap();
    let mut found = Listing::new();
    list(&fs, "/", &mut found);
    (found, fs.volume_stats().unwrap().free_clusters)
}

fn ones(bitmap: &[u8], clusters: u64) -> u64 {
    (0..clusters).filter(|at| bitmap[(at / 8) as usize] & (1 << (at % 8)) != 0).count() as u64
}

#[test]
fn three_other_readers_see_the_same_files_bytes_and_clusters() {
    let dir = tempfile::tempdir().unwrap();
    populate(dir.path());
    let image = dir.path().join("v.img");
    let volume = open(&image);
    let mut ours = Listing::new();
    walk(volume.tree(), Path::new("/"), &mut ours);
    assert!(ours.len() > 410);
    assert_eq!(read(volume.tree(), Path::new("/random:notes")), b"in a stream");
    let (used, clusters) = (volume.count_used().unwrap(), volume.summary().clusters);

    let (theirs, bitmap) = by_ntfs_core(&image);
    assert_eq!(theirs, ours, "ntfs-core");
    assert_eq!(ones(&bitmap, clusters), used, "ntfs-core");

    let (theirs, free) = by_rust_fs_ntfs(&image);
    assert_eq!(theirs, ours, "rust-fs-ntfs");
    assert_eq!(clusters - free, used, "rust-fs-ntfs");

    // This one gives out compressed clusters as they are stored: no opinion on those.
    let (mut theirs, bitmap) = by_ntfs(&image);
    let is_plain = |path: &String| !path.starts_with("packed/");
    theirs.retain(|path, _| is_plain(path));
    ours.retain(|path, _| is_plain(path));
    assert_eq!(theirs, ours, "ntfs");
    assert_eq!(ones(&bitmap, clusters), used, "ntfs");
}

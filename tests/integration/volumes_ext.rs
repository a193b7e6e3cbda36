//! ext2, ext3 and ext4 volumes made by mke2fs and filled by the kernel, against dumpe2fs, debugfs, the kernel's
//! own reading and `ext4-view`.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::{FileDevice, MemoryDevice, SharedDevice};
use lifeboat::error::Kind as ErrorKind;
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::{self, Entry, EntryKind, FileSystem, Kind, Probe, State, Tree};

use crate::oracle::sh;
use crate::random::Random;

/// Files of every shape that the kernel can make on ext: run inside the mounted volume. Fragmented by taking
/// turns, sparse, unwritten, deep, many, unusually named, special, with long and short links and attributes.
const POPULATE: &str = r#"
echo hello > hello.txt; : > empty; printf 'x%.0s' {1..100} > hundred
head -c 300000 /dev/urandom > random; head -c 5000 /dev/urandom > small
for i in $(seq 1 5); do for f in a b c; do head -c 3000 /dev/urandom >> frag-$f; sync frag-$f; done; done
truncate -s 40M sparse; printf tail | dd of=sparse bs=1 seek=30000000 conv=notrunc status=none
printf mid | dd of=sparse bs=1 seek=700000 conv=notrunc status=none
fallocate -l 200000 unwritten 2>/dev/null || true; printf start | dd of=unwritten bs=1 conv=notrunc status=none
for i in $(seq 0 2 60); do printf $i | dd of=holes bs=1 seek=$((i * 4096)) conv=notrunc status=none; done
mkdir -p deep/$(printf 'd/%.0s' {1..30}); echo bottom > deep/$(printf 'd/%.0s' {1..30})file
mkdir many; for i in $(seq 1 400); do echo $i > many/a-file-with-a-longish-name-$i; done; rm many/*7
mkdir tiny; echo 1 > tiny/one; echo 2 > tiny/two
mkdir names; : > "names/ leading and trailing "; : > 'names/new
line'; : > $'names/\xff\xfe not utf-8'; : > "names/$(printf 'n%.0s' {1..255})"; : > 'names/ä€😀'; : > 'names/back\slash:star*'
ln -s hello.txt link; ln -s /$(printf 'long/%.0s' {1..40})end longlink; ln -s $(printf 'p%.0s' {1..59}) link59
ln -s $(printf 'q%.0s' {1..60}) link60; ln hello.txt hardlink; mkfifo fifo; mknod null c 1 3
setfattr -n user.note -v "$(printf 'v%.0s' {1..600})" small 2>/dev/null || true
setfattr -n user.note -v short link60 2>/dev/null || true
chmod 4751 random; touch -d '1969-12-31 23:00:00.25 UTC' small; touch -d '2106-02-07 06:28:17.5 UTC' hundred
"#;

/// Ends where ext2 of 1 KiB blocks needs its triple indirect block, and has more pieces than an extent tree of
/// depth 1 can hold.
fn write_pieces(path: &Path) {
    let file = std::fs::File::create(path).unwrap();
    for piece in 0..1500u64 {
        file.write_all_at(format!("piece {piece}").as_bytes(), piece * 8192).unwrap();
    }
    file.write_all_at(b"the end", 70_000_000).unwrap();
}

fn populated(dir: &Path, size: &str, mke2fs: &str) -> PathBuf {
    write_pieces(&dir.join("pieces"));
    let script = format!(
        "truncate -s {size} v.img; mke2fs -q -F -L label {mke2fs} v.img; mkdir m; mount -o loop v.img m
         trap 'cd /; umount {}/m' EXIT; cp --sparse=always pieces m; cd m; {POPULATE}",
        dir.display()
    );
    sh(dir, &script);
    dir.join("v.img")
}

fn open(path: &Path) -> Box<dyn FileSystem> {
    let device: SharedDevice = Arc::new(FileDevice::open(path).unwrap());
    match fs::probe(&device).unwrap() {
        Probe::One(kind @ (Kind::Ext2 | Kind::Ext3 | Kind::Ext4)) => fs::open(device, kind).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The used blocks as dumpe2fs' lists of free blocks have them. With bigalloc dumpe2fs names a cluster by its first
/// block, at both ends of a range.
fn dumpe2fs(path: &Path) -> (BTreeMap<String, String>, ExtentSet) {
    let text = sh(Path::new("/"), &format!("dumpe2fs {} 2>/dev/null", path.display()));
    let mut fields = BTreeMap::new();
    let mut free = Vec::new();
    let mut cluster_blocks = 1;
    for line in text.lines() {
        if let Some(list) = line.strip_prefix("  Free blocks: ") {
            for range in list.split(", ").filter(|range| !range.is_empty()) {
                let (from, to) = range.split_once('-').unwrap_or((range, range));
                let (from, to): (u64, u64) = (from.parse().unwrap(), to.parse().unwrap());
                free.push(Extent::new(from, to - from + cluster_blocks));
            }
        } else if let Some((name, value)) = line.split_once(':')
            && !line.starts_with(' ')
        {
            fields.entry(name.to_owned()).or_insert_with(|| value.trim().to_owned());
            if name == "Cluster size" {
                cluster_blocks = value.trim().parse::<u64>().unwrap() / fields["Block size"].parse::<u64>().unwrap();
            }
        }
    }
    let blocks = fields["Block count"].parse().unwrap();
    (fields, ExtentSet::from(free).complement(blocks))
}

/// Used blocks bit by bit, and the summary, against dumpe2fs.
fn compare_used(path: &Path, volume: &dyn FileSystem) {
    let (fields, expected) = dumpe2fs(path);
    let map = volume.used().unwrap();
    let found: ExtentSet = map.runs().collect();
    assert_eq!(found, expected);
    assert_eq!(volume.count_used().unwrap(), expected.clusters());
    let summary = volume.summary();
    assert_eq!(summary.clusters.to_string(), fields["Block count"]);
    assert_eq!(summary.cluster_bytes.to_string(), fields["Block size"]);
    assert_eq!(summary.id.as_deref().unwrap(), fields["Filesystem UUID"]);
    let kind = sh(Path::new("/"), &format!("blkid -p -o value -s TYPE {}", path.display()));
    assert_eq!(summary.kind.name(), kind.trim());
    assert_eq!((volume.grid().clusters, volume.grid().cluster_bytes), (summary.clusters, summary.cluster_bytes));
}

/// Everything under `/`, as paths.
fn walk(tree: &dyn Tree) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::new();
    let mut left = vec![PathBuf::from("/")];
    while let Some(path) = left.pop() {
        for entry in tree.list(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
            let own = path.join(&entry.name);
            if entry.kind == EntryKind::Directory {
                left.push(own.clone());
            }
            assert!(found.insert(own, entry).is_none(), "a name twice in {}", path.display());
        }
    }
    found
}

fn content(tree: &dyn Tree, path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    tree.open(path).unwrap().read_to_end(&mut bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    bytes
}

/// Everything under a directory of the host, by the kernel's reading, compared with the volume's tree.
fn compare_files(root: &Path, tree: &dyn Tree) {
    let ours = walk(tree);
    let mut seen = 0;
    let mut left = vec![root.to_path_buf()];
    while let Some(dir) = left.pop() {
        for item in std::fs::read_dir(dir).unwrap() {
            let item = item.unwrap();
            let own = Path::new("/").join(item.path().strip_prefix(root).unwrap());
            let metadata = std::fs::symlink_metadata(item.path()).unwrap();
            if own == Path::new("/lost+found") && !ours.contains_key(&own) {
                continue;
            }
            let entry = ours.get(&own).unwrap_or_else(|| panic!("{} is missing", own.display()));
            seen += 1;
            let again = tree.entry(&own).unwrap();
            assert_eq!(&again, entry);
            assert_eq!(u32::from(entry.attributes.mode.unwrap()), metadata.mode() & 0o7777, "{}", own.display());
            let modified = entry.modified.unwrap();
            let theirs = (metadata.mtime(), metadata.mtime_nsec() as i32);
            assert_eq!((modified.as_second(), modified.subsec_nanosecond()), normal(theirs), "{}", own.display());
            if metadata.is_dir() {
                assert_eq!(entry.kind, EntryKind::Directory);
                left.push(item.path());
            } else if metadata.is_symlink() {
                assert_eq!(entry.kind, EntryKind::Symlink(Some(std::fs::read_link(item.path()).unwrap())));
            } else if metadata.is_file() {
                assert_eq!((&entry.kind, entry.bytes), (&EntryKind::File, metadata.len()), "{}", own.display());
                assert!(content(tree, &own) == std::fs::read(item.path()).unwrap(), "{} differs", own.display());
            } else {
                assert_eq!(entry.kind, EntryKind::Special);
            }
        }
    }
    let lost = usize::from(ours.contains_key(Path::new("/lost+found")) && !root.join("lost+found").exists());
    assert_eq!(seen + lost, ours.len(), "the volume shows more than the kernel does");
}

/// jiff gives both parts the same sign before 1970; the kernel keeps nanoseconds positive.
fn normal((seconds, nanoseconds): (i64, i32)) -> (i64, i32) {
    if seconds < 0 && nanoseconds > 0 { (seconds + 1, nanoseconds - 1_000_000_000) } else { (seconds, nanoseconds) }
}

/// The blocks of every file and directory against debugfs, and that all are used.
fn compare_extents(path: &Path, volume: &dyn FileSystem) {
    let used: ExtentSet = volume.used().unwrap().runs().collect();
    let plain = |path: &Path| path.to_str().is_some_and(|text| !text.contains(['\n', ' ', '\\', '*', '\'']));
    // debugfs takes the text of a short link, and the number of a device, for block numbers.
    let has_blocks = |entry: &Entry| match entry.kind {
        EntryKind::File | EntryKind::Directory => true,
        EntryKind::Symlink(_) => entry.bytes >= 60,
        EntryKind::Special => false,
    };
    let all = walk(volume.tree()).into_iter();
    let paths: Vec<PathBuf> =
        all.filter(|(path, entry)| plain(path) && has_blocks(entry)).map(|(path, _)| path).collect();
    let commands: String = paths.iter().map(|path| format!("blocks {0}\nstat {0}\n", path.display())).collect();
    let commands_path = path.with_extension("debugfs");
    std::fs::write(&commands_path, commands).unwrap();
    let text = sh(Path::new("/"), &format!("debugfs -f {} {} 2>&1", commands_path.display(), path.display()));
    let mut answers = text.split("debugfs: blocks ").skip(1);
    for own in &paths {
        let answer = answers.next().unwrap();
        let mut lines = answer.lines();
        assert_eq!(lines.next(), own.to_str());
        let list = lines.next().unwrap_or_default();
        let number = |word: &str| word.parse::<u64>().ok();
        let mut theirs: Vec<Extent> =
            list.split_whitespace().filter_map(number).map(|block| Extent::new(block, 1)).collect();
        let attributes = answer.split("File ACL: ").nth(1).and_then(|rest| number(rest.split_whitespace().next()?));
        theirs.extend(attributes.filter(|block| *block != 0).map(|block| Extent::new(block, 1)));
        let ours = volume.tree().extents(own).unwrap();
        if list.is_empty() || list.split_whitespace().all(|word| number(word).is_some()) {
            let ours: ExtentSet = ours.iter().copied().collect();
            assert_eq!(ours, ExtentSet::from(theirs), "{}", own.display());
        }
        assert_eq!(ours.iter().map(|run| run.clusters).sum::<u64>(), ExtentSet::from(ours.clone()).clusters());
        assert_eq!(ExtentSet::from(ours.clone()).intersect(&used).clusters(), ExtentSet::from(ours).clusters());
    }
}

/// In memory where that can be had: unmounting waits for the disk otherwise, which takes most of the time.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Makes a volume, has the kernel fill it, and compares everything.
fn check(size: &str, mke2fs: &str) {
    let dir = scratch();
    let path = populated(dir.path(), size, mke2fs);
    let volume = open(&path);
    assert_eq!((volume.summary().state, volume.summary().label.as_deref()), (State::Clean, Some("label")));
    compare_used(&path, &*volume);
    compare_extents(&path, &*volume);
    sh(dir.path(), "mount -o loop,ro v.img m");
    let root = dir.path().join("m");
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| compare_files(&root, volume.tree())));
    sh(dir.path(), "umount m");
    result.unwrap();
}

#[test]
fn ext2_of_every_mountable_block_size_reads_as_the_kernel_does() {
    check("24M", "-t ext2 -b 1024 -I 128");
    check("33000K", "-t ext2 -b 2048 -r 1");
    check("50M", "-t ext2 -b 4096 -O ^sparse_super,^resize_inode");
}

#[test]
fn ext2_revision_0_is_read() {
    let dir = tempfile::tempdir().unwrap();
    sh(
        dir.path(),
        "truncate -s 9M v.img; mke2fs -q -F -r 0 -b 1024 v.img; debugfs -w -R 'write /bin/true t' v.img 2>&1",
    );
    let volume = open(&dir.path().join("v.img"));
    compare_used(&dir.path().join("v.img"), &*volume);
    assert_eq!(content(volume.tree(), Path::new("/t")), std::fs::read("/bin/true").unwrap());
}

#[test]
fn ext3_with_a_short_last_group_reads_as_the_kernel_does() {
    check("29601K", "-t ext3 -b 1024");
    check("40M", "-t ext3 -b 4096 -O dir_index,^resize_inode");
}

#[test]
fn ext4_of_every_mountable_block_size_reads_as_the_kernel_does() {
    check("41001K", "-t ext4 -b 1024");
    check("40M", "-t ext4 -b 2048 -O ^64bit");
    check("300M", "-t ext4 -b 4096 -E lazy_itable_init=1");
}

#[test]
fn ext4_with_uninit_bg_checksums_reads_as_the_kernel_does() {
    check("150M", "-t ext4 -b 1024 -O uninit_bg,^metadata_csum,^flex_bg -E lazy_itable_init=1");
    check("300M", "-t ext4 -O uninit_bg,^metadata_csum,64bit -E lazy_itable_init=1");
}

#[test]
fn ext4_with_other_layouts_of_its_metadata_reads_as_the_kernel_does() {
    check("100M", "-t ext4 -b 1024 -O meta_bg,^resize_inode");
    check("100M", "-t ext4 -b 1024 -O meta_bg,^resize_inode,^flex_bg,uninit_bg,^metadata_csum");
    check("100M", "-t ext4 -b 1024 -O sparse_super2");
    check("100M", "-t ext4 -b 1024 -O ^flex_bg,^has_journal -g 2048");
}

#[test]
fn ext4_with_bigalloc_reads_as_the_kernel_does() {
    check("200M", "-t ext4 -O bigalloc -C 16384");
    check("64M", "-t ext4 -b 1024 -O bigalloc -C 8192");
}

#[test]
fn ext4_with_inline_data_reads_as_the_kernel_does() {
    check("40M", "-t ext4 -b 1024 -O inline_data -I 256");
    check("40M", "-t ext4 -O inline_data -I 512,largedir".trim_end_matches(",largedir"));
}

#[test]
fn blocks_of_64_kib_read_as_what_was_put_in() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!(
        "mkdir s; cd s; {POPULATE}\nrm null fifo sparse; cd ..; truncate -s 200M v.img
         mke2fs -q -F -t ext4 -b 65536 -d s v.img 2>/dev/null; truncate -s 200M w.img
         mke2fs -q -F -t ext2 -b 65536 -d s w.img 2>/dev/null; truncate -s 90M x.img
         mke2fs -q -F -t ext4 -b 32768 -d s x.img 2>/dev/null"
    );
    sh(dir.path(), &script);
    for name in ["v.img", "w.img", "x.img"] {
        let path = dir.path().join(name);
        let volume = open(&path);
        compare_used(&path, &*volume);
        compare_extents(&path, &*volume);
        let ours = walk(volume.tree());
        for (own, entry) in ours.iter().filter(|(_, entry)| entry.kind == EntryKind::File) {
            let theirs = std::fs::read(dir.path().join("s").join(own.strip_prefix("/").unwrap())).unwrap();
            assert!(content(volume.tree(), own) == theirs, "{} ({entry:?}) of {name}", own.display());
        }
        assert!(ours.len() > 400);
    }
}

#[test]
fn a_volume_of_15_tib_is_mapped_in_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "truncate -s 15T v.img; mke2fs -q -F -t ext4 -E lazy_itable_init=1,nodiscard -O ^has_journal v.img");
    let volume = open(&dir.path().join("v.img"));
    let map = volume.used().unwrap();
    let header = sh(dir.path(), "dumpe2fs -h v.img 2>/dev/null");
    let number = |name: &str| -> u64 {
        header.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().parse().unwrap()
    };
    assert_eq!(map.used(), number("Block count:") - number("Free blocks:"));
    assert!(map.memory_bytes() < 8 << 20, "{} bytes", map.memory_bytes());
    assert!(walk(volume.tree()).contains_key(Path::new("/lost+found")));
}

#[test]
fn states_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("v.img");
    let state = |script: &str| {
        sh(dir.path(), script);
        open(&image).summary().state
    };
    assert_eq!(state("truncate -s 20M v.img; mke2fs -q -F -t ext4 -b 1024 v.img"), State::Clean);
    // What lies on the disk under a mounted volume is what a crash would leave.
    let crash =
        "mkdir m; mount -o loop v.img m; echo x > m/x; sync; cp v.img crashed.img; umount m; mv crashed.img v.img";
    assert_eq!(state(crash), State::Journal);
    assert_eq!(state("e2fsck -fy v.img >/dev/null 2>&1 || true"), State::Clean);
    assert_eq!(state("debugfs -w -R 'ssv state 0' v.img 2>&1"), State::Dirty);
    assert_eq!(state("debugfs -w -R 'ssv state 3' v.img 2>&1"), State::Dirty);
    assert_eq!(state("debugfs -w -R 'ssv state 1' v.img 2>&1"), State::Clean);
    assert_eq!(state("debugfs -w -R 'ssv last_orphan 12' v.img 2>&1"), State::Dirty);
    assert_eq!(state("mke2fs -q -F -t ext2 -b 1024 v.img"), State::Clean);
    assert_eq!(state("mount -o loop v.img m; cp v.img mounted.img; umount m; mv mounted.img v.img"), State::Dirty);
}

fn device(path: &Path) -> SharedDevice {
    Arc::new(FileDevice::open(path).unwrap())
}

#[test]
fn what_cannot_be_read_safely_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("v.img");
    let refusal = |script: &str| {
        sh(dir.path(), script);
        fs::open(device(&image), Kind::Ext4).map(|_| ()).unwrap_err()
    };
    let error = refusal(
        "truncate -s 4M v.img; mke2fs -q -F -t ext2 -b 1024 v.img; printf '\\x03' | dd of=v.img bs=1 seek=1120 conv=notrunc status=none",
    );
    assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains("compression"), "{error}");
    let error = refusal("rm v.img; truncate -s 4M v.img; mke2fs -q -F -O journal_dev -b 1024 v.img 4096");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(fs::probe(&device(&image)).unwrap(), Probe::None);
    let error = refusal("rm v.img; truncate -s 9M v.img; mke2fs -q -F -t ext4 v.img; truncate -s 8M v.img");
    assert!(error.to_string().contains("only 8388608"), "{error}");
    assert_eq!(fs::probe(&device(&image)).unwrap(), Probe::One(Kind::Ext4));
}

#[test]
fn a_damaged_superblock_is_replaced_by_its_copy() {
    for (size, options) in [
        ("20M", "-t ext4 -b 1024"),
        ("40M", "-t ext2 -b 2048"),
        ("300M", "-t ext4 -b 4096"),
        ("1200M", "-t ext4 -b 4096 -O bigalloc,^has_journal -C 16384"),
        ("9G", "-t ext4 -b 65536 -O ^has_journal -N 4096 -E lazy_itable_init=1"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("v.img");
        sh(dir.path(), &format!("truncate -s {size} v.img; mke2fs -q -F {options} v.img 2>/dev/null"));
        let before = open(&image).used().unwrap();
        sh(dir.path(), "dd if=/dev/zero of=v.img bs=1k seek=1 count=1 conv=notrunc status=none");
        let volume = fs::open(device(&image), Kind::Ext4).unwrap_or_else(|error| panic!("{options}: {error}"));
        assert!(volume.summary().notes[0].contains("copy"), "{options}");
        assert_eq!(volume.summary().state, State::Dirty);
        assert!(before.runs().eq(volume.used().unwrap().runs()), "{options}");
    }
}

#[test]
fn damaged_bookkeeping_is_an_error_that_names_the_group() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("v.img");
    sh(dir.path(), "truncate -s 40M v.img; mke2fs -q -F -t ext4 -b 1024 v.img");
    let text = sh(dir.path(), "dumpe2fs v.img 2>/dev/null");
    let bitmap: u64 = text
        .split("Block bitmap at ")
        .nth(1)
        .and_then(|rest| rest.split([' ', ',']).next()?.parse().ok())
        .expect("group 0 has a bitmap");
    let good = std::fs::read(&image).unwrap();
    let error_with = |at: u64| {
        let mut bytes = good.clone();
        bytes[at as usize] ^= 0x10;
        let device: SharedDevice = Arc::new(MemoryDevice::new(bytes));
        fs::open(device, Kind::Ext4).and_then(|volume| volume.used()).unwrap_err().to_string()
    };
    assert!(error_with(bitmap * 1024 + 100).contains("group 0's block bitmap"));
    assert!(error_with(2048 + 64 * 2 + 4).contains("group 2's descriptor"));
}

#[test]
fn ext4_view_reads_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = populated(dir.path(), "60M", "-t ext4 -b 1024");
    let volume = open(&path);
    let theirs = ext4_view::Ext4::load(Box::new(std::fs::read(&path).unwrap())).unwrap();
    // ext4-view 1.0 takes a time before 1970 for damage.
    let is_recent = |entry: &Entry| entry.modified.is_some_and(|time| time.as_second() > 0);
    for (own, entry) in walk(volume.tree()).into_iter().filter(|(_, entry)| is_recent(entry)) {
        let view = ext4_view::Path::try_from(own.as_os_str().as_encoded_bytes()).unwrap();
        let metadata = theirs.symlink_metadata(view).unwrap();
        assert_eq!(metadata.is_dir(), entry.kind == EntryKind::Directory, "{}", own.display());
        if entry.kind == EntryKind::File {
            assert!(content(volume.tree(), &own) == theirs.read(view).unwrap(), "{} differs", own.display());
        }
    }
}

#[test]
fn a_damaged_inode_hides_no_siblings() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("v.img");
    sh(
        dir.path(),
        "mkdir s; echo a > s/a; echo b > s/b; truncate -s 4M v.img; mke2fs -q -F -t ext4 -b 1024 -d s v.img",
    );
    let place = sh(dir.path(), "debugfs -R 'imap /a' v.img 2>/dev/null");
    let word = |name: &str| place.split(name).nth(1).unwrap().trim_start().split([' ', ',', '\n']).next().unwrap();
    let hex = word("offset ").trim_start_matches("0x");
    let at = word("at block ").parse::<usize>().unwrap() * 1024 + usize::from_str_radix(hex, 16).unwrap();
    let mut bytes = std::fs::read(&image).unwrap();
    bytes[at + 4] ^= 1;
    let volume = fs::open(Arc::new(MemoryDevice::new(bytes)), Kind::Ext4).unwrap();
    let names: Vec<_> = volume.tree().list(Path::new("/")).unwrap().into_iter().map(|entry| entry.name).collect();
    assert!(names.contains(&"a".into()) && names.contains(&"b".into()));
    let error = volume.tree().entry(Path::new("/a")).unwrap_err();
    assert_eq!((error.kind(), error.place().map(|place| place.0)), (ErrorKind::Corrupt, Some(at as u64)));
    assert_eq!(content(volume.tree(), Path::new("/b")), b"b\n");
}

/// A walk that survives whatever it finds: everything is asked for, nothing must panic or run away.
fn prod(volume: &dyn FileSystem) {
    let _ = (volume.used(), volume.count_used(), volume.anchors());
    let mut left = vec![PathBuf::from("/")];
    let mut budget = 300;
    while let Some(path) = left.pop() {
        for entry in volume.tree().list(&path).unwrap_or_default() {
            let own = path.join(&entry.name);
            let _ = (volume.tree().entry(&own), volume.tree().extents(&own));
            if let Ok(reader) = volume.tree().open(&own) {
                let _ = std::io::copy(&mut reader.take(1 << 20), &mut std::io::sink());
            }
            budget -= 1;
            if budget == 0 {
                return;
            }
            if entry.kind == EntryKind::Directory {
                left.push(own);
            }
        }
    }
}

#[test]
fn mutated_volumes_neither_panic_nor_hang() {
    let mut numbers = Random(0x5eed);
    let mut random = |below: usize| (numbers.next() >> 16) as usize % below;
    let dir = tempfile::tempdir().unwrap();
    write_pieces(&dir.path().join("pieces"));
    sh(
        dir.path(),
        "mkdir s; cd s; cp --sparse=always ../pieces .; truncate -s 4M pieces; for i in $(seq 30); do echo $i > some-name-$i; done
         mkdir -p d/e/f; seq 9999 > d/e/f/g; ln -s some-name-1 l; ln -s /$(printf 'long/%.0s' {1..40})end longlink",
    );
    for options in [
        "-t ext2 -b 1024 -I 128",
        "-t ext4 -b 1024 -O ^metadata_csum,^has_journal",
        "-t ext4 -b 1024 -O ^metadata_csum,uninit_bg,inline_data,^has_journal,^64bit",
        "-t ext4 -b 4096 -O ^metadata_csum,bigalloc,^has_journal -C 16384",
        "-t ext4 -b 1024 -O meta_bg,^resize_inode,^metadata_csum,^has_journal -g 1024",
    ] {
        sh(
            dir.path(),
            &format!("rm -f v.img; truncate -s 12M v.img; mke2fs -q -F {options} -N 64 -d s v.img 2>/dev/null"),
        );
        let mut bytes = std::fs::read(dir.path().join("v.img")).unwrap();
        // Only bytes that are not zero, or are next to such: the rest is mostly empty data.
        let places: Vec<usize> = (1024..bytes.len()).filter(|at| bytes[*at] != 0 || bytes[at - 1] != 0).collect();
        for round in 0..150 {
            let count = 1 + random(24);
            let undo: Vec<(usize, u8)> = (0..count)
                .map(|_| {
                    let at = if round % 4 == 0 { 1024 + random(0x180) } else { places[random(places.len())] };
                    let old = bytes[at];
                    bytes[at] = [0, 0xff, old ^ 1 << random(8), random(256) as u8][random(4)];
                    (at, old)
                })
                .collect();
            let device: SharedDevice = Arc::new(MemoryDevice::new(bytes.clone()));
            let _ = fs::probe(&device);
            if let Ok(volume) = fs::open(device, Kind::Ext4) {
                prod(&*volume);
            }
            undo.into_iter().rev().for_each(|(at, old)| bytes[at] = old);
        }
    }
}

#[test]
fn groups_without_a_bitmap_are_computed_as_dumpe2fs_does() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("v.img");
    for (size, options) in [
        ("300M", "-b 1024"),
        ("301111K", "-b 1024 -O uninit_bg,^metadata_csum,^flex_bg,^64bit"),
        ("300M", "-b 1024 -O ^sparse_super,^resize_inode -G 4"),
        ("300M", "-b 1024 -O meta_bg,^resize_inode"),
        ("300M", "-b 1024 -O meta_bg,^resize_inode,^flex_bg,^64bit"),
        ("300M", "-b 1024 -O sparse_super2,^flex_bg"),
        ("300M", "-b 1024 -O sparse_super2,^resize_inode -E num_backup_sb=1"),
        ("700M", "-b 1024 -O bigalloc -C 4096"),
        ("3G", "-b 2048 -O ^has_journal -E packed_meta_blocks=1"),
        ("40G", "-b 4096 -O bigalloc,meta_bg,^resize_inode,^has_journal -N 20000"),
        ("3G", "-b 4096 -E resize=2000000000"),
    ] {
        let mke2fs =
            format!("rm -f v.img; truncate -s {size} v.img; mke2fs -q -F -t ext4 -E lazy_itable_init=1 {options}");
        sh(dir.path(), &format!("{mke2fs} v.img 2>/dev/null"));
        let text = sh(dir.path(), "dumpe2fs v.img 2>/dev/null");
        assert!(text.contains("BLOCK_UNINIT"), "{options}");
        compare_used(&image, &*open(&image));
    }
}

#[test]
fn what_was_never_written_reads_as_zeros_whatever_lies_there() {
    let dir = scratch();
    sh(
        dir.path(),
        "tr '\\0' '\\252' < /dev/zero | head -c 8M > v.img || true; test -s v.img; mke2fs -q -F -t ext4 -b 1024 -E nodiscard v.img
         mkdir m; mount -o loop v.img m; fallocate -l 200000 m/f; printf start | dd of=m/f conv=notrunc status=none; umount m",
    );
    let volume = open(&dir.path().join("v.img"));
    let mut expected = vec![0; 200_000];
    expected[..5].copy_from_slice(b"start");
    assert!(content(volume.tree(), Path::new("/f")) == expected);
    let blocks: u64 = volume.tree().extents(Path::new("/f")).unwrap().iter().map(|run| run.clusters).sum();
    assert_eq!(blocks, 196, "allocated, though never written");
}

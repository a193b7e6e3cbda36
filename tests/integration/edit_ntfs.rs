//! Changing NTFS volumes, judged by strangers' tools.

mod hostile;
mod listed;
mod relocate;
pub(crate) mod volume;

use std::path::Path;

use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::Units;
use lifeboat::unit::ByteLen;

use self::volume::{Volume, free};
use crate::oracle::long;
use crate::zoo::Shape;
use crate::zoo::ntfs::SHAPES;

/// Shapes for every run: each kind of trouble once.
const SAMPLES: [&str; 12] = [
    "ntfs-fresh-512",
    "ntfs-fresh-4k",
    "ntfs-fresh-64k",
    "ntfs-fresh-odd-length",
    "ntfs-files-4k-sectors",
    "ntfs-full",
    "ntfs-fragmented-512",
    "ntfs-thinned-directory",
    "ntfs-names",
    "ntfs-streams",
    "ntfs-compressed",
    "ntfs-views",
];

fn shape(name: &str) -> &'static Shape {
    SHAPES.iter().find(|shape| shape.name == name).unwrap()
}

fn clusters(extents: &[Extent]) -> u64 {
    extents.iter().map(|extent| extent.clusters).sum()
}

/// Adopts two files at the volume's end, judges, uses the volume, and releases them again.
fn adopt_and_release(dir: &Path, shape: &Shape) -> u64 {
    let fresh = Volume::new(dir, shape.make(dir));
    let before = fresh.walk();
    let volume = fresh.copy("edited.img");
    let mut edit = volume.edit();
    let units: Units = edit.units();
    let grain = units.clusters;
    let (first, second) = (free(&*edit, 5 * grain, u64::MAX, 0), Vec::new());
    let second = if first.is_empty() { second } else { free(&*edit, 12 * grain, 2 * grain, 1) };
    let taken: ExtentSet = first.iter().copied().collect();
    let second: Vec<_> =
        second.into_iter().filter(|e| taken.runs().iter().all(|t| t.intersect(*e).is_none())).collect();
    let size = volume.cluster_bytes();
    let (toc, image) = (volume.fill(&first), volume.fill(&second));
    let mut changes = Vec::new();
    edit.mark(true).unwrap();
    changes.push(edit.take("mark").unwrap());
    let path = Path::new("/LIFEBOAT");
    let toc_len = clusters(&first) * size - u64::from(!first.is_empty()) * 100;
    if let Err(error) = edit.adopt(path, "toc-begin.lbc", &first, ByteLen(toc_len)) {
        assert!(shape.name.contains("full"), "{}: {error}", shape.name);
        return 0;
    }
    edit.adopt(path, "NAME.001", &second, ByteLen(clusters(&second) * size)).unwrap();
    changes.push(edit.take("adopt").unwrap());
    edit.mark(false).unwrap();
    changes.push(edit.take("clean").unwrap());
    volume.apply(&changes);
    volume.judge(shape.name);
    assert_eq!(volume.walk(), before, "{}", shape.name);
    for (extents, name) in [(&first, "toc-begin.lbc"), (&second, "NAME.001")] {
        for extent in extents {
            let holders = volume.ntfscluster(*extent);
            assert!(holders.contains(&format!("/LIFEBOAT/{name}/$DATA")), "{}: {holders}", shape.name);
            assert_eq!(holders.matches("Inode ").count(), 1, "{}: {holders}", shape.name);
        }
    }
    std::fs::write(dir.join("toc"), &toc[..toc_len as usize]).unwrap();
    std::fs::write(dir.join("image"), &image).unwrap();
    let script = format!(
        "cmp LIFEBOAT/toc-begin.lbc {0}/toc; cmp LIFEBOAT/NAME.001 {0}/image; getfattr -n system.ntfs_attrib_be -e hex LIFEBOAT LIFEBOAT/NAME.001 2>&1 | grep =",
        dir.display()
    );
    let used = volume.copy("used.img");
    let flags = used.run(&format!(
        "{script}; rm LIFEBOAT/toc-begin.lbc; head -c 3000 /dev/urandom > beside || true; rm -f beside; rm LIFEBOAT/NAME.001; rmdir LIFEBOAT"
    ));
    assert_eq!(flags.matches("7\n").count(), 2, "hidden, system, read-only: {flags}");
    used.judge(&format!("{} used by ntfs-3g", shape.name));
    assert_eq!(used.walk(), before, "{}", shape.name);
    // Released again.
    let mut edit = volume.edit();
    assert_eq!(edit.release(path, "toc-begin.lbc").unwrap(), first);
    assert_eq!(joined(&edit.release(path, "NAME.001").unwrap()), joined(&second));
    assert!(edit.release(path, "NAME.001").is_err(), "the directory has gone, too");
    volume.apply(&[edit.take("release").unwrap()]);
    volume.judge(&format!("{} released", shape.name));
    assert_eq!(volume.walk(), before, "{}", shape.name);
    let grown: Vec<_> = volume.used().runs().to_vec();
    let (was, is) = (fresh.used().clusters(), grown.iter().map(|run| run.clusters).sum::<u64>());
    // Only the MFT and a directory's blocks may have grown, or a root that has room again may have none of these.
    let differ = is.abs_diff(was) * size;
    assert!(differ <= (64 << 10) + 2 * size * grain, "{}: {was} {is}", shape.name);
    6
}

/// Neighbouring extents as one.
fn joined(extents: &[Extent]) -> Vec<Extent> {
    let mut joined: Vec<Extent> = Vec::new();
    for extent in extents {
        match joined.last_mut() {
            Some(last) if last.end() == extent.start.0 => last.clusters += extent.clusters,
            _ => joined.push(*extent),
        }
    }
    joined
}

#[test]
fn a_file_is_adopted_and_released_on_volumes_of_every_shape() {
    let dir = tempfile::tempdir().unwrap();
    let mut edits = 0;
    for shape in SHAPES.iter().filter(|shape| long() || SAMPLES.contains(&shape.name)) {
        let at = std::time::Instant::now();
        edits += adopt_and_release(dir.path(), shape);
        println!("{} {:?}", shape.name, at.elapsed());
        crate::oracle::sh(dir.path(), "rm -f *.img");
    }
    println!("edits: {edits}");
}

#[test]
fn a_file_of_5000_runs_gets_an_attribute_list_and_loses_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let fresh = Volume::new(dir.path(), shape("ntfs-files-512").make(dir.path()));
    let before = fresh.walk();
    let volume = fresh.copy("edited.img");
    let mut edit = volume.edit();
    let runs = free(&*edit, 5000, 1, 1);
    assert_eq!(runs.len(), 5000);
    let content = volume.fill(&runs);
    edit.adopt(Path::new("LIFEBOAT"), "image.lbi", &runs, ByteLen(content.len() as u64 - 77)).unwrap();
    volume.apply(&[edit.take("adopt").unwrap()]);
    volume.judge("5000 runs");
    std::fs::write(dir.path().join("image"), &content[..content.len() - 77]).unwrap();
    let used = volume.copy("used.img");
    used.run(&format!("cmp LIFEBOAT/image.lbi {}/image; rm LIFEBOAT/image.lbi; rmdir LIFEBOAT", dir.path().display()));
    used.judge("5000 runs, removed by ntfs-3g");
    assert_eq!(used.walk(), before);
    let mut edit = volume.edit();
    assert_eq!(edit.release(Path::new("/LIFEBOAT"), "image.lbi").unwrap(), runs);
    volume.apply(&[edit.take("release").unwrap()]);
    volume.judge("5000 runs, released");
    assert_eq!(volume.walk(), before);
}

#[test]
fn hundreds_of_files_make_the_mft_and_the_directory_grow() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["ntfs-fresh-512", "ntfs-fragmented-mft", "ntfs-fresh-1k", "ntfs-files-64k"];
    for name in &names[..if long() { 4 } else { 2 }] {
        let fresh = Volume::new(dir.path(), shape(name).make(dir.path()));
        let before = fresh.walk();
        let volume = fresh.copy("edited.img");
        let mut edit = volume.edit();
        let path = Path::new("/LIFEBOAT");
        let count = if name.ends_with("mft") { 20 } else { 400 };
        for at in 0..count {
            edit.adopt(path, &format!("part of an image, number {at:04}.lbi"), &[], ByteLen(0)).unwrap();
        }
        volume.apply(&[edit.take("adopt").unwrap()]);
        volume.judge(name);
        assert_eq!(volume.walk(), before, "{name}");
        let listed =
            volume.run("find LIFEBOAT -type f | wc -l; rm LIFEBOAT/*7.lbi; touch LIFEBOAT/beside; rm LIFEBOAT/beside");
        assert_eq!(listed.trim(), count.to_string(), "{name}");
        volume.judge(&format!("{name}, used by ntfs-3g"));
        let mut edit = volume.edit();
        for at in (0..count).filter(|at| at % 10 != 7) {
            edit.release(path, &format!("part of an image, number {at:04}.lbi")).unwrap();
        }
        volume.apply(&[edit.take("release").unwrap()]);
        volume.judge(&format!("{name} released"));
        assert_eq!(volume.walk(), before, "{name}");
    }
}

#[test]
fn content_is_replaced_where_it_lies() {
    let dir = tempfile::tempdir().unwrap();
    let volume = Volume::new(dir.path(), shape("ntfs-fresh-4k").make(dir.path()));
    volume.run(
        "mkdir d; printf small > d/resident; head -c 9000 /dev/zero > d/clusters; setfattr -n user.s -v x d/resident",
    );
    let mut edit = volume.edit();
    edit.replace(Path::new("/d/resident"), b"another text, longer").unwrap();
    edit.replace(Path::new("/d/clusters"), &[b'x'; 12_288]).unwrap();
    assert!(edit.replace(Path::new("/d/clusters"), &[0; 12_289]).is_err());
    assert!(edit.replace(Path::new("/d/resident"), &[0; 2000]).is_err());
    assert!(edit.replace(Path::new("/d"), b"").is_err());
    assert!(edit.replace(Path::new("/$UpCase"), b"").is_err());
    volume.apply(&[edit.take("replace").unwrap()]);
    volume.judge("replaced");
    let seen = volume.run("cat d/resident; tr -d x < d/clusters | wc -c; stat -c %s d/resident d/clusters");
    assert_eq!(seen, "another text, longer0\n20\n12288\n");
    let mut edit = volume.edit();
    edit.replace(Path::new("/d/clusters"), b"short").unwrap();
    volume.apply(&[edit.take("replace").unwrap()]);
    volume.judge("shorter");
    assert_eq!(volume.run("cat d/clusters"), "short");
}

#[test]
fn what_was_not_left_properly_or_is_not_known_is_refused() {
    use lifeboat::device::FileDevice;
    use lifeboat::error::Kind as ErrorKind;
    use std::os::unix::fs::FileExt;
    let dir = tempfile::tempdir().unwrap();
    let fresh = Volume::new(dir.path(), shape("ntfs-fresh-4k").make(dir.path()));
    let record = |number: u64| 4 * 4096 + number * 1024;
    // Record 3's last attribute but $DATA is $VOLUME_INFORMATION: version 3.1 and no flags.
    let bytes = std::fs::read(&fresh.image).unwrap();
    let at = record(3) as usize;
    let place = at + bytes[at..at + 1024].windows(2).position(|pair| pair == [3, 1]).unwrap();
    let refused = |what: &str, patches: &[(u64, u8)]| {
        let volume = fresh.copy("refused.img");
        let file = std::fs::OpenOptions::new().write(true).open(&volume.image).unwrap();
        for (at, byte) in patches {
            file.write_all_at(&[*byte], *at).unwrap();
        }
        let device = std::sync::Arc::new(FileDevice::open(&volume.image).unwrap());
        let error = lifeboat::fs::edit::open_unchecked(device, lifeboat::fs::Kind::Ntfs).err();
        let error = error.unwrap_or_else(|| panic!("{what} is not refused"));
        assert_eq!(error.kind(), ErrorKind::Refused, "{what}: {error}");
    };
    refused("dirty", &[(place as u64 + 2, 1)]);
    refused("version 1.2", &[(place as u64, 1), (place as u64 + 1, 2)]);
    refused("a mirror that differs", &[(record(0) + 0x12, 7)]);
    refused("a boot sector read from its backup", &[(3, b'X')]);
    let mut edit = fresh.edit();
    let one = free(&*edit, 1, 1, 0);
    for name in ["", "a:b", "CON", "x/y"] {
        assert!(edit.adopt(Path::new("LIFEBOAT"), name, &one, ByteLen(9)).is_err(), "{name}");
    }
    assert!(edit.adopt(Path::new("LIFEBOAT"), "x", &[Extent::new(0, 1)], ByteLen(9)).is_err(), "a used cluster");
    assert!(edit.adopt(Path::new("LIFEBOAT"), "x", &one, ByteLen(4097)).is_err(), "too long");
    assert!(edit.adopt(Path::new("LIFEBOAT"), "x", &[one[0], one[0]], ByteLen(8000)).is_err(), "twice");
    assert!(edit.adopt(Path::new("no/LIFEBOAT"), "x", &one, ByteLen(9)).is_err(), "no parent");
    assert!(edit.take("nothing").unwrap().is_empty(), "what was refused left nothing behind");
    edit.adopt(Path::new("LIFEBOAT"), "x", &one, ByteLen(9)).unwrap();
    assert!(edit.adopt(Path::new("lifeboat"), "X", &[], ByteLen(0)).is_err(), "the name is taken");
}

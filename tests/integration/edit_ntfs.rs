//! Changing NTFS volumes, judged by strangers' tools.

mod volume;

use std::path::Path;

use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::Units;
use lifeboat::unit::ByteLen;

use self::volume::{Volume, free};
use crate::zoo::Shape;
use crate::zoo::ntfs::SHAPES;

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
    let second: Vec<_> = second.into_iter().filter(|e| taken.runs().iter().all(|t| t.intersect(*e).is_none())).collect();
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
    std::fs::write(dir.join("toc"), &toc[..toc_len as usize]).unwrap();
    std::fs::write(dir.join("image"), &image).unwrap();
    let script = format!("cmp LIFEBOAT/toc-begin.lbc {0}/toc; cmp LIFEBOAT/NAME.001 {0}/image; getfattr -n system.ntfs_attrib_be -e hex LIFEBOAT LIFEBOAT/NAME.001 | grep -c '=0x.0000007'", dir.display());
    let used = volume.copy("used.img");
    let flags = used.run(&format!(
        "{script}; rm LIFEBOAT/toc-begin.lbc; head -c 3000 /dev/urandom > beside || true; rm -f beside; rm LIFEBOAT/NAME.001; rmdir LIFEBOAT"
    ));
    assert_eq!(flags.trim(), "2", "hidden, system, read-only");
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
    // Only the MFT, and a directory's blocks, may have grown.
    assert!(is >= was && (is - was) * size <= (64 << 10) + 2 * size * grain, "{}: {was} {is}", shape.name);
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
    for shape in SHAPES {
        let at = std::time::Instant::now();
        edits += adopt_and_release(dir.path(), shape);
        println!("{} {:?}", shape.name, at.elapsed());
        crate::oracle::sh(dir.path(), "rm -f *.img");
    }
    println!("edits: {edits}");
}

//! An `$MFT` in so many pieces that it needs an attribute list: made by ntfs-3g, and by Lifeboat.

use std::path::Path;

use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::Holder;
use lifeboat::unit::ByteLen;

use super::shape;
use super::volume::{Volume, free};
use crate::oracle::long;

/// The clusters of `$MFT`'s records.
fn mft(volume: &Volume) -> ExtentSet {
    volume.held(|owner| owner.holder == Holder::Metadata("$MFT".to_owned()))
}

/// Adopts so many files, which lets `$MFT` grow, and releases them again.
fn adopt_and_release(volume: &Volume, count: u64, what: &str) {
    let before = volume.walk();
    let path = Path::new("/LIFEBOAT");
    let mut edit = volume.edit();
    for at in 0..count {
        let one = free(&*edit, 1, 1, 0);
        edit.adopt(path, &format!("part {at}"), &one, ByteLen(volume.cluster_bytes())).unwrap();
    }
    volume.apply(&[edit.take("adopt").unwrap()]);
    volume.judge(&format!("{what}, adopted"));
    assert_eq!(volume.walk(), before, "{what}");
    let used = volume.copy("used.img");
    used.run("cat LIFEBOAT/* >/dev/null; rm -r LIFEBOAT");
    used.judge(&format!("{what}, removed by ntfs-3g"));
    let mut edit = volume.edit();
    for at in 0..count {
        edit.release(path, &format!("part {at}")).unwrap();
    }
    volume.apply(&[edit.take("release").unwrap()]);
    volume.judge(&format!("{what}, released"));
    assert_eq!(volume.walk(), before, "{what}");
}

/// Moves these clusters to those.
fn relocate(volume: &Volume, from: &ExtentSet, to: &[Extent], what: &str) {
    let before = volume.walk();
    let mut edit = volume.edit();
    edit.relocate(from, to).unwrap_or_else(|error| panic!("{what}: {error}"));
    volume.apply(&[edit.take("relocate").unwrap()]);
    assert!(volume.used().intersect(from).is_empty(), "{what}");
    volume.judge(what);
    assert_eq!(volume.walk(), before, "{what}");
}

/// ntfs-3g goes on from here: it makes files, for which `$MFT` grows, and removes half of them.
fn used_by_ntfs_3g(volume: &Volume, count: u64, what: &str) {
    let before = volume.walk();
    volume.run(&format!(
        "mkdir beside; for i in $(seq {count}); do echo $i > beside/$i; done; cat beside/* | sort -n | tail -1 | grep -qx {count}; rm beside/*[02468]"
    ));
    volume.judge(&format!("{what}, used by ntfs-3g"));
    volume.run("rm -r beside");
    volume.judge(&format!("{what}, emptied by ntfs-3g"));
    assert_eq!(volume.walk(), before, "{what}");
}

#[test]
fn an_mft_with_an_attribute_list_of_ntfs_3g_is_edited() {
    let dir = tempfile::tempdir().unwrap();
    let volume = Volume::new(dir.path(), shape("ntfs-listed-mft").make(dir.path()));
    assert!(volume.is_mft_listed(), "ntfs-3g gave it a list");
    adopt_and_release(&volume, if long() { 1500 } else { 60 }, "listed by ntfs-3g");
    // Some of its pieces go elsewhere, then all of it to one piece.
    let pieces = mft(&volume);
    let middle: ExtentSet = pieces.runs().iter().copied().skip(pieces.runs().len() / 2).take(20).collect();
    let to = free(&*volume.edit(), middle.clusters(), 1, 1);
    relocate(&volume, &middle, &to, "listed by ntfs-3g, pieces moved");
    assert!(volume.is_mft_listed());
    // All of it to the lowest free clusters, its bitmap with it, for which its attributes are divided anew.
    let all = volume.held(|owner| matches!(&owner.holder, Holder::Metadata(name) if name.starts_with("$MFT")));
    let holes = volume.used().complement(volume.edit().units().count);
    relocate(&volume, &all, holes.runs(), "listed by ntfs-3g, all moved");
    if long() {
        used_by_ntfs_3g(&volume, 500, "listed by ntfs-3g, pieces moved");
    }
}

#[test]
fn an_mft_in_single_clusters_is_read_and_written_by_ntfs_3g() {
    let dir = tempfile::tempdir().unwrap();
    let volume = Volume::new(dir.path(), shape("ntfs-fresh-1k").make(dir.path()));
    volume.run("mkdir d; for i in $(seq 400); do echo $i > d/$i; done; head -c 100000 /dev/urandom > large");
    let whole = mft(&volume);
    assert!(!volume.is_mft_listed() && whole.clusters() > 400);
    let scattered = free(&*volume.edit(), whole.clusters(), 1, 1);
    let last = volume.edit().units().count - 1;
    assert_eq!(scattered[0], Extent::new(last, 1), "where ntfs-3g would not look for $MFT");
    let spare = Extent::new(scattered.last().unwrap().start.0 - 2, 1);
    let mut edit = volume.edit();
    let error = edit.relocate(&whole, &scattered).unwrap_err().to_string();
    assert!(error.contains("without the volume's last one"), "{error}");
    let scattered: Vec<Extent> = scattered.into_iter().chain([spare]).collect();
    relocate(&volume, &whole, &scattered, "single clusters");
    assert!(volume.is_mft_listed());
    assert_eq!(mft(&volume).runs().len() as u64, whole.clusters(), "every cluster is a piece of its own");
    used_by_ntfs_3g(&volume, 300, "single clusters");
    adopt_and_release(&volume, 100, "single clusters");
    // Back into one piece; its records keep their parts, and so there is still a list.
    let pieces = mft(&volume);
    let holes = volume.used().complement(volume.edit().units().count);
    let hole = holes.runs().iter().max_by_key(|hole| hole.clusters).unwrap();
    let to = [Extent::new(hole.start.0, pieces.clusters())];
    relocate(&volume, &pieces, &to, "one piece again");
    assert!(mft(&volume).runs().len() == 1 && volume.is_mft_listed());
    used_by_ntfs_3g(&volume, 300, "one piece again");
}

/// Records of two clusters, and the mirror: what is too short for them is left to what comes after them.
#[test]
fn what_cannot_be_divided_takes_the_first_target_it_fits_in() {
    let dir = tempfile::tempdir().unwrap();
    let volume = Volume::new(dir.path(), shape("ntfs-files-512").make(dir.path()));
    let named = |name: &str| volume.held(|owner| owner.holder == Holder::Metadata(name.to_owned()));
    let content = volume.held(|owner| owner.holder == Holder::File("/a/b/file-999".to_owned()));
    let (records, mirror) = (named("$MFT"), named("$MFTMirr"));
    assert!(mirror.clusters() == 8 && content.clusters() > 20);
    let from = records.union(&mirror).union(&content);
    // Single clusters first, then runs of three, then one in which the mirror fits.
    let edit = volume.edit();
    let all = free(&*edit, 4000, 1, 1);
    let count = content.clusters() as usize + records.clusters() as usize / 2;
    let mut to: Vec<Extent> = all[..count].to_vec();
    let low = to.last().unwrap().start.0;
    to.extend((0..records.clusters() / 2 + 1).map(|at| Extent::new(low - 4 * (at + 1) - 10, 3)));
    let low = to.last().unwrap().start.0;
    to.push(Extent::new(low - 20, 9));
    drop(edit);
    relocate(&volume, &from, &to, "first that fits");
    let mirror = volume.held(|owner| owner.holder == Holder::Metadata("$MFTMirr".to_owned()));
    assert_eq!(mirror.runs().len(), 1);
    // Where nothing fits, that is said.
    let mut edit = volume.edit();
    let error = edit.relocate(&mirror, &free(&*edit, 40, 1, 1)).unwrap_err().to_string();
    assert!(error.contains("only as one piece"), "{error}");
    used_by_ntfs_3g(&volume, 200, "first that fits");
}

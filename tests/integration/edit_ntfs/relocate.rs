//! Moving what lies on a volume.

use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::Holder;

use super::volume::Volume;
use super::{SHAPES, shape};
use crate::oracle::long;

/// Moves all of `from` to the lowest free clusters elsewhere; false when there is not enough room.
fn move_away(volume: &Volume, from: &ExtentSet, what: &str) -> bool {
    let mut edit = volume.edit();
    let used: ExtentSet = edit.used().unwrap().runs().collect();
    let units = edit.units();
    let end = units.clusters * units.count;
    let to: Vec<Extent> = used.union(from).complement(end).runs().to_vec();
    let room: u64 = to.iter().map(|extent| extent.clusters).sum();
    if room < used.intersect(from).clusters() * 21 / 20 + 20 * units.clusters {
        return false;
    }
    edit.mark(true).unwrap();
    if let Err(error) = edit.relocate(from, &to) {
        // $MFT and $MFTMirr do not go into just any pieces.
        let message = error.to_string();
        assert!(message.contains("can move only"), "{what}: {message}");
        println!("{what}: {message}");
        return false;
    }
    edit.mark(false).unwrap();
    let after: ExtentSet = edit.used().unwrap().runs().collect();
    assert!(after.intersect(from).is_empty(), "{what}: all has moved");
    let change = edit.take("move").unwrap();
    for copy in &change.copies {
        let size = volume.cluster_bytes();
        let target: ExtentSet = std::iter::once(Extent::new(copy.to.0 / size, copy.len.0 / size)).collect();
        assert!(used.intersect(&target).is_empty(), "{what}: no copy lands on what was in use");
    }
    volume.apply(&[change]);
    volume.judge(what);
    true
}

fn moves(names: &[&str], what: &str, pick: impl Fn(&Volume) -> ExtentSet) {
    let dir = tempfile::tempdir().unwrap();
    let mut moved = 0;
    for shape in SHAPES.iter().filter(|shape| names.contains(&shape.name) || long()) {
        let at = std::time::Instant::now();
        let volume = Volume::new(dir.path(), shape.make(dir.path()));
        let before = volume.walk();
        let done = move_away(&volume, &pick(&volume), &format!("{}, {what}", shape.name));
        if done {
            moved += 1;
            assert_eq!(volume.walk(), before, "{}", shape.name);
            // ntfs-3g goes on from there.
            volume.run("mkdir beside; for i in $(seq 30); do head -c $((i*500)) /dev/urandom > beside/$i || true; done; rm -r beside");
            volume.judge(&format!("{}, {what}, used by ntfs-3g", shape.name));
            assert_eq!(volume.walk(), before, "{}", shape.name);
        }
        println!("{} {what}: {done} {:?}", shape.name, at.elapsed());
        crate::oracle::sh(dir.path(), "rm -f *.img");
    }
    println!("{what}: {moved} volumes");
    assert!(moved >= names.len(), "{what}: {moved}");
}

#[test]
fn the_upper_half_is_emptied() {
    let names = ["ntfs-files-512", "ntfs-compressed", "ntfs-thinned-directory"];
    moves(&names, "upper half", |volume| {
        let fixed = volume.held(|owner| owner.fixed.is_some());
        let end = fixed.runs().last().map_or(0, |run| run.start.0);
        let units = volume.edit().units();
        let (grain, end) = (units.clusters, end.min(units.clusters * units.count));
        let start = end / 2 / grain * grain;
        let half: ExtentSet = std::iter::once(Extent::new(start, end - start)).collect();
        half.intersect(&fixed.complement(end))
    });
}

#[test]
fn pieces_of_fragmented_files_move() {
    let names = ["ntfs-fragmented-512", "ntfs-fragmented-mft"];
    moves(&names, "a part", |volume| {
        let movable = volume.held(|owner| owner.fixed.is_none());
        let end = movable.runs().last().map_or(0, |run| run.end());
        // Every other piece of the last part.
        let odd = |at: u64| (at % 2 == 1).then(|| Extent::new(end - (at + 1) * end / 400, end / 4000));
        let pieces: ExtentSet = (0..20).filter_map(odd).collect();
        pieces.intersect(&movable)
    });
}

#[test]
fn the_mft_moves_as_a_whole() {
    let names = ["ntfs-small-files", "ntfs-fresh-64k"];
    moves(&names, "$MFT", |volume| volume.held(|owner| owner.holder == Holder::Metadata("$MFT".to_owned())));
}

#[test]
fn all_that_can_move_moves() {
    let names = ["ntfs-links", "ntfs-sparse"];
    moves(&names, "everything", |volume| volume.held(|owner| owner.fixed.is_none()));
}

#[test]
fn what_cannot_move_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let volume = Volume::new(dir.path(), shape("ntfs-fresh-4k").make(dir.path()));
    let mut edit = volume.edit();
    let to = super::free(&*edit, 50, 50, 0);
    let set = |start, count| std::iter::once(Extent::new(start, count)).collect::<ExtentSet>();
    let message = |outcome: lifeboat::error::Result<()>| outcome.unwrap_err().to_string();
    assert!(message(edit.relocate(&set(0, 1), &to)).contains("boot sector"));
    let units = edit.units();
    assert!(message(edit.relocate(&set(units.count * units.clusters, 1), &to)).contains("backup boot sector"));
    assert!(message(edit.relocate(&set(4, 3), &to[..0])).contains("there is room for 0"));
    assert!(message(edit.relocate(&set(4, 3), &[Extent::new(2, 3)])).contains("in use"));
    assert!(edit.take("nothing").unwrap().is_empty());
}

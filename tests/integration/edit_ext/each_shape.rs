//! All edits on volumes of every shape.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::unit::ByteLen;

use super::stage::Stage;
use crate::oracle::{long, sh, sh_output};
use crate::zoo::{Shape, ext};

/// Those that stand for the others when time is short.
const SOME: [&str; 8] = [
    "ext2-revision-0",
    "ext3-1k-mixed",
    "ext4-uninit-bg",
    "ext4-bigalloc-1k",
    "ext4-inline",
    "ext4-64k",
    "ext4-1k-full",
    "ext4-lazy",
];

/// On a volume: everything once, with e2fsck after each.
fn all_edits(stage: &mut Stage) {
    let root = Path::new("/");
    let ours = Path::new("/LIFEBOAT");
    let one = stage.free(5, 5);
    let many = stage.free(40, 1);
    let trial = stage.trial()().adopt(ours, "trial", &[], ByteLen(0));
    if one.is_empty() || many.len() < 2 || trial.is_err() {
        return full(stage);
    }
    stage.step("mark dirty", |edit| edit.mark(true));
    let first = one[..1].to_vec();
    let len_of_one = ByteLen(stage.len_of(&first).0 - 1);
    stage.step("adopt one run", |edit| edit.adopt(ours, "one.lbi", &first, len_of_one));
    let before: Vec<Extent> = stage.used().runs().collect();
    let many = stage.free(40, 1);
    let len = stage.len_of(&many);
    stage.step("adopt many runs", |edit| edit.adopt(ours, "many.lbi", &many, len));
    let released = stage.step("release", |edit| edit.release(ours, "many.lbi"));
    assert_eq!(released, many, "{}: given back as it was taken", stage.name);
    let elsewhere = Path::new("/OTHER/IMAGES");
    let many = stage.free(3, 1);
    let len = stage.len_of(&many);
    stage.step("adopt two levels down", |edit| edit.adopt(elsewhere, "many.lbi", &many, len));
    stage.step("release there", |edit| edit.release(elsewhere, "many.lbi"));
    stage.step("adopt in the root", |edit| edit.adopt(root, "in root", &[], ByteLen(0)));
    stage.step("release from the root", |edit| edit.release(root, "in root"));
    let after: Vec<Extent> = stage.used().runs().collect();
    assert_eq!(before, after, "{}: what was adopted and released leaves no trace in the bitmaps", stage.name);
    stage.step("replace by the longest", |edit| edit.replace(&ours.join("one.lbi"), &vec![7; len_of_one.0 as usize]));
    stage.step("replace by a short one", |edit| edit.replace(&ours.join("one.lbi"), &[7; 9]));
    stage.step("mark clean", |edit| edit.mark(false));
    stage.reopen();
    if let Some((from, to)) = upper_part(stage) {
        stage.step("relocate", |edit| edit.relocate(&from, &to));
    }
}

/// What lies highest and can move, one unit after the other until a dozen were found, and where to.
fn upper_part(stage: &Stage) -> Option<(ExtentSet, Vec<Extent>)> {
    let each = stage.edit.units().clusters;
    let to = stage.free(12, 3);
    let room: u64 = to.iter().map(|run| run.clusters).sum();
    let used: ExtentSet = stage.used().runs().collect();
    let trial = stage.trial();
    let mut from = ExtentSet::new();
    let units = used.runs().iter().rev().flat_map(|run| (run.start.0 / each..run.end() / each).rev());
    for unit in units.take(16) {
        let mut more = from.clone();
        more.insert(Extent::new(unit * each, each));
        if more.clusters() <= room && trial().relocate(&more, &to).is_ok() {
            from = more;
        }
    }
    (!from.is_empty()).then_some((from, to))
}

/// On a full volume there is no room: refused, and nothing changes.
fn full(stage: &mut Stage) {
    let used: Vec<_> = stage.used().runs().collect();
    let error = stage.edit.adopt(Path::new("/LIFEBOAT"), "a", &used[..1], ByteLen(1 << 10)).unwrap_err();
    assert_eq!(error.kind(), lifeboat::error::Kind::Refused, "{error}");
    assert!(stage.edit.take("nothing").unwrap().is_empty());
    let free = stage.free(1, 1);
    let trial = stage.trial()().adopt(Path::new("/"), "trial", &[], ByteLen(0));
    if let ([unit], true) = (&free[..], trial.is_ok()) {
        let unit = *unit;
        let len = stage.len_of(&free);
        stage.step("adopt the last one", |edit| edit.adopt(Path::new("/"), "last", &[unit], len));
        stage.step("release it", |edit| edit.release(Path::new("/"), "last"));
    }
}

/// The kernel reads what was made, works beside it, and removes it.
fn used_by_the_kernel(stage: &Stage) {
    let script = format!(
        "cp --sparse=always {0} k.img; mkdir -p m; mount -o loop k.img m 2>/dev/null || exit 7
         trap 'cd /; umount {1}/m' EXIT; cd m
         [ \"$(stat -c %a:%u LIFEBOAT LIFEBOAT/one.lbi | xargs)\" = '600:0 600:0' ]
         [ \"$(head -c 1 LIFEBOAT/one.lbi | od -An -tu1 | xargs)\" = 7 ]
         mkdir LIFEBOAT/beside && head -c 50000 /dev/urandom > LIFEBOAT/beside/file || true; echo 1 > new-in-root || true
         rm -rf LIFEBOAT new-in-root; cd ..; umount m; trap - EXIT; e2fsck -fn k.img",
        stage.image.display(),
        stage.dir.display()
    );
    let output = sh_output(&stage.dir, &script);
    assert!(
        matches!(output.status.code(), Some(0 | 7)),
        "{}: the kernel: {}{}",
        stage.name,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn try_shape(shape: &Shape) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let original = shape.make(dir.path());
    let mut stage = match Stage::open(shape.name, dir.path(), &original) {
        Ok(stage) => stage,
        Err(error) => panic!("{}: {error}", shape.name),
    };
    let before = stage.walk(&original, "LIFEBOAT");
    let quota = shape.name == "ext4-quota";
    if quota {
        let free = stage.free(1, 1);
        let len = stage.len_of(&free);
        let error = stage.edit.adopt(Path::new("/LIFEBOAT"), "a", &free, len).unwrap_err();
        assert!(error.to_string().contains("feature quota"), "{error}");
        return 1;
    }
    all_edits(&mut stage);
    let after = stage.walk(&stage.image, "LIFEBOAT");
    assert_eq!(before.is_some(), after.is_some(), "{}", shape.name);
    assert!(before == after, "{}: files changed:\n{:?}\n{:?}", shape.name, before, after);
    if sh(dir.path(), &format!("debugfs -R 'ls /' {} 2>/dev/null", stage.image.display())).contains("LIFEBOAT") {
        used_by_the_kernel(&stage);
        stage.step("release the last", |edit| edit.release(Path::new("/LIFEBOAT"), "one.lbi"));
    }
    stage.edits
}

#[test]
fn every_edit_leaves_every_shape_sound() {
    let shapes: Vec<&Shape> = ext::SHAPES.iter().filter(|shape| long() || SOME.contains(&shape.name)).collect();
    let only = std::env::var("LIFEBOAT_SHAPE").ok();
    let shapes: Vec<&Shape> =
        shapes.into_iter().filter(|shape| only.as_deref().is_none_or(|only| only == shape.name)).collect();
    let (next, edits, failed) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(shape) = shapes.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match std::panic::catch_unwind(|| try_shape(shape)) {
                        Ok(count) => edits.fetch_add(count, Ordering::Relaxed),
                        Err(_) => failed.fetch_add(1, Ordering::Relaxed),
                    };
                }
            });
        }
    });
    assert_eq!(failed.load(Ordering::Relaxed), 0, "shapes that failed");
    println!("{} edits on {} shapes", edits.load(Ordering::Relaxed), shapes.len());
}

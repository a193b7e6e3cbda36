//! Damaged images and sources.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use lifeboat::device::{FileDevice, SharedDevice, WriteDevice};
use lifeboat::error::{Error, Result};
use lifeboat::inventory::Place;
use lifeboat::job::{self, Devices, Monitor, Outcome};
use lifeboat::plan::{BackupRequest, ImageTarget, RestoreWork};

use super::stage::{Family, Stage};
use crate::faults_device::Scratched;

/// An ext4 volume whose one large file lies in known chunks.
fn ext4(stage: &Stage) {
    stage.sh("mkdir tree; head -c 12M /dev/urandom > tree/large-random; seq 1 5000 | split -l 10 - tree/small-
              truncate -s 40M v.img; mke2fs -q -F -t ext4 -d tree v.img");
}

fn flip(stage: &Stage, name: &str, at: u64) {
    let file = std::fs::OpenOptions::new().read(true).write(true).open(stage.path(name)).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
}

#[test]
fn a_damaged_image_is_refused_before_the_target_is_touched_and_the_damage_is_named() {
    let stage = Stage::new();
    ext4(&stage);
    stage.back_up("v.img", "");
    stage.old_target("w.img", stage.len("v.img"));
    let before = stage.digest("w.img");
    // In the middle lies the large file.
    flip(&stage, "x.lbi", stage.len("x.lbi") / 2);
    let said = stage.ends("verify x.lbi", 1);
    assert!(said.contains("chunk ") && said.contains("clusters") && said.contains("large-random"), "{said}");
    let said = stage.ends("restore x.lbi --to w.img --yes", 3);
    assert!(said.contains("damaged") && said.contains("not touched"), "{said}");
    assert_eq!(stage.digest("w.img"), before);
    // With --trust it is found while writing; the target then says that it is unfinished.
    stage.ends("restore x.lbi --to w.img --yes --trust", 1);
    assert_eq!(stage.volume("w.img")["kind"], "unfinished");
}

#[test]
fn keep_going_brings_back_all_but_the_damaged_chunk_and_lists_its_files() {
    let stage = Stage::new();
    ext4(&stage);
    stage.back_up("v.img", "");
    flip(&stage, "x.lbi", stage.len("x.lbi") / 2);
    stage.old_target("w.img", stage.len("v.img"));
    let said = stage.ends("restore x.lbi --to w.img --yes --keep-going", 4);
    assert!(said.contains("Not restored: clusters") && said.contains("large-random"), "{said}");
    assert!(!said.contains("small-"), "{said}");
    stage.clean(Family::Ext, "w.img");
    stage.sh("mkdir out; debugfs -R 'rdump / out' w.img 2>/dev/null; rm -rf out/lost+found
              mv tree/large-random .; rm out/large-random; diff -r tree out");
}

#[test]
fn an_image_cut_short_anywhere_is_refused() {
    let stage = Stage::new();
    ext4(&stage);
    stage.back_up("v.img", "");
    stage.old_target("w.img", stage.len("v.img"));
    let before = stage.digest("w.img");
    let len = stage.len("x.lbi");
    for cut in [0, 1, 71, 72, 1000, len / 3, len / 2, len - 4000, len - 300, len - 1] {
        stage.sh(&format!("head -c {cut} x.lbi > cut.lbi"));
        let refused = stage.run("restore cut.lbi --to w.img --yes").status.code();
        assert!(refused == Some(3) || refused == Some(1), "cut at {cut}: {refused:?}");
        let verified = stage.run("verify cut.lbi").status.code();
        assert_eq!(verified, Some(1), "cut at {cut}");
    }
    assert_eq!(stage.digest("w.img"), before, "a refusal touched the target");
}

struct ScratchedSource {
    from: u64,
    to: u64,
}

impl Devices for ScratchedSource {
    fn source(&self, place: &Place) -> Result<SharedDevice> {
        let inner: SharedDevice = Arc::new(FileDevice::open(&place.node)?);
        Ok(Arc::new(Scratched { inner, from: self.from, to: self.to }))
    }

    fn target(&self, _: &RestoreWork) -> Result<Box<dyn WriteDevice>> {
        Err(Error::refused("only a source"))
    }
}

#[test]
fn unreadable_sectors_are_recorded_and_all_the_rest_comes_back() {
    let stage = Stage::new();
    ext4(&stage);
    // In the middle of the large file: 3 sectors in 2 clusters.
    let blocks = stage.sh("debugfs -R 'bmap large-random 1000' v.img 2>/dev/null");
    let cluster: u64 = blocks.trim().parse().unwrap();
    let size = stage.volume("v.img")["cluster_bytes"].as_u64().unwrap();
    let from = cluster * size + size - 1024;
    let source = stage.path("v.img").to_str().unwrap().parse().unwrap();
    let request = BackupRequest::new(source, ImageTarget::File(stage.path("x.lbi")));
    let monitor = Arc::new(Monitor::new());
    let plan = job::plan_backup(&request, &monitor).unwrap();
    let report = job::run_on(&plan, &ScratchedSource { from, to: from + 1536 }, &monitor);
    assert_eq!(report.outcome, Outcome::DoneWithWarnings);
    let named = format!("{cluster}–{}", cluster + 1);
    assert!(report.warnings[0].contains(&named), "{:?} does not name {named}", report.warnings);
    let said = stage.ends("verify x.lbi", 4);
    assert!(said.contains("2 clusters"), "{said}");
    stage.restore("v.img", "w.img");
    stage.clean(Family::Ext, "w.img");
    // All but those sectors are the original's.
    stage.sh(&format!(
        "mkdir out; debugfs -R 'rdump / out' w.img 2>/dev/null; cp tree/large-random lr
         dd if=/dev/zero of=lr bs=512 seek=$((1000 * {size} / 512 + {size} / 512 - 2)) count=3 conv=notrunc status=none
         cmp lr out/large-random; rm lr out/large-random tree/large-random; rm -rf out/lost+found; diff -r tree out"
    ));
}

//! The wizard opens on an interrupted job: the real binary in a real terminal, on a real volume.

use lifeboat::extent::Extent;
use lifeboat::inventory::Address;
use lifeboat::job::{self, Monitor};
use lifeboat::plan::{ChangeRequest, EditRequest, JournalWish};
use lifeboat::unit::ByteLen;

use super::refusals::{stopped_at_write, write_of_step};
use super::stage::Stage;
use crate::oracle::sh;
use crate::pty::Terminal;

/// A FAT volume on which an adoption stopped in its second step.
fn interrupted() -> Stage {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("v.img");
    sh(
        dir.path(),
        "truncate -s 16M v.img; mkfs.fat -F 16 -s 4 v.img >/dev/null; seq 9000 >a.txt; mcopy -i v.img a.txt ::/",
    );
    let edit = EditRequest::Adopt {
        directory: "/LIFEBOAT".into(),
        name: "toc-begin.lbc".into(),
        // The last clusters: the data region ends with the volume's last whole cluster of 4 sectors.
        extents: vec![units(&image)],
        len: ByteLen(8000),
    };
    let request = ChangeRequest {
        volume: Address::Whole(image.clone()),
        name: "making room for an image".into(),
        edits: vec![edit],
        journal: JournalWish::InVolume,
    };
    let plan = job::plan_change(&request, &Monitor::new()).unwrap();
    let stage = Stage::new("fat16", dir, image, plan);
    let disks = stopped_at_write(&stage, write_of_step(&stage, 1) + 1);
    std::fs::write(&stage.image, &disks.volume).unwrap();
    stage
}

/// Four of the volume's units, in its middle, where nothing is.
fn units(image: &std::path::Path) -> Extent {
    let device = std::sync::Arc::new(lifeboat::device::FileDevice::open(image).unwrap());
    let edit = lifeboat::fs::edit::open_unchecked(device, lifeboat::fs::Kind::Fat16).unwrap();
    let units = edit.units();
    Extent::new(units.origin.0 + units.count / 2 * units.clusters, 4 * units.clusters)
}

/// Leads the wizard from its first screen to the end of the job.
fn by_the_wizard(stage: &Stage, key: &str) {
    let image = stage.image.to_string_lossy();
    let mut terminal = Terminal::spawn(&["--disk", &image], stage.dir.path(), 24, 80);
    terminal.wait_for_text("A job was interrupted.");
    assert!(terminal.text().contains("making room for an image: 1 of 3 steps done"), "{}", terminal.text());
    terminal.send_keys(key);
    terminal.wait_for_text("What will be done");
    terminal.send_keys("\r");
    terminal.wait_for_text("To go on, type its name:  v.img");
    terminal.send_keys("v.img\r");
    terminal.wait_for_text("√ Done");
    terminal.send_keys("\r");
    terminal.wait_for_start();
    assert!(!terminal.text().contains("Press i."), "{}", terminal.text());
    terminal.send_keys("q");
    assert_eq!(terminal.wait(), 0);
}

#[test]
fn the_wizard_finishes_an_interrupted_job() {
    let stage = interrupted();
    by_the_wizard(&stage, "\r");
    assert!(stage.is_after(&std::fs::read(&stage.image).unwrap()));
    sh(stage.dir.path(), "fsck.fat -n v.img; mdir -a -i v.img ::/LIFEBOAT | grep -i toc-begin.lbc");
}

#[test]
fn the_wizard_takes_an_interrupted_job_back() {
    let stage = interrupted();
    by_the_wizard(&stage, "u");
    assert!(stage.is_before(&std::fs::read(&stage.image).unwrap()));
    sh(stage.dir.path(), "fsck.fat -n v.img; ! mdir -a -i v.img ::/LIFEBOAT");
}

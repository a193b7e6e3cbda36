//! Checking FAT volumes, beside `fsck.fat -n`.
//!
//! Sound is what has no errors; `fsck.fat -n` ends with 0 where it would change nothing. Both must be the same on
//! every shape of the [zoo](crate::zoo::fat), on volumes that mtools aged, and after each damage of a table of fields;
//! where they differ on purpose, the table says why.

mod aged;
mod crafted;
mod damages;
mod mutations;
mod owners;
mod table;
mod unreadable;

use std::path::Path;
use std::sync::Arc;

use lifeboat::device::{FileDevice, SharedDevice};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::{FileSystem, Findings, Probe, Severity, probe};

use crate::oracle::sh_output;
use crate::zoo::fat::{FEW_CLUSTERS, SHAPES};

fn open(path: &Path) -> Box<dyn FileSystem> {
    let device: SharedDevice = Arc::new(FileDevice::open(path).unwrap());
    match probe(&device).unwrap() {
        Probe::One(kind) => lifeboat::fs::open(device, kind).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn check(volume: &dyn FileSystem) -> Findings {
    let mut findings = Findings::default();
    volume.check().check(&Unwatched, &mut |finding| findings.add(finding)).unwrap();
    findings.finish();
    findings
}

/// How `fsck.fat -n` ends, and what it says.
fn fsck(path: &Path) -> (i32, String) {
    let output = sh_output(path.parent().unwrap(), &format!("timeout 20 fsck.fat -n {}", path.display()));
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Neither we nor fsck.fat have anything to say.
fn both_are_content(path: &Path, what: &str) {
    let (status, said) = fsck(path);
    assert_eq!(status, 0, "{what}: {said}");
    let findings = check(open(path).as_ref());
    let bad: Vec<_> = findings.list.iter().filter(|finding| finding.severity > Severity::Note).collect();
    assert!(bad.is_empty(), "{what}: {bad:?}");
}

#[test]
fn every_shape_is_sound_to_us_and_to_fsck_and_has_the_owners_of_mshowfat() {
    let (mut volumes, mut held) = (0, 0);
    for shape in SHAPES.iter().chain(FEW_CLUSTERS) {
        let dir = tempfile::tempdir().unwrap();
        let image = shape.make(dir.path());
        both_are_content(&image, shape.name);
        held += owners::compare_with_mshowfat(dir.path(), &image, shape.name);
        volumes += 1;
    }
    println!("{volumes} shapes, sound to both; {held} files and directories hold what mshowfat says");
    assert!(held > 500);
}

//! Checking NTFS volumes, beside strangers' checkers.

use std::path::Path;
use std::sync::Arc;

use lifeboat::device::{FileDevice, SharedDevice};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::{self, Findings, Kind};

use crate::zoo::ntfs::SHAPES;

/// What our check says of a volume.
fn check(device: SharedDevice) -> Findings {
    let volume = fs::open(device, Kind::Ntfs).unwrap();
    let mut findings = Findings::default();
    volume.check().check(&Unwatched, &mut |finding| findings.add(finding)).unwrap();
    findings.finish();
    findings
}

fn check_file(image: &Path) -> Findings {
    check(Arc::new(FileDevice::open(image).unwrap()))
}

/// Findings as lines, for messages.
fn lines(findings: &Findings) -> String {
    let line = |f: &fs::Finding| {
        let path = f.path.as_deref().unwrap_or("-");
        let place = f.place.offset.map(|at| at.to_string()).unwrap_or_default();
        format!("{} {} {place} {path}: {}\n", f.severity, f.rule, f.message)
    };
    findings.list.iter().map(line).collect()
}

#[test]
fn every_shape_is_sound() {
    let dir = tempfile::tempdir().unwrap();
    let mut bad = String::new();
    for shape in SHAPES {
        let at = std::time::Instant::now();
        let image = shape.make(dir.path());
        let made = at.elapsed();
        let findings = check_file(&image);
        println!("{} {made:?} {:?}", shape.name, at.elapsed() - made);
        if !findings.list.is_empty() {
            bad += &format!("{}\n{}\n", shape.name, lines(&findings));
        }
    }
    if let Ok(keep) = std::env::var("KEEP") {
        crate::oracle::sh(dir.path(), &format!("mkdir -p {keep}; cp --sparse=always *.img {keep}"));
    }
    assert!(bad.is_empty(), "{bad}");
}

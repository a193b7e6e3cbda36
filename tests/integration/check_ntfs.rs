//! Checking NTFS volumes, beside strangers' checkers.

mod damages;
mod wreck;

use std::path::Path;
use std::sync::Arc;

use lifeboat::device::{FileDevice, MemoryDevice, SharedDevice};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::{self, Findings, Kind};

use self::wreck::Wreck;
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

/// A volume for breaking.
fn specimen(dir: &Path, cluster: u32) -> Wreck {
    let script = format!(
        "truncate -s 24M v.img; mkntfs -F -Q -q -c {cluster} v.img >/dev/null 2>&1; mkdir -p m
        ntfs-3g -o no_detach,compression,streams_interface=xattr v.img m & P=$!
        trap 'cd {here}; umount m 2>/dev/null; wait $P' EXIT
        until mountpoint -q m; do kill -0 $P; sleep 0.02; done; cd m
        {fill}
        cd {here}; umount m; wait $P; trap - EXIT",
        here = dir.display(),
        fill = damages::FILL
    );
    crate::oracle::sh(dir, &script);
    Wreck::new(std::fs::read(dir.join("v.img")).unwrap())
}

#[test]
fn every_damage_is_found_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let tables = [
        damages::BOOT,
        damages::RECORDS,
        damages::ATTRIBUTES,
        damages::NAMES,
        damages::INDEXES,
        damages::LISTS,
        damages::SYSTEM,
    ];
    let mut tried = 0;
    let mut missed = String::new();
    for cluster in [512, 1024, 4096] {
        let whole = specimen(dir.path(), cluster);
        let sound = check(Arc::new(MemoryDevice::new(whole.bytes.clone())));
        assert!(sound.list.is_empty(), "{cluster}: {}", lines(&sound));
        for (name, rule, damage) in tables.iter().flat_map(|table| *table) {
            let mut broken = whole.clone();
            damage(&mut broken);
            assert!(broken.bytes != whole.bytes, "{name}: nothing was broken");
            let findings = check(Arc::new(MemoryDevice::new(broken.bytes)));
            tried += 1;
            if !findings.list.iter().any(|finding| finding.rule == *rule) {
                missed += &format!("{cluster} {name}: expected {rule}, found\n{}\n", lines(&findings));
            }
        }
        std::fs::remove_file(dir.path().join("v.img")).unwrap();
    }
    println!("{tried} damages on 3 volumes");
    assert!(missed.is_empty(), "{missed}");
}

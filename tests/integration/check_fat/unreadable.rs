//! Media that fail in places: what another copy has is no reason to end a check.

use std::sync::Arc;

use lifeboat::device::{FileDevice, SharedDevice};
use lifeboat::error::{Kind, Result};
use lifeboat::fs::check::{Findings, Unwatched};
use lifeboat::fs::{Severity, open};

use super::damages::{Geometry, Stage};
use crate::faults_device::Scratched;

/// The findings, when one sector at `at` cannot be read.
fn check(stage: &Stage, kind: lifeboat::fs::Kind, at: usize) -> Result<Findings> {
    let inner: SharedDevice = Arc::new(FileDevice::open(stage.write_now()).unwrap());
    let device: SharedDevice = Arc::new(Scratched { inner, from: at as u64, to: at as u64 + 512 });
    let mut findings = Findings::default();
    open(device, kind)?.check().check(&Unwatched, &mut |finding| findings.add(finding))?;
    Ok(findings)
}

#[test]
fn a_copy_of_the_fat_that_cannot_be_read_is_a_finding() {
    let kinds = [(12, lifeboat::fs::Kind::Fat12), (16, lifeboat::fs::Kind::Fat16), (32, lifeboat::fs::Kind::Fat32)];
    for (bits, kind) in kinds {
        let dir = tempfile::tempdir().unwrap();
        let stage = Stage::make(dir.path(), bits, Geometry::Usual);
        for (copy, behind) in [(0, 0), (0, 1024), (1, 0), (1, 1024)] {
            let findings = check(&stage, kind, stage.fat(copy) + behind).unwrap();
            let found: Vec<_> = findings.list.iter().map(|found| (found.rule, found.severity)).collect();
            assert_eq!(found, [("fat.table.unreadable", Severity::Error)], "FAT{bits}, copy {copy} at {behind}");
            assert!(findings.list[0].message.contains(&format!("FAT {} ", copy + 1)), "{:?}", findings.list);
        }
        // Where there is no other copy, nothing can be said.
        let dir = tempfile::tempdir().unwrap();
        let stage = Stage::make(dir.path(), bits, Geometry::OneFat);
        match check(&stage, kind, stage.fat(0) + 1024) {
            Err(error) => assert_eq!(error.kind(), Kind::Io),
            // Its beginning is read with the rest, where the FAT is that short.
            Ok(findings) => assert_eq!(findings.list[0].rule, "fat.table.media", "{findings:?}"),
        }
    }
}

#[test]
fn a_boot_sector_that_cannot_be_read_is_a_finding_where_its_copy_can() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::make(dir.path(), 32, Geometry::Usual);
    let findings = check(&stage, lifeboat::fs::Kind::Fat32, 0).unwrap();
    let found: Vec<_> = findings.list.iter().map(|found| (found.rule, found.severity)).collect();
    assert_eq!(found, [("fat.boot.sector", Severity::Error)]);
}

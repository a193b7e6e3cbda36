//! Volumes whose metadata was changed at random, on the whole way: surveyed, backed up, verified and restored. A
//! driver may refuse them; whatever it accepts comes back as it was, byte for byte, and nothing panics or hangs.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use lifeboat::inventory::Address;
use lifeboat::job::{self, Monitor, Outcome};
use lifeboat::plan::{BackupRequest, ImageSource, ImageTarget, Plan, RestoreRequest, Work};

use crate::faults_device::{Fault, Handle, run};
use crate::faults_power::Dice;
use crate::oracle::{long, sh};

const SECTOR: usize = 512;

/// Overwrites a few places in sectors that hold anything.
fn mutate(bytes: &mut [u8], filled: &[usize], dice: &mut Dice) {
    for _ in 0..=dice.roll(6) {
        let sector = filled[dice.roll(filled.len() as u64) as usize] * SECTOR;
        let at = sector + dice.roll(SECTOR as u64 - 8) as usize;
        match dice.roll(6) {
            0 => bytes[at] ^= 1 << dice.roll(8),
            1 => bytes[at] = dice.roll(256) as u8,
            2 => bytes[at..at + 4].fill(0xff),
            3 => bytes[at..at + 8].fill(0),
            4 => bytes[at..at + 4].copy_from_slice(&(dice.roll(1 << 32) as u32).to_le_bytes()),
            _ => bytes.copy_within(sector..sector + SECTOR, filled[dice.roll(filled.len() as u64) as usize] * SECTOR),
        }
    }
}

/// Backs a volume up and restores it; gives false when it was refused.
fn carry(dir: &Path, bytes: &[u8]) -> bool {
    let (source, image) = (dir.join("m.img"), dir.join("m.lbi"));
    std::fs::write(&source, bytes).unwrap();
    let _ = std::fs::remove_file(&image);
    let mut request = BackupRequest::new(Address::Whole(source.clone()), ImageTarget::File(image.clone()));
    (request.even_if_dirty, request.level) = (true, 1);
    request.exclude = vec!["no-such-file".into()];
    let Ok(plan) = job::plan_backup(&request, &Monitor::new()) else { return false };
    assert_eq!(job::run(&plan, &Arc::default()).outcome, Outcome::Done);
    let request = RestoreRequest::new(ImageSource::File(image), Address::Whole(source));
    let restore = job::plan_restore(&request, &Monitor::new()).unwrap();
    let target = Handle::new(vec![0xaa; bytes.len()], Fault::Nothing);
    let report = run(&restore, &target);
    assert_eq!(report.outcome, Outcome::Done, "{report:?}");
    compare(&plan, bytes, &target.bytes());
    true
}

fn compare(plan: &Plan, source: &[u8], target: &[u8]) {
    let Work::Backup(work) = &plan.work else { panic!("a backup's plan") };
    let survey = &work.survey;
    for run in survey.used.runs() {
        let at = survey.grid.offset_of(run.start).0 as usize;
        let place = at..at + survey.grid.bytes_of(run.clusters).0 as usize;
        assert!(source[place.clone()] == target[place], "clusters from {}", run.start);
    }
}

/// Carries seeded mutations of the volume that `script` makes in `v.img`.
fn carry_mutations(script: &str) {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    sh(dir.path(), &format!("mkdir -p f/deep; seq 300 > f/numbers; seq 40 > f/deep/few; {script}"));
    let bytes = std::fs::read(dir.path().join("v.img")).unwrap();
    let filled: Vec<usize> = (0..bytes.len() / SECTOR)
        .filter(|sector| bytes[sector * SECTOR..(sector + 1) * SECTOR].iter().any(|byte| *byte != 0))
        .collect();
    assert!(carry(dir.path(), &bytes), "the unchanged volume");
    let mut carried = 0;
    for seed in 1..=if long() { 3000 } else { 50 } {
        let mut changed = bytes.clone();
        mutate(&mut changed, &filled, &mut Dice(seed));
        let (done, wait) = channel();
        let dir = dir.clone();
        // A hang or a panic becomes a failure that names the seed.
        std::thread::spawn(move || done.send(carry(dir.path(), &changed)));
        carried +=
            usize::from(wait.recv_timeout(Duration::from_secs(120)).unwrap_or_else(|why| panic!("seed {seed}: {why}")));
    }
    assert!(carried > 5, "{carried} were accepted");
}

#[test]
fn mutated_ext_volumes_are_refused_or_carried_as_they_are() {
    carry_mutations("truncate -s 2M v.img; mke2fs -q -F -t ext4 -b 1024 -N 32 -d f v.img");
}

#[test]
fn mutated_fat_volumes_are_refused_or_carried_as_they_are() {
    carry_mutations("mkfs.fat -C -F 16 -s 1 v.img 4400 > /dev/null; mcopy -s -i v.img f/* ::");
}

#[test]
fn mutated_ntfs_volumes_are_refused_or_carried_as_they_are() {
    carry_mutations(
        "truncate -s 3M v.img; mkntfs -q -Q -F -c 1024 v.img > /dev/null 2>&1
         ntfscp -q -f v.img f/numbers numbers 2> /dev/null || true",
    );
}

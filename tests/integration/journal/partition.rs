//! A job on a partition inside a disk, and a journal that lies where only the full search looks.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::edit;
use lifeboat::inventory::Address;
use lifeboat::job::{self, Monitor, Outcome, Resumption};
use lifeboat::plan::{ChangeRequest, Depth, Direction, EditRequest, JournalPlace, JournalWish};
use lifeboat::unit::ByteLen;

use super::cuts::cut_everywhere;
use super::edits::{free, open};
use super::refusals::{stopped_at_write, write_of_step};
use super::stage::Stage;
use crate::faults_cuts::Effort;
use crate::oracle::{lifeboat, sh};

/// A job that moves a file of the ext4 volume in the first partition of a disk.
fn in_a_partition() -> Stage {
    let dir = tempfile::tempdir().unwrap();
    sh(
        dir.path(),
        "mkdir f; head -c 70000 /dev/urandom > f/moved; seq 3000 > f/other; truncate -s 4M v.img
         mke2fs -q -t ext4 -b 1024 -N 64 -d f v.img; head -c 8M /dev/urandom > disk.img
         printf 'label: gpt\\nstart=2048,size=8192\\nstart=10240,size=4096\\n' | sfdisk -q disk.img
         dd if=v.img of=disk.img bs=1M seek=1 conv=notrunc status=none",
    );
    let (volume, disk) = (dir.path().join("v.img"), dir.path().join("disk.img"));
    let from: ExtentSet = super::edits::content(&volume, "/moved");
    let request = ChangeRequest {
        volume: Address::Partition(disk.clone(), 1),
        name: "moving a file".into(),
        edits: vec![EditRequest::Relocate { from, to: free(&volume, 90) }],
        journal: JournalWish::InVolume,
    };
    let plan = job::plan_change(&request, &Monitor::new()).unwrap();
    Stage::new("in a partition", dir, disk, plan)
}

const START: usize = 1 << 20;
const END: usize = 5 << 20;

fn resume(stage: &Stage, args: &[&str]) -> String {
    let mut command = lifeboat();
    command.env("XDG_STATE_HOME", stage.dir.path()).arg("resume");
    let output = command.arg(stage.work().request.volume.to_string()).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_job_on_a_partition_survives_every_cut_and_leaves_the_rest_of_the_disk() {
    let stage = in_a_partition();
    let disk = std::fs::read(&stage.image).unwrap();
    assert!(stage.before == disk[START..END], "the volume is the partition");
    let tally = cut_everywhere(&stage, Effort::for_one_edit(false));
    assert!(tally.before > 0 && tally.jobs > 0 && tally.after > 0 && tally.stacked > 0, "{tally:?}");

    // On the disk itself: interrupted, explained, taken back; interrupted again and finished.
    let left = stopped_at_write(&stage, write_of_step(&stage, 1) + 1).volume;
    for (direction, args) in [(Direction::RollBack, &["--yes", "--roll-back"][..]), (Direction::Finish, &["--yes"])] {
        let mut interrupted = disk.clone();
        interrupted[START..END].copy_from_slice(&left);
        std::fs::write(&stage.image, &interrupted).unwrap();
        let shown = resume(&stage, &["--dry-run"]);
        assert!(shown.contains("moving a file: 1 of 3 steps done"), "{shown}");
        assert!(std::fs::read(&stage.image).unwrap() == interrupted, "a dry run writes nothing");
        resume(&stage, args);
        let ended = std::fs::read(&stage.image).unwrap();
        assert!(ended[..START] == disk[..START] && ended[END..] == disk[END..], "the rest of the disk");
        match direction {
            Direction::RollBack => assert!(stage.is_before(&ended[START..END])),
            Direction::Finish => assert!(stage.is_after(&ended[START..END])),
        }
        let script = "dd if=disk.img of=end.img bs=1M skip=1 count=4 status=none; e2fsck -fn end.img 2>/dev/null
                      debugfs -R 'dump /moved out' end.img 2>/dev/null; cmp out f/moved";
        sh(stage.dir.path(), script);
    }
    // And the whole job by the library, on the same partition.
    std::fs::write(&stage.image, &disk).unwrap();
    assert_eq!(job::run(&stage.plan, &Default::default()).outcome, Outcome::Done);
    let ended = std::fs::read(&stage.image).unwrap();
    assert!(stage.is_after(&ended[START..END]));
    assert!(ended[..START] == disk[..START] && ended[END..] == disk[END..], "the rest of the disk");
}

/// A FAT32 volume of 140 MiB whose first and last 66 MiB are two files of zeros; only their metadata is written.
fn full_at_both_ends(dir: &Path) -> PathBuf {
    let image = dir.join("big.img");
    sh(
        dir,
        "seq 3000 > replaced; truncate -s 140M big.img; mkfs.fat -F 32 -s 4 big.img; mcopy -i big.img replaced ::/",
    );
    let (device, volume) = open(&image);
    let mut edit = edit::open_unchecked(device, volume.summary().kind).unwrap();
    let (units, used, grid) = (edit.units(), edit.used().unwrap(), volume.grid());
    let holes = used.runs().collect::<ExtentSet>().complement(units.origin.0 + units.clusters * units.count);
    let room = holes.runs().iter().max_by_key(|run| run.clusters).copied().unwrap();
    let len = (66 << 20) / u64::from(grid.cluster_bytes) / units.clusters * units.clusters;
    for (name, start) in [("first", room.start.0), ("last", room.end() - len)] {
        edit.adopt(Path::new("/"), name, &[Extent::new(start, len)], ByteLen(grid.bytes_of(len).0)).unwrap();
    }
    let file = std::fs::OpenOptions::new().write(true).open(&image).unwrap();
    for patch in edit.take("two files").unwrap().patches {
        file.write_all_at(&patch.new, patch.offset.0).unwrap();
    }
    sh(dir, "fsck.fat -n big.img");
    image
}

#[test]
fn a_journal_far_from_both_ends_is_found_by_the_full_search() {
    let dir = tempfile::tempdir().unwrap();
    let image = full_at_both_ends(dir.path());
    let request = ChangeRequest {
        volume: Address::Whole(image.clone()),
        name: "replacing a file".into(),
        edits: vec![EditRequest::Replace { path: "/replaced".into(), content: vec![b'R'; 13893] }],
        journal: JournalWish::InVolume,
    };
    let plan = job::plan_change(&request, &Monitor::new()).unwrap();
    assert!(plan.warnings.iter().any(|warning| warning.contains("far from both ends")), "{:?}", plan.warnings);
    let stage = Stage::new("far from both ends", dir, image, plan);
    let JournalPlace::Volume(at) = stage.work().survey.journal else { panic!("in the volume") };
    assert!(at.0 >= 64 << 20 && at.0 + (64 << 20) <= stage.before.len() as u64, "{at}");

    let left = stopped_at_write(&stage, write_of_step(&stage, 1));
    assert!(matches!(stage.find(&left, Direction::Finish).unwrap(), Resumption::Job(_)));
    let file = std::fs::OpenOptions::new().write(true).open(&stage.image).unwrap();
    for (before, (number, now)) in stage.before.chunks(4096).zip(left.volume.chunks(4096).enumerate()) {
        if before != now {
            file.write_all_at(now, number as u64 * 4096).unwrap();
        }
    }
    let quick = job::interrupted(&request.volume, Depth::Quick, &Monitor::new()).unwrap();
    assert!(quick.is_none(), "{quick:?}");
    let shown = resume(&stage, &["--dry-run"]);
    assert!(shown.contains("replacing a file: 1 of 3 steps done"), "{shown}");
    resume(&stage, &["--yes"]);
    assert!(stage.is_after(&std::fs::read(&stage.image).unwrap()));
    let shown = sh(stage.dir.path(), "fsck.fat -n big.img >/dev/null; mtype -i big.img ::/replaced | tr -d R | wc -c");
    assert_eq!(shown.trim(), "0");
    assert!(resume(&stage, &["--yes"]).contains("nothing to resume"));
}

//! A device that fails at I/O *n*, for every *n*: nothing is called done that is not, no image is left that is not
//! whole, and a target is whole, untouched or marked as unfinished.

use std::path::Path;
use std::sync::Arc;

use lifeboat::device::{MemoryDevice, WriteDevice};
use lifeboat::error::{Error, Result};
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::image::format::Content;
use lifeboat::image::{Image, ImageWriter, PackedChunk, Sink};
use lifeboat::job::{self, Monitor, Outcome};
use lifeboat::unit::{ByteOffset, Cluster};

use crate::faults_device::{EIO, ENODEV, Fault, Handle, Looks, Op, Stage, run};
use crate::oracle::{long, sh};

/// Every n of two dozen; of more, every so many, unless long sweeps are asked for.
fn every(count: usize) -> impl Iterator<Item = usize> {
    let step = if long() { 1 } else { (count / 24).max(1) };
    (0..count).filter(move |n| n % step == 0 || *n + 3 >= count || *n < 3)
}

fn fail(op: Op, at: usize, sticky: bool, errno: i32) -> Fault {
    Fault::Fail { op, at, sticky, errno }
}

/// Nothing that looks like an image, or like part of one, is in the folder beside what was there.
fn assert_no_image(image: &Path) {
    let name = image.file_stem().unwrap().to_string_lossy().into_owned();
    let left: Vec<_> = std::fs::read_dir(image.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|file| file.starts_with(&name))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

fn bad_clusters(image: &Path) -> ExtentSet {
    Image::open(image).unwrap().trailer().bad_clusters.clone()
}

/// Restores an image onto a device without faults.
fn restored(stage: &Stage, image: &Path) -> Vec<u8> {
    let mut request = stage.restore_request();
    request.image = lifeboat::plan::ImageSource::File(image.into());
    let plan = job::plan_restore(&request, &Monitor::new()).unwrap();
    let target = Handle::new(stage.before.clone(), Fault::Nothing);
    assert_eq!(run(&plan, &target).outcome, Outcome::Done);
    target.bytes()
}

#[test]
fn a_source_read_that_fails_once_is_tried_again_and_costs_nothing() {
    let stage = Stage::ext2();
    let counter = Handle::new(stage.volume.clone(), Fault::Nothing);
    assert_eq!(run(&stage.backup_plan(&stage.path("count.lbi")), &counter).outcome, Outcome::Done);
    for n in every(counter.count(Op::Read)) {
        let image = stage.path("once.lbi");
        let device = Handle::new(stage.volume.clone(), fail(Op::Read, n, false, EIO));
        let report = run(&stage.backup_plan(&image), &device);
        assert_eq!(report.outcome, Outcome::Done, "read {n}: {report:?}");
        assert!(bad_clusters(&image).is_empty());
        assert_eq!(stage.looks(&restored(&stage, &image)), Looks::Whole, "read {n}");
        std::fs::remove_file(&image).unwrap();
    }
}

#[test]
fn a_bad_sector_is_listed_and_restored_as_zeros_and_one_in_free_space_is_nobodys_business() {
    let stage = Stage::ext2();
    let cluster = u64::from(stage.grid.cluster_bytes);
    let data = stage.volume.windows(4).position(|bytes| bytes == b"9999").unwrap() as u64;
    let free = stage.used.complement(stage.grid.clusters).runs().last().unwrap().start.0 * cluster;
    for byte in [0, 1024, 1536, data, 8 << 20, free] {
        let image = stage.path("sector.lbi");
        let device = Handle::new(stage.volume.clone(), Fault::BadSector(byte));
        let report = run(&stage.backup_plan(&image), &device);
        let at = Cluster(byte / cluster);
        if stage.used.contains(at) {
            assert_eq!(report.outcome, Outcome::DoneWithWarnings, "byte {byte}: {report:?}");
            assert!(report.warnings[0].contains(&at.to_string()), "{report:?}");
            assert_eq!(bad_clusters(&image), ExtentSet::from(vec![Extent::new(at.0, 1)]));
            assert_eq!(job::verify(&image, &Arc::default()).outcome, Outcome::DoneWithWarnings);
        } else {
            assert_eq!(report.outcome, Outcome::Done, "byte {byte}: {report:?}");
        }
        let mut expected = stage.volume.clone();
        if stage.used.contains(at) {
            expected[byte as usize / 512 * 512..][..512].fill(0);
        }
        let mut wanted = stage.before.clone();
        for run in stage.used.runs() {
            let (from, to) = ((run.start.0 * cluster) as usize, (run.end() * cluster) as usize);
            wanted[from..to].copy_from_slice(&expected[from..to]);
        }
        assert!(restored(&stage, &image) == wanted, "byte {byte}");
        std::fs::remove_file(&image).unwrap();
    }
}

#[test]
fn a_source_that_goes_away_or_ends_early_fails_the_backup_and_leaves_no_file() {
    let stage = Stage::ext2();
    let counter = Handle::new(stage.volume.clone(), Fault::Nothing);
    let image = stage.path("gone.lbi");
    let plan = stage.backup_plan(&image);
    assert_eq!(run(&plan, &counter).outcome, Outcome::Done);
    std::fs::remove_file(&image).unwrap();
    for n in every(counter.count(Op::Read)) {
        let device = Handle::new(stage.volume.clone(), fail(Op::Read, n, true, ENODEV));
        let report = run(&plan, &device);
        assert_eq!(report.outcome, Outcome::Failed, "read {n}: {report:?}");
        assert_no_image(&image);
    }
    for len in [0, 512, 1 << 20, stage.volume.len() / 2, stage.volume.len() - (4 << 20)] {
        let device = Handle::new(stage.volume[..len].to_vec(), Fault::Nothing);
        let report = run(&plan, &device);
        assert_eq!(report.outcome, Outcome::Failed, "{len} bytes: {report:?}");
        assert_no_image(&image);
    }
}

/// Keeps what it is given, and fails at one write.
#[derive(Default)]
struct FailingSink {
    bytes: Vec<u8>,
    writes: usize,
    fail_at: Option<usize>,
    after_failure: usize,
}

impl Sink for &mut FailingSink {
    fn room(&mut self, _: u64) -> Result<Option<u32>> {
        Ok(None)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let number = self.writes;
        self.writes += 1;
        self.after_failure += usize::from(self.fail_at.is_some_and(|at| number > at));
        if self.fail_at == Some(number) {
            self.bytes.extend_from_slice(&bytes[..bytes.len() / 2]);
            return Err(Error::io("writing", std::io::Error::from_raw_os_error(EIO)));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// Writes an image once more, chunk by chunk.
fn rewrite(image: &Image, sink: &mut FailingSink) -> Result<()> {
    let mut writer = ImageWriter::create(sink, image.header())?;
    writer.write_map(&image.map()?)?;
    for page in 0..image.pages() {
        for entry in image.page(page)?.iter().filter(|entry| entry.content == Content::Chunk as u8) {
            let mut frame = Vec::new();
            image.read_frame(entry, &mut frame)?;
            writer.write_chunk(&PackedChunk {
                first_cluster: Cluster(entry.first_cluster.get()),
                clusters: entry.clusters.get(),
                raw_len: entry.raw_len.get(),
                digest: entry.digest,
                frame,
            })?;
        }
    }
    writer.finish(image.trailer()).map(drop)
}

#[test]
fn an_image_whose_medium_failed_at_any_write_is_never_taken_for_a_whole_one() {
    let stage = Stage::ext2();
    let image = Image::open(&stage.image).unwrap();
    let mut whole = FailingSink::default();
    rewrite(&image, &mut whole).unwrap();
    assert!(whole.bytes == std::fs::read(&stage.image).unwrap(), "the same image, byte for byte");
    let copy = stage.path("copy.lbi");
    for n in every(whole.writes) {
        let mut sink = FailingSink { fail_at: Some(n), ..FailingSink::default() };
        assert!(rewrite(&image, &mut sink).is_err());
        assert_eq!(sink.after_failure, 0, "write {n}");
        std::fs::write(&copy, &sink.bytes).unwrap();
        let report = job::verify(&copy, &Arc::default());
        assert_eq!(report.outcome, Outcome::Failed, "write {n}: {report:?}");
    }
}

/// A small file system of its own, unmounted at the end.
struct Tmpfs<'a>(&'a Path);

impl Drop for Tmpfs<'_> {
    fn drop(&mut self) {
        sh(Path::new("/"), &format!("umount {}", self.0.display()));
    }
}

#[test]
fn a_full_medium_fails_the_backup_with_advice_and_leaves_only_what_was_there() {
    let stage = Stage::ext2();
    let size = stage.image.metadata().unwrap().len();
    let small = stage.path("small");
    std::fs::create_dir(&small).unwrap();
    sh(Path::new("/"), &format!("mount -t tmpfs -o size=12M lifeboat-test {}", small.display()));
    let _mounted = Tmpfs(&small);
    let image = small.join("x.lbi");
    for free in [0, 4096, 64 << 10, size / 2, size - (64 << 10), size - 4096] {
        let mut request = stage.backup_request(&image);
        request.split = (free == size / 2).then_some(8 << 20);
        let plan = job::plan_backup(&request, &Monitor::new()).unwrap();
        let room = (12 << 20) - free / 4096 * 4096;
        sh(&small, &format!("head -c {room} /dev/zero > ballast"));
        let report = job::run(&plan, &Arc::default());
        assert_eq!(report.outcome, Outcome::Failed, "{free} bytes free: {report:?}");
        assert!(!report.next.is_empty(), "{report:?}");
        let left = sh(&small, "ls -A");
        assert_eq!(left.trim(), "ballast", "{free} bytes free");
        std::fs::remove_file(small.join("ballast")).unwrap();
    }
    assert_eq!(job::run(&stage.backup_plan(&image), &Arc::default()).outcome, Outcome::Done);
}

/// One failing restore, and then one that completes it.
fn restore_with(stage: &Stage, op: Op, at: usize, sticky: bool) {
    let plan = stage.restore_plan();
    let case = format!("{op:?} {at}, sticky: {sticky}");
    let target = Handle::new(stage.before.clone(), fail(op, at, sticky, EIO));
    let report = run(&plan, &target);
    let looks = stage.looks(&target.bytes());
    match report.outcome {
        // A read that fails once is tried again.
        Outcome::Done => assert!(op == Op::Read && looks == Looks::Whole, "{case}: {looks:?}"),
        Outcome::Failed => assert_ne!(looks, Looks::Wrong, "{case}"),
        _ => panic!("{case}: {report:?}"),
    }
    assert_eq!(target.writes_after_failure(), 0, "{case}");
    if looks == Looks::Untouched {
        assert_eq!((op, at), (Op::Write, 0), "{case}: only the first write can leave a target as it was");
    }
    let again = Handle::new(target.bytes(), Fault::Nothing);
    assert_eq!(run(&plan, &again).outcome, Outcome::Done, "{case}");
    assert_eq!(stage.looks(&again.bytes()), Looks::Whole, "{case}");
}

fn restore_with_every_fault(stage: &Stage) {
    let counter = Handle::new(stage.before.clone(), Fault::Nothing);
    assert_eq!(run(&stage.restore_plan(), &counter).outcome, Outcome::Done);
    assert_eq!(stage.looks(&counter.bytes()), Looks::Whole);
    for op in [Op::Write, Op::Flush, Op::Read] {
        for n in every(counter.count(op)) {
            restore_with(stage, op, n, false);
            restore_with(stage, op, n, true);
        }
    }
}

#[test]
fn a_target_that_fails_at_any_io_is_whole_untouched_or_marked_and_a_second_restore_completes_it() {
    restore_with_every_fault(&Stage::ext2());
}

#[test]
fn a_raw_target_that_fails_at_any_io_is_whole_untouched_or_marked_too() {
    restore_with_every_fault(&Stage::raw());
}

#[test]
fn a_target_that_is_too_short_is_refused_and_not_touched() {
    let stage = Stage::ext2();
    for len in [0, 512, stage.before.len() - 512] {
        let target = Handle::new(stage.before[..len].to_vec(), Fault::Nothing);
        assert_eq!(run(&stage.restore_plan(), &target).outcome, Outcome::Refused);
        assert!(target.bytes() == stage.before[..len]);
        assert_eq!(target.count(Op::Write), 0);
    }
}

#[test]
fn a_medium_that_loses_or_changes_any_write_is_caught_before_done() {
    for stage in [Stage::ext2(), Stage::raw()] {
        let counter = Handle::new(stage.before.clone(), Fault::Nothing);
        assert_eq!(run(&stage.restore_plan(), &counter).outcome, Outcome::Done);
        let mut caught = 0;
        for at in every(counter.count(Op::Write)) {
            for flip in [false, true] {
                let target = Handle::new(stage.before.clone(), Fault::Lie { at, flip });
                let report = run(&stage.restore_plan(), &target);
                // The marker and its like are overwritten later: a lie about them does no harm in the end.
                if report.outcome == Outcome::Done {
                    assert_eq!(stage.looks(&target.bytes()), Looks::Whole, "write {at}, flip: {flip}");
                } else {
                    assert_eq!(report.outcome, Outcome::Failed, "{report:?}");
                    caught += 1;
                }
            }
        }
        assert!(caught > 4, "{caught} lies were caught");
    }
}

#[test]
fn cancelling_a_backup_at_any_read_leaves_no_image() {
    let stage = Stage::ext2();
    let image = stage.path("cancelled.lbi");
    let plan = stage.backup_plan(&image);
    let counter = Handle::new(stage.volume.clone(), Fault::Nothing);
    assert_eq!(run(&plan, &counter).outcome, Outcome::Done);
    std::fs::remove_file(&image).unwrap();
    for at in every(counter.operations()) {
        let monitor = Arc::new(Monitor::new());
        let device = Handle::new(stage.volume.clone(), Fault::Cancel { at, monitor: monitor.clone() });
        let report = job::run_on(&plan, &device, &monitor);
        assert_eq!(report.outcome, Outcome::Cancelled, "operation {at}: {report:?}");
        assert_no_image(&image);
    }
}

#[test]
fn cancelling_a_restore_at_any_io_leaves_a_marked_target_that_a_second_restore_completes() {
    for stage in [Stage::ext2(), Stage::raw()] {
        let plan = stage.restore_plan();
        let counter = Handle::new(stage.before.clone(), Fault::Nothing);
        assert_eq!(run(&plan, &counter).outcome, Outcome::Done);
        let mut cancelled = 0;
        for at in every(counter.operations()) {
            let monitor = Arc::new(Monitor::new());
            let target = Handle::new(stage.before.clone(), Fault::Cancel { at, monitor: monitor.clone() });
            let report = job::run_on(&plan, &target, &monitor);
            let looks = stage.looks(&target.bytes());
            match report.outcome {
                Outcome::Cancelled => assert_eq!(looks, Looks::Unfinished, "operation {at}"),
                // The last seals are written without a look at the monitor.
                Outcome::Done => assert_eq!(looks, Looks::Whole, "operation {at}"),
                _ => panic!("operation {at}: {report:?}"),
            }
            cancelled += usize::from(report.outcome == Outcome::Cancelled);
            let again = Handle::new(target.bytes(), Fault::Nothing);
            assert_eq!(run(&plan, &again).outcome, Outcome::Done);
            assert_eq!(stage.looks(&again.bytes()), Looks::Whole, "operation {at}");
        }
        assert!(cancelled >= 6, "{cancelled}");
    }
}

#[test]
fn the_alarm_rings_when_a_target_is_half_written() {
    let stage = Stage::ext2();
    let mut bytes = stage.before.clone();
    let device = MemoryDevice::new(stage.volume.clone());
    let mut first = vec![0; 4096];
    lifeboat::device::ReadDevice::read_at(&device, ByteOffset(0), &mut first).unwrap();
    bytes[..4096].copy_from_slice(&first);
    device.flush().unwrap();
    assert_eq!(stage.looks(&bytes), Looks::Wrong);
}

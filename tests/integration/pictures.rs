//! Pictures of volumes and plans: the map is what the volume's own bookkeeping says, what a plan shows before is what
//! is there, and what it shows after is what is there when it was carried out.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lifeboat::error::Kind as ErrorKind;
use lifeboat::image::Kind;
use lifeboat::inventory::{Address, ClusterState, Disk, Layout, VolumeMap, layout, look, volume_map};
use lifeboat::inventory::{LookRequest, PieceKind};
use lifeboat::job::{self, Monitor, Outcome, Pictures, Progress};
use lifeboat::plan::{
    BackupRequest, ContainerAct, ContainerRequest, ImageSource, ImageTarget, Plan, RestoreRequest, StepKind,
};

use crate::inside::stage::Stage;
use crate::oracle::{lifeboat, sh};
use crate::zoo::{Shape, ext, fat, ntfs};

fn shape(name: &str) -> &'static Shape {
    let all = fat::SHAPES.iter().chain(ntfs::SHAPES).chain(ext::SHAPES);
    all.into_iter().find(|shape| shape.name == name).unwrap()
}

fn map(path: &Path) -> VolumeMap {
    volume_map(&Address::Whole(path.into()), &Monitor::new()).unwrap()
}

fn count(map: &VolumeMap, state: ClusterState) -> u64 {
    map.counts[state as usize]
}

fn pictures(plan: &Plan) -> Pictures {
    job::pictures(plan, &[], &Monitor::new())
}

fn run(plan: &Plan) {
    let report = job::run(plan, &Arc::new(Monitor::new()));
    assert_eq!(report.outcome, Outcome::Done, "{report:#?}");
}

#[test]
fn failing_clusters_are_shown_wherever_a_volume_keeps_its_list_of_them() {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), "truncate -s 17M v.img; printf '9000\n9001\n12000\n' > bad; mkfs.fat -F 16 -s 4 -l bad v.img");
    let fat = map(&dir.path().join("v.img"));
    // 9000 and 9001 may lie in one cluster of 2 KiB or in two; the grid's clusters may be smaller.
    let bad = count(&fat, ClusterState::Bad) * u64::from(fat.cluster_bytes) / 2048;
    assert!((2..=3).contains(&bad), "{:?}", fat.counts);
    sh(dir.path(), "printf '9000\n9001\n12000\n' > list; mke2fs -q -F -t ext4 -b 1024 -l list e.img 32M");
    let ext = map(&dir.path().join("e.img"));
    assert_eq!(count(&ext, ClusterState::Bad), 3);
    let free: u64 =
        sh(dir.path(), "dumpe2fs -h e.img 2>/dev/null | sed -n 's/^Free blocks: *//p'").trim().parse().unwrap();
    assert_eq!(count(&ext, ClusterState::Free), free);
    sh(dir.path(), "truncate -s 32M n.img; mkntfs -F -Q -q -c 4096 n.img >/dev/null 2>&1");
    let ntfs = map(&dir.path().join("n.img"));
    assert_eq!(count(&ntfs, ClusterState::Bad), 0);
    let list =
        "echo '  Cluster 4000' >/dev/null; ntfsinfo -mf n.img | sed -n 's/.*Free Clusters: *\\([0-9]*\\).*/\\1/p'";
    let free: u64 = sh(dir.path(), list).trim().parse().unwrap();
    assert_eq!(count(&ntfs, ClusterState::Free), free);
}

/// The container's clusters, as the table of contents has them.
fn container_clusters(stage: &Stage, map: &VolumeMap) -> u64 {
    let container = stage.container().unwrap();
    let bytes: u64 = container.toc.files.iter().flat_map(|file| &file.runs).map(|run| run.len.0).sum();
    bytes / u64::from(map.cluster_bytes)
}

#[test]
fn what_is_shown_of_an_image_made_inside_and_dropped_is_what_comes_of_it() {
    for name in ["fat16-4k-sectors", "ext2-1k-mixed", "ntfs-files-512"] {
        let stage = Stage::new(shape(name));
        let plan = stage.plan(&stage.request(Kind::Factory)).unwrap();
        let shown = pictures(&plan);
        assert_eq!(job::layouts(&plan, &[], &Monitor::new()), shown.layout, "{name}");
        assert_eq!(
            shown.map_before.as_ref().map(|map| map.counts[..3].to_vec()),
            Some(map(&stage.image).counts[..3].to_vec()).map(|mut counts| {
                // What is to be moved is in use.
                counts[1] -= count(shown.map_before.as_ref().unwrap(), ClusterState::Moving);
                counts
            }),
            "{name}"
        );
        run(&plan);
        let (after, now) = (shown.map_after.unwrap(), map(&stage.image));
        assert_eq!(after.counts, now.counts, "{name}: an image is made");
        // How long the tables' text comes out compressed is not known before: a cluster more or less at either end.
        let pairs: Vec<_> =
            after.cells(500).into_iter().zip(now.cells(500)).filter(|(shown, is)| shown != is).collect();
        assert!(pairs.len() <= 2, "{name}: an image is made: {pairs:?}");
        assert_eq!(count(&now, ClusterState::Image), container_clusters(&stage, &now), "{name}");
        let (before, after) = shown.layout.unwrap();
        assert!(!before.pieces[0].has_images && after.pieces[0].has_images, "{name}");
        let request = ContainerRequest { volume: stage.address(), act: ContainerAct::Drop("factory".into()) };
        let plan = job::plan_container(&request, &Monitor::new()).unwrap().unwrap();
        let shown = pictures(&plan);
        run(&plan);
        let (after, now) = (shown.map_after.unwrap(), map(&stage.image));
        assert_eq!(after.counts, now.counts, "{name}: it is dropped");
        assert_eq!(count(&now, ClusterState::Image), 0, "{name}");
        let (before, after) = shown.layout.unwrap();
        assert!(before.pieces[0].has_images && !after.pieces[0].has_images, "{name}");
    }
}

/// A disk with a volume in its first partition, another partition behind it, and an image of the volume in a file.
fn disk(dir: &Path) -> (PathBuf, PathBuf) {
    sh(
        dir,
        "truncate -s 96M disk.img; printf 'label: gpt\nstart=2048, size=65536\nstart=98304, size=65536\n' | sfdisk -q disk.img
         mkdir tree; seq 1 400000 | split -l 2000 - tree/f; head -c 9000000 /dev/urandom > tree/random
         mke2fs -q -F -t ext4 -b 1024 -L DATA -d tree v.img 32M; dd if=v.img of=disk.img bs=1M seek=1 conv=notrunc status=none",
    );
    let (disk, image) = (dir.join("disk.img"), dir.join("x.lbi"));
    let monitor = Monitor::new();
    let request = BackupRequest::new(Address::Partition(disk.clone(), 1), ImageTarget::File(image.clone()));
    let plan = job::plan_backup(&request, &monitor).unwrap();
    let shown = pictures(&plan);
    let before = shown.map_before.unwrap();
    assert_eq!(count(&before, ClusterState::Used), count(&map(&dir.join("v.img")), ClusterState::Used));
    assert_eq!((shown.layout, shown.map_after, shown.chosen), (None, None, Some(1 << 20)));
    run(&plan);
    (disk, image)
}

fn pieces(layout: &Layout) -> Vec<(PieceKind, u32, Option<String>)> {
    let what =
        |piece: &lifeboat::inventory::Piece| (piece.kind, piece.number, piece.volume.map(|kind| kind.to_string()));
    layout.pieces.iter().map(what).collect()
}

#[test]
fn what_is_shown_of_a_restore_is_what_comes_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, image) = disk(dir.path());
    sh(dir.path(), "mkfs.fat -F 16 -n OLD old.img -C 16384 >/dev/null; dd if=/dev/zero of=disk.img bs=1M seek=1 count=32 conv=notrunc status=none
        dd if=old.img of=disk.img bs=1M seek=1 conv=notrunc status=none");
    let target = Address::Partition(disk.clone(), 1);
    let request = RestoreRequest::new(ImageSource::File(image.clone()), target.clone());
    let plan = job::plan_restore(&request, &Monitor::new()).unwrap();
    let shown = pictures(&plan);
    assert_eq!(shown.map_before.unwrap(), volume_map(&target, &Monitor::new()).unwrap());
    let command = |arguments: &[&str]| {
        let output = lifeboat().arg("restore").arg(&image).arg("--to").arg(target.to_string()).args(arguments).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let text = command(&["--dry-run"]);
    let (before, after) = text.split_once("Layout after:\n").unwrap();
    let before = before.split_once("Layout before:\n").unwrap().1;
    let first = |text: &str| text.lines().next().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    assert_eq!(first(before).as_deref(), Some("1 fat16 OLD at byte 1048576 32.0 MiB"), "{text}");
    assert_eq!(first(after).as_deref(), Some("1 ext4 DATA at byte 1048576 32.0 MiB"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&command(&["--dry-run", "--json"])).unwrap();
    assert_eq!(json["layout"]["after"]["pieces"][0]["label"], "DATA", "{json}");
    run(&plan);
    assert_eq!(shown.map_after.unwrap(), volume_map(&target, &Monitor::new()).unwrap());
    let found = look(&LookRequest { paths: vec![disk], machine: false }).disks.pop().unwrap();
    let (before, after) = shown.layout.unwrap();
    assert_eq!(after, layout(&found));
    let ext4 = Some("ext4".to_owned());
    let gap = (PieceKind::Gap, 0, None);
    let second = (PieceKind::Partition, 2, Some("unknown".to_owned()));
    assert_eq!(pieces(&after), [(PieceKind::Partition, 1, ext4), gap.clone(), second.clone(), gap.clone()]);
    assert_eq!(pieces(&before)[0], (PieceKind::Partition, 1, Some("fat16".to_owned())));
}

#[test]
fn a_disk_that_is_known_is_not_looked_at_again() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, image) = disk(dir.path());
    let request = RestoreRequest::new(ImageSource::File(image), Address::Partition(disk.clone(), 2));
    let plan = job::plan_restore(&request, &Monitor::new());
    let plan = plan.unwrap_or_else(|error| panic!("{error}"));
    let known = look(&LookRequest { paths: vec![disk], machine: false }).disks;
    let fresh = pictures(&plan);
    assert_eq!(job::pictures(&plan, &known, &Monitor::new()), fresh);
    assert_eq!(job::layouts(&plan, &known, &Monitor::new()), fresh.layout);
    let label = |known: &[Disk]| {
        let (before, _) = job::layouts(&plan, known, &Monitor::new()).unwrap();
        before.pieces[0].label.clone().unwrap()
    };
    let mut named = known.clone();
    named[0].partitions[0].volume.as_mut().unwrap().label = Some("KNOWN".into());
    assert_eq!(label(&named), "KNOWN");
    // What cannot be of the disk that the plan was made for does not count.
    let changes: [fn(&mut Disk); 4] = [
        |disk| disk.path = "other.img".into(),
        |disk| disk.problem = Some("left out".into()),
        |disk| disk.table.kind = lifeboat::table::Kind::Mbr,
        |disk| disk.partitions[1].bytes -= 512,
    ];
    for change in changes {
        let mut other = named.clone();
        change(&mut other[0]);
        assert_eq!(label(&other), "DATA", "{:?}", other[0]);
    }
}

/// All that a watcher can see of a plan that is carried out.
fn watched(plan: &Plan) -> Vec<Progress> {
    let monitor = Arc::new(Monitor::new());
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen: Vec<Progress> = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                let now = monitor.sample();
                if seen.last().is_none_or(|last| (last.current, last.cluster) != (now.current, now.cluster)) {
                    seen.push(now);
                }
            }
            seen
        });
        let report = job::run(plan, &monitor);
        ended.store(true, Ordering::Relaxed);
        assert_eq!(report.outcome, Outcome::Done, "{report:#?}");
        watcher.join().unwrap()
    })
}

#[test]
fn the_place_of_a_job_only_rises_within_a_step_and_comes_near_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, image) = disk(dir.path());
    let target = Address::Partition(disk, 1);
    let request = RestoreRequest::new(ImageSource::File(image), target.clone());
    let restore = job::plan_restore(&request, &Monitor::new()).unwrap();
    let again = ImageTarget::File(dir.path().join("again.lbi"));
    let backup = job::plan_backup(&BackupRequest::new(target, again), &Monitor::new()).unwrap();
    for plan in [restore, backup] {
        // Whoever looks now and then may miss the last moments of a step on a busy machine: looked at several times.
        let mut highest = vec![None; plan.steps.len()];
        for _ in 0..12 {
            // What an earlier run has written.
            let _ = std::fs::remove_file(dir.path().join("again.lbi"));
            let seen = watched(&plan);
            rises(&plan.headline, &seen);
            for now in &seen {
                if let Some(highest) = highest.get_mut(now.current) {
                    *highest = (*highest).max(now.cluster);
                }
            }
            if plan.steps.iter().zip(&highest).all(|(step, highest)| !walks(step.kind) || went_far(*highest)) {
                break;
            }
        }
        for (step, highest) in plan.steps.iter().zip(&highest) {
            let walks = walks(step.kind);
            assert!(!walks || went_far(*highest), "{}: {:?} got to {highest:?}", plan.headline, step.kind);
            assert!(walks || highest.is_none(), "{}: {:?} is at no cluster", plan.headline, step.kind);
        }
    }
}

/// The used clusters of this volume go on far beyond its first half.
fn went_far(highest: Option<u64>) -> bool {
    highest.is_some_and(|at| at > 8 << 10)
}

fn walks(kind: StepKind) -> bool {
    matches!(
        kind,
        StepKind::WriteClusters
            | StepKind::WriteImage
            | StepKind::VerifyImage
            | StepKind::ReadBackImage
            | StepKind::ReadBackTarget
    )
}

fn rises(headline: &str, seen: &[Progress]) {
    for pair in seen.windows(2) {
        let [before, after] = pair else { continue };
        if before.current == after.current {
            // A look at the border of two steps sees no place.
            assert!(
                after.cluster.is_none() || before.cluster <= after.cluster,
                "{headline}: {:?}, then {:?}",
                before.cluster,
                after.cluster
            );
        } else {
            assert!(before.current < after.current);
        }
    }
}

#[test]
fn a_divided_disk_and_a_place_without_a_volume_have_no_map() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, image) = disk(dir.path());
    let map = |address: &Address| volume_map(address, &Monitor::new());
    assert!(map(&Address::Whole(disk.clone())).unwrap_err().to_string().contains("divided"));
    assert!(map(&Address::Partition(disk, 2)).unwrap_err().to_string().contains("unknown"));
    let of_image = map(&Address::Whole(image.clone())).unwrap();
    assert_eq!(of_image.counts, self::map(&dir.path().join("v.img")).counts);
    // An image is known by its bytes, whatever it is called.
    let renamed = dir.path().join("renamed.img");
    std::fs::rename(&image, &renamed).unwrap();
    assert_eq!(map(&Address::Whole(renamed)).unwrap(), of_image);
    // A file that calls itself one and is none is a damaged image, and no disk without a volume.
    for (name, kind) in
        [("a.img", ErrorKind::Unsupported), ("a.lbi", ErrorKind::Corrupt), ("A.LBI", ErrorKind::Corrupt)]
    {
        let file = dir.path().join(name);
        std::fs::write(&file, vec![0; 1 << 20]).unwrap();
        assert_eq!(map(&Address::Whole(file)).unwrap_err().kind(), kind, "{name}");
    }
}

#[test]
fn a_map_that_nobody_waits_for_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, _) = disk(dir.path());
    let monitor = Monitor::new();
    monitor.cancel();
    let error = volume_map(&Address::Partition(disk, 1), &monitor).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

//! A damaged image restored with `--keep-going`: exactly the damaged chunk is missing, and the files named are those
//! that debugfs finds in its clusters.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::image::Image;
use lifeboat::inventory::Address;
use lifeboat::job::{self, Monitor, Outcome, Report};
use lifeboat::plan::{BackupRequest, ImageSource, ImageTarget, RestoreRequest, Work};
use lifeboat::unit::Grid;

use crate::faults_device::{Fault, Handle, run};
use crate::oracle::sh;

const DIRECTORIES: [&str; 5] = ["/", "/many", "/deep", "/deep/er", "/lost+found"];

/// A volume with files large and small in all its chunks, its image, and what it uses.
struct Stage {
    dir: tempfile::TempDir,
    volume: Vec<u8>,
    used: ExtentSet,
    grid: Grid,
}

impl Stage {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        sh(
            dir.path(),
            "mkdir -p f/deep/er f/many; for i in $(seq 120); do seq $i 9000 > f/many/file-$i; done
             head -c 5M /dev/urandom > f/large; seq 50000 > f/deep/er/numbers; ln -s large f/link
             truncate -s 20M v.img; mke2fs -q -F -t ext4 -b 1024 -d f v.img; truncate -s 20M t.img",
        );
        let mut request =
            BackupRequest::new(Address::Whole(dir.path().join("v.img")), ImageTarget::File(dir.path().join("v.lbi")));
        request.level = 1;
        let plan = job::plan_backup(&request, &Monitor::new()).unwrap();
        assert_eq!(job::run(&plan, &Arc::default()).outcome, Outcome::Done);
        let Work::Backup(work) = &plan.work else { panic!("a backup's plan") };
        let volume = std::fs::read(dir.path().join("v.img")).unwrap();
        Self { volume, used: work.survey.used.runs().collect(), grid: work.survey.grid, dir }
    }

    /// The paths that debugfs finds in the clusters, with how many of them each has; those of no path under "".
    fn owners(&self, clusters: &ExtentSet) -> BTreeMap<String, u64> {
        let ask = |question: &str| {
            std::fs::write(self.dir.path().join("question"), question).unwrap();
            sh(self.dir.path(), "debugfs -f question v.img 2>/dev/null")
        };
        // A line of debugfs takes a limited number of arguments.
        let mut question = String::new();
        for run in clusters.runs() {
            for from in (run.start.0..run.end()).step_by(100) {
                let numbers = (from..run.end().min(from + 100)).map(|number| number.to_string());
                question += &format!("icheck {}\n", numbers.collect::<Vec<_>>().join(" "));
            }
        }
        let mut inodes: BTreeMap<u64, u64> = BTreeMap::new();
        for line in ask(&question).lines() {
            if let Some((block, inode)) = line.split_once('\t')
                && block.parse::<u64>().is_ok()
            {
                *inodes.entry(inode.parse().unwrap_or(0)).or_default() += 1;
            }
        }
        let mut owners: BTreeMap<String, u64> = BTreeMap::new();
        for (inode, count) in inodes {
            // Inodes 1 and 3 to 10 are the file system's own (journal, resize): no path leads there.
            let path = match inode {
                2 => "/".into(),
                11.. => {
                    let answer = ask(&format!("ncheck {inode}\n"));
                    let found =
                        answer.lines().filter_map(|line| line.split_once('\t')).find(|(number, _)| *number != "Inode");
                    found.unwrap().1.replace("//", "/")
                }
                _ => String::new(),
            };
            *owners.entry(path).or_default() += count;
        }
        owners
    }

    fn restore(&self, image: &Path) -> (Report, Vec<u8>) {
        let target = Address::Whole(self.dir.path().join("t.img"));
        let mut request = RestoreRequest::new(ImageSource::File(image.into()), target);
        request.keep_going = true;
        let plan = job::plan_restore(&request, &Monitor::new()).unwrap();
        let device = Handle::new(vec![0xaa; self.volume.len()], Fault::Nothing);
        (run(&plan, &device), device.bytes())
    }
}

fn named(report: &Report, what: &str) -> BTreeSet<String> {
    report.warnings.iter().filter_map(|warning| warning.strip_prefix(what)).map(str::to_owned).collect()
}

#[test]
fn a_damaged_chunk_costs_its_own_clusters_and_names_their_files_and_nothing_else() {
    let stage = Stage::new();
    let whole = stage.dir.path().join("v.lbi");
    let image = Image::open(&whole).unwrap();
    let bytes = std::fs::read(&whole).unwrap();
    let chunk_clusters = image.header().chunk_clusters;
    let page = image.page(0).unwrap();
    assert!(page.len() >= 3, "{} chunks", page.len());
    // Not the first: it holds the superblock and all inodes, so that nothing is left to name.
    let mut seen = (0, 0);
    for entry in &page[1..] {
        let first = entry.first_cluster.get();
        let lost: ExtentSet = stage.used.intersect(&ExtentSet::from(vec![Extent::new(first, chunk_clusters)]));
        let mut damaged = bytes.clone();
        damaged[(entry.frame_offset().0 + u64::from(entry.stored_len.get()) / 2) as usize] ^= 0x55;
        let path = stage.dir.path().join("damaged.lbi");
        std::fs::write(&path, &damaged).unwrap();
        let (report, target) = stage.restore(&path);
        assert_eq!(report.outcome, Outcome::DoneWithWarnings, "{report:?}");
        let runs: BTreeSet<String> =
            lost.runs().iter().map(|run| format!("clusters {} to {}", run.start, run.end() - 1)).collect();
        assert_eq!(named(&report, "Not restored: "), runs);
        let owners = stage.owners(&lost);
        assert_eq!(owners.values().sum::<u64>(), lost.clusters());
        // What a lost directory named cannot be known any more; that it was lost is said.
        let shut: BTreeSet<String> =
            owners.keys().filter(|path| DIRECTORIES.contains(&path.as_str())).cloned().collect();
        let is_named = |path: &str| !path.is_empty() && !shut.iter().any(|shut| Path::new(path).starts_with(shut));
        let files: BTreeSet<String> = owners.keys().filter(|path| is_named(path)).cloned().collect();
        let unowned = owners.iter().filter(|(path, _)| !is_named(path)).map(|(_, count)| count).sum::<u64>();
        assert_eq!(named(&report, "Damaged file: "), files, "chunk at {first}");
        assert_eq!(named(&report, "Cannot be looked into: "), shut, "chunk at {first}");
        seen.0 += files.len();
        seen.1 += shut.len();
        let said = report.warnings.iter().find_map(|warning| warning.split_once(" of the lost clusters belong"));
        assert_eq!(said.map_or(0, |(count, _)| count.parse().unwrap()), unowned);
        let cluster = stage.grid.cluster_bytes as usize;
        for number in 0..stage.grid.clusters {
            let place = number as usize * cluster..(number as usize + 1) * cluster;
            let is_whole =
                stage.used.contains(lifeboat::unit::Cluster(number)) && !lost.contains(lifeboat::unit::Cluster(number));
            if is_whole {
                assert!(target[place.clone()] == stage.volume[place], "cluster {number} was not restored");
            } else {
                assert!(target[place].iter().all(|byte| *byte == 0xaa), "cluster {number} was written");
            }
        }
        let verdict = job::verify(&path, &Arc::default());
        assert_eq!(verdict.outcome, Outcome::Failed);
        assert_eq!(named(&verdict, "Damaged file: "), files);
    }
    assert!(seen.0 > 10 && seen.1 > 0, "files and a directory were lost: {seen:?}");
}

#[test]
fn an_image_without_its_end_gives_back_every_whole_chunk() {
    let stage = Stage::new();
    let whole = stage.dir.path().join("v.lbi");
    let image = Image::open(&whole).unwrap();
    let bytes = std::fs::read(&whole).unwrap();
    let page = image.page(0).unwrap();
    let path = stage.dir.path().join("cut.lbi");
    for (index, entry) in page.iter().enumerate().skip(1) {
        // In the middle of a chunk: it and all behind it are lost.
        std::fs::write(&path, &bytes[..(entry.end() - u64::from(entry.stored_len.get()) / 2) as usize]).unwrap();
        let (report, target) = stage.restore(&path);
        assert_eq!(report.outcome, Outcome::DoneWithWarnings, "{index}: {report:?}");
        let first = entry.first_cluster.get() * u64::from(stage.grid.cluster_bytes);
        for run in stage.used.runs() {
            let at = run.start.0 * u64::from(stage.grid.cluster_bytes);
            let end = (run.end() * u64::from(stage.grid.cluster_bytes)).min(first);
            if at < end {
                let place = at as usize..end as usize;
                assert!(target[place.clone()] == stage.volume[place], "{index}: clusters from {}", run.start);
            }
        }
        assert!(target[first as usize..].iter().all(|byte| *byte == 0xaa));
    }
}

#[test]
fn a_target_whose_superblock_is_lost_stays_marked_as_unfinished() {
    let stage = Stage::new();
    let whole = stage.dir.path().join("v.lbi");
    let first = Image::open(&whole).unwrap().page(0).unwrap()[0];
    let mut damaged = std::fs::read(&whole).unwrap();
    damaged[(first.frame_offset().0 + u64::from(first.stored_len.get()) / 2) as usize] ^= 0x55;
    let path = stage.dir.path().join("damaged.lbi");
    std::fs::write(&path, &damaged).unwrap();
    let (report, target) = stage.restore(&path);
    assert_eq!(report.outcome, Outcome::DoneWithWarnings, "{report:?}");
    assert!(report.warnings.iter().any(|warning| warning.contains("superblock) are among what is lost")), "{report:?}");
    assert!(target.starts_with(b"LIFEBOAT-UNFINISHED"));
    assert!(target[1024..2048].iter().all(|byte| *byte == 0));
}

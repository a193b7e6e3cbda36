//! Small volumes that jobs are tried on.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::{FileDevice, SharedDevice, Window};
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::{self, EntryKind, FileSystem, Kind, Probe};
use lifeboat::image;
use lifeboat::inventory::Address;
use lifeboat::job::{self, Monitor, Outcome};
use lifeboat::plan::{
    BackupRequest, ChangeRequest, ContainerAct, ContainerRequest, EditRequest, ImageTarget, JournalWish, Plan,
    RestoreRequest, Work,
};
use lifeboat::unit::{ByteLen, ByteOffset};

use crate::faults_power::Dice;
use crate::inside::stage::{Walk, try_walk};
use crate::oracle::sh;

/// A kind of volume, made as `v.img` of the files in `f`.
#[derive(Clone, Copy)]
pub(super) struct Family {
    pub(super) name: &'static str,
    script: &'static str,
    pub(super) is_large: bool,
}

pub(super) const FAT12: Family = Family {
    name: "fat12",
    script: "truncate -s 2M v.img; mkfs.fat -F 12 -s 1 v.img; mcopy -s -i v.img f/* ::/",
    is_large: false,
};
pub(super) const FAT16: Family = Family {
    name: "fat16",
    script: "truncate -s 3M v.img; mkfs.fat -F 16 -s 1 v.img; mcopy -s -i v.img f/* ::/",
    is_large: false,
};
pub(super) const FAT32: Family = Family {
    name: "fat32",
    script: "truncate -s 34M v.img; mkfs.fat -F 32 -s 1 v.img; mcopy -s -i v.img f/* ::/",
    is_large: true,
};
pub(super) const NTFS: Family = Family {
    name: "ntfs",
    script: "truncate -s 3M v.img; mkntfs -F -Q -q -s 512 -c 1024 v.img; mkdir m; ntfs-3g -o no_detach v.img m & P=$!
        until mountpoint -q m; do kill -0 $P; sleep 0.01; done; cp -r f/* m/; umount m; wait $P",
    is_large: false,
};
pub(super) const EXT2: Family = Family {
    name: "ext2",
    script: "truncate -s 2M v.img; mke2fs -q -t ext2 -b 1024 -N 64 -d f v.img",
    is_large: false,
};
pub(super) const EXT4: Family = Family {
    name: "ext4",
    script: "truncate -s 4M v.img; mke2fs -q -t ext4 -O metadata_csum,64bit -b 1024 -N 64 -d f v.img",
    is_large: false,
};

pub(super) const FAMILIES: [Family; 6] = [FAT12, FAT16, FAT32, NTFS, EXT2, EXT4];

/// Where the partition of a disk begins.
const START: u64 = 1 << 20;

/// A volume, alone or in the one partition of a disk.
pub(super) struct Yard {
    pub(super) dir: tempfile::TempDir,
    pub(super) disk: PathBuf,
    pub(super) volume: Address,
    pub(super) start: u64,
    pub(super) len: u64,
    pub(super) kind: Kind,
}

/// Bytes that no compressor makes shorter.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut dice = Dice(seed);
    (0..len).map(|_| dice.roll(256) as u8).collect()
}

fn temporary() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let in_memory = memory.is_dir().then(|| tempfile::tempdir_in(memory).ok()).flatten();
    in_memory.unwrap_or_else(|| tempfile::tempdir().unwrap())
}

impl Yard {
    pub(super) fn new(family: Family, in_partition: bool) -> Self {
        let dir = temporary();
        let files = dir.path().join("f");
        std::fs::create_dir_all(files.join("many")).unwrap();
        std::fs::write(files.join("big"), noise(3, 200_000)).unwrap();
        std::fs::write(files.join("tail"), noise(4, 60_000)).unwrap();
        let text: String = (0..12000).map(|number| format!("{number}\n")).collect();
        std::fs::write(files.join("text"), text).unwrap();
        for number in 0..20 {
            std::fs::write(files.join(format!("many/a-rather-long-name-{number}")), format!("{number}")).unwrap();
        }
        sh(dir.path(), family.script);
        std::fs::remove_dir_all(files).unwrap();
        let disk = dir.path().join("v.img");
        let len = disk.metadata().unwrap().len();
        let start = if in_partition { START } else { 0 };
        if in_partition {
            sh(
                dir.path(),
                &format!(
                    "mv v.img whole.img; truncate -s $(({START} + {len} + 1048576)) v.img
                     echo 'label: gpt\nstart={}, size={}, name=SYSTEM' | sfdisk -q v.img
                     dd if=whole.img of=v.img bs=1M seek=1 conv=notrunc,sparse status=none; rm whole.img",
                    START / 512,
                    len / 512
                ),
            );
        }
        let volume = if in_partition { Address::Partition(disk.clone(), 1) } else { Address::Whole(disk.clone()) };
        let mut yard = Self { dir, disk, volume, start, len, kind: Kind::Unknown };
        yard.kind = yard.open().summary().kind;
        yard
    }

    pub(super) fn device(&self) -> SharedDevice {
        let file = FileDevice::open(&self.disk).unwrap();
        Arc::new(Window::new(file, ByteOffset(self.start), ByteLen(self.len)).unwrap())
    }

    pub(super) fn open(&self) -> Box<dyn FileSystem> {
        let device = self.device();
        match fs::probe(&device).unwrap() {
            Probe::One(kind) => fs::open(device, kind).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Every file; none when the volume cannot be read.
    pub(super) fn walk(&self) -> Option<Walk> {
        let device = self.device();
        let Ok(Probe::One(kind)) = fs::probe(&device) else { return None };
        let system = kind.has_driver().then(|| fs::open(device, kind).ok()).flatten()?;
        try_walk(&*system).ok()
    }

    /// Where every file lies; none when the volume cannot be read.
    pub(super) fn layout(&self) -> Option<Vec<String>> {
        let device = self.device();
        let Ok(Probe::One(kind)) = fs::probe(&device) else { return None };
        let system = kind.has_driver().then(|| fs::open(device, kind).ok()).flatten()?;
        let (mut folders, mut found) = (vec![PathBuf::from("/")], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in system.tree().list(&folder).ok()? {
                let path = folder.join(&entry.name);
                match entry.kind {
                    EntryKind::Directory => folders.push(path),
                    _ => found.push(format!("{} {:?}", path.display(), system.tree().content(&path).ok())),
                }
            }
        }
        found.sort();
        Some(found)
    }

    pub(super) fn inside(&self, name: &str) -> Address {
        Address::Inside(Box::new(self.volume.clone()), name.into())
    }

    pub(super) fn run(&self, plan: &Plan) {
        let report = job::run(plan, &Arc::new(Monitor::new()));
        assert_eq!(report.outcome, Outcome::Done, "{report:#?}");
    }

    /// The request for an image inside.
    pub(super) fn request(&self, name: &str, full: bool) -> BackupRequest {
        let kind = if name == "factory" { image::Kind::Factory } else { image::Kind::User };
        let name = Some(name.to_owned());
        BackupRequest { kind, threads: 1, name, full, ..BackupRequest::new(self.volume.clone(), ImageTarget::Inside) }
    }

    pub(super) fn create(&self, name: &str, full: bool) {
        self.run(&job::plan_backup(&self.request(name, full), &Monitor::new()).unwrap());
    }

    pub(super) fn container(&self, act: ContainerAct) -> ContainerRequest {
        ContainerRequest { volume: self.volume.clone(), act }
    }

    pub(super) fn change(&self, act: ContainerAct) {
        let plan = job::plan_container(&self.container(act), &Monitor::new()).unwrap().expect("something to do");
        self.run(&plan);
    }

    /// The request for a restore of an image inside, in place.
    pub(super) fn home(&self, name: &str) -> RestoreRequest {
        RestoreRequest { threads: 1, ..RestoreRequest::home(self.inside(name)) }
    }

    pub(super) fn edit(&self, edit: EditRequest) {
        let request = ChangeRequest {
            volume: self.volume.clone(),
            name: "an edit".into(),
            edits: vec![edit],
            journal: JournalWish::InVolume,
        };
        self.run(&job::plan_change(&request, &Monitor::new()).unwrap());
    }

    pub(super) fn release(&self, name: &str) {
        self.edit(EditRequest::Release { directory: "/".into(), name: name.into() });
    }

    /// A file's clusters.
    fn content(&self, name: &str) -> Vec<Extent> {
        self.open().tree().content(&Path::new("/").join(name)).unwrap().to_vec()
    }

    /// Moves a file to the highest free run below this byte.
    pub(super) fn lift(&self, name: &str, below: u64) {
        let from = self.content(name);
        let clusters: u64 = from.iter().map(|run| run.clusters).sum();
        let edit = fs::edit::open_unchecked(self.device(), self.kind).unwrap();
        let (units, grid) = (edit.units(), self.open().grid());
        let used = edit.used().unwrap();
        let need = clusters.div_ceil(units.clusters) * units.clusters;
        let top =
            units.count.min((below / u64::from(grid.cluster_bytes)).saturating_sub(units.origin.0) / units.clusters);
        let start = |unit: u64| units.origin.0 + unit * units.clusters;
        let fits = |unit: &u64| used.runs_in(start(*unit)..start(*unit) + need).next().is_none();
        let unit = (0..=top - need / units.clusters).rev().find(fits).expect("room");
        let from: ExtentSet = from.into_iter().collect();
        self.edit(EditRequest::Relocate { from, to: vec![Extent::new(start(unit), need)] });
    }

    /// Where a new factory image would begin, its table of contents included.
    pub(super) fn begin_of_container(&self) -> u64 {
        let plan = job::plan_backup(&self.request("factory", false), &Monitor::new()).unwrap();
        let Work::Inside(work) = &plan.work else { panic!("{}", plan.headline) };
        let image = work.survey.image.as_ref().unwrap();
        let tables = image.tables.iter().flat_map(|table| &table.runs).map(|run| run.offset.0);
        let place = image.place.iter().map(|extent| work.survey.grid.offset_of(extent.start).0);
        tables.chain(place).min().unwrap()
    }

    /// Overwrites the beginning of a file's content behind the file system's back.
    pub(super) fn scribble(&self, name: &str, seed: u64) {
        let grid = self.open().grid();
        let run = self.content(name)[0];
        self.write_at(grid.offset_of(run.start).0, &noise(seed, 2000));
    }

    /// Overwrites both copies of the partition table: what lay in the partition is a place that no table names.
    pub(super) fn lose_table(&mut self) {
        self.write_disk(0, &[0; 34 * 512]);
        let end = self.disk.metadata().unwrap().len();
        self.write_disk(end - 33 * 512, &[0; 33 * 512]);
        self.volume = Address::At(self.disk.clone(), self.start);
    }

    /// Writes into the volume.
    pub(super) fn write_at(&self, at: u64, bytes: &[u8]) {
        self.write_disk(self.start + at, bytes);
    }

    pub(super) fn write_disk(&self, at: u64, bytes: &[u8]) {
        OpenOptions::new().write(true).open(&self.disk).unwrap().write_all_at(bytes, at).unwrap();
    }
}

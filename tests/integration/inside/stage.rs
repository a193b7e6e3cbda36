//! A volume with a container, and those who judge it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::{FileDevice, ReadDevice, SharedDevice};
use lifeboat::error::{Error, Result};
use lifeboat::fs::{self, EntryKind, FileSystem, Kind, Probe};
use lifeboat::image::{self, Image};
use lifeboat::inventory::{Address, Container, container_of, open_source};
use lifeboat::job::{self, Monitor, Outcome, Report};
use lifeboat::plan::{BackupRequest, ContainerAct, ContainerRequest, ImageTarget, Plan};
use lifeboat::unit::ByteOffset;

use crate::check_ntfs::ntfsresize_is_content;
use crate::oracle::sh_output;
use crate::zoo::Shape;

/// Every file and directory: path, length, time, attributes, streams, digest.
pub(crate) type Walk = Vec<String>;

pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) image: PathBuf,
}

impl Stage {
    pub(crate) fn new(shape: &Shape) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let image = shape.make(dir.path());
        Self { name: shape.name.into(), dir, image }
    }

    pub(crate) fn address(&self) -> Address {
        Address::Whole(self.image.clone())
    }

    pub(crate) fn request(&self, kind: image::Kind) -> BackupRequest {
        BackupRequest { kind, threads: 1, ..BackupRequest::new(self.address(), ImageTarget::Inside) }
    }

    pub(crate) fn plan(&self, request: &BackupRequest) -> Result<Plan> {
        job::plan_backup(request, &Monitor::new())
    }

    pub(crate) fn run(&self, plan: &Plan) -> Report {
        job::run(plan, &Arc::new(Monitor::new()))
    }

    /// Makes an image, which must work, and judges the volume.
    pub(crate) fn create(&self, request: &BackupRequest) {
        let what = format!("{}: a {} image", self.name, request.kind.name());
        let before = self.walk();
        let plan = self.plan(request).unwrap_or_else(|error| panic!("{what}: {error}"));
        self.done(&self.run(&plan), &what);
        assert!(self.walk() == before, "{what}: the files are what they were");
        self.judge(&what);
    }

    pub(crate) fn drop_image(&self, name: &str) -> Result<Report> {
        self.change(ContainerAct::Drop(name.into()))
    }

    pub(crate) fn change(&self, act: ContainerAct) -> Result<Report> {
        let request = ContainerRequest { volume: self.address(), act };
        let plan = job::plan_container(&request, &Monitor::new())?.expect("there is something to do");
        Ok(self.run(&plan))
    }

    pub(crate) fn done(&self, report: &Report, what: &str) {
        assert_eq!(report.outcome, Outcome::Done, "{what}: {report:#?}");
    }

    pub(crate) fn container(&self) -> Option<Container> {
        container_of(&open_source(&self.address()).unwrap(), &self.address()).unwrap()
    }

    pub(crate) fn walk(&self) -> Walk {
        let (_, volume) = open(&self.image);
        walk(&*volume)
    }

    /// What strangers and our own check say.
    pub(crate) fn judge(&self, what: &str) {
        judge(self.dir.path(), &self.image, what);
    }

    /// The names of the images inside, and of the tables, by their places.
    pub(crate) fn order(&self) -> Vec<String> {
        self.container()
            .map_or_else(Vec::new, |container| container.toc.files.iter().map(|file| file.name.clone()).collect())
    }

    /// An image inside is the volume of this walk, and strangers call it sound.
    pub(crate) fn prove(&self, name: &str, expected: &Walk) {
        let (walk, out) = self.restored(name);
        assert!(walk == *expected, "{}: the image {name} has the files of then", self.name);
        std::fs::remove_file(out).unwrap();
    }

    /// The files of an image inside, and its volume as a file, which strangers call sound.
    pub(crate) fn restored(&self, name: &str) -> (Walk, PathBuf) {
        let what = format!("{}: the image {name}", self.name);
        let image = self.open(name);
        assert!(image.damage().is_empty(), "{what}: {:?}", image.damage());
        let kind = image.header().volume.kind;
        let device = image.volume().unwrap();
        let volume = fs::open(device.clone(), kind).unwrap();
        assert!(volume.tree().entry(Path::new("/LIFEBOAT")).is_err(), "{what}: has no container in it");
        let out = self.dir.path().join("restored.img");
        let file = std::fs::File::create(&out).unwrap();
        let mut bytes = vec![0; 1 << 20];
        let len = device.len().0;
        for at in (0..len).step_by(1 << 20) {
            let now = (len - at).min(1 << 20) as usize;
            device.read_at(ByteOffset(at), &mut bytes[..now]).unwrap();
            if bytes[..now].iter().any(|byte| *byte != 0) {
                std::os::unix::fs::FileExt::write_all_at(&file, &bytes[..now], at).unwrap();
            }
        }
        file.set_len(len).unwrap();
        judge(self.dir.path(), &out, &what);
        (walk(&*volume), out)
    }

    /// An image inside, with all it needs.
    pub(crate) fn open(&self, name: &str) -> Image {
        let container = self.container().expect("a container");
        let id = container.find(name).unwrap_or_else(|| panic!("{}: no image {name}", self.name)).record.image_id;
        let mut image = container.open(id).unwrap();
        while let Some(base) = image.needs_base() {
            image = image.with_base(Arc::new(container.open(base).unwrap())).unwrap();
        }
        image
    }

    /// The container lies in one run at the volume's end, or right below what cannot move.
    pub(crate) fn is_contiguous(&self) -> bool {
        let container = self.container().expect("a container");
        let runs: Vec<_> = container.toc.runs().collect();
        let grid = container.toc.volume.grid;
        let cluster = u64::from(grid.cluster_bytes);
        runs.windows(2).all(|pair| {
            let end = pair[0].offset.0 + pair[0].len.0;
            end.next_multiple_of(cluster) == pair[1].offset.0 || end.next_multiple_of(64 << 10) >= pair[1].offset.0
        })
    }
}

pub(crate) fn open(image: &Path) -> (SharedDevice, Box<dyn FileSystem>) {
    let device: SharedDevice = Arc::new(FileDevice::open(image).unwrap());
    let Probe::One(kind) = fs::probe(&device).unwrap() else { panic!("{}", image.display()) };
    (device.clone(), fs::open(device, kind).unwrap())
}

pub(crate) fn walk(volume: &dyn FileSystem) -> Walk {
    try_walk(volume).unwrap()
}

/// The same of a volume that may be damaged.
pub(crate) fn try_walk(volume: &dyn FileSystem) -> Result<Walk> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("/")];
    while let Some(folder) = folders.pop() {
        for entry in volume.tree().list(&folder)? {
            let path = folder.join(&entry.name);
            if path.starts_with("/LIFEBOAT") {
                continue;
            }
            let mut line = format!("{} {entry:?}", path.display());
            match entry.kind {
                EntryKind::Directory => folders.push(path),
                EntryKind::File => {
                    let mut hasher = blake3::Hasher::new();
                    let cannot = |error| Error::io("reading a file", error);
                    std::io::copy(&mut volume.tree().open(&path)?, &mut hasher).map_err(cannot)?;
                    line += &format!(" {}", hasher.finalize());
                }
                _ => {}
            }
            found.push(line);
        }
    }
    found.sort();
    Ok(found)
}

/// Our check must find nothing worse than a note, and strangers nothing at all.
pub(crate) fn judge(dir: &Path, image: &Path, what: &str) {
    let (device, volume) = open(image);
    let kind = volume.summary().kind;
    let source = job::CheckSource { device, mounted_at: Vec::new(), place: None, deep: false };
    let checked = job::check(&source, &Monitor::new()).unwrap();
    assert!(checked.sound, "{what}: {:?}", checked.found.list);
    if what.contains("not-mirrored") {
        // fsck.fat knows nothing of copies of the FAT that are switched off.
        return;
    }
    let path = image.display();
    let script = match kind {
        Kind::Fat12 | Kind::Fat16 | Kind::Fat32 => format!("fsck.fat -n {path}"),
        Kind::Ntfs => format!("ntfsinfo -fm {path} >/dev/null; ntfsresize --info --force --force {path} 2>&1"),
        _ => format!("e2fsck -fn {path} 2>&1"),
    };
    let output = sh_output(dir, &script);
    let text = String::from_utf8_lossy(&output.stdout);
    let content = match kind {
        Kind::Ntfs => ntfsresize_is_content(&text, output.status.success()),
        _ => output.status.success(),
    };
    assert!(content, "{what}: a stranger says\n{text}\n{}", String::from_utf8_lossy(&output.stderr));
}

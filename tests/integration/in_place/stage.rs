//! A disk with one partition, and in it a volume that holds its own image.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::{FileDevice, SharedDevice, Window};
use lifeboat::extent::Extent;
use lifeboat::fs::{self, EntryKind, FileSystem, Kind, Probe};
use lifeboat::image::Image;
use lifeboat::image::container::{
    FOLDER, FileRecord, ImageRecord, Role, TOC_BEGIN, TOC_END, Toc, VolumeRecord, encode,
};
use lifeboat::inventory::{Address, LocateRequest, Thoroughness, locate, open_source};
use lifeboat::job::{self, Monitor, Outcome, Report};
use lifeboat::plan::{
    BackupRequest, ChangeRequest, Differing, EditRequest, ImageTarget, JournalWish, Plan, RestoreRequest, Work,
};
use lifeboat::unit::{ByteLen, ByteOffset};
use lifeboat::volume::ByteRange;

use crate::oracle::{sh, sh_output};
use crate::zoo::Shape;

/// Where the partition begins.
pub(super) const START: u64 = 1 << 20;
/// Bytes of a table of contents.
const ROOM: u64 = 16 << 10;

pub(super) struct Stage {
    pub(super) name: String,
    pub(super) dir: tempfile::TempDir,
    pub(super) disk: PathBuf,
    pub(super) toc: Toc,
    used_bytes: u64,
}

/// Does something with a stage of each shape; the shapes that fail are told together.
pub(super) fn each(names: &[&str], act: impl Fn(&mut Stage)) {
    each_of(names, |name| act(&mut Stage::make(name)));
}

/// The same, for those who make their own.
pub(super) fn each_of(names: &[&str], act: impl Fn(&str)) {
    let failed: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| {
            let once = std::panic::AssertUnwindSafe(|| act(name));
            std::panic::catch_unwind(once).is_err()
        })
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}

/// NTFS with room: the zoo's volumes are filled from end to end.
const ROOMY: Shape = Shape {
    name: "ntfs-roomy",
    script: "truncate -s 64M $IMG; mkntfs -F -Q -q -c 4096 -L SYSTEM $IMG >/dev/null 2>&1; M=$IMG.mnt; mkdir -p $M
        ntfs-3g -o no_detach $IMG $M & P=$!; trap 'cd /; umount $M 2>/dev/null; wait $P' EXIT
        until mountpoint -q $M; do kill -0 $P; sleep 0.02; done; mkdir -p $M/a/b; cd $M/a/b
        for n in $(seq 1 60); do head -c $((n * 1711)) /dev/urandom > file-$n; done; head -c 900000 /dev/urandom > large
        cd /; umount $M; wait $P; trap - EXIT; rmdir $M",
};

pub(super) fn shape(name: &str) -> &'static Shape {
    let zoo = crate::zoo::fat::SHAPES.iter().chain(crate::zoo::ntfs::SHAPES).chain(crate::zoo::ext::SHAPES);
    zoo.chain([&ROOMY]).find(|shape| shape.name == name).unwrap()
}

impl Stage {
    /// A disk with the volume of this shape, and its factory image at the volume's end.
    pub(super) fn make(name: &str) -> Self {
        Self::of(shape(name))
    }

    pub(super) fn of(shape: &Shape) -> Self {
        let mut stage = Self::bare(shape);
        stage.put_inside("factory");
        stage
    }

    /// The same without an image.
    pub(super) fn bare(shape: &Shape) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let volume = shape.make(dir.path());
        let disk = dir.path().join("disk.img");
        let len = volume.metadata().unwrap().len();
        sh(
            dir.path(),
            &format!(
                "truncate -s $(({START} + {len} + 1048576)) disk.img
                 echo 'label: gpt\nstart={}, size={}, name=SYSTEM' | sfdisk -q disk.img
                 dd if={} of=disk.img bs=1M seek=1 conv=notrunc,sparse status=none",
                START / 512,
                len / 512,
                volume.display()
            ),
        );
        std::fs::remove_file(&volume).unwrap();
        let toc = Toc {
            container_id: uuid::Uuid::new_v4(),
            sequence: 1,
            written: jiff::Timestamp::UNIX_EPOCH,
            volume: VolumeRecord {
                kind: Kind::Unknown,
                id: None,
                label: None,
                bytes: len,
                start_bytes: START,
                grid: lifeboat::unit::Grid { cluster_bytes: 512, clusters: len / 512 },
            },
            partition: None,
            table: None,
            boot: Vec::new(),
            files: Vec::new(),
            images: Vec::new(),
        };
        let mut stage = Self { name: shape.name.into(), dir, disk, toc, used_bytes: 0 };
        stage.toc.volume.kind = stage.open().summary().kind;
        stage
    }

    pub(super) fn volume(&self) -> Address {
        Address::Partition(self.disk.clone(), 1)
    }

    pub(super) fn address(&self, name: &str) -> Address {
        Address::Inside(Box::new(self.volume()), name.into())
    }

    pub(super) fn device(&self) -> SharedDevice {
        let file = FileDevice::open(&self.disk).unwrap();
        Arc::new(Window::new(file, ByteOffset(START), ByteLen(self.toc.volume.bytes)).unwrap())
    }

    pub(super) fn open(&self) -> Box<dyn FileSystem> {
        let device = self.device();
        match fs::probe(&device).unwrap() {
            Probe::One(kind) => fs::open(device, kind).unwrap(),
            other => panic!("{}: {other:?}", self.name),
        }
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    /// Images the volume, and puts the image into its highest free run.
    fn put_inside(&mut self, name: &str) {
        let monitor = Arc::new(Monitor::new());
        let file = self.dir.path().join(format!("{name}.lbi"));
        let mut request = BackupRequest::new(self.volume(), ImageTarget::File(file.clone()));
        request.name = Some(name.into());
        request.kind = lifeboat::image::Kind::Factory;
        let plan = job::plan_backup(&request, &monitor).unwrap();
        let report = job::run(&plan, &monitor);
        assert_eq!(report.outcome, Outcome::Done, "{}: {report:?}", self.name);
        let image = Image::open(&file).unwrap();
        let header = image.header().clone();
        let system = self.open();
        self.used_bytes = system.grid().bytes_of(system.used().unwrap().used()).0;
        let summary = system.summary().clone();
        self.toc.volume.kind = summary.kind;
        self.toc.volume.id = summary.id;
        self.toc.volume.grid = system.grid();
        self.toc.partition = header.partition.clone();
        self.toc.table = table(&self.disk);
        self.toc.images.push(ImageRecord {
            name: name.into(),
            image_id: header.image_id,
            base_id: None,
            kind: header.kind,
            created: header.created,
            bytes: image.bytes(),
            parts: 1,
            scattered: false,
            digest: image.digest().unwrap(),
            header: None,
        });
        let bytes = std::fs::read(&file).unwrap();
        let runs = self.room(&[ROOM, bytes.len() as u64, ROOM], &[]);
        let part = Role::Part { image: header.image_id, number: 0 };
        let files = [
            (TOC_BEGIN, Role::TocBegin, ROOM),
            ("factory.lbi", part, bytes.len() as u64),
            (TOC_END, Role::TocEnd, ROOM),
        ];
        let files = files.into_iter().zip(runs);
        self.toc.files = files
            .map(|((name, role, bytes), run)| FileRecord { name: name.into(), role, bytes, runs: vec![run] })
            .collect();
        self.write_at(self.toc.files[1].runs[0].offset.0, &bytes);
        self.write_tables();
        let edits = self.toc.files.iter().map(|file| EditRequest::Adopt {
            directory: Path::new("/").join(FOLDER),
            name: file.name.clone(),
            extents: self.extents(&file.runs),
            len: ByteLen(file.bytes),
        });
        let edits = edits.collect();
        self.change("making the container", edits);
    }

    fn extents(&self, runs: &[ByteRange]) -> Vec<Extent> {
        let cluster = u64::from(self.toc.volume.grid.cluster_bytes);
        runs.iter().map(|run| Extent::new(run.offset.0 / cluster, run.len.0 / cluster)).collect()
    }

    fn change(&self, name: &str, edits: Vec<EditRequest>) {
        let monitor = Arc::new(Monitor::new());
        let journal = self.dir.path().join(format!("{}.journal", uuid::Uuid::new_v4()));
        let request =
            ChangeRequest { volume: self.volume(), name: name.into(), edits, journal: JournalWish::File(journal) };
        let plan = job::plan_change(&request, &monitor).unwrap();
        let report = job::run(&plan, &monitor);
        assert_eq!(report.outcome, Outcome::Done, "{}: {report:?}", self.name);
    }

    fn write_tables(&self) {
        for file in self.toc.files.iter().filter(|file| file.role.is_toc()) {
            let start = file.runs[0].offset;
            let mut bytes = encode(&self.toc, start, ByteLen(file.bytes)).unwrap();
            bytes.resize(file.bytes as usize, 0);
            self.write_at(start.0, &bytes);
        }
    }

    /// Free runs side by side, as high as possible, that keep away from `not`.
    fn room(&self, lens: &[u64], not: &[ByteRange]) -> Vec<ByteRange> {
        let edit = fs::edit::open_unchecked(self.device(), self.open().summary().kind).unwrap();
        let (units, grid) = (edit.units(), self.open().grid());
        let unit = grid.bytes_of(units.clusters).0;
        let used = edit.used().unwrap();
        let need: u64 = lens.iter().map(|len| len.div_ceil(unit)).sum();
        let fits = |first: u64| {
            let start = units.origin.0 + first * units.clusters;
            let end = start + need * units.clusters;
            let clash = |range: &ByteRange| {
                range.offset.0 < grid.bytes_of(end).0 && grid.bytes_of(start).0 < range.offset.0 + range.len.0
            };
            used.runs_in(start..end).next().is_none() && !not.iter().any(clash)
        };
        let first = (0..=units.count - need).rev().find(|first| fits(*first)).expect("room");
        let mut at = grid.bytes_of(units.origin.0 + first * units.clusters).0;
        let runs = lens.iter().map(|len| {
            let run = ByteRange { offset: ByteOffset(at), len: ByteLen(len.div_ceil(unit) * unit) };
            at += run.len.0;
            run
        });
        runs.collect()
    }

    /// Writes into the volume.
    pub(super) fn write_at(&self, at: u64, bytes: &[u8]) {
        let file = OpenOptions::new().write(true).open(&self.disk).unwrap();
        file.write_all_at(bytes, START + at).unwrap();
    }

    pub(super) fn write_disk(&self, at: u64, bytes: &[u8]) {
        let file = OpenOptions::new().write(true).open(&self.disk).unwrap();
        file.write_all_at(bytes, at).unwrap();
    }

    /// Damages files here and there.
    pub(super) fn scribble(&self, seed: u64) {
        let system = self.open();
        for (number, (path, kind)) in (seed + 1..).zip(all_but_the_images(&*system)) {
            let Some(run) = system.tree().content(&path).ok().and_then(|runs| runs.first().copied()) else { continue };
            if number.is_multiple_of(7) && kind == EntryKind::File {
                self.write_at(system.grid().offset_of(run.start).0, &[number as u8; 100]);
            }
        }
    }

    /// Moves the container to where the image's volume has its files: the image's clusters go elsewhere first. The
    /// volume stays sound, and today is not what the image has.
    pub(super) fn collide(&mut self) {
        let target = self.largest_file();
        self.change(
            "dropping a file",
            vec![EditRequest::Release {
                directory: target.0.parent().unwrap().into(),
                name: target.0.file_name().unwrap().to_string_lossy().into_owned(),
            }],
        );
        // Its clusters are free now, and the image has them: the container's last table goes there.
        let run = target.1.into_iter().find(|run| run.len.0 >= 2 * ROOM).expect("a run that is long enough");
        let grid = self.toc.volume.grid;
        let mut file = self.toc.files[2].clone();
        let units = fs::edit::open_unchecked(self.device(), self.toc.volume.kind).unwrap().units();
        let unit = grid.bytes_of(units.clusters).0;
        file.runs = vec![ByteRange { offset: run.offset, len: ByteLen(ROOM.div_ceil(unit) * unit) }];
        let part = self.split_part(run, file.runs[0].len.0, unit);
        let folder = Path::new("/").join(FOLDER);
        let moved = |file: &FileRecord| {
            let (directory, name) = (folder.clone(), file.name.clone());
            let adopt = EditRequest::Adopt {
                directory: directory.clone(),
                name: name.clone(),
                extents: self.extents(&file.runs),
                len: ByteLen(file.bytes),
            };
            [EditRequest::Release { directory, name }, adopt]
        };
        self.change("moving a table and a part", [moved(&file), moved(&part)].concat());
        self.toc.files[1] = part;
        self.toc.files[2] = file;
        self.toc.sequence += 1;
        self.write_tables();
    }

    /// The image's part, its first bytes behind the table's in this run: that is where its header is.
    fn split_part(&self, run: ByteRange, table: u64, unit: u64) -> FileRecord {
        let mut part = self.toc.files[1].clone();
        let bytes = std::fs::read(self.dir.path().join(&part.name)).unwrap();
        let head = (run.len.0 - table).min(part.bytes / 2) / unit * unit;
        assert!(head > 0, "{}: a run that is long enough", self.name);
        let at = run.offset.0 + table;
        self.write_at(at, &bytes[..head as usize]);
        let old = part.runs[0];
        part.runs = vec![
            ByteRange { offset: ByteOffset(at), len: ByteLen(head) },
            ByteRange { offset: ByteOffset(old.offset.0 + head), len: ByteLen(old.len.0 - head) },
        ];
        part
    }

    fn largest_file(&self) -> (PathBuf, Vec<ByteRange>) {
        let system = self.open();
        let grid = system.grid();
        let mut best: Option<(u64, PathBuf, Vec<ByteRange>)> = None;
        for (path, kind) in all_but_the_images(&*system) {
            let Ok(runs) = system.tree().content(&path) else { continue };
            let runs: Vec<ByteRange> = runs
                .iter()
                .map(|run| ByteRange { offset: grid.offset_of(run.start), len: grid.bytes_of(run.clusters) })
                .collect();
            let longest = runs.iter().map(|run| run.len.0).max().unwrap_or(0);
            if kind == EntryKind::File && best.as_ref().is_none_or(|(len, _, _)| *len < longest) {
                best = Some((longest, path, runs));
            }
        }
        best.map(|(_, path, runs)| (path, runs)).unwrap()
    }

    pub(super) fn plan(&self, request: &RestoreRequest) -> Plan {
        job::plan_restore(request, &Monitor::new()).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    pub(super) fn restore(&self, request: &RestoreRequest) -> (Differing, Report) {
        let plan = self.plan(request);
        let Work::RestoreInPlace(work) = &plan.work else { panic!("{}: {}", self.name, plan.headline) };
        (work.survey.differing, job::run(&plan, &Arc::new(Monitor::new())))
    }

    /// Names and digests of the images inside.
    pub(super) fn images(&self) -> Vec<String> {
        let request =
            LocateRequest { sources: vec![self.volume()], aids: Vec::new(), thoroughness: Thoroughness::Full };
        let containers = locate(&request, &Monitor::new()).unwrap();
        let images = containers.iter().flat_map(|container| &container.images);
        images.map(|image| format!("{} {} {:?}", image.record.name, image.record.digest, image.damage)).collect()
    }

    /// The volume is as it was, every judge is content, and the images are inside, and whole.
    pub(super) fn expect(&self, walk: &[String]) {
        self.judge();
        assert_eq!(self.walk(), walk, "{}", self.name);
        let record = &self.toc.images[0];
        assert_eq!(self.images(), [format!("{} {} []", record.name, record.digest)], "{}", self.name);
        let tree = self.open();
        let names = tree.tree().list(&Path::new("/").join(FOLDER)).unwrap().len();
        assert_eq!(names, self.toc.files.len(), "{}", self.name);
        let (_, image) = lifeboat::inventory::open_image(&self.address("factory"), &Monitor::new()).unwrap();
        assert!(image.damage().is_empty());
        let copy = self.dir.path().join("inside.lbi");
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(
            &mut tree.tree().open(&Path::new("/").join(FOLDER).join("factory.lbi")).unwrap(),
            &mut bytes,
        )
        .unwrap();
        std::fs::write(&copy, &bytes).unwrap();
        assert_eq!(job::verify(&copy, &Arc::new(Monitor::new())).outcome, Outcome::Done, "{}", self.name);
        assert!(bytes == std::fs::read(self.dir.path().join("factory.lbi")).unwrap(), "{}: the image", self.name);
    }

    /// The stranger's checker, and ours.
    pub(super) fn judge(&self) {
        let dir = self.dir.path();
        sh(
            dir,
            &format!(
                "dd if=disk.img of=volume.img bs=1M iflag=skip_bytes,count_bytes skip={START} count={} conv=sparse status=none",
                self.toc.volume.bytes
            ),
        );
        match self.toc.volume.kind {
            Kind::Fat12 | Kind::Fat16 | Kind::Fat32 => drop(sh(dir, "fsck.fat -n volume.img")),
            Kind::Ntfs => drop(sh(dir, "ntfsfix -n volume.img && ntfsinfo -m volume.img >/dev/null")),
            _ => drop(sh(dir, "e2fsck -fn volume.img")),
        }
        let checked = job::check(&open_source(&self.volume()).unwrap().into(), &Monitor::new()).unwrap();
        assert!(checked.sound, "{}: {:?}", self.name, checked.found);
    }

    /// Every file: its path, length, time, attributes and digest, but for the container's.
    pub(super) fn walk(&self) -> Vec<String> {
        walk(&*self.open())
    }

    pub(super) fn walk_or_error(&self) -> Vec<String> {
        let device = self.device();
        match fs::probe(&device) {
            Ok(Probe::One(kind)) if kind.has_driver() => {
                fs::open(device, kind).map(|volume| walk(&*volume)).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// Runs the binary, which must end with this code; gives what it prints.
    pub(super) fn lifeboat(&self, arguments: &str, code: i32) -> String {
        let binary = env!("CARGO_BIN_EXE_lifeboat");
        let output = sh_output(self.dir.path(), &format!("{binary} --log log {arguments} </dev/null"));
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let all = said(&output.stdout) + &said(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments}: {all}");
        all
    }

    pub(super) fn open_file(&self, path: &Path) -> Box<dyn FileSystem> {
        let device: SharedDevice = Arc::new(FileDevice::open(path).unwrap());
        fs::open(device, self.toc.volume.kind).unwrap()
    }
}

fn table(disk: &Path) -> Option<serde_json::Value> {
    let device: SharedDevice = Arc::new(FileDevice::open(disk).unwrap());
    let copy = lifeboat::table::capture(&device).unwrap()?;
    Some(serde_json::to_value(copy).unwrap())
}

pub(super) fn walk(volume: &dyn FileSystem) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from("/")];
    while let Some(directory) = open.pop() {
        for entry in volume.tree().list(&directory).unwrap_or_default() {
            let path = directory.join(&entry.name);
            let text = path.display().to_string();
            if text.to_uppercase() == "/LIFEBOAT" {
                continue;
            }
            let mut digest = None;
            if entry.kind == EntryKind::Directory {
                open.push(path.clone());
            } else if let Ok(mut content) = volume.tree().open(&path) {
                let mut hasher = blake3::Hasher::new();
                std::io::copy(&mut content, &mut hasher).unwrap();
                digest = Some(hasher.finalize());
            }
            found.push(format!("{text} {} {:?} {:?} {digest:?}", entry.bytes, entry.modified, entry.attributes));
        }
    }
    found.sort();
    found
}

/// All that the volume's folders hold but folders and the container's files.
fn all_but_the_images(system: &dyn FileSystem) -> Vec<(PathBuf, EntryKind)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("/")];
    while let Some(folder) = folders.pop() {
        for entry in system.tree().list(&folder).unwrap() {
            let path = folder.join(&entry.name);
            match entry.kind {
                _ if entry.name.to_string_lossy().eq_ignore_ascii_case(FOLDER) => {}
                EntryKind::Directory => folders.push(path),
                kind => found.push((path, kind)),
            }
        }
    }
    found
}

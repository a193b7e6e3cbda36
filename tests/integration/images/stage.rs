//! A disk with a volume that carries a container, made by hand.

use std::fs::OpenOptions;
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Arc;

use lifeboat::error::Result;
use lifeboat::extent::Extent;
use lifeboat::fs::edit;
use lifeboat::image::container::{FileRecord, ImageRecord, Role, Toc, VolumeRecord, encode, inter_name};
use lifeboat::image::format::{Content, Entry};
use lifeboat::image::{Header, Image, ImageWriter, Sink};
use lifeboat::inventory::{Address, Source, open_source};
use lifeboat::job::{self, Monitor};
use lifeboat::plan::{ChangeRequest, EditRequest, JournalWish};
use lifeboat::unit::{ByteLen, ByteOffset};
use lifeboat::volume::ByteRange;
use uuid::Uuid;

use crate::oracle::{lifeboat, sh};

/// All of these in a long run, else the first.
pub(super) fn soon(families: &[Family]) -> &[Family] {
    if crate::oracle::long() { families } else { &families[..1] }
}

/// Where the first partition begins.
pub(super) const START: u64 = 1 << 20;
/// What a table of contents gets.
const TOC_BYTES: u64 = 64 << 10;

/// A family: how its volume `v.img` is made of the files in `f`.
#[derive(Clone, Copy)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) script: &'static str,
}

pub(super) const FAT32: Family = Family {
    name: "fat32",
    script: "truncate -s 36M v.img; mkfs.fat -F 32 -s 1 -n RESCUE v.img >/dev/null; mcopy -s -i v.img f/* ::/",
};
pub(super) const FAT16: Family = Family {
    name: "fat16",
    script: "truncate -s 8M v.img; mkfs.fat -F 16 -s 2 -n RESCUE v.img >/dev/null; mcopy -s -i v.img f/* ::/",
};
pub(super) const NTFS: Family = Family {
    name: "ntfs",
    script: "truncate -s 16M v.img; mkntfs -F -Q -q -c 4096 -L RESCUE v.img >/dev/null 2>&1
             for name in one two; do ntfscp -f -q v.img f/$name $name >/dev/null; done",
};
pub(super) const EXT4: Family =
    Family { name: "ext4", script: "truncate -s 16M v.img; mke2fs -q -t ext4 -b 1024 -L RESCUE -d f v.img" };
pub(super) const FAMILIES: [Family; 4] = [FAT32, FAT16, NTFS, EXT4];

/// A disk in a folder.
pub(super) struct Stage {
    pub(super) dir: tempfile::TempDir,
    /// The table of contents, as it was written.
    pub(super) toc: Toc,
    /// The disk as it was made.
    pub(super) first: Vec<u8>,
}

/// An image that takes every chunk from its base.
struct Bytes(Vec<u8>);

impl Sink for Bytes {
    fn room(&mut self, _: u64) -> Result<Option<u32>> {
        Ok(None)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

impl Stage {
    /// A disk `disk.img` with one partition, in which a factory image and a user image lie, in the order of the design:
    /// `toc-begin | user | inter | factory | toc-end`. The user image has no chunk of its own.
    pub(super) fn new(family: Family) -> Self {
        let mut stage = Self::bare(family);
        stage.build("disk.img:1");
        stage.first = std::fs::read(stage.disk()).unwrap();
        stage
    }

    /// The same without a container.
    pub(super) fn bare(family: Family) -> Self {
        let dir = tempfile::tempdir().unwrap();
        sh(
            dir.path(),
            &format!(
                "mkdir f; head -c 200000 /dev/urandom > f/one; seq 20000 > f/two; {}
                 len=$(( $(stat -c %s v.img) / 512 ))
                 truncate -s $(( (len + 4096) * 512 )) disk.img
                 printf 'label: gpt\\nstart=2048,size=%s\\n' $len | sfdisk -q disk.img
                 dd if=v.img of=disk.img bs=1M seek=1 conv=notrunc status=none",
                family.script
            ),
        );
        Self { dir, toc: empty_toc(), first: Vec::new() }
    }

    pub(super) fn disk(&self) -> PathBuf {
        self.dir.path().join("disk.img")
    }

    pub(super) fn address(&self, text: &str) -> Address {
        let path = self.dir.path().join(text);
        path.to_str().unwrap().parse().unwrap()
    }

    /// Builds the container into the volume at this address.
    fn build(&mut self, address: &str) {
        self.run(&format!("backup {address} --to factory.lbi --kind factory --name factory"), 0);
        let factory = std::fs::read(self.dir.path().join("factory.lbi")).unwrap();
        let user = referring(&self.dir.path().join("factory.lbi"));
        std::fs::write(self.dir.path().join("user.lbi"), &user).unwrap();
        let source = open_source(&self.address(address)).unwrap();
        let id = |bytes: &[u8]| {
            let image = Image::from_device(Arc::new(lifeboat::device::MemoryDevice::new(bytes.to_vec())), 1).unwrap();
            (image.header().clone(), image.digest().unwrap())
        };
        let headers = [id(&factory), id(&user)];
        let part = |number: usize| Role::Part { image: headers[number].0.image_id, number: 0 };
        let toc_room = vec![0; TOC_BYTES as usize];
        let files = [
            ("toc-begin.lbc".to_owned(), Role::TocBegin, toc_room.clone()),
            ("user.lbi".to_owned(), part(1), user),
            (inter_name(1), Role::Inter, toc_room.clone()),
            ("factory.lbi".to_owned(), part(0), factory),
            ("toc-end.lbc".to_owned(), Role::TocEnd, toc_room),
        ];
        let records = place(&source, &files.clone().map(|(name, role, bytes)| (name, role, bytes.len() as u64)));
        self.toc = Toc {
            container_id: Uuid::new_v4(),
            sequence: 7,
            written: jiff::Timestamp::UNIX_EPOCH,
            volume: VolumeRecord {
                kind: headers[0].0.volume.kind,
                id: headers[0].0.volume.id.clone(),
                label: headers[0].0.volume.label.clone(),
                bytes: source.place.len.0,
                start_bytes: source.place.start.0,
                grid: headers[0].0.grid,
            },
            partition: headers[0].0.partition.clone(),
            table: Some(serde_json::json!("table")),
            boot: Vec::new(),
            images: headers
                .iter()
                .zip(["factory", "user"])
                .map(|(head, name)| record(&head.0, &head.1, name, &files))
                .collect(),
            files: records,
        };
        self.adopt(address);
        let disk = OpenOptions::new().write(true).open(self.disk()).unwrap();
        for ((.., bytes), file) in files.iter().zip(&self.toc.files) {
            disk.write_all_at(bytes, source.place.start.0 + file.runs[0].offset.0).unwrap();
        }
        self.write_tocs(source.place.start.0);
    }

    /// Makes the container's files of their clusters.
    fn adopt(&self, address: &str) {
        let grid = self.toc.volume.grid;
        let adopt = |file: &FileRecord| EditRequest::Adopt {
            directory: "/LIFEBOAT".into(),
            name: file.name.clone(),
            extents: file
                .runs
                .iter()
                .map(|run| {
                    Extent::new(run.offset.0 / u64::from(grid.cluster_bytes), run.len.0 / u64::from(grid.cluster_bytes))
                })
                .collect(),
            len: ByteLen(file.bytes),
        };
        let request = ChangeRequest {
            volume: self.address(address),
            name: "making a container".into(),
            edits: self.toc.files.iter().map(adopt).collect(),
            journal: JournalWish::File(self.dir.path().join("journal")),
        };
        let plan = job::plan_change(&request, &Monitor::new()).unwrap();
        let report = job::run(&plan, &Arc::new(Monitor::new()));
        assert_eq!(report.outcome, job::Outcome::Done, "{report:?}");
        std::fs::remove_file(self.dir.path().join("journal")).unwrap();
    }

    /// Writes all copies of the table of contents, for a volume that begins at `start`.
    pub(super) fn write_tocs(&self, start: u64) {
        let disk = OpenOptions::new().write(true).open(self.disk()).unwrap();
        for file in self.toc.files.iter().filter(|file| file.role.is_toc()) {
            let at = file.runs[0].offset;
            let mut bytes = encode(&self.toc, at, ByteLen(file.bytes)).unwrap();
            bytes.resize(file.bytes as usize, 0);
            disk.write_all_at(&bytes, start + at.0).unwrap();
        }
    }

    /// Puts the disk back to what it was made as.
    pub(super) fn reset(&self) {
        std::fs::write(self.disk(), &self.first).unwrap();
    }

    /// Overwrites ranges of the disk.
    pub(super) fn destroy(&self, ranges: &[Range<u64>], how: How) {
        let disk = OpenOptions::new().write(true).open(self.disk()).unwrap();
        for range in ranges {
            let mut bytes = vec![0; (range.end - range.start) as usize];
            if how == How::Random {
                std::fs::File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
            }
            disk.write_all_at(&bytes, range.start).unwrap();
        }
    }

    /// Where a file of the container lies on the disk, its first run.
    pub(super) fn place_of(&self, name: &str) -> Range<u64> {
        let file = self.toc.files.iter().find(|file| file.name == name).unwrap();
        let at = START + file.runs[0].offset.0;
        at..at + file.bytes
    }

    /// Where the container begins on the disk.
    pub(super) fn begin(&self) -> u64 {
        self.place_of("toc-begin.lbc").start
    }

    pub(super) fn lifeboat(&self, words: &str) -> Output {
        lifeboat()
            .args(words.split_whitespace())
            .current_dir(self.dir.path())
            .env("XDG_STATE_HOME", self.dir.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs the binary; it must end with this code. Gives all that it said.
    pub(super) fn run(&self, words: &str, code: i32) -> String {
        let output = self.lifeboat(words);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "lifeboat {words}\n{said}");
        said
    }

    pub(super) fn json(&self, words: &str) -> serde_json::Value {
        let output = self.lifeboat(words);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("lifeboat {words}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// What `lifeboat images` finds: address, by what, whole.
    pub(super) fn images(&self, source: &str) -> Vec<(String, String, bool)> {
        let document = self.json(&format!("images {source} --json"));
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let one = |image: &serde_json::Value| {
            assert_eq!(image["whole"].as_bool().unwrap(), image["damage"].as_array().unwrap().is_empty());
            (text(&image["address"]), text(&image["found_by"]), image["whole"].as_bool().unwrap())
        };
        document["images"].as_array().unwrap().iter().map(one).collect()
    }

    /// Asserts that exactly the two images are found at this volume, whole, by this way, and that each verifies.
    pub(super) fn finds_both(&self, what: &str, volume: &str, by: &str) {
        let expected: Vec<_> =
            ["factory", "user"].iter().map(|name| (format!("{volume}/{name}"), by.to_owned(), true)).collect();
        assert_eq!(self.images("disk.img"), expected, "{what}");
        for name in ["factory", "user"] {
            self.run(&format!("verify {volume}/{name}"), 0);
        }
    }
}

/// How bytes are destroyed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    Zeros,
    Random,
}

fn empty_toc() -> Toc {
    Toc {
        container_id: Uuid::nil(),
        sequence: 0,
        written: jiff::Timestamp::UNIX_EPOCH,
        volume: VolumeRecord {
            kind: lifeboat::fs::Kind::Unknown,
            id: None,
            label: None,
            bytes: 0,
            start_bytes: 0,
            grid: lifeboat::unit::Grid { cluster_bytes: 512, clusters: 1 },
        },
        partition: None,
        table: None,
        boot: Vec::new(),
        files: Vec::new(),
        images: Vec::new(),
    }
}

/// An image of the same volume, all of whose chunks are references to the image file at `path`.
fn referring(path: &std::path::Path) -> Vec<u8> {
    let base = Image::open(path).unwrap();
    let created = base.header().created + jiff::SignedDuration::from_hours(1);
    let header = Header {
        image_id: Uuid::new_v4(),
        base_image_id: Some(base.header().image_id),
        kind: lifeboat::image::Kind::User,
        name: "user".into(),
        created,
        ..base.header().clone()
    };
    let mut writer = ImageWriter::create(Bytes(Vec::new()), &header).unwrap();
    writer.write_map(&base.map().unwrap()).unwrap();
    for page in 0..base.pages() {
        for entry in base.page(page).unwrap().iter() {
            let Entry { first_cluster, clusters, raw_len, digest, content, .. } = *entry;
            assert_eq!(content, Content::Chunk as u8);
            let first = lifeboat::unit::Cluster(first_cluster.get());
            writer.write_reference(first, clusters.get(), raw_len.get(), digest).unwrap();
        }
    }
    writer.finish(base.trailer()).unwrap().0.0
}

fn record(header: &Header, digest: &str, name: &str, files: &[(String, Role, Vec<u8>)]) -> ImageRecord {
    let own = |role: &Role| matches!(role, Role::Part { image, .. } if *image == header.image_id);
    ImageRecord {
        name: name.into(),
        image_id: header.image_id,
        base_id: header.base_image_id,
        kind: header.kind,
        created: header.created,
        bytes: files.iter().filter(|(_, role, _)| own(role)).map(|(.., bytes)| bytes.len() as u64).sum(),
        parts: 1,
        scattered: false,
        digest: digest.into(),
        header: Some("text".into()),
    }
}

/// Gives the files places side by side, as high in the volume as there is room.
fn place(source: &Source, files: &[(String, Role, u64)]) -> Vec<FileRecord> {
    let kind = match lifeboat::fs::probe(&source.device).unwrap() {
        lifeboat::fs::Probe::One(kind) => kind,
        other => panic!("{other:?}"),
    };
    let grid = lifeboat::fs::open(source.device.clone(), kind).unwrap().grid();
    let edit = edit::open_unchecked(source.device.clone(), kind).unwrap();
    let (units, used) = (edit.units(), edit.used().unwrap());
    let unit_bytes = grid.bytes_of(units.clusters).0;
    let needed: u64 = files.iter().map(|(.., bytes)| bytes.div_ceil(unit_bytes)).sum();
    let first = |unit: u64| units.origin.0 + unit * units.clusters;
    let is_free = |unit: &u64| used.runs_in(first(*unit)..first(unit + needed)).next().is_none();
    let mut unit = (0..=units.count - needed).rev().find(is_free).expect("there is room at the end");
    let mut records = Vec::new();
    for (name, role, bytes) in files {
        let count = bytes.div_ceil(unit_bytes);
        let run = ByteRange {
            offset: ByteOffset(first(unit) * u64::from(grid.cluster_bytes)),
            len: ByteLen(count * unit_bytes),
        };
        records.push(FileRecord { name: name.clone(), role: *role, bytes: *bytes, runs: vec![run] });
        unit += count;
    }
    records
}

//! Images with references from strangers: every flipped byte is caught, and nothing that a reference or a base can
//! say makes us panic, hang or believe it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::{MemoryDevice, SharedDevice};
use lifeboat::error::{Error, Result};
use lifeboat::image::format::{self, Entry, FRAME, HEAD, RecordKind};
use lifeboat::image::{Header, Image, ImageStream, ImageWriter, PackedChunk, Sink};
use lifeboat::inventory::Address;
use lifeboat::job::{self, Monitor, Outcome};
use lifeboat::plan::{BackupRequest, ImageSource, ImageTarget, RestoreRequest};
use lifeboat::unit::{ByteOffset, Cluster};
use uuid::Uuid;
use zerocopy::FromBytes;

use crate::hostile::{anatomy, reseal, use_image, within};
use crate::oracle::{long, sh};

/// Keeps what it is given, in parts that begin with every so many bytes.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    split: Option<u64>,
    in_part: u64,
    number: u32,
}

impl Sink for Kept {
    fn room(&mut self, len: u64) -> Result<Option<u32>> {
        if self.in_part == 0 || self.split.is_none_or(|split| self.in_part + len <= split) {
            return Ok(None);
        }
        self.number += 1;
        self.in_part = 0;
        Ok(Some(self.number))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes.extend_from_slice(bytes);
        self.in_part += bytes.len() as u64;
        Ok(())
    }
}

/// The full image once more, with references where the base has the same chunk, in parts of at most so many bytes.
pub(super) fn incremental(full: &Image, base: &Image, split: Option<u64>) -> Result<Vec<u8>> {
    let header =
        Header { image_id: Uuid::new_v4(), base_image_id: Some(base.header().image_id), ..full.header().clone() };
    let mut writer = ImageWriter::create(Kept { split, ..Kept::default() }, &header)?;
    writer.write_map(&full.map()?)?;
    for page in 0..full.pages() {
        for entry in full.page(page)?.iter() {
            let span = Cluster(entry.first_cluster.get());
            let (clusters, raw_len, digest) = (entry.clusters.get(), entry.raw_len.get(), entry.digest);
            if base.entry_at(span)?.is_some_and(|theirs| theirs.digest == digest && theirs.raw_len == entry.raw_len) {
                writer.write_reference(span, clusters, raw_len, digest)?;
                continue;
            }
            let mut frame = Vec::new();
            full.read_frame(entry, &mut frame)?;
            writer.write_chunk(&PackedChunk { first_cluster: span, clusters, raw_len, digest, frame })?;
        }
    }
    writer.finish(full.trailer()).map(|(sink, _)| sink.bytes)
}

/// A base and an image with references to it, of volumes with several small chunks.
struct Stage {
    dir: tempfile::TempDir,
    bytes: Vec<u8>,
}

impl Stage {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Three chunks; the second changes. Mostly numbers, so that the image is small.
        sh(
            dir.path(),
            "truncate -s 9M v.img; seq 300 | dd of=v.img conv=notrunc status=none
             seq 400 700 | dd of=v.img bs=1M seek=5 conv=notrunc status=none",
        );
        let path = |name: &str| dir.path().join(name);
        let back_up = |name: &str| {
            let request = BackupRequest::new(Address::Whole(path("v.img")), ImageTarget::File(path(name)));
            let plan = job::plan_backup(&request, &Monitor::new()).unwrap();
            assert_eq!(job::run(&plan, &Arc::default()).outcome, Outcome::Done);
            Image::open(&path(name)).unwrap()
        };
        let base = back_up("base.lbi");
        sh(dir.path(), "echo changed | dd of=v.img bs=1M seek=6 conv=notrunc status=none");
        let bytes = incremental(&back_up("full.lbi"), &base, None).unwrap();
        std::fs::remove_file(path("full.lbi")).unwrap();
        std::fs::write(path("x.lbi"), &bytes).unwrap();
        Self { dir, bytes }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn verdict(&self, bytes: &[u8]) -> Outcome {
        std::fs::write(self.path("changed.lbi"), bytes).unwrap();
        job::verify(&self.path("changed.lbi"), &Arc::default()).outcome
    }

    fn base(&self) -> Arc<Image> {
        Arc::new(Image::open(&self.path("base.lbi")).unwrap())
    }
}

fn from_memory(bytes: &[u8]) -> Result<Image> {
    Image::from_device(Arc::new(MemoryDevice::new(bytes.to_vec())), 1)
}

/// What the volume in an image is, byte by byte.
fn content(path: &Path) -> Result<Vec<u8>> {
    let volume: SharedDevice = Image::open(path)?.volume()?;
    let mut bytes = vec![0; volume.len().0 as usize];
    volume.read_at(ByteOffset(0), &mut bytes)?;
    Ok(bytes)
}

#[test]
fn every_flipped_byte_of_an_image_with_references_is_caught() {
    let stage = Stage::new();
    assert_eq!(stage.verdict(&stage.bytes), Outcome::Done);
    assert!(content(&stage.path("x.lbi")).unwrap() == std::fs::read(stage.path("v.img")).unwrap());
    let parts = anatomy(&stage.bytes);
    let is_frame = |name: &str| matches!(name, "chunk" | "partclone header" | "bitmap piece" | "bitmap CRC");
    for (name, range) in parts.iter().filter(|(name, _)| !is_frame(name)) {
        // Of each a part will do: one digest is over all of it.
        let step = if long() { 1 } else { 41 };
        for at in range.clone().step_by(step) {
            let mut changed = stage.bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert_eq!(stage.verdict(&changed), Outcome::Failed, "byte {at}, in {name}");
        }
    }
}

#[test]
fn a_reference_from_a_stranger_is_believed_only_when_the_base_has_that_content() {
    let stage = Stage::new();
    let parts = anatomy(&stage.bytes);
    let (page, _) = (parts.iter().find(|(name, _)| name == "Page body").unwrap().1.clone(), ());
    let entry = Entry::read_from_bytes(&stage.bytes[page.start..page.start + 64]).unwrap();
    assert!(entry.is_reference());
    let record = entry.offset.get() as usize + HEAD;
    // Offsets in an entry: 16 clusters, 20 length, 24 stored length, 28 kind, 32 digest.
    let changes: [(&str, usize, &[u8]); 6] = [
        ("digest", 32, &[0xaa; 32]),
        ("stored length", 24, &7u32.to_le_bytes()),
        ("a wild stored length", 24, &u32::MAX.to_le_bytes()),
        ("a chunk without a frame", 28, &[3]),
        ("an unknown kind", 28, &[5]),
        ("length", 20, &512u32.to_le_bytes()),
    ];
    for (name, at, value) in changes {
        let mut changed = stage.bytes.clone();
        for place in [record, page.start] {
            changed[place + at..place + at + value.len()].copy_from_slice(value);
        }
        reseal(&mut changed, &parts);
        let base = stage.base();
        let path = stage.path("forged.lbi");
        std::fs::write(&path, &changed).unwrap();
        within(name, move || {
            use_image(&changed);
            for bytes in [&changed[..], &changed[..changed.len() - 300]] {
                let image = from_memory(bytes).unwrap().with_base(base.clone()).unwrap();
                let (mut unit, mut raw) = (Vec::new(), Vec::new());
                let read = image.page(0).and_then(|page| {
                    image.read_unit(&page[0], &mut unit)?;
                    lifeboat::image::unpack(&page[0], &unit[FRAME..], &mut raw)
                });
                let left = image.page(0).map_or(0, |page| page.len());
                assert!(read.is_err() || left < 3, "{name} was believed");
            }
            assert_eq!(job::verify(&path, &Arc::default()).outcome, Outcome::Failed, "{name}");
        });
    }
}

#[test]
fn references_in_an_image_that_names_no_base_are_damage_and_named_so() {
    let stage = Stage::new();
    let header = from_memory(&stage.bytes).unwrap().header().clone();
    let bare = Header { base_image_id: None, name: "n".repeat(header.name.len() + 55), ..header.clone() };
    let record = |header: &Header| {
        let text = toml::to_string(header).unwrap();
        format::record(RecordKind::Header, header.image_id, text.as_bytes())
    };
    assert_eq!(record(&bare).len(), record(&header).len(), "the line of the base's id became part of the name");
    let len = record(&header).len();
    let parts = anatomy(&stage.bytes);
    let copy = parts.iter().rfind(|(name, _)| name == "Header head").unwrap().1.start;
    let mut bytes = stage.bytes.clone();
    for at in [0, copy] {
        bytes[at..at + len].copy_from_slice(&record(&bare));
    }
    let image = from_memory(&bytes).unwrap();
    assert!(image.damage().is_empty() && image.needs_base().is_none());
    let said = image.page(0).unwrap_err().to_string();
    assert!(said.contains("reference"), "{said}");
    assert_eq!(stage.verdict(&bytes), Outcome::Failed);
    // From a pipe it is found as the record comes.
    let mut stream = ImageStream::open(std::io::Cursor::new(&bytes)).unwrap();
    stream.map().unwrap();
    let said = stream.next_chunk(&mut Vec::new()).unwrap_err().to_string();
    assert!(said.contains("reference"), "{said}");
    // And one that names itself is believed in nothing.
    let own = Header { base_image_id: Some(header.image_id), ..header };
    for at in [0, copy] {
        bytes[at..at + len].copy_from_slice(&record(&own));
    }
    assert!(from_memory(&bytes).unwrap_err().to_string().contains("base"));
}

#[test]
fn without_its_base_an_image_is_refused_by_name_before_anything_is_written() {
    let stage = Stage::new();
    let missing = stage.base().header().image_id.to_string();
    std::fs::rename(stage.path("base.lbi"), stage.path("base.away")).unwrap();
    let image = Image::open(&stage.path("x.lbi")).unwrap();
    assert!(image.damage().is_empty(), "a base elsewhere is no damage");
    let report = job::verify(&stage.path("x.lbi"), &Arc::default());
    assert_eq!(report.outcome, Outcome::Refused);
    assert!(report.headline.contains(&missing), "{report:?}");
    let source = ImageSource::File(stage.path("x.lbi"));
    let mut request = RestoreRequest::new(source, Address::Whole(stage.path("v.img")));
    let named = |error: Error| assert!(error.to_string().contains(&missing), "{error}");
    named(job::plan_restore(&request, &Monitor::new()).map(drop).unwrap_err());
    // Whoever wants what is there says so, and is told of the rest.
    request.keep_going = true;
    let plan = job::plan_restore(&request, &Monitor::new()).unwrap();
    let device = crate::faults_device::Handle::new(vec![0xaa; 9 << 20], crate::faults_device::Fault::Nothing);
    let report = crate::faults_device::run(&plan, &device);
    assert_eq!(report.outcome, Outcome::DoneWithWarnings, "{report:?}");
    assert!(report.warnings.iter().any(|warning| warning.contains("Not restored")), "{report:?}");
    let expected = std::fs::read(stage.path("v.img")).unwrap();
    assert!(device.bytes()[4 << 20..8 << 20] == expected[4 << 20..8 << 20]);
    named(ImageStream::open(std::io::Cursor::new(&stage.bytes)).map(drop).unwrap_err());
    std::fs::rename(stage.path("base.away"), stage.path("another name.lbi")).unwrap();
    assert_eq!(job::verify(&stage.path("x.lbi"), &Arc::default()).outcome, Outcome::Done);
}

#[test]
fn references_at_the_ends_of_parts_read_as_any_others() {
    let stage = Stage::new();
    let (base, full) = (stage.base(), Image::open(&stage.path("x.lbi")).unwrap());
    for split in [200, 700, 1500, 4000] {
        // The chunks that are stored can only be taken from where they are.
        let bytes = incremental(&full, &base, Some(split)).unwrap();
        let image = from_memory(&bytes).unwrap().with_base(base.clone()).unwrap();
        image.check_layout().unwrap();
        image.check_head().unwrap();
        let mut volume = vec![0; 9 << 20];
        image.volume().unwrap().read_at(ByteOffset(0), &mut volume).unwrap();
        assert!(volume == std::fs::read(stage.path("v.img")).unwrap(), "parts of {split} bytes");
        // The beginning gone: the header is taken from behind the trailer, wherever parts begin.
        let mut broken = bytes.clone();
        broken[..100].fill(0);
        let image = from_memory(&broken).unwrap();
        assert_eq!(image.damage().len(), 1, "{:?}", image.damage());
    }
}

//! Images from strangers: every flipped byte is caught by `verify`, and nothing that an image can say makes us
//! panic, hang, allocate wildly or call it whole.

use std::io::Cursor;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use lifeboat::device::{MemoryDevice, ReadDevice, SharedDevice};
use lifeboat::image::format::{
    self, Content, Entry, FooterBody, HEAD, PageRef, RecordHead, RecordKind, RootHead, SEEK_SKIPPABLE,
};
use lifeboat::image::{Header, Image, ImageStream, unpack};
use lifeboat::inventory::Address;
use lifeboat::job::{self, Monitor, Outcome};
use lifeboat::plan::{BackupRequest, ImageSource, ImageTarget, RestoreRequest};
use lifeboat::unit::{ByteLen, ByteOffset, Grid};
use lifeboat::volume::{ByteRange, Kind};
use zerocopy::{FromBytes, IntoBytes};

use crate::faults_device::{Fault, Handle, run};
use crate::faults_power::Dice;
use crate::oracle::{long, sh, sh_output};

/// Gives a name of so many letters, so that a changed header can be made as long as it was.
const NAME_LETTERS: usize = 400;

/// Runs work on a thread of its own: a hang becomes a failure that names the case.
pub(super) fn within<T: Send + 'static>(case: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = channel();
    let worker = std::thread::spawn(move || {
        let _ = done.send(work());
    });
    match wait.recv_timeout(Duration::from_secs(120)) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => panic!("{case} does not end"),
        Err(RecvTimeoutError::Disconnected) => panic!("{case} panicked: {:?}", worker.join().is_err()),
    }
}

/// Images of small volumes, and a file to put changed ones in.
struct Stage {
    dir: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The image of a volume made by `script` in `v.img`.
    fn image(&self, script: &str) -> Vec<u8> {
        sh(self.dir.path(), script);
        let target = self.path("v.lbi");
        let _ = std::fs::remove_file(&target);
        let mut request = BackupRequest::new(Address::Whole(self.path("v.img")), ImageTarget::File(target.clone()));
        request.name = Some("n".repeat(NAME_LETTERS));
        let plan = job::plan_backup(&request, &Monitor::new()).unwrap();
        assert_eq!(job::run(&plan, &Arc::default()).outcome, Outcome::Done);
        std::fs::read(target).unwrap()
    }

    /// The smallest: 64 KiB of ext2 with one file.
    fn tiny(&self) -> Vec<u8> {
        self.image(
            "mkdir -p f; seq 800 > f/numbers; rm -f v.img; truncate -s 64K v.img; mke2fs -q -F -t ext2 -b 1024 -N 16 -L tiny -d f v.img",
        )
    }

    /// Several chunks: 20 MiB of ext2 in which no file is large.
    fn chunked(&self) -> Vec<u8> {
        self.image(
            "mkdir -p f; seq 700000 > f/numbers; rm -f v.img; truncate -s 20M v.img
             mke2fs -q -F -t ext2 -b 1024 -N 32 -L chunked -d f v.img",
        )
    }

    fn verdict(&self, bytes: &[u8]) -> Outcome {
        let path = self.path("changed.lbi");
        std::fs::write(&path, bytes).unwrap();
        job::verify(&path, &Arc::default()).outcome
    }
}

/// The zstd frames of an image, by what they hold.
const FRAMES: [&str; 5] = ["partclone header", "bitmap piece", "bitmap CRC", "chunk", "reference"];

/// An image's structures by name and place, in order; from first byte to last.
pub(super) fn anatomy(bytes: &[u8]) -> Vec<(String, Range<usize>)> {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..at + 4] == SEEK_SKIPPABLE.to_le_bytes() {
            let end = bytes.len();
            parts.push(("seek table head".into(), at..at + 8));
            parts.push(("seek table entries".into(), at + 8..end - 9));
            parts.push(("seek table foot".into(), end - 9..end));
            break;
        }
        let (head, kind) = RecordHead::parse(bytes[at..].first_chunk().unwrap(), ByteOffset(at as u64)).unwrap();
        let body = at + HEAD..at + HEAD + head.body_len.get() as usize;
        parts.push((format!("{kind:?} head"), at..body.start));
        parts.push((format!("{kind:?} body"), body.clone()));
        at = body.end;
        if kind == RecordKind::Frame {
            let entry: Entry = format::body(&bytes[body], ByteOffset(0)).unwrap();
            let end = at + entry.stored_len.get() as usize;
            // Nothing follows the record of a reference.
            if end > at {
                parts.push((FRAMES[entry.content as usize].into(), at..end));
            }
            at = end;
        }
    }
    parts
}

#[test]
fn every_flipped_byte_of_a_tiny_image_is_caught() {
    let stage = Stage::new();
    let bytes = stage.tiny();
    let path = stage.path("v.lbi");
    assert_eq!(job::verify(&path, &Arc::default()).outcome, Outcome::Done);
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    // A bit of a zstd frame may be one that decoders pass over, or one that names an equal match elsewhere: such a
    // flip changes nothing that anyone gets out of the image. No other flip may pass.
    let content = zstd::decode_all(&bytes[..]).unwrap();
    let frames: Vec<_> = anatomy(&bytes).into_iter().filter(|(name, _)| FRAMES.contains(&name.as_str())).collect();
    let harmless = |at: usize, bit: u8| {
        let mut changed = bytes.clone();
        changed[at] ^= bit;
        frames.iter().any(|(_, range)| range.contains(&at))
            && zstd::decode_all(&changed[..]).ok().as_ref() == Some(&content)
    };
    let mut missed = Vec::new();
    for at in 0..bytes.len() {
        let bits: &[u8] = if long() { &[1, 2, 4, 8, 16, 32, 64, 128] } else { &[1 << (at % 8)] };
        for bit in bits {
            file.write_all_at(&[bytes[at] ^ bit], at as u64).unwrap();
            if job::verify(&path, &Arc::default()).outcome != Outcome::Failed && !harmless(at, *bit) {
                missed.push((at, *bit));
            }
        }
        file.write_all_at(&bytes[at..=at], at as u64).unwrap();
    }
    let named: Vec<_> = anatomy(&bytes)
        .into_iter()
        .filter(|(_, range)| missed.iter().any(|(at, _)| range.contains(at)))
        .map(|(name, _)| name)
        .collect();
    assert!(missed.is_empty(), "{} flips in {named:?}, the first at {:?}", missed.len(), missed[0]);
    assert_eq!(job::verify(&path, &Arc::default()).outcome, Outcome::Done);
}

#[test]
fn flips_at_both_ends_and_in_the_middle_of_every_structure_are_caught() {
    let stage = Stage::new();
    let bytes = stage.chunked();
    let parts = anatomy(&bytes);
    for wanted in [
        "Header head",
        "Header body",
        "Frame head",
        "Frame body",
        "partclone header",
        "bitmap piece",
        "bitmap CRC",
        "chunk",
        "Page head",
        "Page body",
        "Root head",
        "Root body",
        "Trailer head",
        "Trailer body",
        "Footer head",
        "Footer body",
        "seek table head",
        "seek table entries",
        "seek table foot",
    ] {
        assert!(parts.iter().any(|(name, _)| name == wanted), "the image has no {wanted}");
    }
    let content = zstd::decode_all(&bytes[..]).unwrap();
    for (name, range) in parts {
        for at in [range.start, range.start + range.len() / 2, range.end - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            let harmless = zstd::decode_all(&changed[..]).is_ok_and(|now| now == content) && !name.contains(' ');
            assert!(harmless || stage.verdict(&changed) == Outcome::Failed, "{name}, byte {at}");
        }
    }
}

#[test]
fn flips_in_the_parts_of_a_split_image_are_caught() {
    let stage = Stage::new();
    stage.image("head -c 20M /dev/urandom > v.img");
    let target = stage.path("split.lbi");
    let mut request = BackupRequest::new(Address::Whole(stage.path("v.img")), ImageTarget::File(target.clone()));
    request.split = Some(8 << 20);
    let plan = job::plan_backup(&request, &Monitor::new()).unwrap();
    assert_eq!(job::run(&plan, &Arc::default()).outcome, Outcome::Done);
    let second = stage.path("split.001");
    let file = std::fs::OpenOptions::new().read(true).write(true).open(&second).unwrap();
    for at in (0..88).chain([88, 200, file.metadata().unwrap().len() - 1]) {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 2], at).unwrap();
        assert_eq!(job::verify(&target, &Arc::default()).outcome, Outcome::Failed, "byte {at} of the second part");
        file.write_all_at(&byte, at).unwrap();
    }
    assert_eq!(job::verify(&target, &Arc::default()).outcome, Outcome::Done);
    std::fs::rename(stage.path("split.002"), &second).unwrap();
    assert_eq!(job::verify(&target, &Arc::default()).outcome, Outcome::Failed);
}

#[test]
fn an_image_cut_anywhere_or_with_lost_or_doubled_bytes_is_never_whole() {
    let stage = Arc::new(Stage::new());
    let tiny = stage.tiny();
    let chunked = stage.chunked();
    for (bytes, step) in [(tiny, if long() { 1 } else { 7 }), (chunked, if long() { 1009 } else { 65_537 })] {
        let bytes = Arc::new(bytes);
        for at in (0..bytes.len()).step_by(step) {
            let (stage, bytes) = (stage.clone(), bytes.clone());
            within(&format!("byte {at} of {}", bytes.len()), move || {
                assert_eq!(stage.verdict(&bytes[..at]), Outcome::Failed, "cut at {at}");
                let next = (at + 512).min(bytes.len());
                let doubled = [&bytes[..next], &bytes[at..]].concat();
                assert_eq!(stage.verdict(&doubled), Outcome::Failed, "doubled at {at}");
                let lost = [&bytes[..at], &bytes[next..]].concat();
                assert_eq!(stage.verdict(&lost), Outcome::Failed, "lost at {at}");
                // Without the end, records are walked one by one.
                let cut = &doubled[..doubled.len() - 301];
                assert!(cut == *bytes || stage.verdict(cut) == Outcome::Failed, "doubled and cut at {at}");
            });
        }
    }
}

#[test]
fn a_frame_that_comes_twice_in_an_image_without_an_end_is_passed_over() {
    let stage = Stage::new();
    let bytes = stage.chunked();
    let parts = anatomy(&bytes);
    let frame = parts.iter().position(|(name, _)| name == "chunk").unwrap();
    let (from, to) = (parts[frame - 2].1.start, parts[frame].1.end);
    let footer = parts.iter().find(|(name, _)| name == "Footer head").unwrap().1.start;
    let doubled = [&bytes[..to], &bytes[from..to], &bytes[to..footer]].concat();
    let image = within("walking", move || Image::from_device(Arc::new(MemoryDevice::new(doubled)), 1)).unwrap();
    assert_eq!(image.chunks(), Image::open(&stage.path("v.lbi")).unwrap().chunks());
    // Every chunk is found where it lies now, not where it says.
    for entry in image.page(0).unwrap().iter() {
        let mut frame = Vec::new();
        image.read_frame(entry, &mut frame).unwrap();
        unpack(entry, &frame, &mut Vec::new()).unwrap();
    }
}

#[test]
fn chunks_that_changed_places_and_records_of_another_image_are_caught() {
    let stage = Stage::new();
    let one = stage.chunked();
    let other = stage.chunked();
    assert_ne!(one, other);
    let parts = anatomy(&one);
    let units: Vec<Range<usize>> =
        parts.windows(3).filter(|part| part[2].0 == "chunk").map(|part| part[0].1.start..part[2].1.end).collect();
    assert!(units.len() > 2);
    let (a, b) = (units[0].clone(), units[1].clone());
    let swapped = [&one[..a.start], &one[b.clone()], &one[a.end..b.start], &one[a.clone()], &one[b.end..]].concat();
    assert_eq!(stage.verdict(&swapped), Outcome::Failed);
    let theirs = anatomy(&other);
    for ((name, ours), (_, theirs)) in parts.iter().zip(&theirs) {
        if one[ours.clone()] != other[theirs.clone()] {
            let spliced = [&one[..ours.start], &other[theirs.clone()], &one[ours.end..]].concat();
            assert_eq!(stage.verdict(&spliced), Outcome::Failed, "{name} of another image");
        }
    }
    assert_eq!(stage.verdict(&[one.clone(), other].concat()), Outcome::Failed);
    assert_eq!(stage.verdict(&one), Outcome::Done);
}

/// Everything that can be asked of an image in memory. What comes back does not matter, but that it does.
pub(super) fn use_image(bytes: &[u8]) {
    let device: SharedDevice = Arc::new(MemoryDevice::new(bytes.to_vec()));
    if let Ok(image) = Image::from_device(device.clone(), 1) {
        let _ = (image.map(), image.map_of_damaged(), image.check_head(), image.check_layout());
        let mut unit = Vec::new();
        for page in 0..image.pages().min(64) {
            for entry in image.page(page).iter().flat_map(|page| page.iter()) {
                let _ = image.read_unit(entry, &mut unit);
            }
        }
        if let Ok(volume) = image.lenient_volume() {
            let mut first = [0; 4096];
            let last = volume.len().0.saturating_sub(4096);
            let _ = (volume.read_at(ByteOffset(0), &mut first), volume.read_at(ByteOffset(last), &mut first));
        }
    }
    if let Ok(mut stream) = ImageStream::open(Cursor::new(bytes))
        && stream.map().is_ok()
    {
        let mut frame = Vec::new();
        while let Ok(Some(_)) = stream.next_chunk(&mut frame) {}
    }
}

/// Verifies an image file, and restores what it can of it onto a small device.
fn use_file(path: &Path) -> Outcome {
    let verdict = job::verify(path, &Arc::default()).outcome;
    let target = path.with_extension("target");
    if !target.exists() {
        std::fs::write(&target, vec![0; 1 << 20]).unwrap();
    }
    for trust in [false, true] {
        let mut request = RestoreRequest::new(ImageSource::File(path.into()), Address::Whole(target.clone()));
        (request.keep_going, request.trust) = (true, trust);
        if let Ok(plan) = job::plan_restore(&request, &Monitor::new()) {
            let _ = run(&plan, &Handle::new(vec![0xaa; 1 << 20], Fault::Nothing));
        }
    }
    verdict
}

/// An image with another header in both places, of the same length, with a digest that is right.
fn with_header(bytes: &[u8], change: &dyn Fn(&mut Header)) -> Vec<u8> {
    let parts = anatomy(bytes);
    let body = &parts[1].1;
    let (_, copy) = parts.iter().rfind(|(name, _)| name == "Header body").unwrap();
    let mut header: Header = toml::from_str(std::str::from_utf8(&bytes[body.clone()]).unwrap()).unwrap();
    change(&mut header);
    header.name.clear();
    let short = toml::to_string(&header).unwrap();
    header.name = "n".repeat(body.len().saturating_sub(short.len()));
    let text = toml::to_string(&header).unwrap();
    let record = format::record(RecordKind::Header, header.image_id, text.as_bytes());
    [&record[..], &bytes[body.end..copy.start - HEAD], &record, &bytes[copy.end..]].concat()
}

/// A change to a header, and its name.
type Forgery = (&'static str, Box<dyn Fn(&mut Header) + Send>);

/// Changes to a header, most of them such as no reader may believe.
fn absurd_headers() -> Vec<Forgery> {
    fn range(offset: u64, len: u64) -> ByteRange {
        ByteRange { offset: ByteOffset(offset), len: ByteLen(len) }
    }
    fn case(name: &'static str, change: impl Fn(&mut Header) + Send + 'static) -> Forgery {
        (name, Box::new(change))
    }
    let mut cases = Vec::new();
    for clusters in [0, 1, 63, 65, 1 << 32, format::MAX_CLUSTERS, 1 << 54, i64::MAX as u64] {
        cases.push(case("cluster count", move |header| header.grid.clusters = clusters));
        cases.push(case("cluster counts", move |header| {
            header.grid.clusters = clusters;
            header.image_clusters = clusters;
        }));
    }
    for bytes in [0, 1, 3, 256, 512, 4096, 4 << 20, 1 << 31] {
        cases.push(case("cluster size", move |header| header.grid.cluster_bytes = bytes));
    }
    cases.push(case("an odd chunk size", |header| header.chunk_clusters = 4095));
    for clusters in [0, 1, 1 << 15, 1 << 62, i64::MAX as u64] {
        cases.push(case("chunk size", move |header| header.chunk_clusters = clusters));
    }
    for clusters in [0, 1, 64, 65, i64::MAX as u64] {
        cases.push(case("image clusters", move |header| header.image_clusters = clusters));
    }
    for (offset, len) in
        [(0, 0), (0, 1 << 20), (1 << 40, 512), (i64::MAX as u64, i64::MAX as u64), (1, 512), (1024, 100), (65_536, 512)]
    {
        cases.push(case("a seal", move |header| header.anchors.seals = vec![range(offset, len)]));
    }
    cases.push(case("too many seals", |header| header.anchors.seals = (0..65).map(|n| range(n * 512, 512)).collect()));
    cases.push(case("overlapping seals", |header| header.anchors.seals = vec![range(0, 1024), range(512, 512)]));
    cases.push(case("hidden sectors", |header| header.anchors.hidden_sectors = vec![ByteOffset(i64::MAX as u64)]));
    cases.push(case("hidden sectors", |header| header.anchors.hidden_sectors = vec![ByteOffset(2045)]));
    cases.push(case("version", |header| header.format_version = 2));
    cases
}

#[test]
fn headers_with_absurd_numbers_are_never_believed() {
    let stage = Stage::new();
    let bytes = stage.tiny();
    let same = with_header(&bytes, &|_| {});
    assert!(same == bytes, "a header that was not changed is the one it was");
    for (index, (name, change)) in absurd_headers().into_iter().enumerate() {
        let changed = with_header(&bytes, &*change);
        if changed == bytes {
            continue;
        }
        let path = stage.path(&format!("absurd-{index}.lbi"));
        std::fs::write(&path, &changed).unwrap();
        let verdict = within(name, move || {
            use_image(&changed);
            use_file(&path)
        });
        // A seal that lies elsewhere in the volume, or a chunk of another size around the only one there is, is
        // odd, but contradicts nothing.
        let odd = name == "a seal" || name == "an odd chunk size";
        assert!(odd || verdict == Outcome::Failed, "{index}, {name}: {verdict:?}");
    }
    for change in [
        (&|header: &mut Header| header.volume.sector_bytes = 0) as &dyn Fn(&mut Header),
        &|header| header.volume.sector_bytes = u32::MAX,
        &|header| header.volume.cluster_bytes = 0,
        &|header| header.volume.len = ByteLen(i64::MAX as u64),
        &|header| header.partition_clusters = i64::MAX as u64,
        &|header| header.volume.kind = Kind::Ntfs,
        &|header| header.volume.kind = Kind::Unfinished,
        &|header| header.grid = Grid { cluster_bytes: 2 << 20, clusters: format::MAX_CLUSTERS },
    ] {
        let changed = with_header(&bytes, change);
        let path = stage.path("odd.lbi");
        std::fs::write(&path, &changed).unwrap();
        within("an odd header", move || {
            use_image(&changed);
            use_file(&path)
        });
    }
}

#[test]
fn the_real_binary_judges_absurd_images_in_little_memory() {
    let stage = Stage::new();
    let bytes = stage.tiny();
    for (index, (name, change)) in absurd_headers().into_iter().enumerate() {
        let changed = with_header(&bytes, &*change);
        std::fs::write(stage.path("x.lbi"), &changed).unwrap();
        let binary = env!("CARGO_BIN_EXE_lifeboat");
        // Address space, not memory: threads reserve some hundred MiB of it that they never touch.
        let script = format!("ulimit -v 700000; {binary} verify x.lbi");
        let output = sh_output(stage.dir.path(), &script);
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 1)), "{index}, {name}: {code:?} {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Makes all digests of an image right again, from the inside out, after bodies were changed. The places are
/// those of the unchanged image.
pub(super) fn reseal(bytes: &mut [u8], parts: &[(String, Range<usize>)]) {
    let records: Vec<(&str, usize, Range<usize>)> = parts
        .windows(2)
        .filter(|pair| pair[1].0.ends_with(" body"))
        .map(|pair| (pair[1].0.split(' ').next().unwrap(), pair[0].1.start, pair[1].1.clone()))
        .collect();
    let redo = |bytes: &mut [u8], head: usize, body: &Range<usize>| {
        let digest = *blake3::Hasher::new()
            .update(&bytes[head + 8..head + 40])
            .update(&bytes[body.clone()])
            .finalize()
            .as_bytes();
        bytes[head + 40..head + 72].copy_from_slice(&digest);
        *blake3::hash(&bytes[head..body.end]).as_bytes()
    };
    let mut pages = Vec::new();
    for (kind, head, body) in &records {
        let digest = redo(bytes, *head, body);
        if *kind == "Page" {
            pages.push(digest);
        }
    }
    let find = |wanted: &str| records.iter().find(|(kind, ..)| *kind == wanted).cloned().unwrap();
    let (_, head, body) = find("Root");
    let references = body.end - pages.len() * size_of::<PageRef>();
    for (index, digest) in pages.iter().enumerate() {
        let at = references + (index + 1) * size_of::<PageRef>() - 32;
        bytes[at..at + 32].copy_from_slice(digest);
    }
    let root = redo(bytes, head, &body);
    let (_, head, body) = find("Footer");
    bytes[body.end - 32..body.end].copy_from_slice(&root);
    redo(bytes, head, &body);
}

/// A number that hurts.
fn absurd_number(dice: &mut Dice, len: u64) -> u64 {
    match dice.roll(10) {
        0 => 0,
        1 => u64::MAX,
        2 => 1 << dice.roll(64),
        3 => (1 << dice.roll(64)) - 1,
        4 => len,
        5 => len - dice.roll(200),
        6 => u64::from(u32::MAX) - dice.roll(3),
        7 => dice.roll(len),
        8 => u64::MAX - dice.roll(400),
        _ => dice.roll(5000),
    }
}

#[test]
fn indexes_with_absurd_numbers_and_right_digests_neither_panic_nor_hang() {
    let stage = Stage::new();
    let bytes = stage.tiny();
    let parts = anatomy(&bytes);
    let mut same = bytes.clone();
    reseal(&mut same, &parts);
    assert!(same == bytes, "resealing an unchanged image changes nothing");
    let bodies: Vec<Range<usize>> = parts
        .iter()
        .filter(|(name, _)| ["Frame body", "Page body", "Root body", "Footer body"].contains(&name.as_str()))
        .map(|(_, range)| range.clone())
        .collect();
    let seeds = if long() { 40_000 } else { 800 };
    let path = stage.path("resealed.lbi");
    let path = Arc::new(path);
    for seed in 1..=seeds {
        let mut dice = Dice(seed);
        let mut changed = bytes.clone();
        for _ in 0..=dice.roll(3) {
            let body = &bodies[dice.roll(bodies.len() as u64) as usize];
            let width = if dice.roll(2) == 0 { 4 } else { 8 };
            let at = body.start + dice.roll((body.len() / 4 - 1) as u64) as usize * 4;
            let number = absurd_number(&mut dice, bytes.len() as u64).to_le_bytes();
            let width = width.min(body.end - at);
            changed[at..at + width].copy_from_slice(&number[..width]);
        }
        reseal(&mut changed, &parts);
        let path = path.clone();
        let whole = changed == bytes;
        let verdict = within(&format!("seed {seed}"), move || {
            use_image(&changed);
            std::fs::write(&*path, &changed).unwrap();
            if seed % 4 == 0 { use_file(&path) } else { job::verify(&path, &Arc::default()).outcome }
        });
        assert!(whole || verdict != Outcome::Done, "seed {seed}");
    }
}

#[test]
fn a_root_and_a_footer_are_what_the_tables_of_the_format_say() {
    let stage = Stage::new();
    let bytes = stage.tiny();
    let body = |wanted: &str| {
        let (_, range) = anatomy(&bytes).into_iter().find(|(name, _)| name == wanted).unwrap();
        bytes[range].to_vec()
    };
    let (root, _) = RootHead::read_from_prefix(&body("Root body")).unwrap();
    assert_eq!((root.entries.get(), root.pages.get(), root.chunks.get()), (3, 1, 1));
    let footer = FooterBody::read_from_bytes(&body("Footer body")).unwrap();
    assert_eq!((footer.parts.get(), footer.chunks.get()), (1, 1));
    assert_eq!(footer.as_bytes().len(), 88);
    let entry = Entry::read_from_bytes(&body("Page body")).unwrap();
    assert_eq!(entry.content, Content::Chunk as u8);
}

#[test]
fn a_file_of_record_heads_that_lie_about_their_length_is_walked_in_bounded_time() {
    let stage = Stage::new();
    let bytes = stage.tiny();
    let header = anatomy(&bytes)[1].1.end;
    let id = Image::open(&stage.path("v.lbi")).unwrap().header().image_id;
    // Heads of roots that claim half of the file, one behind the other.
    let mut hostile = bytes[..header].to_vec();
    let mut head = format::record(RecordKind::Root, id, &[]);
    let claimed = 1u32 << 20;
    head[4..8].copy_from_slice(&(claimed + 64).to_le_bytes());
    head[20..24].copy_from_slice(&claimed.to_le_bytes());
    while hostile.len() < 2 << 20 {
        hostile.extend_from_slice(&head);
    }
    let reads = Arc::new(Handle::new(hostile, Fault::Nothing));
    let device: SharedDevice = reads.clone();
    let image = within("walking", move || Image::from_device(device, 1)).unwrap();
    assert!(!image.damage().is_empty());
    assert!(reads.count(crate::faults_device::Op::Read) < 5000);
}

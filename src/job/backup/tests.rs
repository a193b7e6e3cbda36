//! Images with a base, through the functions that every job writes and proves them with.

use std::path::PathBuf;

use super::*;
use crate::device::MemoryDevice;
use crate::unit::Grid;
use crate::volume::{Anchors, Kind as VolumeKind, State, Summary};

const CLUSTER: u32 = 512;
/// Clusters of a chunk: small, so that a small volume has many.
const CHUNK: u64 = 8;
const CHUNKS: u64 = 12;
const GRID: Grid = Grid { cluster_bytes: CLUSTER, clusters: CHUNK * CHUNKS - 3 };

/// Keeps what it is given.
#[derive(Default)]
struct Kept(Vec<u8>);

impl Sink for Kept {
    fn room(&mut self, _: u64) -> Result<Option<u32>> {
        Ok(None)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

fn header_of(grid: Grid) -> Header {
    let summary = Summary {
        kind: VolumeKind::Fat16,
        len: grid.len(),
        label: None,
        id: None,
        sector_bytes: 512,
        cluster_bytes: grid.cluster_bytes,
        clusters: grid.clusters,
        state: State::Clean,
        notes: Vec::new(),
    };
    Header {
        format_version: format::VERSION.into(),
        image_id: Uuid::new_v4(),
        kind: Kind::User,
        name: "test".into(),
        created: now_in_seconds(),
        grid,
        partition_clusters: grid.clusters,
        image_clusters: 0,
        chunk_clusters: CHUNK,
        raw: false,
        even_if_dirty: false,
        volume: summary,
        anchors: Anchors::default(),
        partition: None,
        boot_record: String::new(),
        excluded: Vec::new(),
        base_image_id: None,
        writer: "test".into(),
        machine: "test".into(),
    }
}

/// A volume of which every chunk has bytes of its own; those of `changed` are of this `turn`.
fn volume(changed: impl Fn(u64) -> bool, turn: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for cluster in 0..GRID.clusters {
        let of = if changed(cluster / CHUNK) { turn } else { 0 };
        let mut line = blake3::Hasher::new().update(&[cluster as u8, of as u8]).finalize_xof();
        let mut content = vec![0; CLUSTER as usize];
        line.fill(&mut content);
        bytes.extend(content);
    }
    bytes
}

/// All clusters but two in every chunk, and none of the chunk before the last.
fn used() -> ClusterMap {
    let mut map = ClusterMap::new(GRID.clusters);
    for chunk in (0..CHUNKS).filter(|chunk| *chunk != CHUNKS - 2) {
        map.set(Extent::new(chunk * CHUNK, 2), true);
        map.set(Extent::new(chunk * CHUNK + 4, (CHUNK - 4).min(GRID.clusters - chunk * CHUNK - 4)), true);
    }
    map
}

/// What the volume's image must give back: zeros where no cluster is used.
fn expected(volume: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; volume.len()];
    for run in used().runs() {
        let at = GRID.bytes_of(run.start.0).0 as usize..GRID.bytes_of(run.end()).0 as usize;
        bytes[at.clone()].copy_from_slice(&volume[at]);
    }
    bytes
}

fn make(volume: &[u8], base: Option<&Arc<Image>>) -> Result<(Vec<u8>, Made)> {
    let source: SharedDevice = Arc::new(MemoryDevice::new(volume.to_vec()));
    let used = used();
    let mut header = header_of(GRID);
    header.image_clusters = used.used();
    let input = ImageInput { source: &source, used: &used, header, level: 1, threads: 2, base: base.cloned() };
    let (sink, made) = write_image(input, Kept::default(), &Monitor::new())?;
    Ok((sink.0, made))
}

fn device(bytes: &[u8]) -> SharedDevice {
    Arc::new(MemoryDevice::new(bytes.to_vec()))
}

/// The image in these bytes; its base attached.
fn open(bytes: &[u8], base: Option<&Arc<Image>>) -> Arc<Image> {
    let image = Image::from_device(device(bytes), 1).unwrap();
    Arc::new(match base {
        Some(base) => image.with_base(base.clone()).unwrap(),
        None => image,
    })
}

fn findings(image: &Image) -> Findings {
    let mut findings = Findings::default();
    verify::check(image, 2, &Monitor::new(), &mut findings).unwrap();
    findings
}

fn content(image: Arc<Image>) -> Vec<u8> {
    let mut bytes = vec![0; GRID.len().0 as usize];
    Arc::into_inner(image).unwrap().volume().unwrap().read_at(ByteOffset(0), &mut bytes).unwrap();
    bytes
}

fn references(image: &Image) -> Vec<u64> {
    let page = image.page(0).unwrap();
    page.iter().filter(|entry| entry.is_reference()).map(|entry| entry.first_cluster.get() / CHUNK).collect()
}

#[test]
fn chunks_that_the_base_has_become_references_and_all_others_are_stored() {
    let whole = volume(|_| false, 0);
    let (base_bytes, made) = make(&whole, None).unwrap();
    assert_eq!(made.trailer.referenced_bytes, 0);
    let base = open(&base_bytes, None);
    let patterns: [&dyn Fn(u64) -> bool; 4] =
        [&|_| false, &|chunk| chunk == 3, &|chunk| chunk.is_multiple_of(2), &|_| true];
    for (index, changed) in patterns.into_iter().enumerate() {
        let now = volume(changed, 1);
        let (bytes, made) = make(&now, Some(&base)).unwrap();
        let image = open(&bytes, Some(&base));
        let same: Vec<u64> = (0..CHUNKS).filter(|chunk| *chunk != CHUNKS - 2 && !changed(*chunk)).collect();
        assert_eq!(references(&image), same, "pattern {index}");
        assert_eq!(image.header().base_image_id, Some(base.header().image_id));
        assert_eq!(made.trailer.raw_bytes, GRID.bytes_of(used().used()).0);
        let stored = made.trailer.raw_bytes - made.trailer.referenced_bytes;
        // The bytes are random: what is stored takes as much as it is, and what is not takes nothing.
        assert!(made.trailer.stored_bytes >= stored && made.trailer.stored_bytes <= stored + CHUNKS * 32);
        read_back(device(&bytes), &made, &Monitor::new()).unwrap();
        assert!(findings(&image).is_whole(), "{:?}", findings(&image));
        assert!(content(image) == expected(&now), "pattern {index}");
        // Without its end, the records are walked, and references are among them.
        let footerless = &bytes[..bytes.len() - 300];
        let image = open(footerless, Some(&base));
        assert!(!image.damage().is_empty());
        assert_eq!(references(&image), same);
        assert!(findings(&image).bad.is_empty());
        assert!(content(image) == expected(&now), "pattern {index}, walked");
    }
}

#[test]
fn a_chain_is_read_to_its_end_and_every_missing_image_is_named() {
    let volumes = [volume(|_| false, 0), volume(|chunk| chunk < 6, 1), volume(|chunk| chunk < 3, 2)];
    let (first, _) = make(&volumes[0], None).unwrap();
    let base = open(&first, None);
    let (second, _) = make(&volumes[1], Some(&base)).unwrap();
    let middle = open(&second, Some(&base));
    // Chunks 3 to 5 went back to what they were at first: the middle has them not, and they are stored again.
    let (third, made) = make(&volumes[2], Some(&middle)).unwrap();
    read_back(device(&third), &made, &Monitor::new()).unwrap();
    let top = open(&third, Some(&middle));
    assert_eq!(top.needs_base(), None);
    assert!(references(&top).iter().all(|chunk| *chunk >= 6));
    let holder = top.holder(&top.entry_at(Cluster(6 * CHUNK)).unwrap().unwrap()).unwrap().unwrap();
    assert_eq!(holder.0.header().image_id, base.header().image_id);
    assert!(findings(&top).is_whole());
    assert!(content(top) == expected(&volumes[2]));
    for (image, missing) in [
        (open(&third, None), middle.header().image_id),
        (open(&third, Some(&open(&second, None))), base.header().image_id),
    ] {
        assert_eq!(image.needs_base(), Some(missing));
        let said = image.refuse_without_base().unwrap_err();
        assert!(said.to_string().contains(&missing.to_string()) && said.advice().is_some(), "{said}");
        let found = findings(&image);
        assert!(!found.is_whole());
        assert!(found.bad.iter().all(|bad| bad.to_string().contains(&missing.to_string())), "{:?}", found.bad);
        // What the image holds itself is read all the same.
        assert_eq!(found.bad.len(), references(&image).len());
        assert_eq!(make(&volumes[2], Some(&image)).err().map(|error| error.kind()), Some(crate::error::Kind::Refused));
    }
}

#[test]
fn a_damaged_base_is_blamed_by_name() {
    let whole = volume(|_| false, 0);
    let (mut base_bytes, _) = make(&whole, None).unwrap();
    let base = open(&base_bytes, None);
    let (bytes, made) = make(&volume(|chunk| chunk == 3, 1), Some(&base)).unwrap();
    let id = base.header().image_id;
    for (chunk, is_referenced) in [(5, true), (3, false)] {
        let entry = base.entry_at(Cluster(chunk * CHUNK)).unwrap().unwrap();
        let at = (entry.frame_offset().0 + u64::from(entry.stored_len.get()) / 2) as usize;
        base_bytes[at] ^= 0x40;
        let damaged = open(&base_bytes, None);
        base_bytes[at] ^= 0x40;
        assert_eq!(findings(&damaged).bad.len(), 1);
        let found = findings(&open(&bytes, Some(&damaged)));
        assert_eq!(found.is_whole(), !is_referenced, "{found:?}");
        let Some(bad) = found.bad.first() else { continue };
        assert_eq!((found.bad.len(), bad.number, bad.base), (1, chunk, Some(id)));
        assert!(bad.to_string().contains(&id.to_string()), "{bad}");
        let made = Made { base: Some(damaged), trailer: made.trailer.clone(), header: made.header.clone(), ..made };
        let said = read_back(device(&bytes), &made, &Monitor::new()).unwrap_err();
        assert!(said.advice().is_some_and(|advice| advice.contains("full image")), "{said}");
    }
}

#[test]
fn a_base_that_does_not_fit_is_refused_with_the_numbers() {
    let whole = volume(|_| false, 0);
    let base = open(&make(&whole, None).unwrap().0, None);
    let (bytes, _) = make(&whole, Some(&base)).unwrap();
    let other = open(&make(&whole, None).unwrap().0, None);
    let said = Image::from_device(device(&bytes), 1).unwrap().with_base(other).unwrap_err().to_string();
    assert!(said.contains(&base.header().image_id.to_string()), "{said}");
    for grid in [Grid { clusters: GRID.clusters - 1, ..GRID }, Grid { cluster_bytes: 1024, ..GRID }] {
        let said = check_base(&header_of(grid), &base).unwrap_err().to_string();
        for number in [grid.clusters, GRID.clusters, grid.cluster_bytes.into(), CLUSTER.into()] {
            assert!(said.contains(&number.to_string()), "{said}");
        }
    }
    let cut = Header { chunk_clusters: 2 * CHUNK, ..header_of(GRID) };
    assert!(check_base(&cut, &base).unwrap_err().to_string().contains("16"));
    // An image whose bytes name a base, with one of the right id and another grid.
    let mut bare = header_of(Grid { clusters: GRID.clusters - 1, ..GRID });
    bare.base_image_id = Some(base.header().image_id);
    let (sink, _) = ImageWriter::create(Kept::default(), &bare).unwrap().finish(&Trailer::default()).unwrap();
    let refused = Image::from_device(device(&sink.0), 1).unwrap().with_base(base).unwrap_err();
    assert_eq!(refused.kind(), crate::error::Kind::Refused);
}

#[test]
fn chains_have_an_end_and_never_bite_their_tail() {
    let empty = |header: &Header| -> Vec<u8> {
        let writer = ImageWriter::create(Kept::default(), header).unwrap();
        writer.finish(&Trailer::default()).unwrap().0.0
    };
    let first = header_of(GRID);
    let mut base = open(&empty(&first), None);
    for depth in 1..=format::MAX_BASES + 1 {
        let header = Header { base_image_id: Some(base.header().image_id), ..header_of(GRID) };
        let image = Image::from_device(device(&empty(&header)), 1).unwrap();
        match image.with_base(base.clone()) {
            Ok(image) => base = Arc::new(image),
            Err(refused) => {
                assert_eq!(depth, format::MAX_BASES + 1, "{refused}");
                assert!(refused.to_string().contains("65 bases"), "{refused}");
            }
        }
    }
    let next = Header { base_image_id: Some(first.image_id), ..header_of(GRID) };
    let closing = Header { base_image_id: Some(next.image_id), ..first.clone() };
    let loop_of_two = open(&empty(&next), Some(&open(&empty(&first), None)));
    let bitten = Image::from_device(device(&empty(&closing)), 1).unwrap().with_base(loop_of_two).unwrap_err();
    assert!(bitten.to_string().contains("own base"), "{bitten}");
    let own = Header { base_image_id: Some(first.image_id), ..first };
    assert!(Image::from_device(device(&empty(&own)), 1).is_err());
}

#[test]
fn bases_are_found_beside_a_file_and_loops_of_files_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { dir.path().join(name) };
    let volumes = [volume(|_| false, 0), volume(|chunk| chunk < 6, 1), volume(|chunk| chunk < 3, 2)];
    let (first, _) = make(&volumes[0], None).unwrap();
    let base = open(&first, None);
    let (second, _) = make(&volumes[1], Some(&base)).unwrap();
    let (third, _) = make(&volumes[2], Some(&open(&second, Some(&base)))).unwrap();
    for (name, bytes) in [("c.lbi", &first), ("b.lbi", &second), ("a.lbi", &third)] {
        std::fs::write(path(name), bytes).unwrap();
    }
    std::fs::write(path("0.lbi"), b"no image").unwrap();
    let opened = |name: &str| Arc::new(Image::open(&path(name)).unwrap());
    assert_eq!(opened("a.lbi").needs_base(), None);
    assert!(content(opened("a.lbi")) == expected(&volumes[2]));
    // A damaged copy of the base comes first by name: the whole one is taken.
    let mut damaged = first.clone();
    damaged[..600].fill(0);
    std::fs::write(path("b-copy.lbi"), &damaged).unwrap();
    assert!(!opened("b-copy.lbi").damage().is_empty());
    assert!(opened("a.lbi").base().unwrap().base().unwrap().damage().is_empty());
    std::fs::remove_file(path("c.lbi")).unwrap();
    assert_eq!(opened("a.lbi").needs_base(), None, "the base is known by its end");
    std::fs::remove_file(path("b-copy.lbi")).unwrap();
    assert_eq!(opened("a.lbi").needs_base(), Some(base.header().image_id));
    let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
    for (id, base, name) in [(one, two, "one.lbi"), (two, one, "two.lbi")] {
        let header = Header { image_id: id, base_image_id: Some(base), ..header_of(GRID) };
        let writer = ImageWriter::create(Kept::default(), &header).unwrap();
        std::fs::write(path(name), writer.finish(&Trailer::default()).unwrap().0.0).unwrap();
    }
    assert_eq!(opened("one.lbi").needs_base(), Some(one));
}

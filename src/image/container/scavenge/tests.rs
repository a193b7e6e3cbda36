use std::collections::BTreeSet;

use super::super::blocks::BlockWriter;
use super::super::tests::Parts;
use super::*;
use crate::device::{MemoryDevice, ReadDevice, read_vec};
use crate::extent::{ClusterMap, Extent};
use crate::image::format::{self, Entry, FRAME, HEAD, RecordHead, RecordKind, SEEK_SKIPPABLE};
use crate::image::{Image, ImageWriter, Kind, PackedChunk, Sink, Trailer, unpack};
use crate::unit::{Cluster, Grid};
use crate::volume::{self, Anchors, State, Summary};

/// Clusters of 512 bytes in the images' volumes, and in one of their chunks: two zstd blocks.
const CLUSTERS: u64 = 8000;
const CHUNK: u64 = 400;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below.max(1)
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.roll(256) as u8).collect()
    }
}

fn header(id: u128, unit: u32) -> Header {
    let summary = Summary {
        kind: volume::Kind::Unknown,
        label: None,
        id: None,
        len: ByteLen(CLUSTERS * 512),
        sector_bytes: 512,
        cluster_bytes: unit,
        clusters: CLUSTERS,
        state: State::Clean,
        notes: vec!["n".repeat(900)],
    };
    Header {
        format_version: 1,
        image_id: Uuid::from_u128(id),
        kind: Kind::User,
        name: "x".into(),
        created: jiff::Timestamp::UNIX_EPOCH,
        grid: Grid { cluster_bytes: 512, clusters: CLUSTERS },
        partition_clusters: CLUSTERS,
        image_clusters: CLUSTERS,
        chunk_clusters: CHUNK,
        raw: true,
        even_if_dirty: false,
        volume: summary,
        anchors: Anchors::default(),
        partition: None,
        boot_record: String::new(),
        excluded: Vec::new(),
        base_image_id: (id % 2 == 1).then(|| Uuid::from_u128(99)),
        writer: String::new(),
        machine: String::new(),
    }
}

/// An image into a sink. That of an odd id has a base, and references to it.
fn write<S: Sink>(sink: S, id: u128, unit: u32) -> S {
    let mut dice = Dice(id as u64);
    let mut writer = ImageWriter::create(sink, &header(id, unit)).unwrap();
    let map: ClusterMap = [Extent::new(0, CLUSTERS)].into_iter().fold(ClusterMap::new(CLUSTERS), |mut map, extent| {
        map.set_bytes(Cluster(0), &vec![0xff; extent.clusters.div_ceil(8) as usize], extent.clusters);
        map
    });
    writer.write_map(&map).unwrap();
    for first in (0..CLUSTERS).step_by(CHUNK as usize) {
        let mut raw = dice.bytes(CHUNK as usize * 256);
        raw.extend(vec![b'z'; CHUNK as usize * 256]);
        let digest = *blake3::hash(&raw).as_bytes();
        let (first_cluster, clusters, raw_len) = (Cluster(first), CHUNK as u32, raw.len() as u32);
        if id % 2 == 1 && first == 3 * CHUNK {
            writer.write_reference(first_cluster, clusters, raw_len, digest).unwrap();
            continue;
        }
        let frame = zstd::bulk::compress(&raw, 1).unwrap();
        writer.write_chunk(&PackedChunk { first_cluster, clusters, raw_len, digest, frame }).unwrap();
    }
    writer.finish(&Trailer::default()).unwrap().0
}

fn image(id: u128, unit: u32) -> Vec<u8> {
    write(Parts::new(usize::MAX), id, unit).parts.concat()
}

/// Records with the frames behind them: where each begins, where its record ends, where it ends, whether a chunk.
fn units(bytes: &[u8]) -> Vec<(usize, usize, usize, Option<u64>)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() && bytes[at..at + 4] != SEEK_SKIPPABLE.to_le_bytes() {
        let (head, kind) = RecordHead::parse(bytes[at..].first_chunk().unwrap(), ByteOffset(at as u64)).unwrap();
        let record = at + HEAD + head.body_len.get() as usize;
        let entry = (kind == RecordKind::Frame)
            .then(|| format::body::<Entry>(&bytes[at + HEAD..at + FRAME], ByteOffset(0)).unwrap());
        let end =
            record + entry.map_or(0, |entry| if entry.is_reference() { 0 } else { entry.stored_len.get() as usize });
        let chunk = entry.filter(|entry| entry.content == 3).map(|entry| entry.first_cluster.get());
        found.push((at, record, end, chunk));
        at = end;
    }
    found
}

/// Up to so many borders at clusters, no two of them in one unit, and a whole record in each fragment.
fn borders(bytes: &[u8], cluster: usize, count: usize, dice: &mut Dice) -> Vec<usize> {
    let units = units(bytes);
    let mut borders = BTreeSet::from([0, bytes.len()]);
    for _ in 0..count * 20 {
        let border = (1 + dice.roll((bytes.len() / cluster) as u64) as usize) * cluster;
        if borders.len() >= count + 2 || border >= bytes.len() {
            continue;
        }
        let mut with = borders.clone();
        with.insert(border);
        let single = units.iter().all(|unit| with.iter().filter(|b| unit.0 < **b && **b < unit.2).count() < 2);
        let list: Vec<usize> = with.iter().copied().collect();
        let holds = |from: usize, to: usize| units.iter().any(|unit| from <= unit.0 && unit.1 <= to);
        let known = list.windows(2).all(|pair| pair[0] == 0 || pair[1] == bytes.len() || holds(pair[0], pair[1]));
        if single && known {
            borders = with;
        }
    }
    borders.into_iter().collect()
}

/// A device being filled: clusters of random bytes, some of them taken.
struct Disk {
    bytes: Vec<u8>,
    cluster: usize,
    /// Where the first cluster begins.
    start: usize,
    free: Vec<usize>,
}

impl Disk {
    fn new(cluster: usize, len: usize, dice: &mut Dice) -> Self {
        let start = 512 * (1 + dice.roll(40) as usize);
        let clusters = len / cluster;
        Self { bytes: dice.bytes(start + clusters * cluster), cluster, start, free: vec![0, clusters] }
    }

    /// Puts bytes somewhere where nothing was put; gives the place.
    fn put(&mut self, bytes: &[u8], dice: &mut Dice) -> usize {
        let needed = bytes.len().div_ceil(self.cluster) + 1;
        let fits: Vec<usize> = (0..self.free.len())
            .step_by(2)
            .filter(|index| self.free[index + 1] - self.free[*index] >= needed)
            .collect();
        let index = fits[dice.roll(fits.len() as u64) as usize];
        let (from, to) = (self.free[index], self.free[index + 1]);
        // A cluster stays free before each, so that what lay side by side does so no longer.
        let slack = to - from - needed;
        let first = from + 1 + dice.roll(slack.min(5) as u64 + 1) as usize;
        self.free.splice(index..index + 2, [from, first, first + needed - 1, to]);
        let place = self.start + first * self.cluster;
        self.bytes[place..place + bytes.len()].copy_from_slice(bytes);
        place
    }

    /// The pieces of a file between its borders, in any order; the place of each, by its number.
    fn scatter(&mut self, file: &[u8], borders: &[usize], dice: &mut Dice) -> Vec<usize> {
        let mut order: Vec<usize> = (0..borders.len() - 1).collect();
        for index in (1..order.len()).rev() {
            order.swap(index, dice.roll(index as u64 + 1) as usize);
        }
        let mut places = vec![0; order.len()];
        for piece in order {
            places[piece] = self.put(&file[borders[piece]..borders[piece + 1]], dice);
        }
        places
    }

    fn scavenge(&self) -> (SharedDevice, Scavenge) {
        let device: SharedDevice = Arc::new(MemoryDevice::new(self.bytes.clone()));
        let found = scavenge(&device, 0..u64::MAX, &mut |_| Ok(())).unwrap();
        (device, found)
    }
}

fn of(found: &Scavenge, id: u128) -> &Scavenged {
    found.images.iter().find(|image| image.image_id == Uuid::from_u128(id)).unwrap()
}

fn whole(device: &dyn ReadDevice) -> Vec<u8> {
    read_vec(device, ByteOffset::ZERO, device.len().0 as usize).unwrap()
}

/// The chunks that come back whole, by their first clusters.
fn chunks(image: &Image) -> BTreeSet<u64> {
    let (mut frame, mut raw, mut good) = (Vec::new(), Vec::new(), BTreeSet::new());
    for page in 0..image.pages() {
        for entry in image.page(page).iter().flat_map(|page| page.iter()) {
            if image.read_frame(entry, &mut frame).is_ok() && unpack(entry, &frame, &mut raw).is_ok() {
                good.insert(entry.first_cluster.get());
            }
        }
    }
    good
}

/// So many cases more in a long run (`scripts/test --long`).
fn sweeps(cases: u64) -> u64 {
    if std::env::var_os("LIFEBOAT_LONG").is_some() { cases } else { 0 }
}

/// One image in fragments between left-overs of another one and, sometimes, of itself.
fn fragmented(seed: u64, cluster: usize, count: usize) -> (Disk, Vec<u8>, Vec<usize>, Vec<usize>) {
    let mut dice = Dice(seed);
    let file = image(10 + u128::from(seed % 2), cluster as u32);
    let mut disk = Disk::new(cluster, 5 * file.len() + (8 + 4 * count) * cluster, &mut dice);
    let old = image(20, cluster as u32);
    disk.put(&old[dice.roll(old.len() as u64 / 2) as usize / cluster * cluster..], &mut dice);
    if seed.is_multiple_of(3) {
        let copy = disk.put(&file, &mut dice);
        let from = copy + dice.roll(file.len() as u64 / 2) as usize;
        let harm = dice.bytes(file.len() / 3);
        disk.bytes[from..from + harm.len()].copy_from_slice(&harm);
    }
    let borders = borders(&file, cluster, count, &mut dice);
    let places = disk.scatter(&file, &borders, &mut dice);
    (disk, file, borders, places)
}

#[test]
fn fragments_anywhere_make_the_whole_image_again() {
    let fixed = [
        (1, 512, 0),
        (2, 512, 4),
        (3, 4096, 1),
        (4, 4096, 20),
        (5, 65536, 4),
        (6, 65536, 20),
        (7, 2048, 12),
        (9, 8192, 9),
    ];
    let more = (100..100 + sweeps(100)).map(|seed| (seed, 512 << (seed % 8), [1, 4, 20][seed as usize / 8 % 3]));
    for (seed, cluster, count) in fixed.into_iter().chain(more) {
        let (disk, file, borders, _) = fragmented(seed, cluster, count);
        let (device, found) = disk.scavenge();
        let image = of(&found, 10 + u128::from(seed % 2));
        let case = format!("seed {seed}, clusters of {cluster}, borders {borders:?}");
        assert_eq!((&image.damage, &found.left_out), (&vec![], &vec![]), "{case}");
        assert_eq!(image.bytes, file.len() as u64, "{case}");
        let again = image.device(device.clone()).unwrap();
        let differs = whole(&again).iter().zip(&file).position(|(a, b)| a != b);
        assert_eq!(differs, None, "{case}");
        let opened = Image::from_device(again, 1).unwrap();
        assert!(opened.damage().is_empty() && opened.check_layout().is_ok(), "{case}");
        assert_eq!(found.images.len(), 2, "{case}: the left-over of another image is kept apart");
    }
}

#[test]
fn what_is_destroyed_costs_the_chunks_it_was_in() {
    for seed in 30..38 + sweeps(100) {
        let (mut disk, file, borders, places) = fragmented(seed, 4096, 5);
        let mut dice = Dice(seed);
        let mut lost: Vec<bool> = vec![false; file.len()];
        for _ in 0..3 {
            let piece = dice.roll(places.len() as u64) as usize;
            let len = borders[piece + 1] - borders[piece];
            let at = dice.roll(len as u64) as usize / 512 * 512;
            let harm = (1 + dice.roll(8) as usize) * 512;
            let harm = harm.min(len - at);
            disk.bytes[places[piece] + at..][..harm].fill(0xee);
            lost[borders[piece] + at..borders[piece] + at + harm].fill(true);
        }
        let (device, found) = disk.scavenge();
        let image = of(&found, 10 + u128::from(seed % 2));
        assert!(image.header.is_some(), "seed {seed}: {:?}", image.damage);
        let opened = Image::from_device(image.device(device).unwrap(), 1).unwrap();
        let good = chunks(&opened);
        let units = units(&file);
        for (index, (from, _, to, chunk)) in units.iter().enumerate() {
            let Some(chunk) = chunk else { continue };
            let intact = !lost[*from..*to].contains(&true);
            // A border inside is found only where the next record is whole, and in the other fragment.
            let torn = borders.iter().any(|border| from < border && border < to);
            let next = units[index + 1..].iter().take(2).all(|next| !lost[next.0..next.1].contains(&true));
            if intact && (!torn || next) {
                assert!(good.contains(chunk), "seed {seed}: the chunk at {chunk} is whole, and did not come back");
            }
            if lost[*from + FRAME..*to].contains(&true) && seed % 3 != 0 {
                assert!(!good.contains(chunk), "seed {seed}: the chunk at {chunk} cannot be whole");
            }
        }
    }
}

#[test]
fn parts_and_blocks_are_found_in_any_order() {
    let mut dice = Dice(77);
    let split = write(Parts::new(600_000), 10, 4096).parts;
    let blocks =
        write(BlockWriter::new(Parts::new(usize::MAX), Uuid::from_u128(12)), 12, 4096).finish().unwrap().parts.concat();
    assert!(split.len() > 3);
    let mut disk = Disk::new(4096, 20 << 20, &mut dice);
    for part in split.iter().rev() {
        disk.put(part, &mut dice);
    }
    let list: Vec<usize> =
        (0..blocks.len() / 4096).step_by(7).map(|number| number * 4096).chain([blocks.len()]).collect();
    let places = disk.scatter(&blocks, &list, &mut dice);
    let (device, found) = disk.scavenge();
    assert_eq!(found.images.len(), 2, "records inside blocks make no image");
    let image = of(&found, 10);
    assert!(image.damage.is_empty() && !image.scattered, "{:?}", image.damage);
    assert!(whole(&image.device(device.clone()).unwrap()) == split.concat());
    let image = of(&found, 12);
    assert!(image.damage.is_empty() && image.scattered, "{:?}", image.damage);
    let opened = Image::from_device(image.device(device.clone()).unwrap(), 1).unwrap();
    opened.check_layout().unwrap();
    let all = chunks(&opened);
    assert_eq!(all.len() as u64, CLUSTERS / CHUNK);
    // The file of blocks itself opens as an image, too.
    let plain = Image::from_device(Arc::new(MemoryDevice::new(blocks.clone())), 1).unwrap();
    assert_eq!(chunks(&plain), all);
    // A block in the middle, and the last one: the index is lost.
    for lost in [places[places.len() / 2] + 4096, *places.last().unwrap()] {
        disk.bytes[lost + 100] ^= 1;
        let (device, found) = disk.scavenge();
        let image = of(&found, 12);
        assert!(!image.damage.is_empty());
        let opened = Image::from_device(image.device(device).unwrap(), 1).unwrap();
        assert!(chunks(&opened).len() + 2 >= all.len(), "{}", chunks(&opened).len());
    }
}

#[test]
fn a_lost_end_and_a_lost_beginning_are_made_again() {
    let file = image(10, 4096);
    let units = units(&file);
    let trailer = units[units.len() - 3];
    let mut dice = Dice(5);
    // All behind the trailer is gone: header copy, footer, seek table.
    for (from, to) in [(trailer.2, file.len()), (0, units[0].2)] {
        let mut disk = Disk::new(512, 2 * file.len(), &mut dice);
        let place = disk.put(&file, &mut dice);
        disk.bytes[place + from..place + to].fill(0x55);
        let (device, found) = disk.scavenge();
        let image = of(&found, 10);
        assert!(image.damage.is_empty(), "{:?}", image.damage);
        assert!(whole(&image.device(device).unwrap()) == file, "made again byte by byte");
    }
    // The beginning with the first frame, and the index page: walked by the copy of the header.
    let mut disk = Disk::new(512, 2 * file.len(), &mut dice);
    let place = disk.put(&file, &mut dice);
    let page = units[units.len() - 5];
    for (from, to) in [(0, units[1].2), (page.0, page.2)] {
        disk.bytes[place + from..place + to].fill(0x55);
    }
    let (device, found) = disk.scavenge();
    let image = of(&found, 10);
    assert!(!image.damage.is_empty());
    let opened = Image::from_device(image.device(device).unwrap(), 1).unwrap();
    assert_eq!(chunks(&opened).len() as u64, CLUSTERS / CHUNK, "{:?}", image.damage);
}

#[test]
fn a_border_in_any_record_is_found() {
    for (id, step) in [(10, 37), (11, 41)] {
        let file = image(id, 512);
        let mut dice = Dice(9);
        let inside = |border: &usize| units(&file).iter().any(|unit| unit.0 < *border && *border < unit.1);
        let all = || (512..file.len()).step_by(512);
        let borders: Vec<usize> =
            all().filter(inside).chain(all().filter(|border| !inside(border)).step_by(step * 20)).collect();
        assert!(borders.len() > 12);
        for border in borders {
            let mut disk = Disk::new(512, 2 * file.len(), &mut dice);
            disk.scatter(&file, &[0, border, file.len()], &mut dice);
            let (device, found) = disk.scavenge();
            let image = of(&found, id);
            assert!(image.damage.is_empty(), "border {border}: {:?}", image.damage);
            assert!(whole(&image.device(device).unwrap()) == file, "border {border}");
        }
    }
}

#[test]
fn a_table_of_contents_gives_the_header_back_and_tells_where_the_volume_began() {
    let file = image(10, 512);
    let units = units(&file);
    let copy = units[units.len() - 2];
    let toc = Toc {
        container_id: Uuid::from_u128(50),
        sequence: 1,
        written: jiff::Timestamp::UNIX_EPOCH,
        volume: super::super::VolumeRecord {
            kind: volume::Kind::Unknown,
            id: None,
            label: None,
            bytes: 1 << 30,
            start_bytes: 0,
            grid: Grid { cluster_bytes: 512, clusters: CLUSTERS },
        },
        partition: None,
        table: None,
        boot: Vec::new(),
        files: Vec::new(),
        images: vec![super::super::ImageRecord {
            name: "x".into(),
            image_id: Uuid::from_u128(10),
            base_id: None,
            kind: Kind::User,
            created: jiff::Timestamp::UNIX_EPOCH,
            bytes: file.len() as u64,
            parts: 1,
            scattered: false,
            digest: String::new(),
            header: Some(String::from_utf8(file[HEAD..units[0].1].to_vec()).unwrap()),
        }],
    };
    let mut dice = Dice(6);
    let mut disk = Disk::new(512, 2 * file.len(), &mut dice);
    let place = disk.put(&file, &mut dice);
    disk.bytes[place..place + 40].fill(0);
    disk.bytes[place + copy.0..place + copy.2].fill(0);
    let (_, found) = disk.scavenge();
    assert!(
        of(&found, 10).header.is_none() && of(&found, 10).damage.iter().any(|line| line.contains("header is lost"))
    );
    let start = disk.start as u64;
    let record = super::super::encode(&toc, ByteOffset(0), ByteLen(1 << 20)).unwrap();
    let at = disk.put(&record, &mut dice);
    let record = super::super::encode(&toc, ByteOffset(at as u64 - start), ByteLen(1 << 20)).unwrap();
    disk.bytes[at..at + record.len()].copy_from_slice(&record);
    let (device, found) = disk.scavenge();
    let image = of(&found, 10);
    assert_eq!((image.volume_start, &image.damage), (Some(start), &vec![]));
    assert!(whole(&image.device(device).unwrap()) == file);
}

/// Everything that can be asked of what was found.
fn use_all(bytes: Vec<u8>) {
    let device: SharedDevice = Arc::new(MemoryDevice::new(bytes));
    let found = scavenge(&device, 0..u64::MAX, &mut |_| Ok(())).unwrap();
    for image in &found.images {
        assert!(image.bytes <= device.len().0 + (1 << 20) && image.damage.len() <= MAX_SENTENCES + 1);
        assert!(image.pieces.is_sorted_by_key(|(offset, _)| *offset));
        let Ok(again) = image.device(device.clone()) else { panic!("a piece lies outside of the device") };
        if let Ok(opened) = Image::from_device(again, 1) {
            let _ = (chunks(&opened), opened.check_layout(), opened.map_of_damaged());
        }
    }
}

#[test]
fn nothing_a_disk_can_hold_makes_it_stumble() {
    let small = |id: u128| {
        let mut file = image(id, 512);
        file.truncate(units(&file)[6].2);
        [file, image(id, 512).split_off(image(id, 512).len() - 4000)].concat()
    };
    let (one, two) = (small(10), small(11));
    let blocks = {
        let mut writer = BlockWriter::new(Parts::new(usize::MAX), Uuid::from_u128(12));
        writer.write(&one).unwrap();
        writer.finish().unwrap().parts.concat()
    };
    for seed in 0..25 + sweeps(100) {
        let mut dice = Dice(seed);
        let mut disk = Disk::new(512, 4 << 20, &mut dice);
        for file in [&one, &two, &blocks, &one] {
            disk.put(file, &mut dice);
        }
        let len = disk.bytes.len() as u64;
        for _ in 0..40 {
            let (from, to, count) = (dice.roll(len - 9000), dice.roll(len - 9000), dice.roll(8000) as usize);
            match dice.roll(3) {
                0 => disk.bytes[from as usize] ^= 1 << dice.roll(8),
                1 => disk.bytes.copy_within(from as usize..from as usize + count, to as usize),
                _ => disk.bytes[from as usize..from as usize + count].fill(0),
            }
        }
        lie(&mut disk.bytes, &mut dice);
        use_all(disk.bytes);
    }
}

/// Changes fields of records' bodies and makes their digests right.
fn lie(bytes: &mut [u8], dice: &mut Dice) {
    let mut at = 0;
    while let Some(next) = memchr::memmem::find(&bytes[at..], &format::MAGIC) {
        let Some(start) = (at + next).checked_sub(8) else { return };
        at += next + 1;
        let Some(head) = bytes[start..].first_chunk() else { return };
        let Ok((head, _)) = RecordHead::parse(head, ByteOffset(0)) else { continue };
        let (body, end) = (start + HEAD, start + HEAD + head.body_len.get() as usize);
        if end > bytes.len() || dice.roll(3) > 0 {
            continue;
        }
        for _ in 0..1 + dice.roll(3) {
            let field = body + dice.roll((end - body).min(48) as u64) as usize;
            bytes[field] = [0, 0xff, 1, bytes[field].wrapping_add(1), 0x80][dice.roll(5) as usize];
        }
        let digest = *blake3::Hasher::new()
            .update(&bytes[start + 8..start + 40])
            .update(&bytes[body..end])
            .finalize()
            .as_bytes();
        bytes[start + 40..body].copy_from_slice(&digest);
    }
}

//! Reading an image by its index: header, bitmap, chunks in any order.

use std::cell::Cell;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use zerocopy::FromBytes;

use super::container::blocks;
use super::format::{
    self, Content, Entry, FOOTER, FooterBody, HEAD, MAP_PIECE, MAX_CHUNK, MAX_CLUSTERS, MAX_SEALS, PageRef, PartBody,
    RecordHead, RecordKind, RootHead, SEEK_MAGIC, VERSION,
};
use super::parts::{self, PartsDevice};
use super::volume::ImageVolume;
use super::{Header, Trailer, base, walk};
use crate::device::{FileDevice, ReadDevice, SharedDevice, read_array, read_vec};
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, ExtentSet};
use crate::unit::{ByteLen, ByteOffset, Cluster, Grid};
use crate::volume::ByteRange;

/// An open image.
pub struct Image {
    source: SharedDevice,
    header: Header,
    /// Where the header record ends.
    header_end: u64,
    trailer: Trailer,
    index: Index,
    damage: Vec<String>,
    parts: usize,
    /// The image that references lead to, once it is attached.
    pub(super) base: Option<Arc<Image>>,
    /// The index page last used: chunks are mostly read in order.
    page: Mutex<Option<(usize, Arc<Vec<Entry>>)>>,
}

/// Where everything is.
pub(super) struct Index {
    /// Partclone header, bitmap pieces, CRC.
    pub(super) entries: Vec<Entry>,
    pub(super) pages: Pages,
    pub(super) chunks: u64,
    /// BLAKE3 of the root record; none when there is no root.
    pub(super) digest: Option<[u8; 32]>,
    /// The footer; none when the index was found by walking.
    pub(super) footer: Option<Box<FooterBody>>,
}

pub(super) enum Pages {
    /// In the image, to be read when needed.
    Indexed(Vec<PageRef>),
    /// Found by walking the records of an image whose footer or root is damaged or missing.
    Walked(Vec<Arc<Vec<Entry>>>),
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({}, {} chunks)", self.header.image_id, self.index.chunks)
    }
}

impl Image {
    /// Opens an image, its parts, and the bases that lie beside it. A damaged one opens, as long as its header is
    /// whole in one of its two places; what is wrong with it is in [`damage`](Self::damage). A base that is not there
    /// is no damage: see [`needs_base`](Self::needs_base).
    ///
    /// # Errors
    /// When it is no image, or its header is damaged.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(base::Beside::new(path).attach(Self::open_alone(path)?))
    }

    /// An image and its parts, without its base.
    pub(super) fn open_alone(path: &Path) -> Result<Self> {
        let first = FileDevice::open(path)?;
        // Where the first record is damaged, the parts that fit say whose they are; the header's copy must agree.
        let id = Cell::new(read_first_header(&first).ok().map(|(header, _)| header.image_id));
        let scattered = blocks::owner(&first);
        let belongs = |part: &FileDevice, offset: u64, number: u32| {
            if let Some(image) = scattered {
                return blocks::continues(part, image, offset);
            }
            let Ok(record) = read_record(part, ByteOffset(0), id.get()) else { return false };
            let fits = record.kind == RecordKind::Part
                && format::body::<PartBody>(&record.body, ByteOffset(0))
                    .is_ok_and(|body| body.number.get() == number && body.offset.get() == offset);
            if fits {
                id.set(Some(record.head.image()));
            }
            fits
        };
        let device = PartsDevice::open(path, belongs)?;
        let parts = device.parts();
        let mut image = Self::from_device(Arc::new(device), parts).map_err(|error| error.context(path.display()))?;
        if !image.damage.is_empty() {
            image.damage.extend(parts::missing(path, parts as u32));
        }
        Ok(image)
    }

    /// The image in these bytes.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_device(source: SharedDevice, parts: usize) -> Result<Self> {
        let source = blocks::unwrap(source)?;
        let (header, header_end, lost) = read_header(&source)?;
        let mut damage = Vec::from_iter(lost);
        let (index, trailer) = match read_index(&source, &header) {
            Ok(found) => found,
            Err(error) => {
                damage.push(format!(
                    "The image has no usable index ({error}): it was cut short, a part is missing, or its end is damaged"
                ));
                let (index, lost) = walk::index(&source, &header, header_end);
                damage.extend(lost);
                (index, Trailer::default())
            }
        };
        Ok(Self { source, header, header_end, trailer, index, damage, parts, base: None, page: Mutex::new(None) })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The trailer; empty when the image was cut short.
    #[must_use]
    pub fn trailer(&self) -> &Trailer {
        &self.trailer
    }

    /// The image's length with all its parts.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.source.len().0
    }

    /// The bytes it is read from, all parts together.
    #[must_use]
    pub fn bytes_as_device(&self) -> SharedDevice {
        self.source.clone()
    }

    /// How many parts it has.
    #[must_use]
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// How many chunks it has.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.index.chunks
    }

    /// The digest that stands for all content, in hex; none for an image without an index.
    #[must_use]
    pub fn digest(&self) -> Option<String> {
        self.index.digest.map(|digest| blake3::Hash::from_bytes(digest).to_hex().to_string())
    }

    /// What is damaged as far as opening it told, in sentences: a missing index, footer or part.
    #[must_use]
    pub fn damage(&self) -> &[String] {
        &self.damage
    }

    /// How many index pages there are.
    #[must_use]
    pub fn pages(&self) -> usize {
        match &self.index.pages {
            Pages::Indexed(pages) => pages.len(),
            Pages::Walked(pages) => pages.len(),
        }
    }

    /// The entries of an index page, in the order of their clusters.
    ///
    /// # Errors
    /// When the page cannot be read or is damaged.
    pub fn page(&self, number: usize) -> Result<Arc<Vec<Entry>>> {
        let pages = match &self.index.pages {
            Pages::Walked(pages) => return pages.get(number).cloned().ok_or_else(|| no_page(number)),
            Pages::Indexed(pages) => pages,
        };
        let mut cached = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((have, page)) = &*cached
            && *have == number
        {
            return Ok(page.clone());
        }
        let reference = pages.get(number).ok_or_else(|| no_page(number))?;
        let page = Arc::new(read_page(&self.source, reference, &self.header)?);
        *cached = Some((number, page.clone()));
        Ok(page)
    }

    /// The number of the page in whose range of chunks `cluster` lies; that it has the chunk is not said.
    #[must_use]
    pub fn page_of(&self, cluster: Cluster) -> Option<usize> {
        let below = match &self.index.pages {
            Pages::Indexed(pages) => pages.partition_point(|page| page.first_cluster.get() <= cluster.0),
            Pages::Walked(pages) => {
                pages.partition_point(|page| page.first().is_some_and(|entry| entry.first_cluster.get() <= cluster.0))
            }
        };
        below.checked_sub(1)
    }

    /// The zstd frame of an entry, into `frame`; that of a reference from the base.
    ///
    /// # Errors
    /// When it cannot be read, the entry is absurd, or the base is not at hand or has other content there.
    pub fn read_frame(&self, entry: &Entry, frame: &mut Vec<u8>) -> Result<()> {
        match self.holder(entry)? {
            None => self.read_behind(entry, entry.frame_offset(), 0, frame),
            Some((base, held)) => base
                .read_behind(&held, held.frame_offset(), 0, frame)
                .map_err(|error| error.context(format_args!("the base image {}", base.header.image_id))),
        }
    }

    /// An entry's zstd frame and `head` bytes before it, which begin at `from`.
    pub(super) fn read_behind(&self, entry: &Entry, from: ByteOffset, head: usize, unit: &mut Vec<u8>) -> Result<()> {
        check_entry(entry, ByteOffset(entry.offset.get()))?;
        let len = head + entry.stored_len.get() as usize;
        crate::device::check_range(from, len, self.source.len())?;
        unit.resize(len, 0);
        self.source.read_at(from, unit)
    }

    /// The frame of a chunk, unpacked into `raw`.
    ///
    /// # Errors
    /// As [`read_frame`](Self::read_frame), and when it is damaged.
    pub(super) fn read_chunk(&self, entry: &Entry, raw: &mut Vec<u8>) -> Result<()> {
        let mut frame = Vec::new();
        self.read_frame(entry, &mut frame)?;
        match self.holder(entry)? {
            None => unpack(entry, &frame, raw),
            Some((base, held)) => unpack(&held, &frame, raw)
                .map_err(|error| error.context(format_args!("the base image {}", base.header.image_id))),
        }
    }

    pub(super) fn device(&self) -> &SharedDevice {
        &self.source
    }

    pub(super) fn header_end(&self) -> u64 {
        self.header_end
    }

    pub(super) fn footer(&self) -> Option<&FooterBody> {
        self.index.footer.as_deref()
    }

    /// Partclone header, bitmap pieces, CRC.
    pub(super) fn small_entries(&self) -> &[Entry] {
        &self.index.entries
    }

    pub(super) fn page_refs(&self) -> &Pages {
        &self.index.pages
    }

    /// Which clusters are in the image.
    ///
    /// # Errors
    /// When any piece of the bitmap is damaged.
    pub fn map(&self) -> Result<ClusterMap> {
        match self.map_pieces()? {
            (map, None) => Ok(map),
            (_, Some(error)) => Err(error),
        }
    }

    /// The same of a damaged image: clusters whose piece of the bitmap is damaged count as free, and are
    /// in the set.
    ///
    /// # Errors
    /// When the bitmap's extent is absurd.
    pub fn map_of_damaged(&self) -> Result<(ClusterMap, ExtentSet)> {
        let (map, _) = self.map_pieces()?;
        let whole = self.index.entries.iter().filter(|entry| entry.content == Content::MapPiece as u8);
        let known: ExtentSet = whole
            .filter(|entry| self.read_small(entry).is_ok())
            .map(|entry| crate::extent::Extent::new(entry.first_cluster.get(), entry.clusters.get().into()))
            .collect();
        Ok((map, known.complement(self.header.grid.clusters)))
    }

    fn map_pieces(&self) -> Result<(ClusterMap, Option<Error>)> {
        let clusters = self.header.grid.clusters;
        let mut map = ClusterMap::new(clusters);
        let mut wrong = None;
        let mut next = 0;
        for entry in self.index.entries.iter().filter(|entry| entry.content == Content::MapPiece as u8) {
            let first = entry.first_cluster.get();
            if first != next {
                wrong.get_or_insert_with(|| {
                    Error::damaged(format!("the bitmap of clusters {next} to {first} is missing"))
                });
            }
            next = first.saturating_add(entry.clusters.get().into());
            match self.read_small(entry) {
                Ok(bits) => map.set_bytes(Cluster(first), &bits, entry.clusters.get().into()),
                Err(error) => drop(wrong.get_or_insert(error.context(format!("the bitmap from cluster {first} on")))),
            }
        }
        if next != clusters {
            wrong.get_or_insert_with(|| Error::damaged(format!("the bitmap ends at cluster {next} of {clusters}")));
        }
        Ok((map, wrong))
    }

    /// Checks what stands beside the chunks: the partclone header and the bitmap's CRC, which only stock
    /// tools read.
    ///
    /// # Errors
    /// When one is damaged or missing.
    pub fn check_head(&self) -> Result<()> {
        let mut seen = 0;
        for entry in self.index.entries.iter().filter(|entry| entry.content != Content::MapPiece as u8) {
            self.read_small(entry)?;
            seen += 1;
        }
        if seen == 2 { Ok(()) } else { Err(Error::damaged("the partclone header or the bitmap's CRC is missing")) }
    }

    fn read_small(&self, entry: &Entry) -> Result<Vec<u8>> {
        let mut frame = Vec::new();
        self.read_frame(entry, &mut frame)?;
        let mut raw = Vec::new();
        unpack(entry, &frame, &mut raw)?;
        Ok(raw)
    }

    /// The volume in it as a device: used clusters from the chunks, all others zeros.
    ///
    /// # Errors
    /// When the bitmap is damaged.
    pub fn volume(self) -> Result<SharedDevice> {
        let map = self.map()?;
        Ok(Arc::new(ImageVolume::new(self, map)))
    }

    /// The same of a damaged image: clusters whose piece of the bitmap is damaged read as zeros, and those of
    /// damaged chunks give errors.
    ///
    /// # Errors
    /// When the bitmap's extent is absurd.
    pub fn lenient_volume(self) -> Result<SharedDevice> {
        let (map, _) = self.map_of_damaged()?;
        Ok(Arc::new(ImageVolume::new(self, map)))
    }
}

fn no_page(number: usize) -> Error {
    Error::damaged(format!("the image has no index page {number}"))
}

/// Checks the sizes of an entry against the format's limits, before anything is allocated.
///
/// # Errors
/// When one is over its limit.
pub(super) fn check_entry(entry: &Entry, place: ByteOffset) -> Result<()> {
    let (raw, stored) = (entry.raw_len.get(), entry.stored_len.get());
    let limit = if entry.is_chunk() { MAX_CHUNK } else { MAP_PIECE as u32 };
    if raw > limit || stored as usize > zstd::zstd_safe::compress_bound(limit as usize) {
        return Err(Error::corrupt(
            place,
            format_args!("a frame of at most {limit} bytes"),
            format_args!("{raw} ({stored} stored)"),
        ));
    }
    Ok(())
}

/// Decompresses a frame into `raw` and checks it against the entry's length and digest.
///
/// # Errors
/// When it is damaged.
pub fn unpack(entry: &Entry, frame: &[u8], raw: &mut Vec<u8>) -> Result<()> {
    unpack_with(
        &mut zstd::bulk::Decompressor::new().map_err(|error| Error::io("decompressing", error))?,
        entry,
        frame,
        raw,
    )
}

/// [`unpack`] with a decompressor that is kept.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_with(
    decompressor: &mut zstd::bulk::Decompressor<'_>,
    entry: &Entry,
    frame: &[u8],
    raw: &mut Vec<u8>,
) -> Result<()> {
    let len = entry.raw_len.get() as usize;
    let place = entry.frame_offset();
    raw.resize(len, 0);
    match decompressor.decompress_to_buffer(frame, &mut raw[..]) {
        Ok(got) if got == len => {}
        Ok(got) => return Err(Error::corrupt(place, format_args!("{len} bytes in a frame"), got)),
        Err(error) => return Err(Error::corrupt(place, "a whole zstd frame", error)),
    }
    if *blake3::hash(raw).as_bytes() == entry.digest {
        Ok(())
    } else {
        Err(Error::corrupt(place, "content that matches its digest", "other content"))
    }
}

/// A record, read and checked.
pub(super) struct Record {
    pub(super) kind: RecordKind,
    pub(super) head: RecordHead,
    pub(super) body: Vec<u8>,
    pub(super) end: u64,
}

/// Reads the record at `offset`; of the image `id`, if that is known.
pub(super) fn read_record(source: &dyn ReadDevice, offset: ByteOffset, id: Option<uuid::Uuid>) -> Result<Record> {
    let (head, kind) = RecordHead::parse(&read_array::<HEAD>(source, offset)?, offset)?;
    let body_at = ByteOffset(offset.0 + HEAD as u64);
    let body = read_vec(source, body_at, head.body_len.get() as usize)?;
    head.check(&body, offset)?;
    if id.is_some_and(|id| id != head.image()) {
        return Err(Error::corrupt(offset, "a record of this image", format_args!("one of image {}", head.image())));
    }
    Ok(Record { kind, head, end: body_at.0 + body.len() as u64, body })
}

/// The header, the length of its record, and, when it is the copy's, in words why the first was not taken.
fn read_header(source: &SharedDevice) -> Result<(Header, u64, Option<String>)> {
    let error = match read_first_header(source) {
        Ok((header, end)) => return Ok((header, end, None)),
        Err(error) => error,
    };
    let Ok((header, len)) = read_second_header(source) else { return Err(error) };
    let lost = format!(
        "The image's beginning is destroyed ({}); what it says of itself was taken from the copy at its end",
        error.without_advice()
    );
    Ok((header, len, Some(lost)))
}

fn read_first_header(source: &dyn ReadDevice) -> Result<(Header, u64)> {
    let record = read_record(source, ByteOffset(0), None)
        .map_err(|error| error.context("this is no Lifeboat image, or its header is damaged"))?;
    if record.kind != RecordKind::Header {
        return Err(Error::corrupt(ByteOffset(0), "an image's header", format_args!("{:?}", record.kind))
            .advise("This looks like a further part of a split image: name its first part (.lbi)"));
    }
    let header: Header = parse_text(&record.body, ByteOffset(HEAD as u64))?;
    check_header(&header)?;
    Ok((header, record.end))
}

pub(super) fn parse_text<T: serde::de::DeserializeOwned>(body: &[u8], place: ByteOffset) -> Result<T> {
    let text = std::str::from_utf8(body).map_err(|error| Error::corrupt(place, "UTF-8 text", error))?;
    toml::from_str(text).map_err(|error| Error::corrupt(place, "the image's text fields", error.message()))
}

/// What the rest of the code relies on, whoever wrote the header.
pub(super) fn check_header(header: &Header) -> Result<()> {
    let Grid { cluster_bytes, clusters } = header.grid;
    let wrong = |what: &str| Err(Error::damaged(format!("the image's header has an impossible {what}")));
    if header.format_version != u32::from(VERSION) {
        return Err(Error::unsupported(format!("the image is of format version {}", header.format_version))
            .advise("Use a newer lifeboat"));
    }
    if !cluster_bytes.is_power_of_two() || !(Grid::MIN_CLUSTER_BYTES..=Grid::MAX_CLUSTER_BYTES).contains(&cluster_bytes)
    {
        return wrong("cluster size");
    }
    if clusters == 0 || clusters > MAX_CLUSTERS {
        return wrong("cluster count");
    }
    if header.image_clusters > clusters {
        return wrong("count of image clusters");
    }
    if header.base_image_id == Some(header.image_id) {
        return wrong("base: the image itself");
    }
    let chunk = header.chunk_clusters.checked_mul(cluster_bytes.into());
    if chunk.is_none_or(|bytes| bytes == 0 || bytes > u64::from(MAX_CHUNK)) {
        return wrong("chunk size");
    }
    let len = header.grid.len().0;
    let inside = |offset: ByteOffset, bytes: u64| offset.0.checked_add(bytes).is_some_and(|end| end <= len);
    let anchors = &header.anchors;
    if anchors.seals.len() > 64 || anchors.hidden_sectors.len() > 64 {
        return wrong("number of anchors");
    }
    let is_seal = |seal: &ByteRange| {
        let sectors = seal.offset.0.is_multiple_of(512) && seal.len.0.is_multiple_of(512) && seal.len.0 > 0;
        sectors && seal.len.0 <= MAX_SEALS && inside(seal.offset, seal.len.0)
    };
    if !anchors.seals.iter().all(is_seal) || anchors.seals.iter().map(|seal| seal.len.0).sum::<u64>() > MAX_SEALS {
        return wrong("seal");
    }
    // Each seal's bytes are held back on their own: one byte in two of them would be restored as a mask.
    let apart = |a: &ByteRange, b: &ByteRange| a.offset.0 + a.len.0 <= b.offset.0 || b.offset.0 + b.len.0 <= a.offset.0;
    if !anchors.seals.iter().enumerate().all(|(i, a)| anchors.seals[..i].iter().all(|b| apart(a, b))) {
        return wrong("pair of seals: they overlap");
    }
    let sealed = |field: &ByteOffset| {
        anchors.seals.iter().any(|seal| {
            seal.offset <= *field && field.0.checked_add(4).is_some_and(|end| end <= seal.offset.0 + seal.len.0)
        })
    };
    if !anchors.hidden_sectors.iter().all(sealed) {
        return wrong("place of hidden sectors");
    }
    Ok(())
}

/// The header's copy, found from the image's end, and the length of its record.
fn read_second_header(source: &SharedDevice) -> Result<(Header, u64)> {
    let (footer, id) = read_footer(source, None)?;
    let Some(copy) = header_copy(source, &footer, id)? else {
        return Err(Error::damaged("the image has no copy of its header"));
    };
    let header: Header = parse_text(&copy.body, ByteOffset(copy.end - copy.body.len() as u64))?;
    check_header(&header)?;
    Ok((header, (HEAD + copy.body.len()) as u64))
}

/// The copy of the header behind the trailer; none in images made before there was one.
pub(super) fn header_copy(source: &dyn ReadDevice, footer: &FooterBody, id: uuid::Uuid) -> Result<Option<Record>> {
    let behind = footer.trailer_offset.get().saturating_add(footer.trailer_len.get());
    let mut record = read_record(source, ByteOffset(behind), Some(id))?;
    if record.kind == RecordKind::Part {
        record = read_record(source, ByteOffset(record.end), Some(id))?;
    }
    Ok((record.kind == RecordKind::Header).then_some(record))
}

/// The footer, and whose it is; of the image `id`, if that is known.
pub(super) fn read_footer(source: &dyn ReadDevice, id: Option<uuid::Uuid>) -> Result<(FooterBody, uuid::Uuid)> {
    let at = footer_offset(source)?;
    let record = read_record(source, ByteOffset(at), id)?;
    if record.kind != RecordKind::Footer {
        return Err(Error::corrupt(ByteOffset(at), "a footer", format_args!("{:?}", record.kind)));
    }
    let footer: FooterBody = format::body(&record.body, ByteOffset(at))?;
    if footer.offset.get() != at {
        return Err(Error::corrupt(ByteOffset(at), format_args!("a footer at byte {}", footer.offset), at));
    }
    Ok((footer, record.head.image()))
}

fn read_index(source: &SharedDevice, header: &Header) -> Result<(Index, Trailer)> {
    let len = source.len().0;
    let (footer, _) = read_footer(source, Some(header.image_id))?;
    let at = footer.offset.get();
    let root_offset = ByteOffset(footer.root_offset.get());
    if footer.root_len.get() > len || footer.root_len.get() > u64::from(format::MAX_ROOT) {
        return Err(Error::corrupt(ByteOffset(at), "a root within the image", footer.root_len));
    }
    let root = read_record(source, root_offset, Some(header.image_id))?;
    let digest = *blake3::Hasher::new()
        .update(zerocopy::IntoBytes::as_bytes(&root.head))
        .update(&root.body)
        .finalize()
        .as_bytes();
    if root.kind != RecordKind::Root || digest != footer.root_digest {
        return Err(Error::corrupt(root_offset, "the root that the footer names", "another record"));
    }
    let trailer_offset = ByteOffset(footer.trailer_offset.get());
    let trailer = read_record(source, trailer_offset, Some(header.image_id))?;
    if trailer.kind != RecordKind::Trailer {
        return Err(Error::corrupt(trailer_offset, "a trailer", format_args!("{:?}", trailer.kind)));
    }
    let trailer = parse_text(&trailer.body, trailer_offset)?;
    let index = parse_root(&root.body, root_offset, digest)?;
    Ok((Index { footer: Some(Box::new(footer)), ..index }, trailer))
}

/// Where the footer is: before the seek table, or at the end.
fn footer_offset(source: &dyn ReadDevice) -> Result<u64> {
    let len = source.len().0;
    let too_short = || Error::damaged("the file is too short for an image");
    let tail: [u8; 9] = read_array(source, ByteOffset(len.checked_sub(9).ok_or_else(too_short)?))?;
    let behind = if tail[5..] == SEEK_MAGIC.to_le_bytes() {
        17 + 8 * u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]))
    } else {
        0
    };
    len.checked_sub(behind + FOOTER as u64).ok_or_else(too_short)
}

fn parse_root(body: &[u8], place: ByteOffset, digest: [u8; 32]) -> Result<Index> {
    let wrong = || Error::corrupt(place, "a whole root", format_args!("{} bytes", body.len()));
    let (head, rest) = RootHead::read_from_prefix(body).map_err(|_| wrong())?;
    let (entries, pages) = (head.entries.get() as usize, head.pages.get() as usize);
    let split = entries.checked_mul(size_of::<Entry>()).filter(|bytes| *bytes <= rest.len()).ok_or_else(wrong)?;
    let (entry_bytes, page_bytes) = rest.split_at(split);
    if pages.checked_mul(size_of::<PageRef>()) != Some(page_bytes.len()) {
        return Err(wrong());
    }
    let entries =
        entry_bytes.chunks_exact(size_of::<Entry>()).filter_map(|raw| Entry::read_from_bytes(raw).ok()).collect();
    let pages =
        page_bytes.chunks_exact(size_of::<PageRef>()).filter_map(|raw| PageRef::read_from_bytes(raw).ok()).collect();
    Ok(Index { entries, pages: Pages::Indexed(pages), chunks: head.chunks.get(), digest: Some(digest), footer: None })
}

fn read_page(source: &SharedDevice, reference: &PageRef, header: &Header) -> Result<Vec<Entry>> {
    let place = ByteOffset(reference.offset.get());
    let record = read_record(source, place, Some(header.image_id))?;
    let digest = *blake3::Hasher::new()
        .update(zerocopy::IntoBytes::as_bytes(&record.head))
        .update(&record.body)
        .finalize()
        .as_bytes();
    if record.kind != RecordKind::Page || digest != reference.digest {
        return Err(Error::corrupt(place, "the index page that the root names", "another record"));
    }
    let entries: Vec<Entry> =
        record.body.chunks_exact(size_of::<Entry>()).filter_map(|raw| Entry::read_from_bytes(raw).ok()).collect();
    check_order(&entries, header, place)?;
    Ok(entries)
}

/// Chunks begin at multiples of the chunk size, in order, inside the volume, and hold no more clusters
/// than fit. References are only in images that have a base, and have nothing stored.
pub(super) fn check_order(entries: &[Entry], header: &Header, place: ByteOffset) -> Result<()> {
    let mut next = 0;
    for entry in entries {
        let (first, clusters) = (entry.first_cluster.get(), u64::from(entry.clusters.get()));
        let raw = clusters.saturating_mul(header.grid.cluster_bytes.into());
        let fits = first >= next
            && first.is_multiple_of(header.chunk_clusters)
            && first < header.grid.clusters
            && clusters <= header.chunk_clusters.min(header.grid.clusters - first)
            && raw == u64::from(entry.raw_len.get())
            && entry.is_chunk();
        if !fits {
            return Err(Error::corrupt(
                place,
                "chunks in order",
                format_args!("one at cluster {first} with {clusters} clusters"),
            ));
        }
        if entry.is_reference() && header.base_image_id.is_none() {
            let found = format_args!("a reference to a base at cluster {first}").to_string();
            return Err(Error::corrupt(place, "no references, since the image names no base", found));
        }
        if entry.is_reference() && entry.stored_len.get() != 0 {
            let found = format_args!("{} bytes at cluster {first}", entry.stored_len).to_string();
            return Err(Error::corrupt(place, "a reference, behind which nothing is stored", found));
        }
        check_entry(entry, place)?;
        next = first + header.chunk_clusters;
    }
    Ok(())
}

/// Bytes that an image's clusters take.
#[must_use]
pub fn content_bytes(header: &Header) -> ByteLen {
    header.grid.bytes_of(header.image_clusters)
}

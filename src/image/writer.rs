//! Writing an image, forward only: header, bitmap, chunks in order, index, footer, seek table.

use uuid::Uuid;
use zerocopy::IntoBytes;

use super::format::{
    Content, Entry, FOOTER, FRAME, FooterBody, MAP_PIECE, MAX_SEEK_FRAMES, PAGE_CHUNKS, PageRef, PartBody, RecordKind,
    RootHead, SEEK_MAGIC, SEEK_SKIPPABLE, record,
};
use super::{Header, Trailer, partclone};
use crate::error::{Error, Result};
use crate::extent::ClusterMap;
use crate::unit::{ByteOffset, Cluster};

/// Level for the bitmap's pieces: they are small, and runs.
const MAP_LEVEL: i32 = 3;

/// Where an image's bytes go: a pipe, or a file and its further parts.
pub trait Sink {
    /// Makes room for a unit of `len` bytes that must not be torn between two parts. When that begins a
    /// new part, its number: the writer then begins it with a part record.
    ///
    /// # Errors
    /// When a new part cannot be made.
    fn room(&mut self, len: u64) -> Result<Option<u32>>;

    /// Takes all the bytes.
    ///
    /// # Errors
    /// When the medium is full or fails.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
}

/// A chunk, compressed: what a compressor hands to the writer.
#[derive(Debug)]
pub struct PackedChunk {
    /// First cluster of the chunk's span.
    pub first_cluster: Cluster,
    /// Clusters in it.
    pub clusters: u32,
    /// Length of the content.
    pub raw_len: u32,
    /// BLAKE3 of the content.
    pub digest: [u8; 32],
    /// The zstd frame.
    pub frame: Vec<u8>,
}

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// Bytes in all parts.
    pub bytes: u64,
    /// Parts.
    pub parts: u32,
    /// BLAKE3 of the root record: stands for all content.
    pub digest: [u8; 32],
}

/// Writes one image to a [`Sink`].
pub struct ImageWriter<S> {
    sink: S,
    image_id: Uuid,
    /// The header's record, to be written once more at the end.
    header: Vec<u8>,
    has_base: bool,
    at: u64,
    parts: u32,
    entries: Vec<Entry>,
    page: Vec<Entry>,
    pages: Vec<PageRef>,
    chunks: u64,
    /// Stored and content size of every frame; `None` once there are too many.
    seek: Option<Vec<[u32; 2]>>,
}

impl<S: Sink> ImageWriter<S> {
    /// Begins an image: writes the header and the partclone header.
    ///
    /// # Errors
    /// When the sink fails, or the header is longer than the format allows.
    pub fn create(sink: S, header: &Header) -> Result<Self> {
        let mut writer = Self {
            sink,
            image_id: header.image_id,
            header: text_record(RecordKind::Header, header.image_id, header)?,
            has_base: header.base_image_id.is_some(),
            at: 0,
            parts: 1,
            entries: Vec::new(),
            page: Vec::new(),
            pages: Vec::new(),
            chunks: 0,
            seek: Some(Vec::new()),
        };
        writer.put_header()?;
        writer.put_small(Content::PartcloneHeader, Cluster(0), 0, &partclone::header(header))?;
        Ok(writer)
    }

    /// Writes the bitmap and its CRC.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn write_map(&mut self, map: &ClusterMap) -> Result<()> {
        let bytes = map.clusters().div_ceil(8);
        let mut crc = partclone::Crc::default();
        let mut at = 0;
        while at < bytes {
            let mut piece = vec![0; (bytes - at).min(MAP_PIECE as u64) as usize];
            map.copy_bytes(Cluster(at * 8), &mut piece);
            crc = crc.update(&piece);
            let bits = (map.clusters() - at * 8).min(piece.len() as u64 * 8);
            self.put_small(Content::MapPiece, Cluster(at * 8), bits as u32, &piece)?;
            at += piece.len() as u64;
        }
        self.put_small(Content::MapCrc, Cluster(0), 0, &crc.bytes())
    }

    /// Writes the next chunk. Chunks come in the order of their clusters.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn write_chunk(&mut self, chunk: &PackedChunk) -> Result<()> {
        let entry = Entry {
            offset: 0.into(),
            first_cluster: chunk.first_cluster.0.into(),
            clusters: chunk.clusters.into(),
            raw_len: chunk.raw_len.into(),
            stored_len: (chunk.frame.len() as u32).into(),
            content: Content::Chunk as u8,
            reserved: [0; 3],
            digest: chunk.digest,
        };
        self.put_chunk(entry, &chunk.frame)
    }

    /// Writes the next chunk as a reference: its content, of this length and digest, is that of the base's chunk of the
    /// same span. References come among the chunks, in the order of their clusters.
    ///
    /// # Errors
    /// When the sink fails, or the header names no base.
    pub fn write_reference(
        &mut self,
        first_cluster: Cluster,
        clusters: u32,
        raw_len: u32,
        digest: [u8; 32],
    ) -> Result<()> {
        if !self.has_base {
            return Err(Error::damaged("a chunk was to refer to the base of an image that has none"));
        }
        let entry = Entry {
            offset: 0.into(),
            first_cluster: first_cluster.0.into(),
            clusters: clusters.into(),
            raw_len: raw_len.into(),
            stored_len: 0.into(),
            content: Content::Reference as u8,
            reserved: [0; 3],
            digest,
        };
        self.put_chunk(entry, &[])
    }

    /// Ends the image: the last index page, root, trailer, the header once more, footer and seek table. Gives the sink back, for
    /// it to be flushed.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn finish(mut self, trailer: &Trailer) -> Result<(S, Written)> {
        if !self.page.is_empty() {
            self.put_page()?;
        }
        let mut root = RootHead {
            entries: (self.entries.len() as u32).into(),
            pages: (self.pages.len() as u32).into(),
            chunks: self.chunks.into(),
        }
        .as_bytes()
        .to_vec();
        root.extend_from_slice(self.entries.as_bytes());
        root.extend_from_slice(self.pages.as_bytes());
        let root = record(RecordKind::Root, self.image_id, &root);
        let digest = *blake3::hash(&root).as_bytes();
        let root_offset = self.put_record(&root)?;
        let trailer = text_record(RecordKind::Trailer, self.image_id, trailer)?;
        let trailer_offset = self.put_record(&trailer)?;
        self.put_header()?;
        self.make_room(FOOTER as u64)?;
        let footer = FooterBody {
            root_offset: root_offset.0.into(),
            root_len: (root.len() as u64).into(),
            trailer_offset: trailer_offset.0.into(),
            trailer_len: (trailer.len() as u64).into(),
            offset: self.at.into(),
            chunks: self.chunks.into(),
            parts: self.parts.into(),
            reserved: 0.into(),
            root_digest: digest,
        };
        let footer = record(RecordKind::Footer, self.image_id, footer.as_bytes());
        self.write_frame(&footer, 0)?;
        self.put_seek_table()?;
        Ok((self.sink, Written { bytes: self.at, parts: self.parts, digest }))
    }

    /// The sink, for what it counts.
    pub fn sink(&mut self) -> &mut S {
        &mut self.sink
    }

    fn put_header(&mut self) -> Result<()> {
        let bytes = std::mem::take(&mut self.header);
        let put = self.put_record(&bytes).map(drop);
        self.header = bytes;
        put
    }

    fn put_chunk(&mut self, entry: Entry, frame: &[u8]) -> Result<()> {
        let entry = self.put_unit(entry, frame)?;
        self.page.push(entry);
        self.chunks += 1;
        if self.page.len() == PAGE_CHUNKS { self.put_page() } else { Ok(()) }
    }

    /// A piece of the stream's head: compressed here, and remembered for the root.
    fn put_small(&mut self, content: Content, first: Cluster, clusters: u32, raw: &[u8]) -> Result<()> {
        let frame = zstd::bulk::compress(raw, MAP_LEVEL).map_err(|error| Error::io("compressing", error))?;
        let entry = Entry {
            offset: 0.into(),
            first_cluster: first.0.into(),
            clusters: clusters.into(),
            raw_len: (raw.len() as u32).into(),
            stored_len: (frame.len() as u32).into(),
            content: content as u8,
            reserved: [0; 3],
            digest: *blake3::hash(raw).as_bytes(),
        };
        let entry = self.put_unit(entry, &frame)?;
        self.entries.push(entry);
        Ok(())
    }

    fn put_unit(&mut self, mut entry: Entry, frame: &[u8]) -> Result<Entry> {
        self.make_room((FRAME + frame.len()) as u64)?;
        entry.offset = self.at.into();
        let head = record(RecordKind::Frame, self.image_id, entry.as_bytes());
        self.write_frame(&head, 0)?;
        if !entry.is_reference() {
            self.write_frame(frame, entry.raw_len.get())?;
        }
        Ok(entry)
    }

    fn put_page(&mut self) -> Result<()> {
        let bytes = record(RecordKind::Page, self.image_id, self.page.as_bytes());
        let offset = self.put_record(&bytes)?;
        self.pages.push(PageRef {
            offset: offset.0.into(),
            len: (bytes.len() as u32).into(),
            chunks: (self.page.len() as u32).into(),
            first_cluster: self.page.first().map_or(0.into(), |entry| entry.first_cluster),
            digest: *blake3::hash(&bytes).as_bytes(),
        });
        self.page.clear();
        Ok(())
    }

    fn put_record(&mut self, bytes: &[u8]) -> Result<ByteOffset> {
        self.make_room(bytes.len() as u64)?;
        let at = ByteOffset(self.at);
        self.write_frame(bytes, 0)?;
        Ok(at)
    }

    fn make_room(&mut self, len: u64) -> Result<()> {
        let Some(number) = self.sink.room(len)? else { return Ok(()) };
        self.parts = number + 1;
        let body = PartBody { offset: self.at.into(), number: number.into(), reserved: 0.into() };
        let bytes = record(RecordKind::Part, self.image_id, body.as_bytes());
        self.write_frame(&bytes, 0)
    }

    fn write_frame(&mut self, bytes: &[u8], content: u32) -> Result<()> {
        if self.seek.as_ref().is_some_and(|frames| frames.len() >= MAX_SEEK_FRAMES) {
            self.seek = None;
        }
        if let Some(frames) = &mut self.seek {
            frames.push([bytes.len() as u32, content]);
        }
        self.sink.write(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn put_seek_table(&mut self) -> Result<()> {
        let Some(frames) = self.seek.take() else { return Ok(()) };
        let payload = frames.len() * 8 + 9;
        let mut bytes = Vec::with_capacity(8 + payload);
        bytes.extend(SEEK_SKIPPABLE.to_le_bytes());
        bytes.extend((payload as u32).to_le_bytes());
        for size in frames.iter().flatten() {
            bytes.extend(size.to_le_bytes());
        }
        bytes.extend((frames.len() as u32).to_le_bytes());
        bytes.push(0);
        bytes.extend(SEEK_MAGIC.to_le_bytes());
        self.sink.write(&bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

/// A record of text fields.
fn text_record(kind: RecordKind, image_id: Uuid, text: &impl serde::Serialize) -> Result<Vec<u8>> {
    let text = toml::to_string(text).map_err(|error| Error::damaged(format!("the image's text fields: {error}")))?;
    if text.len() > super::format::MAX_TEXT as usize {
        return Err(Error::refused(format!("the image's header would be {} bytes long", text.len()))
            .advise("Leave fewer files out, with wider patterns"));
    }
    Ok(record(kind, image_id, text.as_bytes()))
}

//! Reading an image front to back, from a pipe.

use std::io::Read;

use uuid::Uuid;

use super::Header;
use super::format::{self, Content, Entry, FooterBody, HEAD, RecordHead, RecordKind, SEEK_SKIPPABLE};
use super::reader::{check_entry, check_header, check_order, parse_text, unpack};
use crate::error::{Error, Result};
use crate::extent::ClusterMap;
use crate::unit::{ByteOffset, Cluster};

/// An image that comes from a pipe. Its chunks are checked one by one; that it is complete is known only when
/// its footer has come.
pub struct ImageStream<R> {
    records: Records<R>,
    header: Header,
    next: u64,
}

/// The records of an image as they come.
struct Records<R> {
    source: R,
    /// Whose records they are, once the header told.
    id: Option<Uuid>,
    at: u64,
    complete: bool,
}

impl<R: Read> ImageStream<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// When it is no image, or one that has a base: only its differences would come.
    pub fn open(source: R) -> Result<Self> {
        let mut records = Records { source, id: None, at: 0, complete: false };
        let (kind, body) = records.record()?.ok_or_else(cut_short)?;
        if kind != RecordKind::Header {
            return Err(Error::corrupt(ByteOffset(0), "an image's header", format_args!("{kind:?}")));
        }
        let header: Header = parse_text(&body, ByteOffset(HEAD as u64))?;
        check_header(&header)?;
        if let Some(base) = header.base_image_id {
            return Err(Error::refused(format!(
                "the image {} in the pipe holds only what differs from its base image {base}, which a pipe cannot bring",
                header.image_id
            ))
            .advise("Restore it from a file (.lbi) beside its base, or pipe a full image"));
        }
        records.id = Some(header.image_id);
        Ok(Self { records, header, next: 0 })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the bitmap; to be called once, before the chunks.
    ///
    /// # Errors
    /// When the pipe ends early or the bitmap is damaged.
    pub fn map(&mut self) -> Result<ClusterMap> {
        let mut map = ClusterMap::new(self.header.grid.clusters);
        let mut next = 0;
        let (mut frame, mut raw) = (Vec::new(), Vec::new());
        loop {
            let entry = self.records.frame(&mut frame)?.ok_or_else(cut_short)?;
            unpack(&entry, &frame, &mut raw)?;
            if entry.content == Content::MapCrc as u8 {
                break;
            }
            if entry.content == Content::MapPiece as u8 {
                if entry.first_cluster.get() != next {
                    return Err(Error::damaged(format!("the bitmap from cluster {next} on is missing")));
                }
                map.set_bytes(Cluster(next), &raw, entry.clusters.get().into());
                next += u64::from(entry.clusters.get());
            }
        }
        if next != map.clusters() {
            return Err(Error::damaged(format!("the bitmap ends at cluster {next} of {}", map.clusters())));
        }
        Ok(map)
    }

    /// The next chunk's entry, its zstd frame into `frame`; none after the last.
    ///
    /// # Errors
    /// When the pipe ends early, or a record is damaged.
    pub fn next_chunk(&mut self, frame: &mut Vec<u8>) -> Result<Option<Entry>> {
        let Some(entry) = self.records.frame(frame)? else {
            return if self.records.complete { Ok(None) } else { Err(cut_short()) };
        };
        let place = ByteOffset(self.records.at);
        check_order(std::slice::from_ref(&entry), &self.header, place)?;
        if entry.first_cluster.get() < self.next {
            return Err(Error::corrupt(place, "chunks in order", "an earlier one"));
        }
        self.next = entry.first_cluster.get() + self.header.chunk_clusters;
        Ok(Some(entry))
    }
}

impl<R: Read> Records<R> {
    /// The next frame record and its frame; other records are checked and passed over.
    fn frame(&mut self, frame: &mut Vec<u8>) -> Result<Option<Entry>> {
        while let Some((kind, body)) = self.record()? {
            match kind {
                RecordKind::Frame => {
                    let entry: Entry = format::body(&body, ByteOffset(self.at))?;
                    check_entry(&entry, ByteOffset(self.at))?;
                    frame.resize(entry.stored_len.get() as usize, 0);
                    self.fill(frame)?;
                    return Ok(Some(entry));
                }
                RecordKind::Footer => {
                    let begin = self.at - (HEAD + body.len()) as u64;
                    let footer: FooterBody = format::body(&body, ByteOffset(begin))?;
                    self.complete = footer.offset.get() == begin;
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// The next record; none at the end of the pipe or at the seek table.
    fn record(&mut self) -> Result<Option<(RecordKind, Vec<u8>)>> {
        let place = ByteOffset(self.at);
        let mut head = [0; HEAD];
        if self.complete {
            // Only the seek table follows; the writer at the other end must not see a broken pipe.
            let drained = std::io::copy(&mut self.source, &mut std::io::sink());
            drained.map_err(|error| Error::io("reading the image from the pipe", error))?;
            return Ok(None);
        }
        self.fill(&mut head)?;
        if head[..4] == SEEK_SKIPPABLE.to_le_bytes() {
            return Ok(None);
        }
        let (head, kind) = RecordHead::parse(&head, place)?;
        if self.id.is_some_and(|id| id != head.image()) {
            return Err(Error::corrupt(place, "a record of this image", format_args!("one of image {}", head.image())));
        }
        let mut body = Vec::new();
        let wanted = u64::from(head.body_len.get());
        // Grows with what comes: a length alone allocates nothing.
        let got = (&mut self.source).take(wanted).read_to_end(&mut body);
        if got.map_err(|error| Error::io("reading the image from the pipe", error))? as u64 != wanted {
            return Err(cut_short());
        }
        self.at += wanted;
        head.check(&body, place)?;
        Ok(Some((kind, body)))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.source.read_exact(bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => cut_short(),
            _ => Error::io("reading the image from the pipe", error),
        })?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

fn cut_short() -> Error {
    Error::damaged("the image was cut short: its end did not come")
}

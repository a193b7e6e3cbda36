//! What verification checks beside the content: that every byte of an image belongs to something, and that
//! what only stock tools read (the seek table) says what is there.

use zerocopy::IntoBytes;

use super::format::{
    self, Content, Entry, FRAME, FooterBody, HEAD, MAX_SEEK_FRAMES, PartBody, RecordKind, SEEK_MAGIC, SEEK_SKIPPABLE,
    record,
};
use super::reader::{Image, Pages, header_copy, read_record};
use crate::device::{ReadDevice, read_array, read_vec};
use crate::error::{Error, Result};
use crate::unit::ByteOffset;

/// Bytes of the seek table compared at a time.
const WINDOW: u64 = 1 << 20;

/// A walk over an image from its first byte to its last, by what the index says is there.
struct Layout<'a> {
    image: &'a Image,
    at: u64,
    frames: u64,
    parts: u32,
    /// Over the entries that the seek table must have.
    seek: blake3::Hasher,
}

impl Image {
    /// Checks that records and frames follow each other without a gap as the index says, that the footer counts
    /// them right, and that the seek table names them. The records before chunks are not read: see
    /// [`read_unit`](Self::read_unit). Nothing is checked when there is no index.
    ///
    /// # Errors
    /// When anything is not as it was written, with the byte where.
    pub fn check_layout(&self) -> Result<()> {
        let Some(footer) = self.footer() else { return Ok(()) };
        let mut layout = Layout { image: self, at: 0, frames: 0, parts: 1, seek: blake3::Hasher::new() };
        layout.record(0, self.header_end())?;
        let mut mapped = 0;
        for entry in self.small_entries() {
            layout.unit(entry)?;
            if entry.content == Content::MapPiece as u8 {
                let bits = u64::from(entry.clusters.get());
                if entry.first_cluster.get() != mapped || u64::from(entry.raw_len.get()) != bits.div_ceil(8) {
                    return Err(damaged_record(entry));
                }
                mapped += bits;
            }
            if read_array::<FRAME>(self.device(), ByteOffset(entry.offset.get()))?[..] != *self.frame_record(entry) {
                return Err(damaged_record(entry));
            }
        }
        let clusters = self.header().grid.clusters;
        if mapped != clusters {
            return Err(Error::damaged(format!("the bitmap is of {mapped} clusters, the volume has {clusters}")));
        }
        let Pages::Indexed(pages) = self.page_refs() else { return Ok(()) };
        let mut chunks = 0;
        for (number, reference) in pages.iter().enumerate() {
            let page = self.page(number)?;
            if page.len() != reference.chunks.get() as usize {
                let found = format_args!("{} of them", page.len()).to_string();
                return Err(Error::corrupt(
                    ByteOffset(reference.offset.get()),
                    format_args!("{} chunks in an index page", reference.chunks),
                    found,
                ));
            }
            for entry in page.iter() {
                layout.unit(entry)?;
                chunks += 1;
            }
            layout.record(reference.offset.get(), reference.len.get().into())?;
        }
        layout.record(footer.root_offset.get(), footer.root_len.get())?;
        layout.record(footer.trailer_offset.get(), footer.trailer_len.get())?;
        layout.header_copy(footer)?;
        layout.record(footer.offset.get(), format::FOOTER as u64)?;
        layout.end(footer, chunks)
    }

    /// Reads the record before a chunk's frame and the frame itself: the frame is `unit[FRAME..]`, of a reference
    /// that of the base. Gives true when the record is the one that was written: Lifeboat needs it only where the index
    /// is lost, but a restore from a pipe and every zstd decoder read it.
    ///
    /// # Errors
    /// As [`read_frame`](Self::read_frame).
    pub fn read_unit(&self, entry: &Entry, unit: &mut Vec<u8>) -> Result<bool> {
        if entry.is_reference() {
            let mut frame = Vec::new();
            self.read_frame(entry, &mut frame)?;
            unit.resize(FRAME, 0);
            self.device().read_at(ByteOffset(entry.offset.get()), unit)?;
            unit.extend_from_slice(&frame);
        } else {
            self.read_behind(entry, ByteOffset(entry.offset.get()), FRAME, unit)?;
        }
        Ok(self.footer().is_none() || unit[..FRAME] == *self.frame_record(entry))
    }

    fn frame_record(&self, entry: &Entry) -> Vec<u8> {
        record(RecordKind::Frame, self.header().image_id, entry.as_bytes())
    }
}

fn damaged_record(entry: &Entry) -> Error {
    Error::corrupt(ByteOffset(entry.offset.get()), "the record that the index repeats", "another one")
}

impl Layout<'_> {
    /// A record of `len` bytes comes at `offset`.
    fn record(&mut self, offset: u64, len: u64) -> Result<()> {
        self.reach(offset)?;
        self.pass(len, 0);
        Ok(())
    }

    /// A frame record and its frame come; of a reference, the record alone.
    fn unit(&mut self, entry: &Entry) -> Result<()> {
        self.reach(entry.offset.get())?;
        self.pass(FRAME as u64, 0);
        if !entry.is_reference() {
            self.pass(entry.stored_len.get().into(), entry.raw_len.get());
        }
        Ok(())
    }

    /// The copy of the header comes, unless the image was made before there was one: the bytes of the first record.
    fn header_copy(&mut self, footer: &FooterBody) -> Result<()> {
        let (device, id) = (self.image.device(), self.image.header().image_id);
        let Some(copy) = header_copy(device, footer, id)? else { return Ok(()) };
        let len = (HEAD + copy.body.len()) as u64;
        let at = copy.end - len;
        let first = read_vec(device, ByteOffset(0), self.image.header_end() as usize)?;
        if first[..HEAD] != *copy.head.as_bytes() || first[HEAD..] != copy.body {
            return Err(Error::corrupt(ByteOffset(at), "the image's header once more", "another one"));
        }
        self.record(at, len)
    }

    fn pass(&mut self, stored: u64, content: u32) {
        self.at = self.at.saturating_add(stored);
        self.frames += 1;
        self.seek.update(&(stored as u32).to_le_bytes());
        self.seek.update(&content.to_le_bytes());
    }

    /// Only a part record may stand between what was passed and `offset`.
    fn reach(&mut self, offset: u64) -> Result<()> {
        let place = ByteOffset(self.at);
        if self.at == offset {
            return Ok(());
        }
        let wrong = || Error::corrupt(place, format_args!("what the index has at byte {offset}"), "other bytes");
        let part = read_record(self.image.device(), place, Some(self.image.header().image_id))?;
        let body: PartBody = format::body(&part.body, place).map_err(|_| wrong())?;
        let good = part.kind == RecordKind::Part && body.offset.get() == self.at && body.number.get() == self.parts;
        self.parts += 1;
        self.pass(part.end - place.0, 0);
        if good && self.at == offset { Ok(()) } else { Err(wrong()) }
    }

    /// The footer was the last record: what it counts, and the seek table behind it.
    fn end(self, footer: &FooterBody, chunks: u64) -> Result<()> {
        let place = ByteOffset(footer.offset.get());
        if (footer.parts.get(), footer.chunks.get()) != (self.parts, chunks) || footer.reserved.get() != 0 {
            let found = format!("{} parts and {} chunks", footer.parts, footer.chunks);
            return Err(Error::corrupt(place, format_args!("{} parts and {chunks} chunks", self.parts), found));
        }
        let (device, place) = (self.image.device(), ByteOffset(self.at));
        let (entries, left) = (self.frames * 8, device.len().0.saturating_sub(self.at));
        if self.frames > MAX_SEEK_FRAMES as u64 && left == 0 {
            return Ok(());
        }
        let wrong = || Error::corrupt(place, "the seek table of this image", "another one, or none");
        if left != 8 + entries + 9 {
            return Err(wrong());
        }
        let mut head = SEEK_SKIPPABLE.to_le_bytes().to_vec();
        head.extend(((entries + 9) as u32).to_le_bytes());
        let mut tail = (self.frames as u32).to_le_bytes().to_vec();
        tail.push(0);
        tail.extend(SEEK_MAGIC.to_le_bytes());
        let from = self.at + 8;
        let mut found = blake3::Hasher::new();
        let mut at = 0;
        while at < entries {
            let now = (entries - at).min(WINDOW);
            found.update(&read_vec(device, ByteOffset(from + at), now as usize)?);
            at += now;
        }
        let same = found.finalize() == self.seek.finalize()
            && read_vec(device, place, 8)? == head
            && read_vec(device, ByteOffset(from + entries), 9)? == tail;
        if same { Ok(()) } else { Err(wrong()) }
    }
}

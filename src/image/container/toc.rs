//! The table of contents: what a container holds and where.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::super::format::{HEAD, MAX_TEXT, RecordKind, record};
use super::super::reader::read_record;
use super::super::{Kind, PartitionRecord};
use crate::device::ReadDevice;
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset, Grid};
use crate::volume::{self, ByteRange};

/// Files of a container at most: far more images than anybody keeps.
pub const MAX_FILES: usize = 1 << 16;
/// Runs of all its files together at most: a scattered image of 4 GiB.
pub const MAX_RUNS: usize = 1 << 20;
/// Level for the text.
const LEVEL: i32 = 9;

/// The fixed beginning of a table's body.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct TocHead {
    /// Every change of the container writes a higher one.
    pub sequence: U64,
    /// Where in the volume the record lies.
    pub offset: U64,
    /// Length of the volume's place.
    pub volume_bytes: U64,
    /// Length of the text.
    pub text_len: U32,
    /// Zero.
    pub reserved: U32,
}

const _: () = assert!(size_of::<TocHead>() == 32);

/// A table of contents.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Toc {
    /// The container's identity: stays the same from the first image on.
    pub container_id: Uuid,
    /// Every change of the container writes a higher one.
    pub sequence: u64,
    /// When it was written.
    pub written: jiff::Timestamp,
    /// The volume it belongs to.
    pub volume: VolumeRecord,
    /// The partition's table entry; none for a whole device.
    pub partition: Option<PartitionRecord>,
    /// The disk's partition table (`table::TableCopy`), to be put back when it is gone.
    pub table: Option<serde_json::Value>,
    /// Boot records and superblocks, as they were.
    pub boot: Vec<SavedBytes>,
    /// The container's files, in the order of their places.
    pub files: Vec<FileRecord>,
    /// The images, oldest first.
    pub images: Vec<ImageRecord>,
}

/// By what a volume is known again.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct VolumeRecord {
    /// What it is.
    pub kind: volume::Kind,
    /// Serial number or UUID.
    pub id: Option<String>,
    /// Its name.
    pub label: Option<String>,
    /// Length of its place: the partition.
    pub bytes: u64,
    /// Where that begins on its disk.
    pub start_bytes: u64,
    /// How it is cut.
    pub grid: Grid,
}

/// Bytes of the volume or its disk, kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SavedBytes {
    /// What they are, for people.
    pub what: String,
    /// Where in the volume.
    pub offset: ByteOffset,
    /// The bytes, in hex.
    pub hex: String,
}

/// What a file of the container is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The table where the container begins.
    TocBegin,
    /// A table between images.
    Inter,
    /// The table where it ends.
    TocEnd,
    /// A part of an image; 0 is the first.
    Part {
        /// Whose.
        image: Uuid,
        /// Which.
        number: u32,
    },
    /// What the user told.
    Settings,
}

impl Role {
    /// True for the tables of contents.
    #[must_use]
    pub fn is_toc(self) -> bool {
        matches!(self, Self::TocBegin | Self::Inter | Self::TocEnd)
    }
}

/// A file of the container.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its name in the folder.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Its length.
    pub bytes: u64,
    /// Where its bytes lie in the volume, in file order; the last run may be longer than what is left.
    pub runs: Vec<ByteRange>,
}

/// An image of the container.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ImageRecord {
    /// Its name: what stands behind the `/` of an address, and before the dot of its files.
    pub name: String,
    /// Its identity.
    pub image_id: Uuid,
    /// The image that its references lead to.
    pub base_id: Option<Uuid>,
    /// What it is for.
    pub kind: Kind,
    /// When it was made.
    pub created: jiff::Timestamp,
    /// Bytes in all parts.
    pub bytes: u64,
    /// How many parts it has.
    pub parts: u32,
    /// It is stored in self-describing blocks.
    pub scattered: bool,
    /// BLAKE3 of its root record, in hex.
    pub digest: String,
    /// Its header's text; none in a table that had no room.
    pub header: Option<String>,
}

impl Toc {
    /// The parts of an image, in order.
    #[must_use]
    pub fn parts_of(&self, image: Uuid) -> Vec<&FileRecord> {
        let number = |file: &FileRecord| match file.role {
            Role::Part { image: of, number } if of == image => Some(number),
            _ => None,
        };
        let mut parts: Vec<_> = self.files.iter().filter(|file| number(file).is_some()).collect();
        parts.sort_by_key(|file| number(file));
        parts
    }

    /// The image of this id.
    #[must_use]
    pub fn image(&self, id: Uuid) -> Option<&ImageRecord> {
        self.images.iter().find(|image| image.image_id == id)
    }

    /// The image of this name; case does not count, as FAT and NTFS have it.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&ImageRecord> {
        self.images.iter().find(|image| image.name.eq_ignore_ascii_case(name))
    }

    /// The images that need this one: those whose references lead to it, directly or over others.
    #[must_use]
    pub fn dependants(&self, id: Uuid) -> Vec<&ImageRecord> {
        let mut needed = vec![id];
        let mut found: Vec<&ImageRecord> = Vec::new();
        while let Some(base) = needed.pop() {
            for image in &self.images {
                let is_new = image.image_id != id && !found.iter().any(|have| have.image_id == image.image_id);
                if image.base_id == Some(base) && is_new {
                    found.push(image);
                    needed.push(image.image_id);
                }
            }
        }
        found
    }

    /// All bytes of the volume that the container occupies.
    pub fn runs(&self) -> impl Iterator<Item = ByteRange> {
        self.files.iter().flat_map(|file| file.runs.iter().copied())
    }

    /// What the rest of the code relies on, whoever wrote it.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |what: &str| Err(Error::damaged(format!("the table of contents has an impossible {what}")));
        let runs: usize = self.files.iter().map(|file| file.runs.len()).sum();
        if self.files.len() > MAX_FILES || self.images.len() > MAX_FILES || runs > MAX_RUNS {
            return wrong("number of files, images or runs");
        }
        let sectors = |run: &ByteRange| run.offset.0.is_multiple_of(512) && run.len.0.is_multiple_of(512);
        let inside = |run: &ByteRange| run.offset.checked_add(run.len).is_some_and(|end| end.0 <= self.volume.bytes);
        for file in &self.files {
            let plain = !file.name.is_empty() && !file.name.contains(['/', '\\', '\0']) && file.name.len() <= 255;
            if !plain {
                return wrong("file name");
            }
            if !file.runs.iter().all(|run| sectors(run) && inside(run) && run.len.0 > 0) {
                return wrong("place of a file");
            }
            let room = file.runs.iter().fold(0u64, |sum, run| sum.saturating_add(run.len.0));
            if room < file.bytes {
                return wrong("length of a file");
            }
        }
        let name = |image: &ImageRecord| !image.name.is_empty() && !image.name.contains(['/', '\\', '\0']);
        if !self.images.iter().all(name) {
            return wrong("name of an image");
        }
        Ok(())
    }
}

/// The record of a table that lies at byte `offset` of its volume, and fits into `room` bytes: whole, or without what
/// other copies have as well.
///
/// # Errors
/// `Refused`, with the numbers, when not even the least of it fits.
pub fn encode(toc: &Toc, offset: ByteOffset, room: ByteLen) -> Result<Vec<u8>> {
    let mut lean = toc.clone();
    let mut bytes = encode_all(&lean, offset)?;
    for cut in [
        (|toc| toc.table = None) as fn(&mut Toc),
        |toc| toc.images.iter_mut().for_each(|image| image.header = None),
        |toc| toc.boot.clear(),
    ] {
        if bytes.len() as u64 <= room.0 {
            break;
        }
        cut(&mut lean);
        bytes = encode_all(&lean, offset)?;
    }
    if bytes.len() as u64 > room.0 {
        return Err(Error::refused(format!(
            "the container's table of contents needs {} bytes, and has room for {}",
            bytes.len(),
            room.0
        )));
    }
    Ok(bytes)
}

fn encode_all(toc: &Toc, offset: ByteOffset) -> Result<Vec<u8>> {
    let text = serde_json::to_vec(toc).map_err(|error| Error::damaged(format!("the table of contents: {error}")))?;
    let too_long = || Error::refused(format!("the container's table of contents would be {} bytes long", text.len()));
    let text_len = u32::try_from(text.len()).ok().filter(|len| *len <= MAX_TEXT).ok_or_else(too_long)?;
    let head = TocHead {
        sequence: toc.sequence.into(),
        offset: offset.0.into(),
        volume_bytes: toc.volume.bytes.into(),
        text_len: text_len.into(),
        reserved: 0.into(),
    };
    let mut body = head.as_bytes().to_vec();
    body.extend(zstd::bulk::compress(&text, LEVEL).map_err(|error| Error::io("compressing", error))?);
    Ok(record(RecordKind::Toc, toc.container_id, &body))
}

/// Reads the table that begins at `at`. It says itself where in its volume it lies: `at` minus that is where the
/// volume begins.
///
/// # Errors
/// When there is none, or it is damaged.
pub fn read_toc(device: &dyn ReadDevice, at: ByteOffset) -> Result<(Toc, TocHead)> {
    let found = read_record(device, at, None)?;
    let place = ByteOffset(at.0 + HEAD as u64);
    if found.kind != RecordKind::Toc {
        return Err(Error::corrupt(at, "a table of contents", format_args!("{:?}", found.kind)));
    }
    let (head, frame) = TocHead::read_from_prefix(&found.body)
        .map_err(|_| Error::corrupt(place, "the head of a table of contents", "too few bytes"))?;
    if head.text_len.get() > MAX_TEXT {
        return Err(Error::corrupt(place, format_args!("at most {MAX_TEXT} bytes of text"), head.text_len));
    }
    let text = zstd::bulk::decompress(frame, head.text_len.get() as usize)
        .map_err(|error| Error::corrupt(place, "a whole zstd frame", error))?;
    let toc: Toc =
        serde_json::from_slice(&text).map_err(|error| Error::corrupt(place, "a table of contents' text", error))?;
    let same = toc.container_id == found.head.image()
        && toc.sequence == head.sequence.get()
        && toc.volume.bytes == head.volume_bytes.get();
    if !same {
        return Err(Error::corrupt(place, "a table whose head and text agree", "one whose do not"));
    }
    toc.check()?;
    Ok((toc, head))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::device::MemoryDevice;

    /// A table with one image.
    pub(in super::super) fn sample() -> Toc {
        let id = Uuid::from_u128(5);
        let run = |offset, len| ByteRange { offset: ByteOffset(offset), len: ByteLen(len) };
        Toc {
            container_id: Uuid::from_u128(9),
            sequence: 3,
            written: jiff::Timestamp::UNIX_EPOCH,
            volume: VolumeRecord {
                kind: volume::Kind::Fat32,
                id: Some("1A2B-3C4D".into()),
                label: None,
                bytes: 1 << 20,
                start_bytes: 1 << 20,
                grid: Grid { cluster_bytes: 512, clusters: 2048 },
            },
            partition: None,
            table: Some(serde_json::Value::String("x".repeat(3000))),
            boot: Vec::new(),
            files: vec![FileRecord {
                name: "factory.lbi".into(),
                role: Role::Part { image: id, number: 0 },
                bytes: 1000,
                runs: vec![run(4096, 512), run(1024, 512)],
            }],
            images: vec![ImageRecord {
                name: "factory".into(),
                image_id: id,
                base_id: None,
                kind: Kind::Factory,
                created: jiff::Timestamp::UNIX_EPOCH,
                bytes: 1000,
                parts: 1,
                scattered: false,
                digest: String::new(),
                header: Some(String::new()),
            }],
        }
    }

    fn back(bytes: Vec<u8>) -> Result<(Toc, TocHead)> {
        read_toc(&MemoryDevice::new(bytes), ByteOffset::ZERO)
    }

    #[test]
    fn a_table_reads_back_and_leaves_out_what_does_not_fit() {
        let whole = encode(&sample(), ByteOffset(7 << 9), ByteLen(1 << 20)).unwrap();
        let (read, head) = back(whole.clone()).unwrap();
        assert_eq!((read, head.offset.get()), (sample(), 7 << 9));
        let lean = encode(&sample(), ByteOffset(0), ByteLen(whole.len() as u64 - 1)).unwrap();
        assert!(lean.len() < whole.len() && back(lean).unwrap().0.table.is_none());
        let error = encode(&sample(), ByteOffset(0), ByteLen(100)).unwrap_err().to_string();
        assert!(error.contains("room for 100"), "{error}");
    }

    #[test]
    fn what_lies_outside_the_volume_is_refused() {
        type Harm = fn(&mut Toc);
        let harms: [Harm; 5] = [
            |toc| toc.files[0].runs[0].len = ByteLen(1 << 20),
            |toc| toc.files[0].runs[0].offset = ByteOffset(u64::MAX - 511),
            |toc| toc.files[0].bytes = 1025,
            |toc| toc.files[0].name = "../x".into(),
            |toc| toc.images[0].name = String::new(),
        ];
        for harm in harms {
            let mut bad = sample();
            harm(&mut bad);
            assert!(back(encode(&bad, ByteOffset(0), ByteLen(1 << 20)).unwrap()).is_err());
        }
    }

    #[test]
    fn those_that_need_an_image_are_named_over_others() {
        let mut chain = sample();
        for number in 6..9 {
            let mut next = chain.images[0].clone();
            next.image_id = Uuid::from_u128(number);
            next.base_id = Some(Uuid::from_u128(number - 1));
            next.name = format!("user-{number}");
            chain.images.push(next);
        }
        let names =
            |id| chain.dependants(Uuid::from_u128(id)).iter().map(|image| image.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(5), ["user-6", "user-7", "user-8"]);
        assert_eq!(names(7), ["user-8"]);
        assert!(names(8).is_empty());
    }
}

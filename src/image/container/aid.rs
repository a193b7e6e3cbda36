//! The recovery aid: what leads to a container when its volume and its tables of contents lead to nothing any more. It
//! is kept elsewhere: in a small file, or in a partition of its own. See the container's page for the format.

use serde::{Deserialize, Serialize};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::super::format::{HEAD, MAX_TEXT, RecordKind, record};
use super::super::reader::read_record;
use super::{SavedBytes, Toc};
use crate::device::{ReadDevice, read_array};
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset};
use crate::volume::ByteRange;

/// Records of a set at most: a disk has far fewer volumes with images.
pub const MAX_AIDS: u32 = 256;
/// Bytes of text in a set at most: readers keep several in memory.
pub const MAX_AID_BYTES: u64 = 16 << 20;
/// Where a record may begin, in a file and in a copy: sectors of any disk, so that a search finds it.
const STEP: u64 = 512;
/// Where the copies of a recovery partition may begin: sectors of 4 KiB are written whole, too.
const COPY_STEP: u64 = 4096;
/// Level for the text.
const LEVEL: i32 = 9;

/// The fixed beginning of an aid's body.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct AidHead {
    /// Every renewal of a recovery partition writes a higher one.
    pub sequence: U64,
    /// Which record of its set this is, from 0.
    pub number: U32,
    /// How many the set has.
    pub count: U32,
    /// Length of the text.
    pub text_len: U32,
    /// Zero.
    pub reserved: U32,
}

const _: () = assert!(size_of::<AidHead>() == 24);

/// What leads to one container.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Aid {
    /// Every renewal of a recovery partition writes a higher one; 1 in a file.
    pub sequence: u64,
    /// Which record of its set this is, from 0.
    pub number: u32,
    /// How many the set has: one for each container of a disk.
    pub count: u32,
    /// When it was written.
    pub written: jiff::Timestamp,
    /// Length of the disk.
    pub disk_bytes: u64,
    /// The disk's partition table (`table::TableCopy`); none for a disk without one.
    pub table: Option<serde_json::Value>,
    /// The volume's first sectors, its boot record or superblock, and their backups.
    pub boot: Vec<SavedBytes>,
    /// Where the volume's root directory lies.
    pub root: Vec<ByteRange>,
    /// The sectors of the volume that make the container's files files: directory entries and chains, records and
    /// indexes, or inodes and directory blocks, with their bitmaps.
    pub metadata: Vec<SavedBytes>,
    /// Some of `metadata` was left out, or could not be worked out: in words why.
    pub lacks: Option<String>,
    /// What the container holds and where; where its volume begins on the disk.
    pub toc: Toc,
}

/// A set of aids as bytes: the records one behind the other, each at a multiple of 512 bytes, the rest zeros.
///
/// # Errors
/// `Refused`, with the numbers, when the format has no room for it.
pub fn encode_aids(aids: &[Aid]) -> Result<Vec<u8>> {
    let count = u32::try_from(aids.len()).ok().filter(|count| *count <= MAX_AIDS).ok_or_else(|| {
        Error::refused(format!("there are {} containers, and an aid leads to at most {MAX_AIDS}", aids.len()))
            .advise("Make an aid for each volume")
    })?;
    let mut bytes = Vec::new();
    let mut text_bytes = 0;
    for (number, aid) in (0..count).zip(aids) {
        let (record, text) = encode(&Aid { number, count, ..aid.clone() })?;
        bytes.extend(record);
        bytes.resize(bytes.len().next_multiple_of(STEP as usize), 0);
        text_bytes += text;
    }
    if text_bytes > MAX_AID_BYTES {
        return Err(Error::refused(format!("the aid would have {text_bytes} bytes, the most is {MAX_AID_BYTES}"))
            .advise("Make an aid for each volume"));
    }
    Ok(bytes)
}

/// One record, and the length of its text. What makes the files files goes first where there is too much: the
/// container's places alone lead to the images.
fn encode(aid: &Aid) -> Result<(Vec<u8>, u64)> {
    let mut text = text_of(aid)?;
    if text.len() as u64 > u64::from(MAX_TEXT) {
        let lacks = Some(format!("it would have been {} bytes long", text.len()));
        text = text_of(&Aid { metadata: Vec::new(), lacks, ..aid.clone() })?;
    }
    let too_long = || {
        Error::refused(format!("the aid's record would have {} bytes, the most is {MAX_TEXT}", text.len()))
            .advise("The images lie in too many pieces; `lifeboat tidy` brings them into one")
    };
    let text_len = u32::try_from(text.len()).ok().filter(|len| *len <= MAX_TEXT).ok_or_else(too_long)?;
    let head = AidHead {
        sequence: aid.sequence.into(),
        number: aid.number.into(),
        count: aid.count.into(),
        text_len: text_len.into(),
        reserved: 0.into(),
    };
    let mut body = head.as_bytes().to_vec();
    body.extend(zstd::bulk::compress(&text, LEVEL).map_err(|error| Error::io("compressing", error))?);
    Ok((record(RecordKind::Aid, aid.toc.container_id, &body), text_len.into()))
}

fn text_of(aid: &Aid) -> Result<Vec<u8>> {
    serde_json::to_vec(aid).map_err(|error| Error::damaged(format!("the recovery aid: {error}")))
}

/// Reads the record that begins at `at`; gives the length of its text, and where the next one begins.
///
/// # Errors
/// When there is none, or it is damaged.
pub fn read_aid(device: &dyn ReadDevice, at: ByteOffset) -> Result<(Aid, u64, ByteOffset)> {
    let found = read_record(device, at, None)?;
    let place = ByteOffset(at.0 + HEAD as u64);
    if found.kind != RecordKind::Aid {
        return Err(Error::corrupt(at, "a recovery aid", format_args!("{:?}", found.kind)));
    }
    let (head, frame) = AidHead::read_from_prefix(&found.body)
        .map_err(|_| Error::corrupt(place, "the head of a recovery aid", "too few bytes"))?;
    if head.text_len.get() > MAX_TEXT {
        return Err(Error::corrupt(place, format_args!("at most {MAX_TEXT} bytes of text"), head.text_len));
    }
    let text = zstd::bulk::decompress(frame, head.text_len.get() as usize)
        .map_err(|error| Error::corrupt(place, "a whole zstd frame", error))?;
    let aid: Aid =
        serde_json::from_slice(&text).map_err(|error| Error::corrupt(place, "a recovery aid's text", error))?;
    let same = aid.toc.container_id == found.head.image()
        && aid.sequence == head.sequence.get()
        && aid.number == head.number.get()
        && aid.count == head.count.get();
    if !same || aid.number >= aid.count || aid.count > MAX_AIDS {
        return Err(Error::corrupt(place, "an aid whose head and text agree", "one whose do not"));
    }
    aid.toc.check()?;
    let next = found.end.checked_next_multiple_of(STEP).unwrap_or(u64::MAX);
    Ok((aid, text.len() as u64, ByteOffset(next)))
}

/// Reads the whole set that begins at `at`.
///
/// # Errors
/// When there is none, or one of its records is damaged or missing.
pub fn read_aids(device: &dyn ReadDevice, at: ByteOffset) -> Result<Vec<Aid>> {
    let mut aids: Vec<Aid> = Vec::new();
    let (mut next, mut text_bytes) = (at, 0);
    loop {
        let (aid, text, end) = read_aid(device, next)?;
        text_bytes += text;
        let follows = aid.number as usize == aids.len()
            && aids.first().is_none_or(|first| (first.sequence, first.count) == (aid.sequence, aid.count));
        if !follows || text_bytes > MAX_AID_BYTES {
            let found = format!("number {} of {}, sequence {}", aid.number, aid.count, aid.sequence);
            return Err(Error::corrupt(next, format_args!("record {} of a recovery aid", aids.len()), found));
        }
        let count = aid.count as usize;
        aids.push(aid);
        if aids.len() == count {
            return Ok(aids);
        }
        next = end;
    }
}

/// The two copies of a recovery partition of this length: places of equal length.
#[must_use]
pub fn aid_copies(partition: ByteLen) -> [ByteRange; 2] {
    let len = ByteLen(partition.0 / 2 / COPY_STEP * COPY_STEP);
    [ByteRange { offset: ByteOffset::ZERO, len }, ByteRange { offset: ByteOffset(len.0), len }]
}

/// Reads both copies of a recovery partition: each whole, or the reason why not.
pub fn read_aid_copies(partition: &dyn ReadDevice) -> [Result<Vec<Aid>>; 2] {
    aid_copies(partition.len()).map(|copy| {
        // An unformatted partition is no damage worth a long message.
        let blank = read_array::<512>(partition, copy.offset)?.iter().all(|byte| *byte == 0);
        if blank { Err(Error::damaged("nothing was ever written there")) } else { read_aids(partition, copy.offset) }
    })
}

#[cfg(test)]
mod tests {
    use super::super::toc::tests::sample as sample_toc;
    use super::*;
    use crate::device::MemoryDevice;

    fn sample(sequence: u64) -> Aid {
        Aid {
            sequence,
            number: 0,
            count: 1,
            written: jiff::Timestamp::UNIX_EPOCH,
            disk_bytes: 1 << 30,
            table: Some(serde_json::json!({ "kind": "gpt" })),
            boot: vec![SavedBytes { what: "boot".into(), offset: ByteOffset::ZERO, hex: "eb".repeat(512) }],
            root: Vec::new(),
            metadata: Vec::new(),
            lacks: None,
            toc: sample_toc(),
        }
    }

    #[test]
    fn a_set_reads_back_and_every_flipped_byte_is_noticed() {
        let bytes = encode_aids(&[sample(3), sample(3)]).unwrap();
        let aids = read_aids(&MemoryDevice::new(bytes.clone()), ByteOffset::ZERO).unwrap();
        assert_eq!(aids.iter().map(|aid| (aid.number, aid.count)).collect::<Vec<_>>(), [(0, 2), (1, 2)]);
        assert_eq!(aids[0].toc, sample_toc());
        let first = read_aid(&MemoryDevice::new(bytes.clone()), ByteOffset::ZERO).unwrap().2.0 as usize;
        let zeros = |at: usize| bytes[at..].iter().take_while(|byte| **byte == 0).count() + at;
        for at in 0..bytes.len() {
            let padding = zeros(at) == bytes.len() || zeros(at) == first;
            let mut broken = bytes.clone();
            broken[at] ^= 1 << (at % 8);
            let read = read_aids(&MemoryDevice::new(broken), ByteOffset::ZERO);
            assert!(read.is_err() || padding, "byte {at}");
        }
        for cut in 0..bytes.len() - STEP as usize {
            assert!(read_aids(&MemoryDevice::new(bytes[..cut].to_vec()), ByteOffset::ZERO).is_err(), "{cut}");
        }
    }

    #[test]
    fn a_set_of_records_that_do_not_belong_together_is_none() {
        let one = |aid: &Aid| {
            let mut bytes = encode(aid).unwrap().0;
            bytes.resize(bytes.len().next_multiple_of(STEP as usize), 0);
            bytes
        };
        let of = |number, count, sequence| Aid { number, count, ..sample(sequence) };
        for (first, second) in [
            (of(0, 2, 1), of(1, 2, 2)),
            (of(0, 2, 1), of(0, 2, 1)),
            (of(0, 2, 1), of(1, 3, 1)),
            (of(1, 2, 1), of(0, 2, 1)),
            (of(2, 2, 1), of(1, 2, 1)),
        ] {
            let bytes = [one(&first), one(&second)].concat();
            assert!(read_aids(&MemoryDevice::new(bytes), ByteOffset::ZERO).is_err());
        }
    }

    #[test]
    fn what_an_honest_digest_covers_is_checked_all_the_same() {
        let broken: [fn(&mut Aid); 4] = [
            |aid| aid.toc.files[0].runs[0].offset.0 = u64::MAX - 511,
            |aid| aid.toc.files[0].name = "../x".into(),
            |aid| aid.count = MAX_AIDS + 1,
            |aid| aid.number = 7,
        ];
        for change in broken {
            let mut aid = sample(1);
            change(&mut aid);
            let bytes = encode(&aid).unwrap().0;
            assert!(read_aid(&MemoryDevice::new(bytes), ByteOffset::ZERO).is_err());
        }
    }
}

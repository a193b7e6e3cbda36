//! The journal, version 1: the normative page. A stranger can finish or take back an interrupted job with it.
//!
//! A journal describes one job: which bytes of a volume change, from what and to what, in which order. It lies in a
//! free extent of that volume, or is a file. All numbers are little-endian, all offsets of the volume count from its
//! first byte.
//!
//! | Offset | Size | Meaning |
//! |---:|---:|---|
//! | 0 | 512 | header |
//! | 4096 | 512 | progress note |
//! | 8192 | 512 | progress note |
//! | 12288 | … | body: words, copies, patches, data; zeros up to a multiple of 512 |
//!
//! Header and notes are each a sector, which a medium writes whole or not at all, and lie 4 KiB apart, so that a medium
//! with larger sectors never rewrites one together with another. What lies between is not written and means nothing.
//!
//! # Header
//!
//! | Offset | Size | Meaning |
//! |---:|---:|---|
//! | 0 | 16 | `LIFEBOAT JOURNAL` |
//! | 16 | 4 | format version: 1 |
//! | 20 | 4 | state: 1 open, 2 finished, 3 rolled back |
//! | 24 | 16 | job id (UUID, bytes in text order) |
//! | 40 | 8 | when it was made: seconds since 1970, UTC |
//! | 48 | 8 | where in the volume it lies; all ones for a file |
//! | 56 | 8 | length of the journal, from the header's first byte to the body's last |
//! | 64 | 8 | length of the volume |
//! | 72 | 8 | length of the words |
//! | 80 | 4 | number of steps, 1 to 4096 |
//! | 84 | 4 | number of copies |
//! | 88 | 4 | number of patches |
//! | 92 | 4 | zero |
//! | 96 | 8 | length of the data |
//! | 104 | 32 | BLAKE3 of the body, zeros at its end included |
//! | 136 | 344 | zero |
//! | 480 | 32 | BLAKE3 of bytes 0 to 479 |
//!
//! The header is found by its first 16 bytes, at any multiple of 512 bytes. The place guards against a journal that
//! lies inside a file (the image of another disk, a copy of this one): where it says that it lies elsewhere, it is not
//! this volume's.
//!
//! # Progress note
//!
//! | Offset | Size | Meaning |
//! |---:|---:|---|
//! | 0 | 16 | `LIFEBOAT-STEPS-1` |
//! | 16 | 16 | job id: guards against the left-over of an older journal |
//! | 32 | 8 | sequence number, from 1; odd ones stand at 4096, even ones at 8192 |
//! | 40 | 4 | direction: 1 finishing, 2 rolling back |
//! | 44 | 4 | how many steps are done |
//! | 48 | 432 | zero |
//! | 480 | 32 | BLAKE3 of bytes 0 to 479 |
//!
//! The note with the higher number counts. Notes only say that the job was begun, and tell people how far it got: what
//! is really on the medium is told by the patched sectors themselves, see [`judge`](super::judge).
//!
//! # Body
//!
//! Words: UTF-8 JSON, the fields of [`Words`](super::record::Words) by the names there; unknown fields are ignored.
//!
//! Copies, 96 bytes each, in the order in which they are made:
//!
//! | Offset | Size | Meaning |
//! |---:|---:|---|
//! | 0 | 8 | from this byte of the volume |
//! | 8 | 8 | to this one |
//! | 16 | 8 | so many bytes |
//! | 24 | 8 | zero |
//! | 32 | 32 | BLAKE3 of the source's bytes, without the sectors that any patch of the job touches |
//! | 64 | 32 | BLAKE3 of the target's bytes, likewise |
//!
//! All three are multiples of 512. No target shares bytes with a source, with another target or with the journal.
//!
//! Patches, 24 bytes each, by step and then by offset, disjoint within a step:
//!
//! | Offset | Size | Meaning |
//! |---:|---:|---|
//! | 0 | 8 | at this byte of the volume: a multiple of 512 |
//! | 8 | 4 | so many bytes: a multiple of 512, at least 512, at most 1 MiB |
//! | 12 | 4 | of this step, from 1 |
//! | 16 | 8 | zero |
//!
//! Data: for each patch its old bytes and then its new bytes. A sector that several steps patch has a chain of
//! versions: what one step calls new, the next one calls old.
//!
//! # Order of writing
//!
//! 1. All copies of all steps; flush; read back. No copy's target was used when the job began, so that until the first
//!    patch the volume is what it was.
//! 2. Header (open) and body; flush; read back. A power cut here leaves a header without its body: torn.
//! 3. A note: 0 steps done; flush. From here on the job is begun.
//! 4. For each step its patches; flush; then a note, which is flushed together with the next step's patches.
//! 5. Read back every patched sector. Then the header again (finished); flush.
//!
//! Rolling back writes the old bytes of the steps done, last step first, with a flush after each. So at any moment there
//! is a step *n* such that every patched sector is as after step *n* − 1 or as after step *n*, whichever way the job was
//! going and however often it was cut; and from each such state both ways are open.
//!
//! # Rationale
//!
//! - Old and new bytes are whole and plain: no code is needed to undo a change but a copy, and what compression would
//!   save is little next to what it could break.
//! - Closing rewrites the header and not a note: whoever overwrites part of a journal whose clusters were free again
//!   must not bring it back to life.
//!
//! # Assumptions about the medium
//!
//! A sector of 512 bytes is written whole or not at all; of the writes between two flushes any subset may land; what
//! was flushed stays.
//!
//! # History
//!
//! Version 1 (2026): the first.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Version of the format that this page describes.
pub(crate) const VERSION: u32 = 1;
/// What a journal begins with.
pub(crate) const MAGIC: [u8; 16] = *b"LIFEBOAT JOURNAL";
/// What a progress note begins with.
pub(crate) const NOTE_MAGIC: [u8; 16] = *b"LIFEBOAT-STEPS-1";
/// A sector: the unit of everything here.
pub(crate) const SECTOR: usize = 512;
/// Where the notes are.
pub(crate) const NOTES_AT: [u64; 2] = [8192, 4096];
/// Where the body begins.
pub(crate) const BODY_AT: u64 = 12288;
/// The place of a journal that is a file.
pub(crate) const IN_A_FILE: u64 = u64::MAX;
/// Bytes of a header or note that its digest covers.
pub(crate) const DIGESTED: usize = 480;

/// Steps at most: a job has a handful.
pub(crate) const MAX_STEPS: u32 = 4096;
/// Words at most: room for the tags of every patch.
pub(crate) const MAX_WORDS: u64 = 64 << 20;
/// Copies at most, and patches: more runs than any table of a volume that can be changed in one go.
pub(crate) const MAX_ENTRIES: u32 = 1 << 20;
/// Bytes in a patch at most: an overlay's patches are shorter.
pub(crate) const MAX_PATCH: u32 = 1 << 20;
/// Old and new bytes at most: twice what an overlay keeps in memory.
pub(crate) const MAX_DATA: u64 = 2 * crate::fs::overlay::MAX_CHANGED_BYTES;

/// A journal's state, as its header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum State {
    /// Not yet closed.
    Open = 1,
    /// Closed: every step was done.
    Finished = 2,
    /// Closed: every step was taken back.
    RolledBack = 3,
}

impl State {
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        [Self::Open, Self::Finished, Self::RolledBack].into_iter().find(|state| *state as u32 == number)
    }
}

/// The first sector.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) magic: [u8; 16],
    pub(crate) version: U32,
    pub(crate) state: U32,
    pub(crate) job: [u8; 16],
    pub(crate) created: U64,
    pub(crate) place: U64,
    pub(crate) len: U64,
    pub(crate) volume_len: U64,
    pub(crate) words_len: U64,
    pub(crate) steps: U32,
    pub(crate) copies: U32,
    pub(crate) patches: U32,
    pub(crate) reserved: U32,
    pub(crate) data_len: U64,
    pub(crate) body_digest: [u8; 32],
    pub(crate) zeros: [u8; 344],
    pub(crate) digest: [u8; 32],
}

/// A note of how far the job got.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct Note {
    pub(crate) magic: [u8; 16],
    pub(crate) job: [u8; 16],
    pub(crate) sequence: U64,
    pub(crate) direction: U32,
    pub(crate) done: U32,
    pub(crate) zeros: [u8; 432],
    pub(crate) digest: [u8; 32],
}

/// One copy.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct CopyEntry {
    pub(crate) from: U64,
    pub(crate) to: U64,
    pub(crate) len: U64,
    pub(crate) reserved: U64,
    pub(crate) source: [u8; 32],
    pub(crate) target: [u8; 32],
}

/// One patch.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct PatchEntry {
    pub(crate) offset: U64,
    pub(crate) len: U32,
    pub(crate) step: U32,
    pub(crate) reserved: U64,
}

// The page above and the structures must agree.
const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<Header>() == SECTOR);
    assert!(offset_of!(Header, job) == 24 && offset_of!(Header, place) == 48 && offset_of!(Header, words_len) == 72);
    assert!(offset_of!(Header, data_len) == 96 && offset_of!(Header, body_digest) == 104);
    assert!(offset_of!(Header, digest) == DIGESTED && offset_of!(Note, digest) == DIGESTED);
    assert!(size_of::<Note>() == SECTOR && offset_of!(Note, sequence) == 32 && offset_of!(Note, done) == 44);
    assert!(size_of::<CopyEntry>() == 96 && offset_of!(CopyEntry, target) == 64);
    assert!(size_of::<PatchEntry>() == 24 && offset_of!(PatchEntry, step) == 12);
};

impl Header {
    /// The header's sector, with its digest.
    pub(crate) fn seal(mut self) -> Self {
        self.digest = *blake3::hash(&self.as_bytes()[..DIGESTED]).as_bytes();
        self
    }

    /// Reads a header: none when the bytes are not one.
    pub(crate) fn read(sector: &[u8]) -> Option<Self> {
        let header = Self::read_from_bytes(sector.get(..SECTOR)?).ok()?;
        let whole = header.magic == MAGIC && header.digest == *blake3::hash(&sector[..DIGESTED]).as_bytes();
        whole.then_some(header)
    }

    /// The length that the numbers add up to; none when they are beyond the limits.
    pub(crate) fn expected_len(&self) -> Option<u64> {
        let (words, data) = (self.words_len.get(), self.data_len.get());
        let entries = [self.copies.get(), self.patches.get()];
        let within = words <= MAX_WORDS
            && data <= MAX_DATA
            && entries.iter().all(|count| *count <= MAX_ENTRIES)
            && (1..=MAX_STEPS).contains(&self.steps.get());
        let tables = u64::from(entries[0]) * size_of::<CopyEntry>() as u64
            + u64::from(entries[1]) * size_of::<PatchEntry>() as u64;
        within.then(|| BODY_AT + (words + tables + data).next_multiple_of(SECTOR as u64))
    }
}

impl Note {
    /// The note's sector, with its digest.
    pub(crate) fn seal(mut self) -> Self {
        self.digest = *blake3::hash(&self.as_bytes()[..DIGESTED]).as_bytes();
        self
    }

    /// Reads a note of this job: none when the bytes are not one.
    pub(crate) fn read(sector: &[u8], job: [u8; 16]) -> Option<Self> {
        let note = Self::read_from_bytes(sector.get(..SECTOR)?).ok()?;
        let whole = note.magic == NOTE_MAGIC && note.digest == *blake3::hash(&sector[..DIGESTED]).as_bytes();
        (whole && note.job == job).then_some(note)
    }
}

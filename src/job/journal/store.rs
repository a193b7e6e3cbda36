//! The journal on its medium: written, noted in, closed, read.

use zerocopy::{FromZeros, IntoBytes};

use super::format::{self, Header, Note, SECTOR, State};
use super::record::Record;
use crate::device::{ReadDevice, WriteDevice, check_range, read_vec};
use crate::error::{Error, Result};
use crate::plan::Direction;
use crate::unit::ByteOffset;

/// Bytes read at once while a digest is checked: nothing is allocated by a number that was not.
const AT_ONCE: u64 = 1 << 20;

/// Where a journal is: a device, and the byte at which it begins.
#[derive(Clone, Copy)]
pub(crate) struct Store<'a> {
    pub(crate) device: &'a dyn WriteDevice,
    pub(crate) start: ByteOffset,
}

impl Store<'_> {
    fn write(&self, at: u64, bytes: &[u8]) -> Result<()> {
        self.device.write_at(ByteOffset(self.start.0 + at), bytes)
    }

    /// Writes header and body, makes them durable, and proves it.
    ///
    /// # Errors
    /// When they cannot be written, or come back otherwise.
    pub(crate) fn create(&self, header: &Header, body: &[u8]) -> Result<()> {
        self.write(format::BODY_AT, body)?;
        self.write(0, header.as_bytes())?;
        self.device.flush()?;
        self.device.forget();
        let back = read_vec(self.device, self.start, SECTOR)?;
        if back != header.as_bytes() || body_digest(self.device, self.start, header)? != header.body_digest {
            return Err(Error::damaged("the medium does not keep what is written to it: the journal came back otherwise")
                .advise("Nothing of the volume was changed. Put the journal elsewhere with --journal FILE, or use another medium"));
        }
        Ok(())
    }

    /// Notes how many steps are done. Not flushed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn note(&self, header: &Header, sequence: u64, direction: Direction, done: u32) -> Result<()> {
        let mut note = Note::new_zeroed();
        note.magic = format::NOTE_MAGIC;
        note.job = header.job;
        note.sequence = sequence.into();
        note.direction = (if direction == Direction::Finish { 1 } else { 2 }).into();
        note.done = done.into();
        self.write(format::NOTES_AT[(sequence % 2) as usize], note.seal().as_bytes())
    }

    /// Closes the journal, and makes that durable.
    ///
    /// # Errors
    /// When it cannot be written; it is then open still.
    pub(crate) fn close(&self, header: &Header, state: State) -> Result<()> {
        let mut closed = *header;
        closed.state = (state as u32).into();
        self.write(0, closed.seal().as_bytes())?;
        self.device.flush()
    }
}

/// The note that counts, if there is any: how often was noted, and how many steps are done.
pub(crate) fn latest_note(device: &dyn ReadDevice, start: ByteOffset, header: &Header) -> Option<Note> {
    let mut notes: Vec<Note> = Vec::new();
    for at in format::NOTES_AT {
        let place = start.0.checked_add(at)?;
        // A note that cannot be read is as good as none: the sectors tell.
        let sector = read_vec(device, ByteOffset(place), SECTOR).unwrap_or_default();
        notes.extend(Note::read(&sector, header.job));
    }
    notes.into_iter().max_by_key(|note| note.sequence.get())
}

/// The digest of a body, read piece by piece.
fn body_digest(device: &dyn ReadDevice, start: ByteOffset, header: &Header) -> Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    let mut buf = Vec::new();
    let len = header.len.get();
    for at in (format::BODY_AT..len).step_by(AT_ONCE as usize) {
        buf.resize((len - at).min(AT_ONCE) as usize, 0);
        device.read_at(ByteOffset(start.0 + at), &mut buf)?;
        hasher.update(&buf);
    }
    Ok(*hasher.finalize().as_bytes())
}

/// True when the journal's numbers are within the limits and its extent within the device.
pub(crate) fn is_plausible(device: &dyn ReadDevice, start: ByteOffset, header: &Header) -> bool {
    header.expected_len() == Some(header.len.get())
        && usize::try_from(header.len.get()).is_ok_and(|len| check_range(start, len, device.len()).is_ok())
}

/// Reads the record of a header; none when the body is not whole.
///
/// # Errors
/// When it cannot be read, or is whole and breaks a rule of the format.
pub(crate) fn load(device: &dyn ReadDevice, start: ByteOffset, header: &Header) -> Result<Option<Record>> {
    if !is_plausible(device, start, header) || body_digest(device, start, header)? != header.body_digest {
        return Ok(None);
    }
    let len = header.len.get() - format::BODY_AT;
    let body = read_vec(device, ByteOffset(start.0 + format::BODY_AT), len as usize)?;
    Record::decode(header, &body).map(Some)
}

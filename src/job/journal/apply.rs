//! Carrying out steps, and taking them back: the only places that write over a volume's metadata.

use super::format::{Header, State};
use super::judge::{self, Reached};
use super::record::Record;
use super::store::Store;
use crate::device::WriteDevice;
use crate::error::{Error, Result};
use crate::plan::Direction;

/// A journal, open for working with: its record, and where it and its volume are.
pub(crate) struct Work<'a> {
    pub(crate) record: &'a Record,
    pub(crate) header: &'a Header,
    pub(crate) store: Store<'a>,
    pub(crate) volume: &'a dyn WriteDevice,
    /// The number of the latest note.
    pub(crate) notes: u64,
}

impl Work<'_> {
    /// Carries out all steps that are not done, or takes back all that are (in part), and closes the journal.
    /// `enter` is told of each step before it begins.
    ///
    /// # Errors
    /// The first that fails: nothing is written after it, and the journal stays open.
    pub(crate) fn go(mut self, reached: Reached, direction: Direction, enter: &mut dyn FnMut(usize)) -> Result<()> {
        let steps = self.record.steps.len();
        let done = reached.done as usize;
        match direction {
            Direction::Finish => {
                for step in done..steps {
                    enter(step);
                    self.step(step, direction)?;
                    self.note(direction, step as u32 + 1)?;
                }
            }
            Direction::RollBack => {
                for step in (0..done + usize::from(reached.partly)).rev() {
                    enter(step);
                    self.step(step, direction)?;
                    self.note(direction, step as u32)?;
                }
            }
        }
        self.volume.forget();
        let (state, end) = match direction {
            Direction::Finish => (State::Finished, steps as u32),
            Direction::RollBack => (State::RolledBack, 0),
        };
        judge::expect(self.record, self.volume, end, &|_| false, &|what| {
            Error::damaged(format!("the medium does not keep what is written to it: {what}"))
        })?;
        self.store.close(self.header, state)
    }

    /// Writes one step's bytes, and makes them durable.
    fn step(&self, step: usize, direction: Direction) -> Result<()> {
        for patch in &self.record.steps[step].patches {
            let bytes = if direction == Direction::Finish { &patch.new } else { &patch.old };
            self.volume.write_at(patch.offset, bytes)?;
        }
        self.volume.flush()
    }

    /// Notes that so many steps are done. Nothing hangs on it, so the next flush will do.
    fn note(&mut self, direction: Direction, done: u32) -> Result<()> {
        self.notes += 1;
        self.store.note(self.header, self.notes, direction, done)
    }
}

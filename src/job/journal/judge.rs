//! Does a journal still fit its volume, and how far did its job get? The patched sectors tell.
//!
//! Each patched sector has a chain of versions over the steps: what it held before the job, after the first step that
//! patches it, and so on. The order of writing (see [`format`](super::format)) promises that there is a step *n* such
//! that every sector is as after step *n* − 1 or as after step *n*. A sector that holds none of its versions was written
//! by somebody else; sectors of which no *n* is true were, too, or were put back from elsewhere. Neither is guessed
//! around.

use super::format::SECTOR;
use super::record::{Link, Record};
use crate::device::ReadDevice;
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset};

/// Bytes read at once.
const AT_ONCE: u64 = 256 << 10;

/// How far a job got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reached {
    /// So many steps are done, all of each.
    pub(crate) done: u32,
    /// The step after these may be done in part.
    pub(crate) partly: bool,
}

/// Looks at every patched sector.
///
/// # Errors
/// `Refused` when the volume is not what the journal left; or when it cannot be read.
pub(crate) fn judge(record: &Record, volume: &dyn ReadDevice) -> Result<Reached> {
    let steps = record.steps.len();
    let mut tally = Tally { exact: vec![0; steps + 2], within: vec![0; steps + 2], sectors: 0 };
    let mut strangers: Option<(u64, Link)> = None;
    each_sector(record, volume, &mut |versions, bytes| {
        if !tally.count(record, versions, bytes)
            && let Some(first) = versions.first()
        {
            let (count, _) = strangers.get_or_insert((0, *first));
            *count += 1;
        }
        Ok(())
    })?;
    if let Some((count, first)) = strangers {
        return Err(changed(format!(
            "{count} sectors hold neither what they held before the job nor what it writes; the first is at byte {} ({})",
            ByteOffset(first.sector),
            record.tags_of(first)
        )));
    }
    tally
        .reached(steps)
        .ok_or_else(|| changed("some sectors are as before and others as after, in no order that the job has"))
}

fn changed(how: impl std::fmt::Display) -> Error {
    Error::refused(format!("the volume was changed after the job was interrupted: {how}. Nothing was written"))
        .advise("Have the volume repaired by its own tools (`lifeboat check` names them), and begin the job anew")
}

/// Counts of sectors, as differences: the sum up to *s* is the count at *s*.
struct Tally {
    /// Sectors that are as after step *s*.
    exact: Vec<i64>,
    /// Sectors that are as after step *n* − 1 or *n*.
    within: Vec<i64>,
    sectors: i64,
}

impl Tally {
    /// Takes a sector in; false when it holds none of its versions.
    fn count(&mut self, record: &Record, versions: &[Link], bytes: &[u8]) -> bool {
        let steps = record.steps.len();
        self.sectors += 1;
        // The stages at which the sector holds these bytes, as runs: from one version's step to before the next's.
        let mut found = false;
        let mut counted_to = 0;
        let mut first = 0;
        for index in 0..=versions.len() {
            let last = versions.get(index).map_or(steps, |link| link.step as usize);
            let content = match index.checked_sub(1) {
                Some(before) => record.new_of(versions[before]),
                None => record.old_of(versions[0]),
            };
            if content == bytes {
                found = true;
                self.exact[first] += 1;
                self.exact[last + 1] -= 1;
                // As after step n − 1 or n: for n from the run's first stage to one behind its last. Runs can share an n.
                let from = first.max(counted_to);
                let to = (last + 1).min(steps);
                if from <= to {
                    self.within[from] += 1;
                    self.within[to + 1] -= 1;
                    counted_to = to + 1;
                }
            }
            first = last + 1;
        }
        found
    }

    fn reached(&self, steps: usize) -> Option<Reached> {
        let all = |counts: &[i64], from: usize| {
            let mut sum = 0;
            let mut last = None;
            for (index, count) in counts.iter().enumerate().take(steps + 1) {
                sum += count;
                if sum == self.sectors && index >= from {
                    last = Some(index);
                }
            }
            last
        };
        if let Some(stage) = all(&self.exact, 0) {
            return Some(Reached { done: stage as u32, partly: false });
        }
        all(&self.within, 1).map(|n| Reached { done: n as u32 - 1, partly: true })
    }
}

/// Told of a sector: its versions, and its bytes on the volume.
type See<'a> = &'a mut dyn FnMut(&[Link], &[u8]) -> Result<()>;

/// Calls `see` with each patched sector's versions and its bytes on the volume.
fn each_sector(record: &Record, volume: &dyn ReadDevice, see: See<'_>) -> Result<()> {
    let links = record.links();
    let sectors: Vec<&[Link]> = links.chunk_by(|a, b| a.sector == b.sector).collect();
    let together = sectors.chunk_by(|a, b| a[0].sector + SECTOR as u64 == b[0].sector);
    let mut buf = Vec::new();
    for run in together.flat_map(|run| run.chunks((AT_ONCE as usize) / SECTOR)) {
        buf.resize(run.len() * SECTOR, 0);
        volume.read_at(ByteOffset(run[0][0].sector), &mut buf)?;
        for (versions, bytes) in run.iter().zip(buf.chunks(SECTOR)) {
            see(versions, bytes)?;
        }
    }
    Ok(())
}

/// Checks that every patched sector is as after this many steps.
///
/// # Errors
/// `wrong`, given the first that is not and how many, or when the volume cannot be read.
pub(crate) fn expect(
    record: &Record,
    volume: &dyn ReadDevice,
    done: u32,
    skip: &dyn Fn(u64) -> bool,
    wrong: &dyn Fn(String) -> Error,
) -> Result<()> {
    let mut differing: Option<(u64, Link)> = None;
    each_sector(record, volume, &mut |versions, bytes| {
        let last = versions.iter().take_while(|link| link.step < done).last();
        let content = match last {
            Some(link) => record.new_of(*link),
            None => record.old_of(versions[0]),
        };
        if content != bytes && !skip(versions[0].sector) {
            differing.get_or_insert((0, versions[0])).0 += 1;
        }
        Ok(())
    })?;
    match differing {
        None => Ok(()),
        Some((count, first)) => Err(wrong(format!(
            "{count} sectors differ ({}); the first is at byte {} ({})",
            ByteLen(count * SECTOR as u64),
            ByteOffset(first.sector),
            record.tags_of(first)
        ))),
    }
}

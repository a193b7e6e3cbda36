//! What a journal says, in memory: to and from bytes, and the rules that it must keep.
//!
//! A journal that is about to be written is held to the same rules as one that was found: a job that breaks them is
//! refused before anything is changed.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zerocopy::{FromBytes, IntoBytes};

use super::format::{self, CopyEntry, Header, PatchEntry, SECTOR, State};
use crate::error::{Error, Result};
use crate::fs::{Copy, Patch, Tag};
use crate::plan::VolumeIdentity;
use crate::unit::{ByteLen, ByteOffset};

/// The part of a journal that is text.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Words {
    /// The job's name: "moving 212 MiB out of the way".
    pub(crate) name: String,
    /// Which volume it is.
    pub(crate) volume: VolumeIdentity,
    /// The steps' titles.
    pub(crate) steps: Vec<String>,
    /// What the bytes of each patch are, in the patches' order.
    pub(crate) tags: Vec<Vec<Tag>>,
}

/// A copy that was made, and how its bytes are known again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LoggedCopy {
    pub(crate) copy: Copy,
    pub(crate) source: [u8; 32],
    pub(crate) target: [u8; 32],
}

/// One step: its patches, sorted and disjoint.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Step {
    pub(crate) title: String,
    pub(crate) patches: Vec<Patch>,
}

/// A journal's content.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Record {
    pub(crate) job: Uuid,
    /// Seconds since 1970.
    pub(crate) created: u64,
    /// Where in the volume it lies; none for a file.
    pub(crate) place: Option<ByteOffset>,
    pub(crate) name: String,
    pub(crate) volume: VolumeIdentity,
    pub(crate) copies: Vec<LoggedCopy>,
    pub(crate) steps: Vec<Step>,
}

/// One version of one sector: `patch` of `step` changes the 512 bytes at `sector`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Link {
    pub(crate) sector: u64,
    pub(crate) step: u32,
    pub(crate) patch: u32,
}

fn broken(what: impl std::fmt::Display) -> Error {
    Error::damaged(format!("the journal contradicts itself: {what}"))
}

fn range(start: ByteOffset, len: u64) -> Result<Range<u64>> {
    let end = start.0.checked_add(len).ok_or_else(|| broken(format!("a range at {start} has no end")))?;
    Ok(start.0..end)
}

impl Record {
    fn patches(&self) -> impl Iterator<Item = (u32, &Patch)> {
        let steps = self.steps.iter().enumerate();
        steps.flat_map(|(index, step)| step.patches.iter().map(move |patch| (index as u32, patch)))
    }

    /// Bytes of all patches, once.
    pub(crate) fn patched_bytes(&self) -> u64 {
        self.patches().map(|(_, patch)| patch.new.len() as u64).sum()
    }

    /// Bytes of all copies.
    pub(crate) fn copied_bytes(&self) -> u64 {
        self.copies.iter().fold(0, |sum, logged| sum.saturating_add(logged.copy.len.0))
    }

    fn words(&self) -> Words {
        Words {
            name: self.name.clone(),
            volume: self.volume.clone(),
            steps: self.steps.iter().map(|step| step.title.clone()).collect(),
            tags: self.patches().map(|(_, patch)| patch.tags.clone()).collect(),
        }
    }

    /// The journal's bytes: the header, and the body. Digests of copies need not be known yet for the lengths to be
    /// right, so a plan knows how long the journal will be.
    ///
    /// # Errors
    /// When it is larger than a journal may be.
    pub(crate) fn encode(&self) -> Result<(Header, Vec<u8>)> {
        // A title or a tag is text; a list of them always has a JSON form.
        let words = serde_json::to_vec(&self.words()).map_err(broken)?;
        let data_len = 2 * self.patched_bytes();
        let patches = self.patches().count();
        let mut header = Header {
            magic: format::MAGIC,
            version: format::VERSION.into(),
            state: (State::Open as u32).into(),
            job: *self.job.as_bytes(),
            created: self.created.into(),
            place: self.place.map_or(format::IN_A_FILE, |place| place.0).into(),
            len: 0.into(),
            volume_len: self.volume.len.0.into(),
            words_len: (words.len() as u64).into(),
            steps: u32::try_from(self.steps.len()).unwrap_or(u32::MAX).into(),
            copies: u32::try_from(self.copies.len()).unwrap_or(u32::MAX).into(),
            patches: u32::try_from(patches).unwrap_or(u32::MAX).into(),
            reserved: 0.into(),
            data_len: data_len.into(),
            body_digest: [0; 32],
            zeros: [0; 344],
            digest: [0; 32],
        };
        let len = header.expected_len().ok_or_else(|| self.too_large(words.len() as u64, patches))?;
        header.len = len.into();
        let mut body = words;
        body.reserve((len - format::BODY_AT) as usize - body.len());
        for LoggedCopy { copy, source, target } in &self.copies {
            let (from, to, len) = (copy.from.0.into(), copy.to.0.into(), copy.len.0.into());
            let entry = CopyEntry { from, to, len, reserved: 0.into(), source: *source, target: *target };
            body.extend_from_slice(entry.as_bytes());
        }
        for (step, patch) in self.patches() {
            let len = u32::try_from(patch.new.len()).unwrap_or(u32::MAX);
            let (offset, step) = (patch.offset.0.into(), (step + 1).into());
            body.extend_from_slice(PatchEntry { offset, len: len.into(), step, reserved: 0.into() }.as_bytes());
        }
        for (_, patch) in self.patches() {
            body.extend_from_slice(&patch.old);
            body.extend_from_slice(&patch.new);
        }
        body.resize((len - format::BODY_AT) as usize, 0);
        header.body_digest = *blake3::hash(&body).as_bytes();
        Ok((header.seal(), body))
    }

    fn too_large(&self, words: u64, patches: usize) -> Error {
        Error::refused(format!(
            "the job is larger than a journal may be: {} steps (at most {}), {} copies and {patches} patches (at most {} of each), {} of old and new bytes (at most {}), {} of words (at most {})",
            self.steps.len(),
            format::MAX_STEPS,
            self.copies.len(),
            format::MAX_ENTRIES,
            ByteLen(2 * self.patched_bytes()),
            ByteLen(format::MAX_DATA),
            ByteLen(words),
            ByteLen(format::MAX_WORDS),
        ))
        .advise("Do it in smaller parts")
    }

    /// Reads a body whose digest was found right. Its maker may still be a stranger: every rule is checked.
    ///
    /// # Errors
    /// When it breaks a rule.
    pub(crate) fn decode(header: &Header, body: &[u8]) -> Result<Self> {
        let mut rest = body;
        let mut take = |len: u64| {
            let len = usize::try_from(len).map_err(|_| broken("a length"))?;
            let (head, tail) = rest.split_at_checked(len).ok_or_else(|| broken("its body is too short"))?;
            rest = tail;
            Ok::<_, Error>(head)
        };
        let words: Words = serde_json::from_slice(take(header.words_len.get())?)
            .map_err(|error| broken(format_args!("its words cannot be read: {error}")))?;
        let copies = take(u64::from(header.copies.get()) * size_of::<CopyEntry>() as u64)?;
        let entries = take(u64::from(header.patches.get()) * size_of::<PatchEntry>() as u64)?;
        if words.steps.len() as u64 != u64::from(header.steps.get())
            || words.tags.len() as u64 != u64::from(header.patches.get())
        {
            return Err(broken("its words name other steps or patches than its tables"));
        }
        let mut steps: Vec<Step> = words.steps.into_iter().map(|title| Step { title, patches: Vec::new() }).collect();
        for (entry, tags) in entries.chunks_exact(size_of::<PatchEntry>()).zip(words.tags) {
            let entry = PatchEntry::read_from_bytes(entry).map_err(|_| broken("a patch"))?;
            let len = u64::from(entry.len.get());
            let (old, new) = (take(len)?.to_vec(), take(len)?.to_vec());
            let step = (entry.step.get() as usize).checked_sub(1).and_then(|index| steps.get_mut(index));
            let step = step.ok_or_else(|| broken(format_args!("a patch of step {}", entry.step.get())))?;
            step.patches.push(Patch { offset: ByteOffset(entry.offset.get()), old, new, tags });
        }
        let record = Self {
            job: Uuid::from_bytes(header.job),
            created: header.created.get(),
            place: (header.place.get() != format::IN_A_FILE).then(|| ByteOffset(header.place.get())),
            name: words.name,
            volume: words.volume,
            copies: copies.chunks_exact(size_of::<CopyEntry>()).map(logged).collect::<Result<_>>()?,
            steps,
        };
        if record.volume.len.0 != header.volume_len.get() {
            return Err(broken("its words name another length of the volume than its header"));
        }
        record.check(header.len.get())?;
        Ok(record)
    }

    /// Checks every rule of the format page for a journal of `len` bytes.
    ///
    /// # Errors
    /// The rule that is broken.
    pub(crate) fn check(&self, len: u64) -> Result<()> {
        let own = match self.place {
            Some(place) => Some(range(place, len)?),
            None => None,
        };
        let inside = |range: &Range<u64>| {
            range.end <= self.volume.len.0 && range.start.is_multiple_of(SECTOR as u64) && !range.is_empty()
        };
        if own.as_ref().is_some_and(|own| !inside(own)) {
            return Err(broken("it does not lie within its volume"));
        }
        self.check_copies(own.clone(), &inside)?;
        for step in &self.steps {
            let mut end = 0;
            for patch in &step.patches {
                let bytes = range(patch.offset, patch.new.len() as u64)?;
                let whole = patch.new.len() == patch.old.len()
                    && patch.new.len().is_multiple_of(SECTOR)
                    && patch.new.len() <= format::MAX_PATCH as usize;
                let apart = own.as_ref().is_none_or(|own| bytes.end <= own.start || own.end <= bytes.start);
                if !inside(&bytes) || !whole || !apart || bytes.start < end {
                    return Err(broken(format_args!("the patch at {}", patch.offset)));
                }
                end = bytes.end;
            }
        }
        let links = self.links();
        for pair in links.windows(2).filter(|pair| pair[0].sector == pair[1].sector) {
            if self.new_of(pair[0]) != self.old_of(pair[1]) {
                let at = ByteOffset(pair[0].sector);
                return Err(broken(format_args!("two steps disagree about the sector at {at}")));
            }
        }
        Ok(())
    }

    /// No copy's target shares bytes with anything but itself.
    fn check_copies(&self, own: Option<Range<u64>>, inside: &dyn Fn(&Range<u64>) -> bool) -> Result<()> {
        let mut ranges: Vec<(Range<u64>, bool)> = own.into_iter().map(|own| (own, true)).collect();
        for LoggedCopy { copy, .. } in &self.copies {
            for (start, is_target) in [(copy.from, false), (copy.to, true)] {
                let bytes = range(start, copy.len.0)?;
                if !inside(&bytes) || !copy.len.0.is_multiple_of(SECTOR as u64) {
                    return Err(broken(format_args!("a copy of {} bytes at {start}", copy.len.0)));
                }
                ranges.push((bytes, is_target));
            }
        }
        ranges.sort_by_key(|(range, _)| range.start);
        let (mut end_of_any, mut end_of_targets) = (0, 0);
        for (range, is_target) in ranges {
            if range.start < if is_target { end_of_any } else { end_of_targets } {
                let at = ByteOffset(range.start);
                return Err(broken(format_args!("a copy overwrites what is still needed, at {at}")));
            }
            end_of_any = end_of_any.max(range.end);
            end_of_targets = if is_target { end_of_targets.max(range.end) } else { end_of_targets };
        }
        Ok(())
    }

    /// Every version of every patched sector, by sector and then by step.
    pub(crate) fn links(&self) -> Vec<Link> {
        let mut links = Vec::new();
        for (step, in_step) in self.steps.iter().enumerate() {
            for (patch, bytes) in in_step.patches.iter().enumerate() {
                let sectors = (0..bytes.new.len() as u64).step_by(SECTOR);
                links.extend(sectors.map(|at| Link {
                    sector: bytes.offset.0.saturating_add(at),
                    step: step as u32,
                    patch: patch as u32,
                }));
            }
        }
        links.sort_unstable();
        links
    }

    fn patch(&self, link: Link) -> (&Patch, Range<usize>) {
        let patch = &self.steps[link.step as usize].patches[link.patch as usize];
        let at = (link.sector - patch.offset.0) as usize;
        (patch, at..at + SECTOR)
    }

    /// A sector's bytes before this version.
    pub(crate) fn old_of(&self, link: Link) -> &[u8] {
        let (patch, at) = self.patch(link);
        &patch.old[at]
    }

    /// A sector's bytes in this version.
    pub(crate) fn new_of(&self, link: Link) -> &[u8] {
        let (patch, at) = self.patch(link);
        &patch.new[at]
    }

    /// What a version's bytes are, for people.
    pub(crate) fn tags_of(&self, link: Link) -> String {
        let (patch, _) = self.patch(link);
        let tags: Vec<String> = patch.tags.iter().map(Tag::to_string).collect();
        if tags.is_empty() { "metadata".into() } else { tags.join("; ") }
    }

    /// All ranges that any patch touches: sorted, disjoint.
    pub(crate) fn patched_ranges(&self) -> Vec<Range<u64>> {
        merged(self.patches().map(|(_, patch)| patch.offset.0..patch.offset.0 + patch.new.len() as u64).collect())
    }
}

/// Ranges, sorted; those that touch become one.
pub(crate) fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

fn logged(entry: &[u8]) -> Result<LoggedCopy> {
    let entry = CopyEntry::read_from_bytes(entry).map_err(|_| broken("a copy"))?;
    let copy =
        Copy { from: ByteOffset(entry.from.get()), to: ByteOffset(entry.to.get()), len: ByteLen(entry.len.get()) };
    Ok(LoggedCopy { copy, source: entry.source, target: entry.target })
}

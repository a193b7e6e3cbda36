//! A volume as it would be: reads fall through to the device, writes stay in memory, and what differs are patches.
//!
//! Two layers: `settled` is what [`Overlay::take`] has given out already, `current` is what reads see. A copy of
//! clusters is remembered as a redirection of reads, not as bytes, so that moving gigabytes takes no memory.
//!
//! Patches consist of whole sectors of 512 bytes, because that is what a medium writes whole or not at all: after a
//! power cut each sector of a patch holds its old or its new bytes, and nothing else.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::device::{ReadDevice, SharedDevice, check_range};
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset};

/// What a medium writes whole or not at all.
pub const SECTOR_BYTES: u64 = 512;
/// Bytes kept together.
const PAGE_BYTES: u64 = SECTOR_BYTES;
/// Writes that are taken for one when they follow each other cover no more than this, so that looking for those that
/// touch a patch stays short.
const MAX_NOTE_BYTES: u64 = 64 << 10;
/// Longest patch; neighbours beyond are patches of their own, so that a journal's records stay small.
const MAX_PATCH_BYTES: u64 = 256 << 10;
/// Most that may be changed in one edit: what it keeps in memory, and what a journal must hold twice.
pub const MAX_CHANGED_BYTES: u64 = 256 << 20;

/// What some bytes of a volume are, for people: "FAT 1, entries 812–990".
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Tag {
    /// The structure: "FAT 1", "MFT record 24", "block bitmap of group 3".
    pub what: String,
    /// Which part of it: "$DATA runs"; or the word for its numbered parts: "entries".
    pub part: String,
    /// The first and the last of the numbered parts.
    pub span: Option<(u64, u64)>,
}

impl Tag {
    /// The whole structure.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), part: String::new(), span: None }
    }

    /// A named part.
    #[must_use]
    pub fn part(mut self, part: impl Into<String>) -> Self {
        self.part = part.into();
        self
    }

    /// Numbered parts; those of neighbouring writes are merged.
    #[must_use]
    pub fn span(mut self, unit: impl Into<String>, first: u64, last: u64) -> Self {
        self.part = unit.into();
        self.span = Some((first, last));
        self
    }

    /// True when both are of the same parts of the same structure.
    fn is_of(&self, other: &Self) -> bool {
        self.what == other.what && self.part == other.part && self.span.is_some() == other.span.is_some()
    }

    /// Takes in a tag of the same parts of the same structure; false when it is of something else.
    fn merge(&mut self, other: &Self) -> bool {
        if !self.is_of(other) {
            return false;
        }
        if let (Some(own), Some(more)) = (&mut self.span, other.span) {
            *own = (own.0.min(more.0), own.1.max(more.1));
        }
        true
    }
}

impl std::fmt::Display for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)?;
        if !self.part.is_empty() {
            write!(f, ", {}", self.part)?;
        }
        match self.span {
            Some((first, last)) if first == last => write!(f, " {first}"),
            Some((first, last)) => write!(f, " {first}–{last}"),
            None => Ok(()),
        }
    }
}

/// Bytes to be changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patch {
    /// Where: a multiple of [`SECTOR_BYTES`].
    pub offset: ByteOffset,
    /// What is there (after the copies of its change): whole sectors.
    pub old: Vec<u8>,
    /// What shall be there; as long.
    pub new: Vec<u8>,
    /// What these bytes are.
    pub tags: Vec<Tag>,
}

/// Bytes to be copied before anything is patched; the target is free and stays so until a patch makes it used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Copy {
    /// From where.
    pub from: ByteOffset,
    /// To where.
    pub to: ByteOffset,
    /// How many bytes.
    pub len: ByteLen,
}

/// One step of a job: copies first, then patches, sorted and disjoint.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// What it does, for people.
    pub title: String,
    /// Data to be copied, in order. No target was used when the edit began, so undoing needs no copy back.
    pub copies: Vec<Copy>,
    /// Metadata to be changed.
    pub patches: Vec<Patch>,
}

impl Change {
    /// True when there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.copies.is_empty() && self.patches.is_empty()
    }

    /// Bytes to be copied.
    #[must_use]
    pub fn copied_bytes(&self) -> u64 {
        self.copies.iter().fold(0, |sum, copy| sum.saturating_add(copy.len.0))
    }

    /// Bytes to be patched.
    #[must_use]
    pub fn patched_bytes(&self) -> u64 {
        self.patches.iter().fold(0, |sum, patch| sum.saturating_add(patch.new.len() as u64))
    }
}

type Page = [u8; PAGE_BYTES as usize];

/// One state of the overlay: cheap to clone.
#[derive(Clone, Default)]
struct Layer {
    /// Changed pages, by number.
    pages: BTreeMap<u64, Arc<Page>>,
    /// Where the bytes of copied ranges come from: target start → (end, source start). Disjoint.
    copied: BTreeMap<u64, (u64, u64)>,
    /// What was copied from where it lay: source start → end. Disjoint.
    vacated: BTreeMap<u64, u64>,
}

/// Writes that begin at one place: where they end, and what they are.
type Notes = Vec<(u64, Tag)>;

#[derive(Default)]
struct Inner {
    settled: Layer,
    current: Layer,
    /// Copies since the last take.
    copies: Vec<Copy>,
    /// What was written since the last take, by its start.
    tags: BTreeMap<u64, Notes>,
    /// The longest of these.
    longest: u64,
    /// What the attempts that are under way have changed, the innermost last.
    attempts: Vec<Before>,
}

/// How things were before an attempt, of all that it has changed so far: what an attempt costs depends on what it does,
/// and not on what was done before it.
#[derive(Default)]
struct Before {
    /// Pages by number; `None` where there was none.
    pages: BTreeMap<u64, Option<Arc<Page>>>,
    /// Notes by their start.
    tags: BTreeMap<u64, Option<Notes>>,
    longest: u64,
    /// How many copies there were.
    copies: usize,
    /// Starts of the targets that were copied to.
    copied: Vec<u64>,
    /// What was put into the vacated ranges, and which of them it took the place of: to be taken back from the end.
    vacated: Vec<(u64, Vec<(u64, u64)>)>,
}

/// A device that is changed in memory only.
pub struct Overlay {
    device: SharedDevice,
    inner: Mutex<Inner>,
}

impl Overlay {
    /// Over this device.
    #[must_use]
    pub fn new(device: SharedDevice) -> Self {
        Self { device, inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes bytes, and says what they are.
    ///
    /// # Errors
    /// When they lie outside the device, the old bytes around them cannot be read, or too much was changed.
    pub fn write(&self, offset: ByteOffset, data: &[u8], tag: Tag) -> Result<()> {
        check_range(offset, data.len(), self.device.len())?;
        if data.is_empty() {
            return Ok(());
        }
        let mut inner = self.lock();
        let end = offset.0 + data.len() as u64;
        for number in offset.0 / PAGE_BYTES..end.div_ceil(PAGE_BYTES) {
            let start = number * PAGE_BYTES;
            let (from, to) = (offset.0.max(start), end.min(start + PAGE_BYTES));
            let mut page = self.page(&inner.current, number)?;
            Arc::make_mut(&mut page)[(from - start) as usize..(to - start) as usize]
                .copy_from_slice(&data[(from - offset.0) as usize..(to - offset.0) as usize]);
            inner.put(number, page);
        }
        if inner.current.pages.len() as u64 * PAGE_BYTES > MAX_CHANGED_BYTES {
            return Err(Error::refused(format!(
                "more than {} of metadata would change at once",
                ByteLen(MAX_CHANGED_BYTES)
            ))
            .advise("Do it in smaller parts"));
        }
        inner.note(offset.0, end, tag);
        Ok(())
    }

    /// Copies bytes: reads of the target give the source's from now on. Whole sectors. The source's bytes are those
    /// on the device, with the changes made to them so far as patches of the target.
    ///
    /// # Errors
    /// When either lies outside the device, they overlap, they are no whole sectors, or the target was changed or
    /// copied to or from before.
    pub fn copy(&self, from: ByteOffset, to: ByteOffset, len: ByteLen) -> Result<()> {
        let bytes = len.to_usize().unwrap_or(usize::MAX);
        check_range(from, bytes, self.device.len())?;
        check_range(to, bytes, self.device.len())?;
        let apart = from.0 + len.0 <= to.0 || to.0 + len.0 <= from.0;
        let whole = [from.0, to.0, len.0].iter().all(|n| n.is_multiple_of(SECTOR_BYTES));
        let mut inner = self.lock();
        if !apart || !whole || inner.current.touches(to.0..to.0 + len.0) {
            return Err(Error::refused(format!("{len} at {from} cannot be copied to {to}: the target is in use")));
        }
        // What was moved before is copied from where its bytes are on the device.
        let changed = self.changed(&inner.current, from.0..from.0 + len.0)?;
        for (start, end, source) in inner.current.sources(from.0..from.0 + len.0) {
            let target = to.0 + (start - from.0);
            inner.redirect(target, source, end - start);
            inner.copies.push(Copy { from: ByteOffset(source), to: ByteOffset(target), len: ByteLen(end - start) });
        }
        drop(inner);
        for (at, data) in changed {
            self.write(ByteOffset(to.0 + (at - from.0)), &data, Tag::new("moved metadata"))?;
        }
        Ok(())
    }

    /// The sectors of a range that were changed in memory: where, and their bytes.
    fn changed(&self, layer: &Layer, range: Range<u64>) -> Result<Vec<(u64, Vec<u8>)>> {
        let mut found = Vec::new();
        let pages = range.start / PAGE_BYTES..range.end.div_ceil(PAGE_BYTES);
        for (number, page) in layer.pages.range(pages) {
            let (start, end) = (number * PAGE_BYTES, (number + 1) * PAGE_BYTES);
            let (from, to) = (start.max(range.start), end.min(range.end));
            let mut below = vec![0; (to - from) as usize];
            self.read_below(layer, from, &mut below)?;
            let now = &page[(from - start) as usize..(to - start) as usize];
            if now != below {
                found.push((from, now.to_vec()));
            }
        }
        Ok(found)
    }

    /// Does something that changes the overlay; when it fails, everything is as it was before. An attempt may be part
    /// of another; [`take`](Self::take) is none of its parts.
    ///
    /// # Errors
    /// Those of `act`.
    pub fn attempt<T>(&self, act: impl FnOnce() -> Result<T>) -> Result<T> {
        {
            let mut inner = self.lock();
            let before = Before { longest: inner.longest, copies: inner.copies.len(), ..Before::default() };
            inner.attempts.push(before);
        }
        let outcome = act();
        let mut inner = self.lock();
        if let Some(before) = inner.attempts.pop() {
            match outcome {
                Ok(_) => inner.keep(before),
                Err(_) => inner.take_back(before),
            }
        }
        outcome
    }

    /// What has changed since the last call.
    ///
    /// # Errors
    /// When the device's bytes cannot be read.
    pub fn take(&self, title: &str) -> Result<Change> {
        let mut inner = self.lock();
        let mut patches: Vec<Patch> = Vec::new();
        // Before its patches stands what its copies bring: the settled pages, on the current redirections.
        let before = Layer { pages: inner.settled.pages.clone(), ..inner.current.clone() };
        for (number, page) in &inner.current.pages {
            if inner.settled.pages.get(number).is_some_and(|old| Arc::ptr_eq(old, page)) {
                continue;
            }
            let start = number * PAGE_BYTES;
            let len = PAGE_BYTES.min(self.device.len().0 - start) as usize;
            let mut old = vec![0; len];
            self.read_layer(&before, start, &mut old)?;
            if old != page[..len] {
                extend(&mut patches, start, &old, &page[..len]);
            }
        }
        for patch in &mut patches {
            patch.tags = inner.tags_of(patch.offset.0..patch.offset.0 + patch.new.len() as u64);
        }
        let copies = std::mem::take(&mut inner.copies);
        inner.settled = inner.current.clone();
        inner.tags.clear();
        Ok(Change { title: title.into(), copies, patches })
    }

    fn page(&self, layer: &Layer, number: u64) -> Result<Arc<Page>> {
        if let Some(page) = layer.pages.get(&number) {
            return Ok(Arc::clone(page));
        }
        let mut page = [0; PAGE_BYTES as usize];
        let start = number * PAGE_BYTES;
        let len = PAGE_BYTES.min(self.device.len().0.saturating_sub(start)) as usize;
        self.read_layer(layer, start, &mut page[..len])?;
        Ok(Arc::new(page))
    }

    fn read_layer(&self, layer: &Layer, offset: u64, buf: &mut [u8]) -> Result<()> {
        let end = offset + buf.len() as u64;
        let mut at = offset;
        while at < end {
            // Up to the next changed page all is read at once.
            let number = at / PAGE_BYTES;
            if let Some(page) = layer.pages.get(&number) {
                let start = number * PAGE_BYTES;
                let to = end.min(start + PAGE_BYTES);
                buf[(at - offset) as usize..(to - offset) as usize]
                    .copy_from_slice(&page[(at - start) as usize..(to - start) as usize]);
                at = to;
                continue;
            }
            let next = layer.pages.range(number..).next().map_or(end, |(page, _)| end.min(page * PAGE_BYTES));
            self.read_below(layer, at, &mut buf[(at - offset) as usize..(next - offset) as usize])?;
            at = next;
        }
        Ok(())
    }

    /// Reads what is under the changed pages: copied ranges from their sources, all else from the device.
    fn read_below(&self, layer: &Layer, offset: u64, buf: &mut [u8]) -> Result<()> {
        for (start, end, source) in layer.sources(offset..offset + buf.len() as u64) {
            let piece = &mut buf[(start - offset) as usize..(end - offset) as usize];
            self.device.read_at(ByteOffset(source), piece)?;
        }
        Ok(())
    }
}

impl Layer {
    /// The range in pieces: start, end, and where on the device its bytes are (before any patch).
    fn sources(&self, range: Range<u64>) -> Vec<(u64, u64, u64)> {
        let mut pieces = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let inside = self.copied.range(..=at).next_back().filter(|(_, (end, _))| *end > at);
            let (end, source) = match inside {
                Some((start, (end, source))) => (*end, source + (at - start)),
                None => (self.copied.range(at + 1..).next().map_or(range.end, |(start, _)| *start), at),
            };
            let end = end.min(range.end);
            pieces.push((at, end, source));
            at = end;
        }
        pieces
    }

    /// Notes that a range was copied from; gives what it is noted by, and which notes that takes the place of.
    fn vacate(&mut self, range: Range<u64>) -> (u64, Vec<(u64, u64)>) {
        let (mut start, mut end) = (range.start, range.end);
        let mut replaced = Vec::new();
        while let Some((near, until)) = self.vacated.range(..=end).next_back().map(|(near, until)| (*near, *until))
            && until >= start
        {
            (start, end) = (start.min(near), end.max(until));
            self.vacated.remove(&near);
            replaced.push((near, until));
        }
        self.vacated.insert(start, end);
        (start, replaced)
    }

    /// True when part of the range was copied to, copied from, or changed.
    fn touches(&self, range: Range<u64>) -> bool {
        let last_target = self.copied.range(..range.end).next_back();
        let last_source = self.vacated.range(..range.end).next_back();
        last_target.is_some_and(|(_, (end, _))| *end > range.start)
            || last_source.is_some_and(|(_, end)| *end > range.start)
            || self.pages.range(range.start / PAGE_BYTES..range.end.div_ceil(PAGE_BYTES)).next().is_some()
    }
}

impl Inner {
    /// Changes a page.
    fn put(&mut self, number: u64, page: Arc<Page>) {
        let old = self.current.pages.insert(number, page);
        if let Some(before) = self.attempts.last_mut() {
            before.pages.entry(number).or_insert(old);
        }
    }

    /// Lets reads of a target give its source's bytes.
    fn redirect(&mut self, target: u64, source: u64, len: u64) {
        self.current.copied.insert(target, (target + len, source));
        let vacated = self.current.vacate(source..source + len);
        if let Some(before) = self.attempts.last_mut() {
            before.copied.push(target);
            before.vacated.push(vacated);
        }
    }

    /// What a successful attempt has changed is part of the attempt around it.
    fn keep(&mut self, before: Before) {
        let Some(outer) = self.attempts.last_mut() else { return };
        for (number, page) in before.pages {
            outer.pages.entry(number).or_insert(page);
        }
        for (start, notes) in before.tags {
            outer.tags.entry(start).or_insert(notes);
        }
        outer.copied.extend(before.copied);
        outer.vacated.extend(before.vacated);
    }

    /// Puts back what a failed attempt has changed.
    fn take_back(&mut self, before: Before) {
        for (number, page) in before.pages {
            restore(&mut self.current.pages, number, page);
        }
        for (start, notes) in before.tags {
            restore(&mut self.tags, start, notes);
        }
        for target in before.copied {
            self.current.copied.remove(&target);
        }
        for (put, replaced) in before.vacated.into_iter().rev() {
            self.current.vacated.remove(&put);
            self.current.vacated.extend(replaced);
        }
        self.copies.truncate(before.copies);
        self.longest = before.longest;
    }

    fn note(&mut self, start: u64, end: u64, tag: Tag) {
        // A write of the same parts as one just before it, or of the same bytes, is one with it.
        let near = self.tags.range(..=start).next_back().filter(|(near, _)| end - **near <= MAX_NOTE_BYTES);
        let joined = near.and_then(|(near, notes)| {
            let next = |until: u64| start <= until.saturating_add(SECTOR_BYTES);
            let at = notes.iter().position(|(until, old)| next(*until) && old.is_of(&tag))?;
            Some((*near, at))
        });
        let from = joined.map_or(start, |(near, _)| near);
        if let Some(before) = self.attempts.last_mut() {
            before.tags.entry(from).or_insert_with(|| self.tags.get(&from).cloned());
        }
        let notes = self.tags.entry(from).or_default();
        match joined.and_then(|(_, at)| notes.get_mut(at)) {
            Some((until, old)) => {
                old.merge(&tag);
                *until = (*until).max(end);
                self.longest = self.longest.max(*until - from);
            }
            None => {
                self.longest = self.longest.max(end - start);
                notes.push((end, tag));
            }
        }
    }

    /// What the bytes of a range are.
    fn tags_of(&self, range: Range<u64>) -> Vec<Tag> {
        let mut tags: Vec<Tag> = Vec::new();
        for (_, notes) in self.tags.range(range.start.saturating_sub(self.longest)..range.end) {
            for (_, tag) in notes.iter().filter(|(end, _)| *end > range.start) {
                if !tags.iter_mut().any(|have| have.merge(tag)) {
                    tags.push(tag.clone());
                }
            }
        }
        tags
    }
}

/// Puts back what a key led to.
fn restore<V>(map: &mut BTreeMap<u64, V>, key: u64, value: Option<V>) {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}

/// Adds a changed sector to the patch it continues, or as a new one.
fn extend(patches: &mut Vec<Patch>, offset: u64, old: &[u8], new: &[u8]) {
    match patches.last_mut() {
        Some(last) if last.offset.0 + last.new.len() as u64 == offset && (last.new.len() as u64) < MAX_PATCH_BYTES => {
            last.old.extend_from_slice(old);
            last.new.extend_from_slice(new);
        }
        _ => patches.push(Patch { offset: ByteOffset(offset), old: old.to_vec(), new: new.to_vec(), tags: Vec::new() }),
    }
}

impl ReadDevice for Overlay {
    fn len(&self) -> ByteLen {
        self.device.len()
    }

    fn sector_bytes(&self) -> u32 {
        self.device.sector_bytes()
    }

    fn read_at(&self, offset: ByteOffset, buf: &mut [u8]) -> Result<()> {
        check_range(offset, buf.len(), self.device.len())?;
        self.read_layer(&self.lock().current, offset.0, buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::MemoryDevice;

    fn device() -> (Arc<MemoryDevice>, Overlay) {
        let bytes = (0..64 * 1024).map(|at| (at / 512) as u8).collect();
        let device = Arc::new(MemoryDevice::new(bytes));
        (Arc::clone(&device), Overlay::new(device))
    }

    fn apply(bytes: &mut [u8], change: &Change) {
        for copy in &change.copies {
            let (from, to, len) = (copy.from.0 as usize, copy.to.0 as usize, copy.len.0 as usize);
            bytes.copy_within(from..from + len, to);
        }
        for patch in &change.patches {
            let at = patch.offset.0 as usize;
            assert_eq!(bytes[at..at + patch.old.len()], patch.old, "what a patch takes for old is there");
            bytes[at..at + patch.new.len()].copy_from_slice(&patch.new);
        }
    }

    fn seen(overlay: &Overlay) -> Vec<u8> {
        let mut bytes = vec![0; overlay.len().0 as usize];
        overlay.read_at(ByteOffset::ZERO, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn changes_applied_in_order_give_what_the_overlay_shows() {
        let (device, overlay) = device();
        overlay.write(ByteOffset(1000), &[1; 600], Tag::new("a").span("entries", 3, 5)).unwrap();
        overlay.write(ByteOffset(1600), &[2; 10], Tag::new("a").span("entries", 6, 9)).unwrap();
        let first = overlay.take("one").unwrap();
        overlay.copy(ByteOffset(1024), ByteOffset(32 * 1024), ByteLen(1024)).unwrap();
        overlay.write(ByteOffset(32 * 1024 + 700), &[9], Tag::new("b")).unwrap();
        overlay.copy(ByteOffset(32 * 1024), ByteOffset(40 * 1024), ByteLen(1024)).unwrap();
        let second = overlay.take("two").unwrap();
        let mut bytes = device.to_vec();
        // All copies of a job come before its first patch.
        for copy in first.copies.iter().chain(&second.copies) {
            let (from, to, len) = (copy.from.0 as usize, copy.to.0 as usize, copy.len.0 as usize);
            bytes.copy_within(from..from + len, to);
        }
        apply(&mut bytes, &Change { copies: Vec::new(), ..first.clone() });
        apply(&mut bytes, &Change { copies: Vec::new(), ..second });
        assert!(bytes == seen(&overlay));
        assert_eq!(first.patches.len(), 1);
        assert_eq!(first.patches[0].tags.iter().map(Tag::to_string).collect::<Vec<_>>(), ["a, entries 3–9"]);
        assert!(overlay.take("three").unwrap().is_empty());
    }

    #[test]
    fn what_fails_leaves_nothing_behind() {
        let (device, overlay) = device();
        let failed: Result<()> = overlay.attempt(|| {
            overlay.copy(ByteOffset(0), ByteOffset(4096), ByteLen(512))?;
            overlay.write(ByteOffset(9), &[7; 9], Tag::new("x"))?;
            overlay.write(ByteOffset(64 * 1024 - 1), &[7; 2], Tag::new("past the end"))
        });
        assert!(failed.is_err());
        assert!(seen(&overlay) == device.to_vec());
        assert!(overlay.take("nothing").unwrap().is_empty());
    }

    /// Attempts of every outcome within attempts, beside an overlay in which only what succeeded was done.
    #[test]
    fn attempts_within_attempts_leave_what_succeeded() {
        let write = |overlay: &Overlay, at: u64, byte: u8| {
            overlay.write(ByteOffset(at), &[byte; 700], Tag::new("w").span("bytes", at, at + 699)).unwrap();
        };
        let copy = |overlay: &Overlay, from, to| overlay.copy(ByteOffset(from), ByteOffset(to), ByteLen(512)).unwrap();
        let failed = || Err::<(), _>(Error::refused("no"));
        for outcomes in 0..8u8 {
            let (outer, first, second) = (outcomes & 1 == 0, outcomes & 2 == 0, outcomes & 4 == 0);
            let ((_, tried), (_, plain)) = (device(), device());
            for overlay in [&tried, &plain] {
                write(overlay, 100, 1);
                copy(overlay, 8192, 16384);
            }
            let inner = |overlay: &Overlay, at: u64| {
                write(overlay, 600, at as u8);
                write(overlay, at, 3);
                copy(overlay, 8704 + (at - 4096), 20_480 + at);
            };
            let _ = tried.attempt(|| {
                write(&tried, 300, 2);
                for (at, succeeds) in [(4096, first), (5120, second)] {
                    let _ = tried.attempt(|| {
                        inner(&tried, at);
                        if succeeds { Ok(()) } else { failed() }
                    });
                }
                if outer { Ok(()) } else { failed() }
            });
            if outer {
                write(&plain, 300, 2);
                [(4096, first), (5120, second)].iter().filter(|one| one.1).for_each(|one| inner(&plain, one.0));
            }
            assert!(seen(&tried) == seen(&plain), "{outcomes}");
            let state = |overlay: &Overlay| {
                let inner = overlay.lock();
                let layer = &inner.current;
                (layer.copied.clone(), layer.vacated.clone(), inner.tags.clone(), inner.longest, inner.attempts.len())
            };
            assert_eq!(state(&tried), state(&plain), "{outcomes}");
            assert_eq!(tried.take("t").unwrap(), plain.take("t").unwrap(), "{outcomes}");
        }
    }

    #[test]
    fn a_copy_never_lands_on_what_was_changed_or_moved() {
        let (_, overlay) = device();
        overlay.write(ByteOffset(8192), &[1], Tag::new("x")).unwrap();
        overlay.copy(ByteOffset(0), ByteOffset(4096), ByteLen(512)).unwrap();
        for to in [0, 4096, 8192] {
            assert!(overlay.copy(ByteOffset(16384), ByteOffset(to), ByteLen(512)).is_err(), "{to}");
        }
        overlay.copy(ByteOffset(16384), ByteOffset(8192 + 512), ByteLen(512)).unwrap();
    }
}

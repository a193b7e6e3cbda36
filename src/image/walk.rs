//! The index of an image whose end is missing or damaged: every record found by walking from the header on,
//! and, behind damage, by searching for the next record of this image.

use std::sync::Arc;

use super::Header;
use super::format::{self, Entry, HEAD, MAGIC, PAGE_CHUNKS, RecordHead, RecordKind};
use super::reader::{Index, Pages, check_entry, check_order, read_record};
use crate::device::{ReadDevice, SharedDevice, read_array};
use crate::unit::ByteOffset;

/// Bytes searched at a time: at first, as the next record is mostly near, and at most.
const WINDOWS: (usize, usize) = (4 << 10, 1 << 20);
/// Bytes that may be read in vain, beside four times the image's length. Records that lie about their length
/// could otherwise make a walk read the whole image again for each of them.
const SPARE_BYTES: u64 = 64 << 20;

struct Walk<'a> {
    source: &'a SharedDevice,
    budget: u64,
    /// Stretches without readable records, in order.
    lost: Vec<(u64, u64)>,
}

/// Walks the records behind the header; gives what was found, and in sentences what is missing.
pub(super) fn index(source: &SharedDevice, header: &Header, header_end: u64) -> (Index, Vec<String>) {
    let budget = source.len().0.saturating_mul(4).saturating_add(SPARE_BYTES);
    let mut walk = Walk { source, budget, lost: Vec::new() };
    let mut entries: Vec<Entry> = Vec::new();
    let mut chunks: Vec<Entry> = Vec::new();
    let mut at = header_end;
    // Where to search when no record begins at `at`: bytes of the frame before may have been lost.
    let mut from = at;
    while at < source.len().0 {
        let Ok(record) = read_record(source, ByteOffset(at), Some(header.image_id)) else {
            let Some(next) = walk.recover(at, from) else { break };
            (at, from) = (next, next + 1);
            continue;
        };
        let found = at;
        (at, from) = (record.end, record.end);
        if record.kind == RecordKind::Frame
            && let Ok(mut entry) = format::body::<Entry>(&record.body, ByteOffset(found))
            && check_entry(&entry, ByteOffset(found)).is_ok()
        {
            // Where it was found counts, not where it says it lay: bytes before it may have been lost or doubled.
            entry.offset = found.into();
            at = entry.end();
            if entry.is_chunk() { chunks.push(entry) } else { entries.push(entry) }
        }
    }
    let mut last = None;
    chunks.retain(|entry| {
        let fresh = last.is_none_or(|last| entry.first_cluster.get() > last);
        let good = fresh && check_order(std::slice::from_ref(entry), header, ByteOffset(entry.offset.get())).is_ok();
        if good {
            last = Some(entry.first_cluster.get());
        }
        good
    });
    let count = chunks.len() as u64;
    let pages = chunks.chunks(PAGE_CHUNKS).map(|page| Arc::new(page.to_vec())).collect();
    let lost = walk.sentences();
    (Index { entries, pages: Pages::Walked(pages), chunks: count, digest: None, footer: None }, lost)
}

impl Walk<'_> {
    /// There is no record at `at`: the next place behind `from` where one may begin; none at the end.
    fn recover(&mut self, at: u64, from: u64) -> Option<u64> {
        // What was read in vain: the body that the head promised.
        let head = read_array::<HEAD>(self.source, ByteOffset(at)).ok();
        let head = head.and_then(|bytes| RecordHead::parse(&bytes, ByteOffset(at)).ok());
        let body = head.map_or(0, |(head, _)| u64::from(head.body_len.get()).min(self.source.len().0));
        self.budget = self.budget.saturating_sub(body);
        let next = self.search(from.max(1));
        if next.is_none() && is_seek_table(self.source, at) {
            return None;
        }
        let to = next.unwrap_or(self.source.len().0);
        let start = if to < at { from } else { at };
        match self.lost.last_mut() {
            Some(last) if start <= last.1 => last.1 = to,
            _ => self.lost.push((start, to)),
        }
        next
    }

    /// The next place at or behind `from` where a record may begin.
    fn search(&mut self, from: u64) -> Option<u64> {
        let mut at = from;
        let len = self.source.len().0;
        let mut size = WINDOWS.0;
        let mut window = Vec::new();
        while at + 16 <= len && self.budget > 0 {
            let take = (len - at).min(size as u64) as usize;
            self.budget = self.budget.saturating_sub(take as u64);
            window.resize(take, 0);
            // An unreadable stretch is passed over window by window.
            if self.source.read_at(ByteOffset(at), &mut window).is_ok() {
                let magic = format::SKIPPABLE.to_le_bytes();
                let found = window.windows(16).position(|bytes| bytes[..4] == magic && bytes[8..] == MAGIC);
                if let Some(found) = found {
                    return Some(at + found as u64);
                }
            }
            if take < size {
                break;
            }
            // The last 15 bytes are searched again: a pattern may begin in them.
            at += (take - 15) as u64;
            size = (2 * size).min(WINDOWS.1);
        }
        None
    }

    fn sentences(&self) -> Vec<String> {
        let said = |(from, to): &(u64, u64)| format!("Bytes {from} to {to} of the image are not readable as records");
        self.lost.iter().map(said).collect()
    }
}

fn is_seek_table(source: &SharedDevice, at: u64) -> bool {
    let magic: crate::error::Result<[u8; 4]> = read_array(source, ByteOffset(at));
    magic.is_ok_and(|magic| magic == format::SEEK_SKIPPABLE.to_le_bytes())
}

//! The index of an image whose end is missing or damaged: every record found by walking from the header on,
//! and, behind damage, by searching for the next record of this image.

use std::sync::Arc;

use super::Header;
use super::format::{self, Content, Entry, MAGIC, PAGE_CHUNKS, RecordKind};
use super::reader::{Index, Pages, check_order, read_record};
use crate::device::{ReadDevice, SharedDevice};
use crate::unit::ByteOffset;

/// Bytes searched at a time.
const WINDOW: usize = 1 << 20;

/// Walks the records behind the header; gives what was found, and in sentences what is missing.
pub(super) fn index(source: &SharedDevice, header: &Header, header_end: u64) -> (Index, Vec<String>) {
    let mut entries: Vec<Entry> = Vec::new();
    let mut chunks: Vec<Entry> = Vec::new();
    let mut lost = Vec::new();
    let mut at = header_end;
    while at < source.len().0 {
        match read_record(source, ByteOffset(at), Some(header.image_id)) {
            Ok(record) => {
                at = record.end;
                if record.kind == RecordKind::Frame
                    && let Ok(entry) = format::body::<Entry>(&record.body, ByteOffset(at))
                {
                    at = entry.end();
                    if entry.content == Content::Chunk as u8 { chunks.push(entry) } else { entries.push(entry) }
                }
            }
            Err(_) => {
                let next = search(source, at + 1);
                if next.is_some() || !is_seek_table(source, at) {
                    let to = next.unwrap_or(source.len().0);
                    lost.push(format!("Bytes {at} to {to} of the image are not readable as records"));
                }
                let Some(next) = next else { break };
                at = next;
            }
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
    (Index { entries, pages: Pages::Walked(pages), chunks: count, digest: None }, lost)
}

/// The next place at or behind `from` where a record may begin.
fn search(source: &SharedDevice, from: u64) -> Option<u64> {
    let mut pattern = [0; 16];
    pattern[..4].copy_from_slice(&format::SKIPPABLE.to_le_bytes());
    let mut at = from;
    let len = source.len().0;
    let mut window = vec![0; WINDOW];
    while at + 16 <= len {
        let take = (len - at).min(WINDOW as u64) as usize;
        // An unreadable stretch is passed over window by window.
        if source.read_at(ByteOffset(at), &mut window[..take]).is_ok() {
            let found =
                window[..take].windows(16).position(|bytes| bytes[..4] == pattern[..4] && bytes[8..16] == MAGIC);
            if let Some(found) = found {
                return Some(at + found as u64);
            }
        }
        if take < WINDOW {
            break;
        }
        // The last 15 bytes are searched again: a pattern may begin in them.
        at += (take - 15) as u64;
    }
    None
}

fn is_seek_table(source: &SharedDevice, at: u64) -> bool {
    let magic: crate::error::Result<[u8; 4]> = crate::device::read_array(source, ByteOffset(at));
    magic.is_ok_and(|magic| magic == format::SEEK_SKIPPABLE.to_le_bytes())
}

//! `$Secure`: security descriptors, kept once for all files.
//!
//! `$SDS` holds the descriptors, each behind a header of 20 bytes: hash, id, its place in `$SDS` (8 bytes), its length
//! with the header. Each block of 256 KiB is repeated 256 KiB behind. `$SII` (by id) and `$SDH` (by hash and id) hold
//! that header as data. Source: Linux-NTFS documentation, "$Secure"; ntfs-3g writes it so.

use std::collections::HashSet;

use super::super::content::Content;
use super::super::record::{Body, Reference, kind};
use super::super::volume::number;
use super::Checker;
use super::collation::Rule;
use super::index;
use super::tree::{Event, Tree};
use crate::bytes::{u16_at, u32_at, u64_at};
use crate::error::{Error, Result};
use crate::fs::Finding;

/// Bytes of a descriptor's header.
const HEADER_BYTES: usize = 20;

/// How far behind a descriptor its copy lies.
const COPY_BYTES: u64 = 256 << 10;

/// Descriptors that are looked at; a server has some ten thousand.
const MOST_DESCRIPTORS: usize = 1 << 20;

impl Checker<'_> {
    /// Reads the ids that there are, and compares each descriptor's header with its index.
    pub(super) fn secure(&mut self) -> Result<()> {
        // Before NTFS 3.0 the record was kept for quotas.
        let version = self.volume.file(Reference(number::VOLUME)).ok();
        let major = version.and_then(|file| file.resident(kind::VOLUME_INFORMATION)?.get(8).copied());
        if major.is_none_or(|major| major < 3) {
            return Ok(());
        }
        match self.descriptors() {
            Ok(ids) => self.security = ids,
            Err(error) => self.report.error_of(number::SECURE, "ntfs.secure", error)?,
        }
        Ok(())
    }

    /// `None` when there are too many to keep.
    fn descriptors(&mut self) -> Result<Option<HashSet<u32>>> {
        let volume = self.volume;
        let file = volume.file(Reference(number::SECURE))?;
        let name = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
        let missing = |what: &str| Error::damaged(format!("$Secure has no {what}"));
        let sds = file.content(kind::DATA, &name("$SDS")).ok_or_else(|| missing("$SDS"))?;
        sds.check(&volume.boot)?;
        let root = file.content(kind::INDEX_ROOT, &name("$SII")).ok_or_else(|| missing("$SII"))?;
        let Body::Resident(value) = &root.body else { return Err(missing("$SII in its record")) };
        let blocks = file.content(kind::INDEX_ALLOCATION, &name("$SII"));
        let block_bytes = u32_at(value, 8).filter(|bytes| index::BLOCK_BYTES.contains(bytes));
        let block_bytes = block_bytes.ok_or_else(|| missing("usable size of blocks"))? as usize;
        let tree = Tree {
            device: &*volume.device,
            boot: &volume.boot,
            upcase: volume.upcase(),
            rule: Rule(0x10),
            block_bytes,
            blocks: blocks.filter(|blocks| blocks.check(&volume.boot).is_ok()),
            is_view: true,
        };
        let mut ids = HashSet::new();
        let mut whole = true;
        // What is wrong with the index itself is told when record 9 is met.
        tree.walk(value, root.place, &mut |event| match event {
            Event::Entry(entry, key, place) if ids.len() < MOST_DESCRIPTORS => {
                let id = u32_at(key, 0).unwrap_or(0);
                ids.insert(id);
                let at = usize::from(u16_at(entry, 0).unwrap_or(0));
                let header = entry.get(at..at + HEADER_BYTES).filter(|header| u32_at(header, 4) == Some(id));
                match header {
                    Some(header) => self.descriptor(sds, id, header),
                    None => {
                        let message = format!("$SII has no header of the security descriptor {id}");
                        self.report.of(number::SECURE, Finding::error("ntfs.secure.index", message).at(place));
                        Ok(())
                    }
                }
            }
            Event::Entry(..) | Event::Incomplete => {
                whole = false;
                Ok(())
            }
            Event::Wrong(..) => Ok(()),
        })?;
        Ok(whole.then_some(ids))
    }

    /// One descriptor: its header stands where the index says, and so does its copy.
    fn descriptor(&mut self, sds: &Content, id: u32, header: &[u8]) -> Result<()> {
        let volume = self.volume;
        let (at, len) = (u64_at(header, 8).unwrap_or(u64::MAX), u64::from(u32_at(header, 16).unwrap_or(0)));
        let end = at.checked_add(len).filter(|end| *end <= sds.len() && len >= HEADER_BYTES as u64);
        let mut wrong = |severity: fn(&'static str, String) -> Finding, rule, message| {
            let place = if end.is_some() { sds.place_of(&volume.boot, at) } else { sds.place };
            self.report.of(number::SECURE, severity(rule, message).at(place));
        };
        if end.is_none() {
            let message = format!("the security descriptor {id} has {len} bytes at {at}, but $SDS has {}", sds.len());
            wrong(Finding::error, "ntfs.secure.descriptor", message);
            return Ok(());
        }
        let mut found = [0; HEADER_BYTES];
        sds.read_at(&*volume.device, &volume.boot, at, &mut found)?;
        if found != header {
            wrong(
                Finding::error,
                "ntfs.secure.descriptor",
                format!("$SDS does not hold the security descriptor {id} at {at}"),
            );
            return Ok(());
        }
        let copy = at.saturating_add(COPY_BYTES);
        if copy.saturating_add(len) <= sds.len() && len <= COPY_BYTES {
            let mut bytes = vec![0; len as usize];
            let mut again = bytes.clone();
            sds.read_at(&*volume.device, &volume.boot, at, &mut bytes)?;
            sds.read_at(&*volume.device, &volume.boot, copy, &mut again)?;
            if hash(&bytes[HEADER_BYTES..]) != u32_at(header, 0).unwrap_or(0) {
                let message = format!("the security descriptor {id} does not have the hash that $Secure tells");
                wrong(Finding::error, "ntfs.secure.hash", message);
            }
            if bytes != again {
                wrong(
                    Finding::warning,
                    "ntfs.secure.copy",
                    format!("the security descriptor {id} and its copy differ"),
                );
            }
        } else {
            wrong(Finding::warning, "ntfs.secure.copy", format!("the security descriptor {id} has no copy"));
        }
        Ok(())
    }
}

/// The hash of a descriptor: each 32-bit word is added to the sum, which was rotated left by 3 before.
/// Source: ntfs-3g's behaviour (`security.c`), confirmed by volumes of Windows.
fn hash(descriptor: &[u8]) -> u32 {
    let words = descriptor.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
    words.fold(0u32, |sum, word| sum.rotate_left(3).wrapping_add(word))
}

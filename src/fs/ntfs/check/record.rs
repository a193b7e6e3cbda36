//! Records: their headers, the order of their attributes, and files as a whole.
//!
//! Rules (Linux-NTFS documentation, "FILE record"; ntfs-3g's `layout.h` as behaviour):
//! - a record is in use exactly when `$MFT`'s bitmap says so;
//! - bytes in use and allocated are multiples of 8, and the allocated ones are the record's size;
//! - the end mark and four more bytes end the used ones;
//! - attributes are in order of type, then name by `$UpCase`, then first cluster, each with an instance number of its
//!   own that is below the header's next one;
//! - since NTFS 3.1 (the update sequence array lies at 0x30) the header holds the record's own number at 0x2C;
//! - the link count is the number of `$FILE_NAME`s, a directory has an index root `$I30`.

use super::super::record::{self, Reference, kind};
use super::super::view::{FileName, Header, View, views};
use super::super::volume::number;
use super::attribute::{self, Part};
use super::{Checker, index};
use crate::bytes::{u16_at, u32_at};
use crate::error::Result;
use crate::fs::Finding;
use crate::unit::ByteOffset;

/// Lengths of `$STANDARD_INFORMATION`: of NTFS 1.2, and since 3.0.
const STANDARD_BYTES: [usize; 2] = [48, 72];

/// Where `$STANDARD_INFORMATION` holds the security id since NTFS 3.0.
const SECURITY_ID_AT: usize = 52;

/// Where the header holds the record's own number, when its update sequence array lies behind it.
const NUMBER_AT: usize = 0x2C;
const ARRAY_BEHIND_NUMBER: u16 = 0x30;

impl Checker<'_> {
    /// Looks at one record as it lies on the medium.
    pub(super) fn record(&mut self, number: u64, place: ByteOffset, bytes: &mut [u8]) -> Result<()> {
        let marked = self.records.marked.as_ref().map(|marked| marked.contains(number));
        let is_record = bytes.starts_with(b"FILE");
        let in_use = is_record && Header::read(bytes).in_use;
        match (marked, in_use) {
            (Some(false), true) => {
                let message = format!("record {number} is in use, but $MFT's bitmap calls it free");
                self.report.of(number, Finding::error("ntfs.mft.unmarked", message).at(place));
            }
            (Some(false) | None, false) => return Ok(()),
            // Records 16 to 23 are kept for later; who formats a volume may have marked them.
            (Some(true), false) if is_record && is_nameless(number) && number >= number::FIRST_FILE => return Ok(()),
            (Some(true), false) if is_record => {
                let message = format!("record {number} is free, but $MFT's bitmap calls it used");
                self.report.tell(Finding::warning("ntfs.mft.lost", message).at(place));
                return Ok(());
            }
            _ => {}
        }
        if let Err(error) = record::unfix(bytes, b"FILE", place) {
            self.records.broken.set(number..number + 1);
            let rule = if is_record { "ntfs.record.fixup" } else { "ntfs.record.magic" };
            let error = error.context(format!("record {number}"));
            return self.report.error(rule, error);
        }
        let header = Header::read(bytes);
        if !self.header(number, place, bytes) {
            self.records.broken.set(number..number + 1);
            return Ok(());
        }
        let file = if header.base.0 == 0 { number } else { header.base.number() };
        let (parts, whole) = self.attributes(file, number, place, bytes);
        if !whole {
            self.records.broken.set(number..number + 1);
            self.records.broken.set(file..file.saturating_add(1));
        }
        self.claim(file, &parts);
        self.file_names(file, number, &header, bytes);
        if header.base.0 == 0 {
            return if whole { self.base(number, place, &header, parts, bytes) } else { Ok(()) };
        }
        self.records.extension.set(number..number + 1);
        if header.base.number() >= self.records.count {
            let message = format!("record {number} extends record {file}, which is not there");
            self.report.tell(Finding::error("ntfs.record.base", message).at(place));
        }
        Ok(())
    }

    /// The header's fields; `false` when the record's attributes cannot be found.
    fn header(&mut self, number: u64, place: ByteOffset, bytes: &[u8]) -> bool {
        let (used, allocated) = (u32_at(bytes, 0x18).unwrap_or(0), u32_at(bytes, 0x1C).unwrap_or(0));
        let first = u16_at(bytes, 0x14).unwrap_or(0);
        let array = u16_at(bytes, 4).unwrap_or(0);
        let array_end = array.saturating_add(u16_at(bytes, 6).unwrap_or(0).saturating_mul(2));
        let mut tell = |rule, at: u64, message: String| {
            let place = ByteOffset(place.0.saturating_add(at));
            self.report.of(number, Finding::error(rule, format!("record {number}: {message}")).at(place));
        };
        if allocated as usize != bytes.len() {
            tell("ntfs.record.size", 0x1C, format!("{allocated} bytes allocated, but records have {}", bytes.len()));
        }
        if array >= ARRAY_BEHIND_NUMBER && u32_at(bytes, NUMBER_AT).is_some_and(|own| u64::from(own) != number) {
            let own = u32_at(bytes, NUMBER_AT).unwrap_or(0);
            tell("ntfs.record.number", NUMBER_AT as u64, format!("it says that it is record {own}"));
        }
        if u16_at(bytes, 0x10) == Some(0) {
            tell("ntfs.record.sequence", 0x10, "its sequence number is 0".to_owned());
        }
        if used as usize > bytes.len() || !used.is_multiple_of(8) || u32::from(first) + 8 > used {
            tell("ntfs.record.used", 0x18, format!("{used} bytes in use, the first attribute at {first}"));
            return false;
        }
        if !first.is_multiple_of(8) || first < array_end || array < 0x2A {
            tell(
                "ntfs.record.first",
                0x14,
                format!("the first attribute at {first}, the update sequence array at {array} to {array_end}"),
            );
            return false;
        }
        true
    }

    /// Looks at all attributes; `false` when one of them cannot be read, so that something of the file is missing.
    fn attributes(&mut self, file: u64, number: u64, place: ByteOffset, bytes: &[u8]) -> (Vec<Part>, bool) {
        let mut parts: Vec<Part> = Vec::new();
        let mut whole = true;
        let mut end = u16_at(bytes, 0x14).map_or(0, usize::from);
        for view in views(bytes) {
            end = view.at + view.bytes.len();
            match attribute::examine(&view, number, place, &self.volume.boot) {
                Ok(part) => parts.push(part),
                Err(finding) => {
                    whole = false;
                    self.report.of(file, *finding);
                }
            }
        }
        let used = u32_at(bytes, 0x18).unwrap_or(0) as usize;
        let here = ByteOffset(place.0.saturating_add(end as u64));
        if u32_at(bytes, end) != Some(kind::END) {
            let message =
                format!("record {number}: neither an attribute that fits nor the end mark at {end} of {used}");
            self.report.of(file, Finding::error("ntfs.record.attributes", message).at(here));
            return (parts, false);
        }
        if end + 8 != used {
            let message = format!("record {number}: {used} bytes in use, but the end mark lies at {end}");
            self.report.of(file, Finding::error("ntfs.record.used", message).at(here));
        }
        self.order(file, number, bytes, &parts);
        (parts, whole)
    }

    /// Order and instance numbers of a record's attributes.
    fn order(&mut self, file: u64, number: u64, bytes: &[u8], parts: &[Part]) {
        let upcase = self.volume.upcase();
        let next = u16_at(bytes, 0x28).unwrap_or(0);
        let mut findings = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            // A warning only: after 65,536 changes of a record the number begins anew.
            if part.instance >= next {
                let message =
                    format!("record {number}: {} has instance {}, the next is {next}", part.title(), part.instance);
                findings.push(Finding::warning("ntfs.attribute.instance", message).at(part.place));
            }
            let mut tell = |rule, message: String| {
                findings.push(Finding::error(rule, format!("record {number}: {message}")).at(part.place));
            };
            if parts[..at].iter().any(|other| other.instance == part.instance) {
                let message = format!("{} has the instance {} of another one", part.title(), part.instance);
                tell("ntfs.attribute.instance", message);
            }
            let Some(before) = at.checked_sub(1).map(|at| &parts[at]) else { continue };
            let order = before.kind.cmp(&part.kind);
            let order = order.then_with(|| upcase.compare(&before.name, &part.name));
            let order = order.then_with(|| before.lowest().cmp(&part.lowest()));
            // Only names come more than once; names of attributes may differ in case only.
            let double = order.is_eq() && part.kind != kind::FILE_NAME && before.name == part.name;
            if order.is_gt() || double {
                tell("ntfs.attribute.order", format!("{} stands behind {}", part.title(), before.title()));
            }
        }
        for finding in findings {
            self.report.of(file, finding);
        }
    }

    /// The names in a record: each adds to its file's sum what the entry of its directory takes away.
    fn file_names(&mut self, file: u64, number: u64, header: &Header, bytes: &[u8]) {
        // An extension record knows its file by the base record's reference, sequence number included.
        let reference = if header.base.0 == 0 { header.reference(number) } else { header.base };
        for view in views(bytes).filter(|view| view.kind == kind::FILE_NAME) {
            let Some(value) = view.value() else { continue };
            match FileName::read(value).filter(|name| name.space <= 3 && !name.name.is_empty()) {
                Some(name) => self.names.add(file, reference, &name),
                None => {
                    let message = format!("a name in record {number} does not fit its {} bytes", value.len());
                    let place = ByteOffset(self.volume.record_place(number).0.saturating_add(view.at as u64));
                    self.report.of(file, Finding::error("ntfs.name.value", message).at(place));
                }
            }
        }
    }

    /// A file as a whole, by its base record.
    fn base(&mut self, number: u64, place: ByteOffset, header: &Header, parts: Vec<Part>, bytes: &[u8]) -> Result<()> {
        let listed = views(bytes).find(|view| view.kind == kind::ATTRIBUTE_LIST);
        let parts = match listed {
            None => parts,
            Some(list) => match self.list(number, header, &list, parts)? {
                Some(parts) => parts,
                None => {
                    self.records.broken.set(number..number + 1);
                    return Ok(());
                }
            },
        };
        self.whole_sizes(number, &parts);
        let links = parts.iter().filter(|part| part.kind == kind::FILE_NAME).count();
        if links != usize::from(header.links) {
            let message = format!("record {number} has {links} names, but says that there are {}", header.links);
            let at = ByteOffset(place.0.saturating_add(0x12));
            self.report.of(number, Finding::error("ntfs.record.links", message).at(at));
        }
        if let Some(standard) = views(bytes).find(|view| view.kind == kind::STANDARD_INFORMATION) {
            self.standard(number, place, &standard);
        } else if !parts.iter().any(|part| part.kind == kind::STANDARD_INFORMATION) {
            let message = format!("record {number} has no $STANDARD_INFORMATION");
            self.report.of(number, Finding::error("ntfs.record.standard", message).at(place));
        }
        self.indexes(number, place, header, &parts, bytes)
    }

    /// Lengths of all attributes in clusters; the parts of one follow each other.
    fn whole_sizes(&mut self, number: u64, parts: &[Part]) {
        let mut sorted: Vec<&Part> = parts.iter().filter(|part| part.clusters.is_some()).collect();
        sorted.sort_by(|a, b| (a.kind, &a.name, a.lowest()).cmp(&(b.kind, &b.name, b.lowest())));
        for whole in sorted.chunk_by(|a, b| a.kind == b.kind && a.name == b.name) {
            let (boot, report) = (&self.volume.boot, &mut self.report);
            attribute::sizes(number, whole, boot, &mut |finding| report.of(number, finding));
        }
    }

    fn standard(&mut self, number: u64, place: ByteOffset, standard: &View<'_>) {
        let here = ByteOffset(place.0.saturating_add(standard.at as u64));
        let len = standard.value().map_or(0, <[u8]>::len);
        if !STANDARD_BYTES.contains(&len) {
            let message = format!("$STANDARD_INFORMATION of record {number} has {len} bytes, not 48 or 72");
            self.report.of(number, Finding::error("ntfs.record.standard", message).at(here));
        }
        let id = standard.value().and_then(|value| u32_at(value, SECURITY_ID_AT)).filter(|id| *id != 0);
        if let (Some(id), Some(known)) = (id, &self.security)
            && !known.contains(&id)
        {
            let message = format!("record {number} has the security id {id}, which $Secure does not know");
            self.report.of(number, Finding::error("ntfs.security.unknown", message).at(here));
        }
    }

    /// The indexes of a file: a directory's names, or those of the file system's own files.
    fn indexes(&mut self, number: u64, place: ByteOffset, header: &Header, parts: &[Part], bytes: &[u8]) -> Result<()> {
        let roots: Vec<&Part> = parts.iter().filter(|part| part.kind == kind::INDEX_ROOT).collect();
        let has_names = roots.iter().any(|part| part.name == index::names());
        if has_names != header.directory {
            let message = match has_names {
                true => format!("record {number} has an index of names, but is not marked as a directory"),
                false => format!("record {number} is marked as a directory, but has no index of names"),
            };
            self.report.of(number, Finding::error("ntfs.record.directory", message).at(place));
        }
        if header.directory && has_names {
            let parent = views(bytes)
                .filter(|view| view.kind == kind::FILE_NAME)
                .find_map(|view| Some(FileName::read(view.value()?)?.parent))
                .or_else(|| self.parent_elsewhere(number));
            self.names.directory(number, parent.map(Reference::number));
        }
        let blocks = |name: &[u16]| parts.iter().any(|part| part.kind == kind::INDEX_ALLOCATION && part.name == name);
        for part in &roots {
            // A small index lies in this very record; for another one, the file's parts are joined.
            let here =
                views(bytes).find(|view| view.kind == kind::INDEX_ROOT && view.name().as_ref() == Some(&part.name));
            match here.and_then(|view| view.value()).filter(|_| !blocks(&part.name)) {
                Some(root) => self.index(number, header, &part.name, root, part.place, None)?,
                None => self.large_index(number, header, &part.name)?,
            }
        }
        Ok(())
    }

    /// The parent of a directory whose names lie in extension records.
    fn parent_elsewhere(&self, number: u64) -> Option<Reference> {
        let file = self.volume.read_file(number).ok()?;
        let value = file.resident(kind::FILE_NAME)?;
        FileName::read(value).map(|name| name.parent)
    }

    /// An index with blocks, or one whose root lies in another record.
    fn large_index(&mut self, number: u64, header: &Header, name: &[u16]) -> Result<()> {
        let file = match self.volume.read_file(number) {
            Ok(file) => file,
            Err(error) => {
                self.names.break_directory(number);
                return self.report.error_of(number, "ntfs.record.unreadable", error);
            }
        };
        let Some(root) = file.content(kind::INDEX_ROOT, name) else { return Ok(()) };
        let record::Body::Resident(value) = &root.body else { return Ok(()) };
        let blocks = file.content(kind::INDEX_ALLOCATION, name);
        let bitmap = file.content(kind::BITMAP, name);
        self.index(number, header, name, value, root.place, blocks.map(|blocks| (blocks, bitmap)))
    }
}

/// True for a record that may go without names: those of the file system that are kept for later.
pub(super) fn is_nameless(file: u64) -> bool {
    file < number::FIRST_USER
}

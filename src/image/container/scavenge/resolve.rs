//! The pieces of one image, chosen and put in order.

use std::sync::Arc;

use zerocopy::IntoBytes;

use super::super::super::format::{
    self, FooterBody, MAX_SEEK_FRAMES, PageRef, RecordKind, RootHead, SEEK_MAGIC, SEEK_SKIPPABLE, record,
};
use super::super::super::reader::{check_header, parse_text};
use super::border::{Clusters, Proofs};
use super::collect::{Found, Unit};
use super::patchwork::{Patch, Source, on_device};
use super::{Scavenged, note};
use crate::device::{ReadDevice, read_vec};
use crate::error::Result;
use crate::image::Header;
use crate::unit::ByteOffset;

/// Copies at one place in the image that are looked at: the likeliest.
const COPIES: usize = 4;

/// Puts one image together, from its first byte on.
pub(super) struct Resolver<'a, 'b> {
    proofs: &'a mut Proofs<'b>,
    found: Found,
    /// The header's bytes, by whichever copy.
    header_bytes: Option<Arc<[u8]>>,
    header: Option<Header>,
    clusters: Option<Clusters>,
    /// Bytes of the image before this are settled.
    at: u64,
    /// How the bytes settled last lie.
    delta: Option<u64>,
    patches: Vec<Patch>,
    damage: Vec<String>,
    /// Stored and content length of every zstd frame so far, those that hold records as well; none once one is missing.
    seek: Option<Vec<[u32; 2]>>,
    parts: u32,
    pages: Vec<u64>,
    /// Where in the image, and the bytes.
    root: Option<(u64, Vec<u8>)>,
    trailer: Option<(u64, u64)>,
    footer: Option<u64>,
}

impl<'a, 'b> Resolver<'a, 'b> {
    pub(super) fn new(proofs: &'a mut Proofs<'b>, found: Found, text: Option<&str>) -> Self {
        let whole = found
            .header_places
            .iter()
            .find_map(|(place, len, _)| read_vec(proofs.device(), ByteOffset(*place), *len as usize).ok());
        let bytes = whole.or_else(|| text.map(|text| record(RecordKind::Header, found.id, text.as_bytes())));
        let mut resolver = Self {
            proofs,
            found,
            header_bytes: None,
            header: None,
            clusters: None,
            at: 0,
            delta: None,
            patches: Vec::new(),
            damage: Vec::new(),
            seek: Some(Vec::new()),
            parts: 1,
            pages: Vec::new(),
            root: None,
            trailer: None,
            footer: None,
        };
        if let Some(bytes) = bytes {
            resolver.know_header(&bytes);
        }
        resolver
    }

    fn know_header(&mut self, bytes: &[u8]) {
        let text = bytes.get(format::HEAD..).unwrap_or_default();
        let header: Option<Header> = parse_text(text, ByteOffset::ZERO).ok();
        self.header = header.filter(|header| check_header(header).is_ok() && header.image_id == self.found.id);
        if let Some(header) = &self.header {
            self.header_bytes = Some(bytes.into());
            let first = self.found.header_places.iter().find(|(_, _, first)| *first).map(|(place, ..)| *place);
            let one = first.or_else(|| self.found.cut_headers.first().copied());
            let bytes = u64::from(header.volume.cluster_bytes);
            self.clusters = one.filter(|_| bytes > 0).map(|one| Clusters { bytes, one });
        }
    }

    /// The image.
    pub(super) fn run(mut self) -> Result<Scavenged> {
        let units = weighed(std::mem::take(&mut self.found.units));
        let mut index = 0;
        while let Some(first) = units.get(index) {
            let same = units[index..].partition_point(|unit| unit.offset == first.offset);
            let here = &units[index..index + same.min(COPIES)];
            index += same;
            if first.offset < self.at {
                continue;
            }
            if first.offset > self.at {
                self.gap(first.offset, here)?;
            }
            if first.offset == self.at {
                self.unit(here, &units[index..])?;
            }
        }
        Ok(self.finish())
    }

    /// Settles the unit that begins here, of one of these copies.
    fn unit(&mut self, here: &[Unit], later: &[Unit]) -> Result<()> {
        let next = |unit: &Unit| {
            let from = later.partition_point(|other| other.offset < unit.end());
            let offset = later.get(from).map(|unit| unit.offset);
            later[from..].iter().take_while(move |other| Some(other.offset) == offset).take(COPIES)
        };
        let fits = |unit: &Unit| next(unit).any(|other| other.offset == unit.end() && other.delta() == unit.delta());
        let mut order: Vec<&Unit> = here.iter().collect();
        order.sort_by_key(|unit| !fits(unit));
        for unit in &order {
            let trusted = unit.stored == 0 || (order.len() == 1 && fits(unit));
            if trusted || self.proofs.whole(unit)? {
                self.settle(unit, None);
                return Ok(());
            }
        }
        for unit in &order {
            // What stands before a part record ended another file: it says nothing of where that lay.
            for other in next(unit).filter(|other| other.kind != RecordKind::Part && other.delta() != unit.delta()) {
                if let Some(border) = self.proofs.border(unit, other.delta(), self.clusters)? {
                    self.settle(unit, Some((border, other.delta())));
                    return Ok(());
                }
            }
        }
        let Some(unit) = order.first() else { return Ok(()) };
        let what = self.proofs.entry(unit).map_or(0, |entry| entry.first_cluster.get());
        note(&mut self.damage, || format!("The frame of the clusters from {what} on is not whole where it was found"));
        let end = later.first().map_or(unit.end(), |next| unit.end().min(next.offset));
        self.patch(unit.offset, end, unit.delta());
        (self.at, self.delta, self.seek) = (end, Some(unit.delta()), None);
        Ok(())
    }

    /// Takes a unit as whole: as it lies, or up to a border, and from there on by another delta.
    fn settle(&mut self, unit: &Unit, torn: Option<(u64, u64)>) {
        let (border, delta) = torn.unwrap_or((unit.end(), unit.delta()));
        self.patch(unit.offset, border, unit.delta());
        self.patch(border, unit.end(), delta);
        (self.at, self.delta) = (unit.end(), Some(delta));
        self.count(unit.record, 0);
        if unit.stored > 0 {
            self.count(unit.stored, unit.raw);
        }
        match unit.kind {
            RecordKind::Part => self.parts += 1,
            RecordKind::Page => self.pages.push(unit.offset),
            RecordKind::Root => {
                let bytes = if torn.is_none() {
                    read_vec(self.proofs.device(), ByteOffset(unit.place), unit.record as usize).ok()
                } else {
                    None
                };
                self.root = bytes.map(|bytes| (unit.offset, bytes));
            }
            RecordKind::Trailer => self.trailer = Some((unit.offset, unit.record.into())),
            RecordKind::Footer => self.footer = Some(unit.offset),
            RecordKind::Header | RecordKind::Frame | RecordKind::Toc | RecordKind::Aid => {}
        }
    }

    fn count(&mut self, stored: u32, raw: u32) {
        if let Some(frames) = &mut self.seek {
            frames.push([stored, raw]);
        }
    }

    /// Bytes of the image that lie where `delta` says, as far as that is on the device.
    fn patch(&mut self, from: u64, to: u64, delta: u64) {
        let place = from.wrapping_add(delta);
        let len = (to - from).min(self.proofs.device().len().0.saturating_sub(place));
        if len == 0 {
            return;
        }
        if let Some(Patch { offset, len: have, source: Source::Device(start) }) = self.patches.last_mut()
            && *offset + *have == from
            && *start + *have == place
        {
            *have += len;
            return;
        }
        self.patches.push(Patch { offset: from, len, source: Source::Device(place) });
    }

    fn make(&mut self, bytes: Arc<[u8]>) {
        let len = bytes.len() as u64;
        self.patches.push(Patch { offset: self.at, len, source: Source::Made(bytes) });
        self.at += len;
        self.delta = None;
    }

    /// No whole record was found from here to `to`, where these copies begin.
    fn gap(&mut self, to: u64, here: &[Unit]) -> Result<()> {
        // The header, here or behind the trailer, is the same wherever it was found.
        let behind_trailer = self.trailer.is_some_and(|(offset, len)| offset + len == self.at);
        if let Some(header) = self.header_bytes.clone() {
            let end = self.at + header.len() as u64;
            if (self.at == 0 && end <= to) || (behind_trailer && end == to) {
                self.count(header.len() as u32, 0);
                self.make(header);
            }
        }
        if self.at == to {
            return Ok(());
        }
        if self.cut_record(to, here)? && self.at == to {
            return Ok(());
        }
        let from = self.at;
        note(&mut self.damage, || format!("Bytes {from} to {to} of the image have lost their records"));
        if let Some(delta) = self.delta.filter(|delta| here.iter().any(|unit| unit.delta() == *delta)) {
            self.patch(from, to, delta);
        }
        (self.at, self.delta, self.seek) = (to, None, None);
        Ok(())
    }

    /// Looks for a record here that two fragments share; true when one was found, and settled.
    fn cut_record(&mut self, to: u64, here: &[Unit]) -> Result<bool> {
        let ahead: Vec<u64> = match self.delta {
            Some(delta) => vec![delta],
            None if self.at == 0 => self.found.cut_headers.clone(),
            None => Vec::new(),
        };
        for delta in ahead {
            for other in here.iter().filter(|other| other.kind != RecordKind::Part && other.delta() != delta) {
                let id = self.found.id;
                let found = self.proofs.cut_record(id, self.at, to, [delta, other.delta()])?;
                let Some((unit, bytes, border)) = found else { continue };
                self.settle(&unit, Some((border, other.delta())));
                match unit.kind {
                    RecordKind::Header if self.header.is_none() => self.know_header(&bytes),
                    RecordKind::Root => self.root = Some((unit.offset, bytes)),
                    _ => {}
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes again what follows from the rest, and judges the whole.
    fn finish(mut self) -> Scavenged {
        if self.at == 0
            && let Some(header) = self.header_bytes.clone()
        {
            self.make(header);
        }
        self.make_footer();
        let indexed = self.is_indexed();
        if indexed && let Some(frames) = self.seek.take() {
            if frames.len() <= MAX_SEEK_FRAMES {
                self.make(seek_table(&frames).into());
            }
        } else if indexed {
            note(&mut self.damage, || "The seek table is lost: only other tools need it".into());
        } else {
            note(&mut self.damage, || "The image's index is lost, or part of it".into());
        }
        if self.header.is_none() {
            note(&mut self.damage, || "The image's header is lost".into());
        }
        Scavenged {
            image_id: self.found.id,
            header: self.header,
            scattered: false,
            volume_start: None,
            pieces: on_device(&self.patches),
            bytes: self.at,
            damage: self.damage,
            patches: self.patches,
            indexed,
        }
    }

    /// The footer, and the copy of the header before it, say nothing that root, trailer and header do not.
    fn make_footer(&mut self) {
        let (Some((root_offset, root)), Some((trailer_offset, trailer_len))) = (&self.root, self.trailer) else {
            return;
        };
        if self.footer.is_some() {
            return;
        }
        let (root_offset, root_len, root_digest) = (*root_offset, root.len() as u64, *blake3::hash(root).as_bytes());
        let chunks = root_head(root).map_or(0, |head| head.chunks.get());
        let behind_trailer = trailer_offset + trailer_len;
        if let Some(header) = self.header_bytes.clone().filter(|_| self.at == behind_trailer) {
            self.count(header.len() as u32, 0);
            self.make(header);
        }
        let footer = FooterBody {
            root_offset: root_offset.into(),
            root_len: root_len.into(),
            trailer_offset: trailer_offset.into(),
            trailer_len: trailer_len.into(),
            offset: self.at.into(),
            chunks: chunks.into(),
            parts: self.parts.into(),
            reserved: 0.into(),
            root_digest,
        };
        let footer = record(RecordKind::Footer, self.found.id, footer.as_bytes());
        self.footer = Some(self.at);
        self.count(footer.len() as u32, 0);
        self.make(footer.into());
    }

    /// True when the image can be read by its index: root, trailer, footer and every page are there.
    fn is_indexed(&self) -> bool {
        let (Some((_, root)), Some(_), Some(_)) = (&self.root, self.trailer, self.footer) else { return false };
        let Some(head) = root_head(root) else { return false };
        let skip = format::HEAD + size_of::<RootHead>() + head.entries.get() as usize * size_of::<format::Entry>();
        let refs = root.get(skip..).unwrap_or_default().chunks_exact(size_of::<PageRef>());
        // Both in order; the offset is the reference's first field.
        refs.filter_map(|raw| raw.first_chunk()).all(|raw| self.pages.binary_search(&u64::from_le_bytes(*raw)).is_ok())
    }
}

fn root_head(root: &[u8]) -> Option<RootHead> {
    let (head, _) = zerocopy::FromBytes::read_from_prefix(root.get(format::HEAD..)?).ok()?;
    Some(head)
}

/// Units by place in the image; of those at one place, the ones that lie like most others first.
fn weighed(mut units: Vec<Unit>) -> Vec<Unit> {
    // A file begins at a sector, so a fragment of its first part lies by a multiple of 512; of a further part, by that of
    // its part record. Others are likely to be records of a file inside the image, seen through its frames.
    let mut sectors: Vec<u64> = units
        .iter()
        .filter(|unit| unit.kind == RecordKind::Part && unit.place.is_multiple_of(512))
        .map(|unit| unit.delta() % 512)
        .collect();
    sectors.push(0);
    sectors.sort_unstable();
    sectors.dedup();
    units.sort_unstable_by_key(|unit| (unit.delta(), unit.place));
    let mut from = 0;
    while let Some(first) = units.get(from) {
        let delta = first.delta();
        let count = units[from..].partition_point(|unit| unit.delta() == delta);
        let weight = if sectors.binary_search(&(delta % 512)).is_ok() { count as u32 } else { 0 };
        units[from..from + count].iter_mut().for_each(|unit| unit.weight = weight);
        from += count;
    }
    units.sort_unstable_by_key(|unit| (unit.offset, u32::MAX - unit.weight, unit.place));
    units.dedup_by_key(|unit| (unit.offset, unit.place));
    units
}

/// The seek table of these frames.
fn seek_table(frames: &[[u32; 2]]) -> Vec<u8> {
    let payload = frames.len() * 8 + 9;
    let mut bytes = Vec::with_capacity(8 + payload);
    bytes.extend(SEEK_SKIPPABLE.to_le_bytes());
    bytes.extend((payload as u32).to_le_bytes());
    bytes.extend(frames.iter().flatten().flat_map(|size| size.to_le_bytes()));
    bytes.extend((frames.len() as u32).to_le_bytes());
    bytes.push(0);
    bytes.extend(SEEK_MAGIC.to_le_bytes());
    bytes
}

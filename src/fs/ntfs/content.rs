//! The bytes of an attribute: resident, in clusters, with holes, compressed.
//!
//! Bytes past the initialised length read as zeros whatever lies in their clusters; that is how Windows shows
//! a file that was extended but never written.

use std::io::{self, Read, Seek, SeekFrom};

use super::boot::Boot;
use super::lznt1;
use super::record::{Attribute, Body, Clusters};
use super::runs::Run;
use crate::device::{ReadDevice, SharedDevice};
use crate::error::{Error, Result};
use crate::fs::tree::sought;
use crate::unit::ByteOffset;

/// Attribute flags.
const COMPRESSED: u16 = 0x00FF;
const ENCRYPTED: u16 = 0x4000;

/// Largest compression unit we unpack. Windows makes units of 16 clusters of at most 4 KiB, so 64 KiB.
const MAX_UNIT_BYTES: u64 = 1 << 20;

/// How much a [`Reader`] fetches at a time.
const BUFFER_BYTES: u64 = 256 << 10;

/// A whole attribute: the parts of it that extension records hold are joined.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Content {
    pub(super) kind: u32,
    pub(super) name: Vec<u16>,
    pub(super) flags: u16,
    pub(super) place: ByteOffset,
    pub(super) body: Body,
}

impl Content {
    /// Joins the parts of attributes; the parts of one have the same kind and name.
    ///
    /// # Errors
    /// When a part is missing or two overlap.
    pub(super) fn join(mut parts: Vec<Attribute>) -> Result<Vec<Self>> {
        // A stable sort: several resident attributes of one kind (names, say) keep their order.
        parts.sort_by(|a, b| (a.kind, &a.name, lowest(a)).cmp(&(b.kind, &b.name, lowest(b))));
        let mut whole: Vec<Self> = Vec::new();
        for part in parts {
            let Attribute { kind, name, flags, place, body } = part;
            match body {
                Body::Clusters(more) if more.lowest > 0 => {
                    let last = whole.last_mut().filter(|have| have.kind == kind && have.name == name);
                    let Some(Body::Clusters(have)) = last.map(|have| &mut have.body) else {
                        return Err(Error::corrupt(place, "the first part of an attribute", "a later one"));
                    };
                    if have.end != more.lowest {
                        let expected = format!("a part that begins at cluster {}", have.end);
                        return Err(Error::corrupt(place, expected, more.lowest));
                    }
                    have.end = more.end;
                    have.runs.extend(more.runs);
                }
                body => whole.push(Self { kind, name, flags, place, body }),
            }
        }
        Ok(whole)
    }

    /// Length in bytes.
    pub(super) fn len(&self) -> u64 {
        match &self.body {
            Body::Resident(value) => value.len() as u64,
            Body::Clusters(clusters) => clusters.len,
        }
    }

    /// Its runs; none for a resident one.
    pub(super) fn runs(&self) -> &[Run] {
        match &self.body {
            Body::Resident(_) => &[],
            Body::Clusters(clusters) => &clusters.runs,
        }
    }

    /// Where the byte `at` of the attribute lies on the volume, or the attribute itself; for messages.
    pub(super) fn place_of(&self, boot: &Boot, at: u64) -> ByteOffset {
        let size = u64::from(boot.cluster_bytes);
        let run = find(self.runs(), at / size);
        match run.and_then(|run| run.lcn.map(|lcn| (run, lcn))) {
            Some((run, lcn)) => {
                ByteOffset(boot.offset_of(lcn).0.saturating_add(at.saturating_sub(run.vcn.saturating_mul(size))))
            }
            None => self.place,
        }
    }

    /// Checks that the attribute can be read at all.
    ///
    /// # Errors
    /// When it is encrypted, compressed in a way of its own, or its clusters do not reach to its end.
    pub(super) fn check(&self, boot: &Boot) -> Result<()> {
        if self.flags & ENCRYPTED != 0 {
            return Err(Error::unsupported("the file is encrypted (EFS)")
                .advise("Its clusters are kept by an image; only Windows, with its owner's key, can read it"));
        }
        let Body::Clusters(clusters) = &self.body else { return Ok(()) };
        if let Some(unit) = clusters.unit_bytes(self.flags, boot)
            && (self.flags & COMPRESSED != 1 || unit == 0 || unit > MAX_UNIT_BYTES)
        {
            let message = format!("the file is compressed in a way that is not known (0x{:x})", self.flags);
            return Err(Error::unsupported(message));
        }
        let covered = clusters.end.saturating_mul(u64::from(boot.cluster_bytes));
        if covered < clusters.len {
            return Err(Error::corrupt(self.place, format!("clusters for {} bytes", clusters.len), covered));
        }
        Ok(())
    }

    /// Fills `buf` from byte `at` on; [`check`](Self::check) was called and the range lies within the length.
    ///
    /// # Errors
    /// When the device fails or a compressed unit contradicts itself.
    pub(super) fn read_at(&self, device: &dyn ReadDevice, boot: &Boot, at: u64, buf: &mut [u8]) -> Result<()> {
        let end = at.checked_add(buf.len() as u64).filter(|end| *end <= self.len());
        if end.is_none() {
            return Err(Error::corrupt(self.place, format!("{} bytes at {at}", buf.len()), self.len()));
        }
        let clusters = match &self.body {
            Body::Resident(value) => {
                let from = usize::try_from(at).unwrap_or(usize::MAX);
                let bytes = value.get(from..).and_then(|rest| rest.get(..buf.len()));
                buf.copy_from_slice(bytes.ok_or_else(|| Error::corrupt(self.place, "a longer value", value.len()))?);
                return Ok(());
            }
            Body::Clusters(clusters) => clusters,
        };
        let valid = usize::try_from(clusters.initialized.saturating_sub(at)).unwrap_or(usize::MAX).min(buf.len());
        let (valid, zeros) = buf.split_at_mut(valid);
        zeros.fill(0);
        match clusters.unit_bytes(self.flags, boot) {
            Some(unit) => self.read_units(device, boot, clusters, unit, at, valid),
            None => read_plain(device, boot, &clusters.runs, at, valid),
        }
    }

    fn read_units(
        &self,
        device: &dyn ReadDevice,
        boot: &Boot,
        clusters: &Clusters,
        unit: u64,
        at: u64,
        buf: &mut [u8],
    ) -> Result<()> {
        if unit == 0 || unit > MAX_UNIT_BYTES {
            return Err(Error::unsupported("a compression unit of this size"));
        }
        let size = u64::from(boot.cluster_bytes);
        let mut unpacked = vec![0; unit as usize];
        let mut done = 0;
        while done < buf.len() {
            let here = at + done as u64;
            let first = here / unit * (unit / size);
            let stored = stored_clusters(&clusters.runs, first, unit / size);
            if stored == unit / size {
                read_plain(device, boot, &clusters.runs, first * size, &mut unpacked)?;
            } else if stored == 0 {
                unpacked.fill(0);
            } else {
                let mut packed = vec![0; (stored * size) as usize];
                read_plain(device, boot, &clusters.runs, first * size, &mut packed)?;
                lznt1::decompress(&packed, &mut unpacked).ok_or_else(|| {
                    Error::corrupt(self.place_of(boot, first * size), "LZNT1 data", "a stream that contradicts itself")
                })?;
            }
            let from = (here % unit) as usize;
            let count = (unpacked.len() - from).min(buf.len() - done);
            buf[done..done + count].copy_from_slice(&unpacked[from..from + count]);
            done += count;
        }
        Ok(())
    }

    /// The whole value, of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`read_at`](Self::read_at), and when it is longer.
    pub(super) fn value(&self, device: &dyn ReadDevice, boot: &Boot, limit: usize) -> Result<Vec<u8>> {
        self.check(boot)?;
        let len = usize::try_from(self.len()).ok().filter(|len| *len <= limit);
        let len = len.ok_or_else(|| Error::corrupt(self.place, format!("at most {limit} bytes"), self.len()))?;
        let mut bytes = vec![0; len];
        self.read_at(device, boot, 0, &mut bytes)?;
        Ok(bytes)
    }
}

fn lowest(attribute: &Attribute) -> u64 {
    match &attribute.body {
        Body::Resident(_) => 0,
        Body::Clusters(clusters) => clusters.lowest,
    }
}

impl Clusters {
    /// Bytes in a compression unit, for a compressed attribute. 0 for one that cannot be.
    fn unit_bytes(&self, flags: u16, boot: &Boot) -> Option<u64> {
        (flags & COMPRESSED != 0).then(|| {
            let clusters = if self.unit == 0 { 0 } else { 1u64.checked_shl(u32::from(self.unit)).unwrap_or(0) };
            clusters.saturating_mul(u64::from(boot.cluster_bytes))
        })
    }
}

/// The run that holds cluster `vcn`; runs are sorted and without gaps.
fn find(runs: &[Run], vcn: u64) -> Option<&Run> {
    let at = runs.partition_point(|run| run.end() <= vcn);
    runs.get(at).filter(|run| run.vcn <= vcn)
}

/// How many clusters from `first` on are really there, at most `limit`.
fn stored_clusters(runs: &[Run], first: u64, limit: u64) -> u64 {
    let mut stored = 0;
    while stored < limit {
        match find(runs, first + stored) {
            Some(run) if run.lcn.is_some() => stored = limit.min(run.end() - first),
            _ => break,
        }
    }
    stored
}

fn read_plain(device: &dyn ReadDevice, boot: &Boot, runs: &[Run], at: u64, buf: &mut [u8]) -> Result<()> {
    let size = u64::from(boot.cluster_bytes);
    let mut done = 0;
    while done < buf.len() {
        let here = at.saturating_add(done as u64);
        // Past the last run there is nothing but zeros; `check` has seen to it that this is no file's content.
        let Some(run) = find(runs, here / size) else {
            buf[done..].fill(0);
            return Ok(());
        };
        let inside = here - run.vcn * size;
        let rest = run.clusters.saturating_mul(size) - inside;
        let count = usize::try_from(rest).unwrap_or(usize::MAX).min(buf.len() - done);
        let piece = &mut buf[done..done + count];
        match run.lcn {
            None => piece.fill(0),
            Some(lcn) => device.read_at(ByteOffset(boot.offset_of(lcn).0.saturating_add(inside)), piece)?,
        }
        done += count;
    }
    Ok(())
}

/// Reads an attribute from its first byte to its last.
pub(super) struct Reader {
    device: SharedDevice,
    boot: Boot,
    content: Content,
    at: u64,
    buffer: Vec<u8>,
    taken: usize,
}

impl Reader {
    /// A reader at the attribute's start.
    ///
    /// # Errors
    /// As [`Content::check`].
    pub(super) fn new(device: SharedDevice, boot: Boot, content: Content) -> Result<Self> {
        content.check(&boot)?;
        Ok(Self { device, boot, content, at: 0, buffer: Vec::new(), taken: 0 })
    }

    /// The next piece, empty at the end. Pieces but the last have 256 KiB (or a compression unit, if larger).
    fn fill(&mut self) -> Result<()> {
        let left = self.content.len().saturating_sub(self.at);
        self.taken = 0;
        self.buffer.resize(left.min(BUFFER_BYTES) as usize, 0);
        let outcome = self.content.read_at(&*self.device, &self.boot, self.at, &mut self.buffer);
        if outcome.is_err() {
            self.buffer.clear();
        }
        self.at += self.buffer.len() as u64;
        outcome
    }
}

impl Seek for Reader {
    fn seek(&mut self, from: SeekFrom) -> io::Result<u64> {
        let here = self.at - (self.buffer.len() - self.taken) as u64;
        self.at = sought(from, here, self.content.len())?;
        self.buffer.clear();
        self.taken = 0;
        Ok(self.at)
    }
}

impl Read for Reader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.buffer.len() {
            self.fill().map_err(io::Error::other)?;
        }
        let count = (self.buffer.len() - self.taken).min(buf.len());
        buf[..count].copy_from_slice(&self.buffer[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

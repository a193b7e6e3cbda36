//! A walk over all directories and chains, for those who look at everything: the check and the owners.
//!
//! **It ends, and within bounded memory, whatever the volume holds.** A cluster is claimed by the first chain that
//! comes by; a chain ends at a cluster that is claimed already, and only a directory that could claim its first cluster
//! is entered. So no cluster is visited twice. In memory are one bit for each cluster (32 MiB for FAT32's 2^28), the
//! part of the FAT that a [`Cursor`] holds (64 MiB at most), and for each directory on the way to the present one its
//! cluster numbers (16 KiB at most) and, for the deepest of them, its entries (2 MiB at most, 16 MiB together). A way
//! is at most [`MAX_DEPTH`] directories long.

use super::Volume;
use super::boot::Root;
use super::directory::{ENTRY_BYTES, MAX_DIRECTORY_BYTES, RawEntry, is_dots, is_label, is_long_name};
use super::name::{LongName, short_name};
use super::table::{Cursor, Slot, Table};
use crate::device::read_vec;
use crate::error::Result;
use crate::extent::Extent;
use crate::fs::{MAX_DEPTH, Watch};
use crate::unit::ByteOffset;

/// Entries of directories that are kept while those below them are looked at.
const KEPT_BYTES: usize = 16 << 20;
/// Clusters of a chain between two looks at whether to go on.
const STEPS: u32 = 1 << 14;

/// One bit for each cluster number.
pub(super) struct Marks(Vec<u64>);

impl Marks {
    /// For a table's clusters; none is marked.
    pub(super) fn new(clusters: u32) -> Self {
        Self(vec![0; (clusters as usize + 2).div_ceil(64)])
    }

    /// Marks one; true when it was not marked before.
    pub(super) fn add(&mut self, number: u32) -> bool {
        let (word, bit) = (number as usize / 64, 1 << (number % 64));
        let Some(word) = self.0.get_mut(word) else { return false };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// True for one that is marked.
    pub(super) fn has(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }
}

/// Why a chain does not end as it should.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flaw {
    /// It leads to a number that no cluster has.
    Range(u32),
    /// It leads to a cluster that is marked as free.
    Free(u32),
    /// It leads to a cluster that is marked as bad.
    Bad(u32),
    /// It leads back to a cluster of its own.
    Loop(u32),
    /// It leads to a cluster that another chain has claimed.
    Crossed(u32),
}

/// A chain as far as it could be followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    /// How many clusters were claimed.
    pub clusters: u32,
    /// The last of them; 0 when there is none.
    pub last: u32,
    /// Why it ended there, when that was not its end.
    pub flaw: Option<Flaw>,
}

/// The chains, and which clusters are claimed.
pub(super) struct Claims<'a> {
    table: &'a Table,
    cursor: Cursor<'a>,
    claimed: Marks,
    /// How many clusters are claimed.
    pub count: u64,
}

impl<'a> Claims<'a> {
    pub(super) fn new(table: &'a Table) -> Self {
        Self { table, cursor: Cursor::over_all(table), claimed: Marks::new(table.clusters()), count: 0 }
    }

    /// Claims a chain, cluster by cluster.
    ///
    /// # Errors
    /// When the FAT cannot be read, or the watcher ends it.
    pub(super) fn follow(&mut self, start: u32, watch: &dyn Watch, mut see: impl FnMut(u32)) -> Result<Chain> {
        let mut chain = Chain { clusters: 0, last: 0, flaw: None };
        let mut number = start;
        loop {
            if !self.table.has(number) {
                chain.flaw = Some(Flaw::Range(number));
                return Ok(chain);
            }
            let entry = self.cursor.entry(number)?;
            chain.flaw = match self.table.slot(entry) {
                Slot::Free => Some(Flaw::Free(number)),
                Slot::Bad => Some(Flaw::Bad(number)),
                Slot::Used if !self.claimed.add(number) => Some(self.collision(start, number, chain.clusters)?),
                Slot::Used => None,
            };
            if chain.flaw.is_some() {
                return Ok(chain);
            }
            see(number);
            self.count += 1;
            chain.clusters += 1;
            chain.last = number;
            if self.table.is_end(entry) {
                return Ok(chain);
            }
            if chain.clusters.is_multiple_of(STEPS) {
                watch.proceed()?;
            }
            number = entry;
        }
    }

    /// Whether a chain of so many clusters ran into itself or into another one.
    fn collision(&mut self, start: u32, at: u32, clusters: u32) -> Result<Flaw> {
        let mut number = start;
        for _ in 0..clusters {
            if number == at {
                return Ok(Flaw::Loop(at));
            }
            number = self.cursor.entry(number)?;
        }
        Ok(Flaw::Crossed(at))
    }

    /// True for a cluster that some chain has claimed.
    pub(super) fn has(&self, number: u32) -> bool {
        self.claimed.has(number)
    }
}

/// Where a directory is.
#[derive(Debug)]
pub(super) struct Place {
    /// Its first cluster; 0 for the root directory of FAT12 and FAT16.
    pub start: u32,
    /// How many directories are above it; 0 for the root.
    pub depth: usize,
    /// What `..` should say: the first cluster of the directory above, 0 when that is the root.
    pub above: u32,
    /// Its path, which ends in a slash.
    pub path: String,
}

/// A directory's entries.
pub(super) struct Listing {
    bytes: Vec<u8>,
    /// Where its parts begin, and how long each but the last is.
    parts: Vec<ByteOffset>,
    part_bytes: usize,
}

impl Listing {
    /// The entries, free ones included, to the end of the last cluster.
    pub(super) fn entries(&self) -> &[[u8; ENTRY_BYTES]] {
        self.bytes.as_chunks().0
    }

    /// Where an entry is in the volume.
    pub(super) fn offset_of(&self, index: usize) -> ByteOffset {
        let at = index * ENTRY_BYTES;
        let part = self.parts.get(at / self.part_bytes).copied().unwrap_or_default();
        ByteOffset(part.0.saturating_add((at % self.part_bytes) as u64))
    }
}

/// A file or directory that a directory names.
pub(super) struct Item {
    /// The entry as it stands.
    pub raw: RawEntry,
    /// Its name, the long one where there is one.
    pub name: String,
    /// Where the entry is in the volume.
    pub offset: ByteOffset,
    pub is_directory: bool,
    /// The number of its first cluster, **with** the four bits that no number has.
    pub start: u32,
}

/// Who looks.
pub(super) trait Visitor {
    /// A directory, before anything in it.
    ///
    /// # Errors
    /// Whatever is to end the walk.
    fn directory(&mut self, place: &Place, listing: &Listing) -> Result<()>;

    /// A file or directory; claims its chain. For a directory that is to be entered, its clusters in order.
    ///
    /// # Errors
    /// Whatever is to end the walk.
    fn item(&mut self, place: &Place, item: &Item, claims: &mut Claims) -> Result<Option<Vec<u32>>>;
}

/// A directory on the way to the present one.
struct Frame {
    start: u32,
    clusters: Vec<u32>,
    /// `None` when it was dropped to save memory.
    listing: Option<Listing>,
    /// The entry to go on with.
    next: usize,
    path_len: usize,
}

/// Where a part's clusters are kept: no directory has more of them.
pub(super) fn directory_limit(volume: &Volume) -> u64 {
    MAX_DIRECTORY_BYTES.div_ceil(volume.boot.cluster_bytes.into())
}

impl Volume {
    /// Shows the visitor everything, from the root on; `root` are the root directory's clusters on FAT32.
    ///
    /// # Errors
    /// When a directory cannot be read, or the visitor or the watcher ends it.
    pub(super) fn walk(
        &self,
        root: Vec<u32>,
        claims: &mut Claims,
        watch: &dyn Watch,
        visitor: &mut impl Visitor,
    ) -> Result<()> {
        let start = match self.boot.root {
            Root::Region { .. } => 0,
            Root::Chain(start) => start,
        };
        let mut place = Place { start, depth: 0, above: 0, path: "/".to_owned() };
        let mut frames = vec![Frame { start, clusters: root, listing: None, next: 0, path_len: 1 }];
        let listing = self.load(frames.last())?;
        visitor.directory(&place, &listing)?;
        if let Some(frame) = frames.last_mut() {
            frame.listing = Some(listing);
        }
        while let Some(frame) = frames.last_mut() {
            watch.proceed()?;
            place.path.truncate(frame.path_len);
            place.start = frame.start;
            let listing = match frame.listing.take() {
                Some(listing) => listing,
                None => self.load(Some(frame))?,
            };
            let below = self.go_on(&mut place, &listing, &mut frame.next, claims, visitor)?;
            frame.listing = Some(listing);
            let Some((start, clusters)) = below else {
                frames.pop();
                place.depth = frames.len().saturating_sub(1);
                continue;
            };
            place.above = if frames.len() == 1 { 0 } else { place.start };
            place.start = start;
            place.depth = frames.len();
            let mut frame = Frame { start, clusters, listing: None, next: 0, path_len: place.path.len() };
            let listing = self.load(Some(&frame))?;
            visitor.directory(&place, &listing)?;
            frame.listing = Some(listing);
            frames.push(frame);
            make_room(&mut frames);
        }
        Ok(())
    }

    /// Goes on in a directory until one is to be entered: its first cluster and its clusters.
    fn go_on(
        &self,
        place: &mut Place,
        listing: &Listing,
        next: &mut usize,
        claims: &mut Claims,
        visitor: &mut impl Visitor,
    ) -> Result<Option<(u32, Vec<u32>)>> {
        let mut long = LongName::default();
        let entries = listing.entries();
        while let Some(raw) = entries.get(*next) {
            let index = *next;
            *next += 1;
            let entry: RawEntry = zerocopy::transmute!(*raw);
            match entry.name[0] {
                0 => break,
                0xE5 => long.clear(),
                _ if is_long_name(&entry) => long.push(raw),
                _ if is_label(&entry) || is_dots(&entry.name) => long.clear(),
                _ => {
                    let item = self.item(&entry, &mut long, listing.offset_of(index));
                    if let Some(clusters) = visitor.item(place, &item, claims)?
                        && place.depth + 1 < MAX_DEPTH
                    {
                        place.path.push_str(&item.name);
                        place.path.push('/');
                        return Ok(Some((item.start, clusters)));
                    }
                }
            }
        }
        *next = entries.len();
        Ok(None)
    }

    fn item(&self, raw: &RawEntry, long: &mut LongName, offset: ByteOffset) -> Item {
        let name = long.take(&raw.name).map(|name| name.to_string_lossy().into_owned());
        // FAT12/16 volumes may hold OS/2's extended attributes where FAT32 has the high half (fatgen103: reserved).
        let is_wide = matches!(self.boot.root, Root::Chain(_));
        let high = if is_wide { u32::from(raw.cluster_high.get()) << 16 } else { 0 };
        Item {
            raw: *raw,
            name: name.unwrap_or_else(|| short_name(raw)),
            offset,
            is_directory: raw.is_directory(),
            start: high | u32::from(raw.cluster_low.get()),
        }
    }

    /// Reads a directory: FAT12's and FAT16's root, or clusters that a chain has claimed.
    fn load(&self, frame: Option<&Frame>) -> Result<Listing> {
        let clusters = frame.map_or(&[][..], |frame| &frame.clusters);
        if let Root::Region { offset, bytes } = self.boot.root
            && frame.is_some_and(|frame| frame.start == 0)
        {
            let bytes = bytes.min(MAX_DIRECTORY_BYTES) as usize;
            let part_bytes = bytes.max(ENTRY_BYTES);
            return Ok(Listing { bytes: read_vec(&self.device, offset, bytes)?, parts: vec![offset], part_bytes });
        }
        let part_bytes = self.boot.cluster_bytes as usize;
        let clusters = &clusters[..clusters.len().min(directory_limit(self) as usize)];
        let mut bytes = Vec::with_capacity(clusters.len() * part_bytes);
        let mut at = 0;
        while at < clusters.len() {
            let run = clusters[at..].windows(2).take_while(|pair| pair[0] + 1 == pair[1]).count() + 1;
            bytes.extend(read_vec(&self.device, self.boot.offset_of(clusters[at]), run * part_bytes)?);
            at += run;
        }
        bytes.truncate(MAX_DIRECTORY_BYTES as usize);
        Ok(Listing { bytes, parts: clusters.iter().map(|number| self.boot.offset_of(*number)).collect(), part_bytes })
    }
}

/// Drops the entries of the uppermost directories when too much is kept; they are read again on the way back.
fn make_room(frames: &mut [Frame]) {
    let bytes = |frame: &Frame| frame.listing.as_ref().map_or(0, |listing| listing.bytes.len());
    let mut kept: usize = frames.iter().map(bytes).sum();
    for frame in frames {
        if kept <= KEPT_BYTES {
            break;
        }
        kept -= bytes(frame);
        frame.listing = None;
    }
}

/// Puts numbers that come one by one together to runs.
#[derive(Default)]
pub(super) struct Runs {
    run: Option<Extent>,
}

impl Runs {
    /// Takes the next number: the run that ends before it, if one does.
    pub(super) fn push(&mut self, number: u32) -> Option<Extent> {
        match &mut self.run {
            Some(run) if run.end() == u64::from(number) => {
                run.clusters += 1;
                None
            }
            run => run.replace(Extent::new(number.into(), 1)),
        }
    }

    /// The run that was begun last.
    pub(super) fn finish(&mut self) -> Option<Extent> {
        self.run.take()
    }
}

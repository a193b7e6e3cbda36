//! Moving whatever holds clusters.
//!
//! One pass over the MFT finds the records whose runs touch what is to be emptied; a record tells its base record,
//! and so each file is then moved as a whole. Everything that a record of the MFT leads to can move: content, streams
//! (compressed and sparse ones, too: their runs move, their holes stay), indexes, attribute lists, and the file
//! system's own files, as `ntfsresize` moves them. `$MFT` and `$MFTMirr` are also led to by the boot sector and its
//! backup, which are changed with them. What cannot move: `$Boot`, because the firmware and Windows look for it at the
//! volume's start; `$BadClus`, because its clusters are those that fail; and `$LogFile`, because nobody but Windows can
//! tell whether it takes a log that it finds elsewhere, or in pieces.
//! A record of `$MFT` stays in one run, and so does `$MFTMirr`: whoever reads them by the boot sector reads on from there.
//! `$MFT` never begins in the volume's last cluster: ntfs-3g (2022.10) keeps a zone for its growth behind its beginning,
//! and does not mount a volume on which there is no room for one.
//! Source: Linux-NTFS documentation, "$Boot", "$BadClus"; ntfsresize for what moves.

use std::collections::BTreeMap;

use super::attribute::{Attribute, Value, put};
use super::stretch::Stretch;
use super::{Editor, MIRROR};
use crate::device::ReadDevice;
use crate::error::{Error, Result};
use crate::extent::{Extent, ExtentSet};
use crate::fs::Tag;
use crate::fs::ntfs::boot::Boot;
use crate::fs::ntfs::owners::fixed_reason;
use crate::fs::ntfs::record::kind::DATA;
use crate::fs::ntfs::record::{Body, Record, Reference};
use crate::fs::ntfs::volume::number;
use crate::unit::{ByteLen, ByteOffset};

/// Bytes of the MFT that are looked at at a time.
const PIECE_BYTES: u64 = 1 << 20;

/// Where the boot sector tells the first clusters of `$MFT` and of `$MFTMirr`.
const BOOT_MFT_AT: u64 = 0x30;
const BOOT_MIRROR_AT: u64 = 0x38;

/// Free clusters, handed out in order; what needs a longer piece than the next one takes the first that it fits in.
struct Feed {
    targets: Vec<Extent>,
    next: usize,
}

/// In which pieces an attribute can lie.
#[derive(Clone, Copy)]
enum Pieces {
    /// In any.
    Any,
    /// In such of `clusters`, or of a multiple of these, and not in the volume's last cluster.
    Records { clusters: u64, last: u64 },
    /// In one.
    One,
}

impl Editor {
    /// See [`Edit::relocate`](crate::fs::Edit::relocate).
    pub(super) fn relocate_clusters(&mut self, from: &ExtentSet, to: &[Extent]) -> Result<()> {
        let source = self.own_clusters(from)?;
        let targets = self.free_extents(to, true)?;
        for target in &targets {
            if source.runs().iter().any(|run| run.intersect(*target).is_some()) {
                let first = target.start.0;
                return Err(Error::refused(format!(
                    "cluster {first} and those behind it are source and target at once"
                )));
            }
        }
        let used: u64 = source.runs().iter().map(|run| self.used_within(*run)).sum();
        let room: u64 = targets.iter().map(|target| target.clusters).sum();
        if used > room {
            return Err(Error::refused(format!("{used} clusters are to move, but there is room for {room}")));
        }
        let holders = self.holders(&source)?;
        let held: u64 = holders.values().sum();
        if held != used {
            return Err(Error::refused(format!(
                "{used} clusters of these are marked used, but files hold {held}: whose the others are is not known"
            ))
            .advise("Have the volume checked first: `chkdsk X: /f` in Windows"));
        }
        // What grows meanwhile goes neither to what is to become free nor to what is meant for what moves.
        let mut later = self.space.avoided().clone();
        for extent in source.runs() {
            self.space.avoid(*extent);
            later.insert(*extent);
        }
        targets.iter().for_each(|target| self.space.avoid(*target));
        let mut feed = Feed { targets: joined(&targets), next: 0 };
        for base in holders.keys() {
            self.move_file(*base, &source, &mut feed)?;
        }
        self.space.set_avoided(later);
        Ok(())
    }

    fn used_within(&self, run: Extent) -> u64 {
        let runs = self.space.now().runs_in(run.start.0..run.end());
        runs.filter_map(|used| used.intersect(run)).map(|used| used.clusters).sum()
    }

    /// A set on the grid as one of NTFS's clusters.
    fn own_clusters(&self, from: &ExtentSet) -> Result<ExtentSet> {
        let (factor, end) = (self.grid_factor(), self.boot.clusters.saturating_mul(self.grid_factor()));
        let mut source = ExtentSet::new();
        for extent in from.runs() {
            if extent.end() > end {
                return Err(Error::refused(format!(
                    "cluster {} and those behind it hold the backup boot sector, which must lie at the volume's end",
                    end.max(extent.start.0)
                )));
            }
            if !extent.start.0.is_multiple_of(factor) || !extent.clusters.is_multiple_of(factor) {
                let first = extent.start.0;
                return Err(Error::refused(format!("{} clusters from {first} on are no whole units", extent.clusters)));
            }
            source.insert(Extent::new(extent.start.0 / factor, extent.clusters / factor));
        }
        Ok(source)
    }

    /// The base records whose files hold clusters of a set, and how many.
    fn holders(&self, source: &ExtentSet) -> Result<BTreeMap<u64, u64>> {
        let size = u64::from(self.boot.record_bytes);
        let mut holders = BTreeMap::new();
        let (records, at_once) = (self.records(), (PIECE_BYTES / size).max(1));
        let mut first = 0;
        while first < records {
            let count = at_once.min(records - first);
            let mut bytes = vec![0; (count * size) as usize];
            self.mft.read(&self.overlay, &self.boot, first * size, &mut bytes)?;
            for (at, raw) in bytes.chunks_exact(size as usize).enumerate() {
                let number = first + at as u64;
                let place = self.mft.place_of(&self.boot, number * size);
                match Record::parse(raw.to_vec(), self.boot.clusters, place) {
                    Ok(record) if record.in_use => count_held(number, &record, source, &mut holders)?,
                    Ok(_) => {}
                    // A free record may hold anything; one that is in use may hold what is to move.
                    Err(error) => {
                        if !self.is_record_free(number)? {
                            return Err(error.context(format!("MFT record {number}")));
                        }
                    }
                }
            }
            first += count;
        }
        Ok(holders)
    }

    /// Moves what a file holds of a set.
    fn move_file(&mut self, base: u64, source: &ExtentSet, feed: &mut Feed) -> Result<()> {
        let mut file = self.load(Reference(base))?;
        let mut moves = Vec::new();
        for attribute in &mut file.attributes {
            let Some(stretch) = attribute.stretch() else { continue };
            let before = moves.len();
            let pieces = if attribute.kind == DATA { self.pieces_of(base) } else { Pieces::Any };
            let moved = feed.moved(stretch, pieces, source, &mut moves)?;
            if moves.len() > before {
                attribute.set(Value::Stretch(moved));
                // Two runs that lie where two lay before can look alike; the record is written all the same.
                attribute.changed = true;
            }
        }
        let starts = |editor: &Self| (first_cluster(&editor.mft), first_cluster(&editor.mirror));
        let before = starts(self);
        for (old, new) in &moves {
            let (old, new) = (self.boot.offset_of(old.start.0), (self.boot.offset_of(new.start.0), new.clusters));
            let len = ByteLen(new.1.saturating_mul(u64::from(self.boot.cluster_bytes)));
            self.overlay.copy(old, new.0, len)?;
        }
        if base == number::MFT {
            self.refuse_divided_records(&file.attributes)?;
        }
        if base == MIRROR && file.attribute(DATA, &[]).and_then(Attribute::stretch).is_some_and(|s| s.runs.len() > 1) {
            return Err(Pieces::One.refusal());
        }
        // From here on they are read and written in their new place, $Bitmap by these very calls.
        self.remember(&file);
        for (old, new) in &moves {
            self.set_used(*new, true)?;
            self.set_used(*old, false)?;
        }
        let after = starts(self);
        if base <= MIRROR && before != after {
            self.move_in_boot(after.0, after.1)?;
        }
        self.store(file, "runs, moved")
    }

    /// Clusters of an MFT record, at least one. A record never lies in two runs: Windows reads it as one.
    fn record_clusters(&self) -> u64 {
        u64::from(self.boot.record_bytes / self.boot.cluster_bytes).max(1)
    }

    /// In which pieces the content of a file can lie.
    fn pieces_of(&self, base: u64) -> Pieces {
        match base {
            number::MFT => {
                Pieces::Records { clusters: self.record_clusters(), last: self.boot.clusters.saturating_sub(1) }
            }
            MIRROR => Pieces::One,
            _ => Pieces::Any,
        }
    }

    fn refuse_divided_records(&self, attributes: &[Attribute]) -> Result<()> {
        let (pieces, unit) = (self.pieces_of(number::MFT), self.record_clusters());
        let data = attributes.iter().filter(|have| have.kind == DATA);
        let mut runs = data.filter_map(Attribute::stretch).flat_map(|stretch| &stretch.runs);
        if runs.any(|run| run.clusters % unit != 0) {
            return Err(pieces.refusal());
        }
        Ok(())
    }

    /// Tells the boot sector and its backup where `$MFT` and `$MFTMirr` begin now.
    fn move_in_boot(&mut self, mft: u64, mirror: u64) -> Result<()> {
        let backup = self.boot.backup_at();
        let old = self.boot;
        (self.boot.mft_cluster, self.boot.mirror_cluster) = (mft, mirror);
        for (place, what) in [(ByteOffset::ZERO, "boot sector"), (backup, "backup boot sector")] {
            let whole = backup.checked_add(ByteLen(u64::from(old.sector_bytes)));
            if place != ByteOffset::ZERO && whole.is_none_or(|end| end.0 > self.overlay.len().0) {
                return Err(Error::refused("$MFT cannot move: there is no backup boot sector behind the volume"));
            }
            if Boot::read(&*self.overlay, place).ok() != Some(old) {
                return Err(Error::refused(format!("$MFT cannot move: the {what} is not what it should be"))
                    .advise("Have the volume repaired first: `chkdsk X: /f` in Windows"));
            }
            let mut fields = [0; 16];
            put(&mut fields, 0, &mft.to_le_bytes());
            put(&mut fields, (BOOT_MIRROR_AT - BOOT_MFT_AT) as usize, &mirror.to_le_bytes());
            let tag = Tag::new(what).part("first clusters of $MFT and $MFTMirr");
            self.overlay.write(ByteOffset(place.0 + BOOT_MFT_AT), &fields, tag)?;
        }
        Ok(())
    }
}

impl Pieces {
    /// The least that is of use of so many clusters, and what a piece must be a multiple of.
    fn least(self, clusters: u64) -> (u64, u64) {
        match self {
            Self::Any => (1, 1),
            Self::Records { clusters: unit, .. } => (unit.min(clusters), unit.min(clusters).max(1)),
            Self::One => (clusters, 1),
        }
    }

    /// True for what must not be used, however long it is.
    fn shun(self, target: Extent) -> bool {
        matches!(self, Self::Records { last, .. } if target.start.0 >= last)
    }

    /// Why no target will do.
    fn refusal(self) -> Error {
        match self {
            Self::Any => Error::refused("there are more clusters to move than targets for them"),
            Self::Records { clusters: 1, .. } => {
                Error::refused("$MFT can move only to as many clusters, without the volume's last one")
            }
            Self::Records { clusters, .. } => {
                Error::refused(format!("$MFT can move only in multiples of {clusters} clusters, its records' length"))
            }
            Self::One => Error::refused("$MFTMirr can move only as one piece: the boot sector tells where it begins"),
        }
    }
}

impl Feed {
    /// A stretch whose clusters of the set lie in the next targets; what moved where is added to `moves`.
    fn moved(
        &mut self,
        stretch: &Stretch,
        pieces: Pieces,
        source: &ExtentSet,
        moves: &mut Vec<(Extent, Extent)>,
    ) -> Result<Stretch> {
        let mut moved = Stretch { runs: Vec::new(), ..stretch.clone() };
        // Targets before it are too short for this stretch.
        let mut search = self.next;
        for run in &stretch.runs {
            let Some(lcn) = run.lcn else {
                moved.push(None, run.clusters);
                continue;
            };
            let (mut at, end) = (lcn, lcn + run.clusters);
            let runs = source.runs();
            let mut inside = runs[runs.partition_point(|have| have.end() <= at)..].iter();
            while at < end {
                let next = inside.next().and_then(|have| have.intersect(Extent::new(at, end - at)));
                let Some(next) = next else {
                    moved.push(Some(at), end - at);
                    break;
                };
                moved.push(Some(at), next.start.0 - at);
                at = next.start.0;
                while at < next.end() {
                    let target = self.take(next.end() - at, pieces, &mut search)?;
                    moved.push(Some(target.start.0), target.clusters);
                    moves.push((Extent::new(at, target.clusters), target));
                    at += target.clusters;
                }
            }
        }
        Ok(moved)
    }

    /// The first free clusters from the target `search` on that will do, at most so many; `search` is where they are.
    fn take(&mut self, most: u64, pieces: Pieces, search: &mut usize) -> Result<Extent> {
        let (least, multiple) = pieces.least(most);
        let useless = |target: &Extent| target.clusters < least || pieces.shun(*target);
        while self.targets.get(*search).is_some_and(useless) {
            *search += 1;
        }
        let target = self.targets.get_mut(*search).ok_or_else(|| pieces.refusal())?;
        let taken = Extent::new(target.start.0, target.clusters.min(most) / multiple * multiple);
        *target = Extent::new(taken.end(), target.clusters - taken.clusters);
        while self.targets.get(self.next).is_some_and(|target| target.clusters == 0) {
            self.next += 1;
        }
        Ok(taken)
    }
}

/// Neighbours as one.
fn joined(targets: &[Extent]) -> Vec<Extent> {
    let mut joined: Vec<Extent> = Vec::new();
    for target in targets {
        match joined.last_mut() {
            Some(last) if last.end() == target.start.0 => last.clusters += target.clusters,
            _ => joined.push(*target),
        }
    }
    joined
}

fn first_cluster(stretch: &Stretch) -> u64 {
    stretch.runs.first().and_then(|run| run.lcn).unwrap_or(0)
}

/// Counts the clusters of a set that a record's runs hold.
fn count_held(number: u64, record: &Record, source: &ExtentSet, holders: &mut BTreeMap<u64, u64>) -> Result<()> {
    let base = if record.base.0 == 0 { number } else { record.base.number() };
    for attribute in &record.attributes {
        let Body::Clusters(clusters) = &attribute.body else { continue };
        for run in &clusters.runs {
            let Some(lcn) = run.lcn else { continue };
            let run = Extent::new(lcn, run.clusters);
            for part in source.parts_of(run) {
                if let Some(reason) = fixed_reason(base) {
                    return Err(Error::refused(format!("cluster {} cannot move: {reason}", part.start.0)));
                }
                *holders.entry(base).or_default() += part.clusters;
            }
        }
    }
    Ok(())
}

//! The clusters that files hold against `$Bitmap`.
//!
//! A cluster has its bit set exactly when some attribute's runs hold it, and no two hold it. The bits behind the last
//! cluster are set, so that nobody hands them out. (mkntfs and Windows write both; Linux-NTFS documentation,
//! "$Bitmap".)

use super::super::owners::Bits;
use super::super::record::{Reference, kind};
use super::super::volume::number;
use super::Checker;
use super::attribute::Part;
use crate::error::Result;
use crate::extent::{Extent, ExtentSet};
use crate::fs::{Finding, Holder, Owner, Owners};

/// Runs of a kind of trouble that are told one by one.
const MOST_RUNS: usize = 500;

/// Holders of a run that are named.
const MOST_HOLDERS: usize = 4;

/// Bytes behind the last cluster's bit that are looked at: ntfs-3g rounds the bitmap up to 8 bytes, Windows no further
/// than to a cluster.
const MAX_TAIL_BYTES: u64 = 64 << 10;

/// Which clusters files hold.
pub(super) struct Space {
    claimed: Bits,
    /// Held more than once.
    double: Vec<Extent>,
    doubles: u64,
    /// Clusters that may still be claimed: a hostile volume lets every file claim all of them.
    budget: u64,
}

impl Space {
    pub(super) fn new(clusters: u64) -> Self {
        let budget = clusters.saturating_mul(4).saturating_add(1 << 20);
        Self { claimed: Bits::new(clusters), double: Vec::new(), doubles: 0, budget }
    }

    fn claim(&mut self, run: Extent) {
        if run.clusters > self.budget {
            return;
        }
        self.budget -= run.clusters;
        let range = run.start.0..run.end();
        // Most runs are new; only for others is it asked which clusters are held already.
        let before = self.double.len() < MOST_RUNS;
        let held = if before && self.any(run) { self.claimed.runs(range.clone()) } else { Vec::new() };
        if self.claimed.set(range).is_some() {
            self.doubles += 1;
        }
        let room = MOST_RUNS.saturating_sub(self.double.len());
        self.double.extend(held.into_iter().take(room).map(|run| Extent::new(run.start, run.end - run.start)));
    }

    fn any(&self, run: Extent) -> bool {
        let (first, last) = (run.start.0 / 64, run.end().saturating_sub(1) / 64);
        (first..=last).any(|word| self.claimed.word(word) != 0)
    }
}

impl Checker<'_> {
    /// Takes the clusters of a record's attributes for its file.
    pub(super) fn claim(&mut self, _: u64, parts: &[Part]) {
        for clusters in parts.iter().filter_map(|part| part.clusters.as_ref()) {
            for run in clusters.runs.iter().filter_map(|run| Some(Extent::new(run.lcn?, run.clusters))) {
                self.space.claim(run);
            }
        }
    }

    /// Compares what is claimed with the bitmap.
    pub(super) fn check_space(&mut self) -> Result<()> {
        let mut trouble = Differences::default();
        let (volume, claimed, watch) = (self.volume, &self.space.claimed, self.watch);
        let outcome = volume.bits(|first, bytes, count| {
            watch.proceed()?;
            watch.advance("Comparing clusters", first, volume.boot.clusters);
            compare(first, bytes, count, claimed, &mut trouble);
            Ok(())
        });
        if let Err(error) = outcome {
            self.report.error_of(number::BITMAP, "ntfs.bitmap.unreadable", error)?;
        }
        let doubles = std::mem::take(&mut self.space.double);
        self.tell_runs("ntfs.runs.double", &doubles, self.space.doubles)?;
        self.tell_runs("ntfs.bitmap.unmarked", &trouble.unmarked, trouble.unmarked_runs)?;
        for run in &trouble.lost {
            let message = format!("{}: used by $Bitmap, but held by no file", clusters_text(*run));
            let place = volume.boot.offset_of(run.start.0);
            self.report.tell(Finding::warning("ntfs.bitmap.lost", message).at(place).in_cluster(run.start.0));
        }
        if trouble.lost_runs > trouble.lost.len() as u64 {
            let message = format!(
                "{} more runs of clusters are marked, and nobody's",
                trouble.lost_runs - trouble.lost.len() as u64
            );
            self.report.tell(Finding::warning("ntfs.bitmap.lost", message));
        }
        self.tail()
    }

    /// Tells runs with the files that hold them.
    fn tell_runs(&mut self, rule: &'static str, runs: &[Extent], count: u64) -> Result<()> {
        if runs.is_empty() {
            return Ok(());
        }
        let volume = self.volume;
        let factor = u64::from(volume.boot.cluster_bytes / volume.grid.cluster_bytes).max(1);
        let within: ExtentSet =
            runs.iter().map(|run| Extent::new(run.start.0 * factor, run.clusters.saturating_mul(factor))).collect();
        let mut holders: Vec<Vec<Owner>> = vec![Vec::new(); runs.len()];
        volume.owners(&within, self.watch, &mut |owner| {
            let on_volume = Extent::new(owner.extent.start.0 / factor, owner.extent.clusters.div_ceil(factor));
            for (run, held) in runs.iter().zip(&mut holders) {
                if run.intersect(on_volume).is_some() && held.len() < MOST_HOLDERS {
                    held.push(owner.clone());
                }
            }
        })?;
        for (run, held) in runs.iter().zip(holders) {
            let place = volume.boot.offset_of(run.start.0);
            let path = held.iter().find_map(|owner| owner.holder.path().map(str::to_owned));
            let named: Vec<String> = held.iter().map(|owner| name_of(&owner.holder)).collect();
            let (text, named) = (clusters_text(*run), named.join(" and "));
            let message = match rule {
                "ntfs.runs.double" => format!("{text}: held more than once, by {named}"),
                _ => format!("{text}: held by {named}, but free by $Bitmap"),
            };
            let finding = Finding::error(rule, message).at(place).in_cluster(run.start.0);
            self.report.tell(match path {
                Some(path) => finding.of(path),
                None => finding,
            });
        }
        if count > runs.len() as u64 {
            self.report.tell(Finding::error(rule, format!("there is more of this kind ({count} runs in all)")));
        }
        Ok(())
    }

    /// The bits behind the last cluster.
    fn tail(&mut self) -> Result<()> {
        let volume = self.volume;
        let clusters = volume.boot.clusters;
        let Ok(file) = volume.file(Reference(number::BITMAP)) else { return Ok(()) };
        let Some(content) = file.content(kind::DATA, &[]) else { return Ok(()) };
        let first = clusters / 8;
        let end = content.len().min(first.saturating_add(MAX_TAIL_BYTES));
        if end <= first || content.check(&volume.boot).is_err() {
            return Ok(());
        }
        let mut bytes = vec![0; (end - first) as usize];
        content.read_at(&*volume.device, &volume.boot, first, &mut bytes)?;
        let tail = Bits::from_bytes(&bytes);
        if let Some(clear) = (clusters % 8..tail.len()).find(|at| !tail.contains(*at)) {
            let message =
                format!("$Bitmap calls cluster {} free, but the volume has {clusters} clusters", first * 8 + clear);
            let place = content.place_of(&volume.boot, first);
            self.report.of(number::BITMAP, Finding::warning("ntfs.bitmap.tail", message).at(place));
        }
        Ok(())
    }
}

/// Where the bitmap and the files differ.
#[derive(Default)]
struct Differences {
    lost: Vec<Extent>,
    lost_runs: u64,
    unmarked: Vec<Extent>,
    unmarked_runs: u64,
}

/// Compares a piece of the bitmap, 64 clusters at a time. `first` is a multiple of 64.
fn compare(first: u64, bytes: &[u8], count: u64, claimed: &Bits, trouble: &mut Differences) {
    for (at, chunk) in bytes.chunks(8).enumerate() {
        let start = first + at as u64 * 64;
        let mut whole = [0; 8];
        whole[..chunk.len()].copy_from_slice(chunk);
        let marked = u64::from_le_bytes(whole);
        let counted = (first + count).saturating_sub(start);
        let mask = if counted >= 64 { u64::MAX } else { (1 << counted) - 1 };
        let held = claimed.word(start / 64);
        if (marked ^ held) & mask == 0 {
            continue;
        }
        add(start, marked & !held & mask, &mut trouble.lost, &mut trouble.lost_runs);
        add(start, held & !marked & mask, &mut trouble.unmarked, &mut trouble.unmarked_runs);
    }
}

/// Adds the set bits of a word to runs that are in order.
fn add(start: u64, word: u64, runs: &mut Vec<Extent>, count: &mut u64) {
    for bit in (0..64).filter(|bit| word & (1 << bit) != 0) {
        let cluster = start + bit;
        match runs.last_mut() {
            Some(last) if last.end() == cluster => last.clusters += 1,
            _ => {
                *count += 1;
                if runs.len() < MOST_RUNS {
                    runs.push(Extent::new(cluster, 1));
                }
            }
        }
    }
}

fn clusters_text(run: Extent) -> String {
    match run.clusters {
        1 => format!("cluster {}", run.start.0),
        _ => format!("clusters {} to {}", run.start.0, run.end() - 1),
    }
}

fn name_of(holder: &Holder) -> String {
    match holder {
        Holder::File(path) => path.clone(),
        Holder::Directory(path) => format!("the directory {path}"),
        Holder::Map(path) => format!("the attribute list of {path}"),
        Holder::Metadata(name) => name.clone(),
        Holder::Bad => "the list of bad clusters".to_owned(),
        Holder::Lost => "nobody".to_owned(),
    }
}

//! Whose the clusters are: [`Owners`] for NTFS.
//!
//! One pass over `$MFT`: every attribute in clusters has its runs in the very record, so each record tells its
//! clusters, and no record is kept. Paths are followed only for attributes that hold clusters of the wanted range.
//!
//! **Memory**: one bit for each cluster between the first and the last wanted one (512 MiB for all of a volume of
//! 2^32 clusters, the most that Windows makes), the bitmap's pieces of 1 MiB, and 8,192 paths of directories.

use super::Volume;
use super::boot::Boot;
use super::record::{self, kind};
use super::runs::{self, Run};
use super::scan::{Paths, base_of};
use super::view::{Header, View, views};
use super::volume::number;
use crate::error::{Kind as ErrorKind, Result};
use crate::extent::{Extent, ExtentSet};
use crate::fs::{Holder, Owner, Owners, Watch};

mod bits;

pub(super) use bits::Bits;

/// What the user reads while records are looked through.
const PHASE: &str = "Reading the MFT";

/// Why clusters of this file cannot be moved; `None` when they can.
///
/// Everything else that a record of the MFT leads to can move, the file system's own files, too: `ntfsresize` moves
/// them in the same way (and empties the log, which Lifeboat leaves as it is). `$MFT` and `$MFTMirr` are moved with the boot sectors' fields that lead to them.
pub(super) fn fixed_reason(file: u64) -> Option<&'static str> {
    match file {
        number::BOOT => Some("the boot sector must lie at the volume's start"),
        number::LOG_FILE => Some("the log stays where it is, in one piece"),
        number::BAD => Some("the medium fails there"),
        _ => None,
    }
}

impl Owners for Volume {
    fn owners(&self, within: &ExtentSet, watch: &dyn Watch, see: &mut dyn FnMut(Owner)) -> Result<()> {
        let factor = u64::from(self.boot.cluster_bytes / self.grid.cluster_bytes).max(1);
        let counted = self.boot.clusters.saturating_mul(factor);
        // Behind the last cluster there may be some sectors that are nobody's, and then the backup boot sector.
        let backup = self.grid.cluster_at(self.boot.backup_at()).0.max(counted);
        for run in within.runs() {
            if let Some(extent) = run.intersect(Extent::new(backup, self.grid.clusters.saturating_sub(backup))) {
                let holder = Holder::Metadata("backup boot sector".to_owned());
                see(Owner { extent, holder, fixed: Some("the backup boot sector must lie behind the last cluster") });
            }
        }
        let own = |run: &Extent| {
            let end = run.end().min(counted).div_ceil(factor);
            let first = run.start.0 / factor;
            Extent::new(first, end.saturating_sub(first))
        };
        let wanted: ExtentSet = within.runs().iter().map(own).filter(|run| run.clusters > 0).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let mut on_grid = |extent: Extent, holder: &Holder, fixed| {
            let scaled = Extent::new(extent.start.0 * factor, extent.clusters * factor);
            for run in within.parts_of(scaled) {
                see(Owner { extent: run, holder: holder.clone(), fixed });
            }
        };
        Look::new(self, &wanted).run(watch, &mut on_grid)
    }
}

/// One look at all records.
struct Look<'a> {
    volume: &'a Volume,
    wanted: &'a ExtentSet,
    /// The first wanted cluster, for which the first bit of `claimed` stands.
    base: u64,
    claimed: Bits,
    /// Clusters that may still be told: a hostile volume lets every file claim all of them.
    budget: u64,
    paths: Paths<'a>,
}

/// Takes a run of the volume's clusters, its holder and why it is fixed.
type Take<'t> = &'t mut dyn FnMut(Extent, &Holder, Option<&'static str>);

impl<'a> Look<'a> {
    fn new(volume: &'a Volume, wanted: &'a ExtentSet) -> Self {
        let base = wanted.runs().first().map_or(0, |run| run.start.0);
        // The device may end before the volume says it does; memory is sized by what is there.
        let there = volume.device.len().0 / u64::from(volume.boot.cluster_bytes);
        let end = wanted.runs().last().map_or(0, |run| run.end()).min(there);
        let claimed = Bits::new(end.saturating_sub(base));
        let budget = claimed.len().saturating_mul(4).saturating_add(1 << 20);
        Self { volume, wanted, base, claimed, budget, paths: Paths::new(volume) }
    }

    fn run(&mut self, watch: &dyn Watch, take: Take<'_>) -> Result<()> {
        let volume = self.volume;
        volume.scan(PHASE, watch, &mut |number, place, bytes| {
            let place_ok = record::unfix(bytes, b"FILE", place);
            match place_ok {
                Ok(()) => self.record(number, bytes, take),
                Err(_) if number < number::MIRRORED => {
                    if let Ok(copy) = volume.mirror_record(number) {
                        self.record(number, &copy, take);
                    }
                }
                Err(_) => {}
            }
            Ok(())
        })?;
        self.lost(watch, take)
    }

    /// The attributes of one record.
    fn record(&mut self, number: u64, record: &[u8], take: Take<'_>) {
        let header = Header::read(record);
        if !header.in_use {
            return;
        }
        for view in views(record).filter(|view| !view.is_resident()) {
            let runs = decode(&view, &self.volume.boot);
            let mut holder = None;
            for run in runs.iter().filter_map(|run| Some(Extent::new(run.lcn?, run.clusters))) {
                for part in self.wanted.parts_of(run) {
                    if part.clusters > self.budget {
                        return;
                    }
                    self.budget -= part.clusters;
                    let from = part.start.0 - self.base;
                    self.claimed.set(from..from.saturating_add(part.clusters));
                    let file = base_of(number, &header);
                    let holder = holder.get_or_insert_with(|| self.holder(file, number, record, &view));
                    take(part, holder, fixed_reason(file));
                }
            }
        }
    }

    /// Who holds the clusters of an attribute of the file `file`, found in the record `number`.
    fn holder(&mut self, file: u64, number: u64, record: &[u8], view: &View<'_>) -> Holder {
        let name = String::from_utf16_lossy(&view.name().unwrap_or_default());
        if file == number::BAD && view.kind == kind::DATA && !name.is_empty() {
            return Holder::Bad;
        }
        let path = if file == number { self.paths.of_record(file, record) } else { self.paths.of(file) };
        let named = |what: &str| if name.is_empty() { what.to_owned() } else { format!("{what}:{name}") };
        let index = matches!(view.kind, kind::INDEX_ALLOCATION | kind::BITMAP) && name == "$I30";
        match view.kind {
            _ if index => Holder::Directory(path),
            kind::ATTRIBUTE_LIST if file >= number::FIRST_USER => Holder::Map(path),
            // The file system's own files lie in the root, by their well-known names, or in `/$Extend`.
            kind::DATA if is_own(file, &path) => Holder::Metadata(named(path.trim_start_matches('/'))),
            _ if is_own(file, &path) => {
                Holder::Metadata(named(&format!("{}:{}", path.trim_start_matches('/'), type_name(view.kind))))
            }
            kind::DATA => Holder::File(named(&path)),
            _ => Holder::File(named(&format!("{path}:{}", type_name(view.kind)))),
        }
    }

    /// What the bitmap calls used and no record has claimed.
    fn lost(&mut self, watch: &dyn Watch, take: Take<'_>) -> Result<()> {
        let mut lost = Vec::new();
        let (base, wanted, claimed) = (self.base, self.wanted, &self.claimed);
        let outcome = self.volume.bits(|first, bytes, count| {
            lost.clear();
            let piece = Extent::new(first, count);
            for part in wanted.parts_of(piece) {
                let used = |at: u64| {
                    let bit = at - first;
                    bytes[(bit / 8) as usize] & (1 << (bit % 8)) != 0 && !claimed.contains(at - base)
                };
                collect(part, used, &mut lost);
            }
            for run in &lost {
                take(*run, &Holder::Lost, None);
            }
            watch.proceed()
        });
        match outcome {
            // Without a bitmap nobody can say what is lost; the files were told.
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(()),
            other => other,
        }
    }
}

/// The runs of clusters in `part` for which `wanted` holds.
fn collect(part: Extent, wanted: impl Fn(u64) -> bool, found: &mut Vec<Extent>) {
    let mut at = part.start.0;
    while at < part.end() {
        let from = at;
        while at < part.end() && wanted(at) {
            at += 1;
        }
        if at > from {
            found.push(Extent::new(from, at - from));
        }
        at += 1;
    }
}

fn is_own(file: u64, path: &str) -> bool {
    file < number::FIRST_USER || path.starts_with("/$Extend/")
}

/// The runs of an attribute; none when they cannot be read.
fn decode(view: &View<'_>, boot: &Boot) -> Vec<Run> {
    let place = crate::unit::ByteOffset::ZERO;
    view.pairs().and_then(|pairs| runs::decode(pairs, view.lowest(), boot.clusters, place).ok()).unwrap_or_default()
}

/// The name that Windows gives a type of attribute in `$AttrDef`.
pub(super) fn type_name(kind: u32) -> String {
    let name = match kind {
        kind::STANDARD_INFORMATION => "$STANDARD_INFORMATION",
        kind::ATTRIBUTE_LIST => "$ATTRIBUTE_LIST",
        kind::FILE_NAME => "$FILE_NAME",
        0x40 => "$OBJECT_ID",
        0x50 => "$SECURITY_DESCRIPTOR",
        kind::VOLUME_NAME => "$VOLUME_NAME",
        kind::VOLUME_INFORMATION => "$VOLUME_INFORMATION",
        kind::DATA => "$DATA",
        kind::INDEX_ROOT => "$INDEX_ROOT",
        kind::INDEX_ALLOCATION => "$INDEX_ALLOCATION",
        kind::BITMAP => "$BITMAP",
        kind::REPARSE_POINT => "$REPARSE_POINT",
        0xD0 => "$EA_INFORMATION",
        0xE0 => "$EA",
        0x100 => "$LOGGED_UTILITY_STREAM",
        other => return format!("type 0x{other:x}"),
    };
    name.to_owned()
}

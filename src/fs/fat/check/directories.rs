//! The directories: what stands in them, and the chains that they begin.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::super::Volume;
use super::super::boot::Root;
use super::super::directory::{RawEntry, is_dots, is_label, is_long_name};
use super::super::name::{LongName, fold, short_name};
use super::super::walk::{Chain, Claims, Flaw, Item, Listing, Place, Visitor, directory_limit};
use super::crossed::Crossings;
use super::long::Parts;
use super::{Report, entry, shown};
use crate::error::Result;
use crate::fs::{Finding, MAX_DEPTH, Watch};
use crate::unit::ByteOffset;

const DOT: &[u8; 11] = b".          ";
const DOT_DOT: &[u8; 11] = b"..         ";

/// Looks at each directory that the walk comes to.
pub(super) struct Directories<'a, 'r> {
    volume: &'a Volume,
    watch: &'a dyn Watch,
    report: &'a mut Report<'r>,
    label: Option<[u8; 11]>,
    crossings: Crossings,
}

/// The names of one directory.
#[derive(Default)]
struct Names {
    short: HashSet<[u8; 11]>,
    /// Digests of all names that something is found by, so that 65,536 long ones take no more than these.
    all: HashSet<u64>,
}

impl Names {
    /// Takes an entry's names: true when its long name, or its short one, is another entry's already. A file is found
    /// by either, in upper and lower case alike (fatgen103, "Name Limits and Character Sets"), so that all of both must
    /// differ. Short names of other letters than ASCII's mean what the code page says, which is not known.
    fn clash(&mut self, raw: &RawEntry, long: Option<&str>) -> bool {
        let digest = |name: &str| {
            let mut hasher = DefaultHasher::new();
            fold(name.as_bytes()).hash(&mut hasher);
            hasher.finish()
        };
        let short = (long.is_none() || raw.name.is_ascii()).then(|| digest(&short_name(raw)));
        let long = long.map(digest).filter(|long| Some(*long) != short);
        let mut is_new = true;
        for name in short.into_iter().chain(long) {
            is_new &= self.all.insert(name);
        }
        !is_new
    }
}

impl<'a, 'r> Directories<'a, 'r> {
    pub(super) fn new(volume: &'a Volume, watch: &'a dyn Watch, report: &'a mut Report<'r>) -> Self {
        Self { volume, watch, report, label: None, crossings: Crossings::default() }
    }

    /// The volume's label, if the root directory has one, and the crossings that are still to be told.
    pub(super) fn finish(self) -> (Option<[u8; 11]>, Crossings) {
        (self.label, self.crossings)
    }

    /// Claims FAT32's root directory; `None` when there is nothing of it.
    pub(super) fn claim_root(&mut self, start: u32, claims: &mut Claims) -> Result<Option<Vec<u32>>> {
        let (chain, clusters) = self.claim(start, true, claims)?;
        if let Some(flaw) = chain.flaw {
            self.tell_flaw(flaw, chain, ByteOffset(0x2C), "/");
        }
        Ok((!clusters.is_empty()).then_some(clusters))
    }

    /// Claims a chain; its clusters are kept for a directory.
    fn claim(&mut self, start: u32, keep: bool, claims: &mut Claims) -> Result<(Chain, Vec<u32>)> {
        let limit = if keep { directory_limit(self.volume) as usize } else { 0 };
        let mut kept = Vec::new();
        let chain = claims.follow(start, self.watch, |number| {
            if kept.len() < limit {
                kept.push(number);
            }
        })?;
        self.watch.advance("Reading directories", claims.count, self.volume.boot.clusters.into());
        Ok((chain, kept))
    }

    fn tell_flaw(&mut self, flaw: Flaw, chain: Chain, entry: ByteOffset, path: &str) {
        let most = u64::from(self.volume.boot.clusters) + 1;
        let (rule, number, found) = match flaw {
            Flaw::Range(number) if chain.clusters == 0 => ("fat.entry.start", number, "a number that no cluster has"),
            Flaw::Range(number) => ("fat.chain.range", number, "a number that no cluster has"),
            Flaw::Free(number) => ("fat.chain.free", number, "a cluster that is marked as free"),
            Flaw::Bad(number) => ("fat.chain.bad", number, "a cluster that is marked as bad"),
            Flaw::Loop(number) => ("fat.chain.loop", number, "a cluster of the same chain: it goes in circles"),
            Flaw::Crossed(number) => ("fat.chain.crossed", number, "a cluster of another file or directory"),
        };
        let (place, after) = match chain.clusters {
            0 => (entry, "as the first cluster".to_owned()),
            many => (self.volume.table.place_of(chain.last), format!("after {many} clusters")),
        };
        let message = format!("expected a cluster from 2 to {most} of its own {after}, found {number:#x}, {found}");
        let finding = Finding::error(rule, message).at(place).in_cluster(number.into()).of(path);
        let finding = match flaw {
            Flaw::Crossed(number) => self.crossings.push(number, finding),
            _ => Some(finding),
        };
        if let Some(finding) = finding {
            self.report.add(finding);
        }
    }

    /// The first two entries of every directory but the root: itself, and the one above (0 for the root, on FAT32,
    /// too).
    fn check_dots(&mut self, place: &Place, listing: &Listing) {
        for (index, name, expected) in [(0, DOT, place.start), (1, DOT_DOT, place.above)] {
            let Some(raw) = listing.entries().get(index) else { continue };
            let entry: RawEntry = zerocopy::transmute!(*raw);
            let shown_name = if index == 0 { "." } else { ".." };
            let path = shown(&place.path, shown_name);
            let offset = listing.offset_of(index);
            if entry.name != *name || !entry.is_directory() || is_label(&entry) || is_long_name(&entry) {
                let message = format!("expected `{shown_name}` as entry {} of the directory, found another", index + 1);
                self.report.add(Finding::error("fat.dot.missing", message).at(offset).of(path));
                continue;
            }
            let start = self.start_of(&entry);
            if start != expected {
                let message = format!("expected `{shown_name}` to lead to cluster {expected}, found {start}");
                self.report.add(Finding::error("fat.dot.start", message).at(offset).in_cluster(start.into()).of(path));
            } else if entry.bytes.get() != 0 {
                let message = format!("expected a length of 0 for a directory, found {}", entry.bytes.get());
                self.report.add(Finding::warning("fat.entry.directory-size", message).at(offset).of(path));
            }
        }
    }

    fn start_of(&self, entry: &RawEntry) -> u32 {
        let is_wide = matches!(self.volume.boot.root, Root::Chain(_));
        let high = if is_wide { u32::from(entry.cluster_high.get()) << 16 } else { 0 };
        high | u32::from(entry.cluster_low.get())
    }

    /// A label: one, in the root directory, without a chain (fatgen103, `ATTR_VOLUME_ID`).
    fn check_label(&mut self, place: &Place, entry: &RawEntry, offset: ByteOffset) {
        let path = shown(&place.path, "");
        let at = |finding: Finding| finding.at(offset).of(path.as_str());
        if entry.is_directory() {
            let message = "expected a file, a directory or a label, found the bits of two of them";
            self.report.add(at(Finding::error("fat.entry.attributes", message)));
            return;
        }
        if place.depth > 0 {
            let message = "expected the volume's label in the root directory only, found one here";
            self.report.add(at(Finding::warning("fat.label.place", message)));
        } else if self.label.is_some() {
            let message = "expected one label in the root directory, found another one";
            self.report.add(at(Finding::warning("fat.label.second", message)));
        } else {
            self.label = Some(entry.name);
        }
        if self.start_of(entry) != 0 || entry.bytes.get() != 0 {
            let message = "expected a label without cluster and length, found one with them";
            self.report.add(at(Finding::error("fat.label.content", message)));
        }
    }

    /// The names of files and directories: allowed ones, and each once.
    fn check_names(
        &mut self,
        place: &Place,
        raw: &RawEntry,
        long: &mut LongName,
        offset: ByteOffset,
        names: &mut Names,
    ) {
        let name = long.take(&raw.name).map(|name| name.to_string_lossy().into_owned());
        let path = shown(&place.path, name.as_deref().unwrap_or(&short_name(raw)));
        entry::check(raw, offset, &path, self.report);
        if !names.short.insert(raw.name) {
            let message = "expected each short name once in a directory, found it again";
            self.report.add(Finding::error("fat.name.duplicate", message).at(offset).of(path.as_str()));
        } else if names.clash(raw, name.as_deref()) {
            let message = "expected each name once in a directory, long or short, found it again";
            self.report.add(Finding::warning("fat.name.long-duplicate", message).at(offset).of(path.as_str()));
        }
        let Some(name) = name else { return };
        if name.chars().any(|letter| letter < ' ' || "\"*/:<>?\\|\u{fffd}".contains(letter)) {
            let message = "expected a long name that can be typed, found letters in it that none may have";
            self.report.add(Finding::warning("fat.name.long", message).at(offset).of(path));
        }
    }

    /// After the first entry that was never used, none is (fatgen103, DIR_Name[0] = 00). Some systems read on.
    fn check_end(&mut self, place: &Place, listing: &Listing, from: usize) {
        let behind = listing.entries()[from..].iter().position(|raw| !matches!(raw[0], 0 | 0xE5));
        if let Some(behind) = behind {
            let message =
                "expected free entries only after the directory's end mark, found others: Windows ignores them";
            let offset = listing.offset_of(from + behind);
            self.report.add(Finding::warning("fat.directory.end", message).at(offset).of(shown(&place.path, "")));
        }
    }

    /// A file's length against its chain: as many clusters as it takes, and none more (fatgen103, `DIR_FileSize`).
    fn check_length(&mut self, item: &Item, chain: Chain, path: &str) {
        let cluster_bytes = u64::from(self.volume.boot.cluster_bytes);
        let bytes = u64::from(item.raw.bytes.get());
        let has = u64::from(chain.clusters);
        let (rule, needs) = match bytes.div_ceil(cluster_bytes) {
            needs if needs > has => ("fat.entry.size-long", needs),
            needs if needs < has => ("fat.entry.size-short", needs),
            _ => return,
        };
        let message = format!("expected {needs} clusters for {bytes} bytes, found {has}");
        self.report.add(Finding::error(rule, message).at(item.offset).of(path));
    }

    /// Things of a directory that its entry tells.
    fn check_directory_item(&mut self, place: &Place, item: &Item, chain: Chain, path: &str) {
        if item.raw.bytes.get() != 0 {
            let message = format!("expected a length of 0 for a directory, found {}", item.raw.bytes.get());
            self.report.add(Finding::error("fat.entry.directory-size", message).at(item.offset).of(path));
        }
        if u64::from(chain.clusters) > directory_limit(self.volume) {
            let message = format!(
                "expected a directory of at most 65536 entries, found one of {} clusters; the rest was not looked at",
                chain.clusters
            );
            self.report.add(Finding::error("fat.directory.long", message).at(item.offset).of(path));
        }
        if place.depth + 1 >= MAX_DEPTH {
            let message = format!("expected at most {MAX_DEPTH} directories in each other, found more; not looked at");
            self.report.add(Finding::error("fat.directory.deep", message).at(item.offset).of(path));
        }
    }
}

impl Visitor for Directories<'_, '_> {
    fn directory(&mut self, place: &Place, listing: &Listing) -> Result<()> {
        if place.depth > 0 {
            self.check_dots(place, listing);
        }
        let (mut names, mut parts, mut long) = (Names::default(), Parts::default(), LongName::default());
        let first = if place.depth > 0 { 2 } else { 0 };
        for (index, raw) in listing.entries().iter().enumerate() {
            let entry: RawEntry = zerocopy::transmute!(*raw);
            let offset = listing.offset_of(index);
            match entry.name[0] {
                0 => {
                    self.check_end(place, listing, index);
                    break;
                }
                0xE5 => {
                    parts.orphan(&place.path, self.report);
                    long.clear();
                }
                _ if is_long_name(&entry) => {
                    parts.push(raw, offset, &place.path, self.report);
                    long.push(raw);
                }
                _ if is_label(&entry) => {
                    parts.orphan(&place.path, self.report);
                    long.clear();
                    self.check_label(place, &entry, offset);
                }
                _ if is_dots(&entry.name) => {
                    parts.orphan(&place.path, self.report);
                    long.clear();
                    if index >= first {
                        let message = "expected `.` and `..` as the first two entries of a directory only";
                        let path = shown(&place.path, &short_name(&entry));
                        self.report.add(Finding::error("fat.dot.place", message).at(offset).of(path));
                    }
                }
                _ => {
                    parts.finish(&entry, &shown(&place.path, &short_name(&entry)), self.report);
                    self.check_names(place, &entry, &mut long, offset, &mut names);
                }
            }
        }
        parts.orphan(&place.path, self.report);
        Ok(())
    }

    fn item(&mut self, place: &Place, item: &Item, claims: &mut Claims) -> Result<Option<Vec<u32>>> {
        let path = shown(&place.path, &item.name);
        if item.start == 0 {
            if item.is_directory {
                let message = "expected the first cluster of a directory, found 0, which is the root";
                self.report.add(Finding::error("fat.entry.start", message).at(item.offset).of(path));
            } else if item.raw.bytes.get() != 0 {
                let none = Chain { clusters: 0, last: 0, flaw: None };
                self.check_length(item, none, &path);
            }
            return Ok(None);
        }
        let (chain, clusters) = self.claim(item.start, item.is_directory, claims)?;
        if let Some(flaw) = chain.flaw {
            self.tell_flaw(flaw, chain, item.offset, &path);
        }
        if item.is_directory {
            self.check_directory_item(place, item, chain, &path);
        } else if chain.flaw.is_none() {
            self.check_length(item, chain, &path);
        }
        Ok((item.is_directory && !clusters.is_empty()).then_some(clusters))
    }
}

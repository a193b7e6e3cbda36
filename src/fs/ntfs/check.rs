//! Whether a volume is sound: [`Check`] for NTFS.
//!
//! ```text
//! boot ─► system files ─► every record of $MFT in order ──────────► names ─► extensions ─► clusters
//!         mirror, log,     fixups, header, attributes, lists,       sums     listed?       $Bitmap,
//!         $UpCase, $Secure sizes, runs; each index where it is met  are 0?                 doubles
//! ```
//!
//! `$MFT` is read once, in large pieces; extension records, the blocks of indexes and the system files' contents once
//! more. Every `$FILE_NAME` adds a hash of itself to its file's sum, and every entry of a directory takes one away, so
//! that no name is kept: a sum that is not zero in the end tells a file to be looked at closely. Only then are
//! directories read a second time.
//!
//! **Memory**: an eighth of a byte for each cluster (512 MiB for 2^32, the most that Windows makes; a volume of more
//! is refused), 4 bytes and 5 bits for each record, 8 bytes for each directory, and buffers of some MiB. With 512 MiB
//! of clusters, 2 GiB are enough for 200 million records, of which 60 million are directories.
//!
//! What is not looked at: the content of `$LogFile` behind its restart pages, what an index remembers of a file's size
//! and times (Windows itself leaves it stale), and whether the descriptors in `$Secure` make sense.
//!
//! | File | What it looks at |
//! |---|---|
//! | `report` | findings, with paths, within bounds |
//! | `system` | boot sectors, mirror, log, `$Volume`, `$UpCase`, `$AttrDef` |
//! | `secure` | security descriptors and their indexes |
//! | `record` | headers of records, files as a whole |
//! | `attribute` | one attribute: bounds, runs, sizes |
//! | `list` | attribute lists |
//! | `index`, `tree`, `collation` | indexes: structure, order, bitmap |
//! | `names` | names against directories, links, loops |
//! | `space` | runs against `$Bitmap` |

mod attribute;
mod collation;
mod index;
mod list;
mod names;
mod record;
mod report;
mod secure;
mod space;
mod system;
mod tree;

use std::collections::HashSet;

use self::names::Names;
use self::report::Report;
use self::space::Space;
use super::Volume;
use super::owners::Bits;
use super::record::kind;
use super::volume::number;
use crate::error::{Error, Result};
use crate::fs::{Check, Finding, Watch};

/// The most clusters that a volume may have: Windows numbers them with 32 bits.
const MAX_CLUSTERS: u64 = 1 << 32;

/// Phases, as the user reads them.
const PHASE_RECORDS: &str = "Reading the MFT";

/// One check of a volume.
struct Checker<'a> {
    volume: &'a Volume,
    watch: &'a dyn Watch,
    report: Report<'a>,
    space: Space,
    names: Names,
    records: Records,
    /// The security ids that `$Secure` knows; `None` when they could not be read.
    security: Option<HashSet<u32>>,
    /// Bytes of indexes and lists that may still be read: a hostile volume lets every file claim the same ones.
    budget: u64,
}

/// What is known of each record.
struct Records {
    /// How many there are.
    count: u64,
    /// In use, by `$MFT`'s bitmap; `None` when that cannot be read.
    marked: Option<Bits>,
    /// Extension records, and those that an attribute list names.
    extension: Bits,
    listed: Bits,
    /// Those that cannot be read: what refers to them is no second damage.
    broken: Bits,
}

impl Check for Volume {
    fn check(&self, watch: &dyn Watch, see: &mut dyn FnMut(Finding)) -> Result<()> {
        let mut report = Report::new(self, see);
        if !system::boot(self, &mut report)? {
            report.finish();
            return Ok(());
        }
        if self.boot.clusters > MAX_CLUSTERS || self.record_count() > u64::from(u32::MAX) {
            return Err(Error::unsupported("checking a volume of more clusters or records than Windows makes")
                .advise("Have it checked by the system that made it"));
        }
        let mut checker = Checker::new(self, watch, report);
        checker.run()?;
        checker.report.finish();
        Ok(())
    }
}

impl<'a> Checker<'a> {
    fn new(volume: &'a Volume, watch: &'a dyn Watch, report: Report<'a>) -> Self {
        let count = volume.record_count();
        let records = Records {
            count,
            marked: None,
            extension: Bits::new(count),
            listed: Bits::new(count),
            broken: Bits::new(count),
        };
        let budget = volume.device.len().0.saturating_mul(2).saturating_add(64 << 20);
        let (space, names) = (Space::new(volume.boot.clusters), Names::new(count));
        Self { volume, watch, report, space, names, records, security: None, budget }
    }

    fn run(&mut self) -> Result<()> {
        self.read_marks()?;
        self.system()?;
        self.secure()?;
        let volume = self.volume;
        volume.scan(PHASE_RECORDS, self.watch, &mut |number, place, bytes| self.record(number, place, bytes))?;
        self.unlisted();
        self.marks_behind_the_end();
        self.check_names()?;
        self.check_loops();
        self.check_space()
    }

    /// Reads `$MFT`'s own bitmap: one bit for each record.
    fn read_marks(&mut self) -> Result<()> {
        let bitmap = self.volume.file(super::record::Reference(number::MFT)).and_then(|file| {
            let content = file.content(kind::BITMAP, &[]);
            let content = content.ok_or_else(|| Error::damaged("$MFT has no bitmap"))?;
            // One bit for each record, and some more: Windows and ntfs-3g extend it by 8 bytes and by clusters.
            let limit = self.records.count / 8 + (4 << 20);
            content.value(&*self.volume.device, &self.volume.boot, usize::try_from(limit).unwrap_or(usize::MAX))
        });
        match bitmap {
            Ok(bytes) => self.records.marked = Some(Bits::from_bytes(&bytes)),
            Err(error) => self.report.error("ntfs.mft.bitmap", error)?,
        }
        if let Some(marked) = self.records.marked.as_ref().filter(|marked| marked.len() < self.records.count) {
            let message = format!("$MFT's bitmap has {} bits for {} records", marked.len(), self.records.count);
            self.report.tell(Finding::error("ntfs.mft.bitmap", message).of("/$MFT"));
        }
        Ok(())
    }

    /// Bits of records that are not there.
    fn marks_behind_the_end(&mut self) {
        let Some(marked) = &self.records.marked else { return };
        let behind = (self.records.count..marked.len()).filter(|at| marked.contains(*at));
        let (first, count) = behind.fold((None, 0u64), |(first, count), at| (first.or(Some(at)), count + 1));
        if let Some(first) = first {
            let message = format!(
                "$MFT's bitmap marks {count} records from {first} on as used, but $MFT has {} records",
                self.records.count
            );
            self.report.tell(Finding::warning("ntfs.mft.bitmap", message).of("/$MFT"));
        }
    }

    /// Extension records that no attribute list names: what they hold is out of reach.
    fn unlisted(&mut self) {
        for word in 0..self.records.count.div_ceil(64) {
            let lone = self.records.extension.word(word) & !self.records.listed.word(word);
            for number in (0..64).filter(|bit| lone & (1 << bit) != 0).map(|bit| word * 64 + bit) {
                let message = format!("record {number} extends another one, whose attribute list does not name it");
                let place = self.volume.record_place(number);
                self.report.tell(Finding::error("ntfs.record.unlisted", message).at(place));
            }
        }
    }

    /// Takes bytes of the budget; `false` once it is spent, which is told once.
    fn spend(&mut self, file: u64, bytes: u64) -> bool {
        if self.budget == 0 {
            return false;
        }
        self.budget = self.budget.saturating_sub(bytes);
        if self.budget == 0 {
            let message = "indexes and lists have more bytes than the volume: some claim the same clusters, and the rest was not looked at";
            self.report.of(file, Finding::error("ntfs.runs.double", message));
        }
        self.budget > 0
    }
}

//! Changes of a volume, as patches: [`Edit`] for NTFS.
//!
//! A file is read as a whole, with all its records, changed, and written back; records whose bytes did not change are
//! not written.
//!
//! | File | What it does |
//! |---|---|
//! | `stretch` | runs, mapping pairs |
//! | `attribute`, `file` | records taken apart and put together, fixups, `$MFTMirr` |
//! | `divide` | attribute lists and extension records |
//! | `space`, `mft` | free clusters and records, growth of `$MFT` |
//! | `index`, `directory` | the tree of names, and where it lies |
//! | `names`, `adopt`, `put`, `release`, `relocate`, `replace` | what [`Edit`] promises |
//!
//! **`$LogFile`** is not touched. A volume is changed only when its log is clean, so there is nothing in it that
//! would be redone over what is changed here; and a clean unmount leaves it just so. ntfs-3g likewise mounts a
//! volume with a clean log, changes it, and leaves the log as it was. The sequence numbers of the log in records and
//! index blocks stay as they were: they say when the log last spoke of them.
//!
//! **Versions**: 3.0 (Windows 2000) and 3.1 are changed; others are refused, because their `$STANDARD_INFORMATION`
//! and `$Secure` differ.

mod adopt;
mod attribute;
mod directory;
mod divide;
mod file;
mod index;
mod mft;
mod names;
mod put;
mod release;
mod relocate;
mod replace;
mod space;
mod stretch;

use std::path::Path;
use std::sync::Arc;

use self::attribute::{Attribute, Value};
use self::space::Space;
use self::stretch::Stretch;
use super::boot::{self, Boot};
use super::name::UpCase;
use super::record::{Body, Reference, kind};
use super::volume::{self, Volume, number};
use crate::bytes::u8_at;
use crate::device::SharedDevice;
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent, ExtentSet};
use crate::fs::edit::{Guise, Units};
use crate::fs::{Change, Edit, Overlay, State};
use crate::unit::{ByteLen, ByteOffset, Cluster, Grid};

/// Types of attributes that only changes need.
const FILE_NAME: u32 = 0x30;
const SECURITY_DESCRIPTOR: u32 = 0x50;
const BITMAP: u32 = 0xB0;

/// `$MFTMirr`.
const MIRROR: u64 = 1;

/// The mark behind a record's last attribute: the type 0xFFFFFFFF, and four bytes to a multiple of 8.
const END_BYTES: usize = 8;

/// `$UpCase` has one unit for each of 65536.
const UPCASE_BYTES: usize = 128 << 10;

/// Clusters of one file are numbered with 32 bits.
const MAX_FILE_CLUSTERS: u64 = u32::MAX as u64;

/// A volume that is being changed.
pub(super) struct Editor {
    overlay: Arc<Overlay>,
    boot: Boot,
    grid: Grid,
    upcase: Arc<UpCase>,
    /// True when records carry their own number: version 3.1.
    numbered: bool,
    mft: Stretch,
    mirror: Stretch,
    bitmap: Stretch,
    /// Where the MFT's own bitmap lies while `$MFT`'s attributes are divided anew: until they are written, its records
    /// tell of another place, or of records that are free already.
    record_bits: Option<Stretch>,
    space: Space,
}

/// What a call that fails must put back, beside the overlay.
struct Kept {
    boot: Boot,
    mft: Stretch,
    mirror: Stretch,
    bitmap: Stretch,
    avoided: ExtentSet,
    point: usize,
}

/// Opens a volume for changes.
pub(super) fn open(overlay: Arc<Overlay>) -> Result<Box<dyn Edit>> {
    let device: SharedDevice = Arc::<Overlay>::clone(&overlay);
    let candidates = boot::candidates(&*device)?;
    if candidates.first().is_none_or(|first| first.place != ByteOffset::ZERO) {
        return Err(Error::refused("the volume's boot sector is damaged, and only its backup can be read")
            .advise("Have it repaired first: `chkdsk X: /f` in Windows"));
    }
    let volume = volume::open(device)?;
    refuse_state(&volume)?;
    let mft = match &volume.mft.body {
        Body::Clusters(clusters) => Stretch {
            runs: clusters.runs.clone(),
            allocated: clusters.end.saturating_mul(u64::from(volume.boot.cluster_bytes)),
            len: clusters.len,
            initialized: clusters.initialized,
        },
        Body::Resident(_) => return Err(Error::damaged("$MFT lies in its own record")),
    };
    let mut used = ClusterMap::new(volume.boot.clusters);
    volume.each_used(|extent| used.set(extent, true))?;
    let mut editor = Editor {
        overlay,
        boot: volume.boot,
        grid: volume.grid,
        upcase: Arc::new(UpCase::unicode()),
        numbered: true,
        mft,
        mirror: Stretch::default(),
        bitmap: Stretch::default(),
        record_bits: None,
        space: Space::new(used),
    };
    editor.prepare()?;
    Ok(Box::new(editor))
}

/// What was not left properly is not changed, whoever asks.
fn refuse_state(volume: &Volume) -> Result<()> {
    let what = match volume.summary.state {
        State::Clean => return Ok(()),
        State::Dirty => "the volume was not unmounted properly, or is marked as having errors",
        State::Hibernated => "Windows sleeps on this volume (hibernation or fast start)",
        State::Journal => "the volume's $LogFile holds changes that were not finished",
    };
    Err(Error::refused(what)
        .advise("Start Windows, let it check the volume, and shut it down with `shutdown /s /f /t 0`"))
}

impl Editor {
    /// Reads what every change needs, and refuses what cannot be changed safely.
    fn prepare(&mut self) -> Result<()> {
        let stretch = |file: &file::File| file.attribute(kind::DATA, &[]).and_then(Attribute::stretch).cloned();
        let missing = |what: &str| Error::damaged(format!("{what} has no clusters"));
        // As one whole: allocated length and all runs, also of the parts in extension records.
        let mft = self.load(Reference(number::MFT))?;
        self.mft = stretch(&mft).ok_or_else(|| missing("$MFT"))?;
        self.mirror = stretch(&self.load(Reference(MIRROR))?).ok_or_else(|| missing("$MFTMirr"))?;
        let bitmap = self.load(Reference(number::BITMAP))?;
        let plain = bitmap.attribute(kind::DATA, &[]).is_some_and(Attribute::is_plain);
        self.bitmap = stretch(&bitmap).filter(|_| plain).ok_or_else(|| missing("$Bitmap"))?;
        for (stretch, what) in [(&self.mft, "$MFT"), (&self.mirror, "$MFTMirr"), (&self.bitmap, "$Bitmap")] {
            stretch.check_lengths(&self.boot, what)?;
        }
        let upcase = self.load(Reference(number::UPCASE))?;
        let table = upcase.attribute(kind::DATA, &[]).ok_or_else(|| missing("$UpCase"))?;
        let table = self.value(table, UPCASE_BYTES)?;
        if table.len() != UPCASE_BYTES {
            return Err(Error::damaged("$UpCase has another length than 128 KiB"));
        }
        let units = table.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        self.upcase = Arc::new(UpCase::new(units));
        self.refuse_version()?;
        self.compare_mirror()
    }

    fn refuse_version(&mut self) -> Result<()> {
        let volume = self.load(Reference(number::VOLUME))?;
        let value = volume.resident(kind::VOLUME_INFORMATION).unwrap_or(&[]);
        match (u8_at(value, 8), u8_at(value, 9)) {
            (Some(3), Some(minor @ (0 | 1))) => {
                self.numbered = minor == 1;
                Ok(())
            }
            (Some(major), Some(minor)) => Err(Error::refused(format!(
                "the volume has version {major}.{minor} of NTFS; only 3.0 and 3.1 are changed by Lifeboat"
            ))
            .advise("Images of it can be made and kept elsewhere")),
            _ => Err(Error::damaged("$Volume does not say which version of NTFS it is")),
        }
    }

    /// `$MFTMirr` must repeat the first records: else one of them is damaged, and nobody knows which.
    fn compare_mirror(&self) -> Result<()> {
        let size = u64::from(self.boot.record_bytes);
        if self.mirror.extents().first().map(|first| first.start.0) != Some(self.boot.mirror_cluster) {
            return Err(Error::refused("the boot sector and $MFTMirr do not agree where it lies")
                .advise("Have it repaired first: `chkdsk X: /f` in Windows"));
        }
        for number in 0..(self.mirror.len / size).min(number::MIRRORED) {
            let (mut main, mut copy) = (vec![0; size as usize], vec![0; size as usize]);
            self.mft.read(&self.overlay, &self.boot, number * size, &mut main)?;
            self.mirror.read(&self.overlay, &self.boot, number * size, &mut copy)?;
            if main != copy {
                return Err(Error::refused(format!("record {number} of $MFT and its copy in $MFTMirr differ"))
                    .advise("Have it repaired first: `chkdsk X: /f` in Windows"));
            }
        }
        Ok(())
    }

    /// Clusters of the grid in one of NTFS.
    fn grid_factor(&self) -> u64 {
        u64::from(self.boot.cluster_bytes / self.grid.cluster_bytes).max(1)
    }

    fn keep(&self) -> Kept {
        Kept {
            boot: self.boot,
            mft: self.mft.clone(),
            mirror: self.mirror.clone(),
            bitmap: self.bitmap.clone(),
            avoided: self.space.avoided().clone(),
            point: self.space.mark_point(),
        }
    }

    fn restore(&mut self, kept: Kept) {
        (self.boot, self.mft, self.mirror, self.bitmap) = (kept.boot, kept.mft, kept.mirror, kept.bitmap);
        self.record_bits = None;
        self.space.set_avoided(kept.avoided);
        self.space.roll_back(kept.point);
    }

    /// Does something wholly or not at all.
    fn change<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let overlay = Arc::clone(&self.overlay);
        let kept = self.keep();
        let done = overlay.attempt(|| act(self));
        match done {
            Ok(_) => self.space.commit(),
            Err(_) => self.restore(kept),
        }
        done
    }

    /// Extents of the grid as clusters of NTFS, each whole and free, now and when the volume was opened if `fresh`.
    fn free_extents(&self, extents: &[Extent], fresh: bool) -> Result<Vec<Extent>> {
        let (units, factor) = (self.units(), self.grid_factor());
        let mut seen = ExtentSet::new();
        let mut wanted = Vec::new();
        for extent in extents.iter().filter(|extent| extent.clusters > 0) {
            let (first, last) = (extent.start.0, extent.end().saturating_sub(1));
            if !units.holds(*extent) {
                return Err(Error::refused(format!("clusters {first}–{last} are no whole clusters of the volume")));
            }
            let own = Extent::new(first / factor, extent.clusters / factor);
            if let Some(used) = self.space.used_in(own) {
                return Err(Error::refused(format!("cluster {} is in use", used.start.0)));
            }
            if let Some(used) = self.space.was_used_in(own).filter(|_| fresh) {
                return Err(Error::refused(format!(
                    "cluster {} was in use when the volume was opened; undoing needs what lies there",
                    used.start.0
                )));
            }
            let before = seen.clusters();
            seen.insert(own);
            if seen.clusters() != before + own.clusters {
                return Err(Error::refused(format!("clusters {first}–{last} are given twice")));
            }
            wanted.push(own);
        }
        Ok(wanted)
    }

    /// Clusters of NTFS as extents of the grid.
    fn on_grid(&self, extent: Extent) -> Extent {
        let factor = self.grid_factor();
        Extent::new(extent.start.0.saturating_mul(factor), extent.clusters.saturating_mul(factor))
    }

    fn set_dirty(&mut self, dirty: bool) -> Result<()> {
        let mut file = self.load(Reference(number::VOLUME))?;
        let missing = || Error::damaged("$VOLUME_INFORMATION is missing");
        let information = file.attribute_mut(kind::VOLUME_INFORMATION, &[]).ok_or_else(missing)?;
        let mut value = information.resident().ok_or_else(missing)?.to_vec();
        // Flags of 16 bits at 10; bit 0 says that the volume is to be checked. Source: Linux-NTFS, "$VOLUME_INFORMATION".
        let flags = value.get_mut(10).ok_or_else(missing)?;
        *flags = *flags & !1 | u8::from(dirty);
        information.set(Value::Resident(value));
        self.store(file, "dirty flag")
    }
}

impl Edit for Editor {
    fn units(&self) -> Units {
        Units { origin: Cluster(0), clusters: self.grid_factor(), count: self.boot.clusters }
    }

    fn used(&self) -> Result<ClusterMap> {
        Ok(self.used_on_grid())
    }

    fn max_file_len(&self) -> ByteLen {
        ByteLen(MAX_FILE_CLUSTERS.saturating_mul(u64::from(self.boot.cluster_bytes)))
    }

    fn adopt(&mut self, directory: &Path, name: &str, extents: &[Extent], len: ByteLen) -> Result<()> {
        self.change(|editor| editor.adopt_file(directory, name, extents, len))
    }

    fn put(&mut self, path: &Path, extents: &[Extent], len: ByteLen, guise: &Guise) -> Result<()> {
        self.change(|editor| editor.put_file(path, extents, len, guise))
    }

    fn make_directory(&mut self, path: &Path, guise: &Guise) -> Result<()> {
        self.change(|editor| editor.put_directory(path, guise))
    }

    fn reserve(&mut self, extents: &[Extent]) -> Result<()> {
        let (units, factor) = (self.units(), self.grid_factor());
        for extent in extents.iter().filter(|extent| extent.clusters > 0) {
            if !units.holds(*extent) {
                let (first, last) = (extent.start.0, extent.end().saturating_sub(1));
                return Err(Error::refused(format!("clusters {first}–{last} are no whole clusters of the volume")));
            }
            self.space.avoid(Extent::new(extent.start.0 / factor, extent.clusters / factor));
        }
        Ok(())
    }

    fn release(&mut self, directory: &Path, name: &str) -> Result<Vec<Extent>> {
        self.change(|editor| editor.release_file(directory, name))
    }

    fn relocate(&mut self, from: &ExtentSet, to: &[Extent]) -> Result<()> {
        self.change(|editor| editor.relocate_clusters(from, to))
    }

    fn replace(&mut self, path: &Path, content: &[u8]) -> Result<()> {
        self.change(|editor| editor.replace_content(path, content))
    }

    fn mark(&mut self, dirty: bool) -> Result<()> {
        self.change(|editor| editor.set_dirty(dirty))
    }

    fn take(&mut self, title: &str) -> Result<Change> {
        self.overlay.take(title)
    }
}

//! Changes of a volume, as patches: [`Edit`] for FAT.
//!
//! ```text
//! adopt, put ─┬─► names   (short name, long name, what may not be a name)
//!             ├─► folder  (a directory's entries: find, add, remove, grow)
//!             └─► chains  (the FAT as it will be, the count of free clusters)
//! relocate ──► chains, then every directory once; FAT32's root stands in the boot sector
//! mark, and the count of free clusters ──► sectors (boot sector, FSInfo)
//! ```
//!
//! What a change touches, and nothing else: entries of the FAT (all copies, or the active one where FAT32's
//! BPB_ExtFlags turns mirroring off: fatgen103, "BPB_ExtFlags"), 32-byte directory entries, FSInfo's count of free
//! clusters, and the boot sector's state byte and root cluster.
//!
//! **Refused**: a volume whose first boot sector is damaged, whose active FAT does not begin as a FAT should, or of a
//! FAT32 version that is not 0.0 (fatgen103, "BPB_FSVer": a driver must not mount what it does not know); copies of
//! the FAT that disagree where a change would go; a root directory of FAT12/16 without room; directories at 65,536
//! entries; moving what has no chain (boot sector, FATs, the root directory of FAT12/16), bad clusters, and boot
//! files that are found by their place ([`fixed_reason`](super::owners::fixed_reason)).
//!
//! **Memory**: a map of the clusters that were used at the beginning (at most 32 MiB, for 2²⁸ clusters), the changes
//! of the FAT in portions of [`chains::MAX_PENDING`] entries, one directory at a time (2 MiB), the overlay's pages,
//! and for [`Edit::relocate`] the numbers and paths of the directories that are still to be read.

mod adopt;
mod chains;
mod folder;
mod names;
mod put;
mod relocate;
mod sectors;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use self::folder::Stamp;
use super::Volume;
use super::boot::{BOOT_BYTES, Boot, Root};
use super::table::Slot;
use crate::device::{SharedDevice, read_array};
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent, ExtentSet};
use crate::fs::{Change, Edit, FileSystem, Guise, Kind, Overlay, Units};
use crate::unit::{ByteLen, ByteOffset};

/// The longest file: its length has 32 bits (fatgen103, "DIR_FileSize").
const MAX_FILE_BYTES: u64 = u32::MAX as u64;
/// Where FAT32's version stands: the low byte is the minor one.
const VERSION_OFFSET: usize = 0x2A;

/// Opens a volume for changes.
pub(super) fn open(overlay: Arc<Overlay>) -> Result<Box<dyn Edit>> {
    // FAT keeps the local time of the machine (fatgen103, "Date and Time Formats").
    Ok(Box::new(Editor::open(overlay, crate::fs::edit::now().to_zoned(jiff::tz::TimeZone::system()).datetime())?))
}

/// A volume that is being changed.
struct Editor {
    overlay: Arc<Overlay>,
    /// The volume, read through the overlay. Its cache of directories is not asked.
    volume: Volume,
    /// When what comes to be came to be.
    stamp: Stamp,
    /// Clusters that were used when the edit was opened, by their number.
    used_before: ClusterMap,
    /// Clusters that are kept for calls to come, by their number.
    reserved: ExtentSet,
    /// Free clusters, this edit's changes included.
    free: u64,
    /// Entries of the FAT that are changed and not yet written to the overlay.
    pending: BTreeMap<u32, u32>,
    /// The part of the FAT that was read last.
    window: chains::Window,
    /// FSInfo sectors whose count of free clusters is kept right.
    info: Vec<ByteOffset>,
}

impl Editor {
    fn open(overlay: Arc<Overlay>, now: jiff::civil::DateTime) -> Result<Self> {
        let device: SharedDevice = Arc::clone(&overlay) as SharedDevice;
        let sector: [u8; BOOT_BYTES] = read_array(&device, ByteOffset::ZERO)?;
        Boot::parse(&sector, ByteOffset::ZERO).map_err(|error| {
            Error::refused(format!("the boot sector is damaged ({})", error.without_advice()))
                .advise("Have it repaired first: `fsck.fat` (dosfstools) can take its backup copy")
        })?;
        let volume = Volume::open(device)?;
        let boot = &volume.boot;
        let version = &sector[VERSION_OFFSET..VERSION_OFFSET + 2];
        if boot.kind == Kind::Fat32 && version != [0, 0] {
            return Err(Error::refused(format!(
                "this is FAT32 version {}.{}, and only 0.0 is known: what it keeps where is not guessed",
                version[1], version[0]
            )));
        }
        let active = boot.fat_offset.0 + boot.fat_bytes * u64::from(boot.active_fat.unwrap_or(0));
        if volume.table.offset().0 != active || !volume.table.plausible {
            return Err(Error::refused("the first FAT, or the active one, does not begin as a FAT should")
                .advise("Have the volume repaired first: `fsck.fat -a`, or `chkdsk X: /f` in Windows"));
        }
        let clusters = u64::from(boot.clusters);
        let mut used_before = ClusterMap::new(clusters + 2);
        used_before.set(Extent::new(0, 2), true);
        volume.table.scan(|slot, first, count| {
            used_before.set(Extent::new(first.into(), count.into()), slot != Slot::Free);
        })?;
        let free = clusters + 2 - used_before.used();
        let info = sectors::find_info(&volume, &sector)?;
        let (pending, window, reserved) = (BTreeMap::new(), chains::Window::default(), ExtentSet::new());
        Ok(Self { overlay, volume, stamp: Stamp::of(now), used_before, reserved, free, pending, window, info })
    }

    /// Does something whole, or nothing.
    fn attempt<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let (free, root) = (self.free, self.volume.boot.root);
        let overlay = Arc::clone(&self.overlay);
        let outcome = overlay.attempt(|| {
            let value = act(self)?;
            self.flush()?;
            if self.free != free {
                self.write_free_count()?;
            }
            Ok(value)
        });
        self.pending.clear();
        self.window = chains::Window::default();
        if outcome.is_err() {
            (self.free, self.volume.boot.root) = (free, root);
        }
        outcome
    }

    fn cluster_bytes(&self) -> u64 {
        self.volume.boot.cluster_bytes.into()
    }

    /// True for FAT32, where a first cluster has a high half.
    fn is_wide(&self) -> bool {
        matches!(self.volume.boot.root, Root::Chain(_))
    }

    /// The numbers of the clusters that an extent of the volume's grid consists of.
    fn numbers(&self, extent: Extent) -> Result<Range<u32>> {
        let units = self.units();
        let place = || format!("clusters {} to {}", extent.start, extent.end().saturating_sub(1));
        let end = extent.start.0.checked_add(extent.clusters);
        if extent.clusters == 0 || end.is_none() || !units.holds(extent) {
            return Err(Error::refused(format!(
                "{} are not whole units of {} clusters from cluster {} on, of which there are {}",
                place(),
                units.clusters,
                units.origin,
                units.count
            )));
        }
        let first = (extent.start.0 - units.origin.0) / units.clusters + 2;
        let number =
            |number: u64| u32::try_from(number).map_err(|_| Error::refused(format!("{} are too far", place())));
        Ok(number(first)?..number(first + extent.clusters / units.clusters)?)
    }

    fn replace_content(&mut self, path: &Path, content: &[u8]) -> Result<()> {
        let (directory, name) = names::split(path)?;
        let mut folder = self.folder(directory)?;
        let item = folder.find(name).ok_or_else(|| names::missing(path))?;
        if item.is_directory() {
            return Err(Error::refused(format!("{} is a directory", path.display())));
        }
        let chain = self.item_chain(&item)?;
        let clusters: u64 = chain.iter().map(|run| run.clusters).sum();
        let len = content.len() as u64;
        // A chain longer than its file is an error to fsck.fat ("cluster chain length is > … bytes"), a shorter one to
        // everybody.
        if len.div_ceil(self.cluster_bytes()) != clusters {
            return Err(Error::refused(format!(
                "{len} bytes do not fit where {} lies: it has {clusters} clusters of {} bytes, and all of them have to stay in use",
                path.display(),
                self.cluster_bytes()
            ))
            .advise("Release the file, and adopt it again where there is room"));
        }
        let tag = crate::fs::Tag::new(format!("file {}", path.display())).part("content");
        let mut rest = content;
        for run in chain {
            let (offset, bytes) = self.volume.bytes_of(run);
            let (now, later) = rest.split_at(rest.len().min(ByteLen(bytes).to_usize().unwrap_or(usize::MAX)));
            self.overlay.write(offset, now, tag.clone())?;
            rest = later;
        }
        if item.bytes() == len {
            return Ok(());
        }
        // It is at most u32::MAX: the clusters of a file that had that many bytes.
        let len = u32::try_from(len).map_err(|_| Error::refused("a file on FAT has at most 4,294,967,295 bytes"))?;
        self.set_item(&mut folder, &item, |raw| raw.bytes.set(len))
    }
}

impl Edit for Editor {
    fn units(&self) -> Units {
        let boot = &self.volume.boot;
        Units {
            origin: self.volume.grid.cluster_at(boot.data_offset),
            clusters: u64::from(boot.cluster_bytes / self.volume.grid.cluster_bytes),
            count: boot.clusters.into(),
        }
    }

    /// Bad clusters are used here, unlike in [`FileSystem::used`]: an image leaves them out, and nothing may be put
    /// into them.
    fn used(&self) -> Result<ClusterMap> {
        let mut used = self.volume.used()?;
        self.volume.table.scan(|slot, first, clusters| {
            if slot == Slot::Bad {
                used.set(self.volume.on_grid(Extent::new(first.into(), clusters.into())), true);
            }
        })?;
        Ok(used)
    }

    /// 4 GiB less one cluster, although FAT allows 4 GiB less one byte, and [`adopt`](Edit::adopt) takes it: the chain
    /// of a longer file has 2³² bytes, which `fsck.fat` up to 4.2 takes for 0, and with `-a` cuts the file to nothing
    /// (dosfstools, issue 208). Whoever splits files by this number loses none to a check at the next start.
    fn max_file_len(&self) -> ByteLen {
        ByteLen(MAX_FILE_BYTES - MAX_FILE_BYTES % self.cluster_bytes())
    }

    fn adopt(&mut self, directory: &Path, name: &str, extents: &[Extent], len: ByteLen) -> Result<()> {
        self.attempt(|editor| editor.adopt_file(directory, name, extents, len))
            .map_err(|error| error.context(format!("making {name} in {}", directory.display())))
    }

    fn put(&mut self, path: &Path, extents: &[Extent], len: ByteLen, guise: &Guise) -> Result<()> {
        self.attempt(|editor| editor.put_file(path, extents, len, guise))
            .map_err(|error| error.context(format!("filling {}", path.display())))
    }

    fn make_directory(&mut self, path: &Path, guise: &Guise) -> Result<()> {
        self.attempt(|editor| editor.put_directory(path, guise))
            .map_err(|error| error.context(format!("making {}", path.display())))
    }

    fn reserve(&mut self, extents: &[Extent]) -> Result<()> {
        for extent in extents.iter().filter(|extent| extent.clusters > 0) {
            let run = self.numbers(*extent)?;
            self.reserved.insert(Extent::new(run.start.into(), (run.end - run.start).into()));
        }
        Ok(())
    }

    fn release(&mut self, directory: &Path, name: &str) -> Result<Vec<Extent>> {
        self.attempt(|editor| editor.release_file(directory, name))
            .map_err(|error| error.context(format!("taking {name} out of {}", directory.display())))
    }

    fn relocate(&mut self, from: &ExtentSet, to: &[Extent]) -> Result<()> {
        self.attempt(|editor| editor.move_clusters(from, to))
    }

    fn replace(&mut self, path: &Path, content: &[u8]) -> Result<()> {
        self.attempt(|editor| editor.replace_content(path, content))
            .map_err(|error| error.context(format!("writing {}", path.display())))
    }

    fn mark(&mut self, dirty: bool) -> Result<()> {
        self.attempt(|editor| editor.write_mark(dirty))
    }

    fn take(&mut self, title: &str) -> Result<Change> {
        self.overlay.take(title)
    }
}

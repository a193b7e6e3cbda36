//! File systems: what is on a volume, which clusters it uses, and the files in it.
//!
//! Each file system has a folder of its own with a [`Driver`]; [`probe`] asks all of them. Drivers
//! never write and never trust a number they read.

pub mod check;
pub mod edit;
pub mod ext;
pub mod fat;
pub mod foreign;
pub mod ntfs;
pub mod overlay;
pub mod owners;
mod tree;

pub use crate::volume::{Anchors, ByteRange, Kind, State, Summary};
pub use check::{Check, Finding, Findings, Severity, Watch};
pub use edit::{Edit, Guise, Units};
pub use overlay::{Change, Copy, Overlay, Patch, Tag};
pub use owners::{Holder, Owner, Owners};
pub use tree::{Attributes, Content, Entry, EntryKind, MAX_DEPTH, Stream, Tree};

use std::fmt;
use std::sync::Arc;

use crate::device::SharedDevice;
use crate::error::Result;
use crate::extent::ClusterMap;
use crate::unit::Grid;

/// An open volume.
pub trait FileSystem: Send + Sync {
    /// The volume in a few fields.
    fn summary(&self) -> &Summary;

    /// How the volume is cut into clusters for imaging.
    fn grid(&self) -> Grid;

    /// Every cluster that must be kept, exactly as the file system says; on [`grid`](Self::grid).
    ///
    /// # Errors
    /// When the file system's own bookkeeping cannot be read or contradicts itself.
    fn used(&self) -> Result<ClusterMap>;

    /// The clusters that the file system itself has marked as failing; on [`grid`](Self::grid). A volume may count
    /// them as used or not.
    ///
    /// # Errors
    /// When its list of them cannot be read.
    fn bad(&self) -> Result<ClusterMap>;

    /// How many of its own clusters ([`Summary::clusters`]) are used, as its own tools count them.
    ///
    /// # Errors
    /// As [`used`](Self::used).
    fn count_used(&self) -> Result<u64>;

    /// What a restore must treat specially.
    fn anchors(&self) -> Anchors;

    /// The files in it.
    fn tree(&self) -> &dyn Tree;

    /// Whether it is sound.
    fn check(&self) -> &dyn Check;

    /// Whose its clusters are.
    fn owners(&self) -> &dyn Owners;
}

impl fmt::Debug for dyn FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary().fmt(f)
    }
}

/// One file system Lifeboat can read.
pub struct Driver {
    /// Its name, for messages.
    pub name: &'static str,
    /// Looks at the volume's first bytes (and only there): its kind, if it is this driver's.
    pub recognise: fn(&SharedDevice) -> Result<Option<Kind>>,
    /// Looks for the copy of a boot record or superblock that lies where it says it lies: the kind that it tells.
    /// Asked only when nobody recognises the first bytes.
    pub recognise_backup: fn(&SharedDevice) -> Option<Kind>,
    /// The kinds of volumes it knows.
    pub kinds: &'static [Kind],
    /// Opens a volume that was recognised.
    pub open: fn(SharedDevice) -> Result<Box<dyn FileSystem>>,
    /// Opens a volume that is clean and sound, to work out changes on an overlay.
    pub edit: fn(Arc<Overlay>) -> Result<Box<dyn Edit>>,
}

/// The drivers.
const DRIVERS: [&Driver; 3] = [&fat::DRIVER, &ntfs::DRIVER, &ext::DRIVER];

/// What a look at a volume's signatures tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Probe {
    /// No signature that Lifeboat knows.
    None,
    /// Exactly one.
    One(Kind),
    /// More than one: said, never picked.
    Ambiguous(Vec<Kind>),
}

/// Looks for the signatures of all kinds.
///
/// When there is none, the backups of boot records and superblocks are asked: a volume whose first sector is
/// destroyed is still that volume. A backup proves little (it outlives its volume), so it counts only when it says
/// itself that it lies where it lies, the volume opens by it, and the device begins neither with a partition table
/// nor with something that is known to be something else. The open volume's notes say that it was read by a backup.
///
/// # Errors
/// When the device's first bytes cannot be read and nothing else tells what it is.
pub fn probe(device: &SharedDevice) -> Result<Probe> {
    let mut problem = None;
    let mut kinds = foreign::recognise(device).unwrap_or_else(|error| {
        problem = Some(error);
        Vec::new()
    });
    if kinds == [Kind::Unfinished] {
        return Ok(Probe::One(Kind::Unfinished));
    }
    for driver in DRIVERS {
        match (driver.recognise)(device) {
            Ok(kind) => kinds.extend(kind),
            Err(error) => problem = problem.or(Some(error)),
        }
    }
    if kinds.is_empty() && !foreign::is_something_else(device) {
        kinds = by_backup(device);
    }
    match (&kinds[..], problem) {
        ([], Some(problem)) => Err(problem),
        ([], None) => Ok(Probe::None),
        ([kind], _) => Ok(Probe::One(*kind)),
        _ => Ok(Probe::Ambiguous(kinds)),
    }
}

/// The kinds whose backups tell of a volume that can be opened.
fn by_backup(device: &SharedDevice) -> Vec<Kind> {
    let opens = |driver: &&Driver| {
        let kind = (driver.recognise_backup)(device)?;
        let volume = (driver.open)(SharedDevice::clone(device)).ok()?;
        (volume.summary().kind == kind).then_some(kind)
    };
    DRIVERS.iter().filter_map(opens).collect()
}

/// A master boot record with at least one partition: four entries of 16 bytes from 0x1BE, each with a flag of 00 or
/// 80, a type, and a length at 12.
fn is_partition_table(head: &[u8]) -> bool {
    let Some(entries) = head.get(0x1BE..0x1FE).map(|entries| entries.as_chunks::<16>().0) else { return false };
    head.get(0x1FE..0x200) == Some(&[0x55, 0xAA])
        && entries.iter().all(|entry| entry[0] & 0x7F == 0)
        && entries.iter().any(|entry| entry[4] != 0 && entry[12..] != [0; 4])
}

/// Opens a volume of the given kind.
///
/// # Errors
/// When the kind has no driver, or the volume cannot be read or contradicts itself.
pub fn open(device: SharedDevice, kind: Kind) -> Result<Box<dyn FileSystem>> {
    match DRIVERS.iter().find(|driver| driver.kinds.contains(&kind)) {
        Some(driver) => (driver.open)(device),
        None => Err(crate::error::Error::unsupported(format!("the files of a {kind} volume cannot be read"))
            .advise("It can be imaged as raw sectors")),
    }
}

/// The file system's own tool that repairs a volume, as a sentence.
#[must_use]
pub fn repair_tool(kind: Kind) -> &'static str {
    match kind {
        Kind::Fat12 | Kind::Fat16 | Kind::Fat32 => "`fsck.fat -a` (dosfstools), or `chkdsk X: /f` in Windows",
        Kind::Ntfs => "`chkdsk X: /f` in Windows (`ntfsfix` mends only a few things)",
        Kind::Ext2 | Kind::Ext3 | Kind::Ext4 => "`e2fsck -f` (e2fsprogs)",
        Kind::ExFat => "`fsck.exfat` (exfatprogs), or `chkdsk X: /f` in Windows",
        Kind::Xfs => "`xfs_repair`",
        Kind::Btrfs => "`btrfs check`",
        _ => "the file system's own tools",
    }
}

//! NTFS: used clusters from `$Bitmap`, files from the MFT. Read-only.
//!
//! **One reader of our own** for records, attributes and directories. The crate `ntfs` 0.4 gives wrong bytes for
//! compressed files, ignores the initialised length, takes `$Boot`'s run at cluster 0 for a hole, and cannot read an
//! MFT that has an attribute list; since the runs must be decoded here anyway (to know whose clusters are
//! whose), a second reader for directories would only add a second opinion at run time. It gives that opinion in
//! the tests instead, with `ntfs-core` and `rust-fs-ntfs`: names, contents (but for its compressed ones) and the count
//! of used clusters of one volume. ntfs-3g and partclone judge there, too.
//!
//! | File | What it reads |
//! |---|---|
//! | `boot` | boot sector and backup |
//! | `record`, `runs` | MFT records, fixups, attributes, mapping pairs |
//! | `content`, `lznt1` | an attribute's bytes |
//! | `index`, `name` | directories, names, case, time stamps |
//! | `reparse` | links, and content that lies elsewhere |
//! | `log` | how the volume was left |
//! | `bitmap` | used clusters |
//! | `view`, `scan` | all records in order, without copying; paths by records |
//! | `check`, `owners` | whether the volume is sound; whose its clusters are |
//! | `volume`, `tree` | the whole, and its files by path |
//!
//! Damage that is got around is noted: the boot sector by its backup, the first records of the MFT by their mirror.

mod bitmap;
mod boot;
mod check;
mod content;
mod edit;
mod index;
mod log;
mod lznt1;
mod name;
mod owners;
mod record;
mod reparse;
mod runs;
mod scan;
mod tree;
mod view;
mod volume;

use self::volume::Volume;
use super::{Anchors, ByteRange, Check, Driver, FileSystem, Kind, Owners, Summary, Tree};
use crate::device::SharedDevice;
use crate::error::Result;
use crate::extent::ClusterMap;
use crate::unit::{ByteLen, ByteOffset, Grid};

/// The driver.
pub const DRIVER: Driver =
    Driver { name: "ntfs", kinds: &[Kind::Ntfs], recognise, recognise_backup, open, edit: edit::open };

fn recognise(device: &SharedDevice) -> Result<Option<Kind>> {
    Ok(boot::recognise(&**device)?.then_some(Kind::Ntfs))
}

/// By a backup that lies right behind the sectors it counts.
fn recognise_backup(device: &SharedDevice) -> Option<Kind> {
    boot::candidates(&**device).is_ok_and(|found| !found.is_empty()).then_some(Kind::Ntfs)
}

fn open(device: SharedDevice) -> Result<Box<dyn FileSystem>> {
    Ok(Box::new(volume::open(device)?))
}

impl FileSystem for Volume {
    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn grid(&self) -> Grid {
        self.grid
    }

    fn used(&self) -> Result<ClusterMap> {
        self.used_clusters()
    }

    fn bad(&self) -> Result<ClusterMap> {
        self.bad_clusters()
    }

    fn count_used(&self) -> Result<u64> {
        self.count_used_clusters()
    }

    fn anchors(&self) -> Anchors {
        let backup = self.boot.backup_at();
        let mut places = vec![ByteOffset::ZERO];
        if backup.0 < self.summary.len.0 {
            places.push(backup);
        }
        let sector = ByteLen(u64::from(self.boot.sector_bytes));
        let hidden = |place: &ByteOffset| place.checked_add(ByteLen(boot::HIDDEN_SECTORS_AT));
        Anchors {
            hidden_sectors: places.iter().filter_map(hidden).collect(),
            seals: places.into_iter().map(|offset| ByteRange { offset, len: sector }).collect(),
        }
    }

    fn tree(&self) -> &dyn Tree {
        self
    }

    fn check(&self) -> &dyn Check {
        self
    }

    fn owners(&self) -> &dyn Owners {
        self
    }
}

//! Changes of a volume, as patches: [`Edit`] for ext2/3/4.
//!
//! | module | what |
//! |---|---|
//! | `refuse` | what is not edited, by name |
//! | `ledger`, `space` | blocks, bitmaps, group descriptors, the superblock's counts |
//! | `inode`, `map` | records; extent trees and block maps |
//! | `directory`, `entries`, `tree`, `inline` | names: in blocks, in blocks with an index, inside an inode |
//! | `adopt`, `put`, `release`, `relocate`, `replace` | the edits |
//!
//! # Decisions
//! - **The journal stays as it is.** It is empty, or the volume is refused: so nothing in it will be written over what
//!   was changed here. Changes are made safe by Lifeboat's own journal.
//! - **New maps and directories lie as low as can be**; see `space`.
//! - **What is adopted belongs to root**, file and directory with mode 0600: nobody else can look into an image by way
//!   of the mounted volume. What is put belongs to its directory's owner.
//! - **Dirty is `s_state` without its bit "unmounted properly"**: the kernel warns, and e2fsck looks at everything, as
//!   after a crash. The bit "has errors" is never touched ("Super Block", `s_state`).

mod adopt;
mod directory;
mod entries;
mod inline;
mod inode;
mod ledger;
mod map;
mod put;
mod refuse;
mod release;
mod relocate;
mod replace;
mod space;
mod tree;

use std::path::{Component, Path};
use std::sync::Arc;

use super::feature::{incompat, ro_compat};
use super::field::le16;
use super::inode::ROOT;
use super::state_bit;
use super::superblock::{PRIMARY, Superblock};
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent, ExtentSet};
use crate::fs::edit::{Edit, Guise, Units};
use crate::fs::overlay::{Change, Overlay};
use crate::unit::{ByteLen, Cluster};
use directory::Directory;
use ledger::{Ledger, put16};

/// Where `s_state` lies.
const STATE_AT: usize = 0x3a;

/// Opens a volume for changes.
pub(super) fn open(overlay: Arc<Overlay>) -> Result<Box<dyn Edit>> {
    let superblock = Superblock::read(overlay.as_ref(), PRIMARY)
        .map_err(|error| error.advise("Have it repaired first: `e2fsck -f` (e2fsprogs)"))?;
    refuse::features(&superblock)?;
    refuse::state(&overlay, &superblock)?;
    let grid = superblock.grid();
    let len = crate::device::ReadDevice::len(overlay.as_ref());
    if grid.len().0 > len.0 {
        return Err(Error::refused(format!("the volume has {} bytes, but its partition only {}", grid.len().0, len.0)));
    }
    Ok(Box::new(Editor { ledger: Ledger::open(overlay, superblock)? }))
}

/// An open volume.
struct Editor {
    ledger: Ledger,
}

impl Editor {
    /// The parts of a path below the root.
    fn names(path: &Path) -> Result<Vec<&[u8]>> {
        let mut names = Vec::new();
        for component in path.components() {
            match component {
                Component::RootDir | Component::CurDir => {}
                Component::Normal(name) => names.push(name.as_encoded_bytes()),
                Component::ParentDir | Component::Prefix(_) => {
                    return Err(Error::refused(format!("{} is not a path from the volume's root", path.display())));
                }
            }
        }
        Ok(names)
    }

    /// The inode that names lead to; links are not followed.
    fn resolve(&self, names: &[&[u8]]) -> Result<u32> {
        let mut number = ROOT;
        for (depth, name) in names.iter().enumerate() {
            let directory = Directory::open(&self.ledger, number, title(&names[..depth]))?;
            number = directory
                .find(name)?
                .ok_or_else(|| Error::refused(format!("there is no {} on the volume", title(&names[..=depth]))))?;
        }
        Ok(number)
    }
}

/// A path, for messages and tags.
fn title(names: &[&[u8]]) -> String {
    let names: Vec<_> = names.iter().map(|name| String::from_utf8_lossy(name)).collect();
    format!("/{}", names.join("/"))
}

impl Edit for Editor {
    fn units(&self) -> Units {
        let ratio = self.ledger.ratio();
        Units { origin: Cluster(0), clusters: ratio, count: self.ledger.superblock.blocks / ratio }
    }

    fn used(&self) -> Result<ClusterMap> {
        self.ledger.used()
    }

    fn max_file_len(&self) -> ByteLen {
        let superblock = &self.ledger.superblock;
        let has_extents = superblock.features.incompat(incompat::EXTENTS);
        let bytes = map::max_blocks(&self.ledger, has_extents).saturating_mul(u64::from(superblock.block_bytes));
        // Without `huge_file` a record counts its blocks in 32 bits of 512 bytes, those of its map among them.
        let counted = if superblock.features.ro_compat(ro_compat::HUGE_FILE) { u64::MAX } else { 0xffff_ffff * 512 };
        let map = if has_extents {
            bytes.min(counted) / 64
        } else {
            bytes.min(counted) / u64::from(superblock.block_bytes) * 8
        };
        ByteLen(bytes.min(counted.saturating_sub(map)))
    }

    fn adopt(&mut self, directory: &Path, name: &str, extents: &[Extent], len: ByteLen) -> Result<()> {
        let overlay = Arc::clone(&self.ledger.overlay);
        overlay.attempt(|| self.adopt_file(&Self::names(directory)?, name, extents, len))
    }

    fn put(&mut self, path: &Path, extents: &[Extent], len: ByteLen, guise: &Guise) -> Result<()> {
        let overlay = Arc::clone(&self.ledger.overlay);
        overlay.attempt(|| self.put_file(&Self::names(path)?, extents, len, guise))
    }

    fn make_directory(&mut self, path: &Path, guise: &Guise) -> Result<()> {
        let overlay = Arc::clone(&self.ledger.overlay);
        overlay.attempt(|| self.put_directory(&Self::names(path)?, guise))
    }

    fn reserve(&mut self, extents: &[Extent]) -> Result<()> {
        let units = self.units();
        for extent in extents.iter().filter(|extent| extent.clusters > 0) {
            if !units.holds(*extent) {
                let (first, last) = (extent.start.0, extent.end().saturating_sub(1));
                return Err(Error::refused(format!("blocks {first} to {last} are no whole units of allocation")));
            }
            self.ledger.reserved.insert(*extent);
        }
        Ok(())
    }

    fn release(&mut self, directory: &Path, name: &str) -> Result<Vec<Extent>> {
        let overlay = Arc::clone(&self.ledger.overlay);
        overlay.attempt(|| self.release_file(&Self::names(directory)?, name))
    }

    fn relocate(&mut self, from: &ExtentSet, to: &[Extent]) -> Result<()> {
        let overlay = Arc::clone(&self.ledger.overlay);
        overlay.attempt(|| relocate::relocate(&self.ledger, from, to))
    }

    fn replace(&mut self, path: &Path, content: &[u8]) -> Result<()> {
        let overlay = Arc::clone(&self.ledger.overlay);
        overlay.attempt(|| {
            let names = Self::names(path)?;
            replace::replace(&self.ledger, self.resolve(&names)?, &title(&names), content)
        })
    }

    fn mark(&mut self, dirty: bool) -> Result<()> {
        self.ledger.edit_superblock(|raw| {
            let state = le16(raw, STATE_AT) & !state_bit::UNMOUNTED;
            put16(raw, STATE_AT, if dirty { state } else { state | state_bit::UNMOUNTED });
            Ok(())
        })
    }

    fn take(&mut self, title: &str) -> Result<Change> {
        self.ledger.overlay.take(title)
    }
}

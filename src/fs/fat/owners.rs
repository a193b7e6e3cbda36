//! Whose the clusters are: [`Owners`] for FAT.
//!
//! One [walk](super::walk) over the directories and their chains, then one over the FAT for what is left: clusters
//! marked as bad, and clusters that are marked as used and that no chain has. Memory is that of the walk.
//!
//! What cannot move is what the boot sector gives a fixed place (fatgen103, "Boot Sector and BPB"): the reserved
//! sectors, the FATs, and FAT12's and FAT16's root directory. FAT32's root directory is a chain like any other, and
//! the boot sector says where it begins. Of the files, those that a boot sector's code finds by their place stay
//! ([`fixed_reason`]), and so do bad clusters.

use super::Volume;
use super::boot::Root;
use super::directory::RawEntry;
use super::table::Slot;
use super::walk::{Claims, Item, Listing, Place, Runs, Visitor, directory_limit};
use crate::error::Result;
use crate::extent::{Extent, ExtentSet};
use crate::fs::{Holder, Owner, Owners, Watch};
use crate::unit::ByteOffset;

const PHASE: &str = "Reading directories";
const FIXED_RESERVED: &str = "the boot sector and the sectors after it have a fixed place";
const FIXED_FAT: &str = "the FATs have a fixed place";
const FIXED_ROOT: &str = "the root directory of FAT12 and FAT16 has a fixed place";
/// Why a cluster that is marked as failing stays.
pub(super) const FIXED_BAD: &str = "it is marked as bad, and holds nothing";

/// Why a file cannot be moved although it has a chain like any other: a boot sector's code finds it by its place.
///
/// The boot sector that SYSLINUX writes names the sectors of `ldlinux.sys`; that of MS-DOS (to version 6), PC DOS and
/// their kin loads `IO.SYS` or `IBMBIO.COM` as one run of sectors. Both are known by their short names.
pub(super) fn fixed_reason(entry: &RawEntry, is_in_root: bool) -> Option<&'static str> {
    if entry.is_directory() {
        return None;
    }
    match &entry.name {
        b"LDLINUX SYS" => Some("SYSLINUX's boot sector finds it by its sectors"),
        b"IO      SYS" | b"IBMBIO  COM" if is_in_root => Some("DOS's boot sector finds it by its sectors"),
        _ => None,
    }
}

/// Tells owners, clipped to what was asked for.
struct Teller<'a> {
    volume: &'a Volume,
    within: &'a ExtentSet,
    watch: &'a dyn Watch,
    see: &'a mut dyn FnMut(Owner),
}

impl Teller<'_> {
    /// Tells a run on the volume's grid.
    fn tell(&mut self, run: Extent, holder: &Holder, fixed: Option<&'static str>) {
        for extent in self.within.parts_of(run) {
            (self.see)(Owner { extent, holder: holder.clone(), fixed });
        }
    }

    /// Tells a run of cluster numbers.
    fn tell_numbers(&mut self, run: Option<Extent>, holder: &Holder, fixed: Option<&'static str>) {
        if let Some(run) = run {
            self.tell(self.volume.on_grid(run), holder, fixed);
        }
    }

    fn tell_bytes(&mut self, offset: ByteOffset, bytes: u64, name: &str, fixed: &'static str) {
        let run = self.volume.span(offset, bytes);
        self.tell(run, &Holder::Metadata(name.to_owned()), Some(fixed));
    }

    /// What lies before the first cluster. Parts that share a cluster of the grid are both told.
    fn tell_fixed(&mut self) {
        let boot = &self.volume.boot;
        self.tell_bytes(ByteOffset::ZERO, boot.fat_offset.0, "boot sector and reserved sectors", FIXED_RESERVED);
        for copy in 0..boot.fats {
            let offset = boot.fat_offset.0.saturating_add(boot.fat_bytes.saturating_mul(copy.into()));
            let name = format!("FAT {}", u32::from(copy) + 1);
            self.tell_bytes(ByteOffset(offset), boot.fat_bytes, &name, FIXED_FAT);
        }
        if let Root::Region { offset, .. } = boot.root {
            self.tell_bytes(offset, boot.data_offset.0.saturating_sub(offset.0), "root directory", FIXED_ROOT);
        }
    }

    /// Claims a chain and tells whose it is; a directory's clusters are given back, as many as it may have.
    fn claim(
        &mut self,
        start: u32,
        holder: &Holder,
        fixed: Option<&'static str>,
        claims: &mut Claims,
    ) -> Result<Vec<u32>> {
        let limit = if matches!(holder, Holder::Directory(_)) { directory_limit(self.volume) as usize } else { 0 };
        let (mut runs, mut kept, watch) = (Runs::default(), Vec::new(), self.watch);
        claims.follow(start, watch, |number| {
            if kept.len() < limit {
                kept.push(number);
            }
            let run = runs.push(number);
            self.tell_numbers(run, holder, fixed);
        })?;
        self.tell_numbers(runs.finish(), holder, fixed);
        Ok(kept)
    }

    /// What the FAT has beside the chains.
    fn tell_rest(&mut self, claims: &Claims) -> Result<()> {
        let mut lost = Runs::default();
        let volume = self.volume;
        volume.table.scan(|slot, first, clusters| match slot {
            Slot::Free => {}
            Slot::Bad => {
                let run = Extent::new(first.into(), clusters.into());
                self.tell_numbers(Some(run), &Holder::Bad, Some(FIXED_BAD));
            }
            Slot::Used => {
                for number in (first..first + clusters).filter(|number| !claims.has(*number)) {
                    let run = lost.push(number);
                    self.tell_numbers(run, &Holder::Lost, None);
                }
            }
        })?;
        self.tell_numbers(lost.finish(), &Holder::Lost, None);
        Ok(())
    }
}

impl Visitor for Teller<'_> {
    fn directory(&mut self, _: &Place, _: &Listing) -> Result<()> {
        Ok(())
    }

    fn item(&mut self, place: &Place, item: &Item, claims: &mut Claims) -> Result<Option<Vec<u32>>> {
        if item.start == 0 {
            return Ok(None);
        }
        let path = format!("{}{}", place.path, item.name);
        let holder = if item.is_directory { Holder::Directory(path) } else { Holder::File(path) };
        let fixed = fixed_reason(&item.raw, place.depth == 0);
        let clusters = self.claim(item.start, &holder, fixed, claims)?;
        self.watch.advance(PHASE, claims.count, self.volume.table.clusters().into());
        Ok((item.is_directory && !clusters.is_empty()).then_some(clusters))
    }
}

impl Owners for Volume {
    fn owners(&self, within: &ExtentSet, watch: &dyn Watch, see: &mut dyn FnMut(Owner)) -> Result<()> {
        self.believed()?;
        let mut teller = Teller { volume: self, within, watch, see };
        teller.tell_fixed();
        let mut claims = Claims::new(&self.table);
        let root = match self.boot.root {
            Root::Region { .. } => Vec::new(),
            Root::Chain(start) => teller.claim(start, &Holder::Directory("/".to_owned()), None, &mut claims)?,
        };
        self.walk(root, &mut claims, watch, &mut teller)?;
        teller.tell_rest(&claims)
    }
}

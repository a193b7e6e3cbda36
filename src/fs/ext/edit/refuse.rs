//! What is not edited: refused by name before anything is computed.
//!
//! Reading may ignore features that writing must not: what a feature's structures say has to hold afterwards, too.
//! Sources: the kernel's ext4 data structures documentation, "Super Block" (features, `s_state`, `s_last_orphan`,
//! `s_mmp_block`) and "Multi-mount protection".

use super::super::feature::{incompat, ro_compat};
use super::super::field::le32;
use super::super::state_bit;
use super::super::superblock::{PRIMARY, SUPERBLOCK_BYTES, Superblock};
use crate::device::{ReadDevice, read_array};
use crate::error::{Error, Result};
use crate::fs::overlay::Overlay;
use crate::unit::ByteOffset;

/// Features that reading copes with, and editing does not: their bits, their names, and why.
const INCOMPAT: [(u32, &str, &str); 1] =
    [(0x1000, "dirdata", "its directory entries hold more than names, which would be lost")];
const RO_COMPAT: [(u32, &str, &str); 4] = [
    (0x80, "has_snapshot", "its snapshots would change, too"),
    (0x800, "replica", "its copies of metadata would no longer agree"),
    (0x1000, "read-only", "its owner has asked that nothing be changed"),
    (0x4000, "shared_blocks", "a block of it may belong to several files"),
];

/// `mmp_seq`: nobody has the volume mounted.
const MMP_CLEAN: u32 = 0xff4d_4d50;
const MMP_MAGIC: u32 = 0x004d_4d50;

pub(super) fn features(superblock: &Superblock) -> Result<()> {
    superblock.refuse_unknown_features()?;
    let features = superblock.features;
    let found = INCOMPAT.iter().find(|(bit, ..)| features.incompat(*bit));
    let found = found.or_else(|| RO_COMPAT.iter().find(|(bit, ..)| features.ro_compat(*bit)));
    match found {
        None => Ok(()),
        Some((_, name, why)) => {
            Err(Error::refused(format!("the volume has the feature {name}, and cannot be changed: {why}"))
                .advise("It can be imaged and restored as a whole"))
        }
    }
}

/// Only a volume that was left properly is edited.
pub(super) fn state(overlay: &Overlay, superblock: &Superblock) -> Result<()> {
    let features = superblock.features;
    if features.incompat(incompat::RECOVER) {
        return Err(Error::refused("the volume's journal holds changes that were not finished")
            .advise("Replay it: mount and unmount the volume once under Linux, or run `e2fsck -p`"));
    }
    let what = if superblock.state & state_bit::ERRORS != 0 {
        "the kernel has seen errors in the volume"
    } else if superblock.state & state_bit::UNMOUNTED == 0 {
        "the volume was not unmounted properly"
    } else if superblock.last_orphan != 0
        || superblock.state & state_bit::ORPHANS != 0
        || features.ro_compat(ro_compat::ORPHAN_PRESENT)
    {
        "files that were deleted while in use still wait to be freed"
    } else {
        return refuse_mounted_elsewhere(overlay, superblock);
    };
    Err(Error::refused(what).advise("Run `e2fsck -f`, or mount and unmount the volume once under Linux"))
}

/// With `mmp` a block of the volume says whether some machine has it mounted.
fn refuse_mounted_elsewhere(overlay: &Overlay, superblock: &Superblock) -> Result<()> {
    if !superblock.features.incompat(incompat::MMP) {
        return Ok(());
    }
    let raw = read_array::<SUPERBLOCK_BYTES>(overlay, PRIMARY)?;
    let block = u64::from(le32(&raw, 0x168)) | u64::from(le32(&raw, 0x16c)) << 32;
    if block == 0 || block >= superblock.blocks {
        return Err(Error::damaged(format!("the block of multi-mount protection ({block}) is not in the volume")));
    }
    let mut head = [0; 8];
    overlay.read_at(ByteOffset(block * u64::from(superblock.block_bytes)), &mut head)?;
    if le32(&head, 0) == MMP_MAGIC && le32(&head, 4) == MMP_CLEAN {
        return Ok(());
    }
    Err(Error::refused("multi-mount protection says that the volume is in use, perhaps on another machine")
        .advise("Unmount it there; when it is mounted nowhere, `tune2fs -E clear_mmp`"))
}

//! The features a superblock may name, and which of them this driver understands.
//!
//! Three words of bits: `compat` (may be ignored), `incompat` (must be understood to read) and
//! `ro_compat` (must be understood to write). Names as `dumpe2fs` prints them. Source: the kernel's
//! ext4 data structures documentation, "Super Block".

use crate::fs::Kind;

/// Bits of `s_feature_compat`.
pub(super) mod compat {
    pub(crate) const HAS_JOURNAL: u32 = 0x4;
    pub(crate) const RESIZE_INODE: u32 = 0x10;
    pub(crate) const DIR_INDEX: u32 = 0x20;
    pub(crate) const SPARSE_SUPER2: u32 = 0x200;
    pub(crate) const ORPHAN_FILE: u32 = 0x1000;
}

/// Bits of `s_feature_incompat`.
pub(super) mod incompat {
    pub(crate) const FILETYPE: u32 = 0x2;
    pub(crate) const RECOVER: u32 = 0x4;
    pub(crate) const JOURNAL_DEV: u32 = 0x8;
    pub(crate) const META_BG: u32 = 0x10;
    pub(crate) const EXTENTS: u32 = 0x40;
    pub(crate) const BITS64: u32 = 0x80;
    pub(crate) const MMP: u32 = 0x100;
    pub(crate) const FLEX_BG: u32 = 0x200;
    pub(crate) const EA_INODE: u32 = 0x400;
    pub(crate) const CSUM_SEED: u32 = 0x2000;
    pub(crate) const LARGEDIR: u32 = 0x4000;
    pub(crate) const INLINE_DATA: u32 = 0x8000;
    pub(crate) const CASEFOLD: u32 = 0x2_0000;
}

/// Bits of `s_feature_ro_compat`.
pub(super) mod ro_compat {
    pub(crate) const SPARSE_SUPER: u32 = 0x1;
    pub(crate) const LARGE_FILE: u32 = 0x2;
    pub(crate) const BTREE_DIR: u32 = 0x4;
    pub(crate) const HUGE_FILE: u32 = 0x8;
    pub(crate) const GDT_CSUM: u32 = 0x10;
    pub(crate) const DIR_NLINK: u32 = 0x20;
    pub(crate) const QUOTA: u32 = 0x100;
    pub(crate) const BIGALLOC: u32 = 0x200;
    pub(crate) const METADATA_CSUM: u32 = 0x400;
    pub(crate) const PROJECT: u32 = 0x2000;
    pub(crate) const ORPHAN_PRESENT: u32 = 0x1_0000;
}

/// What of `incompat` is understood: all but `compression` (0x1) and `journal_dev` of what has a name.
/// `mmp`, `flex_bg`, `ea_inode`, `dirdata`, `inline_data`, `encrypt` and `casefold` are among it.
const KNOWN_INCOMPAT: u32 = 0x3_f7d6;

/// What of `ro_compat` is understood, including what only matters to those who write (quota, project,
/// verity…). An unknown bit is refused too, though the kernel would mount such a volume read-only:
/// `bigalloc` was such a bit, and whoever ignored it would have read the block bitmaps wrongly.
const KNOWN_RO_COMPAT: u32 = 0x1_ff7f;

/// A superblock's three feature words.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Features {
    pub(super) compat: u32,
    pub(super) incompat: u32,
    pub(super) ro_compat: u32,
}

impl Features {
    pub(super) fn compat(self, bit: u32) -> bool {
        self.compat & bit != 0
    }

    pub(super) fn incompat(self, bit: u32) -> bool {
        self.incompat & bit != 0
    }

    pub(super) fn ro_compat(self, bit: u32) -> bool {
        self.ro_compat & bit != 0
    }

    /// True when group descriptors have checksums, and so `BLOCK_UNINIT` means something.
    pub(super) fn has_descriptor_checksums(self) -> bool {
        self.ro_compat(ro_compat::GDT_CSUM | ro_compat::METADATA_CSUM)
    }

    /// ext2, ext3 or ext4, drawn where `blkid` draws the line: any feature that ext3 did not know
    /// makes it ext4, otherwise the journal makes it ext3.
    pub(super) fn kind(self) -> Kind {
        let ext3_incompat = incompat::FILETYPE | incompat::RECOVER | incompat::META_BG;
        let ext3_ro_compat = ro_compat::SPARSE_SUPER | ro_compat::LARGE_FILE | ro_compat::BTREE_DIR;
        if self.incompat & !ext3_incompat != 0 || self.ro_compat & !ext3_ro_compat != 0 {
            Kind::Ext4
        } else if self.compat(compat::HAS_JOURNAL) {
            Kind::Ext3
        } else {
            Kind::Ext2
        }
    }

    /// The names (or bits) of the features without which the volume cannot be read safely.
    pub(super) fn unknown(self) -> Vec<String> {
        let bits = |word: u32| (0..32).map(|bit| 1u32 << bit).filter(move |bit| word & bit != 0);
        let incompat = bits(self.incompat & !KNOWN_INCOMPAT).map(|bit| match bit {
            0x1 => "compression".to_owned(),
            incompat::JOURNAL_DEV => "journal_dev".to_owned(),
            _ => format!("incompat {bit:#x}"),
        });
        let ro_compat = bits(self.ro_compat & !KNOWN_RO_COMPAT).map(|bit| match bit {
            0x80 => "has_snapshot".to_owned(),
            _ => format!("ro_compat {bit:#x}"),
        });
        incompat.chain(ro_compat).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_features_are_named() {
        let features = Features { compat: !0, incompat: 0x8004_0043, ro_compat: 0x2_0083 };
        assert_eq!(
            features.unknown(),
            ["compression", "incompat 0x40000", "incompat 0x80000000", "has_snapshot", "ro_compat 0x20000"]
        );
    }

    #[test]
    fn kinds_are_told_apart_as_blkid_does() {
        let make = |compat, incompat, ro_compat| Features { compat, incompat, ro_compat }.kind();
        assert_eq!(make(0x238, 0x12, 0x3), Kind::Ext2);
        assert_eq!(make(0x3c, 0x6, 0x3), Kind::Ext3);
        assert_eq!(make(0x3c, 0x2, 0x7b), Kind::Ext4);
        assert_eq!(make(0, 0x42, 0), Kind::Ext4);
    }
}

//! Who uses a disk, as the worker tells it.

use std::path::PathBuf;

use crate::device::Holder;
use crate::inventory::Address;

/// A place whose users are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldPlace {
    /// By what it is named.
    pub address: Address,
    /// Where it begins on its disk, and how long it is; `None` for the whole disk.
    pub part: Option<(u64, u64)>,
}

impl HeldPlace {
    /// The disk or file.
    #[must_use]
    pub fn disk(&self) -> PathBuf {
        self.address.path().to_owned()
    }
}

/// One thing that keeps a place in use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HolderView {
    /// What it is.
    pub holder: Holder,
    /// The name of the user whose program it is.
    pub user: Option<String>,
}

/// All that keeps a place in use.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HoldersView {
    /// As [`Holders`](crate::device::Holders) has it.
    pub list: Vec<HolderView>,
    /// So many programs could not be looked into.
    pub hidden: usize,
    /// There is more than is listed.
    pub is_cut: bool,
}

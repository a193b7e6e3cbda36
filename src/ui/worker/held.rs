//! Who uses a place, and the end of a mount.

use std::path::Path;

use crate::device::discover::Roots;
use crate::device::{self, HolderKind, Part};
use crate::error::Result;
use crate::unit::{ByteLen, ByteOffset};

use super::super::msg::{HeldPlace, HolderView, HoldersView};

/// Looks.
pub(super) fn hold(place: &HeldPlace) -> HoldersView {
    let found = device::holders(&Roots::default(), &place.disk(), part(place));
    let names = device::user_names();
    let list = found.list.into_iter().map(|holder| {
        let uid = if let HolderKind::Process { uid, .. } = &holder.kind { *uid } else { None };
        let user = uid.map(|uid| names.get(&uid).cloned().unwrap_or_else(|| uid.to_string()));
        HolderView { holder, user }
    });
    HoldersView { list: list.collect(), hidden: found.hidden, is_cut: found.is_cut }
}

/// Unmounts.
pub(super) fn unmount(place: &HeldPlace, mount: &Path) -> Result<()> {
    device::unmount(&Roots::default(), &place.disk(), part(place), mount)
}

fn part(place: &HeldPlace) -> Option<Part> {
    place.part.map(|(start, len)| (ByteOffset(start), ByteLen(len)))
}

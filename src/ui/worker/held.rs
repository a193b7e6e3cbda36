//! Who uses a place, and the end of a mount.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::device::discover::Roots;
use crate::device::{self, HolderKind, Part};
use crate::error::Result;
use crate::unit::{ByteLen, ByteOffset};

use super::super::msg::{HeldPlace, HolderView, HoldersView};

/// Users beyond this much of the list of users are told by their number.
const MAX_USERS_BYTES: u64 = 1 << 20;

/// Looks.
pub(super) fn hold(place: &HeldPlace) -> HoldersView {
    let found = device::holders(&Roots::default(), &place.disk(), part(place));
    let names = users();
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

/// Users' names by their numbers, as far as the system has a list of them.
fn users() -> HashMap<u32, String> {
    let mut text = String::new();
    let read = File::open("/etc/passwd").and_then(|file| file.take(MAX_USERS_BYTES).read_to_string(&mut text));
    if read.is_err() {
        return HashMap::new();
    }
    let user = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        Some((fields.nth(1)?.parse().ok()?, name.to_owned()))
    };
    text.lines().filter_map(user).collect()
}

//! What keeps a disk or partition in use: mounts, swap, devices that stand on it, and the programs that have files
//! open there. From sysfs and procfs; nothing is opened, and nothing on the disk is touched.
//!
//! Sources: `proc(5)` for `mountinfo`, `swaps`, and each process's `cwd`, `root`, `exe`, `fd` and `maps`; the kernel's
//! `Documentation/ABI/*/sysfs-block` for `holders`, `dm` and `loop`.

mod nodes;
mod processes;
mod users;

use std::path::{Path, PathBuf};

use rustix::mount::UnmountFlags;

use super::discover::mounts::{Mounts, Use};
use super::discover::{self, Roots};
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset};
use nodes::Node;
use processes::Wanted;
pub use users::user_names;

/// A list longer than this is cut, and says so: a person ends programs one by one.
pub const MAX_HOLDERS: usize = 200;
/// More names are not told in a refusal.
const MAX_NAMED: usize = 5;

/// One thing that keeps a device in use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    /// The device that is in use by it.
    pub node: PathBuf,
    /// What it is.
    pub kind: HolderKind,
}

/// What can keep a device in use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HolderKind {
    /// It is mounted.
    Mount {
        /// Where.
        place: PathBuf,
        /// As what: `ext4`, `fuseblk`…
        file_system: String,
        /// Other mounts below that place: they have to go first.
        inside: Vec<PathBuf>,
        /// Something else is mounted over it, so that its place means that other one.
        covered: bool,
    },
    /// The kernel swaps to it, or (where the node is a file) to a file on it.
    Swap,
    /// Another device stands on it.
    Above {
        /// Of which kind.
        kind: Above,
        /// By which name it is taken down.
        name: String,
    },
    /// A loop device stands on it or on a file of it.
    Loop {
        /// The file behind the loop device.
        file: PathBuf,
    },
    /// A program has it or files on it open.
    Process {
        /// Its number.
        pid: u32,
        /// Its name.
        name: String,
        /// Whose it is.
        uid: Option<u32>,
        /// Some of what it has open.
        files: Vec<PathBuf>,
        /// The mount that it keeps; `None` when it has the device itself open.
        place: Option<PathBuf>,
        /// It is this program.
        is_self: bool,
    },
}

/// The kinds of devices that stand on others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Above {
    /// A logical volume of LVM.
    Volume,
    /// An opened encrypted volume.
    Encrypted,
    /// A RAID.
    Raid,
    /// Another device mapper device.
    Mapped,
}

/// All that keeps a place in use.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Holders {
    /// Mounts, each followed by what keeps it; then what stands on the device; then programs that have it open.
    pub list: Vec<Holder>,
    /// So many programs could not be looked into, for want of rights.
    pub hidden: usize,
    /// There is more than is listed.
    pub is_cut: bool,
}

/// A stretch of a disk: where it begins, and how long it is.
pub type Part = (ByteOffset, ByteLen);

/// What keeps a disk, a partition's node, or an image file in use; with `part`, only that stretch of it.
#[must_use]
pub fn holders(roots: &Roots, disk: &Path, part: Option<Part>) -> Holders {
    let mounts = Mounts::read(&roots.proc);
    let nodes = nodes::nodes(roots, disk, part);
    let file = disk.canonicalize().unwrap_or_else(|_| disk.into());
    let mut parts: Vec<(PathBuf, Vec<Holder>)> = Vec::new();
    let mut list = Vec::new();
    for node in &nodes {
        for used in mounts.all().iter().filter(|used| !used.is_swap && is_of(used, node, &file)) {
            if parts.iter().all(|(place, _)| *place != used.place) {
                let on = on_mount(roots, &mounts, &nodes, used, node);
                parts.push((used.place.clone(), on));
            }
        }
    }
    let wanted = Wanted {
        mounts: mounts.all().iter().filter(|used| !used.is_swap).map(|used| used.place.clone()).collect(),
        // Everything that runs keeps the root; to list it all helps nobody.
        places: parts.iter().map(|(place, _)| place.clone()).filter(|place| place != Path::new("/")).collect(),
        nodes: nodes.iter().map(|node| node.node.clone()).collect(),
    };
    let found = processes::find(&roots.proc, &wanted);
    for (place, mut on) in parts {
        let node = on.first().map_or_else(PathBuf::new, |mount| mount.node.clone());
        on.extend(found.list.iter().filter(|held| held.place.as_ref() == Some(&place)).map(|held| held.holder(&node)));
        list.extend(on);
    }
    for node in &nodes {
        let swaps = mounts.all().iter().filter(|used| used.is_swap && used.source == node.node);
        list.extend(swaps.map(|_| Holder { node: node.node.clone(), kind: HolderKind::Swap }));
        list.extend(node.stands_on.clone().map(|kind| Holder { node: node.node.clone(), kind }));
        let open = found.list.iter().filter(|held| held.place.is_none() && held.node.as_ref() == Some(&node.node));
        list.extend(open.map(|held| held.holder(&node.node)));
    }
    let is_cut = found.is_cut || list.len() > MAX_HOLDERS;
    list.truncate(MAX_HOLDERS);
    Holders { list, hidden: found.hidden, is_cut }
}

/// A file system with device numbers of its own (Btrfs, FUSE) is known by its source; `file` is mounted by FUSE.
fn is_of(used: &Use, node: &Node, file: &Path) -> bool {
    (node.number.is_some() && used.number == node.number) || used.source == node.node || used.source == file
}

/// A mount, and what the kernel itself has on it: swap files, and files that loop devices stand on.
fn on_mount(roots: &Roots, mounts: &Mounts, nodes: &[Node], used: &Use, node: &Node) -> Vec<Holder> {
    let all = mounts.all();
    let here =
        |file: &Path| processes::mount_of(all.iter().map(|used| used.place.as_path()), file) == Some(&used.place);
    let below = all.iter().filter(|other| other.place != used.place && other.place.starts_with(&used.place));
    let top = all.iter().rfind(|other| !other.is_swap && other.place == used.place);
    let mount = HolderKind::Mount {
        place: used.place.clone(),
        file_system: used.file_system.clone(),
        inside: below.filter(|other| !other.is_swap).map(|other| other.place.clone()).take(MAX_NAMED).collect(),
        covered: top.is_some_and(|top| top != used),
    };
    let mut on = vec![Holder { node: node.node.clone(), kind: mount }];
    let swaps = all.iter().filter(|other| other.is_swap && here(&other.source));
    let is_node = |file: &Path| nodes.iter().any(|node| node.node == file);
    on.extend(
        swaps
            .filter(|swap| !is_node(&swap.source))
            .map(|swap| Holder { node: swap.source.clone(), kind: HolderKind::Swap }),
    );
    let loops = discover::disks(roots).into_iter().filter_map(|disk| Some((disk.node, disk.backing?.0)));
    on.extend(
        loops.filter(|(_, file)| here(file)).map(|(node, file)| Holder { node, kind: HolderKind::Loop { file } }),
    );
    on
}

/// Unmounts one of the mounts of a place, as `umount` does: buffers are written first. Never by force, never in the
/// background: while anything uses it, it is refused.
///
/// # Errors
/// `Refused` when it is not mounted there, is the running system's root, is covered by another mount, or is used;
/// `Io` when the kernel cannot do it.
pub fn unmount(roots: &Roots, disk: &Path, part: Option<Part>, place: &Path) -> Result<()> {
    if place == Path::new("/") {
        return Err(Error::refused("The running system itself lies on it")
            .advise("Start the computer from another medium, such as a recovery stick"));
    }
    let shown = place.display();
    let found = holders(roots, disk, part);
    let mount = found.list.iter().find_map(|holder| match &holder.kind {
        HolderKind::Mount { place: at, inside, covered, .. } if at == place => Some((inside, *covered)),
        _ => None,
    });
    let Some((inside, covered)) = mount else {
        return Err(
            Error::refused(format!("{shown} is not mounted from there any more")).advise("Press r to look again")
        );
    };
    if covered {
        return Err(Error::refused(format!("Something else is mounted over {shown}")).advise("Unmount that first"));
    }
    if let Some(first) = inside.first() {
        return Err(
            Error::refused(format!("{} is mounted below {shown}", first.display())).advise("Unmount that first")
        );
    }
    let users: Vec<String> = found.list.iter().filter_map(|holder| user_of(holder, place)).take(MAX_NAMED).collect();
    if !users.is_empty() {
        return Err(Error::refused(format!("{shown} is used by {}", users.join(", ")))
            .advise("End these programs, or let them leave that folder, and try again"));
    }
    rustix::mount::unmount(place, UnmountFlags::empty()).map_err(|errno| match errno {
        rustix::io::Errno::BUSY => Error::refused(format!("Something still uses {shown}"))
            .advise("A program that cannot be seen from here holds it, perhaps in a container. End it and try again"),
        errno => Error::io(format!("{shown} cannot be unmounted"), std::io::Error::from(errno)),
    })
}

/// By what a mount is kept, when it is by this.
fn user_of(holder: &Holder, mount: &Path) -> Option<String> {
    match &holder.kind {
        HolderKind::Process { pid, name, place: Some(place), .. } if place == mount => Some(format!("{name} ({pid})")),
        HolderKind::Swap if holder.node.starts_with(mount) => Some(format!("swap on {}", holder.node.display())),
        HolderKind::Loop { file } if file.starts_with(mount) => Some(holder.node.display().to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

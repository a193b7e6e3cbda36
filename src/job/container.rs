//! What every job on a container needs: its table of contents as bytes, its files out of a volume and into it again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::device::SharedDevice;
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::fs::{self, Edit, Kind, Overlay};
use crate::image::container::{FOLDER, FileRecord, Role, Toc, encode};
use crate::unit::{ByteLen, Grid};

/// The container's folder, as an edit wants it.
pub(super) fn folder() -> PathBuf {
    Path::new("/").join(FOLDER)
}

/// A file's clusters on the volume's grid, in file order.
///
/// # Errors
/// When a run does not consist of whole clusters: it is of another volume.
pub(super) fn extents(file: &FileRecord, grid: Grid) -> Result<Vec<Extent>> {
    let cluster = u64::from(grid.cluster_bytes);
    let whole = |run: &crate::volume::ByteRange| {
        let fits = run.offset.0.is_multiple_of(cluster) && run.len.0.is_multiple_of(cluster);
        fits.then(|| Extent::new(run.offset.0 / cluster, run.len.0 / cluster))
    };
    let runs: Option<Vec<Extent>> = file.runs.iter().map(whole).collect();
    runs.ok_or_else(|| Error::damaged(format!("{} does not lie in whole clusters of this volume", file.name)))
}

/// The bytes of one of the container's tables: as long as its file, and saying where that lies.
///
/// # Errors
/// When the table does not fit its file.
pub(super) fn toc_bytes(toc: &Toc, file: &FileRecord) -> Result<Vec<u8>> {
    let start = file.runs.first().map(|run| run.offset);
    let start = start.ok_or_else(|| Error::damaged(format!("{} has no place", file.name)))?;
    let mut bytes = encode(toc, start, ByteLen(file.bytes))?;
    bytes.resize(file.bytes as usize, 0);
    Ok(bytes)
}

/// True for what the container is known to have; a file that somebody else put into its folder is his.
pub(super) fn is_ours(file: &FileRecord) -> bool {
    !matches!(file.role, Role::Part { image, .. } if image.is_nil())
}

/// Takes the container's files out of a volume: what is left is the volume as if it had none, but for what others put
/// into its folder.
///
/// # Errors
/// As [`Edit::release`].
pub(super) fn release(edit: &mut dyn Edit, toc: &Toc) -> Result<()> {
    toc.files.iter().filter(|file| is_ours(file)).try_for_each(|file| edit.release(&folder(), &file.name).map(drop))
}

/// A volume as it would be without its container.
///
/// # Errors
/// As [`release`], and when the volume cannot be changed.
pub(super) fn released(device: &SharedDevice, kind: Kind, toc: &Toc) -> Result<SharedDevice> {
    let overlay = Arc::new(Overlay::new(device.clone()));
    release(&mut *fs::edit::open_on(Arc::clone(&overlay), kind)?, toc)?;
    Ok(overlay)
}

/// Makes the container's files of the clusters that hold them.
///
/// # Errors
/// As [`Edit::adopt`].
pub(super) fn adopt(edit: &mut dyn Edit, toc: &Toc, grid: Grid) -> Result<()> {
    for file in &toc.files {
        edit.adopt(&folder(), &file.name, &extents(file, grid)?, ByteLen(file.bytes))?;
    }
    Ok(())
}

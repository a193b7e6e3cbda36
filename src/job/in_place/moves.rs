//! The container's parts out of the restored volume's way, and its tables of contents behind them. A cut at any
//! moment leaves the old places and the old tables as they were, or new ones that are whole.

use std::sync::Arc;

use uuid::Uuid;

use super::super::Monitor;
use super::super::container::toc_bytes;
use crate::device::{Pieces, SharedDevice, WriteDevice, read_vec};
use crate::error::{Error, Result};
use crate::fs::ByteRange;
use crate::image::Image;
use crate::image::container::{FileRecord, Toc};
use crate::image::format::MAX_BASES;
use crate::plan::{ImageSource, MovedPart};
use crate::unit::{ByteLen, ByteOffset};

/// Bytes copied at once.
const PIECE: u64 = 4 << 20;

/// Opens the image that is restored: a file, or one that lies inside the volume where the table says.
///
/// # Errors
/// When it is not there, or is another one.
pub(in crate::job) fn open_image(source: &ImageSource, id: Uuid, volume: &SharedDevice, toc: &Toc) -> Result<Image> {
    let image = match source {
        ImageSource::File(path) => Image::open(path)?,
        _ => inside(id, volume, toc)?,
    };
    if image.header().image_id != id {
        return Err(Error::refused(format!("{source} is another image than the one the plan was made for")));
    }
    Ok(image)
}

/// An image of the table, with the bases that its references lead to.
fn inside(id: Uuid, volume: &SharedDevice, toc: &Toc) -> Result<Image> {
    let mut images = vec![alone(id, volume, toc)?];
    while let Some(base) = images.last().and_then(|image| image.header().base_image_id) {
        if images.len() > MAX_BASES {
            return Err(Error::damaged(format!("more than {MAX_BASES} bases stand behind the image {id}")));
        }
        images.push(alone(base, volume, toc)?);
    }
    let mut behind: Option<Image> = None;
    while let Some(image) = images.pop() {
        behind = Some(match behind {
            Some(base) => image.with_base(Arc::new(base))?,
            None => image,
        });
    }
    behind.ok_or_else(|| Error::damaged(format!("the image {id} is not there")))
}

fn alone(id: Uuid, volume: &SharedDevice, toc: &Toc) -> Result<Image> {
    let parts = toc.parts_of(id);
    if parts.is_empty() {
        return Err(Error::refused(format!("the image {id} is needed, and is not inside the volume"))
            .advise("`lifeboat images` lists those that are there"));
    }
    let mut pieces = Vec::new();
    for part in &parts {
        pieces.extend(cut(part));
    }
    Image::from_device(Arc::new(Pieces::new(volume.clone(), pieces)?), parts.len())
}

/// A file's runs, ending with its last byte.
fn cut(file: &FileRecord) -> impl Iterator<Item = ByteRange> {
    let mut rest = file.bytes;
    file.runs.iter().map(move |run| {
        let len = ByteLen(run.len.0.min(rest));
        rest -= len.0;
        ByteRange { offset: run.offset, len }
    })
}

/// Makes the copies, and proves them.
///
/// # Errors
/// When the medium fails, or gives back other bytes than were written.
pub(super) fn copy(moved: &[MovedPart], volume: &dyn WriteDevice, monitor: &Monitor) -> Result<()> {
    let mut buf = Vec::new();
    let mut digests = Vec::new();
    for one in moved {
        for (from, to, len) in pieces(one) {
            monitor.check()?;
            buf.resize(len, 0);
            volume.read_at(from, &mut buf)?;
            digests.push(blake3::hash(&buf));
            volume.write_at(to, &buf)?;
            monitor.advance(len as u64);
        }
    }
    volume.flush()?;
    volume.forget();
    let mut digests = digests.into_iter();
    for one in moved {
        for (_, to, len) in pieces(one) {
            monitor.check()?;
            buf.resize(len, 0);
            volume.read_at(to, &mut buf)?;
            if digests.next() != Some(blake3::hash(&buf)) {
                return Err(Error::damaged(format!(
                    "the copy of the image at byte {} did not come back as written",
                    to.0
                )));
            }
            monitor.advance(len as u64);
        }
    }
    Ok(())
}

fn pieces(moved: &MovedPart) -> impl Iterator<Item = (ByteOffset, ByteOffset, usize)> {
    let MovedPart { from, to } = *moved;
    (0..from.len.0.div_ceil(PIECE)).map(move |number| {
        let at = number * PIECE;
        (ByteOffset(from.offset.0 + at), ByteOffset(to.offset.0 + at), (from.len.0 - at).min(PIECE) as usize)
    })
}

/// Writes every table of contents at its place, each flushed and read back before the next: those at new places
/// first, so that always one that is whole tells of places where the images are.
///
/// # Errors
/// When a table does not fit its file, the medium fails, or gives back other bytes than were written.
pub(super) fn write_contents(today: &Toc, toc: &Toc, volume: &dyn WriteDevice, monitor: &Monitor) -> Result<()> {
    let old: Vec<ByteRange> = today.runs().collect();
    let mut tables: Vec<&FileRecord> = toc.files.iter().filter(|file| file.role.is_toc()).collect();
    tables.sort_by_key(|file| file.runs.iter().any(|run| old.iter().any(|have| have.offset == run.offset)));
    for file in tables {
        let bytes = toc_bytes(toc, file)?;
        for pass in [false, true] {
            let mut at = 0;
            for run in cut(file) {
                let piece = &bytes[at..at + run.len.0 as usize];
                at += piece.len();
                if !pass {
                    volume.write_at(run.offset, piece)?;
                } else if read_vec(volume, run.offset, piece.len())? != piece {
                    return Err(Error::damaged(format!("{} did not come back as written", file.name)));
                }
            }
            volume.flush()?;
            volume.forget();
        }
        monitor.advance(file.bytes);
    }
    Ok(())
}

/// Overwrites what tables and images begin with, at their places of today and of the plan, so that nobody takes them
/// for a container: but for clusters that the restored volume uses, which were overwritten already. The tables go first,
/// and for good: no table may tell of an image that is not there.
pub(super) fn forget(tocs: [&Toc; 2], used: &dyn Fn(ByteRange) -> bool, volume: &dyn WriteDevice) -> Result<()> {
    let zeros = vec![0; 4096];
    for is_toc in [true, false] {
        for file in tocs.iter().flat_map(|toc| &toc.files).filter(|file| file.role.is_toc() == is_toc) {
            let Some(first) = file.runs.first() else { continue };
            let range = ByteRange { offset: first.offset, len: ByteLen(first.len.0.min(zeros.len() as u64)) };
            if !used(range) {
                volume.write_at(range.offset, &zeros[..range.len.0 as usize])?;
            }
        }
        volume.flush()?;
    }
    Ok(())
}

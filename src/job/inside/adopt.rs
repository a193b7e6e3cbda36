//! The last change of a creation: what was written into free clusters becomes files, and every table of contents says
//! so.

use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use super::create::table_file;
use super::site::Site;
use crate::device::{ReadDevice, SharedDevice};
use crate::error::{Error, Result};
use crate::extent::{Extent, ExtentSet};
use crate::fs::{self, Edit, Kind, Overlay, Tag};
use crate::image::PartitionRecord;
use crate::image::container::{FileRecord, ImageRecord, Role, SavedBytes, Toc, VolumeRecord};
use crate::inventory::{Address, Place, open_source};
use crate::job::backup::hex;
use crate::job::change;
use crate::job::container::{extents, folder, toc_bytes};
use crate::plan::Phase;
use crate::table;
use crate::unit::{ByteLen, ByteOffset};

/// What is new.
#[derive(Clone, Debug)]
pub(super) struct Addition {
    pub(super) image: ImageRecord,
    /// Its parts.
    pub(super) parts: Vec<FileRecord>,
    /// Tables of contents that were not there.
    pub(super) tables: Vec<FileRecord>,
    /// The old name and the new one of the table at the container's old beginning.
    pub(super) renamed: Option<(String, String)>,
    /// Files that go: those of an image that this one replaces.
    pub(super) gone: Vec<FileRecord>,
    pub(super) partition: Option<PartitionRecord>,
}

/// The change, worked out.
pub(super) struct Adoption {
    pub(super) phase: Phase,
    /// Bytes of new tables, to be written before: all but their first sectors, which are part of the change.
    pub(super) contents: Vec<(ByteOffset, Vec<u8>)>,
    /// Units that are used afterwards, and were not before.
    pub(super) taken_units: u64,
    /// Units that are free afterwards.
    pub(super) free_units: u64,
}

/// Bytes of a table that a journalled change writes or overwrites: its first sector. Without it nobody takes what lies in
/// free clusters for a table: neither that of an image that was not finished, nor that of a container that is gone.
pub(super) const HEAD: usize = 512;

/// Where a file begins.
pub(super) fn begin(file: &FileRecord) -> ByteOffset {
    file.runs.first().map_or(ByteOffset::ZERO, |run| run.offset)
}

/// A path in the container's folder.
pub(super) fn path(name: &str) -> PathBuf {
    folder().join(name)
}

/// Works the change out, on the volume as it is when the image has been written. `may` is told how many units are used
/// more afterwards, and how many the journal takes.
///
/// # Errors
/// `Refused`, when there is no room for what describes the files, for the tables, or for the journal.
pub(super) fn work_out(
    site: &Site,
    address: &Address,
    addition: &Addition,
    may: &dyn Fn(u64, u64) -> Result<()>,
) -> Result<Adoption> {
    let toc = new_toc(site, addition)?;
    let overlay = Arc::new(Overlay::new(site.source.device.clone()));
    let mut edit = fs::edit::open_on(overlay.clone(), site.kind)?;
    let mut used = site.used.clone();
    let mut steps = change::begin(&mut *edit)?;
    let new = || addition.tables.iter().chain(&addition.parts);
    for file in new() {
        edit.reserve(&extents(file, site.grid)?)?;
    }
    let mut freed = 0;
    for file in site.toc().map(|toc| replaced(toc, addition)).unwrap_or_default() {
        overlay.write(begin(&file), &[0; HEAD], Tag::new("table of contents"))?;
        let place = edit.release(&folder(), &file.name)?;
        freed += place.iter().map(|extent| extent.clusters).sum::<u64>();
        edit.reserve(&place)?;
    }
    for file in &addition.gone {
        let place = edit.release(&folder(), &file.name)?;
        freed += place.iter().map(|extent| extent.clusters).sum::<u64>();
        // Nothing else may come to lie where the journal may have to put things back, and what is there be wiped.
        edit.reserve(&place)?;
    }
    if let Some((old, name)) = &addition.renamed {
        rename(&mut *edit, site, old, name)?;
    }
    for file in new() {
        edit.adopt(&folder(), &file.name, &extents(file, site.grid)?, ByteLen(file.bytes))?;
    }
    renew(&mut *edit, &toc, &addition.tables)?;
    let mut contents = Vec::new();
    for file in &addition.tables {
        let (start, bytes) = (begin(file), toc_bytes(&toc, file)?);
        let (head, rest) = bytes.split_at(HEAD.min(bytes.len()));
        overlay.write(start, head, Tag::new("table of contents"))?;
        contents.push((ByteOffset(start.0 + head.len() as u64), rest.to_vec()));
    }
    steps.push(edit.take(&format!("Make the image {} and its tables of contents files", addition.image.name))?);
    let after = edit.used()?;
    let taken = (after.used() + freed).saturating_sub(site.used.used());
    after.runs().for_each(|run| used.set(run, true));
    change::end(&mut *edit, &mut steps)?;
    drop(edit);
    let taken_units = taken / site.units.clusters;
    // What describes the files may become less, too: NTFS packs a directory or a list of attributes anew.
    let free = (site.free_units() * site.units.clusters + site.used.used()).saturating_sub(after.used());
    let journal = |len: ByteLen| may(taken_units, site.units_of(len.0));
    let phase = super::vacate::phase_if(
        site,
        address,
        format!("making the image {} part of the volume", addition.image.name),
        steps,
        used,
        &journal,
    )?;
    Ok(Adoption { phase, contents, taken_units, free_units: free / site.units.clusters })
}

/// Gives a file of the container another name: its clusters become another file.
pub(super) fn rename(edit: &mut dyn Edit, site: &Site, old: &str, new: &str) -> Result<()> {
    let bytes = site.toc().and_then(|toc| toc.files.iter().find(|file| file.name == old)).map(|file| file.bytes);
    let place = edit.release(&folder(), old)?;
    edit.adopt(&folder(), new, &place, ByteLen(bytes.unwrap_or(0)))
}

/// Writes a table of contents anew into all of its copies, but for those that are written otherwise.
pub(super) fn renew(edit: &mut dyn Edit, toc: &Toc, but: &[FileRecord]) -> Result<()> {
    let copies = toc.files.iter().filter(|file| file.role.is_toc() && but.iter().all(|new| new.name != file.name));
    for file in copies {
        edit.replace(&path(&file.name), &toc_bytes(toc, file)?)?;
    }
    Ok(())
}

/// The old tables that go, because new ones have their names: those that have too little room for what they must tell,
/// and that at the container's beginning when it is one of them and so gets no other name.
fn replaced(toc: &Toc, addition: &Addition) -> Vec<FileRecord> {
    let is_renamed = |file: &FileRecord| addition.renamed.as_ref().is_some_and(|(old, _)| *old == file.name);
    let is_new = |file: &FileRecord| addition.tables.iter().any(|new| new.name == file.name);
    let is_gone = |file: &FileRecord| addition.gone.iter().any(|gone| gone.name == file.name);
    toc.files.iter().filter(|file| is_new(file) && !is_renamed(file) && !is_gone(file)).cloned().collect()
}

/// Gives old tables new places, as long as the new tables are, when not even the least of what they must tell has room
/// in them any more. The new places are free, and low: an image that gets longer than was thought takes what is above.
///
/// # Errors
/// `Refused`, when there is no free run for one.
pub(super) fn enlarge(site: &Site, addition: &mut Addition) -> Result<()> {
    let Some(bytes) = addition.tables.first().map(|file| file.bytes) else { return Ok(()) };
    // A new place makes all tables a little longer, so others may be too short then; each gets one at most.
    for _ in 0..=site.toc().map_or(0, |toc| toc.files.len()) {
        let toc = new_toc(site, addition)?;
        let is_old = |file: &&FileRecord| addition.tables.iter().all(|new| new.name != file.name);
        let mut old = toc.files.iter().filter(|file| file.role.is_toc()).filter(is_old);
        let Some(short) = old.find(|file| toc_bytes(&toc, file).is_err()) else { break };
        let clusters = site.units_of(bytes) * site.units.clusters;
        let mut kept = ExtentSet::new();
        for file in addition.tables.iter().chain(&addition.parts) {
            extents(file, site.grid)?.into_iter().for_each(|extent| kept.insert(extent));
        }
        let free: ExtentSet = site.free_runs().into_iter().collect();
        let free = free.intersect(&kept.complement(site.grid.clusters));
        let run = free.runs().iter().find(|run| run.clusters >= clusters).ok_or_else(|| {
            Error::refused(format!(
                "{} has no room for one more image, and no free run of {clusters} clusters is left for a longer one",
                short.name
            ))
            .advise("Drop an image that is not needed any more, or free space on the volume")
        })?;
        let larger = table_file(site, &short.name, short.role, Extent::new(run.start.0, clusters));
        addition.renamed.take_if(|(_, new)| *new == short.name);
        addition.tables.push(larger);
    }
    Ok(())
}

/// The table as it will be.
fn new_toc(site: &Site, addition: &Addition) -> Result<Toc> {
    let mut toc = renewed(site)?;
    let replaced = replaced(&toc, addition);
    toc.files.retain(|file| replaced.iter().all(|other| other.name != file.name));
    let is_gone = |file: &FileRecord| addition.gone.iter().any(|gone| gone.name == file.name);
    let is_replaced =
        |id: Uuid| addition.gone.iter().any(|file| matches!(file.role, Role::Part { image, .. } if image == id));
    toc.files.retain(|file| !is_gone(file));
    toc.images.retain(|image| !is_replaced(image.image_id));
    if let Some((old, new)) = &addition.renamed {
        for file in toc.files.iter_mut().filter(|file| file.name == *old) {
            file.name.clone_from(new);
            file.role = Role::Inter;
        }
    }
    toc.files.extend(addition.parts.iter().chain(&addition.tables).cloned());
    in_order(&mut toc);
    toc.images.push(addition.image.clone());
    toc.partition = addition.partition.clone().or(toc.partition);
    Ok(toc)
}

/// Files in the order of their places.
pub(super) fn in_order(toc: &mut Toc) {
    toc.files.sort_by_key(|file| file.runs.first().map(|run| run.offset));
}

/// Today's table with the next sequence number, and what it tells of the volume as it is now; a new one when there is
/// no container.
pub(super) fn renewed(site: &Site) -> Result<Toc> {
    let summary = fs::open(site.source.device.clone(), site.kind)?.summary().clone();
    let place = &site.source.place;
    let before = site.toc();
    Ok(Toc {
        container_id: before.map_or_else(Uuid::new_v4, |toc| toc.container_id),
        sequence: before.map_or(0, |toc| toc.sequence) + 1,
        written: now(),
        volume: VolumeRecord {
            kind: summary.kind,
            id: summary.id,
            label: summary.label,
            bytes: place.len.0,
            start_bytes: place.start.0,
            grid: site.grid,
        },
        partition: before.and_then(|toc| toc.partition.clone()),
        table: table_of(&site.source.place).or_else(|| before.and_then(|toc| toc.table.clone())),
        boot: saved(&site.source.device, site.kind),
        files: before.map(|toc| toc.files.clone()).unwrap_or_default(),
        images: before.map(|toc| toc.images.clone()).unwrap_or_default(),
    })
}

/// The disk's partition table, to be put back when it is gone; none for a volume that no table names.
fn table_of(place: &Place) -> Option<serde_json::Value> {
    place.entry.as_ref()?;
    let disk = open_source(&Address::Whole(place.disk.clone())).ok()?;
    let copy = table::capture(&disk.device).ok()??;
    serde_json::to_value(copy).ok()
}

fn now() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// The boot record or superblock: of FAT its first sector (and the two behind it on FAT32: FSInfo, and the rest of the
/// boot code, as Microsoft's fatgen103 has it), of NTFS the first sector, of ext the boot block and the superblock at
/// 1024 (kernel documentation, ext4, "Super Block").
fn saved(device: &SharedDevice, kind: Kind) -> Vec<SavedBytes> {
    let (what, bytes) = match kind {
        Kind::Fat32 => ("boot sector, FSInfo, boot code", 1536),
        Kind::Ext2 | Kind::Ext3 | Kind::Ext4 => ("boot block and superblock", 2048),
        _ => ("boot sector", 512),
    };
    let mut raw = vec![0; bytes];
    match device.read_at(ByteOffset::ZERO, &mut raw) {
        Ok(()) => vec![SavedBytes { what: what.into(), offset: ByteOffset::ZERO, hex: hex(&raw) }],
        Err(_) => Vec::new(),
    }
}

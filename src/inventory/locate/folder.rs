//! A container by its folder: its files as the volume's own file system tells of them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::{Container, FoundBy, FoundImage};
use crate::device::{Pieces, SharedDevice};
use crate::error::Result;
use crate::fs::{self, EntryKind, FileSystem, Probe};
use crate::image::container::{
    FOLDER, FileRecord, ImageRecord, Role, SETTINGS, TOC_BEGIN, TOC_END, Toc, VolumeRecord, read_toc,
};
use crate::image::{Image, MAX_PARTS};
use crate::inventory::{Address, Source};
use crate::unit::{ByteLen, ByteOffset};
use crate::volume::ByteRange;

/// Looks into a volume's folder.
pub(super) fn look(source: &Source, volume: &Address) -> Result<Option<Container>> {
    let Probe::One(kind) = fs::probe(&source.device)? else { return Ok(None) };
    if !kind.has_driver() {
        return Ok(None);
    }
    let system = fs::open(source.device.clone(), kind)?;
    let folder = PathBuf::from("/").join(FOLDER);
    if system.tree().entry(&folder).is_err() {
        return Ok(None);
    }
    let mut files = Vec::new();
    for entry in system.tree().list(&folder)? {
        if entry.kind == EntryKind::File {
            files.push(file(&*system, &folder, &entry.name, entry.bytes)?);
        }
    }
    Ok(assemble(source, volume, &*system, files))
}

/// One file: where its bytes lie.
fn file(system: &dyn FileSystem, folder: &Path, name: &OsStr, bytes: u64) -> Result<FileRecord> {
    let grid = system.grid();
    let runs = system.tree().content(&folder.join(name))?;
    let range =
        |run: &crate::extent::Extent| ByteRange { offset: grid.offset_of(run.start), len: grid.bytes_of(run.clusters) };
    let name = name.to_string_lossy().into_owned();
    Ok(FileRecord { role: role(&name), name, bytes, runs: runs.iter().map(range).collect() })
}

/// What a file is, by its name; whose part it is comes later.
fn role(name: &str) -> Role {
    match name.to_ascii_lowercase().as_str() {
        TOC_BEGIN => Role::TocBegin,
        TOC_END => Role::TocEnd,
        SETTINGS => Role::Settings,
        other if other.ends_with(".lbc") => Role::Inter,
        _ => Role::Part { image: Uuid::nil(), number: 0 },
    }
}

fn device_of(source: &Source, files: &[&FileRecord]) -> Result<SharedDevice> {
    let mut parts: Vec<ByteRange> = Vec::new();
    for file in files {
        let mut rest = file.bytes;
        for run in &file.runs {
            let len = ByteLen(run.len.0.min(rest));
            rest -= len.0;
            parts.push(ByteRange { offset: run.offset, len });
        }
    }
    Ok(Arc::new(Pieces::new(source.device.clone(), parts)?))
}

/// The container that these files are.
fn assemble(
    source: &Source,
    volume: &Address,
    system: &dyn FileSystem,
    mut files: Vec<FileRecord>,
) -> Option<Container> {
    let mut damage = Vec::new();
    let toc = newest(source, &files, &mut damage);
    let mut images = Vec::new();
    for at in 0..files.len() {
        let Some(stem) = files[at].name.strip_suffix(".lbi").map(str::to_owned) else { continue };
        let mut members = vec![at];
        for number in 1..MAX_PARTS {
            let name = format!("{stem}.{number:03}");
            let Some(next) = files.iter().position(|file| file.name.eq_ignore_ascii_case(&name)) else { break };
            members.push(next);
        }
        let list: Vec<&FileRecord> = members.iter().map(|index| &files[*index]).collect();
        let Ok(device) = device_of(source, &list) else { continue };
        match found(&stem, device, members.len(), toc.as_ref()) {
            Ok(image) => {
                for (number, index) in members.iter().enumerate() {
                    files[*index].role = Role::Part { image: image.record.image_id, number: number as u32 };
                }
                images.push(image);
            }
            Err(error) => damage.push(format!("{stem}.lbi cannot be opened: {error}")),
        }
    }
    if toc.is_none() && images.is_empty() {
        return None;
    }
    files.sort_by_key(|file| file.runs.first().map(|run| run.offset));
    images.sort_by_key(|image| image.record.created);
    let records = images.iter().map(|image| image.record.clone()).collect();
    let summary = system.summary();
    let toc = Toc {
        container_id: toc.as_ref().map_or_else(Uuid::new_v4, |toc| toc.container_id),
        sequence: toc.as_ref().map_or(0, |toc| toc.sequence),
        written: toc.as_ref().map_or(jiff::Timestamp::UNIX_EPOCH, |toc| toc.written),
        volume: VolumeRecord {
            kind: summary.kind,
            id: summary.id.clone(),
            label: summary.label.clone(),
            bytes: source.place.len.0,
            start_bytes: source.place.start.0,
            grid: system.grid(),
        },
        partition: toc.as_ref().and_then(|toc| toc.partition.clone()),
        table: toc.as_ref().and_then(|toc| toc.table.clone()),
        boot: toc.map(|toc| toc.boot).unwrap_or_default(),
        files,
        images: records,
    };
    Some(Container {
        volume: volume.clone(),
        source: source.clone(),
        toc,
        found_by: FoundBy::FileSystem,
        damage,
        images,
    })
}

/// The table of contents with the highest sequence number; tables that cannot be read are damage.
fn newest(source: &Source, files: &[FileRecord], damage: &mut Vec<String>) -> Option<Toc> {
    let mut newest: Option<Toc> = None;
    for file in files.iter().filter(|file| file.role.is_toc()) {
        let read = device_of(source, &[file]).and_then(|device| read_toc(&*device, ByteOffset::ZERO));
        match read {
            Ok((toc, _)) if newest.as_ref().is_none_or(|have| have.sequence < toc.sequence) => newest = Some(toc),
            Ok(_) => {}
            Err(error) => damage.push(format!("{} cannot be read: {error}", file.name)),
        }
    }
    newest
}

fn found(stem: &str, device: SharedDevice, parts: usize, toc: Option<&Toc>) -> Result<FoundImage> {
    let image = Image::from_device(device.clone(), parts)?;
    let header = image.header();
    let known = toc.and_then(|toc| toc.image(header.image_id)).cloned();
    let record = known.unwrap_or_else(|| ImageRecord {
        name: stem.into(),
        image_id: header.image_id,
        base_id: header.base_image_id,
        kind: header.kind,
        created: header.created,
        bytes: image.bytes(),
        parts: parts as u32,
        scattered: false,
        digest: image.digest().unwrap_or_default(),
        header: None,
    });
    let damage = image.damage().to_vec();
    Ok(FoundImage { record, found_by: FoundBy::FileSystem, device, parts, damage })
}

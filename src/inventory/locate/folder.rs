//! A container by its folder: its files as the volume's own file system tells of them.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::files::{device_of, other_content, record_of};
use super::{FoundBy, FoundImage};
use crate::device::SharedDevice;
use crate::error::{Error, Result};
use crate::fs::{self, EntryKind, FileSystem, Probe, Summary};
use crate::image::container::{FOLDER, FileRecord, Role, SETTINGS, TOC_BEGIN, TOC_END, Toc, read_toc};
use crate::image::{Image, MAX_PARTS};
use crate::unit::{ByteOffset, Grid};
use crate::volume::ByteRange;

/// Files of the folder that are looked at: a container has a few for each image, and a split image up to a thousand.
const MAX_FILES: usize = 4 * MAX_PARTS as usize;

/// What a volume's own file system tells of a container.
pub(super) enum Look {
    /// No file system that Lifeboat reads.
    NoSystem,
    /// One that could not answer: in words why.
    Untold(String),
    /// The file system is fine, and there is no folder. `is_empty` when there is nothing else either: a root directory
    /// that was overwritten with zeros looks like that.
    NoFolder { is_empty: bool },
    /// There is a folder.
    Folder(Box<Folder>),
}

/// The folder's content.
pub(super) struct Folder {
    pub(super) summary: Summary,
    pub(super) grid: Grid,
    /// Its files, as far as their places could be read.
    pub(super) files: Vec<FileRecord>,
    /// The images that could be opened.
    pub(super) images: Vec<FoundImage>,
    /// The newest table of contents among the files, and its sequence numbers by the files' names.
    pub(super) toc: Option<Toc>,
    /// Files that could not be read, with the reason; tables of contents have an entry of their own.
    pub(super) broken: Vec<(String, String)>,
    /// The same of the tables of contents.
    pub(super) broken_tocs: Vec<(String, String)>,
}

impl Folder {
    /// True when nothing in it leaves a question that a search of the clusters could answer.
    pub(super) fn is_complete(&self) -> bool {
        let all_there = self.toc.as_ref().is_some_and(|toc| {
            toc.images.iter().all(|record| self.images.iter().any(|have| have.record.image_id == record.image_id))
        });
        all_there && self.broken.is_empty() && self.images.iter().all(|image| image.damage.is_empty())
    }
}

/// Looks into a volume's folder. A panic in a parser is one more way not to be told.
pub(super) fn look(device: &SharedDevice) -> Look {
    catch_unwind(AssertUnwindSafe(|| try_look(device)))
        .unwrap_or_else(|_| Ok(Look::Untold("reading it failed inside Lifeboat: this is a bug".into())))
        .unwrap_or_else(|error| Look::Untold(error.without_advice()))
}

fn try_look(device: &SharedDevice) -> Result<Look> {
    let kind = match fs::probe(device)? {
        Probe::One(kind) if kind.has_driver() => kind,
        Probe::One(_) | Probe::None | Probe::Ambiguous(_) => return Ok(Look::NoSystem),
    };
    let system = fs::open(device.clone(), kind)?;
    let root = system.tree().list(Path::new("/"))?;
    let Some((path, files)) = files_of_container(&*system, &root)? else {
        // What every new ext volume has does not tell that the root directory is as it was.
        let is_empty = root.iter().all(|entry| entry.name == "lost+found");
        return Ok(Look::NoFolder { is_empty });
    };
    let mut folder = Folder {
        summary: system.summary().clone(),
        grid: system.grid(),
        files: Vec::new(),
        images: Vec::new(),
        toc: None,
        broken: Vec::new(),
        broken_tocs: Vec::new(),
    };
    for entry in files {
        match file(&*system, &path, &entry.name, entry.bytes) {
            Ok(file) => folder.files.push(file),
            Err(error) => folder.broken.push((entry.name.to_string_lossy().into_owned(), error.without_advice())),
        }
    }
    folder.read_tocs(device);
    folder.open_images(device);
    folder.files.sort_by_key(|file| file.runs.first().map(|run| run.offset));
    Ok(Look::Folder(Box::new(folder)))
}

/// The path of the container's folder and the files in it, as many as are looked at; none when `root`, the root
/// directory, has no such folder.
pub(in crate::inventory) fn files_of_container(
    system: &dyn FileSystem,
    root: &[fs::Entry],
) -> Result<Option<(PathBuf, Vec<fs::Entry>)>> {
    let mut folders = root.iter().filter(|entry| entry.kind == EntryKind::Directory);
    let Some(folder) = folders.find(|entry| entry.name.eq_ignore_ascii_case(FOLDER)) else { return Ok(None) };
    let path = Path::new("/").join(&folder.name);
    let mut files = system.tree().list(&path)?;
    files.retain(|entry| entry.kind == EntryKind::File);
    files.truncate(MAX_FILES);
    Ok(Some((path, files)))
}

/// One file: where its bytes lie.
fn file(system: &dyn FileSystem, folder: &Path, name: &OsStr, bytes: u64) -> Result<FileRecord> {
    let grid = system.grid();
    let runs = system.tree().content(&folder.join(name))?;
    let range =
        |run: &crate::extent::Extent| ByteRange { offset: grid.offset_of(run.start), len: grid.bytes_of(run.clusters) };
    let name = name.to_string_lossy().into_owned();
    let file = FileRecord { role: role(&name), name, bytes, runs: runs.iter().map(range).collect() };
    let room = file.runs.iter().fold(0u64, |sum, run| sum.saturating_add(run.len.0));
    if room < bytes {
        return Err(Error::damaged(format!("it is {bytes} bytes long, and only {room} of them have a place")));
    }
    Ok(file)
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

impl Folder {
    /// Takes the table of contents with the highest sequence number; of several copies, the one that says most.
    fn read_tocs(&mut self, device: &SharedDevice) {
        let rank = |toc: &Toc| (toc.sequence, super::tocs::fullness(toc));
        let mut seen = Vec::new();
        for file in self.files.iter().filter(|file| file.role.is_toc()) {
            match device_of(device, &[file]).and_then(|bytes| read_toc(&*bytes, ByteOffset::ZERO)) {
                Ok((toc, _)) => {
                    seen.push((file.name.clone(), toc.sequence));
                    if self.toc.as_ref().is_none_or(|have| rank(have) < rank(&toc)) {
                        self.toc = Some(toc);
                    }
                }
                Err(error) => self.broken_tocs.push((file.name.clone(), error.without_advice())),
            }
        }
        let newest = self.toc.as_ref().map_or(0, |toc| toc.sequence);
        for (name, sequence) in seen.into_iter().filter(|(_, sequence)| *sequence < newest) {
            self.broken_tocs.push((name, format!("it is of sequence number {sequence}, the newest of {newest}")));
        }
    }

    /// Opens every `NAME.lbi` with its further parts.
    fn open_images(&mut self, device: &SharedDevice) {
        let by_name: HashMap<String, usize> =
            self.files.iter().enumerate().map(|(at, file)| (file.name.to_ascii_lowercase(), at)).collect();
        for at in 0..self.files.len() {
            let name = self.files[at].name.clone();
            let Some(stem) = stem(&name) else { continue };
            let mut members = vec![at];
            for number in 1..MAX_PARTS {
                let Some(next) = by_name.get(&format!("{}.{number:03}", stem.to_ascii_lowercase())) else { break };
                members.push(*next);
            }
            let list: Vec<&FileRecord> = members.iter().map(|index| &self.files[*index]).collect();
            match open(device, &list, stem, self.toc.as_ref()) {
                Ok(image) => {
                    for (number, index) in members.iter().enumerate() {
                        let number = u32::try_from(number).unwrap_or(u32::MAX);
                        self.files[*index].role = Role::Part { image: image.record.image_id, number };
                    }
                    self.images.push(image);
                }
                Err(error) => self.broken.push((name, error.without_advice())),
            }
        }
    }
}

/// The image's name in its first part's.
fn stem(name: &str) -> Option<&str> {
    let at = name.len().checked_sub(4).filter(|at| name.is_char_boundary(*at) && *at > 0)?;
    name[at..].eq_ignore_ascii_case(".lbi").then_some(&name[..at])
}

fn open(device: &SharedDevice, parts: &[&FileRecord], stem: &str, toc: Option<&Toc>) -> Result<FoundImage> {
    let bytes = device_of(device, parts)?;
    let image = Image::from_device(bytes.clone(), parts.len())?;
    let known = toc.and_then(|toc| toc.image(image.header().image_id)).cloned();
    let mut damage = image.damage().to_vec();
    if let Some(record) = &known {
        if parts.len() < record.parts as usize {
            damage.push(format!("{} of its {} parts are missing", record.parts as usize - parts.len(), record.parts));
        }
        damage.extend(other_content(&image, record));
    }
    let record = known.unwrap_or_else(|| record_of(&image, stem, parts.len()));
    Ok(FoundImage {
        record,
        found_by: FoundBy::FileSystem,
        device: bytes,
        parts: parts.len(),
        damage,
        needs: None,
        is_shadowed: false,
    })
}

/// The path of a container's file, for people.
pub(super) fn path_of(name: &str) -> String {
    PathBuf::from("/").join(FOLDER).join(name).display().to_string()
}

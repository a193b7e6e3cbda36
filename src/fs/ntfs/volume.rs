//! An open volume: its MFT, its files' records, and what it says about itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::boot::{self, Boot, Candidate};
use super::content::Content;
use super::index::Directory;
use super::log::{self, Log};
use super::name::UpCase;
use super::record::{Attribute, Body, Record, Reference, kind};
use crate::bytes::{u16_at, u64_at};
use crate::device::{self, SharedDevice};
use crate::error::{Error, Result};
use crate::fs::{Kind, State, Summary};
use crate::unit::{ByteLen, ByteOffset, Grid};

/// Numbers of the metadata records.
pub(super) mod number {
    pub(in crate::fs::ntfs) const MFT: u64 = 0;
    pub(in crate::fs::ntfs) const MIRROR: u64 = 1;
    pub(in crate::fs::ntfs) const LOG_FILE: u64 = 2;
    pub(in crate::fs::ntfs) const VOLUME: u64 = 3;
    pub(in crate::fs::ntfs) const ATTRIBUTES: u64 = 4;
    pub(in crate::fs::ntfs) const ROOT: u64 = 5;
    pub(in crate::fs::ntfs) const BITMAP: u64 = 6;
    pub(in crate::fs::ntfs) const BOOT: u64 = 7;
    pub(in crate::fs::ntfs) const BAD: u64 = 8;
    pub(in crate::fs::ntfs) const SECURE: u64 = 9;
    pub(in crate::fs::ntfs) const UPCASE: u64 = 10;
    /// Records below this one belong to the volume's own files.
    pub(in crate::fs::ntfs) const FIRST_FILE: u64 = 16;
    /// Records below this one are never given to files: 16 to 23 are kept for later versions.
    pub(in crate::fs::ntfs) const FIRST_USER: u64 = 24;
    /// Records that `$MFTMirr` repeats.
    pub(in crate::fs::ntfs) const MIRRORED: u64 = 4;
}

/// Longest attribute list: Windows stops at 256 KiB.
pub(super) const MAX_LIST_BYTES: usize = 1 << 20;

/// Bytes in the header of `hiberfil.sys`.
const HIBERFIL_HEADER_BYTES: u64 = 4096;

/// `$UpCase` has one unit for each of 65536.
const UPCASE_BYTES: usize = 128 << 10;

/// Files kept in memory, and names of directories kept (the newest directory is kept however large it is).
const MAX_CACHED_FILES: usize = 4096;
const MAX_CACHED_NAMES: usize = 200_000;

/// A file's records, joined.
pub(super) struct File {
    /// The base record's number.
    pub(super) number: u64,
    /// Its sequence number.
    pub(super) sequence: u16,
    /// True for a directory.
    pub(super) directory: bool,
    /// Its attributes, those in extension records included.
    pub(super) contents: Vec<Content>,
}

impl File {
    /// The attribute of a kind and name.
    pub(super) fn content(&self, kind: u32, name: &[u16]) -> Option<&Content> {
        self.contents.iter().find(|content| content.kind == kind && content.name == name)
    }

    /// The value of an unnamed attribute that is always in its record.
    pub(super) fn resident(&self, kind: u32) -> Option<&[u8]> {
        match &self.content(kind, &[])?.body {
            Body::Resident(value) => Some(value),
            Body::Clusters(_) => None,
        }
    }
}

/// An open NTFS volume.
pub(super) struct Volume {
    pub(super) device: SharedDevice,
    pub(super) boot: Boot,
    pub(super) summary: Summary,
    pub(super) grid: Grid,
    pub(super) mft: Content,
    upcase: OnceLock<UpCase>,
    files: Mutex<HashMap<u64, Arc<File>>>,
    directories: Mutex<Vec<(u64, Arc<Directory>)>>,
}

/// Opens the volume by the first boot sector that leads to an MFT.
///
/// # Errors
/// When none does: what is wrong with the first.
pub(super) fn open(device: SharedDevice) -> Result<Volume> {
    let mut first_error = None;
    for candidate in boot::candidates(&*device)? {
        match Volume::open(Arc::clone(&device), candidate) {
            Ok(volume) => return Ok(volume),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| Error::damaged("no boot sector of NTFS leads to files")))
}

impl Volume {
    fn open(device: SharedDevice, candidate: Candidate) -> Result<Self> {
        let Candidate { boot, place } = candidate;
        let mut notes = Vec::new();
        if place != ByteOffset::ZERO {
            notes.push(format!("the boot sector is damaged; its backup at byte {place} was used"));
        }
        let len = boot::volume_len(&boot, device.len());
        if device.len().0 < boot.backup_at().0 {
            let missing = ByteLen(boot.backup_at().0 - device.len().0);
            notes.push(format!("the volume is cut off: its last {} bytes ({missing}) are missing", missing.0));
        } else if len.0 == boot.backup_at().0 {
            notes.push("there is no room for the backup boot sector behind the volume".to_owned());
        }
        let grid = Grid::fit(len, boot.cluster_bytes, &[])
            .ok_or_else(|| Error::corrupt(place, "a volume of whole sectors", len.0))?;
        let mft = read_mft(&device, &boot, &mut notes)?;
        let summary = Summary {
            kind: Kind::Ntfs,
            label: None,
            id: Some(format!("{:016X}", boot.serial)),
            len,
            sector_bytes: boot.sector_bytes,
            cluster_bytes: boot.cluster_bytes,
            clusters: boot.clusters,
            state: State::Clean,
            notes,
        };
        let (files, directories) = (Mutex::default(), Mutex::default());
        let mut volume = Self { device, boot, summary, grid, mft, upcase: OnceLock::new(), files, directories };
        volume.describe();
        Ok(volume)
    }

    /// Fills in label and state; what cannot be read is a note and makes the volume dirty.
    fn describe(&mut self) {
        let mut states = Vec::new();
        let mut notes = Vec::new();
        match self.volume_record() {
            Ok((label, dirty)) => {
                self.summary.label = label;
                if dirty {
                    states.push(State::Dirty);
                }
            }
            Err(error) => {
                states.push(State::Dirty);
                notes.push(format!("$Volume cannot be read ({error})"));
            }
        }
        match self.log() {
            Ok(Log::Clean) => {}
            Ok(Log::Pending) => {
                states.push(State::Journal);
                notes.push("$LogFile holds changes that Windows has not finished".to_owned());
            }
            Ok(Log::Cached) => {
                states.push(State::Hibernated);
                notes.push("Windows keeps metadata of the volume in memory (fast start, or unplugged)".to_owned());
            }
            Ok(Log::Unreadable) => {
                states.push(State::Journal);
                notes.push("$LogFile has no restart page that can be read".to_owned());
            }
            Err(error) => {
                states.push(State::Dirty);
                notes.push(format!("$LogFile cannot be read ({error})"));
            }
        }
        match self.hibernated() {
            Ok(false) => {}
            Ok(true) => {
                states.push(State::Hibernated);
                notes.push("hiberfil.sys holds a sleeping Windows (hibernation or fast start)".to_owned());
            }
            Err(error) => {
                states.push(State::Dirty);
                notes.push(format!("the root directory cannot be read ({error})"));
            }
        }
        let order = [State::Hibernated, State::Journal, State::Dirty];
        self.summary.state = order.into_iter().find(|state| states.contains(state)).unwrap_or(State::Clean);
        self.summary.notes.append(&mut notes);
    }

    /// The label, and whether the dirty flag is set.
    fn volume_record(&self) -> Result<(Option<String>, bool)> {
        let file = self.file(Reference(number::VOLUME))?;
        let name = file.resident(kind::VOLUME_NAME).unwrap_or(&[]);
        let units: Vec<u16> = name.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let label = (!units.is_empty()).then(|| String::from_utf16_lossy(&units));
        let flags = file.resident(kind::VOLUME_INFORMATION).and_then(|value| u16_at(value, 10));
        let flags = flags.ok_or_else(|| Error::damaged("$VOLUME_INFORMATION is missing"))?;
        Ok((label, flags & 1 != 0))
    }

    pub(super) fn log(&self) -> Result<Log> {
        let file = self.file(Reference(number::LOG_FILE))?;
        let content = file.content(kind::DATA, &[]).ok_or_else(|| Error::damaged("it has no content"))?;
        content.check(&self.boot)?;
        let mut head = vec![0; content.len().min(log::HEAD_BYTES as u64) as usize];
        content.read_at(&*self.device, &self.boot, 0, &mut head)?;
        Ok(log::judge(&head))
    }

    /// True when `hiberfil.sys` in the root begins with `hibr` (after waking it says `wake`), or is shorter than its
    /// header: so short it stands on the other volumes of a sleeping Windows. ntfs-3g judges in the same way.
    fn hibernated(&self) -> Result<bool> {
        let root = self.directory(number::ROOT)?;
        let name: Vec<u16> = "hiberfil.sys".encode_utf16().collect();
        let Some(found) = root.find(&name, self.upcase()) else { return Ok(false) };
        let file = self.file(found.reference)?;
        let Some(content) = file.content(kind::DATA, &[]).filter(|content| content.len() >= HIBERFIL_HEADER_BYTES)
        else {
            return Ok(true);
        };
        let mut magic = [0; 4];
        content.check(&self.boot)?;
        content.read_at(&*self.device, &self.boot, 0, &mut magic)?;
        Ok(magic.eq_ignore_ascii_case(b"hibr"))
    }

    /// The table of upper-case letters, read once.
    pub(super) fn upcase(&self) -> &UpCase {
        self.upcase.get_or_init(|| {
            let table = self.file(Reference(number::UPCASE)).and_then(|file| {
                let content = file.content(kind::DATA, &[]).ok_or_else(|| Error::damaged("$UpCase has no content"))?;
                content.value(&*self.device, &self.boot, UPCASE_BYTES)
            });
            match table {
                Ok(bytes) if bytes.len() == UPCASE_BYTES => {
                    UpCase::new(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
                }
                _ => UpCase::unicode(),
            }
        })
    }

    /// A file by its record, from memory when it was read before.
    ///
    /// # Errors
    /// When a record cannot be read, is not in use, or was reused since the reference was written.
    pub(super) fn file(&self, reference: Reference) -> Result<Arc<File>> {
        let number = reference.number();
        let cached = self.files.lock().unwrap_or_else(PoisonError::into_inner).get(&number).map(Arc::clone);
        let file = match cached {
            Some(file) => file,
            None => {
                let file = Arc::new(self.read_file(number)?);
                let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
                if files.len() >= MAX_CACHED_FILES {
                    files.clear();
                }
                files.insert(number, Arc::clone(&file));
                file
            }
        };
        if reference.sequence() != 0 && reference.sequence() != file.sequence {
            let message =
                format!("record {number} was reused: sequence {}, not {}", file.sequence, reference.sequence());
            return Err(Error::damaged(message));
        }
        Ok(file)
    }

    pub(super) fn read_file(&self, number: u64) -> Result<File> {
        let record = self.record(number)?;
        let place = self.mft.place_of(&self.boot, number.saturating_mul(u64::from(self.boot.record_bytes)));
        if !record.in_use || record.base.0 != 0 {
            return Err(Error::corrupt(place, format!("record {number} to be a file's"), "a free or extension record"));
        }
        let mut parts = record.attributes;
        if let Some(at) = parts.iter().position(|part| part.kind == kind::ATTRIBUTE_LIST) {
            let list = Content::join(vec![parts.remove(at)])?.remove(0);
            for other in listed(&list.value(&*self.device, &self.boot, MAX_LIST_BYTES)?, number) {
                let extension = self.record(other.number())?;
                if extension.base.number() != number || !extension.in_use || extension.sequence != other.sequence() {
                    let message = format!("record {} is no extension of record {number}", other.number());
                    return Err(Error::damaged(message));
                }
                parts.extend(extension.attributes);
            }
            // The list's own clusters belong to the file, too.
            let mut contents = Content::join(parts)?;
            contents.push(list);
            return Ok(File { number, sequence: record.sequence, directory: record.directory, contents });
        }
        Ok(File { number, sequence: record.sequence, directory: record.directory, contents: Content::join(parts)? })
    }

    /// Reads one record; one of the first four from the mirror when it is damaged.
    fn record(&self, number: u64) -> Result<Record> {
        read_record(&self.device, &self.boot, &self.mft, number).or_else(|error| {
            if number < number::MIRRORED {
                mirrored(&self.device, &self.boot, number).map_err(|_| error)
            } else {
                Err(error)
            }
        })
    }

    /// A directory's names, from memory when it was read lately.
    ///
    /// # Errors
    /// When it is no directory or its index cannot be read.
    pub(super) fn directory(&self, number: u64) -> Result<Arc<Directory>> {
        let mut cached = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = cached.iter().position(|(have, _)| *have == number) {
            let newest = cached.remove(at);
            let directory = Arc::clone(&newest.1);
            cached.push(newest);
            return Ok(directory);
        }
        drop(cached);
        let directory = Arc::new(self.read_directory(&*self.file(Reference(number))?)?);
        let mut cached = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        cached.push((number, Arc::clone(&directory)));
        while cached.len() > 1
            && cached.iter().map(|(_, have)| have.names.len() + 1000).sum::<usize>() > MAX_CACHED_NAMES
        {
            cached.remove(0);
        }
        Ok(directory)
    }

    fn read_directory(&self, file: &File) -> Result<Directory> {
        let name: Vec<u16> = "$I30".encode_utf16().collect();
        let root = file.content(kind::INDEX_ROOT, &name).filter(|_| file.directory);
        let root = root.ok_or_else(|| Error::damaged(format!("record {} is no directory", file.number)))?;
        let allocation = file.content(kind::INDEX_ALLOCATION, &name);
        Directory::read(&*self.device, &self.boot, root, allocation, self.upcase())
    }
}

/// The references in an attribute list to records other than the base record, each once, in order.
pub(super) fn listed(list: &[u8], base: u64) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut at = 0;
    while let (Some(len), Some(reference)) = (u16_at(list, at + 4), u64_at(list, at + 16).map(Reference)) {
        if reference.number() != base {
            found.push(reference);
        }
        // An entry has at least its fixed part; anything shorter would make a list of endless entries.
        at += match usize::from(len) {
            0..0x18 => break,
            len => len,
        };
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|reference| seen.insert(*reference));
    found
}

fn read_record(device: &SharedDevice, boot: &Boot, mft: &Content, number: u64) -> Result<Record> {
    let size = u64::from(boot.record_bytes);
    let at = number.checked_mul(size).ok_or_else(|| Error::corrupt(mft.place, "a record's number", number))?;
    let mut bytes = vec![0; boot.record_bytes as usize];
    mft.read_at(&**device, boot, at, &mut bytes)?;
    Record::parse(bytes, boot.clusters, mft.place_of(boot, at))
}

/// Reads a record's copy in `$MFTMirr`.
fn mirrored(device: &SharedDevice, boot: &Boot, number: u64) -> Result<Record> {
    let at = boot.offset_of(boot.mirror_cluster).0.saturating_add(number * u64::from(boot.record_bytes));
    let bytes = device::read_vec(&**device, ByteOffset(at), boot.record_bytes as usize)?;
    Record::parse(bytes, boot.clusters, ByteOffset(at))
}

/// The content of `$MFT`, from its own first record or from that record's mirror.
fn read_mft(device: &SharedDevice, boot: &Boot, notes: &mut Vec<String>) -> Result<Content> {
    let place = boot.offset_of(boot.mft_cluster);
    let main = device::read_vec(&**device, place, boot.record_bytes as usize)
        .and_then(|bytes| Record::parse(bytes, boot.clusters, place))
        .and_then(|record| mft_content(device, boot, record));
    main.or_else(|error| {
        let mirror = mirrored(device, boot, number::MFT).and_then(|record| mft_content(device, boot, record));
        if mirror.is_ok() {
            notes.push(format!("the first record of $MFT is damaged ({error}); its mirror was used"));
        }
        mirror.map_err(|_| error)
    })
}

/// `$MFT`'s content from its base record. Its later parts may lie in extension records, each of which the parts before
/// it let us find.
fn mft_content(device: &SharedDevice, boot: &Boot, record: Record) -> Result<Content> {
    let wanted = |part: &Attribute| part.kind == kind::DATA && part.name.is_empty();
    let missing = || Error::damaged("$MFT has no content");
    if !record.in_use {
        return Err(missing());
    }
    let (list, rest): (Vec<_>, Vec<_>) = record.attributes.into_iter().partition(|a| a.kind == kind::ATTRIBUTE_LIST);
    let mut parts: Vec<Attribute> = rest.into_iter().filter(wanted).collect();
    let mut mft = Content::join(parts.clone())?.into_iter().next().ok_or_else(missing)?;
    if let Some(list) = Content::join(list)?.first() {
        for other in listed(&list.value(&**device, boot, MAX_LIST_BYTES)?, number::MFT) {
            let extension = read_record(device, boot, &mft, other.number())?;
            if extension.base.number() == number::MFT && extension.in_use {
                parts.extend(extension.attributes.into_iter().filter(wanted));
                mft = Content::join(parts.clone())?.into_iter().next().ok_or_else(missing)?;
            }
        }
    }
    if matches!(mft.body, Body::Resident(_)) || mft.flags != 0 {
        return Err(missing());
    }
    mft.check(boot)?;
    Ok(mft)
}

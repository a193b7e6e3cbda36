//! What the volume says about itself: boot sectors, `$MFTMirr`, `$LogFile`, `$Volume`, `$UpCase`, `$AttrDef`.
//!
//! Sources: Linux-NTFS documentation, one page for each of these files; ntfs-3g's behaviour (a mirror that differs
//! keeps it from mounting).

use super::super::boot::{self, Boot};
use super::super::log::Log;
use super::super::record::{Reference, kind};
use super::super::volume::{File, Volume, number};
use super::Checker;
use super::report::Report;
use crate::bytes::{u8_at, u16_at, u32_at};
use crate::device;
use crate::error::{Error, Result};
use crate::fs::{Finding, State};
use crate::unit::ByteOffset;

/// The fields of a boot sector that say where things lie: parameters without the count of hidden sectors, and from
/// the count of sectors to the serial number.
const LAYOUT: [std::ops::Range<usize>; 3] = [0x03..0x18, 0x20..0x24, 0x28..0x50];

/// Flags of `$Volume`: the volume was not unmounted, and what else keeps it from being as it should be.
const DIRTY: u16 = 0x0001;
const PENDING: [(u16, &str); 5] = [
    (0x0002, "$LogFile waits to be resized"),
    (0x0004, "the volume waits to be upgraded"),
    (0x0010, "the change journal is being deleted"),
    (0x0020, "object ids wait to be repaired"),
    (0x4000, "chkdsk was not finished"),
];

/// Versions of NTFS: Windows NT 4, 2000, and since XP.
const VERSIONS: [(u8, u8); 3] = [(1, 2), (3, 0), (3, 1)];

/// Units in `$UpCase`.
const UPCASE_BYTES: usize = 128 << 10;

/// An entry of `$AttrDef`: name of 64 units, type at 0x80.
const DEFINITION_BYTES: usize = 160;
const MAX_DEFINITIONS_BYTES: usize = 1 << 20;

/// Compares the boot sectors; `false` when the device ends before the volume does, so that nothing else can be said.
pub(super) fn boot(volume: &Volume, report: &mut Report<'_>) -> Result<bool> {
    let device = &*volume.device;
    if device.len().0 < volume.boot.backup_at().0 {
        let message = format!(
            "the volume has {} bytes, but the device ends after {}: nothing else was looked at",
            volume.boot.backup_at().0,
            device.len().0
        );
        report.tell(Finding::error("ntfs.boot.length", message).at(ByteOffset(device.len().0)));
        return Ok(false);
    }
    let main = Boot::read(device, ByteOffset::ZERO);
    let main_ok = match main {
        Ok(boot) if boot == volume.boot => true,
        Ok(_) => {
            let message = "the boot sector leads to no MFT that can be read; its backup was used";
            report.tell(Finding::error("ntfs.boot.main", message).at(ByteOffset::ZERO));
            false
        }
        Err(error) => {
            report.error("ntfs.boot.main", error.context("the boot sector"))?;
            false
        }
    };
    let place = volume.boot.backup_at();
    if boot::volume_len(&volume.boot, device.len()).0 == place.0 {
        let message = "there is no room for the backup boot sector behind the volume";
        report.tell(Finding::note("ntfs.boot.backup", message).at(place));
        return Ok(true);
    }
    let bytes = volume.boot.sector_bytes as usize;
    let first = device::read_vec(device, ByteOffset::ZERO, bytes)?;
    let backup = device::read_vec(device, place, bytes)?;
    if first == backup {
        return Ok(true);
    }
    let differing: Vec<usize> = (0..bytes).filter(|at| first[*at] != backup[*at]).collect();
    let at = differing.first().copied().unwrap_or(0);
    let message =
        format!("the backup boot sector differs from the boot sector in {} bytes, from byte {at} on", differing.len());
    let here = ByteOffset(place.0.saturating_add(at as u64));
    match Boot::parse(&backup, place) {
        Err(error) => report
            .tell(Finding::warning("ntfs.boot.backup", format!("the backup boot sector is none: {error}")).at(here)),
        // Two boot sectors that both read well and tell different volumes: one of them is wrong.
        Ok(_) if main_ok && differing.iter().any(|at| LAYOUT.iter().any(|part| part.contains(at))) => {
            report.tell(Finding::error("ntfs.boot.contradiction", message).at(here));
        }
        Ok(_) => report.tell(Finding::warning("ntfs.boot.backup", message).at(here)),
    }
    Ok(true)
}

impl Checker<'_> {
    /// Looks at the system files' contents.
    pub(super) fn system(&mut self) -> Result<()> {
        self.first_clusters();
        self.mirror()?;
        self.log()?;
        self.each(number::VOLUME, "ntfs.volume.information", Self::volume)?;
        self.each(number::UPCASE, "ntfs.upcase", Self::upcase)?;
        self.each(number::ATTRIBUTES, "ntfs.attrdef", Self::definitions)
    }

    /// Runs a look at one system file, whose damage is told under `rule`.
    fn each(&mut self, file: u64, rule: &'static str, look: fn(&mut Self, &File) -> Result<()>) -> Result<()> {
        let found = self.volume.file(Reference(file));
        match found.and_then(|found| look(self, &found)) {
            Ok(()) => Ok(()),
            Err(error) => self.report.error_of(file, rule, error),
        }
    }

    /// `$MFT` and `$MFTMirr` begin where the boot sector says.
    fn first_clusters(&mut self) {
        let boot = self.volume.boot;
        let first = |file: u64| {
            let file = self.volume.file(Reference(file)).ok()?;
            file.content(kind::DATA, &[])?.runs().first()?.lcn
        };
        let found = [
            (number::MFT, "$MFT", boot.mft_cluster, first(number::MFT)),
            (number::MIRROR, "$MFTMirr", boot.mirror_cluster, first(number::MIRROR)),
        ];
        for (file, name, said, runs) in found {
            if let Some(runs) = runs.filter(|runs| *runs != said) {
                let message = format!("{name} begins at cluster {runs}, but the boot sector says {said}");
                self.report.of(file, Finding::error("ntfs.boot.cluster", message).at(boot.offset_of(said)));
            }
        }
    }

    /// The mirror repeats the first records: byte by byte but for the update sequence number, which each copy has.
    fn mirror(&mut self) -> Result<()> {
        let volume = self.volume;
        let size = u64::from(volume.boot.record_bytes);
        let len =
            volume.file(Reference(number::MIRROR)).ok().and_then(|file| Some(file.content(kind::DATA, &[])?.len()));
        // At least four records; with large clusters Windows mirrors a whole cluster of them.
        let mirrored = len.map_or(number::MIRRORED, |len| (len / size).max(number::MIRRORED)).min(64);
        for at in 0..mirrored.min(self.records.count) {
            let place = ByteOffset(volume.boot.offset_of(volume.boot.mirror_cluster).0.saturating_add(at * size));
            // What is wrong with the record itself is told when it is met.
            let Ok(mut main) = volume.raw_record(at) else { continue };
            let mut copy = match volume.mirror_record(at) {
                Ok(copy) => copy,
                Err(error) => {
                    // Beyond the first four, a copy of a record that was never used need not be one.
                    if record_in_use(&main) || at < number::MIRRORED {
                        self.report.error("ntfs.mirror", error.context(format!("the mirror of record {at}")))?;
                    }
                    continue;
                }
            };
            for bytes in [&mut main, &mut copy] {
                let array = usize::from(u16_at(bytes, 4).unwrap_or(0));
                let entries = usize::from(u16_at(bytes, 6).unwrap_or(0));
                if let Some(array) = bytes.get_mut(array..array + entries * 2) {
                    array.fill(0);
                }
            }
            let used = u32_at(&main, 0x18).map_or(main.len(), |used| used as usize).min(main.len());
            if let Some(differs) = (0..used).find(|byte| main[*byte] != copy[*byte]) {
                let message = format!("record {at} and its mirror differ from byte {differs} on");
                let here = ByteOffset(place.0.saturating_add(differs as u64));
                self.report.of(at, Finding::error("ntfs.mirror", message).at(here));
            }
        }
        Ok(())
    }

    fn log(&mut self) -> Result<()> {
        let file = number::LOG_FILE;
        match self.volume.log() {
            Ok(Log::Clean) => {}
            Ok(Log::Pending) => {
                let message = "$LogFile holds changes that Windows has not finished";
                self.report.of(file, Finding::warning("ntfs.log.pending", message));
            }
            Ok(Log::Cached) => {
                let message = "Windows keeps metadata of the volume in memory (fast start, or unplugged)";
                self.report.of(file, Finding::warning("ntfs.log.cached", message));
            }
            Ok(Log::Unreadable) => {
                let message = "$LogFile has no restart page that can be read";
                self.report.of(file, Finding::error("ntfs.log.unreadable", message));
            }
            Err(error) => self.report.error_of(file, "ntfs.log.unreadable", error)?,
        }
        if self.volume.summary.state == State::Hibernated {
            let message = "Windows sleeps on this volume: what is on it is not all that Windows knows of it";
            self.report.tell(Finding::warning("ntfs.hibernated", message));
        }
        Ok(())
    }

    fn volume(&mut self, file: &File) -> Result<()> {
        let value = file.resident(kind::VOLUME_INFORMATION).ok_or_else(|| Error::damaged("it is missing"))?;
        let missing = || Error::damaged("$VOLUME_INFORMATION is too short");
        let version = (u8_at(value, 8).ok_or_else(missing)?, u8_at(value, 9).ok_or_else(missing)?);
        let flags = u16_at(value, 10).ok_or_else(missing)?;
        let place = self.volume.record_place(number::VOLUME);
        let mut tell = |finding: Finding| self.report.of(number::VOLUME, finding.at(place));
        if !VERSIONS.contains(&version) {
            let message = format!("NTFS {}.{} is not known; 1.2, 3.0 and 3.1 are", version.0, version.1);
            tell(Finding::error("ntfs.volume.version", message));
        }
        if flags & DIRTY != 0 {
            tell(Finding::warning("ntfs.volume.dirty", "the volume is marked dirty: it was not unmounted properly"));
        }
        for (flag, message) in PENDING {
            if flags & flag != 0 {
                tell(Finding::warning("ntfs.volume.flags", message));
            }
        }
        // 8: was mounted by Windows NT 4. 0x8000: chkdsk has changed something, once.
        let known = PENDING.iter().fold(DIRTY | 0x8008, |known, (flag, _)| known | flag);
        if flags & !known != 0 {
            let message = format!("the volume has flags that are not known: 0x{:x}", flags & !known);
            tell(Finding::warning("ntfs.volume.flags", message));
        }
        Ok(())
    }

    /// The table of upper-case letters: its size, and the letters of ASCII, which no version changes.
    fn upcase(&mut self, file: &File) -> Result<()> {
        let content = file.content(kind::DATA, &[]).ok_or_else(|| Error::damaged("$UpCase has no content"))?;
        let bytes = content.value(&*self.volume.device, &self.volume.boot, UPCASE_BYTES)?;
        if bytes.len() != UPCASE_BYTES {
            return Err(Error::corrupt(content.place, format!("{UPCASE_BYTES} bytes in $UpCase"), bytes.len()));
        }
        let wrong = (0..0x80u16).find(|unit| {
            let upper = if (0x61..=0x7A).contains(unit) { unit - 0x20 } else { *unit };
            u16_at(&bytes, usize::from(*unit) * 2) != Some(upper)
        });
        if let Some(unit) = wrong {
            let found = u16_at(&bytes, usize::from(unit) * 2).unwrap_or(0);
            let place = content.place_of(&self.volume.boot, u64::from(unit) * 2);
            let message = format!("$UpCase says that the upper case of 0x{unit:02x} is 0x{found:04x}");
            self.report.of(number::UPCASE, Finding::error("ntfs.upcase", message).at(place));
        }
        Ok(())
    }

    /// The definitions of attributes: in order of type, `$STANDARD_INFORMATION` first.
    fn definitions(&mut self, file: &File) -> Result<()> {
        let content = file.content(kind::DATA, &[]).ok_or_else(|| Error::damaged("$AttrDef has no content"))?;
        let bytes = content.value(&*self.volume.device, &self.volume.boot, MAX_DEFINITIONS_BYTES)?;
        let types: Vec<u32> = bytes.chunks_exact(DEFINITION_BYTES).filter_map(|entry| u32_at(entry, 0x80)).collect();
        let end = types.iter().position(|kind| *kind == 0).unwrap_or(types.len());
        let ordered = types[..end].windows(2).all(|pair| pair[0] < pair[1]);
        let complete = [kind::STANDARD_INFORMATION, kind::FILE_NAME, kind::DATA, kind::INDEX_ROOT, kind::BITMAP];
        if types.first() != Some(&kind::STANDARD_INFORMATION)
            || !ordered
            || !complete.iter().all(|kind| types.contains(kind))
        {
            return Err(Error::corrupt(
                content.place,
                "the types of attributes in order in $AttrDef",
                "something else",
            ));
        }
        Ok(())
    }
}

fn record_in_use(record: &[u8]) -> bool {
    super::super::view::Header::read(record).in_use
}

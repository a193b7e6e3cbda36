//! The boot sector, its backup, its label, and FSInfo.

use super::super::NO_NAME;
use super::super::Volume;
use super::super::boot::{BOOT_BYTES, Boot, Root};
use super::super::directory::label_text;
use super::Report;
use crate::bytes::{u16_at, u32_at};
use crate::device::read_array;
use crate::error::{Kind as ErrorKind, Result};
use crate::fs::{Finding, Kind};
use crate::unit::ByteOffset;

/// FAT32's state byte (BS_Reserved1; Windows NT and Linux keep the dirty bits in it). It changes at every mount, and
/// Windows and Linux write it to the first sector only.
const STATE_BYTE: usize = 0x41;
/// FSInfo (fatgen103, "FAT32 FSInfo Sector Structure"): its three signatures with their offsets.
const INFO_SIGNATURES: [(usize, u32); 3] = [(0, 0x4161_5252), (0x1E4, 0x6141_7272), (0x1FC, 0xAA55_0000)];
const INFO_FREE: usize = 0x1E8;
const INFO_NEXT: usize = 0x1EC;
/// What FSInfo says when it does not know.
const UNKNOWN: u32 = 0xFFFF_FFFF;

/// The boot sector that counts.
pub(super) struct Sector {
    bytes: [u8; BOOT_BYTES],
    place: ByteOffset,
}

/// Looks at the boot sector and its backup; gives the one by which the volume was opened.
///
/// # Errors
/// When the medium cannot be read.
pub(super) fn check(volume: &Volume, report: &mut Report) -> Result<Sector> {
    let first: Result<[u8; BOOT_BYTES]> = read_array(&volume.device, ByteOffset::ZERO);
    let finding = match &first {
        Ok(first) => match Boot::parse(first, ByteOffset::ZERO) {
            Ok(_) => None,
            Err(problem) => {
                Some(Finding::from_error("fat.boot.sector", problem.context("the boot sector is damaged"))?)
            }
        },
        Err(error) if error.kind() == ErrorKind::Io => {
            let message = format!("the boot sector cannot be read ({})", error.without_advice());
            Some(Finding::error("fat.boot.sector", message).at(ByteOffset::ZERO))
        }
        Err(_) => None,
    };
    if let Some(finding) = finding {
        report.add(finding);
        // It was opened by its backup, which therefore is there.
        let place = volume.boot.backup.unwrap_or_default();
        return Ok(Sector { bytes: read_array(&volume.device, place)?, place });
    }
    let sector = Sector { bytes: first?, place: ByteOffset::ZERO };
    check_backup(volume, &sector, report)?;
    check_fields(volume, &sector, report);
    Ok(sector)
}

/// fatgen103, BPB_BkBootSec: sector 6 holds a copy of the boot sector; "no value other than 6 is recommended".
fn check_backup(volume: &Volume, sector: &Sector, report: &mut Report) -> Result<()> {
    if volume.boot.kind != Kind::Fat32 {
        return Ok(());
    }
    let number = u16_at(&sector.bytes, 0x32).unwrap_or(0);
    let Some(place) = volume.boot.backup else {
        let finding = if number == 0 {
            let message =
                "expected a copy of the boot sector, found none: when the boot sector is lost, so are the files";
            Finding::error("fat.boot.backup", message)
        } else {
            let message =
                format!("expected the boot sector's copy in the reserved sectors, found it in sector {number}");
            Finding::warning("fat.boot.backup", message)
        };
        report.add(finding.at(ByteOffset(0x32)));
        return Ok(());
    };
    let copy: [u8; BOOT_BYTES] = read_array(&volume.device, place)?;
    let differing: Vec<usize> =
        (0..BOOT_BYTES).filter(|at| *at != STATE_BYTE && copy[*at] != sector.bytes[*at]).collect();
    if let Some(first) = differing.first() {
        let message = format!(
            "the copy of the boot sector differs in {} bytes: expected {:02X} at byte {first:#x} of it, found {:02X}",
            differing.len(),
            sector.bytes[*first],
            copy[*first]
        );
        report.add(Finding::warning("fat.boot.backup", message).at(ByteOffset(place.0 + *first as u64)));
    }
    Ok(())
}

/// Fields that reading the volume does not depend on, or that contradict others.
fn check_fields(volume: &Volume, sector: &Sector, report: &mut Report) {
    let boot = &volume.boot;
    if let Some(note) = volume.summary.notes.iter().find(|note| note.contains("entries for")) {
        report.add(Finding::error("fat.boot.fat-length", note).at(ByteOffset(0x16)));
    }
    if boot.fats > 2 {
        let message = format!("expected 1 or 2 FATs, found {}; most systems do not read such a volume", boot.fats);
        report.add(Finding::error("fat.boot.fats", message).at(ByteOffset(0x10)));
    }
    if let Root::Region { bytes, .. } = boot.root
        && !bytes.is_multiple_of(boot.sector_bytes.into())
    {
        let message = format!("expected a root directory of whole sectors, found one of {bytes} bytes");
        report.add(Finding::error("fat.boot.root-entries", message).at(ByteOffset(0x11)));
    }
    // fatgen103, BPB_FSVer: 0:0 is the only one there is.
    let version = u16_at(&sector.bytes, 0x2A).unwrap_or(0);
    if boot.kind == Kind::Fat32 && version != 0 {
        let message = format!("expected version 0 of FAT32, found {version:04X}; other systems may refuse the volume");
        report.add(Finding::warning("fat.boot.version", message).at(ByteOffset(0x2A)));
    }
    if boot.active_fat.is_some() {
        let message = "the FATs are not mirrored: only the active one is kept up to date";
        report.add(Finding::note("fat.boot.mirroring", message).at(ByteOffset(0x28)));
    }
    check_state_byte(volume, sector, report);
}

/// Windows NT's dirty bits (BS_Reserved1): 01 the volume is in use, 02 a surface test is due, as Linux
/// (`FAT_STATE_DIRTY`) and fsck.fat have them.
fn check_state_byte(volume: &Volume, sector: &Sector, report: &mut Report) {
    let at = if volume.boot.kind == Kind::Fat32 { STATE_BYTE } else { 0x25 };
    let state = sector.bytes[at];
    if state & 1 != 0 {
        let message = "the volume was not unmounted: expected the dirty bit clear, found it set";
        report.add(Finding::warning("fat.state.dirty", message).at(ByteOffset(at as u64)));
    }
    if state & 2 != 0 {
        let message = "a disk error was met: expected the bit that asks for a surface test clear, found it set";
        report.add(Finding::warning("fat.state.errors", message).at(ByteOffset(at as u64)));
    }
}

/// The label stands in the root directory; the boot sector repeats it (fatgen103, BS_VolLab), `NO NAME` for none.
pub(super) fn check_label(volume: &Volume, label: Option<[u8; 11]>, report: &mut Report) {
    let Some(field) = volume.boot.label else { return };
    let field = Some(label_text(&field)).filter(|field| !field.is_empty() && field != NO_NAME);
    let label = label.map(|label| label_text(&label));
    if field != label {
        let text = |label: &Option<String>| label.as_ref().map_or("none".to_owned(), |label| format!("`{label}`"));
        let message = format!(
            "expected the root directory's label in the boot sector ({}), found {}",
            text(&label),
            text(&field)
        );
        let at = if volume.boot.kind == Kind::Fat32 { 0x47 } else { 0x2B };
        report.add(Finding::warning("fat.boot.label", message).at(ByteOffset(at)));
    }
}

/// FSInfo: hints that a driver may believe, so that a wrong one makes it say "full" too early or too late.
///
/// # Errors
/// When the medium cannot be read.
pub(super) fn check_info(volume: &Volume, boot: &Sector, free: u64, report: &mut Report) -> Result<()> {
    if volume.boot.kind != Kind::Fat32 {
        return Ok(());
    }
    let number = u16_at(&boot.bytes, 0x30).unwrap_or(0);
    let offset = u64::from(number) * u64::from(volume.boot.sector_bytes);
    // FFFF is what Windows writes for "none"; 0 is the boot sector itself.
    if matches!(number, 0 | 0xFFFF) || offset >= volume.boot.fat_offset.0 {
        let message = format!("expected the number of the FSInfo sector, found {number}: free space must be counted");
        report.add(Finding::warning("fat.info.missing", message).at(ByteOffset(boot.place.0 + 0x30)));
        return Ok(());
    }
    check_info_copy(volume, offset, report)?;
    let info: [u8; BOOT_BYTES] = read_array(&volume.device, ByteOffset(offset))?;
    let field = |at| u32_at(&info, at).unwrap_or(0);
    for (at, expected) in INFO_SIGNATURES {
        if field(at) != expected {
            let message =
                format!("expected the signature {expected:08X} in the FSInfo sector, found {:08X}", field(at));
            report.add(Finding::error("fat.info.signature", message).at(ByteOffset(offset + at as u64)));
            return Ok(());
        }
    }
    let said = field(INFO_FREE);
    if said != UNKNOWN && u64::from(said) != free {
        let message = format!("expected {free} free clusters in the FSInfo sector, found {said}");
        report.add(Finding::warning("fat.info.free", message).at(ByteOffset(offset + INFO_FREE as u64)));
    }
    let next = field(INFO_NEXT);
    // Some formatters write 0, which nobody takes for a cluster.
    if next != UNKNOWN && next != 0 && !volume.table.has(next) {
        let most = u64::from(volume.boot.clusters) + 1;
        let message = format!("expected a cluster from 2 to {most} to look for free ones from, found {next}");
        report.add(Finding::warning("fat.info.next", message).at(ByteOffset(offset + INFO_NEXT as u64)));
    }
    Ok(())
}

/// The copy of FSInfo, as far behind the boot sector's copy as FSInfo is behind the boot sector (fatgen103,
/// `BPB_BkBootSec`: the sectors behind the copy are those behind the boot sector). Its counts are old on every volume
/// that was used, since drivers write FSInfo itself only: what counts is that it can take FSInfo's place.
fn check_info_copy(volume: &Volume, offset: u64, report: &mut Report) -> Result<()> {
    let Some(place) = volume.boot.backup.map(|backup| ByteOffset(backup.0.saturating_add(offset))) else {
        return Ok(());
    };
    if place.0 >= volume.boot.fat_offset.0 {
        return Ok(());
    }
    let copy: [u8; BOOT_BYTES] = read_array(&volume.device, place)?;
    let signed = |(at, expected): &(usize, u32)| u32_at(&copy, *at) == Some(*expected);
    if !INFO_SIGNATURES.iter().all(signed) {
        let message = "expected a copy of the FSInfo sector behind that of the boot sector, found none: should both \
                       be put back, free space must be counted anew";
        report.add(Finding::note("fat.info.copy", message).at(place));
    }
    Ok(())
}

//! The recovery aid: what leads to the images inside a disk's volumes, kept in a file on other media or in a partition
//! of its own.

mod collect;
mod state;

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::change::{in_use, left, reread};
use super::export::refuse_same_volume;
use super::in_place::{refuse_changed, write_table};
use super::survey::{occupant, same_file};
use super::{Devices, Monitor, Outcome, Report, exact};
use crate::device::{FileDevice, FileWriter, MemoryDevice, ReadDevice, Window, WriteDevice, read_vec};
use crate::error::{Error, Result};
use crate::image::container::{Aid, aid_copies, encode_aids, read_aids};
use crate::inventory::{Address, Container, Place, RecoveryPartition, Source, open_source};
use crate::plan::{self, AidRequest, AidSurvey, AidWork, Plan, StepKind};
use crate::table::{self, RECOVERY_TYPE_GPT, RECOVERY_TYPE_MBR, SectorWrite};
use crate::unit::{ByteLen, ByteOffset};
use crate::volume::ByteRange;
use crate::words::{en, fill, plural};
use collect::{Collected, collect};

pub use state::{AidState, aid_state};

/// What is written at once: whole sectors, also of 4 KiB.
const ALIGN: usize = 4096;

/// A partition that begins with so many zeros is taken to be empty.
const FIRST_LOOK: u64 = 1 << 20;

/// Writes what leads to the images of a disk or a volume to a new file, and reads it back.
pub(super) fn write_file(source: &Address, path: &Path, monitor: &Monitor) -> Result<Report> {
    let volume = open_source(source)?.place;
    let disk = open_source(&Address::Whole(volume.disk.clone()))?.place;
    let collected = collect(source, 1, monitor)?;
    for container in &collected.containers {
        refuse_same_volume(path, &container.source.place.mounted_at)?;
    }
    let bytes = encode_aids(&collected.aids)?;
    let writer = FileWriter::create(path, ByteLen::of(&bytes))?;
    if let Err(error) = write_whole(&writer, &bytes) {
        drop(writer);
        // What is no whole aid is not left lying about.
        let _ = std::fs::remove_file(path);
        return Err(error.advise("The file was removed; choose another place"));
    }
    let mut warnings = collected.lacks;
    if refuse_same_volume(path, &disk.mounted_at).is_err() {
        warnings.push(fill(en::CAUTION_AID_ON_DISK, &[("path", &path.display())]));
    }
    Ok(Report {
        outcome: if warnings.is_empty() { Outcome::Done } else { Outcome::DoneWithWarnings },
        headline: fill(en::HEAD_AID, &[("place", &path.display()), ("source", source)]),
        facts: facts(&collected.aids, &bytes),
        warnings,
        next: vec![fill(en::NEXT_AID_FILE, &[("disk", &disk.disk.display()), ("path", &path.display())])],
    })
}

/// Writes, flushes and reads back a new file.
fn write_whole(writer: &FileWriter, bytes: &[u8]) -> Result<()> {
    writer.write_at(ByteOffset::ZERO, bytes)?;
    writer.flush()?;
    writer.forget();
    if read_vec(writer, ByteOffset::ZERO, bytes.len())? != bytes {
        return Err(other_bytes());
    }
    read_aids(writer, ByteOffset::ZERO).map(drop)
}

fn other_bytes() -> Error {
    Error::damaged("other bytes came back than were written: the medium does not keep what is written to it")
}

fn facts(aids: &[Aid], bytes: &[u8]) -> Vec<(String, String)> {
    let metadata: usize = aids.iter().flat_map(|aid| &aid.metadata).map(|saved| saved.hex.len() / 2).sum();
    let images: usize = aids.iter().map(|aid| aid.toc.images.len()).sum();
    let table = aids.iter().any(|aid| aid.table.is_some());
    vec![
        (en::TOLD_VOLUMES.into(), aids.len().to_string()),
        (en::TOLD_IMAGES.into(), images.to_string()),
        (en::PLAN_TABLE.into(), if table { en::RESULT_TABLE_KEPT } else { en::RESULT_TABLE_NONE }.into()),
        (en::TOLD_FILE_SYSTEMS.into(), exact(metadata as u64)),
        (en::PLAN_SIZE.into(), exact(bytes.len() as u64)),
        (en::TOLD_READ_BACK.into(), en::PROOF_BYTES.into()),
    ]
}

/// Looks at a source and at the partition that shall lead to its images, and plans it.
pub(super) fn plan(request: &AidRequest, monitor: &Monitor) -> Result<Plan> {
    let target = open_source(&request.target)?;
    let disk = open_source(&Address::Whole(target.place.disk.clone()))?;
    let now = RecoveryPartition::read(&target.place.entry.clone().unwrap_or_default(), &*target.device);
    let before = now.current();
    let counts = before.and_then(|(_, aids)| aids.first()).map(|aid| aid.sequence);
    let whole =
        |copy: &Result<Vec<Aid>>| copy.as_ref().ok().and_then(|aids| aids.first()).map_or(0, |aid| aid.sequence);
    let sequence = now.copies.iter().map(whole).max().unwrap_or(0).saturating_add(1);
    let Collected { mut aids, containers, mut lacks, needed } = collect(&request.source, sequence, monitor)?;
    let known: Vec<Uuid> = aids.iter().map(|aid| aid.toc.container_id).collect();
    let others = before.map_or(0, |(_, old)| old.iter().filter(|aid| !known.contains(&aid.toc.container_id)).count());
    if others > 0 {
        let words = plural(others as u64, en::AID_OTHERS_ONE, en::AID_OTHERS_MANY);
        lacks.push(fill(words, &[("count", &others)]));
    }
    let type_writes = type_writes(&target.place, &disk)?;
    // The table that is kept is the one that will be there.
    let table = table::capture(&table::after(&disk.device, &type_writes))?;
    let table = table.and_then(|table| serde_json::to_value(table).ok());
    for (aid, container) in aids.iter_mut().zip(&containers) {
        if same_file(&container.source.place.disk, &target.place.disk) {
            aid.table.clone_from(&table);
        }
    }
    let mut bytes = encode_aids(&aids)?;
    bytes.resize(bytes.len().next_multiple_of(ALIGN), 0);
    let overlaps = |place: &Place| {
        let apart = place.start.0.saturating_add(place.len.0) <= target.place.start.0
            || target.place.start.0.saturating_add(target.place.len.0) <= place.start.0;
        !apart && same_file(&place.disk, &target.place.disk)
    };
    let mut copies = aid_copies(target.place.len);
    if before.is_some_and(|(at, _)| at == 0) {
        copies.reverse();
    }
    let survey = AidSurvey {
        occupant: if before.is_some() { None } else { there_now(&target) },
        in_use: in_use(&target.place),
        counts,
        copies,
        bytes,
        type_writes,
        overlaps: containers.iter().find(|have| overlaps(&have.source.place)).map(|have| have.volume.clone()),
        containers: containers.iter().map(in_words).collect(),
        needed,
        lacks,
        place: target.place,
        disk: disk.place,
    };
    plan::aid(request, survey)
}

fn in_words(container: &Container) -> String {
    let count = container.images.len() as u64;
    let words = plural(count, en::AID_VOLUME_ONE, en::AID_VOLUME_MANY);
    fill(words, &[("volume", &container.volume), ("count", &count)])
}

/// What is in a partition, in words; none when it begins with zeros.
fn there_now(target: &Source) -> Option<String> {
    let first = read_vec(&*target.device, ByteOffset::ZERO, target.place.len.0.min(FIRST_LOOK) as usize);
    let blank = first.is_ok_and(|bytes| bytes.iter().all(|byte| *byte == 0));
    occupant(&target.device).or_else(|| (!blank).then(|| en::THERE_UNKNOWN.into()))
}

/// What gives the partition Lifeboat's own type; nothing for a place that is no partition, which the plan refuses.
fn type_writes(place: &Place, disk: &Source) -> Result<Vec<SectorWrite>> {
    let Some(entry) = place.entry.as_ref().filter(|entry| !entry.found) else { return Ok(Vec::new()) };
    let mbr = format!("{RECOVERY_TYPE_MBR:#04x}");
    let own = if place.table == table::Kind::Gpt { RECOVERY_TYPE_GPT } else { &mbr };
    table::set_type(&disk.device, entry.number, own)
}

/// The partition, open for writing: through its disk when its type is written, too.
struct Target {
    device: Arc<dyn WriteDevice>,
    base: u64,
    len: ByteLen,
}

/// Carries it out. One copy is whole at any moment: the one that counts is written only when the other is on the medium.
pub(super) fn run(plan: &Plan, work: &AidWork, devices: &dyn Devices, monitor: &Monitor) -> Result<Report> {
    let survey = &work.survey;
    let untouched = |error: Error| left(error, "Nothing was written");
    let by_disk = !survey.type_writes.is_empty();
    let place = if by_disk { &survey.disk } else { &survey.place };
    let device: Arc<dyn WriteDevice> = Arc::from(devices.volume(place).map_err(untouched)?);
    let target = Target { device, base: if by_disk { survey.place.start.0 } else { 0 }, len: survey.place.len };
    target.device.forget();
    target.refuse_changed(survey).map_err(untouched)?;
    monitor.check().map_err(untouched)?;
    let written = |error: Error| left(error, "One of its two copies is whole: renew it again");
    for (number, copy) in survey.copies.iter().enumerate() {
        plan.enter_in(&(number..plan.steps.len()), StepKind::WriteAid, monitor);
        target.write(*copy, &survey.bytes).map_err(|error| if number == 0 { error } else { written(error) })?;
        monitor.advance(survey.bytes.len() as u64);
        monitor.check().map_err(written)?;
    }
    if plan.enter(StepKind::WriteTable, monitor) {
        let stays = "What leads to the images is written, but the partition may not have its type: do it again";
        write_table(&survey.type_writes, &*target.device).map_err(|error| left(error, stays))?;
    }
    let aids = read_aids(&MemoryDevice::new(survey.bytes.clone()), ByteOffset::ZERO)?;
    drop(target);
    reread(&survey.place);
    monitor.enter(plan.steps.len());
    Ok(Report {
        outcome: if survey.lacks.is_empty() { Outcome::Done } else { Outcome::DoneWithWarnings },
        headline: fill(en::HEAD_AID, &[("place", &work.request.target), ("source", &work.request.source)]),
        facts: facts(&aids, &survey.bytes),
        warnings: survey.lacks.clone(),
        next: vec![en::NEXT_AID_PARTITION.into()],
    })
}

impl Target {
    /// Refuses when something else was there meanwhile than when the plan was made.
    fn refuse_changed(&self, survey: &AidSurvey) -> Result<()> {
        let window = Window::new(Arc::clone(&self.device) as Arc<dyn ReadDevice>, ByteOffset(self.base), self.len)?;
        let now = RecoveryPartition::read(&table::Entry::default(), &window);
        let counts = now.current().and_then(|(_, aids)| aids.first()).map(|aid| aid.sequence);
        refuse_changed(&survey.type_writes, &*self.device)?;
        if counts == survey.counts {
            return Ok(());
        }
        Err(Error::refused("the recovery partition was changed since the plan was made").advise("Plan it again"))
    }

    fn write(&self, copy: ByteRange, bytes: &[u8]) -> Result<()> {
        let at = ByteOffset(self.base + copy.offset.0);
        self.device.write_at(at, bytes)?;
        self.device.flush()?;
        self.device.forget();
        if read_vec(&*self.device, at, bytes.len())? == bytes { Ok(()) } else { Err(other_bytes()) }
    }
}

/// The disk of a source, open for reading.
fn disk_of(place: &Place) -> Result<Arc<FileDevice>> {
    Ok(Arc::new(FileDevice::open(&place.disk)?.with_sectors(place.sector_bytes)))
}

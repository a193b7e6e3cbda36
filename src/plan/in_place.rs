//! Planning a restore onto a volume that holds images: they stay, and the restored volume gets them as its files.

use super::backup::{place_words, step};
use super::restore::{ImagesInside, confirm_word, refuse_target, warnings};
use super::{Plan, RestoreRequest, RestoreSurvey, Safety, Step, StepKind, Work};
use crate::error::{Error, Result};
use crate::extent::ExtentSet;
use crate::fs::{ByteRange, Patch};
use crate::image::container::Toc;
use crate::image::content_bytes;
use crate::table::SectorWrite;
use crate::unit::{ByteLen, ByteOffset};

/// Bytes of the container that are copied out of the restored volume's way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MovedPart {
    /// Where they lie today.
    pub from: ByteRange,
    /// Where they will lie; as many.
    pub to: ByteRange,
}

/// How much of the target is not what the image has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Differing {
    /// So many bytes, by whole clusters: only they are written.
    Bytes(u64),
    /// More than half of what was read before it was no longer worth it: everything is written.
    Most,
    /// Nobody looked, as was asked: everything is written.
    Unknown,
}

/// What makes the disk's table name the volume again.
#[derive(Clone, PartialEq, Debug)]
pub struct TableRepair {
    /// In words: the entry, or the whole table.
    pub what: String,
    /// Sectors of the disk, in the order in which they are written.
    pub writes: Vec<SectorWrite>,
}

/// What was found and worked out.
#[derive(Clone, Debug)]
pub struct InPlaceSurvey {
    /// The image, and the place it goes to.
    pub restore: RestoreSurvey,
    /// The container as it lies today.
    pub today: Toc,
    /// As it will lie, with a higher sequence number where anything changes.
    pub toc: Toc,
    /// What is copied for that.
    pub moved: Vec<MovedPart>,
    /// The copies' places are free today: a cancel or a power cut meanwhile loses nothing.
    pub moved_to_free: bool,
    /// The tables of contents are written anew.
    pub renew: bool,
    /// What is written to the disk's partition table.
    pub table: Option<TableRepair>,
    /// Open journals of interrupted changes, which the restore makes meaningless: they are closed.
    pub journals: Vec<ByteOffset>,
    /// What makes the container's files files of the restored volume: changes of the image's bytes.
    pub patches: Vec<Patch>,
    /// Clusters that are not in the image, and that these changes need.
    pub more: ExtentSet,
    /// How much of the target differs.
    pub differing: Differing,
    /// What keeps the volume from being written now, in words.
    pub in_use: Option<String>,
    /// What the partition table says that the table of contents does not expect, in words.
    pub stranger: Option<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What the worker needs.
#[derive(Clone, Debug)]
pub struct InPlaceWork {
    /// The request.
    pub request: RestoreRequest,
    /// What was found and worked out.
    pub survey: InPlaceSurvey,
}

/// Plans a restore in place.
///
/// # Errors
/// A refusal, with its numbers and what to do instead.
pub fn in_place(request: &RestoreRequest, survey: InPlaceSurvey) -> Result<Plan> {
    let restore = &survey.restore;
    refuse_target(request, restore)?;
    if let Some(in_use) = &survey.in_use {
        return Err(
            Error::refused(format!("{} is in use: {in_use}", request.target)).advise("See that nothing else uses it")
        );
    }
    if request.zero_free || request.discard {
        return Err(Error::refused(
            "--zero-free and --discard are not for a restore in place: unused clusters are left alone",
        )
        .advise("Leave them out"));
    }
    if let (Some(stranger), true) = (&survey.stranger, request.home) {
        return Err(Error::refused(format!("the place that the image came from is another partition now: {stranger}"))
            .advise(format!("If it shall be overwritten all the same, say so: --to {}", request.target)));
    }
    let header = &restore.header;
    let label = header.volume.label.as_ref().map(|label| format!(", \"{label}\"")).unwrap_or_default();
    let mut said = warnings(request, restore);
    said.extend(survey.warnings.iter().cloned());
    if !survey.moved.is_empty() && !survey.moved_to_free {
        said.push("The images are moved to clusters that are in use today: from then on what is there now is lost, and only finishing helps".into());
    }
    if let Some(repair) = &survey.table {
        said.push(format!(
            "The disk's partition table is damaged, or does not name this volume: {} is put back",
            repair.what
        ));
    }
    if !survey.journals.is_empty() {
        said.push(format!(
            "{} interrupted changes of the volume wait to be finished: the restore ends them",
            survey.journals.len()
        ));
    }
    if request.images == ImagesInside::Drop {
        said.push("All images inside the volume are dropped at the end, the one that is restored as well".into());
    }
    if !request.check {
        said.push("The restored volume will not be checked".into());
    }
    Ok(Plan {
        headline: format!("Restore {} ({}{label}) in place, to {}", request.image, header.volume.kind, request.target),
        facts: facts(request, &survey, &label),
        steps: steps(request, &survey),
        warnings: said,
        command: request.command(),
        confirm: Some(confirm_word(&request.target)),
        work: Work::RestoreInPlace(Box::new(InPlaceWork { request: request.clone(), survey })),
    })
}

fn facts(request: &RestoreRequest, survey: &InPlaceSurvey, label: &str) -> Vec<(String, String)> {
    let restore = &survey.restore;
    let header = &restore.header;
    let content = content_bytes(header);
    let names: Vec<&str> = survey.today.images.iter().map(|image| image.name.as_str()).collect();
    let stay = match request.images {
        ImagesInside::Keep => "stay",
        ImagesInside::Drop => "are dropped at the end",
    };
    let mut facts = vec![
        (
            "Image".into(),
            format!("{} ({} image \"{}\" of {})", request.image, header.kind.name(), header.name, header.created),
        ),
        ("Volume".into(), format!("{}{label}, {}, {content} used", header.volume.kind, header.grid.len())),
        ("Target".into(), place_words(&request.target, &restore.place)),
        ("There now".into(), restore.occupant.clone().unwrap_or_else(|| "nothing known".into())),
        ("Differs".into(), differs(survey, content)),
        ("Images inside".into(), format!("{} ({}): they {stay}", names.len(), names.join(", "))),
    ];
    if let Some(repair) = &survey.table {
        let places: Vec<String> =
            repair.writes.iter().map(|write| format!("{} at byte {}", write.what, write.offset.0)).collect();
        facts.push(("Partition table".into(), format!("put back: {}; {}", repair.what, places.join(", "))));
    }
    if !survey.moved.is_empty() {
        let from = survey.moved.iter().map(|moved| moved.from.offset.0).min().unwrap_or(0);
        let to = survey.moved.iter().map(|moved| moved.to.offset.0).min().unwrap_or(0);
        facts.push((
            "Images moved".into(),
            format!("{} in the volume's way, from byte {from} on, to byte {to} on", ByteLen(moved_bytes(survey))),
        ));
    }
    facts
}

fn differs(survey: &InPlaceSurvey, content: ByteLen) -> String {
    match survey.differing {
        Differing::Bytes(0) => "nothing: the volume is as the image has it".into(),
        Differing::Bytes(bytes) => format!("{} ({bytes} bytes) of {content}: only that is written", ByteLen(bytes)),
        Differing::Most => "most of it: everything is written".into(),
        Differing::Unknown => "not looked at: everything is written".into(),
    }
}

fn moved_bytes(survey: &InPlaceSurvey) -> u64 {
    survey.moved.iter().map(|moved| moved.from.len.0).sum()
}

fn steps(request: &RestoreRequest, survey: &InPlaceSurvey) -> Vec<Step> {
    let content = content_bytes(&survey.restore.header).0;
    let mut steps = Vec::new();
    if !request.trust {
        steps.push(step(StepKind::VerifyImage, "Check every digest of the image", content, Safety::Reads));
    }
    if !survey.moved.is_empty() {
        let title = "Copy the images that are in the way to their new places, and read the copies back";
        steps.push(step(StepKind::MoveImages, title, 2 * moved_bytes(survey), Safety::Overwrites));
    }
    if survey.renew {
        let bytes = survey.toc.files.iter().filter(|file| file.role.is_toc()).map(|file| file.bytes).sum();
        steps.push(step(StepKind::WriteContents, "Write the images' table of contents", bytes, Safety::Overwrites));
    }
    if let Some(repair) = &survey.table {
        let bytes = repair.writes.iter().map(|write| write.new.len() as u64).sum();
        steps.push(step(StepKind::WriteTable, &format!("Put back {}", repair.what), bytes, Safety::Overwrites));
    }
    let title = match survey.differing {
        Differing::Bytes(_) => "Mark the volume as unfinished, and write the clusters that differ",
        _ => "Mark the volume as unfinished, and write its used clusters",
    };
    steps.push(step(StepKind::WriteClusters, title, content, Safety::Overwrites));
    steps.push(step(StepKind::SyncTarget, "Wait until everything is on the medium", 0, Safety::Overwrites));
    if request.verify {
        steps.push(step(StepKind::ReadBackTarget, "Read the volume back and compare", content, Safety::Reads));
    }
    steps.push(step(StepKind::Seal, "Write boot record and superblock, and read them back", 0, Safety::Overwrites));
    if request.check {
        steps.push(step(StepKind::CheckVolume, "Check the restored volume", 0, Safety::Reads));
    }
    if request.images == ImagesInside::Drop {
        steps.push(step(StepKind::DropImages, "Overwrite what the dropped images begin with", 0, Safety::Overwrites));
    }
    steps
}

//! Planning a restore onto a volume that holds images: they stay, and the restored volume gets them as its files.

use std::fmt::Display;

use super::change::refuse_use;
use super::names::{Fact, fact, image_words, imaged_words, place_words, step, volume_words};
use super::restore::{ImagesInside, confirm_word, refuse_target, warnings};
use super::{Plan, RestoreRequest, RestoreSurvey, Safety, Step, StepKind, Work};
use crate::error::{Error, Result};
use crate::extent::ExtentSet;
use crate::fs::{ByteRange, Patch};
use crate::image::container::Toc;
use crate::image::content_bytes;
use crate::table::SectorWrite;
use crate::unit::{ByteLen, ByteOffset};
use crate::words::{en, fill, plural};

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
    refuse_use(&request.target, &restore.place, survey.in_use.as_deref())?;
    if request.zero_free || request.discard {
        return Err(Error::refused(en::REFUSAL_CLEAR_IN_PLACE).advise(en::INSTEAD_LEAVE_OUT));
    }
    if let (Some(stranger), true) = (&survey.stranger, request.home) {
        return Err(Error::refused(fill(en::REFUSAL_STRANGER, &[("stranger", stranger)]))
            .advise(fill(en::INSTEAD_SAY_SO, &[("target", &request.target)])));
    }
    let header = &restore.header;
    let volume = volume_words(header.volume.kind, header.volume.label.as_deref());
    let said: [(&str, &dyn Display); 3] = [("image", &request.image), ("volume", &volume), ("target", &request.target)];
    Ok(Plan {
        headline: fill(en::PLANNED_IN_PLACE, &said),
        facts: facts(request, &survey),
        steps: steps(request, &survey),
        warnings: all_warnings(request, &survey),
        command: request.command(),
        confirm: Some(confirm_word(&request.target)),
        work: Work::RestoreInPlace(Box::new(InPlaceWork { request: request.clone(), survey })),
    })
}

/// What any restore warns of, and what only one in place does.
fn all_warnings(request: &RestoreRequest, survey: &InPlaceSurvey) -> Vec<String> {
    let mut said = warnings(request, &survey.restore);
    said.extend(survey.warnings.iter().cloned());
    if !survey.moved.is_empty() && !survey.moved_to_free {
        said.push(en::WARN_MOVED_TO_USED.into());
    }
    if let Some(repair) = &survey.table {
        said.push(fill(en::WARN_TABLE_PUT_BACK, &[("what", &repair.what)]));
    }
    if !survey.journals.is_empty() {
        let count = survey.journals.len();
        said.push(fill(plural(count as u64, en::WARN_ENDS_ONE, en::WARN_ENDS_MANY), &[("count", &count)]));
    }
    if request.images == ImagesInside::Drop {
        said.push(en::WARN_DROPPED.into());
    }
    if !request.check {
        said.push(en::WARN_RESTORED_UNCHECKED.into());
    }
    said
}

fn facts(request: &RestoreRequest, survey: &InPlaceSurvey) -> Vec<Fact> {
    let restore = &survey.restore;
    let header = &restore.header;
    let content = content_bytes(header);
    let names: Vec<&str> = survey.today.images.iter().map(|image| image.name.as_str()).collect();
    let images = match request.images {
        ImagesInside::Keep => en::VALUE_IMAGES_STAY,
        ImagesInside::Drop => en::VALUE_IMAGES_DROPPED,
    };
    let images = fill(images, &[("count", &names.len()), ("names", &names.join(", "))]);
    let mut facts = vec![
        fact(en::FACT_IMAGE, image_words(&request.image, header)),
        fact(en::VOLUME, imaged_words(header, content)),
        fact(en::PLAN_TARGET, place_words(&request.target, &restore.place)),
        fact(en::PLAN_THERE_NOW, restore.occupant.as_deref().unwrap_or(en::NOTHING_KNOWN)),
        fact(en::PLAN_DIFFERS, differs(survey, content)),
        fact(en::PLAN_IMAGES_INSIDE, images),
    ];
    if let Some(repair) = &survey.table {
        let place = |write: &SectorWrite| fill(en::VALUE_AT_BYTE, &[("what", &write.what), ("byte", &write.offset.0)]);
        let places: Vec<String> = repair.writes.iter().map(place).collect();
        let value = fill(en::VALUE_TABLE_PUT_BACK, &[("what", &repair.what), ("places", &places.join(", "))]);
        facts.push(fact(en::PLAN_TABLE, value));
    }
    if !survey.moved.is_empty() {
        let from = survey.moved.iter().map(|moved| moved.from.offset.0).min().unwrap_or(0);
        let to = survey.moved.iter().map(|moved| moved.to.offset.0).min().unwrap_or(0);
        let size = ByteLen(moved_bytes(survey));
        let value = fill(en::VALUE_IMAGES_MOVED, &[("size", &size), ("from", &from), ("to", &to)]);
        facts.push(fact(en::PLAN_IMAGES_MOVED, value));
    }
    facts
}

fn differs(survey: &InPlaceSurvey, content: ByteLen) -> String {
    match survey.differing {
        Differing::Bytes(0) => en::VALUE_SAME.into(),
        Differing::Bytes(bytes) => {
            fill(en::VALUE_DIFFERS, &[("size", &ByteLen(bytes)), ("bytes", &bytes), ("all", &content)])
        }
        Differing::Most => en::VALUE_DIFFERS_MOSTLY.into(),
        Differing::Unknown => en::VALUE_DIFFERS_UNKNOWN.into(),
    }
}

fn moved_bytes(survey: &InPlaceSurvey) -> u64 {
    survey.moved.iter().map(|moved| moved.from.len.0).sum()
}

fn steps(request: &RestoreRequest, survey: &InPlaceSurvey) -> Vec<Step> {
    let content = content_bytes(&survey.restore.header).0;
    let mut steps = Vec::new();
    if !request.trust {
        steps.push(step(StepKind::VerifyImage, en::STEP_VERIFY_IMAGE, content, Safety::Reads));
    }
    if !survey.moved.is_empty() {
        steps.push(step(StepKind::MoveImages, en::STEP_MOVE_IMAGES, 2 * moved_bytes(survey), Safety::Overwrites));
    }
    if survey.renew {
        let bytes = survey.toc.files.iter().filter(|file| file.role.is_toc()).map(|file| file.bytes).sum();
        steps.push(step(StepKind::WriteContents, en::STEP_WRITE_CONTENTS, bytes, Safety::Overwrites));
    }
    if let Some(repair) = &survey.table {
        let bytes = repair.writes.iter().map(|write| write.new.len() as u64).sum();
        let title = fill(en::STEP_PUT_BACK, &[("what", &repair.what)]);
        steps.push(step(StepKind::WriteTable, &title, bytes, Safety::Overwrites));
    }
    let title = match survey.differing {
        Differing::Bytes(_) => en::STEP_WRITE_DIFFERING,
        _ => en::STEP_WRITE_ALL,
    };
    steps.push(step(StepKind::WriteClusters, title, content, Safety::Overwrites));
    steps.push(step(StepKind::SyncTarget, en::STEP_SYNC_TARGET, 0, Safety::Overwrites));
    if request.verify {
        steps.push(step(StepKind::ReadBackTarget, en::STEP_READ_BACK_VOLUME, content, Safety::Reads));
    }
    steps.push(step(StepKind::Seal, en::STEP_SEAL, 0, Safety::Overwrites));
    if request.check {
        steps.push(step(StepKind::CheckVolume, en::STEP_CHECK_RESTORED, 0, Safety::Reads));
    }
    if request.images == ImagesInside::Drop {
        steps.push(step(StepKind::DropImages, en::STEP_DROP_IMAGES, 0, Safety::Overwrites));
    }
    steps
}

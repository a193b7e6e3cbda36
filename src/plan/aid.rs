//! Planning a recovery partition: what leads to a disk's images, written into a small partition of its own.

use std::fmt::Display;

use super::change::{refuse_read_only, refuse_use};
use super::names::{fact, place_words, step};
use super::restore::confirm_word;
use super::{Plan, Safety, StepKind, Work, quoted};
use crate::error::{Error, Result};
use crate::inventory::{Address, Place};
use crate::table::SectorWrite;
use crate::unit::ByteLen;
use crate::volume::ByteRange;
use crate::words::{en, fill, plural};

/// What leads to the images of `source` shall be kept in the partition `target`.
#[derive(Clone, PartialEq, Debug)]
pub struct AidRequest {
    /// A disk, with all its volumes that hold images; or one volume.
    pub source: Address,
    /// The partition that becomes the recovery partition, or is renewed.
    pub target: Address,
}

impl AidRequest {
    /// The equivalent command line.
    #[must_use]
    pub fn command(&self) -> String {
        let (source, target) = (self.source.to_string(), self.target.to_string());
        format!("lifeboat aid {} --to-partition {}", quoted(&source), quoted(&target))
    }
}

/// What is known about the source and the target.
#[derive(Clone, Debug)]
pub struct AidSurvey {
    /// The partition.
    pub place: Place,
    /// Its disk as a whole, for the partition's type.
    pub disk: Place,
    /// What is in it now, in words; none for a recovery partition.
    pub occupant: Option<String>,
    /// Why something else uses it.
    pub in_use: Option<String>,
    /// The sequence number of the copy that counts today.
    pub counts: Option<u64>,
    /// The places of its two copies, in the order in which they are written: the one that counts is the last.
    pub copies: [ByteRange; 2],
    /// What each of them will hold, rounded to sectors.
    pub bytes: Vec<u8>,
    /// What is written to the disk to give the partition its type.
    pub type_writes: Vec<SectorWrite>,
    /// The volumes that it leads to, in words: address, and how many images.
    pub containers: Vec<String>,
    /// The partition overlaps the volume of this address, which holds the images.
    pub overlaps: Option<Address>,
    /// Images to which only this partition leads: renewing it would lose them.
    pub needed: Vec<Address>,
    /// What is not in the aid and could be, in sentences.
    pub lacks: Vec<String>,
}

/// What the worker needs.
#[derive(Clone, Debug)]
pub struct AidWork {
    /// The request.
    pub request: AidRequest,
    /// What was found.
    pub survey: AidSurvey,
}

/// Plans it.
///
/// # Errors
/// A refusal, with its numbers and what to do instead.
pub fn aid(request: &AidRequest, survey: AidSurvey) -> Result<Plan> {
    refuse(request, &survey)?;
    let bytes = survey.bytes.len() as u64;
    let lost = |there: &String| fill(en::WARN_LOST_KNOWN, &[("target", &request.target), ("there", there)]);
    let warnings: Vec<String> = survey.occupant.iter().map(lost).chain(survey.lacks.iter().cloned()).collect();
    let mut steps = Vec::new();
    for title in [en::STEP_AID_FIRST, en::STEP_AID_SECOND] {
        steps.push(step(StepKind::WriteAid, title, bytes, Safety::Overwrites));
    }
    if !survey.type_writes.is_empty() {
        let bytes = survey.type_writes.iter().map(|write| write.new.len() as u64).sum();
        steps.push(step(StepKind::WriteTable, en::STEP_AID_TYPE, bytes, Safety::Overwrites));
    }
    let there_now = survey.occupant.as_deref().unwrap_or(en::VALUE_AID_OR_NOTHING);
    let facts = vec![
        fact(en::PLAN_LEADS_TO, survey.containers.join(", ")),
        fact(en::PLAN_TARGET, place_words(&request.target, &survey.place)),
        fact(en::PLAN_THERE_NOW, there_now),
        fact(en::PLAN_SIZE, fill(en::VALUE_TWO_COPIES, &[("size", &ByteLen(bytes)), ("bytes", &bytes)])),
    ];
    Ok(Plan {
        headline: fill(en::PLANNED_AID, &[("target", &request.target), ("source", &request.source)]),
        facts,
        steps,
        warnings,
        command: request.command(),
        confirm: Some(confirm_word(&request.target)),
        work: Work::Aid(Box::new(AidWork { request: request.clone(), survey })),
    })
}

fn refuse(request: &AidRequest, survey: &AidSurvey) -> Result<()> {
    let (target, place) = (&request.target, &survey.place);
    if place.entry.as_ref().is_none_or(|entry| entry.found) {
        return Err(
            Error::refused(fill(en::REFUSAL_NO_PARTITION, &[("target", target)])).advise(en::INSTEAD_SMALL_PARTITION)
        );
    }
    if let Some(volume) = &survey.overlaps {
        return Err(Error::refused(fill(en::REFUSAL_OVERLAPS, &[("target", target), ("volume", volume)]))
            .advise(en::INSTEAD_ANOTHER_PARTITION));
    }
    refuse_use(target, place, survey.in_use.as_deref())?;
    refuse_read_only(target, place, en::INSTEAD_UNLOCK_PARTITION)?;
    if let Some(image) = survey.needed.first() {
        let count = survey.needed.len();
        let words = plural(count as u64, en::REFUSAL_ONLY_WAY_ONE, en::REFUSAL_ONLY_WAY_MANY);
        return Err(Error::refused(fill(words, &[("count", &count), ("image", image)]))
            .advise(fill(en::INSTEAD_BRING_BACK, &[("image", image)])));
    }
    let need = 2 * survey.bytes.len() as u64;
    let have: u64 = survey.copies.iter().map(|copy| copy.len.0).sum();
    if need > have {
        let (have, need, missing) = (have / 2, need / 2, need - have);
        let said: [(&str, &dyn Display); 4] =
            [("target", target), ("have", &have), ("need", &need), ("missing", &missing)];
        return Err(Error::refused(fill(en::REFUSAL_AID_SMALL, &said)).advise(en::INSTEAD_LARGER_PARTITION));
    }
    Ok(())
}

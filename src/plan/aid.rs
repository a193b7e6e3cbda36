//! Planning a recovery partition: what leads to a disk's images, written into a small partition of its own.

use super::backup::{place_words, step};
use super::restore::confirm_word;
use super::{Plan, Safety, StepKind, Work, quoted};
use crate::error::{Error, Result};
use crate::inventory::{Address, Place};
use crate::table::SectorWrite;
use crate::unit::ByteLen;
use crate::volume::ByteRange;

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
    let warnings: Vec<String> = survey
        .occupant
        .iter()
        .map(|there| format!("What is on {} now is lost: {there}", request.target))
        .chain(survey.lacks.iter().cloned())
        .collect();
    let mut steps = Vec::new();
    for number in ["first", "second"] {
        let title = format!("Write the {number} copy, flush it, and read it back");
        steps.push(step(StepKind::WriteAid, &title, bytes, Safety::Overwrites));
    }
    if !survey.type_writes.is_empty() {
        let bytes = survey.type_writes.iter().map(|write| write.new.len() as u64).sum();
        let title = "Give the partition Lifeboat's own type in the partition table";
        steps.push(step(StepKind::WriteTable, title, bytes, Safety::Overwrites));
    }
    let facts = vec![
        ("Leads to".into(), survey.containers.join(", ")),
        ("Target".into(), place_words(&request.target, &survey.place)),
        ("There now".into(), survey.occupant.clone().unwrap_or_else(|| "a recovery partition, or nothing".into())),
        ("Size".into(), format!("two copies of {} ({bytes} bytes)", ByteLen(bytes))),
    ];
    Ok(Plan {
        headline: format!("Keep in {} what leads to the images of {}", request.target, request.source),
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
        return Err(Error::refused(format!("{target} is no partition that a table names"))
            .advise("Make a small partition, of 16 MiB say, and name it as PATH:N"));
    }
    if let Some(volume) = &survey.overlaps {
        return Err(Error::refused(format!("{target} overlaps {volume}, which holds the images"))
            .advise("Name another partition, small and not in use"));
    }
    if let Some(mount) = place.mounted_at.first() {
        return Err(Error::refused(format!("{target} is in use: mounted at {}", mount.display()))
            .advise(format!("Unmount it first: umount {}", mount.display())));
    }
    if let Some(in_use) = &survey.in_use {
        return Err(Error::refused(format!("{target} is in use: {in_use}")).advise("See that nothing else uses it"));
    }
    if place.read_only {
        return Err(Error::refused(format!("{target} cannot be written: it is read-only"))
            .advise("Lift its write protection, or choose another partition"));
    }
    if let Some(image) = survey.needed.first() {
        return Err(Error::refused(format!(
            "{} images, the first of them {image}, are found by nothing but this recovery partition: renewing it would lose \
             what leads to them",
            survey.needed.len()
        ))
        .advise(format!("Bring the volume back first: `lifeboat restore {image}`; or `lifeboat export` the images")));
    }
    let need = 2 * survey.bytes.len() as u64;
    let have: u64 = survey.copies.iter().map(|copy| copy.len.0).sum();
    if need > have {
        return Err(Error::refused(format!(
            "{target} has room for two copies of {} bytes, and {} bytes are needed for each: {} bytes are missing",
            have / 2,
            need / 2,
            need - have
        ))
        .advise("Choose a larger partition, or name one volume as the source instead of the disk"));
    }
    Ok(())
}

//! Planning a restore.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::change::{refuse_read_only, refuse_use};
use super::names::{fact, image_words, imaged_words, place_words, state_words, step, volume_words};
use super::{Plan, Safety, StepKind, Work, quoted};
use crate::error::{Error, Result};
use crate::image::{Header, ImageStream, content_bytes};
use crate::inventory::{Address, Place};
use crate::unit::ByteLen;
use crate::words::{en, fill};

/// Where an image comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ImageSource {
    /// A file, and `.001`… beside it.
    File(PathBuf),
    /// Standard input, read once from start to end.
    Pipe,
    /// An image inside a volume: `PATH:N/NAME`.
    Inside(Address),
}

impl fmt::Display for ImageSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Pipe => f.write_str("-"),
            Self::Inside(address) => address.fmt(f),
        }
    }
}

/// What becomes of the images that the target holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ImagesInside {
    /// They stay: what collides with the restored volume is moved, and the restored volume gets them as its files.
    #[default]
    Keep,
    /// They go, once the volume is restored.
    Drop,
}

/// What the user asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct RestoreRequest {
    /// The image.
    pub image: ImageSource,
    /// Where it goes.
    pub target: Address,
    /// The target was not named: an image inside a volume goes back to where it came from, and what is there must
    /// still be its partition.
    pub home: bool,
    /// What becomes of the images that the target holds.
    pub images: ImagesInside,
    /// In place: look first which clusters differ, and write only those.
    pub compare: bool,
    /// In place: look whether the restored volume is sound.
    pub check: bool,
    /// Do not verify the image before touching the target.
    pub trust: bool,
    /// Read the target back.
    pub verify: bool,
    /// Restore what is whole of a damaged image.
    pub keep_going: bool,
    /// Zero the target's unused clusters.
    pub zero_free: bool,
    /// Discard (TRIM) the target's unused clusters.
    pub discard: bool,
    /// Decompressing threads; 0 = as many as there are processors.
    pub threads: usize,
}

impl RestoreRequest {
    /// A plain request: verify first, read back, leave unused clusters alone.
    #[must_use]
    pub fn new(image: ImageSource, target: Address) -> Self {
        Self {
            image,
            target,
            home: false,
            images: ImagesInside::Keep,
            compare: true,
            check: true,
            trust: false,
            verify: true,
            keep_going: false,
            zero_free: false,
            discard: false,
            threads: 0,
        }
    }

    /// Puts an image that lies inside a volume back to where it came from.
    #[must_use]
    pub fn home(image: Address) -> Self {
        let target = image.image().map_or_else(|| image.clone(), |(volume, _)| volume.clone());
        Self { home: true, ..Self::new(ImageSource::Inside(image), target) }
    }

    pub(super) fn command(&self) -> String {
        let mut words = vec!["lifeboat restore".into(), quoted(&self.image.to_string())];
        if !self.home {
            words.push(format!("--to {}", quoted(&self.target.to_string())));
        }
        if self.threads != 0 {
            words.push(format!("--threads {}", self.threads));
        }
        let flags = [
            (self.trust, "--trust"),
            (!self.verify, "--no-verify"),
            (self.keep_going, "--keep-going"),
            (self.zero_free, "--zero-free"),
            (self.discard, "--discard"),
            (self.images == ImagesInside::Drop, "--drop-images"),
            (!self.compare, "--no-compare"),
            (!self.check, "--no-check"),
        ];
        words.extend(flags.iter().filter(|(on, _)| *on).map(|(_, flag)| (*flag).into()));
        words.join(" ")
    }
}

/// What was found in the image and at the target, for planning.
#[derive(Clone, Debug)]
pub struct RestoreSurvey {
    /// The image's header.
    pub header: Header,
    /// The image's length in bytes; `None` for a pipe.
    pub image_bytes: Option<u64>,
    /// What damage is known already (no footer, no index), in sentences.
    pub damage: Vec<String>,
    /// Where it goes.
    pub place: Place,
    /// What is there now, in words (`ntfs "Windows", 12.0 GiB`).
    pub occupant: Option<String>,
    /// The target is the very file that holds the image.
    pub image_is_target: bool,
}

/// What the worker needs for a restore.
#[derive(Clone, Debug)]
pub struct RestoreWork {
    /// The request.
    pub request: RestoreRequest,
    /// What was found.
    pub survey: RestoreSurvey,
    /// The image, when it comes from a pipe.
    pub stream: PipedImage,
}

type Stream = ImageStream<Box<dyn Read + Send>>;

/// An image from a pipe: its header was read for the plan, the rest is left for the job, which takes it once.
#[derive(Clone, Default)]
pub struct PipedImage(Arc<Mutex<Option<Stream>>>);

impl PipedImage {
    /// For the plan to carry along.
    #[must_use]
    pub fn new(stream: Stream) -> Self {
        Self(Arc::new(Mutex::new(Some(stream))))
    }

    /// For the job; none the second time.
    #[must_use]
    pub fn take(&self) -> Option<Stream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for PipedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PipedImage")
    }
}

/// Plans a restore.
///
/// # Errors
/// A refusal, with its numbers and what to do instead.
pub fn restore(request: &RestoreRequest, survey: RestoreSurvey, stream: PipedImage) -> Result<Plan> {
    refuse_target(request, &survey)?;
    let header = &survey.header;
    let content = content_bytes(header);
    let volume = &header.volume;
    let volume = volume_words(volume.kind, volume.label.as_deref());
    let mut facts = vec![
        fact(en::FACT_IMAGE, image_words(&request.image, header)),
        fact(en::VOLUME, imaged_words(header, content)),
        fact(en::PLAN_TARGET, place_words(&request.target, &survey.place)),
        fact(en::PLAN_THERE_NOW, survey.occupant.as_deref().unwrap_or(en::NOTHING_KNOWN)),
    ];
    facts.extend(survey.image_bytes.map(|bytes| fact(en::PLAN_IMAGE_SIZE, ByteLen(bytes).to_string())));
    let said: [(&str, &dyn fmt::Display); 3] =
        [("image", &request.image), ("volume", &volume), ("target", &request.target)];
    Ok(Plan {
        headline: fill(en::PLANNED_RESTORE, &said),
        facts,
        steps: steps(request, &survey, content),
        warnings: warnings(request, &survey),
        command: request.command(),
        confirm: Some(confirm_word(&request.target)),
        work: Work::Restore(Box::new(RestoreWork { request: request.clone(), survey, stream })),
    })
}

fn steps(request: &RestoreRequest, survey: &RestoreSurvey, content: ByteLen) -> Vec<super::Step> {
    let mut steps = Vec::new();
    if !request.trust && request.image != ImageSource::Pipe {
        steps.push(step(StepKind::VerifyImage, en::STEP_VERIFY_IMAGE, content.0, Safety::Reads));
    }
    steps.push(step(StepKind::Unseal, en::STEP_UNSEAL, 0, Safety::Overwrites));
    steps.push(step(StepKind::WriteClusters, en::STEP_WRITE_CLUSTERS, content.0, Safety::Overwrites));
    if request.zero_free || request.discard {
        let title = if request.discard { en::STEP_DISCARD_FREE } else { en::STEP_ZERO_FREE };
        let free = survey.header.grid.len().0.saturating_sub(content.0);
        steps.push(step(StepKind::ClearFree, title, free, Safety::Overwrites));
    }
    steps.push(step(StepKind::SyncTarget, en::STEP_SYNC_TARGET, 0, Safety::Overwrites));
    if request.verify {
        steps.push(step(StepKind::ReadBackTarget, en::STEP_READ_BACK_TARGET, content.0, Safety::Reads));
    }
    steps.push(step(StepKind::Seal, en::STEP_SEAL, 0, Safety::Overwrites));
    steps
}

/// What the user types to confirm: the disk's or file's name with the partition, without its folder.
pub(super) fn confirm_word(target: &Address) -> String {
    let text = target.to_string();
    text.rsplit('/').next().unwrap_or(&text).to_owned()
}

/// Refuses a target that an image must not or cannot go to: in use, too small, read-only, divided.
///
/// # Errors
/// The refusal, with its numbers and what to do instead.
pub fn refuse_target(request: &RestoreRequest, survey: &RestoreSurvey) -> Result<()> {
    let (place, header, target) = (&survey.place, &survey.header, &request.target);
    if survey.image_is_target {
        return Err(
            Error::refused(fill(en::REFUSAL_HOLDS_IMAGE, &[("target", target)])).advise(en::INSTEAD_OTHER_TARGET)
        );
    }
    refuse_use(target, place, None)?;
    if place.is_divided() && !header.raw {
        let table = place.table.name();
        return Err(Error::refused(fill(en::REFUSAL_DIVIDED_TARGET, &[("place", target), ("table", &table)]))
            .advise(fill(en::INSTEAD_NAME_OR_REMOVE, &[("place", target)])));
    }
    refuse_read_only(target, place, en::INSTEAD_UNLOCK_TARGET)?;
    let (have, need) = (place.len, header.grid.len());
    if have < need {
        let missing = need.0 - have.0;
        let said: [(&str, &dyn fmt::Display); 6] = [
            ("target", target),
            ("have", &have),
            ("have_bytes", &have.0),
            ("need", &need),
            ("need_bytes", &need.0),
            ("missing", &missing),
        ];
        return Err(Error::refused(fill(en::REFUSAL_TOO_SMALL, &said)).advise(en::INSTEAD_LARGER_TARGET));
    }
    if let (Some(damage), false) = (survey.damage.first(), request.keep_going) {
        return Err(Error::refused(fill(en::REFUSAL_DAMAGED, &[("damage", damage)])).advise(en::INSTEAD_OTHER_IMAGE));
    }
    if request.keep_going && request.image == ImageSource::Pipe {
        return Err(Error::refused(en::REFUSAL_PIPE_KEEPS_GOING).advise(en::INSTEAD_TO_FILE));
    }
    if request.zero_free && request.discard {
        return Err(Error::refused(en::REFUSAL_ZERO_AND_DISCARD).advise(en::INSTEAD_ONE_OF_THEM));
    }
    Ok(())
}

pub(super) fn warnings(request: &RestoreRequest, survey: &RestoreSurvey) -> Vec<String> {
    let (place, header) = (&survey.place, &survey.header);
    let target = &request.target;
    let mut warnings = vec![match &survey.occupant {
        Some(there) => fill(en::WARN_LOST_KNOWN, &[("target", target), ("there", there)]),
        None => fill(en::WARN_LOST, &[("target", target)]),
    }];
    if place.is_divided() {
        warnings.push(fill(en::WARN_TABLE_LOST, &[("table", &place.table.name())]));
    }
    let volume = header.grid.len();
    if place.len > volume {
        let rest = ByteLen(place.len.0 - volume.0);
        warnings.push(fill(en::WARN_LARGER, &[("size", &volume), ("rest", &rest)]));
    }
    let (made, there) = (header.volume.sector_bytes, place.sector_bytes);
    if made != there && !header.raw {
        warnings.push(fill(en::WARN_SECTORS, &[("made", &made), ("there", &there)]));
    }
    if header.volume.state != crate::fs::State::Clean {
        warnings.push(fill(en::WARN_STATE_WAS, &[("state", &state_words(header.volume.state))]));
    }
    for file in &header.excluded {
        warnings.push(fill(en::WARN_ZEROS, &[("path", &file.path), ("size", &ByteLen(file.bytes))]));
    }
    warnings.extend(survey.damage.iter().cloned());
    if request.image == ImageSource::Pipe {
        warnings.push(en::WARN_PIPED.into());
    } else if request.trust {
        warnings.push(en::WARN_TRUSTED.into());
    }
    if !request.verify {
        warnings.push(en::WARN_TARGET_UNPROVEN.into());
    }
    warnings
}

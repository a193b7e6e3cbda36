//! A restore in place that was interrupted: the marker in the volume's first sector says of which image, and finishing
//! is doing it again.

use uuid::Uuid;

use super::super::seal::{Marker, Way};
use super::super::{Monitor, Resumption};
use crate::error::{Error, Result};
use crate::inventory::{self, Address, Container, LocateRequest, Source, Thoroughness};
use crate::plan::{ChangeView, Direction, Interrupted, RestoreRequest, ResumeRequest};
use crate::words::{en, fill};

/// What the marker tells, as a job that waits.
pub(in crate::job) fn interrupted(source: &Source) -> Option<Interrupted> {
    let marker = Marker::read(&*source.device)?;
    let Way::InPlace(_) = marker.way else { return None };
    Some(Interrupted {
        job: marker.image,
        name: en::WAITING_NAME.into(),
        created: None,
        volume: fill(en::WAITING_VOLUME, &[("size", &source.place.len)]),
        journal: en::WAITING_MARK.into(),
        begun: true,
        done: 0,
        partly: true,
        steps: vec![ChangeView {
            title: en::STEP_RESTORE_INSIDE.into(),
            copied_bytes: 0,
            patched_bytes: 0,
            patches: Vec::new(),
        }],
        copied_bytes: 0,
        can_roll_back: false,
    })
}

/// Plans to finish it; none when the volume has no such marker.
///
/// # Errors
/// A refusal: rolling back, or an image that is not there any more.
pub(in crate::job) fn plan(request: &ResumeRequest, source: &Source, monitor: &Monitor) -> Result<Option<Resumption>> {
    let Some(marker) = Marker::read(&*source.device) else { return Ok(None) };
    let volume = &request.volume;
    let Way::InPlace(images) = marker.way else {
        let again = fill(en::WAITING_AGAIN, &[("volume", volume), ("image", &marker.image)]);
        return Ok(Some(Resumption::Nothing(again)));
    };
    if request.direction == Direction::RollBack {
        return Err(Error::refused(format!(
            "the restore of {volume} cannot be rolled back: what it has overwritten was not kept"
        ))
        .advise(format!("`lifeboat resume {volume}` finishes it")));
    }
    let container = holding(volume, marker.image, monitor)?;
    let name = container.images.iter().find(|image| image.record.image_id == marker.image);
    let name = name.map_or_else(|| marker.image.to_string(), |image| image.record.name.clone());
    let image = Address::Inside(Box::new(container.volume.clone()), name);
    let again = RestoreRequest { images, home: false, ..RestoreRequest::home(image) };
    match super::plan(&again, monitor)? {
        super::Turn::InPlace(plan) => Ok(Some(Resumption::Job(plan))),
        super::Turn::Ordinary(_) => Err(Error::refused(format!("{volume} is not where its image says that it is"))),
    }
}

/// The container that holds the image.
fn holding(volume: &Address, image: Uuid, monitor: &Monitor) -> Result<Container> {
    let request = LocateRequest { sources: vec![volume.clone()], aids: Vec::new(), thoroughness: Thoroughness::Full };
    let found = inventory::locate(&request, monitor)?;
    let holds = |container: &Container| container.images.iter().any(|found| found.record.image_id == image);
    found.into_iter().find(holds).ok_or_else(|| {
        Error::refused(format!("a restore of {volume} was interrupted, and its image {image} is not inside it")).advise(
            "If the image is a file, run `lifeboat restore` again with it; `lifeboat images` lists what is inside",
        )
    })
}
